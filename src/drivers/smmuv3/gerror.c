/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Global errors (section 7.5). Command queue errors are consumed by whoever
 * comes first, the interrupt handler or a waiter, under the error lock: mark
 * the slot, accuse, then acknowledge (H33); the toggle is read again under the
 * lock so that each error is consumed once (H37); only the bit that was handled
 * is acknowledged, computed from that read (H38, H79). CMDQ_CONS.ERR means
 * something only while the bit is active (H80).
 */
#include "drivers/smmuv3/smmu.h"

static void emit_queue(struct lz_smmu *s, enum lz_event_kind kind, uint32_t cons)
{
	struct lz_event ev = {.kind = kind, .iommu = &s->iommu, .detail = cons};

	lz_emit(s->lz, &ev);
}

/* ---- accusing ---- */

bool lz_smmu_next_unanswered(struct lz_iommu *iommu, const struct lz_queue_error *e, uint64_t *at,
			     struct lz_unanswered *out)
{
	struct lz_smmu_queue *q = e->sync.queue;

	(void)iommu;
	return lz_ring_next_unanswered(&q->ring, e, at, out);
}

unsigned lz_smmu_accuse_unsettled(struct lz_smmu_queue *q, uint64_t pos, bool told)
{
	struct lz_queue_error e = {
		.sync = {q, pos},
		.first = lz_ring_first(&q->ring, pos),
		.told = told,
		.carried = q->ring.err.carry,
	};

	return lz_accuse_error(&q->smmu->iommu, &e);
}

/* ---- the three command errors ---- */

static void atc_timeout(struct lz_smmu_queue *q, uint64_t pos, uint32_t cons)
{
	struct lz_smmu *s = q->smmu;
	enum lz_mark before = lz_ring_get_mark(&q->ring, pos);
	bool late = before == LZ_MARK_ABANDONED;

	/* A batch of which something was overwritten has failed for good. */
	if (before != LZ_MARK_FAILED && before != LZ_MARK_ILLEGAL)
		lz_ring_set_mark(&q->ring, pos,
				 q->ring.err.carry ? LZ_MARK_CARRIED : LZ_MARK_TIMEOUT);
	lz_count64(&s->iommu.n.atc_timeouts);
	lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_ERR, s->iommu.name,
		       "CMDQ error (cons 0x%08x): ATC invalidate timeout", cons);
	lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_WARN, s->iommu.name,
		       "CMD_SYNC for ATC_INV timeout at prod=0x%08x",
		       (unsigned)(pos + 1) & (2 * q->ring.size - 1));
	emit_queue(s, LZ_EV_TIMEOUT, cons);
	if (late)
		emit_queue(s, LZ_EV_LATE, cons);
	lz_smmu_tell_others(q, pos, lz_smmu_accuse_unsettled(q, pos, lz_smmu_tells_own(q)));
}

/* The refused command is replaced; the batch it is in must not pass for done. */
static void illegal_command(struct lz_smmu_queue *q, uint64_t pos, uint32_t cons)
{
	struct lz_smmu *s = q->smmu;
	uint64_t *slot = lz_ring_slot(&q->ring, pos);

	lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_ERR, s->iommu.name,
		       "CMDQ error (cons 0x%08x): illegal command 0x%016llx 0x%016llx", cons,
		       (unsigned long long)lz_dma_load64(&slot[0]),
		       (unsigned long long)lz_dma_load64(&slot[1]));
	lz_ring_set_mark(&q->ring, lz_ring_sync_after(&q->ring, pos), LZ_MARK_ILLEGAL);
	lz_ring_write(&q->ring, pos, lz_smmu_cmd_harmless());
	lz_dma_wmb(); /* the entry before the acknowledge that makes it fetched again */
	emit_queue(s, LZ_EV_QUEUE_ERROR, cons);
}

/* Returns false when the error is to stay active for the ladder: the same sync
 * has been acknowledged often enough (H77). */
static bool handle_cmdq_error(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	uint64_t pos = lz_smmu_queue_cons(q);
	uint32_t cons = lz_mmio_read32(q->cons, SMMU_CMDQ_CONS);
	uint32_t code = lz_smmu_queue_error_code(q, cons);

	lz_ring_error_at(&s->iommu, &q->ring, pos);
	if (code == SMMU_CERROR_ATC_INV_SYNC) {
		/* A sync whose fetch was aborted may fail for its ATC_INVs later. */
		if (!q->ring.err.told)
			atc_timeout(q, pos, cons);
		q->ring.err.told = true;
	} else if (code == SMMU_CERROR_ABT) {
		lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_ERR, s->iommu.name,
			       "CMDQ error (cons 0x%08x): fetch abort", cons);
		emit_queue(s, LZ_EV_QUEUE_ERROR, cons);
	} else {
		illegal_command(q, pos, cons);
		/* Its host does not know the stream id: what the lane does not take goes to
		 * the SMMU's own queue. */
		if (LZ_CONFIG_LANES && q->kind == SMMU_VCMDQ && code == SMMU_CERROR_ILL_ACCESS) {
			lz_store32(&q->refuses, 1);
			lz_smmu_lanes_alert(s);
		}
	}
	return lz_ring_clear_again(s->lz, &q->ring);
}

bool lz_smmu_drain(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;
	unsigned long flags = lz_spin_lock(&s->err_lock);
	bool active = lz_smmu_queue_error_active(q);

	if (!active || lz_load32(&q->held_error)) {
		lz_spin_unlock(&s->err_lock, flags);
		return false;
	}
	if (handle_cmdq_error(q)) {
		lz_dma_wmb(); /* M: marks before what lets CONS pass */
		lz_smmu_queue_toggle_locked(q);
	} else {
		q->ring.err.known = true;
		lz_store32(&q->held_error, 1);
		lz_smmu_lanes_alert(s);
	}
	lz_spin_unlock(&s->err_lock, flags);
	lz_iommu_kick(&s->iommu);
	return true;
}

/* Acknowledges an active error without looking for anybody. */
void lz_smmu_acknowledge_locked(struct lz_smmu_queue *q)
{
	struct lz_smmu *s = q->smmu;

	lz_assert(lz_spin_held(&s->err_lock));
	if (lz_smmu_queue_error_active(q)) {
		if (!q->ring.err.known)
			lz_count64(&s->iommu.n.cmdq_errors);
		lz_smmu_queue_toggle_locked(q);
	}
	q->ring.err.known = false;
	q->ring.err.count = 0;
	lz_store32(&q->held_error, 0);
	lz_smmu_lanes_alert(s);
}

/* ---- everything else ---- */

static void report_others(struct lz_smmu *s, uint32_t active)
{
	static const struct {
		uint32_t bit;
		const char *what;
	} name[] = {
		{SMMU_GERROR_EVENTQ_ABT_ERR, "event queue write aborted, events may be lost"},
		{SMMU_GERROR_PRIQ_ABT_ERR, "PRI queue write aborted, requests may be lost"},
		{SMMU_GERROR_MSI_CMDQ_ABT_ERR, "CMDQ MSI write aborted"},
		{SMMU_GERROR_MSI_EVENTQ_ABT_ERR, "EVTQ MSI write aborted"},
		{SMMU_GERROR_MSI_PRIQ_ABT_ERR, "PRIQ MSI write aborted"},
		{SMMU_GERROR_MSI_GERROR_ABT_ERR, "GERROR MSI write aborted"},
		{SMMU_GERROR_SFM_ERR, "device has entered service failure mode"},
	};

	for (unsigned i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (active & name[i].bit)
			lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_ERR, s->iommu.name, "%s",
				       name[i].what);
}

/* Service failure mode is only noted here: its shutdown waits for the
 * hardware, so it runs in the work, no lock held (H39). */
static bool handle_others(struct lz_smmu *s)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);
	uint32_t gerrorn = lz_smmu_read32(s, SMMU_GERRORN);
	uint32_t active = (lz_smmu_read32(s, SMMU_GERROR) ^ gerrorn) & SMMU_GERROR_OTHERS;

	if (active) {
		if (active & SMMU_GERROR_SFM_ERR)
			lz_store32(&s->sfm_seen, 1);
		report_others(s, active);
		lz_smmu_write32(s, SMMU_GERRORN, gerrorn ^ active);
	}
	lz_spin_unlock(&s->err_lock, flags);
	if (active)
		lz_iommu_kick(&s->iommu);
	return active;
}

bool lz_smmuv3_gerror_irq(struct lz_iommu *iommu)
{
	struct lz_smmu *s = lz_smmu_of(iommu);
	bool cmdq = lz_smmu_drain(&s->cmdq);
	bool lanes = lz_smmu_scan_lanes(s);

	return handle_others(s) || cmdq || lanes;
}
