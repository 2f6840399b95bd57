/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The deterministic port, seen by whoever builds a machine on it: virtual CPUs
 * with tasks and interrupts, hardware agents, virtual time, one schedule
 * chosen by a seed.
 *
 * One simulation per process at a time (the arch header has no handle).
 * Everything runs on the calling thread. Same seed and same calls: same run.
 */
#ifndef LAZARET_PORT_SIM_H
#define LAZARET_PORT_SIM_H

#include "lazaret/port.h"
#include "lazaret/types.h"

struct sim_config {
	unsigned cpus;		     /* 1 .. LZ_MAX_CPUS */
	uint64_t seed;		     /* chooses the schedule */
	unsigned switch_one_in;	     /* at a visible operation, switch agent with
					probability 1/N; 0: only when one waits */
	lz_ns op_cost;		     /* virtual time per visible operation; 0: 2 ns */
	size_t dma_bytes;	     /* physical memory that dma_alloc() hands out */
	lz_phys dma_base;	     /* its bus address, aligned for the largest dma_alloc() */
	unsigned early_clock_one_in; /* time passes the earliest deadline although
				   somebody could run, at one choice in N; 0: never */
	void (*log)(void *ctx, enum lz_log_level level, const char *line);
	void *log_ctx;
	bool snapshots; /* sim_snapshot() will be called */
};

void sim_start(const struct sim_config *cfg);
/* Ends the simulation and frees all of it. */
void sim_stop(void);

/* The services table to hand to lz_init(). */
const struct lz_port *sim_port(void);

/* ---- agents ---- */

/* A task bound to one virtual CPU. Tasks of one CPU take turns only where they
 * wait. May be called from outside the run or from a task. The name is copied. */
typedef void (*sim_task_fn)(void *arg);
void sim_task(const char *name, unsigned cpu, sim_task_fn fn, void *arg);

/* An interrupt line handled on `cpu`. Edge: raising a pending line again is
 * one interrupt. Delivered when the CPU has interrupts unmasked and is not in
 * a handler. Returns the line number. */
typedef void (*sim_irq_fn)(void *arg);
unsigned sim_irq_line(const char *name, unsigned cpu, sim_irq_fn fn, void *arg);
/* Any agent or outside. `delay` ns later at the earliest. */
void sim_irq_raise(unsigned line, lz_ns delay);

/* A hardware unit. `step` makes one unit of progress and returns whether it
 * did anything; when it did not, the agent rests until some other agent did a
 * store or MMIO access, or until `wake(arg)` (the virtual time at which it
 * wants to be stepped again, LZ_NEVER for none) is reached. */
struct sim_hw {
	const char *name;
	bool (*step)(void *arg);
	lz_ns (*wake)(void *arg);
	void *arg;
};
void sim_hw_add(const struct sim_hw *hw); /* copied */
/* A unit whose step does something exactly when its time has come or `busy(arg)` (NULL:
 * never) is true. Both are asked again after a step of any unit, an MMIO write, or
 * sim_hw_changed(), which whoever acts on such a unit in another way calls. */
void sim_hw_add_exact(const struct sim_hw *hw, bool (*busy)(void *arg));
void sim_hw_changed(void);

/* MMIO: accesses of the library to [base, base+size) go to these callbacks. */
struct sim_mmio {
	uintptr_t base;
	size_t size;
	uint64_t (*read)(void *arg, uint32_t off, unsigned width);
	void (*write)(void *arg, uint32_t off, unsigned width, uint64_t value);
	void *arg;
};
void sim_mmio_add(const struct sim_mmio *m); /* copied */

/* Host address of DMA memory, or NULL when [phys, phys+len) is not all inside
 * memory that dma_alloc() handed out (freed memory is outside). */
void *sim_dma_ptr(lz_phys phys, size_t len);
/* The hardware's access to such memory (false: outside), and its clock: for a model's
 * table of callbacks, `ctx` is ignored. */
bool sim_dma_read(void *ctx, lz_phys phys, void *buf, size_t len);
bool sim_dma_write(void *ctx, lz_phys phys, const void *buf, size_t len);
lz_ns sim_hw_now(void *ctx);

/* ---- running ---- */

/* Runs until every task has returned (0), nothing can ever run again although
 * tasks are left (-1; the log tells who waits for what), or virtual time passes
 * `until` (1), or sim_abandon() (2) or sim_pause() (3) was called. */
int sim_run(lz_ns until);
/* The calling task lets sim_run() return; the next sim_run() goes on. */
void sim_pause(void);

lz_ns sim_now(void);
/* Sleeps the calling task until virtual time `t`. */
void sim_sleep_until(lz_ns t);
/* Suspends the calling task until `*word` differs from `seen` or time `t`. */
void sim_wait_word(const uint32_t *word, uint32_t seen, lz_ns t);
/* Runs fn as a hard interrupt handler would: interrupts of the calling task's
 * CPU masked, lz_in_atomic() true. For workloads that act in irq context. */
void sim_in_irq(sim_task_fn fn, void *arg);

/* The library's services fail from now on: every alloc and dma_alloc returns
 * NULL. `true` to arm, `false` to disarm. */
void sim_fail_alloc(bool fail);

/* Services kick(): how often it was called; the worker waits on this word. */
const uint32_t *sim_kick_word(void);
/* Ready-made worker: a task body that calls lz_poll(lz) when kicked or due,
 * until `*(bool *)stop` is true. */
struct sim_worker {
	struct lz *lz;
	bool stop;
};
void sim_worker_task(void *sim_worker);

/* ---- exploration: somebody else chooses who runs ---- */

enum sim_agent_kind { SIM_AGENT_TASK, SIM_AGENT_IRQ, SIM_AGENT_HW, SIM_AGENT_CLOCK };
/* Operations beside those of enum lz_sim_op (which are smaller). */
enum sim_op_kind {
	SIM_OP_START = 16, /* the agent's first step */
	SIM_OP_WAIT,	   /* comes out of a wait */
	SIM_OP_IRQ,	   /* an interrupt is delivered */
	SIM_OP_HW,	   /* a step of a hardware unit */
	SIM_OP_CLOCK,	   /* the earliest deadline comes although somebody could run */
};
/* What an agent is about to do. */
struct sim_op {
	uint8_t kind; /* enum lz_sim_op or enum sim_op_kind */
	bool write;
	uint16_t len;
	uintptr_t addr; /* memory or lock; registers: the offset */
	const void *pc; /* where in the library, or NULL */
};
struct sim_enabled {
	uint16_t id;  /* same calls, same id; an interrupt line and its handler share one */
	uint8_t kind; /* enum sim_agent_kind */
	uint8_t cpu;  /* of a task or handler */
	bool current; /* it did the last operation and can go on */
	const struct sim_op *op;
	const char *name;
};
enum sim_weak { SIM_WEAK_DELAY, SIM_WEAK_STALE };
/* What is in a CPU's store buffer takes effect: agents SIM_FLUSH_ID + cpu. */
#define SIM_FLUSH_ID 56u
struct sim_strategy {
	void *ctx;
	/* Before each visible operation and whenever the running agent cannot go
	 * on: which of the `n` (at least one) runs. The clock comes last. */
	size_t (*pick)(void *ctx, const struct sim_enabled *e, size_t n);
	/* May the clock be a choice now? NULL: never. It never is while a hardware
	 * unit is due: hardware keeps its times. */
	bool (*clock)(void *ctx);
	/* Weak memory, a choice at each store and relaxed load that could be weak: does
	 * this one stay in the buffer of `cpu`, or return what was there before? NULL:
	 * every store is seen at once. */
	bool (*weak)(void *ctx, enum sim_weak what, unsigned cpu, uintptr_t addr);
	/* Does this allocation fail? NULL: none does. */
	bool (*alloc_fails)(void *ctx);
	/* lz_assert() failed; does not return (see sim_abandon()). */
	void (*panic)(void *ctx, const char *what, const char *file, int line);
};
/* From now on `st` chooses (referenced); NULL: the seed again. While nothing
 * runs: applies to the simulation that is started next. */
void sim_explore(const struct sim_strategy *st);
/* Leaves the run from wherever it is: sim_run() returns 2, and sim_stop() is
 * all that is allowed then. */
_Noreturn void sim_abandon(void);

/* ---- snapshots: many runs from one prepared state ---- */

/* Memory for what has to go back with the simulation: zeroed; NULL: there is none. */
void *sim_heap_alloc(size_t bytes);
void sim_heap_free(void *p);
/* Between two sim_run(): keeps everything that the simulation and sim_heap_alloc()
 * allocated. 0: not available in this build, or not asked for in the configuration. */
uint32_t sim_snapshot(void);
/* Back to it, as often as one likes. False: it is gone (sim_stop(), sim_start()). */
bool sim_restore(uint32_t snapshot);
/* The run has come where few of them come: what is written only from here on costs
 * the others nothing. */
void sim_late(void);
/* While there is a snapshot the first write to each page traps: whoever does
 * that handles SIGSEGV, on a stack of its own, by this. False: a real crash. */
bool sim_arena_fault(const void *address);
struct sim_arena_stats {
	size_t pages, page_bytes; /* copied back by sim_restore() */
	size_t late_pages;	  /* and after a run that came to sim_late() */
	size_t heap_bytes;	  /* in use, with what was freed */
};
void sim_arena_get(struct sim_arena_stats *out);

/* ---- what the port saw (invariant H and figures) ---- */
struct sim_stats {
	uint64_t ops[16]; /* per enum lz_sim_op */
	uint64_t switches;
	uint64_t violations; /* broken context rules, all kinds */
	char first_violation[160];
	lz_ns longest_masked;	   /* by the library, in virtual time */
	lz_ns longest_masked_wait; /* longest lz_await() with interrupts masked by the caller */
	uint64_t live_allocs, live_bytes; /* alloc and dma_alloc not freed yet */
	uint64_t peak_bytes;		  /* the most of live_bytes */
	uint64_t failed_allocs;
	uint64_t schedule_hash; /* over all choices: equal for equal runs */
};
void sim_stats_get(struct sim_stats *out);

#endif
