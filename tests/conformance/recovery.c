/* SPDX-License-Identifier: BSD-2-Clause */
/* Recovery of a link with two devices below it, one of them dead. */
#include "rig.h"

static struct rig *the_rig;
static enum lz_vote vote[RIG_DEVS];
static uint32_t lost; /* atomic */

static enum lz_vote channel_error(void *ctx, struct lz_device *dev, enum lz_channel state)
{
	struct rig_dev *d = ctx;

	(void)dev;
	if (state == LZ_CHANNEL_LOST)
		__atomic_fetch_add(&lost, 1, __ATOMIC_ACQ_REL);
	return vote[d - the_rig->dev];
}

/* Nothing gets out of the device before resume. */
static enum lz_vote slot_reset(void *ctx, struct lz_device *dev)
{
	struct rig_dev *d = ctx;

	(void)dev;
	assert_int_equal(rig_dma(the_rig, (unsigned)(d - the_rig->dev), RIG_IOVA, true, NULL),
			 RIG_REFUSED);
	return LZ_VOTE_RECOVERED;
}

static enum lz_status reset_link(void *ctx)
{
	struct rig *r = ctx;

	host_hw_lock();
	for (unsigned i = 0; i < r->opt.devs; i++)
		lzm_ep_bus_reset(r->dev[i].ep);
	host_hw_unlock();
	return LZ_OK;
}

static void setup(struct rig *r)
{
	the_rig = r;
	lost = 0;
	for (unsigned i = 0; i < r->opt.devs; i++) {
		r->dev[i].owner.channel_error = channel_error;
		r->dev[i].owner.slot_reset = slot_reset;
		vote[i] = LZ_VOTE_NEED_RESET;
	}
}

static bool broken(struct rig *r)
{
	return rig_get(r->dev[0].told) > 0 && rig_idle(r);
}

/* Both in one domain, the first quarantined. */
static struct lz_domain *quarantined(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 2);

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 4 * LZ_PAGE, LZ_WRITE), LZ_OK);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA + 3 * LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, broken));
	return dom;
}

static enum lz_status recover(struct rig *r)
{
	struct lz_device *devs[] = {r->dev[0].dev, r->dev[1].dev};
	const struct lz_pci_link link = {.reset = reset_link, .ctx = r};

	return lz_pci_recover(devs, 2, LZ_CHANNEL_FROZEN, &link);
}

static void all_recover_body(struct rig *r)
{
	struct lz_domain *dom = quarantined(r);

	assert_int_equal(recover(r), LZ_OK);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(rig_health(r, i).state, "healthy");
		assert_int_equal(rig_health(r, i).generation, 2);
		assert_int_equal(rig_get(r->dev[i].resumed), 1);
		assert_true(lz_device_ats_active(r->dev[i].dev));
		assert_int_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_TRANSLATED);
		assert_int_equal(lz_group_recovery_count(r->dev[i].group), 0);
	}
	assert_int_equal(rig_get(lost), 0);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 1), 0);
	rig_drop(r, dom);
}

/* One owner without handlers: the quarantine stays, also the other's. */
static void no_handlers_body(struct rig *r)
{
	struct lz_domain *dom;

	r->dev[0].owner.channel_error = NULL;
	dom = quarantined(r);
	assert_int_equal(recover(r), LZ_EIO);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(rig_health(r, i).state, "reset failed");
		assert_int_equal(rig_get(r->dev[i].resumed), 0);
		assert_int_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_REFUSED);
		assert_int_equal(lz_group_recovery_count(r->dev[i].group), 1);
	}
	assert_int_equal(rig_get(lost), 1);
	/* A reset of its own brings the sound one back. */
	assert_int_equal(lz_pci_reset(r->dev[1].dev), LZ_OK);
	assert_string_equal(rig_health(r, 1).state, "healthy");
	assert_int_equal(rig_dma(r, 1, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	rig_drop(r, dom);
}

#define RECOVERY_TEST(name)                                                                       \
	static void name(void **state)                                                            \
	{                                                                                         \
		(void)state;                                                                      \
		rig_run(&(struct rig_opts){.devs = 2, .hurry = 20, .setup = setup}, name##_body); \
	}
RECOVERY_TEST(all_recover)
RECOVERY_TEST(no_handlers)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_recover),
		cmocka_unit_test(no_handlers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
