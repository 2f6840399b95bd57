/* SPDX-License-Identifier: BSD-2-Clause */
/* How often a device may recover, and recovery that has to wait for memory. */
#include "tests/unit/core/bench.h"

#include <string.h>

static struct lz_group *g;
static struct lz_device *dev;
static struct lz_domain *dom;

static void set_up(void)
{
	g = bench_group(1);
	dev = bench_device(g, 8, 2, NULL);
	dom = bench_domain();
	assert_int_equal(lz_attach(dev, dom), LZ_OK);
}

static void tear_down(void)
{
	lz_detach(dev);
	bench_destroy(dom);
	bench_remove(dev, g);
}

static enum lz_status reset(enum lz_reset_result result)
{
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	fake_of(dev)->mute = false;
	return lz_reset_done(dev, result);
}

static void break_and_recover(unsigned times)
{
	while (times--) {
		bench_break(dev, dom);
		assert_int_equal(dev->block, LZ_BLOCK_BROKEN);
		assert_int_equal(reset(LZ_RESET_OK), LZ_OK);
		assert_int_equal(dev->block, 0);
	}
}

static void assert_permanent(struct bench *b)
{
	unsigned resumed = b->n_resumed;
	struct lz_health h;

	assert_true(dev->block & LZ_BLOCK_PERMANENT);
	lz_device_health(dev, &h);
	assert_string_equal(h.state, "failed permanently");
	assert_int_equal(lz_group_recovery_count(g), 2);
	/* No reset lifts it, however good. */
	assert_int_equal(reset(LZ_RESET_OK), LZ_OK);
	assert_int_equal(dev->block, LZ_BLOCK_PERMANENT);
	assert_int_equal(dev->fence, LZ_FENCE_FENCED);
	assert_null(fake_of(dev)->table[0]);
	assert_int_equal(lz_attach(dev, dom), LZ_EBUSY);
	assert_int_equal(reset(LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_int_equal(dev->block, LZ_BLOCK_PERMANENT);
	bench_settle();
	assert_int_equal(dev->block, LZ_BLOCK_PERMANENT);
	assert_int_equal(b->n_resumed, resumed);
}

/* ---- the limit ---- */

static void default_body(struct bench *b)
{
	set_up();
	break_and_recover(5);
	bench_break(dev, dom);
	assert_int_equal(bench_events(LZ_EV_PERMANENT), 1);
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 6);
	assert_int_equal(b->n_detected, 6);
	assert_non_null(strstr(b->last_log, "failed permanently: 5 recoveries within 3600 s"));
	assert_permanent(b);
	tear_down();
}

static void sixth_fault_of_an_hour_is_permanent(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, default_body);
}

static void two_in_20_s(struct lz_config *cfg)
{
	cfg->recovery_max = 2;
	cfg->recovery_window = LZ_SEC(20);
}

static void window_body(struct bench *b)
{
	set_up();
	/* Two recoveries within any 20 s: 0, 11, 22, 33. */
	for (int i = 0; i < 4; i++) {
		break_and_recover(1);
		bench_sleep(LZ_SEC(11));
	}
	break_and_recover(1);
	assert_int_equal(bench_events(LZ_EV_PERMANENT), 0);
	bench_break(dev, dom);
	assert_int_equal(bench_events(LZ_EV_PERMANENT), 1);
	assert_permanent(b);
	tear_down();
}

static void old_recoveries_do_not_count(void **s)
{
	(void)s;
	bench_run(1, 0, two_in_20_s, window_body);
}

/* Resets between two users of the device are not recoveries from a fault. */
static void sound_body(struct bench *b)
{
	(void)b;
	set_up();
	for (int i = 0; i < 5; i++)
		assert_int_equal(reset(LZ_RESET_OK), LZ_OK);
	break_and_recover(2);
	assert_int_equal(bench_events(LZ_EV_PERMANENT), 0);
	tear_down();
}

static void resets_of_a_sound_device_do_not_count(void **s)
{
	(void)s;
	bench_run(1, 0, two_in_20_s, sound_body);
}

/* The reset comes before the report has been looked at. */
static void early_body(struct bench *b)
{
	struct lz_gated gate;

	set_up();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lz_gate_enter(g, 0, &gate), LZ_OK);
		lz_device_report_broken(dev);
		lz_gate_leave(gate);
		assert_int_equal(reset(LZ_RESET_OK), LZ_OK);
		bench_settle();
	}
	assert_int_equal(b->n_detected, 0);
	bench_break(dev, dom);
	assert_true(dev->block & LZ_BLOCK_PERMANENT);
	tear_down();
}

static void recovery_before_the_quarantine_counts(void **s)
{
	(void)s;
	bench_run(1, 0, two_in_20_s, early_body);
}

static void no_limit(struct lz_config *cfg)
{
	cfg->recovery_max = 0;
	cfg->recovery_window = 0;
}

static void no_limit_body(struct bench *b)
{
	(void)b;
	set_up();
	break_and_recover(8);
	tear_down();
}

static void zero_means_no_limit(void **s)
{
	(void)s;
	bench_run(1, 0, no_limit, no_limit_body);
}

static void config_body(struct bench *b)
{
	struct lz_config cfg = b->cfg;
	struct lz *lz;

	assert_int_equal(cfg.recovery_max, 5);
	assert_int_equal(cfg.recovery_window, LZ_SEC(3600));
	cfg.recovery_window = 0;
	assert_int_equal(lz_init(sim_port(), &cfg, &lz), LZ_EINVAL);
	cfg.recovery_window = 1;
	cfg.recovery_max = 1025;
	assert_int_equal(lz_init(sim_port(), &cfg, &lz), LZ_EINVAL);
}

static void limit_out_of_range_is_refused(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, config_body);
}

/* ---- short of memory ---- */

static void memory_body(struct bench *b)
{
	struct lz_domain *two;

	set_up();
	two = bench_domain();
	assert_int_equal(lz_attach_pasid(dev, 1, two), LZ_OK);
	for (unsigned nth = 0; nth < 2; nth++) {
		bench_break(dev, dom);
		/* RID or PASID cannot be written for want of memory. */
		b->fake.fail[OP_INSTALL] = LZ_ENOMEM;
		b->fake.fail_skip[OP_INSTALL] = nth;
		b->fake.fail_count[OP_INSTALL] = 1000;
		assert_int_equal(reset(LZ_RESET_OK), LZ_ENOMEM);
		bench_settle();
		assert_int_equal(b->n_resumed, nth);
		assert_int_equal(lz_group_recovery_count(g), 2);
		assert_int_equal(dev->fence, LZ_FENCE_FENCED);
		assert_null(fake_of(dev)->table[0]);
		assert_true(b->fake.fail_count[OP_INSTALL] < 1000 - 5); /* it was tried */
		b->fake.fail_skip[OP_INSTALL] = b->fake.fail_count[OP_INSTALL] = 0;
		bench_settle();
		assert_int_equal(b->n_resumed, nth + 1);
		assert_int_equal(dev->block, 0);
		assert_ptr_equal(fake_of(dev)->table[0], dom);
		assert_ptr_equal(fake_of(dev)->table[1], two);
	}
	assert_int_equal(bench_events(LZ_EV_STILL_BROKEN), 0);
	/* Each of the two is one recovery, though tried many times. */
	assert_int_equal(dev->n_recovered, 2);
	lz_detach_pasid(dev, 1);
	bench_destroy(two);
	tear_down();
}

static void h66_recovery_without_memory_is_tried_again(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, memory_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixth_fault_of_an_hour_is_permanent),
		cmocka_unit_test(old_recoveries_do_not_count),
		cmocka_unit_test(resets_of_a_sound_device_do_not_count),
		cmocka_unit_test(recovery_before_the_quarantine_counts),
		cmocka_unit_test(zero_means_no_limit),
		cmocka_unit_test(limit_out_of_range_is_refused),
		cmocka_unit_test(h66_recovery_without_memory_is_tried_again),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
