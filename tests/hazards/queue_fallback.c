/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes that get lost at run time: others carry their ATC_INVs, and the SMMU's own queue
 * does when none is left. A lane that its ladder did not bring to move may stand for ever,
 * with nobody who has a reason to reset what it waits for.
 */
#include <string.h>

#include "tests/hazards/queue.h"

static void ecmdqs(struct lzm_smmu_config *c)
{
	c->ecmdq = true;
	c->ecmdq_queues_log2 = 1;
}

static const struct lz_config soon = {.sync_bound = LZ_MS(5), .late_bound = LZ_MS(50)};

static struct lz_smmu_queue *lane(struct rig *r, unsigned i)
{
	return &drv(r)->lanes[i];
}

/* ATC_INVs in the ring of a queue, ever as long as it has not wrapped. */
static unsigned atc_invs_in(struct lz_smmu_queue *q)
{
	unsigned n = 0;

	for (uint64_t p = 0; p < q->ring.published && p < q->ring.size; p++)
		n += lz_smmu_cmd_op(lz_ring_slot(&q->ring, p)[0]) == SMMU_OP_ATC_INV;
	return n;
}

/* A device alone in a domain, with a page that it has cached. */
static struct lz_domain *alone(struct rig *r, unsigned device)
{
	struct lz_domain *dom = rig_shared(r, device, 1);

	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	assert_true(rig_dma(r, device, IOVA, true));
	return dom;
}

/* Its answer never comes: a lane stands for it, and is given up. */
static struct lz_domain *kill_lane(struct rig *r, unsigned device, unsigned i)
{
	struct lz_domain *dom = alone(r, device);

	rig_silence(r, device);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	await_told(r, device);
	assert_true(rig_until(r, rig_idle, LZ_SEC(5)));
	assert_true(lane(r, i)->given_up);
	assert_true(lane(r, i)->ring.published > lz_smmu_queue_cons(lane(r, i)));
	assert_int_equal(rig_health(r, device).fence, LZ_FENCE_FENCED);
	return dom;
}

/* A neighbour's memory comes back at once, though the lane stands still. */
static void neighbour_goes_on(struct rig *r, unsigned device)
{
	struct lz_domain *dom = alone(r, device);
	unsigned sent = r->atc_invs[device];

	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(r->atc_invs[device], sent + 1);
	assert_false(rig_dma_cached(r, device));
	rig_drop(r, dom);
}

static bool is_back(struct rig *r)
{
	return !lane(r, 0)->given_up && rig_idle(r);
}

/* Nobody resets the dead device. Then somebody does, and the lane is used again. */
static void stands_for_ever(struct rig *r)
{
	struct lz_domain *dom;
	uint64_t before;

	assert_int_equal(drv(r)->n_lanes, 1);
	dom = kill_lane(r, 0, 0);
	before = lane(r, 0)->ring.published;
	neighbour_goes_on(r, 1);
	assert_int_equal(lane(r, 0)->ring.published, before);
	assert_true(atc_invs_in(queue(r)) > 0);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 1), 0);

	assert_int_equal(lz_pci_reset_flr(r->dev[0].dev), LZ_OK);
	assert_true(rig_until(r, is_back, LZ_SEC(5)));
	before = lane(r, 0)->ring.published;
	neighbour_goes_on(r, 1);
	assert_true(lane(r, 0)->ring.published > before);
	finish(r, dom);
}

static void h84_an_ecmdq_that_stands_is_given_up(void **state)
{
	(void)state;
	rig_run_seeds(
		&(struct rig_opts){.devs = 2, .regime = "sync_never", .tune = ecmdqs, .cfg = soon},
		8, stands_for_ever);
}

static void h84_a_vcmdq_that_stands_is_given_up(void **state)
{
	(void)state;
	rig_run_seeds(
		&(struct rig_opts){.devs = 2, .regime = "sync_never", .cmdqv = true, .cfg = soon},
		8, stands_for_ever);
}

/* Inside a guest, whose host knows its stream ids. */
static void in_a_guest(struct rig *r)
{
	for (unsigned i = 0; i < r->opt.devs; i++) {
		lzm_cmdqv_write(r->cmdqv, (uint32_t)CMDQV_VINTF(0) + CMDQV_VINTF_MATCH + 4 * i, 4,
				r->dev[i].sid << 1 | 1);
		lzm_cmdqv_write(r->cmdqv, (uint32_t)CMDQV_VINTF(0) + CMDQV_VINTF_REPLACE + 4 * i, 4,
				r->dev[i].sid);
	}
	assert_true(lane(r, 0)->limited);
	stands_for_ever(r);
}

static void h84_a_guests_vcmdq_that_stands_is_given_up(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2,
					 .regime = "sync_never",
					 .cmdqv = true,
					 .cmdqv_guest = true,
					 .cfg = soon},
		      8, in_a_guest);
}

/* ---- one after the other ---- */

static void each_takes_one(struct rig *r)
{
	struct lz_domain *a, *b;

	assert_int_equal(drv(r)->n_lanes, 2);
	a = kill_lane(r, 0, 0);
	assert_false(lane(r, 1)->given_up); /* one broken device takes one lane */
	neighbour_goes_on(r, 2);
	assert_int_equal(atc_invs_in(queue(r)), 0);
	b = kill_lane(r, 1, 1);
	neighbour_goes_on(r, 2);
	assert_true(atc_invs_in(queue(r)) > 0);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, 2), 0);
	rig_drop(r, a);
	finish(r, b);
}

static void h84_the_own_queue_is_the_last_resort(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 3,
					 .regime = "sync_never",
					 .tune = ecmdqs,
					 .own_timeouts = true,
					 .cfg = soon},
		      8, each_takes_one);
}

/* ---- who is accused of something else meanwhile ---- */

static void told_meanwhile(struct rig *r)
{
	struct lz_domain *dom = kill_lane(r, 0, 0);

	lz_device_report_broken(r->dev[1].dev);
	await_told(r, 1);
	finish(r, dom);
	assert_int_equal(rig_health(r, 1).fence, LZ_FENCE_FENCED);
}

static void h84_a_lost_lane_holds_no_suspect(void **state)
{
	(void)state;
	rig_run_seeds(
		&(struct rig_opts){.devs = 2, .regime = "sync_never", .tune = ecmdqs, .cfg = soon},
		4, told_meanwhile);
}

/* ---- PROD of an ECMDQ that is about to stop (Q) ---- */

static void acknowledges_slowly(struct lzm_smmu_config *c)
{
	ecmdqs(c);
	c->knobs.ack_delay_ns = LZ_MS(2);
}

/* A reset has the held error taken in again, while the restart waits for ENACK. */
static void error_while_it_stops(struct rig *r)
{
	struct lz_domain *dom = alone(r, 0);
	lz_ns end = sim_now() + LZ_SEC(5);

	rig_silence(r, 0);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	while (lane(r, 0)->flags & SMMU_ECMDQ_EN && sim_now() < end)
		rig_sleep(LZ_US(100));
	assert_false(lane(r, 0)->flags & SMMU_ECMDQ_EN);
	lz_smmu_reset_succeeded(r->dev[0].dev);
	assert_false(lz_smmu_drain(lane(r, 0)));
	finish(r, dom);
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
}

static void stopping_ecmdq_is_not_written(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 1,
					 .regime = "fail_forever",
					 .tune = acknowledges_slowly,
					 .cfg = soon},
		      4, error_while_it_stops);
}

/* ---- one that does not come up again ---- */

/* Somebody has switched it off, and the restart does not bring it back. */
static void stays_off(struct rig *r)
{
	struct lz_domain *dom = alone(r, 0);

	r->vcmdq_off = true;
	lzm_cmdqv_write(r->cmdqv, CMDQV_LOGICAL_PAGE0 + CMDQV_QUEUE_CONFIG, 4, 0);
	sim_hw_changed();
	rig_sleep(LZ_US(10));
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, rig_idle, LZ_SEC(5)));
	assert_true(lane(r, 0)->off);
	assert_int_equal(r->released, LZ_PAGE);
	neighbour_goes_on(r, 1);
	assert_true(atc_invs_in(queue(r)) > 0);
	finish(r, dom);
	assert_int_equal(rig_model_stats(r).illegal_driver_use, 0);
}

static void h84_a_vcmdq_that_stays_off_is_given_up(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 2, .cmdqv = true, .cfg = soon}, 8, stays_off);
}

/* ---- one that does not take them ---- */

/* Inside a guest whose host does not know the stream ids. */
static void not_for_it(struct rig *r)
{
	struct lz_domain *dom = alone(r, 0);
	uint64_t before;

	assert_true(lane(r, 0)->limited);
	before = lane(r, 0)->ring.published;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, rig_idle, LZ_SEC(5)));
	assert_int_equal(r->released, LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	assert_true(lane(r, 0)->ring.published > before);
	before = lane(r, 0)->ring.published;
	neighbour_goes_on(r, 1);
	assert_int_equal(lane(r, 0)->ring.published, before);
	assert_int_equal(rig_count(r, LZ_EV_SUSPECT, -1), 0);
	finish(r, dom);
}

static void what_a_lane_refuses_goes_elsewhere(void **state)
{
	(void)state;
	rig_run_seeds(
		&(struct rig_opts){.devs = 2, .cmdqv = true, .cmdqv_guest = true, .cfg = soon}, 4,
		not_for_it);
}

/* ---- half way through ---- */

/* The lane is lost when the first batch has reached it: the next one goes elsewhere, and
 * everybody is asked once. */
static void lose_it(struct rig *r, int device, const struct lzm_atc_inv *inv)
{
	(void)inv;
	if (device == 0)
		lz_store32(&lane(r, 0)->given_up, 1);
}

static void half_way(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 4);

	warm(r, dom, IOVA, 4);
	assert_true(lane(r, 0)->ring.guard < 4);
	memset(r->atc_invs, 0, sizeof(r->atc_invs));
	r->on_atc = lose_it;
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	r->on_atc = NULL;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(r->atc_invs[i], 1);
		assert_false(rig_dma_cached(r, i));
	}
	assert_int_equal(atc_invs_in(queue(r)), 4 - lane(r, 0)->ring.guard);
	lz_store32(&lane(r, 0)->given_up, 0);
	finish(r, dom);
}

static void a_batch_goes_on_elsewhere(void **state)
{
	(void)state;
	rig_run_seeds(&(struct rig_opts){.devs = 4, .cmdq_log2 = 3, .tune = ecmdqs}, 4, half_way);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h84_an_ecmdq_that_stands_is_given_up),
		cmocka_unit_test(h84_a_vcmdq_that_stands_is_given_up),
		cmocka_unit_test(h84_a_guests_vcmdq_that_stands_is_given_up),
		cmocka_unit_test(h84_the_own_queue_is_the_last_resort),
		cmocka_unit_test(h84_a_lost_lane_holds_no_suspect),
		cmocka_unit_test(stopping_ecmdq_is_not_written),
		cmocka_unit_test(h84_a_vcmdq_that_stays_off_is_given_up),
		cmocka_unit_test(what_a_lane_refuses_goes_elsewhere),
		cmocka_unit_test(a_batch_goes_on_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
