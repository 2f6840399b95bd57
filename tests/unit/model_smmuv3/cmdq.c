/* SPDX-License-Identifier: BSD-2-Clause */
/* Command queue: wrap, full, errors, rewriting, prefetch, CONS jumps, restart. */
#include "rig.h"

static void consumes_across_the_wrap(void **state)
{
	struct rig *r = rig_running(NULL);
	unsigned i;

	(void)state;
	for (i = 0; i < 40; i++) {
		put(r, OP_NH_ALL, 0);
		idle(r);
		assert_int_equal(rd(r, CMDQ_CONS), (i + 1) & 15);
	}
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

static void full_queue_is_not_empty(void **state)
{
	struct rig *r = rig_running(NULL);
	struct lzm_smmu_stats st;
	unsigned i;

	(void)state;
	for (i = 0; i < 8; i++)
		put(r, OP_NH_ALL, 0);
	assert_int_equal(rd(r, CMDQ_CONS), 0);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 8);
	lzm_smmu_stats_get(r->smmu, &st);
	assert_int_equal(st.commands, 8);
	assert_int_equal(misuses(r), 0);
	for (i = 0; i < 9; i++)
		put(r, OP_NH_ALL, 0);
	assert_int_equal(misuses(r), 1);
	rig_free(r);
}

static void one_command_per_step(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, OP_NH_ALL, 0);
	put(r, OP_NH_ALL, 0);
	assert_true(lzm_smmu_step(r->smmu));
	assert_int_equal(rd(r, CMDQ_CONS), 1);
	assert_true(lzm_smmu_step(r->smmu));
	assert_int_equal(rd(r, CMDQ_CONS), 2);
	assert_false(lzm_smmu_step(r->smmu));
	rig_free(r);
}

static void cons_then_gerror_then_interrupt(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, OP_NH_ALL, 0);
	put(r, 0xff, 0);
	put(r, OP_NH_ALL, 0);
	lzm_smmu_step(r->smmu);
	lzm_smmu_step(r->smmu);
	assert_int_equal(rd(r, CMDQ_CONS), 1 << 24 | 1);
	assert_int_equal(rd(r, GERROR), 0);
	lzm_smmu_step(r->smmu);
	assert_int_equal(rd(r, GERROR), 1);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 0);
	lzm_smmu_step(r->smmu);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 1);
	assert_false(lzm_smmu_step(r->smmu));
	rig_free(r);
}

static void unpatched_command_fails_again(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, 0xff, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 1);
	acknowledge(r);
	assert_int_equal(cmd_error(r), 0);
	idle(r);
	assert_int_equal(cmd_error(r), 1);
	assert_int_equal(rd(r, GERROR), 0);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 2);
	rig_free(r);
}

static void patched_entry_resumes_without_prod_write(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, 0xff, 0);
	put(r, OP_NH_ALL, 0);
	idle(r);
	store(r, CMDQ, OP_SYNC);
	acknowledge(r);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 2);
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

static void prod_may_move_back_during_an_error_only(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, 0xff, 0);
	put(r, OP_NH_ALL, 0);
	idle(r);
	wr(r, CMDQ_PROD, 0);
	assert_int_equal(misuses(r), 0);
	acknowledge(r);
	idle(r);
	assert_int_equal(cmd_error(r), 0);
	r->prod = 0;
	put(r, OP_NH_ALL, 0);
	put(r, OP_NH_ALL, 0);
	wr(r, CMDQ_PROD, 1);
	assert_int_equal(misuses(r), 1);
	rig_free(r);
}

static void fetch_abort_points_at_the_command(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, OP_NH_ALL, 0);
	put(r, OP_NH_ALL, 0);
	lzm_smmu_step(r->smmu);
	lzm_smmu_inject_cmdq_abort(r->smmu);
	idle(r);
	assert_int_equal(cmd_error(r), 2);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 1);
	acknowledge(r);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 2);
	r->abort_pa = CMDQ + 2 * 16;
	put(r, OP_NH_ALL, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 2);
	rig_free(r);
}

static void knob_cons_batch(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;
	unsigned i;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.knobs.cons_batch = 3;
	r = rig_running(&cfg);
	for (i = 0; i < 5; i++)
		put(r, OP_NH_ALL, 0);
	lzm_smmu_step(r->smmu);
	lzm_smmu_step(r->smmu);
	assert_int_equal(rd(r, CMDQ_CONS), 0);
	lzm_smmu_step(r->smmu);
	assert_int_equal(rd(r, CMDQ_CONS), 3);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 5);
	rig_free(r);
}

static void knob_prefetch_sees_the_old_entry(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.knobs.prefetch = 4;
	r = rig_running(&cfg);
	put(r, OP_NH_ALL, 0);
	put(r, OP_NH_ALL, 0);
	lzm_smmu_step(r->smmu);
	lzm_smmu_step(r->smmu);
	assert_int_equal(rd(r, CMDQ_CONS), 0);
	store(r, CMDQ + 16, 0xff); /* forbidden; the copy is what runs */
	idle(r);
	assert_int_equal(cmd_error(r), 0);
	assert_int_equal(rd(r, CMDQ_CONS), 2);
	assert_int_equal(misuses(r), 1);
	rig_free(r);
}

static void prefetched_copies_die_with_the_error(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.knobs.prefetch = 4;
	r = rig_running(&cfg);
	put(r, 0xff, 0);
	put(r, 0xfe, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 1);
	store(r, CMDQ, OP_SYNC);
	store(r, CMDQ + 16, OP_SYNC);
	acknowledge(r);
	idle(r);
	assert_int_equal(cmd_error(r), 0);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 2);
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

/* An error that software activated itself drops the copies all the same. */
static void self_made_error_drops_copies_too(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.knobs.prefetch = 4;
	cfg.knobs.gerrorn_activates = true;
	r = rig_running(&cfg);
	put(r, OP_NH_ALL, 0);
	put(r, OP_NH_ALL, 0);
	lzm_smmu_step(r->smmu);
	lzm_smmu_step(r->smmu);
	wr(r, GERRORN, 1);
	assert_int_equal(misuses(r), 1);
	store(r, CMDQ, OP_SYNC);
	wr(r, GERRORN, 0);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 2);
	assert_int_equal(misuses(r), 1);
	rig_free(r);
}

static void knob_scramble_err(void **state)
{
	struct lzm_smmu_config cfg;
	unsigned i, other = 0;
	struct rig *r;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.knobs.scramble_err = true;
	r = rig_running(&cfg);
	for (i = 0; i < 4; i++) {
		put(r, 0xff, 0);
		idle(r);
		assert_int_equal(cmd_error(r), 1);
		store(r, CMDQ + i * 16, OP_SYNC);
		acknowledge(r);
		other += rd(r, CMDQ_CONS) >> 24 != 1;
		idle(r);
	}
	assert_true(other);
	rig_free(r);
}

static void cons_is_writable_only_when_disabled(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, 0xff, 0);
	idle(r);
	wr(r, CMDQ_CONS, 1);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 0);
	assert_int_equal(misuses(r), 1);
	wr(r, CR0, ALL_ON & ~CMDQEN);
	wr(r, CMDQ_CONS, 1); /* ACK not there yet */
	assert_int_equal(misuses(r), 2);
	settle(r);
	wr(r, CMDQ_CONS, 1);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 1);
	assert_int_equal(misuses(r), 2);
	rig_free(r);
}

static void restart_stands_still_until_acknowledged(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, 0xff, 0);
	put(r, OP_NH_ALL, 0);
	idle(r);
	rig_enable(r, ALL_ON & ~CMDQEN);
	assert_int_equal((rd(r, GERROR) ^ rd(r, GERRORN)) & 1, 1);
	wr(r, CMDQ_CONS, 1);
	rig_enable(r, ALL_ON);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 1);
	acknowledge(r);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 2);
	rig_free(r);
}

static void disabled_queue_consumes_nothing(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	rig_enable(r, ALL_ON & ~CMDQEN);
	put(r, OP_NH_ALL, 0);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 0);
	rig_enable(r, ALL_ON);
	assert_int_equal(rd(r, CMDQ_CONS), 1);
	rig_free(r);
}

static void injected_stall_holds_consumption(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	lzm_smmu_inject_cmdq_stall(r->smmu, 7 * MS);
	put(r, OP_NH_ALL, 0);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 0);
	settle(r);
	assert_int_equal(r->now, 7 * MS);
	assert_int_equal(rd(r, CMDQ_CONS), 1);
	rig_free(r);
}

static void failure_mode_stops_the_queue(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	lzm_smmu_inject_sfm(r->smmu);
	put(r, OP_NH_ALL, 0);
	idle(r);
	assert_int_equal(rd(r, GERROR), 0x100);
	acknowledge(r);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS), 0);
	assert_int_equal(translate(r, 0x1000), UINT64_MAX);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(consumes_across_the_wrap),
		cmocka_unit_test(full_queue_is_not_empty),
		cmocka_unit_test(one_command_per_step),
		cmocka_unit_test(cons_then_gerror_then_interrupt),
		cmocka_unit_test(unpatched_command_fails_again),
		cmocka_unit_test(patched_entry_resumes_without_prod_write),
		cmocka_unit_test(prod_may_move_back_during_an_error_only),
		cmocka_unit_test(fetch_abort_points_at_the_command),
		cmocka_unit_test(knob_cons_batch),
		cmocka_unit_test(knob_prefetch_sees_the_old_entry),
		cmocka_unit_test(prefetched_copies_die_with_the_error),
		cmocka_unit_test(self_made_error_drops_copies_too),
		cmocka_unit_test(knob_scramble_err),
		cmocka_unit_test(cons_is_writable_only_when_disabled),
		cmocka_unit_test(restart_stands_still_until_acknowledged),
		cmocka_unit_test(disabled_queue_consumes_nothing),
		cmocka_unit_test(injected_stall_holds_consumption),
		cmocka_unit_test(failure_mode_stops_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
