/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From "the driver says it is broken" to "blocked, and the owner knows".
 * Once per device and generation (G, H62).
 *
 * The report work has a second duty: it goes on writing the tables of a device
 * whose reset was good while the IOMMU's queue did not answer.
 */
#include "core/core.h"

#define BACKOFF_MIN LZ_MS(1)
#define BACKOFF_MAX LZ_MS(100)

void lz_report_queue(struct lz_device *dev, lz_ns delay)
{
	/* H22: the work has its own reference. A run that is queued already
	 * has one; when it is disabled the device is being removed (H20). */
	lz_device_get(dev);
	if (!lz_work_queue(&dev->report_work, lz_now(dev->lz) + delay))
		lz_device_put(dev);
}

/* True: it has not been reported in this generation, and has to be queued. [fence_lock] */
static bool note_locked(struct lz_device *dev, enum lz_evidence evidence)
{
	uint32_t round = lz_load32(&dev->lz->contain_round);

	if (dev->reported == dev->generation + 1 && dev->reported_round == round)
		return false;
	dev->reported = dev->generation + 1;
	dev->reported_round = round;
	dev->report_pending = true;
	lz_convicted_locked(dev, evidence);
	return true;
}

/* Whoever blocks a device sets the reason before it begins the fence, and takes it away
 * after it has lifted the fence: seen with the lock held they belong together. */
bool lz_report_fenced_locked(struct lz_device *dev, enum lz_evidence evidence)
{
	uint32_t block = lz_load32(&dev->block);

	lz_assert(lz_spin_held(&dev->fence_lock));
	if (dev->fence < LZ_FENCE_FENCING || dev->left || dev->generation & 1)
		return false;
	if (!block || block & (LZ_BLOCK_BROKEN | LZ_BLOCK_RESET_FAILED | LZ_BLOCK_PERMANENT))
		return false;
	/* What nobody knows is found out when it is asked, before anything is lifted. */
	if (evidence == LZ_EVIDENCE_NONE || evidence == LZ_EVIDENCE_ASSUMED)
		return false;
	return note_locked(dev, evidence);
}

void lz_report_broken(struct lz_device *dev, uint32_t generation, enum lz_evidence evidence)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool stale = dev->generation != generation || (generation & 1);
	bool fresh = !stale && note_locked(dev, evidence);

	lz_spin_unlock(&dev->fence_lock, flags);
	if (fresh)
		lz_report_queue(dev, 0);
	else if (stale)
		lz_count_stale(dev);
}

/* H16, H23: looked at again under the locks that a reset and a removal take. */
static bool take_report(struct lz_gated g, struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&g.group->lock);
	unsigned long fence_flags = lz_spin_lock(&dev->fence_lock);
	bool valid = dev->presence == LZ_PRESENT && dev->report_pending &&
		     dev->reported == dev->generation + 1 && !(dev->generation & 1);

	/* In reset: lz_reset_done() says what becomes of it. */
	if (valid)
		dev->report_pending = false;
	lz_spin_unlock(&dev->fence_lock, fence_flags);
	lz_spin_unlock(&g.group->lock, flags);
	return valid;
}

static void give_report_back(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	dev->report_pending = true;
	lz_spin_unlock(&dev->fence_lock, flags);
}

void lz_tell_blocked(struct lz_device *dev, uint32_t cause, uint32_t generation)
{
	uint32_t outer;

	if (!dev->owner || !dev->owner->blocked)
		return;
	outer = lz_owner_enter(dev);
	dev->owner->blocked(dev->owner_ctx, dev, cause, generation);
	lz_owner_leave(dev, outer);
}

void lz_tell_detected(struct lz_device *dev, uint32_t cause, uint32_t generation)
{
	uint32_t outer;

	if (cause)
		lz_tell_blocked(dev, cause, generation);
	if (!dev->owner || !dev->owner->error_detected)
		return;
	lz_emit_device(dev, LZ_EV_OWNER_TOLD, LZ_OK, 0);
	outer = lz_owner_enter(dev);
	dev->owner->error_detected(dev->owner_ctx, dev, (enum lz_evidence)lz_load8(&dev->evidence),
				   generation);
	lz_owner_leave(dev, outer);
}

static void count_quarantine(struct lz_device *dev, enum lz_event_kind kind, const char *what)
{
	lz_count32(&dev->n_quarantines);
	lz_count64(&dev->iommu->n.quarantines);
	lz_emit_device(dev, kind, LZ_OK, 0);
	lz_log_limited(dev->lz, &dev->iommu->notices, LZ_LOG_ERR, dev->name, "%s (evidence: %s)",
		       what, lz_evidence_name((enum lz_evidence)lz_load8(&dev->evidence)));
}

/* The fence, which is in effect or on its way, is all: untranslated DMA goes on, and
 * the device stays attached (H74). ATS off in config space has it ask no more. A report
 * about one that was fenced for something else may come here without. */
static void degrade(struct lz_gated g, struct lz_device *dev)
{
	lz_store8(&dev->degraded, 1);
	lz_device_ats_off(g, dev);
	count_quarantine(dev, LZ_EV_DEGRADED, "IOMMU has switched off ATS of the device");
}

/* LZ_OK: quarantined. Everything else: to be tried again (H66). */
static enum lz_status quarantine(struct lz_gated g, struct lz_device *dev)
{
	struct lz *lz = dev->lz;
	bool permanent = !(dev->block & LZ_BLOCK_PERMANENT) && lz_limit_reached(g, dev);
	enum lz_status r;

	dev->reattach = false; /* only another reset helps now */
	/* Under a shared id a sibling's ATS would be off too, and its DMA fail (H13). */
	if (!permanent && !dev->block && !lz_has_siblings(dev) &&
	    lz_device_fence(dev) >= LZ_FENCE_FENCING && lz_response_of(dev) == LZ_RESPONSE_FENCE) {
		degrade(g, dev);
		return LZ_OK;
	}
	lz_store8(&dev->degraded, 0);
	lz_block_set(g, dev, LZ_BLOCK_BROKEN);
	r = lz_block_tables(g, dev);
	/* Without effect yet: the driver goes on trying. */
	if (r != LZ_OK && r != LZ_ETIMEDOUT)
		return r;
	lz_device_quiesce(g, dev);
	count_quarantine(dev, LZ_EV_QUARANTINED, "IOMMU has quarantined the device");
	if (!permanent)
		return LZ_OK;
	lz_block_set(g, dev, LZ_BLOCK_PERMANENT);
	lz_emit_device(dev, LZ_EV_PERMANENT, LZ_OK, lz_load32(&lz->recovery_max));
	lz_log(lz, LZ_LOG_ERR, dev->name,
	       "Device has failed permanently: %u recoveries within %llu s",
	       lz_load32(&lz->recovery_max),
	       (unsigned long long)(lz_load64(&lz->recovery_window) / LZ_SEC(1)));
	return LZ_OK;
}

enum outcome { DONE, TOLD, AGAIN, RESUME };

/* What a sibling has done to it, or left to it (H13). */
static enum outcome follow_siblings(struct lz_gated g, struct lz_device *dev)
{
	if (!lz_sibling_lift(g, dev))
		return AGAIN;
	if (dev->block || !dev->owes_resume)
		return DONE;
	dev->owes_resume = false;
	return RESUME;
}

static enum outcome run_gated(struct lz_gated g, struct lz_device *dev, uint32_t *generation)
{
	*generation = dev->generation;
	if (take_report(g, dev)) {
		if (lz_contains(dev->lz)) {
			if (quarantine(g, dev) == LZ_OK)
				return TOLD;
			give_report_back(dev);
			return AGAIN;
		}
		lz_emit_device(dev, LZ_EV_QUARANTINED, LZ_ENOTSUP, 0);
	}
	if (dev->reattach && dev->presence == LZ_PRESENT) {
		bool resumed;

		if (!lz_reset_reattach(g, dev, &resumed))
			return AGAIN;
		return resumed ? RESUME : DONE;
	}
	return follow_siblings(g, dev);
}

void lz_report_run(struct lz_work *w)
{
	struct lz_device *dev = lz_container(w, struct lz_device, report_work);
	enum outcome o = AGAIN;
	uint32_t generation = 0, cause = 0;
	bool tell_held = false;
	struct lz_gated g;

	/* Whoever holds the gate may wait for work: never wait for it here. */
	if (lz_gate_enter(dev->group, 0, &g) == LZ_OK) {
		o = run_gated(g, dev, &generation);
		cause = dev->block;
		tell_held = dev->tell_held && o != TOLD;
		dev->tell_held = false;
		lz_gate_leave(g);
	}
	if (o == AGAIN) {
		if (dev->backoff < BACKOFF_MIN)
			dev->backoff = BACKOFF_MIN;
		lz_report_queue(dev, dev->backoff);
		dev->backoff = dev->backoff * 2 < BACKOFF_MAX ? dev->backoff * 2 : BACKOFF_MAX;
	} else {
		dev->backoff = 0;
	}
	if (tell_held)
		lz_tell_blocked(dev, cause | LZ_BLOCK_SIBLING, generation);
	if (o == TOLD)
		lz_tell_detected(dev, cause, generation);
	if (o == RESUME)
		lz_reset_tell_owner(dev);
	lz_device_put(dev);
}
