/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every configuration of the library has to do, and what the calls of a
 * feature that was left out say. tools/check-config builds it once per
 * configuration.
 */
#include <string.h>

#include "core/config.h"
#include "lazaret/operator.h"
#include "tests/hazards/rig.h"

#define IOVA 0x10000000ull

static bool is_blocked(struct rig *r)
{
	return rig_health(r, 0).block & LZ_BLOCK_BROKEN;
}

static bool is_told(struct rig *r)
{
	return r->dev[0].told > 0;
}

/* By means of the owner's. */
static void reset(struct rig *r)
{
	lzm_ep_bus_reset(r->dev[0].ep);
	rig_sleep(LZ_MS(100));
	lzm_ep_cfg_write(r->dev[0].ep, 4, 2, 6); /* memory, bus master */
}

static void maps_and_unmaps(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint64_t pa;

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, 40 * LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_true(r->dma_translated);
	assert_int_equal(lz_unmap(dom, IOVA, 40 * LZ_PAGE), LZ_OK);
	assert_false(rig_dma_cached(r, 0));
	assert_false(rig_dma(r, 0, IOVA, true));
	assert_int_equal(
		lzm_smmu_untranslated(r->smmu, r->dev[0].sid, false, 0, IOVA, LZM_READ, &pa),
		LZM_ABORT);
	rig_sleep(LZ_MS(1));
	assert_int_equal(r->faults > 0, LZ_CONFIG_RECORDS);
	rig_drop(r, dom);
}

/* A device dies, is quarantined, reset by its owner's means, and used again. */
static void quarantines_and_recovers(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct lz_iommu_stats counts;
	struct lz_snapshot snapshot;
	struct lz_stats st;

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, 2 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_true(rig_dma(r, 1, IOVA, true));
	rig_silence(r, 0);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_EBUSY);
	assert_true(rig_until(r, is_told, LZ_SEC(10)));
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	assert_true(is_blocked(r));
	assert_int_equal(rig_health(r, 1).block, 0);
	assert_int_equal(r->released, LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	assert_true(rig_dma(r, 1, IOVA + LZ_PAGE, true));

	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	reset(r);
	assert_int_equal(lz_reset_done(r->dev[0].dev, LZ_RESET_OK), LZ_OK);
	assert_int_equal(rig_health(r, 0).block, 0);
	assert_int_equal(r->dev[0].resumed, 1);
	assert_true(rig_dma(r, 0, IOVA + LZ_PAGE, true));
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	lz_stats_get(r->lz, &st);
	assert_int_equal(st.recoveries, LZ_CONFIG_STATS);
	assert_int_equal(rig_health(r, 0).quarantines, LZ_CONFIG_STATS);
	assert_int_equal(lz_device_snapshot(r->dev[0].dev, &snapshot),
			 LZ_CONFIG_SNAPSHOT ? LZ_OK : LZ_ENOTSUP);
	lz_iommu_stats_get(r->iommu, &counts);
	assert_int_equal(counts.custody_page_us > 0, LZ_CONFIG_STATS);
	assert_int_equal(counts.fence_max > 0, LZ_CONFIG_STATS);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), LZ_CONFIG_EVENTS);
	rig_drop(r, dom);
}

/* A queue on which no sync succeeds until the device is reset. */
static void survives_a_dead_queue(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	enum lz_status st;

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA, true));
	rig_silence(r, 0);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	rig_sleep(LZ_SEC(5));
	assert_int_equal(rig_count(r, LZ_EV_ESCALATED, -1) > 0,
			 LZ_CONFIG_LADDER && LZ_CONFIG_EVENTS);
	if (!LZ_CONFIG_LADDER) { /* nothing proves anything yet */
		assert_int_equal(r->released, 0);
		assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_EBUSY);
	}
	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	reset(r);
	/* A queue that does not answer yet is asked again. */
	st = lz_reset_done(r->dev[0].dev, LZ_RESET_OK);
	assert_true(st == LZ_OK || st == LZ_ETIMEDOUT);
	assert_true(rig_until(r, rig_idle, LZ_SEC(500)));
	assert_int_equal(r->released, LZ_PAGE);
	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	rig_drop(r, dom);
}

static void orders(struct rig *r)
{
	const enum lz_status ok = LZ_CONFIG_OPERATOR ? LZ_OK : LZ_ENOTSUP;
	struct lz_device *dev = r->dev[0].dev;
	struct lz_policy policy;

	assert_int_equal(lz_device_block(dev), ok);
	assert_int_equal(rig_health(r, 0).block, LZ_CONFIG_OPERATOR ? LZ_BLOCK_OPERATOR : 0);
	assert_int_equal(lz_device_clear(dev), ok);
	assert_int_equal(rig_health(r, 0).block, 0);
	assert_int_equal(lz_device_recover(dev), ok);
	lz_policy_get(r->lz, &policy);
	policy.recovery_max++;
	assert_int_equal(lz_policy_set(r->lz, &policy), ok);
	if (!LZ_CONFIG_OPERATOR) /* it works on, and is not aborted */
		assert_int_equal(lz_iommu_abort(r->iommu), LZ_ENOTSUP);
}

static void claims(struct rig *r)
{
	struct lz_group *group = r->dev[0].group;
	/* In a domain without a claim: it cannot be had by somebody else. */
	const enum lz_status busy = LZ_CONFIG_OWNERS ? LZ_EBUSY : LZ_ENOTSUP;

	assert_int_equal(lz_group_claim(group, r), busy);
	assert_int_equal(lz_group_release(group, r), LZ_CONFIG_OWNERS ? LZ_EINVAL : LZ_ENOTSUP);
	assert_int_equal(lz_group_set_default_domain(group, NULL), busy);
}

static void format_of_events(struct rig *r)
{
	struct lz_event ev = {.kind = LZ_EV_FENCED, .device = r->dev[0].dev};
	char text[8] = "before";

	assert_int_equal(lz_event_format(&ev, text, sizeof(text)) > 0, LZ_CONFIG_EVENTS);
	assert_int_equal(text[0], LZ_CONFIG_EVENTS ? '{' : '\0');
}

static void says_what_is_left_out(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1), *identity = NULL;
	struct lz_config cfg = r->opt.cfg;
	struct lz_gather gather = {0};
	struct lz *lz = NULL;
	enum lz_status st;

	st = lz_domain_create(r->iommu, LZ_DOMAIN_IDENTITY, NULL, NULL, &identity);
	assert_int_equal(st, LZ_CONFIG_IDENTITY ? LZ_OK : LZ_ENOTSUP);
	if (identity)
		assert_int_equal(lz_domain_destroy(identity), LZ_OK);

	st = lz_attach_pasid(r->dev[0].dev, 1, dom);
	assert_int_equal(st, LZ_CONFIG_PASID ? LZ_OK : LZ_ENOTSUP);
	lz_detach_pasid(r->dev[0].dev, 1);

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_READ), LZ_OK);
	st = lz_unmap_gather(dom, IOVA, LZ_PAGE, &gather);
	assert_int_equal(st, LZ_CONFIG_GATHER ? LZ_OK : LZ_ENOTSUP);
	assert_int_equal(lz_gather_sync(&gather), LZ_OK);

	st = lz_pci_can_flr(r->dev[0].dev);
	assert_int_equal(st, LZ_CONFIG_FLR ? LZ_OK : LZ_ENOTSUP);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), st);
	assert_int_equal(lz_pci_reset(r->dev[0].dev), st);
	st = lz_pci_reset_methods_set(r->dev[0].dev, "default");
	assert_int_equal(st, LZ_CONFIG_FLR && LZ_CONFIG_METHODS ? LZ_OK : LZ_ENOTSUP);
	st = lz_pci_bus_reset(&r->dev[0].dev, 0, NULL);
	assert_int_equal(st, LZ_CONFIG_FLR && LZ_CONFIG_METHODS ? LZ_EINVAL : LZ_ENOTSUP);

	orders(r);
	claims(r);
	format_of_events(r);

	cfg.event = NULL;
	cfg.contain = LZ_CONTAIN_OBSERVE;
	st = lz_init(sim_port(), &cfg, &lz);
	assert_int_equal(st, LZ_CONFIG_OBSERVE ? LZ_OK : LZ_ENOTSUP);
	if (lz)
		assert_int_equal(lz_fini(lz), LZ_OK);
	cfg.contain = LZ_CONTAIN_ON;
	cfg.event = (lz_event_fn)(void (*)(void))rig_idle; /* never called */
	st = lz_init(sim_port(), &cfg, &lz);
	assert_int_equal(st, LZ_CONFIG_EVENTS ? LZ_OK : LZ_ENOTSUP);
	if (lz)
		assert_int_equal(lz_fini(lz), LZ_OK);

	assert_string_equal(lz_status_name(LZ_EBUSY), LZ_CONFIG_NAMES ? "busy" : "?");
	assert_string_equal(rig_health(r, 0).state, LZ_CONFIG_NAMES ? "healthy" : "?");
	rig_drop(r, dom);
}

static void sticky(struct lzm_smmu_config *c)
{
	c->knobs.resync = LZM_RESYNC_FAILS_UNTIL_RESET;
}

static void mapping(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 1}, 4, maps_and_unmaps);
}

static void containment(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2}, 4, quarantines_and_recovers);
}

static void dead_queue(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 1, .tune = sticky}, 4, survives_a_dead_queue);
}

static void left_out(void **state)
{
	(void)state;
	rig_run(&(struct rig_opts){.devs = 1, .pasid_bits = 4}, says_what_is_left_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapping),
		cmocka_unit_test(containment),
		cmocka_unit_test(dead_queue),
		cmocka_unit_test(left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
