/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a scenario, their defaults, and what has to fit together. */
#include "cli/scenario.h"

#include "cli/cli.h"
#include "cli/scenario_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define US	  1000ull
#define MS	  1000000ull
#define SEC	  1000000000ull
#define LONGEST	  (1000000 * SEC)
#define COUNT_MAX 1000000000ull

#define END                  \
	{                    \
		.name = NULL \
	}

/* ---- words ---- */

static const char *const generate_words[] = {"random", NULL};
static const char *const context_words[] = {"task", "irq", NULL};
static const char *const owner_words[] = {"resets", "none", "disconnects", NULL};
static const char *const method_words[] = {"flr",  "any", "device_specific", "acpi", "af_flr", "pm",
					   "slot", "bus", "cxl_bus",	     NULL};
static const char *const fault_words[SCENARIO_FAULT_KINDS + 1] = {
	[SCENARIO_ATC_SILENT] = "atc_silent",
	[SCENARIO_ATC_SILENT_N] = "atc_silent_n",
	[SCENARIO_ATC_SLOW] = "atc_slow",
	[SCENARIO_ATC_LATE] = "atc_late",
	[SCENARIO_ATC_RANGES] = "atc_ranges",
	[SCENARIO_ATC_UNSUPPORTED] = "atc_unsupported",
	[SCENARIO_SILENT_AFTER_RESET] = "silent_after_reset",
	[SCENARIO_FLR_FAILS] = "flr_fails",
	[SCENARIO_FLR_TIMEOUT] = "flr_timeout",
	[SCENARIO_PM_FAILS] = "pm_fails",
	[SCENARIO_BUS_FAILS] = "bus_fails",
	[SCENARIO_BUS_TIMEOUT] = "bus_timeout",
	[SCENARIO_VENDOR_MUTE] = "vendor_mute",
	[SCENARIO_VENDOR_OLD] = "vendor_old",
	[SCENARIO_KEEPS_VFS] = "keeps_vfs",
	[SCENARIO_CONFIG_ONES] = "config_ones",
	[SCENARIO_REMOVED] = "removed",
	[SCENARIO_QUEUE_STALLED] = "queue_stalled",
	[SCENARIO_ILLEGAL_COMMAND] = "illegal_command",
	[SCENARIO_CONFIG_ABORT] = "config_abort",
	[SCENARIO_MSI_ABORT] = "msi_abort",
	[SCENARIO_SFM] = "sfm",
	[SCENARIO_GERROR_LATE] = "gerror_late",
	[SCENARIO_EVENT_FLOOD] = "event_flood",
	[SCENARIO_PRI_FLOOD] = "pri_flood",
	[SCENARIO_NO_MEMORY] = "no_memory",
};

const char *scenario_reset_name(enum scenario_reset method)
{
	return method_words[method];
}

const char *scenario_fault_name(enum scenario_fault_kind k)
{
	return fault_words[k];
}

/* ---- domains ---- */

static void start_domain(yaml_node_t *node, void *out)
{
	((struct scenario_domain *)out)->line = node_line(node);
}

static const struct key domain_keys[] = {
	{"name", read_text, .offset = offsetof(struct scenario_domain, name), .required = true},
	{"devices", read_devices, .offset = offsetof(struct scenario_domain, devices),
	 .required = true},
	{"pasid", read_number, .offset = offsetof(struct scenario_domain, pasid), .min = 1,
	 .max = SCENARIO_PASIDS - 1},
	END,
};

static bool check_domain(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	const struct scenario_domain *d = out;

	(void)given;
	return d->devices.n ||
	       read_fail_line(r, node_line(node),
			      "expected at least one device in domain \"%.60s\"", d->name);
}

static const struct section domain_section = {.what = "domains",
					      .keys = domain_keys,
					      .size = sizeof(struct scenario_domain),
					      .start = start_domain,
					      .check = check_domain};

/* ---- workload ---- */

/* "1-16" or "4". */
static bool read_pages(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	struct scenario_workload *w = field;
	const char *text = node_text(node);
	const char *dash = text ? strchr(text, '-') : NULL;
	char low[24] = "";
	bool ok;

	if (dash)
		snprintf(low, sizeof(low), "%.*s", (int)(dash - text < 23 ? dash - text : 23),
			 text);
	ok = text && cli_number(dash ? low : text, k->min, k->max, &w->pages_min) &&
	     cli_number(dash ? dash + 1 : text, w->pages_min, k->max, &w->pages_max);
	return ok || read_expected(r, node, "a number or range of pages such as 1-16 for pages");
}

enum { W_TRACE, W_LIMIT, W_GENERATE, W_DOMAIN, W_MAPS, W_PAGES, W_SEED, W_CONTEXTS };
static const struct key workload_keys[] = {
	[W_TRACE] = {"trace", read_file, .offset = offsetof(struct scenario_workload, trace)},
	[W_LIMIT] = {"limit", read_number, .offset = offsetof(struct scenario_workload, limit),
		     .min = 1, .max = COUNT_MAX},
	[W_GENERATE] = {"generate", read_word, .offset = offsetof(struct scenario_workload, kind),
			.words = generate_words},
	[W_DOMAIN] = {"domain", read_name, .offset = offsetof(struct scenario_workload, domain)},
	[W_MAPS] = {"maps", read_number, .offset = offsetof(struct scenario_workload, maps),
		    .min = 1, .max = COUNT_MAX},
	[W_PAGES] = {"pages", read_pages, 0, .min = 1, .max = 262144},
	[W_SEED] = {"seed", read_number, .offset = offsetof(struct scenario_workload, seed),
		    .min = 0, .max = UINT64_MAX},
	[W_CONTEXTS] = {"contexts", read_words,
			.offset = offsetof(struct scenario_workload, contexts),
			.words = context_words},
	END,
};

static void start_workload(yaml_node_t *node, void *out)
{
	struct scenario_workload *w = out;

	w->line = node_line(node);
	w->maps = 1000;
	w->pages_min = w->pages_max = 1;
	w->seed = 1;
	w->contexts = SCENARIO_CONTEXT_TASK;
}

static bool check_workload(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	static const uint32_t of_trace = 1u << W_TRACE | 1u << W_LIMIT;
	struct scenario_workload *w = out;
	bool trace = given & 1u << W_TRACE;

	if (trace == !!(given & 1u << W_GENERATE))
		return read_fail_line(r, node_line(node),
				      "expected either the key \"trace\" or \"generate\"");
	for (unsigned i = 0; workload_keys[i].name; i++)
		if ((given & 1u << i) && (of_trace >> i & 1) != trace)
			return read_fail_line(r, node_line(node),
					      "key \"%s\" does not go with \"%s\"",
					      workload_keys[i].name, trace ? "trace" : "generate");
	w->kind = trace ? SCENARIO_TRACE : SCENARIO_RANDOM;
	if (!trace && !w->domain.text)
		return read_fail_line(r, node_line(node),
				      "expected the key \"domain\" beside \"generate\"");
	if (!w->contexts)
		return read_fail_line(r, node_line(node), "expected at least one word in contexts");
	return true;
}

static const struct section workload_section = {.what = "workload",
						.keys = workload_keys,
						.size = sizeof(struct scenario_workload),
						.start = start_workload,
						.check = check_workload};

/* ---- faults ---- */

enum { F_AT, F_KIND, F_DEVICE, F_COUNT, F_DELAY, F_FOR, F_UNTIL, F_SMMU };
static const struct key fault_keys[] = {
	[F_AT] = {"at", read_moment, .offset = offsetof(struct scenario_fault, at),
		  .required = true, .max = LONGEST},
	[F_KIND] = {"kind", read_word, .offset = offsetof(struct scenario_fault, kind),
		    .required = true, .words = fault_words},
	[F_DEVICE] = {"device", read_device, .offset = offsetof(struct scenario_fault, device)},
	[F_COUNT] = {"count", read_number, .offset = offsetof(struct scenario_fault, count),
		     .min = 1, .max = COUNT_MAX},
	[F_DELAY] = {"delay", read_duration, .offset = offsetof(struct scenario_fault, delay),
		     .min = 1, .max = LONGEST},
	[F_FOR] = {"for", read_duration, .offset = offsetof(struct scenario_fault, length),
		   .min = 1, .max = LONGEST},
	[F_UNTIL] = {"until", read_duration, .offset = offsetof(struct scenario_fault, until),
		     .min = 1, .max = LONGEST},
	[F_SMMU] = {"smmu", read_number, .offset = offsetof(struct scenario_fault, smmu),
		    .max = SCENARIO_SMMUS - 1},
	END,
};

#define DEVICE (1u << F_DEVICE)
#define COUNT  (1u << F_COUNT)
#define DELAY  (1u << F_DELAY)
/* The keys that a kind needs; no others go with it. `for` and `until` belong to
 * queue_stalled and no_memory, one of the two. */
static const uint32_t fault_needs[SCENARIO_FAULT_KINDS] = {
	[SCENARIO_ATC_SILENT] = DEVICE,
	[SCENARIO_ATC_SILENT_N] = DEVICE | COUNT,
	[SCENARIO_ATC_SLOW] = DEVICE | DELAY,
	[SCENARIO_ATC_LATE] = DEVICE | DELAY,
	[SCENARIO_ATC_RANGES] = DEVICE,
	[SCENARIO_ATC_UNSUPPORTED] = DEVICE,
	[SCENARIO_SILENT_AFTER_RESET] = DEVICE,
	[SCENARIO_FLR_FAILS] = DEVICE,
	[SCENARIO_FLR_TIMEOUT] = DEVICE,
	[SCENARIO_PM_FAILS] = DEVICE,
	[SCENARIO_BUS_FAILS] = DEVICE,
	[SCENARIO_BUS_TIMEOUT] = DEVICE,
	[SCENARIO_VENDOR_MUTE] = DEVICE,
	[SCENARIO_VENDOR_OLD] = DEVICE,
	[SCENARIO_KEEPS_VFS] = DEVICE,
	[SCENARIO_CONFIG_ONES] = DEVICE,
	[SCENARIO_REMOVED] = DEVICE,
	[SCENARIO_CONFIG_ABORT] = DEVICE,
	[SCENARIO_GERROR_LATE] = DELAY,
	[SCENARIO_EVENT_FLOOD] = DEVICE | COUNT,
	[SCENARIO_PRI_FLOOD] = DEVICE | COUNT,
};
#undef DEVICE
#undef COUNT
#undef DELAY

static void start_fault(yaml_node_t *node, void *out)
{
	((struct scenario_fault *)out)->line = node_line(node);
}

static bool check_fault(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	struct scenario_fault *f = out;
	uint32_t stall = given & (1u << F_FOR | 1u << F_UNTIL);
	uint32_t need = fault_needs[f->kind] | 1u << F_AT | 1u << F_KIND;
	const char *kind = fault_words[f->kind];
	unsigned line = node_line(node);

	if (f->kind == SCENARIO_QUEUE_STALLED || f->kind == SCENARIO_NO_MEMORY) {
		if (!stall || (stall & (stall - 1)))
			return read_fail_line(r, line, "%s: expected either \"for\" or \"until\"",
					      kind);
		need |= stall;
	}
	/* What the hardware itself has, beside memory. */
	if (!(need & 1u << F_DEVICE) && f->kind != SCENARIO_NO_MEMORY)
		need |= given & 1u << F_SMMU;
	for (unsigned i = 0; fault_keys[i].name; i++) {
		if (need & ~given & 1u << i)
			return read_fail_line(r, line, "expected the key \"%s\" with kind %s",
					      fault_keys[i].name, kind);
		if (given & ~need & 1u << i)
			return read_fail_line(r, line, "key \"%s\" does not go with kind %s",
					      fault_keys[i].name, kind);
	}
	if (f->until && !f->at.is_percent && f->until <= f->at.ns)
		return read_fail_line(r, line, "%s: expected until to be after at", kind);
	f->has_device = given & 1u << F_DEVICE;
	return true;
}

static const struct section fault_section = {.what = "faults",
					     .keys = fault_keys,
					     .size = sizeof(struct scenario_fault),
					     .start = start_fault,
					     .check = check_fault};

/* ---- recovery, expectations ---- */

static const struct key recovery_keys[] = {
	{"owner", read_word, .offset = offsetof(struct scenario_recovery, owner),
	 .words = owner_words},
	{"method", read_word, .offset = offsetof(struct scenario_recovery, method),
	 .words = method_words},
	{"after", read_duration, .offset = offsetof(struct scenario_recovery, after),
	 .max = LONGEST},
	END,
};
static const struct section recovery_section = {.what = "recovery", .keys = recovery_keys};

enum { E_QUEUE_ERRORS = 6, E_NEIGHBOUR_DELAY };
static const struct key expect_keys[] = {
	{"quarantined", read_devices, .offset = offsetof(struct scenario_expect, quarantined)},
	{"recovered", read_devices, .offset = offsetof(struct scenario_expect, recovered)},
	{"not_quarantined", read_devices,
	 .offset = offsetof(struct scenario_expect, not_quarantined)},
	{"blocked", read_devices, .offset = offsetof(struct scenario_expect, blocked)},
	{"undisturbed", read_devices, .offset = offsetof(struct scenario_expect, undisturbed)},
	{"degraded", read_devices, .offset = offsetof(struct scenario_expect, degraded)},
	[E_QUEUE_ERRORS] = {"queue_errors", read_number,
			    .offset = offsetof(struct scenario_expect, queue_errors),
			    .max = COUNT_MAX},
	[E_NEIGHBOUR_DELAY] = {"neighbour_delay", read_duration,
			       .offset = offsetof(struct scenario_expect, neighbour_delay),
			       .min = 1, .max = LONGEST},
	END,
};

static bool check_expect(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	struct scenario_expect *e = out;

	(void)node;
	e->has_queue_errors = given & 1u << E_QUEUE_ERRORS;
	e->has_neighbour_delay = given & 1u << E_NEIGHBOUR_DELAY;
	for (size_t i = 0; i < e->not_quarantined.n; i++) {
		const struct scenario_device *d = &e->not_quarantined.item[i];

		if (has_device(&e->quarantined, d->bdf))
			return read_fail_line(r, d->line,
					      "device is in quarantined and in not_quarantined");
	}
	return true;
}
static const struct section expect_section = {
	.what = "expect", .keys = expect_keys, .check = check_expect};

/* ---- the whole ---- */

static const struct key scenario_keys[] = {
	{"description", read_text, .offset = offsetof(struct scenario, description)},
	{"machine", read_section, .offset = offsetof(struct scenario, machine), .required = true,
	 .section = &machine_section},
	{"software", read_section, .offset = offsetof(struct scenario, software),
	 .section = &software_section},
	{"cpus", read_number, .offset = offsetof(struct scenario, cpus), .min = 1, .max = 8},
	{"seed", read_number, .offset = offsetof(struct scenario, seed), .min = 0,
	 .max = UINT64_MAX},
	{"domains", read_list, .offset = offsetof(struct scenario, domains),
	 .section = &domain_section},
	{"workload", read_list, .offset = offsetof(struct scenario, workload),
	 .section = &workload_section},
	{"faults", read_list, .offset = offsetof(struct scenario, faults),
	 .section = &fault_section},
	{"actions", read_list, .offset = offsetof(struct scenario, actions),
	 .section = &action_section},
	{"recovery", read_section, .offset = offsetof(struct scenario, recovery),
	 .section = &recovery_section},
	{"operator", read_list, .offset = offsetof(struct scenario, orders),
	 .section = &order_section},
	{"storm", read_section, .offset = offsetof(struct scenario, storm),
	 .section = &storm_section},
	{"expect", read_section, .offset = offsetof(struct scenario, expect),
	 .section = &expect_section},
	{"regimes", read_names, .offset = offsetof(struct scenario, regimes)},
	END,
};

static void start_scenario(yaml_node_t *node, void *out)
{
	struct scenario *s = out;

	(void)node;
	s->cpus = 2;
	s->seed = 1;
	s->machine.smmu.cmdq_log2 = 8;
	s->machine.smmu.evtq_log2 = 7;
	s->machine.smmu.ats_timeout = 50 * MS;
	s->machine.smmu.cons_batch = 1;
	software_defaults(&s->software);
	s->recovery.after = 5 * MS;
}

static bool check_domains(struct reader *r, const struct scenario *s)
{
	for (size_t i = 0; i < s->n_domains; i++) {
		const struct scenario_domain *d = &s->domains[i];

		for (size_t j = 0; j < i; j++) {
			if (!strcmp(s->domains[j].name, d->name))
				return read_fail_line(r, d->line, "domain \"%.60s\" is there twice",
						      d->name);
			for (size_t k = 0; k < d->devices.n; k++)
				if (s->domains[j].pasid == d->pasid &&
				    has_device(&s->domains[j].devices, d->devices.item[k].bdf))
					return read_fail_line(r, d->devices.item[k].line,
							      "device is in domain \"%.60s\" too",
							      s->domains[j].name);
		}
	}
	return true;
}

static bool find_domain(struct reader *r, const struct scenario *s,
			const struct scenario_name *name, size_t *index)
{
	for (*index = 0; *index < s->n_domains; (*index)++)
		if (!strcmp(s->domains[*index].name, name->text))
			return true;
	return read_fail_line(r, name->line, "expected the name of a domain, found \"%.60s\"",
			      name->text);
}

static bool check_actions(struct reader *r, const struct scenario *s)
{
	for (size_t i = 0; i < s->n_actions; i++) {
		struct scenario_action *a = &s->actions[i];

		if (a->domain.text && !find_domain(r, s, &a->domain, &a->domain_index))
			return false;
		if (a->at.is_percent && !s->n_workload)
			return read_fail_line(r, a->line,
					      "a share of the workload needs a workload");
	}
	return true;
}

bool scenario_iommu_has(unsigned iommu, unsigned fault_kind)
{
	return iommu != SCENARIO_IOMMU_RISCV ||
	       (fault_kind != SCENARIO_SFM && fault_kind != SCENARIO_MSI_ABORT);
}

static bool check_faults(struct reader *r, const struct scenario *s)
{
	for (size_t i = 0; i < s->n_faults; i++) {
		const struct scenario_fault *f = &s->faults[i];

		if (f->at.is_percent && !s->n_workload)
			return read_fail_line(r, f->line,
					      "a share of the workload needs a workload");
		if (!scenario_iommu_has(s->machine.iommu, f->kind))
			return read_fail_line(r, f->line, "a RISC-V IOMMU has no %s",
					      fault_words[f->kind]);
	}
	return true;
}

static bool check_scenario(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	struct scenario *s = out;

	(void)given;
	(void)node;
	if (!check_domains(r, s))
		return false;
	for (size_t i = 0; i < s->n_workload; i++)
		if (s->workload[i].kind == SCENARIO_RANDOM &&
		    !find_domain(r, s, &s->workload[i].domain, &s->workload[i].domain_index))
			return false;
	if (!check_faults(r, s))
		return false;
	for (size_t i = 0; i < s->n_orders; i++)
		if (s->orders[i].at.is_percent && !s->n_workload)
			return read_fail_line(r, s->orders[i].line,
					      "a share of the workload needs a workload");
	return check_actions(r, s);
}

const struct section scenario_section = {.what = "the scenario",
					 .keys = scenario_keys,
					 .start = start_scenario,
					 .check = check_scenario};
