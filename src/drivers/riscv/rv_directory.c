/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device directory (2.1): one to three levels of 4 KiB pages, as ddtp's mode says.
 */
#include "drivers/riscv/riscv.h"

#define PAGE_WORDS (LZ_PAGE / 8)

/* Device id bits below the entries of a level; contexts are level 0. */
static unsigned shift_of(const struct lz_rv *s, unsigned level)
{
	static const unsigned base[] = {0, 7, 16, 24}, extended[] = {0, 6, 15, 24};

	return s->extended ? extended[level] : base[level];
}

static unsigned dc_words(const struct lz_rv *s)
{
	return s->extended ? RV_DC_WORDS_EXT : RV_DC_WORDS_BASE;
}

unsigned lz_rv_ddt_bits(const struct lz_rv *s, unsigned levels)
{
	return shift_of(s, levels);
}

/* An empty root is the same for every number of levels: nobody has a context. */
enum lz_status lz_rv_ddt_init(struct lz_rv *s)
{
	struct lz *lz = s->lz;

	s->ddt = lz_mem_dma_alloc(lz, LZ_PAGE, LZ_PAGE, &s->ddt_phys);
	s->nothing = lz_mem_dma_alloc(lz, LZ_PAGE, LZ_PAGE, &s->nothing_phys);
	return s->ddt && s->nothing ? LZ_OK : LZ_ENOMEM;
}

static uint64_t *table_at(struct lz_rv *s, uint64_t entry)
{
	const struct lz_port *port = s->lz->port;

	return port->dma_virt(port->ctx, RV_GET(RV_TABLE_PPN, entry) * LZ_PAGE);
}

static void free_tables(struct lz_rv *s, uint64_t *table, unsigned level)
{
	for (unsigned i = 0; level && i < PAGE_WORDS; i++) {
		uint64_t e = lz_dma_load64(&table[i]);

		if (e & RV_TABLE_V)
			free_tables(s, table_at(s, e), level - 1);
	}
	lz_mem_dma_free(s->lz, table, LZ_PAGE);
}

void lz_rv_ddt_fini(struct lz_rv *s, bool unused)
{
	if (!unused)
		return;
	if (s->ddt)
		free_tables(s, s->ddt, s->levels ? s->levels - 1 : 0);
	lz_mem_dma_free(s->lz, s->nothing, LZ_PAGE);
}

/* Published by compare-and-swap: devices of different groups may be added at the same
 * time. An entry that was not valid is in no cache. */
static enum lz_status make_table(struct lz_rv *s, uint64_t *slot)
{
	struct lz *lz = s->lz;
	lz_phys phys;
	uint64_t *table = lz_mem_dma_alloc(lz, LZ_PAGE, LZ_PAGE, &phys);
	uint64_t none = 0;

	if (!table)
		return LZ_ENOMEM;
	lz_dma_wmb(); /* zeroes before the entry that leads there */
	if (!lz_dma_cas64(slot, &none, RV_FIELD(RV_TABLE_PPN, phys / LZ_PAGE) | RV_TABLE_V))
		lz_mem_dma_free(lz, table, LZ_PAGE);
	return LZ_OK;
}

enum lz_status lz_rv_ddt_get(struct lz_rv *s, uint32_t did, uint64_t **dc)
{
	uint64_t *table = s->ddt;

	if (did >> s->did_bits)
		return LZ_EINVAL;
	for (unsigned level = s->levels - 1; level; level--) {
		uint32_t index = (did & ((1u << shift_of(s, level + 1)) - 1)) >> shift_of(s, level);
		enum lz_status st = LZ_OK;

		if (!lz_dma_load64(&table[index]))
			st = make_table(s, &table[index]);
		if (st != LZ_OK)
			return st;
		table = table_at(s, lz_dma_load64(&table[index]));
	}
	*dc = &table[(did & ((1u << shift_of(s, 1)) - 1)) * dc_words(s)];
	return LZ_OK;
}
