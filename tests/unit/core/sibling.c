/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices that share a requester id: blocked together, lifted when all are well. */
#include <string.h>

#include "tests/unit/core/family.h"

static void one_broken(struct bench *b)
{
	const struct lz_event *ev;
	struct family f;

	make(&f);
	assert_int_equal(lz_attach_pasid(f.b, 1, f.dom), LZ_OK);
	assert_int_equal(lz_attach_pasid(f.a, 2, f.dom), LZ_OK);
	bench_break(f.a, f.dom);
	assert_int_equal(f.a->block, LZ_BLOCK_BROKEN);
	assert_true(is_held(f.b));
	assert_null(fake_of(f.b)->table[1]);
	assert_true(is_open(f.c)); /* it sends none of their ids */
	/* 0x10, X and 0x20: X once. */
	assert_int_equal(lz_group_recovery_count(f.g), 3);
	assert_int_equal(blocked_ids(), 3);
	ev = last(LZ_EV_SIBLING_BLOCKED, f.b);
	assert_non_null(ev);
	assert_ptr_equal(ev->holder, f.a);
	assert_int_equal(ev->detail, X);
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 1);
	assert_int_equal(b->n_detected, 1);
	assert_int_equal(b->n_blocked, 2); /* the owner of each was told */

	/* A reset of its own does not lift it (H13), and says who holds it. */
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	assert_true(is_held(f.b));
	assert_int_equal(b->fake.count[OP_RESET_SUCCEEDED], 1); /* a queue may wait for that */
	assert_int_equal(b->n_resumed, 0);
	assert_non_null(strstr(b->last_log, "b: Device is blocked as long as a"));
	assert_non_null(strstr(b->last_log, "0x500"));
	assert_int_equal(lz_attach_pasid(f.b, 3, f.dom), LZ_EBUSY);

	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	assert_ptr_equal(fake_of(f.b)->table[1], f.dom);
	assert_ptr_equal(fake_of(f.a)->table[2], f.dom);
	assert_int_equal(lz_group_recovery_count(f.g), 0);
	assert_non_null(last(LZ_EV_SIBLING_LIFTED, f.b));
	bench_settle();
	assert_int_equal(b->n_resumed, 2);
	drop(&f);
}

static void h13_a_sibling_is_held_and_lifted(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, one_broken);
}

static void two_broken(struct bench *b)
{
	struct family f;

	make(&f);
	bench_break(f.a, f.dom);
	assert_int_equal(lz_device_block(f.b), LZ_OK);
	assert_true(f.b->block & LZ_BLOCK_SIBLING && f.b->block & LZ_BLOCK_OPERATOR);
	assert_true(f.a->block & LZ_BLOCK_SIBLING);
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_held(f.a));
	assert_false(f.b->block & LZ_BLOCK_SIBLING);
	assert_int_equal(lz_group_recovery_count(f.g), 3);
	assert_int_equal(b->n_resumed, 0);
	assert_int_equal(lz_device_clear(f.b), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	bench_settle();
	assert_int_equal(b->n_resumed, 2);
	drop(&f);
}

static void h13_two_reasons_need_two_ends(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, two_broken);
}

/* Reported when it is fenced already for its sibling: that is not forgotten with it. */
static void held_is_reported(struct bench *b)
{
	struct family f;

	make(&f);
	bench_break(f.a, f.dom);
	assert_true(is_held(f.b));
	lz_device_report_broken(f.b);
	lz_device_report_broken(f.b); /* once (G) */
	bench_settle();
	assert_int_equal(f.b->block, LZ_BLOCK_BROKEN | LZ_BLOCK_SIBLING);
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 2);
	assert_int_equal(last(LZ_EV_QUARANTINED, f.b)->evidence, LZ_EVIDENCE_NAMED);
	assert_int_equal(b->n_detected, 2);
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	bench_settle();
	assert_true(is_held(f.a));
	assert_int_equal(f.b->block, LZ_BLOCK_BROKEN);
	assert_int_equal(lz_group_recovery_count(f.g), 3);
	lz_device_report_broken(f.b); /* known */
	bench_settle();
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 2);
	assert_int_equal(b->n_resumed, 0);
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	bench_settle();
	assert_int_equal(b->n_resumed, 2);
	drop(&f);
}

/* Nobody has looked at the report yet when its sibling recovers. */
static void reported_just_before(struct bench *b)
{
	struct family f;

	make(&f);
	bench_break(f.a, f.dom);
	lz_device_report_broken(f.b);
	assert_true(f.b->report_pending);
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_held(f.a));
	assert_int_equal(f.b->block, LZ_BLOCK_BROKEN);
	bench_settle();
	assert_int_equal(last(LZ_EV_QUARANTINED, f.b)->evidence, LZ_EVIDENCE_NAMED);
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 2);
	assert_int_equal(b->n_detected, 2);
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	/* Its own reset settles it, whether the report has been looked at or not. */
	bench_break(f.a, f.dom);
	lz_device_report_broken(f.b);
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	assert_true(is_held(f.b));
	bench_settle();
	assert_true(is_held(f.b));
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	drop(&f);
}

static void h13_a_report_about_a_held_one_outlives_its_sibling(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, held_is_reported);
	bench_run(1, 0, NULL, reported_just_before);
}

/* Both for good, and the operator clears one after the other. */
static void clear_both(struct bench *b)
{
	struct family f;

	make(&f);
	assert_int_equal(lz_device_block(f.a), LZ_OK);
	assert_int_equal(lz_device_block(f.b), LZ_OK);
	assert_int_equal(lz_device_clear(f.a), LZ_OK);
	assert_true(is_held(f.a));
	assert_int_equal(b->n_resumed, 0);
	assert_int_equal(lz_device_clear(f.b), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	bench_settle();
	assert_int_equal(b->n_resumed, 2);
	drop(&f);
}

static void h13_an_operator_clears_both(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, clear_both);
}

static void broken_is_removed(struct bench *b)
{
	struct family f;

	make(&f);
	bench_break(f.a, f.dom);
	assert_int_equal(lz_group_recovery_count(f.g), 3);
	assert_int_equal(lz_device_remove(f.a), LZ_OK);
	f.a = NULL;
	/* Its own id is given back at once, X and 0x20 when B has answered. */
	bench_settle();
	assert_int_equal(lz_group_recovery_count(f.g), 0);
	assert_true(is_open(f.b));
	assert_int_equal(b->n_resumed, 1);
	drop(&f);
}

static void h10_removal_of_the_broken_one_lifts_its_sibling(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, broken_is_removed);
}

static void held_is_removed(struct bench *b)
{
	struct family f;

	(void)b;
	make(&f);
	bench_break(f.a, f.dom);
	assert_int_equal(lz_device_remove(f.b), LZ_OK);
	f.b = NULL;
	bench_settle();
	assert_int_equal(lz_group_recovery_count(f.g), 2); /* X is blocked by A */
	f.b = add(f.g, "b", 0x20, X);			   /* blocked from the beginning */
	assert_true(is_held(f.b));
	assert_int_equal(lz_group_recovery_count(f.g), 3);
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_int_equal(f.b->block, 0);
	assert_int_equal(lz_attach(f.b, f.dom), LZ_OK);
	drop(&f);
}

static void h10_a_held_one_is_removed_and_comes_back(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, held_is_removed);
}

/* The sibling does not answer when it is asked: then nobody is let back. */
static void sibling_mute(struct bench *b)
{
	struct family f;

	make(&f);
	bench_break(f.a, f.dom);
	fake_of(f.b)->mute = true;
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_held(f.a));
	assert_true(f.b->block & LZ_BLOCK_BROKEN);
	/* B by A, then A by B: each is told once (G). */
	assert_int_equal(bench_events(LZ_EV_SIBLING_BLOCKED), 2);
	bench_settle();
	assert_ptr_equal(last(LZ_EV_QUARANTINED, f.b)->device, f.b);
	assert_int_equal(last(LZ_EV_QUARANTINED, f.b)->evidence, LZ_EVIDENCE_PROBED);
	assert_int_equal(b->n_resumed, 0);
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	drop(&f);
}

static void h13_a_sibling_that_does_not_answer_holds_the_others(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, sibling_mute);
}

/* The sibling's tables cannot be written when all have answered. */
static void sibling_install_fails(struct bench *b)
{
	struct family f;

	make(&f);
	bench_break(f.a, f.dom);
	b->fake.fail[OP_INSTALL] = LZ_ETIMEDOUT;
	b->fake.fail_skip[OP_INSTALL] = 1; /* A's own */
	b->fake.fail_count[OP_INSTALL] = 1;
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_held(f.a)); /* neither of them */
	bench_settle();
	assert_true(is_open(f.a) && is_open(f.b));
	assert_int_equal(b->n_resumed, 2);
	drop(&f);
}

static void h13_together_or_not_at_all(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, sibling_install_fails);
}

/* The queue does not answer when the sibling is asked: it is asked again, which is no
 * recovery of its own, since nobody has reset it. */
static void sibling_not_asked(struct bench *b)
{
	struct family f;

	make(&f);
	bench_break(f.a, f.dom);
	b->fake.fail[OP_PROBE] = LZ_ETIMEDOUT;
	b->fake.fail_skip[OP_PROBE] = 1; /* A's own */
	b->fake.fail_count[OP_PROBE] = 1;
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_held(f.a));
	bench_settle();
	assert_true(is_open(f.a) && is_open(f.b));
	assert_null(last(LZ_EV_RECOVERED, f.b));
	assert_non_null(last(LZ_EV_SIBLING_LIFTED, f.b));
	assert_int_equal(f.b->n_recoveries, 0);
	assert_int_equal(b->n_resumed, 2);
	/* A reset of its own is one. */
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	assert_int_equal(f.b->n_recoveries, 1);
	drop(&f);
}

static void h13_whoever_only_waited_has_not_recovered(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, sibling_not_asked);
}

/* A link's reset prepares all below it before the first is done. */
static void both_reset(struct bench *b)
{
	struct family f;

	make(&f);
	assert_int_equal(lz_reset_prepare(f.a), LZ_OK);
	assert_int_equal(lz_reset_prepare(f.b), LZ_OK);
	assert_int_equal(lz_group_recovery_count(f.g), 3);
	assert_int_equal(lz_reset_done(f.a, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_true(is_held(f.a));
	assert_int_equal(lz_reset_done(f.b, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	bench_settle();
	/* Each held the other for a while: both owners were told, and that it is over. */
	assert_int_equal(b->n_blocked, 2);
	assert_int_equal(b->n_resumed, 2);
	assert_int_equal(lz_reset_prepare(f.a), LZ_OK);
	assert_int_equal(lz_reset_prepare(f.b), LZ_OK);
	assert_int_equal(lz_reset_done(f.a, LZ_RESET_OK), LZ_OK);
	assert_int_equal(lz_reset_done(f.b, LZ_RESET_FAILED), LZ_OK);
	assert_true(is_held(f.a));
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 0);
	drop(&f);
}

static void h13_resets_of_both_overlap(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, both_reset);
}

/* Its sibling recovers while a reset of the held one is under way, which is then
 * not attempted. */
static void lifted_in_reset(struct bench *b)
{
	struct family f;

	make(&f);
	bench_break(f.a, f.dom);
	assert_int_equal(b->n_blocked, 2);
	assert_int_equal(lz_reset_prepare(f.b), LZ_OK);
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_held(f.a)); /* by the reset */
	assert_int_equal(f.b->block, LZ_BLOCK_RESET);
	assert_int_equal(lz_reset_done(f.b, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	bench_settle();
	assert_int_equal(b->n_resumed, 2);
	drop(&f);
}

static void h13_whoever_was_told_of_a_sibling_hears_of_its_end(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, lifted_in_reset);
}

/* Both found broken at once: each has the other's mark too. */
static void recover_both(struct bench *b)
{
	struct family f;

	make(&f);
	lz_device_inject(f.a);
	lz_device_inject(f.b);
	bench_settle();
	assert_int_equal(f.a->block, LZ_BLOCK_BROKEN | LZ_BLOCK_SIBLING);
	assert_int_equal(f.b->block, LZ_BLOCK_BROKEN | LZ_BLOCK_SIBLING);
	assert_int_equal(b->n_detected, 2);
	/* Nothing can reset them: their owner is told once more. */
	assert_int_equal(lz_device_recover(f.a), LZ_IN_CUSTODY);
	assert_int_equal(lz_device_recover(f.b), LZ_IN_CUSTODY);
	assert_int_equal(b->n_detected, 4);
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_held(f.a));
	assert_int_equal(lz_device_recover(f.a), LZ_ELIMIT); /* no fault of its own */
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	assert_true(is_open(f.a) && is_open(f.b));
	drop(&f);
}

static void h13_an_operator_recovers_one_after_the_other(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, recover_both);
}

/* A drill long ago says nothing about what is found now. */
static void found_after_a_drill(struct bench *b)
{
	struct family f;

	(void)b;
	make(&f);
	lz_device_inject(f.b);
	bench_settle();
	assert_int_equal(last(LZ_EV_QUARANTINED, f.b)->evidence, LZ_EVIDENCE_OPERATOR);
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	bench_break(f.a, f.dom);
	fake_of(f.b)->mute = true;
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	bench_settle();
	assert_int_equal(f.b->block & LZ_BLOCK_BROKEN, LZ_BLOCK_BROKEN);
	assert_int_equal(last(LZ_EV_QUARANTINED, f.b)->evidence, LZ_EVIDENCE_PROBED);
	assert_int_equal(reset(f.b, LZ_RESET_OK), LZ_OK);
	drop(&f);
}

static void h13_evidence_is_of_the_fault_at_hand(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, found_after_a_drill);
}

/* Containment is switched off between a report about the held one and the end of
 * what holds it: the report comes to nothing, the sibling's end does not. */
static void lifted_uncontained(struct bench *b)
{
	struct lz_policy policy;
	struct family f;

	make(&f);
	lz_device_report_broken(f.b);
	assert_int_equal(lz_device_block(f.a), LZ_OK);
	assert_int_equal(f.b->block, LZ_BLOCK_SIBLING);
	assert_true(f.b->report_pending);
	lz_policy_get(b->lz, &policy);
	policy.contain = LZ_CONTAIN_OBSERVE;
	assert_int_equal(lz_policy_set(b->lz, &policy), LZ_OK);
	assert_int_equal(lz_device_remove(f.a), LZ_OK);
	f.a = NULL;
	bench_settle();
	assert_true(is_open(f.b));
	assert_int_equal(b->n_resumed, 1);
	assert_int_equal(last(LZ_EV_QUARANTINED, f.b)->status, LZ_ENOTSUP);
	drop(&f);
}

static void h13_lifted_whatever_was_reported(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, lifted_uncontained);
}

/* A - X - B - Y - D: whoever is reached by shared ids. */
static void a_chain(struct bench *b)
{
	struct family f;
	struct lz_device *d;

	(void)b;
	make(&f);
	d = add(f.g, "d", 0x40, 0x20); /* sends B's own id */
	assert_int_equal(lz_attach(d, f.dom), LZ_OK);
	bench_break(f.a, f.dom);
	assert_true(is_held(f.b) && is_held(d));
	/* Without B nothing joins them. */
	assert_int_equal(lz_device_remove(f.b), LZ_OK);
	f.b = NULL;
	bench_settle();
	assert_true(is_open(d));
	assert_int_equal(lz_group_recovery_count(f.g), 2);
	/* And B joins them again. */
	f.b = add(f.g, "b", 0x20, X);
	assert_true(is_held(d) && is_held(f.b));
	assert_int_equal(reset(f.a, LZ_RESET_OK), LZ_OK);
	assert_true(is_open(f.a) && is_open(d));
	assert_int_equal(lz_device_remove(d), LZ_OK);
	drop(&f);
}

static void h13_families_join_and_part(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, a_chain);
}

/* ---- races ---- */

static struct family race;
static enum lz_status race_unmap;

static void reset_a(void *arg)
{
	(void)arg;
	assert_int_equal(lz_reset_prepare(race.a), LZ_OK);
	fake_of(race.a)->mute = false;
	assert_int_equal(lz_reset_done(race.a, LZ_RESET_OK), LZ_OK);
}

static void reset_b(void *arg)
{
	(void)arg;
	assert_int_equal(lz_reset_prepare(race.b), LZ_OK);
	assert_int_equal(lz_reset_done(race.b, LZ_RESET_OK), LZ_OK);
}

static void unmap_one(void *arg)
{
	(void)arg;
	race_unmap = lz_unmap(race.dom, 0x4000, LZ_PAGE);
}

static void all_at_once(struct bench *b)
{
	make(&race);
	b->fake.delay = 300;
	assert_int_equal(lz_map(race.dom, 0x4000, 0x10000000, LZ_PAGE, LZ_READ), LZ_OK);
	fake_of(race.a)->mute = true;
	bench_spawn("reset a", 2, reset_a, NULL);
	bench_spawn("reset b", 3, reset_b, NULL);
	bench_spawn("unmap", 0, unmap_one, NULL);
	bench_join();
	assert_true(race_unmap == LZ_OK || race_unmap == LZ_IN_CUSTODY);
	bench_settle();
	if (race.a->block & LZ_BLOCK_BROKEN) {
		assert_true(is_held(race.b));
		assert_int_equal(lz_group_recovery_count(race.g), 3);
		fake_of(race.a)->mute = false;
		assert_int_equal(reset(race.a, LZ_RESET_OK), LZ_OK);
		bench_settle();
	}
	assert_true(is_open(race.a) && is_open(race.b) && is_open(race.c));
	assert_int_equal(lz_group_recovery_count(race.g), 0);
	drop(&race);
}

static void h13_resets_and_a_fault_at_once(void **s)
{
	(void)s;
	bench_seeds(100, all_at_once);
}

static void report_b(void *arg)
{
	(void)arg;
	bench_sleep(bench.seed % 16 * 100);
	lz_device_report_broken(race.b);
}

/* Whenever it comes, a report about B ends with B's own reset only. */
static void report_beside_recovery(struct bench *b)
{
	make(&race);
	bench_break(race.a, race.dom);
	b->fake.delay = 300;
	bench_spawn("reset a", 2, reset_a, NULL);
	bench_spawn("report b", 3, report_b, NULL);
	bench_join();
	bench_settle();
	assert_int_equal(race.b->block & LZ_BLOCK_BROKEN, LZ_BLOCK_BROKEN);
	assert_true(is_held(race.a));
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 2);
	assert_int_equal(reset(race.b, LZ_RESET_OK), LZ_OK);
	bench_settle();
	assert_true(is_open(race.a) && is_open(race.b));
	drop(&race);
}

static void h13_a_report_beside_the_siblings_recovery(void **s)
{
	(void)s;
	bench_seeds(200, report_beside_recovery);
}

static void remove_a(void *arg)
{
	(void)arg;
	assert_int_equal(lz_device_remove(race.a), LZ_OK);
}

static void removal_at_once(struct bench *b)
{
	make(&race);
	b->fake.delay = 300;
	assert_int_equal(lz_map(race.dom, 0x4000, 0x10000000, LZ_PAGE, LZ_READ), LZ_OK);
	fake_of(race.a)->mute = true;
	bench_spawn("remove a", 2, remove_a, NULL);
	bench_spawn("reset b", 3, reset_b, NULL);
	bench_spawn("unmap", 0, unmap_one, NULL);
	bench_join();
	assert_true(race_unmap == LZ_OK || race_unmap == LZ_IN_CUSTODY);
	race.a = NULL;
	bench_settle();
	assert_true(is_open(race.b) && is_open(race.c));
	assert_int_equal(lz_group_recovery_count(race.g), 0);
	drop(&race);
}

static void h10_removal_reset_and_a_fault_at_once(void **s)
{
	(void)s;
	bench_seeds(100, removal_at_once);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h13_a_sibling_is_held_and_lifted),
		cmocka_unit_test(h13_two_reasons_need_two_ends),
		cmocka_unit_test(h13_a_report_about_a_held_one_outlives_its_sibling),
		cmocka_unit_test(h13_an_operator_clears_both),
		cmocka_unit_test(h10_removal_of_the_broken_one_lifts_its_sibling),
		cmocka_unit_test(h10_a_held_one_is_removed_and_comes_back),
		cmocka_unit_test(h13_a_sibling_that_does_not_answer_holds_the_others),
		cmocka_unit_test(h13_together_or_not_at_all),
		cmocka_unit_test(h13_whoever_only_waited_has_not_recovered),
		cmocka_unit_test(h13_resets_of_both_overlap),
		cmocka_unit_test(h13_whoever_was_told_of_a_sibling_hears_of_its_end),
		cmocka_unit_test(h13_an_operator_recovers_one_after_the_other),
		cmocka_unit_test(h13_evidence_is_of_the_fault_at_hand),
		cmocka_unit_test(h13_lifted_whatever_was_reported),
		cmocka_unit_test(h13_families_join_and_part),
		cmocka_unit_test(h13_resets_and_a_fault_at_once),
		cmocka_unit_test(h13_a_report_beside_the_siblings_recovery),
		cmocka_unit_test(h10_removal_reset_and_a_fault_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
