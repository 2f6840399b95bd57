/* SPDX-License-Identifier: BSD-2-Clause */
/* The fence: its mark, its order, its effect, and evidence that is too old. */
#include "tests/hazards/driver_look.h"

#include <string.h>

#define PAGES 12u

/* ---- memory that was given back is out of reach ---- */

struct reuse {
	struct lz_domain *dom;
	bool free[PAGES];
	bool done;
};

/* Every DMA through a cached translation must miss the pages given back. */
static void try_cached(struct rig *r, const struct reuse *u)
{
	for (unsigned i = 0; i < 6; i++)
		if (rig_dma_cached(r, 1))
			assert_false(u->free[(r->dma_pa - RIG_MEM) / LZ_PAGE]);
}

static void inv_task(void *arg)
{
	struct rig *r = arg;
	struct reuse *u = r->test;

	for (unsigned i = 1; i < PAGES; i++) {
		u->free[i] = lz_unmap(u->dom, IOVA + i * LZ_PAGE, LZ_PAGE) == LZ_OK;
		try_cached(r, u);
	}
	u->done = true;
}

static void unmaps_beside_fence(struct rig *r)
{
	struct reuse u = {.dom = rig_shared(r, 0, 2)};

	r->test = &u;
	look_map(r, u.dom, PAGES, 2);
	rig_silence(r, 1);
	rig_watch(r, look_at_fences);
	sim_task("inv", 3, inv_task, r);
	assert_int_equal(rig_unmap_irq(u.dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	while (!u.done) {
		try_cached(r, &u);
		rig_sleep(LZ_US(50));
	}
	look_settle(r);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 1), 1);
	memset(u.free, true, sizeof(u.free));
	try_cached(r, &u);
	rig_drop(r, u.dom);
}

static void h43_broken_mark_only_after_fence(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 64, unmaps_beside_fence);
}

/* ---- evidence of before a reset ---- */

static volatile bool hold_cpu1;

static bool let_go(void *arg)
{
	(void)arg;
	return !hold_cpu1;
}

/* Keeps the worker's CPU busy, so that the engine stands where it is. */
static void hold_irq(void *arg)
{
	(void)arg;
	(void)lz_await(let_go, NULL, sim_now() + LZ_SEC(1));
}

static void hold_at_probe(struct rig *r, const struct rig_event *e)
{
	if (e->ev.kind == LZ_EV_PROBE && e->device == 1 && !hold_cpu1 && r->test) {
		hold_cpu1 = true;
		sim_irq_raise(*(unsigned *)r->test, 0);
	}
}

static bool held(struct rig *r)
{
	(void)r;
	return hold_cpu1;
}

/* The device is reset while the engine waits for its probe: the probe of the
 * old generation fails, and says nothing about the new one. */
static void reset_before_fence(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	unsigned line = sim_irq_line("hold", 1, hold_irq, NULL);

	hold_cpu1 = false;
	look_map(r, dom, 2, 2);
	rig_silence(r, 1);
	r->test = &line;
	r->on_event = hold_at_probe;
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, held, LZ_SEC(5)));
	r->test = NULL;
	assert_int_equal(lz_reset_prepare(r->dev[1].dev), LZ_OK);
	lzm_ep_fault(r->dev[1].ep, LZM_EP_SOUND, 0, 0);
	lzm_ep_bus_reset(r->dev[1].ep);
	rig_sleep(LZ_MS(2));
	lzm_ep_cfg_write(r->dev[1].ep, 4, 2, 0x0006);
	assert_int_equal(lz_reset_done(r->dev[1].dev, LZ_RESET_OK), LZ_OK);
	assert_int_equal(look_fence(r, 1), LZ_FENCE_OPEN);
	hold_cpu1 = false;
	look_settle(r);
	assert_string_equal(rig_health(r, 1).state, "healthy");
	assert_int_equal(look_fence(r, 1), LZ_FENCE_OPEN);
	assert_int_equal(r->dev[1].told, 0);
	assert_true(rig_dma(r, 1, IOVA + LZ_PAGE, true));
	rig_drop(r, dom);
}

static void h47_old_evidence_does_not_fence(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 32, reset_before_fence);
}

/* ---- an invalidation on top of the holder of the fence lock ---- */

struct on_top {
	struct lz_domain *dom;
	unsigned line, at, raised;
};

static unsigned on_lock;

static void unmap_irq(void *arg)
{
	struct on_top *t = ((struct rig *)arg)->test;

	if (t->at < PAGES)
		(void)!lz_unmap(t->dom, IOVA + t->at++ * LZ_PAGE, LZ_PAGE);
}

static void raise_on_lock(struct rig *r)
{
	struct on_top *t = r->test;

	if (r->dev[0].dev && r->dev[0].dev->fence_lock.owner && t->raised < PAGES) {
		t->raised++;
		sim_irq_raise(t->line, 0);
	}
}

static void irq_on_fence_lock(struct rig *r)
{
	struct on_top t = {.dom = rig_shared(r, 0, 1), .at = 1};

	t.line = sim_irq_line("unmap", 1, unmap_irq, r);
	r->test = &t;
	look_map(r, t.dom, PAGES, 1);
	rig_silence(r, 0);
	rig_watch(r, raise_on_lock);
	assert_int_equal(rig_unmap_irq(t.dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 0));
	look_settle(r);
	on_lock += t.raised;
	t.raised = PAGES;
	rig_drop(r, t.dom);
}

static void h48_unmap_on_top_of_the_fence(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 48, irq_on_fence_lock);
	assert_true(on_lock > 20);
}

/* ---- every stream ---- */

static void fence_all_streams(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct lzm_translation t;

	look_map(r, dom, 2, 1);
	for (unsigned k = 0; k < r->opt.streams; k++) { /* so that every STE is cached */
		assert_int_equal(lzm_smmu_translate(r->smmu, r->dev[0].sid + k, false, 0, IOVA, &t),
				 LZM_OK);
		assert_true(look_passes(r, r->dev[0].sid + k));
	}
	rig_silence(r, 0);
	rig_watch(r, look_at_fences);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 0));
	for (unsigned k = 0; k < r->opt.streams; k++)
		assert_false(look_passes(r, r->dev[0].sid + k));
	look_settle(r);
	rig_drop(r, dom);
}

static void h49_all_stream_ids_fenced(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1, .streams = 5}, 32, fence_all_streams);
}

/* ---- a fence without effect ---- */

static void fence_in_stalled_queue(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 3, 2);
	rig_watch(r, look_at_fences);
	lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_SEC(5));
	lz_device_report_broken(r->dev[1].dev);
	rig_sleep(LZ_SEC(2));
	/* Reported, blocked in the core, but nobody pretends that it is fenced. */
	assert_int_equal(look_fence(r, 1), LZ_FENCE_FENCING);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 1), 0);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(r->released, 0);
	assert_true(rig_dma_cached(r, 1)); /* it can still */
	rig_sleep(LZ_SEC(4));
	look_settle(r);
	assert_int_equal(look_fence(r, 1), LZ_FENCE_FENCED);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 1), 1);
	assert_int_equal(r->released, LZ_PAGE);
	assert_false(rig_dma_cached(r, 1));
	rig_drop(r, dom);
}

static void h52_no_mark_when_the_fence_fails(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 24, fence_in_stalled_queue);
}

/* ---- ATSCHK is off ---- */

#define CR0	   0x20u
#define CR0_ATSCHK 0x10u

static bool is_fencing(struct rig *r)
{
	return look_fence(r, 0) == LZ_FENCE_FENCING;
}

static bool is_fenced(struct rig *r)
{
	return look_fence(r, 0) == LZ_FENCE_FENCED;
}

/* Somebody else has switched ATSCHK off: translated traffic passes whatever EATS
 * is, so no fence counts and nothing is given back, until it is on again. */
static void fence_without_atschk(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint32_t cr0 = (uint32_t)lzm_smmu_read(r->smmu, CR0, 4);

	look_map(r, dom, 2, 1);
	rig_silence(r, 0);
	lzm_smmu_write(r->smmu, CR0, 4, cr0 & ~CR0_ATSCHK);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, is_fencing, LZ_SEC(5)));
	rig_sleep(LZ_SEC(2));
	assert_true(is_fencing(r));
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 0), 0);
	assert_int_equal(r->released, 0);
	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_EBUSY);
	/* Blocked it is, as far as that goes, and its owner may reset it. */
	assert_true(rig_health(r, 0).block & LZ_BLOCK_BROKEN);
	assert_int_equal(r->dev[0].told, 1);

	lzm_smmu_write(r->smmu, CR0, 4, cr0);
	assert_true(rig_until(r, is_fenced, LZ_SEC(1)));
	look_settle(r);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 0), 1);
	assert_int_equal(r->released, LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	rig_drop(r, dom);
}

static void h75_no_fence_without_atschk(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 16, fence_without_atschk);
}

/* Also one that an operator asks for is not said to be in effect. */
static void block_without_atschk(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint32_t cr0 = (uint32_t)lzm_smmu_read(r->smmu, CR0, 4);

	lzm_smmu_write(r->smmu, CR0, 4, cr0 & ~CR0_ATSCHK);
	rig_sleep(LZ_MS(1));
	assert_int_equal(lz_device_block(r->dev[0].dev), LZ_ETIMEDOUT);
	assert_true(is_fencing(r));
	lzm_smmu_write(r->smmu, CR0, 4, cr0);
	assert_true(rig_until(r, is_fenced, LZ_SEC(1)));
	assert_int_equal(lz_device_block(r->dev[0].dev), LZ_OK);
	/* Nor is one that was in effect once said to be so still. */
	lzm_smmu_write(r->smmu, CR0, 4, cr0 & ~CR0_ATSCHK);
	rig_sleep(LZ_MS(1));
	assert_int_equal(lz_device_block(r->dev[0].dev), LZ_ETIMEDOUT);
	lzm_smmu_write(r->smmu, CR0, 4, cr0);
	rig_sleep(LZ_MS(1));
	assert_int_equal(lz_device_block(r->dev[0].dev), LZ_OK);
	rig_drop(r, dom);
}

static void h75_no_block_without_atschk(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 8, block_without_atschk);
}

/* ---- records of a quarantined device ---- */

static void flood(struct rig *r)
{
	for (unsigned i = 0; i < 20; i++) {
		assert_false(rig_dma(r, 0, IOVA + i * LZ_PAGE, i & 1));
		(void)rig_dma_cached(r, 0);
	}
}

static void quarantined_is_silent(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint64_t before;

	look_map(r, dom, 2, 1);
	assert_false(rig_dma(r, 0, IOVA + 9 * LZ_PAGE, true));
	rig_silence(r, 0);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 0));
	look_settle(r);
	before = rig_model_stats(r).events;
	flood(r);
	assert_int_equal(rig_model_stats(r).events, before);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	/* Restored: a fault without ATS is recorded again. */
	lzm_ep_cfg_write(r->dev[0].ep, 0x106, 2, 0);
	assert_false(rig_dma(r, 0, IOVA + 9 * LZ_PAGE, true));
	assert_int_equal(rig_model_stats(r).events, before + 1);
	lzm_ep_cfg_write(r->dev[0].ep, 0x106, 2, 0x8000);
	rig_drop(r, dom);
}

static void h89_quarantined_device_leaves_no_records(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 8, quarantined_is_silent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h43_broken_mark_only_after_fence),
		cmocka_unit_test(h47_old_evidence_does_not_fence),
		cmocka_unit_test(h48_unmap_on_top_of_the_fence),
		cmocka_unit_test(h49_all_stream_ids_fenced),
		cmocka_unit_test(h52_no_mark_when_the_fence_fails),
		cmocka_unit_test(h75_no_fence_without_atschk),
		cmocka_unit_test(h75_no_block_without_atschk),
		cmocka_unit_test(h89_quarantined_device_leaves_no_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
