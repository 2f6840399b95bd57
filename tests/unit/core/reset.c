/* SPDX-License-Identifier: BSD-2-Clause */
/* Resets: nesting, results, books, order of the steps. */
#include "tests/unit/core/bench.h"

#include <string.h>

static struct lz_group *g;
static struct lz_device *dev;
static struct lz_domain *dom;
static struct fake_pci pci;

static void set_up(unsigned streams)
{
	fake_pci_init(&pci);
	g = bench_group(1);
	dev = bench_device(g, 8, streams, &pci.access);
	dom = bench_domain();
	assert_int_equal(lz_attach(dev, dom), LZ_OK);
}

static void tear_down(void)
{
	lz_detach(dev);
	bench_destroy(dom);
	bench_remove(dev, g);
}

static void prepare(void)
{
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
}

static enum lz_status done(enum lz_reset_result r)
{
	fake_of(dev)->mute &= r != LZ_RESET_OK;
	return lz_reset_done(dev, r);
}

/* What the caller says about one that is well again. */
static void assert_well(void)
{
	struct lz_health h;

	lz_device_health(dev, &h);
	assert_int_equal(h.block, 0);
	assert_int_equal(h.fence, LZ_FENCE_OPEN);
	assert_int_equal(h.generation & 1, 0);
	assert_string_equal(h.state, "healthy");
	assert_int_equal(lz_group_recovery_count(g), 0);
	assert_ptr_equal(fake_of(dev)->table[0], lz_attached(dev, 0));
}

static const char *state(void)
{
	struct lz_health h;

	lz_device_health(dev, &h);
	return h.state;
}

/* ---- results ---- */

static void h04_body(struct bench *b)
{
	set_up(1);
	prepare();
	assert_int_equal(done(LZ_RESET_FAILED), LZ_OK);
	assert_int_equal(dev->block, LZ_BLOCK_RESET_FAILED);
	assert_string_equal(state(), "reset failed");
	assert_null(fake_of(dev)->table[0]);
	assert_int_equal(b->n_resumed, 0);
	assert_int_equal(bench_events(LZ_EV_RECOVERED), 0);
	/* A later good one lifts it. */
	prepare();
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	assert_well();
	tear_down();
}

static void h04_failed_reset_keeps_it_blocked(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h04_body);
}

static void h05_body(struct bench *b)
{
	unsigned blocks;

	set_up(1);
	prepare();
	blocks = b->fake.count[OP_BLOCK];
	prepare();
	prepare();
	assert_int_equal(b->fake.count[OP_BLOCK], blocks);
	assert_int_equal(dev->generation, 1);
	assert_int_equal(bench_events(LZ_EV_RESET_BEGIN), 1);
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	/* H06: the inner ones do nothing. */
	assert_int_equal(b->fake.count[OP_UNFENCE], 0);
	assert_int_equal(dev->fence, LZ_FENCE_FENCED);
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	assert_int_equal(b->fake.count[OP_UNFENCE], 0);
	assert_int_equal(dev->generation, 1);
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	assert_int_equal(dev->generation, 2);
	assert_well();
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_EINVAL);
	assert_int_equal(b->n_resumed, 1);
	tear_down();
}

static void h05_nested_prepare_succeeds_and_acts_once(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h05_body);
}

static void h06_inner_done_lifts_nothing(void **s)
{
	(void)s;
	bench_run(2, 0, NULL, h05_body);
}

static void h07_body(struct bench *b)
{
	set_up(1);
	prepare();
	prepare();
	assert_int_equal(done(LZ_RESET_FAILED), LZ_OK);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	assert_int_equal(dev->block, LZ_BLOCK_RESET_FAILED);
	assert_int_equal(b->fake.count[OP_UNFENCE], 0);
	/* The next nest starts anew. */
	prepare();
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	assert_well();
	tear_down();
}

static void h07_worst_result_of_the_nest_counts(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h07_body);
}

static void h08_body(struct bench *b)
{
	struct lz_stats st;

	(void)b;
	set_up(3);
	bench_break(dev, dom);
	assert_int_equal(lz_group_recovery_count(g), 3);
	prepare();
	prepare();
	assert_int_equal(lz_group_recovery_count(g), 3);
	assert_int_equal(done(LZ_RESET_FAILED), LZ_OK);
	assert_int_equal(done(LZ_RESET_FAILED), LZ_OK);
	assert_int_equal(lz_group_recovery_count(g), 3);
	lz_stats_get(bench.lz, &st);
	assert_int_equal(st.blocked_ids, 3);
	prepare();
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	/* H11: down once. */
	assert_int_equal(lz_group_recovery_count(g), 0);
	prepare();
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	assert_int_equal(lz_group_recovery_count(g), 0);
	assert_well();
	tear_down();
}

static void h08_blocked_ids_are_counted_once(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h08_body);
}

static void h09_body(struct bench *b)
{
	(void)b;
	set_up(1);
	bench_break(dev, dom);
	assert_int_equal(dev->block, LZ_BLOCK_BROKEN);
	prepare();
	assert_int_equal(done(LZ_RESET_FAILED), LZ_OK);
	assert_int_equal(dev->block, LZ_BLOCK_BROKEN | LZ_BLOCK_RESET_FAILED);
	prepare();
	assert_int_equal(done(LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_int_equal(dev->block, LZ_BLOCK_BROKEN | LZ_BLOCK_RESET_FAILED);
	assert_string_equal(state(), "reset failed");
	prepare();
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	assert_well();
	tear_down();
}

static void h09_severity_only_rises(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h09_body);
}

static void h10_body(struct bench *b)
{
	struct lz_device *other;

	(void)b;
	set_up(2);
	other = bench_device(g, 20, 1, NULL);
	bench_break(dev, dom);
	assert_int_equal(lz_group_recovery_count(g), 2);
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	assert_int_equal(lz_group_recovery_count(g), 0);
	assert_int_equal(lz_attach(other, dom), LZ_OK);
	/* In reset. */
	assert_int_equal(lz_reset_prepare(other), LZ_OK);
	assert_int_equal(lz_group_recovery_count(g), 1);
	assert_int_equal(lz_device_remove(other), LZ_OK);
	assert_int_equal(lz_group_recovery_count(g), 0);
	assert_int_equal(bench_events(LZ_EV_REMOVED), 2);
	bench_destroy(dom);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void h10_removal_gives_its_count_back(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h10_body);
}

/* ---- two lifters at once ---- */

static void resetter(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++) {
		if (lz_reset_prepare(dev) != LZ_OK)
			continue;
		bench_sleep(500);
		assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	}
}

static void h11_body(struct bench *b)
{
	set_up(2);
	b->fake.delay = 100;
	bench_spawn("reset a", 2, resetter, NULL);
	bench_spawn("reset b", 3, resetter, NULL);
	bench_join();
	assert_well();
	tear_down();
}

static void h11_two_lifters_count_down_once(void **s)
{
	(void)s;
	bench_seeds(100, h11_body);
}

static void detacher(void *arg)
{
	(void)arg;
	lz_detach(dev);
	/* Freed as soon as the detach allows it. */
	if (lz_domain_destroy(dom) == LZ_EBUSY)
		assert_null("a detached domain is busy");
	dom = NULL;
}

static void h12_body(struct bench *b)
{
	set_up(1);
	b->fake.delay = 100;
	bench_spawn("reset", 2, resetter, NULL);
	bench_spawn("detach", 3, detacher, NULL);
	bench_join();
	bench_settle();
	assert_null(fake_of(dev)->table[0]);
	assert_well();
	bench_remove(dev, g);
}

static void h12_detach_races_a_reset(void **s)
{
	(void)s;
	bench_seeds(200, h12_body);
}

/* ---- the order of a good end ---- */

static void h14_body(struct bench *b)
{
	struct lz_domain *two;
	int unfence, probe, rid, pasid;

	set_up(1);
	two = bench_domain();
	assert_int_equal(lz_attach_pasid(dev, 1, two), LZ_OK);
	prepare();
	assert_false(fake_pci_ats_on(&pci));
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	unfence = fake_find_last(&b->fake, OP_UNFENCE);
	probe = fake_find_last(&b->fake, OP_PROBE);
	pasid = fake_find_last(&b->fake, OP_INSTALL);
	rid = pasid - 1;
	assert_true(fake_find_last(&b->fake, OP_RESET_SUCCEEDED) < unfence);
	assert_true(unfence < probe && probe < rid); /* H15 */
	assert_int_equal(b->fake.call[rid].op, OP_INSTALL);
	assert_int_equal(b->fake.call[rid].pasid, 0);
	assert_int_equal(b->fake.call[pasid].pasid, 1);
	assert_int_not_equal(b->fake.call[rid].block, 0);
	assert_int_equal(b->fake.call[pasid].block, 0);
	assert_ptr_equal(fake_of(dev)->table[1], two);
	assert_int_equal(b->n_resumed, 1);
	assert_non_null(strstr(b->last_log, "Device is unblocked after successful reset"));
	assert_well();
	lz_detach_pasid(dev, 1);
	bench_destroy(two);
	tear_down();
}

static void h14_rid_then_mark_then_pasids(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h14_body);
}

static void h15_driver_is_told_before_the_reattach(void **s)
{
	(void)s;
	bench_run(2, 0, NULL, h14_body);
}

/* ---- a reset that did not help ---- */

static void silent_body(struct bench *b)
{
	set_up(1);
	bench_break(dev, dom);
	prepare();
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_EIO); /* still mute */
	assert_int_equal(dev->block, LZ_BLOCK_BROKEN | LZ_BLOCK_RESET_FAILED);
	assert_int_equal(dev->fence, LZ_FENCE_FENCED);
	assert_false(fake_pci_ats_on(&pci));
	assert_int_equal(bench_events(LZ_EV_STILL_BROKEN), 1);
	assert_int_equal(bench_events(LZ_EV_UNFENCED), 0);
	assert_int_equal(b->n_resumed, 0);
	prepare();
	pci.stuck = true; /* ATS cannot be switched on */
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_EIO);
	pci.stuck = false;
	prepare();
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	assert_well();
	tear_down();
}

static void reset_without_an_answer_stays_blocked(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, silent_body);
}

static void later_body(struct bench *b)
{
	struct lz_domain *two;

	set_up(1);
	two = bench_domain();
	assert_int_equal(lz_attach_pasid(dev, 1, two), LZ_OK);
	for (int nth = 0; nth < 2; nth++) {
		prepare();
		/* RID or PASID cannot be written for a while. */
		b->fake.fail[OP_INSTALL] = LZ_ETIMEDOUT;
		b->fake.fail_skip[OP_INSTALL] = (unsigned)nth;
		b->fake.fail_count[OP_INSTALL] = 3;
		assert_int_equal(done(LZ_RESET_OK), LZ_ETIMEDOUT);
		assert_int_equal(lz_group_recovery_count(g), 1);
		assert_int_equal(b->n_resumed, (unsigned)nth);
		bench_settle();
		assert_well();
		assert_ptr_equal(fake_of(dev)->table[1], two);
		assert_int_equal(b->n_resumed, (unsigned)nth + 1);
	}
	lz_detach_pasid(dev, 1);
	bench_destroy(two);
	tear_down();
}

static void reattach_is_tried_again(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, later_body);
}

/* ---- not attempted ---- */

static void not_attempted_body(struct bench *b)
{
	set_up(1);
	prepare();
	assert_int_equal(done(LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_well();
	assert_int_equal(b->fake.count[OP_RESET_SUCCEEDED], 0);
	assert_int_equal(b->n_resumed, 0);
	bench_break(dev, dom);
	prepare();
	assert_int_equal(done(LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_string_equal(state(), "broken");
	assert_int_equal(dev->fence, LZ_FENCE_FENCED);
	prepare();
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	assert_well();
	tear_down();
}

static void not_attempted_goes_back(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, not_attempted_body);
}

/* A suspect whose reset was not attempted is asked again; it does not answer. */
static void suspect_body(struct bench *b)
{
	unsigned long flags;

	set_up(1);
	flags = lz_spin_lock(&dev->fence_lock);
	lz_store8(&dev->fence, LZ_FENCE_SUSPECT);
	lz_spin_unlock(&dev->fence_lock, flags);
	fake_of(dev)->mute = true;
	prepare();
	assert_int_equal(done(LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	bench_settle();
	assert_int_equal(b->n_detected, 1);
	assert_int_equal(b->ev[bench_event_at(LZ_EV_QUARANTINED)].evidence, LZ_EVIDENCE_PROBED);
	assert_string_equal(state(), "broken");
	tear_down();
}

static void quarantine_after_not_attempted_has_evidence(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, suspect_body);
}

static void evidence_body(struct bench *b)
{
	uint32_t generation;

	set_up(1);
	generation = dev->generation;
	prepare();
	/* H47, H86: neither the one before nor one of the reset itself. */
	lz_report_broken(dev, generation, LZ_EVIDENCE_NAMED);
	lz_report_broken(dev, dev->generation, LZ_EVIDENCE_NAMED);
	assert_false(dev->report_pending);
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	lz_report_broken(dev, generation, LZ_EVIDENCE_NAMED);
	assert_false(dev->report_pending);
	bench_settle();
	assert_int_equal(b->n_detected, 0);
	assert_well();
	tear_down();
}

static void h86_evidence_of_another_generation_is_dropped(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, evidence_body);
}

/* The IOMMU does not confirm the block in time. The reset goes on, which may be what it
 * waits for; nothing is released that the device may still reach (A). */
static void unconfirmed_body(struct bench *b)
{
	bool freed = b->seed & 1; /* the queue goes on before the reset is over */
	unsigned asked;

	set_up(1);
	assert_int_equal(lz_map(dom, 0x4000, 0x10000000, LZ_PAGE, LZ_READ), LZ_OK);
	fake_translate(dev, 0x4000);
	b->fake.stalled = true;
	prepare();
	assert_int_equal(dev->fence, LZ_FENCE_FENCING);
	assert_int_equal(bench_events(LZ_EV_FENCE_DELAYED), 1);
	assert_int_equal(b->ev[bench_event_at(LZ_EV_FENCE_DELAYED)].status, LZ_ETIMEDOUT);
	assert_true(bench_event_at(LZ_EV_RESET_BEGIN) < bench_event_at(LZ_EV_FENCE_DELAYED));
	assert_int_equal(lz_unmap(dom, 0x4000, LZ_PAGE), LZ_IN_CUSTODY);
	bench_sleep(LZ_MS(50));
	assert_true(fake_reaches(dev, dom, 0x4000, 0x5000));
	assert_int_equal(b->n_released, 0);
	if (freed) {
		b->fake.stalled = false;
		bench_settle();
		assert_int_equal(dev->fence, LZ_FENCE_FENCED);
		assert_int_equal(b->n_released, 1);
	}
	asked = b->fake.count[OP_PROBE];
	assert_int_equal(done(LZ_RESET_OK), freed ? LZ_OK : LZ_ETIMEDOUT);
	bench_sleep(LZ_MS(50));
	/* With ATS on it would cache by the old tables: it is not asked before they are gone,
	 * but the queue hears of the reset. */
	assert_int_equal(b->fake.count[OP_PROBE] - asked, freed);
	assert_true(b->fake.count[OP_RESET_SUCCEEDED]);
	assert_int_equal(b->n_released, freed);
	b->fake.stalled = false;
	bench_settle();
	assert_int_equal(b->n_released, 1);
	assert_well();
	prepare(); /* confirmed: nothing is told */
	assert_int_equal(done(LZ_RESET_OK), LZ_OK);
	assert_int_equal(bench_events(LZ_EV_FENCE_DELAYED), 1);
	tear_down();
}

static void reset_goes_on_when_its_block_is_not_confirmed(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, unconfirmed_body);
	bench_run(2, 0, NULL, unconfirmed_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h04_failed_reset_keeps_it_blocked),
		cmocka_unit_test(h05_nested_prepare_succeeds_and_acts_once),
		cmocka_unit_test(h06_inner_done_lifts_nothing),
		cmocka_unit_test(h07_worst_result_of_the_nest_counts),
		cmocka_unit_test(h08_blocked_ids_are_counted_once),
		cmocka_unit_test(h09_severity_only_rises),
		cmocka_unit_test(h10_removal_gives_its_count_back),
		cmocka_unit_test(h11_two_lifters_count_down_once),
		cmocka_unit_test(h12_detach_races_a_reset),
		cmocka_unit_test(h14_rid_then_mark_then_pasids),
		cmocka_unit_test(h15_driver_is_told_before_the_reattach),
		cmocka_unit_test(reset_without_an_answer_stays_blocked),
		cmocka_unit_test(reattach_is_tried_again),
		cmocka_unit_test(reset_goes_on_when_its_block_is_not_confirmed),
		cmocka_unit_test(not_attempted_goes_back),
		cmocka_unit_test(quarantine_after_not_attempted_has_evidence),
		cmocka_unit_test(h86_evidence_of_another_generation_is_dropped),
	};

	return cmocka_run_group_tests_name("reset", tests, NULL, NULL);
}
