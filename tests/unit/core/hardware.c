/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identification and fence on hardware that the drivers of this library do not have:
 * one error aborts everybody who waits, the hardware names the device, the timeout
 * comes in another ring behind a sync that succeeded (ring.h).
 */
#include "tests/unit/core/ring.h"

#include <string.h>

#define IOVA	0x7f000000ull
#define PHYS	0x10000000ull
#define TIMEOUT LZ_US(200)

/* A silent device and a sound one, each with a domain. */
static struct {
	struct lz_group *group[2];
	struct lz_device *dev[2];
	struct lz_domain *dom[2];
	enum lz_status unmapped[2];
	bool together; /* both in dom[0] */
} pair;

/* No memory goes that a device still reaches (A). */
static void not_reached(struct bench *b, struct lz_domain *dom, lz_iova iova, size_t size)
{
	(void)b;
	for (unsigned i = 0; i < 2; i++)
		assert_false(fake_reaches(pair.dev[i], dom, iova, iova + size));
}

static void pair_up(bool together)
{
	memset(&pair, 0, sizeof(pair));
	pair.together = together;
	for (unsigned i = 0; i < 2; i++) {
		pair.group[i] = bench_group(i + 1);
		pair.dev[i] = bench_device(pair.group[i], 8 + i, 1, NULL);
		pair.dom[i] = bench_domain();
		assert_int_equal(lz_attach(pair.dev[i], pair.dom[together ? 0 : i]), LZ_OK);
	}
	bench.on_release = not_reached;
}

/* What is left of both is brought back, and goes. */
static void pair_down(void)
{
	for (unsigned i = 0; i < 2; i++) {
		fake_of(pair.dev[i])->mute = false;
		assert_int_equal(lz_reset_prepare(pair.dev[i]), LZ_OK);
		assert_int_equal(lz_reset_done(pair.dev[i], LZ_RESET_OK), LZ_OK);
	}
	bench_settle();
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pair.dev[i]->fence, LZ_FENCE_OPEN);
		lz_detach(pair.dev[i]);
	}
	for (unsigned i = 0; i < 2; i++)
		bench_destroy(pair.dom[i]);
	for (unsigned i = 0; i < 2; i++)
		bench_remove(pair.dev[i], pair.group[i]);
	assert_int_equal(bench.iommu->alert, 0);
	ring_stop();
}

static void map_and_cache(unsigned i)
{
	assert_int_equal(lz_map(pair.dom[i], IOVA, PHYS, LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	for (unsigned d = 0; d < 2; d++)
		if (pair.together || d == i)
			fake_translate(pair.dev[d], IOVA);
}

static void unmap_task(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	pair.unmapped[i] = lz_unmap(pair.dom[i], IOVA, LZ_PAGE);
}

/* Both wait at the same time. */
static void unmap_both(void)
{
	ring.stop = true;
	bench_join(); /* the interrupt comes late: whoever waits sees the error */
	for (unsigned i = 0; i < 2; i++) {
		map_and_cache(i);
		bench_spawn(i ? "sound" : "silent", i * 2, unmap_task, (void *)(uintptr_t)i);
	}
	bench_join();
	bench_settle();
}

static bool was_suspect(unsigned i)
{
	for (unsigned k = 0; k < bench.n_ev; k++)
		if (bench.ev[k].kind == LZ_EV_SUSPECT && bench.ev[k].device == pair.dev[i])
			return true;
	return false;
}

static void only_first_is_broken(enum lz_evidence evidence)
{
	assert_int_equal(pair.dev[0]->fence, LZ_FENCE_FENCED);
	assert_int_equal(pair.dev[0]->evidence, evidence);
	assert_int_equal(pair.dev[1]->fence, LZ_FENCE_OPEN);
	assert_int_equal(pair.dev[1]->n_fences, 0);
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 1);
	assert_int_equal(bench.n_detected, 1);
}

/* ---- one error aborts every waiter ---- */

static unsigned repeats;

static void innocent_waiter(struct bench *b)
{
	(void)b;
	ring_start(RING_ABORTS, true, TIMEOUT);
	pair_up(false);
	fake_of(pair.dev[0])->mute = true;
	unmap_both();
	assert_int_equal(pair.unmapped[0], LZ_IN_CUSTODY);
	assert_int_equal(pair.unmapped[1], LZ_OK);
	repeats += ring.n_repeats;
	assert_false(was_suspect(1));
	only_first_is_broken(LZ_EVIDENCE_NAMED);
	pair_down();
}

static void h68_an_innocent_waiter_repeats(void **state)
{
	(void)state;
	repeats = 0;
	bench_run(1, 0, NULL, innocent_waiter);
	assert_true(repeats > 0); /* in the order in which both wait */
	bench_seeds(20, innocent_waiter);
}

/* Hardware that names nobody: both were out, so both are asked. */
static void nobody_named(struct bench *b)
{
	(void)b;
	ring_start(RING_ABORTS, false, TIMEOUT);
	pair_up(false);
	fake_of(pair.dev[0])->mute = true;
	unmap_both();
	assert_int_equal(pair.unmapped[0], LZ_IN_CUSTODY);
	only_first_is_broken(was_suspect(1) ? LZ_EVIDENCE_PROBED : LZ_EVIDENCE_NAMED);
	assert_int_equal(pair.dev[1]->n_exonerations, was_suspect(1));
	pair_down();
}

static void h68_without_a_name_all_are_asked(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, nobody_named);
	bench_seeds(20, nobody_named);
}

/* Another device's error comes while the probe of a suspect is out. */
static void abort_a_probe(bool silent)
{
	struct lz_accusation doubt = {.gen = 0, .queue = &ring};

	ring_start(RING_ABORTS, true, LZ_US(300));
	ring.latency = LZ_US(100);
	pair_up(false);
	map_and_cache(0);
	fake_of(pair.dev[0])->mute = true;
	fake_of(pair.dev[1])->mute = silent;
	lz_accuse(pair.dev[1], &doubt, NULL);
	lz_iommu_kick(bench.iommu);
	while (!ring.n_probes || ring.head < ring.tail)
		bench_sleep(LZ_US(2));
	ring.timeout = LZ_US(20);
	assert_int_equal(lz_unmap(pair.dom[0], IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	bench_settle();
	assert_true(ring.n_probes > 1); /* asked again */
}

/* That says nothing about it: it is neither broken nor innocent by that. */
static void aborted_probe(struct bench *b)
{
	(void)b;
	abort_a_probe(false);
	assert_int_equal(pair.dev[1]->n_exonerations, 1);
	only_first_is_broken(LZ_EVIDENCE_NAMED);
	pair_down();
}

static void aborted_probe_of_a_silent_one(struct bench *b)
{
	(void)b;
	abort_a_probe(true);
	assert_int_equal(pair.dev[1]->n_exonerations, 0);
	assert_int_equal(pair.dev[0]->fence, LZ_FENCE_FENCED);
	assert_int_equal(pair.dev[1]->fence, LZ_FENCE_FENCED);
	pair_down();
}

static void h68_an_aborted_probe_says_nothing(void **state)
{
	(void)state;
	bench_seeds(20, aborted_probe);
	bench_seeds(20, aborted_probe_of_a_silent_one);
}

/* ---- the hardware names the device ---- */

static void named(struct bench *b)
{
	(void)b;
	ring_start(RING_ABORTS, true, TIMEOUT);
	pair_up(true); /* one batch for both */
	map_and_cache(0);
	fake_of(pair.dev[0])->mute = true;
	assert_int_equal(lz_unmap(pair.dom[0], IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	bench_settle();
	assert_int_equal(ring.n_probes, 0);
	assert_int_equal(ring.n_settles, 0);
	assert_false(was_suspect(1));
	only_first_is_broken(LZ_EVIDENCE_NAMED);
	assert_int_equal(bench.n_released, 1);
	pair_down();
}

static void h73_who_is_named_is_fenced_at_once(void **state)
{
	(void)state;
	bench_seeds(20, named);
}

/* Named for what it was sent before its reset, when that is long over. */
static void named_late(struct bench *b)
{
	uint32_t before = lz_load32(&b->lz->resets);

	ring_start(RING_ABORTS, true, TIMEOUT);
	pair_up(false);
	assert_int_equal(lz_reset_prepare(pair.dev[0]), LZ_OK);
	assert_int_equal(lz_reset_done(pair.dev[0], LZ_RESET_OK), LZ_OK);
	ring_tell(pair.dev[0], before);
	bench_settle();
	assert_false(was_suspect(0));
	assert_int_equal(pair.dev[0]->n_stale, 1);
	ring_tell(pair.dev[0], lz_load32(&b->lz->resets));
	bench_settle();
	only_first_is_broken(LZ_EVIDENCE_NAMED);
	pair_down();
}

static void h47_a_name_from_before_a_reset_is_void(void **state)
{
	(void)state;
	bench_seeds(10, named_late);
}

/* Its command has left the ring: nobody knows when that was, so it is asked. */
static void name_alone(struct bench *b)
{
	(void)b;
	ring_start(RING_ABORTS, true, TIMEOUT);
	pair_up(false);
	for (unsigned i = 0; i < 2; i++) {
		fake_of(pair.dev[i])->mute = i == 0;
		ring_tell_name(pair.dev[i]);
		bench_settle();
	}
	assert_int_equal(pair.dev[1]->n_exonerations, 1);
	only_first_is_broken(LZ_EVIDENCE_PROBED);
	pair_down();
}

static void h71_a_name_without_its_command_is_asked(void **state)
{
	(void)state;
	bench_seeds(10, name_alone);
}

/* ---- the timeout comes in another ring ---- */

static void elsewhere(struct bench *b)
{
	(void)b;
	ring_start(RING_ELSEWHERE, true, TIMEOUT);
	pair_up(false);
	map_and_cache(0);
	fake_of(pair.dev[0])->mute = true;
	assert_int_equal(lz_unmap(pair.dom[0], IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	bench_settle();
	only_first_is_broken(LZ_EVIDENCE_NAMED);
	/* Still silent after its reset: the question is over, and was not answered. */
	assert_int_equal(lz_reset_prepare(pair.dev[0]), LZ_OK);
	assert_int_equal(lz_reset_done(pair.dev[0], LZ_RESET_OK), LZ_EIO);
	assert_int_equal(bench_events(LZ_EV_UNFENCED), 0);
	bench_settle();
	pair_down();
}

static void h72_a_sync_is_not_believed_before_the_events(void **state)
{
	(void)state;
	bench_seeds(20, elsewhere);
}

/* The event was lost: whoever was out is asked, and what is asked is not believed
 * before the events either. */
static void events_lost(struct bench *b)
{
	(void)b;
	ring_start(RING_ELSEWHERE, true, TIMEOUT);
	pair_up(false);
	ring.room = 0;
	fake_of(pair.dev[0])->mute = true;
	for (unsigned i = 0; i < 2; i++) {
		map_and_cache(i);
		bench_spawn(i ? "sound" : "silent", i * 2, unmap_task, (void *)(uintptr_t)i);
	}
	while (!bench_events(LZ_EV_SUSPECT))
		bench_sleep(LZ_US(5));
	ring.room = RING_EVENTS;
	while (pair.dev[0]->fence != LZ_FENCE_FENCED)
		bench_sleep(LZ_US(50));
	bench_settle();
	assert_true(was_suspect(0));
	only_first_is_broken(LZ_EVIDENCE_PROBED);
	pair_down();
}

static void h72_a_lost_event_makes_everybody_a_suspect(void **state)
{
	(void)state;
	bench_seeds(20, events_lost);
}

/* ---- settling ---- */

/* A lone sync that was issued for an error that is over settles nothing later. */
static void old_settle(struct bench *b)
{
	struct lz_accusation doubt = {.gen = 0, .queue = &ring};
	unsigned settles;

	(void)b;
	ring_start(RING_ELSEWHERE, true, LZ_MS(20));
	pair_up(false);
	map_and_cache(0);
	fake_of(pair.dev[0])->mute = true;
	assert_int_equal(lz_unmap(pair.dom[0], IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	lz_accuse(pair.dev[1], &doubt, NULL); /* its lone sync waits behind the other */
	lz_iommu_kick(bench.iommu);
	bench_sleep(LZ_MS(3));
	assert_int_equal(ring.n_settles, 1);
	assert_true(lz_fence_acquit(pair.dev[1], 0));
	lz_suspect_drop(pair.dev[1], 0);
	bench_sleep(LZ_MS(3)); /* nobody is a suspect now, and the work has seen it */
	settles = ring.n_settles;
	lz_accuse(pair.dev[1], &doubt, NULL);
	lz_iommu_kick(bench.iommu);
	bench_settle();
	assert_true(ring.n_settles > settles);
	assert_int_equal(pair.dev[1]->n_exonerations, 1);
	pair_down();
}

static void h83_an_old_sync_settles_nothing(void **state)
{
	(void)state;
	bench_seeds(10, old_settle);
}

/* ---- a queue that stands, without a rung that rewrites it ---- */

static void soon(struct lz_config *cfg)
{
	cfg->late_bound = LZ_MS(5);
}

static void stand(bool restarts)
{
	ring_start(RING_ABORTS, true, TIMEOUT);
	ring.climbs = true;
	ring.restarts = restarts;
	pair_up(false);
	map_and_cache(0);
	ring.stands = true;
	assert_int_equal(lz_unmap(pair.dom[0], IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	bench_sleep(LZ_MS(100));
}

static unsigned rungs(enum lz_rung rung)
{
	unsigned n = 0;

	for (unsigned i = 0; i < bench.n_ev; i++)
		n += bench.ev[i].kind == LZ_EV_ESCALATED && bench.ev[i].detail == rung;
	return n;
}

/* It moves again: who it seemed to stand for is asked, and not assumed to be broken. */
static void restarted(struct bench *b)
{
	(void)b;
	stand(true);
	assert_int_equal(rungs(LZ_RUNG_RESTART), 1);
	assert_int_equal(rungs(LZ_RUNG_REWRITE), 0);
	assert_int_equal(rungs(LZ_RUNG_FUNCTION_OFF), 0);
	assert_int_equal(pair.dev[0]->n_exonerations, 1);
	assert_int_equal(pair.dev[0]->n_fences, 0);
	assert_int_equal(bench.n_released, 1);
	pair_down();
}

/* Nothing is proven: everything stays until the queue moves by itself. */
static void not_restarted(struct bench *b)
{
	(void)b;
	stand(false);
	assert_int_equal(rungs(LZ_RUNG_RESTART), 1);
	assert_int_equal(rungs(LZ_RUNG_FUNCTION_OFF), 1);
	assert_int_equal(rungs(LZ_RUNG_GLOBAL_ABORT), 0);
	assert_int_equal(pair.dev[0]->fence, LZ_FENCE_FENCING);
	assert_int_equal(pair.dev[1]->fence, LZ_FENCE_OPEN);
	assert_int_equal(bench.n_released, 0);
	ring.stands = false;
	bench_sleep(LZ_SEC(3));
	only_first_is_broken(LZ_EVIDENCE_ASSUMED);
	assert_int_equal(bench.n_released, 1);
	pair_down();
}

static void h84_each_rung_needs_its_proof(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 10; seed++) {
		bench_run(seed, 3, soon, restarted);
		bench_run(seed, 3, soon, not_restarted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h68_an_innocent_waiter_repeats),
		cmocka_unit_test(h68_without_a_name_all_are_asked),
		cmocka_unit_test(h68_an_aborted_probe_says_nothing),
		cmocka_unit_test(h73_who_is_named_is_fenced_at_once),
		cmocka_unit_test(h47_a_name_from_before_a_reset_is_void),
		cmocka_unit_test(h71_a_name_without_its_command_is_asked),
		cmocka_unit_test(h72_a_sync_is_not_believed_before_the_events),
		cmocka_unit_test(h72_a_lost_event_makes_everybody_a_suspect),
		cmocka_unit_test(h83_an_old_sync_settles_nothing),
		cmocka_unit_test(h84_each_rung_needs_its_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
