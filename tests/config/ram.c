/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the library allocates, per object: one "NAME BYTES" line each, for
 * tools/size. Counted on the deterministic port, whose locks and epochs have
 * the size of the library's own.
 */
#include <stdio.h>

#include "tests/hazards/rig.h"

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

static void measure_instance(struct rig *r)
{
	uint64_t before = live();
	struct lz *lz;

	assert_int_equal(lz_init(sim_port(), &r->opt.cfg, &lz), LZ_OK);
	show("instance", live() - before);
	before_library = live() - before;
	assert_int_equal(lz_fini(lz), LZ_OK);
	before_library += before;
}

static void measure(struct rig *r)
{
	uint64_t all = live(), device;
	struct lz_domain *dom;

	dom = rig_domain(r);
	show("domain", live() - all);
	rig_drop(r, dom);
	rig_remove(r, 0);
	assert_true(rig_until(r, rig_idle, LZ_SEC(1)));
	device = all - live();
	all = live();
	assert_int_equal(lz_group_destroy(r->dev[0].group), LZ_OK);
	show("group", all - live());
	show("device", device);
	show("smmu", live() - before_library);
	assert_int_equal(lz_group_create(r->lz, 0, &r->dev[0].group), LZ_OK);
}

int main(void)
{
	/* 8 is what the driver chooses by itself. */
	rig_run(&(struct rig_opts){.cmdq_log2 = 8, .prepare = measure_instance}, measure);
	return 0;
}
