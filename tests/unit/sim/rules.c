/* SPDX-License-Identifier: BSD-2-Clause */
/* Invariant H: each broken context rule is counted and named. */
#include <string.h>

#include "common.h"

static const struct lz_lock_class low = {"low", 10}, high = {"high", 20}, high2 = {"high2", 20};
static struct lz_spinlock a, b, c, raw;

static void inversion(void *arg)
{
	unsigned long f = lz_spin_lock(&b), g = lz_spin_lock(&a);

	(void)arg;
	lz_spin_unlock(&a, g);
	lz_spin_unlock(&b, f);
}

static void equal_rank(void *arg)
{
	unsigned long f = lz_spin_lock(&b), g = lz_spin_lock(&c);

	(void)arg;
	lz_spin_unlock(&c, g);
	lz_spin_unlock(&b, f);
}

static void recursive(void *arg)
{
	unsigned long f = lz_spin_lock(&a), g = lz_spin_lock(&a);

	(void)arg;
	lz_spin_unlock(&a, g);
	assert_true(lz_spin_held(&a));
	lz_spin_unlock(&a, f);
}

static void by_another(void *arg)
{
	lz_spin_unlock(&a, 0);
	(void)arg;
}

static void unlock_of_others(void *arg)
{
	unsigned long f = lz_spin_lock(&a);

	(void)arg;
	sim_task("thief", 1, by_another, NULL);
	while (stats().violations == 0)
		spend(1);
	lz_spin_unlock(&a, f);
}

static void uninitialised(void *arg)
{
	(void)arg;
	memset(&raw, 0, sizeof(raw));
	lz_spin_unlock(&raw, lz_spin_lock(&raw));
}

/* H39: waiting under a raw lock. */
static void h39_await_locked(void *arg)
{
	unsigned long f = lz_spin_lock(&a);

	(void)arg;
	(void)lz_await(never, NULL, sim_now() + 10);
	lz_spin_unlock(&a, f);
}

static void await_masked(void *arg)
{
	unsigned long f = lz_irq_save();

	(void)arg;
	(void)lz_await(never, NULL, sim_now() + 10);
	lz_irq_restore(f);
}

static void alloc_masked(void *arg)
{
	unsigned long f = lz_irq_save();

	(void)arg;
	(void)sim_port()->alloc(sim_port()->ctx, 16);
	lz_irq_restore(f);
}

static void free_some(void *arg)
{
	sim_port()->free(sim_port()->ctx, arg, 16);
}

static void free_in_irq(void *arg)
{
	(void)arg;
	sim_in_irq(free_some, sim_port()->alloc(sim_port()->ctx, 16));
}

static void dma_free_some(void *arg)
{
	sim_port()->dma_free(sim_port()->ctx, arg, 64);
}

static void dma_free_in_irq(void *arg)
{
	lz_phys phys;

	(void)arg;
	sim_in_irq(dma_free_some, sim_port()->dma_alloc(sim_port()->ctx, 64, 64, &phys));
}

static void sleep_now(void *arg)
{
	(void)arg;
	sim_sleep_until(sim_now() + 10);
}

static void sleep_in_irq(void *arg)
{
	sim_in_irq(sleep_now, arg);
}

static void leave_locked(void *arg)
{
	(void)arg;
	(void)lz_spin_lock(&a);
}

static void leave_masked(void *arg)
{
	(void)arg;
	(void)lz_irq_save();
}

static void restore_out_of_order(void *arg)
{
	unsigned long f = lz_irq_save();

	(void)arg;
	(void)lz_irq_save();
	lz_irq_restore(f);
}

static void free_twice(void *arg)
{
	lz_phys phys;
	void *p = sim_port()->dma_alloc(sim_port()->ctx, 64, 64, &phys);

	(void)arg;
	dma_free_some(p);
	dma_free_some(p);
}

static const struct {
	sim_task_fn fn;
	const char *text;
} rules[] = {
	{inversion, "task: lock order: low (10) taken under high (20)"},
	{equal_rank, "task: lock order: high2 (20) taken under high (20)"},
	{recursive, "task: spinlock taken twice"},
	{unlock_of_others, "thief: spinlock released by somebody else"},
	{uninitialised, "task: spinlock used before lz_spin_init()"},
	{h39_await_locked, "task: lz_await() with a spinlock held"},
	{await_masked, "task: lz_await() with interrupts masked by the library"},
	{alloc_masked, "task: alloc in atomic context"},
	{free_in_irq, "task: free in atomic context"},
	{dma_free_in_irq, "task: dma_free in atomic context"},
	{sleep_in_irq, "task: sleep in atomic context"},
	{leave_locked, "task: returned with a spinlock held"},
	{leave_masked, "task: returned with interrupts masked"},
	{restore_out_of_order, "task: interrupt mask restored out of order"},
	{free_twice, "task: dma_free of memory that is not allocated"},
};

static void run(sim_task_fn fn)
{
	start(3, 2);
	lz_spin_init(&a, &low);
	lz_spin_init(&b, &high);
	lz_spin_init(&c, &high2);
	sim_task("task", 0, fn, NULL);
	assert_int_equal(sim_run(LZ_MS(1)), 0);
}

static void each_broken_rule_is_counted(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		run(rules[i].fn);
		assert_string_equal(stats().first_violation, rules[i].text);
		assert_int_equal(stats().violations, 1);
	}
}

static unsigned line;

static void handler(void *arg)
{
	lz_phys phys;
	unsigned long f;

	(void)arg;
	/* All of this is allowed in a handler. */
	(void)lz_await(never, NULL, sim_now() + 10);
	f = lz_spin_lock(&a);
	(void)sim_port()->dma_alloc(sim_port()->ctx, 64, 64, &phys);
	sim_port()->kick(sim_port()->ctx);
	lz_spin_unlock(&a, f);
}

static void sound(void *arg)
{
	unsigned long f, g;

	(void)arg;
	sim_irq_raise(line, 0);
	f = lz_spin_lock(&a);
	g = lz_spin_lock(&b);
	spend(5);
	lz_spin_unlock(&b, g);
	lz_spin_unlock(&a, f);
	(void)lz_await(never, NULL, sim_now() + 10);
	free_some(sim_port()->alloc(sim_port()->ctx, 16));
	sim_in_irq(handler, NULL);
}

/* H48: an interrupt never meets its own CPU's holder of the lock. */
static void h48_sound_code_breaks_no_rule(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 100; seed++) {
		start(seed, 1 + seed % 4);
		lz_spin_init(&a, &low);
		lz_spin_init(&b, &high);
		line = sim_irq_line("line", 0, handler, NULL);
		sim_task("one", 0, sound, NULL);
		sim_task("two", 0, sound, NULL);
		sim_task("three", 1, sound, NULL);
		assert_int_equal(sim_run(LZ_SEC(1)), 0);
		assert_string_equal(stats().first_violation, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_broken_rule_is_counted, stop),
		cmocka_unit_test_teardown(h48_sound_code_breaks_no_rule, stop),
	};

	return cmocka_run_group_tests_name("sim context rules", tests, NULL, NULL);
}
