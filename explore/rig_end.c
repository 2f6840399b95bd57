/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a run: what is broken is reset, then everything is taken apart. */
#include "explore/rig.h"

static bool idle(struct exr *r)
{
	struct lz_stats st;

	lz_stats_get(r->lz, &st);
	if (st.custody_pages || st.work_pending)
		return false;
	for (unsigned i = 0; i < r->n_devs; i++) {
		struct lz_health h;

		if (!r->dev[i].dev)
			continue;
		lz_device_health(r->dev[i].dev, &h);
		if (h.fence == LZ_FENCE_SUSPECT || h.fence == LZ_FENCE_FENCING)
			return false;
	}
	return true;
}

bool exr_settle(struct exr *r, lz_ns ns)
{
	lz_ns end = sim_now() + ns, pause = LZ_MS(1);

	for (; !idle(r); pause += pause / 4) {
		if (sim_now() >= end)
			return false;
		sim_sleep_until(sim_now() + pause);
	}
	return true;
}

/* As their owners would, and their operator tries again. False: nobody is broken. */
static bool reset_broken(struct exr *r)
{
	bool any = false;

	for (unsigned i = 0; i < r->n_devs; i++) {
		struct lz_health h;

		if (!r->dev[i].dev || r->dev[i].unit->lost)
			continue;
		lz_device_health(r->dev[i].dev, &h);
		if (h.fence == LZ_FENCE_OPEN && !h.block && lzm_ep_answers(r->dev[i].ep))
			continue;
		any = true;
		r->dev[i].reset_ok = exr_reset(r, i, LZ_RESET_OK) == LZ_OK;
		if (r->dev[i].held)
			r->dev[i].held = lz_device_clear(r->dev[i].dev) != LZ_OK;
	}
	return any;
}

static bool all_lost(const struct exr *r)
{
	bool all = true;

	for (unsigned i = 0; i < r->n_units; i++)
		all &= r->unit[i].lost;
	return all;
}

void exr_recover(struct exr *r)
{
	for (unsigned pass = 0; pass < 4 && !all_lost(r); pass++) {
		bool settled = exr_settle(r, LZ_SEC(20));

		if (!pass)
			exr_settled(r);
		if (!reset_broken(r) && settled)
			return;
	}
	if (!exr_settle(r, LZ_SEC(300)) && !all_lost(r))
		ex_violate(r->run, 'E', "custody or work for ever",
			   "300 s after the last reset something is still in custody or at work");
}

static void drop_domain(struct exr *r, struct exr_dom *d)
{
	struct lz_domain *dom = d->dom;
	enum lz_status st;

	if (!dom)
		return;
	for (unsigned i = 0; i < r->n_devs; i++)
		if (r->dev[i].dev && lz_attached(r->dev[i].dev, LZ_NO_PASID) == dom)
			lz_detach(r->dev[i].dev);
	d->dom = NULL;
	st = lz_domain_destroy(dom);
	if (st != LZ_OK && st != LZ_IN_CUSTODY)
		ex_violate(r->run, 'E', "lz_domain_destroy()", "lz_domain_destroy() answered %s",
			   lz_status_name(st));
}

void exr_tear_down(struct exr *r)
{
	r->closing = true;
	for (unsigned i = 0; i < EXR_DOMS; i++)
		drop_domain(r, &r->dom[i]);
	for (unsigned i = 0; i < r->n_devs; i++)
		exr_remove(r, i);
	if (!exr_settle(r, LZ_SEC(300)))
		ex_violate(r->run, 'E', "custody or work for ever",
			   "300 s after everything was removed something is in custody or at work");
	exr_groups(r);
	for (unsigned i = 0; i < r->n_devs; i++)
		if (!i || !r->c->same_group)
			exr_must(r, lz_group_destroy(r->dev[i].group), "lz_group_destroy()");
	for (unsigned i = 0; i < r->n_units; i++) {
		exr_must(r, r->iommu->remove(r->unit[i].iommu), "removing the IOMMU");
		r->unit[i].iommu = NULL;
	}
	exr_books(r);
	for (unsigned i = 0; i < r->n_units; i++)
		r->worker[i].stop = true;
	sim_sleep_until(sim_now() + LZ_MS(200));
	exr_must(r, lz_fini(r->lz), "lz_fini()");
}
