/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate of a group: one slow operation (attach, detach, block, reset step,
 * removal) at a time. It is not a lock that anybody holds while another spins:
 * who finds it closed sleeps, bounded, and the fault path (unmap, fence,
 * custody) never enters it. Functions that need it take the token.
 */
#ifndef LZ_CORE_GATE_H
#define LZ_CORE_GATE_H

#include "core/driver.h"

struct lz_group {
	struct lz *lz;
	unsigned id;
	struct lz_spinlock lock;   /* devices, counts, domain pointers */
	uint32_t gate;		   /* 0: open (atomic) */
	struct lz_device *devices; /* [lock] */
	uint32_t recovery_count;   /* blocked requester ids; [lock] (E) */
	uint32_t families;	   /* last number given to one; [gate] */
	void *claimant;		   /* who claimed it; [gate] */
	unsigned claims;	   /* of the claimant; [gate] */
	/* Where devices are while nobody has claimed it, or NULL; counted in its
	 * `attached`; [gate] */
	struct lz_domain *default_domain;
};

/* Proof that the gate is held; made by lz_gate_enter() only. */
struct lz_gated {
	struct lz_group *group;
};

/* Sleeps until the gate is free, at most `bound` ns: LZ_EBUSY then. With a
 * bound of 0 it tries once; that is for work, which never waits for a gate
 * whose holder may wait for work. */
LZ_MUST_CHECK enum lz_status lz_gate_enter(struct lz_group *group, lz_ns bound,
					   struct lz_gated *out);
/* For what cannot fail. Each holder leaves within a bound. */
void lz_gate_enter_always(struct lz_group *group, struct lz_gated *out);
void lz_gate_leave(struct lz_gated g);

#endif
