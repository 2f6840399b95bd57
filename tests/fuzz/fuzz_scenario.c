/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a scenario: accepted, or refused with one line. */
#include "cli/scenario.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scenario s;
	char err[160] = "";

	if (!scenario_parse("s.yaml", data, size, &s, err, sizeof(err)))
		scenario_free(&s);
	else if (strncmp(err, "s.yaml:", 7) || strchr(err, '\n'))
		abort();
	return 0;
}
