/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * For whoever operates the machine: counters, evidence, and what can be ordered.
 * lz_device_block() and lz_device_clear() are in device.h.
 */
#ifndef LAZARET_OPERATOR_H
#define LAZARET_OPERATOR_H

#include "lazaret/device.h"
#include "lazaret/events.h"
#include "lazaret/lazaret.h"
#include "lazaret/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- counters; those that were left out of the build are zero ---- */

/** Counters of one device, since it was added. Resets and recoveries do not touch them. */
struct lz_device_stats {
	uint32_t timeouts;     /**< accusations in which it was a suspect */
	uint32_t probes;       /**< probes sent to it */
	uint32_t exonerations; /**< false alarms: it answered its probe */
	uint32_t fences;       /**< fences that took effect */
	uint32_t quarantines;  /**< times it was quarantined, by block or by fence alone */
	uint32_t recoveries;   /**< times it was let back after a reset */
	uint32_t stale;	       /**< pieces of evidence dropped: of before a reset */
	uint32_t slow;	       /**< invalidations of it above lz_config.slow */
	lz_ns fence_last;      /**< last fence: from the error noticed to its effect */
	lz_ns fence_max;       /**< longest of these */
};
/** A snapshot into `*out`; fields may be from slightly different moments. Any context. */
void lz_device_stats_get(const struct lz_device *dev, struct lz_device_stats *out);

/** Buckets of lz_iommu_stats.latency. */
#define LZ_LATENCY_BUCKETS 40u

/** Counters of one IOMMU, since it was added; of its devices also those that are
 *  removed. */
struct lz_iommu_stats {
	uint64_t cmdq_errors;	    /**< command queue errors consumed */
	uint64_t atc_timeouts;	    /**< of these: ATC invalidation timeouts */
	uint64_t probes;	    /**< probes issued */
	uint64_t exonerations;	    /**< suspects that answered: false alarms */
	uint64_t fences;	    /**< fences that took effect */
	uint64_t quarantines;	    /**< devices quarantined */
	uint64_t recoveries;	    /**< devices let back after a reset */
	uint64_t stale;		    /**< pieces of evidence dropped: of before a reset */
	uint64_t slow;		    /**< invalidations above lz_config.slow */
	uint64_t custody_pages;	    /**< in custody now, of domains made for it */
	uint64_t custody_pages_max; /**< most at any time */
	uint64_t custody_page_us;   /**< pages times microseconds spent in custody */
	lz_ns fence_last;	    /**< as of a device, whichever was last */
	lz_ns fence_max;	    /**< longest of these */
	lz_ns stall_max;	    /**< longest that the queue was seen standing still
					 with somebody waiting for it; until now while it
					 does */
	/**
	 * Waits for a sync that was not there at the first look, by duration:
	 * bucket n has those of 2^n to 2^(n+1) - 1 ns (0: also below), the last one
	 * everything above. The clock begins at that first look, so that an
	 * invalidation that is answered at once costs nothing and is not in here. A
	 * wait that ended without an answer counts as long as it lasted.
	 */
	uint64_t latency[LZ_LATENCY_BUCKETS];
};
/** A snapshot into `*out`; fields may be from slightly different moments. Any context. */
void lz_iommu_stats_get(struct lz_iommu *iommu, struct lz_iommu_stats *out);

/* ---- evidence ---- */

/** Commands that a snapshot keeps. */
#define LZ_SNAPSHOT_COMMANDS 16u

/**
 * What the IOMMU looked like when the device was accused last, taken before
 * anything of it was changed. Words are the hardware's own; for an SMMUv3
 * CMDQ_PROD, CMDQ_CONS, GERROR, GERRORN, the stream table entry of the first
 * stream id, and commands as in its queue.
 */
struct lz_snapshot {
	lz_ns time;		   /**< when the error was noticed */
	lz_ns fenced;		   /**< when the fence took effect; 0: not yet */
	uint32_t generation;	   /**< of the device */
	enum lz_evidence evidence; /**< what it was found to be: LZ_EVIDENCE_NONE while
					it is a suspect or when it was exonerated */
	uint32_t stream;	   /**< whose table entry */
	uint32_t prod;		   /**< queue index of the software */
	uint32_t cons;		   /**< queue index of the hardware, with its error code */
	uint32_t error;		   /**< error register */
	uint32_t error_ack;	   /**< what of it had been acknowledged */
	uint64_t entry_before[8];  /**< table entry at the accusation */
	uint64_t entry_after[8];   /**< table entry when the fence was in effect */
	unsigned n_commands;	   /**< commands kept: the last ones of the failed batch,
					oldest first; none when no batch failed */
	unsigned n_left_out;	   /**< commands of it that did not fit */
	uint64_t command[LZ_SNAPSHOT_COMMANDS][2]; /**< the commands */
};
/**
 * Copies the device's last snapshot. It stays until the next accusation, also over
 * resets. LZ_ENOENT: it was never accused; LZ_ENOTSUP: snapshots were left out of
 * the build. Any context.
 */
LZ_MUST_CHECK enum lz_status lz_device_snapshot(struct lz_device *dev, struct lz_snapshot *out);

/* ---- orders ---- */

/**
 * Tries to get a device back now: it is reset by its first usable method, or, when
 * the library cannot reset it, its owner is told of the quarantine once more. Task
 * context, not from an owner callback.
 *
 * LZ_OK: it is back, also when nothing was wrong with it; LZ_IN_CUSTODY: its owner
 * has been told; LZ_EIO: the reset failed or did not help; LZ_ETIMEDOUT: the reset
 * was good, nobody could ask the device yet, and the library goes on trying;
 * LZ_ENOTSUP: no method and no owner who can be told (lz_device_clear() is left), or
 * orders were left out of the build;
 * LZ_EBUSY: it is in reset or about to be quarantined; LZ_ELIMIT: it is blocked
 * for more than its faults, which only lz_device_clear() lifts, or for a device that
 * shares a requester id with it alone, which is the one to recover; LZ_ENODEV.
 *
 * While such a device is blocked too, LZ_OK means that a reset was good: it stays
 * blocked for that one alone (LZ_BLOCK_SIBLING), and comes back, asked, with it.
 */
LZ_MUST_CHECK enum lz_status lz_device_recover(struct lz_device *dev);

/**
 * Declares a device broken, for drills: from here on all goes as if it had been
 * identified, with LZ_EVIDENCE_OPERATOR. Without effect on one that is fenced or in
 * reset. Any context but an owner callback (H19).
 */
void lz_device_inject(struct lz_device *dev);

/** What of lz_config can be changed later. */
struct lz_policy {
	uint32_t policy;	   /**< LZ_POLICY_* */
	enum lz_contain contain;   /**< see lz_policy_set() */
	enum lz_identify identify; /**< from the next suspect on */
	enum lz_response response; /**< from the next quarantine on */
	uint32_t recovery_max;	   /**< at most 16, or what lz_init() was given if more;
					0: no limit */
	lz_ns recovery_window;	   /**< not 0 with a limit */
	lz_ns slow;		   /**< see lz_config.slow */
};
/** The policy in force into `*out`. Any context. */
void lz_policy_get(struct lz *lz, struct lz_policy *out);
/**
 * Puts another policy in force. Work under way finishes by the old or the new one.
 * Task context, one caller at a time.
 *
 * Containment may be switched at any time: devices that are fenced or blocked stay
 * so until a reset or lz_device_clear(), suspects are still asked. While it is not
 * LZ_CONTAIN_ON nothing protects memory, and what is in custody is released as soon
 * as the queue answers. When it is switched on again a device that is still broken
 * is found at its next timeout.
 *
 * LZ_EINVAL: out of range, nothing was changed; LZ_ENOTSUP: a containment mode that
 * was left out of the build, or orders were.
 */
LZ_MUST_CHECK enum lz_status lz_policy_set(struct lz *lz, const struct lz_policy *policy);

/** Overrides lz_config.response for one device, from its next quarantine on;
 *  LZ_RESPONSE_DEFAULT: no more. Any context. LZ_EINVAL. */
LZ_MUST_CHECK enum lz_status lz_device_response_set(struct lz_device *dev,
						    enum lz_response response);

/**
 * Switches a whole IOMMU off, whatever the policy says: it aborts every access of
 * every device behind it, for good, and when the hardware has confirmed that, all
 * memory is released from custody. The way out when no rung of the ladder can be
 * proven. Runs lz_poll(). Task context, not from a callback.
 *
 * LZ_OK with effect, also when it was off already; LZ_ETIMEDOUT: not confirmed,
 * memory stays in custody; calling again is allowed; LZ_ENOTSUP: orders were left out
 * of the build.
 */
LZ_MUST_CHECK enum lz_status lz_iommu_abort(struct lz_iommu *iommu);

#ifdef __cplusplus
}
#endif
#endif
