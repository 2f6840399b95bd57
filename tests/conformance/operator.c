/* SPDX-License-Identifier: BSD-2-Clause */
/* Operators, limits, and whose a group is. */
#include "rig.h"

static bool broken(struct rig *r)
{
	return rig_get(r->dev[0].told) > 0 && rig_idle(r);
}

static void use(struct rig *r, struct lz_domain *dom)
{
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 4 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_TRANSLATED);
}

static void quarantine(struct rig *r, struct lz_domain *dom)
{
	__atomic_store_n(&r->dev[0].told, 0, __ATOMIC_RELEASE);
	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA + 3 * LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, broken));
	assert_int_equal(lz_map(dom, RIG_IOVA + 3 * LZ_PAGE, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
}

static void expect_healthy(struct rig *r)
{
	assert_string_equal(rig_health(r, 0).state, "healthy");
	assert_int_equal(rig_health(r, 0).block, 0);
	assert_int_equal(lz_group_recovery_count(r->dev[0].group), 0);
	assert_true(lz_device_ats_active(r->dev[0].dev));
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_TRANSLATED);
}

static void expect_blocked(struct rig *r, const char *state)
{
	assert_string_equal(rig_health(r, 0).state, state);
	assert_int_equal(lz_group_recovery_count(r->dev[0].group), 1);
	assert_false(lz_device_ats_active(r->dev[0].dev));
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
}

static void block_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);
	struct lz_device *dev = r->dev[0].dev;

	use(r, dom);
	assert_int_equal(lz_device_block(dev), LZ_OK);
	expect_blocked(r, "blocked");
	assert_int_equal(lz_unmap(dom, RIG_IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	assert_int_equal(lz_attach(dev, dom), LZ_EBUSY);
	assert_int_equal(lz_pci_reset_flr(dev), LZ_OK);
	expect_blocked(r, "blocked");
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	expect_healthy(r);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 0);
	rig_drop(r, dom);
}

static void clear_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);
	struct lz_device *dev = r->dev[0].dev;
	enum lz_status st;

	use(r, dom);
	quarantine(r, dom);
	expect_blocked(r, "broken");
	/* Still silent. */
	st = lz_device_clear(dev);
	assert_true(st == LZ_EIO || st == LZ_ETIMEDOUT);
	assert_true(rig_until(r, rig_idle));
	expect_blocked(r, "broken");
	assert_int_equal(rig_get(r->dev[0].resumed), 0);
	rig_fault(r, 0, LZM_EP_SOUND);
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	expect_healthy(r);
	assert_int_equal(rig_get(r->dev[0].resumed), 1);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void permanent_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);
	struct lz_device *dev = r->dev[0].dev;

	use(r, dom);
	for (int i = 0; i < 5; i++) {
		quarantine(r, dom);
		expect_blocked(r, "broken");
		assert_int_equal(lz_pci_reset_flr(dev), LZ_OK);
		expect_healthy(r);
	}
	quarantine(r, dom);
	expect_blocked(r, "failed permanently");
	assert_int_equal(rig_count(r, LZ_EV_PERMANENT, 0), 1);
	assert_int_equal(lz_pci_reset_flr(dev), LZ_OK);
	expect_blocked(r, "failed permanently");
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	expect_healthy(r);
	rig_drop(r, dom);
}

static void group_body(struct rig *r)
{
	struct lz_domain *home = rig_domain(r), *away = rig_domain(r);
	struct lz_group *g = r->dev[0].group;
	struct lz_device *dev = r->dev[0].dev;

	assert_int_equal(lz_group_set_default_domain(g, home), LZ_OK);
	use(r, home);
	assert_int_equal(lz_group_claim(g, r), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_attach(dev, away), LZ_OK);
	use(r, away);
	/* It dies in its owner's hands, and recovers in nobody's. */
	quarantine(r, away);
	assert_int_equal(lz_group_release(g, r), LZ_OK);
	expect_blocked(r, "broken");
	assert_ptr_equal(lz_attached(dev, LZ_NO_PASID), home);
	rig_drop(r, away);
	assert_int_equal(lz_pci_reset_flr(dev), LZ_OK);
	expect_healthy(r);
	assert_int_equal(lz_group_set_default_domain(g, NULL), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	rig_drop(r, home);
}

#define OPERATOR_TEST(name)                                                       \
	static void name(void **state)                                            \
	{                                                                         \
		(void)state;                                                      \
		rig_run(&(struct rig_opts){.devs = 1, .hurry = 20}, name##_body); \
	}
OPERATOR_TEST(block)
OPERATOR_TEST(clear)
OPERATOR_TEST(permanent)
OPERATOR_TEST(group)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block),
		cmocka_unit_test(clear),
		cmocka_unit_test(permanent),
		cmocka_unit_test(group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
