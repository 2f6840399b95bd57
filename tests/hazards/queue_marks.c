/* SPDX-License-Identifier: BSD-2-Clause */
/* Command queue: what became of a sync, and who gets to know it. */
#include <string.h>

#include "tests/hazards/queue.h"

static void never_but_forgets(struct lzm_smmu_config *c)
{
	c->knobs.sync_never = true;
	c->knobs.restart_forgets = true;
}

/* ---- H29 ---- */

static void two_timeouts(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	uint64_t a, b, c;

	rig_silence(r, 0);
	rig_silence(r, 1);
	a = send_atc(r, 0);
	b = send_atc(r, 1);
	c = send(r, NULL, 0);
	rig_sleep(LZ_MS(10));
	assert_int_equal(lz_smmu_queue_look(queue(r), a), LZ_EIO);
	assert_int_equal(lz_smmu_queue_look(queue(r), b), LZ_EIO);
	assert_int_equal(lz_smmu_queue_look(queue(r), c), LZ_OK);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 0), 1);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 1), 1);
	finish(r, dom);
}

static void h29_two_timeouts_two_marks(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2, .no_worker = true}, 6, two_timeouts);
}

/* ---- H30 ---- */

static void mark_of_an_earlier_lap(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint32_t mask = queue(r)->ring.size - 1;
	unsigned met = 0;
	uint64_t failed;

	lzm_ep_fault(r->dev[0].ep, LZM_EP_ATC_SILENT_N, 1, 0);
	failed = send_atc(r, 0);
	lz_ring_abandon(&queue(r)->ring, failed);
	rig_sleep(LZ_MS(5));
	assert_int_equal(lz_smmu_queue_look(queue(r), failed), LZ_EIO);
	for (unsigned i = 0; i < 40; i++) {
		uint64_t sync = send(r, NULL, 0);

		if ((sync & mask) == (failed & mask)) {
			met++;
			/* A handler that was slow by a lap. */
			lz_ring_set_mark(&queue(r)->ring, failed, LZ_MARK_TIMEOUT);
		}
		assert_int_equal(wait_sync(r, sync, LZ_MS(10)), LZ_OK);
	}
	assert_true(met > 2);
	finish(r, dom);
}

static void h30_late_mark_blames_no_later_lap(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.cmdq_log2 = 3, .no_worker = true}, 6,
		      mark_of_an_earlier_lap);
}

/* ---- H31 ---- */

/* The publishing CPU is slow: everything has happened when its store to PROD
 * returns. */
static void slow_publisher(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	(void)value;
	if (!write || off != SMMU_CMDQ_PROD)
		return;
	for (unsigned i = 0; i < 200000 && (!drained(r) || active_errors(r)); i++)
		lz_cpu_relax();
	assert_true(drained(r));
}

static void error_before_publish_returns(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint64_t sync;

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	r->after_mmio = slow_publisher;
	sync = send_atc(r, 0);
	assert_int_equal(wait_sync(r, sync, LZ_MS(10)), LZ_EIO);
	sync = send_illegal(r);
	assert_int_equal(wait_sync(r, sync, LZ_MS(10)), LZ_EFAULT);
	r->after_mmio = NULL;
	finish(r, dom);
}

static void unmap_by_a_slow_publisher(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	r->after_mmio = slow_publisher;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	r->after_mmio = NULL;
	finish(r, dom);
}

static void h31_mark_survives_the_end_of_publication(void **state)
{
	(void)state;
	struct rig_opts o = {.no_worker = true, .ats_timeout = LZ_US(20)};

	rig_run_seeds(&o, 6, error_before_publish_returns);
	rig_run_seeds(&o, 6, unmap_by_a_slow_publisher);
}

/* ---- H32 ---- */

static void poll_succeeds_after_timeout(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint64_t sync;

	warm(r, dom, IOVA, 1);
	lzm_ep_fault(r->dev[0].ep, LZM_EP_ATC_SILENT_N, 1, 0);
	sync = send_atc(r, 0);
	rig_sleep(LZ_MS(5));
	assert_true(drained(r));
	assert_int_equal(active_errors(r), 0);
	assert_int_equal(wait_sync(r, sync, LZ_MS(5)), LZ_EIO);
	finish(r, dom);
}

static void unmap_of_a_silent_device(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, dom);
}

static void h32_mark_is_looked_at_when_the_poll_succeeds(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.no_worker = true}, 6, poll_succeeds_after_timeout);
	rig_run_seeds(&(struct rig_opts){.devs = 1}, 12, unmap_of_a_silent_device);
	rig_run_seeds(&(struct rig_opts){.no_worker = true, .ats_timeout = LZ_US(20)}, 6,
		      unmap_by_a_slow_publisher);
}

/* ---- H33 ---- */

struct h33 {
	uint64_t sync;
	unsigned acknowledged;
};

/* From the acknowledge on the issuer may see the sync complete. */
static void look_after_acknowledge(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	struct h33 *t = r->test;

	(void)value;
	if (!write || off != SMMU_GERRORN)
		return;
	t->acknowledged++;
	for (unsigned i = 0; i < 5000 && !drained(r); i++)
		lz_cpu_relax();
	assert_true(drained(r));
	assert_int_equal(lz_smmu_queue_look(queue(r), t->sync), LZ_EIO);
}

static void issuer_looks_at_once(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct h33 t = {0};

	rig_silence(r, 0);
	r->test = &t;
	r->after_mmio = look_after_acknowledge;
	t.sync = send_atc(r, 0);
	rig_sleep(LZ_MS(5));
	assert_int_equal(t.acknowledged, 1);
	r->after_mmio = NULL;
	finish(r, dom);
}

static void h33_marked_before_acknowledged(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.no_worker = true}, 6, issuer_looks_at_once);
}

/* The simulated CPUs may be stronger than real ones: a release, or a compare-and-swap,
 * is seen by all at once there, and a register write never overtakes it. So the
 * barrier itself is looked for, between a mark and what lets CONS pass. */
static struct {
	struct rig *r;
	uint32_t random;
	bool open[RIG_DEVS];
	unsigned passed, early;
} order;

static void note_order(const struct sim_enabled *e)
{
	const struct lz_smmu_queue *q = queue(order.r);
	uintptr_t mark = (uintptr_t)q->ring.mark, at = e->op->addr;

	if (e->kind > SIM_AGENT_IRQ || e->cpu >= RIG_DEVS)
		return;
	if (e->op->kind == LZ_SIM_BARRIER)
		order.open[e->cpu] = false;
	else if ((e->op->kind == LZ_SIM_STORE || e->op->kind == LZ_SIM_RMW) &&
		 (at - mark < q->ring.size * sizeof(*q->ring.mark) ||
		  at == (uintptr_t)&q->ring.marked))
		order.open[e->cpu] = true;
	else if (e->op->kind == LZ_SIM_MMIO_WRITE && (at == SMMU_GERRORN || at == SMMU_CMDQ_CONS)) {
		order.passed++;
		order.early += order.open[e->cpu];
	}
}

static size_t pick_and_note(void *ctx, const struct sim_enabled *e, size_t n)
{
	size_t i;

	(void)ctx;
	order.random = order.random * 1103515245u + 12345u;
	i = (order.random >> 16) % n;
	note_order(&e[i]);
	return i;
}

static const struct sim_strategy noting = {.pick = pick_and_note};

static void marks_then_barrier(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	memset(&order, 0, sizeof(order));
	order.r = r;
	order.random = (uint32_t)r->opt.seed;
	warm(r, dom, IOVA, 2);
	rig_silence(r, 1);
	sim_explore(&noting);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	await_told(r, 1);
	finish(r, NULL);
	sim_explore(NULL);
	assert_true(order.passed);
	assert_int_equal(order.early, 0);
	rig_drop(r, dom);
}

/* A device does not answer and nobody restarts the queue; nothing is answered until
 * it is. */
static void h33_marks_are_out_before_the_acknowledge(void **state)
{
	struct rig_opts o = {.devs = 2, .cfg = {.sync_bound = LZ_MS(20), .late_bound = LZ_MS(50)}};

	(void)state;
	rig_run_seeds(&o, 4, marks_then_barrier);
	o.tune = never_but_forgets;
	rig_run_seeds(&o, 4, marks_then_barrier);
}

/* ---- H34 ---- */

static void stall_says_nothing_about_devices(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint64_t sync;

	lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_MS(50));
	sync = send_atc(r, 0);
	assert_int_equal(wait_sync(r, sync, LZ_MS(5)), LZ_ETIMEDOUT);
	rig_sleep(LZ_MS(60));
	assert_int_equal(lz_smmu_queue_look(queue(r), sync), LZ_OK);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, -1), 0);
	rig_silence(r, 0);
	sync = send_atc(r, 0);
	assert_int_equal(wait_sync(r, sync, LZ_MS(5)), LZ_EIO);
	finish(r, dom);
}

static void stall_at_probe(struct rig *r, const struct rig_event *e)
{
	if (e->ev.kind == LZ_EV_PROBE)
		lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + 3 * r->opt.cfg.sync_bound);
}

static void stalled_probe_convicts_nobody(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	warm(r, dom, IOVA, 2);
	lzm_ep_fault(r->dev[1].ep, LZM_EP_ATC_SILENT_N, 1, 0);
	r->on_event = stall_at_probe;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, NULL);
	assert_true(rig_count(r, LZ_EV_PROBE, -1) >= 2);
	assert_int_equal(rig_count(r, LZ_EV_EXONERATED, -1), 2);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, -1), 0);
	rig_drop(r, dom);
}

static void h34_stall_and_timeout_are_told_apart(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.no_worker = true}, 4, stall_says_nothing_about_devices);
	rig_run_seeds(&(struct rig_opts){.devs = 2, .cfg.sync_bound = LZ_MS(20)}, 6,
		      stalled_probe_convicts_nobody);
}

/* ---- H42 ---- */

struct h42 {
	uint64_t cons, published;
	unsigned lap; /* times the shadow of CONS moved */
};

static void watch_positions(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	struct lz_smmu_queue *q = queue(r);
	uint64_t cons = q->ring.limit - q->ring.room;
	struct h42 *t = r->test;

	(void)value;
	if (write && off == SMMU_CMDQ_CONS)
		assert_false(peek(r, SMMU_CR0ACK) & SMMU_CR0_CMDQEN);
	assert_true(cons >= t->cons);
	assert_true(q->ring.published >= t->published);
	assert_true(cons <= (q->ring.tail & ~LZ_RING_FROZEN));
	t->lap += cons > t->cons;
	t->cons = cons;
	t->published = q->ring.published;
}

struct side {
	struct rig *r;
	bool stop, done;
};

static void lone_syncs(void *arg)
{
	struct side *side = arg;

	while (!side->stop) {
		lz_ns deadline = 0;
		uint64_t sync;

		if (lz_ring_submit(&drv(side->r)->cmdq.ring, NULL, 0, &sync, &deadline) == LZ_OK)
			(void)lz_smmu_queue_wait(&drv(side->r)->cmdq, sync, &deadline);
		rig_sleep(LZ_US(1));
	}
	side->done = true;
}

static void slots_reused_during_errors(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct side side = {r, false, false};
	struct h42 t = {queue(r)->ring.limit - queue(r)->ring.room, queue(r)->ring.published, 0};

	for (unsigned i = 0; i < 20; i++)
		warm(r, dom, IOVA + i * LZ_PAGE, 2);
	r->test = &t;
	r->on_mmio = watch_positions;
	sim_task("side", 3, lone_syncs, &side);
	lzm_ep_fault(r->dev[1].ep, LZM_EP_ATC_SILENT_N, 3, 0);
	for (unsigned i = 0; i < 20; i++) {
		enum lz_status st = lz_unmap(dom, IOVA + i * LZ_PAGE, LZ_PAGE);

		assert_true(st == LZ_OK || st == LZ_IN_CUSTODY);
		rig_sleep(LZ_US(20));
	}
	side.stop = true;
	while (!side.done)
		rig_sleep(LZ_US(50));
	r->on_mmio = NULL;
	assert_true(t.lap > 2 * queue(r)->ring.size);
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
	assert_false(rig_dma_cached(r, 0));
	finish(r, dom);
}

static void h42_nobody_rewinds(void **state)
{
	struct rig_opts o = {.devs = 2, .cmdq_log2 = 2, .ats_timeout = LZ_US(20)};

	(void)state;
	rig_run_seeds(&o, 6, slots_reused_during_errors);
	o.regime = "fail_thrice";
	rig_run_seeds(&o, 6, slots_reused_during_errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h29_two_timeouts_two_marks),
		cmocka_unit_test(h30_late_mark_blames_no_later_lap),
		cmocka_unit_test(h31_mark_survives_the_end_of_publication),
		cmocka_unit_test(h32_mark_is_looked_at_when_the_poll_succeeds),
		cmocka_unit_test(h33_marked_before_acknowledged),
		cmocka_unit_test(h33_marks_are_out_before_the_acknowledge),
		cmocka_unit_test(h34_stall_and_timeout_are_told_apart),
		cmocka_unit_test(h42_nobody_rewinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
