/* SPDX-License-Identifier: BSD-2-Clause */
/* Function level reset: its steps and its real result. The core's prepare and
 * done are replaced by a record of what they were told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "functions.h"
#include "rig.h"
#include "tests/unit/pci/core.h"

struct bench {
	struct rig rig;
	struct fake f;
	unsigned writes_at_prepare;
	uint16_t command_at_done, ats_at_done;
	unsigned resets_at_prepare;
};

static struct bench b;

static void on_prepare(struct fake *f)
{
	assert_ptr_equal(f, &b.f);
	b.writes_at_prepare = b.rig.writes;
	b.resets_at_prepare = b.rig.resets;
}

static void on_done(struct fake *f)
{
	assert_ptr_equal(f, &b.f);
	b.command_at_done = (uint16_t)rig_read(&b.rig, AT_COMMAND, 2);
	b.ats_at_done = (uint16_t)rig_read(&b.rig, BLK_ATS_CTL, 2);
}

static void setup(const char *name, bool add_ats)
{
	memset(&b, 0, sizeof(b));
	fake_start();
	rig_start(&b.rig, name, false, add_ats);
	fake_device(&b.f, "dev", &b.rig.access, NULL);
	b.f.on_prepare = on_prepare;
	b.f.on_done = on_done;
}

static int start(void **state)
{
	*state = NULL;
	setup(BLK, false);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fake_check_balance();
	rig_stop(&b.rig);
	return 0;
}

static void restart(const char *name, bool add_ats)
{
	rig_stop(&b.rig);
	setup(name, add_ats);
}

static void resets_and_restores(void **state)
{
	uint32_t bar, rom;

	(void)state;
	rig_write(&b.rig, BLK_ATS_CTL, 2, 0x0002);
	rig_write(&b.rig, BLK_MSIX_CTL, 2, 0x8000);
	rig_write(&b.rig, BLK_DEVCTL, 2, 0x5020);
	bar = rig_read(&b.rig, AT_BAR1, 4);
	rom = rig_read(&b.rig, 0x20, 4);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_OK);
	assert_int_equal(b.f.prepares, 1);
	assert_int_equal(b.f.dones, 1);
	assert_int_equal(b.f.result, LZ_RESET_OK);
	assert_int_equal(b.rig.resets, 1);
	assert_true(b.rig.slept >= LZ_MS(150));
	assert_int_equal(b.command_at_done, 0x0406);
	assert_int_equal(b.ats_at_done, 0x0002);
	assert_int_equal(rig_read(&b.rig, BLK_MSIX_CTL, 2) & 0xc000, 0x8000);
	assert_int_equal(rig_read(&b.rig, BLK_DEVCTL, 2), 0x5020);
	assert_int_equal(rig_read(&b.rig, AT_BAR1, 4), bar);
	assert_int_equal(rig_read(&b.rig, 0x20, 4), rom);
}

static void prepare_comes_before_everything(void **state)
{
	(void)state;
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_OK);
	assert_int_equal(b.writes_at_prepare, 0);
	assert_int_equal(b.resets_at_prepare, 0);
	restart(BLK, false);
	b.f.prepare_says = LZ_EBUSY;
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_EBUSY);
	assert_int_equal(b.f.dones, 0);
	assert_int_equal(b.rig.writes, 0);
}

/* ATS was on: prepare is the core's, Enable comes back by done() only. */
static void ats_enable_is_not_restored(void **state)
{
	(void)state;
	rig_ats_on(&b.rig, BLK_ATS_CTL);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_OK);
	assert_false(lzm_ep_ats_enabled(b.rig.ep));
}

static void pending_transactions_are_waited_for(void **state)
{
	(void)state;
	lzm_ep_hold_transactions(b.rig.ep, LZ_MS(50));
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_OK);
	uint64_t with = b.rig.slept;

	restart(BLK, false);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_OK);
	assert_int_equal(with - b.rig.slept, LZ_MS(100));

	/* For ever is no reason not to reset, and bounded. */
	uint64_t without = b.rig.slept;

	restart(BLK, false);
	lzm_ep_hold_transactions(b.rig.ep, LZM_NEVER);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_OK);
	assert_int_equal(b.rig.slept - without, LZ_MS(700));
}

static void h01_a_probe_changes_nothing(void **state)
{
	static const char *const names[] = {BLK, NVME, VF, NO_FLR, CONVENTIONAL};
	static const bool can[] = {true, true, true, false, false};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		restart(names[i], false);
		assert_int_equal(lz_pci_can_flr(&b.f.dev), can[i] ? LZ_OK : LZ_ENOTSUP);
		assert_int_equal(b.rig.writes, 0);
		assert_int_equal(b.f.prepares, 0);
		assert_int_equal(b.rig.sleeps, 0);
	}
	b.f.dev.pci = NULL;
	assert_int_equal(lz_pci_can_flr(&b.f.dev), LZ_ENOTSUP);
}

static void h01_without_flr_nothing_is_touched(void **state)
{
	(void)state;
	restart(NO_FLR, false);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_ENOTSUP);
	assert_int_equal(b.rig.writes, 0);
	assert_int_equal(b.f.prepares, 0);
	restart(BLK, false);
	lzm_ep_fault(b.rig.ep, LZM_EP_CONFIG_ONES, 0, 0);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_ENOTSUP);
	assert_int_equal(b.f.prepares, 0);
}

/* An FLR that is ignored looks like one that took no time. */
static void h02_an_flr_without_effect_is_a_failure(void **state)
{
	static const char *const names[] = {BLK, NVME, VF};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		restart(names[i], true);
		lzm_ep_fault(b.rig.ep, LZM_EP_FLR_FAILS, 0, 0);
		assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_EIO);
		assert_int_equal(b.f.dones, 1);
		assert_int_equal(b.f.result, LZ_RESET_FAILED);
		/* The same functions, when FLR works. */
		restart(names[i], true);
		assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_OK);
		assert_int_equal(b.f.result, LZ_RESET_OK);
	}
}

/* Also when Bus Master is off, so that it cannot serve as evidence, and when
 * INTx disable, which functions set that use MSI-X, was on before. */
static void h02_evidence_does_not_depend_on_what_was_set(void **state)
{
	static const uint16_t commands[] = {0x0000, 0x0002, 0x0006, 0x0400, 0x0406};

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		restart(i & 1 ? VF : BLK, false);
		rig_write(&b.rig, AT_COMMAND, 2, commands[i / 2]);
		lzm_ep_fault(b.rig.ep, LZM_EP_FLR_FAILS, 0, 0);
		assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_EIO);
		restart(i & 1 ? VF : BLK, false);
		rig_write(&b.rig, AT_COMMAND, 2, commands[i / 2]);
		assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_OK);
	}
}

static void h02_command_alone_is_evidence(void **state)
{
	(void)state;
	for (unsigned fails = 0; fails < 2; fails++) {
		restart(BLK, false);
		rig_write(&b.rig, AT_COMMAND, 2, 0x0002);
		b.rig.lose_writes_at = BLK_MSIX_CTL;
		if (fails)
			lzm_ep_fault(b.rig.ep, LZM_EP_FLR_FAILS, 0, 0);
		assert_int_equal(lz_pci_reset_flr(&b.f.dev), fails ? LZ_EIO : LZ_OK);
	}
}

/* A function that takes no mark leaves no evidence: not a success. */
static void h02_no_evidence_is_a_failure(void **state)
{
	(void)state;
	restart(VF, false);
	rig_write(&b.rig, AT_COMMAND, 2, 0);
	b.rig.lose_writes_at = VF_MSIX_CTL;
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_EIO);
	assert_int_equal(b.f.result, LZ_RESET_FAILED);
}

static void h02_the_marks_are_taken_back_after_a_failure(void **state)
{
	uint16_t command, msix;

	(void)state;
	rig_write(&b.rig, AT_COMMAND, 2, 0x0006);
	command = (uint16_t)rig_read(&b.rig, AT_COMMAND, 2);
	msix = (uint16_t)rig_read(&b.rig, BLK_MSIX_CTL, 2);
	lzm_ep_fault(b.rig.ep, LZM_EP_FLR_FAILS, 0, 0);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_EIO);
	assert_int_equal(b.command_at_done, command);
	assert_int_equal(rig_read(&b.rig, BLK_MSIX_CTL, 2), msix);
	assert_true(b.rig.slept >= LZ_MS(100));
}

static void h03_a_ready_timeout_is_an_error(void **state)
{
	(void)state;
	lzm_ep_fault(b.rig.ep, LZM_EP_FLR_TIMEOUT, 0, 0);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_ETIMEDOUT);
	assert_int_equal(b.f.dones, 1);
	assert_int_equal(b.f.result, LZ_RESET_FAILED);
	/* 100 ms, then 1 + 2 + 4 + ... + 32768 ms. */
	assert_int_equal(b.rig.slept, LZ_MS(100 + 65535));
}

static void h03_retry_status_is_not_ready(void **state)
{
	static uint8_t config[4096];

	(void)state;
	/* Vendor id 0001 for ever. */
	assert_int_equal(function_config(BLK, config), 4096);
	config[0] = 0x01;
	config[1] = 0x00;

	struct lzm_ep_config cfg = {
		.name = "retry", .config = config, .config_len = 4096, .flr_ns = 1000};
	struct lzm_ep_link link = *rig_link(&b.rig);

	lzm_ep_destroy(b.rig.ep);
	b.rig.ep = lzm_ep_create(&cfg, &link);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_ETIMEDOUT);
	assert_int_equal(b.f.result, LZ_RESET_FAILED);
}

static void h04_done_hears_the_result_and_the_caller_hears_done(void **state)
{
	(void)state;
	b.f.done_says = LZ_EIO; /* the probe after the reset was not answered */
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_EIO);
	assert_int_equal(b.f.result, LZ_RESET_OK);
	restart(BLK, false);
	b.f.done_says = LZ_OK;
	lzm_ep_fault(b.rig.ep, LZM_EP_FLR_TIMEOUT, 0, 0);
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_ETIMEDOUT);
	assert_int_equal(b.f.result, LZ_RESET_FAILED);
}

/* Whenever the function vanishes, done() never hears of a success. */
static void h04_a_function_that_vanishes_is_never_a_success(void **state)
{
	unsigned needed;

	(void)state;
	assert_int_equal(lz_pci_reset_flr(&b.f.dev), LZ_OK);
	needed = b.rig.reads - 1;
	for (unsigned at = 1; at <= needed; at++) {
		restart(BLK, false);
		b.rig.gone_after = at;

		enum lz_status st = lz_pci_reset_flr(&b.f.dev);

		assert_int_not_equal(st, LZ_OK);
		assert_int_equal(b.f.prepares, b.f.dones);
		if (b.f.dones)
			assert_int_not_equal(b.f.result, LZ_RESET_OK);
		else
			assert_int_equal(st, LZ_ENOTSUP);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(resets_and_restores),
		T(prepare_comes_before_everything),
		T(ats_enable_is_not_restored),
		T(pending_transactions_are_waited_for),
		T(h01_a_probe_changes_nothing),
		T(h01_without_flr_nothing_is_touched),
		T(h02_an_flr_without_effect_is_a_failure),
		T(h02_evidence_does_not_depend_on_what_was_set),
		T(h02_command_alone_is_evidence),
		T(h02_no_evidence_is_a_failure),
		T(h02_the_marks_are_taken_back_after_a_failure),
		T(h03_a_ready_timeout_is_an_error),
		T(h03_retry_status_is_not_ready),
		T(h04_done_hears_the_result_and_the_caller_hears_done),
		T(h04_a_function_that_vanishes_is_never_a_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
