/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: Sv39, Sv48, Sv57 and their second-stage forms, whose root has four
 * times the entries. Hardware does not update A and D here: clear, they fault.
 */
#include "riscv/riscv.h"

static unsigned levels(unsigned mode)
{
	return mode - ATP_SV39 + 3;
}

static bool failed(struct lzm_rv_fault *f, unsigned cause, uint64_t iotval2)
{
	f->cause = cause;
	f->iotval2 = iotval2;
	return false;
}

struct leaf {
	uint64_t pte, table;
	unsigned shift;
};

/* How a table is read and how its faults are called. */
struct reader {
	struct lzm_riscv *s;
	const struct lzm_rv_space *sp;
	bool guest; /* table addresses are guest physical */
	unsigned page, access;
};

static bool read_pte(const struct reader *r, uint64_t at, uint64_t *pte, struct lzm_rv_fault *f)
{
	if (r->guest && r->sp->mode2 != ATP_BARE) {
		struct lzm_rv_tlb e;

		if (!lzm_rv_walk_stage2(r->s, r->sp, at, false, &e, f))
			return false;
		at = e.pa | (at & (BIT(e.shift) - 1));
	}
	return lzm_rv_read(r->s, at, pte, 8) ? true : failed(f, r->access, 0);
}

static bool descend(const struct reader *r, uint64_t table, unsigned level, uint64_t addr,
		    unsigned extra, struct leaf *out, struct lzm_rv_fault *f)
{
	for (;; level--) {
		unsigned shift = 12 + 9 * level;
		uint64_t index = addr >> shift & (BIT(9 + extra) - 1), pte;

		extra = 0;
		if (!read_pte(r, table + index * 8, &pte, f))
			return false;
		if (!(pte & PTE_V) || (!(pte & PTE_R) && (pte & PTE_W)) || (pte & PTE_RES))
			return failed(f, r->page, 0);
		if (pte & (PTE_R | PTE_X)) {
			if (PTE_ADDR(pte) & (BIT(shift) - 1))
				return failed(f, r->page, 0);
			*out = (struct leaf){pte, table, shift};
			return true;
		}
		if (!level || (pte & (PTE_U | PTE_A | PTE_D)))
			return failed(f, r->page, 0);
		table = PTE_ADDR(pte);
	}
}

static bool permitted(uint64_t pte, bool write)
{
	uint64_t want = PTE_U | PTE_A | (write ? PTE_W | PTE_D : PTE_R);

	return (pte & want) == want;
}

/* Not cached by itself: only what a whole translation found is. */
bool lzm_rv_walk_stage2(struct lzm_riscv *s, const struct lzm_rv_space *sp, uint64_t gpa,
			bool write, struct lzm_rv_tlb *out, struct lzm_rv_fault *f)
{
	struct reader r = {s, sp, false, write ? CAUSE_WRITE_GUEST : CAUSE_READ_GUEST,
			   write ? CAUSE_WRITE_ACCESS : CAUSE_READ_ACCESS};
	unsigned n = levels(sp->mode2);
	struct leaf leaf;

	if (gpa >> (12 + 9 * n + 2))
		return failed(f, r.page, gpa);
	if (!descend(&r, sp->root2, n - 1, gpa, 2, &leaf, f) || !permitted(leaf.pte, write)) {
		if (!f->cause || f->cause == r.page)
			return failed(f, r.page, gpa);
		return false;
	}
	*out = (struct lzm_rv_tlb){.shift = (uint8_t)leaf.shift,
				   .pa = PTE_ADDR(leaf.pte),
				   .r = permitted(leaf.pte, false),
				   .w = permitted(leaf.pte, true)};
	return true;
}

static bool canonical(uint64_t va, unsigned bits)
{
	int64_t high = (int64_t)va >> (bits - 1);

	return high == 0 || high == -1;
}

/* First stage: from the cached last-level table when there is one. */
static bool stage1(struct lzm_riscv *s, const struct lzm_rv_space *sp,
		   const struct lzm_rv_access *a, struct leaf *leaf, struct lzm_rv_fault *f)
{
	struct reader r = {s, sp, true, a->write ? CAUSE_WRITE_PAGE : CAUSE_READ_PAGE,
			   a->write ? CAUSE_WRITE_ACCESS : CAUSE_READ_ACCESS};
	struct lzm_rv_tlb *t = lzm_rv_tlb_find(s, RV_TABLE, sp, a->iova);
	unsigned n = levels(sp->mode1);

	if (!canonical(a->iova, 12 + 9 * n))
		return failed(f, r.page, 0);
	if (!descend(&r, t ? t->pa : sp->root1, t ? 0 : n - 1, a->iova, 0, leaf, f))
		return false;
	if (!t && leaf->shift == 12) {
		struct lzm_rv_tlb e = {.kind = RV_TABLE,
				       .shift = 21,
				       .s1 = true,
				       .gv = sp->mode2 != ATP_BARE,
				       .gscid = sp->gscid,
				       .pscid = sp->pscid,
				       .va = a->iova & ~(BIT(21) - 1),
				       .pa = leaf->table};

		lzm_rv_tlb_insert(s, &e);
	}
	return permitted(leaf->pte, a->write) ? true : failed(f, r.page, 0);
}

static void combine(struct lzm_rv_tlb *e, const struct lzm_rv_tlb *second)
{
	if (second->shift < e->shift)
		e->shift = second->shift;
	e->r = e->r && second->r;
	e->w = e->w && second->w;
}

bool lzm_rv_walk(struct lzm_riscv *s, const struct lzm_rv_space *sp, const struct lzm_rv_access *a,
		 struct lzm_rv_tlb *out, struct lzm_rv_fault *f)
{
	struct lzm_rv_tlb *hit = lzm_rv_tlb_find(s, RV_LEAF, sp, a->iova), second;
	struct lzm_rv_tlb e = {.shift = 30, .r = true, .w = true, .gscid = sp->gscid};
	uint64_t gpa = a->iova;
	struct leaf leaf;

	if (hit && (a->write ? hit->w : hit->r)) {
		*out = *hit;
		return true;
	}
	e.pscid = sp->pscid;
	e.s1 = sp->mode1 != ATP_BARE;
	e.gv = sp->mode2 != ATP_BARE;
	if (e.s1) {
		if (!stage1(s, sp, a, &leaf, f))
			return false;
		e.shift = (uint8_t)leaf.shift;
		e.global = (leaf.pte & PTE_G) != 0;
		e.r = permitted(leaf.pte, false);
		e.w = permitted(leaf.pte, true);
		gpa = PTE_ADDR(leaf.pte) | (a->iova & (BIT(leaf.shift) - 1));
	}
	e.pa = gpa;
	e.gpa = gpa;
	if (e.gv) {
		if (!lzm_rv_walk_stage2(s, sp, gpa, a->write, &second, f))
			return false;
		e.pa = second.pa | (gpa & (BIT(second.shift) - 1));
		combine(&e, &second);
	}
	e.va = a->iova & ~(BIT(e.shift) - 1);
	e.gpa &= ~(BIT(e.shift) - 1);
	e.pa &= ~(BIT(e.shift) - 1);
	if (e.s1 || e.gv)
		lzm_rv_tlb_insert(s, &e);
	*out = e;
	return true;
}
