/* SPDX-License-Identifier: BSD-2-Clause */
/* Event queue and PRI queue: records, overflow, aborts, merging, automatic answers. */
#include "rig.h"

#define OVERFLOWED (1u << 31)
#define FAILURE	   15
#define SILENCE	   (-1)

static struct rig *with_pri(void)
{
	struct lzm_smmu_config cfg;

	lzm_smmu_config_default(&cfg);
	cfg.pri = true;
	cfg.priq_log2 = 4;
	return rig_running(&cfg);
}

static int page_request(struct rig *r, bool last)
{
	int resp;

	if (lzm_smmu_page_request(r->smmu, SID, true, 3, 0x1000, 17, last, &resp))
		return 100;
	return resp;
}

static void record_layout(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t ev[4], pa;

	(void)state;
	lzm_smmu_untranslated(r->smmu, SID, false, 0, 0x5123, LZM_WRITE, &pa);
	assert_true(event(r, ev));
	assert_true(ev[0] == (0x10 | (uint64_t)SID << 32));
	assert_true(ev[1] == 2ull << 40); /* CLASS: input; a write */
	assert_int_equal(ev[2], 0x5123);
	idle(r);
	lzm_smmu_untranslated(r->smmu, SID, false, 0, 0x5123, LZM_READ, &pa);
	assert_true(event(r, ev));
	assert_true(ev[1] == (2ull << 40 | 1ull << 35));
	idle(r);
	assert_int_equal(r->irqs[LZM_IRQ_EVTQ], 2);
	rig_free(r);
}

static void overflow_toggles_once_and_recovers(void **state)
{
	struct rig *r = rig_running(NULL);
	struct lzm_smmu_stats st;
	uint64_t ev[4];
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++)
		translate(r, 0x5000 + i * 0x1000);
	assert_int_equal(rd(r, EVTQ_PROD), 4);
	translate(r, 0x9000);
	assert_int_equal(rd(r, EVTQ_PROD), 4 | OVERFLOWED);
	translate(r, 0xa000);
	assert_int_equal(rd(r, EVTQ_PROD), 4 | OVERFLOWED);
	assert_true(event(r, ev));
	translate(r, 0xb000); /* room again: written though unacknowledged */
	assert_int_equal(rd(r, EVTQ_PROD), 5 | OVERFLOWED);
	wr(r, EVTQ_CONS, rd(r, EVTQ_CONS) | OVERFLOWED);
	translate(r, 0xc000);
	assert_int_equal(rd(r, EVTQ_PROD), 5); /* toggles again */
	lzm_smmu_stats_get(r->smmu, &st);
	assert_int_equal(st.events, 5);
	assert_int_equal(st.events_lost, 3);
	assert_int_equal(misuses(r), 0);
	rig_free(r);
}

static void interrupt_on_empty_to_nonempty(void **state)
{
	struct rig *r = rig_running(NULL);
	uint64_t ev[4];

	(void)state;
	translate(r, 0x5000);
	idle(r);
	translate(r, 0x6000);
	idle(r);
	assert_int_equal(r->irqs[LZM_IRQ_EVTQ], 1);
	while (event(r, ev))
		;
	translate(r, 0x7000);
	idle(r);
	assert_int_equal(r->irqs[LZM_IRQ_EVTQ], 2);
	rig_free(r);
}

static void write_abort_stops_delivery(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	r->abort_pa = EVTQ;
	translate(r, 0x5000);
	idle(r);
	assert_int_equal(rd(r, GERROR), 1 << 2);
	assert_int_equal(r->irqs[LZM_IRQ_GERROR], 1);
	r->abort_pa = UINT64_MAX;
	translate(r, 0x5000);
	assert_int_equal(rd(r, EVTQ_PROD), 0);
	acknowledge(r);
	translate(r, 0x5000);
	assert_int_equal(rd(r, EVTQ_PROD), 1);
	rig_free(r);
}

static void disabled_queue_loses_silently(void **state)
{
	struct rig *r = rig_running(NULL);

	(void)state;
	rig_enable(r, ALL_ON & ~EVENTQEN);
	translate(r, 0x5000);
	assert_int_equal(rd(r, EVTQ_PROD), 0);
	rig_free(r);
}

static void knob_mev_merges(void **state)
{
	struct lzm_smmu_config cfg;
	struct rig *r;
	unsigned i;

	(void)state;
	lzm_smmu_config_default(&cfg);
	cfg.knobs.mev_merges = true;
	r = rig_running(&cfg);
	for (i = 0; i < 3; i++)
		translate(r, 0x5000);
	assert_int_equal(rd(r, EVTQ_PROD), 3); /* MEV = 0 */
	wr(r, EVTQ_CONS, 3);
	set_ste(r, SID, STE0(5) | CDTAB, 1 << 19);
	execute(r, OP_CFGI_ALL, 31);
	for (i = 0; i < 3; i++)
		translate(r, 0x5000);
	assert_int_equal(rd(r, EVTQ_PROD), 4);
	translate(r, 0x6000);
	assert_int_equal(rd(r, EVTQ_PROD), 5);
	rig_free(r);
}

static void page_request_record(void **state)
{
	struct rig *r = with_pri();

	(void)state;
	assert_int_equal(page_request(r, true), 100);
	idle(r);
	assert_int_equal(r->irqs[LZM_IRQ_PRIQ], 1);
	assert_int_equal(load(r, PRIQ) & UINT32_MAX, SID);
	assert_int_equal(load(r, PRIQ) >> 32 & 0xfffff, 3);
	assert_int_equal(load(r, PRIQ) >> 62, 3); /* SSV, Last */
	assert_int_equal(load(r, PRIQ + 8), 0x1000 | 17);
	rig_free(r);
}

static void priq_overflow_writes_nothing_until_acknowledged(void **state)
{
	struct rig *r = with_pri();

	(void)state;
	assert_int_equal(page_request(r, false), 100);
	assert_int_equal(page_request(r, false), 100);
	assert_int_equal(page_request(r, false), SILENCE);
	assert_int_equal(page_request(r, true), 0);
	wr(r, PRIQ_CONS, 2);
	assert_int_equal(page_request(r, true), 0); /* room, but not acknowledged */
	wr(r, PRIQ_CONS, 2 | OVERFLOWED);
	assert_int_equal(page_request(r, true), 100);
	rig_free(r);
}

static void disabled_pri_answers_failure(void **state)
{
	struct rig *r = with_pri();

	(void)state;
	rig_enable(r, ALL_ON);
	assert_int_equal(page_request(r, true), FAILURE);
	rig_enable(r, (ALL_ON | PRIQEN) & ~SMMUEN);
	assert_int_equal(page_request(r, true), FAILURE);
	rig_enable(r, ALL_ON | PRIQEN);
	r->abort_pa = PRIQ;
	assert_int_equal(page_request(r, true), FAILURE);
	idle(r);
	assert_int_equal(rd(r, GERROR), 1 << 3);
	r->abort_pa = UINT64_MAX;
	assert_int_equal(page_request(r, true), FAILURE);
	acknowledge(r);
	assert_int_equal(page_request(r, true), 100);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_layout),
		cmocka_unit_test(overflow_toggles_once_and_recovers),
		cmocka_unit_test(interrupt_on_empty_to_nonempty),
		cmocka_unit_test(write_abort_stops_delivery),
		cmocka_unit_test(disabled_queue_loses_silently),
		cmocka_unit_test(knob_mev_merges),
		cmocka_unit_test(page_request_record),
		cmocka_unit_test(priq_overflow_writes_nothing_until_acknowledged),
		cmocka_unit_test(disabled_pri_answers_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
