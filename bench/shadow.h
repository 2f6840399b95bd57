/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The truth about every page of I/O address space: what the bench mapped
 * there, and whether the library has given it back. Oracles compare what DMA
 * really reaches with this; nothing here asks the library.
 */
#ifndef LZ_BENCH_SHADOW_H
#define LZ_BENCH_SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum shadow_state {
	SHADOW_FREE,	  /* given back, or never mapped */
	SHADOW_LIVE,	  /* mapped, or being mapped */
	SHADOW_IN_FLIGHT, /* its unmap has not returned */
	SHADOW_CUSTODY,	  /* the unmap answered "in custody" */
};

struct shadow_page {
	uint64_t page; /* iova / page size */
	uint64_t pa;
	uint32_t dom; /* number of the domain; 0 marks an unused slot */
	uint8_t state;
	uint64_t since; /* when the state began, ns */
};

/* A hash table of pages, and one of physical pages that are in custody. */
struct shadow {
	struct shadow_page *slot;
	size_t mask, used;
	uint64_t custody_pages, custody_max;
	uint64_t custody_page_ns; /* pages times the time they spent in custody */
};

bool shadow_init(struct shadow *s);
void shadow_fini(struct shadow *s);

/* NULL when it was never mapped. */
struct shadow_page *shadow_find(const struct shadow *s, uint32_t dom, uint64_t page);
/* Finds or makes. Exits the program when host memory is exhausted. The pointer is
 * good until the next call. */
struct shadow_page *shadow_get(struct shadow *s, uint32_t dom, uint64_t page);

void shadow_map(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t pa, uint64_t size,
		uint64_t now);
/* Takes back a mapping that the library refused. */
void shadow_unmapped(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t size, uint64_t now);
void shadow_unmap_begin(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t size, uint64_t now);
/* The unmap returned; pages that were released meanwhile stay free. */
void shadow_unmap_end(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t size, bool custody,
		      uint64_t now);
/* Called by `release`. Returns pages that were not in flight or in custody. */
uint64_t shadow_release(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t size, uint64_t now);

/* The domain is gone: what is mapped in it is free. */
void shadow_forget_domain(struct shadow *s, uint32_t dom, uint64_t now);

/* A second use of the table: is this physical page in custody anywhere? */
bool shadow_pa_held(const struct shadow *s, uint64_t pa);

#endif
