/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
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

/** What the repeated CMD_SYNC does after an acknowledged ATC_INV_SYNC error. */
enum lzm_resync {
	LZM_RESYNC_SUCCEEDS,	      /**< the dead invalidations are forgotten */
	LZM_RESYNC_FAILS_N,	      /**< fails resync_fails more times, then succeeds */
	LZM_RESYNC_FAILS_UNTIL_RESET, /**< as long as the device neither answers nor is reset */
};

/** How several command queues are served (IHI 0070 3.5.6 leaves it open). */
enum lzm_engine {
	LZM_ENGINE_PARALLEL,	 /**< a waiting sync stalls its own queue only */
	LZM_ENGINE_ONE_CONSUMER, /**< a waiting sync stalls all */
};

/** Freedom of the architecture, taken in one way or another (docs/MODEL.md). */
struct lzm_smmu_knobs {
	enum lzm_resync resync;	 /**< the repeated sync */
	unsigned resync_fails;	 /**< how often more it fails */
	bool sync_never;	 /**< a sync behind a dead ATC_INV never completes nor errors */
	bool restart_forgets;	 /**< CMDQEN 1->0 drops outstanding ATC_INVs */
	bool restart_waits;	 /**< CR0ACK.CMDQEN held back while a sync is in progress */
	uint64_t ats_timeout_ns; /**< invalidation completion timeout */
	unsigned cons_batch;	 /**< CONS.RD is updated every N commands (and when idle); 1 */
	unsigned prefetch;	 /**< commands fetched ahead; 0 */
	uint64_t ack_delay_ns;	 /**< CR0 and IRQ_CTRL write to ACK */
	uint64_t gerror_irq_delay_ns; /**< carried out by the bench through irq(): informational */
	bool tolerant_ill; /**< accepts what QEMU accepts (ATC_INV without ATS, CS=3, Resp=3) */
	bool scramble_err; /**< CMDQ_CONS.ERR becomes garbage after the acknowledge */
	bool gerrorn_activates; /**< toggling GERRORN of an inactive error activates it */
	bool oas_truncates;	/**< translated address above OAS: truncated, else aborted */
	bool late_subset;	/**< timed-out ATC_INVs may still be carried out later */
	bool atc_out_of_order;	/**< completions are processed in any order */
	bool mev_merges;	/**< similar events are merged where MEV allows */
	enum lzm_engine engine; /**< with more than one command queue */
	bool shared_timeouts;	/**< a timeout fails whichever queue's sync comes next, else
				     that of the queue of its ATC_INV */
	bool drain_reports;	/**< a timeout left behind by a disabled VCMDQ fails the sync on
				     the SMMU's own queue that drains it, else it is silent */
	uint64_t seed;		/**< for the choices above */
};
/** 50 ms timeout, everything mild. */
void lzm_smmu_knobs_default(struct lzm_smmu_knobs *k);

/** Named sets of knobs. Sets *k to the set `name`, keeping its ats_timeout_ns
 * (but for "late_hw"), seed, engine and shared_timeouts; false, *k untouched: no such
 * regime. */
bool lzm_smmu_regime(const char *name, struct lzm_smmu_knobs *k);
/** Name of the i-th regime, NULL behind the last. */
const char *lzm_smmu_regime_name(unsigned i);

/** What the SMMU can. */
struct lzm_smmu_config {
	unsigned sid_bits;	     /**< IDR1.SIDSIZE */
	unsigned ssid_bits;	     /**< IDR1.SSIDSIZE */
	unsigned cmdq_log2;	     /**< IDR1.CMDQS */
	unsigned evtq_log2;	     /**< IDR1.EVENTQS */
	unsigned priq_log2;	     /**< IDR1.PRIQS; 0: no PRI */
	unsigned oas;		     /**< IDR5.OAS code, 5 = 48 bits */
	bool ats;		     /**< IDR0.ATS */
	bool pri;		     /**< IDR0.PRI */
	bool msi;		     /**< IDR0.MSI */
	bool range_inv;		     /**< IDR3.RIL */
	bool two_level;		     /**< IDR0.ST_LEVEL */
	bool cohacc;		     /**< IDR0.COHACC */
	bool stage2;		     /**< IDR0.S2P */
	bool ecmdq;		     /**< IDR1.ECMDQ; needs cohacc and msi */
	unsigned ecmdq_pages_log2;   /**< IDR6.LOG2NUMP: control pages, at most 3 */
	unsigned ecmdq_queues_log2;  /**< IDR6.LOG2NUMQ: queues of each page, at most 8 */
	unsigned tlb_entries;	     /**< translations cached */
	unsigned cfg_entries;	     /**< STEs and CDs cached, each */
	struct lzm_smmu_knobs knobs; /**< freedom taken */
};
/** ATS, MSI, two-level stream table, 16 bits of stream id, mild knobs. */
void lzm_smmu_config_default(struct lzm_smmu_config *c);

/** An SMMU; owned by whoever created it. */
struct lzm_smmu;
/** `bus` is referenced until destroy. NULL when out of memory or config is out of range. */
struct lzm_smmu *lzm_smmu_create(const struct lzm_smmu_config *cfg, const struct lzm_bus *bus);
/** Frees it; nothing refers to it any more. */
void lzm_smmu_destroy(struct lzm_smmu *s);
/** Other freedom taken from here on, and another seed. false, nothing changed: out of range. */
bool lzm_smmu_set_knobs(struct lzm_smmu *s, const struct lzm_smmu_knobs *k);
/** From here on `c` (referenced) takes the decisions that the seed and the order of
 *  arrival take otherwise; NULL: those again. Stays over lzm_smmu_reset(). */
void lzm_smmu_set_chooser(struct lzm_smmu *s, const struct lzm_chooser *c);
/** Hardware reset: registers to reset values, caches and outstanding work gone. */
void lzm_smmu_reset(struct lzm_smmu *s);

/** Register access: size 4 or 8, offset naturally aligned, below lzm_smmu_mmio_size().
 * Any other reads 0, writes nothing, and is counted in the stats. */
uint64_t lzm_smmu_read(struct lzm_smmu *s, uint32_t offset, unsigned size);
/** Likewise. What the architecture calls unpredictable is counted in the stats. */
void lzm_smmu_write(struct lzm_smmu *s, uint32_t offset, unsigned size, uint64_t value);

/** Bytes of its register pages: 0x20000, and the control pages of ECMDQs behind. */
uint32_t lzm_smmu_mmio_size(const struct lzm_smmu *s);

/** One unit of progress: one command fetched or executed, one timer expired,
 * one answer taken in. false: nothing to do now. */
bool lzm_smmu_step(struct lzm_smmu *s);
/** Time at which step() will have something to do by itself; LZM_NEVER. */
uint64_t lzm_smmu_wake(struct lzm_smmu *s);

/** An endpoint's answer to the Invalidate Request `tag`. Unknown or finished
 * tags are ignored (late completions). */
void lzm_smmu_atc_answer(struct lzm_smmu *s, uint64_t tag, enum lzm_atc_answer answer);
/** The function behind `sid` was reset: requests outstanding to it will never
 * be answered, and "until reset" knobs end for it. */
void lzm_smmu_device_reset(struct lzm_smmu *s, uint32_t sid);

/** Direction of a transaction. */
enum lzm_access {
	LZM_READ,  /**< from memory */
	LZM_WRITE, /**< to memory */
};
/** How a transaction ends. */
enum lzm_result {
	LZM_OK,	   /**< it got through */
	LZM_ABORT, /**< the transaction ends with an abort */
	LZM_UR,	   /**< translation request: unsupported request */
	LZM_CA,	   /**< translation request: completer abort */
};

/** Untranslated transaction: stage 1 (and stage 2) walk through the caches.
 * On LZM_OK `*pa` is the physical address. Faults are recorded as events. */
enum lzm_result lzm_smmu_untranslated(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid,
				      uint64_t iova, enum lzm_access access, uint64_t *pa);

/** The answer to a Translation Request. */
struct lzm_translation {
	uint64_t iova; /**< start of the span */
	uint64_t pa;   /**< where it leads */
	uint64_t size; /**< of the span, bytes */
	bool read;     /**< it may be read */
	bool write;    /**< it may be written */
};
/** ATS Translation Request for the page of `iova`. On LZM_OK `read` and `write` may
 *  both be false (not mapped). */
enum lzm_result lzm_smmu_translate(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid,
				   uint64_t iova, struct lzm_translation *out);

/** Transaction with a translated address: checked against EATS and ATSCHK. */
enum lzm_result lzm_smmu_translated(struct lzm_smmu *s, uint32_t sid, uint64_t pa,
				    enum lzm_access access, uint64_t *out_pa);

/** A Page Request from the endpoint. Returns false if it was answered
 * automatically (*resp: 0 success, 1 invalid, 15 failure, -1 silence). */
bool lzm_smmu_page_request(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid, uint64_t iova,
			   unsigned prg, bool last, int *resp);

/* ---- fault injection at the SMMU itself ---- */
/** Service failure mode. */
void lzm_smmu_inject_sfm(struct lzm_smmu *s);
/** No consumption. */
void lzm_smmu_inject_cmdq_stall(struct lzm_smmu *s, uint64_t until_ns);
/** Next command fetch aborts. */
void lzm_smmu_inject_cmdq_abort(struct lzm_smmu *s);
/** Next MSI write aborts. */
void lzm_smmu_inject_msi_abort(struct lzm_smmu *s);
/** Next STE fetch of sid. */
void lzm_smmu_inject_ste_abort(struct lzm_smmu *s, uint32_t sid);

/* ---- what a bench may look at (never a driver) ---- */
/** Counters since creation. */
struct lzm_smmu_stats {
	uint64_t commands;	     /**< consumed */
	uint64_t syncs;		     /**< of these: CMD_SYNC */
	uint64_t atc_invs;	     /**< of these: CMD_ATC_INV */
	uint64_t lane_commands;	     /**< of these: from ECMDQs and queues of a CMDQV */
	unsigned lanes;		     /**< how many of those queues had any */
	uint64_t cmdq_errors;	     /**< errors raised in the command queue */
	uint64_t atc_timeouts;	     /**< of these: CERROR_ATC_INV_SYNC */
	uint64_t events;	     /**< records written */
	uint64_t events_lost;	     /**< records that found no room */
	uint64_t sfm;		     /**< times service failure mode was entered */
	uint64_t illegal_driver_use; /**< writes the architecture calls unpredictable */
	char last_misuse[96];	     /**< what the last of those was */
};
/** A snapshot into `*out`. */
void lzm_smmu_stats_get(const struct lzm_smmu *s, struct lzm_smmu_stats *out);
/** Would a translated transaction of `sid` pass now, and would it if the caches
 * were empty? For invariant B. */
void lzm_smmu_eats_effective(struct lzm_smmu *s, uint32_t sid, bool *now, bool *uncached);
/** Would an untranslated transaction pass if the caches were empty? Nothing is cached or
 * recorded by asking. Arguments as lzm_smmu_untranslated(). For invariant B. */
bool lzm_smmu_passes_uncached(struct lzm_smmu *s, uint32_t sid, bool ssv, uint32_t ssid,
			      uint64_t iova, enum lzm_access access);
/** Is a CMD_CFGI_STE (or of a range, or of all) that covers `sid` submitted in any queue
 * and not carried out? For invariant B. */
bool lzm_smmu_cfgi_waits(struct lzm_smmu *s, uint32_t sid);

#ifdef __cplusplus
}
#endif
#endif
