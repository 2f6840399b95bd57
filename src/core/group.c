/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups: devices that the fabric cannot isolate from each other. */
#include "core/core.h"

static const struct lz_lock_class group_class = {"group", LZ_RANK_GROUP};

enum lz_status lz_group_create(struct lz *lz, unsigned id, struct lz_group **out)
{
	struct lz_group *group = lz_mem_alloc(lz, sizeof(*group));

	*out = NULL;
	if (!group)
		return LZ_ENOMEM;
	group->lz = lz;
	group->id = id;
	lz_spin_init(&group->lock, &group_class);
	lz_fetch_add32(&lz->n_groups, 1);
	*out = group;
	return LZ_OK;
}

enum lz_status lz_group_destroy(struct lz_group *group)
{
	struct lz *lz = group->lz;
	unsigned long flags = lz_spin_lock(&group->lock);
	bool empty = !group->devices;

	lz_spin_unlock(&group->lock, flags);
	if (!empty || lz_load32_acquire(&group->gate))
		return LZ_EBUSY;
	lz_assert(group->recovery_count == 0);
	lz_fetch_add32(&lz->n_groups, (uint32_t)-1);
	lz_mem_free(lz, group, sizeof(*group));
	return LZ_OK;
}

unsigned lz_group_id(const struct lz_group *group)
{
	return group->id;
}

unsigned lz_group_recovery_count(const struct lz_group *group)
{
	return lz_load32(&group->recovery_count);
}
