/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SMMUv3 driver's state and what its files offer each other. Low to high:
 * queue, gerror, tables, arrays, invalidate, fence, identify, ladder, ops.
 */
#ifndef LZ_SMMUV3_SMMU_H
#define LZ_SMMUV3_SMMU_H

#include "core/driver.h"
#include "core/epoch.h"
#include "drivers/smmuv3/queue.h"
#include "lazaret/smmuv3.h"

/* ---- devices, domains ---- */

struct smmu_dev {
	struct lz_device *dev;
	struct smmu *smmu;
	uint64_t *ste[LZ_MAX_STREAMS];
	uint64_t *cd;
	lz_phys cd_phys;
	size_t cd_bytes;
	uint32_t fence_round;	/* [fence_lock] moves whenever a fence begins or is lifted */
	uint32_t fence_pending; /* round whose EATS is off, but without effect yet; 0 none */
	uint32_t function_off;	/* rung (c) took bus master away (atomic) */
	/* A probe for the core whose answer is still out; [gate]. */
	bool removed; /* [fence_lock] */
	bool own_probe;
	uint32_t own_probe_gen;
	uint64_t own_probe_sync;
	/* Accusation, [err_lock]; holds a reference while listed. */
	struct smmu_dev *accused_next;
	bool accused;
	bool sole;	      /* nobody else can have been it */
	uint32_t probes_lost; /* dropped by restarts since it was accused (atomic) */
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
	uint32_t ats_entries;	      /* atomic; 0 only while the array is empty */
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

#define SMMU_ALERT_STALLED (1u << 31) /* cmdq.stalled_at is set */
#define SMMU_ALERT_DEAD	   (1u << 30) /* iommu.dead is set */

struct smmu {
	struct lz_iommu iommu; /* first */
	uintptr_t mmio;
	struct lz *lz;

	/* What the hardware can, from the ID registers; constant after probe. */
	unsigned sid_bits, ssid_bits, oas_code, oas_bits, stall_model;
	bool ats, range_inv, two_level, asid16;

	/* Anything that an invalidation has to look at closely: how many devices
	 * are not open, and SMMU_ALERT_*. Zero: the short path. Atomic. */
	uint32_t alert;

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
	uint32_t sfm_seen;  /* atomic */
	uint32_t cfgi_owed; /* atomic: counts CFGIs without effect */
	uint32_t cfgi_paid; /* cfgi_owed when everything cached last went */

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
		lz_ns last_progress; /* since when CONS stands still, not empty; 0 no */
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
void smmu_ste_eats_off_locked(struct smmu_dev *sd);
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
static inline bool smmu_cfgi_is_owed(struct smmu *s, uint32_t *owed)
{
	*owed = lz_load32(&s->cfgi_owed);
	return *owed != lz_load32(&s->cfgi_paid);
}

/* arrays.c */
enum lz_status smmu_array_init(struct smmu_domain *sdom);
void smmu_array_fini(struct smmu_domain *sdom);
enum lz_status smmu_link(struct lz_device *dev, uint32_t pasid, struct lz_domain *dom);
void smmu_unlink(struct lz_device *dev, uint32_t pasid, struct lz_domain *dom);
/* Every reader that may have seen what was there before has left. */
void smmu_grace(struct smmu *s);

/* invalidate.c */
/* Somebody's patience ended: whoever may not sleep need not find out again
 * before CONS has moved. */
void smmu_stall_note(struct smmu *s);
void smmu_stall_forget(struct smmu *s);
/* Nothing is translated any more. */
void smmu_declare_dead(struct smmu *s);
enum lz_status smmu_invalidate(struct lz_domain *dom, lz_iova start, lz_iova end, size_t granule);
enum lz_status smmu_invalidate_all(struct lz_domain *dom);

/* fence.c */
/* Every change of a device's fence state goes through here. [fence_lock] */
void smmu_set_fence_locked(struct smmu_dev *sd, enum lz_fence_state f);
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
/* Forgets the probe under way: its sync will never say anything. */
void smmu_identify_end(struct smmu *s);
void smmu_accuse(struct lz_device *dev);
/* What a suspect is accused of, in one piece. */
struct smmu_accusation {
	uint32_t gen;
	bool sole;
	struct smmu_cmd cmd;
};
struct smmu_accusation smmu_accusation_of(struct smmu_dev *sd);
/* The head of the list of suspects with a reference of the caller's, or NULL. */
struct smmu_dev *smmu_suspect_first(struct smmu *s);
/* Takes it off the list and drops the list's reference, unless it has been
 * accused again in another generation. */
void smmu_suspect_drop(struct smmu *s, struct smmu_dev *sd, uint32_t gen);
/* Whatever it was accused of: it is being removed. */
void smmu_suspect_forget(struct smmu *s, struct smmu_dev *sd);

/* ladder.c */
/* True while the queue cannot be used. */
bool smmu_ladder(struct smmu *s, lz_ns *again);

/* evtq.c */
void smmu_evtq_poll(struct smmu *s);

/* ops.c */
extern const struct lz_iommu_ops smmu_ops;

#endif
