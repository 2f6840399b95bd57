/* SPDX-License-Identifier: BSD-2-Clause */
/* How containment grows with the devices of a domain and with the broken among them. */
#include "cli/bench.h"
#include "common.h"

static struct bench_contain contain(unsigned devices, unsigned broken)
{
	struct bench_contain c;
	char err[256];

	assert_true(bench_contain("fail_once", devices, broken, &c, err, sizeof(err)));
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
			assert_in_range(contain(devices[d], broken).errors, 1, broken + 1);
}

static void of_a_thousand_too(void **state)
{
	struct bench_contain one = contain(1000, 1), eight = contain(1000, 8);

	(void)state;
	assert_int_equal(one.errors, 2);
	/* A batch of another unmap may be out already when the first one fails. */
	assert_in_range(eight.errors, 9, 10);
	/* One pass over all entries and a sweep more each, not per broken one. */
	assert_true(eight.commands < one.commands + 8 * 1000);
	assert_in_range(eight.probes, one.probes, one.probes + 7 + 63 * (eight.errors - 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broken_ones_cost_a_timeout_each),
		cmocka_unit_test(of_a_thousand_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
