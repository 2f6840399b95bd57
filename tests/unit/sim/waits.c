/* SPDX-License-Identifier: BSD-2-Clause */
/* Waits, virtual time, hardware units, MMIO, the worker task. */
#include "common.h"
#include "lazaret/lazaret.h"

static uint32_t word, released;

static void wait_never(void *arg)
{
	lz_ns deadline = *(lz_ns *)arg;

	assert_false(lz_await(never, NULL, deadline));
	assert_true(sim_now() == deadline);
}

static void deadline_is_exact_and_idle_time_jumps(void **state)
{
	lz_ns deadline = LZ_SEC(3);

	(void)state;
	start(1, 2);
	sim_task("waiter", 0, wait_never, &deadline);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_true(sim_now() == LZ_SEC(3));
	assert_true(stats().ops[LZ_SIM_AWAIT] == 1);
}

static unsigned looks;

static bool true_at_last_look(void *arg)
{
	(void)arg;
	looks++;
	return sim_now() >= 1000;
}

static void last_look(void *arg)
{
	(void)arg;
	assert_true(lz_await(true_at_last_look, NULL, 1000));
	assert_int_equal(looks, 2);
}

static void one_last_look_after_the_deadline(void **state)
{
	(void)state;
	start(1, 2);
	looks = 0;
	sim_task("waiter", 0, last_look, NULL);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_int_equal(looks, 2);
}

/* Takes longer than the deadline allows; what it saw is from before. */
static bool slow_look(void *arg)
{
	bool seen = sim_now() >= 1000;

	(void)arg;
	spend(1000);
	return seen;
}

static void slow_waiter(void *arg)
{
	(void)arg;
	assert_true(lz_await(slow_look, NULL, 1000));
}

static void the_last_look_starts_after_the_deadline(void **state)
{
	(void)state;
	start(1, 2);
	sim_task("waiter", 0, slow_waiter, NULL);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_int_equal(stats().longest_masked_wait, 0);
}

static void set_word(void *arg)
{
	spend(20);
	lz_store32(arg, 1);
}

static void early_waiter(void *arg)
{
	*(uint32_t *)arg += !lz_await(is_set, &word, LZ_SEC(1));
}

/* A busy CPU does not keep another's deadline from passing. */
static void clock_may_fire_early(void **state)
{
	struct sim_config cfg = {.cpus = 2, .switch_one_in = 2, .op_cost = 2};
	uint32_t timeouts = 0;

	(void)state;
	for (cfg.seed = 0; cfg.seed < 200; cfg.seed++) {
		cfg.early_clock_one_in = cfg.seed < 100 ? 0 : 50;
		if (cfg.seed == 100)
			assert_int_equal(timeouts, 0);
		sim_start(&cfg);
		word = 0;
		sim_task("waiter", 0, early_waiter, &timeouts);
		sim_task("setter", 1, set_word, &word);
		assert_int_equal(sim_run(LZ_NEVER), 0);
	}
	assert_true(timeouts > 0);
	assert_true(timeouts < 100);
}

static void wait_for_word(void *arg)
{
	assert_true(lz_await(is_set, arg, LZ_SEC(1)));
	released = sim_now() < 1000;
}

static void a_store_wakes_and_a_waiter_frees_its_cpu(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 100; seed++) {
		start(seed, 1 + seed % 3);
		word = released = 0;
		sim_task("waiter", 0, wait_for_word, &word);
		sim_task("setter", seed % 2, set_word, &word);
		assert_int_equal(sim_run(LZ_NEVER), 0);
		assert_int_equal(released, 1);
	}
}

static void poll_pred(void *arg)
{
	(void)arg;
	assert_false(lz_await(never, NULL, LZ_SEC(1)));
}

static bool writes_itself(void *arg)
{
	lz_store32(arg, lz_load32(arg) + 1);
	return false;
}

static void poll_writing(void *arg)
{
	assert_false(lz_await(writes_itself, arg, LZ_SEC(1)));
}

/* What a poller's own look writes does not wake it again. */
static void polling_does_not_burn_time(void **state)
{
	uint32_t scratch = 0;

	(void)state;
	start(1, 2);
	sim_task("a", 0, poll_pred, NULL);
	sim_task("b", 1, poll_writing, &scratch);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_true(scratch < 10);
}

static const struct lz_lock_class gate_class = {"gate", 10};
static struct {
	struct lz_spinlock lock;
	bool closed; /* plain, under the lock */
	unsigned passed;
} gate;

static bool try_gate(void *arg)
{
	unsigned long flags = lz_spin_lock(&gate.lock);
	bool was = gate.closed;

	(void)arg;
	gate.closed = true;
	lz_spin_unlock(&gate.lock, flags);
	return !was;
}

static void open_gate(void)
{
	unsigned long flags = lz_spin_lock(&gate.lock);

	gate.closed = false;
	lz_spin_unlock(&gate.lock, flags);
}

static void through_the_gate(void *arg)
{
	unsigned turn;

	(void)arg;
	assert_true(lz_await(try_gate, NULL, LZ_SEC(10)));
	turn = ++gate.passed;
	sim_sleep_until(sim_now() + LZ_MS(100));
	open_gate();
	/* The next one passes while this one is still at work. */
	spend(2000);
	assert_true(gate.passed > turn || turn == 3);
}

/* Plain data under a lock: an unlock wakes pollers, their own looks do not. */
static void unlock_wakes_but_looking_does_not(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 20; seed++) {
		start(seed, 1 + seed % 4);
		lz_spin_init(&gate.lock, &gate_class);
		gate.closed = false;
		gate.passed = 0;
		sim_task("one", 0, through_the_gate, NULL);
		sim_task("two", 1, through_the_gate, NULL);
		sim_task("three", 2, through_the_gate, NULL);
		assert_int_equal(sim_run(LZ_NEVER), 0);
		assert_int_equal(gate.passed, 3);
		assert_true(sim_now() < LZ_MS(301));
		assert_true(stats().ops[LZ_SIM_LOCK] < 100);
	}
}

struct unit {
	uint32_t todo, done;
	lz_ns at;
	unsigned steps;
};

static bool unit_step(void *arg)
{
	struct unit *u = arg;

	u->steps++;
	if (u->at && sim_now() >= u->at) {
		u->at = 0;
		u->done++;
		return true;
	}
	if (!u->todo)
		return false;
	u->todo--;
	u->done++;
	return true;
}

static lz_ns unit_wake(void *arg)
{
	const struct unit *u = arg;

	return u->at ? u->at : LZ_NEVER;
}

static uint64_t unit_read(void *arg, uint32_t off, unsigned width)
{
	const struct unit *u = arg;

	return off == 8 ? u->done : width;
}

static void unit_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	struct unit *u = arg;

	(void)width;
	if (off == 0)
		u->todo = (uint32_t)v;
	else
		u->at = v;
}

#define UNIT_BASE 0x1000u

static void add_unit(struct unit *u)
{
	struct sim_hw hw = {"unit", unit_step, unit_wake, u};
	struct sim_mmio mmio = {UNIT_BASE, 0x1000, unit_read, unit_write, u};

	sim_hw_add(&hw);
	sim_mmio_add(&mmio);
}

static bool done_is(void *arg)
{
	return lz_mmio_read32(UNIT_BASE, 8) == *(const uint32_t *)arg;
}

static void drive(void *arg)
{
	uint32_t five = 5, six = 6;

	(void)arg;
	lz_mmio_write32(UNIT_BASE, 0, 5);
	assert_true(lz_await(done_is, &five, LZ_US(10)));
	lz_mmio_write64(UNIT_BASE, 16, LZ_MS(2));
	assert_true(lz_await(done_is, &six, LZ_MS(5)));
	assert_true(sim_now() >= LZ_MS(2));
	assert_true(sim_now() < LZ_MS(2) + LZ_US(1));
	assert_int_equal(lz_mmio_read64(UNIT_BASE, 24), 8);
}

static void hardware_steps_on_writes_and_at_its_time(void **state)
{
	unsigned seed;

	(void)state;
	for (seed = 0; seed < 20; seed++) {
		struct unit u = {0};

		start(seed, 2);
		add_unit(&u);
		sim_task("driver", 0, drive, NULL);
		assert_int_equal(sim_run(LZ_NEVER), 0);
		assert_int_equal(u.done, 6);
		assert_true(u.steps < 40);
	}
}

static void wait_word(void *arg)
{
	sim_wait_word(&word, 0, LZ_SEC(1));
	*(lz_ns *)arg = sim_now();
}

static void word_wakes_or_time_does(void **state)
{
	lz_ns a = 0, b = 0;

	(void)state;
	word = 0;
	start(1, 2);
	sim_task("waiter", 0, wait_word, &a);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_true(a == LZ_SEC(1));
	stop(NULL);
	start(1, 2);
	sim_task("waiter", 0, wait_word, &b);
	sim_task("setter", 0, set_word, &word);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_true(b < LZ_US(1));
}

/* The worker's lz_poll(): due once at 1 ms, then only when kicked. */
static unsigned polls;

lz_ns lz_poll(struct lz *lz)
{
	(void)lz;
	polls++;
	return sim_now() < LZ_MS(1) ? LZ_MS(1) : LZ_NEVER;
}

static void kick_and_stop(void *arg)
{
	const struct lz_port *port = sim_port();

	sim_sleep_until(LZ_US(100));
	assert_int_equal(polls, 1);
	port->kick(port->ctx);
	sim_sleep_until(LZ_US(200));
	assert_int_equal(polls, 2);
	sim_sleep_until(LZ_MS(2));
	assert_int_equal(polls, 3);
	((struct sim_worker *)arg)->stop = true;
}

static void worker_polls_when_kicked_or_due(void **state)
{
	struct sim_worker w = {NULL, false};

	(void)state;
	polls = 0;
	start(1, 2);
	sim_task("worker", 0, sim_worker_task, &w);
	sim_task("kicker", 0, kick_and_stop, &w);
	assert_int_equal(sim_run(LZ_NEVER), 0);
	assert_int_equal(polls, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(deadline_is_exact_and_idle_time_jumps, stop),
		cmocka_unit_test_teardown(one_last_look_after_the_deadline, stop),
		cmocka_unit_test_teardown(the_last_look_starts_after_the_deadline, stop),
		cmocka_unit_test_teardown(clock_may_fire_early, stop),
		cmocka_unit_test_teardown(a_store_wakes_and_a_waiter_frees_its_cpu, stop),
		cmocka_unit_test_teardown(polling_does_not_burn_time, stop),
		cmocka_unit_test_teardown(unlock_wakes_but_looking_does_not, stop),
		cmocka_unit_test_teardown(hardware_steps_on_writes_and_at_its_time, stop),
		cmocka_unit_test_teardown(word_wakes_or_time_does, stop),
		cmocka_unit_test_teardown(worker_polls_when_kicked_or_due, stop),
	};

	return cmocka_run_group_tests_name("sim waits", tests, NULL, NULL);
}
