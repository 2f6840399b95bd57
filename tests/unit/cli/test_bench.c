/* SPDX-License-Identifier: BSD-2-Clause */
/* lazaret bench: what comes out, never how fast. */
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

static char out[65536];

static int bench(const char *args, const char *redirect)
{
	const char *exe = getenv("LAZARET");
	char command[1024];
	size_t len;
	FILE *p;
	int status;

	assert_non_null(exe);
	snprintf(command, sizeof(command), "'%s' bench %s %s", exe, args, redirect);
	p = popen(command, "r");
	assert_non_null(p);
	len = fread(out, 1, sizeof(out) - 1, p);
	out[len] = '\0';
	status = pclose(p);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static json_t *bench_json(const char *args)
{
	json_t *j;

	assert_int_equal(bench(args, "2>/dev/null"), 0);
	j = json_loads(out, 0, NULL);
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "schema")), 1);
	return j;
}

static int64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

static void assert_spread(const json_t *row, const char *variant, bool there)
{
	const json_t *r = json_object_get(row, variant);
	double median, min, max;

	if (!there) {
		assert_null(r);
		return;
	}
	median = json_real_value(json_object_get(r, "median"));
	min = json_real_value(json_object_get(r, "min"));
	max = json_real_value(json_object_get(r, "max"));
	assert_true(min > 0 && min <= median && median <= max);
}

/* All rows of one IOMMU, then as many of the other; or of `only` alone. */
static void assert_iommus(const json_t *rows, const char *only)
{
	size_t n = json_array_size(rows);

	assert_true(n > 0 && (only || n % 2 == 0));
	for (size_t i = 0; i < n; i++)
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(rows, i), "iommu")),
			only	    ? only
			: i < n / 2 ? "smmuv3"
				    : "riscv");
}

static void assert_rates(const json_t *rows, bool off)
{
	size_t n = json_array_size(rows);

	assert_iommus(rows, NULL);
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(rows, i);

		assert_spread(row, "ours", true);
		assert_spread(row, "off", off);
		assert_spread(row, "ticket", true);
		assert_spread(row, "bare", number(row, "threads") == 1);
	}
}

static void queue(void **state)
{
	json_t *j = bench_json("queue --quick --json");

	(void)state;
	assert_rates(json_object_get(j, "commands_per_s"), false);
	json_decref(j);
}

static void one_iommu_of_them(void **state)
{
	static const struct {
		const char *args, *iommu, *rows;
	} of[] = {{"queue --quick --json --iommu riscv", "riscv", "commands_per_s"},
		  {"explore --quick --json --iommu riscv", "riscv", "runs"},
		  {"contain --quick --json --iommu riscv", "riscv", "runs"},
		  {"contain --quick --json --iommu smmuv3", "smmuv3", "runs"}};

	(void)state;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		json_t *j = bench_json(of[i].args);

		assert_iommus(json_object_get(j, of[i].rows), of[i].iommu);
		json_decref(j);
	}
}

/* Commands are what the algorithm says, containment adds nothing that others see, and
 * nothing waits or takes a lock. */
static void inval(void **state)
{
	json_t *j = bench_json("inval --quick --json");
	const json_t *costs = json_object_get(j, "per_unmap");

	(void)state;
	assert_rates(json_object_get(j, "invalidations_per_s"), true);
	assert_int_equal(json_array_size(costs), 16);
	assert_iommus(costs, NULL);
	for (size_t i = 0; i < 16; i++) {
		const json_t *c = json_array_get(costs, i);
		const json_t *twin = json_array_get(costs, i ^ 1);
		int64_t entries = number(c, "entries");

		assert_true(json_is_true(json_object_get(c, "exact")));
		assert_int_equal(number(c, "commands"), 2 + (entries ? entries + 1 : 0));
		assert_int_equal(number(c, "syncs"), entries ? 2 : 1);
		assert_int_equal(number(c, "mmio_writes"), number(c, "syncs"));
		assert_int_equal(number(c, "mmio_reads"), number(c, "syncs"));
		assert_int_equal(number(c, "locks"), 0);
		assert_int_equal(number(c, "waits"), 0);
		assert_int_equal(number(c, "rmws"), number(twin, "rmws"));
		assert_int_equal(number(c, "stores"), number(twin, "stores"));
	}
	json_decref(j);
}

static void contain(void **state)
{
	json_t *j = bench_json("contain --quick --json");
	const json_t *runs = json_object_get(j, "runs");
	size_t n = json_array_size(runs), fenced = 0;

	(void)state;
	assert_true(n >= 4);
	for (size_t i = 0; i < n; i++) {
		const json_t *r = json_array_get(runs, i);
		const json_t *at = json_object_get(r, "fenced_after_ns");

		/* Side by side. */
		assert_string_equal(json_string_value(json_object_get(r, "iommu")),
				    i % 2 ? "riscv" : "smmuv3");
		assert_string_equal(json_string_value(json_object_get(r, "verdict")), "held");
		assert_int_equal(number(r, "false_quarantines"), 0);
		assert_true(number(r, "noticed_after_ns") >= number(r, "timeout_ns") ||
			    number(r, "timeout_ns") > 1000000000);
		if (json_is_null(at))
			continue;
		fenced++;
		assert_true(json_integer_value(at) > number(r, "noticed_after_ns"));
		assert_true(number(r, "fences") >= number(r, "broken"));
		assert_true(number(r, "commands") > 0);
	}
	assert_true(fenced > 0);
	json_decref(j);
}

/* One queue: the neighbour waits as long as the hardware. A lane: it does not. */
static void lanes(void **state)
{
	json_t *j = bench_json("lanes --quick --json");
	const json_t *first = json_array_get(json_object_get(j, "regimes"), 0), *run;
	const json_t *runs = json_object_get(first, "runs");
	size_t i, k;

	(void)state;
	assert_int_equal(json_array_size(json_object_get(j, "regimes")), 1);
	assert_int_equal(json_array_size(runs), 3);
	assert_true(number(first, "quiet_ns") < 100000);
	json_array_foreach(runs, i, run)
	{
		bool lane = number(run, "lanes_used") > 0;

		assert_true(json_is_true(json_object_get(run, "held")));
		assert_int_equal(lane, i > 0);
		assert_true(lane ? number(run, "neighbour_ns") < 100000
				 : number(run, "neighbour_ns") > 25000000);
		assert_true(number(run, "fenced_after_ns") > 50000000);
	}
	assert_true(json_real_value(json_object_get(first, "ratio_ecmdq")) > 250);
	assert_true(json_real_value(json_object_get(first, "ratio_cmdqv")) > 250);
	/* One whose own ATC invalidations share the lane waits with any. */
	runs = json_array_get(json_object_get(j, "variants"), 1);
	assert_true(json_is_true(json_object_get(runs, "neighbour_ats")));
	json_array_foreach(json_object_get(runs, "runs"), k, run)
	{
		assert_true(number(run, "neighbour_ns") > 25000000);
	}
	assert_int_equal(k, 6);
	json_decref(j);
}

static void wrong_usage(void **state)
{
	static const char *const wrong[] = {"",
					    "walk",
					    "queue inval",
					    "queue --walk",
					    "contain --iommu vtd",
					    "queue --iommu",
					    "lanes --iommu riscv"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(bench(wrong[i], "2>&1 >/dev/null"), 2);
		assert_int_equal(strncmp(out, "lazaret bench: ", 15), 0);
		assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
		assert_int_equal(bench(wrong[i], "2>/dev/null"), 2);
		assert_string_equal(out, "");
	}
	assert_int_equal(bench("--help", "2>/dev/null"), 0);
	assert_int_equal(strncmp(out, "usage: lazaret bench", 20), 0);
}

static void explore_has_rates_with_and_without_oracles(void **state)
{
	json_t *j = bench_json("explore --quick --json"), *run;
	size_t i;

	(void)state;
	assert_true(json_real_value(json_object_get(j, "schedules_per_s_per_core")) > 0);
	assert_true(json_real_value(json_object_get(j, "operations_per_s")) > 0);
	assert_spread(j, "switch_ns", true);
	assert_int_equal(json_array_size(json_object_get(j, "runs")), 18);
	assert_iommus(json_object_get(j, "runs"), NULL);
	json_array_foreach(json_object_get(j, "runs"), i, run)
	{
		assert_spread(run, "schedules_per_s_per_core", true);
		assert_spread(run, "operations_per_s", true);
		assert_non_null(json_string_value(json_object_get(run, "oracles")));
	}
	assert_int_equal(json_array_size(json_object_get(j, "memory")), 6);
	json_array_foreach(json_object_get(j, "memory"), i, run)
	{
		json_t *peak = json_object_get(run, "peak");

		assert_true(json_is_integer(json_object_get(run, "pages")));
		assert_int_equal(json_array_size(peak), 2);
		assert_true(json_integer_value(json_object_get(json_array_get(peak, 0), "runs")) <
			    json_integer_value(json_object_get(json_array_get(peak, 1), "runs")));
		assert_true(json_integer_value(json_object_get(json_array_get(peak, 1), "kib")) >
			    0);
	}
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explore_has_rates_with_and_without_oracles),
		cmocka_unit_test(queue),
		cmocka_unit_test(one_iommu_of_them),
		cmocka_unit_test(inval),
		cmocka_unit_test(contain),
		cmocka_unit_test(lanes),
		cmocka_unit_test(wrong_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
