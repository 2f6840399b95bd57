/* SPDX-License-Identifier: BSD-2-Clause */
/* Options, usage errors, colour, progress and JSON for every command. */
#include "cli/cli.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void cli_one_line(char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

static int vline(const char *prefix, const char *cmd, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	cli_one_line(text);
	cli_progress_end();
	fprintf(stderr, "%s%s%s: %s\n", prefix, *prefix ? " " : "", cmd, text);
	return CLI_INPUT;
}

int cli_usage(const char *cmd, const char *fmt, ...)
{
	va_list ap;
	int code;

	va_start(ap, fmt);
	code = strcmp(cmd, "lazaret") ? vline("lazaret", cmd, fmt, ap) : vline("", cmd, fmt, ap);
	va_end(ap);
	return code;
}

int cli_input_error(const char *text)
{
	cli_progress_end();
	fprintf(stderr, "%s\n", text);
	return CLI_INPUT;
}

static const struct cli_option *find_option(const struct cli_option *opts, const char *arg,
					    size_t len)
{
	for (const struct cli_option *o = opts; o->name; o++)
		if (strlen(o->name) == len && !strncmp(o->name, arg, len))
			return o;
	return NULL;
}

/* One option at argv[*i]; false after a usage error. */
static bool take_option(int argc, char **argv, int *i, const struct cli_option *opts)
{
	const char *arg = argv[*i];
	const char *eq = strchr(arg, '=');
	size_t len = eq ? (size_t)(eq - arg) : strlen(arg);
	const struct cli_option *o = find_option(opts, arg, len);

	if (!o) {
		cli_usage(argv[0], "unknown option %.*s", (int)len, arg);
		return false;
	}
	if (o->flag ? *o->flag : *o->value != NULL) {
		cli_usage(argv[0], "%s is given twice", o->name);
		return false;
	}
	if (o->flag) {
		if (eq)
			cli_usage(argv[0], "%s takes no argument", o->name);
		*o->flag = true;
		return !eq;
	}
	if (!eq && *i + 1 >= argc) {
		cli_usage(argv[0], "%s needs an argument", o->name);
		return false;
	}
	*o->value = eq ? eq + 1 : argv[++*i];
	return true;
}

int cli_options(int argc, char **argv, const struct cli_option *opts, const char *help, int *code)
{
	bool ended = false;
	int n = 0;

	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(help, stdout);
			*code = CLI_HELD;
			return -1;
		}
	}
	for (int i = 1; i < argc; i++) {
		if (ended || argv[i][0] != '-' || !argv[i][1]) {
			argv[++n] = argv[i];
		} else if (!strcmp(argv[i], "--")) {
			ended = true;
		} else if (!take_option(argc, argv, &i, opts)) {
			*code = CLI_INPUT;
			return -1;
		}
	}
	return n;
}

bool cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

const char *cli_color(enum cli_color c)
{
	static const char *const sequence[] = {
		[CLI_PLAIN] = "\033[0m",  [CLI_BOLD] = "\033[1m",    [CLI_RED] = "\033[31m",
		[CLI_GREEN] = "\033[32m", [CLI_YELLOW] = "\033[33m", [CLI_DIM] = "\033[2m",
	};
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	bool dumb = term && !strcmp(term, "dumb");

	return isatty(STDOUT_FILENO) && (!no || !*no) && !dumb ? sequence[c] : "";
}

static bool progress_shown;

void cli_progress(uint64_t done, uint64_t total, const char *text)
{
	static uint64_t last_ms;
	struct timespec ts;
	uint64_t ms;

	if (!isatty(STDERR_FILENO))
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	if (progress_shown && ms - last_ms < 100)
		return;
	last_ms = ms;
	progress_shown = true;
	if (total)
		fprintf(stderr, "\r\033[K%s %llu%%", text,
			(unsigned long long)((double)done * 100.0 / (double)total));
	else
		fprintf(stderr, "\r\033[K%s %llu", text, (unsigned long long)done);
	fflush(stderr);
}

void cli_progress_end(void)
{
	if (!progress_shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	progress_shown = false;
}

int cli_json_print(json_t *value, unsigned indent)
{
	size_t flags = indent ? JSON_INDENT(indent) : JSON_COMPACT;
	bool failed;

	cli_progress_end();
	failed = !value || json_dumpf(value, stdout, flags | JSON_ENCODE_ANY) ||
		 putchar('\n') == EOF || fflush(stdout);
	json_decref(value);
	return failed ? CLI_INTERNAL : CLI_HELD;
}
