/* SPDX-License-Identifier: BSD-2-Clause */
/* Capability walks, on real config spaces and on garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "functions.h"
#include "pci/pci.h"
#include "rig.h"

/* A config space in memory. */
static uint8_t space[4096];
static unsigned reads;

static uint32_t space_read(void *ctx, unsigned off, unsigned width)
{
	uint32_t v = 0;

	(void)ctx;
	reads++;
	assert_true(off + width <= sizeof(space) && off % width == 0);
	memcpy(&v, space + off, width);
	return v;
}

static const struct lz_pci_access access_space = {.read = space_read};

static void finds_what_is_there(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, BLK, false, false);
	assert_int_equal(lz_pci_find_cap(&r.access, 0x10), 0x40);
	assert_int_equal(lz_pci_find_cap(&r.access, 0x01), 0x7c);
	assert_int_equal(lz_pci_find_cap(&r.access, 0x11), 0xdc);
	assert_int_equal(lz_pci_find_cap(&r.access, 0x05), 0);
	assert_int_equal(lz_pci_find_ext_cap(&r.access, 0x0f), 0x100);
	assert_int_equal(lz_pci_find_ext_cap(&r.access, 0x0d), 0);
	assert_true(lz_pci_has_ats(&r.access));
	assert_int_equal(lz_pci_pasid_bits(&r.access), 0);
	assert_int_equal(r.writes, 0);
	rig_stop(&r);

	rig_start(&r, NO_FLR, false, false);
	assert_int_equal(lz_pci_find_ext_cap(&r.access, 0x01), 0x100);
	assert_int_equal(lz_pci_find_ext_cap(&r.access, 0x03), 0x140);
	assert_false(lz_pci_has_ats(&r.access));
	rig_stop(&r);
}

static void a_virtual_function_is_present(void **state)
{
	struct rig r;

	(void)state;
	rig_start(&r, VF, false, false);
	assert_true(lz_pci_present(&r.access));
	assert_int_equal(lz_pci_find_cap(&r.access, 0x10), 0x80);
	lzm_ep_fault(r.ep, LZM_EP_REMOVED, 0, 0);
	assert_false(lz_pci_present(&r.access));
	assert_int_equal(lz_pci_find_cap(&r.access, 0x10), 0);
	assert_int_equal(lz_pci_find_ext_cap(&r.access, 0x0f), 0);
	rig_stop(&r);
}

static void a_conventional_function_has_no_extended_space(void **state)
{
	(void)state;
	function_config(CONVENTIONAL, space);
	/* A fabric that repeats the lower space would show this. */
	memcpy(space + 0x100, "\x0f\x00\x01\x00", 4);
	assert_int_equal(lz_pci_find_ext_cap(&access_space, 0x0f), 0);
	assert_true(lz_pci_present(&access_space));
}

static void loops_end(void **state)
{
	(void)state;
	function_config(BLK, space);
	space[0x41] = 0x7c;
	space[0x7d] = 0x40; /* PM -> PCIe -> PM ... */
	space[0x34] = 0x40;
	reads = 0;
	assert_int_equal(lz_pci_find_cap(&access_space, 0x11), 0);
	assert_true(reads < 60);
	assert_int_equal(lz_pci_find_cap(&access_space, 0x01), 0x7c);
	memcpy(space + 0x100, "\x0e\x00\x01\x10", 4); /* to itself */
	reads = 0;
	assert_int_equal(lz_pci_find_ext_cap(&access_space, 0x0f), 0);
	assert_true(reads < 600);
}

static void pointers_into_the_header_end_the_list(void **state)
{
	(void)state;
	function_config(BLK, space);
	space[0x34] = 0x10;
	space[0x10] = 0x10;
	assert_int_equal(lz_pci_find_cap(&access_space, 0x10), 0);
	function_config(BLK, space);
	memcpy(space + 0x100, "\x0e\x00\x01\x04", 4); /* -> 0x040: not extended */
	assert_int_equal(lz_pci_find_ext_cap(&access_space, 0x10), 0);
	/* The low two bits of a pointer are reserved. */
	function_config(BLK, space);
	space[0x34] = 0xdf;
	assert_int_equal(lz_pci_find_cap(&access_space, 0x11), 0xdc);
}

static void no_list_no_capability(void **state)
{
	(void)state;
	function_config(BLK, space);
	space[0x06] &= 0xef;
	assert_int_equal(lz_pci_find_cap(&access_space, 0x10), 0);
	function_config(BLK, space);
	space[0x0e] = 2; /* CardBus keeps its pointer elsewhere */
	assert_int_equal(lz_pci_find_cap(&access_space, 0x10), 0);
	memset(space, 0xff, sizeof(space));
	assert_int_equal(lz_pci_find_cap(&access_space, 0xff), 0);
	memset(space, 0, sizeof(space));
	assert_int_equal(lz_pci_find_cap(&access_space, 0x00), 0);
}

static void pasid_field(void **state)
{
	(void)state;
	function_config(BLK, space);
	memcpy(space + 0x100, "\x0f\x00\x01\x11", 4);
	memcpy(space + 0x110, "\x1b\x00\x01\x00\x06\x0a", 6);
	assert_int_equal(lz_pci_pasid_bits(&access_space), 10);
	space[0x115] = 0x1f;
	assert_int_equal(lz_pci_pasid_bits(&access_space), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_there),
		cmocka_unit_test(a_virtual_function_is_present),
		cmocka_unit_test(a_conventional_function_has_no_extended_space),
		cmocka_unit_test(loops_end),
		cmocka_unit_test(pointers_into_the_header_end_the_list),
		cmocka_unit_test(no_list_no_capability),
		cmocka_unit_test(pasid_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
