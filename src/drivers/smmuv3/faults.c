/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core's identification and fence ask of this driver (core/faults.h):
 * probes and settling syncs, and EATS off in every entry of a device with effect.
 *
 * With CR0.ATSCHK acknowledged, translated traffic of a stream whose EATS is
 * off aborts (section 3.9.1); without it clearing EATS stops nothing (H75).
 */
#include "drivers/smmuv3/smmu.h"

/* ---- asking ---- */

/* One for each id whose invalidations it answers. */
static uint32_t flush_commands(struct lz_smmu_dev *sd, struct lz_command *cmd, uint32_t ssid)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < sd->dev->n_streams; i++)
		if (lz_smmu_answers(sd, i))
			cmd[n++] = (struct lz_command){
				{lz_smmu_cmd_atc0(sd->dev->streams[i], ssid), SMMU_ATC1_ALL}};
	return n;
}

static uint32_t probe_commands(struct lz_smmu_dev *sd, const struct lz_smmu_queue *q,
			       struct lz_command *cmd, const struct lz_command *accused)
{
	uint32_t n = 0;

	/* A very small queue has room for the one that matters only. */
	if (accused && sd->dev->n_streams < q->ring.guard)
		cmd[n++] = (struct lz_command){{accused->w[0], accused->w[1]}};
	return n + flush_commands(sd, cmd + n, 0);
}

/* LZ_EBUSY: its fence is beyond `most`. Decided and published in one read section,
 * which fence and reset wait for: none is sent to who is fenced (H60). */
static enum lz_status submit_atc(struct lz_smmu_dev *sd, struct lz_smmu_queue *q,
				 const struct lz_command *cmd, uint32_t n, struct lz_sync *sync,
				 lz_ns *deadline, enum lz_fence_state most)
{
	enum lz_status st;

	sync->queue = q;
	do {
		struct lz_epoch_section section = lz_epoch_enter(&sd->smmu->readers);

		st = lz_load8_acquire(&sd->dev->fence) > most
			     ? LZ_EBUSY
			     : lz_ring_try_atc(q->smmu->lz, &q->ring, cmd, n, &sync->pos);
		lz_epoch_leave(&sd->smmu->readers, section);
		if (st != LZ_ELIMIT)
			return st;
		st = lz_smmu_queue_wait_room(q, n + 1, deadline);
	} while (st == LZ_OK);
	return st;
}

static bool nobody_asks(void *arg)
{
	return lz_load32(arg) == 0;
}

static bool begin_asking(struct lz_smmu_queue *q, lz_ns *deadline)
{
	uint32_t none = 0;

	while (!lz_cas32(&q->asking, &none, 1)) {
		if (!*deadline)
			*deadline = lz_smmu_deadline(q->smmu);
		if (!lz_wait(q->smmu->lz, nobody_asks, &q->asking, *deadline))
			return false;
		none = 0;
	}
	return true;
}

/* Has everything been consumed that is in the queue now? Its end is somebody's sync. */
static bool is_our_turn(struct lz_smmu_queue *q, lz_ns *deadline)
{
	uint64_t end = lz_load64_acquire(&q->ring.published), last = end - 1;

	return !end || lz_smmu_queue_wait(q, last, deadline) != LZ_ETIMEDOUT ||
	       lz_smmu_queue_look(q, last) != LZ_EBUSY;
}

/* Not into a queue that stands: see lz_probe() (H60). One at a time, from looking to
 * asking: of many who see it move on at once the first may bring it to a stand again. */
static enum lz_status submit_in_turn(struct lz_smmu_dev *sd, struct lz_smmu_queue *q,
				     const struct lz_command *cmd, uint32_t n, struct lz_sync *sync,
				     lz_ns *deadline, enum lz_fence_state most)
{
	enum lz_status st = LZ_ETIMEDOUT;

	if (!begin_asking(q, deadline))
		return st;
	if (is_our_turn(q, deadline))
		st = submit_atc(sd, q, cmd, n, sync, deadline, most);
	lz_store32_release(&q->asking, 0);
	return st;
}

/* Not in a lane that was given up, whoever was accused there. */
static struct lz_smmu_queue *ask_in(struct lz_smmu *s, void *queue)
{
	struct lz_smmu_queue *q = queue;

	return q && !lz_smmu_lane_is_lost(q) ? q : lz_smmu_lane_pick(s);
}

static enum lz_status probe_send(struct lz_device *dev, const struct lz_command *accused,
				 void *queue, struct lz_sync *sync, lz_ns *deadline)
{
	struct lz_smmu_dev *sd = lz_smmu_dev_of(dev);
	struct lz_command cmd[LZ_MAX_STREAMS + 1];
	struct lz_smmu_queue *q = ask_in(sd->smmu, queue);
	uint32_t n = probe_commands(sd, q, cmd, accused);

	/* A suspect's queue has been settled. */
	return accused ? submit_atc(sd, q, cmd, n, sync, deadline, LZ_FENCE_SUSPECT)
		       : submit_in_turn(sd, q, cmd, n, sync, deadline, LZ_FENCE_SUSPECT);
}

static enum lz_status settle_send(struct lz_iommu *iommu, void *queue, struct lz_sync *sync,
				  lz_ns *deadline)
{
	return lz_smmu_sync_submit(ask_in(lz_smmu_of(iommu), queue), sync, deadline);
}

static void settled(struct lz_iommu *iommu, const struct lz_sync *sync)
{
	struct lz_smmu *s = lz_smmu_of(iommu);
	struct lz_smmu_queue *q = sync->queue;
	unsigned long flags = lz_spin_lock(&s->err_lock);

	q->ring.err.carry = false;
	lz_spin_unlock(&s->err_lock, flags);
}

static enum lz_answer await(struct lz_iommu *iommu, const struct lz_sync *sync, lz_ns *deadline)
{
	(void)iommu;
	switch (lz_smmu_sync_wait(*sync, deadline)) {
	case LZ_OK:
		return LZ_ANSWER_OK;
	case LZ_EIO:
		/* One that failed while ATC_INVs of an overwritten one were still out
		 * says nothing about those in front of it. */
		return lz_ring_get_mark(lz_smmu_sync_ring(*sync), sync->pos) == LZ_MARK_CARRIED
			       ? LZ_ANSWER_UNCLEAR
			       : LZ_ANSWER_FAILED;
	case LZ_ETIMEDOUT:
		if (lz_smmu_sync_in_doubt(*sync))
			return LZ_ANSWER_UNCLEAR;
		/* The bound, or a restart's mark? Nobody waits for a lane that was given up. */
		return lz_smmu_sync_look(*sync) == LZ_EBUSY &&
				       !lz_load32(&((struct lz_smmu_queue *)sync->queue)->given_up)
			       ? LZ_ANSWER_NONE
			       : LZ_ANSWER_LOST;
	default:
		return LZ_ANSWER_REFUSED;
	}
}

static bool held(struct lz_iommu *iommu, void *queue)
{
	struct lz_smmu_queue *q = queue;

	if (!q || lz_load32(&q->given_up))
		q = lz_smmu_lane_pick(lz_smmu_of(iommu));
	if (lz_load32(&q->held_error))
		return true;
	/* Nobody asks in a lane that stands; others go on. */
	return q->kind != SMMU_CMDQ && q->ladder.state != LZ_LADDER_NONE;
}

static struct lz_device *find(struct lz_iommu *iommu, uint32_t id, const struct lz_device *after)
{
	struct lz_smmu_dev *sd = lz_smmu_sid_get(lz_smmu_of(iommu), id, after ? after->drv : NULL);

	return sd ? sd->dev : NULL;
}

enum lz_status lz_smmu_atc_flush(struct lz_smmu_dev *sd, uint32_t ssid)
{
	struct lz_command cmd[LZ_MAX_STREAMS];
	struct lz_smmu *s = sd->smmu;
	struct lz_sync sync;
	lz_ns deadline = 0;
	uint32_t again = 0;
	enum lz_status st;

	do {
		st = submit_in_turn(sd, lz_smmu_lane_pick(s), cmd, flush_commands(sd, cmd, ssid),
				    &sync, &deadline, LZ_FENCE_OPEN);
		if (st != LZ_OK)
			return st;
		st = lz_smmu_sync_wait(sync, &deadline);
		if (st == LZ_ETIMEDOUT)
			lz_ring_abandon(lz_smmu_sync_ring(sync), sync.pos);
	} while (LZ_CONFIG_LANES && st != LZ_OK && lz_smmu_sync_in_doubt(sync) &&
		 again++ < s->lz->cfg.settle_max);
	return st;
}

/* ---- fencing ---- */

static void grace(struct lz_iommu *iommu)
{
	lz_smmu_grace(lz_smmu_of(iommu));
}

static void ats_off(struct lz_device *dev)
{
	lz_smmu_ste_eats_off_locked(lz_smmu_dev_of(dev));
}

static bool close_entries(struct lz_device *dev)
{
	struct lz_smmu_dev *sd = lz_smmu_dev_of(dev);

	lz_smmu_ste_close(sd);
	sd->installed = NULL;
	return sd->clean;
}

static enum lz_status push_config(struct lz_device *dev)
{
	lz_ns deadline = 0;

	return lz_smmu_cfgi(lz_smmu_dev_of(dev), 0, false, &deadline);
}

/* Somebody else, or a fault of the hardware, may have switched ATSCHK off: then
 * no fence counts, and what it was to protect stays in custody (H75). */
static bool fence_counts(struct lz_iommu *iommu)
{
	struct lz_smmu *s = lz_smmu_of(iommu);
	bool checked = !s->ats || (lz_smmu_read32(s, SMMU_CR0ACK) & SMMU_CR0_ATSCHK);

	if (lz_smmu_dead(s) || lz_load32(&s->sfm_seen))
		return true; /* nothing is translated any more */
	if (!checked && !lz_load32(&s->ats_unchecked))
		lz_log(s->lz, LZ_LOG_ERR, s->iommu.name,
		       "CR0ACK.ATSCHK is off: translated requests cannot be stopped");
	lz_store32(&s->ats_unchecked, !checked);
	return checked;
}

/* EATS stays off in an entry as long as anybody who sends its id is fenced. */
static void closed(struct lz_device *dev, int by)
{
	struct lz_smmu_dev *sd = lz_smmu_dev_of(dev);
	unsigned long flags = lz_spin_lock(&sd->smmu->share_lock);

	for (unsigned i = 0; i < dev->n_streams; i++)
		sd->stream[i]->closed += (uint32_t)by;
	lz_spin_unlock(&sd->smmu->share_lock, flags);
}

static void try_queue(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	unsigned long flags = lz_spin_lock(&s->err_lock);

	lz_store32(&q->held_error, 0);
	q->ring.err.count = 0;
	lz_spin_unlock(&s->err_lock, flags);
	lz_store32(&q->ladder.retry, 1);
	lz_smmu_stall_forget(q);
}

void lz_smmu_reset_succeeded(struct lz_device *dev)
{
	struct lz_smmu *s = lz_smmu_of(dev->iommu);

	try_queue(&s->cmdq);
	for (unsigned i = 0; LZ_CONFIG_LANES && i < s->n_lanes; i++)
		try_queue(&s->lanes[i]);
	lz_iommu_kick(&s->iommu);
}

static enum lz_status abort_all(struct lz_iommu *iommu)
{
	return lz_smmu_hw_abort_all(lz_smmu_of(iommu));
}

const struct lz_fault_ops lz_smmu_faults = {
	.probe_send = probe_send,
	.settle_send = settle_send,
	.settled = settled,
	.await = await,
	.held = held,
	.next_unanswered = lz_smmu_next_unanswered,
	.find = find,
	.grace = grace,
	.ats_off = ats_off,
	.close = close_entries,
	.push_config = push_config,
	.fence_counts = fence_counts,
	.closed = closed,
	.head = lz_smmu_head,
	.stands = lz_smmu_stands,
	.let_go = lz_smmu_let_go,
	.rewrite = lz_smmu_rung_rewrite,
	.restart = lz_smmu_rung_restart,
	.try_again = lz_smmu_try_again,
	.abort_all = abort_all,
	.snapshot_before = lz_smmu_snapshot_before,
	.snapshot_after = lz_smmu_snapshot_after,
};
