/* SPDX-License-Identifier: BSD-2-Clause */
/* Named regimes: all of them run a healthy queue, each differs from the others. */
#include "rig.h"

#include <string.h>

static void names_resolve_and_keep_the_timeout(void **state)
{
	struct lzm_smmu_knobs k, seen[16];
	const char *name;
	unsigned i, j;

	(void)state;
	for (i = 0; (name = lzm_smmu_regime_name(i)); i++) {
		lzm_smmu_knobs_default(&k);
		k.ats_timeout_ns = 123;
		k.seed = 77;
		assert_true(lzm_smmu_regime(name, &k));
		assert_int_equal(k.seed, 77);
		if (strcmp(name, "late_hw"))
			assert_int_equal(k.ats_timeout_ns, 123);
		else
			assert_true(k.ats_timeout_ns == 90000 * MS);
		assert_true(i < 16);
		seen[i] = k;
		for (j = 0; j < i; j++)
			assert_memory_not_equal(&seen[i], &seen[j], sizeof(k));
	}
	assert_int_equal(i, 10);
	assert_false(lzm_smmu_regime("nothing", &k));
}

static void healthy_queues_run_under_every_regime(void **state)
{
	const char *name;
	unsigned i, j;

	(void)state;
	for (i = 0; (name = lzm_smmu_regime_name(i)); i++) {
		struct lzm_smmu_config cfg;
		struct rig *r;

		lzm_smmu_config_default(&cfg);
		lzm_smmu_regime(name, &cfg.knobs);
		r = rig_running(&cfg);
		for (j = 0; j < 50; j++) {
			put(r, OP_NH_VA, 0x1000 * j);
			put(r, ATC(SID), 0);
			put(r, OP_SYNC, 0);
			idle(r);
			assert_int_equal(rd(r, CMDQ_CONS), r->prod);
		}
		assert_int_equal(rd(r, GERROR), 0);
		assert_int_equal(misuses(r), 0);
		rig_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_resolve_and_keep_the_timeout),
		cmocka_unit_test(healthy_queues_run_under_every_regime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
