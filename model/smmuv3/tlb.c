/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translation cache: four ways per set, hashed by address and block size,
 * tagged with VMID and ASID. Holds stage-1 (or combined), stage-2 and
 * last-level-table entries. An entry leaves by eviction or by a TLBI.
 */
#include "smmu.h"

#define WAYS 4

static const uint8_t shifts[] = {12, 21, 30};

static struct lzm_tlb_entry *set_of(struct lzm_smmu *s, uint64_t va, unsigned shift)
{
	uint64_t h = ((va >> shift) + shift) * UINT64_C(0x9e3779b97f4a7c15);

	return &s->tlb[((h >> 32) & (s->tlb_sets - 1)) * WAYS];
}

static bool matches(const struct lzm_tlb_entry *e, unsigned kinds, int vmid, int asid)
{
	if (!e->valid || !(kinds & (1u << e->kind)))
		return false;
	if (vmid != TLB_ANY_VMID && e->vmid != vmid)
		return false;
	return asid == TLB_ANY_ASID || e->kind == TLB_S2 || e->asid == asid;
}

static void drop(struct lzm_smmu *s, struct lzm_tlb_entry *e)
{
	e->valid = false;
	s->tlb_used--;
}

struct lzm_tlb_entry *lzm_tlb_find(struct lzm_smmu *s, enum lzm_tlb_kind kind, uint16_t vmid,
				   uint16_t asid, uint64_t va)
{
	unsigned i, w;

	if (!s->tlb_used)
		return NULL;
	for (i = 0; i < sizeof(shifts); i++) {
		struct lzm_tlb_entry *e = set_of(s, va, shifts[i]);

		for (w = 0; w < WAYS; w++, e++)
			if (e->valid && e->kind == kind && e->shift == shifts[i] &&
			    e->vmid == vmid && (e->global || kind == TLB_S2 || e->asid == asid) &&
			    e->va >> e->shift == va >> e->shift)
				return e;
	}
	return NULL;
}

void lzm_tlb_insert(struct lzm_smmu *s, const struct lzm_tlb_entry *e)
{
	struct lzm_tlb_entry *set = set_of(s, e->va, e->shift), *victim = NULL;
	unsigned w;

	for (w = 0; w < WAYS && !victim; w++)
		if (!set[w].valid)
			victim = &set[w];
	if (!victim) {
		victim = &set[s->tlb_victim++ % WAYS];
		s->tlb_used--;
	}
	*victim = *e;
	victim->valid = true;
	s->tlb_used++;
}

void lzm_tlb_flush(struct lzm_smmu *s, unsigned kinds, int vmid, int asid)
{
	uint32_t i;

	for (i = 0; s->tlb_used && i < s->tlb_sets * WAYS; i++) {
		struct lzm_tlb_entry *e = &s->tlb[i];

		/* By ASID only what belongs to it: not global entries (4.4.2). */
		if (matches(e, kinds, vmid, asid) && (asid == TLB_ANY_ASID || !e->global))
			drop(s, e);
	}
}

/* TTL names the level of the leaf; 0 means any. */
static bool level_matches(const struct lzm_tlb_entry *e, unsigned ttl)
{
	return !ttl || e->kind == TLB_TABLE || e->shift == 12 + 9 * (3 - ttl);
}

static bool hit(const struct lzm_tlb_entry *e, unsigned kinds, int vmid, int asid, unsigned ttl)
{
	return matches(e, kinds, vmid, e->global ? TLB_ANY_ASID : asid) && level_matches(e, ttl);
}

static void flush_page(struct lzm_smmu *s, unsigned kinds, int vmid, int asid, uint64_t va,
		       unsigned ttl)
{
	unsigned i, w;

	for (i = 0; i < sizeof(shifts); i++) {
		struct lzm_tlb_entry *e = set_of(s, va, shifts[i]);

		for (w = 0; w < WAYS; w++, e++)
			if (e->shift == shifts[i] && e->va >> e->shift == va >> e->shift &&
			    hit(e, kinds, vmid, asid, ttl))
				drop(s, e);
	}
}

void lzm_tlb_flush_range(struct lzm_smmu *s, unsigned kinds, int vmid, int asid, uint64_t va,
			 uint64_t span, unsigned ttl)
{
	uint64_t last = va + span - 1;
	uint32_t i;

	if (last < va)
		last = UINT64_MAX;
	if (span <= 8 * 4096) {
		for (; s->tlb_used; va += 4096) {
			flush_page(s, kinds, vmid, asid, va, ttl);
			if (last - va < 4096) /* also where the address space ends */
				break;
		}
		return;
	}
	for (i = 0; s->tlb_used && i < s->tlb_sets * WAYS; i++) {
		struct lzm_tlb_entry *e = &s->tlb[i];

		if (hit(e, kinds, vmid, asid, ttl) && e->va <= last &&
		    e->va + (BIT(e->shift) - 1) >= va)
			drop(s, e);
	}
}
