/* SPDX-License-Identifier: BSD-2-Clause */
/* Traces read into memory, with the order that pages demand worked out. */
#include "bench/recording.h"
#include "bench/shadow.h"
#include "machine/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE	4096u
#define DEVICES UINT32_MAX /* "domain" under which `last` keeps the device records */

static struct recording *all;
static size_t n_all;

struct reader {
	struct recording *rec;
	struct shadow last; /* page or device -> number of its latest record, plus 1 */
	uint64_t start;
	bool started, failed;
};

static bool make_room(void **array, size_t *room, size_t need, size_t size)
{
	size_t n = *room ? *room : 1024;
	void *p;

	if (need <= *room)
		return true;
	while (n < need)
		n *= 2;
	p = realloc(*array, n * size);
	if (!p)
		return false;
	*array = p;
	*room = n;
	return true;
}

static uint32_t domain_index(struct reader *rd, uint64_t key)
{
	struct recording *r = rd->rec;
	void *p = r->domains;
	size_t room = r->domains_room;

	for (uint32_t i = 0; i < r->n_domains; i++)
		if (r->domains[i] == key)
			return i;
	if (!make_room(&p, &room, r->n_domains + 1, sizeof(*r->domains))) {
		rd->failed = true;
		return 0;
	}
	r->domains = p;
	r->domains_room = (uint32_t)room;
	r->domains[r->n_domains] = key;
	return r->n_domains++;
}

static struct record *append(struct reader *rd, const struct trace_event *e, enum record_kind kind)
{
	struct recording *r = rd->rec;
	void *p = r->records;
	struct record *out;

	if (!make_room(&p, &r->room, r->n + 1, sizeof(*r->records))) {
		rd->failed = true;
		return NULL;
	}
	r->records = p;
	out = &r->records[r->n++];
	*out = (struct record){.kind = (uint8_t)kind};
	if (!rd->started) {
		rd->started = true;
		rd->start = e->time_ns;
	}
	/* Lines of different CPUs may be slightly out of order. */
	out->t = e->time_ns > rd->start ? e->time_ns - rd->start : 0;
	out->cpu = (uint8_t)(e->cpu % RECORDING_CPUS);
	r->cpus |= 1u << out->cpu;
	out->irq = e->context != TRACE_TASK;
	out->dom = domain_index(rd, e->domain);
	out->deps = (uint32_t)r->n_deps;
	return out;
}

static void depend(struct reader *rd, struct record *e, uint32_t earlier)
{
	struct recording *r = rd->rec;
	void *p = r->deps;

	if (r->records[earlier].cpu == e->cpu || (e->n_deps && r->deps[r->n_deps - 1] == earlier))
		return;
	if (!make_room(&p, &r->deps_room, r->n_deps + 1, sizeof(*r->deps))) {
		rd->failed = true;
		return;
	}
	r->deps = p;
	r->deps[r->n_deps++] = earlier;
	e->n_deps++;
}

static int pages(struct reader *rd, const struct trace_event *e, enum record_kind kind)
{
	struct record *out = append(rd, e, kind);

	if (!out)
		return 1;
	out->iova = e->iova & ~(uint64_t)(PAGE - 1);
	out->pa = e->paddr & ~(uint64_t)(PAGE - 1);
	out->size = (e->size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	out->prot = e->has_prot ? (uint8_t)(e->prot & 3) : 3;
	for (uint64_t off = 0; off < out->size; off += PAGE) {
		struct shadow_page *s =
			shadow_get(&rd->last, out->dom + 1, (out->iova + off) / PAGE);

		if (s->pa)
			depend(rd, out, (uint32_t)s->pa - 1);
		s->pa = rd->rec->n;
	}
	return rd->failed;
}

static int on_map(void *ctx, const struct trace_event *e)
{
	struct reader *rd = ctx;

	rd->rec->maps++;
	return pages(rd, e, RECORD_MAP);
}

static int on_unmap(void *ctx, const struct trace_event *e)
{
	struct reader *rd = ctx;

	rd->rec->unmaps++;
	rd->rec->irq_unmaps += e->context != TRACE_TASK;
	return pages(rd, e, RECORD_UNMAP);
}

static int device(struct reader *rd, const struct trace_event *e, enum record_kind kind)
{
	struct shadow_page *s;
	struct record *out;
	uint32_t bdf;

	if (!scenario_bdf_parse(e->bdf, &bdf))
		return 0;
	out = append(rd, e, kind);
	if (!out)
		return 1;
	out->bdf = bdf;
	s = shadow_get(&rd->last, DEVICES, bdf);
	if (s->pa)
		depend(rd, out, (uint32_t)s->pa - 1);
	s->pa = rd->rec->n;
	return rd->failed;
}

static int on_attach(void *ctx, const struct trace_event *e)
{
	return device(ctx, e, RECORD_ATTACH);
}

static int on_add(void *ctx, const struct trace_event *e)
{
	return device(ctx, e, RECORD_ADD);
}

static int on_remove(void *ctx, const struct trace_event *e)
{
	return device(ctx, e, RECORD_REMOVE);
}

static int load(const struct scenario_workload *w, struct recording *rec, char *err, size_t errlen)
{
	static const struct trace_ops ops = {
		.map = on_map,
		.unmap = on_unmap,
		.attach = on_attach,
		.add_group = on_add,
		.remove_group = on_remove,
	};
	struct reader rd = {.rec = rec};
	int res;

	rec->of = w;
	if (!shadow_init(&rd.last)) {
		snprintf(err, errlen, "%s:0: expected enough memory for the trace", w->trace.path);
		return -1;
	}
	res = trace_read(w->trace.path, &ops, &rd, w->limit, err, errlen);
	shadow_fini(&rd.last);
	if (!res && rd.failed) {
		snprintf(err, errlen, "%s:0: expected enough memory for the trace", w->trace.path);
		return -1;
	}
	return res;
}

int recordings_load(const struct scenario *sc, char *err, size_t errlen)
{
	recordings_free();
	all = calloc(sc->n_workload + 1, sizeof(*all));
	if (!all) {
		snprintf(err, errlen, "%s:0: expected enough memory", sc->path);
		return -1;
	}
	for (size_t i = 0; i < sc->n_workload; i++) {
		if (sc->workload[i].kind != SCENARIO_TRACE)
			continue;
		if (load(&sc->workload[i], &all[n_all++], err, errlen)) {
			recordings_free();
			return -1;
		}
	}
	return 0;
}

void recordings_free(void)
{
	for (size_t i = 0; i < n_all; i++) {
		free(all[i].records);
		free(all[i].deps);
		free(all[i].domains);
	}
	free(all);
	all = NULL;
	n_all = 0;
}

const struct recording *recording_of(const struct scenario_workload *w)
{
	for (size_t i = 0; i < n_all; i++)
		if (all[i].of == w)
			return &all[i];
	return NULL;
}
