/* SPDX-License-Identifier: BSD-2-Clause */
/* Resets and recovery. */
#include "rig.h"

static bool broken(struct rig *r)
{
	return rig_get(r->dev[0].told) > 0 && rig_idle(r);
}

static struct lz_domain *attached(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 4 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	return dom;
}

static struct lz_domain *quarantined(struct rig *r)
{
	struct lz_domain *dom = attached(r);

	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA + 3 * LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, broken));
	return dom;
}

static void expect_healthy(struct rig *r)
{
	struct lz_health h = rig_health(r, 0);

	assert_string_equal(h.state, "healthy");
	assert_int_equal(h.block, 0);
	assert_int_equal(h.fence, LZ_FENCE_OPEN);
	assert_int_equal(h.reset_depth, 0);
	assert_int_equal(h.generation & 1, 0);
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

static void recovery_body(struct rig *r)
{
	struct lz_domain *dom = quarantined(r);

	expect_blocked(r, "broken");
	assert_int_equal(lz_pci_can_flr(r->dev[0].dev), LZ_OK);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	expect_healthy(r);
	assert_int_equal(rig_get(r->dev[0].resumed), 1);
	assert_int_equal(rig_count(r, LZ_EV_RECOVERED, 0), 1);
	assert_ptr_equal(lz_attached(r->dev[0].dev, LZ_NO_PASID), dom);
	/* It breaks again: a new story. */
	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	__atomic_store_n(&r->dev[0].told, 0, __ATOMIC_RELEASE);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, broken));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 2);
	rig_drop(r, dom);
}

static void sound_body(struct rig *r)
{
	struct lz_domain *dom = attached(r);

	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	expect_healthy(r);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 0);
	assert_int_equal(rig_health(r, 0).generation, 2);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void not_attempted_body(struct rig *r)
{
	struct lz_domain *dom = attached(r);
	struct lz_device *dev = r->dev[0].dev;

	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_EINVAL);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	expect_healthy(r);
	rig_drop(r, dom);
}

static void still_broken_body(struct rig *r)
{
	struct lz_domain *dom = quarantined(r);
	struct lz_device *dev = r->dev[0].dev;

	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	expect_blocked(r, "broken");
	assert_int_equal(rig_get(r->dev[0].resumed), 0);
	rig_drop(r, dom);
}

static void failed_body(struct rig *r)
{
	struct lz_domain *dom = attached(r);
	struct lz_device *dev = r->dev[0].dev;

	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_FAILED), LZ_OK);
	expect_blocked(r, "reset failed");
	assert_int_equal(lz_attach(dev, dom), LZ_EBUSY);
	assert_int_equal(lz_pci_reset_flr(dev), LZ_OK);
	expect_healthy(r);
	rig_drop(r, dom);
}

/* The worst result of a nest counts, whoever ends it. */
static void nest_body(struct rig *r)
{
	struct lz_domain *dom = attached(r);
	struct lz_device *dev = r->dev[0].dev;

	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_int_equal(rig_health(r, 0).reset_depth, 2);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_FAILED), LZ_OK);
	assert_string_equal(rig_health(r, 0).state, "resetting");
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	expect_blocked(r, "reset failed");
	rig_drop(r, dom);
}

static void flr_fails_body(struct rig *r)
{
	struct lz_domain *dom = quarantined(r);

	rig_fault(r, 0, LZM_EP_FLR_FAILS);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_EIO);
	assert_int_not_equal(rig_health(r, 0).block, 0);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(rig_get(r->dev[0].resumed), 0);
	rig_drop(r, dom);
}

/* The reset seemed fine, but the device does not answer the probe after it. */
static void silent_after_body(struct rig *r)
{
	struct lz_domain *dom = attached(r);
	enum lz_status st;

	rig_fault(r, 0, LZM_EP_SILENT_AFTER_RESET);
	st = lz_pci_reset_flr(r->dev[0].dev);
	assert_true(st == LZ_EIO || st == LZ_ETIMEDOUT);
	assert_true(rig_until(r, rig_idle));
	assert_int_not_equal(rig_health(r, 0).block, 0);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(rig_count(r, LZ_EV_STILL_BROKEN, 0), 1);
	rig_drop(r, dom);
}

static uint32_t (*deaf_read)(void *ctx, unsigned off, unsigned width);
static uint32_t leaks; /* atomic */

/* Whatever its ATC holds is tried whenever the library looks at config space. */
static uint32_t read_and_try(void *ctx, unsigned off, unsigned width)
{
	struct rig_dev *d = ctx;
	uint32_t v = deaf_read(ctx, off, width);

	if (rig_dma_cached(d->rig, 0))
		__atomic_fetch_add(&leaks, 1, __ATOMIC_ACQ_REL);
	return v;
}

/* One that does not obey keeps ATS on and its ATC full; what was unmapped while it was
 * blocked has been given back (A). */
static void deaf_body(struct rig *r)
{
	struct lz_domain *dom = attached(r);
	struct rig_dev *d = &r->dev[0];

	rig_fault(r, 0, LZM_EP_CONFIG_ONES);
	assert_int_equal(lz_reset_prepare(d->dev), LZ_OK);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, 4 * LZ_PAGE), LZ_OK);
	leaks = 0;
	deaf_read = d->pci.read;
	d->pci.read = read_and_try;
	assert_int_equal(lz_reset_done(d->dev, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	d->pci.read = deaf_read;
	assert_int_equal(rig_get(leaks), 0);
	assert_false(rig_dma_cached(r, 0));
	assert_false(lz_device_ats_active(d->dev));
	/* It obeys again, and a reset brings everything back. */
	rig_fault(r, 0, LZM_EP_SOUND);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(lz_pci_reset_flr(d->dev), LZ_OK);
	expect_healthy(r);
	rig_drop(r, dom);
}

static void removed_in_reset_body(struct rig *r)
{
	struct lz_domain *dom = quarantined(r);

	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	rig_remove(r, 0);
	assert_true(rig_until(r, rig_idle));
	assert_int_equal(lz_group_recovery_count(r->dev[0].group), 0);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	rig_drop(r, dom);
}

#define RESET_TEST(name)                                                          \
	static void name(void **state)                                            \
	{                                                                         \
		(void)state;                                                      \
		rig_run(&(struct rig_opts){.devs = 1, .hurry = 20}, name##_body); \
	}
RESET_TEST(recovery)
RESET_TEST(sound)
RESET_TEST(not_attempted)
RESET_TEST(still_broken)
RESET_TEST(failed)
RESET_TEST(nest)
RESET_TEST(flr_fails)
RESET_TEST(silent_after)
RESET_TEST(deaf)
RESET_TEST(removed_in_reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recovery),	    cmocka_unit_test(sound),
		cmocka_unit_test(not_attempted),    cmocka_unit_test(still_broken),
		cmocka_unit_test(failed),	    cmocka_unit_test(nest),
		cmocka_unit_test(flr_fails),	    cmocka_unit_test(silent_after),
		cmocka_unit_test(removed_in_reset), cmocka_unit_test(deaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
