/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arch header to start a new port from: one CPU, no interrupts, registers by
 * plain loads and stores. Everything works as it is on such a machine; each
 * comment says what another machine needs. Spinlocks, waits and read sections
 * are the library's (docs/PORTING.md).
 */
#ifndef LZ_ARCH_H
#define LZ_ARCH_H

#include <stddef.h>

#include "lazaret/types.h"
#include "lz_atomics.h"

/* Sizes the per-CPU words. */
#define LZ_MAX_CPUS 1u

/* ---- memory that the IOMMU reads or writes ---- */
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
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
/* Towards a device these are usually stronger: on AArch64 `dmb oshst` and
 * `dmb oshld`. */
static inline void lz_dma_wmb(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline void lz_dma_rmb(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* ---- MMIO: `base` is an address ---- */
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

/* ---- the running CPU ---- */
/* How deep interrupts are masked. With interrupts: save and set the CPU's mask
 * instead (on AArch64 DAIF), and count a handler as masked. */
extern unsigned long lz_port_masked;

static inline unsigned lz_cpu_id(void)
{
	return 0;
}
static inline unsigned long lz_irq_save(void)
{
	return lz_port_masked++;
}
static inline void lz_irq_restore(unsigned long flags)
{
	lz_port_masked = flags;
}
static inline bool lz_in_atomic(void)
{
	return lz_port_masked != 0;
}
/* With more CPUs: the pause or yield instruction. */
static inline void lz_cpu_relax(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- a broken rule of the library itself ---- */
#define lz_assert(cond) ((cond) ? (void)0 : lz_port_panic(#cond, __FILE__, __LINE__))
_Noreturn void lz_port_panic(const char *what, const char *file, int line);

#endif
