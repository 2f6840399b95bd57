/* SPDX-License-Identifier: BSD-2-Clause */
/* Command queue: repeated failures, and what counts as evidence. */
#include "lazaret/pci.h"
#include "tests/hazards/queue.h"

/* Owners' resets until everybody is well; for regimes that need one. */
static void reset_everybody(struct rig *r)
{
	for (unsigned pass = 0; pass < 4; pass++)
		for (unsigned i = 0; i < r->opt.devs; i++)
			if (rig_health(r, i).fence != LZ_FENCE_OPEN) {
				enum lz_status st = lz_pci_reset_flr(r->dev[i].dev);

				/* Another one may still hold up the queue. */
				assert_true(st == LZ_OK || st == LZ_ETIMEDOUT);
			}
	assert_true(rig_until(r, rig_idle, LZ_SEC(100)));
}

/* ---- H77 ---- */

static void count_acknowledges(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	if (write && off == SMMU_GERRORN)
		*(unsigned *)r->test += (peek(r, SMMU_GERRORN) ^ value) & SMMU_GERROR_CMDQ_ERR;
}

static unsigned repeats;

static void fails_repeatedly(struct lzm_smmu_config *c)
{
	c->knobs.resync = LZM_RESYNC_FAILS_N;
	c->knobs.resync_fails = repeats;
}

static void repeated_sync(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint32_t max = r->opt.cfg.settle_max;
	unsigned acknowledged = 0;
	struct lz_stats st;
	uint64_t sync;

	rig_silence(r, 0);
	r->test = &acknowledged;
	r->on_mmio = count_acknowledges;
	sync = send_atc(r, 0);
	assert_int_equal(wait_sync(r, sync, LZ_MS(20)), repeats < max ? LZ_EIO : LZ_ETIMEDOUT);
	assert_int_equal(acknowledged, repeats < max ? repeats + 1 : max);
	lz_stats_get(r->lz, &st);
	assert_int_equal(st.atc_timeouts, 1);
	assert_int_equal(rig_count(r, LZ_EV_TIMEOUT, -1), 1);
	assert_int_equal(rig_health(r, 0).timeouts, 1);
	r->on_mmio = NULL;
	rig_start_worker(r);
	await_told(r, 0);
	if (repeats >= max)
		reset_everybody(r);
	finish(r, dom);
}

static void h77_repetitions_are_bounded_and_counted_once(void **state)
{
	static const unsigned times[] = {0, 1, 3, 7, 40};
	struct rig_opts o = {
		.no_worker = true, .tune = fails_repeatedly, .cfg.sync_bound = LZ_MS(20)};

	(void)state;
	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		repeats = times[i];
		rig_run_seeds(&o, 3, repeated_sync);
	}
}

/* ---- H78 ---- */

struct proofs {
	unsigned asked[RIG_DEVS]; /* ATC_INVs that had reached it when it was accused */
	bool dead[RIG_DEVS];
};

static void exonerated_by_an_answer(struct rig *r, const struct rig_event *e)
{
	struct proofs *t = r->test;

	if (e->ev.kind == LZ_EV_SUSPECT)
		t->asked[e->device] = r->atc_invs[e->device];
	if (e->ev.kind == LZ_EV_EXONERATED) {
		assert_false(t->dead[e->device]);
		assert_true(r->atc_invs[e->device] > t->asked[e->device]);
	}
}

static void two_dead_among_three(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 3);
	struct proofs t = {.dead = {true, true, true}};
	unsigned sound = r->opt.seed % 3;

	warm(r, dom, IOVA, 3);
	t.dead[sound] = false;
	for (unsigned i = 0; i < 3; i++)
		if (i != sound)
			rig_silence(r, i);
	r->test = &t;
	r->on_event = exonerated_by_an_answer;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, NULL);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, (int)i), i != sound);
	assert_int_equal(r->released, LZ_PAGE);
	r->on_event = NULL;
	rig_drop(r, dom);
}

/* The hardware takes no commands from the first probe on, until the queue is
 * restarted: that probe was never carried out. */
static void stall_first_probe(struct rig *r, const struct rig_event *e)
{
	exonerated_by_an_answer(r, e);
	if (e->ev.kind == LZ_EV_PROBE && rig_count(r, LZ_EV_PROBE, -1) == 1)
		lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_SEC(100));
}

static void end_stall_at_restart(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	(void)value;
	if (write && off == SMMU_CR0)
		lzm_smmu_inject_cmdq_stall(r->smmu, 0);
}

static void probe_dropped_by_a_restart(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct proofs t = {.dead = {true, true}};

	warm(r, dom, IOVA, 2);
	rig_silence(r, 0);
	rig_silence(r, 1);
	r->test = &t;
	r->on_event = stall_first_probe;
	r->on_mmio = end_stall_at_restart;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, NULL);
	assert_true(rig_count(r, LZ_EV_ESCALATED, -1));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 1), 1);
	r->on_event = NULL;
	r->on_mmio = NULL;
	rig_drop(r, dom);
}

static void h78_only_a_fresh_answer_exonerates(void **state)
{
	static const char *const regime[] = {"fail_once", "fail_thrice", "subset_late",
					     "restart_forgets", "hostile"};
	struct rig_opts o = {.devs = 3};

	(void)state;
	for (unsigned i = 0; i < sizeof(regime) / sizeof(regime[0]); i++) {
		o.regime = regime[i];
		rig_run_seeds(&o, 6, two_dead_among_three);
	}
	o = (struct rig_opts){.devs = 2, .cfg.sync_bound = LZ_MS(10), .cfg.late_bound = LZ_MS(20)};
	rig_run_seeds(&o, 6, probe_dropped_by_a_restart);
}

/* ---- H83 ---- */

/* A failed sync accuses what stands between it and the last good one, and
 * whoever happens to have issued it is told but not blamed. */
static void somebody_elses_sync_fails(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct lz_command tlbi = lz_smmu_cmd_harmless();
	uint64_t before, lone, pos;
	lz_ns deadline = 0;
	unsigned long flags;

	before = send_atc(r, 1);
	assert_int_equal(wait_sync(r, before, LZ_MS(1)), LZ_OK);
	rig_silence(r, 0);
	assert_int_equal(lz_ring_reserve(&queue(r)->ring, 1, &pos, &flags), LZ_OK);
	lz_ring_write(&queue(r)->ring, pos, atc_of(r, 0));
	lz_ring_publish(&queue(r)->ring, pos, 1, flags);
	lone = send(r, NULL, 0);
	assert_int_equal(lz_smmu_queue_run(queue(r), &tlbi, 1, &deadline), LZ_OK);
	assert_int_equal(lz_smmu_queue_look(queue(r), lone), LZ_EIO);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 0), 1);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 1), 0);
	finish(r, NULL);
	assert_int_equal(rig_health(r, 0).evidence, LZ_EVIDENCE_NAMED);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 1), 0);
	rig_drop(r, dom);
}

struct settling {
	bool unsettled;	   /* an error was acknowledged, no good sync seen since */
	uint64_t error_at; /* where the last one was */
	uint64_t good;	   /* position of the last sync without ATC_INV, + 1 */
	unsigned checked;
};

/* After an error no ATC_INV is sent before a later sync has succeeded. */
static void settled_before_atc_inv(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	struct lz_smmu_queue *q = queue(r);
	struct settling *t = r->test;
	uint32_t n = ((uint32_t)value - (uint32_t)q->ring.published) & (2 * q->ring.size - 1);
	bool atc = false;

	if (write && off == SMMU_GERRORN) {
		t->unsettled = true;
		t->error_at = hardware_cons(r);
	}
	if (!write || off != SMMU_CMDQ_PROD)
		return;
	for (uint64_t p = q->ring.published; p < q->ring.published + n; p++)
		atc |= lz_smmu_cmd_op(*lz_ring_slot(&q->ring, p)) == SMMU_OP_ATC_INV;
	if (!atc) {
		t->good = q->ring.published + n;
		return;
	}
	if (!t->unsettled)
		return;
	assert_true(t->good > t->error_at + 1);
	assert_int_equal(lz_smmu_queue_look(queue(r), t->good - 1), LZ_OK);
	t->unsettled = false;
	t->checked++;
}

static void probes_wait_for_settling(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 3);
	struct settling t = {0};

	warm(r, dom, IOVA, 3);
	rig_silence(r, 0);
	rig_silence(r, 1);
	r->test = &t;
	r->on_mmio = settled_before_atc_inv;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, NULL);
	r->on_mmio = NULL;
	assert_true(t.checked >= 2);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 2), 0);
	rig_drop(r, dom);
}

/* Nothing can be settled: nobody is convicted by a probe. */
static void sticky_error(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 3);
	int e;

	warm(r, dom, IOVA, 3);
	rig_silence(r, 1);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	await_told(r, 1);
	rig_sleep(LZ_MS(500));
	for (unsigned i = 0; i < 3; i++) {
		e = rig_first(r, LZ_EV_QUARANTINED, (int)i);
		assert_true(e < 0 || r->events[e].ev.evidence == LZ_EVIDENCE_ASSUMED);
	}
	assert_int_equal(r->released, 0);
	reset_everybody(r);
	assert_int_equal(r->released, LZ_PAGE);
	rig_drop(r, dom);
}

static void h83_settled_before_a_probe_is_trusted(void **state)
{
	struct rig_opts o = {.devs = 2, .no_worker = true};

	(void)state;
	rig_run_seeds(&o, 6, somebody_elses_sync_fails);
	o = (struct rig_opts){.devs = 3};
	rig_run_seeds(&o, 6, probes_wait_for_settling);
	o.regime = "fail_thrice";
	rig_run_seeds(&o, 6, probes_wait_for_settling);
	o.regime = "fail_forever";
	o.cfg.sync_bound = LZ_MS(20);
	rig_run_seeds(&o, 4, sticky_error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h77_repetitions_are_bounded_and_counted_once),
		cmocka_unit_test(h78_only_a_fresh_answer_exonerates),
		cmocka_unit_test(h83_settled_before_a_probe_is_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
