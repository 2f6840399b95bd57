/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver under an operator: evidence, times, early warnings, drills, the
 * response that keeps untranslated DMA, and the order to abort everything. */
#include "lazaret/operator.h"
#include "tests/hazards/driver_look.h"

static bool told(struct rig *r)
{
	return r->dev[0].told > 0;
}

/* ---- evidence, times ---- */

static void evidence_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct lz_device_stats d;
	struct lz_iommu_stats s;
	struct lz_snapshot snap;
	uint64_t waits = 0;

	assert_int_equal(lz_device_snapshot(r->dev[0].dev, &snap), LZ_ENOENT);
	look_map(r, dom, 4, 2);
	rig_silence(r, 0);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, told, LZ_SEC(10)));
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	assert_int_equal(lz_device_snapshot(r->dev[0].dev, &snap), LZ_OK);
	assert_int_equal(snap.evidence, LZ_EVIDENCE_PROBED);
	assert_int_equal(snap.stream, r->dev[0].sid);
	assert_int_equal(snap.n_commands, 2); /* one ATC_INV each */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(snap.command[i][0] & 0xff, 0x40);
		assert_int_equal(snap.command[i][0] >> 32, r->dev[i].sid);
	}
	assert_int_equal(snap.cons >> 24 & 0x7f, 3); /* CERROR_ATC_INV_SYNC */
	assert_int_equal((snap.error ^ snap.error_ack) & 1, 1);
	assert_int_equal(EATS(snap.entry_before[1]), 1);
	assert_int_equal(EATS(snap.entry_after[1]), 0);
	assert_int_equal(snap.entry_before[0], snap.entry_after[0]);
	/* Whoever answered was suspect too, and says so. */
	assert_int_equal(lz_device_snapshot(r->dev[1].dev, &snap), LZ_OK);
	assert_int_equal(snap.evidence, LZ_EVIDENCE_NONE);
	assert_int_equal(snap.fenced, 0);
	lz_device_stats_get(r->dev[1].dev, &d);
	assert_int_equal(d.exonerations, 1);
	assert_int_equal(d.fence_max, 0);
	lz_device_stats_get(r->dev[0].dev, &d);
	assert_int_equal(d.fences, 1);
	/* From the error to the effect there is one timeout of the probe. */
	assert_true(d.fence_last >= LZ_MS(1) && d.fence_last == d.fence_max);
	lz_iommu_stats_get(r->iommu, &s);
	assert_int_equal(s.exonerations, 1);
	assert_true(s.fence_max == d.fence_max);
	assert_true(s.stall_max >= LZ_US(900));
	for (unsigned i = 0; i < LZ_LATENCY_BUCKETS; i++)
		waits += s.latency[i];
	assert_true(waits > 0 && s.latency[19] + s.latency[20] > 0);
	rig_drop(r, dom);
}

static void evidence_is_kept(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 8, evidence_body);
}

/* ---- early warning ---- */

static void slow_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct lz_device_stats d;
	int at;

	look_map(r, dom, 8, 1);
	lzm_ep_fault(r->dev[0].ep, LZM_EP_ATC_SLOW, 0, LZ_US(600));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(lz_unmap(dom, IOVA + i * LZ_PAGE, LZ_PAGE), LZ_OK);
	assert_int_equal(rig_count(r, LZ_EV_SLOW, 0), 1); /* once in the window */
	at = rig_first(r, LZ_EV_SLOW, 0);
	assert_int_equal(r->events[at].ev.evidence, LZ_EVIDENCE_NAMED);
	assert_true(r->events[at].ev.detail >= LZ_US(500));
	lz_device_stats_get(r->dev[0].dev, &d);
	assert_int_equal(d.slow, 3);
	assert_int_equal(look_fence(r, 0), LZ_FENCE_OPEN);
	lzm_ep_fault(r->dev[0].ep, LZM_EP_SOUND, 0, 0);
	assert_int_equal(lz_unmap(dom, IOVA + 3 * LZ_PAGE, LZ_PAGE), LZ_OK);
	lz_device_stats_get(r->dev[0].dev, &d);
	assert_int_equal(d.slow, 3);
	rig_drop(r, dom);
}

static void slow_device_is_named_and_left_alone(void **state)
{
	(void)state;
	look_run(
		&(struct rig_opts){.devs = 1, .cfg.slow = LZ_US(400), .cfg.slow_window = LZ_SEC(1)},
		8, slow_body);
}

/* ---- drill, response ---- */

static void degraded_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct lz_health h;

	look_map(r, dom, 4, 1);
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_true(r->dma_translated);
	lz_device_inject(r->dev[0].dev);
	assert_true(rig_until(r, told, LZ_SEC(10)));
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	h = rig_health(r, 0);
	assert_int_equal(h.evidence, LZ_EVIDENCE_OPERATOR);
	assert_int_equal(h.fence, LZ_FENCE_FENCED);
	assert_int_equal(h.block, 0);
	assert_true(h.degraded);
	assert_false(lzm_ep_ats_enabled(r->dev[0].ep));
	/* Not by its ATC, but it gets there. */
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_false(r->dma_translated);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	assert_false(rig_dma(r, 0, IOVA, true));
	/* A reset that was not attempted brings it back under its fence. */
	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	assert_false(rig_dma(r, 0, IOVA + LZ_PAGE, true));
	assert_int_equal(lz_reset_done(r->dev[0].dev, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_true(rig_health(r, 0).degraded);
	assert_false(lzm_ep_ats_enabled(r->dev[0].ep));
	assert_true(rig_dma(r, 0, IOVA + LZ_PAGE, true));
	assert_false(r->dma_translated);
	assert_int_equal(lz_device_clear(r->dev[0].dev), LZ_OK);
	assert_false(rig_health(r, 0).degraded);
	assert_true(rig_dma(r, 0, IOVA + LZ_PAGE, true));
	assert_true(r->dma_translated);
	rig_drop(r, dom);
}

static void h74_degraded_device_goes_on_untranslated(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1, .cfg.response = LZ_RESPONSE_FENCE}, 16,
		 degraded_body);
}

/* ---- abort ---- */

static void never(struct lzm_smmu_config *c)
{
	c->knobs.resync = LZM_RESYNC_FAILS_UNTIL_RESET;
}

static void abort_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 4, 2);
	rig_silence(r, 0);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	rig_sleep(LZ_SEC(20));
	assert_int_equal(r->released, 0); /* no rung could be proven */
	assert_int_equal(rig_count(r, LZ_EV_FENCED, -1), 0);
	assert_int_equal(lz_iommu_abort(r->iommu), LZ_OK);
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	assert_int_equal(r->released, LZ_PAGE);
	for (unsigned i = 0; i < 2; i++) {
		assert_false(rig_dma(r, i, IOVA + LZ_PAGE, true));
		assert_false(rig_dma_cached(r, i));
	}
	assert_int_equal(look_fence(r, 0), LZ_FENCE_FENCED);
	assert_int_equal(lz_iommu_abort(r->iommu), LZ_OK);
	rig_drop(r, dom);
}

static void h84_abort_by_order_ends_custody(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .tune = never}, 8, abort_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evidence_is_kept),
		cmocka_unit_test(slow_device_is_named_and_left_alone),
		cmocka_unit_test(h74_degraded_device_goes_on_untranslated),
		cmocka_unit_test(h84_abort_by_order_ends_custody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
