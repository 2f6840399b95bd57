/* SPDX-License-Identifier: BSD-2-Clause */
/* Invalidation arrays and the stream id index: what the fence does not touch,
 * and what nobody sends to a fenced device. */
#include "tests/hazards/driver_look.h"

/* No ATC_INV reaches a device while its fence is in effect. */
static unsigned delivered[RIG_DEVS];

static void not_while_fenced(struct rig *r, int device, const struct lzm_atc_inv *inv)
{
	(void)inv;
	delivered[device]++;
	assert_int_not_equal(look_fence(r, (unsigned)device), LZ_FENCE_FENCED);
}

/* ---- users and links ---- */

static void books_of_a_fenced_device(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	struct lz_device *dev = r->dev[1].dev;
	bool ats = dev->ats_capable;

	look_map(r, dom, 4, 2);
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 1));
	look_settle(r);
	/* The mark is all that there is (H56, H64). */
	assert_int_equal(look_entries(dom), 2);
	assert_ptr_equal(look_entry(dom, 0), r->dev[0].dev);
	assert_ptr_equal(look_entry(dom, 1), dev);
	assert_int_equal(dev->ats_capable, ats);
	assert_ptr_equal(lz_attached(dev, LZ_NO_PASID), dom);
	assert_int_equal(dom->attached, 2);
	/* A blocking attach takes out its entry, once. */
	lz_detach(dev);
	lz_detach(dev);
	assert_int_equal(look_entries(dom), 1);
	assert_int_equal(dom->attached, 1);
	assert_int_equal(lz_pci_reset_flr(dev), LZ_OK);
	assert_int_equal(lz_attach(dev, dom), LZ_OK);
	assert_int_equal(look_entries(dom), 2);
	assert_true(rig_dma(r, 1, IOVA + LZ_PAGE, true));
	assert_true(r->dma_translated);
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	for (unsigned i = 0; i < 8; i++)
		if (rig_dma_cached(r, 1))
			assert_true(r->dma_pa < RIG_MEM + LZ_PAGE ||
				    r->dma_pa >= RIG_MEM + 2 * LZ_PAGE);
	rig_drop(r, dom);
}

static void h56_no_user_is_dropped_by_the_fence(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 16, books_of_a_fenced_device);
}

static void h64_quarantine_leaves_bookkeeping(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .streams = 1}, 16, books_of_a_fenced_device);
}

/* ---- the array is replaced meanwhile ---- */

struct storm {
	struct rig *r;
	struct lz_domain *dom;
	volatile bool stop;
	unsigned stopped;
	bool may_break;
};

static void join_task(void *arg)
{
	struct storm *m = arg;

	while (!m->stop) {
		/* It may be a suspect itself for a while. */
		if (lz_attach(m->r->dev[2].dev, m->dom) == LZ_OK)
			lz_detach(m->r->dev[2].dev);
		else
			rig_sleep(LZ_US(50));
	}
	m->stopped++;
}

static void unmap_task(void *arg)
{
	struct storm *m = arg;

	for (unsigned i = 1; i < 24 && !m->stop; i++) {
		(void)!lz_unmap(m->dom, IOVA + i * LZ_PAGE, LZ_PAGE);
		rig_sleep(LZ_US(40));
	}
	m->stopped++;
}

static void fence_meets_copy(struct rig *r)
{
	struct storm m = {.r = r, .dom = rig_shared(r, 0, 2)};

	look_map(r, m.dom, 24, 2);
	r->on_atc = not_while_fenced;
	sim_task("join", 3, join_task, &m);
	sim_task("unmap", 2, unmap_task, &m);
	rig_silence(r, 1);
	rig_sleep(LZ_US(5) * (r->opt.seed % 7));
	(void)!rig_unmap_irq(m.dom, IOVA, LZ_PAGE);
	assert_true(look_told(r, 1));
	m.stop = true;
	while (m.stopped < 2)
		rig_sleep(LZ_MS(1));
	look_settle(r);
	assert_int_equal(look_entries(m.dom), 2);
	assert_int_equal(rig_health(r, 0).fences, 0);
	assert_int_equal(rig_health(r, 2).fences, 0);
	rig_drop(r, m.dom);
}

static void h57_fence_while_the_array_is_copied(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 3}, 200, fence_meets_copy);
}

/* ---- several domains ---- */

static void fence_counts_in_all_domains(struct rig *r)
{
	struct lz_domain *a = rig_shared(r, 0, 2), *b = rig_domain(r), *c = rig_domain(r);
	uint64_t timeouts;

	assert_int_equal(lz_attach_pasid(r->dev[1].dev, 3, b), LZ_OK);
	assert_int_equal(lz_attach_pasid(r->dev[1].dev, 4, c), LZ_OK);
	look_map(r, a, 4, 2);
	assert_int_equal(lz_map(b, IOVA, RIG_MEM, 4 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(lz_map(c, IOVA, RIG_MEM, 4 * LZ_PAGE, LZ_WRITE), LZ_OK);
	r->on_atc = not_while_fenced;
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(b, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 1));
	look_settle(r);
	timeouts = rig_model_stats(r).atc_timeouts;
	assert_int_equal(lz_unmap(a, IOVA, LZ_PAGE), LZ_OK);
	assert_int_equal(lz_unmap(b, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	assert_int_equal(lz_unmap(c, IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	assert_int_equal(rig_model_stats(r).atc_timeouts, timeouts);
	assert_int_equal(lz_pci_reset_flr(r->dev[1].dev), LZ_OK);
	rig_drop(r, a);
	rig_drop(r, b);
	rig_drop(r, c);
}

static void h58_muted_in_every_domain(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .pasid_bits = 4}, 24, fence_counts_in_all_domains);
}

struct moves {
	struct rig *r;
	struct lz_domain *dom[2];
	unsigned at, done;
};

static void move_task(void *arg)
{
	struct moves *m = arg;
	unsigned me = m->at++;

	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(lz_attach(m->r->dev[me].dev, m->dom[(me + i) & 1]), LZ_OK);
	m->done++;
}

static bool moved(struct rig *r)
{
	return ((struct moves *)r->test)->done == 2;
}

/* Two devices change places again and again. */
static void crossing(struct rig *r)
{
	struct moves m = {r, {rig_domain(r), rig_domain(r)}, 0, 0};

	r->test = &m;
	sim_task("a", 2, move_task, &m);
	sim_task("b", 3, move_task, &m);
	assert_true(rig_until(r, moved, LZ_MS(200)));
	assert_int_equal(look_entries(m.dom[0]) + look_entries(m.dom[1]), 2);
	rig_drop(r, m.dom[0]);
	rig_drop(r, m.dom[1]);
}

static void h59_two_arrays_no_deadlock(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 48, crossing);
}

/* ---- nothing is published after the read section ---- */

static void reset_task(void *arg)
{
	struct storm *m = arg;
	enum lz_status st;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(lz_reset_prepare(m->r->dev[0].dev), LZ_OK);
		rig_sleep(LZ_US(10));
		st = lz_reset_done(m->r->dev[0].dev, LZ_RESET_OK);
		assert_true(st == LZ_OK || (m->may_break && st == LZ_EIO));
	}
	m->stop = true;
	m->stopped++;
}

static struct {
	uint32_t go;
	bool stood;
	unsigned waits;
} section;

/* The shadow of CONS as far behind as it may be. */
static void make_room_unknown(struct lz_smmu *s)
{
	uint64_t tail = lz_load64(&s->cmdq.ring.tail) & ~LZ_RING_FROZEN;

	if (tail >= s->cmdq.ring.room)
		lz_store64(&s->cmdq.ring.limit, tail);
}

/* An unmap that does not know of room looks at CONS between its choice and its
 * reservation: there it stands until the fence is in effect, which must not
 * happen before it is through. */
static void stand_in_section(struct rig *r, uint32_t off, bool write, uint64_t value)
{
	const struct lz_smmu_dev *sd = look_dev(r, 0);
	lz_ns end = sim_now() + LZ_US(60);

	(void)value;
	if (write || off != 0x9c || section.stood || lz_cpu_id() != 2)
		return;
	if (!sd->smmu->readers.cpu[2].in) {
		make_room_unknown(sd->smmu);
		return;
	}
	section.stood = true;
	section.go = 1;
	while (look_fence(r, 0) != LZ_FENCE_FENCED && sim_now() < end)
		lz_cpu_relax();
	section.waits++;
}

static void reset_on_go(void *arg)
{
	sim_wait_word(&section.go, 0, sim_now() + LZ_MS(100));
	reset_task(arg);
}

/* Resets of a sound device while others unmap. */
static void unmaps_meet_reset(struct rig *r)
{
	struct storm m = {.r = r, .dom = rig_shared(r, 0, 1)};

	look_map(r, m.dom, 24, 0);
	section.go = 0;
	section.stood = false;
	r->on_atc = not_while_fenced;
	r->on_mmio = stand_in_section;
	sim_task("unmap", 2, unmap_task, &m);
	sim_task("reset", 3, reset_on_go, &m);
	while (m.stopped < 2)
		rig_sleep(LZ_MS(1));
	r->on_mmio = NULL;
	look_settle(r);
	assert_string_equal(rig_health(r, 0).state, "healthy");
	rig_drop(r, m.dom);
}

static void h60_no_atc_inv_during_a_reset(void **state)
{
	(void)state;
	section.waits = 0;
	rig_run_seeds(&(struct rig_opts){.devs = 1, .cmdq_log2 = 2}, 32, unmaps_meet_reset);
	assert_true(section.waits > 16);
}

/* ---- nothing is asked in a queue that stands ---- */

/* Device 0 does not answer, and the sync behind its ATC_INV never ends. */
static struct lz_domain *stand(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);

	look_map(r, dom, 1, 1);
	rig_silence(r, 0);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	return dom;
}

/* `first`, for which the queue stands, and the one after it are reset at once: that
 * lets the queue go on, and what it had for the latter would be lost there and the
 * queue stand until its next reset. */
static void reset_two(struct rig *r, unsigned first)
{
	for (unsigned i = first; i < first + 2; i++)
		assert_int_equal(lz_reset_prepare(r->dev[i].dev), LZ_OK);
	for (unsigned i = first + 2; i-- > first;)
		lzm_ep_bus_reset(r->dev[i].ep);
	rig_sleep(LZ_MS(2));
	for (unsigned i = first; i < first + 2; i++)
		assert_int_equal(lz_reset_done(r->dev[i].dev, LZ_RESET_OK), LZ_OK);
	look_settle(r);
	assert_int_equal(r->released, LZ_PAGE);
}

static void detached_meanwhile(struct rig *r)
{
	struct lz_domain *other = rig_shared(r, 1, 1), *dom = stand(r);

	lz_detach(r->dev[1].dev);
	reset_two(r, 0);
	rig_drop(r, dom);
	rig_drop(r, other);
}

/* It may not be asked now whether it answers, so that it is let back later. */
static void reset_meanwhile(struct rig *r)
{
	struct lz_domain *other = rig_shared(r, 1, 1), *dom = stand(r);

	assert_int_equal(lz_pci_reset_flr(r->dev[1].dev), LZ_ETIMEDOUT);
	rig_sleep(LZ_SEC(3));
	reset_two(r, 0);
	assert_int_equal(r->dev[1].resumed, 1);
	rig_drop(r, dom);
	rig_drop(r, other);
}

static void detach_task(void *arg)
{
	lz_detach(((struct rig_dev *)arg)->dev);
}

/* Both wait for the queue to go on, and the first who is asked then does not answer. */
static void detached_together(struct rig *r)
{
	struct lz_domain *other = rig_shared(r, 1, 2), *dom = stand(r);

	rig_silence(r, 1);
	assert_int_equal(lz_reset_prepare(r->dev[0].dev), LZ_OK);
	for (unsigned i = 1; i < 3; i++) {
		sim_task("detach", i + 1, detach_task, &r->dev[i]);
		rig_sleep(LZ_MS(1));
	}
	lzm_ep_bus_reset(r->dev[0].ep);
	rig_sleep(LZ_SEC(5));
	reset_two(r, 1);
	(void)!lz_reset_done(r->dev[0].dev, LZ_RESET_OK);
	rig_drop(r, dom);
	rig_drop(r, other);
}

static void h60_nothing_is_asked_in_a_queue_that_stands(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2, .regime = "sync_never"}, 8, detached_meanwhile);
	look_run(&(struct rig_opts){.devs = 2, .regime = "sync_never"}, 8, reset_meanwhile);
	look_run(&(struct rig_opts){.devs = 3, .regime = "sync_never"}, 8, detached_together);
}

/* ---- the index of stream ids ---- */

static void taken_twice(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 2);
	uint32_t ids[3] = {0x7000, 0x7001, r->dev[1].sid};
	struct lz_device_desc desc = {
		.name = "twice", .iommu = r->iommu, .streams = ids, .n_streams = 3};
	struct lz_group *group;
	struct lz_device *dev;

	assert_int_equal(lz_group_create(r->lz, 9, &group), LZ_OK);
	assert_int_equal(lz_device_add(group, &desc, &dev), LZ_EEXIST);
	/* What it had put in is out, what it had not is still there. */
	desc.n_streams = 2;
	assert_int_equal(lz_device_add(group, &desc, &dev), LZ_OK);
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	look_map(r, dom, 2, 2);
	rig_silence(r, 1);
	assert_int_equal(rig_unmap_irq(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(look_told(r, 1));
	assert_int_equal(rig_health(r, 1).evidence, LZ_EVIDENCE_PROBED);
	look_settle(r);
	assert_int_equal(lz_group_destroy(group), LZ_OK);
	rig_drop(r, dom);
}

static void h61_a_stream_id_registered_twice(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 2}, 16, taken_twice);
}

/* ---- a byte of its own ---- */

/* Taking the size or the offset of a bit-field does not compile. */
_Static_assert(sizeof(((struct lz_device *)0)->fence) == 1, "a byte");
_Static_assert(offsetof(struct lz_device, fence) != offsetof(struct lz_device, evidence) &&
		       offsetof(struct lz_device, fence) != offsetof(struct lz_device, ats_on),
	       "of its own");

/* Whoever switches ATS (under the gate) and the fence (under its lock) write at
 * the same time; neither is lost. */
static void mark_and_flags(struct rig *r)
{
	struct lz_domain *dom = rig_shared(r, 0, 1);
	struct storm m = {.r = r, .dom = dom, .may_break = true};

	sim_task("reset", 3, reset_task, &m);
	while (!m.stop) {
		lz_device_report_broken(r->dev[0].dev);
		rig_sleep(LZ_US(3));
	}
	look_settle(r);
	rig_sleep(LZ_MS(20));
	look_settle(r);
	if (look_fence(r, 0) == LZ_FENCE_OPEN) {
		assert_true(lz_device_ats_active(r->dev[0].dev));
		assert_int_equal(rig_health(r, 0).block, 0);
	} else {
		assert_int_equal(look_fence(r, 0), LZ_FENCE_FENCED);
		assert_true(rig_health(r, 0).block != 0);
	}
	rig_drop(r, dom);
}

static void h63_the_mark_has_its_own_byte(void **state)
{
	(void)state;
	look_run(&(struct rig_opts){.devs = 1}, 48, mark_and_flags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h56_no_user_is_dropped_by_the_fence),
		cmocka_unit_test(h57_fence_while_the_array_is_copied),
		cmocka_unit_test(h58_muted_in_every_domain),
		cmocka_unit_test(h59_two_arrays_no_deadlock),
		cmocka_unit_test(h60_no_atc_inv_during_a_reset),
		cmocka_unit_test(h60_nothing_is_asked_in_a_queue_that_stands),
		cmocka_unit_test(h61_a_stream_id_registered_twice),
		cmocka_unit_test(h63_the_mark_has_its_own_byte),
		cmocka_unit_test(h64_quarantine_leaves_bookkeeping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
