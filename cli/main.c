/* SPDX-License-Identifier: BSD-2-Clause */
/* The lazaret command: finds the command and hands over. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{"run", cmd_run, "run a scenario and judge it by the invariants"},
	{"machine", cmd_machine, "show functions, stream ids and groups of a machine"},
	{"trace", cmd_trace, "summarise a DMA trace"},
	{"explore", cmd_explore, "run a scenario under every schedule that can be reached"},
	{"bench", cmd_bench, "figures: command queue, invalidation, containment"},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(void)
{
	puts("usage: lazaret COMMAND [ARGUMENT]...\n"
	     "\n"
	     "What a PCIe device that stops answering ATC invalidations does to a machine.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-9s %s\n", commands[i].name, commands[i].what);
	puts("\n"
	     "  lazaret COMMAND --help    the command's arguments\n"
	     "  lazaret --version         the version\n"
	     "\n"
	     "Exit: 0 held or fine, 1 an invariant was violated, 2 usage or input error,\n"
	     "3 internal error or inconclusive. Manual: lazaret(1)");
	return CLI_HELD;
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2)
		return cli_usage("lazaret", "expected a command; see lazaret --help");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help();
	if (!strcmp(argv[1], "--version")) {
		puts("lazaret " LAZARET_VERSION);
		return CLI_HELD;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	if (argv[1][0] == '-')
		return cli_usage("lazaret", "unknown option %s", argv[1]);
	return cli_usage("lazaret", "unknown command %s; see lazaret --help", argv[1]);
}

int main(int argc, char **argv)
{
	int code = dispatch(argc, argv);

	cli_progress_end();
	/* A result that could not be written is no result. */
	if (fflush(stdout) || ferror(stdout)) {
		fputs("lazaret: cannot write to standard output\n", stderr);
		return CLI_INTERNAL;
	}
	return code;
}
