/* SPDX-License-Identifier: BSD-2-Clause */
/* CMD_SYNC and outstanding ATC_INVs: timeouts, what a repeated sync does, MSIs. */
#include "rig.h"

static struct rig *with_knobs(const char *regime)
{
	struct lzm_smmu_config cfg;

	lzm_smmu_config_default(&cfg);
	assert_true(lzm_smmu_regime(regime, &cfg.knobs));
	return rig_running(&cfg);
}

/* A dead device, its ATC_INV and a sync; the error is active. */
static struct rig *failed(const char *regime)
{
	struct rig *r = with_knobs(regime);

	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	settle(r);
	assert_int_equal(cmd_error(r), 3);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 1);
	return r;
}

static bool again(struct rig *r)
{
	uint64_t before = r->now;

	acknowledge(r);
	idle(r);
	assert_int_equal(r->now, before);
	return cmd_error(r) == 3;
}

static void waits_for_the_answer(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	put(r, OP_NH_ALL, 0);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 1);
	r->now += 10 * MS;
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 1);
	lzm_smmu_atc_answer(r->smmu, r->tags[0], LZM_ATC_DONE);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 3);
	rig_free(r);
}

static void error_comes_at_the_timeout_of_the_request(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	idle(r);
	r->now += 30 * MS;
	idle(r);
	put(r, OP_SYNC, 0);
	settle(r);
	assert_int_equal(r->now, 50 * MS);
	assert_int_equal(cmd_error(r), 3);
	rig_free(r);
}

static void no_sync_no_report(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	idle(r);
	r->now += 1000 * MS;
	settle(r);
	assert_int_equal(cmd_error(r), 0);
	put(r, OP_SYNC, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 3);
	rig_free(r);
}

static void unsupported_request_completes(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	idle(r);
	lzm_smmu_atc_answer(r->smmu, r->tags[0], LZM_ATC_UR);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 2);
	rig_free(r);
}

static void resync_succeeds_forgets(void **state)
{
	struct rig *r = failed("fail_once");

	(void)state;
	assert_false(again(r));
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 2);
	rig_free(r);
}

static void resync_fails_n_more_times(void **state)
{
	struct rig *r = failed("fail_thrice");

	(void)state;
	assert_true(again(r));
	assert_true(again(r));
	assert_false(again(r));
	rig_free(r);
}

static void resync_fails_until_reset(void **state)
{
	struct rig *r = failed("fail_forever");
	unsigned i;

	(void)state;
	for (i = 0; i < 20; i++)
		assert_true(again(r));
	lzm_smmu_device_reset(r->smmu, SID + 1);
	assert_true(again(r));
	lzm_smmu_device_reset(r->smmu, SID);
	assert_false(again(r));
	rig_free(r);
}

static void late_answer_ends_the_failures_not_the_report(void **state)
{
	struct rig *r = failed("fail_forever");

	(void)state;
	lzm_smmu_atc_answer(r->smmu, r->tags[0], LZM_ATC_DONE);
	idle(r);
	assert_int_equal(cmd_error(r), 3);
	assert_false(again(r));
	rig_free(r);
}

static void restart_keeps_outstanding_requests(void **state)
{
	struct rig *r = failed("fail_forever");

	(void)state;
	rig_enable(r, ALL_ON & ~CMDQEN);
	wr(r, CMDQ_CONS, r->prod);
	acknowledge(r);
	rig_enable(r, ALL_ON);
	put(r, OP_SYNC, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 3);
	rig_free(r);
}

static void knob_restart_forgets(void **state)
{
	struct rig *r = failed("restart_forgets");

	(void)state;
	assert_true(again(r));
	rig_enable(r, ALL_ON & ~CMDQEN);
	assert_false(again(r));
	rig_enable(r, ALL_ON);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 2);
	rig_free(r);
}

static void knob_sync_never(void **state)
{
	struct rig *r = with_knobs("sync_never");

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	settle(r);
	r->now += 3600000 * MS;
	settle(r);
	assert_int_equal(cmd_error(r), 0);
	assert_int_equal(rd(r, CMDQ_CONS), 1);
	lzm_smmu_device_reset(r->smmu, SID);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 2);
	rig_free(r);
}

static void fresh_requests_have_fresh_timeouts(void **state)
{
	struct rig *r = failed("fail_once");

	(void)state;
	r->silent[SID + 1] = true;
	put(r, ATC(SID + 1), 52);
	put(r, OP_SYNC, 0);
	assert_false(again(r));
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 3);
	settle(r);
	assert_int_equal(cmd_error(r), 3);
	assert_int_equal(r->now, 100 * MS);
	rig_free(r);
}

/* Bookkeeping of an old failure leaves nothing behind for new requests. */
static void after_the_reset_a_new_request_may_take_its_time(void **state)
{
	struct rig *r = failed("fail_forever");

	(void)state;
	lzm_smmu_device_reset(r->smmu, SID);
	assert_false(again(r));
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 0);
	settle(r);
	assert_int_equal(cmd_error(r), 3);
	assert_int_equal(r->now, 100 * MS);
	rig_free(r);
}

static void timeouts_work_after_answered_requests(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 0);
	put(r, ATC(SID), 0);
	put(r, OP_SYNC, 0);
	idle(r);
	lzm_smmu_atc_answer(r->smmu, r->tags[0], LZM_ATC_DONE);
	idle(r);
	lzm_smmu_atc_answer(r->smmu, r->tags[1], LZM_ATC_DONE);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 3);
	put(r, ATC(SID), 0);
	put(r, OP_SYNC, 0);
	settle(r);
	assert_int_equal(cmd_error(r), 3);
	assert_int_equal(r->now, 50 * MS);
	rig_free(r);
}

static void overwritten_sync_hits_the_next_one(void **state)
{
	struct rig *r = failed("fail_forever");

	(void)state;
	store(r, CMDQ + 16, OP_CFGI_STE | (uint64_t)SID << 32);
	assert_false(again(r));
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 2);
	put(r, OP_SYNC, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 3);
	rig_free(r);
}

static void waiting_sync_rewritten_is_misuse(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	idle(r);
	store(r, CMDQ + 16, OP_NH_ALL);
	lzm_smmu_atc_answer(r->smmu, r->tags[0], LZM_ATC_DONE);
	idle(r);
	assert_int_equal(misuses(r), 1);
	rig_free(r);
}

static void knob_late_subset_gives_up_others_too(void **state)
{
	struct rig *r = with_knobs("subset_late");
	struct lzm_smmu_stats st;
	unsigned i;

	(void)state;
	r->silent[SID] = r->silent[SID + 1] = true;
	put(r, ATC(SID), 52);
	idle(r);
	r->now += 49 * MS;
	for (i = 0; i < 6; i++)
		put(r, ATC(SID + 1), 52);
	put(r, OP_SYNC, 0);
	settle(r);
	assert_int_equal(r->now, 50 * MS);
	assert_int_equal(cmd_error(r), 3);
	lzm_smmu_stats_get(r->smmu, &st);
	assert_true(st.atc_timeouts > 1 && st.atc_timeouts < 7);
	rig_free(r);
}

static void knob_out_of_order_takes_every_answer_once(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;
	unsigned i;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.knobs.atc_out_of_order = true;
	r = rig_running(&cfg);
	r->silent[SID] = true;
	for (i = 0; i < 5; i++)
		put(r, ATC(SID), 0);
	put(r, OP_SYNC, 0);
	idle(r);
	for (i = 0; i < 5; i++)
		lzm_smmu_atc_answer(r->smmu, r->tags[i], LZM_ATC_DONE);
	for (i = 0; i < 5; i++) {
		assert_int_equal(rd(r, CMDQ_CONS), 5);
		assert_true(lzm_smmu_step(r->smmu));
	}
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 6);
	rig_free(r);
}

static unsigned as_told(void *ctx, enum lzm_choice what, unsigned n)
{
	unsigned *told = ctx; /* for each choice */

	(void)n;
	return told[what];
}

static void a_chooser_says_which_requests_are_lost(void **state)
{
	unsigned lost;

	(void)state;
	for (lost = 0; lost < 2; lost++) {
		unsigned told[] = {[LZM_CHOOSE_LOST] = lost, [LZM_CHOOSE_QUEUE] = 0};
		const struct lzm_chooser c = {told, as_told};
		struct rig *r = with_knobs("subset_late");
		struct lzm_smmu_stats st;
		unsigned i;

		lzm_smmu_set_chooser(r->smmu, &c);
		r->silent[SID] = r->silent[SID + 1] = true;
		put(r, ATC(SID), 52);
		idle(r);
		r->now += 49 * MS;
		for (i = 0; i < 6; i++)
			put(r, ATC(SID + 1), 52);
		put(r, OP_SYNC, 0);
		settle(r);
		lzm_smmu_stats_get(r->smmu, &st);
		assert_int_equal(st.atc_timeouts, lost ? 7 : 1);
		rig_free(r);
	}
}

static void knob_restart_waits_for_the_sync(void **state)
{
	struct rig *r = with_knobs("hostile");

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	idle(r);
	wr(r, CR0, ALL_ON & ~CMDQEN);
	idle(r);
	assert_int_equal(rd(r, CR0ACK), ALL_ON);
	settle(r);
	assert_int_equal(r->now, 50 * MS);
	assert_int_equal(rd(r, CR0ACK), ALL_ON & ~CMDQEN);
	assert_int_equal((rd(r, GERROR) ^ rd(r, GERRORN)) & 1, 1);
	rig_free(r);
}

static void disable_leaves_a_waiting_sync_unconsumed(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	idle(r);
	rig_enable(r, ALL_ON & ~CMDQEN);
	assert_int_equal(r->now, 0);
	assert_int_equal(rd(r, CMDQ_CONS), 1);
	rig_enable(r, ALL_ON);
	assert_int_equal(cmd_error(r), 3);
	assert_int_equal(r->now, 50 * MS);
	rig_free(r);
}

static void msi_is_written_after_cons(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, OP_SYNC | 1 << 12 | UINT64_C(0x5aa5) << 32, MSI);
	idle(r);
	assert_int_equal(load(r, MSI), 0x5aa5);
	assert_int_equal(rd(r, CMDQ_CONS), 1);
	put(r, OP_SYNC | 1 << 12, 0);
	idle(r);
	assert_int_equal(r->irqs[LZM_IRQ_CMD_SYNC], 1);
	rig_free(r);
}

static void msi_abort_consumes_and_reports(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	lzm_smmu_inject_msi_abort(r->smmu);
	put(r, OP_SYNC | 1 << 12 | UINT64_C(7) << 32, MSI);
	idle(r);
	assert_int_equal(load(r, MSI), 0);
	assert_int_equal(rd(r, CMDQ_CONS), 1);
	assert_int_equal(rd(r, GERROR), 1 << 4);
	put(r, OP_SYNC | 1 << 12 | UINT64_C(8) << 32, MSI);
	idle(r);
	assert_int_equal(load(r, MSI), 8);
	rig_free(r);
}

static void failing_sync_sends_no_msi(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	put(r, OP_SYNC | 1 << 12 | UINT64_C(7) << 32, MSI);
	settle(r);
	assert_int_equal(cmd_error(r), 3);
	assert_int_equal(load(r, MSI), 0);
	rig_free(r);
}

static void many_requests_settle_in_any_number(void **state)
{
	struct rig *r = with_knobs("fail_forever");
	unsigned i, j;

	(void)state;
	r->silent[SID] = true;
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	settle(r);
	store(r, CMDQ + 16, OP_NH_ALL);
	acknowledge(r);
	idle(r);
	for (i = 0; i < 500; i++)
		for (j = 0; j < 4; j++) {
			put(r, ATC(SID + 1), 0);
			idle(r);
		}
	put(r, OP_SYNC, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 3);
	lzm_smmu_device_reset(r->smmu, SID);
	assert_false(again(r));
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_the_answer),
		cmocka_unit_test(error_comes_at_the_timeout_of_the_request),
		cmocka_unit_test(no_sync_no_report),
		cmocka_unit_test(unsupported_request_completes),
		cmocka_unit_test(resync_succeeds_forgets),
		cmocka_unit_test(resync_fails_n_more_times),
		cmocka_unit_test(resync_fails_until_reset),
		cmocka_unit_test(late_answer_ends_the_failures_not_the_report),
		cmocka_unit_test(restart_keeps_outstanding_requests),
		cmocka_unit_test(knob_restart_forgets),
		cmocka_unit_test(knob_sync_never),
		cmocka_unit_test(fresh_requests_have_fresh_timeouts),
		cmocka_unit_test(after_the_reset_a_new_request_may_take_its_time),
		cmocka_unit_test(timeouts_work_after_answered_requests),
		cmocka_unit_test(overwritten_sync_hits_the_next_one),
		cmocka_unit_test(waiting_sync_rewritten_is_misuse),
		cmocka_unit_test(knob_late_subset_gives_up_others_too),
		cmocka_unit_test(knob_out_of_order_takes_every_answer_once),
		cmocka_unit_test(a_chooser_says_which_requests_are_lost),
		cmocka_unit_test(knob_restart_waits_for_the_sync),
		cmocka_unit_test(disable_leaves_a_waiting_sync_unconsumed),
		cmocka_unit_test(msi_is_written_after_cons),
		cmocka_unit_test(msi_abort_consumes_and_reports),
		cmocka_unit_test(failing_sync_sends_no_msi),
		cmocka_unit_test(many_requests_settle_in_any_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
