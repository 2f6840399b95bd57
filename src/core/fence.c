/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fence: ATS off in every entry of a device, with effect.
 *
 *   mark fencing (under the fence lock, evidence checked: H47)
 *   grace: no reader publishes an invalidation that it decided on before (H60)
 *   ATS off in all its entries (H49)
 *   the change is pushed, and the sync behind it succeeds (H97)
 *   mark fenced (generation checked again)          only now may others skip (H43)
 *
 * What the driver says in fence_counts() is looked at before, since an entry may
 * stop nothing at all as the hardware is set up (H75).
 */
#include "core/core.h"
#include "pci/pci.h"

/* How soon it is looked again whether a fence counts. */
#define COUNTS_RETRY LZ_MS(10)

static const struct lz_fault_ops *ops_of(const struct lz_device *dev)
{
	return dev->iommu->ops->faults;
}

static void count_closed_locked(struct lz_device *dev, int by)
{
	if (by && ops_of(dev)->closed)
		ops_of(dev)->closed(dev, by);
}

/* The alert is up before a state other than open can be seen, and down after
 * it is gone. One that has left is not counted any more. */
void lz_fence_set_locked(struct lz_device *dev, enum lz_fence_state f)
{
	bool was = dev->fence != LZ_FENCE_OPEN, is = f != LZ_FENCE_OPEN;

	lz_assert(lz_spin_held(&dev->fence_lock));
	if (is && !was && !dev->left)
		(void)lz_fetch_add32(&dev->iommu->alert, 1);
	if (!dev->left)
		count_closed_locked(dev, (int)(f >= LZ_FENCE_FENCING) -
						 (int)(dev->fence >= LZ_FENCE_FENCING));
	lz_store8_release(&dev->fence, (uint8_t)f);
	if (was && !is && !dev->left)
		(void)lz_fetch_add32(&dev->iommu->alert, (uint32_t)-1);
}

/* The round that is without effect, 0: none. Counted, so that nobody looks for one where
 * there is none. */
static void set_pending_locked(struct lz_device *dev, uint32_t round)
{
	lz_assert(lz_spin_held(&dev->fence_lock));
	if (!round != !dev->fence_pending)
		(void)lz_fetch_add32(&dev->iommu->fences_pending, round ? 1 : (uint32_t)-1);
	lz_store32(&dev->fence_pending, round);
}

void lz_fence_leave(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	set_pending_locked(dev, 0);
	if (dev->fence != LZ_FENCE_OPEN)
		(void)lz_fetch_add32(&dev->iommu->alert, (uint32_t)-1);
	if (dev->fence >= LZ_FENCE_FENCING)
		count_closed_locked(dev, -1);
	dev->left = true;
	lz_spin_unlock(&dev->fence_lock, flags);
}

/* ---- rounds ---- */

/*
 * A fence in rounds: whoever begins one (the engine, or block() under the gate)
 * and whoever lifts it moves the round on, and says with the round that ATS is
 * off. So a retry in the work cannot confirm a fence that has only just begun
 * (H43), and a fence that was slow cannot switch ATS off after a reset (H47).
 */
static uint32_t begin_round_locked(struct lz_device *dev)
{
	set_pending_locked(dev, 0);
	if (!++dev->fence_round)
		dev->fence_round = 1;
	return dev->fence_round;
}

/* False: somebody else has begun another one, or it was lifted. */
static bool ats_off_in_round(struct lz_device *dev, uint32_t round, bool spare)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool ours = dev->fence_round == round;

	if (ours) {
		if (!spare)
			ops_of(dev)->ats_off(dev);
		set_pending_locked(dev, round);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	return ours;
}

/* Told under the lock: a reset that lifts the fence is told after it. */
static void mark_fenced(struct lz_device *dev, uint32_t round)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	if (dev->fence == LZ_FENCE_FENCING && dev->fence_pending == round) {
		lz_fence_set_locked(dev, LZ_FENCE_FENCED);
		set_pending_locked(dev, 0);
		if (LZ_CONFIG_SNAPSHOT && dev->noticed && ops_of(dev)->snapshot_after)
			ops_of(dev)->snapshot_after(dev);
		lz_fenced_locked(dev);
		lz_emit_device(dev, LZ_EV_FENCED, LZ_OK, 0);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
}

/* ATS (or the whole entry) was cleared; make it count. */
static enum lz_status make_effective(struct lz_device *dev, uint32_t round)
{
	struct lz_iommu *iommu = dev->iommu;
	enum lz_status st;

	if (!ops_of(dev)->fence_counts(iommu)) {
		(void)lz_work_queue(&iommu->work, lz_now(iommu->lz) + COUNTS_RETRY);
		return LZ_ETIMEDOUT;
	}
	if (lz_iommu_dead(iommu))
		st = LZ_OK; /* nothing is translated any more */
	else
		st = ops_of(dev)->push_config(dev);
	if (st == LZ_OK)
		mark_fenced(dev, round);
	else
		lz_iommu_kick(iommu);
	return st;
}

/* ---- for a fault ---- */

enum lz_status lz_fence(struct lz_device *dev, uint32_t gen, enum lz_evidence evidence)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool stale = dev->left || dev->generation != gen || dev->fence > LZ_FENCE_SUSPECT;
	bool moved = dev->generation != gen;
	/* Meanwhile fenced for a sibling (H13). */
	bool report = !moved && lz_report_fenced_locked(dev, evidence);
	enum lz_status st;
	uint32_t round = 0;

	if (!stale) {
		lz_fence_set_locked(dev, LZ_FENCE_FENCING);
		round = begin_round_locked(dev);
		lz_convicted_locked(dev, evidence);
		lz_emit_device(dev, LZ_EV_FENCE_BEGIN, LZ_OK, 0);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	if (report)
		lz_report_queue(dev, 0);
	if (moved)
		lz_count_stale(dev);
	if (stale)
		return LZ_EBUSY;
	ops_of(dev)->grace(dev->iommu);
	if (!ats_off_in_round(dev, round, false))
		return LZ_ETIMEDOUT; /* whoever came between goes on with it */
	st = make_effective(dev, round);
	if (st != LZ_OK)
		lz_emit_device(dev, LZ_EV_FENCE_DELAYED, st, 0);
	return st;
}

bool lz_fence_acquit(struct lz_device *dev, uint32_t gen)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool still = dev->generation == gen && dev->fence <= LZ_FENCE_SUSPECT;

	if (still) {
		lz_fence_set_locked(dev, LZ_FENCE_OPEN);
		lz_acquitted_locked(dev);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	return still;
}

/* A device whose fence is not in effect yet, with a reference, or NULL; and the
 * round, known before the command that makes it effective is queued. */
static struct lz_device *next_pending(struct lz_iommu *iommu, uint32_t *round)
{
	struct lz_device *found = NULL;
	unsigned long flags;

	if (!lz_load32_acquire(&iommu->fences_pending))
		return NULL;
	flags = lz_spin_lock(&iommu->lock);
	for (struct lz_device *d = iommu->devices; d && !found; d = d->next_in_iommu) {
		*round = lz_load32(&d->fence_pending);
		if (*round) {
			lz_device_get(d);
			found = d;
		}
	}
	lz_spin_unlock(&iommu->lock, flags);
	return found;
}

/* Gives up at the first failure, since all go through the same queue. */
void lz_fence_retry(struct lz_iommu *iommu)
{
	struct lz_device *dev;
	enum lz_status st = LZ_OK;
	uint32_t round;

	while (st == LZ_OK && (dev = next_pending(iommu, &round)) != NULL) {
		st = make_effective(dev, round);
		lz_device_put(dev);
	}
}

/* ---- under the gate ---- */

/* Quarantine and reset: aborting entries on top of the fence (H74). */
enum lz_status lz_fence_block(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool fenced = dev->fence == LZ_FENCE_FENCED;
	bool leaves = dev->fence == LZ_FENCE_OPEN && lz_load8(&dev->presence) != LZ_PRESENT;
	uint32_t round = 0;
	enum lz_status st;
	bool clean;

	if (!fenced) {
		lz_fence_set_locked(dev, LZ_FENCE_FENCING);
		round = begin_round_locked(dev);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	ops_of(dev)->grace(dev->iommu);
	clean = ops_of(dev)->close(dev);
	/* Whoever begins and lifts fences is kept out: the engine by the state,
	 * everybody else by the gate. One that leaves in good health, and has left its
	 * tables with effect, takes ATS away from nobody who sends its ids too. */
	if (!fenced && ats_off_in_round(dev, round, leaves && clean))
		return make_effective(dev, round);
	if (lz_iommu_dead(dev->iommu))
		return LZ_OK;
	st = ops_of(dev)->push_config(dev);
	return st == LZ_OK && !ops_of(dev)->fence_counts(dev->iommu) ? LZ_ETIMEDOUT : st;
}

/* The last of those below a port that it was blocked for opens it again. */
void lz_port_unblock(struct lz_device *dev)
{
	struct lz_iommu *iommu = dev->iommu;
	bool others = false;
	unsigned long flags;

	if (!LZ_CONFIG_LADDER || !lz_load32(&dev->port_blocked))
		return;
	flags = lz_spin_lock(&iommu->lock);
	lz_store32(&dev->port_blocked, 0);
	for (struct lz_device *d = iommu->devices; d && !others; d = d->next_in_iommu)
		others = d->pci && d->pci->upstream == dev->pci->upstream &&
			 lz_load32(&d->port_blocked);
	lz_spin_unlock(&iommu->lock, flags);
	if (!others)
		(void)lz_pci_port_block(dev->pci, false);
}

void lz_fence_lift(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	(void)begin_round_locked(dev);
	lz_fence_set_locked(dev, LZ_FENCE_OPEN);
	lz_acquitted_locked(dev);
	lz_spin_unlock(&dev->fence_lock, flags);
	if (lz_load32(&dev->function_off)) {
		lz_store32(&dev->function_off, 0);
		lz_pci_function_on(dev->pci);
	}
	lz_port_unblock(dev);
}
