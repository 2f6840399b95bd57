/* SPDX-License-Identifier: BSD-2-Clause */
/* What ram.c counts that differs with a RISC-V IOMMU. */
#include <stdio.h>

#include "tests/unit/riscv/rvbench.h"

static uint64_t before_library;

static uint64_t live(void)
{
	struct sim_stats st;

	sim_stats_get(&st);
	return st.live_bytes;
}

static void show(const char *what, uint64_t bytes)
{
	printf("%s %llu\n", what, (unsigned long long)bytes);
}

static void measure_instance(struct bench *b)
{
	struct lz_config cfg;
	uint64_t before = live();

	lz_config_default(&cfg);
	assert_int_equal(lz_init(sim_port(), &cfg, &b->lz), LZ_OK);
	before_library = live();
	assert_int_equal(lz_fini(b->lz), LZ_OK);
	assert_int_equal(live(), before);
}

static void measure(struct bench *b)
{
	uint64_t all = live();
	struct lz_domain *dom = bench_domain(b);

	show("riscv-domain", live() - all);
	bench_drop(b, dom);
	assert_int_equal(lz_device_remove(b->dev[0].dev), LZ_OK);
	b->dev[0].dev = NULL;
	assert_true(bench_settles(b));
	show("riscv-device", all - live());
	assert_int_equal(lz_group_destroy(b->dev[0].group), LZ_OK);
	show("riscv-iommu", live() - before_library);
	assert_int_equal(lz_group_create(b->lz, 0, &b->dev[0].group), LZ_OK);
}

int main(void)
{
	/* 8 is what the driver chooses by itself. */
	bench_run(&(struct bench_opts){.cmdq_log2 = 8, .before = measure_instance}, measure);
	return 0;
}
