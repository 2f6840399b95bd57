/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may hold translations of a domain: the arrays are those of drivers/common/links.h. */
#include "drivers/smmuv3/smmu.h"

void lz_smmu_grace(struct lz_smmu *s)
{
	lz_epoch_grace(s->lz, &s->readers, s->iommu.name);
}

static bool holds_translations(const struct lz_device *dev, const struct lz_domain_part *part)
{
	return part->dom->type == LZ_DOMAIN_PAGING && dev->ats_capable;
}

static struct lz_link_change change(struct lz_device *dev, uint32_t pasid)
{
	return (struct lz_link_change){
		.dev = dev,
		.pasid = pasid,
		.streams = lz_load32(&lz_smmu_dev_of(dev)->answers),
		.command = lz_smmu_cmd_atc0,
		.readers = &lz_smmu_of(dev->iommu)->readers,
	};
}

enum lz_status lz_smmu_link(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	struct lz_link_change c = change(dev, pasid);
	struct lz_smmu_domain *sdom = part->drv;

	return holds_translations(dev, part) ? lz_links_add(&sdom->links, &c) : LZ_OK;
}

/* It was put in for what it answered then, which may be more: all of its ids go. */
void lz_smmu_unlink(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part)
{
	struct lz_link_change c = change(dev, pasid);
	struct lz_smmu_domain *sdom = part->drv;

	if (holds_translations(dev, part))
		lz_links_take(&sdom->links, &c);
}
