/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page table walking for every format. What an unmap of a few pages needs is here
 * and takes a format's description as a constant; walker.c has the rest once for
 * all of them.
 *
 * A dead entry is the same in every format: bit 0 clear makes it invalid to
 * hardware, which then ignores all other bits.
 *
 *   63    56                                   3   2     1   0
 *   [ epoch ][ output address, where it was ]  [held][dead][0]
 */
#ifndef LZ_PGTABLE_WALKER_H
#define LZ_PGTABLE_WALKER_H

#include "core/arch.h"
#include "pgtable/pgtable.h"

#define PT_VALID       (1ull << 0)
#define PT_DEAD	       (1ull << 1)
#define PT_HELD	       (1ull << 2)
#define PT_EPOCH_SHIFT 56

#define PT_ENTRIES   512u
#define PT_TABLE_LEN 4096u

/* What entries look like. Levels count up to that of the pages. */
struct lz_pt_format {
	unsigned leaf;		       /* level of the pages */
	unsigned addr_shift;	       /* an entry has its address shifted right by this, */
	uint64_t addr;		       /* and there */
	uint64_t table_mask, table_is; /* a table, above the last level */
	uint64_t block, page;	       /* what makes a leaf valid, beside the mapping's bits */
};

static inline bool pt_is_dead(uint64_t e)
{
	return !(e & PT_VALID) && (e & PT_DEAD);
}

static inline bool pt_is_held(uint64_t e)
{
	return pt_is_dead(e) && (e & PT_HELD);
}

static inline bool pt_is_table(const struct lz_pt_format *f, uint64_t e, unsigned level)
{
	return level < f->leaf && (e & f->table_mask) == f->table_is;
}

static inline lz_phys pt_phys(const struct lz_pt_format *f, uint64_t e)
{
	return (e & f->addr) << f->addr_shift;
}

/* Address bits below an entry of this level. */
static inline unsigned pt_shift(const struct lz_pt_format *f, unsigned level)
{
	return 12 + 9 * (f->leaf - level);
}

static inline size_t pt_entry_size(const struct lz_pt_format *f, unsigned level)
{
	return (size_t)1 << pt_shift(f, level);
}

static inline uint64_t *pt_slot(const struct lz_pt_format *f, uint64_t *table, unsigned level,
				lz_iova iova)
{
	return &table[(iova >> pt_shift(f, level)) & (PT_ENTRIES - 1)];
}

static inline uint64_t *pt_table(const struct lz_pt *pt, const struct lz_pt_format *f, uint64_t e)
{
	return pt->port->dma_virt(pt->port->ctx, pt_phys(f, e));
}

static inline bool pt_in_span(const struct lz_pt *pt, lz_iova iova, size_t size)
{
	return size && !((iova | size) & (LZ_PAGE - 1)) && iova < lz_pt_span(pt) &&
	       size <= lz_pt_span(pt) - iova;
}

/* ---- walker.c: ranges of any size ---- */

/* `pt` is given back on failure. */
enum lz_status lz_pt_make(struct lz_pt *pt, const struct lz_pt_format *f,
			  const struct lz_port *port, unsigned ias, unsigned oas);
enum lz_status lz_pt_map_range(struct lz_pt *pt, lz_iova iova, lz_phys phys, size_t size,
			       uint64_t bits);

/* Leaf entries of a range that are not absent; `whole`: the range has all of it. */
struct pt_visit {
	const struct lz_pt_format *f;
	void (*fn)(struct pt_visit *v, uint64_t *slot, uint64_t e, unsigned level, lz_iova iova,
		   bool whole);
	unsigned epoch;
	uint64_t bytes;
	size_t granule;
	lz_pt_released released;
	void *ctx;
	lz_iova run, run_end; /* not told yet */
};
void lz_pt_walk(struct lz_pt *pt, lz_iova iova, lz_iova end, struct pt_visit *v);
/* Does a mapping reach beyond one of the ends of [iova, end)? */
bool lz_pt_is_cut(const struct lz_pt *pt, lz_iova iova, lz_iova end);

/* ---- a range below one last-level table, as most are ---- */

/* That table, or NULL where the range is larger or there is none yet. Tables stay
 * until lz_pt_fini(). */
static inline uint64_t *pt_last_table(const struct lz_pt *pt, const struct lz_pt_format *f,
				      lz_iova iova, size_t size)
{
	uint64_t *table = pt->root;

	if ((iova ^ (iova + size - 1)) >> pt_shift(f, f->leaf - 1))
		return NULL;
	for (unsigned level = pt->start_level; level < f->leaf; level++) {
		uint64_t e = lz_dma_load64(pt_slot(f, table, level, iova));

		if (!pt_is_table(f, e, level))
			return NULL;
		table = pt_table(pt, f, e);
	}
	return table;
}

static inline uint64_t pt_leaf(const struct lz_pt_format *f, lz_phys phys, uint64_t bits,
			       unsigned level)
{
	return phys >> f->addr_shift | bits | (level == f->leaf ? f->page : f->block);
}

static inline enum lz_status pt_map_pages(const struct lz_pt_format *f, uint64_t *table,
					  lz_iova iova, size_t size, uint64_t e)
{
	uint64_t *first = pt_slot(f, table, f->leaf, iova), *end = first + size / LZ_PAGE;

	for (uint64_t *slot = first; slot < end; slot++) {
		uint64_t seen = lz_dma_load64(slot);

		if (seen)
			return pt_is_dead(seen) ? LZ_EBUSY : LZ_EEXIST;
	}
	for (uint64_t *slot = first; slot < end; slot++, e += LZ_PAGE >> f->addr_shift)
		lz_dma_store64(slot, e);
	return LZ_OK;
}

static inline enum lz_status pt_map(struct lz_pt *pt, const struct lz_pt_format *f, lz_iova iova,
				    lz_phys phys, size_t size, unsigned prot, uint64_t bits)
{
	enum lz_status r;
	uint64_t *table;

	if (!pt_in_span(pt, iova, size) || (phys & (LZ_PAGE - 1)) || phys >> pt->oas ||
	    (phys + size - 1) >> pt->oas || !(prot & (LZ_READ | LZ_WRITE)) ||
	    (prot & ~(LZ_READ | LZ_WRITE | LZ_MMIO)))
		return LZ_EINVAL;
	table = pt_last_table(pt, f, iova, size);
	r = table ? pt_map_pages(f, table, iova, size, pt_leaf(f, phys, bits, f->leaf))
		  : lz_pt_map_range(pt, iova, phys, size, bits);
	lz_dma_wmb(); /* the entries before any doorbell of the device */
	return r;
}

static inline void pt_visit_pages(const struct lz_pt_format *f, uint64_t *table, lz_iova iova,
				  size_t size, struct pt_visit *v)
{
	uint64_t *slot = pt_slot(f, table, f->leaf, iova);

	for (lz_iova end = iova + size; iova < end; iova += LZ_PAGE, slot++) {
		uint64_t e = lz_dma_load64(slot);

		if (e)
			v->fn(v, slot, e, f->leaf, iova, true);
	}
}

static inline void pt_visit_range(struct lz_pt *pt, const struct lz_pt_format *f, lz_iova iova,
				  size_t size, struct pt_visit *v)
{
	uint64_t *table = size ? pt_last_table(pt, f, iova, size) : NULL;

	if (table)
		pt_visit_pages(f, table, iova, size, v);
	else
		lz_pt_walk(pt, iova, iova + size, v);
}

static inline void pt_kill_entry(struct pt_visit *v, uint64_t *slot, uint64_t e, unsigned level,
				 lz_iova iova, bool whole)
{
	(void)iova, (void)whole;
	if (!(e & PT_VALID) || !lz_dma_cas64(slot, &e, (e & v->f->addr) | PT_DEAD))
		return;
	v->bytes += pt_entry_size(v->f, level);
	if (pt_entry_size(v->f, level) < v->granule)
		v->granule = pt_entry_size(v->f, level);
}

static inline enum lz_status pt_unmap(struct lz_pt *pt, const struct lz_pt_format *f, lz_iova iova,
				      size_t size, uint64_t *bytes, size_t *granule)
{
	struct pt_visit v = {.f = f, .fn = pt_kill_entry, .granule = SIZE_MAX};
	uint64_t *table;

	*bytes = 0;
	*granule = LZ_PAGE;
	if (!pt_in_span(pt, iova, size))
		return LZ_EINVAL;
	table = pt_last_table(pt, f, iova, size);
	if (!table && lz_pt_is_cut(pt, iova, iova + size))
		return LZ_EINVAL;
	if (table)
		pt_visit_pages(f, table, iova, size, &v);
	else
		lz_pt_walk(pt, iova, iova + size, &v);
	if (!v.bytes)
		return LZ_ENOENT;
	*bytes = v.bytes;
	*granule = v.granule;
	return LZ_OK;
}

static inline void pt_forget_entry(struct pt_visit *v, uint64_t *slot, uint64_t e, unsigned level,
				   lz_iova iova, bool whole)
{
	(void)v, (void)level, (void)iova;
	if (pt_is_dead(e) && !pt_is_held(e) && whole)
		lz_dma_store64(slot, 0);
}

static inline void pt_forget(struct lz_pt *pt, const struct lz_pt_format *f, lz_iova iova,
			     size_t size)
{
	struct pt_visit v = {.f = f, .fn = pt_forget_entry};

	pt_visit_range(pt, f, iova, size, &v);
}

#endif
