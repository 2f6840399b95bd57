/* SPDX-License-Identifier: BSD-2-Clause */
/* Several SMMUs: what waits for a dead device is one of them, and nobody behind another. */
#include "common.h"

#include <string.h>

#include "bench/report.h"

#define SCENARIO "scenarios/two-smmus.yaml"
#define TIMEOUT	 LZ_MS(50) /* of the hardware, in that scenario */
#define DEAD	 "0000:02:00.0"

static void run(bool together, struct result *r)
{
	struct rig_options opt = {.containment = -1, .seed = 1};
	struct loaded l;

	load(&l, SCENARIO);
	if (together)
		l.sc.machine.behind[0].smmu = 0;
	rig_run(&l.sc, &l.m, &opt, r);
	unload(&l);
}

static void behind_another_smmu_nobody_waits(void **state)
{
	struct result r;

	(void)state;
	run(false, &r);
	assert_all_held(&r);
	assert_int_equal(r.n_iommus, 2);
	assert_true(r.worst_neighbour < TIMEOUT / 1000);
	/* The domain that both have waited for the first. */
	assert_true(r.worst_unmap > TIMEOUT / 2);
	assert_true(r.custody_max > 0);
	assert_int_equal(r.iommus[0].stats.fences, 1);
	assert_int_equal(r.iommus[1].stats.fences, 0);
	assert_int_equal(r.iommus[1].stats.cmdq_errors, 0);
	assert_true(r.iommus[1].commands > 0);
	result_fini(&r);
}

static void behind_the_same_it_does(void **state)
{
	struct result r;

	(void)state;
	run(true, &r);
	assert_true(r.worst_neighbour > TIMEOUT / 2);
	assert_int_equal(result_of(&r, INV_EXPECT), INV_VIOLATED);
	for (int i = 0; i < INV_EXPECT; i++)
		assert_int_equal(r.inv[i].violations, 0);
	result_fini(&r);
}

static void json_says_who_is_where(void **state)
{
	struct result r;
	json_t *j;
	size_t i;
	const json_t *d;
	unsigned behind[2] = {0};

	(void)state;
	run(false, &r);
	j = report_json(&r);
	assert_int_equal(json_array_size(json_object_get(j, "iommus")), 2);
	json_array_foreach(json_object_get(j, "devices"), i, d)
	{
		const char *name = json_string_value(json_object_get(d, "iommu"));
		const char *bdf = json_string_value(json_object_get(d, "bdf"));

		assert_non_null(name);
		behind[!strcmp(name, "smmu1")]++;
		assert_false(!strcmp(bdf, DEAD) && strcmp(name, "smmu0"));
		/* With the root port of its group. */
		assert_false(!strcmp(bdf, "0000:00:03.0") && strcmp(name, "smmu1"));
	}
	assert_int_equal(behind[0], 10);
	assert_int_equal(behind[1], 4);
	json_decref(j);
	result_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_another_smmu_nobody_waits),
		cmocka_unit_test(behind_the_same_it_does),
		cmocka_unit_test(json_says_who_is_where),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
