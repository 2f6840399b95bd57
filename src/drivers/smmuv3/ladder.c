/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When no sync succeeds: the same error again and again, or neither error nor
 * progress. Rungs in this order, each with its proof; memory stays in custody
 * until one is proven (H84, H97):
 *
 *   rewrite   the failed sync becomes CFGI_STE of the suspect, ATC_INVs of
 *             suspects behind it become harmless, waiters are failed (H96);
 *             proof: a later sync succeeds
 *   restart   CMDQEN off, CONS := PROD, everything unsynced counts as failed
 *             (H94), on again, everything invalidated; proof: that batch's sync
 *   function  bus master and ATS off at each suspect, by policy translated
 *             requests blocked at the port above; proof: config space reads
 *             back. The suspects cannot be told apart: `assumed`
 *   abort     by policy: SMMUEN off with GBPA aborting; proof: CR0ACK
 *
 * Restart stands before the function rung, other than in the first sketch of
 * this design: it touches no device, and when it works suspects can be probed
 * again instead of being assumed broken.
 *
 * After the last rung the queue is tried again now and then, and at once when
 * a reset succeeded. Runs in the work.
 */
#include "drivers/smmuv3/smmu.h"
#include "pci/pci.h"

#define RETRY_NS LZ_SEC(1)

static void emit_rung(struct lz_smmu *s, struct lz_device *dev, enum lz_rung rung,
		      enum lz_status st)
{
	struct lz_event ev = {.kind = LZ_EV_ESCALATED,
			      .iommu = &s->iommu,
			      .device = dev,
			      .status = st,
			      .evidence = dev ? LZ_EVIDENCE_ASSUMED : LZ_EVIDENCE_NONE,
			      .generation = dev ? lz_load32(&dev->generation) : 0,
			      .detail = rung};

	lz_emit(s->lz, &ev);
}

/* Does a lone sync succeed? */
static bool proven(struct lz_smmu_queue *q)
{
	lz_ns deadline = 0;

	return lz_smmu_queue_run(q, NULL, 0, &deadline) == LZ_OK;
}

/* ---- rewrite ---- */

/* Producers are frozen, the error is active: entries from CONS on may be
 * changed (section 7.1). [err_lock] */
static void rewrite_locked(struct lz_smmu_queue *q, uint32_t first_sid)
{
	struct lz_smmu *s = q->smmu;
	uint64_t pos = lz_smmu_queue_cons(q);
	uint64_t end = lz_load64_acquire(&q->published);
	bool failed = false;

	if (lz_smmu_cmd_op(lz_dma_load64(lz_smmu_queue_slot(q, pos))) != SMMU_OP_SYNC)
		return; /* a fetch abort stands elsewhere; only a restart helps */
	/* H96; an abort of its fetch says nothing about devices (H34). */
	if (!q->err_atc)
		lz_smmu_queue_set_mark(q, pos, SMMU_MARK_FAILED);
	lz_smmu_queue_write(q, pos, lz_smmu_cmd_cfgi_ste(first_sid));
	for (uint64_t p = pos + 1; p < end; p++) {
		uint64_t w0 = lz_dma_load64(lz_smmu_queue_slot(q, p));

		if (lz_smmu_cmd_op(w0) == SMMU_OP_ATC_INV &&
		    lz_suspect_sends(&s->iommu, lz_smmu_cmd_sid(w0))) {
			lz_smmu_queue_write(q, p, lz_smmu_cmd_cfgi_ste(lz_smmu_cmd_sid(w0)));
			failed = true;
		} else if (lz_smmu_cmd_op(w0) == SMMU_OP_SYNC) {
			if (failed)
				lz_smmu_queue_set_mark(q, p, SMMU_MARK_FAILED);
			failed = false;
		}
	}
	q->carry = true;
	lz_dma_wmb(); /* entries before the acknowledge that has them fetched again */
	lz_smmu_acknowledge_locked(q);
}

static enum lz_status rung_rewrite(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	struct lz_device *dev = lz_suspect_first(&s->iommu);
	unsigned long flags;
	enum lz_status st;

	if (!dev)
		return LZ_ENOTSUP;
	st = lz_smmu_queue_freeze(q);
	if (st == LZ_OK) {
		flags = lz_spin_lock(&s->err_lock);
		if (lz_load32(&q->held_error))
			rewrite_locked(q, dev->streams[0]);
		lz_spin_unlock(&s->err_lock, flags);
		lz_smmu_queue_thaw(q);
		st = proven(q) ? LZ_OK : LZ_ETIMEDOUT;
	}
	lz_device_put(dev);
	return st;
}

/* ---- restart ---- */

static bool cmdq_stopped(void *arg)
{
	struct lz_smmu_queue *q = arg;

	return !(lz_smmu_read32(q->smmu, SMMU_CR0ACK) & SMMU_CR0_CMDQEN);
}

/* The queue is off: everything that was not consumed has failed. */
static void drop_unsynced(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	unsigned long flags = lz_spin_lock(&s->err_lock);
	uint64_t end = lz_load64_acquire(&q->published);

	for (uint64_t p = lz_smmu_queue_cons(q); p < end; p++)
		if (lz_smmu_cmd_op(lz_dma_load64(lz_smmu_queue_slot(q, p))) == SMMU_OP_SYNC)
			lz_smmu_queue_set_mark(q, p, SMMU_MARK_FAILED);
	lz_dma_wmb(); /* M: marks before CONS */
	lz_mmio_write32(q->cons, SMMU_CMDQ_CONS, (uint32_t)end & (2 * q->size - 1));
	lz_store64_release(&q->limit, end + q->room);
	lz_smmu_acknowledge_locked(q);
	q->err_pos = 0;
	q->carry = true;
	lz_smmu_stall_forget(q);
	lz_spin_unlock(&s->err_lock, flags);
}

static enum lz_status restart_finish(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	struct lz_smmu_cmd all[2] = {lz_smmu_cmd_cfgi_all(), lz_smmu_cmd_tlbi_everything()};
	lz_ns deadline = 0;
	enum lz_status st;

	drop_unsynced(q);
	st = lz_smmu_write_cr0(s, s->cr0 | SMMU_CR0_CMDQEN);
	q->ladder.frozen = false;
	lz_smmu_queue_thaw(q);
	return st == LZ_OK ? lz_smmu_queue_run(q, all, 2, &deadline) : st;
}

/* CR0ACK may be held back as long as a sync is in progress (section 6.3.9), and
 * CMDQEN must not be flipped before it: then producers stay frozen and the
 * restart goes on at a later step. */
static enum lz_status rung_restart(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	enum lz_status st = lz_smmu_queue_freeze(q);

	if (st != LZ_OK)
		return st;
	q->ladder.frozen = true;
	s->cr0 &= ~SMMU_CR0_CMDQEN;
	lz_smmu_write32(s, SMMU_CR0, s->cr0);
	if (!lz_wait(s->lz, cmdq_stopped, q, lz_now(s->lz) + s->lz->cfg.sync_bound))
		return LZ_ETIMEDOUT;
	return restart_finish(q);
}

/* ---- function off ---- */

/* The port blocks translated requests of sound functions below it too. */
static void name_siblings(struct lz_smmu *s, struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&s->iommu.lock);

	for (struct lz_device *d = s->iommu.devices; d; d = d->next_in_iommu)
		if (d != dev && d->pci && d->pci->upstream == dev->pci->upstream &&
		    lz_load8(&d->ats_on))
			emit_rung(s, d, LZ_RUNG_PORT_BLOCK, LZ_OK);
	lz_spin_unlock(&s->iommu.lock, flags);
}

static enum lz_status one_function_off(struct lz_smmu *s, struct lz_device *dev)
{
	enum lz_status st = LZ_ENOTSUP;

	if (dev->pci) {
		if (lz_pci_bus_master(dev->pci))
			lz_store32(&dev->function_off, 1);
		st = lz_pci_function_off(dev->pci);
	}
	emit_rung(s, dev, LZ_RUNG_FUNCTION_OFF, st);
	if (st != LZ_OK && dev->pci && (lz_load32(&s->lz->policy) & LZ_POLICY_PORT_BLOCK)) {
		st = lz_pci_port_block(dev->pci, true);
		lz_store32(&dev->port_blocked, st == LZ_OK);
		emit_rung(s, dev, LZ_RUNG_PORT_BLOCK, st);
		if (st == LZ_OK)
			name_siblings(s, dev); /* H98 */
	}
	return st;
}

/* All suspects at once: nobody can be exonerated any more. */
static void rung_function(struct lz_smmu *s)
{
	struct lz_device *dev;

	while ((dev = lz_suspect_first(&s->iommu)) != NULL) {
		struct lz_accusation a = lz_accusation_of(dev);
		enum lz_evidence evidence = a.evidence ? a.evidence : LZ_EVIDENCE_ASSUMED;

		if (lz_load32(&dev->generation) == a.gen)
			(void)one_function_off(s, dev);
		lz_suspect_drop(dev, a.gen);
		if (lz_fence(dev, a.gen, evidence) != LZ_EBUSY)
			lz_report_broken(dev, a.gen, evidence);
		lz_device_put(dev);
	}
	lz_identify_end(&s->iommu);
}

/* ---- when ---- */

static bool held(struct lz_smmu_queue *q)
{
	return lz_load32(&q->held_error);
}

/* Not empty, and CONS has stood still for longer than any timeout allows. */
static bool stalled(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	uint64_t cons = lz_smmu_queue_cons(q);
	bool empty = cons == lz_load64_acquire(&q->published);
	lz_ns now = lz_now(s->lz);

	/* The time counts from when something was seen waiting, not from when
	 * the queue fell idle. */
	if (cons != q->ladder.last_cons || empty || !q->ladder.last_progress) {
		q->ladder.last_cons = cons;
		q->ladder.last_progress = empty ? 0 : now;
		return false;
	}
	return now - q->ladder.last_progress >= s->lz->cfg.late_bound;
}

/* No error will tell: what the sync in progress waits for is suspect. */
static void accuse_head(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	uint64_t pos = lz_smmu_queue_cons(q);
	unsigned long flags = lz_spin_lock(&s->err_lock);

	if (lz_smmu_cmd_op(lz_dma_load64(lz_smmu_queue_slot(q, pos))) == SMMU_OP_SYNC)
		lz_smmu_accuse_unsettled(q, pos, false);
	lz_spin_unlock(&s->err_lock, flags);
}

static void begin(struct lz_smmu_queue *q, bool sticky)
{
	struct lz_smmu *s = q->smmu;
	struct lz_event ev = {.kind = LZ_EV_QUEUE_STALLED,
			      .iommu = &s->iommu,
			      .detail = lz_mmio_read32(q->cons, SMMU_CMDQ_CONS)};

	lz_emit(s->lz, &ev);
	if (!sticky)
		accuse_head(q);
	q->ladder.next_try = lz_now(s->lz) + RETRY_NS;
	if (!LZ_CONFIG_LADDER)
		q->ladder.state = SMMU_LADDER_EXHAUSTED;
	else
		q->ladder.state = sticky ? SMMU_LADDER_REWRITE : SMMU_LADDER_RESTART;
}

static void over(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	unsigned long flags = lz_spin_lock(&s->err_lock);

	q->carry = false;
	lz_spin_unlock(&s->err_lock, flags);
	q->ladder.state = SMMU_LADDER_NONE;
	q->ladder.last_progress = 0;
	lz_identify_settled(&s->iommu, q);
}

/* ---- the climb ---- */

static enum lz_status rung_abort(struct lz_smmu *s)
{
	enum lz_status st = lz_smmu_hw_abort_all(s);

	emit_rung(s, NULL, LZ_RUNG_GLOBAL_ABORT, st);
	return st;
}

/* An operator does not wait for the rungs before. Nobody is probed any more. */
bool lz_smmu_abort_ordered(struct lz_smmu *s)
{
	enum lz_status st;

	if (!LZ_CONFIG_OPERATOR || !lz_load32(&s->ordered))
		return false;
	lz_store32(&s->ordered, 0);
	st = rung_abort(s);
	(void)lz_fetch_add32(&s->iommu.aborts_tried, 1);
	return st == LZ_OK;
}

static void climb(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	enum lz_status st;

	switch (q->ladder.state) {
	case SMMU_LADDER_REWRITE:
		st = rung_rewrite(q);
		emit_rung(s, NULL, LZ_RUNG_REWRITE, st);
		q->ladder.state = st == LZ_OK ? SMMU_LADDER_NONE : SMMU_LADDER_RESTART;
		break;
	case SMMU_LADDER_RESTART:
		st = rung_restart(q);
		emit_rung(s, NULL, LZ_RUNG_RESTART, st);
		q->ladder.state = st == LZ_OK ? SMMU_LADDER_NONE : SMMU_LADDER_FUNCTION_OFF;
		break;
	case SMMU_LADDER_FUNCTION_OFF:
		rung_function(s);
		q->ladder.state = SMMU_LADDER_ABORT;
		break;
	case SMMU_LADDER_ABORT:
		if (lz_load32(&s->lz->policy) & LZ_POLICY_GLOBAL_ABORT)
			(void)rung_abort(s);
		q->ladder.next_try = lz_now(s->lz) + RETRY_NS;
		q->ladder.state = SMMU_LADDER_EXHAUSTED;
		break;
	case SMMU_LADDER_EXHAUSTED:
	case SMMU_LADDER_NONE:
		break;
	}
	if (q->ladder.state == SMMU_LADDER_NONE)
		over(q);
}

/* Nobody climbs for this error. */
static void let_go(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	unsigned long flags = lz_spin_lock(&s->err_lock);

	lz_smmu_acknowledge_locked(q);
	lz_spin_unlock(&s->err_lock, flags);
}

/* One acknowledgement more, or the rest of a restart. True: it works again. */
static bool try_again(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	unsigned long flags;

	if (LZ_CONFIG_LADDER && q->ladder.frozen) {
		if (!cmdq_stopped(q))
			return false;
		return restart_finish(q) == LZ_OK;
	}
	flags = lz_spin_lock(&s->err_lock);
	lz_smmu_acknowledge_locked(q);
	q->err_count = s->lz->cfg.settle_max; /* the next one is held again */
	lz_spin_unlock(&s->err_lock, flags);
	return proven(q);
}

/* Most queues that are looked at are empty a moment later: no reason to have
 * work pending until `at`. */
static lz_ns sooner(struct lz_smmu *s, lz_ns at)
{
	lz_ns soon = lz_now(s->lz) + RETRY_NS;

	return at < soon ? at : soon;
}

bool lz_smmu_ladder(struct lz_smmu_queue *q, lz_ns *again)
{
	struct lz_smmu *s = q->smmu;
	bool retry = lz_load32(&s->retry);

	/* What had begun when containment was switched off is finished. */
	if (!lz_contains(s->lz) && q->ladder.state == SMMU_LADDER_NONE) {
		if (held(q))
			let_go(q);
		return false;
	}
	if (q->ladder.state == SMMU_LADDER_NONE) {
		bool sticky = held(q);

		lz_store32(&s->retry, 0);
		if (!sticky && !stalled(q)) {
			if (q->ladder.last_progress)
				*again = sooner(s, q->ladder.last_progress + s->lz->cfg.late_bound);
			return false;
		}
		begin(q, sticky);
	}
	while (LZ_CONFIG_LADDER && q->ladder.state != SMMU_LADDER_NONE &&
	       q->ladder.state != SMMU_LADDER_EXHAUSTED)
		climb(q);
	if (q->ladder.state == SMMU_LADDER_NONE)
		return false;
	if (retry || lz_now(s->lz) >= q->ladder.next_try) {
		lz_store32(&s->retry, 0);
		if (!lz_smmu_dead(s) && try_again(q)) {
			over(q);
			return false;
		}
		q->ladder.next_try = lz_now(s->lz) + RETRY_NS;
	}
	*again = lz_smmu_dead(s) ? LZ_NEVER : q->ladder.next_try;
	return true;
}
