/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arch header for POSIX threads. Spinlocks and waits are the library's; read
 * sections are liburcu's. A "CPU" is a slot that threads are bound to: masking
 * its interrupts is holding its mutex, which a handler holds while it runs.
 */
#ifndef LZ_ARCH_H
#define LZ_ARCH_H

#include <stddef.h>

#include "lazaret/types.h"
#include "lz_atomics.h"

#define LZ_MAX_CPUS 32u

/* A test runs the library's own read sections on threads. */
#ifndef LZ_POSIX_LIBRARY_EPOCH
#define LZ_ARCH_HAS_EPOCH
#endif
#define LZ_ARCH_HAS_NAP
#define LZ_ARCH_HAS_CONTEXT_ID
#define LZ_ARCH_CHECK_LOCKS

/* ---- memory that the hardware reads or writes ---- */
/* The hardware is another thread: release and acquire order what a barrier
 * before an MMIO write would. */
static inline uint64_t lz_dma_load64(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void lz_dma_store64(uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}
static inline bool lz_dma_cas64(uint64_t *p, uint64_t *expected, uint64_t desired)
{
	return lz_cas64(p, expected, desired);
}

/* ---- barriers ---- */
/* ThreadSanitizer does not know fences; nothing but order depends on them. */
static inline void lz_mb(void)
{
#ifdef __SANITIZE_THREAD__
	__sync_synchronize();
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
static inline void lz_dma_wmb(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#ifndef __SANITIZE_THREAD__
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}
static inline void lz_dma_rmb(void)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
#ifndef __SANITIZE_THREAD__
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/* ---- MMIO ---- */
uint32_t lz_mmio_read32(uintptr_t base, uint32_t off);
void lz_mmio_write32(uintptr_t base, uint32_t off, uint32_t v);
uint64_t lz_mmio_read64(uintptr_t base, uint32_t off);
void lz_mmio_write64(uintptr_t base, uint32_t off, uint64_t v);

/* ---- the running CPU ---- */
unsigned lz_cpu_id(void);
unsigned long lz_irq_save(void);
void lz_irq_restore(unsigned long flags);
bool lz_in_atomic(void);
/* Which thread runs, and whether as a handler. */
uint32_t lz_context_id(void);
void lz_cpu_relax(void);
void lz_nap(void);

#ifdef LZ_ARCH_HAS_EPOCH
/* ---- read sections ---- */
struct lz_epoch {
	uint8_t unused; /* liburcu has one for the whole process */
};
struct lz_epoch_section {
	unsigned long flags;
};
struct lz_epoch_section lz_epoch_enter(struct lz_epoch *e);
void lz_epoch_leave(struct lz_epoch *e, struct lz_epoch_section s);
void lz_epoch_grace(struct lz *lz, struct lz_epoch *e, const char *who);
#endif

#define lz_assert(cond) ((cond) ? (void)0 : lz_port_panic(#cond, __FILE__, __LINE__))
_Noreturn void lz_port_panic(const char *what, const char *file, int line);

#endif
