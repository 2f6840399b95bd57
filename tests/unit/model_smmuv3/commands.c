/* SPDX-License-Identifier: BSD-2-Clause */
/* Every command: executed, ignored or refused; caches stay stale until it runs. */
#include "rig.h"

static unsigned outcome(const struct lzm_smmu_config *cfg, uint64_t d0, uint64_t d1)
{
	struct rig *r = rig_running(cfg);
	unsigned err;

	put(r, d0, d1);
	idle(r);
	err = cmd_error(r);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, err ? 0 : 1);
	rig_free(r);
	return err;
}

static void opcodes_of_a_stage1_smmu(void **state)
{
	static const uint8_t legal[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10,
					0x11, 0x12, 0x13, 0x30, 0x40, 0x46};
	unsigned op, i;

	(void)state;
	for (op = 0; op < 256; op++) {
		unsigned expected = 1;

		for (i = 0; i < sizeof(legal); i++)
			if (legal[i] == op)
				expected = 0;
		assert_int_equal(outcome(NULL, op, 0), expected);
	}
}

static void stage2_and_pri_add_theirs(void **state)
{
	struct lzm_smmu_config cfg;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.stage2 = true;
	cfg.pri = true;
	cfg.priq_log2 = 3;
	assert_int_equal(outcome(&cfg, 0x28, 0), 0);
	assert_int_equal(outcome(&cfg, 0x2a, 0), 0);
	assert_int_equal(outcome(&cfg, 0x41, 2 << 12), 0);
	assert_int_equal(outcome(&cfg, 0x41, 3 << 12), 1);
	cfg.knobs.tolerant_ill = true;
	assert_int_equal(outcome(&cfg, 0x41, 3 << 12), 0);
}

static void reserved_values_are_illegal(void **state)
{
	(void)state;
	assert_int_equal(outcome(NULL, OP_SYNC | 3 << 12, 0), 1);
	assert_int_equal(outcome(NULL, ATC(SID), 53), 1);
	assert_int_equal(outcome(NULL, ATC(SID) | 1 << 10, 0), 1); /* SSec */
	assert_int_equal(outcome(NULL, OP_CFGI_STE | 1 << 10, 0), 1);
	assert_int_equal(outcome(NULL, OP_NH_VA, 1 << 10), 1); /* TG without anything */
	assert_int_equal(outcome(NULL, OP_NH_VA, 1 << 10 | 3 << 8), 0);
}

static void knob_tolerant_ill(void **state)
{
	struct lzm_smmu_config cfg;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.ats = false;
	assert_int_equal(outcome(&cfg, ATC(SID), 0), 1);
	cfg.knobs.tolerant_ill = true;
	assert_int_equal(outcome(&cfg, ATC(SID), 0), 0);
	assert_int_equal(outcome(&cfg, OP_SYNC | 3 << 12, 0), 0);
	assert_int_equal(outcome(&cfg, 0xff, 0), 1);
}

static void atc_inv_spans(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	execute(r, ATC(SID), 0x12345000 | 4);
	assert_int_equal(r->last_inv.sid, SID);
	assert_int_equal(r->last_inv.addr, 0x12340000);
	assert_int_equal(r->last_inv.size, 0x10000);
	assert_false(r->last_inv.ssv || r->last_inv.global);
	execute(r, ATC(SID) | 1 << 11 | 1 << 9 | 7 << 12, 52);
	assert_true(r->last_inv.ssv && r->last_inv.global);
	assert_int_equal(r->last_inv.ssid, 7);
	assert_int_equal(r->last_inv.size, 0);
	execute(r, ATC(SID) | 1 << 9, 52); /* Global counts with SSV only */
	assert_false(r->last_inv.global);
	rig_free(r);
}

static void atc_inv_is_ignored_while_disabled(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	rig_enable(r, CMDQEN);
	r->silent[SID] = true;
	execute(r, ATC(SID), 52);
	assert_int_equal(r->requests, 0);
	rig_free(r);
}

static void ste_is_stale_until_cfgi(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	assert_int_equal(translate(r, 0x1000), DATA);
	set_ste(r, SID, STE0(4), 0);
	assert_int_equal(translate(r, 0x1000), DATA);
	execute(r, OP_CFGI_STE | (uint64_t)(SID + 1) << 32, 1);
	execute(r, OP_CFGI_CD | (uint64_t)SID << 32, 1);
	assert_int_equal(translate(r, 0x1000), DATA);
	put(r, OP_CFGI_STE | (uint64_t)SID << 32, 1);
	assert_int_equal(translate(r, 0x1000), DATA); /* queued is not executed */
	idle(r);
	assert_int_equal(translate(r, 0x1000), 0x1000);
	set_ste(r, SID, STE0(0), 0);
	execute(r, OP_CFGI_ALL | 8ull << 32, 1); /* range 8..11 */
	assert_int_equal(translate(r, 0x1000), 0x1000);
	execute(r, OP_CFGI_ALL | 6ull << 32, 1); /* range 4..7 */
	assert_int_equal(translate(r, 0x1000), UINT64_MAX);
	set_ste(r, SID, STE0(4), 0);
	execute(r, OP_CFGI_ALL, 31);
	assert_int_equal(translate(r, 0x1000), 0x1000);
	rig_free(r);
}

static void cd_is_stale_until_cfgi(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	map(r, 0x60000, 0x2000, 3, 0x201000 | D_PAGE);
	assert_int_equal(translate(r, 0x1000), DATA);
	set_cd(r, CDTAB, CD0 | CD_ASID(2), 0x60000);
	assert_int_equal(translate(r, 0x2000), UINT64_MAX);
	execute(r, OP_CFGI_CD | (uint64_t)SID << 32 | 1 << 12, 1); /* another SSID */
	assert_int_equal(translate(r, 0x2000), UINT64_MAX);
	execute(r, OP_CFGI_CD | (uint64_t)SID << 32, 1);
	assert_int_equal(translate(r, 0x2000), 0x201000);
	set_cd(r, CDTAB, CD0 | CD_ASID(1), TABLES);
	execute(r, 0x06 | (uint64_t)SID << 32, 0); /* CFGI_CD_ALL */
	assert_int_equal(translate(r, 0x1000), DATA);
	rig_free(r);
}

/* Unmaps 0x1000 and says whether the command made that visible. */
static bool invalidates(uint64_t d0, uint64_t d1)
{
	struct rig *r = rig_running(NULL);
	bool gone;

	assert_int_equal(translate(r, 0x1000), DATA);
	map(r, TABLES, 0x1000, 3, 0);
	assert_int_equal(translate(r, 0x1000), DATA);
	execute(r, d0, d1);
	gone = translate(r, 0x1000) == UINT64_MAX;
	rig_free(r);
	return gone;
}

#define ASID(a)		  ((uint64_t)(a) << 48)
#define RANGE(num, scale) ((uint64_t)(num) << 12 | (uint64_t)(scale) << 20)

static void tlb_is_stale_until_tlbi(void **state)
{
	(void)state;
	assert_true(invalidates(OP_NH_ALL, 0));
	assert_true(invalidates(0x30, 0));
	assert_true(invalidates(OP_NH_ASID | ASID(1), 0));
	assert_false(invalidates(OP_NH_ASID | ASID(2), 0));
	assert_true(invalidates(OP_NH_VA | ASID(1), 0x1000));
	assert_true(invalidates(OP_NH_VA | ASID(1), 0x1001)); /* leaf */
	assert_false(invalidates(OP_NH_VA | ASID(1), 0x2000));
	assert_false(invalidates(OP_NH_VA | ASID(2), 0x1000));
	assert_true(invalidates(OP_NH_VAA | ASID(2), 0x1000));
	assert_false(invalidates(OP_ATC_INV | (uint64_t)SID << 32, 52));
	assert_false(invalidates(OP_CFGI_ALL, 31));
}

static void range_tlbi(void **state)
{
	(void)state;
	/* (NUM + 1) << SCALE pages of 4K from Address. */
	assert_true(invalidates(OP_NH_VA | ASID(1) | RANGE(1, 0), 1 << 10));
	assert_false(invalidates(OP_NH_VA | ASID(1) | RANGE(0, 0), 1 << 10 | 3 << 8));
	assert_true(invalidates(OP_NH_VA | ASID(1) | RANGE(31, 5), 1 << 10));
	assert_false(invalidates(OP_NH_VA | ASID(1) | RANGE(31, 5), 0x2000 | 1 << 10));
	assert_true(invalidates(OP_NH_VA | ASID(1), 0x1000 | 1 << 10 | 3 << 8));
	/* TTL 2: only block entries of that level. */
	assert_false(invalidates(OP_NH_VA | ASID(1), 0x1000 | 1 << 10 | 2 << 8));
}

static void range_tlbi_ends_where_it_says(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	map(r, TABLES, 0x400000, 3, DATA | D_PAGE | D_NG);
	assert_int_equal(translate(r, 0x1000), DATA);
	assert_int_equal(translate(r, 0x400000), DATA);
	map(r, TABLES, 0x1000, 3, 0);
	map(r, TABLES, 0x400000, 3, 0);
	execute(r, OP_NH_VA | ASID(1) | RANGE(31, 5), 1 << 10); /* 4 MiB */
	assert_int_equal(translate(r, 0x1000), UINT64_MAX);
	assert_int_equal(translate(r, 0x400000), DATA);
	rig_free(r);
}

static void global_entries_survive_the_asid(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	map(r, TABLES, 0x1000, 3, DATA | D_PAGE);
	assert_int_equal(translate(r, 0x1000), DATA);
	map(r, TABLES, 0x1000, 3, 0);
	execute(r, OP_NH_ASID | ASID(1), 0);
	assert_int_equal(translate(r, 0x1000), DATA);
	execute(r, OP_NH_VA | ASID(9), 0x1000);
	assert_int_equal(translate(r, 0x1000), UINT64_MAX);
	rig_free(r);
}

static void block_goes_with_any_address_in_it(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	map(r, TABLES, 0x40200000, 2, 0x40000000 | D_LEAF | D_NG);
	assert_int_equal(translate(r, 0x40200000), 0x40000000);
	map(r, TABLES, 0x40200000, 2, 0);
	assert_int_equal(translate(r, 0x40399000), 0x40199000);
	execute(r, OP_NH_VA | ASID(1), 0x40301001);
	assert_int_equal(translate(r, 0x40399000), UINT64_MAX);
	rig_free(r);
}

static void leaf_tlbi_keeps_the_walk_cache(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t l1 = load(r, TABLES) & ~0xfffull, l2 = load(r, l1) & ~0xfffull;

	(void)state;
	assert_int_equal(translate(r, 0x1000), DATA);
	store(r, l2, 0); /* the table of level 3 is taken away */
	execute(r, OP_NH_VA | ASID(1), 0x1001);
	assert_int_equal(translate(r, 0x1000), DATA);
	execute(r, OP_NH_VA | ASID(1), 0x1000);
	assert_int_equal(translate(r, 0x1000), UINT64_MAX);
	rig_free(r);
}

static void tlb_is_finite(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;
	unsigned i, kept = 0;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.tlb_entries = 16;
	r = rig_running(&cfg);
	for (i = 1; i < 200; i++)
		map(r, TABLES, i * 0x1000, 3, DATA | D_PAGE | D_NG);
	for (i = 1; i < 200; i++)
		assert_int_equal(translate(r, i * 0x1000), DATA);
	for (i = 1; i < 200; i++)
		map(r, TABLES, i * 0x1000, 3, 0);
	for (i = 1; i < 200; i++)
		kept += translate(r, i * 0x1000) == DATA;
	assert_true(kept > 0 && kept <= 16);
	rig_free(r);
}

static void prefetch_config_is_silent(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t ev[4];

	(void)state;
	set_ste(r, 9, 0, 0);
	execute(r, 0x01 | 9ull << 32, 0);
	execute(r, 0x01 | 999ull << 32, 0);
	assert_false(event(r, ev));
	execute(r, 0x01 | (uint64_t)SID << 32, 0);
	set_ste(r, SID, STE0(4), 0); /* the old one is cached now */
	assert_int_equal(translate(r, 0x1000), DATA);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opcodes_of_a_stage1_smmu),
		cmocka_unit_test(stage2_and_pri_add_theirs),
		cmocka_unit_test(reserved_values_are_illegal),
		cmocka_unit_test(knob_tolerant_ill),
		cmocka_unit_test(atc_inv_spans),
		cmocka_unit_test(atc_inv_is_ignored_while_disabled),
		cmocka_unit_test(ste_is_stale_until_cfgi),
		cmocka_unit_test(cd_is_stale_until_cfgi),
		cmocka_unit_test(tlb_is_stale_until_tlbi),
		cmocka_unit_test(range_tlbi),
		cmocka_unit_test(range_tlbi_ends_where_it_says),
		cmocka_unit_test(global_entries_survive_the_asid),
		cmocka_unit_test(block_goes_with_any_address_in_it),
		cmocka_unit_test(leaf_tlbi_keeps_the_walk_cache),
		cmocka_unit_test(tlb_is_finite),
		cmocka_unit_test(prefetch_config_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
