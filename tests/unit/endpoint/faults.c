/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoint model: the ways in which it fails, and what cures them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pci/functions.h"
#include "tests/unit/pci/rig.h"

#define MS UINT64_C(1000000)

static int start(void **state)
{
	static struct rig r;

	rig_start(&r, BLK, false, false);
	rig_ats_on(&r, BLK_ATS_CTL);
	assert_int_equal(lzm_ep_dma(r.ep, 0, LZM_WRITE), LZM_OK);
	*state = &r;
	return 0;
}

static int stop(void **state)
{
	rig_stop(*state);
	return 0;
}

static void flr(struct rig *r)
{
	rig_write(r, BLK_DEVCTL, 2, 0x8000);
	rig_advance(r, 150 * MS);
}

/* After a reset: answers, and does so in its normal time. */
static void assert_cured(struct rig *r)
{
	unsigned answers = r->answers;

	flr(r);
	rig_ats_on(r, BLK_ATS_CTL);
	assert_true(lzm_ep_answers(r->ep));
	rig_invalidate(r, 77, 0, 0x1000);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, answers + 1);
	assert_int_equal(r->last_answer, LZM_ATC_DONE);
}

static void silent_keeps_and_uses_its_entries(void **state)
{
	struct rig *r = *state;

	lzm_ep_fault(r->ep, LZM_EP_ATC_SILENT, 0, 0);
	assert_false(lzm_ep_answers(r->ep));
	rig_invalidate(r, 1, 0, 0);
	rig_advance(r, 100000 * MS);
	assert_int_equal(r->answers, 0);
	assert_int_equal(lzm_ep_wake(r->ep), LZM_NEVER);
	assert_true(lzm_ep_dma_cached(r->ep, LZM_WRITE));
	assert_cured(r);
}

static void silent_for_n_requests(void **state)
{
	struct rig *r = *state;

	lzm_ep_fault(r->ep, LZM_EP_ATC_SILENT_N, 2, 0);
	assert_false(lzm_ep_answers(r->ep));
	rig_invalidate(r, 1, 0, 0);
	rig_invalidate(r, 2, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 0);
	assert_int_equal(lzm_ep_atc_used(r->ep), 1);
	assert_true(lzm_ep_answers(r->ep));
	rig_invalidate(r, 3, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->last_tag, 3);
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
	lzm_ep_fault(r->ep, LZM_EP_ATC_SILENT_N, 1, 0);
	assert_cured(r);
}

static void slow_and_late_drop_when_they_answer(void **state)
{
	static const enum lzm_ep_fault kinds[] = {LZM_EP_ATC_SLOW, LZM_EP_ATC_LATE};
	struct rig *r = *state;

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_WRITE), LZM_OK);
		lzm_ep_fault(r->ep, kinds[i], 0, 30 * MS);
		assert_int_equal(lzm_ep_answers(r->ep), kinds[i] == LZM_EP_ATC_SLOW);
		rig_invalidate(r, 10 + i, 0, 0);
		assert_int_equal(lzm_ep_wake(r->ep), r->now + 30 * MS);
		rig_advance(r, 30 * MS - 1);
		assert_true(lzm_ep_dma_cached(r->ep, LZM_WRITE));
		rig_advance(r, 1);
		assert_int_equal(r->last_tag, 10 + i);
		assert_int_equal(lzm_ep_atc_used(r->ep), 0);
		assert_cured(r);
	}
}

static void ranges_are_ignored(void **state)
{
	struct rig *r = *state;

	lzm_ep_fault(r->ep, LZM_EP_ATC_RANGES, 0, 0);
	assert_false(lzm_ep_answers(r->ep));
	rig_invalidate(r, 1, 0, 0x1000);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 0);
	assert_int_equal(lzm_ep_atc_used(r->ep), 1);
	rig_invalidate(r, 2, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->last_tag, 2);
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
	assert_cured(r);
}

static void unsupported_loses_its_enable(void **state)
{
	struct rig *r = *state;

	lzm_ep_fault(r->ep, LZM_EP_ATC_UNSUPPORTED, 0, 0);
	assert_false(lzm_ep_ats_enabled(r->ep));
	assert_int_equal(rig_read(r, BLK_ATS_CTL, 2), 0);
	rig_invalidate(r, 1, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->last_answer, LZM_ATC_UR);
	assert_false(lzm_ep_dma_cached(r->ep, LZM_WRITE));
	rig_write(r, BLK_ATS_CTL, 2, 0x8000);
	assert_int_equal(rig_read(r, BLK_ATS_CTL, 2), 0);
	assert_cured(r);
}

static void silent_from_the_next_reset_on(void **state)
{
	struct rig *r = *state;

	lzm_ep_fault(r->ep, LZM_EP_SILENT_AFTER_RESET, 0, 0);
	assert_true(lzm_ep_answers(r->ep));
	rig_invalidate(r, 1, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 1);
	flr(r);
	assert_false(lzm_ep_answers(r->ep));
	rig_invalidate(r, 2, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 1);
	assert_cured(r);
}

static void a_failing_flr_changes_nothing(void **state)
{
	struct rig *r = *state;

	lzm_ep_fault(r->ep, LZM_EP_FLR_FAILS, 0, 0);
	lzm_ep_fault(r->ep, LZM_EP_ATC_SILENT, 0, 0);
	rig_write(r, BLK_DEVCTL, 2, 0x8000);
	assert_int_equal(r->resets, 0);
	assert_int_equal(rig_read(r, BLK_DEVCTL, 2), 0);
	assert_int_equal(rig_read(r, AT_COMMAND, 2), 0x0006);
	assert_true(lzm_ep_dma_cached(r->ep, LZM_WRITE));
	assert_false(lzm_ep_answers(r->ep));
	/* A reset of the bus is another matter. */
	lzm_ep_bus_reset(r->ep);
	assert_int_equal(r->resets, 1);
	rig_advance(r, 150 * MS);
	assert_true(lzm_ep_answers(r->ep));
}

static void an_flr_may_never_end(void **state)
{
	struct rig *r = *state;

	lzm_ep_fault(r->ep, LZM_EP_FLR_TIMEOUT, 0, 0);
	flr(r);
	rig_advance(r, 100000 * MS);
	assert_int_equal(rig_read(r, AT_COMMAND, 4), 0xffffffff);
	assert_int_equal(lzm_ep_wake(r->ep), LZM_NEVER);
	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_ABORT);
	lzm_ep_bus_reset(r->ep);
	rig_advance(r, 150 * MS);
	assert_int_equal(rig_read(r, AT_COMMAND, 2), 0);
}

static void config_of_ones_leaves_the_rest_alone(void **state)
{
	struct rig *r = *state;

	lzm_ep_fault(r->ep, LZM_EP_CONFIG_ONES, 0, 0);
	assert_int_equal(rig_read(r, 0, 4), 0xffffffff);
	rig_write(r, BLK_ATS_CTL, 2, 0);
	rig_write(r, AT_COMMAND, 2, 0);
	rig_write(r, BLK_DEVCTL, 2, 0x8000);
	assert_true(lzm_ep_ats_enabled(r->ep));
	assert_true(lzm_ep_bus_master(r->ep));
	assert_true(lzm_ep_dma_cached(r->ep, LZM_WRITE));
	assert_int_equal(lzm_ep_dma(r->ep, 0x10000, LZM_WRITE), LZM_OK);
	rig_invalidate(r, 1, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 1);
	lzm_ep_fault(r->ep, LZM_EP_SOUND, 0, 0);
	assert_int_equal(rig_read(r, AT_COMMAND, 2), 0x0006);
}

static void a_removed_function_does_nothing(void **state)
{
	struct rig *r = *state;

	rig_invalidate(r, 1, 0, 0);
	lzm_ep_fault(r->ep, LZM_EP_REMOVED, 0, 0);
	rig_invalidate(r, 2, 0, 0);
	lzm_ep_bus_reset(r->ep);
	rig_advance(r, 1000 * MS);
	assert_int_equal(r->answers, 0);
	assert_int_equal(rig_read(r, 0, 4), 0xffffffff);
	assert_int_equal(rig_read(r, 6, 1), 0xff);
	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_ABORT);
	assert_false(lzm_ep_dma_cached(r->ep, LZM_READ));
	assert_false(lzm_ep_ats_enabled(r->ep));
	assert_false(lzm_ep_bus_master(r->ep));
	assert_false(lzm_ep_answers(r->ep));
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
	assert_int_equal(r->resets, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(silent_keeps_and_uses_its_entries),	 T(silent_for_n_requests),
		T(slow_and_late_drop_when_they_answer),	 T(ranges_are_ignored),
		T(unsupported_loses_its_enable),	 T(silent_from_the_next_reset_on),
		T(a_failing_flr_changes_nothing),	 T(an_flr_may_never_end),
		T(config_of_ones_leaves_the_rest_alone), T(a_removed_function_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
