/* SPDX-License-Identifier: BSD-2-Clause */
/* What strategies reach, on subjects whose answer is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "explore/search.h"
#include "explore/toys.h"

static struct ex_subject toy(const char *name)
{
	struct ex_subject s = {.name = name, .hash = 1};

	for (const struct ex_toy *t = ex_toys; t->name; t++)
		if (!strcmp(t->name, name))
			s.run = t->run;
	assert_non_null(s.run);
	return s;
}

/* Outcomes as bits of a set. */
static uint32_t outcomes(const char *name, const struct ex_strategy *st, unsigned runs)
{
	struct ex_subject s = toy(name);
	struct ex_run r = {.subject = &s, .strategy = st};
	uint32_t seen = 0;

	for (unsigned i = 0; i < runs; i++) {
		r.seed = i;
		ex_execute(&r);
		assert_false(r.violation.found);
		seen |= 1u << ex_toy_outcome;
	}
	ex_run_free(&r);
	return seen;
}

static uint32_t all_outcomes(const char *name, unsigned bound, unsigned *schedules)
{
	struct ex_dfs *d = ex_dfs_new(bound);
	struct ex_subject s = toy(name);
	struct ex_run r = {.subject = &s, .strategy = ex_strategy_dfs(d)};
	uint32_t seen = 0;

	*schedules = 0;
	do {
		ex_execute(&r);
		seen |= 1u << ex_toy_outcome;
		++*schedules;
	} while (ex_dfs_next(d));
	ex_run_free(&r);
	ex_dfs_free(d);
	return seen;
}

/* Sequential consistency forbids exactly these. */
#define SB_ALLOWED   0xeu		    /* not both 0 */
#define MP_ALLOWED   0xdu		    /* not flag seen and data unseen */
#define IRIW_ALLOWED (0xffffu & ~(1u << 5)) /* not x before y and y before x */

static void litmus_outcomes_are_exact(void **state)
{
	static const struct {
		const char *name;
		uint32_t allowed;
	} test[] = {{"toy_sb", SB_ALLOWED}, {"toy_mp", MP_ALLOWED}, {"toy_iriw", IRIW_ALLOWED}};
	struct ex_strategies *all = ex_strategies_new();

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		unsigned n;

		assert_int_equal(all_outcomes(test[i].name, 100, &n), test[i].allowed);
		assert_int_equal(outcomes(test[i].name, ex_strategy_random(all, 1), 3000),
				 test[i].allowed);
		assert_int_equal(outcomes(test[i].name, ex_strategy_pos(all), 3000),
				 test[i].allowed);
	}
	ex_strategies_free(all);
}

/* Two threads of three steps each (start, store, load): 6 over 3. */
static void unbounded_search_counts_every_schedule_once(void **state)
{
	unsigned n;

	(void)state;
	(void)all_outcomes("toy_sb", 100, &n);
	assert_int_equal(n, 20);
	(void)all_outcomes("toy_sb", 0, &n);
	assert_int_equal(n, 1);
}

/* Fewer schedules, the same outcomes. */
static void dpor_reaches_what_naive_search_does(void **state)
{
	static const char *const name[] = {"toy_sb", "toy_mp", "toy_iriw"};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct ex_dpor *d = ex_dpor_new(100);
		struct ex_subject s = toy(name[i]);
		struct ex_run r = {.subject = &s, .strategy = ex_strategy_dpor(d)};
		unsigned naive, n = 0;
		uint32_t seen = 0, want = all_outcomes(name[i], 100, &naive);

		do {
			ex_execute(&r);
			seen |= 1u << ex_toy_outcome;
			n++;
		} while (ex_dpor_next(d));
		assert_int_equal(seen, want);
		assert_true(n < naive);
		ex_run_free(&r);
		ex_dpor_free(d);
	}
}

static struct ex_result search(const char *name, enum ex_kind kind, uint64_t runs, unsigned jobs)
{
	struct ex_options o = {.strategy = kind, .runs = runs, .seed = 3, .jobs = jobs, .bound = 2};
	struct ex_subject s = toy(name);
	struct ex_result r;

	ex_search(&s, &o, &r);
	return r;
}

static void a_search_says_when_it_has_seen_everything(void **state)
{
	struct ex_result r = search("toy_locked", EX_DFS, 100000, 1);

	(void)state;
	assert_true(r.exhausted);
	assert_int_equal(r.n_found, 0);
	ex_result_free(&r);
	r = search("toy_locked", EX_DFS, 10, 1);
	assert_false(r.exhausted);
	assert_int_equal(r.schedules, 10);
	ex_result_free(&r);
}

static void planted_bugs_are_found(void **state)
{
	static const struct {
		const char *name, *where;
		char invariant;
	} bug[] = {
		{"toy_lost_update", "an update was lost", 'E'},
		{"toy_deadlock", "deadlock", 'H'},
		{"toy_livelock", "livelock", 'H'},
		{"toy_crash", "crash", 'H'},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(bug) / sizeof(bug[0]); i++) {
		for (enum ex_kind kind = EX_AUTO; kind <= EX_DPOR; kind++) {
			struct ex_result r = search(bug[i].name, kind, 500, 2);

			if (r.n_found != 1)
				fail_msg("%s: not found by strategy %u %s", bug[i].name, kind,
					 r.failure);
			assert_int_equal(r.found[0].v.invariant, bug[i].invariant);
			assert_string_equal(r.found[0].v.where, bug[i].where);
			assert_string_equal(r.failure, "");
			ex_result_free(&r);
		}
	}
}

/* Two switches at two places of a long run: PCT's home ground. */
static void pct_finds_what_is_deep_and_it_is_made_small(void **state)
{
	struct ex_result r = search("toy_deep", EX_PCT, 20000, 2);
	struct ex_subject s = toy("toy_deep");
	struct ex_run again;

	(void)state;
	assert_int_equal(r.n_found, 1);
	assert_string_equal(r.found[0].strategy, "pct");
	assert_true(r.found[0].switches <= 3);
	ex_replay(&s, r.found[0].seed, &r.found[0].log, false, &again);
	assert_false(again.diverged);
	assert_true(again.violation.found);
	assert_int_equal(again.steps, r.found[0].steps);
	assert_int_equal((uint32_t)again.hash, r.found[0].hash);
	ex_run_free(&again);
	ex_result_free(&r);
}

/* Without being asked. */
static void one_run_in_a_hundred_is_run_twice(void **state)
{
	(void)state;
	for (enum ex_kind kind = EX_AUTO; kind <= EX_RANDOM; kind++) {
		struct ex_result r = search("toy_locked", kind, 2000, 1);

		assert_int_equal(r.n_found, 0);
		assert_string_equal(r.failure, "");
		assert_in_range(r.repeated, r.schedules / 100, r.schedules / 100 + 1);
		ex_result_free(&r);
	}
}

static void a_subject_that_does_not_repeat_itself_is_told(void **state)
{
	struct ex_result r = search("toy_unstable", EX_RANDOM, 1000, 1);

	(void)state;
	assert_non_null(strstr(r.failure, "not repeated"));
	ex_result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(litmus_outcomes_are_exact),
		cmocka_unit_test(unbounded_search_counts_every_schedule_once),
		cmocka_unit_test(dpor_reaches_what_naive_search_does),
		cmocka_unit_test(a_search_says_when_it_has_seen_everything),
		cmocka_unit_test(planted_bugs_are_found),
		cmocka_unit_test(pct_finds_what_is_deep_and_it_is_made_small),
		cmocka_unit_test(one_run_in_a_hundred_is_run_twice),
		cmocka_unit_test(a_subject_that_does_not_repeat_itself_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
