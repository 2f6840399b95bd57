/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of a scenario for exploration. */
#include "cli/explore_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/scenario_read.h"

#define SIZE_LIMIT (1u << 16)
#define SEC	   1000000000ull

static void defaults(yaml_node_t *node, void *out)
{
	(void)node;
	ex_case_default(out);
}

const char *const explore_iommus[] = {
	[EXR_SMMUV3] = "smmuv3",
	[EXR_RISCV] = "riscv",
	NULL,
};

bool explore_check_iommu(const struct ex_case *c, char *err, size_t err_size)
{
	const struct exr_body *b = exr_body_find(c->body);

	if (c->iommu != EXR_RISCV)
		return true;
	if (b && !exr_body_runs_on(b, c->iommu))
		snprintf(err, err_size, "body: %s: a RISC-V IOMMU has no service failure", c->body);
	else if (c->lanes && strcmp(c->lanes, "none"))
		snprintf(err, err_size, "lanes: a RISC-V IOMMU has one command queue");
	else if (c->queue < 8)
		snprintf(err, err_size, "queue: the RISC-V driver needs 8 slots at least");
	else
		return true;
	return false;
}

static bool check(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	struct ex_case *c = out;
	struct ex_subject s;
	char text[160];

	(void)given;
	if (!ex_case_subject(c, &s))
		return read_fail_line(r, node_line(node),
				      "expected a body of lazaret explore --list, not %s", c->body);
	if (c->lanes && strcmp(c->lanes, "none") && strcmp(c->lanes, "ecmdq") &&
	    strcmp(c->lanes, "cmdqv"))
		return read_fail_line(r, node_line(node),
				      "lanes: expected none, ecmdq or cmdqv, not %s", c->lanes);
	if (!explore_check_iommu(c, text, sizeof(text)))
		return read_fail_line(r, node_line(node), "%s", text);
	if (c->queue & (c->queue - 1))
		return read_fail_line(r, node_line(node), "queue: expected a power of two");
	if (c->alias && c->smmus > 1)
		return read_fail_line(r, node_line(node),
				      "alias: expected smmus: 1, since one id is of one SMMU");
	if (c->alias && !c->same_group)
		return read_fail_line(
			r, node_line(node),
			"alias: expected same_group: 1, since one id is in one group");
	return true;
}

static bool read_regime(struct reader *r, yaml_node_t *item, void *arg)
{
	struct ex_case *c = arg;
	const char *text = node_text(item);

	for (unsigned i = 0; text && lzm_smmu_regime_name(i); i++) {
		if (strcmp(lzm_smmu_regime_name(i), text) || c->n_regimes == EXR_REGIMES)
			continue;
		c->regime[c->n_regimes] = strdup(text);
		return c->regime[c->n_regimes++] ||
		       read_fail_line(r, node_line(item), "out of memory");
	}
	return read_expected(r, item, "a regime");
}

static bool read_regimes(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	(void)k;
	return read_items(r, node, "a list of regimes",
			  (char *)field - offsetof(struct ex_case, regime), read_regime);
}

#define FIELD(f) .offset = offsetof(struct ex_case, f)

static const struct key explore_keys[] = {
	{"body", read_text, FIELD(body), .required = true},
	{"iommu", read_word, FIELD(iommu), .words = explore_iommus},
	{"smmus", read_number, FIELD(smmus), .min = 1, .max = EXR_SMMUS},
	{"devices", read_number, FIELD(devices), .min = 1, .max = EXR_DEVS},
	{"streams", read_number, FIELD(streams), .min = 1, .max = EXR_SIDS},
	{"queue", read_number, FIELD(queue), .min = 4, .max = 256},
	{"regimes", read_regimes, FIELD(regime)},
	{"clocks", read_number, FIELD(clocks), .max = 1000},
	{"dma", read_number, FIELD(dma), .max = 1000},
	{"pasid_bits", read_number, FIELD(pasid_bits), .max = 8},
	{"same_group", read_number, FIELD(same_group), .max = 1},
	{"alias", read_number, FIELD(alias), .max = 1},
	{"ats_timeout", read_duration, FIELD(ats_timeout), .min = 1, .max = 1000 * SEC},
	{"sync_bound", read_duration, FIELD(sync_bound), .min = 1, .max = 1000 * SEC},
	{"atomic_wait", read_duration, FIELD(atomic_wait), .min = 1, .max = 1000 * SEC},
	{"weak", read_number, FIELD(budget[EX_WEAK]), .max = 8},
	{"alloc_failures", read_number, FIELD(budget[EX_ALLOC]), .max = 8},
	{"config_failures", read_number, FIELD(budget[EX_CONFIG]), .max = 8},
	{"late_answers", read_number, FIELD(budget[EX_LATE]), .max = 8},
	{"removals", read_number, FIELD(budget[EX_REMOVAL]), .max = EXR_DEVS},
	{"reorders", read_number, FIELD(budget[EX_REORDER]), .max = 8},
	{"late_bound", read_duration, FIELD(late_bound), .min = 1, .max = 1000 * SEC},
	{"lanes", read_text, FIELD(lanes)},
	{"shared_timeouts", read_number, FIELD(shared_timeouts), .max = 1},
	{"own_timeouts", read_number, FIELD(own_timeouts), .max = 1},
	{"one_consumer", read_number, FIELD(one_consumer), .max = 1},
	{"msi_flat", read_number, FIELD(msi_flat), .max = 1},
	{"ctx_uncached", read_number, FIELD(ctx_uncached), .max = 1},
	{"reset_told", read_number, FIELD(reset_told), .max = 1},
	{"whole", read_number, FIELD(whole), .max = 1},
	{"settle_max", read_number, FIELD(settle_max), .max = 1000},
	{"reset_time", read_duration, FIELD(reset_time), .max = 1000 * SEC},
	{.name = NULL},
};
static const struct section explore_section = {"explore", explore_keys, sizeof(struct ex_case),
					       defaults, check};

static const struct key top_keys[] = {
	{"description", read_text, FIELD(description)},
	{"explore", read_section, .offset = 0, .required = true, .section = &explore_section},
	{.name = NULL},
};
static const struct section top = {"scenario for exploration", top_keys, sizeof(struct ex_case),
				   NULL, NULL};

static bool has_section(struct reader *r, yaml_node_t *root)
{
	if (!root || root->type != YAML_MAPPING_NODE)
		return false;
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
	     p++) {
		const char *text = node_text(yaml_document_get_node(&r->doc, p->key));

		if (text && !strcmp(text, "explore"))
			return true;
	}
	return false;
}

/* A file that is no YAML is left to the reader of ordinary scenarios. */
static int parse(struct reader *r, const char *text, size_t len, struct ex_case *out)
{
	yaml_parser_t p;
	int code = 1;

	if (!yaml_parser_initialize(&p))
		return 1;
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	if (yaml_parser_load(&p, &r->doc)) {
		yaml_node_t *root = yaml_document_get_root_node(&r->doc);

		if (has_section(r, root))
			code = read_mapping(r, &top, root, out) ? 0 : -1;
		yaml_document_delete(&r->doc);
	}
	yaml_parser_delete(&p);
	return code;
}

int explore_load(const char *path, struct ex_case *out, char *err, size_t err_size)
{
	struct reader r = {.path = path, .err = err, .err_size = err_size};
	static char text[SIZE_LIMIT];
	FILE *f = fopen(path, "rb");
	size_t len;
	int code;

	memset(out, 0, sizeof(*out));
	if (!f) {
		read_fail_line(&r, 1, "expected a readable scenario (%s)", strerror(errno));
		return -1;
	}
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	code = len < sizeof(text) ? parse(&r, text, len, out) : 1;
	out->path = path;
	out->hash = ex_hash32(text, len, 0);
	if (code)
		explore_free(out);
	return code;
}

void explore_free(struct ex_case *c)
{
	free(c->description);
	free(c->body);
	free(c->lanes);
	for (unsigned i = 0; i < c->n_regimes; i++)
		free(c->regime[i]);
	memset(c, 0, sizeof(*c));
}
