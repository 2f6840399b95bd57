/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requester id -> devices that send it (H13); looked up from the error path. For any
 * driver. All who send an id are of one group. Its own is a device's first id; under
 * others it sends as well, and somebody else may have that as its own.
 */
#ifndef LZ_DRIVERS_SENDERS_H
#define LZ_DRIVERS_SENDERS_H

#include "core/driver.h"

struct lz_sending;

struct lz_sender {
	struct lz_sending *of;
	struct lz_sender *next;
};

/* An id, with all devices that send it: the first part of what a driver has of it. */
struct lz_stream {
	uint32_t id;
	uint32_t refs;		    /* [lock] */
	struct lz_stream *child[2]; /* of the index; [lock] */
	struct lz_sender *senders;  /* by address; [lock] */
};

/* What a device sends; part of what a driver has of it. */
struct lz_sending {
	struct lz_device *dev;
	struct lz_stream *stream[LZ_MAX_STREAMS];
	struct lz_sender sender[LZ_MAX_STREAMS]; /* in them; [lock] */
	uint32_t answers; /* bits of streams whose invalidations are its (atomic) */
};

struct lz_streams {
	struct lz *lz;
	size_t bytes; /* of a driver's stream; zeroed at first */
	struct lz_spinlock lock;
	struct lz_stream *root; /* [lock] */
};

void lz_streams_init(struct lz_streams *x, struct lz *lz, size_t bytes,
		     const struct lz_lock_class *class);
/* All of the device's ids, or none. LZ_EEXIST: another group's device, or this one, has
 * one (H61); LZ_ENOMEM. Gate of the group held. */
enum lz_status lz_streams_insert(struct lz_streams *x, struct lz_sending *s);
/* Only what it has put in itself (H61). The streams stay its own until the put. */
void lz_streams_remove(struct lz_streams *x, struct lz_sending *s);
void lz_streams_put(struct lz_streams *x, struct lz_sending *s);
/* The first who answers invalidations of the id, or the next one `after` another, with a
 * reference (H25, H53), or NULL. Any context. */
struct lz_device *lz_streams_answering(struct lz_streams *x, uint32_t id,
				       const struct lz_sending *after);
/* Some device that sends it, with a reference, or NULL. Any context. */
struct lz_device *lz_streams_any(struct lz_streams *x, uint32_t id);
/* Another one that sends it and `fits`; NULL. Gate of the group held. */
struct lz_sending *lz_streams_other(struct lz_streams *x, uint32_t id, const struct lz_sending *but,
				    bool (*fits)(const struct lz_sending *s));

static inline bool lz_answers(const struct lz_sending *s, unsigned i)
{
	return lz_load32(&s->answers) >> i & 1;
}
/* Is the id one whose invalidations are the device's? */
bool lz_answers_id(const struct lz_sending *s, uint32_t id);

#endif
