/* SPDX-License-Identifier: BSD-2-Clause */
/* Bodies with a domain across two SMMUs (smmus: 2): device 0 is behind the first, which
 * the domain was made for, device 1 behind the second. */
#include "explore/bodies.h"

static void second_stands_still(struct exr *r)
{
	r->dead_queue = true;
	lzm_iommu_stall(r->unit[1].model, sim_now() + LZ_MS(40));
}

void exb_second_stalls(struct exr *r)
{
	r->dom[0].reuse = true;
	second_stands_still(r);
	exr_go(r, "invalidator", 3, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}

static void both_dead(struct exr *r)
{
	exr_silence(r, 0);
	exr_silence(r, 1);
}

/* Both works have something to release, and may do so at once. */
void exb_both_owe(struct exr *r)
{
	r->dom[0].reuse = true;
	both_dead(r);
	exr_go(r, "invalidator", 3, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
	(void)exr_unmap(r, 0, 2, 1);
}

/* ---- attach behind the second against unmap (letter L) ---- */

void exb_first_only(struct exr *r)
{
	exr_domain(r, 0, 1);
	exr_warm(r, 0, 0, 3, 1);
}

static void uses_pages(struct exr *r)
{
	for (unsigned p = 0; p < 2; p++)
		if (r->dom[0].page[p] == EXR_LIVE)
			(void)lzm_ep_dma(r->dev[1].ep, exr_iova(p), LZM_WRITE);
}

static void comes(struct exr *r)
{
	if (exr_attach(r, 1, 0) == LZ_OK)
		uses_pages(r);
}

static void goes(struct exr *r)
{
	lz_detach(r->dev[1].dev);
	comes(r);
}

void exb_second_comes(struct exr *r)
{
	exr_go(r, "attach", 3, comes);
	(void)exr_unmap(r, 0, 0, 1);
	(void)exr_unmap(r, 0, 1, 1);
}

void exb_second_goes(struct exr *r)
{
	exr_go(r, "attach", 3, goes);
	exr_go(r, "invalidator", 2, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- service failure of one ---- */

static void fail_second(struct exr *r)
{
	exr_sleep(r, LZ_US(200));
	exr_fail_service(r, 1);
}

void exb_second_fails(struct exr *r)
{
	exr_silence(r, 1);
	exr_go(r, "failure", 3, fail_second);
	(void)exr_unmap(r, 0, 0, 1);
	(void)exr_unmap(r, 0, 1, 1);
}
