/* SPDX-License-Identifier: BSD-2-Clause */
/* A rig with a RISC-V IOMMU. */
#include "bench/rig.h"

#include <string.h>

#include "lazaret/riscv.h"

/* RISC-V IOMMU specification, 6.6 and 6.8 */
#define CQB 24u
#define CQH 32u
#define CQT 36u

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
	u->riscv = lzm_riscv_create(&cfg, &u->bus);
	return u->riscv;
}

static void destroy(struct rig_unit *u)
{
	if (u->riscv)
		lzm_riscv_destroy(u->riscv);
}

static uint64_t read_register(struct rig_unit *u, uint32_t off, unsigned width)
{
	return lzm_riscv_read(u->riscv, off, width);
}

static void write_register(struct rig_unit *u, uint32_t off, unsigned width, uint64_t value)
{
	lzm_riscv_write(u->riscv, off, width, value);
}

static bool step(struct rig_unit *u)
{
	return lzm_riscv_step(u->riscv);
}

static uint64_t wake(struct rig_unit *u)
{
	return lzm_riscv_wake(u->riscv);
}

static void answer(struct rig_unit *u, uint64_t tag, enum lzm_atc_answer a)
{
	lzm_riscv_atc_answer(u->riscv, tag, a);
}

static void device_reset(struct rig_unit *u, uint32_t sid)
{
	lzm_riscv_device_reset(u->riscv, sid);
}

static enum lzm_result translate(struct rig_unit *u, uint32_t sid, uint32_t pasid, uint64_t iova,
				 struct lzm_translation *out)
{
	return lzm_riscv_translate(u->riscv, sid, pasid != 0, pasid, iova, out);
}

static enum lzm_result translated(struct rig_unit *u, uint32_t sid, uint64_t pa,
				  enum lzm_access access, uint64_t *out)
{
	return lzm_riscv_translated(u->riscv, sid, pa, access, out);
}

static enum lzm_result untranslated(struct rig_unit *u, uint32_t sid, uint32_t pasid, uint64_t iova,
				    enum lzm_access access, uint64_t *pa)
{
	return lzm_riscv_untranslated(u->riscv, sid, pasid != 0, pasid, iova, access, pa);
}

static void page_request(struct rig_unit *u, uint32_t sid, uint64_t iova, unsigned prgi)
{
	int resp;

	(void)lzm_riscv_page_request(u->riscv, sid, false, 0, iova, prgi, true, &resp);
}

static void stall(struct rig_unit *u, uint64_t until)
{
	lzm_riscv_inject_cmdq_stall(u->riscv, until);
}

static void abort_entry(struct rig_unit *u, uint32_t sid)
{
	lzm_riscv_inject_ddt_fault(u->riscv, sid);
}

static void abort_command(struct rig_unit *u)
{
	lzm_riscv_inject_cmdq_fault(u->riscv);
}

static void ring(struct rig_unit *u, uint64_t *start, uint64_t *bytes)
{
	uint64_t base = lzm_riscv_read(u->riscv, CQB, 8);

	*start = base >> 10 << 12;
	*bytes = 32ull << (base & 0x1f);
}

static bool queue_is_empty(struct rig_unit *u)
{
	return lzm_riscv_read(u->riscv, CQH, 4) == lzm_riscv_read(u->riscv, CQT, 4);
}

static void ats_effective(struct rig_unit *u, uint32_t sid, bool *now, bool *uncached)
{
	lzm_riscv_ats_effective(u->riscv, sid, now, uncached);
}

static void counts(struct rig_unit *u, struct hardware_counts *out)
{
	struct lzm_riscv_stats st = {0};

	if (u->riscv)
		lzm_riscv_stats_get(u->riscv, &st);
	*out = (struct hardware_counts){.commands = st.commands,
					.errors = st.cmd_errors,
					.illegal_driver_use = st.illegal_driver_use};
	memcpy(out->last_misuse, st.last_misuse, sizeof(out->last_misuse));
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
	.destroy = destroy,
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
	.ring = ring,
	.queue_is_empty = queue_is_empty,
	.ats_effective = ats_effective,
	.counts = counts,
	.add = add,
	.remove = lz_riscv_remove,
	.error_irq = lz_riscv_command_irq,
	.fault_irq = lz_riscv_fault_irq,
};
