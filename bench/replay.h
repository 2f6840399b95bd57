/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replays a recorded trace of maps and unmaps: one task per recorded CPU, each
 * event at its recorded time or later, in its recorded context, and for one
 * page in the recorded order across CPUs.
 */
#ifndef LZ_BENCH_REPLAY_H
#define LZ_BENCH_REPLAY_H

#include "bench/rig.h"

/* Starts the tasks; they count down r->running. */
bool replay_start(struct rig *r, const struct scenario_workload *w);
void replay_free(struct rig *r);

#endif
