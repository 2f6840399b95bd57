/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory services: accounting, failure, alignment, bounds, poison. */
#include <string.h>

#include "common.h"

static void *dma(size_t size, size_t align, lz_phys *phys)
{
	return sim_port()->dma_alloc(sim_port()->ctx, size, align, phys);
}

static void plain_memory_is_counted_and_zero(void **state)
{
	const struct lz_port *port = sim_port();
	unsigned char *p;
	size_t i;

	(void)state;
	start(1, 2);
	p = port->alloc(port->ctx, 100);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 16, 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(stats().live_allocs, 1);
	assert_int_equal(stats().live_bytes, 100);
	port->free(port->ctx, p, 100);
	port->free(port->ctx, NULL, 0);
	assert_int_equal(stats().live_allocs, 0);
	assert_int_equal(stats().live_bytes, 0);
	assert_int_equal(stats().violations, 0);
	p = port->alloc(port->ctx, 8);
	port->free(port->ctx, p, 9);
	assert_int_equal(stats().violations, 1);
}

static void allocation_fails_on_demand(void **state)
{
	lz_phys phys;
	void *p;

	(void)state;
	start(1, 2);
	sim_fail_alloc(true);
	assert_null(sim_port()->alloc(sim_port()->ctx, 8));
	assert_null(dma(64, 64, &phys));
	assert_int_equal(stats().failed_allocs, 2);
	sim_fail_alloc(false);
	p = dma(64, 64, &phys);
	assert_non_null(p);
	assert_null(dma(2 * DMA_SIZE, 64, &phys));
	assert_int_equal(stats().failed_allocs, 3);
}

static void dma_memory_is_aligned_and_zero(void **state)
{
	size_t align;

	(void)state;
	start(1, 2);
	for (align = 1; align <= 65536; align *= 2) {
		lz_phys phys;
		unsigned char *p = dma(align + 1, align, &phys);

		assert_non_null(p);
		assert_int_equal(phys % align, 0);
		assert_int_equal(p[0], 0);
		assert_int_equal(p[align], 0);
		assert_ptr_equal(sim_port()->dma_virt(sim_port()->ctx, phys), p);
		assert_ptr_equal(sim_dma_ptr(phys, align + 1), p);
		memset(p, 0xff, align + 1);
	}
}

static void only_allocated_memory_is_inside(void **state)
{
	lz_phys phys, next;
	unsigned char *p, *q;

	(void)state;
	start(1, 2);
	assert_null(sim_dma_ptr(DMA_BASE, 1));
	p = dma(4096 * 3, 4096, &phys);
	assert_ptr_equal(sim_dma_ptr(phys + 8, 8), p + 8);
	assert_ptr_equal(sim_dma_ptr(phys, 4096 * 3), p);
	assert_ptr_equal(sim_dma_ptr(phys + 4096 * 3 - 1, 1), p + 4096 * 3 - 1);
	assert_null(sim_dma_ptr(phys, 4096 * 3 + 1));
	assert_null(sim_dma_ptr(phys + 4096 * 3, 1));
	assert_null(sim_dma_ptr(phys + 4096 * 3 - 8, 16));
	assert_null(sim_dma_ptr(phys - 1, 1));
	assert_null(sim_dma_ptr(DMA_BASE + DMA_SIZE, 1));
	assert_null(sim_dma_ptr(DMA_BASE - 8, 16));
	assert_null(sim_dma_ptr(UINT64_MAX, 8));
	assert_null(sim_dma_ptr(phys + 4096, SIZE_MAX));
	q = dma(64, 64, &next);
	assert_ptr_equal(sim_dma_ptr(next, 64), q);
	sim_port()->dma_free(sim_port()->ctx, p, 4096 * 3);
	assert_null(sim_dma_ptr(phys, 8));
	assert_int_equal(p[0], 0xdd);
	assert_int_equal(p[4096 * 3 - 1], 0xdd);
	assert_ptr_equal(sim_dma_ptr(next, 64), q);
}

static void hardware_reaches_what_is_allocated(void **state)
{
	const uint64_t wanted = 0x0123456789abcdef;
	uint64_t got = 0;
	lz_phys phys;
	unsigned char *p;

	(void)state;
	start(1, 2);
	p = dma(4096, 4096, &phys);
	assert_true(sim_dma_write(NULL, phys + 4088, &wanted, 8));
	assert_memory_equal(p + 4088, &wanted, 8);
	assert_true(sim_dma_read(NULL, phys + 4088, &got, 8));
	assert_int_equal(got, wanted);
	assert_false(sim_dma_write(NULL, phys + 4089, &wanted, 8));
	assert_false(sim_dma_read(NULL, phys + 4089, &got, 8));
	assert_int_equal(sim_hw_now(NULL), sim_now());
}

/* Everything freed comes back as one piece. */
static void freed_blocks_merge(void **state)
{
	void *p[256];
	lz_phys phys;
	unsigned i, round;

	(void)state;
	start(1, 2);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 256; i++) {
			p[i] = dma(4096, 4096, &phys);
			assert_non_null(p[i]);
		}
		assert_null(dma(64, 64, &phys));
		for (i = 0; i < 256; i++)
			sim_port()->dma_free(sim_port()->ctx, p[i * 77 % 256], 4096);
		p[0] = dma(DMA_SIZE, 4096, &phys);
		assert_non_null(p[0]);
		sim_port()->dma_free(sim_port()->ctx, p[0], DMA_SIZE);
	}
	assert_int_equal(stats().live_allocs, 0);
	assert_int_equal(stats().live_bytes, 0);
	assert_int_equal(stats().violations, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(plain_memory_is_counted_and_zero, stop),
		cmocka_unit_test_teardown(allocation_fails_on_demand, stop),
		cmocka_unit_test_teardown(dma_memory_is_aligned_and_zero, stop),
		cmocka_unit_test_teardown(only_allocated_memory_is_inside, stop),
		cmocka_unit_test_teardown(hardware_reaches_what_is_allocated, stop),
		cmocka_unit_test_teardown(freed_blocks_merge, stop),
	};

	return cmocka_run_group_tests_name("sim memory", tests, NULL, NULL);
}
