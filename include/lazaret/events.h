/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * What the library tells its embedder while a fault is handled.
 */
#ifndef LAZARET_EVENTS_H
#define LAZARET_EVENTS_H

#include "lazaret/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How sure we are which device it was. */
enum lz_evidence {
	LZ_EVIDENCE_NONE,     /**< there was no fault */
	LZ_EVIDENCE_NAMED,    /**< the only one that could have been it, or
				   named by the hardware */
	LZ_EVIDENCE_PROBED,   /**< failed an invalidation of its own */
	LZ_EVIDENCE_ASSUMED,  /**< the hardware denied the evidence, or the
				   configuration says not to probe */
	LZ_EVIDENCE_OPERATOR, /**< an operator says so, see lz_device_inject() */
};

/** What happened. */
enum lz_event_kind {
	LZ_EV_TIMEOUT,		/**< the hardware reported an ATC invalidation
				     timeout; detail = queue position (CONS) */
	LZ_EV_LATE,		/**< nobody waited any more when it came */
	LZ_EV_SUSPECT,		/**< device is accused by a failed sync */
	LZ_EV_PROBE,		/**< a probe of the device was issued */
	LZ_EV_EXONERATED,	/**< it answered its probe */
	LZ_EV_FENCED,		/**< EATS is off with effect */
	LZ_EV_ESCALATED,	/**< a rung of the ladder was tried; detail =
				     enum lz_rung, status = its outcome */
	LZ_EV_CUSTODY_HELD,	/**< domain: first pages went into custody */
	LZ_EV_CUSTODY_RELEASED, /**< domain: custody empty; detail = pages */
	LZ_EV_QUARANTINED,	/**< blocked in the core, RID and PASIDs; status
				     LZ_ENOTSUP: would have been, but containment
				     is not on */
	LZ_EV_OWNER_TOLD,	/**< error_detected() is called next */
	LZ_EV_RESET_BEGIN,	/**< outermost prepare */
	LZ_EV_RESET_END,	/**< outermost done; status = worst result */
	LZ_EV_UNFENCED,		/**< EATS may be switched on again */
	LZ_EV_RECOVERED,	/**< unblocked after a successful reset */
	LZ_EV_STILL_BROKEN,	/**< the reset did not help */
	LZ_EV_REMOVED,		/**< the device is gone */
	LZ_EV_QUEUE_ERROR,	/**< a command was illegal or could not be
				     fetched; detail = CMDQ_CONS */
	LZ_EV_QUEUE_STALLED,	/**< no progress and no error; detail = CONS */
	LZ_EV_SERVICE_FAILURE,	/**< the IOMMU stopped translating */
	LZ_EV_DMA_FAULT,	/**< a decoded fault record; detail = IOVA */
	LZ_EV_EVENTS_LOST,	/**< the event queue overflowed */
	LZ_EV_PERMANENT,	/**< quarantined once too often: an operator has to
				     clear it; detail = recoveries before */
	LZ_EV_OPERATOR_BLOCKED, /**< lz_device_block(); detail = LZ_BLOCK_* */
	LZ_EV_OPERATOR_CLEARED, /**< lz_device_clear() has asked the device; status =
				     the outcome, detail = LZ_BLOCK_* before */
	LZ_EV_FENCE_BEGIN,	/**< EATS is about to go off, for the evidence named */
	LZ_EV_FENCE_DELAYED,	/**< it is off, without effect yet: the library goes on
				     trying, memory stays in custody; status = why */
	LZ_EV_RECOVERY_BEGIN,	/**< a reset was good: the device is asked */
	LZ_EV_RECOVERY_DELAYED, /**< nobody could ask it yet, or its tables could not be
				     written: the library goes on trying; status = why */
	LZ_EV_DEGRADED,		/**< quarantined by its fence alone, ATS is off: see
				     LZ_RESPONSE_FENCE */
	LZ_EV_SLOW,		/**< an invalidation took longer than lz_config.slow;
				     detail = ns; evidence named: of this device, assumed:
				     of one of several */
	LZ_EV_POLICY,		/**< lz_policy_set(); detail = LZ_POLICY_* */
	LZ_EV_ABORT_ORDERED,	/**< lz_iommu_abort() was called */
	LZ_EV_SIBLING_BLOCKED,	/**< blocked, or kept so, because `holder` is, which
				     sends the requester id `detail` too */
	LZ_EV_SIBLING_LIFTED,	/**< back, since nobody who shares a requester id
				     with it is blocked any more */
};

/** Kinds of events; grows with a version that has more. */
#define LZ_EVENT_KINDS (LZ_EV_SIBLING_LIFTED + 1u)

/** Rungs of the ladder for a queue on which no sync succeeds. */
enum lz_rung {
	LZ_RUNG_REWRITE,      /**< failed sync rewritten to a CFGI of the suspect */
	LZ_RUNG_RESTART,      /**< command queue restarted */
	LZ_RUNG_FUNCTION_OFF, /**< bus master and ATS off at the function */
	LZ_RUNG_PORT_BLOCK,   /**< translated requests blocked at the port above */
	LZ_RUNG_GLOBAL_ABORT, /**< the whole IOMMU off, aborting */
};

/** One event; valid during the call only. */
struct lz_event {
	enum lz_event_kind kind;   /**< decides what `status` and `detail` mean */
	enum lz_evidence evidence; /**< of the device's last fault */
	enum lz_status status;	   /**< LZ_OK where the kind has none */
	uint32_t generation;	   /**< of the device; 0 without one */
	struct lz_device *device;  /**< may be NULL; valid during the call */
	struct lz_domain *domain;  /**< may be NULL; valid during the call */
	struct lz_iommu *iommu;	   /**< may be NULL */
	struct lz_device *holder;  /**< of LZ_EV_SIBLING_BLOCKED; valid during the call */
	lz_ns time;		   /**< of the port's clock */
	uint64_t detail;	   /**< 0 where the kind has none */
};

/** What an event is a step of. */
enum lz_action {
	LZ_ACTION_NONE,	    /**< something was noticed */
	LZ_ACTION_FENCE,    /**< LZ_EV_FENCE_BEGIN ... LZ_EV_FENCED */
	LZ_ACTION_RESET,    /**< LZ_EV_RESET_BEGIN, LZ_EV_RESET_END */
	LZ_ACTION_RECOVERY, /**< LZ_EV_RECOVERY_BEGIN ... LZ_EV_RECOVERED,
				 LZ_EV_STILL_BROKEN */
	LZ_ACTION_LADDER,   /**< LZ_EV_ESCALATED */
	LZ_ACTION_ABORT,    /**< LZ_EV_ABORT_ORDERED, then LZ_EV_ESCALATED */
	LZ_ACTION_CLEAR,    /**< LZ_EV_OPERATOR_CLEARED */
};
/** Which step. */
enum lz_phase {
	LZ_PHASE_NOTE,	    /**< of no action */
	LZ_PHASE_BEGIN,	    /**< it has begun */
	LZ_PHASE_DELAYED,   /**< no outcome yet, it goes on */
	LZ_PHASE_SUCCEEDED, /**< it is over, with effect */
	LZ_PHASE_FAILED,    /**< it is over, without effect */
};
/** What an event is a step of, and which step. Any context. */
enum lz_action lz_event_action(const struct lz_event *ev);
/** See lz_event_action(). */
enum lz_phase lz_event_phase(const struct lz_event *ev);

/** Version of what lz_event_format() writes. Keys may be added within a version;
 *  one that is renamed, removed or changes its meaning makes a new one. */
#define LZ_EVENT_SCHEMA 1u
/** Room that is enough for any event whose names need no escapes. */
#define LZ_EVENT_TEXT 512u
/**
 * Writes an event as one JSON object on one line, without a line end:
 *
 *     {"schema":1,"time_ns":2000000,"kind":5,"event":"fenced","action":"fence",
 *      "phase":"succeeded","iommu":"smmu0","device":"0000:0f:00.0","generation":2,
 *      "evidence":"probed","status":"ok","detail":0}
 *
 * `kind` is enum lz_event_kind and does not change with versions of the library.
 * `iommu` is there when the event has one; `device`, `generation` and `evidence` when
 * it is about a device; `rung` in escalations; `holder` where it names another device. Where names
 * were left out of the build they are "?".
 *
 * At most `size` bytes are written, the last one a NUL (when size is not 0); returns
 * the length of the whole text without it, as snprintf() does. No allocation, no lock:
 * any context, also from an lz_event_fn. Where events were left out of the build the
 * text is empty.
 */
size_t lz_event_format(const struct lz_event *ev, char *buf, size_t size);

/** A constant name such as "quarantined"; never NULL. Any context. */
const char *lz_event_name(enum lz_event_kind k);
/** A constant name such as "probed"; never NULL. Any context. */
const char *lz_evidence_name(enum lz_evidence e);
/** A constant name such as "restart"; never NULL. Any context. */
const char *lz_rung_name(enum lz_rung r);
/** A constant name such as "recovery"; never NULL. Any context. */
const char *lz_action_name(enum lz_action a);
/** A constant name such as "succeeded"; never NULL. Any context. */
const char *lz_phase_name(enum lz_phase p);

/**
 * Receives events. Any context, also under the library's spinlocks: it must
 * not sleep and must not call back into the library.
 */
typedef void (*lz_event_fn)(void *ctx, const struct lz_event *ev);

#ifdef __cplusplus
}
#endif
#endif
