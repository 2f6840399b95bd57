/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices and domains: what the core asks of the driver, put together. */
#include "drivers/template/template.h"

/* Ids into the index, entries made and aborting with effect, all memory taken. */
static enum lz_status device_add(struct lz_device *dev)
{
	(void)dev;
	return LZ_ENOTSUP;
}

/* Ids out of the index first: nobody new finds it (H25). */
static void device_remove(struct lz_device *dev)
{
	lz_suspect_leave(dev);
}

static enum lz_status domain_init(struct lz_domain_part *part)
{
	return part->dom->type == LZ_DOMAIN_PAGING ? LZ_ENOTSUP : LZ_OK;
}

static void domain_fini(struct lz_domain_part *part)
{
	(void)part;
}

/* drivers/common/links.h has the arrays. */
static enum lz_status link(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	(void)dev, (void)pasid, (void)part;
	return LZ_ENOTSUP;
}

static void unlink(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	(void)dev, (void)pasid, (void)part;
}

/* ATS off in good order, abort, the new table with effect, ATS on (H76). */
static enum lz_status install(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *new_,
			      struct lz_domain_part *old)
{
	(void)dev, (void)pasid, (void)new_, (void)old;
	return LZ_ENOTSUP;
}

/* An error that is held may be let pass now, and the queue tried at once. */
static void reset_succeeded(struct lz_device *dev)
{
	struct lz_tp *s = lz_tp_of(dev->iommu);

	lz_store32(&s->cmdq.ladder.retry, 1);
	lz_iommu_kick(dev->iommu);
}

/* The IOTLB with a sync, seen; then each ATC that is linked, with a sync (H95, H40).
 * Nothing but LZ_OK says that the memory may go. */
static enum lz_status invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
				 size_t granule)
{
	(void)part, (void)start, (void)end, (void)granule;
	return LZ_ETIMEDOUT;
}

static enum lz_status invalidate_all(struct lz_domain_part *part)
{
	(void)part;
	return LZ_ETIMEDOUT;
}

static struct lz_work_next work(struct lz_iommu *iommu)
{
	struct lz_tp *s = lz_tp_of(iommu);
	struct lz_work_next next = {LZ_NEVER, true};
	lz_ns again = LZ_NEVER;

	if (lz_load32(&iommu->dead)) {
		lz_settle_dead(iommu);
		return next;
	}
	if (lz_abort_ordered(iommu))
		return next;
	/* Errors that nobody has taken in yet: a bounded number of them. */
	if (lz_ladder(iommu, &s->cmdq, &s->cmdq.ladder, &again))
		next.queue_works = lz_load32(&iommu->dead) != 0;
	else if (!lz_identify(iommu, &next.due))
		next.queue_works = false;
	else
		lz_fence_retry(iommu);
	if (again < next.due)
		next.due = again;
	return next;
}

const struct lz_iommu_ops lz_tp_ops = {
	.faults = &lz_tp_fault_ops,
	.device_add = device_add,
	.device_remove = device_remove,
	.domain_init = domain_init,
	.domain_fini = domain_fini,
	.link = link,
	.unlink = unlink,
	.install = install,
	.block = lz_fence_block,
	.unfence = lz_fence_lift,
	.probe = lz_probe,
	.reset_succeeded = reset_succeeded,
	.accuse = lz_accuse_told,
	.invalidate = invalidate,
	.invalidate_all = invalidate_all,
	.work = work,
	.abort = lz_abort_order,
};
