/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When no sync of a queue succeeds: the same error again and again, or neither error nor
 * progress. Rungs in this order, each with its proof; memory stays in custody until one
 * is proven (H84, H97). What the first two do is the driver's:
 *
 *   rewrite   the failed sync and the invalidations of suspects behind it become
 *             something harmless, waiters are failed (H96); proof: a later sync succeeds.
 *             Only for hardware that reads entries again after an error
 *   restart   the queue off and on, everything unsynced counts as failed (H94),
 *             everything invalidated; proof: that batch's sync
 *   function  bus master and ATS off at each suspect, by policy translated
 *             requests blocked at the port above; proof: config space reads
 *             back. The suspects cannot be told apart: `assumed`
 *   abort     by policy: nothing is translated any more; proof: the hardware says so
 *
 * Restart stands before the function rung, other than in the first sketch of
 * this design: it touches no device, and when it works suspects can be probed
 * again instead of being assumed broken.
 *
 * After the last rung the queue is tried again now and then, and at once when
 * a reset succeeded. Runs in the work.
 */
#include "core/core.h"
#include "pci/pci.h"

#define RETRY_NS LZ_SEC(1)

static const struct lz_fault_ops *ops_of(const struct lz_iommu *iommu)
{
	return iommu->ops->faults;
}

void lz_rung_tell(struct lz_iommu *iommu, struct lz_device *dev, enum lz_rung rung,
		  enum lz_status st)
{
	struct lz_event ev = {.kind = LZ_EV_ESCALATED,
			      .iommu = iommu,
			      .device = dev,
			      .status = st,
			      .evidence = dev ? LZ_EVIDENCE_ASSUMED : LZ_EVIDENCE_NONE,
			      .generation = dev ? lz_load32(&dev->generation) : 0,
			      .detail = rung};

	lz_emit(iommu->lz, &ev);
}

/* ---- function off ---- */

/* The port blocks translated requests of sound functions below it too. */
static void name_siblings(struct lz_device *dev)
{
	struct lz_iommu *iommu = dev->iommu;
	unsigned long flags = lz_spin_lock(&iommu->lock);

	for (struct lz_device *d = iommu->devices; d; d = d->next_in_iommu)
		if (d != dev && d->pci && d->pci->upstream == dev->pci->upstream &&
		    lz_load8(&d->ats_on))
			lz_rung_tell(iommu, d, LZ_RUNG_PORT_BLOCK, LZ_OK);
	lz_spin_unlock(&iommu->lock, flags);
}

static void one_function_off(struct lz_device *dev)
{
	enum lz_status st = LZ_ENOTSUP;

	if (dev->pci) {
		if (lz_pci_bus_master(dev->pci))
			lz_store32(&dev->function_off, 1);
		st = lz_pci_function_off(dev->pci);
	}
	lz_rung_tell(dev->iommu, dev, LZ_RUNG_FUNCTION_OFF, st);
	if (st != LZ_OK && dev->pci && (lz_load32(&dev->lz->policy) & LZ_POLICY_PORT_BLOCK)) {
		st = lz_pci_port_block(dev->pci, true);
		lz_store32(&dev->port_blocked, st == LZ_OK);
		lz_rung_tell(dev->iommu, dev, LZ_RUNG_PORT_BLOCK, st);
		if (st == LZ_OK)
			name_siblings(dev); /* H98 */
	}
}

/* All suspects at once: nobody can be exonerated any more. */
void lz_rung_functions_off(struct lz_iommu *iommu, const void *queue)
{
	struct lz_device *dev;

	if (!LZ_CONFIG_LADDER)
		return;
	while ((dev = lz_suspect_of(iommu, queue)) != NULL) {
		struct lz_accusation a = lz_accusation_of(dev);
		enum lz_evidence evidence = a.evidence ? a.evidence : LZ_EVIDENCE_ASSUMED;

		if (lz_load32(&dev->generation) == a.gen)
			one_function_off(dev);
		lz_suspect_drop(dev, a.gen);
		if (lz_fence(dev, a.gen, evidence) != LZ_EBUSY)
			lz_report_broken(dev, a.gen, evidence);
		lz_device_put(dev);
	}
	if (!queue || iommu->suspects.sync.queue == queue)
		lz_identify_end(iommu);
}

/* ---- abort ---- */

static enum lz_status abort_all(struct lz_iommu *iommu)
{
	enum lz_status st = ops_of(iommu)->abort_all(iommu);

	lz_rung_tell(iommu, NULL, LZ_RUNG_GLOBAL_ABORT, st);
	return st;
}

void lz_abort_order(struct lz_iommu *iommu)
{
	lz_store32_release(&iommu->abort_ordered, 1);
}

/* An operator does not wait for the rungs before. Nobody is probed any more. */
bool lz_abort_ordered(struct lz_iommu *iommu)
{
	enum lz_status st;

	if (!LZ_CONFIG_OPERATOR || !lz_load32(&iommu->abort_ordered))
		return false;
	lz_store32(&iommu->abort_ordered, 0);
	st = abort_all(iommu);
	(void)lz_fetch_add32(&iommu->aborts_tried, 1);
	return st == LZ_OK;
}

/* ---- when ---- */

/* Longer than that no sync takes, whatever its devices do. */
static lz_ns late_bound(const struct lz_iommu *iommu)
{
	lz_ns told = iommu->traits.timeout_ns + iommu->lz->cfg.sync_bound;

	return iommu->lz->cfg.late_bound > told ? iommu->lz->cfg.late_bound : told;
}

/* Not empty, and has stood still for longer than any timeout allows. The time counts
 * from when something was seen waiting, not from when the queue fell idle. */
static bool stalled(struct lz_iommu *iommu, void *queue, struct lz_ladder *l)
{
	bool empty;
	uint64_t head = ops_of(iommu)->head(iommu, queue, &empty);
	lz_ns now = lz_now(iommu->lz);

	if (head != l->last_head || empty || !l->last_progress) {
		l->last_head = head;
		l->last_progress = empty ? 0 : now;
		return false;
	}
	return now - l->last_progress >= late_bound(iommu);
}

static void begin(struct lz_iommu *iommu, void *queue, struct lz_ladder *l, bool sticky)
{
	ops_of(iommu)->stands(iommu, queue, !sticky);
	l->next_try = lz_now(iommu->lz) + RETRY_NS;
	if (!LZ_CONFIG_LADDER)
		l->state = LZ_LADDER_EXHAUSTED;
	else
		l->state = sticky && ops_of(iommu)->rewrite ? LZ_LADDER_REWRITE : LZ_LADDER_RESTART;
}

static void over(struct lz_iommu *iommu, void *queue, struct lz_ladder *l)
{
	struct lz_sync any = {.queue = queue};

	ops_of(iommu)->settled(iommu, &any);
	l->state = LZ_LADDER_NONE;
	l->last_progress = 0;
	lz_identify_settled(iommu, queue);
}

/* ---- the climb ---- */

static void climb(struct lz_iommu *iommu, void *queue, struct lz_ladder *l)
{
	const struct lz_fault_ops *ops = ops_of(iommu);
	enum lz_status st;
	bool empty;

	switch (l->state) {
	case LZ_LADDER_REWRITE:
		st = ops->rewrite(iommu, queue);
		lz_rung_tell(iommu, NULL, LZ_RUNG_REWRITE, st);
		l->state = st == LZ_OK ? LZ_LADDER_NONE : LZ_LADDER_RESTART;
		break;
	case LZ_LADDER_RESTART:
		st = ops->restart(iommu, queue);
		lz_rung_tell(iommu, NULL, LZ_RUNG_RESTART, st);
		l->state = st == LZ_OK ? LZ_LADDER_NONE : LZ_LADDER_FUNCTION_OFF;
		break;
	case LZ_LADDER_FUNCTION_OFF:
		lz_rung_functions_off(iommu, iommu->traits.queues_apart ? queue : NULL);
		l->state = LZ_LADDER_ABORT;
		break;
	case LZ_LADDER_ABORT:
		if (lz_load32(&iommu->lz->policy) & LZ_POLICY_GLOBAL_ABORT)
			(void)abort_all(iommu);
		l->next_try = lz_now(iommu->lz) + RETRY_NS;
		l->last_head = ops->head(iommu, queue, &empty);
		l->state = LZ_LADDER_EXHAUSTED;
		break;
	case LZ_LADDER_EXHAUSTED:
	case LZ_LADDER_NONE:
		break;
	}
	if (l->state == LZ_LADDER_NONE)
		over(iommu, queue, l);
}

/* Most queues that are looked at are empty a moment later: no reason to have
 * work pending until `at`. */
static lz_ns sooner(struct lz_iommu *iommu, lz_ns at)
{
	lz_ns soon = lz_now(iommu->lz) + RETRY_NS;

	return at < soon ? at : soon;
}

/* False: nothing is wrong with the queue. */
static bool is_needed(struct lz_iommu *iommu, void *queue, struct lz_ladder *l, lz_ns *again)
{
	bool sticky = ops_of(iommu)->held(iommu, queue);

	lz_store32(&l->retry, 0);
	if (!sticky && !stalled(iommu, queue, l)) {
		if (l->last_progress)
			*again = sooner(iommu, l->last_progress + late_bound(iommu));
		return false;
	}
	begin(iommu, queue, l, sticky);
	return true;
}

/* At the end of the ladder: has what stood there been consumed? Then the queue works
 * again, or stands for somebody else, who has to be found too (F). An error that is
 * held leaves the head where it is, and need not be looked at. */
static bool moved_on(struct lz_iommu *iommu, void *queue, const struct lz_ladder *l)
{
	bool empty;

	return ops_of(iommu)->head(iommu, queue, &empty) != l->last_head;
}

bool lz_ladder(struct lz_iommu *iommu, void *queue, struct lz_ladder *l, lz_ns *again)
{
	const struct lz_fault_ops *ops = ops_of(iommu);
	bool retry = lz_load32(&l->retry), moved;

	/* What had begun when containment was switched off is finished. */
	if (!lz_contains(iommu->lz) && l->state == LZ_LADDER_NONE) {
		if (ops->held(iommu, queue))
			ops->let_go(iommu, queue);
		return false;
	}
	if (l->state == LZ_LADDER_NONE && !is_needed(iommu, queue, l, again))
		return false;
	while (LZ_CONFIG_LADDER && l->state != LZ_LADDER_NONE && l->state != LZ_LADDER_EXHAUSTED)
		climb(iommu, queue, l);
	if (l->state == LZ_LADDER_NONE)
		return false;
	moved = moved_on(iommu, queue, l);
	if (retry || moved || lz_now(iommu->lz) >= l->next_try) {
		lz_store32(&l->retry, 0);
		if (!lz_iommu_dead(iommu) && ops->try_again(iommu, queue)) {
			over(iommu, queue, l);
			return false;
		}
		l->next_try = lz_now(iommu->lz) + RETRY_NS;
		if (moved && !lz_iommu_dead(iommu)) {
			l->state = LZ_LADDER_NONE;
			l->last_progress = 0;
		}
	}
	*again = lz_iommu_dead(iommu) ? LZ_NEVER : l->next_try;
	return true;
}
