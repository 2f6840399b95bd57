/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 driver's state and what its files offer each other. Low to high:
 * queue, gerror, tables, arrays, invalidate, faults, ladder, ops.
 */
#ifndef LZ_SMMUV3_SMMU_H
#define LZ_SMMUV3_SMMU_H

#include "core/driver.h"
#include "core/epoch.h"
#include "drivers/common/links.h"
#include "drivers/smmuv3/queue.h"
#include "lazaret/smmuv3.h"

/* ---- devices, domains ---- */

/* An entry of the stream table, with all devices that send its id (H13). */
struct lz_smmu_stream {
	uint32_t sid;
	uint32_t refs;			 /* [sid_lock] */
	struct lz_smmu_stream *child[2]; /* of the index; [sid_lock] */
	struct lz_smmu_sender *senders;	 /* by address; [sid_lock] */
	uint32_t closed;		 /* devices whose fence forbids EATS; [share_lock] */
	struct lz_smmu_dev *live;	 /* whose tables it points to; NULL: aborts; [gate] */
};

struct lz_smmu_sender {
	struct lz_smmu_dev *sd;
	struct lz_smmu_sender *next;
};

struct lz_smmu_dev {
	struct lz_device *dev;
	struct lz_smmu *smmu;
	uint64_t *ste[LZ_MAX_STREAMS];
	struct lz_smmu_stream *stream[LZ_MAX_STREAMS];
	struct lz_smmu_sender sender[LZ_MAX_STREAMS]; /* in them; [sid_lock] */
	uint32_t answers;		  /* bits of streams whose invalidations are its (atomic) */
	struct lz_domain_part *installed; /* the RID's, in its tables; NULL: they abort; [gate] */
	bool clean;			  /* nothing is cached by it, as it has said; [gate] */
	uint64_t *cd;
	lz_phys cd_phys;
	size_t cd_bytes;
};

struct lz_smmu_domain {
	struct lz_domain_part *part;
	uint32_t asid;
	struct lz_links links; /* who may hold translations of it */
	/* One of several batches has failed: nobody is sent ATC_INVs in batches before
	 * each entry has been asked alone (atomic), and how far that has come; [sweep] */
	uint32_t doubt, asked_sid, asked_ssid;
	uint64_t left; /* a sync of its ATC_INVs in a lane, as qroute.c has it; 0 none; atomic */
};

/* The driver's part of iommu.alert; zero in all of it: the short path. */
#define SMMU_ALERT_STALLED (1u << 31) /* cmdq.ring.stalled_at is set */
#define SMMU_ALERT_DEAD	   (1u << 30) /* iommu.dead is set */
#define SMMU_ALERT_LANES   (1u << 29) /* a lane stands, is held for the ladder, or given up */

struct lz_smmu {
	struct lz_iommu iommu; /* first */
	void *memory;	       /* what was allocated for it; it is aligned in there */
	uintptr_t mmio;
	struct lz *lz;

	/* What the hardware can, from the ID registers; constant after probe. */
	unsigned sid_bits, ssid_bits, oas_code, oas_bits, stall_model;
	bool ats, range_inv, two_level, asid16;

	uint32_t cr0; /* last value written; task context, one at a time */

	struct lz_smmu_queue cmdq;

	/* Further queues, for ATC invalidations (qroute.c); constant once set up, but for
	 * what says so. */
	struct lz_smmu_queue *lane[LZ_MAX_CPUS]; /* by CPU; without lanes: &cmdq */
	unsigned n_lanes;
	struct lz_smmu_queue *lanes;
	void *lanes_memory;
	unsigned lanes_room, ecmdq_log2;
	size_t mmio_bytes;
	uintptr_t cmdqv;      /* 0: none */
	bool cmdqv_guest;     /* VINTF 0 is a guest's: its queues are limited */
	bool own_timeouts;    /* each queue tells of its own ATC_INVs, as the embedder knows */
	bool shares_timeouts; /* it is not so; [err_lock] */
	uint32_t atc_on_main; /* ATC_INVs went to cmdq too (atomic) */
	uint32_t scanning;    /* lanes are looked at for an error acknowledged before; atomic */
	uint64_t guest_flush; /* position of a sync for a guest's queue, + 1; atomic */
	lz_smmuv3_guest_error_fn guest_fn;
	void *guest_ctx;

	struct lz_spinlock err_lock; /* queue error: drain, marks */

	struct lz_spinlock sid_lock;
	struct lz_smmu_stream *streams; /* index by stream id (sid.c); [sid_lock] */
	struct lz_spinlock share_lock;	/* word 1 of entries, inside the fence lock */

	_Alignas(LZ_RING_LINE) struct lz_epoch readers; /* of invalidation arrays */

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
	uint32_t sfm_seen;	/* atomic */
	uint32_t ats_unchecked; /* atomic: ATSCHK was found off, and told so */
	uint32_t cfgi_owed;	/* atomic: counts CFGIs without effect */
	uint32_t cfgi_paid;	/* cfgi_owed when everything cached last went */
	uint64_t cfgi_sent;	/* position after the last that nobody waits for; work() only */
};

static inline struct lz_smmu *lz_smmu_of(struct lz_iommu *iommu)
{
	return (struct lz_smmu *)iommu;
}
static inline struct lz_smmu_dev *lz_smmu_dev_of(struct lz_device *dev)
{
	return dev->drv;
}
static inline uint32_t lz_smmu_read32(const struct lz_smmu *s, uint32_t off)
{
	return lz_mmio_read32(s->mmio, off);
}
static inline void lz_smmu_write32(const struct lz_smmu *s, uint32_t off, uint32_t v)
{
	lz_mmio_write32(s->mmio, off, v);
}
static inline bool lz_smmu_dead(struct lz_smmu *s)
{
	return lz_load32(&s->iommu.dead) != 0;
}

/* probe.c */
enum lz_status lz_smmu_hw_probe(struct lz_smmu *s, const struct lz_smmuv3_desc *d);
enum lz_status lz_smmu_hw_reset(struct lz_smmu *s);
/* Writes CR0 and waits for its ACK, at most sync_bound. */
enum lz_status lz_smmu_write_cr0(struct lz_smmu *s, uint32_t v);
/* Rung (e): nothing is translated any more. */
enum lz_status lz_smmu_hw_abort_all(struct lz_smmu *s);

enum lz_status lz_smmu_queue_alloc(struct lz_smmu_queue *q);
/* `unused`: by hardware; else the ring stays where it is, for ever. */
void lz_smmu_queue_free(struct lz_smmu_queue *q, bool unused);
extern const struct lz_lock_class lz_smmu_prod_class;

/* qlanes.c */
enum lz_status lz_smmu_lanes_init(struct lz_smmu *s, const struct lz_smmuv3_desc *d);
void lz_smmu_lanes_fini(struct lz_smmu *s, bool unused);
/* Every further queue of the hardware is off; false: one does not acknowledge. */
bool lz_smmu_lanes_off(struct lz_smmu *s);
void lz_smmu_lanes_on(struct lz_smmu *s);

/* qkind.c */
bool lz_smmu_queue_error_active(struct lz_smmu_queue *q);
uint32_t lz_smmu_queue_error_code(const struct lz_smmu_queue *q, uint32_t cons);
/* Acknowledges the queue's active error. [err_lock] */
void lz_smmu_queue_toggle_locked(struct lz_smmu_queue *q);
/* Producers are frozen: begins to switch it off; whether it is; CONS of one that is;
 * and on again, at most sync_bound. */
void lz_smmu_queue_stop(struct lz_smmu_queue *q);
bool lz_smmu_queue_stopped(void *queue);
void lz_smmu_queue_set_cons(struct lz_smmu_queue *q, uint64_t pos);
enum lz_status lz_smmu_queue_start(struct lz_smmu_queue *q);
bool lz_smmu_queue_accepts(const struct lz_smmu_queue *q, uint64_t w0);

/* qroute.c */
/* Where this CPU's ATC_INVs go; another one's lane while its own is stuck, and the SMMU's
 * own queue when all are given up. Any context. */
struct lz_smmu_queue *lz_smmu_lane_pick(struct lz_smmu *s);
/* It takes nothing, or nothing that it takes is known to get anywhere. */
static inline bool lz_smmu_lane_is_lost(const struct lz_smmu_queue *q)
{
	return lz_load32(&q->off) || lz_load32(&q->given_up) || lz_load32(&q->refuses);
}
/* It has been told to stop, and is to be started again when it has. Work only. */
bool lz_smmu_lane_stops(const struct lz_smmu_queue *q);
/* Takes note of whether the lane's ladder has come to its end. Work only. */
void lz_smmu_lane_judge(struct lz_smmu_queue *q);
/* Are all that it could pick stuck? */
bool lz_smmu_lane_stuck(struct lz_smmu *s);
/* Somebody's patience for ATC_INVs of the domain has ended. */
void lz_smmu_lane_left(struct lz_smmu_domain *sdom, struct lz_sync sync);
/* Do those stand still in a lane? What else is sent to the same devices would stand too. */
bool lz_smmu_lane_has_left(struct lz_smmu *s, struct lz_smmu_domain *sdom);
/* Waits while it is. LZ_ETIMEDOUT: it still is. */
enum lz_status lz_smmu_lane_await(struct lz_smmu *s, lz_ns *deadline);
/* SMMU_ALERT_LANES is as the lanes say. */
void lz_smmu_lanes_alert(struct lz_smmu *s);
/* The sync at `pos` failed for ATC_INVs, `own` devices of the queue's own: the other
 * queues' syncs are in doubt. Before the acknowledge. [err_lock] */
void lz_smmu_tell_others(struct lz_smmu_queue *q, uint64_t pos, unsigned own);
/* Can it be about nobody else's? [err_lock] */
bool lz_smmu_tells_own(struct lz_smmu_queue *q);
/* A sync has been seen consumed: errors of other queues are taken in before its mark
 * is looked at (X). Any context. */
void lz_smmu_look_elsewhere(struct lz_smmu_queue *q);
bool lz_smmu_drain_all(struct lz_smmu *s);
bool lz_smmu_scan_lanes(struct lz_smmu *s);

/* gerror.c */
/* Consumes a pending command queue error; false when there was none, or it is
 * held for the ladder. Any context. */
bool lz_smmu_drain(struct lz_smmu_queue *q);
#define SMMU_NO_BATCH UINT64_MAX
/* Accuses every device with an unsettled ATC_INV before the sync at `pos`. `told`: by
 * the hardware, so a sole one is named. How many different ones. [err_lock] */
unsigned lz_smmu_accuse_unsettled(struct lz_smmu_queue *q, uint64_t pos, bool told);
/* The operation. [err_lock] */
bool lz_smmu_next_unanswered(struct lz_iommu *iommu, const struct lz_queue_error *e, uint64_t *at,
			     struct lz_unanswered *out);

/* Acknowledges an active command queue error, for the ladder. [err_lock] */
void lz_smmu_acknowledge_locked(struct lz_smmu_queue *q);

/* sid.c */
/* All of the device's streams, or none. LZ_EEXIST: another group has one, or another
 * device has its first as its own; LZ_ENOMEM. */
enum lz_status lz_smmu_sid_insert(struct lz_smmu *s, struct lz_smmu_dev *sd);
void lz_smmu_sid_remove(struct lz_smmu *s, uint32_t sid, struct lz_smmu_dev *sd);
/* Nobody looks at the device's part of it any more; NULL does nothing. */
void lz_smmu_stream_put(struct lz_smmu *s, struct lz_smmu_stream *stream);
/* The first who answers invalidations of the id, or the next one `after` another,
 * with a reference (H25, H53), or NULL. Any context. */
struct lz_smmu_dev *lz_smmu_sid_get(struct lz_smmu *s, uint32_t sid,
				    const struct lz_smmu_dev *after);
/* Anybody who sends it, likewise. */
struct lz_smmu_dev *lz_smmu_sid_any(struct lz_smmu *s, uint32_t sid);
/* Somebody else than `but` who sends the id and has tables, or NULL. Its group's
 * gate is held. */
struct lz_smmu_dev *lz_smmu_stream_heir(struct lz_smmu *s, uint32_t sid,
					const struct lz_smmu_dev *but);
/* Are invalidations of the id this device's to answer? */
static inline bool lz_smmu_answers(const struct lz_smmu_dev *sd, unsigned i)
{
	return lz_load32(&sd->answers) >> i & 1;
}

/* strtab.c */
enum lz_status lz_smmu_strtab_init(struct lz_smmu *s);
/* `unused`: by hardware; else the tables stay where they are, for ever. */
void lz_smmu_strtab_fini(struct lz_smmu *s, bool unused);
/* The entry of a stream id, made (aborting) when there is none yet. */
enum lz_status lz_smmu_strtab_get(struct lz_smmu *s, uint32_t sid, uint64_t **ste);

/* tables.c: entries of one device */
/* What another device lives in is left as it is by all but eats_off_locked(). */
void lz_smmu_ste_abort(struct lz_smmu_dev *sd);
/* The same, and nobody lives in them. */
void lz_smmu_ste_close(struct lz_smmu_dev *sd);
void lz_smmu_ste_eats_off(struct lz_smmu_dev *sd);
/* In all its entries. [fence_lock] */
void lz_smmu_ste_eats_off_locked(struct lz_smmu_dev *sd);
/* The device is about to point its entries to `part`: those that nobody lives in,
 * and those whose invalidations it answers while they point elsewhere. */
void lz_smmu_ste_claim(struct lz_smmu_dev *sd, const struct lz_domain_part *part);
/* Entries that it should live in and another does, in the same domain, point to its
 * tables from now on, without a gap. True when there were any. */
bool lz_smmu_ste_take_over(struct lz_smmu_dev *sd);
/* The device leaves its entries: to whoever else has tables, or they abort. */
void lz_smmu_ste_leave(struct lz_smmu_dev *sd);
/* It is removed: EATS of those who stay is as they ask for. True: some changed. */
bool lz_smmu_ste_left(struct lz_smmu_dev *sd);
/* Everything but word 0, then (after a CFGI with effect) word 0. */
void lz_smmu_ste_prepare_s1(struct lz_smmu_dev *sd, bool ats);
void lz_smmu_ste_commit_s1(struct lz_smmu_dev *sd);
void lz_smmu_ste_bypass(struct lz_smmu_dev *sd);
void lz_smmu_cd_write(struct lz_smmu_dev *sd, uint32_t ssid, const struct lz_smmu_domain *sdom);
void lz_smmu_cd_clear(struct lz_smmu_dev *sd, uint32_t ssid);
enum lz_status lz_smmu_cfgi(struct lz_smmu_dev *sd, uint32_t ssid, bool cd, lz_ns *deadline);

/* A configuration change is not in effect: everything cached must go before
 * anything is called invalidated. */
void lz_smmu_owe_cfgi(struct lz_smmu *s);
static inline bool lz_smmu_cfgi_is_owed(struct lz_smmu *s, uint32_t *owed)
{
	*owed = lz_load32(&s->cfgi_owed);
	return *owed != lz_load32(&s->cfgi_paid);
}

/* arrays.c */
enum lz_status lz_smmu_link(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part);
void lz_smmu_unlink(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part);
/* Every reader that may have seen what was there before has left. */
void lz_smmu_grace(struct lz_smmu *s);

/* invalidate.c */
/* Somebody's patience ended: whoever may not sleep need not find out again
 * before CONS has moved. */
struct lz_smmu_watch;
void lz_smmu_stall_note(struct lz_smmu_queue *q, const struct lz_smmu_watch *w);
void lz_smmu_stall_forget(struct lz_smmu_queue *q);
/* It stands where somebody's patience ended. */
bool lz_smmu_stalled(struct lz_smmu_queue *q);
/* Nothing is translated any more. */
void lz_smmu_declare_dead(struct lz_smmu *s);
enum lz_status lz_smmu_invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
				  size_t granule);
enum lz_status lz_smmu_invalidate_all(struct lz_domain_part *part);

/* faults.c */
extern const struct lz_fault_ops lz_smmu_faults;
/* Invalidates everything a device may hold (of one PASID, or 0: of all), with
 * outcome; LZ_EBUSY: it is not open, nothing was sent. Task context. */
enum lz_status lz_smmu_atc_flush(struct lz_smmu_dev *sd, uint32_t ssid);
void lz_smmu_reset_succeeded(struct lz_device *dev);

/* ladder.c: operations */
enum lz_status lz_smmu_rung_rewrite(struct lz_iommu *iommu, void *queue);
enum lz_status lz_smmu_rung_restart(struct lz_iommu *iommu, void *queue);
uint64_t lz_smmu_head(struct lz_iommu *iommu, void *queue, bool *empty);
void lz_smmu_stands(struct lz_iommu *iommu, void *queue, bool accuse);
void lz_smmu_let_go(struct lz_iommu *iommu, void *queue);
bool lz_smmu_try_again(struct lz_iommu *iommu, void *queue);

/* watch.c: nothing here decides anything. */
/* What the queue and the device's entry look like now, into its snapshot; `failed`:
 * the sync, or NULL. [err_lock when there is one, suspects, fence_lock] */
void lz_smmu_snapshot_before(struct lz_device *dev, const struct lz_sync *failed);
/* The entry with the fence in effect. [fence_lock] */
void lz_smmu_snapshot_after(struct lz_device *dev);
/* Somebody waits for a sync, or for room, and has looked once. */
struct lz_smmu_watch {
	uint64_t cons; /* as he sees it */
	uint64_t from; /* where it stood last, for `stood` */
	lz_ns began;
	lz_ns since; /* it has been at `cons`, as far as he knows */
	lz_ns stood;
};
void lz_smmu_watch_begin(struct lz_smmu_queue *q, struct lz_smmu_watch *w);
void lz_smmu_watch_moved(struct lz_smmu_queue *q, struct lz_smmu_watch *w, uint64_t cons);
/* Of the sync at `pos`, or SMMU_NO_BATCH; `done`: it is over. */
void lz_smmu_watch_end(struct lz_smmu_queue *q, struct lz_smmu_watch *w, uint64_t pos, bool done);
/* The queue has been standing at `cons` since then, as somebody gives up says. */
void lz_smmu_stall_since(struct lz_smmu_queue *q, uint64_t cons, lz_ns since);
/* It has moved, or nobody minds any more. */
void lz_smmu_stall_over(struct lz_smmu_queue *q, lz_ns now);
lz_ns lz_smmu_stalled_for(struct lz_iommu *iommu);

/* evtq.c */
void lz_smmu_evtq_poll(struct lz_smmu *s);

/* ops.c */
extern const struct lz_iommu_ops lz_smmu_ops;

#endif
