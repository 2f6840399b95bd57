/* SPDX-License-Identifier: BSD-2-Clause */
/* Translation Requests and Translated transactions: the tables of 3.9.1 and 5.2. */
#include "rig.h"

#define BAD_ATS_TREQ 0x05
#define FORBIDDEN    0x07

static uint8_t next_event(struct rig *r)
{
	uint64_t ev[4];

	return event(r, ev) ? (uint8_t)ev[0] : 0;
}

static enum lzm_result request(struct rig *r, uint32_t sid, uint64_t va)
{
	struct lzm_translation t;

	return lzm_smmu_translate(r->smmu, sid, false, 0, va, &t);
}

static enum lzm_result translated(struct rig *r, uint32_t sid)
{
	uint64_t pa;

	return lzm_smmu_translated(r->smmu, sid, DATA, LZM_READ, &pa);
}

static void change_ste(struct rig *r, uint64_t w0, uint64_t w1)
{
	set_ste(r, SID, w0, w1);
	execute(r, OP_CFGI_STE | (uint64_t)SID << 32, 1);
}

static void requests_get_what_is_granted(void **state)
{
	struct rig *r = rig_running(NULL);
	struct lzm_translation t;

	(void)state;
	map(r, TABLES, 0x3000, 3, DATA | D_PAGE | D_RO);
	assert_int_equal(lzm_smmu_translate(r->smmu, SID, false, 0, 0x1234, &t), LZM_OK);
	assert_true(t.read && t.write && t.pa == DATA && t.iova == 0x1000 && t.size == 4096);
	assert_int_equal(lzm_smmu_translate(r->smmu, SID, false, 0, 0x3000, &t), LZM_OK);
	assert_true(t.read && !t.write);
	assert_int_equal(lzm_smmu_translate(r->smmu, SID, false, 0, 0x9000, &t), LZM_OK);
	assert_true(!t.read && !t.write && t.size == 4096);
	assert_int_equal(next_event(r), 0);
	rig_free(r);
}

static void request_completions(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	change_ste(r, STE0(5) | CDTAB, EATS(0));
	assert_int_equal(request(r, SID, 0x1000), LZM_UR);
	assert_int_equal(next_event(r), BAD_ATS_TREQ);
	change_ste(r, STE0(5) | CDTAB, EATS(3)); /* DPT: acts as off */
	assert_int_equal(request(r, SID, 0x1000), LZM_UR);
	assert_int_equal(next_event(r), BAD_ATS_TREQ);
	change_ste(r, STE0(4), EATS(1)); /* bypass: effective 00 */
	assert_int_equal(request(r, SID, 0x1000), LZM_UR);
	assert_int_equal(next_event(r), BAD_ATS_TREQ);
	change_ste(r, STE0(0), EATS(1));
	assert_int_equal(request(r, SID, 0x1000), LZM_UR);
	assert_int_equal(next_event(r), 0);
	change_ste(r, 0, 0);
	assert_int_equal(request(r, SID, 0x1000), LZM_CA);
	assert_int_equal(request(r, 64, 0x1000), LZM_CA);
	change_ste(r, STE0(5) | CDTAB | 1ull << 59, EATS(1)); /* S1DSS terminate */
	assert_int_equal(request(r, SID, 0x1000), LZM_CA);
	change_ste(r, STE0(5) | 0x3f000, EATS(1)); /* CD V = 0 */
	assert_int_equal(request(r, SID, 0x1000), LZM_CA);
	assert_int_equal(next_event(r), 0);
	rig_enable(r, CMDQEN | EVENTQEN);
	assert_int_equal(request(r, SID, 0x1000), LZM_UR);
	assert_int_equal(next_event(r), BAD_ATS_TREQ);
	rig_free(r);
}

static void configuration_errors_recorded_on_demand(void **state)
{
	struct rig *r = rig_new(NULL);

	(void)state;
	wr(r, CR2, 8); /* REC_CFG_ATS */
	rig_enable(r, ALL_ON);
	assert_int_equal(request(r, SID, 0x1000), LZM_CA);
	assert_int_equal(next_event(r), 0x04);
	assert_int_equal(request(r, 64, 0x1000), LZM_CA);
	assert_int_equal(next_event(r), 0); /* needs RECINVSID too */
	assert_int_equal(translated(r, 64), LZM_ABORT);
	assert_int_equal(next_event(r), 0x02); /* here it does not */
	assert_int_equal(translated(r, SID), LZM_ABORT);
	assert_int_equal(next_event(r), 0x04);
	rig_free(r);
}

static void s1dss_bypass_grants_identity(void **state)
{
	struct rig *r = rig_running(NULL);
	struct lzm_translation t;

	(void)state;
	change_ste(r, STE0(5) | CDTAB | 1ull << 59, EATS(1) | 1);
	assert_int_equal(lzm_smmu_translate(r->smmu, SID, false, 0, 0x7000, &t), LZM_OK);
	assert_true(t.read && t.write && t.pa == 0x7000);
	rig_free(r);
}

static void translated_checks(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	assert_int_equal(translated(r, SID), LZM_OK);
	change_ste(r, STE0(5) | CDTAB, EATS(0));
	assert_int_equal(translated(r, SID), LZM_ABORT);
	assert_int_equal(next_event(r), FORBIDDEN);
	change_ste(r, STE0(4), EATS(1));
	assert_int_equal(translated(r, SID), LZM_ABORT);
	assert_int_equal(next_event(r), FORBIDDEN);
	change_ste(r, STE0(0), 0);
	assert_int_equal(translated(r, SID), LZM_ABORT);
	assert_int_equal(next_event(r), 0);
	change_ste(r, 0, 0);
	assert_int_equal(translated(r, SID), LZM_ABORT);
	assert_int_equal(next_event(r), 0);
	rig_enable(r, CMDQEN | EVENTQEN);
	assert_int_equal(translated(r, SID), LZM_ABORT);
	assert_int_equal(next_event(r), FORBIDDEN);
	rig_free(r);
}

static void without_atschk_everything_passes(void **state)
{
	struct rig *r = rig_new(NULL);

	(void)state;
	rig_enable(r, ALL_ON & ~ATSCHK);
	assert_int_equal(translated(r, SID), LZM_OK); /* STE.V = 0 */
	assert_int_equal(translated(r, 64), LZM_OK);
	set_ste(r, SID, STE0(0), 0);
	execute(r, OP_CFGI_ALL, 31);
	assert_int_equal(translated(r, SID), LZM_OK);
	/* The bit is cached with the STE: CFGI makes the change count. */
	rig_enable(r, ALL_ON);
	assert_int_equal(translated(r, SID), LZM_OK);
	execute(r, OP_CFGI_ALL, 31);
	assert_int_equal(translated(r, SID), LZM_ABORT);
	rig_free(r);
}

static void eats_off_counts_after_cfgi(void **state)
{
	struct rig *r = rig_running(NULL);
	bool now, uncached;

	(void)state;
	assert_int_equal(translated(r, SID), LZM_OK);
	set_ste(r, SID, STE0(5) | CDTAB, EATS(0));
	lzm_smmu_eats_effective(r->smmu, SID, &now, &uncached);
	assert_true(now && !uncached);
	assert_int_equal(translated(r, SID), LZM_OK);
	execute(r, OP_CFGI_STE | (uint64_t)SID << 32, 1);
	lzm_smmu_eats_effective(r->smmu, SID, &now, &uncached);
	assert_true(!now && !uncached);
	assert_int_equal(translated(r, SID), LZM_ABORT);
	rig_free(r);
}

/* Asking changes nothing: what was not cached is not cached afterwards. */
static void looking_does_not_cache(void **state)
{
	struct rig *r = rig_running(NULL);
	bool now, uncached;

	(void)state;
	lzm_smmu_eats_effective(r->smmu, SID, &now, &uncached);
	assert_true(now && uncached);
	set_ste(r, SID, STE0(5) | CDTAB, EATS(0));
	assert_int_equal(translated(r, SID), LZM_ABORT);
	rig_free(r);
}

static bool passes(struct rig *r, uint64_t va)
{
	return lzm_smmu_passes_uncached(r->smmu, SID, false, 0, va, LZM_READ);
}

/* The entry in memory, and whether what makes it count waits. */
static void block_waits_until_cfgi_is_carried_out(void **state)
{
	static const uint64_t cfgi[3][2] = {{OP_CFGI_STE | (uint64_t)SID << 32, 1},
					    {OP_CFGI_ALL, 31},
					    {OP_CFGI_ALL | (uint64_t)(SID + 1) << 32, 1}};
	static const uint64_t other[3][2] = {{OP_CFGI_STE | (uint64_t)(SID + 1) << 32, 1},
					     {OP_CFGI_ALL | (uint64_t)(SID + 4) << 32, 1},
					     {OP_CFGI_CD | (uint64_t)SID << 32, 1}};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rig *r = rig_running(NULL);
		uint64_t ev[4], pa;

		map(r, TABLES, 0x1000, 3, DATA | D_PAGE);
		assert_int_equal(translate(r, 0x1000), DATA);
		assert_true(passes(r, 0x1000) && !passes(r, 0x9000));
		set_ste(r, SID, STE0(0), 0);
		assert_false(passes(r, 0x1000));
		assert_int_equal(translate(r, 0x1000), DATA); /* the old one, cached */
		put(r, other[i][0], other[i][1]);
		assert_false(lzm_smmu_cfgi_waits(r->smmu, SID));
		put(r, cfgi[i][0], cfgi[i][1]);
		assert_true(lzm_smmu_cfgi_waits(r->smmu, SID));
		idle(r);
		assert_false(lzm_smmu_cfgi_waits(r->smmu, SID));
		assert_int_equal(
			lzm_smmu_untranslated(r->smmu, SID, false, 0, 0x1000, LZM_READ, &pa),
			LZM_ABORT);
		assert_false(event(r, ev)); /* nobody was told that somebody looked */
		rig_free(r);
	}
}

static void address_above_oas(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;
	uint64_t pa;

	(void)state;
	lzm_smmu_config_default(&cfg);
	r = rig_running(&cfg);
	assert_int_equal(lzm_smmu_translated(r->smmu, SID, 1ull << 48 | DATA, LZM_READ, &pa),
			 LZM_ABORT);
	assert_int_equal(next_event(r), 0);
	rig_free(r);
	cfg.knobs.oas_truncates = true;
	r = rig_running(&cfg);
	assert_int_equal(lzm_smmu_translated(r->smmu, SID, 1ull << 48 | DATA, LZM_READ, &pa),
			 LZM_OK);
	assert_int_equal(pa, DATA);
	rig_free(r);
}

static void smmu_without_ats(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.ats = false;
	r = rig_running(&cfg);
	assert_int_equal(request(r, SID, 0x1000), LZM_UR);
	assert_int_equal(translated(r, SID), LZM_ABORT);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_get_what_is_granted),
		cmocka_unit_test(request_completions),
		cmocka_unit_test(configuration_errors_recorded_on_demand),
		cmocka_unit_test(s1dss_bypass_grants_identity),
		cmocka_unit_test(translated_checks),
		cmocka_unit_test(without_atschk_everything_passes),
		cmocka_unit_test(eats_off_counts_after_cfgi),
		cmocka_unit_test(block_waits_until_cfgi_is_carried_out),
		cmocka_unit_test(looking_does_not_cache),
		cmocka_unit_test(address_above_oas),
		cmocka_unit_test(smmu_without_ats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
