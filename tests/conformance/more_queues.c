/* SPDX-License-Identifier: BSD-2-Clause */
/* An SMMUv3 with ECMDQs. */
#include "iommu.h"

const enum iommu_queues iommu_queues = IOMMU_ECMDQ;
