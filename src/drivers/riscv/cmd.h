/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands as values (chapter 4). Unused operands are zero: a reserved bit that is set
 * makes a command illegal. */
#ifndef LZ_RISCV_CMD_H
#define LZ_RISCV_CMD_H

#include "core/faults.h"
#include "drivers/riscv/regs.h"

static inline unsigned lz_rv_cmd_op(uint64_t w0)
{
	return (unsigned)(w0 & RV_CMD_OP);
}

/* PR and PW: what was allowed to be reached before is read and written by now, so that
 * its memory may be given back. No store, no interrupt: cqh tells. */
#define RV_FENCE (RV_OP_IOFENCE_C | RV_CMD0_FENCE_PR | RV_CMD0_FENCE_PW)

static inline struct lz_command lz_rv_cmd_fence(void)
{
	return (struct lz_command){{RV_FENCE, 0}};
}

static inline struct lz_command lz_rv_cmd_ddt(uint32_t did)
{
	return (struct lz_command){
		{RV_OP_INVAL_DDT | RV_CMD0_DIR_DV | RV_FIELD(RV_CMD0_DIR_DID, did), 0}};
}

/* Every device's and process's, upper levels too. */
static inline struct lz_command lz_rv_cmd_ddt_all(void)
{
	return (struct lz_command){{RV_OP_INVAL_DDT, 0}};
}

static inline struct lz_command lz_rv_cmd_pdt(uint32_t did, uint32_t pid)
{
	return (struct lz_command){{RV_OP_INVAL_PDT | RV_CMD0_DIR_DV |
					    RV_FIELD(RV_CMD0_DIR_DID, did) |
					    RV_FIELD(RV_CMD0_DIR_PID, pid),
				    0}};
}

static inline uint64_t lz_rv_cmd_vma0(uint32_t pscid)
{
	return RV_OP_IOTINVAL_VMA | RV_CMD0_INV_PSCV | RV_FIELD(RV_CMD0_INV_PSCID, pscid);
}

static inline struct lz_command lz_rv_cmd_vma_space(uint32_t pscid)
{
	return (struct lz_command){{lz_rv_cmd_vma0(pscid), 0}};
}

/* The leaf entries of one page or block. */
static inline struct lz_command lz_rv_cmd_vma(uint32_t pscid, lz_iova va)
{
	return (struct lz_command){
		{lz_rv_cmd_vma0(pscid) | RV_CMD0_INV_AV, RV_FIELD(RV_CMD1_INV_ADDR, va >> 12)}};
}

static inline struct lz_command lz_rv_cmd_vma_all(void)
{
	return (struct lz_command){{RV_OP_IOTINVAL_VMA, 0}};
}

/* Invalidates nothing: for PSCID 0 nothing is cached. What an
 * illegal command is overwritten with. */
static inline struct lz_command lz_rv_cmd_harmless(void)
{
	return lz_rv_cmd_vma(0, 0);
}

/* First word of an ATS.INVAL; the second depends on the range. Without a PASID every
 * entry of the range goes, those with one too. */
static inline uint64_t lz_rv_cmd_ats0(uint32_t did, uint32_t pid)
{
	uint64_t w = RV_OP_ATS_INVAL | RV_FIELD(RV_CMD0_ATS_RID, did);

	if (did >> 16)
		w |= RV_CMD0_ATS_DSV | RV_FIELD(RV_CMD0_ATS_DSEG, did >> 16);
	if (pid)
		w |= RV_CMD0_ATS_PV | RV_FIELD(RV_CMD0_ATS_PID, pid);
	return w;
}

static inline uint32_t lz_rv_cmd_did(uint64_t w0)
{
	return (uint32_t)RV_GET(RV_CMD0_ATS_DID, w0);
}

/* Size is the lowest zero bit from 12 on; everything is all ones below bit 63. */
#define RV_ATS1_ALL (RV_CMD1_ATS_S | RV_BITS(62, 12))

/* The smallest naturally aligned power of two that covers [start, end). */
static inline uint64_t lz_rv_cmd_ats1(lz_iova start, lz_iova end)
{
	uint64_t differ = (start ^ (end - 1)) >> 12;
	unsigned size = differ ? 64u - (unsigned)__builtin_clzll(differ) : 0;

	if (!size)
		return start & RV_BITS(63, 12);
	if (size > 50)
		return RV_ATS1_ALL;
	return (start & ~((1ull << (12 + size)) - 1)) | ((1ull << (size - 1)) - 1) << 12 |
	       RV_CMD1_ATS_S;
}

#endif
