/* SPDX-License-Identifier: BSD-2-Clause */
/* lazaret trace: sums over an ftrace file, and whether it is consistent. */
#include "cli/cli.h"
#include "machine/trace.h"

#include <inttypes.h>
#include <stdio.h>

static const char help[] =
	"usage: lazaret trace FILE[.gz] [--json]\n"
	"\n"
	"Reads the text of ftrace's iommu events, plain or gzip, with or without kprobe lines\n"
	"that name the domain, and checks it against a shadow of every domain's pages.\n"
	"\n"
	"  --json  the same for programs, as one object\n"
	"\n"
	"Exit: 0 fine (also when the trace contradicts itself: see the errors), 2 usage or\n"
	"input error.\n";

static void progress(void *ctx, uint64_t done, uint64_t total)
{
	(void)ctx;
	cli_progress(done, total, "reading the trace");
}

static int print_json(const struct trace_summary *t)
{
	json_t *o = json_object(), *by = json_object(), *errors = json_object();

	json_object_set_new(by, "task", json_integer((json_int_t)t->unmaps_by_context[TRACE_TASK]));
	json_object_set_new(by, "softirq",
			    json_integer((json_int_t)t->unmaps_by_context[TRACE_SOFTIRQ]));
	json_object_set_new(by, "hardirq",
			    json_integer((json_int_t)t->unmaps_by_context[TRACE_HARDIRQ]));
	json_object_set_new(errors, "overlaps", json_integer((json_int_t)t->overlaps));
	json_object_set_new(errors, "unknown_pages", json_integer((json_int_t)t->unknown_pages));
	json_object_set_new(errors, "unattributed", json_integer((json_int_t)t->unattributed));
	json_object_set_new(o, "maps", json_integer((json_int_t)t->maps));
	json_object_set_new(o, "unmaps", json_integer((json_int_t)t->unmaps));
	json_object_set_new(o, "domains", json_integer(t->domains));
	json_object_set_new(o, "devices", json_integer(t->devices));
	json_object_set_new(o, "peak_pages", json_integer((json_int_t)t->peak_pages));
	json_object_set_new(o, "end_pages", json_integer((json_int_t)t->pages));
	json_object_set_new(o, "irq_context_unmaps",
			    json_integer((json_int_t)(t->unmaps_by_context[TRACE_SOFTIRQ] +
						      t->unmaps_by_context[TRACE_HARDIRQ])));
	json_object_set_new(o, "unmaps_by_context", by);
	json_object_set_new(o, "flushes", json_integer((json_int_t)t->flushes));
	json_object_set_new(o, "duration_us",
			    json_integer((json_int_t)((t->last_ns - t->first_ns) / 1000)));
	json_object_set_new(o, "errors", json_integer((json_int_t)t->errors));
	json_object_set_new(o, "errors_by_kind", errors);
	return cli_json_print(o, 0);
}

static void print_summary(const char *path, const struct trace_summary *t)
{
	printf("%s: %.3f s\n", path, (double)(t->last_ns - t->first_ns) / 1e9);
	printf("  maps     %10" PRIu64 "\n", t->maps);
	printf("  unmaps   %10" PRIu64 "   (%" PRIu64 " in hard interrupt, %" PRIu64
	       " in soft interrupt, %" PRIu64 " in task context)\n",
	       t->unmaps, t->unmaps_by_context[TRACE_HARDIRQ], t->unmaps_by_context[TRACE_SOFTIRQ],
	       t->unmaps_by_context[TRACE_TASK]);
	if (t->flushes)
		printf("  flushes  %10" PRIu64 "   (of a whole domain: lazy mode)\n", t->flushes);
	printf("  domains  %10u\n", t->domains);
	printf("  devices  %10u\n", t->devices);
	printf("  pages    %10" PRIu64 "   mapped at most, %" PRIu64 " at the end (4 KiB)\n",
	       t->peak_pages, t->pages);
	if (!t->errors) {
		printf("%sno errors%s\n", cli_color(CLI_GREEN), cli_color(CLI_PLAIN));
		return;
	}
	printf("%s%" PRIu64 " errors%s: %" PRIu64 " maps over mapped pages, %" PRIu64
	       " unmaps of unmapped pages, %" PRIu64
	       " events of an unknown domain; the first in line "
	       "%" PRIu64 "\n",
	       cli_color(CLI_RED), t->errors, cli_color(CLI_PLAIN), t->overlaps, t->unknown_pages,
	       t->unattributed, t->first_error_line);
}

int cmd_trace(int argc, char **argv)
{
	bool json = false;
	const struct cli_option opts[] = {{"--json", NULL, &json}, {NULL, NULL, NULL}};
	struct trace_ops ops = trace_shadow_ops;
	struct trace_shadow *shadow;
	char err[1024];
	int code = CLI_HELD, n = cli_options(argc, argv, opts, help, &code);

	if (n < 0)
		return code;
	if (n != 1)
		return cli_usage("trace", "expected one trace file (--help tells more)");
	shadow = trace_shadow_new();
	if (!shadow)
		return CLI_INTERNAL;
	ops.progress = progress;
	if (trace_read(argv[1], &ops, shadow, 0, err, sizeof(err))) {
		code = cli_input_error(err);
	} else if (trace_shadow_failed(shadow)) {
		cli_progress_end();
		fprintf(stderr, "%s:1: expected enough memory to hold it\n", argv[1]);
		code = CLI_INTERNAL;
	} else {
		cli_progress_end();
		if (json)
			code = print_json(trace_shadow_summary(shadow));
		else
			print_summary(argv[1], trace_shadow_summary(shadow));
	}
	trace_shadow_free(shadow);
	return code;
}
