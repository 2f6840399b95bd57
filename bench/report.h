/* SPDX-License-Identifier: BSD-2-Clause */
/* A result for people, and as JSON. */
#ifndef LZ_BENCH_REPORT_H
#define LZ_BENCH_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "bench/result.h"

/* Escape sequences, or empty strings. */
struct report_style {
	const char *plain, *bold, *red, *green, *yellow, *dim;
};

void report_timeline(FILE *f, const struct report_style *s, const struct result *r);
void report_invariants(FILE *f, const struct report_style *s, const struct result *r);
void report_health(FILE *f, const struct report_style *s, const struct result *r);
void report_figures(FILE *f, const struct report_style *s, const struct result *r);
/* Nothing, where there was none. */
void report_storm(FILE *f, const struct report_style *s, const struct result *r);
/* All of the above. */
void report_run(FILE *f, const struct report_style *s, const struct result *r);
/* One line: regime, verdict, what was violated. */
void report_line(FILE *f, const struct report_style *s, const struct result *r);
/* Runs side by side, one column each. */
void report_compare(FILE *f, const struct report_style *s, const char *const *labels,
		    const struct result *r, unsigned n);

/* The object of CLI.md; NULL when out of memory. */
json_t *report_json(const struct result *r);

#endif
