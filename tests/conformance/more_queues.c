/* SPDX-License-Identifier: BSD-2-Clause */
/* An SMMUv3 with ECMDQs. */
#include "iommu.h"

const bool iommu_ecmdq = true;
