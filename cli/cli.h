/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands share: options, exit codes, colour, progress, JSON. */
#ifndef LAZARET_CLI_H
#define LAZARET_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum cli_exit {
	CLI_HELD = 0,	  /* held, or fine */
	CLI_VIOLATED = 1, /* an invariant or an expectation was violated */
	CLI_INPUT = 2,	  /* usage or input error, one line on stderr */
	CLI_INTERNAL = 3, /* internal error, inconclusive */
};

/* The commands. argv[0] is the command's name. Return an exit code. */
int cmd_run(int argc, char **argv);
int cmd_machine(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_explore(int argc, char **argv);

/* A long option. Exactly one of `value` and `flag` is set. */
struct cli_option {
	const char *name;   /* with its dashes: "--seed" */
	const char **value; /* takes an argument: --seed 7 or --seed=7 */
	bool *flag;
};

/*
 * Reads options out of argv[1..argc-1]; "--" ends them. An option may stand
 * once. Positional arguments are moved to argv[1..n]; returns n. Returns -1
 * when the command is to end with *code: `help` was printed to stdout
 * (--help or -h), or a usage error to stderr. `opts` ends with a NULL name.
 */
int cli_options(int argc, char **argv, const struct cli_option *opts, const char *help, int *code);

/* Prints "lazaret CMD: ..." as one line to stderr. Returns CLI_INPUT. */
int cli_usage(const char *cmd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints "..." (FILE:LINE: what was expected) as one line to stderr. Returns CLI_INPUT. */
int cli_input_error(const char *text);

/* Replaces control characters: what comes from outside must not break a line. */
void cli_one_line(char *text);

/* A whole decimal number in [min, max]; false for everything else. */
bool cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* Colour: only when stdout is a terminal and NO_COLOR is unset or empty. */
enum cli_color { CLI_PLAIN, CLI_BOLD, CLI_RED, CLI_GREEN, CLI_YELLOW, CLI_DIM };
/* The escape sequence for `c`, "" without colour. CLI_PLAIN ends a colour. */
const char *cli_color(enum cli_color c);

/* Redraws the progress line on stderr, only when that is a terminal and not
 * more often than ten times a second. `total` 0: unknown. */
void cli_progress(uint64_t done, uint64_t total, const char *text);
/* Takes the progress line away. Call it before any other output. */
void cli_progress_end(void);

/* Prints `value` and a newline to stdout as one line (`indent` 0) or indented,
 * and drops the reference. CLI_HELD, or CLI_INTERNAL when that failed. */
int cli_json_print(json_t *value, unsigned indent);

#endif
