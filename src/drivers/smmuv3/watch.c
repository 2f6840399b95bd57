/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching: how long waits took, how long the queue stood still, who is slow, and
 * what everything looked like when a device was accused. Nothing here decides
 * anything, and nothing of it runs before a waiter's first look at CONS has failed.
 */
#include "drivers/smmuv3/smmu.h"

/* ---- the queue ---- */

void lz_smmu_stall_since(struct lz_smmu_queue *q, uint64_t cons, lz_ns since)
{
	uint64_t at = lz_load64(&q->ring.stalled_at), none = 0;

	if (at && at != cons + 1)
		lz_smmu_stall_over(q, since); /* it has moved in between */
	(void)lz_cas64(&q->stalled_since, &none, since);
}

void lz_smmu_stall_over(struct lz_smmu_queue *q, lz_ns now)
{
	uint64_t since = LZ_CONFIG_STATS ? lz_load64(&q->stalled_since) : 0;

	if (since && lz_cas64(&q->stalled_since, &since, 0) && now > since)
		lz_raise_max(&q->smmu->iommu.stall_max, now - since);
}

static lz_ns queue_stalled_for(struct lz_smmu_queue *q)
{
	lz_ns since = lz_load64(&q->stalled_since), now = lz_now(q->smmu->lz);

	if (!since || now < since || lz_smmu_queue_cons(q) + 1 != lz_load64(&q->ring.stalled_at))
		return 0;
	return now - since;
}

lz_ns lz_smmu_stalled_for(struct lz_iommu *iommu)
{
	struct lz_smmu *s = lz_smmu_of(iommu);
	lz_ns longest = queue_stalled_for(&s->cmdq);

	for (unsigned i = 0; LZ_CONFIG_LANES && i < s->n_lanes; i++) {
		lz_ns here = queue_stalled_for(&s->lanes[i]);

		longest = here > longest ? here : longest;
	}
	return longest;
}

/* ---- who is slow ---- */

/* The batch of the sync at `pos`: its first command, or UINT64_MAX when the slots
 * may have been used again meanwhile. */
static uint64_t batch_of(struct lz_smmu_queue *q, uint64_t pos)
{
	uint64_t first = pos;

	while (first && pos - first < q->ring.guard &&
	       lz_smmu_cmd_op(lz_dma_load64(lz_ring_slot(&q->ring, first - 1))) != SMMU_OP_SYNC)
		first--;
	lz_dma_rmb();
	return (lz_load64(&q->ring.tail) & ~LZ_RING_FROZEN) - first <= q->ring.size ? first
										    : UINT64_MAX;
}

static void warn(struct lz_smmu *s, struct lz_device *dev, lz_ns took, bool alone)
{
	lz_ns now = lz_now(s->lz);
	uint64_t before = lz_load64(&dev->slow_at);
	struct lz_event ev = {
		.kind = LZ_EV_SLOW,
		.device = dev,
		.iommu = &s->iommu,
		.generation = lz_load32(&dev->generation),
		.evidence = alone ? LZ_EVIDENCE_NAMED : LZ_EVIDENCE_ASSUMED,
		.detail = took,
	};

	lz_count32(&dev->n_slow);
	if ((before && now - before < s->lz->cfg.slow_window) ||
	    !lz_cas64(&dev->slow_at, &before, now))
		return;
	lz_emit(s->lz, &ev);
	lz_log_limited(s->lz, &s->iommu.notices, LZ_LOG_WARN, dev->name,
		       "ATC invalidate took %llu us%s", (unsigned long long)(took / 1000),
		       alone ? "" : " (or that of another device of the same batch)");
}

static void warn_of_batch(struct lz_smmu_queue *q, uint64_t first, uint64_t pos, lz_ns took)
{
	struct lz_smmu *s = q->smmu;
	uint32_t sid[LZ_RING_GUARD_MAX];
	unsigned n = 0;

	for (uint64_t p = first; p < pos; p++) {
		uint64_t w0 = lz_dma_load64(lz_ring_slot(&q->ring, p));
		uint32_t id = lz_smmu_cmd_sid(w0);

		if (lz_smmu_cmd_op(w0) == SMMU_OP_ATC_INV && (!n || sid[n - 1] != id))
			sid[n++] = id;
	}
	if (!n || batch_of(q, pos) != first)
		return;
	lz_count64(&s->iommu.n.slow);
	for (unsigned i = 0; i < n; i++) {
		struct lz_smmu_dev *sd = lz_smmu_sid_get(s, sid[i], NULL);

		if (!sd)
			continue;
		warn(s, sd->dev, took, n == 1);
		lz_device_put(sd->dev);
	}
}

/* Only what CONS stood at counts: a wait for somebody else's sync in front says
 * nothing about this batch. */
static void look_for_slow(struct lz_smmu_queue *q, uint64_t pos, uint64_t from, lz_ns stood)
{
	lz_ns slow = lz_load64(&q->smmu->lz->slow);
	enum lz_mark mark;
	uint64_t first;

	if (!slow || stood < slow)
		return;
	mark = lz_ring_get_mark(&q->ring, pos);
	first = batch_of(q, pos);
	if (from >= first && from <= pos && (mark == LZ_MARK_NONE || mark == LZ_MARK_ABANDONED))
		warn_of_batch(q, first, pos, stood);
}

/* ---- a waiter ---- */

void lz_smmu_watch_begin(struct lz_smmu_queue *q, struct lz_smmu_watch *w)
{
	w->began = w->since = lz_now(q->smmu->lz);
	w->cons = w->from = lz_smmu_queue_cons(q);
	w->stood = 0;
}

void lz_smmu_watch_moved(struct lz_smmu_queue *q, struct lz_smmu_watch *w, uint64_t cons)
{
	lz_ns now = lz_now(q->smmu->lz);

	w->from = w->cons;
	w->stood = now - w->since;
	lz_raise_max(&q->smmu->iommu.stall_max, w->stood);
	w->cons = cons;
	w->since = now;
}

void lz_smmu_watch_end(struct lz_smmu_queue *q, struct lz_smmu_watch *w, uint64_t pos, bool done)
{
	lz_ns now;

	if (pos == SMMU_NO_BATCH)
		return;
	now = lz_now(q->smmu->lz);
	lz_count_latency(&q->smmu->iommu, now - w->began);
	if (!done) { /* it stands there still */
		w->from = w->cons;
		w->stood = now - w->since;
		lz_raise_max(&q->smmu->iommu.stall_max, w->stood);
	}
	look_for_slow(q, pos, w->from, w->stood);
}

/* ---- the evidence ---- */

static void copy_entry(const struct lz_smmu_dev *sd, uint64_t to[8])
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = lz_dma_load64(&sd->ste[0][i]);
}

/* What stands between the failed sync and the one before. */
static void copy_batch(struct lz_smmu_queue *q, uint64_t pos, struct lz_snapshot *to)
{
	uint64_t first = pos;

	while (first && pos - first < q->ring.guard) {
		const uint64_t *slot = lz_ring_slot(&q->ring, first - 1);

		if (lz_smmu_cmd_op(lz_dma_load64(&slot[0])) == SMMU_OP_SYNC ||
		    lz_ring_get_mark(&q->ring, first - 1) != LZ_MARK_NONE)
			break;
		first--;
	}
	if (pos - first > LZ_SNAPSHOT_COMMANDS) {
		to->n_left_out = (unsigned)(pos - first - LZ_SNAPSHOT_COMMANDS);
		first = pos - LZ_SNAPSHOT_COMMANDS;
	}
	for (; first < pos; first++) {
		const uint64_t *slot = lz_ring_slot(&q->ring, first);

		to->command[to->n_commands][0] = lz_dma_load64(&slot[0]);
		to->command[to->n_commands++][1] = lz_dma_load64(&slot[1]);
	}
}

void lz_smmu_snapshot_before(struct lz_device *dev, const struct lz_sync *failed)
{
	struct lz_snapshot *to = dev->snapshot;
	struct lz_smmu *s = lz_smmu_of(dev->iommu);
	struct lz_smmu_queue *q = failed ? failed->queue : &s->cmdq;

	to->prod = lz_mmio_read32(q->prod, SMMU_CMDQ_PROD);
	to->cons = lz_mmio_read32(q->cons, SMMU_CMDQ_CONS);
	to->error = lz_smmu_read32(s, SMMU_GERROR);
	to->error_ack = lz_smmu_read32(s, SMMU_GERRORN);
	copy_entry(lz_smmu_dev_of(dev), to->entry_before);
	if (failed)
		copy_batch(q, failed->pos, to);
}

void lz_smmu_snapshot_after(struct lz_device *dev)
{
	copy_entry(lz_smmu_dev_of(dev), dev->snapshot->entry_after);
}
