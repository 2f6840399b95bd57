/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command queue and its driver without any real architecture, in front of the fake
 * driver's tables: for what other hardware does than the drivers that exist. Its kind
 * says what happens when a device does not answer an invalidation in time:
 *
 *   RING_ABORTS     the queue stops, and each sync that is out is aborted, whoever
 *                   it is of (H68); a register names one device, or 0
 *   RING_ELSEWHERE  the sync succeeds; an event in another ring names the device (H72)
 */
#ifndef CORE_RING_H
#define CORE_RING_H

#include "tests/unit/core/bench.h"

#define RING_SLOTS  256u
#define RING_EVENTS 4u

enum ring_kind { RING_ABORTS, RING_ELSEWHERE };
enum ring_op { RING_INV, RING_CONFIG, RING_SYNC };

/* What the driver knows of a sync that did not simply succeed. */
enum ring_mark { RING_CLEAR, RING_FAILED, RING_UNCLEAR, RING_LOST, RING_JUDGED };

struct ring_cmd {
	enum ring_op op;
	uint32_t id, seq;
	struct lz_domain *dom; /* NULL: everything of the device */
	lz_iova start, end;
	uint64_t first;	     /* of its batch */
	uint64_t sync;	     /* of its batch */
	enum ring_mark mark; /* of a sync; [lock] */
	/* The hardware's. */
	lz_ns until; /* an invalidation: answered or timed out then */
	bool silent, over, done, aborted;
};

struct ring {
	struct fake *fake;
	struct lz_iommu_ops ops;
	struct lz_spinlock lock; /* error lock of the queue */
	enum ring_kind kind;
	bool names;	     /* a device, by its id */
	lz_ns timeout;	     /* of an invalidation */
	lz_ns latency;	     /* of one that is answered */
	uint64_t head, tail; /* next to fetch, next free */
	struct ring_cmd cmd[RING_SLOTS];
	/* What has been told: a register, or events. */
	bool error;
	uint32_t named;
	struct {
		uint32_t id;
		uint64_t pos;
	} event[RING_EVENTS];
	unsigned n_events, room; /* room for events */
	bool overflow;
	bool ats[FAKE_DEVICES]; /* in the entries */
	/* With a ladder: no sync completes while `stands`; what restarts it. */
	bool climbs, stands, restarts;
	struct lz_ladder ladder;
	unsigned n_restarts, n_tries;
	unsigned n_probes, n_settles, n_repeats;
	bool stop;
};

extern struct ring ring;

/* In place of the fake driver's way with faults, at the beginning of a body. */
void ring_start(enum ring_kind kind, bool names, lz_ns timeout);
void ring_stop(void);
/* The error of an invalidation of the device that was issued at `seq` (lz.resets). */
void ring_tell(struct lz_device *dev, uint32_t seq);
/* The same when its command is not in the ring any more. */
void ring_tell_name(struct lz_device *dev);
/* Makes progress up to now. */
void ring_step(struct ring *r);
#endif
