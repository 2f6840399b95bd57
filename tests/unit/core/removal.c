/* SPDX-License-Identifier: BSD-2-Clause */
/* Removal, and references that outlive it, under many interleavings. */
#include "tests/unit/core/bench.h"

#include <string.h>

static struct lz_group *g;
static struct lz_device *dev;
static struct lz_domain *dom;

static void set_up(void)
{
	bench_one(&g, &dev, &dom);
}

static void tear_down(void)
{
	bench_one_done(g, dev, dom);
}

/* ---- removal ---- */

static void late_reporter(void *arg)
{
	struct lz_device *d = arg;

	for (int i = 0; i < 5; i++)
		lz_report_broken(d, lz_load32(&d->generation), LZ_EVIDENCE_PROBED);
	lz_device_put(d);
}

static void h20_body(struct bench *b)
{
	struct lz_device *held;

	set_up();
	held = dev;
	b->fake.delay = 100;
	lz_device_get(dev);
	lz_device_get(dev);
	bench_spawn("report", 2, late_reporter, dev);
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	assert_false(held->report_work.queued);
	bench_join();
	assert_false(held->report_work.queued);
	held->reported = 0; /* as if nobody had reported it yet */
	lz_report_broken(held, held->generation, LZ_EVIDENCE_PROBED);
	assert_false(held->report_work.queued);
	assert_int_equal(held->refs, 1);
	lz_device_put(held);
	assert_int_equal(b->fake.count[OP_FREE], 1);
	assert_true(b->n_detected <= 1);
	assert_int_equal(bench_events(LZ_EV_REMOVED), 1);
	bench_destroy(dom);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void h20_late_report_does_not_queue_again(void **s)
{
	(void)s;
	bench_seeds(300, h20_body);
}

/* The worker is in the middle of its quarantine and wants the gate, the locks,
 * or it is in the owner's callback. */
static bool in_callback;

static void slow_callback(struct bench *b, struct lz_device *d)
{
	(void)d;
	in_callback = true;
	fake_pause(b->lz, LZ_US(10));
	in_callback = false;
}

static void h21_body(struct bench *b)
{
	unsigned told;

	set_up();
	b->on_error = slow_callback;
	in_callback = false;
	b->fake.delay = 400;
	bench_report(dev, dev->generation);
	bench_sleep(100 * (b->seed % 40));
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	assert_false(in_callback);
	told = b->n_detected;
	bench_settle();
	assert_int_equal(b->n_detected, told);
	assert_int_equal(b->fake.count[OP_FREE], 1);
	bench_destroy(dom);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void h21_removal_drains_outside_the_locks(void **s)
{
	(void)s;
	bench_seeds(200, h21_body);
}

/* The run that is queued has a reference of its own, and whoever cancels it
 * gives it back. The bench checks the books. */
static void h22_body(struct bench *b)
{
	struct lz_gated gate;
	struct lz_stats st;

	(void)b;
	set_up();
	assert_int_equal(lz_gate_enter(g, 0, &gate), LZ_OK);
	bench_report(dev, dev->generation);
	lz_stats_get(bench.lz, &st);
	assert_int_equal(st.references, 2);
	assert_int_equal(dev->refs, 2);
	bench_sleep(LZ_MS(20)); /* tried, not lost */
	assert_int_equal(dev->refs, 2);
	lz_gate_leave(gate);
	tear_down();
}

static void h22_work_has_its_own_reference(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h22_body);
}

static void remover(void *arg)
{
	assert_int_equal(lz_device_remove(arg), LZ_OK);
}

static void h27_body(struct bench *b)
{
	struct lz_gated gate;

	set_up();
	assert_int_equal(lz_gate_enter(g, 0, &gate), LZ_OK);
	bench_report(dev, dev->generation); /* cannot run: cancelled by the removal */
	bench_sleep(LZ_MS(5));
	bench_spawn("remove", 2, remover, dev);
	bench_sleep(LZ_MS(5));
	lz_gate_leave(gate);
	bench_join();
	bench_settle();
	assert_int_equal(b->n_detected, 0);
	assert_int_equal(b->fake.count[OP_FREE], 1);
	bench_destroy(dom);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void h27_whoever_cancels_drops_the_reference(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h27_body);
}

/* The device goes after the report was queued and before the work has looked. */
static void h23_look_body(struct bench *b)
{
	struct lz_gated gate;

	set_up();
	assert_int_equal(lz_gate_enter(g, 0, &gate), LZ_OK);
	bench_report(dev, dev->generation);
	dev->presence = LZ_REMOVING;
	lz_gate_leave(gate);
	bench_settle();
	assert_int_equal(dev->block, 0);
	assert_int_equal(b->n_detected, 0);
	assert_int_equal(b->fake.count[OP_BLOCK], 0);
	dev->presence = LZ_PRESENT;
	tear_down();
}

/* The worker has passed the point where it looked, when the device goes. */
static void h23_body(struct bench *b)
{
	set_up();
	b->fake.delay = 200;
	lz_device_get(dev);
	bench_spawn("report", 2, late_reporter, dev);
	bench_spawn("remove", 3, remover, dev);
	bench_join();
	bench_settle();
	assert_int_equal(b->fake.count[OP_REMOVE], 1);
	/* Nothing is asked of the driver for a device that it has forgotten. */
	for (unsigned i = (unsigned)fake_find(&b->fake, OP_REMOVE, 0) + 1; i < b->fake.n_calls; i++)
		assert_true(b->fake.call[i].op == OP_FREE || !b->fake.call[i].dev);
	bench_destroy(dom);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void h23_worker_looks_at_the_device_under_the_lock(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h23_look_body);
	bench_seeds(300, h23_body);
}

/* ---- references ---- */

static void report_in_irq(void *arg)
{
	bench_report(arg, lz_load32(&((struct lz_device *)arg)->generation));
}

/* The reporter in an interrupt never looks at the group's list: others of the
 * group may come and go. */
static void neighbours(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < 4; i++) {
		struct lz_device *d = bench_device(g, 100 + i, 1, NULL);

		assert_int_equal(lz_device_remove(d), LZ_OK);
	}
}

static void irq_task(void *arg)
{
	sim_in_irq(report_in_irq, arg);
}

static void h24_body(struct bench *b)
{
	set_up();
	bench_spawn("neighbours", 2, neighbours, NULL);
	bench_spawn("irq", 3, irq_task, dev);
	bench_join();
	bench_settle();
	assert_int_equal(b->n_detected, 1);
	assert_int_equal(dev->block, LZ_BLOCK_BROKEN);
	tear_down();
}

static void h24_report_in_irq_walks_no_list(void **s)
{
	(void)s;
	bench_seeds(100, h24_body);
}

static void put_in_irq(void *arg)
{
	lz_device_put(arg);
}

static void h26_body(struct bench *b)
{
	set_up();
	lz_device_get(dev); /* as somebody who found it under the index's lock (H25) */
	lz_detach(dev);
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	bench_settle();
	assert_int_equal(b->fake.count[OP_REMOVE], 1);
	assert_int_equal(b->fake.count[OP_FREE], 0);
	assert_int_equal(lz_fini(b->lz), LZ_EBUSY);
	sim_in_irq(put_in_irq, dev);
	assert_int_equal(b->fake.count[OP_FREE], 0);
	bench_settle();
	assert_int_equal(b->fake.count[OP_FREE], 1);
	bench_destroy(dom);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void h25_reference_keeps_a_removed_device(void **s)
{
	(void)s;
	bench_run(2, 0, NULL, h26_body);
}

static void h26_last_reference_is_freed_by_a_task(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h26_body);
}

/* ---- removal while nothing completes ---- */

static void stalled_body(struct bench *b)
{
	set_up();
	b->fake.stalled = true;
	assert_int_equal(lz_device_remove(dev), LZ_OK);
	assert_int_equal(b->fake.count[OP_REMOVE], 0);
	assert_int_equal(lz_group_destroy(g), LZ_EBUSY);
	assert_int_equal(lz_domain_destroy(dom), LZ_IN_CUSTODY);
	bench_settle();
	assert_int_equal(b->n_destroyed, 0);
	b->fake.stalled = false;
	bench_settle();
	assert_int_equal(b->fake.count[OP_REMOVE], 1);
	assert_int_equal(b->fake.count[OP_FREE], 1);
	assert_int_equal(b->n_destroyed, 1);
	assert_int_equal(bench_events(LZ_EV_REMOVED), 1);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void removal_without_effect_is_finished_later(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, stalled_body);
	bench_seeds(50, stalled_body);
}

static void adding_body(struct bench *b)
{
	uint32_t ids[2] = {5, 5};
	struct lz_device_desc d = {.name = "a", .iommu = b->iommu, .streams = ids, .n_streams = 2};
	struct fake_pci pci;
	struct lz_device *out;

	fake_pci_init(&pci);
	pci.space[0x107] = 0x80;
	g = bench_group(7);
	assert_int_equal(lz_device_add(g, &d, &out), LZ_EINVAL);
	d.n_streams = 0;
	assert_int_equal(lz_device_add(g, &d, &out), LZ_EINVAL);
	d.n_streams = LZ_MAX_STREAMS + 1;
	assert_int_equal(lz_device_add(g, &d, &out), LZ_EINVAL);
	d.n_streams = 1;
	d.pci = &pci.access;
	pci.stuck = true;
	assert_int_equal(lz_device_add(g, &d, &out), LZ_EIO);
	pci.stuck = false;
	b->fake.stalled = true;
	assert_int_equal(lz_device_add(g, &d, &out), LZ_ETIMEDOUT);
	b->fake.stalled = false;
	assert_null(out);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
	g = bench_group(7);
	pci.space[0x107] = 0x80;
	assert_int_equal(lz_device_add(g, &d, &out), LZ_OK);
	assert_false(fake_pci_ats_on(&pci));
	bench_remove(out, g);
}

static void h91_add_switches_ats_off(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, adding_body);
}

/* The function, and the port above: where a fence would not stop it. */
static void h88_body(struct bench *b)
{
	struct fake_pci fn, port;
	struct lz_device *with, *cache, *peer;
	const uint8_t dvsec[12] = {0x23, 0, 1, 0, 0x98, 0x1e, 0xc1, 0, 0, 0, 0x01, 0};

	fake_pci_init(&fn);
	fake_pci_init(&port);
	fn.access.upstream = &port.access;
	port.space[0x100] = 0x0d; /* ACS */
	port.space[0x106] = 0x1d;
	g = bench_group(7);
	with = bench_device(g, 1, 1, &fn.access);
	assert_true(with->ats_capable);
	port.space[0x106] |= 0x40;
	peer = bench_device(g, 2, 1, &fn.access);
	assert_false(peer->ats_capable);
	assert_non_null(strstr(b->last_log, "peer-to-peer"));
	port.space[0x106] = 0x1d;
	fn.space[0x103] = 0x14;
	memcpy(&fn.space[0x140], dvsec, sizeof(dvsec));
	cache = bench_device(g, 3, 1, &fn.access);
	assert_false(cache->ats_capable);
	assert_non_null(strstr(b->last_log, "CXL.cache"));
	fn.space[0x14a] = 0; /* CXL.io and CXL.mem only */
	assert_int_equal(lz_device_remove(cache), LZ_OK);
	cache = bench_device(g, 3, 1, &fn.access);
	assert_true(cache->ats_capable);
	assert_int_equal(lz_device_remove(cache), LZ_OK);
	assert_int_equal(lz_device_remove(peer), LZ_OK);
	bench_remove(with, g);
}

static void h88_no_ats_where_no_fence_helps(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h88_body);
}

/* Commands that were dropped, as in a restart of the queue: to be tried again. */
static void dropped_body(struct bench *b)
{
	static const uint32_t stream = 0x100;
	struct lz_device_desc desc = {
		.name = "one", .iommu = &b->fake.iommu, .streams = &stream, .n_streams = 1};

	g = bench_group(1);
	b->fake.fail[OP_ADD] = LZ_EFAULT;
	b->fake.fail_count[OP_ADD] = 1;
	assert_int_equal(lz_device_add(g, &desc, &dev), LZ_ETIMEDOUT);
	assert_null(dev);
	assert_int_equal(lz_device_add(g, &desc, &dev), LZ_OK);
	bench_remove(dev, g);
}

static void dropped_commands_are_a_timeout(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, dropped_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h20_late_report_does_not_queue_again),
		cmocka_unit_test(h21_removal_drains_outside_the_locks),
		cmocka_unit_test(h22_work_has_its_own_reference),
		cmocka_unit_test(h23_worker_looks_at_the_device_under_the_lock),
		cmocka_unit_test(h24_report_in_irq_walks_no_list),
		cmocka_unit_test(h25_reference_keeps_a_removed_device),
		cmocka_unit_test(h26_last_reference_is_freed_by_a_task),
		cmocka_unit_test(h27_whoever_cancels_drops_the_reference),
		cmocka_unit_test(removal_without_effect_is_finished_later),
		cmocka_unit_test(h88_no_ats_where_no_fence_helps),
		cmocka_unit_test(dropped_commands_are_a_timeout),
		cmocka_unit_test(h91_add_switches_ats_off),
	};

	return cmocka_run_group_tests_name("removal", tests, NULL, NULL);
}
