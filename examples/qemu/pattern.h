/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes that can be told from others. */
#ifndef QEMU_PATTERN_H
#define QEMU_PATTERN_H

#include "smmu.h"

static inline uint8_t pattern_byte(unsigned seed, size_t i)
{
	return (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

static inline void pattern_fill(const struct shared *m, unsigned seed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)m->va)[i] = pattern_byte(seed, i);
	lz_dma_wmb();
}

static inline bool pattern_is(const struct shared *m, unsigned seed, size_t n)
{
	lz_dma_rmb();
	for (size_t i = 0; i < n; i++)
		if (((const volatile uint8_t *)m->va)[i] != pattern_byte(seed, i))
			return false;
	return true;
}

/* Nothing but zeros. */
static inline bool pattern_none(const struct shared *m, size_t n)
{
	lz_dma_rmb();
	for (size_t i = 0; i < n; i++)
		if (((const volatile uint8_t *)m->va)[i])
			return false;
	return true;
}

static inline void pattern_clear(const struct shared *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile uint8_t *)m->va)[i] = 0;
	lz_dma_wmb();
}

#endif
