/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * An instance of the library: policy, life cycle, deferred work.
 */
#ifndef LAZARET_LAZARET_H
#define LAZARET_LAZARET_H

#include "lazaret/events.h"
#include "lazaret/port.h"
#include "lazaret/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is done about a device that does not answer. */
enum lz_contain {
	LZ_CONTAIN_ON,	    /**< identify, fence, block, hold memory */
	LZ_CONTAIN_OBSERVE, /**< identify and tell, touch nothing, hold nothing */
	LZ_CONTAIN_OFF,	    /**< acknowledge, retry, carry on: what shipping
				 drivers do; for comparison only */
};

/** How the device is found among several that it may have been. */
enum lz_identify {
	LZ_IDENTIFY_PROBE,  /**< one invalidation per suspect tells who it is */
	LZ_IDENTIFY_ASSUME, /**< every suspect is taken for broken */
};

/** What is done to a device that was found broken. */
enum lz_response {
	LZ_RESPONSE_DEFAULT, /**< of a device: what lz_config says; of an instance: block */
	LZ_RESPONSE_BLOCK,   /**< all its DMA is blocked, RID and PASIDs */
	LZ_RESPONSE_FENCE,   /**< its ATS is switched off; untranslated DMA goes on. The
				  owner is told all the same, and only a reset or
				  lz_device_clear() gives ATS back. When a reset does not
				  help it is blocked */
};

/** Command queues beside an IOMMU's own. */
enum lz_lanes {
	LZ_LANES_AUTO, /**< used where the hardware has them: see struct lz_smmuv3_desc */
	LZ_LANES_OFF,  /**< everything goes through the IOMMU's own; to compare with */
};

/** Policy bits: rungs that reach beyond the device itself. */
#define LZ_POLICY_PORT_BLOCK   (1u << 0) /**< may hit sound siblings */
#define LZ_POLICY_GLOBAL_ABORT (1u << 1) /**< stops the whole IOMMU */

/** Policy of an instance; fill in by lz_config_default(). */
struct lz_config {
	lz_ns sync_bound;	   /**< longest wait of a task for one sync; 1 s */
	lz_ns atomic_wait;	   /**< the same in atomic context; 100 us */
	lz_ns late_bound;	   /**< a sync older than this without an error is a
					stalled queue; 100 s (PCIe allows 90 s) */
	uint32_t settle_max;	   /**< acknowledgements of one failing sync; 8 */
	uint32_t custody_limit;	   /**< pages per domain before map answers
					LZ_ELIMIT; 65536 */
	uint32_t policy;	   /**< LZ_POLICY_* */
	enum lz_contain contain;   /**< LZ_CONTAIN_ON */
	enum lz_identify identify; /**< LZ_IDENTIFY_PROBE */
	lz_event_fn event;	   /**< may be NULL */
	void *event_ctx;	   /**< first argument of `event` */
	uint32_t recovery_max;	   /**< recoveries of a device within the window; a
					fault after as many is permanent until
					lz_device_clear(). At most 1024; 0: no
					limit; 5 */
	lz_ns recovery_window;	   /**< not 0 with a limit; 1 h */
	enum lz_response response; /**< LZ_RESPONSE_BLOCK */
	lz_ns slow;		   /**< early warning: an invalidation that takes longer
					gives LZ_EV_SLOW; 0: none; 0 */
	lz_ns slow_window;	   /**< at most one such event of a device within it;
					10 s */
	uint32_t log_burst;	   /**< log lines of one IOMMU and kind within log_window,
					more are counted and left out; 0: no limit; 20 */
	lz_ns log_window;	   /**< not 0 with a limit; 5 s */
	enum lz_lanes lanes;	   /**< LZ_LANES_AUTO */
};

/** Fills in the defaults named above. Any context. */
void lz_config_default(struct lz_config *cfg);

/**
 * Makes an instance. `port` is referenced until lz_fini(), `cfg` is copied.
 * Task context. LZ_EINVAL for a service that is missing, a bound of zero or a limit
 * out of range, LZ_ENOMEM, LZ_ENOTSUP for an event callback or a containment mode that was left
 * out of the build. The caller owns the instance: lz_fini().
 */
LZ_MUST_CHECK enum lz_status lz_init(const struct lz_port *port, const struct lz_config *cfg,
				     struct lz **out);

/** Frees the instance. Everything made from it is gone already, else
 *  LZ_EBUSY and nothing happens. Task context. */
LZ_MUST_CHECK enum lz_status lz_fini(struct lz *lz);

/**
 * Runs deferred work that is due: identification, fencing, custody, blocking.
 * Returns when more is due: a time (ns of the port's clock), or LZ_NEVER.
 * Task context, interrupts unmasked. One call waits for hardware at most a few
 * times sync_bound. May be called by several threads; a piece of work runs in
 * one of them.
 */
lz_ns lz_poll(struct lz *lz);

/** Counters of the whole instance; all zero at start. Any context. */
struct lz_stats {
	uint64_t cmdq_errors;	    /**< command queue errors consumed */
	uint64_t atc_timeouts;	    /**< of these: ATC invalidation timeouts */
	uint64_t probes;	    /**< probes issued */
	uint64_t fences;	    /**< fences that took effect */
	uint64_t quarantines;	    /**< devices blocked as broken */
	uint64_t recoveries;	    /**< devices unblocked after a successful reset */
	uint64_t custody_pages;	    /**< now, all domains */
	uint64_t custody_pages_max; /**< most at any time */
	uint64_t blocked_ids;	    /**< requester ids blocked now */
	uint64_t references;	    /**< device references held now */
	uint64_t work_pending;	    /**< work items queued or running now */
	uint64_t exonerations;	    /**< suspects that answered: false alarms */
	uint64_t stale;		    /**< pieces of evidence dropped: of before a reset */
	uint64_t slow;		    /**< invalidations above lz_config.slow */
	uint64_t custody_page_us;   /**< pages times microseconds spent in custody */
};
/** A snapshot into `*out`; counters may be from slightly different moments. Those
 *  that were left out of the build are zero. Any context. */
void lz_stats_get(struct lz *lz, struct lz_stats *out);

#ifdef __cplusplus
}
#endif
#endif
