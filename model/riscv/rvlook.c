/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For a bench: what an access would meet if nothing were cached, and whether a command
 * that drops what is cached for a device waits. Nothing of the IOMMU changes by looking.
 */
#include "riscv/riscv.h"

#define WAYS 4

/* The same IOMMU with other caches, which are empty, and nobody to tell. */
bool lzm_riscv_passes_uncached(struct lzm_riscv *s, uint32_t did, bool pv, uint32_t pid,
			       uint64_t iova, enum lzm_access access)
{
	struct lzm_rv_tlb tlb[WAYS] = {{0}};
	struct lzm_riscv bare = *s;
	struct lzm_rv_dc dc = {0};
	struct lzm_rv_pc pc = {0};
	uint64_t pa;

	bare.dc = &dc;
	bare.pc = &pc;
	bare.ctx_mask = 0;
	bare.tlb = tlb;
	bare.tlb_mask = WAYS - 1;
	bare.chooser = NULL;
	bare.ddt_fault = false;
	bare.fq.csr &= ~(uint32_t)QCSR_ON;
	return lzm_riscv_untranslated(&bare, did, pv, pid, iova, access, &pa) == LZM_OK;
}

/* Contexts are dropped by device, translations by address space: of all addresses, since
 * that is how an address space is left. */
static bool drops(const uint64_t cmd[2], uint32_t did)
{
	if (CMD_OP(cmd[0]) == OP_IODIR)
		return !CMD_FUNC(cmd[0]) && (!(cmd[0] & DIR_DV) || DIR_DID(cmd[0]) == did);
	return CMD_OP(cmd[0]) == OP_IOTINVAL && !CMD_FUNC(cmd[0]) && !(cmd[0] & INV_AV);
}

bool lzm_riscv_drop_waits(struct lzm_riscv *s, uint32_t did)
{
	uint64_t cmd[2];

	for (unsigned i = 0; i < s->n_lazy; i++)
		if (drops(s->lazy[i], did))
			return true;
	if (!(s->cq.csr & QCSR_ON))
		return false;
	for (uint32_t i = s->rd; i != s->cq.tail; i = (i + 1) & QB_MASK(s->cq.base))
		if (lzm_rv_read(s, QB_ADDR(s->cq.base) + (uint64_t)i * 16, cmd, 16) &&
		    drops(cmd, did))
			return true;
	return false;
}
