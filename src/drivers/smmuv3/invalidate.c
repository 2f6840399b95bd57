/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invalidation of a range or of a whole domain: the IOTLB with a sync of its
 * own, and only when that sync has been seen the ATCs (H95: else a device
 * refetches the stale entry), again with a sync per batch (H40). One function
 * issues a batch and its result is looked at everywhere (H41).
 */
#include "drivers/smmuv3/smmu.h"

/* Above this many commands the whole address space id goes instead. */
#define TLBI_MAX 16u

/* ---- IOTLB ---- */

/* The smallest (num + 1) << scale that covers `pages`. */
static struct lz_command range_command(uint32_t asid, lz_iova start, uint64_t pages)
{
	unsigned bits = 64u - (unsigned)__builtin_clzll(pages);
	unsigned scale = bits > 5 ? bits - 5 : 0;
	uint64_t units = (pages + (1ull << scale) - 1) >> scale;

	/* Units of 2^scale are counted from an address aligned to the page. */
	return lz_smmu_cmd_tlbi_range(asid, start, (unsigned)units - 1, scale);
}

/* Rarely needed: many pages, no room at once, or a sync marked for somebody
 * else. Doing it again from the start is harmless. */
SMMU_COLD static enum lz_status tlb_slow(struct lz_smmu *s, struct lz_smmu_domain *sdom,
					 lz_iova start, lz_iova end, size_t granule,
					 lz_ns *deadline)
{
	struct lz_command cmd[TLBI_MAX];
	uint64_t count = (end - start + granule - 1) / granule;
	uint32_t n = 0;

	if (count <= TLBI_MAX) {
		for (lz_iova va = start; va < end; va += granule)
			cmd[n++] = lz_smmu_cmd_tlbi_va(sdom->asid, va);
	} else if (LZ_CONFIG_RANGE_INV && s->range_inv && (end - start) >> 12 <= 1u << 30) {
		cmd[n++] = range_command(sdom->asid, start, (end - start) >> 12);
	} else {
		cmd[n++] = lz_smmu_cmd_tlbi_asid(sdom->asid);
	}
	return lz_smmu_queue_run(&s->cmdq, cmd, n, deadline);
}

/* Configuration changes that could not be queued when they were made are made
 * good before anything is called invalidated; the debt stands until the sync has
 * succeeded, so that nobody takes another one's attempt for it. A domain that
 * does not translate has no address space id. */
static enum lz_status tlb_all(struct lz_smmu *s, struct lz_smmu_domain *sdom, lz_ns *deadline)
{
	struct lz_command cmd[2];
	enum lz_status st;
	uint32_t n = 0, owed;
	bool pay = lz_smmu_cfgi_is_owed(s, &owed);

	if (pay)
		cmd[n++] = lz_smmu_cmd_cfgi_all();
	if (sdom)
		cmd[n++] = lz_smmu_cmd_tlbi_asid(sdom->asid);
	st = lz_smmu_queue_run(&s->cmdq, cmd, n, deadline);
	if (st == LZ_OK && pay)
		lz_store32(&s->cfgi_paid, owed);
	return st;
}

/* ---- ATCs ---- */

struct atc_batch {
	struct lz_smmu *s;
	struct lz_smmu_queue *q;
	struct lz_smmu_domain *sdom;
	uint64_t atc1;
	uint32_t sid, ssid; /* where to go on: entries below are done */
	uint32_t most;	    /* entries of a batch; 1: each alone */
	uint32_t n;	    /* commands of this batch */
	uint16_t index[LZ_RING_GUARD_MAX];
};

/* Is there room in the batch for entry `i`? The cursor does not come between two of the
 * same ids. [reader] */
static bool fits(const struct atc_batch *b, const struct lz_link_array *a, uint32_t i)
{
	const struct lz_link *e = &a->e[i], *last;

	if (b->n < b->most || b->n >= b->q->ring.guard)
		return b->n < b->q->ring.guard;
	last = &a->e[b->index[b->n - 1]];
	return e->id == last->id && e->pasid == last->pasid;
}

/* Which entries get a command now. A fenced device is skipped: its EATS is off
 * with effect (H43). A suspect one is held: no command, and the memory waits
 * (H85). Deciding and writing use the same list (H55). [reader] */
static enum lz_status choose(struct atc_batch *b, const struct lz_link_array *a)
{
	uint32_t i = lz_links_from(a, b->sid, b->ssid);

	b->n = 0;
	for (; i < a->n && fits(b, a, i); i++) {
		uint8_t fence = lz_load8_acquire(&a->e[i].dev->fence);

		if (fence == LZ_FENCE_SUSPECT || fence == LZ_FENCE_FENCING)
			return LZ_EBUSY;
		if (fence == LZ_FENCE_OPEN)
			b->index[b->n++] = (uint16_t)i;
	}
	b->sid = i < a->n ? a->e[i].id : UINT32_MAX;
	b->ssid = i < a->n ? a->e[i].pasid : UINT32_MAX;
	return LZ_OK;
}

static void write_batch(struct atc_batch *b, const struct lz_link_array *a, uint64_t pos)
{
	struct lz_smmu_queue *q = b->q;

	/* How things stood at issue (H86): the unsettled set is in the ring. */
	lz_store32(&q->ring.slot_seq[(pos + b->n) & q->ring.mask], lz_load32(&b->s->lz->resets));
	for (uint32_t k = 0; k < b->n; k++)
		lz_ring_write(&q->ring, pos + k,
			      (struct lz_command){{a->e[b->index[k]].command, b->atc1}});
	lz_ring_write(&q->ring, pos + b->n, lz_smmu_cmd_sync());
}

/* One reservation from inside one read section: no ATC_INV is published for a
 * device that left the array before (H60). LZ_ENOENT: nothing left to send. */
static enum lz_status issue_batch(struct atc_batch *b, struct lz_sync *sync, lz_ns *deadline)
{
	for (;;) {
		b->q = lz_smmu_lane_pick(b->s); /* for each batch: a lane may fail half way */
		uint32_t from_sid = b->sid, from_ssid = b->ssid;
		struct lz_epoch_section section = lz_epoch_enter(&b->s->readers); /* A */
		unsigned long flags;
		enum lz_status st;
		uint64_t pos;

		const struct lz_link_array *a = lz_links_read(&b->sdom->links);
		st = choose(b, a);
		if (st == LZ_OK && !b->n)
			st = LZ_ENOENT;
		if (st == LZ_OK) {
			st = lz_ring_reserve(&b->q->ring, b->n + 1, &pos, &flags);
			if (st == LZ_OK) {
				write_batch(b, a, pos);
				lz_ring_publish(&b->q->ring, pos, b->n + 1, flags);
				*sync = (struct lz_sync){b->q, pos + b->n};
			} else {
				st = LZ_ELIMIT; /* no room */
			}
		}
		lz_epoch_leave(&b->s->readers, section);
		if (st != LZ_ELIMIT)
			return st;
		b->sid = from_sid;
		b->ssid = from_ssid;
		st = lz_smmu_queue_wait_room(b->q, b->n + 1, deadline);
		if (st != LZ_OK)
			return st;
	}
}

SMMU_COLD static enum lz_status atc_wait(struct lz_sync sync, lz_ns *deadline)
{
	enum lz_status st = lz_smmu_sync_wait(sync, deadline);

	if (st == LZ_ETIMEDOUT)
		lz_ring_abandon(lz_smmu_sync_ring(sync), sync.pos);
	return st;
}

static enum lz_status left_behind(struct lz_smmu_domain *sdom, struct lz_sync sync,
				  enum lz_status st)
{
	if (LZ_CONFIG_LANES && st == LZ_ETIMEDOUT)
		lz_smmu_lane_left(sdom, sync);
	return st;
}

/* Entries are sorted and the cursor is a key, so a replaced array between two
 * batches leaves nothing out: whoever joined meanwhile fetches after the PTE
 * was cleared (A). */
static enum lz_status atc_batches(struct atc_batch *b, lz_ns *deadline)
{
	uint32_t again = 0;
	struct lz_sync sync;

	if (LZ_CONFIG_LANES && lz_smmu_lane_has_left(b->s, b->sdom))
		return LZ_EBUSY;
	do {
		uint32_t from_sid = b->sid, from_ssid = b->ssid;
		enum lz_status st = issue_batch(b, &sync, deadline);

		if (st == LZ_ENOENT)
			break;
		if (st != LZ_OK)
			return st;
		st = atc_wait(sync, deadline);
		if (st == LZ_OK)
			continue;
		if (!LZ_CONFIG_LANES || !lz_smmu_sync_in_doubt(sync))
			return left_behind(b->sdom, sync, st);
		b->sid = from_sid;
		b->ssid = from_ssid;
		if (again++ >= b->s->lz->cfg.settle_max)
			return st;
	} while (b->sid != UINT32_MAX);
	return LZ_OK;
}

/* A batch that fails says nothing about those behind it. Each broken device in one of
 * them would cost its batch's timeout and that of its probe, so they are not sent: the
 * outcome is custody, and the sweep asks one by one. */
SMMU_COLD static enum lz_status atc_slow(struct lz_smmu *s, struct lz_smmu_domain *sdom,
					 uint64_t atc1, lz_ns *deadline)
{
	struct atc_batch b = {
		.s = s, .q = &s->cmdq, .sdom = sdom, .atc1 = atc1, .most = LZ_RING_GUARD_MAX};
	enum lz_status st = atc_batches(&b, deadline);

	if (st == LZ_EIO && lz_load32(&sdom->links.entries) > s->cmdq.ring.guard)
		lz_store32(&sdom->doubt, 1);
	return st;
}

/* One by one: whoever does not answer is the only one in question, and costs one
 * timeout. Goes on behind him when he has been dealt with. [sweep] */
static enum lz_status atc_each(struct lz_smmu *s, struct lz_smmu_domain *sdom, lz_ns *deadline)
{
	struct atc_batch b = {.s = s,
			      .q = &s->cmdq,
			      .sdom = sdom,
			      .atc1 = SMMU_ATC1_ALL,
			      .most = 1,
			      .sid = sdom->asked_sid,
			      .ssid = sdom->asked_ssid};
	enum lz_status st = b.sid == UINT32_MAX ? LZ_OK : atc_batches(&b, deadline);

	sdom->asked_sid = st == LZ_OK ? 0 : b.sid;
	sdom->asked_ssid = st == LZ_OK ? 0 : b.ssid;
	if (st == LZ_OK)
		lz_store32(&sdom->doubt, 0);
	return st;
}

SMMU_APART static bool refresh_take(struct lz_smmu_queue *q, uint64_t n, uint64_t *pos,
				    uint64_t *next)
{
	(void)lz_smmu_queue_cons(q);
	return lz_ring_take(&q->ring, n, pos, next);
}

/*
 * Everybody is open, the batch fits and there is room: one pass, one
 * reservation. The sync of the TLB invalidations has completed, so the cleared
 * entry is seen by whoever is not in the array yet (A). False: not sent. `insist`
 * asks the register when the shadow knows of no room. *next: after the sync; `on`: by
 * this CPU's lane, and which that is; NULL: by the SMMU's own queue.
 */
SMMU_INLINE bool atc_send(struct lz_smmu *s, struct lz_smmu_domain *sdom, uint64_t atc1,
			  struct lz_smmu_queue **on, uint64_t *next, bool insist)
{
	struct lz_epoch_section section = lz_epoch_enter(&s->readers); /* A */
	const struct lz_link_array *a = lz_links_read(&sdom->links);
	const struct lz_link *e = a->e;
	struct lz_smmu_queue *q = on ? s->lane[lz_cpu_id()] : &s->cmdq;
	uint64_t n = a->n;
	struct lz_ring_pen pen;
	uint64_t pos;

	if (LZ_RARE(n - 1 >= q->ring.guard) || LZ_RARE(lz_load32(&s->iommu.alert)) ||
	    (!lz_ring_take(&q->ring, n + 1, &pos, next) &&
	     !(insist && refresh_take(q, n + 1, &pos, next)))) {
		lz_epoch_leave(&s->readers, section);
		return false;
	}
	pen = lz_ring_pen_at(&q->ring, pos);
	/* How things stood at issue (H86): the unsettled set is in the ring. */
	lz_store32(&q->ring.slot_seq[(*next - 1) & q->ring.mask], lz_load32(&s->lz->resets));
	for (const struct lz_link *end = e + n; e < end; e++)
		lz_ring_pen_write(&pen, e->command, atc1);
	lz_ring_pen_write(&pen, SMMU_OP_SYNC, 0);
	if (on) {
		*on = q;
		lz_smmu_queue_post_any(q, pos, *next);
	} else {
		lz_smmu_queue_post(q, pos, *next);
	}
	lz_epoch_leave(&s->readers, section);
	return true;
}

/* A dead SMMU translates nothing: that is as good as invalidated (H90). There may be
 * others that the caller looks for next. */
SMMU_COLD static enum lz_status dead_is_done(struct lz_smmu *s, enum lz_status st)
{
	if (st == LZ_OK || !lz_smmu_dead(s))
		return st;
	lz_mb(); /* L */
	return LZ_OK;
}

/* `deadline` NULL: it begins with the first wait. */
SMMU_APART static enum lz_status finish_atc(struct lz_smmu_queue *q, uint64_t next, lz_ns *deadline)
{
	struct lz_sync sync = {q, next - 1};
	lz_ns mine = 0;

	return dead_is_done(q->smmu, atc_wait(sync, deadline ? deadline : &mine));
}

SMMU_COLD static enum lz_status restart_atc(struct lz_smmu *s, struct lz_smmu_domain *sdom,
					    uint64_t atc1, lz_ns *deadline)
{
	lz_ns mine = 0;
	enum lz_status st;

	if (!deadline)
		deadline = &mine;
	/* Nothing is sent after what stands: each batch would cost a timeout of its own, of
	 * up to 90 s, before anybody is found. Custody it is, and the sweep asks (F). */
	st = lz_smmu_lane_await(s, deadline);
	return dead_is_done(s, st == LZ_OK ? atc_slow(s, sdom, atc1, deadline) : st);
}

/* What another queue tells may be about this batch, so that is looked at between CONS
 * and the mark (X). One in doubt is sent again. */
SMMU_APART static enum lz_status atc_by_lane(struct lz_smmu *s, struct lz_smmu_domain *sdom,
					     uint64_t atc1, lz_ns *deadline)
{
	struct lz_smmu_queue *q;
	lz_ns mine = 0;
	enum lz_status st;
	uint64_t next;

	if (!LZ_CONFIG_FAST || !atc_send(s, sdom, atc1, &q, &next, true))
		return restart_atc(s, sdom, atc1, deadline);
	if (lz_smmu_queue_consumed(q, next)) {
		lz_smmu_look_elsewhere(q);
		if (lz_ring_unmarked(&q->ring, next))
			return LZ_OK;
	}
	if (!deadline)
		deadline = &mine;
	st = finish_atc(q, next, deadline);
	if (st == LZ_OK)
		return st;
	if (lz_smmu_sync_in_doubt((struct lz_sync){q, next - 1}))
		return restart_atc(s, sdom, atc1, deadline);
	return left_behind(sdom, (struct lz_sync){q, next - 1}, st);
}

SMMU_APART static enum lz_status atc(struct lz_smmu *s, struct lz_smmu_domain *sdom, uint64_t atc1,
				     lz_ns *deadline)
{
	uint64_t next;

	if (LZ_CONFIG_LANES && s->n_lanes)
		return atc_by_lane(s, sdom, atc1, deadline);
	if (!LZ_CONFIG_FAST || LZ_RARE(!atc_send(s, sdom, atc1, NULL, &next, true)))
		return restart_atc(s, sdom, atc1, deadline);
	return LZ_USUAL(lz_smmu_queue_done(&s->cmdq, next)) ? LZ_OK
							    : finish_atc(&s->cmdq, next, deadline);
}

/* ---- looking closely ---- */

void lz_smmu_stall_note(struct lz_smmu_queue *q, const struct lz_smmu_watch *w)
{
	uint64_t cons = lz_smmu_queue_cons(q);

	if (LZ_CONFIG_STATS)
		lz_smmu_stall_since(q, cons, w->since);
	lz_store64(&q->ring.stalled_at, cons + 1);
	(void)lz_fetch_or32(&q->smmu->iommu.alert,
			    q->kind == SMMU_CMDQ ? SMMU_ALERT_STALLED : SMMU_ALERT_LANES);
}

void lz_smmu_stall_forget(struct lz_smmu_queue *q)
{
	lz_smmu_stall_over(q, lz_now(q->smmu->lz));
	lz_store64(&q->ring.stalled_at, 0);
	if (q->kind == SMMU_CMDQ)
		(void)lz_fetch_and32(&q->smmu->iommu.alert, ~SMMU_ALERT_STALLED);
	else
		lz_smmu_lanes_alert(q->smmu);
}

void lz_smmu_declare_dead(struct lz_smmu *s)
{
	lz_smmu_stall_over(&s->cmdq, lz_now(s->lz));
	for (unsigned i = 0; LZ_CONFIG_LANES && i < s->n_lanes; i++)
		lz_smmu_stall_over(&s->lanes[i], lz_now(s->lz));
	lz_store32(&s->iommu.dead, 1);
	(void)lz_fetch_or32(&s->iommu.alert, SMMU_ALERT_DEAD);
	lz_iommu_kick(&s->iommu);
}

bool lz_smmu_stalled(struct lz_smmu_queue *q)
{
	uint64_t at = lz_load64(&q->ring.stalled_at);

	if (!at)
		return false;
	if (lz_contains(q->smmu->lz) && lz_smmu_queue_cons(q) + 1 == at)
		return true;
	lz_smmu_stall_forget(q);
	return false;
}

/* LZ_OK: go on. */
SMMU_COLD static enum lz_status look_closely(struct lz_smmu *s, struct lz_smmu_domain *sdom)
{
	if (lz_smmu_dead(s))
		return LZ_ENODEV;
	if (lz_contains(s->lz) &&
	    (lz_load32(&sdom->doubt) || lz_links_held(&sdom->links, &s->readers)))
		return LZ_EBUSY;
	if (lz_smmu_stalled(&s->cmdq) && lz_in_atomic())
		return LZ_ETIMEDOUT;
	return lz_load32(&sdom->links.entries) && lz_smmu_lane_stuck(s) && lz_in_atomic()
		       ? LZ_ETIMEDOUT
		       : LZ_OK;
}

/* ---- entry points: one range ---- */

/* Where the short path ends when it has to wait: the deadline begins here. */
SMMU_APART static enum lz_status finish_tlb(struct lz_domain_part *part, lz_iova start, lz_iova end,
					    size_t granule, uint64_t next)
{
	struct lz_smmu *s = lz_smmu_of(part->iommu);
	struct lz_smmu_domain *sdom = part->drv;
	lz_ns deadline = 0;
	enum lz_status st = next ? lz_smmu_queue_wait(&s->cmdq, next - 1, &deadline) : LZ_EIO;

	if (st == LZ_EIO)
		st = tlb_slow(s, sdom, start, end, granule, &deadline);
	if (st == LZ_OK) {
		lz_dma_rmb(); /* A: the sync's completion before the array */
		if (lz_load32(&sdom->links.entries))
			st = atc(s, sdom, lz_smmu_cmd_atc1(start, end), &deadline);
	}
	return dead_is_done(s, st);
}

SMMU_COLD static enum lz_status slow(struct lz_domain_part *part, lz_iova start, lz_iova end,
				     size_t granule)
{
	struct lz_smmu *s = lz_smmu_of(part->iommu);
	enum lz_status st = LZ_OK;

	if (lz_load32(&s->iommu.alert))
		st = look_closely(s, part->drv);
	return st == LZ_OK ? finish_tlb(part, start, end, granule, 0) : dead_is_done(s, st);
}

/* A few pages, written straight into the slots. Calls are all at the end, so that
 * nothing has to be kept across them. */
SMMU_INLINE enum lz_status invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
				      size_t granule, uint64_t n, uint64_t atc1,
				      enum lz_status (*no_room)(struct lz_domain_part *, lz_iova,
								lz_iova, size_t))
{
	struct lz_smmu *s = lz_smmu_of(part->iommu);
	struct lz_smmu_domain *sdom = part->drv;
	uint64_t tlbi0 = lz_smmu_cmd_tlbi_va(sdom->asid, 0).w[0];
	struct lz_smmu_queue *q = &s->cmdq;
	struct lz_ring_pen pen;
	uint64_t pos, next;
	unsigned long flags;

	if (LZ_RARE(lz_load32(&s->iommu.alert)))
		return slow(part, start, end, granule);
	flags = lz_irq_save();
	if (!lz_ring_take(&q->ring, n + 1, &pos, &next)) {
		lz_irq_restore(flags);
		return no_room(part, start, end, granule);
	}
	pen = lz_ring_pen_at(&q->ring, pos);
	for (uint64_t i = 0; i < n; i++)
		lz_ring_pen_write(&pen, tlbi0, (start + i * granule) | SMMU_CMD1_LEAF);
	lz_ring_pen_write(&pen, SMMU_OP_SYNC, 0);
	lz_smmu_queue_post(q, pos, next);
	lz_irq_restore(flags);
	if (LZ_RARE(!lz_smmu_queue_done(q, next)))
		return finish_tlb(part, start, end, granule, next);
	lz_dma_rmb(); /* A: the sync's completion before the array */
	if (!lz_load32(&sdom->links.entries))
		return LZ_OK;
	if ((LZ_CONFIG_LANES && LZ_RARE(s->n_lanes)) ||
	    LZ_RARE(!atc_send(s, sdom, atc1, NULL, &next, false)))
		return atc(s, sdom, atc1, NULL);
	return LZ_USUAL(lz_smmu_queue_done(q, next)) ? LZ_OK : finish_atc(q, next, NULL);
}

SMMU_APART static enum lz_status invalidate_many(struct lz_domain_part *part, lz_iova start,
						 lz_iova end, size_t granule)
{
	uint64_t n = (end - start + granule - 1) >> __builtin_ctzll(granule);

	if (n - 1 >= TLBI_MAX)
		return slow(part, start, end, granule);
	return invalidate(part, start, end, granule, n, lz_smmu_cmd_atc1(start, end), slow);
}

/* There was no room as far as the shadow knew. */
SMMU_APART static enum lz_status refresh(struct lz_domain_part *part, lz_iova start, lz_iova end,
					 size_t granule)
{
	(void)lz_smmu_queue_cons(&lz_smmu_of(part->iommu)->cmdq);
	return invalidate_many(part, start, end, granule);
}

/* One page is what most unmaps are. The range holds an entry of its own size, so it
 * is as aligned as that entry. */
enum lz_status lz_smmu_invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
				  size_t granule)
{
	if (!LZ_CONFIG_FAST)
		return slow(part, start, end, granule);
	if (end - start != granule)
		return invalidate_many(part, start, end, granule);
	return invalidate(part, start, start + granule, granule, 1,
			  lz_smmu_cmd_atc1_block(start, granule), refresh);
}

/* ---- everything ---- */

enum lz_status lz_smmu_invalidate_all(struct lz_domain_part *part)
{
	struct lz_smmu *s = lz_smmu_of(part->iommu);
	struct lz_smmu_domain *sdom = part->drv;
	lz_ns deadline = 0;
	enum lz_status st;

	if (lz_smmu_dead(s))
		return LZ_OK;
	if (sdom && lz_contains(s->lz) && lz_links_held(&sdom->links, &s->readers))
		return LZ_EBUSY;
	st = tlb_all(s, sdom, &deadline);
	/* Who has been asked before this began is asked again with the others. */
	if (st == LZ_OK && sdom && lz_load32(&sdom->doubt))
		st = atc_each(s, sdom, &deadline);
	if (st == LZ_OK && sdom)
		st = atc(s, sdom, SMMU_ATC1_ALL, &deadline);
	return dead_is_done(s, st);
}
