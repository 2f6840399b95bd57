/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands as values (Arm IHI 0070 chapter 4). */
#ifndef LZ_SMMUV3_CMD_H
#define LZ_SMMUV3_CMD_H

#include "core/faults.h"
#include "drivers/smmuv3/regs.h"

static inline unsigned lz_smmu_cmd_op(uint64_t w0)
{
	return (unsigned)(w0 & SMMU_CMD_OP);
}

static inline uint32_t lz_smmu_cmd_sid(uint64_t w0)
{
	return (uint32_t)SMMU_GET(SMMU_CMD0_SID, w0);
}

static inline struct lz_command lz_smmu_cmd_sync(void)
{
	return (struct lz_command){{SMMU_OP_SYNC, 0}};
}

static inline struct lz_command lz_smmu_cmd_cfgi_ste(uint32_t sid)
{
	return (struct lz_command){
		{SMMU_OP_CFGI_STE | SMMU_FIELD(SMMU_CMD0_SID, sid), SMMU_CMD1_LEAF}};
}

/* Not leaf: level 1 of the stream table too. */
static inline struct lz_command lz_smmu_cmd_cfgi_ste_all_levels(uint32_t sid)
{
	return (struct lz_command){{SMMU_OP_CFGI_STE | SMMU_FIELD(SMMU_CMD0_SID, sid), 0}};
}

static inline struct lz_command lz_smmu_cmd_cfgi_all(void)
{
	return (struct lz_command){
		{SMMU_OP_CFGI_ALL, SMMU_FIELD(SMMU_CMD1_CFGI_RANGE, SMMU_CMD1_CFGI_RANGE_ALL)}};
}

static inline struct lz_command lz_smmu_cmd_cfgi_cd(uint32_t sid, uint32_t ssid)
{
	return (struct lz_command){{SMMU_OP_CFGI_CD | SMMU_FIELD(SMMU_CMD0_SSID, ssid) |
					    SMMU_FIELD(SMMU_CMD0_SID, sid),
				    SMMU_CMD1_LEAF}};
}

static inline struct lz_command lz_smmu_cmd_tlbi_asid(uint32_t asid)
{
	return (struct lz_command){{SMMU_OP_TLBI_NH_ASID | SMMU_FIELD(SMMU_CMD0_ASID, asid), 0}};
}

static inline struct lz_command lz_smmu_cmd_tlbi_va(uint32_t asid, lz_iova va)
{
	return (struct lz_command){{SMMU_OP_TLBI_NH_VA | SMMU_FIELD(SMMU_CMD0_ASID, asid),
				    (va & SMMU_CMD1_ADDR) | SMMU_CMD1_LEAF}};
}

/* Range form (IDR3.RIL): (num + 1) << scale pages of 4 KiB. */
static inline struct lz_command lz_smmu_cmd_tlbi_range(uint32_t asid, lz_iova va, unsigned num,
						       unsigned scale)
{
	return (struct lz_command){
		{SMMU_OP_TLBI_NH_VA | SMMU_FIELD(SMMU_CMD0_ASID, asid) |
			 SMMU_FIELD(SMMU_CMD0_TLBI_NUM, num) |
			 SMMU_FIELD(SMMU_CMD0_TLBI_SCALE, scale),
		 (va & SMMU_CMD1_ADDR) | SMMU_CMD1_LEAF | SMMU_FIELD(SMMU_CMD1_TLBI_TG, 1)}};
}

static inline struct lz_command lz_smmu_cmd_tlbi_everything(void)
{
	return (struct lz_command){{SMMU_OP_TLBI_NSNH_ALL, 0}};
}

/* Invalidates nothing that this driver uses: ASID 0 is never given out. What
 * an illegal command is overwritten with. */
static inline struct lz_command lz_smmu_cmd_harmless(void)
{
	return lz_smmu_cmd_tlbi_va(0, 0);
}

/* First word of an ATC_INV; the second depends on the range (section 4.5.1).
 * Without a PASID every entry of the range goes, PASID-tagged ones too. */
static inline uint64_t lz_smmu_cmd_atc0(uint32_t sid, uint32_t ssid)
{
	uint64_t w = SMMU_OP_ATC_INV | SMMU_FIELD(SMMU_CMD0_SID, sid);

	if (ssid)
		w |= SMMU_CMD0_SSV | SMMU_FIELD(SMMU_CMD0_SSID, ssid);
	return w;
}

#define SMMU_ATC1_ALL ((uint64_t)SMMU_ATC_SIZE_ALL)

/* The smallest naturally aligned power of two that covers [start, end). */
static inline uint64_t lz_smmu_cmd_atc1(lz_iova start, lz_iova end)
{
	uint64_t differ = (start ^ (end - 1)) >> 12;
	unsigned size = differ ? 64u - (unsigned)__builtin_clzll(differ) : 0;

	if (size >= SMMU_ATC_SIZE_ALL)
		return SMMU_ATC1_ALL;
	return (start & ~((1ull << (12 + size)) - 1)) | size;
}

/* The same for one naturally aligned block; its size is a power of two. */
static inline uint64_t lz_smmu_cmd_atc1_block(lz_iova start, size_t size)
{
	return start | ((unsigned)__builtin_ctzll(size) - 12);
}

#endif
