/* SPDX-License-Identifier: BSD-2-Clause */
/* Command queue: what goes into a batch, in which order, and what not. */
#include "tests/hazards/queue.h"

/* What the driver publishes, seen at its store to PROD. */
struct published {
	unsigned atc_batches, atc_invs;
	bool tlbi_open;	    /* a TLBI without a sync yet */
	uint64_t tlbi_sync; /* position of the sync after the last one, + 1 */
};

static bool is_tlbi(unsigned op)
{
	return op == SMMU_OP_TLBI_NH_ALL || op == SMMU_OP_TLBI_NH_ASID ||
	       op == SMMU_OP_TLBI_NH_VA || op == SMMU_OP_TLBI_NSNH_ALL;
}

/* H40: the last command of what carries ATC_INV is a sync. H95: the sync of
 * every TLBI before it has been consumed. */
static void watch_prod(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	struct lz_smmu_queue *q = queue(r);
	struct published *t = r->test;
	uint32_t n = ((uint32_t)value - (uint32_t)q->ring.published) & (2 * q->ring.size - 1);
	bool atc = false;
	unsigned op = 0;

	if (!write || off != SMMU_CMDQ_PROD)
		return;
	for (uint64_t p = q->ring.published; p < q->ring.published + n; p++) {
		op = lz_smmu_cmd_op(*lz_ring_slot(&q->ring, p));
		if (is_tlbi(op))
			t->tlbi_open = true;
		if (op == SMMU_OP_SYNC && t->tlbi_open) {
			t->tlbi_open = false;
			t->tlbi_sync = p + 1;
		}
		if (op != SMMU_OP_ATC_INV)
			continue;
		assert_false(t->tlbi_open);
		assert_true(hardware_cons(r) >= t->tlbi_sync);
		t->atc_invs++;
		atc = true;
	}
	if (atc) {
		assert_int_equal(op, SMMU_OP_SYNC);
		t->atc_batches++;
	}
}

/* Eight entries, two of them the guard: two ATC_INVs make a full batch. */
static const struct rig_opts two_a_batch = {.devs = 4, .streams = 2, .cmdq_log2 = 3};

/* ---- H40 ---- */

static void full_batches_are_synced(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 4);
	struct published t = {0};

	warm(r, dom, IOVA, 4);
	warm(r, dom, IOVA + LZ_PAGE, 4);
	r->test = &t;
	r->on_mmio = watch_prod;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(t.atc_invs, 8);
	assert_int_equal(t.atc_batches, 4);
	rig_silence(r, 0); /* in the first one */
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, NULL);
	r->on_mmio = NULL;
	assert_int_equal(rig_health(r, 0).evidence, LZ_EVIDENCE_NAMED);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, -1), 1);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	rig_drop(r, dom);
}

static void h40_every_full_batch_has_its_own_sync(void **state)
{
	(void)state;
	rig_run_seeds(&two_a_batch, 6, full_batches_are_synced);
}

/* ---- H41 ---- */

static void first_of_four_fails(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 4);
	unsigned which = r->opt.seed % 4;

	warm(r, dom, IOVA, 4);
	lzm_ep_fault(r->dev[which].ep, LZM_EP_ATC_SILENT, 0, 0);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, NULL);
	assert_int_equal(r->released, LZ_PAGE);
	rig_drop(r, dom);
}

static void refused_in_any_piece(struct rig *r)
{
	struct lz_command cmd[12];

	for (unsigned bad = 0; bad < 12; bad++) {
		lz_ns deadline = 0;

		for (unsigned i = 0; i < 12; i++)
			cmd[i] = i == bad ? illegal() : lz_smmu_cmd_harmless();
		assert_int_equal(lz_smmu_queue_run(queue(r), cmd, 12, &deadline), LZ_EFAULT);
	}
	finish(r, NULL);
}

static void h41_error_of_an_early_batch_reaches_the_top(void **state)
{
	(void)state;
	rig_run_seeds(&two_a_batch, 8, first_of_four_fails);
	rig_run_seeds(&two_a_batch, 4, refused_in_any_piece);
}

/* ---- H55 ---- */

static void skipped_at_the_boundary(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 4);
	unsigned fenced = r->opt.seed % 4, before[RIG_DEVS];

	warm(r, dom, IOVA, 4);
	lz_device_report_broken(r->dev[fenced].dev);
	assert_true(rig_until(r, rig_idle, LZ_SEC(1)));
	assert_int_equal(rig_health(r, fenced).fence, LZ_FENCE_FENCED);
	for (unsigned i = 0; i < 4; i++)
		before[i] = r->atc_invs[i];
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(r->atc_invs[i] - before[i], i == fenced ? 0 : r->opt.streams);
		assert_false(rig_dma_cached(r, i));
		assert_false(rig_dma(r, i, IOVA, true));
	}
	rig_drop(r, dom);
}

static void h55_skipping_a_device_skips_nothing_else(void **state)
{
	struct rig_opts o = two_a_batch;

	(void)state;
	rig_run_seeds(&o, 8, skipped_at_the_boundary);
	o.streams = 1; /* the skipped one shares its batch */
	rig_run_seeds(&o, 8, skipped_at_the_boundary);
}

/* ---- H65 ---- */

/* ATC_INVs of both devices with no sync behind them: whoever syncs next fails. */
static void leave_unsynced(struct rig *r)
{
	unsigned long flags;
	uint64_t pos;

	assert_int_equal(lz_ring_reserve(&queue(r)->ring, 2, &pos, &flags), LZ_OK);
	lz_ring_write(&queue(r)->ring, pos, atc_of(r, 0));
	lz_ring_write(&queue(r)->ring, pos + 1, atc_of(r, 1));
	lz_ring_publish(&queue(r)->ring, pos, 2, flags);
}

static void fence_behind_a_failing_sync(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct published t = {0};

	rig_silence(r, 0);
	rig_silence(r, 1);
	leave_unsynced(r);
	r->test = &t;
	r->on_mmio = watch_prod;
	assert_int_equal(lz_fence(r->dev[1].dev, 0, LZ_EVIDENCE_PROBED), LZ_OK);
	r->on_mmio = NULL;
	assert_int_equal(t.atc_invs, 0);
	assert_int_equal(rig_count(r, LZ_EV_PROBE, -1), 0);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, -1), 1);
	assert_int_equal(rig_count(r, LZ_EV_FENCED, 1), 1);
	assert_int_equal(rig_health(r, 0).fence, LZ_FENCE_SUSPECT);
	finish(r, dom);
}

static void fails_thrice(struct lzm_smmu_config *c)
{
	c->knobs.resync = LZM_RESYNC_FAILS_N;
	c->knobs.resync_fails = 3;
}

static void h65_fence_does_not_enter_identification(void **state)
{
	struct rig_opts o = {.devs = 2, .no_worker = true};

	(void)state;
	rig_run_seeds(&o, 6, fence_behind_a_failing_sync);
	o.tune = fails_thrice;
	rig_run_seeds(&o, 6, fence_behind_a_failing_sync);
}

/* ---- H85 ---- */

static void hold_then_skip(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	unsigned suspect = r->opt.seed % 2, before;

	warm(r, dom, IOVA, 2);
	warm(r, dom, IOVA + LZ_PAGE, 2);
	lz_device_report_broken(r->dev[suspect].dev);
	assert_int_equal(rig_health(r, suspect).fence, LZ_FENCE_SUSPECT);
	before = r->atc_invs[suspect];
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(r->atc_invs[suspect], before);
	assert_int_equal(r->released, 0);
	finish(r, NULL);
	assert_int_equal(rig_health(r, suspect).fence, LZ_FENCE_FENCED);
	assert_int_equal(r->released, LZ_PAGE);
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	assert_int_equal(r->atc_invs[suspect], before);
	assert_true(r->atc_invs[!suspect]);
	assert_false(rig_dma_cached(r, 0));
	assert_false(rig_dma_cached(r, 1));
	rig_drop(r, dom);
}

static void h85_suspect_is_held_and_fenced_is_skipped(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2, .no_worker = true}, 8, hold_then_skip);
}

/* ---- H95 ---- */

static void unmaps_watched(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct published t = {0};

	r->test = &t;
	r->on_mmio = watch_prod;
	for (unsigned i = 0; i < 6; i++) {
		lz_iova iova = IOVA + 64 * i * LZ_PAGE;
		size_t size = LZ_PAGE << i; /* one by one, or as a range */

		assert_int_equal(lz_map(dom, iova, RIG_MEM, size, LZ_READ | LZ_WRITE), LZ_OK);
		assert_true(rig_dma(r, 0, iova, true));
		assert_int_equal(i & 1 ? rig_unmap_irq(dom, iova, size) : lz_unmap(dom, iova, size),
				 LZ_OK);
		assert_false(rig_dma(r, 0, iova, true));
	}
	assert_int_equal(t.atc_invs, 12);
	r->on_mmio = NULL;
	rig_drop(r, dom);
}

static void h95_tlbi_sync_is_seen_before_atc_inv_is_queued(void **state)
{
	struct rig_opts o = {.devs = 2};

	(void)state;
	rig_run_seeds(&o, 8, unmaps_watched);
	o.cmdq_log2 = 3;
	rig_run_seeds(&o, 8, unmaps_watched);
	o.cmdq_log2 = 6;
	o.regime = "cons_jumps";
	rig_run_seeds(&o, 8, unmaps_watched);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h40_every_full_batch_has_its_own_sync),
		cmocka_unit_test(h41_error_of_an_early_batch_reaches_the_top),
		cmocka_unit_test(h55_skipping_a_device_skips_nothing_else),
		cmocka_unit_test(h65_fence_does_not_enter_identification),
		cmocka_unit_test(h85_suspect_is_held_and_fenced_is_skipped),
		cmocka_unit_test(h95_tlbi_sync_is_seen_before_atc_inv_is_queued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
