/* SPDX-License-Identifier: BSD-2-Clause */
/* The truth about pages: open addressing, keyed by domain and page number. */
#include "shadow.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE	 4096u
#define PA_SPACE UINT32_MAX /* "domain" of the records that count physical pages */

static size_t hash_of(uint32_t dom, uint64_t page)
{
	uint64_t h = (page + 0x9e3779b97f4a7c15ull * dom) * 0xff51afd7ed558ccdull;

	h ^= h >> 32;
	return (size_t)(h * 0xc4ceb9fe1a85ec53ull >> 20);
}

bool shadow_init(struct shadow *s)
{
	*s = (struct shadow){.mask = 4095};
	s->slot = calloc(s->mask + 1, sizeof(*s->slot));
	return s->slot != NULL;
}

void shadow_fini(struct shadow *s)
{
	free(s->slot);
	*s = (struct shadow){0};
}

static struct shadow_page *probe(const struct shadow *s, uint32_t dom, uint64_t page)
{
	size_t i = hash_of(dom, page) & s->mask;

	while (s->slot[i].dom && (s->slot[i].dom != dom || s->slot[i].page != page))
		i = (i + 1) & s->mask;
	return &s->slot[i];
}

struct shadow_page *shadow_find(const struct shadow *s, uint32_t dom, uint64_t page)
{
	struct shadow_page *p = probe(s, dom, page);

	return p->dom ? p : NULL;
}

static void grow(struct shadow *s)
{
	struct shadow bigger = *s;

	bigger.mask = s->mask * 2 + 1;
	bigger.slot = calloc(bigger.mask + 1, sizeof(*bigger.slot));
	if (!bigger.slot) {
		fprintf(stderr, "lazaret: out of memory\n");
		exit(3);
	}
	for (size_t i = 0; i <= s->mask; i++)
		if (s->slot[i].dom)
			*probe(&bigger, s->slot[i].dom, s->slot[i].page) = s->slot[i];
	free(s->slot);
	*s = bigger;
}

struct shadow_page *shadow_get(struct shadow *s, uint32_t dom, uint64_t page)
{
	struct shadow_page *p;

	if (s->used * 4 > s->mask * 3)
		grow(s);
	p = probe(s, dom, page);
	if (!p->dom) {
		p->dom = dom;
		p->page = page;
		s->used++;
	}
	return p;
}

static void custody_add(struct shadow *s, uint64_t pa)
{
	shadow_get(s, PA_SPACE, pa / PAGE)->pa++;
	if (++s->custody_pages > s->custody_max)
		s->custody_max = s->custody_pages;
}

static void custody_drop(struct shadow *s, const struct shadow_page *p, uint64_t now)
{
	struct shadow_page *held = shadow_find(s, PA_SPACE, p->pa / PAGE);

	if (held && held->pa)
		held->pa--;
	s->custody_pages--;
	s->custody_page_ns += now - p->since;
}

void shadow_map(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t pa, uint64_t size,
		uint64_t now)
{
	for (uint64_t off = 0; off < size; off += PAGE) {
		struct shadow_page *p = shadow_get(s, dom, (iova + off) / PAGE);

		p->pa = pa + off;
		p->state = SHADOW_LIVE;
		p->since = now;
	}
}

void shadow_unmapped(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t size, uint64_t now)
{
	for (uint64_t off = 0; off < size; off += PAGE) {
		struct shadow_page *p = shadow_get(s, dom, (iova + off) / PAGE);

		p->state = SHADOW_FREE;
		p->since = now;
	}
}

void shadow_unmap_begin(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t size, uint64_t now)
{
	for (uint64_t off = 0; off < size; off += PAGE) {
		struct shadow_page *p = shadow_find(s, dom, (iova + off) / PAGE);

		if (p && p->state == SHADOW_LIVE) {
			p->state = SHADOW_IN_FLIGHT;
			p->since = now;
		}
	}
}

void shadow_unmap_end(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t size, bool custody,
		      uint64_t now)
{
	for (uint64_t off = 0; off < size; off += PAGE) {
		struct shadow_page *p = shadow_find(s, dom, (iova + off) / PAGE);

		if (!p || p->state != SHADOW_IN_FLIGHT)
			continue;
		p->state = custody ? SHADOW_CUSTODY : SHADOW_FREE;
		p->since = now;
		if (custody)
			custody_add(s, p->pa);
	}
}

uint64_t shadow_release(struct shadow *s, uint32_t dom, uint64_t iova, uint64_t size, uint64_t now)
{
	uint64_t odd = 0;

	for (uint64_t off = 0; off < size; off += PAGE) {
		struct shadow_page *p = shadow_find(s, dom, (iova + off) / PAGE);

		if (!p || (p->state != SHADOW_IN_FLIGHT && p->state != SHADOW_CUSTODY)) {
			odd++;
			continue;
		}
		if (p->state == SHADOW_CUSTODY)
			custody_drop(s, p, now);
		p->state = SHADOW_FREE;
		p->since = now;
	}
	return odd;
}

void shadow_forget_domain(struct shadow *s, uint32_t dom, uint64_t now)
{
	for (size_t i = 0; i <= s->mask; i++) {
		struct shadow_page *p = &s->slot[i];

		if (p->dom != dom || p->state == SHADOW_FREE)
			continue;
		if (p->state == SHADOW_CUSTODY)
			custody_drop(s, p, now);
		p->state = SHADOW_FREE;
		p->since = now;
	}
}

bool shadow_pa_held(const struct shadow *s, uint64_t pa)
{
	const struct shadow_page *p = shadow_find(s, PA_SPACE, pa / PAGE);

	return p && p->pa > 0;
}
