/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver to copy (docs/NEW_DRIVER.md): it compiles, finds no hardware, and refuses
 * every device and domain that it is asked for. Each operation says what belongs there;
 * none is ever wrong about custody meanwhile, since nothing is translated by it.
 */
#ifndef LZ_TEMPLATE_TEMPLATE_H
#define LZ_TEMPLATE_TEMPLATE_H

#include "core/driver.h"
#include "core/epoch.h"

/* Identification, with the section of the specification beside it. */
#define TP_ID	      0x0u
#define TP_ID_IS_OURS 0x4c5a5450u

struct lz_tp_queue {
	uint64_t published;	 /* position after the last command that hardware may fetch */
	uint32_t held_error;	 /* one is left for the ladder; atomic */
	struct lz_ladder ladder; /* work() only */
};

struct lz_tp {
	struct lz_iommu iommu; /* first */
	struct lz *lz;
	uintptr_t mmio;
	struct lz_spinlock err_lock; /* queue errors: marks, accusations */
	struct lz_tp_queue cmdq;
	struct lz_epoch readers; /* of invalidation arrays */
};

static inline struct lz_tp *lz_tp_of(struct lz_iommu *iommu)
{
	return (struct lz_tp *)iommu;
}

/* tp_faults.c */
extern const struct lz_fault_ops lz_tp_fault_ops;

/* tp_ops.c */
extern const struct lz_iommu_ops lz_tp_ops;

/* tp_probe.c: what a public header in include/lazaret/ declares */
/* LZ_ENOTSUP: there is no such IOMMU. Task context. */
enum lz_status lz_template_add(struct lz *lz, uintptr_t mmio, const char *name,
			       struct lz_iommu **out);
/* LZ_EBUSY while it has devices or domains. Task context. */
enum lz_status lz_template_remove(struct lz_iommu *iommu);

#endif
