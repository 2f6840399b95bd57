/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invariants of the promise, judged from the models and the shadow. The
 * library's own answers count only where the invariant is about them.
 */
#ifndef LZ_BENCH_ORACLE_H
#define LZ_BENCH_ORACLE_H

#include "bench/rig.h"

void oracle_violation(struct rig *r, enum inv i, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Before the run: what cannot be judged, and why. */
void oracle_begin(struct rig *r);
/* An operator is about to put another policy in force. */
void oracle_policy(struct rig *r, const struct lz_policy *p);
/* lz_event_fn; ctx is the rig. */
void oracle_event(void *ctx, const struct lz_event *ev);
/* A DMA access got through. */
void oracle_dma(struct rig_fn *fn, uint32_t pasid, uint64_t iova, uint64_t pa, bool write,
		bool translated);
/* It has done something that it may be taken for broken for. */
void oracle_guilty(struct rig_fn *fn);
/* An Invalidate Request reached the function. */
void oracle_invalidate(struct rig_fn *fn, const struct lzm_atc_inv *inv);
void oracle_reset(struct rig_fn *fn);
/* The library said that its DMA is blocked, or will be as soon as the queue goes on. */
void oracle_blocked(struct rig_fn *fn);
/* The IOMMU has made a step. */
void oracle_hardware(struct rig_unit *u);
void oracle_removed(struct rig_fn *fn);
/* Who of the domain's PASID has to be asked by an unmap that begins now, and whether
 * they were by one that was answered. */
struct oracle_asked {
	uint64_t seen[32];
	uint32_t who; /* bit per function, of the first 32 */
};
void oracle_pasid_begin(const struct rig_domain *d, struct oracle_asked *a);
void oracle_pasid_end(const struct rig_domain *d, const struct oracle_asked *a);
void oracle_unmap(struct rig_domain *d, uint64_t iova, uint64_t size, enum lz_status st, lz_ns took,
		  bool irq);
/* B, at any time; hardware context allowed. */
void oracle_fences(struct rig *r);
/* Nobody is suspect and nothing in custody: nobody who is broken goes free (B). Task context. */
void oracle_settled(struct rig *r);
/* When all is quiet, task context: C, D, the half of E that needs devices. */
void oracle_quiet(struct rig *r);
/* Everything is detached and removed. */
void oracle_books(struct rig *r, const struct lz_stats *st);
/* After the run: F, G, H and `expect`. */
void oracle_end(struct rig *r);

#endif
