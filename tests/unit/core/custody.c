/* SPDX-License-Identifier: BSD-2-Clause */
/* Custody: into it, out of it, and never too early (A). */
#include "tests/unit/core/bench.h"

#define PHYS 0x40000000ull

static struct lz_group *g;
static struct lz_device *dev;
static struct lz_domain *dom;

static void set_up(void)
{
	bench_one(&g, &dev, &dom);
}

static void tear_down(void)
{
	bench_one_done(g, dev, dom);
}

static void map(lz_iova iova, size_t size)
{
	assert_int_equal(lz_map(dom, iova, PHYS + iova, size, LZ_READ | LZ_WRITE), LZ_OK);
}

static uint64_t in_custody(void)
{
	struct lz_custody c;

	lz_domain_custody(dom, &c);
	return c.pages;
}

/* ---- the plain way ---- */

static void held_body(struct bench *b)
{
	lz_phys p;

	set_up();
	map(0x100000, 0x4000);
	assert_int_equal(lz_unmap(dom, 0x100000, 0x1000), LZ_OK);
	assert_int_equal(lz_map(dom, 0x100000, PHYS, 0x1000, LZ_READ), LZ_OK);
	b->fake.stalled = true;
	assert_int_equal(lz_unmap(dom, 0x101000, 0x2000), LZ_IN_CUSTODY);
	assert_int_equal(lz_unmap(dom, 0x103000, 0x1000), LZ_IN_CUSTODY);
	assert_int_equal(lz_unmap(dom, 0x103000, 0x1000), LZ_ENOENT);
	assert_false(lz_iova_to_phys(dom, 0x101000, &p));
	assert_int_equal(lz_map(dom, 0x101000, PHYS, 0x1000, LZ_READ), LZ_EBUSY);
	assert_int_equal(in_custody(), 3);
	assert_int_equal(lz_domain_wait(dom, LZ_MS(10)), LZ_ETIMEDOUT);
	assert_int_equal(b->n_released, 0);
	assert_int_equal(b->fake.count[OP_INVALIDATE_ALL], 0); /* the driver says when */
	assert_int_equal(bench_events(LZ_EV_CUSTODY_HELD), 1);

	b->fake.stalled = false;
	assert_int_equal(lz_domain_wait(dom, LZ_MS(200)), LZ_OK);
	assert_int_equal(b->n_released, 1);
	assert_int_equal(b->released[0].iova, 0x101000);
	assert_int_equal(b->released[0].size, 0x3000);
	assert_int_equal(in_custody(), 0);
	assert_int_equal(bench_events(LZ_EV_CUSTODY_RELEASED), 1);
	assert_int_equal(b->ev[bench_event_at(LZ_EV_CUSTODY_RELEASED)].detail, 3);
	assert_int_equal(lz_map(dom, 0x101000, PHYS, 0x1000, LZ_READ), LZ_OK);
	tear_down();
}

static void unanswered_unmap_goes_into_custody(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, held_body);
}

/* More ranges than the record has. */
static void many_body(struct bench *b)
{
	uint64_t pages = 0;

	set_up();
	for (unsigned i = 0; i < 20; i++)
		map(0x1000000ull * (i * 7 % 20 + 1), 0x2000);
	b->fake.stalled = true;
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(lz_unmap(dom, 0x1000000ull * (i * 7 % 20 + 1), 0x2000),
				 LZ_IN_CUSTODY);
	b->fake.stalled = false;
	assert_int_equal(lz_domain_wait(dom, LZ_MS(200)), LZ_OK);
	for (unsigned i = 0; i < b->n_released; i++)
		pages += b->released[i].size / LZ_PAGE;
	assert_int_equal(b->n_released, 20);
	assert_int_equal(pages, 40);
	tear_down();
}

static void ranges_merge_when_the_record_is_full(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, many_body);
}

static void small_limit(struct lz_config *cfg)
{
	cfg->custody_limit = 2;
}

static void limit_body(struct bench *b)
{
	set_up();
	map(0x100000, 0x2000);
	b->fake.stalled = true;
	assert_int_equal(lz_unmap(dom, 0x100000, 0x1000), LZ_IN_CUSTODY);
	map(0x200000, 0x1000);
	assert_int_equal(lz_unmap(dom, 0x101000, 0x1000), LZ_IN_CUSTODY);
	assert_int_equal(lz_map(dom, 0x300000, PHYS, 0x1000, LZ_READ), LZ_ELIMIT);
	assert_int_equal(lz_unmap(dom, 0x200000, 0x1000), LZ_IN_CUSTODY);
	b->fake.stalled = false;
	assert_int_equal(lz_domain_wait(dom, LZ_MS(200)), LZ_OK);
	map(0x300000, 0x1000);
	tear_down();
}

static void limit_refuses_maps_only(void **s)
{
	(void)s;
	bench_run(1, 0, small_limit, limit_body);
}

/* ---- epochs ---- */

/* An unmap that fails while a sweep waits for the hardware is not covered by
 * it: the sweep's answer is of a time before. One page lies in a range that the
 * sweep looks at, one elsewhere. */
static void fail_once(void *arg)
{
	bench.fake.fail[OP_INVALIDATE] = LZ_ETIMEDOUT;
	bench.fake.fail_count[OP_INVALIDATE] = 1;
	assert_int_equal(lz_unmap(dom, (lz_iova)(uintptr_t)arg, 0x1000), LZ_IN_CUSTODY);
}

static void late_unmaps(void *arg)
{
	(void)arg;
	while (!bench.fake.count[OP_INVALIDATE_ALL])
		bench_sleep(100);
	map(0x101000, 0x1000);
	map(0x900000, 0x1000);
	sim_in_irq(fail_once, (void *)0x101000);
	sim_in_irq(fail_once, (void *)0x900000);
	assert_int_equal(bench.fake.count[OP_INVALIDATE_ALL], 1);
	assert_int_equal(bench.n_released, 0);
}

static void count_sweeps(struct bench *b, struct lz_domain *d, lz_iova iova, size_t size)
{
	bool late = iova == 0x101000 || iova == 0x900000;

	(void)d;
	assert_int_equal(size, 0x1000);
	assert_int_equal(b->fake.count[OP_INVALIDATE_ALL], late ? 2 : 1);
}

static void epoch_body(struct bench *b)
{
	set_up();
	map(0x100000, 0x1000);
	map(0x102000, 0x1000);
	b->on_release = count_sweeps;
	b->fake.fail[OP_INVALIDATE] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INVALIDATE] = 1;
	b->fake.sweep_delay = LZ_US(50);
	bench_spawn("late", 2, late_unmaps, NULL);
	assert_int_equal(lz_unmap(dom, 0x100000, 0x3000), LZ_IN_CUSTODY);
	bench_join();
	bench_settle();
	assert_int_equal(b->n_released, 4);
	assert_int_equal(in_custody(), 0);
	tear_down();
}

static void sweep_releases_what_was_dead_before_it_began(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, epoch_body);
	bench_seeds(50, epoch_body);
}

/* Entries outlive the range in which epochs can be compared. */
static void old_body(struct bench *b)
{
	set_up();
	map(0x100000, 0x1000);
	b->fake.stalled = true;
	assert_int_equal(lz_unmap(dom, 0x100000, 0x1000), LZ_IN_CUSTODY);
	b->fake.fail[OP_INVALIDATE_ALL] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INVALIDATE_ALL] = 1000000;
	b->fake.stalled = false;
	for (unsigned i = 0; i < 300; i++) {
		map(0x200000 + i * 0x1000ull, 0x1000);
		b->fake.fail[OP_INVALIDATE] = LZ_ETIMEDOUT;
		b->fake.fail_count[OP_INVALIDATE] = 1;
		assert_int_equal(lz_unmap(dom, 0x200000 + i * 0x1000ull, 0x1000), LZ_IN_CUSTODY);
		bench_sleep(LZ_MS(200));
	}
	assert_int_equal(in_custody(), 301);
	assert_int_equal(b->n_released, 0);
	b->fake.fail_count[OP_INVALIDATE_ALL] = 0;
	assert_int_equal(lz_domain_wait(dom, LZ_MS(200)), LZ_OK);
	assert_int_equal(b->n_released, 2);
	assert_int_equal(in_custody(), 0);
	tear_down();
}

static void epochs_do_not_run_out(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, old_body);
}

/* One silent domain costs one wait per call, and does not starve the others. */
static void fair_body(struct bench *b)
{
	struct lz_domain *other, *third;
	unsigned before;

	set_up();
	other = bench_domain();
	third = bench_domain();
	assert_int_equal(lz_map(other, 0x1000, PHYS, 0x1000, LZ_READ), LZ_OK);
	assert_int_equal(lz_map(third, 0x1000, PHYS, 0x1000, LZ_READ), LZ_OK);
	map(0x1000, 0x1000);
	b->fake.stalled = true;
	assert_int_equal(lz_unmap(dom, 0x1000, 0x1000), LZ_IN_CUSTODY);
	assert_int_equal(lz_unmap(other, 0x1000, 0x1000), LZ_IN_CUSTODY);
	assert_int_equal(lz_unmap(third, 0x1000, 0x1000), LZ_IN_CUSTODY);
	bench_settle();
	before = b->fake.count[OP_WORK];
	b->fake.fail[OP_INVALIDATE_ALL] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INVALIDATE_ALL] = 2;
	b->fake.stalled = false;
	bench_settle();
	assert_int_equal(b->fake.count[OP_WORK], before + 4);
	assert_int_equal(b->fake.count[OP_INVALIDATE_ALL], 5);
	/* Each was asked once before any was asked again. */
	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; j < i; j++)
			assert_ptr_not_equal(
				b->fake.call[fake_find(&b->fake, OP_INVALIDATE_ALL, i)].dom,
				b->fake.call[fake_find(&b->fake, OP_INVALIDATE_ALL, j)].dom);
	assert_int_equal(b->n_released, 3);
	bench_destroy(other);
	bench_destroy(third);
	tear_down();
}

static void silent_sync_ends_the_call_not_the_pass(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, fair_body);
}

/* ---- an independent witness: the device's own cache ---- */

static void witness(struct bench *b, struct lz_domain *d, lz_iova iova, size_t size)
{
	(void)b;
	assert_false(fake_reaches(dev, d, iova, iova + size));
}

static void unmapper(void *arg)
{
	lz_iova iova = (lz_iova)(uintptr_t)arg;

	for (int i = 0; i < 4; i++) {
		map(iova, 0x1000);
		fake_translate(dev, iova);
		if (i == 1)
			fake_of(dev)->mute = true;
		if (lz_unmap(dom, iova, 0x1000) == LZ_OK)
			assert_false(fake_reaches(dev, dom, iova, iova + 0x1000));
		iova += 0x1000;
	}
}

static void witness_body(struct bench *b)
{
	set_up();
	b->on_release = witness;
	b->fake.delay = 300;
	bench_spawn("unmap a", 2, unmapper, (void *)0x100000);
	bench_spawn("unmap b", 3, unmapper, (void *)0x200000);
	bench_join();
	bench_settle();
	assert_int_equal(in_custody(), 0);
	assert_int_equal(dev->fence, LZ_FENCE_FENCED);
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 1);
	tear_down();
}

static void custody_is_released_after_the_fence(void **s)
{
	(void)s;
	bench_seeds(200, witness_body);
}

/* H87: a reset in between makes the evidence worthless, not the custody. */
static void h87_body(struct bench *b)
{
	set_up();
	b->on_release = witness;
	map(0x100000, 0x1000);
	fake_translate(dev, 0x100000);
	b->fake.fail[OP_INVALIDATE_ALL] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INVALIDATE_ALL] = 10;
	fake_of(dev)->mute = true;
	b->fake.stalled = true; /* the fence cannot take effect */
	assert_int_equal(lz_unmap(dom, 0x100000, 0x1000), LZ_IN_CUSTODY);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	lz_report_broken(dev, 0, LZ_EVIDENCE_PROBED); /* stale: dropped */
	assert_int_equal(in_custody(), 1);
	assert_int_equal(b->n_released, 0);
	fake_of(dev)->mute = false;
	b->fake.stalled = false;
	bench_settle();
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	bench_settle();
	assert_int_equal(b->n_released, 1);
	assert_int_equal(b->n_detected, 0);
	tear_down();
}

static void h87_stale_evidence_keeps_its_memory(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h87_body);
}

/* ---- atomic context, and no memory at all ---- */

static void unmap_in_irq(void *arg)
{
	lz_iova iova = (lz_iova)(uintptr_t)arg;

	assert_int_equal(lz_unmap(dom, iova, 0x1000), fake_of(dev)->mute ? LZ_IN_CUSTODY : LZ_OK);
}

static void no_memory_body(struct bench *b)
{
	struct sim_stats before, after;

	set_up();
	map(0x100000, 0x3000);
	sim_in_irq(unmap_in_irq, (void *)0x100000);
	sim_fail_alloc(true);
	sim_stats_get(&before);
	fake_of(dev)->mute = true;
	sim_in_irq(unmap_in_irq, (void *)0x101000);
	bench_settle();
	assert_int_equal(b->n_released, 1);
	assert_int_equal(b->n_detected, 1);
	assert_int_equal(dev->block, LZ_BLOCK_BROKEN);
	assert_int_equal(lz_unmap(dom, 0x102000, 0x1000), LZ_OK);
	lz_detach(dev);
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	sim_stats_get(&after);
	assert_int_equal(after.failed_allocs, before.failed_allocs);
	sim_fail_alloc(false);
	bench_destroy(dom);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void fault_path_allocates_nothing(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, no_memory_body);
}

/* ---- containment off ---- */

static void observe(struct lz_config *cfg)
{
	cfg->contain = LZ_CONTAIN_OBSERVE;
}

static void observe_body(struct bench *b)
{
	set_up();
	map(0x100000, 0x2000);
	fake_of(dev)->mute = true;
	assert_int_equal(lz_unmap(dom, 0x100000, 0x1000), LZ_OK);
	bench_settle();
	assert_int_equal(in_custody(), 0);
	assert_int_equal(dev->block, 0);
	assert_int_equal(b->n_detected, 0);
	assert_int_equal(b->ev[bench_event_at(LZ_EV_QUARANTINED)].status, LZ_ENOTSUP);
	assert_int_equal(lz_map(dom, 0x100000, PHYS, 0x1000, LZ_READ), LZ_OK);
	tear_down();
}

static void observing_holds_and_blocks_nothing(void **s)
{
	(void)s;
	bench_run(1, 0, observe, observe_body);
}

/* ---- the hardware is off ---- */

static void dead_body(struct bench *b)
{
	set_up();
	map(0x100000, 0x2000);
	b->fake.stalled = true;
	assert_int_equal(lz_unmap(dom, 0x100000, 0x1000), LZ_IN_CUSTODY);
	b->iommu->dead = 1; /* proven: nothing is translated any more */
	assert_int_equal(lz_domain_wait(dom, LZ_MS(200)), LZ_OK);
	assert_int_equal(lz_unmap(dom, 0x101000, 0x1000), LZ_OK);
	tear_down();
}

static void h90_dead_iommu_closes_custody(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, dead_body);
}

/* ---- gather ---- */

static void gather_body(struct bench *b)
{
	struct lz_gather gather = {.n = 0};
	unsigned before;

	set_up();
	map(0x100000, 0x20000);
	before = b->fake.count[OP_INVALIDATE];
	for (unsigned i = 0; i < 4; i++) /* adjacent, both ways */
		assert_int_equal(lz_unmap_gather(dom, 0x104000 + i * 0x1000, 0x1000, &gather),
				 LZ_OK);
	assert_int_equal(lz_unmap_gather(dom, 0x103000, 0x1000, &gather), LZ_OK);
	assert_int_equal(gather.n, 1);
	assert_int_equal(b->fake.count[OP_INVALIDATE], before);
	assert_int_equal(lz_map(dom, 0x104000, PHYS, 0x1000, LZ_READ), LZ_EBUSY);
	assert_int_equal(lz_gather_sync(&gather), LZ_OK);
	assert_int_equal(b->fake.count[OP_INVALIDATE], before + 1);
	assert_int_equal(b->fake.call[fake_find_last(&b->fake, OP_INVALIDATE)].start, 0x103000);
	assert_int_equal(b->fake.call[fake_find_last(&b->fake, OP_INVALIDATE)].end, 0x108000);
	map(0x104000, 0x1000);

	/* More than fits: the ninth is refused, untouched; a failure is everybody's. */
	b->fake.fail[OP_INVALIDATE] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INVALIDATE] = 1;
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(lz_unmap_gather(dom, 0x108000 + i * 0x2000, 0x1000, &gather),
				 LZ_OK);
	assert_int_equal(lz_unmap_gather(dom, 0x118000, 0x1000, &gather), LZ_ELIMIT);
	assert_true(lz_iova_to_phys(dom, 0x118000, &(lz_phys){0}));
	assert_int_equal(lz_gather_sync(&gather), LZ_IN_CUSTODY);
	assert_int_equal(in_custody(), 8);
	assert_int_equal(gather.n, 0);
	before = b->fake.count[OP_INVALIDATE];
	assert_int_equal(lz_unmap_gather(dom, 0x11d000, 0x1000, &gather), LZ_OK);
	assert_int_equal(lz_unmap_gather(dom, 0x11b000, 0x1000, &gather), LZ_OK);
	assert_int_equal(gather.n, 2);
	assert_int_equal(lz_gather_sync(&gather), LZ_OK);
	assert_int_equal(b->fake.count[OP_INVALIDATE], before + 1);
	assert_int_equal(b->fake.call[fake_find_last(&b->fake, OP_INVALIDATE)].start, 0x11b000);
	assert_int_equal(b->fake.call[fake_find_last(&b->fake, OP_INVALIDATE)].end, 0x11e000);
	assert_int_equal(lz_gather_sync(&gather), LZ_OK); /* nothing gathered */
	bench_settle();
	assert_int_equal(in_custody(), 0);
	tear_down();
}

static void gather_merges_and_remembers(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, gather_body);
}

/* ---- destroy ---- */

static void destroy_body(struct bench *b)
{
	set_up();
	map(0x100000, 0x2000);
	b->fake.stalled = true;
	assert_int_equal(lz_unmap(dom, 0x100000, 0x1000), LZ_IN_CUSTODY);
	assert_int_equal(lz_domain_destroy(dom), LZ_EBUSY);
	lz_detach(dev);
	assert_int_equal(lz_domain_destroy(dom), LZ_IN_CUSTODY);
	assert_int_equal(lz_iommu_fini(b->iommu), LZ_EBUSY);
	bench_settle();
	assert_int_equal(b->n_destroyed, 0);
	assert_int_equal(b->fake.count[OP_DOMAIN_FINI], 0);
	b->fake.stalled = false;
	bench_settle();
	assert_int_equal(b->n_destroyed, 1);
	assert_int_equal(b->n_released, 1);
	bench_remove(dev, g);
}

static void destroyed_when_custody_is_empty(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, destroy_body);
}

static void destroy_race_body(struct bench *b)
{
	set_up();
	map(0x100000, 0x1000);
	b->fake.delay = 200;
	b->fake.fail[OP_INVALIDATE] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INVALIDATE] = 1;
	assert_int_equal(lz_unmap(dom, 0x100000, 0x1000), LZ_IN_CUSTODY);
	lz_detach(dev);
	/* The sweep may be under way now, or done. */
	if (lz_domain_destroy(dom) == LZ_IN_CUSTODY) {
		bench_settle();
		assert_int_equal(b->n_destroyed, 1);
	}
	/* Its last invalidation began after the device had left. */
	assert_true(fake_find_last(&b->fake, OP_INVALIDATE_ALL) >
		    fake_find_last(&b->fake, OP_INSTALL));
	bench_remove(dev, g);
}

/* The device leaves and the domain is destroyed while a sweep waits: what that
 * sweep invalidated says nothing about what was cached until the detach. */
static void destroy_late_body(struct bench *b)
{
	set_up();
	map(0x100000, 0x1000);
	b->fake.sweep_delay = LZ_US(50);
	b->fake.fail[OP_INVALIDATE] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INVALIDATE] = 1;
	assert_int_equal(lz_unmap(dom, 0x100000, 0x1000), LZ_IN_CUSTODY);
	while (!b->fake.count[OP_INVALIDATE_ALL])
		bench_sleep(100);
	lz_detach(dev);
	assert_int_equal(lz_domain_destroy(dom), LZ_IN_CUSTODY);
	assert_int_equal(b->fake.count[OP_INVALIDATE_ALL], 1);
	bench_settle();
	assert_int_equal(b->fake.count[OP_INVALIDATE_ALL], 2);
	assert_int_equal(b->n_destroyed, 1);
	bench_remove(dev, g);
}

static void destroy_races_a_sweep(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, destroy_late_body);
	bench_seeds(300, destroy_race_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unanswered_unmap_goes_into_custody),
		cmocka_unit_test(ranges_merge_when_the_record_is_full),
		cmocka_unit_test(limit_refuses_maps_only),
		cmocka_unit_test(sweep_releases_what_was_dead_before_it_began),
		cmocka_unit_test(epochs_do_not_run_out),
		cmocka_unit_test(silent_sync_ends_the_call_not_the_pass),
		cmocka_unit_test(custody_is_released_after_the_fence),
		cmocka_unit_test(h87_stale_evidence_keeps_its_memory),
		cmocka_unit_test(fault_path_allocates_nothing),
		cmocka_unit_test(observing_holds_and_blocks_nothing),
		cmocka_unit_test(h90_dead_iommu_closes_custody),
		cmocka_unit_test(gather_merges_and_remembers),
		cmocka_unit_test(destroyed_when_custody_is_empty),
		cmocka_unit_test(destroy_races_a_sweep),
	};

	return cmocka_run_group_tests_name("custody", tests, NULL, NULL);
}
