/* SPDX-License-Identifier: BSD-2-Clause */
/* Carries out the scenario's `actions`: what the embedder does besides the owners. */
#ifndef LZ_BENCH_ACTIONS_H
#define LZ_BENCH_ACTIONS_H

#include "bench/rig.h"

/* Makes each happen at its moment. False: out of memory. */
bool actions_add(struct rig *r);
/* Everybody who is there below it, at once. Task context. */
void actions_bus_reset(struct rig_fn *port);
/* One of them, now. Task context; returns when it is done. */
void actions_act(struct rig *r, const struct scenario_action *a);

#endif
