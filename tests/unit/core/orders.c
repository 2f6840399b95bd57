/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters over recoveries, events as text, limited log lines, another policy, the
 * graded response, and what an operator orders. */
#include "tests/unit/core/bench.h"

#include <string.h>

static struct lz_group *g;
static struct lz_device *dev;
static struct lz_domain *dom, *two;
static struct fake_pci pci;

static void set_up(void)
{
	fake_pci_init(&pci);
	g = bench_group(1);
	dev = bench_device(g, 8, 1, &pci.access);
	dom = bench_domain();
	two = bench_domain();
	assert_int_equal(lz_attach(dev, dom), LZ_OK);
	assert_int_equal(lz_attach_pasid(dev, 1, two), LZ_OK);
}

static void tear_down(void)
{
	lz_detach(dev);
	bench_destroy(dom);
	bench_destroy(two);
	bench_remove(dev, g);
}

static struct lz_health health(void)
{
	struct lz_health h;

	lz_device_health(dev, &h);
	return h;
}

static enum lz_status reset(enum lz_reset_result result)
{
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	return lz_reset_done(dev, result);
}

static void recover_it(void)
{
	fake_of(dev)->mute = false;
	assert_int_equal(reset(LZ_RESET_OK), LZ_OK);
	assert_string_equal(health().state, "healthy");
}

/* ---- counters ---- */

static void counters_body(struct bench *b)
{
	struct lz_iommu_stats i;
	struct lz_device_stats d;
	struct lz_custody c;
	struct lz_stats s;

	set_up();
	bench_break(dev, dom);
	recover_it();
	bench_break(dev, dom);
	recover_it();
	/* Evidence of before the reset. */
	lz_report_broken(dev, 0, LZ_EVIDENCE_NAMED);
	bench_settle();
	lz_device_stats_get(dev, &d);
	lz_iommu_stats_get(b->iommu, &i);
	lz_stats_get(b->lz, &s);
	lz_domain_custody(dom, &c);
	assert_int_equal(d.quarantines, 2);
	assert_int_equal(d.recoveries, 2);
	assert_int_equal(d.stale, 1);
	assert_int_equal(i.quarantines, 2);
	assert_int_equal(i.recoveries, 2);
	assert_int_equal(i.stale, 1);
	assert_int_equal(s.quarantines, 2);
	assert_int_equal(s.stale, 1);
	assert_int_equal(i.custody_pages, 0);
	assert_int_equal(i.custody_pages_max, 1);
	assert_int_equal(c.pages_max, 1);
	assert_true(s.custody_page_us == i.custody_page_us);
	assert_true(c.page_us == i.custody_page_us);
	tear_down();
	lz_stats_get(b->lz, &s);
	assert_int_equal(s.quarantines, 2);
}

static void counters_survive_recovery(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, counters_body);
}

/* A page for a second, and a second one for the half of it. */
static void page_time_body(struct bench *b)
{
	struct lz_iommu_stats i;
	struct lz_custody c;

	set_up();
	b->fake.stalled = true;
	assert_int_equal(lz_map(dom, 0x1000, 0x8000, LZ_PAGE, LZ_READ), LZ_OK);
	assert_int_equal(lz_map(dom, 0x2000, 0x9000, LZ_PAGE, LZ_READ), LZ_OK);
	assert_int_equal(lz_unmap(dom, 0x1000, LZ_PAGE), LZ_IN_CUSTODY);
	bench_sleep(LZ_MS(500));
	assert_int_equal(lz_unmap(dom, 0x2000, LZ_PAGE), LZ_IN_CUSTODY);
	bench_sleep(LZ_MS(500));
	lz_domain_custody(dom, &c);
	lz_iommu_stats_get(b->iommu, &i);
	assert_in_range(c.page_us, 1500000, 1510000);
	assert_in_range(i.custody_page_us, 1500000, 1510000);
	assert_int_equal(i.custody_pages, 2);
	b->fake.stalled = false;
	lz_iommu_kick(b->iommu);
	bench_settle();
	lz_domain_custody(dom, &c);
	assert_int_equal(c.pages, 0);
	assert_in_range(c.page_us, 1500000, 1520000);
	tear_down();
}

static void page_time_is_pages_times_time(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, page_time_body);
}

/* ---- events ---- */

static void format_body(struct bench *b)
{
	struct lz_event ev = {.kind = LZ_EV_ESCALATED,
			      .status = LZ_ETIMEDOUT,
			      .iommu = b->iommu,
			      .time = 1234,
			      .detail = LZ_RUNG_RESTART};
	char text[LZ_EVENT_TEXT], cut[10];
	size_t n;

	set_up();
	n = lz_event_format(&ev, text, sizeof(text));
	assert_string_equal(text,
			    "{\"schema\":1,\"time_ns\":1234,\"kind\":6,\"event\":\"escalated\","
			    "\"action\":\"ladder\",\"phase\":\"failed\",\"iommu\":\"fake0\","
			    "\"rung\":\"restart\",\"status\":\"timed out\",\"detail\":1}");
	assert_int_equal(n, strlen(text));
	assert_int_equal(lz_event_format(&ev, cut, sizeof(cut)), n);
	assert_memory_equal(cut, "{\"schema\"", 9);
	assert_int_equal(cut[9], '\0');
	assert_int_equal(lz_event_format(&ev, NULL, 0), n);
	/* A name is the embedder's. */
	strcpy(dev->name, "a\"b\\c\n");
	ev = (struct lz_event){.kind = LZ_EV_FENCE_BEGIN,
			       .device = dev,
			       .generation = 4,
			       .evidence = LZ_EVIDENCE_OPERATOR};
	(void)lz_event_format(&ev, text, sizeof(text));
	assert_non_null(strstr(text, "\"action\":\"fence\",\"phase\":\"begin\","
				     "\"device\":\"a\\\"b\\\\c\\u000a\",\"generation\":4,"
				     "\"evidence\":\"operator\""));
	tear_down();
}

static void events_have_a_form_for_machines(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, format_body);
}

/* Each action that begins ends, in that order. */
static void steps_body(struct bench *b)
{
	enum lz_phase last[LZ_ACTION_CLEAR + 1] = {0};

	set_up();
	bench_break(dev, dom);
	b->fake.fail[OP_INSTALL] = LZ_ENOMEM;
	b->fake.fail_count[OP_INSTALL] = 1;
	fake_of(dev)->mute = false;
	assert_int_equal(reset(LZ_RESET_OK), LZ_ENOMEM);
	bench_settle();
	assert_string_equal(health().state, "healthy");
	assert_int_equal(bench_events(LZ_EV_RECOVERY_BEGIN), 1);
	assert_int_equal(bench_events(LZ_EV_RECOVERY_DELAYED), 1);
	assert_int_equal(bench_events(LZ_EV_RECOVERED), 1);
	for (unsigned i = 0; i < b->n_ev; i++) {
		enum lz_action a = lz_event_action(&b->ev[i]);
		enum lz_phase p = lz_event_phase(&b->ev[i]);

		if (a == LZ_ACTION_RECOVERY && p != LZ_PHASE_BEGIN)
			assert_true(last[a] == LZ_PHASE_BEGIN || last[a] == LZ_PHASE_DELAYED);
		last[a] = p;
	}
	assert_int_equal(last[LZ_ACTION_RECOVERY], LZ_PHASE_SUCCEEDED);
	tear_down();
}

static void h66_recovery_without_memory_is_told_and_tried_again(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, steps_body);
}

/* ---- log lines ---- */

static void three_lines(struct lz_config *cfg)
{
	cfg->log_burst = 3;
	cfg->log_window = LZ_MS(100);
}

static void limit_body(struct bench *b)
{
	struct lz_log_limit limit = {0};
	unsigned out = 0;

	for (unsigned i = 0; i < 10; i++)
		out += lz_log_admit(b->lz, &limit, "x");
	assert_int_equal(out, 3);
	b->last_log[0] = '\0';
	bench_sleep(LZ_MS(101));
	assert_true(lz_log_admit(b->lz, &limit, "x"));
	assert_string_equal(b->last_log, "x: 7 lines like these were left out");
	b->last_log[0] = '\0';
	bench_sleep(LZ_MS(101));
	assert_true(lz_log_admit(b->lz, &limit, "x"));
	assert_string_equal(b->last_log, "");
}

static void log_lines_are_limited_and_counted(void **state)
{
	(void)state;
	bench_run(1, 0, three_lines, limit_body);
}

/* ---- policy ---- */

static void policy_body(struct bench *b)
{
	struct lz_policy p, bad;

	set_up();
	lz_policy_get(b->lz, &p);
	assert_int_equal(p.recovery_max, 5);
	bad = p;
	bad.recovery_max = 17;
	assert_int_equal(lz_policy_set(b->lz, &bad), LZ_EINVAL);
	bad = p;
	bad.recovery_window = 0;
	assert_int_equal(lz_policy_set(b->lz, &bad), LZ_EINVAL);
	bad = p;
	bad.contain = (enum lz_contain)3;
	assert_int_equal(lz_policy_set(b->lz, &bad), LZ_EINVAL);
	bad = p;
	bad.policy = 1u << 7;
	assert_int_equal(lz_policy_set(b->lz, &bad), LZ_EINVAL);
	lz_policy_get(b->lz, &bad);
	assert_memory_equal(&bad, &p, sizeof(p));
	/* Two recoveries by the old limit count by the new one. */
	bench_break(dev, dom);
	recover_it();
	bench_break(dev, dom);
	recover_it();
	p.recovery_max = 2;
	assert_int_equal(lz_policy_set(b->lz, &p), LZ_OK);
	assert_int_equal(bench_events(LZ_EV_POLICY), 1);
	bench_break(dev, dom);
	assert_int_equal(health().block, LZ_BLOCK_BROKEN | LZ_BLOCK_PERMANENT);
	assert_int_equal(lz_device_recover(dev), LZ_ELIMIT);
	fake_of(dev)->mute = false;
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	/* Only told, and then done after all. */
	p.contain = LZ_CONTAIN_OBSERVE;
	assert_int_equal(lz_policy_set(b->lz, &p), LZ_OK);
	lz_report_broken(dev, dev->generation, LZ_EVIDENCE_NAMED);
	bench_settle();
	assert_int_equal(health().block, 0);
	p.contain = LZ_CONTAIN_ON;
	assert_int_equal(lz_policy_set(b->lz, &p), LZ_OK);
	lz_device_inject(dev);
	bench_settle();
	assert_int_equal(health().block, LZ_BLOCK_BROKEN);
	assert_int_equal(health().evidence, LZ_EVIDENCE_OPERATOR);
	recover_it();
	tear_down();
}

static void policy_changes_at_run_time(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, policy_body);
}

/* ---- response ---- */

static void fence_only(struct lz_config *cfg)
{
	cfg->response = LZ_RESPONSE_FENCE;
}

static void assert_degraded(void)
{
	struct lz_health h = health();

	assert_true(h.degraded);
	assert_string_equal(h.state, "degraded");
	assert_int_equal(h.block, 0);
	assert_int_equal(h.fence, LZ_FENCE_FENCED);
	assert_int_equal(lz_group_recovery_count(g), 0);
	assert_ptr_equal(fake_of(dev)->table[0], dom);
	assert_ptr_equal(fake_of(dev)->table[1], two);
	assert_false(fake_pci_ats_on(&pci));
}

static void degraded_body(struct bench *b)
{
	set_up();
	bench_break(dev, dom);
	assert_degraded();
	assert_int_equal(bench_events(LZ_EV_DEGRADED), 1);
	assert_int_equal(bench_events(LZ_EV_QUARANTINED), 0);
	assert_int_equal(b->n_detected, 1);
	assert_int_equal(b->n_blocked, 0);
	assert_int_equal(lz_attach(dev, two), LZ_EBUSY);
	/* Back to what it was, fence included. */
	assert_int_equal(reset(LZ_RESET_NOT_ATTEMPTED), LZ_OK);
	bench_settle();
	assert_degraded();
	assert_int_equal(b->n_detected, 1);
	recover_it();
	assert_false(health().degraded);
	assert_int_equal(b->n_resumed, 1);
	/* A reset that does not help leaves more than a fence. */
	bench_break(dev, dom);
	assert_degraded();
	assert_int_equal(reset(LZ_RESET_FAILED), LZ_OK);
	assert_false(health().degraded);
	assert_int_equal(health().block, LZ_BLOCK_RESET_FAILED);
	assert_null(fake_of(dev)->table[0]);
	recover_it();
	/* Nor one that does not answer when it is cleared. */
	bench_break(dev, dom);
	assert_int_equal(lz_device_clear(dev), LZ_EIO);
	assert_int_equal(health().block, LZ_BLOCK_BROKEN);
	fake_of(dev)->mute = false;
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	assert_string_equal(health().state, "healthy");
	/* The device's own response goes before the instance's. */
	assert_int_equal(lz_device_response_set(dev, (enum lz_response)3), LZ_EINVAL);
	assert_int_equal(lz_device_response_set(dev, LZ_RESPONSE_BLOCK), LZ_OK);
	bench_break(dev, dom);
	assert_int_equal(health().block, LZ_BLOCK_BROKEN);
	recover_it();
	tear_down();
}

static void h74_fence_alone_keeps_untranslated_dma(void **state)
{
	(void)state;
	bench_run(1, 0, fence_only, degraded_body);
}

/* ---- recover ---- */

static void recover_body(struct bench *b)
{
	set_up();
	assert_int_equal(lz_device_recover(dev), LZ_OK); /* nothing is wrong */
	assert_int_equal(dev->generation & 1, 0);
	bench_break(dev, dom);
	assert_int_equal(b->n_detected, 1);
	/* This function has no reset: its owner is asked again. */
	assert_int_equal(lz_device_recover(dev), LZ_IN_CUSTODY);
	assert_int_equal(b->n_detected, 2);
	assert_int_equal(lz_device_block(dev), LZ_OK);
	assert_int_equal(lz_device_recover(dev), LZ_ELIMIT);
	fake_of(dev)->mute = false;
	assert_int_equal(lz_device_clear(dev), LZ_OK);
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	assert_int_equal(lz_device_recover(dev), LZ_EBUSY);
	assert_int_equal(lz_reset_done(dev, LZ_RESET_OK), LZ_OK);
	tear_down();
}

static void recover_resets_or_tells_the_owner(void **state)
{
	(void)state;
	bench_run(1, 0, NULL, recover_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_survive_recovery),
		cmocka_unit_test(page_time_is_pages_times_time),
		cmocka_unit_test(events_have_a_form_for_machines),
		cmocka_unit_test(h66_recovery_without_memory_is_told_and_tried_again),
		cmocka_unit_test(log_lines_are_limited_and_counted),
		cmocka_unit_test(policy_changes_at_run_time),
		cmocka_unit_test(h74_fence_alone_keeps_untranslated_dma),
		cmocka_unit_test(recover_resets_or_tells_the_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
