/* SPDX-License-Identifier: BSD-2-Clause */
/* The small machine's SMMUv3. */
#include "explore/rig.h"

#include <string.h>

#include "lazaret/smmuv3.h"

/* IHI 0070, 6.3 */
#define GERROR	  0x60
#define CMDQ_CONS 0x9c
#define CMDQ_BASE 0x90
#define EVTQ_LOG2 3u

static void configure(struct exr *r)
{
	exr_lanes_config(r);
}

static bool create(struct exr_unit *u, const struct lzm_bus *bus)
{
	u->board = lzm_board_create(&u->rig->hw, bus);
	if (!u->board)
		return false;
	u->smmu = lzm_board_smmu(u->board);
	lzm_smmu_set_chooser(u->smmu, &u->rig->chooser);
	exr_lanes_build(u);
	return true;
}

static uint32_t mmio_size(const struct exr_unit *u)
{
	return lzm_smmu_mmio_size(u->smmu);
}

static bool step(struct exr_unit *u)
{
	return lzm_smmu_step(u->smmu);
}

static uint64_t wake(struct exr_unit *u)
{
	return lzm_smmu_wake(u->smmu);
}

static bool regime(struct exr_unit *u, const char *name)
{
	(void)name;
	return lzm_smmu_set_knobs(u->smmu, &u->rig->hw.knobs);
}

static enum lzm_result translate(struct exr_unit *u, uint32_t sid, uint32_t pasid, uint64_t iova,
				 struct lzm_translation *out)
{
	return lzm_smmu_translate(u->smmu, sid, pasid != 0, pasid, iova, out);
}

static void ats_effective(struct exr_unit *u, uint32_t sid, bool *now, bool *uncached)
{
	lzm_smmu_eats_effective(u->smmu, sid, now, uncached);
}

static void counts(struct exr_unit *u, struct exr_counts *out)
{
	struct lzm_smmu_stats hw;

	lzm_smmu_stats_get(u->smmu, &hw);
	*out = (struct exr_counts){.commands = hw.commands,
				   .syncs = hw.syncs,
				   .invalidations = hw.atc_invs,
				   .errors = hw.cmdq_errors,
				   .illegal_driver_use = hw.illegal_driver_use};
	memcpy(out->last_misuse, hw.last_misuse, sizeof(out->last_misuse));
}

static void ring(struct exr_unit *u, uint64_t *start, uint64_t *bytes)
{
	uint64_t base = lzm_smmu_read(u->smmu, CMDQ_BASE, 8);

	*start = base & 0x000fffffffffffe0ull;
	*bytes = 16ull << (base & 0x1f);
}

static uint32_t head(struct exr_unit *u)
{
	return (uint32_t)lzm_smmu_read(u->smmu, CMDQ_CONS, 4);
}

static void stall(struct exr_unit *u, uint64_t until)
{
	lzm_smmu_inject_cmdq_stall(u->smmu, until);
}

static void fail(struct exr_unit *u)
{
	lzm_smmu_inject_sfm(u->smmu);
}

static bool error_is_raised(struct exr_unit *u)
{
	return lzm_smmu_read(u->smmu, GERROR, 4) != 0;
}

static enum lz_status add(struct exr_unit *u, uintptr_t mmio)
{
	struct lz_smmuv3_desc desc = {.name = "arm-smmu-v3",
				      .mmio = mmio,
				      .cmdq_log2 = exr_log2(u->rig->c->queue),
				      .evtq_log2 = EVTQ_LOG2,
				      .mmio_size = mmio_size(u),
				      .own_timeouts = u->rig->c->own_timeouts};

	if (u->cmdqv)
		desc.cmdqv = EXR_CMDQV + (uintptr_t)(u - u->rig->unit) * EXR_CMDQV_SIZE;

	return lz_smmuv3_add(u->rig->lz, &desc, &u->iommu);
}

const struct exr_hardware exr_smmuv3 = {
	.configure = configure,
	.create = create,
	.mmio_size = mmio_size,
	.step = step,
	.wake = wake,
	.regime = regime,
	.translate = translate,
	.ats_effective = ats_effective,
	.counts = counts,
	.ring = ring,
	.head = head,
	.stall = stall,
	.fail = fail,
	.error_is_raised = error_is_raised,
	.add = add,
	.remove = lz_smmuv3_remove,
	.error_irq = lz_smmuv3_gerror_irq,
	.fault_irq = lz_smmuv3_evtq_irq,
};
