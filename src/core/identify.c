/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who was it? A failed sync accuses whoever it waited for. One alone, or one that the
 * hardware names: it is the one. Several: settle, that is wait until a lone sync
 * succeeds (H83), then one probe per suspect; a suspect is exonerated by a fresh
 * positive completion and by nothing else (H50, H51, H78).
 *
 * A probe repeats the very command that was not answered and then invalidates
 * everything: a device that answers some ranges only fails it too.
 *
 * Runs in the work, one at a time. A step that has to wait longer than
 * sync_bound leaves its sync outstanding and looks again later: with a hardware
 * timeout of a minute that is the normal case (H81).
 */
#include "core/core.h"
#include "pci/pci.h"

#define PROBES_LOST_MAX 2u
#define AGAIN_NS	LZ_MS(1)

static const struct lz_fault_ops *ops_of(const struct lz_iommu *iommu)
{
	return iommu->ops->faults;
}

/* ---- verdicts ---- */

static void exonerate(struct lz_device *dev, uint32_t gen)
{
	if (lz_suspect_free(dev, gen)) {
		lz_count32(&dev->n_exonerations);
		lz_count64(&dev->iommu->n.exonerations);
		lz_emit_device(dev, LZ_EV_EXONERATED, LZ_OK, 0);
	}
}

/* Nobody is a suspect any more. */
static void acquit_all(struct lz_iommu *iommu)
{
	struct lz_device *dev;

	while ((dev = lz_suspect_first(iommu)) != NULL) {
		uint32_t gen = lz_accusation_of(dev).gen;

		(void)lz_fence_acquit(dev, gen);
		lz_suspect_drop(dev, gen);
		lz_device_put(dev);
	}
}

static void convict(struct lz_device *dev, const struct lz_accusation *a, enum lz_evidence evidence)
{
	enum lz_status st;

	if (!lz_contains(dev->lz)) {
		lz_report_broken(dev, a->gen, evidence);
		(void)lz_suspect_free(dev, a->gen); /* accused when it was still contained */
		return;
	}
	/* Not in effect yet: the device stays fencing, its memory in custody,
	 * and the work tries again; it is broken all the same (H52). It stays
	 * listed where the ladder is about to look for suspects (H84). */
	st = lz_fence(dev, a->gen, evidence);
	if (st != LZ_ETIMEDOUT || !ops_of(dev->iommu)->held(dev->iommu, a->queue))
		lz_suspect_drop(dev, a->gen);
	if (st == LZ_EBUSY)
		return; /* reset meanwhile: the evidence is void, custody stays (H87) */
	lz_report_broken(dev, a->gen, evidence);
}

/* ---- probes ---- */

/* What has become of a sync, all rings looked at. */
static enum lz_answer await(struct lz_iommu *iommu, const struct lz_sync *sync, lz_ns *deadline)
{
	enum lz_answer is = ops_of(iommu)->await(iommu, sync, deadline);
	lz_ns once;

	if (is != LZ_ANSWER_OK || !iommu->traits.tells_elsewhere)
		return is;
	/* H72: what failed has been told by now; taking it in marks the sync. */
	ops_of(iommu)->look_elsewhere(iommu);
	once = lz_now(iommu->lz);
	return ops_of(iommu)->await(iommu, sync, &once);
}

static enum lz_status probe_send(struct lz_device *dev, const struct lz_accusation *a,
				 struct lz_sync *sync, lz_ns *deadline)
{
	/* The core's own question goes where it has been settled before. */
	enum lz_status st = ops_of(dev->iommu)
				    ->probe_send(dev, a && a->has_command ? &a->command : NULL,
						 a ? a->queue : sync->queue, sync, deadline);

	if (st == LZ_OK) {
		lz_count32(&dev->n_probes);
		lz_count64(&dev->iommu->n.probes);
	}
	return st;
}

/*
 * A clean completion of a device whose config space says ATS off means that it
 * answered "unsupported request": nothing was invalidated, and it proves
 * nothing (H76).
 */
static enum lz_answer believe(struct lz_device *dev, enum lz_answer is)
{
	if (is != LZ_ANSWER_OK || !dev->pci || lz_pci_ats_enabled(dev->pci))
		return is;
	/* ats_on is cleared before, and set after, config space changes. */
	return lz_load8(&dev->ats_on) && !lz_pci_ats_enabled(dev->pci) ? LZ_ANSWER_FAILED
								       : LZ_ANSWER_OK;
}

/*
 * Does the queue move? What is asked of a device in one that stands is sent whenever
 * it moves on, perhaps while the device is in its next reset (H60): there it is lost,
 * and on hardware that tells nothing the queue stands for it until a reset after that.
 * With many devices waiting, each reset would take it from one lost request to the
 * next, and it would never be free (F). So a lone sync goes first. Asked again in the
 * same generation, the core does not wait for it any more.
 */
static bool is_our_turn(struct lz_device *dev, uint32_t gen, lz_ns *deadline)
{
	const struct lz_fault_ops *ops = ops_of(dev->iommu);
	struct lz_own_probe *own = &dev->own_probe;
	bool again = own->gen == gen && own->state != LZ_OWN_NONE;

	if (again)
		*deadline = lz_now(dev->lz);
	if (!again || own->state == LZ_OWN_NO_ROOM)
		own->state = ops->settle_send(dev->iommu, NULL, &own->sync, deadline) == LZ_OK
				     ? LZ_OWN_WAITS
				     : LZ_OWN_NO_ROOM;
	own->gen = gen;
	if (own->state == LZ_OWN_NO_ROOM ||
	    ops->await(dev->iommu, &own->sync, deadline) == LZ_ANSWER_NONE)
		return false;
	own->state = LZ_OWN_NONE;
	if (again)
		*deadline = 0;
	return true;
}

static enum lz_status own_answer(struct lz_device *dev, lz_ns *deadline)
{
	enum lz_answer is = await(dev->iommu, &dev->own_probe.sync, deadline);

	dev->own_probe.state = is == LZ_ANSWER_NONE ? LZ_OWN_OUT : LZ_OWN_NONE;
	switch (believe(dev, is)) {
	case LZ_ANSWER_OK:
		return LZ_OK;
	case LZ_ANSWER_FAILED:
		return LZ_EIO;
	case LZ_ANSWER_REFUSED:
		return LZ_ENODEV;
	case LZ_ANSWER_NONE:
	case LZ_ANSWER_UNCLEAR:
	case LZ_ANSWER_LOST:
		break;
	}
	return LZ_ETIMEDOUT;
}

/*
 * For the core, after a reset. One whose answer is still out is not repeated: on
 * hardware with a long timeout each would cost everybody that long. Asked again, the
 * core gets what has become of it.
 */
enum lz_status lz_probe(struct lz_device *dev)
{
	struct lz_own_probe *own = &dev->own_probe;
	uint32_t gen = lz_load32(&dev->generation);
	bool again = own->state == LZ_OWN_OUT && own->gen == gen;
	lz_ns deadline = again ? lz_now(dev->lz) : 0;
	enum lz_status st = LZ_OK;

	if (lz_iommu_dead(dev->iommu))
		return LZ_ENODEV;
	if (!again) {
		if (!is_our_turn(dev, gen, &deadline))
			return LZ_ETIMEDOUT;
		lz_emit_device(dev, LZ_EV_PROBE, LZ_OK, 0);
		st = probe_send(dev, NULL, &own->sync, &deadline);
		if (st == LZ_EBUSY) /* found broken again */
			return LZ_EIO;
	}
	return st == LZ_OK ? own_answer(dev, &deadline) : st;
}

/* As a reset would do with what was sent before it; the device's generation is as it was
 * (generation_at() in suspect.c). */
void lz_probe_forget(struct lz_device *dev)
{
	unsigned long flags;

	if (dev->own_probe.state != LZ_OWN_OUT)
		return;
	dev->own_probe.state = LZ_OWN_NONE;
	flags = lz_spin_lock(&dev->fence_lock);
	lz_store32(&dev->changed, lz_fetch_add32(&dev->lz->resets, 1) + 1);
	lz_spin_unlock(&dev->fence_lock, flags);
}

/* ---- the engine ---- */

/* Waits for the outstanding sync, at most sync_bound. */
static enum lz_answer await_sync(struct lz_iommu *iommu)
{
	lz_ns deadline = 0;
	enum lz_answer is = await(iommu, &iommu->suspects.sync, &deadline);

	iommu->suspects.waiting = is == LZ_ANSWER_NONE;
	return is;
}

/* True: it has been decided whether the queue is settled. */
static bool settle(struct lz_iommu *iommu, void *queue)
{
	struct lz_suspects *s = &iommu->suspects;
	lz_ns deadline = 0;
	enum lz_answer is;

	if (!s->waiting || s->queue != queue) {
		if (ops_of(iommu)->settle_send(iommu, queue, &s->sync, &deadline) != LZ_OK)
			return false;
		s->queue = queue;
		s->waiting = true;
	}
	is = await_sync(iommu);
	if (is == LZ_ANSWER_OK) {
		ops_of(iommu)->settled(iommu, &s->sync);
		s->state = LZ_ENGINE_PROBE;
	}
	return is == LZ_ANSWER_OK || is == LZ_ANSWER_FAILED || is == LZ_ANSWER_UNCLEAR;
}

static void probe_begin(struct lz_device *dev)
{
	struct lz_suspects *s = &dev->iommu->suspects;
	struct lz_accusation a = lz_accusation_of(dev);
	lz_ns deadline = 0;

	s->probing_gen = a.gen;
	if (probe_send(dev, &a, &s->sync, &deadline) != LZ_OK)
		return;
	lz_device_get(dev);
	s->probing = dev;
	s->waiting = true;
	lz_emit_device(dev, LZ_EV_PROBE, LZ_OK, 0);
}

/* Whoever would not wait for the verdict any longer may have seen to it that the answer
 * is not heard (H70): then nothing has been proved. */
static enum lz_evidence failed_on(struct lz_device *dev, uint32_t gen)
{
	struct lz_accusation now = lz_accusation_of(dev);

	return now.gen == gen && now.evidence == LZ_EVIDENCE_ASSUMED ? LZ_EVIDENCE_ASSUMED
								     : LZ_EVIDENCE_PROBED;
}

static void probe_end(struct lz_iommu *iommu, enum lz_answer is)
{
	struct lz_suspects *s = &iommu->suspects;
	struct lz_device *dev = s->probing;
	struct lz_accusation of = {.gen = s->probing_gen, .queue = s->sync.queue};

	is = believe(dev, is);
	s->probing = NULL;
	/* Lost: its sync was dropped by a restart; probed again later. A queue that
	 * stands still at each probe of it will not say more (F). */
	if (is == LZ_ANSWER_OK)
		exonerate(dev, of.gen);
	else if (is == LZ_ANSWER_FAILED)
		convict(dev, &of, failed_on(dev, of.gen));
	else if (is == LZ_ANSWER_LOST &&
		 lz_fetch_add32(&dev->suspicion.probes_lost, 1) + 1 >= PROBES_LOST_MAX)
		convict(dev, &of, LZ_EVIDENCE_ASSUMED);
	s->state = is == LZ_ANSWER_OK ? LZ_ENGINE_PROBE : LZ_ENGINE_SETTLE;
	lz_device_put(dev);
}

/* Suspects that need no probe. Returns whether one was dealt with. */
static bool without_probe(struct lz_device *dev, const struct lz_accusation *a)
{
	/* Reset since it was accused (H47), or fenced by somebody else. */
	if (lz_suspect_drop_stale(dev))
		return true;
	if (a->evidence != LZ_EVIDENCE_NONE) {
		convict(dev, a, a->evidence);
		return true;
	}
	if (lz_load32(&dev->lz->identify) == LZ_IDENTIFY_ASSUME) {
		convict(dev, a, LZ_EVIDENCE_ASSUMED);
		return true;
	}
	return false;
}

/* One step; false when it has to be continued later. */
static bool step(struct lz_iommu *iommu, struct lz_device *dev)
{
	struct lz_suspects *s = &iommu->suspects;
	struct lz_accusation a;

	if (s->probing) {
		enum lz_answer is = await_sync(iommu);

		if (is == LZ_ANSWER_NONE)
			return false;
		probe_end(iommu, is);
		return true;
	}
	a = lz_accusation_of(dev);
	if (without_probe(dev, &a))
		return true;
	if (s->state != LZ_ENGINE_PROBE || s->queue != a.queue)
		return settle(iommu, a.queue);
	probe_begin(dev);
	return s->probing;
}

void lz_identify_end(struct lz_iommu *iommu)
{
	struct lz_suspects *s = &iommu->suspects;

	if (s->probing)
		lz_device_put(s->probing);
	s->probing = NULL;
	s->waiting = false;
	s->state = LZ_ENGINE_IDLE;
}

void lz_settle_dead(struct lz_iommu *iommu)
{
	lz_identify_end(iommu);
	acquit_all(iommu);
	lz_fence_retry(iommu);
}

void lz_identify_settled(struct lz_iommu *iommu, void *queue)
{
	struct lz_suspects *s = &iommu->suspects;

	s->waiting = s->probing;
	s->queue = queue;
	s->state = LZ_ENGINE_PROBE;
}

/* Nobody is left, or only such that a queue's ladder deals with. */
static bool is_over(struct lz_iommu *iommu)
{
	struct lz_device *dev = lz_suspect_first(iommu);

	if (dev)
		lz_device_put(dev);
	else
		lz_identify_end(iommu); /* a settle that is out says nothing later (H83) */
	return true;
}

static bool is_held(struct lz_iommu *iommu)
{
	struct lz_suspects *s = &iommu->suspects;

	return s->probing && ops_of(iommu)->held(iommu, s->sync.queue);
}

/* Works through the suspects; false when there is more to do later. Each step may
 * bring another one, so one call is bounded by time (F). */
bool lz_identify(struct lz_iommu *iommu, lz_ns *again)
{
	lz_ns until = lz_now(iommu->lz) + iommu->lz->cfg.sync_bound;

	for (;;) {
		struct lz_device *dev = lz_suspect_ready(iommu);
		bool more;

		if (!dev && !iommu->suspects.probing)
			return is_over(iommu);
		more = !is_held(iommu) && step(iommu, dev);
		if (dev)
			lz_device_put(dev);
		if (!more || lz_now(iommu->lz) >= until) {
			*again = lz_now(iommu->lz) + AGAIN_NS;
			return false;
		}
	}
}
