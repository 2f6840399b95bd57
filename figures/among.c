/* SPDX-License-Identifier: BSD-2-Clause */
/* See among.h. */
#include "figures/among.h"

static struct {
	struct lz_group *group;
	struct lz_device *dev;
	struct lz_domain *dom;
} others[AMONG_MAX];
static unsigned oldest; /* whose turn it is */

static void must(bool ok)
{
	if (!ok)
		lz_port_panic("an operation failed", __FILE__, __LINE__);
}

static void add_device(struct flat *f, unsigned i)
{
	uint32_t sid = 0x8101 + i;
	struct lz_device_desc desc = {
		.name = "other", .iommu = f->iommu, .streams = &sid, .n_streams = 1};

	must(lz_device_add(others[i].group, &desc, &others[i].dev) == LZ_OK);
}

static void add_domain(struct flat *f, unsigned i)
{
	must(lz_domain_create(f->iommu, LZ_DOMAIN_PAGING, NULL, NULL, &others[i].dom) == LZ_OK);
}

void among_remove_add(struct flat *f, unsigned n)
{
	must(lz_device_remove(others[oldest].dev) == LZ_OK);
	add_device(f, oldest);
	oldest = (oldest + 1) % n;
}

void among_destroy_create(struct flat *f, unsigned n)
{
	must(lz_domain_destroy(others[oldest].dom) == LZ_OK);
	add_domain(f, oldest);
	oldest = (oldest + 1) % n;
}

void among_hold_sweep(struct flat *f)
{
	struct lz_device *dev = f->device[0].dev;

	must(lz_map(f->dom, FLAT_IOVA, 0x80000000u, LZ_PAGE, LZ_READ) == LZ_OK);
	(void)lz_fetch_add32(&f->iommu->alert, 1);
	lz_store8(&dev->fence, LZ_FENCE_SUSPECT);
	must(lz_unmap(f->dom, FLAT_IOVA, LZ_PAGE) == LZ_IN_CUSTODY);
	lz_store8(&dev->fence, LZ_FENCE_OPEN);
	(void)lz_fetch_add32(&f->iommu->alert, (uint32_t)-1);
	(void)lz_poll(f->lz);
	must(!lz_load32(&f->dom->in_custody));
}

void among_populate(struct flat *f, unsigned n)
{
	oldest = 0;
	for (unsigned i = 0; i < n; i++) {
		must(lz_group_create(f->lz, 1000 + i, &others[i].group) == LZ_OK);
		add_device(f, i);
		add_domain(f, i);
	}
}

void among_depopulate(struct flat *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		must(lz_device_remove(others[i].dev) == LZ_OK);
		must(lz_domain_destroy(others[i].dom) == LZ_OK);
		(void)lz_poll(f->lz);
		must(lz_group_destroy(others[i].group) == LZ_OK);
	}
}
