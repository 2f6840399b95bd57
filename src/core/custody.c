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

/* More epochs than this apart, old entries are made to look younger: epochs
 * are compared in half of their range. */
#define EPOCHS_APART (LZ_PT_EPOCHS / 2 - 8)

static void event_of(struct lz_domain *dom, enum lz_event_kind kind, uint64_t pages)
{
	struct lz_event e = {.kind = kind, .domain = dom, .iommu = dom->iommu, .detail = pages};

	lz_emit(dom->lz, &e);
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
		if ((int)(rec->range[i].last - epoch) > 0)
			rec->range[n++] = rec->range[i];
	rec->n = n;
	rec->oldest = epoch + 1;
}

/* Pages come or go, of the domain, its IOMMU and the instance; domain lock held. */
static uint64_t move_pages(struct lz_domain *dom, uint64_t pages)
{
	unsigned long flags = lz_spin_lock(&dom->lz->lock);
	lz_ns now = lz_now(dom->lz);

	lz_meter_add(&dom->custody->meter, pages, now);
	lz_meter_add(&dom->iommu->custody, pages, now);
	lz_spin_unlock(&dom->lz->lock, flags);
	return lz_fetch_add64(&dom->lz->custody_pages, pages) + pages;
}

/* ---- into custody ---- */

void lz_custody_hold(struct lz_domain *dom, lz_iova start, lz_iova end)
{
	struct lz_custody_record *rec = dom->custody;
	unsigned long flags = lz_spin_lock(&dom->lock);
	uint64_t pages = lz_pt_hold(&dom->pt, start, end - start, rec->epoch), all;
	bool first = !rec->meter.pages;

	cover(rec, start, end);
	rec->used = true;
	all = move_pages(dom, pages);
	lz_store32_release(&dom->in_custody, 1);
	lz_spin_unlock(&dom->lock, flags);

	lz_raise_max(&dom->lz->custody_pages_max, all);
	if (first)
		event_of(dom, LZ_EV_CUSTODY_HELD, pages);
	lz_iommu_kick(dom->iommu);
}

void lz_custody_leave(struct lz_attachment *att, struct lz_domain *dom)
{
	unsigned long flags = lz_spin_lock(&dom->lock);

	att->leaving = dom;
	att->left_epoch = dom->custody->epoch;
	att->next_leaving = dom->leaving;
	dom->leaving = att;
	dom->n_leaving++;
	dom->custody->used = true;
	lz_store32_release(&dom->in_custody, 1);
	lz_spin_unlock(&dom->lock, flags);
	lz_iommu_kick(dom->iommu);
}

/* ---- out of custody ---- */

void lz_custody_left(struct lz_gated g, struct lz_attachment *att)
{
	struct lz_domain *dom = att->leaving;
	struct lz_attachment **p = &dom->leaving;
	unsigned long flags;

	(void)g;
	dom->iommu->ops->unlink(att->dev, att->pasid, dom);
	flags = lz_spin_lock(&dom->lock);
	while (*p != att)
		p = &(*p)->next_leaving;
	*p = att->next_leaving;
	att->leaving = NULL;
	dom->n_leaving--;
	lz_fetch_add32(&dom->attached, (uint32_t)-1);
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

/* A device that left at `epoch` or earlier, with its gate. Removal takes it off
 * the list before device and group are freed (H25), so the gate is tried under
 * the list's lock, and once it is ours removal waits. Never waited for: whoever
 * holds it may wait for this very work. */
static struct lz_device *someone_left(struct lz_domain *dom, unsigned epoch, struct lz_gated *g)
{
	struct lz_device *dev = NULL;
	unsigned long flags = lz_spin_lock(&dom->lock);

	for (struct lz_attachment *a = dom->leaving; a && !dev; a = a->next_leaving)
		if ((int)(a->left_epoch - epoch) <= 0)
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

	if (dev->rid.leaving == dom && (int)(dev->rid.left_epoch - epoch) <= 0)
		lz_custody_left(g, &dev->rid);
	for (struct lz_attachment *a = lz_first_pasid(dev); a; a = next) {
		next = a->next;
		if (a->leaving == dom && (int)(a->left_epoch - epoch) <= 0)
			lz_custody_left(g, a);
	}
}

static void end_leaving(struct lz_domain *dom, unsigned epoch)
{
	struct lz_device *dev;
	struct lz_gated g;

	while ((dev = someone_left(dom, epoch, &g)) != NULL) {
		end_leaving_of(g, dev, dom, epoch);
		lz_gate_leave(g);
	}
}

/* Begins a sweep: the epoch it covers, and where to look. */
static unsigned begin_sweep(struct lz_domain *dom, struct lz_custody_record *seen)
{
	struct lz_custody_record *rec = dom->custody;
	unsigned long flags = lz_spin_lock(&dom->lock);
	unsigned epoch = rec->used ? rec->epoch++ : rec->epoch - 1;

	rec->used = false;
	*seen = *rec;
	lz_spin_unlock(&dom->lock, flags);
	return epoch;
}

/* What is held since before `epoch` counts as held since `epoch`. */
static void age(struct lz_domain *dom, const struct lz_custody_record *seen, unsigned epoch)
{
	unsigned long flags;

	if (epoch - seen->oldest < EPOCHS_APART)
		return;
	for (unsigned i = 0; i < seen->n; i++)
		lz_pt_age(&dom->pt, seen->range[i].start, seen->range[i].end - seen->range[i].start,
			  epoch);
	flags = lz_spin_lock(&dom->lock);
	dom->custody->oldest = epoch;
	lz_spin_unlock(&dom->lock, flags);
}

/* What the hardware answered; `*empty`: nothing is left. */
static enum lz_status sweep(struct lz_domain *dom, bool *empty)
{
	struct lz_custody_record *rec = dom->custody;
	struct lz_custody_record seen;
	unsigned epoch = begin_sweep(dom, &seen);
	uint64_t released = 0;
	enum lz_status r = LZ_OK;
	unsigned long flags;

	*empty = false;
	if (!lz_iommu_dead(dom->iommu))
		r = dom->iommu->ops->invalidate_all(dom);
	/* A device that does not answer holds nothing while nobody contains it. */
	if (r == LZ_EIO && !lz_contains(dom->lz))
		r = LZ_OK;
	if (r && !lz_iommu_dead(dom->iommu)) {
		age(dom, &seen, epoch);
		return r;
	}
	for (unsigned i = 0; i < seen.n; i++)
		lz_pt_release(&dom->pt, seen.range[i].start,
			      seen.range[i].end - seen.range[i].start, epoch, run_released, dom);
	end_leaving(dom, epoch);

	flags = lz_spin_lock(&dom->lock);
	uncover(rec, epoch);
	if (!rec->meter.pages) {
		released = rec->released;
		rec->released = 0;
	}
	*empty = !rec->n && !dom->leaving;
	if (*empty)
		lz_store32_release(&dom->in_custody, 0);
	lz_spin_unlock(&dom->lock, flags);
	if (released)
		event_of(dom, LZ_EV_CUSTODY_RELEASED, released);
	return LZ_OK;
}

/* Pins the next domain of this pass, so that destroy leaves it to us. */
static struct lz_domain *pin_next(struct lz_iommu *iommu, bool *dying)
{
	struct lz_domain *dom;
	unsigned long flags = lz_spin_lock(&iommu->lock);

	for (dom = iommu->domains; dom; dom = dom->next_in_iommu)
		if (dom->sweep_pass != iommu->sweep_pass && lz_load32_acquire(&dom->in_custody))
			break;
	if (dom) {
		dom->sweep_pass = iommu->sweep_pass;
		dom->sweeping = true;
		*dying = dom->dying;
	}
	lz_spin_unlock(&iommu->lock, flags);
	return dom;
}

/* True when it is out of the list now: it was dying before the sweep began.
 * One that was destroyed meanwhile needs a sweep that begins later. */
static bool unpin(struct lz_domain *dom, bool empty, bool was_dying)
{
	struct lz_iommu *iommu = dom->iommu;
	struct lz_domain **p = &iommu->domains;
	unsigned long flags = lz_spin_lock(&iommu->lock);
	bool gone = empty && was_dying;

	dom->sweeping = false;
	if (dom->dying && !gone)
		lz_store32_release(&dom->in_custody, 1);
	if (gone) {
		while (*p != dom)
			p = &(*p)->next_in_iommu;
		*p = dom->next_in_iommu;
	}
	lz_spin_unlock(&iommu->lock, flags);
	return gone;
}

/* Sweeps and frees; false when the queue did not answer. */
static bool sweep_pinned(struct lz_domain *dom, bool dying)
{
	const struct lz_domain_ops *dops = dom->dops;
	void *ctx = dom->ctx;
	bool empty;
	bool answered = sweep(dom, &empty) != LZ_ETIMEDOUT;

	if (unpin(dom, empty, dying)) {
		lz_domain_free(dom);
		if (dops && dops->destroyed)
			dops->destroyed(ctx);
	}
	return answered;
}

/* A pass visits each domain once. When the queue does not answer, the pass goes
 * on in a later call: one call waits for one silent sync at most (F). */
bool lz_custody_sweep(struct lz_iommu *iommu)
{
	bool dying = false, begun = false;

	for (;;) {
		struct lz_domain *dom = pin_next(iommu, &dying);

		if (dom) {
			begun = true;
			if (!sweep_pinned(dom, dying))
				return true;
			continue;
		}
		iommu->sweep_pass++;
		if (begun || !lz_custody_any(iommu))
			return lz_custody_any(iommu);
		begun = true;
	}
}

bool lz_custody_any(struct lz_iommu *iommu)
{
	unsigned long flags = lz_spin_lock(&iommu->lock);
	bool any = false;

	for (struct lz_domain *dom = iommu->domains; dom && !any; dom = dom->next_in_iommu)
		any = lz_load32(&dom->in_custody) != 0;
	lz_spin_unlock(&iommu->lock, flags);
	return any;
}
