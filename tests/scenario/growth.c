/* SPDX-License-Identifier: BSD-2-Clause */
/* How containment grows with the devices of a domain and with the broken among them. */
#include "cli/bench.h"
#include "common.h"

static struct bench_contain contain(enum bench_iommu iommu, unsigned devices, unsigned broken)
{
	struct bench_contain c = {
		.iommu = iommu, .regime = "fail_once", .devices = devices, .broken = broken};
	char err[256];

	assert_true(bench_contain(&c, err, sizeof(err)));
	assert_true(c.held && !c.inconclusive);
	assert_true(c.fenced_at);
	assert_int_equal(c.fences, broken);
	assert_int_equal(c.false_quarantines, 0);
	return c;
}

/* One timeout for the first batch that fails, and one for each who is broken: nobody's
 * batch is waited for again, whichever batches they are in. */
static void broken_ones_cost_a_timeout_each(void **state)
{
	static const unsigned devices[] = {10, 100, 316};

	(void)state;
	for (unsigned d = 0; d < 3; d++)
		for (unsigned broken = 1; broken <= 8; broken++)
			assert_in_range(contain(BENCH_SMMUV3, devices[d], broken).errors, 1,
					broken + 1);
}

static void of_a_thousand_too(void **state)
{
	struct bench_contain one = contain(BENCH_SMMUV3, 1000, 1),
			     eight = contain(BENCH_SMMUV3, 1000, 8);

	(void)state;
	assert_int_equal(one.errors, 2);
	/* A batch of another unmap may be out already when the first one fails. */
	assert_in_range(eight.errors, 9, 10);
	/* One pass over all entries and a sweep more each, not per broken one. */
	assert_true(eight.commands < one.commands + 8 * 1000);
	assert_in_range(eight.probes, one.probes, one.probes + 7 + 63 * (eight.errors - 9));
}

/* A RISC-V IOMMU's driver asks everybody at once in each batch, again and again: a broken
 * one costs the timeout of a batch and that of its probe, unless another is found with
 * it. */
static void on_riscv_they_cost_two_timeouts_each(void **state)
{
	static const unsigned devices[] = {10, 316};

	(void)state;
	for (unsigned d = 0; d < 2; d++)
		for (unsigned broken = 1; broken <= 8; broken *= 2) {
			struct bench_contain c = contain(BENCH_RISCV, devices[d], broken);

			assert_in_range(c.errors, broken + 1, 2 * broken);
			assert_in_range(c.probes, broken, 64 * broken);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_ones_cost_a_timeout_each),
		cmocka_unit_test(of_a_thousand_too),
		cmocka_unit_test(on_riscv_they_cost_two_timeouts_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
