/* SPDX-License-Identifier: BSD-2-Clause */
/* What containment changes, and that a run can be repeated. */
#include "common.h"

#include <string.h>

#include "bench/report.h"

#define SCENARIO "tests/scenario/atc_silent.yaml"

static void run(enum lz_contain contain, uint64_t seed, struct result *r)
{
	struct rig_options opt = {.containment = contain, .seed = seed};
	struct loaded l;

	load(&l, SCENARIO);
	rig_run(&l.sc, &l.m, &opt, r);
	unload(&l);
}

static void without_containment_memory_is_hit(void **state)
{
	const struct result_device *d;
	struct result r;

	(void)state;
	run(LZ_CONTAIN_OFF, 1, &r);
	assert_false(r.inconclusive);
	assert_true(r.stale_writes > 0);
	assert_int_equal(result_of(&r, INV_A), INV_VIOLATED);
	assert_true(result_violated(&r));
	/* Only the dead device does damage, and nobody is named or kept out. */
	d = device_named(&r, "0000:02:00.0");
	assert_int_equal(d->stale_reads + d->stale_writes, r.stale_reads + r.stale_writes);
	assert_int_equal(d->health.quarantines, 0);
	assert_int_equal(r.custody_max, 0);
	result_fini(&r);
}

static void containment_ends_the_storm(void **state)
{
	struct result on, off;

	(void)state;
	run(LZ_CONTAIN_ON, 1, &on);
	run(LZ_CONTAIN_OFF, 1, &off);
	assert_all_held(&on);
	assert_int_equal(on.stale_reads + on.stale_writes, 0);
	assert_true(on.cmdq_errors < off.cmdq_errors);
	assert_true(on.custody_accesses > 0);
	result_fini(&on);
	result_fini(&off);
}

static char *as_text(enum lz_contain contain, uint64_t seed)
{
	struct result r;
	json_t *j;
	char *s;

	run(contain, seed, &r);
	j = report_json(&r);
	assert_non_null(j);
	s = json_dumps(j, JSON_COMPACT);
	assert_non_null(s);
	json_decref(j);
	result_fini(&r);
	return s;
}

static void same_seed_same_run(void **state)
{
	char *a = as_text(LZ_CONTAIN_ON, 5), *b = as_text(LZ_CONTAIN_ON, 5);
	char *c = as_text(LZ_CONTAIN_ON, 6);

	(void)state;
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	free(a);
	free(b);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_containment_memory_is_hit),
		cmocka_unit_test(containment_ends_the_storm),
		cmocka_unit_test(same_seed_same_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
