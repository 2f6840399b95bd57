/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * Model of a PCIe function: config space (from a dump), an address
 * translation cache with capacity and eviction, a DMA engine that uses the
 * translations it has cached, function level reset, and the ways in which all
 * of that goes wrong.
 */
#ifndef LAZARET_MODEL_ENDPOINT_H
#define LAZARET_MODEL_ENDPOINT_H

#include "lazaret-model/bus.h"
#include "lazaret-model/smmuv3.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What can be wrong with a function. */
enum lzm_ep_fault {
	LZM_EP_SOUND,		   /**< nothing */
	LZM_EP_ATC_SILENT,	   /**< never answers an Invalidate Request; until a reset */
	LZM_EP_ATC_SILENT_N,	   /**< does not answer the next `count` */
	LZM_EP_ATC_SLOW,	   /**< answers after `delay_ns` (below the timeout) */
	LZM_EP_ATC_LATE,	   /**< the same, above the timeout */
	LZM_EP_ATC_RANGES,	   /**< answers whole-space requests, not ranges */
	LZM_EP_ATC_UNSUPPORTED,	   /**< lost its ATS Enable by itself: answers UR */
	LZM_EP_SILENT_AFTER_RESET, /**< sound until the next reset, silent from then on */
	LZM_EP_FLR_FAILS,	   /**< FLR does nothing */
	LZM_EP_FLR_TIMEOUT,	   /**< does not come back from FLR: config reads all ones */
	LZM_EP_CONFIG_ONES, /**< config space reads all ones, writes are lost; DMA and silence go on
			     */
	LZM_EP_REMOVED,	    /**< surprise removal */
	LZM_EP_PM_FAILS,    /**< D3hot and back resets nothing */
	LZM_EP_BUS_FAILS,   /**< a bus reset does nothing to it */
	LZM_EP_BUS_TIMEOUT, /**< does not come back from a bus reset */
	LZM_EP_LINK_DOWN,   /**< a port: its link is down and stays down */
	LZM_EP_LINK_ASLEEP, /**< a port: its link is down until it is retrained */
	LZM_EP_KEEPS_VFS,   /**< a physical function whose FLR leaves its VFs alone */
	LZM_EP_MUTE_VENDOR, /**< the vendor's registers never acknowledge */
	LZM_EP_OLD_VENDOR,  /**< the vendor's firmware takes no part in resets */
};

/** A function; owned by whoever created it. */
struct lzm_ep;

/** What a function is made from. */
struct lzm_ep_config {
	const char *name;	 /**< copied; for the bench */
	const uint8_t *config;	 /**< config space as dumped; copied */
	size_t config_len;	 /**< 64 .. 4096 bytes */
	uint16_t vendor;	 /**< what it is when config has ffff:ffff (VF);
				    config space goes on reading ffff:ffff */
	uint16_t device;	 /**< likewise */
	bool add_ats;		 /**< give it an ATS capability when it has none;
				    without effect on a conventional function */
	uint32_t sid;		 /**< stream id that its requests arrive with */
	unsigned atc_entries;	 /**< capacity; 32 */
	uint64_t answer_ns;	 /**< normal time to answer an invalidation */
	uint64_t flr_ns;	 /**< time an FLR takes */
	uint64_t seed;		 /**< for eviction */
	struct lzm_ep *upstream; /**< port above (for ACS translation blocking), or NULL */
	struct lzm_ep *pf;	 /**< of a VF: its physical function; gone while that
				    one's VF Enable is 0. NULL: stands alone */
};

/** How the endpoint reaches the IOMMU and memory, and what the bench sees. */
struct lzm_ep_link {
	/** First argument of every callback. */
	void *ctx;
	/** Time in ns; never goes back. */
	uint64_t (*now)(void *ctx);
	/** The answer to the Invalidate Request `tag`. */
	void (*answer)(void *ctx, struct lzm_ep *ep, uint64_t tag, enum lzm_atc_answer a);
	/** A Translation Request for the page of `iova`; `pasid` 0: without PASID. */
	enum lzm_result (*translate)(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				     struct lzm_translation *out);
	/** A transaction with a translated address. */
	enum lzm_result (*translated)(void *ctx, struct lzm_ep *ep, uint64_t pa,
				      enum lzm_access access, uint64_t *out_pa);
	/** A transaction that the IOMMU translates; `pasid` as above. */
	enum lzm_result (*untranslated)(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
					enum lzm_access access, uint64_t *pa);
	/** A memory access that got through; `pasid` as above. `translated`: from the ATC. */
	void (*dma)(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova, uint64_t pa,
		    enum lzm_access access, bool translated);
	/** The function was reset (FLR begun, or bus reset). */
	void (*reset)(void *ctx, struct lzm_ep *ep);
};

/** NULL when out of memory or the configuration is out of range. `link` is copied. The
 *  caller owns the function. */
struct lzm_ep *lzm_ep_create(const struct lzm_ep_config *cfg, const struct lzm_ep_link *link);
/** Frees it; nothing refers to it any more. */
void lzm_ep_destroy(struct lzm_ep *ep);
/** The name it was created with; lives as long as the function. */
const char *lzm_ep_name(const struct lzm_ep *ep);
/** Its stream id. */
uint32_t lzm_ep_sid(const struct lzm_ep *ep);
/** What it is, whatever config space reads. */
void lzm_ep_ids(const struct lzm_ep *ep, uint16_t *vendor, uint16_t *device);

/** Config space: `offset` in bytes, naturally aligned; `width` 1, 2 or 4. All ones
 *  outside and when it does not answer. */
uint32_t lzm_ep_cfg_read(struct lzm_ep *ep, unsigned offset, unsigned width);
/** Likewise; writes may be lost. */
void lzm_ep_cfg_write(struct lzm_ep *ep, unsigned offset, unsigned width, uint32_t value);

/** A register of BAR 0: some functions have vendor registers that take part in
 *  a reset, by vendor and device id (Ivy Bridge graphics, NVMe, hinic VF). All
 *  ones without any, when memory decoding is off, or it does not answer. */
uint32_t lzm_ep_bar_read(struct lzm_ep *ep, unsigned offset, unsigned width);
/** Likewise; writes may be lost. */
void lzm_ep_bar_write(struct lzm_ep *ep, unsigned offset, unsigned width, uint32_t value);

/** An Invalidate Request arrives. A function and its VFs have one queue for them, as
 *  deep as the Invalidate Queue Depth of the physical one (0 = 32): with so many
 *  unanswered, the next ones wait on the link, in their order, and none is lost. What a
 *  silent function swallows takes no room. */
void lzm_ep_invalidate(struct lzm_ep *ep, uint64_t tag, const struct lzm_atc_inv *inv);
/** Asks the DMA engine for one access to `iova`: from the ATC when cached, by a
 * Translation Request when ATS is enabled, untranslated otherwise. */
enum lzm_result lzm_ep_dma(struct lzm_ep *ep, uint64_t iova, enum lzm_access access);
/** The same with a PASID, 1 .. 2^20 - 1. LZM_ABORT unless PASID is enabled in config
 *  space (a VF's in its physical function's) and the PASID fits into the width there:
 *  such a request never leaves the function. */
enum lzm_result lzm_ep_dma_pasid(struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				 enum lzm_access access);
/** Does it send requests with that PASID. */
bool lzm_ep_pasid_enabled(const struct lzm_ep *ep, uint32_t pasid);
/** One access through a random cached translation; false when the ATC is empty
 * or the function may not master the bus. */
bool lzm_ep_dma_cached(struct lzm_ep *ep, enum lzm_access access);

/** One unit of progress: a due answer, the end of an FLR. false: nothing to do now. */
bool lzm_ep_step(struct lzm_ep *ep);
/** Time at which step() will have something to do by itself; LZM_NEVER. */
uint64_t lzm_ep_wake(struct lzm_ep *ep);

/** From here on `c` (referenced) says which of the answers that are due comes first;
 *  NULL: the one that has been due longest. */
void lzm_ep_set_chooser(struct lzm_ep *ep, const struct lzm_chooser *c);

/** Several faults may be set; LZM_EP_SOUND clears all. `count` and `delay_ns`
 * where the fault has one. */
void lzm_ep_fault(struct lzm_ep *ep, enum lzm_ep_fault f, unsigned count, uint64_t delay_ns);
/** DEVSTA says Transactions Pending until that time. */
void lzm_ep_hold_transactions(struct lzm_ep *ep, uint64_t until_ns);
/** Invalidate Requests to it that wait on the link. */
unsigned lzm_ep_held_back(const struct lzm_ep *ep);
/** Would it answer any invalidation in time now? For oracles. Slow counts as
 * yes; late, ranges and unsupported as no. With ATS off the answer of a sound
 * function is "unsupported request", which is an answer. */
bool lzm_ep_answers(const struct lzm_ep *ep);
/** Is ATS switched on in config space. */
bool lzm_ep_ats_enabled(const struct lzm_ep *ep);
/** May it master the bus. */
bool lzm_ep_bus_master(const struct lzm_ep *ep);
/** Entries held, usable or not (ATS off keeps them until it is on again). */
unsigned lzm_ep_atc_used(const struct lzm_ep *ep);
/** Bus-level reset as from the port above. */
void lzm_ep_bus_reset(struct lzm_ep *ep);
/** Downstream port containment triggers at this port: its link goes down until
 *  software releases it; everything below is reset. Without the capability
 *  nothing happens. */
void lzm_ep_contain(struct lzm_ep *port);
/** Has it seen a configuration write since its last reset, which tells it its
 *  bus number. */
bool lzm_ep_knows_bus(const struct lzm_ep *ep);

#ifdef __cplusplus
}
#endif
#endif
