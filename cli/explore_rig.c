/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rig of lazaret run under a strategy, from its first operation to its last.
 * Much longer than the scenarios that are made for exploration, so only few
 * schedules are run; the clock keeps its order, since the rig's bounds are
 * about model time.
 */
#include "cli/explore_rig.h"

#include <stdio.h>
#include <string.h>

#include "bench/rig.h"
#include "cli/cli.h"
#include "cli/run.h"

#define STEPS 30000000u

struct one {
	struct explore_rig *rig;
	struct rig_options opt;
	struct result result;
};

static void run_rig(void *arg)
{
	struct one *o = arg;

	rig_run(&o->rig->sc, &o->rig->machine, &o->opt, &o->result);
}

/* Figures differ from run to run; the place does not. */
static void without_figures(char *text)
{
	for (; *text; text++)
		if (*text >= '0' && *text <= '9')
			*text = '#';
}

static void judge(struct ex_run *r, const struct result *res)
{
	struct ex_violation *v = &r->violation;

	if (res->inconclusive) {
		r->unfinished = true;
		snprintf(r->unfinished_text, sizeof(r->unfinished_text), "%.110s", res->reason);
	}
	for (unsigned i = 0; i < INV_COUNT && !v->found && !res->inconclusive; i++) {
		if (result_of(res, (enum inv)i) != INV_VIOLATED)
			continue;
		v->found = true;
		v->invariant = i == INV_EXPECT ? EX_EXPECT : (char)('A' + i);
		snprintf(v->text, sizeof(v->text), "%s", res->inv[i].first);
		snprintf(v->where, sizeof(v->where), "%.79s", res->inv[i].first);
		without_figures(v->where);
		v->step = r->steps;
		v->time = res->model_time;
	}
}

static void explore_one(struct ex_run *r, void *arg)
{
	struct explore_rig *rig = arg;
	const struct scenario *sc = &rig->sc;
	struct one o = {.rig = rig, .opt = {.containment = -1, .seed = sc->seed}};

	if (sc->regimes.n)
		o.opt.regime = sc->regimes.item[ex_value(r, (unsigned)sc->regimes.n)].text;
	r->cap = STEPS;
	ex_begin(r);
	if (ex_guarded(r, run_rig, &o) && !r->violation.found && !r->diverged)
		judge(r, &o.result);
	sim_stop();
	ex_quiet(r);
	r->operations = r->steps;
	result_fini(&o.result);
}

int explore_rig_open(const char *path, const char *iommu, struct explore_rig *r,
		     struct ex_subject *out)
{
	char err[1024];
	int code;

	if (scenario_load(path, &r->sc, err, sizeof(err)))
		return cli_input_error(err);
	run_choose_iommu(iommu, &r->sc);
	code = run_open(&r->sc, &r->machine);
	if (code) {
		scenario_free(&r->sc);
		return code;
	}
	*out = (struct ex_subject){.name = "scenario",
				   .run = explore_one,
				   .arg = r,
				   .is_long = true,
				   .hash = ex_hash32(path, strlen(path), r->sc.machine.iommu)};
	return CLI_HELD;
}

void explore_rig_close(struct explore_rig *r)
{
	run_close(&r->machine);
	scenario_free(&r->sc);
}
