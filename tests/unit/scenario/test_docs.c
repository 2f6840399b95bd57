/* SPDX-License-Identifier: BSD-2-Clause */
/* docs/SCENARIO.md has every key and word of the parser, and its examples parse. */
#include "scenario_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *page;

static int read_page(void **state)
{
	FILE *f = fopen("docs/SCENARIO.md", "rb");
	size_t size = 1 << 16, len;

	(void)state;
	page = calloc(1, size);
	if (!f || !page)
		return -1;
	len = fread(page, 1, size - 1, f);
	fclose(f);
	return len == 0 || len == size - 1;
}

static int free_page(void **state)
{
	(void)state;
	free(page);
	return 0;
}

/* A key is documented by a table row, a word by standing in code type. */
static void look_up(void *ctx, const char *key, const char *word)
{
	unsigned *n = ctx;
	char want[160];

	++*n;
	if (word)
		snprintf(want, sizeof(want), "`%s`", word);
	else
		snprintf(want, sizeof(want), "\n| `%s` |", key);
	if (!strstr(page, want))
		fail_msg("docs/SCENARIO.md lacks %s of %s", want, key);
}

static void every_key_is_documented(void **state)
{
	unsigned n = 0;

	(void)state;
	scenario_vocabulary(look_up, &n);
	assert_true(n > 80);
}

/* No documented key that the parser does not have. */
static void count_rows(void *ctx, const char *key, const char *word)
{
	(void)key;
	*(unsigned *)ctx += !word;
}

static void nothing_else_is_documented(void **state)
{
	unsigned keys = 0, rows = 0;

	(void)state;
	scenario_vocabulary(count_rows, &keys);
	/* Rows of keys have four columns; those of fault kinds have three. */
	for (const char *p = strstr(page, "\n| `"); p; p = strstr(p + 1, "\n| `")) {
		unsigned bars = 0;

		for (const char *c = p + 1; *c && *c != '\n'; c++)
			bars += *c == '|';
		rows += bars == 5;
	}
	assert_int_equal(rows, keys);
}

/* A fragment is completed by a machine and a domain if it lacks them. */
static void parse_example(const char *text, size_t len)
{
	struct scenario s;
	char whole[4096];

	assert_true(len < 3000);
	snprintf(whole, sizeof(whole), "%.*s", (int)len, text);
	if (!strstr(whole, "machine:"))
		strcat(whole, MACHINE);
	if (!strstr(whole, "domains:"))
		strcat(whole, "domains: [{name: shared, devices: [0000:01:00.0]}]\n");
	if (!strstr(whole, "workload:"))
		strcat(whole, "workload: [{generate: random, domain: shared}]\n");
	if (parse_text(whole, &s))
		fail_msg("%s in:\n%s", parse_error, whole);
	scenario_free(&s);
}

static void examples_parse(void **state)
{
	unsigned n = 0;

	(void)state;
	for (const char *p = strstr(page, "```yaml\n"); p; p = strstr(p, "```yaml\n")) {
		const char *start = p + strlen("```yaml\n"), *end = strstr(start, "```");

		assert_non_null(end);
		parse_example(start, (size_t)(end - start));
		p = end;
		n++;
	}
	assert_true(n >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_documented),
		cmocka_unit_test(nothing_else_is_documented),
		cmocka_unit_test(examples_parse),
	};

	return cmocka_run_group_tests(tests, read_page, free_page);
}
