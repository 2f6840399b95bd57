/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The index is a tree over the bits of ids: a node holds an id itself, and those below
 * it branch by the bit of its depth, highest first. So at most 33 nodes are looked at,
 * however many ids there are, and putting one in takes no memory and moves nothing.
 */
#include "drivers/common/senders.h"

void lz_streams_init(struct lz_streams *x, struct lz *lz, size_t bytes,
		     const struct lz_lock_class *class)
{
	x->lz = lz;
	x->bytes = bytes;
	lz_spin_init(&x->lock, class);
}

/* Where the node of an id hangs, or would. [lock] */
static struct lz_stream **link_of(struct lz_streams *x, uint32_t id)
{
	struct lz_stream **p = &x->root;

	for (uint32_t bit = 1u << 31; *p && (*p)->id != id; bit >>= 1)
		p = &(*p)->child[(id & bit) != 0];
	return p;
}

static struct lz_sender *senders_of(struct lz_streams *x, uint32_t id)
{
	const struct lz_stream *st = *link_of(x, id);

	return st ? st->senders : NULL;
}

/* Some leaf below it takes its place: that one has the same bits above. [lock] */
static void take_out(struct lz_stream **link)
{
	struct lz_stream *st = *link, **p = link, *leaf;

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

/* Who has the id as its own gets its invalidations. Without such a one it is who came
 * first: ids that no other device sends are all its own. [lock] */
static bool claim_answers(struct lz_sender *others, uint32_t id, bool own)
{
	if (!others)
		return true;
	for (; own && others; others = others->next) {
		struct lz_sending *s = others->of;

		for (unsigned i = 1; i < s->dev->n_streams; i++)
			if (s->dev->streams[i] == id)
				(void)lz_fetch_and32(&s->answers, ~(1u << i));
	}
	return own;
}

/* An id of another group's device, or this one's, leaves the index as it is (H61). No
 * two functions have one id as their own: that is the same one again, whose removal is
 * not finished. */
static enum lz_status may_insert(struct lz_streams *x, const struct lz_sending *s, unsigned i)
{
	uint32_t id = s->dev->streams[i];

	for (const struct lz_sender *o = senders_of(x, id); o; o = o->next)
		if (o->of->dev->group != s->dev->group || o->of == s ||
		    (i == 0 && o->of->dev->streams[0] == id))
			return LZ_EEXIST;
	return LZ_OK;
}

static void insert_locked(struct lz_streams *x, struct lz_sending *s, unsigned i,
			  struct lz_stream *fresh)
{
	uint32_t id = s->dev->streams[i];
	struct lz_stream **link = link_of(x, id), *st = *link ? *link : fresh;
	struct lz_sender **p = &st->senders;

	st->id = id;
	st->refs++;
	if (claim_answers(st->senders, id, i == 0))
		(void)lz_fetch_or32(&s->answers, 1u << i);
	while (*p && (uintptr_t)(*p)->of < (uintptr_t)s)
		p = &(*p)->next;
	s->sender[i] = (struct lz_sender){s, *p};
	*p = &s->sender[i];
	*link = st;
	s->stream[i] = st;
}

/* In one step: whoever finds the device by one id may fence it, in all of them. */
enum lz_status lz_streams_insert(struct lz_streams *x, struct lz_sending *s)
{
	struct lz_stream *fresh[LZ_MAX_STREAMS] = {NULL};
	unsigned n = s->dev->n_streams;
	enum lz_status st = LZ_OK;
	unsigned long flags;

	for (unsigned i = 0; i < n && st == LZ_OK; i++) {
		fresh[i] = lz_mem_alloc(x->lz, x->bytes);
		st = fresh[i] ? LZ_OK : LZ_ENOMEM;
	}
	flags = lz_spin_lock(&x->lock);
	for (unsigned i = 0; i < n && st == LZ_OK; i++)
		st = may_insert(x, s, i);
	for (unsigned i = 0; i < n && st == LZ_OK; i++)
		insert_locked(x, s, i, fresh[i]);
	lz_spin_unlock(&x->lock, flags);
	for (unsigned i = 0; i < n; i++)
		if (s->stream[i] != fresh[i])
			lz_mem_free(x->lz, fresh[i], x->bytes);
	return st;
}

static void remove_one(struct lz_streams *x, uint32_t id, struct lz_sending *s)
{
	unsigned long flags = lz_spin_lock(&x->lock);
	struct lz_stream **link = link_of(x, id);
	struct lz_sender **p = *link ? &(*link)->senders : NULL;

	while (p && *p && (*p)->of != s)
		p = &(*p)->next;
	if (p && *p)
		*p = (*p)->next;
	if (*link && !(*link)->senders)
		take_out(link);
	lz_spin_unlock(&x->lock, flags);
}

void lz_streams_remove(struct lz_streams *x, struct lz_sending *s)
{
	for (unsigned i = 0; i < s->dev->n_streams; i++)
		remove_one(x, s->dev->streams[i], s);
}

void lz_streams_put(struct lz_streams *x, struct lz_sending *s)
{
	for (unsigned i = 0; i < s->dev->n_streams; i++) {
		struct lz_stream *st = s->stream[i];
		unsigned long flags = lz_spin_lock(&x->lock);
		bool last = st && !--st->refs;

		lz_spin_unlock(&x->lock, flags);
		if (last)
			lz_mem_free(x->lz, st, x->bytes);
	}
}

bool lz_answers_id(const struct lz_sending *s, uint32_t id)
{
	for (unsigned i = 0; i < s->dev->n_streams; i++)
		if (s->dev->streams[i] == id)
			return lz_answers(s, i);
	return false;
}

static struct lz_device *get(struct lz_streams *x, uint32_t id, const struct lz_sending *after,
			     bool answering)
{
	unsigned long flags = lz_spin_lock(&x->lock);
	const struct lz_sender *o = senders_of(x, id);
	struct lz_device *dev = NULL;

	while (o &&
	       ((uintptr_t)o->of <= (uintptr_t)after || (answering && !lz_answers_id(o->of, id))))
		o = o->next;
	if (o) {
		dev = o->of->dev;
		lz_device_get(dev);
	}
	lz_spin_unlock(&x->lock, flags);
	return dev;
}

struct lz_device *lz_streams_answering(struct lz_streams *x, uint32_t id,
				       const struct lz_sending *after)
{
	return get(x, id, after, true);
}

struct lz_device *lz_streams_any(struct lz_streams *x, uint32_t id)
{
	return get(x, id, NULL, false);
}

struct lz_sending *lz_streams_other(struct lz_streams *x, uint32_t id, const struct lz_sending *but,
				    bool (*fits)(const struct lz_sending *s))
{
	struct lz_sending *other = NULL;
	unsigned long flags = lz_spin_lock(&x->lock);

	for (const struct lz_sender *o = senders_of(x, id); o && !other; o = o->next)
		if (o->of != but && fits(o->of))
			other = o->of;
	lz_spin_unlock(&x->lock, flags);
	return other;
}
