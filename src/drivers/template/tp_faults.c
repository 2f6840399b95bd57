/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core asks about a device that does not answer, and about a queue in which no
 * sync succeeds. With no queue and no device none of it is asked; every answer here is
 * one that lets nothing go.
 */
#include "drivers/template/template.h"

/* ---- asking ---- */

/* One batch, decided and published in one read section (H60). */
static enum lz_status probe_send(struct lz_device *dev, const struct lz_command *accused,
				 void *queue, struct lz_sync *sync, lz_ns *deadline)
{
	(void)dev, (void)accused, (void)queue, (void)sync, (void)deadline;
	return LZ_ETIMEDOUT;
}

static enum lz_status settle_send(struct lz_iommu *iommu, void *queue, struct lz_sync *sync,
				  lz_ns *deadline)
{
	(void)iommu, (void)queue, (void)sync, (void)deadline;
	return LZ_ETIMEDOUT;
}

static void settled(struct lz_iommu *iommu, const struct lz_sync *sync)
{
	(void)iommu, (void)sync;
}

/* Polls the position and the error together; the mark is always looked at (H32). */
static enum lz_answer await(struct lz_iommu *iommu, const struct lz_sync *sync, lz_ns *deadline)
{
	(void)iommu, (void)sync, (void)deadline;
	return LZ_ANSWER_REFUSED;
}

static bool held(struct lz_iommu *iommu, void *queue)
{
	(void)queue;
	return lz_load32(&lz_tp_of(iommu)->cmdq.held_error);
}

/* What still stands in the ring between the failed sync and the one before. */
static bool next_unanswered(struct lz_iommu *iommu, const struct lz_queue_error *e, uint64_t *at,
			    struct lz_unanswered *out)
{
	(void)iommu, (void)e, (void)at, (void)out;
	return false;
}

/* In the index of ids, with a reference taken under its lock (H25). */
static struct lz_device *find(struct lz_iommu *iommu, uint32_t id, const struct lz_device *after)
{
	(void)iommu, (void)id, (void)after;
	return NULL;
}

/* ---- fencing ---- */

static void grace(struct lz_iommu *iommu)
{
	lz_epoch_grace(iommu->lz, &lz_tp_of(iommu)->readers, iommu->name);
}

/* All entries of the device, whole words (H49). [fence_lock] */
static void ats_off(struct lz_device *dev)
{
	(void)dev;
}

static bool close_entries(struct lz_device *dev)
{
	(void)dev;
	return false;
}

static enum lz_status push_config(struct lz_device *dev)
{
	(void)dev;
	return LZ_ETIMEDOUT;
}

static bool fence_counts(struct lz_iommu *iommu)
{
	(void)iommu;
	return false;
}

/* ---- a queue in which no sync succeeds ---- */

static uint64_t head(struct lz_iommu *iommu, void *queue, bool *empty)
{
	struct lz_tp_queue *q = queue;

	(void)iommu;
	*empty = true;
	return lz_load64_acquire(&q->published);
}

static void stands(struct lz_iommu *iommu, void *queue, bool accuse)
{
	struct lz_event ev = {.kind = LZ_EV_QUEUE_STALLED, .iommu = iommu};

	(void)queue, (void)accuse;
	lz_emit(iommu->lz, &ev);
}

static void let_go(struct lz_iommu *iommu, void *queue)
{
	(void)queue;
	lz_store32(&lz_tp_of(iommu)->cmdq.held_error, 0);
}

/* Producers locked out, off, everything unsynced marked as failed (H94), on, everything
 * invalidated; the sync of that is the proof (H84). */
static enum lz_status restart(struct lz_iommu *iommu, void *queue)
{
	(void)iommu, (void)queue;
	return LZ_ETIMEDOUT;
}

static bool try_again(struct lz_iommu *iommu, void *queue)
{
	(void)iommu, (void)queue;
	return false;
}

/* With LZ_OK iommu.dead is set, the alert word says so, and the work is kicked. */
static enum lz_status abort_all(struct lz_iommu *iommu)
{
	(void)iommu;
	return LZ_ETIMEDOUT;
}

const struct lz_fault_ops lz_tp_fault_ops = {
	.probe_send = probe_send,
	.settle_send = settle_send,
	.settled = settled,
	.await = await,
	.held = held,
	.next_unanswered = next_unanswered,
	.find = find,
	.grace = grace,
	.ats_off = ats_off,
	.close = close_entries,
	.push_config = push_config,
	.fence_counts = fence_counts,
	.head = head,
	.stands = stands,
	.let_go = let_go,
	.restart = restart,
	.try_again = try_again,
	.abort_all = abort_all,
};
