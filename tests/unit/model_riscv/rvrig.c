/* SPDX-License-Identifier: BSD-2-Clause */
/* Helpers of the RISC-V IOMMU model tests: see rvrig.h. */
#include "rvrig.h"

#include <stdlib.h>
#include <string.h>

static bool reachable(struct rig *r, uint64_t pa, size_t len)
{
	return pa + len <= MEMORY && !(r->abort_pa >= pa && r->abort_pa < pa + len);
}

static bool mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	struct rig *r = ctx;

	if (!reachable(r, pa, len))
		return false;
	memcpy(buf, r->memory + pa, len);
	return true;
}

static bool mem_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	struct rig *r = ctx;

	if (!reachable(r, pa, len))
		return false;
	memcpy(r->memory + pa, buf, len);
	return true;
}

static void irq(void *ctx, enum lzm_irq line)
{
	((struct rig *)ctx)->irqs[line]++;
}

static uint64_t now(void *ctx)
{
	return ((struct rig *)ctx)->now;
}

static void atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	struct rig *r = ctx;

	r->requests++;
	r->last_inv = *inv;
	if (r->silent)
		r->tags[r->tag_count++ & 63] = tag;
	else
		lzm_riscv_atc_answer(r->iommu, tag, LZM_ATC_DONE);
}

static struct rig *build(const struct lzm_riscv_knobs *knobs, bool msi_flat)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->memory = calloc(1, MEMORY);
	assert_non_null(r->memory);
	r->abort_pa = UINT64_MAX;
	r->bus = (struct lzm_bus){r, mem_read, mem_write, irq, now, atc_inv};
	lzm_riscv_config_default(&r->cfg);
	if (knobs)
		r->cfg.knobs = *knobs;
	r->cfg.msi_flat = msi_flat;
	r->iommu = lzm_riscv_create(&r->cfg, &r->bus);
	assert_non_null(r->iommu);
	wr(r, FCTL, 2); /* wired */
	wr64(r, CQB, PPN(CQ) << 10 | (CQ_LOG2 - 1));
	wr64(r, FQB, PPN(FQ) << 10 | (FQ_LOG2 - 1));
	wr64(r, PQB, PPN(PQ) << 10 | (FQ_LOG2 - 1));
	wr(r, CQCSR, EN | IE);
	wr(r, FQCSR, EN | IE);
	wr(r, PQCSR, EN | IE);
	settle(r);
	assert_int_equal(rd(r, CQCSR), EN | IE | ON);
	return r;
}

struct rig *rig_new(const struct lzm_riscv_knobs *knobs)
{
	return build(knobs, false);
}

struct rig *rig_wide(void)
{
	return build(NULL, true);
}

struct rig *rig_running(const struct lzm_riscv_knobs *knobs)
{
	struct rig *r = rig_new(knobs);

	store(r, DDT + (DID >> 7) * 8, ENTRY(DDT + 0x1000));
	set_dc(r, DID, TC_V | TC_EN_ATS, 0, PSCID(1), SV39 | PPN(TABLES));
	map(r, TABLES, 0x1000, 0, DATA >> 2 | LEAF);
	wr64(r, DDTP, PPN(DDT) << 10 | LEVELS2);
	settle(r);
	assert_int_equal(rd(r, DDTP) & 31, LEVELS2);
	return r;
}

void rig_free(struct rig *r)
{
	lzm_riscv_destroy(r->iommu);
	free(r->memory);
	free(r);
}

uint32_t rd(struct rig *r, uint32_t reg)
{
	return (uint32_t)lzm_riscv_read(r->iommu, reg, 4);
}

void wr(struct rig *r, uint32_t reg, uint64_t value)
{
	lzm_riscv_write(r->iommu, reg, 4, value);
}

void wr64(struct rig *r, uint32_t reg, uint64_t value)
{
	lzm_riscv_write(r->iommu, reg, 8, value);
}

void store(struct rig *r, uint64_t pa, uint64_t value)
{
	memcpy(r->memory + pa, &value, 8);
}

uint64_t load(struct rig *r, uint64_t pa)
{
	uint64_t v;

	memcpy(&v, r->memory + pa, 8);
	return v;
}

void set_dc(struct rig *r, uint32_t did, uint64_t tc, uint64_t hgatp, uint64_t ta, uint64_t fsc)
{
	uint64_t at = DDT + 0x1000 + (did & 127) * 32;

	store(r, at + 8, hgatp);
	store(r, at + 16, ta);
	store(r, at + 24, fsc);
	store(r, at, tc);
}

void map(struct rig *r, uint64_t root, uint64_t va, unsigned extra, uint64_t pte)
{
	uint64_t table = root, next = root + (extra ? 0x4000 : 0x1000);

	for (unsigned shift = 30; shift > 12; shift -= 9) {
		uint64_t at = table + (va >> shift & ((512u << extra) - 1)) * 8;

		extra = 0;
		if (!(load(r, at) & 1)) {
			while (load(r, next + 4088)) /* used pages have this mark */
				next += 4096;
			store(r, next + 4088, 2);
			store(r, at, PPN(next) << 10 | 1);
		}
		table = (load(r, at) >> 10) << 12;
	}
	store(r, table + (va >> 12 & 511) * 8, pte);
}

void put(struct rig *r, uint64_t d0, uint64_t d1)
{
	store(r, CQ + r->tail * 16, d0);
	store(r, CQ + r->tail * 16 + 8, d1);
	r->tail = (r->tail + 1) & ((1u << CQ_LOG2) - 1);
	wr(r, CQT, r->tail);
}

void idle(struct rig *r)
{
	for (unsigned n = 0; lzm_riscv_step(r->iommu); n++)
		assert_true(n < 100000);
	assert_true(lzm_riscv_wake(r->iommu) > r->now);
}

void settle(struct rig *r)
{
	for (;;) {
		uint64_t wake;

		idle(r);
		wake = lzm_riscv_wake(r->iommu);
		if (wake == LZM_NEVER)
			return;
		r->now = wake;
		assert_true(lzm_riscv_step(r->iommu));
	}
}

bool done(struct rig *r)
{
	return rd(r, CQH) == r->tail && !(rd(r, CQCSR) & (CQMF | CMD_TO | CMD_ILL));
}

void clear(struct rig *r, uint32_t bits)
{
	wr(r, CQCSR, EN | IE | bits);
	wr(r, IPSR, 1);
}

uint64_t misuses(struct rig *r)
{
	struct lzm_riscv_stats st;

	lzm_riscv_stats_get(r->iommu, &st);
	return st.illegal_driver_use;
}

bool fault(struct rig *r, uint64_t rec[4])
{
	uint32_t head = rd(r, FQH);

	if (rd(r, FQT) == head)
		return false;
	memcpy(rec, r->memory + FQ + head * 32, 32);
	wr(r, FQH, (head + 1) & ((1u << FQ_LOG2) - 1));
	return true;
}

uint64_t untranslated(struct rig *r, uint64_t va)
{
	uint64_t pa;

	if (lzm_riscv_untranslated(r->iommu, DID, false, 0, va, LZM_READ, &pa) != LZM_OK)
		return UINT64_MAX;
	return pa;
}

bool translated(struct rig *r)
{
	uint64_t pa;

	return lzm_riscv_translated(r->iommu, DID, DATA, LZM_WRITE, &pa) == LZM_OK;
}
