/* SPDX-License-Identifier: BSD-2-Clause */
/* The lazaret command as a user meets it: exit codes and what goes where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static char out[8192];

/* Runs `lazaret ARGS`; its exit code. `redirect` says what to look at. */
static int lazaret(const char *args, const char *redirect)
{
	const char *exe = getenv("LAZARET");
	char command[1024];
	size_t len;
	FILE *p;
	int status;

	assert_non_null(exe);
	snprintf(command, sizeof(command), "'%s' %s %s", exe, args, redirect);
	p = popen(command, "r");
	assert_non_null(p);
	len = fread(out, 1, sizeof(out) - 1, p);
	out[len] = '\0';
	status = pclose(p);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define STDOUT_ONLY "2>/dev/null"
#define STDERR_ONLY "2>&1 >/dev/null"

static void assert_one_line(const char *start)
{
	assert_int_equal(strncmp(out, start, strlen(start)), 0);
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
}

static void help(void **state)
{
	static const char *const ways[] = {"--help",	     "-h",	     "run --help",
					   "machine --help", "trace --help", "bench --help"};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_int_equal(lazaret(ways[i], STDOUT_ONLY), 0);
		assert_non_null(strstr(out, "usage: lazaret"));
		assert_int_equal(lazaret(ways[i], STDERR_ONLY), 0);
		assert_string_equal(out, "");
	}
	lazaret("--help", STDOUT_ONLY);
	assert_non_null(strstr(out, "\n  run "));
	assert_non_null(strstr(out, "\n  machine "));
	assert_non_null(strstr(out, "\n  trace "));
	assert_non_null(strstr(out, "\n  bench "));
}

static void version(void **state)
{
	(void)state;
	assert_int_equal(lazaret("--version", STDOUT_ONLY), 0);
	assert_one_line("lazaret ");
}

static void wrong_usage(void **state)
{
	(void)state;
	assert_int_equal(lazaret("", STDERR_ONLY), 2);
	assert_one_line("lazaret: expected a command");
	assert_int_equal(lazaret("walk", STDERR_ONLY), 2);
	assert_one_line("lazaret: unknown command walk");
	assert_int_equal(lazaret("--walk", STDERR_ONLY), 2);
	assert_one_line("lazaret: unknown option --walk");
	assert_int_equal(lazaret("walk", STDOUT_ONLY), 2);
	assert_string_equal(out, "");
	for (const char *const *c = (const char *const[]){"run", "machine", "trace", NULL}; *c;
	     c++) {
		char args[40], want[60];

		snprintf(args, sizeof(args), "%s --x", *c);
		snprintf(want, sizeof(want), "lazaret %s: unknown option --x", *c);
		assert_int_equal(lazaret(args, STDERR_ONLY), 2);
		assert_one_line(want);
	}
}

static void bad_scenario(void **state)
{
	(void)state;
	assert_int_equal(lazaret("run /nonexistent.yaml", STDERR_ONLY), 2);
	assert_one_line("/nonexistent.yaml:1: expected a readable scenario");
	assert_int_equal(lazaret("run tests/unit/cli/bad.yaml", STDERR_ONLY), 2);
	assert_one_line("tests/unit/cli/bad.yaml:3: unknown key \"cpu\"");
	assert_int_equal(lazaret("run tests/unit/cli/bad.yaml --json", STDOUT_ONLY), 2);
	assert_string_equal(out, "");
}

static void trace_of_another_machine(void **state)
{
	(void)state;
	assert_int_equal(lazaret("run tests/unit/cli/other_machine.yaml", STDERR_ONLY), 2);
	assert_one_line("tests/unit/cli/other_machine.yaml:6: trace: expected functions that the "
			"machine has, not 0000:40:00.0");
}

static void atc_fault_without_ats(void **state)
{
	(void)state;
	assert_int_equal(lazaret("run tests/unit/cli/no_ats.yaml", STDERR_ONLY), 2);
	assert_one_line("tests/unit/cli/no_ats.yaml:9: expected a function that the machine has "
			"with ATS in use");
}

/* A bad scenario behind a good one: the good one does not run either. */
/* What does not fit the machine is said with the line it stands in. */
static void wrong_hardware(void **state)
{
	static const struct {
		const char *machine, *rest, *error;
	} all[] = {
		{"smmu: {lanes: ecmdq}\n  iommu: riscv", "",
		 "/dev/stdin:4: lanes: a RISC-V IOMMU has one command queue"},
		{"smmus: 2\n  behind: [{smmu: 2, devices: [0000:01:00.0]}]", "",
		 "/dev/stdin:5: smmu: expected a number below 2, not 2"},
		{"smmus: 2\n  behind:\n  - {smmu: 0, devices: [0000:00:01.0]}\n"
		 "  - {smmu: 1, devices: [0000:01:00.0]}",
		 "",
		 "/dev/stdin:7: behind: expected 0000:01:00.0 behind the same SMMU as others of "
		 "its group"},
		{"smmus: 2\n  behind: [{smmu: 1, devices: [0000:1f:00.0]}]", "",
		 "/dev/stdin:5: expected a function that the machine has, not 0000:1f:00.0"},
		{"smmus: 2", "faults: [{at: 1ms, kind: sfm, smmu: 3}]",
		 "/dev/stdin:5: smmu: expected a number below 2, not 3"},
		{"smmus: 1", "operator: [{at: 1ms, verb: abort, smmu: 1}]",
		 "/dev/stdin:5: smmu: expected a number below 1, not 1"},
	};
	const char *exe = getenv("LAZARET");

	(void)state;
	assert_non_null(exe);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char command[2048];
		size_t len;
		FILE *p;

		snprintf(command, sizeof(command),
			 "printf 'machine:\n  lspci: %%s/data/qemu-virt-pci.lspci\n"
			 "  dtb: %%s/data/qemu-virt-smmuv3.dtb\n  %s\n%s\n' \"$PWD\" \"$PWD\" | "
			 "'%s' run /dev/stdin 2>&1 >/dev/null",
			 all[i].machine, all[i].rest, exe);
		p = popen(command, "r");
		assert_non_null(p);
		len = fread(out, 1, sizeof(out) - 1, p);
		out[len] = '\0';
		assert_int_equal(WEXITSTATUS(pclose(p)), 2);
		assert_one_line(all[i].error);
	}
}

static void nothing_half_done(void **state)
{
	(void)state;
	assert_int_equal(lazaret("run scenarios/demo.yaml tests/unit/cli/bad.yaml", STDOUT_ONLY),
			 2);
	assert_string_equal(out, "");
}

static char page[16384];

/* Every option that a --help names stands in the manual page. */
static void manual_has_every_option(void **state)
{
	FILE *f = fopen("docs/lazaret.1", "r");
	unsigned n = 0;

	(void)state;
	assert_non_null(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	fclose(f);
	for (const char *const *c = (const char *const[]){"", "run", "machine", "trace", NULL}; *c;
	     c++) {
		char args[40], want[40];

		snprintf(args, sizeof(args), "%s --help", *c);
		assert_int_equal(lazaret(args, STDOUT_ONLY), 0);
		for (char *o = strstr(out, "--"); o; o = strstr(o + 2, "--")) {
			int len = (int)strspn(o + 2, "abcdefghijklmnopqrstuvwxyz-");

			snprintf(want, sizeof(want), "Fl -%.*s", len, o + 2);
			if (!strstr(page, want))
				fail_msg("docs/lazaret.1 lacks %s of lazaret %s", want, *c);
			n++;
		}
	}
	assert_true(n > 12);
}

/* A result that is lost is not reported as fine. */
static void full_disk(void **state)
{
	(void)state;
	assert_int_equal(lazaret("--help", ">/dev/full 2>/dev/null"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help),
		cmocka_unit_test(version),
		cmocka_unit_test(wrong_usage),
		cmocka_unit_test(bad_scenario),
		cmocka_unit_test(trace_of_another_machine),
		cmocka_unit_test(atc_fault_without_ats),
		cmocka_unit_test(wrong_hardware),
		cmocka_unit_test(nothing_half_done),
		cmocka_unit_test(manual_has_every_option),
		cmocka_unit_test(full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
