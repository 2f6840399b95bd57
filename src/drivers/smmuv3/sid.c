/* SPDX-License-Identifier: BSD-2-Clause */
/* Stream id -> device, sorted; looked up from the error path. */
#include "core/mem.h"
#include "drivers/smmuv3/smmu.h"

/* First index whose stream id is not below `sid`. [sid_lock] */
static uint32_t lower_bound(const struct lz_smmu *s, uint32_t sid)
{
	uint32_t lo = 0, hi = s->n_sids;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->sids[mid].sid < sid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
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

/* LZ_EEXIST leaves the index as it is (H61). */
enum lz_status lz_smmu_sid_insert(struct lz_smmu *s, uint32_t sid, struct lz_smmu_dev *sd)
{
	enum lz_status st = LZ_OK;
	unsigned long flags = lz_spin_lock(&s->sid_lock);
	uint32_t at = lower_bound(s, sid);

	if (at < s->n_sids && s->sids[at].sid == sid) {
		st = LZ_EEXIST;
	} else if (s->n_sids == s->sids_room) {
		st = LZ_ENOMEM;
	} else {
		memmove(&s->sids[at + 1], &s->sids[at], (s->n_sids - at) * sizeof(*s->sids));
		s->sids[at] = (struct lz_smmu_sid){sid, sd};
		s->n_sids++;
	}
	lz_spin_unlock(&s->sid_lock, flags);
	return st;
}

/* Takes out only what `sd` itself put in (H61). */
void lz_smmu_sid_remove(struct lz_smmu *s, uint32_t sid, struct lz_smmu_dev *sd)
{
	unsigned long flags = lz_spin_lock(&s->sid_lock);
	uint32_t at = lower_bound(s, sid);

	if (at < s->n_sids && s->sids[at].sid == sid && s->sids[at].sd == sd) {
		s->n_sids--;
		memmove(&s->sids[at], &s->sids[at + 1], (s->n_sids - at) * sizeof(*s->sids));
	}
	lz_spin_unlock(&s->sid_lock, flags);
}

struct lz_smmu_dev *lz_smmu_sid_get(struct lz_smmu *s, uint32_t sid)
{
	struct lz_smmu_dev *sd = NULL;
	unsigned long flags = lz_spin_lock(&s->sid_lock);
	uint32_t at = lower_bound(s, sid);

	if (at < s->n_sids && s->sids[at].sid == sid) {
		sd = s->sids[at].sd;
		lz_device_get(sd->dev);
	}
	lz_spin_unlock(&s->sid_lock, flags);
	return sd;
}
