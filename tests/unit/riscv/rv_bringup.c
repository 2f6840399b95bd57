/* SPDX-License-Identifier: BSD-2-Clause */
/* From any state to a known one, device directories of each depth, interrupts. */
#include "rvbench.h"

static void maps_body(struct bench *b)
{
	struct lz_domain *dom = bench_shared(b, 1);

	assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, 4 * LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_true(bench_dma(b, 0, IOVA));
	assert_true(bench_dma_cached(b, 0));
	assert_int_equal(lz_unmap(dom, IOVA, 4 * LZ_PAGE), LZ_OK);
	assert_false(bench_dma_cached(b, 0));
	assert_false(bench_dma(b, 0, IOVA));
	bench_drop(b, dom);
}

static enum lz_status try_id(struct bench *b, uint32_t did)
{
	struct lz_device_desc desc = {
		.name = "other", .iommu = b->iommu, .streams = &did, .n_streams = 1};
	struct lz_device *dev;
	enum lz_status st = lz_device_add(b->dev[0].group, &desc, &dev);

	if (st == LZ_OK)
		assert_int_equal(lz_device_remove(dev), LZ_OK);
	return st;
}

static void ids_body(struct bench *b)
{
	static const unsigned base[] = {0, 7, 16, 24}, extended[] = {0, 6, 15, 24};
	bool wide = lzm_riscv_read(b->iommu_model, 0, 8) >> 22 & 1;
	uint32_t end = 1u << (wide ? extended : base)[b->opt.levels];

	maps_body(b);
	assert_int_equal(try_id(b, end - 1), LZ_OK);
	assert_int_equal(try_id(b, end), LZ_EINVAL);
	assert_int_equal(try_id(b, b->dev[0].did), LZ_EEXIST);
	assert_int_equal((lzm_riscv_read(b->iommu_model, 16, 8) & 15) - 1, b->opt.levels);
}

static void wide_contexts(struct lzm_riscv_config *c)
{
	c->msi_flat = true;
}

static void directories_of_each_depth(void **state)
{
	(void)state;
	for (unsigned levels = 1; levels <= 3; levels++) {
		bench_seeds(&(struct bench_opts){.levels = levels}, 4, ids_body);
		bench_seeds(&(struct bench_opts){.levels = levels, .tune = wide_contexts}, 4,
			    ids_body);
	}
}

static void three_levels_body(struct bench *b)
{
	assert_int_equal(lzm_riscv_read(b->iommu_model, 16, 8) & 15, 4);
}

static void as_many_levels_as_there_are(void **state)
{
	(void)state;
	bench_run(&(struct bench_opts){.devs = 1}, three_levels_body);
}

static void make_busy(struct lzm_riscv_config *c)
{
	c->knobs.busy_ns = LZ_US(20);
}

/* The next error comes while the register is still busy from the last one. */
static void make_busy_and_stubborn(struct lzm_riscv_config *c)
{
	make_busy(c);
	c->knobs.resync = LZM_RESYNC_FAILS_N;
	c->knobs.resync_fails = 2;
}

static void dies_and_recovers_body(struct bench *b)
{
	struct lz_domain *dom = bench_shared(b, 1);

	assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_true(bench_dma(b, 0, IOVA));
	bench_fault(b, 0, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(bench_settles(b));
	assert_int_equal(b->released, LZ_PAGE);
	assert_int_equal(lz_pci_reset_flr(b->dev[0].dev), LZ_OK);
	bench_drop(b, dom);
}

/* The bench sees every write to a busy cqcsr, the model every other one. */
static void busy_registers_are_waited_for(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.tune = make_busy}, 10, maps_body);
	bench_seeds(&(struct bench_opts){.tune = make_busy}, 10, dies_and_recovers_body);
	bench_seeds(&(struct bench_opts){.tune = make_busy_and_stubborn}, 10,
		    dies_and_recovers_body);
}

static void no_wires(struct lzm_riscv_config *c)
{
	c->wired = false;
}

static void msi_body(struct bench *b)
{
	uint32_t data = 0;

	dies_and_recovers_body(b);
	assert_true(sim_dma_read(NULL, BENCH_DMA + 0x1000, &data, 4));
	assert_int_equal(data, 0x11); /* of the command queue */
}

static void interrupts_as_messages(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.tune = no_wires, .msi = true}, 4, msi_body);
}

static void only_sv39(struct lzm_riscv_config *c)
{
	c->sv48 = c->sv57 = false;
}

static void sv39_body(struct bench *b)
{
	struct lz_domain *dom = bench_shared(b, 1);

	assert_int_equal(lz_map(dom, 1ull << 38, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_EINVAL);
	assert_int_equal(lz_map(dom, (1ull << 38) - LZ_PAGE, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_true(bench_dma(b, 0, (1ull << 38) - LZ_PAGE));
	bench_drop(b, dom);
	maps_body(b);
}

static void the_smallest_page_tables(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.tune = only_sv39}, 2, sv39_body);
}

/* Whoever was there before left everything on, with a directory of two levels. */
static void leave_it_on(struct bench *b)
{
	lzm_riscv_write(b->iommu_model, 24, 8, (BENCH_DMA + 0x100000) >> 12 << 10 | 5);
	lzm_riscv_write(b->iommu_model, 72, 4, 3);
	lzm_riscv_write(b->iommu_model, 40, 8, (BENCH_DMA + 0x110000) >> 12 << 10 | 5);
	lzm_riscv_write(b->iommu_model, 76, 4, 3);
	lzm_riscv_write(b->iommu_model, 16, 8, (BENCH_DMA + 0x120000) >> 12 << 10 | 3);
	bench_sleep(LZ_MS(1));
	assert_int_equal(lzm_riscv_read(b->iommu_model, 16, 8) & 15, 3);
}

static void leave_it_busy(struct bench *b)
{
	lzm_riscv_write(b->iommu_model, 16, 8, (BENCH_DMA + 0x120000) >> 12 << 10 | 3);
	lzm_riscv_write(b->iommu_model, 72, 4, 2);
}

static void h91_found_switched_on(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.before = leave_it_busy, .tune = make_busy}, 4, maps_body);
	bench_seeds(&(struct bench_opts){.before = leave_it_on}, 4, maps_body);
}

static void refusals_body(struct bench *b)
{
	const struct lz_riscv_desc good = {.mmio = BENCH_MMIO, .coherent = true};
	struct lz_iommu *iommu = b->iommu;
	struct lz_riscv_desc d;

#define REFUSED(field, value, status)                                      \
	do {                                                               \
		d = good;                                                  \
		d.field = value;                                           \
		assert_int_equal(lz_riscv_add(b->lz, &d, &iommu), status); \
		assert_null(iommu);                                        \
	} while (0)
	REFUSED(cmdq_log2, 2, LZ_EINVAL);
	REFUSED(cmdq_log2, 17, LZ_EINVAL);
	REFUSED(faultq_log2, 17, LZ_EINVAL);
	REFUSED(levels, 4, LZ_EINVAL);
	REFUSED(coherent, false, LZ_ENOTSUP);
#undef REFUSED
	assert_int_equal(lz_riscv_add(b->lz, NULL, &iommu), LZ_EINVAL);
	assert_int_equal(lz_riscv_remove(b->iommu), LZ_EBUSY); /* it has a device */
}

static void bad_input_is_refused(void **state)
{
	(void)state;
	bench_run(&(struct bench_opts){.devs = 1}, refusals_body);
}

static void pasids_body(struct bench *b)
{
	struct lz_domain *rid = bench_shared(b, 1), *dom = bench_domain(b);
	uint32_t last = (1u << b->opt.pasid_bits) - 1;

	assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_int_equal(lz_attach_pasid(b->dev[0].dev, last, dom), LZ_OK);
	assert_int_equal(lzm_ep_dma_pasid(b->dev[0].ep, last, IOVA, LZM_WRITE), LZM_OK);
	assert_false(bench_dma(b, 0, IOVA));
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	assert_int_not_equal(lzm_ep_dma_pasid(b->dev[0].ep, last, IOVA, LZM_WRITE), LZM_OK);
	lz_detach_pasid(b->dev[0].dev, last);
	bench_drop(b, dom);
	bench_drop(b, rid);
}

static void process_directory(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.pasid_bits = 8}, 4, pasids_body);
	bench_seeds(&(struct bench_opts){.pasid_bits = 8, .tune = wide_contexts}, 4, pasids_body);
}

/* Contexts of 64 bytes: neighbours in a page, a fence, a reset. */
static void neighbours_body(struct bench *b)
{
	struct lz_domain *dom = bench_shared(b, 3);

	assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_true(bench_dma(b, i, IOVA));
	bench_fault(b, 1, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, IOVA, LZ_PAGE), LZ_IN_CUSTODY);
	assert_true(bench_settles(b));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(b->dev[i].told, i == 1);
	assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE), LZ_OK);
	assert_true(bench_dma(b, 0, IOVA) && bench_dma(b, 2, IOVA));
	assert_false(bench_dma(b, 1, IOVA) || bench_dma_cached(b, 1));
	assert_int_equal(lz_pci_reset_flr(b->dev[1].dev), LZ_OK);
	assert_true(bench_dma(b, 1, IOVA));
	bench_drop(b, dom);
}

static void contexts_of_both_sizes(void **state)
{
	(void)state;
	for (unsigned levels = 1; levels <= 3; levels += 2) {
		bench_seeds(&(struct bench_opts){.devs = 3, .levels = levels}, 4, neighbours_body);
		bench_seeds(
			&(struct bench_opts){.devs = 3, .levels = levels, .tune = wide_contexts}, 4,
			neighbours_body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_of_each_depth),
		cmocka_unit_test(as_many_levels_as_there_are),
		cmocka_unit_test(busy_registers_are_waited_for),
		cmocka_unit_test(interrupts_as_messages),
		cmocka_unit_test(the_smallest_page_tables),
		cmocka_unit_test(h91_found_switched_on),
		cmocka_unit_test(bad_input_is_refused),
		cmocka_unit_test(process_directory),
		cmocka_unit_test(contexts_of_both_sizes),
	};

	return cmocka_run_group_tests_name("riscv_bringup", tests, NULL, NULL);
}
