/* SPDX-License-Identifier: BSD-2-Clause */
/* What each command does, and which are illegal (chapter 4). */
#include "riscv/riscv.h"

#define VMA_BITS                                                   \
	(UINT64_C(0x7f) | BITS(~UINT64_C(0), 9, 7) << 7 | INV_AV | \
	 BITS(~UINT64_C(0), 31, 12) << 12 | INV_PSCV | INV_GV | BITS(~UINT64_C(0), 59, 44) << 44)
#define ADDR_BITS (BITS(~UINT64_C(0), 61, 10) << 10)
#define FENCE_BITS \
	(UINT64_C(0x3ff) | FENCE_AV | FENCE_WSI | FENCE_PR | FENCE_PW | (uint64_t)UINT32_MAX << 32)
#define DDT_BITS (UINT64_C(0x3ff) | DIR_DV | BITS(~UINT64_C(0), 63, 40) << 40)
#define PDT_BITS (DDT_BITS | BITS(~UINT64_C(0), 31, 12) << 12)
#define ATS_BITS                                                                 \
	(UINT64_C(0x3ff) | BITS(~UINT64_C(0), 31, 12) << 12 | ATS_PV | ATS_DSV | \
	 BITS(~UINT64_C(0), 63, 40) << 40)

static bool only(uint64_t v, uint64_t allowed)
{
	return !(v & ~allowed);
}

bool lzm_rv_command_legal(const struct lzm_riscv *s, const uint64_t cmd[2])
{
	unsigned func = CMD_FUNC(cmd[0]);

	switch (CMD_OP(cmd[0])) {
	case OP_IOTINVAL:
		if (func > 1 || !only(cmd[0], VMA_BITS) || !only(cmd[1], ADDR_BITS))
			return false;
		return func == 0 || !(cmd[0] & INV_PSCV);
	case OP_IOFENCE:
		return !func && only(cmd[0], FENCE_BITS) && only(cmd[1], BIT(62) - 1) &&
		       (!(cmd[0] & FENCE_WSI) || (s->fctl & FCTL_WSI));
	case OP_IODIR:
		if (func > 1 || cmd[1] || !only(cmd[0], func ? PDT_BITS : DDT_BITS))
			return false;
		return !func || (cmd[0] & DIR_DV);
	case OP_ATS:
		if (!s->cfg.ats || func > 1 || !only(cmd[0], ATS_BITS))
			return false;
		return func || !(cmd[1] & (BITS(~UINT64_C(0), 10, 1) << 1));
	default:
		return false;
	}
}

static void iodir(struct lzm_riscv *s, const uint64_t cmd[2])
{
	bool dv = (cmd[0] & DIR_DV) != 0;

	if (CMD_FUNC(cmd[0]))
		lzm_rv_ctx_invalidate(s, false, DIR_DID(cmd[0]), false, DIR_PID(cmd[0]), false);
	else
		lzm_rv_ctx_invalidate(s, !dv, DIR_DID(cmd[0]), true, 0, true);
}

void lzm_rv_command(struct lzm_riscv *s, const uint64_t cmd[2])
{
	switch (CMD_OP(cmd[0])) {
	case OP_IOTINVAL:
		(CMD_FUNC(cmd[0]) ? lzm_rv_tlb_gvma : lzm_rv_tlb_vma)(s, cmd);
		break;
	case OP_IODIR:
		iodir(s, cmd);
		break;
	default:
		if (!CMD_FUNC(cmd[0])) /* a page request group response goes to the device */
			lzm_rv_inv_issue(s, cmd);
		break;
	}
}
