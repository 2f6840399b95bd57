/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * PCI access by callbacks, and resets of a function.
 */
#ifndef LAZARET_PCI_H
#define LAZARET_PCI_H

#include "lazaret/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Config space of one function. Offsets in bytes, 0..4095, naturally aligned;
 * `width` is 1, 2 or 4. A function that does not answer reads as all ones.
 * Task context. The owner keeps it until the device is removed.
 */
struct lz_pci_access {
	/** First argument of the callbacks. */
	void *ctx;
	/** The value at `offset`, in its low bits. */
	uint32_t (*read)(void *ctx, unsigned offset, unsigned width);
	/** Writes; what is read only stays as it is. */
	void (*write)(void *ctx, unsigned offset, unsigned width, uint32_t value);
	/** Lets at least `ns` pass. */
	void (*sleep)(void *ctx, lz_ns ns);
	/** Config space of the port above the function, or NULL. */
	const struct lz_pci_access *upstream;
};

/** How a reset went. */
enum lz_reset_result {
	LZ_RESET_OK,		/**< the device was reset and answers */
	LZ_RESET_NOT_ATTEMPTED, /**< the device is as it was */
	LZ_RESET_FAILED,	/**< tried; nobody knows in what state it is */
};

/**
 * Says that the device is about to be reset by the caller's own means. Nests:
 * only the outermost pair acts. Blocks the device's DMA, stops its
 * invalidations and drains those in flight within sync_bound. Task context.
 *
 * LZ_OK, also when draining timed out (the reset may go on; memory stays in
 * custody); LZ_EBUSY when a reset's end is being processed; LZ_ENODEV when it
 * is being removed. After an error lz_reset_done() must not be called.
 */
LZ_MUST_CHECK enum lz_status lz_reset_prepare(struct lz_device *dev);

/**
 * Ends the reset with its real result. The worst result of the nest counts.
 * OK: unfenced, probed, re-attached. LZ_RESET_NOT_ATTEMPTED: back to the state
 * before. LZ_RESET_FAILED: stays blocked. Task context. LZ_OK when the device
 * is as the result says it should be; LZ_EIO/LZ_ETIMEDOUT when the reset was
 * reported fine but the device does not answer (it stays blocked); LZ_EINVAL
 * without a matching prepare.
 */
LZ_MUST_CHECK enum lz_status lz_reset_done(struct lz_device *dev, enum lz_reset_result result);

/**
 * Whether lz_pci_reset_flr() would try: LZ_OK or LZ_ENOTSUP. Reads config
 * space only, changes nothing (H01). Task context.
 */
LZ_MUST_CHECK enum lz_status lz_pci_can_flr(struct lz_device *dev);

/**
 * Function level reset: prepare, wait for pending transactions, FLR, settle,
 * ready wait, restore of config space, done(result). Settling and restoring
 * happen after a failed reset too. Task context; takes 100 ms and more.
 * Returns what went wrong first: what lz_reset_prepare() returned, LZ_ENOTSUP
 * when the function has no FLR (nothing was touched), LZ_ENODEV when its config
 * space did not answer (not attempted), LZ_ETIMEDOUT when it did not come back,
 * LZ_EIO when FLR had no visible effect; else what lz_reset_done() returned.
 */
LZ_MUST_CHECK enum lz_status lz_pci_reset_flr(struct lz_device *dev);

#ifdef __cplusplus
}
#endif
#endif
