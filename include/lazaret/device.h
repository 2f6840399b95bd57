/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * Devices, groups, their owners and their health.
 */
#ifndef LAZARET_DEVICE_H
#define LAZARET_DEVICE_H

#include "lazaret/events.h"
#include "lazaret/lazaret.h"
#include "lazaret/pci.h"
#include "lazaret/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Callbacks of whoever drives the device. Task context, no library lock held.
 * They may attach, detach, map, unmap and reset; a report from inside a
 * callback is a programmer error (H19). Any may be NULL.
 */
struct lz_owner_ops {
	/** The device was quarantined: its DMA is blocked. */
	void (*error_detected)(void *ctx, struct lz_device *dev, enum lz_evidence evidence,
			       uint32_t generation);
	/** The device was unblocked after a successful reset, or an error of its
	 *  link is over: normal work may begin. */
	void (*resume)(void *ctx, struct lz_device *dev);
	/** An error of the device's link, or the end of its recovery. What it
	 *  answers to LZ_CHANNEL_LOST is not looked at. Without this callback the
	 *  recovery of everything below the link fails. */
	enum lz_vote (*channel_error)(void *ctx, struct lz_device *dev, enum lz_channel state);
	/** All could go on: registers may be read, DMA not begun. NULL: no opinion. */
	enum lz_vote (*mmio_enabled)(void *ctx, struct lz_device *dev);
	/** The link was reset, registers are as after a reset but for restored
	 *  config space; DMA is blocked until resume. NULL: no opinion. */
	enum lz_vote (*slot_reset)(void *ctx, struct lz_device *dev);
	/** For an owner that passes on what happens, as to a virtual machine: the
	 *  device's DMA is blocked in `generation`, for the reasons `cause`
	 *  (LZ_BLOCK_*). Before error_detected() when there was a fault; alone when
	 *  an operator blocked it. resume() ends it. */
	void (*blocked)(void *ctx, struct lz_device *dev, unsigned cause, uint32_t generation);
};

/** Most stream ids of one device. */
#define LZ_MAX_STREAMS 8u

/** What lz_device_add() has to know; copied, but for what `pci` and `owner` point to. */
struct lz_device_desc {
	const char *name;	/**< copied; at most 31 characters used */
	struct lz_iommu *iommu; /**< that the streams arrive at */
	/** Stream ids, distinct: its own first, which invalidations reach it by, then
	 *  those that it sends in another's name, as behind a bridge. Another device
	 *  of the same group may send them too: that one is blocked while this one
	 *  is (LZ_BLOCK_SIBLING). */
	const uint32_t *streams;
	unsigned n_streams;		 /**< 1..LZ_MAX_STREAMS */
	const struct lz_pci_access *pci; /**< NULL: not PCI; referenced until removal */
	bool ats;	     /**< platform and policy allow ATS; still needs the device's
				  and the IOMMU's capability, and is refused, with a
				  warning, where no fence would stop the device: it
				  can use CXL.cache, or a port above lets translated
				  requests through to its peers */
	unsigned pasid_bits; /**< 0: none; capped by device and IOMMU */
	const struct lz_owner_ops *owner; /**< may be NULL */
	void *owner_ctx;		  /**< first argument of the owner's callbacks */
	void *user;			  /**< see lz_device_user() */
	/** Of a virtual function: its physical function, at the same IOMMU, or
	 *  NULL. A reset of that one takes this one along (H92), so it is removed
	 *  first. */
	struct lz_device *pf;
	enum lz_response response; /**< overrides lz_config.response */
};

/** Makes an empty group; `id` is the caller's own number for it. Task context.
 *  LZ_ENOMEM. The caller owns it: lz_group_destroy(). */
LZ_MUST_CHECK enum lz_status lz_group_create(struct lz *lz, unsigned id, struct lz_group **out);
/** Frees an empty group; LZ_EBUSY while it has devices or an owner. Task context. */
LZ_MUST_CHECK enum lz_status lz_group_destroy(struct lz_group *group);
/** What lz_group_create() was given as `id`. Any context. */
unsigned lz_group_id(const struct lz_group *group);

/**
 * Sets where the group's devices are while nobody has claimed it; NULL or a
 * blocking domain: nowhere, their DMA is blocked. They are moved there, and a
 * device that is added is attached to it; one that is blocked gets there when it
 * recovers. While the group is claimed this is only remembered. The domain cannot
 * be destroyed while it is a default. Task context.
 *
 * LZ_EINVAL: a device is at another IOMMU; LZ_EBUSY: a device is in a domain of
 * somebody's, is about to be quarantined, has PASIDs that the domain does not
 * allow, or another operation of the group did not end in time; LZ_ENOMEM,
 * LZ_EIO, LZ_ETIMEDOUT as lz_attach(). After an error the default is the old one,
 * and devices that cannot be taken back to it are detached; calling again is
 * allowed. LZ_ENOTSUP: default domains were left out of the build.
 */
LZ_MUST_CHECK enum lz_status lz_group_set_default_domain(struct lz_group *group,
							 struct lz_domain *dom);

/**
 * Claims the group for `owner`, any pointer but NULL: its devices leave the
 * default domain and are detached, and may be attached elsewhere. Without a claim
 * a group that has a default domain stays in it. The same owner may claim again;
 * each claim is to be released. Task context.
 *
 * LZ_EINVAL without an owner; LZ_EBUSY: somebody else has claimed it, a device is
 * in another domain than the default or has a PASID attached, or another operation
 * of the group did not end in time; LZ_ENOTSUP: claims were left out of the build.
 */
LZ_MUST_CHECK enum lz_status lz_group_claim(struct lz_group *group, void *owner);

/**
 * Gives a claim back. The last one detaches what the owner has attached and takes
 * the devices to the default domain; those that are blocked get there when they
 * recover. Task context.
 *
 * LZ_EINVAL: `owner` has not claimed it, nothing was done; LZ_ENOTSUP: claims were
 * left out of the build. After every other
 * outcome it is released; LZ_EBUSY, LZ_ENOMEM, LZ_EIO, LZ_ETIMEDOUT: a device
 * could not be attached to the default domain and is detached;
 * lz_group_set_default_domain() tries again.
 */
LZ_MUST_CHECK enum lz_status lz_group_release(struct lz_group *group, void *owner);

/** Requester ids of the group that are blocked now (invariant E). Any context. */
unsigned lz_group_recovery_count(const struct lz_group *group);

/**
 * Adds a device, blocked until its first attach, or in its group's default domain
 * when there is one and nobody has claimed the group. ATS is switched off in its
 * config space first, whatever firmware left there (H91). All memory that
 * fencing and blocking will ever need is taken here. Task context.
 *
 * LZ_EINVAL, LZ_ENOMEM, LZ_EEXIST (a device of another group has a stream id, or
 * another device has the first one as its own, as while its removal is not
 * finished), LZ_ETIMEDOUT when the IOMMU's queue is stalled or has dropped what it was
 * sent, LZ_ENODEV when it translates nothing any more, LZ_ENOTSUP when it cannot serve so
 * many streams, LZ_EIO when the function's ATS cannot be switched off; and why it could not be
 * attached to the default domain. On failure nothing remains.
 */
LZ_MUST_CHECK enum lz_status lz_device_add(struct lz_group *group,
					   const struct lz_device_desc *desc,
					   struct lz_device **out);

/**
 * Removes a device, orderly where it answers. Its memory is freed when the
 * last reference is gone; the pointer is dead for the caller at once. Any
 * state is allowed, also resetting and quarantined. Task context. Always
 * LZ_OK, or LZ_EBUSY when it is being removed already.
 */
LZ_MUST_CHECK enum lz_status lz_device_remove(struct lz_device *dev);

/** The name given at lz_device_add(), cut to 31 characters; lives as long as the
 *  device. Any context. */
const char *lz_device_name(const struct lz_device *dev);
/** What the description had as `user`. Any context. */
void *lz_device_user(const struct lz_device *dev);
/** The group that the device was added to. Any context. */
struct lz_group *lz_device_group(const struct lz_device *dev);

/**
 * Tells the library that a device is broken, from a source of the embedder's
 * own (an error interrupt of the device, a machine check). Fences and
 * quarantines it. One that is blocked already, but not as broken, is quarantined too:
 * a reset of a device that shares its requester id does not let it back. Without
 * effect on one that is known to be broken or in reset. Any context but an owner
 * callback.
 */
void lz_device_report_broken(struct lz_device *dev);

/**
 * Blocks the device's DMA because an operator wants it, whatever its state; no
 * reset lifts that, only lz_device_clear(). What is attached stays what it is
 * going to be. The owner is told. Task context.
 *
 * LZ_OK with effect, LZ_ETIMEDOUT: blocked, but the IOMMU has not confirmed it yet
 * (the library goes on trying; invalidations of the device are held), or translated
 * requests pass because SMMU_CR0ACK.ATSCHK is off, also for a device that was blocked
 * before; LZ_EBUSY:
 * another operation of the group did not end in time, nothing was done; LZ_ENODEV
 * when the device is being removed; LZ_ENOTSUP: left out of the build.
 */
LZ_MUST_CHECK enum lz_status lz_device_block(struct lz_device *dev);

/**
 * Lets a device back, whatever it was blocked for: the way out of
 * LZ_BLOCK_PERMANENT and LZ_BLOCK_OPERATOR, and for a device that nobody can
 * reset. The device must answer an invalidation of everything it has cached first.
 * Its generation moves, its recoveries are forgotten, and RID and PASIDs are
 * attached to what the core keeps. The owner's resume() is called. Task context.
 *
 * LZ_OK, also when nothing was blocked. While a device that shares a requester id
 * with it is blocked, it is not asked: it stays blocked for that reason alone
 * (LZ_BLOCK_SIBLING), and comes back, asked, with that one. LZ_EIO: it did not answer, or its ATS
 * cannot be switched on; LZ_ETIMEDOUT, LZ_ENOMEM: nobody could ask it, or its
 * tables could not be written; it stays blocked for the same reasons in all
 * three. LZ_EBUSY while it is in reset, about to be quarantined, or another
 * operation of the group did not end in time; LZ_ENODEV when it is being removed;
 * LZ_ENOTSUP: left out of the build.
 */
LZ_MUST_CHECK enum lz_status lz_device_clear(struct lz_device *dev);

/** Is ATS in use: enabled in the device and allowed in the IOMMU. Any context. */
bool lz_device_ats_active(const struct lz_device *dev);

/** How far the IOMMU trusts translations of the device's own. */
enum lz_fence_state {
	LZ_FENCE_OPEN,	  /**< they pass */
	LZ_FENCE_SUSPECT, /**< they pass; its invalidations are held */
	LZ_FENCE_FENCING, /**< being stopped, without effect yet */
	LZ_FENCE_FENCED,  /**< they abort, with effect */
};

/* Why the device's DMA is blocked; several at a time. */
#define LZ_BLOCK_RESET	      (1u << 0) /**< a reset is under way */
#define LZ_BLOCK_RESET_FAILED (1u << 1) /**< the last reset did not help */
#define LZ_BLOCK_BROKEN	      (1u << 2) /**< it was quarantined */
#define LZ_BLOCK_PERMANENT    (1u << 3) /**< it failed too often */
#define LZ_BLOCK_OPERATOR     (1u << 4) /**< somebody wants it */
#define LZ_BLOCK_SIBLING      (1u << 5) /**< a device that shares its requester id */

/** Is the device there. */
enum lz_presence {
	LZ_PRESENT,  /**< yes */
	LZ_REMOVING, /**< lz_device_remove() was called */
	LZ_GONE,     /**< removed; somebody has a reference */
};

/** The state of a device. Counters that were left out of the build are zero. */
struct lz_health {
	enum lz_fence_state fence; /**< trust in its translations */
	unsigned block;		   /**< LZ_BLOCK_* */
	unsigned reset_depth;	   /**< lz_reset_prepare() without its lz_reset_done() */
	enum lz_presence presence; /**< whether it is there */
	uint32_t generation;	   /**< odd while in reset */
	enum lz_evidence evidence; /**< of the last fault, also after recovery */
	uint32_t timeouts;	   /**< accusations in which it was a suspect */
	uint32_t probes;	   /**< probes sent to it */
	uint32_t fences;	   /**< fences that took effect */
	uint32_t quarantines;	   /**< times it was quarantined */
	uint32_t recoveries;	   /**< times it was unblocked after a reset */
	bool degraded;		   /**< quarantined by its fence alone */
	/** healthy, suspect, degraded, blocked, broken, resetting, reset failed, failed
	 *  permanently or removed */
	const char *state;
};

/** A snapshot; fields may be from slightly different moments. Any context. */
void lz_device_health(const struct lz_device *dev, struct lz_health *out);
/** A constant name such as "fenced"; never NULL. Any context. */
const char *lz_fence_name(enum lz_fence_state f);

#ifdef __cplusplus
}
#endif
#endif
