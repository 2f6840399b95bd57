/* SPDX-License-Identifier: BSD-2-Clause */
/* A rig with a RISC-V IOMMU. */
#include "bench/rig.h"

#include "lazaret/riscv.h"

/* The largest ring that the driver makes. */
#define MAX_LOG2 16u

static bool create(struct rig_unit *u)
{
	const struct scenario_smmu *s = &u->rig->sc->machine.smmu;
	struct lzm_smmu_knobs line = {.seed = 1};
	struct lzm_riscv_config cfg;

	lzm_riscv_config_default(&cfg);
	if (s->ats_timeout)
		cfg.knobs.ats_timeout_ns = s->ats_timeout;
	if (s->cons_batch)
		cfg.knobs.cqh_batch = (unsigned)s->cons_batch;
	cfg.knobs.lazy = s->prefetch;
	cfg.knobs.seed = u->rig->opt.seed;
	/* When the interrupt comes is not the model's. */
	if (u->rig->opt.regime && (!lzm_riscv_regime(u->rig->opt.regime, &cfg.knobs) ||
				   !lzm_smmu_regime(u->rig->opt.regime, &line)))
		return false;
	u->gerror_delay = line.gerror_irq_delay_ns;
	u->rig->ats_timeout = cfg.knobs.ats_timeout_ns;
	u->model.riscv = lzm_riscv_create(&cfg, &u->bus);
	return u->model.riscv;
}

static unsigned log2_of(uint64_t asked)
{
	return asked > MAX_LOG2 ? MAX_LOG2 : (unsigned)asked;
}

static enum lz_status add(struct rig_unit *u)
{
	struct lz_riscv_desc desc = {.name = u->name,
				     .mmio = rig_registers(u),
				     .cmdq_log2 = log2_of(u->rig->sc->machine.smmu.cmdq_log2),
				     .faultq_log2 = log2_of(u->rig->sc->machine.smmu.evtq_log2),
				     .coherent = true};

	return lz_riscv_add(u->rig->lz, &desc, &u->iommu);
}

const struct hardware hardware_riscv = {
	.name = "iommu",
	.id_bits = 24,
	.asks_with_ats = true,
	.create = create,
	.add = add,
	.remove = lz_riscv_remove,
	.error_irq = lz_riscv_command_irq,
	.fault_irq = lz_riscv_fault_irq,
};
