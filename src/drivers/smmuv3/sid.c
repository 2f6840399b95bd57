/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stream id -> devices; looked up from the error path. What the devices that send an id
 * share of it is a node of a tree over the bits of ids: it holds an id itself, and those
 * below it branch by the bit of its depth, highest first. So at most 33 nodes are looked
 * at, however many ids there are, and putting one in takes no memory and moves nothing.
 * All who send an id are of one group, in a list sorted by address.
 */
#include "core/gate.h"
#include "drivers/smmuv3/smmu.h"

/* Where the node of an id hangs, or would. [sid_lock] */
static struct lz_smmu_stream **link_of(struct lz_smmu *s, uint32_t sid)
{
	struct lz_smmu_stream **p = &s->streams;

	for (uint32_t bit = 1u << 31; *p && (*p)->sid != sid; bit >>= 1)
		p = &(*p)->child[(sid & bit) != 0];
	return p;
}

static struct lz_smmu_sender *senders_of(struct lz_smmu *s, uint32_t sid)
{
	const struct lz_smmu_stream *st = *link_of(s, sid);

	return st ? st->senders : NULL;
}

/* Some leaf below it takes its place: that one has the same bits above. [sid_lock] */
static void take_out(struct lz_smmu_stream **link)
{
	struct lz_smmu_stream *st = *link, **p = link, *leaf;

	while ((*p)->child[0] || (*p)->child[1])
		p = &(*p)->child[(*p)->child[0] ? 0 : 1];
	leaf = *p;
	*p = NULL;
	if (leaf == st)
		return;
	leaf->child[0] = st->child[0];
	leaf->child[1] = st->child[1];
	*link = leaf;
}

/* Who has the id as its own gets its invalidations. Without such a one it is who
 * came first: ids that no other device sends are all its own. [sid_lock] */
static bool claim_answers(struct lz_smmu_sender *others, uint32_t sid, bool own)
{
	if (!others)
		return true;
	for (; own && others; others = others->next) {
		struct lz_smmu_dev *sd = others->sd;

		for (unsigned i = 1; i < sd->dev->n_streams; i++)
			if (sd->dev->streams[i] == sid)
				(void)lz_fetch_and32(&sd->answers, ~(1u << i));
	}
	return own;
}

/* An id of another group's device, or this one's, leaves the index as it is (H61). No
 * two functions have one id as their own: that is the same one again, whose removal is
 * not finished. */
static enum lz_status may_insert(struct lz_smmu *s, const struct lz_smmu_dev *sd, unsigned i)
{
	uint32_t sid = sd->dev->streams[i];

	for (const struct lz_smmu_sender *o = senders_of(s, sid); o; o = o->next)
		if (o->sd->dev->group != sd->dev->group || o->sd == sd ||
		    (i == 0 && o->sd->dev->streams[0] == sid))
			return LZ_EEXIST;
	return LZ_OK;
}

static void insert_locked(struct lz_smmu *s, struct lz_smmu_dev *sd, unsigned i,
			  struct lz_smmu_stream *fresh)
{
	uint32_t sid = sd->dev->streams[i];
	struct lz_smmu_stream **link = link_of(s, sid), *st = *link ? *link : fresh;
	struct lz_smmu_sender **p = &st->senders;

	st->sid = sid;
	st->refs++;
	if (claim_answers(st->senders, sid, i == 0))
		(void)lz_fetch_or32(&sd->answers, 1u << i);
	while (*p && (uintptr_t)(*p)->sd < (uintptr_t)sd)
		p = &(*p)->next;
	sd->sender[i] = (struct lz_smmu_sender){sd, *p};
	*p = &sd->sender[i];
	*link = st;
	sd->stream[i] = st;
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
	struct lz_smmu_stream **link = link_of(s, sid);
	struct lz_smmu_sender **p = *link ? &(*link)->senders : NULL;

	while (p && *p && (*p)->sd != sd)
		p = &(*p)->next;
	if (p && *p)
		*p = (*p)->next;
	if (*link && !(*link)->senders)
		take_out(link);
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
	unsigned long flags = lz_spin_lock(&s->sid_lock);
	const struct lz_smmu_sender *o = senders_of(s, sid);
	struct lz_smmu_dev *sd = NULL;

	while (o && ((uintptr_t)o->sd <= (uintptr_t)after || !answers_sid(o->sd, sid)))
		o = o->next;
	if (o) {
		sd = o->sd;
		lz_device_get(sd->dev);
	}
	lz_spin_unlock(&s->sid_lock, flags);
	return sd;
}

struct lz_smmu_dev *lz_smmu_sid_any(struct lz_smmu *s, uint32_t sid)
{
	unsigned long flags = lz_spin_lock(&s->sid_lock);
	const struct lz_smmu_sender *o = senders_of(s, sid);
	struct lz_smmu_dev *sd = NULL;

	if (o) {
		sd = o->sd;
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

	for (const struct lz_smmu_sender *o = senders_of(s, sid); o && !heir; o = o->next)
		if (o->sd != but && o->sd->installed)
			heir = o->sd;
	lz_spin_unlock(&s->sid_lock, flags);
	return heir;
}
