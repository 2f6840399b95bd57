/* SPDX-License-Identifier: BSD-2-Clause */
/* Tokens: what goes in comes out, what is damaged is refused, and a token of the
 * machine repeats its run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/explore_load.h"
#include "explore/search.h"

static struct ex_token sample(uint64_t steps)
{
	struct ex_token t = {
		.build = 7, .subject = 9, .seed = 1ull << 40, .steps = steps, .hash = 5};

	for (uint64_t i = 0; i < steps; i++)
		ex_log_add(&t.log, (uint16_t)(i / 3 % 70));
	for (uint64_t i = 1; i <= steps / EX_MARK; i++)
		ex_log_mark(&t.log, i * 77);
	return t;
}

static void tokens_round_trip(void **state)
{
	static const uint64_t steps[] = {0, 1, 63, 64, 1000, 200000};

	(void)state;
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct ex_token in = sample(steps[i]), out;
		char *text = ex_token_write(&in), *again;

		assert_null(ex_token_read(text, &out));
		assert_int_equal(out.build, 7);
		assert_int_equal(out.subject, 9);
		assert_true(out.seed == in.seed);
		assert_int_equal(out.steps, steps[i]);
		assert_int_equal(out.hash, 5);
		assert_int_equal(out.log.n, in.log.n);
		for (size_t k = 0; k < in.log.n; k++) {
			assert_int_equal(out.log.seg[k].id, in.log.seg[k].id);
			assert_int_equal(out.log.seg[k].count, in.log.seg[k].count);
		}
		again = ex_token_write(&out);
		assert_string_equal(text, again);
		free(text);
		free(again);
		ex_log_free(&in.log);
		ex_log_free(&out.log);
	}
}

static void damaged_tokens_are_refused(void **state)
{
	struct ex_token in = sample(300), out;
	char *text = ex_token_write(&in);
	size_t len = strlen(text);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		/* The last letter has bits that stand for nothing. */
		if (i + 1 < len)
			assert_non_null(ex_token_read(text, &out));
		text[i] = was;
	}
	for (size_t i = 0; i < len - 1; i++) {
		char was = text[i];

		text[i] = '\0';
		assert_non_null(ex_token_read(text, &out));
		text[i] = was;
	}
	assert_non_null(ex_token_read("LZ!", &out));
	free(text);
	ex_log_free(&in.log);
}

/* Strictly followed, a log gives the same run; changed, it is left at that step. */
static void a_log_repeats_its_run(void **state)
{
	struct ex_strategies *all = ex_strategies_new();
	struct ex_subject s;
	struct ex_case c;
	char err[256];

	(void)state;
	assert_int_equal(explore_load("tests/explore/two_dead.yaml", &c, err, sizeof(err)), 0);
	assert_true(ex_case_subject(&c, &s));
	for (unsigned i = 0; i < 60; i++) {
		const struct ex_strategy *st = i % 3 == 0   ? ex_strategy_pos(all)
					       : i % 3 == 1 ? ex_strategy_pct(all, 4)
							    : ex_strategy_random(all, 1);
		struct ex_run first = {.subject = &s, .strategy = st, .seed = i}, again;

		ex_execute(&first);
		assert_false(first.violation.found);
		ex_replay(&s, i, &first.log, false, &again);
		assert_false(again.diverged);
		assert_true(again.hash == first.hash);
		assert_int_equal(again.steps, first.steps);
		ex_run_free(&again);
		first.log.mark[1] ^= 1;
		ex_replay(&s, i, &first.log, false, &again);
		assert_true(again.diverged);
		assert_int_equal(again.diverged_at, 2 * EX_MARK);
		ex_run_free(&again);
		ex_run_free(&first);
	}
	explore_free(&c);
	ex_strategies_free(all);
}

/* With all that may go wrong. LAZARET_TOKENS says how many; few in the usual run of tests. */
static void many_tokens_repeat_their_runs(void **state)
{
	const char *many = getenv("LAZARET_TOKENS");
	unsigned long n = many ? strtoul(many, NULL, 10) : 400;
	struct ex_strategies *all = ex_strategies_new();
	struct ex_subject s;
	struct ex_case c;
	char err[256];
	struct ex_run r = {.subject = &s};
	uint64_t wrong = 0;

	(void)state;
	assert_int_equal(explore_load("tests/explore/batch_one_dead.yaml", &c, err, sizeof(err)),
			 0);
	c.budget[EX_WEAK] = 3;
	c.budget[EX_ALLOC] = c.budget[EX_LATE] = c.budget[EX_REMOVAL] = 1;
	assert_true(ex_case_subject(&c, &s));
	for (unsigned long i = 0; i < n; i++) {
		struct ex_token t;
		struct ex_run again;
		char *text;

		r.strategy = ex_strategy_turn(all, i, false);
		r.seed = i;
		ex_execute(&r);
		wrong += r.n_taken;
		t = (struct ex_token){
			.seed = i, .log = r.log, .steps = r.steps, .hash = (uint32_t)r.hash};
		text = ex_token_write(&t);
		assert_null(ex_token_read(text, &t));
		free(text);
		ex_replay(&s, t.seed, &t.log, false, &again);
		assert_false(again.diverged);
		assert_int_equal(again.steps, t.steps);
		assert_int_equal((uint32_t)again.hash, t.hash);
		ex_run_free(&again);
		ex_log_free(&t.log);
	}
	assert_true(wrong > n);
	ex_run_free(&r);
	explore_free(&c);
	ex_strategies_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_round_trip),
		cmocka_unit_test(many_tokens_repeat_their_runs),
		cmocka_unit_test(damaged_tokens_are_refused),
		cmocka_unit_test(a_log_repeats_its_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
