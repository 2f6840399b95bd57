/* SPDX-License-Identifier: BSD-2-Clause */
/* A scenario with its machine, loaded once per test. */
#ifndef TESTS_SCENARIO_COMMON_H
#define TESTS_SCENARIO_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/rig.h"

struct loaded {
	struct scenario sc;
	struct machine m;
};

/* `path` counts from the source root. Fails the test when it cannot be read. */
void load(struct loaded *l, const char *path);
void unload(struct loaded *l);
/* Fails the test with the first violation of any invariant. */
void assert_all_held(const struct result *r);
const struct result_device *device_named(const struct result *r, const char *bdf);

#endif
