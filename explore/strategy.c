/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Strategies that draw: random walk, PCT (random priorities, d-1 places where
 * the running agent falls behind all others) and POS (a random priority per
 * pending operation, drawn again after a race). And the one that follows a log.
 */
#include "explore/explore.h"

#include <stdlib.h>
#include <string.h>

#define AGENTS	   EX_VALUE
#define MAX_DEPTH  8u
#define MAX_CLOCKS 8u

struct ex_strategies {
	uint64_t rng;
	uint64_t typical; /* a moving mean: where things go wrong */
	uint64_t longest; /* steps of the longest run so far: PCT's k */
	bool learned;	  /* that is no guess */
	uint64_t step;
	uint64_t clock_at[MAX_CLOCKS + 1]; /* ascending, never at the end */
	unsigned clocks, next_clock;
	uint64_t prio[AGENTS];	      /* 0: not drawn yet */
	uint64_t lowest;	      /* below it nobody is */
	uint16_t ran;		      /* who was picked last */
	uint16_t leaving;	      /* who falls behind all others at leave_at */
	uint64_t leave_at;	      /* 0: nobody */
	unsigned one_in;	      /* random */
	uint64_t maybe_at[EX_MAYBES]; /* the next one goes wrong from this step on; 0: not drawn */
	unsigned maybe_in[EX_MAYBES]; /* or one occasion in so many; 0: not drawn */
	/* PCT */
	unsigned depth, next_change;
	uint64_t change_at[MAX_DEPTH]; /* ascending, never at the end */
	/* POS */
	struct sim_op last;
	unsigned last_cpu;
	bool has_last;
	struct ex_strategy pct, pos, random;
};

/* ---- common ---- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void begin(struct ex_strategies *s, uint64_t seed)
{
	s->rng = ex_mix(seed) | 1;
	s->step = 0;
	s->next_clock = 0;
	s->lowest = 1ull << 61;
	s->ran = 0;
	s->leave_at = 0;
	/* Half of the runs keep the clock's order. */
	s->clocks = (unsigned)(ex_random(&s->rng) >> 33) % (2 * MAX_CLOCKS);
	s->clocks = s->clocks > MAX_CLOCKS ? 0 : s->clocks;
	for (unsigned i = 0; i < s->clocks; i++)
		s->clock_at[i] = (ex_random(&s->rng) >> 20) % s->longest;
	qsort(s->clock_at, s->clocks, sizeof(s->clock_at[0]), by_number);
	s->clock_at[s->clocks] = UINT64_MAX;
	memset(s->prio, 0, sizeof(s->prio));
	memset(s->maybe_at, 0, sizeof(s->maybe_at));
	memset(s->maybe_in, 0, sizeof(s->maybe_in));
}

static bool clock_due(void *ctx)
{
	struct ex_strategies *s = ctx;

	return s->step >= s->clock_at[s->next_clock];
}

/* The clock stands last. True: it is its turn. */
static bool clock_turn(struct ex_strategies *s, const struct sim_enabled *e, size_t n)
{
	s->step++;
	if (e[n - 1].kind != SIM_AGENT_CLOCK)
		return false;
	s->next_clock++;
	return true;
}

static unsigned value(void *ctx, unsigned n)
{
	struct ex_strategies *s = ctx;

	return (unsigned)((ex_random(&s->rng) >> 32) % n);
}

static unsigned draw_rate(struct ex_strategies *s, enum ex_maybe what)
{
	unsigned v;

	if (what == EX_WEAK || what == EX_REMOVAL)
		return 1;
	v = (unsigned)(ex_random(&s->rng) >> 33) % 10;
	return v < 5 ? 1 : 2u << (v - 5);
}

/* What stays in a store buffer matters when others run before it is drained, which is
 * a few steps later: mostly whoever has stored falls behind until then. */
static void leave_soon(struct ex_strategies *s)
{
	uint64_t v = ex_random(&s->rng) >> 33;

	s->leaving = s->ran;
	s->leave_at = v % 4 ? s->step + 1 + (v >> 8) % 4 : 0;
}

static void leave(struct ex_strategies *s)
{
	if (!s->leave_at || s->step < s->leave_at)
		return;
	s->leave_at = 0;
	s->prio[s->leaving] = --s->lowest;
}

/* From a random step on; in some runs not at all. Where occasions are few, one often
 * comes right behind the other, as the allocations of one call: then in half of the
 * runs one of them in so many. */
static bool maybe(void *ctx, enum ex_maybe what)
{
	struct ex_strategies *s = ctx;

	if (!s->maybe_in[what])
		s->maybe_in[what] = draw_rate(s, what);
	if (s->maybe_in[what] > 1)
		return (ex_random(&s->rng) >> 32) % s->maybe_in[what] == 0;
	if (!s->maybe_at[what])
		s->maybe_at[what] = 1 + (ex_random(&s->rng) >> 20) % (s->typical + s->typical / 4);
	if (s->step < s->maybe_at[what])
		return false;
	s->maybe_at[what] = s->step + 1 + (ex_random(&s->rng) >> 20) % s->typical;
	if (what == EX_WEAK)
		leave_soon(s);
	return true;
}

static void end(void *ctx, const struct ex_run *r)
{
	struct ex_strategies *s = ctx;

	/* Polling makes some runs very long; change points belong into the rest. */
	if (r->steps >= 20000)
		return;
	if (r->steps > s->longest || !s->learned)
		s->longest = r->steps > 4 ? r->steps : 4;
	s->typical = s->learned ? (15 * s->typical + r->steps) / 16 + 1 : s->longest;
	s->learned = true;
}

static uint64_t draw_priority(struct ex_strategies *s)
{
	return ex_random(&s->rng) >> 1 | 1ull << 62;
}

/* A store buffer often keeps what it has as long as it may. */
static uint64_t first_priority(struct ex_strategies *s, const struct sim_enabled *e)
{
	uint64_t p = draw_priority(s);

	return e->id >= SIM_FLUSH_ID && e->kind == SIM_AGENT_HW && p & 1 ? p >> 2 : p;
}

static size_t highest(struct ex_strategies *s, const struct sim_enabled *e, size_t n)
{
	size_t best = 0;

	for (size_t i = 0; i < n; i++) {
		if (!s->prio[e[i].id])
			s->prio[e[i].id] = first_priority(s, &e[i]);
		if (s->prio[e[i].id] > s->prio[e[best].id])
			best = i;
	}
	return best;
}

/* ---- random walk ---- */

static void random_begin(void *ctx, uint64_t seed)
{
	begin(ctx, seed);
}

static size_t random_pick(void *ctx, const struct sim_enabled *e, size_t n)
{
	struct ex_strategies *s = ctx;

	if (clock_turn(s, e, n))
		return n - 1;
	if (n == 1)
		return 0;
	for (size_t i = 0; s->one_in > 1 && i < n; i++)
		if (e[i].current && e[i].op->kind != LZ_SIM_RELAX &&
		    (ex_random(&s->rng) >> 32) % s->one_in)
			return i;
	return (size_t)((ex_random(&s->rng) >> 32) % n);
}

/* ---- PCT ---- */

static void pct_begin(void *ctx, uint64_t seed)
{
	struct ex_strategies *s = ctx;

	begin(s, seed);
	s->next_change = 0;
	for (unsigned i = 0; i + 1 < s->depth; i++)
		s->change_at[i] = (ex_random(&s->rng) >> 20) % s->longest;
	qsort(s->change_at, s->depth - 1, sizeof(s->change_at[0]), by_number);
	s->change_at[s->depth - 1] = UINT64_MAX;
}

static size_t pct_pick(void *ctx, const struct sim_enabled *e, size_t n)
{
	struct ex_strategies *s = ctx;
	size_t best;

	if (clock_turn(s, e, n))
		return n - 1;
	leave(s);
	s->ran = e[0].id;
	if (n == 1 && s->step < s->change_at[s->next_change])
		return 0;
	best = highest(s, e, n);
	/* Who spins lets the others go on, else nobody would end the spinning. */
	if (n > 1 && e[best].current && e[best].op->kind == LZ_SIM_RELAX) {
		s->prio[e[best].id] = --s->lowest;
		best = highest(s, e, n);
	}
	while (s->step >= s->change_at[s->next_change]) {
		s->next_change++;
		s->prio[e[best].id] = --s->lowest;
		best = highest(s, e, n);
	}
	s->ran = e[best].id;
	return best;
}

/* ---- POS ---- */

static void pos_begin(void *ctx, uint64_t seed)
{
	struct ex_strategies *s = ctx;

	begin(s, seed);
	s->has_last = false;
}

static size_t pos_pick(void *ctx, const struct sim_enabled *e, size_t n)
{
	struct ex_strategies *s = ctx;
	size_t best;

	if (clock_turn(s, e, n))
		return n - 1;
	for (size_t i = 0; s->has_last && i < n; i++)
		if (e[i].id == s->ran || ex_dependent(&s->last, s->last_cpu, e[i].op, e[i].cpu))
			s->prio[e[i].id] = 0;
	leave(s);
	best = n > 1 ? highest(s, e, n) : 0;
	s->has_last = true;
	s->last = *e[best].op;
	s->last_cpu = e[best].cpu;
	s->ran = e[best].id;
	return best;
}

struct ex_strategies *ex_strategies_new(void)
{
	struct ex_strategies *s = ex_grow(NULL, sizeof(*s));

	*s = (struct ex_strategies){.typical = 64, .longest = 64, .depth = 2};
	s->random = (struct ex_strategy){"random", s,	  random_begin, random_pick,
					 value,	   maybe, clock_due,	end};
	s->pct = (struct ex_strategy){"pct", s, pct_begin, pct_pick, value, maybe, clock_due, end};
	s->pos = (struct ex_strategy){"pos", s, pos_begin, pos_pick, value, maybe, clock_due, end};
	return s;
}

void ex_strategies_free(struct ex_strategies *s)
{
	free(s);
}

const struct ex_strategy *ex_strategy_pct(struct ex_strategies *s, unsigned depth)
{
	s->depth = depth > MAX_DEPTH ? MAX_DEPTH : depth;
	return &s->pct;
}

const struct ex_strategy *ex_strategy_pos(struct ex_strategies *s)
{
	return &s->pos;
}

const struct ex_strategy *ex_strategy_random(struct ex_strategies *s, unsigned one_in)
{
	s->one_in = one_in;
	return &s->random;
}

/* ---- following a log ---- */

static void follow_begin(void *ctx, uint64_t seed)
{
	struct ex_follow *f = ctx;

	(void)seed;
	f->at = 0;
	f->done = 0;
}

static const struct ex_segment *next_segment(struct ex_follow *f)
{
	if (f->at < f->log->n && f->done >= f->log->seg[f->at].count) {
		f->at++;
		f->done = 0;
	}
	return f->at < f->log->n ? &f->log->seg[f->at] : NULL;
}

static size_t diverge(struct ex_follow *f)
{
	f->run->diverged = true;
	f->run->diverged_at = f->run->steps;
	return 0;
}

/* Where a log has ended: whoever is at it goes on. */
static size_t go_on(const struct sim_enabled *e, size_t n)
{
	size_t best = 0;

	for (size_t i = 0; i < n; i++) {
		if (e[i].current && e[i].op->kind != LZ_SIM_RELAX)
			return i;
		if (e[i].kind != SIM_AGENT_CLOCK && e[i].id < e[best].id)
			best = i;
	}
	return best;
}

static bool off_the_marks(const struct ex_follow *f)
{
	const struct ex_log *mine = &f->run->log;
	size_t n = mine->n_marks, at = n >> f->log->mark_shift;

	return n && at << f->log->mark_shift == n && at && at <= f->log->n_marks &&
	       mine->mark[n - 1] != f->log->mark[at - 1];
}

static size_t follow_pick(void *ctx, const struct sim_enabled *e, size_t n)
{
	struct ex_follow *f = ctx;
	const struct ex_segment *seg;

	if (!f->loose && off_the_marks(f))
		return diverge(f);
	while ((seg = next_segment(f))) {
		for (size_t i = 0; i < n; i++)
			if (e[i].id == seg->id) {
				f->done++;
				return i;
			}
		if (!f->loose)
			return diverge(f);
		f->at++;
		f->done = 0;
	}
	return f->loose ? go_on(e, n) : diverge(f);
}

static unsigned follow_value(void *ctx, unsigned n)
{
	struct ex_follow *f = ctx;
	const struct ex_segment *seg = next_segment(f);

	if (seg && seg->id >= EX_VALUE && seg->id - EX_VALUE < n) {
		f->done++;
		return seg->id - EX_VALUE;
	}
	if (!f->loose)
		diverge(f);
	return 0;
}

static bool follow_maybe(void *ctx, enum ex_maybe what)
{
	struct ex_follow *f = ctx;
	const struct ex_segment *seg = next_segment(f);

	if (!seg || (seg->id != EX_MAYBE + 2 * what && seg->id != EX_MAYBE + 2 * what + 1))
		return false;
	f->done++;
	return seg->id == EX_MAYBE + 2 * what + 1;
}

struct ex_strategy ex_strategy_follow(struct ex_follow *f)
{
	return (struct ex_strategy){"replay",	  f,	follow_begin, follow_pick, follow_value,
				    follow_maybe, NULL, NULL};
}
