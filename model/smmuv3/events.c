/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event records (7.3) and the event queue: overflow, write aborts, merging.
 */
#include "smmu.h"

#include <string.h>

static bool has_fetch_address(uint8_t id)
{
	return id == F_STE_FETCH || id == F_CD_FETCH || id == F_WALK_EABT;
}

static void encode(const struct lzm_request *a, const struct lzm_fault *f, uint64_t r[4])
{
	memset(r, 0, 32);
	r[0] = f->id | (uint64_t)a->sid << 32;
	if (a->ssv)
		r[0] |= BIT(11) | (uint64_t)(a->ssid & 0xfffff) << 12;
	if (f->id == F_BAD_ATS_TREQ || f->id == F_TRANSL_FORBIDDEN || f->id >= F_WALK_EABT) {
		r[1] |= a->write ? 0 : BIT(35);
		r[2] = a->iova;
	}
	if (f->id >= F_WALK_EABT)
		r[1] |= (f->s2 ? BIT(39) : 0) | (uint64_t)f->class << 40;
	if (has_fetch_address(f->id))
		r[3] = f->fetch & SMMU_ADDR_MASK & ~UINT64_C(7);
	else if (f->s2)
		r[3] = f->ipa & SMMU_TTADDR_MASK;
}

/* F_TRANSL_FORBIDDEN and the like differ in the page offset only. */
static bool merges(const struct lzm_smmu *s, const uint64_t r[4], bool mev)
{
	uint8_t id = (uint8_t)r[0];
	bool always = id == C_BAD_STREAMID || id == F_STE_FETCH || id == C_BAD_STE;

	if (!s->cfg.knobs.mev_merges || !(mev || always) || !s->last_event_valid)
		return false;
	/* Only with a record that software has not taken yet. */
	if (!lzm_q_used(s->evtq.prod, s->evtq.cons, lzm_q_log2(&s->evtq)) ||
	    s->last_event_prod != s->evtq.prod)
		return false;
	return r[0] == s->last_event[0] && r[1] == s->last_event[1] &&
	       !((r[2] ^ s->last_event[2]) >> 12) && r[3] == s->last_event[3];
}

static void overflow(struct lzm_smmu *s)
{
	s->stats.events_lost++;
	if (!((s->evtq.prod ^ s->evtq.cons) & Q_OVERFLOW))
		s->evtq.prod ^= (uint32_t)Q_OVERFLOW;
}

void lzm_event(struct lzm_smmu *s, const struct lzm_request *a, const struct lzm_fault *f, bool mev)
{
	uint32_t log2 = lzm_q_log2(&s->evtq), used;
	uint64_t r[4];

	if (!lzm_enabled(s, CR0_EVENTQEN) || s->sfm || lzm_gerror_active(s, GERROR_EVENTQ) ||
	    (s->gerror_pending & GERROR_EVENTQ)) {
		s->stats.events_lost++;
		return;
	}
	encode(a, f, r);
	if (merges(s, r, mev))
		return;
	used = lzm_q_used(s->evtq.prod, s->evtq.cons, log2);
	if (used >= BIT(log2)) {
		overflow(s);
		return;
	}
	if (!s->bus->mem_write(s->bus->ctx, lzm_q_slot(&s->evtq, s->evtq.prod, 5), r, 32)) {
		s->stats.events_lost++;
		lzm_gerror_raise(s, GERROR_EVENTQ);
		return;
	}
	s->evtq.prod = (s->evtq.prod & (uint32_t)Q_OVERFLOW) |
		       ((s->evtq.prod + 1) & lzm_q_wrap_mask(log2));
	s->stats.events++;
	memcpy(s->last_event, r, sizeof(r));
	s->last_event_prod = s->evtq.prod;
	s->last_event_valid = true;
	if (!used)
		lzm_irq_raise(s, LZM_IRQ_EVTQ);
}
