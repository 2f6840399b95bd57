/* SPDX-License-Identifier: BSD-2-Clause */
/* ATS and PASID control, function off, translation blocking at the port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "functions.h"
#include "pci/pci.h"
#include "rig.h"

static int start(void **state)
{
	static struct rig r;

	rig_start(&r, BLK, true, false);
	rig_write(&r, AT_COMMAND, 2, 0x0006);
	*state = &r;
	return 0;
}

static int stop(void **state)
{
	rig_stop(*state);
	return 0;
}

static void enable_and_disable_show_in_the_device(void **state)
{
	struct rig *r = *state;

	assert_false(lz_pci_ats_enabled(&r->access));
	assert_int_equal(lz_pci_ats_enable(&r->access, 3), LZ_OK);
	assert_true(lzm_ep_ats_enabled(r->ep));
	assert_true(lz_pci_ats_enabled(&r->access));
	assert_int_equal(rig_read(r, BLK_ATS_CTL, 2), 0x8003);
	assert_int_equal(lz_pci_ats_disable(&r->access), LZ_OK);
	assert_false(lzm_ep_ats_enabled(r->ep));
	/* The STU is the virtual functions' too. */
	assert_int_equal(rig_read(r, BLK_ATS_CTL, 2), 0x0003);
	assert_int_equal(lz_pci_ats_enable(&r->access, 32), LZ_EINVAL);
}

/* PCIe 10.3.7: the edge empties the ATC. A bit that is on already gives none. */
static void h76_enable_empties_the_atc_also_when_it_was_on(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_OK);
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_OK);
	assert_int_equal(lzm_ep_atc_used(r->ep), 1);
	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_OK);
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
	assert_true(lzm_ep_ats_enabled(r->ep));
}

static void h76_disable_is_ok_only_when_it_reads_back(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_OK);
	r->lose_writes_at = BLK_ATS_CTL;
	assert_int_equal(lz_pci_ats_disable(&r->access), LZ_EIO);
	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_EIO);
	r->lose_writes_at = RIG_NONE;
	lzm_ep_fault(r->ep, LZM_EP_CONFIG_ONES, 0, 0);
	assert_int_equal(lz_pci_ats_disable(&r->access), LZ_ENODEV);
	assert_true(lzm_ep_ats_enabled(r->ep));
	assert_false(lz_pci_ats_enabled(&r->access));
}

/* All ones have the Enable bit set: neither "on" nor "off" may be read into them. */
static void h76_a_function_that_vanishes_meanwhile_proves_nothing(void **state)
{
	struct rig *r = *state;
	unsigned needed;

	r->reads = 0;
	assert_int_equal(lz_pci_ats_disable(&r->access), LZ_OK);
	needed = r->reads;
	for (unsigned at = 1; at <= needed; at++) {
		lzm_ep_fault(r->ep, LZM_EP_SOUND, 0, 0);
		rig_ats_on(r, BLK_ATS_CTL);
		r->reads = 0;
		r->gone_after = at;
		assert_int_equal(lz_pci_ats_disable(&r->access), LZ_ENODEV);
	}
}

static void h76_enable_is_ok_only_when_it_reads_back(void **state)
{
	struct rig *r = *state;

	/* A device that lost its ATS answers "unsupported request" to
	 * invalidations; config space says what that is worth. */
	lzm_ep_fault(r->ep, LZM_EP_ATC_UNSUPPORTED, 0, 0);
	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_EIO);
	assert_false(lz_pci_ats_enabled(&r->access));
	lzm_ep_fault(r->ep, LZM_EP_REMOVED, 0, 0);
	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_ENODEV);
}

/* One access fails, whichever it is: without LZ_OK nothing is left on, since ATS that
 * is on at a function whose entry has EATS off keeps it from all DMA. */
static void h76_an_enable_that_fails_leaves_ats_off(void **state)
{
	struct rig *r = *state;
	unsigned reads, writes, failed = 0;

	r->reads = r->writes = 0;
	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_OK);
	reads = r->reads;
	writes = r->writes;
	for (unsigned i = 1; i <= reads + writes; i++) {
		rig_write(r, BLK_ATS_CTL, 2, 0);
		r->reads = r->writes = 0;
		r->ones_at = i <= reads ? i : 0;
		r->lose_write = i <= reads ? 0 : i - reads;
		bool ok = lz_pci_ats_enable(&r->access, 0) == LZ_OK;
		failed += !ok;
		assert_true(ok == lzm_ep_ats_enabled(r->ep));
	}
	assert_true(failed != 0);
}

/* The same for switching it off: LZ_OK when it is, and only then; an access to the
 * control register that fails once does not matter. */
static void h76_disable_survives_an_access_that_fails(void **state)
{
	struct rig *r = *state;
	unsigned reads, writes, found = 0;

	rig_ats_on(r, BLK_ATS_CTL);
	r->reads = r->writes = 0;
	assert_int_equal(lz_pci_ats_disable(&r->access), LZ_OK);
	reads = r->reads;
	writes = r->writes;
	for (unsigned i = 1; i <= reads + writes; i++) {
		rig_ats_on(r, BLK_ATS_CTL);
		r->reads = r->writes = 0;
		r->ones_at = i <= reads ? i : 0;
		r->lose_write = i <= reads ? 0 : i - reads;
		bool ok = lz_pci_ats_disable(&r->access) == LZ_OK;
		assert_true(ok == !lzm_ep_ats_enabled(r->ep));
		found += ok;
	}
	/* The reads before and after the write, and the write. */
	assert_true(found >= 3);
}

/* Firmware or a previous kernel left ATS on and the ATC filled. */
static void h91_ats_left_on_is_switched_off(void **state)
{
	struct rig *r = *state;

	rig_write(r, BLK_ATS_CTL, 2, 0x8002);
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_OK);
	assert_int_equal(lz_pci_ats_disable(&r->access), LZ_OK);
	assert_false(lzm_ep_ats_enabled(r->ep));
	assert_false(lzm_ep_dma_cached(r->ep, LZM_READ));
	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_OK);
	assert_int_equal(lzm_ep_atc_used(r->ep), 0);
}

static void without_the_capability(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, NVME, false, false);
	assert_int_equal(lz_pci_ats_enable(&r.access, 0), LZ_ENOTSUP);
	assert_int_equal(lz_pci_ats_disable(&r.access), LZ_ENOTSUP);
	assert_int_equal(lz_pci_pasid_enable(&r.access, true), LZ_ENOTSUP);
	assert_int_equal(r.writes, 0);
	lzm_ep_fault(r.ep, LZM_EP_REMOVED, 0, 0);
	assert_int_equal(lz_pci_ats_disable(&r.access), LZ_ENODEV);
	rig_stop(&r);
}

/* ---- PASID ---- */

static void pasid_is_switched_and_read_back(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, BLK_PASID, false, false);
	/* Whatever firmware left: Execute and Privileged are not wanted. */
	rig_write(&r, BLK_PASID_CTL, 2, 0x0007);
	assert_int_equal(lz_pci_pasid_enable(&r.access, true), LZ_OK);
	assert_int_equal(rig_read(&r, BLK_PASID_CTL, 2), 0x0001);
	assert_true(lzm_ep_pasid_enabled(r.ep, 1));
	/* With ATS on, only what is so already. */
	assert_int_equal(lz_pci_ats_enable(&r.access, 0), LZ_OK);
	assert_int_equal(lz_pci_pasid_enable(&r.access, true), LZ_OK);
	assert_int_equal(lz_pci_pasid_enable(&r.access, false), LZ_EBUSY);
	assert_int_equal(lz_pci_ats_disable(&r.access), LZ_OK);
	assert_int_equal(lz_pci_pasid_enable(&r.access, false), LZ_OK);
	assert_false(lzm_ep_pasid_enabled(r.ep, 1));
	r.lose_writes_at = BLK_PASID_CTL;
	assert_int_equal(lz_pci_pasid_enable(&r.access, true), LZ_EIO);
	lzm_ep_fault(r.ep, LZM_EP_CONFIG_ONES, 0, 0);
	assert_int_equal(lz_pci_pasid_enable(&r.access, true), LZ_ENODEV);
	rig_stop(&r);
}

static void a_virtual_function_has_no_stu(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, VF, false, true);
	assert_int_equal(lz_pci_ats_enable(&r.access, 2), LZ_OK);
	assert_true(lzm_ep_ats_enabled(r.ep));
	assert_int_equal(lz_pci_ats_disable(&r.access), LZ_OK);
	rig_stop(&r);
}

static void function_off_turns_off_both(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_OK);
	assert_int_equal(lz_pci_function_off(&r->access), LZ_OK);
	assert_false(lzm_ep_ats_enabled(r->ep));
	assert_false(lzm_ep_bus_master(r->ep));
	assert_int_equal(rig_read(r, AT_COMMAND, 2), 0x0002);
	assert_int_equal(r->sleeps, 0);
}

static void function_off_waits_for_pending_transactions(void **state)
{
	struct rig *r = *state;

	lzm_ep_hold_transactions(r->ep, LZ_MS(250));
	assert_int_equal(lz_pci_function_off(&r->access), LZ_OK);
	assert_int_equal(r->slept, LZ_MS(300));
	rig_write(r, AT_COMMAND, 2, 0x0006);
	rig_write(r, BLK_ATS_CTL, 2, 0x8000);
	lzm_ep_hold_transactions(r->ep, LZM_NEVER);
	r->slept = 0;
	assert_int_equal(lz_pci_function_off(&r->access), LZ_ETIMEDOUT);
	assert_int_equal(r->slept, LZ_MS(700));
	assert_false(lzm_ep_ats_enabled(r->ep));
	assert_false(lzm_ep_bus_master(r->ep));
}

static void function_off_believes_only_what_reads_back(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_OK);
	r->lose_writes_at = AT_COMMAND;
	assert_int_equal(lz_pci_function_off(&r->access), LZ_EIO);
	rig_write(r, BLK_ATS_CTL, 2, 0x8000);
	r->lose_writes_at = BLK_ATS_CTL;
	assert_int_equal(lz_pci_function_off(&r->access), LZ_EIO);
	lzm_ep_fault(r->ep, LZM_EP_CONFIG_ONES, 0, 0);
	assert_int_equal(lz_pci_function_off(&r->access), LZ_ENODEV);
	assert_true(lzm_ep_ats_enabled(r->ep));
}

static void function_on_undoes_bus_master_off_only(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_OK);
	assert_true(lz_pci_bus_master(&r->access));
	assert_int_equal(lz_pci_function_off(&r->access), LZ_OK);
	assert_false(lz_pci_bus_master(&r->access));
	lz_pci_function_on(&r->access);
	assert_true(lzm_ep_bus_master(r->ep));
	assert_false(lzm_ep_ats_enabled(r->ep));
	assert_int_equal(rig_read(r, AT_COMMAND, 2), 0x0006);
	lzm_ep_fault(r->ep, LZM_EP_CONFIG_ONES, 0, 0);
	assert_false(lz_pci_bus_master(&r->access));
	r->writes = 0;
	lz_pci_function_on(&r->access);
	assert_int_equal(r->writes, 0);
}

static void function_off_without_ats(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, NVME, false, false);
	assert_true(lzm_ep_bus_master(r.ep));
	assert_int_equal(lz_pci_function_off(&r.access), LZ_OK);
	assert_false(lzm_ep_bus_master(r.ep));
	rig_stop(&r);
}

static void port_block_stops_translated_traffic(void **state)
{
	struct rig *r = *state;

	assert_int_equal(lz_pci_ats_enable(&r->access, 0), LZ_OK);
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_OK);
	assert_int_equal(lz_pci_port_block(&r->access, true), LZ_OK);
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_ABORT);
	/* The port's other isolation bits are as they were. */
	assert_int_equal(lzm_ep_cfg_read(r->port, PORT_ACS_CTL, 2), 0x001f);
	assert_int_equal(lz_pci_port_block(&r->access, false), LZ_OK);
	assert_int_equal(lzm_ep_dma(r->ep, 0x1000, LZM_READ), LZM_OK);
	assert_int_equal(lzm_ep_cfg_read(r->port, PORT_ACS_CTL, 2), 0x001d);
}

static void port_block_without_a_port_that_can(void **state)
{
	struct rig *r = *state;
	struct lz_pci_access a = r->access, nvme_port = r->access;

	a.upstream = NULL;
	assert_int_equal(lz_pci_port_block(&a, true), LZ_ENOTSUP);
	a.upstream = &nvme_port; /* no ACS there */
	assert_int_equal(lz_pci_port_block(&a, true), LZ_ENOTSUP);
	lzm_ep_fault(r->port, LZM_EP_CONFIG_ONES, 0, 0);
	assert_int_equal(lz_pci_port_block(&r->access, true), LZ_ENODEV);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(enable_and_disable_show_in_the_device),
		T(h76_enable_empties_the_atc_also_when_it_was_on),
		T(h76_disable_is_ok_only_when_it_reads_back),
		T(h76_a_function_that_vanishes_meanwhile_proves_nothing),
		T(h76_enable_is_ok_only_when_it_reads_back),
		T(h76_an_enable_that_fails_leaves_ats_off),
		T(h76_disable_survives_an_access_that_fails),
		T(h91_ats_left_on_is_switched_off),
		cmocka_unit_test(without_the_capability),
		cmocka_unit_test(pasid_is_switched_and_read_back),
		cmocka_unit_test(a_virtual_function_has_no_stu),
		T(function_off_turns_off_both),
		T(function_off_waits_for_pending_transactions),
		T(function_off_believes_only_what_reads_back),
		T(function_on_undoes_bus_master_off_only),
		cmocka_unit_test(function_off_without_ats),
		T(port_block_stops_translated_traffic),
		T(port_block_without_a_port_that_can),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
