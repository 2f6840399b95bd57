/* SPDX-License-Identifier: BSD-2-Clause */
/* Options, numbers and the one line of a usage error. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct parsed {
	const char *seed;
	bool json;
	int n, code;
	char *argv[8];
	char said[300]; /* on stderr */
};

/* Points `fd` at a temporary file; returns a copy of what it was. */
static int divert(int fd, FILE **file)
{
	int saved;

	fflush(NULL);
	saved = dup(fd);
	*file = tmpfile();
	assert_non_null(*file);
	assert_true(dup2(fileno(*file), fd) >= 0);
	return saved;
}

static void restore(int fd, int saved, FILE *file, char *text, size_t size)
{
	size_t len;

	fflush(NULL);
	dup2(saved, fd);
	close(saved);
	rewind(file);
	len = fread(text, 1, size - 1, file);
	text[len] = '\0';
	fclose(file);
}

static void parse(struct parsed *p, const char *line)
{
	static char words[200];
	int argc = 0, saved;
	FILE *file;

	memset(p, 0, sizeof(*p));
	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		p->argv[argc++] = w;
	saved = divert(STDERR_FILENO, &file);
	p->n = cli_options(argc, p->argv,
			   (const struct cli_option[]){
				   {"--seed", &p->seed, NULL}, {"--json", NULL, &p->json}, {0}},
			   "", &p->code);
	restore(STDERR_FILENO, saved, file, p->said, sizeof(p->said));
}

static void options_and_arguments(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "run a --seed 7 b --json");
	assert_int_equal(p.n, 2);
	assert_string_equal(p.argv[1], "a");
	assert_string_equal(p.argv[2], "b");
	assert_string_equal(p.seed, "7");
	assert_true(p.json);
	assert_string_equal(p.said, "");

	parse(&p, "run --seed=8 -- --json -");
	assert_int_equal(p.n, 2);
	assert_string_equal(p.argv[1], "--json");
	assert_string_equal(p.argv[2], "-");
	assert_string_equal(p.seed, "8");
	assert_false(p.json);
}

static void usage_errors(void **state)
{
	static const char *const bad[][2] = {
		{"run --x", "lazaret run: unknown option --x\n"},
		{"run --x=3", "lazaret run: unknown option --x\n"},
		{"run --see 3", "lazaret run: unknown option --see\n"},
		{"run -s", "lazaret run: unknown option -s\n"},
		{"run --seed", "lazaret run: --seed needs an argument\n"},
		{"run --json=1", "lazaret run: --json takes no argument\n"},
		{"run --json --json", "lazaret run: --json is given twice\n"},
		{"run --seed 1 --seed 2", "lazaret run: --seed is given twice\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct parsed p;

		parse(&p, bad[i][0]);
		assert_int_equal(p.n, -1);
		assert_int_equal(p.code, CLI_INPUT);
		assert_string_equal(p.said, bad[i][1]);
	}
}

static void help_wins(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "run --nonsense --help");
	assert_int_equal(p.n, -1);
	assert_int_equal(p.code, CLI_HELD);
	assert_string_equal(p.said, "");
}

static void one_line(void **state)
{
	char text[100];
	FILE *file;
	int saved = divert(STDERR_FILENO, &file);

	(void)state;
	cli_usage("run", "bad %s", "a\nb\033[31m");
	restore(STDERR_FILENO, saved, file, text, sizeof(text));
	assert_string_equal(text, "lazaret run: bad a?b?[31m\n");
}

static void numbers(void **state)
{
	uint64_t v = 5;

	(void)state;
	assert_true(cli_number("18446744073709551615", 0, UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_true(cli_number("3", 3, 3, &v));
	assert_int_equal(v, 3);
	for (const char *const *bad = (const char *const[]){"", "-1", "+1", "1x", "0x1", " 1", "4",
							    "18446744073709551616", NULL};
	     *bad; bad++)
		assert_false(cli_number(*bad, 0, 3, &v));
	assert_int_equal(v, 3);
}

/* Here neither stdout nor stderr is a terminal. */
static void plain_without_terminal(void **state)
{
	char text[100];
	FILE *file;
	int saved = divert(STDOUT_FILENO, &file);

	(void)state;
	printf("%sx%s", cli_color(CLI_RED), cli_color(CLI_PLAIN));
	restore(STDOUT_FILENO, saved, file, text, sizeof(text));
	assert_string_equal(text, "x");

	saved = divert(STDERR_FILENO, &file);
	cli_progress(1, 2, "working");
	cli_progress_end();
	restore(STDERR_FILENO, saved, file, text, sizeof(text));
	assert_string_equal(text, "");
}

static void json_lines(void **state)
{
	char text[100];
	FILE *file;
	int saved = divert(STDOUT_FILENO, &file);

	(void)state;
	assert_int_equal(cli_json_print(json_pack("{s:i}", "schema", 1), 0), CLI_HELD);
	assert_int_equal(cli_json_print(NULL, 0), CLI_INTERNAL);
	restore(STDOUT_FILENO, saved, file, text, sizeof(text));
	assert_string_equal(text, "{\"schema\":1}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_arguments),
		cmocka_unit_test(usage_errors),
		cmocka_unit_test(help_wins),
		cmocka_unit_test(one_line),
		cmocka_unit_test(numbers),
		cmocka_unit_test(plain_without_terminal),
		cmocka_unit_test(json_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
