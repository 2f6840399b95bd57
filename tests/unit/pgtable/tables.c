/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables: what is mapped, what is dead, and what hardware sees meanwhile. */
#include "tables.h"

#include <string.h>

struct lz_pt pt;
const struct format *format;
static void (*body)(void);
static struct {
	lz_iova iova;
	size_t size;
} runs[16];
static unsigned n_runs;

static void task(void *arg)
{
	struct sim_stats st;

	(void)arg;
	assert_int_equal(format->init(), LZ_OK);
	body();
	lz_pt_fini(&pt);
	sim_stats_get(&st);
	assert_int_equal(st.live_allocs, 0);
}

void run(uint64_t seed, unsigned switch_one_in, void (*fn)(void), const struct sim_hw *hw)
{
	struct sim_config cfg = {.cpus = 2,
				 .seed = seed,
				 .switch_one_in = switch_one_in,
				 .op_cost = 2,
				 .dma_bytes = 1u << 20,
				 .dma_base = 0x80000000};
	struct sim_stats st;

	body = fn;
	n_runs = 0;
	memset(&pt, 0, sizeof(pt));
	sim_start(&cfg);
	if (hw)
		sim_hw_add(hw);
	sim_task("main", 0, task, NULL);
	assert_int_equal(sim_run(LZ_SEC(1)), 0);
	sim_stats_get(&st);
	assert_int_equal(st.violations, 0);
	sim_stop();
}

static void on_run(void *ctx, lz_iova iova, size_t size)
{
	(void)ctx;
	assert_true(n_runs < 16);
	runs[n_runs].iova = iova;
	runs[n_runs++].size = size;
}

uint64_t walk(lz_iova iova, unsigned *shift)
{
	uint64_t *t = pt.root;

	for (*shift = format->top; t; *shift -= 9) {
		uint64_t e = t[(iova >> *shift) & 511];

		if (!(e & 1) || !format->is_table(e, *shift))
			return e;
		t = sim_dma_ptr(format->phys(e), 4096);
	}
	return 0;
}

static bool maps(lz_iova iova, lz_phys phys)
{
	lz_phys p;

	return lz_pt_lookup(&pt, iova, &p) && p == phys;
}

static enum lz_status unmap(lz_iova iova, size_t size, size_t *granule)
{
	uint64_t bytes;

	return lz_pt_unmap(&pt, iova, size, &bytes, granule);
}

/* ---- sequential ---- */

static void blocks_body(void)
{
	unsigned shift;
	size_t granule;
	uint64_t bytes;

	/* 4 KiB up to the block, blocks, 4 KiB behind. */
	assert_int_equal(lz_pt_map(&pt, G1 - M2 - 4096, 2 * G1 - M2 - 4096, G1 + M2 + 8192, RW),
			 LZ_OK);
	walk(G1 - M2 - 4096, &shift);
	assert_int_equal(shift, 12);
	walk(G1 - M2, &shift);
	assert_int_equal(shift, 21);
	walk(G1, &shift);
	assert_int_equal(shift, 30);
	walk(2 * G1, &shift);
	assert_int_equal(shift, 12);
	assert_true(maps(G1 + 0x123456, 2 * G1 + 0x123456));
	assert_true(maps(2 * G1 + 5, 3 * G1 + 5));

	assert_int_equal(unmap(G1, 4096, &granule), LZ_EINVAL);
	assert_int_equal(unmap(G1 - 4096, 8192, &granule), LZ_EINVAL);
	assert_int_equal(unmap(G1 - M2, M2 + 4096, &granule), LZ_EINVAL);
	assert_true(maps(G1 - M2, 2 * G1 - M2));
	assert_true(maps(G1, 2 * G1)); /* nothing changed */
	assert_true(maps(G1 - 4096, 2 * G1 - 4096));
	assert_int_equal(lz_pt_unmap(&pt, G1 - M2, G1 + M2, &bytes, &granule), LZ_OK);
	assert_int_equal(bytes, G1 + M2);
	assert_int_equal(granule, M2);
	assert_int_equal(lz_pt_unmap(&pt, 2 * G1, 4096, &bytes, &granule), LZ_OK);
	assert_int_equal(granule, 4096);
	assert_int_equal(unmap(2 * G1, 4096, &granule), LZ_ENOENT);
}

void blocks_are_used_and_not_cut(void **state)
{
	(void)state;
	run(1, 0, blocks_body, NULL);
}

static void bad_input_body(void)
{
	lz_iova end = lz_pt_span(&pt);

	assert_int_equal(lz_pt_map(&pt, 0x3000, 1ull << 40, 4096, RW), LZ_EINVAL);
	assert_int_equal(lz_pt_map(&pt, 0x3000, (1ull << 40) - 4096, 8192, RW), LZ_EINVAL);
	assert_int_equal(lz_pt_map(&pt, end, 0, 4096, RW), LZ_EINVAL);
	assert_int_equal(lz_pt_map(&pt, end - 4096, 0, 8192, RW), LZ_EINVAL);
	assert_int_equal(lz_pt_map(&pt, 0x3000, 0x800, 4096, RW), LZ_EINVAL);
	assert_int_equal(lz_pt_map(&pt, 0x3800, 0, 4096, RW), LZ_EINVAL);
	assert_int_equal(lz_pt_map(&pt, 0x3000, 0x1000, 0, RW), LZ_EINVAL);
	assert_int_equal(lz_pt_map(&pt, 0x3000, 0x1000, 4096, 0), LZ_EINVAL);
	assert_int_equal(lz_pt_map(&pt, 0x3000, 0x1000, 4096, RW | 1u << 20), LZ_EINVAL);
	assert_int_equal(lz_pt_map(&pt, end - 4096, 0x1000, 4096, RW), LZ_OK);
	assert_true(maps(end - 1, 0x1fff));
	assert_false(maps(end, 0x1000));
}

void bad_input_is_refused(void **state)
{
	(void)state;
	run(1, 0, bad_input_body, NULL);
}

static void dead_body(void)
{
	size_t granule;

	assert_int_equal(lz_pt_map(&pt, 0x10000, 0x50000, 0x8000, RW), LZ_OK);
	assert_int_equal(unmap(0x12000, 0x2000, &granule), LZ_OK);
	assert_int_equal(lz_pt_map(&pt, 0x12000, 0, 4096, RW), LZ_EBUSY);
	assert_int_equal(lz_pt_hold(&pt, 0x12000, 0x1000, 255), 1);
	lz_pt_forget(&pt, 0x12000, 0x2000); /* only what is in flight */
	assert_int_equal(lz_pt_map(&pt, 0x12000, 0, 4096, RW), LZ_EBUSY);
	assert_int_equal(lz_pt_map(&pt, 0x13000, 0, 4096, RW), LZ_OK);
	assert_int_equal(lz_pt_map(&pt, 0x13000, 0, 4096, RW), LZ_EEXIST);

	assert_int_equal(unmap(0x13000, 0x2000, &granule), LZ_OK);
	assert_int_equal(lz_pt_hold(&pt, 0x10000, 0x8000, 256), 2);
	assert_int_equal(unmap(0x17000, 0x1000, &granule), LZ_OK);
	assert_int_equal(lz_pt_hold(&pt, 0x10000, 0x8000, 257), 1);
	/* 255 and 256 (0 in the entry), not 257. */
	assert_int_equal(lz_pt_release(&pt, 0x10000, 0x8000, 256, on_run, NULL), 3);
	assert_int_equal(n_runs, 1);
	assert_int_equal(runs[0].iova, 0x12000);
	assert_int_equal(runs[0].size, 0x3000);
	assert_int_equal(lz_pt_map(&pt, 0x17000, 0, 4096, RW), LZ_EBUSY);
	lz_pt_age(&pt, 0x10000, 0x8000, 257 + 100);
	assert_int_equal(lz_pt_release(&pt, 0x10000, 0x8000, 257 + 99, on_run, NULL), 0);
	assert_int_equal(lz_pt_release(&pt, 0x10000, 0x8000, 257 + 100, on_run, NULL), 1);
	assert_int_equal(lz_pt_map(&pt, 0x17000, 0, 4096, RW), LZ_OK);
}

void dead_entries_keep_the_range_until_their_epoch(void **state)
{
	(void)state;
	run(1, 0, dead_body, NULL);
}

static void failing_map_body(void)
{
	lz_phys p;

	assert_int_equal(lz_pt_map(&pt, M2, 0x1000, 4096, RW), LZ_OK);
	assert_int_equal(lz_pt_map(&pt, M2 - 0x3000, 0x40000, 0x8000, RW), LZ_EEXIST);
	for (lz_iova a = M2 - 0x3000; a < M2; a += 4096)
		assert_false(lz_pt_lookup(&pt, a, &p));
	sim_fail_alloc(true);
	assert_int_equal(lz_pt_map(&pt, 2 * M2 - 0x2000, 0x40000, 0x4000, RW), LZ_ENOMEM);
	assert_false(lz_pt_lookup(&pt, 2 * M2 - 0x2000, &p));
	sim_fail_alloc(false);
	assert_int_equal(lz_pt_map(&pt, 2 * M2 - 0x2000, 0x40000, 0x4000, RW), LZ_OK);
}

void failed_map_leaves_nothing(void **state)
{
	(void)state;
	run(1, 0, failing_map_body, NULL);
}

/* ---- what the hardware sees in between ---- */

static lz_iova watch_start, watch_end;
static lz_phys watch_phys;
static bool may_be_valid;
static unsigned looks;

/* Absent, dead, or exactly the mapping that is being made or taken. */
static bool look(void *arg)
{
	(void)arg;
	for (lz_iova a = watch_start; a < watch_end; a += 4096) {
		unsigned shift;
		uint64_t e = walk(a, &shift), size;

		if (!(e & 1))
			continue;
		size = 1ull << shift;
		assert_true(may_be_valid);
		assert_int_equal(format->phys(e) + (a & (size - 1)),
				 watch_phys + (a - watch_start));
		assert_true(format->is_sound(e));
	}
	looks++;
	return false;
}

static const struct sim_hw watcher = {.name = "walker", .step = look};

static void intermediate_body(void)
{
	size_t granule;

	watch_start = M2 - 0x4000;
	watch_end = 2 * M2 + 0x4000;
	watch_phys = 8 * M2 - 0x4000;
	may_be_valid = true;
	assert_int_equal(
		lz_pt_map(&pt, watch_start, watch_phys, (size_t)(watch_end - watch_start), RW),
		LZ_OK);
	assert_int_equal(unmap(watch_start, (size_t)(watch_end - watch_start), &granule), LZ_OK);
	may_be_valid = false;
	lz_pt_hold(&pt, watch_start, (size_t)(watch_end - watch_start), 7);
	lz_pt_release(&pt, watch_start, (size_t)(watch_end - watch_start), 7, on_run, NULL);
	assert_int_equal(n_runs, 1);
	assert_int_equal(runs[0].size, watch_end - watch_start);
	/* One that fails late shows nothing at all. */
	assert_int_equal(lz_pt_map(&pt, watch_end, 0, 4096, RW), LZ_OK);
	assert_int_equal(lz_pt_map(&pt, watch_start, watch_phys,
				   (size_t)(watch_end - watch_start) + 4096, RW),
			 LZ_EEXIST);
}

void each_store_is_old_valid_or_new_valid(void **state)
{
	(void)state;
	looks = 0;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		watch_start = watch_end = 0;
		run(seed, 2, intermediate_body, &watcher);
	}
	assert_true(looks > 1000);
}

/* ---- two CPUs below one table that neither has yet ---- */

static void other_task(void *arg)
{
	(void)arg;
	while (!pt.root)
		sim_sleep_until(sim_now() + 10);
	assert_int_equal(lz_pt_map(&pt, 0x2000, 0x9000, 4096, RW), LZ_OK);
}

static void race_body(void)
{
	assert_int_equal(lz_pt_map(&pt, 0x1000, 0x8000, 4096, RW), LZ_OK);
	while (!maps(0x2000, 0x9000))
		sim_sleep_until(sim_now() + 10);
	assert_true(maps(0x1000, 0x8000));
}

void tables_are_installed_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct sim_config cfg = {.cpus = 2,
					 .seed = seed,
					 .switch_one_in = 2,
					 .op_cost = 2,
					 .dma_bytes = 1u << 20,
					 .dma_base = 0x80000000};
		struct sim_stats st;

		body = race_body;
		memset(&pt, 0, sizeof(pt));
		sim_start(&cfg);
		sim_task("main", 0, task, NULL);
		sim_task("other", 1, other_task, NULL);
		assert_int_equal(sim_run(LZ_SEC(1)), 0);
		sim_stats_get(&st);
		assert_int_equal(st.violations, 0);
		sim_stop();
	}
}
