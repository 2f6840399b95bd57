/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue, seen by the rest of the driver. rv_queue.c explains it; the steps
 * that every unmap takes are here, inline.
 */
#ifndef LZ_RISCV_QUEUE_H
#define LZ_RISCV_QUEUE_H

#include "core/driver.h"
#include "drivers/riscv/cmd.h"

#define RV_FROZEN    (1ull << 63) /* in tail: producers are locked out */
#define RV_BATCH_MAX 64u	  /* commands of one reservation, fence included */
#define RV_GUARD_MAX 63u
#define RV_LINE	     64u /* a cache line */

#define RV_COLD	   __attribute__((noinline, cold))
#define RV_RARE(x) __builtin_expect(!!(x), 0)

/* What became of a fence command; stored per slot with the position (H29, H30). */
enum lz_rv_mark {
	RV_MARK_NONE,
	RV_MARK_ATS_TIMEOUT, /* cmd_to here: an ATS.INVAL before it was not answered */
	RV_MARK_DROPPED,     /* commands before it may not have been carried out */
	RV_MARK_ILLEGAL,     /* one of them was refused */
	RV_MARK_FAILED,	     /* dropped by a restart (H94) */
	RV_MARK_ABANDONED,   /* its issuer's patience ended first */
	RV_MARK_CARRIED,     /* as ATS_TIMEOUT, but older ATS.INVALs were out too */
};
#define RV_MARK_BITS 3u

struct lz_rv_queue {
	/* Constant once the queue is set up. */
	uintptr_t mmio;
	uint64_t *ring;
	uint64_t *mark;	    /* per slot: position << RV_MARK_BITS | enum lz_rv_mark */
	uint32_t *slot_seq; /* per slot: lz.resets when the fence of a batch with
			       ATS.INVAL was issued */
	lz_phys ring_phys;
	unsigned log2;
	uint32_t size;
	uint32_t guard; /* slots behind cqh that are not used again yet */
	uint32_t room;	/* what may be in the queue at once */
	uint32_t mask;	/* size - 1: position to slot, and to cqh and cqt */
	/* One past the highest position ever marked. Hardly ever written. */
	uint64_t marked;

	_Alignas(RV_LINE) uint64_t tail; /* next free position, and RV_FROZEN */
	uint64_t published;		 /* cqt covers everything before this */
	uint64_t limit; /* room ends here: shadow of cqh (exact or behind) + room */

	/* Hardly ever written. */
	_Alignas(RV_LINE) uint64_t
		stalled_at; /* cqh at which somebody's patience ended, + 1; 0 none */

	/* [err_lock] */
	uint64_t begun;	    /* nothing before this position is in the ring */
	uint64_t err_pos;   /* position of the last error, + 1; 0 none */
	uint32_t err_count; /* how often it was cleared */
	bool err_told;	    /* whom it accuses has been looked at */
	uint32_t err_round; /* lz.contain_round then */
	bool err_known;	    /* the active error has been counted already */
};

struct lz_rv;

/* ---- the steps of rv_queue.c, inline ---- */

static inline uint64_t *lz_rv_queue_slot(struct lz_rv_queue *q, uint64_t pos)
{
	return &q->ring[(pos & q->mask) * RV_CMD_WORDS];
}

/* Most slots of one reservation, fence included. */
static inline uint32_t lz_rv_queue_batch(const struct lz_rv_queue *q)
{
	return q->room < RV_BATCH_MAX ? q->room : RV_BATCH_MAX;
}

/* Step 1, with interrupts masked by the caller until after step 3. False: no room as
 * far as the shadow knows, or frozen (the flag makes the sum huge). *next is the
 * position after the batch. */
static inline bool lz_rv_queue_take(struct lz_rv_queue *q, uint64_t n, uint64_t *pos,
				    uint64_t *next)
{
	uint64_t tail = lz_load64(&q->tail);

	while ((*next = tail + n) <= lz_load64_acquire(&q->limit))
		if (lz_cas64(&q->tail, &tail, *next)) {
			*pos = tail;
			return true;
		}
	return false;
}

/* Step 2. */
static inline void lz_rv_queue_write(struct lz_rv_queue *q, uint64_t pos, uint64_t w0, uint64_t w1)
{
	uint64_t *slot = lz_rv_queue_slot(q, pos);

	lz_dma_store64(&slot[0], w0);
	lz_dma_store64(&slot[1], w1);
}

/* Step 3. */
static inline void lz_rv_queue_post(struct lz_rv_queue *q, uint64_t pos, uint64_t next)
{
	while (RV_RARE(lz_load64_acquire(&q->published) != pos))
		lz_cpu_relax();
	lz_dma_wmb(); /* P: entries before cqt */
	lz_mmio_write32(q->mmio, RV_CQT, (uint32_t)next & q->mask);
	lz_store64_release(&q->published, next);
}

/* Step 5 when all is well: the batch before `next` is consumed, and its fence is not
 * marked, nor is a later one. One look. As long as the fence is not consumed cqh is
 * behind `next` by 1 to `room`, which is `guard` + 1 less than the ring: so up to
 * `guard` beyond it is past. Further ahead it may say "not yet", never too early. */
static inline bool lz_rv_queue_done(struct lz_rv_queue *q, uint64_t next)
{
	uint32_t hw = lz_mmio_read32(q->mmio, RV_CQH);

	if (RV_RARE(((hw - (uint32_t)next) & q->mask) > q->guard || (hw & ~q->mask)))
		return false;
	lz_dma_rmb(); /* M: cqh before the marks */
	return !RV_RARE(lz_load64_acquire(&q->marked) >= next);
}

/* ---- the rest (rv_queue.c) ---- */

/* Takes `n` slots (fence included). With LZ_OK interrupts are masked until
 * lz_rv_queue_publish(). LZ_EBUSY: no room (or frozen) now. */
enum lz_status lz_rv_queue_reserve(struct lz_rv *s, uint32_t n, uint64_t *pos,
				   unsigned long *flags);
void lz_rv_queue_publish(struct lz_rv *s, uint64_t pos, uint32_t n, unsigned long flags);
/* Waits until `n` slots are free, taking in errors; LZ_ETIMEDOUT, LZ_ENODEV. */
enum lz_status lz_rv_queue_wait_room(struct lz_rv *s, uint32_t n, lz_ns *deadline);
/* cqh as a position, read from the hardware; moves the shadow on. */
uint64_t lz_rv_queue_head(struct lz_rv *s);
/* Has the fence at `pos` been consumed, and if so with what outcome: LZ_OK, LZ_EIO
 * (an ATS.INVAL was not answered), LZ_EFAULT (refused, or not carried out), LZ_EBUSY
 * while it is still there. One look. */
enum lz_status lz_rv_queue_look(struct lz_rv *s, uint64_t pos);
/* Waits for the fence at `pos`; *deadline 0 is filled in when it is first needed. As
 * look, or LZ_ETIMEDOUT (also: dropped by a restart), or LZ_ENODEV when dead. */
enum lz_status lz_rv_queue_wait(struct lz_rv *s, uint64_t pos, lz_ns *deadline);
void lz_rv_queue_abandon(struct lz_rv_queue *q, uint64_t pos);
void lz_rv_queue_set_mark(struct lz_rv_queue *q, uint64_t pos, enum lz_rv_mark m);
enum lz_rv_mark lz_rv_queue_get_mark(struct lz_rv_queue *q, uint64_t pos);
/* Copies commands and a fence into the queue; *fence is the fence's position. */
enum lz_status lz_rv_queue_submit(struct lz_rv *s, const struct lz_rv_cmd *cmds, uint32_t n,
				  uint64_t *fence, lz_ns *deadline);
/* Commands without ATS.INVAL, with effect. Done again when they may not have been
 * carried out; a fence that fails for somebody else's ATS.INVAL is repeated. LZ_OK,
 * LZ_ETIMEDOUT, LZ_EFAULT. */
enum lz_status lz_rv_queue_run(struct lz_rv *s, const struct lz_rv_cmd *cmds, uint32_t n,
			       lz_ns *deadline);
/* Locks producers out and waits for those between reservation and publication; task. */
enum lz_status lz_rv_queue_freeze(struct lz_rv *s);
void lz_rv_queue_thaw(struct lz_rv *s);
/* How long the caller may wait, as a deadline. */
lz_ns lz_rv_deadline(const struct lz_rv *s);

#endif
