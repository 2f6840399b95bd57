/* SPDX-License-Identifier: BSD-2-Clause */
/* The fault queue when there are more records than it has room for (3.6, 6.16). */
#include "rvbench.h"

#define FQCSR 76u
#define IPSR  84u

/* Where the worker stands while it takes the first record: nothing has been done about
 * the overflow yet. */
static void look_at_interrupts(struct bench *b)
{
	unsigned before = b->fault_irqs;

	if (b->faults != 1)
		return;
	bench_sleep(LZ_MS(1));
	assert_int_equal(b->fault_irqs, before);
	assert_true(lzm_riscv_read(b->iommu_model, FQCSR, 4) & 1u << 9);
	assert_false(lzm_riscv_read(b->iommu_model, IPSR, 4) & 2);
}

static void flood(struct bench *b, unsigned n)
{
	uint64_t pa;

	for (unsigned i = 0; i < n; i++)
		assert_int_not_equal(lzm_riscv_untranslated(b->iommu_model, b->dev[0].did, false, 0,
							    IOVA, LZM_WRITE, &pa),
				     LZM_OK);
	sim_hw_changed();
}

static void overflow_body(struct bench *b)
{
	struct lz_domain *dom = bench_shared(b, 1);

	for (unsigned i = 0; i < 3; i++) {
		b->faults = 0;
		flood(b, 10000);
		bench_sleep(LZ_MS(20));
		assert_true(b->faults > 1);
		assert_int_equal(b->events[LZ_EV_EVENTS_LOST], i + 1);
		/* It takes records again, and interrupts for them. */
		assert_int_equal(lzm_riscv_read(b->iommu_model, FQCSR, 4) & 0x303, 3);
		b->faults = 1;
		flood(b, 1);
		bench_sleep(LZ_MS(20));
		assert_int_equal(b->faults, 2);
	}
	b->on_record = NULL;
	bench_drop(b, dom);
}

static void slow_work_body(struct bench *b)
{
	b->on_record = look_at_interrupts;
	overflow_body(b);
}

static void slow_registers(struct lzm_riscv_config *c)
{
	c->knobs.busy_ns = LZ_US(20);
}

/* The bit raises the interrupt again each time that it is cleared, and who clears the bit
 * may be the one who is being interrupted. */
static void h89_an_overflow_interrupts_once(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 1}, 10, slow_work_body);
	bench_seeds(&(struct bench_opts){.devs = 1, .tune = slow_registers}, 10, slow_work_body);
}

/* What the handler has written may still keep the register busy. */
static void an_overflow_is_over_when_the_register_is_free(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 1, .tune = slow_registers}, 10, overflow_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h89_an_overflow_interrupts_once),
		cmocka_unit_test(an_overflow_is_over_when_the_register_is_free),
	};

	return cmocka_run_group_tests_name("riscv_records", tests, NULL, NULL);
}
