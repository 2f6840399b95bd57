/* SPDX-License-Identifier: BSD-2-Clause */
/* Who it was: suspects, probes, late evidence, and one report for all of it. */
#include "tests/hazards/driver_look.h"

#include "lazaret/operator.h"

/* ---- one of several ---- */

static void one_of_three(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 3);
	unsigned bad = (unsigned)r->opt.seed % 3;

	look_map(r, dom, 4, 3);
	rig_silence(r, bad);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, bad));
	look_settle(r);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rig_health(r, i).fences, i == bad);
		assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, (int)i), i == bad);
		assert_int_equal(rig_dma(r, i, IOVA + LZ_PAGE, true), i != bad);
	}
	assert_int_equal(r->released, LZ_PAGE);
	rig_drop(r, dom);
}

static void h50_innocents_of_the_batch_stay(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 3}, 48, one_of_three);
	look_run(&(struct rig_opts){.devs = 3, .regime = "fail_thrice"}, 24, one_of_three);
}

/* ---- what a probe has to show ---- */

/* It answers invalidate-all, but not the range that was asked. */
static void ranges_only(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 4, 2);
	lzm_ep_fault(r->dev[1].ep, LZM_EP_ATC_RANGES, 0, 0);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 1));
	look_settle(r);
	assert_int_equal(rig_count(r, LZ_EV_EXONERATED, 1), 0);
	assert_int_equal(rig_health(r, 0).fences, 0);
	assert_false(rig_dma_cached(r, 1));
	rig_drop(r, dom);
}

static void note_exonerated(struct rig *r, const struct rig_event *e)
{
	(void)r;
	if (e->ev.kind == LZ_EV_EXONERATED && e->ev.generation == 0)
		assert_int_not_equal(e->device, 1);
}

/* No probe of it is ever answered and none fails either. */
static void never_an_answer(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	r->on_event = note_exonerated;
	look_map(r, dom, 4, 2);
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 1));
	assert_false(rig_dma_cached(r, 1) && look_fence(r, 1) == LZ_FENCE_FENCED);
	for (unsigned i = 0; i < 2; i++)
		if (r->dev[i].told) {
			enum lz_status st = lz_pci_reset_flr(r->dev[i].dev);

			assert_true(st == LZ_OK || st == LZ_ETIMEDOUT);
		}
	look_settle(r);
	rig_drop(r, dom);
}

/* A restart forgets the probe that nobody answers, and says nothing of it. */
static void lost_with_a_restart(struct lzm_smmu_config *c)
{
	c->knobs.sync_never = true;
	c->knobs.restart_forgets = true;
}

static void h51_only_a_positive_answer_counts(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 32, ranges_only);
	look_run(&(struct rig_opts){.devs = 2, .regime = "sync_never"}, 8, never_an_answer);
	look_run(&(struct rig_opts){.devs = 2, .regime = "restart_forgets"}, 8, never_an_answer);
	look_run(&(struct rig_opts){.devs = 2,
				    .tune = lost_with_a_restart,
				    .cfg.late_bound = LZ_SEC(3)},
		 3, never_an_answer);
}

/* Every stream id of a suspect is probed, the whole of it. */
static uint32_t probed;

static void note_probe(struct rig *r, int device, const struct lzm_atc_inv *inv)
{
	/* The sweep of custody asks the same of who is open. */
	if (device == 1 && !inv->size && look_fence(r, 1) == LZ_FENCE_SUSPECT)
		probed |= 1u << (inv->sid - r->dev[1].sid);
}

static void probe_every_stream(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	probed = 0;
	look_map(r, dom, 2, 2);
	lzm_ep_fault(r->dev[1].ep, LZM_EP_ATC_SILENT_N, 1, 0);
	r->on_atc = note_probe;
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	look_settle(r);
	assert_int_equal(rig_count(r, LZ_EV_EXONERATED, 1), 1);
	assert_int_equal(probed, 7);
	rig_drop(r, dom);
}

static void h51_probe_covers_all_streams(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .streams = 3, .cfg.identify = LZ_IDENTIFY_PROBE}, 8,
		 probe_every_stream);
}

/* ATS lost: it answers everything with "unsupported request", cleanly. */
static void clean_but_ats_off(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 4, 2);
	rig_silence(r, 0);
	lzm_ep_fault(r->dev[1].ep, LZM_EP_ATC_UNSUPPORTED, 0, 0);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 0));
	look_settle(r);
	assert_int_equal(rig_count(r, LZ_EV_EXONERATED, 1), 0);
	assert_int_equal(look_fence(r, 1), LZ_FENCE_FENCED);
	rig_drop(r, dom);
}

static void h76_clean_answer_with_ats_off_proves_nothing(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 32, clean_but_ats_off);
}

/* ---- the two orders ---- */

static bool flushed_after_ats_off, eats_went;

static void note_flush(struct rig *r, int device, const struct lzm_atc_inv *inv)
{
	if (device == 0 && !inv->size && !lzm_ep_ats_enabled(r->dev[0].ep))
		flushed_after_ats_off = true;
}

static void watch_orderly(struct rig *r)
{
	const struct lz_smmu_dev *sd = look_dev(r, 0);

	if (eats_went || !sd || EATS(sd->ste[0][1]))
		return;
	eats_went = true;
	assert_false(lzm_ep_ats_enabled(r->dev[0].ep));
	assert_true(flushed_after_ats_off);
}

static void orderly(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	flushed_after_ats_off = eats_went = false;
	look_map(r, dom, 2, 1);
	r->on_atc = note_flush;
	rig_watch(r, watch_orderly);
	lz_detach(r->dev[0].dev);
	watch_orderly(r);
	assert_true(eats_went);
	rig_drop(r, dom);
}

/* ATS goes off at the endpoint only when nothing of it passes any more. */
static void watch_fence_order(struct rig *r)
{
	if (r->test && !lzm_ep_ats_enabled(r->dev[0].ep))
		assert_false(look_passes(r, r->dev[0].sid));
}

static void fence_order(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	unsigned before;

	look_map(r, dom, 2, 1);
	rig_silence(r, 0);
	r->test = dom;
	rig_watch(r, watch_fence_order);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 0));
	assert_false(lzm_ep_ats_enabled(r->dev[0].ep));
	before = r->atc_invs[0];
	look_settle(r);
	lz_detach(r->dev[0].dev); /* a fenced one gets no ATC_INV */
	assert_int_equal(r->atc_invs[0], before);
	r->test = NULL;
	rig_drop(r, dom);
}

static void h76_orderly_and_fence_order(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 32, orderly);
	look_run(&(struct rig_opts){.devs = 1}, 32, fence_order);
}

/* ---- removal meets the error ---- */

static void removed_before_error(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 4, 2);
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	rig_sleep(LZ_US(100) * (r->opt.seed % 12));
	rig_remove(r, 1);
	look_settle(r);
	assert_int_equal(r->released, LZ_PAGE);
	assert_string_equal(rig_health(r, 0).state, "healthy");
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void h53_error_after_removal(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 160, removed_before_error);
	look_run(&(struct rig_opts){.devs = 2,
				    .ats_timeout = LZ_MS(500),
				    .cfg.sync_bound = LZ_MS(10)},
		 24, removed_before_error);
}

/* ---- one report ---- */

struct many {
	struct rig *r;
	struct lz_domain *dom;
	unsigned at, done;
};

static void many_task(void *arg)
{
	struct many *m = arg;
	unsigned i = m->at++;

	(void)!lz_unmap(m->dom, IOVA + i * LZ_PAGE, LZ_PAGE);
	lz_device_report_broken(m->r->dev[0].dev);
	m->done++;
}

static void many_time_out(struct rig *r)
{
	struct many m = {r, rig_shared(r, 0, 1), 0, 0};

	look_map(r, m.dom, 6, 1);
	rig_silence(r, 0);
	for (unsigned i = 0; i < 6; i++)
		sim_task("inv", i % 4, many_task, &m);
	assert_true(look_told(r, 0));
	while (m.done < 6)
		rig_sleep(LZ_MS(1));
	look_settle(r);
	rig_sleep(LZ_MS(20));
	assert_int_equal(r->dev[0].told, 1);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 0), 1);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 0), 1);
	/* Another generation, another report. */
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	lz_device_report_broken(r->dev[0].dev);
	while (r->dev[0].told < 2)
		rig_sleep(LZ_MS(1));
	look_settle(r);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 2);
	rig_drop(r, m.dom);
}

static void unmap_task(void *arg)
{
	struct many *m = arg;
	unsigned i = m->at++;

	(void)!lz_unmap(m->dom, IOVA + i * LZ_PAGE, LZ_PAGE);
	m->done++;
}

static unsigned shared_rounds;

/* Two unmaps at once: a batch that is out when another one fails costs its timeout, since
 * nobody can withdraw it, but whoever is in both is asked once. */
static void two_batches_out(struct rig *r)
{
	struct many m = {r, rig_shared(r, 0, 3), 0, 0};

	look_map(r, m.dom, 2, 3);
	rig_silence(r, 1);
	for (unsigned i = 0; i < 2; i++)
		sim_task("inv", 2 + i, unmap_task, &m);
	assert_true(look_told(r, 1));
	while (m.done < 2)
		rig_sleep(LZ_MS(1));
	look_settle(r);
	/* One for each batch that was out, one for who is broken. */
	assert_in_range(rig_count(r, LZ_EV_TIMEOUT, -1), 2, 3);
	shared_rounds += rig_count(r, LZ_EV_TIMEOUT, -1) == 3;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(rig_count(r, LZ_EV_SUSPECT, (int)i), 1);
		assert_int_equal(rig_health(r, i).probes, 1);
		assert_int_equal(rig_health(r, i).fences, i == 1);
	}
	rig_drop(r, m.dom);
}

static void h62_suspects_of_two_batches_are_asked_once(void **state)
{
	(void)state;
	shared_rounds = 0;
	look_run(&(struct rig_opts){.devs = 3}, 48, two_batches_out);
	assert_true(shared_rounds); /* or nothing was shown */
}

static void h62_one_report_per_generation(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 96, many_time_out);
}

/* ---- late ---- */

/* The hardware speaks after a minute and a half; nobody waits that long. */
static void late_by_far(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	lz_ns begin;

	look_map(r, dom, 4, 2);
	rig_silence(r, 1);
	begin = sim_now();
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(sim_now() - begin < LZ_SEC(3));
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, -1), 0);
	rig_sleep(LZ_SEC(60));
	assert_int_equal(r->released, 0);
	assert_true(rig_dma_cached(r, 1));
	assert_true(look_told(r, 1));
	assert_true(rig_count(r, LZ_EV_LATE, -1) > 0);
	look_settle(r);
	assert_int_equal(r->released, LZ_PAGE);
	assert_int_equal(rig_health(r, 0).fences, 0);
	assert_int_equal(rig_health(r, 1).fences, 1);
	assert_int_equal(rig_count(r, LZ_EV_QUEUE_STALLED, -1), 0);
	rig_drop(r, dom);
}

static void h81_late_is_a_normal_case(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .regime = "late_hw"}, 8, late_by_far);
}

/* ---- generations ---- */

/* The error of an ATC_INV of before a reset comes when the device is sound
 * again: sampled at issue, it says nothing about this generation. */
static void error_of_before_reset(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	look_map(r, dom, 4, 1);
	rig_silence(r, 0);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	/* The SMMU does not hear of this reset; its error comes while the new
	 * generation waits for its probe. */
	lzm_ep_fault(r->dev[0].ep, LZM_EP_SOUND, 0, 0);
	assert_int_equal(rig_model_stats(r).atc_timeouts, 0);
	assert_int_equal(lz_reset_done(r->dev[0].dev, LZ_RESET_OK), LZ_OK);
	look_settle(r);
	assert_true(rig_model_stats(r).atc_timeouts > 0);
	assert_int_equal(r->dev[0].told, 0);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 0), 0);
	assert_string_equal(rig_health(r, 0).state, "healthy");
	assert_int_equal(r->released, LZ_PAGE);
	rig_drop(r, dom);
}

static void h86_generation_sampled_at_issue(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1,
				    .ats_timeout = LZ_MS(30),
				    .cfg.sync_bound = LZ_MS(20)},
		 24, error_of_before_reset);
}

struct waiting {
	struct lz_domain *dom;
	enum lz_status st;
	bool done;
};

static void waiting_task(void *arg)
{
	struct waiting *w = arg;

	w->st = lz_unmap(w->dom, IOVA, LZ_PAGE);
	w->done = true;
}

/* The same with an issuer who is still there: nobody is accused, and what he
 * unmapped is not free for that. */
static void stale_but_held(struct rig *r)
{
	struct waiting w = {rig_shared(r, 0, 1), LZ_EINVAL, false};
	enum lz_status st;

	look_map(r, w.dom, 4, 1);
	rig_silence(r, 0);
	sim_task("inv", 3, waiting_task, &w);
	rig_sleep(LZ_MS(5));
	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	while (!w.done)
		rig_sleep(LZ_MS(1));
	assert_int_equal(w.st, LZ_IN_CUSTODY);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 0), 0);
	lzm_ep_fault(r->dev[0].ep, LZM_EP_SOUND, 0, 0);
	lzm_ep_bus_reset(r->dev[0].ep);
	rig_sleep(LZ_MS(2));
	lzm_ep_cfg_write(r->dev[0].ep, 4, 2, 0x0006);
	st = lz_reset_done(r->dev[0].dev, LZ_RESET_OK);
	assert_true(st == LZ_OK || st == LZ_ETIMEDOUT);
	look_settle(r);
	assert_int_equal(r->released, LZ_PAGE);
	rig_drop(r, w.dom);
}

static void h87_stale_evidence_keeps_custody(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1, .ats_timeout = LZ_MS(300)}, 24, stale_but_held);
}

/* ---- found broken while its reset ends ---- */

static uint32_t probing;

static void note_own_probe(struct rig *r, const struct rig_event *e)
{
	(void)r;
	probing |= e->ev.kind == LZ_EV_PROBE && e->ev.generation == 2;
}

static void report_task(void *arg)
{
	sim_wait_word(&probing, 0, sim_now() + LZ_SEC(10));
	lz_device_report_broken(((struct rig *)arg)->dev[0].dev);
}

/* The report is of the generation that begins, not of the one that ends: the
 * reset does not retire it. */
static void broken_again(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	enum lz_status st;

	probing = 0;
	look_map(r, dom, 1, 1);
	r->on_event = note_own_probe;
	sim_task("report", 3, report_task, r);
	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	lzm_ep_fault(r->dev[0].ep, LZM_EP_ATC_SLOW, 0, LZ_US(20));
	st = lz_reset_done(r->dev[0].dev, LZ_RESET_OK);
	assert_true(st == LZ_OK || st == LZ_EIO);
	assert_true(look_told(r, 0));
	look_settle(r);
	assert_int_equal(look_fence(r, 0), LZ_FENCE_FENCED);
	assert_true(rig_health(r, 0).block & LZ_BLOCK_BROKEN);
	rig_drop(r, dom);
}

static void h18_broken_before_its_reset_has_ended(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 96, broken_again);
}

/* An operator's order, and before it is looked at an error that may have been
 * somebody else's: it is not asked, and the other one is not taken for sound. */
static void ordered_then_accused(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 2, 2);
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(look_fence(r, 0), LZ_FENCE_OPEN); /* nothing has come yet */
	lz_device_inject(r->dev[0].dev);
	assert_int_equal(look_fence(r, 0), LZ_FENCE_SUSPECT);
	while (look_fence(r, 1) == LZ_FENCE_OPEN)
		rig_sleep(LZ_US(100));
	rig_start_worker(r);
	look_settle(r);
	assert_int_equal(rig_count(r, LZ_EV_EXONERATED, 0), 0);
	assert_true(look_told(r, 0) && look_told(r, 1));
	assert_int_equal(rig_health(r, 0).evidence, LZ_EVIDENCE_OPERATOR);
	assert_int_equal(rig_health(r, 0).probes, 0);
	assert_int_equal(rig_health(r, 1).evidence, LZ_EVIDENCE_PROBED);
	rig_drop(r, dom);
}

static void an_order_outlives_a_doubt(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .no_worker = true}, 16, ordered_then_accused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_order_outlives_a_doubt),
		cmocka_unit_test(h18_broken_before_its_reset_has_ended),
		cmocka_unit_test(h50_innocents_of_the_batch_stay),
		cmocka_unit_test(h51_only_a_positive_answer_counts),
		cmocka_unit_test(h51_probe_covers_all_streams),
		cmocka_unit_test(h53_error_after_removal),
		cmocka_unit_test(h62_one_report_per_generation),
		cmocka_unit_test(h62_suspects_of_two_batches_are_asked_once),
		cmocka_unit_test(h76_clean_answer_with_ats_off_proves_nothing),
		cmocka_unit_test(h76_orderly_and_fence_order),
		cmocka_unit_test(h81_late_is_a_normal_case),
		cmocka_unit_test(h86_generation_sampled_at_issue),
		cmocka_unit_test(h87_stale_evidence_keeps_custody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
