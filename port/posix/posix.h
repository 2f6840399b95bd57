/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * The POSIX port, seen by whoever builds a machine on it: threads bound to
 * CPUs, interrupt lines with a thread each, a thread on which hardware models
 * run, real time. One machine per process at a time.
 */
#ifndef LAZARET_PORT_POSIX_H
#define LAZARET_PORT_POSIX_H

#include "lazaret/lazaret.h"
#include "lazaret/pci.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- life ---- */

/** `dma_bytes` of memory for dma_alloc(), at bus address `dma_base`. */
void lz_posix_start(size_t dma_bytes, lz_phys dma_base);
/** Ends the hardware and interrupt threads. Returns allocations that nobody
 * gave back. */
size_t lz_posix_stop(void);
/** The services to hand to lz_init(); const, lives for ever. */
const struct lz_port *lz_posix_port(void);
/** Where log lines go; NULL: nowhere. Any thread calls it. */
void lz_posix_set_log(void (*fn)(void *ctx, enum lz_log_level level, const char *line), void *ctx);

/* ---- threads ---- */

/** The calling thread runs on `cpu` (below LZ_MAX_CPUS) from now on. Every
 * thread that calls the library is bound; tasks on CPUs of their own, or they
 * take turns where they mask interrupts. */
void lz_posix_bind(unsigned cpu);
/** Before a bound thread ends. */
void lz_posix_unbind(void);
/** Runs fn as an interrupt handler of the calling thread's CPU would run. */
void lz_posix_in_irq(void (*fn)(void *arg), void *arg);
/** Lets at least `ns` pass. Task context. */
void lz_posix_sleep(lz_ns ns);

/** A thread that calls lz_poll() when kicked or due. Stop it before lz_fini(). */
void lz_posix_worker_start(struct lz *lz, unsigned cpu);
/** Ends it; what is due is left undone. */
void lz_posix_worker_stop(void);

/* ---- interrupts ---- */

/** A line handled on `cpu`, on a thread of its own. Edge: raised again while it
 * is pending is one interrupt. Before anything raises it. */
unsigned lz_posix_irq_line(unsigned cpu, void (*fn)(void *arg), void *arg);
/** After `delay`. Any thread. */
void lz_posix_irq_raise(unsigned line, lz_ns delay);
/** No handler of the line runs any more, from now on. Task context. */
void lz_posix_irq_off(unsigned line);

/* ---- hardware ---- */

/** A unit: step() makes one unit of progress and says whether it did; wake()
 * says when it wants to be stepped without being accessed (UINT64_MAX: never).
 * All units, MMIO callbacks and lz_posix_hw_lock() exclude each other. */
struct lz_posix_hw {
	bool (*step)(void *arg);     /**< one unit of progress */
	uint64_t (*wake)(void *arg); /**< ns; may be NULL: never by itself */
	void *arg;		     /**< argument of both */
};
/** Adds a unit; `hw` is copied. */
void lz_posix_hw_add(const struct lz_posix_hw *hw);
/** Keeps units and MMIO callbacks out until lz_posix_hw_unlock(). Task context. */
void lz_posix_hw_lock(void);
/** Lets them in again. */
void lz_posix_hw_unlock(void);
/** The hardware's clock: it never passes a unit's wake() before the unit has
 * been stepped, however late its thread runs. With the hardware locked. `ctx` is
 * ignored: this and those below fit into a hardware model's table of callbacks. */
lz_ns lz_posix_hw_now(void *ctx);

/** Registers: accesses to [base, base+size) go to the callbacks; `width` is 4 or 8. */
struct lz_posix_mmio {
	uintptr_t base; /**< what the IOMMU's description says */
	size_t size;	/**< bytes */
	/** Reads the register at `off`. */
	uint64_t (*read)(void *arg, uint32_t off, unsigned width);
	/** Writes it. */
	void (*write)(void *arg, uint32_t off, unsigned width, uint64_t value);
	void *arg; /**< first argument of both */
};
/** Adds them; `m` is copied. */
void lz_posix_mmio_add(const struct lz_posix_mmio *m);

/** The hardware's access from DMA memory; false outside what dma_alloc() gave. */
bool lz_posix_dma_read(void *ctx, lz_phys phys, void *buf, size_t len);
/** Likewise, to DMA memory. */
bool lz_posix_dma_write(void *ctx, lz_phys phys, const void *buf, size_t len);

/** Config space of a modelled function: as lz_pci_access has it, but called with the
 * hardware locked. */
struct lz_posix_config {
	/** The value at `offset`. */
	uint32_t (*read)(void *arg, unsigned offset, unsigned width);
	/** Writes it. */
	void (*write)(void *arg, unsigned offset, unsigned width, uint32_t value);
	void *arg; /**< first argument of both */
};
/** Access to `config`, which is referenced: fills `ctx`, `read`, `write` and `sleep`
 * of `*pci`; the rest is the caller's. */
void lz_posix_config_access(struct lz_pci_access *pci, struct lz_posix_config *config);

#ifdef __cplusplus
}
#endif
#endif
