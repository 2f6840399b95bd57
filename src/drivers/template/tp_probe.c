/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the hardware, sets it up, and ends it. */
#include "drivers/template/template.h"

static const struct lz_lock_class err_class = {"tp.err", LZ_RANK_QUEUE_ERR};

/* Registers that read as nothing, or as all ones, are nobody's. */
static bool is_there(uintptr_t mmio)
{
	return lz_mmio_read32(mmio, TP_ID) == TP_ID_IS_OURS;
}

/* Rings and tables are allocated here, everything aborts from here on, the queue runs. */
static enum lz_status set_up(struct lz_tp *s)
{
	lz_spin_init(&s->err_lock, &err_class);
	s->iommu.traits = (struct lz_fault_traits){.timeout_ns = 0};
	return LZ_OK;
}

enum lz_status lz_template_add(struct lz *lz, uintptr_t mmio, const char *name,
			       struct lz_iommu **out)
{
	struct lz_tp *s;
	enum lz_status st;

	*out = NULL;
	if (!is_there(mmio))
		return LZ_ENOTSUP;
	s = lz_mem_alloc(lz, sizeof(*s));
	if (!s)
		return LZ_ENOMEM;
	lz_iommu_init(&s->iommu, lz, &lz_tp_ops, name);
	s->lz = lz;
	s->mmio = mmio;
	st = set_up(s);
	if (st != LZ_OK) {
		(void)lz_iommu_fini(&s->iommu);
		lz_mem_free(lz, s, sizeof(*s));
		return st;
	}
	*out = &s->iommu;
	return LZ_OK;
}

enum lz_status lz_template_remove(struct lz_iommu *iommu)
{
	struct lz_tp *s = lz_tp_of(iommu);
	enum lz_status st = lz_iommu_fini(iommu);

	/* The hardware is switched off here, everything aborting. */
	if (st == LZ_OK)
		lz_mem_free(s->lz, s, sizeof(*s));
	return st;
}
