/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register values that cannot be, or that never come: the model works as ever, and
 * the driver reads something else. None is believed, none is waited for without
 * bound, and memory that hardware may still use is not given back.
 */
#include "tests/hazards/driver_look.h"

static struct lz_smmu *drv(struct rig *r)
{
	return lz_smmu_of(r->iommu);
}

/* ---- CONS ---- */

static uint32_t cons;

static uint64_t cons_lie(struct rig *r, uint32_t off, uint64_t v)
{
	(void)r;
	return off == SMMU_CMDQ_CONS ? cons : v;
}

/* With an idle queue each index but one is beyond what was reserved. The shadow
 * must not follow, or room and outcomes are wrong from then on. */
static void cons_runs_away(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct lz_smmu *s = drv(r);
	lz_ns deadline;
	uint64_t tail, limit, sync;

	look_map(r, dom, 8, 1);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	tail = s->cmdq.ring.tail;
	assert_int_equal(lz_smmu_queue_cons(&s->cmdq), tail);
	limit = s->cmdq.ring.limit;
	r->lie = cons_lie;
	for (cons = 0; cons <= s->cmdq.wrap; cons++) {
		assert_int_equal(lz_smmu_queue_cons(&s->cmdq), tail);
		assert_int_equal(s->cmdq.ring.limit, limit);
	}
	r->lie = NULL;

	/* As a read that is aborted gives, with a sync under way. */
	deadline = sim_now() + LZ_SEC(1);
	assert_int_equal(lz_ring_submit(&s->cmdq.ring, NULL, 0, &sync, &deadline), LZ_OK);
	cons = UINT32_MAX;
	r->lie = cons_lie;
	deadline = sim_now() + LZ_US(200);
	assert_int_equal(lz_smmu_queue_wait(&s->cmdq, sync, &deadline), LZ_ETIMEDOUT);
	assert_int_equal(s->cmdq.ring.limit, limit);
	r->lie = NULL;
	deadline = sim_now() + LZ_SEC(1);
	assert_int_equal(lz_smmu_queue_wait(&s->cmdq, sync, &deadline), LZ_OK);
	for (unsigned i = 1; i < 8; i++)
		assert_int_equal(lz_unmap(dom, IOVA + i * LZ_PAGE, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void cons_beyond_the_tail_is_no_progress(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1, .cmdq_log2 = 4}, 16, cons_runs_away);
}

/* ---- an SMMU that does not say that it is off ---- */

static uint64_t never_off(struct rig *r, uint32_t off, uint64_t v)
{
	(void)r;
	return off == SMMU_CR0ACK ? v | SMMU_CR0_SMMUEN : v;
}

static uint64_t never_aborts(struct rig *r, uint32_t off, uint64_t v)
{
	(void)r;
	return off == SMMU_GBPA ? v | SMMU_GBPA_UPDATE : v;
}

static void take_out(struct rig *r)
{
	for (unsigned i = 0; i < r->opt.devs; i++)
		rig_remove(r, i);
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
}

static uint64_t base(struct rig *r, uint32_t off)
{
	return lzm_smmu_read(r->smmu, off, 8) & SMMU_QUEUE_BASE_ADDR;
}

/* What the registers and the first level name is still there; how much it is. */
static unsigned in_use(struct rig *r)
{
	uint64_t strtab = lzm_smmu_read(r->smmu, SMMU_STRTAB_BASE, 8) & SMMU_STRTAB_BASE_ADDR;
	uint32_t cfg = (uint32_t)lzm_smmu_read(r->smmu, SMMU_STRTAB_BASE_CFG, 4);
	unsigned n = 3, l1 = 1u << ((cfg & 63) - (cfg >> 6 & 31));
	uint64_t *first = sim_dma_ptr(strtab, l1 * 8);

	assert_non_null(first);
	assert_non_null(sim_dma_ptr(base(r, SMMU_CMDQ_BASE), 16u << r->opt.cmdq_log2));
	assert_non_null(sim_dma_ptr(base(r, SMMU_EVENTQ_BASE), 32));
	for (unsigned i = 0; i < l1; i++) {
		if (!(first[i] & 31))
			continue;
		assert_non_null(sim_dma_ptr(first[i] & SMMU_STRTAB_BASE_ADDR, 64));
		n++;
	}
	return n;
}

static void removed_but_on(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	lz_ns begin;

	rig_drop(r, dom);
	take_out(r);
	r->lie = r->opt.seed & 1 ? never_off : never_aborts;
	begin = sim_now();
	assert_int_equal(lz_smmuv3_remove(r->iommu), LZ_ETIMEDOUT);
	assert_true(sim_now() - begin <= 2 * r->opt.cfg.sync_bound + LZ_MS(1));
	r->iommu = NULL;
	r->kept = in_use(r);
	assert_true(r->kept >= 5); /* both devices have had a table of their own */
}

static void remove_keeps_what_hardware_may_use(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 16, removed_but_on);
}

/* Stands at what it said when the event queue went on. */
static uint64_t stuck(struct rig *r, uint32_t off, uint64_t v)
{
	if (off == SMMU_CR0ACK && v & SMMU_CR0_EVENTQEN)
		r->test = r;
	return off == SMMU_CR0ACK && r->test ? SMMU_CR0_CMDQEN | SMMU_CR0_EVENTQEN : v;
}

static uint64_t no_atschk(struct rig *r, uint32_t off, uint64_t v)
{
	(void)r;
	return off == SMMU_CR0ACK ? v & ~(uint64_t)SMMU_CR0_ATSCHK : v;
}

static void added_in_vain(struct rig *r)
{
	struct lz_smmuv3_desc desc = {
		.name = "smmu", .mmio = RIG_MMIO, .cmdq_log2 = r->opt.cmdq_log2};
	struct sim_stats before, after;

	take_out(r);
	assert_int_equal(lz_smmuv3_remove(r->iommu), LZ_OK);
	sim_stats_get(&before);

	/* It fails, and switches off: everything is given back. */
	r->lie = no_atschk;
	assert_int_equal(lz_smmuv3_add(r->lz, &desc, &r->iommu), LZ_ETIMEDOUT);
	assert_null(r->iommu);
	sim_stats_get(&after);
	assert_int_equal(after.live_allocs, before.live_allocs);

	r->test = NULL;
	r->lie = stuck;
	assert_int_equal(lz_smmuv3_add(r->lz, &desc, &r->iommu), LZ_ETIMEDOUT);
	assert_null(r->iommu);
	sim_stats_get(&after);
	r->kept = in_use(r);
	assert_int_equal(after.live_allocs, before.live_allocs + r->kept);
}

static void failed_add_keeps_what_hardware_may_use(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 8, added_in_vain);
}

/* ---- stream ids ---- */

#define SID_END (1u << 25)

static enum lz_status try_sid(struct rig *r, uint32_t sid)
{
	struct lz_device_desc desc = {
		.name = "far", .iommu = r->iommu, .streams = &sid, .n_streams = 1};
	struct lz_device *dev = NULL;
	struct lz_group *g;
	enum lz_status st;

	assert_int_equal(lz_group_create(r->lz, 77, &g), LZ_OK);
	st = lz_device_add(g, &desc, &dev);
	if (st == LZ_OK)
		assert_int_equal(lz_device_remove(dev), LZ_OK);
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	assert_int_equal(lz_group_destroy(g), LZ_OK);
	return st;
}

static void far_sids(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	assert_int_equal(lzm_smmu_read(r->smmu, SMMU_STRTAB_BASE_CFG, 4) & 63, 25);
	assert_int_equal(try_sid(r, SID_END - 1), LZ_OK);
	assert_int_equal(try_sid(r, SID_END), LZ_EINVAL);
	assert_int_equal(try_sid(r, SID_END | 0x100), LZ_EINVAL);
	assert_int_equal(try_sid(r, UINT32_MAX), LZ_EINVAL);
	look_map(r, dom, 2, 1);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void all_sids(struct lzm_smmu_config *c)
{
	c->sid_bits = 32;
}

static uint64_t sidsize_63(struct rig *r, uint32_t off, uint64_t v)
{
	(void)r;
	return off == SMMU_IDR1 ? v | 63 : v;
}

static void lie_about_sidsize(struct rig *r)
{
	r->lie = sidsize_63;
}

static void stream_ids_beyond_the_table(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1, .tune = all_sids}, 4, far_sids);
	look_run(&(struct rig_opts){.devs = 1, .tune = all_sids, .prepare = lie_about_sidsize}, 4,
		 far_sids);
}

/* ---- errors without end ---- */

static unsigned acknowledged;

static uint64_t always_in_error(struct rig *r, uint32_t off, uint64_t v)
{
	if (off != SMMU_GERROR || acknowledged > 5000)
		return v;
	return lzm_smmu_read(r->smmu, SMMU_GERRORN, 4) ^ SMMU_GERROR_CMDQ_ERR;
}

static void count_acknowledges(struct rig *r, uint32_t off, bool write, uint64_t v)
{
	(void)r;
	(void)v;
	acknowledged += write && off == SMMU_GERRORN;
}

/* What the model has not raised is taken back behind the driver's back. */
static void be_honest(struct rig *r)
{
	r->lie = NULL;
	r->after_mmio = NULL;
	lzm_smmu_write(r->smmu, SMMU_GERRORN, 4, lzm_smmu_read(r->smmu, SMMU_GERROR, 4));
}

/* Where nothing is contained each error is acknowledged, and the next one is there. */
static void errors_without_end(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	look_map(r, dom, 2, 1);
	(void)lz_poll(r->lz);
	acknowledged = 0;
	r->after_mmio = count_acknowledges;
	r->lie = always_in_error;
	lz_iommu_kick(r->iommu);
	(void)lz_poll(r->lz);
	assert_true(acknowledged > 8); /* it does work on them */
	assert_true(acknowledged < 500);
	be_honest(r);
	rig_start_worker(r);
	look_settle(r);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void a_poll_consumes_so_many_errors(void **state)
{
	struct rig_opts o = {.devs = 1, .no_worker = true, .cfg.contain = LZ_CONTAIN_OFF};

	(void)state;
	look_run(&o, 8, errors_without_end);
}

/* ---- identification without end ---- */

/* From one behind an ATC_INV on each sync fails once, when it is new. */
static struct {
	bool armed, failing;
	uint32_t prod;
	lz_ns until;
} fake;

static void fail_each_sync(struct rig *r, uint32_t off, bool write, uint64_t v)
{
	struct lz_smmu_queue *q = &drv(r)->cmdq;

	if (write && off == SMMU_CMDQ_PROD) {
		fake.prod = (uint32_t)v;
		fake.armed |= lz_smmu_cmd_op(*lz_ring_slot(&q->ring, v - 2)) == SMMU_OP_ATC_INV;
		fake.failing = fake.armed && sim_now() < fake.until;
	}
	if (write && off == SMMU_GERRORN)
		fake.failing = false;
}

static uint64_t sync_failed(struct rig *r, uint32_t off, uint64_t v)
{
	uint32_t at = (fake.prod - 1) & drv(r)->cmdq.wrap;

	if (off == SMMU_GERROR)
		return lzm_smmu_read(r->smmu, SMMU_GERRORN, 4) ^ fake.failing;
	if (off == SMMU_CMDQ_CONS && fake.failing)
		return at | SMMU_CERROR_ATC_INV_SYNC << 24;
	return off == SMMU_CMDQ_CONS ? fake.prod : v;
}

/* Before anybody is probed the queue has to be free of the failure; here the sync
 * that shows this fails too, each time another one. */
static void syncs_fail_without_end(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	lz_ns begin;

	look_map(r, dom, 2, 2);
	(void)lz_poll(r->lz);
	fake.armed = fake.failing = false;
	fake.prod = (uint32_t)lzm_smmu_read(r->smmu, SMMU_CMDQ_PROD, 4);
	fake.until = sim_now() + LZ_MS(100);
	r->after_mmio = fail_each_sync;
	r->lie = sync_failed;
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(look_fence(r, 0), LZ_FENCE_SUSPECT);
	assert_int_equal(look_fence(r, 1), LZ_FENCE_SUSPECT);
	begin = sim_now();
	(void)lz_poll(r->lz);
	assert_true(sim_now() - begin >= r->opt.cfg.sync_bound); /* it does work on them */
	assert_true(sim_now() - begin <= 8 * r->opt.cfg.sync_bound);
	be_honest(r);
	rig_start_worker(r);
	look_settle(r);
	rig_drop(r, dom);
}

static void a_poll_identifies_for_so_long(void **state)
{
	struct rig_opts o = {.devs = 2, .no_worker = true, .cfg.sync_bound = LZ_MS(2)};

	(void)state;
	look_run(&o, 8, syncs_fail_without_end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cons_beyond_the_tail_is_no_progress),
		cmocka_unit_test(remove_keeps_what_hardware_may_use),
		cmocka_unit_test(failed_add_keeps_what_hardware_may_use),
		cmocka_unit_test(stream_ids_beyond_the_table),
		cmocka_unit_test(a_poll_consumes_so_many_errors),
		cmocka_unit_test(a_poll_identifies_for_so_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
