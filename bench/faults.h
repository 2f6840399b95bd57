/* SPDX-License-Identifier: BSD-2-Clause */
/* Carries out the scenario's `faults`. */
#ifndef LZ_BENCH_FAULTS_H
#define LZ_BENCH_FAULTS_H

#include "bench/rig.h"

/* Makes each happen at its moment. False: out of memory. */
bool faults_add(struct rig *r);
/* What was to hit whoever comes next hits nobody. */
void faults_disarm(struct rig *r);
/* One of them, now; hardware context allowed. */
void faults_inject(struct rig *r, const struct scenario_fault *f);

#endif
