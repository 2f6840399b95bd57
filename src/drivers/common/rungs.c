/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done to suspects when no queue will say who it was. */
#include "drivers/common/rungs.h"

#include "pci/pci.h"

void lz_rung_tell(struct lz_iommu *iommu, struct lz_device *dev, enum lz_rung rung,
		  enum lz_status st)
{
	struct lz_event ev = {.kind = LZ_EV_ESCALATED,
			      .iommu = iommu,
			      .device = dev,
			      .status = st,
			      .evidence = dev ? LZ_EVIDENCE_ASSUMED : LZ_EVIDENCE_NONE,
			      .generation = dev ? lz_load32(&dev->generation) : 0,
			      .detail = rung};

	lz_emit(iommu->lz, &ev);
}

/* The port blocks translated requests of sound functions below it too. */
static void name_siblings(struct lz_device *dev)
{
	struct lz_iommu *iommu = dev->iommu;
	unsigned long flags = lz_spin_lock(&iommu->lock);

	for (struct lz_device *d = iommu->devices; d; d = d->next_in_iommu)
		if (d != dev && d->pci && d->pci->upstream == dev->pci->upstream &&
		    lz_load8(&d->ats_on))
			lz_rung_tell(iommu, d, LZ_RUNG_PORT_BLOCK, LZ_OK);
	lz_spin_unlock(&iommu->lock, flags);
}

static void one_off(struct lz_device *dev)
{
	enum lz_status st = LZ_ENOTSUP;

	if (dev->pci) {
		if (lz_pci_bus_master(dev->pci))
			lz_store32(&dev->function_off, 1);
		st = lz_pci_function_off(dev->pci);
	}
	lz_rung_tell(dev->iommu, dev, LZ_RUNG_FUNCTION_OFF, st);
	if (st == LZ_OK || !dev->pci || !(lz_load32(&dev->lz->policy) & LZ_POLICY_PORT_BLOCK))
		return;
	st = lz_pci_port_block(dev->pci, true);
	lz_store32(&dev->port_blocked, st == LZ_OK);
	lz_rung_tell(dev->iommu, dev, LZ_RUNG_PORT_BLOCK, st);
	if (st == LZ_OK)
		name_siblings(dev); /* H98 */
}

void lz_rung_functions_off(struct lz_iommu *iommu)
{
	struct lz_device *dev;

	while ((dev = lz_suspect_first(iommu)) != NULL) {
		struct lz_accusation a = lz_accusation_of(dev);
		enum lz_evidence evidence = a.evidence ? a.evidence : LZ_EVIDENCE_ASSUMED;

		if (lz_load32(&dev->generation) == a.gen)
			one_off(dev);
		lz_suspect_drop(dev, a.gen);
		if (lz_fence(dev, a.gen, evidence) != LZ_EBUSY)
			lz_report_broken(dev, a.gen, evidence);
		lz_device_put(dev);
	}
	lz_identify_end(iommu);
}
