/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the bare-metal AArch64 port offers to an image. An image defines
 * bm_main(); everything it needs of the machine comes from the device tree that
 * was handed over at the start.
 */
#ifndef BM_BAREMETAL_H
#define BM_BAREMETAL_H

#include "lazaret/lazaret.h"
#include "lz_arch.h"

#ifndef BM_EL
#define BM_EL 1
#endif

/* The image's; what it returns is the exit code. Interrupts are on, one CPU runs. */
int bm_main(void);

/* ---- console (print.c, uart.c); any context ---- */
/* %s %c %d %u %x %p %%, l and ll, widths, 0 and - flags. */
void bm_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void bm_putc(char c);
bool bm_uart_init(void);

/* ---- the end (power.c) ---- */
_Noreturn void bm_exit(int code);
/* Calls the firmware: PSCI. */
int64_t bm_psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c);
bool bm_psci_init(void);

/* ---- device tree (fdt.c): a node is its offset, 0 is the root, -1 none ---- */
bool bm_fdt_init(const void *blob);
size_t bm_fdt_size(void);
/* Next node after `from` that is compatible, in the order of the tree; -1 to begin. */
int bm_fdt_compatible(int from, const char *compatible);
/* Next node after `from` whose property is that string. */
int bm_fdt_having(int from, const char *prop, const char *value);
int bm_fdt_by_phandle(uint32_t phandle);
/* The property's bytes, or NULL. */
const void *bm_fdt_prop(int node, const char *name, unsigned *len);
/* Cell `i` of a property, 0 when it is not there. */
uint32_t bm_fdt_u32(int node, const char *name, unsigned i);
/* Number of `n` cells from cell `i` on. */
uint64_t bm_fdt_u64(int node, const char *name, unsigned i, unsigned n);
/* Which of a property's strings; -1: none. */
int bm_fdt_string(int node, const char *name, const char *value);
/* Entry `i` of reg, by the parent's cell sizes; false: not there, or the parent translates. */
bool bm_fdt_reg(int node, unsigned i, uint64_t *addr, uint64_t *size);
/* Entry `i` of interrupts, as the GIC's number. */
bool bm_fdt_irq(int node, unsigned i, unsigned *irq, bool *edge);

/* ---- memory (mmu.c) ---- */
/* Makes [pa, pa+size) reachable at its own address, as device memory. Task context. */
bool bm_map_device(uint64_t pa, uint64_t size);
/* Reads a word that may not be there; false: the access was refused. Task context. */
bool bm_probe32(uint64_t at, uint32_t *v);

/* ---- interrupts (gic.c) ---- */
typedef void (*bm_irq_fn)(void *arg);
bool bm_gic_init(void);
void bm_gic_init_cpu(void);
/* From now on `fn` runs on `cpu` when `irq` is pending; CPU-private ones on the caller's. */
void bm_irq_on(unsigned irq, bool edge, unsigned cpu, bm_irq_fn fn, void *arg);
/* A shared interrupt to another CPU. */
void bm_irq_route(unsigned irq, unsigned cpu);
void bm_irq_off(unsigned irq);
/* Makes it pending, as if its line had been raised. Any context. */
void bm_irq_raise(unsigned irq);
/* How often `irq` was taken by `cpu`. */
unsigned bm_irq_count(unsigned irq, unsigned cpu);
void bm_irq_dispatch(void);

/* ---- time (timer.c) ---- */
bool bm_timer_init(void);
lz_ns bm_now(void);
void bm_delay(lz_ns ns);
/* Calls `fn` every `period` on the running CPU, in its interrupt; NULL: no more. */
void bm_tick(lz_ns period, bm_irq_fn fn, void *arg);
uint64_t bm_counter(void);
uint64_t bm_counter_hz(void);
/* The cycle counter of the running CPU, 0 without one. */
uint64_t bm_cycles(void);

/* ---- CPUs (cpu.c) ---- */
/* Starts every CPU of the device tree; how many run then. */
unsigned bm_cpus_start(void);
unsigned bm_cpus(void);
uint64_t bm_cpu_affinity(unsigned cpu);
/* Runs fn(arg) on an idle CPU, in task context; wait for it before the next. */
void bm_cpu_run(unsigned cpu, void (*fn)(void *), void *arg);
void bm_cpu_wait(unsigned cpu);
/* Most bytes that the stack of `cpu` has held, of how many. */
size_t bm_stack_used(unsigned cpu, size_t *of);
/* Begins that count again; from the CPU itself. */
void bm_stack_paint(void);

/* ---- the library's services (services.c) ---- */
const struct lz_port *bm_port(void);
/* CPUs that idle run lz_poll() of this instance; NULL: no longer. */
void bm_worker(struct lz *lz);
/* Returns when no CPU is in lz_poll(), after bm_worker(NULL). */
void bm_worker_idle(void);
/* One round of that work, if there is any. */
void bm_work(void);
/* Bytes that were not given back. */
size_t bm_used(void);

/* ---- a lock of the port's own ---- */
struct bm_lock {
	uint32_t held;
};
unsigned long bm_lock(struct bm_lock *l);
void bm_unlock(struct bm_lock *l, unsigned long flags);

#endif
