/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IOMMU of the small machine: what of its model and its driver
 * lazaret-model/iommu.h does not level, one table for each kind that there is. A scenario
 * chooses with `iommu`.
 */
#ifndef LZ_EXPLORE_RIG_IOMMU_H
#define LZ_EXPLORE_RIG_IOMMU_H

#include <stdbool.h>
#include <stdint.h>

#include "lazaret-model/board.h"
#include "lazaret/lazaret.h"

struct exr;
struct exr_unit;

enum exr_iommu { EXR_SMMUV3, EXR_RISCV };

struct exr_hardware {
	bool asks_with_ats; /* a probe after a reset needs ATS on in the entry */

	/* From the case: r->hw, and what else the model has. */
	void (*configure)(struct exr *r);
	/* u->board. False: out of memory. */
	bool (*create)(struct exr_unit *u, const struct lzm_bus *bus);
	uint32_t (*mmio_size)(const struct exr_unit *u);
	/* The freedom of regime `name` (NULL: that of the case), with this seed. r->hw.knobs
	 * is set already. */
	bool (*regime)(struct exr_unit *u, const char *name);
	/* NULL: there is no service failure. An error is reported, or not yet. */
	void (*fail)(struct exr_unit *u);
	bool (*error_is_raised)(struct exr_unit *u);

	/* The driver. */
	enum lz_status (*add)(struct exr_unit *u, uintptr_t mmio);
	enum lz_status (*remove)(struct lz_iommu *iommu);
	bool (*error_irq)(struct lz_iommu *iommu);
	bool (*fault_irq)(struct lz_iommu *iommu);
};

/* By enum exr_iommu. */
extern const struct exr_hardware exr_smmuv3, exr_riscv;
const struct exr_hardware *exr_hardware_of(unsigned iommu);

#endif
