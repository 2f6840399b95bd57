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

#define LZ_MAX_CPUS 8u

/* Brought here; the rest is the library's (src/core/arch.h). */

/* ---- atomics ---- */
#define LZ_SIZE_WORD(bits)                                                               \
	static inline uint##bits##_t lz_load##bits(const uint##bits##_t *p)              \
	{                                                                                \
		return __atomic_load_n(p, __ATOMIC_RELAXED);                             \
	}                                                                                \
	static inline uint##bits##_t lz_load##bits##_acquire(const uint##bits##_t *p)    \
	{                                                                                \
		return __atomic_load_n(p, __ATOMIC_ACQUIRE);                             \
	}                                                                                \
	static inline void lz_store##bits(uint##bits##_t *p, uint##bits##_t v)           \
	{                                                                                \
		__atomic_store_n(p, v, __ATOMIC_RELAXED);                                \
	}                                                                                \
	static inline void lz_store##bits##_release(uint##bits##_t *p, uint##bits##_t v) \
	{                                                                                \
		__atomic_store_n(p, v, __ATOMIC_RELEASE);                                \
	}
LZ_SIZE_WORD(8)
LZ_SIZE_WORD(32)
LZ_SIZE_WORD(64)
#undef LZ_SIZE_WORD

#define LZ_SIZE_RMW(bits)                                                                         \
	static inline bool lz_cas##bits(uint##bits##_t *p, uint##bits##_t *expected,              \
					uint##bits##_t desired)                                   \
	{                                                                                         \
		return __atomic_compare_exchange_n(p, expected, desired, false, __ATOMIC_ACQ_REL, \
						   __ATOMIC_ACQUIRE);                             \
	}                                                                                         \
	static inline uint##bits##_t lz_fetch_add##bits(uint##bits##_t *p, uint##bits##_t v)      \
	{                                                                                         \
		return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);                                \
	}                                                                                         \
	static inline uint##bits##_t lz_fetch_or##bits(uint##bits##_t *p, uint##bits##_t v)       \
	{                                                                                         \
		return __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL);                                 \
	}                                                                                         \
	static inline uint##bits##_t lz_fetch_and##bits(uint##bits##_t *p, uint##bits##_t v)      \
	{                                                                                         \
		return __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL);                                \
	}
LZ_SIZE_RMW(32)
LZ_SIZE_RMW(64)
#undef LZ_SIZE_RMW

static inline void *lz_load_ptr(void *const *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void lz_store_ptr(void **p, void *v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

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
