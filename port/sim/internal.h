/* SPDX-License-Identifier: BSD-2-Clause */
/* State that the files of the deterministic port share. */
#ifndef SIM_INTERNAL_H
#define SIM_INTERNAL_H

#include <setjmp.h>

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

#if SIM_ASAN || defined(__SANITIZE_THREAD__)
#define SIM_STACK_BYTES ((size_t)256 * 1024)
#else
#define SIM_STACK_BYTES ((size_t)64 * 1024)
#endif
#define SIM_MAX_HELD 16u
/* From one fiber to another without the hub: the sanitizer is told of the hub only. */
#define SIM_DIRECT (!SIM_ASAN)

/* Variables that go back to a snapshot (arena.c). */
#define SIM_SNAP __attribute__((section("sim_snap")))

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
	unsigned cpu;
	struct sim_op op; /* published, not done yet */
	struct sim_fiber *fiber;
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

	sim_task_fn fn;
	void *arg;
	char name[40];
};

struct sim_cpu {
	struct sim_agent *task;	   /* has the CPU, even when interrupted or spinning */
	struct sim_agent *handler; /* active */
};

struct sim_line {
	char name[40];
	unsigned cpu;
	sim_irq_fn fn;
	void *arg;
	uint32_t id;
	uint16_t choice_id;
	bool pending;
	lz_ns due;
};

struct sim_unit {
	struct sim_hw hw;
	bool exact; /* sim_hw_add_exact() */
	bool (*busy)(void *arg);
	bool is_busy; /* as of `epoch`, like the next */
	lz_ns wake_at;
	uint64_t epoch;
	uint32_t id;
	uint16_t choice_id;
	bool resting;
	uint64_t own_writes, seen;
	lz_ns rest_at;
};

enum sim_what { SIM_RUN_AGENT, SIM_RUN_LINE, SIM_RUN_HW, SIM_RUN_FLUSH, SIM_RUN_CLOCK };
struct sim_choice {
	enum sim_what what;
	uint32_t id;
	void *who; /* struct sim_agent, sim_line, sim_unit or sim_cpu */
};

/* Who there is. */
struct sim_sched {
	struct sim_agent **tasks; /* in the order in which they were made */
	size_t ntasks, cap_tasks;
	struct sim_line *lines;
	size_t nlines;
	struct sim_unit *hw;
	size_t nhw;
	uint64_t epoch; /* of the hardware's state; 0 is before all */
	/* Of all else that decides who can run, beside writes and time. */
	uint64_t changes;
	uint64_t listed;	      /* `epoch` and `changes` as of the last list */
	uint64_t listed_writes;	      /* `writes` when it was last good */
	lz_ns list_until;	      /* and how long it is good */
	unsigned nhandlers, npending; /* active; lines */
	struct sim_choice next;	      /* chosen by the strategy when somebody gave way */
	bool has_next, abandoned, paused;
	struct sim_agent *on;	     /* whose stack this is; NULL: the hub's */
	jmp_buf hub;		     /* where sim_abandon() goes from the hub's own stack */
	struct sim_agent *preempted; /* gave way at a visible operation */
	uint32_t next_id;
	uint16_t next_choice; /* 0 is the clock */
	bool running;	      /* inside sim_run() */
};
extern struct sim_sched sim_sched;

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

/* Writes by everybody but `a`. */
static inline uint64_t sim_foreign(const struct sim_agent *a)
{
	return sim.writes - a->own_writes;
}
static inline bool sim_wait_over(const struct sim_agent *a)
{
	if (a->wait == SIM_RUNNABLE)
		return true;
	if (a->wait == SIM_W_LOCK)
		return a->lock->owner == 0;
	if (a->wait == SIM_W_WORD && (*a->word != a->word_seen || (a->stop && *a->stop)))
		return true;
	if (a->wait == SIM_W_POLL && sim_foreign(a) != a->seen)
		return true;
	return sim.now >= a->deadline;
}

/* ---- choose.c ---- */
/* Who can run now; the list is good until the next call. */
size_t sim_collect(const struct sim_choice **out);
/* The earliest time at which somebody may become runnable. */
lz_ns sim_next_event(const struct sim_agent *outside);
/* Asks the strategy. False: nobody runs before `until`, or ever (*stuck). */
bool sim_decide(struct sim_choice *out, bool *stuck);

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
/* Waits like sim_wait_word(), also until *stop. */
void sim_wait_kick(const uint32_t *word, uint32_t seen, lz_ns t, const bool *stop);

/* ---- weak.c ---- */
/* The oldest store in the buffer of `cpu`, or NULL; and it takes effect. */
const struct sim_op *sim_weak_pending(unsigned cpu);
void sim_weak_flush(unsigned cpu);
/* All buffers; and what was is forgotten too, since memory gets another use. */
void sim_weak_drain(void);
/* Those of the running CPU, not before others had their chance to miss them. */
void sim_weak_settle(void);
void sim_weak_forget(void);
/* The simulation ends, what is in the buffers with it. */
void sim_weak_reset(void);

void sim_mem_start(void);
void sim_mem_stop(void);
void *sim_alloc(void *ctx, size_t size);
void sim_free(void *ctx, void *p, size_t size);
void *sim_dma_alloc(void *ctx, size_t size, size_t align, lz_phys *phys);
void sim_dma_free(void *ctx, void *va, size_t size);
void *sim_dma_virt(void *ctx, lz_phys phys);
void sim_mmio_forget(void);

#endif
