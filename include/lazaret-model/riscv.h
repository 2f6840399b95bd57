/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * Register-level model of a RISC-V IOMMU (version 1.0 of the specification).
 *
 * It knows nothing of any driver: registers, memory, interrupts and time are all
 * there is. It caches what hardware caches, refuses what hardware refuses, and where
 * the specification leaves freedom it has a knob. docs/MODEL_RISCV.md lists both.
 */
#ifndef LAZARET_MODEL_RISCV_H
#define LAZARET_MODEL_RISCV_H

#include "lazaret-model/smmuv3.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Freedom of the specification, taken in one way or another. */
struct lzm_riscv_knobs {
	enum lzm_resync resync;	 /**< what the fence does when it is executed again after
				      cmd_to was cleared; succeeds: as the reference model */
	unsigned resync_fails;	 /**< how often more it times out */
	bool fence_never;	 /**< a fence behind an unanswered invalidation does not end */
	bool stop_forgets;	 /**< cqen 1->0 drops outstanding invalidations */
	uint64_t ats_timeout_ns; /**< protocol timeout of an invalidation */
	unsigned cqh_batch;	 /**< cqh is published every N commands (and when idle); 1 */
	uint64_t busy_ns;	 /**< how long a csr or ddtp stays busy after a write */
	bool late_subset;	 /**< invalidations still in time are given up with the dead */
	bool ats_out_of_order;	 /**< completions are taken in in any order */
	bool lazy;		 /**< commands are carried out in any order between fences */
	bool ctx_uncached;	 /**< contexts are read each time: changes take effect at once */
	uint64_t seed;		 /**< for the choices above */
};
/** 50 ms timeout, everything mild. */
void lzm_riscv_knobs_default(struct lzm_riscv_knobs *k);
/** The named sets of lzm_smmu_regime(), with what each means here. false: no such regime. */
bool lzm_riscv_regime(const char *name, struct lzm_riscv_knobs *k);

/** What the IOMMU can. */
struct lzm_riscv_config {
	bool sv48;		      /**< besides Sv39 */
	bool sv57;		      /**< likewise */
	bool stage2;		      /**< Sv39x4, and those of the above */
	bool ats;		      /**< capabilities.ATS */
	bool wired;		      /**< IGS: both; else MSI only */
	bool pd20;		      /**< PD20 besides PD8 and PD17 */
	bool msi_flat;		      /**< capabilities.MSI_FLAT: device contexts of 64 bytes,
					   MSI translation off in all of them */
	unsigned pas;		      /**< physical address bits, 32 .. 56 */
	unsigned tlb_entries;	      /**< translations cached */
	unsigned ctx_entries;	      /**< device and process contexts cached, each */
	struct lzm_riscv_knobs knobs; /**< freedom taken */
};
/** Everything on but MSI_FLAT, 56 bits. */
void lzm_riscv_config_default(struct lzm_riscv_config *c);

/** An IOMMU; owned by whoever created it. */
struct lzm_riscv;
/** `bus` is referenced until destroy. The command queue's interrupt is
 *  LZM_IRQ_GERROR, the fault queue's LZM_IRQ_EVTQ, the page request queue's
 *  LZM_IRQ_PRIQ. NULL when out of memory or config is out of range. */
struct lzm_riscv *lzm_riscv_create(const struct lzm_riscv_config *cfg, const struct lzm_bus *bus);
/** Frees it. */
void lzm_riscv_destroy(struct lzm_riscv *s);
/** Other freedom taken from here on, and another seed. false, nothing changed: out of range. */
bool lzm_riscv_set_knobs(struct lzm_riscv *s, const struct lzm_riscv_knobs *k);
/** From here on `c` (referenced) decides which requests are given up with a dead one
 *  (LZM_CHOOSE_LOST) and which answer is taken in next (LZM_CHOOSE_ANSWER), where the
 *  knobs leave that open; NULL: the seed again. Stays over lzm_riscv_reset(). */
void lzm_riscv_set_chooser(struct lzm_riscv *s, const struct lzm_chooser *c);
/** Hardware reset. */
void lzm_riscv_reset(struct lzm_riscv *s);

/** Register access: size 4 or 8, offset naturally aligned, below 0x1000. */
uint64_t lzm_riscv_read(struct lzm_riscv *s, uint32_t offset, unsigned size);
/** Likewise. What the specification calls unspecified is counted in the stats. */
void lzm_riscv_write(struct lzm_riscv *s, uint32_t offset, unsigned size, uint64_t value);

/** One unit of progress. false: nothing to do now. */
bool lzm_riscv_step(struct lzm_riscv *s);
/** Time at which step() will have something to do by itself; LZM_NEVER. */
uint64_t lzm_riscv_wake(struct lzm_riscv *s);

/** An endpoint's answer to the Invalidate Request `tag`. Dropped when the device's
 *  context says EN_ATS = 0. */
void lzm_riscv_atc_answer(struct lzm_riscv *s, uint64_t tag, enum lzm_atc_answer answer);
/** The function `did` was reset: what is outstanding to it will never be answered. */
void lzm_riscv_device_reset(struct lzm_riscv *s, uint32_t did);

/** Untranslated transaction. On LZM_OK `*pa` is where it goes. */
enum lzm_result lzm_riscv_untranslated(struct lzm_riscv *s, uint32_t did, bool pv, uint32_t pid,
				       uint64_t iova, enum lzm_access access, uint64_t *pa);
/** ATS Translation Request. */
enum lzm_result lzm_riscv_translate(struct lzm_riscv *s, uint32_t did, bool pv, uint32_t pid,
				    uint64_t iova, struct lzm_translation *out);
/** Transaction with a translated address. */
enum lzm_result lzm_riscv_translated(struct lzm_riscv *s, uint32_t did, uint64_t pa,
				     enum lzm_access access, uint64_t *out_pa);
/** A Page Request. false: answered automatically (*resp: 0 success, 1 invalid,
 *  15 failure, -1 silence). */
bool lzm_riscv_page_request(struct lzm_riscv *s, uint32_t did, bool pv, uint32_t pid, uint64_t iova,
			    unsigned prgi, bool last, int *resp);

/** No command is consumed until then. */
void lzm_riscv_inject_cmdq_stall(struct lzm_riscv *s, uint64_t until_ns);
/** The next command fetch faults. */
void lzm_riscv_inject_cmdq_fault(struct lzm_riscv *s);
/** The next fetch of the device's context faults. */
void lzm_riscv_inject_ddt_fault(struct lzm_riscv *s, uint32_t did);

/** Counters since creation. */
struct lzm_riscv_stats {
	uint64_t commands;	     /**< consumed */
	uint64_t fences;	     /**< of these: IOFENCE.C */
	uint64_t ats_invals;	     /**< of these: ATS.INVAL */
	uint64_t cmd_errors;	     /**< cmd_to, cmd_ill and cqmf raised */
	uint64_t ats_timeouts;	     /**< invalidations given up */
	uint64_t faults;	     /**< records written */
	uint64_t faults_lost;	     /**< records that found no room */
	uint64_t illegal_driver_use; /**< writes with an unspecified result */
	char last_misuse[96];	     /**< what the last of those was */
};
/** A snapshot into `*out`. */
void lzm_riscv_stats_get(const struct lzm_riscv *s, struct lzm_riscv_stats *out);
/** Would a translated transaction of `did` pass now, and would it if the caches were
 *  empty? */
void lzm_riscv_ats_effective(struct lzm_riscv *s, uint32_t did, bool *now, bool *uncached);
/** Would an untranslated transaction pass if the caches were empty? Nothing is cached or
 *  recorded by asking. Arguments as lzm_riscv_untranslated(). */
bool lzm_riscv_passes_uncached(struct lzm_riscv *s, uint32_t did, bool pv, uint32_t pid,
			       uint64_t iova, enum lzm_access access);
/** Does an IODIR.INVAL_DDT that covers `did`, or an IOTINVAL.VMA of all addresses, wait in
 *  the queue or behind it, not carried out? */
bool lzm_riscv_drop_waits(struct lzm_riscv *s, uint32_t did);

#ifdef __cplusplus
}
#endif
#endif
