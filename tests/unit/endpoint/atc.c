/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoint model: translation cache and DMA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pci/functions.h"
#include "tests/unit/pci/rig.h"

static int start(void **state)
{
	static struct rig r;

	rig_start(&r, BLK, true, false);
	rig_ats_on(&r, BLK_ATS_CTL);
	*state = &r;
	return 0;
}

static int stop(void **state)
{
	rig_stop(*state);
	return 0;
}

static void a_translation_is_used_again(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lzm_ep_dma(r->ep, 0x5008, LZM_WRITE), LZM_OK);
	assert_int_equal(r->last_pa, 0x5008 + RIG_OFFSET);
	/* Same span, another page. */
	assert_int_equal(lzm_ep_dma(r->ep, 0x7ff0, LZM_READ), LZM_OK);
	assert_int_equal(r->last_pa, 0x7ff0 + RIG_OFFSET);
	assert_int_equal(r->translates, 1);
	assert_int_equal(r->translateds, 2);
	assert_int_equal(r->dmas, 2);
	assert_int_equal(lzm_ep_dma(r->ep, 0x8000, LZM_READ), LZM_OK);
	assert_int_equal(r->translates, 2);
	assert_int_equal(lzm_ep_atc_used(r->ep), 2);
}

static void capacity_evicts(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(lzm_ep_dma(r->ep, i * RIG_SPAN, LZM_READ), LZM_OK);
	assert_int_equal(lzm_ep_atc_used(r->ep), 4);
	assert_int_equal(r->translates, 9);
	/* The last one is there, some earlier one is not. */
	assert_int_equal(lzm_ep_dma(r->ep, 8 * RIG_SPAN, LZM_READ), LZM_OK);
	assert_int_equal(r->translates, 9);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(lzm_ep_dma(r->ep, i * RIG_SPAN, LZM_READ), LZM_OK);
	assert_in_range(r->translates, 14, 18);
}

static void no_permission_is_a_failure_and_not_cached(void **state)
{
	struct rig *r = *state;

	r->map_read = r->map_write = false;
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_ABORT);
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
	r->map_read = true;
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_WRITE), LZM_ABORT);
	assert_int_equal(r->translateds, 0);
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_OK);
	assert_int_equal(r->translates, 2);
	/* A missing permission is asked for again. */
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_WRITE), LZM_ABORT);
	r->map_write = true;
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_WRITE), LZM_OK);
	assert_int_equal(r->translates, 4);
	assert_int_equal(lzm_ep_atc_used(r->ep), 1);
}

static void a_refused_request_is_passed_on(void **state)
{
	struct rig *r = *state;

	r->translate_result = LZM_UR;
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_UR);
	r->translate_result = LZM_CA;
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_CA);
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
	assert_int_equal(r->untranslateds, 0);
}

static void without_bus_master_nothing_moves(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_OK);
	rig_write(r, AT_COMMAND, 2, 0x0002);
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_ABORT);
	assert_int_equal(lzm_ep_dma(r->ep, 0x9000, LZM_READ), LZM_ABORT);
	assert_false(lzm_ep_dma_cached(r->ep, LZM_READ));
	rig_write(r, BLK_ATS_CTL, 2, 0);
	assert_int_equal(lzm_ep_dma(r->ep, 0x9000, LZM_READ), LZM_ABORT);
	assert_int_equal(r->translates + r->translateds + r->untranslateds, 2);
}

static void without_ats_all_is_untranslated(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_OK);
	rig_write(r, BLK_ATS_CTL, 2, 0);
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_OK);
	assert_int_equal(r->untranslateds, 1);
	assert_int_equal(r->translates, 1);
	assert_int_equal(r->translateds, 1);
	assert_false(lzm_ep_dma_cached(r->ep, LZM_READ));
	rig_invalidate(r, 5, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 1);
	assert_int_equal(r->last_answer, LZM_ATC_UR);
	/* Nothing was invalidated by that (H76); the edge 0 -> 1 does it. */
	assert_int_equal(lzm_ep_atc_used(r->ep), 1);
	rig_write(r, BLK_ATS_CTL, 2, 0x8000);
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
}

static void enable_written_again_keeps_the_cache(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_OK);
	rig_write(r, BLK_ATS_CTL, 2, 0x8000);
	assert_int_equal(lzm_ep_atc_used(r->ep), 1);
}

static void invalidation_by_range_and_whole(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(lzm_ep_dma(r->ep, i * RIG_SPAN, LZM_READ), LZM_OK);
	/* One page of the second span takes that entry only. */
	rig_invalidate(r, 8, RIG_SPAN + 0x1000, 0x1000);
	assert_int_equal(lzm_ep_atc_used(r->ep), 3);
	assert_int_equal(lzm_ep_wake(r->ep), r->now + 1000);
	rig_settle(r);
	assert_int_equal(r->answers, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 1);
	assert_int_equal(r->last_tag, 8);
	assert_int_equal(r->last_answer, LZM_ATC_DONE);
	assert_int_equal(lzm_ep_atc_used(r->ep), 2);
	assert_int_equal(lzm_ep_dma(r->ep, 2 * RIG_SPAN, LZM_READ), LZM_OK);
	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_OK);
	assert_int_equal(r->translates, 3);
	rig_invalidate(r, 9, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
}

static void a_request_of_an_unknown_pasid_drops_nothing(void **state)
{
	struct rig *r = *state;
	const struct lzm_atc_inv inv = {.sid = 0x300, .ssv = true, .ssid = 1};

	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_OK);
	lzm_ep_invalidate(r->ep, 1, &inv);
	rig_advance(r, 1000);
	assert_int_equal(r->last_answer, LZM_ATC_UR);
	assert_int_equal(lzm_ep_atc_used(r->ep), 1);
}

static void requests_beyond_the_depth_are_all_answered(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 100; i++)
		rig_invalidate(r, i, 0, 0x1000);
	assert_int_equal(lzm_ep_held_back(r->ep), 100 - 32);
	/* 32 at a time, in their order. */
	for (unsigned n = 32; n < 128; n += 32) {
		rig_advance(r, 999);
		assert_int_equal(r->answers, n - 32);
		rig_advance(r, 1);
		assert_int_equal(r->answers, n);
		assert_int_equal(r->last_tag, n - 1);
	}
	assert_int_equal(lzm_ep_wake(r->ep), r->now + 1000);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 100);
	assert_int_equal(r->last_tag, 99);
	assert_int_equal(lzm_ep_wake(r->ep), LZM_NEVER);
}

/* The last of those that there are. */
static unsigned the_latest(void *ctx, enum lzm_choice what, unsigned n)
{
	unsigned *asked = ctx;

	assert_int_equal(what, LZM_CHOOSE_ANSWER);
	++*asked;
	return n - 1;
}

static void a_chooser_says_which_answer_comes_first(void **state)
{
	struct rig *r = *state;
	unsigned asked = 0;
	const struct lzm_chooser latest = {&asked, the_latest};

	lzm_ep_set_chooser(r->ep, &latest);
	for (unsigned i = 0; i < 3; i++)
		rig_invalidate(r, i, 0, 0x1000);
	assert_false(lzm_ep_step(r->ep)); /* none is due */
	assert_int_equal(asked, 0);
	r->now += 1000;
	for (unsigned i = 3; i > 0; i--) {
		assert_true(lzm_ep_step(r->ep));
		assert_int_equal(r->last_tag, i - 1);
	}
	assert_int_equal(asked, 2);
	assert_false(lzm_ep_step(r->ep));
	lzm_ep_set_chooser(r->ep, NULL);
	rig_invalidate(r, 7, 0, 0x1000);
	rig_invalidate(r, 8, 0, 0x1000);
	r->now += 1000;
	assert_true(lzm_ep_step(r->ep));
	assert_int_equal(r->last_tag, 7);
}

static int start_pasid(void **state)
{
	static struct rig r;

	rig_start(&r, BLK_PASID, true, false);
	rig_write(&r, BLK_PASID_CTL, 2, 1);
	rig_ats_on(&r, BLK_ATS_CTL);
	*state = &r;
	return 0;
}

static void a_reset_makes_room_in_the_queue(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < 6; i++)
		rig_invalidate(r, i, 0, 0);
	assert_int_equal(lzm_ep_held_back(r->ep), 2);
	rig_write(r, BLK_DEVCTL, 2, 0x8000);
	assert_int_equal(lzm_ep_held_back(r->ep), 0);
	rig_advance(r, 1000000000);
	assert_int_equal(r->answers, 0); /* they went with it */
	rig_ats_on(r, BLK_ATS_CTL);
	rig_invalidate(r, 9, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 1);
}

/* ---- PASIDs ---- */

static void invalidate_pasid(struct rig *r, uint32_t pasid, bool global, uint64_t size)
{
	const struct lzm_atc_inv inv = {
		.sid = 0x300, .ssv = true, .ssid = pasid, .global = global, .size = size};

	lzm_ep_invalidate(r->ep, 1, &inv);
	rig_advance(r, 1000);
	assert_int_equal(r->last_answer, LZM_ATC_DONE);
}

static void translations_of_pasids_are_apart(void **state)
{
	struct rig *r = *state;

	for (uint32_t pasid = 0; pasid < 3; pasid++) {
		assert_int_equal(pasid ? lzm_ep_dma_pasid(r->ep, pasid, 0, LZM_READ)
				       : lzm_ep_dma(r->ep, 0, LZM_READ),
				 LZM_OK);
		assert_int_equal(r->translates, pasid + 1);
		assert_int_equal(r->last_pasid, pasid);
	}
	assert_int_equal(lzm_ep_atc_used(r->ep), 3);
	/* Cached now. */
	assert_int_equal(lzm_ep_dma_pasid(r->ep, 2, 8, LZM_READ), LZM_OK);
	assert_int_equal(r->translates, 3);
	invalidate_pasid(r, 2, false, RIG_SPAN);
	assert_int_equal(lzm_ep_atc_used(r->ep), 2);
	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_OK);
	assert_int_equal(lzm_ep_dma_pasid(r->ep, 1, 0, LZM_READ), LZM_OK);
	assert_int_equal(r->translates, 3);
	/* Global: all that have one. */
	assert_int_equal(lzm_ep_dma_pasid(r->ep, 2, 0, LZM_READ), LZM_OK);
	invalidate_pasid(r, 2, true, 0);
	assert_int_equal(lzm_ep_atc_used(r->ep), 1);
	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_OK);
	assert_int_equal(r->translates, 4);
	/* Without PASID: whatever it is tagged with. */
	assert_int_equal(lzm_ep_dma_pasid(r->ep, 1, 0, LZM_READ), LZM_OK);
	rig_invalidate(r, 2, 0, RIG_SPAN);
	rig_advance(r, 1000);
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
}

static void a_pasid_needs_its_enable(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lzm_ep_dma_pasid(r->ep, 15, 0, LZM_READ), LZM_OK);
	assert_int_equal(lzm_ep_dma_pasid(r->ep, 16, 0, LZM_READ), LZM_ABORT); /* four bits */
	/* No effect while ATS is enabled. */
	rig_write(r, BLK_PASID_CTL, 2, 0);
	assert_true(lzm_ep_pasid_enabled(r->ep, 1));
	rig_write(r, BLK_ATS_CTL, 2, 0);
	assert_int_equal(lzm_ep_dma_pasid(r->ep, 1, 0, LZM_READ), LZM_OK);
	assert_int_equal(r->untranslateds, 1);
	assert_int_equal(r->last_pasid, 1);
	rig_write(r, BLK_PASID_CTL, 2, 0);
	assert_false(lzm_ep_pasid_enabled(r->ep, 1));
	assert_int_equal(lzm_ep_dma_pasid(r->ep, 1, 0, LZM_READ), LZM_ABORT);
	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_OK);
	assert_int_equal(r->untranslateds, 2);
	/* A reset takes it. */
	rig_write(r, BLK_PASID_CTL, 2, 1);
	rig_write(r, BLK_DEVCTL, 2, 0x8000);
	rig_advance(r, 1000000000);
	rig_ats_on(r, BLK_ATS_CTL);
	assert_int_equal(lzm_ep_dma_pasid(r->ep, 1, 0, LZM_READ), LZM_ABORT);
}

static void dma_cached_uses_the_cache_alone(void **state)
{
	struct rig *r = *state;

	assert_false(lzm_ep_dma_cached(r->ep, LZM_READ));
	r->map_write = false;
	assert_int_equal(lzm_ep_dma(r->ep, 0x10000, LZM_READ), LZM_OK);
	for (unsigned i = 0; i < 20; i++) {
		assert_true(lzm_ep_dma_cached(r->ep, LZM_READ));
		assert_in_range(r->last_pa, 0x10000 + RIG_OFFSET, 0x10000 + RIG_OFFSET + RIG_SPAN);
	}
	assert_false(lzm_ep_dma_cached(r->ep, LZM_WRITE));
	assert_int_equal(r->translates, 1);
}

static void translation_blocking_above_stops_both(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_OK);
	lzm_ep_cfg_write(r->port, PORT_ACS_CTL, 2, 0x1f);
	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_ABORT);
	assert_int_equal(lzm_ep_dma(r->ep, 0x10000, LZM_READ), LZM_ABORT);
	assert_int_equal(r->translates, 1);
	assert_int_equal(r->translateds, 1);
	/* Messages and untranslated traffic pass. */
	rig_invalidate(r, 1, 0, 0);
	rig_advance(r, 1000);
	assert_int_equal(r->answers, 1);
	rig_write(r, BLK_ATS_CTL, 2, 0);
	assert_int_equal(lzm_ep_dma(r->ep, 0, LZM_READ), LZM_OK);
}

#define T(f)  cmocka_unit_test_setup_teardown(f, start, stop)
#define TP(f) cmocka_unit_test_setup_teardown(f, start_pasid, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_translation_is_used_again),
		T(capacity_evicts),
		T(no_permission_is_a_failure_and_not_cached),
		T(a_refused_request_is_passed_on),
		T(without_bus_master_nothing_moves),
		T(without_ats_all_is_untranslated),
		T(enable_written_again_keeps_the_cache),
		T(invalidation_by_range_and_whole),
		T(a_request_of_an_unknown_pasid_drops_nothing),
		TP(a_reset_makes_room_in_the_queue),
		TP(translations_of_pasids_are_apart),
		TP(a_pasid_needs_its_enable),
		T(requests_beyond_the_depth_are_all_answered),
		T(a_chooser_says_which_answer_comes_first),
		T(dma_cached_uses_the_cache_alone),
		T(translation_blocking_above_stops_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
