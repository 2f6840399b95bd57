/* SPDX-License-Identifier: BSD-2-Clause */
/* A storm that strikes nobody would hold: the figures of one that does. */
#include "common.h"

#include <string.h>

#define SCENARIO "tests/scenario/storm_short.yaml"

static void run_in(const char *regime, uint64_t seed, unsigned kinds, struct result *r)
{
	struct rig_options opt = {.regime = regime, .containment = -1, .seed = seed};
	struct loaded l;

	load(&l, SCENARIO);
	if (kinds)
		l.sc.storm.kinds = kinds;
	rig_run(&l.sc, &l.m, &opt, r);
	unload(&l);
	assert_all_held(r);
}

static void run(uint64_t seed, unsigned kinds, struct result *r)
{
	run_in("fail_once", seed, kinds, r);
}

static void everything_happens_and_nothing_is_left(void **state)
{
	struct result r;

	(void)state;
	run(1, 0, &r);
	assert_true(r.storm.ran && !r.storm.cut_short);
	assert_true(r.storm.faults > 50 && r.storm.resets > 2 && r.storm.removals > 10);
	assert_true(r.storm.bus_resets > 0 && r.storm.bus_resets < r.storm.resets);
	assert_true(r.storm.adds >= r.storm.removals / 2);
	assert_true(r.storm.quarantines > 10 && r.storm.recovered > 10);
	assert_true(r.custody_max > 0);
	assert_int_equal(r.custody_end, 0);
	assert_true(r.storm.calm_bytes[0] > 0);
	assert_int_equal(r.storm.calm_bytes[0], r.storm.calm_bytes[RESULT_QUARTERS - 1]);
	assert_true(r.peak_bytes >= r.storm.calm_bytes[0]);
	for (unsigned i = 0; i < r.n_devices; i++)
		assert_string_equal(r.devices[i].health.state, "healthy");
	result_fini(&r);
}

/* Where no sync succeeds while one is silent, most are out when the queue comes free:
 * a calm goes on as long as it helps, and waits for removals that are not finished. A
 * function that is being added has no PASIDs yet. */
static void a_queue_that_stood_long_leaves_nobody_behind(void **state)
{
	static const uint64_t seeds[] = {1, 4, 9};

	(void)state;
	for (unsigned i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		struct result r;

		run_in("fail_forever", seeds[i], 0, &r);
		assert_true(r.storm.ran && !r.storm.cut_short);
		assert_int_equal(r.custody_end, 0);
		for (unsigned k = 0; k < r.n_devices; k++)
			assert_string_equal(r.devices[k].health.state, "healthy");
		result_fini(&r);
	}
}

/* Only what leaves every device sound: nobody is accused. */
static void kinds_are_kept_to(void **state)
{
	struct result r;

	(void)state;
	run(1, 1u << SCENARIO_STORM_EVENT_FLOOD, &r);
	assert_true(r.storm.faults > 50);
	assert_int_equal(r.storm.resets + r.storm.removals + r.storm.quarantines, 0);
	assert_int_equal(r.cmdq_errors, 0);
	result_fini(&r);
}

static void one_seed_one_storm(void **state)
{
	struct result a, b, c;

	(void)state;
	run(1, 0, &a);
	run(1, 0, &b);
	run(2, 0, &c);
	assert_memory_equal(&a.storm, &b.storm, sizeof(a.storm));
	assert_int_equal(a.model_time, b.model_time);
	assert_int_equal(a.accesses, b.accesses);
	assert_true(a.accesses != c.accesses);
	result_fini(&a);
	result_fini(&b);
	result_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_happens_and_nothing_is_left),
		cmocka_unit_test(a_queue_that_stood_long_leaves_nobody_behind),
		cmocka_unit_test(kinds_are_kept_to),
		cmocka_unit_test(one_seed_one_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
