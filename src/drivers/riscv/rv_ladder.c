/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When no fence succeeds: the same error again and again, or neither error nor
 * progress. Rungs in this order, each with its proof; memory stays in custody until one
 * is proven (H84, H97):
 *
 *   restart   cqen off, everything that was not fenced counts as failed (H94), on
 *             again, everything invalidated; proof: that batch's fence
 *   function  drivers/common/rungs.h
 *   abort     by policy: ddtp Off; proof: it is not busy any more
 *
 * There is no rung that rewrites the failed fence: hardware may have fetched it, so the
 * entry may be read again or not. After the last rung the queue is tried again now and
 * then, and at once when a reset succeeded. Runs in the work.
 */
#include "drivers/common/rungs.h"
#include "drivers/riscv/riscv.h"

#define RETRY_NS LZ_SEC(1)

static bool proven(struct lz_rv *s)
{
	lz_ns deadline = 0;

	return lz_rv_queue_run(s, NULL, 0, &deadline) == LZ_OK;
}

/* ---- restart ---- */

static bool queue_stopped(void *arg)
{
	uint32_t csr = lz_rv_read32(arg, RV_CQCSR);

	return !(csr & (RV_QCSR_ON | RV_QCSR_BUSY));
}

static bool not_busy(void *arg)
{
	return !(lz_rv_read32(arg, RV_CQCSR) & RV_QCSR_BUSY);
}

static bool queue_runs(void *arg)
{
	uint32_t csr = lz_rv_read32(arg, RV_CQCSR);

	return (csr & (RV_QCSR_ON | RV_QCSR_BUSY)) == RV_QCSR_ON;
}

static bool wait_csr(struct lz_rv *s, bool (*pred)(void *))
{
	return lz_wait(s->lz, pred, s, lz_now(s->lz) + s->lz->cfg.sync_bound);
}

/* The queue is off. cqh and cqt begin at 0 again, so positions go on at the next whole
 * lap; a waiter that looks meanwhile sees cqh no further than that, and what he waits
 * for is marked before cqh moves. */
static void drop_unfenced(struct lz_rv *s)
{
	struct lz_rv_queue *q = &s->cmdq;
	unsigned long flags = lz_spin_lock(&s->err_lock);
	uint64_t end = lz_load64_acquire(&q->published);

	for (uint64_t p = lz_rv_queue_head(s); p < end; p++)
		if (lz_rv_cmd_op(lz_dma_load64(lz_rv_queue_slot(q, p))) == RV_OP_IOFENCE_C)
			lz_rv_queue_set_mark(q, p, RV_MARK_FAILED);
	lz_dma_wmb(); /* M: marks before cqh */
	end = (end + q->mask) & ~(uint64_t)q->mask;
	lz_store64(&q->tail, end | RV_FROZEN);
	lz_store64_release(&q->published, end);
	lz_store64_release(&q->limit, end + q->room);
	q->begun = end;
	q->err_pos = 0;
	q->err_count = 0;
	s->carry = true;
	lz_store32(&s->held_error, 0);
	lz_rv_write32(s, RV_CQT, 0);
	lz_rv_write32(s, RV_CQCSR, RV_QCSR_EN | RV_QCSR_IE);
	lz_rv_stall_forget(s);
	lz_spin_unlock(&s->err_lock, flags);
}

static enum lz_status restart_finish(struct lz_rv *s)
{
	const struct lz_rv_cmd all[2] = {lz_rv_cmd_ddt_all(), lz_rv_cmd_vma_all()};
	lz_ns deadline = 0;
	bool runs;

	drop_unfenced(s);
	runs = wait_csr(s, queue_runs);
	s->ladder.frozen = false;
	lz_rv_queue_thaw(s);
	return runs ? lz_rv_queue_run(s, all, 2, &deadline) : LZ_ETIMEDOUT;
}

/* Whatever was fetched may still be carried out, so cqon may stay for as long as an
 * ATS.INVAL is out, and nothing may be touched before it is gone: then producers stay
 * frozen and the restart goes on at a later step. */
static enum lz_status rung_restart(struct lz_rv *s)
{
	enum lz_status st = lz_rv_queue_freeze(s);
	unsigned long flags;

	if (st != LZ_OK)
		return st;
	if (!wait_csr(s, not_busy)) {
		lz_rv_queue_thaw(s);
		return LZ_ETIMEDOUT;
	}
	s->ladder.frozen = true;
	flags = lz_spin_lock(&s->err_lock);
	lz_rv_write32(s, RV_CQCSR, 0);
	lz_spin_unlock(&s->err_lock, flags);
	return wait_csr(s, queue_stopped) ? restart_finish(s) : LZ_ETIMEDOUT;
}

/* ---- when ---- */

static bool held(struct lz_rv *s)
{
	return lz_load32(&s->held_error);
}

/* Not empty, and cqh has stood still for longer than any timeout allows. */
static bool stalled(struct lz_rv *s)
{
	uint64_t head = lz_rv_queue_head(s);
	bool empty = head == lz_load64_acquire(&s->cmdq.published);
	lz_ns now = lz_now(s->lz);

	/* The time counts from when something was seen waiting, not from when the queue
	 * fell idle. */
	if (head != s->ladder.last_head || empty || !s->ladder.last_progress) {
		s->ladder.last_head = head;
		s->ladder.last_progress = empty ? 0 : now;
		return false;
	}
	return now - s->ladder.last_progress >= s->lz->cfg.late_bound;
}

/* No error will tell: what the fence in progress waits for is suspect. Commands before
 * it may have been passed. */
static void accuse_head(struct lz_rv *s)
{
	uint64_t pos = lz_rv_queue_head(s);
	unsigned long flags = lz_spin_lock(&s->err_lock);

	if (lz_rv_cmd_op(lz_dma_load64(lz_rv_queue_slot(&s->cmdq, pos))) == RV_OP_IOFENCE_C)
		lz_rv_accuse_unsettled(s, pos, false);
	lz_spin_unlock(&s->err_lock, flags);
}

static void begin(struct lz_rv *s, bool sticky)
{
	struct lz_event ev = {
		.kind = LZ_EV_QUEUE_STALLED, .iommu = &s->iommu, .detail = lz_rv_read32(s, RV_CQH)};

	lz_emit(s->lz, &ev);
	if (!sticky)
		accuse_head(s);
	s->ladder.next_try = lz_now(s->lz) + RETRY_NS;
	s->ladder.state = LZ_CONFIG_LADDER ? RV_LADDER_RESTART : RV_LADDER_EXHAUSTED;
}

static void over(struct lz_rv *s)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);

	s->carry = false;
	lz_spin_unlock(&s->err_lock, flags);
	s->ladder.state = RV_LADDER_NONE;
	s->ladder.last_progress = 0;
	lz_identify_settled(&s->iommu, &s->cmdq);
}

/* ---- the climb ---- */

static enum lz_status rung_abort(struct lz_rv *s)
{
	enum lz_status st = lz_rv_hw_abort_all(s);

	lz_rung_tell(&s->iommu, NULL, LZ_RUNG_GLOBAL_ABORT, st);
	return st;
}

/* An operator does not wait for the rungs before. Nobody is probed any more. */
bool lz_rv_abort_ordered(struct lz_rv *s)
{
	enum lz_status st;

	if (!LZ_CONFIG_OPERATOR || !lz_load32(&s->ordered))
		return false;
	lz_store32(&s->ordered, 0);
	st = rung_abort(s);
	(void)lz_fetch_add32(&s->iommu.aborts_tried, 1);
	return st == LZ_OK;
}

static void climb(struct lz_rv *s)
{
	enum lz_status st;

	switch (s->ladder.state) {
	case RV_LADDER_RESTART:
		st = rung_restart(s);
		lz_rung_tell(&s->iommu, NULL, LZ_RUNG_RESTART, st);
		s->ladder.state = st == LZ_OK ? RV_LADDER_NONE : RV_LADDER_FUNCTION_OFF;
		break;
	case RV_LADDER_FUNCTION_OFF:
		lz_rung_functions_off(&s->iommu);
		s->ladder.state = RV_LADDER_ABORT;
		break;
	case RV_LADDER_ABORT:
		if (lz_load32(&s->lz->policy) & LZ_POLICY_GLOBAL_ABORT)
			(void)rung_abort(s);
		s->ladder.next_try = lz_now(s->lz) + RETRY_NS;
		s->ladder.state = RV_LADDER_EXHAUSTED;
		break;
	case RV_LADDER_EXHAUSTED:
	case RV_LADDER_NONE:
		break;
	}
	if (s->ladder.state == RV_LADDER_NONE)
		over(s);
}

static void clear_held(struct lz_rv *s, uint32_t count)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);

	lz_rv_clear_locked(s);
	s->cmdq.err_count = count;
	lz_spin_unlock(&s->err_lock, flags);
}

/* The error is cleared once more, or the rest of a restart. True: it works again. */
static bool try_again(struct lz_rv *s)
{
	if (LZ_CONFIG_LADDER && s->ladder.frozen)
		return queue_stopped(s) && restart_finish(s) == LZ_OK;
	clear_held(s, s->lz->cfg.settle_max); /* the next one is held again */
	return proven(s);
}

/* Most queues that are looked at are empty a moment later: no reason to have work
 * pending until `at`. */
static lz_ns sooner(struct lz_rv *s, lz_ns at)
{
	lz_ns soon = lz_now(s->lz) + RETRY_NS;

	return at < soon ? at : soon;
}

bool lz_rv_ladder(struct lz_rv *s, lz_ns *again)
{
	bool retry = lz_load32(&s->retry);

	/* What had begun when containment was switched off is finished. */
	if (!lz_contains(s->lz) && s->ladder.state == RV_LADDER_NONE) {
		if (held(s))
			clear_held(s, 0);
		return false;
	}
	if (s->ladder.state == RV_LADDER_NONE) {
		bool sticky = held(s);

		lz_store32(&s->retry, 0);
		if (!sticky && !stalled(s)) {
			if (s->ladder.last_progress)
				*again = sooner(s, s->ladder.last_progress + s->lz->cfg.late_bound);
			return false;
		}
		begin(s, sticky);
	}
	while (LZ_CONFIG_LADDER && s->ladder.state != RV_LADDER_NONE &&
	       s->ladder.state != RV_LADDER_EXHAUSTED)
		climb(s);
	if (s->ladder.state == RV_LADDER_NONE)
		return false;
	if (retry || lz_now(s->lz) >= s->ladder.next_try) {
		lz_store32(&s->retry, 0);
		if (!lz_rv_dead(s) && try_again(s)) {
			over(s);
			return false;
		}
		s->ladder.next_try = lz_now(s->lz) + RETRY_NS;
	}
	*again = lz_rv_dead(s) ? LZ_NEVER : s->ladder.next_try;
	return true;
}
