/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queues: rings of drivers/common/cmdring.h with the registers of an SMMU.
 * PROD and CONS carry one bit more than the index. The steps that every unmap takes are
 * here, inline.
 */
#ifndef LZ_SMMUV3_QUEUE_H
#define LZ_SMMUV3_QUEUE_H

#include "drivers/common/cmdring.h"
#include "drivers/smmuv3/cmd.h"

/* Out of the way of what every unmap runs. */
#define SMMU_COLD   __attribute__((noinline, cold))
#define SMMU_INLINE static inline __attribute__((always_inline))
#define SMMU_APART  __attribute__((noinline))

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
	struct lz_smmu *smmu;
	uint32_t wrap; /* 2 * size - 1: position to PROD */
	enum lz_smmu_queue_kind kind;
	bool limited;	/* VCMDQ of a guest: see lz_smmu_queue_accepts() */
	uintptr_t regs; /* ECMDQ: its registers; VCMDQ: those of page 0 */

	struct lz_ring ring;

	/* Hardly ever written. */
	uint64_t stalled_since; /* 0: it is not; atomic */
	uint32_t held_error;	/* written under err_lock: left active for the ladder */
	uint32_t asking;	/* token, waited for asleep: flushes and probes, in turn */

	struct lz_ladder ladder;
	bool frozen;	   /* a restart waits for the queue to stop; work() only */
	uint64_t swept_at; /* CONS when custody was swept last; work() only */

	/* ECMDQ: EN and ERRACK stand in PROD, so publishing and acknowledging exclude
	 * each other. */
	struct lz_spinlock prod_lock;
	uint32_t flags; /* EN and ERRACK as PROD has them; [prod_lock], atomic */
	uint32_t off;	/* it has stopped, and is not on again; atomic */
	/* A lane whose ladder has come to its end: others carry its ATC_INVs; atomic. */
	uint32_t given_up;
	uint32_t refuses; /* a VCMDQ that does not take what it is there for; atomic */
};

/* ---- the steps, inline ---- */

/* Step 3, for the SMMU's own queue and VCMDQs. */
static inline void lz_smmu_queue_post(struct lz_smmu_queue *q, uint64_t pos, uint64_t next)
{
	lz_ring_turn(&q->ring, pos);
	lz_mmio_write32(q->prod, SMMU_CMDQ_PROD, (uint32_t)next & q->wrap);
	lz_ring_posted(&q->ring, next);
}

/* CONS as a position: the shadow first, then the register. */
static inline uint64_t lz_smmu_queue_position(struct lz_smmu_queue *q)
{
	uint64_t shadow = lz_load64_acquire(&q->ring.limit) - q->ring.room;
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

	return !((hw - (uint32_t)next) & q->ring.size);
}
static inline bool lz_smmu_queue_done(struct lz_smmu_queue *q, uint64_t next)
{
	return LZ_USUAL(lz_smmu_queue_consumed(q, next)) &&
	       LZ_USUAL(lz_ring_unmarked(&q->ring, next));
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

extern const struct lz_ring_ops lz_smmu_ring_ops;

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
static inline struct lz_ring *lz_smmu_sync_ring(struct lz_sync sync)
{
	return &((struct lz_smmu_queue *)sync.queue)->ring;
}
static inline enum lz_status lz_smmu_sync_look(struct lz_sync sync)
{
	return lz_smmu_queue_look(sync.queue, sync.pos);
}
static inline enum lz_status lz_smmu_sync_wait(struct lz_sync sync, lz_ns *deadline)
{
	return lz_smmu_queue_wait(sync.queue, sync.pos, deadline);
}
/* It completed, and whether for its own ATC_INVs is not known. */
static inline bool lz_smmu_sync_in_doubt(struct lz_sync sync)
{
	return lz_smmu_queue_cons(sync.queue) > sync.pos &&
	       lz_ring_get_mark(lz_smmu_sync_ring(sync), sync.pos) == LZ_MARK_DOUBT;
}
/* A lone sync. */
static inline enum lz_status lz_smmu_sync_submit(struct lz_smmu_queue *q, struct lz_sync *sync,
						 lz_ns *deadline)
{
	sync->queue = q;
	return lz_ring_submit(&q->ring, NULL, 0, &sync->pos, deadline);
}
/* Of the SMMU's own queue: commands without ATC_INV, synced with effect; a sync that fails because
 * of somebody else's ATC_INV is repeated. LZ_OK, LZ_ETIMEDOUT, LZ_EFAULT. */
enum lz_status lz_smmu_queue_run(struct lz_smmu_queue *q, const struct lz_command *cmds, uint32_t n,
				 lz_ns *deadline);
/* The same for any queue that accepts them. */
enum lz_status lz_smmu_queue_run_any(struct lz_smmu_queue *q, const struct lz_command *cmds,
				     uint32_t n, lz_ns *deadline);
/* How long the caller may wait, as a deadline. */
lz_ns lz_smmu_deadline(const struct lz_smmu *s);

#endif
