/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arch header of the deterministic port: everything that another context or
 * the hardware can see is announced to the scheduler before it happens, so
 * that a schedule is a sequence of choices and can be repeated.
 *
 * The functions here are the contract of every arch header; docs/PORTING.md
 * states each. The library includes this file and nothing else of the port.
 */
#ifndef LZ_ARCH_H
#define LZ_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lazaret/types.h"

#define LZ_MAX_CPUS 8u

/* Brought here; the rest is the library's (src/core/arch.h). */
#define LZ_ARCH_HAS_SPINLOCK
#define LZ_ARCH_HAS_AWAIT
#define LZ_ARCH_HAS_CONTEXT_ID

/* What kind of operation is announced. */
enum lz_sim_op {
	LZ_SIM_LOAD,
	LZ_SIM_STORE,
	LZ_SIM_RMW,
	LZ_SIM_MMIO_READ,
	LZ_SIM_MMIO_WRITE,
	LZ_SIM_BARRIER,
	LZ_SIM_IRQ_MASK,
	LZ_SIM_LOCK,
	LZ_SIM_UNLOCK,
	LZ_SIM_RELAX,
	LZ_SIM_AWAIT,
	LZ_SIM_CLOCK,
	LZ_SIM_KINDS
};

/* Announces an operation; another agent may run before this returns. */
void lz_port_visible(enum lz_sim_op op, const volatile void *addr, unsigned len);

/* Exploration of weak memory (weak.c); false: every store is seen at once. */
extern bool lz_port_weak;
uint64_t lz_port_weak_load(const volatile void *p, unsigned len, bool acquire);
void lz_port_weak_store(volatile void *p, unsigned len, uint64_t v, bool release);
/* An atomic read-modify-write comes next. */
void lz_port_weak_rmw(const volatile void *p, unsigned len);
void lz_port_weak_fence(bool stores, bool loads);

/* ---- atomics: relaxed, acquire and release loads and stores ---- */
#define LZ_SIM_WORD(bits)                                                                \
	static inline uint##bits##_t lz_load##bits(const uint##bits##_t *p)              \
	{                                                                                \
		lz_port_visible(LZ_SIM_LOAD, p, sizeof(*p));                             \
		if (lz_port_weak)                                                        \
			return (uint##bits##_t)lz_port_weak_load(p, sizeof(*p), false);  \
		return __atomic_load_n(p, __ATOMIC_RELAXED);                             \
	}                                                                                \
	static inline uint##bits##_t lz_load##bits##_acquire(const uint##bits##_t *p)    \
	{                                                                                \
		lz_port_visible(LZ_SIM_LOAD, p, sizeof(*p));                             \
		if (lz_port_weak)                                                        \
			return (uint##bits##_t)lz_port_weak_load(p, sizeof(*p), true);   \
		return __atomic_load_n(p, __ATOMIC_ACQUIRE);                             \
	}                                                                                \
	static inline void lz_store##bits(uint##bits##_t *p, uint##bits##_t v)           \
	{                                                                                \
		lz_port_visible(LZ_SIM_STORE, p, sizeof(*p));                            \
		if (lz_port_weak)                                                        \
			lz_port_weak_store(p, sizeof(*p), v, false);                     \
		else                                                                     \
			__atomic_store_n(p, v, __ATOMIC_RELAXED);                        \
	}                                                                                \
	static inline void lz_store##bits##_release(uint##bits##_t *p, uint##bits##_t v) \
	{                                                                                \
		lz_port_visible(LZ_SIM_STORE, p, sizeof(*p));                            \
		if (lz_port_weak)                                                        \
			lz_port_weak_store(p, sizeof(*p), v, true);                      \
		else                                                                     \
			__atomic_store_n(p, v, __ATOMIC_RELEASE);                        \
	}
LZ_SIM_WORD(8)
LZ_SIM_WORD(32)
LZ_SIM_WORD(64)
#undef LZ_SIM_WORD

/* ---- atomic read-modify-write: acquire and release ---- */
#define LZ_SIM_RMW_OPS(bits)                                                                      \
	static inline bool lz_cas##bits(uint##bits##_t *p, uint##bits##_t *expected,              \
					uint##bits##_t desired)                                   \
	{                                                                                         \
		lz_port_visible(LZ_SIM_RMW, p, sizeof(*p));                                       \
		if (lz_port_weak)                                                                 \
			lz_port_weak_rmw(p, sizeof(*p));                                          \
		return __atomic_compare_exchange_n(p, expected, desired, false, __ATOMIC_ACQ_REL, \
						   __ATOMIC_ACQUIRE);                             \
	}                                                                                         \
	static inline uint##bits##_t lz_fetch_add##bits(uint##bits##_t *p, uint##bits##_t v)      \
	{                                                                                         \
		lz_port_visible(LZ_SIM_RMW, p, sizeof(*p));                                       \
		if (lz_port_weak)                                                                 \
			lz_port_weak_rmw(p, sizeof(*p));                                          \
		return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);                                \
	}                                                                                         \
	static inline uint##bits##_t lz_fetch_or##bits(uint##bits##_t *p, uint##bits##_t v)       \
	{                                                                                         \
		lz_port_visible(LZ_SIM_RMW, p, sizeof(*p));                                       \
		if (lz_port_weak)                                                                 \
			lz_port_weak_rmw(p, sizeof(*p));                                          \
		return __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL);                                 \
	}                                                                                         \
	static inline uint##bits##_t lz_fetch_and##bits(uint##bits##_t *p, uint##bits##_t v)      \
	{                                                                                         \
		lz_port_visible(LZ_SIM_RMW, p, sizeof(*p));                                       \
		if (lz_port_weak)                                                                 \
			lz_port_weak_rmw(p, sizeof(*p));                                          \
		return __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL);                                \
	}
LZ_SIM_RMW_OPS(32)
LZ_SIM_RMW_OPS(64)
#undef LZ_SIM_RMW_OPS

/* Pointers that are published to readers without a lock. */
static inline void *lz_load_ptr(void *const *p)
{
	lz_port_visible(LZ_SIM_LOAD, p, sizeof(*p));
	if (lz_port_weak)
		lz_port_weak_fence(false, true);
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void lz_store_ptr(void **p, void *v)
{
	lz_port_visible(LZ_SIM_STORE, p, sizeof(*p));
	if (lz_port_weak)
		lz_port_weak_fence(true, false);
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* ---- memory that the hardware reads or writes: STE, CD, PTE, queue entry ---- */
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
/* Full barrier between CPUs. */
static inline void lz_mb(void)
{
	lz_port_visible(LZ_SIM_BARRIER, NULL, 0);
	if (lz_port_weak)
		lz_port_weak_fence(true, true);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
/* Stores to hardware-visible memory before it are seen by the hardware before
 * any store or MMIO write after it. */
static inline void lz_dma_wmb(void)
{
	lz_port_visible(LZ_SIM_BARRIER, NULL, 0);
	if (lz_port_weak)
		lz_port_weak_fence(true, false);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}
/* Loads and MMIO reads before it are done before loads after it. */
static inline void lz_dma_rmb(void)
{
	lz_port_visible(LZ_SIM_BARRIER, NULL, 0);
	if (lz_port_weak)
		lz_port_weak_fence(false, true);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

/* ---- MMIO: `base` is what the embedder put in the IOMMU's descriptor ---- */
uint32_t lz_mmio_read32(uintptr_t base, uint32_t off);
void lz_mmio_write32(uintptr_t base, uint32_t off, uint32_t v);
uint64_t lz_mmio_read64(uintptr_t base, uint32_t off);
void lz_mmio_write64(uintptr_t base, uint32_t off, uint64_t v);

/* ---- the running CPU ---- */
/* 0 .. LZ_MAX_CPUS-1; stable while interrupts are masked. */
unsigned lz_cpu_id(void);
/* Masks interrupts of the running CPU; nests by the returned value. */
unsigned long lz_irq_save(void);
void lz_irq_restore(unsigned long flags);
/* Which task or handler runs; never 0. */
uint32_t lz_context_id(void);
/* True where nothing may sleep. */
bool lz_in_atomic(void);
/* In a loop that waits a short time for another CPU (never for hardware). */
void lz_cpu_relax(void);

/* ---- spinlock, always taken with interrupts masked ---- */
/* Locks are taken in rising rank; equal ranks never nest. */
struct lz_lock_class {
	const char *name;
	unsigned rank;
};
struct lz_spinlock {
	const struct lz_lock_class *cls;
	uint32_t owner; /* 0: free, else agent number + 1 */
};
void lz_spin_init(struct lz_spinlock *l, const struct lz_lock_class *cls);
unsigned long lz_spin_lock(struct lz_spinlock *l);
void lz_spin_unlock(struct lz_spinlock *l, unsigned long flags);
/* Is it held by the running context? For assertions. */
bool lz_spin_held(const struct lz_spinlock *l);

/* ---- waiting ---- */
/*
 * Polls `pred(arg)` until it is true or the port's clock reaches `deadline`
 * (LZ_NEVER is not allowed), with one last look after the deadline. Sleeps in
 * task context, spins in atomic context. Never with a spinlock held, and never
 * with interrupts masked by the library. Returns what pred said last.
 */
bool lz_await(bool (*pred)(void *), void *arg, lz_ns deadline);

/* A broken rule of the library itself: does not return. */
#define lz_assert(cond) ((cond) ? (void)0 : lz_port_panic(#cond, __FILE__, __LINE__))
_Noreturn void lz_port_panic(const char *what, const char *file, int line);

#endif
