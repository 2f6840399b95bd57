/* SPDX-License-Identifier: BSD-2-Clause */
/* A rig with an SMMUv3. */
#include "bench/hw_lanes.h"

static bool create(struct rig_unit *u)
{
	const struct scenario_smmu *s = &u->rig->sc->machine.smmu;
	struct lzm_smmu_config cfg;

	lzm_smmu_config_default(&cfg);
	/* Wider than usual only for a machine that has such ids. */
	while (rig_last_id(u->rig->machine) >> cfg.sid_bits)
		cfg.sid_bits++;
	if (s->cmdq_log2)
		cfg.cmdq_log2 = (unsigned)s->cmdq_log2;
	if (s->evtq_log2)
		cfg.evtq_log2 = (unsigned)s->evtq_log2;
	if (s->ats_timeout)
		cfg.knobs.ats_timeout_ns = s->ats_timeout;
	if (s->cons_batch)
		cfg.knobs.cons_batch = (unsigned)s->cons_batch;
	if (s->prefetch)
		cfg.knobs.prefetch = (unsigned)s->prefetch;
	lanes_config(u, &cfg);
	cfg.knobs.seed = u->rig->opt.seed;
	if (u->rig->opt.regime && !lzm_smmu_regime(u->rig->opt.regime, &cfg.knobs))
		return false;
	u->gerror_delay = cfg.knobs.gerror_irq_delay_ns;
	u->rig->ats_timeout = cfg.knobs.ats_timeout_ns;
	u->model.smmu = lzm_smmu_create(&cfg, &u->bus);
	return u->model.smmu && lanes_create(u);
}

static uint32_t registers(const struct rig_unit *u)
{
	return lzm_smmu_mmio_size(u->model.smmu);
}

static void abort_msi(struct rig_unit *u)
{
	lzm_smmu_inject_msi_abort(u->model.smmu);
}

static void fail(struct rig_unit *u)
{
	lzm_smmu_inject_sfm(u->model.smmu);
}

static enum lz_status add(struct rig_unit *u)
{
	struct lz_smmuv3_desc desc = {
		.name = u->name, .mmio = rig_registers(u), .mmio_size = registers(u)};

	lanes_describe(u, &desc);
	return lz_smmuv3_add(u->rig->lz, &desc, &u->iommu);
}

const struct hardware hardware_smmuv3 = {
	.name = "smmu",
	.id_bits = 25,
	.create = create,
	.registers = registers,
	.start = lanes_start,
	.abort_msi = abort_msi,
	.fail = fail,
	.add = add,
	.remove = lz_smmuv3_remove,
	.error_irq = lz_smmuv3_gerror_irq,
	.fault_irq = lz_smmuv3_evtq_irq,
};
