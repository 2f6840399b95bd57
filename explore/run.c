/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One run: stands between the port and the strategy, logs, hashes, and ends
 * the run at the first violation.
 */
#include "explore/explore.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sigjmp_buf crashed;
static volatile sig_atomic_t may_crash;

static void note(struct ex_run *r, char invariant, const char *where, const char *text)
{
	struct ex_violation *v = &r->violation;

	if (v->found)
		return;
	v->found = true;
	v->invariant = invariant;
	snprintf(v->where, sizeof(v->where), "%s", where);
	snprintf(v->text, sizeof(v->text), "%s", text);
	v->step = r->steps;
	v->time = sim_now();
}

_Noreturn void ex_violate(struct ex_run *r, char invariant, const char *where, const char *fmt, ...)
{
	char text[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note(r, invariant, where, text);
	sim_abandon();
}

void ex_check_contexts(struct ex_run *r)
{
	struct sim_stats st;
	char where[80];
	size_t i;

	sim_stats_get(&st);
	if (!st.violations)
		return;
	snprintf(where, sizeof(where), "%.79s", st.first_violation);
	for (i = 0; where[i]; i++)
		if (where[i] >= '0' && where[i] <= '9')
			where[i] = '#';
	ex_violate(r, 'H', where, "%s", st.first_violation);
}

const char *ex_intern(const char *text)
{
	static struct name {
		struct name *next;
		char text[];
	} * all;
	struct name *n;

	for (n = all; n; n = n->next)
		if (!strcmp(n->text, text))
			return n->text;
	n = ex_grow(NULL, sizeof(*n) + strlen(text) + 1);
	strcpy(n->text, text);
	n->next = all;
	all = n;
	return n->text;
}

/* ---- between the port and the strategy ---- */

static void record(struct ex_run *r, const struct sim_enabled *e)
{
	if (r->steps == r->step_cap) {
		r->step_cap = r->step_cap ? 2 * r->step_cap : 1024;
		r->step = ex_grow(r->step, r->step_cap * sizeof(*r->step));
	}
	r->step[r->steps] = (struct ex_step){.id = e->id,
					     .kind = e->kind,
					     .cpu = e->cpu,
					     .current = e->current,
					     .op = *e->op,
					     .time = sim_now(),
					     .name = ex_intern(e->name)};
}

/* After too many steps: fair choices, so that only a livelock goes on. They depend on the
 * seed alone, or a replay, which has no strategy's state, would part ways here: the
 * strategy is asked for nothing any more, no clock comes early and nothing goes wrong. */
static bool is_fair(const struct ex_run *r)
{
	return r->steps >= r->cap;
}

static size_t fair(struct ex_run *r, size_t n)
{
	if (r->steps >= 2 * r->cap)
		ex_violate(r, 'H', "livelock",
			   "no end after %llu steps, the last %llu of them fair",
			   (unsigned long long)r->steps, (unsigned long long)r->cap);
	return (size_t)(ex_random(&r->fair_rng) % n);
}

static void hash_step(struct ex_run *r, uint64_t what)
{
	r->hash = (r->hash ^ what) * 0x9e3779b97f4a7c15ull;
	r->hash ^= r->hash >> 29;
}

static size_t pick(void *ctx, const struct sim_enabled *e, size_t n)
{
	struct ex_run *r = ctx;
	lz_ns now = sim_now();
	size_t i;

	if (r->clock_from) {
		r->skipped += now - r->clock_from;
		r->clock_from = 0;
	}
	if (r->oracle)
		r->oracle(r);
	i = is_fair(r) ? fair(r, n) : r->strategy->pick(r->strategy->ctx, e, n);
	if (r->diverged)
		sim_abandon();
	e += i;
	if (r->trace)
		record(r, e);
	ex_log_add(&r->log, e->id);
	hash_step(r, (uint64_t)e->id | (uint64_t)e->op->kind << 16 | (uint64_t)e->op->len << 24 |
			     now << 40);
	if (++r->steps % EX_MARK == 0)
		ex_log_mark(&r->log, r->hash);
	if (e->kind == SIM_AGENT_CLOCK) {
		r->clocks_left--;
		r->clock_from = now;
	}
	return i;
}

static bool clock_wanted(void *ctx)
{
	struct ex_run *r = ctx;

	return r->clocks_left && !is_fair(r) &&
	       (!r->strategy->clock || r->strategy->clock(r->strategy->ctx));
}

static void panicked(void *ctx, const char *what, const char *file, int line)
{
	const char *slash = strrchr(file, '/');

	ex_violate(ctx, 'H', what, "assertion %s:%d: %s", slash ? slash + 1 : file, line, what);
}

/* ---- what may go wrong ---- */

const char *ex_maybe_name(enum ex_maybe what)
{
	static const char *const name[EX_MAYBES] = {
		"weak",		"alloc_failures", "config_failures",
		"late_answers", "removals",	  "reorders"};

	return name[what];
}

/* One occasion per step at most: the log needs no word of those that pass. */
static bool tied_to_step(enum ex_maybe what)
{
	return what == EX_WEAK || what == EX_REMOVAL;
}

bool ex_maybe(struct ex_run *r, enum ex_maybe what, const char *fmt, ...)
{
	struct ex_taken *t = &r->taken[r->n_taken];
	bool yes;

	if (!r->exploring || !r->left[what] || !r->strategy->maybe)
		return false;
	yes = !is_fair(r) && r->strategy->maybe(r->strategy->ctx, what);
	if (yes || !tied_to_step(what)) {
		ex_log_add(&r->log, (uint16_t)(EX_MAYBE + 2 * what + yes));
		hash_step(r, EX_MAYBE + 2 * what + yes);
	}
	if (!yes)
		return false;
	r->left[what]--;
	if (r->n_taken < EX_TAKEN) {
		va_list ap;

		r->n_taken++;
		t->what = what;
		t->step = r->steps;
		va_start(ap, fmt);
		vsnprintf(t->text, sizeof(t->text), fmt, ap);
		va_end(ap);
	}
	return true;
}

static bool weak(void *ctx, enum sim_weak what, unsigned cpu, uintptr_t addr)
{
	(void)addr;
	return ex_maybe(ctx, EX_WEAK, "%s of CPU %u",
			what == SIM_WEAK_DELAY ? "a store stays in the buffer"
					       : "a load is stale, it is one",
			cpu);
}

static bool alloc_fails(void *ctx)
{
	return ex_maybe(ctx, EX_ALLOC, "an allocation fails");
}

static struct sim_strategy hook = {.pick = pick, .clock = clock_wanted, .panic = panicked};

static uint64_t visible(void)
{
	struct sim_stats st;
	uint64_t n = 0;

	sim_stats_get(&st);
	for (unsigned i = 0; i < sizeof(st.ops) / sizeof(st.ops[0]); i++)
		n += st.ops[i];
	return n;
}

void ex_begin(struct ex_run *r)
{
	r->exploring = true;
	r->ops_before = visible();
	hook.weak = r->left[EX_WEAK] ? weak : NULL;
	hook.alloc_fails = r->left[EX_ALLOC] ? alloc_fails : NULL;
	sim_explore(&hook);
}

void ex_quiet(struct ex_run *r)
{
	if (!r->exploring)
		return;
	r->exploring = false;
	r->operations = visible() - r->ops_before;
	sim_explore(NULL);
}

unsigned ex_value(struct ex_run *r, unsigned n)
{
	unsigned v;

	if (n < 2)
		return 0;
	v = is_fair(r) ? (unsigned)(ex_random(&r->fair_rng) % n)
		       : r->strategy->value(r->strategy->ctx, n);
	if (v >= n)
		v = 0;
	ex_log_add(&r->log, (uint16_t)(EX_VALUE + v));
	hash_step(r, EX_VALUE + v);
	return v;
}

/* ---- crashes ---- */

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static struct sigaction before[N_SIGNALS];

static void on_crash(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (sig == SIGSEGV && sim_arena_fault(info->si_addr))
		return;
	if (may_crash) {
		may_crash = 0;
		siglongjmp(crashed, sig);
	}
	/* Nobody's: it comes again, to who was there before. */
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(signals[i], &before[i], NULL);
}

/* For good: a snapshot's pages trap outside of runs too. On a stack of its own: the
 * one that overflowed is no place for a handler. */
static void catch_crashes(void)
{
	static char stack[1 << 16];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_sigaction = on_crash,
			       .sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO};
	struct sigaction now;

	sigaction(SIGSEGV, NULL, &now);
	if (now.sa_flags & SA_SIGINFO && now.sa_sigaction == on_crash)
		return;
	sigaltstack(&ss, NULL);
	for (size_t i = 0; i < N_SIGNALS; i++)
		sigaction(signals[i], &sa, &before[i]);
}

bool ex_guarded(struct ex_run *r, void (*fn)(void *), void *arg)
{
	int sig;

	catch_crashes();
	sig = sigsetjmp(crashed, 0);
	if (!sig) {
		may_crash = 1;
		fn(arg);
	}
	may_crash = 0;
	if (sig)
		note(r, 'H', "crash",
		     sig == SIGSEGV ? "touched memory that is not there" : "crashed");
	return !sig;
}

struct sim_call {
	lz_ns until;
	int code;
};

static void call_sim_run(void *arg)
{
	struct sim_call *c = arg;

	c->code = sim_run(c->until);
}

bool ex_sim_run(struct ex_run *r, lz_ns until)
{
	struct sim_call c = {until, 2};
	bool whole = ex_guarded(r, call_sim_run, &c);

	ex_quiet(r);
	if (c.code == -1)
		note(r, 'H', "deadlock", "everybody waits and nothing can ever happen");
	else if (c.code == 1)
		note(r, 'H', "no end", "model time ran out before the run came to its end");
	return whole && (c.code == 0 || c.code == 3) && !r->violation.found && !r->diverged;
}

void ex_execute(struct ex_run *r)
{
	ex_log_clear(&r->log);
	r->steps = r->operations = 0;
	r->hash = ex_mix(r->seed);
	r->violation = (struct ex_violation){0};
	r->diverged = r->unfinished = r->exploring = false;
	r->clocks_left = r->subject->clocks;
	r->skipped = r->clock_from = 0;
	r->outcome = 0;
	memcpy(r->left, r->subject->budget, sizeof(r->left));
	r->n_taken = 0;
	r->oracle = NULL;
	r->cap = r->cap ? r->cap : EX_CAP;
	r->fair_rng = ex_mix(r->seed) | 1;
	hook.ctx = r;
	r->strategy->begin(r->strategy->ctx, r->seed);
	r->subject->run(r, r->subject->arg);
	sim_explore(NULL);
	if (r->strategy->end)
		r->strategy->end(r->strategy->ctx, r);
}

void ex_run_free(struct ex_run *r)
{
	ex_log_free(&r->log);
	free(r->step);
	r->step = NULL;
	r->step_cap = 0;
}
