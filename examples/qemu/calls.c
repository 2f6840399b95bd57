/* SPDX-License-Identifier: BSD-2-Clause */
#include "calls.h"

#include "lazaret/device.h"
#include "lazaret/domain.h"
#include "lazaret/smmuv3.h"

#define BASE   0x40000000ull
#define MEMORY 0x80000000ull /* is mapped, never touched */
#define BLOCK  0x200000ull

static struct lz *lz;
static struct lz_iommu *iommu;
static struct lz_group *group;
static struct lz_device *dev;
static struct lz_domain *dom, *other;
static enum lz_status first;
static void (*before)(void);

/* Marks the call, and makes it unless one has failed already. */
#define CALL(call) (before(), first == LZ_OK ? (void)(first = (call)) : (void)0)

static void mapping(lz_iova iova, size_t size)
{
	CALL(lz_map(dom, iova, MEMORY, size, LZ_READ | LZ_WRITE));
	CALL(lz_unmap(dom, iova, size));
}

static void mappings(void)
{
	struct lz_gather gather = {0};

	mapping(BASE, LZ_PAGE);
	mapping(BASE, 5 * LZ_PAGE);	    /* page by page */
	mapping(BASE, 24 * LZ_PAGE);	    /* as a range */
	mapping(BASE, 45 * LZ_PAGE);	    /* a range that is no power of two */
	mapping(BASE, BLOCK);		    /* a block */
	mapping(BASE, BLOCK + 3 * LZ_PAGE); /* and pages */
	CALL(lz_map(dom, BASE, MEMORY, 4 * LZ_PAGE, LZ_READ));
	CALL(lz_unmap_gather(dom, BASE, LZ_PAGE, &gather));
	CALL(lz_unmap_gather(dom, BASE + 2 * LZ_PAGE, LZ_PAGE, &gather));
	CALL(lz_gather_sync(&gather));
	CALL(lz_unmap(dom, BASE, 4 * LZ_PAGE));
}

static void attachments(void)
{
	CALL(lz_attach(dev, dom));
	mappings();
	CALL(lz_attach(dev, other));
	CALL(lz_attach(dev, dom));
	CALL(lz_device_block(dev));
	CALL(lz_device_clear(dev));
	before();
	lz_detach(dev);
}

static void with_smmu(void)
{
	static const uint32_t streams[] = {CALLS_STREAM_A, CALLS_STREAM_B};
	struct lz_device_desc desc = {
		.name = "nobody", .iommu = iommu, .streams = streams, .n_streams = 2};

	CALL(lz_group_create(lz, 0, &group));
	CALL(lz_device_add(group, &desc, &dev));
	CALL(lz_domain_create(iommu, LZ_DOMAIN_PAGING, NULL, NULL, &dom));
	CALL(lz_domain_create(iommu, LZ_DOMAIN_IDENTITY, NULL, NULL, &other));
	if (first == LZ_OK)
		attachments();
	CALL(lz_domain_destroy(dom));
	CALL(lz_domain_destroy(other));
	CALL(lz_device_remove(dev));
	CALL(lz_group_destroy(group));
	before();
	(void)lz_poll(lz);
	CALL(lz_smmuv3_remove(iommu));
}

enum lz_status calls_run(const struct lz_port *port, uintptr_t mmio, void (*mark)(void))
{
	struct lz_smmuv3_desc desc = {.name = "smmu0", .mmio = mmio, .coherent = true};
	struct lz_config cfg;

	before = mark;
	lz_config_default(&cfg);
	first = lz_init(port, &cfg, &lz);
	if (first != LZ_OK)
		return first;
	CALL(lz_smmuv3_add(lz, &desc, &iommu));
	if (first == LZ_OK)
		with_smmu();
	CALL(lz_fini(lz));
	return first;
}
