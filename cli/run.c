/* SPDX-License-Identifier: BSD-2-Clause */
/* lazaret run: a scenario on library and models, judged by the invariants. */
#include "cli/run.h"
#include "bench/recording.h"
#include "bench/report.h"
#include "bench/rig.h"
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_RUNS 64u

static const char help[] =
	"usage: lazaret run SCENARIO.yaml... [OPTION]...\n"
	"\n"
	"Runs a scenario on the library, register-level hardware models and a deterministic\n"
	"port, then judges it by the invariants A to H. With several scenarios, or several\n"
	"regimes, the runs are compared at the end.\n"
	"\n"
	"  --containment on|off   instead of what the scenario says; off does what shipping\n"
	"                         drivers do: acknowledge, retry, carry on\n"
	"  --iommu smmuv3|riscv   likewise\n"
	"  --regime NAME|all      one freedom that the architecture leaves to the hardware\n"
	"  --seed N               the schedule; instead of the scenario's\n"
	"  --json                 one JSON object per run and line\n"
	"  --quiet                the verdict only\n"
	"  --verbose              the library's log lines too, on stderr\n"
	"  --help                 this text\n"
	"\n"
	"Regimes:";

/* The help text with the model's regimes behind it. */
static const char *help_text(void)
{
	static char text[sizeof(help) + 512];
	size_t n = sizeof(help) - 1;

	memcpy(text, help, n);
	for (unsigned i = 0; lzm_smmu_regime_name(i) && n < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i % 5 ? " " : "\n  ",
				      lzm_smmu_regime_name(i));
	if (n < sizeof(text) - 1)
		strcpy(text + n, "\n");
	return text;
}

struct options {
	const char *containment, *iommu, *regime, *seed;
	bool json, quiet, verbose;
	int contain; /* -1: the scenario's */
	uint64_t seed_value;
};

/* The runs so far, for the comparison. */
struct runs {
	struct result result[MAX_RUNS];
	char label[MAX_RUNS][40];
	const char *labels[MAX_RUNS];
	unsigned n;
};

static bool regime_exists(const char *name)
{
	for (unsigned i = 0; lzm_smmu_regime_name(i); i++)
		if (!strcmp(lzm_smmu_regime_name(i), name))
			return true;
	return false;
}

static struct report_style style(void)
{
	return (struct report_style){
		.plain = cli_color(CLI_PLAIN),
		.bold = cli_color(CLI_BOLD),
		.red = cli_color(CLI_RED),
		.green = cli_color(CLI_GREEN),
		.yellow = cli_color(CLI_YELLOW),
		.dim = cli_color(CLI_DIM),
	};
}

static int check_options(struct options *o)
{
	o->contain = -1;
	if (o->containment && !strcmp(o->containment, "on"))
		o->contain = LZ_CONTAIN_ON;
	else if (o->containment && !strcmp(o->containment, "off"))
		o->contain = LZ_CONTAIN_OFF;
	else if (o->containment)
		return cli_usage("run", "--containment takes on or off");
	if (o->iommu && strcmp(o->iommu, "smmuv3") && strcmp(o->iommu, "riscv"))
		return cli_usage("run", "--iommu takes smmuv3 or riscv");
	if (o->regime && strcmp(o->regime, "all") && !regime_exists(o->regime))
		return cli_usage("run", "no regime %s; see lazaret run --help", o->regime);
	if (o->seed && !cli_number(o->seed, 0, UINT64_MAX, &o->seed_value))
		return cli_usage("run", "--seed takes a whole number");
	return CLI_HELD;
}

/* ---- a scenario against its machine ---- */

static int no_such_device(const struct scenario *sc, const struct scenario_device *d,
			  const char *what)
{
	char name[16], text[512];

	snprintf(text, sizeof(text), "%s:%u: expected a function that the machine has%s, not %s",
		 sc->path, d->line, what, scenario_bdf_format(d->bdf, name));
	return cli_input_error(text);
}

static int check_device(const struct scenario *sc, const struct machine *m,
			const struct scenario_device *d)
{
	char name[16];
	int i = machine_find(m, scenario_bdf_format(d->bdf, name));

	if (i == MACHINE_NONE)
		return no_such_device(sc, d, "");
	if (m->functions[i].smmu == MACHINE_NONE || m->functions[i].group == MACHINE_NONE)
		return no_such_device(sc, d, " behind its IOMMU");
	return CLI_HELD;
}

static bool has_ats(const struct scenario *sc, const struct machine_function *f, uint32_t bdf)
{
	const struct scenario_devices *list = &sc->machine.ats_list;
	bool listed = false;

	if (sc->machine.ats == SCENARIO_ATS_PLATFORM)
		return machine_ats_usable(f);
	if (sc->machine.ats == SCENARIO_ATS_CAPABLE)
		return f->ats != 0;
	for (size_t i = 0; i < list->n; i++)
		listed |= list->item[i].bdf == bdf;
	return listed;
}

/* A fault of an ATC needs one. */
static int check_fault(const struct scenario *sc, const struct machine *m,
		       const struct scenario_fault *f)
{
	char name[16];
	int code = check_device(sc, m, &f->device), i;

	if (code || f->kind > SCENARIO_SILENT_AFTER_RESET)
		return code;
	i = machine_find(m, scenario_bdf_format(f->device.bdf, name));
	return has_ats(sc, &m->functions[i], f->device.bdf)
		       ? CLI_HELD
		       : no_such_device(sc, &f->device, " with ATS in use (see machine.ats)");
}

static int check_list(const struct scenario *sc, const struct machine *m,
		      const struct scenario_devices *list)
{
	for (size_t i = 0; i < list->n; i++) {
		int code = check_device(sc, m, &list->item[i]);

		if (code)
			return code;
	}
	return CLI_HELD;
}

static int check_devices(const struct scenario *sc, const struct machine *m)
{
	int code = check_list(sc, m, &sc->machine.ats_list);

	for (size_t i = 0; i < sc->n_domains && !code; i++)
		code = check_list(sc, m, &sc->domains[i].devices);
	for (size_t i = 0; i < sc->n_faults && !code; i++)
		if (sc->faults[i].has_device)
			code = check_fault(sc, m, &sc->faults[i]);
	if (!code)
		code = check_list(sc, m, &sc->expect.quarantined);
	if (!code)
		code = check_list(sc, m, &sc->expect.recovered);
	if (!code)
		code = check_list(sc, m, &sc->expect.not_quarantined);
	if (!code)
		code = check_list(sc, m, &sc->expect.blocked);
	if (!code)
		code = check_list(sc, m, &sc->expect.undisturbed);
	for (size_t i = 0; i < sc->n_actions && !code; i++)
		code = check_device(sc, m, &sc->actions[i].device);
	if (!code)
		code = check_list(sc, m, &sc->expect.degraded);
	for (size_t i = 0; i < sc->n_orders && !code; i++)
		if (sc->orders[i].has_device)
			code = check_device(sc, m, &sc->orders[i].device);
	return code;
}

static int check_units(const struct scenario *sc, const struct machine *m)
{
	char text[512];

	if (m->n_smmus <= RIG_UNITS)
		return CLI_HELD;
	snprintf(text, sizeof(text), "%s:%u: expected %u IOMMUs at most, not %u", sc->path,
		 sc->machine.dtb.path ? sc->machine.dtb.line : sc->machine.iort.line, RIG_UNITS,
		 m->n_smmus);
	return cli_input_error(text);
}

/* What the driver's tables have no room for could not be added. */
static int check_ids(const struct scenario *sc, const struct machine *m)
{
	const struct hardware *hw = hardware_of(sc);
	char text[512];

	for (unsigned i = 0; i < m->n_functions; i++) {
		const struct machine_function *f = &m->functions[i];

		for (unsigned k = 0; k < f->n_stream_ids; k++) {
			if (!(f->stream_ids[k] >> hw->id_bits))
				continue;
			snprintf(text, sizeof(text),
				 "%s:%u: expected %s ids of at most %u bits, not 0x%x of %s",
				 sc->path,
				 sc->machine.dtb.path ? sc->machine.dtb.line
						      : sc->machine.iort.line,
				 hw == &hardware_riscv ? "device" : "stream", hw->id_bits,
				 f->stream_ids[k], f->bdf);
			return cli_input_error(text);
		}
	}
	return CLI_HELD;
}

/* A trace of another machine would replay to a verdict about nothing. */
static int check_traces(const struct scenario *sc, const struct machine *m)
{
	for (size_t i = 0; i < sc->n_workload; i++) {
		const struct recording *rec = recording_of(&sc->workload[i]);

		for (size_t j = 0; rec && j < rec->n; j++) {
			const struct record *e = &rec->records[j];
			char name[16], text[512];

			if (e->kind == RECORD_MAP || e->kind == RECORD_UNMAP ||
			    machine_find(m, scenario_bdf_format(e->bdf, name)) != MACHINE_NONE)
				continue;
			snprintf(text, sizeof(text),
				 "%s:%u: trace: expected functions that the machine has, not %s",
				 sc->path, sc->workload[i].trace.line, name);
			return cli_input_error(text);
		}
	}
	return CLI_HELD;
}

static int check_regimes(const struct scenario *sc)
{
	char text[512];

	for (size_t i = 0; i < sc->regimes.n; i++) {
		if (regime_exists(sc->regimes.item[i].text))
			continue;
		snprintf(text, sizeof(text), "%s:%u: expected a regime, not %s", sc->path,
			 sc->regimes.item[i].line, sc->regimes.item[i].text);
		return cli_input_error(text);
	}
	return CLI_HELD;
}

/* ---- runs ---- */

static void print_lanes(const struct scenario_smmu *s)
{
	if (s->lanes == SCENARIO_LANES_NONE)
		return;
	printf("ATC invalidations have queues of their own: %s%s%s%s\n",
	       s->lanes == SCENARIO_LANES_ECMDQ ? "ECMDQs" : "a Tegra241 CMDQV (model assumptions)",
	       s->own_timeouts ? ", one per CPU" : ", one of them used",
	       s->shared_timeouts ? ", timeouts are not kept apart" : "",
	       s->one_consumer ? ", one consumer serves all queues" : "");
}

static void print_head(const struct report_style *s, const struct scenario *sc,
		       const struct machine *m, const struct result *r)
{
	static const char *const contain[] = {"on", "observe", "off"};
	unsigned ats = 0, capable = 0;

	printf("%s%s%s\n", s->bold, sc->description ? sc->description : sc->path, s->plain);
	printf("scenario %s, containment %s, regime %s, seed %llu\n", sc->path, contain[r->contain],
	       r->regime, (unsigned long long)r->seed);
	for (unsigned i = 0; i < m->n_functions; i++)
		capable += m->functions[i].ats != 0;
	for (unsigned i = 0; i < r->n_devices; i++)
		ats += r->devices[i].ats_capable;
	printf("machine: %u functions, %u of them behind the %s, %u groups, %u ATS capable\n",
	       m->n_functions, r->n_devices,
	       sc->machine.iommu == SCENARIO_IOMMU_RISCV ? "RISC-V IOMMU" : "SMMU", m->n_groups,
	       capable);
	print_lanes(&sc->machine.smmu);
	if (sc->machine.ats == SCENARIO_ATS_PLATFORM)
		printf("ATS is used by %u functions, as the platform says\n", ats);
	else
		printf("the captured platform leaves ATS off; this scenario switches it on for %u "
		       "functions\n",
		       ats);
}

static void print_added(const struct scenario *sc, const struct machine *m)
{
	for (size_t i = 0; i < sc->machine.ats_list.n; i++) {
		char name[16];
		int f = machine_find(m,
				     scenario_bdf_format(sc->machine.ats_list.item[i].bdf, name));

		if (f != MACHINE_NONE && !m->functions[f].ats)
			printf("%s has no ATS capability; this scenario gives it one\n", name);
	}
}

static int print_result(const struct options *o, const struct scenario *sc, const struct machine *m,
			const struct result *r, bool many)
{
	struct report_style s = style();

	cli_progress_end();
	if (o->json) {
		json_t *j = report_json(r);

		return j ? cli_json_print(j, 0) : CLI_INTERNAL;
	}
	if (o->quiet || many) {
		report_line(stdout, &s, r);
		return CLI_HELD;
	}
	print_head(&s, sc, m, r);
	print_added(sc, m);
	putchar('\n');
	report_run(stdout, &s, r);
	return CLI_HELD;
}

static void show_progress(uint64_t done, uint64_t total)
{
	cli_progress(done, total, "running");
}

static int worse(int a, int b)
{
	return a > b ? a : b;
}

/* The file's name without folder and extension, or the regime's. */
static void name_run(struct runs *runs, const char *what)
{
	const char *slash = strrchr(what, '/');
	char *label = runs->label[runs->n];
	char *dot;

	snprintf(label, sizeof(runs->label[0]), "%s", slash ? slash + 1 : what);
	dot = strrchr(label, '.');
	if (dot)
		*dot = '\0';
	runs->labels[runs->n++] = label;
}

static int run_once(const struct options *o, const struct scenario *sc, const struct machine *m,
		    const char *regime, struct runs *runs, bool many)
{
	struct rig_options opt = {
		.regime = regime,
		.containment = o->contain,
		.seed = o->seed ? o->seed_value : sc->seed,
		.verbose = o->verbose,
		.progress = show_progress,
	};
	struct result *r = &runs->result[runs->n];
	int code;

	if (runs->n == MAX_RUNS)
		return cli_usage("run", "more than %u runs at once", MAX_RUNS);
	rig_run(sc, m, &opt, r);
	name_run(runs, regime ? regime : sc->path);
	code = print_result(o, sc, m, r, many);
	fflush(stdout);
	if (r->inconclusive)
		return CLI_INTERNAL;
	return worse(code, result_violated(r) ? CLI_VIOLATED : CLI_HELD);
}

static int run_regimes(const struct options *o, const struct scenario *sc, const struct machine *m,
		       struct runs *runs)
{
	int code = CLI_HELD;

	if (o->regime && !strcmp(o->regime, "all")) {
		if (!o->json && !o->quiet)
			printf("%s\n", sc->description ? sc->description : sc->path);
		for (unsigned i = 0; lzm_smmu_regime_name(i); i++)
			code = worse(code, run_once(o, sc, m, lzm_smmu_regime_name(i), runs, true));
		return code;
	}
	if (o->regime || !sc->regimes.n)
		return run_once(o, sc, m, o->regime, runs, false);
	for (size_t i = 0; i < sc->regimes.n; i++)
		code = worse(code,
			     run_once(o, sc, m, sc->regimes.item[i].text, runs, sc->regimes.n > 1));
	return code;
}

/* A device tree with a RISC-V IOMMU chooses it. The other way round ids carry over:
 * machine.iommu may be riscv on a machine that has an SMMU. */
static int settle_iommu(struct scenario *sc, const struct machine *m)
{
	const struct scenario_smmu *s = &sc->machine.smmu;
	char text[512];

	if (machine_iommu_kind(m) == MACHINE_RISCV) {
		if (sc->machine.has_iommu && sc->machine.iommu != SCENARIO_IOMMU_RISCV) {
			snprintf(
				text, sizeof(text),
				"%s:%u: the device tree has a RISC-V IOMMU; expected iommu: riscv, "
				"or no choice, instead of smmuv3",
				sc->path, sc->machine.dtb.line);
			return cli_input_error(text);
		}
		sc->machine.iommu = SCENARIO_IOMMU_RISCV;
	}
	if (s->lanes != SCENARIO_LANES_NONE && sc->machine.iommu == SCENARIO_IOMMU_RISCV) {
		snprintf(text, sizeof(text), "%s:%u: lanes: a RISC-V IOMMU has one command queue",
			 sc->path, s->line);
		return cli_input_error(text);
	}
	for (size_t i = 0; i < sc->n_faults; i++) {
		if (scenario_iommu_has(sc->machine.iommu, sc->faults[i].kind))
			continue;
		snprintf(text, sizeof(text), "%s:%u: a RISC-V IOMMU has no %s", sc->path,
			 sc->faults[i].line, scenario_fault_name(sc->faults[i].kind));
		return cli_input_error(text);
	}
	return CLI_HELD;
}

int run_open(struct scenario *sc, struct machine *m)
{
	const struct scenario_machine *sm = &sc->machine;
	char err[512];
	int code;

	if (sm->generate &&
	    !machine_synthesize(m, (unsigned)sm->generate, &machine_synthetic_mixed))
		return cli_input_error("out of memory");
	if (!sm->generate &&
	    machine_load(m, sm->lspci.path, sm->dtb.path, sm->iort.path, err, sizeof(err)))
		return cli_input_error(err);
	code = settle_iommu(sc, m);
	if (!code)
		code = check_units(sc, m);
	if (!code)
		code = check_ids(sc, m);
	if (!code)
		code = check_devices(sc, m);
	if (!code)
		code = check_regimes(sc);
	if (!code && recordings_load(sc, err, sizeof(err)))
		code = cli_input_error(err);
	if (!code)
		code = check_traces(sc, m);
	if (code)
		run_close(m);
	return code;
}

void run_close(struct machine *m)
{
	recordings_free();
	machine_free(m);
}

void run_choose_iommu(const char *iommu, struct scenario *sc)
{
	if (!iommu)
		return;
	sc->machine.has_iommu = true;
	sc->machine.iommu = strcmp(iommu, "riscv") ? SCENARIO_IOMMU_SMMUV3 : SCENARIO_IOMMU_RISCV;
}

static int run_scenario(const struct options *o, struct scenario *sc, struct runs *runs)
{
	struct machine m;
	int code;

	run_choose_iommu(o->iommu, sc);
	code = run_open(sc, &m);
	if (code)
		return code;
	code = run_regimes(o, sc, &m, runs);
	run_close(&m);
	return code;
}

/* A broken rule of the library itself: the port has printed it and aborts. */
static void on_abort(int sig)
{
	(void)sig;
	_exit(CLI_INTERNAL);
}

int cmd_run(int argc, char **argv)
{
	struct options o = {0};
	const struct cli_option opts[] = {
		{"--containment", &o.containment, NULL},
		{"--iommu", &o.iommu, NULL},
		{"--regime", &o.regime, NULL},
		{"--seed", &o.seed, NULL},
		{"--json", NULL, &o.json},
		{"--quiet", NULL, &o.quiet},
		{"--verbose", NULL, &o.verbose},
		{NULL, NULL, NULL},
	};
	struct runs *runs;
	char err[512];
	int code, n = cli_options(argc, argv, opts, help_text(), &code);

	if (n < 0)
		return code;
	if (n < 1)
		return cli_usage("run", "expected a scenario file; see lazaret run --help");
	code = check_options(&o);
	if (code)
		return code;
	signal(SIGABRT, on_abort);
	/* Bad input of a later scenario is told before the first one runs. */
	for (int i = 1; n > 1 && i <= n; i++) {
		struct scenario sc;
		struct machine m;

		if (scenario_load(argv[i], &sc, err, sizeof(err)))
			return cli_input_error(err);
		run_choose_iommu(o.iommu, &sc);
		code = run_open(&sc, &m);
		if (!code)
			run_close(&m);
		scenario_free(&sc);
		if (code)
			return code;
	}
	runs = calloc(1, sizeof(*runs));
	if (!runs)
		return CLI_INTERNAL;
	for (int i = 1; i <= n && code <= CLI_VIOLATED; i++) {
		struct scenario sc;

		if (scenario_load(argv[i], &sc, err, sizeof(err))) {
			code = cli_input_error(err);
			break;
		}
		if (i > 1 && !o.json && !o.quiet)
			printf("\n\n");
		code = worse(code, run_scenario(&o, &sc, runs));
		scenario_free(&sc);
	}
	if (n > 1 && runs->n > 1 && !o.json && !o.quiet && code <= CLI_VIOLATED) {
		struct report_style s = style();

		printf("\n\n");
		report_compare(stdout, &s, runs->labels, runs->result, runs->n);
	}
	for (unsigned i = 0; i < runs->n; i++)
		result_fini(&runs->result[i]);
	free(runs);
	return code;
}
