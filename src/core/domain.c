/* SPDX-License-Identifier: BSD-2-Clause */
/* Domains: create, destroy, map, unmap, gather. */
#include "core/core.h"

static const struct lz_lock_class domain_class = {"domain", LZ_RANK_DOMAIN};

/* ---- life ---- */

enum lz_status lz_domain_create(struct lz_iommu *iommu, enum lz_domain_type type,
				const struct lz_domain_ops *ops, void *ctx, struct lz_domain **out)
{
	struct lz *lz = iommu->lz;
	struct lz_domain *dom;
	enum lz_status r = LZ_ENOMEM;
	unsigned long flags;

	*out = NULL;
	if (!LZ_CONFIG_IDENTITY && type == LZ_DOMAIN_IDENTITY)
		return LZ_ENOTSUP;
	dom = lz_mem_alloc(lz, sizeof(*dom));
	if (!dom)
		return LZ_ENOMEM;
	dom->lz = lz;
	dom->first.dom = dom;
	dom->first.iommu = iommu;
	dom->n_parts = 1;
	dom->type = type;
	dom->dops = ops;
	dom->ctx = ctx;
	lz_spin_init(&dom->lock, &domain_class);
	dom->custody = lz_mem_alloc(lz, sizeof(*dom->custody));
	/* A blocking domain is only a name for "detached". */
	if (dom->custody)
		r = type == LZ_DOMAIN_BLOCKING ? LZ_OK : iommu->ops->domain_init(&dom->first);
	if (r) {
		lz_mem_free(lz, dom->custody, sizeof(*dom->custody));
		lz_mem_free(lz, dom, sizeof(*dom));
		return r;
	}
	flags = lz_spin_lock(&iommu->lock);
	lz_part_insert_locked(&dom->first);
	lz_spin_unlock(&iommu->lock, flags);
	*out = dom;
	return LZ_OK;
}

bool lz_domain_put(struct lz_domain *dom)
{
	struct lz *lz = dom->lz;
	unsigned long flags = lz_spin_lock(&dom->lock);
	bool last = --dom->n_parts == 0;

	lz_spin_unlock(&dom->lock, flags);
	if (!last)
		return false;
	if (dom->type == LZ_DOMAIN_PAGING)
		lz_pt_fini(&dom->pt);
	lz_mem_free(lz, dom->custody, sizeof(*dom->custody));
	lz_mem_free(lz, dom, sizeof(*dom));
	return true;
}

/* Leaves it to the sweep; IOMMU lock held. */
static void give_to_sweep(struct lz_domain_part *part)
{
	part->dying = true;
	lz_part_pend_locked(part);
}

/* Out of the list, unless custody or a sweep has it. What is in custody counts with the
 * first part's IOMMU, which so stays until it is empty. */
static bool take_out(struct lz_domain_part *part)
{
	unsigned long flags = lz_spin_lock(&part->iommu->lock);
	bool ours = !part->sweeping && !lz_load32_acquire(&part->pending) &&
		    (part->index || !lz_load32_acquire(&part->dom->in_custody));

	if (ours)
		lz_part_take_out_locked(part);
	else
		give_to_sweep(part);
	lz_spin_unlock(&part->iommu->lock, flags);
	return ours;
}

/* Now, or by the sweep of its IOMMU. The caller has been its user, unless it is the first
 * one: until it is taken out a sweep may find it idle. */
static void destroy_part(struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	struct lz_iommu *iommu = part->iommu;
	bool ours = take_out(part);
	unsigned long flags;

	if (part->index)
		lz_part_done(part);
	if (ours) {
		/* The address space id and the tables are free when no cache has them. */
		if (dom->type == LZ_DOMAIN_BLOCKING || lz_iommu_dead(iommu) ||
		    iommu->ops->invalidate_all(part) == LZ_OK || !lz_contains(dom->lz)) {
			lz_part_free(part);
			(void)lz_domain_put(dom); /* whoever destroys it has one more */
			return;
		}
		flags = lz_spin_lock(&iommu->lock);
		lz_part_insert_locked(part);
		give_to_sweep(part);
		lz_spin_unlock(&iommu->lock, flags);
	}
	lz_iommu_kick(iommu);
}

enum lz_status lz_domain_destroy(struct lz_domain *dom)
{
	struct lz_domain_part *part;
	unsigned long flags = lz_spin_lock(&dom->lock);
	bool in_use = lz_load32(&dom->attached) != dom->n_leaving;

	dom->n_parts += !in_use;
	lz_spin_unlock(&dom->lock, flags);
	if (in_use)
		return LZ_EBUSY;
	for (unsigned at = 0; (part = lz_part_next(dom, at)) != NULL;) {
		at = part->index;
		destroy_part(part);
	}
	destroy_part(&dom->first);
	return lz_domain_put(dom) ? LZ_OK : LZ_IN_CUSTODY;
}

/* ---- map and unmap ---- */

enum lz_status lz_map(struct lz_domain *dom, lz_iova iova, lz_phys phys, size_t size, unsigned prot)
{
	if (dom->type != LZ_DOMAIN_PAGING)
		return LZ_EINVAL;
	if (lz_load64(&dom->custody->meter.pages) >= dom->lz->cfg.custody_limit)
		return LZ_ELIMIT;
	return lz_pt_map(&dom->pt, iova, phys, size, prot);
}

/* Waits for the hardware; entries of the range are in flight. No lock, no
 * atomic of the core's unless the answer is not OK. */
static enum lz_status invalidate_first(struct lz_domain *dom, lz_iova start, lz_iova end,
				       size_t granule)
{
	return dom->first.iommu->ops->invalidate(&dom->first, start, end, granule);
}

/* True when that is all there is to do. */
static bool is_all(struct lz_domain *dom, enum lz_status r)
{
	return r == LZ_OK && !lz_load_ptr(&dom->more); /* L */
}

/* The other parts, after what the first has said; `done`: see lz_custody_hold(). */
static bool invalidate_rest(struct lz_domain *dom, enum lz_status r, lz_iova start, lz_iova end,
			    size_t granule, uint32_t *done)
{
	*done = 0;
	if (r != LZ_OK && !lz_part_excused(&dom->first))
		return false;
	*done = 1;
	if (r != LZ_OK)
		lz_mb(); /* L */
	return lz_parts_invalidate(dom, start, end, granule, done);
}

static enum lz_status settle(struct lz_domain *dom, bool invalid, lz_iova start, lz_iova end,
			     uint32_t done)
{
	if (invalid) {
		lz_pt_forget(&dom->pt, start, end - start);
		return LZ_OK;
	}
	lz_custody_hold(dom, start, end, done);
	return LZ_IN_CUSTODY;
}

static enum lz_status unmap_slow(struct lz_domain *dom, enum lz_status r, lz_iova start,
				 lz_iova end, size_t granule)
{
	uint32_t done;
	bool invalid = invalidate_rest(dom, r, start, end, granule, &done);

	return settle(dom, invalid, start, end, done);
}

enum lz_status lz_unmap(struct lz_domain *dom, lz_iova iova, size_t size)
{
	uint64_t bytes;
	size_t granule;
	enum lz_status r;

	if (dom->type != LZ_DOMAIN_PAGING)
		return LZ_EINVAL;
	r = lz_pt_unmap(&dom->pt, iova, size, &bytes, &granule);
	if (r)
		return r;
	r = invalidate_first(dom, iova, iova + size, granule);
	if (!is_all(dom, r))
		return unmap_slow(dom, r, iova, iova + size, granule);
	lz_pt_forget(&dom->pt, iova, size);
	return LZ_OK;
}

/* ---- gather ---- */

static bool merge(struct lz_gather *g, lz_iova start, lz_iova end)
{
	for (unsigned i = 0; i < g->n; i++) {
		if (g->range[i].end == start)
			g->range[i].end = end;
		else if (g->range[i].start == end)
			g->range[i].start = start;
		else
			continue;
		return true;
	}
	return false;
}

static bool has_slot(const struct lz_gather *g, lz_iova start, lz_iova end)
{
	for (unsigned i = 0; i < g->n; i++)
		if (g->range[i].end == start || g->range[i].start == end)
			return true;
	return g->n < LZ_GATHER_RANGES;
}

enum lz_status lz_unmap_gather(struct lz_domain *dom, lz_iova iova, size_t size,
			       struct lz_gather *gather)
{
	uint64_t bytes;
	size_t granule;
	enum lz_status r;

	if (!LZ_CONFIG_GATHER)
		return LZ_ENOTSUP;
	if (dom->type != LZ_DOMAIN_PAGING || (gather->dom && gather->dom != dom))
		return LZ_EINVAL;
	if (!has_slot(gather, iova, iova + size))
		return LZ_ELIMIT;
	r = lz_pt_unmap(&dom->pt, iova, size, &bytes, &granule);
	if (r)
		return r;
	gather->dom = dom;
	if (!merge(gather, iova, iova + size)) {
		gather->range[gather->n].start = iova;
		gather->range[gather->n++].end = iova + size;
	}
	if (!gather->granule || granule < gather->granule)
		gather->granule = granule;
	return LZ_OK;
}

/* One invalidation that covers everything gathered. */
enum lz_status lz_gather_sync(struct lz_gather *g)
{
	lz_iova start = UINT64_MAX, end = 0;
	enum lz_status r;
	uint32_t done = 1;
	bool invalid;

	if (!LZ_CONFIG_GATHER || !g->n)
		return LZ_OK;
	for (unsigned i = 0; i < g->n; i++) {
		start = g->range[i].start < start ? g->range[i].start : start;
		end = g->range[i].end > end ? g->range[i].end : end;
	}
	r = invalidate_first(g->dom, start, end, g->granule);
	invalid = is_all(g->dom, r) || invalidate_rest(g->dom, r, start, end, g->granule, &done);
	r = LZ_OK;
	for (unsigned i = 0; i < g->n; i++)
		if (settle(g->dom, invalid, g->range[i].start, g->range[i].end, done) != LZ_OK)
			r = LZ_IN_CUSTODY;
	*g = (struct lz_gather){.n = 0};
	return r;
}

/* ---- asking ---- */

static bool custody_is_empty(void *arg)
{
	struct lz_domain *dom = arg;

	return lz_load32_acquire(&dom->in_custody) == 0;
}

enum lz_status lz_domain_wait(struct lz_domain *dom, lz_ns bound)
{
	bool empty = lz_wait(dom->lz, custody_is_empty, dom, lz_now(dom->lz) + bound);

	return empty ? LZ_OK : LZ_ETIMEDOUT;
}

bool lz_iova_to_phys(struct lz_domain *dom, lz_iova iova, lz_phys *phys)
{
	*phys = 0;
	if (dom->type == LZ_DOMAIN_PAGING)
		return lz_pt_lookup(&dom->pt, iova, phys);
	if (LZ_CONFIG_IDENTITY && dom->type == LZ_DOMAIN_IDENTITY)
		*phys = iova;
	return LZ_CONFIG_IDENTITY && dom->type == LZ_DOMAIN_IDENTITY;
}

void lz_domain_custody(const struct lz_domain *dom, struct lz_custody *out)
{
	const struct lz_meter *m = &dom->custody->meter;

	out->pages = lz_load64(&m->pages);
	out->pages_max = lz_load64(&m->pages_max);
	out->page_us = lz_meter_page_us(m, lz_now(dom->lz));
}

void *lz_domain_ctx(const struct lz_domain *dom)
{
	return dom->ctx;
}
