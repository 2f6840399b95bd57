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

	/** What the function is where config space says ffff:ffff (a virtual
	 *  function); 0 otherwise. */
	uint16_t vendor;
	/** Likewise. */
	uint16_t device;
	/** Nothing else is on the bus below `upstream`, but for the function's own
	 *  virtual functions: a secondary bus reset hits nobody else. */
	bool alone;
	/** A register of BAR 0 at `offset` bytes, little endian; `width` as above.
	 *  NULL: the resets that need it are not offered. */
	uint32_t (*bar_read)(void *ctx, unsigned offset, unsigned width);
	/** Writes one. Set both or none. */
	void (*bar_write)(void *ctx, unsigned offset, unsigned width, uint32_t value);
	/** Firmware's reset of the function, as ACPI's _RST. With `probe` it says
	 *  LZ_OK or LZ_ENOTSUP and touches nothing (H01); otherwise LZ_OK when the
	 *  function was reset, LZ_ENOTSUP when nothing was touched, or what went
	 *  wrong. NULL: none. */
	enum lz_status (*firmware_reset)(void *ctx, bool probe);
	/** Reset by the hotplug slot's controller, which keeps it from taking the
	 *  lost link for a removal. As firmware_reset. */
	enum lz_status (*slot_reset)(void *ctx, bool probe);
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
 * LZ_OK, also when draining timed out or the IOMMU has not confirmed the block
 * within that bound: the reset may go on, since it may be what the IOMMU waits
 * for. LZ_EV_FENCE_DELAYED says so, and until LZ_EV_FENCED (lz_health.fence) the
 * device may still reach what is mapped for it; whatever else it reaches stays in
 * custody. LZ_EBUSY when a reset's end is being processed; LZ_ENODEV when it
 * is being removed. After an error lz_reset_done() must not be called.
 */
LZ_MUST_CHECK enum lz_status lz_reset_prepare(struct lz_device *dev);

/**
 * Ends the reset with its real result. The worst result of the nest counts.
 * OK: unfenced, probed, re-attached. LZ_RESET_NOT_ATTEMPTED: back to the state
 * before. LZ_RESET_FAILED: stays blocked. Task context. LZ_OK when the device
 * is as the result says it should be; LZ_EIO/LZ_ETIMEDOUT when the reset was
 * reported fine but the device does not answer (it stays blocked); LZ_ENOMEM: it
 * answers, memory for its tables is short, and the library tries again; LZ_EINVAL
 * without a matching prepare. LZ_OK also while a device that shares a requester id
 * with it keeps it blocked (LZ_BLOCK_SIBLING).
 */
LZ_MUST_CHECK enum lz_status lz_reset_done(struct lz_device *dev, enum lz_reset_result result);

/**
 * Resets the function by the first of its methods that is not "not supported";
 * see docs/RESETS.md for the methods. Its virtual functions go along (H92).
 * Each method is: prepare for everything that the reset hits, wait for pending
 * transactions, save config space, reset, settle, wait until ready, restore,
 * done(result); settling and restoring happen after a failed reset too. Task
 * context, no lock held; takes 100 ms to a minute and more.
 *
 * LZ_OK; LZ_ENOTSUP when no method could be tried (nothing was touched, or the
 * device is as it was); LZ_ENODEV when config space did not answer and the
 * method needs it (not attempted); LZ_EBUSY when the library resets it already;
 * LZ_ENOMEM, nothing touched; LZ_ETIMEDOUT when it did not come back or did not
 * acknowledge; LZ_EIO when the reset had no visible effect; else what
 * lz_reset_prepare() or lz_reset_done() returned.
 */
LZ_MUST_CHECK enum lz_status lz_pci_reset(struct lz_device *dev);

/** Room for every method's name, the separators and the NUL. */
#define LZ_PCI_METHODS_SIZE 64u

/**
 * The methods that lz_pci_reset() would try, in its order: names separated by
 * a space, such as "flr bus". Probes each (H01: nothing changes). Task context.
 * LZ_EINVAL when `size` is less than LZ_PCI_METHODS_SIZE.
 */
LZ_MUST_CHECK enum lz_status lz_pci_reset_methods_get(struct lz_device *dev, char *out,
						      size_t size);

/**
 * Sets the order, and which methods take part: names separated by spaces or
 * commas; "" for none; "default" for the built-in order. Task context. Without
 * change on LZ_EINVAL (a name is unknown or there twice) and LZ_ENOTSUP (the
 * function does not have the method). Starts with the next reset.
 */
LZ_MUST_CHECK enum lz_status lz_pci_reset_methods_set(struct lz_device *dev, const char *list);

/**
 * Resets the secondary bus below `port`, with everything on it: `devs` names
 * each device of the library below the port, at any depth; virtual functions
 * need not be named with their physical function. When the port's downstream
 * port containment has triggered, the link is released instead: it went down
 * already. Every device goes through prepare and done, each with its own result
 * (docs/RESETS.md). Task context. `devs` is not kept.
 *
 * LZ_OK when all devices were reset; LZ_EINVAL without a device or a port;
 * LZ_ENOTSUP when the port is no bridge or CXL masks the reset; LZ_EBUSY,
 * LZ_ENOMEM: nothing touched; else what went wrong first.
 */
LZ_MUST_CHECK enum lz_status lz_pci_bus_reset(struct lz_device *const *devs, unsigned n,
					      const struct lz_pci_access *port);

/** How the way to a device is, after an error that the fabric reported. */
enum lz_channel {
	LZ_CHANNEL_NORMAL, /**< it works; the error was not fatal */
	LZ_CHANNEL_FROZEN, /**< nothing passes; the link will be reset */
	LZ_CHANNEL_LOST,   /**< recovery failed: the device stays blocked */
};

/** What an owner makes of such an error; lz_pci_recover() merges them. */
enum lz_vote {
	LZ_VOTE_NONE,	     /**< no opinion: a bridge, a callback that only notes */
	LZ_VOTE_CAN_RECOVER, /**< it can go on when its registers can be read */
	LZ_VOTE_NEED_RESET,  /**< it needs a reset of the link */
	LZ_VOTE_DISCONNECT,  /**< it is given up */
	LZ_VOTE_RECOVERED,   /**< it works again */
	LZ_VOTE_NO_HANDLER,  /**< the library's, for an owner without channel_error */
};

/** A link that recovery may have to reset. */
struct lz_pci_link {
	/** Config space of the port above the link. NULL without a `reset`: the
	 *  one device is integrated, its own methods reset it. */
	const struct lz_pci_access *port;
	/** Resets the link by the platform's own means, and waits for it: LZ_OK
	 *  or what went wrong. NULL: as lz_pci_bus_reset(). */
	enum lz_status (*reset)(void *ctx);
	/** Its argument. */
	void *ctx;
};

/**
 * Recovers everything below a link from an error that AER or DPC reported
 * (docs/RESETS.md): owners are told, vote, and are told again step by step.
 * `state` LZ_CHANNEL_FROZEN: fatal, the link is reset whatever the votes; else
 * LZ_CHANNEL_NORMAL. `devs` are all devices below, from the top down, virtual
 * functions after their physical one; none is removed meanwhile by a callback.
 * Task context, not from an owner callback. `devs` and `link` are not kept.
 *
 * LZ_OK: all are at work again; LZ_EINVAL; LZ_EBUSY, LZ_ENOMEM: nobody was
 * told; else the recovery failed: every device is blocked (LZ_EIO by votes, or
 * what the reset of the link said).
 */
LZ_MUST_CHECK enum lz_status lz_pci_recover(struct lz_device *const *devs, unsigned n,
					    enum lz_channel state, const struct lz_pci_link *link);

/**
 * Whether lz_pci_reset_flr() would try: LZ_OK or LZ_ENOTSUP. Reads config
 * space only, changes nothing (H01). Task context.
 */
LZ_MUST_CHECK enum lz_status lz_pci_can_flr(struct lz_device *dev);

/**
 * Function level reset, whatever the device's methods are: as lz_pci_reset().
 * LZ_ENOTSUP when the function has no FLR (nothing was touched).
 */
LZ_MUST_CHECK enum lz_status lz_pci_reset_flr(struct lz_device *dev);

#ifdef __cplusplus
}
#endif
#endif
