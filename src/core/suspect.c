/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of suspects of an IOMMU. Whoever reads an error puts devices on it, in any
 * context, with the locks of its queue held; the work takes them off. The list's lock
 * is a leaf but for the fence lock, so a driver may have as many error locks as queues.
 */
#include "core/core.h"

/* A suspect from here on, if it is still the one that the evidence is about. *report: it
 * is fenced for something else, and `told` to be broken. */
static bool mark_suspect(struct lz_device *dev, const struct lz_accusation *a,
			 const struct lz_sync *failed, bool off, bool told, bool *report)
{
	const struct lz_fault_ops *ops = dev->iommu->ops->faults;
	unsigned long flags = lz_spin_lock(&dev->fence_lock);
	/* Evidence from before a reset, or from inside one, says nothing (H47, H86). */
	bool moved = dev->generation != a->gen || (a->gen & 1);
	bool fresh = !moved && dev->fence <= LZ_FENCE_SUSPECT && !dev->left;

	if (fresh && lz_contains(dev->lz))
		lz_fence_set_locked(dev, LZ_FENCE_SUSPECT);
	if (fresh && !off && !dev->noticed) {
		lz_accused_locked(dev);
		if (LZ_CONFIG_SNAPSHOT && ops->snapshot_before)
			ops->snapshot_before(dev, failed);
	}
	*report = told && !moved && lz_report_fenced_locked(dev, a->evidence);
	lz_spin_unlock(&dev->fence_lock, flags);
	if (moved)
		lz_count_stale(dev);
	return fresh;
}

static void enlist_locked(struct lz_suspects *s, struct lz_device *dev)
{
	lz_device_get(dev);
	dev->suspicion.listed = true;
	dev->suspicion.next = NULL;
	dev->suspicion.at = s->end;
	lz_store32(&dev->suspicion.probes_lost, 0);
	*s->end = dev;
	s->end = &dev->suspicion.next;
}

static void accuse(struct lz_device *dev, const struct lz_accusation *a,
		   const struct lz_sync *failed, bool told)
{
	struct lz_suspects *s = &dev->iommu->suspects;
	struct lz_suspicion *of = &dev->suspicion;
	/* Nobody asks who it was. */
	bool off = LZ_CONFIG_OBSERVE && lz_load32(&dev->lz->contain) == LZ_CONTAIN_OFF;
	unsigned long flags = lz_spin_lock(&s->lock);
	bool report, fresh = mark_suspect(dev, a, failed, off, told && !off, &report);

	if (fresh)
		lz_count32(&dev->timeouts);
	if (fresh && !off) {
		/* Who has been named already is not asked for the sake of one more
		 * doubt (G). */
		if (!of->listed || of->accusation.gen != a->gen || !of->accusation.evidence)
			of->accusation = *a;
		if (!of->listed) {
			enlist_locked(s, dev);
			lz_emit_device(dev, LZ_EV_SUSPECT, LZ_OK, 0);
		}
	}
	lz_spin_unlock(&s->lock, flags);
	if (report)
		lz_report_queue(dev, 0);
}

void lz_accuse(struct lz_device *dev, const struct lz_accusation *a, const struct lz_sync *failed)
{
	accuse(dev, a, failed, false);
}

void lz_accuse_told(struct lz_device *dev, enum lz_evidence evidence)
{
	struct lz_accusation a = {.gen = lz_load32(&dev->generation), .evidence = evidence};

	accuse(dev, &a, NULL, true);
	lz_iommu_kick(dev->iommu);
}

/* ---- from an error to whom it may be about ---- */

/* The generation a device had when the command was issued, or an odd one when it
 * has moved since. Whoever moves it stores `changed` first. */
static uint32_t generation_at(struct lz_device *dev, uint32_t seq)
{
	uint32_t gen = lz_load32_acquire(&dev->generation);

	return (int32_t)(lz_load32(&dev->changed) - seq) > 0 ? 1 : gen;
}

struct walk {
	struct lz_iommu *iommu;
	const struct lz_queue_error *e;
	bool count_only;
	enum lz_evidence evidence;
	const struct lz_device *last; /* compared only */
	unsigned different;
};

/* Whoever a command was for. */
static void walk_command(struct walk *w, const struct lz_unanswered *u)
{
	const struct lz_fault_ops *ops = w->iommu->ops->faults;
	struct lz_device *dev = NULL, *next;

	while ((next = ops->find(w->iommu, u->id, dev)) != NULL) {
		struct lz_accusation a = {
			.gen = generation_at(next, u->seq),
			.evidence = w->evidence,
			.has_command = true,
			.command = u->command,
			.queue = w->e->sync.queue,
		};

		if (dev)
			lz_device_put(dev);
		dev = next;
		w->different += dev != w->last;
		w->last = dev;
		if (!w->count_only)
			lz_accuse(dev, &a, &w->e->sync);
	}
	if (dev)
		lz_device_put(dev);
	else
		w->different++; /* gone: it may have been that one */
}

static unsigned walk(struct walk w)
{
	struct lz_unanswered u;
	uint64_t at = 0;

	while (w.iommu->ops->faults->next_unanswered(w.iommu, w.e, &at, &u))
		if (!w.e->named || u.id == w.e->id)
			walk_command(&w, &u);
	return w.different;
}

/* The slots have been used again, so what is known is the id: it is asked. */
static void accuse_by_id(struct lz_iommu *iommu, const struct lz_queue_error *e)
{
	const struct lz_fault_ops *ops = iommu->ops->faults;
	struct lz_device *dev = NULL, *next;

	while ((next = ops->find(iommu, e->id, dev)) != NULL) {
		struct lz_accusation a = {.gen = lz_load32(&next->generation),
					  .queue = e->sync.queue};

		if (dev)
			lz_device_put(dev);
		dev = next;
		lz_accuse(dev, &a, &e->sync);
	}
	if (dev)
		lz_device_put(dev);
}

/* One that is named is the one, whatever else is out; without a name a sole one is,
 * unless something older may have failed. Several may answer to one id (H13). */
unsigned lz_accuse_error(struct lz_iommu *iommu, const struct lz_queue_error *e)
{
	struct walk w = {.iommu = iommu, .e = e, .count_only = true};
	unsigned different = walk(w);

	w.count_only = false;
	if (e->told && different == 1 && (e->named || !e->carried))
		w.evidence = LZ_EVIDENCE_NAMED;
	(void)walk(w);
	if (e->named && !different)
		accuse_by_id(iommu, e);
	return different;
}

/* ---- looking ---- */

struct lz_device *lz_suspect_of(struct lz_iommu *iommu, const void *queue)
{
	unsigned long flags = lz_spin_lock(&iommu->suspects.lock);
	struct lz_device *dev = iommu->suspects.first;

	while (queue && dev && dev->suspicion.accusation.queue != queue)
		dev = dev->suspicion.next;
	if (dev)
		lz_device_get(dev);
	lz_spin_unlock(&iommu->suspects.lock, flags);
	return dev;
}

struct lz_device *lz_suspect_first(struct lz_iommu *iommu)
{
	return lz_suspect_of(iommu, NULL);
}

struct lz_device *lz_suspect_ready(struct lz_iommu *iommu)
{
	const struct lz_fault_ops *ops = iommu->ops->faults;
	unsigned long flags = lz_spin_lock(&iommu->suspects.lock);
	struct lz_device *dev = iommu->suspects.first;

	while (dev && ops->held(iommu, dev->suspicion.accusation.queue))
		dev = dev->suspicion.next;
	if (dev)
		lz_device_get(dev);
	lz_spin_unlock(&iommu->suspects.lock, flags);
	return dev;
}

bool lz_suspect_sends(struct lz_iommu *iommu, uint32_t id)
{
	unsigned long flags = lz_spin_lock(&iommu->suspects.lock);
	bool sends = false;

	for (struct lz_device *d = iommu->suspects.first; d && !sends; d = d->suspicion.next)
		for (unsigned i = 0; i < d->n_streams; i++)
			sends |= d->streams[i] == id;
	lz_spin_unlock(&iommu->suspects.lock, flags);
	return sends;
}

struct lz_accusation lz_accusation_of(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&dev->iommu->suspects.lock);
	struct lz_accusation a = dev->suspicion.accusation;

	lz_spin_unlock(&dev->iommu->suspects.lock, flags);
	return a;
}

/* ---- off the list ---- */

/* True: the list's reference is the caller's now. [suspects lock] */
static bool unlist_locked(struct lz_device *dev)
{
	struct lz_suspects *s = &dev->iommu->suspects;
	struct lz_suspicion *of = &dev->suspicion;

	lz_assert(lz_spin_held(&s->lock));
	if (!of->listed)
		return false;
	*of->at = of->next;
	if (of->next)
		of->next->suspicion.at = of->at;
	else
		s->end = of->at;
	of->listed = false;
	return true;
}

/* One that was reset and accused again meanwhile stays on the list: a suspect
 * that nobody looks at would be held for ever. */
void lz_suspect_drop(struct lz_device *dev, uint32_t gen)
{
	unsigned long flags = lz_spin_lock(&dev->iommu->suspects.lock);
	bool listed = dev->suspicion.accusation.gen == gen && unlist_locked(dev);

	lz_spin_unlock(&dev->iommu->suspects.lock, flags);
	if (listed)
		lz_device_put(dev);
}

bool lz_suspect_drop_stale(struct lz_device *dev)
{
	const struct lz_accusation *a = &dev->suspicion.accusation;
	unsigned long flags = lz_spin_lock(&dev->iommu->suspects.lock);
	unsigned long fence_flags = lz_spin_lock(&dev->fence_lock);
	bool moved = dev->generation != a->gen;
	bool stale = moved || dev->fence > LZ_FENCE_SUSPECT;
	/* Fenced for a sibling before anybody came to it (H13). */
	bool report = dev->suspicion.listed && !moved && lz_report_fenced_locked(dev, a->evidence);
	bool listed;

	lz_spin_unlock(&dev->fence_lock, fence_flags);
	listed = stale && unlist_locked(dev);
	lz_spin_unlock(&dev->iommu->suspects.lock, flags);
	if (report)
		lz_report_queue(dev, 0);
	if (listed && moved)
		lz_count_stale(dev);
	if (listed)
		lz_device_put(dev);
	return stale;
}

bool lz_suspect_free(struct lz_device *dev, uint32_t gen)
{
	unsigned long flags = lz_spin_lock(&dev->iommu->suspects.lock);
	bool listed = dev->suspicion.accusation.gen == gen && unlist_locked(dev);
	bool still = lz_fence_acquit(dev, gen);

	lz_spin_unlock(&dev->iommu->suspects.lock, flags);
	if (listed)
		lz_device_put(dev);
	return still;
}

/* Marked as gone before the list's lock is taken: whoever accuses looks under that
 * lock, so it comes before and is taken off again, or sees the mark (H25). */
void lz_suspect_leave(struct lz_device *dev)
{
	unsigned long flags;
	bool listed;

	lz_fence_leave(dev);
	flags = lz_spin_lock(&dev->iommu->suspects.lock);
	listed = unlist_locked(dev);
	lz_spin_unlock(&dev->iommu->suspects.lock, flags);
	if (listed)
		lz_device_put(dev);
}
