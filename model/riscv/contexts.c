/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device contexts (directory of one to three levels, base and extended format) and
 * process contexts, their checks and caches (chapter 2). An entry with V = 0 is not cached.
 */
#include "riscv/riscv.h"

#include <string.h>

static struct lzm_rv_dc *dc_slot(struct lzm_riscv *s, uint32_t did)
{
	return &s->dc[(did * UINT32_C(2654435761) >> 8) & s->ctx_mask];
}

static struct lzm_rv_pc *pc_slot(struct lzm_riscv *s, uint32_t did, uint32_t pid)
{
	return &s->pc[((did * UINT32_C(2654435761) ^ pid * UINT32_C(40503)) >> 8) & s->ctx_mask];
}

void lzm_rv_ctx_invalidate(struct lzm_riscv *s, bool all, uint32_t did, bool any_pid, uint32_t pid,
			   bool devices)
{
	for (uint32_t i = 0; i <= s->ctx_mask; i++) {
		if (devices && (all || s->dc[i].did == did))
			s->dc[i].cached = false;
		if ((all || s->pc[i].did == did) && (any_pid || s->pc[i].pid == pid))
			s->pc[i].cached = false;
	}
}

static bool failed(struct lzm_rv_fault *f, unsigned cause)
{
	f->cause = cause;
	return false;
}

/* ---- device contexts ---- */

static bool mode_known(const struct lzm_riscv *s, unsigned mode)
{
	return mode == ATP_BARE || mode == ATP_SV39 || (mode == ATP_SV48 && s->cfg.sv48) ||
	       (mode == ATP_SV57 && s->cfg.sv57);
}

static bool dc_good(const struct lzm_riscv *s, const struct lzm_rv_dc *dc)
{
	unsigned fsc = ATP_MODE(dc->fsc), hgatp = ATP_MODE(dc->hgatp);
	uint64_t tc = dc->tc;

	if (tc & ~TC_KNOWN)
		return false;
	if (!(tc & TC_EN_ATS) && (tc & (TC_EN_PRI | TC_T2GPA)))
		return false;
	if (!(tc & TC_EN_PRI) && (tc & TC_PRPR))
		return false;
	if ((tc & TC_EN_ATS) && !s->cfg.ats)
		return false;
	if ((tc & TC_DPE) && !(tc & TC_PDTV))
		return false;
	if (hgatp != ATP_BARE &&
	    (!s->cfg.stage2 || !mode_known(s, hgatp) || (ATP_ADDR(dc->hgatp) & 0x3fff)))
		return false;
	if (tc & TC_PDTV)
		return fsc <= (s->cfg.pd20 ? (unsigned)PD_20 : (unsigned)PD_17);
	return mode_known(s, fsc);
}

/* msiptp, its mask and pattern, and a reserved word. What asks for MSI page tables is
 * not modelled. */
static bool msi_good(struct lzm_riscv *s, const uint64_t w[4])
{
	if (!s->cfg.msi_flat)
		return true;
	if (ATP_MODE(w[0]) == MSIPTP_FLAT && !w[3])
		lzm_rv_misuse(s, "MSI page tables are not modelled");
	return ATP_MODE(w[0]) == MSIPTP_OFF && !w[3];
}

/* An injected abort is met by who translates, not by who looks. */
static bool dc_fetch(struct lzm_riscv *s, uint32_t did, enum lzm_rv_lookup how,
		     struct lzm_rv_dc *dc, struct lzm_rv_fault *f)
{
	static const unsigned base[4] = {0, 7, 16, 24}, extended[4] = {0, 6, 15, 24};
	const unsigned *shift = s->cfg.msi_flat ? extended : base;
	unsigned levels = DDTP_MODE(s->ddtp) - DDTP_BARE;
	size_t bytes = s->cfg.msi_flat ? 64 : 32;
	uint64_t table = TABLE_ADDR(s->ddtp), w[8] = {0};

	if (levels < 3 && did >> shift[levels])
		return failed(f, CAUSE_DISALLOWED);
	if (how == RV_FILL && s->ddt_fault && s->ddt_fault_did == did) {
		s->ddt_fault = false;
		return failed(f, CAUSE_DDT_LOAD);
	}
	for (unsigned l = levels - 1; l > 0; l--) {
		uint32_t index = did >> shift[l] & ((1u << (shift[l + 1] - shift[l])) - 1);

		if (!lzm_rv_read(s, table + index * 8, w, 8))
			return failed(f, CAUSE_DDT_LOAD);
		if (!(w[0] & TABLE_V))
			return failed(f, CAUSE_DDT_INVALID);
		if (w[0] & ~(TABLE_V | DDTP_PPN_MASK))
			return failed(f, CAUSE_DDT_BAD);
		table = TABLE_ADDR(w[0]);
	}
	if (!lzm_rv_read(s, table + (did & ((1u << shift[1]) - 1)) * bytes, w, bytes))
		return failed(f, CAUSE_DDT_LOAD);
	*dc = (struct lzm_rv_dc){false, did, w[0], w[1], w[2], w[3]};
	if (!(dc->tc & TC_V))
		return failed(f, CAUSE_DDT_INVALID);
	return dc_good(s, dc) && msi_good(s, w + 4) ? true : failed(f, CAUSE_DDT_BAD);
}

const struct lzm_rv_dc *lzm_rv_dc_find(struct lzm_riscv *s, uint32_t did, enum lzm_rv_lookup how,
				       struct lzm_rv_dc *spare, struct lzm_rv_fault *f)
{
	struct lzm_rv_dc *slot = dc_slot(s, did);

	f->cause = 0;
	if (how != RV_MEMORY && slot->cached && slot->did == did && !s->cfg.knobs.ctx_uncached)
		return slot;
	if (DDTP_MODE(s->ddtp) < DDTP_1LVL)
		return NULL;
	if (!dc_fetch(s, did, how, spare, f))
		return NULL;
	if (how != RV_FILL)
		return spare;
	*slot = *spare;
	slot->cached = true;
	return slot;
}

/* ---- process contexts ---- */

/* A table of a guest's is found through the second stage. */
static bool guest_read(struct lzm_riscv *s, const struct lzm_rv_dc *dc, uint64_t gpa, void *buf,
		       size_t len, struct lzm_rv_fault *f)
{
	struct lzm_rv_space sp = {.mode2 = ATP_MODE(dc->hgatp),
				  .root2 = ATP_ADDR(dc->hgatp),
				  .gscid = HGATP_GSCID(dc->hgatp)};
	struct lzm_rv_tlb e;

	if (sp.mode2 != ATP_BARE) {
		if (!lzm_rv_walk_stage2(s, &sp, gpa, false, &e, f))
			return false;
		gpa = e.pa | (gpa & (BIT(e.shift) - 1));
	}
	return lzm_rv_read(s, gpa, buf, len) ? true : failed(f, CAUSE_PDT_LOAD);
}

static bool pc_fetch(struct lzm_riscv *s, const struct lzm_rv_dc *dc, uint32_t pid,
		     struct lzm_rv_pc *pc, struct lzm_rv_fault *f)
{
	static const unsigned shift[3] = {0, 8, 17}, width[3] = {8, 9, 3};
	unsigned levels = ATP_MODE(dc->fsc);
	uint64_t table = ATP_ADDR(dc->fsc), w[2];

	if (levels < 3 && pid >> shift[levels])
		return failed(f, CAUSE_DISALLOWED);
	for (unsigned l = levels - 1; l > 0; l--) {
		uint32_t index = pid >> shift[l] & ((1u << width[l]) - 1);

		if (!guest_read(s, dc, table + index * 8, w, 8, f))
			return false;
		if (!(w[0] & TABLE_V))
			return failed(f, CAUSE_PDT_INVALID);
		if (w[0] & ~(TABLE_V | DDTP_PPN_MASK))
			return failed(f, CAUSE_PDT_BAD);
		table = TABLE_ADDR(w[0]);
	}
	if (!guest_read(s, dc, table + (pid & 255) * 16, w, 16, f))
		return false;
	*pc = (struct lzm_rv_pc){false, dc->did, pid, w[0], w[1]};
	if (!(pc->ta & PC_V))
		return failed(f, CAUSE_PDT_INVALID);
	return mode_known(s, ATP_MODE(pc->fsc)) ? true : failed(f, CAUSE_PDT_BAD);
}

const struct lzm_rv_pc *lzm_rv_pc_find(struct lzm_riscv *s, const struct lzm_rv_dc *dc,
				       uint32_t pid, struct lzm_rv_fault *f)
{
	struct lzm_rv_pc *slot = pc_slot(s, dc->did, pid), pc;

	f->cause = 0;
	if (slot->cached && slot->did == dc->did && slot->pid == pid && !s->cfg.knobs.ctx_uncached)
		return slot;
	if (!pc_fetch(s, dc, pid, &pc, f))
		return NULL;
	*slot = pc;
	slot->cached = true;
	return slot;
}
