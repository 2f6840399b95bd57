/* SPDX-License-Identifier: BSD-2-Clause */
/* The work of an IOMMU: what the driver put off, then custody. */
#include "core/core.h"

static const struct lz_lock_class iommu_class = {"iommu", LZ_RANK_IOMMU};

#define BACKOFF_MIN LZ_MS(1)
#define BACKOFF_MAX LZ_MS(100)

static void contain_run(struct lz_work *w)
{
	struct lz_iommu *iommu = lz_container(w, struct lz_iommu, work);
	struct lz_work_next next = {.due = LZ_NEVER, .queue_works = true};
	bool remains;

	if (iommu->ops->work)
		next = iommu->ops->work(iommu);
	remains = next.queue_works || lz_iommu_dead(iommu) ? lz_custody_sweep(iommu)
							   : lz_custody_any(iommu);
	if (remains) {
		lz_ns due = lz_now(iommu->lz) + iommu->backoff;

		iommu->backoff =
			iommu->backoff * 2 < BACKOFF_MAX ? iommu->backoff * 2 : BACKOFF_MAX;
		if (due < next.due)
			next.due = due;
	} else {
		iommu->backoff = BACKOFF_MIN;
	}
	if (next.due != LZ_NEVER)
		lz_work_queue(&iommu->work, next.due);
}

void lz_iommu_init(struct lz_iommu *iommu, struct lz *lz, const struct lz_iommu_ops *ops,
		   const char *name)
{
	size_t n = 0;

	*iommu = (struct lz_iommu){.ops = ops, .lz = lz, .backoff = BACKOFF_MIN, .sweep_pass = 1};
	for (; name && name[n] && n < sizeof(iommu->name) - 1; n++)
		iommu->name[n] = name[n];
	lz_spin_init(&iommu->lock, &iommu_class);
	lz_work_init(lz, &iommu->work, contain_run);
	lz_fetch_add32(&lz->n_iommus, 1);
}

enum lz_status lz_iommu_fini(struct lz_iommu *iommu)
{
	unsigned long flags = lz_spin_lock(&iommu->lock);
	bool empty = !iommu->devices && !iommu->domains;

	lz_spin_unlock(&iommu->lock, flags);
	if (!empty)
		return LZ_EBUSY;
	(void)lz_work_disable(&iommu->work); /* its queue entry holds nothing */
	lz_fetch_add32(&iommu->lz->n_iommus, (uint32_t)-1);
	return LZ_OK;
}

void lz_iommu_kick(struct lz_iommu *iommu)
{
	lz_work_queue(&iommu->work, lz_now(iommu->lz));
}
