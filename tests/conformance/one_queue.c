/* SPDX-License-Identifier: BSD-2-Clause */
/* An SMMUv3 with its own command queue only. */
#include "iommu.h"

const enum iommu_queues iommu_queues = IOMMU_ONE_QUEUE;
