/* SPDX-License-Identifier: BSD-2-Clause */
/* Bounds: memory, masked time, waiting, and what an innocent device's owner
 * gets from a queue that stands still. */
#include "tests/hazards/driver_look.h"

/* ---- memory ---- */

/* From the fault to the owner and to the last page nothing is allocated. */
static void fault_without_memory(struct rig *r)
{
	struct lz_domain *a = rig_shared(r, 0, 2), *b = rig_domain(r);
	struct sim_stats st;

	assert_int_equal(lz_attach_pasid(r->dev[1].dev, 5, b), LZ_OK);
	look_map(r, a, 8, 2);
	assert_int_equal(lz_map(b, IOVA, RIG_MEM, 8 * LZ_PAGE, LZ_WRITE), LZ_OK);
	rig_silence(r, 1);
	sim_fail_alloc(true);
	assert_int_equal(rig_unmap_irq(a, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	(void)!lz_unmap(b, IOVA, LZ_PAGE);
	(void)!lz_unmap(a, IOVA + 4 * LZ_PAGE, 2 * LZ_PAGE);
	assert_true(look_told(r, 1));
	look_settle(r);
	sim_stats_get(&st);
	assert_int_equal(st.failed_allocs, 0);
	assert_int_equal(look_fence(r, 1), LZ_FENCE_FENCED);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 1), 1);
	lz_detach(r->dev[1].dev);
	assert_int_equal(lz_unmap(a, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	sim_fail_alloc(false);
	rig_drop(r, a);
	rig_drop(r, b);
}

static void no_allocation_on_the_fault_path(void **state)
{
	const char *name;

	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .pasid_bits = 4}, 24, fault_without_memory);
	for (unsigned i = 0; (name = lzm_smmu_regime_name(i)) != NULL; i++) {
		if (!__builtin_strcmp(name, "fail_forever") ||
		    !__builtin_strcmp(name, "sync_never"))
			continue; /* these end with a reset only */
		look_run(&(struct rig_opts){.devs = 2, .pasid_bits = 4, .regime = name}, 4,
			 fault_without_memory);
	}
}

/* ---- masked time ---- */

static lz_ns longest;

static void contained(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct sim_stats st;

	look_map(r, dom, 4, 2);
	rig_silence(r, 1);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 1));
	look_settle(r);
	sim_stats_get(&st);
	if (st.longest_masked > longest)
		longest = st.longest_masked;
	rig_drop(r, dom);
}

/* The same whether the hardware needs a millisecond or a minute and a half. */
static void masked_time_does_not_depend_on_the_timeout(void **state)
{
	lz_ns brief, late;

	(void)state;
	longest = 0;
	look_run(&(struct rig_opts){.devs = 2, .ats_timeout = LZ_MS(1)}, 16, contained);
	brief = longest;
	longest = 0;
	look_run(&(struct rig_opts){.devs = 2, .ats_timeout = LZ_SEC(90)}, 16, contained);
	late = longest;
	assert_true(brief > 0);
	assert_true(late < LZ_US(100) && brief < LZ_US(100));
	assert_true(late < 4 * brief);
}

/* ---- waiting ---- */

static void irq_waits_briefly(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	lz_ns begin, atomic = r->opt.cfg.atomic_wait;

	look_map(r, dom, 12, 2);
	rig_silence(r, 1);
	for (unsigned i = 0; i < 8; i++) {
		begin = sim_now();
		assert_int_equal(rig_unmap_irq(dom, IOVA + i * LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
		assert_true(sim_now() - begin <= atomic + atomic / 2);
		if (!i)
			assert_true(sim_now() - begin >= atomic);
	}
	assert_true(look_told(r, 1));
	look_settle(r);
	rig_drop(r, dom);
}

static void an_unmap_in_irq_waits_atomic_wait(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .ats_timeout = LZ_MS(400)}, 16, irq_waits_briefly);
	look_run(&(struct rig_opts){.devs = 2, .ats_timeout = LZ_MS(400), .cmdq_log2 = 3}, 16,
		 irq_waits_briefly);
	look_run(&(struct rig_opts){.devs = 2,
				    .ats_timeout = LZ_MS(400),
				    .cfg.atomic_wait = LZ_US(20)},
		 16, irq_waits_briefly);
}

static void task_waits_sync_bound(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	lz_ns begin = sim_now(), bound = r->opt.cfg.sync_bound;

	look_map(r, dom, 12, 1);
	rig_silence(r, 0);
	for (unsigned i = 0; i < 3; i++) {
		begin = sim_now();
		assert_int_equal(lz_unmap(dom, IOVA + i * LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
		assert_true(sim_now() - begin <= bound + LZ_MS(1));
	}
	assert_true(look_told(r, 0));
	look_settle(r);
	rig_drop(r, dom);
}

static void an_unmap_in_a_task_waits_sync_bound(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1,
				    .ats_timeout = LZ_SEC(20),
				    .cfg.sync_bound = LZ_MS(50)},
		 16, task_waits_sync_bound);
}

/* ---- an innocent device on a stalled queue ---- */

static void attach_when_stalled(struct rig *r)
{
	struct lz_domain *old = rig_shared(r, 0, 1), *new_ = rig_domain(r);
	lz_ns begin;

	look_map(r, old, 4, 1);
	assert_int_equal(lz_map(new_, IOVA, RIG_MEM + 0x100000, LZ_PAGE, LZ_WRITE), LZ_OK);
	lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_SEC(20));
	begin = sim_now();
	assert_int_equal(lz_attach(r->dev[0].dev, new_), LZ_ETIMEDOUT);
	assert_true(sim_now() - begin <= LZ_SEC(1) + LZ_MS(10));
	assert_ptr_equal(lz_attached(r->dev[0].dev, LZ_NO_PASID), old);
	assert_int_equal(look_entries(new_), 0);
	assert_int_equal(new_->attached, 0);
	assert_true(rig_dma(r, 0, IOVA, true)); /* the old one works */
	assert_int_equal(r->dma_pa, RIG_MEM);
	/* In memory too, not only in what the SMMU has cached. */
	assert_int_equal(look_dev(r, 0)->ste[0][0] >> 1 & 7, 5);
	assert_int_equal(look_dev(r, 0)->cd[1], old->pt.root_phys);
	rig_sleep(LZ_SEC(25));
	assert_int_equal(lz_attach(r->dev[0].dev, new_), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_int_equal(r->dma_pa, RIG_MEM + 0x100000);
	assert_true(r->dma_translated);
	assert_int_equal(rig_health(r, 0).fences, 0);
	rig_drop(r, old);
	rig_drop(r, new_);
}

static void attach_on_a_stalled_queue(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 24, attach_when_stalled);
}

/* The queue stands still because of another device. */
static void detach_when_stalled(struct rig *r)
{
	struct lz_domain *bad = rig_shared(r, 1, 1), *dom = rig_shared(r, 0, 1);
	lz_ns begin;

	look_map(r, dom, 4, 1);
	assert_int_equal(lz_map(bad, IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(bad, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	begin = sim_now();
	lz_detach(r->dev[0].dev);
	assert_true(sim_now() - begin <= LZ_SEC(3));
	assert_null(lz_attached(r->dev[0].dev, LZ_NO_PASID));
	/* Without effect: the domain goes on counting with it. */
	assert_int_equal(look_entries(dom), 1);
	assert_int_equal(dom->attached, 1);
	assert_int_equal(lz_domain_destroy(dom), LZ_IN_CUSTODY);
	rig_sleep(LZ_SEC(1));
	assert_int_equal(r->destroyed, 0);
	assert_true(look_told(r, 1));
	look_settle(r);
	rig_sleep(LZ_SEC(1));
	assert_int_equal(r->destroyed, 1);
	assert_false(rig_dma_cached(r, 0));
	assert_false(rig_dma(r, 0, IOVA, true));
	assert_int_equal(rig_health(r, 0).fences, 0);
	dom = rig_shared(r, 0, 1);
	look_map(r, dom, 1, 1);
	rig_drop(r, dom);
	rig_drop(r, bad);
}

static void detach_on_a_stalled_queue(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .ats_timeout = LZ_SEC(20)}, 24, detach_when_stalled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_allocation_on_the_fault_path),
		cmocka_unit_test(masked_time_does_not_depend_on_the_timeout),
		cmocka_unit_test(an_unmap_in_irq_waits_atomic_wait),
		cmocka_unit_test(an_unmap_in_a_task_waits_sync_bound),
		cmocka_unit_test(attach_on_a_stalled_queue),
		cmocka_unit_test(detach_on_a_stalled_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
