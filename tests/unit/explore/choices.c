/* SPDX-License-Identifier: BSD-2-Clause */
/* What may go wrong, or come in another order, does, in every place where it may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/explore_load.h"
#include "explore/search.h"

#define OCCASIONS 6u

static unsigned went_wrong;

/* Several allocations one right behind the other, as those of one call. */
static void ask(struct ex_run *r, void *arg)
{
	(void)arg;
	went_wrong = 0;
	ex_begin(r);
	for (unsigned i = 0; i < OCCASIONS; i++)
		went_wrong |= (unsigned)ex_maybe(r, EX_ALLOC, "number %u", i) << i;
	ex_quiet(r);
}

static void each_of_several_allocations_fails_alone(void **state)
{
	struct ex_strategies *all = ex_strategies_new();
	struct ex_subject s = {.name = "asks", .run = ask, .budget = {[EX_ALLOC] = 2}};
	struct ex_run r = {.subject = &s};
	uint64_t seen = 0;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		r.strategy = ex_strategy_turn(all, i, false);
		r.seed = i;
		ex_execute(&r);
		seen |= 1ull << went_wrong;
	}
	assert_true(seen & 1);
	for (unsigned i = 0; i < OCCASIONS; i++) {
		assert_true(seen >> (1u << i) & 1);
		for (unsigned k = 0; k < i; k++) /* and with another one */
			assert_true(seen >> (1u << i | 1u << k) & 1);
	}
	ex_run_free(&r);
	ex_strategies_free(all);
}

/* In that many runs of a scenario something of that kind was taken; each repeats. */
static unsigned runs_with(const char *path, enum ex_maybe what, unsigned runs)
{
	struct ex_strategies *all = ex_strategies_new();
	struct ex_subject s;
	struct ex_case c;
	char err[256];
	struct ex_run r = {.subject = &s};
	unsigned n = 0;

	assert_int_equal(explore_load(path, &c, err, sizeof(err)), 0);
	assert_true(ex_case_subject(&c, &s));
	for (unsigned i = 0; i < runs; i++) {
		struct ex_run again;
		bool taken = false;

		r.strategy = ex_strategy_turn(all, i, false);
		r.seed = i;
		ex_execute(&r);
		assert_false(r.violation.found);
		for (unsigned k = 0; k < r.n_taken; k++)
			taken |= r.taken[k].what == what;
		n += taken;
		if (!taken)
			continue;
		ex_replay(&s, i, &r.log, false, &again);
		assert_false(again.diverged);
		assert_true(again.hash == r.hash);
		assert_int_equal(again.n_taken, r.n_taken);
		ex_run_free(&again);
	}
	ex_run_free(&r);
	explore_free(&c);
	ex_strategies_free(all);
	return n;
}

static void completions_overtake_each_other(void **state)
{
	(void)state;
	assert_true(runs_with("tests/explore/reorder.yaml", EX_REORDER, 300) > 30);
	assert_int_equal(runs_with("tests/explore/late_answers.yaml", EX_REORDER, 100), 0);
}

static void bodies_meet_failing_allocations(void **state)
{
	static const char *const path[] = {
		"tests/explore/short_map.yaml", "tests/explore/short_domain.yaml",
		"tests/explore/short_device.yaml", "tests/explore/short_dead.yaml",
		"tests/explore/short_pasids.yaml"};

	(void)state;
	for (unsigned i = 0; i < sizeof(path) / sizeof(path[0]); i++)
		if (runs_with(path[i], EX_ALLOC, 100) < 30)
			fail_msg("%s: memory is hardly ever short", path[i]);
}

/* Runs that go on with fair choices from an early step on. The strategy that drew the first
 * part is not there when its log is replayed. */
static void repeats_beyond(const char *path, uint64_t cap)
{
	struct ex_strategies *all = ex_strategies_new();
	struct ex_subject s;
	struct ex_case c;
	char err[256];
	unsigned longer = 0;

	assert_int_equal(explore_load(path, &c, err, sizeof(err)), 0);
	c.budget[EX_LATE] = 3;
	assert_true(ex_case_subject(&c, &s));
	for (unsigned i = 0; i < 200; i++) {
		struct ex_run r = {.subject = &s, .seed = i, .cap = cap}, again = r;
		struct ex_follow f = {.log = &r.log, .run = &again};
		struct ex_strategy follow = ex_strategy_follow(&f);

		r.strategy = ex_strategy_turn(all, i, false);
		ex_execute(&r);
		longer += r.steps > r.cap;
		again.strategy = &follow;
		ex_execute(&again);
		assert_false(again.diverged);
		assert_int_equal(again.steps, r.steps);
		assert_true(again.hash == r.hash);
		ex_run_free(&again);
		ex_run_free(&r);
	}
	assert_true(longer > 100);
	explore_free(&c);
	ex_strategies_free(all);
}

static void fair_choices_repeat(void **state)
{
	(void)state;
	repeats_beyond("tests/explore/short_dead.yaml", 700);
	repeats_beyond("tests/explore/batch_one_dead.yaml", 50);
}

static unsigned drawn;

static void draw_late(struct ex_run *r, void *arg)
{
	(void)arg;
	drawn = 0;
	ex_begin(r);
	r->steps = r->cap;
	for (unsigned i = 0; i < OCCASIONS; i++)
		drawn = 7 * drawn + ex_maybe(r, EX_ALLOC, "number %u", i) + ex_value(r, 7);
	ex_quiet(r);
}

static void fair_values_come_from_the_seed(void **state)
{
	struct ex_strategies *all = ex_strategies_new();
	struct ex_subject s = {.name = "draws", .run = draw_late, .budget = {[EX_ALLOC] = 2}};
	unsigned before = 0;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct ex_run r = {.subject = &s, .seed = i, .strategy = ex_strategy_pos(all)};
		struct ex_run again;
		unsigned first;

		ex_execute(&r);
		first = drawn;
		ex_replay(&s, i, &r.log, false, &again);
		assert_false(again.diverged);
		assert_int_equal(drawn, first);
		assert_int_not_equal(first, before);
		before = first;
		ex_run_free(&again);
		ex_run_free(&r);
	}
	ex_strategies_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_of_several_allocations_fails_alone),
		cmocka_unit_test(completions_overtake_each_other),
		cmocka_unit_test(bodies_meet_failing_allocations),
		cmocka_unit_test(fair_choices_repeat),
		cmocka_unit_test(fair_values_come_from_the_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
