/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * RISC-V IOMMU (RISC-V IOMMU Architecture Specification 1.0).
 */
#ifndef LAZARET_RISCV_H
#define LAZARET_RISCV_H

#include "lazaret/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One RISC-V IOMMU; copied. */
struct lz_riscv_desc {
	const char *name;     /**< for log lines; copied, 31 characters */
	uintptr_t mmio;	      /**< base that the port's MMIO accessors take; 4 KiB */
	unsigned cmdq_log2;   /**< commands, 3 .. 16; 0: the driver's choice */
	unsigned faultq_log2; /**< fault records, 1 .. 16; 0: likewise */
	unsigned levels;      /**< of the device directory, 1 .. 3; 0: as many as there are */
	bool coherent;	      /**< platform says that its accesses are coherent; required */
	/** Interrupts are messages: the command queue's is vector 0, the fault queue's
	 *  vector 1. Otherwise they are wires, if the hardware has them. */
	bool msi;
	uint64_t msi_address[2]; /**< with `msi`: bits 55:2, by vector */
	uint32_t msi_data[2];	 /**< with `msi`: by vector */
};

/**
 * Probes the capabilities, brings the IOMMU from any state to a known one and enables
 * it: every device's requests are refused until it is added and attached. Task context.
 * LZ_EINVAL (a field is out of range), LZ_ENOTSUP (not version 1, no Sv39, not coherent,
 * neither of the interrupts asked for, fewer levels than asked for), LZ_ENOMEM,
 * LZ_ETIMEDOUT (a register stays busy). One that was begun with and does not say that
 * it is off again keeps its queues and tables: they are not given back to the port. The
 * caller owns it: lz_riscv_remove(). LZ_ENOTSUP also when it was left out of the build.
 */
LZ_MUST_CHECK enum lz_status lz_riscv_add(struct lz *lz, const struct lz_riscv_desc *desc,
					  struct lz_iommu **out);

/** Refuses everything, disables and frees. LZ_EBUSY while it has devices or domains.
 *  LZ_ETIMEDOUT: gone for the caller all the same, but the hardware did not say that it
 *  is off, and the memory that it may still use is not given back to the port. Task
 *  context; no interrupt handler of it runs any more. */
LZ_MUST_CHECK enum lz_status lz_riscv_remove(struct lz_iommu *iommu);

/** Handler of the command queue's interrupt (cip). Hard interrupt context, or any other.
 *  Returns whether there was something to do. */
bool lz_riscv_command_irq(struct lz_iommu *iommu);
/** Handler of the fault queue's interrupt (fip). Hard interrupt context, or any other.
 *  Returns whether there was something to do; false always when fault records were left
 *  out of the build. Where both causes have one line, call both. */
bool lz_riscv_fault_irq(struct lz_iommu *iommu);

/** A fault record, decoded (section 3.6). */
struct lz_riscv_fault {
	uint16_t cause;	     /**< for example 13 */
	const char *name;    /**< for example "read page fault" */
	uint8_t transaction; /**< type (TTYP); 0: none, and no device */
	uint32_t device;     /**< device id */
	bool has_pasid;	     /**< `pasid` is valid */
	bool privileged;     /**< the access was privileged */
	uint32_t pasid;	     /**< process id */
	uint64_t iova;	     /**< iotval */
	uint64_t raw[4];     /**< the record as it was */
};
/** Receives decoded records; `fault` is valid during the call. Task context, no library
 *  lock held. */
typedef void (*lz_riscv_fault_fn)(void *ctx, struct lz_iommu *iommu,
				  const struct lz_riscv_fault *fault);
/** Sets who receives decoded records, from lz_poll(); NULL: nobody. Task context, before
 *  devices are added. */
void lz_riscv_set_fault_handler(struct lz_iommu *iommu, lz_riscv_fault_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
