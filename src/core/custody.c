/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Custody: what hardware may still reach. The dead entries of the page table
 * are the truth; the record of a domain says where to look for them.
 *
 * An entry is dead before its epoch is read, and a sweep moves the epoch on
 * before it invalidates. So whatever is held since the sweep's epoch or an
 * earlier one was dead when the sweep's invalidation began (A).
 */
#include "core/core.h"

/* More epochs than this apart, old entries are made to look younger: epochs are compared
 * in half of their range, and each part may begin a sweep meanwhile. */
#define EPOCHS_APART (LZ_PT_EPOCHS / 2 - 8 - LZ_DOMAIN_PARTS)

static bool is_later(unsigned epoch, unsigned than)
{
	return (int)(epoch - than) > 0;
}

static void event_of(struct lz_domain *dom, enum lz_event_kind kind, uint64_t pages)
{
	struct lz_event e = {
		.kind = kind, .domain = dom, .iommu = dom->first.iommu, .detail = pages};

	lz_emit(dom->lz, &e);
}

/* All parts of a domain; its lock is held. */
static struct lz_domain_part *next_locked(struct lz_domain *dom, struct lz_domain_part *part)
{
	if (!part)
		return &dom->first;
	return part->index ? part->next : dom->more;
}

/* ---- the ranges; domain lock held ---- */

static lz_iova gap_between(const struct lz_custody_range *r, lz_iova start, lz_iova end)
{
	if (end < r->start)
		return r->start - end;
	return start > r->end ? start - r->end : 0;
}

static void cover(struct lz_custody_record *rec, lz_iova start, lz_iova end)
{
	struct lz_custody_range *best = NULL;

	for (unsigned i = 0; i < rec->n; i++) {
		struct lz_custody_range *r = &rec->range[i];

		if (!best || gap_between(r, start, end) < gap_between(best, start, end))
			best = r;
	}
	if (!rec->n)
		rec->oldest = rec->epoch;
	if (!best || (gap_between(best, start, end) && rec->n < LZ_CUSTODY_RANGES)) {
		rec->range[rec->n++] = (struct lz_custody_range){start, end, rec->epoch};
		return;
	}
	best->start = start < best->start ? start : best->start;
	best->end = end > best->end ? end : best->end;
	best->last = rec->epoch;
}

static void uncover(struct lz_custody_record *rec, unsigned epoch)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rec->n; i++)
		if (is_later(rec->range[i].last, epoch))
			rec->range[n++] = rec->range[i];
	rec->n = n;
	if (is_later(epoch + 1, rec->oldest))
		rec->oldest = epoch + 1;
}

/* Pages come or go, of the domain, the IOMMU it was made for and the instance; domain
 * lock held. */
static uint64_t move_pages(struct lz_domain *dom, uint64_t pages)
{
	unsigned long flags = lz_spin_lock(&dom->lz->lock);
	lz_ns now = lz_now(dom->lz);

	lz_meter_add(&dom->custody->meter, pages, now);
	lz_meter_add(&dom->first.iommu->custody, pages, now);
	lz_spin_unlock(&dom->lz->lock, flags);
	return lz_fetch_add64(&dom->lz->custody_pages, pages) + pages;
}

/* ---- into custody ---- */

static void wait_for(struct lz_domain_part *part, unsigned epoch)
{
	if (!part->waits)
		part->since = epoch;
	part->waits = true;
	part->last = epoch;
	lz_part_pend(part);
	lz_iommu_kick(part->iommu);
}

/* Who has not answered, as far as somebody is still attached there; else the first, so
 * that somebody looks. */
static void wait_for_others(struct lz_domain *dom, uint32_t done)
{
	bool any = false;

	for (struct lz_domain_part *p = next_locked(dom, NULL); p; p = next_locked(dom, p)) {
		if (done >> p->index & 1)
			continue;
		wait_for(p, dom->custody->epoch);
		any = true;
	}
	if (!any)
		wait_for(&dom->first, dom->custody->epoch);
}

void lz_custody_hold(struct lz_domain *dom, lz_iova start, lz_iova end, uint32_t done)
{
	struct lz_custody_record *rec = dom->custody;
	unsigned long flags = lz_spin_lock(&dom->lock);
	uint64_t pages = lz_pt_hold(&dom->pt, start, end - start, rec->epoch), all;
	bool first = !rec->meter.pages;

	cover(rec, start, end);
	rec->used = true;
	all = move_pages(dom, pages);
	lz_store32_release(&dom->in_custody, 1);
	wait_for_others(dom, done);
	lz_spin_unlock(&dom->lock, flags);

	lz_raise_max(&dom->lz->custody_pages_max, all);
	if (first)
		event_of(dom, LZ_EV_CUSTODY_HELD, pages);
}

void lz_custody_leave(struct lz_attachment *att, struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	unsigned long flags = lz_spin_lock(&dom->lock);

	att->leaving = dom;
	att->left_epoch = dom->custody->epoch;
	att->next_leaving = dom->leaving;
	dom->leaving = att;
	dom->n_leaving++;
	dom->custody->used = true;
	lz_store32_release(&dom->in_custody, 1);
	lz_part_pend(part);
	lz_spin_unlock(&dom->lock, flags);
	lz_iommu_kick(part->iommu);
}

/* ---- out of custody ---- */

void lz_custody_left(struct lz_gated g, struct lz_attachment *att)
{
	struct lz_domain *dom = att->leaving;
	struct lz_attachment **p = &dom->leaving;
	struct lz_iommu *iommu = att->dev->iommu;
	struct lz_domain_part *part = lz_part_of(dom, iommu);
	unsigned long flags;

	(void)g;
	iommu->ops->unlink(att->dev, att->pasid, part);
	flags = lz_spin_lock(&dom->lock);
	while (*p != att)
		p = &(*p)->next_leaving;
	*p = att->next_leaving;
	att->leaving = NULL;
	dom->n_leaving--;
	lz_fetch_add32(&dom->attached, (uint32_t)-1);
	lz_part_let_locked(part);
	lz_spin_unlock(&dom->lock, flags);
}

static void run_released(void *ctx, lz_iova iova, size_t size)
{
	struct lz_domain *dom = ctx;
	unsigned long flags = lz_spin_lock(&dom->lock);

	(void)move_pages(dom, 0 - (uint64_t)(size / LZ_PAGE));
	dom->custody->released += size / LZ_PAGE;
	lz_spin_unlock(&dom->lock, flags);
	if (dom->dops && dom->dops->release)
		dom->dops->release(dom->ctx, dom, iova, size);
}

/* A device behind the part that left at `epoch` or earlier, with its gate. Removal
 * takes it off the list before device and group are freed (H25), so the gate is tried
 * under the list's lock, and once it is ours removal waits. Never waited for: whoever
 * holds it may wait for this very work. */
static struct lz_device *someone_left(struct lz_domain_part *part, unsigned epoch,
				      struct lz_gated *g)
{
	struct lz_domain *dom = part->dom;
	struct lz_device *dev = NULL;
	unsigned long flags = lz_spin_lock(&dom->lock);

	for (struct lz_attachment *a = dom->leaving; a && !dev; a = a->next_leaving)
		if (a->dev->iommu == part->iommu && !is_later(a->left_epoch, epoch))
			dev = a->dev;
	if (dev && lz_gate_enter(dev->group, 0, g) != LZ_OK)
		dev = NULL;
	lz_spin_unlock(&dom->lock, flags);
	return dev;
}

static void end_leaving_of(struct lz_gated g, struct lz_device *dev, struct lz_domain *dom,
			   unsigned epoch)
{
	struct lz_attachment *next;

	if (dev->rid.leaving == dom && !is_later(dev->rid.left_epoch, epoch))
		lz_custody_left(g, &dev->rid);
	for (struct lz_attachment *a = lz_first_pasid(dev); a; a = next) {
		next = a->next;
		if (a->leaving == dom && !is_later(a->left_epoch, epoch))
			lz_custody_left(g, a);
	}
}

static void end_leaving(struct lz_domain_part *part, unsigned epoch)
{
	struct lz_device *dev;
	struct lz_gated g;

	while ((dev = someone_left(part, epoch, &g)) != NULL) {
		end_leaving_of(g, dev, part->dom, epoch);
		lz_gate_leave(g);
	}
}

/* ---- releasing: one at a time in a domain, whoever's sweep it was ---- */

/* The newest epoch that no part is waited for any more; domain lock held. What is
 * held later than now is not in it, although nobody may be waited for yet. */
static unsigned settled_epoch(struct lz_domain *dom)
{
	unsigned epoch = dom->custody->epoch - 1;

	for (struct lz_domain_part *p = next_locked(dom, NULL); p; p = next_locked(dom, p))
		if (p->waits && is_later(epoch, p->since - 1))
			epoch = p->since - 1;
	return epoch;
}

/* What is held since before `to` counts as held since `to`: first where to look for it,
 * then it, then whom it waits for, so that at no time it is taken for settled. */
static void age(struct lz_domain *dom, unsigned to)
{
	struct lz_custody_record *rec = dom->custody, seen;
	unsigned long flags = lz_spin_lock(&dom->lock);

	for (unsigned i = 0; i < rec->n; i++)
		if (is_later(to, rec->range[i].last))
			rec->range[i].last = to;
	for (struct lz_domain_part *p = next_locked(dom, NULL); p; p = next_locked(dom, p))
		if (p->waits && is_later(to, p->last))
			p->last = to;
	seen = *rec;
	lz_spin_unlock(&dom->lock, flags);

	for (unsigned i = 0; i < seen.n; i++)
		lz_pt_age(&dom->pt, seen.range[i].start, seen.range[i].end - seen.range[i].start,
			  to);

	flags = lz_spin_lock(&dom->lock);
	for (struct lz_domain_part *p = next_locked(dom, NULL); p; p = next_locked(dom, p))
		if (p->waits && is_later(to, p->since))
			p->since = to;
	rec->oldest = to;
	lz_spin_unlock(&dom->lock, flags);
}

/* Releases up to `epoch`; `seen` is the record of when that was settled. Returns how
 * many pages have gone when nothing is left. */
static uint64_t release(struct lz_domain *dom, const struct lz_custody_record *seen, unsigned epoch)
{
	struct lz_custody_record *rec = dom->custody;
	uint64_t released = 0;
	unsigned long flags;

	for (unsigned i = 0; i < seen->n; i++)
		lz_pt_release(&dom->pt, seen->range[i].start,
			      seen->range[i].end - seen->range[i].start, epoch, run_released, dom);
	flags = lz_spin_lock(&dom->lock);
	uncover(rec, epoch);
	if (!rec->meter.pages) {
		released = rec->released;
		rec->released = 0;
	}
	lz_spin_unlock(&dom->lock, flags);
	return released;
}

/* Also where nothing is released: what goes on being held must not look newer than it
 * is. A second one leaves it to the first, who looks again. */
static void release_settled(struct lz_domain *dom)
{
	struct lz_custody_record *rec = dom->custody, seen;
	unsigned long flags = lz_spin_lock(&dom->lock);
	bool ours = !rec->releasing;

	rec->again = true;
	rec->releasing = true;
	while (ours && rec->again) {
		unsigned epoch = settled_epoch(dom);
		uint64_t released = 0;

		rec->again = false;
		seen = *rec;
		lz_spin_unlock(&dom->lock, flags);
		if (seen.n && !is_later(seen.oldest, epoch))
			released = release(dom, &seen, epoch);
		if (released)
			event_of(dom, LZ_EV_CUSTODY_RELEASED, released);
		if (seen.n && seen.epoch - 1 - seen.oldest >= EPOCHS_APART)
			age(dom, seen.epoch - 1);
		flags = lz_spin_lock(&dom->lock);
	}
	if (ours)
		rec->releasing = false;
	lz_spin_unlock(&dom->lock, flags);
}

/* ---- sweeps ---- */

/* The epoch that it covers. `*idle`: it may go, if nobody attaches meanwhile. */
static unsigned begin_sweep(struct lz_domain_part *part, bool *idle)
{
	struct lz_domain *dom = part->dom;
	struct lz_custody_record *rec = dom->custody;
	unsigned long flags = lz_spin_lock(&dom->lock);
	unsigned epoch = rec->used ? rec->epoch++ : rec->epoch - 1;

	rec->used = false;
	part->used = false;
	*idle = part->index && !part->attached;
	lz_spin_unlock(&dom->lock, flags);
	return epoch;
}

/* The part has been invalidated since `epoch`. */
static void end_waiting(struct lz_domain_part *part, unsigned epoch)
{
	unsigned long flags = lz_spin_lock(&part->dom->lock);

	part->waits = part->waits && is_later(part->last, epoch);
	if (part->waits && is_later(epoch + 1, part->since))
		part->since = epoch + 1;
	lz_spin_unlock(&part->dom->lock, flags);
}

static bool is_left(const struct lz_domain_part *part)
{
	const struct lz_attachment *a = part->dom->leaving;

	while (a && a->dev->iommu != part->iommu)
		a = a->next_leaving;
	return a;
}

/* What has to be looked at again. True when the part can go with its domain: the first
 * one stays while something is in custody, which its IOMMU counts. */
static bool end_sweep(struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	unsigned long flags = lz_spin_lock(&dom->lock);
	bool held = dom->custody->n != 0;
	bool empty = !part->waits && !is_left(part);

	if (empty && !part->gone && (!part->index || part->attached))
		lz_part_settle(part);
	if (!held && !dom->leaving)
		lz_store32_release(&dom->in_custody, 0);
	lz_spin_unlock(&dom->lock, flags);
	return empty && (part->index || !held);
}

/* What the hardware answered; `*empty`: nothing is left. */
static enum lz_status sweep(struct lz_domain_part *part, bool *empty)
{
	struct lz_iommu *iommu = part->iommu;
	bool idle;
	unsigned epoch = begin_sweep(part, &idle);
	enum lz_status r = LZ_OK;

	if (!lz_iommu_dead(iommu))
		r = iommu->ops->invalidate_all(part);
	/* A device that does not answer holds nothing while nobody contains it. */
	if ((r == LZ_EIO && !lz_contains(iommu->lz)) || lz_iommu_dead(iommu))
		r = LZ_OK;
	if (r == LZ_OK) {
		end_waiting(part, epoch);
		end_leaving(part, epoch);
	}
	release_settled(part->dom);
	if (r == LZ_OK && idle)
		lz_part_retire(part);
	*empty = end_sweep(part) && r == LZ_OK;
	return r;
}

/* Pins the next part of this pass, so that destroy leaves it to us. */
static struct lz_domain_part *pin_next(struct lz_iommu *iommu, bool *dying)
{
	unsigned long flags = lz_spin_lock(&iommu->lock);
	struct lz_domain_part *part = lz_part_next_pending_locked(iommu);

	if (part) {
		part->sweeping = true;
		*dying = part->dying;
	}
	lz_spin_unlock(&iommu->lock, flags);
	return part;
}

/* True when it is out of the list now: out of the domain and without users, or dying
 * before the sweep began. One that was destroyed meanwhile needs a sweep that begins
 * later. */
static bool unpin(struct lz_domain_part *part, bool empty, bool was_dying)
{
	struct lz_iommu *iommu = part->iommu;
	unsigned long flags = lz_spin_lock(&iommu->lock);
	bool out = (empty && was_dying) || (part->gone && !lz_load32_acquire(&part->users));

	part->sweeping = false;
	if (part->dying && !out)
		lz_part_pend_locked(part);
	if (out)
		lz_part_take_out_locked(part);
	lz_spin_unlock(&iommu->lock, flags);
	return out;
}

/* Sweeps and frees; false when the queue did not answer. */
static bool sweep_pinned(struct lz_domain_part *part, bool dying)
{
	struct lz_domain *dom = part->dom;
	const struct lz_domain_ops *dops = dom->dops;
	void *ctx = dom->ctx;
	bool empty = false;
	bool answered = part->gone || sweep(part, &empty) != LZ_ETIMEDOUT;

	if (unpin(part, empty, dying)) {
		lz_part_free(part);
		if (lz_domain_put(dom) && dops && dops->destroyed)
			dops->destroyed(ctx);
	}
	return answered;
}

/* A pass visits each part once. When the queue does not answer, the pass goes
 * on in a later call: one call waits for one silent sync at most (F). */
bool lz_custody_sweep(struct lz_iommu *iommu)
{
	bool dying = false, begun = false;

	for (;;) {
		struct lz_domain_part *part = pin_next(iommu, &dying);

		if (part) {
			begun = true;
			if (!sweep_pinned(part, dying))
				return true;
			continue;
		}
		if (begun || !lz_custody_any(iommu))
			return lz_custody_any(iommu);
		begun = true;
	}
}

bool lz_custody_any(struct lz_iommu *iommu)
{
	unsigned long flags = lz_spin_lock(&iommu->lock);
	bool any = iommu->pending || iommu->swept;

	lz_spin_unlock(&iommu->lock, flags);
	return any;
}
