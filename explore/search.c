/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The search: worker processes that run schedules, each with its share of the
 * numbers, and a parent that watches budget and findings. A run depends on its
 * number and the seed, and for PCT on the lengths that its worker has seen.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "explore/search.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_JOBS  64u
#define MAX_SEGS  (1u << 20)
#define MAX_MARKS (1u << 19)
#define SEEN_LOG2 20u
#define REPEAT	  100u /* one run in so many is run twice */
#define APART	  8u   /* of drawn runs one in so many is taken apart at its end */

struct slot {
	uint32_t ready;
	struct ex_violation v;
	char strategy[16];
	uint64_t schedule, seed, steps;
	uint32_t hash;
	size_t n, n_marks;
	struct ex_segment seg[MAX_SEGS];
	uint16_t mark[MAX_MARKS];
};

struct counts {
	uint64_t schedules, operations, distinct, repeated, unstable, unfinished, too_long;
	char unfinished_text[120];
};

struct shared {
	uint32_t stop;
	uint32_t taken; /* slots */
	uint32_t exhausted;
	struct counts worker[MAX_JOBS];
	struct slot slot[EX_FOUND];
};

struct worker {
	const struct ex_subject *subject;
	const struct ex_options *o;
	struct shared *sh;
	struct counts *c;
	double start;
	uint64_t *seen; /* bits: rough count of different runs */
	struct ex_strategies *draw;
	struct ex_run run;
};

static double clock_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

uint64_t ex_switches(const struct ex_log *l)
{
	uint64_t n = 0;

	for (size_t i = 1; i < l->n; i++)
		n += l->seg[i].id < EX_VALUE;
	return n;
}

void ex_replay(const struct ex_subject *s, uint64_t seed, const struct ex_log *log, bool trace,
	       struct ex_run *out)
{
	struct ex_follow f = {.log = log, .run = out};
	struct ex_strategy st = ex_strategy_follow(&f);

	*out = (struct ex_run){.subject = s, .strategy = &st, .seed = seed, .trace = trace};
	ex_execute(out);
	out->strategy = NULL;
}

/* ---- in a worker ---- */

static bool spent(const struct worker *w, uint64_t index)
{
	return __atomic_load_n(&w->sh->stop, __ATOMIC_RELAXED) ||
	       (w->o->runs && index >= w->o->runs) ||
	       (w->o->seconds > 0 && clock_s() - w->start > w->o->seconds);
}

static bool known(const struct worker *w, const struct ex_violation *v)
{
	for (unsigned i = 0; i < EX_FOUND; i++) {
		const struct slot *s = &w->sh->slot[i];

		if (__atomic_load_n(&s->ready, __ATOMIC_ACQUIRE) &&
		    s->v.invariant == v->invariant && !strcmp(s->v.where, v->where))
			return true;
	}
	return false;
}

static void hand_over(struct worker *w, uint64_t index)
{
	const struct ex_run *r = &w->run;
	struct slot *s;
	uint32_t i;

	if (known(w, &r->violation))
		return;
	if (r->log.n > MAX_SEGS || r->log.n_marks > MAX_MARKS) {
		w->c->too_long++;
		return;
	}
	i = __atomic_fetch_add(&w->sh->taken, 1, __ATOMIC_RELAXED);
	if (i >= EX_FOUND)
		return;
	s = &w->sh->slot[i];
	s->v = r->violation;
	strncpy(s->strategy, r->strategy->name, sizeof(s->strategy) - 1);
	s->schedule = index;
	s->seed = r->seed;
	s->steps = r->steps;
	s->hash = (uint32_t)r->hash;
	s->n = r->log.n;
	s->n_marks = r->log.n_marks;
	memcpy(s->seg, r->log.seg, s->n * sizeof(s->seg[0]));
	if (s->n_marks)
		memcpy(s->mark, r->log.mark, s->n_marks * sizeof(s->mark[0]));
	__atomic_store_n(&s->ready, 1, __ATOMIC_RELEASE);
	if (!w->o->keep_going)
		__atomic_store_n(&w->sh->stop, 1, __ATOMIC_RELAXED);
}

/* The same choices have to give the same run. */
static void run_again(struct worker *w)
{
	struct ex_run again;

	ex_replay(w->subject, w->run.seed, &w->run.log, false, &again);
	w->c->repeated++;
	w->c->unstable += again.diverged || again.hash != w->run.hash;
	ex_run_free(&again);
}

static void run_one(struct worker *w, const struct ex_strategy *st, uint64_t index, uint64_t seed)
{
	struct ex_run *r = &w->run;
	uint64_t bit;

	r->subject = w->subject;
	r->strategy = st;
	r->seed = seed;
	ex_execute(r);
	w->c->schedules++;
	w->c->operations += r->operations;
	bit = r->hash >> (64 - SEEN_LOG2);
	w->c->distinct += !(w->seen[bit / 64] >> bit % 64 & 1);
	w->seen[bit / 64] |= 1ull << bit % 64;
	if (r->unfinished && !w->c->unfinished++)
		memcpy(w->c->unfinished_text, r->unfinished_text, sizeof(r->unfinished_text));
	if (r->violation.found)
		hand_over(w, index);
	else if (w->c->schedules % REPEAT == 1)
		run_again(w);
}

static uint64_t seed_of(const struct worker *w, uint64_t index)
{
	return ex_mix(w->o->seed * 0x9e3779b97f4a7c15ull + index) >> 32;
}

static const unsigned depth[] = {2, 3, 4, 6};

const struct ex_strategy *ex_strategy_turn(struct ex_strategies *s, uint64_t index, bool is_long)
{
	if (is_long && index % 8 != 3 && index % 8 != 7)
		return ex_strategy_random(s, index % 2 ? 8 : 64);
	if (index % 8 < 4)
		return ex_strategy_pct(s, depth[index % 4]);
	return index % 8 < 7 || is_long ? ex_strategy_pos(s) : ex_strategy_random(s, 1);
}

bool ex_taken_apart(uint64_t index)
{
	/* Of each strategy's as many. */
	return index / 8 % APART == 0;
}

static const struct ex_strategy *turn_of(struct worker *w, uint64_t index)
{
	switch (w->o->strategy) {
	case EX_POS:
		return ex_strategy_pos(w->draw);
	case EX_RANDOM:
		return ex_strategy_random(w->draw, w->subject->is_long ? 64 : 1);
	case EX_PCT:
		return ex_strategy_pct(w->draw, depth[index % 4]);
	default:
		return ex_strategy_turn(w->draw, index, w->subject->is_long);
	}
}

/* Returns how many it ran. The seed is the same for all: only choices differ. */
static uint64_t search_dfs(struct worker *w, unsigned bound, uint64_t limit)
{
	struct ex_dfs *d = ex_dfs_new(bound);
	uint64_t i = 0;

	do {
		if (spent(w, i) || (limit && i >= limit))
			goto out;
		run_one(w, ex_strategy_dfs(d), i++, w->o->seed);
	} while (ex_dfs_next(d));
	__atomic_store_n(&w->sh->exhausted, 1, __ATOMIC_RELAXED);
out:
	ex_dfs_free(d);
	return i;
}

static void search_dpor(struct worker *w)
{
	struct ex_dpor *d = ex_dpor_new(w->o->bound);
	uint64_t i = 0;
	bool more = true;

	while (more && !spent(w, i)) {
		run_one(w, ex_strategy_dpor(d), i++, w->o->seed);
		more = ex_dpor_next(d);
	}
	__atomic_store_n(&w->sh->exhausted, !more, __ATOMIC_RELAXED);
	ex_dpor_free(d);
}

static bool with_dfs(const struct worker *w)
{
	return w->o->strategy == EX_AUTO && !w->subject->is_long;
}

static void work(struct worker *w, unsigned number)
{
	uint64_t i;

	w->seen = ex_grow(NULL, (1u << SEEN_LOG2) / 8);
	memset(w->seen, 0, (1u << SEEN_LOG2) / 8);
	w->draw = ex_strategies_new();
	if (w->o->strategy == EX_DFS) {
		if (!number)
			search_dfs(w, w->o->bound, 0);
		return;
	}
	if (w->o->strategy == EX_DPOR) {
		if (!number)
			search_dpor(w);
		return;
	}
	if (with_dfs(w) && !number) {
		/* All schedules with one delay, as far as a share of the budget goes. */
		(void)search_dfs(w, 1, w->o->runs ? w->o->runs / 8 + 1 : 500);
		__atomic_store_n(&w->sh->exhausted, 0, __ATOMIC_RELAXED);
	}
	for (i = number; !spent(w, i + (with_dfs(w) ? w->o->runs / 8 : 0)); i += w->o->jobs) {
		w->run.brief = !ex_taken_apart(i);
		run_one(w, turn_of(w, i), i, seed_of(w, i));
	}
}

/* ---- the parent ---- */

static void sum(const struct shared *sh, unsigned jobs, struct counts *c)
{
	*c = (struct counts){0};
	for (unsigned i = 0; i < jobs; i++) {
		const struct counts *w = &sh->worker[i];

		c->schedules += w->schedules;
		c->operations += w->operations;
		c->distinct += w->distinct;
		c->repeated += w->repeated;
		c->unstable += w->unstable;
		c->too_long += w->too_long;
		if (w->unfinished && !c->unfinished)
			memcpy(c->unfinished_text, w->unfinished_text, sizeof(w->unfinished_text));
		c->unfinished += w->unfinished;
	}
}

static void tell(const struct ex_options *o, const struct shared *sh, double seconds)
{
	struct ex_progress p;
	struct counts c;

	if (!o->progress)
		return;
	sum(sh, o->jobs, &c);
	p = (struct ex_progress){c.schedules, c.operations, c.distinct, seconds, -1};
	if (o->seconds > 0)
		p.left = o->seconds - seconds;
	else if (o->runs && c.schedules)
		p.left = seconds * (double)(o->runs - c.schedules) / (double)c.schedules;
	o->progress(&p);
}

static bool wait_for(const pid_t *pid, const struct ex_options *o, struct shared *sh, double start,
		     struct ex_result *out)
{
	unsigned left = o->jobs;
	bool ok = true;

	while (left) {
		int status;
		pid_t p = waitpid(-1, &status, WNOHANG);

		if (p == 0) {
			const struct timespec pause = {0, 20000000};

			nanosleep(&pause, NULL);
			tell(o, sh, clock_s() - start);
			continue;
		}
		if (p < 0)
			break;
		for (unsigned i = 0; i < o->jobs; i++)
			left -= pid[i] == p;
		if (!WIFEXITED(status) || WEXITSTATUS(status)) {
			snprintf(out->failure, sizeof(out->failure), "a worker died by signal %d",
				 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
			__atomic_store_n(&sh->stop, 1, __ATOMIC_RELAXED);
			ok = false;
		}
	}
	return ok;
}

static void take(const struct slot *s, struct ex_found *f)
{
	struct ex_log log = {.seg = (struct ex_segment *)s->seg,
			     .n = s->n,
			     .mark = (uint16_t *)s->mark,
			     .n_marks = s->n_marks};

	*f = (struct ex_found){.v = s->v,
			       .strategy = ex_intern(s->strategy),
			       .schedule = s->schedule,
			       .seed = s->seed,
			       .steps = s->steps,
			       .hash = s->hash};
	ex_log_copy(&f->log, &log);
	f->switches = f->switches_before = ex_switches(&f->log);
}

void ex_search(const struct ex_subject *subject, const struct ex_options *options,
	       struct ex_result *out)
{
	struct ex_options opt = *options;
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	double start = clock_s();
	pid_t pid[MAX_JOBS];
	struct counts c;

	*out = (struct ex_result){0};
	if (sh == MAP_FAILED) {
		snprintf(out->failure, sizeof(out->failure), "out of memory");
		return;
	}
	if (opt.strategy == EX_DFS || opt.strategy == EX_DPOR)
		opt.jobs = 1;
	opt.jobs = opt.jobs > MAX_JOBS ? MAX_JOBS : opt.jobs ? opt.jobs : 1;
	fflush(NULL);
	for (unsigned i = 0; i < opt.jobs; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			struct worker w = {subject, &opt, sh,	&sh->worker[i],
					   start,   NULL, NULL, {0}};

			work(&w, i);
			_exit(0);
		}
	}
	(void)wait_for(pid, &opt, sh, start, out);
	out->seconds = clock_s() - start;
	sum(sh, opt.jobs, &c);
	out->schedules = c.schedules;
	out->operations = c.operations;
	out->distinct = c.distinct;
	out->repeated = c.repeated;
	out->exhausted = sh->exhausted != 0;
	if (c.too_long)
		snprintf(out->failure, sizeof(out->failure),
			 "%llu violations in runs that are too long for a token",
			 (unsigned long long)c.too_long);
	if (c.unstable)
		snprintf(out->failure, sizeof(out->failure),
			 "%llu of %llu runs were not repeated by their own log",
			 (unsigned long long)c.unstable, (unsigned long long)c.repeated);
	if (c.unfinished)
		snprintf(out->failure, sizeof(out->failure), "%llu runs could not be judged: %s",
			 (unsigned long long)c.unfinished, c.unfinished_text);
	for (unsigned i = 0; i < EX_FOUND; i++) {
		if (!sh->slot[i].ready || (out->n_found && !opt.keep_going))
			continue;
		take(&sh->slot[i], &out->found[out->n_found]);
		if (!opt.no_minimise)
			ex_minimise(subject, &out->found[out->n_found], 2000);
		out->n_found++;
	}
	munmap(sh, sizeof(*sh));
}

void ex_result_free(struct ex_result *r)
{
	for (unsigned i = 0; i < r->n_found; i++)
		ex_log_free(&r->found[i].log);
	r->n_found = 0;
}

char *ex_found_token(const struct ex_subject *s, const struct ex_found *f)
{
	struct ex_token t = {.build = ex_build_id(),
			     .subject = s->hash,
			     .seed = f->seed,
			     .log = f->log,
			     .steps = f->steps,
			     .hash = f->hash};

	return ex_token_write(&t);
}
