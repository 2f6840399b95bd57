/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports and the worker, under many interleavings. */
#include "tests/unit/core/bench.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void reset(struct lz_device *d)
{
	assert_int_equal(lz_reset_prepare(d), LZ_OK);
	bench_sleep(500);
	assert_int_equal(lz_reset_done(d, LZ_RESET_OK), LZ_OK);
}

/* ---- the story in its order ---- */

static void story_body(struct bench *b)
{
	set_up();
	bench_break(dev, dom);
	assert_int_equal(b->n_detected, 1);
	assert_true(bench_event_at(LZ_EV_QUARANTINED) < bench_event_at(LZ_EV_OWNER_TOLD));
	assert_int_equal(b->ev[bench_event_at(LZ_EV_QUARANTINED)].evidence, LZ_EVIDENCE_PROBED);
	assert_int_equal(dev->block, LZ_BLOCK_BROKEN);
	assert_int_equal(lz_group_recovery_count(g), 1);
	assert_string_equal(b->last_log,
			    "0000:00:03.0: IOMMU has quarantined the device (evidence: probed)");
	fake_of(dev)->mute = false;
	reset(dev);
	assert_int_equal(dev->block, 0);
	assert_int_equal(b->n_resumed, 1);
	assert_true(bench_event_at(LZ_EV_RESET_BEGIN) < bench_event_at(LZ_EV_UNFENCED));
	assert_true(bench_event_at(LZ_EV_UNFENCED) < bench_event_at(LZ_EV_RECOVERED));
	/* A new fault of the new generation is a new story. */
	bench_break(dev, dom);
	assert_int_equal(b->n_detected, 2);
	tear_down();
}

static void quarantine_tells_in_order(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, story_body);
}

/* The owner may reset from inside error_detected. */
static void reset_in_callback(struct bench *b, struct lz_device *d)
{
	(void)b;
	fake_of(d)->mute = false;
	reset(d);
}

static void callback_body(struct bench *b)
{
	b->on_error = reset_in_callback;
	set_up();
	assert_int_equal(lz_map(dom, 0x1000, 0x1000, 0x1000, LZ_READ), LZ_OK);
	fake_of(dev)->mute = true;
	assert_int_equal(lz_unmap(dom, 0x1000, 0x1000), LZ_IN_CUSTODY);
	bench_settle();
	assert_int_equal(b->n_detected, 1);
	assert_int_equal(b->n_resumed, 1);
	assert_int_equal(dev->block, 0);
	tear_down();
}

static void owner_may_reset_when_told(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, callback_body);
}

/* ---- report against reset ---- */

static void reporter(void *arg)
{
	(void)arg;
	bench_report(dev, lz_load32(&dev->generation));
}

static void h16_body(struct bench *b)
{
	set_up();
	b->fake.delay = 150;
	bench_spawn("report", 2, reporter, NULL);
	reset(dev);
	bench_join();
	bench_settle();
	/* Reported before the reset: retired. After it: a fault of its own. */
	if (dev->reported == dev->generation + 1)
		assert_int_equal(dev->block, LZ_BLOCK_BROKEN);
	else
		assert_int_equal(dev->block, 0);
	assert_int_equal(lz_group_recovery_count(g), dev->block ? 1 : 0);
	assert_false(dev->report_pending);
	b->fake.delay = 0;
	tear_down();
}

static void h16_reset_retires_a_queued_report(void **s)
{
	(void)s;
	bench_seeds(300, h16_body);
}

/* The work is queued, and runs only when the reset is over. */
static void queued_body(struct bench *b)
{
	struct lz_gated gate;

	set_up();
	assert_int_equal(lz_gate_enter(g, 0, &gate), LZ_OK);
	bench_report(dev, dev->generation);
	bench_sleep(LZ_MS(10));
	lz_gate_leave(gate);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	bench_settle();
	assert_int_equal(b->n_detected, 0); /* in reset it says nothing */
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	bench_settle();
	assert_int_equal(dev->block, 0);
	assert_int_equal(b->n_detected, 0);
	tear_down();
}

static void h16_queued_work_looks_again(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, queued_body);
}

/* The driver's callbacks of a good end find somebody who reports. */
static void (*saved_unfence)(struct lz_device *);
static enum lz_status (*saved_install)(struct lz_device *, uint32_t, struct lz_domain_part *,
				       struct lz_domain_part *);
static struct lz_iommu_ops hooked;
static bool armed;

static void reporting_unfence(struct lz_device *d)
{
	lz_report_broken(d, d->generation, LZ_EVIDENCE_PROBED);
	saved_unfence(d);
}

static void h17_body(struct bench *b)
{
	set_up();
	hooked = *b->iommu->ops;
	saved_unfence = hooked.unfence;
	hooked.unfence = reporting_unfence;
	b->iommu->ops = &hooked;
	reset(dev);
	bench_settle();
	/* What was said before the driver lifted the fence is of the past. */
	assert_int_equal(dev->block, 0);
	assert_int_equal(b->n_detected, 0);
	tear_down();
}

static void h17_report_is_retired_after_the_callback(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h17_body);
}

static enum lz_status failing_install(struct lz_device *d, uint32_t pasid,
				      struct lz_domain_part *new_, struct lz_domain_part *old)
{
	enum lz_status r = saved_install(d, pasid, new_, old);

	if (new_ && armed) {
		armed = false;
		bench_report(d, d->generation);
	}
	return r;
}

static void h18_body(struct bench *b)
{
	set_up();
	hooked = *b->iommu->ops;
	saved_install = hooked.install;
	hooked.install = failing_install;
	b->iommu->ops = &hooked;
	armed = true;
	reset(dev);
	bench_settle();
	/* A new fault while it was re-attached is not lost. */
	assert_int_equal(dev->block, LZ_BLOCK_BROKEN);
	assert_int_equal(b->n_detected, 1);
	tear_down();
}

static void h18_fault_during_the_reattach_is_kept(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h18_body);
}

/* ---- H19 ---- */

static void report_in_callback(struct bench *b, struct lz_device *d)
{
	(void)b;
	lz_device_report_broken(d);
}

static void h19_body(struct bench *b)
{
	b->on_error = report_in_callback;
	set_up();
	bench_break(dev, dom);
}

static void h19_report_from_a_callback_is_asserted(void **s)
{
	pid_t pid = fork();
	int status = 0;

	(void)s;
	if (pid == 0) {
		struct sigaction dfl = {.sa_handler = SIG_DFL};

		sigaction(SIGABRT, &dfl, NULL);
		fclose(stderr);
		bench_run(1, 0, NULL, h19_body);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* ---- one story ---- */

static void insistent(void *arg)
{
	for (int i = 0; i < 10; i++) {
		lz_report_broken(arg, lz_load32(&dev->generation), LZ_EVIDENCE_PROBED);
		bench_sleep(300);
	}
}

static void h62_body(struct bench *b)
{
	set_up();
	b->fake.delay = 100;
	bench_report(dev, dev->generation);
	bench_spawn("a", 2, insistent, dev);
	bench_spawn("b", 3, insistent, dev);
	bench_join();
	/* A run without a report, as after a re-attach. */
	lz_device_get(dev);
	assert_true(lz_work_queue(&dev->report_work, 0));
	bench_settle();
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 1);
	assert_int_equal(bench_events(LZ_EV_OWNER_TOLD), 1);
	assert_int_equal(b->n_detected, 1);
	assert_int_equal(dev->n_quarantines, 1);
	b->fake.delay = 0;
	tear_down();
}

static void h62_one_event_per_device_and_generation(void **s)
{
	(void)s;
	bench_seeds(50, h62_body);
}

/* Found broken while its tables wait to be written again: the retry must not
 * lift what only another reset may lift. */
static void retry_body(struct bench *b)
{
	struct lz_gated gate;

	set_up();
	b->fake.fail[OP_INSTALL] = LZ_ETIMEDOUT;
	b->fake.fail_count[OP_INSTALL] = 1;
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_ETIMEDOUT);
	assert_int_equal(lz_gate_enter(g, 0, &gate), LZ_OK);
	bench_report(dev, dev->generation);
	lz_gate_leave(gate);
	bench_settle();
	assert_true(dev->block & LZ_BLOCK_BROKEN);
	lz_device_get(dev);
	assert_true(lz_work_queue(&dev->report_work, 0));
	bench_settle();
	assert_true(dev->block & LZ_BLOCK_BROKEN);
	assert_int_equal(b->n_resumed, 0);
	reset(dev);
	assert_int_equal(dev->block, 0);
	assert_int_equal(b->n_resumed, 1);
	tear_down();
}

static void quarantine_ends_a_pending_reattach(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, retry_body);
}

/* ---- one work per device ---- */

static void h28_body(struct bench *b)
{
	struct lz_device *other;

	set_up();
	other = bench_device(g, 20, 2, NULL);
	assert_int_equal(lz_attach(other, dom), LZ_OK);
	bench_report(dev, dev->generation);
	bench_report(other, other->generation);
	bench_settle();
	assert_int_equal(b->n_detected, 2);
	assert_int_equal(dev->block, LZ_BLOCK_BROKEN);
	assert_int_equal(other->block, LZ_BLOCK_BROKEN);
	assert_int_equal(lz_group_recovery_count(g), 3);
	assert_int_equal(lz_device_remove(other), LZ_OK);
	tear_down();
}

static void h28_each_device_of_a_group_has_its_report(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h28_body);
	bench_seeds(20, h28_body);
}

/* ---- the worker cannot block ---- */

static void h66_body(struct bench *b)
{
	struct lz_gated gate;

	set_up();
	b->fake.fail[OP_BLOCK] = LZ_ENOMEM;
	b->fake.fail_count[OP_BLOCK] = 5;
	bench_report(dev, dev->generation);
	bench_settle();
	assert_int_equal(b->fake.count[OP_BLOCK], 6);
	assert_int_equal(b->n_detected, 1);
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 1);
	assert_int_equal(lz_group_recovery_count(g), 1);
	reset(dev);

	/* Somebody else has the gate for a while. */
	assert_int_equal(lz_gate_enter(g, 0, &gate), LZ_OK);
	bench_report(dev, dev->generation);
	bench_settle();
	assert_int_equal(b->n_detected, 1);
	lz_gate_leave(gate);
	bench_settle();
	assert_int_equal(b->n_detected, 2);
	tear_down();
}

static void h66_worker_that_cannot_block_tries_again(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, h66_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quarantine_tells_in_order),
		cmocka_unit_test(owner_may_reset_when_told),
		cmocka_unit_test(h16_reset_retires_a_queued_report),
		cmocka_unit_test(h16_queued_work_looks_again),
		cmocka_unit_test(h17_report_is_retired_after_the_callback),
		cmocka_unit_test(h18_fault_during_the_reattach_is_kept),
		cmocka_unit_test(h19_report_from_a_callback_is_asserted),
		cmocka_unit_test(quarantine_ends_a_pending_reattach),
		cmocka_unit_test(h28_each_device_of_a_group_has_its_report),
		cmocka_unit_test(h62_one_event_per_device_and_generation),
		cmocka_unit_test(h66_worker_that_cannot_block_tries_again),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
