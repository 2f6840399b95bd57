/* SPDX-License-Identifier: BSD-2-Clause */
/* The command queue: the ring of drivers/common/cmdring.h with this IOMMU's registers.
 * The steps that every unmap takes are inline. */
#ifndef LZ_RISCV_QUEUE_H
#define LZ_RISCV_QUEUE_H

#include "drivers/common/cmdring.h"
#include "drivers/riscv/cmd.h"

struct lz_rv;

#define RV_COLD __attribute__((noinline, cold))

/* Step 3. */
static inline void lz_rv_queue_post(uintptr_t mmio, struct lz_ring *q, uint64_t pos, uint64_t next)
{
	lz_ring_turn(q, pos);
	lz_mmio_write32(mmio, RV_CQT, (uint32_t)next & q->mask);
	lz_ring_posted(q, next);
}

/* Step 5 when all is well: the batch before `next` is consumed, and its fence is not
 * marked, nor is a later one. One look. As long as the fence is not consumed cqh is
 * behind `next` by 1 to `room`, which is `guard` + 1 less than the ring: so up to
 * `guard` beyond it is past. Further ahead it may say "not yet", never too early. */
static inline bool lz_rv_queue_done(uintptr_t mmio, struct lz_ring *q, uint64_t next)
{
	uint32_t hw = lz_mmio_read32(mmio, RV_CQH);

	if (LZ_RARE(((hw - (uint32_t)next) & q->mask) > q->guard || (hw & ~q->mask)))
		return false;
	return LZ_USUAL(lz_ring_unmarked(q, next));
}

extern const struct lz_ring_ops lz_rv_ring_ops;

/* Waits until `n` slots are free, taking in errors; LZ_ETIMEDOUT, LZ_ENODEV. */
enum lz_status lz_rv_queue_wait_room(struct lz_rv *s, uint32_t n, lz_ns *deadline);
/* cqh as a position, read from the hardware; moves the shadow on. */
uint64_t lz_rv_queue_head(struct lz_rv *s);
/* Has the fence at `pos` been consumed, and if so with what outcome: as
 * lz_ring_outcome(), or LZ_EBUSY while it is still there. One look. */
enum lz_status lz_rv_queue_look(struct lz_rv *s, uint64_t pos);
/* Waits for the fence at `pos`; *deadline 0 is filled in when it is first needed. As
 * look, or LZ_ETIMEDOUT (also: dropped by a restart), or LZ_ENODEV when dead. */
enum lz_status lz_rv_queue_wait(struct lz_rv *s, uint64_t pos, lz_ns *deadline);
/* Commands without ATS.INVAL, with effect. Done again when they may not have been
 * carried out; a fence that fails for somebody else's ATS.INVAL is repeated. LZ_OK,
 * LZ_ETIMEDOUT, LZ_EFAULT. */
enum lz_status lz_rv_queue_run(struct lz_rv *s, const struct lz_command *cmds, uint32_t n,
			       lz_ns *deadline);
/* How long the caller may wait, as a deadline. */
lz_ns lz_rv_deadline(const struct lz_rv *s);

#endif
