/* SPDX-License-Identifier: BSD-2-Clause */
/* lazaret run: a scenario on library and models, judged by the invariants. */
#include "cli/run.h"
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
	if (o->regime && strcmp(o->regime, "all") && !run_regime_exists(o->regime))
		return cli_usage("run", "no regime %s; see lazaret run --help", o->regime);
	if (o->seed && !cli_number(o->seed, 0, UINT64_MAX, &o->seed_value))
		return cli_usage("run", "--seed takes a whole number");
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

/* "the SMMU", or how many are behind each. */
static void print_units(const struct result *r, const char *kind)
{
	if (r->n_iommus == 1)
		printf("the %s", kind);
	else
		printf("%u %ss (", r->n_iommus, kind);
	for (unsigned i = 0; i < r->n_iommus && r->n_iommus > 1; i++) {
		unsigned n = 0;

		for (unsigned k = 0; k < r->n_devices; k++)
			n += r->devices[k].iommu == i;
		printf("%u%s", n, i + 1 < r->n_iommus ? ", " : ")");
	}
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
	printf("machine: %u functions, %u of them behind ", m->n_functions, r->n_devices);
	print_units(r, sc->machine.iommu == SCENARIO_IOMMU_RISCV ? "RISC-V IOMMU" : "SMMU");
	printf(", %u groups, %u ATS capable\n", m->n_groups, capable);
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
