/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs that start from a snapshot are the runs that start from nothing, and many of
 * them need no more memory than few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/explore_load.h"
#include "explore/search.h"

static struct ex_case c;

static struct ex_subject subject(const char *path)
{
	struct ex_subject s;
	char err[512];

	if (explore_load(path, &c, err, sizeof(err)))
		fail_msg("%s", err);
	assert_true(ex_case_subject(&c, &s));
	return s;
}

static void run(struct ex_run *r, struct ex_strategies *all, uint64_t seed)
{
	r->strategy = seed % 2 ? ex_strategy_pos(all) : ex_strategy_random(all, 1);
	r->seed = seed;
	ex_execute(r);
	assert_false(r->violation.found);
	assert_false(r->unfinished);
}

static void same_as_rebuilt(const char *path)
{
	struct ex_subject s = subject(path);
	struct ex_strategies *one = ex_strategies_new(), *other = ex_strategies_new();
	struct ex_run a = {.subject = &s}, b = {.subject = &s, .rebuild = true};
	uint64_t hash[24], distinct = 0;

	/* All from the snapshot first: a rebuilt run ends it. */
	for (unsigned i = 0; i < 24; i++) {
		a.brief = i % 3 == 0;
		run(&a, one, i);
		hash[i] = a.hash ^ a.steps;
	}
	for (unsigned i = 0; i < 24; i++) {
		run(&b, other, i);
		assert_true(hash[i] == (b.hash ^ b.steps));
		distinct += i && hash[i] != hash[i - 1];
	}
	assert_int_equal(distinct, 23);
	ex_run_free(&a);
	ex_run_free(&b);
	ex_strategies_free(one);
	ex_strategies_free(other);
	explore_free(&c);
}

static void a_snapshot_run_is_the_rebuilt_one(void **state)
{
	(void)state;
	same_as_rebuilt("tests/explore/batch_one_dead.yaml");
	same_as_rebuilt("tests/explore/handler_unmap.yaml");
	same_as_rebuilt("tests/explore/remove_worker.yaml");
	same_as_rebuilt("tests/explore/wrap_around.yaml");
}

/* A run changes what it finds: without going back the next one would differ. */
static void every_run_starts_alike(void **state)
{
	struct ex_subject s = subject("tests/explore/two_dead.yaml");
	struct ex_run r = {.subject = &s};
	uint64_t first = 0;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		/* New ones: they learn how long runs are. */
		struct ex_strategies *all = ex_strategies_new();

		run(&r, all, i % 3 ? i : 6);
		ex_strategies_free(all);
		if (i % 3)
			continue;
		first = first ? first : r.hash;
		assert_true(r.hash == first);
	}
	ex_run_free(&r);
	explore_free(&c);
}

static size_t resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &pages), 2);
	fclose(f);
	return pages;
}

static size_t memory_after(struct ex_run *r, struct ex_strategies *all, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		run(r, all, i);
	return resident();
}

static void memory_does_not_grow(void **state)
{
	struct ex_subject s = subject("tests/explore/batch_one_dead.yaml");
	struct ex_strategies *all = ex_strategies_new();
	struct ex_run r = {.subject = &s};
	struct sim_arena_stats before, after;
	size_t few, many;

	(void)state;
	few = memory_after(&r, all, 0, 2000);
	sim_arena_get(&before);
	/* The sanitizers keep what was freed, and there are no snapshots under them. */
	many = before.pages ? memory_after(&r, all, 2000, 8000) : few;
	sim_arena_get(&after);
	assert_int_equal(after.heap_bytes, before.heap_bytes);
	assert_true(after.pages <= before.pages + 4);
	/* What the kernel counts is rough; 64 bytes a run would be more. */
	assert_true(many <= few + 64);
	ex_run_free(&r);
	ex_strategies_free(all);
	explore_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_run_is_the_rebuilt_one),
		cmocka_unit_test(every_run_starts_alike),
		cmocka_unit_test(memory_does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
