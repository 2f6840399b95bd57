/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory services. Freed memory is filled with 0xdd and kept a while, so that
 * a use after free reads the same nonsense in each run; under AddressSanitizer
 * it is freed at once. DMA memory comes from one arena by a buddy allocator.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <string.h>
#include <sys/mman.h>

#include "arena.h"
#include "internal.h"

#define POISON	   0xdd
#define UNIT_SHIFT 6u /* the arena is booked in units of 64 bytes */
#define UNIT	   ((size_t)1 << UNIT_SHIFT)
#define ORDERS	   40u
#define NIL	   UINT32_MAX
#define PAGE	   64u /* units */
#define KEPT	   4096u

/* ---- plain memory ---- */

struct block {
	struct block *next, *prev;
	size_t size;
	uint64_t magic;
	_Alignas(16) unsigned char data[];
};
#define LIVE 0x6c61766561626c65ull
#define DEAD 0x6465616464656164ull

SIM_SNAP static struct block live = {&live, &live, 0, 0};
SIM_SNAP static struct block **kept;
SIM_SNAP static size_t kept_at;

static bool fails(void)
{
	const struct sim_strategy *st = sim.strategy;

	sim_weak_forget();
	return sim.fail_alloc || (st && st->alloc_fails && st->alloc_fails(st->ctx));
}

static void count_live(size_t size)
{
	sim.st.live_allocs++;
	sim.st.live_bytes += size;
	if (sim.st.live_bytes > sim.st.peak_bytes)
		sim.st.peak_bytes = sim.st.live_bytes;
}

void *sim_alloc(void *ctx, size_t size)
{
	struct block *b;

	(void)ctx;
	if (lz_in_atomic())
		sim_violation("alloc in atomic context");
	b = fails() ? NULL : sim_heap_alloc(sizeof(*b) + size);
	if (!b) {
		sim.st.failed_allocs++;
		return NULL;
	}
	b->size = size;
	b->magic = LIVE;
	b->next = live.next;
	b->prev = &live;
	b->next->prev = b;
	live.next = b;
	count_live(size);
	return b->data;
}

static void release(struct block *b)
{
	if (SIM_ASAN) {
		sim_heap_free(b);
		return;
	}
	sim_heap_free(kept[kept_at]);
	kept[kept_at] = b;
	kept_at = (kept_at + 1) % KEPT;
}

void sim_free(void *ctx, void *p, size_t size)
{
	struct block *b;

	(void)ctx;
	if (lz_in_atomic())
		sim_violation("free in atomic context");
	if (!p)
		return;
	sim_weak_forget();
	b = (struct block *)((char *)p - offsetof(struct block, data));
	if (b->magic != LIVE) {
		sim_violation("free of memory that is not allocated");
		return;
	}
	if (b->size != size)
		sim_violation("free with another size than alloc");
	b->prev->next = b->next;
	b->next->prev = b->prev;
	b->magic = DEAD;
	sim.st.live_allocs--;
	sim.st.live_bytes -= b->size;
	memset(b->data, POISON, b->size);
	release(b);
}

/* ---- DMA memory ---- */

/* Of a unit that is the first one of its block. */
struct unit {
	uint32_t size;	     /* allocated: units asked for; else 0 */
	uint32_t next, prev; /* in its free list */
	uint8_t order;	     /* of the block, + 1 */
	uint8_t is_free;
};

SIM_SNAP static struct {
	unsigned char *va;
	size_t bytes;
	uint32_t units;
	uint64_t *used;		  /* one bit per unit */
	struct unit *unit, *page; /* page: of those at multiples of PAGE */
	uint32_t head[ORDERS];
} dma;

/* Large blocks have theirs close together, so that runs write few pages. */
static struct unit *unit(uint32_t u)
{
	return u % PAGE ? &dma.unit[u] : &dma.page[u / PAGE];
}

static void put_free(uint32_t u, unsigned order)
{
	*unit(u) = (struct unit){
		.next = dma.head[order], .prev = NIL, .order = (uint8_t)(order + 1), .is_free = 1};
	if (dma.head[order] != NIL)
		unit(dma.head[order])->prev = u;
	dma.head[order] = u;
}

static void take_free(uint32_t u, unsigned order)
{
	const struct unit *b = unit(u);

	if (b->prev == NIL)
		dma.head[order] = b->next;
	else
		unit(b->prev)->next = b->next;
	if (b->next != NIL)
		unit(b->next)->prev = b->prev;
	*unit(u) = (struct unit){0};
}

static void *table(size_t n, size_t size)
{
	void *p = sim_heap_alloc(n * size);

	if (!p)
		lz_port_panic("out of memory for the DMA arena", __FILE__, __LINE__);
	return p;
}

/* Page aligned, so that what lies together is on one page. */
static unsigned char *memory_for_dma(void)
{
	unsigned char *p;

	if (sim_arena_is_open()) {
		p = table(dma.bytes + 4096, 1);
		return p + (4096 - (uintptr_t)p % 4096) % 4096;
	}
	p = mmap(NULL, dma.bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		lz_port_panic("out of memory for the DMA arena", __FILE__, __LINE__);
	return p;
}

void sim_mem_start(void)
{
	uint32_t u = 0;

	kept = table(KEPT, sizeof(struct block *));

	memset(&dma, 0, sizeof(dma));
	memset(dma.head, 0xff, sizeof(dma.head));
	dma.bytes = sim.cfg.dma_bytes & ~(UNIT - 1);
	dma.units = (uint32_t)(dma.bytes >> UNIT_SHIFT);
	if (!dma.units)
		return;
	dma.va = memory_for_dma();
	dma.used = table(dma.units / 64 + 2, sizeof(*dma.used));
	dma.unit = table(dma.units, sizeof(*dma.unit));
	dma.page = table(dma.units / PAGE + 1, sizeof(*dma.page));
	while (u < dma.units) {
		unsigned order = 0;

		while (order + 1 < 31 && u % (2u << order) == 0 && dma.units - u >= 2u << order)
			order++;
		put_free(u, order);
		u += 1u << order;
	}
}

void sim_mem_stop(void)
{
	size_t i;

	while (live.next != &live) {
		struct block *b = live.next;

		live.next = b->next;
		sim_heap_free(b);
	}
	live.prev = &live;
	for (i = 0; kept && i < KEPT && kept[i]; i++)
		sim_heap_free(kept[i]);
	sim_heap_free(kept);
	kept = NULL;
	kept_at = 0;
	if (dma.va && !sim_arena_is_open())
		munmap(dma.va, dma.bytes);
	sim_heap_free(dma.used);
	sim_heap_free(dma.unit);
	sim_heap_free(dma.page);
	memset(&dma, 0, sizeof(dma));
}

static void set_used(uint32_t first, uint32_t n, bool used)
{
	uint32_t u;

	for (u = first; u < first + n; u++) {
		if (u % 64 == 0 && first + n - u >= 64) {
			dma.used[u / 64] = used ? UINT64_MAX : 0;
			u += 63;
		} else if (used) {
			dma.used[u / 64] |= (uint64_t)1 << u % 64;
		} else {
			dma.used[u / 64] &= ~((uint64_t)1 << u % 64);
		}
	}
}

static uint32_t take(unsigned want)
{
	unsigned order = want;
	uint32_t u;

	while (order < ORDERS && dma.head[order] == NIL)
		order++;
	if (order == ORDERS)
		return NIL;
	u = dma.head[order];
	take_free(u, order);
	while (order > want) {
		order--;
		put_free(u + (1u << order), order);
	}
	unit(u)->order = (uint8_t)(want + 1);
	return u;
}

void *sim_dma_alloc(void *ctx, size_t size, size_t align, lz_phys *phys)
{
	uint32_t units = (uint32_t)((size + UNIT - 1) >> UNIT_SHIFT), u = NIL;
	unsigned order = 0;

	(void)ctx;
	lz_assert(align && (align & (align - 1)) == 0 && size);
	while (order < 31 && ((uint32_t)1 << order < units || UNIT << order < align))
		order++;
	if (!fails() && dma.units && size <= dma.bytes)
		u = take(order);
	if (u == NIL) {
		sim.st.failed_allocs++;
		return NULL;
	}
	*phys = sim.cfg.dma_base + ((lz_phys)u << UNIT_SHIFT);
	/* The arena's base must be aligned for what is asked of it. */
	lz_assert((*phys & (align - 1)) == 0);
	unit(u)->size = units;
	set_used(u, units, true);
	count_live(size);
	return memset(dma.va + ((size_t)u << UNIT_SHIFT), 0, (size_t)units << UNIT_SHIFT);
}

void sim_dma_free(void *ctx, void *va, size_t size)
{
	size_t off = (uintptr_t)va - (uintptr_t)dma.va;
	uint32_t u = (uint32_t)(off >> UNIT_SHIFT), units;
	unsigned order;

	(void)ctx;
	if (lz_in_atomic())
		sim_violation("dma_free in atomic context");
	if (!va)
		return;
	sim_weak_forget();
	if (off >= dma.bytes || off % UNIT || !unit(u)->size) {
		sim_violation("dma_free of memory that is not allocated");
		return;
	}
	units = unit(u)->size;
	if ((size + UNIT - 1) >> UNIT_SHIFT != units)
		sim_violation("dma_free with another size than dma_alloc");
	memset(va, POISON, (size_t)units << UNIT_SHIFT);
	set_used(u, units, false);
	sim.st.live_allocs--;
	sim.st.live_bytes -= size;
	order = unit(u)->order - 1u;
	*unit(u) = (struct unit){0};
	for (; order < 30; order++) {
		uint32_t buddy = u ^ (1u << order);

		if (buddy >= dma.units || !unit(buddy)->is_free || unit(buddy)->order != order + 1)
			break;
		take_free(buddy, order);
		u &= ~(1u << order);
	}
	put_free(u, order);
}

void *sim_dma_virt(void *ctx, lz_phys phys)
{
	(void)ctx;
	lz_assert(phys - sim.cfg.dma_base < dma.bytes);
	return dma.va + (phys - sim.cfg.dma_base);
}

void *sim_dma_ptr(lz_phys phys, size_t len)
{
	lz_phys off = phys - sim.cfg.dma_base;
	uint32_t u, last;

	if (phys < sim.cfg.dma_base || off >= dma.bytes || len > dma.bytes - off)
		return NULL;
	last = (uint32_t)((off + (len ? len - 1 : 0)) >> UNIT_SHIFT);
	for (u = (uint32_t)(off >> UNIT_SHIFT); u <= last; u++) {
		if (u % 64 == 0 && last - u >= 63 && dma.used[u / 64] == UINT64_MAX)
			u += 63;
		else if (!(dma.used[u / 64] >> u % 64 & 1))
			return NULL;
	}
	return dma.va + off;
}

bool sim_dma_read(void *ctx, lz_phys phys, void *buf, size_t len)
{
	const void *p = sim_dma_ptr(phys, len);

	(void)ctx;
	if (p)
		memcpy(buf, p, len);
	return p;
}

bool sim_dma_write(void *ctx, lz_phys phys, const void *buf, size_t len)
{
	void *p = sim_dma_ptr(phys, len);

	(void)ctx;
	if (p)
		memcpy(p, buf, len);
	return p;
}

lz_ns sim_hw_now(void *ctx)
{
	(void)ctx;
	return sim_now();
}

void sim_fail_alloc(bool fail)
{
	sim.fail_alloc = fail;
}
