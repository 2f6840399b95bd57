/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables of any format: their life, large ranges, and entries in custody. */
#include "pgtable/walker.h"

/* First address behind the entry of `iova`, at most `end`. */
static lz_iova behind(const struct lz_pt_format *f, unsigned level, lz_iova iova, lz_iova end)
{
	lz_iova next = (iova | (pt_entry_size(f, level) - 1)) + 1;

	return next < end ? next : end;
}

enum lz_status lz_pt_make(struct lz_pt *pt, const struct lz_pt_format *f,
			  const struct lz_port *port, unsigned ias, unsigned oas)
{
	unsigned level = 0;

	while (pt_shift(f, level) >= ias)
		level++;
	pt->port = port;
	pt->format = f;
	pt->ias = ias;
	pt->oas = oas;
	pt->spare = 0;
	pt->start_level = level;
	pt->root = port->dma_alloc(port->ctx, PT_TABLE_LEN, PT_TABLE_LEN, &pt->root_phys);
	return pt->root ? LZ_OK : LZ_ENOMEM;
}

/* Plain loads: nobody else knows these tables any more. */
static void free_tables(struct lz_pt *pt, uint64_t *table, unsigned level)
{
	for (unsigned i = 0; level < pt->format->leaf && i < PT_ENTRIES; i++) {
		uint64_t e = table[i];

		if (pt_is_table(pt->format, e, level))
			free_tables(pt, pt_table(pt, pt->format, e), level + 1);
	}
	pt->port->dma_free(pt->port->ctx, table, PT_TABLE_LEN);
}

/* ---- spare tables ----
 * Mapping is allowed in atomic context and freeing memory is not, so a table
 * that lost the race for its slot waits here for the next one that is needed.
 * The list is taken as a whole and put back one by one: no ABA. */

static uint64_t *spare_at(const struct lz_pt *pt, lz_phys phys)
{
	return pt->port->dma_virt(pt->port->ctx, phys);
}

static void put_spare(struct lz_pt *pt, uint64_t *table, lz_phys phys)
{
	uint64_t head = lz_load64(&pt->spare);

	do
		lz_dma_store64(&table[0], head);
	while (!lz_cas64(&pt->spare, &head, phys));
}

static uint64_t *take_spare(struct lz_pt *pt, lz_phys *phys)
{
	uint64_t head = lz_load64(&pt->spare);
	uint64_t *table;
	lz_phys next;

	while (head && !lz_cas64(&pt->spare, &head, 0))
		;
	if (!head)
		return NULL;
	*phys = head;
	table = spare_at(pt, head);
	next = lz_dma_load64(&table[0]);
	lz_dma_store64(&table[0], 0);
	while (next) {
		uint64_t *t = spare_at(pt, next);
		lz_phys p = next;

		next = lz_dma_load64(&t[0]);
		put_spare(pt, t, p);
	}
	return table;
}

static uint64_t *new_table(struct lz_pt *pt, lz_phys *phys)
{
	uint64_t *table = take_spare(pt, phys);

	if (table)
		return table;
	return pt->port->dma_alloc(pt->port->ctx, PT_TABLE_LEN, PT_TABLE_LEN, phys);
}

void lz_pt_fini(struct lz_pt *pt)
{
	uint64_t *table;
	lz_phys phys;

	if (pt->root)
		free_tables(pt, pt->root, pt->start_level);
	pt->root = NULL;
	while ((table = take_spare(pt, &phys)) != NULL)
		pt->port->dma_free(pt->port->ctx, table, PT_TABLE_LEN);
}

/* ---- map: everything that can fail happens before the first entry is valid,
 * so hardware never sees half of a mapping that failed ---- */

struct mapping {
	struct lz_pt *pt;
	const struct lz_pt_format *f;
	lz_phys delta; /* output minus input address */
	uint64_t bits;
};

/* The table below an absent entry; whoever comes second takes the first's. */
static uint64_t *add_table(const struct mapping *m, uint64_t *slot, unsigned level)
{
	uint64_t seen = 0;
	lz_phys phys;
	uint64_t *table = new_table(m->pt, &phys);

	if (!table)
		return NULL;
	lz_dma_wmb(); /* zeroes before the entry that shows them */
	if (lz_dma_cas64(slot, &seen, phys >> m->f->addr_shift | m->f->table_is))
		return table;
	put_spare(m->pt, table, phys);
	return pt_is_table(m->f, seen, level) ? pt_table(m->pt, m->f, seen) : NULL;
}

static bool fits_entry(const struct mapping *m, unsigned level, lz_iova iova, lz_iova end)
{
	size_t size = pt_entry_size(m->f, level);

	/* Three sizes in every format: unmaps invalidate by them. */
	return level + 2 >= m->f->leaf && !((iova | (iova + m->delta)) & (size - 1)) &&
	       end - iova >= size;
}

static enum lz_status prepare(const struct mapping *m, uint64_t *table, unsigned level,
			      lz_iova iova, lz_iova end)
{
	for (lz_iova next; iova < end; iova = next) {
		uint64_t *slot = pt_slot(m->f, table, level, iova);
		uint64_t e = lz_dma_load64(slot);
		uint64_t *below;
		enum lz_status r;

		next = behind(m->f, level, iova, end);
		if (pt_is_dead(e))
			return LZ_EBUSY;
		if ((e & PT_VALID) && !pt_is_table(m->f, e, level))
			return LZ_EEXIST;
		if (!e && fits_entry(m, level, iova, end))
			continue;
		below = e ? pt_table(m->pt, m->f, e) : add_table(m, slot, level);
		if (!below)
			return LZ_ENOMEM;
		r = prepare(m, below, level + 1, iova, next);
		if (r)
			return r;
	}
	return LZ_OK;
}

static void commit(const struct mapping *m, uint64_t *table, unsigned level, lz_iova iova,
		   lz_iova end)
{
	for (lz_iova next; iova < end; iova = next) {
		uint64_t *slot = pt_slot(m->f, table, level, iova);
		uint64_t e = lz_dma_load64(slot);

		next = behind(m->f, level, iova, end);
		if (e)
			commit(m, pt_table(m->pt, m->f, e), level + 1, iova, next);
		else
			lz_dma_store64(slot, pt_leaf(m->f, iova + m->delta, m->bits, level));
	}
}

enum lz_status lz_pt_map_range(struct lz_pt *pt, lz_iova iova, lz_phys phys, size_t size,
			       uint64_t bits)
{
	struct mapping m = {pt, pt->format, phys - iova, bits};
	enum lz_status r = prepare(&m, pt->root, pt->start_level, iova, iova + size);

	if (!r)
		commit(&m, pt->root, pt->start_level, iova, iova + size);
	return r;
}

/* ---- everything else visits the leaf entries of a range ---- */

static void walk(struct lz_pt *pt, uint64_t *table, unsigned level, lz_iova iova, lz_iova end,
		 struct pt_visit *v)
{
	const struct lz_pt_format *f = pt->format;

	for (lz_iova next; iova < end; iova = next) {
		uint64_t *slot = pt_slot(f, table, level, iova);
		uint64_t e = lz_dma_load64(slot);

		next = behind(f, level, iova, end);
		if (pt_is_table(f, e, level))
			walk(pt, pt_table(pt, f, e), level + 1, iova, next, v);
		else if (e)
			v->fn(v, slot, e, level, iova, next - iova == pt_entry_size(f, level));
	}
}

void lz_pt_walk(struct lz_pt *pt, lz_iova iova, lz_iova end, struct pt_visit *v)
{
	walk(pt, pt->root, pt->start_level, iova, end, v);
}

static bool is_cut_at(const struct lz_pt *pt, lz_iova at, lz_iova iova, lz_iova end)
{
	const struct lz_pt_format *f = pt->format;
	uint64_t *table = pt->root;

	for (unsigned level = pt->start_level; level < f->leaf; level++) {
		uint64_t e = lz_dma_load64(pt_slot(f, table, level, at));
		lz_iova first = at & ~(lz_iova)(pt_entry_size(f, level) - 1);

		if (!(e & PT_VALID))
			return false;
		if (!pt_is_table(f, e, level))
			return first < iova || first + pt_entry_size(f, level) > end;
		table = pt_table(pt, f, e);
	}
	return false;
}

bool lz_pt_is_cut(const struct lz_pt *pt, lz_iova iova, lz_iova end)
{
	return is_cut_at(pt, iova, iova, end) || is_cut_at(pt, end - LZ_PAGE, iova, end);
}

static void hold_entry(struct pt_visit *v, uint64_t *slot, uint64_t e, unsigned level, lz_iova iova,
		       bool whole)
{
	(void)iova;
	if (!pt_is_dead(e) || pt_is_held(e) || !whole)
		return;
	lz_dma_store64(slot, e | PT_HELD | (uint64_t)v->epoch << PT_EPOCH_SHIFT);
	v->bytes += pt_entry_size(v->f, level);
}

uint64_t lz_pt_hold(struct lz_pt *pt, lz_iova iova, size_t size, unsigned epoch)
{
	struct pt_visit v = {.f = pt->format, .fn = hold_entry, .epoch = epoch % LZ_PT_EPOCHS};

	pt_visit_range(pt, pt->format, iova, size, &v);
	return v.bytes / LZ_PAGE;
}

static bool is_since(uint64_t e, unsigned epoch)
{
	return pt_is_held(e) && (uint8_t)(epoch - (e >> PT_EPOCH_SHIFT)) < LZ_PT_EPOCHS / 2;
}

static void age_entry(struct pt_visit *v, uint64_t *slot, uint64_t e, unsigned level, lz_iova iova,
		      bool whole)
{
	(void)level, (void)iova, (void)whole;
	if (is_since(e, v->epoch))
		lz_dma_store64(slot, (e & ((1ull << PT_EPOCH_SHIFT) - 1)) |
					     (uint64_t)v->epoch << PT_EPOCH_SHIFT);
}

void lz_pt_age(struct lz_pt *pt, lz_iova iova, size_t size, unsigned epoch)
{
	struct pt_visit v = {.f = pt->format, .fn = age_entry, .epoch = epoch % LZ_PT_EPOCHS};

	pt_visit_range(pt, pt->format, iova, size, &v);
}

static void tell_run(struct pt_visit *v)
{
	if (v->run_end > v->run && v->released)
		v->released(v->ctx, v->run, (size_t)(v->run_end - v->run));
	v->run = v->run_end = 0;
}

static void release_entry(struct pt_visit *v, uint64_t *slot, uint64_t e, unsigned level,
			  lz_iova iova, bool whole)
{
	if (!is_since(e, v->epoch) || !whole)
		return;
	if (iova != v->run_end || v->run == v->run_end) {
		tell_run(v);
		v->run = iova;
	}
	/* Absent before anybody is told that it is free. */
	lz_dma_store64(slot, 0);
	v->run_end = iova + pt_entry_size(v->f, level);
	v->bytes += pt_entry_size(v->f, level);
}

uint64_t lz_pt_release(struct lz_pt *pt, lz_iova iova, size_t size, unsigned epoch,
		       lz_pt_released released, void *ctx)
{
	struct pt_visit v = {.f = pt->format,
			     .fn = release_entry,
			     .epoch = epoch % LZ_PT_EPOCHS,
			     .released = released,
			     .ctx = ctx};

	pt_visit_range(pt, pt->format, iova, size, &v);
	tell_run(&v);
	return v.bytes / LZ_PAGE;
}

bool lz_pt_lookup(const struct lz_pt *pt, lz_iova iova, lz_phys *phys)
{
	const struct lz_pt_format *f = pt->format;
	uint64_t *table = pt->root;

	*phys = 0;
	if (iova >= lz_pt_span(pt))
		return false;
	for (unsigned level = pt->start_level;; level++) {
		uint64_t e = lz_dma_load64(pt_slot(f, table, level, iova));

		if (pt_is_table(f, e, level)) {
			table = pt_table(pt, f, e);
			continue;
		}
		if (!(e & PT_VALID))
			return false;
		*phys = pt_phys(f, e) | (iova & (pt_entry_size(f, level) - 1));
		return true;
	}
}
