/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the suites need of the IOMMU that they run on; one file per driver implements
 * it, with the driver's model. Tasks call between host_hw_lock() and _unlock() what
 * touches the model.
 */
#ifndef TESTS_CONFORMANCE_IOMMU_H
#define TESTS_CONFORMANCE_IOMMU_H

#include "lazaret-model/board.h"
#include "lazaret/lazaret.h"

#define RIG_MMIO      0x09050000u
#define RIG_MMIO_EACH 0x00100000u /* from one IOMMU to the next */

/* A board with the model; `timeout` is that of invalidations. *irq_delay: that of the
 * error interrupt. Asserts that the regime exists; NULL: mild. */
struct lzm_board *iommu_board(const char *regime, uint64_t timeout, const struct lzm_bus *bus,
			      uint64_t *irq_delay);
/* Registers from its base to this. */
size_t iommu_registers(void);
/* The board and what the IOMMU has beside it. */
void iommu_board_end(struct lzm_board *b);

/* Of an SMMUv3: which queues there are beside its own. In one_queue.c, more_queues.c and
 * virtual_queues.c. */
enum iommu_queues { IOMMU_ONE_QUEUE, IOMMU_ECMDQ, IOMMU_VCMDQ };
extern const enum iommu_queues iommu_queues;
/* Of a RISC-V IOMMU: capabilities.MSI_FLAT? In base_contexts.c and wide_contexts.c. */
extern const bool iommu_msi_flat;

/* A fault record, as far as every IOMMU has one. */
struct iommu_fault {
	bool translation; /* nothing is mapped there */
	bool write, has_pasid;
	uint32_t stream;
	uint64_t iova;
};
typedef void (*iommu_fault_fn)(void *ctx, const struct iommu_fault *f);

enum lz_status iommu_add(struct lz *lz, uintptr_t mmio, struct lz_iommu **out);
enum lz_status iommu_remove(struct lz_iommu *iommu);
/* One `fn` and `ctx` at a time, for all IOMMUs. */
void iommu_faults_to(struct lz_iommu *iommu, iommu_fault_fn fn, void *ctx);
/* Handlers of the two interrupts. */
void iommu_error_irq(struct lz_iommu *iommu);
void iommu_fault_irq(struct lz_iommu *iommu);

#endif
