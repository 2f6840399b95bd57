/* SPDX-License-Identifier: BSD-2-Clause */
/* Carries out the scenario's `faults`. */
#ifndef LZ_BENCH_FAULTS_H
#define LZ_BENCH_FAULTS_H

#include "bench/rig.h"

/* Starts the tasks of those with a time. Task context, workload begins now. */
void faults_start(struct rig *r);
/* One operation of the workload is done: those with a share of it. */
void faults_progress(struct rig *r);
/* The workload is over: whatever waited for a share of it happens now. */
void faults_finish(struct rig *r);

#endif
