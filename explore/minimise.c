/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes a failing run easier to read: segments are left out (delta debugging)
 * and the rest is followed as far as it goes. What counts is the log of the
 * run that came of it, and only when the same oracle speaks at the same place.
 */
#include "explore/search.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct job {
	const struct ex_subject *s;
	struct ex_found *f;
	unsigned budget;
	time_t until;
};

/* What went wrong by choice. */
static uint64_t wrongs(const struct ex_log *l)
{
	uint64_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->seg[i].id >= EX_MAYBE && l->seg[i].id % 2)
			n += l->seg[i].count;
	return n;
}

static bool better(const struct ex_run *r, const struct ex_found *f)
{
	uint64_t mine = ex_switches(&r->log), mine_wrong = wrongs(&r->log), wrong = wrongs(&f->log);

	if (!r->violation.found || r->violation.invariant != f->v.invariant ||
	    strcmp(r->violation.where, f->v.where))
		return false;
	if (mine_wrong != wrong)
		return mine_wrong < wrong;
	return mine < f->switches || (mine == f->switches && r->steps < f->steps);
}

/* None that a replay does not know: what is a livelock here has to be one there. */
static uint64_t cap_for(const struct ex_found *f)
{
	uint64_t cap = 2 * f->steps + 2000;

	return cap < EX_CAP ? cap : EX_CAP;
}

static bool attempt(struct job *j, const struct ex_log *log)
{
	struct ex_run r = {.subject = j->s, .seed = j->f->seed, .cap = cap_for(j->f)};
	struct ex_follow follow = {.log = log, .loose = true, .run = &r};
	struct ex_strategy st = ex_strategy_follow(&follow);
	bool ok;

	if (!j->budget)
		return false;
	j->budget = time(NULL) < j->until ? j->budget - 1 : 0;
	r.strategy = &st;
	ex_execute(&r);
	ok = better(&r, j->f);
	if (ok) {
		ex_log_free(&j->f->log);
		ex_log_copy(&j->f->log, &r.log);
		j->f->v = r.violation;
		j->f->steps = r.steps;
		j->f->hash = (uint32_t)r.hash;
		j->f->switches = ex_switches(&r.log);
	}
	ex_run_free(&r);
	return ok;
}

/* Without segments [at, at+n). */
static bool without(struct job *j, size_t at, size_t n)
{
	const struct ex_log *old = &j->f->log;
	struct ex_log l = {.seg = ex_grow(NULL, (old->n + 1) * sizeof(*l.seg))};
	bool ok;

	memcpy(l.seg, old->seg, at * sizeof(*l.seg));
	memcpy(l.seg + at, old->seg + at + n, (old->n - at - n) * sizeof(*l.seg));
	l.n = old->n - n;
	ok = attempt(j, &l);
	free(l.seg);
	return ok;
}

/* Segment `at` takes over what a later one of its agent would do. */
static bool merged(struct job *j, size_t at)
{
	const struct ex_log *old = &j->f->log;
	size_t next = at + 1;
	struct ex_log l;
	bool ok;

	while (next < old->n && old->seg[next].id != old->seg[at].id)
		next++;
	if (next == old->n || next > at + 8)
		return false;
	ex_log_copy(&l, old);
	l.seg[at].count += l.seg[next].count;
	memmove(&l.seg[next], &l.seg[next + 1], (l.n - next - 1) * sizeof(*l.seg));
	l.n--;
	ok = attempt(j, &l);
	ex_log_free(&l);
	return ok;
}

static bool pass(struct job *j, size_t n)
{
	bool any = false;

	for (size_t at = 0; at + n <= j->f->log.n && j->budget;) {
		if (without(j, at, n))
			any = true;
		else
			at += n;
	}
	return any;
}

/* Above all: does it need what went wrong? */
static void without_wrongs(struct job *j)
{
	for (size_t at = 0; at < j->f->log.n && j->budget;)
		if (j->f->log.seg[at].id < EX_MAYBE || !without(j, at, 1))
			at++;
}

void ex_minimise(const struct ex_subject *s, struct ex_found *f, unsigned budget)
{
	struct job j = {s, f, budget, time(NULL) + 15};
	bool any = true;

	while (any && j.budget) {
		any = false;
		without_wrongs(&j);
		for (size_t n = f->log.n / 2; n && j.budget; n /= 2)
			any |= pass(&j, n);
		for (size_t at = 0; at < f->log.n && j.budget; at++)
			any |= merged(&j, at);
	}
}
