/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is built in: each 1 or 0, set by the Meson option of the same name
 * (docs/CONFIG.md). They stand in ordinary conditions, so every configuration
 * compiles all of the code and the compiler drops what cannot be reached. The
 * public headers do not depend on them: a call whose feature was left out says
 * LZ_ENOTSUP.
 */
#ifndef LZ_CORE_CONFIG_H
#define LZ_CORE_CONFIG_H

/* Attaching PASIDs; without it every device is one address space. */
#ifndef LZ_CONFIG_PASID
#define LZ_CONFIG_PASID 1
#endif

/* Identity domains. */
#ifndef LZ_CONFIG_IDENTITY
#define LZ_CONFIG_IDENTITY 1
#endif

/* lz_unmap_gather(). */
#ifndef LZ_CONFIG_GATHER
#define LZ_CONFIG_GATHER 1
#endif

/* Resets by the library's own means, function level reset and the others; prepare
 * and done are always there. */
#ifndef LZ_CONFIG_FLR
#define LZ_CONFIG_FLR 1
#endif

/* Its other methods than FLR, resets of buses, recovery of links; not without
 * LZ_CONFIG_FLR. */
#ifndef LZ_CONFIG_METHODS
#define LZ_CONFIG_METHODS 1
#endif

/* The short path of an invalidation that meets no trouble; without it all take
 * the general one. */
#ifndef LZ_CONFIG_FAST
#define LZ_CONFIG_FAST 1
#endif

/* Command queues beside the SMMUv3's own, where the hardware has them. */
#ifndef LZ_CONFIG_LANES
#define LZ_CONFIG_LANES 1
#endif

/* Rungs of the ladder. Without them a queue on which no sync succeeds is tried
 * again every second and after a reset, and memory stays in custody. */
#ifndef LZ_CONFIG_LADDER
#define LZ_CONFIG_LADDER 1
#endif

/* The modes LZ_CONTAIN_OBSERVE and LZ_CONTAIN_OFF. */
#ifndef LZ_CONFIG_OBSERVE
#define LZ_CONFIG_OBSERVE 1
#endif

/* Fault records (the event queue), decoded. */
#ifndef LZ_CONFIG_RECORDS
#define LZ_CONFIG_RECORDS 1
#endif

/* The RISC-V IOMMU, with its page tables. */
#ifndef LZ_CONFIG_RISCV
#define LZ_CONFIG_RISCV 1
#endif

/* Two-level stream tables; without them at most 16 bits of stream id. */
#ifndef LZ_CONFIG_TWO_LEVEL
#define LZ_CONFIG_TWO_LEVEL 1
#endif

/* Range invalidation where the hardware has it. */
#ifndef LZ_CONFIG_RANGE_INV
#define LZ_CONFIG_RANGE_INV 1
#endif

/* The embedder's event callback. */
#ifndef LZ_CONFIG_EVENTS
#define LZ_CONFIG_EVENTS 1
#endif

/* Counters of lz_stats_get() and lz_device_health() that nothing depends on. */
#ifndef LZ_CONFIG_STATS
#define LZ_CONFIG_STATS 1
#endif

/* A snapshot of the evidence against each device. */
#ifndef LZ_CONFIG_SNAPSHOT
#define LZ_CONFIG_SNAPSHOT 1
#endif

/* Log lines. */
#ifndef LZ_CONFIG_LOG
#define LZ_CONFIG_LOG 1
#endif

/* Orders of an operator: blocking a device and letting it back, having it reset,
 * switching an IOMMU off, another policy. */
#ifndef LZ_CONFIG_OPERATOR
#define LZ_CONFIG_OPERATOR 1
#endif

/* Claims of groups and their default domains. */
#ifndef LZ_CONFIG_OWNERS
#define LZ_CONFIG_OWNERS 1
#endif

/* Names of enumerators and fault records; without them they are "?". */
#ifndef LZ_CONFIG_NAMES
#define LZ_CONFIG_NAMES 1
#endif

#endif
