/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces as the workload uses them: every call into the library is
 * timed, and what it answered is written into the shadow.
 */
#include "bench/oracle.h"
#include "bench/rig.h"
#include "bench/traffic.h"
#include "lz_arch.h"

#include <stdio.h>
#include <stdlib.h>

static void release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	struct rig_domain *d = ctx;
	uint64_t odd = shadow_release(&d->rig->shadow, d->id, iova, size, sim_now());

	(void)dom;
	if (odd)
		oracle_violation(d->rig, INV_E,
				 "%s: release of %llu pages at 0x%llx that were not in custody",
				 d->name, (unsigned long long)odd, (unsigned long long)iova);
}

static void destroyed(void *ctx)
{
	struct rig_domain *d = ctx;

	d->gone = true;
	shadow_forget_domain(&d->rig->shadow, d->id, sim_now());
}

static const struct lz_domain_ops domain_ops = {.release = release, .destroyed = destroyed};

struct rig_domain *space_create(struct rig_unit *u, const char *name, uint64_t key)
{
	struct rig *r = u->rig;
	struct rig_domain *d = calloc(1, sizeof(*d));
	enum lz_status st;

	if (!d) {
		rig_fail(r, "out of memory");
		return NULL;
	}
	d->rig = r;
	d->id = ++r->last_domain;
	d->key = key;
	snprintf(d->name, sizeof(d->name), "%s", name);
	st = lz_domain_create(u->iommu, LZ_DOMAIN_PAGING, &domain_ops, d, &d->dom);
	if (st != LZ_OK) {
		rig_fail(r, "domain %s: %s", name, lz_status_name(st));
		free(d);
		return NULL;
	}
	d->next = r->domains;
	r->domains = d;
	return d;
}

void space_destroy(struct rig_domain *d)
{
	enum lz_status st;

	if (d->dead)
		return;
	/* What is still mapped goes with the tables; nobody may reach it after. */
	d->dead = true;
	st = lz_domain_destroy(d->dom);
	d->gone |= st == LZ_OK;
	if (st != LZ_OK && st != LZ_IN_CUSTODY)
		oracle_violation(d->rig, INV_E, "domain %s cannot be destroyed: %s", d->name,
				 lz_status_name(st));
	else if (st == LZ_OK)
		shadow_forget_domain(&d->rig->shadow, d->id, sim_now());
}

bool space_attach(struct rig_fn *fn, struct rig_domain *d)
{
	struct rig *r = fn->rig;
	enum lz_status st;

	if (!fn->dev || (fn->attached && fn->dom == d))
		return true;
	if (fn->attached) {
		lz_detach(fn->dev);
		fn->attached = false;
	}
	fn->dom = d;
	fn->attached = true; /* hardware may reach the pages from here on */
	st = lz_attach(fn->dev, d->dom);
	r->res->attaches++;
	if (st == LZ_OK) {
		fn->ats_works = lz_device_ats_active(fn->dev);
		return true;
	}
	fn->attached = false;
	r->res->attaches_refused++;
	return false;
}

bool space_attach_pasid(struct rig_fn *fn, struct rig_domain *d)
{
	struct rig *r = fn->rig;

	if (!fn->dev)
		return true;
	r->res->attaches++;
	if (lz_attach_pasid(fn->dev, d->pasid, d->dom) != LZ_OK) {
		r->res->attaches_refused++;
		return false;
	}
	fn->pasid_dom[d->pasid] = d;
	fn->pasids_on |= 1u << d->pasid;
	return true;
}

void space_attach_pasids(struct rig_fn *fn)
{
	for (unsigned p = 0; p < SCENARIO_PASIDS; p++)
		if (fn->pasid_dom[p])
			(void)space_attach_pasid(fn, fn->pasid_dom[p]);
}

void space_remove_device(struct rig_fn *fn)
{
	struct lz_device *dev = fn->dev;

	if (!dev || fn->removing)
		return;
	fn->removing = fn->leaving = true;
	fn->pasids_on = 0;
	if (lz_device_remove(dev) != LZ_OK)
		oracle_violation(fn->rig, INV_E, "%s cannot be removed", fn->name);
	fn->removing = false;
	fn->last_dev = fn->leaving ? dev : NULL;
	oracle_removed(fn);
	fn->attached = false;
	fn->dev = NULL;
}

void space_unplug(struct rig_fn *fn)
{
	while (fn->resetting)
		sim_sleep_until(sim_now() + LZ_US(100));
	space_remove_device(fn);
}

uint64_t space_high(struct rig_domain *d, uint64_t size)
{
	uint64_t pages = (size + LZ_PAGE - 1) / LZ_PAGE;
	uint64_t at;

	if (d->next_high + pages > (d->rig->storm ? RIG_HIGH_STORM : RIG_HIGH_PAGES))
		d->next_high = 0;
	at = RIG_HIGH_IOVA + d->next_high * LZ_PAGE;
	d->next_high += pages;
	return at;
}

/* Memory that is in custody is not handed to the next one who asks. */
static uint64_t pa_for(struct rig *r, uint64_t pa, uint64_t size)
{
	for (uint64_t off = 0; off < size; off += LZ_PAGE)
		if (shadow_pa_held(&r->shadow, pa + off))
			return pa + RIG_ELSEWHERE;
	return pa;
}

static bool any_held(struct rig_domain *d, uint64_t iova, uint64_t size)
{
	for (uint64_t off = 0; off < size; off += LZ_PAGE) {
		struct shadow_page *p = shadow_find(&d->rig->shadow, d->id, (iova + off) / LZ_PAGE);

		if (p && p->state != SHADOW_FREE)
			return true;
	}
	return false;
}

enum lz_status space_map(struct rig_domain *d, uint64_t *iova, uint64_t pa, uint64_t size,
			 unsigned prot)
{
	struct rig *r = d->rig;
	enum lz_status st = LZ_EBUSY;
	uint64_t at = *iova;

	pa = pa_for(r, pa, size);
	for (unsigned tries = 0; tries < 64 && st == LZ_EBUSY; tries++) {
		if (tries)
			at = space_high(d, size);
		if (any_held(d, at, size))
			continue;
		/* Live before the call: hardware sees the entry before it returns. */
		shadow_map(&r->shadow, d->id, at, pa, size, sim_now());
		st = lz_map(d->dom, at, pa, size, prot);
		if (st != LZ_OK)
			shadow_unmapped(&r->shadow, d->id, at, size, sim_now());
		r->res->moved += tries == 1;
	}
	r->res->maps++;
	if (st == LZ_OK) {
		*iova = at;
		traffic_mapped(d, at, size, prot);
	} else {
		r->res->refused++;
	}
	return st;
}

enum lz_status space_unmap(struct rig_domain *d, uint64_t iova, uint64_t size)
{
	struct rig *r = d->rig;
	bool irq = lz_in_atomic();
	lz_ns begin = sim_now(), took;
	struct oracle_asked asked;
	enum lz_status st;

	oracle_pasid_begin(d, &asked);
	shadow_unmap_begin(&r->shadow, d->id, iova, size, begin);
	st = lz_unmap(d->dom, iova, size);
	took = sim_now() - begin;
	r->res->unmaps++;
	if (irq) {
		r->res->irq_unmaps++;
		if (took > r->res->worst_irq_unmap)
			r->res->worst_irq_unmap = took;
	} else if (took > r->res->worst_unmap) {
		r->res->worst_unmap = took;
	}
	if (st == LZ_OK && r->cfg.contain == LZ_CONTAIN_ON)
		oracle_pasid_end(d, &asked);
	oracle_unmap(d, iova, size, st, took, irq);
	shadow_unmap_end(&r->shadow, d->id, iova, size, st != LZ_OK, sim_now());
	if (st == LZ_IN_CUSTODY)
		r->res->in_custody_answers++;
	traffic_unmapped(d);
	return st;
}
