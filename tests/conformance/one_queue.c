/* SPDX-License-Identifier: BSD-2-Clause */
/* An SMMUv3 with its own command queue only. */
#include "iommu.h"

const bool iommu_ecmdq = false;
