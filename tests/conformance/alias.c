/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two devices that send one requester id besides their own, as functions below a
 * bridge to conventional PCI do: blocked together, and lifted together or not at
 * all (H13).
 */
#include "rig.h"

#define ALIAS 0x900u

static bool first_told(struct rig *r)
{
	return rig_get(r->dev[0].told) > 0 && rig_idle(r);
}

static bool second_lifted(struct rig *r)
{
	return !rig_health(r, 1).block && rig_idle(r);
}

/* Both at work in one domain, by their own ids and by the shared one. */
static struct lz_domain *at_work(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 2);

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 4 * LZ_PAGE, LZ_WRITE), LZ_OK);
	for (unsigned i = 0; i < 2; i++)
		assert_int_not_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_true(rig_id_passes(r, ALIAS, RIG_IOVA));
	return dom;
}

static void assert_blocked(struct rig *r, uint32_t first, uint32_t second)
{
	assert_int_equal(rig_health(r, 0).block, first);
	assert_int_equal(rig_health(r, 1).block, second);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_false(rig_id_passes(r, ALIAS, RIG_IOVA));
}

static void assert_healthy(struct rig *r)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(rig_health(r, i).state, "healthy");
		assert_int_not_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_REFUSED);
	}
	assert_true(rig_id_passes(r, ALIAS, RIG_IOVA));
}

static void break_first(struct rig *r, struct lz_domain *dom)
{
	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA + 3 * LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, first_told));
	assert_blocked(r, LZ_BLOCK_BROKEN, LZ_BLOCK_SIBLING);
}

static void one_broken_body(struct rig *r)
{
	struct lz_domain *dom = at_work(r);

	break_first(r, dom);
	assert_int_equal(rig_get(r->dev[0].told), 1);
	/* A good reset of the sound one lifts nothing. */
	assert_int_equal(lz_pci_reset_flr(r->dev[1].dev), LZ_OK);
	assert_blocked(r, LZ_BLOCK_BROKEN, LZ_BLOCK_SIBLING);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	assert_true(rig_until(r, second_lifted));
	assert_healthy(r);
	rig_drop(r, dom);
}

/* Each holds the other, whichever is reset first. */
static void both_broken_body(struct rig *r)
{
	struct lz_domain *dom = at_work(r);

	break_first(r, dom);
	assert_int_equal(lz_reset_prepare(r->dev[1].dev), LZ_OK);
	assert_int_equal(lz_reset_done(r->dev[1].dev, LZ_RESET_FAILED), LZ_OK);
	assert_blocked(r, LZ_BLOCK_BROKEN | LZ_BLOCK_SIBLING,
		       LZ_BLOCK_RESET_FAILED | LZ_BLOCK_SIBLING);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	assert_blocked(r, LZ_BLOCK_SIBLING, LZ_BLOCK_RESET_FAILED);
	assert_int_equal(lz_pci_reset_flr(r->dev[1].dev), LZ_OK);
	assert_healthy(r);
	rig_drop(r, dom);
}

static void removed_body(struct rig *r)
{
	struct lz_domain *dom = at_work(r);

	break_first(r, dom);
	rig_remove(r, 0);
	assert_true(rig_until(r, second_lifted));
	assert_int_not_equal(rig_dma(r, 1, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_true(rig_id_passes(r, ALIAS, RIG_IOVA));
	rig_drop(r, dom);
}

/* A reset of a sound one is seen by the other too, for as long as it takes. */
static void reset_body(struct rig *r)
{
	struct lz_domain *dom = at_work(r);

	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	assert_blocked(r, LZ_BLOCK_RESET, LZ_BLOCK_SIBLING);
	assert_int_equal(lz_reset_done(r->dev[0].dev, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_true(rig_until(r, second_lifted));
	assert_healthy(r);
	rig_drop(r, dom);
}

static const struct rig_opts two = {.devs = 2, .alias = ALIAS, .hurry = 20};

static void h13_the_sound_one_waits_for_the_broken_one(void **state)
{
	(void)state;
	rig_run(&two, one_broken_body);
}

static void h13_both_broken_are_lifted_together(void **state)
{
	(void)state;
	rig_run(&two, both_broken_body);
}

static void h13_a_removed_one_holds_nobody(void **state)
{
	(void)state;
	rig_run(&two, removed_body);
}

static void h13_a_reset_blocks_the_shared_id(void **state)
{
	(void)state;
	rig_run(&two, reset_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h13_the_sound_one_waits_for_the_broken_one),
		cmocka_unit_test(h13_both_broken_are_lifted_together),
		cmocka_unit_test(h13_a_removed_one_holds_nobody),
		cmocka_unit_test(h13_a_reset_blocks_the_shared_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
