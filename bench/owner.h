/* SPDX-License-Identifier: BSD-2-Clause */
/* Whoever drives the devices: told of a quarantine it resets, disconnects or does nothing. */
#ifndef LZ_BENCH_OWNER_H
#define LZ_BENCH_OWNER_H

#include "bench/rig.h"

extern const struct lz_owner_ops owner_ops; /* ctx: struct rig_fn */
/* Memory and bus master enable, as a driver does at probe and after a reset. */
void owner_enable(struct rig_fn *fn);

/* Resets the function by the method, or the first of all; notes nothing. */
enum lz_status owner_reset_by(struct rig_fn *fn, enum scenario_reset method);

#endif
