/* SPDX-License-Identifier: BSD-2-Clause */
/* lazaret bench: figures, never a verdict. */
#include "cli/bench.h"
#include "cli/cli.h"
#include "figures/figures.h"
#include "lazaret-model/smmuv3.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: lazaret bench queue|inval|explore|contain|lanes [--iommu NAME] [--quick] [--json]\n"
	"\n"
	"Prints figures and judges nothing.\n"
	"\n"
	"  queue    commands per second through the command queue, on real threads: ours, a\n"
	"           ticket lock around insertion and wait, and the bare stores of the same\n"
	"           commands (the limit; one thread), in turns within one run\n"
	"  inval    the same for the invalidations of an unmap, by functions with ATS in the\n"
	"           domain, with containment on and off; and what one unmap does, counted on\n"
	"           the deterministic port\n"
	"  explore  schedules and visible operations per second of lazaret explore, with all\n"
	"           oracles and with none, and what one switch of coroutines takes (the limit)\n"
	"  contain  what happens from noticing broken devices to their fence, in the model time\n"
	"           of the deterministic port, per regime of the modelled hardware\n"
	"  lanes    how long an unmap of a neighbour of a dead device takes, with one command\n"
	"           queue and with ATC invalidations on ECMDQs or a Tegra241 CMDQV; model time\n"
	"\n"
	"  --iommu NAME  smmuv3 or riscv; without it both\n"
	"  --quick       few repetitions: to see that it works\n"
	"  --json        the same for programs, as one object\n"
	"\n"
	"Hardware is memory (queue, inval) or a model (explore, contain, lanes). A busy machine "
	"spreads "
	"the\n"
	"rates: look at min and max. Exit: 0, 2 usage error, 3 internal error.\n";

struct options {
	bool quick, json;
	bool on[BENCH_IOMMUS]; /* which are asked for; one at least */
};

static const char *const iommu_name[BENCH_IOMMUS] = {"smmuv3", "riscv"};

/* ---- rates ---- */

static const char *const variant_name[FIGURES_VARIANTS] = {"ours", "off", "ticket", "bare"};

static void progress(uint64_t done, uint64_t total, const char *text)
{
	cli_progress(done, total, text);
}

/* Millions per second. */
static void print_rate(const struct figures_rate *r)
{
	if (r->median > 0)
		printf("  %7.3f (%6.3f-%7.3f)", r->median / 1e6, r->min / 1e6, r->max / 1e6);
	else
		printf("  %7s %17s", "-", "");
}

static bool disturbed(const struct figures_row *row)
{
	for (unsigned v = 0; v < FIGURES_VARIANTS; v++)
		if (row->rate[v].disturbed)
			return true;
	return false;
}

static void print_rates(const struct figures_row *rows, unsigned n, const char *size, bool off)
{
	printf("%-6s  %-8s %7s %8s  %-26s", "IOMMU", size, "threads", "hardware", "ours");
	if (off)
		printf("%-26s", "ours, containment off");
	printf("%-26s%-26s%s\n", "ticket lock", "bare (limit)", "ours/ticket");
	for (unsigned i = 0; i < n; i++) {
		const struct figures_row *row = &rows[i];

		printf("%-6s  %-8u %7u %8s", iommu_name[row->riscv], row->size, row->threads,
		       row->instant ? "instant" : "1 us");
		for (unsigned v = 0; v < FIGURES_VARIANTS; v++)
			if (v != FIGURES_OFF || off)
				print_rate(&row->rate[v]);
		printf("  %11.2f%s\n",
		       row->rate[FIGURES_OURS].median / row->rate[FIGURES_TICKET].median,
		       disturbed(row) ? "  *" : "");
	}
}

static json_t *rates_json(const struct figures_row *rows, unsigned n, const char *size)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		const struct figures_row *row = &rows[i];
		json_t *o = json_object();

		json_object_set_new(o, "iommu", json_string(iommu_name[row->riscv]));
		json_object_set_new(o, size, json_integer(row->size));
		json_object_set_new(o, "threads", json_integer(row->threads));
		json_object_set_new(o, "hardware", json_string(row->instant ? "instant" : "1us"));
		json_object_set_new(o, "commands_per_operation", json_integer(row->commands));
		for (unsigned v = 0; v < FIGURES_VARIANTS; v++) {
			const struct figures_rate *r = &row->rate[v];
			json_t *rate = json_object();

			if (!(r->median > 0)) {
				json_decref(rate);
				continue;
			}
			json_object_set_new(rate, "median", json_real(r->median));
			json_object_set_new(rate, "min", json_real(r->min));
			json_object_set_new(rate, "max", json_real(r->max));
			json_object_set_new(rate, "disturbed", json_integer(r->disturbed));
			json_object_set_new(o, variant_name[v], rate);
		}
		json_array_append_new(list, o);
	}
	return list;
}

/* A figure of a busy machine says so. */
static double load(void)
{
	double average[1] = {0};

	return getloadavg(average, 1) == 1 ? average[0] : 0;
}

static void print_host(const struct figures_options *o)
{
	printf("%u turns of %u us each; %ld CPUs, load %.1f. Millions per second: median "
	       "(min-max).\n"
	       "* other load took the CPU in some turns however often they were repeated.\n",
	       o->rounds, o->window_us, sysconf(_SC_NPROCESSORS_ONLN), load());
}

static json_t *head_json(const char *bench, const struct figures_options *o)
{
	json_t *j = json_object();

	json_object_set_new(j, "schema", json_integer(1));
	json_object_set_new(j, "bench", json_string(bench));
	json_object_set_new(j, "rounds", json_integer(o->rounds));
	json_object_set_new(j, "window_us", json_integer(o->window_us));
	json_object_set_new(j, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(j, "load", json_real(load()));
	return j;
}

static struct figures_options rates_options(bool quick)
{
	return (struct figures_options){
		.rounds = quick ? 3 : 31, .window_us = quick ? 200 : 500, .progress = progress};
}

#define ROWS (FIGURES_ROWS_MAX * BENCH_IOMMUS)

typedef unsigned (*figures)(struct figures_row *rows, const struct figures_options *o);

/* Of all IOMMUs that are asked for. */
static unsigned measure(const struct options *opt, figures of, struct figures_row *rows,
			struct figures_options *o)
{
	unsigned n = 0;

	for (unsigned k = 0; k < BENCH_IOMMUS; k++) {
		if (!opt->on[k])
			continue;
		o->riscv = k == BENCH_RISCV;
		n += of(&rows[n], o);
	}
	cli_progress_end();
	return n;
}

static int bench_queue(const struct options *opt)
{
	struct figures_options o = rates_options(opt->quick);
	struct figures_row rows[ROWS];
	unsigned n = measure(opt, figures_queue, rows, &o);

	/* Commands per second, the sync not counted. */
	for (unsigned i = 0; i < n; i++)
		for (unsigned v = 0; v < FIGURES_VARIANTS; v++) {
			rows[i].rate[v].median *= rows[i].size;
			rows[i].rate[v].min *= rows[i].size;
			rows[i].rate[v].max *= rows[i].size;
		}
	if (opt->json) {
		json_t *j = head_json("queue", &o);

		json_object_set_new(j, "commands_per_s", rates_json(rows, n, "batch"));
		return cli_json_print(j, 0);
	}
	puts("Commands per second in batches with a sync of their own");
	print_host(&o);
	print_rates(rows, n, "batch", false);
	return CLI_HELD;
}

/* ---- exact counts ---- */

#define COSTS 8u /* of each IOMMU */

static bool collect_costs(const struct options *o, struct bench_cost *c, unsigned *n)
{
	static const unsigned entries[] = {0, 1, 4, 16};

	*n = 0;
	for (unsigned k = 0; k < BENCH_IOMMUS; k++)
		for (unsigned i = 0; o->on[k] && i < COSTS; i++) {
			c[*n] = (struct bench_cost){.iommu = (enum bench_iommu)k,
						    .entries = entries[i / 2],
						    .contain = i % 2 == 0};
			if (!bench_cost(&c[(*n)++]))
				return false;
		}
	return true;
}

static void print_costs(const struct bench_cost *c, unsigned n)
{
	puts("\nOne unmap of a page with its syncs, counted on the deterministic port with an "
	     "IOMMU\n"
	     "that is done at the first look (rmw: atomic read-modify-writes; masks: interrupts\n"
	     "masked and restored)");
	printf("%-6s  %-8s %-11s %8s %5s %9s %10s %4s %8s %6s %6s %5s %5s %5s\n", "IOMMU",
	       "entries", "containment", "commands", "syncs", "MMIO read", "MMIO write", "rmw",
	       "barriers", "loads", "stores", "masks", "locks", "waits");
	for (unsigned i = 0; i < n; i++)
		printf("%-6s  %-8u %-11s %8" PRIu64 " %5" PRIu64 " %9" PRIu64 " %10" PRIu64
		       " %4" PRIu64 " %8" PRIu64 " %6" PRIu64 " %6" PRIu64 " %5" PRIu64 " %5" PRIu64
		       " %5" PRIu64 "%s\n",
		       iommu_name[c[i].iommu], c[i].entries, c[i].contain ? "on" : "off",
		       c[i].commands, c[i].syncs, c[i].mmio_reads, c[i].mmio_writes, c[i].rmws,
		       c[i].barriers, c[i].loads, c[i].stores, c[i].masks, c[i].locks, c[i].waits,
		       c[i].exact ? "" : "  (not every time)");
}

static json_t *costs_json(const struct bench_cost *c, unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n; i++) {
		const struct {
			const char *key;
			uint64_t value;
		} all[] = {{"commands", c[i].commands},
			   {"syncs", c[i].syncs},
			   {"mmio_reads", c[i].mmio_reads},
			   {"mmio_writes", c[i].mmio_writes},
			   {"rmws", c[i].rmws},
			   {"barriers", c[i].barriers},
			   {"loads", c[i].loads},
			   {"stores", c[i].stores},
			   {"masks", c[i].masks},
			   {"locks", c[i].locks},
			   {"waits", c[i].waits}};
		json_t *o = json_object();

		json_object_set_new(o, "iommu", json_string(iommu_name[c[i].iommu]));
		json_object_set_new(o, "entries", json_integer(c[i].entries));
		json_object_set_new(o, "containment", json_string(c[i].contain ? "on" : "off"));
		json_object_set_new(o, "exact", json_boolean(c[i].exact));
		for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++)
			json_object_set_new(o, all[k].key, json_integer((json_int_t)all[k].value));
		json_array_append_new(list, o);
	}
	return list;
}

static int bench_inval(const struct options *opt)
{
	struct figures_options o = rates_options(opt->quick);
	struct figures_row rows[ROWS];
	struct bench_cost costs[COSTS * BENCH_IOMMUS];
	unsigned n, n_costs;

	if (!collect_costs(opt, costs, &n_costs)) {
		fputs("lazaret bench: the models did not start\n", stderr);
		return CLI_INTERNAL;
	}
	n = measure(opt, figures_inval, rows, &o);
	if (opt->json) {
		json_t *j = head_json("inval", &o);

		json_object_set_new(j, "invalidations_per_s", rates_json(rows, n, "entries"));
		json_object_set_new(j, "per_unmap", costs_json(costs, n_costs));
		return cli_json_print(j, 0);
	}
	puts("Invalidations of one page per second (IOTLB and sync, ATCs and sync), by functions\n"
	     "with ATS in the domain");
	print_host(&o);
	print_rates(rows, n, "entries", true);
	print_costs(costs, n_costs);
	return CLI_HELD;
}

/* ---- containment ---- */

static void print_contain(const struct bench_contain *c)
{
	printf("%-6s %-16s %4u %6u ", iommu_name[c->iommu], c->regime, c->devices, c->broken);
	if (c->fenced_at)
		printf("%9.3f", (double)(c->fenced_at - c->noticed_at) / (double)c->timeout);
	else
		printf("%9s", "never");
	printf(" %9.3f %6" PRIu64 " %8" PRIu64 " %6" PRIu64 " %6" PRIu64
	       " %12.3f %12.3f %11.3f %5" PRIu64 "  %s\n",
	       (double)c->noticed_at / 1e6, c->errors, c->commands, c->probes, c->fences,
	       (double)c->custody_page_ns / 1e9, (double)c->worst_neighbour / 1e6,
	       (double)c->longest_masked / 1e3, c->false_quarantines,
	       c->inconclusive ? "no result"
	       : c->held       ? "held"
			       : "violated");
	fflush(stdout);
}

static json_t *contain_json(const struct bench_contain *c)
{
	json_t *o = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I}", "iommu", iommu_name[c->iommu], "regime",
			      c->regime, "devices", (json_int_t)c->devices, "broken",
			      (json_int_t)c->broken, "timeout_ns", (json_int_t)c->timeout,
			      "noticed_after_ns", (json_int_t)c->noticed_at);

	json_object_set_new(o, "fenced_after_ns",
			    c->fenced_at ? json_integer((json_int_t)c->fenced_at) : json_null());
	json_object_set_new(o, "commands", json_integer((json_int_t)c->commands));
	json_object_set_new(o, "errors", json_integer((json_int_t)c->errors));
	json_object_set_new(o, "probes", json_integer((json_int_t)c->probes));
	json_object_set_new(o, "fences", json_integer((json_int_t)c->fences));
	json_object_set_new(o, "custody_page_s", json_real((double)c->custody_page_ns / 1e9));
	json_object_set_new(o, "worst_neighbour_ns", json_integer((json_int_t)c->worst_neighbour));
	json_object_set_new(o, "longest_masked_ns", json_integer((json_int_t)c->longest_masked));
	json_object_set_new(o, "false_quarantines", json_integer((json_int_t)c->false_quarantines));
	json_object_set_new(o, "verdict",
			    json_string(c->inconclusive ? "inconclusive"
					: c->held	? "held"
							: "violated"));
	return o;
}

static void contain_title(void)
{
	puts("From the first notice to the last fence in effect, in timeouts of the hardware (50 "
	     "ms;\n"
	     "late_hw its own); n devices share a domain, a neighbour has one of its own. Model\n"
	     "time. errors: ATC timeouts that the hardware reported until then. commands: "
	     "consumed\n"
	     "meanwhile, the workload's among them.");
	printf("%-6s %-16s %4s %6s %9s %9s %6s %8s %6s %6s %12s %12s %11s %5s\n", "IOMMU", "regime",
	       "n", "broken", "timeouts", "notice/ms", "errors", "commands", "probes", "fences",
	       "custody/pg*s", "neighbour/ms", "masked/us", "false");
}

/* One on each IOMMU: prints it or adds it to the list. */
static bool contain_one(const struct options *o, const char *regime, unsigned devices,
			unsigned broken, json_t *list)
{
	char err[256] = "";
	bool ok = true;

	for (unsigned k = 0; k < BENCH_IOMMUS && ok; k++) {
		struct bench_contain c = {.iommu = (enum bench_iommu)k,
					  .regime = regime,
					  .devices = devices,
					  .broken = broken};

		if (!o->on[k])
			continue;
		ok = bench_contain(&c, err, sizeof(err));
		cli_progress_end();
		if (!ok)
			fprintf(stderr, "lazaret bench: %s\n", err);
		else if (list)
			json_array_append_new(list, contain_json(&c));
		else
			print_contain(&c);
	}
	return ok;
}

/* Few devices in every regime. */
static bool contain_regimes(const struct options *o, json_t *list)
{
	static const unsigned devices[] = {2, 4, 8, 16};
	unsigned n_regimes = 0, done = 0;

	while (lzm_smmu_regime_name(n_regimes))
		n_regimes++;
	for (unsigned i = 0; i < n_regimes; i++)
		for (unsigned d = 0; d < (o->quick ? 1 : 4); d++)
			for (unsigned broken = 1; broken <= 2; broken++) {
				cli_progress(done++, n_regimes * (o->quick ? 2 : 8), "containment");
				if (!contain_one(o, lzm_smmu_regime_name(i), devices[d], broken,
						 list))
					return false;
			}
	return true;
}

/* How it grows, where the repeated sync succeeds. */
static bool contain_growth(const struct options *o, json_t *list)
{
	static const unsigned devices[] = {10, 32, 100, 316, 1000};
	unsigned done = 0;

	for (unsigned d = 0; d < 5; d++)
		for (unsigned broken = 1; broken <= 8; broken *= 2) {
			cli_progress(done++, 20, "growth");
			if (!contain_one(o, "fail_once", devices[d], broken, list))
				return false;
		}
	return true;
}

static int bench_containment(const struct options *o)
{
	json_t *list = o->json ? json_array() : NULL;

	if (!o->json)
		contain_title();
	if (!contain_regimes(o, list) || (!o->quick && !contain_growth(o, list))) {
		json_decref(list);
		return CLI_INTERNAL;
	}
	if (o->json)
		return cli_json_print(
			json_pack("{s:i,s:s,s:o}", "schema", 1, "bench", "contain", "runs", list),
			0);
	return CLI_HELD;
}

/* ---- the explorer ---- */

static const char *const bodies[] = {"healthy", "one_dead", "wrap_around"};
#define BODIES (sizeof(bodies) / sizeof(bodies[0]))
static const char *const oracle_name[BENCH_ORACLES] = {"all", "all_taken_apart", "none"};

static json_t *spread_json(const struct bench_spread *s)
{
	return json_pack("{s:f,s:f,s:f}", "median", s->median, "min", s->min, "max", s->max);
}

static int explore_json(const struct bench_explore *b, unsigned n, const struct bench_spread *sw,
			bool quick)
{
	json_t *o = json_object(), *list = json_array();

	json_object_set_new(o, "schema", json_integer(1));
	json_object_set_new(o, "bench", json_string("explore"));
	json_object_set_new(o, "quick", json_boolean(quick));
	json_object_set_new(o, "load", json_real(load()));
	json_object_set_new(o, "schedules_per_s_per_core",
			    json_real(b[0].schedules[BENCH_EXPLORE].median));
	json_object_set_new(o, "operations_per_s",
			    json_real(b[0].operations[BENCH_EXPLORE].median));
	json_object_set_new(o, "switch_ns", spread_json(sw));
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < BENCH_ORACLES; k++)
			json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o,s:o}", "iommu",
							      iommu_name[b[i].iommu], "body",
							      b[i].body, "oracles", oracle_name[k],
							      "schedules_per_s_per_core",
							      spread_json(&b[i].schedules[k]),
							      "operations_per_s",
							      spread_json(&b[i].operations[k])));
	json_object_set_new(o, "runs", list);
	list = json_array();
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:I,s:[{s:I,s:I},{s:I,s:I}]}",
						      "iommu", iommu_name[b[i].iommu], "body",
						      b[i].body, "pages", (json_int_t)b[i].pages,
						      "late_pages", (json_int_t)b[i].late_pages,
						      "peak", "runs", (json_int_t)b[i].runs[0],
						      "kib", (json_int_t)b[i].peak_kib[0], "runs",
						      (json_int_t)b[i].runs[1], "kib",
						      (json_int_t)b[i].peak_kib[1]));
	json_object_set_new(o, "memory", list);
	return cli_json_print(o, 0);
}

static void print_explore(const struct bench_explore *b, unsigned n, const struct bench_spread *sw,
			  unsigned rounds)
{
	printf("Schedules and visible operations per second of CPU time of one core; %u turns "
	       "each, "
	       "load %.1f.\nMedian (min-max). all: as lazaret explore runs; all, apart: every "
	       "machine "
	       "is taken apart at\nits end, not one in eight; none: no oracle, and a run ends with "
	       "exploration.\n",
	       rounds, load());
	printf("%-6s %-12s %-11s %10s  %28s  %27s\n", "IOMMU", "body", "oracles", "operations",
	       "thousand schedules/s", "million operations/s");
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < BENCH_ORACLES; k++) {
			const struct bench_spread *s = &b[i].schedules[k], *p = &b[i].operations[k];

			printf("%-6s %-12s %-11s %10.0f  %10.1f (%6.1f-%7.1f)  %10.2f "
			       "(%6.2f-%6.2f)\n",
			       iommu_name[b[i].iommu], b[i].body,
			       k == BENCH_EXPLORE ? "all"
			       : k == BENCH_APART ? "all, apart"
						  : "none",
			       p->median / s->median, s->median / 1e3, s->min / 1e3, s->max / 1e3,
			       p->median / 1e6, p->min / 1e6, p->max / 1e6);
		}
	printf("Pages copied back before a run, and more after a machine was taken apart; and "
	       "the most\nmemory held so far, in KiB, after so many runs and after all:\n"
	       "%-6s %-12s %6s %6s %10s %10s %10s %10s\n",
	       "IOMMU", "body", "pages", "more", "runs", "KiB", "runs", "KiB");
	for (unsigned i = 0; i < n; i++)
		printf("%-6s %-12s %6zu %6zu %10llu %10ld %10llu %10ld\n", iommu_name[b[i].iommu],
		       b[i].body, b[i].pages, b[i].late_pages, (unsigned long long)b[i].runs[0],
		       b[i].peak_kib[0], (unsigned long long)b[i].runs[1], b[i].peak_kib[1]);
	printf("one switch of coroutines: %.1f ns (%.1f-%.1f), the limit of %.0f million "
	       "operations/s "
	       "when each\noperation is a switch\n",
	       sw->median, sw->min, sw->max, 1e3 / sw->median);
}

static int bench_explorer(const struct options *o)
{
	const unsigned rounds = o->quick ? 3 : BENCH_ROUNDS;
	struct bench_explore b[BODIES * BENCH_IOMMUS];
	struct bench_spread sw = bench_switch(rounds);
	unsigned n = 0;

	for (unsigned i = 0; i < BODIES * BENCH_IOMMUS; i++) {
		enum bench_iommu iommu = (enum bench_iommu)(i / BODIES);

		if (!o->on[iommu])
			continue;
		progress(i, BODIES * BENCH_IOMMUS, "explorer");
		b[n] = (struct bench_explore){.iommu = iommu, .body = bodies[i % BODIES]};
		if (bench_explore(&b[n++], rounds, o->quick ? 0.01 : 0.1))
			continue;
		cli_progress_end();
		fprintf(stderr, "lazaret bench: exploring %s on %s found a violation\n",
			bodies[i % BODIES], iommu_name[iommu]);
		return CLI_INTERNAL;
	}
	cli_progress_end();
	if (o->json)
		return explore_json(b, n, &sw, o->quick);
	print_explore(b, n, &sw, rounds);
	return CLI_HELD;
}

static int bench_neighbour(const struct options *o)
{
	if (!o->on[BENCH_SMMUV3])
		return cli_usage("bench", "lanes: a RISC-V IOMMU has one command queue");
	return bench_lanes(o->quick, o->json);
}

/* A broken rule of the library: the port has printed it and aborts. */
static void on_abort(int sig)
{
	(void)sig;
	_exit(CLI_INTERNAL);
}

/* None asked for: all. */
static bool choose_iommu(const char *name, struct options *o)
{
	bool known = !name;

	for (unsigned k = 0; k < BENCH_IOMMUS; k++) {
		o->on[k] = !name || !strcmp(name, iommu_name[k]);
		known |= o->on[k];
	}
	return known;
}

int cmd_bench(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *o);
	} all[] = {{"queue", bench_queue},
		   {"inval", bench_inval},
		   {"explore", bench_explorer},
		   {"contain", bench_containment},
		   {"lanes", bench_neighbour}};
	struct options o = {0};
	const char *iommu = NULL;
	const struct cli_option opts[] = {{"--iommu", &iommu, NULL},
					  {"--json", NULL, &o.json},
					  {"--quick", NULL, &o.quick},
					  {NULL, NULL, NULL}};
	int code, n = cli_options(argc, argv, opts, help, &code);

	if (n < 0)
		return code;
	if (n != 1)
		return cli_usage("bench", "expected queue, inval, explore, contain or lanes; see "
					  "lazaret bench --help");
	if (!choose_iommu(iommu, &o))
		return cli_usage("bench", "--iommu takes smmuv3 or riscv");
	signal(SIGABRT, on_abort);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(argv[1], all[i].name))
			return all[i].run(&o);
	return cli_usage("bench", "expected queue, inval, explore, contain or lanes, not %s",
			 argv[1]);
}
