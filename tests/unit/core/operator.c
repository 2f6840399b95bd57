/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operator blocks and clears. */
#include "tests/unit/core/bench.h"

#include <string.h>

static struct lz_group *g;
static struct lz_device *dev;
static struct lz_domain *dom, *two;
static struct fake_pci pci;

static void set_up(bool is_pci)
{
	fake_pci_init(&pci);
	g = bench_group(1);
	dev = bench_device(g, 8, 2, is_pci ? &pci.access : NULL);
	dom = bench_domain();
	two = bench_domain();
	assert_int_equal(lz_attach(dev, dom), LZ_OK);
	assert_int_equal(lz_attach_pasid(dev, 1, two), LZ_OK);
	assert_int_equal(lz_attach_pasid(dev, 3, dom), LZ_OK);
}

static void tear_down(void)
{
	lz_detach(dev);
	bench_destroy(dom);
	bench_destroy(two);
	bench_remove(dev, g);
}

static const char *state(void)
{
	struct lz_health h;

	lz_device_health(dev, &h);
	return h.state;
}

static void assert_blocked(uint32_t reasons)
{
	assert_int_equal(dev->block, reasons);
	assert_int_equal(dev->fence, LZ_FENCE_FENCED);
	assert_int_equal(lz_group_recovery_count(g), 2);
	for (unsigned p = 0; p < FAKE_PASIDS; p++)
		assert_null(fake_of(dev)->table[p]);
	assert_ptr_equal(lz_attached(dev, 0), dom);
	assert_ptr_equal(lz_attached(dev, 1), two);
	assert_false(fake_pci_ats_on(&pci));
}

static void assert_well(void)
{
	assert_string_equal(state(), "healthy");
	assert_int_equal(dev->generation & 1, 0);
	assert_int_equal(lz_group_recovery_count(g), 0);
	assert_ptr_equal(fake_of(dev)->table[0], dom);
	assert_ptr_equal(fake_of(dev)->table[1], two);
	assert_ptr_equal(fake_of(dev)->table[3], dom);
}

static enum lz_status reset(enum lz_reset_result result)
{
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	return lz_reset_done(dev, result);
}

/* ---- block ---- */

static void block_body(struct bench *b)
{
	set_up(true);
	assert_int_equal(lz_device_block(dev), LZ_OK);
	assert_blocked(LZ_BLOCK_OPERATOR);
	assert_string_equal(state(), "blocked");
	assert_int_equal(b->n_blocked, 1);
	assert_int_equal(b->n_detected, 0);
	assert_int_equal(b->cause, LZ_BLOCK_OPERATOR);
	assert_int_equal(b->cause_generation, dev->generation);
	/* Once more changes nothing, and nobody is told again. */
	assert_int_equal(lz_device_block(dev), LZ_OK);
	assert_int_equal(b->n_blocked, 1);
	assert_int_equal(bench_events(LZ_EV_OPERATOR_BLOCKED), 1);
	assert_int_equal(lz_attach(dev, two), LZ_EBUSY);
	/* A reset does not lift it. */
	assert_int_equal(reset(LZ_RESET_OK), LZ_OK);
	assert_blocked(LZ_BLOCK_OPERATOR);
	assert_int_equal(reset(LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_blocked(LZ_BLOCK_OPERATOR);
	assert_int_equal(reset(LZ_RESET_FAILED), LZ_OK);
	assert_blocked(LZ_BLOCK_OPERATOR | LZ_BLOCK_RESET_FAILED);
	assert_int_equal(b->n_resumed, 0);
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	assert_int_equal(b->n_resumed, 1);
	assert_non_null(strstr(b->last_log, "unblocked by an operator"));
	assert_well();
	tear_down();
}

static void operator_blocks_and_no_reset_lifts_it(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, block_body);
}

static void unconfirmed_body(struct bench *b)
{
	set_up(true);
	b->fake.stalled = true;
	assert_int_equal(lz_device_block(dev), LZ_ETIMEDOUT);
	assert_int_equal(dev->block, LZ_BLOCK_OPERATOR);
	assert_int_equal(dev->fence, LZ_FENCE_FENCING);
	assert_int_equal(lz_device_clear(dev), LZ_ETIMEDOUT); /* nobody can ask it */
	assert_int_equal(dev->block, LZ_BLOCK_OPERATOR);
	b->fake.stalled = false;
	lz_iommu_kick(b->iommu);
	bench_settle();
	assert_blocked(LZ_BLOCK_OPERATOR);
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	assert_well();
	tear_down();
}

static void block_without_confirmation_is_kept(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, unconfirmed_body);
}

/* Its tables are still to be written after a good reset when the operator comes. */
static void waiting_body(struct bench *b)
{
	set_up(true);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	b->fake.fail[OP_INSTALL] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INSTALL] = 1;
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_ETIMEDOUT);
	assert_int_equal(lz_device_block(dev), LZ_OK);
	bench_settle();
	assert_blocked(LZ_BLOCK_OPERATOR);
	assert_int_equal(b->n_resumed, 0);
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	assert_well();
	tear_down();
}

static void block_stops_a_recovery_that_waits(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, waiting_body);
}

static void overtaken_body(struct bench *b)
{
	set_up(true);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	b->fake.fail[OP_INSTALL] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INSTALL] = 1;
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_ETIMEDOUT);
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	bench_settle();
	assert_int_equal(b->n_resumed, 1);
	assert_int_equal(bench_events(LZ_EV_RECOVERED), 0);
	assert_well();
	tear_down();
}

static void clear_overtakes_a_recovery_that_waits(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, overtaken_body);
}

/* ---- clear ---- */

static void no_reset_body(struct bench *b)
{
	uint32_t generation;
	int unfence, probe, rid;

	set_up(false);
	bench_break(dev, dom);
	assert_int_equal(b->cause, LZ_BLOCK_BROKEN);
	assert_int_equal(b->n_blocked, 1);
	/* Still silent: asked, and it stays as it is. */
	generation = dev->generation;
	assert_int_equal(lz_device_clear(dev), LZ_EIO);
	assert_blocked(LZ_BLOCK_BROKEN);
	assert_int_equal(bench_events(LZ_EV_OPERATOR_CLEARED), 1);
	assert_int_equal(b->n_resumed, 0);
	/* Power cycled by hand, say. */
	fake_of(dev)->mute = false;
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	assert_int_equal(b->n_resumed, 1);
	/* H86: evidence of before says nothing about it. */
	assert_true(dev->generation > generation);
	lz_report_broken(dev, generation, LZ_EVIDENCE_NAMED);
	bench_settle();
	assert_int_equal(b->n_detected, 1);
	assert_well();
	/* The driver, the device, RID, mark, PASIDs (H14, H15). */
	unfence = fake_find_last(&b->fake, OP_UNFENCE);
	probe = fake_find_last(&b->fake, OP_PROBE);
	rid = fake_find_last(&b->fake, OP_INSTALL) - 2;
	assert_true(unfence < probe && probe < rid);
	assert_int_equal(b->fake.call[rid].pasid, 0);
	assert_int_equal(b->fake.call[rid].block, LZ_BLOCK_BROKEN);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(b->fake.call[rid + i].op, OP_INSTALL);
		assert_int_not_equal(b->fake.call[rid + i].pasid, 0);
		assert_int_equal(b->fake.call[rid + i].block, 0);
	}
	/* Nothing to clear. */
	generation = dev->generation;
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	assert_int_equal(dev->generation, generation);
	assert_int_equal(b->n_resumed, 1);
	tear_down();
}

static void device_without_reset_is_asked_before_it_is_cleared(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, no_reset_body);
}

static void h14_pasids_follow_the_mark_when_cleared(void **s)
{
	(void)s;
	bench_run(2, 0, NULL, no_reset_body);
}

static void once(struct lz_config *cfg)
{
	cfg->recovery_max = 1;
}

static void permanent_body(struct bench *b)
{
	set_up(true);
	bench_break(dev, dom);
	fake_of(dev)->mute = false;
	assert_int_equal(reset(LZ_RESET_OK), LZ_OK);
	bench_break(dev, dom);
	assert_blocked(LZ_BLOCK_BROKEN | LZ_BLOCK_PERMANENT);
	assert_int_equal(b->cause, LZ_BLOCK_BROKEN | LZ_BLOCK_PERMANENT);
	assert_int_equal(b->cause_generation, dev->generation);
	assert_int_equal(lz_device_clear(dev), LZ_EIO);
	assert_blocked(LZ_BLOCK_BROKEN | LZ_BLOCK_PERMANENT);
	fake_of(dev)->mute = false;
	assert_int_equal(reset(LZ_RESET_OK), LZ_OK);
	assert_blocked(LZ_BLOCK_PERMANENT);
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	assert_well();
	/* It starts anew. */
	bench_break(dev, dom);
	assert_blocked(LZ_BLOCK_BROKEN);
	fake_of(dev)->mute = false;
	assert_int_equal(reset(LZ_RESET_OK), LZ_OK);
	assert_well();
	tear_down();
}

static void clear_ends_a_permanent_failure(void **s)
{
	(void)s;
	bench_run(1, 0, once, permanent_body);
}

static void short_body(struct bench *b)
{
	set_up(true);
	for (unsigned nth = 0; nth < 3; nth++) {
		assert_int_equal(lz_device_block(dev), LZ_OK);
		b->fake.fail[OP_INSTALL] = LZ_ENOMEM;
		b->fake.fail_skip[OP_INSTALL] = nth;
		b->fake.fail_count[OP_INSTALL] = 1;
		assert_int_equal(lz_device_clear(dev), LZ_ENOMEM);
		assert_blocked(LZ_BLOCK_OPERATOR);
		bench_settle();
		assert_blocked(LZ_BLOCK_OPERATOR); /* the operator's to try again */
		assert_int_equal(lz_device_clear(dev), LZ_OK);
		assert_well();
	}
	tear_down();
}

static void clear_that_cannot_write_the_tables_changes_nothing(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, short_body);
}

static void refused_body(struct bench *b)
{
	struct lz_gated gate;

	set_up(true);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_int_equal(lz_device_clear(dev), LZ_EBUSY);
	assert_int_equal(lz_device_block(dev), LZ_OK);
	assert_int_equal(lz_device_clear(dev), LZ_EBUSY);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	assert_blocked(LZ_BLOCK_OPERATOR);
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	/* Found broken, and the report has not been looked at. */
	assert_int_equal(lz_gate_enter(g, 0, &gate), LZ_OK);
	lz_device_report_broken(dev);
	assert_int_equal(lz_device_block(dev), LZ_EBUSY);
	assert_int_equal(lz_device_clear(dev), LZ_EBUSY);
	lz_gate_leave(gate);
	assert_int_equal(lz_device_clear(dev), LZ_EBUSY);
	bench_settle();
	assert_blocked(LZ_BLOCK_BROKEN);
	assert_int_equal(b->n_detected, 1);
	dev->presence = LZ_REMOVING;
	assert_int_equal(lz_device_clear(dev), LZ_ENODEV);
	assert_int_equal(lz_device_block(dev), LZ_ENODEV);
	dev->presence = LZ_PRESENT;
	tear_down();
}

static void clear_and_block_say_why_not(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, refused_body);
}

/* ---- at the same time ---- */

static void operator_task(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++) {
		enum lz_status r = lz_device_block(dev);

		assert_true(r == LZ_OK || r == LZ_EBUSY);
		bench_sleep(700);
		r = lz_device_clear(dev); /* LZ_EIO: found broken meanwhile */
		assert_true(r == LZ_OK || r == LZ_EBUSY || r == LZ_EIO);
	}
}

static void reset_task(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		if (lz_reset_prepare(dev) == LZ_OK) {
			bench_sleep(500);
			assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
		}
}

static void fault_task(void *arg)
{
	(void)arg;
	bench_sleep(100 * (bench.seed % 30));
	lz_device_report_broken(dev);
}

static void race_body(struct bench *b)
{
	set_up(true);
	b->fake.delay = 100;
	bench_spawn("operator", 1, operator_task, NULL);
	bench_spawn("reset", 2, reset_task, NULL);
	bench_spawn("fault", 3, fault_task, NULL);
	bench_join();
	bench_settle();
	assert_int_equal(dev->reset_depth, 0);
	assert_int_equal(lz_group_recovery_count(g), dev->block ? 2 : 0);
	if (dev->block)
		assert_int_equal(lz_device_clear(dev), LZ_OK);
	assert_well();
	tear_down();
}

static void operator_resets_and_faults_at_once(void **s)
{
	(void)s;
	bench_seeds(200, race_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operator_blocks_and_no_reset_lifts_it),
		cmocka_unit_test(block_without_confirmation_is_kept),
		cmocka_unit_test(block_stops_a_recovery_that_waits),
		cmocka_unit_test(clear_overtakes_a_recovery_that_waits),
		cmocka_unit_test(device_without_reset_is_asked_before_it_is_cleared),
		cmocka_unit_test(h14_pasids_follow_the_mark_when_cleared),
		cmocka_unit_test(clear_ends_a_permanent_failure),
		cmocka_unit_test(clear_that_cannot_write_the_tables_changes_nothing),
		cmocka_unit_test(clear_and_block_say_why_not),
		cmocka_unit_test(operator_resets_and_faults_at_once),
	};

	return cmocka_run_group_tests_name("operator", tests, NULL, NULL);
}
