/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting by polling, where the port brings no lz_await(). */
#include "core/driver.h"

#ifndef LZ_ARCH_HAS_AWAIT

/* Looks between two looks at the clock: the clock may be the dearer one. */
#define POLLS_PER_CLOCK 16u
/* So many clock readings later a task stops spinning. */
#define SPINS_BEFORE_NAP 4u

static void rest(unsigned clocks)
{
#ifdef LZ_ARCH_HAS_NAP
	if (clocks >= SPINS_BEFORE_NAP && !lz_in_atomic()) {
		lz_nap();
		return;
	}
#else
	(void)clocks;
#endif
	lz_cpu_relax();
}

bool lz_wait(struct lz *lz, bool (*pred)(void *), void *arg, lz_ns deadline)
{
	unsigned clocks = 0;

	lz_assert(deadline != LZ_NEVER);
	while (lz_now(lz) < deadline) {
		for (unsigned i = 0; i < POLLS_PER_CLOCK; i++) {
			if (pred(arg))
				return true;
			rest(clocks);
		}
		clocks++;
	}
	return pred(arg);
}

#endif
