/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One requester id, two devices: its stream table entry, who lives in it, and the
 * fence of each. Device 0 sends 0x100, device 1 0x200, both the alias.
 */
#include "tests/hazards/driver_look.h"

#define ALIAS 0x900u /* nobody's own */
#define OWN_0 0x100u /* device 0's own: device 1 sends in its name */

#define CONFIG(word0) ((word0) >> 1 & 7)
#define CONFIG_ABORT  0u
#define CONFIG_S1     5u

/* An untranslated access by a stream id, by what the SMMU has. */
static bool passes(struct rig *r, uint32_t sid, uint32_t ssid)
{
	uint64_t pa;

	return lzm_smmu_untranslated(r->smmu, sid, ssid != 0, ssid, IOVA, LZM_READ, &pa) == LZM_OK;
}

static void reset(struct rig *r, unsigned i, bool cured)
{
	assert_int_equal(lz_reset_prepare(r->dev[i].dev), LZ_OK);
	if (cured)
		lzm_ep_fault(r->dev[i].ep, LZM_EP_SOUND, 0, 0);
	lzm_ep_bus_reset(r->dev[i].ep);
	rig_sleep(LZ_MS(2));
	lzm_ep_cfg_write(r->dev[i].ep, 4, 2, 0x0006);
	assert_int_equal(lz_reset_done(r->dev[i].dev, LZ_RESET_OK), LZ_OK);
}

/* ---- the entry outlives each of them ---- */

static uint64_t *entry; /* of the alias, while somebody is to live in it */

static void look_at_entry(struct rig *r)
{
	(void)r;
	if (entry) {
		assert_true(entry[0] & 1);
		assert_int_equal(CONFIG(entry[0]), CONFIG_S1);
	}
}

static void leave_one_by_one(struct rig *r)
{
	struct lz_domain *dom = rig_domain(r), *other = rig_domain(r);
	uint64_t *ste;

	rig_watch(r, look_at_entry);
	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	assert_int_equal(lz_attach(r->dev[1].dev, dom), LZ_OK);
	ste = look_dev(r, 1)->ste[1];
	entry = ste;
	assert_true(passes(r, r->opt.alias, 0));
	assert_int_equal(lz_attach(r->dev[0].dev, other), LZ_EBUSY); /* same id, same domain */
	assert_int_equal(lz_attach(r->dev[0].dev, dom), LZ_OK);
	assert_true(passes(r, r->opt.alias, 0));
	assert_true(rig_dma(r, 0, IOVA, true) && rig_dma(r, 1, IOVA, true));
	lz_detach(r->dev[1].dev);
	assert_true(passes(r, r->opt.alias, 0));
	assert_false(passes(r, 0x200, 0));
	assert_true(rig_dma(r, 0, IOVA, true));
	assert_int_equal(lz_attach(r->dev[1].dev, dom), LZ_OK);
	lz_detach(r->dev[0].dev);
	assert_true(passes(r, r->opt.alias, 0));
	assert_true(rig_dma(r, 1, IOVA, true));
	/* What the first had cached by the alias went with it. */
	assert_int_equal(lzm_ep_ats_enabled(r->dev[0].ep), false);
	entry = NULL;
	lz_detach(r->dev[1].dev);
	assert_int_equal(CONFIG(ste[0]), CONFIG_ABORT);
	assert_false(passes(r, r->opt.alias, 0));
	rig_drop(r, dom);
	rig_drop(r, other);
}

static void h13_detach_of_one_leaves_the_others_translation(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .alias = ALIAS}, 16, leave_one_by_one);
}

static void removed_healthy(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 2, 2);
	rig_watch(r, look_at_entry);
	entry = look_dev(r, 0)->ste[1];
	rig_remove(r, 1);
	look_settle(r);
	assert_true(passes(r, ALIAS, 0) && rig_dma(r, 0, IOVA, true));
	assert_string_equal(rig_health(r, 0).state, "healthy");
	entry = NULL;
	rig_drop(r, dom);
}

static void h61_removal_erases_only_its_own(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .alias = ALIAS}, 16, removed_healthy);
}

/* ---- EATS of an id that another device sends too ---- */

static bool eats_stays;

static void look_at_eats(struct rig *r)
{
	look_at_fences(r);
	if (eats_stays && look_dev(r, 0))
		assert_int_equal(EATS(look_dev(r, 0)->ste[0][1]), 1);
}

/* Device 1 comes, goes and is removed in good health; ATS of device 0 goes on. */
static void alias_of_a_healthy_one(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1, 1);

	/* Alone it has no ATC that the alias reaches. */
	assert_int_equal(EATS(look_dev(r, 1)->ste[1][1]), 0);
	assert_int_equal(EATS(look_dev(r, 1)->ste[0][1]), 1);
	assert_int_equal(lz_attach(r->dev[0].dev, dom), LZ_OK);
	assert_int_equal(look_entries(dom), 2);
	look_map(r, dom, 2, 2);
	rig_watch(r, look_at_eats);
	eats_stays = true;
	lz_detach(r->dev[1].dev);
	assert_int_equal(lz_attach(r->dev[1].dev, dom), LZ_OK);
	assert_true(look_passes(r, OWN_0));
	rig_remove(r, 1);
	look_settle(r);
	assert_true(look_passes(r, OWN_0) && rig_dma_cached(r, 0));
	eats_stays = false;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void h13_ats_of_the_owner_of_an_id_goes_on(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .alias = OWN_0}, 16, alias_of_a_healthy_one);
}

/* The same when the owner of the id comes after the one that sends in its name. */
static void owner_comes_last(struct rig *r)
{
	struct lz_domain *dom;

	rig_remove(r, 0);
	rig_remove(r, 1);
	look_settle(r);
	rig_add(r, 1);
	rig_add(r, 0);
	dom = rig_shared(r, 0, 2);
	assert_int_equal(look_entries(dom), 2);
	look_map(r, dom, 2, 2);
	rig_silence(r, 0);
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 0));
	look_settle(r);
	assert_int_equal(r->dev[1].told, 0);
	assert_int_equal(rig_health(r, 1).block, LZ_BLOCK_SIBLING);
	rig_drop(r, dom);
}

static void h50_an_id_is_answered_for_by_its_owner(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .alias = OWN_0}, 8, owner_comes_last);
}

/* ---- one is dead ---- */

static volatile bool fenced, attach_done;
static unsigned between;

static void note_fence(struct rig *r, const struct rig_event *e)
{
	(void)r;
	if (e->ev.kind == LZ_EV_FENCED && e->device == 1)
		fenced = true;
}

static void attach_task(void *arg)
{
	struct rig *r = arg;
	struct lz_domain *dom = r->test;

	while (!fenced)
		rig_sleep(200);
	/* Before the core has blocked anybody it is done, and without ATS. */
	between += lz_attach(r->dev[0].dev, dom) == LZ_OK;
	attach_done = true;
}

static void attach_beside_fence(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 1, 1);

	fenced = attach_done = false;
	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, 2 * LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, 1, IOVA, true));
	r->on_event = note_fence;
	r->test = dom;
	rig_watch(r, look_at_fences);
	rig_silence(r, 1);
	sim_task("attach", 3, attach_task, r);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 1));
	while (!attach_done)
		rig_sleep(LZ_US(10));
	look_settle(r);
	assert_int_equal(rig_health(r, 0).block, LZ_BLOCK_SIBLING);
	rig_drop(r, dom);
}

static void h45_the_fence_of_each_keeps_eats_off(void **state)
{
	(void)state;
	between = 0;
	look_run(&(struct rig_opts){.devs = 2, .alias = OWN_0}, 64, attach_beside_fence);
	assert_true(between); /* or nothing was shown */
}

static void one_dead(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	unsigned dead = *(unsigned *)r->test;
	struct lz_stats st;

	look_map(r, dom, 2, 2);
	assert_int_equal(lz_attach_pasid(r->dev[0].dev, 3, dom), LZ_OK);
	assert_int_equal(lz_attach_pasid(r->dev[1].dev, 3, dom), LZ_OK);
	rig_watch(r, look_at_fences);
	rig_silence(r, dead);
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, dead));
	look_settle(r);
	assert_int_equal(rig_health(r, dead).block, LZ_BLOCK_BROKEN);
	assert_int_equal(rig_health(r, !dead).block, LZ_BLOCK_SIBLING);
	assert_int_equal(r->dev[!dead].told, 0);
	lz_stats_get(r->lz, &st);
	assert_int_equal(st.blocked_ids, r->opt.alias == OWN_0 ? 2 : 3);
	assert_false(passes(r, r->opt.alias, 0) || passes(r, 0x100, 0) || passes(r, 0x200, 0));
	assert_false(look_passes(r, r->opt.alias));

	reset(r, !dead, true); /* of the sound one: lifts nothing */
	assert_int_equal(rig_health(r, !dead).block, LZ_BLOCK_SIBLING);
	assert_false(passes(r, r->opt.alias, 0));

	reset(r, dead, true);
	look_settle(r);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(rig_health(r, i).state, "healthy");
		assert_true(lz_device_ats_active(r->dev[i].dev));
		assert_true(look_passes(r, r->dev[i].sid));
		assert_true(rig_dma(r, i, IOVA, true));
		assert_true(passes(r, r->dev[i].sid, 3));
		assert_int_equal(r->dev[i].resumed, 1);
	}
	assert_true(passes(r, r->opt.alias, 0));
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	lz_detach_pasid(r->dev[0].dev, 3);
	lz_detach_pasid(r->dev[1].dev, 3);
	rig_drop(r, dom);
}

static unsigned which;

static void one_dead_of(struct rig *r)
{
	r->test = &which;
	one_dead(r);
}

static void h13_the_id_stays_blocked_until_both_are_well(void **state)
{
	static const uint32_t alias[] = {ALIAS, OWN_0};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		which = i & 1;
		look_run(&(struct rig_opts){.devs = 2, .alias = alias[i / 2], .pasid_bits = 4}, 8,
			 one_dead_of);
	}
}

/* Both reported at once: whoever comes second is fenced as a sibling by then. */
static void both_reported(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 2, 2);
	rig_watch(r, look_at_fences);
	lz_device_report_broken(r->dev[0].dev);
	if (r->opt.seed & 1)
		assert_true(look_told(r, 0));
	lz_device_report_broken(r->dev[1].dev);
	assert_true(look_told(r, 0) && look_told(r, 1));
	look_settle(r);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(rig_health(r, i).block, LZ_BLOCK_BROKEN | LZ_BLOCK_SIBLING);
		assert_int_equal(rig_health(r, i).evidence, LZ_EVIDENCE_NAMED);
		assert_int_equal(r->dev[i].told, 1);
	}
	which = r->opt.seed >> 1 & 1;
	reset(r, which, true);
	look_settle(r);
	assert_int_equal(rig_health(r, which).block, LZ_BLOCK_SIBLING);
	assert_int_equal(rig_health(r, !which).block, LZ_BLOCK_BROKEN);
	assert_false(passes(r, r->opt.alias, 0) || passes(r, 0x100, 0) || passes(r, 0x200, 0));
	reset(r, !which, true);
	look_settle(r);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(rig_health(r, i).state, "healthy");
		assert_true(rig_dma(r, i, IOVA, true));
	}
	rig_drop(r, dom);
}

static void h13_reported_twice_at_once_needs_two_resets(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .alias = ALIAS}, 32, both_reported);
}

/* Device 1 is known to be broken, and fenced because its sibling is blocked. */
static void stays_with_its_own_fault(struct rig *r, enum lz_evidence evidence)
{
	assert_true(look_told(r, 1));
	look_settle(r);
	assert_int_equal(rig_health(r, 1).block, LZ_BLOCK_BROKEN | LZ_BLOCK_SIBLING);
	assert_int_equal(rig_health(r, 1).evidence, evidence);
	assert_int_equal(lz_device_clear(r->dev[0].dev), LZ_OK);
	look_settle(r);
	assert_int_equal(rig_health(r, 0).block, LZ_BLOCK_SIBLING);
	assert_int_equal(rig_health(r, 1).block, LZ_BLOCK_BROKEN);
	reset(r, 1, true);
	look_settle(r);
	assert_string_equal(rig_health(r, 0).state, "healthy");
	assert_string_equal(rig_health(r, 1).state, "healthy");
}

/* It is on the list of suspects when its sibling is blocked. */
static void blocked_beside_report(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 2, 2);
	rig_watch(r, look_at_fences);
	lz_device_report_broken(r->dev[1].dev);
	assert_int_equal(lz_device_block(r->dev[0].dev), LZ_OK);
	stays_with_its_own_fault(r, LZ_EVIDENCE_NAMED);
	rig_drop(r, dom);
}

static volatile bool asked;

static void note_probe(struct rig *r, const struct rig_event *e)
{
	(void)r;
	asked |= e->ev.kind == LZ_EV_PROBE && e->device == 1;
}

/* It is being asked, and will not answer, when its sibling is blocked. */
static void blocked_beside_probe(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 2, 2);
	rig_watch(r, look_at_fences);
	asked = false;
	r->on_event = note_probe;
	rig_silence(r, 1);
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	while (!asked)
		rig_sleep(LZ_US(1));
	assert_int_equal(lz_device_block(r->dev[0].dev), LZ_OK);
	stays_with_its_own_fault(r, LZ_EVIDENCE_PROBED);
	rig_drop(r, dom);
}

static void h13_a_verdict_about_a_held_one_is_kept(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .alias = ALIAS}, 16, blocked_beside_report);
	look_run(&(struct rig_opts){.devs = 2, .alias = ALIAS}, 16, blocked_beside_probe);
}

static void dead_is_removed(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);

	look_map(r, dom, 2, 2);
	rig_watch(r, look_at_fences);
	rig_silence(r, which);
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	if (r->opt.seed & 1)
		assert_true(look_told(r, which)); /* else whenever it happens to be */
	rig_remove(r, which);
	look_settle(r);
	assert_string_equal(rig_health(r, !which).state, "healthy");
	assert_true(lz_device_ats_active(r->dev[!which].dev));
	assert_true(passes(r, r->opt.alias, 0) && look_passes(r, r->dev[!which].sid));
	assert_true(rig_dma(r, !which, IOVA, true));
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void h10_removal_of_the_dead_one_gives_the_id_back(void **state)
{
	static const uint32_t alias[] = {ALIAS, OWN_0};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		which = i & 1;
		look_run(&(struct rig_opts){.devs = 2, .alias = alias[i / 2]}, 16, dead_is_removed);
	}
}

/* ---- one is added ---- */

/* The library's memory comes from here while device 0 is added: in between an error
 * that is still out names its id, and it is fenced at once. */
static struct lz_port halting;
static struct rig *halted;
static unsigned streams_made, found;

static void *halting_alloc(void *ctx, size_t size)
{
	struct lz_smmu *s = (struct lz_smmu *)halted->iommu;
	struct lz_smmu_dev *sd;

	if (size == sizeof(struct lz_smmu_stream) && streams_made++ == 1) {
		sd = lz_smmu_sid_get(s, OWN_0, NULL);
		found += sd && sd->dev != halted->dev[1].dev;
		if (sd && sd->dev != halted->dev[1].dev)
			assert_int_equal(
				lz_fence(sd->dev, sd->dev->generation, LZ_EVIDENCE_ASSUMED), LZ_OK);
		if (sd)
			lz_device_put(sd->dev);
	}
	return sim_port()->alloc(ctx, size);
}

static void added_half(struct rig *r)
{
	struct lz *lz = (struct lz *)r->lz;
	struct lz_domain *dom;

	rig_remove(r, 0);
	look_settle(r);
	halting = *sim_port();
	halting.alloc = halting_alloc;
	halted = r;
	streams_made = 0;
	lz->port = &halting;
	rig_add(r, 0);
	lz->port = sim_port();
	assert_true(streams_made >= 2);
	dom = rig_shared(r, 0, 2);
	rig_drop(r, dom);
}

static void h53_nobody_finds_half_a_device(void **state)
{
	(void)state;
	found = 0;
	look_run(&(struct rig_opts){.devs = 2, .streams = 2, .alias = OWN_0}, 2, added_half);
	assert_int_equal(found, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h13_detach_of_one_leaves_the_others_translation),
		cmocka_unit_test(h61_removal_erases_only_its_own),
		cmocka_unit_test(h13_ats_of_the_owner_of_an_id_goes_on),
		cmocka_unit_test(h50_an_id_is_answered_for_by_its_owner),
		cmocka_unit_test(h45_the_fence_of_each_keeps_eats_off),
		cmocka_unit_test(h13_the_id_stays_blocked_until_both_are_well),
		cmocka_unit_test(h13_reported_twice_at_once_needs_two_resets),
		cmocka_unit_test(h13_a_verdict_about_a_held_one_is_kept),
		cmocka_unit_test(h10_removal_of_the_dead_one_gives_the_id_back),
		cmocka_unit_test(h53_nobody_finds_half_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
