/* SPDX-License-Identifier: BSD-2-Clause */
/* Judging when the run is quiet, after the teardown, and what a result says. */
#include "bench/oracle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- quiet ---- */

static bool same_attachment(const struct rig_fn *fn)
{
	struct lz_domain *dom = lz_attached(fn->dev, LZ_NO_PASID);

	return dom == (fn->attached ? fn->dom->dom : NULL);
}

/* D: one access through a fresh mapping. */
static bool traffic_flows(struct rig_fn *fn)
{
	uint64_t iova = space_high(fn->dom, LZ_PAGE);
	bool ok;

	if (space_map(fn->dom, &iova, 0x7000000000ull, LZ_PAGE, LZ_READ | LZ_WRITE) != LZ_OK)
		return false;
	ok = lzm_ep_dma(fn->ep, iova, LZM_WRITE) == LZM_OK;
	(void)space_unmap(fn->dom, iova, LZ_PAGE);
	return ok;
}

/* The same under each PASID. */
static bool pasids_flow(struct rig_fn *fn)
{
	for (unsigned p = 1; p < SCENARIO_PASIDS; p++) {
		struct rig_domain *d = fn->pasid_dom[p];
		uint64_t iova;
		bool ok;

		if (!d)
			continue;
		iova = space_high(d, LZ_PAGE);
		if (lz_attached(fn->dev, p) != d->dom ||
		    space_map(d, &iova, 0x7100000000ull, LZ_PAGE, LZ_READ | LZ_WRITE) != LZ_OK)
			return false;
		ok = lzm_ep_dma_pasid(fn->ep, p, iova, LZM_WRITE) == LZM_OK;
		(void)space_unmap(d, iova, LZ_PAGE);
		if (!ok)
			return false;
	}
	return true;
}

static void judge_recovery(struct rig *r, struct rig_fn *fn, const struct lz_health *h)
{
	/* A clean reset without a later fault, or never anything wrong. */
	bool clean = fn->told ? fn->reset_seen && fn->answered_reset : !fn->guilty;

	/* Only an operator lets those back. */
	if (h->block & (LZ_BLOCK_PERMANENT | LZ_BLOCK_OPERATOR))
		return;
	if (!fn->dev || fn->faulted_since_reset || !lzm_ep_answers(fn->ep) || !clean ||
	    fn->condemned)
		return;
	if (h->fence != LZ_FENCE_OPEN || h->block || strcmp(h->state, "healthy"))
		oracle_violation(r, INV_D, "%s: %s (fence %s, block 0x%x) although it is sound",
				 fn->name, h->state, lz_fence_name(h->fence), h->block);
	else if (!same_attachment(fn))
		oracle_violation(r, INV_D, "%s is not attached to what it was", fn->name);
	else if (fn->attached && fn->ats_works && !lz_device_ats_active(fn->dev))
		oracle_violation(r, INV_D, "%s: ATS is not back", fn->name);
	else if (fn->attached && !fn->mf->is_bridge && !traffic_flows(fn))
		oracle_violation(r, INV_D, "%s: DMA through a fresh mapping does not work",
				 fn->name);
	else if (!pasids_flow(fn))
		oracle_violation(r, INV_D, "%s: a PASID is not attached to what it was", fn->name);
}

/* Ids of a blocked function that no blocked one before it sends too (H13). */
static unsigned new_ids(const struct rig *r, unsigned index)
{
	const struct rig_fn *fn = &r->fns[index];
	unsigned n = 0;

	for (unsigned s = 0; s < fn->n_sids; s++) {
		bool seen = false;

		for (unsigned i = 0; i < index; i++) {
			struct lz_health h = {.block = 0};

			if (r->fns[i].dev)
				lz_device_health(r->fns[i].dev, &h);
			for (unsigned k = 0; h.block && k < r->fns[i].n_sids; k++)
				seen |= r->fns[i].sids[k] == fn->sids[s];
		}
		n += !seen;
	}
	return n;
}

/* ATS is off, and the rest goes on (H74): unless the ladder had to switch the
 * function off, or it does not obey. */
static void judge_degraded(struct rig *r, struct rig_fn *fn, const struct lz_health *h)
{
	if (!h->degraded || !fn->dev)
		return;
	if (h->block || lz_device_ats_active(fn->dev))
		oracle_violation(r, INV_B, "%s is degraded (block 0x%x), and its ATS is %s",
				 fn->name, h->block,
				 lz_device_ats_active(fn->dev) ? "active" : "off");
	else if (h->fence == LZ_FENCE_FENCED && fn->attached && !fn->mf->is_bridge &&
		 lzm_ep_bus_master(fn->ep) && !lzm_ep_ats_enabled(fn->ep) && !traffic_flows(fn))
		oracle_violation(r, INV_C, "%s is degraded, and untranslated DMA is blocked",
				 fn->name);
}

/* Whoever was asked, did not answer and does not answer now has been found out when nobody
 * is suspect and nothing in custody any more. */
void oracle_settled(struct rig *r)
{
	for (unsigned i = 0; i < r->n_fns; i++) {
		struct rig_fn *fn = &r->fns[i];
		bool now = false, uncached = false;

		if (r->cfg.contain != LZ_CONTAIN_ON || !fn->dev || fn->removing || fn->unit->dead ||
		    !fn->silent || lzm_ep_answers(fn->ep) || !lzm_ep_ats_enabled(fn->ep))
			continue;
		lzm_iommu_ats_effective(&fn->unit->model, fn->sids[0], &now, &uncached);
		if (now || uncached)
			oracle_violation(r, INV_B, "%s has not answered, and goes free", fn->name);
	}
}

static void judge_counts(struct rig *r)
{
	struct lz_stats st;
	uint64_t in_groups = 0, in_devices = 0;

	lz_stats_get(r->lz, &st);
	for (unsigned i = 0; i < r->n_groups; i++)
		in_groups += lz_group_recovery_count(r->groups[i].grp);
	for (unsigned i = 0; i < r->n_fns; i++) {
		struct lz_health h;

		if (!r->fns[i].dev)
			continue;
		lz_device_health(r->fns[i].dev, &h);
		in_devices += h.block ? new_ids(r, i) : 0;
	}
	if (in_groups != st.blocked_ids || in_groups != in_devices)
		oracle_violation(
			r, INV_E,
			"recovery counts %llu, blocked ids %llu, ids of blocked devices %llu",
			(unsigned long long)in_groups, (unsigned long long)st.blocked_ids,
			(unsigned long long)in_devices);
}

static void copy_device(struct rig_fn *fn, const struct lz_health *h)
{
	struct result_device *d = &fn->rig->res->devices[fn->index];

	d->health = *h;
	if (fn->dev) {
		lz_device_stats_get(fn->dev, &d->stats);
		d->has_snapshot = lz_device_snapshot(fn->dev, &d->snapshot) == LZ_OK;
	}
	d->ats_active = fn->dev && lz_device_ats_active(fn->dev);
}

/* Nothing is recovered behind an IOMMU that translates nothing. */
static void judge_dead(struct rig *r)
{
	struct inv_state *d = &r->res->inv[INV_D];
	for (unsigned i = 0; i < r->n_units; i++) {
		if (!r->unit[i].dead)
			continue;
		snprintf(d->note, sizeof(d->note), "%s translates nothing any more",
			 r->n_units == 1 ? "the SMMU" : r->unit[i].name);
	}
	d->not_applicable |= rig_all_dead(r);
}

void oracle_quiet(struct rig *r)
{
	struct lz_stats st;

	lz_stats_get(r->lz, &st);
	r->res->custody_end = st.custody_pages;
	r->res->probes = st.probes;
	r->res->fences = st.fences;
	r->res->recoveries = st.recoveries;
	for (unsigned i = 0; i < r->n_units; i++)
		if (r->unit[i].iommu)
			lz_iommu_stats_get(r->unit[i].iommu, &r->res->iommus[i].stats);
	judge_counts(r);
	judge_dead(r);
	for (unsigned i = 0; i < r->n_fns; i++) {
		struct lz_health h = {.state = "removed", .presence = LZ_GONE};

		if (r->fns[i].dev)
			lz_device_health(r->fns[i].dev, &h);
		copy_device(&r->fns[i], &h);
		if (r->cfg.contain == LZ_CONTAIN_ON && !r->fns[i].unit->dead) {
			judge_recovery(r, &r->fns[i], &h);
			judge_degraded(r, &r->fns[i], &h);
		}
	}
	oracle_fences(r);
	if (rig_settled(r))
		oracle_settled(r);
}

/* ---- the books ---- */

void oracle_books(struct rig *r, const struct lz_stats *st)
{
	if (st->custody_pages || st->blocked_ids || st->references)
		oracle_violation(r, INV_E,
				 "at the end: %llu pages in custody, %llu ids blocked, %llu "
				 "references",
				 (unsigned long long)st->custody_pages,
				 (unsigned long long)st->blocked_ids,
				 (unsigned long long)st->references);
	if (r->shadow.custody_pages)
		oracle_violation(r, INV_E, "%llu pages were never released",
				 (unsigned long long)r->shadow.custody_pages);
}

/* Where a regime denies the evidence, "assumed" is the exception that C names. */
static bool left_alone(const struct rig *r, const struct rig_fn *fn)
{
	return fn->n_quarantined == (r->opt.regime ? fn->n_assumed : 0);
}

enum expectation {
	QUARANTINED,
	RECOVERED,
	NOT_QUARANTINED,
	BLOCKED,
	UNDISTURBED,
	DEGRADED,
	EXPECTATIONS
};

static bool came_true(const struct rig *r, const struct rig_fn *fn, enum expectation e)
{
	switch (e) {
	case QUARANTINED:
		return fn->n_quarantined > 0;
	case RECOVERED:
		return fn->n_recovered > 0;
	case NOT_QUARANTINED:
		return left_alone(r, fn);
	case BLOCKED:
		return r->res->devices[fn->index].health.block != 0;
	case DEGRADED:
		return fn->n_degraded > 0;
	default:
		return !fn->aborted;
	}
}

static void judge_expect(struct rig *r)
{
	const struct scenario_expect *e = &r->sc->expect;
	const struct {
		const struct scenario_devices *list;
		const char *what;
	} all[EXPECTATIONS] = {[QUARANTINED] = {&e->quarantined, "quarantined"},
			       [RECOVERED] = {&e->recovered, "recovered"},
			       [NOT_QUARANTINED] = {&e->not_quarantined, "left alone"},
			       [BLOCKED] = {&e->blocked, "blocked at the end"},
			       [UNDISTURBED] = {&e->undisturbed, "left undisturbed"},
			       [DEGRADED] = {&e->degraded, "quarantined by its fence alone"}};

	for (unsigned k = 0; k < EXPECTATIONS; k++)
		for (size_t i = 0; i < all[k].list->n; i++) {
			const struct rig_fn *fn = rig_fn_by_bdf(r, all[k].list->item[i].bdf);

			r->res->has_expect = true;
			if ((!fn || !came_true(r, fn, (enum expectation)k)) &&
			    !r->res->inv[INV_EXPECT].not_applicable)
				oracle_violation(r, INV_EXPECT, "%s was not %s",
						 fn ? fn->name : "a device", all[k].what);
		}
	r->res->has_expect |= e->has_queue_errors || e->has_neighbour_delay;
	if (e->has_neighbour_delay && r->res->worst_neighbour > e->neighbour_delay)
		oracle_violation(r, INV_EXPECT,
				 "an unmap without a broken device took %.3f ms, at most %.3f ms "
				 "expected",
				 (double)r->res->worst_neighbour / 1e6,
				 (double)e->neighbour_delay / 1e6);
	if (e->has_queue_errors && r->res->cmdq_errors > e->queue_errors)
		oracle_violation(r, INV_EXPECT, "%llu queue errors, at most %llu expected",
				 (unsigned long long)r->res->cmdq_errors,
				 (unsigned long long)e->queue_errors);
}

static void copy_iommu(struct rig_unit *u, struct result_iommu *out)
{
	struct lzm_iommu_counts hw;

	lzm_iommu_counts_get(&u->model, &hw);
	out->lanes = scenario_lanes_name(u->rig->sc->machine.smmu.lanes);
	out->lanes_used = hw.lanes;
	out->commands = hw.commands;
	out->lane_commands = hw.lane_commands;
}

void oracle_end(struct rig *r)
{
	struct result *res = r->res;
	struct lzm_iommu_counts hw;
	struct sim_stats st;
	/* The last look after the deadline and what other CPUs do meanwhile. */
	lz_ns bound = r->cfg.atomic_wait + LZ_US(20);

	sim_stats_get(&st);
	units_counts(r, &hw);
	res->cmdq_errors = hw.errors;
	for (unsigned i = 0; i < r->n_units; i++)
		copy_iommu(&r->unit[i], &res->iommus[i]);
	res->failed_allocs = st.failed_allocs;
	res->peak_bytes = st.peak_bytes;
	res->longest_masked = st.longest_masked;
	res->longest_masked_wait = st.longest_masked_wait;
	res->custody_max = r->shadow.custody_max;
	res->custody_page_ns = r->shadow.custody_page_ns;
	if (st.longest_masked_wait > bound)
		oracle_violation(r, INV_F, "a wait of %.1f us in atomic context",
				 (double)st.longest_masked_wait / 1e3);
	if (r->finished && hw.errors != r->lz_cmdq_errors)
		oracle_violation(
			r, INV_G, "the hardware reported %llu queue errors, %llu were consumed",
			(unsigned long long)hw.errors, (unsigned long long)r->lz_cmdq_errors);
	if (st.violations)
		oracle_violation(r, INV_H, "%s", st.first_violation);
	if (hw.illegal_driver_use)
		oracle_violation(r, INV_H, "hardware used against its rules: %s", hw.last_misuse);
	if (!res->inconclusive && st.live_allocs)
		oracle_violation(r, INV_E, "%llu allocations (%llu bytes) are still there",
				 (unsigned long long)st.live_allocs,
				 (unsigned long long)st.live_bytes);
	judge_expect(r);
}

/* ---- results ---- */

enum inv_result result_of(const struct result *r, enum inv i)
{
	if (r->inv[i].violations)
		return INV_VIOLATED;
	return r->inv[i].not_applicable ? INV_NOT_APPLICABLE : INV_HELD;
}

bool result_violated(const struct result *r)
{
	for (int i = 0; i < INV_COUNT; i++)
		if (r->inv[i].violations)
			return true;
	return false;
}

const char *inv_name(enum inv i)
{
	static const char *const names[] = {"A", "B", "C", "D", "E", "F", "G", "H", "expect"};

	return names[i];
}

const char *inv_title(enum inv i)
{
	static const char *const titles[] = {
		"fence before free", "broken means fenced",
		"nobody innocent",   "full recovery",
		"the books balance", "bounded",
		"one story",	     "contexts",
		"as expected",
	};

	return titles[i];
}

const char *inv_result_name(enum inv_result v)
{
	static const char *const names[] = {"held", "violated", "not_applicable"};

	return names[v];
}

void result_fini(struct result *r)
{
	free(r->devices);
	free(r->events);
	free(r->orders);
	*r = (struct result){0};
}
