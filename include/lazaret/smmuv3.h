/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * Arm SMMUv3 (Arm IHI 0070).
 */
#ifndef LAZARET_SMMUV3_H
#define LAZARET_SMMUV3_H

#include "lazaret/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One SMMUv3; copied. */
struct lz_smmuv3_desc {
	const char *name;   /**< for log lines; copied, 31 characters */
	uintptr_t mmio;	    /**< base that the port's MMIO accessors take;
				 two 64 KiB pages */
	unsigned cmdq_log2; /**< 0: the driver's choice; capped by IDR1 */
	unsigned evtq_log2; /**< likewise */
	bool coherent;	    /**< platform says that table walks are coherent;
				 required (IDR0.COHACC or this) */
	size_t mmio_size;   /**< bytes that can be reached from `mmio`; 0: two pages.
				 Command queue control pages (ECMDQ, section 3.5.6) that
				 lie beyond are not used */
	uintptr_t cmdqv;    /**< base of the registers of a Tegra241 CMDQV beside this
				 SMMU; 0: none */
	bool own_timeouts;  /**< each command queue is known to tell of timeouts of its own
				 invalidations only. Then ATC invalidations use a further
				 queue per CPU, else one in all. Nothing is released too
				 early if it is wrong, but a sound device may be blamed */
};

/**
 * Probes the ID registers, brings the SMMU from any state to a known one and
 * enables it: every stream aborts until a device is attached, ATSCHK is on and
 * acknowledged. Task context. LZ_ENOTSUP (no stage 1, no 4 KiB granule, no
 * AArch64 tables, not coherent), LZ_ENOMEM, LZ_ETIMEDOUT (a register is not
 * acknowledged). An SMMU that was begun with and does not acknowledge that it is off
 * again keeps its queues and tables: they are not given back to the port. The caller
 * owns it: lz_smmuv3_remove().
 */
LZ_MUST_CHECK enum lz_status lz_smmuv3_add(struct lz *lz, const struct lz_smmuv3_desc *desc,
					   struct lz_iommu **out);

/** Aborts everything, disables and frees. LZ_EBUSY while it has devices or
 *  domains. LZ_ETIMEDOUT: gone for the caller all the same, but the hardware did not
 *  acknowledge that it is off, and the memory of its queues and tables, which it may
 *  still use, is not given back to the port. Task context; no interrupt handler of it
 *  runs any more. */
LZ_MUST_CHECK enum lz_status lz_smmuv3_remove(struct lz_iommu *iommu);

/** Handler of the GERROR line or MSI. Hard interrupt context, or any other. Returns
 *  whether there was something to do. */
bool lz_smmuv3_gerror_irq(struct lz_iommu *iommu);
/** Handler of the event queue's line or MSI. Hard interrupt context, or any other.
 *  Returns whether there was something to do; false always when fault records were
 *  left out of the build. */
bool lz_smmuv3_evtq_irq(struct lz_iommu *iommu);

/** Handler of a CMDQV's line. Hard interrupt context, or any other. Returns whether
 *  there was something to do; false always without a CMDQV. */
bool lz_smmuv3_cmdqv_irq(struct lz_iommu *iommu);

/** Receives errors of a guest's queues: bit l of `map` (l 0 .. 127) says that logical
 *  queue l of interface `vintf` (1 ..) stands at one. The guest acknowledges it itself;
 *  the library does not touch the queue. Called by lz_smmuv3_cmdqv_irq(), in its
 *  context; `map` is valid during the call. */
typedef void (*lz_smmuv3_guest_error_fn)(void *ctx, struct lz_iommu *iommu, unsigned vintf,
					 const uint32_t map[4]);
/** Sets who receives them; NULL: nobody. Task context, before a guest has a queue. */
void lz_smmuv3_set_guest_error_handler(struct lz_iommu *iommu, lz_smmuv3_guest_error_fn fn,
				       void *ctx);
/**
 * A guest's queue has been switched off, and a timeout that it has left behind is not to
 * reach its next owner: one CMD_SYNC on the SMMU's own queue, whose failure blames nobody.
 * Task context, one call at a time. LZ_OK: nothing is left; LZ_ETIMEDOUT: not known, ask
 * again; LZ_ENODEV: the SMMU translates nothing any more.
 */
LZ_MUST_CHECK enum lz_status lz_smmuv3_guest_queue_off(struct lz_iommu *iommu);

/** A fault record, decoded (section 7.3). */
struct lz_smmuv3_fault {
	uint8_t id;	  /**< event number, for example 0x10 */
	const char *name; /**< for example "F_TRANSLATION" */
	uint32_t stream;  /**< stream id */
	bool has_pasid;	  /**< `pasid` is valid */
	bool write;	  /**< the access was a write */
	bool privileged;  /**< the access was privileged */
	bool instruction; /**< the access fetched an instruction */
	bool stage2;	  /**< stage 2 faulted */
	uint32_t pasid;	  /**< substream id */
	uint64_t iova;	  /**< InputAddr where the record has one */
	uint64_t raw[4];  /**< the record as it was */
};
/** Receives decoded records; `fault` is valid during the call. Task context, no
 *  library lock held. */
typedef void (*lz_smmuv3_fault_fn)(void *ctx, struct lz_iommu *iommu,
				   const struct lz_smmuv3_fault *fault);
/** Sets who receives decoded records, from lz_poll(); NULL: nobody. Task context,
 *  before devices are added. */
void lz_smmuv3_set_fault_handler(struct lz_iommu *iommu, lz_smmuv3_fault_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
