/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small machine for tests of the RISC-V IOMMU driver: the model, a few functions with
 * ATS, the library, a worker, all on the deterministic port. Whatever the driver writes
 * to cqcsr is checked in every run (H38, H73).
 */
#ifndef UNIT_RISCV_RVBENCH_H
#define UNIT_RISCV_RVBENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lazaret-model/board.h"
#include "lazaret/device.h"
#include "lazaret/domain.h"
#include "lazaret/lazaret.h"
#include "lazaret/operator.h"
#include "lazaret/riscv.h"
#include "sim.h"

#define BENCH_MMIO 0x09050000u
#define BENCH_DEVS 3u
#define BENCH_DMA  0x40000000ull
#define BENCH_MEM  0x100000000ull /* what tests map: pages nobody reads */
#define IOVA	   0x10000000ull
#define TIMEOUT	   LZ_MS(1) /* of the hardware */

struct bench;

struct bench_dev {
	struct bench *b;
	struct lzm_ep *ep;
	struct lz_device *dev;
	struct lz_group *group;
	struct lz_pci_access pci;
	struct lz_owner_ops owner;
	uint32_t did;
	uint32_t dids[2]; /* it, and another one's */
	unsigned told, atc_invs, dmas;
};

struct bench_opts {
	unsigned devs; /* 1 .. BENCH_DEVS, each in a group of its own */
	bool alias;    /* all in one, and the others send the first one's id too */
	unsigned pasid_bits, cmdq_log2, levels;
	bool msi;
	uint64_t seed;
	uint64_t answer_ns; /* of a sound device; 200 */
	void (*tune)(struct lzm_riscv_config *c);
	void (*before)(struct bench *b); /* the model stands, the library does not */
	lz_ns sync_bound;		 /* 0: default */
};

struct bench {
	struct bench_opts opt;
	struct lzm_board *board;
	struct lzm_riscv *iommu_model; /* the board's */
	struct lz *lz;
	struct lz_iommu *iommu;
	struct bench_dev dev[BENCH_DEVS];
	struct sim_worker worker;
	unsigned irq_cmd, irq_fault;
	uint64_t events[LZ_EVENT_KINDS], released;
	unsigned faults, fault_irqs;
	/* In the work, for each record. */
	void (*on_record)(struct bench *b);
	/* Before a register is written. */
	void (*on_write)(struct bench *b, uint32_t off, uint64_t value);
	void (*body)(struct bench *b);
	bool done;
};

/* Builds the machine, runs `body` as a task, tears everything down, checks that nothing
 * is left over and that the model has not been misused. */
void bench_run(const struct bench_opts *opt, void (*body)(struct bench *b));
void bench_seeds(const struct bench_opts *opt, unsigned seeds, void (*body)(struct bench *b));

struct lz_domain *bench_domain(struct bench *b);
/* With the first `n` devices attached. */
struct lz_domain *bench_shared(struct bench *b, unsigned n);
void bench_drop(struct bench *b, struct lz_domain *dom);
bool bench_dma(struct bench *b, unsigned device, uint64_t iova);
/* Through whatever its ATC holds. */
bool bench_dma_cached(struct bench *b, unsigned device);
void bench_fault(struct bench *b, unsigned device, enum lzm_ep_fault f);
void bench_sleep(lz_ns ns);
/* No custody, no work, nobody suspect; within ten seconds. */
bool bench_settles(struct bench *b);
struct lz_health bench_health(struct bench *b, unsigned device);
struct lzm_riscv_stats bench_stats(struct bench *b);

#endif
