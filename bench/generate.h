/* SPDX-License-Identifier: BSD-2-Clause */
/* The scenario's random workload. */
#ifndef LZ_BENCH_GENERATE_H
#define LZ_BENCH_GENERATE_H

#include "bench/rig.h"

/* Starts its tasks, one per CPU; they count down r->running. */
bool generate_start(struct rig *r, const struct scenario_workload *w);

#endif
