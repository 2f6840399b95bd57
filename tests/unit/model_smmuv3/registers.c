/* SPDX-License-Identifier: BSD-2-Clause */
/* Register file: ID registers, acknowledge, guarded registers, GERRORN, interrupts. */
#include "rig.h"

#include <string.h>

static void id_registers_say_what_the_config_says(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;

	(void)state;
	lzm_smmu_config_default(&cfg);
	r = rig_new(&cfg);
	assert_int_equal(rd(r, 0x00) >> 10 & 1, 1);    /* ATS */
	assert_int_equal(rd(r, 0x00) >> 27 & 3, 1);    /* ST_LEVEL */
	assert_int_equal(rd(r, 0x00) & 3, 2);	       /* S1P only */
	assert_int_equal(rd(r, 0x04) & 0x3f, 16);      /* SIDSIZE */
	assert_int_equal(rd(r, 0x04) >> 6 & 0x1f, 10); /* SSIDSIZE */
	assert_int_equal(rd(r, 0x04) >> 21 & 0x1f, 8); /* CMDQS */
	assert_int_equal(rd(r, 0x0c), 1 << 10);	       /* RIL */
	assert_int_equal(rd(r, 0x14), 0x15);	       /* 4K, 48 bits */
	rig_free(r);
	cfg.ats = false;
	cfg.stage2 = true;
	cfg.range_inv = false;
	cfg.two_level = false;
	r = rig_new(&cfg);
	assert_int_equal(rd(r, 0x00) >> 10 & 1, 0);
	assert_int_equal(rd(r, 0x00) >> 27 & 3, 0);
	assert_int_equal(rd(r, 0x00) & 3, 3);
	assert_int_equal(rd(r, 0x0c), 0);
	rig_free(r);
}

static void bad_configs_are_refused(void **state)
{
	struct rig *r = rig_new(NULL);
	struct lzm_smmu_config cfg = r->cfg;

	(void)state;
	cfg.sid_bits = 33;
	assert_null(lzm_smmu_create(&cfg, &r->bus));
	cfg = r->cfg;
	cfg.cmdq_log2 = 20;
	assert_null(lzm_smmu_create(&cfg, &r->bus));
	cfg = r->cfg;
	cfg.oas = 6;
	assert_null(lzm_smmu_create(&cfg, &r->bus));
	rig_free(r);
}

static void knob_ack_delay(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.knobs.ack_delay_ns = 500;
	r = rig_new(&cfg);
	wr(r, CR0, CMDQEN);
	wr(r, IRQ_CTRL, 5);
	idle(r);
	assert_int_equal(rd(r, CR0), CMDQEN);
	assert_int_equal(rd(r, CR0ACK), 0);
	assert_int_equal(rd(r, IRQ_CTRLACK), 0);
	assert_int_equal(lzm_smmu_wake(r->smmu), 500);
	wr(r, CR0, 0); /* before the ACK: not taken */
	assert_int_equal(rd(r, CR0), CMDQEN);
	assert_int_equal(misuses(r), 1);
	settle(r);
	assert_int_equal(rd(r, CR0ACK), CMDQEN);
	assert_int_equal(rd(r, IRQ_CTRLACK), 5);
	rig_free(r);
}

static void ack_needs_a_step(void **state)
{
	struct rig *r = rig_new(NULL);

	(void)state;
	wr(r, CR0, ATSCHK);
	assert_int_equal(rd(r, CR0ACK), 0);
	assert_true(lzm_smmu_step(r->smmu));
	assert_int_equal(rd(r, CR0ACK), ATSCHK);
	rig_free(r);
}

static void guarded_registers_ignore_and_count(void **state)
{
	static const struct {
		uint32_t reg;
		unsigned size;
	} guarded[] = {
		{STRTAB_BASE, 8}, {STRTAB_CFG, 4}, {CMDQ_BASE, 8}, {CMDQ_CONS, 4}, {EVTQ_BASE, 8},
		{EVTQ_PROD, 4},	  {PRIQ_BASE, 8},  {PRIQ_PROD, 4}, {CR2, 4},	   {0x68, 8},
		{0x70, 4},	  {0xb0, 8},	   {0xb8, 4},	   {0xd0, 8},	   {CR1, 4},
	};
	struct lzm_smmu_config cfg;
	struct rig *r;
	unsigned i;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.pri = true;
	cfg.priq_log2 = 4;
	r = rig_running(&cfg);
	for (i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++) {
		uint64_t before = lzm_smmu_read(r->smmu, guarded[i].reg, guarded[i].size);
		uint64_t count = misuses(r);

		lzm_smmu_write(r->smmu, guarded[i].reg, guarded[i].size, ~before);
		assert_int_equal(lzm_smmu_read(r->smmu, guarded[i].reg, guarded[i].size), before);
		assert_true(misuses(r) > count);
	}
	wr(r, CR0, 0);
	wr(r, IRQ_CTRL, 0);
	settle(r);
	for (i = 0; i < sizeof(guarded) / sizeof(guarded[0]); i++) {
		uint64_t before = lzm_smmu_read(r->smmu, guarded[i].reg, guarded[i].size);

		lzm_smmu_write(r->smmu, guarded[i].reg, guarded[i].size, before ^ 0x104);
		assert_int_not_equal(lzm_smmu_read(r->smmu, guarded[i].reg, guarded[i].size),
				     before);
	}
	rig_free(r);
}

static void wide_registers_take_halves(void **state)
{
	struct rig *r = rig_new(NULL);

	(void)state;
	wr(r, STRTAB_BASE, 0x12340000);
	wr(r, STRTAB_BASE + 4, 0x56);
	assert_int_equal(lzm_smmu_read(r->smmu, STRTAB_BASE, 8), 0x5612340000ull);
	assert_int_equal(rd(r, STRTAB_BASE + 4), 0x56);
	rig_free(r);
}

static void read_only_registers_stay(void **state)
{
	struct rig *r = rig_new(NULL);
	uint32_t id = rd(r, IDR0);
	struct lzm_smmu_stats st;

	(void)state;
	wr(r, IDR0, 0);
	wr(r, GERROR, 1);
	assert_int_equal(rd(r, IDR0), id);
	assert_int_equal(rd(r, GERROR), 0);
	lzm_smmu_stats_get(r->smmu, &st);
	assert_int_equal(st.illegal_driver_use, 2);
	assert_non_null(strstr(st.last_misuse, "0x60"));
	rig_free(r);
}

static void gerrorn_of_an_inactive_error(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;

	(void)state;
	r = rig_running(NULL);
	wr(r, GERRORN, 1);
	assert_int_equal(misuses(r), 1);
	execute(r, OP_NH_ALL, 0);
	rig_free(r);

	lzm_smmu_config_default(&cfg);
	cfg.knobs.gerrorn_activates = true;
	r = rig_running(&cfg);
	wr(r, GERRORN, 1);
	assert_int_equal(misuses(r), 1);
	put(r, OP_NH_ALL, 0);
	idle(r);
	assert_int_equal(rd(r, CMDQ_CONS) & 0xfffff, 0);
	rig_free(r);
}

static void blind_acknowledge_loses_nothing_active(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, 0xff, 0);
	idle(r);
	assert_int_equal(rd(r, GERROR), 1);
	wr(r, GERRORN, 1);
	assert_int_equal(misuses(r), 0);
	assert_int_equal(rd(r, GERRORN), 1);
	rig_free(r);
}

static void gbpa_needs_update(void **state)
{
	struct rig *r = rig_new(NULL);
	uint64_t pa;

	(void)state;
	assert_int_equal(rd(r, GBPA), 0x1000);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, SID, false, 0, 0x1000, LZM_READ, &pa),
			 LZM_OK);
	wr(r, GBPA, 1u << 20);
	assert_int_equal(misuses(r), 1);
	wr(r, GBPA, 1u << 20 | 1u << 31);
	assert_true(rd(r, GBPA) >> 31);
	idle(r);
	assert_false(rd(r, GBPA) >> 31);
	assert_int_equal(lzm_smmu_untranslated(r->smmu, SID, false, 0, 0x1000, LZM_READ, &pa),
			 LZM_ABORT);
	rig_free(r);
}

static void gerror_interrupt_by_msi(void **state)
{
	struct rig *r = rig_new(NULL);

	(void)state;
	lzm_smmu_write(r->smmu, 0x68, 8, MSI);
	wr(r, 0x70, 77);
	rig_enable(r, CMDQEN);
	put(r, 0xff, 0);
	idle(r);
	assert_int_equal(load(r, MSI), 77);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 0);
	store(r, CMDQ, OP_SYNC);
	acknowledge(r);
	idle(r);
	put(r, 0xff, 0);
	store(r, MSI, 0);
	lzm_smmu_inject_msi_abort(r->smmu);
	idle(r);
	assert_int_equal(load(r, MSI), 0);
	assert_int_equal(rd(r, GERROR) ^ rd(r, GERRORN), 1 | 1 << 7);
	rig_free(r);
}

static void disabled_interrupts_stay_silent(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	wr(r, IRQ_CTRL, 0);
	idle(r);
	put(r, 0xff, 0);
	idle(r);
	assert_int_equal(cmd_error(r), 1);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 0);
	rig_free(r);
}

static void reset_drops_everything(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->silent[SID] = true;
	assert_int_equal(translate(r, 0x1000), DATA);
	put(r, ATC(SID), 52);
	put(r, OP_SYNC, 0);
	settle(r);
	lzm_smmu_reset(r->smmu);
	assert_int_equal(rd(r, CR0) | rd(r, CR0ACK) | rd(r, GERROR) | rd(r, CMDQ_CONS), 0);
	assert_false(lzm_smmu_step(r->smmu));
	assert_true(lzm_smmu_wake(r->smmu) == LZM_NEVER);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_registers_say_what_the_config_says),
		cmocka_unit_test(bad_configs_are_refused),
		cmocka_unit_test(knob_ack_delay),
		cmocka_unit_test(ack_needs_a_step),
		cmocka_unit_test(guarded_registers_ignore_and_count),
		cmocka_unit_test(wide_registers_take_halves),
		cmocka_unit_test(read_only_registers_stay),
		cmocka_unit_test(gerrorn_of_an_inactive_error),
		cmocka_unit_test(blind_acknowledge_loses_nothing_active),
		cmocka_unit_test(gbpa_needs_update),
		cmocka_unit_test(gerror_interrupt_by_msi),
		cmocka_unit_test(disabled_interrupts_stay_silent),
		cmocka_unit_test(reset_drops_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
