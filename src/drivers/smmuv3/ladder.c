/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rungs of the core's ladder (core/climb.c) that are about a queue:
 *
 *   rewrite   the failed sync becomes CFGI_STE of the suspect, ATC_INVs of
 *             suspects behind it become harmless, waiters are failed (H96);
 *             proof: a later sync succeeds
 *   restart   CMDQEN off, CONS := PROD, everything unsynced counts as failed
 *             (H94), on again, everything invalidated; proof: that batch's sync
 *   abort     SMMUEN off with GBPA aborting; proof: CR0ACK
 */
#include "drivers/smmuv3/smmu.h"

/* Does a lone sync succeed? */
static bool proven(struct lz_smmu_queue *q)
{
	lz_ns deadline = 0;

	return lz_smmu_queue_run_any(q, NULL, 0, &deadline) == LZ_OK;
}

/* ---- rewrite ---- */

/* A guest's queue takes no configuration command. */
static struct lz_command instead(const struct lz_smmu_queue *q, uint32_t sid)
{
	struct lz_command cmd = lz_smmu_cmd_cfgi_ste(sid);

	return lz_smmu_queue_accepts(q, cmd.w[0]) ? cmd : lz_smmu_cmd_harmless();
}

/* Producers are frozen, the error is active: entries from CONS on may be
 * changed (section 7.1). [err_lock] */
static void rewrite_locked(struct lz_smmu_queue *q, uint32_t first_sid)
{
	struct lz_smmu *s = q->smmu;
	uint64_t pos = lz_smmu_queue_cons(q);
	uint64_t end = lz_load64_acquire(&q->ring.published);
	bool failed = false;

	if (lz_smmu_cmd_op(lz_dma_load64(lz_ring_slot(&q->ring, pos))) != SMMU_OP_SYNC)
		return; /* a fetch abort stands elsewhere; only a restart helps */
	/* H96; an abort of its fetch says nothing about devices (H34). */
	if (!q->ring.err.told)
		lz_ring_set_mark(&q->ring, pos, LZ_MARK_FAILED);
	lz_ring_write(&q->ring, pos, instead(q, first_sid));
	for (uint64_t p = pos + 1; p < end; p++) {
		uint64_t w0 = lz_dma_load64(lz_ring_slot(&q->ring, p));

		if (lz_smmu_cmd_op(w0) == SMMU_OP_ATC_INV &&
		    lz_suspect_sends(&s->iommu, lz_smmu_cmd_sid(w0))) {
			lz_ring_write(&q->ring, p, instead(q, lz_smmu_cmd_sid(w0)));
			failed = true;
		} else if (lz_smmu_cmd_op(w0) == SMMU_OP_SYNC) {
			if (failed)
				lz_ring_set_mark(&q->ring, p, LZ_MARK_FAILED);
			failed = false;
		}
	}
	q->ring.err.carry = true;
	lz_dma_wmb(); /* entries before the acknowledge that has them fetched again */
	lz_smmu_acknowledge_locked(q);
}

enum lz_status lz_smmu_rung_rewrite(struct lz_iommu *iommu, void *queue)
{
	struct lz_smmu_queue *q = queue;
	struct lz_smmu *s = q->smmu;
	struct lz_device *dev = LZ_CONFIG_LADDER ? lz_suspect_first(iommu) : NULL;
	unsigned long flags;
	enum lz_status st;

	if (!dev)
		return LZ_ENOTSUP;
	st = lz_ring_freeze(q->smmu->lz, &q->ring);
	if (st == LZ_OK) {
		flags = lz_spin_lock(&s->err_lock);
		if (lz_load32(&q->held_error))
			rewrite_locked(q, dev->streams[0]);
		lz_spin_unlock(&s->err_lock, flags);
		lz_ring_thaw(&q->ring);
		st = proven(q) ? LZ_OK : LZ_ETIMEDOUT;
	}
	lz_device_put(dev);
	return st;
}

/* ---- restart ---- */

/* The queue is off: everything that was not consumed has failed. */
static void drop_unsynced(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	unsigned long flags = lz_spin_lock(&s->err_lock);
	uint64_t end = lz_load64_acquire(&q->ring.published);

	lz_ring_fail_from(&q->ring, lz_smmu_queue_cons(q));
	lz_dma_wmb(); /* M: marks before CONS */
	lz_smmu_queue_set_cons(q, end);
	lz_ring_restarted(&q->ring, end);
	lz_smmu_acknowledge_locked(q);
	q->ring.err.pos = 0;
	q->ring.err.carry = true;
	lz_smmu_stall_forget(q);
	lz_spin_unlock(&s->err_lock, flags);
}

static enum lz_status restart_finish(struct lz_smmu_queue *q)
{
	struct lz_command all[2] = {lz_smmu_cmd_cfgi_all(), lz_smmu_cmd_tlbi_everything()};
	lz_ns deadline = 0;
	enum lz_status st;

	/* What was switched on and has not come up is left as it is: CONS may not be
	 * written again. */
	if (!lz_load32(&q->off))
		drop_unsynced(q);
	lz_store32(&q->off, 1);
	st = lz_smmu_queue_start(q);
	/* A lane that does not come back is left alone: PROD may not be written. */
	if (LZ_CONFIG_LANES && st != LZ_OK && q->kind != SMMU_CMDQ)
		return st;
	lz_store32(&q->off, 0);
	q->frozen = false;
	lz_ring_thaw(&q->ring);
	/* Nothing but ATC_INVs was on a lane. */
	return st == LZ_OK ? lz_smmu_queue_run_any(q, all, q->kind == SMMU_CMDQ ? 2 : 0, &deadline)
			   : st;
}

/* CR0ACK may be held back as long as a sync is in progress (section 6.3.9), and
 * CMDQEN must not be flipped before it: then producers stay frozen and the
 * restart goes on at a later step. */
enum lz_status lz_smmu_rung_restart(struct lz_iommu *iommu, void *queue)
{
	struct lz_smmu_queue *q = queue;
	struct lz_smmu *s = q->smmu;
	enum lz_status st = LZ_CONFIG_LADDER ? lz_ring_freeze(q->smmu->lz, &q->ring) : LZ_ENOTSUP;

	(void)iommu;
	if (st != LZ_OK)
		return st;
	q->frozen = true;
	if (lz_load32(&q->off))
		return restart_finish(q);
	lz_smmu_queue_stop(q);
	if (!lz_wait(s->lz, lz_smmu_queue_stopped, q, lz_now(s->lz) + s->lz->cfg.sync_bound))
		return LZ_ETIMEDOUT;
	return restart_finish(q);
}

/* ---- when ---- */

uint64_t lz_smmu_head(struct lz_iommu *iommu, void *queue, bool *empty)
{
	struct lz_smmu_queue *q = queue;
	uint64_t cons = lz_smmu_queue_cons(q);

	(void)iommu;
	*empty = cons == lz_load64_acquire(&q->ring.published);
	return cons;
}

/* No error will tell: what the sync in progress waits for is suspect. */
static void accuse_head(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	uint64_t pos = lz_smmu_queue_cons(q);
	unsigned long flags = lz_spin_lock(&s->err_lock);

	if (lz_smmu_cmd_op(lz_dma_load64(lz_ring_slot(&q->ring, pos))) == SMMU_OP_SYNC)
		lz_smmu_accuse_unsettled(q, pos, false);
	lz_spin_unlock(&s->err_lock, flags);
}

void lz_smmu_stands(struct lz_iommu *iommu, void *queue, bool accuse)
{
	struct lz_smmu_queue *q = queue;
	struct lz_event ev = {.kind = LZ_EV_QUEUE_STALLED,
			      .iommu = iommu,
			      .detail = lz_mmio_read32(q->cons, SMMU_CMDQ_CONS)};

	lz_emit(iommu->lz, &ev);
	if (accuse)
		accuse_head(q);
}

/* Nobody climbs for this error. */
void lz_smmu_let_go(struct lz_iommu *iommu, void *queue)
{
	struct lz_smmu_queue *q = queue;
	struct lz_smmu *s = q->smmu;
	unsigned long flags = lz_spin_lock(&s->err_lock);

	(void)iommu;
	lz_smmu_acknowledge_locked(q);
	lz_spin_unlock(&s->err_lock, flags);
}

static bool has_spoken(void *arg)
{
	struct lz_smmu_queue *q = arg;

	return lz_smmu_queue_error_active(q) || lz_smmu_queue_cons(q) != q->ladder.last_head;
}

/* A lane that does not move at its next acknowledgement is not waited for any longer, and
 * does not fill up with syncs: others go on meanwhile. */
static bool speaks(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;

	if (!lz_wait(s->lz, has_spoken, q, lz_now(s->lz) + s->lz->cfg.sync_bound))
		return false;
	(void)lz_smmu_drain(q);
	return !lz_load32(&q->held_error);
}

/* One acknowledgement more, or the rest of a restart. True: it works again. */
bool lz_smmu_try_again(struct lz_iommu *iommu, void *queue)
{
	struct lz_smmu_queue *q = queue;
	struct lz_smmu *s = q->smmu;
	unsigned long flags;

	(void)iommu;
	if (LZ_CONFIG_LADDER && q->frozen) {
		if (!lz_load32(&q->off) && !lz_smmu_queue_stopped(q))
			return false;
		return restart_finish(q) == LZ_OK;
	}
	flags = lz_spin_lock(&s->err_lock);
	lz_smmu_acknowledge_locked(q);
	q->ring.err.count = s->lz->cfg.settle_max; /* the next one is held again */
	lz_spin_unlock(&s->err_lock, flags);
	return (q->kind == SMMU_CMDQ || speaks(q)) && proven(q);
}
