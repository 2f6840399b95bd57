/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command ring: many producers, no lock.
 *
 *  1. Reserve: one compare-and-swap on the 64-bit tail, interrupts masked from here to
 *     step 4 (H82).
 *  2. Write the commands into the slots.
 *  3. Publish in order: wait until every earlier reservation is published, then (barrier
 *     P, pairs with the hardware's fetch) write the producer register, then move
 *     `published` (release, pairs with the acquire in step 3 of the next one). The wait
 *     is for other CPUs that have interrupts masked too, so it is short.
 *  4. Unmask.
 *  5. Wait for the sync at the end of the batch: the head past it, then (always, H32)
 *     its slot's mark.
 *
 * Positions count from zero and never wrap in practice. The consumer register is widened
 * by the shadow: the driver reads the shadow first, then the register, so the result is
 * exact or a lower bound, never a false completion. The shadow moves on only when room
 * is short, and only forward. Room is judged from the hardware's register (H82), not
 * from what another waiter has seen.
 *
 * The slots just behind the head are not used again while their sync may still fail: the
 * ATC invalidations of a batch have been consumed by then, and they are what a failed
 * sync accuses. So a batch of them is at most `guard` long, and room ends `guard` slots
 * before the head.
 *
 * A mark carries the position it is for (H29, H30, H31): nothing has to be cleared before
 * a slot is used again, and a late mark of an earlier lap cannot be taken for the present
 * one. Marks are rare, so their maximum is looked at first: who is above it has none,
 * whatever its slot says. Letter:
 *
 *  M  whoever marks: the mark; `marked`; a barrier towards the hardware (a release does
 *     not hold a register write back); then what lets the head pass (the acknowledge, or
 *     the head itself). Whoever waits: the head; `marked`; the mark.
 */
#include "drivers/common/cmdring.h"

/* ---- memory ---- */

static size_t slot_bytes(const struct lz_ring *r)
{
	return (size_t)(LZ_RING_WORDS * 8) << r->log2;
}

enum lz_status lz_ring_init(struct lz *lz, struct lz_ring *r, size_t align, uint32_t spare)
{
	size_t bytes = slot_bytes(r);

	r->size = 1u << r->log2;
	r->guard = r->size / 4 < LZ_RING_GUARD_MAX ? r->size / 4 : LZ_RING_GUARD_MAX;
	r->room = r->size - spare - r->guard;
	r->mask = r->size - 1;
	r->bytes = bytes - 1;
	r->limit = r->room;
	r->slots = lz_mem_dma_alloc(lz, bytes, bytes < align ? align : bytes, &r->phys);
	r->mark = lz_mem_alloc(lz, r->size * sizeof(*r->mark));
	r->slot_seq = lz_mem_alloc(lz, r->size * sizeof(*r->slot_seq));
	return r->slots && r->mark && r->slot_seq ? LZ_OK : LZ_ENOMEM;
}

void lz_ring_fini(struct lz *lz, struct lz_ring *r, bool unused)
{
	if (unused)
		lz_mem_dma_free(lz, r->slots, slot_bytes(r));
	lz_mem_free(lz, r->mark, r->size * sizeof(*r->mark));
	lz_mem_free(lz, r->slot_seq, r->size * sizeof(*r->slot_seq));
}

/* ---- positions ---- */

static void raise_to(uint64_t *p, uint64_t to)
{
	uint64_t v = lz_load64(p);

	while (v < to && !lz_cas64(p, &v, to))
		;
}

/* Nothing is consumed that nobody has reserved: a head beyond that, as a read that is
 * aborted gives, counts as no progress, and does not lead the shadow astray. */
uint64_t lz_ring_moved(struct lz_ring *r, uint64_t pos)
{
	lz_dma_rmb(); /* the head before tail */
	if (pos > (lz_load64(&r->tail) & ~LZ_RING_FROZEN))
		return lz_load64(&r->limit) - r->room;
	raise_to(&r->limit, pos + r->room);
	return pos;
}

void lz_ring_restarted(struct lz_ring *r, uint64_t pos)
{
	raise_to(&r->limit, pos + r->room);
}

/* ---- marks ---- */

void lz_ring_set_mark(struct lz_ring *r, uint64_t pos, enum lz_mark m)
{
	lz_store64_release(&r->mark[pos & r->mask], pos << LZ_MARK_BITS | m);
	raise_to(&r->marked, pos + 1); /* M: after the mark that it sends its reader to */
}

enum lz_mark lz_ring_get_mark(struct lz_ring *r, uint64_t pos)
{
	uint64_t v = lz_load64_acquire(&r->mark[pos & r->mask]);

	if (v >> LZ_MARK_BITS > pos)
		return LZ_MARK_FAILED; /* a later lap's mark: ours is unknown (H71) */
	if (v >> LZ_MARK_BITS < pos)
		return LZ_MARK_NONE;
	return (enum lz_mark)(v & ((1u << LZ_MARK_BITS) - 1));
}

void lz_ring_abandon(struct lz_ring *r, uint64_t pos)
{
	uint64_t *m = &r->mark[pos & r->mask];
	uint64_t v = lz_load64(m);

	if (v >> LZ_MARK_BITS < pos || v == 0)
		(void)lz_cas64(m, &v, pos << LZ_MARK_BITS | LZ_MARK_ABANDONED);
}

void lz_ring_doubt(struct lz_ring *r, uint64_t pos)
{
	uint64_t *m = &r->mark[pos & r->mask];
	uint64_t v = lz_load64(m);

	while (v >> LZ_MARK_BITS < pos || v == 0)
		if (lz_cas64(m, &v, pos << LZ_MARK_BITS | LZ_MARK_DOUBT))
			break;
	raise_to(&r->marked, pos + 1); /* M */
}

enum lz_status lz_ring_outcome(struct lz_ring *r, uint64_t pos)
{
	lz_dma_rmb(); /* M: the head before the marks */
	switch (lz_ring_get_mark(r, pos)) {
	case LZ_MARK_NONE:
	case LZ_MARK_ABANDONED:
		return LZ_OK;
	case LZ_MARK_TIMEOUT:
	case LZ_MARK_CARRIED:
		return LZ_EIO;
	case LZ_MARK_ILLEGAL:
	case LZ_MARK_DROPPED:
		return LZ_EFAULT;
	case LZ_MARK_FAILED:
	case LZ_MARK_DOUBT:
		break;
	}
	return LZ_ETIMEDOUT;
}

/* ---- producing ---- */

bool lz_ring_has_room(struct lz_ring *r, uint32_t n)
{
	uint64_t tail = lz_load64(&r->tail);

	if (tail & LZ_RING_FROZEN)
		return false;
	return tail + n <= lz_load64_acquire(&r->limit) || tail + n - r->ops->head(r) <= r->room;
}

enum lz_status lz_ring_reserve(struct lz_ring *r, uint32_t n, uint64_t *pos, unsigned long *flags)
{
	uint64_t next;

	*flags = lz_irq_save();
	do
		if (lz_ring_take(r, n, pos, &next))
			return LZ_OK;
	while (lz_ring_has_room(r, n));
	lz_irq_restore(*flags);
	return LZ_EBUSY;
}

void lz_ring_publish(struct lz_ring *r, uint64_t pos, uint32_t n, unsigned long flags)
{
	r->ops->post(r, pos, pos + n);
	lz_irq_restore(flags);
}

static void write_all(struct lz_ring *r, uint64_t pos, const struct lz_command *cmds, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		lz_ring_write(r, pos + i, cmds[i]);
	lz_ring_write(r, pos + n, r->ops->sync);
}

enum lz_status lz_ring_try_atc(const struct lz *lz, struct lz_ring *r,
			       const struct lz_command *cmds, uint32_t n, uint64_t *sync)
{
	unsigned long flags;
	uint64_t pos;

	if (lz_ring_reserve(r, n + 1, &pos, &flags) != LZ_OK)
		return LZ_ELIMIT;
	lz_store32(&r->slot_seq[(pos + n) & r->mask], lz_load32(&lz->resets));
	write_all(r, pos, cmds, n);
	lz_ring_publish(r, pos, n + 1, flags);
	*sync = pos + n;
	return LZ_OK;
}

enum lz_status lz_ring_submit(struct lz_ring *r, const struct lz_command *cmds, uint32_t n,
			      uint64_t *sync, lz_ns *deadline)
{
	unsigned long flags;
	uint64_t pos;

	lz_assert(n < lz_ring_batch(r));
	while (lz_ring_reserve(r, n + 1, &pos, &flags) != LZ_OK) {
		enum lz_status st = r->ops->wait_room(r, n + 1, deadline);

		if (st != LZ_OK)
			return st;
	}
	write_all(r, pos, cmds, n);
	lz_ring_publish(r, pos, n + 1, flags);
	*sync = pos + n;
	return LZ_OK;
}

/* ---- producers locked out ---- */

static bool all_published(void *arg)
{
	struct lz_ring *r = arg;

	return lz_load64_acquire(&r->published) == (lz_load64(&r->tail) & ~LZ_RING_FROZEN);
}

enum lz_status lz_ring_freeze(struct lz *lz, struct lz_ring *r)
{
	(void)lz_fetch_or64(&r->tail, LZ_RING_FROZEN);
	if (lz_wait(lz, all_published, r, lz_now(lz) + lz->cfg.sync_bound))
		return LZ_OK;
	lz_ring_thaw(r);
	return LZ_ETIMEDOUT;
}

void lz_ring_thaw(struct lz_ring *r)
{
	(void)lz_fetch_and64(&r->tail, ~LZ_RING_FROZEN);
}

/* ---- what a stopped ring holds ---- */

uint64_t lz_ring_first(const struct lz_ring *r, uint64_t pos)
{
	return pos > r->begun + r->guard ? pos - r->guard : r->begun;
}

static enum lz_ring_kind kind_at(struct lz_ring *r, uint64_t pos, uint32_t *id)
{
	return r->ops->kind(lz_dma_load64(lz_ring_slot(r, pos)), id);
}

/*
 * The unsettled set of a sync is what stands between it and the sync before: that one
 * succeeded, or its own set was taken when it failed. The entries are still in the ring
 * whoever issued them and however long ago: they are consumed, but the guard keeps them
 * from being used again. One that failed before, and was overwritten, ends it too.
 */
bool lz_ring_next_unanswered(struct lz_ring *r, const struct lz_queue_error *e, uint64_t *at,
			     struct lz_unanswered *out)
{
	uint64_t sync = e->sync.pos;

	for (uint64_t p = sync - *at; p-- > e->first;) {
		uint32_t id = 0;
		enum lz_ring_kind kind = kind_at(r, p, &id);

		if (kind == LZ_RING_SYNC || lz_ring_get_mark(r, p) != LZ_MARK_NONE)
			break;
		if (kind != LZ_RING_ATC)
			continue;
		*out = (struct lz_unanswered){
			.id = id,
			.seq = lz_load32(&r->slot_seq[sync & r->mask]),
			.command = lz_ring_read(r, p),
		};
		*at = sync - p;
		return true;
	}
	return false;
}

/* The hardware was told of it, since the command was fetched; `published` may not say
 * so yet, when the publishing CPU is slow (H31). */
uint64_t lz_ring_sync_after(struct lz_ring *r, uint64_t pos)
{
	uint64_t p = pos;
	uint32_t id;

	while (p + 1 < pos + r->size && kind_at(r, p, &id) != LZ_RING_SYNC)
		p++;
	return p;
}

void lz_ring_fail_from(struct lz_ring *r, uint64_t pos)
{
	uint64_t end = lz_load64_acquire(&r->published);
	uint32_t id;

	for (uint64_t p = pos; p < end; p++)
		if (kind_at(r, p, &id) == LZ_RING_SYNC)
			lz_ring_set_mark(r, p, LZ_MARK_FAILED);
}

/* Under another containment mode whom it accuses is another question. */
void lz_ring_error_at(struct lz_iommu *iommu, struct lz_ring *r, uint64_t pos)
{
	struct lz_ring_error *e = &r->err;
	uint32_t round = lz_load32(&iommu->lz->contain_round);
	bool again = e->pos == pos + 1;

	/* One that was left active for the ladder has been counted (G). */
	if (!e->known)
		lz_count64(&iommu->n.cmdq_errors);
	e->known = false;
	e->count = again ? e->count + 1 : 1;
	e->pos = pos + 1;
	e->told = again && e->told && e->round == round;
	e->round = round;
}

bool lz_ring_clear_again(const struct lz *lz, const struct lz_ring *r)
{
	return !lz_contains(lz) || r->err.count <= lz->cfg.settle_max;
}
