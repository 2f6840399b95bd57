/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the core asks about a device that does not answer: probes, the fence, snapshots.
 *
 * An ATS.INVAL may only be out while EN_ATS is on: what answers after that is not heard,
 * and the request times out, whoever it was for (H70). So a device is hushed before
 * EN_ATS goes off, and who switches it off without a fence drains in between
 * (lz_rv_hush()). While it is hushed memory that it may reach waits. It is quiet, and
 * skipped, when it has said that its ATC is empty, and may not ask any more, or when
 * EN_ATS is off with effect: then nothing that its ATC holds is let through.
 */
#include "drivers/riscv/riscv.h"

/* ---- ATS.INVAL outside of unmaps ---- */

/* One for each id whose invalidations it answers. */
static uint32_t flush_commands(const struct lz_rv_dev *rd, struct lz_command *cmd, uint32_t pid)
{
	const struct lz_device *dev = rd->dev;
	uint32_t n = 0;

	for (unsigned i = 0; i < dev->n_streams; i++)
		if (lz_answers(&rd->sending, i))
			cmd[n++] = (struct lz_command){
				{lz_rv_cmd_ats0(dev->streams[i], pid), RV_ATS1_ALL}};
	return n;
}

/* May it be sent something now? Who is not a suspect has to be heard as well (H70); one
 * that is asked after a reset is, whatever its voice. */
static bool may_ask(const struct lz_rv_dev *rd, enum lz_fence_state most)
{
	return lz_load8_acquire(&rd->dev->fence) <= most &&
	       (most != LZ_FENCE_OPEN || lz_load8_acquire(&rd->voice) == RV_LOUD);
}

/* LZ_EBUSY: its fence is beyond `most`. Decided and published in one read section, which
 * fence and reset wait for: none is sent to who is fenced (H60). */
static enum lz_status submit(struct lz_rv_dev *rd, const struct lz_command *cmd, uint32_t n,
			     uint64_t *fence, lz_ns *deadline, enum lz_fence_state most)
{
	struct lz_rv *s = rd->s;
	enum lz_status st;

	do {
		struct lz_epoch_section section = lz_epoch_enter(&s->readers);

		st = may_ask(rd, most) ? lz_ring_try_atc(s->lz, &s->cmdq, cmd, n, fence) : LZ_EBUSY;
		lz_epoch_leave(&s->readers, section);
		if (st != LZ_ELIMIT)
			return st;
		st = lz_rv_queue_wait_room(s, n + 1, deadline);
	} while (st == LZ_OK);
	return st;
}

/* Has everything been consumed that is in the queue now? Its end is somebody's fence. */
static bool is_our_turn(struct lz_rv *s, lz_ns *deadline)
{
	uint64_t last = lz_load64_acquire(&s->cmdq.published) - 1;

	return lz_rv_queue_wait(s, last, deadline) != LZ_ETIMEDOUT ||
	       lz_rv_queue_look(s, last) != LZ_EBUSY;
}

/* Not into a queue that stands: see the core's lz_probe() (H60). */
enum lz_status lz_rv_ats_flush(struct lz_rv_dev *rd, uint32_t pid)
{
	struct lz_command cmd[LZ_MAX_STREAMS];
	lz_ns deadline = 0;
	enum lz_status st;
	uint64_t fence;

	if (!is_our_turn(rd->s, &deadline))
		return LZ_ETIMEDOUT;
	st = submit(rd, cmd, flush_commands(rd, cmd, pid), &fence, &deadline, LZ_FENCE_OPEN);
	if (st == LZ_OK) {
		st = lz_rv_queue_wait(rd->s, fence, &deadline);
		if (st == LZ_ETIMEDOUT)
			lz_ring_abandon(&rd->s->cmdq, fence);
	}
	return st;
}

/* A fence of its own succeeds when everything before it has been answered or given up. */
enum lz_status lz_rv_hush(struct lz_rv_dev *rd)
{
	unsigned long flags = lz_spin_lock(&rd->dev->fence_lock);
	lz_ns deadline = 0;

	lz_rv_hush_locked(rd);
	lz_spin_unlock(&rd->dev->fence_lock, flags);
	lz_epoch_grace(rd->s->lz, &rd->s->readers, rd->s->iommu.name);
	return lz_rv_queue_run(rd->s, NULL, 0, &deadline);
}

void lz_rv_set_voice(struct lz_rv_dev *rd, enum lz_rv_voice voice)
{
	unsigned long flags = lz_spin_lock(&rd->dev->fence_lock);

	lz_store8_release(&rd->voice, (uint8_t)voice);
	lz_spin_unlock(&rd->dev->fence_lock, flags);
}

/* Whoever found it quiet had cleared his entries before: what the device fetches once
 * it may does not have them (A). A fence of another one that sends its ids counts before
 * it takes EN_ATS away. */
bool lz_rv_loud(struct lz_rv_dev *rd)
{
	unsigned long flags = lz_spin_lock(&rd->dev->fence_lock);
	unsigned long inner = lz_spin_lock(&rd->s->share_lock);
	bool heard = lz_rv_dc_hears(rd) && !lz_rv_dc_is_closed(rd);

	if (heard)
		lz_store8_release(&rd->voice, RV_LOUD);
	lz_spin_unlock(&rd->s->share_lock, inner);
	lz_spin_unlock(&rd->dev->fence_lock, flags);
	lz_epoch_grace(rd->s->lz, &rd->s->readers, rd->s->iommu.name);
	return heard;
}

/* ---- asking ---- */

/*
 * One that was reset, and is open: with EN_ATS off its answer would not be heard (H70).
 * Everything untranslated goes on aborting, and what its ATC held is what the reset was
 * for. install() or block() switches it off again. A suspect is as it was: one whose
 * EN_ATS went off before it was accused cannot be asked, and is assumed broken. [gate]
 */
static enum lz_status listen(struct lz_rv_dev *rd, lz_ns *deadline)
{
	if (lz_load8(&rd->voice) == RV_LOUD || rd->listens ||
	    lz_load8(&rd->dev->fence) == LZ_FENCE_SUSPECT)
		return LZ_OK;
	if (!lz_rv_dc_listen(rd))
		return LZ_EBUSY; /* found broken again */
	if (lz_rv_push(rd, deadline) != LZ_OK)
		return LZ_ETIMEDOUT;
	rd->listens = true;
	return LZ_OK;
}

static enum lz_status probe_send(struct lz_device *dev, const struct lz_command *accused,
				 void *queue, struct lz_sync *sync, lz_ns *deadline)
{
	struct lz_rv_dev *rd = lz_rv_dev_of(dev);
	struct lz_command cmd[LZ_MAX_STREAMS + 1];
	enum lz_status st = listen(rd, deadline);
	uint32_t n = 0;

	(void)queue;
	if (st == LZ_OK && !lz_rv_dc_hears(rd)) {
		lz_accuse_told(dev, LZ_EVIDENCE_ASSUMED);
		st = LZ_EBUSY;
	}
	if (st != LZ_OK)
		return st;
	/* A very small queue has room for the ones that matter only. */
	if (accused && dev->n_streams < rd->s->cmdq.guard)
		cmd[n++] = (struct lz_command){{accused->w[0], accused->w[1]}};
	n += flush_commands(rd, cmd + n, 0);
	sync->queue = &rd->s->cmdq;
	return submit(rd, cmd, n, &sync->pos, deadline, LZ_FENCE_SUSPECT);
}

static enum lz_status settle_send(struct lz_iommu *iommu, void *queue, struct lz_sync *sync,
				  lz_ns *deadline)
{
	struct lz_rv *s = lz_rv_of(iommu);

	(void)queue;
	sync->queue = &s->cmdq;
	return lz_ring_submit(&s->cmdq, NULL, 0, &sync->pos, deadline);
}

static void settled(struct lz_iommu *iommu, const struct lz_sync *sync)
{
	struct lz_rv *s = lz_rv_of(iommu);
	unsigned long flags = lz_spin_lock(&s->err_lock);

	(void)sync;
	s->cmdq.err.carry = false;
	lz_spin_unlock(&s->err_lock, flags);
}

static enum lz_answer await(struct lz_iommu *iommu, const struct lz_sync *sync, lz_ns *deadline)
{
	struct lz_rv *s = lz_rv_of(iommu);

	switch (lz_rv_queue_wait(s, sync->pos, deadline)) {
	case LZ_OK:
		return LZ_ANSWER_OK;
	case LZ_EIO:
		return lz_ring_get_mark(&s->cmdq, sync->pos) == LZ_MARK_CARRIED ? LZ_ANSWER_UNCLEAR
										: LZ_ANSWER_FAILED;
	case LZ_EFAULT:
		/* What may have been dropped may be asked again. */
		return lz_ring_get_mark(&s->cmdq, sync->pos) == LZ_MARK_DROPPED ? LZ_ANSWER_UNCLEAR
										: LZ_ANSWER_REFUSED;
	case LZ_ETIMEDOUT:
		return lz_rv_queue_look(s, sync->pos) == LZ_EBUSY ? LZ_ANSWER_NONE : LZ_ANSWER_LOST;
	default:
		return LZ_ANSWER_REFUSED;
	}
}

static bool held(struct lz_iommu *iommu, void *queue)
{
	(void)queue;
	return lz_load32(&lz_rv_of(iommu)->held_error);
}

static struct lz_device *find(struct lz_iommu *iommu, uint32_t id, const struct lz_device *after)
{
	return lz_streams_answering(&lz_rv_of(iommu)->streams, id, after ? after->drv : NULL);
}

/* ---- fencing ---- */

static void grace(struct lz_iommu *iommu)
{
	lz_epoch_grace(iommu->lz, &lz_rv_of(iommu)->readers, iommu->name);
}

static void ats_off(struct lz_device *dev)
{
	lz_rv_dc_ats_off_locked(lz_rv_dev_of(dev));
}

/* Nobody sends it anything from here on. What is still out would time out for want of
 * a listener, and be held against whoever shares a batch with it: it gets the time of
 * one wait to be answered (H70). A probe after a reset has had it: its answer, if it
 * still comes, is not heard, so that nothing follows from there being none. */
static bool close(struct lz_device *dev)
{
	struct lz_rv_dev *rd = lz_rv_dev_of(dev);

	if (rd->listens)
		lz_probe_forget(dev);
	if (lz_load8(&rd->voice) == RV_LOUD)
		(void)lz_rv_hush(rd);
	lz_rv_dc_close(rd);
	rd->installed = NULL;
	return rd->clean;
}

/* The fence of another one takes EN_ATS from whoever is heard by an id that both send: as
 * in close(), and he goes on without ATS. A suspect has to be asked first, which the work
 * does before it comes back here. Whoever has the gate may be at work on him. */
static enum lz_status deafen(struct lz_rv_dev *rd, lz_ns *deadline)
{
	struct lz_rv *s = rd->s;
	enum lz_status st = LZ_ETIMEDOUT;
	uint32_t hushes;

	if (lz_load8_acquire(&rd->dev->fence) == LZ_FENCE_SUSPECT)
		return LZ_ETIMEDOUT;
	if (!lz_rv_dc_deafen_begin(rd, &hushes))
		return LZ_OK;
	lz_epoch_grace(s->lz, &s->readers, s->iommu.name);
	/* A queue that stands still would get nothing but entries. */
	if (!lz_load32(&s->held_error) || lz_load32(&s->ladder.retry))
		st = lz_rv_queue_run(s, NULL, 0, deadline);
	if (st != LZ_OK)
		return st; /* asked again until the fence is in effect */
	lz_rv_dc_deafen(rd, hushes);
	return lz_rv_push(rd, deadline);
}

static enum lz_status push_config(struct lz_device *dev)
{
	struct lz_rv_dev *rd = lz_rv_dev_of(dev);
	enum lz_status st = LZ_OK;
	struct lz_device *other;
	lz_ns deadline = 0;

	while (st == LZ_OK && (other = lz_rv_dc_next_owed(rd)) != NULL) {
		st = deafen(lz_rv_dev_of(other), &deadline);
		lz_device_put(other);
	}
	if (st != LZ_OK)
		return st;
	lz_rv_dc_paid(rd);
	return lz_rv_push(rd, &deadline);
}

static void closed(struct lz_device *dev, int by)
{
	lz_rv_dc_closed(lz_rv_dev_of(dev), by);
}

/* EN_ATS = 0 refuses translated requests on every part (3.2). */
static bool fence_counts(struct lz_iommu *iommu)
{
	(void)iommu;
	return true;
}

/* ---- evidence ---- */

static void copy_context(const struct lz_rv_dev *rd, uint64_t to[8])
{
	for (unsigned i = 0; i < RV_DC_WORDS_BASE; i++)
		to[i] = lz_dma_load64(&rd->dc[0][i]);
}

/* What stands between the failed fence and the one before. */
static void copy_batch(struct lz_ring *q, uint64_t pos, struct lz_snapshot *to)
{
	uint64_t first = pos;

	while (first > q->begun && pos - first < q->guard) {
		uint64_t w0 = lz_dma_load64(lz_ring_slot(q, first - 1));

		if (lz_rv_cmd_op(w0) == RV_OP_IOFENCE_C ||
		    lz_ring_get_mark(q, first - 1) != LZ_MARK_NONE)
			break;
		first--;
	}
	if (pos - first > LZ_SNAPSHOT_COMMANDS) {
		to->n_left_out = (unsigned)(pos - first - LZ_SNAPSHOT_COMMANDS);
		first = pos - LZ_SNAPSHOT_COMMANDS;
	}
	for (; first < pos; first++) {
		const uint64_t *slot = lz_ring_slot(q, first);

		to->command[to->n_commands][0] = lz_dma_load64(&slot[0]);
		to->command[to->n_commands++][1] = lz_dma_load64(&slot[1]);
	}
}

static void snapshot_before(struct lz_device *dev, const struct lz_sync *failed)
{
	struct lz_rv_dev *rd = lz_rv_dev_of(dev);
	struct lz_snapshot *to = dev->snapshot;

	to->prod = lz_rv_read32(rd->s, RV_CQT);
	to->cons = lz_rv_read32(rd->s, RV_CQH);
	to->error = lz_rv_read32(rd->s, RV_CQCSR);
	to->error_ack = lz_rv_read32(rd->s, RV_IPSR);
	copy_context(rd, to->entry_before);
	if (failed)
		copy_batch(&rd->s->cmdq, failed->pos, to);
}

static void snapshot_after(struct lz_device *dev)
{
	copy_context(lz_rv_dev_of(dev), dev->snapshot->entry_after);
}

static enum lz_status abort_all(struct lz_iommu *iommu)
{
	return lz_rv_hw_abort_all(lz_rv_of(iommu));
}

const struct lz_fault_ops lz_rv_fault_ops = {
	.probe_send = probe_send,
	.settle_send = settle_send,
	.settled = settled,
	.await = await,
	.held = held,
	.next_unanswered = lz_rv_next_unanswered,
	.find = find,
	.grace = grace,
	.ats_off = ats_off,
	.close = close,
	.push_config = push_config,
	.fence_counts = fence_counts,
	.closed = closed,
	.head = lz_rv_head,
	.stands = lz_rv_stands,
	.let_go = lz_rv_let_go,
	.restart = lz_rv_rung_restart,
	.try_again = lz_rv_try_again,
	.abort_all = abort_all,
	.snapshot_before = snapshot_before,
	.snapshot_after = snapshot_after,
};

void lz_rv_reset_succeeded(struct lz_device *dev)
{
	struct lz_rv *s = lz_rv_of(dev->iommu);
	unsigned long flags = lz_spin_lock(&s->err_lock);

	lz_store32(&s->held_error, 0);
	s->cmdq.err.count = 0;
	lz_spin_unlock(&s->err_lock, flags);
	lz_store32(&s->ladder.retry, 1);
	lz_rv_stall_forget(s);
	lz_iommu_kick(&s->iommu);
}
