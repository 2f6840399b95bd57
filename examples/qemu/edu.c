/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers: QEMU, docs/specs/edu. */
#include "edu.h"

#include "check.h"
#include "sys.h"

#define ID	 0x00u
#define ID_FIXED 0xedu /* of the low byte */
#define DMA_FROM 0x80u
#define DMA_TO	 0x88u
#define DMA_SIZE 0x90u
#define DMA_CMD	 0x98u
#define CMD_GO	 1u
#define CMD_OUT	 2u /* to memory */
#define BUFFER	 0x40000u

bool edu_up(struct edu *e, struct client *c)
{
	*e = (struct edu){.c = c, .regs = pci_bar(c->fn, 0)};
	return e->regs && (bm_get32(e->regs + ID) & 0xff) == ID_FIXED;
}

static bool idle(void *arg)
{
	const struct edu *e = arg;

	return !(bm_get64(e->regs + DMA_CMD) & CMD_GO);
}

static bool move(struct edu *e, uint64_t from, uint64_t to, unsigned size, unsigned cmd)
{
	bm_put64(e->regs + DMA_FROM, from);
	bm_put64(e->regs + DMA_TO, to);
	bm_put64(e->regs + DMA_SIZE, size);
	lz_dma_wmb();
	bm_put64(e->regs + DMA_CMD, cmd | CMD_GO);
	return wait_for(idle, e, LZ_SEC(5));
}

bool edu_load(struct edu *e, lz_iova iova, unsigned size)
{
	return move(e, iova, BUFFER, size, 0);
}

bool edu_store(struct edu *e, lz_iova iova, unsigned size)
{
	return move(e, BUFFER, iova, size, CMD_OUT);
}
