/* SPDX-License-Identifier: BSD-2-Clause */
/* Map, unmap, gather: what the table says and what devices see of it. */
#include "rig.h"

#define BLOCK	 (2u << 20)
#define BIG_IOVA 0x40000000ull
#define BIG_MEM	 0x200000000ull

static void page_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);
	uint64_t pa;

	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	assert_true(lz_iova_to_phys(dom, RIG_IOVA + 8, &pa));
	assert_true(pa == RIG_MEM + 8);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, &pa), RIG_TRANSLATED);
	assert_true(pa == RIG_MEM);
	assert_true(rig_dma_cached(r, 0));
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	assert_false(lz_iova_to_phys(dom, RIG_IOVA, &pa));
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	rig_drop(r, dom);
}

static void permissions_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_READ), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, false, NULL), RIG_TRANSLATED);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	rig_drop(r, dom);
}

static void block_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);
	uint64_t pa;

	assert_int_equal(lz_map(dom, BIG_IOVA, BIG_MEM, 2 * BLOCK + LZ_PAGE, LZ_WRITE), LZ_OK);
	for (uint64_t off = 0; off <= 2 * BLOCK; off += BLOCK / 2) {
		assert_int_equal(rig_dma(r, 0, BIG_IOVA + off, true, &pa), RIG_TRANSLATED);
		assert_true(pa == BIG_MEM + off);
	}
	/* Through the middle of a block: nothing happens. */
	assert_int_equal(lz_unmap(dom, BIG_IOVA, BLOCK + LZ_PAGE), LZ_EINVAL);
	assert_true(lz_iova_to_phys(dom, BIG_IOVA, &pa));
	assert_int_equal(lz_unmap(dom, BIG_IOVA + BLOCK, BLOCK), LZ_OK);
	assert_int_equal(rig_dma(r, 0, BIG_IOVA + BLOCK, true, NULL), RIG_REFUSED);
	assert_int_equal(rig_dma(r, 0, BIG_IOVA, true, NULL), RIG_TRANSLATED);
	assert_int_equal(lz_unmap(dom, BIG_IOVA, 2 * BLOCK + LZ_PAGE), LZ_OK);
	assert_false(rig_dma_cached(r, 0));
	rig_drop(r, dom);
}

static void errors_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);
	uint64_t pa;

	assert_int_equal(lz_map(dom, RIG_IOVA + 1, RIG_MEM, LZ_PAGE, LZ_READ), LZ_EINVAL);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM + 1, LZ_PAGE, LZ_READ), LZ_EINVAL);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 100, LZ_READ), LZ_EINVAL);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_ENOENT);
	assert_int_equal(lz_map(dom, RIG_IOVA + 2 * LZ_PAGE, RIG_MEM, LZ_PAGE, LZ_READ), LZ_OK);
	/* The third page is taken: the first two are not mapped either. */
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 4 * LZ_PAGE, LZ_READ), LZ_EEXIST);
	assert_false(lz_iova_to_phys(dom, RIG_IOVA, &pa));
	assert_int_equal(lz_unmap(dom, RIG_IOVA + 2 * LZ_PAGE, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void gather_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1), *other = rig_domain(r);
	struct lz_gather g = {0};

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, 16 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(lz_gather_sync(&g), LZ_OK); /* of nothing */
	for (unsigned i = 0; i < 16; i += 3)
		assert_int_equal(lz_unmap_gather(dom, RIG_IOVA + i * LZ_PAGE, LZ_PAGE, &g), LZ_OK);
	assert_int_equal(lz_unmap_gather(dom, RIG_IOVA, LZ_PAGE, &g), LZ_ENOENT);
	assert_int_equal(lz_unmap_gather(other, RIG_IOVA, LZ_PAGE, &g), LZ_EINVAL);
	assert_int_equal(lz_gather_sync(&g), LZ_OK);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rig_dma(r, 0, RIG_IOVA + i * LZ_PAGE, true, NULL),
				 i % 3 ? RIG_TRANSLATED : RIG_REFUSED);
	/* Free again. */
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	rig_drop(r, other);
	rig_drop(r, dom);
}

static void map_in_irq(void *arg)
{
	assert_int_equal(lz_map(arg, RIG_IOVA, RIG_MEM, 64 * LZ_PAGE, LZ_WRITE), LZ_OK);
}

/* atomic_wait may be too short for a loaded machine: then release() tells. */
static void irq_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);
	enum lz_status st;

	host_in_irq(map_in_irq, dom);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA + 63 * LZ_PAGE, true, NULL), RIG_TRANSLATED);
	st = rig_unmap_irq(dom, RIG_IOVA, 64 * LZ_PAGE);
	assert_true(st == LZ_OK || st == LZ_IN_CUSTODY);
	assert_int_equal(lz_domain_wait(dom, LZ_SEC(30)), LZ_OK);
	assert_true(rig_until(r, rig_idle));
	assert_int_equal(rig_get(r->released), st == LZ_OK ? 0 : 64 * LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, -1), 0);
	rig_drop(r, dom);
}

static void types_body(struct rig *r)
{
	struct lz_domain *identity, *blocking;
	uint64_t pa;

	assert_int_equal(
		lz_domain_create(r->unit[0].iommu, LZ_DOMAIN_IDENTITY, NULL, NULL, &identity),
		LZ_OK);
	assert_int_equal(
		lz_domain_create(r->unit[0].iommu, LZ_DOMAIN_BLOCKING, NULL, NULL, &blocking),
		LZ_OK);
	assert_int_equal(lz_map(identity, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_READ), LZ_EINVAL);
	assert_int_equal(lz_unmap(blocking, RIG_IOVA, LZ_PAGE), LZ_EINVAL);
	assert_true(lz_iova_to_phys(identity, 0x1234000, &pa) && pa == 0x1234000);
	assert_false(lz_iova_to_phys(blocking, 0x1234000, &pa));
	assert_int_equal(lz_attach(r->dev[0].dev, identity), LZ_OK);
	assert_int_not_equal(rig_dma(r, 0, RIG_IOVA, true, &pa), RIG_REFUSED);
	assert_true(pa == RIG_IOVA);
	assert_int_equal(lz_attach(r->dev[0].dev, blocking), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	lz_detach(r->dev[0].dev);
	rig_drop(r, identity);
	rig_drop(r, blocking);
}

static bool fault_seen(struct rig *r)
{
	return rig_get(r->faults) > 0;
}

/* Translation requests of ATS leave no record, so this device has none. */
static void record_body(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1);

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_READ), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, false, NULL), RIG_UNTRANSLATED);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA + LZ_PAGE, true, NULL), RIG_REFUSED);
	assert_true(rig_until(r, fault_seen));
	assert_true(r->last_fault.translation);
	assert_int_equal(r->last_fault.stream, r->dev[0].sid);
	assert_true(r->last_fault.iova == RIG_IOVA + LZ_PAGE);
	assert_true(r->last_fault.write);
	assert_false(r->last_fault.has_pasid);
	assert_int_equal(rig_count(r, LZ_EV_DMA_FAULT, -1), 1);
	rig_drop(r, dom);
}

static const struct rig_opts one = {.devs = 1}, without_ats = {.devs = 1, .no_ats = true};

static void one_page(void **state)
{
	(void)state;
	rig_run(&one, page_body);
}

static void permissions(void **state)
{
	(void)state;
	rig_run(&one, permissions_body);
}

static void blocks(void **state)
{
	(void)state;
	rig_run(&one, block_body);
}

static void errors_change_nothing(void **state)
{
	(void)state;
	rig_run(&one, errors_body);
}

static void gathers(void **state)
{
	(void)state;
	rig_run(&one, gather_body);
}

static void interrupt_context(void **state)
{
	(void)state;
	rig_run(&one, irq_body);
}

static void domain_types(void **state)
{
	(void)state;
	rig_run(&one, types_body);
}

static void fault_records_are_decoded(void **state)
{
	(void)state;
	rig_run(&without_ats, record_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_page),	cmocka_unit_test(permissions),
		cmocka_unit_test(blocks),	cmocka_unit_test(errors_change_nothing),
		cmocka_unit_test(gathers),	cmocka_unit_test(interrupt_context),
		cmocka_unit_test(domain_types), cmocka_unit_test(fault_records_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
