/* SPDX-License-Identifier: BSD-2-Clause */
/* The small machine's RISC-V IOMMU. */
#include "explore/rig.h"

#include <string.h>

#include "lazaret/riscv.h"

/* RISC-V IOMMU specification, 6.6 */
#define CQB	    24u
#define CQH	    32u
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
	u->riscv = lzm_board_riscv(u->board);
	lzm_riscv_set_chooser(u->riscv, &u->rig->chooser);
	return true;
}

static uint32_t mmio_size(const struct exr_unit *u)
{
	(void)u;
	return 0x1000;
}

static bool step(struct exr_unit *u)
{
	return lzm_riscv_step(u->riscv);
}

static uint64_t wake(struct exr_unit *u)
{
	return lzm_riscv_wake(u->riscv);
}

static bool regime(struct exr_unit *u, const char *name)
{
	struct lzm_riscv_knobs *k = &u->rig->riscv.knobs;

	if (name && !lzm_riscv_regime(name, k))
		return false;
	k->ctx_uncached = u->rig->c->ctx_uncached;
	k->seed = u->rig->hw.knobs.seed;
	return lzm_riscv_set_knobs(u->riscv, k);
}

static enum lzm_result translate(struct exr_unit *u, uint32_t sid, uint32_t pasid, uint64_t iova,
				 struct lzm_translation *out)
{
	return lzm_riscv_translate(u->riscv, sid, pasid != 0, pasid, iova, out);
}

static void ats_effective(struct exr_unit *u, uint32_t sid, bool *now, bool *uncached)
{
	lzm_riscv_ats_effective(u->riscv, sid, now, uncached);
}

static void counts(struct exr_unit *u, struct exr_counts *out)
{
	struct lzm_riscv_stats hw;

	lzm_riscv_stats_get(u->riscv, &hw);
	*out = (struct exr_counts){.commands = hw.commands,
				   .syncs = hw.fences,
				   .invalidations = hw.ats_invals,
				   .errors = hw.cmd_errors,
				   .illegal_driver_use = hw.illegal_driver_use};
	memcpy(out->last_misuse, hw.last_misuse, sizeof(out->last_misuse));
}

static void ring(struct exr_unit *u, uint64_t *start, uint64_t *bytes)
{
	uint64_t base = lzm_riscv_read(u->riscv, CQB, 8);

	*start = base >> 10 << 12;
	*bytes = 32ull << (base & 0x1f);
}

static uint32_t head(struct exr_unit *u)
{
	return (uint32_t)lzm_riscv_read(u->riscv, CQH, 4);
}

static void stall(struct exr_unit *u, uint64_t until)
{
	lzm_riscv_inject_cmdq_stall(u->riscv, until);
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
	.step = step,
	.wake = wake,
	.regime = regime,
	.translate = translate,
	.ats_effective = ats_effective,
	.counts = counts,
	.ring = ring,
	.head = head,
	.stall = stall,
	.add = add,
	.remove = lz_riscv_remove,
	.error_irq = lz_riscv_command_irq,
	.fault_irq = lz_riscv_fault_irq,
};
