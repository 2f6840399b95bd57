/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and the command queue: errors, resume, busy, interrupts, fault records. */
#include "rvrig.h"

static void an_illegal_command_stops_until_replaced(void **state)
{
	static const struct {
		uint64_t d0, d1;
	} illegal[] = {
		{0, 0},				/* reserved opcode */
		{5, 0},				/* likewise */
		{IOTINVAL_GVMA | PSCV, 0},	/* PSCV of the second stage */
		{IOTINVAL_VMA | 1ull << 34, 0}, /* NL without the capability */
		{3ull | 1ull << 7, 0},		/* INVAL_PDT without DV */
		{IOFENCE | 1ull << 14, 0},	/* reserved bit */
		{ATSINVAL(DID), 2},		/* likewise */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(illegal) / sizeof(illegal[0]); i++) {
		struct rig *r = rig_running(NULL);

		put(r, IOFENCE, 0);
		put(r, illegal[i].d0, illegal[i].d1);
		put(r, IOFENCE, 0);
		idle(r);
		assert_int_equal(rd(r, CQCSR), EN | IE | ON | CMD_ILL);
		assert_int_equal(rd(r, CQH), 1);
		store(r, CQ + 16, IOFENCE);
		store(r, CQ + 24, 0);
		clear(r, CMD_ILL);
		idle(r);
		assert_true(done(r));
		rig_free(r);
	}
}

static void a_fetch_fault_stops_and_goes_on(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	lzm_riscv_inject_cmdq_fault(r->iommu);
	put(r, IOFENCE, 0);
	idle(r);
	assert_true(rd(r, CQCSR) & CQMF);
	clear(r, CQMF);
	idle(r);
	assert_true(done(r));
	rig_free(r);
}

static void only_the_written_error_is_cleared(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, 0, 0);
	idle(r);
	clear(r, CMD_TO | CQMF);
	idle(r);
	assert_true(rd(r, CQCSR) & CMD_ILL);
	/* The cause is still there: clearing ipsr interrupts again. */
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 2);
	rig_free(r);
}

static void a_fence_stores_and_interrupts(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, IOFENCE | AV | 1ull << 11 | 5ull << 32, STORE >> 2);
	idle(r);
	assert_int_equal(load(r, STORE), 5);
	assert_true(rd(r, CQCSR) & FENCE_IP);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 1);
	/* A store that aborts is a memory fault at the fence. */
	r->abort_pa = STORE;
	put(r, IOFENCE | AV, STORE >> 2);
	idle(r);
	assert_true(rd(r, CQCSR) & CQMF);
	assert_int_equal(rd(r, CQH), 1);
	rig_free(r);
}

static void switching_on_starts_afresh(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	put(r, 0, 0);
	idle(r);
	wr(r, CQCSR, IE);
	idle(r);
	assert_int_equal(rd(r, CQCSR) & (ON | EN), 0);
	wr(r, CQT, 0);
	wr(r, CQCSR, EN | IE);
	idle(r);
	assert_int_equal(rd(r, CQH), 0);
	assert_int_equal(rd(r, CQCSR), EN | IE | ON);
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

static void unspecified_use_is_counted(void **state)
{
	struct lzm_riscv_knobs k;
	struct rig *r;

	(void)state;
	lzm_riscv_knobs_default(&k);
	k.busy_ns = 1000;
	r = rig_running(&k);
	assert_int_equal(misuses(r), 0);
	wr(r, CQCSR, EN);
	assert_true(rd(r, CQCSR) & BUSY);
	wr(r, CQCSR, EN | IE);
	assert_int_equal(misuses(r), 1);
	settle(r);
	wr64(r, CQB, PPN(CQ) << 10);
	assert_int_equal(misuses(r), 2);
	wr64(r, DDTP, PPN(DDT) << 10 | LEVELS3);
	assert_int_equal(misuses(r), 3);
	wr64(r, DDTP, 0);
	assert_int_equal(misuses(r), 4);
	wr(r, FCTL, 0);
	assert_int_equal(misuses(r), 5);
	rig_free(r);
}

static void messages_go_where_the_vector_says(void **state)
{
	struct rig *r = rig_new(NULL);

	(void)state;
	wr(r, CQCSR, 0);
	wr(r, FQCSR, 0);
	wr(r, PQCSR, 0);
	idle(r);
	wr(r, FCTL, 0);
	wr64(r, ICVEC, 3);
	wr64(r, MSICFG(3), MSI);
	wr(r, MSICFG(3) + 8, 0xabc);
	wr(r, CQCSR, EN | IE);
	idle(r);
	wr(r, MSICFG(3) + 12, 1);
	r->tail = 0;
	put(r, 0, 0);
	idle(r);
	assert_int_equal(load(r, MSI), 0); /* masked */
	wr(r, MSICFG(3) + 12, 0);
	idle(r);
	assert_int_equal(load(r, MSI), 0xabc);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 0);
	rig_free(r);
}

static void records_tell_who_and_overflow_is_told(void **state)
{
	struct rig *r = rig_running(NULL);
	struct lzm_riscv_stats st;
	uint64_t rec[4];

	(void)state;
	assert_int_equal(untranslated(r, 0x9000), UINT64_MAX);
	assert_true(fault(r, rec));
	assert_int_equal(CAUSE(rec), 13);
	assert_int_equal(rec[0] >> 40, DID);
	assert_int_equal(rec[0] >> 34 & 63, 2);
	assert_int_equal(rec[2], 0x9000);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(untranslated(r, 0x9000), UINT64_MAX);
	assert_true(rd(r, FQCSR) & QOF);
	lzm_riscv_stats_get(r->iommu, &st);
	assert_int_equal(st.faults, 4);
	assert_int_equal(st.faults_lost, 1);
	idle(r);
	assert_int_equal(r->irqs[LZM_IRQ_EVTQ], 1);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_illegal_command_stops_until_replaced),
		cmocka_unit_test(a_fetch_fault_stops_and_goes_on),
		cmocka_unit_test(only_the_written_error_is_cleared),
		cmocka_unit_test(a_fence_stores_and_interrupts),
		cmocka_unit_test(switching_on_starts_afresh),
		cmocka_unit_test(unspecified_use_is_counted),
		cmocka_unit_test(messages_go_where_the_vector_says),
		cmocka_unit_test(records_tell_who_and_overflow_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
