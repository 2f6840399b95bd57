/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the enumerations. */
#include "core/core.h"

#define NAME_OF(table, i)                                                \
	(!LZ_CONFIG_NAMES				    ? "?"        \
	 : (size_t)(i) < sizeof(table) / sizeof((table)[0]) ? (table)[i] \
							    : "unknown")

const char *lz_status_name(enum lz_status s)
{
	static const char *const names[] = {
		[LZ_OK] = "ok",
		[LZ_IN_CUSTODY] = "in custody",
		[LZ_EINVAL] = "invalid",
		[LZ_ENOMEM] = "no memory",
		[LZ_EBUSY] = "busy",
		[LZ_EIO] = "io error",
		[LZ_ETIMEDOUT] = "timed out",
		[LZ_ENODEV] = "no device",
		[LZ_ENOTSUP] = "not supported",
		[LZ_EEXIST] = "exists",
		[LZ_ENOENT] = "not there",
		[LZ_ELIMIT] = "limit",
		[LZ_EFAULT] = "refused",
	};

	return NAME_OF(names, s);
}

const char *lz_event_name(enum lz_event_kind k)
{
	static const char *const names[] = {
		[LZ_EV_TIMEOUT] = "timeout",
		[LZ_EV_LATE] = "late",
		[LZ_EV_SUSPECT] = "suspect",
		[LZ_EV_PROBE] = "probe",
		[LZ_EV_EXONERATED] = "exonerated",
		[LZ_EV_FENCED] = "fenced",
		[LZ_EV_ESCALATED] = "escalated",
		[LZ_EV_CUSTODY_HELD] = "custody held",
		[LZ_EV_CUSTODY_RELEASED] = "custody released",
		[LZ_EV_QUARANTINED] = "quarantined",
		[LZ_EV_OWNER_TOLD] = "owner told",
		[LZ_EV_RESET_BEGIN] = "reset begin",
		[LZ_EV_RESET_END] = "reset end",
		[LZ_EV_UNFENCED] = "unfenced",
		[LZ_EV_RECOVERED] = "recovered",
		[LZ_EV_STILL_BROKEN] = "still broken",
		[LZ_EV_REMOVED] = "removed",
		[LZ_EV_QUEUE_ERROR] = "queue error",
		[LZ_EV_QUEUE_STALLED] = "queue stalled",
		[LZ_EV_SERVICE_FAILURE] = "service failure",
		[LZ_EV_DMA_FAULT] = "dma fault",
		[LZ_EV_EVENTS_LOST] = "events lost",
		[LZ_EV_PERMANENT] = "failed permanently",
		[LZ_EV_OPERATOR_BLOCKED] = "operator blocked",
		[LZ_EV_OPERATOR_CLEARED] = "operator cleared",
		[LZ_EV_FENCE_BEGIN] = "fence begin",
		[LZ_EV_FENCE_DELAYED] = "fence delayed",
		[LZ_EV_RECOVERY_BEGIN] = "recovery begin",
		[LZ_EV_RECOVERY_DELAYED] = "recovery delayed",
		[LZ_EV_DEGRADED] = "degraded",
		[LZ_EV_SLOW] = "slow",
		[LZ_EV_POLICY] = "policy",
		[LZ_EV_ABORT_ORDERED] = "abort ordered",
		[LZ_EV_SIBLING_BLOCKED] = "sibling blocked",
		[LZ_EV_SIBLING_LIFTED] = "sibling lifted",
	};

	return NAME_OF(names, k);
}

const char *lz_evidence_name(enum lz_evidence e)
{
	static const char *const names[] = {
		[LZ_EVIDENCE_NONE] = "none",	     [LZ_EVIDENCE_NAMED] = "named",
		[LZ_EVIDENCE_PROBED] = "probed",     [LZ_EVIDENCE_ASSUMED] = "assumed",
		[LZ_EVIDENCE_OPERATOR] = "operator",
	};

	return NAME_OF(names, e);
}

const char *lz_rung_name(enum lz_rung r)
{
	static const char *const names[] = {
		[LZ_RUNG_REWRITE] = "rewrite",		 [LZ_RUNG_RESTART] = "restart",
		[LZ_RUNG_FUNCTION_OFF] = "function off", [LZ_RUNG_PORT_BLOCK] = "port block",
		[LZ_RUNG_GLOBAL_ABORT] = "global abort",
	};

	return NAME_OF(names, r);
}

const char *lz_action_name(enum lz_action a)
{
	static const char *const names[] = {
		[LZ_ACTION_NONE] = "none",     [LZ_ACTION_FENCE] = "fence",
		[LZ_ACTION_RESET] = "reset",   [LZ_ACTION_RECOVERY] = "recovery",
		[LZ_ACTION_LADDER] = "ladder", [LZ_ACTION_ABORT] = "abort",
		[LZ_ACTION_CLEAR] = "clear",
	};

	return NAME_OF(names, a);
}

const char *lz_phase_name(enum lz_phase p)
{
	static const char *const names[] = {
		[LZ_PHASE_NOTE] = "note",	[LZ_PHASE_BEGIN] = "begin",
		[LZ_PHASE_DELAYED] = "delayed", [LZ_PHASE_SUCCEEDED] = "succeeded",
		[LZ_PHASE_FAILED] = "failed",
	};

	return NAME_OF(names, p);
}

const char *lz_fence_name(enum lz_fence_state f)
{
	static const char *const names[] = {
		[LZ_FENCE_OPEN] = "open",
		[LZ_FENCE_SUSPECT] = "suspect",
		[LZ_FENCE_FENCING] = "fencing",
		[LZ_FENCE_FENCED] = "fenced",
	};

	return NAME_OF(names, f);
}
