/* SPDX-License-Identifier: BSD-2-Clause */
/* Endpoint model: config space and resets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/pci/functions.h"
#include "tests/unit/pci/rig.h"

static void reads_what_the_dump_says(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, BLK, false, false);
	assert_int_equal(rig_read(&r, 0, 4), 0x10421af4);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0x0406);
	assert_int_equal(rig_read(&r, 0x100, 4), 0x0001000f);
	assert_int_equal(rig_read(&r, 0x0b, 1), 0x01);
	rig_stop(&r);
}

static void read_only_bits_stay(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, BLK, false, false);
	rig_write(&r, 0, 4, 0x12345678);
	assert_int_equal(rig_read(&r, 0, 4), 0x10421af4);
	rig_write(&r, AT_COMMAND, 2, 0xffff);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0x0547);
	rig_write(&r, AT_COMMAND, 2, 0);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0);
	rig_write(&r, BLK_DEVSTA, 2, 0xffff);
	assert_int_equal(rig_read(&r, BLK_DEVSTA, 2), 0);
	rig_write(&r, AT_BAR1, 4, 0xffffffff);
	assert_int_equal(rig_read(&r, AT_BAR1, 4), 0xfffff000);
	rig_write(&r, BLK_ATS_CTL, 2, 0x7fff);
	assert_int_equal(rig_read(&r, BLK_ATS_CTL, 2), 0x001f);
	rig_stop(&r);
}

static void aer_status_is_cleared_by_ones(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, BLK, true, false);
	lzm_ep_cfg_write(r.port, PORT_ACS_CTL, 2, 0x1f);
	rig_ats_on(&r, BLK_ATS_CTL);
	assert_int_equal(lzm_ep_dma(r.ep, 0x1000, LZM_READ), LZM_ABORT);
	assert_int_equal(lzm_ep_cfg_read(r.port, PORT_AER_STA, 4), 1u << 21);
	lzm_ep_cfg_write(r.port, PORT_AER_STA, 4, 1u << 20);
	assert_int_equal(lzm_ep_cfg_read(r.port, PORT_AER_STA, 4), 1u << 21);
	lzm_ep_cfg_write(r.port, PORT_AER_STA, 4, 1u << 21);
	assert_int_equal(lzm_ep_cfg_read(r.port, PORT_AER_STA, 4), 0);
	rig_stop(&r);
}

static void bad_accesses_and_missing_space_read_as_ones(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, CONVENTIONAL, false, true);
	assert_int_equal(rig_read(&r, 0x100, 4), 0xffffffff);
	assert_int_equal(rig_read(&r, 0x1000, 4), 0xffffffff);
	assert_int_equal(rig_read(&r, 0x02, 4), 0xffffffff);
	assert_int_equal(rig_read(&r, 0, 4), 0x100e8086);
	rig_stop(&r);
}

static void ats_can_be_added(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, NO_FLR, false, true);
	/* Behind AER (0x100) and the serial number (0x140). */
	assert_int_equal(rig_read(&r, 0x140, 4), 0xff810003);
	assert_int_equal(rig_read(&r, 0xff8, 4), 0x0001000f);
	rig_ats_on(&r, 0xffe);
	rig_stop(&r);
	rig_start(&r, NVME, false, true);
	assert_int_equal(rig_read(&r, 0x100, 4), 0x0001000f);
	rig_stop(&r);
}

static void vf_keeps_its_ids_to_itself(void **state)
{
	struct rig r;
	uint16_t vendor, device;

	(void)state;
	rig_start(&r, VF, false, true);
	assert_int_equal(rig_read(&r, 0, 4), 0xffffffff);
	assert_int_equal(rig_read(&r, AT_COMMAND, 4), 0x00100406);
	lzm_ep_ids(r.ep, &vendor, &device);
	assert_int_equal(vendor, 0x1b36);
	assert_int_equal(device, 0x0010);
	/* No STU in a virtual function. */
	rig_write(&r, 0xffe, 2, 0x8003);
	assert_int_equal(rig_read(&r, 0xffe, 2), 0x8000);
	rig_stop(&r);
}

static void flr_resets_and_takes_its_time(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, BLK, false, false);
	rig_ats_on(&r, BLK_ATS_CTL);
	rig_write(&r, BLK_MSIX_CTL, 2, 0x8000);
	assert_int_equal(lzm_ep_dma(r.ep, 0x1000, LZM_READ), LZM_OK);
	assert_int_equal(lzm_ep_atc_used(r.ep), 1);
	rig_invalidate(&r, 1, 0, 0);

	rig_write(&r, BLK_DEVCTL, 2, 0x8000);
	assert_int_equal(r.resets, 1);
	assert_int_equal(rig_read(&r, AT_COMMAND, 4), 0xffffffff);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0xffff);
	rig_write(&r, AT_COMMAND, 2, 0x0006);
	assert_false(lzm_ep_bus_master(r.ep));
	assert_false(lzm_ep_ats_enabled(r.ep));
	assert_int_equal(lzm_ep_dma(r.ep, 0x1000, LZM_READ), LZM_ABORT);
	assert_false(lzm_ep_answers(r.ep));
	rig_invalidate(&r, 2, 0, 0);
	assert_int_equal(lzm_ep_wake(r.ep), 150000000);
	rig_advance(&r, 149999999);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0xffff);

	rig_advance(&r, 1);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0);
	assert_int_equal(rig_read(&r, BLK_DEVCTL, 2) & 0x8000, 0);
	assert_int_equal(rig_read(&r, BLK_ATS_CTL, 2), 0);
	assert_int_equal(rig_read(&r, BLK_MSIX_CTL, 2) & 0xc000, 0);
	assert_int_equal(rig_read(&r, AT_BAR1, 4), 0);
	assert_int_equal(rig_read(&r, 0, 4), 0x10421af4);
	assert_int_equal(lzm_ep_atc_used(r.ep), 0);
	/* What was under way is lost. */
	assert_int_equal(r.answers, 0);
	assert_int_equal(lzm_ep_wake(r.ep), LZM_NEVER);
	rig_stop(&r);
}

static void flr_bit_without_the_capability_does_nothing(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, NO_FLR, false, false);
	rig_write(&r, NO_FLR_DEVCTL, 2, 0x8000);
	assert_int_equal(r.resets, 0);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0x0406);
	rig_stop(&r);
}

static void aer_masks_outlive_a_reset(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, NO_FLR, false, false);
	rig_write(&r, NO_FLR_AER + 8, 4, 0x00200000);
	lzm_ep_bus_reset(r.ep);
	rig_advance(&r, 150000000);
	assert_int_equal(rig_read(&r, NO_FLR_AER + 8, 4), 0x00200000);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0);
	rig_stop(&r);
}

static void power_state_stops_and_resets(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, BLK, false, false);
	rig_ats_on(&r, BLK_ATS_CTL);
	rig_write(&r, BLK_PMCSR, 2, 3);
	assert_int_equal(lzm_ep_dma(r.ep, 0x1000, LZM_READ), LZM_ABORT);
	rig_invalidate(&r, 1, 0, 0);
	rig_advance(&r, 1000);
	assert_int_equal(r.last_answer, LZM_ATC_UR);
	assert_true(lzm_ep_ats_enabled(r.ep));
	rig_write(&r, BLK_PMCSR, 2, 0);
	assert_int_equal(r.resets, 1);
	assert_false(lzm_ep_ats_enabled(r.ep));
	rig_stop(&r);
}

static void secondary_bus_reset_reaches_the_function(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, NVME, true, false);
	lzm_ep_cfg_write(r.port, 0x3e, 2, 0x0040);
	assert_int_equal(r.resets, 1);
	lzm_ep_cfg_write(r.port, 0x3e, 2, 0x0040);
	assert_int_equal(r.resets, 1);
	lzm_ep_cfg_write(r.port, 0x3e, 2, 0);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0xffff);
	rig_advance(&r, 150000000);
	assert_int_equal(rig_read(&r, AT_COMMAND, 2), 0x0402 & ~0x0547);
	rig_stop(&r);
}

static void transactions_pending_shows_until_its_time(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, BLK, false, false);
	lzm_ep_hold_transactions(r.ep, 500);
	assert_int_equal(rig_read(&r, BLK_DEVSTA, 2), 0x0020);
	assert_int_equal(rig_read(&r, BLK_DEVCTL, 4) >> 16, 0x0020);
	r.now = 500;
	assert_int_equal(rig_read(&r, BLK_DEVSTA, 2), 0);
	rig_stop(&r);
}

static void a_config_that_is_none_is_refused(void **state)
{
	static const uint8_t config[64];
	const struct lzm_ep_link link = {.ctx = NULL};
	struct lzm_ep_config cfg = {.config = config, .config_len = 63};

	(void)state;
	assert_null(lzm_ep_create(&cfg, &link));
	cfg.config_len = 4097;
	assert_null(lzm_ep_create(&cfg, &link));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_dump_says),
		cmocka_unit_test(read_only_bits_stay),
		cmocka_unit_test(aer_status_is_cleared_by_ones),
		cmocka_unit_test(bad_accesses_and_missing_space_read_as_ones),
		cmocka_unit_test(ats_can_be_added),
		cmocka_unit_test(vf_keeps_its_ids_to_itself),
		cmocka_unit_test(flr_resets_and_takes_its_time),
		cmocka_unit_test(flr_bit_without_the_capability_does_nothing),
		cmocka_unit_test(aer_masks_outlive_a_reset),
		cmocka_unit_test(power_state_stops_and_resets),
		cmocka_unit_test(secondary_bus_reset_reaches_the_function),
		cmocka_unit_test(transactions_pending_shows_until_its_time),
		cmocka_unit_test(a_config_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
