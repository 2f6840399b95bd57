/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random maps and unmaps on every CPU. Each CPU has IOVA slots of its own (the
 * library's callers keep operations on one range apart).
 */
#include "bench/generate.h"
#include "bench/moments.h"

#include <stdio.h>
#include <stdlib.h>

#define SLOTS	  24u
#define IOVA_BASE 0x10000000ull
#define IOVA_CPU  0x08000000ull
#define PA_BASE	  0x40000000ull
#define PA_PAGES  0x40000u

struct generator {
	struct rig *rig;
	struct rig_domain *dom;
	const struct scenario_workload *w;
	unsigned place; /* number of its IOVA region */
	uint64_t rng, left;
	struct {
		uint64_t iova, size; /* size 0: unused */
	} slot[SLOTS];
	unsigned turn; /* slot of the operation that is under way */
	bool unmap;
};

static uint64_t next(struct generator *g)
{
	g->rng ^= g->rng << 13;
	g->rng ^= g->rng >> 7;
	g->rng ^= g->rng << 17;
	return g->rng * 0x2545f4914f6cdd1dull >> 16;
}

static void operate(void *arg)
{
	struct generator *g = arg;
	uint64_t span = g->w->pages_max * LZ_PAGE;
	uint64_t pages = g->w->pages_min + next(g) % (g->w->pages_max - g->w->pages_min + 1);
	uint64_t region = SLOTS * span > IOVA_CPU ? SLOTS * span : IOVA_CPU;
	uint64_t iova = IOVA_BASE + g->place * region + g->turn * span;

	if (g->unmap) {
		(void)space_unmap(g->dom, g->slot[g->turn].iova, g->slot[g->turn].size);
		g->slot[g->turn].size = 0;
	} else if (space_map(g->dom, &iova, PA_BASE + next(g) % PA_PAGES * LZ_PAGE, pages * LZ_PAGE,
			     LZ_READ | LZ_WRITE) == LZ_OK) {
		g->slot[g->turn].iova = iova;
		g->slot[g->turn].size = pages * LZ_PAGE;
	}
}

static void act(struct generator *g)
{
	bool irq = g->w->contexts == SCENARIO_CONTEXT_IRQ ||
		   (g->w->contexts != SCENARIO_CONTEXT_TASK && next(g) % 2);

	if (irq)
		sim_in_irq(operate, g);
	else
		operate(g);
	g->rig->done++;
	moments_progress(g->rig);
	/* Bursts and pauses, so that the work goes on while a fault is handled. */
	sim_sleep_until(sim_now() + LZ_US(1) + next(g) % (next(g) % 2 ? LZ_US(20) : LZ_MS(3)));
}

static void task(void *arg)
{
	struct generator *g = arg;

	while (g->left) {
		g->turn = (unsigned)(next(g) % SLOTS);
		g->unmap = g->slot[g->turn].size != 0;
		g->left -= !g->unmap;
		act(g);
	}
	for (g->turn = 0; g->turn < SLOTS; g->turn++) {
		g->unmap = true;
		if (g->slot[g->turn].size)
			act(g);
	}
	g->rig->running--;
	free(g);
}

bool generate_start(struct rig *r, const struct scenario_workload *w)
{
	struct rig_domain *d = rig_domain_by_name(r, r->sc->domains[w->domain_index].name);

	for (unsigned cpu = 0; d && cpu < r->cpus; cpu++) {
		struct generator *g = calloc(1, sizeof(*g));
		char name[32];

		if (!g) {
			rig_fail(r, "out of memory");
			return false;
		}
		g->rig = r;
		g->dom = d;
		g->w = w;
		g->place = (unsigned)(w - r->sc->workload) * r->cpus + cpu;
		g->rng = (w->seed + 1) * 0x9e3779b97f4a7c15ull + cpu * 977 + r->opt.seed;
		g->left = w->maps / r->cpus + (cpu < w->maps % r->cpus);
		r->total += 2 * g->left;
		r->running++;
		snprintf(name, sizeof(name), "random %u", cpu);
		sim_task(name, cpu, task, g);
	}
	return d != NULL;
}
