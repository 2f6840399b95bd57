/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arch header for measuring: what the library costs on a bare AArch64, with
 * everything inline that a port of that machine would have inline. Nothing
 * runs on it. The contract of each function is docs/PORTING.md's.
 */
#ifndef LZ_ARCH_H
#define LZ_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lazaret/types.h"
#include "lz_atomics.h"

#define LZ_MAX_CPUS 8u

/* Brought here; the rest is the library's (src/core/arch.h). */

/* ---- memory that the hardware reads or writes ---- */
static inline uint64_t lz_dma_load64(const uint64_t *p)
{
	return lz_load64_acquire(p);
}
static inline void lz_dma_store64(uint64_t *p, uint64_t v)
{
	lz_store64(p, v);
}
static inline bool lz_dma_cas64(uint64_t *p, uint64_t *expected, uint64_t desired)
{
	return lz_cas64(p, expected, desired);
}

/* ---- barriers ---- */
static inline void lz_mb(void)
{
	__asm__ volatile("dmb ish" ::: "memory");
}
static inline void lz_dma_wmb(void)
{
	__asm__ volatile("dmb oshst" ::: "memory");
}
static inline void lz_dma_rmb(void)
{
	__asm__ volatile("dmb oshld" ::: "memory");
}

/* ---- MMIO ---- */
static inline uint32_t lz_mmio_read32(uintptr_t base, uint32_t off)
{
	return *(volatile uint32_t *)(base + off);
}
static inline void lz_mmio_write32(uintptr_t base, uint32_t off, uint32_t v)
{
	*(volatile uint32_t *)(base + off) = v;
}
static inline uint64_t lz_mmio_read64(uintptr_t base, uint32_t off)
{
	return *(volatile uint64_t *)(base + off);
}
static inline void lz_mmio_write64(uintptr_t base, uint32_t off, uint64_t v)
{
	*(volatile uint64_t *)(base + off) = v;
}

/* ---- the running CPU: its number in the thread register ---- */
static inline unsigned lz_cpu_id(void)
{
	uint64_t v;

	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(v));
	return (unsigned)v;
}
static inline unsigned long lz_irq_save(void)
{
	unsigned long flags;

	__asm__ volatile("mrs %0, daif\n\tmsr daifset, #2" : "=r"(flags)::"memory");
	return flags;
}
static inline void lz_irq_restore(unsigned long flags)
{
	__asm__ volatile("msr daif, %0" ::"r"(flags) : "memory");
}
bool lz_in_atomic(void);
static inline void lz_cpu_relax(void)
{
	__asm__ volatile("yield" ::: "memory");
}

/* Locks, waits and epochs are the library's own. A broken rule traps. */
#define lz_assert(cond) ((cond) ? (void)0 : __builtin_trap())

#endif
