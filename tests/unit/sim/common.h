/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the deterministic port share. */
#ifndef TESTS_SIM_COMMON_H
#define TESTS_SIM_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lz_arch.h"
#include "sim.h"

#define DMA_BASE 0x80000000u
#define DMA_SIZE (1u << 20)

static inline void start(uint64_t seed, unsigned switch_one_in)
{
	struct sim_config cfg = {
		.cpus = 4,
		.seed = seed,
		.switch_one_in = switch_one_in,
		.op_cost = 2,
		.dma_bytes = DMA_SIZE,
		.dma_base = DMA_BASE,
	};

	sim_start(&cfg);
}

static inline int stop(void **state)
{
	(void)state;
	sim_stop();
	return 0;
}

static inline struct sim_stats stats(void)
{
	struct sim_stats st;

	sim_stats_get(&st);
	return st;
}

/* Spends `n` visible operations. */
static inline void spend(unsigned n)
{
	uint32_t word = 0;

	while (n--)
		(void)lz_load32(&word);
}

static inline bool is_set(void *word)
{
	return lz_load32(word) != 0;
}

static inline bool never(void *arg)
{
	(void)arg;
	return false;
}

#endif
