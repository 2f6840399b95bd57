/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a trace, plain or gzip: summed up, or refused with one line. */
#define _GNU_SOURCE
#include "fuzz_file.h"
#include "machine/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A few lines may name terabytes; the shadow of all of them is only slow. */
#define BIG (64u << 20)

static int map(void *ctx, const struct trace_event *e)
{
	return e->size <= BIG ? trace_shadow_ops.map(ctx, e) : 0;
}

static int unmap(void *ctx, const struct trace_event *e)
{
	return e->size <= BIG ? trace_shadow_ops.unmap(ctx, e) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file;
	struct trace_shadow *s = trace_shadow_new();
	struct trace_ops ops = trace_shadow_ops;
	char err[256] = "";

	if (!s)
		return 0;
	ops.map = map;
	ops.unmap = unmap;
	if (trace_read(fuzz_file(&file, data, size), &ops, s, 0, err, sizeof(err)))
		fuzz_check_error(err);
	trace_shadow_free(s);
	return 0;
}
