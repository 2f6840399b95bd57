/* SPDX-License-Identifier: BSD-2-Clause */
/* Three devices, two of which send one requester id, and what is seen of them. */
#ifndef CORE_FAMILY_H
#define CORE_FAMILY_H

#include "tests/unit/core/bench.h"

#define X 0x500u /* the id that they share */

/* A {0x10, X}, B {0x20, X}, C {0x30}, in one group and one domain. */
struct family {
	struct lz_group *g;
	struct lz_domain *dom;
	struct lz_device *a, *b, *c;
};

static inline struct lz_device *add(struct lz_group *g, const char *name, uint32_t own,
				    uint32_t alias)
{
	const uint32_t ids[2] = {own, alias};
	struct lz_device_desc desc = {.name = name,
				      .iommu = bench.iommu,
				      .streams = ids,
				      .n_streams = alias ? 2 : 1,
				      .ats = true,
				      .pasid_bits = 2,
				      .owner = bench_owner()};
	struct lz_device *dev;

	assert_int_equal(lz_device_add(g, &desc, &dev), LZ_OK);
	return dev;
}

static inline void make(struct family *f)
{
	f->g = bench_group(7);
	f->dom = bench_domain();
	f->a = add(f->g, "a", 0x10, X);
	f->b = add(f->g, "b", 0x20, X);
	f->c = add(f->g, "c", 0x30, 0);
	assert_int_equal(lz_attach(f->a, f->dom), LZ_OK);
	assert_int_equal(lz_attach(f->b, f->dom), LZ_OK);
	assert_int_equal(lz_attach(f->c, f->dom), LZ_OK);
}

static inline void drop(struct family *f)
{
	struct lz_device *all[] = {f->a, f->b, f->c};

	for (unsigned i = 0; i < 3; i++)
		if (all[i])
			assert_int_equal(lz_device_remove(all[i]), LZ_OK);
	bench_destroy(f->dom);
	bench_settle();
	assert_int_equal(lz_group_recovery_count(f->g), 0);
	assert_int_equal(lz_group_destroy(f->g), LZ_OK);
}

static inline uint64_t blocked_ids(void)
{
	struct lz_stats st;

	lz_stats_get(bench.lz, &st);
	return st.blocked_ids;
}

static inline enum lz_status reset(struct lz_device *dev, enum lz_reset_result result)
{
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	if (result == LZ_RESET_OK)
		fake_of(dev)->mute = false;
	return lz_reset_done(dev, result);
}

static inline bool is_open(const struct lz_device *dev)
{
	return !dev->block && dev->fence == LZ_FENCE_OPEN && fake_of(dev)->table[0];
}

/* Held by its sibling alone, and out of reach. */
static inline bool is_held(const struct lz_device *dev)
{
	return dev->block == LZ_BLOCK_SIBLING && dev->fence == LZ_FENCE_FENCED &&
	       !fake_of(dev)->table[0];
}

/* The last event of the kind about `dev`, or NULL. */
static inline const struct lz_event *last(enum lz_event_kind k, const struct lz_device *dev)
{
	for (unsigned i = bench.n_ev; i-- > 0;)
		if (bench.ev[i].kind == k && bench.ev[i].device == dev)
			return &bench.ev[i];
	return NULL;
}

#endif
