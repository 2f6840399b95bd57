/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a scenario's machine. */
#include "cli/scenario_read.h"
#include "machine/machine.h"

#include <string.h>

#define SEC	1000000000ull
#define LONGEST (1000000 * SEC)

#define END                  \
	{                    \
		.name = NULL \
	}

static const char *const iommu_words[] = {"smmuv3", "riscv", NULL};
static const char *const lanes_words[] = {"none", "ecmdq", "cmdqv", NULL};
static const char *const ats_words[] = {"platform", "capable", NULL};

const char *scenario_lanes_name(enum scenario_lanes l)
{
	return lanes_words[l];
}

static bool read_ats(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	struct scenario_machine *m = field;
	unsigned word = 0;

	if (node->type == YAML_SEQUENCE_NODE) {
		m->ats = SCENARIO_ATS_LIST;
		return read_devices(r, k, node, &m->ats_list);
	}
	if (node->type != YAML_SCALAR_NODE)
		return read_expected(r, node, "platform, capable or a list of devices for ats");
	if (!read_word(r, k, node, &word))
		return false;
	m->ats = word ? SCENARIO_ATS_CAPABLE : SCENARIO_ATS_PLATFORM;
	return true;
}

enum { S_OWN_TIMEOUTS, S_SHARED_TIMEOUTS, S_ONE_CONSUMER, S_LANES_END };
static const struct key smmu_keys[] = {
	/* What further queues do, first: check_smmu() counts on it. */
	[S_OWN_TIMEOUTS] = {"own_timeouts", read_number,
			    .offset = offsetof(struct scenario_smmu, own_timeouts), .max = 1},
	[S_SHARED_TIMEOUTS] = {"shared_timeouts", read_number,
			       .offset = offsetof(struct scenario_smmu, shared_timeouts), .max = 1},
	[S_ONE_CONSUMER] = {"one_consumer", read_number,
			    .offset = offsetof(struct scenario_smmu, one_consumer), .max = 1},
	{"lanes", read_word, .offset = offsetof(struct scenario_smmu, lanes), .words = lanes_words},
	{"cmdq_log2", read_number, .offset = offsetof(struct scenario_smmu, cmdq_log2), .min = 3,
	 .max = 19},
	{"evtq_log2", read_number, .offset = offsetof(struct scenario_smmu, evtq_log2), .min = 3,
	 .max = 19},
	{"ats_timeout", read_duration, .offset = offsetof(struct scenario_smmu, ats_timeout),
	 .min = 1, .max = LONGEST},
	{"cons_batch", read_number, .offset = offsetof(struct scenario_smmu, cons_batch), .min = 1,
	 .max = 65536},
	{"prefetch", read_number, .offset = offsetof(struct scenario_smmu, prefetch), .min = 0,
	 .max = 256},
	END,
};

static bool check_smmu(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	struct scenario_smmu *s = out;

	s->line = node_line(node);
	for (unsigned i = 0; i < S_LANES_END && s->lanes == SCENARIO_LANES_NONE; i++)
		if (given >> i & 1)
			return read_fail_line(r, node_line(node),
					      "%s: expected lanes: ecmdq or lanes: cmdqv beside it",
					      smmu_keys[i].name);
	return true;
}

static const struct section smmu_section = {
	.what = "machine.smmu", .keys = smmu_keys, .check = check_smmu};

static void start_behind(yaml_node_t *node, void *out)
{
	((struct scenario_behind *)out)->line = node_line(node);
}

static const struct key behind_keys[] = {
	{"smmu", read_number, .offset = offsetof(struct scenario_behind, smmu), .required = true,
	 .max = SCENARIO_SMMUS - 1},
	{"devices", read_devices, .offset = offsetof(struct scenario_behind, devices),
	 .required = true},
	END,
};

static const struct section behind_section = {.what = "machine.behind",
					      .keys = behind_keys,
					      .size = sizeof(struct scenario_behind),
					      .start = start_behind};

enum { M_LSPCI, M_IORT, M_DTB, M_GENERATE, M_ATS, M_IOMMU, M_SMMU, M_SMMUS, M_BRIDGES, M_BEHIND };
static const struct key machine_keys[] = {
	[M_LSPCI] = {"lspci", read_file, .offset = offsetof(struct scenario_machine, lspci)},
	[M_IORT] = {"iort", read_file, .offset = offsetof(struct scenario_machine, iort)},
	[M_DTB] = {"dtb", read_file, .offset = offsetof(struct scenario_machine, dtb)},
	[M_GENERATE] = {"generate", read_number,
			.offset = offsetof(struct scenario_machine, generate), .min = 1,
			.max = MACHINE_SYNTHETIC_MAX},
	[M_ATS] = {"ats", read_ats, 0, .words = ats_words},
	[M_IOMMU] = {"iommu", read_word, .offset = offsetof(struct scenario_machine, iommu),
		     .words = iommu_words},
	[M_SMMU] = {"smmu", read_section, .offset = offsetof(struct scenario_machine, smmu),
		    .section = &smmu_section},
	[M_SMMUS] = {"smmus", read_number, .offset = offsetof(struct scenario_machine, smmus),
		     .min = 1, .max = SCENARIO_SMMUS},
	[M_BRIDGES] = {"bridges", read_number, .offset = offsetof(struct scenario_machine, bridges),
		       .min = 1, .max = MACHINE_BRIDGES_MAX},
	[M_BEHIND] = {"behind", read_list, .offset = offsetof(struct scenario_machine, behind),
		      .section = &behind_section},
	END,
};

static bool check_behind(struct reader *r, const struct scenario_machine *m)
{
	for (size_t i = 0; i < m->n_behind; i++)
		for (size_t k = 0; k < m->behind[i].devices.n; k++)
			for (size_t j = 0; j < i; j++)
				if (has_device(&m->behind[j].devices,
					       m->behind[i].devices.item[k].bdf))
					return read_fail_line(
						r, m->behind[i].devices.item[k].line,
						"behind: device is behind SMMU %u too",
						(unsigned)m->behind[j].smmu);
	return true;
}

static bool check_machine(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	struct scenario_machine *m = out;

	m->has_iommu = given & 1u << M_IOMMU;
	if (!m->lspci.path == !m->generate)
		return read_fail_line(r, node_line(node),
				      "expected either the key \"lspci\" or "
				      "\"generate\" in machine");
	if (m->bridges && (!m->generate || m->generate > MACHINE_BESIDE_BRIDGES))
		return read_fail_line(r, node_line(node),
				      "bridges: expected generate with it, of at most %u",
				      MACHINE_BESIDE_BRIDGES);
	if (m->generate && (m->iort.path || m->dtb.path))
		return read_fail_line(r, node_line(node),
				      "key \"%s\" does not go with \"generate\"",
				      m->iort.path ? "iort" : "dtb");
	if (m->lspci.path && !m->iort.path == !m->dtb.path)
		return read_fail_line(r, node_line(node),
				      "expected either the key \"iort\" or \"dtb\" in machine");
	return check_behind(r, m);
}

const struct section machine_section = {
	.what = "machine", .keys = machine_keys, .check = check_machine};
