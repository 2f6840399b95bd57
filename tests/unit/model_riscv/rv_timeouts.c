/* SPDX-License-Identifier: BSD-2-Clause */
/* ATS invalidations, their timeouts, and what the fence behind them reports. */
#include "rvrig.h"

static struct rig *timed_out(const struct lzm_riscv_knobs *k)
{
	struct rig *r = rig_running(k);

	r->silent = true;
	put(r, ATSINVAL(DID), ALL);
	put(r, IOFENCE | AV | 0x77ull << 32, STORE >> 2);
	idle(r);
	assert_int_equal(rd(r, CQCSR) & CMD_TO, 0);
	r->now += TIMEOUT;
	idle(r);
	return r;
}

static void a_timeout_is_silent_without_a_fence(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent = true;
	put(r, ATSINVAL(DID), ALL);
	settle(r);
	r->now += 100 * TIMEOUT;
	idle(r);
	assert_true(done(r));
	rig_free(r);
}

static void the_fence_stops_the_queue(void **state)
{
	struct rig *r = timed_out(NULL);

	(void)state;
	assert_int_equal(rd(r, CQCSR), EN | IE | ON | CMD_TO);
	assert_int_equal(rd(r, CQH), 1); /* the fence itself */
	assert_int_equal(load(r, STORE), 0);
	assert_int_equal(rd(r, IPSR), 1);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 1);
	put(r, IOFENCE, 0);
	idle(r);
	assert_int_equal(rd(r, CQH), 1);
	rig_free(r);
}

static void h67_the_repeated_fence_succeeds_without_an_answer(void **state)
{
	struct rig *r = timed_out(NULL);

	(void)state;
	clear(r, CMD_TO);
	idle(r);
	assert_true(done(r));
	assert_int_equal(load(r, STORE), 0x77);
	rig_free(r);
}

static void or_it_fails_again(void **state)
{
	struct lzm_riscv_knobs k;
	struct rig *r;

	(void)state;
	lzm_riscv_knobs_default(&k);
	assert_true(lzm_riscv_regime("fail_thrice", &k));
	r = timed_out(&k);
	for (unsigned i = 0; i < 2; i++) {
		clear(r, CMD_TO);
		idle(r);
		assert_true(rd(r, CQCSR) & CMD_TO);
	}
	clear(r, CMD_TO);
	idle(r);
	assert_true(done(r));
	rig_free(r);

	assert_true(lzm_riscv_regime("fail_forever", &k));
	r = timed_out(&k);
	for (unsigned i = 0; i < 20; i++) {
		clear(r, CMD_TO);
		idle(r);
		assert_true(rd(r, CQCSR) & CMD_TO);
	}
	lzm_riscv_device_reset(r->iommu, DID);
	clear(r, CMD_TO);
	idle(r);
	assert_true(done(r));
	rig_free(r);
}

static void sync_never_neither_ends_nor_fails(void **state)
{
	struct lzm_riscv_knobs k;
	struct rig *r;

	(void)state;
	lzm_riscv_knobs_default(&k);
	assert_true(lzm_riscv_regime("sync_never", &k));
	assert_false(lzm_riscv_regime("no such", &k));
	r = timed_out(&k);
	r->now += 1000 * TIMEOUT;
	idle(r);
	assert_false(rd(r, CQCSR) & CMD_TO);
	assert_int_equal(rd(r, CQH), 1);
	rig_free(r);
}

static void an_answer_in_time_completes_the_fence(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent = true;
	put(r, ATSINVAL(DID), ALL);
	put(r, IOFENCE | AV | 0x77ull << 32, STORE >> 2);
	idle(r);
	r->now += TIMEOUT - 1;
	lzm_riscv_atc_answer(r->iommu, r->tags[0], LZM_ATC_DONE);
	idle(r);
	assert_true(done(r));
	assert_int_equal(load(r, STORE), 0x77);
	rig_free(r);
}

static void h70_completions_are_lost_with_ats_off(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent = true;
	put(r, ATSINVAL(DID), ALL);
	put(r, IOFENCE, 0);
	idle(r);
	store(r, DDT + 0x1000 + (DID & 127) * 32, TC_V | TC_DTF);
	lzm_riscv_atc_answer(r->iommu, r->tags[0], LZM_ATC_DONE);
	idle(r);
	/* Innocent, and it times out all the same. */
	r->now += TIMEOUT;
	idle(r);
	assert_true(rd(r, CQCSR) & CMD_TO);
	rig_free(r);
}

static void h71_a_late_completion_is_unexpected(void **state)
{
	struct rig *r = timed_out(NULL);

	(void)state;
	lzm_riscv_atc_answer(r->iommu, r->tags[0], LZM_ATC_DONE);
	idle(r);
	assert_true(rd(r, CQCSR) & CMD_TO);
	clear(r, CMD_TO);
	idle(r);
	/* The next one has a tag of its own. */
	put(r, ATSINVAL(DID), ALL);
	put(r, IOFENCE, 0);
	idle(r);
	lzm_riscv_atc_answer(r->iommu, r->tags[0], LZM_ATC_DONE);
	idle(r);
	assert_false(done(r));
	lzm_riscv_atc_answer(r->iommu, r->tags[1], LZM_ATC_DONE);
	idle(r);
	assert_true(done(r));
	rig_free(r);
}

static void the_range_is_coded_as_pcie_does(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, ATSINVAL(DID), 0x5000);
	idle(r);
	assert_int_equal(r->last_inv.addr, 0x5000);
	assert_int_equal(r->last_inv.size, 0x1000);
	put(r, ATSINVAL(DID), 0x8000 | 0x7000 | 1u << 11); /* 0x1 0111: sixteen pages */
	idle(r);
	assert_int_equal(r->last_inv.size, 0x20000);
	assert_int_equal(r->last_inv.addr, 0);
	put(r, ATSINVAL(DID), ALL);
	idle(r);
	assert_int_equal(r->last_inv.size, 0);
	put(r, ATSINVAL(DID) | 1ull << 33 | 2ull << 56 | 1ull << 32 | 9ull << 12, ALL);
	idle(r);
	assert_int_equal(r->last_inv.sid, 0x20000 | DID);
	assert_true(r->last_inv.ssv);
	assert_int_equal(r->last_inv.ssid, 9);
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timeout_is_silent_without_a_fence),
		cmocka_unit_test(the_fence_stops_the_queue),
		cmocka_unit_test(h67_the_repeated_fence_succeeds_without_an_answer),
		cmocka_unit_test(or_it_fails_again),
		cmocka_unit_test(sync_never_neither_ends_nor_fails),
		cmocka_unit_test(an_answer_in_time_completes_the_fence),
		cmocka_unit_test(h70_completions_are_lost_with_ats_off),
		cmocka_unit_test(h71_a_late_completion_is_unexpected),
		cmocka_unit_test(the_range_is_coded_as_pcie_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
