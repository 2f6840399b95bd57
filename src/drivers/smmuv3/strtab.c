/* SPDX-License-Identifier: BSD-2-Clause */
/* The stream table, linear or two-level; every entry aborts until told otherwise. */
#include "drivers/smmuv3/smmu.h"

#define STE_BYTES  (SMMU_STE_WORDS * 8u)
#define L2_ENTRIES (1u << SMMU_STRTAB_SPLIT)
/* More stream ids than this without two levels would be a table of 4 MiB. */
#define LINEAR_MAX_BITS 16u
/* Level-1 entries, 1 MiB of them: higher stream ids stay out of range, and abort. */
#define L1_MAX_BITS 17u

/* Config 000 is the only silent fence: no record for anything (H89). */
static void abort_all(uint64_t *ste, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		lz_dma_store64(&ste[i * SMMU_STE_WORDS],
			       SMMU_STE0_V | SMMU_FIELD(SMMU_STE0_CONFIG, SMMU_STE_CONFIG_ABORT));
}

static enum lz_status init_linear(struct lz_smmu *s)
{
	struct lz *lz = s->lz;

	if (s->sid_bits > LINEAR_MAX_BITS)
		return LZ_ENOTSUP;
	s->strtab_bytes = (size_t)STE_BYTES << s->sid_bits;
	s->strtab = lz_mem_dma_alloc(lz, s->strtab_bytes, s->strtab_bytes, &s->strtab_phys);
	if (!s->strtab)
		return LZ_ENOMEM;
	abort_all(s->strtab, 1u << s->sid_bits);
	return LZ_OK;
}

static enum lz_status init_two_level(struct lz_smmu *s)
{
	struct lz *lz = s->lz;

	if (s->sid_bits > SMMU_STRTAB_SPLIT + L1_MAX_BITS)
		s->sid_bits = SMMU_STRTAB_SPLIT + L1_MAX_BITS;
	s->n_l1 = 1u << (s->sid_bits - SMMU_STRTAB_SPLIT);
	s->strtab_bytes = s->n_l1 * 8u;
	if (s->strtab_bytes < 64)
		s->strtab_bytes = 64;
	s->l2 = lz_mem_alloc(lz, s->n_l1 * sizeof(*s->l2));
	s->strtab = lz_mem_dma_alloc(lz, s->strtab_bytes, s->strtab_bytes, &s->strtab_phys);
	return s->l2 && s->strtab ? LZ_OK : LZ_ENOMEM;
}

enum lz_status lz_smmu_strtab_init(struct lz_smmu *s)
{
	s->two_level = LZ_CONFIG_TWO_LEVEL && s->two_level && s->sid_bits > SMMU_STRTAB_SPLIT;
	return LZ_CONFIG_TWO_LEVEL && s->two_level ? init_two_level(s) : init_linear(s);
}

void lz_smmu_strtab_fini(struct lz_smmu *s, bool unused)
{
	struct lz *lz = s->lz;

	for (uint32_t i = 0; LZ_CONFIG_TWO_LEVEL && unused && s->l2 && i < s->n_l1; i++)
		lz_mem_dma_free(lz, s->l2[i], L2_ENTRIES * STE_BYTES);
	lz_mem_free(lz, s->l2, s->n_l1 * sizeof(*s->l2));
	if (unused)
		lz_mem_dma_free(lz, s->strtab, s->strtab_bytes);
}

/* Level-2 tables are published by compare-and-swap: devices of different
 * groups may be added at the same time. */
static enum lz_status make_l2(struct lz_smmu *s, uint32_t i)
{
	struct lz *lz = s->lz;
	lz_phys phys;
	uint64_t *l2 = lz_mem_dma_alloc(lz, L2_ENTRIES * STE_BYTES, L2_ENTRIES * STE_BYTES, &phys);
	uint64_t none = 0;

	if (!l2)
		return LZ_ENOMEM;
	abort_all(l2, L2_ENTRIES);
	lz_dma_wmb(); /* the table before the descriptor that leads there */
	if (!lz_dma_cas64(&s->strtab[i], &none,
			  (phys & SMMU_L1STD_L2PTR) |
				  SMMU_FIELD(SMMU_L1STD_SPAN, SMMU_STRTAB_SPLIT + 1))) {
		lz_mem_dma_free(lz, l2, L2_ENTRIES * STE_BYTES);
		return LZ_OK;
	}
	lz_store_ptr((void **)&s->l2[i], l2);
	return LZ_OK;
}

enum lz_status lz_smmu_strtab_get(struct lz_smmu *s, uint32_t sid, uint64_t **ste)
{
	const struct lz_port *port = s->lz->port;
	uint32_t i = sid >> SMMU_STRTAB_SPLIT;
	uint64_t *table = s->strtab;

	if (sid >> s->sid_bits)
		return LZ_EINVAL;
	if (LZ_CONFIG_TWO_LEVEL && s->two_level) {
		uint64_t d = lz_dma_load64(&s->strtab[i]);

		if (!d) {
			enum lz_status st = make_l2(s, i);

			if (st != LZ_OK)
				return st;
			d = lz_dma_load64(&s->strtab[i]);
		}
		table = port->dma_virt(port->ctx, d & SMMU_L1STD_L2PTR);
		sid &= L2_ENTRIES - 1;
	}
	*ste = &table[(size_t)sid * SMMU_STE_WORDS];
	return LZ_OK;
}
