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
	LZ_EVIDENCE_NONE,    /**< there was no fault */
	LZ_EVIDENCE_NAMED,   /**< the only one that could have been it, or
				  named by the hardware */
	LZ_EVIDENCE_PROBED,  /**< failed an invalidation of its own */
	LZ_EVIDENCE_ASSUMED, /**< the hardware denied the evidence, or the
				  configuration says not to probe */
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
	LZ_EV_OWNER_TOLD,	/**< error_detected() returned */
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
};

/** Kinds of events; grows with a version that has more. */
#define LZ_EVENT_KINDS (LZ_EV_OPERATOR_CLEARED + 1u)

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
	lz_ns time;		   /**< of the port's clock */
	uint64_t detail;	   /**< 0 where the kind has none */
};

/** A constant name such as "quarantined"; never NULL. Any context. */
const char *lz_event_name(enum lz_event_kind k);
/** A constant name such as "probed"; never NULL. Any context. */
const char *lz_evidence_name(enum lz_evidence e);
/** A constant name such as "restart"; never NULL. Any context. */
const char *lz_rung_name(enum lz_rung r);

/**
 * Receives events. Any context, also under the library's spinlocks: it must
 * not sleep and must not call back into the library.
 */
typedef void (*lz_event_fn)(void *ctx, const struct lz_event *ev);

#ifdef __cplusplus
}
#endif
#endif
