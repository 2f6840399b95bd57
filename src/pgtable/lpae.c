/* SPDX-License-Identifier: BSD-2-Clause */
/* Page table walker: Arm LPAE stage 1. */
#include "pgtable/lpae.h"

#include "core/arch.h"
#include "pgtable/pgtable.h"

static size_t entry_size(unsigned level)
{
	return (size_t)1 << lpae_shift(level);
}

static uint64_t *slot_of(uint64_t *table, unsigned level, lz_iova iova)
{
	return &table[(iova >> lpae_shift(level)) & (LPAE_ENTRIES - 1)];
}

/* First address behind the entry of `iova`, at most `end`. */
static lz_iova behind(unsigned level, lz_iova iova, lz_iova end)
{
	lz_iova next = (iova | (entry_size(level) - 1)) + 1;

	return next < end ? next : end;
}

static uint64_t *table_of(const struct lz_pt *pt, uint64_t e)
{
	return pt->port->dma_virt(pt->port->ctx, e & LPAE_ADDR);
}

static bool in_span(const struct lz_pt *pt, lz_iova iova, size_t size)
{
	return size && !((iova | size) & (LZ_PAGE - 1)) && iova < lz_pt_span(pt) &&
	       size <= lz_pt_span(pt) - iova;
}

enum lz_status lz_pt_init(struct lz_pt *pt, const struct lz_port *port, unsigned ias, unsigned oas)
{
	if (ias < 32 || ias > 48 || oas < 32 || oas > 48)
		return LZ_EINVAL;
	pt->port = port;
	pt->ias = ias;
	pt->oas = oas;
	pt->spare = 0;
	pt->start_level = ias > lpae_shift(0) ? 0 : 1;
	pt->root = port->dma_alloc(port->ctx, LPAE_TABLE_LEN, LPAE_TABLE_LEN, &pt->root_phys);
	return pt->root ? LZ_OK : LZ_ENOMEM;
}

static void free_tables(struct lz_pt *pt, uint64_t *table, unsigned level)
{
	for (unsigned i = 0; level < 3 && i < LPAE_ENTRIES; i++) {
		uint64_t e = lz_dma_load64(&table[i]);

		if (lpae_is_table(e, level))
			free_tables(pt, table_of(pt, e), level + 1);
	}
	pt->port->dma_free(pt->port->ctx, table, LPAE_TABLE_LEN);
}

/* ---- spare tables ----
 * Mapping is allowed in atomic context and freeing memory is not, so a table
 * that lost the race for its slot waits here for the next one that is needed.
 * The list is taken as a whole and put back one by one: no ABA. */

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
	table = table_of(pt, head);
	next = lz_dma_load64(&table[0]);
	lz_dma_store64(&table[0], 0);
	while (next) {
		uint64_t *t = table_of(pt, next);
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
	return pt->port->dma_alloc(pt->port->ctx, LPAE_TABLE_LEN, LPAE_TABLE_LEN, phys);
}

void lz_pt_fini(struct lz_pt *pt)
{
	uint64_t *table;
	lz_phys phys;

	if (pt->root)
		free_tables(pt, pt->root, pt->start_level);
	pt->root = NULL;
	while ((table = take_spare(pt, &phys)) != NULL)
		pt->port->dma_free(pt->port->ctx, table, LPAE_TABLE_LEN);
}

/* ---- the short way: a range below one last-level table, as most are ---- */

/* That table, or NULL where the range is larger or there is none yet. Tables
 * stay until lz_pt_fini(). */
static uint64_t *last_table(const struct lz_pt *pt, lz_iova iova, size_t size)
{
	uint64_t *table = pt->root;

	if ((iova ^ (iova + size - 1)) >> lpae_shift(2))
		return NULL;
	for (unsigned level = pt->start_level; level < 3; level++) {
		uint64_t e = lz_dma_load64(slot_of(table, level, iova));

		if (!lpae_is_table(e, level))
			return NULL;
		table = table_of(pt, e);
	}
	return table;
}

/* ---- map: everything that can fail happens before the first entry is valid,
 * so hardware never sees half of a mapping that failed ---- */

struct mapping {
	struct lz_pt *pt;
	lz_phys delta; /* output minus input address */
	uint64_t bits;
};

/* The table below an absent entry; whoever comes second takes the first's. */
static uint64_t *add_table(struct lz_pt *pt, uint64_t *slot)
{
	lz_phys phys;
	uint64_t *table = new_table(pt, &phys);
	uint64_t seen = 0;

	if (!table)
		return NULL;
	lz_dma_wmb(); /* zeroes before the entry that shows them */
	if (lz_dma_cas64(slot, &seen, phys | LPAE_TABLE | LPAE_VALID))
		return table;
	put_spare(pt, table, phys);
	return (seen & LPAE_VALID) && (seen & LPAE_TABLE) ? table_of(pt, seen) : NULL;
}

static bool fits_entry(const struct mapping *m, unsigned level, lz_iova iova, lz_iova end)
{
	size_t size = entry_size(level);

	return level > 0 && !((iova | (iova + m->delta)) & (size - 1)) && end - iova >= size;
}

static enum lz_status prepare(struct mapping *m, uint64_t *table, unsigned level, lz_iova iova,
			      lz_iova end)
{
	for (lz_iova next; iova < end; iova = next) {
		uint64_t *slot = slot_of(table, level, iova);
		uint64_t e = lz_dma_load64(slot);
		uint64_t *below;
		enum lz_status r;

		next = behind(level, iova, end);
		if (lpae_is_dead(e))
			return LZ_EBUSY;
		if ((e & LPAE_VALID) && !lpae_is_table(e, level))
			return LZ_EEXIST;
		if (!e && fits_entry(m, level, iova, end))
			continue;
		below = e ? table_of(m->pt, e) : add_table(m->pt, slot);
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
		uint64_t *slot = slot_of(table, level, iova);
		uint64_t e = lz_dma_load64(slot);

		next = behind(level, iova, end);
		if (e)
			commit(m, table_of(m->pt, e), level + 1, iova, next);
		else
			lz_dma_store64(slot, (iova + m->delta) | m->bits |
						     (level == 3 ? LPAE_PAGE : 0) | LPAE_VALID);
	}
}

/* prepare() and commit() where there is nothing to prepare. */
static enum lz_status map_pages(const struct mapping *m, uint64_t *table, lz_iova iova, size_t size)
{
	uint64_t *first = slot_of(table, 3, iova), *end = first + size / LZ_PAGE;
	uint64_t e = (iova + m->delta) | m->bits | LPAE_PAGE | LPAE_VALID;

	for (uint64_t *slot = first; slot < end; slot++) {
		uint64_t seen = lz_dma_load64(slot);

		if (seen)
			return lpae_is_dead(seen) ? LZ_EBUSY : LZ_EEXIST;
	}
	for (uint64_t *slot = first; slot < end; slot++, e += LZ_PAGE)
		lz_dma_store64(slot, e);
	return LZ_OK;
}

static enum lz_status map_range(struct mapping *m, lz_iova iova, size_t size)
{
	uint64_t *table = last_table(m->pt, iova, size);
	enum lz_status r;

	if (table)
		return map_pages(m, table, iova, size);
	r = prepare(m, m->pt->root, m->pt->start_level, iova, iova + size);
	if (!r)
		commit(m, m->pt->root, m->pt->start_level, iova, iova + size);
	return r;
}

enum lz_status lz_pt_map(struct lz_pt *pt, lz_iova iova, lz_phys phys, size_t size, unsigned prot)
{
	struct mapping m = {.pt = pt, .delta = phys - iova};
	enum lz_status r;

	if (!in_span(pt, iova, size) || (phys & (LZ_PAGE - 1)) || phys >> pt->oas ||
	    (phys + size - 1) >> pt->oas || !(prot & (LZ_READ | LZ_WRITE)) ||
	    (prot & ~(LZ_READ | LZ_WRITE | LZ_MMIO)))
		return LZ_EINVAL;
	m.bits = LPAE_AF | LPAE_NG | LPAE_SH_INNER | LPAE_AP_UNPRIV | LPAE_PXN | LPAE_UXN |
		 (prot & LZ_MMIO ? LPAE_ATTR_DEVICE : LPAE_ATTR_NORMAL) |
		 (prot & LZ_WRITE ? 0 : LPAE_AP_READ_ONLY);
	r = map_range(&m, iova, size);
	lz_dma_wmb(); /* the entries before any doorbell of the device */
	return r;
}

/* ---- everything else visits the leaf entries of a range ---- */

struct visit {
	void (*fn)(struct visit *v, uint64_t *slot, uint64_t e, unsigned level, lz_iova iova,
		   bool whole);
	unsigned epoch;
	uint64_t bytes;
	size_t granule;
	lz_pt_released released;
	void *ctx;
	lz_iova run, run_end; /* not told yet */
};

static void walk(struct lz_pt *pt, uint64_t *table, unsigned level, lz_iova iova, lz_iova end,
		 struct visit *v)
{
	for (lz_iova next; iova < end; iova = next) {
		uint64_t *slot = slot_of(table, level, iova);
		uint64_t e = lz_dma_load64(slot);

		next = behind(level, iova, end);
		if (lpae_is_table(e, level))
			walk(pt, table_of(pt, e), level + 1, iova, next, v);
		else if (e)
			v->fn(v, slot, e, level, iova, next - iova == entry_size(level));
	}
}

static void visit_pages(uint64_t *table, lz_iova iova, size_t size, struct visit *v)
{
	uint64_t *slot = slot_of(table, 3, iova);

	for (lz_iova end = iova + size; iova < end; iova += LZ_PAGE, slot++) {
		uint64_t e = lz_dma_load64(slot);

		if (e)
			v->fn(v, slot, e, 3, iova, true);
	}
}

static void visit_range(struct lz_pt *pt, lz_iova iova, size_t size, struct visit *v)
{
	uint64_t *table = size ? last_table(pt, iova, size) : NULL;

	if (table)
		visit_pages(table, iova, size, v);
	else
		walk(pt, pt->root, pt->start_level, iova, iova + size, v);
}

/* Does the mapping of `at` reach beyond [iova, end)? */
static bool is_cut(const struct lz_pt *pt, lz_iova at, lz_iova iova, lz_iova end)
{
	uint64_t *table = pt->root;

	for (unsigned level = pt->start_level; level < 3; level++) {
		uint64_t e = lz_dma_load64(slot_of(table, level, at));
		lz_iova first = at & ~(lz_iova)(entry_size(level) - 1);

		if (!(e & LPAE_VALID))
			return false;
		if (!lpae_is_table(e, level))
			return first < iova || first + entry_size(level) > end;
		table = table_of(pt, e);
	}
	return false;
}

static void kill_entry(struct visit *v, uint64_t *slot, uint64_t e, unsigned level, lz_iova iova,
		       bool whole)
{
	(void)iova, (void)whole;
	if (!(e & LPAE_VALID) || !lz_dma_cas64(slot, &e, (e & LPAE_ADDR) | LPAE_DEAD))
		return;
	v->bytes += entry_size(level);
	if (entry_size(level) < v->granule)
		v->granule = entry_size(level);
}

enum lz_status lz_pt_unmap(struct lz_pt *pt, lz_iova iova, size_t size, uint64_t *bytes,
			   size_t *granule)
{
	struct visit v = {.fn = kill_entry, .granule = SIZE_MAX};
	uint64_t *table;

	*bytes = 0;
	*granule = LZ_PAGE;
	if (!in_span(pt, iova, size))
		return LZ_EINVAL;
	table = last_table(pt, iova, size);
	/* A block can be cut at the ends of the range only. */
	if (!table && (is_cut(pt, iova, iova, iova + size) ||
		       is_cut(pt, iova + size - LZ_PAGE, iova, iova + size)))
		return LZ_EINVAL;
	if (table)
		visit_pages(table, iova, size, &v);
	else
		walk(pt, pt->root, pt->start_level, iova, iova + size, &v);
	if (!v.bytes)
		return LZ_ENOENT;
	*bytes = v.bytes;
	*granule = v.granule;
	return LZ_OK;
}

static void forget_entry(struct visit *v, uint64_t *slot, uint64_t e, unsigned level, lz_iova iova,
			 bool whole)
{
	(void)v, (void)level, (void)iova;
	if (lpae_is_dead(e) && !lpae_is_held(e) && whole)
		lz_dma_store64(slot, 0);
}

void lz_pt_forget(struct lz_pt *pt, lz_iova iova, size_t size)
{
	struct visit v = {.fn = forget_entry};

	visit_range(pt, iova, size, &v);
}

static void hold_entry(struct visit *v, uint64_t *slot, uint64_t e, unsigned level, lz_iova iova,
		       bool whole)
{
	(void)iova;
	if (!lpae_is_dead(e) || lpae_is_held(e) || !whole)
		return;
	lz_dma_store64(slot, e | LPAE_HELD | (uint64_t)v->epoch << LPAE_EPOCH_SHIFT);
	v->bytes += entry_size(level);
}

uint64_t lz_pt_hold(struct lz_pt *pt, lz_iova iova, size_t size, unsigned epoch)
{
	struct visit v = {.fn = hold_entry, .epoch = epoch % LZ_PT_EPOCHS};

	visit_range(pt, iova, size, &v);
	return v.bytes / LZ_PAGE;
}

static bool is_since(uint64_t e, unsigned epoch)
{
	return lpae_is_held(e) && (uint8_t)(epoch - lpae_epoch(e)) < LZ_PT_EPOCHS / 2;
}

static void age_entry(struct visit *v, uint64_t *slot, uint64_t e, unsigned level, lz_iova iova,
		      bool whole)
{
	(void)level, (void)iova, (void)whole;
	if (is_since(e, v->epoch))
		lz_dma_store64(slot, (e & ((1ull << LPAE_EPOCH_SHIFT) - 1)) |
					     (uint64_t)v->epoch << LPAE_EPOCH_SHIFT);
}

void lz_pt_age(struct lz_pt *pt, lz_iova iova, size_t size, unsigned epoch)
{
	struct visit v = {.fn = age_entry, .epoch = epoch % LZ_PT_EPOCHS};

	visit_range(pt, iova, size, &v);
}

static void tell_run(struct visit *v)
{
	if (v->run_end > v->run && v->released)
		v->released(v->ctx, v->run, (size_t)(v->run_end - v->run));
	v->run = v->run_end = 0;
}

static void release_entry(struct visit *v, uint64_t *slot, uint64_t e, unsigned level, lz_iova iova,
			  bool whole)
{
	if (!is_since(e, v->epoch) || !whole)
		return;
	if (iova != v->run_end || v->run == v->run_end) {
		tell_run(v);
		v->run = iova;
	}
	/* Absent before anybody is told that it is free. */
	lz_dma_store64(slot, 0);
	v->run_end = iova + entry_size(level);
	v->bytes += entry_size(level);
}

uint64_t lz_pt_release(struct lz_pt *pt, lz_iova iova, size_t size, unsigned epoch,
		       lz_pt_released released, void *ctx)
{
	struct visit v = {.fn = release_entry,
			  .epoch = epoch % LZ_PT_EPOCHS,
			  .released = released,
			  .ctx = ctx};

	visit_range(pt, iova, size, &v);
	tell_run(&v);
	return v.bytes / LZ_PAGE;
}

bool lz_pt_lookup(const struct lz_pt *pt, lz_iova iova, lz_phys *phys)
{
	uint64_t *table = pt->root;

	*phys = 0;
	if (iova >= lz_pt_span(pt))
		return false;
	for (unsigned level = pt->start_level;; level++) {
		uint64_t e = lz_dma_load64(slot_of(table, level, iova));

		if (lpae_is_table(e, level)) {
			table = table_of(pt, e);
			continue;
		}
		if (!(e & LPAE_VALID))
			return false;
		*phys = (e & LPAE_ADDR) | (iova & (entry_size(level) - 1));
		return true;
	}
}
