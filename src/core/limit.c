/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often a device may recover. The times of its last recoveries stand in a
 * ring with a slot for each that a policy can allow within a window; it is there
 * from the beginning, so that neither a fault nor a new policy needs memory.
 */
#include "core/core.h"

#define ROOM_MIN 16u

uint32_t lz_limit_room(const struct lz *lz)
{
	return lz->cfg.recovery_max > ROOM_MIN ? lz->cfg.recovery_max : ROOM_MIN;
}

static size_t ring_size(const struct lz *lz)
{
	return lz_limit_room(lz) * sizeof(lz_ns);
}

enum lz_status lz_limit_init(struct lz_device *dev)
{
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
	(void)g;
	dev->recovered_at[dev->n_recovered++ % lz_limit_room(dev->lz)] = lz_now(dev->lz);
}

bool lz_limit_reached(struct lz_gated g, const struct lz_device *dev)
{
	uint32_t max = lz_load32(&dev->lz->recovery_max);
	lz_ns window = lz_load64(&dev->lz->recovery_window);

	(void)g;
	/* The oldest of the last `max` ones. */
	return max && dev->n_recovered >= max &&
	       lz_now(dev->lz) - dev->recovered_at[(dev->n_recovered - max) %
						   lz_limit_room(dev->lz)] <
		       window;
}

void lz_limit_forget(struct lz_gated g, struct lz_device *dev)
{
	(void)g;
	dev->n_recovered = 0;
}
