/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arch header for figures: real atomics on the host's threads, registers that
 * are plain memory. The hardware is instant (CONS follows PROD in the same store)
 * or takes its time per sync; with LZ_FLAT_INSTANT it is always instant and there
 * is one thread, so that what is counted is the driver alone. Locks and waits are
 * the library's own.
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

/* ---- hardware-visible memory, barriers ---- */
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
static inline void lz_mb(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline void lz_dma_wmb(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}
static inline void lz_dma_rmb(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* ---- registers: memory that answers as an idle IOMMU would ---- */
/* SMMUv3 */
#define LZ_FLAT_CR0	 0x20u
#define LZ_FLAT_GBPA	 0x44u
#define LZ_FLAT_IRQ_CTRL 0x50u
#define LZ_FLAT_PROD	 0x98u
#define LZ_FLAT_CONS	 0x9cu
/* RISC-V. What they share offsets with an SMMU's driver does not write, or not read
 * while the hardware is slow. */
#define LZ_FLAT_CQH   0x20u
#define LZ_FLAT_CQT   0x24u
#define LZ_FLAT_CQCSR 0x48u
#define LZ_FLAT_FQCSR 0x4cu
#define LZ_FLAT_IPSR  0x54u
#ifdef LZ_FLAT_INSTANT
#define LZ_FLAT_SLOW false
static inline void lz_port_slow_prod(uintptr_t base, uint32_t v)
{
	(void)base;
	(void)v;
}
static inline uint32_t lz_port_slow_cons(uintptr_t base)
{
	(void)base;
	return 0;
}
#else
extern bool lz_port_slow;
#define LZ_FLAT_SLOW lz_port_slow
void lz_port_slow_prod(uintptr_t base, uint32_t v);
uint32_t lz_port_slow_cons(uintptr_t base);
#endif

static inline uint32_t lz_mmio_read32(uintptr_t base, uint32_t off)
{
	if ((off == LZ_FLAT_CONS || off == LZ_FLAT_CQH) && LZ_FLAT_SLOW)
		return lz_port_slow_cons(base);
	return __atomic_load_n((uint32_t *)(base + off), __ATOMIC_ACQUIRE);
}
static inline void lz_mmio_write32(uintptr_t base, uint32_t off, uint32_t v)
{
	if (off == LZ_FLAT_GBPA)
		v &= 0x7fffffffu; /* Update is done */
	if (off == LZ_FLAT_CQCSR || off == LZ_FLAT_FQCSR)
		v = (v & 3) | (v & 1) << 16; /* on, if enabled */
	if (off == LZ_FLAT_IPSR)
		v = 0; /* written to clear */
	__atomic_store_n((uint32_t *)(base + off), v, __ATOMIC_RELEASE);
	if (off == LZ_FLAT_CR0 || off == LZ_FLAT_IRQ_CTRL)
		__atomic_store_n((uint32_t *)(base + off + 4), v, __ATOMIC_RELEASE);
	if (off != LZ_FLAT_PROD && off != LZ_FLAT_CQT)
		return;
	if (LZ_FLAT_SLOW)
		lz_port_slow_prod(base, v);
	else
		__atomic_store_n(
			(uint32_t *)(base + (off == LZ_FLAT_PROD ? LZ_FLAT_CONS : LZ_FLAT_CQH)), v,
			__ATOMIC_RELEASE);
}
static inline uint64_t lz_mmio_read64(uintptr_t base, uint32_t off)
{
	return __atomic_load_n((uint64_t *)(base + off), __ATOMIC_ACQUIRE);
}
static inline void lz_mmio_write64(uintptr_t base, uint32_t off, uint64_t v)
{
	__atomic_store_n((uint64_t *)(base + off), v, __ATOMIC_RELEASE);
}

/* ---- the running CPU: masking is a word per thread, as cheap as a flag ---- */
#ifdef LZ_FLAT_INSTANT
#define LZ_FLAT_LOCAL /* one thread */
#else
#define LZ_FLAT_LOCAL _Thread_local
#endif
extern LZ_FLAT_LOCAL unsigned lz_port_cpu;
extern LZ_FLAT_LOCAL unsigned long lz_port_masked;

static inline unsigned lz_cpu_id(void)
{
	return lz_port_cpu;
}
static inline unsigned long lz_irq_save(void)
{
	unsigned long flags = lz_port_masked;

	lz_port_masked = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return flags;
}
static inline void lz_irq_restore(unsigned long flags)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	lz_port_masked = flags;
}
static inline bool lz_in_atomic(void)
{
	return lz_port_masked;
}
static inline void lz_cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#define lz_assert(cond) ((cond) ? (void)0 : lz_port_panic(#cond, __FILE__, __LINE__))
_Noreturn void lz_port_panic(const char *what, const char *file, int line);

#endif
