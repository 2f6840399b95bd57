/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue: cqh, cqt, and how to wait. The ring is drivers/common/cmdring.c.
 *
 * cqh past a command says nothing of it; cqh past an IOFENCE.C says that everything
 * before it is done, or that it was run again after an error had been cleared. The
 * latter succeeds for what was never done (H67), so the mark comes first: no error bit
 * is cleared before it.
 *
 * cqh and cqt are indices without a wrap bit, and one slot stays free. cqh is less than a
 * ring ahead of the shadow unless the shadow that was read is old by then, and then the
 * result is a lap behind: never a false completion.
 */
#include "drivers/riscv/riscv.h"

static struct lz_rv *rv_of_ring(struct lz_ring *r)
{
	return lz_container(r, struct lz_rv, cmdq);
}

/* ---- what the ring asks ---- */

uint64_t lz_rv_queue_head(struct lz_rv *s)
{
	struct lz_ring *q = &s->cmdq;
	uint64_t shadow = lz_load64_acquire(&q->limit) - q->room;
	uint32_t hw = lz_rv_read32(s, RV_CQH);

	return lz_ring_moved(q, hw & ~q->mask ? UINT64_MAX
					      : shadow + ((hw - (uint32_t)shadow) & q->mask));
}

static uint64_t head(struct lz_ring *q)
{
	return lz_rv_queue_head(rv_of_ring(q));
}

static void post(struct lz_ring *q, uint64_t pos, uint64_t next)
{
	lz_rv_queue_post(rv_of_ring(q)->mmio, q, pos, next);
}

static enum lz_status wait_room(struct lz_ring *q, uint32_t n, lz_ns *deadline)
{
	return lz_rv_queue_wait_room(rv_of_ring(q), n, deadline);
}

static enum lz_ring_kind kind(uint64_t w0, uint32_t *id)
{
	*id = lz_rv_cmd_did(w0);
	switch (lz_rv_cmd_op(w0)) {
	case RV_OP_IOFENCE_C:
		return LZ_RING_SYNC;
	case RV_OP_ATS_INVAL:
		return LZ_RING_ATC;
	default:
		return LZ_RING_OTHER;
	}
}

const struct lz_ring_ops lz_rv_ring_ops = {
	.head = head,
	.post = post,
	.wait_room = wait_room,
	.kind = kind,
	.sync = {{RV_FENCE, 0}},
};

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

	w->done = w->n ? lz_ring_has_room(&s->cmdq, w->n) : lz_rv_queue_head(s) > w->pos;
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

enum lz_status lz_rv_queue_look(struct lz_rv *s, uint64_t pos)
{
	if (lz_rv_queue_head(s) > pos)
		return lz_ring_outcome(&s->cmdq, pos);
	return lz_rv_dead(s) ? LZ_ENODEV : LZ_EBUSY;
}

enum lz_status lz_rv_queue_wait(struct lz_rv *s, uint64_t pos, lz_ns *deadline)
{
	struct wait w = {.s = s, .pos = pos};
	enum lz_status st = wait_for(&w, deadline);

	return st == LZ_OK ? lz_ring_outcome(&s->cmdq, pos) : st;
}

/* ---- batches ---- */

static enum lz_status run_once(struct lz_rv *s, const struct lz_command *cmds, uint32_t n,
			       lz_ns *deadline)
{
	uint64_t fence;
	enum lz_status st = lz_ring_submit(&s->cmdq, cmds, n, &fence, deadline);

	return st == LZ_OK ? lz_rv_queue_wait(s, fence, deadline) : st;
}

/* A fence that is marked for an ATS.INVAL has carried out everything else; one in
 * whose batch the queue stopped may not have (5.1 of the specification's chapter on
 * errors), so then the commands go again. A timeout names nobody's commands as its
 * cause, so all who wait do the same, and none is blamed for another's (H68). Nothing
 * here retries an ATS.INVAL or runs the fence of a device (H65). */
RV_COLD static enum lz_status run_again(struct lz_rv *s, enum lz_status st,
					const struct lz_command *cmds, uint32_t n, lz_ns *deadline)
{
	uint32_t again = 0;

	while ((st == LZ_EIO || st == LZ_EFAULT) && again++ <= s->lz->cfg.settle_max)
		st = run_once(s, cmds, st == LZ_EIO ? 0 : n, deadline);
	return st == LZ_EIO ? LZ_ETIMEDOUT : st;
}

/* More than a batch, or no room as far as the shadow knows. */
RV_COLD static enum lz_status run_slowly(struct lz_rv *s, const struct lz_command *cmds, uint32_t n,
					 lz_ns *deadline)
{
	uint32_t max = lz_ring_batch(&s->cmdq) - 1;
	enum lz_status st;

	do {
		uint32_t now = n < max ? n : max;

		st = run_again(s, run_once(s, cmds, now, deadline), cmds, now, deadline);
		cmds = now ? cmds + now : cmds;
		n -= now;
	} while (st == LZ_OK && n);
	return st;
}

enum lz_status lz_rv_queue_run(struct lz_rv *s, const struct lz_command *cmds, uint32_t n,
			       lz_ns *deadline)
{
	struct lz_ring *q = &s->cmdq;
	unsigned long flags = lz_irq_save();
	struct lz_ring_pen pen;
	uint64_t pos, next;

	if (!LZ_CONFIG_FAST || LZ_RARE(n >= lz_ring_batch(q)) ||
	    !lz_ring_take(q, (uint64_t)n + 1, &pos, &next)) {
		lz_irq_restore(flags);
		return run_slowly(s, cmds, n, deadline);
	}
	pen = lz_ring_pen_at(q, pos);
	for (uint32_t i = 0; i < n; i++)
		lz_ring_pen_write(&pen, cmds[i].w[0], cmds[i].w[1]);
	lz_ring_pen_write(&pen, RV_FENCE, 0);
	lz_rv_queue_post(s->mmio, q, pos, next);
	lz_irq_restore(flags);
	if (LZ_USUAL(lz_rv_queue_done(s->mmio, q, next)))
		return LZ_OK;
	return run_again(s, lz_rv_queue_wait(s, next - 1, deadline), cmds, n, deadline);
}
