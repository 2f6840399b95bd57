/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register-level model of an Arm SMMUv3 (Arm IHI 0070), non-secure side.
 *
 * It knows nothing of any driver: registers, memory, interrupts and time are
 * all there is. It caches what hardware caches, refuses what hardware refuses,
 * and where the architecture leaves freedom it has a knob. docs/MODEL.md lists
 * both with their sources.
 */
#ifndef LAZARET_MODEL_SMMUV3_H
#define LAZARET_MODEL_SMMUV3_H

#include "lazaret-model/bus.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the repeated CMD_SYNC does after an acknowledged ATC_INV_SYNC error. */
enum lzm_resync {
	LZM_RESYNC_SUCCEEDS,	      /* the dead invalidations are forgotten */
	LZM_RESYNC_FAILS_N,	      /* fails resync_fails more times, then succeeds */
	LZM_RESYNC_FAILS_UNTIL_RESET, /* as long as the device neither answers nor is reset */
};

struct lzm_smmu_knobs {
	enum lzm_resync resync;
	unsigned resync_fails;
	bool sync_never;	      /* a sync behind a dead ATC_INV never completes nor errors */
	bool restart_forgets;	      /* CMDQEN 1->0 drops outstanding ATC_INVs */
	bool restart_waits;	      /* CR0ACK.CMDQEN held back while a sync is in progress */
	uint64_t ats_timeout_ns;      /* invalidation completion timeout */
	unsigned cons_batch;	      /* CONS.RD is updated every N commands (and when idle); 1 */
	unsigned prefetch;	      /* commands fetched ahead; 0 */
	uint64_t ack_delay_ns;	      /* CR0 and IRQ_CTRL write to ACK */
	uint64_t gerror_irq_delay_ns; /* carried out by the bench through irq(): informational */
	bool tolerant_ill;	/* accepts what QEMU accepts (ATC_INV without ATS, CS=3, Resp=3) */
	bool scramble_err;	/* CMDQ_CONS.ERR becomes garbage after the acknowledge */
	bool gerrorn_activates; /* toggling GERRORN of an inactive error activates it */
	bool oas_truncates;	/* translated address above OAS: truncated, else aborted */
	bool late_subset;	/* timed-out ATC_INVs may still be carried out later */
	bool atc_out_of_order;	/* completions are processed in any order */
	bool mev_merges;	/* similar events are merged where MEV allows */
	uint64_t seed;		/* for the choices above */
};
void lzm_smmu_knobs_default(struct lzm_smmu_knobs *k); /* 50 ms timeout, everything mild */

/* Named sets of knobs. Sets *k to the set `name`, keeping its ats_timeout_ns
 * (but for "late_hw") and seed; false, *k untouched: no such regime. */
bool lzm_smmu_regime(const char *name, struct lzm_smmu_knobs *k);
/* Name of the i-th regime, NULL behind the last. */
const char *lzm_smmu_regime_name(unsigned i);

struct lzm_smmu_config {
	unsigned sid_bits;  /* IDR1.SIDSIZE */
	unsigned ssid_bits; /* IDR1.SSIDSIZE */
	unsigned cmdq_log2; /* IDR1.CMDQS */
	unsigned evtq_log2; /* IDR1.EVENTQS */
	unsigned priq_log2; /* IDR1.PRIQS; 0: no PRI */
	unsigned oas;	    /* IDR5.OAS code, 5 = 48 bits */
	bool ats, pri, msi, range_inv, two_level, cohacc, stage2;
	unsigned tlb_entries, cfg_entries; /* cache sizes */
	struct lzm_smmu_knobs knobs;
};
void lzm_smmu_config_default(struct lzm_smmu_config *c); /* ATS, MSI, 2-level, 16 SID bits ... */

struct lzm_smmu;
/* `bus` is referenced until destroy. NULL when out of memory or config is out of range. */
struct lzm_smmu *lzm_smmu_create(const struct lzm_smmu_config *cfg, const struct lzm_bus *bus);
void lzm_smmu_destroy(struct lzm_smmu *s);
/* Hardware reset: registers to reset values, caches and outstanding work gone. */
void lzm_smmu_reset(struct lzm_smmu *s);

/* Register access: size 4 or 8, offset naturally aligned, 0 .. 0x1ffff. */
uint64_t lzm_smmu_read(struct lzm_smmu *s, uint32_t offset, unsigned size);
void lzm_smmu_write(struct lzm_smmu *s, uint32_t offset, unsigned size, uint64_t value);

/* One unit of progress: one command fetched or executed, one timer expired,
 * one answer taken in. false: nothing to do now. */
bool lzm_smmu_step(struct lzm_smmu *s);
/* Time at which step() will have something to do by itself; LZM_NEVER. */
uint64_t lzm_smmu_wake(struct lzm_smmu *s);

/* An endpoint's answer to the Invalidate Request `tag`. Unknown or finished
 * tags are ignored (late completions). */
void lzm_smmu_atc_answer(struct lzm_smmu *s, uint64_t tag, enum lzm_atc_answer answer);
/* The function behind `sid` was reset: requests outstanding to it will never
 * be answered, and "until reset" knobs end for it. */
void lzm_smmu_device_reset(struct lzm_smmu *s, uint32_t sid);

enum lzm_access { LZM_READ, LZM_WRITE };
enum lzm_result {
	LZM_OK,
	LZM_ABORT, /* the transaction ends with an abort */
	LZM_UR,	   /* translation request: unsupported request */
	LZM_CA,	   /* translation request: completer abort */
};

/* Untranslated transaction: stage 1 (and stage 2) walk through the caches.
 * On LZM_OK `*pa` is the physical address. Faults are recorded as events. */
enum lzm_result lzm_smmu_untranslated(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid,
				      uint64_t iova, enum lzm_access access, uint64_t *pa);

/* ATS Translation Request for the page of `iova`. On LZM_OK: `read`/`write`
 * may both be false (not mapped); size in bytes is the span of the answer. */
struct lzm_translation {
	uint64_t iova, pa, size;
	bool read, write;
};
enum lzm_result lzm_smmu_translate(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid,
				   uint64_t iova, struct lzm_translation *out);

/* Transaction with a translated address: checked against EATS and ATSCHK. */
enum lzm_result lzm_smmu_translated(struct lzm_smmu *s, uint32_t sid, uint64_t pa,
				    enum lzm_access access, uint64_t *out_pa);

/* A Page Request from the endpoint. Returns false if it was answered
 * automatically (*resp: 0 success, 1 invalid, 15 failure, -1 silence). */
bool lzm_smmu_page_request(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid, uint64_t iova,
			   unsigned prg, bool last, int *resp);

/* ---- fault injection at the SMMU itself ---- */
void lzm_smmu_inject_sfm(struct lzm_smmu *s);				/* service failure mode */
void lzm_smmu_inject_cmdq_stall(struct lzm_smmu *s, uint64_t until_ns); /* no consumption */
void lzm_smmu_inject_cmdq_abort(struct lzm_smmu *s);		  /* next command fetch aborts */
void lzm_smmu_inject_msi_abort(struct lzm_smmu *s);		  /* next MSI write aborts */
void lzm_smmu_inject_ste_abort(struct lzm_smmu *s, uint32_t sid); /* next STE fetch of sid */

/* ---- what a bench may look at (never a driver) ---- */
struct lzm_smmu_stats {
	uint64_t commands, syncs, atc_invs, cmdq_errors, atc_timeouts, events, events_lost;
	uint64_t sfm, illegal_driver_use; /* writes the architecture calls unpredictable */
	char last_misuse[96];		  /* what the last of those was */
};
void lzm_smmu_stats_get(const struct lzm_smmu *s, struct lzm_smmu_stats *out);
/* Would a translated transaction of `sid` pass now, and would it if the caches
 * were empty? For invariant B. */
void lzm_smmu_eats_effective(struct lzm_smmu *s, uint32_t sid, bool *now, bool *uncached);

#ifdef __cplusplus
}
#endif
#endif
