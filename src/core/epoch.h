/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read sections without a lock, and grace periods that wait for them. One word
 * per CPU; a section has interrupts masked, never nests and never waits.
 *
 *  G  lz_epoch_enter()'s barrier pairs with the ones in lz_epoch_grace(): a
 *     section that the grace period does not wait for sees everything that was
 *     written before lz_epoch_grace() was called; and what was written before a
 *     section that it does wait for is seen after it.
 *
 * A port that has better (LZ_ARCH_HAS_EPOCH) defines the two structures and the
 * three functions in its arch header, with the same promise.
 */
#ifndef LZ_CORE_EPOCH_H
#define LZ_CORE_EPOCH_H

#include "core/arch.h"

#ifndef LZ_ARCH_HAS_EPOCH

/* Zero-initialised is ready; the first grace period begins epoch 2. */
struct lz_epoch {
	uint64_t now; /* epochs begun, less one; read by all, so away from the words below */
	uint8_t apart[56];
	struct {
		uint64_t in; /* epoch in which the CPU's section began; 0 none */
		uint8_t apart[56];
	} cpu[LZ_MAX_CPUS];
};

/* What leaving needs. */
struct lz_epoch_section {
	unsigned long flags;
	unsigned cpu;
};

/* Any context. Masks interrupts. */
static inline struct lz_epoch_section lz_epoch_enter(struct lz_epoch *e)
{
	struct lz_epoch_section s = {.flags = lz_irq_save()};

	s.cpu = lz_cpu_id();
	lz_store64(&e->cpu[s.cpu].in, lz_load64(&e->now) + 1);
	lz_mb(); /* G */
	return s;
}

static inline void lz_epoch_leave(struct lz_epoch *e, struct lz_epoch_section s)
{
	lz_store64_release(&e->cpu[s.cpu].in, 0);
	lz_irq_restore(s.flags);
}

/* Every section that may have seen what was there before has been left. Task
 * context, no spinlock. `who` is for the log line when it takes long. */
void lz_epoch_grace(struct lz *lz, struct lz_epoch *e, const char *who);

#endif
#endif
