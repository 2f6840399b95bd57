/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For a bench: what an access would meet if nothing were cached, and whether a command
 * that drops a cached entry waits. Nothing of the SMMU changes by looking.
 */
#include "smmu.h"

#define TLB_WAYS 4

/* The same SMMU with other caches, which are empty, and nobody to tell. */
bool lzm_smmu_passes_uncached(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid,
			      uint64_t iova, enum lzm_access access)
{
	struct lzm_tlb_entry tlb[TLB_WAYS] = {{0}};
	struct lzm_smmu bare = *s;
	struct lzm_ste ste = {0};
	struct lzm_cd cd = {0};
	uint64_t pa;

	bare.ste = &ste;
	bare.cd = &cd;
	bare.cfg_mask = 0;
	bare.tlb = tlb;
	bare.tlb_sets = 1;
	bare.tlb_used = 0;
	bare.chooser = NULL;
	bare.ste_abort = false;
	bare.cr0ack &= ~(uint32_t)CR0_EVENTQEN;
	return lzm_smmu_untranslated(&bare, sid, ssv, ssid, iova, access, &pa) == LZM_OK;
}

static bool drops(const uint64_t cmd[2], uint32_t sid)
{
	unsigned range = (unsigned)(cmd[1] & 0x1f);

	switch (CMD_OP(cmd[0])) {
	case CMD_CFGI_STE:
		return CMD_SID(cmd[0]) == sid;
	case CMD_CFGI_STE_RANGE:
		return range == 31 || CMD_SID(cmd[0]) >> (range + 1) == sid >> (range + 1);
	default:
		return false;
	}
}

static bool queue_drops(struct lzm_smmu *s, const struct lzm_cmdq *q, uint32_t sid)
{
	uint32_t n = lzm_q_used(q->q.prod, q->rd, lzm_q_log2(&q->q));
	uint64_t cmd[2];

	for (uint32_t i = 0; i < n; i++) {
		const uint64_t *c = q->fetched[(q->fetched_head + i) % (PREFETCH_MAX + 1)];

		if (i >= q->fetched_count) {
			if (!lzm_mem_read(s, lzm_q_slot(&q->q, q->rd + i, 4), cmd, sizeof(cmd)))
				continue;
			c = cmd;
		}
		if (drops(c, sid))
			return true;
	}
	return false;
}

bool lzm_smmu_cfgi_waits(struct lzm_smmu *s, uint32_t sid)
{
	for (unsigned i = 0; i < lzm_lanes(s); i++)
		if (queue_drops(s, lzm_lane(s, i), sid))
			return true;
	return false;
}
