/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small machine on whatever port and IOMMU the suite is linked with: the IOMMU's
 * model, functions with ATS, library, worker. What the machine counts may be counted
 * by any thread, so it is read with rig_get().
 */
#ifndef TESTS_CONFORMANCE_RIG_H
#define TESTS_CONFORMANCE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host.h"
#include "iommu.h"
#include "lazaret-model/board.h"
#include "lazaret/device.h"
#include "lazaret/domain.h"

#define RIG_DEVS  4u
#define RIG_UNITS 2u
#define RIG_MEM	  0x100000000ull /* what tests map: pages nobody reads */
#define RIG_IOVA  0x10000000ull

struct rig;

/* An IOMMU. */
struct rig_unit {
	struct rig *rig;
	struct lzm_board *board;
	struct lz_iommu *iommu;
	unsigned irq_error, irq_fault;
	uint64_t irq_delay;
};

struct rig_dev {
	struct rig *rig;
	struct rig_unit *unit;
	struct lzm_ep *ep;
	struct lz_device *dev;
	struct lz_group *group;
	struct lz_pci_access pci;
	struct lz_owner_ops owner;
	uint32_t told, resumed; /* atomic */
	uint32_t sid;
};

struct rig_opts {
	unsigned devs;	     /* 1 .. RIG_DEVS; each in a group of its own */
	unsigned iommus;     /* 1; device i is behind number i modulo this */
	unsigned pasid_bits; /* 0 */
	uint32_t alias;	     /* devices 0 and 1 are in one group and send this id too */
	const char *regime;  /* of the model; NULL: mild */
	bool no_pci, no_ats; /* of the devices */
	bool late;	     /* the hardware's timeout is longer than sync_bound */
	bool no_irq;	     /* interrupts get lost */
	unsigned hurry;	     /* what PCI waits for is divided by this; 1 */
	enum lz_identify identify;
	enum lz_contain contain;
	lz_ns sync_bound, late_bound; /* 0: default */
	void (*setup)(struct rig *r); /* last word on the machine; may be NULL */
	void (*on_event)(struct rig *r, const struct lz_event *ev); /* any thread; may be NULL */
	void (*on_release)(struct rig *r, struct lz_domain *dom, lz_iova iova, size_t size);
	void (*on_dma)(struct rig *r, unsigned device, uint64_t pa, bool translated);
};

struct rig {
	struct rig_opts opt;
	struct rig_unit unit[RIG_UNITS];
	struct lz *lz;
	struct rig_dev dev[RIG_DEVS];
	void (*body)(struct rig *r);
	uint32_t events[LZ_EVENT_KINDS][RIG_DEVS + 1]; /* atomic; last: no device */
	uint64_t released;			       /* bytes; atomic */
	uint32_t destroyed, faults;		       /* atomic */
	struct iommu_fault last_fault;		       /* after `faults` */
	uint64_t dma_pa;			       /* [hw lock] */
	bool dma_translated;			       /* [hw lock] */
	void *test;				       /* the test's own */
};

/* Builds the machine, runs `body` as a task, tears down and checks the books. */
void rig_run(const struct rig_opts *opt, void (*body)(struct rig *r));

#define rig_get(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)

void rig_add(struct rig *r, unsigned device);
void rig_remove(struct rig *r, unsigned device);
struct lz_domain *rig_domain(struct rig *r);
/* Made for that IOMMU; those of the others are for the first. */
struct lz_domain *rig_domain_of(struct rig *r, unsigned unit);
/* A domain with the first `n` devices attached. */
struct lz_domain *rig_shared(struct rig *r, unsigned n);
/* Detaches everybody who is attached to it and destroys it. */
void rig_drop(struct rig *r, struct lz_domain *dom);

/* Sleeps until pred(r) or half a minute of a loaded machine is over. */
bool rig_until(struct rig *r, bool (*pred)(struct rig *r));
bool rig_idle(struct rig *r); /* no custody, no work, nobody suspect */
/* Events of a kind; device -1: of anybody. */
unsigned rig_count(struct rig *r, enum lz_event_kind kind, int device);
struct lz_health rig_health(struct rig *r, unsigned device);

enum rig_access { RIG_REFUSED, RIG_UNTRANSLATED, RIG_TRANSLATED };
/* One access of the device's DMA engine; *pa may be NULL. */
enum rig_access rig_dma(struct rig *r, unsigned device, uint64_t iova, bool write, uint64_t *pa);
/* The same under a PASID. */
enum rig_access rig_dma_pasid(struct rig *r, unsigned device, uint32_t pasid, uint64_t iova,
			      uint64_t *pa);
/* Does config space of the device have PASID enabled? */
bool rig_may_use_pasids(struct rig *r, unsigned device);
/* Does an untranslated write with that stream id get through the first IOMMU? */
bool rig_id_passes(struct rig *r, uint32_t sid, uint64_t iova);
/* An access through whatever the ATC holds; false: nothing, or refused. */
bool rig_dma_cached(struct rig *r, unsigned device);
void rig_fault(struct rig *r, unsigned device, enum lzm_ep_fault fault);
/* Unmaps in hard interrupt context. */
enum lz_status rig_unmap_irq(struct lz_domain *dom, lz_iova iova, size_t size);

#endif
