/* SPDX-License-Identifier: BSD-2-Clause */
/* Attach and detach, by the table in lazaret/domain.h. */
#include "core/core.h"

static struct lz_attachment *find(const struct lz_device *dev, uint32_t pasid)
{
	struct lz_attachment *a;

	if (pasid == LZ_NO_PASID)
		return (struct lz_attachment *)&dev->rid;
	for (a = lz_first_pasid(dev); a && a->pasid != pasid; a = a->next)
		;
	return a;
}

/* What the core keeps; read under the group lock by others. */
static void keep(struct lz_gated g, struct lz_attachment *att, struct lz_domain *dom)
{
	unsigned long flags = lz_spin_lock(&g.group->lock);

	att->dom = dom;
	lz_spin_unlock(&g.group->lock, flags);
}

/* ---- attach ---- */

/* All devices of a group in one domain or blocked. A blocked one counts with
 * the domain that it is going to be re-attached to. */
static bool group_agrees(struct lz_gated g, const struct lz_device *dev,
			 const struct lz_domain *dom)
{
	unsigned long flags = lz_spin_lock(&g.group->lock);
	bool ok = true;

	for (struct lz_device *d = g.group->devices; d; d = d->next_in_group)
		if (d != dev && d->rid.dom && d->rid.dom != dom && d->presence == LZ_PRESENT)
			ok = false;
	lz_spin_unlock(&g.group->lock, flags);
	return ok;
}

bool lz_has_pasids(const struct lz_device *dev)
{
	for (const struct lz_attachment *a = lz_first_pasid(dev); a; a = a->next)
		if (a->dom)
			return true;
	return false;
}

static enum lz_status may_attach(struct lz_gated g, const struct lz_device *dev, uint32_t pasid,
				 const struct lz_domain *dom)
{
	if (dev->presence != LZ_PRESENT)
		return LZ_ENODEV;
	if (dom->lz != dev->lz)
		return LZ_EINVAL;
	if (dev->reset_depth || dev->block || lz_device_fence(dev) != LZ_FENCE_OPEN)
		return LZ_EBUSY;
	if (pasid == LZ_NO_PASID) {
		if (lz_has_pasids(dev) && dom->type != LZ_DOMAIN_PAGING)
			return LZ_EBUSY;
		/* Elsewhere than in the default domain is for who claimed it. */
		if (g.group->default_domain && g.group->default_domain != dom && !g.group->claims)
			return LZ_EBUSY;
		return group_agrees(g, dev, dom) ? LZ_OK : LZ_EBUSY;
	}
	if (!dev->rid.dom || dev->rid.dom->type != LZ_DOMAIN_PAGING ||
	    dom->type != LZ_DOMAIN_PAGING)
		return LZ_EINVAL;
	return LZ_OK;
}

/* Finds or makes the attachment of a PASID. */
static struct lz_attachment *provide(struct lz_gated g, struct lz_device *dev, uint32_t pasid)
{
	struct lz *lz = dev->lz;
	struct lz_attachment *att = find(dev, pasid);
	unsigned long flags;

	if (att || !LZ_CONFIG_PASID)
		return att;
	att = lz_mem_alloc(lz, sizeof(*att));
	if (!att)
		return NULL;
	att->dev = dev;
	att->pasid = pasid;
	flags = lz_spin_lock(&g.group->lock);
	att->next = dev->pasids;
	dev->pasids = att;
	lz_spin_unlock(&g.group->lock, flags);
	return att;
}

/* Frees the attachment of a PASID when nothing needs it any more. */
static void drop(struct lz_gated g, struct lz_device *dev, struct lz_attachment *att)
{
	struct lz *lz = dev->lz;
	struct lz_attachment **p = &dev->pasids;
	unsigned long flags;

	if (!LZ_CONFIG_PASID || att == &dev->rid || att->dom || att->leaving)
		return;
	flags = lz_spin_lock(&g.group->lock);
	while (*p != att)
		p = &(*p)->next;
	*p = att->next;
	lz_spin_unlock(&g.group->lock, flags);
	lz_mem_free(lz, att, sizeof(*att));
}

/* What an attachment of the device keeps of `dom`. */
static struct lz_domain_part *part_of(const struct lz_device *dev, struct lz_domain *dom)
{
	return dom ? lz_part_of(dom, dev->iommu) : NULL;
}

static enum lz_status begin(const struct lz_device *dev, struct lz_domain *dom,
			    struct lz_domain_part **part)
{
	enum lz_status r = lz_part_take(dom, dev->iommu, part);

	if (!r)
		lz_fetch_add32(&dom->attached, 1);
	return r;
}

static void end(struct lz_domain_part *part)
{
	lz_fetch_add32(&part->dom->attached, UINT32_MAX);
	lz_part_let(part);
}

/* Nothing uses its links any more. */
static void unlink_old(struct lz_attachment *att, struct lz_domain_part *old)
{
	if (!old)
		return;
	old->iommu->ops->unlink(att->dev, att->pasid, old);
	end(old);
}

/* Links first, so that no translation exists that an unmap would not know of
 * (A); the old links go when nothing uses them any more. */
static enum lz_status move(struct lz_gated g, struct lz_attachment *att, struct lz_domain *dom)
{
	struct lz_device *dev = att->dev;
	const struct lz_iommu_ops *ops = dev->iommu->ops;
	struct lz_domain_part *old = part_of(dev, att->dom), *part;
	enum lz_status r = begin(dev, dom, &part);

	if (r)
		return r;
	r = ops->link(dev, att->pasid, part);
	if (!r) {
		r = ops->install(dev, att->pasid, part, old);
		if (r)
			ops->unlink(dev, att->pasid, part);
	}
	if (r) {
		end(part);
		return r;
	}
	keep(g, att, dom);
	unlink_old(att, old);
	return LZ_OK;
}

static enum lz_status attach(struct lz_gated g, struct lz_device *dev, uint32_t pasid,
			     struct lz_domain *dom)
{
	struct lz_attachment *att = find(dev, pasid);
	enum lz_status r = may_attach(g, dev, pasid, dom);

	if (r)
		return r;
	if (att && att->leaving)
		return LZ_EBUSY;
	if (att && att->dom == dom)
		return LZ_OK;
	att = provide(g, dev, pasid);
	if (!att)
		return LZ_ENOMEM;
	r = move(g, att, dom);
	drop(g, dev, att);
	return r;
}

/* Links only: the tables are written when the device recovers. What it had must
 * be out of its reach. */
static enum lz_status retain(struct lz_gated g, struct lz_attachment *att, struct lz_domain *dom)
{
	struct lz_device *dev = att->dev;
	struct lz_domain_part *old = part_of(dev, att->dom), *part;
	enum lz_status r;

	if (old && lz_device_fence(dev) != LZ_FENCE_FENCED)
		return LZ_EBUSY;
	r = begin(dev, dom, &part);
	if (r)
		return r;
	r = dev->iommu->ops->link(dev, att->pasid, part);
	if (r) {
		end(part);
		return r;
	}
	keep(g, att, dom);
	unlink_old(att, old);
	return LZ_OK;
}

enum lz_status lz_attach_or_retain(struct lz_gated g, struct lz_device *dev, struct lz_domain *dom)
{
	if (dev->rid.dom == dom)
		return LZ_OK;
	if (dev->rid.leaving)
		return LZ_EBUSY;
	if (dev->block || dev->reset_depth)
		return retain(g, &dev->rid, dom);
	return lz_device_fence(dev) == LZ_FENCE_OPEN ? move(g, &dev->rid, dom) : LZ_EBUSY;
}

enum lz_status lz_install_again(struct lz_gated g, const struct lz_attachment *att)
{
	struct lz_device *dev = att->dev;

	(void)g;
	return dev->iommu->ops->install(dev, att->pasid, part_of(dev, att->dom), NULL);
}

/* ---- detach ---- */

static void detach(struct lz_gated g, struct lz_device *dev, struct lz_attachment *att)
{
	struct lz_domain_part *old = part_of(dev, att->dom);
	bool blocked = dev->block != 0 || dev->reset_depth;
	bool effect;

	if (!old)
		return;
	/* Blocked: hardware is not touched (H12). Its block may still be without
	 * effect; then unmaps go on to count with the device. */
	if (blocked)
		effect = lz_device_fence(dev) == LZ_FENCE_FENCED;
	else
		effect = dev->iommu->ops->install(dev, att->pasid, NULL, old) == LZ_OK;
	effect = effect || lz_part_excused(old);
	keep(g, att, NULL);
	if (effect)
		unlink_old(att, old);
	else
		lz_custody_leave(att, old);
}

void lz_detach_pasids(struct lz_gated g, struct lz_device *dev)
{
	struct lz_attachment *next;

	for (struct lz_attachment *a = lz_first_pasid(dev); a; a = next) {
		next = a->next;
		detach(g, dev, a);
		drop(g, dev, a);
	}
}

void lz_detach_all(struct lz_gated g, struct lz_device *dev)
{
	lz_detach_pasids(g, dev);
	detach(g, dev, &dev->rid);
}

/* ---- public ---- */

enum lz_status lz_attach(struct lz_device *dev, struct lz_domain *dom)
{
	struct lz_gated g;
	enum lz_status r;

	if (dom->type == LZ_DOMAIN_BLOCKING) {
		lz_detach(dev);
		return LZ_OK;
	}
	if (lz_gate_enter(dev->group, lz_gate_bound(dev->lz), &g) != LZ_OK)
		return LZ_EBUSY;
	r = attach(g, dev, LZ_NO_PASID, dom);
	lz_gate_leave(g);
	return r;
}

void lz_detach(struct lz_device *dev)
{
	struct lz_gated g;

	lz_gate_enter_always(dev->group, &g);
	lz_detach_all(g, dev);
	lz_gate_leave(g);
}

enum lz_status lz_attach_pasid(struct lz_device *dev, uint32_t pasid, struct lz_domain *dom)
{
	struct lz_gated g;
	enum lz_status r;

	if (!LZ_CONFIG_PASID || !dev->pasid_bits)
		return LZ_ENOTSUP;
	if (pasid == LZ_NO_PASID || pasid >> dev->pasid_bits)
		return LZ_EINVAL;
	if (dom->type == LZ_DOMAIN_BLOCKING) {
		lz_detach_pasid(dev, pasid);
		return LZ_OK;
	}
	if (lz_gate_enter(dev->group, lz_gate_bound(dev->lz), &g) != LZ_OK)
		return LZ_EBUSY;
	r = attach(g, dev, pasid, dom);
	lz_gate_leave(g);
	return r;
}

void lz_detach_pasid(struct lz_device *dev, uint32_t pasid)
{
	struct lz_attachment *att;
	struct lz_gated g;

	if (!LZ_CONFIG_PASID)
		return;
	lz_gate_enter_always(dev->group, &g);
	att = pasid == LZ_NO_PASID ? NULL : find(dev, pasid);
	if (att) {
		detach(g, dev, att);
		drop(g, dev, att);
	}
	lz_gate_leave(g);
}

struct lz_domain *lz_attached(const struct lz_device *dev, uint32_t pasid)
{
	unsigned long flags = lz_spin_lock(&dev->group->lock);
	struct lz_attachment *att = find(dev, pasid);
	struct lz_domain *dom = att ? att->dom : NULL;

	lz_spin_unlock(&dev->group->lock, flags);
	return dom;
}
