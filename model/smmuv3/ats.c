/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address translation service: Translation Requests and Translated
 * transactions, judged by the cached STE and CR0.ATSCHK (3.9.1, 5.2).
 */
#include "smmu.h"

unsigned lzm_eats(const struct lzm_smmu *s, const struct lzm_ste *ste)
{
	if (!s->cfg.ats || ste->config == STE_BYPASS || ste->config < STE_BYPASS)
		return EATS_OFF;
	if (ste->eats == EATS_SPLIT && !ste->atschk)
		return EATS_OFF;
	return ste->eats == EATS_DPT ? EATS_OFF : ste->eats;
}

static void record(struct lzm_smmu *s, const struct lzm_request *a, uint8_t id)
{
	struct lzm_fault f = {.id = id, .class = CLASS_IN, .report = true};

	lzm_event(s, a, &f, false);
}

/* Configuration errors are recorded only with CR2.REC_CFG_ATS. */
static void record_config(struct lzm_smmu *s, const struct lzm_request *a,
			  const struct lzm_fault *f)
{
	if (s->cr2 & CR2_REC_CFG_ATS)
		lzm_event(s, a, f, false);
}

static enum lzm_result refuse(struct lzm_smmu *s, const struct lzm_request *a)
{
	record(s, a, F_BAD_ATS_TREQ);
	return LZM_UR;
}

static enum lzm_result failed(struct lzm_smmu *s, const struct lzm_request *a,
			      const struct lzm_fault *f)
{
	if (f->id == F_TRANSLATION || f->id == F_ADDR_SIZE || f->id == F_ACCESS ||
	    f->id == F_PERMISSION)
		return LZM_OK; /* nothing granted */
	if (f->id != C_BAD_STREAMID || (s->cr2 & CR2_RECINVSID))
		record_config(s, a, f);
	return LZM_CA;
}

enum lzm_result lzm_smmu_translate(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid,
				   uint64_t iova, struct lzm_translation *out)
{
	struct lzm_request a = {sid, ssv, ssid, iova, false};
	struct lzm_tlb_entry e;
	struct lzm_ste *ste;
	struct lzm_fault f;
	unsigned eats;

	*out = (struct lzm_translation){.iova = iova & ~UINT64_C(0xfff), .size = 4096};
	if (s->sfm)
		return LZM_CA;
	if (!lzm_enabled(s, CR0_SMMUEN))
		return refuse(s, &a);
	ste = lzm_ste_find(s, sid, LOOKUP_FILL, NULL, &f);
	if (!ste)
		return failed(s, &a, &f);
	if (!ste->bad && ste->config < STE_BYPASS)
		return LZM_UR;
	eats = lzm_eats(s, ste);
	if (!ste->bad && eats == EATS_OFF)
		return refuse(s, &a);
	if (!lzm_translate(s, &a, eats == EATS_SPLIT, &ste, &e, &f))
		return failed(s, &a, &f);
	out->size = BIT(e.shift);
	out->iova = iova & ~(out->size - 1);
	out->pa = e.pa;
	out->read = e.r1 && e.r2;
	out->write = e.w1 && e.w2;
	return LZM_OK;
}

/* What a translated transaction meets: pass, stage 2, silent abort or not. */
enum verdict { PASS, STAGE2, FORBIDDEN, ABORTED };

static enum verdict judge(const struct lzm_smmu *s, const struct lzm_ste *ste)
{
	if (!ste->atschk)
		return PASS;
	if (ste->bad || ste->config < STE_BYPASS)
		return ABORTED;
	switch (lzm_eats(s, ste)) {
	case EATS_FULL:
		return PASS;
	case EATS_SPLIT:
		return STAGE2;
	default:
		return FORBIDDEN;
	}
}

static enum lzm_result pass(struct lzm_smmu *s, uint64_t pa, uint64_t *out_pa)
{
	unsigned bits = lzm_oas_bits(s->cfg.oas);

	*out_pa = pa;
	if (!(pa >> bits))
		return LZM_OK;
	*out_pa = pa & (BIT(bits) - 1);
	return s->cfg.knobs.oas_truncates ? LZM_OK : LZM_ABORT;
}

static enum lzm_result stage2(struct lzm_smmu *s, const struct lzm_ste *ste,
			      const struct lzm_request *a, uint64_t *out_pa)
{
	struct lzm_fault f = {.report = true};
	struct lzm_tlb_entry e;

	if (lzm_walk_stage2(s, ste, a->iova, CLASS_IN, &e, &f)) {
		if (a->write ? e.w2 : e.r2) {
			*out_pa = e.pa | (a->iova & (BIT(e.shift) - 1));
			return LZM_OK;
		}
		f = (struct lzm_fault){.id = F_PERMISSION,
				       .class = CLASS_IN,
				       .s2 = true,
				       .report = ste->s2r,
				       .ipa = a->iova};
	}
	if (f.report)
		lzm_event(s, a, &f, ste->mev);
	return LZM_ABORT;
}

enum lzm_result lzm_smmu_translated(struct lzm_smmu *s, uint32_t sid, uint64_t pa,
				    enum lzm_access access, uint64_t *out_pa)
{
	struct lzm_request a = {.sid = sid, .iova = pa, .write = access == LZM_WRITE};
	struct lzm_fault f = {0};
	struct lzm_ste *ste;

	if (s->sfm)
		return LZM_ABORT;
	if (!lzm_enabled(s, CR0_SMMUEN)) {
		record(s, &a, F_TRANSL_FORBIDDEN);
		return LZM_ABORT;
	}
	ste = lzm_ste_find(s, sid, LOOKUP_FILL, NULL, &f);
	if (!ste) {
		if (!lzm_enabled(s, CR0_ATSCHK))
			return pass(s, pa, out_pa);
		record_config(s, &a, &f);
		return LZM_ABORT;
	}
	switch (judge(s, ste)) {
	case PASS:
		return pass(s, pa, out_pa);
	case STAGE2:
		return stage2(s, ste, &a, out_pa);
	case FORBIDDEN:
		record(s, &a, F_TRANSL_FORBIDDEN);
		return LZM_ABORT;
	case ABORTED:
		break;
	}
	if (ste->bad) {
		f.id = C_BAD_STE;
		record_config(s, &a, &f);
	}
	return LZM_ABORT;
}

static bool would_pass(struct lzm_smmu *s, uint32_t sid, enum lzm_lookup how)
{
	struct lzm_ste spare, *ste;
	struct lzm_fault f;
	enum verdict v;

	if (s->sfm || !lzm_enabled(s, CR0_SMMUEN))
		return false;
	ste = lzm_ste_find(s, sid, how, &spare, &f);
	if (!ste)
		return !lzm_enabled(s, CR0_ATSCHK);
	v = judge(s, ste);
	return v == PASS || v == STAGE2;
}

void lzm_smmu_eats_effective(struct lzm_smmu *s, uint32_t sid, bool *now, bool *uncached)
{
	*now = would_pass(s, sid, LOOKUP_PEEK);
	*uncached = would_pass(s, sid, LOOKUP_MEMORY);
}
