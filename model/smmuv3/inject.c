/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of the SMMU itself, on request of the bench.
 */
#include "smmu.h"

/* Left by a reset only (12.3). */
void lzm_smmu_inject_sfm(struct lzm_smmu *s)
{
	if (!s->sfm)
		s->stats.sfm++;
	s->sfm = true;
	lzm_gerror_raise(s, GERROR_SFM);
}

void lzm_smmu_inject_cmdq_stall(struct lzm_smmu *s, uint64_t until_ns)
{
	s->stalled_until = until_ns;
}

void lzm_smmu_inject_cmdq_abort(struct lzm_smmu *s)
{
	s->cmdq_abort = true;
}

void lzm_smmu_inject_msi_abort(struct lzm_smmu *s)
{
	s->msi_abort = true;
}

/* A cached entry is not fetched: the abort waits for the next real fetch. */
void lzm_smmu_inject_ste_abort(struct lzm_smmu *s, uint32_t sid)
{
	s->ste_abort = true;
	s->ste_abort_sid = sid;
}
