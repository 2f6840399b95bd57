/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenario texts for the tests of the parser. */
#ifndef SCENARIO_TEXT_H
#define SCENARIO_TEXT_H

#include "cli/scenario.h"

/* A scenario of which only the machine is given, on lines 1 to 3. */
#define MACHINE "machine:\n  lspci: m.lspci\n  iort: m.iort\n"
/* One with a domain and a workload, so that faults can be added from line 8 on. */
#define LOADED                                                       \
	MACHINE "domains:\n  - {name: d, devices: [0000:01:00.0]}\n" \
		"workload:\n  - {generate: random, domain: d}\n"

/* Parses text as the file "dir/s.yaml", from a copy without a byte behind it. */
int parse_text(const char *text, struct scenario *out);
/* The error of the last parse_text(). */
extern char parse_error[700];
/* Fails the test unless parsing gives exactly `dir/s.yaml:` and `rest`. */
void expect_error(const char *text, const char *rest);

#endif
