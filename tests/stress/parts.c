/* SPDX-License-Identifier: BSD-2-Clause */
/* The library's own spinlock, wait and the port's read sections, on threads. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/driver.h"
#include "core/epoch.h"
#include "posix.h"
#include "tests/conformance/host.h"

#define TASKS  4u
#define ROUNDS 20000u

static const struct lz_lock_class low = {"low", 1}, high = {"high", 2};
static struct lz_spinlock lock, inner;

static void nothing(void *arg)
{
	(void)arg;
}

static void run(void (*body)(void *arg), void *arg)
{
	lz_spin_init(&lock, &low);
	lz_spin_init(&inner, &high);
	host_run(nothing, body, arg);
}

static void on_all(void (*fn)(void *arg), void *arg)
{
	void *args[TASKS];

	for (unsigned i = 0; i < TASKS; i++)
		args[i] = arg;
	host_tasks(fn, args, TASKS);
}

/* ---- spinlock ---- */

/* Plain: ThreadSanitizer sees a lock that does not order. */
static unsigned counter;
static uint32_t started;

static void count(void *arg)
{
	(void)arg;
	(void)lz_fetch_add32(&started, 1);
	while (lz_load32(&started) < TASKS)
		lz_cpu_relax();
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned long flags = lz_spin_lock(&lock);
		unsigned seen = counter;

		if (i % 64 == 0)
			lz_cpu_relax(); /* the others run while it is held */
		counter = seen + 1;
		lz_spin_unlock(&lock, flags);
	}
}

static void excludes_body(void *arg)
{
	unsigned long flags, outer;

	counter = 0;
	started = 0;
	on_all(count, arg);
	assert_int_equal(counter, TASKS * ROUNDS);

	assert_false(lz_spin_held(&lock));
	assert_false(lz_in_atomic());
	outer = lz_spin_lock(&lock);
	flags = lz_spin_lock(&inner);
	assert_true(lz_spin_held(&lock) && lz_spin_held(&inner) && lz_in_atomic());
	lz_spin_unlock(&inner, flags);
	assert_true(lz_spin_held(&lock) && lz_in_atomic());
	lz_spin_unlock(&lock, outer);
	assert_false(lz_spin_held(&lock) || lz_in_atomic());
}

static void lock_excludes(void **state)
{
	(void)state;
	run(excludes_body, NULL);
}

static void wrong_order(void)
{
	(void)lz_spin_lock(&inner);
	(void)lz_spin_lock(&lock);
}

static void taken_twice(void)
{
	(void)lz_spin_lock(&lock);
	(void)lz_spin_lock(&lock);
}

static void not_ours(void)
{
	lz_spin_unlock(&lock, lz_irq_save());
}

static void expect_panic(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		(void)close(STDERR_FILENO);
		lz_posix_bind(0);
		lz_spin_init(&lock, &low);
		lz_spin_init(&inner, &high);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void broken_rules_panic(void **state)
{
	(void)state;
	expect_panic(wrong_order);
	expect_panic(taken_twice);
	expect_panic(not_ours);
}

/* ---- wait ---- */

static struct lz *lz;
static unsigned looks;

static struct lz *new_instance(void)
{
	struct lz_config cfg;
	struct lz *made;

	lz_config_default(&cfg);
	assert_int_equal(lz_init(host_port(), &cfg, &made), LZ_OK);
	return made;
}

static bool never(void *arg)
{
	(void)arg;
	looks++;
	return false;
}

static bool when_late(void *arg)
{
	return host_now() >= *(lz_ns *)arg;
}

static bool is_set(void *arg)
{
	return lz_load32_acquire(arg) != 0;
}

static void set_later(void *arg)
{
	host_sleep(LZ_MS(2));
	lz_store32_release(arg, 1);
}

static uint32_t word;

static void either(void *arg)
{
	if (lz_cpu_id() == 3)
		set_later(arg);
	else
		assert_true(lz_wait(lz, is_set, arg, host_now() + LZ_SEC(60)));
}

static void wait_body(void *arg)
{
	lz_ns deadline;

	(void)arg;
	lz = new_instance();
	/* Already late: one look all the same. */
	looks = 0;
	assert_false(lz_wait(lz, never, NULL, 1));
	assert_int_equal(looks, 1);
	deadline = host_now() + LZ_MS(2);
	assert_false(lz_wait(lz, never, NULL, deadline));
	assert_true(host_now() >= deadline);
	/* True only when the time is over: the last look sees it. */
	deadline = host_now() + LZ_MS(1);
	assert_true(lz_wait(lz, when_late, &deadline, deadline));
	word = 0;
	on_all(either, &word);
	assert_int_equal(lz_fini(lz), LZ_OK);
}

static void waits(void **state)
{
	(void)state;
	run(wait_body, NULL);
}

/* ---- read sections ---- */

struct box {
	unsigned full; /* plain: written by the writer when nobody reads */
};
static struct lz_epoch epoch;
static void *published;
static uint32_t readers_done;

static void read_boxes(void)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct lz_epoch_section s = lz_epoch_enter(&epoch);
		struct box *b = lz_load_ptr(&published);
		bool full = b->full == 1;

		lz_epoch_leave(&epoch, s);
		if (!full)
			abort();
	}
	(void)lz_fetch_add32(&readers_done, 1);
}

static void write_boxes(void)
{
	static struct box box[2];
	unsigned next = 1;

	while (lz_load32_acquire(&readers_done) < TASKS - 1) {
		struct box *old = &box[1 - next];

		box[next].full = 1;
		lz_store_ptr(&published, &box[next]);
		lz_epoch_grace(lz, &epoch, "test");
		old->full = 0; /* nobody looks at it any more */
		next = 1 - next;
	}
}

static void read_or_write(void *arg)
{
	(void)arg;
	if (lz_cpu_id() == 3)
		write_boxes();
	else
		read_boxes();
}

static void grace_body(void *arg)
{
	static struct box first = {1};

	published = &first;
	readers_done = 0;
	lz = new_instance();
	on_all(read_or_write, arg);
	assert_int_equal(lz_fini(lz), LZ_OK);
}

static void grace_waits_for_readers(void **state)
{
	(void)state;
	run(grace_body, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_rules_panic),
		cmocka_unit_test(lock_excludes),
		cmocka_unit_test(waits),
		cmocka_unit_test(grace_waits_for_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
