/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stream table lookup, linear and two-level, the rules that make an entry
 * illegal (5.2), and the entry cache, which knows nothing of later stores to
 * the table until CMD_CFGI_* is executed (3.21).
 */
#include "smmu.h"

#include <string.h>

static bool stage1_bad(const struct lzm_smmu *s, const struct lzm_ste *e, const uint64_t w[8])
{
	bool s1stalld = (w[1] & BIT(27)) != 0;

	return s1stalld || e->s1cdmax > s->cfg.ssid_bits || (e->s1cdmax && e->s1fmt == 3) ||
	       e->s1ctx >> lzm_oas_bits(s->cfg.oas);
}

static bool stage2_bad(const struct lzm_smmu *s, struct lzm_ste *e, const uint64_t w[8])
{
	unsigned sl0 = (unsigned)BITS(w[2], 39, 38);
	int top;

	if (sl0 == 3 || e->s2t0sz < 16 || e->s2t0sz > 39)
		return true;
	e->s2level = 2 - sl0;
	top = 64 - e->s2t0sz - (12 + 9 * (3 - e->s2level));
	if (top < 1 || top > 13)
		return true;
	return BITS(w[2], 47, 46) != 0 ||		 /* S2TG: 4K only */
	       !(w[2] & BIT(51)) ||			 /* S2AA64: TTF = AArch64 */
	       (w[2] & (BIT(52) | BIT(55) | BIT(56))) || /* S2ENDI, S2HD, S2HA */
	       (w[2] & BIT(57)) ||			 /* S2S: STALL_MODEL = 1 */
	       e->s2ttb >> lzm_oas_bits(s->cfg.oas);
}

static bool eats_bad(const struct lzm_smmu *s, const struct lzm_ste *e)
{
	if (!s->cfg.ats || (e->config & 3) == 0)
		return false;
	return e->eats == EATS_SPLIT && (e->config != STE_NESTED || !s->cfg.stage2);
}

static void decode(const struct lzm_smmu *s, const uint64_t w[8], struct lzm_ste *e)
{
	e->config = (uint8_t)BITS(w[0], 3, 1);
	e->s1fmt = (uint8_t)BITS(w[0], 5, 4);
	e->s1ctx = w[0] & SMMU_ADDR_MASK & ~UINT64_C(0x3f);
	e->s1cdmax = (uint8_t)BITS(w[0], 63, 59);
	e->s1dss = (uint8_t)BITS(w[1], 1, 0);
	e->ppar = (w[1] & BIT(18)) != 0;
	e->mev = (w[1] & BIT(19)) != 0;
	e->eats = (uint8_t)BITS(w[1], 29, 28);
	e->privcfg = (uint8_t)BITS(w[1], 49, 48);
	e->vmid = s->cfg.stage2 ? (uint16_t)w[2] : 0;
	e->s2t0sz = (uint8_t)BITS(w[2], 37, 32);
	e->s2ps = (uint8_t)BITS(w[2], 50, 48);
	e->s2affd = (w[2] & BIT(53)) != 0;
	e->s2r = (w[2] & BIT(58)) != 0;
	e->s2ttb = w[3] & UINT64_C(0x000ffffffffffff0);
	if (!(w[0] & 1)) {
		e->bad = true;
		return;
	}
	if (e->config < STE_BYPASS)
		return;
	e->bad = eats_bad(s, e) || ((e->config & 1) && stage1_bad(s, e, w)) ||
		 ((e->config & 2) && (!s->cfg.stage2 || stage2_bad(s, e, w)));
}

static unsigned strtab_log2(const struct lzm_smmu *s)
{
	unsigned log2 = s->strtab_cfg & 0x3f;

	return log2 < s->cfg.sid_bits ? log2 : s->cfg.sid_bits;
}

/* Address of the entry; 0 in f->id unless it is out of range or unreadable. */
static uint64_t locate(struct lzm_smmu *s, uint32_t sid, struct lzm_fault *f)
{
	unsigned log2 = strtab_log2(s), split = BITS(s->strtab_cfg, 10, 6), span;
	uint64_t base = s->strtab_base & SMMU_ADDR_MASK & ~UINT64_C(0x3f), size, l1;

	if ((uint64_t)sid >> log2) {
		f->id = C_BAD_STREAMID;
		return 0;
	}
	if (!s->cfg.two_level || BITS(s->strtab_cfg, 17, 16) != 1) {
		size = UINT64_C(64) << log2;
		return (base & ~(size - 1)) + (uint64_t)sid * 64;
	}
	if (split != 8 && split != 10)
		split = 6;
	size = log2 > split ? UINT64_C(8) << (log2 - split) : 8;
	if (size < 64)
		size = 64;
	f->fetch = (base & ~(size - 1)) + (uint64_t)(sid >> split) * 8;
	if (!lzm_mem_read(s, f->fetch, &l1, 8)) {
		f->id = F_STE_FETCH;
		return 0;
	}
	span = (unsigned)(l1 & 0x1f);
	if (!span || span > split + 1 || (sid & (BIT(split) - 1)) >= BIT(span - 1)) {
		f->id = C_BAD_STREAMID;
		return 0;
	}
	size = UINT64_C(64) << (span - 1);
	return (l1 & SMMU_ADDR_MASK & ~UINT64_C(0x3f) & ~(size - 1)) +
	       (sid & (BIT(split) - 1)) * 64;
}

struct lzm_ste *lzm_ste_find(struct lzm_smmu *s, uint32_t sid, enum lzm_lookup how,
			     struct lzm_ste *spare, struct lzm_fault *f)
{
	struct lzm_ste *slot = &s->ste[sid & s->cfg_mask];
	uint64_t w[8], addr;

	if (how != LOOKUP_MEMORY && slot->cached && slot->sid == sid)
		return slot;
	*f = (struct lzm_fault){.report = true};
	addr = locate(s, sid, f);
	if (f->id)
		return NULL;
	f->fetch = addr;
	if ((how == LOOKUP_FILL && s->ste_abort && s->ste_abort_sid == sid) ||
	    !lzm_mem_read(s, addr, w, sizeof(w))) {
		s->ste_abort = false;
		f->id = F_STE_FETCH;
		return NULL;
	}
	if (how != LOOKUP_FILL)
		slot = spare;
	*slot = (struct lzm_ste){
		.cached = true,
		.sid = sid,
		.atschk = lzm_enabled(s, CR0_ATSCHK),
	};
	decode(s, w, slot);
	return slot;
}

/* The descriptors reached through the entry go with it. */
void lzm_ste_invalidate(struct lzm_smmu *s, uint32_t first, uint32_t last)
{
	uint32_t i;

	if (last - first >= s->cfg_mask) {
		for (i = 0; i <= s->cfg_mask; i++)
			if (s->ste[i].sid >= first && s->ste[i].sid <= last)
				s->ste[i].cached = false;
	} else {
		for (i = 0; i <= last - first; i++)
			if (s->ste[(first + i) & s->cfg_mask].sid == first + i)
				s->ste[(first + i) & s->cfg_mask].cached = false;
	}
	lzm_cd_invalidate(s, first, last, true, 0);
}

void lzm_ste_invalidate_all(struct lzm_smmu *s)
{
	lzm_ste_invalidate(s, 0, UINT32_MAX);
}
