/* SPDX-License-Identifier: BSD-2-Clause */
/* The key `storm` of a scenario: random blows for as long as it says. */
#include "cli/scenario_read.h"

#define MS	(1000000ull)
#define SEC	(1000000000ull)
#define LONGEST (1000000 * SEC)

static const char *const kind_words[SCENARIO_STORM_KINDS + 1] = {
	[SCENARIO_STORM_ATC_SILENT] = "atc_silent",
	[SCENARIO_STORM_ATC_SILENT_N] = "atc_silent_n",
	[SCENARIO_STORM_ATC_SLOW] = "atc_slow",
	[SCENARIO_STORM_ATC_LATE] = "atc_late",
	[SCENARIO_STORM_ATC_RANGES] = "atc_ranges",
	[SCENARIO_STORM_ATC_UNSUPPORTED] = "atc_unsupported",
	[SCENARIO_STORM_SILENT_AFTER_RESET] = "silent_after_reset",
	[SCENARIO_STORM_FLR_FAILS] = "flr_fails",
	[SCENARIO_STORM_FLR_TIMEOUT] = "flr_timeout",
	[SCENARIO_STORM_CONFIG_ONES] = "config_ones",
	[SCENARIO_STORM_REMOVED] = "removed",
	[SCENARIO_STORM_QUEUE_STALLED] = "queue_stalled",
	[SCENARIO_STORM_ILLEGAL_COMMAND] = "illegal_command",
	[SCENARIO_STORM_CONFIG_ABORT] = "config_abort",
	[SCENARIO_STORM_MSI_ABORT] = "msi_abort",
	[SCENARIO_STORM_EVENT_FLOOD] = "event_flood",
	[SCENARIO_STORM_REPORT] = "report",
	[SCENARIO_STORM_RESET] = "reset",
	[SCENARIO_STORM_REMOVE] = "remove",
};

static const struct key storm_keys[] = {
	{"for", read_duration, .offset = offsetof(struct scenario_storm, length), .required = true,
	 .min = 1, .max = LONGEST},
	{"every", read_duration, .offset = offsetof(struct scenario_storm, every), .min = 100 * MS,
	 .max = LONGEST},
	{"seed", read_number, .offset = offsetof(struct scenario_storm, seed), .max = UINT64_MAX},
	{"kinds", read_words, .offset = offsetof(struct scenario_storm, kinds),
	 .words = kind_words},
	{"domains", read_number, .offset = offsetof(struct scenario_storm, domains), .min = 1,
	 .max = 1000},
	{"maps", read_number, .offset = offsetof(struct scenario_storm, maps), .min = 1,
	 .max = 1000},
	{.name = NULL},
};

static void start_storm(yaml_node_t *node, void *out)
{
	*(struct scenario_storm *)out = (struct scenario_storm){
		.line = node_line(node),
		.every = 30 * SEC,
		.seed = 1,
		.domains = 10,
		.maps = 16,
	};
}

static bool check_storm(struct reader *r, yaml_node_t *node, void *out, uint32_t given)
{
	struct scenario_storm *s = out;

	(void)given;
	if (!s->kinds)
		s->kinds = (1u << SCENARIO_STORM_KINDS) - 1;
	return s->every <= s->length ||
	       read_fail_line(r, node_line(node), "expected every to be at most for");
}

const struct section storm_section = {
	.what = "storm", .keys = storm_keys, .start = start_storm, .check = check_storm};
