/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual function is removed while its physical one is reset, by somebody
 * who knows nothing of that reset: whatever the removal meets, config space is
 * not touched once it has returned (H92).
 */
#include "tests/unit/core/bench.h"

#include <string.h>

#include "lazaret-model/endpoint.h"
#include "lazaret/pci.h"
#include "tests/unit/pci/functions.h"

/* The physical function and the virtual one. */
static struct fn {
	struct lzm_ep *ep;
	struct lz_pci_access access;
	struct lz_device *dev;
	struct lz_group *g;
	uint8_t config[4096];
	bool freed; /* the access is */
	bool mute;  /* reads all ones, so that the reset waits for it */
} pf, vf;

static enum lz_status result;
static bool over;
static unsigned met; /* removals that met the reset */

static uint64_t link_now(void *ctx)
{
	(void)ctx;
	return sim_now();
}

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	struct fn *f = ctx;

	assert_false(f->freed);
	return f->mute ? UINT32_MAX : lzm_ep_cfg_read(f->ep, off, width);
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	struct fn *f = ctx;

	assert_false(f->freed);
	lzm_ep_cfg_write(f->ep, off, width, v);
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	struct fn *f = ctx;

	assert_false(f->freed);
	bench_sleep(ns);
	while (lzm_ep_step(pf.ep) || lzm_ep_step(vf.ep))
		;
	assert_false(f->freed);
}

static void add(struct fn *f, const char *like, struct fn *parent, uint32_t sid)
{
	static const struct lzm_ep_link link = {.now = link_now};
	struct lzm_ep_config cfg = {.name = like,
				    .config = f->config,
				    .config_len = function_config(like, f->config),
				    .vendor = 0x1b36,
				    .device = 0x0010,
				    .atc_entries = 4,
				    .answer_ns = 1000,
				    .flr_ns = 150000000,
				    .seed = 7,
				    .pf = parent ? parent->ep : NULL};
	struct lz_device_desc desc = {.name = like,
				      .iommu = bench.iommu,
				      .streams = &sid,
				      .n_streams = 1,
				      .pci = &f->access,
				      .pf = parent ? parent->dev : NULL};

	f->freed = f->mute = false;
	f->ep = lzm_ep_create(&cfg, &link);
	assert_non_null(f->ep);
	f->access = (struct lz_pci_access){
		.ctx = f, .read = pci_read, .write = pci_write, .sleep = pci_sleep};
	f->g = bench_group(sid);
	assert_int_equal(lz_device_add(f->g, &desc, &f->dev), LZ_OK);
}

static void reset_pf(void *arg)
{
	(void)arg;
	result = lz_pci_reset_flr(pf.dev);
	over = true;
}

/* How long it took. */
static lz_ns remove_vf(void)
{
	lz_ns began = sim_now(), took;

	met += pf.dev->reset_depth && !over;
	assert_int_equal(lz_device_remove(vf.dev), LZ_OK);
	took = sim_now() - began;
	vf.freed = true;
	return took;
}

static void body(struct bench *b)
{
	struct lz_domain *dom = bench_domain();

	add(&pf, PF, NULL, 8);
	add(&vf, VF, &pf, 16);
	assert_int_equal(lz_attach(pf.dev, dom), LZ_OK);
	assert_int_equal(lz_attach(vf.dev, dom), LZ_OK);
	over = false;
	bench_spawn("reset", 2, reset_pf, NULL);
	/* Reset, settle, VF Enable: all within half a second. */
	bench_sleep(LZ_MS(7) * (b->seed % 64));
	(void)remove_vf();
	bench_join();
	assert_int_equal(result, LZ_OK);
	assert_int_equal(lz_group_destroy(vf.g), LZ_OK);
	lz_detach(pf.dev);
	bench_destroy(dom);
	bench_remove(pf.dev, pf.g);
	lzm_ep_destroy(vf.ep);
	lzm_ep_destroy(pf.ep);
}

static void h92_a_virtual_function_is_removed_while_its_parent_is_reset(void **s)
{
	(void)s;
	met = 0;
	bench_seeds(256, body);
	assert_true(met > 50);
}

/* It does not come back, and the reset waits for it for a minute: who removes
 * it does not. */
static void mute_body(struct bench *b)
{
	(void)b;
	add(&pf, PF, NULL, 8);
	add(&vf, VF, &pf, 16);
	over = false;
	vf.mute = true;
	bench_spawn("reset", 2, reset_pf, NULL);
	bench_sleep(LZ_SEC(20));
	assert_false(over);
	assert_true(remove_vf() < LZ_SEC(1));
	bench_join();
	assert_int_equal(result, LZ_OK);
	assert_int_equal(lz_group_destroy(vf.g), LZ_OK);
	bench_remove(pf.dev, pf.g);
	lzm_ep_destroy(vf.ep);
	lzm_ep_destroy(pf.ep);
}

static void h92_removal_ends_the_wait_for_a_virtual_function(void **s)
{
	(void)s;
	met = 0;
	bench_seeds(8, mute_body);
	assert_int_equal(met, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h92_a_virtual_function_is_removed_while_its_parent_is_reset),
		cmocka_unit_test(h92_removal_ends_the_wait_for_a_virtual_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
