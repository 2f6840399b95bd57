/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One domain with `devices` functions, all with unsettled invalidations when
 * `broken` of them stop to answer; and a neighbour in a domain of its own.
 */
#include "bench/rig.h"
#include "cli/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const head = "machine:\n"
				"  lspci: none\n"
				"  iort: none\n"
				"  ats: capable\n"
				"  iommu: %s\n"
				"  smmu: {ats_timeout: 50ms}\n"
				"software: {sync_bound: 1s, identify: probe, contain: on}\n"
				"cpus: 2\n"
				"recovery: {owner: resets, method: flr, after: 5ms}\n"
				"workload:\n"
				"  - {generate: random, domain: shared, maps: %u, pages: 1-4}\n"
				"  - {generate: random, domain: neighbour, maps: 200, pages: 1-4}\n"
				"domains:\n"
				"  - {name: shared, devices: [";

/* ---- the scenario ---- */

/* Fewer maps with many devices: each unmap is as many commands. */
static unsigned maps_of(unsigned devices)
{
	return devices <= 16 ? 200 : devices <= 100 ? 40 : 10;
}

static void put_name(FILE *f, const char *before, unsigned i, const char *after)
{
	char name[20];

	machine_synthetic_name(i, name);
	fprintf(f, "%s\"%s\"%s", before, name, after);
}

static bool make_scenario(struct scenario *sc, const struct bench_contain *c, char *err,
			  unsigned err_size)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	bool ok;

	if (!f) {
		snprintf(err, err_size, "out of memory");
		return false;
	}
	fprintf(f, head, c->iommu == BENCH_RISCV ? "riscv" : "smmuv3", maps_of(c->devices));
	for (unsigned i = 0; i < c->devices; i++)
		put_name(f, i ? ", " : "", i, "");
	put_name(f, "]}\n  - {name: neighbour, devices: [", c->devices, "]}\nfaults:\n");
	for (unsigned i = 0; i < c->broken; i++)
		put_name(f, "  - {at: 5ms, device: ", i * (c->devices / c->broken),
			 ", kind: atc_silent}\n");
	ok = !fclose(f) && !scenario_parse("bench", text, n, sc, err, err_size);
	free(text);
	return ok;
}

/* ---- one run ---- */

static void evaluate(const struct result *r, struct bench_contain *out)
{
	lz_ns noticed = 0, fenced = 0;
	unsigned left = out->broken;

	for (unsigned i = 0; i < r->n_events && left; i++) {
		const struct result_event *e = &r->events[i];

		if (e->text || e->t < r->fault_at)
			continue;
		out->errors += e->kind == LZ_EV_TIMEOUT; /* until the last fence */
		if (!noticed && (e->kind == LZ_EV_TIMEOUT || e->kind == LZ_EV_SUSPECT ||
				 e->kind == LZ_EV_QUEUE_STALLED))
			noticed = e->t;
		if (e->kind == LZ_EV_FENCED && e->evidence != LZ_EVIDENCE_NONE && e->device >= 0 &&
		    r->devices[e->device].faulted) {
			fenced = e->t;
			left--;
		}
	}
	/* Which it was, not which was asked for. */
	out->iommu = strncmp(r->iommus[0].name, hardware_riscv.name, strlen(hardware_riscv.name))
			     ? BENCH_SMMUV3
			     : BENCH_RISCV;
	out->noticed_at = noticed ? noticed - r->fault_at : 0;
	out->fenced_at = fenced && !left ? fenced - r->fault_at : 0;
	out->commands = out->fenced_at ? r->commands_fenced - r->commands_noticed : 0;
	out->probes = r->probes;
	out->fences = r->fences;
	out->custody_page_ns = r->custody_page_ns;
	out->worst_neighbour = r->worst_neighbour;
	out->longest_masked = r->longest_masked;
	out->false_quarantines = r->false_quarantines;
	out->held = !result_violated(r);
	out->inconclusive = r->inconclusive;
}

static lz_ns timeout_of(const struct bench_contain *c, lz_ns asked)
{
	struct lzm_smmu_knobs smmu;
	struct lzm_riscv_config riscv;

	if (c->iommu == BENCH_RISCV) {
		lzm_riscv_config_default(&riscv);
		riscv.knobs.ats_timeout_ns = asked;
		(void)lzm_riscv_regime(c->regime, &riscv.knobs);
		return riscv.knobs.ats_timeout_ns;
	}
	lzm_smmu_knobs_default(&smmu);
	smmu.ats_timeout_ns = asked;
	(void)lzm_smmu_regime(c->regime, &smmu);
	return smmu.ats_timeout_ns;
}

bool bench_contain(struct bench_contain *c, char *err, unsigned err_size)
{
	struct rig_options opt = {.regime = c->regime, .containment = -1, .seed = 1};
	struct machine m = {0};
	struct scenario sc;
	struct result r;
	bool ok;

	if (!make_scenario(&sc, c, err, err_size))
		return false;
	c->timeout = timeout_of(c, sc.machine.smmu.ats_timeout);
	ok = machine_synthesize(&m, c->devices + 1, &(struct machine_synthetic){0});
	if (ok) {
		rig_run(&sc, &m, &opt, &r);
		evaluate(&r, c);
		if (r.inconclusive)
			snprintf(err, err_size, "%s", r.reason);
		result_fini(&r);
	} else {
		snprintf(err, err_size, "out of memory");
	}
	machine_free(&m);
	scenario_free(&sc);
	return ok;
}
