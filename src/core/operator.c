/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator does to a device: block it, have it reset, let it back. The way
 * back asks the device first, so it is also the way out for one that has no reset.
 */
#include "core/core.h"

enum lz_status lz_device_block(struct lz_device *dev)
{
	enum lz_status r = LZ_OK;
	struct lz_gated g;
	uint32_t cause, generation;
	bool fresh;

	if (!LZ_CONFIG_OPERATOR)
		return LZ_ENOTSUP;
	if (lz_gate_enter(dev->group, lz_gate_bound(dev->lz), &g) != LZ_OK)
		return LZ_EBUSY;
	if (dev->presence != LZ_PRESENT) {
		lz_gate_leave(g);
		return LZ_ENODEV;
	}
	fresh = !(dev->block & LZ_BLOCK_OPERATOR);
	lz_block_set(g, dev, LZ_BLOCK_OPERATOR);
	r = lz_block_tables(g, dev);
	lz_device_quiesce(g, dev);
	cause = dev->block;
	generation = dev->generation;
	if (fresh) {
		lz_emit_device(dev, LZ_EV_OPERATOR_BLOCKED, r, cause);
		lz_log(dev->lz, LZ_LOG_WARN, dev->name, "Device is blocked by an operator");
	}
	lz_device_get(dev); /* the owner may remove it */
	lz_gate_leave(g);
	if (fresh)
		lz_tell_blocked(dev, cause, generation);
	lz_device_put(dev);
	return r;
}

static enum lz_status may_clear(const struct lz_device *dev)
{
	if (dev->presence != LZ_PRESENT)
		return LZ_ENODEV;
	/* Not quarantined yet: that goes first. */
	if (dev->reset_depth ||
	    (!dev->block && !dev->degraded && lz_device_fence(dev) != LZ_FENCE_OPEN))
		return LZ_EBUSY;
	return LZ_OK;
}

/* What was blocked stays so, for the same reasons. */
static void stay_blocked(struct lz_gated g, struct lz_device *dev, uint32_t reasons)
{
	lz_block_set(g, dev, reasons);
	(void)lz_block_tables(g, dev);
	lz_device_quiesce(g, dev);
	lz_report_renew(dev);
}

/* While it is asked nothing of it gets through, and when it does not answer that
 * stays so. */
static void block_degraded(struct lz_gated g, struct lz_device *dev)
{
	lz_block_set(g, dev, LZ_BLOCK_BROKEN);
	(void)lz_block_tables(g, dev);
	lz_store8(&dev->degraded, 0);
}

static enum lz_status clear(struct lz_gated g, struct lz_device *dev)
{
	uint32_t reasons;
	enum lz_status r = LZ_OK;

	if (dev->degraded)
		block_degraded(g, dev);
	reasons = dev->block;

	/* What is known of the device is of the time before (H47, H86). */
	lz_device_move_generation(dev);
	lz_device_move_generation(dev);
	if (!lz_sibling_stays(g, dev, reasons)) {
		r = lz_recover_ask(g, dev);
		if (!r)
			r = lz_recover_together(g, dev, reasons);
	}
	if (r) {
		stay_blocked(g, dev, reasons);
	} else {
		dev->reattach = false;
		dev->delayed = false;
		dev->cures = false;
		lz_limit_forget(g, dev);
	}
	if (!dev->block) {
		dev->owes_resume = false; /* whoever calls tells its owner */
		lz_log(dev->lz, LZ_LOG_INFO, dev->name, "Device is unblocked by an operator");
	}
	lz_emit_device(dev, LZ_EV_OPERATOR_CLEARED, r, reasons);
	return r;
}

enum lz_status lz_device_clear(struct lz_device *dev)
{
	bool cleared = false;
	struct lz_gated g;
	enum lz_status r;

	if (!LZ_CONFIG_OPERATOR)
		return LZ_ENOTSUP;
	if (lz_gate_enter(dev->group, lz_gate_bound(dev->lz), &g) != LZ_OK)
		return LZ_EBUSY;
	r = may_clear(dev);
	if (!r && (dev->block || dev->degraded)) {
		r = clear(g, dev);
		cleared = r == LZ_OK && !dev->block;
	}
	if (cleared)
		lz_device_get(dev);
	lz_gate_leave(g);
	if (cleared) {
		lz_reset_tell_owner(dev);
		lz_device_put(dev);
	}
	return r;
}

/* ---- recover ---- */

/* LZ_OK: a reset may help; LZ_ENOENT: nothing is wrong with it. */
static enum lz_status may_recover(struct lz_device *dev, uint32_t *cause, uint32_t *generation)
{
	uint32_t block = dev->block;

	*cause = block;
	*generation = dev->generation;
	if (dev->presence != LZ_PRESENT)
		return LZ_ENODEV;
	if (dev->reset_depth)
		return LZ_EBUSY;
	/* Two broken siblings have each other's mark: that stops neither (H13). */
	if ((block & ~(LZ_BLOCK_OF_FAULTS | LZ_BLOCK_SIBLING)) || block == LZ_BLOCK_SIBLING)
		return LZ_ELIMIT;
	if (!block && !dev->degraded)
		return lz_device_fence(dev) == LZ_FENCE_OPEN ? LZ_ENOENT : LZ_EBUSY;
	return LZ_OK;
}

enum lz_status lz_device_recover(struct lz_device *dev)
{
	uint32_t cause, generation;
	enum lz_status r;
	struct lz_gated g;

	if (!LZ_CONFIG_OPERATOR)
		return LZ_ENOTSUP;
	if (lz_gate_enter(dev->group, lz_gate_bound(dev->lz), &g) != LZ_OK)
		return LZ_EBUSY;
	r = may_recover(dev, &cause, &generation);
	lz_device_get(dev); /* the owner may remove it */
	lz_gate_leave(g);
	if (r == LZ_ENOENT) {
		r = LZ_OK;
	} else if (r == LZ_OK) {
		r = lz_pci_reset(dev);
		if (r == LZ_ENOTSUP && dev->owner && dev->owner->error_detected) {
			lz_tell_detected(dev, cause, generation);
			r = LZ_IN_CUSTODY;
		}
	}
	lz_device_put(dev);
	return r;
}
