/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands as the specification writes them (chapter 4), spelled out here once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/riscv/cmd.h"

static void expect(struct lz_command c, uint64_t w0, uint64_t w1)
{
	assert_true(c.w[0] == w0);
	assert_true(c.w[1] == w1);
}

static void operands_are_where_they_belong(void **state)
{
	(void)state;
	expect(lz_rv_cmd_fence(), 2 | 1 << 12 | 1 << 13, 0); /* PR, PW */
	expect(lz_rv_cmd_ddt(0x123456), 3 | 1ull << 33 | 0x123456ull << 40, 0);
	expect(lz_rv_cmd_ddt_all(), 3, 0);
	expect(lz_rv_cmd_pdt(0x105, 0xfffff),
	       3 | 1 << 7 | 0xfffffull << 12 | 1ull << 33 | 0x105ull << 40, 0);
	expect(lz_rv_cmd_vma_all(), 1, 0);
	expect(lz_rv_cmd_vma_space(0xabcde), 1 | 0xabcdeull << 12 | 1ull << 32, 0);
	/* The address without its low 12 bits, from bit 10 on. */
	expect(lz_rv_cmd_vma(7, 0x8000000000001000ull), 1 | 1 << 10 | 7 << 12 | 1ull << 32,
	       0x8000000000001ull << 10);
}

static void device_ids_of_ats_inval(void **state)
{
	(void)state;
	assert_true(lz_rv_cmd_ats0(0x1234, 0) == (4 | 0x1234ull << 40));
	/* Segment, DSV. */
	assert_true(lz_rv_cmd_ats0(0xab1234, 0) == (4 | 1ull << 33 | 0xab1234ull << 40));
	assert_true(lz_rv_cmd_ats0(1, 0x54321) == (4 | 0x54321ull << 12 | 1ull << 32 | 1ull << 40));
	assert_int_equal(lz_rv_cmd_did(lz_rv_cmd_ats0(0xab1234, 5)), 0xab1234);
}

/* As PCIe says: without S one page, with it the lowest zero from bit 12 on. */
static void span(uint64_t w, uint64_t *start, uint64_t *size)
{
	unsigned n = 12;

	*start = w & ~0xfffull;
	*size = 4096;
	assert_int_equal(w & 0x7ff, 0);
	if (!(w & 1u << 11))
		return;
	while (w >> n & 1)
		n++;
	*size = n < 63 ? 2ull << n : UINT64_MAX;
	*start = n < 63 ? w & ~(*size - 1) & ~0xfffull : 0;
}

static void ranges_are_covered_and_not_by_far(void **state)
{
	static const struct {
		uint64_t start, size;
	} range[] = {{0, 4096},
		     {0x7000, 4096},
		     {0x6000, 8192},
		     {0x7000, 8192},
		     {2 << 20, 2 << 20},
		     {1 << 30, 1 << 30},
		     {0x3f000, 40 * 4096},
		     {1ull << 47, 1ull << 40},
		     {0, 1ull << 56}};

	(void)state;
	for (unsigned i = 0; i < sizeof(range) / sizeof(range[0]); i++) {
		uint64_t end = range[i].start + range[i].size, start, size;

		span(lz_rv_cmd_ats1(range[i].start, end), &start, &size);
		assert_true(start <= range[i].start && start + size >= end);
		assert_true(!(size & (size - 1)));
		if (!(range[i].start & (range[i].size - 1)) &&
		    !(range[i].size & (range[i].size - 1)))
			assert_true(size == range[i].size);
	}
	span(RV_ATS1_ALL, &(uint64_t){0}, &(uint64_t){0});
	assert_true(RV_ATS1_ALL == 0x7ffffffffffff800ull);
	assert_true(lz_rv_cmd_ats1(0, 1ull << 63) == RV_ATS1_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operands_are_where_they_belong),
		cmocka_unit_test(device_ids_of_ats_inval),
		cmocka_unit_test(ranges_are_covered_and_not_by_far),
	};

	return cmocka_run_group_tests_name("riscv_commands", tests, NULL, NULL);
}
