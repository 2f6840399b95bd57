/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IOTLB: translations, and the addresses of last-level tables, which IOTINVAL
 * with an address leaves alone: it drops leaf entries only (4.1).
 */
#include "riscv/riscv.h"

#include <string.h>

#define WAYS 4

static uint32_t set_of(const struct lzm_riscv *s, unsigned kind, uint64_t va)
{
	uint64_t h = (va >> 12 ^ va >> 21 ^ va >> 30) * UINT64_C(0x9e3779b97f4a7c15) + kind;

	return (uint32_t)(h >> 32) & s->tlb_mask & ~(WAYS - 1u);
}

static bool matches(const struct lzm_rv_tlb *e, unsigned kind, const struct lzm_rv_space *sp,
		    uint64_t va)
{
	return e->valid && e->kind == kind && e->gv == (sp->mode2 != ATP_BARE) &&
	       (!e->gv || e->gscid == sp->gscid) && e->s1 == (sp->mode1 != ATP_BARE) &&
	       (!e->s1 || e->global || e->pscid == sp->pscid) && !((e->va ^ va) >> e->shift);
}

/* Blocks lie in the set of their first address, so each size is looked for. */
struct lzm_rv_tlb *lzm_rv_tlb_find(struct lzm_riscv *s, unsigned kind,
				   const struct lzm_rv_space *sp, uint64_t va)
{
	for (unsigned shift = 12; shift <= 48; shift += 9) {
		struct lzm_rv_tlb *e = &s->tlb[set_of(s, kind, va & ~(BIT(shift) - 1))];

		for (unsigned i = 0; i < WAYS; i++)
			if (matches(&e[i], kind, sp, va))
				return &e[i];
	}
	return NULL;
}

void lzm_rv_tlb_insert(struct lzm_riscv *s, const struct lzm_rv_tlb *entry)
{
	struct lzm_rv_tlb *e = &s->tlb[set_of(s, entry->kind, entry->va)];
	unsigned victim = (unsigned)(lzm_rv_random(s) % WAYS);

	for (unsigned i = 0; i < WAYS; i++)
		if (!e[i].valid)
			victim = i;
	e[victim] = *entry;
	e[victim].valid = true;
}

/* First-stage information: of the host's spaces, or of a VM's. */
void lzm_rv_tlb_vma(struct lzm_riscv *s, const uint64_t cmd[2])
{
	bool gv = (cmd[0] & INV_GV) != 0, pscv = (cmd[0] & INV_PSCV) != 0;
	bool av = (cmd[0] & INV_AV) != 0;

	for (uint32_t i = 0; i <= s->tlb_mask; i++) {
		struct lzm_rv_tlb *e = &s->tlb[i];

		if (!e->valid || !e->s1 || e->gv != gv || (gv && e->gscid != INV_GSCID(cmd[0])))
			continue;
		if (pscv && (e->global || e->pscid != INV_PSCID(cmd[0])))
			continue;
		if (av && (e->kind != RV_LEAF || (e->va ^ INV_ADDR(cmd[1])) >> e->shift))
			continue;
		e->valid = false;
	}
}

/* Second-stage information. */
void lzm_rv_tlb_gvma(struct lzm_riscv *s, const uint64_t cmd[2])
{
	bool gv = (cmd[0] & INV_GV) != 0, av = (cmd[0] & INV_AV) != 0;

	for (uint32_t i = 0; i <= s->tlb_mask; i++) {
		struct lzm_rv_tlb *e = &s->tlb[i];

		if (!e->valid || !e->gv || (gv && e->gscid != INV_GSCID(cmd[0])))
			continue;
		if (gv && av && (e->kind != RV_LEAF || (e->gpa ^ INV_ADDR(cmd[1])) >> e->shift))
			continue;
		e->valid = false;
	}
}
