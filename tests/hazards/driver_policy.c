/* SPDX-License-Identifier: BSD-2-Clause */
/* Containment observed or off, suspects assumed instead of probed, PASIDs, and
 * an attach that meets a suspicion. */
#include "tests/hazards/driver_look.h"

#include "lazaret/operator.h"

/* ---- observe ---- */

static void nothing_is_touched(struct rig *r)
{
	for (unsigned i = 0; i < r->opt.devs; i++) {
		const struct lz_smmu_dev *sd = look_dev(r, i);

		assert_int_equal(look_fence(r, i), LZ_FENCE_OPEN);
		if (r->test && sd)
			assert_int_equal(EATS(sd->ste[0][1]), 1);
	}
}

static void observed(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	lz_ns end = sim_now() + LZ_SEC(50);
	struct lz_snapshot shot;

	look_map(r, dom, 4, 2);
	r->test = dom;
	rig_watch(r, nothing_is_touched);
	rig_silence(r, 1);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK); /* holds nothing */
	while (!rig_count(r, LZ_EV_QUARANTINED, 1) && sim_now() < end)
		rig_sleep(LZ_MS(1));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 1), 1);
	assert_int_equal(r->events[rig_first(r, LZ_EV_QUARANTINED, 1)].ev.status, LZ_ENOTSUP);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 0);
	rig_sleep(LZ_MS(100));
	assert_int_equal(rig_count(r, LZ_EV_FENCED, -1), 0);
	assert_int_equal(rig_health(r, 1).block, 0);
	assert_int_equal(r->dev[1].told, 0);
	if (LZ_CONFIG_SNAPSHOT) { /* the evidence is what observing is for */
		assert_int_equal(lz_device_snapshot(r->dev[1].dev, &shot), LZ_OK);
		assert_int_equal(shot.evidence, rig_health(r, 1).evidence);
		assert_int_equal(shot.fenced, 0);
	}
	assert_true(rig_dma(r, 1, IOVA + LZ_PAGE, true));
	assert_true(lzm_ep_ats_enabled(r->dev[1].ep));
	r->test = NULL;
	lzm_ep_fault(r->dev[1].ep, LZM_EP_SOUND, 0, 0);
	rig_drop(r, dom);
}

static void observe_tells_and_touches_nothing(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .cfg.contain = LZ_CONTAIN_OBSERVE}, 24, observed);
}

/* It was contained when the unmap failed; then nobody protects memory any more, and
 * the device goes on not answering. */
static void switched_off_meanwhile(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct lz_policy policy;
	lz_ns end = sim_now() + LZ_SEC(50);
	struct lz_custody held;

	look_map(r, dom, 4, 2);
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	lz_policy_get(r->lz, &policy);
	policy.contain = r->opt.seed % 2 ? LZ_CONTAIN_OBSERVE : LZ_CONTAIN_OFF;
	assert_int_equal(lz_policy_set(r->lz, &policy), LZ_OK);
	do {
		rig_sleep(LZ_MS(1));
		lz_domain_custody(dom, &held);
	} while (held.pages && sim_now() < end);
	assert_int_equal(held.pages, 0);
	assert_int_equal(r->released, LZ_PAGE);
	lzm_ep_fault(r->dev[1].ep, LZM_EP_SOUND, 0, 0);
	if (rig_health(r, 1).block)
		assert_int_equal(lz_pci_reset_flr(r->dev[1].dev), LZ_OK);
	look_settle(r);
	rig_drop(r, dom);
}

static void custody_ends_with_containment(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 64, switched_off_meanwhile);
}

/* ---- off ---- */

/* What shipping drivers do: the page is given back, and the device still has
 * it. This is what containment is for. */
static void shipped(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	look_map(r, dom, 2, 1);
	rig_silence(r, 0);
	assert_int_equal(lz_unmap(dom, IOVA, 2 * LZ_PAGE), LZ_OK);
	assert_true(rig_dma_cached(r, 0));
	assert_true(r->dma_translated);
	assert_true(r->dma_pa >= RIG_MEM && r->dma_pa < RIG_MEM + 2 * LZ_PAGE);
	assert_int_equal(lz_map(dom, IOVA, RIG_MEM + 0x10000, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, -1), 0);
	assert_int_equal(look_fence(r, 0), LZ_FENCE_OPEN);
	lzm_ep_fault(r->dev[0].ep, LZM_EP_SOUND, 0, 0);
	rig_drop(r, dom);
}

static void off_gives_back_what_is_still_reached(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1, .cfg.contain = LZ_CONTAIN_OFF}, 16, shipped);
}

/* ---- assume ---- */

static void assumed(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 4, 2);
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(look_told(r, i));
		assert_int_equal(rig_health(r, i).evidence, LZ_EVIDENCE_ASSUMED);
		assert_int_equal(rig_health(r, i).probes, 0);
	}
	look_settle(r);
	assert_int_equal(r->released, LZ_PAGE);
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	assert_int_equal(lz_pci_reset_flr(r->dev[1].dev), LZ_OK);
	assert_true(rig_dma(r, 0, IOVA + LZ_PAGE, true));
	rig_drop(r, dom);
}

static void assume_takes_every_suspect(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .cfg.identify = LZ_IDENTIFY_ASSUME}, 24, assumed);
}

/* ---- PASIDs ---- */

/* As the function does it: through its ATC, and only when it may use PASIDs. */
static bool pasid_dma(struct rig *r, uint32_t pasid, uint64_t *pa)
{
	bool through = lzm_ep_dma_pasid(r->dev[0].ep, pasid, IOVA, LZM_WRITE) == LZM_OK;

	*pa = through ? r->dma_pa : 0;
	return through;
}

/* What the IOMMU would do with it, were it sent all the same. */
static bool pasid_passes(struct rig *r, uint32_t pasid)
{
	uint64_t pa;

	return lzm_smmu_untranslated(r->smmu, r->dev[0].sid, true, pasid, IOVA, LZM_WRITE, &pa) ==
	       LZM_OK;
}

static bool may_use_pasids(struct rig *r)
{
	return lzm_ep_pasid_enabled(r->dev[0].ep, 0);
}

static struct lz_domain *mapped_to(struct rig *r, uint64_t pa)
{
	struct lz_domain *dom = rig_domain(r);

	assert_int_equal(lz_map(dom, IOVA, pa, 4 * LZ_PAGE, LZ_WRITE), LZ_OK);
	return dom;
}

static void pasids_are_apart(struct rig *r)
{
	struct lz_domain *rid = rig_shared(r, 0, 1), *a = mapped_to(r, 0x200000000),
			 *b = mapped_to(r, 0x300000000);
	uint64_t pa;

	look_map(r, rid, 1, 1);
	assert_false(pasid_dma(r, 3, &pa) || pasid_passes(r, 3));
	assert_int_equal(lz_attach_pasid(r->dev[0].dev, 3, a), LZ_OK);
	assert_int_equal(lz_attach_pasid(r->dev[0].dev, 4, b), LZ_OK);
	assert_true(pasid_dma(r, 3, &pa) && pa == 0x200000000);
	assert_true(pasid_dma(r, 4, &pa) && pa == 0x300000000);
	assert_true(r->dma_translated);
	assert_true(rig_dma(r, 0, IOVA, true) && r->dma_pa == RIG_MEM);
	assert_int_equal(lz_unmap(a, IOVA, LZ_PAGE), LZ_OK);
	assert_false(pasid_dma(r, 3, &pa) || pasid_passes(r, 3));
	assert_int_equal(lz_attach_pasid(r->dev[0].dev, 3, b), LZ_OK);
	assert_true(pasid_dma(r, 3, &pa) && pa == 0x300000000);
	lz_detach_pasid(r->dev[0].dev, 4);
	assert_false(pasid_dma(r, 4, &pa));
	assert_true(pasid_dma(r, 3, &pa));
	/* A quarantine takes them all, a reset brings them all back. */
	lz_device_report_broken(r->dev[0].dev);
	assert_true(look_told(r, 0));
	assert_false(pasid_dma(r, 3, &pa) || pasid_passes(r, 3));
	assert_false(may_use_pasids(r));
	assert_false(rig_dma(r, 0, IOVA, true));
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	assert_true(pasid_dma(r, 3, &pa) && pa == 0x300000000);
	assert_false(pasid_dma(r, 4, &pa));
	assert_true(rig_dma(r, 0, IOVA, true) && r->dma_pa == RIG_MEM);
	assert_true(r->dma_translated);
	/* A reset of a sound one too. */
	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	assert_true(pasid_dma(r, 3, &pa) && pa == 0x300000000 && r->dma_translated);
	lz_detach(r->dev[0].dev);
	assert_false(pasid_dma(r, 3, &pa) || pasid_passes(r, 3));
	assert_false(may_use_pasids(r));
	assert_int_equal(lz_attach(r->dev[0].dev, rid), LZ_OK);
	assert_true(may_use_pasids(r));
	rig_remove(r, 0);
	assert_false(may_use_pasids(r) || lzm_ep_ats_enabled(r->dev[0].ep));
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
	rig_drop(r, a);
	rig_drop(r, b);
	rig_drop(r, rid);
}

/* ---- a function whose config space does not take PASID Enable ---- */

static bool deaf;

static void deaf_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	if (!deaf || off != 0x126)
		lzm_ep_cfg_write(((struct rig_dev *)ctx)->ep, off, width, v);
}

static void make_deaf(struct rig *r)
{
	deaf = true;
	r->dev[0].pci.write = deaf_write;
}

static void no_pasids_for_the_deaf(struct rig *r)
{
	struct lz_domain *rid = rig_shared(r, 0, 1), *a = mapped_to(r, 0x200000000);
	struct lz_device *dev = r->dev[0].dev;
	uint64_t pa;

	/* It works without them, and the attach says so and leaves nothing behind. */
	look_map(r, rid, 1, 1);
	assert_true(rig_dma(r, 0, IOVA, true) && r->dma_translated);
	assert_int_equal(lz_attach_pasid(dev, 3, a), LZ_EIO);
	assert_null(lz_attached(dev, 3));
	assert_null(dev->pasids);
	assert_false(pasid_passes(r, 3));
	r->atc_invs[0] = 0;
	assert_int_equal(lz_unmap(a, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	assert_int_equal(r->atc_invs[0], 0);
	deaf = false;
	lz_detach(dev);
	assert_int_equal(lz_attach(dev, rid), LZ_OK);
	assert_int_equal(lz_attach_pasid(dev, 3, a), LZ_OK);
	assert_true(pasid_dma(r, 3, &pa) && pa == 0x200000000);
	/* One that had them and does not get them back is not what it was. */
	deaf = true;
	assert_int_equal(lz_pci_reset_flr(dev), LZ_EIO);
	assert_true(rig_health(r, 0).block & LZ_BLOCK_RESET_FAILED);
	deaf = false;
	assert_int_equal(lz_pci_reset_flr(dev), LZ_OK);
	assert_true(pasid_dma(r, 3, &pa) && pa == 0x200000000 && r->dma_translated);
	lz_detach_pasid(dev, 3);
	rig_drop(r, a);
	rig_drop(r, rid);
}

static void pasid_enable_is_believed_when_it_reads_back(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1, .pasid_bits = 4, .prepare = make_deaf}, 8,
		 no_pasids_for_the_deaf);
}

/* Quarantined by the fence alone, PASIDs go on as the RID does: untranslated. */
static void fence_keeps_pasids(struct rig *r)
{
	struct lz_domain *rid = rig_shared(r, 0, 1), *a = mapped_to(r, 0x200000000);
	struct lz_device *dev = r->dev[0].dev;
	uint64_t pa;

	look_map(r, rid, 1, 1);
	assert_int_equal(lz_device_response_set(dev, LZ_RESPONSE_FENCE), LZ_OK);
	assert_int_equal(lz_attach_pasid(dev, 3, a), LZ_OK);
	lz_device_report_broken(dev);
	assert_true(look_told(r, 0));
	assert_string_equal(rig_health(r, 0).state, "degraded");
	assert_true(pasid_dma(r, 3, &pa) && pa == 0x200000000 && !r->dma_translated);
	assert_true(rig_dma(r, 0, IOVA, true) && !r->dma_translated);
	assert_int_equal(lz_pci_reset_flr(dev), LZ_OK);
	assert_true(pasid_dma(r, 3, &pa) && pa == 0x200000000 && r->dma_translated);
	lz_detach_pasid(dev, 3);
	rig_drop(r, a);
	rig_drop(r, rid);
}

static void h74_pasids_go_on_under_a_fence(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1, .pasid_bits = 4}, 8, fence_keeps_pasids);
}

static void pasid_attach_detach_dma(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1, .pasid_bits = 4}, 24, pasids_are_apart);
}

/* ---- an attach meets a suspicion that turns out wrong ---- */

static unsigned suspected;

static void shuttle_task(void *arg)
{
	struct rig *r = arg;
	struct lz_domain **dom = r->test;

	for (unsigned i = 0; dom[2] && i < 1 + r->opt.seed % 2; i++) {
		if (lz_attach(r->dev[0].dev, dom[i & 1]) != LZ_OK)
			rig_sleep(LZ_US(100));
		suspected += look_fence(r, 0) == LZ_FENCE_SUSPECT;
	}
	dom[2] = NULL;
}

static void wrongly_suspected(struct rig *r)
{
	struct lz_domain *dom[3] = {rig_shared(r, 0, 2), rig_domain(r), NULL};

	look_map(r, dom[0], 4, 2);
	assert_int_equal(lz_map(dom[1], IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	dom[2] = dom[1];
	r->test = dom;
	rig_silence(r, 1);
	(void)!rig_unmap_irq(dom[0], IOVA + LZ_PAGE, LZ_PAGE);
	rig_sleep(LZ_US(40) * (r->opt.seed % 32));
	sim_task("shuttle", 3, shuttle_task, r);
	assert_true(look_told(r, 1));
	while (dom[2])
		rig_sleep(LZ_MS(1));
	look_settle(r);
	/* The sound one works, ATS and all. */
	assert_string_equal(rig_health(r, 0).state, "healthy");
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_true(r->dma_translated);
	rig_drop(r, dom[0]);
	rig_drop(r, dom[1]);
}

static void an_exonerated_device_has_its_ats(void **state)
{
	(void)state;
	suspected = 0;
	look_run(&(struct rig_opts){.devs = 2}, 128, wrongly_suspected);
	assert_true(suspected > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(observe_tells_and_touches_nothing),
		cmocka_unit_test(custody_ends_with_containment),
		cmocka_unit_test(off_gives_back_what_is_still_reached),
		cmocka_unit_test(assume_takes_every_suspect),
		cmocka_unit_test(pasid_attach_detach_dma),
		cmocka_unit_test(pasid_enable_is_believed_when_it_reads_back),
		cmocka_unit_test(h74_pasids_go_on_under_a_fence),
		cmocka_unit_test(an_exonerated_device_has_its_ats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
