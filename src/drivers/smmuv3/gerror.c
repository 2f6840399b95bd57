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

/*
 * The unsettled set of a sync is what stands between it and the sync before:
 * that one succeeded, or its own set was taken when it failed. The entries are
 * still in the ring whoever issued them and however long ago: they are consumed,
 * but the guard keeps them from being used again. One that failed before, and was
 * overwritten, ends it too.
 */
bool lz_smmu_next_unanswered(struct lz_iommu *iommu, const struct lz_queue_error *e, uint64_t *at,
			     struct lz_unanswered *out)
{
	struct lz_smmu_queue *q = e->sync.queue;
	uint64_t sync = e->sync.pos;

	(void)iommu;
	for (uint64_t p = sync - *at; p-- > e->first;) {
		uint64_t *slot = lz_smmu_queue_slot(q, p);
		struct lz_command c = {{lz_dma_load64(&slot[0]), lz_dma_load64(&slot[1])}};

		if (lz_smmu_cmd_op(c.w[0]) == SMMU_OP_SYNC ||
		    lz_smmu_queue_get_mark(q, p) != SMMU_MARK_NONE)
			break;
		if (lz_smmu_cmd_op(c.w[0]) != SMMU_OP_ATC_INV)
			continue;
		*out = (struct lz_unanswered){
			.id = lz_smmu_cmd_sid(c.w[0]),
			.seq = lz_load32(&q->slot_seq[sync & q->mask]),
			.command = c,
		};
		*at = sync - p;
		return true;
	}
	return false;
}

unsigned lz_smmu_accuse_unsettled(struct lz_smmu_queue *q, uint64_t pos, bool told)
{
	struct lz_queue_error e = {
		.sync = {q, pos},
		.first = pos > q->guard ? pos - q->guard : 0,
		.told = told,
		.carried = q->carry,
	};

	return lz_accuse_error(&q->smmu->iommu, &e);
}

/* ---- the three command errors ---- */

static void atc_timeout(struct lz_smmu_queue *q, uint64_t pos, uint32_t cons)
{
	struct lz_smmu *s = q->smmu;
	enum lz_smmu_mark before = lz_smmu_queue_get_mark(q, pos);
	bool late = before == SMMU_MARK_ABANDONED;

	/* A batch of which something was overwritten has failed for good. */
	if (before != SMMU_MARK_FAILED && before != SMMU_MARK_ILLEGAL)
		lz_smmu_queue_set_mark(q, pos,
				       q->carry ? SMMU_MARK_CARRIED : SMMU_MARK_ATC_TIMEOUT);
	lz_count64(&s->iommu.n.atc_timeouts);
	lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_ERR, s->iommu.name,
		       "CMDQ error (cons 0x%08x): ATC invalidate timeout", cons);
	lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_WARN, s->iommu.name,
		       "CMD_SYNC for ATC_INV timeout at prod=0x%08x",
		       (unsigned)(pos + 1) & (2 * q->size - 1));
	emit_queue(s, LZ_EV_TIMEOUT, cons);
	if (late)
		emit_queue(s, LZ_EV_LATE, cons);
	lz_smmu_tell_others(q, pos, lz_smmu_accuse_unsettled(q, pos, lz_smmu_tells_own(q)));
}

/* The refused command is replaced; the batch it is in must not pass for done.
 * PROD covers its sync, since the command was fetched; `published` may not yet,
 * when the publishing CPU is slow (H31). */
static void illegal_command(struct lz_smmu_queue *q, uint64_t pos, uint32_t cons)
{
	struct lz_smmu *s = q->smmu;
	uint64_t *slot = lz_smmu_queue_slot(q, pos);
	uint64_t sync = pos;

	lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_ERR, s->iommu.name,
		       "CMDQ error (cons 0x%08x): illegal command 0x%016llx 0x%016llx", cons,
		       (unsigned long long)lz_dma_load64(&slot[0]),
		       (unsigned long long)lz_dma_load64(&slot[1]));
	while (sync + 1 < pos + q->size &&
	       lz_smmu_cmd_op(lz_dma_load64(lz_smmu_queue_slot(q, sync))) != SMMU_OP_SYNC)
		sync++;
	lz_smmu_queue_set_mark(q, sync, SMMU_MARK_ILLEGAL);
	lz_smmu_queue_write(q, pos, lz_smmu_cmd_harmless());
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
	bool again = q->err_pos == pos + 1;

	/* One that was left active for the ladder has been counted (G). */
	if (!q->err_known)
		lz_count64(&s->iommu.n.cmdq_errors);
	q->err_known = false;
	q->err_count = again ? q->err_count + 1 : 1;
	q->err_pos = pos + 1;
	/* Under another containment mode it is another question. */
	q->err_atc = again && q->err_atc && q->err_round == lz_load32(&s->lz->contain_round);
	q->err_round = lz_load32(&s->lz->contain_round);
	if (code == SMMU_CERROR_ATC_INV_SYNC) {
		/* A sync whose fetch was aborted may fail for its ATC_INVs later. */
		if (!q->err_atc)
			atc_timeout(q, pos, cons);
		q->err_atc = true;
	} else if (code == SMMU_CERROR_ABT) {
		lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_ERR, s->iommu.name,
			       "CMDQ error (cons 0x%08x): fetch abort", cons);
		emit_queue(s, LZ_EV_QUEUE_ERROR, cons);
	} else {
		illegal_command(q, pos, cons);
	}
	return !lz_contains(s->lz) || q->err_count <= s->lz->cfg.settle_max;
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
		q->err_known = true;
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
		if (!q->err_known)
			lz_count64(&s->iommu.n.cmdq_errors);
		lz_smmu_queue_toggle_locked(q);
	}
	q->err_known = false;
	q->err_count = 0;
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
