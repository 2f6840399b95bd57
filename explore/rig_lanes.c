/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small machine's further command queues: two ECMDQs, or a CMDQV with two queues
 * of the host's.
 */
#include <string.h>

#include "explore/rig.h"
#include "lazaret/smmuv3.h"

#define LANES	     2u
#define ECMDQ_PAGE   0x20000u
#define ECMDQ_STRIDE 0x8000u
#define VCMDQ_PAGE   0x10000u /* BASE is on the next one */
#define VCMDQ_STRIDE 0x80u

static bool has_lanes(const struct exr *r, const char *kind)
{
	return r->c->lanes && !strcmp(r->c->lanes, kind);
}

void exr_lanes_config(struct exr *r)
{
	const struct ex_case *c = r->c;

	r->hw.knobs.shared_timeouts = c->shared_timeouts;
	r->hw.knobs.engine = c->one_consumer ? LZM_ENGINE_ONE_CONSUMER : LZM_ENGINE_PARALLEL;
	if (has_lanes(r, "ecmdq")) {
		r->hw.ecmdq = true;
		r->hw.ecmdq_pages_log2 = 0;
		r->hw.ecmdq_queues_log2 = 1;
	}
}

static uint64_t cmdqv_read(void *cmdqv, uint32_t offset, unsigned size)
{
	return lzm_cmdqv_read(cmdqv, offset, size);
}

static void cmdqv_write(void *cmdqv, uint32_t offset, unsigned size, uint64_t value)
{
	lzm_cmdqv_write(cmdqv, offset, size, value);
}

static void cmdqv_irq(void *arg)
{
	struct exr_unit *u = arg;

	if (u->iommu)
		(void)lz_smmuv3_cmdqv_irq(u->iommu);
}

void exr_lanes_build(struct exr_unit *u)
{
	const struct lzm_cmdqv_config c = {.vcmdqs_log2 = 1, .sids_log2 = 1};
	uintptr_t base = EXR_CMDQV + (uintptr_t)(u - u->rig->unit) * EXR_CMDQV_SIZE;

	u->irq_cmdqv = sim_irq_line("cmdqv", 2, cmdqv_irq, u);
	if (!has_lanes(u->rig, "cmdqv"))
		return;
	u->cmdqv = lzm_cmdqv_create(&c, u->model->smmu);
	if (!u->cmdqv)
		exr_must(u->rig, LZ_EINVAL, "the CMDQV model");
	sim_mmio_add(&(struct sim_mmio){base, lzm_cmdqv_mmio_size(u->cmdqv), cmdqv_read,
					cmdqv_write, u->cmdqv});
}

/* ---- what stands in them ---- */

struct ring {
	uint64_t base;
	uint32_t prod, cons;
};

static struct ring look(const struct exr_unit *u, unsigned i)
{
	uint32_t at = ECMDQ_PAGE + i * ECMDQ_STRIDE;

	if (!u->cmdqv)
		return (struct ring){lzm_smmu_read(u->model->smmu, at, 8),
				     (uint32_t)lzm_smmu_read(u->model->smmu, at + 8, 4),
				     (uint32_t)lzm_smmu_read(u->model->smmu, at + 12, 4)};
	at = VCMDQ_PAGE + i * VCMDQ_STRIDE;
	return (struct ring){lzm_cmdqv_read(u->cmdqv, at + VCMDQ_PAGE, 8),
			     (uint32_t)lzm_cmdqv_read(u->cmdqv, at + 4, 4),
			     (uint32_t)lzm_cmdqv_read(u->cmdqv, at, 4)};
}

static unsigned count(const struct ring *q, const struct exr_dev *d)
{
	uint32_t mask = (1u << (q->base & 0x1f)) - 1;
	uint64_t base = q->base & 0x00ffffffffffffe0ull;
	unsigned n = 0;

	for (uint32_t p = q->cons; ((q->prod - p) & (2 * mask + 1)) != 0; p++) {
		const uint64_t *cmd = sim_dma_ptr(base + 16ull * (p & mask), 16);

		for (unsigned k = 0; cmd && (cmd[0] & 0xff) == 0x40 && k < d->n_sids; k++)
			n += cmd[0] >> 32 == d->sid[k];
	}
	return n;
}

unsigned exr_lanes_pending(const struct exr_dev *d)
{
	const struct exr_unit *u = d->unit;
	unsigned n = 0;

	for (unsigned i = 0; i < LANES && (u->cmdqv || d->rig->hw.ecmdq); i++) {
		struct ring q = look(u, i);

		n += count(&q, d);
	}
	return n;
}
