/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One access through STE, CD and tables, and untranslated transactions.
 */
#include "smmu.h"

static bool bypass(const struct lzm_smmu *s, uint64_t iova, struct lzm_tlb_entry *out,
		   struct lzm_fault *f)
{
	if (iova >> lzm_oas_bits(s->cfg.oas)) {
		*f = (struct lzm_fault){.id = F_ADDR_SIZE, .class = CLASS_IN, .report = true};
		return false;
	}
	*out = (struct lzm_tlb_entry){
		.shift = 12,
		.va = iova & ~UINT64_C(0xfff),
		.pa = iova & ~UINT64_C(0xfff),
		.r1 = true,
		.w1 = true,
		.r2 = true,
		.w2 = true,
	};
	return true;
}

bool lzm_translate(struct lzm_smmu *s, const struct lzm_request *a, bool only_stage1,
		   struct lzm_ste **ste, struct lzm_tlb_entry *out, struct lzm_fault *f)
{
	struct lzm_cd *cd = NULL;
	struct lzm_ste *e;

	*f = (struct lzm_fault){.report = true};
	*ste = e = lzm_ste_find(s, a->sid, LOOKUP_FILL, NULL, f);
	if (!e)
		return false;
	if (e->bad) {
		f->id = C_BAD_STE;
		return false;
	}
	if (e->config < STE_BYPASS)
		return false;
	if (!(e->config & 1) && a->ssv) {
		f->id = C_BAD_SUBSTREAMID;
		return false;
	}
	if (e->config & 1) {
		cd = lzm_cd_find(s, e, a, f);
		if (!cd && f->id)
			return false;
	}
	if (cd)
		return lzm_walk_stage1(s, e, cd, a->iova, only_stage1, out, f);
	if ((e->config & 2) && !only_stage1)
		return lzm_walk_stage2(s, e, a->iova, CLASS_IN, out, f);
	return bypass(s, a->iova, out, f);
}

static bool permitted(const struct lzm_tlb_entry *e, bool write, struct lzm_fault *f,
		      const struct lzm_ste *ste)
{
	bool ok1 = write ? e->w1 : e->r1, ok2 = write ? e->w2 : e->r2;

	if (ok1 && ok2)
		return true;
	f->id = F_PERMISSION;
	f->class = CLASS_IN;
	f->s2 = ok1;
	f->report = ok1 ? ste->s2r : f->report;
	return false;
}

/* CD.R of the access, also when the translation came from the TLB. */
static void report_flag(struct lzm_smmu *s, const struct lzm_request *a, struct lzm_ste *ste,
			struct lzm_fault *f)
{
	struct lzm_fault ignored = {0};
	struct lzm_cd *cd = (ste->config & 1) ? lzm_cd_find(s, ste, a, &ignored) : NULL;

	f->report = !cd || cd->r;
}

enum lzm_result lzm_smmu_untranslated(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid,
				      uint64_t iova, enum lzm_access access, uint64_t *pa)
{
	struct lzm_request a = {sid, ssv, ssid, iova, access == LZM_WRITE};
	struct lzm_tlb_entry e;
	struct lzm_fault f;
	struct lzm_ste *ste;

	if (s->sfm)
		return LZM_ABORT;
	if (!lzm_enabled(s, CR0_SMMUEN)) {
		*pa = iova;
		return s->gbpa & GBPA_ABORT ? LZM_ABORT : LZM_OK;
	}
	if (lzm_translate(s, &a, false, &ste, &e, &f)) {
		report_flag(s, &a, ste, &f);
		if (permitted(&e, a.write, &f, ste)) {
			*pa = e.pa | (iova & (BIT(e.shift) - 1));
			return LZM_OK;
		}
	}
	if (f.id == C_BAD_STREAMID && !(s->cr2 & CR2_RECINVSID))
		return LZM_ABORT;
	if (f.id && f.report)
		lzm_event(s, &a, &f, ste && ste->mev);
	return LZM_ABORT;
}
