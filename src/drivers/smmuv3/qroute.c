/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several command queues: which one an ATC invalidation goes to, and what an error of
 * one says about the others.
 *
 * The SMMU's own queue carries configuration and TLB invalidations, the lanes carry
 * ATC invalidations: what a dead device stalls is a lane. Whether a timeout is told by
 * the queue of its ATC_INV, or by whichever queue has the next sync, is not known for
 * any hardware. So:
 *
 *  - one lane carries all ATC_INVs, and one batch of it is out at a time, unless the
 *    embedder knows that each queue keeps its own (lz_smmuv3_desc.own_timeouts);
 *  - an error for ATC_INVs, on any queue, casts doubt on the syncs behind ATC_INVs in
 *    all others before it is acknowledged, and accuses whom they were for when the
 *    queue itself had none out;
 *  - whoever sees such a sync consumed looks for errors elsewhere before he looks at
 *    its mark, and sends his ATC_INVs again when there is doubt (letter X).
 */
#include "drivers/smmuv3/smmu.h"

/* ---- which ---- */

static bool is_stuck(struct lz_smmu_queue *q)
{
	return lz_load32(&q->held_error) || lz_smmu_lane_is_lost(q) || lz_smmu_stalled(q) ||
	       (lz_load64(&q->ring.tail) & LZ_RING_FROZEN);
}

/* One that only stands may go on by itself, for all that is known with a timeout of a
 * minute: whoever comes waits there, since the SMMU's own queue would stand next. One that
 * its ladder did not bring to move may never do so. There may be nobody who has a reason
 * to reset the device that it waits for: when an answer got lost in a reset and another
 * lane has told that the device is sound, or when the device is gone. So the last resort
 * is the SMMU's own queue, as without lanes (F). */
struct lz_smmu_queue *lz_smmu_lane_pick(struct lz_smmu *s)
{
	unsigned cpu = lz_cpu_id();
	struct lz_smmu_queue *q = s->lane[cpu];

	if (!LZ_CONFIG_LANES || !s->n_lanes || !is_stuck(q))
		return q;
	for (unsigned i = 1; i < s->n_lanes; i++) {
		struct lz_smmu_queue *other = &s->lanes[(cpu + i) % s->n_lanes];

		if (!is_stuck(other))
			return other;
		if (lz_smmu_lane_is_lost(q))
			q = other;
	}
	if (!lz_smmu_lane_is_lost(q))
		return q;
	lz_store32(&s->atc_on_main, 1);
	return &s->cmdq;
}

/* ---- what a domain has left in one ---- */

#define LEFT_LANE 56u /* lane + 1, and the sync's position + 1 below */

static bool stands(struct lz_smmu *s, uint64_t left)
{
	struct lz_smmu_queue *q = &s->lanes[(left >> LEFT_LANE) - 1];

	return !lz_smmu_lane_is_lost(q) &&
	       lz_smmu_queue_cons(q) < (left & ((1ull << LEFT_LANE) - 1));
}

bool lz_smmu_lane_has_left(struct lz_smmu *s, struct lz_smmu_domain *sdom)
{
	uint64_t left = lz_load64(&sdom->left);

	return left && lz_contains(s->lz) && stands(s, left);
}

/* Else each attempt would take another lane, until a single dead device had them all. */
void lz_smmu_lane_left(struct lz_smmu_domain *sdom, struct lz_sync sync)
{
	struct lz_smmu_queue *q = sync.queue;
	struct lz_smmu *s = q->smmu;
	uint64_t old = lz_load64(&sdom->left);

	if (q->kind == SMMU_CMDQ || (old && stands(s, old)))
		return;
	lz_store64(&sdom->left, (uint64_t)(q - s->lanes + 1) << LEFT_LANE | (sync.pos + 1));
}

/* ---- given up ---- */

bool lz_smmu_lane_stops(const struct lz_smmu_queue *q)
{
	return q->frozen && !lz_load32(&q->off);
}

void lz_smmu_lane_judge(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	uint32_t lost = q->ladder.state == LZ_LADDER_EXHAUSTED;

	/* What stands without an error says by moving that it works again. */
	if (lost && !lz_smmu_lane_stops(q) && !lz_load32(&q->held_error))
		q->ladder.next_try = LZ_NEVER;
	if (lz_load32(&q->given_up) == lost)
		return;
	lz_store32(&q->given_up, lost);
	lz_smmu_lanes_alert(s);
	lz_log(s->lz, LZ_LOG_WARN, s->iommu.name,
	       lost ? "command queue %u of the lanes is given up: others carry what it would"
		    : "command queue %u of the lanes works again",
	       (unsigned)(q - s->lanes));
}

bool lz_smmu_lane_stuck(struct lz_smmu *s)
{
	return LZ_CONFIG_LANES && s->n_lanes && is_stuck(lz_smmu_lane_pick(s));
}

/* Set first and looked at again: somebody may stall another one meanwhile. */
void lz_smmu_lanes_alert(struct lz_smmu *s)
{
	bool any = false;

	if (!LZ_CONFIG_LANES)
		return;
	(void)lz_fetch_and32(&s->iommu.alert, ~SMMU_ALERT_LANES);
	for (unsigned i = 0; i < s->n_lanes; i++)
		any |= lz_load32(&s->lanes[i].held_error) || lz_smmu_lane_is_lost(&s->lanes[i]) ||
		       lz_load64(&s->lanes[i].ring.stalled_at);
	if (any)
		(void)lz_fetch_or32(&s->iommu.alert, SMMU_ALERT_LANES);
}

/* ---- doubt ---- */

static bool carries_atc(const struct lz_smmu_queue *q)
{
	return q->kind != SMMU_CMDQ || lz_load32(&q->smmu->atc_on_main);
}

static unsigned op_at(struct lz_smmu_queue *q, uint64_t pos)
{
	return lz_smmu_cmd_op(lz_dma_load64(lz_ring_slot(&q->ring, pos)));
}

/* Syncs behind ATC_INVs that somebody may still wait for. One that a later lap's mark
 * has replaced, or that is marked already, keeps what it has. */
static void doubt(struct lz_smmu_queue *q)
{
	uint64_t end = lz_load64_acquire(&q->ring.published);

	for (uint64_t p = end > q->ring.size ? end - q->ring.size + 1 : 1; p < end; p++)
		if (op_at(q, p) == SMMU_OP_SYNC && op_at(q, p - 1) == SMMU_OP_ATC_INV)
			lz_ring_doubt(&q->ring, p);
}

/* The batch that is out, and the one that was consumed last: it may have completed
 * because its timeout had been told elsewhere. */
static void accuse_out(struct lz_smmu_queue *q)
{
	uint64_t end = lz_load64_acquire(&q->ring.published), cons = lz_smmu_queue_cons(q);
	uint64_t p = cons, syncs = 0;

	while (p < end && op_at(q, p) != SMMU_OP_SYNC)
		p++;
	if (p < end)
		(void)lz_smmu_accuse_unsettled(q, p, false);
	for (p = cons; p && cons - p < q->ring.guard && !syncs;)
		syncs = op_at(q, --p) == SMMU_OP_SYNC;
	if (syncs)
		(void)lz_smmu_accuse_unsettled(q, p, false);
}

/* A guest's queue that was switched off leaves its timeouts to the next sync of the SMMU's
 * own, whosever that is. Is there anybody who could have one? */
static bool may_be_a_guests(const struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;

	return LZ_CONFIG_LANES && q == &s->cmdq && s->cmdqv && !s->cmdqv_guest &&
	       SMMU_GET(CMDQV_PARAM_VINTFS, lz_mmio_read32(s->cmdqv, CMDQV_PARAM));
}

/* [err_lock] */
void lz_smmu_tell_others(struct lz_smmu_queue *q, uint64_t pos, unsigned own)
{
	struct lz_smmu *s = q->smmu;
	/* What a guest's queue has left behind is nobody's here. */
	bool of_guest = q == &s->cmdq && lz_load64(&s->guest_flush) == pos + 1;

	if (!LZ_CONFIG_LANES || !s->n_lanes)
		return;
	if (!own && !q->ring.err.carry && s->own_timeouts && !may_be_a_guests(q) &&
	    !s->shares_timeouts) {
		s->shares_timeouts = true;
		lz_log(s->lz, LZ_LOG_WARN, s->iommu.name,
		       "a queue told of a timeout of another one's: they are not kept apart");
	}
	for (unsigned i = 0; i <= s->n_lanes; i++) {
		struct lz_smmu_queue *other = i ? &s->lanes[i - 1] : &s->cmdq;

		if (other == q || !carries_atc(other))
			continue;
		doubt(other);
		if (!of_guest && (!own || s->shares_timeouts))
			accuse_out(other);
	}
}

/* Does an error of this queue say that it is about its own ATC_INVs? [err_lock] */
bool lz_smmu_tells_own(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;

	if (may_be_a_guests(q))
		return false;
	if (!LZ_CONFIG_LANES || !s->n_lanes || (s->own_timeouts && !s->shares_timeouts))
		return true;
	for (unsigned i = 0; i <= s->n_lanes; i++) {
		struct lz_smmu_queue *other = i ? &s->lanes[i - 1] : &s->cmdq;

		if (other != q && carries_atc(other) &&
		    (other->ring.err.carry ||
		     lz_smmu_queue_cons(other) != lz_load64(&other->ring.published)))
			return false;
	}
	return true;
}

/* ---- errors elsewhere ---- */

bool lz_smmu_drain_all(struct lz_smmu *s)
{
	bool any = lz_smmu_drain(&s->cmdq);

	for (unsigned i = 0; LZ_CONFIG_LANES && i < s->n_lanes; i++)
		any |= lz_smmu_drain(&s->lanes[i]);
	return any;
}

static bool is_told(struct lz_smmu *s)
{
	uint32_t active = lz_smmu_read32(s, SMMU_GERROR) ^ lz_smmu_read32(s, SMMU_GERRORN);

	if ((active & (SMMU_GERROR_CMDQ_ERR | SMMU_GERROR_CMDQP_ERR)) || lz_load32(&s->scanning))
		return true;
	return s->cmdqv && (lz_mmio_read32(s->cmdqv, CMDQV_VINTF_ERR_MAP) & 1);
}

void lz_smmu_look_elsewhere(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;

	if (!LZ_CONFIG_LANES || !s->n_lanes || !carries_atc(q))
		return;
	if (is_told(s))
		(void)lz_smmu_drain_all(s);
	lz_dma_rmb(); /* X: errors before the marks */
}

/* GERROR's bit tells of the first error of an ECMDQ only, and stops nothing: it is
 * acknowledged before the queues are looked at, so that what comes later raises it
 * again. In between `scanning` stands for it (X). */
bool lz_smmu_scan_lanes(struct lz_smmu *s)
{
	uint32_t gerrorn, active;
	unsigned long flags;
	bool any = false;

	if (!LZ_CONFIG_LANES || !s->n_lanes)
		return false;
	flags = lz_spin_lock(&s->err_lock);
	gerrorn = lz_smmu_read32(s, SMMU_GERRORN);
	active = (lz_smmu_read32(s, SMMU_GERROR) ^ gerrorn) & SMMU_GERROR_CMDQP_ERR;
	(void)lz_fetch_add32(&s->scanning, 1);
	if (active)
		lz_smmu_write32(s, SMMU_GERRORN, gerrorn ^ active);
	lz_spin_unlock(&s->err_lock, flags);
	for (unsigned i = 0; i < s->n_lanes; i++)
		any |= lz_smmu_drain(&s->lanes[i]);
	(void)lz_fetch_add32(&s->scanning, (uint32_t)-1);
	return any || active;
}

/* ---- before an unmap's ATC_INVs ---- */

static bool goes_or_error(void *arg)
{
	struct lz_smmu *s = arg;
	struct lz_smmu_queue *q = lz_smmu_lane_pick(s);

	return !is_stuck(q) || lz_smmu_dead(s) || lz_load32(&s->sfm_seen) ||
	       (!lz_load32(&q->held_error) && lz_smmu_queue_error_active(q));
}

enum lz_status lz_smmu_lane_await(struct lz_smmu *s, lz_ns *deadline)
{
	if (!lz_smmu_lane_stuck(s))
		return LZ_OK;
	if (!*deadline)
		*deadline = lz_smmu_deadline(s);
	do {
		if (lz_wait(s->lz, goes_or_error, s, *deadline))
			(void)lz_smmu_drain(lz_smmu_lane_pick(s));
		if (lz_smmu_dead(s) || lz_load32(&s->sfm_seen))
			return LZ_ENODEV;
		if (!lz_smmu_lane_stuck(s))
			return LZ_OK;
	} while (lz_now(s->lz) < *deadline);
	return LZ_ETIMEDOUT;
}
