/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the calls of examples/qemu/calls.c on the model, which has what QEMU's
 * SMMU has and works as it does: within the register write. Prints what the
 * driver did to it, a line each; tools/qemu compares that with QEMU's trace.
 */
#include <inttypes.h>
#include <lazaret-model/smmuv3.h>
#include <stdio.h>
#include <stdlib.h>

#include "examples/qemu/calls.h"
#include "port/sim/sim.h"

#define MMIO	  0x9050000u
#define CMDQ_BASE 0x90u
#define CMDQ_PROD 0x98u

static struct lzm_smmu *smmu;
static uint64_t cmdq_base;
static uint32_t cmdq_prod;
static enum lz_status outcome = LZ_EBUSY;

/* ---- what the model sees ---- */

static void no_irq(void *ctx, enum lzm_irq line)
{
	(void)ctx, (void)line;
}

static void no_atc(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	(void)ctx, (void)tag, (void)inv;
}

/* ---- what the driver does ---- */

/* In the words of QEMU's trace: what it does not say of a command is left out. */
static void print_command(const uint64_t w[2])
{
	unsigned op = w[0] & 0xff, asid = (unsigned)(w[0] >> 48);
	unsigned sid = (unsigned)(w[0] >> 32), tg = (unsigned)(w[1] >> 10 & 3);
	uint64_t pages = tg ? ((w[0] >> 12 & 31) + 1) << (w[0] >> 20 & 31) : 1;

	switch (op) {
	case 0x03:
		printf("C CFGI_STE sid=0x%x\n", sid);
		break;
	case 0x04:
		printf("C CFGI_STE_RANGE all\n");
		break;
	case 0x05:
		printf("C CFGI_CD sid=0x%x\n", sid);
		break;
	case 0x11:
		printf("C TLBI_NH_ASID asid=%u\n", asid);
		break;
	case 0x12:
		printf("C TLBI_NH_VA asid=%u addr=0x%" PRIx64 " tg=%u pages=%" PRIu64
		       " ttl=%u leaf=%u\n",
		       asid, (w[1] >> 12) << 12, tg, pages, (unsigned)(w[1] >> 8 & 3),
		       (unsigned)(w[1] & 1));
		break;
	case 0x30:
		printf("C TLBI_NSNH_ALL\n");
		break;
	case 0x46:
		printf("C SYNC\n");
		break;
	default:
		printf("C 0x%02x %016" PRIx64 " %016" PRIx64 "\n", op, w[0], w[1]);
	}
}

static void print_commands(uint32_t to)
{
	unsigned log2 = cmdq_base & 31;
	uint64_t ring = cmdq_base & 0x00ffffffffffffe0ull;
	uint32_t from = cmdq_prod;

	cmdq_prod = to;
	for (; from != to; from = (from + 1) & ((2u << log2) - 1)) {
		uint64_t w[2];

		if (!sim_dma_read(NULL, ring + 16 * (from & ((1u << log2) - 1)), w, sizeof(w)))
			exit(1);
		print_command(w);
	}
}

static void settle(void)
{
	while (lzm_smmu_step(smmu))
		;
}

static uint64_t mmio_read(void *arg, uint32_t off, unsigned width)
{
	uint64_t v = lzm_smmu_read(smmu, off, width);

	(void)arg;
	printf("R 0x%x %u 0x%" PRIx64 "\n", off, width, v);
	return v;
}

static void mmio_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	(void)arg;
	printf("W 0x%x %u 0x%" PRIx64 "\n", off, width, v);
	if (off == CMDQ_BASE) {
		cmdq_base = v;
		cmdq_prod = 0;
	}
	if (off == CMDQ_PROD)
		print_commands((uint32_t)v);
	lzm_smmu_write(smmu, off, width, v);
	settle();
}

static void mark(void)
{
	puts("--");
}

static void calls(void *arg)
{
	(void)arg;
	outcome = calls_run(sim_port(), MMIO, mark);
}

/* ---- a machine like QEMU's ---- */

static struct lzm_smmu_config like_qemu(void)
{
	struct lzm_smmu_config cfg;

	lzm_smmu_config_default(&cfg);
	cfg.sid_bits = 16;
	cfg.ssid_bits = 0;
	cfg.cmdq_log2 = cfg.evtq_log2 = 19;
	cfg.priq_log2 = 0;
	cfg.oas = 4;
	cfg.ats = cfg.pri = cfg.msi = false;
	cfg.range_inv = cfg.two_level = cfg.cohacc = true;
	cfg.stage2 = false;
	cfg.knobs.tolerant_ill = true;
	return cfg;
}

int main(void)
{
	static const struct lzm_bus bus = {NULL,   sim_dma_read, sim_dma_write,
					   no_irq, sim_hw_now,	 no_atc};
	struct sim_config sim = {
		.cpus = 1, .seed = 1, .dma_bytes = 8u << 20, .dma_base = 0x80000000u};
	struct lzm_smmu_config cfg = like_qemu();
	int ended;

	sim_start(&sim);
	smmu = lzm_smmu_create(&cfg, &bus);
	if (!smmu)
		return 1;
	sim_mmio_add(&(struct sim_mmio){MMIO, 0x20000, mmio_read, mmio_write, NULL});
	sim_task("calls", 0, calls, NULL);
	ended = sim_run(LZ_SEC(1000));
	sim_stop();
	lzm_smmu_destroy(smmu);
	if (ended || outcome != LZ_OK)
		fprintf(stderr, "the calls ended with %s\n", lz_status_name(outcome));
	return ended || outcome != LZ_OK;
}
