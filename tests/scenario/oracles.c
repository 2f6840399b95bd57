/* SPDX-License-Identifier: BSD-2-Clause */
/* The oracles themselves: each sees what it is there for, and nothing else. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

#include "bench/oracle.h"

#define IOVA 0x10000u
#define PA   0x40000000u

struct fixture {
	struct rig rig;
	struct result res;
	struct rig_fn fn;
	struct rig_domain dom;
	struct lzm_ep *ep;
	uint8_t config[64];
};

static uint64_t no_time(void *ctx)
{
	(void)ctx;
	return 0;
}

static int setup(void **state)
{
	struct sim_config sim = {.cpus = 1, .seed = 1, .dma_bytes = 1 << 20, .dma_base = 1 << 30};
	struct fixture *f = calloc(1, sizeof(*f));
	struct lzm_ep_link link = {.ctx = f, .now = no_time};
	struct lzm_ep_config cfg = {.name = "fn", .config = f->config, .config_len = 64};

	sim_start(&sim);
	f->rig.hw = &hardware_smmuv3;
	f->rig.res = &f->res;
	f->rig.unit[0].rig = &f->rig;
	f->rig.n_units = 1;
	f->rig.fns = &f->fn;
	f->rig.n_fns = 1;
	f->rig.armed = true;
	f->res.events = calloc(RESULT_EVENTS, sizeof(*f->res.events));
	f->dom.rig = &f->rig;
	f->dom.id = 1;
	f->fn.rig = &f->rig;
	f->fn.unit = &f->rig.unit[0];
	f->fn.dom = &f->dom;
	f->fn.dev = (struct lz_device *)f; /* compared, never followed */
	f->ep = lzm_ep_create(&cfg, &link);
	f->fn.ep = f->ep;
	strcpy(f->fn.name, "fn");
	assert_true(shadow_init(&f->rig.shadow));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	shadow_fini(&f->rig.shadow);
	lzm_ep_destroy(f->ep);
	free(f->res.events);
	sim_stop();
	free(f);
	return 0;
}

static uint64_t violations(const struct fixture *f, enum inv i)
{
	return f->res.inv[i].violations;
}

static void a_sees_access_to_what_was_given_back(void **state)
{
	struct fixture *f = *state;
	struct shadow *s = &f->rig.shadow;

	oracle_dma(&f->fn, 0, IOVA, PA, true, true); /* never mapped */
	assert_int_equal(f->res.stale_writes, 1);
	shadow_map(s, 1, IOVA, PA, 4096, 0);
	oracle_dma(&f->fn, 0, IOVA + 8, PA + 8, true, true);
	shadow_unmap_begin(s, 1, IOVA, 4096, 0);
	oracle_dma(&f->fn, 0, IOVA, PA, false, true);
	assert_int_equal(violations(f, INV_A), 1);
	shadow_unmap_end(s, 1, IOVA, 4096, false, 0);
	oracle_dma(&f->fn, 0, IOVA, PA, false, true);
	assert_int_equal(f->res.stale_reads, 1);
	assert_int_equal(violations(f, INV_A), 2);
}

static void a_allows_custody_until_release(void **state)
{
	struct fixture *f = *state;
	struct shadow *s = &f->rig.shadow;

	shadow_map(s, 1, IOVA, PA, 8192, 0);
	shadow_unmap_begin(s, 1, IOVA, 8192, 0);
	shadow_unmap_end(s, 1, IOVA, 8192, true, 0);
	assert_int_equal(s->custody_pages, 2);
	assert_true(shadow_pa_held(s, PA));
	oracle_dma(&f->fn, 0, IOVA, PA, true, true);
	assert_int_equal(violations(f, INV_A), 0);
	assert_int_equal(f->res.custody_accesses, 1);
	assert_int_equal(shadow_release(s, 1, IOVA, 4096, 0), 0);
	assert_false(shadow_pa_held(s, PA));
	oracle_dma(&f->fn, 0, IOVA, PA, true, true);
	assert_int_equal(violations(f, INV_A), 1);
	assert_int_equal(shadow_release(s, 1, IOVA, 4096, 0), 1); /* twice is odd */
}

static void a_sees_the_old_page_behind_a_new_mapping(void **state)
{
	struct fixture *f = *state;
	struct shadow *s = &f->rig.shadow;

	shadow_map(s, 1, IOVA, PA, 4096, 0);
	shadow_unmap_begin(s, 1, IOVA, 4096, 0);
	shadow_unmap_end(s, 1, IOVA, 4096, false, 0);
	shadow_map(s, 1, IOVA, PA + 0x5000, 4096, 0);
	oracle_dma(&f->fn, 0, IOVA, PA, false, true);
	assert_int_equal(violations(f, INV_A), 1);
}

static void release_while_the_unmap_returns(void **state)
{
	struct fixture *f = *state;
	struct shadow *s = &f->rig.shadow;

	shadow_map(s, 1, IOVA, PA, 4096, 0);
	shadow_unmap_begin(s, 1, IOVA, 4096, 0);
	assert_int_equal(shadow_release(s, 1, IOVA, 4096, 0), 0);
	shadow_unmap_end(s, 1, IOVA, 4096, true, 0);
	assert_int_equal(s->custody_pages, 0);
	assert_int_equal(shadow_find(s, 1, IOVA / 4096)->state, SHADOW_FREE);
}

static void b_sees_translated_access_of_a_fenced_device(void **state)
{
	struct fixture *f = *state;

	shadow_map(&f->rig.shadow, 1, IOVA, PA, 4096, 0);
	f->fn.fenced = true;
	oracle_dma(&f->fn, 0, IOVA, PA, true, false); /* untranslated: not the fence's business */
	assert_int_equal(violations(f, INV_B), 0);
	oracle_dma(&f->fn, 0, IOVA, PA, true, true);
	assert_int_equal(violations(f, INV_B), 1);
}

static struct lz_event quarantine(struct fixture *f, enum lz_evidence e, uint32_t generation)
{
	return (struct lz_event){.kind = LZ_EV_QUARANTINED,
				 .evidence = e,
				 .generation = generation,
				 .device = f->fn.dev};
}

static void c_sees_a_quarantine_of_one_that_answers(void **state)
{
	struct fixture *f = *state;
	struct lz_event ev = quarantine(f, LZ_EVIDENCE_PROBED, 0);

	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 1);
	assert_int_equal(f->res.false_quarantines, 1);
}

static void c_allows_assumed_and_the_guilty(void **state)
{
	struct fixture *f = *state;
	struct lz_event ev = quarantine(f, LZ_EVIDENCE_ASSUMED, 0);

	oracle_event(&f->rig, &ev);
	lzm_ep_fault(f->ep, LZM_EP_ATC_SILENT, 0, 0);
	ev = quarantine(f, LZ_EVIDENCE_PROBED, 2);
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_C), 0);
	assert_int_equal(f->fn.n_quarantined, 2);
}

static void g_sees_a_second_event_of_one_generation(void **state)
{
	struct fixture *f = *state;
	struct lz_event ev = quarantine(f, LZ_EVIDENCE_NAMED, 4);

	f->fn.guilty = true;
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_G), 0);
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_G), 1);
	ev = quarantine(f, LZ_EVIDENCE_NONE, 6);
	oracle_event(&f->rig, &ev);
	assert_int_equal(violations(f, INV_G), 2);
}

static void f_sees_a_long_unmap(void **state)
{
	struct fixture *f = *state;

	f->rig.cfg.atomic_wait = LZ_US(100);
	f->rig.cfg.sync_bound = LZ_SEC(1);
	oracle_unmap(&f->dom, IOVA, 4096, LZ_OK, LZ_US(150), true);
	oracle_unmap(&f->dom, IOVA, 4096, LZ_IN_CUSTODY, LZ_MS(900), false);
	assert_int_equal(violations(f, INV_F), 0);
	oracle_unmap(&f->dom, IOVA, 4096, LZ_OK, LZ_MS(1), true);
	assert_int_equal(violations(f, INV_F), 1);
	oracle_unmap(&f->dom, IOVA, 4096, LZ_ENOENT, 0, false);
	assert_int_equal(violations(f, INV_E), 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sees_access_to_what_was_given_back),
		TEST(a_allows_custody_until_release),
		TEST(a_sees_the_old_page_behind_a_new_mapping),
		TEST(release_while_the_unmap_returns),
		TEST(b_sees_translated_access_of_a_fenced_device),
		TEST(c_sees_a_quarantine_of_one_that_answers),
		TEST(c_allows_assumed_and_the_guilty),
		TEST(g_sees_a_second_event_of_one_generation),
		TEST(f_sees_a_long_unmap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
