/* SPDX-License-Identifier: BSD-2-Clause */
/* Interleavings that went wrong once; each test names them. */
#include "tests/hazards/queue.h"

/* ---- H43: the work's retry meets a fence that has only just begun ---- */

static bool resetting;

static void retry_task(void *arg)
{
	while (resetting)
		lz_fence_retry(arg);
}

static void fenced_without_eats(struct rig *r, const struct rig_event *e)
{
	bool now, uncached;

	if (e->ev.kind != LZ_EV_FENCED || e->device < 0)
		return;
	lzm_smmu_eats_effective(r->smmu, r->dev[e->device].sid, &now, &uncached);
	assert_false(now);
}

static void fence_that_begins(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	warm(r, dom, IOVA, 1);
	r->on_event = fenced_without_eats;
	resetting = true;
	sim_task("retry", 1, retry_task, r->iommu);
	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	resetting = false;
	assert_int_equal(lz_reset_done(r->dev[0].dev, LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	r->on_event = NULL;
	rig_start_worker(r);
	rig_drop(r, dom);
}

static void h43_retry_leaves_a_fence_that_begins(void **state)
{
	struct rig_opts o = {.no_worker = true};

	(void)state;
	rig_run_seeds(&o, 60, fence_that_begins);
}

/* ---- H47: accused again while the verdict of an old accusation is out ---- */

static void accused_twice(struct rig *r)
{
	lz_device_report_broken(r->dev[0].dev);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	lz_device_report_broken(r->dev[0].dev);
	assert_int_equal(rig_health(r, 0).fence, LZ_FENCE_SUSPECT);
	lz_suspect_drop(r->dev[0].dev, 0);
	assert_true(r->dev[0].dev->suspicion.listed);
	rig_start_worker(r);
	lz_iommu_kick(r->iommu);
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	assert_string_equal(rig_health(r, 0).state, "broken");
}

static void h47_accused_again_stays_listed(void **state)
{
	struct rig_opts o = {.no_worker = true};

	(void)state;
	rig_run_seeds(&o, 3, accused_twice);
}

/* ---- H85: a PASID leaves while its device is suspect ---- */

static void pasid_of_a_suspect(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1), *other = rig_domain(r);

	assert_int_equal(lz_attach_pasid(r->dev[0].dev, 1, other), LZ_OK);
	lz_device_report_broken(r->dev[0].dev);
	lz_detach_pasid(r->dev[0].dev, 1);
	assert_int_equal(lz_domain_destroy(other), LZ_IN_CUSTODY);
	assert_int_equal(r->destroyed, 0);
	rig_start_worker(r);
	lz_iommu_kick(r->iommu);
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	assert_int_equal(r->destroyed, 1);
	rig_drop(r, dom);
}

static void h85_pasid_of_a_suspect_goes_into_custody(void **state)
{
	struct rig_opts o = {.no_worker = true, .pasid_bits = 2};

	(void)state;
	rig_run_seeds(&o, 3, pasid_of_a_suspect);
}

/* ---- B, C: suspect in the middle of an attach, innocent in the end ---- */

static void accuse_at_doorbell(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	unsigned *left = r->test;
	struct lz_command cmd = atc_of(r, 0);
	struct lz_accusation a = {.has_command = true, .command = {{cmd.w[0], cmd.w[1]}}};

	(void)value;
	if (!write || off != SMMU_CMDQ_PROD || !*left || --*left)
		return;
	lz_accuse(r->dev[0].dev, &a, NULL);
}

static void suspect_while_attaching(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1), *other = rig_domain(r);
	unsigned left = 1 + r->opt.seed % 8;
	bool now, uncached;
	enum lz_status st;

	r->test = &left;
	r->after_mmio = accuse_at_doorbell;
	st = lz_attach(r->dev[0].dev, other);
	assert_true(st == LZ_OK || st == LZ_EBUSY);
	r->after_mmio = NULL;
	rig_start_worker(r);
	lz_iommu_kick(r->iommu);
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	assert_string_equal(rig_health(r, 0).state, "healthy");
	lzm_smmu_eats_effective(r->smmu, r->dev[0].sid, &now, &uncached);
	assert_true(now);
	assert_true(lzm_ep_ats_enabled(r->dev[0].ep));
	rig_drop(r, dom);
	rig_drop(r, other);
}

static void innocent_suspect_keeps_its_ats(void **state)
{
	struct rig_opts o = {.no_worker = true};

	(void)state;
	rig_run_seeds(&o, 16, suspect_while_attaching);
}

/* ---- H32: the fetch of a sync aborts, then the sync fails ---- */

static void abort_the_fetch(struct rig *r, int device, const struct lzm_atc_inv *inv)
{
	(void)device;
	(void)inv;
	r->on_atc = NULL;
	lzm_smmu_inject_cmdq_abort(r->smmu);
}

static void abort_then_timeout(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	warm(r, dom, IOVA, 1);
	rig_silence(r, 0);
	r->on_atc = abort_the_fetch;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, rig_idle, LZ_SEC(10)));
	assert_string_equal(rig_health(r, 0).state, "broken");
	rig_drop(r, dom);
}

static void h32_aborted_fetch_hides_no_timeout(void **state)
{
	struct rig_opts o = {.devs = 1};

	(void)state;
	rig_run_seeds(&o, 6, abort_then_timeout);
}

/* ---- H97: a debt counts as paid when its sync has succeeded ---- */

static unsigned looked;

static void debt_at_doorbell(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	uint32_t owed;

	(void)value;
	if (!write || off != SMMU_CMDQ_PROD)
		return;
	assert_true(lz_smmu_cfgi_is_owed(drv(r), &owed));
	looked++;
}

static void debt(struct rig *r)
{
	struct lz_domain *dom = rig_domain(r);
	uint32_t owed;

	lz_smmu_owe_cfgi(drv(r));
	looked = 0;
	r->after_mmio = debt_at_doorbell;
	assert_int_equal(lz_domain_destroy(dom), LZ_OK);
	r->after_mmio = NULL;
	assert_true(looked > 0);
	assert_false(lz_smmu_cfgi_is_owed(drv(r), &owed));
	rig_start_worker(r);
}

static void h97_debt_stands_until_its_sync_succeeded(void **state)
{
	struct rig_opts o = {.no_worker = true};

	(void)state;
	rig_run_seeds(&o, 3, debt);
}

/* ---- H84: idle for long, busy for a moment ---- */

static void busy_after_quiet(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	warm(r, dom, IOVA, 1);
	rig_sleep(2 * r->opt.cfg.late_bound);
	lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_MS(5));
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, rig_idle, 2 * r->opt.cfg.late_bound));
	assert_int_equal(rig_count(r, LZ_EV_QUEUE_STALLED, -1), 0);
	rig_drop(r, dom);
}

static void quiet_is_no_stall(void **state)
{
	struct rig_opts o = {.devs = 1};

	(void)state;
	rig_run_seeds(&o, 4, busy_after_quiet);
}

/* ---- D: a reset whose probe nobody has answered, then one not attempted ---- */

static void unanswered(struct rig *r)
{
	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_SEC(20));
	assert_int_equal(lz_reset_done(r->dev[0].dev, LZ_RESET_OK), LZ_ETIMEDOUT);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
		assert_int_equal(lz_reset_done(r->dev[0].dev, LZ_RESET_NOT_ATTEMPTED),
				 LZ_ETIMEDOUT);
		assert_true(rig_health(r, 0).block & LZ_BLOCK_RESET);
	}
	/* None is queued while the queue stands, and then not one for each of them. */
	assert_int_equal(rig_health(r, 0).probes, 0);
	assert_true(rig_until(r, rig_idle, LZ_SEC(60)));
	assert_int_equal(rig_health(r, 0).probes, 1);
	assert_string_equal(rig_health(r, 0).state, "healthy");
}

static void unanswered_probe_outlives_a_reset_not_attempted(void **state)
{
	struct rig_opts o = {.devs = 1};

	(void)state;
	rig_run_seeds(&o, 3, unanswered);
}

/* ---- A: an attach that is not confirmed after the new tables were live ---- */

static void stall_when_live(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	struct lz_smmu_dev *sd = r->dev[0].dev->drv;
	bool *aborting = r->test;

	(void)value;
	if (!write || off != SMMU_CMDQ_PROD)
		return;
	if (SMMU_GET(SMMU_STE0_CONFIG, sd->ste[0][0]) != SMMU_STE_CONFIG_S1) {
		*aborting = true;
		return;
	}
	if (!*aborting)
		return; /* the old one's */
	r->on_mmio = NULL;
	lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_SEC(5));
	/* The hardware caches what it finds now. */
	(void)rig_dma(r, 0, IOVA, true);
}

static void unconfirmed(struct rig *r)
{
	struct lz_domain *dom = rig_domain(r), *other = rig_domain(r);
	bool aborting = false;

	assert_int_equal(lz_map(other, IOVA, RIG_MEM, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	assert_int_equal(lz_attach(r->dev[0].dev, dom), LZ_OK);
	r->test = &aborting;
	r->on_mmio = stall_when_live;
	assert_int_equal(lz_attach(r->dev[0].dev, other), LZ_ETIMEDOUT);
	(void)rig_dma(r, 0, IOVA, true);
	rig_sleep(LZ_SEC(5));
	assert_int_equal(lz_unmap(other, IOVA, LZ_PAGE), LZ_OK);
	assert_false(rig_dma_cached(r, 0));
	assert_ptr_equal(lz_attached(r->dev[0].dev, LZ_NO_PASID), dom);
	rig_drop(r, dom);
	rig_drop(r, other);
}

static void stall_when_valid(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	struct lz_smmu_dev *sd = r->dev[0].dev->drv;

	(void)value;
	if (!write || off != SMMU_CMDQ_PROD || !(sd->cd[SMMU_CD_WORDS] & SMMU_CD0_V))
		return;
	r->on_mmio = NULL;
	lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_SEC(5));
}

/* One PASID cannot be without ATS while the others have it. */
static void unconfirmed_pasid(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1), *other = rig_domain(r);

	r->on_mmio = stall_when_valid;
	assert_int_equal(lz_attach_pasid(r->dev[0].dev, 1, other), LZ_ETIMEDOUT);
	assert_false(lzm_ep_ats_enabled(r->dev[0].ep));
	rig_sleep(LZ_SEC(5));
	rig_drop(r, dom);
	rig_drop(r, other);
}

static void unconfirmed_attach_leaves_no_translation(void **state)
{
	struct rig_opts o = {.devs = 1};

	(void)state;
	rig_run_seeds(&o, 3, unconfirmed);
	o.pasid_bits = 2;
	rig_run_seeds(&o, 3, unconfirmed_pasid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h43_retry_leaves_a_fence_that_begins),
		cmocka_unit_test(h47_accused_again_stays_listed),
		cmocka_unit_test(h85_pasid_of_a_suspect_goes_into_custody),
		cmocka_unit_test(innocent_suspect_keeps_its_ats),
		cmocka_unit_test(h32_aborted_fetch_hides_no_timeout),
		cmocka_unit_test(h97_debt_stands_until_its_sync_succeeded),
		cmocka_unit_test(quiet_is_no_stall),
		cmocka_unit_test(unanswered_probe_outlives_a_reset_not_attempted),
		cmocka_unit_test(unconfirmed_attach_leaves_no_translation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
