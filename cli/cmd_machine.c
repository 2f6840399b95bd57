/* SPDX-License-Identifier: BSD-2-Clause */
/* lazaret machine: what the dump and the firmware tables say. */
#include "cli/cli.h"
#include "machine/machine.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"usage: lazaret machine [--lspci FILE] [--dtb FILE | --iort FILE] [--json]\n"
	"\n"
	"Shows a machine: its functions, their stream ids, groups, ATS and reset methods.\n"
	"\n"
	"  --lspci FILE  output of `lspci -xxxx` (as root)\n"
	"  --dtb FILE    flattened device tree: SMMUv3, RISC-V IOMMU, PCI host bridges and\n"
	"                other masters\n"
	"  --iort FILE   ACPI IORT table\n"
	"  --json        the same for programs, as one object\n"
	"\n"
	"Without --dtb and --iort every stream id is the requester id. Exit: 0 fine,\n"
	"2 usage or input error.\n";

static const char *kind_of(const struct machine_function *f)
{
	if (f->is_vf)
		return "virtual function";
	switch (f->pcie_type) {
	case MACHINE_NONE:
		return f->is_bridge ? "PCI bridge" : "conventional";
	case MACHINE_PCIE_ROOT_PORT:
		return "root port";
	case MACHINE_PCIE_UPSTREAM:
		return "upstream port";
	case MACHINE_PCIE_DOWNSTREAM:
		return "downstream port";
	case MACHINE_PCIE_TO_PCI:
	case MACHINE_PCI_TO_PCIE:
		return "PCIe/PCI bridge";
	case MACHINE_PCIE_RC_ENDPOINT:
		return "root endpoint";
	default:
		return "endpoint";
	}
}

static json_t *json_streams(const struct machine_function *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < f->n_stream_ids; i++)
		json_array_append_new(list, json_integer(f->stream_ids[i]));
	return list;
}

static json_t *json_resets(const struct machine_function *f)
{
	json_t *list = json_array();
	char name[32];

	for (unsigned bit = 1; bit <= MACHINE_RESET_BUS; bit <<= 1)
		if (f->reset & bit)
			json_array_append_new(
				list, json_string(machine_reset_names(bit, name, sizeof(name))));
	return list;
}

static json_t *json_group_id(const struct machine *m, const struct machine_function *f)
{
	return f->group == MACHINE_NONE ? json_null() : json_integer(m->groups[f->group].id);
}

static json_t *json_function(const struct machine *m, const struct machine_function *f)
{
	json_t *o = json_object();

	json_object_set_new(o, "bdf", json_string(f->bdf));
	json_object_set_new(o, "vendor", json_integer(f->vendor));
	json_object_set_new(o, "device", json_integer(f->device));
	json_object_set_new(o, "class", json_integer(f->class_code));
	json_object_set_new(o, "kind", json_string(kind_of(f)));
	json_object_set_new(o, "ats", json_boolean(f->ats));
	json_object_set_new(o, "ats_depth", json_integer(f->ats_depth));
	json_object_set_new(o, "ats_usable", json_boolean(machine_ats_usable(f)));
	json_object_set_new(o, "pasid", json_boolean(f->pasid));
	json_object_set_new(o, "pri", json_boolean(f->pri));
	json_object_set_new(o, "flr", json_boolean(f->flr));
	json_object_set_new(o, "acs", json_boolean(f->acs));
	json_object_set_new(o, "acs_isolates", json_boolean(f->acs_isolates));
	json_object_set_new(o, "reset", json_resets(f));
	json_object_set_new(o, "smmu",
			    f->smmu == MACHINE_NONE ? json_null() : json_integer(f->smmu));
	json_object_set_new(o, "stream_ids", json_streams(f));
	json_object_set_new(o, "group", json_group_id(m, f));
	json_object_set_new(o, "physfn",
			    f->pf == MACHINE_NONE ? json_null()
						  : json_string(m->functions[f->pf].bdf));
	return o;
}

static void json_vectors(json_t *o, const struct machine_smmu *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < s->n_vectors; i++)
		json_array_append_new(list, json_integer(s->vectors[i]));
	json_object_set_new(o, "interrupts", list);
	json_object_set_new(o, "function", *s->function ? json_string(s->function) : json_null());
}

static json_t *json_smmu(const struct machine_smmu *s)
{
	json_t *o = json_object();
	bool riscv = s->kind == MACHINE_RISCV;

	json_object_set_new(o, "kind", json_string(riscv ? "riscv" : "smmuv3"));
	json_object_set_new(o, "base", json_integer((json_int_t)s->base));
	json_object_set_new(o, "anonymous", json_boolean(s->anonymous));
	if (riscv) {
		json_vectors(o, s);
		return o;
	}
	json_object_set_new(o, "cmdq_irq", json_integer(s->cmdq_irq));
	json_object_set_new(o, "gerror_irq", json_integer(s->gerror_irq));
	json_object_set_new(o, "eventq_irq", json_integer(s->eventq_irq));
	json_object_set_new(o, "priq_irq", json_integer(s->priq_irq));
	return o;
}

static json_t *json_group(const struct machine *m, const struct machine_group *g)
{
	json_t *o = json_object(), *list = json_array();

	for (unsigned i = 0; i < g->n_functions; i++)
		json_array_append_new(list, json_string(m->functions[g->functions[i]].bdf));
	json_object_set_new(o, "id", json_integer(g->id));
	json_object_set_new(o, "functions", list);
	return o;
}

/* How many entries from `first` on are of one master and one IOMMU. */
static unsigned ids_of_master(const struct machine *m, unsigned first)
{
	const struct machine_master *e = &m->masters[first];
	unsigned n = 1;

	while (first + n < m->n_masters && e[n].smmu == e->smmu && !strcmp(e[n].path, e->path))
		n++;
	return n;
}

static json_t *json_masters(const struct machine *m)
{
	json_t *list = json_array();

	for (unsigned i = 0, n; i < m->n_masters; i += n) {
		json_t *ids = json_array();

		n = ids_of_master(m, i);
		for (unsigned k = 0; k < n; k++)
			json_array_append_new(ids, json_integer(m->masters[i + k].id));
		json_array_append_new(list,
				      json_pack("{s:s,s:i,s:o}", "path", m->masters[i].path, "smmu",
						m->masters[i].smmu, "stream_ids", ids));
	}
	return list;
}

static json_t *json_machine(const struct machine *m)
{
	json_t *o = json_object(), *functions = json_array(), *smmus = json_array();
	json_t *groups = json_array(), *notes = json_array();

	for (unsigned i = 0; i < m->n_functions; i++)
		json_array_append_new(functions, json_function(m, &m->functions[i]));
	for (unsigned i = 0; i < m->n_smmus; i++)
		json_array_append_new(smmus, json_smmu(&m->smmus[i]));
	for (unsigned i = 0; i < m->n_groups; i++)
		json_array_append_new(groups, json_group(m, &m->groups[i]));
	for (unsigned i = 0; i < m->n_notes; i++)
		json_array_append_new(notes, json_string(m->notes[i]));
	json_object_set_new(o, "functions", functions);
	json_object_set_new(o, "smmus", smmus);
	json_object_set_new(o, "groups", groups);
	json_object_set_new(o, "masters", json_masters(m));
	json_object_set_new(o, "notes", notes);
	return o;
}

static void print_function(const struct machine_function *f)
{
	char streams[MACHINE_MAX_STREAMS * 12 + 2] = "-", ats[16] = "-", reset[32];
	size_t n = 0;

	for (unsigned i = 0; i < f->n_stream_ids; i++)
		n += (size_t)snprintf(streams + n, sizeof(streams) - n, "%s0x%04x", i ? "," : "",
				      f->stream_ids[i]);
	if (f->ats)
		snprintf(ats, sizeof(ats), "%u", f->ats_depth);
	machine_reset_names(f->reset, reset, sizeof(reset));
	printf("  %-12s  %04x:%04x  %-16s  %-13s  %-3s  %s\n", f->bdf, f->vendor, f->device,
	       kind_of(f), streams, ats, *reset ? reset : "-");
}

static void print_riscv(const struct machine_smmu *s)
{
	if (*s->function)
		printf("RISC-V IOMMU as PCI function %s: ", s->function);
	else
		printf("RISC-V IOMMU at 0x%llx: ", (unsigned long long)s->base);
	if (!s->n_vectors)
		printf("interrupts by messages");
	for (unsigned i = 0; i < s->n_vectors; i++)
		printf("%s%u", i ? ", " : "interrupts ", s->vectors[i]);
	putchar('\n');
}

static void print_smmus(const struct machine *m)
{
	for (unsigned i = 0; i < m->n_smmus; i++) {
		const struct machine_smmu *s = &m->smmus[i];

		if (s->anonymous) {
			printf("One SMMU is assumed, with stream id = requester id (no device "
			       "tree, "
			       "no IORT given).\n");
			continue;
		}
		if (s->kind == MACHINE_RISCV) {
			print_riscv(s);
			continue;
		}
		printf("SMMUv3 at 0x%llx: ", (unsigned long long)s->base);
		if (s->eventq_irq || s->priq_irq || s->cmdq_irq || s->gerror_irq)
			printf("interrupts %u event queue, %u page requests, %u command sync, %u "
			       "global error\n",
			       s->eventq_irq, s->priq_irq, s->cmdq_irq, s->gerror_irq);
		else
			puts("interrupts by messages");
	}
}

/* Functions that could use ATS, and whether the platform lets them. */
static void print_ats(const struct machine *m)
{
	unsigned capable = 0, usable = 0;

	for (unsigned i = 0; i < m->n_functions; i++) {
		capable += m->functions[i].ats != 0;
		usable += machine_ats_usable(&m->functions[i]);
	}
	if (!capable) {
		printf("ATS: no function has the capability.\n");
		return;
	}
	printf("ATS: %u function%s the capability, %u may use it.\n", capable,
	       capable == 1 ? " has" : "s have", usable);
	if (!usable)
		printf("%sATS is not announced by the platform (no ATS attribute in the IORT, no "
		       "ats-supported in the device tree).%s\n",
		       cli_color(CLI_YELLOW), cli_color(CLI_PLAIN));
}

static void print_groups(const struct machine *m)
{
	bool heading = false;

	printf("\n%s  %-12s  %-9s  %-16s  %-13s  %-3s  %s%s\n", cli_color(CLI_DIM), "function",
	       "id", "kind", "stream ids", "ats", "reset", cli_color(CLI_PLAIN));
	for (unsigned g = 0; g < m->n_groups; g++) {
		printf("%sgroup %d%s\n", cli_color(CLI_BOLD), m->groups[g].id,
		       cli_color(CLI_PLAIN));
		for (unsigned i = 0; i < m->groups[g].n_functions; i++)
			print_function(&m->functions[m->groups[g].functions[i]]);
	}
	for (unsigned i = 0; i < m->n_functions; i++) {
		if (m->functions[i].group != MACHINE_NONE)
			continue;
		if (!heading)
			printf("%snot behind an IOMMU%s\n", cli_color(CLI_BOLD),
			       cli_color(CLI_PLAIN));
		heading = true;
		print_function(&m->functions[i]);
	}
}

static void print_masters(const struct machine *m)
{
	if (m->n_masters)
		printf("\n%sothers behind an IOMMU%s\n", cli_color(CLI_BOLD), cli_color(CLI_PLAIN));
	for (unsigned i = 0, n; i < m->n_masters; i += n) {
		n = ids_of_master(m, i);
		printf("  %s", m->masters[i].path);
		for (unsigned k = 0; k < n; k++)
			printf("%s0x%04x", k ? "," : "  ", m->masters[i + k].id);
		putchar('\n');
	}
}

static void print_machine(const struct machine *m)
{
	printf("%u functions in %u groups\n", m->n_functions, m->n_groups);
	print_smmus(m);
	if (m->n_functions) {
		print_ats(m);
		print_groups(m);
	}
	print_masters(m);
	for (unsigned i = 0; i < m->n_notes; i++)
		printf("%snote: %s\n", i ? "" : "\n", m->notes[i]);
}

int cmd_machine(int argc, char **argv)
{
	const char *lspci = NULL, *dtb = NULL, *iort = NULL;
	bool json = false;
	const struct cli_option opts[] = {{"--lspci", &lspci, NULL},
					  {"--dtb", &dtb, NULL},
					  {"--iort", &iort, NULL},
					  {"--json", NULL, &json},
					  {NULL, NULL, NULL}};
	struct machine m;
	char err[1024];
	int code = CLI_HELD, n = cli_options(argc, argv, opts, help, &code);

	if (n < 0)
		return code;
	if (n > 0)
		return cli_usage("machine", "unexpected argument %s", argv[1]);
	if (!lspci && !dtb && !iort)
		return cli_usage("machine",
				 "expected --lspci, --dtb or --iort (--help tells more)");
	if (dtb && iort)
		return cli_usage("machine", "expected --dtb or --iort, not both");
	if (machine_load(&m, lspci, dtb, iort, err, sizeof(err)))
		return cli_input_error(err);
	if (json)
		code = cli_json_print(json_machine(&m), 0);
	else
		print_machine(&m);
	machine_free(&m);
	return code;
}
