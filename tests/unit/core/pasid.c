/* SPDX-License-Identifier: BSD-2-Clause */
/* One device in many domains. */
#include "tests/unit/core/bench.h"

static struct lz_group *g;
static struct lz_device *dev;
static struct lz_domain *dom[FAKE_PASIDS];

/* Each PASID in a domain of its own, but for PASID 3: with the RID. */
static void set_up(void)
{
	g = bench_group(1);
	dev = bench_device(g, 8, 2, NULL);
	for (unsigned p = 0; p < 3; p++) {
		dom[p] = bench_domain();
		assert_int_equal(p ? lz_attach_pasid(dev, p, dom[p]) : lz_attach(dev, dom[0]),
				 LZ_OK);
	}
	dom[3] = dom[0];
	assert_int_equal(lz_attach_pasid(dev, 3, dom[3]), LZ_OK);
}

static void tear_down(void)
{
	lz_detach(dev);
	for (unsigned p = 0; p < 3; p++)
		bench_destroy(dom[p]);
	bench_remove(dev, g);
}

static void assert_tables(bool attached)
{
	for (unsigned p = 0; p < FAKE_PASIDS; p++) {
		assert_ptr_equal(lz_attached(dev, p), dom[p]);
		assert_ptr_equal(fake_of(dev)->table[p], attached ? dom[p] : NULL);
	}
}

static void reset(void)
{
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	fake_of(dev)->mute = false;
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
}

static void replace_body(struct bench *b)
{
	struct lz_domain *more;
	int link;

	set_up();
	more = bench_domain();
	assert_int_equal(lz_attach_pasid(dev, 2, more), LZ_OK);
	link = fake_find_last(&b->fake, OP_LINK);
	assert_true(link < fake_find_last(&b->fake, OP_INSTALL));
	assert_true(fake_find_last(&b->fake, OP_INSTALL) < fake_find_last(&b->fake, OP_UNLINK));
	bench_destroy(dom[2]); /* nothing of it is left */
	dom[2] = more;
	assert_tables(true);
	/* The RID can be moved under its PASIDs, to another paging domain. */
	more = bench_domain();
	assert_int_equal(lz_attach(dev, more), LZ_OK);
	assert_int_equal(lz_domain_destroy(dom[0]), LZ_EBUSY); /* PASID 3 */
	dom[0] = more;
	assert_tables(true);
	lz_detach_pasid(dev, 3);
	bench_destroy(dom[3]);
	dom[3] = NULL;
	assert_tables(true);
	assert_int_equal(lz_domain_create(b->iommu, LZ_DOMAIN_IDENTITY, NULL, NULL, &more), LZ_OK);
	assert_int_equal(lz_attach(dev, more), LZ_EBUSY);
	assert_int_equal(lz_attach_pasid(dev, 3, more), LZ_EINVAL);
	bench_destroy(more);
	assert_int_equal(lz_domain_create(b->iommu, LZ_DOMAIN_BLOCKING, NULL, NULL, &more), LZ_OK);
	assert_int_equal(lz_attach_pasid(dev, 2, more), LZ_OK);
	bench_destroy(more);
	more = dom[2];
	dom[2] = NULL;
	assert_tables(true);
	bench_destroy(more);
	dom[2] = bench_domain();
	tear_down();
}

static void pasid_is_replaced_links_first(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, replace_body);
}

static void failure_body(struct bench *b)
{
	static const enum fake_op op[] = {OP_LINK, OP_INSTALL};
	struct lz_domain *more;
	unsigned links;

	set_up();
	more = bench_domain();
	lz_detach_pasid(dev, 3);
	dom[3] = NULL;
	for (unsigned i = 0; i < 2; i++) {
		for (uint32_t p = 2; p < 4; p++) { /* one that is replaced, and a new one */
			b->fake.fail[op[i]] = LZ_ENOMEM;
			b->fake.fail_count[op[i]] = 1;
			assert_int_equal(lz_attach_pasid(dev, p, more), LZ_ENOMEM);
			assert_tables(true);
		}
	}
	links = b->fake.count[OP_LINK];
	assert_int_equal(lz_attach_pasid(dev, 2, dom[2]), LZ_OK); /* as it is */
	assert_int_equal(b->fake.count[OP_LINK], links);
	bench_destroy(more);
	/* Of the failed PASID nothing is kept, so it can be had again. */
	assert_int_equal(lz_attach_pasid(dev, 3, dom[0]), LZ_OK);
	tear_down();
}

static void failed_attach_leaves_the_pasid_as_it_was(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, failure_body);
}

/* ---- blocked and back ---- */

static void back_body(struct bench *b)
{
	unsigned installs;
	int last;

	set_up();
	bench_break(dev, dom[0]);
	assert_tables(false); /* the core keeps what they should be */
	/* What is detached meanwhile stays so. */
	installs = b->fake.count[OP_INSTALL];
	lz_detach_pasid(dev, 1);
	assert_int_equal(lz_attach_pasid(dev, 1, dom[1]), LZ_EBUSY);
	assert_int_equal(b->fake.count[OP_INSTALL], installs);
	bench_destroy(dom[1]);
	dom[1] = NULL;
	reset();
	assert_tables(true);
	last = fake_find_last(&b->fake, OP_INSTALL);
	assert_int_equal(b->fake.count[OP_INSTALL], installs + 3);
	assert_int_equal(b->fake.call[last - 2].pasid, 0);
	assert_int_not_equal(b->fake.call[last - 2].block, 0);
	assert_int_equal(b->fake.call[last - 1].block, 0);
	assert_int_equal(b->fake.call[last].block, 0);
	dom[1] = bench_domain();
	tear_down();
}

static void h14_all_pasids_come_back_behind_the_rid(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, back_body);
}

static void half_back_body(struct bench *b)
{
	unsigned installs;

	set_up();
	bench_break(dev, dom[0]);
	installs = b->fake.count[OP_INSTALL];
	b->fake.fail[OP_INSTALL] = LZ_EIO;
	b->fake.fail_skip[OP_INSTALL] = 1; /* the RID comes back, the first PASID does not */
	b->fake.fail_count[OP_INSTALL] = 1;
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	fake_of(dev)->mute = false;
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_EIO);
	assert_int_equal(b->fake.count[OP_INSTALL], installs + 2);
	assert_true(dev->block & LZ_BLOCK_BROKEN);
	assert_int_equal(lz_group_recovery_count(g), 2);
	tear_down();
}

/* Nothing has recovered as long as a PASID is missing: it stays broken. */
static void h09_broken_until_the_last_pasid_is_back(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, half_back_body);
}

/* ---- held and skipped ---- */

static void many_body(struct bench *b)
{
	set_up();
	for (unsigned p = 0; p < 3; p++) {
		assert_int_equal(lz_map(dom[p], 0x1000, 0x1000, LZ_PAGE, LZ_READ), LZ_OK);
		assert_int_equal(lz_map(dom[p], 0x5000, 0x5000, LZ_PAGE, LZ_READ), LZ_OK);
	}
	fake_of(dev)->mute = true;
	/* Found by an invalidation in one of them; held in all. */
	assert_int_equal(lz_unmap(dom[2], 0x1000, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(dev->fence, LZ_FENCE_SUSPECT);
	assert_int_equal(lz_unmap(dom[1], 0x1000, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(lz_unmap(dom[0], 0x1000, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(b->n_released, 0);
	bench_settle();
	assert_int_equal(dev->fence, LZ_FENCE_FENCED);
	assert_int_equal(b->n_released, 3);
	/* Skipped in all, and its links are there for when it is back. */
	for (unsigned p = 0; p < 3; p++)
		assert_int_equal(lz_unmap(dom[p], 0x5000, LZ_PAGE), LZ_OK);
	assert_int_equal(b->n_detected, 1);
	reset();
	for (unsigned p = 0; p < 3; p++) {
		bench_sleep(LZ_SEC(1));
		assert_int_equal(lz_map(dom[p], 0x5000, 0x5000, LZ_PAGE, LZ_READ), LZ_OK);
		fake_of(dev)->mute = true;
		assert_int_equal(lz_unmap(dom[p], 0x5000, LZ_PAGE), LZ_IN_CUSTODY);
		bench_settle();
		reset();
	}
	assert_int_equal(b->n_detected, 4);
	tear_down();
}

static void h58_held_and_skipped_in_all_its_domains(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, many_body);
}

/* Two PASIDs are attached, replaced and detached at once, while the device resets. */
static void pasid_task(void *arg)
{
	uint32_t pasid = *(uint32_t *)arg;

	for (int i = 0; i < 5; i++) {
		enum lz_status r = lz_attach_pasid(dev, pasid, dom[i & 1]);

		if (r == LZ_OK)
			assert_ptr_equal(lz_attached(dev, pasid), dom[i & 1]);
		else
			assert_int_equal(r, LZ_EBUSY);
		bench_sleep(200);
		if (i == 2)
			lz_detach_pasid(dev, pasid);
	}
	while (lz_attach_pasid(dev, pasid, dom[pasid]) == LZ_EBUSY)
		bench_sleep(LZ_US(1));
}

static void reset_task(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++) {
		reset();
		bench_sleep(300);
	}
}

static void race_body(struct bench *b)
{
	static uint32_t pasid[2] = {1, 2};

	set_up();
	b->fake.delay = 100;
	bench_spawn("one", 1, pasid_task, &pasid[0]);
	bench_spawn("two", 2, pasid_task, &pasid[1]);
	bench_spawn("reset", 3, reset_task, NULL);
	bench_join();
	bench_settle();
	assert_tables(true);
	tear_down();
}

static void h54_pasids_change_at_once(void **s)
{
	(void)s;
	bench_seeds(100, race_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pasid_is_replaced_links_first),
		cmocka_unit_test(failed_attach_leaves_the_pasid_as_it_was),
		cmocka_unit_test(h14_all_pasids_come_back_behind_the_rid),
		cmocka_unit_test(h09_broken_until_the_last_pasid_is_back),
		cmocka_unit_test(h58_held_and_skipped_in_all_its_domains),
		cmocka_unit_test(h54_pasids_change_at_once),
	};

	return cmocka_run_group_tests_name("pasid", tests, NULL, NULL);
}
