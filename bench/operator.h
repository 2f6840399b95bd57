/* SPDX-License-Identifier: BSD-2-Clause */
/* Carries out the scenario's `operator`. */
#ifndef LZ_BENCH_OPERATOR_H
#define LZ_BENCH_OPERATOR_H

#include "bench/rig.h"

/* Before moments_start(). False: out of memory. */
bool operator_add(struct rig *r);
/* The scenario's word as the library's. */
uint32_t operator_policy(unsigned policy);
enum lz_contain operator_contain(unsigned contain);

#endif
