/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who was it? A failed sync accuses its unsettled set. One member: it is the
 * one. Several: settle, that is wait until a lone sync succeeds (H83), then one
 * probe per suspect; a suspect is exonerated by a fresh positive completion and
 * by nothing else (H50, H51, H78).
 *
 * A probe repeats the very command that was not answered and then invalidates
 * everything: a device that answers some ranges only fails it too.
 *
 * Runs in the work, one at a time. A step that has to wait longer than
 * sync_bound leaves its sync outstanding and looks again later: with a hardware
 * timeout of a minute that is the normal case (H81).
 */
#include "drivers/smmuv3/smmu.h"
#include "pci/pci.h"

#define PROBES_LOST_MAX 2u

/* ---- the list of suspects ---- */

struct lz_smmu_dev *lz_smmu_suspect_first(struct lz_smmu *s)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);
	struct lz_smmu_dev *sd = s->accused;

	if (sd)
		lz_device_get(sd->dev);
	lz_spin_unlock(&s->err_lock, flags);
	return sd;
}

struct lz_smmu_accusation lz_smmu_accusation_of(struct lz_smmu_dev *sd)
{
	unsigned long flags = lz_spin_lock(&sd->smmu->err_lock);
	struct lz_smmu_accusation a = sd->accusation;

	lz_spin_unlock(&sd->smmu->err_lock, flags);
	return a;
}

/* True when the list's reference is the caller's now. [err_lock] */
static bool unlist_locked(struct lz_smmu *s, struct lz_smmu_dev *sd)
{
	struct lz_smmu_dev **p = &s->accused;

	lz_assert(lz_spin_held(&s->err_lock));
	if (!sd->accused)
		return false;
	while (*p != sd)
		p = &(*p)->accused_next;
	*p = sd->accused_next;
	sd->accused = false;
	return true;
}

/* One that was reset and accused again meanwhile stays on the list: a suspect
 * that nobody looks at would be held for ever. */
void lz_smmu_suspect_drop(struct lz_smmu *s, struct lz_smmu_dev *sd, uint32_t gen)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);
	bool listed = sd->accusation.gen == gen && unlist_locked(s, sd);

	lz_spin_unlock(&s->err_lock, flags);
	if (listed)
		lz_device_put(sd->dev);
}

void lz_smmu_suspect_forget(struct lz_smmu *s, struct lz_smmu_dev *sd)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);
	bool listed = unlist_locked(s, sd);

	lz_spin_unlock(&s->err_lock, flags);
	if (listed)
		lz_device_put(sd->dev);
}

/* Reset since it was accused (H47), or fenced by somebody else. Decided under
 * the lock that accusing takes. */
static bool drop_stale(struct lz_smmu *s, struct lz_smmu_dev *sd)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);
	bool moved = lz_load32(&sd->dev->generation) != sd->accusation.gen;
	bool stale = moved || lz_load8(&sd->dev->fence) > LZ_FENCE_SUSPECT;
	bool listed = stale && unlist_locked(s, sd);

	lz_spin_unlock(&s->err_lock, flags);
	if (listed && moved)
		lz_count_stale(sd->dev);
	if (listed)
		lz_device_put(sd->dev);
	return stale;
}

/* An operator or another part of the system says so: no probe. */
void lz_smmu_accuse(struct lz_device *dev, enum lz_evidence evidence)
{
	struct lz_smmu_dev *sd = lz_smmu_dev_of(dev);
	struct lz_smmu *s = sd->smmu;
	unsigned long flags = lz_spin_lock(&s->err_lock);
	struct lz_smmu_accusation a = {
		.gen = lz_load32(&dev->generation),
		.evidence = evidence,
		.cmd = {{lz_smmu_cmd_atc0(dev->streams[0], 0), SMMU_ATC1_ALL}},
	};

	lz_smmu_accuse_locked(&s->cmdq, sd, &a, SMMU_NO_BATCH);
	lz_spin_unlock(&s->err_lock, flags);
	lz_iommu_kick(&s->iommu);
}

/* ---- verdicts ---- */

/* Back to open, if it is still the accused that it was. In one step with the list:
 * a suspect that nobody looks at would be held for ever. */
static bool set_free(struct lz_smmu *s, struct lz_smmu_dev *sd, uint32_t gen)
{
	unsigned long flags = lz_spin_lock(&s->err_lock);
	bool listed = sd->accusation.gen == gen && unlist_locked(s, sd);
	bool still = lz_smmu_acquit(sd, gen);

	lz_spin_unlock(&s->err_lock, flags);
	if (listed)
		lz_device_put(sd->dev);
	return still;
}

static void exonerate(struct lz_smmu *s, struct lz_smmu_dev *sd, uint32_t gen)
{
	struct lz_device *dev = sd->dev;

	if (set_free(s, sd, gen)) {
		lz_count32(&dev->n_exonerations);
		lz_count64(&s->iommu.n.exonerations);
		lz_emit_device(dev, LZ_EV_EXONERATED, LZ_OK, 0);
	}
}

void lz_smmu_acquit_all(struct lz_smmu *s)
{
	struct lz_smmu_dev *sd;

	while ((sd = lz_smmu_suspect_first(s)) != NULL) {
		uint32_t gen = lz_smmu_accusation_of(sd).gen;

		(void)lz_smmu_acquit(sd, gen);
		lz_smmu_suspect_drop(s, sd, gen);
		lz_device_put(sd->dev);
	}
}

static void convict(struct lz_smmu *s, struct lz_smmu_dev *sd, uint32_t gen,
		    enum lz_evidence evidence)
{
	enum lz_status st;

	if (!lz_contains(s->lz)) {
		lz_report_broken(sd->dev, gen, evidence);
		(void)set_free(s, sd, gen); /* accused when it was still contained */
		return;
	}
	/* Not in effect yet: the device stays fencing, its memory in custody,
	 * and work() tries again; it is broken all the same (H52). It stays
	 * listed where the ladder is about to look for suspects (H84). */
	st = lz_smmu_fence(sd, gen, evidence);
	if (st != LZ_ETIMEDOUT || !lz_load32(&s->cmdq.held_error))
		lz_smmu_suspect_drop(s, sd, gen);
	if (st == LZ_EBUSY)
		return; /* reset meanwhile: the evidence is void, custody stays (H87) */
	lz_report_broken(sd->dev, gen, evidence);
}

/* ---- probes ---- */

/* One for each id whose invalidations it answers. */
static uint32_t flush_commands(struct lz_smmu_dev *sd, struct lz_smmu_cmd *cmd, uint32_t ssid)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < sd->dev->n_streams; i++)
		if (lz_smmu_answers(sd, i))
			cmd[n++] = (struct lz_smmu_cmd){
				{lz_smmu_cmd_atc0(sd->dev->streams[i], ssid), SMMU_ATC1_ALL}};
	return n;
}

static uint32_t probe_commands(struct lz_smmu_dev *sd, struct lz_smmu_cmd *cmd,
			       const struct lz_smmu_cmd *accused)
{
	uint32_t n = 0;

	/* A very small queue has room for the one that matters only. */
	if (accused && sd->dev->n_streams < sd->smmu->cmdq.guard)
		cmd[n++] = *accused;
	return n + flush_commands(sd, cmd + n, 0);
}

/* ATC_INVs of one device in one batch, as those of an unmap. LZ_ELIMIT: no room. */
static enum lz_status try_atc(struct lz_smmu_dev *sd, const struct lz_smmu_cmd *cmd, uint32_t n,
			      struct lz_sync *sync)
{
	struct lz_smmu *s = sd->smmu;
	struct lz_smmu_queue *q = &s->cmdq;
	unsigned long flags;
	uint64_t pos;

	if (lz_smmu_queue_reserve(q, n + 1, &pos, &flags) != LZ_OK)
		return LZ_ELIMIT;
	lz_store32(&q->slot_seq[(pos + n) & q->mask], lz_load32(&s->lz->resets));
	for (uint32_t i = 0; i < n; i++)
		lz_smmu_queue_write(q, pos + i, cmd[i]);
	lz_smmu_queue_write(q, pos + n, lz_smmu_cmd_sync());
	lz_smmu_queue_publish(q, pos, n + 1, flags);
	*sync = (struct lz_sync){q, pos + n};
	return LZ_OK;
}

/* LZ_EBUSY: its fence is beyond `most`. Decided and published in one read section,
 * which fence and reset wait for: none is sent to who is fenced (H60). */
static enum lz_status submit_atc(struct lz_smmu_dev *sd, const struct lz_smmu_cmd *cmd, uint32_t n,
				 struct lz_sync *sync, lz_ns *deadline, enum lz_fence_state most)
{
	enum lz_status st;

	do {
		struct lz_epoch_section section = lz_epoch_enter(&sd->smmu->readers);

		st = lz_load8_acquire(&sd->dev->fence) > most ? LZ_EBUSY
							      : try_atc(sd, cmd, n, sync);
		lz_epoch_leave(&sd->smmu->readers, section);
		if (st != LZ_ELIMIT)
			return st;
		st = lz_smmu_queue_wait_room(&sd->smmu->cmdq, n + 1, deadline);
	} while (st == LZ_OK);
	return st;
}

static enum lz_status submit_probe(struct lz_smmu_dev *sd, const struct lz_smmu_cmd *accused,
				   struct lz_sync *sync, lz_ns *deadline)
{
	struct lz_smmu_cmd cmd[LZ_MAX_STREAMS + 1];
	uint32_t n = probe_commands(sd, cmd, accused);
	enum lz_status st = submit_atc(sd, cmd, n, sync, deadline, LZ_FENCE_SUSPECT);

	if (st == LZ_OK) {
		lz_count32(&sd->dev->n_probes);
		lz_count64(&sd->smmu->iommu.n.probes);
	}
	return st;
}

enum lz_status lz_smmu_atc_flush(struct lz_smmu_dev *sd, uint32_t ssid)
{
	struct lz_smmu_cmd cmd[LZ_MAX_STREAMS];
	lz_ns deadline = 0;
	enum lz_status st;
	struct lz_sync sync;

	st = submit_atc(sd, cmd, flush_commands(sd, cmd, ssid), &sync, &deadline, LZ_FENCE_OPEN);
	if (st == LZ_OK) {
		st = lz_smmu_sync_wait(sync, &deadline);
		if (st == LZ_ETIMEDOUT)
			lz_smmu_queue_abandon(sync.queue, sync.pos);
	}
	return st;
}

/*
 * A clean completion of a device whose config space says ATS off means that it
 * answered "unsupported request": nothing was invalidated, and it proves
 * nothing (H76).
 */
static enum lz_status believe(struct lz_smmu_dev *sd, enum lz_status st)
{
	struct lz_device *dev = sd->dev;

	if (st != LZ_OK || !dev->pci || lz_pci_ats_enabled(dev->pci))
		return st;
	/* ats_on is cleared before, and set after, config space changes. */
	return lz_load8(&dev->ats_on) && !lz_pci_ats_enabled(dev->pci) ? LZ_EIO : LZ_OK;
}

/* A sync that failed while ATC_INVs of an overwritten one were still out says
 * nothing about the probe in front of it. */
static bool says_nothing(struct lz_sync sync, enum lz_status st)
{
	return st == LZ_EIO && lz_smmu_queue_get_mark(sync.queue, sync.pos) == SMMU_MARK_CARRIED;
}

/*
 * For the core, after a reset. One whose answer is still out is not repeated:
 * on hardware with a long timeout each would cost everybody that long. Asked
 * again, the core gets what has become of it. One of an earlier generation has
 * to go first: each reset may let a single one of them go, and with one more for
 * each reset the queue would never be free of them.
 */
static bool earlier_is_out(struct lz_smmu_dev *sd, uint32_t gen)
{
	lz_ns deadline = 0;

	return sd->own_probe && sd->own_probe_gen != gen &&
	       lz_smmu_sync_wait(sd->own_probe_sync, &deadline) == LZ_ETIMEDOUT &&
	       lz_smmu_sync_look(sd->own_probe_sync) == LZ_EBUSY;
}

enum lz_status lz_smmu_probe_device(struct lz_device *dev)
{
	struct lz_smmu_dev *sd = lz_smmu_dev_of(dev);
	uint32_t gen = lz_load32(&dev->generation);
	bool again = sd->own_probe && sd->own_probe_gen == gen;
	lz_ns deadline = again ? lz_now(dev->lz) : 0;
	enum lz_status st;

	if (lz_smmu_dead(sd->smmu))
		return LZ_ENODEV;
	if (earlier_is_out(sd, gen))
		return LZ_ETIMEDOUT;
	if (!again) {
		lz_emit_device(dev, LZ_EV_PROBE, LZ_OK, 0);
		st = submit_probe(sd, NULL, &sd->own_probe_sync, &deadline);
		if (st == LZ_EBUSY) /* found broken again */
			return LZ_EIO;
		sd->own_probe = st == LZ_OK;
		sd->own_probe_gen = gen;
		if (st != LZ_OK)
			return st;
	}
	st = lz_smmu_sync_wait(sd->own_probe_sync, &deadline);
	if (st != LZ_ETIMEDOUT || lz_smmu_sync_look(sd->own_probe_sync) != LZ_EBUSY)
		sd->own_probe = false;
	if (says_nothing(sd->own_probe_sync, st))
		return LZ_ETIMEDOUT;
	return believe(sd, st);
}

/* ---- the engine ---- */

/* Waits for the outstanding sync, at most sync_bound. LZ_EBUSY: later. */
static enum lz_status await_sync(struct lz_smmu *s)
{
	lz_ns deadline = 0;
	enum lz_status st = lz_smmu_sync_wait(s->id.sync, &deadline);

	if (st == LZ_ETIMEDOUT && lz_smmu_sync_look(s->id.sync) == LZ_EBUSY)
		return LZ_EBUSY;
	s->id.waiting = false;
	return st;
}

static enum lz_status settle(struct lz_smmu *s)
{
	lz_ns deadline = 0;
	enum lz_status st;

	if (!s->id.waiting) {
		st = lz_smmu_sync_submit(&s->cmdq, &s->id.sync, &deadline);
		if (st != LZ_OK)
			return LZ_EBUSY;
		s->id.waiting = true;
	}
	st = await_sync(s);
	if (st == LZ_OK) {
		unsigned long flags = lz_spin_lock(&s->err_lock);

		s->cmdq.carry = false;
		lz_spin_unlock(&s->err_lock, flags);
	}
	return st;
}

static void probe_begin(struct lz_smmu *s, struct lz_smmu_dev *sd)
{
	struct lz_smmu_accusation a = lz_smmu_accusation_of(sd);
	lz_ns deadline = 0;

	s->id.probing_gen = a.gen;
	if (submit_probe(sd, &a.cmd, &s->id.sync, &deadline) != LZ_OK)
		return;
	lz_device_get(sd->dev);
	s->id.probing = sd;
	s->id.waiting = true;
	lz_emit_device(sd->dev, LZ_EV_PROBE, LZ_OK, 0);
}

static void probe_end(struct lz_smmu *s, enum lz_status st)
{
	struct lz_smmu_dev *sd = s->id.probing;
	uint32_t gen = s->id.probing_gen;

	st = says_nothing(s->id.sync, st) ? LZ_EBUSY : believe(sd, st);
	s->id.probing = NULL;
	/* LZ_ETIMEDOUT: its sync was dropped by a restart; probed again later. A
	 * queue that stands still at each probe of it will not say more (F). */
	if (st == LZ_OK)
		exonerate(s, sd, gen);
	else if (st == LZ_EIO)
		convict(s, sd, gen, LZ_EVIDENCE_PROBED);
	else if (st == LZ_ETIMEDOUT && lz_fetch_add32(&sd->probes_lost, 1) + 1 >= PROBES_LOST_MAX)
		convict(s, sd, gen, LZ_EVIDENCE_ASSUMED);
	s->id.state = st == LZ_OK ? SMMU_ID_PROBE : SMMU_ID_SETTLE;
	lz_device_put(sd->dev);
}

/* Suspects that need no probe. Returns whether one was dealt with. */
static bool without_probe(struct lz_smmu *s, struct lz_smmu_dev *sd)
{
	struct lz_smmu_accusation a = lz_smmu_accusation_of(sd);

	if (drop_stale(s, sd))
		return true;
	if (a.evidence != LZ_EVIDENCE_NONE) {
		convict(s, sd, a.gen, a.evidence);
		return true;
	}
	if (lz_load32(&s->lz->identify) == LZ_IDENTIFY_ASSUME) {
		convict(s, sd, a.gen, LZ_EVIDENCE_ASSUMED);
		return true;
	}
	return false;
}

/* One step; false when it has to be continued later. */
static bool step(struct lz_smmu *s, struct lz_smmu_dev *sd)
{
	enum lz_status st;

	if (s->id.probing) {
		st = await_sync(s);
		if (st == LZ_EBUSY)
			return false;
		probe_end(s, st);
		return true;
	}
	if (without_probe(s, sd))
		return true;
	if (s->id.state != SMMU_ID_PROBE) {
		st = settle(s);
		if (st == LZ_OK)
			s->id.state = SMMU_ID_PROBE;
		return st == LZ_OK || st == LZ_EIO;
	}
	probe_begin(s, sd);
	return s->id.probing;
}

void lz_smmu_identify_end(struct lz_smmu *s)
{
	if (s->id.probing)
		lz_device_put(s->id.probing->dev);
	s->id.probing = NULL;
	s->id.waiting = false;
	s->id.state = SMMU_ID_IDLE;
}

/* Works through the suspects; false when there is more to do later. Each step may
 * bring another one, so one call is bounded by time (F). */
bool lz_smmu_identify(struct lz_smmu *s, lz_ns *again)
{
	lz_ns until = lz_now(s->lz) + s->lz->cfg.sync_bound;

	for (;;) {
		struct lz_smmu_dev *sd = lz_smmu_suspect_first(s);
		bool more;

		if (!sd && !s->id.probing) {
			s->id.state = SMMU_ID_IDLE;
			return true;
		}
		more = !lz_load32(&s->cmdq.held_error) && step(s, sd ? sd : s->id.probing);
		if (sd)
			lz_device_put(sd->dev);
		if (!more || lz_now(s->lz) >= until) {
			*again = lz_now(s->lz) + LZ_MS(1);
			return false;
		}
	}
}
