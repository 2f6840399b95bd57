/* SPDX-License-Identifier: BSD-2-Clause */
/* Arm LPAE: the tests of every format, and its descriptors (Arm DDI 0487, D8.3). */
#include "tables.h"

static enum lz_status init(void)
{
	return lz_pt_init(&pt, sim_port(), 39, 40);
}

static bool is_table(uint64_t e, unsigned shift)
{
	return shift > 12 && (e & 2);
}

static lz_phys phys(uint64_t e)
{
	return e & 0x0000fffffffff000ull;
}

static bool is_sound(uint64_t e)
{
	return e & 1ull << 10; /* AF */
}

static const struct format lpae = {init, 30, is_table, phys, is_sound};

static void bits_body(void)
{
	unsigned shift;
	uint64_t e;

	assert_int_equal(lz_pt_map(&pt, 0x1000, 0x5000, 4096, LZ_READ), LZ_OK);
	e = walk(0x1000, &shift);
	/* AF 10, SH 9:8, AP[2] 7, AP[1] 6, AttrIndx 4:2, nG 11, PXN 53, UXN 54. */
	assert_int_equal(e, 0x5000ull | 3 | 1ull << 6 | 1ull << 7 | 3ull << 8 | 1ull << 10 |
				    1ull << 11 | 3ull << 53);
	assert_int_equal(lz_pt_map(&pt, 0x2000, 0x6000, 4096, LZ_WRITE | LZ_MMIO), LZ_OK);
	e = walk(0x2000, &shift);
	assert_int_equal(e & (1ull << 7), 0);
	assert_int_equal(e >> 2 & 7, 1);
}

static void descriptor_bits(void **state)
{
	(void)state;
	run(1, 0, bits_body, NULL);
}

static void widths_are_checked(void **state)
{
	struct lz_pt none;

	(void)state;
	assert_int_equal(lz_pt_init(&none, sim_port(), 31, 40), LZ_EINVAL);
	assert_int_equal(lz_pt_init(&none, sim_port(), 49, 40), LZ_EINVAL);
	assert_int_equal(lz_pt_init(&none, sim_port(), 48, 52), LZ_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLE_TESTS,
		cmocka_unit_test(descriptor_bits),
		cmocka_unit_test(widths_are_checked),
	};

	format = &lpae;
	return cmocka_run_group_tests_name("lpae", tests, NULL, NULL);
}
