/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters, times and the snapshot of the evidence. All of it is kept beside the
 * fault path: nothing depends on it, and nothing is allocated when a fault comes.
 */
#include "core/core.h"

void lz_raise_max(uint64_t *max, uint64_t v)
{
	uint64_t seen = lz_load64(max);

	while (seen < v && !lz_cas64(max, &seen, v))
		;
}

/* ---- time in custody ---- */

void lz_meter_add(struct lz_meter *m, uint64_t pages, lz_ns now)
{
	uint64_t before = m->pages;

	if (LZ_CONFIG_STATS) {
		m->rest += now > m->changed ? before * (now - m->changed) : 0;
		lz_store64(&m->page_us, m->page_us + m->rest / 1000);
		m->rest %= 1000;
		lz_store64(&m->changed, now);
	}
	lz_store64(&m->pages, before + pages);
	if (before + pages > m->pages_max && (int64_t)pages > 0)
		lz_store64(&m->pages_max, before + pages);
}

uint64_t lz_meter_page_us(const struct lz_meter *m, lz_ns now)
{
	uint64_t changed = lz_load64(&m->changed), pages = lz_load64(&m->pages);

	if (!LZ_CONFIG_STATS || now < changed)
		return lz_load64(&m->page_us);
	return lz_load64(&m->page_us) + pages * (now - changed) / 1000;
}

/* ---- the fence's way ---- */

void lz_accused_locked(struct lz_device *dev)
{
	lz_ns now = lz_now(dev->lz);

	lz_assert(lz_spin_held(&dev->fence_lock));
	dev->noticed = now + !now;
	if (!LZ_CONFIG_SNAPSHOT)
		return;
	*dev->snapshot = (struct lz_snapshot){
		.time = now,
		.generation = dev->generation,
		.stream = dev->streams[0],
	};
	dev->accused_ever = true;
}

void lz_acquitted_locked(struct lz_device *dev)
{
	lz_assert(lz_spin_held(&dev->fence_lock));
	dev->noticed = 0;
}

void lz_convicted_locked(struct lz_device *dev, enum lz_evidence evidence)
{
	lz_assert(lz_spin_held(&dev->fence_lock));
	lz_store8(&dev->evidence, (uint8_t)evidence);
	if (LZ_CONFIG_SNAPSHOT && dev->noticed)
		dev->snapshot->evidence = evidence;
}

void lz_fenced_locked(struct lz_device *dev)
{
	struct lz_iommu *iommu = dev->iommu;
	lz_ns now, took;

	lz_assert(lz_spin_held(&dev->fence_lock));
	lz_count32(&dev->n_fences);
	lz_count64(&iommu->n.fences);
	if (!dev->noticed)
		return; /* for a reset or a removal */
	now = lz_now(dev->lz);
	took = now - dev->noticed;
	dev->noticed = 0;
	if (LZ_CONFIG_SNAPSHOT)
		dev->snapshot->fenced = now;
	if (!LZ_CONFIG_STATS)
		return;
	lz_store64(&dev->fence_last, took);
	lz_raise_max(&dev->fence_max, took);
	lz_store64(&iommu->fence_last, took);
	lz_raise_max(&iommu->fence_max, took);
}

/* ---- waits ---- */

void lz_count_latency(struct lz_iommu *iommu, lz_ns took)
{
	unsigned n = took ? 63u - (unsigned)__builtin_clzll(took) : 0;

	lz_count64(&iommu->latency[n < LZ_LATENCY_BUCKETS ? n : LZ_LATENCY_BUCKETS - 1]);
}

/* ---- asking ---- */

void lz_device_stats_get(const struct lz_device *dev, struct lz_device_stats *out)
{
	*out = (struct lz_device_stats){
		.timeouts = lz_load32(&dev->timeouts),
		.probes = lz_load32(&dev->n_probes),
		.exonerations = lz_load32(&dev->n_exonerations),
		.fences = lz_load32(&dev->n_fences),
		.quarantines = lz_load32(&dev->n_quarantines),
		.recoveries = lz_load32(&dev->n_recoveries),
		.stale = lz_load32(&dev->n_stale),
		.slow = lz_load32(&dev->n_slow),
		.fence_last = lz_load64(&dev->fence_last),
		.fence_max = lz_load64(&dev->fence_max),
	};
}

void lz_iommu_stats_get(struct lz_iommu *iommu, struct lz_iommu_stats *out)
{
	lz_ns stalled;

	if (!LZ_CONFIG_STATS) {
		*out = (struct lz_iommu_stats){
			.custody_pages = lz_load64(&iommu->custody.pages),
			.custody_pages_max = lz_load64(&iommu->custody.pages_max),
		};
		return;
	}
	stalled = iommu->ops->stalled_for ? iommu->ops->stalled_for(iommu) : 0;
	*out = (struct lz_iommu_stats){
		.cmdq_errors = lz_load64(&iommu->n.cmdq_errors),
		.atc_timeouts = lz_load64(&iommu->n.atc_timeouts),
		.probes = lz_load64(&iommu->n.probes),
		.exonerations = lz_load64(&iommu->n.exonerations),
		.fences = lz_load64(&iommu->n.fences),
		.quarantines = lz_load64(&iommu->n.quarantines),
		.recoveries = lz_load64(&iommu->n.recoveries),
		.stale = lz_load64(&iommu->n.stale),
		.slow = lz_load64(&iommu->n.slow),
		.custody_pages = lz_load64(&iommu->custody.pages),
		.custody_pages_max = lz_load64(&iommu->custody.pages_max),
		.custody_page_us = lz_meter_page_us(&iommu->custody, lz_now(iommu->lz)),
		.fence_last = lz_load64(&iommu->fence_last),
		.fence_max = lz_load64(&iommu->fence_max),
		.stall_max = lz_load64(&iommu->stall_max),
	};
	if (stalled > out->stall_max)
		out->stall_max = stalled;
	for (unsigned i = 0; i < LZ_LATENCY_BUCKETS; i++)
		out->latency[i] = lz_load64(&iommu->latency[i]);
}

enum lz_status lz_device_snapshot(struct lz_device *dev, struct lz_snapshot *out)
{
	enum lz_status r = LZ_ENOTSUP;
	unsigned long flags;

	if (!LZ_CONFIG_SNAPSHOT)
		return r;
	flags = lz_spin_lock(&dev->fence_lock);
	r = dev->accused_ever ? LZ_OK : LZ_ENOENT;
	if (r == LZ_OK)
		*out = *dev->snapshot;
	lz_spin_unlock(&dev->fence_lock, flags);
	return r;
}
