/* SPDX-License-Identifier: BSD-2-Clause */
/* Command queues that an SMMUv3 of the rig has beside its own. */
#ifndef LZ_BENCH_HW_LANES_H
#define LZ_BENCH_HW_LANES_H

#include "bench/rig.h"
#include "lazaret/smmuv3.h"

/* Into the model's configuration, before there is a model. */
void lanes_config(const struct rig_unit *u, struct lzm_smmu_config *cfg);
/* What is beside the SMMU, and its registers and interrupt line. False: no memory. */
bool lanes_create(struct rig_unit *u);
void lanes_start(struct rig_unit *u);
/* What an embedder knows of them. */
void lanes_describe(const struct rig_unit *u, struct lz_smmuv3_desc *desc);

#endif
