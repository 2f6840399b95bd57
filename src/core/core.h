/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the core; drivers do not include it. */
#ifndef LZ_CORE_CORE_H
#define LZ_CORE_CORE_H

#include "core/driver.h"
#include "core/gate.h"
#include "core/mem.h"

/* A few syncs of the holder before us, several times over. */
static inline lz_ns lz_gate_bound(const struct lz *lz)
{
	return 16 * lz->cfg.sync_bound;
}

/*
 * Lists by a member `next`, with a member `at` that says what points to the item, so that
 * nobody has to look for whoever leaves.
 */
#define LZ_LIST_PUSH(head, item, next, at)                \
	do {                                              \
		(item)->next = *(head);                   \
		if ((item)->next)                         \
			(item)->next->at = &(item)->next; \
		(item)->at = (head);                      \
		*(head) = (item);                         \
	} while (0)
#define LZ_LIST_REMOVE(item, next, at)                 \
	do {                                           \
		*(item)->at = (item)->next;            \
		if ((item)->next)                      \
			(item)->next->at = (item)->at; \
	} while (0)

/* What a good reset lifts. */
#define LZ_BLOCK_OF_FAULTS (LZ_BLOCK_RESET | LZ_BLOCK_RESET_FAILED | LZ_BLOCK_BROKEN)

/* Attachments of PASIDs, by next. */
static inline struct lz_attachment *lz_first_pasid(const struct lz_device *dev)
{
	return LZ_CONFIG_PASID ? dev->pasids : NULL;
}

/* ---- stats.c ---- */
/* `pages` more, or fewer, from `now` on; the owner's lock is held. */
void lz_meter_add(struct lz_meter *m, uint64_t pages, lz_ns now);
uint64_t lz_meter_page_us(const struct lz_meter *m, lz_ns now);

/* ---- custody.c ---- */
#define LZ_CUSTODY_RANGES 8u
struct lz_custody_range {
	lz_iova start, end;
	unsigned last; /* epoch of its newest entry */
};
struct lz_custody_record {
	struct lz_custody_range range[LZ_CUSTODY_RANGES];
	unsigned n;
	unsigned epoch;	       /* of what is held now */
	unsigned oldest;       /* of what is in the ranges */
	bool used;	       /* something is held since `epoch` began */
	bool releasing;	       /* somebody releases ... */
	bool again;	       /* ... and looks once more when he is done */
	struct lz_meter meter; /* written with the domain lock held */
	uint64_t released;     /* since custody was last empty */
};

/* Entries of the range from in flight to in custody, until every part whose bit is
 * not in `done` has been invalidated. Any context. */
void lz_custody_hold(struct lz_domain *dom, lz_iova start, lz_iova end, uint32_t done);
/* The attachment left its domain without effect; the gate is held. */
void lz_custody_leave(struct lz_attachment *att, struct lz_domain_part *part);
/* The device cannot reach the domain that it was leaving any more. Gate held. */
void lz_custody_left(struct lz_gated g, struct lz_attachment *att);
/* Task context, from the IOMMU's work only. True when something remains. */
bool lz_custody_sweep(struct lz_iommu *iommu);
bool lz_custody_any(struct lz_iommu *iommu);

/* ---- contain.c ---- */
/* Is nothing translated any more (then everything is invalidated)? */
static inline bool lz_iommu_dead(const struct lz_iommu *iommu)
{
	return lz_load32_acquire(&iommu->dead) != 0;
}
/* Need nobody wait for what its IOMMU does not answer? */
static inline bool lz_part_excused(const struct lz_domain_part *part)
{
	return !lz_contains(part->dom->lz) || lz_iommu_dead(part->iommu);
}

/* ---- domain.c ---- */
/* One part less of a domain that is destroyed, or whoever destroys it is done. The
 * last one frees it; true then. Task context. */
bool lz_domain_put(struct lz_domain *dom);

/* ---- part.c ---- */
/* Its IOMMU counts it, and does not any more; the IOMMU's lock is held. */
void lz_part_insert_locked(struct lz_domain_part *part);
void lz_part_take_out_locked(struct lz_domain_part *part);
/* The sweep has to look at it. With the domain's lock held, or the IOMMU's. */
void lz_part_pend(struct lz_domain_part *part);
void lz_part_pend_locked(struct lz_domain_part *part);
/* It need not, until somebody says so again. The domain's lock is held. */
void lz_part_settle(struct lz_domain_part *part);
/* Takes the next of this pass, or ends the pass. The IOMMU's lock is held. */
struct lz_domain_part *lz_part_next_pending_locked(struct lz_iommu *iommu);
/* The domain's part behind `iommu`, which an attachment keeps there. Any context. */
struct lz_domain_part *lz_part_of(struct lz_domain *dom, const struct lz_iommu *iommu);
/* For an attachment: the part, made if need be. LZ_ENOMEM, LZ_ENOTSUP, LZ_ELIMIT (behind
 * too many IOMMUs). Task context. */
enum lz_status lz_part_take(struct lz_domain *dom, struct lz_iommu *iommu,
			    struct lz_domain_part **out);
/* The attachment is over; the part goes when its IOMMU's work has swept it. */
void lz_part_let(struct lz_domain_part *part);
/* The same; the domain's lock is held, and the caller kicks the IOMMU. */
void lz_part_let_locked(struct lz_domain_part *part);
/* Nobody behind it is attached any more, and it is invalidated: out of the domain, when
 * `idle` said so before that. Task context. */
void lz_part_retire(struct lz_domain_part *part);
/* Frees what is out of the IOMMU's list; not the domain. */
void lz_part_free(struct lz_domain_part *part);
/* The next part after an index; with a user more, until it is done. Any context. */
struct lz_domain_part *lz_part_next(struct lz_domain *dom, unsigned after);
void lz_part_done(struct lz_domain_part *part);
/* Invalidates behind the other IOMMUs what the first has not left to custody; true:
 * everywhere. `done`: who has answered. Any context. */
bool lz_parts_invalidate(struct lz_domain *dom, lz_iova start, lz_iova end, size_t granule,
			 uint32_t *done);

/* ---- group.c ---- */
/* Attaches a device that is new in the group to its default domain, if any. */
enum lz_status lz_group_adopt(struct lz_gated g, struct lz_device *dev);

/* ---- device.c; the gate is held ---- */
/* Adds or takes block reasons and keeps the books (H08, H11, E). */
void lz_block_set(struct lz_gated g, struct lz_device *dev, uint32_t reasons);
void lz_block_clear(struct lz_gated g, struct lz_device *dev, uint32_t reasons);
/* ATS off in config space. */
void lz_device_ats_off(struct lz_gated g, struct lz_device *dev);
/* The same, then PASID: nothing of the device gets through any more. */
void lz_device_quiesce(struct lz_gated g, struct lz_device *dev);
uint8_t lz_device_fence(const struct lz_device *dev);

/* ---- policy.c ---- */
/* Puts the policy of lz_init() in force. */
void lz_policy_init(struct lz *lz);
/* What is done to the device when it is broken; never LZ_RESPONSE_DEFAULT. */
enum lz_response lz_response_of(const struct lz_device *dev);
/* ---- sibling.c: devices that share a requester id; the gate is held ---- */
bool lz_shares_id(const struct lz_device *a, const struct lz_device *b);
/* Into the family of those whose ids it shares; blocked with it if need be. */
void lz_family_join(struct lz_gated g, struct lz_device *dev);
/* The device is out of the group's list and blocks nobody any more (H10). */
void lz_family_leave(struct lz_gated g, struct lz_device *dev);
/* The device has got, or lost, its last reason of its own. */
void lz_siblings_hold(struct lz_gated g, struct lz_device *dev);
void lz_siblings_let(struct lz_gated g, struct lz_device *dev);
bool lz_has_siblings(const struct lz_device *dev);
/* Who keeps the device blocked as its sibling; NULL: nobody. */
struct lz_device *lz_sibling_holder(const struct lz_device *dev);
/* Lifts `reasons` but the sibling's; true, and told, when that one remains. */
bool lz_sibling_stays(struct lz_gated g, struct lz_device *dev, uint32_t reasons);
/* The device has answered: it and its siblings are let back, or none of them.
 * LZ_OK while dev->block is not 0: a sibling turned out to hold it. */
enum lz_status lz_recover_together(struct lz_gated g, struct lz_device *dev, uint32_t lift);
/* It only waited for a sibling, and is back. */
void lz_sibling_tell_lifted(struct lz_device *dev);
/* The report work of one that is blocked for a sibling only. False: once more. */
bool lz_sibling_lift(struct lz_gated g, struct lz_device *dev);

/* ---- suspect.c, fence.c ---- */
/* Off the list when it has been reset since, or is fenced; true: it was. Decided
 * under the lock that accusing takes. */
bool lz_suspect_drop_stale(struct lz_device *dev);
/* Open again, if it is still the accused that it was, in one step with the list: a
 * suspect that nobody looks at would be held for ever. */
bool lz_suspect_free(struct lz_device *dev, uint32_t gen);
/* The device is leaving: its fence counts no more. */
void lz_fence_leave(struct lz_device *dev);

/* ---- limit.c ---- */
/* The most recoveries in a window that a policy can allow. */
uint32_t lz_limit_room(const struct lz *lz);
/* Room for them; LZ_ENOMEM. */
enum lz_status lz_limit_init(struct lz_device *dev);
void lz_limit_fini(struct lz_device *dev);
/* A recovery from a fault. */
void lz_limit_count(struct lz_gated g, struct lz_device *dev);
/* Is another one too many? */
bool lz_limit_reached(struct lz_gated g, const struct lz_device *dev);
/* Somebody vouches for the device. */
void lz_limit_forget(struct lz_gated g, struct lz_device *dev);

/* ---- attach.c ---- */
/* The RID to `dom`: at once, or when what the device is blocked for is over. */
enum lz_status lz_attach_or_retain(struct lz_gated g, struct lz_device *dev, struct lz_domain *dom);
/* Its tables lead to what the core keeps once more: nothing is installed. */
enum lz_status lz_install_again(struct lz_gated g, const struct lz_attachment *att);
/* Is a PASID of the device attached? */
bool lz_has_pasids(const struct lz_device *dev);
/* Detaches every PASID; as good as the state allows. */
void lz_detach_pasids(struct lz_gated g, struct lz_device *dev);
/* The same, then the RID. */
void lz_detach_all(struct lz_gated g, struct lz_device *dev);
/* The operation `block`, and whether it has to be repeated before the device is asked. */
enum lz_status lz_block_tables(struct lz_gated g, struct lz_device *dev);

/* ---- report.c ---- */
void lz_report_run(struct lz_work *w);
/* Somebody knows that the device is broken which is fenced for something else: a
 * sibling, an operator, a reset whose end is delayed. What ends that does not end this
 * (H13). True: for lz_report_queue(). [fence_lock] */
bool lz_report_fenced_locked(struct lz_device *dev, enum lz_evidence evidence);
/* Tells the owner that its DMA is blocked, and why; outside the gate. */
void lz_tell_blocked(struct lz_device *dev, uint32_t cause, uint32_t generation);
/* The same when it has any cause, then that it was quarantined. */
void lz_tell_detected(struct lz_device *dev, uint32_t cause, uint32_t generation);
/* Queues the report work, with a reference of its own. */
void lz_report_queue(struct lz_device *dev, lz_ns delay);

/* ---- reset.c ---- */
/* The device is another one from here on: evidence of before says nothing. */
void lz_device_move_generation(struct lz_device *dev);
/* Lifts the fence and asks the device. LZ_OK: it answers, and its report is retired. */
enum lz_status lz_recover_ask(struct lz_gated g, struct lz_device *dev);
/* The RID's table, then the reasons `lift` are cleared, then the PASIDs' (H14). */
enum lz_status lz_recover_install(struct lz_gated g, struct lz_device *dev, uint32_t lift);
/* A report that has not been looked at yet is made again, of this generation. */
void lz_report_renew(struct lz_device *dev);
/* One that did not answer the core's own question is reported like any other. */
void lz_report_unanswered(struct lz_device *dev);
/* What was reported is settled. */
void lz_report_retire(struct lz_device *dev);
/* It has to be asked again: blocked until the queue, or memory, lets us. */
enum lz_status lz_recover_later(struct lz_gated g, struct lz_device *dev, enum lz_status why);
/* Asks again after a good reset that the queue did not answer. False: not yet. */
bool lz_reset_reattach(struct lz_gated g, struct lz_device *dev, bool *resumed);
/* Tells the owner; outside the gate. */
void lz_reset_tell_owner(struct lz_device *dev);

#endif
