/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a scenario for exploration; docs/EXPLORER.md documents the keys. */
#ifndef LAZARET_CLI_EXPLORE_LOAD_H
#define LAZARET_CLI_EXPLORE_LOAD_H

#include "explore/rig.h"

/* 0; 1: the file has no `explore:` section; -1: one line in `err`. */
int explore_load(const char *path, struct ex_case *out, char *err, size_t err_size);
void explore_free(struct ex_case *c);

#endif
