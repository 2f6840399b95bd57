/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port's arch header and, for the parts it does not bring, the library's
 * own. An arch header says what it brings:
 *
 *   LZ_ARCH_HAS_SPINLOCK  lz_lock_class, lz_spinlock, lz_spin_*
 *   LZ_ARCH_HAS_AWAIT     lz_await(); else lz_wait() polls
 *   LZ_ARCH_HAS_EPOCH     lz_epoch, lz_epoch_section, lz_epoch_* (core/epoch.h)
 *
 *   LZ_ARCH_HAS_CONTEXT_ID  lz_context_id(): which task or handler runs, never
 *                         0; without it a report from inside an owner callback
 *                         (H19) goes unnoticed
 *
 * For the polling wait it may bring LZ_ARCH_HAS_NAP: lz_nap() gives the CPU
 * away for a moment, in task context.
 */
#ifndef LZ_CORE_ARCH_H
#define LZ_CORE_ARCH_H

#include "lz_arch.h"

#include "lazaret/types.h"

#ifndef LZ_ARCH_HAS_CONTEXT_ID
static inline uint32_t lz_context_id(void)
{
	return 0;
}
#endif

#ifndef LZ_ARCH_HAS_SPINLOCK

/* Locks are taken in rising rank; equal ranks never nest. */
struct lz_lock_class {
	const char *name;
	unsigned rank;
};

/* Irq-safe: always taken with interrupts masked, given back in reverse order. */
struct lz_spinlock {
	const struct lz_lock_class *cls;
	uint32_t owner; /* CPU + 1; 0: free */
#ifdef LZ_ARCH_CHECK_LOCKS
	unsigned below; /* rank held by the owner before; [owner] */
#endif
};

void lz_spin_init(struct lz_spinlock *l, const struct lz_lock_class *cls);
unsigned long lz_spin_lock(struct lz_spinlock *l);
void lz_spin_unlock(struct lz_spinlock *l, unsigned long flags);
/* Is it held by the running CPU? For assertions. */
bool lz_spin_held(const struct lz_spinlock *l);

#endif

/*
 * Polls `pred(arg)` until it is true or the clock reaches `deadline` (never
 * LZ_NEVER), with one last look after it; returns what pred said last. Sleeps
 * in task context, where the port can; spins in atomic context. Never with a
 * spinlock held or with interrupts masked by the library.
 */
#ifdef LZ_ARCH_HAS_AWAIT
static inline bool lz_wait(struct lz *lz, bool (*pred)(void *), void *arg, lz_ns deadline)
{
	(void)lz;
	return lz_await(pred, arg, deadline);
}
#else
bool lz_wait(struct lz *lz, bool (*pred)(void *), void *arg, lz_ns deadline);
#endif

#endif
