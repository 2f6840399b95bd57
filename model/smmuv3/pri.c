/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page request interface: the queue and the answers the SMMU gives by itself
 * (8.1, 8.2). Neither ATSCHK nor EATS matters here.
 */
#include "smmu.h"

#define PRI_SUCCESS 0
#define PRI_FAILURE 15
#define PRI_SILENCE (-1)

static bool answer(int *resp, int code)
{
	*resp = code;
	return false;
}

static void encode(uint64_t r[2], uint32_t sid, bool ssv, uint32_t ssid, uint64_t iova,
		   unsigned prg, bool last)
{
	/* Read and write wanted; a stop marker is Last with neither. */
	r[0] = sid | (ssv ? (uint64_t)(ssid & 0xfffff) << 32 | BIT(63) : 0) | BIT(60) | BIT(61) |
	       (last ? BIT(62) : 0);
	r[1] = (prg & 0x1ff) | (iova & ~UINT64_C(0xfff));
}

bool lzm_smmu_page_request(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid, uint64_t iova,
			   unsigned prg, bool last, int *resp)
{
	uint32_t log2 = lzm_q_log2(&s->priq), used;
	uint64_t r[2];

	if (!s->cfg.pri || s->sfm || !lzm_enabled(s, CR0_SMMUEN) || !lzm_enabled(s, CR0_PRIQEN) ||
	    lzm_gerror_active(s, GERROR_PRIQ) || (s->gerror_pending & GERROR_PRIQ))
		return answer(resp, PRI_FAILURE);
	used = lzm_q_used(s->priq.prod, s->priq.cons, log2);
	if (used >= BIT(log2) && !((s->priq.prod ^ s->priq.cons) & Q_OVERFLOW))
		s->priq.prod ^= (uint32_t)Q_OVERFLOW;
	/* While the overflow stands nothing is written, room or not. */
	if ((s->priq.prod ^ s->priq.cons) & Q_OVERFLOW)
		return answer(resp, last ? PRI_SUCCESS : PRI_SILENCE);
	encode(r, sid, ssv, ssid, iova, prg, last);
	if (!s->bus->mem_write(s->bus->ctx, lzm_q_slot(&s->priq, s->priq.prod, 4), r, 16)) {
		lzm_gerror_raise(s, GERROR_PRIQ);
		return answer(resp, PRI_FAILURE);
	}
	s->priq.prod = (s->priq.prod & (uint32_t)Q_OVERFLOW) |
		       ((s->priq.prod + 1) & lzm_q_wrap_mask(log2));
	if (s->priq_irq.attr & PRIQ_LO ? last : !used)
		lzm_irq_raise(s, LZM_IRQ_PRIQ);
	*resp = PRI_SILENCE;
	return true;
}
