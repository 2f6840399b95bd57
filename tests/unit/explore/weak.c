/* SPDX-License-Identifier: BSD-2-Clause */
/* Weak memory: litmus tests with their exact sets of outcomes, weak memory off and on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "explore/search.h"
#include "explore/toys.h"

static struct ex_subject toy(const char *name, unsigned weak)
{
	struct ex_subject s = {.name = name, .hash = 1, .budget = {[EX_WEAK] = weak}};

	for (const struct ex_toy *t = ex_toys; t->name; t++)
		if (!strcmp(t->name, name))
			s.run = t->run;
	assert_non_null(s.run);
	return s;
}

/* Every schedule with at most `bound` delays; outcomes as bits of a set. */
static uint32_t outcomes(const char *name, unsigned weak, unsigned bound)
{
	struct ex_dfs *d = ex_dfs_new(bound);
	struct ex_subject s = toy(name, weak);
	struct ex_run r = {.subject = &s, .strategy = ex_strategy_dfs(d)};
	uint32_t seen = 0;

	do {
		ex_execute(&r);
		assert_false(r.violation.found);
		seen |= 1u << ex_toy_outcome;
	} while (ex_dfs_next(d));
	ex_run_free(&r);
	ex_dfs_free(d);
	return seen;
}

#define O(n) (1u << (n))
/* Bits of an outcome: what the first thread read, then the second; both 0: outcome 0. */
static const struct litmus {
	const char *name;
	uint32_t off, on;
} two[] = {
	/* Neither sees the other's store: only by a buffer. */
	{"toy_sb", O(1) | O(2) | O(3), O(0) | O(1) | O(2) | O(3)},
	{"toy_sb_mb", O(1) | O(2) | O(3), O(1) | O(2) | O(3)},
	/* Outcome 1: the flag was seen and what it announces was not. */
	{"toy_mp", O(0) | O(2) | O(3), O(0) | O(2) | O(3)},
	{"toy_mp_both", O(0) | O(2) | O(3), O(0) | O(2) | O(3)},
	{"toy_mp_plain", O(0) | O(2) | O(3), O(0) | O(1) | O(2) | O(3)},
	{"toy_mp_wmb", O(0) | O(2) | O(3), O(0) | O(1) | O(2) | O(3)},
	{"toy_mp_rmb", O(0) | O(2) | O(3), O(0) | O(1) | O(2) | O(3)},
	/* Outcome 1: new, then old. */
	{"toy_co", O(0) | O(2) | O(3), O(0) | O(2) | O(3)},
	/* Outcome 3: each reads the other's later store. Armv8 allows it; the explorer never
	 * lets a store overtake an earlier load. */
	{"toy_lb", O(0) | O(1) | O(2), O(0) | O(1) | O(2)},
};

static void outcomes_of_two_threads_are_exact(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(two) / sizeof(two[0]); i++) {
		const struct litmus *l = &two[i];

		if (outcomes(l->name, 0, 40) != l->off)
			fail_msg("%s, weak memory off: 0x%x", l->name, outcomes(l->name, 0, 40));
		if (outcomes(l->name, 3, 40) != l->on)
			fail_msg("%s, weak memory on: 0x%x", l->name, outcomes(l->name, 3, 40));
	}
}

/* Outcome 5: the two readers see the two stores in different orders. */
static void independent_reads_are_exact(void **state)
{
	(void)state;
	assert_int_equal(outcomes("toy_iriw", 0, 6), 0xffffu & ~O(5));
	assert_int_equal(outcomes("toy_iriw", 2, 6), 0xffffu);
	assert_int_equal(outcomes("toy_iriw_acquire", 2, 6), 0xffffu & ~O(5));
}

/* What is drawn stays within what is allowed, and reaches all of it. */
static void drawn_runs_reach_the_same(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(two) / sizeof(two[0]); i++) {
		struct ex_strategies *all = ex_strategies_new();
		struct ex_subject s = toy(two[i].name, 3);
		struct ex_run r = {.subject = &s};
		uint32_t seen = 0;

		for (unsigned k = 0; k < 4000; k++) {
			r.strategy = ex_strategy_turn(all, k, false);
			r.seed = k;
			ex_execute(&r);
			seen |= 1u << ex_toy_outcome;
		}
		assert_int_equal(seen, two[i].on);
		ex_run_free(&r);
		ex_strategies_free(all);
	}
}

/* The log has what was weak, and repeats it. */
static void weak_runs_replay(void **state)
{
	struct ex_strategies *all = ex_strategies_new();
	struct ex_subject s = toy("toy_sb", 3);
	struct ex_run r = {.subject = &s}, again;
	unsigned weak = 0;

	(void)state;
	for (unsigned k = 0; k < 500; k++) {
		unsigned outcome;

		r.strategy = ex_strategy_turn(all, k, false);
		r.seed = k;
		ex_execute(&r);
		outcome = ex_toy_outcome;
		weak += r.n_taken != 0;
		ex_replay(&s, k, &r.log, false, &again);
		assert_false(again.diverged);
		assert_true(again.hash == r.hash);
		assert_int_equal(again.n_taken, r.n_taken);
		assert_int_equal(ex_toy_outcome, outcome);
		ex_run_free(&again);
	}
	assert_true(weak > 100);
	ex_run_free(&r);
	ex_strategies_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_of_two_threads_are_exact),
		cmocka_unit_test(independent_reads_are_exact),
		cmocka_unit_test(drawn_runs_reach_the_same),
		cmocka_unit_test(weak_runs_replay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
