/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts: delivery, masking, no nesting, atomic context. */
#include "common.h"

static unsigned line, other_line;
static uint32_t taken, task_ran_inside, active, nested, taken_masked, masked;

static void count(void *arg)
{
	(void)arg;
	assert_true(lz_in_atomic());
	taken++;
	taken_masked += masked;
}

static void busy(void *arg)
{
	(void)arg;
	sim_irq_raise(line, 0);
	spend(1000);
}

static void reset(uint64_t seed, unsigned one_in)
{
	start(seed, one_in);
	taken = task_ran_inside = active = nested = taken_masked = masked = 0;
}

static void a_running_task_is_interrupted(void **state)
{
	(void)state;
	reset(1, 4);
	line = sim_irq_line("line", 0, count, NULL);
	sim_task("busy", 0, busy, NULL);
	assert_int_equal(sim_run(1000), 1);
	assert_int_equal(taken, 1);
}

static void masker(void *arg)
{
	unsigned long flags = lz_irq_save();

	(void)arg;
	masked = 1;
	sim_irq_raise(line, 0);
	spend(500);
	masked = 0;
	lz_irq_restore(flags);
	spend(500);
}

static void nothing_comes_while_masked(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 50; seed++) {
		reset(seed, 2);
		line = sim_irq_line("line", 0, count, NULL);
		sim_task("masker", 0, masker, NULL);
		assert_int_equal(sim_run(LZ_NEVER), 0);
		assert_int_equal(taken, 1);
		assert_int_equal(taken_masked, 0);
		assert_true(stats().longest_masked >= 1000);
		assert_true(stats().longest_masked < 1100);
		assert_int_equal(stats().violations, 0);
	}
}

static void other_cpu(void *arg)
{
	(void)arg;
	spend(2000);
}

static void mask_is_of_one_cpu_only(void **state)
{
	(void)state;
	reset(1, 2);
	line = sim_irq_line("line", 1, count, NULL);
	sim_task("masker", 0, masker, NULL);
	sim_task("other", 1, other_cpu, NULL);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_int_equal(taken, 1);
	assert_int_equal(taken_masked, 1);
}

static void enter(void *arg)
{
	(void)arg;
	nested |= active;
	active = 1;
	taken++;
	sim_irq_raise(other_line, 0);
	spend(100);
	active = 0;
}

static void watch_active(void *arg)
{
	unsigned i;

	(void)arg;
	sim_irq_raise(line, 0);
	for (i = 0; i < 1000; i++) {
		task_ran_inside |= active;
		spend(1);
	}
}

static void handlers_do_not_nest_and_hold_the_cpu(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 5; seed++) {
		reset(seed, 1);
		line = sim_irq_line("one", 0, enter, NULL);
		other_line = sim_irq_line("two", 0, enter, NULL);
		sim_task("task", 0, watch_active, NULL);
		sim_task("noise", 1, other_cpu, NULL);
		assert_int_equal(sim_run(LZ_NEVER), 0);
		assert_true(taken >= 2);
		assert_int_equal(nested, 0);
		assert_int_equal(task_ran_inside, 0);
	}
}

static void raise_twice(void *arg)
{
	(void)arg;
	sim_irq_raise(line, 5000);
	sim_irq_raise(line, 7000);
	sim_sleep_until(4000);
	assert_int_equal(taken, 0);
	sim_sleep_until(6000);
	assert_int_equal(taken, 1);
	sim_sleep_until(20000);
	assert_int_equal(taken, 1);
}

static void edges_merge_and_delay_is_kept(void **state)
{
	(void)state;
	reset(1, 2);
	line = sim_irq_line("line", 0, count, NULL);
	sim_task("task", 0, raise_twice, NULL);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_int_equal(taken, 1);
}

static uint32_t word, sibling_ran, sibling_ran_early, waiting;

static void wait_in_irq(void *arg)
{
	(void)arg;
	waiting = 1;
	assert_true(lz_await(is_set, &word, sim_now() + LZ_MS(1)));
	waiting = 0;
}

static void atomic_waiter(void *arg)
{
	sim_irq_raise(line, 0);
	sim_in_irq(wait_in_irq, arg);
	assert_false(lz_in_atomic());
	sim_sleep_until(sim_now() + LZ_US(10));
}

static void sibling(void *arg)
{
	(void)arg;
	sibling_ran = 1;
	sibling_ran_early |= waiting;
}

static void set_later(void *arg)
{
	(void)arg;
	sim_sleep_until(LZ_US(50));
	assert_int_equal(taken_masked, 0);
	lz_store32(&word, 1);
}

static void on_irq(void *arg)
{
	(void)arg;
	taken++;
	taken_masked += waiting;
}

static void atomic_wait_keeps_the_cpu(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 50; seed++) {
		reset(seed, 2);
		word = sibling_ran = sibling_ran_early = waiting = 0;
		line = sim_irq_line("line", 0, on_irq, NULL);
		sim_task("waiter", 0, atomic_waiter, NULL);
		sim_task("sibling", 0, sibling, NULL);
		sim_task("setter", 1, set_later, NULL);
		assert_int_equal(sim_run(LZ_NEVER), 0);
		assert_int_equal(sibling_ran, 1);
		assert_int_equal(sibling_ran_early, 0);
		assert_int_equal(taken, 1);
		assert_int_equal(taken_masked, 0);
		assert_true(stats().longest_masked_wait > LZ_US(40));
		assert_int_equal(stats().longest_masked, 0);
		assert_int_equal(stats().violations, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_running_task_is_interrupted, stop),
		cmocka_unit_test_teardown(nothing_comes_while_masked, stop),
		cmocka_unit_test_teardown(mask_is_of_one_cpu_only, stop),
		cmocka_unit_test_teardown(handlers_do_not_nest_and_hold_the_cpu, stop),
		cmocka_unit_test_teardown(edges_merge_and_delay_is_kept, stop),
		cmocka_unit_test_teardown(atomic_wait_keeps_the_cpu, stop),
	};

	return cmocka_run_group_tests_name("sim interrupts", tests, NULL, NULL);
}
