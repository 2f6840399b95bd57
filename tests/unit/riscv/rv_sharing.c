/* SPDX-License-Identifier: BSD-2-Clause */
/* Device contexts that two devices send to (H13): whose tables they point to, and what
 * the fence of one does to the other. */
#include "rvbench.h"

#define DDTP	  16u
#define TC_EN_ATS 2u
#define PASID	  3u

/* A directory of one level: its root has the contexts. */
static uint64_t dc_word(struct bench *b, uint32_t did, unsigned word)
{
	uint64_t root = lzm_riscv_read(b->iommu_model, DDTP, 8) >> 10 << 12, w;

	assert_true(sim_dma_read(NULL, root + did * 32 + word * 8, &w, 8));
	return w;
}

static bool passes(struct bench *b, uint32_t did)
{
	uint64_t pa;

	return lzm_riscv_untranslated(b->iommu_model, did, false, 0, IOVA, LZM_WRITE, &pa) ==
		       LZM_OK &&
	       pa == BENCH_MEM;
}

static struct lz_domain *mapped(struct bench *b, unsigned n)
{
	struct lz_domain *dom = bench_shared(b, n);

	assert_int_equal(lz_map(dom, IOVA, BENCH_MEM, 3 * LZ_PAGE, LZ_WRITE), LZ_OK);
	return dom;
}

/* Whoever leaves, the id that both send goes on for the other one, and no longer. */
static void leave_body(struct bench *b)
{
	struct lz_domain *dom = mapped(b, 2);
	uint32_t id = b->dev[0].did;

	for (unsigned first = 0; first < 2; first++) {
		assert_true(passes(b, id) && passes(b, b->dev[1].did));
		assert_true(dc_word(b, id, 0) & TC_EN_ATS);
		lz_detach(b->dev[first].dev);
		assert_true(passes(b, id));
		assert_int_equal(passes(b, b->dev[1].did), first == 0);
		/* Only the one whose own it is has an ATC that it reaches. */
		assert_int_equal(dc_word(b, id, 0) & TC_EN_ATS, first ? TC_EN_ATS : 0);
		lz_detach(b->dev[!first].dev);
		assert_false(passes(b, id) || passes(b, b->dev[1].did));
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(lz_attach(b->dev[!i].dev, dom), LZ_OK);
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(lz_device_remove(b->dev[i].dev), LZ_OK);
		b->dev[i].dev = NULL;
		assert_int_equal(passes(b, id), i == 0);
	}
	bench_drop(b, dom);
}

static void h13_the_context_lives_in_one_of_them(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 2, .alias = true, .levels = 1}, 4, leave_body);
	bench_seeds(&(struct bench_opts){.devs = 2, .alias = true, .levels = 1, .pasid_bits = 4}, 4,
		    leave_body);
}

static void both_die_body(struct bench *b)
{
	struct lz_domain *dom = mapped(b, 2);
	uint32_t id = b->dev[0].did;

	for (unsigned broken = 0; broken < 2; broken++) {
		assert_true(bench_dma(b, broken, IOVA + 2 * LZ_PAGE));
		bench_fault(b, broken, LZM_EP_ATC_SILENT);
		assert_int_equal(lz_unmap(dom, IOVA + 2 * LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
		assert_true(bench_settles(b));
		bench_sleep(LZ_MS(5));
		assert_false(passes(b, id) || passes(b, b->dev[1].did));
		assert_int_equal(bench_health(b, broken).block, LZ_BLOCK_BROKEN);
		assert_int_equal(bench_health(b, !broken).block, LZ_BLOCK_SIBLING);
		assert_int_equal(lz_pci_reset_flr(b->dev[broken].dev), LZ_OK);
		bench_sleep(LZ_MS(5));
		assert_int_equal(bench_health(b, 0).block | bench_health(b, 1).block, 0);
		assert_true(passes(b, id) && passes(b, b->dev[1].did));
		assert_true(dc_word(b, id, 0) & TC_EN_ATS);
		assert_int_equal(lz_map(dom, IOVA + 2 * LZ_PAGE, BENCH_MEM, LZ_PAGE, LZ_WRITE),
				 LZ_OK);
	}
	assert_int_equal(b->dev[0].told, 1);
	assert_int_equal(b->dev[1].told, 1);
	bench_drop(b, dom);
}

static void h13_both_are_blocked_and_let_back(void **state)
{
	(void)state;
	bench_seeds(&(struct bench_opts){.devs = 2, .alias = true, .levels = 1}, 8, both_die_body);
}

struct user {
	struct lz_domain *dom;
	bool stop, stopped;
	unsigned n;
};

static void use(void *arg)
{
	struct user *u = arg;

	while (!u->stop) {
		enum lz_status st = lz_map(u->dom, IOVA, BENCH_MEM, LZ_PAGE, LZ_WRITE);

		if (st == LZ_OK) /* custody may still have it else */
			st = lz_unmap(u->dom, IOVA, LZ_PAGE);
		u->n += st == LZ_OK;
		bench_sleep(LZ_US(1));
	}
	u->stopped = true;
}

/* The other one is at work with a PASID when the fence comes, and is sound. */
static void deaf_body(struct bench *b)
{
	struct lz_domain *dom = mapped(b, 2);
	struct user u = {.dom = bench_domain(b)};
	uint32_t id = b->dev[0].did;

	assert_int_equal(lz_attach_pasid(b->dev[0].dev, PASID, u.dom), LZ_OK);
	assert_true(bench_dma(b, 0, IOVA));
	sim_task("user", 3, use, &u);
	bench_sleep(LZ_US(50));
	bench_fault(b, 1, LZM_EP_ATC_SILENT);
	assert_int_equal(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	bench_sleep(10 * TIMEOUT);
	u.stop = true;
	while (!u.stopped)
		bench_sleep(LZ_US(10));
	assert_true(bench_settles(b));
	assert_true(u.n > 50);
	assert_int_equal(b->dev[0].told, 0);
	assert_int_equal(b->dev[1].told, 1);
	assert_int_equal(bench_health(b, 0).block, LZ_BLOCK_SIBLING);
	assert_false(dc_word(b, id, 0) & TC_EN_ATS);
	assert_false(bench_dma_cached(b, 0));
	assert_int_equal(lz_pci_reset_flr(b->dev[1].dev), LZ_OK);
	bench_sleep(LZ_MS(5));
	assert_int_equal(bench_health(b, 0).block | bench_health(b, 1).block, 0);
	assert_true(dc_word(b, id, 0) & TC_EN_ATS);
	lz_detach_pasid(b->dev[0].dev, PASID);
	bench_drop(b, dom);
	bench_drop(b, u.dom);
}

static void read_each_time(struct lzm_riscv_config *c)
{
	c->knobs.ctx_uncached = true;
}

static void h70_the_fence_of_one_waits_for_the_other(void **state)
{
	struct bench_opts o = {.devs = 2, .alias = true, .levels = 1, .pasid_bits = 4};

	(void)state;
	o.answer_ns = LZ_US(20);
	bench_seeds(&o, 10, deaf_body);
	o.tune = read_each_time;
	bench_seeds(&o, 10, deaf_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h13_the_context_lives_in_one_of_them),
		cmocka_unit_test(h13_both_are_blocked_and_let_back),
		cmocka_unit_test(h70_the_fence_of_one_waits_for_the_other),
	};

	return cmocka_run_group_tests_name("riscv_sharing", tests, NULL, NULL);
}
