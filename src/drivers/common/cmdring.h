/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command ring in memory that hardware consumes in order: many producers, no lock.
 * For any driver; cmdring.c explains it. The steps that every unmap takes are here,
 * inline.
 */
#ifndef LZ_DRIVERS_CMDRING_H
#define LZ_DRIVERS_CMDRING_H

#include "core/driver.h"

#define LZ_RING_FROZEN	  (1ull << 63) /* in tail: producers are locked out */
#define LZ_RING_BATCH_MAX 64u	       /* commands of one reservation, sync included */
#define LZ_RING_GUARD_MAX 63u
#define LZ_RING_WORDS	  2u  /* 64-bit words of a command */
#define LZ_RING_LINE	  64u /* a cache line; where they are longer, rates suffer, nothing else */

#define LZ_RARE(x)  __builtin_expect(!!(x), 0)
#define LZ_USUAL(x) __builtin_expect(!!(x), 1)

/* What became of a sync; stored per slot with the position (H29, H30). */
enum lz_mark {
	LZ_MARK_NONE,
	LZ_MARK_TIMEOUT,   /* hardware said here: an ATC invalidation was not answered */
	LZ_MARK_ILLEGAL,   /* a command it covers was refused */
	LZ_MARK_DROPPED,   /* commands before it may not have been carried out */
	LZ_MARK_FAILED,	   /* overwritten, or dropped by a restart (H94, H96) */
	LZ_MARK_ABANDONED, /* its issuer's patience ended first */
	LZ_MARK_CARRIED,   /* as TIMEOUT, but older ATC invalidations were out too */
	LZ_MARK_DOUBT,	   /* another ring told of a timeout that may be of its commands */
};
#define LZ_MARK_BITS 3u

/* Which command it is, by its first word. */
enum lz_ring_kind {
	LZ_RING_OTHER,
	LZ_RING_SYNC,
	LZ_RING_ATC, /* *id: the requester it was sent to */
};

struct lz_ring;

/* What differs between the queues of drivers. */
struct lz_ring_ops {
	/* How far the hardware is, as a position; moves the shadow on. */
	uint64_t (*head)(struct lz_ring *r);
	/* Step 3: [pos, next) is written; in order, see lz_ring_turn(). */
	void (*post)(struct lz_ring *r, uint64_t pos, uint64_t next);
	/* Waits until `n` slots are free, taking in errors; LZ_ETIMEDOUT, LZ_ENODEV. */
	enum lz_status (*wait_room)(struct lz_ring *r, uint32_t n, lz_ns *deadline);
	enum lz_ring_kind (*kind)(uint64_t w0, uint32_t *id);
	struct lz_command sync;
};

/* The error that the ring is stopped by, or was last. [err_lock of the driver] */
struct lz_ring_error {
	uint64_t pos;	/* its position, + 1; 0 none */
	uint32_t count; /* how often it was cleared there */
	uint32_t round; /* lz.contain_round then */
	bool told;	/* whom it accuses has been looked at */
	bool known;	/* the active one has been counted already */
	bool carry;	/* ATC invalidations of an overwritten or dropped sync are out */
};

struct lz_ring {
	/* Constant once it is set up. */
	const struct lz_ring_ops *ops;
	uint64_t *slots;
	uint64_t *mark;	    /* per slot: position << LZ_MARK_BITS | enum lz_mark */
	uint32_t *slot_seq; /* per slot: lz.resets when the sync of a batch with ATC
			       invalidations was issued */
	lz_phys phys;
	unsigned log2;
	uint32_t size;
	uint32_t guard; /* slots behind the head that are not used again yet */
	uint32_t room;	/* what may be in it at once */
	uint32_t mask;	/* size - 1: position to slot */
	size_t bytes;	/* of the slots, less one: position to offset */
	/* One past the highest position ever marked: whoever is not below it need not
	 * look at the mark of its slot. Hardly ever written. */
	uint64_t marked;

	/* Written by every batch, so apart from the rest, and together: whoever has
	 * reserved has the line for publication too, unless somebody reserves meanwhile. */
	_Alignas(LZ_RING_LINE) uint64_t tail; /* next free position, and LZ_RING_FROZEN */
	uint64_t published;		      /* the hardware was told of all before this */
	uint64_t limit; /* room ends here: shadow of the head (exact or behind) + room */

	/* Hardly ever written. */
	_Alignas(LZ_RING_LINE) uint64_t
		stalled_at; /* head at which somebody's patience ended, + 1; 0 none */
	uint64_t begun;	    /* nothing before this position is in it [err_lock] */
	struct lz_ring_error err;
};

/* ---- the steps, inline ---- */

static inline uint64_t *lz_ring_slot(struct lz_ring *r, uint64_t pos)
{
	return &r->slots[(pos & r->mask) * LZ_RING_WORDS];
}

/* Most slots of one reservation, sync included. */
static inline uint32_t lz_ring_batch(const struct lz_ring *r)
{
	return r->room < LZ_RING_BATCH_MAX ? r->room : LZ_RING_BATCH_MAX;
}

/* Step 1, with interrupts masked by the caller until after step 3. False: no room as
 * far as the shadow knows, or frozen (the flag makes the sum huge). *next is the
 * position after the batch. */
static inline bool lz_ring_take(struct lz_ring *r, uint64_t n, uint64_t *pos, uint64_t *next)
{
	uint64_t tail = lz_load64(&r->tail);

	while ((*next = tail + n) <= lz_load64_acquire(&r->limit))
		if (lz_cas64(&r->tail, &tail, *next)) {
			*pos = tail;
			return true;
		}
	return false;
}

/* Step 2. */
static inline void lz_ring_write(struct lz_ring *r, uint64_t pos, struct lz_command cmd)
{
	uint64_t *slot = lz_ring_slot(r, pos);

	lz_dma_store64(&slot[0], cmd.w[0]);
	lz_dma_store64(&slot[1], cmd.w[1]);
}
static inline struct lz_command lz_ring_read(struct lz_ring *r, uint64_t pos)
{
	uint64_t *slot = lz_ring_slot(r, pos);

	return (struct lz_command){{lz_dma_load64(&slot[0]), lz_dma_load64(&slot[1])}};
}

/* Step 2 for many: through a copy of what does not change, which compilers do not dare
 * to keep across atomic stores. Counts bytes, not slots. */
struct lz_ring_pen {
	uint8_t *slots;
	size_t mask, at;
};
static inline struct lz_ring_pen lz_ring_pen_at(const struct lz_ring *r, uint64_t pos)
{
	size_t mask = r->bytes;

	return (struct lz_ring_pen){(uint8_t *)r->slots, mask, pos * (LZ_RING_WORDS * 8) & mask};
}
static inline void lz_ring_pen_write(struct lz_ring_pen *pen, uint64_t w0, uint64_t w1)
{
	uint64_t *slot = (uint64_t *)(void *)(pen->slots + pen->at);

	lz_dma_store64(&slot[0], w0);
	lz_dma_store64(&slot[1], w1);
	pen->at = (pen->at + LZ_RING_WORDS * 8) & pen->mask;
}

/* Step 3 begins: everybody in front has published, and the entries are written. Then
 * the driver's register, then lz_ring_posted(). */
static inline void lz_ring_turn(struct lz_ring *r, uint64_t pos)
{
	while (LZ_RARE(lz_load64_acquire(&r->published) != pos))
		lz_cpu_relax();
	lz_dma_wmb(); /* P: entries before the register */
}
static inline void lz_ring_posted(struct lz_ring *r, uint64_t next)
{
	lz_store64_release(&r->published, next);
}

/* Step 5: the head has passed `next`; is the sync before it, or a later one, marked? */
static inline bool lz_ring_unmarked(struct lz_ring *r, uint64_t next)
{
	lz_dma_rmb(); /* M: the head before the marks */
	return lz_load64_acquire(&r->marked) < next;
}

/* ---- memory ---- */

/* log2 and ops are set. `align`: of the slots, where their size is less. `spare`: slots
 * that the hardware has no use for. LZ_ENOMEM; then lz_ring_fini() all the same. */
enum lz_status lz_ring_init(struct lz *lz, struct lz_ring *r, size_t align, uint32_t spare);
/* `unused`: by hardware; otherwise the slots are nobody's from here on. */
void lz_ring_fini(struct lz *lz, struct lz_ring *r, bool unused);

/* ---- positions and marks ---- */

/* The hardware says `pos`: the head, or where it was last seen when that cannot be. */
uint64_t lz_ring_moved(struct lz_ring *r, uint64_t pos);
/* The hardware goes on from `pos`, and says so. Producers are locked out. */
void lz_ring_restarted(struct lz_ring *r, uint64_t pos);
void lz_ring_set_mark(struct lz_ring *r, uint64_t pos, enum lz_mark m);
enum lz_mark lz_ring_get_mark(struct lz_ring *r, uint64_t pos);
/* Nobody waits for this sync any more; an error found there already is kept. */
void lz_ring_abandon(struct lz_ring *r, uint64_t pos);
/* A timeout that another ring told of may be of its batch, unless more is known. */
void lz_ring_doubt(struct lz_ring *r, uint64_t pos);
/* Of a sync that the head has passed: LZ_OK, LZ_EIO (an ATC invalidation was not
 * answered), LZ_EFAULT (refused, or not carried out), LZ_ETIMEDOUT (not known). */
enum lz_status lz_ring_outcome(struct lz_ring *r, uint64_t pos);

/* ---- producing ---- */

bool lz_ring_has_room(struct lz_ring *r, uint32_t n);
/* Takes `n` slots (sync included). With LZ_OK interrupts are masked until
 * lz_ring_publish(). LZ_EBUSY: no room (or frozen) now. */
enum lz_status lz_ring_reserve(struct lz_ring *r, uint32_t n, uint64_t *pos, unsigned long *flags);
void lz_ring_publish(struct lz_ring *r, uint64_t pos, uint32_t n, unsigned long flags);
/* Copies commands and a sync into the ring; *sync is the sync's position. */
enum lz_status lz_ring_submit(struct lz_ring *r, const struct lz_command *cmds, uint32_t n,
			      uint64_t *sync, lz_ns *deadline);
/* The same for ATC invalidations, all or none. LZ_ELIMIT: no room now. */
enum lz_status lz_ring_try_atc(const struct lz *lz, struct lz_ring *r,
			       const struct lz_command *cmds, uint32_t n, uint64_t *sync);
/* Locks producers out and waits for those between reservation and publication; task
 * context. LZ_ETIMEDOUT. */
enum lz_status lz_ring_freeze(struct lz *lz, struct lz_ring *r);
void lz_ring_thaw(struct lz_ring *r);

/* ---- what a stopped ring holds [err_lock] ---- */

/* The first position that an error at `pos` may be about. */
uint64_t lz_ring_first(const struct lz_ring *r, uint64_t pos);
/* The operation `next_unanswered`, of a sync in this ring. */
bool lz_ring_next_unanswered(struct lz_ring *r, const struct lz_queue_error *e, uint64_t *at,
			     struct lz_unanswered *out);
/* The sync of the batch that `pos` is in. */
uint64_t lz_ring_sync_after(struct lz_ring *r, uint64_t pos);
/* Every sync from `pos` on that was published has failed. */
void lz_ring_fail_from(struct lz_ring *r, uint64_t pos);
/* An error stands at `pos`: counts it, and how often it stood there. */
void lz_ring_error_at(struct lz_iommu *iommu, struct lz_ring *r, uint64_t pos);
/* May it be cleared once more, or is it to stay for the ladder (H77)? */
bool lz_ring_clear_again(const struct lz *lz, const struct lz_ring *r);

#endif
