/* SPDX-License-Identifier: BSD-2-Clause */
/* Command queue: who consumes an error, and that waiting always ends. */
#include "tests/hazards/queue.h"

static uint64_t errors_consumed(struct rig *r)
{
	struct lz_stats st;

	lz_stats_get(r->lz, &st);
	return st.cmdq_errors;
}

/* ---- H35 ---- */

struct unmap_job {
	struct rig *r;
	uint64_t sync;
	enum lz_status st;
};

static void wait_in_irq(void *arg)
{
	struct unmap_job *j = arg;

	j->st = wait_sync(j->r, j->sync, LZ_US(100));
}

static void interrupt_does_not_come(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct unmap_job j = {r, 0, LZ_OK};

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	r->irq_off = true;
	j.sync = send_atc(r, 0);
	sim_in_irq(wait_in_irq, &j);
	assert_int_equal(j.st, LZ_EIO);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 0), 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	finish(r, dom);
}

static void h35_issuer_drains_by_itself(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.no_worker = true, .ats_timeout = LZ_US(20)}, 6,
		      interrupt_does_not_come);
}

/* ---- H36 ---- */

static void submit_in_irq(void *arg)
{
	struct unmap_job *j = arg;
	lz_ns deadline = sim_now() + LZ_US(100);

	j->st = lz_ring_submit(&drv(j->r)->cmdq.ring, NULL, 0, &j->sync, &deadline);
}

static void fill(struct rig *r)
{
	struct lz_smmu *s = drv(r);
	unsigned long flags;
	uint64_t pos;

	while (lz_ring_reserve(&s->cmdq.ring, 1, &pos, &flags) == LZ_OK) {
		lz_ring_write(&s->cmdq.ring, pos, lz_smmu_cmd_sync());
		lz_ring_publish(&s->cmdq.ring, pos, 1, flags);
	}
}

static void full_behind_an_error(struct rig *r)
{
	struct unmap_job j = {r, 0, LZ_EINVAL};
	uint64_t bad;

	r->irq_off = true;
	bad = send_illegal(r);
	rig_sleep(LZ_US(10));
	assert_true(active_errors(r) & SMMU_GERROR_CMDQ_ERR);
	fill(r);
	sim_in_irq(submit_in_irq, &j);
	assert_int_equal(j.st, LZ_OK);
	assert_int_equal(wait_sync(r, j.sync, LZ_MS(1)), LZ_OK);
	assert_int_equal(lz_smmu_queue_look(queue(r), bad), LZ_EFAULT);
	finish(r, NULL);
}

static void h36_full_queue_is_drained_before_waiting(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.no_worker = true, .cmdq_log2 = 3}, 6,
		      full_behind_an_error);
}

/* ---- H37 ---- */

struct drainer {
	struct rig *r;
	unsigned consumed;
	bool stop, done;
};

static void drainer_task(void *arg)
{
	struct drainer *d = arg;

	while (!d->stop) {
		d->consumed += lz_smmu_drain(&drv(d->r)->cmdq);
		rig_sleep(50);
	}
	d->done = true;
}

/* Whoever has looked is slow to act on it. */
static void slow_after_look(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	(void)r;
	(void)value;
	for (unsigned i = 0; !write && off == SMMU_GERRORN && i < 100; i++)
		lz_cpu_relax();
}

static void two_drainers(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct drainer d[2] = {{.r = r}, {.r = r}};
	unsigned before = r->atc_invs[0];

	r->irq_off = true;
	r->after_mmio = slow_after_look;
	sim_task("drain2", 2, drainer_task, &d[0]);
	sim_task("drain3", 3, drainer_task, &d[1]);
	for (unsigned i = 0; i < 8; i++) {
		uint64_t bad = send_illegal(r), good = send_atc(r, 0);

		while (lz_smmu_queue_look(queue(r), good) == LZ_EBUSY)
			rig_sleep(LZ_US(1));
		assert_int_equal(lz_smmu_queue_look(queue(r), bad), LZ_EFAULT);
		assert_int_equal(lz_smmu_queue_look(queue(r), good), LZ_OK);
	}
	d[0].stop = d[1].stop = true;
	while (!d[0].done || !d[1].done)
		rig_sleep(LZ_US(1));
	r->after_mmio = NULL;
	assert_int_equal(d[0].consumed + d[1].consumed, 8);
	assert_int_equal(errors_consumed(r), rig_model_stats(r).cmdq_errors);
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
	assert_int_equal(r->atc_invs[0] - before, 8);
	finish(r, dom);
}

static void h37_each_error_is_consumed_once(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.no_worker = true}, 12, two_drainers);
}

/* ---- H38 ---- */

static void another_error_beside_it(struct rig *r)
{
	r->irq_off = true;
	(void)send_illegal(r);
	rig_sleep(LZ_US(10));
	lzm_smmu_inject_sfm(r->smmu);
	rig_sleep(LZ_US(10));
	assert_int_equal(active_errors(r), SMMU_GERROR_CMDQ_ERR | SMMU_GERROR_SFM_ERR);
	assert_true(lz_smmu_drain(queue(r)));
	assert_int_equal(active_errors(r), SMMU_GERROR_SFM_ERR);
	assert_true(lz_smmuv3_gerror_irq(r->iommu));
	finish(r, NULL);
	assert_int_equal(rig_count(r, LZ_EV_SERVICE_FAILURE, -1), 1);
}

static void h38_only_the_handled_bit_is_acknowledged(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.no_worker = true}, 4, another_error_beside_it);
}

/* ---- H39 ---- */

static void shutdown_context(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	(void)value;
	if (!write || off != SMMU_CR0)
		return;
	(*(unsigned *)r->test)++;
	assert_false(lz_in_atomic());
	assert_false(lz_spin_held(&drv(r)->err_lock));
}

static void service_failure(struct rig *r)
{
	unsigned writes = 0;

	r->test = &writes;
	r->on_mmio = shutdown_context;
	lzm_smmu_inject_sfm(r->smmu);
	rig_sleep(LZ_MS(5));
	assert_int_equal(writes, 1);
	assert_int_equal(rig_count(r, LZ_EV_SERVICE_FAILURE, -1), 1);
	r->on_mmio = NULL;
}

static void h39_service_failure_shuts_down_in_task_context(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 1}, 6, service_failure);
}

/* ---- H79 ---- */

static void activates(struct lzm_smmu_config *c)
{
	c->knobs.gerrorn_activates = true;
}

static void handler_finds_nothing(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	uint64_t sync;

	for (unsigned i = 0; i < 3; i++) {
		assert_false(lz_smmuv3_gerror_irq(r->iommu));
		assert_false(lz_smmu_drain(queue(r)));
		assert_int_equal(active_errors(r), 0);
	}
	r->irq_delay = LZ_MS(2);
	lzm_ep_fault(r->dev[0].ep, LZM_EP_ATC_SILENT_N, 1, 0);
	sync = send_atc(r, 0);
	assert_int_equal(wait_sync(r, sync, LZ_MS(10)), LZ_EIO);
	rig_sleep(LZ_MS(5)); /* the interrupt comes when all is done */
	assert_int_equal(active_errors(r), 0);
	assert_int_equal(errors_consumed(r), 1);
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
	finish(r, dom);
}

static void h79_inactive_bits_are_not_toggled(void **state)
{
	struct rig_opts o = {.no_worker = true, .tune = activates};

	(void)state;
	rig_run_seeds(&o, 6, handler_finds_nothing);
	rig_run_seeds(&o, 6, two_drainers);
}

/* ---- H80 ---- */

static void scrambles(struct lzm_smmu_config *c)
{
	c->knobs.scramble_err = true;
}

static void garbage_after_acknowledge(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	unsigned garbage = 0;

	for (unsigned i = 0; i < 8; i++) {
		uint64_t bad = send_illegal(r);

		assert_int_equal(wait_sync(r, bad, LZ_MS(1)), LZ_EFAULT);
		for (unsigned k = 0; k < 4; k++) {
			garbage += SMMU_GET(SMMU_CMDQ_CONS_ERR, peek(r, SMMU_CMDQ_CONS)) != 0;
			(void)lz_smmuv3_gerror_irq(r->iommu);
			assert_int_equal(wait_sync(r, send_atc(r, 0), LZ_MS(1)), LZ_OK);
		}
	}
	assert_true(garbage);
	assert_int_equal(errors_consumed(r), 8);
	assert_int_equal(rig_model_stats(r).cmdq_errors, 8);
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
	finish(r, dom);
}

static void h80_error_code_counts_only_while_active(void **state)
{
	struct rig_opts o = {.no_worker = true, .tune = scrambles};

	(void)state;
	rig_run_seeds(&o, 6, garbage_after_acknowledge);
}

/* ---- H82 ---- */

static void waits_unmasked(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct sim_stats st;

	warm(r, dom, IOVA, 1);
	lzm_ep_fault(r->dev[0].ep, LZM_EP_ATC_SLOW, 0, LZ_US(500));
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	sim_stats_get(&st);
	assert_true(st.longest_masked < LZ_US(100));
	lzm_ep_fault(r->dev[0].ep, LZM_EP_SOUND, 0, 0);
	rig_drop(r, dom);
}

/* Nobody has looked at CONS since these were sent; a handler on this CPU that
 * needs room cannot wait for anybody. */
static void room_from_the_hardware(struct rig *r)
{
	struct unmap_job j = {r, 0, LZ_EINVAL};

	for (unsigned lap = 0; lap < 4; lap++) {
		lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_US(50));
		fill(r);
		rig_sleep(LZ_US(100));
		assert_true(drained(r));
		sim_in_irq(submit_in_irq, &j);
		assert_int_equal(j.st, LZ_OK);
	}
	finish(r, NULL);
}

static void h82_masked_from_reservation_to_publication_only(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 1}, 6, waits_unmasked);
	rig_run_seeds(&(struct rig_opts){.no_worker = true, .cmdq_log2 = 3}, 6,
		      room_from_the_hardware);
}

/* ---- H90 ---- */

struct h90 {
	struct rig *r;
	struct lz_domain *dom;
	enum lz_status unmapped, room;
	unsigned done;
};

static void unmapper(void *arg)
{
	struct h90 *t = arg;

	t->unmapped = lz_unmap(t->dom, IOVA, LZ_PAGE);
	t->done++;
}

static void room_waiter(void *arg)
{
	struct h90 *t = arg;
	lz_ns deadline = 0;
	uint64_t sync;

	rig_sleep(LZ_US(50));
	do
		t->room = lz_ring_submit(&drv(t->r)->cmdq.ring, NULL, 0, &sync, &deadline);
	while (t->room == LZ_OK);
	t->done++;
}

static void waiters_at_service_failure(struct rig *r)
{
	struct h90 t = {r, rig_shared(r, 0, 1), LZ_EINVAL, LZ_EINVAL, 0};
	lz_ns began;

	warm(r, t.dom, IOVA, 1);
	warm(r, t.dom, IOVA + LZ_PAGE, 1);
	rig_silence(r, 0);
	assert_int_equal(rig_unmap_irq(t.dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	sim_task("unmap", 3, unmapper, &t);
	sim_task("room", 2, room_waiter, &t);
	rig_sleep(LZ_MS(1));
	assert_int_equal(t.done, 0);
	began = sim_now();
	lzm_smmu_inject_sfm(r->smmu);
	while (t.done < 2)
		rig_sleep(LZ_US(10));
	assert_true(sim_now() - began < r->opt.cfg.sync_bound / 10);
	assert_true(t.unmapped == LZ_OK || t.unmapped == LZ_IN_CUSTODY);
	assert_int_equal(t.room, LZ_ENODEV);
	assert_true(rig_until(r, rig_idle, LZ_SEC(1)));
	assert_int_equal(r->released, t.unmapped == LZ_OK ? LZ_PAGE : 2 * LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_count(r, LZ_EV_SERVICE_FAILURE, -1), 1);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, -1), 0);
	rig_drop(r, t.dom);
}

static void h90_service_failure_frees_waiters_and_custody(void **state)
{
	struct rig_opts o = {.cmdq_log2 = 3, .ats_timeout = LZ_SEC(10)};

	(void)state;
	rig_run_seeds(&o, 8, waiters_at_service_failure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h35_issuer_drains_by_itself),
		cmocka_unit_test(h36_full_queue_is_drained_before_waiting),
		cmocka_unit_test(h37_each_error_is_consumed_once),
		cmocka_unit_test(h38_only_the_handled_bit_is_acknowledged),
		cmocka_unit_test(h39_service_failure_shuts_down_in_task_context),
		cmocka_unit_test(h79_inactive_bits_are_not_toggled),
		cmocka_unit_test(h80_error_code_counts_only_while_active),
		cmocka_unit_test(h82_masked_from_reservation_to_publication_only),
		cmocka_unit_test(h90_service_failure_frees_waiters_and_custody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
