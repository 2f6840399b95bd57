/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One region for all that a simulation allocates: a heap, and slots for
 * stacks. A snapshot makes it read-only; the first write to a page keeps the
 * page as it was and lets the write through, once in the life of the snapshot.
 * sim_restore() copies back the pages that were ever written, and the port's
 * variables. Pages that only the ends of runs write (sim_late()) are read-only
 * again, and not copied, while runs stop before. Unless the configuration asks
 * for it the heap is libc's.
 *
 * Not under the sanitizers: they want to see each allocation, and know nothing
 * of memory that goes back in time.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arena.h"
#include "internal.h"

#define HEAP_BYTES  ((size_t)32 << 20)
#define SLOTS	    48u
#define SLOT_BYTES  (SIM_GUARD_BYTES + SIM_STACK_BYTES)
#define ARENA_BYTES (HEAP_BYTES + SLOTS * SLOT_BYTES)
#define CLASSES	    40u /* of 16 << k bytes */

/* The port's variables, gathered by the linker. */
extern char __start_sim_snap[], __stop_sim_snap[];

struct head {
	struct head *next; /* while it is free */
	uint64_t cls;
};

/* Goes back in time with the rest. */
SIM_SNAP static struct {
	bool open;
	size_t used; /* of the heap */
	unsigned slots;
	struct head *free[CLASSES];
} heap;

/* Numbers of pages, ascending. */
struct pages {
	uint32_t *page;
	size_t n;
};

/* Does not. */
static struct {
	char *base, *image;	  /* image: pages as they were at the snapshot */
	size_t page;		  /* the kernel's */
	struct pages early, late; /* written since; late: by nobody before sim_late() */
	bool is_late;		  /* this run has come so far */
	bool late_open;		  /* those pages are writable */
	char *vars;		  /* the port's variables */
	uint32_t id, last_id;
} arena;

#if SIM_ASAN || defined(__SANITIZE_THREAD__)
#define AVAILABLE 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define AVAILABLE 0
#endif
#endif
#ifndef AVAILABLE
#define AVAILABLE 1
#endif

static char *map(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		lz_port_panic("out of memory for the arena", __FILE__, __LINE__);
	return p;
}

static void protect_stacks(size_t from, size_t bytes, int how)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (mprotect(arena.base + HEAP_BYTES + i * SLOT_BYTES + from, bytes, how))
			lz_port_panic("the arena cannot be protected", __FILE__, __LINE__);
}

/* All but the guards. */
static void protect(int how)
{
	if (mprotect(arena.base, HEAP_BYTES, how))
		lz_port_panic("the arena cannot be protected", __FILE__, __LINE__);
	protect_stacks(SIM_GUARD_BYTES, SIM_STACK_BYTES, how);
}

static void make(void)
{
	arena.page = (size_t)sysconf(_SC_PAGESIZE);
	arena.base = map(ARENA_BYTES);
	arena.image = map(ARENA_BYTES);
	arena.early.page = (uint32_t *)map(ARENA_BYTES / arena.page * sizeof(uint32_t));
	arena.late.page = (uint32_t *)map(ARENA_BYTES / arena.page * sizeof(uint32_t));
	arena.vars = map((size_t)(__stop_sim_snap - __start_sim_snap));
	protect_stacks(0, SIM_GUARD_BYTES, PROT_NONE);
}

void sim_arena_open(void)
{
	if (!AVAILABLE)
		return;
	if (!arena.base)
		make();
	heap.open = true;
}

bool sim_arena_is_open(void)
{
	return heap.open;
}

void sim_arena_thaw(void)
{
	if (arena.id)
		protect(PROT_READ | PROT_WRITE);
	arena.id = 0;
}

void sim_arena_close(void)
{
	if (!heap.open)
		return;
	madvise(arena.base, ARENA_BYTES, MADV_DONTNEED);
	madvise(arena.image, ARENA_BYTES, MADV_DONTNEED);
	memset(&heap, 0, sizeof(heap));
}

/* ---- snapshots ---- */

uint32_t sim_snapshot(void)
{
	if (!heap.open)
		return 0;
	lz_assert(sim.cur == &sim.outside && !arena.id);
	memcpy(arena.vars, __start_sim_snap, (size_t)(__stop_sim_snap - __start_sim_snap));
	arena.early.n = arena.late.n = 0;
	arena.is_late = arena.late_open = false;
	protect(PROT_READ);
	arena.id = ++arena.last_id;
	return arena.id;
}

/* Where `page` is, or belongs. */
static size_t place(const struct pages *set, uint32_t page)
{
	size_t i = set->n;

	while (i && set->page[i - 1] >= page)
		i--;
	return i;
}

static void add(struct pages *set, uint32_t page)
{
	size_t i = place(set, page);

	memmove(&set->page[i + 1], &set->page[i], (set->n++ - i) * sizeof(set->page[0]));
	set->page[i] = page;
}

static void drop(struct pages *set, uint32_t page)
{
	size_t i = place(set, page);

	if (i < set->n && set->page[i] == page)
		memmove(&set->page[i], &set->page[i + 1], (--set->n - i) * sizeof(set->page[0]));
}

bool sim_arena_fault(const void *at)
{
	size_t off = (uintptr_t)at - (uintptr_t)arena.base, page;

	if (!arena.id || off >= ARENA_BYTES ||
	    (off >= HEAP_BYTES && (off - HEAP_BYTES) % SLOT_BYTES < SIM_GUARD_BYTES))
		return false;
	page = off / arena.page;
	memcpy(arena.image + page * arena.page, arena.base + page * arena.page, arena.page);
	drop(&arena.late, (uint32_t)page);
	add(arena.is_late ? &arena.late : &arena.early, (uint32_t)page);
	return mprotect(arena.base + page * arena.page, arena.page, PROT_READ | PROT_WRITE) == 0;
}

static void protect_late(int how)
{
	const struct pages *set = &arena.late;

	for (size_t i = 0, n; i < set->n; i += n) {
		for (n = 1; i + n < set->n && set->page[i + n] == set->page[i] + n; n++)
			;
		if (mprotect(arena.base + set->page[i] * arena.page, n * arena.page, how))
			lz_port_panic("the arena cannot be protected", __FILE__, __LINE__);
	}
	arena.late_open = how & PROT_WRITE;
}

void sim_late(void)
{
	if (arena.id && !arena.late_open)
		protect_late(PROT_READ | PROT_WRITE);
	arena.is_late = true;
}

static void copy_back(const struct pages *set)
{
	for (size_t i = 0; i < set->n; i++)
		memcpy(arena.base + set->page[i] * arena.page,
		       arena.image + set->page[i] * arena.page, arena.page);
}

bool sim_restore(uint32_t id)
{
	if (!id || id != arena.id)
		return false;
	copy_back(&arena.early);
	if (arena.late_open) {
		copy_back(&arena.late);
		/* Runs that come so far often follow each other. */
		if (!arena.is_late)
			protect_late(PROT_READ);
	}
	arena.is_late = false;
	memcpy(__start_sim_snap, arena.vars, (size_t)(__stop_sim_snap - __start_sim_snap));
	return true;
}

void sim_arena_get(struct sim_arena_stats *out)
{
	*out = (struct sim_arena_stats){.pages = arena.early.n,
					.late_pages = arena.late.n,
					.page_bytes = arena.page,
					.heap_bytes = heap.used};
}

/* ---- the heap ---- */

static unsigned class_of(size_t bytes)
{
	unsigned cls = 0;

	while (((size_t)16 << cls) < bytes)
		cls++;
	return cls;
}

void *sim_heap_alloc(size_t bytes)
{
	unsigned cls = class_of(bytes);
	size_t room = (size_t)16 << cls;
	struct head *h;

	if (!heap.open)
		return calloc(1, bytes);
	h = heap.free[cls];
	if (h) {
		heap.free[cls] = h->next;
		return memset(h + 1, 0, room);
	}
	/* Large ones are asked for once and fill no more than they need. */
	if (cls > 8)
		room = (bytes + 15) & ~(size_t)15;
	if (room + sizeof(*h) > HEAP_BYTES - heap.used)
		return NULL;
	h = (struct head *)(void *)(arena.base + heap.used);
	heap.used += room + sizeof(*h);
	h->cls = room == (size_t)16 << cls ? cls : CLASSES;
	return h + 1;
}

void sim_heap_free(void *p)
{
	struct head *h = p;

	if (!heap.open) {
		free(p);
		return;
	}
	if (!p || (--h)->cls == CLASSES)
		return;
	h->next = heap.free[h->cls];
	heap.free[h->cls] = h;
}

void *sim_heap_longer(void *p, size_t old, size_t bytes)
{
	void *more = sim_heap_alloc(bytes);

	if (!more)
		lz_port_panic("out of memory in the port", __FILE__, __LINE__);
	if (old)
		memcpy(more, p, old);
	sim_heap_free(p);
	return more;
}

/* A stack with its guard below; NULL: not from the arena. */
char *sim_arena_stack(void)
{
	char *slot;

	if (!heap.open)
		return NULL;
	if (heap.slots == SLOTS)
		lz_port_panic("too many agents at once for the arena", __FILE__, __LINE__);
	slot = arena.base + HEAP_BYTES + heap.slots * SLOT_BYTES;
	heap.slots++;
	return slot;
}
