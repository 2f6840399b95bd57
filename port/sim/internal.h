/* SPDX-License-Identifier: BSD-2-Clause */
/* State that the files of the deterministic port share. */
#ifndef SIM_INTERNAL_H
#define SIM_INTERNAL_H

#include "lz_arch.h"
#include "sim.h"

#if defined(__SANITIZE_ADDRESS__)
#define SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIM_ASAN 1
#endif
#endif
#ifndef SIM_ASAN
#define SIM_ASAN 0
#endif

#define SIM_MAX_HELD 16u

enum sim_kind { SIM_OUTSIDE, SIM_TASK, SIM_HANDLER };

/* Why an agent is not runnable. */
enum sim_wait {
	SIM_RUNNABLE,
	SIM_W_POLL, /* until another agent wrote, or the deadline */
	SIM_W_LOCK, /* until the lock is free */
	SIM_W_WORD, /* until the word changed, *stop, or the deadline */
	SIM_W_SLEEP,
};

/* A context of execution: a task, a running interrupt handler, or whoever
 * calls from outside any of them. */
struct sim_agent {
	enum sim_kind kind;
	enum sim_wait wait;
	uint32_t id; /* never used twice in one simulation */
	uint16_t choice_id;
	struct sim_op op; /* published, not done yet */
	unsigned cpu;
	char name[40];
	struct sim_fiber *fiber;
	sim_task_fn fn;
	void *arg;
	bool done;

	/* What it waits for. */
	lz_ns deadline;
	uint64_t seen; /* foreign writes when it last looked */
	const struct lz_spinlock *lock;
	const uint32_t *word;
	uint32_t word_seen;
	const bool *stop;
	uint64_t relax_seen;
	unsigned relaxed; /* lz_cpu_relax() calls since the last foreign write */

	uint64_t own_writes;
	/* Inside a predicate: a lock that it takes only to look does not wake the
	 * other pollers, else two of them would keep each other from sleeping. */
	bool looking;
	/* Context. */
	unsigned masked;    /* lz_irq_save() nesting: by the library */
	unsigned in_irq;    /* sim_in_irq() nesting: by the caller */
	unsigned held;	    /* locks held */
	lz_ns masked_since; /* outermost lz_irq_save() */
	struct lz_spinlock *locks[SIM_MAX_HELD];
};

struct sim_cpu {
	struct sim_agent *task;	   /* has the CPU, even when interrupted or spinning */
	struct sim_agent *handler; /* active */
};

struct sim_state {
	/* Touched at each visible operation. */
	struct sim_agent *cur;
	uint64_t countdown; /* to the next switch */
	uint64_t writes;    /* store, RMW, MMIO write, step that did something */
	lz_ns now, op_cost;
	struct sim_stats st;

	struct sim_agent outside;
	struct sim_config cfg;
	struct sim_cpu cpu[LZ_MAX_CPUS];
	lz_ns until;
	const struct sim_strategy *strategy; /* NULL: the seed chooses */
	const void *pc;			     /* of the operation that is announced next */
	uint32_t kicks;
	bool fail_alloc;
};

extern struct sim_state sim;

/* Looks at `until` this often when nobody is switched. */
#define SIM_NO_SWITCH_STRIDE 4096u
/* random.c: everything that depends on the seed. */
uint64_t sim_draw(void);
uint64_t sim_draw_countdown(void);
void sim_seed(uint64_t v);

/* Counts a broken context rule and keeps the first one's text. */
void sim_violation(const char *what);
/* Suspends the running agent until its `wait` is over. */
void sim_block(enum sim_wait wait);
/* Writes by everybody but `a`. */
static inline uint64_t sim_foreign(const struct sim_agent *a)
{
	return sim.writes - a->own_writes;
}
/* Waits like sim_wait_word(), also until *stop. */
void sim_wait_kick(const uint32_t *word, uint32_t seen, lz_ns t, const bool *stop);

void sim_mem_start(void);
void sim_mem_stop(void);
void *sim_alloc(void *ctx, size_t size);
void sim_free(void *ctx, void *p, size_t size);
void *sim_dma_alloc(void *ctx, size_t size, size_t align, lz_phys *phys);
void sim_dma_free(void *ctx, void *va, size_t size);
void *sim_dma_virt(void *ctx, lz_phys phys);
void sim_mmio_forget(void);

#endif
