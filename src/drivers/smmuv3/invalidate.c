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
static struct lz_smmu_cmd range_command(uint32_t asid, lz_iova start, uint64_t pages)
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
	struct lz_smmu_cmd cmd[TLBI_MAX];
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
	return lz_smmu_queue_run(s, cmd, n, deadline);
}

/* A few pages, written straight into the slots. */
static inline enum lz_status tlb_range(struct lz_smmu *s, struct lz_smmu_domain *sdom,
				       lz_iova start, lz_iova end, size_t granule, lz_ns *deadline)
{
	uint64_t n = (end - start) >> __builtin_ctzll(granule);
	uint64_t tlbi0 = lz_smmu_cmd_tlbi_va(sdom->asid, 0).w[0];
	struct lz_smmu_queue *q = &s->cmdq;
	unsigned long flags = lz_irq_save();
	struct lz_smmu_pen pen;
	enum lz_status st;
	uint64_t pos;

	if (n > TLBI_MAX || !lz_smmu_queue_take(q, (uint32_t)n + 1, &pos)) {
		lz_irq_restore(flags);
		return tlb_slow(s, sdom, start, end, granule, deadline);
	}
	pen = lz_smmu_pen_at(q, pos);
	for (lz_iova va = start; va < end; va += granule)
		lz_smmu_pen_write(&pen, tlbi0, va | SMMU_CMD1_LEAF);
	lz_smmu_pen_write(&pen, SMMU_OP_SYNC, 0);
	lz_smmu_queue_post(q, pos, (uint32_t)n + 1);
	lz_irq_restore(flags);
	pos += n;
	if (lz_smmu_queue_done(q, pos))
		return LZ_OK;
	st = lz_smmu_queue_wait(s, pos, deadline);
	return st == LZ_EIO ? tlb_slow(s, sdom, start, end, granule, deadline) : st;
}

/* Configuration changes that could not be queued when they were made are made
 * good before anything is called invalidated; the debt stands until the sync has
 * succeeded, so that nobody takes another one's attempt for it. A domain that
 * does not translate has no address space id. */
static enum lz_status tlb_all(struct lz_smmu *s, struct lz_smmu_domain *sdom, lz_ns *deadline)
{
	struct lz_smmu_cmd cmd[2];
	enum lz_status st;
	uint32_t n = 0, owed;
	bool pay = lz_smmu_cfgi_is_owed(s, &owed);

	if (pay)
		cmd[n++] = lz_smmu_cmd_cfgi_all();
	if (sdom)
		cmd[n++] = lz_smmu_cmd_tlbi_asid(sdom->asid);
	st = lz_smmu_queue_run(s, cmd, n, deadline);
	if (st == LZ_OK && pay)
		lz_store32(&s->cfgi_paid, owed);
	return st;
}

/* ---- ATCs ---- */

struct atc_batch {
	struct lz_smmu *s;
	struct lz_smmu_domain *sdom;
	uint64_t atc1;
	uint32_t sid, ssid; /* where to go on: entries below are done */
	uint32_t n;	    /* commands of this batch */
	uint16_t index[SMMU_GUARD_MAX];
};

/* Which entries get a command now. A fenced device is skipped: its EATS is off
 * with effect (H43). A suspect one is held: no command, and the memory waits
 * (H85). Deciding and writing use the same list (H55). [reader] */
static enum lz_status choose(struct atc_batch *b, const struct lz_smmu_inv_array *a)
{
	uint32_t i = 0;

	b->n = 0;
	while (i < a->n &&
	       (a->e[i].sid < b->sid || (a->e[i].sid == b->sid && a->e[i].ssid < b->ssid)))
		i++;
	for (; i < a->n && b->n < b->s->cmdq.guard; i++) {
		uint8_t fence = lz_load8_acquire(&a->e[i].dev->fence);

		if (fence == LZ_FENCE_SUSPECT || fence == LZ_FENCE_FENCING)
			return LZ_EBUSY;
		if (fence == LZ_FENCE_OPEN)
			b->index[b->n++] = (uint16_t)i;
	}
	b->sid = i < a->n ? a->e[i].sid : UINT32_MAX;
	b->ssid = i < a->n ? a->e[i].ssid : UINT32_MAX;
	return LZ_OK;
}

static void write_batch(struct atc_batch *b, const struct lz_smmu_inv_array *a, uint64_t pos)
{
	struct lz_smmu_queue *q = &b->s->cmdq;

	/* How things stood at issue (H86): the unsettled set is in the ring. */
	lz_store32(&q->slot_seq[(pos + b->n) & q->mask], lz_load32(&b->s->lz->resets));
	for (uint32_t k = 0; k < b->n; k++)
		lz_smmu_queue_write(q, pos + k,
				    (struct lz_smmu_cmd){{a->e[b->index[k]].atc0, b->atc1}});
	lz_smmu_queue_write(q, pos + b->n, lz_smmu_cmd_sync());
}

/* One reservation from inside one read section: no ATC_INV is published for a
 * device that left the array before (H60). LZ_ENOENT: nothing left to send. */
static enum lz_status issue_batch(struct atc_batch *b, uint64_t *sync, lz_ns *deadline)
{
	for (;;) {
		uint32_t from_sid = b->sid, from_ssid = b->ssid;
		struct lz_epoch_section section = lz_epoch_enter(&b->s->readers); /* A */
		unsigned long flags;
		enum lz_status st;
		uint64_t pos;

		struct lz_smmu_inv_array *a = lz_load_ptr(&b->sdom->array);
		st = choose(b, a);
		if (st == LZ_OK && !b->n)
			st = LZ_ENOENT;
		if (st == LZ_OK) {
			st = lz_smmu_queue_reserve(b->s, b->n + 1, &pos, &flags);
			if (st == LZ_OK) {
				write_batch(b, a, pos);
				lz_smmu_queue_publish(b->s, pos, b->n + 1, flags);
				*sync = pos + b->n;
			} else {
				st = LZ_ELIMIT; /* no room */
			}
		}
		lz_epoch_leave(&b->s->readers, section);
		if (st != LZ_ELIMIT)
			return st;
		b->sid = from_sid;
		b->ssid = from_ssid;
		st = lz_smmu_queue_wait_room(b->s, b->n + 1, deadline);
		if (st != LZ_OK)
			return st;
	}
}

SMMU_COLD static enum lz_status atc_wait(struct lz_smmu *s, uint64_t sync, lz_ns *deadline)
{
	enum lz_status st = lz_smmu_queue_wait(s, sync, deadline);

	if (st == LZ_ETIMEDOUT)
		lz_smmu_queue_abandon(&s->cmdq, sync);
	return st;
}

/* Entries are sorted and the cursor is a key, so a replaced array between two
 * batches leaves nothing out: whoever joined meanwhile fetches after the PTE
 * was cleared (A). */
SMMU_COLD static enum lz_status atc_slow(struct lz_smmu *s, struct lz_smmu_domain *sdom,
					 uint64_t atc1, lz_ns *deadline)
{
	struct atc_batch b = {.s = s, .sdom = sdom, .atc1 = atc1};
	uint64_t sync;

	do {
		enum lz_status st = issue_batch(&b, &sync, deadline);

		if (st == LZ_ENOENT)
			break;
		if (st == LZ_OK && !lz_smmu_queue_done(&s->cmdq, sync))
			st = atc_wait(s, sync, deadline);
		if (st != LZ_OK)
			return st;
	} while (b.sid != UINT32_MAX);
	return LZ_OK;
}

static inline void write_all(struct lz_smmu *s, const struct lz_smmu_inv_array *a, uint64_t pos,
			     uint64_t atc1)
{
	struct lz_smmu_queue *q = &s->cmdq;
	struct lz_smmu_pen pen = lz_smmu_pen_at(q, pos);

	/* How things stood at issue (H86): the unsettled set is in the ring. */
	lz_store32(&q->slot_seq[(pos + a->n) & q->mask], lz_load32(&s->lz->resets));
	for (const struct lz_smmu_inv_entry *e = a->e, *end = e + a->n; e < end; e++)
		lz_smmu_pen_write(&pen, e->atc0, atc1);
	lz_smmu_pen_write(&pen, SMMU_OP_SYNC, 0);
}

/*
 * Everybody is open, the batch fits and there is room: one pass, one
 * reservation. The sync of the TLB invalidations has completed, so the cleared
 * entry is seen by whoever is not in the array yet (A).
 */
static enum lz_status atc(struct lz_smmu *s, struct lz_smmu_domain *sdom, uint64_t atc1,
			  lz_ns *deadline)
{
	struct lz_epoch_section section = lz_epoch_enter(&s->readers); /* A */
	const struct lz_smmu_inv_array *a = lz_load_ptr(&sdom->array);
	struct lz_smmu_queue *q = &s->cmdq;
	uint32_t n = a->n;
	uint64_t pos;

	if (n - 1 >= q->guard || lz_load32(&s->alert) || !lz_smmu_queue_take(q, n + 1, &pos)) {
		lz_epoch_leave(&s->readers, section);
		return atc_slow(s, sdom, atc1, deadline);
	}
	write_all(s, a, pos, atc1);
	lz_smmu_queue_post(q, pos, n + 1);
	lz_epoch_leave(&s->readers, section);
	pos += n;
	return lz_smmu_queue_done(q, pos) ? LZ_OK : atc_wait(s, pos, deadline);
}

/* ---- entry points ---- */

/* Is a device of this domain held? Then the outcome is custody whatever the
 * queue does, and the sweep repeats everything: send nothing. */
static bool held(struct lz_smmu *s, struct lz_smmu_domain *sdom)
{
	struct lz_epoch_section section = lz_epoch_enter(&s->readers);
	const struct lz_smmu_inv_array *a = lz_load_ptr(&sdom->array);
	bool yes = false;

	for (uint32_t i = 0; i < a->n && !yes; i++) {
		uint8_t fence = lz_load8_acquire(&a->e[i].dev->fence);

		yes = fence == LZ_FENCE_SUSPECT || fence == LZ_FENCE_FENCING;
	}
	lz_epoch_leave(&s->readers, section);
	return yes;
}

void lz_smmu_stall_note(struct lz_smmu *s)
{
	lz_store64(&s->cmdq.stalled_at, lz_smmu_queue_cons(s) + 1);
	(void)lz_fetch_or32(&s->alert, SMMU_ALERT_STALLED);
}

void lz_smmu_stall_forget(struct lz_smmu *s)
{
	lz_store64(&s->cmdq.stalled_at, 0);
	(void)lz_fetch_and32(&s->alert, ~SMMU_ALERT_STALLED);
}

void lz_smmu_declare_dead(struct lz_smmu *s)
{
	lz_store32(&s->iommu.dead, 1);
	(void)lz_fetch_or32(&s->alert, SMMU_ALERT_DEAD);
	lz_iommu_kick(&s->iommu);
}

static bool stalled(struct lz_smmu *s)
{
	uint64_t at = lz_load64(&s->cmdq.stalled_at);

	if (!at)
		return false;
	if (s->lz->cfg.contain == LZ_CONTAIN_ON && lz_smmu_queue_cons(s) + 1 == at)
		return true;
	lz_smmu_stall_forget(s);
	return false;
}

/* LZ_OK: go on. */
SMMU_COLD static enum lz_status look_closely(struct lz_smmu *s, struct lz_smmu_domain *sdom)
{
	if (lz_smmu_dead(s))
		return LZ_ENODEV;
	if (lz_contains(s->lz) && held(s, sdom))
		return LZ_EBUSY;
	return stalled(s) && lz_in_atomic() ? LZ_ETIMEDOUT : LZ_OK;
}

/* A dead SMMU translates nothing: that is as good as invalidated (H90). */
SMMU_COLD static enum lz_status dead_is_done(struct lz_smmu *s, enum lz_status st)
{
	return st != LZ_OK && lz_smmu_dead(s) ? LZ_OK : st;
}

enum lz_status lz_smmu_invalidate(struct lz_domain *dom, lz_iova start, lz_iova end, size_t granule)
{
	struct lz_smmu *s = lz_smmu_of(dom->iommu);
	struct lz_smmu_domain *sdom = dom->drv;
	lz_ns deadline = 0;
	enum lz_status st = LZ_OK;

	if (lz_load32(&s->alert))
		st = look_closely(s, sdom);
	if (st == LZ_OK)
		st = tlb_range(s, sdom, start, end, granule, &deadline);
	if (st == LZ_OK) {
		lz_dma_rmb(); /* A: the sync's completion before the array */
		if (!lz_load32(&sdom->ats_entries))
			return LZ_OK;
		st = atc(s, sdom, lz_smmu_cmd_atc1(start, end), &deadline);
	}
	return st == LZ_OK ? LZ_OK : dead_is_done(s, st);
}

enum lz_status lz_smmu_invalidate_all(struct lz_domain *dom)
{
	struct lz_smmu *s = lz_smmu_of(dom->iommu);
	struct lz_smmu_domain *sdom = dom->drv;
	lz_ns deadline = 0;
	enum lz_status st;

	if (lz_smmu_dead(s))
		return LZ_OK;
	if (sdom && lz_contains(s->lz) && held(s, sdom))
		return LZ_EBUSY;
	st = tlb_all(s, sdom, &deadline);
	if (st == LZ_OK && sdom)
		st = atc(s, sdom, SMMU_ATC1_ALL, &deadline);
	return dead_is_done(s, st);
}
