/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bodies that ask for memory while a fault is about: tables, domains, devices
 * and arrays. Meant for scenarios with alloc_failures: what fails leaves things
 * as they were, and what is left of it is given back. CPUs as in bodies.c.
 */
#include "explore/bodies.h"

/* ---- tables ---- */

/* A map that failed has mapped nothing: whoever looks finds nothing there. */
static void map_far(struct exr *r, unsigned page)
{
	if (exr_map(r, 0, page) == LZ_OK)
		(void)exr_unmap(r, 0, page, 1);
	else
		exr_freed(&r->dom[0], page);
}

static void map_far_pages(struct exr *r)
{
	for (unsigned i = 0; i < 2; i++)
		for (unsigned p = EXR_FAR; p < EXR_FAR + 2; p++)
			map_far(r, p);
}

static void map_far_too(struct exr *r)
{
	map_far(r, EXR_FAR + 2);
	map_far(r, EXR_FAR + 3);
}

void exb_short_map(struct exr *r)
{
	exr_go(r, "mapper", 3, map_far_pages);
	exr_go(r, "mapper 2", 2, map_far_too);
	(void)exr_unmap(r, 0, 0, 1);
}

static void map_near(struct exr *r)
{
	(void)exr_map(r, 0, 4);
}

/* In a domain without tables: who comes second takes the first one's. */
void exb_tables_prepare(struct exr *r)
{
	exr_domain(r, 0, 0);
}

void exb_tables(struct exr *r)
{
	exr_go(r, "mapper", 3, map_near);
	(void)exr_map(r, 0, 5);
}

/* ---- domains ---- */

static void destroy(struct exr *r, unsigned n)
{
	struct lz_domain *dom = r->dom[n].dom;
	enum lz_status st;

	r->dom[n].dom = NULL;
	st = lz_domain_destroy(dom);
	if (st == LZ_OK)
		exr_destroyed(&r->dom[n]);
	else if (st != LZ_IN_CUSTODY)
		ex_violate(r->run, 'E', "a domain that nobody is attached to",
			   "lz_domain_destroy() answered %s", lz_status_name(st));
}

static void come_and_go(struct exr *r, unsigned n, unsigned dev)
{
	if (exr_create(r, n) != LZ_OK)
		return;
	(void)exr_map(r, n, 4);
	(void)exr_map(r, n, EXR_FAR);
	if (exr_attach(r, dev, n) == LZ_OK && exr_attach(r, dev, 0) != LZ_OK)
		lz_detach(r->dev[dev].dev);
	destroy(r, n);
}

static void domain_1(struct exr *r)
{
	come_and_go(r, 1, 1);
}

/* The second one with the dead device. */
static void domain_2(struct exr *r)
{
	come_and_go(r, 2, 0);
}

void exb_short_domain(struct exr *r)
{
	exr_go(r, "domain", 3, domain_1);
	exr_go(r, "domain 2", 2, domain_2);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- devices ---- */

/* Its removal may take a while; memory may be short again and again. */
static void add_again(struct exr *r, unsigned dev)
{
	enum lz_status st = LZ_EBUSY;

	exr_remove(r, dev);
	for (unsigned i = 0; i < 4 && st != LZ_OK; i++) {
		st = exr_add(r, dev);
		if (st != LZ_OK)
			exr_sleep(r, LZ_MS(1));
	}
	if (st == LZ_OK)
		(void)exr_attach(r, dev, 0);
}

static void add_again_1(struct exr *r)
{
	add_again(r, 1);
}

void exb_short_device(struct exr *r)
{
	exr_go(r, "hotplug", 3, add_again_1);
	exr_go(r, "invalidator", 2, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}

static void add_again_0(struct exr *r)
{
	exb_until_told(r);
	add_again(r, 0);
}

void exb_short_dead(struct exr *r)
{
	exr_go(r, "hotplug", 3, add_again_0);
	(void)exr_unmap(r, 0, 0, 1);
	exr_join(r);
	exb_unmap_1(r);
}

/* ---- PASIDs ---- */

void exb_many_pasids_prepare(struct exr *r)
{
	exb_shared(r);
	exr_domain(r, 1, 0);
	for (unsigned p = 0; p < 3; p++)
		exr_must(r, exr_map(r, 1, p), "lz_map()");
	exr_must(r, lz_attach_pasid(r->dev[1].dev, EXR_PASID, r->dom[1].dom), "lz_attach_pasid()");
	exr_warm_pasid(r, 1, EXR_PASID, 0, 3);
	exr_silence(r, 0);
}

static void attach_pasids(struct exr *r, unsigned dev, unsigned first)
{
	for (unsigned i = first; i < EXR_PASIDS; i++) {
		uint32_t pasid = EXR_PASID + i;
		struct lz_domain *dom = r->dom[1].dom;
		enum lz_status st = lz_attach_pasid(r->dev[dev].dev, pasid, dom);

		if (lz_attached(r->dev[dev].dev, pasid) != (st == LZ_OK ? dom : NULL))
			ex_violate(r->run, 'D', "a failed attach and where it left the device",
				   "lz_attach_pasid() answered %s, and PASID %u of device %u is "
				   "not attached to what that means",
				   lz_status_name(st), pasid, dev);
	}
}

static void attach_pasids_1(struct exr *r)
{
	attach_pasids(r, 1, 1);
}

/* The last device; of two the dead one. */
static void attach_pasids_2(struct exr *r)
{
	attach_pasids(r, r->n_devs > 2 ? 2 : 0, 0);
	lz_detach_pasid(r->dev[1].dev, EXR_PASID);
}

/* The array of domain 1 outgrows its room, and shrinks. */
void exb_many_pasids(struct exr *r)
{
	exr_go(r, "pasids", 3, attach_pasids_1);
	exr_go(r, "pasids 2", 2, attach_pasids_2);
	for (unsigned p = 0; p < 3; p++)
		(void)exr_unmap(r, 1, p, 1);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- several invalidations out to one device ---- */

void exb_two_ways_prepare(struct exr *r)
{
	exb_shared(r);
	for (uint32_t i = 0; i < EXR_PASIDS; i++) {
		exr_must(r, lz_attach_pasid(r->dev[1].dev, EXR_PASID + i, r->dom[0].dom),
			 "lz_attach_pasid()");
		exr_warm_pasid(r, 1, EXR_PASID + i, 0, 3);
	}
	exr_silence(r, 0);
}

/* Its answers may come in any order. */
void exb_two_ways(struct exr *r)
{
	exr_go(r, "invalidator", 3, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}
