/* SPDX-License-Identifier: BSD-2-Clause */
/* The endpoint model's inside: config.c (registers), atc.c (cache and DMA),
 * endpoint.c (life, resets, faults). */
#ifndef LZM_EP_H
#define LZM_EP_H

#include "lazaret-model/endpoint.h"

#define LZM_EP_CFG	 4096u
#define LZM_EP_MAX_DEPTH 16u /* bridges above a function */

struct ep_entry {
	struct lzm_translation t;
	uint32_t pasid; /* 0: without */
	bool valid;
};

struct ep_answer {
	uint64_t tag, due, order;
	uint64_t delay; /* from when there is room for the request */
	bool waits;	/* on the link; no due time yet */
	enum lzm_atc_answer answer;
	struct lzm_atc_inv inv;
};

/* Registers of BAR 0, by what the function is. */
struct ep_vendor {
	uint32_t panel, message, power;	   /* Ivy Bridge graphics */
	uint32_t cc;			   /* NVMe */
	uint32_t op;			   /* hinic, as the CPU of the device sees it */
	uint64_t panel_off_at, stopped_at; /* when what was asked for is done */
};

struct lzm_ep {
	char name[32];
	struct lzm_ep_link link;
	const struct lzm_chooser *chooser;
	struct lzm_ep *upstream, *children, *sibling;
	struct lzm_ep *pf, *vfs, *next_vf;
	uint32_t sid;
	uint16_t vendor, device;
	uint64_t answer_ns, flr_ns, rng;

	/* Config space: a bit is read-only unless it is in wr (read-write) or
	 * w1c (write one to clear). A reset loads def into what is not sticky. */
	uint8_t cfg[LZM_EP_CFG], wr[LZM_EP_CFG], w1c[LZM_EP_CFG];
	uint8_t def[LZM_EP_CFG], sticky[LZM_EP_CFG];
	unsigned len;
	bool vf;
	unsigned exp, af, pm, ats, pasid, pri, acs, aer, sriov, dpc, cxl,
		msix;	     /* offsets; 0: none */
	uint64_t busy_until; /* DEVSTA Transactions Pending */

	uint32_t faults; /* 1 << enum lzm_ep_fault */
	unsigned silent_n;
	uint64_t slow_ns, late_ns;
	bool resetting;
	uint64_t reset_end;
	bool knows_bus;
	struct ep_vendor vendor_regs;

	struct ep_entry *atc;
	unsigned atc_size, atc_used;
	struct ep_answer *answers; /* unordered */
	unsigned n_answers, max_answers;
	uint64_t order; /* of the next request; a physical function's counts */
};

static inline bool ep_has(const struct lzm_ep *ep, enum lzm_ep_fault f)
{
	return ep->faults >> f & 1;
}

/* config.c */
void ep_config_init(struct lzm_ep *ep, const uint8_t *config, size_t len, bool add_ats);
void ep_config_reset(struct lzm_ep *ep);
uint32_t ep_get(const struct lzm_ep *ep, unsigned off, unsigned width);
void ep_drop_ats_enable(struct lzm_ep *ep);
/* Counts as an ACS violation at this port. */
void ep_acs_violation(struct lzm_ep *port);
bool ep_acs_blocks(const struct lzm_ep *port);
bool ep_in_d0(const struct lzm_ep *ep);

/* endpoint.c */
uint64_t ep_now(const struct lzm_ep *ep);
bool ep_in_reset(const struct lzm_ep *ep);
void ep_start_flr(struct lzm_ep *ep);
void ep_soft_reset(struct lzm_ep *ep);
uint64_t ep_random(struct lzm_ep *ep);

/* config.c: is the link above it down, or its physical function without it? */
bool ep_cut_off(const struct lzm_ep *ep);
bool ep_config_dead(const struct lzm_ep *ep);

/* vendor.c */
void ep_vendor_init(struct lzm_ep *ep);
/* FLR begins: may the function come back from it? */
bool ep_vendor_survives_flr(const struct lzm_ep *ep);
/* Does it obey FLR though it does not advertise it? */
bool ep_vendor_has_flr(const struct lzm_ep *ep);
void ep_vendor_reset(struct lzm_ep *ep);

/* atc.c */
/* The earliest answer of the function's family, which makes room; LZM_NEVER. */
uint64_t ep_room_at(struct lzm_ep *ep);
/* There may be room again in the family's queue. */
void ep_admit(struct lzm_ep *ep);
void ep_atc_empty(struct lzm_ep *ep);
void ep_atc_drop(struct lzm_ep *ep, const struct lzm_atc_inv *inv);

#endif
