/* SPDX-License-Identifier: BSD-2-Clause */
/* Deferred work, the gate, log lines, names, the instance. */
#include "tests/unit/core/bench.h"

#include <string.h>

static struct lz_work work[3];
static unsigned order[16], n_order;
static unsigned inside, most_inside;

static void note_run(struct lz_work *w)
{
	inside++;
	most_inside = inside > most_inside ? inside : most_inside;
	fake_pause(w->lz, 200);
	inside--;
	if (n_order < 16)
		order[n_order++] = (unsigned)(w - work);
}

static void set_up(struct bench *b)
{
	for (unsigned i = 0; i < 3; i++)
		lz_work_init(b->lz, &work[i], note_run);
	n_order = inside = most_inside = 0;
}

static void due_body(struct bench *b)
{
	lz_ns now = lz_now(b->lz);

	set_up(b);
	assert_true(lz_work_queue(&work[0], now + LZ_MS(3)));
	assert_true(lz_work_queue(&work[1], now + LZ_MS(2)));
	assert_true(lz_work_queue(&work[2], now + LZ_SEC(500)));
	assert_false(lz_work_queue(&work[0], now + LZ_MS(1))); /* an earlier time wins */
	bench_sleep(LZ_US(500));
	assert_int_equal(n_order, 0);
	bench_settle();
	assert_int_equal(n_order, 2);
	assert_int_equal(order[0], 0);
	assert_int_equal(order[1], 1);
	assert_true(lz_work_disable(&work[2]));
	assert_false(lz_work_queue(&work[2], now));
	assert_false(lz_work_disable(&work[2]));
	bench_settle();
	assert_int_equal(n_order, 2);
	lz_work_enable(&work[2]);
	assert_true(lz_work_queue(&work[2], now));
	bench_settle();
	assert_int_equal(n_order, 3);
}

static void work_runs_when_it_is_due(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, due_body);
}

static void poller(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++) {
		lz_poll(bench.lz);
		bench_sleep(50);
	}
}

static void queuer(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++) {
		lz_work_queue(&work[0], lz_now(bench.lz));
		bench_sleep(100);
	}
}

/* Several threads poll: a work runs in one of them, and drained means drained. */
static void drain_body(struct bench *b)
{
	set_up(b);
	bench_spawn("poll", 2, poller, NULL);
	bench_spawn("queue", 3, queuer, NULL);
	bench_sleep(300 + 10 * (b->seed % 100));
	lz_work_disable(&work[0]);
	assert_int_equal(inside, 0);
	n_order = 0;
	bench_join();
	assert_int_equal(n_order, 0);
	assert_int_equal(most_inside, 1);
}

static void disabled_work_is_drained(void **s)
{
	(void)s;
	bench_seeds(200, drain_body);
}

/* ---- gate ---- */

static struct lz_group *g;
static unsigned in_gate, most_in_gate, entered;

static void gated(void *arg)
{
	struct lz_gated gate;

	(void)arg;
	for (int i = 0; i < 5; i++) {
		if (lz_gate_enter(g, LZ_US(100), &gate) != LZ_OK)
			continue;
		entered++;
		in_gate++;
		most_in_gate = in_gate > most_in_gate ? in_gate : most_in_gate;
		fake_pause(bench.lz, 300);
		in_gate--;
		lz_gate_leave(gate);
	}
}

static void gate_body(struct bench *b)
{
	struct lz_gated gate, second;

	(void)b;
	g = bench_group(1);
	in_gate = most_in_gate = entered = 0;
	bench_spawn("a", 2, gated, NULL);
	bench_spawn("b", 3, gated, NULL);
	gated(NULL);
	bench_join();
	assert_int_equal(most_in_gate, 1);
	assert_int_equal(entered, 15);
	assert_int_equal(lz_gate_enter(g, 0, &gate), LZ_OK);
	assert_int_equal(lz_gate_enter(g, 0, &second), LZ_EBUSY);
	assert_int_equal(lz_gate_enter(g, LZ_US(10), &second), LZ_EBUSY);
	assert_int_equal(lz_group_destroy(g), LZ_EBUSY);
	lz_gate_leave(gate);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void one_at_a_time_in_the_gate(void **s)
{
	(void)s;
	bench_seeds(100, gate_body);
}

/* ---- text ---- */

static void log_body(struct bench *b)
{
	char dots[300];

	lz_log(b->lz, LZ_LOG_INFO, "smmu", "%s %u %d %x %08x|%c%%", "a", 4294967295u, -5, 0xabu,
	       0xabu, 'z');
	assert_string_equal(b->last_log, "smmu: a 4294967295 -5 ab 000000ab|z%");
	lz_log(b->lz, LZ_LOG_INFO, "d", "%llx %llu", 0x123456789abcdefull, 18446744073709551615ull);
	assert_string_equal(b->last_log, "d: 123456789abcdef 18446744073709551615");
	for (unsigned i = 0; i < sizeof(dots) - 1; i++)
		dots[i] = '.';
	dots[sizeof(dots) - 1] = '\0';
	lz_log(b->lz, LZ_LOG_INFO, "d", "%s", dots);
	assert_int_equal(strlen(b->last_log), 200);
}

static void log_formats(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, log_body);
}

static void names_are_never_missing(void **s)
{
	(void)s;
	for (unsigned i = 0; i <= LZ_EFAULT; i++)
		assert_string_not_equal(lz_status_name((enum lz_status)i), "unknown");
	for (unsigned i = 0; i < LZ_EVENT_KINDS; i++)
		assert_string_not_equal(lz_event_name((enum lz_event_kind)i), "unknown");
	assert_string_equal(lz_status_name((enum lz_status)99), "unknown");
	assert_string_equal(lz_event_name(LZ_EV_QUARANTINED), "quarantined");
	assert_string_equal(lz_evidence_name(LZ_EVIDENCE_PROBED), "probed");
	assert_string_equal(lz_rung_name(LZ_RUNG_GLOBAL_ABORT), "global abort");
	assert_string_equal(lz_fence_name(LZ_FENCE_FENCED), "fenced");
}

/* ---- instance ---- */

static void init_body(struct bench *b)
{
	struct lz_port port = *sim_port();
	struct lz_config cfg = b->cfg;
	struct lz *lz;

	port.dma_virt = NULL;
	assert_int_equal(lz_init(&port, &cfg, &lz), LZ_EINVAL);
	assert_null(lz);
	cfg.atomic_wait = 0;
	assert_int_equal(lz_init(sim_port(), &cfg, &lz), LZ_EINVAL);
	g = bench_group(1);
	assert_int_equal(lz_fini(b->lz), LZ_EBUSY);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
	assert_int_equal(lz_fini(b->lz), LZ_EBUSY); /* the IOMMU */
}

static void init_checks_and_fini_refuses(void **s)
{
	(void)s;
	bench_run(1, 0, NULL, init_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_runs_when_it_is_due),
		cmocka_unit_test(disabled_work_is_drained),
		cmocka_unit_test(one_at_a_time_in_the_gate),
		cmocka_unit_test(log_formats),
		cmocka_unit_test(names_are_never_missing),
		cmocka_unit_test(init_checks_and_fini_refuses),
	};

	return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
