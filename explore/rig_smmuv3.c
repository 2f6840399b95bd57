/* SPDX-License-Identifier: BSD-2-Clause */
/* The small machine's SMMUv3. */
#include "explore/rig.h"

#include "lazaret/smmuv3.h"

/* IHI 0070, 6.3 */
#define GERROR	  0x60
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
	u->model = lzm_board_iommu(u->board);
	lzm_smmu_set_chooser(u->model->smmu, &u->rig->chooser);
	exr_lanes_build(u);
	return true;
}

static uint32_t mmio_size(const struct exr_unit *u)
{
	return lzm_smmu_mmio_size(u->model->smmu);
}

static bool regime(struct exr_unit *u, const char *name)
{
	(void)name;
	return lzm_smmu_set_knobs(u->model->smmu, &u->rig->hw.knobs);
}

static void fail(struct exr_unit *u)
{
	lzm_smmu_inject_sfm(u->model->smmu);
}

static bool error_is_raised(struct exr_unit *u)
{
	return lzm_smmu_read(u->model->smmu, GERROR, 4) != 0;
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
	.regime = regime,
	.fail = fail,
	.error_is_raised = error_is_raised,
	.add = add,
	.remove = lz_smmuv3_remove,
	.error_irq = lz_smmuv3_gerror_irq,
	.fault_irq = lz_smmuv3_evtq_irq,
};
