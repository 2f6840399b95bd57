/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * Either model as "the IOMMU", for benches that run on both: what they have in common, by
 * one name. As passive as they are: one call at a time, from any context.
 */
#ifndef LAZARET_MODEL_IOMMU_H
#define LAZARET_MODEL_IOMMU_H

#include "lazaret-model/riscv.h"
#include "lazaret-model/smmuv3.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One of them is there, the other is NULL. Whoever created it owns it. */
struct lzm_iommu {
	struct lzm_smmu *smmu;	 /**< an SMMUv3, or */
	struct lzm_riscv *riscv; /**< a RISC-V IOMMU */
};

/** Frees it. Neither there: nothing. */
void lzm_iommu_destroy(const struct lzm_iommu *m);
/** A register; as lzm_smmu_read(). */
uint64_t lzm_iommu_read(const struct lzm_iommu *m, uint32_t offset, unsigned size);
/** As lzm_smmu_write(). */
void lzm_iommu_write(const struct lzm_iommu *m, uint32_t offset, unsigned size, uint64_t value);
/** One unit of progress. false: nothing to do. */
bool lzm_iommu_step(const struct lzm_iommu *m);
/** Time at which step() will have something to do by itself; LZM_NEVER. */
uint64_t lzm_iommu_wake(const struct lzm_iommu *m);

/** What became of an invalidation of an ATC; as lzm_smmu_atc_answer(). */
void lzm_iommu_atc_answer(const struct lzm_iommu *m, uint64_t tag, enum lzm_atc_answer a);
/** The function behind `sid` was reset; as lzm_smmu_device_reset(). */
void lzm_iommu_device_reset(const struct lzm_iommu *m, uint32_t sid);
/** A Translation Request; PASID 0 is none, as below. */
enum lzm_result lzm_iommu_translate(const struct lzm_iommu *m, uint32_t sid, uint32_t pasid,
				    uint64_t iova, struct lzm_translation *out);
/** An access to an address that was translated before. */
enum lzm_result lzm_iommu_translated(const struct lzm_iommu *m, uint32_t sid, uint64_t pa,
				     enum lzm_access access, uint64_t *out);
/** An ordinary access. */
enum lzm_result lzm_iommu_untranslated(const struct lzm_iommu *m, uint32_t sid, uint32_t pasid,
				       uint64_t iova, enum lzm_access access, uint64_t *pa);
/** A Page Request for a page to be read, the last of its group. */
void lzm_iommu_page_request(const struct lzm_iommu *m, uint32_t sid, uint64_t iova, unsigned prgi);
/** Would a translated access of `sid` pass now, and would it if the caches were empty? */
void lzm_iommu_ats_effective(const struct lzm_iommu *m, uint32_t sid, bool *now, bool *uncached);
/** Would an untranslated access pass if the caches were empty? Nothing is cached or recorded
 *  by asking. */
bool lzm_iommu_passes_uncached(const struct lzm_iommu *m, uint32_t sid, uint32_t pasid,
			       uint64_t iova, enum lzm_access access);
/** Is a command that drops what is cached of the entry of `sid` submitted and not carried
 *  out? */
bool lzm_iommu_drop_waits(const struct lzm_iommu *m, uint32_t sid);

/** No command is consumed until then. */
void lzm_iommu_stall(const struct lzm_iommu *m, uint64_t until);
/** The next read of the entry of `sid` (~0: of any) is aborted. */
void lzm_iommu_abort_entry(const struct lzm_iommu *m, uint32_t sid);
/** The next read of a command is aborted. */
void lzm_iommu_abort_command(const struct lzm_iommu *m);

/** Where its command queue is, as its registers say: `*bytes` is a power of two. */
void lzm_iommu_ring(const struct lzm_iommu *m, uint64_t *start, uint64_t *bytes);
/** The register that says how far it has got in there. */
uint32_t lzm_iommu_head(const struct lzm_iommu *m);
/** Has it consumed all commands? */
bool lzm_iommu_is_idle(const struct lzm_iommu *m);

/** What it has counted since it was created. */
struct lzm_iommu_counts {
	uint64_t commands;	     /**< consumed */
	uint64_t syncs;		     /**< of these: CMD_SYNC or IOFENCE.C */
	uint64_t invalidations;	     /**< of these: of an ATC */
	uint64_t errors;	     /**< of the command queue */
	uint64_t lane_commands;	     /**< of the commands: from queues beside its own */
	unsigned lanes;		     /**< how many of those were used */
	uint64_t illegal_driver_use; /**< writes with an unspecified result */
	char last_misuse[96];	     /**< what the last of those was */
};
/** A snapshot into `*out`; zeroes when neither is there. */
void lzm_iommu_counts_get(const struct lzm_iommu *m, struct lzm_iommu_counts *out);

#ifdef __cplusplus
}
#endif
#endif
