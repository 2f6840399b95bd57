/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation table walks in memory, AArch64 long descriptors, 4 KiB granule:
 * stage 1, stage 2, and stage 1 whose tables and output go through stage 2.
 */
#include "smmu.h"

#define DESC_VALID	BIT(0)
#define DESC_TABLE	BIT(1) /* at level 3: page */
#define DESC_AP_EL0	BIT(6)
#define DESC_AP_RO	BIT(7)
#define DESC_S2_READ	BIT(6)
#define DESC_S2_WRITE	BIT(7)
#define DESC_AF		BIT(10)
#define DESC_NG		BIT(11)
#define DESC_APTABLE(d) ((uint8_t)BITS(d, 62, 61))
#define APTABLE_NO_EL0	1
#define APTABLE_RO	2

struct walk {
	struct lzm_smmu *s;
	const struct lzm_ste *ste;
	bool stage2;
	uint64_t in; /* input address without sign bits */
	unsigned in_bits, level;
	uint64_t base;
	unsigned out_bits;
	uint8_t aptable;
	/* result */
	uint64_t desc;
	unsigned shift;
};

static bool fault(struct lzm_fault *f, uint8_t id, const struct walk *w)
{
	f->id = id;
	f->s2 = w->stage2;
	if (w->stage2)
		f->ipa = w->in;
	return false;
}

static bool read_descriptor(struct walk *w, uint64_t addr, struct lzm_fault *f)
{
	struct lzm_tlb_entry e;

	if (!w->stage2 && w->ste->config == STE_NESTED) {
		if (!lzm_walk_stage2(w->s, w->ste, addr, CLASS_TT, &e, f))
			return false;
		addr = e.pa | (addr & (BIT(e.shift) - 1));
	}
	f->fetch = addr;
	if (lzm_mem_read(w->s, addr, &w->desc, 8))
		return true;
	fault(f, F_WALK_EABT, w);
	f->class = CLASS_TT;
	f->report = true;
	return false;
}

/* Down to the leaf. The order of the checks is that of 7.3: per level walk
 * abort, translation, address size; then the access flag. */
static bool walk(struct walk *w, bool affd, struct lzm_fault *f)
{
	unsigned start = w->level;

	for (;; w->level++) {
		uint64_t index;

		w->shift = 12 + 9 * (3 - w->level);
		index = w->in >> w->shift;
		if (!w->stage2 || w->level != start)
			index &= 511;
		if (!read_descriptor(w, w->base + index * 8, f))
			return false;
		if (!(w->desc & DESC_VALID) || (w->level == 3 && !(w->desc & DESC_TABLE)) ||
		    (w->level == 0 && !(w->desc & DESC_TABLE)))
			return fault(f, F_TRANSLATION, w);
		if ((w->desc & SMMU_TTADDR_MASK) >> w->out_bits)
			return fault(f, F_ADDR_SIZE, w);
		if (w->level == 3 || !(w->desc & DESC_TABLE))
			break;
		w->base = w->desc & SMMU_TTADDR_MASK;
		w->aptable |= w->stage2 ? 0 : DESC_APTABLE(w->desc);
	}
	if (!(w->desc & DESC_AF) && !affd)
		return fault(f, F_ACCESS, w);
	return true;
}

static unsigned min_bits(unsigned code, unsigned oas)
{
	unsigned a = lzm_oas_bits(code), b = lzm_oas_bits(oas);

	return a < b ? a : b;
}

bool lzm_walk_stage2(struct lzm_smmu *s, const struct lzm_ste *ste, uint64_t ipa, uint8_t class,
		     struct lzm_tlb_entry *out, struct lzm_fault *f)
{
	struct walk w = {.s = s, .ste = ste, .stage2 = true, .in = ipa};
	struct lzm_tlb_entry *hit = lzm_tlb_find(s, TLB_S2, ste->vmid, 0, ipa);
	unsigned top;

	if (hit) {
		*out = *hit;
		return true;
	}
	f->class = class;
	f->report = ste->s2r;
	w.in_bits = 64 - ste->s2t0sz;
	w.level = ste->s2level;
	w.out_bits = min_bits(ste->s2ps, s->cfg.oas);
	top = w.in_bits - (12 + 9 * (3 - w.level));
	w.base = ste->s2ttb & ~((UINT64_C(8) << top) - 1);
	if (ipa >> w.in_bits)
		return fault(f, F_TRANSLATION, &w);
	if (!walk(&w, ste->s2affd, f))
		return false;
	*out = (struct lzm_tlb_entry){
		.kind = TLB_S2,
		.shift = (uint8_t)w.shift,
		.vmid = ste->vmid,
		.va = ipa & ~(BIT(w.shift) - 1),
		.pa = w.desc & SMMU_TTADDR_MASK & ~(BIT(w.shift) - 1),
		.r1 = true,
		.w1 = true,
		.r2 = (w.desc & DESC_S2_READ) != 0,
		.w2 = (w.desc & DESC_S2_WRITE) != 0,
	};
	/* A structure fetch needs to read. */
	if (class != CLASS_IN && !out->r2)
		return fault(f, F_PERMISSION, &w);
	lzm_tlb_insert(s, out);
	return true;
}

/* TTB0 or TTB1 by the top bits, or no translation at all. */
static bool choose_half(const struct lzm_cd *cd, uint64_t va, unsigned *half)
{
	*half = va >> 63 ? 1 : 0;
	if (cd->epd[*half])
		return false;
	if (*half)
		va = ~va;
	return !(va >> (64 - cd->tsz[*half]));
}

static void start_stage1(struct walk *w, const struct lzm_cd *cd, uint64_t va, unsigned half)
{
	const struct lzm_tlb_entry *table =
		lzm_tlb_find(w->s, TLB_TABLE, w->ste->vmid, cd->asid, va);
	unsigned levels, top;
	uint64_t align;

	w->in_bits = 64 - cd->tsz[half];
	w->in = va & (BIT(w->in_bits) - 1);
	w->out_bits = min_bits(cd->ips, w->s->cfg.oas);
	if (table) {
		w->level = 3;
		w->base = table->pa;
		w->aptable = table->aptable;
		return;
	}
	levels = (w->in_bits - 12 + 8) / 9;
	w->level = 4 - levels;
	top = w->in_bits - (12 + 9 * (levels - 1));
	align = UINT64_C(8) << top;
	w->base = cd->ttb[half] & ~((align < 64 ? 64 : align) - 1);
}

static void rights(const struct walk *w, const struct lzm_ste *ste, struct lzm_tlb_entry *e)
{
	bool privileged = ste->privcfg == 3;
	bool el0 = (w->desc & DESC_AP_EL0) && !(w->aptable & APTABLE_NO_EL0);

	e->r1 = privileged || el0;
	e->w1 = e->r1 && !(w->desc & DESC_AP_RO) && !(w->aptable & APTABLE_RO);
	e->r2 = true;
	e->w2 = true;
}

static void cache_table(struct walk *w, const struct lzm_cd *cd, uint64_t va)
{
	struct lzm_tlb_entry t = {
		.kind = TLB_TABLE,
		.shift = 21,
		.asid = cd->asid,
		.vmid = w->ste->vmid,
		.va = va & ~(BIT(21) - 1),
		.pa = w->base,
		.aptable = w->aptable,
	};

	if (w->level == 3 && !lzm_tlb_find(w->s, TLB_TABLE, t.vmid, t.asid, va))
		lzm_tlb_insert(w->s, &t);
}

/* Combines a stage-1 result with stage 2 of its output. */
static bool combine(struct lzm_smmu *s, const struct lzm_ste *ste, uint64_t va,
		    struct lzm_tlb_entry *e, struct lzm_fault *f)
{
	struct lzm_tlb_entry s2;
	uint64_t ipa = e->pa | (va & (BIT(e->shift) - 1));

	if (!lzm_walk_stage2(s, ste, ipa, CLASS_IN, &s2, f))
		return false;
	if (s2.shift < e->shift)
		e->shift = s2.shift;
	e->va = va & ~(BIT(e->shift) - 1);
	e->pa = (s2.pa | (ipa & (BIT(s2.shift) - 1))) & ~(BIT(e->shift) - 1);
	e->r2 = s2.r2;
	e->w2 = s2.w2;
	return true;
}

bool lzm_walk_stage1(struct lzm_smmu *s, const struct lzm_ste *ste, const struct lzm_cd *cd,
		     uint64_t va, bool only_stage1, struct lzm_tlb_entry *out, struct lzm_fault *f)
{
	struct walk w = {.s = s, .ste = ste};
	struct lzm_tlb_entry *hit = NULL;
	unsigned half;

	if (!only_stage1)
		hit = lzm_tlb_find(s, TLB_S1, ste->vmid, cd->asid, va);
	if (hit) {
		*out = *hit;
		return true;
	}
	f->class = CLASS_IN;
	f->report = cd->r;
	if (!choose_half(cd, va, &half))
		return fault(f, F_TRANSLATION, &w);
	start_stage1(&w, cd, va, half);
	if (!walk(&w, cd->affd, f))
		return false;
	cache_table(&w, cd, va);
	*out = (struct lzm_tlb_entry){
		.kind = TLB_S1,
		.global = !(w.desc & DESC_NG),
		.shift = (uint8_t)w.shift,
		.asid = cd->asid,
		.vmid = ste->vmid,
		.va = va & ~(BIT(w.shift) - 1),
		.pa = w.desc & SMMU_TTADDR_MASK & ~(BIT(w.shift) - 1),
	};
	rights(&w, ste, out);
	if (only_stage1)
		return true;
	if (ste->config == STE_NESTED && !combine(s, ste, va, out, f))
		return false;
	lzm_tlb_insert(s, out);
	return true;
}
