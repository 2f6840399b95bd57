/* SPDX-License-Identifier: BSD-2-Clause */
/* Either model by one name (iommu.h). */
#include "lazaret-model/iommu.h"

#include <string.h>

/* Arm IHI 0070, 6.3.26 - 6.3.28 */
#define CMDQ_BASE  0x90u
#define CMDQ_PROD  0x98u
#define CMDQ_CONS  0x9cu
#define CMDQ_INDEX 0xfffffu /* with the wrap bit; without what CONS says of errors */
/* RISC-V IOMMU specification, 6.6 - 6.8 */
#define CQB 24u
#define CQH 32u
#define CQT 36u

void lzm_iommu_destroy(const struct lzm_iommu *m)
{
	if (m->riscv)
		lzm_riscv_destroy(m->riscv);
	else if (m->smmu)
		lzm_smmu_destroy(m->smmu);
}

uint64_t lzm_iommu_read(const struct lzm_iommu *m, uint32_t offset, unsigned size)
{
	return m->riscv ? lzm_riscv_read(m->riscv, offset, size)
			: lzm_smmu_read(m->smmu, offset, size);
}

void lzm_iommu_write(const struct lzm_iommu *m, uint32_t offset, unsigned size, uint64_t value)
{
	if (m->riscv)
		lzm_riscv_write(m->riscv, offset, size, value);
	else
		lzm_smmu_write(m->smmu, offset, size, value);
}

bool lzm_iommu_step(const struct lzm_iommu *m)
{
	return m->riscv ? lzm_riscv_step(m->riscv) : lzm_smmu_step(m->smmu);
}

uint64_t lzm_iommu_wake(const struct lzm_iommu *m)
{
	return m->riscv ? lzm_riscv_wake(m->riscv) : lzm_smmu_wake(m->smmu);
}

/* ---- what devices do ---- */

void lzm_iommu_atc_answer(const struct lzm_iommu *m, uint64_t tag, enum lzm_atc_answer a)
{
	if (m->riscv)
		lzm_riscv_atc_answer(m->riscv, tag, a);
	else
		lzm_smmu_atc_answer(m->smmu, tag, a);
}

void lzm_iommu_device_reset(const struct lzm_iommu *m, uint32_t sid)
{
	if (m->riscv)
		lzm_riscv_device_reset(m->riscv, sid);
	else
		lzm_smmu_device_reset(m->smmu, sid);
}

enum lzm_result lzm_iommu_translate(const struct lzm_iommu *m, uint32_t sid, uint32_t pasid,
				    uint64_t iova, struct lzm_translation *out)
{
	if (m->riscv)
		return lzm_riscv_translate(m->riscv, sid, pasid != 0, pasid, iova, out);
	return lzm_smmu_translate(m->smmu, sid, pasid != 0, pasid, iova, out);
}

enum lzm_result lzm_iommu_translated(const struct lzm_iommu *m, uint32_t sid, uint64_t pa,
				     enum lzm_access access, uint64_t *out)
{
	if (m->riscv)
		return lzm_riscv_translated(m->riscv, sid, pa, access, out);
	return lzm_smmu_translated(m->smmu, sid, pa, access, out);
}

enum lzm_result lzm_iommu_untranslated(const struct lzm_iommu *m, uint32_t sid, uint32_t pasid,
				       uint64_t iova, enum lzm_access access, uint64_t *pa)
{
	if (m->riscv)
		return lzm_riscv_untranslated(m->riscv, sid, pasid != 0, pasid, iova, access, pa);
	return lzm_smmu_untranslated(m->smmu, sid, pasid != 0, pasid, iova, access, pa);
}

void lzm_iommu_page_request(const struct lzm_iommu *m, uint32_t sid, uint64_t iova, unsigned prgi)
{
	int resp;

	if (m->riscv)
		(void)lzm_riscv_page_request(m->riscv, sid, false, 0, iova, prgi, true, &resp);
	else
		(void)lzm_smmu_page_request(m->smmu, sid, false, 0, iova, prgi, true, &resp);
}

void lzm_iommu_ats_effective(const struct lzm_iommu *m, uint32_t sid, bool *now, bool *uncached)
{
	if (m->riscv)
		lzm_riscv_ats_effective(m->riscv, sid, now, uncached);
	else
		lzm_smmu_eats_effective(m->smmu, sid, now, uncached);
}

bool lzm_iommu_passes_uncached(const struct lzm_iommu *m, uint32_t sid, uint32_t pasid,
			       uint64_t iova, enum lzm_access access)
{
	if (m->riscv)
		return lzm_riscv_passes_uncached(m->riscv, sid, pasid != 0, pasid, iova, access);
	return lzm_smmu_passes_uncached(m->smmu, sid, pasid != 0, pasid, iova, access);
}

bool lzm_iommu_drop_waits(const struct lzm_iommu *m, uint32_t sid)
{
	return m->riscv ? lzm_riscv_drop_waits(m->riscv, sid) : lzm_smmu_cfgi_waits(m->smmu, sid);
}

/* ---- faults of its own ---- */

void lzm_iommu_stall(const struct lzm_iommu *m, uint64_t until)
{
	if (m->riscv)
		lzm_riscv_inject_cmdq_stall(m->riscv, until);
	else
		lzm_smmu_inject_cmdq_stall(m->smmu, until);
}

void lzm_iommu_abort_entry(const struct lzm_iommu *m, uint32_t sid)
{
	if (m->riscv)
		lzm_riscv_inject_ddt_fault(m->riscv, sid);
	else
		lzm_smmu_inject_ste_abort(m->smmu, sid);
}

void lzm_iommu_abort_command(const struct lzm_iommu *m)
{
	if (m->riscv)
		lzm_riscv_inject_cmdq_fault(m->riscv);
	else
		lzm_smmu_inject_cmdq_abort(m->smmu);
}

/* ---- its queue ---- */

void lzm_iommu_ring(const struct lzm_iommu *m, uint64_t *start, uint64_t *bytes)
{
	uint64_t base = lzm_iommu_read(m, m->riscv ? CQB : CMDQ_BASE, 8);

	*start = m->riscv ? base >> 10 << 12 : base & 0x000fffffffffffe0ull;
	*bytes = (m->riscv ? 32ull : 16ull) << (base & 0x1f);
}

uint32_t lzm_iommu_head(const struct lzm_iommu *m)
{
	return (uint32_t)lzm_iommu_read(m, m->riscv ? CQH : CMDQ_CONS, 4);
}

bool lzm_iommu_is_idle(const struct lzm_iommu *m)
{
	uint32_t tail = (uint32_t)lzm_iommu_read(m, m->riscv ? CQT : CMDQ_PROD, 4);

	return !((lzm_iommu_head(m) ^ tail) & (m->riscv ? UINT32_MAX : CMDQ_INDEX));
}

/* ---- counters ---- */

void lzm_iommu_counts_get(const struct lzm_iommu *m, struct lzm_iommu_counts *out)
{
	struct lzm_smmu_stats smmu = {0};
	struct lzm_riscv_stats riscv = {0};

	*out = (struct lzm_iommu_counts){0};
	if (m->riscv) {
		lzm_riscv_stats_get(m->riscv, &riscv);
		*out = (struct lzm_iommu_counts){.commands = riscv.commands,
						 .syncs = riscv.fences,
						 .invalidations = riscv.ats_invals,
						 .errors = riscv.cmd_errors,
						 .illegal_driver_use = riscv.illegal_driver_use};
		memcpy(out->last_misuse, riscv.last_misuse, sizeof(out->last_misuse));
	} else if (m->smmu) {
		lzm_smmu_stats_get(m->smmu, &smmu);
		*out = (struct lzm_iommu_counts){.commands = smmu.commands,
						 .syncs = smmu.syncs,
						 .invalidations = smmu.atc_invs,
						 .errors = smmu.cmdq_errors,
						 .lane_commands = smmu.lane_commands,
						 .lanes = smmu.lanes,
						 .illegal_driver_use = smmu.illegal_driver_use};
		memcpy(out->last_misuse, smmu.last_misuse, sizeof(out->last_misuse));
	}
}
