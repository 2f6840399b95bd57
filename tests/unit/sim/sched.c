/* SPDX-License-Identifier: BSD-2-Clause */
/* Schedules: they repeat, they differ by seed, they find races. */
#include <stdio.h>

#include "common.h"

static const struct lz_lock_class class = {"counter", 10};
static struct lz_spinlock lock;
static uint32_t counter, inside, overlap;

static void racy(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < 4; i++)
		lz_store32(&counter, lz_load32(&counter) + 1);
}

static void locked(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < 20; i++) {
		unsigned long flags = lz_spin_lock(&lock);

		overlap |= lz_fetch_add32(&inside, 1);
		lz_store32(&counter, lz_load32(&counter) + 1);
		lz_fetch_add32(&inside, (uint32_t)-1);
		lz_spin_unlock(&lock, flags);
	}
}

static uint32_t run(uint64_t seed, unsigned one_in, sim_task_fn fn, uint64_t *hash)
{
	unsigned cpu;

	start(seed, one_in);
	counter = 0;
	lz_spin_init(&lock, &class);
	for (cpu = 0; cpu < 4; cpu++)
		sim_task("worker", cpu, fn, NULL);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	if (hash)
		*hash = stats().schedule_hash;
	return counter;
}

static void same_seed_same_run(void **state)
{
	uint64_t first, second, other;
	unsigned seed, differ = 0;

	(void)state;
	for (seed = 0; seed < 20; seed++) {
		uint32_t a = run(seed, 3, racy, &first);

		assert_int_equal(run(seed, 3, racy, &second), a);
		assert_true(first == second);
		run(seed + 1000, 3, racy, &other);
		differ += first != other;
	}
	assert_int_equal(differ, 20);
}

static void some_seed_loses_an_update(void **state)
{
	unsigned seed, lost = 0, kept = 0;

	(void)state;
	for (seed = 0; seed < 200; seed++) {
		if (run(seed, 8, racy, NULL) == 16)
			kept++;
		else
			lost++;
	}
	assert_true(lost > 0);
	assert_true(kept > 0);
}

static void without_switches_nothing_is_lost(void **state)
{
	(void)state;
	assert_int_equal(run(1, 0, racy, NULL), 16);
}

static void lock_excludes(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 100; seed++)
		assert_int_equal(run(seed, 2, locked, NULL), 80);
	assert_int_equal(overlap, 0);
	/* Four holders at most, each for less than 100 operations of 2 ns. */
	assert_true(stats().longest_masked > 0);
	assert_true(stats().longest_masked < 4 * 200);
	assert_int_equal(stats().violations, 0);
}

/* Switches at one operation in N, give or take. */
static void switch_rate_is_as_asked(void **state)
{
	uint64_t ops;

	(void)state;
	run(5, 4, locked, NULL);
	ops = stats().ops[LZ_SIM_LOAD];
	assert_int_equal(ops, 80);
	assert_true(stats().switches > 40);
}

static char order[8];
static unsigned norder;

static void same_cpu(void *arg)
{
	order[norder++] = *(const char *)arg;
	spend(100);
	order[norder++] = *(const char *)arg;
	sim_sleep_until(sim_now() + 1000);
	order[norder++] = *(const char *)arg;
}

/* Tasks of one CPU are not preempted by one another. */
static void tasks_of_a_cpu_take_turns_at_waits(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 20; seed++) {
		start(seed, 1);
		norder = 0;
		sim_task("a", 2, same_cpu, "a");
		sim_task("b", 2, same_cpu, "b");
		assert_int_equal(sim_run(LZ_NEVER), 0);
		assert_int_equal(norder, 6);
		assert_int_equal(order[0], order[1]);
		assert_int_equal(order[2], order[3]);
		assert_int_not_equal(order[0], order[2]);
	}
}

static void spawner(void *arg)
{
	unsigned *left = arg;

	if ((*left)-- > 1)
		sim_task("next", *left % 4, spawner, left);
}

static void tasks_may_make_tasks(void **state)
{
	unsigned left = 500;

	(void)state;
	start(1, 2);
	sim_task("first", 0, spawner, &left);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_int_equal(left, 0);
}

static void holder(void *arg)
{
	(void)arg;
	(void)lz_spin_lock(&lock);
	/* Leaves with it. */
}

static void keep_line(void *ctx, enum lz_log_level level, const char *line)
{
	(void)level;
	snprintf(ctx, 128, "%s", line);
}

static void stuck_tasks_are_reported(void **state)
{
	char line[128] = "";
	struct sim_config cfg = {.cpus = 2, .switch_one_in = 2, .log = keep_line, .log_ctx = line};

	(void)state;
	sim_start(&cfg);
	lz_spin_init(&lock, &class);
	sim_task("holder", 0, holder, NULL);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	sim_task("waiter", 1, locked, NULL);
	assert_int_equal(sim_run(LZ_NEVER), -1);
	assert_string_equal(line, "deadlock: waiter (CPU 1) waits for the lock counter");
}

static void spinner(void *word)
{
	while (!lz_load32(word))
		lz_cpu_relax();
}

static void setter(void *word)
{
	spend(50);
	lz_store32(word, 1);
}

static void relax_lets_the_other_cpu_work(void **state)
{
	uint32_t word = 0;

	(void)state;
	start(1, 0);
	sim_task("spinner", 0, spinner, &word);
	sim_task("setter", 1, setter, &word);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_true(stats().ops[LZ_SIM_RELAX] < 10);
}

static void endless_relax_is_a_deadlock(void **state)
{
	uint32_t word = 0;

	(void)state;
	start(1, 0);
	sim_task("spinner", 0, spinner, &word);
	assert_int_equal(sim_run(LZ_NEVER), -1);
}

static void run_stops_at_its_time_and_goes_on(void **state)
{
	(void)state;
	start(1, 4);
	counter = 0;
	lz_spin_init(&lock, &class);
	sim_task("a", 0, locked, NULL);
	sim_task("b", 1, locked, NULL);
	assert_int_equal(sim_run(100), 1);
	assert_true(counter < 40);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_int_equal(counter, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(same_seed_same_run, stop),
		cmocka_unit_test_teardown(some_seed_loses_an_update, stop),
		cmocka_unit_test_teardown(without_switches_nothing_is_lost, stop),
		cmocka_unit_test_teardown(lock_excludes, stop),
		cmocka_unit_test_teardown(switch_rate_is_as_asked, stop),
		cmocka_unit_test_teardown(tasks_of_a_cpu_take_turns_at_waits, stop),
		cmocka_unit_test_teardown(tasks_may_make_tasks, stop),
		cmocka_unit_test_teardown(stuck_tasks_are_reported, stop),
		cmocka_unit_test_teardown(relax_lets_the_other_cpu_work, stop),
		cmocka_unit_test_teardown(endless_relax_is_a_deadlock, stop),
		cmocka_unit_test_teardown(run_stops_at_its_time_and_goes_on, stop),
	};

	return cmocka_run_group_tests_name("sim schedules", tests, NULL, NULL);
}
