/* SPDX-License-Identifier: BSD-2-Clause */
/* An NVMe controller by polling: one admin queue pair, one for I/O. */
#ifndef QEMU_NVME_H
#define QEMU_NVME_H

#include "smmu.h"

#define NVME_ENTRIES 16u
#define NVME_BLOCK   512u
#define NVME_SILENT  (-1) /* no completion */

struct nvme_queue {
	struct shared sq, cq;
	unsigned id, tail, head, phase;
};

struct nvme {
	struct client *c;
	uintptr_t regs;
	unsigned stride;
	struct nvme_queue admin, io;
	uint16_t next_id;
};

/* Maps queue memory below `iova`, resets and enables the controller. */
bool nvme_up(struct nvme *n, struct client *c, lz_iova iova);
/* The registers again, after a reset of the function; the memory is still there. */
bool nvme_enable(struct nvme *n);
/* Switches it off and unmaps. */
bool nvme_down(struct nvme *n);
/* Data at `iova`, 4 KiB. The completion's status, or NVME_SILENT. */
int nvme_identify(struct nvme *n, unsigned cns, lz_iova iova);
int nvme_read(struct nvme *n, uint64_t block, unsigned blocks, lz_iova iova);
int nvme_write(struct nvme *n, uint64_t block, unsigned blocks, lz_iova iova);
/* Controller status: 2 is fatal. */
uint32_t nvme_status(const struct nvme *n);

#endif
