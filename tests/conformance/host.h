/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the suites need of the port they run on; one file per port implements
 * it. Test bodies run as a task on CPU 0, the worker on CPU 1, interrupts on
 * CPU 2; further tasks have CPUs of their own from 3 on.
 */
#ifndef TESTS_CONFORMANCE_HOST_H
#define TESTS_CONFORMANCE_HOST_H

#include "lazaret/lazaret.h"

#define HOST_DMA_BASE 0x40000000ull
#define HOST_CPUS     16u

/* Starts the port, calls setup() outside of any task and body() as a task,
 * stops the port and checks that it saw nothing wrong and nothing is left. */
void host_run(void (*setup)(void *arg), void (*body)(void *arg), void *arg);
/* Does time pass only when everybody waits? Else it is the wall's. */
bool host_time_is_virtual(void);

const struct lz_port *host_port(void);
lz_ns host_now(void);
void host_sleep(lz_ns ns);
/* Runs fn as a hard interrupt handler of the calling task's CPU. */
void host_in_irq(void (*fn)(void *arg), void *arg);
/* Runs fn(arg[i]) for i < n as tasks of their own; returns when all have. */
void host_tasks(void (*fn)(void *arg), void **arg, unsigned n);
void host_worker_start(struct lz *lz);
void host_worker_stop(void);

/* An address for registers where nobody answers: they read as `fill`. From
 * setup(). */
uintptr_t host_registers(uint8_t fill);

/* ---- hardware; from setup() but for the access functions ---- */

struct host_hw {
	const char *name;
	bool (*step)(void *arg);
	uint64_t (*wake)(void *arg);
	void *arg;
};
void host_hw_add(const struct host_hw *hw);
struct host_mmio {
	uintptr_t base;
	size_t size;
	uint64_t (*read)(void *arg, uint32_t off, unsigned width);
	void (*write)(void *arg, uint32_t off, unsigned width, uint64_t value);
	void *arg;
};
void host_mmio_add(const struct host_mmio *m);
unsigned host_irq_line(const char *name, void (*fn)(void *arg), void *arg);
void host_irq_raise(unsigned line, lz_ns delay);
/* No handler of the line runs any more, from now on. */
void host_irq_off(unsigned line);
/* A model's callbacks; ctx is ignored. */
uint64_t host_hw_now(void *ctx);
bool host_dma_read(void *ctx, uint64_t pa, void *buf, size_t len);
bool host_dma_write(void *ctx, uint64_t pa, const void *buf, size_t len);
/* Tasks touch a model between these only. */
void host_hw_lock(void);
void host_hw_unlock(void);

#endif
