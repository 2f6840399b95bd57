/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue: many producers, no lock. The algorithm is that of the SMMUv3
 * driver; registers and errors are different ones.
 *
 *  1. Reserve: one compare-and-swap on the 64-bit tail, interrupts masked from here to
 *     step 4 (H82).
 *  2. Write the commands into the slots.
 *  3. Publish in order: wait until every earlier reservation is published, then
 *     (barrier P, pairs with the fetch) write cqt, then move `published` (release,
 *     pairs with the acquire in step 3 of the next one).
 *  4. Unmask.
 *  5. Wait for the fence at the end of the batch: cqh past it, then (always, H32) its
 *     slot's mark.
 *
 * cqh past a command says nothing of it; cqh past an IOFENCE.C says that everything
 * before it is done, or that it was run again after an error had been cleared. The
 * latter succeeds for what was never done (H67), so the mark comes first: no error bit
 * is cleared before it.
 *
 * cqh and cqt are indices without a wrap bit, and one slot stays free. Positions count
 * from zero and never wrap in practice; cqh is widened by the shadow: read the shadow
 * first, then the register. They are less than a ring apart unless the shadow that was
 * read is old by then, and then the result is a lap behind: never a false completion.
 *
 * Room ends `guard` slots before cqh: the ATS.INVALs in front of a fence that fails are
 * still in the ring, and they are what it accuses (rv_error.c). So a batch of them is
 * at most `guard` long.
 *
 *  M  whoever marks: the mark; `marked`; a barrier towards the hardware; then the write
 *     that clears the error, or restarts the queue. Whoever waits: cqh; `marked`; the
 *     mark.
 */
#include "drivers/riscv/riscv.h"

/* ---- positions ---- */

static void raise_to(uint64_t *p, uint64_t to)
{
	uint64_t v = lz_load64(p);

	while (v < to && !lz_cas64(p, &v, to))
		;
}

/* Nothing is consumed that nobody has reserved: a cqh beyond that, as a read that is
 * aborted gives, counts as no progress. */
uint64_t lz_rv_queue_head(struct lz_rv *s)
{
	struct lz_rv_queue *q = &s->cmdq;
	uint64_t shadow = lz_load64_acquire(&q->limit) - q->room;
	uint32_t hw = lz_mmio_read32(q->mmio, RV_CQH);
	uint64_t head = shadow + ((hw - (uint32_t)shadow) & q->mask);

	lz_dma_rmb(); /* cqh before tail */
	if ((hw & ~q->mask) || head > (lz_load64(&q->tail) & ~RV_FROZEN))
		return lz_load64(&q->limit) - q->room;
	raise_to(&q->limit, head + q->room);
	return head;
}

/* ---- marks ---- */

void lz_rv_queue_set_mark(struct lz_rv_queue *q, uint64_t pos, enum lz_rv_mark m)
{
	lz_store64_release(&q->mark[pos & q->mask], pos << RV_MARK_BITS | m);
	raise_to(&q->marked, pos + 1); /* M: after the mark that it sends its reader to */
}

/* A mark of an earlier lap does not match; of a later one, ours is unknown (H31, H71). */
enum lz_rv_mark lz_rv_queue_get_mark(struct lz_rv_queue *q, uint64_t pos)
{
	uint64_t v = lz_load64_acquire(&q->mark[pos & q->mask]);

	if (v >> RV_MARK_BITS > pos)
		return RV_MARK_FAILED;
	if (v >> RV_MARK_BITS < pos)
		return RV_MARK_NONE;
	return (enum lz_rv_mark)(v & ((1u << RV_MARK_BITS) - 1));
}

/* Nobody waits for this fence any more; an error found there already is kept. */
void lz_rv_queue_abandon(struct lz_rv_queue *q, uint64_t pos)
{
	uint64_t *m = &q->mark[pos & q->mask];
	uint64_t v = lz_load64(m);

	if (v >> RV_MARK_BITS < pos || v == 0)
		(void)lz_cas64(m, &v, pos << RV_MARK_BITS | RV_MARK_ABANDONED);
}

/* ---- producing ---- */

static bool has_room(struct lz_rv *s, uint64_t tail, uint32_t n)
{
	struct lz_rv_queue *q = &s->cmdq;

	if (tail & RV_FROZEN)
		return false;
	return tail + n <= lz_load64_acquire(&q->limit) ||
	       tail + n - lz_rv_queue_head(s) <= q->room;
}

enum lz_status lz_rv_queue_reserve(struct lz_rv *s, uint32_t n, uint64_t *pos, unsigned long *flags)
{
	struct lz_rv_queue *q = &s->cmdq;
	uint64_t next;

	*flags = lz_irq_save();
	do
		if (lz_rv_queue_take(q, n, pos, &next))
			return LZ_OK;
	while (has_room(s, lz_load64(&q->tail), n));
	lz_irq_restore(*flags);
	return LZ_EBUSY;
}

void lz_rv_queue_publish(struct lz_rv *s, uint64_t pos, uint32_t n, unsigned long flags)
{
	lz_rv_queue_post(&s->cmdq, pos, pos + n);
	lz_irq_restore(flags);
}

/* ---- waiting ---- */

lz_ns lz_rv_deadline(const struct lz_rv *s)
{
	const struct lz_config *cfg = &s->lz->cfg;
	bool brief = lz_in_atomic() && lz_load32(&s->lz->contain) != LZ_CONTAIN_OFF;

	return lz_now(s->lz) + (brief ? cfg->atomic_wait : cfg->sync_bound);
}

struct wait {
	struct lz_rv *s;
	uint64_t pos; /* consumed up to and including this, or */
	uint32_t n;   /* that many free slots, when not 0 */
	bool done;
};

/* cqcsr is looked at together with cqh, so that a waiter whose CPU cannot take the
 * interrupt, or whose interrupt is late, sees the error (H35, H36). */
static bool done_or_error(void *arg)
{
	struct wait *w = arg;
	struct lz_rv *s = w->s;

	w->done = w->n ? has_room(s, lz_load64(&s->cmdq.tail), w->n) : lz_rv_queue_head(s) > w->pos;
	return w->done || lz_rv_dead(s) || (!lz_load32(&s->held_error) && lz_rv_error_active(s));
}

static enum lz_status wait_long(struct wait *w, lz_ns *deadline)
{
	struct lz_rv *s = w->s;

	for (;;) {
		bool woke = lz_wait(s->lz, done_or_error, w, *deadline);

		if (w->done)
			return LZ_OK;
		if (lz_rv_dead(s))
			return LZ_ENODEV;
		if (woke)
			lz_rv_drain(s);
		if (lz_now(s->lz) < *deadline)
			continue;
		if (done_or_error(w) && w->done)
			return LZ_OK;
		lz_rv_stall_note(s);
		return LZ_ETIMEDOUT;
	}
}

RV_COLD static enum lz_status wait_timed(struct wait *w, lz_ns *deadline)
{
	lz_ns began = lz_now(w->s->lz);
	enum lz_status st;

	if (!*deadline)
		*deadline = lz_rv_deadline(w->s);
	st = wait_long(w, deadline);
	if (LZ_CONFIG_STATS && !w->n)
		lz_count_latency(&w->s->iommu, lz_now(w->s->lz) - began);
	return st;
}

/* The first look costs nobody a look at the clock. */
static enum lz_status wait_for(struct wait *w, lz_ns *deadline)
{
	return done_or_error(w) && w->done ? LZ_OK : wait_timed(w, deadline);
}

enum lz_status lz_rv_queue_wait_room(struct lz_rv *s, uint32_t n, lz_ns *deadline)
{
	struct wait w = {.s = s, .n = n};

	return wait_for(&w, deadline);
}

/* The outcome of a fence that cqh has passed. */
static enum lz_status outcome(struct lz_rv *s, uint64_t pos)
{
	switch (lz_rv_queue_get_mark(&s->cmdq, pos)) {
	case RV_MARK_NONE:
	case RV_MARK_ABANDONED:
		return LZ_OK;
	case RV_MARK_ATS_TIMEOUT:
	case RV_MARK_CARRIED:
		return LZ_EIO;
	case RV_MARK_DROPPED:
	case RV_MARK_ILLEGAL:
		return LZ_EFAULT;
	case RV_MARK_FAILED:
		break;
	}
	return LZ_ETIMEDOUT;
}

enum lz_status lz_rv_queue_look(struct lz_rv *s, uint64_t pos)
{
	if (lz_rv_queue_head(s) > pos) {
		lz_dma_rmb(); /* M: cqh before the marks */
		return outcome(s, pos);
	}
	return lz_rv_dead(s) ? LZ_ENODEV : LZ_EBUSY;
}

enum lz_status lz_rv_queue_wait(struct lz_rv *s, uint64_t pos, lz_ns *deadline)
{
	struct wait w = {.s = s, .pos = pos};
	enum lz_status st = wait_for(&w, deadline);

	lz_dma_rmb(); /* M: cqh before the marks */
	return st == LZ_OK ? outcome(s, pos) : st;
}

/* ---- batches ---- */

enum lz_status lz_rv_queue_submit(struct lz_rv *s, const struct lz_rv_cmd *cmds, uint32_t n,
				  uint64_t *fence, lz_ns *deadline)
{
	unsigned long flags;
	uint64_t pos;

	lz_assert(n < lz_rv_queue_batch(&s->cmdq));
	while (lz_rv_queue_reserve(s, n + 1, &pos, &flags) != LZ_OK) {
		enum lz_status st = lz_rv_queue_wait_room(s, n + 1, deadline);

		if (st != LZ_OK)
			return st;
	}
	for (uint32_t i = 0; i < n; i++)
		lz_rv_queue_write(&s->cmdq, pos + i, cmds[i].w[0], cmds[i].w[1]);
	lz_rv_queue_write(&s->cmdq, pos + n, RV_FENCE, 0);
	lz_rv_queue_publish(s, pos, n + 1, flags);
	*fence = pos + n;
	return LZ_OK;
}

static enum lz_status run_once(struct lz_rv *s, const struct lz_rv_cmd *cmds, uint32_t n,
			       lz_ns *deadline)
{
	uint64_t fence;
	enum lz_status st = lz_rv_queue_submit(s, cmds, n, &fence, deadline);

	return st == LZ_OK ? lz_rv_queue_wait(s, fence, deadline) : st;
}

/* A fence that is marked for an ATS.INVAL has carried out everything else; one in
 * whose batch the queue stopped may not have (5.1 of the specification's chapter on
 * errors), so then the commands go again. A timeout names nobody's commands as its
 * cause, so all who wait do the same, and none is blamed for another's (H68). Nothing
 * here retries an ATS.INVAL or runs the fence of a device (H65). */
enum lz_status lz_rv_queue_run(struct lz_rv *s, const struct lz_rv_cmd *cmds, uint32_t n,
			       lz_ns *deadline)
{
	uint32_t max = lz_rv_queue_batch(&s->cmdq) - 1;
	enum lz_status st;

	do {
		uint32_t now = n < max ? n : max, again = 0;

		st = run_once(s, cmds, now, deadline);
		while ((st == LZ_EIO || st == LZ_EFAULT) && again++ <= s->lz->cfg.settle_max)
			st = run_once(s, cmds, st == LZ_EIO ? 0 : now, deadline);
		cmds = now ? cmds + now : cmds;
		n -= now;
	} while (st == LZ_OK && n);
	return st == LZ_EIO ? LZ_ETIMEDOUT : st;
}

/* ---- producers locked out (restart) ---- */

static bool all_published(void *arg)
{
	struct lz_rv_queue *q = arg;

	return lz_load64_acquire(&q->published) == (lz_load64(&q->tail) & ~RV_FROZEN);
}

enum lz_status lz_rv_queue_freeze(struct lz_rv *s)
{
	struct lz_rv_queue *q = &s->cmdq;

	(void)lz_fetch_or64(&q->tail, RV_FROZEN);
	if (lz_wait(s->lz, all_published, q, lz_now(s->lz) + s->lz->cfg.sync_bound))
		return LZ_OK;
	lz_rv_queue_thaw(s);
	return LZ_ETIMEDOUT;
}

void lz_rv_queue_thaw(struct lz_rv *s)
{
	(void)lz_fetch_and64(&s->cmdq.tail, ~RV_FROZEN);
}
