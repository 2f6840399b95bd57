/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hot removal and re-adding as the trace of the captured machine has them: one
 * disk comes back into its domain, where its port stayed, the other into a new
 * one, since its own went with it.
 */
#include "common.h"

#include <string.h>

#define SAME	   "0000:04:00.0"
#define OTHER	   "0000:41:00.0"
#define BACK_SAME  "trace: is back in the domain that it was in"
#define BACK_OTHER "trace: is back, in another domain"

static struct result res;

static int run(const char *path)
{
	struct rig_options opt = {.containment = -1, .seed = 1};
	struct loaded l;

	load(&l, path);
	rig_run(&l.sc, &l.m, &opt, &res);
	unload(&l);
	return 0;
}

static bool is_of(const struct result_event *e, const char *bdf)
{
	return e->device >= 0 && !strcmp(res.devices[e->device].name, bdf);
}

static lz_ns noted(const char *bdf, const char *text)
{
	for (unsigned i = 0; i < res.n_events; i++)
		if (res.events[i].text && is_of(&res.events[i], bdf) &&
		    !strcmp(res.events[i].text, text))
			return res.events[i].t;
	fail_msg("%s: no \"%s\"", bdf, text);
	return 0;
}

static lz_ns happened(const char *bdf, enum lz_event_kind kind)
{
	for (unsigned i = 0; i < res.n_events; i++)
		if (!res.events[i].text && is_of(&res.events[i], bdf) && res.events[i].kind == kind)
			return res.events[i].t;
	fail_msg("%s: no event \"%s\"", bdf, lz_event_name(kind));
	return 0;
}

static void came_back(const char *bdf, const char *where)
{
	const struct result_device *d = device_named(&res, bdf);

	assert_true(noted(bdf, where) > happened(bdf, LZ_EV_REMOVED));
	assert_string_equal(d->health.state, "healthy");
	assert_true(d->ats_active);
	/* Another device from here on: no evidence of before is of its generation. */
	assert_true(d->health.generation > 0);
	assert_int_equal(d->health.generation & 1, 0);
}

static void as_recorded(void **state)
{
	(void)state;
	run("tests/scenario/hotplug_trace.yaml");
	assert_all_held(&res);
	came_back(SAME, BACK_SAME);
	came_back(OTHER, BACK_OTHER);
	assert_int_equal(res.fences, 2); /* of the two removals */
	result_fini(&res);
}

static void in_the_middle_of_a_fault(void **state)
{
	(void)state;
	run("tests/scenario/hotplug_trace_reset.yaml");
	assert_all_held(&res);
	came_back(SAME, BACK_SAME);
	came_back(OTHER, BACK_OTHER);
	/* Found silent by the removal itself; never quarantined before that. */
	assert_true(happened(SAME, LZ_EV_QUARANTINED) > happened(SAME, LZ_EV_REMOVED));
	assert_true(happened(OTHER, LZ_EV_RECOVERED) < happened(OTHER, LZ_EV_REMOVED));
	result_fini(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_recorded),
		cmocka_unit_test(in_the_middle_of_a_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
