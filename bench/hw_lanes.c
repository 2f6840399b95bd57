/* SPDX-License-Identifier: BSD-2-Clause */
/* Further command queues of a rig: ECMDQs, or a Tegra241 CMDQV. See hw_lanes.h. */
#include "bench/hw_lanes.h"

#define BESIDE (RIG_MMIO_EACH / 2) /* from the SMMU's registers to a CMDQV's */

/* One for each CPU, whether the driver uses as many or not. */
static unsigned queues_log2(const struct rig_unit *u)
{
	unsigned n = 0;

	while (u->rig->cpus > 1u << n)
		n++;
	return n;
}

void lanes_config(const struct rig_unit *u, struct lzm_smmu_config *cfg)
{
	const struct scenario_smmu *s = &u->rig->sc->machine.smmu;

	cfg->knobs.shared_timeouts = s->shared_timeouts;
	cfg->knobs.engine = s->one_consumer ? LZM_ENGINE_ONE_CONSUMER : LZM_ENGINE_PARALLEL;
	if (s->lanes != SCENARIO_LANES_ECMDQ)
		return;
	cfg->ecmdq = true;
	cfg->ecmdq_pages_log2 = 0;
	cfg->ecmdq_queues_log2 = queues_log2(u);
}

bool lanes_create(struct rig_unit *u)
{
	struct lzm_cmdqv_config c;

	if (u->rig->sc->machine.smmu.lanes != SCENARIO_LANES_CMDQV)
		return true;
	lzm_cmdqv_config_default(&c);
	c.vcmdqs_log2 = c.vintfs_log2 + queues_log2(u);
	u->cmdqv = lzm_cmdqv_create(&c, u->model.smmu);
	return u->cmdqv;
}

static uint64_t read_register(void *cmdqv, uint32_t off, unsigned width)
{
	return lzm_cmdqv_read(cmdqv, off, width);
}

static void write_register(void *cmdqv, uint32_t off, unsigned width, uint64_t value)
{
	lzm_cmdqv_write(cmdqv, off, width, value);
}

static void irq(void *arg)
{
	struct rig_unit *u = arg;

	if (u->iommu)
		(void)lz_smmuv3_cmdqv_irq(u->iommu);
}

void lanes_start(struct rig_unit *u)
{
	if (!u->cmdqv)
		return;
	sim_mmio_add(&(struct sim_mmio){rig_registers(u) + BESIDE, lzm_cmdqv_mmio_size(u->cmdqv),
					read_register, write_register, u->cmdqv});
	u->irq_cmdqv = sim_irq_line("cmdqv", 0, irq, u);
}

void lanes_describe(const struct rig_unit *u, struct lz_smmuv3_desc *desc)
{
	desc->own_timeouts = u->rig->sc->machine.smmu.own_timeouts;
	if (u->cmdqv)
		desc->cmdqv = rig_registers(u) + BESIDE;
}
