/* SPDX-License-Identifier: BSD-2-Clause */
/* The main job on the small machine, in all its variants. */
#include "tests/hazards/rig.h"

#include <stdio.h>

#define IOVA 0x10000000ull

static void maps_and_translates(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_true(r->dma_translated);
	assert_int_equal(r->dma_pa, RIG_MEM);
	assert_true(rig_dma_cached(r, 0));
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	assert_false(rig_dma_cached(r, 0));
	assert_false(rig_dma(r, 0, IOVA, true));
	rig_drop(r, dom);
}

static void unmap_then_untranslated_faults(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE * 40, LZ_READ), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA + 39 * LZ_PAGE, false));
	assert_false(rig_dma(r, 0, IOVA, true)); /* read only */
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE * 40), LZ_OK);
	assert_false(rig_dma_cached(r, 0));
	rig_drop(r, dom);
}

static void note_atc(struct rig *r, int device, const struct lzm_atc_inv *inv)
{
	(void)device;
	*(struct lzm_atc_inv *)r->test = *inv;
}

/* What devices are told covers what was unmapped: one page, one block, a few pages,
 * and a run of pages that is not aligned to its size. */
static void devices_hear_of_all_of_it(struct rig *r)
{
	static const struct {
		uint64_t at, size;
	} range[] = {{3 * LZ_PAGE, LZ_PAGE},
		     {2 << 20, 2 << 20},
		     {1u << 30, 1u << 30},
		     {LZ_PAGE, 3 * LZ_PAGE},
		     {0x3f000, 40 * LZ_PAGE}};
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct lzm_atc_inv said;

	r->test = &said;
	r->on_atc = note_atc;
	for (unsigned i = 0; i < sizeof(range) / sizeof(range[0]); i++) {
		uint64_t iova = 4 * IOVA + range[i].at;

		assert_int_equal(lz_map(dom, iova, iova, range[i].size, LZ_READ), LZ_OK);
		assert_true(rig_dma(r, 0, iova + range[i].size - LZ_PAGE, false));
		said.size = 1;
		assert_int_equal(lz_unmap(dom, iova, range[i].size), LZ_OK);
		assert_false(rig_dma_cached(r, 0));
		assert_true(said.addr <= iova);
		assert_true(said.addr + said.size >= iova + range[i].size);
		assert_true(said.size <= 4 * range[i].size);
	}
	r->on_atc = NULL;
	rig_drop(r, dom);
}

/* One device: it is the one, no probe. */
static void sole_suspect_is_named(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA, true));
	rig_silence(r, 0);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_EBUSY);
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	assert_int_equal(r->released, LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	assert_int_equal(rig_health(r, 0).evidence, LZ_EVIDENCE_NAMED);
	assert_int_equal(rig_health(r, 0).probes, 0);
	assert_string_equal(rig_health(r, 0).state, "broken");
	assert_int_equal(r->dev[0].told, 1);
	rig_drop(r, dom);
}

/* Two devices: the dead one is told from the innocent one, then recovers. */
static void dead_one_is_found_and_recovers(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, 2 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_true(rig_dma(r, 1, IOVA, true));
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, rig_idle, LZ_SEC(500)));
	assert_int_equal(r->released, LZ_PAGE);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 0);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 1), 1);
	assert_string_equal(rig_health(r, 0).state, "healthy");
	assert_int_equal(rig_health(r, 1).evidence, LZ_EVIDENCE_PROBED);
	assert_false(rig_dma_cached(r, 1));
	assert_true(rig_dma(r, 0, IOVA + LZ_PAGE, true));
	assert_false(rig_dma(r, 1, IOVA + LZ_PAGE, true));

	assert_int_equal(lz_pci_reset_flr(r->dev[1].dev), LZ_OK);
	assert_string_equal(rig_health(r, 1).state, "healthy");
	assert_true(rig_dma(r, 1, IOVA + LZ_PAGE, true));
	assert_true(r->dma_translated);
	assert_int_equal(r->dev[1].resumed, 1);
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void every_regime(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	lz_ns end;

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, 8 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_true(rig_dma(r, 1, IOVA, true));
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	end = sim_now() + LZ_SEC(500);
	while (!r->dev[1].told && sim_now() < end)
		rig_sleep(LZ_MS(10));
	assert_int_equal(r->dev[1].told, 1);
	rig_sleep(LZ_SEC(5)); /* the other one may have been assumed broken too */
	for (unsigned i = 0; i < 2; i++)
		if (r->dev[i].told) {
			enum lz_status st = lz_pci_reset_flr(r->dev[i].dev);

			/* The other one may still hold up the queue. */
			assert_true(st == LZ_OK || st == LZ_ETIMEDOUT);
		}
	assert_true(rig_until(r, rig_idle, LZ_SEC(500)));
	assert_int_equal(r->released, LZ_PAGE);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(rig_health(r, i).state, "healthy");
		assert_true(rig_dma(r, i, IOVA + LZ_PAGE, true));
	}
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, 7 * LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void basics(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 1}, 8, maps_and_translates);
	rig_run_seeds(&(struct rig_opts){.devs = 1}, 8, unmap_then_untranslated_faults);
	rig_run_seeds(&(struct rig_opts){.devs = 1}, 2, devices_hear_of_all_of_it);
}

static void sole(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 1}, 20, sole_suspect_is_named);
}

static void probed(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2}, 20, dead_one_is_found_and_recovers);
}

static void regimes(void **state)
{
	const char *name;

	(void)state;
	for (unsigned i = 0; (name = lzm_smmu_regime_name(i)) != NULL; i++) {
		print_message("regime %s\n", name);
		rig_run_seeds(&(struct rig_opts){.devs = 2, .regime = name}, 4, every_regime);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basics),
		cmocka_unit_test(sole),
		cmocka_unit_test(probed),
		cmocka_unit_test(regimes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
