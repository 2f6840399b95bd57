/* SPDX-License-Identifier: BSD-2-Clause */
/* Attach, detach, PASIDs, removal, and the table of domain.h. */
#include "rig.h"

static struct lz_domain *blocking_domain(struct rig *r)
{
	struct lz_domain *dom;

	assert_int_equal(lz_domain_create(r->unit[0].iommu, LZ_DOMAIN_BLOCKING, NULL, NULL, &dom),
			 LZ_OK);
	return dom;
}

static void moves_body(struct rig *r)
{
	struct lz_domain *a = rig_domain(r), *b = rig_domain(r);
	struct lz_device *dev = r->dev[0].dev;
	uint64_t pa;

	assert_null(lz_attached(dev, LZ_NO_PASID));
	assert_false(lz_device_ats_active(dev));
	assert_int_equal(lz_map(a, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(lz_map(b, RIG_IOVA, RIG_MEM + LZ_PAGE, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_attach(dev, a), LZ_OK);
	assert_true(lz_device_ats_active(dev));
	assert_ptr_equal(lz_attached(dev, LZ_NO_PASID), a);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, &pa), RIG_TRANSLATED);
	assert_true(pa == RIG_MEM);
	assert_int_equal(lz_domain_destroy(a), LZ_EBUSY);
	/* What it cached of the first one is gone. */
	assert_int_equal(lz_attach(dev, b), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, &pa), RIG_TRANSLATED);
	assert_true(pa == RIG_MEM + LZ_PAGE);
	assert_int_equal(lz_attach(dev, b), LZ_OK);
	lz_detach(dev);
	assert_null(lz_attached(dev, LZ_NO_PASID));
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	lz_detach(dev);
	rig_drop(r, a);
	rig_drop(r, b);
}

static void shared_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 3);

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	lz_detach(r->dev[1].dev);
	assert_false(rig_dma_cached(r, 1));
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	assert_false(rig_dma_cached(r, 0));
	assert_false(rig_dma_cached(r, 2));
	rig_drop(r, dom);
}

/* ---- the table ---- */

static bool broken(struct rig *r)
{
	return rig_get(r->dev[0].told) > 0 && rig_idle(r);
}

static void fenced_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1), *other = rig_domain(r);
	struct lz_domain *none = blocking_domain(r);
	struct lz_device *dev = r->dev[0].dev;

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 2 * LZ_PAGE, LZ_WRITE), LZ_OK);
	lz_device_report_broken(dev);
	assert_true(rig_until(r, broken));
	assert_int_equal(rig_health(r, 0).fence, LZ_FENCE_FENCED);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_attach(dev, other), LZ_EBUSY);
	assert_ptr_equal(lz_attached(dev, LZ_NO_PASID), dom);
	/* Skipped, so nothing waits for it. */
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	/* Somebody else may join the domain. */
	assert_int_equal(lz_attach(r->dev[1].dev, dom), LZ_OK);
	assert_int_equal(rig_dma(r, 1, RIG_IOVA + LZ_PAGE, true, NULL), RIG_TRANSLATED);
	assert_int_equal(lz_attach(dev, none), LZ_OK);
	lz_detach(dev);
	assert_null(lz_attached(dev, LZ_NO_PASID));
	assert_int_equal(lz_attach(dev, dom), LZ_EBUSY);
	rig_drop(r, dom);
	rig_drop(r, other);
	rig_drop(r, none);
}

static void resetting_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1), *other = rig_domain(r);
	struct lz_device *dev = r->dev[0].dev;

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 2 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_string_equal(rig_health(r, 0).state, "resetting");
	assert_int_equal(rig_health(r, 0).generation & 1, 1);
	assert_int_equal(lz_attach(dev, other), LZ_EBUSY);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA + LZ_PAGE, true, NULL), RIG_REFUSED);
	lz_detach(dev);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	assert_null(lz_attached(dev, LZ_NO_PASID));
	assert_int_equal(rig_dma(r, 0, RIG_IOVA + LZ_PAGE, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_attach(dev, other), LZ_OK);
	rig_drop(r, other);
	rig_drop(r, dom);
}

/* ---- PASIDs ---- */

static void pasid_body(struct rig *r)
{
	struct lz_domain *rid = rig_domain(r), *dom = rig_domain(r);
	struct lz_device *dev = r->dev[0].dev;
	uint64_t pa;

	assert_int_equal(lz_attach_pasid(dev, 0, dom), LZ_EINVAL);
	assert_int_equal(lz_attach_pasid(dev, 1u << 8, dom), LZ_EINVAL);
	assert_int_equal(lz_attach(dev, rid), LZ_OK);
	assert_int_equal(lz_attach_pasid(dev, 5, dom), LZ_OK);
	assert_ptr_equal(lz_attached(dev, 5), dom);
	assert_null(lz_attached(dev, 6));
	assert_int_equal(lz_domain_destroy(dom), LZ_EBUSY);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 2 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma_pasid(r, 0, 5, RIG_IOVA + LZ_PAGE, &pa), RIG_TRANSLATED);
	assert_int_equal(pa, RIG_MEM + LZ_PAGE);
	assert_int_equal(rig_dma_pasid(r, 0, 6, RIG_IOVA + LZ_PAGE, NULL), RIG_REFUSED);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA + LZ_PAGE, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_unmap(dom, RIG_IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	assert_int_equal(rig_dma_pasid(r, 0, 5, RIG_IOVA + LZ_PAGE, NULL), RIG_REFUSED);
	/* A reset takes it, and brings it back (D). */
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_false(rig_may_use_pasids(r, 0));
	assert_int_equal(lz_reset_done(dev, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	assert_int_equal(rig_dma_pasid(r, 0, 5, RIG_IOVA, NULL), RIG_TRANSLATED);
	assert_int_equal(lz_pci_reset_flr(dev), LZ_OK);
	assert_ptr_equal(lz_attached(dev, 5), dom);
	assert_ptr_equal(lz_attached(dev, LZ_NO_PASID), rid);
	assert_int_equal(rig_dma_pasid(r, 0, 5, RIG_IOVA, NULL), RIG_TRANSLATED);
	lz_detach_pasid(dev, 5);
	assert_null(lz_attached(dev, 5));
	assert_int_equal(rig_dma_pasid(r, 0, 5, RIG_IOVA, NULL), RIG_REFUSED);
	rig_remove(r, 0);
	assert_false(rig_may_use_pasids(r, 0));
	rig_drop(r, dom);
	rig_drop(r, rid);
}

static void no_pasid_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);

	assert_int_equal(lz_attach_pasid(r->dev[0].dev, 1, dom), LZ_ENOTSUP);
	rig_drop(r, dom);
}

/* ---- without PCI ---- */

static void no_pci_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);
	struct lz_device *dev = r->dev[0].dev;

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_false(lz_device_ats_active(dev));
	assert_int_equal(lz_pci_can_flr(dev), LZ_ENOTSUP);
	assert_int_equal(lz_pci_reset_flr(dev), LZ_ENOTSUP);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_UNTRANSLATED);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_UNTRANSLATED);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	rig_drop(r, dom);
}

/* ---- removal ---- */

static void removal_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 2);

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	assert_int_equal(lz_group_destroy(r->dev[0].group), LZ_EBUSY);
	rig_remove(r, 0);
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(rig_dma(r, 1, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	rig_add(r, 0);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_attach(r->dev[0].dev, dom), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	assert_int_equal(rig_count(r, LZ_EV_REMOVED, 0), 1);
	rig_drop(r, dom);
}

/* A stream id belongs to one device. */
static void twice_body(struct rig *r)
{
	struct lz_device_desc desc = {.name = "again",
				      .iommu = r->unit[0].iommu,
				      .streams = &r->dev[0].sid,
				      .n_streams = 1};
	struct lz_device *dev;

	assert_int_equal(lz_device_add(r->dev[1].group, &desc, &dev), LZ_EEXIST);
	desc.n_streams = 0;
	assert_int_equal(lz_device_add(r->dev[1].group, &desc, &dev), LZ_EINVAL);
	assert_string_equal(rig_health(r, 0).state, "healthy");
}

static const struct rig_opts one = {.devs = 1, .hurry = 20}, three = {.devs = 3};

static void moves_between_domains(void **state)
{
	(void)state;
	rig_run(&one, moves_body);
}

static void domain_is_shared(void **state)
{
	(void)state;
	rig_run(&three, shared_body);
}

static void table_fenced(void **state)
{
	(void)state;
	rig_run(&three, fenced_body);
}

static void table_resetting(void **state)
{
	(void)state;
	rig_run(&one, resetting_body);
}

static void pasids(void **state)
{
	(void)state;
	rig_run(&(struct rig_opts){.devs = 1, .pasid_bits = 8, .hurry = 20}, pasid_body);
	rig_run(&one, no_pasid_body);
}

static void device_without_pci(void **state)
{
	(void)state;
	rig_run(&(struct rig_opts){.devs = 1, .no_pci = true}, no_pci_body);
}

static void removal(void **state)
{
	(void)state;
	rig_run(&three, removal_body);
}

static void streams_are_distinct(void **state)
{
	(void)state;
	rig_run(&three, twice_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_between_domains),
		cmocka_unit_test(domain_is_shared),
		cmocka_unit_test(table_fenced),
		cmocka_unit_test(table_resetting),
		cmocka_unit_test(pasids),
		cmocka_unit_test(device_without_pci),
		cmocka_unit_test(removal),
		cmocka_unit_test(streams_are_distinct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
