/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CMD_SYNC: waits for the outstanding Invalidate Requests, fails when one has
 * timed out (3.9.1.4, 4.7.3), and signals completion. What a repeated sync
 * does about requests that were reported is left open by the architecture:
 * knob `resync`.
 */
#include "smmu.h"

static void expire(struct lzm_smmu *s, struct lzm_atc_set *a, struct lzm_atc_req *r)
{
	r->state = ATC_TIMED_OUT;
	r->fails_left = s->cfg.knobs.resync_fails;
	a->timed_out++;
	s->stats.atc_timeouts++;
}

static void forget_reported(struct lzm_atc_set *a)
{
	size_t i;

	for (i = 0; a->timed_out && i < a->len; i++)
		if (a->req[i].state == ATC_TIMED_OUT)
			lzm_atc_settle(a, &a->req[i]);
}

/* LZM_RESYNC_FAILS_N: counts one failure per reported request, forgets those
 * that have failed often enough. */
static bool fails_again(struct lzm_atc_set *a)
{
	bool again = false;
	size_t i;

	for (i = 0; i < a->len; i++) {
		struct lzm_atc_req *r = &a->req[i];

		if (r->state != ATC_TIMED_OUT)
			continue;
		if (r->fails_left) {
			r->fails_left--;
			again = true;
		} else {
			lzm_atc_settle(a, r);
		}
	}
	return again;
}

static bool reported_fail(struct lzm_smmu *s, struct lzm_atc_set *a)
{
	switch (s->cfg.knobs.resync) {
	case LZM_RESYNC_FAILS_N:
		return fails_again(a);
	case LZM_RESYNC_FAILS_UNTIL_RESET:
		return true;
	case LZM_RESYNC_SUCCEEDS:
		break;
	}
	forget_reported(a);
	return false;
}

static bool lost_too(struct lzm_smmu *s)
{
	return s->cfg.knobs.late_subset &&
	       lzm_choose(s, LZM_CHOOSE_LOST, 2, (unsigned)(lzm_random(s) & 1));
}

/* Which requests failed is unknown to software: with late_subset some that
 * were still in time are given up along with the dead ones. */
static bool timed_out(struct lzm_smmu *s, struct lzm_atc_set *a, uint64_t now)
{
	struct lzm_atc_req *r = lzm_atc_first_wait(a);
	size_t i;

	if (!r || now - r->issued < s->cfg.knobs.ats_timeout_ns)
		return false;
	for (i = a->first_wait; i < a->len; i++) {
		r = &a->req[i];
		if (r->state != ATC_WAIT)
			continue;
		if (now - r->issued >= s->cfg.knobs.ats_timeout_ns || lost_too(s))
			expire(s, a, r);
	}
	return true;
}

static enum lzm_sync_state try_set(struct lzm_smmu *s, struct lzm_atc_set *a, uint64_t now,
				   bool first)
{
	if (!a->unsettled)
		return SYNC_DONE;
	if (s->cfg.knobs.sync_never)
		return SYNC_WAITS;
	if (first && a->timed_out && reported_fail(s, a))
		return SYNC_FAILS;
	if (!a->unsettled)
		return SYNC_DONE;
	return timed_out(s, a, now) ? SYNC_FAILS : SYNC_WAITS;
}

/* ---- timeouts that are kept for all queues together (knob shared_timeouts) ---- */

/* Not seen by software yet. */
static bool error_on_its_way(const struct lzm_smmu *s)
{
	return s->gerror_pending & (GERROR_CMDQ | GERROR_CMDQP);
}

static bool reported_fail_any(struct lzm_smmu *s)
{
	unsigned i, n = lzm_lanes(s);
	bool again = false;

	for (i = 0; i < n; i++)
		if (lzm_lane(s, i)->atc.timed_out)
			again |= reported_fail(s, &lzm_lane(s, i)->atc);
	return again;
}

static bool timed_out_any(struct lzm_smmu *s, uint64_t now)
{
	unsigned i, n = lzm_lanes(s);
	bool any = false;

	for (i = 0; i < n; i++)
		any |= timed_out(s, &lzm_lane(s, i)->atc, now);
	return any;
}

/*
 * The first sync that looks fails for whatever has timed out, of any queue, and that
 * has been told then. The sync that was waiting for it completes, with knob `resync`
 * as with the repeated sync of one queue, but not before the error can be seen: no
 * software could tell otherwise.
 */
static enum lzm_sync_state try_shared(struct lzm_smmu *s, struct lzm_cmdq *q, uint64_t now,
				      bool first)
{
	if (s->cfg.knobs.sync_never)
		return q->atc.unsettled ? SYNC_WAITS : SYNC_DONE;
	if (timed_out_any(s, now))
		return SYNC_FAILS;
	if (first && reported_fail_any(s))
		return SYNC_FAILS;
	if (!first && q->atc.timed_out) {
		if (error_on_its_way(s))
			return SYNC_WAITS;
		if (reported_fail(s, &q->atc))
			return SYNC_FAILS;
	}
	return q->atc.unsettled ? SYNC_WAITS : SYNC_DONE;
}

/* ---- what a disabled VCMDQ left behind ---- */

/* What a disabled VCMDQ left behind waits for the SMMU's own queue. */
static bool left_behind(const struct lzm_smmu *s, const struct lzm_cmdq *q)
{
	return q->kind == CMDQ_VCMDQ && !lzm_cmdq_running(s, q) && q->atc.unsettled;
}

/* A sync on the SMMU's own queue drains them, silently or with an error of its
 * own: knob drain_reports (one source says the former is done, nobody says which). */
static enum lzm_sync_state drain(struct lzm_smmu *s, uint64_t now)
{
	unsigned i, n = lzm_lanes(s);

	for (i = 1 + s->n_ecmdq; i < n; i++) {
		struct lzm_cmdq *q = lzm_lane(s, i);
		struct lzm_atc_req *r;

		if (!left_behind(s, q))
			continue;
		if (timed_out(s, &q->atc, now) || q->atc.timed_out) {
			forget_reported(&q->atc);
			if (s->cfg.knobs.drain_reports)
				return SYNC_FAILS;
		}
		r = lzm_atc_first_wait(&q->atc);
		if (r)
			return SYNC_WAITS;
	}
	return SYNC_DONE;
}

enum lzm_sync_state lzm_sync_try(struct lzm_smmu *s, struct lzm_cmdq *q, uint64_t now, bool first)
{
	enum lzm_sync_state state = s->cfg.knobs.shared_timeouts ? try_shared(s, q, now, first)
								 : try_set(s, &q->atc, now, first);

	return state == SYNC_DONE && q->kind == CMDQ_MAIN && s->cmdqv ? drain(s, now) : state;
}

/* When the oldest request that waits is given up. */
static uint64_t due(const struct lzm_smmu *s, const struct lzm_atc_set *a, uint64_t now)
{
	size_t i = a->first_wait;
	uint64_t at;

	while (i < a->len && a->req[i].state != ATC_WAIT)
		i++;
	if (i == a->len)
		return LZM_NEVER;
	at = a->req[i].issued + s->cfg.knobs.ats_timeout_ns;
	return at > now ? at : now;
}

static uint64_t shared_wake(const struct lzm_smmu *s, const struct lzm_cmdq *q, uint64_t now)
{
	unsigned i, n = lzm_lanes(s);
	uint64_t wake = LZM_NEVER;

	if (s->cfg.knobs.sync_never)
		return LZM_NEVER;
	if (q->atc.timed_out)
		return error_on_its_way(s) ? LZM_NEVER : now; /* that makes it look again */
	for (i = 0; i < n; i++) {
		uint64_t at = due(s, &lzm_lane(s, i)->atc, now);

		wake = at < wake ? at : wake;
	}
	return wake;
}

uint64_t lzm_sync_wake(const struct lzm_smmu *s, const struct lzm_cmdq *q, uint64_t now)
{
	unsigned i, n = lzm_lanes(s);
	uint64_t wake = LZM_NEVER;

	if (q->atc.unsettled && s->cfg.knobs.shared_timeouts)
		return shared_wake(s, q, now);
	if (q->atc.unsettled)
		return s->cfg.knobs.sync_never ? LZM_NEVER : due(s, &q->atc, now);
	if (q->kind != CMDQ_MAIN || !s->cmdqv)
		return now;
	for (i = 1 + s->n_ecmdq; i < n; i++) {
		const struct lzm_cmdq *other = lzm_lane(s, i);
		uint64_t at = left_behind(s, other) ? due(s, &other->atc, now) : LZM_NEVER;

		if (at < wake)
			wake = at;
	}
	return wake == LZM_NEVER ? now : wake;
}

/* The consumption is visible in CONS before the MSI is (4.7.3). */
void lzm_sync_signal(struct lzm_smmu *s, struct lzm_cmdq *q)
{
	const uint64_t *cmd = q->sync_cmd;
	uint64_t addr = cmd[1] & SMMU_ADDR_MASK & ~UINT64_C(3);

	if (CMD_SYNC_CS(cmd[0]) != 1)
		return;
	lzm_cmdq_publish(q);
	if (s->cfg.msi && addr)
		lzm_msi_write(s, addr, (uint32_t)(cmd[0] >> 32), GERROR_MSI_CMDQ);
	else
		lzm_irq_raise(s, LZM_IRQ_CMD_SYNC);
}
