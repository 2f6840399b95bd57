/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scenario's `storm`: devices in domains of its own, bursts of mappings,
 * and at random times a random blow to a random device.
 */
#ifndef LZ_BENCH_STORM_H
#define LZ_BENCH_STORM_H

#include "bench/rig.h"

/* Domains, and every function attached to one. Task context, before the run is armed. */
bool storm_prepare(struct rig *r);
/* Starts its task; r->running says when it is over. */
bool storm_start(struct rig *r);
void storm_free(struct rig *r);

#endif
