/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices: add, remove, references, health, the books of blocked ids. */
#include "core/core.h"
#include "pci/pci.h"

static const struct lz_lock_class fence_class = {"fence", LZ_RANK_FENCE};

#define RETRY_REMOVAL	  LZ_MS(10)
#define RETRY_REMOVAL_MAX LZ_SEC(1) /* as often as a queue that stands is tried */

/* ---- references ---- */

void lz_device_get(struct lz_device *dev)
{
	uint32_t before = lz_fetch_add32(&dev->refs, 1);

	lz_assert(before > 0);
	lz_fetch_add64(&dev->lz->references, 1);
}

static void free_device(struct lz_device *dev)
{
	const struct lz_port *port = dev->lz->port; /* the instance may end first */

	if (dev->iommu->ops->device_free)
		dev->iommu->ops->device_free(dev);
	lz_limit_fini(dev);
	lz_mem_free(dev->lz, dev->snapshot, sizeof(*dev->snapshot));
	lz_fetch_add64(&dev->lz->references, UINT64_MAX);
	port->free(port->ctx, dev, sizeof(*dev));
}

void lz_device_put(struct lz_device *dev)
{
	struct lz *lz = dev->lz;

	if (lz_fetch_add32(&dev->refs, UINT32_MAX) != 1) {
		lz_fetch_add64(&lz->references, UINT64_MAX);
		return;
	}
	/* free_device() gives the last one back to the books: lz_fini() waits
	 * for it. Freeing memory may sleep (H26). */
	if (lz_in_atomic())
		lz_work_queue(&dev->free_work, lz_now(lz));
	else
		free_device(dev);
}

/* ---- books; gate held ---- */

/* Those of its requester ids that no other blocked device sends (H13). */
static uint32_t ids_of_its_own(const struct lz_group *group, const struct lz_device *dev)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < dev->n_streams; i++) {
		bool shared = false;

		for (const struct lz_device *d = group->devices; d; d = d->next_in_group)
			for (unsigned k = 0; d != dev && d->counted && k < d->n_streams; k++)
				shared |=
					d->iommu == dev->iommu && d->streams[k] == dev->streams[i];
		n += !shared;
	}
	return n;
}

static void set_block(struct lz_group *group, struct lz_device *dev, uint32_t block)
{
	bool blocked = block != 0;
	uint32_t ids;

	lz_store32(&dev->block, block);
	if (blocked == dev->counted)
		return;
	dev->counted = blocked;
	ids = ids_of_its_own(group, dev);
	lz_store32(&group->recovery_count,
		   blocked ? group->recovery_count + ids : group->recovery_count - ids);
	lz_fetch_add64(&dev->lz->blocked_ids, blocked ? ids : 0 - (uint64_t)ids);
}

static bool blocked_itself(const struct lz_device *dev)
{
	return dev->block & ~(uint32_t)LZ_BLOCK_SIBLING;
}

void lz_block_set(struct lz_gated g, struct lz_device *dev, uint32_t reasons)
{
	unsigned long flags = lz_spin_lock(&g.group->lock);
	bool before = blocked_itself(dev);

	set_block(g.group, dev, dev->block | reasons);
	lz_spin_unlock(&g.group->lock, flags);
	if (!before && blocked_itself(dev))
		lz_siblings_hold(g, dev);
}

void lz_block_clear(struct lz_gated g, struct lz_device *dev, uint32_t reasons)
{
	unsigned long flags = lz_spin_lock(&g.group->lock);
	bool before = blocked_itself(dev);

	set_block(g.group, dev, dev->block & ~reasons);
	lz_spin_unlock(&g.group->lock, flags);
	if (before && !blocked_itself(dev))
		lz_siblings_let(g, dev);
}

void lz_device_ats_off(struct lz_gated g, struct lz_device *dev)
{
	(void)g;
	/* Before config space says so: a driver that probes the device meanwhile
	 * takes ATS that is on here and off there for a device that lost it (H76). */
	lz_store8(&dev->ats_on, 0);
	/* A function that is gone or does not obey has no effect on the fence,
	 * which is in the IOMMU. */
	if (dev->pci && dev->ats_capable)
		(void)lz_pci_ats_disable(dev->pci);
}

enum lz_status lz_block_tables(struct lz_gated g, struct lz_device *dev)
{
	enum lz_status st = dev->iommu->ops->block(dev);

	(void)g;
	dev->block_owed = st != LZ_OK;
	return st;
}

void lz_device_quiesce(struct lz_gated g, struct lz_device *dev)
{
	lz_device_ats_off(g, dev);
	lz_device_pasid_off(dev);
}

enum lz_status lz_device_pasid_on(struct lz_device *dev)
{
	enum lz_status r;

	if (!LZ_CONFIG_PASID || !dev->pci || !dev->pasid_bits)
		return LZ_OK;
	r = lz_pci_pasid_enable(dev->pci, true);
	dev->pasid_on = r == LZ_OK;
	return r;
}

bool lz_device_ats_is_off(struct lz_device *dev)
{
	return dev->ats_capable && lz_pci_ats_disable(dev->pci) == LZ_OK;
}

void lz_device_pasid_off(struct lz_device *dev)
{
	if (!LZ_CONFIG_PASID || !dev->pci || !dev->pasid_bits)
		return;
	dev->pasid_on = false;
	(void)lz_pci_pasid_enable(dev->pci, false);
}

uint8_t lz_device_fence(const struct lz_device *dev)
{
	return lz_load8_acquire(&dev->fence);
}

/* ---- add ---- */

static void free_run(struct lz_work *w);

static void copy_name(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; from && from[n] && n < size - 1; n++)
		to[n] = from[n];
	to[n] = '\0';
}

static bool is_valid(const struct lz_group *group, const struct lz_device_desc *d)
{
	if (!d->iommu || d->iommu->lz != group->lz || !d->n_streams ||
	    d->n_streams > LZ_MAX_STREAMS || d->pasid_bits > 20 ||
	    (unsigned)d->response > LZ_RESPONSE_FENCE || (d->pf && d->pf->iommu != d->iommu))
		return false;
	for (unsigned i = 0; i < d->n_streams; i++)
		for (unsigned j = 0; j < i; j++)
			if (d->streams[i] == d->streams[j])
				return false;
	return true;
}

static void fill_in(struct lz_device *dev, struct lz_group *group, const struct lz_device_desc *d)
{
	struct lz *lz = group->lz;

	dev->lz = lz;
	dev->iommu = d->iommu;
	dev->group = group;
	copy_name(dev->name, sizeof(dev->name), d->name);
	dev->pci = d->pci;
	dev->pf = d->pf;
	dev->owner = d->owner;
	dev->owner_ctx = d->owner_ctx;
	dev->user = d->user;
	dev->n_streams = d->n_streams;
	memcpy(dev->streams, d->streams, d->n_streams * sizeof(dev->streams[0]));
	dev->ats_allowed = d->ats;
	dev->response = d->response;
	dev->pasid_bits = LZ_CONFIG_PASID ? d->pasid_bits : 0;
	dev->presence = LZ_PRESENT;
	dev->rid.dev = dev;
	dev->refs = 1;
	/* What is still out for somebody who had these stream ids before says
	 * nothing about this one (H53). */
	dev->changed = lz_load32(&lz->resets);
	/* Even, and above that of any device before it: nobody takes it for the one
	 * that had its stream ids. */
	dev->generation = dev->changed * 2;
	lz_spin_init(&dev->fence_lock, &fence_class);
	lz_work_init(lz, &dev->report_work, lz_report_run);
	lz_work_init(lz, &dev->free_work, free_run);
	dev->free_work.frees_itself = true;
}

/* H88: a fence would not stop it, so there is nothing to fence. */
static void refuse_ats(struct lz_device *dev)
{
	const char *by = dev->ats_allowed && dev->pci ? lz_pci_passes_by(dev->pci) : NULL;

	if (!by)
		return;
	dev->ats_allowed = false;
	lz_log(dev->lz, LZ_LOG_WARN, dev->name, "ATS is not used: the IOMMU could not stop %s", by);
}

static void publish(struct lz_device *dev)
{
	struct lz_group *group = dev->group;
	struct lz_iommu *iommu = dev->iommu;
	unsigned long flags = lz_spin_lock(&group->lock);

	LZ_LIST_PUSH(&group->devices, dev, next_in_group, at_in_group);
	lz_spin_unlock(&group->lock, flags);
	flags = lz_spin_lock(&iommu->lock);
	LZ_LIST_PUSH(&iommu->devices, dev, next_in_iommu, at_in_iommu);
	lz_spin_unlock(&iommu->lock, flags);
}

/* What a fault will need beside the driver's part. */
static enum lz_status prepare(struct lz_device *dev)
{
	enum lz_status r = lz_limit_init(dev);

	if (r || !LZ_CONFIG_SNAPSHOT)
		return r;
	dev->snapshot = lz_mem_alloc(dev->lz, sizeof(*dev->snapshot));
	if (dev->snapshot)
		return LZ_OK;
	lz_limit_fini(dev);
	return LZ_ENOMEM;
}

enum lz_status lz_device_add(struct lz_group *group, const struct lz_device_desc *desc,
			     struct lz_device **out)
{
	struct lz *lz = group->lz;
	struct lz_device *dev;
	struct lz_gated g;
	enum lz_status r;

	*out = NULL;
	if (!is_valid(group, desc))
		return LZ_EINVAL;
	/* H91: whatever firmware left there. */
	if (desc->pci && lz_pci_has_ats(desc->pci) && lz_pci_ats_disable(desc->pci) != LZ_OK)
		return LZ_EIO;
	if (LZ_CONFIG_PASID && desc->pci && lz_pci_pasid_bits(desc->pci))
		(void)lz_pci_pasid_enable(desc->pci, false); /* before the first ATS Enable */
	dev = lz_mem_alloc(lz, sizeof(*dev));
	if (!dev)
		return LZ_ENOMEM;
	fill_in(dev, group, desc);
	refuse_ats(dev);
	r = prepare(dev);
	if (r) {
		lz_mem_free(lz, dev, sizeof(*dev));
		return r;
	}
	lz_gate_enter_always(group, &g);
	lz_fetch_add64(&lz->references, 1);
	r = dev->iommu->ops->device_add(dev);
	if (r == LZ_EFAULT) /* its commands were dropped: nothing is known of them */
		r = LZ_ETIMEDOUT;
	if (r) {
		lz_gate_leave(g);
		lz_device_put(dev); /* an error record may have found it (H25) */
		return r;
	}
	publish(dev);
	lz_family_join(g, dev);
	r = lz_group_adopt(g, dev);
	lz_gate_leave(g);
	if (!r)
		*out = dev;
	else if (lz_device_remove(dev) != LZ_OK) /* nobody else knows it */
		lz_assert(false);
	return r;
}

/* ---- remove ---- */

static void take_out(struct lz_device *dev)
{
	struct lz_group *group = dev->group;
	struct lz_iommu *iommu = dev->iommu;
	unsigned long flags = lz_spin_lock(&iommu->lock);

	LZ_LIST_REMOVE(dev, next_in_iommu, at_in_iommu);
	lz_spin_unlock(&iommu->lock, flags);

	flags = lz_spin_lock(&group->lock);
	LZ_LIST_REMOVE(dev, next_in_group, at_in_group);
	set_block(group, dev, 0);		   /* H10 */
	(void)lz_fetch_add32(&dev->lz->resets, 1); /* see fill_in() */
	lz_store8(&dev->presence, LZ_GONE);
	lz_spin_unlock(&group->lock, flags);
}

static void free_attachments(struct lz_gated g, struct lz_device *dev)
{
	struct lz *lz = dev->lz;

	if (dev->rid.leaving)
		lz_custody_left(g, &dev->rid);
	while (LZ_CONFIG_PASID && dev->pasids) {
		struct lz_attachment *att = dev->pasids;

		if (att->leaving)
			lz_custody_left(g, att);
		dev->pasids = att->next;
		lz_mem_free(lz, att, sizeof(*att));
	}
}

/* The device is gone when its block has effect. False: not yet. */
static bool finish_removal(struct lz_gated g, struct lz_device *dev)
{
	struct lz_iommu *iommu = dev->iommu;

	if (lz_block_tables(g, dev) != LZ_OK && !lz_iommu_dead(iommu))
		return false;
	free_attachments(g, dev);
	iommu->ops->device_remove(dev);
	take_out(dev);
	lz_family_leave(g, dev);
	lz_iommu_kick(iommu); /* a domain may have waited for it */
	return true;
}

/* Either the removal is not finished, or the last reference is gone. */
static void free_run(struct lz_work *w)
{
	struct lz_device *dev = lz_container(w, struct lz_device, free_work);
	struct lz_gated g;
	bool done = false;

	if (lz_load8(&dev->presence) == LZ_GONE) {
		free_device(dev);
		return;
	}
	if (lz_gate_enter(dev->group, 0, &g) == LZ_OK) {
		done = finish_removal(g, dev);
		lz_gate_leave(g);
	}
	if (!done) {
		lz_work_queue(w, lz_now(dev->lz) + dev->backoff);
		dev->backoff =
			dev->backoff * 2 < RETRY_REMOVAL_MAX ? dev->backoff * 2 : RETRY_REMOVAL_MAX;
		return;
	}
	lz_emit_device(dev, LZ_EV_REMOVED, LZ_OK, 0);
	lz_device_put(dev);
}

/* Presence and the count change under one lock: whoever holds the device came before
 * its removal, which waits, or does not get it. */
bool lz_device_hold(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->group->lock);
	bool there = dev->presence == LZ_PRESENT;

	if (there)
		lz_fetch_add32(&dev->holds, 1);
	lz_spin_unlock(&dev->group->lock, flags);
	return there;
}

void lz_device_let(struct lz_device *dev)
{
	lz_fetch_add32(&dev->holds, UINT32_MAX);
}

static bool is_let(void *arg)
{
	return !lz_load32_acquire(arg);
}

static bool begin_removal(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->group->lock);
	bool first = dev->presence == LZ_PRESENT;

	if (first)
		lz_store8(&dev->presence, LZ_REMOVING);
	lz_spin_unlock(&dev->group->lock, flags);
	return first;
}

enum lz_status lz_device_remove(struct lz_device *dev)
{
	struct lz_gated g;
	bool done;

	if (!begin_removal(dev))
		return LZ_EBUSY;
	while (!lz_wait(dev->lz, is_let, &dev->holds, lz_now(dev->lz) + LZ_SEC(1)))
		;
	/* H20, H21: no report runs or is queued after this; the gate, which a
	 * report takes, is not held. H27: a cancelled run's reference is ours. */
	if (lz_work_disable(&dev->report_work))
		lz_device_put(dev);

	lz_gate_enter_always(dev->group, &g);
	lz_detach_all(g, dev);
	dev->reset_depth = 0;
	done = finish_removal(g, dev);
	lz_device_quiesce(g, dev);
	lz_gate_leave(g);
	if (!done) {
		dev->backoff = RETRY_REMOVAL; /* the report's, which is over */
		lz_work_queue(&dev->free_work, lz_now(dev->lz) + RETRY_REMOVAL);
		return LZ_OK;
	}
	lz_emit_device(dev, LZ_EV_REMOVED, LZ_OK, 0);
	lz_device_put(dev);
	return LZ_OK;
}

/* ---- owner ---- */

uint32_t lz_owner_enter(struct lz_device *dev)
{
	uint32_t outer = lz_load32(&dev->in_owner);

	lz_store32(&dev->in_owner, lz_context_id());
	return outer;
}

void lz_owner_leave(struct lz_device *dev, uint32_t outer)
{
	lz_store32(&dev->in_owner, outer);
}

static void accuse(struct lz_device *dev, enum lz_evidence evidence)
{
	uint32_t me = lz_context_id();

	/* H19, where the port can tell contexts apart. */
	lz_assert(!me || lz_load32(&dev->in_owner) != me);
	dev->iommu->ops->accuse(dev, evidence);
}

void lz_device_report_broken(struct lz_device *dev)
{
	accuse(dev, LZ_EVIDENCE_NAMED);
}

void lz_device_inject(struct lz_device *dev)
{
	accuse(dev, LZ_EVIDENCE_OPERATOR);
}

/* ---- asking ---- */

const char *lz_device_name(const struct lz_device *dev)
{
	return dev->name;
}

void *lz_device_user(const struct lz_device *dev)
{
	return dev->user;
}

struct lz_group *lz_device_group(const struct lz_device *dev)
{
	return dev->group;
}

bool lz_device_ats_active(const struct lz_device *dev)
{
	return lz_load8(&dev->ats_on) && lz_device_fence(dev) < LZ_FENCE_FENCING;
}

static const char *state_name(const struct lz_health *h)
{
	if (!LZ_CONFIG_NAMES)
		return "?";
	if (h->presence != LZ_PRESENT)
		return "removed";
	if (h->block & LZ_BLOCK_PERMANENT)
		return "failed permanently";
	if (h->reset_depth)
		return "resetting";
	if (h->block & LZ_BLOCK_RESET_FAILED)
		return "reset failed";
	if (h->block & LZ_BLOCK_BROKEN)
		return "broken";
	if (h->block & ~(uint32_t)LZ_BLOCK_RESET)
		return "blocked";
	if (h->block)
		return "resetting"; /* good reset, tables not written yet */
	if (h->degraded)
		return "degraded";
	if (h->fence >= LZ_FENCE_FENCING)
		return "broken";
	return h->fence == LZ_FENCE_SUSPECT ? "suspect" : "healthy";
}

void lz_device_health(const struct lz_device *dev, struct lz_health *out)
{
	*out = (struct lz_health){
		.fence = (enum lz_fence_state)lz_device_fence(dev),
		.block = lz_load32(&dev->block),
		.reset_depth = lz_load32(&dev->reset_depth),
		.presence = (enum lz_presence)lz_load8(&dev->presence),
		.generation = lz_load32(&dev->generation),
		.evidence = (enum lz_evidence)lz_load8(&dev->evidence),
		.timeouts = lz_load32(&dev->timeouts),
		.probes = lz_load32(&dev->n_probes),
		.fences = lz_load32(&dev->n_fences),
		.quarantines = lz_load32(&dev->n_quarantines),
		.recoveries = lz_load32(&dev->n_recoveries),
		.degraded = lz_load8(&dev->degraded),
	};
	out->state = state_name(out);
}
