/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of the command queue (sections 4.1, 6.15). They are taken in by whoever comes
 * first, the interrupt handler or a waiter, under the error lock: snapshot of cqcsr and
 * cqh, mark, accuse, and only then clear (H33, H67, H73). Bits that clear by writing 1
 * stand in one register with cqen and cie, so exactly the bit that was handled is
 * written, and those two as they are to be (H38, H79).
 *
 *   cmd_to   at an IOFENCE.C: an ATS.INVAL before it was not answered; all else before
 *            it is done. Nobody is named: the unsettled set is in the ring.
 *   cmd_ill  at the command; others before it, back to the last fence, may have been
 *            dropped
 *   cqmf     at the command whose fetch or access failed; likewise
 */
#include "drivers/riscv/riscv.h"

static void emit_queue(struct lz_rv *s, enum lz_event_kind kind, uint64_t detail)
{
	struct lz_event ev = {.kind = kind, .iommu = &s->iommu, .detail = detail};

	lz_emit(s->lz, &ev);
}

/* ---- accusing ---- */

/* Somebody whose EN_ATS went to 0 meanwhile is in the unsettled set too, whose answers
 * could not come in (H70): he is fenced, and nobody is named in his company. */
bool lz_rv_next_unanswered(struct lz_iommu *iommu, const struct lz_queue_error *e, uint64_t *at,
			   struct lz_unanswered *out)
{
	(void)iommu;
	return lz_ring_next_unanswered(e->sync.queue, e, at, out);
}

void lz_rv_accuse_unsettled(struct lz_rv *s, uint64_t pos, bool told)
{
	struct lz_ring *q = &s->cmdq;
	struct lz_queue_error e = {
		.sync = {q, pos},
		.first = lz_ring_first(q, pos),
		.told = told,
		.carried = q->err.carry,
	};

	lz_accuse_error(&s->iommu, &e);
}

/* ---- the three errors ---- */

static void timeout(struct lz_rv *s, uint64_t pos)
{
	struct lz_ring *q = &s->cmdq;
	enum lz_mark before = lz_ring_get_mark(q, pos);

	/* What was dropped stays dropped. */
	if (before == LZ_MARK_NONE || before == LZ_MARK_ABANDONED)
		lz_ring_set_mark(q, pos, q->err.carry ? LZ_MARK_CARRIED : LZ_MARK_TIMEOUT);
	lz_count64(&s->iommu.n.atc_timeouts);
	lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_ERR, s->iommu.name,
		       "command queue (cqh 0x%x): cmd_to, ATS.INVAL timeout",
		       (unsigned)pos & q->mask);
	emit_queue(s, LZ_EV_TIMEOUT, pos & q->mask);
	if (before == LZ_MARK_ABANDONED)
		emit_queue(s, LZ_EV_LATE, pos & q->mask);
	lz_rv_accuse_unsettled(s, pos, true);
}

/* An IOFENCE.C that stops the queue itself (cqmf) runs again, as the last word about
 * what may have been dropped before it: that one fails too. */
static void dropped(struct lz_rv *s, uint64_t pos, bool illegal)
{
	struct lz_ring *q = &s->cmdq;
	uint64_t *slot = lz_ring_slot(q, pos);

	lz_ring_set_mark(q, lz_ring_sync_after(q, pos),
			 illegal ? LZ_MARK_ILLEGAL : LZ_MARK_DROPPED);
	lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_ERR, s->iommu.name,
		       "command queue (cqh 0x%x): %s 0x%016llx 0x%016llx", (unsigned)pos & q->mask,
		       illegal ? "cmd_ill, illegal command" : "cqmf, memory fault at",
		       (unsigned long long)lz_dma_load64(&slot[0]),
		       (unsigned long long)lz_dma_load64(&slot[1]));
	if (illegal) {
		lz_ring_write(q, pos, lz_rv_cmd_harmless());
		lz_dma_wmb(); /* the entry before the write that has it fetched again */
	}
	emit_queue(s, LZ_EV_QUEUE_ERROR, pos & q->mask);
}

/* Returns false when the error is to stay for the ladder: it has been cleared at the
 * same place often enough (H77). */
static bool handle(struct lz_rv *s, uint32_t bit)
{
	struct lz_ring *q = &s->cmdq;
	uint64_t pos = lz_rv_queue_head(s);

	lz_ring_error_at(&s->iommu, q, pos);
	if (bit != RV_CQCSR_CMD_TO) {
		dropped(s, pos, bit == RV_CQCSR_CMD_ILL);
	} else if (!q->err.told) {
		timeout(s, pos);
		q->err.told = true;
	}
	return lz_ring_clear_again(s->lz, q);
}

/* All ones is no error: nobody answers there. */
static uint32_t stop_bits(uint32_t csr)
{
	return csr == UINT32_MAX ? 0 : csr & RV_CQCSR_STOP;
}

/* While busy nothing may be written. */
static uint32_t bits_to_handle(uint32_t csr)
{
	return csr & RV_QCSR_BUSY ? 0 : stop_bits(csr);
}

bool lz_rv_error_active(struct lz_rv *s)
{
	return bits_to_handle(lz_rv_read32(s, RV_CQCSR)) != 0;
}

bool lz_rv_error_pending(struct lz_rv *s)
{
	return stop_bits(lz_rv_read32(s, RV_CQCSR)) != 0;
}

/* Both bits and interrupt: what is still, or again, to be told raises another one. With
 * no bit the error stays, and its line is let go until somebody clears it. [err_lock] */
static void clear(struct lz_rv *s, uint32_t csr, uint32_t bits)
{
	lz_dma_wmb(); /* M: marks before what lets cqh pass */
	lz_rv_write32(s, RV_CQCSR, (csr & RV_QCSR_EN) | (bits ? RV_QCSR_IE : 0) | bits);
	lz_rv_write32(s, RV_IPSR, RV_IPSR_CIP);
}

bool lz_rv_drain(struct lz_rv *s)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);
	uint32_t csr = lz_rv_read32(s, RV_CQCSR), bits = bits_to_handle(csr);
	uint32_t bit = bits & (~bits + 1); /* one at a time */

	if (!bit || lz_load32(&s->held_error)) {
		lz_spin_unlock(&s->err_lock, flags);
		return false;
	}
	if (!handle(s, bit)) {
		bit = 0;
		s->cmdq.err.known = true;
		lz_store32(&s->held_error, 1);
	}
	clear(s, csr, bit);
	lz_spin_unlock(&s->err_lock, flags);
	lz_iommu_kick(&s->iommu);
	return true;
}

void lz_rv_clear_locked(struct lz_rv *s)
{
	uint32_t csr = lz_rv_read32(s, RV_CQCSR), bits = bits_to_handle(csr);

	lz_assert(lz_spin_held(&s->err_lock));
	if (bits) {
		if (!s->cmdq.err.known)
			lz_count64(&s->iommu.n.cmdq_errors);
		clear(s, csr, bits);
		s->cmdq.err.known = false;
	}
	s->cmdq.err.count = 0;
	lz_store32(&s->held_error, 0);
}

bool lz_riscv_command_irq(struct lz_iommu *iommu)
{
	struct lz_rv *s = lz_rv_of(iommu);

	if (!LZ_CONFIG_RISCV)
		return false;
	if (lz_rv_drain(s))
		return true;
	if (lz_load32(&s->held_error))
		return false;
	if (lz_rv_error_pending(s)) {
		lz_iommu_kick(iommu); /* busy: the work looks again */
		return true;
	}
	lz_rv_write32(s, RV_IPSR, RV_IPSR_CIP); /* a waiter was faster */
	return false;
}
