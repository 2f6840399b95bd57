/* SPDX-License-Identifier: BSD-2-Clause */
/* The SMMU of the device tree, brought up as an embedder does. */
#ifndef QEMU_SMMU_H
#define QEMU_SMMU_H

#include "baremetal.h"
#include "lazaret/device.h"
#include "lazaret/domain.h"
#include "lazaret/smmuv3.h"
#include "pci.h"

struct smmu {
	uint64_t base, size;
	unsigned evtq_irq, gerror_irq;
	bool evtq_edge, gerror_edge, coherent;
	struct lz *lz;
	struct lz_iommu *iommu;
};

extern struct smmu smmu;

/* Finds it by the node that devices refer to. */
bool smmu_find(int node);
/* An instance of the library with this one SMMU, its interrupts and the worker. */
bool smmu_up(void);
/* The reverse; everything made from it is gone. */
bool smmu_down(void);
void smmu_print(void);
/* To which CPU its interrupts go. */
void smmu_route(unsigned cpu);

/* How often the library has told of such an event since smmu_up(). */
unsigned smmu_events(enum lz_event_kind kind);

/* Fault records, decoded, as they arrive. */
void smmu_faults_forget(void);
/* Waits for one of that stream, name and page; false: none came. */
bool smmu_fault(uint32_t stream, const char *name, uint64_t page, bool write);
unsigned smmu_faults(void);

/* A function added to the library in a group of its own. */
struct client {
	struct pci_function *fn;
	struct lz_group *group;
	struct lz_device *dev;
	struct lz_domain *dom;
	uint32_t resumed, errors, released; /* atomic */
};
/* Adds it and attaches it to a new paging domain. */
bool client_up(struct client *c, struct pci_function *fn, bool ats);
bool client_down(struct client *c);

/* Pages that are the device's and the CPU's. */
struct shared {
	void *va;
	lz_phys pa;
	size_t size;
	lz_iova iova;
};
bool shared_alloc(struct shared *m, size_t size, lz_iova iova);
void shared_free(struct shared *m);
enum lz_status shared_map(struct client *c, const struct shared *m, unsigned prot);
enum lz_status shared_unmap(struct client *c, const struct shared *m);

#endif
