/* SPDX-License-Identifier: BSD-2-Clause */
/* How the library is set up, and what an operator orders meanwhile: the keys that
 * both have. */
#include "cli/scenario_read.h"

#define US	1000ull
#define SEC	1000000000ull
#define LONGEST (1000000 * SEC)

#define END                  \
	{                    \
		.name = NULL \
	}

static const char *const identify_words[] = {"probe", "assume", NULL};
static const char *const contain_words[] = {"on", "observe", "off", NULL};
static const char *const response_words[] = {"block", "fence", NULL};
static const char *const policy_words[] = {"port_block", "global_abort", NULL};
static const char *const verb_words[SCENARIO_VERBS + 1] = {
	[SCENARIO_RECOVER] = "recover", [SCENARIO_CLEAR] = "clear",
	[SCENARIO_BLOCK] = "block",	[SCENARIO_SET_POLICY] = "set_policy",
	[SCENARIO_INJECT] = "inject",	[SCENARIO_ABORT] = "abort",
};

const char *scenario_verb_name(enum scenario_verb v)
{
	return verb_words[v];
}

/* ---- software ---- */

static const struct key software_keys[] = {
	{"sync_bound", read_duration, .offset = offsetof(struct scenario_software, sync_bound),
	 .min = 1, .max = LONGEST},
	{"atomic_wait", read_duration, .offset = offsetof(struct scenario_software, atomic_wait),
	 .min = 1, .max = LONGEST},
	{"late_bound", read_duration, .offset = offsetof(struct scenario_software, late_bound),
	 .min = 1, .max = LONGEST},
	{"identify", read_word, .offset = offsetof(struct scenario_software, identify),
	 .words = identify_words},
	{"contain", read_word, .offset = offsetof(struct scenario_software, contain),
	 .words = contain_words},
	{"response", read_word, .offset = offsetof(struct scenario_software, response),
	 .words = response_words},
	{"settle_max", read_number, .offset = offsetof(struct scenario_software, settle_max),
	 .min = 1, .max = 1000},
	{"custody_limit", read_number, .offset = offsetof(struct scenario_software, custody_limit),
	 .min = 1, .max = UINT32_MAX},
	{"policy", read_words, .offset = offsetof(struct scenario_software, policy),
	 .words = policy_words},
	{"recovery_max", read_number, .offset = offsetof(struct scenario_software, recovery_max),
	 .max = 1024},
	{"recovery_window", read_duration,
	 .offset = offsetof(struct scenario_software, recovery_window), .min = 1, .max = LONGEST},
	{"slow", read_duration, .offset = offsetof(struct scenario_software, slow), .max = LONGEST},
	END,
};

void software_defaults(struct scenario_software *s)
{
	s->sync_bound = SEC;
	s->atomic_wait = 100 * US;
	s->late_bound = 100 * SEC;
	s->settle_max = 8;
	s->custody_limit = 65536;
	s->recovery_max = 5;
	s->recovery_window = 3600 * SEC;
}

static bool check_software(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	const struct scenario_software *s = out;

	(void)given;
	if (s->late_bound < s->sync_bound)
		return read_fail_line(r, node_line(node),
				      "expected late_bound to be at least sync_bound");
	return true;
}

const struct section software_section = {
	.what = "software", .keys = software_keys, .check = check_software};

/* ---- operator ---- */

enum { O_AT, O_VERB, O_DEVICE, O_SMMU, O_POLICY };
static const struct key order_keys[] = {
	[O_AT] = {"at", read_moment, .offset = offsetof(struct scenario_order, at),
		  .required = true, .max = LONGEST},
	[O_VERB] = {"verb", read_word, .offset = offsetof(struct scenario_order, verb),
		    .required = true, .words = verb_words},
	[O_DEVICE] = {"device", read_device, .offset = offsetof(struct scenario_order, device)},
	[O_SMMU] = {"smmu", read_number, .offset = offsetof(struct scenario_order, smmu),
		    .max = SCENARIO_SMMUS - 1},
	[O_POLICY + SCENARIO_SETS_IDENTIFY] = {"identify", read_word,
					       .offset = offsetof(struct scenario_order, identify),
					       .words = identify_words},
	[O_POLICY + SCENARIO_SETS_CONTAIN] = {"contain", read_word,
					      .offset = offsetof(struct scenario_order, contain),
					      .words = contain_words},
	[O_POLICY + SCENARIO_SETS_RESPONSE] = {"response", read_word,
					       .offset = offsetof(struct scenario_order, response),
					       .words = response_words},
	[O_POLICY + SCENARIO_SETS_POLICY] = {"policy", read_words,
					     .offset = offsetof(struct scenario_order, policy),
					     .words = policy_words},
	[O_POLICY + SCENARIO_SETS_RECOVERY_MAX] = {"recovery_max", read_number,
						   .offset = offsetof(struct scenario_order,
								      recovery_max),
						   .max = 16},
	[O_POLICY + SCENARIO_SETS_RECOVERY_WINDOW] = {"recovery_window", read_duration,
						      .offset = offsetof(struct scenario_order,
									 recovery_window),
						      .min = 1, .max = LONGEST},
	[O_POLICY + SCENARIO_SETS_SLOW] = {"slow", read_duration,
					   .offset = offsetof(struct scenario_order, slow),
					   .max = LONGEST},
	END,
};

static void start_order(yaml_node_t *node, void *out)
{
	((struct scenario_order *)out)->line = node_line(node);
}

static bool check_order(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	struct scenario_order *o = out;
	bool sets = o->verb == SCENARIO_SET_POLICY, needs = !sets && o->verb != SCENARIO_ABORT;
	const char *verb = verb_words[o->verb];
	unsigned line = node_line(node);

	o->has_device = given & 1u << O_DEVICE;
	o->sets = given >> O_POLICY;
	if (needs && !o->has_device)
		return read_fail_line(r, line, "expected the key \"device\" with verb %s", verb);
	if (o->has_device && o->verb == SCENARIO_ABORT)
		return read_fail_line(r, line, "key \"device\" does not go with verb %s", verb);
	if ((given & 1u << O_SMMU) && o->verb != SCENARIO_ABORT)
		return read_fail_line(r, line, "key \"smmu\" does not go with verb %s", verb);
	for (unsigned i = O_POLICY; order_keys[i].name; i++)
		if (!sets && (given & 1u << i))
			return read_fail_line(r, line, "key \"%s\" does not go with verb %s",
					      order_keys[i].name, verb);
	if (sets && !o->sets)
		return read_fail_line(r, line, "expected what to set with verb %s", verb);
	if (sets && o->has_device && o->sets != 1u << SCENARIO_SETS_RESPONSE)
		return read_fail_line(r, line,
				      "expected only the key \"response\" for a single device");
	return true;
}

const struct section order_section = {.what = "operator",
				      .keys = order_keys,
				      .size = sizeof(struct scenario_order),
				      .start = start_order,
				      .check = check_order};
