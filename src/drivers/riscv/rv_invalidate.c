/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation of a range or of a whole domain: the IOTLB with a fence of its own, and
 * only when that fence has been seen the ATCs (H95: else a device refetches the stale
 * entry; order in the queue is not order of execution), again with a fence per batch
 * (H40). One function issues a batch and its result is looked at everywhere (H41).
 */
#include "drivers/riscv/riscv.h"

/* Above this many commands the whole address space goes instead. */
#define VMA_MAX 16u

/* ---- who may hold translations ---- */

enum lz_status lz_rv_link(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	struct lz_rv_domain *rdom = part->drv;
	struct lz_link_change c = {dev, pasid, lz_load32(&lz_rv_dev_of(dev)->sending.answers),
				   lz_rv_cmd_ats0, &lz_rv_of(dev->iommu)->readers};

	if (part->dom->type != LZ_DOMAIN_PAGING || !dev->ats_capable)
		return LZ_OK; /* holds no translations of its own */
	return lz_links_add(&rdom->links, &c);
}

void lz_rv_unlink(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	struct lz_rv_domain *rdom = part->drv;
	struct lz_link_change c = {dev, pasid, UINT32_MAX, lz_rv_cmd_ats0,
				   &lz_rv_of(dev->iommu)->readers};

	if (part->dom->type == LZ_DOMAIN_PAGING && dev->ats_capable)
		lz_links_take(&rdom->links, &c);
}

/* ---- IOTLB ---- */

static enum lz_status vma_range(struct lz_rv *s, const struct lz_rv_domain *rdom, lz_iova start,
				lz_iova end, size_t granule, lz_ns *deadline)
{
	struct lz_command cmd[VMA_MAX];
	uint32_t n = 0;

	if ((end - start + granule - 1) / granule > VMA_MAX)
		cmd[n++] = lz_rv_cmd_vma_space(rdom->pscid);
	else
		for (lz_iova va = start; va < end; va += granule)
			cmd[n++] = lz_rv_cmd_vma(rdom->pscid, va);
	return lz_rv_queue_run(s, cmd, n, deadline);
}

/* ---- ATCs ---- */

struct ats_batch {
	struct lz_rv *s;
	struct lz_rv_domain *rdom;
	uint64_t ats1;
	uint32_t id, pasid; /* where to go on: entries below are done */
	uint32_t n;	    /* commands of this batch */
	uint16_t index[LZ_RING_GUARD_MAX];
};

/* Which entries get a command now. A fenced device is skipped: its EN_ATS is off with
 * effect (H43). A suspect one is held: no command, and the memory waits (H85). So is one
 * that could not answer, as long as its ATC may count (H70). Deciding and writing use
 * the same list (H55). [reader] */
static enum lz_status choose(struct ats_batch *b, const struct lz_link_array *a)
{
	uint32_t i = lz_links_from(a, b->id, b->pasid);

	b->n = 0;
	for (; i < a->n && b->n < b->s->cmdq.guard; i++) {
		uint8_t voice, fence = lz_load8_acquire(&a->e[i].dev->fence);
		const struct lz_rv_dev *rd;

		if (fence == LZ_FENCE_SUSPECT || fence == LZ_FENCE_FENCING)
			return LZ_EBUSY;
		if (fence != LZ_FENCE_OPEN)
			continue;
		rd = lz_rv_dev_of(a->e[i].dev);
		voice = lz_load8_acquire(&rd->voice);
		if (voice == RV_HUSHED)
			return LZ_EBUSY;
		/* By an id that another one has come for it is not reached any more. */
		if (voice == RV_LOUD &&
		    (a->e[i].dev->n_streams == 1 || lz_answers_id(&rd->sending, a->e[i].id)))
			b->index[b->n++] = (uint16_t)i;
	}
	b->id = i < a->n ? a->e[i].id : UINT32_MAX;
	b->pasid = i < a->n ? a->e[i].pasid : UINT32_MAX;
	return LZ_OK;
}

static void write_batch(struct ats_batch *b, const struct lz_link_array *a, uint64_t pos)
{
	struct lz_ring *q = &b->s->cmdq;

	/* How things stood at issue (H86): the unsettled set is in the ring. */
	lz_store32(&q->slot_seq[(pos + b->n) & q->mask], lz_load32(&b->s->lz->resets));
	for (uint32_t k = 0; k < b->n; k++)
		lz_ring_write(q, pos + k,
			      (struct lz_command){{a->e[b->index[k]].command, b->ats1}});
	lz_ring_write(q, pos + b->n, lz_rv_cmd_fence());
}

/* One reservation from inside one read section: no ATS.INVAL is published for a device
 * that left the array before (H60). LZ_ENOENT: nothing left to send. */
static enum lz_status issue_batch(struct ats_batch *b, uint64_t *fence, lz_ns *deadline)
{
	for (;;) {
		uint32_t from_id = b->id, from_pasid = b->pasid;
		struct lz_epoch_section section = lz_epoch_enter(&b->s->readers); /* A */
		const struct lz_link_array *a = lz_links_read(&b->rdom->links);
		enum lz_status st = choose(b, a);
		unsigned long flags;
		uint64_t pos;

		if (st == LZ_OK && !b->n)
			st = LZ_ENOENT;
		if (st == LZ_OK) {
			st = lz_ring_reserve(&b->s->cmdq, b->n + 1, &pos, &flags);
			if (st == LZ_OK) {
				write_batch(b, a, pos);
				lz_ring_publish(&b->s->cmdq, pos, b->n + 1, flags);
				*fence = pos + b->n;
			} else {
				st = LZ_ELIMIT; /* no room */
			}
		}
		lz_epoch_leave(&b->s->readers, section);
		if (st != LZ_ELIMIT)
			return st;
		b->id = from_id;
		b->pasid = from_pasid;
		st = lz_rv_queue_wait_room(b->s, b->n + 1, deadline);
		if (st != LZ_OK)
			return st;
	}
}

static enum lz_status ats_wait(struct lz_rv *s, uint64_t fence, lz_ns *deadline)
{
	enum lz_status st;

	if (LZ_USUAL(lz_rv_queue_done(s->mmio, &s->cmdq, fence + 1)))
		return LZ_OK;
	st = lz_rv_queue_wait(s, fence, deadline);
	if (st == LZ_ETIMEDOUT)
		lz_ring_abandon(&s->cmdq, fence);
	return st;
}

/* Entries are sorted and the cursor is a key, so a replaced array between two batches
 * leaves nothing out: whoever joined meanwhile fetches after the entry was cleared
 * (A). */
RV_COLD static enum lz_status ats_slowly(struct lz_rv *s, struct lz_rv_domain *rdom, uint64_t ats1,
					 lz_ns *deadline)
{
	struct ats_batch b = {.s = s, .rdom = rdom, .ats1 = ats1};

	do {
		uint64_t fence = 0;
		enum lz_status st = issue_batch(&b, &fence, deadline);

		if (st == LZ_ENOENT)
			break;
		if (st == LZ_OK)
			st = ats_wait(s, fence, deadline);
		if (st != LZ_OK)
			return st;
	} while (b.id != UINT32_MAX);
	return LZ_OK;
}

/* May all of them be asked, in one batch? [reader] */
static bool all_loud(struct lz_rv *s, const struct lz_link_array *a)
{
	if (LZ_RARE(a->n - 1 >= s->cmdq.guard) || LZ_RARE(lz_load32(&s->iommu.alert)))
		return false;
	for (const struct lz_link *e = a->e, *end = e + a->n; e < end; e++)
		if (LZ_RARE(lz_load8_acquire(&lz_rv_dev_of(e->dev)->voice) != RV_LOUD))
			return false;
	return true;
}

/* Everybody is open, the batch fits and there is room: one reservation, as
 * issue_batch(). False: not sent. */
static bool ats_send(struct lz_rv *s, struct lz_rv_domain *rdom, uint64_t ats1, uint64_t *next)
{
	struct lz_epoch_section section = lz_epoch_enter(&s->readers); /* A */
	const struct lz_link_array *a = lz_links_read(&rdom->links);
	struct lz_ring *q = &s->cmdq;
	struct lz_ring_pen pen;
	uint64_t pos;

	if (!all_loud(s, a) || !lz_ring_take(q, (uint64_t)a->n + 1, &pos, next)) {
		lz_epoch_leave(&s->readers, section);
		return false;
	}
	pen = lz_ring_pen_at(q, pos);
	lz_store32(&q->slot_seq[(*next - 1) & q->mask], lz_load32(&s->lz->resets)); /* H86 */
	for (const struct lz_link *e = a->e, *end = e + a->n; e < end; e++)
		lz_ring_pen_write(&pen, e->command, ats1);
	lz_ring_pen_write(&pen, RV_FENCE, 0);
	lz_rv_queue_post(s->mmio, q, pos, *next);
	lz_epoch_leave(&s->readers, section);
	return true;
}

static enum lz_status ats(struct lz_rv *s, struct lz_rv_domain *rdom, uint64_t ats1,
			  lz_ns *deadline)
{
	uint64_t next;

	lz_dma_rmb(); /* A: the fence's completion before the array */
	if (!lz_load32(&rdom->links.entries))
		return LZ_OK;
	if (LZ_CONFIG_FAST && ats_send(s, rdom, ats1, &next))
		return ats_wait(s, next - 1, deadline);
	return ats_slowly(s, rdom, ats1, deadline);
}

/* What is dead translates nothing: that is as good as invalidated (H90). There may be
 * other IOMMUs that the caller looks for next. */
static enum lz_status dead_is_done(struct lz_rv *s, enum lz_status st)
{
	if (st == LZ_OK || !lz_rv_dead(s))
		return st;
	lz_mb(); /* L */
	return LZ_OK;
}

/* ---- looking closely ---- */

void lz_rv_stall_note(struct lz_rv *s)
{
	lz_store64(&s->cmdq.stalled_at, lz_rv_queue_head(s) + 1);
	(void)lz_fetch_or32(&s->iommu.alert, RV_ALERT_STALLED);
}

void lz_rv_stall_forget(struct lz_rv *s)
{
	lz_store64(&s->cmdq.stalled_at, 0);
	(void)lz_fetch_and32(&s->iommu.alert, ~RV_ALERT_STALLED);
}

void lz_rv_declare_dead(struct lz_rv *s)
{
	lz_store32(&s->iommu.dead, 1);
	(void)lz_fetch_or32(&s->iommu.alert, RV_ALERT_DEAD);
	lz_iommu_kick(&s->iommu);
}

static bool stalled(struct lz_rv *s)
{
	uint64_t at = lz_load64(&s->cmdq.stalled_at);

	if (!at)
		return false;
	if (lz_contains(s->lz) && lz_rv_queue_head(s) + 1 == at)
		return true;
	lz_rv_stall_forget(s);
	return false;
}

/* LZ_OK: go on. */
RV_COLD static enum lz_status look_closely(struct lz_rv *s, struct lz_rv_domain *rdom)
{
	if (lz_rv_dead(s))
		return LZ_ENODEV;
	if (lz_contains(s->lz) && lz_links_held(&rdom->links, &s->readers))
		return LZ_EBUSY;
	return stalled(s) && lz_in_atomic() ? LZ_ETIMEDOUT : LZ_OK;
}

/* ---- entry points ---- */

enum lz_status lz_rv_invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
				size_t granule)
{
	struct lz_rv *s = lz_rv_of(part->iommu);
	struct lz_rv_domain *rdom = part->drv;
	enum lz_status st = LZ_OK;
	lz_ns deadline = 0;

	if (LZ_RARE(lz_load32(&s->iommu.alert)))
		st = look_closely(s, rdom);
	if (st == LZ_OK)
		st = vma_range(s, rdom, start, end, granule, &deadline);
	if (st == LZ_OK)
		st = ats(s, rdom, lz_rv_cmd_ats1(start, end), &deadline);
	return dead_is_done(s, st);
}

/* Changes of contexts that could not be made effective are made good before anything is
 * called invalidated. A domain that does not translate has no address space id. */
enum lz_status lz_rv_invalidate_all(struct lz_domain_part *part)
{
	struct lz_rv *s = lz_rv_of(part->iommu);
	struct lz_rv_domain *rdom = part->drv;
	lz_ns deadline = 0;
	enum lz_status st;

	if (lz_rv_dead(s))
		return LZ_OK;
	if (rdom && lz_contains(s->lz) && lz_links_held(&rdom->links, &s->readers))
		return LZ_EBUSY;
	st = lz_rv_pay(s);
	if (st == LZ_OK && rdom) {
		struct lz_command all = lz_rv_cmd_vma_space(rdom->pscid);

		st = lz_rv_queue_run(s, &all, 1, &deadline);
		if (st == LZ_OK)
			st = ats(s, rdom, RV_ATS1_ALL, &deadline);
	}
	return dead_is_done(s, st);
}
