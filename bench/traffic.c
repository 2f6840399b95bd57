/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA of the functions; see traffic.h. */
#include "bench/traffic.h"
#include "bench/oracle.h"

#define PERIOD	    LZ_US(200)
#define PERIOD_HOT  LZ_US(50) /* while a function that must not be trusted is not fenced */
#define PERIOD_REST LZ_MS(1)  /* after the workload, or when that lasts */
#define HOT_ENOUGH  20000u
#define PERIOD_IDLE LZ_SEC(1) /* of a storm, between its blows */
#define HOT_BLOW    200u
#define EASE_BLOW   1000u /* accesses after which half as many will do */
#define EASE_MAX    7u

/* A burst whose unmaps wait for the hardware lasts minutes in which little happens. */
static lz_ns storm_period(const struct rig *r, bool hot)
{
	uint64_t eased = r->steps / EASE_BLOW;

	if (hot && r->hot_steps <= HOT_BLOW)
		return PERIOD_HOT;
	if (!r->bursts)
		return PERIOD_IDLE;
	return PERIOD << (eased < EASE_MAX ? eased : EASE_MAX);
}

static lz_ns period(const struct rig *r, bool hot)
{
	if (r->storm)
		return storm_period(r, hot);
	if (!r->running || (hot && r->hot_steps > HOT_ENOUGH))
		return PERIOD_REST;
	return hot ? PERIOD_HOT : PERIOD;
}

/* Those that have recovered or are gone need no look any more. */
static void forget(struct rig *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_odd; i++) {
		struct rig_fn *fn = r->odd[i];

		fn->odd = fn->guilty || fn->fenced;
		if (fn->odd)
			r->odd[n++] = fn;
	}
	r->n_odd = n;
}

static bool step(void *arg)
{
	struct rig *r = arg;
	bool hot = false;
	struct rig_fn *fn;

	if (!r->armed || r->closing || sim_now() < r->next_traffic || !r->n_fns)
		return false;
	forget(r);
	oracle_fences(r);
	fn = &r->fns[rig_random(r) % r->n_fns];
	for (unsigned i = 0; i < r->n_odd; i++) {
		struct rig_fn *f = r->odd[i];

		if (f->guilty && !f->fenced && lzm_ep_atc_used(f->ep)) {
			hot = true;
			if (rig_random(r) % 2)
				fn = f;
		}
	}
	/* A fenced function's requests become event records: a few are enough. */
	if (!fn->fenced || rig_random(r) % 16 == 0)
		lzm_ep_dma_cached(fn->ep, rig_random(r) % 2 ? LZM_WRITE : LZM_READ);
	r->hot_steps += hot;
	r->steps++;
	r->next_traffic = sim_now() + period(r, hot);
	return true;
}

static lz_ns wake(void *arg)
{
	const struct rig *r = arg;

	return r->armed && !r->closing ? r->next_traffic : LZ_NEVER;
}

void traffic_start(struct rig *r)
{
	struct sim_hw hw = {"dma", step, wake, r};

	sim_hw_add(&hw);
}

/* One of the functions attached to the domain. */
static struct rig_fn *pick(struct rig_domain *d)
{
	struct rig *r = d->rig;
	struct rig_fn *found = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_fns; i++)
		if (r->fns[i].attached && r->fns[i].dom == d && !r->fns[i].mf->is_bridge)
			if (rig_random(r) % ++n == 0)
				found = &r->fns[i];
	return found;
}

void traffic_mapped(struct rig_domain *d, uint64_t iova, uint64_t size, unsigned prot)
{
	struct rig *r = d->rig;
	struct rig_fn *fn = pick(d);
	enum lzm_access access = LZM_READ;

	if (!fn || r->closing)
		return;
	if ((prot & LZ_WRITE) && (!(prot & LZ_READ) || rig_random(r) % 4))
		access = LZM_WRITE;
	iova += rig_random(r) % (size / LZ_PAGE) * LZ_PAGE;
	if (lzm_ep_dma(fn->ep, iova, access) != LZM_OK) {
		r->res->aborted_accesses++;
		fn->aborted++;
	}
}

void traffic_unmapped(struct rig_domain *d)
{
	struct rig *r = d->rig;
	struct rig_fn *fn;

	if (r->closing || rig_random(r) % 4)
		return;
	fn = pick(d);
	if (fn && !fn->fenced)
		lzm_ep_dma_cached(fn->ep, rig_random(r) % 2 ? LZM_WRITE : LZM_READ);
}
