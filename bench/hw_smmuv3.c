/* SPDX-License-Identifier: BSD-2-Clause */
/* A rig with an SMMUv3. */
#include "bench/hw_lanes.h"

#include <string.h>

/* Arm IHI 0070 section 6.3.26 - 6.3.28 */
#define CMDQ_BASE  0x90u
#define CMDQ_PROD  0x98u
#define CMDQ_CONS  0x9cu
#define CMDQ_INDEX 0xfffffu /* with the wrap bit; without what CONS says of errors */

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
	u->smmu = lzm_smmu_create(&cfg, &u->bus);
	return u->smmu && lanes_create(u);
}

static void destroy(struct rig_unit *u)
{
	if (u->cmdqv)
		lzm_cmdqv_destroy(u->cmdqv);
	if (u->smmu)
		lzm_smmu_destroy(u->smmu);
}

static uint32_t registers(const struct rig_unit *u)
{
	return lzm_smmu_mmio_size(u->smmu);
}

static uint64_t read_register(struct rig_unit *u, uint32_t off, unsigned width)
{
	return lzm_smmu_read(u->smmu, off, width);
}

static void write_register(struct rig_unit *u, uint32_t off, unsigned width, uint64_t value)
{
	lzm_smmu_write(u->smmu, off, width, value);
}

static bool step(struct rig_unit *u)
{
	return lzm_smmu_step(u->smmu);
}

static uint64_t wake(struct rig_unit *u)
{
	return lzm_smmu_wake(u->smmu);
}

static void answer(struct rig_unit *u, uint64_t tag, enum lzm_atc_answer a)
{
	lzm_smmu_atc_answer(u->smmu, tag, a);
}

static void device_reset(struct rig_unit *u, uint32_t sid)
{
	lzm_smmu_device_reset(u->smmu, sid);
}

static enum lzm_result translate(struct rig_unit *u, uint32_t sid, uint32_t pasid, uint64_t iova,
				 struct lzm_translation *out)
{
	return lzm_smmu_translate(u->smmu, sid, pasid != 0, pasid, iova, out);
}

static enum lzm_result translated(struct rig_unit *u, uint32_t sid, uint64_t pa,
				  enum lzm_access access, uint64_t *out)
{
	return lzm_smmu_translated(u->smmu, sid, pa, access, out);
}

static enum lzm_result untranslated(struct rig_unit *u, uint32_t sid, uint32_t pasid, uint64_t iova,
				    enum lzm_access access, uint64_t *pa)
{
	return lzm_smmu_untranslated(u->smmu, sid, pasid != 0, pasid, iova, access, pa);
}

static void page_request(struct rig_unit *u, uint32_t sid, uint64_t iova, unsigned prgi)
{
	int resp;

	(void)lzm_smmu_page_request(u->smmu, sid, false, 0, iova, prgi, true, &resp);
}

static void stall(struct rig_unit *u, uint64_t until)
{
	lzm_smmu_inject_cmdq_stall(u->smmu, until);
}

static void abort_entry(struct rig_unit *u, uint32_t sid)
{
	lzm_smmu_inject_ste_abort(u->smmu, sid);
}

static void abort_command(struct rig_unit *u)
{
	lzm_smmu_inject_cmdq_abort(u->smmu);
}

static void abort_msi(struct rig_unit *u)
{
	lzm_smmu_inject_msi_abort(u->smmu);
}

static void fail(struct rig_unit *u)
{
	lzm_smmu_inject_sfm(u->smmu);
}

static void ring(struct rig_unit *u, uint64_t *start, uint64_t *bytes)
{
	uint64_t base = lzm_smmu_read(u->smmu, CMDQ_BASE, 8);

	*start = base & 0x000fffffffffffe0ull;
	*bytes = 16ull << (base & 0x1f);
}

static bool queue_is_empty(struct rig_unit *u)
{
	return !((lzm_smmu_read(u->smmu, CMDQ_PROD, 4) ^ lzm_smmu_read(u->smmu, CMDQ_CONS, 4)) &
		 CMDQ_INDEX);
}

static void ats_effective(struct rig_unit *u, uint32_t sid, bool *now, bool *uncached)
{
	lzm_smmu_eats_effective(u->smmu, sid, now, uncached);
}

static void counts(struct rig_unit *u, struct hardware_counts *out)
{
	struct lzm_smmu_stats st = {0};

	if (u->smmu)
		lzm_smmu_stats_get(u->smmu, &st);
	*out = (struct hardware_counts){.commands = st.commands,
					.errors = st.cmdq_errors,
					.illegal_driver_use = st.illegal_driver_use,
					.lane_commands = st.lane_commands,
					.lanes = st.lanes};
	memcpy(out->last_misuse, st.last_misuse, sizeof(out->last_misuse));
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
	.destroy = destroy,
	.registers = registers,
	.start = lanes_start,
	.read = read_register,
	.write = write_register,
	.step = step,
	.wake = wake,
	.answer = answer,
	.device_reset = device_reset,
	.translate = translate,
	.translated = translated,
	.untranslated = untranslated,
	.page_request = page_request,
	.stall = stall,
	.abort_entry = abort_entry,
	.abort_command = abort_command,
	.abort_msi = abort_msi,
	.fail = fail,
	.ring = ring,
	.queue_is_empty = queue_is_empty,
	.ats_effective = ats_effective,
	.counts = counts,
	.add = add,
	.remove = lz_smmuv3_remove,
	.error_irq = lz_smmuv3_gerror_irq,
	.fault_irq = lz_smmuv3_evtq_irq,
};
