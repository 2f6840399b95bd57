/* SPDX-License-Identifier: BSD-2-Clause */
/* A short exploration of every scenario under tests/explore finds nothing, on each IOMMU
 * that it is for. */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/explore_load.h"
#include "explore/search.h"

#define FOLDER "tests/explore"
#define RUNS   300u

static int is_scenario(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && !strcmp(dot, ".yaml");
}

/* False: the scenario is not for that one; NULL: what it names itself. */
static bool explore(const char *path, const enum exr_iommu *iommu)
{
	struct ex_options o = {.strategy = EX_AUTO, .runs = RUNS, .seed = 1, .jobs = 2};
	struct ex_result r;
	struct ex_subject s;
	struct ex_case c;
	char err[512];

	if (explore_load(path, &c, err, sizeof(err)))
		fail_msg("%s", err);
	if (iommu) {
		c.iommu = *iommu;
		c.hash ^= *iommu;
	}
	if (!explore_check_iommu(&c, err, sizeof(err))) {
		explore_free(&c);
		return false;
	}
	assert_true(ex_case_subject(&c, &s));
	ex_search(&s, &o, &r);
	if (r.n_found) {
		char *token = ex_found_token(&s, &r.found[0]);

		fail_msg("%s (%s): %c: %s\nschedule %" PRIu64 ", %s", path, explore_iommus[c.iommu],
			 r.found[0].v.invariant, r.found[0].v.text, r.found[0].schedule, token);
	}
	if (*r.failure)
		fail_msg("%s: %s", path, r.failure);
	assert_true(r.schedules >= RUNS);
	/* Schedules that are all alike would prove nothing. */
	assert_true(r.distinct > RUNS / 2);
	ex_result_free(&r);
	explore_free(&c);
	return true;
}

static int all(const enum exr_iommu *iommu)
{
	struct dirent **entry;
	int n = scandir(FOLDER, &entry, is_scenario, alphasort), explored = 0;

	for (int i = 0; i < n; i++) {
		char path[512];

		snprintf(path, sizeof(path), FOLDER "/%s", entry[i]->d_name);
		explored += explore(path, iommu);
		free(entry[i]);
	}
	free(entry);
	return explored;
}

static void every_scenario_holds(void **state)
{
	(void)state;
	assert_true(all(NULL) >= 19);
}

static void every_scenario_holds_on_riscv(void **state)
{
	static const enum exr_iommu riscv = EXR_RISCV;

	(void)state;
	assert_true(all(&riscv) >= 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_scenario_holds),
					   cmocka_unit_test(every_scenario_holds_on_riscv)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
