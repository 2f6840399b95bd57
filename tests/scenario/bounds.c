/* SPDX-License-Identifier: BSD-2-Clause */
/* The bounds of containment: no memory, and no time that grows with the device's timeout. */
#include "common.h"

#define SCENARIO "tests/scenario/atc_silent.yaml"
#define DEAD	 "0000:02:00.0"

static void run(uint64_t ats_timeout, bool fail_alloc, bool irq_only, struct result *r)
{
	struct rig_options opt = {.containment = -1, .seed = 3, .fail_alloc = fail_alloc};
	struct loaded l;

	load(&l, SCENARIO);
	if (irq_only)
		l.sc.workload[0].contexts = SCENARIO_CONTEXT_IRQ;
	l.sc.machine.smmu.ats_timeout = ats_timeout;
	rig_run(&l.sc, &l.m, &opt, r);
	unload(&l);
}

/* Every allocation fails from the fault on; the workload's maps may be refused,
 * containment, custody and recovery may not suffer. */
static void contained_without_memory(uint64_t ats_timeout)
{
	const struct result_device *d;
	struct result r;

	run(ats_timeout, true, false, &r);
	assert_all_held(&r);
	d = device_named(&r, DEAD);
	assert_int_equal(d->health.quarantines, 1);
	assert_int_equal(d->health.recoveries, 1);
	assert_true(r.custody_max > 0);
	assert_int_equal(r.custody_end, 0);
	assert_int_equal(r.stale_reads + r.stale_writes, 0);
	result_fini(&r);
}

static void h66_no_allocation_after_the_fault(void **state)
{
	(void)state;
	contained_without_memory(LZ_MS(50));
}

static void h66_no_allocation_when_the_timeout_is_late(void **state)
{
	(void)state;
	contained_without_memory(LZ_SEC(90));
}

/* A switch that does nothing would make the two tests above pass. */
static void the_switch_makes_allocations_fail(void **state)
{
	struct result r;

	(void)state;
	run(LZ_MS(50), false, false, &r);
	assert_int_equal(r.failed_allocs, 0);
	result_fini(&r);
}

static void masked_time_does_not_grow_with_the_timeout(void **state)
{
	struct result fast, slow;

	(void)state;
	run(LZ_MS(1), false, true, &fast);
	run(LZ_SEC(90), false, true, &slow);
	assert_all_held(&fast);
	assert_all_held(&slow);
	/* Both saw unmaps in interrupt context run into the bound. */
	assert_true(fast.longest_masked_wait >= LZ_US(90));
	assert_true(slow.longest_masked_wait >= LZ_US(90));
	assert_true(slow.longest_masked_wait <= LZ_US(120));
	assert_true(fast.longest_masked_wait <= LZ_US(120));
	/* What the library masks itself is not of the order of any timeout. */
	assert_true(slow.longest_masked <= 2 * fast.longest_masked + LZ_US(5));
	assert_true(slow.worst_irq_unmap <= 2 * fast.worst_irq_unmap);
	result_fini(&fast);
	result_fini(&slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h66_no_allocation_after_the_fault),
		cmocka_unit_test(h66_no_allocation_when_the_timeout_is_late),
		cmocka_unit_test(the_switch_makes_allocations_fail),
		cmocka_unit_test(masked_time_does_not_grow_with_the_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
