/* SPDX-License-Identifier: BSD-2-Clause */
/* Library calls outside the run: no task, hardware and interrupts still work. */
#include "common.h"

static unsigned line;
static uint32_t taken, ready;
static unsigned left;

static void handler(void *arg)
{
	(void)arg;
	taken++;
}

static bool step(void *arg)
{
	(void)arg;
	if (!left)
		return false;
	if (--left == 0) {
		ready = 1;
		sim_irq_raise(line, 100);
	}
	return true;
}

static void everything_works_without_a_simulation(void **state)
{
	static const struct lz_lock_class class = {"lock", 1};
	struct lz_spinlock l;
	unsigned long f;
	lz_ns t;

	(void)state;
	lz_spin_init(&l, &class);
	f = lz_spin_lock(&l);
	assert_true(lz_spin_held(&l));
	assert_true(lz_in_atomic());
	spend(10000);
	lz_spin_unlock(&l, f);
	assert_false(lz_spin_held(&l));
	assert_false(lz_in_atomic());
	t = sim_now() + LZ_MS(1);
	assert_false(lz_await(never, NULL, t));
	assert_true(sim_now() == t);
	lz_cpu_relax();
}

static bool both(void *arg)
{
	(void)arg;
	return ready && taken;
}

static void await_steps_hardware_and_interrupts(void **state)
{
	(void)state;
	start(1, 2);
	taken = ready = 0;
	left = 10;
	line = sim_irq_line("line", 0, handler, NULL);
	sim_hw_add(&(struct sim_hw){"unit", step, NULL, NULL});
	assert_true(lz_await(both, NULL, LZ_SEC(1)));
	assert_int_equal(left, 0);
	assert_int_equal(taken, 1);
	assert_true(sim_now() >= 100);
	assert_true(sim_now() < 1000);
}

static void wait_ready(void *arg)
{
	(void)arg;
	assert_false(lz_await(both, NULL, sim_now() + 1000));
}

static void irq_context_outside_holds_interrupts_back(void **state)
{
	(void)state;
	start(1, 2);
	taken = ready = 0;
	left = 1;
	line = sim_irq_line("line", 0, handler, NULL);
	sim_hw_add(&(struct sim_hw){"unit", step, NULL, NULL});
	sim_in_irq(wait_ready, NULL);
	assert_int_equal(ready, 1);
	assert_int_equal(taken, 0);
	assert_true(stats().longest_masked_wait >= 1000);
	assert_true(lz_await(both, NULL, sim_now() + 1000));
	assert_int_equal(taken, 1);
	assert_int_equal(stats().violations, 0);
}

static void task(void *arg)
{
	lz_store32(arg, 1);
	sim_sleep_until(sim_now() + 1000);
}

static void tasks_wait_for_the_run(void **state)
{
	uint32_t ran = 0;

	(void)state;
	start(1, 2);
	taken = 0;
	line = sim_irq_line("line", 0, handler, NULL);
	sim_task("task", 0, task, &ran);
	assert_false(lz_await(is_set, &ran, 1000));
	sim_irq_raise(line, 0);
	assert_int_equal(taken, 0);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_int_equal(ran, 1);
	assert_int_equal(taken, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(everything_works_without_a_simulation, stop),
		cmocka_unit_test_teardown(await_steps_hardware_and_interrupts, stop),
		cmocka_unit_test_teardown(irq_context_outside_holds_interrupts_back, stop),
		cmocka_unit_test_teardown(tasks_wait_for_the_run, stop),
	};

	return cmocka_run_group_tests_name("sim from outside", tests, NULL, NULL);
}
