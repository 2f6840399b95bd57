/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What core and drivers share about a device that does not answer: what it is accused
 * of, how a driver asks it and fences it, and what the core offers for that. Part of
 * core/driver.h; docs/NEW_DRIVER.md goes through it in order.
 *
 *   core    who is a suspect, settle, probe, verdict; rounds of a fence; generations
 *   driver  how an error is read, what a sync is, what switches ATS off, and how that
 *           becomes effective
 */
#ifndef LZ_CORE_FAULTS_H
#define LZ_CORE_FAULTS_H

#include "core/arch.h"
#include "lazaret/device.h"

struct lz_iommu;

/* A sync that was issued: the driver's queue object, and the position in it. */
struct lz_sync {
	void *queue;
	uint64_t pos;
};

/* A command as the driver writes it; the core only keeps it. */
struct lz_command {
	uint64_t w[2];
};

/* What has become of a sync. */
enum lz_answer {
	LZ_ANSWER_NONE,	   /* it is still out */
	LZ_ANSWER_OK,	   /* everything before it is done and was answered */
	LZ_ANSWER_FAILED,  /* an invalidation of its own batch was not answered */
	LZ_ANSWER_UNCLEAR, /* it failed, but maybe for something older or somebody else's */
	LZ_ANSWER_LOST,	   /* there will never be one: a restart has dropped it */
	LZ_ANSWER_REFUSED, /* nothing is translated any more, or the batch is illegal */
};

/*
 * An error that says "not answered", as the driver has read it before it cleared
 * anything (H73), or a sync that stands still without one. The span are the commands
 * that it may be about: what stands between the sync and the one before; where one
 * error takes several syncs with it, what stands in front of all of them (H68).
 */
struct lz_queue_error {
	struct lz_sync sync; /* the span ends before it */
	uint64_t first;	     /* position in the queue: the span begins here at the earliest */
	bool told;	     /* by the hardware */
	bool carried;	     /* what stands in front of the span may be out too */
	bool named;	     /* the hardware says whose it was: `id`, and only that one's */
	uint32_t id;
};

/* A command of its span that waits for a device. */
struct lz_unanswered {
	uint32_t id;  /* that it was sent to */
	uint32_t seq; /* lz.resets when it was issued (H86) */
	struct lz_command command;
};

/* What the hardware can say, beside what each error says. Constant. */
struct lz_fault_traits {
	bool queues_apart;    /* a queue's errors are never about what another one sent */
	bool tells_elsewhere; /* a sync may succeed before its error can be seen (H72) */
	lz_ns timeout_ns;     /* how long it waits for a device; 0: unknown */
};

/* What a suspect is accused of. */
struct lz_accusation {
	uint32_t gen;		   /* the device's, of the evidence */
	enum lz_evidence evidence; /* NONE: it has to be found out */
	bool has_command;
	struct lz_command command; /* what it did not answer */
	void *queue;		   /* where; NULL: nowhere in particular */
};

/* ---- what the core asks of a driver ---- */

struct lz_fault_ops {
	/* Asking. Task context, from the work or with the device's gate held.
	 * *deadline: until when there may be waited for room; 0 is filled in, with
	 * sync_bound, when it is first needed. LZ_OK: issued; LZ_ETIMEDOUT: no room. */

	/* One batch that the device has to answer: the command it is accused of, unless
	 * that is NULL, and an invalidation of everything for each id whose
	 * invalidations it answers. Decided and published in one read section:
	 * LZ_EBUSY when its fence is beyond suspect (H60). */
	enum lz_status (*probe_send)(struct lz_device *dev, const struct lz_command *accused,
				     void *queue, struct lz_sync *sync, lz_ns *deadline);
	/* A sync with nothing in front of it, in the queue that a probe for an
	 * accusation from `queue` goes to. */
	enum lz_status (*settle_send)(struct lz_iommu *iommu, void *queue, struct lz_sync *sync,
				      lz_ns *deadline);
	/* That one has succeeded: nothing older is out in its queue any more. */
	void (*settled)(struct lz_iommu *iommu, const struct lz_sync *sync);
	/* Waits for a sync until *deadline. */
	enum lz_answer (*await)(struct lz_iommu *iommu, const struct lz_sync *sync,
				lz_ns *deadline);
	/* Does the queue stand at an error that is left for the ladder? Any context. */
	bool (*held)(struct lz_iommu *iommu, void *queue);
	/* The next command of the error's span that waits for a device; *at is 0 at
	 * first, and the driver's. False: no more. The command is still as it was
	 * issued, however long ago. [what the driver holds when it accuses] */
	bool (*next_unanswered)(struct lz_iommu *iommu, const struct lz_queue_error *e,
				uint64_t *at, struct lz_unanswered *out);
	/* The first who answers invalidations of the id, or the next one `after` another,
	 * with a reference (H25, H53), or NULL. Any context. */
	struct lz_device *(*find)(struct lz_iommu *iommu, uint32_t id,
				  const struct lz_device *after);
	/* Takes in what hardware tells elsewhere than in the queue; needed with
	 * `tells_elsewhere`, else NULL. Any context. */
	void (*look_elsewhere)(struct lz_iommu *iommu);

	/* Fencing. Task context unless said otherwise. */

	/* Whoever decided before, in a read section, to send the device an
	 * invalidation has published it. */
	void (*grace)(struct lz_iommu *iommu);
	/* ATS off in each entry of the device (H49), not with effect yet.
	 * [fence_lock] */
	void (*ats_off)(struct lz_device *dev);
	/* Each entry of the device aborts, but for those that others live in. True:
	 * the device has said that it caches nothing. Gate held. */
	bool (*close)(struct lz_device *dev);
	/* What stands in the device's entries is in effect with LZ_OK: a sync after
	 * the change has succeeded. Never enters identification (H65). */
	enum lz_status (*push_config)(struct lz_device *dev);
	/* Does ATS off in an entry stop translated requests now (H75)? */
	bool (*fence_counts)(struct lz_iommu *iommu);
	/* One more (+1) or one fewer (-1) of those whose fence keeps ATS off in the
	 * device's entries, for entries that devices share. May be NULL. [fence_lock] */
	void (*closed)(struct lz_device *dev, int by);

	/* When no sync of a queue succeeds: rungs of climb.c. In the work, which waits
	 * at most sync_bound a few times in each. */

	/* Where the queue stands, as a position; whether nothing waits in it. */
	uint64_t (*head)(struct lz_iommu *iommu, void *queue, bool *empty);
	/* The ladder begins: tells LZ_EV_QUEUE_STALLED. `accuse`: no error has told
	 * anything, so lz_accuse_error() for what the sync in progress waits for. */
	void (*stands)(struct lz_iommu *iommu, void *queue, bool accuse);
	/* The error that is held goes on to be an error like any other. */
	void (*let_go)(struct lz_iommu *iommu, void *queue);
	/* LZ_OK: proven by a later sync. NULL: the hardware may not read an entry again. */
	enum lz_status (*rewrite)(struct lz_iommu *iommu, void *queue);
	/* LZ_OK: proven. LZ_ETIMEDOUT may mean that it has begun: producers stay locked
	 * out, and try_again() goes on with it. */
	enum lz_status (*restart)(struct lz_iommu *iommu, void *queue);
	/* The rest of a restart that has begun, or the error let pass once more, the next
	 * one being held at once. True: proven, it works again. */
	bool (*try_again)(struct lz_iommu *iommu, void *queue);
	/* Nothing is translated any more: iommu.dead is set with LZ_OK. */
	enum lz_status (*abort_all)(struct lz_iommu *iommu);

	/* Evidence. May be NULL. */

	/* What queue and entry look like, into dev->snapshot; `failed`: the sync that
	 * failed, or NULL. Any context. [suspects, fence_lock, and whatever the driver
	 * held when it accused] */
	void (*snapshot_before)(struct lz_device *dev, const struct lz_sync *failed);
	/* The entry with the fence in effect. [fence_lock] */
	void (*snapshot_after)(struct lz_device *dev);
};

/* ---- parts of the core's objects ---- */

enum lz_engine_state { LZ_ENGINE_IDLE, LZ_ENGINE_SETTLE, LZ_ENGINE_PROBE };

/* In struct lz_iommu. */
struct lz_suspects {
	struct lz_spinlock lock;
	struct lz_device *first; /* by suspicion.next, each with a reference; [lock] */
	struct lz_device **end;	 /* the last `next`; [lock] */
	/* The engine: in the work only. */
	enum lz_engine_state state;
	void *queue;		   /* that is settled, or being settled */
	struct lz_device *probing; /* with a reference */
	uint32_t probing_gen;
	struct lz_sync sync; /* of the settle or probe that is out */
	bool waiting;
};

/* In struct lz_device. */
struct lz_suspicion {
	struct lz_device *next, **at; /* [suspects lock], as all of this */
	bool listed;
	struct lz_accusation accusation;
	uint32_t probes_lost; /* since it was accused; atomic */
};

/* A question of the core's own; [gate]. */
enum lz_own_state {
	LZ_OWN_NONE,
	LZ_OWN_NO_ROOM, /* for the sync that goes in front of it */
	LZ_OWN_WAITS,	/* for that sync */
	LZ_OWN_OUT,	/* its answer is out */
};
struct lz_own_probe {
	enum lz_own_state state;
	uint32_t gen;
	struct lz_sync sync;
};

enum lz_ladder_state {
	LZ_LADDER_NONE,
	LZ_LADDER_REWRITE,
	LZ_LADDER_RESTART,
	LZ_LADDER_FUNCTION_OFF,
	LZ_LADDER_ABORT,
	LZ_LADDER_EXHAUSTED,
};

/* One per queue, where the driver keeps it. Zero at first; in the work only. */
struct lz_ladder {
	enum lz_ladder_state state;
	uint32_t retry;	     /* a reset succeeded: try the queue again; atomic, anybody's */
	lz_ns last_progress; /* since when it stands still, not empty; 0 it does not */
	uint64_t last_head;
	lz_ns next_try;
};

/* ---- suspect.c: who is accused ---- */

/* Puts a device on the list of suspects, unless the evidence is of before a reset
 * (H47). The caller has a reference or the gate. Any context; locks below the
 * suspects' may be held. */
void lz_accuse(struct lz_device *dev, const struct lz_accusation *a, const struct lz_sync *failed);
/* The operation `accuse`: somebody says that it is broken. */
void lz_accuse_told(struct lz_device *dev, enum lz_evidence evidence);
/* Accuses whoever an error may be about: who is named; else everybody in its span, and
 * a sole one is named when the hardware has told. Any context; with the lock held that
 * keeps the span as it is. How many different ones there are. */
unsigned lz_accuse_error(struct lz_iommu *iommu, const struct lz_queue_error *e);
/* In one piece. */
struct lz_accusation lz_accusation_of(struct lz_device *dev);
/* The first on the list, with a reference of the caller's, or NULL. */
struct lz_device *lz_suspect_first(struct lz_iommu *iommu);
/* The first that is accused in `queue`; NULL: in any. */
struct lz_device *lz_suspect_of(struct lz_iommu *iommu, const void *queue);
/* The first whose queue is not held. */
struct lz_device *lz_suspect_ready(struct lz_iommu *iommu);
/* Is the id one of a suspect? */
bool lz_suspect_sends(struct lz_iommu *iommu, uint32_t id);
/* Off the list, unless it has been accused again in another generation. */
void lz_suspect_drop(struct lz_device *dev, uint32_t gen);
/* The device is out of the driver's index of ids: nobody accuses it from here on, and
 * its fence counts no more. Gate held. */
void lz_suspect_leave(struct lz_device *dev);

/* ---- identify.c: who it was; in the work ---- */

/* Works through the suspects, about sync_bound long. False: there is more to do, at
 * *again. */
bool lz_identify(struct lz_iommu *iommu, lz_ns *again);
/* Forgets the probe that is out: its sync will never say anything. */
void lz_identify_end(struct lz_iommu *iommu);
/* A sync has just succeeded in `queue`, and nothing older is out there. */
void lz_identify_settled(struct lz_iommu *iommu, void *queue);
/* Nothing is translated any more: every fence is in effect, and who it was is no
 * question. In the work. */
void lz_settle_dead(struct lz_iommu *iommu);
/* The operation `probe`. */
enum lz_status lz_probe(struct lz_device *dev);
/* The answer to it is not heard any more: should one be out, it is no evidence, and
 * lz_probe() asks anew. Gate held. */
void lz_probe_forget(struct lz_device *dev);

/* ---- climb.c: when no sync succeeds; in the work ---- */

/* Of one queue. True while it cannot be used; *again: when to call at the latest. */
bool lz_ladder(struct lz_iommu *iommu, void *queue, struct lz_ladder *l, lz_ns *again);
/* The operation `abort`; and carries it out: true, it is done. */
void lz_abort_order(struct lz_iommu *iommu);
bool lz_abort_ordered(struct lz_iommu *iommu);
/* The rung `function`, for a driver that has a ladder of its own: suspects of one queue,
 * or of all (NULL). */
void lz_rung_functions_off(struct lz_iommu *iommu, const void *queue);
/* A rung was tried; `dev` NULL: for all. */
void lz_rung_tell(struct lz_iommu *iommu, struct lz_device *dev, enum lz_rung rung,
		  enum lz_status st);

/* ---- fence.c ---- */

/* Every change of a fence state. [fence_lock] */
void lz_fence_set_locked(struct lz_device *dev, enum lz_fence_state f);
/* Fences a device for what it did in generation `gen`. LZ_OK: with effect;
 * LZ_ETIMEDOUT: not yet, the work goes on; LZ_EBUSY: not the one it was. Task. */
enum lz_status lz_fence(struct lz_device *dev, uint32_t gen, enum lz_evidence evidence);
/* A suspect is open again; false: it is no suspect of that generation. */
bool lz_fence_acquit(struct lz_device *dev, uint32_t gen);
/* The operations `block` and `unfence`. */
enum lz_status lz_fence_block(struct lz_device *dev);
void lz_fence_lift(struct lz_device *dev);
/* Makes fences effective that could not be (H52). In the work. */
void lz_fence_retry(struct lz_iommu *iommu);
/* The device needs no block of translated requests at the port above any more. */
void lz_port_unblock(struct lz_device *dev);

#endif
