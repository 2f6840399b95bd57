/* SPDX-License-Identifier: BSD-2-Clause */
/* Rungs of the ladder that are about devices, not about a queue. For any driver. */
#ifndef LZ_DRIVERS_RUNGS_H
#define LZ_DRIVERS_RUNGS_H

#include "core/driver.h"

/* A rung was tried; `dev` NULL: for all. */
void lz_rung_tell(struct lz_iommu *iommu, struct lz_device *dev, enum lz_rung rung,
		  enum lz_status st);
/*
 * Bus master and ATS off at each suspect, by policy translated requests blocked at the
 * port above; proof: config space reads back. Nobody can be exonerated any more, and the
 * suspects cannot be told apart: all are fenced, as assumed. In the work.
 */
void lz_rung_functions_off(struct lz_iommu *iommu);

#endif
