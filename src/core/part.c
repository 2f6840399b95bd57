/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of a domain: one for each IOMMU that devices of it are behind. The first one
 * lives as long as the domain; others come with the first attachment behind their
 * IOMMU and go when the last one is over and what that IOMMU had is invalidated.
 *
 *  L  unmap: clear the PTE; invalidate the first part, which ends in a full barrier
 *     or in the hardware's word that it has seen the cleared entry; load the list.
 *     attach: publish the part; full barrier; write the tables. Either the unmap
 *     sees the part, or whoever is behind it sees the cleared entry.
 *
 * The list is read without a lock, in a section of lz.parts that ends before anybody
 * waits: whoever found a part there counts as a user of it. A part leaves the list,
 * a grace period passes, and its users leave; then it is freed. The list is sorted,
 * and an invalidation goes on by index: what joins meanwhile need not be visited (L).
 */
#include "core/core.h"

/* ---- what is to be swept: in a list, so that nobody looks at the others ---- */

/* One that the sweep has seen in this pass has its turn again in the next. */
void lz_part_pend_locked(struct lz_domain_part *part)
{
	struct lz_iommu *iommu = part->iommu;
	struct lz_domain_part **list =
		part->sweep_pass == iommu->sweep_pass ? &iommu->swept : &iommu->pending;

	lz_assert(lz_spin_held(&iommu->lock));
	if (part->pending)
		return;
	LZ_LIST_PUSH(list, part, next_pending, at_pending);
	lz_store32_release(&part->pending, 1);
}

/* Who has the domain's lock sees `pending` before it is cleared, or after that. */
void lz_part_pend(struct lz_domain_part *part)
{
	unsigned long flags;

	lz_assert(lz_spin_held(&part->dom->lock));
	if (lz_load32(&part->pending))
		return;
	flags = lz_spin_lock(&part->iommu->lock);
	lz_part_pend_locked(part);
	lz_spin_unlock(&part->iommu->lock, flags);
}

static void settle_locked(struct lz_domain_part *part)
{
	lz_assert(lz_spin_held(&part->iommu->lock));
	if (!part->pending)
		return;
	LZ_LIST_REMOVE(part, next_pending, at_pending);
	lz_store32_release(&part->pending, 0);
}

void lz_part_settle(struct lz_domain_part *part)
{
	unsigned long flags = lz_spin_lock(&part->iommu->lock);

	lz_assert(lz_spin_held(&part->dom->lock));
	settle_locked(part);
	lz_spin_unlock(&part->iommu->lock, flags);
}

struct lz_domain_part *lz_part_next_pending_locked(struct lz_iommu *iommu)
{
	struct lz_domain_part *part = iommu->pending;

	lz_assert(lz_spin_held(&iommu->lock));
	if (part) {
		part->sweep_pass = iommu->sweep_pass;
		LZ_LIST_REMOVE(part, next_pending, at_pending);
		LZ_LIST_PUSH(&iommu->swept, part, next_pending, at_pending);
		return part;
	}
	iommu->sweep_pass++;
	iommu->pending = iommu->swept;
	iommu->swept = NULL;
	if (iommu->pending)
		iommu->pending->at_pending = &iommu->pending;
	return NULL;
}

/* ---- what an IOMMU has ---- */

void lz_part_insert_locked(struct lz_domain_part *part)
{
	lz_assert(lz_spin_held(&part->iommu->lock));
	part->iommu->n_parts++;
}

void lz_part_take_out_locked(struct lz_domain_part *part)
{
	lz_assert(lz_spin_held(&part->iommu->lock) && part->iommu->n_parts);
	settle_locked(part);
	part->iommu->n_parts--;
}

static void count_in_iommu(struct lz_domain_part *part, bool in)
{
	unsigned long flags = lz_spin_lock(&part->iommu->lock);

	if (in)
		lz_part_insert_locked(part);
	else
		lz_part_take_out_locked(part);
	lz_spin_unlock(&part->iommu->lock, flags);
}

static struct lz_domain_part *find_locked(struct lz_domain *dom, const struct lz_iommu *iommu)
{
	struct lz_domain_part *p = &dom->first;

	lz_assert(lz_spin_held(&dom->lock));
	while (p && p->iommu != iommu)
		p = p->index ? p->next : dom->more;
	return p;
}

struct lz_domain_part *lz_part_of(struct lz_domain *dom, const struct lz_iommu *iommu)
{
	unsigned long flags = lz_spin_lock(&dom->lock);
	struct lz_domain_part *p = find_locked(dom, iommu);

	lz_spin_unlock(&dom->lock, flags);
	return p;
}

/* With the lowest index that is free; false: there is none. Its memory and its array
 * are ready: who finds it in the list uses it at once (L). */
static bool publish_locked(struct lz_domain *dom, struct lz_domain_part *part)
{
	void **link = &dom->more;
	unsigned index = 1;

	for (struct lz_domain_part *p = *link; p && p->index == index; p = *link) {
		link = &p->next;
		index++;
	}
	if (index >= LZ_DOMAIN_PARTS)
		return false;
	part->index = index;
	part->next = *link;
	dom->n_parts++;
	lz_store_ptr(link, part);
	lz_mb(); /* L */
	return true;
}

static void withdraw_locked(struct lz_domain *dom, struct lz_domain_part *part)
{
	void **link = &dom->more;

	lz_assert(lz_spin_held(&dom->lock));
	while (*link != part)
		link = &((struct lz_domain_part *)*link)->next;
	lz_store_ptr(link, part->next);
}

/* ---- attaching ---- */

static enum lz_status make(struct lz_domain *dom, struct lz_iommu *iommu,
			   struct lz_domain_part **out)
{
	struct lz_domain_part *part = lz_mem_alloc(dom->lz, sizeof(*part));
	enum lz_status r;

	if (!part)
		return LZ_ENOMEM;
	part->dom = dom;
	part->iommu = iommu;
	part->index = LZ_DOMAIN_PARTS; /* not in the domain yet */
	r = iommu->ops->domain_init(part);
	if (r) {
		lz_mem_free(dom->lz, part, sizeof(*part));
		return r;
	}
	count_in_iommu(part, true);
	*out = part;
	return LZ_OK;
}

void lz_part_free(struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	unsigned long flags;

	if (part->index && part->index < LZ_DOMAIN_PARTS && !part->gone) {
		flags = lz_spin_lock(&dom->lock);
		withdraw_locked(dom, part);
		lz_spin_unlock(&dom->lock, flags);
	}
	if (dom->type != LZ_DOMAIN_BLOCKING)
		part->iommu->ops->domain_fini(part);
	if (part->index)
		lz_mem_free(dom->lz, part, sizeof(*part));
}

static void attach_locked(struct lz_domain_part *part)
{
	part->attached++;
	part->used = true;
}

enum lz_status lz_part_take(struct lz_domain *dom, struct lz_iommu *iommu,
			    struct lz_domain_part **out)
{
	struct lz_domain_part *fresh = NULL, *part;
	unsigned long flags = lz_spin_lock(&dom->lock);
	enum lz_status r;

	*out = part = find_locked(dom, iommu);
	if (part)
		attach_locked(part);
	lz_spin_unlock(&dom->lock, flags);
	if (part)
		return LZ_OK;
	r = make(dom, iommu, &fresh);
	if (r)
		return r;

	/* Somebody with another gate may have been faster. */
	flags = lz_spin_lock(&dom->lock);
	*out = part = find_locked(dom, iommu);
	if (!part && publish_locked(dom, fresh))
		*out = part = fresh;
	if (part)
		attach_locked(part);
	lz_spin_unlock(&dom->lock, flags);
	if (part != fresh) {
		count_in_iommu(fresh, false);
		lz_part_free(fresh);
	}
	return part ? LZ_OK : LZ_ELIMIT;
}

void lz_part_let_locked(struct lz_domain_part *part)
{
	lz_assert(lz_spin_held(&part->dom->lock) && part->attached);
	part->attached--;
	if (part->index && !part->attached)
		lz_part_pend(part);
}

void lz_part_let(struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	struct lz_iommu *iommu = part->iommu;
	unsigned long flags = lz_spin_lock(&dom->lock);
	bool idle;

	lz_part_let_locked(part);
	idle = part->index && !part->attached;
	lz_spin_unlock(&dom->lock, flags);
	if (idle)
		lz_iommu_kick(iommu);
}

/* ---- going ---- */

void lz_part_retire(struct lz_domain_part *part)
{
	struct lz_domain *dom = part->dom;
	unsigned long flags = lz_spin_lock(&dom->lock);
	bool idle = !part->attached && !part->used && !part->waits;

	if (idle)
		withdraw_locked(dom, part);
	lz_spin_unlock(&dom->lock, flags);
	if (!idle)
		return;
	part->gone = true;
	lz_epoch_grace(dom->lz, &dom->lz->parts, part->iommu->name); /* L */
}

/* ---- unmap ---- */

struct lz_domain_part *lz_part_next(struct lz_domain *dom, unsigned after)
{
	struct lz_epoch_section section = lz_epoch_enter(&dom->lz->parts); /* L */
	struct lz_domain_part *p = lz_load_ptr(&dom->more);

	while (p && p->index <= after)
		p = lz_load_ptr(&p->next);
	if (p)
		(void)lz_fetch_add32(&p->users, 1);
	lz_epoch_leave(&dom->lz->parts, section);
	return p;
}

void lz_part_done(struct lz_domain_part *part)
{
	(void)lz_fetch_add32(&part->users, (uint32_t)-1);
}

/* One that has not answered makes the outcome custody whatever the others say. They are
 * left to their sweeps: a caller waits for one silent IOMMU at most (F). */
bool lz_parts_invalidate(struct lz_domain *dom, lz_iova start, lz_iova end, size_t granule,
			 uint32_t *done)
{
	struct lz_domain_part *part;
	unsigned at = 0;
	bool ok = true;

	while (ok && (part = lz_part_next(dom, at)) != NULL) {
		at = part->index;
		ok = part->iommu->ops->invalidate(part, start, end, granule) == LZ_OK ||
		     lz_part_excused(part);
		if (ok)
			*done |= 1u << at;
		lz_part_done(part);
	}
	return ok;
}
