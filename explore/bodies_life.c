/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bodies: attachments, resets, operators and removal against what a fault
 * brings. CPUs as in bodies.c; who resets is on the CPU that takes GERROR.
 */
#include "explore/bodies.h"

/* Whether it works depends on what the others have come to. */
static void may_fail(enum lz_status st)
{
	(void)st;
}

/* ---- attach ---- */

/* Device 0 is dead and nobody knows: it is attached to nothing. */
void exb_attach_dead_prepare(struct exr *r)
{
	exb_shared(r);
	lz_detach(r->dev[0].dev);
	exr_silence(r, 0);
}

static void attach_0(struct exr *r)
{
	may_fail(lz_attach(r->dev[0].dev, r->dom[0].dom));
}

/* While it is attached unmaps send to it; the fence meets the table's writer. */
void exb_attach_dead(struct exr *r)
{
	exr_go(r, "attach", 3, attach_0);
	exr_go(r, "invalidator", 2, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
}

static void report_early(struct exr *r)
{
	r->dev[0].guilty = true; /* whoever reports says so */
	lz_device_report_broken(r->dev[0].dev);
}

/* The embedder knows: no timeout stands before the fence. */
void exb_report_attach(struct exr *r)
{
	exr_go(r, "reporter", 3, report_early);
	attach_0(r);
}

void exb_move_prepare(struct exr *r)
{
	exb_shared(r);
	exr_domain(r, 1, 0);
}

static void move_0(struct exr *r)
{
	may_fail(lz_attach(r->dev[0].dev, r->dom[1].dom));
}

/* A sound device moves between domains; what the old one loses must be lost. */
void exb_move(struct exr *r)
{
	exr_go(r, "attach", 3, move_0);
	(void)exr_unmap(r, 0, 0, 1);
	exr_join(r);
	exb_unmap_1(r);
	exb_unmap_2(r);
}

/* ---- resets ---- */

/* About when its error is consumed. */
static void reset_at_error(struct exr *r)
{
	exr_sleep(r, r->c->ats_timeout + LZ_US(1));
	exb_reset_0(r);
}

void exb_report_reset(struct exr *r)
{
	exr_go(r, "owner", 2, reset_at_error);
	(void)exr_unmap(r, 0, 0, 1);
}

/* While its invalidation is out: the error comes when the reset is over. */
static void reset_early(struct exr *r)
{
	exr_sleep(r, r->c->ats_timeout / 4);
	exb_reset_0(r);
}

void exb_late_reset(struct exr *r)
{
	exr_go(r, "owner", 2, reset_early);
	(void)exr_unmap(r, 0, 0, 1);
}

static void fail_reset(struct exr *r)
{
	exb_until_told(r);
	(void)exr_reset(r, 0, LZ_RESET_FAILED);
}

void exb_reset_fails(struct exr *r)
{
	exr_go(r, "owner", 2, fail_reset);
	(void)exr_unmap(r, 0, 0, 1);
}

static void breaks_again(struct exr *r)
{
	sim_wait_word(&r->dev[0].unfenced, 0, sim_now() + LZ_MS(40));
	exr_silence(r, 0);
	exb_unmap_1(r);
}

static void reset_when_told(struct exr *r)
{
	exb_until_told(r);
	exb_reset_0(r);
}

/* It goes silent as soon as the fence is lifted, while its tables are written. */
void exb_broken_again(struct exr *r)
{
	exr_go(r, "owner", 2, reset_when_told);
	exr_go(r, "breaker", 3, breaks_again);
	(void)exr_unmap(r, 0, 0, 1);
}

void exb_detach_reset_prepare(struct exr *r)
{
	exr_domain(r, 0, EXR_ALL & ~1u);
	exr_domain(r, 1, 1);
	exr_warm(r, 1, 0, 3, 1);
	exr_silence(r, 0);
}

static void detach_0(struct exr *r)
{
	struct lz_domain *dom = r->dom[1].dom;
	enum lz_status st;

	exb_until_told(r);
	lz_detach(r->dev[0].dev);
	r->dom[1].dom = NULL;
	st = lz_domain_destroy(dom);
	if (st == LZ_OK)
		exr_destroyed(&r->dom[1]);
	else if (st == LZ_EBUSY)
		ex_violate(r->run, 'E', "a detached domain is in use",
			   "lz_domain_destroy() answered busy after the last detach");
}

/* The domain that the core keeps for a blocked device goes meanwhile. */
void exb_detach_reset(struct exr *r)
{
	(void)exr_unmap(r, 1, 0, 1);
	exr_go(r, "owner", 2, reset_when_told);
	exr_go(r, "detach", 3, detach_0);
}

static void nested_owner(struct exr *r)
{
	struct lz_device *dev = r->dev[0].dev;
	struct lz_health h;

	if (lz_reset_prepare(dev) != LZ_OK)
		return;
	(void)exr_reset(r, 0, LZ_RESET_OK);
	lz_device_health(dev, &h);
	if (!h.block || !h.reset_depth)
		ex_violate(r->run, 'D', "unblocked inside a reset",
			   "an inner reset has unblocked the device, the outer one goes on");
	exr_sleep(r, LZ_MS(1)); /* the outer method's settle time */
	r->dev[0].reset_ok = lz_reset_done(dev, LZ_RESET_OK) == LZ_OK;
}

void exb_nested_settle(struct exr *r)
{
	exr_go(r, "owner", 2, nested_owner);
	(void)exr_unmap(r, 0, 0, 1);
}

static void operator_0(struct exr *r)
{
	enum lz_status st;

	may_fail(lz_device_block(r->dev[0].dev));
	exr_sleep(r, LZ_US(100));
	st = lz_device_clear(r->dev[0].dev);
	r->dev[0].held = st != LZ_OK;
	may_fail(st);
}

/* An operator's block and clear against report and reset. */
void exb_operator_reset(struct exr *r)
{
	exr_go(r, "owner", 2, exb_reset_0);
	exr_go(r, "operator", 3, operator_0);
	(void)exr_unmap(r, 0, 0, 1);
	exr_join(r);
	exb_reset_0(r);
	for (unsigned i = 0; i < 20 && lz_device_clear(r->dev[0].dev) != LZ_OK; i++)
		exr_sleep(r, LZ_MS(20));
}

/* ---- removal ---- */

static void faults(struct exr *r)
{
	for (unsigned i = 0; i < 4; i++) {
		(void)lzm_ep_dma(r->dev[0].ep, EXR_IOVA + 12 * LZ_PAGE, LZM_WRITE);
		exr_sleep(r, 300);
	}
}

static void remove_0(struct exr *r)
{
	exr_remove(r, 0);
}

static void remove_at_error(struct exr *r)
{
	exr_sleep(r, r->c->ats_timeout + LZ_US(1));
	exr_remove(r, 0);
}

static void remove_when_told(struct exr *r)
{
	exb_until_told(r);
	exr_remove(r, 0);
}

/* While it is found, fenced and reported; and when it is blocked already. */
void exb_remove_worker(struct exr *r)
{
	exr_go(r, "remove", 3, remove_at_error);
	(void)exr_unmap(r, 0, 0, 1);
}

static void remove_1(struct exr *r)
{
	exr_remove(r, 1);
}

void exb_neighbour_removed(struct exr *r)
{
	exr_go(r, "remove", 3, remove_1);
	(void)exr_unmap(r, 0, 0, 1);
}

void exb_remove_blocked(struct exr *r)
{
	exr_go(r, "remove", 3, remove_when_told);
	(void)exr_unmap(r, 0, 0, 1);
}

/* Its faults are still being told. ATS is off: what it asks for is recorded. */
void exb_remove_faults(struct exr *r)
{
	exr_go(r, "faults", 3, faults);
	exr_go(r, "remove", 2, remove_0);
	exb_unmap_1(r);
}

static void remove_late(struct exr *r)
{
	exr_sleep(r, LZ_MS(1) + LZ_US(300));
	exr_remove(r, 0);
}

/* While its probe is out. */
void exb_remove_probed(struct exr *r)
{
	exr_go(r, "remove", 3, remove_late);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- PASIDs ---- */

void exb_pasid_prepare(struct exr *r)
{
	exb_shared(r);
	exr_domain(r, 1, 0);
	for (unsigned p = 0; p < 3; p++)
		(void)exr_map(r, 1, p);
	if (lz_attach_pasid(r->dev[0].dev, EXR_PASID, r->dom[1].dom) != LZ_OK)
		ex_violate(r->run, 'D', "a PASID", "lz_attach_pasid() failed");
	exr_silence(r, 0);
}

void exb_pasid_reset(struct exr *r)
{
	exr_go(r, "owner", 2, reset_when_told);
	(void)exr_unmap(r, 0, 0, 1);
}

static void unmap_pasid(struct exr *r)
{
	for (unsigned p = 0; p < 3; p++)
		(void)exr_unmap(r, 1, p, 1);
}

/* One device in two domains: fenced in both. */
void exb_pasid_muted(struct exr *r)
{
	exr_go(r, "invalidator", 3, unmap_pasid);
	(void)exr_unmap(r, 0, 0, 1);
}

/* ---- after a recovery ---- */

static void two_rounds(struct exr *r, unsigned page)
{
	for (unsigned i = 0; i < 2; i++)
		if (exr_map(r, 0, page) == LZ_OK)
			(void)exr_unmap(r, 0, page, 1);
}

static void rounds_5(struct exr *r)
{
	two_rounds(r, 5);
}

/* All is well again, and the queue goes round over the marks of before. */
void exb_laps(struct exr *r)
{
	(void)exr_unmap(r, 0, 0, 1);
	reset_when_told(r);
	if (lz_domain_wait(r->dom[0].dom, LZ_MS(50)) != LZ_OK || !r->dev[0].reset_ok)
		return;
	exr_calm(r, 0);
	exr_go(r, "invalidator", 3, rounds_5);
	two_rounds(r, 6);
}

/* ---- a sound device leaves while others invalidate ---- */

static void detach_1(struct exr *r)
{
	lz_detach(r->dev[1].dev);
}

void exb_leave_sound(struct exr *r)
{
	r->sound = true;
	exr_go(r, "detach", 3, detach_1);
	exr_go(r, "invalidator", 2, exb_unmap_1);
	(void)exr_unmap(r, 0, 0, 1);
	(void)exr_unmap(r, 0, 2, 1);
}

/* ---- the fence of one takes ATS from who sends its id too ---- */

void exb_alias_deaf_prepare(struct exr *r)
{
	exb_shared(r);
	exr_domain(r, 1, 0);
	for (unsigned p = 0; p < 3; p++)
		exr_must(r, exr_map(r, 1, p), "lz_map()");
	exr_must(r, lz_attach_pasid(r->dev[0].dev, EXR_PASID, r->dom[1].dom), "lz_attach_pasid()");
	exr_warm_pasid(r, 0, EXR_PASID, 0, 3);
	exr_silence(r, 1);
}

static void unmap_dom_1(struct exr *r)
{
	for (unsigned p = 0; p < 3; p++)
		(void)exr_unmap(r, 1, p, 1);
}

void exb_alias_deaf(struct exr *r)
{
	exr_go(r, "invalidator", 3, unmap_dom_1);
	(void)exr_unmap(r, 0, 0, 1);
}
