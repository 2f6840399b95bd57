/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA: a device uses what was mapped for it, and uses cached translations again
 * now and then, also after the unmap. A device that fell silent goes on.
 */
#ifndef LZ_BENCH_TRAFFIC_H
#define LZ_BENCH_TRAFFIC_H

#include "bench/rig.h"

void traffic_start(struct rig *r);
void traffic_mapped(struct rig_domain *d, uint64_t iova, uint64_t size, unsigned prot);
void traffic_unmapped(struct rig_domain *d);

#endif
