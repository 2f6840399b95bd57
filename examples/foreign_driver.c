/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 model as somebody else's driver sees it: registers, memory, an
 * interrupt and a clock. A device stops answering ATC invalidations; the
 * command queue stops, is repaired and goes on.
 */
#include "lazaret-model/smmuv3.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { STRTAB = 0x10000, CMDQ = 0x20000, CDTAB = 0x30000, TABLES = 0x40000, PAGE = 0x80000 };
enum { SID = 5, CMDQ_LOG2 = 6 };

static uint8_t memory[1 << 20];
static uint64_t clock_ns;
static unsigned gerror_irqs, requests;
static struct lzm_smmu *smmu;
static uint32_t prod;

static bool mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	(void)ctx;
	if (pa + len > sizeof(memory))
		return false;
	memcpy(buf, memory + pa, len);
	return true;
}

static bool mem_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	(void)ctx;
	if (pa + len > sizeof(memory))
		return false;
	memcpy(memory + pa, buf, len);
	return true;
}

static void irq(void *ctx, enum lzm_irq line)
{
	(void)ctx;
	gerror_irqs += line == LZM_IRQ_GERROR;
}

static uint64_t now(void *ctx)
{
	(void)ctx;
	return clock_ns;
}

static void atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	(void)ctx;
	requests++;
	printf("device %" PRIu32 ": invalidate request %" PRIu64 ", silent\n", inv->sid, tag);
}

/* Lets the hardware run until it is idle, waiting for its timers. */
static void run(void)
{
	for (uint64_t wake = 0; wake != LZM_NEVER; wake = lzm_smmu_wake(smmu)) {
		clock_ns = wake > clock_ns ? wake : clock_ns;
		while (lzm_smmu_step(smmu))
			;
	}
}

static uint32_t rd(uint32_t reg)
{
	return (uint32_t)lzm_smmu_read(smmu, reg, 4);
}

static void store(uint64_t pa, uint64_t value)
{
	mem_write(NULL, pa, &value, sizeof(value));
}

static void command(uint64_t d0, uint64_t d1)
{
	uint64_t slot = CMDQ + (prod & ((1u << CMDQ_LOG2) - 1)) * 16;

	store(slot, d0);
	store(slot + 8, d1);
	prod = (prod + 1) & ((2u << CMDQ_LOG2) - 1);
	lzm_smmu_write(smmu, 0x98, 4, prod); /* CMDQ_PROD */
}

static void init_tables(void)
{
	/* STE: valid, stage 1, one CD; EATS full. CD: 4K, 48 bits, ASID 1. */
	store(STRTAB + SID * 64, 1 | 5 << 1 | CDTAB);
	store(STRTAB + SID * 64 + 8, UINT64_C(1) << 28);
	store(CDTAB, 16 | 1u << 30 | 1u << 31 | UINT64_C(5) << 32 | UINT64_C(1) << 41 |
			     UINT64_C(3) << 45 | UINT64_C(1) << 48);
	store(CDTAB + 8, TABLES);
	for (unsigned level = 0; level < 3; level++)
		store(TABLES + level * 4096, (TABLES + (level + 1) * 4096) | 3);
	store(TABLES + 3 * 4096 + 8, PAGE | 1 << 10 | 1 << 6 | 3); /* iova 0x1000 */
}

static void init_registers(void)
{
	lzm_smmu_write(smmu, 0x80, 8, STRTAB);
	lzm_smmu_write(smmu, 0x88, 4, 8);
	lzm_smmu_write(smmu, 0x90, 8, CMDQ | CMDQ_LOG2);
	lzm_smmu_write(smmu, 0x50, 4, 1);	   /* IRQ_CTRL.GERROR */
	lzm_smmu_write(smmu, 0x20, 4, 1 | 8 | 16); /* SMMUEN, CMDQEN, ATSCHK */
	run();
	printf("CR0ACK 0x%" PRIx32 "\n", rd(0x24));
}

int main(void)
{
	const struct lzm_bus bus = {NULL, mem_read, mem_write, irq, now, atc_inv};
	struct lzm_smmu_config cfg;
	struct lzm_translation t;
	uint32_t cons;
	bool ok;

	lzm_smmu_config_default(&cfg);
	smmu = lzm_smmu_create(&cfg, &bus);
	if (!smmu)
		return 1;
	init_tables();
	init_registers();
	ok = lzm_smmu_translate(smmu, SID, false, 0, 0x1234, &t) == LZM_OK && t.pa == PAGE;
	printf("iova 0x1234 -> pa 0x%" PRIx64 ", write %d\n", t.pa, t.write);

	command(0x40 | (uint64_t)SID << 32, 52); /* ATC_INV, everything */
	command(0x46, 0);			 /* SYNC */
	run();
	cons = rd(0x9c);
	ok = ok && cons >> 24 == 3 && (cons & 0xfffff) == 1 && gerror_irqs == 1 && requests == 1;
	printf("%" PRIu64 " ms: CMDQ_CONS 0x%08" PRIx32 ", GERROR 0x%" PRIx32 ", interrupts %u\n",
	       clock_ns / 1000000, cons, rd(0x60), gerror_irqs);

	lzm_smmu_write(smmu, 0x64, 4, rd(0x60)); /* GERRORN: acknowledge */
	run();
	ok = ok && (rd(0x9c) & 0xfffff) == prod;
	printf("acknowledged: CONS at %" PRIu32 " of %" PRIu32 "\n", rd(0x9c) & 0xfffff, prod);
	lzm_smmu_destroy(smmu);
	puts(ok ? "as expected" : "UNEXPECTED");
	return ok ? 0 : 1;
}
