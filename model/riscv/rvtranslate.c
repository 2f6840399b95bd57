/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions: untranslated, ATS translation requests, translated ones, page
 * requests (2.3, 3).
 */
#include "riscv/riscv.h"

/* The spaces of an access. false: f says why not. */
static bool resolve(struct lzm_riscv *s, const struct lzm_rv_dc *dc, const struct lzm_rv_access *a,
		    struct lzm_rv_space *sp, struct lzm_rv_fault *f)
{
	uint64_t fsc = dc->fsc, ta = dc->ta;

	*sp = (struct lzm_rv_space){.mode2 = ATP_MODE(dc->hgatp),
				    .root2 = ATP_ADDR(dc->hgatp),
				    .gscid = HGATP_GSCID(dc->hgatp)};
	f->cause = 0;
	if (a->pv && !(dc->tc & TC_PDTV)) {
		f->cause = CAUSE_DISALLOWED;
		return false;
	}
	if (dc->tc & TC_PDTV) {
		const struct lzm_rv_pc *pc;

		if ((!a->pv && !(dc->tc & TC_DPE)) || ATP_MODE(dc->fsc) == PD_BARE)
			return true;
		pc = lzm_rv_pc_find(s, dc, a->pv ? a->pid : 0, f);
		if (!pc)
			return false;
		fsc = pc->fsc;
		ta = pc->ta;
	}
	sp->mode1 = ATP_MODE(fsc);
	sp->root1 = ATP_ADDR(fsc);
	sp->pscid = TA_PSCID(ta);
	return true;
}

static bool page_fault(unsigned cause)
{
	return cause == CAUSE_READ_PAGE || cause == CAUSE_WRITE_PAGE || cause == CAUSE_READ_GUEST ||
	       cause == CAUSE_WRITE_GUEST;
}

enum lzm_result lzm_riscv_untranslated(struct lzm_riscv *s, uint32_t did, bool pv, uint32_t pid,
				       uint64_t iova, enum lzm_access access, uint64_t *pa)
{
	struct lzm_rv_access a = {did,	pid,
				  pv,	access == LZM_WRITE,
				  iova, access == LZM_WRITE ? TTYP_WRITE : TTYP_READ};
	struct lzm_rv_fault f = {.iotval = iova};
	const struct lzm_rv_dc *dc = NULL;
	struct lzm_rv_space sp;
	struct lzm_rv_dc spare;
	struct lzm_rv_tlb e;

	switch (DDTP_MODE(s->ddtp)) {
	case DDTP_OFF:
		f.cause = CAUSE_OFF;
		break;
	case DDTP_BARE:
		*pa = iova;
		return LZM_OK;
	default:
		dc = lzm_rv_dc_find(s, did, RV_FILL, &spare, &f);
		if (dc && resolve(s, dc, &a, &sp, &f) && lzm_rv_walk(s, &sp, &a, &e, &f)) {
			*pa = e.pa | (iova & (BIT(e.shift) - 1));
			return LZM_OK;
		}
		break;
	}
	lzm_rv_fault(s, &a, dc, &f);
	return LZM_ABORT;
}

static bool load_fault(unsigned cause)
{
	return cause == CAUSE_READ_ACCESS || cause == CAUSE_WRITE_ACCESS ||
	       cause == CAUSE_DDT_LOAD || cause == CAUSE_PDT_LOAD;
}

static enum lzm_result refuse(struct lzm_riscv *s, const struct lzm_rv_access *a,
			      const struct lzm_rv_dc *dc, const struct lzm_rv_fault *f)
{
	lzm_rv_fault(s, a, dc, f);
	return load_fault(f->cause) ? LZM_CA : LZM_UR;
}

enum lzm_result lzm_riscv_translate(struct lzm_riscv *s, uint32_t did, bool pv, uint32_t pid,
				    uint64_t iova, struct lzm_translation *out)
{
	struct lzm_rv_access a = {did, pid, pv, false, iova, TTYP_ATS};
	struct lzm_rv_fault f = {.iotval = iova};
	const struct lzm_rv_dc *dc;
	struct lzm_rv_space sp;
	struct lzm_rv_dc spare;
	struct lzm_rv_tlb e;

	*out = (struct lzm_translation){.iova = iova & ~UINT64_C(0xfff), .size = 4096};
	if (DDTP_MODE(s->ddtp) < DDTP_1LVL) {
		f.cause = DDTP_MODE(s->ddtp) == DDTP_OFF ? CAUSE_OFF : CAUSE_DISALLOWED;
		return refuse(s, &a, NULL, &f);
	}
	dc = lzm_rv_dc_find(s, did, RV_FILL, &spare, &f);
	if (dc && !(dc->tc & TC_EN_ATS))
		f.cause = CAUSE_DISALLOWED;
	if (!dc || f.cause || !resolve(s, dc, &a, &sp, &f))
		return refuse(s, &a, dc, &f);
	if (!lzm_rv_walk(s, &sp, &a, &e, &f)) {
		/* A page that may only be written, or nothing at all. */
		a.write = true;
		if (!page_fault(f.cause))
			return refuse(s, &a, dc, &f);
		f.cause = 0;
		if (!lzm_rv_walk(s, &sp, &a, &e, &f))
			return page_fault(f.cause) ? LZM_OK : refuse(s, &a, dc, &f);
	}
	out->size = BIT(e.shift);
	out->iova = iova & ~(out->size - 1);
	out->pa = e.pa;
	out->read = e.r;
	out->write = e.w;
	return LZM_OK;
}

enum lzm_result lzm_riscv_translated(struct lzm_riscv *s, uint32_t did, uint64_t pa,
				     enum lzm_access access, uint64_t *out_pa)
{
	struct lzm_rv_access a = {.did = did,
				  .iova = pa,
				  .write = access == LZM_WRITE,
				  .ttyp = access == LZM_WRITE ? TTYP_TRANSLATED_WRITE
							      : TTYP_TRANSLATED_READ};
	struct lzm_rv_fault f = {.iotval = pa};
	const struct lzm_rv_dc *dc = NULL;
	struct lzm_rv_dc spare;

	*out_pa = pa;
	if (DDTP_MODE(s->ddtp) == DDTP_OFF)
		f.cause = CAUSE_OFF;
	else if (DDTP_MODE(s->ddtp) == DDTP_BARE)
		f.cause = CAUSE_DISALLOWED;
	else
		dc = lzm_rv_dc_find(s, did, RV_FILL, &spare, &f);
	if (dc && (dc->tc & TC_EN_ATS) && !(pa >> s->cfg.pas))
		return LZM_OK;
	if (dc)
		f.cause = CAUSE_DISALLOWED;
	lzm_rv_fault(s, &a, dc, &f);
	return LZM_ABORT;
}

static bool would_pass(struct lzm_riscv *s, uint32_t did, enum lzm_rv_lookup how)
{
	struct lzm_rv_dc spare;
	struct lzm_rv_fault f;
	const struct lzm_rv_dc *dc;

	if (DDTP_MODE(s->ddtp) < DDTP_1LVL)
		return false;
	dc = lzm_rv_dc_find(s, did, how, &spare, &f);
	return dc && (dc->tc & TC_EN_ATS);
}

void lzm_riscv_ats_effective(struct lzm_riscv *s, uint32_t did, bool *now, bool *uncached)
{
	*now = would_pass(s, did, RV_PEEK);
	*uncached = would_pass(s, did, RV_MEMORY);
}
