/* SPDX-License-Identifier: BSD-2-Clause */
/* Spends a budget of schedules on a subject; minimises and shows what it finds. */
#ifndef LZ_EXPLORE_SEARCH_H
#define LZ_EXPLORE_SEARCH_H

#include <stdio.h>

#include "explore/explore.h"

enum ex_kind { EX_AUTO, EX_PCT, EX_POS, EX_RANDOM, EX_DFS, EX_DPOR };

struct ex_progress {
	uint64_t schedules, operations, distinct;
	double seconds, left; /* left < 0: unknown */
};

struct ex_options {
	enum ex_kind strategy;
	uint64_t runs;	/* 0: no limit */
	double seconds; /* 0: no limit */
	uint64_t seed;
	unsigned jobs;	 /* processes */
	unsigned bound;	 /* delays or preemptions, of dfs and dpor */
	bool keep_going; /* look for other violations too */
	bool no_minimise;
	void (*progress)(const struct ex_progress *p); /* may be NULL */
};

#define EX_FOUND 8u

struct ex_found {
	struct ex_violation v;
	const char *strategy;
	uint64_t schedule; /* the first one that showed it */
	uint64_t seed;
	struct ex_log log; /* minimised */
	uint64_t steps;
	uint32_t hash;
	uint64_t switches_before, switches;
};

struct ex_result {
	uint64_t schedules, operations, distinct, repeated;
	double seconds;
	bool exhausted; /* every schedule within the bound was run */
	struct ex_found found[EX_FOUND];
	unsigned n_found;
	char failure[200]; /* not empty: nothing was proven, and why */
};

void ex_search(const struct ex_subject *s, const struct ex_options *o, struct ex_result *out);
void ex_result_free(struct ex_result *r);
char *ex_found_token(const struct ex_subject *s, const struct ex_found *f);

/* Whose turn it is in a mix of all that draw. */
const struct ex_strategy *ex_strategy_turn(struct ex_strategies *s, uint64_t index, bool is_long);
/* Of drawn runs, is this one taken apart at its end? */
bool ex_taken_apart(uint64_t index);

/* Makes *log shorter as long as the same violation shows; the seed stays. */
void ex_minimise(const struct ex_subject *s, struct ex_found *f, unsigned budget);

/* Follows the log strictly; `trace` keeps every step. */
void ex_replay(const struct ex_subject *s, uint64_t seed, const struct ex_log *log, bool trace,
	       struct ex_run *out);
/* The run in columns; `all`: every step. */
void ex_view(FILE *f, const struct ex_run *r, bool all);
/* From one agent to another, in the log. */
uint64_t ex_switches(const struct ex_log *l);

#endif
