/* SPDX-License-Identifier: BSD-2-Clause */
/* Stream table, context descriptors and table walks, and every fault of theirs. */
#include "rig.h"

static uint8_t fault_of(struct rig *r, uint64_t va, bool write)
{
	uint64_t ev[4], pa;

	assert_int_equal(lzm_smmu_untranslated(r->smmu, SID, false, 0, va,
					       write ? LZM_WRITE : LZM_READ, &pa),
			 LZM_ABORT);
	if (!event(r, ev))
		return 0;
	assert_int_equal(ev[0] >> 32, SID);
	return (uint8_t)ev[0];
}

static uint8_t fault_of_ssid(struct rig *r, uint32_t ssid)
{
	uint64_t ev[4], pa;

	if (lzm_smmu_untranslated(r->smmu, SID, true, ssid, 0x1000, LZM_READ, &pa) == LZM_OK)
		return 0xff;
	assert_true(event(r, ev));
	assert_int_equal(ev[0] >> 11 & 1, 1);
	assert_int_equal(ev[0] >> 12 & 0xfffff, ssid);
	return (uint8_t)ev[0];
}

static void flush(struct rig *r)
{
	execute(r, OP_CFGI_ALL, 31);
	execute(r, OP_NH_ALL, 0);
}

static void pages_and_blocks(void **state)
{
	struct rig *r = rig_running(NULL);
	struct lzm_translation t;

	(void)state;
	map(r, TABLES, 0x40200000, 2, 0x40000000 | D_LEAF);
	map(r, TABLES, 0x8040000000, 1, 0xc0000000 | D_LEAF);
	assert_int_equal(translate(r, 0x1abc), DATA | 0xabc);
	assert_int_equal(translate(r, 0x40345678), 0x40145678);
	assert_int_equal(translate(r, 0x8052345678), 0xd2345678);
	assert_int_equal(lzm_smmu_translate(r->smmu, SID, false, 0, 0x40345678, &t), LZM_OK);
	assert_int_equal(t.size, 2 << 20);
	assert_int_equal(t.iova, 0x40200000);
	assert_int_equal(t.pa, 0x40000000);
	assert_int_equal(lzm_smmu_translate(r->smmu, SID, false, 0, 0x8052345678, &t), LZM_OK);
	assert_int_equal(t.size, 1 << 30);
	rig_free(r);
}

static void walk_cache_finds_the_same_pages(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	map(r, TABLES, 0x7f40601000, 3, DATA | D_PAGE);
	map(r, TABLES, 0x7f40602000, 3, (DATA + 0x1000) | D_PAGE);
	assert_int_equal(translate(r, 0x7f40601010), DATA + 0x10);
	assert_int_equal(translate(r, 0x7f40602010), DATA + 0x1010);
	rig_free(r);
}

static void start_level_follows_t0sz(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	/* 39 bits: TTB0 points at a level-1 table. */
	set_cd(r, CDTAB, (CD0 & ~63ull) | 25, load(r, TABLES) & ~0xfffull);
	assert_int_equal(translate(r, 0x1000), DATA);
	assert_int_equal(fault_of(r, 1ull << 39, false), 0x10);
	rig_free(r);
}

static void upper_half_uses_ttb1(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	assert_int_equal(fault_of(r, 0xffff000000001000, false), 0x10); /* EPD1 */
	store(r, CDTAB, (CD0 & ~(1ull << 30)) | 16 << 16 | 2 << 22);
	store(r, CDTAB + 16, TABLES);
	flush(r);
	assert_int_equal(translate(r, 0xffff000000001234), DATA | 0x234);
	assert_int_equal(fault_of(r, 0x0001000000001000, false), 0x10);
	rig_free(r);
}

static void translation_faults(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	assert_int_equal(fault_of(r, 0x2000, false), 0x10);
	map(r, TABLES, 0x3000, 3, DATA | D_LEAF); /* a block at level 3 */
	assert_int_equal(fault_of(r, 0x3000, false), 0x10);
	store(r, TABLES + 8, 0x1000 | D_LEAF); /* a block at level 0 */
	assert_int_equal(fault_of(r, 1ull << 39, false), 0x10);
	map(r, TABLES, 0x4000, 3, (1ull << 47) | D_PAGE);
	assert_int_equal(translate(r, 0x4000), 1ull << 47);
	store(r, CDTAB, load(r, CDTAB) & ~(7ull << 32)); /* IPS 32 bits */
	flush(r);
	assert_int_equal(fault_of(r, 0x4000, false), 0x11);
	rig_free(r);
}

static void access_flag_and_permissions(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	map(r, TABLES, 0x2000, 3, DATA | (D_PAGE & ~(1u << 10)));
	map(r, TABLES, 0x3000, 3, DATA | D_PAGE | D_RO);
	map(r, TABLES, 0x4000, 3, DATA | (D_PAGE & ~(1u << 6)));
	assert_int_equal(fault_of(r, 0x2000, false), 0x12);
	assert_int_equal(translate(r, 0x3000), DATA);
	assert_int_equal(fault_of(r, 0x3000, true), 0x13);
	assert_int_equal(fault_of(r, 0x4000, false), 0x13);
	/* AFFD, and PRIVCFG = privileged. */
	store(r, CDTAB, load(r, CDTAB) | 1ull << 35);
	store(r, STRTAB + SID * 64 + 8, EATS(1) | 3ull << 48);
	flush(r);
	assert_int_equal(translate(r, 0x2000), DATA);
	assert_int_equal(translate(r, 0x4000), DATA);
	rig_free(r);
}

static void table_attributes_restrict(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	store(r, TABLES, load(r, TABLES) | 2ull << 61);
	assert_int_equal(translate(r, 0x1000), DATA);
	assert_int_equal(fault_of(r, 0x1000, true), 0x13);
	flush(r);
	store(r, TABLES, load(r, TABLES) | 1ull << 61);
	assert_int_equal(fault_of(r, 0x1000, false), 0x13);
	rig_free(r);
}

static void r_bit_silences_the_four_faults(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	store(r, CDTAB, load(r, CDTAB) & ~(1ull << 45));
	assert_int_equal(fault_of(r, 0x2000, false), 0);
	map(r, TABLES, 0x3000, 3, DATA | D_PAGE | D_RO);
	assert_int_equal(translate(r, 0x3000), DATA);
	assert_int_equal(fault_of(r, 0x3000, true), 0);
	r->abort_pa = TABLES;
	execute(r, OP_NH_ALL, 0);
	assert_int_equal(fault_of(r, 0x1000, false), 0x0b);
	rig_free(r);
}

static void fetch_aborts(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t ev[4], pa;

	(void)state;
	r->abort_pa = CDTAB;
	assert_int_equal(fault_of(r, 0x1000, false), 0x09);
	flush(r);
	r->abort_pa = TABLES;
	assert_int_equal(lzm_smmu_untranslated(r->smmu, SID, false, 0, 0x1000, LZM_READ, &pa),
			 LZM_ABORT);
	assert_true(event(r, ev));
	assert_int_equal(ev[0] & 0xff, 0x0b);
	assert_int_equal(ev[2], 0x1000);
	assert_int_equal(ev[3], TABLES);
	r->abort_pa = UINT64_MAX;
	flush(r);
	lzm_smmu_inject_ste_abort(r->smmu, SID);
	assert_int_equal(fault_of(r, 0x1000, false), 0x03);
	assert_int_equal(translate(r, 0x1000), DATA);
	rig_free(r);
}

static void stream_ids_out_of_range(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t ev[4], pa;

	(void)state;
	assert_int_equal(lzm_smmu_untranslated(r->smmu, 64, false, 0, 0, LZM_READ, &pa), LZM_ABORT);
	assert_false(event(r, ev));
	rig_enable(r, 0);
	wr(r, CR2, 2); /* RECINVSID */
	rig_enable(r, ALL_ON);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, 64, false, 0, 0, LZM_READ, &pa), LZM_ABORT);
	assert_true(event(r, ev));
	assert_int_equal(ev[0] & 0xff, 0x02);
	rig_free(r);
}

static void two_level_stream_table(void **state)
{
	struct rig *r = rig_new(NULL);
	uint64_t pa;

	(void)state;
	wr(r, STRTAB_CFG, 10 | 6 << 6 | 1 << 16);
	store(r, STRTAB + 8 * 3, L2TAB | 4); /* sid 192..199 */
	store(r, L2TAB + 64 * 7, STE0(4));
	store(r, L2TAB + 64 * 8, STE0(4));
	store(r, STRTAB + 8 * 4, L2TAB | 8); /* span beyond the split */
	rig_enable(r, ALL_ON);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, 199, false, 0, 0x5000, LZM_READ, &pa),
			 LZM_OK);
	assert_int_equal(pa, 0x5000);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, 200, false, 0, 0x5000, LZM_READ, &pa),
			 LZM_ABORT);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, 256 + 7, false, 0, 0, LZM_READ, &pa),
			 LZM_ABORT);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, 0, false, 0, 0, LZM_READ, &pa), LZM_ABORT);
	rig_free(r);
}

static void illegal_stream_table_entries(void **state)
{
	static const uint64_t bad[][2] = {
		{0, 0},				    /* V */
		{STE0(6), 0},			    /* stage 2 without S2P */
		{STE0(7) | CDTAB, 0},		    /* nested without S2P */
		{STE0(5) | CDTAB, 1ull << 27},	    /* S1STALLD */
		{STE0(5) | CDTAB | 11ull << 59, 0}, /* S1CDMax above SSIDSIZE */
		{STE0(5) | CDTAB | 1ull << 50, 0},  /* S1ContextPtr above OAS */
		{STE0(5) | CDTAB, EATS(2)},	    /* split without nested */
	};
	struct rig *r = rig_running(NULL);
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set_ste(r, SID, bad[i][0], bad[i][1]);
		flush(r);
		assert_int_equal(fault_of(r, 0x1000, false), 0x04);
	}
	set_ste(r, SID, STE0(0), 0);
	flush(r);
	assert_int_equal(fault_of(r, 0x1000, false), 0);
	rig_free(r);
}

static void illegal_context_descriptors(void **state)
{
	static const uint64_t flip[] = {
		1ull << 31, /* V */ 1ull << 46,	  /* A with TERM_MODEL 1 */
		1ull << 44, /* S */ 1ull << 41,	  /* AA64 */
		1ull << 42, /* HD */ 1ull << 43,  /* HA */
		1ull << 15, /* ENDI */ 1ull << 6, /* TG0 64K */
		48,				  /* T0SZ 32..48: see below */
	};
	struct rig *r = rig_running(NULL);
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(flip) / sizeof(flip[0]); i++) {
		set_cd(r, CDTAB, CD0 ^ flip[i], TABLES);
		if (flip[i] == 48)
			set_cd(r, CDTAB, (CD0 & ~63ull) | 40, TABLES);
		flush(r);
		assert_int_equal(fault_of(r, 0x1000, false), 0x0a);
	}
	set_cd(r, CDTAB, CD0, 1ull << 50);
	flush(r);
	assert_int_equal(fault_of(r, 0x1000, false), 0x0a);
	set_cd(r, CDTAB, CD0, TABLES);
	flush(r);
	assert_int_equal(translate(r, 0x1000), DATA);
	rig_free(r);
}

static void substreams_and_s1dss(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t pa;

	(void)state;
	assert_int_equal(fault_of_ssid(r, 0), 0x08); /* S1CDMax 0 */
	set_cd(r, CDTAB + 2 * 64, CD0 | CD_ASID(3), TABLES);
	set_ste(r, SID, STE0(5) | CDTAB | 2ull << 59, 0); /* four CDs, S1DSS 0 */
	flush(r);
	assert_int_equal(fault_of_ssid(r, 2), 0xff);
	assert_int_equal(fault_of_ssid(r, 4), 0x08);
	assert_int_equal(fault_of_ssid(r, 1), 0x0a);
	assert_int_equal(fault_of(r, 0x1000, false), 0x06);
	store(r, STRTAB + SID * 64 + 8, 1); /* bypass */
	flush(r);
	assert_int_equal(translate(r, 0x7777), 0x7777);
	store(r, STRTAB + SID * 64 + 8, 2); /* CD 0 */
	flush(r);
	assert_int_equal(translate(r, 0x1000), DATA);
	assert_int_equal(fault_of_ssid(r, 0), 0x06);
	set_ste(r, SID, STE0(4), 0);
	flush(r);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, SID, true, 2, 0, LZM_READ, &pa), LZM_ABORT);
	rig_free(r);
}

static void two_level_cd_table(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	set_ste(r, SID, STE0(5) | 1 << 4 | 0x34000 | 10ull << 59, 2);
	store(r, 0x34000 + 8, L2TAB | 1); /* SSIDs 64..127 */
	set_cd(r, L2TAB + 6 * 64, CD0, TABLES);
	flush(r);
	assert_int_equal(fault_of_ssid(r, 70), 0xff);
	assert_int_equal(fault_of_ssid(r, 130), 0x08);
	set_ste(r, SID, STE0(5) | 2 << 4 | 0x34000 | 10ull << 59, 2); /* 1024 per leaf */
	store(r, 0x34000, 0x300000 | 1);
	set_cd(r, 0x300000 + 1000 * 64, CD0, TABLES);
	flush(r);
	assert_int_equal(fault_of_ssid(r, 1000), 0xff);
	rig_free(r);
}

#define S2_LEAF (1u << 10 | 3u << 6 | 1u)
#define S2_PAGE (S2_LEAF | 2u)

static struct rig *nested(uint8_t config, uint64_t eats)
{
	struct lzm_smmu_config cfg;
	struct rig *r;
	uint64_t pa;

	lzm_smmu_config_default(&cfg);
	cfg.stage2 = true;
	r = rig_running(&cfg);
	set_ste(r, SID, STE0(config) | CDTAB, EATS(eats));
	/* VMID 9, 48 bits, SL0 2 (level 0), 4K, PS 48, AA64, S2R. */
	store(r, STRTAB + SID * 64 + 16,
	      9 | 16ull << 32 | 2ull << 38 | 5ull << 48 | 1ull << 51 | 1ull << 58);
	store(r, STRTAB + SID * 64 + 24, S2TABLES);
	for (pa = 0x30000; pa < 0x60000; pa += 0x1000)
		map(r, S2TABLES, pa, 3, pa | S2_PAGE);
	map(r, S2TABLES, DATA, 3, 0x3ff000 | S2_PAGE);
	flush(r);
	return r;
}

static void stage2_only(void **state)
{
	struct rig *r = nested(6, 1);
	uint64_t ev[4], pa;

	(void)state;
	assert_int_equal(translate(r, DATA + 4), 0x3ff004);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, SID, false, 0, 0x5000, LZM_READ, &pa),
			 LZM_ABORT);
	assert_true(event(r, ev));
	assert_int_equal(ev[0] & 0xff, 0x10);
	assert_int_equal(ev[1] >> 39 & 1, 1);
	assert_int_equal(ev[3], 0x5000);
	rig_free(r);
}

static void nested_translation(void **state)
{
	struct rig *r = nested(7, 1);
	struct lzm_translation t;

	(void)state;
	assert_int_equal(translate(r, 0x1010), 0x3ff010);
	map(r, S2TABLES, DATA, 3, 0x3fe000 | S2_PAGE);
	assert_int_equal(translate(r, 0x1010), 0x3ff010);
	execute(r, 0x2a | 9ull << 32, DATA); /* TLBI_S2_IPA: not the combined entry */
	assert_int_equal(translate(r, 0x1010), 0x3ff010);
	execute(r, OP_NH_ALL | 9ull << 32, 0);
	assert_int_equal(translate(r, 0x1010), 0x3fe010);
	execute(r, 0x28 | 9ull << 32, 0); /* S12_VMALL */
	map(r, S2TABLES, CDTAB, 3, 0);
	execute(r, OP_CFGI_ALL, 31);
	assert_int_equal(fault_of(r, 0x1000, false), 0x10);
	map(r, S2TABLES, CDTAB, 3, CDTAB | S2_PAGE);
	map(r, S2TABLES, DATA, 3, 0x3fe000 | (S2_PAGE & ~(1u << 7)));
	assert_int_equal(fault_of(r, 0x1000, true), 0x13);
	assert_int_equal(lzm_smmu_translate(r->smmu, SID, false, 0, 0x1000, &t), LZM_OK);
	assert_true(t.read && !t.write && t.pa == 0x3fe000);
	rig_free(r);
}

static void nested_entry_has_the_smaller_size(void **state)
{
	struct rig *r = nested(7, 1);
	struct lzm_translation t;

	(void)state;
	map(r, TABLES, 0x40200000, 2, DATA | D_LEAF);
	map(r, S2TABLES, DATA + 0x1000, 3, 0x3fd000 | S2_PAGE);
	assert_int_equal(translate(r, 0x40200004), 0x3ff004);
	assert_int_equal(translate(r, 0x40201004), 0x3fd004);
	assert_int_equal(lzm_smmu_translate(r->smmu, SID, false, 0, 0x40201004, &t), LZM_OK);
	assert_true(t.size == 4096 && t.iova == 0x40201000 && t.pa == 0x3fd000);
	rig_free(r);
}

static void stage2_input_range(void **state)
{
	struct rig *r = nested(6, 1);

	(void)state;
	/* 39 bits, start at level 1. */
	store(r, STRTAB + SID * 64 + 16,
	      9 | 25ull << 32 | 1ull << 38 | 5ull << 48 | 1ull << 51 | 1ull << 58);
	store(r, STRTAB + SID * 64 + 24, load(r, S2TABLES) & ~0xfffull);
	flush(r);
	assert_int_equal(translate(r, DATA), 0x3ff000);
	execute(r, 0x30, 0);
	/* What a walk that runs on behind the level-1 table would find. */
	store(r, 0x50000, DATA | S2_PAGE);
	assert_int_equal(fault_of(r, (1ull << 39) | 0x50ull << 21, false), 0x10);
	rig_free(r);
}

static void vmid_separates_streams(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;
	uint64_t pa;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.stage2 = true;
	r = rig_running(&cfg);
	set_ste(r, SID + 1, STE0(5) | (CDTAB + 64), EATS(1));
	store(r, STRTAB + (SID + 1) * 64 + 16, 2); /* VMID 2, the same ASID */
	set_cd(r, CDTAB + 64, CD0 | CD_ASID(1), 0x60000);
	map(r, 0x60000, 0x1000, 3, (DATA + 0x1000) | D_PAGE | D_NG);
	flush(r);
	assert_int_equal(translate(r, 0x1000), DATA);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, SID + 1, false, 0, 0x1000, LZM_READ, &pa),
			 LZM_OK);
	assert_int_equal(pa, DATA + 0x1000);
	rig_free(r);
}

static void split_stage_ats(void **state)
{
	struct rig *r = nested(7, 2);
	struct lzm_translation t;
	uint64_t pa;

	(void)state;
	assert_int_equal(lzm_smmu_translate(r->smmu, SID, false, 0, 0x1000, &t), LZM_OK);
	assert_int_equal(t.pa, DATA); /* an IPA */
	assert_int_equal(lzm_smmu_translated(r->smmu, SID, DATA + 8, LZM_READ, &pa), LZM_OK);
	assert_int_equal(pa, 0x3ff008);
	assert_int_equal(lzm_smmu_translated(r->smmu, SID, 0x3000, LZM_READ, &pa), LZM_ABORT);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_and_blocks),
		cmocka_unit_test(walk_cache_finds_the_same_pages),
		cmocka_unit_test(start_level_follows_t0sz),
		cmocka_unit_test(upper_half_uses_ttb1),
		cmocka_unit_test(translation_faults),
		cmocka_unit_test(access_flag_and_permissions),
		cmocka_unit_test(table_attributes_restrict),
		cmocka_unit_test(r_bit_silences_the_four_faults),
		cmocka_unit_test(fetch_aborts),
		cmocka_unit_test(stream_ids_out_of_range),
		cmocka_unit_test(two_level_stream_table),
		cmocka_unit_test(illegal_stream_table_entries),
		cmocka_unit_test(illegal_context_descriptors),
		cmocka_unit_test(substreams_and_s1dss),
		cmocka_unit_test(two_level_cd_table),
		cmocka_unit_test(stage2_only),
		cmocka_unit_test(nested_translation),
		cmocka_unit_test(nested_entry_has_the_smaller_size),
		cmocka_unit_test(stage2_input_range),
		cmocka_unit_test(vmid_separates_streams),
		cmocka_unit_test(split_stage_ats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
