/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Context descriptors: which one an access uses (S1DSS, SubstreamID, linear
 * and two-level tables), validity (5.4), and the cache.
 */
#include "smmu.h"

static void set(struct lzm_fault *f, uint8_t id)
{
	f->id = id;
	f->report = true;
}

/* Physical address of a stage-1 structure: an IPA in a nested entry. */
static bool structure_address(struct lzm_smmu *s, const struct lzm_ste *ste, uint64_t *addr,
			      struct lzm_fault *f)
{
	struct lzm_tlb_entry e;

	if (ste->config != STE_NESTED)
		return true;
	if (!lzm_walk_stage2(s, ste, *addr, CLASS_CD, &e, f))
		return false;
	*addr = e.pa | (*addr & (BIT(e.shift) - 1));
	return true;
}

static bool fetch(struct lzm_smmu *s, const struct lzm_ste *ste, uint64_t addr, void *buf,
		  size_t len, struct lzm_fault *f)
{
	if (!structure_address(s, ste, &addr, f))
		return false;
	f->fetch = addr;
	if (lzm_mem_read(s, addr, buf, len))
		return true;
	set(f, F_CD_FETCH);
	return false;
}

static bool locate(struct lzm_smmu *s, const struct lzm_ste *ste, uint32_t ssid, uint64_t *addr,
		   struct lzm_fault *f)
{
	unsigned leaf = ste->s1fmt == 1 ? 6 : 10;
	uint64_t l1;

	*addr = ste->s1ctx + (uint64_t)ssid * 64;
	if (!ste->s1cdmax || !ste->s1fmt)
		return true;
	if (!fetch(s, ste, ste->s1ctx + (uint64_t)(ssid >> leaf) * 8, &l1, 8, f))
		return false;
	*addr = l1 & SMMU_ADDR_MASK & ~((UINT64_C(64) << leaf) - 1);
	if (!(l1 & 1) || *addr >> lzm_oas_bits(s->cfg.oas)) {
		set(f, C_BAD_SUBSTREAMID);
		return false;
	}
	*addr += (ssid & (BIT(leaf) - 1)) * 64;
	return true;
}

static bool half_bad(const struct lzm_smmu *s, const struct lzm_cd *cd, unsigned half,
		     unsigned granule)
{
	if (cd->epd[half])
		return false;
	return granule != (half ? 2u : 0u) || cd->tsz[half] < 16 || cd->tsz[half] > 39 ||
	       cd->ttb[half] >> lzm_oas_bits(s->cfg.oas);
}

static void decode(const struct lzm_smmu *s, const uint64_t w[8], struct lzm_cd *cd)
{
	cd->tsz[0] = (uint8_t)BITS(w[0], 5, 0);
	cd->tsz[1] = (uint8_t)BITS(w[0], 21, 16);
	cd->epd[0] = (w[0] & BIT(14)) != 0;
	cd->epd[1] = (w[0] & BIT(30)) != 0;
	cd->ips = (uint8_t)BITS(w[0], 34, 32);
	cd->affd = (w[0] & BIT(35)) != 0;
	cd->r = (w[0] & BIT(45)) != 0;
	cd->asid = (uint16_t)(w[0] >> 48);
	cd->ttb[0] = w[1] & UINT64_C(0x000ffffffffffff0);
	cd->ttb[1] = w[2] & UINT64_C(0x000ffffffffffff0);
	cd->bad = !(w[0] & BIT(31)) ||				       /* V */
		  !(w[0] & BIT(46)) ||				       /* A: TERM_MODEL = 1 */
		  (w[0] & BIT(44)) ||				       /* S: STALL_MODEL = 1 */
		  !(w[0] & BIT(41)) ||				       /* AA64: TTF */
		  (w[0] & (BIT(42) | BIT(43))) ||		       /* HD, HA: HTTU = 0 */
		  ((w[0] & BIT(15)) && !(cd->epd[0] && cd->epd[1])) || /* ENDI */
		  half_bad(s, cd, 0, (unsigned)BITS(w[0], 7, 6)) ||
		  half_bad(s, cd, 1, (unsigned)BITS(w[0], 23, 22));
}

/* Which descriptor; false: a fault, or (f->id 0) stage 1 is bypassed. */
static bool choose(const struct lzm_ste *ste, const struct lzm_request *a, uint32_t *ssid,
		   struct lzm_fault *f)
{
	*ssid = a->ssv ? a->ssid : 0;
	if (a->ssv) {
		if (!ste->s1cdmax || *ssid >> ste->s1cdmax) {
			set(f, C_BAD_SUBSTREAMID);
			return false;
		}
		if (ste->s1dss == S1DSS_SSID0 && !*ssid) {
			set(f, F_STREAM_DISABLED);
			return false;
		}
	} else if (ste->s1cdmax && ste->s1dss != S1DSS_SSID0) {
		if (ste->s1dss != S1DSS_BYPASS)
			set(f, F_STREAM_DISABLED);
		return false;
	}
	return true;
}

static struct lzm_cd *slot_of(struct lzm_smmu *s, uint32_t sid, uint32_t ssid)
{
	return &s->cd[(sid + ssid * 37) & s->cfg_mask];
}

struct lzm_cd *lzm_cd_find(struct lzm_smmu *s, const struct lzm_ste *ste,
			   const struct lzm_request *a, struct lzm_fault *f)
{
	struct lzm_cd *cd;
	uint64_t w[8], addr;
	uint32_t ssid;

	if (!choose(ste, a, &ssid, f))
		return NULL;
	cd = slot_of(s, a->sid, ssid);
	if (!cd->cached || cd->sid != a->sid || cd->ssid != ssid) {
		if (!locate(s, ste, ssid, &addr, f) || !fetch(s, ste, addr, w, sizeof(w), f))
			return NULL;
		*cd = (struct lzm_cd){.cached = true, .sid = a->sid, .ssid = ssid};
		decode(s, w, cd);
	}
	if (cd->bad) {
		set(f, C_BAD_CD);
		return NULL;
	}
	return cd;
}

void lzm_cd_invalidate(struct lzm_smmu *s, uint32_t first, uint32_t last, bool any, uint32_t ssid)
{
	struct lzm_cd *cd;
	uint32_t i;

	if (!any && first == last) {
		cd = slot_of(s, first, ssid);
		if (cd->sid == first && cd->ssid == ssid)
			cd->cached = false;
		return;
	}
	for (i = 0; i <= s->cfg_mask; i++) {
		cd = &s->cd[i];
		if (cd->sid >= first && cd->sid <= last && (any || cd->ssid == ssid))
			cd->cached = false;
	}
}
