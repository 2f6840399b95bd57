/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a scenario for exploration; docs/EXPLORER.md documents the keys. */
#ifndef LAZARET_CLI_EXPLORE_LOAD_H
#define LAZARET_CLI_EXPLORE_LOAD_H

#include "explore/rig.h"

/* 0; 1: the file has no `explore:` section; -1: one line in `err`. */
int explore_load(const char *path, struct ex_case *out, char *err, size_t err_size);
/* What `iommu` may say, by enum exr_iommu; NULL behind the last. */
extern const char *const explore_iommus[];
/* False, and why: the case is not for the IOMMU that it names. */
bool explore_check_iommu(const struct ex_case *c, char *err, size_t err_size);
void explore_free(struct ex_case *c);

#endif
