/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's educational device: a DMA engine between memory and 4 KiB of its own. */
#ifndef QEMU_EDU_H
#define QEMU_EDU_H

#include "smmu.h"

struct edu {
	struct client *c;
	uintptr_t regs;
};

bool edu_up(struct edu *e, struct client *c);
/* Moves `size` bytes at `iova` into its buffer, or from it; false: it does not
 * end. It does not tell whether the bytes got there. */
bool edu_load(struct edu *e, lz_iova iova, unsigned size);
bool edu_store(struct edu *e, lz_iova iova, unsigned size);

#endif
