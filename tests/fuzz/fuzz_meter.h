/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a call into the library takes, and how many registers it reads. */
#ifndef FUZZ_METER_H
#define FUZZ_METER_H

#include "fuzz_input.h"
#include "lz_arch.h"
#include "sim.h"

/* Reads by one call of a task; a handler takes what one interrupt may bring. */
#define READS_MAX     20000u
#define IRQ_READS_MAX 64u

/* Who calls: one call at a time each. */
enum { MAIN, PARTNER, WORKER, GERROR_IRQ, EVTQ_IRQ, METERS };

struct fuzz_meter {
	uint32_t context; /* 0: nothing is under way */
	const char *call;
	lz_ns start;
	unsigned reads, max;
};

static inline void fuzz_begin(struct fuzz_meter *m, unsigned who, const char *call)
{
	m[who] = (struct fuzz_meter){.context = lz_context_id(),
				     .call = call,
				     .start = sim_now(),
				     .max = who >= GERROR_IRQ ? IRQ_READS_MAX : READS_MAX};
}

static inline void fuzz_end(struct fuzz_meter *m, unsigned who, lz_ns bound)
{
	lz_ns took = sim_now() - m[who].start;

	FUZZ_CHECK(took <= bound, "%s took %llu ns", m[who].call, (unsigned long long)took);
	m[who].context = 0;
}

/* The running context reads a register. */
static inline void fuzz_metered(struct fuzz_meter *m)
{
	for (unsigned i = 0; i < METERS; i++)
		if (m[i].context == lz_context_id())
			FUZZ_CHECK(++m[i].reads <= m[i].max, "%s reads registers for ever",
				   m[i].call);
}

#endif
