/* SPDX-License-Identifier: BSD-2-Clause */
/* Further command queues: what waits for a dead device is one of them, and nobody else. */
#include "common.h"

#include <string.h>

#include "bench/report.h"

#define SCENARIO "scenarios/lane-ecmdq.yaml"
#define TIMEOUT	 LZ_MS(50) /* of the hardware, in that scenario */

static void run_in(const char *regime, unsigned lanes, bool own_timeouts, bool one_consumer,
		   struct result *r)
{
	struct rig_options opt = {.containment = -1, .seed = 1, .regime = regime};
	struct loaded l;

	load(&l, SCENARIO);
	l.sc.machine.smmu.lanes = lanes;
	l.sc.machine.smmu.own_timeouts = own_timeouts;
	l.sc.machine.smmu.one_consumer = one_consumer;
	rig_run(&l.sc, &l.m, &opt, r);
	unload(&l);
}

static void run(unsigned lanes, bool own_timeouts, bool one_consumer, struct result *r)
{
	run_in(NULL, lanes, own_timeouts, one_consumer, r);
}

static void contained(const struct result *r)
{
	const struct result_device *d = device_named(r, "0000:02:00.0");

	assert_false(r->inconclusive);
	for (int i = 0; i < INV_EXPECT; i++)
		if (r->inv[i].violations)
			fail_msg("%s: %s", inv_name((enum inv)i), r->inv[i].first);
	assert_int_equal(d->health.quarantines, 1);
	assert_int_equal(d->health.recoveries, 1);
}

/* The neighbour's sync stands behind that of the dead device: expect says so. */
static void with_one_queue_a_neighbour_waits(void **state)
{
	struct result r;

	(void)state;
	run(SCENARIO_LANES_NONE, false, false, &r);
	contained(&r);
	assert_true(r.worst_neighbour > TIMEOUT / 2);
	assert_int_equal(r.inv[INV_EXPECT].violations, 1);
	assert_non_null(strstr(r.inv[INV_EXPECT].first, "without a broken device"));
	assert_int_equal(r.iommus[0].lane_commands, 0);
	result_fini(&r);
}

static void with_a_lane_it_does_not(void **state)
{
	static const unsigned kinds[] = {SCENARIO_LANES_ECMDQ, SCENARIO_LANES_CMDQV};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct result r;

		run(kinds[i], false, false, &r);
		contained(&r);
		assert_all_held(&r);
		assert_true(r.worst_neighbour < TIMEOUT / 1000);
		assert_int_equal(r.iommus[0].lanes_used, 1);
		assert_true(r.iommus[0].lane_commands > 0 &&
			    r.iommus[0].lane_commands < r.iommus[0].commands);
		result_fini(&r);
	}
}

/* Hardware that serves all queues by one consumer gives that away. */
static void with_one_consumer_it_waits_again(void **state)
{
	struct result r;

	(void)state;
	run(SCENARIO_LANES_ECMDQ, false, true, &r);
	contained(&r);
	assert_true(r.worst_neighbour > TIMEOUT / 2);
	assert_int_equal(r.iommus[0].lanes_used, 1);
	result_fini(&r);
}

static void who_keeps_timeouts_apart_uses_all(void **state)
{
	static const unsigned kinds[] = {SCENARIO_LANES_ECMDQ, SCENARIO_LANES_CMDQV};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct result r;

		run(kinds[i], true, false, &r);
		contained(&r);
		assert_all_held(&r);
		assert_int_equal(r.iommus[0].lanes_used, 2);
		result_fini(&r);
	}
}

/* F: while the hardware says nothing for 90 s no further batch follows the one that waits, as
 * each would time out after the one before. What is out is that of a task and that of a
 * handler; then come the probe, and one more of the device's reset. */
static void what_stands_gets_no_more(void **state)
{
	struct result r;

	(void)state;
	run_in("late_hw", SCENARIO_LANES_ECMDQ, false, false, &r);
	contained(&r);
	assert_all_held(&r);
	assert_true(r.cmdq_errors <= 4);
	assert_true(r.model_time < 4 * LZ_SEC(90));
	result_fini(&r);
}

static void json_says_which(void **state)
{
	struct result r;
	const json_t *u;
	json_t *j;

	(void)state;
	run(SCENARIO_LANES_CMDQV, false, false, &r);
	j = report_json(&r);
	u = json_array_get(json_object_get(j, "iommus"), 0);
	assert_string_equal(json_string_value(json_object_get(u, "lanes")), "cmdqv");
	assert_int_equal(json_integer_value(json_object_get(u, "lanes_used")), 1);
	assert_int_equal(json_integer_value(json_object_get(u, "lane_commands")),
			 r.iommus[0].lane_commands);
	json_decref(j);
	result_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_one_queue_a_neighbour_waits),
		cmocka_unit_test(with_a_lane_it_does_not),
		cmocka_unit_test(with_one_consumer_it_waits_again),
		cmocka_unit_test(who_keeps_timeouts_apart_uses_all),
		cmocka_unit_test(what_stands_gets_no_more),
		cmocka_unit_test(json_says_which),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
