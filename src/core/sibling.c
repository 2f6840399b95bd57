/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that share a requester id: functions below a bridge to conventional PCI,
 * phantom functions, functions that send another one's id. The IOMMU cannot tell
 * them apart under that id, so it is blocked while any of them is, and let back
 * when none is (H13).
 *
 * A family is everybody who is reached from one to the next by shared ids. While a
 * member has a reason of its own to be blocked, every other one has
 * LZ_BLOCK_SIBLING. That is no reason of its own, so nobody holds anybody in turn.
 * The last who recovers lets all of them back within one stay in the gate: all are
 * asked first, then their tables are written, so that no entry that they share is
 * live while the fence of one of them keeps ATS off in it.
 *
 * Everything here runs with the gate held, and a family is within one group.
 */
#include "core/core.h"

bool lz_shares_id(const struct lz_device *a, const struct lz_device *b)
{
	for (unsigned i = 0; i < a->n_streams && a->iommu == b->iommu; i++)
		for (unsigned k = 0; k < b->n_streams; k++)
			if (a->streams[i] == b->streams[k])
				return true;
	return false;
}

static bool holds(const struct lz_device *dev)
{
	/* One whose removal is not in effect yet may still reach memory; the fence of
	 * one that is degraded keeps ATS off in what a new sibling would share. */
	return dev->presence != LZ_PRESENT || dev->degraded ||
	       dev->block & ~(uint32_t)LZ_BLOCK_SIBLING;
}

/* The first of the list on who is of the device's family, but not itself. */
static struct lz_device *sibling_from(struct lz_device *d, const struct lz_device *dev)
{
	while (d && (d == dev || d->family != dev->family))
		d = d->next_in_group;
	return d;
}

struct lz_device *lz_sibling_holder(const struct lz_device *dev)
{
	struct lz_device *s = sibling_from(dev->group->devices, dev);

	while (s && !holds(s))
		s = sibling_from(s->next_in_group, dev);
	return s;
}

bool lz_has_siblings(const struct lz_device *dev)
{
	return sibling_from(dev->group->devices, dev);
}

/* Blocked for nothing but a sibling, and nobody is at work on it. */
static bool only_held(const struct lz_device *s)
{
	return s->block == LZ_BLOCK_SIBLING && s->presence == LZ_PRESENT && !s->reset_depth;
}

/* ---- telling ---- */

/* The id that both send; within a larger family, one of the device's. */
static uint32_t shared_id(const struct lz_device *dev, const struct lz_device *with)
{
	for (unsigned i = 0; i < dev->n_streams; i++)
		for (unsigned k = 0; k < with->n_streams; k++)
			if (dev->streams[i] == with->streams[k])
				return dev->streams[i];
	return dev->streams[0];
}

static void tell_held(struct lz_device *dev, struct lz_device *holder)
{
	struct lz_event ev = {.kind = LZ_EV_SIBLING_BLOCKED,
			      .device = dev,
			      .iommu = dev->iommu,
			      .holder = holder,
			      .generation = lz_load32(&dev->generation),
			      .detail = shared_id(dev, holder)};

	lz_emit(dev->lz, &ev);
	lz_log(dev->lz, LZ_LOG_WARN, dev->name,
	       "Device is blocked as long as %s, which shares requester id 0x%x", holder->name,
	       (unsigned)ev.detail);
}

void lz_sibling_tell_lifted(struct lz_device *dev)
{
	dev->waited = false;
	lz_emit_device(dev, LZ_EV_SIBLING_LIFTED, LZ_OK, 0);
	lz_log(dev->lz, LZ_LOG_INFO, dev->name,
	       "Device is unblocked: nobody who shares its requester id is blocked");
}

static void tell_lifted(struct lz_device *dev)
{
	lz_sibling_tell_lifted(dev);
	/* Its owner hears of it outside the gate. */
	if (dev->owes_resume)
		lz_report_queue(dev, 0);
}

/* ---- blocking ---- */

static void block(struct lz_gated g, struct lz_device *dev)
{
	(void)lz_block_tables(g, dev);
	lz_device_quiesce(g, dev);
}

static void hold(struct lz_gated g, struct lz_device *dev, struct lz_device *holder)
{
	bool fresh = !dev->block;

	if (dev->block & LZ_BLOCK_SIBLING)
		return;
	lz_block_set(g, dev, LZ_BLOCK_SIBLING);
	/* Told before its fence: nobody takes that for a verdict about it. */
	tell_held(dev, holder);
	if (fresh)
		block(g, dev);
	dev->tell_held = dev->owes_resume = true;
	lz_report_queue(dev, 0);
}

void lz_siblings_hold(struct lz_gated g, struct lz_device *dev)
{
	struct lz_device *s = sibling_from(g.group->devices, dev);

	for (; s; s = sibling_from(s->next_in_group, dev))
		hold(g, s, dev);
}

/* Nobody holds it now: the mark goes, or its work lets it back. */
static void let(struct lz_gated g, struct lz_device *dev)
{
	if (!(dev->block & LZ_BLOCK_SIBLING) || lz_sibling_holder(dev))
		return;
	if (dev->block == LZ_BLOCK_SIBLING)
		lz_report_queue(dev, 0);
	else
		lz_block_clear(g, dev, LZ_BLOCK_SIBLING);
}

void lz_siblings_let(struct lz_gated g, struct lz_device *dev)
{
	struct lz_device *s = sibling_from(g.group->devices, dev);

	for (; s; s = sibling_from(s->next_in_group, dev))
		let(g, s);
}

static void stay(struct lz_gated g, struct lz_device *dev, uint32_t reasons)
{
	lz_block_set(g, dev, LZ_BLOCK_SIBLING);
	lz_report_retire(dev);
	lz_block_clear(g, dev, reasons & ~(uint32_t)LZ_BLOCK_SIBLING);
	dev->owes_resume = true;
}

bool lz_sibling_stays(struct lz_gated g, struct lz_device *dev, uint32_t reasons)
{
	struct lz_device *holder = lz_sibling_holder(dev);

	if (!holder)
		return false;
	stay(g, dev, reasons);
	tell_held(dev, holder);
	return true;
}

/* ---- families ---- */

static void merge(struct lz_group *group, uint32_t from, uint32_t into)
{
	for (struct lz_device *d = group->devices; d; d = d->next_in_group)
		if (d->family == from)
			d->family = into;
}

static void find_family(struct lz_group *group, struct lz_device *dev)
{
	dev->family = ++group->families;
	for (struct lz_device *d = group->devices; d; d = d->next_in_group)
		if (d != dev && d->family && d->family != dev->family && lz_shares_id(d, dev))
			merge(group, d->family, dev->family);
}

void lz_family_join(struct lz_gated g, struct lz_device *dev)
{
	struct lz_device *holder;

	find_family(g.group, dev);
	/* It may have joined two families that knew nothing of each other. */
	for (struct lz_device *d = g.group->devices; d; d = d->next_in_group)
		if (d->family == dev->family && (holder = lz_sibling_holder(d)) != NULL)
			hold(g, d, holder);
}

void lz_family_leave(struct lz_gated g, struct lz_device *dev)
{
	uint32_t old = dev->family, before = g.group->families;
	struct lz_device *d;

	for (d = g.group->devices; d; d = d->next_in_group)
		if (d->family == old)
			d->family = 0;
	for (d = g.group->devices; d; d = d->next_in_group)
		if (!d->family)
			find_family(g.group, d);
	for (d = g.group->devices; d; d = d->next_in_group)
		if (d->family > before)
			let(g, d);
}

/* ---- letting back ---- */

static void block_held(struct lz_gated g, struct lz_device *dev)
{
	struct lz_device *s = sibling_from(g.group->devices, dev);

	for (; s; s = sibling_from(s->next_in_group, dev))
		if (only_held(s))
			block(g, s);
}

/* It was not broken when its sibling was blocked, and does not answer now. */
static void found_broken(struct lz_gated g, struct lz_device *dev)
{
	lz_block_set(g, dev, LZ_BLOCK_BROKEN);
	block(g, dev);
	lz_report_unanswered(dev);
}

static void later(struct lz_gated g, struct lz_device *dev, enum lz_status why)
{
	dev->waited = true;
	(void)lz_recover_later(g, dev, why);
	lz_report_queue(dev, LZ_MS(1));
}

/* False: one of them holds the device from now on. */
static bool ask_siblings(struct lz_gated g, struct lz_device *dev)
{
	struct lz_device *s = sibling_from(g.group->devices, dev);
	enum lz_status r = LZ_OK;

	for (; s && !r; s = sibling_from(s->next_in_group, dev)) {
		if (!only_held(s))
			continue;
		r = lz_recover_ask(g, s);
		if (r == LZ_EIO)
			found_broken(g, s);
		else if (r)
			later(g, s, r);
	}
	return r == LZ_OK;
}

static void install_siblings(struct lz_gated g, struct lz_device *dev)
{
	struct lz_device *s = sibling_from(g.group->devices, dev);
	enum lz_status r = LZ_OK;

	for (; s && !r; s = sibling_from(s->next_in_group, dev)) {
		if (!only_held(s))
			continue;
		r = lz_recover_install(g, s, LZ_BLOCK_SIBLING);
		if (r)
			later(g, s, r); /* blocks again who came before it */
		else
			tell_lifted(s);
	}
	if (r)
		block_held(g, dev);
}

enum lz_status lz_recover_together(struct lz_gated g, struct lz_device *dev, uint32_t lift)
{
	bool held = dev->block & LZ_BLOCK_SIBLING;
	enum lz_status r;

	if (!ask_siblings(g, dev)) {
		block(g, dev);
		block_held(g, dev);
		stay(g, dev, lift);
		if (held) /* else it has been told just now (G) */
			tell_held(dev, lz_sibling_holder(dev));
		return LZ_OK;
	}
	r = lz_recover_install(g, dev, lift);
	if (r)
		block_held(g, dev);
	else
		install_siblings(g, dev);
	return r;
}

bool lz_sibling_lift(struct lz_gated g, struct lz_device *dev)
{
	enum lz_status r;

	if (!only_held(dev) || lz_sibling_holder(dev))
		return true;
	r = lz_recover_ask(g, dev);
	if (r == LZ_EIO) {
		found_broken(g, dev);
		return true;
	}
	if (!r)
		r = lz_recover_together(g, dev, LZ_BLOCK_SIBLING);
	if (r) {
		lz_block_set(g, dev, LZ_BLOCK_SIBLING);
		block(g, dev);
		return false;
	}
	if (!dev->block)
		tell_lifted(dev);
	return true;
}
