/* SPDX-License-Identifier: BSD-2-Clause */
/* The command queues: CONS, PROD, and how to wait. The ring is drivers/common/cmdring.c. */
#include "drivers/smmuv3/smmu.h"

static struct lz_smmu_queue *queue_of(struct lz_ring *r)
{
	return lz_container(r, struct lz_smmu_queue, ring);
}

/* ---- what the ring asks ---- */

/* CONS is widened by the shadow, and the distance between them is below 2 * size. */
uint64_t lz_smmu_queue_cons(struct lz_smmu_queue *q)
{
	return lz_ring_moved(&q->ring, lz_smmu_queue_position(q));
}

static uint64_t head(struct lz_ring *r)
{
	return lz_smmu_queue_cons(queue_of(r));
}

static void post(struct lz_ring *r, uint64_t pos, uint64_t next)
{
	lz_smmu_queue_post_any(queue_of(r), pos, next);
}

static enum lz_status wait_room(struct lz_ring *r, uint32_t n, lz_ns *deadline)
{
	return lz_smmu_queue_wait_room(queue_of(r), n, deadline);
}

static enum lz_ring_kind kind(uint64_t w0, uint32_t *id)
{
	*id = lz_smmu_cmd_sid(w0);
	switch (lz_smmu_cmd_op(w0)) {
	case SMMU_OP_SYNC:
		return LZ_RING_SYNC;
	case SMMU_OP_ATC_INV:
		return LZ_RING_ATC;
	default:
		return LZ_RING_OTHER;
	}
}

const struct lz_ring_ops lz_smmu_ring_ops = {
	.head = head,
	.post = post,
	.wait_room = wait_room,
	.kind = kind,
	.sync = {{SMMU_OP_SYNC, 0}},
};

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

	w->done = w->n ? lz_ring_has_room(&w->q->ring, w->n) : passed(w);
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
	return lz_ring_outcome(&q->ring, pos);
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

/* A sync marked for somebody else's ATC_INV blames nobody and is repeated, never
 * called successful. */
SMMU_COLD static enum lz_status sync_again(struct lz_smmu_queue *q, lz_ns *deadline)
{
	enum lz_status st = LZ_EIO;

	for (uint32_t i = 0; st == LZ_EIO && i <= q->smmu->lz->cfg.settle_max; i++) {
		uint64_t sync;

		st = lz_ring_submit(&q->ring, NULL, 0, &sync, deadline);
		if (st == LZ_OK)
			st = lz_smmu_queue_wait(q, sync, deadline);
	}
	return st == LZ_EIO ? LZ_ETIMEDOUT : st;
}

SMMU_COLD enum lz_status lz_smmu_queue_run_any(struct lz_smmu_queue *q,
					       const struct lz_command *cmds, uint32_t n,
					       lz_ns *deadline)
{
	uint32_t max = lz_ring_batch(&q->ring) - 1;
	enum lz_status st;

	do {
		uint32_t now = n < max ? n : max;
		uint64_t sync;

		st = lz_ring_submit(&q->ring, cmds, now, &sync, deadline);
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
enum lz_status lz_smmu_queue_run(struct lz_smmu_queue *q, const struct lz_command *cmds, uint32_t n,
				 lz_ns *deadline)
{
	unsigned long flags = lz_irq_save();
	struct lz_ring_pen pen;
	uint64_t pos, next;

	if (!LZ_CONFIG_FAST || LZ_RARE(n >= LZ_RING_BATCH_MAX) ||
	    !lz_ring_take(&q->ring, (uint64_t)n + 1, &pos, &next)) {
		lz_irq_restore(flags);
		return lz_smmu_queue_run_any(q, cmds, n, deadline);
	}
	pen = lz_ring_pen_at(&q->ring, pos);
	for (uint32_t left = n; left; left--, cmds++)
		lz_ring_pen_write(&pen, cmds->w[0], cmds->w[1]);
	lz_ring_pen_write(&pen, SMMU_OP_SYNC, 0);
	lz_smmu_queue_post(q, pos, next);
	lz_irq_restore(flags);
	return LZ_USUAL(lz_smmu_queue_done(q, next)) ? LZ_OK : run_wait(q, next - 1, deadline);
}
