/* SPDX-License-Identifier: BSD-2-Clause */
/* Hazards of the RISC-V IOMMU, and of its queue. */
#include "drivers/riscv/riscv.h"
#include "rvbench.h"

static struct lz_domain *cached(struct bench *b, unsigned devs, unsigned pages)
{
	struct lz_domain *dom = bench_shared(b, devs);

	assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, pages * LZ_PAGE, LZ_WRITE), LZ_OK);
	for (unsigned i = 0; i < devs; i++) {
		assert_true(bench_dma(b, i, IOVA));
		assert_true(bench_dma_cached(b, i));
	}
	return dom;
}

/* ---- H67: the fence runs again, and succeeds ---- */

static void false_success_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 1, 1);

	bench_fault(b, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(b->released, 0);
	assert_true(bench_settles(b));
	/* The model let the fence pass, as the reference model does. */
	assert_true(bench_stats(b).cmd_errors > 0);
	assert_int_equal(b->released, LZ_PAGE);
	assert_false(bench_dma_cached(b, 0));
	assert_int_equal(bench_health(b, 0).evidence, LZ_EVIDENCE_NAMED);
	assert_int_equal(b->dev[0].told, 1);
	bench_drop(b, dom);
}

static void h67_a_fence_that_runs_again_is_no_success(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 1}, 40, false_success_body);
}

/* ---- H68: others wait too ---- */

struct waiter {
	struct lz_domain *dom;
	bool stop, stopped;
	unsigned unmaps;
};

static void unmap_again_and_again(void *arg)
{
	struct waiter *w = arg;

	while (!w->stop) {
		assert_int_equal(lz_map(w->dom, 2 * IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
		assert_int_equal(lz_unmap(w->dom, 2 * IOVA, LZ_PAGE), LZ_OK);
		w->unmaps++;
		bench_sleep(LZ_US(3));
	}
	w->stopped = true;
}

/* One domain has a dead device, another one a sound one. */
static void others_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 1, 1);
	struct waiter w = {.dom = bench_domain(b)};

	assert_int_equal(lz_attach(b->dev[1].dev, w.dom), LZ_OK);
	sim_task("other", 3, unmap_again_and_again, &w);
	bench_fault(b, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(bench_settles(b));
	bench_sleep(LZ_MS(1));
	w.stop = true;
	while (!w.stopped)
		bench_sleep(LZ_US(10));
	assert_true(w.unmaps > 10);
	assert_int_equal(bench_health(b, 1).timeouts, 0);
	assert_int_equal(b->dev[0].told, 1);
	assert_int_equal(b->dev[1].told, 0);
	bench_drop(b, dom);
	bench_drop(b, w.dom);
}

static void h68_nobody_is_blamed_for_anothers_wait(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 2, .sync_bound = LZ_MS(20)}, 20, others_body);
}

/* ---- H70: with EN_ATS off no answer is heard ---- */

/* Devices that take their time, so that something is out nearly always. */
#define SLOW LZ_US(300)

static void detach_body(struct bench *b)
{
	struct waiter w = {.dom = bench_shared(b, 2)};

	sim_task("other", 3, unmap_again_and_again, &w);
	for (unsigned i = 0; i < 6; i++) {
		bench_sleep(LZ_US(100));
		lz_detach(b->dev[0].dev);
		assert_int_equal(lz_attach(b->dev[0].dev, w.dom), LZ_OK);
	}
	w.stop = true;
	while (!w.stopped)
		bench_sleep(LZ_US(10));
	assert_true(bench_settles(b));
	assert_int_equal(bench_stats(b).ats_timeouts, 0);
	assert_int_equal(b->events[LZ_EV_SUSPECT], 0);
	bench_drop(b, w.dom);
}

static void h70_detach_lets_answers_in_first(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 2, .answer_ns = SLOW}, 20, detach_body);
}

static void reset_body(struct bench *b)
{
	struct waiter w = {.dom = bench_shared(b, 2)};

	sim_task("other", 3, unmap_again_and_again, &w);
	bench_sleep(LZ_US(500));
	assert_int_equal(lz_pci_reset_flr(b->dev[0].dev), LZ_OK);
	bench_sleep(LZ_MS(2));
	w.stop = true;
	while (!w.stopped)
		bench_sleep(LZ_US(10));
	assert_true(bench_settles(b));
	assert_int_equal(b->events[LZ_EV_SUSPECT], 0);
	assert_string_equal(bench_health(b, 0).state, "healthy");
	bench_drop(b, w.dom);
}

/* And the probe after the reset is heard. */
static void h70_reset_lets_answers_in_first(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 2, .answer_ns = SLOW}, 20, reset_body);
}

static void company_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 3, 1);

	bench_fault(b, 2, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(bench_settles(b));
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(bench_health(b, i).state, "healthy");
		assert_int_equal(b->dev[i].told, 0);
	}
	assert_int_equal(bench_health(b, 2).evidence, LZ_EVIDENCE_PROBED);
	assert_int_equal(lz_pci_reset_flr(b->dev[2].dev), LZ_OK);
	assert_string_equal(bench_health(b, 2).state, "healthy");
	bench_drop(b, dom);
}

static void give_up_innocents(struct lzm_riscv_config *c)
{
	c->knobs.late_subset = true;
}

static void h70_innocent_timeouts_are_judged_by_a_probe(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 3, .tune = give_up_innocents}, 20, company_body);
}

/* EN_ATS is about to go off and its ATC has not said that it is empty. */
static void hushed_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 1, 2);
	struct lz_rv_dev *rd = lz_rv_dev_of(b->dev[0].dev);
	lz_ns deadline = 0;

	assert_int_equal(lz_rv_hush(rd), LZ_OK);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(bench_dma_cached(b, 0));
	assert_int_equal(b->released, 0);
	lz_rv_dc_ats_off(rd);
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(lz_rv_push(rd, &deadline), LZ_OK);
	assert_false(bench_dma_cached(b, 0));
	assert_true(bench_settles(b));
	assert_int_equal(b->released, 2 * LZ_PAGE);
	bench_drop(b, dom);
}

static void h70_memory_waits_for_who_is_hushed(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 1}, 5, hushed_body);
}

/* Its EN_ATS went off before it was accused: its silence is no evidence. */
static void deaf_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 1, 1);
	struct lz_device *dev = b->dev[0].dev;

	lz_rv_dc_ats_off(lz_rv_dev_of(dev));
	lz_accuse(dev, &(struct lz_accusation){.gen = lz_load32(&dev->generation)}, NULL);
	lz_iommu_kick(dev->iommu);
	assert_true(bench_settles(b));
	assert_int_equal(bench_health(b, 0).evidence, LZ_EVIDENCE_ASSUMED);
	assert_int_equal(b->events[LZ_EV_PROBE], 0);
	bench_drop(b, dom);
}

static void h70_nobody_is_asked_who_is_not_heard(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 1}, 5, deaf_body);
}

/* ---- H71, H31: what is late is nobody's ---- */

static void unmap_in_handler(void *arg)
{
	struct lz_domain *dom = arg;

	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
}

static void lap_body(struct bench *b)
{
	struct lz_domain *dom = bench_shared(b, 1);

	assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	lzm_riscv_inject_cmdq_stall(b->iommu_model, sim_now() + LZ_MS(5));
	sim_in_irq(unmap_in_handler, dom);
	bench_sleep(LZ_MS(6));
	assert_true(bench_settles(b));
	/* Several laps over the slot of the fence that was given up. */
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
		assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	}
	assert_int_equal(b->events[LZ_EV_SUSPECT], 0);
	bench_drop(b, dom);
}

/* The mark of a timeout stays in its slot. */
static void timeout_lap_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 1, 1);

	bench_fault(b, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(bench_settles(b));
	assert_int_equal(lz_pci_reset_flr(b->dev[0].dev), LZ_OK);
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
		assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	}
	bench_drop(b, dom);
}

static void h71_marks_of_an_earlier_lap_do_not_count(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.cmdq_log2 = 3}, 20, lap_body);
	bench_seeds(&(struct bench_opts){.cmdq_log2 = 3}, 20, timeout_lap_body);
}

static void late_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 2, 3);

	/* Its answer comes when the request has long been given up, and others are out. */
	lzm_ep_fault(b->dev[1].ep, LZM_EP_ATC_LATE, 1, 3 * TIMEOUT);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(bench_settles(b));
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	bench_sleep(4 * TIMEOUT);
	bench_fault(b, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, IOVA + 2 * LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(bench_settles(b));
	assert_false(bench_dma_cached(b, 0));
	assert_int_equal(b->dev[0].told, 1);
	bench_drop(b, dom);
}

static void h71_a_late_answer_answers_nothing(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 2}, 20, late_body);
}

/* ---- H82: a full ring ---- */

struct owner {
	struct bench *b;
	unsigned device;
	bool stopped;
};

static void map_use_unmap(void *arg)
{
	struct owner *o = arg;
	struct lz_domain *dom = bench_domain(o->b);

	assert_int_equal(lz_attach(o->b->dev[o->device].dev, dom), LZ_OK);
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
		assert_true(bench_dma(o->b, o->device, IOVA));
		assert_true(bench_dma_cached(o->b, o->device));
		assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
		assert_false(bench_dma_cached(o->b, o->device));
	}
	bench_drop(o->b, dom);
	o->stopped = true;
}

static void full_body(struct bench *b)
{
	struct owner o[BENCH_DEVS];
	bool done = false;

	for (unsigned i = 0; i < BENCH_DEVS; i++) {
		o[i] = (struct owner){.b = b, .device = i};
		sim_task("owner", 2 + i, map_use_unmap, &o[i]);
	}
	while (!done) {
		lzm_riscv_inject_cmdq_stall(b->iommu_model, sim_now() + LZ_US(5));
		bench_sleep(LZ_US(7));
		done = o[0].stopped && o[1].stopped && o[2].stopped;
	}
}

static void h82_nothing_is_done_before_cqh_has_passed(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 3, .cmdq_log2 = 3}, 40, full_body);
}

/* ---- what the queue drops ---- */

static void memory_fault_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 1, 1);

	lzm_riscv_inject_cmdq_fault(b->iommu_model);
	/* The IOTLB's batch: issued again. */
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(bench_stats(b).cmd_errors, 1);
	assert_false(bench_dma_cached(b, 0));
	assert_int_equal(b->events[LZ_EV_SUSPECT], 0);
	bench_drop(b, dom);
}

static unsigned vmas;
static bool spoil;

static uint64_t *slot_of(struct bench *b, uint32_t index)
{
	uint64_t ring = (lzm_riscv_read(b->iommu_model, 24, 8) >> 10) << 12;

	return sim_dma_ptr(ring + index * 16, 16);
}

/* Before cqt is written: counts commands, or makes the first ATS.INVAL or IOTINVAL.VMA
 * of a batch one that there is not. */
static void on_cqt(struct bench *b, uint32_t off, uint64_t value)
{
	uint32_t size = 1u << ((lzm_riscv_read(b->iommu_model, 24, 8) & 31) + 1);

	if (off != 36)
		return;
	for (uint32_t i = (uint32_t)lzm_riscv_read(b->iommu_model, 36, 4); i != value;
	     i = (i + 1) % size) {
		uint64_t *slot = slot_of(b, i);

		vmas += (slot[0] & 0x3ff) == 1;
		if (spoil && (slot[0] & 0x3ff) == 4) {
			slot[0] = 0x3f;
			spoil = false;
		}
	}
}

static void counted_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 1, 1);

	vmas = 0;
	b->on_write = on_cqt;
	lzm_riscv_inject_cmdq_fault(b->iommu_model);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(vmas, 2);
	b->on_write = NULL;
	bench_drop(b, dom);
}

static void what_may_have_been_dropped_goes_again(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 1}, 8, memory_fault_body);
	bench_seeds(&(struct bench_opts){.devs = 1}, 8, counted_body);
}

static void illegal_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 2, 1);

	spoil = true;
	b->on_write = on_cqt;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_false(spoil);
	assert_true(bench_settles(b)); /* the sweep repeated it */
	b->on_write = NULL;
	assert_int_equal(b->released, LZ_PAGE);
	assert_int_equal(b->events[LZ_EV_QUEUE_ERROR], 1);
	assert_int_equal(b->events[LZ_EV_SUSPECT], 0);
	assert_false(bench_dma_cached(b, 0));
	assert_false(bench_dma_cached(b, 1));
	bench_drop(b, dom);
}

static void h34_an_illegal_command_is_nobodys_fault(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 2}, 20, illegal_body);
}

/* ---- blocked ---- */

static void blocked_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 2, 1);
	unsigned before;
	int resp = -2;
	uint64_t pa;

	lz_detach(b->dev[0].dev);
	bench_sleep(LZ_MS(1));
	before = b->faults;
	/* The other one fills the IOTLB for the domain's PSCID. */
	assert_int_equal(lzm_riscv_untranslated(b->iommu_model, b->dev[1].did, false, 0, IOVA,
						LZM_WRITE, &pa),
			 LZM_OK);
	assert_int_not_equal(lzm_riscv_untranslated(b->iommu_model, b->dev[0].did, false, 0, IOVA,
						    LZM_WRITE, &pa),
			     LZM_OK);
	assert_int_not_equal(
		lzm_riscv_translated(b->iommu_model, b->dev[0].did, BENCH_MEM, LZM_WRITE, &pa),
		LZM_OK);
	/* "Invalid", which is harmless; "failure" would switch PRI off. */
	assert_false(lzm_riscv_page_request(b->iommu_model, b->dev[0].did, false, 0, IOVA, 0, true,
					    &resp));
	assert_int_equal(resp, 1);
	bench_sleep(LZ_MS(1));
	assert_int_equal(b->faults, before);
	bench_drop(b, dom);
}

static void h89_blocked_is_silent_and_complete(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 2}, 8, blocked_body);
}

static void fence_only_body(struct bench *b)
{
	struct lz_domain *dom = cached(b, 1, 2);
	struct lz_policy policy;
	unsigned before;
	uint64_t pa;

	lz_policy_get(b->lz, &policy);
	policy.response = LZ_RESPONSE_FENCE;
	assert_int_equal(lz_policy_set(b->lz, &policy), LZ_OK);
	bench_fault(b, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(bench_settles(b));
	before = b->faults;
	for (unsigned i = 0; i < 100; i++)
		assert_int_not_equal(lzm_riscv_translated(b->iommu_model, b->dev[0].did, BENCH_MEM,
							  LZM_WRITE, &pa),
				     LZM_OK);
	bench_sleep(LZ_MS(1));
	assert_int_equal(b->faults, before); /* DTF */
	assert_int_equal(lzm_riscv_untranslated(b->iommu_model, b->dev[0].did, false, 0,
						IOVA + LZ_PAGE, LZM_WRITE, &pa),
			 LZM_OK);
	assert_int_equal(pa, BENCH_MEM + LZ_PAGE);
	bench_drop(b, dom);
}

static void h74_the_fence_is_about_ats_alone(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 1}, 8, fence_only_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h67_a_fence_that_runs_again_is_no_success),
		cmocka_unit_test(h68_nobody_is_blamed_for_anothers_wait),
		cmocka_unit_test(h70_detach_lets_answers_in_first),
		cmocka_unit_test(h70_reset_lets_answers_in_first),
		cmocka_unit_test(h70_innocent_timeouts_are_judged_by_a_probe),
		cmocka_unit_test(h70_memory_waits_for_who_is_hushed),
		cmocka_unit_test(h70_nobody_is_asked_who_is_not_heard),
		cmocka_unit_test(h71_marks_of_an_earlier_lap_do_not_count),
		cmocka_unit_test(h71_a_late_answer_answers_nothing),
		cmocka_unit_test(h82_nothing_is_done_before_cqh_has_passed),
		cmocka_unit_test(what_may_have_been_dropped_goes_again),
		cmocka_unit_test(h34_an_illegal_command_is_nobodys_fault),
		cmocka_unit_test(h89_blocked_is_silent_and_complete),
		cmocka_unit_test(h74_the_fence_is_about_ats_alone),
	};

	return cmocka_run_group_tests_name("riscv_hazards", tests, NULL, NULL);
}
