/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bodies: what meets what. Page p of a domain is EXR_IOVA + p pages. Tasks run
 * on CPU 0 (the body), 2 and 3; the worker is on CPU 1, GERROR on CPU 2, the
 * user's interrupt line on CPU 0.
 */
#include "explore/bodies.h"

#include <string.h>

/* Invalidators and owners of these names are tasks of several bodies. */
void exb_unmap_1(struct exr *r)
{
	(void)exr_unmap(r, 0, 1, 1);
}

void exb_unmap_2(struct exr *r)
{
	(void)exr_unmap(r, 0, 2, 1);
}

static void unmap_1_irq(struct exr *r)
{
	(void)exr_unmap_irq(r, 0, 1, 1);
}

static void unmap_2_irq(struct exr *r)
{
	(void)exr_unmap_irq(r, 0, 2, 1);
}

void exb_reset_0(struct exr *r)
{
	r->dev[0].reset_ok = exr_reset(r, 0, LZ_RESET_OK) == LZ_OK;
}

/* ---- everybody in domain 0, three pages cached, device 0 dead ---- */

void exb_shared(struct exr *r)
{
	exr_domain(r, 0, EXR_ALL);
	exr_warm(r, 0, 0, 3, EXR_ALL);
}

void exb_one_dead(struct exr *r)
{
	exb_shared(r);
	exr_silence(r, 0);
}

static void two_dead_prepare(struct exr *r)
{
	exb_shared(r);
	exr_silence(r, 0);
	exr_silence(r, 1);
}

static void one_unmap(struct exr *r)
{
	(void)exr_unmap(r, 0, 0, 1);
}

static void two_unmaps(struct exr *r)
{
	exr_go(r, "invalidator", 3, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}

static void three_unmaps(struct exr *r)
{
	exr_go(r, "invalidator", 3, exb_unmap_1);
	exr_go(r, "invalidator 2", 2, exb_unmap_2);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- attach against fence ---- */

static void attach_dead(struct exr *r)
{
	struct exr_dev *d = &r->dev[0];

	/* To itself: the answer depends on what the fence has come to. */
	if (lz_attach(d->dev, r->dom[1].dom) == LZ_OK)
		lz_detach(d->dev);
}

static void attach_other(struct exr *r)
{
	lz_detach(r->dev[1].dev);
	for (unsigned i = 0; i < 2; i++)
		if (lz_attach(r->dev[1].dev, r->dom[0].dom) == LZ_OK)
			break;
}

static void attach_prepare(struct exr *r)
{
	exb_one_dead(r);
	exr_domain(r, 1, 0);
}

static void attach_fence(struct exr *r)
{
	exr_go(r, "attach", 3, attach_dead);
	exr_go(r, "attach other", 2, attach_other);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- resets ---- */

static void reset_meets(struct exr *r)
{
	exr_go(r, "owner", 2, exb_reset_0);
	(void)exr_unmap(r, 0, 0, 1);
}

void exb_until_told(struct exr *r)
{
	for (unsigned i = 0; i < 20 && !r->dev[0].told; i++)
		exr_sleep(r, LZ_MS(1));
}

static void owner_when_told(struct exr *r)
{
	exb_until_told(r);
	exb_reset_0(r);
}

static void reset_worker(struct exr *r)
{
	exr_go(r, "owner", 3, owner_when_told);
	exr_go(r, "invalidator", 2, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}

/* The worst result of the nest counts. */
static void nested(struct exr *r)
{
	struct lz_device *dev = r->dev[0].dev;
	struct lz_health h;

	if (lz_reset_prepare(dev) != LZ_OK)
		return;
	(void)exr_reset(r, 0, LZ_RESET_FAILED);
	exr_bus_reset(r, 0);
	if (lz_reset_done(dev, LZ_RESET_OK) != LZ_EINVAL)
		r->dev[0].reset_ok = false;
	lz_device_health(dev, &h);
	if (!h.block)
		ex_violate(r->run, 'D', "unblocked after a failed reset",
			   "the inner reset of a nest failed and the device is %s", h.state);
}

static void nested_reset(struct exr *r)
{
	exr_go(r, "owner", 3, nested);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- aliases: the sound one is reset while the dead one recovers ---- */

static void reset_1(struct exr *r)
{
	(void)exr_reset(r, 1, LZ_RESET_OK);
}

static void alias_resets(struct exr *r)
{
	exr_go(r, "owner", 3, exb_reset_0);
	exr_go(r, "sibling's owner", 2, reset_1);
	(void)exr_unmap(r, 0, 0, 1);
}

static void reset_1_when_told(struct exr *r)
{
	exb_until_told(r);
	reset_1(r);
	/* The dead one goes on as long as it can. */
	(void)lzm_ep_dma(r->dev[0].ep, exr_iova(2), LZM_WRITE);
}

static void alias_held(struct exr *r)
{
	exr_go(r, "sibling's owner", 2, reset_1_when_told);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- removal ---- */

static void remove_0(struct exr *r)
{
	exr_remove(r, 0);
}

static void remove_dead(struct exr *r)
{
	exr_go(r, "remove", 3, remove_0);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- a small queue ---- */

static void map_and_unmap(struct exr *r, unsigned page)
{
	for (unsigned i = 0; i < 2; i++) {
		if (exr_map(r, 0, page) == LZ_OK)
			(void)exr_unmap(r, 0, page, 1);
	}
}

static void round_4(struct exr *r)
{
	map_and_unmap(r, 4);
}

static void round_5(struct exr *r)
{
	map_and_unmap(r, 5);
}

static void wrap_around(struct exr *r)
{
	exr_calm(r, 0);
	exr_go(r, "invalidator", 3, round_4);
	exr_go(r, "invalidator 2", 2, round_5);
	map_and_unmap(r, 6);
}

/* No ATS: the queue goes round as fast as it can. */
static void no_ats(struct exr *r)
{
	exr_domain(r, 0, 0);
}

/* Handlers everywhere, also where GERROR would be taken: they drain by themselves. */
static void full_illegal(struct exr *r)
{
	r->spoil = true;
	exr_calm(r, 1);
	exr_go(r, "invalidator", 3, unmap_1_irq);
	exr_go(r, "invalidator 2", 2, unmap_2_irq);
	(void)exr_unmap_irq(r, 0, 0, 1);
}

static void handler_unmaps(struct exr *r)
{
	(void)exr_unmap(r, 0, 1, 1);
}

static void raise_user(struct exr *r)
{
	exr_sleep(r, 200);
	sim_irq_raise(r->irq_user, 0);
}

/* Unmap in a handler on the CPU whose task is polling. */
static void handler_unmap(struct exr *r)
{
	r->user_irq = handler_unmaps;
	exr_go(r, "raise", 3, raise_user);
	(void)exr_unmap(r, 0, 0, 1);
	exr_join(r);
	exr_sleep(r, LZ_MS(1));
}

/* ---- PASIDs ---- */

static void pasid_attach(struct exr *r)
{
	enum lz_status st = lz_attach_pasid(r->dev[0].dev, 1, r->dom[1].dom);

	if (st == LZ_OK)
		lz_detach_pasid(r->dev[0].dev, 1);
}

static void pasid_prepare(struct exr *r)
{
	exb_one_dead(r);
	exr_domain(r, 1, 0);
}

static void pasid_block(struct exr *r)
{
	exr_go(r, "pasid", 3, pasid_attach);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- late ---- */

/* The issuer has gone when the hardware speaks; others work meanwhile. */
static void late_timeout(struct exr *r)
{
	exr_go(r, "handler", 3, unmap_1_irq);
	(void)exr_unmap_irq(r, 0, 0, 1);
	exr_sleep(r, LZ_MS(2));
	(void)exr_unmap(r, 0, 2, 1);
}

/* ---- custody against map ---- */

static void map_over(struct exr *r)
{
	for (unsigned i = 0; i < 3; i++) {
		if (r->dom[0].page[0] != EXR_LIVE && exr_map(r, 0, 0) == LZ_OK)
			return;
		exr_sleep(r, LZ_US(500));
	}
}

static void custody_map(struct exr *r)
{
	r->dom[0].reuse = true;
	(void)exr_unmap(r, 0, 0, 2);
	map_over(r);
}

/* ---- reported by the embedder too ---- */

static void report_0(struct exr *r)
{
	r->dev[0].guilty = true; /* whoever reports says so */
	lz_device_report_broken(r->dev[0].dev);
}

static void remove_reported(struct exr *r)
{
	report_0(r);
	exr_remove(r, 0);
}

static void reported_twice(struct exr *r)
{
	exr_go(r, "reporter", 3, report_0);
	exr_go(r, "reporter 2", 2, report_0);
	(void)exr_unmap(r, 0, 0, 1);
}

static void reports(struct exr *r)
{
	exr_go(r, "reporter", 3, report_0);
	report_0(r);
}

static void one_report(struct exr *r)
{
	exr_go(r, "reporter", 3, report_0);
	(void)exr_unmap(r, 0, 0, 1);
}

/* No timeout stands before the fence, so it comes at any step of an unmap. */
static void report_unmaps(struct exr *r)
{
	exr_go(r, "reporter", 3, report_0);
	for (unsigned p = 0; p < 3; p++)
		(void)exr_unmap(r, 0, p, 1);
}

/* ---- devices that are broken in another way ---- */

static void ranges_prepare(struct exr *r)
{
	exb_shared(r);
	lzm_ep_fault(r->dev[0].ep, LZM_EP_ATC_RANGES, 0, 0);
}

/* The second one has lost its ATS enable: what it answers invalidates nothing. */
static void lost_ats_prepare(struct exr *r)
{
	exb_one_dead(r);
	lzm_ep_fault(r->dev[1].ep, LZM_EP_ATC_UNSUPPORTED, 0, 0);
}

/* ---- service failure ---- */

static void fail_service(struct exr *r)
{
	for (unsigned i = 0; i < 10; i++) {
		struct lz_health h;

		lz_device_health(r->dev[0].dev, &h);
		if (h.fence != LZ_FENCE_OPEN)
			break;
		exr_sleep(r, LZ_US(200));
	}
	exr_fail_service(r, 0);
}

static void service_failure(struct exr *r)
{
	exr_go(r, "failure", 3, fail_service);
	(void)exr_unmap(r, 0, 0, 1);
}

/* While the error of the dead device is being handled. */
static void fail_at_error(struct exr *r)
{
	exr_sleep(r, r->c->ats_timeout);
	for (unsigned i = 0; i < 10 && !r->iommu->error_is_raised(&r->unit[0]); i++)
		exr_sleep(r, LZ_US(1));
	exr_fail_service(r, 0);
}

static void failure_at_error(struct exr *r)
{
	exr_go(r, "failure", 3, fail_at_error);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- queue restart ---- */

static void stall(struct exr *r)
{
	r->dead_queue = true;
	lzm_iommu_stall(r->unit[0].model, sim_now() + LZ_MS(40));
}

static void restart_submitters(struct exr *r)
{
	stall(r);
	exr_go(r, "invalidator", 3, exb_unmap_1);
	exr_go(r, "invalidator 2", 2, exb_unmap_2);
	(void)exr_unmap(r, 0, 0, 1);
}

static void late_comer(struct exr *r)
{
	exr_sleep(r, r->c->sync_bound / 5 * 4);
	exb_unmap_2(r);
}

/* A handler's patience ends first, which starts the clock of the ladder; the
 * restart comes when the worker's own patience has ended. */
static void restart_waiters(struct exr *r)
{
	stall(r);
	exr_go(r, "late comer", 2, late_comer);
	(void)exr_unmap_irq(r, 0, 0, 1);
}

/* The hardware takes no command from the first probe on. */
static void stall_probe(struct exr *r)
{
	r->on_probe = NULL;
	r->dead_queue = true;
	r->stalled_cons = lzm_iommu_head(r->unit[0].model);
	lzm_iommu_stall(r->unit[0].model, sim_now() + LZ_SEC(1));
}

/* Nobody but a restart moves CONS then; what was dropped has never been carried out. */
static void stall_until_restart(struct exr *r)
{
	for (unsigned i = 0; i < 100; i++) {
		exr_sleep(r, LZ_MS(1));
		if (r->dead_queue && lzm_iommu_head(r->unit[0].model) != r->stalled_cons)
			break;
	}
	lzm_iommu_stall(r->unit[0].model, 0);
	sim_hw_changed();
}

static void probe_dropped(struct exr *r)
{
	r->on_probe = stall_probe;
	exr_go(r, "stall", 3, stall_until_restart);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- two domains ---- */

static void apart_prepare(struct exr *r)
{
	exr_domain(r, 0, 1);
	exr_domain(r, 1, EXR_ALL & ~1u);
	exr_warm(r, 0, 0, 3, 1);
	exr_warm(r, 1, 0, 3, EXR_ALL & ~1u);
	exr_silence(r, 0);
}

static void other_domain(struct exr *r)
{
	for (unsigned p = 0; p < 3; p++)
		(void)exr_unmap(r, 1, p, 1);
}

static void apart(struct exr *r)
{
	exr_go(r, "invalidator", 3, other_domain);
	(void)exr_unmap(r, 0, 0, 1);
}

const struct exr_body exr_bodies[] = {
	{"healthy", "one unmap, everybody answers", exb_shared, one_unmap},
	{"one_unmap", "one unmap with a dead device", exb_one_dead, one_unmap},
	{"one_dead", "two invalidators, one of several devices is dead", exb_one_dead, two_unmaps},
	{"two_dead", "two of the devices are dead", two_dead_prepare, two_unmaps},
	{"three_invalidators", "three invalidators on one dead device", exb_one_dead, three_unmaps},
	{"attach_fence", "attach against fence", attach_prepare, attach_fence},
	{"alias_deaf", "the dead one of two that share a stream id is fenced",
	 exb_alias_deaf_prepare, exb_alias_deaf},
	{"leave_sound", "a sound device is detached while others invalidate", exb_shared,
	 exb_leave_sound},
	{"reset_identify", "a reset's end against identification", exb_one_dead, reset_meets},
	{"reset_worker", "a reset's end against the worker", exb_one_dead, reset_worker},
	{"nested_reset", "nested resets, the inner one fails", exb_one_dead, nested_reset},
	{"alias_resets", "resets of two that share a stream id, one is dead", exb_one_dead,
	 alias_resets},
	{"alias_held", "the sound one of two that share a stream id is reset alone", exb_one_dead,
	 alias_held},
	{"remove_dead", "removal before the fault is found", exb_one_dead, remove_dead},
	{"remove_worker", "removal against the worker", exb_one_dead, exb_remove_worker},
	{"neighbour_removed", "one is found broken while another one of its group is removed",
	 exb_one_dead, exb_neighbour_removed},
	{"remove_blocked", "removal of a blocked device", exb_one_dead, exb_remove_blocked},
	{"wrap_around", "three invalidators on a queue of a few slots", exb_shared, wrap_around},
	{"room", "three invalidators without ATS on a queue of a few slots", no_ats, wrap_around},
	{"full_illegal", "queue full, an illegal command, interrupts masked", exb_shared,
	 full_illegal},
	{"handler_unmap", "unmap in a handler on the CPU whose task is polling", exb_one_dead,
	 handler_unmap},
	{"pasid_block", "PASID attach against block", pasid_prepare, pasid_block},
	{"late_timeout", "the error comes after the software bound", exb_one_dead, late_timeout},
	{"custody_map", "custody released against map", exb_one_dead, custody_map},
	{"reported_twice", "two reports of the embedder against the worker", exb_one_dead,
	 reported_twice},
	{"remove_reported", "removal of a device that is just being reported", exb_shared,
	 remove_reported},
	{"service_failure", "service failure during identification", two_dead_prepare,
	 service_failure},
	{"restart_submitters", "queue restart against submitters", exb_shared, restart_submitters},
	{"restart_waiters", "queue restart against one whose patience lasts", exb_shared,
	 restart_waiters},
	{"probe_dropped", "a restart drops the probe of one of two dead devices", two_dead_prepare,
	 probe_dropped},
	{"apart", "a dead device in one domain, a sound one in another", apart_prepare, apart},
	{"failure_at_error", "service failure and a queue error at once", exb_one_dead,
	 failure_at_error},
	{"ranges", "a device that answers whole-space invalidations only", ranges_prepare,
	 two_unmaps},
	{"lost_ats", "one is dead, the other one answers with its ATS off", lost_ats_prepare,
	 two_unmaps},
	{"attach_dead", "a dead device is attached, and found out meanwhile",
	 exb_attach_dead_prepare, exb_attach_dead},
	{"report_attach", "a device is attached, and reported meanwhile", exb_attach_dead_prepare,
	 exb_report_attach},
	{"move", "a sound device moves to another domain while pages go", exb_move_prepare,
	 exb_move},
	{"report_reset", "a reset from the CPU that takes the error", exb_one_dead,
	 exb_report_reset},
	{"late_reset", "a reset while an invalidation is out", exb_one_dead, exb_late_reset},
	{"reset_fails", "a reset that fails against the worker", exb_one_dead, exb_reset_fails},
	{"broken_again", "broken again while its tables are written", exb_one_dead,
	 exb_broken_again},
	{"detach_reset", "detach and destruction against a reset", exb_detach_reset_prepare,
	 exb_detach_reset},
	{"nested_settle", "nested resets, the outer one settles", exb_one_dead, exb_nested_settle},
	{"operator_reset", "an operator against a reset", exb_one_dead, exb_operator_reset},
	{"remove_faults", "removal while its faults are told", exb_shared, exb_remove_faults},
	{"remove_probed", "removal while its probe is out", exb_one_dead, exb_remove_probed},
	{"pasid_reset", "a device with a PASID recovers", exb_pasid_prepare, exb_pasid_reset},
	{"pasid_muted", "one device in two domains", exb_pasid_prepare, exb_pasid_muted},
	{"report_unmaps", "a report of the embedder against unmaps", exb_shared, report_unmaps},
	{"short_map", "maps that need tables against a fault", exb_one_dead, exb_short_map},
	{"tables", "two maps that need the same tables", exb_tables_prepare, exb_tables},
	{"reports", "two reports of the embedder", exb_shared, reports},
	{"one_report", "a report of the embedder against an unmap", exb_shared, one_report},
	{"short_domain", "domains come and go during a fault", exb_one_dead, exb_short_domain},
	{"short_device", "a sound device is removed and added again during a fault", exb_one_dead,
	 exb_short_device},
	{"short_dead", "a dead device is removed and added again", exb_one_dead, exb_short_dead},
	{"many_pasids", "an invalidation array grows during a fault", exb_many_pasids_prepare,
	 exb_many_pasids},
	{"two_ways", "one is dead, a sound one reaches a domain by RID and PASID",
	 exb_two_ways_prepare, exb_two_ways},
	{"laps", "the queue goes round after a recovery", exb_one_dead, exb_laps},
	{"second_stalls", "one of two SMMUs stands still while pages go", exb_shared,
	 exb_second_stalls},
	{"both_owe", "custody that two SMMUs owe, released against map", exb_shared, exb_both_owe},
	{"second_comes", "attach behind a second SMMU against unmap", exb_first_only,
	 exb_second_comes},
	{"second_goes", "the last one behind an SMMU leaves and comes back against unmap",
	 exb_shared, exb_second_goes},
	{"second_fails", "service failure of one of two SMMUs", exb_shared, exb_second_fails},
	{"lanes_two", "two dead devices, each in a domain of its own, invalidated by two CPUs",
	 exb_lanes_two_prepare, exb_lanes_two},
	{"lanes_stuck", "a fence and a TLB invalidation while a lane stands", exb_lanes_prepare,
	 exb_lanes_stuck},
	{"lanes_shared", "syncs without ATC invalidations while a timeout comes", exb_lanes_prepare,
	 exb_lanes_shared},
	{NULL, NULL, NULL, NULL},
};

bool exr_body_runs_on(const struct exr_body *b, unsigned iommu)
{
	return exr_hardware_of(iommu)->fail ||
	       (b->act != service_failure && b->act != failure_at_error &&
		b->act != exb_second_fails);
}

const struct exr_body *exr_body_find(const char *name)
{
	for (const struct exr_body *b = exr_bodies; b->name; b++)
		if (!strcmp(b->name, name))
			return b;
	return NULL;
}
