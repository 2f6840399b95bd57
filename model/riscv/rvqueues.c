/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fault queue and page request queue: records, overflow, automatic answers (3.6, 3.7).
 */
#include "riscv/riscv.h"

bool lzm_rv_queue_on(const struct lzm_rv_queue *q)
{
	return (q->csr & QCSR_ON) && !(q->csr & QCSR_MF);
}

/* Full keeps one slot free. false: no room, or the record could not be written. */
static bool put(struct lzm_riscv *s, struct lzm_rv_queue *q, const void *record, size_t len,
		unsigned which)
{
	uint32_t mask = QB_MASK(q->base);
	bool ok = true;

	if (!lzm_rv_queue_on(q) || (q->csr & QCSR_OF))
		return false;
	if (((q->tail + 1) & mask) == q->head) {
		q->csr |= (uint32_t)QCSR_OF;
		ok = false;
	} else if (!s->bus->mem_write(s->bus->ctx, QB_ADDR(q->base) + q->tail * len, record, len)) {
		q->csr |= (uint32_t)QCSR_MF;
		ok = false;
	} else {
		q->tail = (q->tail + 1) & mask;
	}
	if (q->csr & QCSR_IE)
		lzm_rv_interrupt(s, which);
	return ok;
}

/* Which causes a device's DTF keeps out. */
static bool suppressed(const struct lzm_rv_dc *dc, unsigned cause)
{
	if (!dc || !(dc->tc & TC_DTF))
		return false;
	return !((cause >= CAUSE_OFF && cause <= CAUSE_DDT_BAD) || cause == CAUSE_MSI_WRITE);
}

void lzm_rv_fault(struct lzm_riscv *s, const struct lzm_rv_access *a, const struct lzm_rv_dc *dc,
		  const struct lzm_rv_fault *f)
{
	uint64_t record[4] = {0};

	if (suppressed(dc, f->cause))
		return;
	record[0] = f->cause | (a->pv ? (uint64_t)a->pid << 12 | BIT(32) : 0) |
		    (uint64_t)a->ttyp << 34 | (uint64_t)a->did << 40;
	record[2] = f->iotval;
	record[3] = f->iotval2;
	if (put(s, &s->fq, record, sizeof(record), IP_FAULT))
		s->stats.faults++;
	else
		s->stats.faults_lost++;
}

/* Response codes: success 0, invalid 1, failure 15; -1 stands for silence. */
static int refusal(struct lzm_riscv *s, const struct lzm_rv_dc *dc, const struct lzm_rv_access *a)
{
	struct lzm_rv_fault f = {.cause = CAUSE_DISALLOWED, .iotval = a->iova};

	if (!dc)
		return 15;
	if (dc->tc & TC_EN_PRI)
		return 0;
	lzm_rv_fault(s, a, dc, &f);
	return 1;
}

bool lzm_riscv_page_request(struct lzm_riscv *s, uint32_t did, bool pv, uint32_t pid, uint64_t iova,
			    unsigned prgi, bool last, int *resp)
{
	struct lzm_rv_access a = {did, pid, pv, false, iova, TTYP_MESSAGE};
	struct lzm_rv_fault f = {0};
	struct lzm_rv_dc spare;
	const struct lzm_rv_dc *dc = DDTP_MODE(s->ddtp) >= DDTP_1LVL
					     ? lzm_rv_dc_find(s, did, RV_FILL, &spare, &f)
					     : NULL;
	uint64_t record[2];

	*resp = refusal(s, dc, &a);
	if (*resp)
		return false;
	record[0] = (pv ? (uint64_t)pid << 12 | BIT(32) : 0) | (uint64_t)did << 40;
	record[1] = (iova & ~UINT64_C(0xfff)) | (uint64_t)(prgi & 0x1ff) << 3 | (last ? 4 : 0) | 1;
	if (!lzm_rv_queue_on(&s->pq)) {
		*resp = 15;
		return false;
	}
	if (put(s, &s->pq, record, sizeof(record), IP_PAGE))
		return true;
	/* Overflow: the last of a group is told that it succeeded, to try again. */
	*resp = s->pq.csr & QCSR_MF ? 15 : last ? 0 : -1;
	return false;
}
