/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resets, from prepare to done. The generation is odd in between, so evidence
 * of that time says nothing (H86).
 */
#include "core/core.h"
#include "pci/pci.h"

void lz_device_move_generation(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	lz_store32(&dev->changed, lz_fetch_add32(&dev->lz->resets, 1) + 1);
	lz_store32_release(&dev->generation, dev->generation + 1);
	lz_spin_unlock(&dev->fence_lock, flags);
}

/* ---- prepare ---- */

static void begin(struct lz_gated g, struct lz_device *dev)
{
	enum lz_status st;

	dev->reset_worst = LZ_RESET_OK;
	/* One whose tables are still to be written has not answered since its
	 * reset, and one that a sibling holds was not asked either: it is asked
	 * again, also when nothing is attempted now. */
	dev->fence_before_reset = dev->reattach || dev->block == LZ_BLOCK_SIBLING
					  ? LZ_FENCE_SUSPECT
					  : lz_device_fence(dev);
	dev->reattach = false;
	dev->delayed = false;
	dev->waited = false;
	lz_device_move_generation(dev);
	lz_block_set(g, dev, LZ_BLOCK_RESET); /* counted once (H08) */
	lz_emit_device(dev, LZ_EV_RESET_BEGIN, LZ_OK, 0);
	/* Without effect in time the reset may go on: where the queue stands because of
	 * this device, nothing but its reset frees it. Until the fence is in effect the
	 * device is held, so all that it can reach is mapped or in custody (A). */
	st = lz_block_tables(g, dev);
	if (st)
		lz_emit_device(dev, LZ_EV_FENCE_DELAYED, st, 0);
	lz_device_quiesce(g, dev);
}

enum lz_status lz_reset_prepare(struct lz_device *dev)
{
	enum lz_status r = LZ_OK;
	struct lz_gated g;

	if (lz_gate_enter(dev->group, lz_gate_bound(dev->lz), &g) != LZ_OK)
		return LZ_EBUSY;
	if (dev->presence != LZ_PRESENT) {
		r = LZ_ENODEV;
	} else {
		lz_store32(&dev->reset_depth, dev->reset_depth + 1);
		if (dev->reset_depth == 1) /* H05 */
			begin(g, dev);
	}
	lz_gate_leave(g);
	return r;
}

/* ---- the ends ---- */

/* RID, then the mark, then PASIDs (H14). When one of those fails the mark is back:
 * nothing has recovered (H09). A sibling's is for whoever lifts it to set again. */
enum lz_status lz_recover_install(struct lz_gated g, struct lz_device *dev, uint32_t lift)
{
	uint32_t marked = dev->block & lift & LZ_BLOCK_OF_FAULTS;
	enum lz_status r = LZ_OK;

	if (dev->rid.dom)
		r = lz_install_again(g, &dev->rid);
	if (!r)
		lz_block_clear(g, dev, lift);
	for (struct lz_attachment *a = lz_first_pasid(dev); a && !r; a = a->next)
		if (a->dom)
			r = lz_install_again(g, a);
	if (r)
		lz_block_set(g, dev, marked);
	return r;
}

static void count_recovery(struct lz_gated g, struct lz_device *dev)
{
	/* A reset of a sound device, as between two users, is no recovery from a fault. */
	if (dev->cures)
		lz_limit_count(g, dev);
	dev->cures = false;
	dev->owes_resume = false; /* whoever calls tells its owner */
	lz_count32(&dev->n_recoveries);
	lz_count64(&dev->iommu->n.recoveries);
	lz_emit_device(dev, LZ_EV_RECOVERED, LZ_OK, 0);
	lz_log_limited(dev->lz, &dev->iommu->notices, LZ_LOG_INFO, dev->name,
		       "Device is unblocked after successful reset");
}

/* Does it answer? ATS is on for the probe only: install() turns it on again in
 * the orderly order (H76). PASID is on before it, or what is asked under a PASID
 * would be "unsupported", which is a clean answer too. */
static enum lz_status try_device(struct lz_gated g, struct lz_device *dev, bool was_reset)
{
	const struct lz_iommu_ops *ops = dev->iommu->ops;
	enum lz_status r;

	if (lz_device_pasid_on(dev) != LZ_OK)
		return LZ_EIO;
	if (was_reset)
		ops->reset_succeeded(dev);
	/* With ATS on it would fill its cache by tables that are still in the IOMMU's; what
	 * they reach is given back once they are gone, and the cache would outlive that (A). */
	if (dev->block_owed && lz_block_tables(g, dev) != LZ_OK)
		return LZ_ETIMEDOUT;
	if (dev->ats_capable && dev->pci && lz_pci_ats_enable(dev->pci, 0) != LZ_OK)
		return LZ_EIO;
	ops->unfence(dev); /* H15: the driver first */
	r = dev->ats_capable ? ops->probe(dev) : LZ_OK;
	lz_device_quiesce(g, dev);
	return r;
}

/* A report of this generation that nobody has looked at: where no reset has ended just
 * now, nothing has happened that settles it (H13). [fence_lock] */
static bool is_news_locked(const struct lz_device *dev)
{
	return dev->report_pending && dev->reported == dev->generation + 1;
}

static bool is_news(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool news = is_news_locked(dev);

	lz_spin_unlock(&dev->fence_lock, flags);
	return news;
}

static void retire_locked(struct lz_device *dev)
{
	dev->report_pending = false;
	dev->reported = 0;
}

void lz_report_retire(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	if (!is_news_locked(dev))
		retire_locked(dev);
	lz_spin_unlock(&dev->fence_lock, flags);
}

/* H17: after the driver's callback; H18: before the re-attach. False: it was found broken
 * again since the driver lifted the fence, or reported without a reset since. That is
 * not ours to retire. */
static bool retire_old_report(struct lz_device *dev, bool was_reset)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool news = !was_reset && is_news_locked(dev);
	bool old = dev->fence < LZ_FENCE_FENCING && !(news && lz_contains(dev->lz));

	if (old && !news) {
		dev->cures |= dev->reported != 0;
		retire_locked(dev);
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	return old;
}

static bool is_report_pending(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool pending = dev->report_pending;

	lz_spin_unlock(&dev->fence_lock, flags);
	return pending;
}

/* A report that the reset did not settle is one of the new generation. Without one
 * there is a new one, on evidence of `fresh`, unless that is none. */
static void renew_report(struct lz_device *dev, enum lz_evidence fresh)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	bool renew = dev->report_pending || fresh != LZ_EVIDENCE_NONE;

	if (renew) {
		/* That it did not answer is of now; what stands there may be of a fault
		 * before. */
		if (!dev->report_pending && (fresh == LZ_EVIDENCE_PROBED || !dev->evidence))
			lz_store8(&dev->evidence, (uint8_t)fresh);
		dev->report_pending = true;
		dev->reported = dev->generation + 1;
	}
	lz_spin_unlock(&dev->fence_lock, flags);
	if (renew)
		lz_report_queue(dev, 0);
}

/* What has been told in the generation before is told in this one. */
static void keep_report(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	dev->reported = dev->generation + 1;
	lz_spin_unlock(&dev->fence_lock, flags);
}

void lz_report_renew(struct lz_device *dev)
{
	renew_report(dev, LZ_EVIDENCE_NONE);
}

void lz_report_unanswered(struct lz_device *dev)
{
	renew_report(dev, LZ_EVIDENCE_PROBED);
}

static enum lz_status still_broken(struct lz_gated g, struct lz_device *dev, enum lz_status why)
{
	lz_block_set(g, dev, LZ_BLOCK_RESET_FAILED); /* H09: only rises */
	lz_block_clear(g, dev, LZ_BLOCK_RESET);
	lz_store8(&dev->degraded, 0); /* it is more than that now */
	dev->delayed = false;
	(void)lz_block_tables(g, dev);
	lz_device_quiesce(g, dev);
	lz_report_renew(dev);
	lz_emit_device(dev, LZ_EV_STILL_BROKEN, why, 0);
	return why;
}

/* A queue that does not answer, or memory that is short, says nothing about
 * this device: it stays blocked and the report work asks again (H66). */
enum lz_status lz_recover_later(struct lz_gated g, struct lz_device *dev, enum lz_status why)
{
	lz_block_set(g, dev, LZ_BLOCK_RESET);
	(void)lz_block_tables(g, dev);
	lz_device_quiesce(g, dev);
	dev->reattach = true;
	if (!dev->delayed)
		lz_emit_device(dev, LZ_EV_RECOVERY_DELAYED, why, 0);
	dev->delayed = true;
	return why;
}

static enum lz_status ask(struct lz_gated g, struct lz_device *dev, bool was_reset)
{
	enum lz_status r = LZ_EIO;

	if (was_reset || !is_news(dev) || !lz_contains(dev->lz))
		r = try_device(g, dev, was_reset);
	if (r)
		return r;
	if (!retire_old_report(dev, was_reset))
		return LZ_EIO;
	lz_emit_device(dev, LZ_EV_UNFENCED, LZ_OK, 0);
	return LZ_OK;
}

enum lz_status lz_recover_ask(struct lz_gated g, struct lz_device *dev)
{
	return ask(g, dev, false);
}

/* The device must answer before anything is lifted. */
static enum lz_status verify(struct lz_gated g, struct lz_device *dev, bool was_reset)
{
	enum lz_status r;

	if (!dev->delayed)
		lz_emit_device(dev, LZ_EV_RECOVERY_BEGIN, LZ_OK, 0);
	r = ask(g, dev, was_reset);
	if (r == LZ_ETIMEDOUT)
		return lz_recover_later(g, dev, r);
	if (r)
		return still_broken(g, dev, r);
	r = lz_recover_together(g, dev, LZ_BLOCK_OF_FAULTS);
	if (r)
		return lz_recover_later(g, dev, r);
	lz_store8(&dev->degraded, 0);
	dev->delayed = false;
	return LZ_OK;
}

/* Something else than faults of its own blocks it (H13: a sibling's): that is not
 * a reset's to lift. The fence stays, and whoever lifts it asks the device. */
static bool lift_nothing(struct lz_gated g, struct lz_device *dev)
{
	if (!lz_sibling_stays(g, dev, LZ_BLOCK_OF_FAULTS)) {
		if (!(dev->block & ~(uint32_t)LZ_BLOCK_OF_FAULTS))
			return false;
		lz_report_retire(dev);
		lz_block_clear(g, dev, LZ_BLOCK_OF_FAULTS);
	}
	dev->delayed = false;
	return true;
}

bool lz_reset_reattach(struct lz_gated g, struct lz_device *dev, bool *resumed)
{
	dev->reattach = false;
	*resumed = !lift_nothing(g, dev) && verify(g, dev, false) == LZ_OK && !dev->block;
	if (*resumed && dev->waited) {
		dev->owes_resume = false; /* whoever calls tells its owner */
		lz_sibling_tell_lifted(dev);
	} else if (*resumed) {
		count_recovery(g, dev);
	}
	return !dev->reattach;
}

static enum lz_status end_ok(struct lz_gated g, struct lz_device *dev)
{
	if (!lift_nothing(g, dev))
		return verify(g, dev, true);
	/* It is not asked, but what the queue waited for it is over (F). */
	dev->iommu->ops->reset_succeeded(dev);
	return LZ_OK;
}

static enum lz_status end_not_attempted(struct lz_gated g, struct lz_device *dev)
{
	const struct lz_iommu_ops *ops = dev->iommu->ops;
	bool open = dev->fence_before_reset == LZ_FENCE_OPEN && !is_report_pending(dev);
	enum lz_status r = LZ_OK;

	if (dev->block & ~(uint32_t)LZ_BLOCK_RESET) {
		lz_block_clear(g, dev, LZ_BLOCK_RESET);
		lz_report_renew(dev);
		return LZ_OK;
	}
	/* What was there under the fence comes back under it, and is known still. */
	if (dev->degraded)
		keep_report(dev);
	if (dev->degraded && lz_recover_install(g, dev, LZ_BLOCK_RESET) == LZ_OK) {
		lz_report_renew(dev);
		return LZ_OK;
	}
	lz_store8(&dev->degraded, 0);
	if (dev->fence_before_reset == LZ_FENCE_SUSPECT) {
		/* Its evidence is of another generation now: asked again. */
		r = try_device(g, dev, false);
		if (r == LZ_ETIMEDOUT)
			return lz_recover_later(g, dev, r);
		open = r == LZ_OK && !is_report_pending(dev);
	} else if (open) {
		ops->unfence(dev);
	}
	if (open) {
		lz_emit_device(dev, LZ_EV_UNFENCED, LZ_OK, 0);
		r = lz_recover_together(g, dev, LZ_BLOCK_OF_FAULTS);
		return r ? lz_recover_later(g, dev, r) : LZ_OK;
	}
	/* Found broken, not yet quarantined: the report is made again. */
	lz_block_set(g, dev, LZ_BLOCK_BROKEN);
	lz_block_clear(g, dev, LZ_BLOCK_RESET);
	(void)lz_block_tables(g, dev);
	/* G: whoever hears of it is told how sure we are. */
	renew_report(dev, r == LZ_EIO && !lz_iommu_dead(dev->iommu) ? LZ_EVIDENCE_PROBED
								    : LZ_EVIDENCE_ASSUMED);
	return LZ_OK;
}

static enum lz_status status_of(enum lz_reset_result worst)
{
	if (worst == LZ_RESET_OK)
		return LZ_OK;
	return worst == LZ_RESET_FAILED ? LZ_EIO : LZ_ENOTSUP;
}

/* The outermost done (H06); the gate is held. */
static enum lz_status end(struct lz_gated g, struct lz_device *dev)
{
	enum lz_reset_result worst = dev->reset_worst;
	enum lz_status r = LZ_OK;

	lz_device_move_generation(dev);
	if (worst == LZ_RESET_OK)
		r = end_ok(g, dev);
	else if (worst == LZ_RESET_NOT_ATTEMPTED)
		r = end_not_attempted(g, dev);
	else
		(void)still_broken(g, dev, LZ_EIO);
	if (dev->reattach)
		lz_report_queue(dev, LZ_MS(1));
	lz_emit_device(dev, LZ_EV_RESET_END, r ? r : status_of(worst), 0);
	return r;
}

void lz_reset_tell_owner(struct lz_device *dev)
{
	uint32_t outer;

	if (!dev->owner || !dev->owner->resume)
		return;
	outer = lz_owner_enter(dev);
	dev->owner->resume(dev->owner_ctx, dev);
	lz_owner_leave(dev, outer);
}

enum lz_status lz_reset_done(struct lz_device *dev, enum lz_reset_result result)
{
	enum lz_status r = LZ_OK;
	bool resumed = false;
	struct lz_gated g;

	lz_gate_enter_always(dev->group, &g);
	if (!dev->reset_depth) {
		lz_gate_leave(g);
		return LZ_EINVAL;
	}
	if (result > dev->reset_worst) /* H04, H07 */
		dev->reset_worst = result;
	lz_store32(&dev->reset_depth, dev->reset_depth - 1);
	if (!dev->reset_depth) {
		r = end(g, dev);
		resumed = dev->reset_worst == LZ_RESET_OK && !r && !dev->block;
		if (resumed)
			count_recovery(g, dev);
		else if (!dev->block && dev->owes_resume)
			lz_report_queue(dev, 0); /* a sibling held it meanwhile (H13) */
	}
	if (resumed)
		lz_device_get(dev); /* the owner may remove it meanwhile */
	lz_gate_leave(g);
	if (resumed) {
		lz_reset_tell_owner(dev);
		lz_device_put(dev);
	}
	return r;
}
