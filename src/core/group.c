/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups: devices that the fabric cannot isolate from each other, whose they are,
 * and where they are while they are nobody's. The gate keeps their list as it is.
 */
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

static void set_default(struct lz_group *group, struct lz_domain *dom)
{
	if (dom)
		(void)lz_fetch_add32(&dom->attached, 1);
	if (group->default_domain)
		(void)lz_fetch_add32(&group->default_domain->attached, UINT32_MAX);
	group->default_domain = dom;
}

enum lz_status lz_group_destroy(struct lz_group *group)
{
	struct lz *lz = group->lz;
	unsigned long flags = lz_spin_lock(&group->lock);
	bool empty = !group->devices && !group->claims;

	lz_spin_unlock(&group->lock, flags);
	if (!empty || lz_load32_acquire(&group->gate))
		return LZ_EBUSY;
	lz_assert(group->recovery_count == 0);
	if (LZ_CONFIG_OWNERS)
		set_default(group, NULL);
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

/* ---- default domain ---- */

/* One of the RID elsewhere than in `dom` is somebody's. */
static bool is_used(const struct lz_device *dev, const struct lz_domain *dom)
{
	return dev->rid.dom && dev->rid.dom != dom;
}

/* Cannot fail: what cannot be attached is left without a domain. */
static enum lz_status to_default(struct lz_gated g, struct lz_device *dev, struct lz_domain *dom)
{
	enum lz_status r = LZ_OK;

	if (dom)
		r = lz_attach_or_retain(g, dev, dom);
	if (!dom || r)
		lz_detach_all(g, dev);
	return r;
}

enum lz_status lz_group_adopt(struct lz_gated g, struct lz_device *dev)
{
	struct lz_domain *dom = g.group->default_domain;

	if (!LZ_CONFIG_OWNERS || !dom || g.group->claims)
		return LZ_OK;
	return to_default(g, dev, dom);
}

static enum lz_status may_set_default(const struct lz_group *group, const struct lz_domain *dom)
{
	if (dom && dom->lz != group->lz)
		return LZ_EINVAL;
	for (struct lz_device *d = group->devices; d; d = d->next_in_group) {
		if (group->claims)
			continue;
		if (is_used(d, group->default_domain) && is_used(d, dom))
			return LZ_EBUSY;
		if (lz_has_pasids(d) && (!dom || dom->type != LZ_DOMAIN_PAGING))
			return LZ_EBUSY;
	}
	return LZ_OK;
}

/* All of them or, as far as the hardware lets us, none. */
static enum lz_status move_all(struct lz_gated g, struct lz_domain *dom)
{
	struct lz_domain *old = g.group->default_domain;
	struct lz_device *failed = NULL;
	enum lz_status r = LZ_OK;

	for (struct lz_device *d = g.group->devices; d; d = d->next_in_group) {
		if (d->presence != LZ_PRESENT)
			continue;
		if (dom)
			r = lz_attach_or_retain(g, d, dom);
		else
			lz_detach_all(g, d);
		if (r) {
			failed = d;
			break;
		}
	}
	for (struct lz_device *d = g.group->devices; failed && d != failed; d = d->next_in_group)
		if (d->presence == LZ_PRESENT)
			(void)to_default(g, d, old);
	return r;
}

enum lz_status lz_group_set_default_domain(struct lz_group *group, struct lz_domain *dom)
{
	struct lz_gated g;
	enum lz_status r;

	if (!LZ_CONFIG_OWNERS)
		return LZ_ENOTSUP;
	if (dom && dom->type == LZ_DOMAIN_BLOCKING)
		dom = NULL;
	if (lz_gate_enter(group, lz_gate_bound(group->lz), &g) != LZ_OK)
		return LZ_EBUSY;
	r = may_set_default(group, dom);
	if (!r && !group->claims)
		r = move_all(g, dom);
	if (!r)
		set_default(group, dom);
	lz_gate_leave(g);
	return r;
}

/* ---- owner ---- */

static enum lz_status may_claim(const struct lz_group *group, const void *owner)
{
	if (group->claims)
		return group->claimant == owner ? LZ_OK : LZ_EBUSY;
	for (const struct lz_device *d = group->devices; d; d = d->next_in_group)
		if (is_used(d, group->default_domain) || lz_has_pasids(d))
			return LZ_EBUSY;
	return LZ_OK;
}

static void claim(struct lz_gated g, void *owner)
{
	struct lz_group *group = g.group;

	if (!group->claims)
		for (struct lz_device *d = group->devices; d; d = d->next_in_group)
			lz_detach_all(g, d);
	group->claimant = owner;
	group->claims++;
}

enum lz_status lz_group_claim(struct lz_group *group, void *owner)
{
	struct lz_gated g;
	enum lz_status r;

	if (!LZ_CONFIG_OWNERS)
		return LZ_ENOTSUP;
	if (!owner)
		return LZ_EINVAL;
	if (lz_gate_enter(group, lz_gate_bound(group->lz), &g) != LZ_OK)
		return LZ_EBUSY;
	r = may_claim(group, owner);
	if (!r)
		claim(g, owner);
	lz_gate_leave(g);
	return r;
}

/* PASIDs first: they are in domains of the owner's. */
static enum lz_status release(struct lz_gated g)
{
	enum lz_status r = LZ_OK;

	for (struct lz_device *d = g.group->devices; d; d = d->next_in_group) {
		enum lz_status one;

		lz_detach_pasids(g, d);
		if (d->presence != LZ_PRESENT)
			continue;
		one = to_default(g, d, g.group->default_domain);
		r = r ? r : one;
	}
	return r;
}

enum lz_status lz_group_release(struct lz_group *group, void *owner)
{
	enum lz_status r = LZ_OK;
	struct lz_gated g;

	if (!LZ_CONFIG_OWNERS)
		return LZ_ENOTSUP;
	lz_gate_enter_always(group, &g);
	if (!group->claims || group->claimant != owner) {
		r = LZ_EINVAL;
	} else if (!--group->claims) {
		group->claimant = NULL;
		r = release(g);
	}
	lz_gate_leave(g);
	return r;
}
