/* SPDX-License-Identifier: BSD-2-Clause */
/* What a good scenario becomes. */
#include "scenario_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void defaults(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(parse_text(MACHINE, &s), 0);
	assert_string_equal(s.path, "dir/s.yaml");
	assert_string_equal(s.machine.lspci.path, "dir/m.lspci");
	assert_int_equal(s.machine.lspci.line, 2);
	assert_string_equal(s.machine.iort.path, "dir/m.iort");
	assert_null(s.machine.dtb.path);
	assert_int_equal(s.machine.ats, SCENARIO_ATS_PLATFORM);
	assert_int_equal(s.machine.smmu.cmdq_log2, 8);
	assert_int_equal(s.machine.smmu.evtq_log2, 7);
	assert_int_equal(s.machine.smmu.ats_timeout, 50000000);
	assert_int_equal(s.machine.smmu.cons_batch, 1);
	assert_int_equal(s.machine.smmu.prefetch, 0);
	assert_int_equal(s.software.sync_bound, 1000000000);
	assert_int_equal(s.software.atomic_wait, 100000);
	assert_int_equal(s.software.late_bound, 100000000000);
	assert_int_equal(s.software.identify, SCENARIO_PROBE);
	assert_int_equal(s.software.contain, SCENARIO_CONTAIN_ON);
	assert_int_equal(s.software.settle_max, 8);
	assert_int_equal(s.software.custody_limit, 65536);
	assert_int_equal(s.software.policy, 0);
	assert_int_equal(s.software.response, SCENARIO_RESPONSE_BLOCK);
	assert_int_equal(s.software.recovery_max, 5);
	assert_int_equal(s.software.recovery_window, 3600000000000);
	assert_int_equal(s.software.slow, 0);
	assert_int_equal(s.cpus, 2);
	assert_int_equal(s.seed, 1);
	assert_int_equal(s.recovery.owner, SCENARIO_RESETS);
	assert_int_equal(s.recovery.method, SCENARIO_FLR);
	assert_int_equal(s.recovery.after, 5000000);
	assert_int_equal(s.n_domains + s.n_workload + s.n_faults + s.n_orders + s.regimes.n, 0);
	scenario_free(&s);
}

static const char full[] =
	"description: everything\n"
	"machine:\n"
	"  lspci: /abs/m.lspci\n"
	"  dtb: ../m.dtb\n"
	"  ats: [0000:0f:00.0, 10:1f.7]\n"
	"  smmu: {cmdq_log2: 4, evtq_log2: 5, lanes: none, ats_timeout: 90s, cons_batch: 3,\n"
	"         prefetch: 2}\n"
	"software: {sync_bound: 1.5ms, atomic_wait: 7us, late_bound: 2s, identify: assume,\n"
	"           contain: observe, settle_max: 3, custody_limit: 9, policy: [global_abort]}\n"
	"cpus: 4\n"
	"seed: 18446744073709551615\n"
	"domains:\n"
	"  - {name: a, devices: [0001:02:03.4]}\n"
	"  - {name: b, devices: [0f:00.0, 10:00.0]}\n"
	"workload:\n"
	"  - {trace: t.gz, limit: 20000}\n"
	"  - {generate: random, domain: b, maps: 12, pages: 1-16, seed: 7, contexts: [task, irq]}\n"
	"recovery: {owner: disconnects, method: flr, after: 0s}\n"
	"expect: {quarantined: [0f:00.0], recovered: [0f:00.0], not_quarantined: [10:00.0]}\n"
	"regimes: [fail_once, fail_twice]\n";

static void every_key(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(parse_text(full, &s), 0);
	assert_string_equal(s.description, "everything");
	assert_string_equal(s.machine.lspci.path, "/abs/m.lspci");
	assert_string_equal(s.machine.dtb.path, "dir/../m.dtb");
	assert_int_equal(s.machine.ats, SCENARIO_ATS_LIST);
	assert_int_equal(s.machine.ats_list.n, 2);
	assert_int_equal(s.machine.ats_list.item[0].bdf, 0x0f00);
	assert_int_equal(s.machine.ats_list.item[1].bdf, 0x10ff);
	assert_int_equal(s.machine.ats_list.item[1].line, 5);
	assert_int_equal(s.machine.smmu.cmdq_log2, 4);
	assert_int_equal(s.machine.smmu.evtq_log2, 5);
	assert_int_equal(s.machine.smmu.ats_timeout, 90000000000);
	assert_int_equal(s.machine.smmu.cons_batch, 3);
	assert_int_equal(s.machine.smmu.prefetch, 2);
	assert_int_equal(s.software.sync_bound, 1500000);
	assert_int_equal(s.software.atomic_wait, 7000);
	assert_int_equal(s.software.late_bound, 2000000000);
	assert_int_equal(s.software.identify, SCENARIO_ASSUME);
	assert_int_equal(s.software.contain, SCENARIO_CONTAIN_OBSERVE);
	assert_int_equal(s.software.settle_max, 3);
	assert_int_equal(s.software.custody_limit, 9);
	assert_int_equal(s.software.policy, SCENARIO_POLICY_GLOBAL_ABORT);
	assert_int_equal(s.cpus, 4);
	assert_true(s.seed == UINT64_MAX);
	scenario_free(&s);
}

static void lanes(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(parse_text("machine:\n  lspci: a\n  iort: b\n"
				    "  smmu: {lanes: cmdqv, own_timeouts: 1, shared_timeouts: 1,\n"
				    "         one_consumer: 1}\n"
				    "expect: {neighbour_delay: 3us}\n",
				    &s),
			 0);
	assert_int_equal(s.machine.smmu.lanes, SCENARIO_LANES_CMDQV);
	assert_true(s.machine.smmu.own_timeouts && s.machine.smmu.shared_timeouts &&
		    s.machine.smmu.one_consumer);
	assert_true(s.expect.has_neighbour_delay && !s.expect.has_queue_errors);
	assert_int_equal(s.expect.neighbour_delay, 3000);
	scenario_free(&s);
}

static void several_smmus(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(parse_text("machine:\n  lspci: a\n  iort: b\n  smmus: 3\n"
				    "  behind:\n  - {smmu: 1, devices: [01:00.0, 02:00.0]}\n"
				    "  - {smmu: 2, devices: [03:00.0]}\n"
				    "faults: [{at: 1ms, kind: sfm, smmu: 2}]\n"
				    "operator: [{at: 1ms, verb: abort, smmu: 1}]\n",
				    &s),
			 0);
	assert_int_equal(s.machine.smmus, 3);
	assert_int_equal(s.machine.n_behind, 2);
	assert_int_equal(s.machine.behind[0].devices.n, 2);
	assert_int_equal(s.machine.behind[1].smmu, 2);
	assert_int_equal(s.faults[0].smmu, 2);
	assert_int_equal(s.orders[0].smmu, 1);
	scenario_free(&s);
}

static void every_list(void **state)
{
	struct scenario s;

	(void)state;
	assert_int_equal(parse_text(full, &s), 0);
	assert_int_equal(s.n_domains, 2);
	assert_string_equal(s.domains[0].name, "a");
	assert_int_equal(s.domains[0].devices.item[0].bdf, 0x1021c);
	assert_int_equal(s.domains[1].devices.n, 2);
	assert_int_equal(s.domains[1].line, 14);
	assert_int_equal(s.n_workload, 2);
	assert_int_equal(s.workload[0].kind, SCENARIO_TRACE);
	assert_string_equal(s.workload[0].trace.path, "dir/t.gz");
	assert_int_equal(s.workload[0].limit, 20000);
	assert_int_equal(s.workload[1].kind, SCENARIO_RANDOM);
	assert_int_equal(s.workload[1].domain_index, 1);
	assert_int_equal(s.workload[1].maps, 12);
	assert_int_equal(s.workload[1].pages_min, 1);
	assert_int_equal(s.workload[1].pages_max, 16);
	assert_int_equal(s.workload[1].seed, 7);
	assert_int_equal(s.workload[1].contexts, SCENARIO_CONTEXT_TASK | SCENARIO_CONTEXT_IRQ);
	assert_int_equal(s.recovery.owner, SCENARIO_DISCONNECTS);
	assert_int_equal(s.recovery.after, 0);
	assert_int_equal(s.expect.quarantined.item[0].bdf, 0x0f00);
	assert_int_equal(s.expect.recovered.n, 1);
	assert_int_equal(s.expect.not_quarantined.item[0].bdf, 0x1000);
	assert_int_equal(s.regimes.n, 2);
	assert_string_equal(s.regimes.item[1].text, "fail_twice");
	assert_int_equal(s.regimes.item[1].line, 20);
	scenario_free(&s);
}

/* Every kind with exactly the keys it needs. */
static void every_fault(void **state)
{
	static const char *const more[SCENARIO_FAULT_KINDS] = {
		[SCENARIO_ATC_SILENT] = "device: 01:00.0",
		[SCENARIO_ATC_SILENT_N] = "device: 01:00.0, count: 3",
		[SCENARIO_ATC_SLOW] = "device: 01:00.0, delay: 1ms",
		[SCENARIO_ATC_LATE] = "device: 01:00.0, delay: 1ms",
		[SCENARIO_ATC_RANGES] = "device: 01:00.0",
		[SCENARIO_ATC_UNSUPPORTED] = "device: 01:00.0",
		[SCENARIO_SILENT_AFTER_RESET] = "device: 01:00.0",
		[SCENARIO_FLR_FAILS] = "device: 01:00.0",
		[SCENARIO_FLR_TIMEOUT] = "device: 01:00.0",
		[SCENARIO_PM_FAILS] = "device: 01:00.0",
		[SCENARIO_BUS_FAILS] = "device: 01:00.0",
		[SCENARIO_BUS_TIMEOUT] = "device: 01:00.0",
		[SCENARIO_VENDOR_MUTE] = "device: 01:00.0",
		[SCENARIO_VENDOR_OLD] = "device: 01:00.0",
		[SCENARIO_KEEPS_VFS] = "device: 01:00.0",
		[SCENARIO_CONFIG_ONES] = "device: 01:00.0",
		[SCENARIO_REMOVED] = "device: 01:00.0",
		[SCENARIO_QUEUE_STALLED] = "for: 3ms",
		[SCENARIO_ILLEGAL_COMMAND] = "",
		[SCENARIO_CONFIG_ABORT] = "device: 01:00.0",
		[SCENARIO_MSI_ABORT] = "",
		[SCENARIO_SFM] = "",
		[SCENARIO_GERROR_LATE] = "delay: 1ms",
		[SCENARIO_EVENT_FLOOD] = "device: 01:00.0, count: 3",
		[SCENARIO_PRI_FLOOD] = "device: 01:00.0, count: 3",
		[SCENARIO_NO_MEMORY] = "for: 3ms",
	};

	(void)state;
	for (unsigned k = 0; k < SCENARIO_FAULT_KINDS; k++) {
		struct scenario s;
		char text[400];

		snprintf(text, sizeof(text), LOADED "faults: [{at: 50%%, kind: %s%s%s}]\n",
			 scenario_fault_name(k), *more[k] ? ", " : "", more[k]);
		if (parse_text(text, &s))
			fail_msg("%s", parse_error);
		assert_int_equal(s.n_faults, 1);
		assert_int_equal(s.faults[0].kind, k);
		assert_true(s.faults[0].at.is_percent);
		assert_int_equal(s.faults[0].at.percent, 50);
		assert_int_equal(s.faults[0].has_device, strstr(more[k], "device") != NULL);
		assert_int_equal(s.faults[0].device.bdf, s.faults[0].has_device ? 0x100 : 0);
		assert_int_equal(s.faults[0].count, strstr(more[k], "count") ? 3 : 0);
		assert_int_equal(s.faults[0].delay, strstr(more[k], "delay") ? 1000000 : 0);
		assert_int_equal(s.faults[0].length, strstr(more[k], "for") ? 3000000 : 0);
		scenario_free(&s);
	}
}

static void actions(void **state)
{
	struct scenario s;

	(void)state;
	if (parse_text(LOADED "actions:\n"
			      "  - {at: 5%, device: 01:00.0, do: reset, method: bus,\n"
			      "     results: [ok, failed, not_attempted], for: 3ms}\n"
			      "  - {at: 1ms, device: 01:00.0, do: attach, domain: d}\n",
		       &s))
		fail_msg("%s", parse_error);
	assert_int_equal(s.n_actions, 2);
	assert_int_equal(s.actions[0].kind, SCENARIO_RESET);
	assert_int_equal(s.actions[0].method, SCENARIO_BUS);
	assert_int_equal(s.actions[0].n_results, 3);
	/* The library's results, in its order. */
	assert_int_equal(s.actions[0].results[0], 0);
	assert_int_equal(s.actions[0].results[1], 2);
	assert_int_equal(s.actions[0].results[2], 1);
	assert_int_equal(s.actions[0].length, 3000000);
	assert_int_equal(s.actions[1].kind, SCENARIO_ATTACH);
	assert_int_equal(s.actions[1].domain_index, 0);
	assert_int_equal(s.actions[1].method, SCENARIO_ANY);
	scenario_free(&s);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {{"0s", 0},		 {"1ns", 1},
		    {"15us", 15000},	 {"2ms", 2000000},
		    {"1s", 1000000000},	 {"0.5us", 500},
		    {"1.25ms", 1250000}, {"1000000s", 1000000000000000}};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct scenario s;
		char text[200];

		snprintf(text, sizeof(text), MACHINE "recovery: {after: %s}\n", good[i].text);
		assert_int_equal(parse_text(text, &s), 0);
		assert_true(s.recovery.after == good[i].ns);
		scenario_free(&s);
	}
}

static void bdf_forms(void **state)
{
	uint32_t bdf = 0;
	char text[16];

	(void)state;
	assert_true(scenario_bdf_parse("ffff:ff:1f.7", &bdf));
	assert_true(bdf == 0xffffffff);
	assert_true(scenario_bdf_parse("0A:1e.3", &bdf));
	assert_int_equal(bdf, 0x0af3);
	assert_string_equal(scenario_bdf_format(bdf, text), "0000:0a:1e.3");
	assert_string_equal(scenario_bdf_format(0x123400f8, text), "1234:00:1f.0");
}

static void orders(void **state)
{
	static const char text[] = LOADED
		"software: {response: fence, recovery_max: 0, recovery_window: 2s, slow: 3ms}\n"
		"operator:\n"
		"- {at: 50%, verb: inject, device: 01:00.0}\n"
		"- {at: 1s, verb: set_policy, identify: assume, contain: observe,\n"
		"   policy: [port_block], recovery_max: 3, recovery_window: 4s, slow: 5us}\n"
		"- {at: 2s, verb: set_policy, device: 01:00.0, response: fence}\n"
		"- {at: 3s, verb: abort}\n"
		"expect: {degraded: [01:00.0]}\n";
	const struct scenario_order *o;
	struct scenario s;

	(void)state;
	assert_int_equal(parse_text(text, &s), 0);
	assert_int_equal(s.software.response, SCENARIO_RESPONSE_FENCE);
	assert_int_equal(s.software.recovery_max, 0);
	assert_int_equal(s.software.recovery_window, 2000000000);
	assert_int_equal(s.software.slow, 3000000);
	assert_int_equal(s.n_orders, 4);
	o = s.orders;
	assert_int_equal(o[0].verb, SCENARIO_INJECT);
	assert_true(o[0].at.is_percent && o[0].has_device && !o[0].sets);
	assert_int_equal(o[0].device.bdf, 0x100);
	assert_int_equal(o[1].verb, SCENARIO_SET_POLICY);
	assert_false(o[1].has_device);
	assert_int_equal(o[1].sets, 0x7f & ~(1u << SCENARIO_SETS_RESPONSE));
	assert_int_equal(o[1].identify, SCENARIO_ASSUME);
	assert_int_equal(o[1].contain, SCENARIO_CONTAIN_OBSERVE);
	assert_int_equal(o[1].policy, SCENARIO_POLICY_PORT_BLOCK);
	assert_int_equal(o[1].recovery_max, 3);
	assert_int_equal(o[1].recovery_window, 4000000000);
	assert_int_equal(o[1].slow, 5000);
	assert_int_equal(o[2].sets, 1u << SCENARIO_SETS_RESPONSE);
	assert_int_equal(o[2].response, SCENARIO_RESPONSE_FENCE);
	assert_int_equal(o[3].verb, SCENARIO_ABORT);
	assert_int_equal(o[3].at.ns, 3000000000);
	assert_int_equal(s.expect.degraded.item[0].bdf, 0x100);
	for (unsigned v = 0; v < SCENARIO_VERBS; v++)
		assert_non_null(scenario_verb_name((enum scenario_verb)v));
	scenario_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),   cmocka_unit_test(every_key),
		cmocka_unit_test(lanes),      cmocka_unit_test(several_smmus),
		cmocka_unit_test(every_list), cmocka_unit_test(every_fault),
		cmocka_unit_test(actions),    cmocka_unit_test(durations),
		cmocka_unit_test(orders),     cmocka_unit_test(bdf_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
