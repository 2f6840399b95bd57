/* SPDX-License-Identifier: BSD-2-Clause */
/* See storm.h. Between two blows the model's clock jumps: nothing goes on then. */
#include "bench/storm.h"
#include "bench/actions.h"
#include "bench/faults.h"
#include "bench/oracle.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS	    8u
#define SLOT_PAGES  16u
#define IOVA_BASE   0x10000000ull
#define IOVA_CPU    0x01000000ull
#define PA_BASE	    0x40000000ull
#define PA_PAGES    0x40000u
#define PASID	    1u
#define TABLE_PAGES 512u /* of one table of the last level */
#define PASID_SETS  4u	 /* domains that are used under a PASID */
#define QUARTERS    RESULT_QUARTERS
#define ROUNDS_VAIN 6u /* in a row, then a calm is given up */

/* What one CPU has mapped in one domain. */
struct plot {
	struct storm *storm;
	struct rig_domain *dom;
	unsigned cpu;
	bool busy;
	uint64_t left;
	struct {
		uint64_t iova, size; /* size 0: unused */
	} slot[SLOTS];
	unsigned turn; /* slot of the operation that is under way */
};

struct storm {
	struct rig *rig;
	const struct scenario_storm *sc;
	uint64_t rng;
	struct plot *plots; /* one per domain and CPU */
	unsigned n_plots, n_domains;
	struct rig_domain **domains; /* those under a PASID come last */
	struct result_storm *res;
};

static uint64_t next(struct storm *s)
{
	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 7;
	s->rng ^= s->rng << 17;
	return s->rng * 0x2545f4914f6cdd1dull >> 16;
}

static unsigned below(struct storm *s, unsigned n)
{
	return (unsigned)(next(s) % n);
}

/* ---- bursts of mappings ---- */

static void operate(void *arg)
{
	struct plot *p = arg;
	struct storm *s = p->storm;
	uint64_t iova = IOVA_BASE + p->cpu * IOVA_CPU + p->turn * SLOT_PAGES * LZ_PAGE;
	uint64_t size = (1 + next(s) % SLOT_PAGES) * LZ_PAGE;

	if (p->slot[p->turn].size) {
		(void)space_unmap(p->dom, p->slot[p->turn].iova, p->slot[p->turn].size);
		p->slot[p->turn].size = 0;
	} else if (space_map(p->dom, &iova, PA_BASE + next(s) % PA_PAGES * LZ_PAGE, size,
			     LZ_READ | LZ_WRITE) == LZ_OK) {
		p->slot[p->turn].iova = iova;
		p->slot[p->turn].size = size;
	}
}

static void burst(void *arg)
{
	struct plot *p = arg;
	struct storm *s = p->storm;

	for (; p->left; p->left--) {
		p->turn = below(s, SLOTS);
		if (below(s, 3))
			operate(p);
		else
			sim_in_irq(operate, p);
		sim_sleep_until(sim_now() + LZ_US(1) + next(s) % LZ_US(below(s, 2) ? 20 : 1000));
	}
	p->busy = false;
	s->rig->bursts--;
}

static void burst_start(struct storm *s, const struct rig_domain *d)
{
	unsigned cpu = below(s, s->rig->cpus);

	for (unsigned i = 0; i < s->n_plots; i++) {
		struct plot *p = &s->plots[i];

		if (p->dom != d || p->cpu != cpu || p->busy)
			continue;
		p->busy = true;
		p->left = 1 + next(s) % (2 * s->sc->maps);
		s->rig->bursts++;
		sim_task("burst", cpu, burst, p);
		return;
	}
}

static void unmap_all(struct storm *s)
{
	for (unsigned i = 0; i < s->n_plots; i++) {
		struct plot *p = &s->plots[i];

		if (p->busy)
			continue;
		for (p->turn = 0; p->turn < SLOTS; p->turn++)
			if (p->slot[p->turn].size)
				operate(p);
	}
}

/* ---- blows ---- */

struct deed {
	struct storm *storm;
	struct rig_fn *fn;
	struct scenario_action action;
	bool add; /* afterwards, as after a power cycle */
	bool bus; /* of the port above it: that reset */
};

static struct rig_domain *home_of(const struct storm *s, const struct rig_fn *fn)
{
	return s->domains[(unsigned)fn->mf->group % s->sc->domains];
}

static bool is_present(const struct rig_fn *fn)
{
	return fn->dev && !fn->removing && !fn->adding;
}

static void do_deed(void *arg)
{
	struct deed *d = arg;
	struct rig_fn *fn = d->fn;
	struct rig *r = fn->rig;

	/* Who is on its way out is left alone, as the library demands. */
	if (d->bus)
		actions_bus_reset(fn->upstream);
	else if (d->action.kind != SCENARIO_ADD && is_present(fn))
		actions_act(r, &d->action);
	if (d->add) {
		/* Not attached when it went, if it could not be when it came. */
		fn->left = home_of(d->storm, fn);
		d->action.kind = SCENARIO_ADD;
		actions_act(r, &d->action);
	}
	r->owners--;
	free(d);
}

static struct deed *make_deed(struct storm *s, struct rig_fn *fn, struct scenario_action a)
{
	struct deed *d = malloc(sizeof(*d));

	if (!d) {
		rig_fail(s->rig, "out of memory");
		return NULL;
	}
	*d = (struct deed){.storm = s, .fn = fn, .action = a};
	d->action.device.bdf = fn->bdf;
	return d;
}

static void start_deed(struct deed *d)
{
	d->storm->rig->owners++;
	sim_task("embedder", below(d->storm, d->storm->rig->cpus), do_deed, d);
}

static void deed(struct storm *s, struct rig_fn *fn, struct scenario_action a, bool add)
{
	struct deed *d = make_deed(s, fn, a);

	if (!d)
		return;
	d->add = add;
	start_deed(d);
}

static void add(struct storm *s, struct rig_fn *fn)
{
	s->res->adds++;
	deed(s, fn, (struct scenario_action){.kind = SCENARIO_ADD}, true);
}

static void power_cycle(struct storm *s, struct rig_fn *fn)
{
	s->res->removals++;
	s->res->adds++;
	deed(s, fn, (struct scenario_action){.kind = SCENARIO_REMOVE}, true);
}

static void remove_fn(struct storm *s, struct rig_fn *fn)
{
	s->res->removals++;
	deed(s, fn, (struct scenario_action){.kind = SCENARIO_REMOVE}, false);
}

static struct rig_fn *pick(struct storm *s, bool (*is)(const struct rig_fn *fn))
{
	unsigned n = s->rig->n_fns, first = below(s, n);

	for (unsigned i = 0; i < n; i++) {
		struct rig_fn *fn = &s->rig->fns[(first + i) % n];

		if (!fn->mf->is_bridge && is(fn))
			return fn;
	}
	return NULL;
}

static bool is_behind(const struct rig_fn *fn)
{
	return fn->upstream && is_present(fn);
}

static void bus_reset(struct storm *s, struct rig_fn *fn)
{
	struct deed *d = make_deed(s, fn, (struct scenario_action){.kind = SCENARIO_RESET});

	if (!d)
		return;
	d->bus = true;
	s->res->resets++;
	s->res->bus_resets++;
	start_deed(d);
}

static void reset(struct storm *s, struct rig_fn *fn)
{
	static const enum scenario_reset methods[] = {SCENARIO_FLR, SCENARIO_ANY,
						      SCENARIO_NO_METHOD};
	struct scenario_action a = {.kind = SCENARIO_RESET, .method = methods[below(s, 3)]};

	/* Few are behind a bridge; with one there every third reset is of a bus. */
	if (s->rig->sc->machine.bridges && !below(s, 3)) {
		fn = pick(s, is_behind);
		if (fn)
			bus_reset(s, fn);
		return;
	}
	if (fn->upstream && below(s, 2))
		a.method = SCENARIO_BUS;

	a.n_results = below(s, 3);
	if (a.method == SCENARIO_NO_METHOD && !a.n_results)
		a.n_results = 1;
	for (unsigned i = 0; i < a.n_results; i++)
		a.results[i] = below(s, 4)   ? LZ_RESET_OK
			       : below(s, 2) ? LZ_RESET_FAILED
					     : LZ_RESET_NOT_ATTEMPTED;
	a.length = next(s) % LZ_MS(3);
	s->res->resets++;
	deed(s, fn, a, false);
}

static const unsigned fault_of[SCENARIO_STORM_KINDS] = {
	[SCENARIO_STORM_ATC_SILENT] = SCENARIO_ATC_SILENT,
	[SCENARIO_STORM_ATC_SILENT_N] = SCENARIO_ATC_SILENT_N,
	[SCENARIO_STORM_ATC_SLOW] = SCENARIO_ATC_SLOW,
	[SCENARIO_STORM_ATC_LATE] = SCENARIO_ATC_LATE,
	[SCENARIO_STORM_ATC_RANGES] = SCENARIO_ATC_RANGES,
	[SCENARIO_STORM_ATC_UNSUPPORTED] = SCENARIO_ATC_UNSUPPORTED,
	[SCENARIO_STORM_SILENT_AFTER_RESET] = SCENARIO_SILENT_AFTER_RESET,
	[SCENARIO_STORM_FLR_FAILS] = SCENARIO_FLR_FAILS,
	[SCENARIO_STORM_FLR_TIMEOUT] = SCENARIO_FLR_TIMEOUT,
	[SCENARIO_STORM_CONFIG_ONES] = SCENARIO_CONFIG_ONES,
	[SCENARIO_STORM_REMOVED] = SCENARIO_REMOVED,
	[SCENARIO_STORM_QUEUE_STALLED] = SCENARIO_QUEUE_STALLED,
	[SCENARIO_STORM_ILLEGAL_COMMAND] = SCENARIO_ILLEGAL_COMMAND,
	[SCENARIO_STORM_CONFIG_ABORT] = SCENARIO_CONFIG_ABORT,
	[SCENARIO_STORM_MSI_ABORT] = SCENARIO_MSI_ABORT,
	[SCENARIO_STORM_EVENT_FLOOD] = SCENARIO_EVENT_FLOOD,
};

static void fault(struct storm *s, const struct rig_fn *fn, unsigned kind)
{
	struct scenario_fault f = {.kind = fault_of[kind], .has_device = true};

	f.device.bdf = fn->bdf;
	f.count = 1 + below(s, 4);
	f.length = LZ_US(1) + next(s) % LZ_MS(5);
	f.delay = LZ_US(1) + next(s) % LZ_MS(2);
	if (kind == SCENARIO_STORM_ATC_LATE)
		f.delay += s->rig->ats_timeout;
	s->res->faults++;
	faults_inject(s->rig, &f);
}

static void strike(struct storm *s, struct rig_fn *fn)
{
	unsigned kind;

	do
		kind = below(s, SCENARIO_STORM_KINDS);
	while (!(s->sc->kinds >> kind & 1));
	if (kind == SCENARIO_STORM_REPORT) {
		s->res->faults++;
		deed(s, fn, (struct scenario_action){.kind = SCENARIO_REPORT}, false);
	} else if (kind == SCENARIO_STORM_RESET) {
		reset(s, fn);
	} else if (kind == SCENARIO_STORM_REMOVE) {
		remove_fn(s, fn);
	} else {
		fault(s, fn, kind);
	}
}

static bool is_attached(const struct rig_fn *fn)
{
	for (unsigned p = 1; p < SCENARIO_PASIDS; p++)
		if (fn->pasid_dom[p] && lz_attached(fn->dev, p) != fn->pasid_dom[p]->dom)
			return false;
	return fn->attached;
}

/* Absent, or nothing but a power cycle helps it. */
static bool is_in_trouble(const struct rig_fn *fn)
{
	struct lz_health h;

	if (fn->removing || fn->adding || fn->owner_busy || fn->resetting)
		return false;
	if (!fn->dev)
		return true;
	lz_device_health(fn->dev, &h);
	return h.block || h.fence != LZ_FENCE_OPEN || !lzm_ep_answers(fn->ep) || !is_attached(fn);
}

static void help(struct storm *s)
{
	struct rig_fn *fn = pick(s, is_in_trouble);

	if (fn && !fn->dev)
		add(s, fn);
	else if (fn)
		remove_fn(s, fn);
}

static void blow(struct storm *s)
{
	struct rig_fn *fn = pick(s, is_present), *other = pick(s, is_present);

	s->res->blows++;
	s->rig->steps = s->rig->hot_steps = 0;
	s->rig->next_traffic = sim_now();
	if (below(s, 2))
		help(s);
	if (!fn || !fn->dom)
		return;
	burst_start(s, fn->dom);
	burst_start(s, fn->dom);
	burst_start(s, s->domains[below(s, s->n_domains)]);
	sim_sleep_until(sim_now() + next(s) % LZ_MS(3));
	strike(s, fn);
	if (below(s, 8) || !is_present(other))
		return;
	sim_sleep_until(sim_now() + next(s) % LZ_MS(1));
	strike(s, other);
}

/* ---- calm: everybody is brought back, and what is allocated then is compared ---- */

/* Policy has switched the SMMU off, or the bench cannot go on. */
static bool is_over(const struct storm *s)
{
	return s->rig->res->inconclusive || rig_any_dead(s->rig);
}

static bool wait_quiet(struct storm *s, lz_ns most)
{
	lz_ns until = sim_now() + most;

	while (sim_now() < until && !is_over(s)) {
		sim_sleep_until(sim_now() + LZ_MS(20));
		if (!s->rig->bursts && rig_settled(s->rig))
			return true;
	}
	return is_over(s);
}

static void bring_back(struct storm *s)
{
	for (unsigned i = 0; i < s->rig->n_fns; i++) {
		struct rig_fn *fn = &s->rig->fns[i];

		if (fn->mf->is_bridge || !is_in_trouble(fn))
			continue;
		if (fn->dev)
			power_cycle(s, fn);
		else
			add(s, fn);
	}
}

/* Nothing is lost: nobody but who was taken out for good by policy stays away. */
static void judge_calm(struct storm *s)
{
	struct lz_stats st;

	lz_stats_get(s->rig->lz, &st);
	if (st.custody_pages)
		oracle_violation(s->rig, INV_E, "%llu pages in custody in a calm of the storm",
				 (unsigned long long)st.custody_pages);
	for (unsigned i = 0; i < s->rig->n_fns; i++) {
		const struct rig_fn *fn = &s->rig->fns[i];

		if (!fn->mf->is_bridge && is_in_trouble(fn))
			oracle_violation(s->rig, INV_D, "%s is not back in a calm of the storm",
					 fn->name);
	}
}

/* What a calm has still to put right. */
struct left_over {
	unsigned away; /* functions in trouble, or that somebody is busy with */
	uint64_t custody;
};

static struct left_over look(struct storm *s)
{
	struct left_over now = {0};
	struct lz_stats st;

	for (unsigned i = 0; i < s->rig->n_fns; i++) {
		const struct rig_fn *fn = &s->rig->fns[i];

		if (!fn->mf->is_bridge)
			now.away += !is_present(fn) || fn->owner_busy || fn->resetting ||
				    is_in_trouble(fn);
	}
	lz_stats_get(s->rig->lz, &st);
	now.custody = st.custody_pages;
	return now;
}

/* Less of either than in any round before. */
static bool is_better(struct left_over *least, struct left_over now)
{
	bool better = now.away < least->away || now.custody < least->custody;

	if (now.away < least->away)
		least->away = now.away;
	if (now.custody < least->custody)
		least->custody = now.custody;
	return better;
}

/* Whoever has fallen silent without being noticed shows at the unmaps; where no sync
 * succeeds, nothing is quiet before all that are silent had their power cycle, and whoever
 * could not be added meanwhile is added after that. */
static bool calm_down(struct storm *s)
{
	struct left_over least = {UINT_MAX, UINT64_MAX};
	unsigned vain = 0;

	(void)wait_quiet(s, LZ_SEC(10));
	for (unsigned i = 0; vain < ROUNDS_VAIN && !is_over(s); i++) {
		unmap_all(s);
		if (wait_quiet(s, LZ_SEC(1)) && !is_over(s))
			oracle_settled(s->rig);
		bring_back(s);
		/* A power cycle lets a queue that stands go on to the next command that nobody
		 * answers: another one before the library calls that a stall, and it never does. */
		if (wait_quiet(s, 2 * s->rig->cfg.late_bound) && i && !pick(s, is_in_trouble))
			return true;
		vain = is_better(&least, look(s)) ? 0 : vain + 1;
	}
	return is_over(s);
}

static void calm(struct storm *s, unsigned quarter)
{
	struct sim_stats st;

	faults_disarm(s->rig);
	if (!calm_down(s))
		oracle_violation(s->rig, INV_F, "the storm does not settle in quarter %u",
				 quarter + 1);
	if (is_over(s))
		return;
	judge_calm(s);
	sim_stats_get(&st);
	s->res->calm_bytes[quarter] = st.live_bytes;
	rig_note(s->rig, NULL, "storm: calm", 0);
}

static void judge_memory(struct storm *s)
{
	const uint64_t *b = s->res->calm_bytes;

	if (b[QUARTERS - 1] > b[0])
		oracle_violation(s->rig, INV_F,
				 "memory grows: %llu bytes after the first quarter, "
				 "%llu after the last",
				 (unsigned long long)b[0], (unsigned long long)b[QUARTERS - 1]);
}

/* Every table that the storm may need: those stay, and are no growth. */
static void touch(struct storm *s)
{
	for (unsigned i = 0; i < s->n_plots; i++) {
		struct plot *p = &s->plots[i];

		for (p->turn = 0; p->turn < SLOTS; p->turn++)
			operate(p);
	}
	unmap_all(s);
	for (unsigned i = 0; i < s->n_domains; i++)
		for (uint64_t at = 0; at < RIG_HIGH_STORM; at += TABLE_PAGES) {
			uint64_t iova = RIG_HIGH_IOVA + at * LZ_PAGE;

			if (space_map(s->domains[i], &iova, PA_BASE, LZ_PAGE, LZ_READ) == LZ_OK)
				(void)space_unmap(s->domains[i], iova, LZ_PAGE);
		}
}

static void storm_task(void *arg)
{
	struct storm *s = arg;
	struct rig *r = s->rig;
	unsigned quarter = 0;

	touch(s);

	while (quarter < QUARTERS && !is_over(s)) {
		lz_ns passed;

		sim_sleep_until(sim_now() + next(s) % (2 * s->sc->every));
		blow(s);
		passed = sim_now() - r->origin;
		r->done = s->res->blows < r->total ? s->res->blows : r->total;
		if (passed * QUARTERS >= (quarter + 1) * s->sc->length)
			calm(s, quarter++);
	}
	if (!is_over(s))
		judge_memory(s);
	else
		s->res->cut_short = true;
	while (r->bursts)
		sim_sleep_until(sim_now() + LZ_MS(10));
	r->running--;
}

/* ---- set up ---- */

static bool make_domains(struct storm *s)
{
	unsigned n = (unsigned)s->sc->domains, cpus = s->rig->cpus;

	s->n_domains = n + PASID_SETS;
	s->n_plots = s->n_domains * cpus;
	s->domains = calloc(s->n_domains, sizeof(*s->domains));
	s->plots = calloc(s->n_plots, sizeof(*s->plots));
	for (unsigned i = 0; s->domains && s->plots && i < s->n_domains; i++) {
		char name[32];

		snprintf(name, sizeof(name), "storm %u", i + 1);
		s->domains[i] = space_create(&s->rig->unit[i % s->rig->n_units], name, 0);
		if (!s->domains[i])
			return false;
		s->domains[i]->pasid = i < n ? 0 : PASID;
		for (unsigned cpu = 0; cpu < cpus; cpu++)
			s->plots[i * cpus + cpu] =
				(struct plot){.storm = s, .dom = s->domains[i], .cpu = cpu};
	}
	return s->domains && s->plots;
}

static bool attach(struct storm *s, struct rig_fn *fn)
{
	unsigned n = (unsigned)s->sc->domains;

	if (fn->attached || fn->mf->is_bridge)
		return true;
	if (!space_attach(fn, home_of(s, fn)) ||
	    (fn->pasid_bits &&
	     !space_attach_pasid(fn, s->domains[n + fn->index / 8 % PASID_SETS]))) {
		rig_fail(s->rig, "%s cannot be attached", fn->name);
		return false;
	}
	return true;
}

bool storm_prepare(struct rig *r)
{
	struct storm *s;

	if (!r->sc->storm.line)
		return true;
	s = r->storm = calloc(1, sizeof(*s));
	if (!s)
		return false;
	*s = (struct storm){.rig = r, .sc = &r->sc->storm, .res = &r->res->storm};
	s->rng = (s->sc->seed + 1) * 0x9e3779b97f4a7c15ull + r->opt.seed;
	s->res->ran = true;
	if (!make_domains(s))
		return false;
	for (unsigned i = 0; i < r->n_fns; i++)
		if (!attach(s, &r->fns[i]))
			return false;
	return true;
}

bool storm_start(struct rig *r)
{
	if (!r->storm)
		return true;
	r->total += r->storm->sc->length / r->storm->sc->every;
	r->running++;
	sim_task("storm", 0, storm_task, r->storm);
	return true;
}

void storm_free(struct rig *r)
{
	if (!r->storm)
		return;
	free(r->storm->domains);
	free(r->storm->plots);
	free(r->storm);
	r->storm = NULL;
}
