/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsing from memory in which every overrun is seen by the sanitizer. */
#include "scenario_text.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

char parse_error[700];

int parse_text(const char *text, struct scenario *out)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, len);
	parse_error[0] = '\0';
	result = scenario_parse("dir/s.yaml", copy, len, out, parse_error, sizeof(parse_error));
	free(copy);
	return result;
}

void expect_error(const char *text, const char *rest)
{
	static const struct scenario empty;
	struct scenario s;
	char want[700] = "dir/s.yaml:";

	strncat(want, rest, sizeof(want) - strlen(want) - 1);
	assert_int_equal(parse_text(text, &s), -1);
	assert_string_equal(parse_error, want);
	assert_memory_equal(&s, &empty, sizeof(s));
}
