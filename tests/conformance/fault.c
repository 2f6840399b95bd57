/* SPDX-License-Identifier: BSD-2-Clause */
/* A device stops answering: who is blamed, what is held, how it ends. */
#include "rig.h"

static bool told(struct rig *r)
{
	return rig_get(r->dev[r->opt.devs - 1].told) > 0 && rig_idle(r);
}

/* One suspect: no probe is needed. */
static void named_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, told));
	assert_int_equal(rig_get(r->released), LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	assert_int_equal(rig_health(r, 0).evidence, LZ_EVIDENCE_NAMED);
	assert_int_equal(rig_health(r, 0).probes, 0);
	assert_string_equal(rig_health(r, 0).state, "broken");
	assert_int_equal(lz_group_recovery_count(r->dev[0].group), 1);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	rig_drop(r, dom);
}

static void named(void **state)
{
	(void)state;
	rig_run(&(struct rig_opts){.devs = 1}, named_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
