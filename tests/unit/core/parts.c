/* SPDX-License-Identifier: BSD-2-Clause */
/* A domain behind several IOMMUs: one of them silent, gone, or coming and going. */
#include <string.h>

#include "tests/unit/core/bench.h"

#define PHYS  0x40000000ull
#define IOVA  0x100000ull
#define PAGES 4u

static struct fake second;
static struct lz_group *g[2];
static struct lz_device *dev[2]; /* behind the first IOMMU, and the second */
static struct lz_domain *dom;

static bool held[PAGES]; /* by custody, as unmap has said */

/* Whoever is told may write there at once: nobody else may (A). And once only. */
static void look_at_release(struct bench *b, struct lz_domain *d, lz_iova iova, size_t size)
{
	(void)b;
	for (unsigned i = 0; i < 2; i++)
		assert_false(fake_reaches(dev[i], d, iova, iova + size));
	for (; d == dom && size; size -= LZ_PAGE, iova += LZ_PAGE) {
		if ((iova - IOVA) / LZ_PAGE >= PAGES)
			continue;
		assert_true(held[(iova - IOVA) / LZ_PAGE]);
		held[(iova - IOVA) / LZ_PAGE] = false;
	}
}

static void begin(struct bench *b)
{
	fake_init(&second, b->lz);
	memset(held, 0, sizeof(held));
	b->on_release = look_at_release;
	for (unsigned i = 0; i < 2; i++) {
		g[i] = bench_group(i + 1);
		b->iommu = i ? &second.iommu : &b->fake.iommu;
		dev[i] = bench_device(g[i], 8 + 8 * i, 1 + i, NULL);
	}
	b->iommu = &b->fake.iommu;
	dom = bench_domain();
}

static void set_up(struct bench *b)
{
	begin(b);
	assert_int_equal(lz_attach(dev[0], dom), LZ_OK);
	assert_int_equal(lz_attach(dev[1], dom), LZ_OK);
}

static void tear_down(void)
{
	for (unsigned i = 0; i < 2; i++)
		lz_detach(dev[i]);
	bench_destroy(dom);
	for (unsigned i = 0; i < 2; i++)
		bench_remove(dev[i], g[i]);
	assert_int_equal(second.rules_broken, 0);
	assert_int_equal(second.count[OP_DOMAIN_INIT], second.count[OP_DOMAIN_FINI]);
	assert_int_equal(lz_iommu_fini(&second.iommu), LZ_OK);
}

/* Mapped, and cached by both devices. */
static void warm(lz_iova iova)
{
	assert_int_equal(lz_map(dom, iova, PHYS + iova, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	for (unsigned i = 0; i < 2; i++)
		fake_translate(dev[i], iova);
}

/* It may be released before the answer is here. */
static enum lz_status unmap(lz_iova iova)
{
	bool *h = (iova - IOVA) / LZ_PAGE < PAGES ? &held[(iova - IOVA) / LZ_PAGE] : NULL;
	enum lz_status r;

	if (h)
		*h = true;
	r = lz_unmap(dom, iova, LZ_PAGE);
	if (h && r != LZ_IN_CUSTODY)
		*h = false;
	return r;
}

static bool reached(lz_iova iova)
{
	return fake_reaches(dev[0], dom, iova, iova + LZ_PAGE) ||
	       fake_reaches(dev[1], dom, iova, iova + LZ_PAGE);
}

/* ---- everything answers ---- */

static void both_body(struct bench *b)
{
	unsigned was;

	set_up(b);
	warm(IOVA);
	was = b->fake.count[OP_INVALIDATE];
	assert_int_equal(unmap(IOVA), LZ_OK);
	assert_false(reached(IOVA));
	assert_int_equal(b->fake.count[OP_INVALIDATE] - was, 1);
	assert_int_equal(second.count[OP_INVALIDATE], 1);
	assert_int_equal(second.count[OP_DOMAIN_INIT], 1);
	assert_int_equal(b->n_released, 0);
	tear_down();
}

static void unmap_invalidates_behind_every_iommu(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, both_body);
}

static void gather_body(struct bench *b)
{
	struct lz_gather gather = {.n = 0};

	set_up(b);
	warm(IOVA);
	warm(IOVA + 0x10000);
	held[0] = true;
	assert_int_equal(lz_unmap_gather(dom, IOVA, LZ_PAGE, &gather), LZ_OK);
	assert_int_equal(lz_unmap_gather(dom, IOVA + 0x10000, LZ_PAGE, &gather), LZ_OK);
	second.stalled = true;
	assert_int_equal(lz_gather_sync(&gather), LZ_IN_CUSTODY);
	second.stalled = false;
	assert_int_equal(lz_domain_wait(dom, LZ_SEC(1)), LZ_OK);
	assert_int_equal(b->n_released, 2);
	assert_false(reached(IOVA));
	tear_down();
}

static void gather_waits_for_every_iommu(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, gather_body);
}

/* ---- one stands still ---- */

static void stall_body(struct bench *b, struct fake *still, struct fake *other, unsigned sweeps)
{
	unsigned swept;

	set_up(b);
	warm(IOVA);
	warm(IOVA + LZ_PAGE);
	swept = other->count[OP_INVALIDATE_ALL];
	still->stalled = true;
	assert_int_equal(unmap(IOVA), LZ_IN_CUSTODY);
	bench_sleep(LZ_SEC(1));
	/* Who has answered the unmap need not be swept, the others once. */
	assert_int_equal(other->count[OP_INVALIDATE_ALL] - swept, sweeps);
	assert_int_equal(b->n_released, 0);
	assert_int_equal(lz_map(dom, IOVA, PHYS, LZ_PAGE, LZ_READ), LZ_EBUSY);
	/* What both owe goes when both have paid. */
	other->fail[OP_INVALIDATE] = LZ_EIO;
	other->fail_count[OP_INVALIDATE] = 1;
	assert_int_equal(unmap(IOVA + LZ_PAGE), LZ_IN_CUSTODY);
	bench_sleep(LZ_SEC(1));
	assert_true(other->count[OP_INVALIDATE_ALL] - swept > sweeps);
	assert_int_equal(b->n_released, 0);
	still->stalled = false;
	assert_int_equal(lz_domain_wait(dom, LZ_SEC(1)), LZ_OK);
	assert_int_equal(b->n_released, 1);
	assert_int_equal(b->released[0].iova, IOVA);
	assert_int_equal(b->released[0].size, 2 * LZ_PAGE);
	assert_int_equal(bench_events(LZ_EV_CUSTODY_RELEASED), 1);
	tear_down();
}

static void first_stalls_body(struct bench *b)
{
	stall_body(b, &b->fake, &second, 1);
}

static void second_stalls_body(struct bench *b)
{
	stall_body(b, &second, &b->fake, 0);
}

static void pages_wait_for_the_iommu_that_stands_still(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, first_stalls_body);
	bench_run(1, 0, NULL, second_stalls_body);
}

/* A caller waits for one silent IOMMU at most, and the list has no holes for long. */
static void three_body(struct bench *b)
{
	static struct fake third;
	struct lz_group *g3 = bench_group(3);
	struct lz_device *dev3;

	fake_init(&third, b->lz);
	b->iommu = &third.iommu;
	dev3 = bench_device(g3, 32, 1, NULL);
	set_up(b);
	assert_int_equal(lz_attach(dev3, dom), LZ_OK);
	warm(IOVA);
	second.stalled = true;
	assert_int_equal(unmap(IOVA), LZ_IN_CUSTODY);
	assert_int_equal(second.count[OP_INVALIDATE], 1);
	assert_int_equal(third.count[OP_INVALIDATE], 0);
	second.stalled = false;
	assert_int_equal(lz_domain_wait(dom, LZ_SEC(1)), LZ_OK);
	assert_int_equal(third.count[OP_INVALIDATE_ALL], 1);
	/* The second's place is taken again, before the third. */
	lz_detach(dev[1]);
	bench_settle();
	assert_int_equal(lz_attach(dev[1], dom), LZ_OK);
	warm(IOVA);
	assert_int_equal(unmap(IOVA), LZ_OK);
	assert_int_equal(second.count[OP_INVALIDATE], 2);
	assert_int_equal(third.count[OP_INVALIDATE], 1);
	assert_false(reached(IOVA));
	lz_detach(dev3);
	tear_down();
	bench_remove(dev3, g3);
	assert_int_equal(lz_iommu_fini(&third.iommu), LZ_OK);
}

static void after_a_silent_iommu_no_other_is_asked(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, three_body);
}

static void neighbours_body(struct bench *b)
{
	struct lz_group *ng;
	struct lz_device *neighbour;
	struct lz_domain *own;

	set_up(b);
	warm(IOVA);
	bench_one(&ng, &neighbour, &own);
	second.stalled = true;
	assert_int_equal(unmap(IOVA), LZ_IN_CUSTODY);
	assert_int_equal(lz_map(own, IOVA, PHYS, 2 * LZ_PAGE, LZ_READ), LZ_OK);
	assert_int_equal(lz_unmap(own, IOVA, LZ_PAGE), LZ_OK);
	/* One of its own that has to be swept is. */
	b->fake.fail[OP_INVALIDATE] = LZ_EIO;
	b->fake.fail_count[OP_INVALIDATE] = 1;
	assert_int_equal(lz_unmap(own, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(lz_domain_wait(own, LZ_MS(100)), LZ_OK);
	assert_int_equal(lz_domain_wait(dom, LZ_MS(100)), LZ_ETIMEDOUT);
	second.stalled = false;
	bench_one_done(ng, neighbour, own);
	tear_down();
}

static void stalled_iommu_keeps_nobody_elses_pages(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, neighbours_body);
}

/* Epochs are compared in half of their range; the other IOMMU's sweeps move them on. */
static void long_body(struct bench *b)
{
	set_up(b);
	for (unsigned i = 0; i < 400; i++)
		assert_int_equal(lz_map(dom, IOVA + i * LZ_PAGE, PHYS, LZ_PAGE, LZ_READ), LZ_OK);
	second.stalled = true;
	for (unsigned i = 0; i < 400; i++) {
		/* Both have to be asked again. */
		b->fake.fail[OP_INVALIDATE] = LZ_EIO;
		b->fake.fail_count[OP_INVALIDATE] = 1;
		b->fake.n_calls = 0;
		assert_int_equal(unmap(IOVA + i * LZ_PAGE), LZ_IN_CUSTODY);
		bench_sleep(LZ_MS(200));
	}
	assert_true(b->fake.count[OP_INVALIDATE_ALL] >= 400);
	assert_int_equal(b->n_released, 0);
	second.stalled = false;
	assert_int_equal(lz_domain_wait(dom, LZ_SEC(1)), LZ_OK);
	assert_int_equal(b->n_released, 1);
	assert_int_equal(b->released[0].size, 400 * LZ_PAGE);
	tear_down();
}

static void custody_outlives_the_epochs_of_another_iommu(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, long_body);
}

/* ---- one is dead ---- */

static void dead_body(struct bench *b)
{
	set_up(b);
	warm(IOVA);
	warm(IOVA + LZ_PAGE);
	second.stalled = true;
	assert_int_equal(unmap(IOVA), LZ_IN_CUSTODY);
	bench_sleep(LZ_MS(100));
	assert_int_equal(b->n_released, 0);
	/* Service failure: nothing is translated behind it any more. */
	memset(second.device[0].atc, 0, sizeof(second.device[0].atc));
	lz_store32(&second.iommu.dead, 1);
	lz_iommu_kick(&second.iommu);
	assert_int_equal(lz_domain_wait(dom, LZ_SEC(1)), LZ_OK);
	assert_int_equal(b->n_released, 1);
	assert_int_equal(unmap(IOVA + LZ_PAGE), LZ_OK);
	assert_false(reached(IOVA + LZ_PAGE));
	tear_down();
}

static void h90_dead_iommu_holds_nothing_and_others_go_on(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, dead_body);
}

/* ---- coming and going ---- */

static void leave_body(struct bench *b)
{
	set_up(b);
	warm(IOVA);
	lz_detach(dev[1]);
	second.stalled = true;
	bench_sleep(LZ_MS(10));
	second.stalled = false;
	bench_settle();
	assert_int_equal(second.count[OP_DOMAIN_FINI], 1);
	assert_int_equal(unmap(IOVA), LZ_OK);
	assert_int_equal(second.count[OP_INVALIDATE], 0);
	/* And again, and back before its work has looked. */
	assert_int_equal(lz_attach(dev[1], dom), LZ_OK);
	lz_detach(dev[1]);
	assert_int_equal(lz_attach(dev[1], dom), LZ_OK);
	bench_settle();
	assert_int_equal(second.count[OP_DOMAIN_INIT], 2);
	assert_int_equal(second.count[OP_DOMAIN_FINI], 1);
	warm(IOVA);
	assert_int_equal(unmap(IOVA), LZ_OK);
	assert_false(reached(IOVA));
	tear_down();
}

static void part_goes_with_the_last_attachment(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, leave_body);
}

/* What it had is in custody, and its address space id may not be used again before
 * everything of it is invalidated. */
static void stalled_leave_body(struct bench *b)
{
	set_up(b);
	warm(IOVA);
	second.stalled = true;
	assert_int_equal(unmap(IOVA), LZ_IN_CUSTODY);
	lz_detach(dev[1]);
	bench_sleep(LZ_SEC(1));
	assert_int_equal(second.count[OP_DOMAIN_FINI], 0);
	assert_int_equal(b->n_released, 0);
	second.stalled = false;
	bench_settle();
	assert_int_equal(second.count[OP_DOMAIN_FINI], 1);
	assert_int_equal(b->n_released, 1);
	tear_down();
}

static void part_stays_until_it_is_invalidated(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, stalled_leave_body);
}

static void unmap_one(void *arg)
{
	(void)arg;
	(void)unmap(IOVA);
}

static void used_body(struct bench *b)
{
	set_up(b);
	warm(IOVA);
	second.delay = LZ_MS(10);
	bench_spawn("unmap", 2, unmap_one, NULL);
	bench_sleep(LZ_MS(1)); /* it is in there */
	second.delay = 0;
	lz_detach(dev[1]);
	bench_sleep(LZ_MS(5));
	assert_int_equal(second.count[OP_INVALIDATE_ALL], 1);
	assert_int_equal(second.count[OP_DOMAIN_FINI], 0);
	bench_join();
	bench_settle();
	assert_int_equal(second.count[OP_DOMAIN_FINI], 1);
	tear_down();
}

static void part_stays_until_its_users_are_done(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, used_body);
}

/* Attached and detached again while the sweep was under way: what has been cached since
 * is not covered by it. */
static void again_body(struct bench *b)
{
	set_up(b);
	second.sweep_delay = LZ_MS(1);
	lz_detach(dev[1]);
	bench_sleep(LZ_US(500));
	assert_int_equal(second.count[OP_INVALIDATE_ALL], 1);
	assert_int_equal(lz_attach(dev[1], dom), LZ_OK);
	lz_detach(dev[1]);
	bench_settle();
	assert_int_equal(second.count[OP_INVALIDATE_ALL], 2);
	assert_int_equal(second.count[OP_DOMAIN_FINI], 1);
	tear_down();
}

static void part_used_meanwhile_is_swept_again(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, again_body);
}

static void refused_body(struct bench *b)
{
	begin(b);
	assert_int_equal(lz_attach(dev[0], dom), LZ_OK);
	second.fail[OP_DOMAIN_INIT] = LZ_ENOTSUP;
	second.fail_count[OP_DOMAIN_INIT] = 1;
	assert_int_equal(lz_attach(dev[1], dom), LZ_ENOTSUP);
	assert_null(lz_attached(dev[1], LZ_NO_PASID));
	assert_int_equal(second.count[OP_LINK], 0);
	second.count[OP_DOMAIN_INIT] = 0;
	/* No memory for its links: the part is not left behind. */
	second.fail[OP_LINK] = LZ_ENOMEM;
	second.fail_count[OP_LINK] = 1;
	assert_int_equal(lz_attach(dev[1], dom), LZ_ENOMEM);
	bench_settle();
	assert_int_equal(second.count[OP_DOMAIN_FINI], 1);
	assert_int_equal(lz_attach(dev[1], dom), LZ_OK);
	tear_down();
}

static void attach_that_fails_leaves_no_part(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, refused_body);
}

static void destroy_body(struct bench *b)
{
	set_up(b);
	warm(IOVA);
	warm(IOVA + LZ_PAGE);
	second.stalled = true;
	assert_int_equal(unmap(IOVA), LZ_IN_CUSTODY);
	lz_detach(dev[0]);
	lz_detach(dev[1]);
	assert_int_equal(lz_domain_destroy(dom), LZ_IN_CUSTODY);
	bench_sleep(LZ_SEC(1));
	/* Its IOMMU counts what is in custody, and so has to stay. */
	assert_int_equal(b->fake.count[OP_DOMAIN_FINI], 0);
	assert_int_equal(b->n_destroyed, 0);
	assert_int_equal(b->n_released, 0);
	second.stalled = false;
	bench_settle();
	assert_int_equal(b->n_released, 1);
	assert_int_equal(b->n_destroyed, 1);
	dom = bench_domain();
	tear_down();
}

static void destroyed_domain_waits_for_every_iommu(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, destroy_body);
}

/* ---- races ---- */

static void comes_and_goes(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(lz_attach(dev[1], dom), LZ_OK);
		fake_translate(dev[1], IOVA + i % 4 * LZ_PAGE);
		fake_pause(bench.lz, LZ_US(10));
		lz_detach(dev[1]);
	}
}

static void stands_still_at_times(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 6; i++) {
		bench.fake.fail[OP_INVALIDATE] = LZ_EIO; /* both have to be swept */
		bench.fake.fail_count[OP_INVALIDATE] = 2;
		second.stalled = !second.stalled;
		fake_pause(bench.lz, LZ_US(30));
	}
	second.stalled = false;
}

static void map_and_unmap(unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		lz_iova iova = IOVA + i % 4 * LZ_PAGE;

		if (lz_map(dom, iova, PHYS, LZ_PAGE, LZ_READ) != LZ_OK)
			continue; /* in custody */
		fake_translate(dev[0], iova);
		fake_translate(dev[1], iova);
		if (unmap(iova) == LZ_OK)
			assert_false(reached(iova));
	}
}

static void race_body(struct bench *b)
{
	begin(b);
	assert_int_equal(lz_attach(dev[0], dom), LZ_OK);
	b->fake.delay = second.delay = LZ_US(2);
	bench_spawn("attach", 2, comes_and_goes, NULL);
	map_and_unmap(40);
	bench_join();
	bench_settle();
	tear_down();
}

static void attach_behind_the_second_meets_unmap(void **s)
{
	(void)s;
	bench_seeds(60, race_body);
}

/* Another one than the bench's, so that two works run at once. */
static struct sim_worker other_worker;

static void stalling_body(struct bench *b)
{
	set_up(b);
	other_worker = (struct sim_worker){.lz = b->lz};
	sim_task("worker 2", 3, sim_worker_task, &other_worker);
	b->fake.delay = second.delay = LZ_US(2);
	bench_spawn("stall", 2, stands_still_at_times, NULL);
	map_and_unmap(40);
	bench_join();
	bench_settle();
	assert_int_equal(lz_domain_wait(dom, LZ_SEC(1)), LZ_OK);
	other_worker.stop = true;
	tear_down();
}

/* Both works sweep one domain at once, and release each page once. */
static void works_of_two_iommus_meet(void **s)
{
	(void)s;
	bench_seeds(60, stalling_body);
}

/* Both are swept at the same moment, and either may find that all is settled. */
static void together_body(struct bench *b)
{
	set_up(b);
	other_worker = (struct sim_worker){.lz = b->lz};
	sim_task("worker 2", 3, sim_worker_task, &other_worker);
	b->fake.delay = second.delay = LZ_US(2);
	for (unsigned i = 0; i < 12; i++) {
		for (unsigned p = 0; p < PAGES; p++)
			warm(IOVA + p * LZ_PAGE);
		b->fake.fail[OP_INVALIDATE] = LZ_EIO;
		b->fake.fail_count[OP_INVALIDATE] = 1;
		memset(held, 1, sizeof(held));
		assert_int_equal(lz_unmap(dom, IOVA, PAGES * LZ_PAGE), LZ_IN_CUSTODY);
		assert_int_equal(lz_domain_wait(dom, LZ_SEC(1)), LZ_OK);
	}
	other_worker.stop = true;
	tear_down();
}

static void each_page_is_released_once(void **s)
{
	(void)s;
	bench_seeds(60, together_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmap_invalidates_behind_every_iommu),
		cmocka_unit_test(gather_waits_for_every_iommu),
		cmocka_unit_test(pages_wait_for_the_iommu_that_stands_still),
		cmocka_unit_test(after_a_silent_iommu_no_other_is_asked),
		cmocka_unit_test(stalled_iommu_keeps_nobody_elses_pages),
		cmocka_unit_test(custody_outlives_the_epochs_of_another_iommu),
		cmocka_unit_test(h90_dead_iommu_holds_nothing_and_others_go_on),
		cmocka_unit_test(part_goes_with_the_last_attachment),
		cmocka_unit_test(part_stays_until_it_is_invalidated),
		cmocka_unit_test(part_stays_until_its_users_are_done),
		cmocka_unit_test(part_used_meanwhile_is_swept_again),
		cmocka_unit_test(attach_that_fails_leaves_no_part),
		cmocka_unit_test(destroyed_domain_waits_for_every_iommu),
		cmocka_unit_test(attach_behind_the_second_meets_unmap),
		cmocka_unit_test(works_of_two_iommus_meet),
		cmocka_unit_test(each_page_is_released_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
