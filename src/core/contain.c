/* SPDX-License-Identifier: BSD-2-Clause */
/* The work of an IOMMU: what the driver put off, then custody. */
#include "core/core.h"

static const struct lz_lock_class iommu_class = {"iommu", LZ_RANK_IOMMU};
static const struct lz_lock_class suspects_class = {"suspects", LZ_RANK_SUSPECTS};

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

static void enlist(struct lz_iommu *iommu)
{
	struct lz *lz = iommu->lz;
	unsigned long flags = lz_spin_lock(&lz->lock);

	iommu->next = lz->iommus;
	lz->iommus = iommu;
	lz_spin_unlock(&lz->lock, flags);
}

/* Its counters are the instance's from here on. */
static void keep_counts(struct lz *lz, const struct lz_iommu *iommu)
{
	struct lz_counts *sum = &lz->ended;
	const struct lz_counts *n = &iommu->n;

	sum->cmdq_errors += n->cmdq_errors;
	sum->atc_timeouts += n->atc_timeouts;
	sum->probes += n->probes;
	sum->exonerations += n->exonerations;
	sum->fences += n->fences;
	sum->quarantines += n->quarantines;
	sum->recoveries += n->recoveries;
	sum->stale += n->stale;
	sum->slow += n->slow;
	lz->ended_page_us += iommu->custody.page_us;
}

static void strike_off(struct lz_iommu *iommu)
{
	struct lz *lz = iommu->lz;
	unsigned long flags = lz_spin_lock(&lz->lock);
	struct lz_iommu **p = &lz->iommus;

	while (*p != iommu)
		p = &(*p)->next;
	*p = iommu->next;
	if (LZ_CONFIG_STATS)
		keep_counts(lz, iommu);
	lz_spin_unlock(&lz->lock, flags);
}

void lz_iommu_init(struct lz_iommu *iommu, struct lz *lz, const struct lz_iommu_ops *ops,
		   const char *name)
{
	size_t n = 0;

	*iommu = (struct lz_iommu){.ops = ops, .lz = lz, .backoff = BACKOFF_MIN, .sweep_pass = 1};
	for (; name && name[n] && n < sizeof(iommu->name) - 1; n++)
		iommu->name[n] = name[n];
	lz_spin_init(&iommu->lock, &iommu_class);
	lz_spin_init(&iommu->suspects.lock, &suspects_class);
	iommu->suspects.end = &iommu->suspects.first;
	lz_work_init(lz, &iommu->work, contain_run);
	enlist(iommu);
	lz_fetch_add32(&lz->n_iommus, 1);
}

enum lz_status lz_iommu_fini(struct lz_iommu *iommu)
{
	unsigned long flags = lz_spin_lock(&iommu->lock);
	bool empty = !iommu->devices && !iommu->n_parts;

	lz_spin_unlock(&iommu->lock, flags);
	if (!empty)
		return LZ_EBUSY;
	(void)lz_work_disable(&iommu->work); /* its queue entry holds nothing */
	strike_off(iommu);
	lz_fetch_add32(&iommu->lz->n_iommus, (uint32_t)-1);
	return LZ_OK;
}

void lz_iommu_kick(struct lz_iommu *iommu)
{
	lz_work_queue(&iommu->work, lz_now(iommu->lz));
}

/* ---- an operator's order ---- */

struct order {
	struct lz_iommu *iommu;
	uint32_t before;
};

static bool is_carried_out(void *arg)
{
	const struct order *o = arg;

	return lz_iommu_dead(o->iommu) || lz_load32_acquire(&o->iommu->aborts_tried) != o->before;
}

enum lz_status lz_iommu_abort(struct lz_iommu *iommu)
{
	struct order o = {iommu, lz_load32(&iommu->aborts_tried)};
	struct lz_event ev = {.kind = LZ_EV_ABORT_ORDERED, .iommu = iommu};
	struct lz *lz = iommu->lz;
	lz_ns until = lz_now(lz) + lz_gate_bound(lz);

	if (!LZ_CONFIG_OPERATOR)
		return LZ_ENOTSUP;
	if (lz_iommu_dead(iommu))
		return LZ_OK;
	lz_emit(lz, &ev);
	lz_log(lz, LZ_LOG_WARN, iommu->name, "IOMMU is switched off by an operator");
	iommu->ops->abort(iommu);
	lz_iommu_kick(iommu);
	/* The work may be under way elsewhere, or nobody else may run it. */
	while (!is_carried_out(&o) && lz_now(lz) < until) {
		(void)lz_poll(lz);
		(void)lz_wait(lz, is_carried_out, &o, lz_now(lz) + LZ_MS(1));
	}
	/* What is due now is for whoever polls: while we ran the work nobody else
	 * could see that it was queued again. */
	lz_iommu_kick(iommu);
	return lz_iommu_dead(iommu) ? LZ_OK : LZ_ETIMEDOUT;
}
