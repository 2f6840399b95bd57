/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables: each state that hardware can fetch, and who wins when the fence and
 * an attach store the same entry. */
#include "tests/hazards/driver_look.h"

#include <string.h>

#define CONFIG(word0)  (((word0) >> 1) & 7)
#define CONFIG_ABORT   0u
#define CONFIG_BYPASS  4u
#define CONFIG_S1      5u
#define WORD1_S1       0x1000080000d6ull /* S1DSS, write-back, inner, SHCFG incoming */
#define WORD1_BYPASS   0x100000000000ull
#define WORD1_S1STALLD (1ull << 27)
#define CD_V	       (1ull << 31)
#define CD_TTB(word1)  ((word1)&0xffffffffffff0ull)
#define CD_ASID(word0) ((uint32_t)((word0) >> 48))

struct tables {
	struct lz_domain *dom[2], *idmap;
	unsigned looks, s1, bypass, cds;
	volatile bool stop;
};

/* A live context descriptor is that of one domain, all of it. */
static void check_cd(struct tables *t, const uint64_t *cd)
{
	bool known = false;

	if (!(cd[0] & CD_V))
		return;
	t->cds++;
	for (unsigned i = 0; i < 2; i++) {
		const struct lz_smmu_domain *sdom = t->dom[i]->first.drv;

		known |= CD_ASID(cd[0]) == sdom->asid && CD_TTB(cd[1]) == t->dom[i]->pt.root_phys;
	}
	assert_true(known);
	assert_int_equal(cd[3], 0x04ff);
}

static void check_ste(struct tables *t, const struct lz_smmu_dev *sd, const uint64_t *ste)
{
	uint64_t w1 = ste[1] & ~(3ull << 28);

	assert_true(ste[0] & 1);
	switch (CONFIG(ste[0])) {
	case CONFIG_ABORT:
		return;
	case CONFIG_BYPASS:
		t->bypass++;
		assert_int_equal(w1, WORD1_BYPASS);
		assert_int_equal(EATS(ste[1]), 0);
		return;
	case CONFIG_S1:
		t->s1++;
		assert_int_equal(w1 & ~WORD1_S1STALLD, WORD1_S1 & ~WORD1_S1STALLD);
		assert_int_equal(ste[0] & 0xffffffffffffc0ull, sd->cd_phys);
		assert_true(sd->cd[0] & CD_V);
		return;
	default:
		fail_msg("no such configuration");
	}
}

static void look_at_tables(struct rig *r)
{
	struct tables *t = r->test;

	if (!t)
		return;
	t->looks++;
	for (unsigned i = 0; i < r->opt.devs; i++) {
		const struct lz_smmu_dev *sd = look_dev(r, i);

		if (!sd)
			continue;
		for (unsigned k = 0; k < r->opt.streams; k++)
			check_ste(t, sd, sd->ste[k]);
		check_cd(t, sd->cd);
	}
	look_at_fences(r);
}

static void tables_make(struct rig *r, struct tables *t, void (*watch)(struct rig *r))
{
	t->dom[0] = rig_domain(r);
	t->dom[1] = rig_domain(r);
	assert_int_equal(lz_domain_create(r->iommu, LZ_DOMAIN_IDENTITY, NULL, NULL, &t->idmap),
			 LZ_OK);
	r->test = t;
	rig_watch(r, watch);
}

static void tables_drop(struct rig *r, struct tables *t)
{
	lz_detach(r->dev[0].dev);
	r->test = NULL;
	rig_drop(r, t->idmap);
	rig_drop(r, t->dom[0]);
	rig_drop(r, t->dom[1]);
}

/* ---- changes without a fence ---- */

static unsigned total_looks, total_s1, total_bypass, total_cds;

static void through_all_kinds(struct rig *r)
{
	struct tables t = {0};
	struct lz_domain *order[6];

	tables_make(r, &t, look_at_tables);
	memcpy(order,
	       (struct lz_domain *[]){t.dom[0], t.dom[1], t.idmap, t.dom[1], t.dom[0], t.idmap},
	       sizeof(order));
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(lz_attach(r->dev[0].dev, order[i]), LZ_OK);
	lz_detach(r->dev[0].dev);
	assert_int_equal(lz_attach(r->dev[0].dev, t.dom[0]), LZ_OK);
	tables_drop(r, &t);
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
	total_looks += t.looks;
	total_s1 += t.s1;
	total_bypass += t.bypass;
	total_cds += t.cds;
}

static void every_store_leaves_a_valid_entry(void **state)
{
	(void)state;
	total_looks = total_s1 = total_bypass = total_cds = 0;
	rig_run_seeds(&(struct rig_opts){.devs = 1, .streams = 2}, 24, through_all_kinds);
	for (unsigned i = 0; i < 40; i++)
		rig_run(&(struct rig_opts){.devs = 1, .streams = 2, .seed = i, .switch_one_in = 1},
			through_all_kinds);
	assert_true(total_looks > 1000 && total_s1 > 100 && total_bypass > 100 && total_cds > 100);
}

/* ---- the fence meets an attach ---- */

static void accuse_task(void *arg)
{
	struct rig *r = arg;

	rig_sleep(LZ_US(1) * (1 + r->opt.seed % 29));
	lz_device_report_broken(r->dev[0].dev);
}

static unsigned fenced_in_attach;

/* Attaches (identity and paging in turn) while somebody has the device fenced;
 * then the owner resets it and everything is as it should be. */
static void attach_meets_fence(struct rig *r)
{
	struct tables t = {0};
	enum lz_status st = LZ_OK;

	tables_make(r, &t, look_at_tables);
	sim_task("accuser", 3, accuse_task, r);
	for (unsigned i = 0; st == LZ_OK && i < 16; i++) {
		st = lz_attach(r->dev[0].dev, i & 1 ? t.idmap : t.dom[i / 2 % 2]);
		fenced_in_attach += look_fence(r, 0) != LZ_FENCE_OPEN && st == LZ_OK;
	}
	assert_true(look_told(r, 0));
	look_settle(r);
	assert_int_equal(look_fence(r, 0), LZ_FENCE_FENCED);
	assert_int_equal(lz_attach(r->dev[0].dev, t.dom[0]), LZ_EBUSY);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	assert_int_equal(lz_attach(r->dev[0].dev, t.dom[0]), LZ_OK);
	look_map(r, t.dom[0], 1, 1);
	assert_true(r->dma_translated);
	tables_drop(r, &t);
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
}

/* ---- the two of them, one store at a time ---- */

/*
 * The attach stands before its store of word 1 until the fence is in effect, or
 * until the fence stands somewhere on its way, which it then does until the
 * entry is live.
 */
struct duel {
	struct rig *r;
	struct tables *t;
	uint32_t go;
	unsigned att_line, fence_line;
	bool before, held_fence, stands;
};

static struct duel duel;

static bool att_may_go(void *arg)
{
	(void)arg;
	return look_fence(duel.r, 0) == LZ_FENCE_FENCED || (!duel.before && duel.stands);
}

static bool fence_may_go(void *arg)
{
	(void)arg;
	return CONFIG(look_dev(duel.r, 0)->ste[0][0]) == CONFIG_S1;
}

static void hold_att(void *arg)
{
	(void)lz_await(att_may_go, arg, sim_now() + LZ_MS(5));
}

static void hold_fence(void *arg)
{
	duel.stands = true;
	(void)lz_await(fence_may_go, arg, sim_now() + LZ_US(400));
}

static void watch_duel(struct rig *r)
{
	const struct lz_smmu_dev *sd = look_dev(r, 0);
	lz_ns some = 2 * (r->opt.seed / 2 % 128);

	if (!r->test)
		return;
	look_at_tables(r);
	if (!duel.go && sd->cd[0] & CD_V && CONFIG(sd->ste[0][0]) == CONFIG_ABORT) {
		duel.go = 1;
		sim_irq_raise(duel.att_line, some / 16);
	}
	if (duel.go && !duel.before && !duel.held_fence && look_fence(r, 0) == LZ_FENCE_FENCING) {
		duel.held_fence = true;
		sim_irq_raise(duel.fence_line, some);
	}
}

static void duel_accuser(void *arg)
{
	sim_wait_word(&duel.go, 0, sim_now() + LZ_SEC(1));
	lz_device_report_broken(((struct rig *)arg)->dev[0].dev);
}

static void attach_and_fence(struct rig *r)
{
	struct tables t = {0};

	duel = (struct duel){.r = r, .t = &t, .before = r->opt.seed & 1};
	duel.att_line = sim_irq_line("hold attach", 0, hold_att, r);
	duel.fence_line = sim_irq_line("hold fence", 1, hold_fence, r);
	tables_make(r, &t, watch_duel);
	sim_task("accuser", 3, duel_accuser, r);
	(void)!lz_attach(r->dev[0].dev, t.dom[0]);
	assert_int_equal(duel.go, 1);
	assert_true(look_told(r, 0));
	look_settle(r);
	tables_drop(r, &t);
}

static void duels(bool before)
{
	for (unsigned i = before; i < 256; i += 2)
		rig_run(
			&(struct rig_opts){
				.devs = 1, .streams = 3, .seed = i, .switch_one_in = 1 + i / 128},
			attach_and_fence);
}

/* A store of word 1 that gets lost shows as a live entry with fields of
 * another kind. */
static void h44_one_lock_over_word1(void **state)
{
	(void)state;
	duels(false);
}

/* EATS on after the fence took effect shows at once (look_at_fences). */
static void h45_decided_under_the_lock_that_writes(void **state)
{
	(void)state;
	duels(true);
}

static void h46_no_eats_while_fenced(void **state)
{
	(void)state;
	fenced_in_attach = 0;
	look_run(&(struct rig_opts){.devs = 1, .streams = 2}, 96, attach_meets_fence);
	assert_true(fenced_in_attach > 10);
}

/* ---- what was left on before ---- */

#define CR0	    0x20
#define GBPA	    0x44
#define STRTAB_BASE 0x80
#define STRTAB_CFG  0x88
#define CMDQ_BASE   0x90
#define CMDQ_PROD   0x98
#define GBPA_ABORT  (1u << 20)
#define CR0_SMMUEN  1u
#define CR0_CMDQEN  8u
#define CR0_ATSCHK  16u
#define ATS_CTL	    0x106
#define NOWHERE	    0x7770000000ull

static unsigned opened;

/* The SMMU is never off without aborting, and never on without ATSCHK. */
static void watch_switches(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	if (!write || off != CR0)
		return;
	if (!(value & CR0_SMMUEN))
		assert_true(lzm_smmu_read(r->smmu, GBPA, 4) & GBPA_ABORT);
	if (!(value & CR0_SMMUEN) || (lzm_smmu_read(r->smmu, CR0 + 4, 4) & CR0_SMMUEN))
		return;
	opened++;
	assert_true(lzm_smmu_read(r->smmu, CR0 + 4, 4) & CR0_ATSCHK);
}

/* Firmware: SMMU on, tables and queue nowhere, a command fetch has aborted, ATS
 * on in the function. */
static void firmware(struct rig *r)
{
	lzm_smmu_write(r->smmu, STRTAB_BASE, 8, NOWHERE);
	lzm_smmu_write(r->smmu, STRTAB_CFG, 4, 8);
	lzm_smmu_write(r->smmu, CMDQ_BASE, 8, NOWHERE | 5);
	lzm_smmu_write(r->smmu, CR0, 4, CR0_SMMUEN | CR0_CMDQEN);
	rig_sleep(LZ_MS(1));
	lzm_smmu_write(r->smmu, CMDQ_PROD, 4, 3);
	rig_sleep(LZ_MS(1));
	assert_true(look_cmdq_error(r));
	for (unsigned i = 0; i < r->opt.devs; i++)
		lzm_ep_cfg_write(r->dev[i].ep, ATS_CTL, 2, 0x8000);
	r->on_mmio = watch_switches;
}

static void works_from_there(struct rig *r)
{
	struct lz_domain *dom;

	assert_false(look_cmdq_error(r));
	for (unsigned i = 0; i < r->opt.devs; i++) {
		assert_false(lzm_ep_ats_enabled(r->dev[i].ep));
		assert_false(rig_dma(r, i, IOVA, true));
		assert_false(rig_dma_cached(r, i));
	}
	r->on_mmio = NULL;
	dom = rig_shared(r, 0, r->opt.devs);
	look_map(r, dom, 2, r->opt.devs);
	assert_true(r->dma_translated);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
	assert_int_equal(rig_count(r, LZ_EV_QUEUE_ERROR, -1), 0);
	rig_drop(r, dom);
}

static void h91_firmware_left_everything_on(void **state)
{
	(void)state;
	opened = 0;
	look_run(&(struct rig_opts){.devs = 2, .prepare = firmware}, 16, works_from_there);
	look_run(&(struct rig_opts){.devs = 2, .prepare = firmware, .regime = "hostile"}, 16,
		 works_from_there);
	assert_int_equal(opened, 32);
}

/* ---- ATSCHK before EATS ---- */

static unsigned eats_seen;

/* No entry has EATS on before ATSCHK is acknowledged, from the first moment. */
static void eats_needs_atschk(struct rig *r)
{
	for (unsigned i = 0; i < r->opt.devs; i++) {
		const struct lz_smmu_dev *sd = look_dev(r, i);

		if (!sd || !sd->ste[0] || !EATS(sd->ste[0][1]))
			continue;
		eats_seen++;
		assert_true(lzm_smmu_read(r->smmu, CR0 + 4, 4) & CR0_ATSCHK);
	}
}

static void early(struct rig *r)
{
	r->on_mmio = watch_switches;
	rig_watch(r, eats_needs_atschk);
}

static void attach_only(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	r->on_mmio = NULL;
	look_map(r, dom, 1, 1);
	rig_drop(r, dom);
}

static void h75_atschk_before_eats(void **state)
{
	(void)state;
	opened = eats_seen = 0;
	look_run(&(struct rig_opts){.devs = 1, .prepare = early, .regime = "cons_jumps"}, 16,
		 attach_only);
	assert_true(opened == 16 && eats_seen > 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_store_leaves_a_valid_entry),
		cmocka_unit_test(h44_one_lock_over_word1),
		cmocka_unit_test(h45_decided_under_the_lock_that_writes),
		cmocka_unit_test(h46_no_eats_while_fenced),
		cmocka_unit_test(h75_atschk_before_eats),
		cmocka_unit_test(h91_firmware_left_everything_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
