/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain behind two IOMMUs. Device 0 is behind the first, 1 and 3 are behind the second.
 */
#include "rig.h"

static const struct rig_opts two = {.devs = 2, .iommus = 2};
/* The hardware says nothing for longer than a task waits. */
static const struct rig_opts late = {.devs = 4, .iommus = 2, .late = true};

static struct lz_domain *mapped(struct rig *r, unsigned unit, unsigned devices)
{
	struct lz_domain *dom = rig_domain_of(r, unit);

	for (unsigned i = 0; i < r->opt.devs; i++)
		if (devices >> i & 1)
			assert_int_equal(lz_attach(r->dev[i].dev, dom), LZ_OK);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 4 * LZ_PAGE, LZ_WRITE), LZ_OK);
	for (unsigned i = 0; i < r->opt.devs; i++)
		if (devices >> i & 1)
			assert_int_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	return dom;
}

static bool contained(struct rig *r)
{
	return rig_get(r->dev[0].told) > 0 && rig_idle(r);
}

/* One page table; what is unmapped is gone behind both. */
static void shared_body(struct rig *r)
{
	struct lz_domain *dom = mapped(r, 0, 3);

	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_REFUSED);
		assert_int_equal(rig_dma(r, i, RIG_IOVA + LZ_PAGE, true, NULL), RIG_TRANSLATED);
	}
	/* Nothing waits for the second any more when nobody is behind it. */
	lz_detach(r->dev[1].dev);
	assert_int_equal(rig_dma(r, 1, RIG_IOVA + LZ_PAGE, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_unmap(dom, RIG_IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA + LZ_PAGE, true, NULL), RIG_REFUSED);
	rig_drop(r, dom);
}

/* A5: released when the last of both has answered, and nobody reaches it then. */
static void on_release(struct rig *r, struct lz_domain *dom, lz_iova iova, size_t size)
{
	(void)dom;
	(void)size;
	assert_int_equal(iova, RIG_IOVA);
	for (unsigned i = 0; i < 2; i++)
		*(unsigned *)r->test += rig_dma(r, i, iova, true, NULL) != RIG_REFUSED;
}

static void dead_behind(struct rig *r, unsigned dead)
{
	struct lz_domain *dom = mapped(r, 0, 3);
	unsigned reached = 0;

	r->test = &reached;
	rig_fault(r, dead, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(lz_domain_wait(dom, LZ_SEC(60)), LZ_OK);
	assert_true(rig_until(r, rig_idle));
	assert_int_equal(rig_get(r->released), LZ_PAGE);
	assert_int_equal(reached, 0);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, (int)dead), 1);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, (int)!dead), 0);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, (int)!dead), 0);
	/* Who is behind the other one goes on. */
	assert_int_equal(rig_dma(r, !dead, RIG_IOVA + LZ_PAGE, true, NULL), RIG_TRANSLATED);
	assert_int_equal(rig_dma(r, dead, RIG_IOVA + LZ_PAGE, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_unmap(dom, RIG_IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	assert_int_equal(rig_dma(r, !dead, RIG_IOVA + LZ_PAGE, true, NULL), RIG_REFUSED);
	rig_drop(r, dom);
}

static void dead_behind_first_body(struct rig *r)
{
	dead_behind(r, 0);
}

static void dead_behind_second_body(struct rig *r)
{
	dead_behind(r, 1);
}

/* While the first waits for a dead device nothing of the second is held up, and what both
 * have waits for it. */
static void one_waits_body(struct rig *r)
{
	struct lz_domain *both = mapped(r, 0, 1u << 0 | 1u << 1);
	struct lz_domain *second = mapped(r, 1, 1u << 3);
	struct lz_custody c;

	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(both, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(lz_unmap(second, RIG_IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(rig_dma(r, 3, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_map(second, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	lz_domain_custody(both, &c);
	assert_int_equal(c.pages, 1);
	lz_domain_custody(second, &c);
	assert_int_equal(c.pages_max, 0);
	assert_int_equal(rig_get(r->released), 0);
	assert_true(rig_until(r, contained));
	assert_int_equal(rig_get(r->released), LZ_PAGE);
	rig_drop(r, both);
	rig_drop(r, second);
}

/* Neither can be taken away while a domain has a part in it. */
static void in_use_body(struct rig *r)
{
	struct lz_domain *dom = rig_domain_of(r, 1);

	assert_int_equal(lz_attach(r->dev[0].dev, dom), LZ_OK);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(iommu_remove(r->unit[i].iommu), LZ_EBUSY);
	rig_drop(r, dom);
}

static void shared_domain(void **state)
{
	(void)state;
	rig_run(&two, shared_body);
}

static void a_device_dies_behind_either(void **state)
{
	struct rig_opts opt = two;

	(void)state;
	opt.on_release = on_release;
	rig_run(&opt, dead_behind_first_body);
	rig_run(&opt, dead_behind_second_body);
}

static void one_waits_the_other_goes_on(void **state)
{
	(void)state;
	rig_run(&late, one_waits_body);
}

static void not_removed_while_in_use(void **state)
{
	(void)state;
	rig_run(&two, in_use_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_domain),
		cmocka_unit_test(a_device_dies_behind_either),
		cmocka_unit_test(one_waits_the_other_goes_on),
		cmocka_unit_test(not_removed_while_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
