/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue: many producers, no lock.
 *
 *  1. Reserve: one compare-and-swap on the 64-bit tail, interrupts masked from
 *     here to step 4 (H82).
 *  2. Write the commands into the slots.
 *  3. Publish in order: wait until every earlier reservation is published,
 *     then (barrier P, pairs with the SMMU's fetch) write PROD, then move
 *     `published` (release, pairs with the acquire in step 3 of the next one).
 *     The wait is for other CPUs that have interrupts masked too, so it is short.
 *  4. Unmask.
 *  5. Wait for the sync at the end of the batch: CONS past it, then (always,
 *     H32) its slot's mark.
 *
 * Positions count from zero and never wrap in practice. CONS is widened by the
 * shadow: read the shadow first, then the register; the distance between them
 * is below 2 * size, so the result is exact or a lower bound, never a false
 * completion. The shadow moves on only when room is short, and only forward.
 * Room is judged from the hardware's CONS (H82), not from what another waiter
 * has seen.
 *
 * The slots just behind CONS are not used again while their sync may still
 * fail: the ATC_INVs of a batch have been consumed by then, and they are what a
 * failed sync accuses (gerror.c). So a batch of ATC_INVs is at most `guard`
 * long, and room ends `guard` slots before CONS.
 *
 * A mark carries the position it is for (H29, H30, H31): nothing has to be
 * cleared before a slot is used again, and a late mark of an earlier lap
 * cannot be taken for the present one. Marks are rare, so their maximum is looked at
 * first: who is above it has none, whatever its slot says. Letter:
 *
 *  M  whoever marks: the mark; `marked`; a barrier towards the hardware (a release
 *     does not hold a register write back); then what lets CONS pass (the acknowledge,
 *     or CONS itself). Whoever waits: CONS; `marked`; the mark.
 */
#include "drivers/smmuv3/smmu.h"

/* ---- positions ---- */

static void raise_to(uint64_t *p, uint64_t to)
{
	uint64_t v = lz_load64(p);

	while (v < to && !lz_cas64(p, &v, to))
		;
}

/* Nothing is consumed that nobody has reserved: a CONS beyond that, as a read that
 * is aborted gives, counts as no progress, and does not lead the shadow astray. */
uint64_t lz_smmu_queue_cons(struct lz_smmu_queue *q)
{
	uint64_t cons = lz_smmu_queue_position(q);

	lz_dma_rmb(); /* CONS before tail */
	if (cons > (lz_load64(&q->tail) & ~SMMU_FROZEN))
		return lz_load64(&q->limit) - q->room;
	raise_to(&q->limit, cons + q->room);
	return cons;
}

/* ---- marks ---- */

void lz_smmu_queue_set_mark(struct lz_smmu_queue *q, uint64_t pos, enum lz_smmu_mark m)
{
	lz_store64_release(&q->mark[pos & (q->size - 1)], pos << SMMU_MARK_BITS | m);
	raise_to(&q->marked, pos + 1); /* M: after the mark that it sends its reader to */
}

enum lz_smmu_mark lz_smmu_queue_get_mark(struct lz_smmu_queue *q, uint64_t pos)
{
	uint64_t v = lz_load64_acquire(&q->mark[pos & (q->size - 1)]);

	if (v >> SMMU_MARK_BITS > pos)
		return SMMU_MARK_FAILED; /* a later lap's mark: ours is unknown */
	if (v >> SMMU_MARK_BITS < pos)
		return SMMU_MARK_NONE;
	return (enum lz_smmu_mark)(v & ((1u << SMMU_MARK_BITS) - 1));
}

/* Says that nobody waits for this sync any more; an error found there already
 * is kept. */
void lz_smmu_queue_abandon(struct lz_smmu_queue *q, uint64_t pos)
{
	uint64_t *m = &q->mark[pos & (q->size - 1)];
	uint64_t v = lz_load64(m);

	if (v >> SMMU_MARK_BITS < pos || v == 0)
		(void)lz_cas64(m, &v, pos << SMMU_MARK_BITS | SMMU_MARK_ABANDONED);
}

/* A timeout that another queue told of may be of its batch, unless more is known. */
void lz_smmu_queue_doubt(struct lz_smmu_queue *q, uint64_t pos)
{
	uint64_t *m = &q->mark[pos & (q->size - 1)];
	uint64_t v = lz_load64(m);

	while (v >> SMMU_MARK_BITS < pos || v == 0)
		if (lz_cas64(m, &v, pos << SMMU_MARK_BITS | SMMU_MARK_DOUBT))
			break;
	raise_to(&q->marked, pos + 1); /* M */
}

/* ---- producing ---- */

static bool has_room(struct lz_smmu_queue *q, uint64_t tail, uint32_t n)
{
	if (tail & SMMU_FROZEN)
		return false;
	return tail + n <= lz_load64_acquire(&q->limit) ||
	       tail + n - lz_smmu_queue_cons(q) <= q->room;
}

enum lz_status lz_smmu_queue_reserve(struct lz_smmu_queue *q, uint32_t n, uint64_t *pos,
				     unsigned long *flags)
{
	uint64_t next;

	*flags = lz_irq_save();
	do
		if (lz_smmu_queue_take(q, n, pos, &next))
			return LZ_OK;
	while (has_room(q, lz_load64(&q->tail), n));
	lz_irq_restore(*flags);
	return LZ_EBUSY;
}

void lz_smmu_queue_publish(struct lz_smmu_queue *q, uint64_t pos, uint32_t n, unsigned long flags)
{
	lz_smmu_queue_post_any(q, pos, pos + n);
	lz_irq_restore(flags);
}

/* ---- waiting ---- */

lz_ns lz_smmu_deadline(const struct lz_smmu *s)
{
	const struct lz_config *cfg = &s->lz->cfg;
	bool brief = lz_in_atomic() && lz_load32(&s->lz->contain) != LZ_CONTAIN_OFF;

	return lz_now(s->lz) + (brief ? cfg->atomic_wait : cfg->sync_bound);
}

struct wait {
	struct lz_smmu_queue *q;
	uint64_t pos; /* consumed up to and including this, or */
	uint32_t n;   /* that many free slots, when not 0 */
	bool done;
	struct lz_smmu_watch *watch; /* NULL at the first look */
};

static bool room_now(struct lz_smmu_queue *q, uint32_t n)
{
	return has_room(q, lz_load64(&q->tail), n);
}

static bool passed(struct wait *w)
{
	uint64_t cons = lz_smmu_queue_cons(w->q);

	if (LZ_CONFIG_STATS && w->watch && cons != w->watch->cons)
		lz_smmu_watch_moved(w->q, w->watch, cons);
	return cons > w->pos;
}

/* GERROR is looked at together with CONS, so that a waiter whose CPU cannot
 * take the interrupt, or whose interrupt is late, sees the error (H35, H36). */
static bool done_or_error(void *arg)
{
	struct wait *w = arg;
	struct lz_smmu *s = w->q->smmu;

	w->done = w->n ? room_now(w->q, w->n) : passed(w);
	return w->done || lz_smmu_dead(s) || lz_load32(&s->sfm_seen) ||
	       (!lz_load32(&w->q->held_error) && lz_smmu_queue_error_active(w->q));
}

static enum lz_status wait_long(struct wait *w, lz_ns *deadline)
{
	struct lz_smmu *s = w->q->smmu;

	for (;;) {
		bool woke = lz_wait(s->lz, done_or_error, w, *deadline);

		if (w->done)
			return LZ_OK;
		if (lz_smmu_dead(s) || lz_load32(&s->sfm_seen))
			return LZ_ENODEV;
		if (woke)
			lz_smmu_drain(w->q);
		if (lz_now(s->lz) < *deadline)
			continue;
		if (done_or_error(w) && w->done)
			return LZ_OK;
		lz_smmu_stall_note(w->q, w->watch);
		return LZ_ETIMEDOUT;
	}
}

SMMU_APART static enum lz_status wait_watched(struct wait *w, lz_ns *deadline)
{
	struct lz_smmu_watch watch;
	enum lz_status st;

	if (!*deadline)
		*deadline = lz_smmu_deadline(w->q->smmu);
	if (!LZ_CONFIG_STATS)
		return wait_long(w, deadline);
	lz_smmu_watch_begin(w->q, &watch);
	w->watch = &watch;
	st = wait_long(w, deadline);
	lz_smmu_watch_end(w->q, &watch, w->n ? SMMU_NO_BATCH : w->pos, w->done);
	w->watch = NULL;
	return st;
}

/* The first look costs nobody a look at the clock. */
static enum lz_status wait_for(struct wait *w, lz_ns *deadline)
{
	return done_or_error(w) && w->done ? LZ_OK : wait_watched(w, deadline);
}

enum lz_status lz_smmu_queue_wait_room(struct lz_smmu_queue *q, uint32_t n, lz_ns *deadline)
{
	struct wait w = {.q = q, .n = n};

	return wait_for(&w, deadline);
}

/* The outcome of a sync that CONS has passed. */
static enum lz_status outcome(struct lz_smmu_queue *q, uint64_t pos)
{
	lz_smmu_look_elsewhere(q); /* X */
	switch (lz_smmu_queue_get_mark(q, pos)) {
	case SMMU_MARK_NONE:
	case SMMU_MARK_ABANDONED:
		return LZ_OK;
	case SMMU_MARK_ATC_TIMEOUT:
	case SMMU_MARK_CARRIED:
		return LZ_EIO;
	case SMMU_MARK_ILLEGAL:
		return LZ_EFAULT;
	case SMMU_MARK_FAILED:
	case SMMU_MARK_DOUBT:
		break;
	}
	return LZ_ETIMEDOUT;
}

enum lz_status lz_smmu_queue_look(struct lz_smmu_queue *q, uint64_t pos)
{
	struct lz_smmu *s = q->smmu;

	if (lz_smmu_queue_cons(q) > pos)
		return outcome(q, pos);
	if (lz_smmu_dead(s) || lz_load32(&s->sfm_seen))
		return LZ_ENODEV;
	return LZ_EBUSY;
}

enum lz_status lz_smmu_queue_wait(struct lz_smmu_queue *q, uint64_t pos, lz_ns *deadline)
{
	struct wait w = {.q = q, .pos = pos};
	enum lz_status st = wait_for(&w, deadline);

	return st == LZ_OK ? outcome(q, pos) : st;
}

/* ---- batches ---- */

enum lz_status lz_smmu_queue_submit(struct lz_smmu_queue *q, const struct lz_smmu_cmd *cmds,
				    uint32_t n, uint64_t *sync, lz_ns *deadline)
{
	struct lz_smmu_pen pen;
	unsigned long flags;
	uint64_t pos;

	lz_assert(n < lz_smmu_queue_batch(q));
	while (lz_smmu_queue_reserve(q, n + 1, &pos, &flags) != LZ_OK) {
		enum lz_status st = lz_smmu_queue_wait_room(q, n + 1, deadline);

		if (st != LZ_OK)
			return st;
	}
	pen = lz_smmu_pen_at(q, pos);
	for (uint32_t i = 0; i < n; i++)
		lz_smmu_pen_write(&pen, cmds[i].w[0], cmds[i].w[1]);
	lz_smmu_pen_write(&pen, SMMU_OP_SYNC, 0);
	lz_smmu_queue_publish(q, pos, n + 1, flags);
	*sync = pos + n;
	return LZ_OK;
}

/* A sync marked for somebody else's ATC_INV blames nobody and is repeated, never
 * called successful. */
SMMU_COLD static enum lz_status sync_again(struct lz_smmu_queue *q, lz_ns *deadline)
{
	enum lz_status st = LZ_EIO;

	for (uint32_t i = 0; st == LZ_EIO && i <= q->smmu->lz->cfg.settle_max; i++) {
		uint64_t sync;

		st = lz_smmu_queue_submit(q, NULL, 0, &sync, deadline);
		if (st == LZ_OK)
			st = lz_smmu_queue_wait(q, sync, deadline);
	}
	return st == LZ_EIO ? LZ_ETIMEDOUT : st;
}

SMMU_COLD enum lz_status lz_smmu_queue_run_any(struct lz_smmu_queue *q,
					       const struct lz_smmu_cmd *cmds, uint32_t n,
					       lz_ns *deadline)
{
	uint32_t max = lz_smmu_queue_batch(q) - 1;
	enum lz_status st;

	do {
		uint32_t now = n < max ? n : max;
		uint64_t sync;

		st = lz_smmu_queue_submit(q, cmds, now, &sync, deadline);
		if (st == LZ_OK)
			st = lz_smmu_queue_wait(q, sync, deadline);
		if (st == LZ_EIO)
			st = sync_again(q, deadline);
		cmds = now ? cmds + now : cmds;
		n -= now;
	} while (st == LZ_OK && n);
	return st;
}

SMMU_APART static enum lz_status run_wait(struct lz_smmu_queue *q, uint64_t sync, lz_ns *deadline)
{
	enum lz_status st = lz_smmu_queue_wait(q, sync, deadline);

	return st == LZ_EIO ? sync_again(q, deadline) : st;
}

/* Nothing here retries an invalidation or runs the fence (H65). Calls are all at
 * the end, so that nothing has to be kept across them. */
enum lz_status lz_smmu_queue_run(struct lz_smmu_queue *q, const struct lz_smmu_cmd *cmds,
				 uint32_t n, lz_ns *deadline)
{
	unsigned long flags = lz_irq_save();
	struct lz_smmu_pen pen;
	uint64_t pos, next;

	if (!LZ_CONFIG_FAST || SMMU_RARE(n >= SMMU_BATCH_MAX) ||
	    !lz_smmu_queue_take(q, (uint64_t)n + 1, &pos, &next)) {
		lz_irq_restore(flags);
		return lz_smmu_queue_run_any(q, cmds, n, deadline);
	}
	pen = lz_smmu_pen_at(q, pos);
	for (uint32_t left = n; left; left--, cmds++)
		lz_smmu_pen_write(&pen, cmds->w[0], cmds->w[1]);
	lz_smmu_pen_write(&pen, SMMU_OP_SYNC, 0);
	lz_smmu_queue_post(q, pos, next);
	lz_irq_restore(flags);
	return SMMU_USUAL(lz_smmu_queue_done(q, next)) ? LZ_OK : run_wait(q, next - 1, deadline);
}

/* ---- producers locked out (rungs b and d) ---- */

static bool all_published(void *arg)
{
	struct lz_smmu_queue *q = arg;

	return lz_load64_acquire(&q->published) == (lz_load64(&q->tail) & ~SMMU_FROZEN);
}

enum lz_status lz_smmu_queue_freeze(struct lz_smmu_queue *q)
{
	struct lz *lz = q->smmu->lz;

	(void)lz_fetch_or64(&q->tail, SMMU_FROZEN);
	if (lz_wait(lz, all_published, q, lz_now(lz) + lz->cfg.sync_bound))
		return LZ_OK;
	lz_smmu_queue_thaw(q);
	return LZ_ETIMEDOUT;
}

void lz_smmu_queue_thaw(struct lz_smmu_queue *q)
{
	(void)lz_fetch_and64(&q->tail, ~SMMU_FROZEN);
}
