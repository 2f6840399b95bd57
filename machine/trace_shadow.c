/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages each domain of a trace has mapped: the check that attribution is
 * right, since a wrong one shows as an overlap or an unknown page.
 */
#include "hash.h"
#include "internal.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_SHIFT  12
#define CHUNK_PAGES 512u /* 2 MiB of one domain's addresses */
#define WORDS	    (CHUNK_PAGES / 64)

struct chunk {
	uint64_t domain;
	uint64_t bits[WORDS];
};

struct device {
	char bdf[20];
	uint64_t domain;
	int group; /* MACHINE_NONE: in none */
};

struct trace_shadow {
	struct trace_summary sum;
	struct hash index; /* (domain, chunk number) -> chunk + 1 */
	struct chunk *chunks;
	unsigned n_chunks;
	struct hash domains;
	struct device *devices;
	unsigned n_devices;
	bool failed;
};

struct trace_shadow *trace_shadow_new(void)
{
	return calloc(1, sizeof(struct trace_shadow));
}

void trace_shadow_free(struct trace_shadow *s)
{
	if (!s)
		return;
	hash_free(&s->index);
	hash_free(&s->domains);
	free(s->chunks);
	free(s->devices);
	free(s);
}

const struct trace_summary *trace_shadow_summary(const struct trace_shadow *s)
{
	return &s->sum;
}

bool trace_shadow_failed(const struct trace_shadow *s)
{
	return s->failed;
}

static int no_memory(struct trace_shadow *s)
{
	s->failed = true;
	return 1;
}

static void error(struct trace_shadow *s, const struct trace_event *e, uint64_t *counter)
{
	++*counter;
	s->sum.errors++;
	if (!s->sum.first_error_line)
		s->sum.first_error_line = e->line;
}

static int note_domain(struct trace_shadow *s, uint64_t domain)
{
	uint64_t *known = hash_get(&s->domains, domain, 0);

	if (!known)
		return no_memory(s);
	s->sum.domains += !*known;
	*known = 1;
	return 0;
}

static struct chunk *chunk_of(struct trace_shadow *s, uint64_t domain, uint64_t page)
{
	uint64_t *at = hash_get(&s->index, domain, page / CHUNK_PAGES);
	struct chunk *c;

	if (!at)
		return NULL;
	if (!*at) {
		c = grow(&s->chunks, &s->n_chunks, sizeof(*c));
		if (!c)
			return NULL;
		c->domain = domain;
		*at = s->n_chunks;
	}
	return &s->chunks[*at - 1];
}

/* Sets or clears the event's pages; *odd: one of them was that way already. */
static int paint(struct trace_shadow *s, const struct trace_event *e, bool mapped, bool *odd)
{
	uint64_t page = e->iova >> PAGE_SHIFT, left = e->size >> PAGE_SHIFT;

	while (left) {
		struct chunk *c = chunk_of(s, e->domain, page);
		uint64_t first = page % 64, n = left < 64 - first ? left : 64 - first;
		uint64_t bits = (n == 64 ? ~0ull : (1ull << n) - 1) << first, *word, was;

		if (!c)
			return no_memory(s);
		word = &c->bits[page % CHUNK_PAGES / 64];
		was = *word & bits;
		*odd |= was != (mapped ? 0 : bits);
		*word = mapped ? *word | bits : *word & ~bits;
		s->sum.pages -= (uint64_t)__builtin_popcountll(was);
		s->sum.pages += mapped ? n : 0;
		page += n;
		left -= n;
	}
	if (s->sum.pages > s->sum.peak_pages)
		s->sum.peak_pages = s->sum.pages;
	return 0;
}

static void tick(struct trace_shadow *s, const struct trace_event *e)
{
	if (!s->sum.first_ns)
		s->sum.first_ns = e->time_ns;
	s->sum.last_ns = e->time_ns;
}

static int mapping(struct trace_shadow *s, const struct trace_event *e, bool mapped,
		   uint64_t *counter)
{
	bool odd = false;

	tick(s, e);
	if (!e->attributed) {
		error(s, e, &s->sum.unattributed);
		return 0;
	}
	if (note_domain(s, e->domain) || paint(s, e, mapped, &odd))
		return 1;
	if (odd || !e->size)
		error(s, e, counter);
	return 0;
}

static int shadow_map(void *ctx, const struct trace_event *e)
{
	struct trace_shadow *s = ctx;

	s->sum.maps++;
	return mapping(s, e, true, &s->sum.overlaps);
}

static int shadow_unmap(void *ctx, const struct trace_event *e)
{
	struct trace_shadow *s = ctx;

	s->sum.unmaps++;
	s->sum.unmaps_by_context[e->context]++;
	return mapping(s, e, false, &s->sum.unknown_pages);
}

static struct device *device(struct trace_shadow *s, const char *bdf)
{
	struct device *d;
	unsigned i;

	for (i = 0; i < s->n_devices; i++) {
		if (!strcmp(s->devices[i].bdf, bdf))
			return &s->devices[i];
	}
	d = grow(&s->devices, &s->n_devices, sizeof(*d));
	if (!d) {
		s->failed = true;
		return NULL;
	}
	memcpy(d->bdf, bdf, sizeof(d->bdf));
	d->group = MACHINE_NONE;
	s->sum.devices = s->n_devices;
	return d;
}

static int shadow_attach(void *ctx, const struct trace_event *e)
{
	struct trace_shadow *s = ctx;
	struct device *d = device(s, e->bdf);

	tick(s, e);
	s->sum.attaches++;
	if (!d)
		return 1;
	if (!e->attributed) {
		error(s, e, &s->sum.unattributed);
		return 0;
	}
	d->domain = e->domain;
	/* Without kprobe lines the domains of attaches cannot be told apart. */
	return e->domain ? note_domain(s, e->domain) : 0;
}

static int shadow_add_group(void *ctx, const struct trace_event *e)
{
	struct trace_shadow *s = ctx;
	struct device *d = device(s, e->bdf);

	tick(s, e);
	if (d)
		d->group = e->group;
	return !d;
}

/* With its last function a group loses its default domain, and the kernel frees
 * that without unmapping: the pages are gone, and the pointer may come back. */
static int shadow_remove_group(void *ctx, const struct trace_event *e)
{
	struct trace_shadow *s = ctx;
	struct device *d = device(s, e->bdf);
	unsigned i, w;

	tick(s, e);
	if (!d)
		return 1;
	d->group = MACHINE_NONE;
	for (i = 0; i < s->n_devices; i++) {
		if (s->devices[i].group == e->group)
			return 0;
	}
	for (i = 0; d->domain && i < s->n_chunks; i++) {
		if (s->chunks[i].domain != d->domain)
			continue;
		for (w = 0; w < WORDS; w++)
			s->sum.pages -= (uint64_t)__builtin_popcountll(s->chunks[i].bits[w]);
		memset(s->chunks[i].bits, 0, sizeof(s->chunks[i].bits));
	}
	return 0;
}

static int shadow_flush(void *ctx, const struct trace_event *e)
{
	struct trace_shadow *s = ctx;

	tick(s, e);
	s->sum.flushes++;
	return 0;
}

static int shadow_mark(void *ctx, const struct trace_event *e)
{
	struct trace_shadow *s = ctx;

	tick(s, e);
	s->sum.marks++;
	return 0;
}

const struct trace_ops trace_shadow_ops = {
	.map = shadow_map,
	.unmap = shadow_unmap,
	.attach = shadow_attach,
	.add_group = shadow_add_group,
	.remove_group = shadow_remove_group,
	.flush = shadow_flush,
	.mark = shadow_mark,
};
