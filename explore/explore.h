/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The explorer: runs a subject again and again, each time under another
 * schedule. Everything that may happen in more than one order, and every
 * freedom of hardware or environment, is a choice; the choices of a run are
 * logged, and the log replays it.
 */
#ifndef LZ_EXPLORE_H
#define LZ_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "explore/log.h"
#include "port/sim/lz_arch.h"
#include "port/sim/sim.h"

struct ex_run;

/* What may go wrong, each time by choice. */
enum ex_maybe {
	EX_WEAK,    /* a store stays in its CPU's buffer, or a load is stale */
	EX_ALLOC,   /* an allocation of the library fails */
	EX_CONFIG,  /* a write to config space is lost, a read is all ones */
	EX_LATE,    /* a device leaves one invalidation unanswered */
	EX_REMOVAL, /* a device is pulled out */
	EX_REORDER, /* not the oldest of several completions comes first */
	EX_MAYBES
};

/* What is explored. */
struct ex_subject {
	const char *name;
	/* Builds a simulation, runs it by ex_sim_run(), and leaves nothing behind,
	 * also when that returns false. `arg` is the case's. */
	void (*run)(struct ex_run *r, void *arg);
	void *arg;
	uint32_t hash;	 /* of everything that the subject depends on */
	bool is_long;	 /* millions of operations: mostly sticky random schedules */
	unsigned clocks; /* deadlines that may come early, per run */
	/* How often what may go wrong, per run. */
	unsigned budget[EX_MAYBES];
};

/* Chooses. One instance serves many runs, one after the other. */
struct ex_strategy {
	const char *name;
	void *ctx;
	void (*begin)(void *ctx, uint64_t seed);
	size_t (*pick)(void *ctx, const struct sim_enabled *e, size_t n);
	/* One of n values. */
	unsigned (*value)(void *ctx, unsigned n);
	/* Does it go wrong here? Asked while the budget lasts; NULL: never. */
	bool (*maybe)(void *ctx, enum ex_maybe what);
	/* Is the clock wanted among the choices now? NULL: always. */
	bool (*clock)(void *ctx);
	void (*end)(void *ctx, const struct ex_run *r);
};

/* What the scenario expects did not come true. */
#define EX_EXPECT 'X'

struct ex_violation {
	bool found;
	char invariant; /* 'A' .. 'H', or EX_EXPECT */
	char where[80]; /* the same for the same violation, without figures */
	char text[240]; /* with them */
	uint64_t step;
	lz_ns time;
};

/* Steps until only fair choices are made, and as many again until it is a livelock. */
#define EX_CAP 200000u

/* A step, as the view and DPOR want it. */
struct ex_step {
	uint16_t id;
	uint8_t kind, cpu; /* of struct sim_enabled */
	bool current;
	struct sim_op op;
	lz_ns time;
	const char *name; /* interned */
};

/* What went wrong in a run. */
struct ex_taken {
	enum ex_maybe what;
	uint64_t step;
	char text[72];
};
#define EX_TAKEN 8u

struct ex_run {
	const struct ex_subject *subject;
	const struct ex_strategy *strategy;
	uint64_t seed;
	bool trace;   /* fill `step` */
	bool rebuild; /* start from nothing, not from a snapshot */
	bool brief;   /* not taken apart at the end; no step depends on it */
	bool blind;   /* without oracles, and not brought to rest: for figures */
	uint64_t cap; /* steps until only fair choices are made; 0: the default */

	struct ex_log log;
	uint64_t steps;
	uint64_t operations; /* visible ones, in exploration */
	uint64_t hash;
	struct ex_violation violation;
	bool diverged; /* a strict replay could not follow */
	uint64_t diverged_at;
	bool unfinished; /* the subject could not be judged */
	char unfinished_text[120];
	unsigned clocks_left;
	unsigned left[EX_MAYBES]; /* of the budget */
	struct ex_taken taken[EX_TAKEN];
	unsigned n_taken;
	lz_ns skipped;	  /* time that passed because the clock was chosen */
	uint64_t outcome; /* of the subject, times left out; 0: it has none */
	struct ex_step *step;
	size_t step_cap;

	/* The subject's own. */
	void (*oracle)(struct ex_run *r); /* at every decision; may be NULL */
	void *own;
	bool exploring;
	lz_ns clock_from; /* set while the clock is passed */
	uint64_t fair_rng;
	uint64_t ops_before;
};

/* One run under `st`. Fill subject, strategy and seed in before; afterwards the
 * results are there, and ex_run_free() gives the memory back. */
void ex_execute(struct ex_run *r);
void ex_run_free(struct ex_run *r);

/* ---- for subjects ---- */

/* Runs the simulation until its end or sim_pause(); false when the run ended before
 * its time (a violation, or a divergence), then only memory of the subject's own is
 * to be freed. */
bool ex_sim_run(struct ex_run *r, lz_ns until);
/* Calls fn(arg); false when it crashed, which is then the violation. */
bool ex_guarded(struct ex_run *r, void (*fn)(void *), void *arg);
/* From here on, until ex_quiet(), the strategy chooses. */
void ex_begin(struct ex_run *r);
void ex_quiet(struct ex_run *r);
/* A choice of the environment: 0 .. n-1; 0 is the plainest. */
unsigned ex_value(struct ex_run *r, unsigned n);
/* Does `what` go wrong, here and now? With what happens then in words. */
bool ex_maybe(struct ex_run *r, enum ex_maybe what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Key in a scenario. */
const char *ex_maybe_name(enum ex_maybe what);
/* The run ends here. `where` without figures. */
_Noreturn void ex_violate(struct ex_run *r, char invariant, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Invariant H: what the port saw. */
void ex_check_contexts(struct ex_run *r);
/* Lives as long as the program. */
const char *ex_intern(const char *text);

/* ---- strategies ---- */

struct ex_strategies; /* all of them, with what they have learned */
struct ex_strategies *ex_strategies_new(void);
void ex_strategies_free(struct ex_strategies *s);
/* "pct", "pos", "random"; `depth` is PCT's. */
const struct ex_strategy *ex_strategy_pct(struct ex_strategies *s, unsigned depth);
const struct ex_strategy *ex_strategy_pos(struct ex_strategies *s);
/* Leaves the running agent with probability 1/one_in; 1: a walk. */
const struct ex_strategy *ex_strategy_random(struct ex_strategies *s, unsigned one_in);

/* Follows a log: strictly, or as far as it goes. */
struct ex_follow {
	const struct ex_log *log;
	bool loose;
	struct ex_run *run;
	size_t at;
	uint32_t done; /* of segment `at` */
};
struct ex_strategy ex_strategy_follow(struct ex_follow *f);

/* Delay-bounded search: all schedules in which at most `bound` times somebody
 * else than the next in line goes on. */
struct ex_dfs;
struct ex_dfs *ex_dfs_new(unsigned bound);
void ex_dfs_free(struct ex_dfs *d);
const struct ex_strategy *ex_strategy_dfs(struct ex_dfs *d);
/* Moves to the next schedule; false: there is none. */
bool ex_dfs_next(struct ex_dfs *d);

/* Search that reorders only what depends on each other, with at most `bound`
 * preemptions. */
struct ex_dpor;
struct ex_dpor *ex_dpor_new(unsigned bound);
/* Without reduction: every schedule with at most `bound` preemptions, to compare. */
void ex_dpor_all(struct ex_dpor *d);
void ex_dpor_free(struct ex_dpor *d);
const struct ex_strategy *ex_strategy_dpor(struct ex_dpor *d);
bool ex_dpor_next(struct ex_dpor *d);

/* May the order of these two operations matter? */
bool ex_dependent(const struct sim_op *a, unsigned cpu_a, const struct sim_op *b, unsigned cpu_b);

/* xorshift; never 0 in, never 0 out. */
static inline uint64_t ex_random(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s * 0x2545f4914f6cdd1dull;
}
static inline uint64_t ex_mix(uint64_t v)
{
	v += 0x9e3779b97f4a7c15ull;
	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ull;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebull;
	return v ^ (v >> 31);
}

#endif
