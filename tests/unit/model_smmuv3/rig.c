/* SPDX-License-Identifier: BSD-2-Clause */
/* Helpers of the SMMUv3 model tests: see rig.h. */
#include "rig.h"

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
	struct rig *r = ctx;

	r->irqs[line]++;
}

static uint64_t now(void *ctx)
{
	struct rig *r = ctx;

	return r->now;
}

static void atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	struct rig *r = ctx;

	r->requests++;
	r->last_inv = *inv;
	if (r->silent[inv->sid & 63])
		r->tags[r->tag_count++ & 63] = tag;
	else
		lzm_smmu_atc_answer(r->smmu, tag, LZM_ATC_DONE);
}

struct rig *rig_new(const struct lzm_smmu_config *cfg)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->memory = calloc(1, MEMORY);
	assert_non_null(r->memory);
	r->abort_pa = UINT64_MAX;
	r->bus = (struct lzm_bus){r, mem_read, mem_write, irq, now, atc_inv};
	if (cfg)
		r->cfg = *cfg;
	else
		lzm_smmu_config_default(&r->cfg);
	r->smmu = lzm_smmu_create(&r->cfg, &r->bus);
	assert_non_null(r->smmu);
	rig_bases(r);
	return r;
}

void rig_bases(struct rig *r)
{
	lzm_smmu_write(r->smmu, STRTAB_BASE, 8, STRTAB);
	wr(r, STRTAB_CFG, STRTAB_LOG2);
	lzm_smmu_write(r->smmu, CMDQ_BASE, 8, CMDQ | CMDQ_LOG2);
	lzm_smmu_write(r->smmu, EVTQ_BASE, 8, EVTQ | EVTQ_LOG2);
	if (r->cfg.pri)
		lzm_smmu_write(r->smmu, PRIQ_BASE, 8, PRIQ | 1);
}

void rig_free(struct rig *r)
{
	lzm_smmu_destroy(r->smmu);
	free(r->memory);
	free(r);
}

void rig_enable(struct rig *r, uint32_t bits)
{
	wr(r, IRQ_CTRL, 7);
	wr(r, CR0, bits);
	settle(r);
	assert_int_equal(rd(r, CR0ACK), bits);
}

struct rig *rig_running(const struct lzm_smmu_config *cfg)
{
	struct rig *r = rig_new(cfg);

	rig_run(r);
	return r;
}

void rig_run(struct rig *r)
{
	uint32_t sid;

	for (sid = SID; sid < SID + 4; sid++)
		set_ste(r, sid, STE0(5) | CDTAB, EATS(1));
	set_cd(r, CDTAB, CD0 | CD_ASID(1), TABLES);
	map(r, TABLES, 0x1000, 3, DATA | D_PAGE | D_NG);
	rig_enable(r, ALL_ON | (r->cfg.pri ? PRIQEN : 0));
}

uint32_t rd(struct rig *r, uint32_t reg)
{
	return (uint32_t)lzm_smmu_read(r->smmu, reg, 4);
}

void wr(struct rig *r, uint32_t reg, uint64_t value)
{
	lzm_smmu_write(r->smmu, reg, 4, value);
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

void set_ste(struct rig *r, uint32_t sid, uint64_t w0, uint64_t w1)
{
	store(r, STRTAB + sid * 64, w0);
	store(r, STRTAB + sid * 64 + 8, w1);
}

void set_cd(struct rig *r, uint64_t pa, uint64_t w0, uint64_t ttb0)
{
	store(r, pa, w0);
	store(r, pa + 8, ttb0);
}

void map(struct rig *r, uint64_t root, uint64_t va, unsigned level, uint64_t desc)
{
	static const unsigned shift[] = {39, 30, 21, 12};
	uint64_t table = root;
	unsigned l;

	for (l = 0; l < level; l++) {
		uint64_t at = table + (va >> shift[l] & 511) * 8, next = load(r, at);

		if (!(next & 1)) {
			/* The next free page behind the root. */
			for (next = root + 4096; load(r, next + 4088) == 1; next += 4096)
				;
			store(r, next + 4088, 1);
			next |= 3;
			store(r, at, next);
		}
		table = next & ~0xfffull;
	}
	store(r, table + (va >> shift[level] & 511) * 8, desc);
}

void put(struct rig *r, uint64_t d0, uint64_t d1)
{
	uint64_t slot = CMDQ + (r->prod & ((1u << CMDQ_LOG2) - 1)) * 16;

	store(r, slot, d0);
	store(r, slot + 8, d1);
	r->prod = (r->prod + 1) & ((2u << CMDQ_LOG2) - 1);
	wr(r, CMDQ_PROD, r->prod);
}

/* step() and wake() must agree: idle means nothing is due. */
void idle(struct rig *r)
{
	unsigned n;

	for (n = 0; lzm_smmu_step(r->smmu); n++)
		assert_true(n < 100000);
	assert_true(lzm_smmu_wake(r->smmu) > r->now);
}

void settle(struct rig *r)
{
	for (;;) {
		uint64_t wake;

		idle(r);
		wake = lzm_smmu_wake(r->smmu);
		if (wake == LZM_NEVER)
			return;
		r->now = wake;
		assert_true(lzm_smmu_step(r->smmu));
	}
}

void execute(struct rig *r, uint64_t d0, uint64_t d1)
{
	put(r, d0, d1);
	idle(r);
	put(r, OP_SYNC, 0);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, r->prod);
	assert_int_equal(cmd_error(r), 0);
}

void acknowledge(struct rig *r)
{
	wr(r, GERRORN, rd(r, GERROR));
}

unsigned cmd_error(struct rig *r)
{
	return (rd(r, GERROR) ^ rd(r, GERRORN)) & 1 ? rd(r, CMDQ_CONS) >> 24 : 0;
}

uint64_t misuses(struct rig *r)
{
	struct lzm_smmu_stats st;

	lzm_smmu_stats_get(r->smmu, &st);
	return st.illegal_driver_use;
}

bool event(struct rig *r, uint64_t ev[4])
{
	uint32_t cons = rd(r, EVTQ_CONS), mask = (2u << EVTQ_LOG2) - 1;

	if ((rd(r, EVTQ_PROD) & mask) == (cons & mask))
		return false;
	memcpy(ev, r->memory + EVTQ + (cons & ((1u << EVTQ_LOG2) - 1)) * 32, 32);
	wr(r, EVTQ_CONS, (cons & 1u << 31) | ((cons + 1) & mask));
	return true;
}

uint64_t translate(struct rig *r, uint64_t va)
{
	uint64_t pa;

	if (lzm_smmu_untranslated(r->smmu, SID, false, 0, va, LZM_READ, &pa) != LZM_OK)
		return UINT64_MAX;
	return pa;
}
