/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arch header of the bare-metal AArch64 port: GICv3, several CPUs, EL1 or EL2.
 * The contract of each function is docs/PORTING.md's. Spinlocks, waits and read
 * sections are the library's own.
 *
 *   BM_EL         1 (the default) or 2: where the image runs
 *   BM_MMIO_HOOK  the image brings bm_mmio_read() and bm_mmio_write(), through
 *                 which every access of the library to registers goes
 */
#ifndef LZ_ARCH_H
#define LZ_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lazaret/types.h"
#include "lz_atomics.h"

#define LZ_MAX_CPUS 4u

/* ---- memory that the IOMMU reads or writes: coherent, normal write-back ---- */
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
/* Outer shareable: towards masters that are not CPUs. */
static inline void lz_dma_wmb(void)
{
	__asm__ volatile("dmb oshst" ::: "memory");
}
static inline void lz_dma_rmb(void)
{
	__asm__ volatile("dmb oshld" ::: "memory");
}

/* ---- MMIO: `base` is an address, mapped as device-nGnRE ---- */
#ifdef BM_MMIO_HOOK
uint64_t bm_mmio_read(uintptr_t base, uint32_t off, unsigned width);
void bm_mmio_write(uintptr_t base, uint32_t off, unsigned width, uint64_t v);

static inline uint32_t lz_mmio_read32(uintptr_t base, uint32_t off)
{
	return (uint32_t)bm_mmio_read(base, off, 4);
}
static inline void lz_mmio_write32(uintptr_t base, uint32_t off, uint32_t v)
{
	bm_mmio_write(base, off, 4, v);
}
static inline uint64_t lz_mmio_read64(uintptr_t base, uint32_t off)
{
	return bm_mmio_read(base, off, 8);
}
static inline void lz_mmio_write64(uintptr_t base, uint32_t off, uint64_t v)
{
	bm_mmio_write(base, off, 8, v);
}
#else
static inline uint32_t lz_mmio_read32(uintptr_t base, uint32_t off)
{
	return *(const volatile uint32_t *)(base + off);
}
static inline void lz_mmio_write32(uintptr_t base, uint32_t off, uint32_t v)
{
	*(volatile uint32_t *)(base + off) = v;
}
static inline uint64_t lz_mmio_read64(uintptr_t base, uint32_t off)
{
	return *(const volatile uint64_t *)(base + off);
}
static inline void lz_mmio_write64(uintptr_t base, uint32_t off, uint64_t v)
{
	*(volatile uint64_t *)(base + off) = v;
}
#endif

/* ---- the running CPU: its number in the thread register ---- */
static inline unsigned lz_cpu_id(void)
{
	uint64_t v;

#if defined(BM_EL) && BM_EL == 2
	__asm__ volatile("mrs %0, tpidr_el2" : "=r"(v));
#else
	__asm__ volatile("mrs %0, tpidr_el1" : "=r"(v));
#endif
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
/* Taking an interrupt masks them, so a handler needs no mark of its own. */
static inline bool lz_in_atomic(void)
{
	unsigned long flags;

	__asm__ volatile("mrs %0, daif" : "=r"(flags));
	return flags & 0x80;
}
static inline void lz_cpu_relax(void)
{
	__asm__ volatile("yield" ::: "memory");
}

/* One task and one handler per CPU. */
#define LZ_ARCH_HAS_CONTEXT_ID
static inline uint32_t lz_context_id(void)
{
	return 1 + lz_cpu_id() + (lz_in_atomic() ? LZ_MAX_CPUS : 0);
}

#define LZ_ARCH_CHECK_LOCKS

/* ---- a broken rule of the library itself ---- */
#define lz_assert(cond) ((cond) ? (void)0 : lz_port_panic(#cond, __FILE__, __LINE__))
_Noreturn void lz_port_panic(const char *what, const char *file, int line);

#endif
