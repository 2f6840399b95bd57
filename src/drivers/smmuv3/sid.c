/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stream id -> devices, sorted; looked up from the error path. A stream id has one
 * entry for each device that sends it, all of one group, and what they share.
 */
#include "core/gate.h"
#include "core/mem.h"
#include "drivers/smmuv3/smmu.h"

/* First index that is not below (`sid`, `sd`). [sid_lock] */
static uint32_t lower_bound(const struct lz_smmu *s, uint32_t sid, const struct lz_smmu_dev *sd)
{
	uint32_t lo = 0, hi = s->n_sids;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct lz_smmu_sid *e = &s->sids[mid];

		if (e->sid < sid || (e->sid == sid && (uintptr_t)e->sd < (uintptr_t)sd))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_at(const struct lz_smmu *s, uint32_t at, uint32_t sid)
{
	return at < s->n_sids && s->sids[at].sid == sid;
}

enum lz_status lz_smmu_sid_reserve(struct lz_smmu *s, uint32_t n)
{
	struct lz *lz = s->lz;
	struct lz_smmu_sid *bigger, *old;
	uint32_t room, old_room;
	unsigned long flags;

	flags = lz_spin_lock(&s->sid_lock);
	room = s->sids_room;
	bigger = s->n_sids + n <= room ? s->sids : NULL;
	lz_spin_unlock(&s->sid_lock, flags);
	if (bigger)
		return LZ_OK;

	room = room * 2 + n + 16;
	bigger = lz_mem_alloc(lz, room * sizeof(*bigger));
	if (!bigger)
		return LZ_ENOMEM;
	flags = lz_spin_lock(&s->sid_lock);
	old = s->sids;
	old_room = s->sids_room;
	if (old_room < room) {
		memcpy(bigger, old, s->n_sids * sizeof(*bigger));
		s->sids = bigger;
		s->sids_room = room;
	} else {
		old = bigger; /* somebody else was faster */
		old_room = room;
	}
	lz_spin_unlock(&s->sid_lock, flags);
	lz_mem_free(lz, old, old_room * sizeof(*old));
	return LZ_OK;
}

/* Who has the id as its own gets its invalidations. Without such a one it is who
 * came first: ids that no other device sends are all its own. [sid_lock] */
static bool claim_answers(struct lz_smmu *s, uint32_t sid, uint32_t at, bool own)
{
	if (!is_at(s, at, sid))
		return true;
	for (; own && is_at(s, at, sid); at++) {
		struct lz_smmu_dev *sd = s->sids[at].sd;

		for (unsigned i = 1; i < sd->dev->n_streams; i++)
			if (sd->dev->streams[i] == sid)
				(void)lz_fetch_and32(&sd->answers, ~(1u << i));
	}
	return own;
}

/* An id of another group's device, or this one's, leaves the index as it is (H61). */
static enum lz_status may_insert(struct lz_smmu *s, const struct lz_smmu_dev *sd, unsigned i)
{
	uint32_t sid = sd->dev->streams[i];
	uint32_t first = lower_bound(s, sid, NULL), at = lower_bound(s, sid, sd);

	if (is_at(s, first, sid) && s->sids[first].sd->dev->group != sd->dev->group)
		return LZ_EEXIST;
	if (is_at(s, at, sid) && s->sids[at].sd == sd)
		return LZ_EEXIST;
	/* No two functions have one id as their own: that is the same one again, whose
	 * removal is not finished. */
	for (uint32_t k = first; i == 0 && is_at(s, k, sid); k++)
		if (s->sids[k].sd->dev->streams[0] == sid)
			return LZ_EEXIST;
	return s->sids_room - s->n_sids < sd->dev->n_streams ? LZ_ENOMEM : LZ_OK;
}

static void insert_locked(struct lz_smmu *s, struct lz_smmu_dev *sd, unsigned i,
			  struct lz_smmu_stream *fresh)
{
	uint32_t sid = sd->dev->streams[i];
	uint32_t first = lower_bound(s, sid, NULL), at = lower_bound(s, sid, sd);

	sd->stream[i] = is_at(s, first, sid) ? s->sids[first].stream : fresh;
	sd->stream[i]->refs++;
	if (claim_answers(s, sid, first, i == 0))
		(void)lz_fetch_or32(&sd->answers, 1u << i);
	memmove(&s->sids[at + 1], &s->sids[at], (s->n_sids - at) * sizeof(*s->sids));
	s->sids[at] = (struct lz_smmu_sid){sid, sd, sd->stream[i]};
	s->n_sids++;
}

/* All in one step: whoever finds the device by one id may fence it, in all of them. */
enum lz_status lz_smmu_sid_insert(struct lz_smmu *s, struct lz_smmu_dev *sd)
{
	struct lz_smmu_stream *fresh[LZ_MAX_STREAMS] = {NULL};
	unsigned n = sd->dev->n_streams;
	enum lz_status st = LZ_OK;
	unsigned long flags;

	for (unsigned i = 0; i < n && st == LZ_OK; i++) {
		fresh[i] = lz_mem_alloc(s->lz, sizeof(*fresh[i]));
		st = fresh[i] ? LZ_OK : LZ_ENOMEM;
	}
	flags = lz_spin_lock(&s->sid_lock);
	for (unsigned i = 0; i < n && st == LZ_OK; i++)
		st = may_insert(s, sd, i);
	for (unsigned i = 0; i < n && st == LZ_OK; i++)
		insert_locked(s, sd, i, fresh[i]);
	lz_spin_unlock(&s->sid_lock, flags);
	for (unsigned i = 0; i < n; i++)
		if (sd->stream[i] != fresh[i])
			lz_mem_free(s->lz, fresh[i], sizeof(*fresh[i]));
	return st;
}

/* Takes out only what `sd` itself put in (H61). */
void lz_smmu_sid_remove(struct lz_smmu *s, uint32_t sid, struct lz_smmu_dev *sd)
{
	unsigned long flags = lz_spin_lock(&s->sid_lock);
	uint32_t at = lower_bound(s, sid, sd);

	if (is_at(s, at, sid) && s->sids[at].sd == sd) {
		s->n_sids--;
		memmove(&s->sids[at], &s->sids[at + 1], (s->n_sids - at) * sizeof(*s->sids));
	}
	lz_spin_unlock(&s->sid_lock, flags);
}

void lz_smmu_stream_put(struct lz_smmu *s, struct lz_smmu_stream *stream)
{
	unsigned long flags = lz_spin_lock(&s->sid_lock);
	bool last = stream && !--stream->refs;

	lz_spin_unlock(&s->sid_lock, flags);
	if (last)
		lz_mem_free(s->lz, stream, sizeof(*stream));
}

static bool answers_sid(const struct lz_smmu_dev *sd, uint32_t sid)
{
	for (unsigned i = 0; i < sd->dev->n_streams; i++)
		if (sd->dev->streams[i] == sid)
			return lz_smmu_answers(sd, i);
	return false;
}

struct lz_smmu_dev *lz_smmu_sid_get(struct lz_smmu *s, uint32_t sid,
				    const struct lz_smmu_dev *after)
{
	struct lz_smmu_dev *sd = NULL;
	unsigned long flags = lz_spin_lock(&s->sid_lock);
	uint32_t at = lower_bound(s, sid, after);

	if (is_at(s, at, sid) && s->sids[at].sd == after)
		at++;
	while (is_at(s, at, sid) && !answers_sid(s->sids[at].sd, sid))
		at++;
	if (is_at(s, at, sid)) {
		sd = s->sids[at].sd;
		lz_device_get(sd->dev);
	}
	lz_spin_unlock(&s->sid_lock, flags);
	return sd;
}

struct lz_smmu_dev *lz_smmu_sid_any(struct lz_smmu *s, uint32_t sid)
{
	struct lz_smmu_dev *sd = NULL;
	unsigned long flags = lz_spin_lock(&s->sid_lock);
	uint32_t at = lower_bound(s, sid, NULL);

	if (is_at(s, at, sid)) {
		sd = s->sids[at].sd;
		lz_device_get(sd->dev);
	}
	lz_spin_unlock(&s->sid_lock, flags);
	return sd;
}

struct lz_smmu_dev *lz_smmu_stream_heir(struct lz_smmu *s, uint32_t sid,
					const struct lz_smmu_dev *but)
{
	struct lz_smmu_dev *heir = NULL;
	unsigned long flags = lz_spin_lock(&s->sid_lock);

	for (uint32_t at = lower_bound(s, sid, NULL); is_at(s, at, sid) && !heir; at++)
		if (s->sids[at].sd != but && s->sids[at].sd->installed)
			heir = s->sids[at].sd;
	lz_spin_unlock(&s->sid_lock, flags);
	return heir;
}
