/* SPDX-License-Identifier: BSD-2-Clause */
/* Read sections by liburcu. */
#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-memb.h>

#include "internal.h"

#ifdef LZ_ARCH_HAS_EPOCH

/* liburcu is not built for ThreadSanitizer: its order is told here. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TOLD_TO_TSAN
#endif
#endif
#ifdef TOLD_TO_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#else
static void __tsan_acquire(void *addr)
{
	(void)addr;
}
static void __tsan_release(void *addr)
{
	(void)addr;
}
#endif
static char sections, graces; /* only their addresses are used */

struct lz_epoch_section lz_epoch_enter(struct lz_epoch *e)
{
	struct lz_epoch_section s = {lz_irq_save()};

	(void)e;
	urcu_memb_read_lock();
	__tsan_acquire(&graces);
	return s;
}

void lz_epoch_leave(struct lz_epoch *e, struct lz_epoch_section s)
{
	(void)e;
	__tsan_release(&sections);
	urcu_memb_read_unlock();
	lz_irq_restore(s.flags);
}

void lz_epoch_grace(struct lz *lz, struct lz_epoch *e, const char *who)
{
	(void)lz;
	(void)e;
	(void)who;
	lz_assert(!lz_in_atomic());
	__tsan_release(&graces);
	urcu_memb_synchronize_rcu();
	__tsan_acquire(&sections);
}

#endif
