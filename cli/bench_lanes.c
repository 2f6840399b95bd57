/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a neighbour's unmap takes while a device of another domain does not answer: with
 * one command queue, and with ATC invalidations on further ones.
 */
#include "bench/rig.h"
#include "cli/bench.h"
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES 4u /* in the domain of the dead one, the first; then comes the neighbour */

/* ---- one run ---- */

struct way {
	const char *name, *title;
	const char *smmu; /* keys of machine.smmu */
};

static const struct way ways[] = {
	{"one_queue", "one queue", ""},
	{"ecmdq", "ECMDQ", ", lanes: ecmdq"},
	{"cmdqv", "CMDQV", ", lanes: cmdqv"},
	{"ecmdq_per_cpu", "ECMDQ of each CPU", ", lanes: ecmdq, own_timeouts: 1"},
	{"cmdqv_per_cpu", "CMDQV of each CPU", ", lanes: cmdqv, own_timeouts: 1"},
	{"ecmdq_one_consumer", "ECMDQ, one consumer", ", lanes: ecmdq, one_consumer: 1"},
};
#define WAYS	 (sizeof(ways) / sizeof(ways[0]))
#define COMPARED 3u /* the first of them, in every regime */

struct lane_run {
	uint64_t neighbour; /* ns, the longest */
	uint64_t fenced_at; /* ns after the fault; 0: never, or no fault */
	uint64_t errors;    /* of all queues */
	unsigned lanes;	    /* used */
	bool held;
};

static char *scenario_text(const struct way *w, bool neighbour_ats, bool dead)
{
	char *text = NULL, name[20];
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return NULL;
	fprintf(f, "machine:\n  lspci: none\n  iort: none\n  smmu: {ats_timeout: 50ms%s}\n  ats: [",
		w->smmu);
	for (unsigned i = 0; i < DEVICES + neighbour_ats; i++) {
		machine_synthetic_name(i, name);
		fprintf(f, "%s\"%s\"", i ? ", " : "", name);
	}
	fprintf(f, "]\ndomains:\n  - {name: shared, devices: [");
	for (unsigned i = 0; i < DEVICES; i++) {
		machine_synthetic_name(i, name);
		fprintf(f, "%s\"%s\"", i ? ", " : "", name);
	}
	machine_synthetic_name(DEVICES, name);
	fprintf(f,
		"]}\n  - {name: neighbour, devices: [\"%s\"]}\n"
		"workload:\n"
		"  - {generate: random, domain: shared, maps: 200, pages: 1-4}\n"
		"  - {generate: random, domain: neighbour, maps: 4000, pages: 1-4}\n",
		name);
	machine_synthetic_name(0, name);
	if (dead)
		fprintf(f, "faults:\n  - {at: 5ms, device: \"%s\", kind: atc_silent}\n", name);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

static bool run(const char *regime, const struct way *w, bool neighbour_ats, bool dead,
		struct lane_run *out)
{
	struct rig_options opt = {.regime = regime, .containment = -1, .seed = 1};
	char *text = scenario_text(w, neighbour_ats, dead), err[256] = "out of memory";
	struct machine m = {0};
	struct scenario sc;
	struct result r;
	bool ok = text && !scenario_parse("bench", text, strlen(text), &sc, err, sizeof(err));

	free(text);
	if (!ok || !machine_synthesize(&m, DEVICES + 1, &(struct machine_synthetic){0})) {
		fprintf(stderr, "lazaret bench: %s\n", err);
		if (ok)
			scenario_free(&sc);
		return false;
	}
	rig_run(&sc, &m, &opt, &r);
	*out = (struct lane_run){
		.neighbour = r.worst_neighbour,
		.fenced_at = r.fenced_at ? r.fenced_at - r.fault_at : 0,
		.errors = r.cmdq_errors,
		.lanes = r.iommus[0].lanes_used,
		.held = !r.inconclusive && !result_violated(&r),
	};
	if (r.inconclusive)
		fprintf(stderr, "lazaret bench: %s\n", r.reason);
	ok = !r.inconclusive;
	result_fini(&r);
	machine_free(&m);
	scenario_free(&sc);
	return ok;
}

/* ---- what is printed ---- */

static double ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static double us(uint64_t ns)
{
	return (double)ns / 1e3;
}

static double ratio(const struct lane_run *one, const struct lane_run *lane)
{
	return (double)one->neighbour / (double)(lane->neighbour ? lane->neighbour : 1);
}

static json_t *run_json(const struct way *w, const struct lane_run *r)
{
	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:b}", "queues", w->name, "neighbour_ns",
			 (json_int_t)r->neighbour, "fenced_after_ns", (json_int_t)r->fenced_at,
			 "errors", (json_int_t)r->errors, "lanes_used", (json_int_t)r->lanes,
			 "held", (int)r->held);
}

/* The neighbour has no ATS, in one regime; [0]: nobody is dead. */
static bool compare(const char *regime, json_t *list)
{
	struct lane_run quiet, r[COMPARED];
	json_t *o, *runs;
	bool held;

	if (!run(regime, &ways[0], false, false, &quiet))
		return false;
	held = quiet.held;
	for (unsigned i = 0; i < COMPARED; i++) {
		if (!run(regime, &ways[i], false, true, &r[i]))
			return false;
		held = held && r[i].held;
	}
	cli_progress_end();
	if (!list) {
		printf("%-16s %9.3f %12.3f %9.3f %9.3f %11.0f %11.0f  %s\n", regime,
		       us(quiet.neighbour), ms(r[0].neighbour), us(r[1].neighbour),
		       us(r[2].neighbour), ratio(&r[0], &r[1]), ratio(&r[0], &r[2]),
		       held ? "held" : "violated");
		return true;
	}
	o = json_pack("{s:s,s:b,s:I}", "regime", regime, "neighbour_ats", 0, "quiet_ns",
		      (json_int_t)quiet.neighbour);
	runs = json_array();
	for (unsigned i = 0; i < COMPARED; i++)
		json_array_append_new(runs, run_json(&ways[i], &r[i]));
	json_object_set_new(o, "runs", runs);
	json_object_set_new(o, "ratio_ecmdq", json_real(ratio(&r[0], &r[1])));
	json_object_set_new(o, "ratio_cmdqv", json_real(ratio(&r[0], &r[2])));
	json_array_append_new(list, o);
	return true;
}

/* What hardware may be like, and software may know of it; without ATS and with it. */
static bool variants(json_t *list)
{
	json_t *runs[2] = {list ? json_array() : NULL, list ? json_array() : NULL};

	for (unsigned i = 0; i < WAYS; i++) {
		struct lane_run r[2];

		for (unsigned ats = 0; ats < 2; ats++) {
			if (!run("fail_once", &ways[i], ats, true, &r[ats]))
				return false;
			if (list)
				json_array_append_new(runs[ats], run_json(&ways[i], &r[ats]));
		}
		cli_progress_end();
		if (!list)
			printf("%-20s %6u %12.3f %12.3f %12.3f %7" PRIu64 "  %s\n", ways[i].title,
			       r[0].lanes, ms(r[0].neighbour), ms(r[1].neighbour),
			       ms(r[0].fenced_at), r[0].errors,
			       r[0].held && r[1].held ? "held" : "violated");
	}
	for (unsigned ats = 0; list && ats < 2; ats++)
		json_array_append_new(list,
				      json_pack("{s:s,s:b,s:o}", "regime", "fail_once",
						"neighbour_ats", (int)ats, "runs", runs[ats]));
	return true;
}

int bench_lanes(bool quick, bool json)
{
	json_t *list = json ? json_array() : NULL, *more = json ? json_array() : NULL;

	if (!json)
		printf("The longest unmap of a neighbour, in model time, while a device of "
		       "another domain\ndoes not answer (hardware timeout 50 ms, late_hw its own; "
		       "software bound 1 s). The neighbour\nhas no ATS; quiet: nobody is dead. "
		       "Model assumptions: that further queues are served in\nparallel, which is "
		       "permitted and not required, and all of the CMDQV.\n"
		       "%-16s %9s %12s %9s %9s %11s %11s\n",
		       "regime", "quiet/us", "one queue/ms", "ECMDQ/us", "CMDQV/us", "one/ECMDQ",
		       "one/CMDQV");
	for (unsigned i = 0; lzm_smmu_regime_name(i) && (!quick || !i); i++) {
		cli_progress(i, 10, "lanes");
		if (!compare(lzm_smmu_regime_name(i), list))
			goto failed;
	}
	if (!json)
		printf("\nThe same in fail_once, by what the hardware has and the software knows: "
		       "one further queue is used,\nor one of each CPU where each is known to keep "
		       "its timeouts; or one consumer serves all queues.\n"
		       "%-20s %6s %12s %12s %12s %7s\n",
		       "queues", "used", "no ATS/ms", "with ATS/ms", "fence/ms", "errors");
	if (!variants(more))
		goto failed;
	if (!json)
		return CLI_HELD;
	return cli_json_print(json_pack("{s:i,s:s,s:o,s:o}", "schema", 1, "bench", "lanes",
					"regimes", list, "variants", more),
			      0);
failed:
	json_decref(list);
	json_decref(more);
	return CLI_INTERNAL;
}
