/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bodies for several command queues: a lane that stands, errors on two at once, and
 * TLB invalidations that go on meanwhile.
 */
#include "explore/bodies.h"

/* Device 0 in domain 0, device 1 in domain 1, nobody in domain 2. */
static void apart(struct exr *r)
{
	for (unsigned i = 0; i < 2; i++) {
		exr_domain(r, i, 1u << i);
		exr_warm(r, i, 0, 3, 1u << i);
	}
	exr_domain(r, 2, 0);
	for (unsigned p = 0; p < 3; p++)
		exr_must(r, exr_map(r, 2, p), "lz_map()");
}

void exb_lanes_prepare(struct exr *r)
{
	apart(r);
	exr_silence(r, 0);
}

void exb_lanes_two_prepare(struct exr *r)
{
	apart(r);
	exr_silence(r, 0);
	exr_silence(r, 1);
}

static void unmap_second(struct exr *r)
{
	(void)exr_unmap(r, 1, 0, 1);
}

/* CPU 0 and CPU 3 have lanes of their own. */
void exb_lanes_two(struct exr *r)
{
	exr_go(r, "invalidator", 3, unmap_second);
	(void)exr_unmap(r, 0, 0, 1);
}

static void unmap_dead(struct exr *r)
{
	(void)exr_unmap(r, 0, 0, 1);
}

static void must_go_on(struct exr *r, const char *what, lz_ns since, bool done)
{
	lz_ns took = sim_now() - since;

	if (r->run->skipped || r->unit[0].lost)
		return;
	if (!done || took > r->cfg.sync_bound)
		ex_violate(r->run, 'F', what, "%s took %.3f ms while a lane stood, and %s", what,
			   (double)took / 1e6, done ? "succeeded" : "failed");
}

/* Whoever has nothing to do with the dead device is not held up by the lane that waits
 * for it: a TLB invalidation, and the fence of another device. */
void exb_lanes_stuck(struct exr *r)
{
	struct lz_health h;
	lz_ns since;

	exr_go(r, "invalidator", 3, unmap_dead);
	exr_sleep(r, r->cfg.sync_bound / 2);
	since = sim_now();
	must_go_on(r, "a neighbour's unmap", since, exr_unmap(r, 2, 0, 1) == LZ_OK);
	since = sim_now();
	if (lz_reset_prepare(r->dev[1].dev) != LZ_OK)
		return;
	lz_device_health(r->dev[1].dev, &h);
	must_go_on(r, "a fence", since, h.fence == LZ_FENCE_FENCED);
	exr_bus_reset(r, 1);
	if (lz_reset_done(r->dev[1].dev, LZ_RESET_OK) != LZ_OK)
		r->dev[1].reset_ok = false;
}

static void tlb_only(struct exr *r)
{
	for (unsigned p = 0; p < 3; p++) {
		(void)exr_unmap(r, 2, p, 1);
		exr_sleep(r, r->c->ats_timeout / 2);
	}
}

/* Syncs on the SMMU's own queue come by when the timeout does. */
void exb_lanes_shared(struct exr *r)
{
	exr_go(r, "tlb", 3, tlb_only);
	exr_go(r, "invalidator", 2, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}
