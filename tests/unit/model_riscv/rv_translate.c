/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts, both stages, caches and what invalidates them, ATS, page requests. */
#include "rvrig.h"

#define GUEST_DATA 0x7000u

static void fence(struct rig *r)
{
	put(r, IOFENCE, 0);
	idle(r);
	assert_true(done(r));
}

static void a_page_is_cached_until_invalidated(void **state)
{
	static const struct {
		uint64_t cmd, addr;
		bool drops;
	} c[] = {
		{IOTINVAL_VMA, 0, true},
		{IOTINVAL_VMA | PSCV | PSCID(1), 0, true},
		{IOTINVAL_VMA | PSCV | PSCID(2), 0, false},
		{IOTINVAL_VMA | AV | PSCV | PSCID(1), 0x1000, true},
		{IOTINVAL_VMA | AV | PSCV | PSCID(1), 0x2000, false},
		{IOTINVAL_VMA | GV, 0, false},
		{IOTINVAL_GVMA, 0, false},
		{INVAL_DDT | DIRDID(DID), 0, false},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct rig *r = rig_running(NULL);

		assert_int_equal(untranslated(r, 0x1234), DATA + 0x234);
		map(r, TABLES, 0x1000, 0, (DATA + 0x1000) >> 2 | LEAF);
		assert_int_equal(untranslated(r, 0x1234), DATA + 0x234);
		put(r, c[i].cmd, c[i].addr >> 12 << 10);
		fence(r);
		assert_int_equal(untranslated(r, 0x1234), DATA + 0x234 + (c[i].drops ? 0x1000 : 0));
		rig_free(r);
	}
}

static void an_address_leaves_tables_cached(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	assert_int_equal(untranslated(r, 0x1000), DATA);
	/* The last-level table is taken away, another page invalidated by address. */
	store(r, TABLES + 0x1000, 0);
	put(r, IOTINVAL_VMA | AV | PSCV | PSCID(1), 1u << 10);
	fence(r);
	assert_int_equal(untranslated(r, 0x1000), DATA);
	put(r, IOTINVAL_VMA | PSCV | PSCID(1), 0);
	fence(r);
	assert_int_equal(untranslated(r, 0x1000), UINT64_MAX);
	rig_free(r);
}

static void a_context_is_cached_unless_invalid(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t rec[4];

	(void)state;
	set_dc(r, DID, 0, 0, 0, 0);
	assert_int_equal(untranslated(r, 0x1000), UINT64_MAX);
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 258);
	/* V = 0 was not cached. */
	set_dc(r, DID, TC_V | TC_EN_ATS, 0, PSCID(1), SV39 | PPN(TABLES));
	assert_int_equal(untranslated(r, 0x1000), DATA);
	set_dc(r, DID, 0, 0, 0, 0);
	assert_true(translated(r));
	put(r, INVAL_DDT | DIRDID(DID), 0);
	fence(r);
	assert_false(translated(r));
	rig_free(r);
}

static void forbidden_combinations_block_everything(void **state)
{
	static const uint64_t tc[] = {
		TC_V | TC_EN_PRI,      /* without EN_ATS */
		TC_V | TC_EN_ATS | 64, /* PRPR without EN_PRI */
		TC_V | TC_EN_ATS | 8,  /* T2GPA is not supported */
		TC_V | 1ull << 20,     /* reserved */
		TC_V | 512,	       /* DPE without PDTV */
	};
	uint64_t rec[4];

	(void)state;
	for (unsigned i = 0; i < sizeof(tc) / sizeof(tc[0]); i++) {
		struct rig *r = rig_running(NULL);

		set_dc(r, DID, tc[i], 0, PSCID(1), SV39 | PPN(TABLES));
		assert_int_equal(untranslated(r, 0x1000), UINT64_MAX);
		assert_true(fault(r, rec));
		assert_int_equal(CAUSE(rec), 259);
		rig_free(r);
	}
}

static bool passes(struct rig *r, uint64_t va)
{
	return lzm_riscv_passes_uncached(r->iommu, DID, false, 0, va, LZM_READ);
}

/* The context in memory, and whether what makes it count waits, also behind the queue. */
static void block_waits_until_it_is_carried_out(void **state)
{
	struct lzm_riscv_knobs knobs;
	uint64_t rec[4];
	struct rig *r;

	(void)state;
	lzm_riscv_knobs_default(&knobs);
	knobs.lazy = true;
	r = rig_running(&knobs);
	assert_int_equal(untranslated(r, 0x1000), DATA);
	assert_true(passes(r, 0x1000) && !passes(r, 0x9000));
	set_dc(r, DID, TC_V, 0, PSCID(1), SV39 | PPN(GTABLES)); /* an empty table */
	assert_false(passes(r, 0x1000));
	assert_int_equal(untranslated(r, 0x1000), DATA); /* the old one, cached */
	put(r, INVAL_DDT | DIRDID(DID + 1), 0);
	put(r, INVAL_PDT | DIRDID(DID), 0);
	put(r, IOTINVAL_VMA | AV, 0);
	assert_false(lzm_riscv_drop_waits(r->iommu, DID));
	put(r, INVAL_DDT | DIRDID(DID), 0);
	assert_true(lzm_riscv_drop_waits(r->iommu, DID));
	fence(r);
	assert_false(lzm_riscv_drop_waits(r->iommu, DID));
	put(r, IOTINVAL_VMA, 0);
	assert_true(lzm_riscv_drop_waits(r->iommu, DID));
	fence(r);
	assert_false(fault(r, rec)); /* nobody was told that somebody looked */
	assert_int_equal(untranslated(r, 0x1000), UINT64_MAX);
	rig_free(r);
}

/* One fetch is aborted: that of a transaction, not of who only looks. */
static void injected_abort_waits_for_a_transaction(void **state)
{
	struct rig *r = rig_running(NULL);
	bool now, uncached;
	uint64_t rec[4];

	(void)state;
	lzm_riscv_inject_ddt_fault(r->iommu, DID);
	lzm_riscv_ats_effective(r->iommu, DID, &now, &uncached);
	assert_true(now && uncached && passes(r, 0x1000));
	assert_int_equal(untranslated(r, 0x1000), UINT64_MAX);
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 257);
	assert_int_equal(untranslated(r, 0x1000), DATA);
	rig_free(r);
}

static void clearing_en_ats_stops_translated_requests(void **state)
{
	struct rig *r = rig_running(NULL);
	struct lzm_translation t;
	bool now, uncached;
	uint64_t rec[4];

	(void)state;
	assert_int_equal(lzm_riscv_translate(r->iommu, DID, false, 0, 0x1000, &t), LZM_OK);
	assert_true(t.read && !t.write && t.pa == DATA && t.size == 4096);
	assert_int_equal(lzm_riscv_translate(r->iommu, DID, false, 0, 0x9000, &t), LZM_OK);
	assert_false(t.read || t.write);
	assert_true(translated(r));
	set_dc(r, DID, TC_V, 0, PSCID(1), SV39 | PPN(TABLES));
	lzm_riscv_ats_effective(r->iommu, DID, &now, &uncached);
	assert_true(now && !uncached);
	put(r, INVAL_DDT | DIRDID(DID), 0);
	fence(r);
	lzm_riscv_ats_effective(r->iommu, DID, &now, &uncached);
	assert_false(now || uncached);
	assert_false(translated(r));
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 260);
	assert_int_equal(lzm_riscv_translate(r->iommu, DID, false, 0, 0x1000, &t), LZM_UR);
	assert_true(fault(r, rec));
	/* Untranslated traffic goes on: fencing is not blocking (H74). */
	assert_int_equal(untranslated(r, 0x1000), DATA);
	rig_free(r);
}

static void dtf_keeps_a_device_out_of_the_fault_queue(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t rec[4];

	(void)state;
	set_dc(r, DID, TC_V | TC_DTF, 0, PSCID(1), SV39 | PPN(TABLES));
	assert_false(translated(r));
	assert_int_equal(untranslated(r, 0x9000), UINT64_MAX);
	assert_false(fault(r, rec));
	put(r, INVAL_DDT | DIRDID(DID), 0);
	fence(r);
	/* A directory that cannot be read is reported all the same. */
	lzm_riscv_inject_ddt_fault(r->iommu, DID);
	assert_int_equal(untranslated(r, 0x1000), UINT64_MAX);
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 257);
	rig_free(r);
}

static void the_mode_decides_without_a_directory(void **state)
{
	struct rig *r = rig_new(NULL);
	uint64_t rec[4];

	(void)state;
	assert_int_equal(untranslated(r, 0x1000), UINT64_MAX);
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 256);
	wr64(r, DDTP, 1);
	idle(r);
	assert_int_equal(untranslated(r, 0x1000), 0x1000);
	assert_false(translated(r));
	rig_free(r);
}

/* 6, 9 and 9 bits of a device id; the second half of a context is about MSIs. */
static void contexts_of_64_bytes(void **state)
{
	const uint64_t did = 5ull << 15 | 3u << 6 | 2, at = DDT + 0x2000 + 2 * 64;
	struct rig *r = rig_wide();
	uint64_t pa, rec[4];

	(void)state;
	assert_true(lzm_riscv_read(r->iommu, 0, 8) & 1u << 22);
	store(r, DDT + 5 * 8, ENTRY(DDT + 0x1000));
	store(r, DDT + 0x1000 + 3 * 8, ENTRY(DDT + 0x2000));
	store(r, at, TC_V);
	store(r, at + 16, PSCID(1));
	store(r, at + 24, SV39 | PPN(TABLES));
	map(r, TABLES, 0x1000, 0, DATA >> 2 | LEAF);
	wr64(r, DDTP, PPN(DDT) << 10 | 4);
	settle(r);
	assert_int_equal(
		lzm_riscv_untranslated(r->iommu, (uint32_t)did, false, 0, 0x1000, LZM_READ, &pa),
		LZM_OK);
	assert_int_equal(pa, DATA);
	/* The one behind it in a page of 32-byte contexts is nobody's. */
	assert_int_equal(lzm_riscv_untranslated(r->iommu, (uint32_t)did + 1, false, 0, 0x1000,
						LZM_READ, &pa),
			 LZM_ABORT);
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 258);
	/* A mode of msiptp, and a word, that are reserved. */
	for (unsigned word = 4; word < 8; word += 3) {
		store(r, at + word * 8, 2ull << 60);
		put(r, INVAL_DDT | DIRDID(did), 0);
		fence(r);
		assert_int_equal(lzm_riscv_untranslated(r->iommu, (uint32_t)did, false, 0, 0x1000,
							LZM_READ, &pa),
				 LZM_ABORT);
		assert_true(fault(r, rec));
		assert_int_equal(CAUSE(rec), 259);
		store(r, at + word * 8, 0);
	}
	assert_int_equal(misuses(r), 0);
	store(r, at + 32, 1ull << 60);
	put(r, INVAL_DDT | DIRDID(did), 0);
	fence(r);
	assert_int_equal(
		lzm_riscv_untranslated(r->iommu, (uint32_t)did, false, 0, 0x1000, LZM_READ, &pa),
		LZM_ABORT);
	assert_int_equal(misuses(r), 1);
	rig_free(r);
}

static void contexts_need_not_be_cached(void **state)
{
	struct lzm_riscv_knobs k;
	struct rig *r;

	(void)state;
	lzm_riscv_knobs_default(&k);
	for (k.ctx_uncached = false;; k.ctx_uncached = true) {
		r = rig_running(&k);
		assert_true(translated(r));
		set_dc(r, DID, TC_V | TC_DTF, 0, PSCID(1), SV39 | PPN(TABLES));
		assert_int_equal(translated(r), !k.ctx_uncached);
		rig_free(r);
		if (k.ctx_uncached)
			break;
	}
}

static void processes_have_tables_of_their_own(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t pa, rec[4];

	(void)state;
	/* PD17: nine bits above eight. */
	set_dc(r, DID, TC_V | TC_EN_ATS | TC_PDTV, 0, 0, 2ull << 60 | PPN(PDT));
	store(r, PDT + 8, ENTRY(PDT + 0x1000));
	store(r, PDT + 0x1000 + 7 * 16, 1 | PSCID(9));
	store(r, PDT + 0x1000 + 7 * 16 + 8, SV39 | PPN(TABLES));
	assert_int_equal(lzm_riscv_untranslated(r->iommu, DID, true, 0x107, 0x1000, LZM_READ, &pa),
			 LZM_OK);
	assert_int_equal(pa, DATA);
	/* Without a process id there is no first stage here. */
	assert_int_equal(untranslated(r, 0x1000), 0x1000);
	assert_int_equal(lzm_riscv_untranslated(r->iommu, DID, true, 0x108, 0x1000, LZM_READ, &pa),
			 LZM_ABORT);
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 266);
	assert_int_equal(rec[0] >> 12 & 0xfffff, 0x108);
	assert_int_equal(
		lzm_riscv_untranslated(r->iommu, DID, true, 1u << 17, 0x1000, LZM_READ, &pa),
		LZM_ABORT);
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 260);
	/* The context stays cached until its own invalidation. */
	store(r, PDT + 0x1000 + 7 * 16, 0);
	assert_int_equal(lzm_riscv_untranslated(r->iommu, DID, true, 0x107, 0x1000, LZM_READ, &pa),
			 LZM_OK);
	put(r, INVAL_PDT | DIRDID(DID) | 0x107ull << 12, 0);
	fence(r);
	assert_int_equal(lzm_riscv_untranslated(r->iommu, DID, true, 0x107, 0x1000, LZM_READ, &pa),
			 LZM_ABORT);
	rig_free(r);
}

static void both_stages_in_turn(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t rec[4];

	(void)state;
	/* Guest tables are where the host has them: the second stage maps them 1:1. */
	for (uint64_t page = 0; page < 0x8000; page += 0x1000)
		map(r, GTABLES, TABLES + page, 2, (TABLES + page) >> 2 | LEAF | WRITABLE);
	map(r, GTABLES, GUEST_DATA, 2, (DATA + 0x3000) >> 2 | LEAF);
	map(r, TABLES, 0x1000, 0, GUEST_DATA >> 2 | LEAF);
	set_dc(r, DID, TC_V | TC_EN_ATS, SV39 | GSCID(4) | PPN(GTABLES), PSCID(1),
	       SV39 | PPN(TABLES));
	assert_int_equal(untranslated(r, 0x1010), DATA + 0x3010);
	map(r, GTABLES, GUEST_DATA, 2, 0);
	assert_int_equal(untranslated(r, 0x1010), DATA + 0x3010);
	put(r, IOTINVAL_GVMA | GV | AV | GSCID(5), GUEST_DATA >> 2);
	fence(r);
	assert_int_equal(untranslated(r, 0x1010), DATA + 0x3010);
	put(r, IOTINVAL_GVMA | GV | AV | GSCID(4), GUEST_DATA >> 2);
	fence(r);
	assert_int_equal(untranslated(r, 0x1010), UINT64_MAX);
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 21);
	assert_int_equal(rec[3], GUEST_DATA | 0x10);
	rig_free(r);
}

static void rights_and_malformed_entries_fault(void **state)
{
	static const uint64_t bad[] = {
		0,			     /* not valid */
		DATA >> 2 | (LEAF & ~1ull),  /* likewise */
		DATA >> 2 | (LEAF & ~16ull), /* not for users */
		DATA >> 2 | (LEAF & ~64ull), /* not accessed */
		DATA >> 2 | 0x15,	     /* writable, not readable */
		DATA >> 2 | LEAF | 1ull << 60,
	};
	uint64_t pa;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rig *r = rig_running(NULL);

		map(r, TABLES, 0x1000, 0, bad[i]);
		assert_int_equal(untranslated(r, 0x1000), UINT64_MAX);
		rig_free(r);
	}
	struct rig *r = rig_running(NULL);

	assert_int_equal(lzm_riscv_untranslated(r->iommu, DID, false, 0, 0x1000, LZM_WRITE, &pa),
			 LZM_ABORT);
	assert_int_equal(untranslated(r, 1ull << 40), UINT64_MAX);
	rig_free(r);
}

static void page_requests_are_queued_or_refused(void **state)
{
	struct rig *r = rig_running(NULL);
	int resp;

	(void)state;
	assert_false(lzm_riscv_page_request(r->iommu, DID, false, 0, 0x5000, 3, true, &resp));
	assert_int_equal(resp, 1); /* EN_PRI = 0 */
	put(r, INVAL_DDT | DIRDID(DID), 0);
	fence(r);
	set_dc(r, DID, TC_V | TC_EN_ATS | TC_EN_PRI, 0, PSCID(1), SV39 | PPN(TABLES));
	for (unsigned i = 0; i < 3; i++)
		assert_true(
			lzm_riscv_page_request(r->iommu, DID, false, 0, 0x5000, 3, true, &resp));
	assert_int_equal(load(r, PQ + 8), 0x5000 | 3 << 3 | 4 | 1);
	assert_false(lzm_riscv_page_request(r->iommu, DID, false, 0, 0x5000, 3, true, &resp));
	assert_int_equal(resp, 0);
	assert_false(lzm_riscv_page_request(r->iommu, DID, false, 0, 0x5000, 3, false, &resp));
	assert_int_equal(resp, -1);
	set_dc(r, DID, 0, 0, 0, 0);
	put(r, INVAL_DDT | DIRDID(DID), 0);
	fence(r);
	assert_false(lzm_riscv_page_request(r->iommu, DID, false, 0, 0x5000, 3, true, &resp));
	assert_int_equal(resp, 15);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_is_cached_until_invalidated),
		cmocka_unit_test(an_address_leaves_tables_cached),
		cmocka_unit_test(a_context_is_cached_unless_invalid),
		cmocka_unit_test(forbidden_combinations_block_everything),
		cmocka_unit_test(block_waits_until_it_is_carried_out),
		cmocka_unit_test(injected_abort_waits_for_a_transaction),
		cmocka_unit_test(clearing_en_ats_stops_translated_requests),
		cmocka_unit_test(dtf_keeps_a_device_out_of_the_fault_queue),
		cmocka_unit_test(the_mode_decides_without_a_directory),
		cmocka_unit_test(contexts_of_64_bytes),
		cmocka_unit_test(contexts_need_not_be_cached),
		cmocka_unit_test(processes_have_tables_of_their_own),
		cmocka_unit_test(both_stages_in_turn),
		cmocka_unit_test(rights_and_malformed_entries_fault),
		cmocka_unit_test(page_requests_are_queued_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
