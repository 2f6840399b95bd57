/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver tests look at behind the driver's back: its own state as
 * plain memory (nothing here is an operation that the scheduler sees), the
 * tables, and what the model makes of them.
 */
#ifndef TESTS_HAZARDS_DRIVER_LOOK_H
#define TESTS_HAZARDS_DRIVER_LOOK_H

#include "tests/hazards/rig.h"

#include "drivers/smmuv3/smmu.h"

#define IOVA 0x10000000ull

#define EATS(word1) (((word1) >> 28) & 3)

static inline struct lz_smmu_dev *look_dev(const struct rig *r, unsigned i)
{
	return r->dev[i].dev ? r->dev[i].dev->drv : NULL;
}

static inline uint8_t look_fence(const struct rig *r, unsigned i)
{
	return r->dev[i].dev ? r->dev[i].dev->fence : LZ_FENCE_OPEN;
}

/* Does translated traffic of a stream pass now, by what the SMMU has cached? */
static inline bool look_passes(const struct rig *r, uint32_t sid)
{
	bool now, uncached;

	lzm_smmu_eats_effective(r->smmu, sid, &now, &uncached);
	return now;
}

static inline bool look_cmdq_error(const struct rig *r)
{
	return (lzm_smmu_read(r->smmu, 0x60, 4) ^ lzm_smmu_read(r->smmu, 0x64, 4)) & 1;
}

/* Entries of a domain's invalidation array, and whose one of them is. */
static inline uint32_t look_entries(const struct lz_domain *dom)
{
	const struct lz_smmu_domain *sdom = dom->first.drv;

	return ((const struct lz_link_array *)sdom->links.array)->n;
}

static inline const struct lz_device *look_entry(const struct lz_domain *dom, uint32_t i)
{
	const struct lz_smmu_domain *sdom = dom->first.drv;

	return ((const struct lz_link_array *)sdom->links.array)->e[i].dev;
}

/* A fenced device: nothing of it passes, on any stream, and no entry of it has
 * EATS on (H43, H46, H49). */
static inline void look_at_fences(struct rig *r)
{
	for (unsigned i = 0; i < r->opt.devs; i++) {
		struct lz_smmu_dev *sd = look_dev(r, i);

		if (!sd || look_fence(r, i) != LZ_FENCE_FENCED)
			continue;
		for (unsigned k = 0; k < sd->dev->n_streams; k++) {
			assert_false(look_passes(r, sd->dev->streams[k]));
			assert_int_equal(EATS(sd->ste[k][1]), 0);
		}
	}
}

/* Maps n pages and has the first `devs` devices fetch each of them. */
static inline void look_map(struct rig *r, struct lz_domain *dom, unsigned n, unsigned devs)
{
	assert_int_equal(lz_map(dom, IOVA, RIG_MEM, n * LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	for (unsigned d = 0; d < devs; d++)
		for (unsigned i = 0; i < n; i++)
			assert_true(rig_dma(r, d, IOVA + i * LZ_PAGE, true));
}

/* Waits for the end of whatever is going on. */
static inline void look_settle(struct rig *r)
{
	lz_ns end = sim_now() + LZ_SEC(200);

	while (!rig_idle(r) && sim_now() < end)
		rig_sleep(LZ_MS(2));
	assert_true(rig_idle(r));
}

static inline bool look_told(struct rig *r, unsigned i)
{
	lz_ns end = sim_now() + LZ_SEC(200);

	while (!r->dev[i].told && sim_now() < end)
		rig_sleep(LZ_MS(2));
	return r->dev[i].told == 1;
}

/* Several kinds of schedule: switches at almost every operation, and long
 * stretches in which somebody stands still. */
static inline void look_run(const struct rig_opts *opt, unsigned seeds, void (*body)(struct rig *r))
{
	static const unsigned one_in[] = {1, 2, 4, 9, 24, 64, 160, 400};

	for (unsigned i = 0; i < seeds; i++) {
		struct rig_opts o = *opt;

		o.seed = i;
		o.switch_one_in = one_in[i % 8];
		rig_run(&o, body);
	}
}

#endif
