/* SPDX-License-Identifier: BSD-2-Clause */
/* The small machine's RISC-V IOMMU. */
#include "explore/rig.h"

#include "lazaret/riscv.h"

#define FAULTQ_LOG2 3u

static void configure(struct exr *r)
{
	lzm_riscv_config_default(&r->riscv);
	r->riscv.knobs.ats_timeout_ns = r->c->ats_timeout;
	r->riscv.msi_flat = r->c->msi_flat;
}

static bool create(struct exr_unit *u, const struct lzm_bus *bus)
{
	u->board = lzm_board_create_riscv(&u->rig->riscv, bus);
	if (!u->board)
		return false;
	u->model = lzm_board_iommu(u->board);
	lzm_riscv_set_chooser(u->model->riscv, &u->rig->chooser);
	return true;
}

static uint32_t mmio_size(const struct exr_unit *u)
{
	(void)u;
	return 0x1000;
}

static bool regime(struct exr_unit *u, const char *name)
{
	struct lzm_riscv_knobs *k = &u->rig->riscv.knobs;

	if (name && !lzm_riscv_regime(name, k))
		return false;
	k->ctx_uncached = u->rig->c->ctx_uncached;
	k->seed = u->rig->hw.knobs.seed;
	return lzm_riscv_set_knobs(u->model->riscv, k);
}

static enum lz_status add(struct exr_unit *u, uintptr_t mmio)
{
	struct lz_riscv_desc desc = {.name = "riscv-iommu",
				     .mmio = mmio,
				     .cmdq_log2 = exr_log2(u->rig->c->queue),
				     .faultq_log2 = FAULTQ_LOG2,
				     .coherent = true};

	return lz_riscv_add(u->rig->lz, &desc, &u->iommu);
}

const struct exr_hardware exr_riscv = {
	.asks_with_ats = true,
	.configure = configure,
	.create = create,
	.mmio_size = mmio_size,
	.regime = regime,
	.add = add,
	.remove = lz_riscv_remove,
	.error_irq = lz_riscv_command_irq,
	.fault_irq = lz_riscv_fault_irq,
};
