/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Command queue: fetching (also ahead), consuming, publishing CONS, stopping
 * at an error, resuming after the acknowledge, and disable/enable (3.5, 4.1,
 * 6.3.9, 7.1).
 */
#include "smmu.h"

#include <string.h>

static uint32_t waiting(const struct lzm_smmu *s)
{
	return lzm_q_used(s->cmdq.prod, s->rd, lzm_q_log2(&s->cmdq));
}

void lzm_cmdq_publish(struct lzm_smmu *s)
{
	s->cmdq.cons = (s->cmdq.cons & CONS_ERR_MASK) | s->rd;
	s->unpublished = 0;
}

void lzm_cmdq_restart_fetch(struct lzm_smmu *s)
{
	s->fetched_head = 0;
	s->fetched_count = 0;
	s->sync_waiting = false;
}

void lzm_cmdq_write_prod(struct lzm_smmu *s, uint32_t value)
{
	uint32_t log2 = lzm_q_log2(&s->cmdq), used, before = waiting(s);

	value &= Q_INDEX_MASK;
	used = lzm_q_used(value, s->rd, log2);
	if (lzm_enabled(s, CR0_CMDQEN)) {
		if (used > BIT(log2))
			lzm_misuse(s, "CMDQ_PROD 0x%x overruns CONS 0x%x", value, s->rd);
		else if (used < before && !lzm_gerror_active(s, GERROR_CMDQ) &&
			 !(s->gerror_pending & GERROR_CMDQ))
			lzm_misuse(s, "CMDQ_PROD moved back to 0x%x", value);
	}
	s->cmdq.prod = value;
}

/* CMDQ_CONS first; GERROR and the interrupt follow in steps of their own. */
static void fail(struct lzm_smmu *s, int code)
{
	lzm_cmdq_restart_fetch(s);
	s->cmdq.cons = CONS_ERR(code) | s->rd;
	s->unpublished = 0;
	s->stats.cmdq_errors++;
	lzm_gerror_raise(s, GERROR_CMDQ);
}

static bool read_entry(struct lzm_smmu *s, uint32_t index, uint64_t cmd[2])
{
	return lzm_mem_read(s, lzm_q_slot(&s->cmdq, index, 4), cmd, 16);
}

/* One entry more into the prefetch buffer. A prefetch that aborts is dropped;
 * the abort counts only when the command itself is due. */
static bool fetch(struct lzm_smmu *s)
{
	uint64_t *slot = s->fetched[(s->fetched_head + s->fetched_count) % (PREFETCH_MAX + 1)];
	bool ok = !s->cmdq_abort && read_entry(s, s->rd + s->fetched_count, slot);

	if (ok) {
		s->fetched_count++;
	} else if (!s->fetched_count) {
		s->cmdq_abort = false;
		fail(s, CERROR_ABT);
	}
	return ok;
}

static bool can_prefetch(const struct lzm_smmu *s)
{
	return s->fetched_count && s->fetched_count <= s->cfg.knobs.prefetch && !s->cmdq_abort &&
	       s->fetched_count < waiting(s);
}

/* Changing a submitted entry without an error is forbidden (3.21.2): the model
 * goes on with what it fetched and says so. */
static void check_rewritten(struct lzm_smmu *s, const uint64_t cmd[2])
{
	uint64_t now[2];

	if (read_entry(s, s->rd, now) && memcmp(now, cmd, sizeof(now)))
		lzm_misuse(s, "submitted command at 0x%x rewritten without an error", s->rd);
}

static void consume(struct lzm_smmu *s)
{
	unsigned batch = s->cfg.knobs.cons_batch;

	s->rd = (s->rd + 1) & lzm_q_wrap_mask(lzm_q_log2(&s->cmdq)) & Q_INDEX_MASK;
	s->fetched_head = (s->fetched_head + 1) % (PREFETCH_MAX + 1);
	s->fetched_count--;
	s->stats.commands++;
	if (++s->unpublished >= batch)
		lzm_cmdq_publish(s);
}

static bool sync_progress(struct lzm_smmu *s, uint64_t now, bool first)
{
	switch (lzm_sync_try(s, now, first)) {
	case SYNC_WAITS:
		if (s->unpublished)
			lzm_cmdq_publish(s);
		return first;
	case SYNC_FAILS:
		fail(s, CERROR_ATC_INV_SYNC);
		return true;
	case SYNC_DONE:
		break;
	}
	if (!first)
		check_rewritten(s, s->sync_cmd);
	s->sync_waiting = false;
	s->stats.syncs++;
	consume(s);
	lzm_sync_signal(s, s->sync_cmd);
	return true;
}

static bool execute(struct lzm_smmu *s, uint64_t now)
{
	const uint64_t *cmd = s->fetched[s->fetched_head];
	int err;

	if (s->cfg.knobs.prefetch)
		check_rewritten(s, cmd);
	err = lzm_command(s, cmd);
	if (err) {
		fail(s, err);
		return true;
	}
	if (CMD_OP(cmd[0]) != CMD_SYNC) {
		consume(s);
		return true;
	}
	memcpy(s->sync_cmd, cmd, sizeof(s->sync_cmd));
	s->sync_waiting = true;
	s->sync_since = now;
	return sync_progress(s, now, true);
}

static bool stopped(const struct lzm_smmu *s)
{
	return !lzm_enabled(s, CR0_CMDQEN) || s->sfm || lzm_gerror_active(s, GERROR_CMDQ) ||
	       (s->gerror_pending & GERROR_CMDQ);
}

bool lzm_cmdq_step(struct lzm_smmu *s, uint64_t now)
{
	if (stopped(s) || now < s->stalled_until)
		return false;
	if (can_prefetch(s) && (s->cr0 & CR0_CMDQEN) && fetch(s))
		return true;
	if (s->sync_waiting)
		return sync_progress(s, now, false);
	if (!(s->cr0 & CR0_CMDQEN))
		return false;
	if (!waiting(s)) {
		if (!s->unpublished)
			return false;
		lzm_cmdq_publish(s);
		return true;
	}
	if (!s->fetched_count) {
		if (!fetch(s) || s->cfg.knobs.prefetch)
			return true;
	}
	return execute(s, now);
}

uint64_t lzm_cmdq_wake(const struct lzm_smmu *s, uint64_t now)
{
	if (stopped(s))
		return LZM_NEVER;
	if (now < s->stalled_until)
		return waiting(s) ? s->stalled_until : LZM_NEVER;
	if (s->sync_waiting)
		return can_prefetch(s) && (s->cr0 & CR0_CMDQEN) ? now : lzm_sync_wake(s, now);
	if (!(s->cr0 & CR0_CMDQEN))
		return LZM_NEVER;
	return waiting(s) || s->unpublished ? now : LZM_NEVER;
}

/* Whether CR0ACK.CMDQEN may fall now (6.3.9): with restart_waits a sync in
 * progress ends or errors first; one that does neither is given up in time. */
bool lzm_cmdq_may_stop(const struct lzm_smmu *s, uint64_t now)
{
	return !s->cfg.knobs.restart_waits || !s->sync_waiting || stopped(s) ||
	       (s->cfg.knobs.sync_never && now - s->sync_since >= s->cfg.knobs.ats_timeout_ns);
}

void lzm_cmdq_stop(struct lzm_smmu *s)
{
	lzm_cmdq_restart_fetch(s);
	lzm_cmdq_publish(s);
	if (s->cfg.knobs.restart_forgets)
		lzm_atc_forget_all(s);
}
