/* SPDX-License-Identifier: BSD-2-Clause */
/* A device stops answering: who is blamed, what is held, how it ends. */
#include <string.h>

#include "rig.h"

/* Everybody knows of the last device, and all is quiet again. */
static bool settled(struct rig *r)
{
	return rig_get(r->dev[r->opt.devs - 1].told) > 0 && rig_idle(r);
}

/* A domain with all devices in it that have the first of `pages` cached. */
static struct lz_domain *cached(struct rig *r, unsigned pages)
{
	struct lz_domain *dom = rig_shared(r, r->opt.devs);

	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, pages * LZ_PAGE, LZ_WRITE), LZ_OK);
	for (unsigned i = 0; i < r->opt.devs; i++)
		assert_int_equal(rig_dma(r, i, RIG_IOVA, true, NULL), RIG_TRANSLATED);
	return dom;
}

/* One suspect: no probe is needed. */
static void named_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 1);

	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, settled));
	assert_int_equal(rig_get(r->released), LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	assert_int_equal(rig_health(r, 0).evidence, LZ_EVIDENCE_NAMED);
	assert_int_equal(rig_health(r, 0).probes, 0);
	assert_string_equal(rig_health(r, 0).state, "broken");
	assert_int_equal(lz_group_recovery_count(r->dev[0].group), 1);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_dma(r, 0, RIG_IOVA, true, NULL), RIG_REFUSED);
	rig_drop(r, dom);
}

/* Several suspects: the one that fails an invalidation of its own. */
static void probed_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 2);
	unsigned last = r->opt.devs - 1;

	rig_fault(r, last, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, settled));
	assert_int_equal(rig_get(r->released), LZ_PAGE);
	for (unsigned i = 0; i < last; i++) {
		assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, (int)i), 0);
		assert_string_equal(rig_health(r, i).state, "healthy");
		assert_int_equal(rig_dma(r, i, RIG_IOVA + LZ_PAGE, true, NULL), RIG_TRANSLATED);
	}
	assert_int_equal(rig_health(r, last).evidence, LZ_EVIDENCE_PROBED);
	assert_int_equal(rig_get(r->dev[last].told), 1);
	assert_int_equal(rig_dma(r, last, RIG_IOVA + LZ_PAGE, true, NULL), RIG_REFUSED);
	assert_int_equal(lz_unmap(dom, RIG_IOVA + LZ_PAGE, LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static void assumed_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 1);

	rig_fault(r, 1, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, settled));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(rig_health(r, i).evidence, LZ_EVIDENCE_ASSUMED);
		assert_int_equal(rig_health(r, i).probes, 0);
		assert_string_equal(rig_health(r, i).state, "broken");
	}
	rig_drop(r, dom);
}

static void irq_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 2);

	rig_fault(r, 1, LZM_EP_ATC_SILENT);
	assert_int_equal(rig_unmap_irq(dom, RIG_IOVA, 2 * LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, settled));
	assert_int_equal(rig_get(r->released), 2 * LZ_PAGE);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, -1), 1);
	rig_drop(r, dom);
}

/* IOVA and pages are not reused before the release. */
static void custody_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 2);
	struct lz_custody c;

	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	/* The hardware says nothing for a while: sync_bound ends first. */
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_EBUSY);
	lz_domain_custody(dom, &c);
	assert_int_equal(c.pages, 1);
	assert_int_equal(rig_get(r->released), 0);
	assert_int_equal(lz_domain_wait(dom, LZ_MS(1)), LZ_ETIMEDOUT);
	assert_true(rig_until(r, settled));
	lz_domain_custody(dom, &c);
	assert_int_equal(c.pages, 0);
	assert_int_equal(c.pages_max, 1);
	assert_int_equal(rig_get(r->released), LZ_PAGE);
	assert_int_equal(lz_domain_wait(dom, LZ_MS(1)), LZ_OK);
	assert_int_equal(lz_map(dom, RIG_IOVA, RIG_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	rig_drop(r, dom);
}

static bool destroyed(struct rig *r)
{
	return rig_get(r->destroyed) > 0;
}

static void destroy_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 3);

	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	lz_detach(r->dev[0].dev);
	assert_int_equal(lz_domain_destroy(dom), LZ_IN_CUSTODY);
	assert_int_equal(rig_get(r->destroyed), 0);
	assert_true(rig_until(r, destroyed));
	assert_true(rig_until(r, rig_idle));
	assert_int_equal(rig_get(r->destroyed), 1);
	assert_int_equal(rig_get(r->released), LZ_PAGE);
	assert_false(rig_dma_cached(r, 0));
}

/* It answers whole-space requests only: still not an answer. */
static void ranges_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 1);

	rig_fault(r, 0, LZM_EP_ATC_RANGES);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, settled));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	rig_drop(r, dom);
}

static void operator_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 1);

	lz_device_report_broken(r->dev[0].dev);
	assert_true(rig_until(r, settled));
	assert_false(rig_dma_cached(r, 0));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	lz_device_report_broken(r->dev[0].dev);
	host_sleep(LZ_MS(5));
	assert_true(rig_until(r, rig_idle));
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, 0), 1);
	rig_drop(r, dom);
}

static void removed_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 1);

	rig_fault(r, 0, LZM_EP_REMOVED);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	rig_remove(r, 0);
	assert_int_equal(lz_domain_wait(dom, LZ_SEC(60)), LZ_OK);
	assert_true(rig_until(r, rig_idle));
	assert_int_equal(rig_get(r->released), LZ_PAGE);
	rig_drop(r, dom);
}

/* For comparison: nothing is held and nobody is touched. */
static void off_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 1);

	rig_fault(r, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_OK);
	host_sleep(LZ_MS(5));
	assert_int_equal(rig_get(r->released), 0);
	assert_int_equal(rig_count(r, LZ_EV_QUARANTINED, -1), 0);
	assert_int_equal(rig_get(r->dev[0].told), 0);
	assert_string_equal(rig_health(r, 0).state, "healthy");
	rig_drop(r, dom);
}

static bool all_told(struct rig *r)
{
	return rig_get(r->dev[1].told) > 0;
}

/* Whatever the architecture leaves open: found, released, recovered. */
static void regime_body(struct rig *r)
{
	struct lz_domain *dom = cached(r, 4);

	rig_fault(r, 1, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, RIG_IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(rig_until(r, all_told));
	host_sleep(LZ_MS(200)); /* the other one may be assumed broken too */
	for (unsigned i = 0; i < 2; i++)
		if (rig_get(r->dev[i].told)) {
			enum lz_status st = lz_pci_reset_flr(r->dev[i].dev);

			/* The other one may still hold up the queue. */
			assert_true(st == LZ_OK || st == LZ_ETIMEDOUT);
		}
	assert_true(rig_until(r, rig_idle));
	assert_int_equal(rig_get(r->released), LZ_PAGE);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(rig_health(r, i).state, "healthy");
		assert_int_equal(rig_dma(r, i, RIG_IOVA + LZ_PAGE, true, NULL), RIG_TRANSLATED);
	}
	assert_int_equal(lz_unmap(dom, RIG_IOVA + LZ_PAGE, 3 * LZ_PAGE), LZ_OK);
	rig_drop(r, dom);
}

static const struct rig_opts one = {.devs = 1}, two = {.devs = 2}, late = {.devs = 1, .late = true};

static void named(void **state)
{
	(void)state;
	rig_run(&one, named_body);
}

static void probed(void **state)
{
	(void)state;
	rig_run(&two, probed_body);
	rig_run(&(struct rig_opts){.devs = 4}, probed_body);
}

static void assumed(void **state)
{
	(void)state;
	rig_run(&(struct rig_opts){.devs = 2, .identify = LZ_IDENTIFY_ASSUME}, assumed_body);
}

static void noticed_in_interrupt_context(void **state)
{
	(void)state;
	rig_run(&two, irq_body);
}

static void noticed_without_interrupts(void **state)
{
	(void)state;
	rig_run(&(struct rig_opts){.devs = 1, .no_irq = true}, named_body);
	rig_run(&(struct rig_opts){.devs = 3, .no_irq = true}, probed_body);
}

static void custody_until_late_hardware_speaks(void **state)
{
	(void)state;
	rig_run(&late, custody_body);
}

static void destroyed_in_custody(void **state)
{
	(void)state;
	rig_run(&late, destroy_body);
}

static void deaf_to_ranges(void **state)
{
	(void)state;
	rig_run(&one, ranges_body);
}

static void reported_by_an_operator(void **state)
{
	(void)state;
	rig_run(&one, operator_body);
}

static void removed_by_surprise(void **state)
{
	(void)state;
	rig_run(&two, removed_body);
}

static void containment_off(void **state)
{
	(void)state;
	rig_run(&(struct rig_opts){.devs = 1, .contain = LZ_CONTAIN_OFF}, off_body);
}

static void every_regime(void **state)
{
	const char *name;

	(void)state;
	for (unsigned i = 0; (name = lzm_smmu_regime_name(i)) != NULL; i++) {
		print_message("regime %s\n", name);
		rig_run(&(struct rig_opts){.devs = 2,
					   .regime = name,
					   .hurry = 20,
					   .sync_bound = LZ_MS(100),
					   .late_bound = LZ_SEC(1)},
			regime_body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named),
		cmocka_unit_test(probed),
		cmocka_unit_test(assumed),
		cmocka_unit_test(noticed_in_interrupt_context),
		cmocka_unit_test(noticed_without_interrupts),
		cmocka_unit_test(custody_until_late_hardware_speaks),
		cmocka_unit_test(destroyed_in_custody),
		cmocka_unit_test(deaf_to_ranges),
		cmocka_unit_test(reported_by_an_operator),
		cmocka_unit_test(removed_by_surprise),
		cmocka_unit_test(containment_off),
		cmocka_unit_test(every_regime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
