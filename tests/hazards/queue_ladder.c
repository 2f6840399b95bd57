/* SPDX-License-Identifier: BSD-2-Clause */
/* Command queue: when no sync succeeds any more. */
#include "lazaret/operator.h"
#include "lazaret/pci.h"
#include "tests/hazards/queue.h"

static bool rung(struct rig *r, enum lz_rung which, enum lz_status st)
{
	for (unsigned i = 0; i < r->n_events; i++)
		if (r->events[i].ev.kind == LZ_EV_ESCALATED && r->events[i].ev.detail == which &&
		    r->events[i].ev.status == st)
			return true;
	return false;
}

static void forever(struct lzm_smmu_config *c)
{
	c->knobs.resync = LZM_RESYNC_FAILS_UNTIL_RESET;
}

static void forever_but_forgets(struct lzm_smmu_config *c)
{
	forever(c);
	c->knobs.restart_forgets = true;
}

static void never_but_forgets(struct lzm_smmu_config *c)
{
	c->knobs.sync_never = true;
	c->knobs.restart_forgets = true;
}

/* Stopping the queue waits for a sync that nobody answers (section 6.3.9). */
static void never_and_stays(struct lzm_smmu_config *c)
{
	c->knobs.sync_never = true;
	c->knobs.restart_waits = true;
}

static const struct lz_config brief = {.sync_bound = LZ_MS(20), .late_bound = LZ_MS(50)};

/* H97: what is called fenced does not translate, whatever is still queued. */
static void fenced_is_effective(struct rig *r, const struct rig_event *e)
{
	if (e->ev.kind != LZ_EV_FENCED || e->device < 0)
		return;
	for (unsigned i = 0; i < r->opt.streams; i++) {
		bool now, uncached;

		lzm_smmu_eats_effective(r->smmu, r->dev[e->device].sid + i, &now, &uncached);
		assert_false(now);
		assert_false(uncached);
	}
}

/* ---- H84 ---- */

static void restart_helps(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	warm(r, dom, IOVA, 2);
	rig_silence(r, 1);
	r->on_event = fenced_is_effective;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, NULL);
	assert_true(rung(r, LZ_RUNG_RESTART, LZ_OK));
	assert_int_equal(rig_health(r, 1).fence, LZ_FENCE_FENCED);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 0);
	assert_int_equal(r->released, LZ_PAGE);
	assert_false(rig_dma_cached(r, 1));
	rig_drop(r, dom);
}

/* No rung gives a proof: the memory waits for the reset. */
static void nothing_helps(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	r->on_event = fenced_is_effective;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	await_told(r, 0);
	rig_sleep(LZ_SEC(3));
	assert_false(rung(r, LZ_RUNG_REWRITE, LZ_OK));
	assert_false(rung(r, LZ_RUNG_RESTART, LZ_OK));
	assert_true(rung(r, LZ_RUNG_FUNCTION_OFF, LZ_OK));
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 0), 0);
	assert_int_equal(r->released, 0);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	finish(r, NULL);
	assert_int_equal(r->released, LZ_PAGE);
	rig_drop(r, dom);
}

/* The queue's memory is the hardware's until then. */
static void await_stop(struct rig *r)
{
	while (peek(r, SMMU_CR0ACK) & ~peek(r, SMMU_CR0) & SMMU_CR0_CMDQEN)
		rig_sleep(LZ_SEC(1));
}

static void whole_iommu_off(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, NULL);
	assert_true(rung(r, LZ_RUNG_GLOBAL_ABORT, LZ_OK));
	assert_false(peek(r, SMMU_CR0ACK) & SMMU_CR0_SMMUEN);
	assert_int_equal(r->released, LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	assert_false(rig_dma(r, 0, IOVA, true));
	rig_drop(r, dom);
	await_stop(r);
}

static void off_by_order(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	await_told(r, 0);
	assert_true(peek(r, SMMU_CR0ACK) & ~peek(r, SMMU_CR0) & SMMU_CR0_CMDQEN);
	assert_int_equal(lz_iommu_abort(r->iommu), LZ_OK);
	finish(r, NULL);
	assert_int_equal(r->released, LZ_PAGE);
	assert_int_equal(rig_health(r, 0).fence, LZ_FENCE_FENCED);
	assert_false(rig_dma_cached(r, 0));
	rig_drop(r, dom);
	await_stop(r);
}

/* The last rung must not need the queue's consent. */
static void h84_off_while_the_queue_is_stopping(void **state)
{
	struct rig_opts o = {
		.devs = 1, .cfg = brief, .tune = never_and_stays, .ats_timeout = LZ_SEC(60)};

	(void)state;
	rig_run_seeds(&o, 4, off_by_order);
	o.cfg.policy = LZ_POLICY_GLOBAL_ABORT;
	rig_run_seeds(&o, 4, whole_iommu_off);
}

static void h84_every_rung_needs_its_proof(void **state)
{
	struct rig_opts o = {.devs = 2, .cfg = brief, .tune = forever_but_forgets};

	(void)state;
	rig_run_seeds(&o, 4, restart_helps);
	o.tune = never_but_forgets;
	rig_run_seeds(&o, 4, restart_helps);
	o.devs = 1;
	o.tune = forever;
	rig_run_seeds(&o, 8, nothing_helps);
	o.cfg.policy = LZ_POLICY_GLOBAL_ABORT;
	rig_run_seeds(&o, 4, whole_iommu_off);
}

struct late_unmap {
	struct lz_domain *dom;
	bool done;
};

static void late_unmap(void *arg)
{
	struct late_unmap *u = arg;

	assert_int_equal(lz_unmap(u->dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	u->done = true;
}

/* The one whom everything has waited for is reset, and before anything else of the
 * driver looks the next one keeps the queue standing. */
static void stands_for_the_next(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1), *other = rig_shared(r, 1, 1);
	struct late_unmap late = {other, false};
	lz_ns end = sim_now() + LZ_SEC(20);

	warm(r, dom, IOVA, 1);
	warm(r, other, IOVA, 0);
	assert_true(rig_dma(r, 1, IOVA, true));
	rig_silence(r, 0);
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	while (queue(r)->ladder.state != LZ_LADDER_EXHAUSTED && sim_now() < end)
		rig_sleep(LZ_MS(1));
	assert_int_equal(r->dev[1].told, 0);
	rig_sleep(LZ_MS(50 + 3 * r->opt.seed));
	sim_task("inv", 3, late_unmap, &late);
	rig_sleep(LZ_MS(5)); /* its TLB invalidation waits */
	lzm_ep_bus_reset(r->dev[0].ep);
	while (!r->dev[1].told && sim_now() < end)
		rig_sleep(LZ_MS(10));
	assert_int_equal(r->dev[1].told, 1);
	for (unsigned i = 0; i < 2; i++)
		if (rig_health(r, i).block)
			(void)!lz_pci_reset_flr(r->dev[i].dev);
	assert_true(late.done);
	assert_true(rig_until(r, rig_idle, LZ_SEC(60)));
	rig_drop(r, dom);
	rig_drop(r, other);
}

static void h84_the_next_one_is_found_too(void **state)
{
	struct rig_opts o = {.devs = 2, .regime = "sync_never", .cfg = brief};

	(void)state;
	rig_run_seeds(&o, 16, stands_for_the_next);
}

/* ---- H94 ---- */

struct waiter {
	struct rig *r;
	uint64_t sync;
	enum lz_status st;
	bool done;
};

static void waiter(void *arg)
{
	struct waiter *w = arg;

	w->st = wait_sync(w->r, w->sync, LZ_SEC(1));
	w->done = true;
}

static void waiters_at_a_restart(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct waiter a = {.r = r}, b = {.r = r};

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	a.sync = send_atc(r, 0);
	b.sync = send(r, NULL, 0);
	sim_task("atc", 3, waiter, &a);
	sim_task("lone", 2, waiter, &b);
	/* Puts the worker on the watch. */
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	while (!a.done || !b.done)
		rig_sleep(LZ_MS(1));
	assert_true(sim_now() < LZ_SEC(1)); /* the restart ended it, not patience */
	assert_true(rig_count(r, LZ_EV_ESCALATED, -1));
	assert_int_equal(a.st, LZ_ETIMEDOUT);
	assert_int_equal(b.st, LZ_ETIMEDOUT);
	finish(r, NULL);
	assert_int_equal(r->released, LZ_PAGE);
	rig_drop(r, dom);
}

static void h94_a_restart_fails_what_was_unsynced(void **state)
{
	struct rig_opts o = {.cfg = brief, .tune = never_but_forgets};

	(void)state;
	rig_run_seeds(&o, 8, waiters_at_a_restart);
}

/* ---- H96 ---- */

/* Fails until the ladder takes over; the next sync succeeds. */
static void until_rewritten(struct lzm_smmu_config *c)
{
	c->knobs.resync = LZM_RESYNC_FAILS_N;
	c->knobs.resync_fails = 8;
}

static void syncs_behind_a_rewrite(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint64_t failed, behind, lone;
	unsigned delivered;

	rig_silence(r, 0);
	failed = send_atc(r, 0);
	behind = send_atc(r, 0);
	lone = send(r, NULL, 0);
	rig_sleep(LZ_MS(10));
	assert_true(queue(r)->held_error);
	delivered = r->atc_invs[0];
	finish(r, NULL);
	assert_true(rung(r, LZ_RUNG_REWRITE, LZ_OK));
	assert_int_equal(r->atc_invs[0], delivered);
	assert_int_equal(lz_smmu_queue_look(queue(r), failed), LZ_EIO);
	assert_int_equal(lz_smmu_queue_look(queue(r), behind), LZ_ETIMEDOUT);
	assert_int_equal(lz_smmu_queue_look(queue(r), lone), LZ_OK);
	rig_drop(r, dom);
}

struct aborts {
	unsigned left;
};

/* Every fetch aborts until the error is left for the ladder. */
static void abort_again(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	struct aborts *t = r->test;

	(void)value;
	if (write && off == SMMU_GERRORN && t->left) {
		t->left--;
		lzm_smmu_inject_cmdq_abort(r->smmu);
	}
}

static void abort_behind(struct rig *r, int device, const struct lzm_atc_inv *inv)
{
	(void)device;
	(void)inv;
	lzm_smmu_inject_cmdq_abort(r->smmu);
}

/* The command or its sync cannot be fetched; no device is to blame. */
static void other_sticky_errors(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct aborts t = {r->opt.cfg.settle_max};
	uint64_t sync;

	lz_device_report_broken(r->dev[0].dev); /* somebody is suspect meanwhile */
	r->test = &t;
	r->after_mmio = abort_again;
	if (r->opt.seed & 1)
		lzm_smmu_inject_cmdq_abort(r->smmu);
	else
		r->on_atc = abort_behind;
	sync = send_atc(r, 1);
	rig_sleep(LZ_MS(1));
	r->on_atc = NULL;
	assert_true(queue(r)->held_error);
	finish(r, NULL);
	r->after_mmio = NULL;
	assert_int_equal(lz_smmu_queue_look(queue(r), sync), LZ_ETIMEDOUT);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 1), 0);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 1), 0);
	rig_drop(r, dom);
}

static void h96_whoever_is_overwritten_is_failed(void **state)
{
	struct rig_opts o = {.no_worker = true, .tune = until_rewritten, .cfg = brief};

	(void)state;
	rig_run_seeds(&o, 6, syncs_behind_a_rewrite);
	o = (struct rig_opts){.devs = 2, .no_worker = true, .cfg = brief};
	rig_run_seeds(&o, 6, other_sticky_errors);
}

/* ---- H97 ---- */

static void fenced_under_regime(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	warm(r, dom, IOVA, 2);
	rig_silence(r, 0);
	r->on_event = fenced_is_effective;
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, NULL);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 0), 1);
	assert_int_equal(r->released, LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	rig_drop(r, dom);
}

static bool is_fenced(struct rig *r)
{
	return rig_health(r, 0).fence == LZ_FENCE_FENCED;
}

/* The work is woken by the acknowledge and finds the queue where it was. */
static void slow_after_acknowledge(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	(void)value;
	if (write && off == SMMU_GERRORN)
		lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_MS(1));
}

/* The fence stands behind the device's own ATC_INVs and the queue is slow. */
static void fenced_behind_its_own(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	r->on_event = fenced_is_effective;
	r->after_mmio = slow_after_acknowledge;
	(void)send_atc(r, 0);
	assert_int_equal(lz_fence(r->dev[0].dev, 0, LZ_EVIDENCE_PROBED), LZ_ETIMEDOUT);
	assert_int_equal(rig_health(r, 0).fence, LZ_FENCE_FENCING);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 0), 0);
	rig_start_worker(r);
	lz_iommu_kick(r->iommu);
	assert_true(rig_until(r, is_fenced, LZ_SEC(1))); /* as soon as the queue moves */
	finish(r, NULL);
	assert_int_equal(rig_health(r, 0).fence, LZ_FENCE_FENCED);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 0), 1);
	rig_drop(r, dom);
}

static void h97_fenced_only_after_a_later_sync_succeeded(void **state)
{
	static const char *const regime[] = {"fail_once", "fail_thrice", "restart_forgets",
					     "cons_jumps", "hostile"};
	struct rig_opts o = {.devs = 2, .streams = 2, .cfg = brief};

	(void)state;
	for (unsigned i = 0; i < sizeof(regime) / sizeof(regime[0]); i++) {
		o.regime = regime[i];
		rig_run_seeds(&o, 4, fenced_under_regime);
	}
	o = (struct rig_opts){
		.no_worker = true, .ats_timeout = LZ_MS(40), .cfg = {.sync_bound = LZ_MS(5)}};
	rig_run_seeds(&o, 12, fenced_behind_its_own);
}

/* ---- looks at a queue that is only slow ---- */

/* That something waited when the work looked keeps no work pending for as long
 * as a queue may stand still. */
static void slow_for_a_moment(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint64_t sync;

	warm(r, dom, IOVA, 1);
	lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_MS(10));
	sync = send_atc(r, 0);
	lz_iommu_kick(r->iommu);
	rig_sleep(LZ_MS(5));
	assert_false(rig_idle(r));
	assert_int_equal(wait_sync(r, sync, LZ_SEC(1)), LZ_OK);
	assert_true(rig_until(r, rig_idle, r->opt.cfg.late_bound / 10));
	assert_int_equal(rig_count(r, LZ_EV_QUEUE_STALLED, -1), 0);
	rig_drop(r, dom);
}

static void no_work_waits_for_a_queue_that_moved(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 1, .cfg.late_bound = LZ_SEC(50)}, 8,
		      slow_for_a_moment);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h84_every_rung_needs_its_proof),
		cmocka_unit_test(h84_off_while_the_queue_is_stopping),
		cmocka_unit_test(h84_the_next_one_is_found_too),
		cmocka_unit_test(h94_a_restart_fails_what_was_unsynced),
		cmocka_unit_test(h96_whoever_is_overwritten_is_failed),
		cmocka_unit_test(h97_fenced_only_after_a_later_sync_succeeded),
		cmocka_unit_test(no_work_waits_for_a_queue_that_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
