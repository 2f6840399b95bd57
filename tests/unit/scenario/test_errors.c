/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong with a scenario is said in one line, with file and line. */
#include "scenario_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FAULT(text) LOADED "faults:\n  - {" text "}\n"

static void not_a_scenario(void **state)
{
	(void)state;
	expect_error("", "1: expected a scenario, found an empty file");
	expect_error("- 1\n", "1: expected a mapping for the scenario, found a list");
	expect_error("machine: {\n", "2: expected YAML: did not find expected node content");
	expect_error("a\n---\nb\n", "1: expected a mapping for the scenario, found \"a\"");
	expect_error(MACHINE "---\ncpus: 3\n", "5: expected the end, found a second document");
	expect_error("\x80", "1: expected YAML: invalid leading UTF-8 octet");
}

static void unknown_and_missing_keys(void **state)
{
	(void)state;
	expect_error(
		MACHINE "cpu: 2\n",
		"4: unknown key \"cpu\" in the scenario; expected one of description, machine, "
		"software, cpus, seed, domains, workload, faults, actions, recovery, operator, "
		"storm, expect, "
		"regimes");
	expect_error(MACHINE "  irot: x\n", "4: unknown key \"irot\" in machine; expected one of "
					    "lspci, iort, dtb, generate, ats, iommu, smmu, smmus, "
					    "bridges, behind");
	expect_error(MACHINE "cpus: 2\ncpus: 3\n",
		     "5: key \"cpus\" is given twice in the scenario");
	expect_error("cpus: 2\n", "1: expected the key \"machine\" in the scenario");
	expect_error("machine:\n  iort: x\n",
		     "2: expected either the key \"lspci\" or \"generate\" in machine");
	expect_error("machine: {lspci: x}\n",
		     "1: expected either the key \"iort\" or \"dtb\" in machine");
	expect_error("machine: {lspci: x, iort: a, dtb: b}\n",
		     "1: expected either the key \"iort\" or \"dtb\" in machine");
	expect_error(MACHINE "domains: [{name: x}]\n",
		     "4: expected the key \"devices\" in domains");
	expect_error(MACHINE "{a: b}: c\n", "4: expected a key, found a mapping");
}

static void wrong_types(void **state)
{
	(void)state;
	expect_error("machine: x\n", "1: expected a mapping for machine, found \"x\"");
	expect_error("machine:\n", "1: expected a mapping for machine, found nothing");
	expect_error("machine: {lspci: [x]}\n", "1: expected text for lspci, found a list");
	expect_error(MACHINE "faults: none\n", "4: expected a list for faults, found \"none\"");
	expect_error(MACHINE "faults: [1]\n", "4: expected a mapping for faults, found \"1\"");
	expect_error(MACHINE "software: {policy: port_block}\n",
		     "4: expected a list of words for policy, found \"port_block\"");
	expect_error(MACHINE "software: {identify: guess}\n",
		     "4: expected probe or assume for identify, found \"guess\"");
	expect_error(MACHINE "description: \"a\\0b\"\n",
		     "4: expected text for description, found \"a\"");
}

static void numbers(void **state)
{
	static const char *const bad[] = {
		"-1", "0", "9", "2.0", "0x2", "+2", "2 2", "18446744073709551618", "two"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[200], rest[200];

		snprintf(text, sizeof(text), MACHINE "cpus: %s\n", bad[i]);
		snprintf(rest, sizeof(rest),
			 "4: expected a whole number from 1 to 8 for cpus, found \"%s\"", bad[i]);
		expect_error(text, rest);
	}
}

static void durations(void **state)
{
	static const char *const bad[] = {
		"5",	       "5 ms", "-5ms",	"5d",	 "ms",
		"1.ms",	       ".5ms", "0.5ns", "1e3ms", "99999999999999999999s",
		"18446744074s"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[200], rest[200];

		snprintf(text, sizeof(text), MACHINE "recovery: {after: %s}\n", bad[i]);
		snprintf(rest, sizeof(rest),
			 "4: expected a duration such as 50ms (units ns, us, ms, s, m, h) for "
			 "after, "
			 "found \"%s\"",
			 bad[i]);
		expect_error(text, rest);
	}
	expect_error(MACHINE "software:\n  sync_bound: 0s\n",
		     "5: expected a duration from 1ns to 1000000s for sync_bound, found \"0s\"");
	expect_error(MACHINE "software: {sync_bound: 2s, late_bound: 1s}\n",
		     "4: expected late_bound to be at least sync_bound");
}

static void devices(void **state)
{
	static const char *const bad[] = {"0f:00",	  "0000:0f:00.8", "0000:0f:20.0",
					  "0f:00.0 ",	  "000:0f:00.0",  "00000:0f:00.0",
					  "g000:0f:00.0", "0000-0f:00.0"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[200], rest[200];

		snprintf(text, sizeof(text), MACHINE "expect: {quarantined: [\"%s\"]}\n", bad[i]);
		snprintf(rest, sizeof(rest),
			 "4: expected a device such as 0000:0f:00.0, found \"%s\"", bad[i]);
		expect_error(text, rest);
	}
	expect_error(MACHINE "  ats: [01:00.0,\n    0000:01:00.0]\n",
		     "5: device 0000:01:00.0 is listed twice");
	expect_error(MACHINE "domains:\n- {name: a, devices: [1:0.0]}\n",
		     "5: expected a device such as 0000:0f:00.0, found \"1:0.0\"");
	expect_error(MACHINE "expect: {quarantined: [01:00.0], not_quarantined: [01:00.0]}\n",
		     "4: device is in quarantined and in not_quarantined");
}

static void orders(void **state)
{
	(void)state;
	expect_error(LOADED "operator: [{at: 1s, verb: clear}]\n",
		     "8: expected the key \"device\" with verb clear");
	expect_error(LOADED "operator: [{at: 1s, verb: abort, device: 01:00.0}]\n",
		     "8: key \"device\" does not go with verb abort");
	expect_error(LOADED "operator: [{at: 1s, verb: block, device: 01:00.0, slow: 1s}]\n",
		     "8: key \"slow\" does not go with verb block");
	expect_error(LOADED "operator: [{at: 1s, verb: set_policy}]\n",
		     "8: expected what to set with verb set_policy");
	expect_error(LOADED
		     "operator: [{at: 1s, verb: set_policy, device: 01:00.0, contain: on}]\n",
		     "8: expected only the key \"response\" for a single device");
	expect_error(LOADED "operator: [{at: 1s, verb: set_policy, recovery_max: 17}]\n",
		     "8: expected a whole number from 0 to 16 for recovery_max, found \"17\"");
	expect_error(MACHINE "operator:\n- {at: 5%, verb: abort}\n",
		     "5: a share of the workload needs a workload");
	expect_error(LOADED "operator: [{verb: abort}]\n",
		     "8: expected the key \"at\" in operator");
}

static void domains(void **state)
{
	(void)state;
	expect_error(MACHINE "domains:\n- {name: a, devices: []}\n",
		     "5: expected at least one device in domain \"a\"");
	expect_error(MACHINE "domains:\n- {name: a, devices: [01:00.0]}\n"
			     "- {name: a, devices: [02:00.0]}\n",
		     "6: domain \"a\" is there twice");
	expect_error(MACHINE "domains:\n- {name: a, devices: [01:00.0]}\n"
			     "- {name: b, devices: [01:00.0]}\n",
		     "6: device is in domain \"a\" too");
}

static void machine_extras(void **state)
{
	(void)state;
	expect_error(MACHINE "  smmu: {lanes: two}\n",
		     "4: expected none, ecmdq or cmdqv for lanes, found \"two\"");
	expect_error(MACHINE "  smmu: {own_timeouts: 1}\n",
		     "4: own_timeouts: expected lanes: ecmdq or lanes: cmdqv beside it");
	expect_error(MACHINE "  smmu: {lanes: none, one_consumer: 0}\n",
		     "4: one_consumer: expected lanes: ecmdq or lanes: cmdqv beside it");
	expect_error(MACHINE "  smmu: {lanes: ecmdq, shared_timeouts: 2}\n",
		     "4: expected a whole number from 0 to 1 for shared_timeouts, found \"2\"");
	expect_error(MACHINE "  smmus: 5\n",
		     "4: expected a whole number from 1 to 4 for smmus, found \"5\"");
	expect_error(MACHINE "  behind: [{devices: [01:00.0]}]\n",
		     "4: expected the key \"smmu\" in machine.behind");
	expect_error(MACHINE "  behind:\n  - {smmu: 1, devices: [01:00.0]}\n"
			     "  - {smmu: 0, devices: [01:00.0]}\n",
		     "6: behind: device is behind SMMU 1 too");
	expect_error(MACHINE "faults: [{at: 1ms, kind: atc_silent, device: 01:00.0, smmu: 1}]\n",
		     "4: key \"smmu\" does not go with kind atc_silent");
	expect_error(MACHINE "faults: [{at: 1ms, kind: no_memory, for: 1ms, smmu: 0}]\n",
		     "4: key \"smmu\" does not go with kind no_memory");
	expect_error(MACHINE "operator: [{at: 1ms, verb: inject, device: 01:00.0, smmu: 1}]\n",
		     "4: key \"smmu\" does not go with verb inject");
	expect_error(MACHINE "  smmu: {cmdq_log2: 20}\n",
		     "4: expected a whole number from 3 to 19 for cmdq_log2, found \"20\"");
	expect_error(MACHINE "  ats: some\n",
		     "4: expected platform or capable for ats, found \"some\"");
	expect_error(MACHINE "  ats: {a: b}\n",
		     "4: expected platform, capable or a list of devices for ats, found a mapping");
}

static void storm(void **state)
{
	(void)state;
	expect_error(MACHINE "storm: {every: 1s}\n", "4: expected the key \"for\" in storm");
	expect_error(MACHINE "storm: {for: 1m, every: 2m}\n",
		     "4: expected every to be at most for");
	expect_error(
		MACHINE "storm: {for: 1h, every: 99ms}\n",
		"4: expected a duration from 100000000ns to 1000000s for every, found \"99ms\"");
	expect_error("machine: {generate: 8161}\n",
		     "1: expected a whole number from 1 to 8160 for generate, found \"8161\"");
	expect_error("machine: {generate: 8000, bridges: 2}\n",
		     "1: bridges: expected generate with it, of at most 7648");
	expect_error(MACHINE "  bridges: 2\n",
		     "2: bridges: expected generate with it, of at most 7648");
	expect_error("machine: {generate: 9, iort: x}\n",
		     "1: key \"iort\" does not go with \"generate\"");
	expect_error("machine: {generate: 9, lspci: x}\n",
		     "1: expected either the key \"lspci\" or \"generate\" in machine");
}

static void workload(void **state)
{
	(void)state;
	expect_error(MACHINE "workload: [{trace: t, generate: random}]\n",
		     "4: expected either the key \"trace\" or \"generate\"");
	expect_error(MACHINE "workload: [{limit: 3}]\n",
		     "4: expected either the key \"trace\" or \"generate\"");
	expect_error(MACHINE "workload: [{trace: t, maps: 3}]\n",
		     "4: key \"maps\" does not go with \"trace\"");
	expect_error(LOADED "  - {generate: random, domain: d, limit: 3}\n",
		     "8: key \"limit\" does not go with \"generate\"");
	expect_error(LOADED "  - {generate: random, domain: e}\n",
		     "8: expected the name of a domain, found \"e\"");
	expect_error(LOADED "  - {generate: random}\n",
		     "8: expected the key \"domain\" beside \"generate\"");
	expect_error(LOADED "  - {generate: random, domain: d, contexts: []}\n",
		     "8: expected at least one word in contexts");
	expect_error(LOADED "  - {generate: random, domain: d, pages: 3-2}\n",
		     "8: expected a number or range of pages such as 1-16 for pages, "
		     "found \"3-2\"");
	expect_error(LOADED "  - {generate: random, domain: d, pages: 0}\n",
		     "8: expected a number or range of pages such as 1-16 for pages, found \"0\"");
}

static void faults(void **state)
{
	(void)state;
	expect_error(FAULT("at: 2ms, device: 01:00.0, kind: sulks"),
		     "9: expected atc_silent, atc_silent_n, atc_slow, atc_late, atc_ranges, "
		     "atc_unsupported, silent_after_reset, flr_fails, flr_timeout, pm_fails, "
		     "bus_fails, bus_timeout, vendor_mute, vendor_old, keeps_vfs, config_ones, "
		     "removed, queue_stalled, illegal_command, config_abort, msi_abort, sfm, "
		     "gerror_late, event_flood, pri_flood or no_memory for kind, found "
		     "\"sulks\"");
	expect_error(FAULT("device: 01:00.0, kind: sfm"), "9: expected the key \"at\" in faults");
	expect_error(FAULT("at: 2ms, kind: atc_silent"),
		     "9: expected the key \"device\" with kind atc_silent");
	expect_error(FAULT("at: 2ms, kind: atc_silent_n, device: 01:00.0"),
		     "9: expected the key \"count\" with kind atc_silent_n");
	expect_error(FAULT("at: 2ms, kind: sfm, device: 01:00.0"),
		     "9: key \"device\" does not go with kind sfm");
	expect_error(FAULT("at: 2ms, kind: sfm, for: 1s"),
		     "9: key \"for\" does not go with kind sfm");
	expect_error(FAULT("at: 2ms, kind: queue_stalled"),
		     "9: queue_stalled: expected either \"for\" or \"until\"");
	expect_error(FAULT("at: 2ms, kind: queue_stalled, for: 1s, until: 2s"),
		     "9: queue_stalled: expected either \"for\" or \"until\"");
	expect_error(FAULT("at: 2ms, kind: queue_stalled, until: 2ms"),
		     "9: queue_stalled: expected until to be after at");
}

#define ACTION(text) LOADED "actions:\n  - {" text "}\n"

static void actions(void **state)
{
	(void)state;
	expect_error(ACTION("at: 2ms, device: 01:00.0, do: dance"),
		     "9: expected look, reset, report, remove, add, attach or detach for do, "
		     "found \"dance\"");
	expect_error(ACTION("at: 2ms, do: look"), "9: expected the key \"device\" in actions");
	expect_error(ACTION("at: 2ms, device: 01:00.0, do: look, for: 1ms"),
		     "9: key \"for\" does not go with look");
	expect_error(ACTION("at: 2ms, device: 01:00.0, do: report, domain: shared"),
		     "9: key \"domain\" does not go with report");
	expect_error(ACTION("at: 2ms, device: 01:00.0, do: attach"),
		     "9: expected the key \"domain\" with attach");
	expect_error(ACTION("at: 2ms, device: 01:00.0, do: attach, domain: other"),
		     "9: expected the name of a domain, found \"other\"");
	expect_error(ACTION("at: 2ms, device: 01:00.0, do: reset, method: none"),
		     "9: expected the key \"results\" with method none");
	expect_error(ACTION("at: 2ms, device: 01:00.0, do: reset, results: [good]"),
		     "9: expected ok, not_attempted or failed for results, found \"good\"");
	expect_error(ACTION("at: 2ms, device: 01:00.0, do: reset, results: [ok, ok, ok, ok, ok]"),
		     "9: expected at most 4 results");
	expect_error(MACHINE "domains: [{name: a, devices: [01:00.0], pasid: 16}]\n",
		     "4: expected a whole number from 1 to 15 for pasid, found \"16\"");
	expect_error(MACHINE "actions: [{at: 5%, device: 01:00.0, do: look}]\n",
		     "4: a share of the workload needs a workload");
}

static void moments(void **state)
{
	static const char *const bad[] = {"101%", "%", "-1%", "50", "5.5%", "1000000%"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[300], rest[200];

		snprintf(text, sizeof(text), FAULT("at: \"%s\", kind: sfm"), bad[i]);
		snprintf(rest, sizeof(rest),
			 "9: expected a duration such as 2ms or a share such as 50%% for at, "
			 "found \"%s\"",
			 bad[i]);
		expect_error(text, rest);
	}
	expect_error(MACHINE "faults: [{at: 50%, kind: sfm}]\n",
		     "4: a share of the workload needs a workload");
}

/* Whatever the text holds, the error stays on one line. */
static void one_line(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(parse_text(MACHINE "cpus: \"a\\n\\eb\"\n", &s), -1);
	assert_null(strpbrk(parse_error, "\n\033"));
	assert_non_null(strstr(parse_error, "a??b"));
}

/* Lists that an alias repeats do not grow without bound. */
static void long_lists(void **state)
{
	char *text = malloc(40000);

	(void)state;
	assert_non_null(text);
	strcpy(text, MACHINE "regimes: [r");
	for (size_t len = strlen(text), i = 0; i < 1024; i++, len += 2)
		strcpy(text + len, ",r");
	strcat(text, "]\n");
	expect_error(text, "4: expected at most 1024 items");
	free(text);
}

static void files(void **state)
{
	struct scenario s;
	char err[200], path[] = "/tmp/lazaret-scenario-XXXXXX", want[200];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, MACHINE, strlen(MACHINE)), strlen(MACHINE));
	close(fd);
	assert_int_equal(scenario_load(path, &s, err, sizeof(err)), -1);
	snprintf(want, sizeof(want),
		 "%s:2: lspci: expected a readable file /tmp/m.lspci (No such file or directory)",
		 path);
	assert_string_equal(err, want);
	unlink(path);
	assert_int_equal(scenario_load(path, &s, err, sizeof(err)), -1);
	snprintf(want, sizeof(want),
		 "%s:1: expected a readable scenario (No such file or directory)", path);
	assert_string_equal(err, want);
	assert_int_equal(scenario_load("/tmp", &s, err, sizeof(err)), -1);
	assert_string_equal(err, "/tmp:1: expected a readable scenario (Is a directory)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_a_scenario), cmocka_unit_test(unknown_and_missing_keys),
		cmocka_unit_test(wrong_types),	  cmocka_unit_test(numbers),
		cmocka_unit_test(durations),	  cmocka_unit_test(devices),
		cmocka_unit_test(domains),	  cmocka_unit_test(machine_extras),
		cmocka_unit_test(storm),	  cmocka_unit_test(workload),
		cmocka_unit_test(faults),	  cmocka_unit_test(actions),
		cmocka_unit_test(moments),	  cmocka_unit_test(orders),
		cmocka_unit_test(one_line),	  cmocka_unit_test(long_lists),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
