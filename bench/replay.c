/* SPDX-License-Identifier: BSD-2-Clause */
/* Acting out a recorded trace; see replay.h. */
#include "bench/replay.h"
#include "bench/moments.h"
#include "bench/oracle.h"
#include "bench/recording.h"

#include <stdio.h>
#include <stdlib.h>

#define SKIPPED UINT64_MAX /* in `moved`: the library refused this page's map */

struct replay_cpu {
	struct replay *p;
	unsigned cpu; /* recorded */
};

struct replay {
	struct rig *rig;
	const struct recording *rec;
	uint32_t *done; /* per record; others wait for it */
	struct rig_domain **dom;
	uint32_t *left;	     /* per domain: records that are still to come */
	bool *abandoned;     /* per domain: its last device was removed */
	struct shadow moved; /* recorded page -> page it was mapped at instead */
	struct replay_cpu cpus[RECORDING_CPUS];
	struct replay *next;
};

struct action {
	struct replay *p;
	const struct record *e;
};

/* ---- one record ---- */

static void map(struct replay *p, const struct record *e)
{
	struct rig_domain *d = p->dom[e->dom];
	uint64_t iova = e->iova;
	enum lz_status st = space_map(d, &iova, e->pa, e->size, e->prot);

	if (st != LZ_OK && st != LZ_ELIMIT && st != LZ_ENOMEM && st != LZ_EBUSY)
		oracle_violation(p->rig, INV_E, "%s: map of 0x%llx+0x%llx answered %s", d->name,
				 (unsigned long long)e->iova, (unsigned long long)e->size,
				 lz_status_name(st));
	if (st == LZ_OK && iova == e->iova)
		return;
	for (uint64_t off = 0; off < e->size; off += LZ_PAGE)
		shadow_get(&p->moved, d->id, (e->iova + off) / LZ_PAGE)->pa =
			st == LZ_OK ? (iova + off) / LZ_PAGE : SKIPPED;
}

/* Where the recorded page is really mapped; forgets a move. */
static uint64_t where(struct replay *p, struct rig_domain *d, uint64_t page)
{
	struct shadow_page *m = shadow_find(&p->moved, d->id, page);
	uint64_t at = page;

	if (m && m->pa) {
		at = m->pa;
		m->pa = 0;
	}
	return at;
}

static void unmap(struct replay *p, const struct record *e)
{
	struct rig_domain *d = p->dom[e->dom];
	uint64_t start = 0, n = 0;

	for (uint64_t off = 0; off < e->size; off += LZ_PAGE) {
		uint64_t page = where(p, d, (e->iova + off) / LZ_PAGE);

		if (n && page == start + n) {
			n++;
			continue;
		}
		if (n)
			(void)space_unmap(d, start * LZ_PAGE, n * LZ_PAGE);
		start = page;
		n = page != SKIPPED;
	}
	if (n)
		(void)space_unmap(d, start * LZ_PAGE, n * LZ_PAGE);
}

static void act(void *arg)
{
	struct action *a = arg;

	if (a->e->kind == RECORD_MAP)
		map(a->p, a->e);
	else
		unmap(a->p, a->e);
}

static bool in_use(const struct rig *r, const struct rig_domain *d)
{
	for (unsigned i = 0; i < r->n_fns; i++)
		if (r->fns[i].attached && r->fns[i].dom == d)
			return true;
	return false;
}

/* A domain goes with its last device, without unmaps, once everything recorded of it
 * is done: other CPUs may be late. */
static void free_if_abandoned(struct replay *p, uint32_t i)
{
	if (p->abandoned[i] && !p->left[i] && !p->dom[i]->dead && !in_use(p->rig, p->dom[i]))
		space_destroy(p->dom[i]);
}

static void remove_device(struct replay *p, struct rig_fn *fn)
{
	fn->trace_removed = fn->dev != NULL;
	fn->left = fn->attached ? fn->dom : NULL;
	space_unplug(fn);
	for (uint32_t i = 0; fn->left && i < p->rec->n_domains; i++)
		if (p->dom[i] == fn->left && !in_use(p->rig, fn->left)) {
			p->abandoned[i] = true;
			free_if_abandoned(p, i);
		}
}

static void attach(struct replay *p, const struct record *e, struct rig_fn *fn)
{
	bool back = fn->dev && fn->left;

	if (!space_attach(fn, p->dom[e->dom]) || !back)
		return;
	rig_note(p->rig, fn,
		 fn->left == fn->dom ? "trace: is back in the domain that it was in"
				     : "trace: is back, in another domain",
		 0);
	fn->left = NULL;
}

static void device_record(struct replay *p, const struct record *e)
{
	struct rig_fn *fn = rig_fn_by_bdf(p->rig, e->bdf);

	if (!fn)
		return;
	switch (e->kind) {
	case RECORD_ATTACH:
		attach(p, e, fn);
		break;
	case RECORD_ADD:
		if (fn->trace_removed && !fn->dev)
			build_device(fn);
		fn->trace_removed = false;
		break;
	case RECORD_REMOVE:
		remove_device(p, fn);
		break;
	default:
		break;
	}
}

/* ---- one CPU ---- */

static void wait_for_earlier(struct replay *p, const struct record *e)
{
	for (uint32_t i = 0; i < e->n_deps; i++) {
		const uint32_t *done = &p->done[p->rec->deps[e->deps + i]];

		while (!*done)
			sim_wait_word(done, 0, sim_now() + LZ_SEC(1000));
	}
}

static void cpu_task(void *arg)
{
	struct replay_cpu *c = arg;
	struct replay *p = c->p;
	struct rig *r = p->rig;

	for (size_t i = 0; i < p->rec->n && !r->res->inconclusive; i++) {
		const struct record *e = &p->rec->records[i];
		struct action a = {p, e};

		if (e->cpu != c->cpu)
			continue;
		if (r->origin + e->t > sim_now())
			sim_sleep_until(r->origin + e->t);
		wait_for_earlier(p, e);
		if (e->kind != RECORD_MAP && e->kind != RECORD_UNMAP)
			device_record(p, e);
		else if (e->irq)
			sim_in_irq(act, &a);
		else
			act(&a);
		p->done[i] = 1;
		p->left[e->dom]--;
		free_if_abandoned(p, e->dom);
		r->done++;
		moments_progress(r);
	}
	r->running--;
}

/* The one of the first device that is attached to it. */
static struct rig_unit *unit_of_domain(struct rig *r, const struct recording *rec, uint32_t dom)
{
	for (size_t i = 0; i < rec->n; i++) {
		const struct record *e = &rec->records[i];
		struct rig_fn *fn =
			e->kind == RECORD_ATTACH && e->dom == dom ? rig_fn_by_bdf(r, e->bdf) : NULL;

		if (fn)
			return fn->unit;
	}
	return &r->unit[0];
}

bool replay_start(struct rig *r, const struct scenario_workload *w)
{
	const struct recording *rec = recording_of(w);
	struct replay *p = calloc(1, sizeof(*p));

	if (!p || !rec)
		goto fail;
	p->next = r->replays;
	r->replays = p;
	p->rig = r;
	p->rec = rec;
	p->done = calloc(rec->n + 1, sizeof(*p->done));
	p->dom = calloc(rec->n_domains + 1, sizeof(*p->dom));
	p->left = calloc(rec->n_domains + 1, sizeof(*p->left));
	p->abandoned = calloc(rec->n_domains + 1, sizeof(*p->abandoned));
	if (!p->done || !p->dom || !p->left || !p->abandoned || !shadow_init(&p->moved))
		goto fail;
	for (size_t i = 0; i < rec->n; i++)
		p->left[rec->records[i].dom]++;
	for (uint32_t i = 0; i < rec->n_domains; i++) {
		char name[40];

		snprintf(name, sizeof(name), "trace domain %u", i);
		p->dom[i] = space_create(unit_of_domain(r, rec, i), name, rec->domains[i]);
		if (!p->dom[i])
			return false;
	}
	r->total += rec->n;
	for (unsigned cpu = 0; cpu < RECORDING_CPUS; cpu++) {
		char name[32];

		if (!(rec->cpus & 1u << cpu))
			continue;
		p->cpus[cpu] = (struct replay_cpu){p, cpu};
		snprintf(name, sizeof(name), "trace cpu %u", cpu);
		r->running++;
		sim_task(name, cpu % r->cpus, cpu_task, &p->cpus[cpu]);
	}
	return true;
fail:
	rig_fail(r, "out of memory for the trace");
	return false;
}

void replay_free(struct rig *r)
{
	while (r->replays) {
		struct replay *p = r->replays;

		r->replays = p->next;
		free(p->done);
		free(p->dom);
		free(p->left);
		free(p->abandoned);
		shadow_fini(&p->moved);
		free(p);
	}
}
