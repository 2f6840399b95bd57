/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RISC-V: the tests of every format for Sv39, Sv48 and Sv57, and their entries (privileged
 * architecture, "Sv39: Page-Based 39-bit Virtual-Memory System" and those after it).
 */
#include "tables.h"

static unsigned mode;

static enum lz_status init(void)
{
	return lz_pt_init_sv(&pt, sim_port(), mode, 40);
}

static bool is_table(uint64_t e, unsigned shift)
{
	return shift > 12 && !(e & 0xe); /* R, W, X */
}

static lz_phys phys(uint64_t e)
{
	return (e >> 10 & ((1ull << 44) - 1)) << 12;
}

/* A and R; whatever is writable is dirty; nothing reserved. */
static bool is_sound(uint64_t e)
{
	return (e & 0x42) == 0x42 && (!(e & 4) || (e & 0x80)) && !(e >> 54);
}

static struct format sv = {init, 0, is_table, phys, is_sound};

static void bits_body(void)
{
	unsigned shift;

	assert_int_equal(lz_pt_map(&pt, 0x1000, 0x5000, 4096, LZ_READ), LZ_OK);
	/* V 0, R 1, W 2, U 4, A 6, D 7, PPN 53:10. */
	assert_int_equal(walk(0x1000, &shift), 5ull << 10 | 0x53);
	assert_int_equal(lz_pt_map(&pt, 0x2000, 0x6000, 4096, RW), LZ_OK);
	assert_int_equal(walk(0x2000, &shift), 6ull << 10 | 0xd7);
	/* W without R is reserved. */
	assert_int_equal(lz_pt_map(&pt, 0x3000, 0x7000, 4096, LZ_WRITE | LZ_MMIO), LZ_OK);
	assert_int_equal(walk(0x3000, &shift), 7ull << 10 | 0xd7);
	assert_int_equal(lz_pt_map(&pt, M2, 3 * M2, M2, RW), LZ_OK);
	assert_int_equal(walk(M2, &shift), 3 * M2 >> 2 | 0xd7);
	assert_int_equal(shift, 21);
	/* Above the root only V and the address. */
	assert_int_equal(pt.root[0] & 0x3ff, 1);
}

static void entry_bits(void **state)
{
	(void)state;
	run(1, 0, bits_body, NULL);
}

/* What is unmapped is told in three sizes, whatever a mode has above. */
static void huge_body(void)
{
	unsigned shift;

	if (mode == 39)
		return;
	assert_int_equal(lz_pt_map(&pt, 1ull << 39, 1ull << 39, 1ull << 39, RW), LZ_OK);
	assert_int_equal(walk(1ull << 39, &shift), 1ull << 37 | 0xd7);
	assert_int_equal(shift, 30);
}

static void no_larger_blocks_than_1g(void **state)
{
	(void)state;
	run(1, 0, huge_body, NULL);
}

/* Bit 63 downwards is the sign: what hardware would not take is not offered. */
static void span_body(void)
{
	assert_int_equal(lz_pt_span(&pt), 1ull << (mode - 1));
}

static void half_of_the_addresses(void **state)
{
	(void)state;
	run(1, 0, span_body, NULL);
}

static void modes_are_checked(void **state)
{
	struct lz_pt none;

	(void)state;
	assert_int_equal(lz_pt_init_sv(&none, sim_port(), 32, 40), LZ_EINVAL);
	assert_int_equal(lz_pt_init_sv(&none, sim_port(), 64, 40), LZ_EINVAL);
	assert_int_equal(lz_pt_init_sv(&none, sim_port(), 39, 57), LZ_EINVAL);
}

static const struct CMUnitTest tests[] = {
	TABLE_TESTS,
	cmocka_unit_test(entry_bits),
	cmocka_unit_test(no_larger_blocks_than_1g),
	cmocka_unit_test(half_of_the_addresses),
	cmocka_unit_test(modes_are_checked),
};

int main(void)
{
	static const struct {
		unsigned mode;
		const char *name;
	} all[] = {{39, "sv39"}, {48, "sv48"}, {57, "sv57"}};
	int failed = 0;

	format = &sv;
	for (unsigned i = 0; i < 3; i++) {
		mode = all[i].mode;
		sv.top = mode - 9;
		failed += cmocka_run_group_tests_name(all[i].name, tests, NULL, NULL);
	}
	return failed;
}
