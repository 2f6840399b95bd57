/* SPDX-License-Identifier: BSD-2-Clause */
/* An IOMMU that is plain memory, with a domain and devices, for figures. */
#ifndef LAZARET_FIGURES_FLAT_H
#define LAZARET_FIGURES_FLAT_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/riscv/riscv.h"
#include "drivers/smmuv3/smmu.h"

#define FLAT_DEVICES_MAX 128u
#define FLAT_IOVA	 0x10000000ull
#define FLAT_SYNC_TIME	 1000u /* ns, of the slow hardware */

struct flat_device {
	struct lz_pci_access pci;
	uint8_t config[4096];
	struct lz_group *group;
	struct lz_device *dev;
};

struct flat {
	bool riscv; /* else an SMMUv3 */
	struct lz *lz;
	struct lz_iommu *iommu;
	struct lz_domain *dom;
	uint8_t *mmio;
	unsigned n;
	struct flat_device device[FLAT_DEVICES_MAX];
};

/* Builds it with `devices` ATS functions attached; aborts when that fails. */
struct flat *flat_make(unsigned devices, enum lz_contain contain, unsigned cmdq_log2);
/* The same with a RISC-V IOMMU. */
struct flat *flat_make_riscv(unsigned devices, enum lz_contain contain, unsigned cmdq_log2);
void flat_free(struct flat *f);
/* Another SMMU of the same instance, with an IDR5.OAS of its own; `*mmio` is freed by
 * whoever removes it. */
struct lz_iommu *flat_another(struct flat *f, uint32_t oas, uint8_t **mmio);
static inline struct lz_smmu *flat_smmu(struct flat *f)
{
	return lz_smmu_of(f->iommu);
}
static inline struct lz_rv *flat_riscv(struct flat *f)
{
	return lz_rv_of(f->iommu);
}

lz_ns flat_now(void);
/* Around a time with lz_port_slow set, when nothing is in the queue. */
void flat_slow_begin(struct flat *f);
void flat_slow_end(struct flat *f);

/* The ring of a driver that is not ours: same memory, same registers. */
struct flat_peer {
	uintptr_t mmio;
	uint64_t *ring;
	uint32_t size, prod;
	uint32_t ticket_next, ticket_now;
};
void flat_peer_init(struct flat_peer *p, struct flat *f);
/* Bare stores, doorbell, wait: the limit. One thread. */
void flat_bare(struct flat_peer *p, const struct lz_command *cmd, uint32_t n);
/* The same inside a ticket lock. Any thread. */
void flat_ticket(struct flat_peer *p, const struct lz_command *cmd, uint32_t n);
void flat_bare_riscv(struct flat_peer *p, const struct lz_command *cmd, uint32_t n);
void flat_ticket_riscv(struct flat_peer *p, const struct lz_command *cmd, uint32_t n);

#endif
