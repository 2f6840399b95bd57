/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each command does, and which are refused (4, 7.1). Illegal wins over
 * ignored. Only the order of CMD_SYNC is left to the queue.
 */
#include "smmu.h"

static bool secure_bit_checked(unsigned op)
{
	return op <= CMD_CFGI_CD_ALL || op == CMD_ATC_INV || op == CMD_PRI_RESP;
}

static void prefetch(struct lzm_smmu *s, const uint64_t cmd[2])
{
	struct lzm_request a = {
		.sid = CMD_SID(cmd[0]), .ssv = (cmd[0] & CMD_SSV) != 0, .ssid = CMD_SSID(cmd[0])};
	struct lzm_fault f = {0};
	struct lzm_ste spare, *ste;

	if (!lzm_enabled(s, CR0_SMMUEN))
		return;
	ste = lzm_ste_find(s, a.sid, LOOKUP_FILL, &spare, &f);
	if (ste && !ste->bad && (ste->config & 5) == STE_S1)
		lzm_cd_find(s, ste, &a, &f);
}

static int cfgi(struct lzm_smmu *s, unsigned op, const uint64_t cmd[2])
{
	uint32_t sid = CMD_SID(cmd[0]);
	unsigned range = (unsigned)(cmd[1] & 0x1f);
	uint32_t low = range == 31 ? UINT32_MAX : (uint32_t)(BIT(range + 1) - 1);

	switch (op) {
	case CMD_CFGI_STE:
		lzm_ste_invalidate(s, sid, sid);
		break;
	case CMD_CFGI_STE_RANGE:
		if (range == 31)
			lzm_ste_invalidate_all(s);
		else
			lzm_ste_invalidate(s, sid & ~low, sid | low);
		break;
	case CMD_CFGI_CD:
		lzm_cd_invalidate(s, sid, sid, false, CMD_SSID(cmd[0]));
		break;
	default:
		lzm_cd_invalidate(s, sid, sid, true, 0);
		break;
	}
	return CERROR_NONE;
}

/* Without IDR3.RIL the range and level fields are RES0: ignored. */
static int tlbi_address(struct lzm_smmu *s, unsigned kinds, int vmid, int asid,
			const uint64_t cmd[2])
{
	unsigned tg = CMD_TG(cmd[1]), ttl = 0;
	uint64_t span = 4096;

	if (s->cfg.range_inv && tg) {
		ttl = CMD_TTL(cmd[1]);
		if (!CMD_NUM(cmd[0]) && !CMD_SCALE(cmd[0]) && !ttl)
			return CERROR_ILL;
		span = ((uint64_t)CMD_NUM(cmd[0]) + 1) << (CMD_SCALE(cmd[0]) + 10 + 2 * tg);
	}
	if (cmd[1] & CMD_LEAF)
		kinds &= ~(1u << TLB_TABLE);
	lzm_tlb_flush_range(s, kinds, vmid, asid, CMD_ADDR(cmd[1]), span, ttl);
	return CERROR_NONE;
}

static int tlbi(struct lzm_smmu *s, unsigned op, const uint64_t cmd[2])
{
	const unsigned s1 = 1u << TLB_S1 | 1u << TLB_TABLE, s2 = 1u << TLB_S2;
	int vmid = s->cfg.stage2 ? CMD_VMID(cmd[0]) : 0, asid = CMD_ASID(cmd[0]);

	switch (op) {
	case CMD_TLBI_NH_ALL:
		lzm_tlb_flush(s, s1, vmid, TLB_ANY_ASID);
		return CERROR_NONE;
	case CMD_TLBI_NH_ASID:
		lzm_tlb_flush(s, s1, vmid, asid);
		return CERROR_NONE;
	case CMD_TLBI_NH_VA:
		return tlbi_address(s, s1, vmid, asid, cmd);
	case CMD_TLBI_NH_VAA:
		return tlbi_address(s, s1, vmid, TLB_ANY_ASID, cmd);
	case CMD_TLBI_NSNH_ALL:
		lzm_tlb_flush(s, s1 | s2, TLB_ANY_VMID, TLB_ANY_ASID);
		return CERROR_NONE;
	case CMD_TLBI_S12_VMALL:
		if (!s->cfg.stage2)
			return CERROR_ILL;
		lzm_tlb_flush(s, s1 | s2, vmid, TLB_ANY_ASID);
		return CERROR_NONE;
	default:
		if (!s->cfg.stage2)
			return CERROR_ILL;
		return tlbi_address(s, s2, vmid, TLB_ANY_ASID, cmd);
	}
}

static int atc_inv(struct lzm_smmu *s, struct lzm_cmdq *q, const uint64_t cmd[2])
{
	if (!s->cfg.ats)
		return s->cfg.knobs.tolerant_ill ? CERROR_NONE : CERROR_ILL;
	if ((cmd[1] & 0x3f) > 52)
		return CERROR_ILL;
	if (lzm_enabled(s, CR0_SMMUEN) && s->bus->atc_inv)
		lzm_atc_issue(s, q, cmd);
	return CERROR_NONE;
}

static int pri_resp(const struct lzm_smmu *s, const uint64_t cmd[2])
{
	bool illegal = !s->cfg.pri || BITS(cmd[1], 13, 12) == 3;

	return illegal && !s->cfg.knobs.tolerant_ill ? CERROR_ILL : CERROR_NONE;
}

int lzm_command(struct lzm_smmu *s, struct lzm_cmdq *q, const uint64_t cmd[2])
{
	unsigned op = CMD_OP(cmd[0]);

	if ((cmd[0] & CMD_SSEC) && secure_bit_checked(op))
		return CERROR_ILL;
	switch (op) {
	case CMD_PREFETCH_CONFIG:
	case CMD_PREFETCH_ADDR:
		prefetch(s, cmd);
		return CERROR_NONE;
	case CMD_CFGI_STE:
	case CMD_CFGI_STE_RANGE:
	case CMD_CFGI_CD:
	case CMD_CFGI_CD_ALL:
		return cfgi(s, op, cmd);
	case CMD_TLBI_NH_ALL:
	case CMD_TLBI_NH_ASID:
	case CMD_TLBI_NH_VA:
	case CMD_TLBI_NH_VAA:
	case CMD_TLBI_S12_VMALL:
	case CMD_TLBI_S2_IPA:
	case CMD_TLBI_NSNH_ALL:
		return tlbi(s, op, cmd);
	case CMD_ATC_INV:
		return atc_inv(s, q, cmd);
	case CMD_PRI_RESP:
		return pri_resp(s, cmd);
	case CMD_SYNC:
		return CMD_SYNC_CS(cmd[0]) == 3 && !s->cfg.knobs.tolerant_ill ? CERROR_ILL
									      : CERROR_NONE;
	default:
		/* Also: EL2 (Hyp = 0), RESUME and STALL_TERM (STALL_MODEL = 1),
		 * VMS_PIDM (no MPAM), EL3, secure, DPT, implementation defined. */
		return CERROR_ILL;
	}
}
