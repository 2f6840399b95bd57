/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rungs of the core's ladder (core/climb.c) that are about the queue:
 *
 *   restart   cqen off, everything that was not fenced counts as failed (H94), on
 *             again, everything invalidated; proof: that batch's fence
 *   abort     ddtp Off; proof: it is not busy any more
 *
 * There is no rung that rewrites the failed fence: hardware may have fetched it, so the
 * entry may be read again or not.
 */
#include "drivers/riscv/riscv.h"

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
 * for is marked before cqh moves. The shadow goes on to that lap only when cqh is seen to
 * be 0: with the old cqh beside it, a waiter that is slow from there on would take the
 * sum for a head far ahead, and all that is issued meanwhile for done. */
static uint64_t drop_unfenced(struct lz_rv *s)
{
	struct lz_ring *q = &s->cmdq;
	unsigned long flags = lz_spin_lock(&s->err_lock);
	uint64_t end = lz_load64_acquire(&q->published);

	lz_ring_fail_from(q, lz_rv_queue_head(s));
	lz_dma_wmb(); /* M: marks before cqh */
	end = (end + q->mask) & ~(uint64_t)q->mask;
	lz_store64(&q->tail, end | LZ_RING_FROZEN);
	lz_store64_release(&q->published, end);
	q->begun = end;
	q->err.pos = 0;
	q->err.count = 0;
	/* What came late goes when the queue is switched on. */
	if (lz_rv_error_pending(s) && !q->err.known)
		lz_count64(&s->iommu.n.cmdq_errors);
	q->err.known = false;
	q->err.carry = true;
	lz_store32(&s->held_error, 0);
	lz_rv_write32(s, RV_CQT, 0);
	lz_rv_write32(s, RV_CQCSR, RV_QCSR_EN | RV_QCSR_IE);
	lz_rv_stall_forget(s);
	lz_spin_unlock(&s->err_lock, flags);
	return end;
}

static enum lz_status restart_finish(struct lz_rv *s)
{
	const struct lz_command all[2] = {lz_rv_cmd_ddt_all(), lz_rv_cmd_vma_all()};
	lz_ns deadline = 0;
	uint64_t end = drop_unfenced(s);
	bool runs = wait_csr(s, queue_runs);

	if (runs)
		lz_ring_restarted(&s->cmdq, end);
	s->frozen = false;
	lz_ring_thaw(&s->cmdq);
	return runs ? lz_rv_queue_run(s, all, 2, &deadline) : LZ_ETIMEDOUT;
}

/* Whatever was fetched may still be carried out, so cqon may stay for as long as an
 * ATS.INVAL is out, and nothing may be touched before it is gone: then producers stay
 * frozen and the restart goes on at a later step. */
enum lz_status lz_rv_rung_restart(struct lz_iommu *iommu, void *queue)
{
	struct lz_rv *s = lz_rv_of(iommu);
	enum lz_status st = LZ_CONFIG_LADDER ? lz_ring_freeze(s->lz, &s->cmdq) : LZ_ENOTSUP;
	unsigned long flags;

	(void)queue;
	if (st != LZ_OK)
		return st;
	if (!wait_csr(s, not_busy)) {
		lz_ring_thaw(&s->cmdq);
		return LZ_ETIMEDOUT;
	}
	s->frozen = true;
	flags = lz_spin_lock(&s->err_lock);
	lz_rv_write32(s, RV_CQCSR, 0);
	lz_spin_unlock(&s->err_lock, flags);
	return wait_csr(s, queue_stopped) ? restart_finish(s) : LZ_ETIMEDOUT;
}

/* ---- when ---- */

uint64_t lz_rv_head(struct lz_iommu *iommu, void *queue, bool *empty)
{
	struct lz_rv *s = lz_rv_of(iommu);
	uint64_t head = lz_rv_queue_head(s);

	(void)queue;
	*empty = head == lz_load64_acquire(&s->cmdq.published);
	return head;
}

/* No error will tell: what the fence in progress waits for is suspect. Commands before
 * it may have been passed. */
static void accuse_head(struct lz_rv *s)
{
	uint64_t pos = lz_rv_queue_head(s);
	unsigned long flags = lz_spin_lock(&s->err_lock);

	if (lz_rv_cmd_op(lz_dma_load64(lz_ring_slot(&s->cmdq, pos))) == RV_OP_IOFENCE_C)
		lz_rv_accuse_unsettled(s, pos, false);
	lz_spin_unlock(&s->err_lock, flags);
}

void lz_rv_stands(struct lz_iommu *iommu, void *queue, bool accuse)
{
	struct lz_rv *s = lz_rv_of(iommu);
	struct lz_event ev = {
		.kind = LZ_EV_QUEUE_STALLED, .iommu = iommu, .detail = lz_rv_read32(s, RV_CQH)};

	(void)queue;
	lz_emit(s->lz, &ev);
	if (accuse)
		accuse_head(s);
}

static void clear_held(struct lz_rv *s, uint32_t count)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);

	lz_rv_clear_locked(s);
	s->cmdq.err.count = count;
	lz_spin_unlock(&s->err_lock, flags);
}

void lz_rv_let_go(struct lz_iommu *iommu, void *queue)
{
	(void)queue;
	clear_held(lz_rv_of(iommu), 0);
}

/* The error is cleared once more, or the rest of a restart. True: it works again. */
bool lz_rv_try_again(struct lz_iommu *iommu, void *queue)
{
	struct lz_rv *s = lz_rv_of(iommu);

	(void)queue;
	if (LZ_CONFIG_LADDER && s->frozen)
		return queue_stopped(s) && restart_finish(s) == LZ_OK;
	clear_held(s, s->lz->cfg.settle_max); /* the next one is held again */
	return proven(s);
}
