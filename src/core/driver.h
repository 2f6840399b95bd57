/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the core and the IOMMU drivers: what the core asks of a driver, what
 * it offers to one, and the parts of the core's objects that drivers read.
 *
 * Core and drivers agree on this division:
 *
 *   core    who is attached to what, custody, block reasons, resets, reports,
 *           owners, deferred work
 *   driver  tables, queues, invalidation, detecting a timeout, finding the
 *           device, the fence and its effect
 */
#ifndef LZ_CORE_DRIVER_H
#define LZ_CORE_DRIVER_H

#include "core/arch.h"
#include "core/config.h"
#include "core/epoch.h"
#include "core/faults.h"
#include "core/work.h"
#include "lazaret/device.h"
#include "lazaret/domain.h"
#include "lazaret/lazaret.h"
#include "lazaret/operator.h"
#include "pgtable/pgtable.h"

#define lz_container(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* ---- lock classes; docs/LOCKING.md has the table ---- */
enum lz_rank {
	LZ_RANK_GROUP = 10,	/* lz_group.lock */
	LZ_RANK_DOMAIN = 20,	/* lz_domain.lock (array writers, custody record) */
	LZ_RANK_IOMMU = 30,	/* lz_iommu.lock (lists of devices and domains) */
	LZ_RANK_INSTANCE = 35,	/* lz.lock (list of IOMMUs, time in custody) */
	LZ_RANK_QUEUE_ERR = 40, /* error locks of queues, the driver's */
	LZ_RANK_SUSPECTS = 45,	/* lz_iommu.suspects */
	LZ_RANK_SID = 50,	/* stream id index */
	LZ_RANK_FENCE = 60,	/* lz_device.fence_lock */
	LZ_RANK_SHARE = 65,	/* what devices share of one stream table entry */
	LZ_RANK_WORK = 70,	/* work list */
	LZ_RANK_PROD = 80,	/* a queue's producer register */
};

/* Counters of an IOMMU and its devices; atomic. */
struct lz_counts {
	uint64_t cmdq_errors, atc_timeouts, probes, exonerations, fences, quarantines, recoveries;
	uint64_t stale, slow;
};

/* Pages in custody and the time they spend there. Whoever moves pages has the lock
 * that the owner names; read without it. */
struct lz_meter {
	uint64_t pages, pages_max, page_us;
	uint64_t changed; /* when `pages` changed last */
	uint64_t rest;	  /* page-ns below a page-us; [lock] */
};

/* Log lines of one kind: so many, then a count of the others. */
struct lz_log_limit {
	uint64_t since; /* atomic, like the others */
	uint32_t lines, left_out;
};

struct lz {
	const struct lz_port *port;
	struct lz_config cfg; /* constant; what can be changed later is below */
	struct lz_workqueue wq;
	struct lz_spinlock lock;
	struct lz_epoch parts;	 /* readers of lists of parts (L) */
	struct lz_iommu *iommus; /* by next; [lock] */
	struct lz_counts ended;	 /* of IOMMUs that are removed; [lock] */
	uint64_t ended_page_us;	 /* [lock] */
	uint32_t n_iommus;	 /* atomic */
	uint32_t n_groups;	 /* atomic */
	uint32_t resets;	 /* how often any device's generation has moved, or ended; atomic */
	/* struct lz_policy, atomic */
	uint32_t contain, identify, policy, response, recovery_max;
	uint64_t recovery_window, slow;
	uint32_t contain_round; /* how often containment was switched; atomic */
	/* counters, atomic */
	uint64_t custody_pages, custody_pages_max, blocked_ids, references;
};

/* ---- driver operations ---- */

struct lz_domain_part;

/* What a call of work() wants next. */
struct lz_work_next {
	lz_ns due;	  /* call again at this time; LZ_NEVER */
	bool queue_works; /* syncs complete: custody may be swept */
};

struct lz_iommu_ops {
	/* What the core's identification and fence ask for. A driver that has it sets
	 * block, unfence, probe and accuse below to lz_fence_block(), lz_fence_lift(),
	 * lz_probe() and lz_accuse_told(), and abort to lz_abort_order(). NULL: it has ways of its
	 * own. */
	const struct lz_fault_ops *faults;

	/* Task context, gate of the device's group held (see gate.h), unless
	 * said otherwise. "With effect" = a sync after the change succeeded. */

	/* Registers the stream ids, takes all memory the device will need,
	 * makes every STE abort, with effect, but for those that a device of
	 * the same group uses already. Sets dev->drv, ats_capable, pasid_bits.
	 * Fence state open. LZ_EEXIST: another group has a stream id. */
	enum lz_status (*device_add)(struct lz_device *dev);
	/* Stream ids out of the index, memory of `dev->drv` freed. The device
	 * is blocked and fenced or its last invalidation has been drained. */
	void (*device_remove)(struct lz_device *dev);
	/* The last reference is gone: memory that somebody with a reference
	 * may have looked at since device_remove, or since a device_add that
	 * failed (dev->drv may be NULL then). May be NULL. Task context,
	 * no gate. */
	void (*device_free)(struct lz_device *dev);

	/* ASID, invalidation array. The first part of a domain makes the page
	 * table too (part->dom->pt); another one answers LZ_ENOTSUP, with a log
	 * line, when its hardware cannot walk the table that is there. Task
	 * context, perhaps without a gate. */
	enum lz_status (*domain_init)(struct lz_domain_part *part);
	/* The reverse, but for the page table, which is the core's to free;
	 * nothing behind this IOMMU can reach it any more. */
	void (*domain_fini)(struct lz_domain_part *part);

	/* Puts the device's entries for `pasid` into the domain's invalidation
	 * array, before any table points there. LZ_ENOMEM. */
	enum lz_status (*link)(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part);
	/* Takes them out and waits until no reader of the array has them.
	 * Cannot fail (memory was taken by link). */
	void (*unlink)(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *part);

	/* Points the hardware from `old` to `new_` for `pasid` (0 = RID); NULL
	 * is blocking. Includes ATS at the endpoint and in the IOMMU, in the
	 * orderly order (H76). To a domain: LZ_OK with effect, or LZ_EIO /
	 * LZ_ETIMEDOUT with the old one installed. To blocking: always
	 * installed; LZ_OK with effect, LZ_ETIMEDOUT without it yet: the
	 * caller keeps the links until the effect is known (leaving). An entry
	 * that another device uses too goes on translating for that one. */
	enum lz_status (*install)(struct lz_device *dev, uint32_t pasid,
				  struct lz_domain_part *new_, struct lz_domain_part *old);

	/* Quarantine or reset: every STE of the device aborts, EATS off, no
	 * ATC_INV is sent (fence order). The core has blocked, before, whoever
	 * shares one of them (H13). Moves the fence state to fencing, and
	 * to fenced with LZ_OK (with effect). LZ_ETIMEDOUT: stays fencing, the
	 * driver goes on trying from work(). Safe to repeat. */
	enum lz_status (*block)(struct lz_device *dev);
	/* The fence is lifted: state open, invalidations may be sent again;
	 * tables go on aborting until install(). Any state. No waiting. */
	void (*unfence)(struct lz_device *dev);
	/* One invalidate-all that must be answered. LZ_OK, LZ_EIO, LZ_ETIMEDOUT. */
	enum lz_status (*probe)(struct lz_device *dev);
	/* A reset of the device succeeded: a queue that stands still because
	 * of it may be tried again. No waiting. */
	void (*reset_succeeded)(struct lz_device *dev);

	/* Somebody says the device is broken: same path as if it had been
	 * identified. Any context. */
	void (*accuse)(struct lz_device *dev, enum lz_evidence evidence);

	/* Invalidates [start, end) in IOTLB, then ATCs, and waits at most
	 * sync_bound (task) or atomic_wait (atomic). LZ_OK: nothing behind this
	 * IOMMU can reach the range any more, and everybody has seen what the
	 * caller wrote before (letter L). Everything else (LZ_EIO, LZ_ETIMEDOUT,
	 * LZ_EBUSY = a suspect is held): pages into custody. `granule` is the
	 * smallest block that was unmapped. Any context, no gate. */
	enum lz_status (*invalidate)(struct lz_domain_part *part, lz_iova start, lz_iova end,
				     size_t granule);
	/* The same for all that it has of the domain, linked devices that are
	 * leaving it included: LZ_OK says also that what install(NULL) or block
	 * wrote for them is in effect. Task context, no gate. */
	enum lz_status (*invalidate_all)(struct lz_domain_part *part);

	/* The driver's deferred part: errors, identification, fences, ladder.
	 * Waits at most sync_bound a few times. Task context, no gate. */
	struct lz_work_next (*work)(struct lz_iommu *iommu);

	/* An operator wants everything aborted: work() does it, whatever the
	 * policy says, and moves `aborts_tried` on. Any context. */
	void (*abort)(struct lz_iommu *iommu);
	/* How long the queue has been standing still; 0 when it is not. May be
	 * NULL. Any context. */
	lz_ns (*stalled_for)(struct lz_iommu *iommu);
};

/* ---- objects ---- */

struct lz_iommu {
	const struct lz_iommu_ops *ops;
	struct lz *lz;
	/* Whether an invalidation has to look closely: how many devices are not open;
	 * the upper half is the driver's. Atomic. */
	uint32_t alert;
	char name[32];
	struct lz_fault_traits traits;	      /* set by the driver before its first device */
	struct lz_work work;		      /* core/contain.c: ops->work, then custody */
	struct lz_spinlock lock;	      /* devices, parts of domains */
	struct lz_device *devices;	      /* by next_in_iommu; [lock] */
	uint32_t n_parts;		      /* parts of domains; [lock] */
	struct lz_domain_part *pending;	      /* to be swept in this pass; [lock] */
	struct lz_domain_part *swept;	      /* ... once more in the next; [lock] */
	uint32_t fences_pending;	      /* devices whose fence_pending is not 0; atomic */
	uint32_t dead;			      /* nothing is translated any more (atomic) */
	uint32_t abort_ordered, aborts_tried; /* by an operator; atomic */
	struct lz_iommu *next;		      /* [lz.lock] */
	struct lz_counts n;
	struct lz_meter custody;	      /* [lz.lock] */
	uint64_t fence_last, fence_max;	      /* ns; atomic */
	uint64_t stall_max;		      /* ns; atomic */
	uint64_t latency[LZ_LATENCY_BUCKETS]; /* atomic */
	struct lz_log_limit errors, notices;  /* of the hardware, of devices */
	struct lz_suspects suspects;
	lz_ns backoff;	     /* of the sweep; [work] */
	uint32_t sweep_pass; /* [lock] */
};

struct lz_attachment {
	struct lz_device *dev;
	uint32_t pasid;
	struct lz_domain *dom;	   /* what the core keeps; NULL = blocking */
	struct lz_domain *leaving; /* left without effect yet: links remain */
	struct lz_attachment *next;
	unsigned left_epoch;		    /* [leaving->lock] */
	struct lz_attachment *next_leaving; /* [leaving->lock] */
};

struct lz_device {
	struct lz *lz;
	struct lz_iommu *iommu;
	struct lz_group *group;
	char name[32];
	const struct lz_pci_access *pci;
	const struct lz_owner_ops *owner;
	void *owner_ctx, *user;
	const struct lz_device *pf; /* of a virtual function; compared, not followed */
	unsigned n_streams;
	uint32_t streams[LZ_MAX_STREAMS];
	bool ats_allowed; /* platform says so */
	bool ats_capable; /* allowed, and device and IOMMU can; set by device_add */
	uint8_t ats_on;	  /* endpoint's ATS enable is on; [gate] */
	unsigned pasid_bits;
	bool pasid_on; /* config space has PASID enabled; [gate] */
	void *drv;     /* the driver's own */
	uint32_t refs; /* atomic */

	/* Fence and evidence: written under fence_lock, read without it by
	 * invalidations (relaxed). A byte of its own (H63). */
	struct lz_spinlock fence_lock;
	uint8_t fence;		      /* enum lz_fence_state */
	uint8_t evidence;	      /* enum lz_evidence; [fence_lock] */
	uint32_t generation;	      /* odd: in reset */
	uint32_t changed;	      /* lz.resets when the generation moved last */
	uint32_t reported;	      /* generation reported + 1; 0 never; [fence_lock] */
	bool report_pending;	      /* [fence_lock] */
	uint32_t reported_round;      /* lz.contain_round then; [fence_lock] */
	lz_ns noticed;		      /* when it was accused; 0: it is not; [fence_lock] */
	struct lz_snapshot *snapshot; /* NULL: left out of the build; [fence_lock] */
	bool accused_ever;	      /* `snapshot` is one; [fence_lock] */
	bool left;		      /* lz_suspect_leave(); [fence_lock] */
	uint32_t fence_round;	      /* moves when a fence begins or is lifted; [fence_lock] */
	uint32_t fence_pending;	      /* round without effect yet; 0 none; [fence_lock] */
	struct lz_suspicion suspicion;
	struct lz_own_probe own_probe;
	/* The ladder took bus master away, or the port above blocks its ATS; atomic. */
	uint32_t function_off, port_blocked;
	/* atomic */
	uint32_t timeouts, n_probes, n_exonerations, n_fences, n_quarantines, n_recoveries;
	uint32_t n_stale, n_slow;
	uint64_t fence_last, fence_max, slow_at;

	/* The core's; [group lock] for reading, gate for changing. */
	uint32_t block; /* LZ_BLOCK_* (atomic) */
	uint32_t reset_depth;
	enum lz_reset_result reset_worst;
	uint8_t fence_before_reset;
	uint8_t presence;  /* enum lz_presence (atomic) */
	bool counted;	   /* its ids are in the group's recovery count (H08, H11) */
	bool reattach;	   /* a good reset, tables still to be written; [gate] */
	bool cures;	   /* what is under way ends a fault; [gate] */
	bool block_owed;   /* it was blocked, and not with effect so far; [gate] */
	bool delayed;	   /* somebody was told that its recovery waits; [gate] */
	uint8_t degraded;  /* quarantined by its fence alone (atomic); [gate] */
	uint32_t response; /* enum lz_response (atomic) */
	uint32_t family;   /* of those that share requester ids; [gate] */
	bool tell_held;	   /* a sibling blocked it, its owner has not heard; [gate] */
	bool owes_resume;  /* its owner waits for what a sibling's recovery lifts; [gate] */
	bool waited;	   /* what is delayed is its sibling's recovery, not its own; [gate] */
	/* Times of the last recoveries, core/limit.c; [gate] */
	lz_ns *recovered_at;
	uint64_t n_recovered;
	uint32_t in_owner; /* context that is in an owner callback; 0 none (H19) */
	lz_ns backoff;	   /* of the report work, then of a removal that is not finished */
	struct lz_attachment rid;
	struct lz_attachment *pasids; /* list; rid.next unused */
	/* src/pci's: a reset by the library is under way; the order of methods,
	 * 4 bits each from below, 0 the built-in one (both atomic). */
	uint32_t in_pci_reset, reset_methods;
	uint32_t holds;		    /* lz_device_hold(): counts up under the group lock; atomic */
	struct lz_work report_work; /* one per device (H28) */
	struct lz_work free_work;   /* last reference dropped anywhere (H26) */
	struct lz_device *next_in_group, *next_in_iommu;
	struct lz_device **at_in_group, **at_in_iommu; /* what points to it */
};

/* What a domain is to one IOMMU: one part for each that a device of it is behind. */
struct lz_domain_part {
	struct lz_domain *dom;
	struct lz_iommu *iommu;
	void *drv;	      /* the driver's own: ASID, invalidation array */
	void *next;	      /* part, by index; [dom->lock], read without it (L) */
	unsigned index;	      /* 0: of the IOMMU that it was made for */
	uint32_t users;	      /* invalidations under way, unless index is 0; atomic */
	uint32_t attached;    /* attachments incl. leaving, and attempts; [dom->lock] */
	bool used;	      /* attached to since its sweep began; [dom->lock] */
	bool waits;	      /* custody waits for it ... [dom->lock] */
	unsigned since, last; /* ... what is held since these epochs */
	uint32_t pending;     /* its IOMMU's sweep has to look at it, and has it in a list:
				 set with either lock, cleared with both (atomic) */
	bool gone;	      /* out of the domain, not freed yet; [sweep] */
	bool dying;	      /* of a domain that is destroyed; [iommu lock] */
	bool sweeping;	      /* the work looks at it; [iommu lock] */
	uint32_t sweep_pass;  /* [iommu lock] */
	struct lz_domain_part *next_pending, **at_pending; /* [iommu lock] */
};

/* A part's bit in a mask. */
#define LZ_DOMAIN_PARTS 32u

struct lz_domain {
	struct lz_domain_part first; /* of the IOMMU that it was made for */
	void *more;		     /* published list of the other parts; as first.next */
	struct lz *lz;
	enum lz_domain_type type;
	const struct lz_domain_ops *dops;
	void *ctx;
	struct lz_pt pt;
	uint32_t attached; /* attachments incl. leaving; atomic */
	struct lz_spinlock lock;
	uint32_t n_parts;		   /* not freed yet, and who destroys it; [lock] */
	struct lz_custody_record *custody; /* core/custody.c; [lock] */
	struct lz_attachment *leaving;	   /* by next_leaving; [lock] */
	uint32_t n_leaving;		   /* [lock] */
	uint32_t in_custody;		   /* it has something in custody (atomic) */
};

/* ---- what the core offers to drivers ---- */

/* References. get: any context, where the device cannot vanish meanwhile
 * (H25). put: any context; the last one frees from task context (H26). */
void lz_device_get(struct lz_device *dev);
void lz_device_put(struct lz_device *dev);

/* Sets up the common part of an IOMMU; the driver's structure embeds it. */
void lz_iommu_init(struct lz_iommu *iommu, struct lz *lz, const struct lz_iommu_ops *ops,
		   const char *name);
/* LZ_EBUSY while it has devices or domains; drains its work. Task context. */
enum lz_status lz_iommu_fini(struct lz_iommu *iommu);
/* "Run ops->work and sweep custody soon." Any context, any lock below WORK. */
void lz_iommu_kick(struct lz_iommu *iommu);

/* Can its ATS be used, and is it off, as config space reads? Only then does switching it
 * on empty its ATC (PCIe 10.3.7). One that does not obey may hold what was given back
 * while it was blocked, or left a domain: its entry must not let that through (A). Gate
 * held. */
bool lz_device_ats_is_off(struct lz_device *dev);
/* PASID on in config space, for a PCI device that takes part in PASIDs; before its
 * ATS, or with it on when nothing changes. LZ_OK: on, or nothing to do; else it has
 * none now, and pasid_on says so. Gate held. */
enum lz_status lz_device_pasid_on(struct lz_device *dev);
/* Off again, after its ATS. */
void lz_device_pasid_off(struct lz_device *dev);

/* Keeps a device's removal waiting, and with it its config space there, from outside of
 * the gate. False: it is being removed already. Nests; task context; no callback of an
 * owner meanwhile. */
bool lz_device_hold(struct lz_device *dev);
void lz_device_let(struct lz_device *dev);

/* Brackets an owner callback (H19); they nest (a reset from error_detected).
 * Task context, a reference held. */
uint32_t lz_owner_enter(struct lz_device *dev);
void lz_owner_leave(struct lz_device *dev, uint32_t outer);

/* Reports a device broken once per generation: queues its report work. The
 * caller holds a reference; `generation` is that of the evidence; dropped if
 * it moved. The fence is in effect, or on its way. Any context. */
void lz_report_broken(struct lz_device *dev, uint32_t generation, enum lz_evidence evidence);

void lz_event_out(struct lz *lz, const struct lz_event *ev);
void lz_event_out_device(struct lz_device *dev, enum lz_event_kind kind, enum lz_status status,
			 uint64_t detail);
/* Emits an event with time filled in. Any context. */
static inline void lz_emit(struct lz *lz, const struct lz_event *ev)
{
	if (LZ_CONFIG_EVENTS)
		lz_event_out(lz, ev);
}
/* Shorthand: an event about a device. */
static inline void lz_emit_device(struct lz_device *dev, enum lz_event_kind kind,
				  enum lz_status status, uint64_t detail)
{
	if (LZ_CONFIG_EVENTS)
		lz_event_out_device(dev, kind, status, detail);
}

/* printf subset: %s %u %x %08x %llx %llu %d %c %%; at most 200 characters;
 * prefixed by `who` and ": ". Any context. */
void lz_log_out(struct lz *lz, enum lz_log_level level, const char *who, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A macro, so that left-out lines leave no text behind. */
#define lz_log(...) (LZ_CONFIG_LOG ? lz_log_out(__VA_ARGS__) : (void)0)

/* True when the line may go out; says how many were left out before it. */
bool lz_log_admit(struct lz *lz, struct lz_log_limit *limit, const char *who);
/* The same for a line that may repeat without end. */
#define lz_log_limited(lz, limit, level, who, ...)                                               \
	(LZ_CONFIG_LOG && lz_log_admit(lz, limit, who) ? lz_log_out(lz, level, who, __VA_ARGS__) \
						       : (void)0)

/* Counters that nothing but a reader depends on. Any context. */
static inline void lz_count32(uint32_t *counter)
{
	if (LZ_CONFIG_STATS)
		(void)lz_fetch_add32(counter, 1);
}
static inline void lz_count64(uint64_t *counter)
{
	if (LZ_CONFIG_STATS)
		(void)lz_fetch_add64(counter, 1);
}

/* Evidence of before a reset was dropped (H47). Any context. */
static inline void lz_count_stale(struct lz_device *dev)
{
	lz_count32(&dev->n_stale);
	lz_count64(&dev->iommu->n.stale);
}

/* The device was accused just now; a snapshot may be filled in. [fence_lock] */
void lz_accused_locked(struct lz_device *dev);
/* What it was accused of came to nothing, or is over. [fence_lock] */
void lz_acquitted_locked(struct lz_device *dev);
/* The evidence against it, when its fence begins. [fence_lock] */
void lz_convicted_locked(struct lz_device *dev, enum lz_evidence evidence);
/* Its fence is in effect. [fence_lock] */
void lz_fenced_locked(struct lz_device *dev);
/* A wait for the hardware is over. Any context. */
void lz_count_latency(struct lz_iommu *iommu, lz_ns took);
/* Raises an atomic maximum. Any context. */
void lz_raise_max(uint64_t *max, uint64_t v);

/* Is containment in force, or only compared with? */
static inline bool lz_contains(const struct lz *lz)
{
	return !LZ_CONFIG_OBSERVE || lz_load32(&lz->contain) == LZ_CONTAIN_ON;
}

/* The port's memory services. Giving back NULL does nothing. */
void *lz_mem_alloc(const struct lz *lz, size_t size);
void lz_mem_free(const struct lz *lz, void *p, size_t size);
void *lz_mem_dma_alloc(const struct lz *lz, size_t size, size_t align, lz_phys *phys);
void lz_mem_dma_free(const struct lz *lz, void *va, size_t size);

static inline lz_ns lz_now(const struct lz *lz)
{
	return lz->port->now(lz->port->ctx);
}

#endif
