/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often a device may recover. The times of its last recoveries stand in a
 * ring with a slot for each that is allowed within a window; it is there from
 * the beginning, so that a fault needs no memory.
 */
#include "core/core.h"

static size_t ring_size(const struct lz *lz)
{
	return lz->cfg.recovery_max * sizeof(lz_ns);
}

enum lz_status lz_limit_init(struct lz_device *dev)
{
	if (!dev->lz->cfg.recovery_max)
		return LZ_OK;
	dev->recovered_at = lz_mem_alloc(dev->lz, ring_size(dev->lz));
	return dev->recovered_at ? LZ_OK : LZ_ENOMEM;
}

void lz_limit_fini(struct lz_device *dev)
{
	lz_mem_free(dev->lz, dev->recovered_at, ring_size(dev->lz));
	dev->recovered_at = NULL;
}

void lz_limit_count(struct lz_gated g, struct lz_device *dev)
{
	uint32_t max = dev->lz->cfg.recovery_max;

	(void)g;
	if (max)
		dev->recovered_at[dev->n_recovered++ % max] = lz_now(dev->lz);
}

bool lz_limit_reached(struct lz_gated g, const struct lz_device *dev)
{
	const struct lz_config *cfg = &dev->lz->cfg;

	(void)g;
	/* The slot that is used next has the oldest time. */
	return cfg->recovery_max && dev->n_recovered >= cfg->recovery_max &&
	       lz_now(dev->lz) - dev->recovered_at[dev->n_recovered % cfg->recovery_max] <
		       cfg->recovery_window;
}

void lz_limit_forget(struct lz_gated g, struct lz_device *dev)
{
	(void)g;
	dev->n_recovered = 0;
}
