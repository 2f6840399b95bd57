/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 driver's state and what its files offer each other. Low to high:
 * queue, gerror, tables, arrays, invalidate, fence, identify, ladder, ops.
 */
#ifndef LZ_SMMUV3_SMMU_H
#define LZ_SMMUV3_SMMU_H

#include "core/driver.h"
#include "core/epoch.h"
#include "drivers/smmuv3/cmd.h"
#include "lazaret/smmuv3.h"

/* ---- command queue (queue.c) ---- */

/*
 * Positions are 64-bit and never wrap in practice; the ring index is the low
 * bits and PROD and CONS carry one bit more.
 */
#define SMMU_FROZEN    (1ull << 63) /* in tail: producers are locked out */
#define SMMU_BATCH_MAX 64u	    /* commands of one reservation, sync included */
#define SMMU_GUARD_MAX 63u

/* What became of a sync; stored per slot with the position (H29, H30). */
enum smmu_mark {
	SMMU_MARK_NONE,
	SMMU_MARK_ATC_TIMEOUT, /* hardware said CERROR_ATC_INV_SYNC here */
	SMMU_MARK_ILLEGAL,     /* a command it covers was refused */
	SMMU_MARK_FAILED,      /* overwritten, or dropped by a restart (H94, H96) */
	SMMU_MARK_ABANDONED,   /* its issuer's patience ended first */
};
#define SMMU_MARK_BITS 3u

struct smmu_queue {
	uintptr_t mmio;
	uint64_t *ring;
	lz_phys ring_phys;
	uint64_t *mark;	    /* per slot: position << SMMU_MARK_BITS | enum smmu_mark */
	uint32_t *slot_gen; /* per slot: device generation at issue of an ATC_INV */
	unsigned log2;
	uint32_t size;
	uint32_t guard; /* slots behind CONS that are not used again yet */
	/* Written by different sides: kept a cache line apart. */
	uint8_t apart0[64];
	uint64_t tail; /* next free position, and SMMU_FROZEN */
	uint8_t apart1[64];
	uint64_t published; /* PROD covers everything before this */
	uint8_t apart2[64];
	uint64_t cons;	     /* shadow of CONS: exact or behind */
	uint64_t stalled_at; /* CONS at which somebody's patience ended, + 1; 0 none */

	/* [err_lock] */
	uint64_t err_pos;   /* position of the last error, + 1; 0 none */
	uint32_t err_count; /* how often it was acknowledged */
	bool err_known;	    /* the active error has been counted already */
	bool carry;	    /* ATC_INVs of an overwritten sync are still out there */
};

struct smmu;

/* Takes `n` slots (sync included). With LZ_OK interrupts are masked until
 * smmu_queue_publish(). LZ_EBUSY: no room (or frozen) now. */
enum lz_status smmu_queue_reserve(struct smmu *s, uint32_t n, uint64_t *pos, unsigned long *flags);
void smmu_queue_write(struct smmu_queue *q, uint64_t pos, struct smmu_cmd cmd);
void smmu_queue_publish(struct smmu *s, uint64_t pos, uint32_t n, unsigned long flags);
/* Waits until `n` slots are free, draining errors; LZ_ETIMEDOUT, LZ_ENODEV. */
enum lz_status smmu_queue_wait_room(struct smmu *s, uint32_t n, lz_ns *deadline);
/* CONS as a position, read from the hardware. */
uint64_t smmu_queue_cons(struct smmu *s);
/* Has the sync at `pos` been consumed, and if so with what outcome: LZ_OK,
 * LZ_EIO, LZ_EFAULT, or LZ_EBUSY while it is still there. One look. */
enum lz_status smmu_queue_look(struct smmu *s, uint64_t pos);
/* Waits for the sync at `pos`; *deadline 0 is filled in when it is first
 * needed. As look, or LZ_ETIMEDOUT, or LZ_ENODEV when the SMMU is dead. */
enum lz_status smmu_queue_wait(struct smmu *s, uint64_t pos, lz_ns *deadline);
void smmu_queue_abandon(struct smmu_queue *q, uint64_t pos);
void smmu_queue_set_mark(struct smmu_queue *q, uint64_t pos, enum smmu_mark m);
enum smmu_mark smmu_queue_get_mark(struct smmu_queue *q, uint64_t pos);
/* Copies commands and a sync into the queue; *sync is the sync's position. */
enum lz_status smmu_queue_submit(struct smmu *s, const struct smmu_cmd *cmds, uint32_t n,
				 uint64_t *sync, lz_ns *deadline);
/* Commands without ATC_INV, synced with effect; a sync that fails because of
 * somebody else's ATC_INV is repeated. LZ_OK, LZ_ETIMEDOUT, LZ_EFAULT. */
enum lz_status smmu_queue_run(struct smmu *s, const struct smmu_cmd *cmds, uint32_t n,
			      lz_ns *deadline);
/* Locks producers out and waits for those between reservation and
 * publication; task context. */
enum lz_status smmu_queue_freeze(struct smmu *s);
void smmu_queue_thaw(struct smmu *s);
/* How long the caller may wait, as a deadline. */
lz_ns smmu_deadline(const struct smmu *s);

static inline uint64_t *smmu_queue_slot(struct smmu_queue *q, uint64_t pos)
{
	return &q->ring[(pos & (q->size - 1)) * SMMU_CMD_WORDS];
}

/* Most slots of one reservation, sync included. */
static inline uint32_t smmu_queue_batch(const struct smmu_queue *q)
{
	uint32_t room = q->size - q->guard;

	return room < SMMU_BATCH_MAX ? room : SMMU_BATCH_MAX;
}

/* ---- devices, domains ---- */

struct smmu_dev {
	struct lz_device *dev;
	struct smmu *smmu;
	uint64_t *ste[LZ_MAX_STREAMS];
	uint64_t *cd;
	lz_phys cd_phys;
	size_t cd_bytes;
	uint32_t fence_pending; /* atomic: fencing without effect yet */
	uint32_t function_off;	/* rung (c) took bus master away (atomic) */
	/* A probe for the core whose answer is still out; [gate]. */
	bool own_probe;
	uint32_t own_probe_gen;
	uint64_t own_probe_sync;
	/* Accusation, [err_lock]; holds a reference while listed. */
	struct smmu_dev *accused_next;
	bool accused;
	bool sole; /* nobody else can have been it */
	uint32_t accused_gen;
	struct smmu_cmd accused_cmd; /* what it did not answer */
};

struct smmu_inv_entry {
	uint32_t sid, ssid;
	uint32_t users;
	uint64_t atc0; /* first word of its ATC_INV, ready to store */
	struct lz_device *dev;
};

struct smmu_inv_array {
	uint32_t n, room;
	struct smmu_inv_entry e[]; /* sorted by (sid, ssid) */
};

struct smmu_domain {
	struct lz_domain *dom;
	uint32_t asid;
	void *array;		      /* published struct smmu_inv_array * */
	struct smmu_inv_array *spare; /* [writer] same room as the published one */
	uint32_t writer;	      /* 1 while somebody changes the array */
};

struct smmu_sid {
	uint32_t sid;
	struct smmu_dev *sd;
};

enum smmu_identify_state { SMMU_ID_IDLE, SMMU_ID_SETTLE, SMMU_ID_PROBE };
enum smmu_ladder_state {
	SMMU_LADDER_NONE,
	SMMU_LADDER_REWRITE,
	SMMU_LADDER_RESTART,
	SMMU_LADDER_FUNCTION_OFF,
	SMMU_LADDER_ABORT,
	SMMU_LADDER_EXHAUSTED,
};

struct smmu {
	struct lz_iommu iommu; /* first */
	uintptr_t mmio;
	struct lz *lz;

	/* What the hardware can, from the ID registers; constant after probe. */
	unsigned sid_bits, ssid_bits, oas_code, oas_bits, stall_model;
	bool ats, range_inv, two_level, asid16;

	uint32_t cr0; /* last value written; task context, one at a time */

	struct smmu_queue cmdq;
	struct lz_spinlock err_lock; /* queue error: drain, marks, accusations */
	uint32_t held_error;	     /* written under err_lock: left active for the ladder */
	struct smmu_dev *accused;    /* [err_lock] */

	struct lz_spinlock sid_lock;
	struct smmu_sid *sids; /* [sid_lock] sorted */
	uint32_t n_sids, sids_room;

	struct lz_epoch readers; /* of invalidation arrays (arrays.c) */

	/* Stream table. */
	uint64_t *strtab;
	lz_phys strtab_phys;
	size_t strtab_bytes;
	uint64_t **l2; /* two-level: per level-1 entry */
	uint32_t n_l1;

	/* Event queue. */
	uint64_t *evtq;
	lz_phys evtq_phys;
	unsigned evtq_log2;
	lz_smmuv3_fault_fn fault_fn;
	void *fault_ctx;

	uint32_t asid_map[65536 / 32]; /* [asid_lock] */
	struct lz_spinlock asid_lock;
	uint32_t sfm_seen;	   /* atomic */
	uint32_t cfgi_all_pending; /* atomic: a CFGI could not be queued */

	/* The engine: work() only (one run at a time). */
	struct {
		enum smmu_identify_state state;
		struct smmu_dev *probing; /* holds a reference */
		uint64_t sync;		  /* outstanding settle or probe sync */
		bool waiting;
		uint32_t probing_gen;
	} id;
	struct {
		enum smmu_ladder_state state;
		bool frozen;	     /* restart waits for CR0ACK */
		lz_ns last_progress; /* CONS moved */
		uint64_t last_cons;
		lz_ns next_try;
		uint64_t swept_at; /* CONS when custody was swept last */
	} ladder;
	uint32_t retry; /* atomic: a reset succeeded, try the queue again */
};

static inline struct smmu *smmu_of(struct lz_iommu *iommu)
{
	return (struct smmu *)iommu;
}
static inline struct smmu_dev *smmu_dev_of(struct lz_device *dev)
{
	return dev->drv;
}
static inline uint32_t smmu_read32(const struct smmu *s, uint32_t off)
{
	return lz_mmio_read32(s->mmio, off);
}
static inline void smmu_write32(const struct smmu *s, uint32_t off, uint32_t v)
{
	lz_mmio_write32(s->mmio, off, v);
}
static inline bool smmu_dead(struct smmu *s)
{
	return lz_load32(&s->iommu.dead) != 0;
}

/* probe.c */
enum lz_status smmu_hw_probe(struct smmu *s, const struct lz_smmuv3_desc *d);
enum lz_status smmu_hw_reset(struct smmu *s);
/* Writes CR0 and waits for its ACK, at most sync_bound. */
enum lz_status smmu_write_cr0(struct smmu *s, uint32_t v);
/* Rung (e): nothing is translated any more. */
enum lz_status smmu_hw_abort_all(struct smmu *s);

/* gerror.c */
/* Consumes a pending command queue error; false when there was none, or it is
 * held for the ladder. Any context. */
bool smmu_drain(struct smmu *s);
bool smmu_cmdq_error_active(struct smmu *s);
/* Puts a device on the list of suspects. [err_lock] */
void smmu_accuse_locked(struct smmu *s, struct smmu_dev *sd, uint32_t gen, struct smmu_cmd cmd,
			bool sole);
/* Accuses every device with an unsettled ATC_INV before the sync at `pos`;
 * returns how many different ones there were. [err_lock] */
unsigned smmu_accuse_unsettled(struct smmu *s, uint64_t pos);

/* Acknowledges an active command queue error, for the ladder. [err_lock] */
void smmu_acknowledge_locked(struct smmu *s);

/* sid.c */
enum lz_status smmu_sid_insert(struct smmu *s, uint32_t sid, struct smmu_dev *sd);
void smmu_sid_remove(struct smmu *s, uint32_t sid, struct smmu_dev *sd);
/* Room for `n` more, so that insert cannot fail for memory. */
enum lz_status smmu_sid_reserve(struct smmu *s, uint32_t n);
/* With a reference (H25, H53), or NULL. Any context. */
struct smmu_dev *smmu_sid_get(struct smmu *s, uint32_t sid);

/* strtab.c */
enum lz_status smmu_strtab_init(struct smmu *s);
void smmu_strtab_fini(struct smmu *s);
/* The entry of a stream id, made (aborting) when there is none yet. */
enum lz_status smmu_strtab_get(struct smmu *s, uint32_t sid, uint64_t **ste);

/* tables.c: entries of one device */
void smmu_ste_abort(struct smmu_dev *sd);
void smmu_ste_eats_off(struct smmu_dev *sd);
/* Everything but word 0, then (after a CFGI with effect) word 0. */
void smmu_ste_prepare_s1(struct smmu_dev *sd, bool ats);
void smmu_ste_commit_s1(struct smmu_dev *sd);
void smmu_ste_bypass(struct smmu_dev *sd);
void smmu_cd_write(struct smmu_dev *sd, uint32_t ssid, const struct smmu_domain *sdom);
void smmu_cd_clear(struct smmu_dev *sd, uint32_t ssid);
enum lz_status smmu_cfgi(struct smmu_dev *sd, uint32_t ssid, bool cd, lz_ns *deadline);

/* A configuration change is not in effect: everything cached must go before
 * anything is called invalidated. */
void smmu_owe_cfgi(struct smmu *s);

/* arrays.c */
enum lz_status smmu_array_init(struct smmu_domain *sdom);
void smmu_array_fini(struct smmu_domain *sdom);
enum lz_status smmu_link(struct lz_device *dev, uint32_t pasid, struct lz_domain *dom);
void smmu_unlink(struct lz_device *dev, uint32_t pasid, struct lz_domain *dom);
/* Every reader that may have seen what was there before has left. */
void smmu_grace(struct smmu *s);

/* invalidate.c */
enum lz_status smmu_invalidate(struct lz_domain *dom, lz_iova start, lz_iova end, size_t granule);
enum lz_status smmu_invalidate_all(struct lz_domain *dom);

/* fence.c */
enum lz_status smmu_block(struct lz_device *dev);
void smmu_unfence(struct lz_device *dev);
enum lz_status smmu_fence(struct smmu_dev *sd, uint32_t gen, enum lz_evidence evidence);
void smmu_fence_retry(struct smmu *s);
void smmu_reset_succeeded(struct lz_device *dev);

/* identify.c */
enum lz_status smmu_probe_device(struct lz_device *dev);
/* Invalidates everything a device may hold (of one PASID, or 0: of all), with
 * outcome. Task context. */
enum lz_status smmu_atc_flush(struct smmu_dev *sd, uint32_t ssid);
bool smmu_identify(struct smmu *s, lz_ns *again);
void smmu_accuse(struct lz_device *dev);
/* The head of the list of suspects with a reference of the caller's, or NULL. */
struct smmu_dev *smmu_suspect_first(struct smmu *s);
/* Takes it off the list and drops the list's reference. */
void smmu_suspect_drop(struct smmu *s, struct smmu_dev *sd);

/* ladder.c */
/* True while the queue cannot be used. */
bool smmu_ladder(struct smmu *s, lz_ns *again);

/* evtq.c */
void smmu_evtq_poll(struct smmu *s);

/* ops.c */
extern const struct lz_iommu_ops smmu_ops;

#endif
