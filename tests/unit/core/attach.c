/* SPDX-License-Identifier: BSD-2-Clause */
/* Attach and detach: the table of lazaret/domain.h, cell by cell. */
#include "tests/unit/core/bench.h"

static void links_come_first_body(struct bench *b)
{
	struct lz_group *g = bench_group(1);
	struct lz_device *dev = bench_device(g, 8, 1, NULL);
	struct lz_domain *one = bench_domain(), *two = bench_domain();

	assert_int_equal(lz_attach(dev, one), LZ_OK);
	assert_true(fake_find(&b->fake, OP_LINK, 0) < fake_find(&b->fake, OP_INSTALL, 0));
	assert_int_equal(lz_attach(dev, two), LZ_OK);
	assert_true(fake_find(&b->fake, OP_INSTALL, 1) < fake_find(&b->fake, OP_UNLINK, 0));
	assert_ptr_equal(lz_attached(dev, 0), two);
	assert_int_equal(lz_domain_destroy(one), LZ_OK);
	assert_int_equal(lz_domain_destroy(two), LZ_EBUSY);
	lz_detach(dev);
	assert_null(lz_attached(dev, 0));
	bench_destroy(two);
	bench_remove(dev, g);
}

static void attach_links_before_the_tables_point(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, links_come_first_body);
}

static void failed_attach_body(struct bench *b)
{
	struct lz_group *g = bench_group(1);
	struct lz_device *dev = bench_device(g, 8, 1, NULL);
	struct lz_domain *one = bench_domain(), *two = bench_domain();

	assert_int_equal(lz_attach(dev, one), LZ_OK);
	b->fake.stalled = true;
	assert_int_equal(lz_attach(dev, two), LZ_ETIMEDOUT);
	assert_ptr_equal(lz_attached(dev, 0), one);
	assert_ptr_equal(fake_of(dev)->table[0], one);
	b->fake.stalled = false;
	b->fake.fail[OP_LINK] = LZ_ENOMEM;
	b->fake.fail_count[OP_LINK] = 1;
	assert_int_equal(lz_attach(dev, two), LZ_ENOMEM);
	assert_ptr_equal(lz_attached(dev, 0), one);
	bench_destroy(two);
	lz_detach(dev);
	bench_destroy(one);
	bench_remove(dev, g);
}

static void attach_failure_leaves_the_old_one(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, failed_attach_body);
}

/* Broken: attach is refused, detach and the blocking domain change the pointer
 * only, an unmap is not held up. */
static void broken_body(struct bench *b)
{
	struct lz_group *g = bench_group(1);
	struct lz_device *dev = bench_device(g, 8, 1, NULL);
	struct lz_domain *one = bench_domain(), *two = bench_domain();
	unsigned installs;

	assert_int_equal(lz_attach(dev, one), LZ_OK);
	bench_break(dev, one);
	installs = b->fake.count[OP_INSTALL];
	assert_int_equal(lz_attach(dev, two), LZ_EBUSY);
	assert_int_equal(lz_attach(dev, one), LZ_EBUSY);
	assert_int_equal(lz_map(one, 0x1000, 0x1000, LZ_PAGE, LZ_READ), LZ_OK);
	assert_int_equal(lz_unmap(one, 0x1000, LZ_PAGE), LZ_OK);
	assert_ptr_equal(lz_attached(dev, 0), one);
	lz_detach(dev);
	assert_null(lz_attached(dev, 0));
	assert_int_equal(b->fake.count[OP_INSTALL], installs);
	bench_destroy(one);
	bench_destroy(two);
	bench_remove(dev, g);
}

static void attach_and_detach_of_a_broken_device(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, broken_body);
}

static void resetting_body(struct bench *b)
{
	struct lz_group *g = bench_group(1);
	struct lz_device *dev = bench_device(g, 8, 1, NULL);
	struct lz_domain *one = bench_domain(), *two = bench_domain();
	unsigned installs;

	assert_int_equal(lz_attach(dev, one), LZ_OK);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	installs = b->fake.count[OP_INSTALL];
	assert_int_equal(lz_attach(dev, two), LZ_EBUSY);
	lz_detach(dev);
	assert_int_equal(b->fake.count[OP_INSTALL], installs);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	/* H12: what the detach left is what the reset finds. */
	assert_null(fake_of(dev)->table[0]);
	bench_destroy(one);
	bench_destroy(two);
	bench_remove(dev, g);
}

static void h12_detach_during_a_reset_changes_the_pointer_only(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, resetting_body);
}

/* Suspect: a detach takes the memory into custody. */
static void suspect_body(struct bench *b)
{
	struct lz_group *g = bench_group(1);
	struct lz_device *dev = bench_device(g, 8, 1, NULL);
	struct lz_domain *dom = bench_domain(), *two = bench_domain();

	assert_int_equal(lz_attach(dev, dom), LZ_OK);
	b->fake.stalled = true;
	lz_detach(dev); /* cannot fail */
	assert_null(lz_attached(dev, 0));
	assert_int_equal(b->fake.count[OP_UNLINK], 0);
	assert_int_equal(lz_attach(dev, two), LZ_EBUSY); /* still leaving */
	assert_int_equal(lz_domain_destroy(dom), LZ_IN_CUSTODY);
	bench_settle();
	assert_int_equal(b->n_destroyed, 0);
	b->fake.stalled = false;
	bench_settle();
	assert_int_equal(b->n_destroyed, 1);
	assert_int_equal(b->fake.count[OP_UNLINK], 1);
	assert_int_equal(lz_attach(dev, two), LZ_OK);
	lz_detach(dev);
	bench_destroy(two);
	bench_remove(dev, g);
}

static void detach_without_effect_keeps_the_domain_in_custody(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, suspect_body);
}

static void group_body(struct bench *b)
{
	struct lz_group *g = bench_group(1);
	struct lz_device *sick = bench_device(g, 8, 1, NULL), *sound = bench_device(g, 16, 1, NULL);
	struct lz_domain *one = bench_domain(), *two = bench_domain();

	(void)b;
	assert_int_equal(lz_attach(sick, one), LZ_OK);
	assert_int_equal(lz_attach(sound, two), LZ_EBUSY);
	assert_int_equal(lz_attach(sound, one), LZ_OK);
	lz_detach(sound);
	bench_break(sick, one);
	assert_int_equal(lz_group_recovery_count(g), 1);
	assert_int_equal(lz_attach(sound, two), LZ_EBUSY);
	assert_int_equal(lz_attach(sound, one), LZ_OK);
	assert_int_equal(lz_device_remove(sound), LZ_OK);
	lz_detach(sick);
	bench_destroy(one);
	bench_destroy(two);
	bench_remove(sick, g);
}

static void group_is_in_one_domain(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, group_body);
}

static void pasid_body(struct bench *b)
{
	struct lz_group *g = bench_group(1);
	struct lz_device *dev = bench_device(g, 8, 1, NULL);
	struct lz_domain *one = bench_domain(), *two = bench_domain();

	assert_int_equal(lz_attach_pasid(dev, 1, two), LZ_EINVAL); /* no RID domain */
	assert_int_equal(lz_attach(dev, one), LZ_OK);
	assert_int_equal(lz_attach_pasid(dev, 4, two), LZ_EINVAL);
	assert_int_equal(lz_attach_pasid(dev, 0, two), LZ_EINVAL);
	assert_int_equal(lz_attach_pasid(dev, 1, two), LZ_OK);
	assert_int_equal(lz_attach_pasid(dev, 2, two), LZ_OK);
	assert_ptr_equal(lz_attached(dev, 1), two);
	lz_detach_pasid(dev, 1);
	assert_null(lz_attached(dev, 1));
	assert_int_equal(lz_domain_destroy(two), LZ_EBUSY);
	lz_detach(dev); /* the RID takes its PASIDs along */
	assert_null(lz_attached(dev, 2));
	assert_null(b->fake.device[0].table[2]);
	bench_destroy(one);
	bench_destroy(two);
	bench_remove(dev, g);
}

static void pasids_need_a_paging_domain_on_the_rid(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, pasid_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attach_links_before_the_tables_point),
		cmocka_unit_test(attach_failure_leaves_the_old_one),
		cmocka_unit_test(attach_and_detach_of_a_broken_device),
		cmocka_unit_test(h12_detach_during_a_reset_changes_the_pointer_only),
		cmocka_unit_test(detach_without_effect_keeps_the_domain_in_custody),
		cmocka_unit_test(group_is_in_one_domain),
		cmocka_unit_test(pasids_need_a_paging_domain_on_the_rid),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
