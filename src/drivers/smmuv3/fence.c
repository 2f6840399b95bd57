/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fence: EATS off in every entry of a device, with effect.
 *
 *   mark fencing (under the fence lock, evidence checked: H47)
 *   grace: no reader publishes an ATC_INV that it decided on before (H60)
 *   EATS := 0 in all its entries (H49)
 *   CFGI_STE for all, sync succeeded (H97)
 *   mark fenced (generation checked again)          only now may others skip (H43)
 *
 * With CR0.ATSCHK acknowledged, translated traffic of a stream whose EATS is
 * off aborts (section 3.9.1); without it clearing EATS stops nothing (H75).
 * The commands here never enter identification (H65).
 */
#include "drivers/smmuv3/smmu.h"
#include "pci/pci.h"

/* How soon it is looked again whether ATSCHK is back. */
#define ATSCHK_RETRY LZ_MS(10)

/* Somebody else, or a fault of the hardware, may have switched ATSCHK off: then
 * no fence counts, and what it was to protect stays in custody (H75). */
static bool is_ats_checked(struct lz_smmu *s)
{
	bool checked = !s->ats || (lz_smmu_read32(s, SMMU_CR0ACK) & SMMU_CR0_ATSCHK);

	if (lz_smmu_dead(s) || lz_load32(&s->sfm_seen))
		return true; /* nothing is translated any more */
	if (!checked && !lz_load32(&s->ats_unchecked))
		lz_log(s->lz, LZ_LOG_ERR, s->iommu.name,
		       "CR0ACK.ATSCHK is off: translated requests cannot be stopped");
	lz_store32(&s->ats_unchecked, !checked);
	return checked;
}

/* EATS stays off in an entry as long as anybody who sends its id is fenced. */
static void count_closed_locked(struct lz_smmu_dev *sd, int by)
{
	unsigned long flags;

	if (!by)
		return;
	flags = lz_spin_lock(&sd->smmu->share_lock);
	for (unsigned i = 0; i < sd->dev->n_streams; i++)
		sd->stream[i]->closed += (uint32_t)by;
	lz_spin_unlock(&sd->smmu->share_lock, flags);
}

/* The alert is up before a state other than open can be seen, and down after
 * it is gone. A removed device is not counted any more. */
void lz_smmu_set_fence_locked(struct lz_smmu_dev *sd, enum lz_fence_state f)
{
	struct lz_device *dev = sd->dev;
	bool was = dev->fence != LZ_FENCE_OPEN, is = f != LZ_FENCE_OPEN;

	lz_assert(lz_spin_held(&dev->fence_lock));
	if (is && !was && !sd->removed)
		(void)lz_fetch_add32(&sd->smmu->alert, 1);
	if (!sd->removed)
		count_closed_locked(sd, (int)(f >= LZ_FENCE_FENCING) -
						(int)(dev->fence >= LZ_FENCE_FENCING));
	lz_store8_release(&dev->fence, (uint8_t)f);
	if (was && !is && !sd->removed)
		(void)lz_fetch_add32(&sd->smmu->alert, (uint32_t)-1);
}

void lz_smmu_uncount_locked(struct lz_smmu_dev *sd)
{
	struct lz_device *dev = sd->dev;

	if (dev->fence != LZ_FENCE_OPEN)
		(void)lz_fetch_add32(&sd->smmu->alert, (uint32_t)-1);
	if (dev->fence >= LZ_FENCE_FENCING)
		count_closed_locked(sd, -1);
	sd->removed = true;
}

/*
 * A fence in rounds: whoever begins one (the engine, or block() under the gate)
 * and whoever lifts it moves the round on, and says with the round that EATS is
 * off. So a retry in the work cannot confirm a fence that has only just begun
 * (H43), and a fence that was slow cannot switch EATS off after a reset (H47).
 */
static uint32_t begin_round_locked(struct lz_smmu_dev *sd)
{
	lz_store32(&sd->fence_pending, 0);
	if (!++sd->fence_round)
		sd->fence_round = 1;
	return sd->fence_round;
}

/* False: somebody else has begun another one, or it was lifted. */
static bool eats_off_in_round(struct lz_smmu_dev *sd, uint32_t round, bool spare)
{
	unsigned long flags = lz_spin_lock(&sd->dev->fence_lock);
	bool ours = sd->fence_round == round;

	if (ours) {
		if (!spare)
			lz_smmu_ste_eats_off_locked(sd);
		lz_store32(&sd->fence_pending, round);
	}
	lz_spin_unlock(&sd->dev->fence_lock, flags);
	return ours;
}

/* Told under the lock: a reset that lifts the fence is told after it. */
static void mark_fenced(struct lz_smmu_dev *sd, uint32_t round)
{
	struct lz_device *dev = sd->dev;
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	if (dev->fence == LZ_FENCE_FENCING && sd->fence_pending == round) {
		lz_smmu_set_fence_locked(sd, LZ_FENCE_FENCED);
		lz_store32(&sd->fence_pending, 0);
		lz_smmu_snapshot_after(sd);
		lz_fenced_locked(dev);
		lz_emit_device(dev, LZ_EV_FENCED, LZ_OK, 0);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
}

/* EATS (or the whole entry) was cleared; make it count. */
static enum lz_status make_effective(struct lz_smmu_dev *sd, uint32_t round)
{
	lz_ns deadline = 0;
	enum lz_status st;

	if (!is_ats_checked(sd->smmu)) {
		(void)lz_work_queue(&sd->smmu->iommu.work, lz_now(sd->smmu->lz) + ATSCHK_RETRY);
		return LZ_ETIMEDOUT;
	}
	if (lz_smmu_dead(sd->smmu))
		st = LZ_OK; /* nothing is translated any more */
	else
		st = lz_smmu_cfgi(sd, 0, false, &deadline);
	if (st == LZ_OK)
		mark_fenced(sd, round);
	else
		lz_iommu_kick(&sd->smmu->iommu);
	return st;
}

enum lz_status lz_smmu_fence(struct lz_smmu_dev *sd, uint32_t gen, enum lz_evidence evidence)
{
	struct lz_device *dev = sd->dev;
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool stale = sd->removed || dev->generation != gen || dev->fence > LZ_FENCE_SUSPECT;
	bool moved = dev->generation != gen;
	enum lz_status st;
	uint32_t round = 0;

	if (!stale) {
		lz_smmu_set_fence_locked(sd, LZ_FENCE_FENCING);
		round = begin_round_locked(sd);
		lz_convicted_locked(dev, evidence);
		lz_emit_device(dev, LZ_EV_FENCE_BEGIN, LZ_OK, 0);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	if (moved)
		lz_count_stale(dev);
	if (stale)
		return LZ_EBUSY;
	lz_smmu_grace(sd->smmu);
	if (!eats_off_in_round(sd, round, false))
		return LZ_ETIMEDOUT; /* whoever came between goes on with it */
	st = make_effective(sd, round);
	if (st != LZ_OK)
		lz_emit_device(dev, LZ_EV_FENCE_DELAYED, st, 0);
	return st;
}

bool lz_smmu_acquit(struct lz_smmu_dev *sd, uint32_t gen)
{
	struct lz_device *dev = sd->dev;
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool still = dev->generation == gen && dev->fence <= LZ_FENCE_SUSPECT;

	if (still) {
		lz_smmu_set_fence_locked(sd, LZ_FENCE_OPEN);
		lz_acquitted_locked(dev);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	return still;
}

/* Quarantine and reset: aborting entries on top of the fence (H74). */
enum lz_status lz_smmu_block(struct lz_device *dev)
{
	struct lz_smmu_dev *sd = lz_smmu_dev_of(dev);
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool fenced = dev->fence == LZ_FENCE_FENCED;
	/* One that leaves in good health, and has left its tables with effect: who
	 * sends its ids too goes on. */
	bool spare =
		dev->fence == LZ_FENCE_OPEN && sd->clean && lz_load8(&dev->presence) != LZ_PRESENT;
	uint32_t round = 0;
	lz_ns deadline = 0;
	enum lz_status st;

	if (!fenced) {
		lz_smmu_set_fence_locked(sd, LZ_FENCE_FENCING);
		round = begin_round_locked(sd);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	lz_smmu_grace(sd->smmu);
	lz_smmu_ste_close(sd);
	sd->installed = NULL;
	/* Whoever begins and lifts fences is kept out: the engine by the state,
	 * everybody else by the gate. */
	if (!fenced && eats_off_in_round(sd, round, spare))
		return make_effective(sd, round);
	if (lz_smmu_dead(sd->smmu))
		return LZ_OK;
	st = lz_smmu_cfgi(sd, 0, false, &deadline);
	return st == LZ_OK && !is_ats_checked(sd->smmu) ? LZ_ETIMEDOUT : st;
}

/* The last of those below a port that it was blocked for opens it again. */
void lz_smmu_unblock_port(struct lz_smmu_dev *sd)
{
	struct lz_smmu *s = sd->smmu;
	bool others = false;
	unsigned long flags;

	if (!LZ_CONFIG_LADDER || !lz_load32(&sd->port_blocked))
		return;
	flags = lz_spin_lock(&s->iommu.lock);
	lz_store32(&sd->port_blocked, 0);
	for (struct lz_device *d = s->iommu.devices; d && !others; d = d->next_in_iommu)
		others = d->drv && d->pci && d->pci->upstream == sd->dev->pci->upstream &&
			 lz_load32(&lz_smmu_dev_of(d)->port_blocked);
	lz_spin_unlock(&s->iommu.lock, flags);
	if (!others)
		(void)lz_pci_port_block(sd->dev->pci, false);
}

void lz_smmu_unfence(struct lz_device *dev)
{
	struct lz_smmu_dev *sd = lz_smmu_dev_of(dev);
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	(void)begin_round_locked(sd);
	lz_smmu_set_fence_locked(sd, LZ_FENCE_OPEN);
	lz_acquitted_locked(dev);
	lz_spin_unlock(&dev->fence_lock, flags);
	if (lz_load32(&sd->function_off)) {
		lz_store32(&sd->function_off, 0);
		lz_pci_function_on(dev->pci);
	}
	lz_smmu_unblock_port(sd);
}

void lz_smmu_reset_succeeded(struct lz_device *dev)
{
	struct lz_smmu *s = lz_smmu_of(dev->iommu);
	unsigned long flags = lz_spin_lock(&s->err_lock);

	lz_store32(&s->cmdq.held_error, 0);
	s->cmdq.err_count = 0;
	lz_spin_unlock(&s->err_lock, flags);
	lz_store32(&s->retry, 1);
	lz_smmu_stall_forget(&s->cmdq);
	lz_iommu_kick(&s->iommu);
}

/* A device whose fence is not in effect yet, with a reference, or NULL; and the
 * round, known before the command that makes it effective is queued. */
static struct lz_smmu_dev *next_pending(struct lz_smmu *s, uint32_t *round)
{
	struct lz_smmu_dev *found = NULL;
	unsigned long flags = lz_spin_lock(&s->iommu.lock);

	for (struct lz_device *d = s->iommu.devices; d && !found; d = d->next_in_iommu) {
		struct lz_smmu_dev *sd = d->drv;

		*round = sd ? lz_load32(&sd->fence_pending) : 0;
		if (*round) {
			lz_device_get(d);
			found = sd;
		}
	}
	lz_spin_unlock(&s->iommu.lock, flags);
	return found;
}

/* Tries again what could not be confirmed (H52); gives up at the first failure
 * since all go through the same queue. */
void lz_smmu_fence_retry(struct lz_smmu *s)
{
	struct lz_smmu_dev *sd;
	enum lz_status st = LZ_OK;
	uint32_t round;

	while (st == LZ_OK && (sd = next_pending(s, &round)) != NULL) {
		st = make_effective(sd, round);
		lz_device_put(sd->dev);
	}
}
