/* SPDX-License-Identifier: BSD-2-Clause */
/* A RISC-V IOMMU with device contexts of 32 bytes. */
#include "iommu.h"

const bool iommu_msi_flat = false;
