/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * What the library needs from its surroundings.
 *
 * A port has two halves:
 *
 *  - the *arch header* `lz_arch.h`, found on the include path, with inlines (or
 *    prototypes) for everything that another context or the hardware can see:
 *    atomics, hardware-visible memory, barriers, MMIO, interrupt masking, locks
 *    and waits. docs/PORTING.md lists every function with its contract.
 *  - the *services* below: one const table with a context pointer.
 *
 * "Task context" may sleep. "Atomic context" is an interrupt handler, a section
 * with interrupts masked, or one with a spinlock held: nothing sleeps there.
 */
#ifndef LAZARET_PORT_H
#define LAZARET_PORT_H

#include "lazaret/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How bad what a log line says is. */
enum lz_log_level {
	LZ_LOG_ERR,   /**< something is broken */
	LZ_LOG_WARN,  /**< something is not as it should be */
	LZ_LOG_INFO,  /**< something noteworthy went well */
	LZ_LOG_DEBUG, /**< for whoever looks for a bug */
};

/** The services; const, referenced from lz_init() to lz_fini(). */
struct lz_port {
	/** Handed back as first argument of every service. */
	void *ctx;

	/** Zeroed memory, aligned for any type (at least 16 bytes), or NULL.
	 *  Task context. Never called on the fault path. */
	void *(*alloc)(void *ctx, size_t size);
	/** Gives back what alloc() gave; `size` is the same. Task context. */
	void (*free)(void *ctx, void *p, size_t size);

	/** Zeroed memory that the IOMMU reads and writes coherently; `align` is
	 *  a power of two. Stores the bus address in `*phys`. NULL when out of
	 *  memory. Any context (page tables are allocated while mapping, which
	 *  may happen in atomic context); never called on the fault path. */
	void *(*dma_alloc)(void *ctx, size_t size, size_t align, lz_phys *phys);
	/** Gives back dma_alloc() memory. Task context. */
	void (*dma_free)(void *ctx, void *va, size_t size);
	/** The address of dma_alloc() memory from its bus address. Any
	 *  context; cannot fail for an address that dma_alloc() gave. */
	void *(*dma_virt)(void *ctx, lz_phys phys);

	/** Monotonic nanoseconds. Any context. */
	lz_ns (*now)(void *ctx);

	/** One line of text without newline. Any context; must not call back
	 *  into the library. May be NULL. */
	void (*log)(void *ctx, enum lz_log_level level, const char *line);

	/** "Call lz_poll() soon, in task context." Any context, including
	 *  under spinlocks; must not call lz_poll() itself. May be NULL when
	 *  somebody calls lz_poll() periodically. */
	void (*kick)(void *ctx);
};

#ifdef __cplusplus
}
#endif
#endif
