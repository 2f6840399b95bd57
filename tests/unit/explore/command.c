/* SPDX-License-Identifier: BSD-2-Clause */
/* lazaret explore: exit codes, JSON, replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <jansson.h>

#define TOYS "tests/explore/toys/"

static char out[1 << 18];

static int explore(const char *args)
{
	const char *exe = getenv("LAZARET");
	static char command[1 << 16];
	size_t len;
	FILE *p;
	int status;

	assert_non_null(exe);
	snprintf(command, sizeof(command), "'%s' explore %s 2>&1", exe, args);
	p = popen(command, "r");
	assert_non_null(p);
	len = fread(out, 1, sizeof(out) - 1, p);
	out[len] = '\0';
	status = pclose(p);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void exit_codes(void **state)
{
	(void)state;
	assert_int_equal(explore(TOYS "toy_locked.yaml --runs 200"), 0);
	assert_non_null(strstr(out, "held"));
	assert_int_equal(explore(TOYS "toy_lost_update.yaml --runs 200"), 1);
	assert_non_null(strstr(out, "invariant E violated: an update was lost"));
	assert_int_equal(explore(TOYS "toy_unstable.yaml --runs 200"), 3);
	assert_int_equal(explore("tests/explore/none.yaml"), 2);
	assert_non_null(strstr(out, "none.yaml:1: "));
	assert_int_equal(explore(""), 2);
	assert_int_equal(explore(TOYS "toy_locked.yaml --strategy magic"), 2);
	assert_int_equal(explore(TOYS "toy_locked.yaml --runs 0"), 2);
	assert_int_equal(explore(TOYS "toy_locked.yaml --runs 5 --time 5"), 2);
	assert_int_equal(explore(TOYS "toy_locked.yaml --verbose"), 2);
	assert_int_equal(explore(TOYS "toy_locked.yaml --replay rubbish"), 2);
	assert_int_equal(explore("--help"), 0);
	assert_int_equal(explore("--list"), 0);
	assert_non_null(strstr(out, "two_dead"));
}

static json_t *explore_json(const char *args, int code)
{
	json_t *j;

	assert_int_equal(explore(args), code);
	j = json_loads(out, 0, NULL);
	assert_non_null(j);
	assert_true(json_is_integer(json_object_get(j, "schedules")));
	assert_true(json_is_real(json_object_get(j, "schedules_per_s")));
	assert_true(json_is_number(json_object_get(j, "operations_per_schedule")));
	assert_true(json_is_boolean(json_object_get(j, "exhausted")));
	assert_true(json_is_array(json_object_get(j, "violations")));
	return j;
}

static void json_and_replay(void **state)
{
	json_t *j = explore_json(TOYS "toy_deadlock.yaml --runs 200 --json", 1);
	const json_t *v = json_array_get(json_object_get(j, "violations"), 0);
	char args[4096];

	(void)state;
	assert_string_equal(json_string_value(json_object_get(v, "invariant")), "H");
	assert_true(json_is_integer(json_object_get(v, "steps")));
	assert_true(json_is_string(json_object_get(v, "where")));
	snprintf(args, sizeof(args), TOYS "toy_deadlock.yaml --replay %s --verbose",
		 json_string_value(json_object_get(v, "token")));
	assert_int_equal(explore(args), 1);
	assert_non_null(strstr(out, "invariant H violated"));
	assert_non_null(strstr(out, "CPU 1"));
	assert_non_null(strstr(out, "--replay LZ"));
	/* Of another scenario. */
	snprintf(args, sizeof(args), TOYS "toy_locked.yaml --replay %s",
		 json_string_value(json_object_get(v, "token")));
	assert_int_equal(explore(args), 3);
	json_decref(j);
	j = explore_json(TOYS "toy_locked.yaml --strategy dfs --bound 1 --runs 100000 --json", 0);
	assert_true(json_is_true(json_object_get(j, "exhausted")));
	json_decref(j);
}

static void ordinary_scenarios_can_be_explored(void **state)
{
	json_t *j = explore_json("tests/scenario/atc_silent.yaml --runs 3 --json", 0);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(j, "schedules")), 3);
	json_decref(j);
}

static void unknown_keys_are_errors(void **state)
{
	FILE *f = fopen("/tmp/lazaret-explore-test.yaml", "w");

	(void)state;
	assert_non_null(f);
	fputs("explore:\n  body: two_dead\n  colour: blue\n", f);
	fclose(f);
	assert_int_equal(explore("/tmp/lazaret-explore-test.yaml"), 2);
	assert_non_null(strstr(out, "lazaret-explore-test.yaml:3: "));
	remove("/tmp/lazaret-explore-test.yaml");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_codes),
		cmocka_unit_test(json_and_replay),
		cmocka_unit_test(ordinary_scenarios_can_be_explored),
		cmocka_unit_test(unknown_keys_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
