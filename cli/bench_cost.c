/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts what the library announces to the deterministic port during one unmap.
 * The IOMMU's model runs inside the register write, and the functions answer at
 * once, so the first look at the queue's head finds everything done.
 */
#include "cli/bench.h"
#include "lazaret-model/board.h"
#include "lazaret/device.h"
#include "lazaret/domain.h"
#include "lazaret/lazaret.h"
#include "lazaret/riscv.h"
#include "lazaret/smmuv3.h"
#include "port/sim/lz_arch.h"
#include "port/sim/sim.h"

#include <string.h>

#define MMIO_BASE   0x9050000u
#define MMIO_SIZE   0x20000u
#define ENTRIES_MAX 16u
#define IOVA	    0x10000000ull
#define ROUNDS	    4u
#define QUEUE_LOG2  10u

struct bed {
	struct lzm_board *board;
	struct lz *lz;
	struct lz_iommu *iommu;
	struct lz_domain *dom;
	unsigned n;
	struct {
		struct lz_pci_access pci;
		struct lz_group *group;
		struct lz_device *dev;
	} fn[ENTRIES_MAX];
	struct bench_cost *out;
	bool ok;
};

/* ---- around the model ---- */

static void no_irq(void *ctx, enum lzm_irq line)
{
	(void)ctx;
	(void)line;
}

static void mmio_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	lzm_board_write(arg, off, width, v);
	while (lzm_board_step(arg))
		;
}

/* ---- functions with ATS ---- */

static void pci_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	sim_sleep_until(sim_now() + ns);
}

static bool add_function(struct bed *b, unsigned i)
{
	uint8_t config[LZM_CONFIG_SIZE];
	uint32_t sid = 0x100 * (i + 1);
	const struct lzm_ep_config ep = {
		.config = config, .config_len = sizeof(config), .sid = sid};
	struct lz_device_desc desc = {.name = "function",
				      .iommu = b->iommu,
				      .streams = &sid,
				      .n_streams = 1,
				      .pci = &b->fn[i].pci,
				      .ats = true};

	lzm_config_make(config, LZM_CAP_ATS);
	b->fn[i].pci = (struct lz_pci_access){.ctx = lzm_board_add(b->board, &ep, NULL, NULL),
					      .read = lzm_board_cfg_read,
					      .write = lzm_board_cfg_write,
					      .sleep = pci_sleep};
	if (!b->fn[i].pci.ctx)
		return false;
	return lz_group_create(b->lz, i, &b->fn[i].group) == LZ_OK &&
	       lz_device_add(b->fn[i].group, &desc, &b->fn[i].dev) == LZ_OK &&
	       lz_attach(b->fn[i].dev, b->dom) == LZ_OK && lz_device_ats_active(b->fn[i].dev);
}

/* ---- counting ---- */

static void count(struct bed *b, struct bench_cost *c)
{
	struct sim_stats before, after;
	struct lzm_iommu_counts hw_before, hw_after;
	uint64_t op[LZ_SIM_KINDS];

	lzm_iommu_counts_get(lzm_board_iommu(b->board), &hw_before);
	sim_stats_get(&before);
	b->ok = lz_unmap(b->dom, IOVA, LZ_PAGE) == LZ_OK && b->ok;
	sim_stats_get(&after);
	lzm_iommu_counts_get(lzm_board_iommu(b->board), &hw_after);
	c->commands = hw_after.commands - hw_before.commands;
	c->syncs = hw_after.syncs - hw_before.syncs;
	for (unsigned i = 0; i < LZ_SIM_KINDS; i++)
		op[i] = after.ops[i] - before.ops[i];
	c->mmio_reads = op[LZ_SIM_MMIO_READ];
	c->mmio_writes = op[LZ_SIM_MMIO_WRITE];
	c->rmws = op[LZ_SIM_RMW];
	c->barriers = op[LZ_SIM_BARRIER];
	c->loads = op[LZ_SIM_LOAD];
	c->stores = op[LZ_SIM_STORE];
	c->masks = op[LZ_SIM_IRQ_MASK];
	c->locks = op[LZ_SIM_LOCK];
	c->waits = op[LZ_SIM_AWAIT] + op[LZ_SIM_RELAX] + op[LZ_SIM_CLOCK];
}

static void rounds(struct bed *b)
{
	struct bench_cost first = *b->out;

	b->out->exact = true;
	for (unsigned i = 0; i < ROUNDS && b->ok; i++) {
		struct bench_cost c = *b->out;

		b->ok = lz_map(b->dom, IOVA, 0x80000000u, LZ_PAGE, LZ_READ | LZ_WRITE) == LZ_OK;
		if (!b->ok)
			return;
		count(b, &c);
		if (i == 0)
			first = c;
		b->out->exact = b->out->exact && !memcmp(&first, &c, sizeof(c));
	}
	first.exact = b->out->exact;
	*b->out = first;
}

static void teardown(struct bed *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		if (b->fn[i].dev) {
			lz_detach(b->fn[i].dev);
			b->ok = lz_device_remove(b->fn[i].dev) == LZ_OK && b->ok;
		}
		if (b->fn[i].group)
			b->ok = lz_group_destroy(b->fn[i].group) == LZ_OK && b->ok;
	}
	if (b->dom)
		b->ok = lz_domain_destroy(b->dom) == LZ_OK && b->ok;
	if (b->iommu)
		b->ok = (b->out->iommu == BENCH_RISCV ? lz_riscv_remove(b->iommu)
						      : lz_smmuv3_remove(b->iommu)) == LZ_OK &&
			b->ok;
	if (b->lz)
		b->ok = lz_fini(b->lz) == LZ_OK && b->ok;
}

static enum lz_status add_iommu(struct bed *b)
{
	/* Set-up and rounds have room without a look at how far the hardware is. */
	const struct lz_smmuv3_desc smmu = {
		.name = "smmu", .mmio = MMIO_BASE, .cmdq_log2 = QUEUE_LOG2};
	const struct lz_riscv_desc riscv = {
		.name = "iommu", .mmio = MMIO_BASE, .coherent = true, .cmdq_log2 = QUEUE_LOG2};

	return b->out->iommu == BENCH_RISCV ? lz_riscv_add(b->lz, &riscv, &b->iommu)
					    : lz_smmuv3_add(b->lz, &smmu, &b->iommu);
}

static void task(void *arg)
{
	struct bed *b = arg;
	struct lz_config cfg;

	lz_config_default(&cfg);
	cfg.contain = b->out->contain ? LZ_CONTAIN_ON : LZ_CONTAIN_OFF;
	b->ok = lz_init(sim_port(), &cfg, &b->lz) == LZ_OK && add_iommu(b) == LZ_OK &&
		lz_domain_create(b->iommu, LZ_DOMAIN_PAGING, NULL, NULL, &b->dom) == LZ_OK;
	while (b->ok && b->n < b->out->entries)
		b->ok = add_function(b, b->n++);
	if (b->ok)
		rounds(b);
	teardown(b);
}

bool bench_cost(struct bench_cost *c)
{
	static struct bed b;
	struct sim_config sim = {.cpus = 1, .dma_bytes = 16u << 20, .dma_base = 0x800000000ull};
	struct sim_mmio mmio = {MMIO_BASE, MMIO_SIZE, lzm_board_read, mmio_write, NULL};
	const struct lzm_bus bus = {NULL, sim_dma_read, sim_dma_write, no_irq, sim_hw_now, NULL};
	bool ran;

	memset(&b, 0, sizeof(b));
	b.out = c;
	b.board = c->iommu == BENCH_RISCV ? lzm_board_create_riscv(NULL, &bus)
					  : lzm_board_create(NULL, &bus);
	if (!b.board)
		return false;
	mmio.arg = b.board;
	sim_start(&sim);
	sim_mmio_add(&mmio);
	sim_task("bench", 0, task, &b);
	ran = sim_run(LZ_SEC(60)) == 0;
	sim_stop();
	lzm_board_destroy(b.board);
	return ran && b.ok;
}
