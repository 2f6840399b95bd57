/* SPDX-License-Identifier: BSD-2-Clause */
/* The list `actions` of a scenario: what the embedder does meanwhile. */
#include "cli/scenario_read.h"

#include <string.h>

#define LONGEST (1000000 * 1000000000ull)

static const char *const act_words[SCENARIO_ACTS + 1] = {
	[SCENARIO_LOOK] = "look",     [SCENARIO_RESET] = "reset", [SCENARIO_REPORT] = "report",
	[SCENARIO_REMOVE] = "remove", [SCENARIO_ADD] = "add",	  [SCENARIO_ATTACH] = "attach",
	[SCENARIO_DETACH] = "detach",
};
static const char *const result_words[] = {"ok", "not_attempted", "failed", NULL};
static const char *const method_words[] = {"flr",  "any", "device_specific", "acpi", "af_flr", "pm",
					   "slot", "bus", "cxl_bus",	     "none", NULL};

static bool read_result(struct reader *r, yaml_node_t *item, void *arg)
{
	static const struct key result = {.name = "results", .words = result_words};
	struct scenario_action *a = arg;

	if (a->n_results == SCENARIO_NEST)
		return read_fail_line(r, node_line(item), "expected at most %u results",
				      SCENARIO_NEST);
	return read_word(r, &result, item, &a->results[a->n_results++]);
}

static bool read_results(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	(void)k;
	return read_items(r, node, "a list of results", field, read_result);
}

enum { A_AT, A_DO, A_DEVICE, A_METHOD, A_RESULTS, A_FOR, A_DOMAIN };
static const struct key action_keys[] = {
	[A_AT] = {"at", read_moment, .offset = offsetof(struct scenario_action, at),
		  .required = true, .max = LONGEST},
	[A_DO] = {"do", read_word, .offset = offsetof(struct scenario_action, kind),
		  .required = true, .words = act_words},
	[A_DEVICE] = {"device", read_device, .offset = offsetof(struct scenario_action, device),
		      .required = true},
	[A_METHOD] = {"method", read_word, .offset = offsetof(struct scenario_action, method),
		      .words = method_words},
	[A_RESULTS] = {"results", read_results, 0, .words = result_words},
	[A_FOR] = {"for", read_duration, .offset = offsetof(struct scenario_action, length),
		   .max = LONGEST},
	[A_DOMAIN] = {"domain", read_name, .offset = offsetof(struct scenario_action, domain)},
	{.name = NULL},
};

static void start_action(yaml_node_t *node, void *out)
{
	struct scenario_action *a = out;

	a->line = node_line(node);
	a->method = SCENARIO_ANY;
}

static bool check_action(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	static const uint32_t of_reset = 1u << A_METHOD | 1u << A_RESULTS | 1u << A_FOR;
	static const uint32_t of_domain = 1u << A_DOMAIN;
	const struct scenario_action *a = out;
	uint32_t may = 1u << A_AT | 1u << A_DO | 1u << A_DEVICE;

	if (a->kind == SCENARIO_RESET)
		may |= of_reset;
	if (a->kind == SCENARIO_ATTACH || a->kind == SCENARIO_DETACH)
		may |= of_domain;
	for (unsigned i = 0; action_keys[i].name; i++)
		if (given & ~may & 1u << i)
			return read_fail_line(r, node_line(node), "key \"%s\" does not go with %s",
					      action_keys[i].name, act_words[a->kind]);
	if (a->kind == SCENARIO_ATTACH && !a->domain.text)
		return read_fail_line(r, node_line(node),
				      "expected the key \"domain\" with attach");
	if (a->kind == SCENARIO_RESET && a->method == SCENARIO_NO_METHOD && !a->n_results)
		return read_fail_line(r, node_line(node),
				      "expected the key \"results\" with method none");
	return true;
}

const struct section action_section = {.what = "actions",
				       .keys = action_keys,
				       .size = sizeof(struct scenario_action),
				       .start = start_action,
				       .check = check_action};
