/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands machine and trace as a program sees them: JSON and exit codes. */
#include "common.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static char output[200000];

/* Runs lazaret with these arguments; stdout and stderr end up in `output`. */
static int lazaret(const char *args)
{
	const char *exe = getenv("LAZARET");
	char cmd[1024];
	FILE *p;
	size_t n;

	assert_non_null(exe);
	snprintf(cmd, sizeof(cmd), "'%s' %s 2>&1", exe, args);
	p = popen(cmd, "r");
	assert_non_null(p);
	n = fread(output, 1, sizeof(output) - 1, p);
	output[n] = '\0';
	return WEXITSTATUS(pclose(p));
}

static json_t *run_json(const char *args)
{
	json_t *j;

	assert_int_equal(lazaret(args), 0);
	j = json_loads(output, 0, NULL);
	assert_non_null(j);
	return j;
}

static json_int_t number(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static void machine_json(void **state)
{
	static const char *const keys[] = {"bdf", "vendor", "device", "ats",   "pasid",
					   "pri", "flr",    "acs",    "group", "stream_ids"};
	json_t *j = run_json("machine --lspci " SERVER_LSPCI " --iort " SERVER_IORT " --json");
	json_t *functions = json_object_get(j, "functions"), *smmu, *f;
	size_t i, k, ats = 0;

	(void)state;
	assert_int_equal(json_array_size(functions), 47);
	json_array_foreach(functions, i, f)
	{
		for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			assert_non_null(json_object_get(f, keys[k]));
		ats += json_is_true(json_object_get(f, "ats"));
	}
	assert_int_equal(ats, 11);
	assert_int_equal(json_array_size(json_object_get(j, "groups")), 30);
	smmu = json_array_get(json_object_get(j, "smmus"), 0);
	assert_int_equal(number(smmu, "base"), 0x9050000);
	assert_int_equal(number(smmu, "cmdq_irq"), 108);
	assert_int_equal(number(smmu, "gerror_irq"), 109);
	json_decref(j);
}

static void trace_json(void **state)
{
	json_t *j = run_json("trace data/linux-6.1-acpi-server-strict.kprobe-trace.gz --json");

	(void)state;
	assert_int_equal(number(j, "maps"), 45016);
	assert_int_equal(number(j, "unmaps"), 43938);
	assert_int_equal(number(j, "domains"), 28);
	assert_int_equal(number(j, "devices"), 41);
	assert_int_equal(number(j, "irq_context_unmaps"), 33956 + 9031);
	assert_true(number(j, "peak_pages") > 1000);
	assert_int_equal(number(j, "errors"), 0);
	json_decref(j);
}

static void text_says_what_matters(void **state)
{
	(void)state;
	assert_int_equal(lazaret("machine --lspci " SERVER_LSPCI " --iort " SERVER_IORT), 0);
	assert_non_null(strstr(output, "47 functions in 30 groups"));
	assert_non_null(strstr(output, "ATS is not announced by the platform"));
	assert_non_null(strstr(output, "id 0x1300 is in two ranges"));
	assert_null(strchr(output, '\033'));
	assert_int_equal(lazaret("trace data/linux-6.1-nvme-1dev.trace.gz"), 0);
	assert_non_null(strstr(output, "no errors"));
	assert_int_equal(lazaret("machine --help"), 0);
	assert_non_null(strstr(output, "usage: lazaret machine"));
	assert_int_equal(lazaret("trace --help"), 0);
	assert_non_null(strstr(output, "usage: lazaret trace"));
}

static void one_line(const char *args, const char *what)
{
	assert_int_equal(lazaret(args), 2);
	if (!strstr(output, what))
		fail_msg("\"%s\" does not contain \"%s\"", output, what);
	assert_int_equal(strcspn(output, "\n") + 1, strlen(output));
}

static void bad_input_is_one_line_and_exit_2(void **state)
{
	(void)state;
	one_line("machine", "expected --lspci, --dtb or --iort");
	one_line("machine --lspci", "--lspci needs an argument");
	one_line("machine --dtb a --iort b", "not both");
	one_line("machine --lspci LICENSE", "LICENSE:1: expected");
	one_line("machine --lspci " SMALL_LSPCI " --dtb LICENSE", "LICENSE:0x0: expected");
	one_line("machine --iort " SMALL_DTB, "0x0: expected an IORT");
	one_line("machine --lspci /nonexistent --json", "/nonexistent:1: expected a readable file");
	one_line("trace", "expected one trace file");
	one_line("trace LICENSE", "LICENSE:1: expected an ftrace line");
	one_line("trace --frob x", "--frob");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machine_json),
		cmocka_unit_test(trace_json),
		cmocka_unit_test(text_says_what_matters),
		cmocka_unit_test(bad_input_is_one_line_and_exit_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
