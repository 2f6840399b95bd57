/* SPDX-License-Identifier: BSD-2-Clause */
/* One run: set up, workload, quiet, verdict, teardown. */
#include "bench/rig.h"
#include "bench/actions.h"
#include "bench/faults.h"
#include "bench/generate.h"
#include "bench/moments.h"
#include "bench/operator.h"
#include "bench/oracle.h"
#include "bench/replay.h"
#include "bench/storm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MODEL_LIMIT LZ_SEC(36000) /* a run that lasts longer is stuck */
/* Without containment each unmap may wait for the hardware: one that takes as
 * long as this has shown what it shows. */
#define MODEL_LIMIT_OFF LZ_SEC(1000)

uint64_t rig_random(struct rig *r)
{
	r->rng ^= r->rng << 13;
	r->rng ^= r->rng >> 7;
	r->rng ^= r->rng << 17;
	return r->rng * 0x2545f4914f6cdd1dull >> 16;
}

struct rig_fn *rig_fn_by_bdf(struct rig *r, uint32_t bdf)
{
	for (unsigned i = 0; i < r->n_fns; i++)
		if (r->fns[i].bdf == bdf)
			return &r->fns[i];
	return NULL;
}

uint32_t rig_last_id(const struct machine *m)
{
	uint32_t last = 0;

	for (unsigned i = 0; i < m->n_functions; i++)
		for (unsigned k = 0; k < m->functions[i].n_stream_ids; k++)
			if (m->functions[i].stream_ids[k] > last)
				last = m->functions[i].stream_ids[k];
	return last;
}

void rig_watch(struct rig_fn *fn)
{
	struct rig *r = fn->rig;
	unsigned at = r->n_odd;

	if (fn->odd)
		return;
	fn->odd = true;
	r->n_odd++;
	for (; at && r->odd[at - 1]->index > fn->index; at--)
		r->odd[at] = r->odd[at - 1];
	r->odd[at] = fn;
}

struct rig_domain *rig_domain_by_name(struct rig *r, const char *name)
{
	for (struct rig_domain *d = r->domains; d; d = d->next)
		if (!d->dead && !strcmp(d->name, name))
			return d;
	return NULL;
}

struct rig_domain *rig_domain_by_key(struct rig *r, uint64_t key)
{
	for (struct rig_domain *d = r->domains; d; d = d->next)
		if (!d->dead && d->key == key)
			return d;
	return NULL;
}

void rig_fail(struct rig *r, const char *fmt, ...)
{
	va_list ap;

	if (r->res->inconclusive)
		return;
	r->res->inconclusive = true;
	va_start(ap, fmt);
	vsnprintf(r->res->reason, sizeof(r->res->reason), fmt, ap);
	va_end(ap);
}

/* ---- the main task ---- */

static bool attach_all(struct rig *r, struct rig_domain *d, const struct scenario_domain *sd)
{
	for (size_t k = 0; d && k < sd->devices.n; k++) {
		struct rig_fn *fn = rig_fn_by_bdf(r, sd->devices.item[k].bdf);

		if (fn && !(d->pasid ? space_attach_pasid(fn, d) : space_attach(fn, d)))
			rig_fail(r, "%s cannot be attached to domain %s", fn->name, sd->name);
	}
	return d != NULL;
}

static bool make_domains(struct rig *r)
{
	/* PASIDs need the domain without. */
	for (unsigned with_pasid = 0; with_pasid < 2; with_pasid++)
		for (size_t i = 0; i < r->sc->n_domains; i++) {
			const struct scenario_domain *sd = &r->sc->domains[i];
			const struct rig_fn *first;
			struct rig_domain *d;

			if (!!sd->pasid != with_pasid)
				continue;
			first = rig_fn_by_bdf(r, sd->devices.item[0].bdf);
			d = space_create(first ? first->unit : &r->unit[0], sd->name, 0);
			if (d)
				d->pasid = (uint32_t)sd->pasid;
			if (!attach_all(r, d, sd))
				return false;
		}
	return !r->res->inconclusive;
}

static bool start_workload(struct rig *r)
{
	for (size_t i = 0; i < r->sc->n_workload; i++) {
		const struct scenario_workload *w = &r->sc->workload[i];

		if (w->kind == SCENARIO_TRACE ? !replay_start(r, w) : !generate_start(r, w))
			return false;
	}
	return true;
}

static void progress(struct rig *r)
{
	if (r->opt.progress)
		r->opt.progress(r->done, r->total);
}

bool rig_settled(struct rig *r)
{
	struct lz_stats st;

	if (r->moments_left || r->owners)
		return false;
	lz_stats_get(r->lz, &st);
	if (st.custody_pages)
		return false;
	for (unsigned i = 0; i < r->n_fns; i++) {
		struct lz_health h;

		if (r->fns[i].leaving)
			return false;
		if (!r->fns[i].dev)
			continue;
		lz_device_health(r->fns[i].dev, &h);
		if (h.fence == LZ_FENCE_SUSPECT || h.fence == LZ_FENCE_FENCING || h.reset_depth)
			return false;
	}
	return true;
}

static void wait_for_quiet(struct rig *r)
{
	lz_ns until = sim_now() + RIG_SETTLE;
	unsigned calm = 0;

	while (calm < 3 && sim_now() < until) {
		sim_sleep_until(sim_now() + LZ_MS(2));
		calm = rig_settled(r) ? calm + 1 : 0;
	}
	if (calm < 3)
		oracle_violation(r, INV_F, "not settled %.0f s after the workload",
				 (double)RIG_SETTLE / 1e9);
}

static void main_task(void *arg)
{
	struct rig *r = arg;

	if (!build_library(r) || !make_domains(r) || !storm_prepare(r))
		return;
	r->origin = r->res->origin = sim_now();
	r->armed = true;
	r->next_traffic = sim_now();
	if (!faults_add(r) || !actions_add(r) || !operator_add(r))
		return;
	moments_start(r);
	if (!start_workload(r) || !storm_start(r))
		return;
	while (r->running && !r->res->inconclusive) {
		sim_sleep_until(sim_now() + (r->storm ? LZ_SEC(1) : LZ_MS(10)));
		progress(r);
	}
	r->res->workload_time = sim_now() - r->origin;
	moments_finish(r);
	wait_for_quiet(r);
	sim_fail_alloc(false);
	faults_disarm(r);
	oracle_quiet(r);
	r->res->model_time = sim_now() - r->origin;
	r->closing = true;
	build_teardown(r);
	r->finished = true;
}

/* ---- outside ---- */

static void log_line(void *ctx, enum lz_log_level level, const char *line)
{
	const struct rig *r = ctx;

	(void)level;
	if (r->opt.verbose)
		fprintf(stderr, "[%12.6f] %s\n", (double)sim_now() / 1e9, line);
}

static void configure(struct rig *r)
{
	const struct scenario_software *sw = &r->sc->software;

	lz_config_default(&r->cfg);
	if (sw->sync_bound)
		r->cfg.sync_bound = sw->sync_bound;
	if (sw->atomic_wait)
		r->cfg.atomic_wait = sw->atomic_wait;
	if (sw->late_bound)
		r->cfg.late_bound = sw->late_bound;
	if (sw->settle_max)
		r->cfg.settle_max = (uint32_t)sw->settle_max;
	if (sw->custody_limit)
		r->cfg.custody_limit = (uint32_t)sw->custody_limit;
	r->cfg.policy = operator_policy(sw->policy);
	r->cfg.identify = sw->identify == SCENARIO_ASSUME ? LZ_IDENTIFY_ASSUME : LZ_IDENTIFY_PROBE;
	r->cfg.contain = operator_contain(sw->contain);
	r->cfg.response =
		sw->response == SCENARIO_RESPONSE_FENCE ? LZ_RESPONSE_FENCE : LZ_RESPONSE_BLOCK;
	r->cfg.recovery_max = (uint32_t)sw->recovery_max;
	if (sw->recovery_window)
		r->cfg.recovery_window = sw->recovery_window;
	r->cfg.slow = sw->slow;
	if (r->opt.containment >= 0)
		r->cfg.contain = (enum lz_contain)r->opt.containment;
	r->cfg.event = oracle_event;
	r->cfg.event_ctx = r;
}

static void start(struct rig *r)
{
	struct sim_config cfg = {
		.cpus = r->cpus,
		.seed = r->opt.seed,
		.switch_one_in = 64,
		.op_cost = 2,
		.dma_bytes = RIG_DMA_BYTES,
		.dma_base = RIG_DMA_BASE,
		.log = log_line,
		.log_ctx = r,
	};

	sim_start(&cfg);
}

static bool prepare(struct rig *r)
{
	struct result *out = r->res;

	out->regime = r->opt.regime ? r->opt.regime : lzm_smmu_regime_name(0);
	out->contain = r->cfg.contain;
	out->seed = r->opt.seed;
	out->devices = calloc(r->machine->n_functions + 1, sizeof(*out->devices));
	out->events = calloc(RESULT_EVENTS, sizeof(*out->events));
	out->orders = calloc(r->sc->n_orders + 1, sizeof(*out->orders));
	return out->devices && out->events && out->orders && shadow_init(&r->shadow) &&
	       build_models(r);
}

static void run(struct rig *r)
{
	lz_ns limit = r->cfg.contain == LZ_CONTAIN_ON ? MODEL_LIMIT : MODEL_LIMIT_OFF;
	int end;

	limit += r->sc->storm.length * 2;
	sim_task("main", 0, main_task, r);
	end = sim_run(limit);
	if (r->res->inconclusive || end == 2) /* whoever explores has seen enough */
		return;
	if (end == -1)
		oracle_violation(r, INV_F, "stuck: tasks are left and none can run");
	else if (end == 1)
		oracle_violation(r, INV_F, "still running after %.0f s of model time",
				 (double)limit / 1e9);
	oracle_end(r);
}

static void finish(struct rig *r)
{
	struct result *out = r->res;

	out->n_devices = r->n_fns;
	out->n_iommus = r->n_units;
	for (unsigned i = 0; i < r->n_fns; i++) {
		const struct rig_fn *fn = &r->fns[i];
		struct result_device *d = &out->devices[i];

		snprintf(d->name, sizeof(d->name), "%s", fn->name);
		if (!d->health.state)
			d->health.state = "unknown";
		d->iommu = fn->unit->index;
		d->ats_capable = fn->ats;
		d->faulted = fn->ever_faulted;
		d->told = fn->told;
		d->quarantined = fn->n_quarantined;
		d->accesses = fn->accesses;
		d->stale_reads = fn->stale_reads;
		d->stale_writes = fn->stale_writes;
		out->storm.quarantines += fn->n_quarantined;
		out->storm.recovered += fn->n_recovered;
	}
}

void rig_run(const struct scenario *sc, const struct machine *m, const struct rig_options *opt,
	     struct result *out)
{
	struct rig r = {.sc = sc, .machine = m, .opt = *opt, .res = out};
	struct timespec a, b;

	*out = (struct result){0};
	clock_gettime(CLOCK_MONOTONIC, &a);
	r.cpus = sc->cpus ? (unsigned)sc->cpus : 2;
	r.rng = opt->seed * 0x9e3779b97f4a7c15ull + 0x1234567;
	configure(&r);
	start(&r);
	oracle_begin(&r);
	if (prepare(&r))
		run(&r);
	else
		rig_fail(&r, "out of memory, or the models refuse the scenario's figures");
	finish(&r);
	sim_stop();
	replay_free(&r);
	build_free(&r);
	shadow_fini(&r.shadow);
	moments_free(&r);
	storm_free(&r);
	clock_gettime(CLOCK_MONOTONIC, &b);
	out->wall = (lz_ns)((b.tv_sec - a.tv_sec) * 1000000000ll + (b.tv_nsec - a.tv_nsec));
}
