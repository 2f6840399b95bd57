/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command queue: fetching (also ahead), consuming, publishing CONS, stopping
 * at an error, resuming after the acknowledge, and disable/enable (3.5, 4.1,
 * 6.3.9, 7.1). ECMDQs (3.5.6) and VCMDQs follow the same rules with an enable and
 * an error of their own.
 */
#include "smmu.h"

#include <string.h>

static uint32_t waiting(const struct lzm_cmdq *q)
{
	return lzm_q_used(q->q.prod, q->rd, lzm_q_log2(&q->q));
}

/* Enable and acknowledge. */
bool lzm_cmdq_running(const struct lzm_smmu *s, const struct lzm_cmdq *q)
{
	return q->kind == CMDQ_MAIN ? lzm_enabled(s, CR0_CMDQEN) : q->enack;
}

/* Disabled and not acknowledged yet: nothing more is fetched. */
static bool may_fetch(const struct lzm_smmu *s, const struct lzm_cmdq *q)
{
	return q->kind == CMDQ_MAIN ? (s->cr0 & CR0_CMDQEN) != 0 : q->en;
}

/* Errors of one queue are no business of the others. */
bool lzm_cmdq_failed(const struct lzm_smmu *s, const struct lzm_cmdq *q)
{
	if (q->kind != CMDQ_MAIN)
		return q->err != q->errack;
	return lzm_gerror_active(s, GERROR_CMDQ) || (s->gerror_pending & GERROR_CMDQ);
}

void lzm_cmdq_publish(struct lzm_cmdq *q)
{
	q->q.cons = q->rd;
	q->unpublished = 0;
}

void lzm_cmdq_restart_fetch(struct lzm_cmdq *q)
{
	q->fetched_head = 0;
	q->fetched_count = 0;
	q->sync_waiting = false;
}

void lzm_cmdq_write_prod(struct lzm_smmu *s, struct lzm_cmdq *q, uint32_t value)
{
	uint32_t log2 = lzm_q_log2(&q->q), used, before = waiting(q);

	value &= Q_INDEX_MASK;
	used = lzm_q_used(value, q->rd, log2);
	if (lzm_cmdq_running(s, q)) {
		if (used > BIT(log2))
			lzm_misuse(s, "CMDQ_PROD 0x%x overruns CONS 0x%x", value, q->rd);
		else if (used < before && !lzm_cmdq_failed(s, q))
			lzm_misuse(s, "CMDQ_PROD moved back to 0x%x", value);
	}
	q->q.prod = value;
}

/* CONS first; for the SMMU's own queue GERROR and the interrupt follow in steps
 * of their own. */
static void fail(struct lzm_smmu *s, struct lzm_cmdq *q, int code)
{
	lzm_cmdq_restart_fetch(q);
	lzm_cmdq_publish(q);
	q->err_code = (uint32_t)code;
	s->stats.cmdq_errors++;
	if (q->kind == CMDQ_MAIN) {
		lzm_gerror_raise(s, GERROR_CMDQ);
		return;
	}
	q->err = !q->err;
	if (q->kind == CMDQ_ECMDQ)
		lzm_gerror_raise(s, GERROR_CMDQP);
	else
		lzm_cmdqv_error(s->cmdqv, q);
}

static bool read_entry(struct lzm_smmu *s, const struct lzm_cmdq *q, uint32_t index,
		       uint64_t cmd[2])
{
	return lzm_mem_read(s, lzm_q_slot(&q->q, index, 4), cmd, 16);
}

/* One entry more into the prefetch buffer. A prefetch that aborts is dropped;
 * the abort counts only when the command itself is due. */
static bool fetch(struct lzm_smmu *s, struct lzm_cmdq *q)
{
	uint64_t *slot = q->fetched[(q->fetched_head + q->fetched_count) % (PREFETCH_MAX + 1)];
	bool ok = !s->cmdq_abort && read_entry(s, q, q->rd + q->fetched_count, slot);

	if (ok) {
		q->fetched_count++;
	} else if (!q->fetched_count) {
		s->cmdq_abort = false;
		fail(s, q, CERROR_ABT);
	}
	return ok;
}

static bool can_prefetch(const struct lzm_smmu *s, const struct lzm_cmdq *q)
{
	return q->fetched_count && q->fetched_count <= s->cfg.knobs.prefetch && !s->cmdq_abort &&
	       q->fetched_count < waiting(q);
}

/* Changing a submitted entry without an error is forbidden (3.21.2): the model
 * goes on with what it fetched and says so. */
static void check_rewritten(struct lzm_smmu *s, const struct lzm_cmdq *q, const uint64_t cmd[2])
{
	uint64_t now[2];

	if (read_entry(s, q, q->rd, now) && memcmp(now, cmd, sizeof(now)))
		lzm_misuse(s, "submitted command at 0x%x rewritten without an error", q->rd);
}

static void consume(struct lzm_smmu *s, struct lzm_cmdq *q)
{
	unsigned batch = s->cfg.knobs.cons_batch;

	q->rd = (q->rd + 1) & lzm_q_wrap_mask(lzm_q_log2(&q->q)) & Q_INDEX_MASK;
	q->fetched_head = (q->fetched_head + 1) % (PREFETCH_MAX + 1);
	q->fetched_count--;
	s->stats.commands++;
	if (q->kind != CMDQ_MAIN) {
		s->stats.lane_commands++;
		s->stats.lanes += !q->counted;
		q->counted = true;
	}
	if (++q->unpublished >= batch)
		lzm_cmdq_publish(q);
}

static bool sync_progress(struct lzm_smmu *s, struct lzm_cmdq *q, uint64_t now, bool first)
{
	switch (lzm_sync_try(s, q, now, first)) {
	case SYNC_WAITS:
		if (q->unpublished)
			lzm_cmdq_publish(q);
		return first;
	case SYNC_FAILS:
		fail(s, q, CERROR_ATC_INV_SYNC);
		return true;
	case SYNC_DONE:
		break;
	}
	if (!first)
		check_rewritten(s, q, q->sync_cmd);
	q->sync_waiting = false;
	s->stats.syncs++;
	consume(s, q);
	lzm_sync_signal(s, q);
	return true;
}

static bool execute(struct lzm_smmu *s, struct lzm_cmdq *q, uint64_t now)
{
	uint64_t cmd[2];
	int err;

	memcpy(cmd, q->fetched[q->fetched_head], sizeof(cmd));
	if (s->cfg.knobs.prefetch)
		check_rewritten(s, q, cmd);
	err = q->kind == CMDQ_VCMDQ ? lzm_cmdqv_admit(q, cmd) : CERROR_NONE;
	if (!err)
		err = lzm_command(s, q, cmd);
	if (err) {
		fail(s, q, err);
		return true;
	}
	if (CMD_OP(cmd[0]) != CMD_SYNC) {
		consume(s, q);
		return true;
	}
	memcpy(q->sync_cmd, cmd, sizeof(q->sync_cmd));
	q->sync_waiting = true;
	q->sync_since = now;
	return sync_progress(s, q, now, true);
}

static bool stopped(const struct lzm_smmu *s, const struct lzm_cmdq *q)
{
	return !lzm_cmdq_running(s, q) || s->sfm || lzm_cmdq_failed(s, q);
}

bool lzm_cmdq_step(struct lzm_smmu *s, struct lzm_cmdq *q, uint64_t now)
{
	if (stopped(s, q) || now < s->stalled_until)
		return false;
	if (can_prefetch(s, q) && may_fetch(s, q) && fetch(s, q))
		return true;
	if (q->sync_waiting)
		return sync_progress(s, q, now, false);
	if (!may_fetch(s, q))
		return false;
	if (!waiting(q)) {
		if (!q->unpublished)
			return false;
		lzm_cmdq_publish(q);
		return true;
	}
	if (!q->fetched_count) {
		if (!fetch(s, q) || s->cfg.knobs.prefetch)
			return true;
	}
	return execute(s, q, now);
}

uint64_t lzm_cmdq_wake(const struct lzm_smmu *s, const struct lzm_cmdq *q, uint64_t now)
{
	if (stopped(s, q))
		return LZM_NEVER;
	if (now < s->stalled_until)
		return waiting(q) ? s->stalled_until : LZM_NEVER;
	if (q->sync_waiting)
		return can_prefetch(s, q) && may_fetch(s, q) ? now : lzm_sync_wake(s, q, now);
	if (!may_fetch(s, q))
		return LZM_NEVER;
	return waiting(q) || q->unpublished ? now : LZM_NEVER;
}

/* Whether the enable's acknowledge may fall now (6.3.9): with restart_waits a
 * sync in progress ends or errors first; one that does neither is given up in time. */
bool lzm_cmdq_may_stop(const struct lzm_smmu *s, const struct lzm_cmdq *q, uint64_t now)
{
	return !s->cfg.knobs.restart_waits || !q->sync_waiting || stopped(s, q) ||
	       (s->cfg.knobs.sync_never && now - q->sync_since >= s->cfg.knobs.ats_timeout_ns);
}

void lzm_cmdq_stop(struct lzm_smmu *s, struct lzm_cmdq *q)
{
	lzm_cmdq_restart_fetch(q);
	lzm_cmdq_publish(q);
	if (s->cfg.knobs.restart_forgets)
		lzm_atc_forget_all(&q->atc);
}
