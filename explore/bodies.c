/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bodies: what meets what. Page p of a domain is EXR_IOVA + p pages. Tasks run
 * on CPU 0 (the body), 2 and 3; the worker is on CPU 1, GERROR on CPU 2, the
 * user's interrupt line on CPU 0.
 */
#include "explore/rig.h"

#include <string.h>

#define ALL 7u

/* Invalidators and owners of these names are tasks of several bodies. */
static void unmap_1(struct exr *r)
{
	(void)exr_unmap(r, 0, 1, 1);
}

static void unmap_2(struct exr *r)
{
	(void)exr_unmap(r, 0, 2, 1);
}

static void unmap_1_irq(struct exr *r)
{
	(void)exr_unmap_irq(r, 0, 1, 1);
}

static void reset_0(struct exr *r)
{
	r->dev[0].reset_ok = exr_reset(r, 0, LZ_RESET_OK) == LZ_OK;
}

/* ---- everybody in domain 0, three pages cached, device 0 dead ---- */

static void shared(struct exr *r)
{
	exr_domain(r, 0, ALL);
	exr_warm(r, 0, 0, 3, ALL);
}

static void one_dead(struct exr *r)
{
	shared(r);
	exr_silence(r, 0);
}

static void two_dead_prepare(struct exr *r)
{
	shared(r);
	exr_silence(r, 0);
	exr_silence(r, 1);
}

static void one_unmap(struct exr *r)
{
	(void)exr_unmap(r, 0, 0, 1);
}

static void two_unmaps(struct exr *r)
{
	exr_go(r, "invalidator", 3, unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}

static void three_unmaps(struct exr *r)
{
	exr_go(r, "invalidator", 3, unmap_1);
	exr_go(r, "invalidator 2", 2, unmap_2);
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
	one_dead(r);
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
	exr_go(r, "owner", 3, reset_0);
	(void)exr_unmap(r, 0, 0, 1);
}

static void owner_when_told(struct exr *r)
{
	for (unsigned i = 0; i < 20 && !r->dev[0].told; i++)
		exr_sleep(r, LZ_MS(1));
	reset_0(r);
}

static void reset_worker(struct exr *r)
{
	exr_go(r, "owner", 3, owner_when_told);
	exr_go(r, "invalidator", 2, unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}

static void nested(struct exr *r)
{
	struct lz_device *dev = r->dev[0].dev;

	if (lz_reset_prepare(dev) != LZ_OK)
		return;
	(void)exr_reset(r, 0, LZ_RESET_FAILED);
	exr_bus_reset(r, 0);
	/* The worst result of the nest counts. */
	if (lz_reset_done(dev, LZ_RESET_OK) != LZ_EINVAL)
		r->dev[0].reset_ok = false;
}

static void nested_reset(struct exr *r)
{
	exr_go(r, "owner", 3, nested);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- removal ---- */

static void remove_0(struct exr *r)
{
	exr_remove(r, 0);
}

static void remove_worker(struct exr *r)
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
	exr_go(r, "invalidator", 3, round_4);
	exr_go(r, "invalidator 2", 2, round_5);
	map_and_unmap(r, 6);
}

/* The handler meets the illegal command: it may have to wait for room. */
static void full_illegal(struct exr *r)
{
	r->spoil = true;
	exr_go(r, "invalidator", 3, unmap_1_irq);
	exr_go(r, "invalidator 2", 2, unmap_2);
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
	one_dead(r);
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

static void reported_twice(struct exr *r)
{
	exr_go(r, "reporter", 3, report_0);
	exr_go(r, "reporter 2", 2, report_0);
	(void)exr_unmap(r, 0, 0, 1);
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
	r->lost_service = true;
	lzm_smmu_inject_sfm(r->smmu);
}

static void service_failure(struct exr *r)
{
	exr_go(r, "failure", 3, fail_service);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- queue restart ---- */

static void stall(struct exr *r)
{
	r->dead_queue = true;
	lzm_smmu_inject_cmdq_stall(r->smmu, sim_now() + LZ_MS(40));
}

static void restart_submitters(struct exr *r)
{
	stall(r);
	exr_go(r, "invalidator", 3, unmap_1);
	exr_go(r, "invalidator 2", 2, unmap_2);
	(void)exr_unmap(r, 0, 0, 1);
}

const struct exr_body exr_bodies[] = {
	{"one_unmap", "one unmap with a dead device", one_dead, one_unmap},
	{"one_dead", "two invalidators, one of several devices is dead", one_dead, two_unmaps},
	{"two_dead", "two of the devices are dead", two_dead_prepare, two_unmaps},
	{"three_invalidators", "three invalidators on one dead device", one_dead, three_unmaps},
	{"attach_fence", "attach against fence", attach_prepare, attach_fence},
	{"reset_identify", "a reset's end against identification", one_dead, reset_meets},
	{"reset_worker", "a reset's end against the worker", one_dead, reset_worker},
	{"nested_reset", "nested resets, the inner one fails", one_dead, nested_reset},
	{"remove_worker", "removal against the worker", one_dead, remove_worker},
	{"wrap_around", "three invalidators on a queue of a few slots", shared, wrap_around},
	{"full_illegal", "queue full, an illegal command, interrupts masked", shared, full_illegal},
	{"handler_unmap", "unmap in a handler on the CPU whose task is polling", one_dead,
	 handler_unmap},
	{"pasid_block", "PASID attach against block", pasid_prepare, pasid_block},
	{"late_timeout", "the error comes after the software bound", one_dead, late_timeout},
	{"custody_map", "custody released against map", one_dead, custody_map},
	{"reported_twice", "two reports of the embedder against the worker", one_dead,
	 reported_twice},
	{"service_failure", "service failure during identification", two_dead_prepare,
	 service_failure},
	{"restart_submitters", "queue restart against submitters", shared, restart_submitters},
	{NULL, NULL, NULL, NULL},
};

const struct exr_body *exr_body_find(const char *name)
{
	for (const struct exr_body *b = exr_bodies; b->name; b++)
		if (!strcmp(b->name, name))
			return b;
	return NULL;
}
