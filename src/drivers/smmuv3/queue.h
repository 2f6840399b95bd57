/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queue, seen by the rest of the driver. queue.c explains it; the
 * steps that every unmap takes are here, inline.
 */
#ifndef LZ_SMMUV3_QUEUE_H
#define LZ_SMMUV3_QUEUE_H

#include "core/driver.h"
#include "drivers/smmuv3/cmd.h"

/*
 * Positions are 64-bit and never wrap in practice; the ring index is the low
 * bits, and PROD and CONS carry one bit more.
 */
#define SMMU_FROZEN    (1ull << 63) /* in tail: producers are locked out */
#define SMMU_BATCH_MAX 64u	    /* commands of one reservation, sync included */
#define SMMU_GUARD_MAX 63u
#define SMMU_LINE      64u /* a cache line; where they are longer, rates suffer, nothing else */

/* Out of the way of what every unmap runs. */
#define SMMU_COLD     __attribute__((noinline, cold))
#define SMMU_INLINE   static inline __attribute__((always_inline))
#define SMMU_APART    __attribute__((noinline))
#define SMMU_RARE(x)  __builtin_expect(!!(x), 0)
#define SMMU_USUAL(x) __builtin_expect(!!(x), 1)

/* What became of a sync; stored per slot with the position (H29, H30). */
enum lz_smmu_mark {
	SMMU_MARK_NONE,
	SMMU_MARK_ATC_TIMEOUT, /* hardware said CERROR_ATC_INV_SYNC here */
	SMMU_MARK_ILLEGAL,     /* a command it covers was refused */
	SMMU_MARK_FAILED,      /* overwritten, or dropped by a restart (H94, H96) */
	SMMU_MARK_ABANDONED,   /* its issuer's patience ended first */
	SMMU_MARK_CARRIED,     /* as ATC_TIMEOUT, but older ATC_INVs were out too */
	SMMU_MARK_DOUBT,       /* another queue told of a timeout that may be of its ATC_INVs */
};
#define SMMU_MARK_BITS 3u

enum lz_smmu_queue_kind {
	SMMU_CMDQ,  /* the SMMU's own; errors in GERROR */
	SMMU_ECMDQ, /* errors in its own PROD and CONS (3.5.6) */
	SMMU_VCMDQ, /* of a CMDQV; its own GERROR */
};

struct lz_smmu;

struct lz_smmu_queue {
	/* Constant once the queue is set up. Its registers stand where SMMU_CMDQ_PROD and
	 * SMMU_CMDQ_CONS would be from these two bases, whatever its kind is. */
	uintptr_t prod, cons;
	uint64_t *ring;
	uint64_t *mark;	    /* per slot: position << SMMU_MARK_BITS | enum lz_smmu_mark */
	uint32_t *slot_seq; /* per slot: resets begun or ended when the sync of a
			       batch with ATC_INV was issued (lz.resets) */
	lz_phys ring_phys;
	unsigned log2;
	uint32_t size;
	uint32_t guard; /* slots behind CONS that are not used again yet */
	uint32_t room;	/* size - guard */
	uint32_t mask;	/* size - 1: position to slot */
	uint32_t wrap;	/* 2 * size - 1: position to PROD */
	size_t bytes;	/* of the ring, less one: position to offset */
	struct lz_smmu *smmu;
	enum lz_smmu_queue_kind kind;
	bool limited;	/* VCMDQ of a guest: see lz_smmu_queue_accepts() */
	uintptr_t regs; /* ECMDQ: its registers; VCMDQ: those of page 0 */
	/* One past the highest position ever marked: whoever is not below it need
	 * not look at the mark of its slot. Hardly ever written. */
	uint64_t marked;

	/* Written by every batch, so apart from the rest, and together: whoever has
	 * reserved has the line for publication too, unless somebody reserves meanwhile. */
	_Alignas(SMMU_LINE) uint64_t tail; /* next free position, and SMMU_FROZEN */
	uint64_t published;		   /* PROD covers everything before this */
	uint64_t limit; /* room ends here: shadow of CONS (exact or behind) + room */

	/* Hardly ever written. */
	_Alignas(SMMU_LINE) uint64_t
		stalled_at;	/* CONS at which somebody's patience ended, + 1; 0 none */
	uint64_t stalled_since; /* 0: it is not; atomic */
	uint32_t held_error;	/* written under err_lock: left active for the ladder */
	uint32_t asking;	/* token, waited for asleep: flushes and probes, in turn */

	/* [err_lock] */
	uint64_t err_pos;   /* position of the last error, + 1; 0 none */
	uint32_t err_count; /* how often it was acknowledged */
	bool err_atc;	    /* its ATC_INVs have been looked at */
	uint32_t err_round; /* lz.contain_round then */
	bool err_known;	    /* the active error has been counted already */
	bool carry;	    /* ATC_INVs of an overwritten sync are still out there */

	struct lz_ladder ladder;
	bool frozen;	   /* a restart waits for the queue to stop; work() only */
	uint64_t swept_at; /* CONS when custody was swept last; work() only */

	/* ECMDQ: EN and ERRACK stand in PROD, so publishing and acknowledging exclude
	 * each other. */
	struct lz_spinlock prod_lock;
	uint32_t flags; /* EN and ERRACK as PROD has them; [prod_lock], atomic */
	uint32_t off;	/* it has stopped, and is not on again; atomic */
};

/* ---- the steps of queue.c, inline ---- */

static inline uint64_t *lz_smmu_queue_slot(struct lz_smmu_queue *q, uint64_t pos)
{
	return &q->ring[(pos & q->mask) * SMMU_CMD_WORDS];
}

/* Most slots of one reservation, sync included. */
static inline uint32_t lz_smmu_queue_batch(const struct lz_smmu_queue *q)
{
	return q->room < SMMU_BATCH_MAX ? q->room : SMMU_BATCH_MAX;
}

/* Step 1, with interrupts masked by the caller until after step 3. False: no
 * room as far as the shadow knows, or frozen (the flag makes the sum huge). *next is
 * the position after the batch. */
static inline bool lz_smmu_queue_take(struct lz_smmu_queue *q, uint64_t n, uint64_t *pos,
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
static inline void lz_smmu_queue_write(struct lz_smmu_queue *q, uint64_t pos,
				       struct lz_smmu_cmd cmd)
{
	uint64_t *slot = lz_smmu_queue_slot(q, pos);

	lz_dma_store64(&slot[0], cmd.w[0]);
	lz_dma_store64(&slot[1], cmd.w[1]);
}

/* Step 2 for many: through a copy of what does not change, which compilers do
 * not dare to keep across atomic stores. Counts bytes, not slots. */
struct lz_smmu_pen {
	uint8_t *ring;
	size_t mask, at;
};
static inline struct lz_smmu_pen lz_smmu_pen_at(const struct lz_smmu_queue *q, uint64_t pos)
{
	size_t mask = q->bytes;

	return (struct lz_smmu_pen){(uint8_t *)q->ring, mask, pos * (SMMU_CMD_WORDS * 8) & mask};
}
static inline void lz_smmu_pen_write(struct lz_smmu_pen *pen, uint64_t w0, uint64_t w1)
{
	uint64_t *slot = (uint64_t *)(void *)(pen->ring + pen->at);

	lz_dma_store64(&slot[0], w0);
	lz_dma_store64(&slot[1], w1);
	pen->at = (pen->at + SMMU_CMD_WORDS * 8) & pen->mask;
}

/* Step 3, for the SMMU's own queue and VCMDQs. */
static inline void lz_smmu_queue_post(struct lz_smmu_queue *q, uint64_t pos, uint64_t next)
{
	while (SMMU_RARE(lz_load64_acquire(&q->published) != pos))
		lz_cpu_relax();
	lz_dma_wmb(); /* P: entries before PROD */
	lz_mmio_write32(q->prod, SMMU_CMDQ_PROD, (uint32_t)next & q->wrap);
	lz_store64_release(&q->published, next);
}

/* CONS as a position: the shadow first, then the register. */
static inline uint64_t lz_smmu_queue_position(struct lz_smmu_queue *q)
{
	uint64_t shadow = lz_load64_acquire(&q->limit) - q->room;
	uint32_t hw = lz_mmio_read32(q->cons, SMMU_CMDQ_CONS);

	return shadow + ((hw - (uint32_t)shadow) & q->wrap);
}

/* Step 5 when all is well: the batch before `next` is consumed, and its sync is not
 * marked, nor is a later one. One look. CONS is at most `size` behind `next` as long as
 * the sync is not consumed, so the bit above the index tells; far ahead it may say "not
 * yet", never too early. */
static inline bool lz_smmu_queue_consumed(struct lz_smmu_queue *q, uint64_t next)
{
	uint32_t hw = lz_mmio_read32(q->cons, SMMU_CMDQ_CONS);

	return !((hw - (uint32_t)next) & q->size);
}
static inline bool lz_smmu_queue_unmarked(struct lz_smmu_queue *q, uint64_t next)
{
	lz_dma_rmb(); /* M: CONS before the marks */
	return lz_load64_acquire(&q->marked) < next;
}
static inline bool lz_smmu_queue_done(struct lz_smmu_queue *q, uint64_t next)
{
	return SMMU_USUAL(lz_smmu_queue_consumed(q, next)) &&
	       SMMU_USUAL(lz_smmu_queue_unmarked(q, next));
}

/* Step 3, for any. */
void lz_smmu_ecmdq_post(struct lz_smmu_queue *q, uint64_t pos, uint64_t next);
static inline void lz_smmu_queue_post_any(struct lz_smmu_queue *q, uint64_t pos, uint64_t next)
{
	if (LZ_CONFIG_LANES && q->kind == SMMU_ECMDQ)
		lz_smmu_ecmdq_post(q, pos, next);
	else
		lz_smmu_queue_post(q, pos, next);
}

/* ---- the rest (queue.c) ---- */

/* Takes `n` slots (sync included). With LZ_OK interrupts are masked until
 * lz_smmu_queue_publish(). LZ_EBUSY: no room (or frozen) now. */
enum lz_status lz_smmu_queue_reserve(struct lz_smmu_queue *q, uint32_t n, uint64_t *pos,
				     unsigned long *flags);
void lz_smmu_queue_publish(struct lz_smmu_queue *q, uint64_t pos, uint32_t n, unsigned long flags);
/* Waits until `n` slots are free, draining errors; LZ_ETIMEDOUT, LZ_ENODEV. */
enum lz_status lz_smmu_queue_wait_room(struct lz_smmu_queue *q, uint32_t n, lz_ns *deadline);
/* CONS as a position, read from the hardware; moves the shadow on. */
uint64_t lz_smmu_queue_cons(struct lz_smmu_queue *q);
/* Has the sync at `pos` been consumed, and if so with what outcome: LZ_OK,
 * LZ_EIO, LZ_EFAULT, or LZ_EBUSY while it is still there. One look. */
enum lz_status lz_smmu_queue_look(struct lz_smmu_queue *q, uint64_t pos);
/* Waits for the sync at `pos`; *deadline 0 is filled in when it is first
 * needed. As look, or LZ_ETIMEDOUT, or LZ_ENODEV when the SMMU is dead. */
enum lz_status lz_smmu_queue_wait(struct lz_smmu_queue *q, uint64_t pos, lz_ns *deadline);
/* Likewise for a sync that was handed around. */
static inline enum lz_status lz_smmu_sync_look(struct lz_sync sync)
{
	return lz_smmu_queue_look(sync.queue, sync.pos);
}
static inline enum lz_status lz_smmu_sync_wait(struct lz_sync sync, lz_ns *deadline)
{
	return lz_smmu_queue_wait(sync.queue, sync.pos, deadline);
}
void lz_smmu_queue_abandon(struct lz_smmu_queue *q, uint64_t pos);
void lz_smmu_queue_doubt(struct lz_smmu_queue *q, uint64_t pos);
void lz_smmu_queue_set_mark(struct lz_smmu_queue *q, uint64_t pos, enum lz_smmu_mark m);
enum lz_smmu_mark lz_smmu_queue_get_mark(struct lz_smmu_queue *q, uint64_t pos);
/* It completed, and whether for its own ATC_INVs is not known. */
static inline bool lz_smmu_sync_in_doubt(struct lz_sync sync)
{
	return lz_smmu_queue_cons(sync.queue) > sync.pos &&
	       lz_smmu_queue_get_mark(sync.queue, sync.pos) == SMMU_MARK_DOUBT;
}
/* Copies commands and a sync into the queue; *sync is the sync's position. */
enum lz_status lz_smmu_queue_submit(struct lz_smmu_queue *q, const struct lz_smmu_cmd *cmds,
				    uint32_t n, uint64_t *sync, lz_ns *deadline);
/* A lone sync. */
static inline enum lz_status lz_smmu_sync_submit(struct lz_smmu_queue *q, struct lz_sync *sync,
						 lz_ns *deadline)
{
	sync->queue = q;
	return lz_smmu_queue_submit(q, NULL, 0, &sync->pos, deadline);
}
/* Of the SMMU's own queue: commands without ATC_INV, synced with effect; a sync that fails because
 * of somebody else's ATC_INV is repeated. LZ_OK, LZ_ETIMEDOUT, LZ_EFAULT. */
enum lz_status lz_smmu_queue_run(struct lz_smmu_queue *q, const struct lz_smmu_cmd *cmds,
				 uint32_t n, lz_ns *deadline);
/* The same for any queue that accepts them. */
enum lz_status lz_smmu_queue_run_any(struct lz_smmu_queue *q, const struct lz_smmu_cmd *cmds,
				     uint32_t n, lz_ns *deadline);
/* Locks producers out and waits for those between reservation and
 * publication; task context. */
enum lz_status lz_smmu_queue_freeze(struct lz_smmu_queue *q);
void lz_smmu_queue_thaw(struct lz_smmu_queue *q);
/* How long the caller may wait, as a deadline. */
lz_ns lz_smmu_deadline(const struct lz_smmu *s);

#endif
