/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices, groups, their owners and their health. */
#ifndef LAZARET_DEVICE_H
#define LAZARET_DEVICE_H

#include "lazaret/events.h"
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
	/** The device was unblocked after a successful reset. */
	void (*resume)(void *ctx, struct lz_device *dev);
};

#define LZ_MAX_STREAMS 8u

struct lz_device_desc {
	const char *name; /**< copied; at most 31 characters used */
	struct lz_iommu *iommu;
	const uint32_t *streams;	 /**< stream ids, distinct */
	unsigned n_streams;		 /**< 1..LZ_MAX_STREAMS */
	const struct lz_pci_access *pci; /**< NULL: not PCI; referenced until removal */
	bool ats;	     /**< platform and policy allow ATS; still needs the device's
				  and the IOMMU's capability */
	unsigned pasid_bits; /**< 0: none; capped by device and IOMMU */
	const struct lz_owner_ops *owner; /**< may be NULL */
	void *owner_ctx;
	void *user; /**< see lz_device_user() */
};

/** Makes an empty group. Task context. LZ_ENOMEM. */
LZ_MUST_CHECK enum lz_status lz_group_create(struct lz *lz, unsigned id, struct lz_group **out);
/** Frees an empty group; LZ_EBUSY while it has devices. Task context. */
LZ_MUST_CHECK enum lz_status lz_group_destroy(struct lz_group *group);
unsigned lz_group_id(const struct lz_group *group);
/** Requester ids of the group that are blocked now (invariant E). */
unsigned lz_group_recovery_count(const struct lz_group *group);

/**
 * Adds a device, blocked until its first attach. ATS is switched off in its
 * config space first, whatever firmware left there (H91). All memory that
 * fencing and blocking will ever need is taken here. Task context.
 *
 * LZ_EINVAL, LZ_ENOMEM, LZ_EEXIST (a stream id is taken by another device),
 * LZ_ETIMEDOUT when the IOMMU's queue is stalled, LZ_EIO when the function's
 * ATS cannot be switched off. On failure nothing remains.
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

const char *lz_device_name(const struct lz_device *dev);
void *lz_device_user(const struct lz_device *dev);
struct lz_group *lz_device_group(const struct lz_device *dev);

/**
 * Tells the library that a device is broken, from a source of the embedder's
 * own (an error interrupt of the device, a machine check). Fences and
 * quarantines it. Any context but an owner callback.
 */
void lz_device_report_broken(struct lz_device *dev);

/** Is ATS in use: enabled in the device and allowed in the IOMMU. */
bool lz_device_ats_active(const struct lz_device *dev);

enum lz_fence_state { LZ_FENCE_OPEN, LZ_FENCE_SUSPECT, LZ_FENCE_FENCING, LZ_FENCE_FENCED };

#define LZ_BLOCK_RESET	      (1u << 0)
#define LZ_BLOCK_RESET_FAILED (1u << 1)
#define LZ_BLOCK_BROKEN	      (1u << 2)
#define LZ_BLOCK_PERMANENT    (1u << 3)
#define LZ_BLOCK_OPERATOR     (1u << 4)
#define LZ_BLOCK_SIBLING      (1u << 5)

enum lz_presence { LZ_PRESENT, LZ_REMOVING, LZ_GONE };

struct lz_health {
	enum lz_fence_state fence;
	unsigned block; /**< LZ_BLOCK_* */
	unsigned reset_depth;
	enum lz_presence presence;
	uint32_t generation; /**< odd while in reset */
	enum lz_evidence evidence; /**< of the last fault, also after recovery */
	uint32_t timeouts, probes, fences, quarantines, recoveries;
	/** healthy, suspect, broken, resetting, reset failed, failed
	 *  permanently or removed */
	const char *state;
};

/** A snapshot; fields may be from slightly different moments. Any context. */
void lz_device_health(const struct lz_device *dev, struct lz_health *out);
const char *lz_fence_name(enum lz_fence_state f);

#ifdef __cplusplus
}
#endif
#endif
