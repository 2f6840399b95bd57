/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlock of compare and swap, where the port brings none. It is held for a
 * few dozen instructions by at most a few CPUs; fairness buys nothing here.
 */
#include "core/arch.h"

#ifndef LZ_ARCH_HAS_SPINLOCK

#ifdef LZ_ARCH_CHECK_LOCKS
/* Highest rank that a CPU holds. Its own: locks are held with interrupts
 * masked. */
static unsigned highest[LZ_MAX_CPUS];

static void check_taken(struct lz_spinlock *l)
{
	unsigned *mine = &highest[lz_cpu_id()];

	lz_assert(l->cls->rank > *mine);
	l->below = *mine;
	*mine = l->cls->rank;
}

static void check_given_back(struct lz_spinlock *l)
{
	unsigned *mine = &highest[lz_cpu_id()];

	lz_assert(lz_spin_held(l));
	lz_assert(*mine == l->cls->rank);
	*mine = l->below;
}
#else
static void check_taken(struct lz_spinlock *l)
{
	(void)l;
}

static void check_given_back(struct lz_spinlock *l)
{
	(void)l;
}
#endif

void lz_spin_init(struct lz_spinlock *l, const struct lz_lock_class *cls)
{
	*l = (struct lz_spinlock){.cls = cls};
}

unsigned long lz_spin_lock(struct lz_spinlock *l)
{
	unsigned long flags = lz_irq_save();
	uint32_t free = 0;

	lz_assert(!lz_spin_held(l));
	while (!lz_cas32(&l->owner, &free, lz_cpu_id() + 1)) {
		do
			lz_cpu_relax();
		while (lz_load32(&l->owner));
		free = 0;
	}
	check_taken(l);
	return flags;
}

void lz_spin_unlock(struct lz_spinlock *l, unsigned long flags)
{
	check_given_back(l);
	lz_store32_release(&l->owner, 0);
	lz_irq_restore(flags);
}

bool lz_spin_held(const struct lz_spinlock *l)
{
	return lz_load32(&l->owner) == lz_cpu_id() + 1;
}

#endif
