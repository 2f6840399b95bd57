/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small machine for tests of the SMMUv3 driver: the model, a few functions
 * with ATS, the library, a worker, all on the deterministic port. The body of
 * a test runs as a task on CPU 0; the worker runs on CPU 1.
 */
#ifndef TESTS_HAZARDS_RIG_H
#define TESTS_HAZARDS_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lazaret-model/board.h"
#include "lazaret-model/cmdqv.h"
#include "lazaret/device.h"
#include "lazaret/domain.h"
#include "lazaret/lazaret.h"
#include "lazaret/smmuv3.h"
#include "sim.h"

#define RIG_MMIO     0x09050000u
#define RIG_CMDQV    0x0a000000u
#define RIG_DEVS     4u
#define RIG_DMA_BASE 0x40000000ull
#define RIG_MEM	     0x100000000ull /* what tests map: pages nobody reads */

struct rig;

struct rig_dev {
	struct rig *rig;
	struct lzm_ep *ep;
	struct lz_device *dev;
	struct lz_group *group;
	struct lz_pci_access pci;
	struct lz_owner_ops owner;
	unsigned told, resumed;
	uint32_t sid;
};

struct rig_opts {
	unsigned devs;	  /* 1 .. RIG_DEVS; each in a group of its own */
	unsigned streams; /* per device; 1 */
	/* Devices 0 and 1 are in one group and send this id too, behind their own.
	 * It may be device 0's own; else device 0 answers its invalidations. */
	uint32_t alias;
	unsigned pasid_bits;  /* 0 */
	unsigned cmdq_log2;   /* 6 */
	const char *regime;   /* of the model; NULL: mild */
	uint64_t ats_timeout; /* 1 ms */
	uint64_t seed;
	unsigned switch_one_in; /* 16 */
	/* Called when the model stands and the library does not exist yet. */
	void (*prepare)(struct rig *r);
	bool no_worker; /* see rig_start_worker() */
	/* Beside the SMMU: a CMDQV, whose VINTF 1 is a guest's; as a guest sees its own. */
	bool cmdqv, cmdqv_guest;
	bool own_timeouts;			 /* a lane per CPU, as far as there are queues */
	void (*tune)(struct lzm_smmu_config *c); /* last word on the model; may be NULL */
	struct lz_config cfg;			 /* zero fields take the default */
};

struct rig_event {
	struct lz_event ev;
	int device; /* index or -1 */
};

struct rig {
	struct rig_opts opt;
	struct lzm_board *board;
	struct lzm_smmu *smmu;	 /* the board's */
	struct lzm_cmdqv *cmdqv; /* or NULL */
	struct lz *lz;
	struct lz_iommu *iommu;
	struct rig_dev dev[RIG_DEVS];
	struct sim_worker worker;
	unsigned irq_gerror, irq_evtq;
	uint64_t irq_delay;
	bool irq_off;	/* GERROR interrupts get lost */
	bool vcmdq_off; /* VCMDQs of the host's do not come up */
	struct rig_event events[512];
	unsigned n_events;
	uint64_t released; /* bytes, by release() */
	unsigned destroyed;
	unsigned faults; /* decoded records */
	struct lz_smmuv3_fault last_fault;
	/* The last DMA that got through. */
	uint64_t dma_pa;
	bool dma_translated;
	/* ATC_INVs that reached the endpoints. */
	unsigned atc_invs[RIG_DEVS];
	/* Called before the driver's register access, when set. */
	void (*on_mmio)(struct rig *r, uint32_t off, bool write, uint64_t value);
	/* Called after it. */
	void (*after_mmio)(struct rig *r, uint32_t off, bool write, uint64_t value);
	/* What the driver reads instead of `value`. */
	uint64_t (*lie)(struct rig *r, uint32_t off, uint64_t value);
	unsigned kept; /* allocations that an SMMU which stays on keeps for ever */
	/* Called for each event, also under the library's locks. */
	void (*on_event)(struct rig *r, const struct rig_event *e);
	/* Called before an endpoint's invalidation is delivered. */
	void (*on_atc)(struct rig *r, int device, const struct lzm_atc_inv *inv);
	void (*watch)(struct rig *r); /* see rig_watch() */
	void (*body)(struct rig *r);
	bool body_done;
	void *test; /* the test's own */
};

/* Builds the machine, runs `body` as a task, tears everything down and checks
 * that nothing is left over and no context rule was broken. */
void rig_run(const struct rig_opts *opt, void (*body)(struct rig *r));
/* The same for several seeds. */
void rig_run_seeds(const struct rig_opts *opt, unsigned seeds, void (*body)(struct rig *r));

/* Calls `fn` now and then after a store of anybody's. It looks at plain memory
 * and at the model only. With switch_one_in 1 it misses few states. */
void rig_watch(struct rig *r, void (*fn)(struct rig *r));
/* What opt.no_worker left out; teardown needs a worker. */
void rig_start_worker(struct rig *r);

struct lz_domain *rig_domain(struct rig *r);
/* A domain with the given devices attached. */
struct lz_domain *rig_shared(struct rig *r, unsigned first, unsigned n);
/* Detaches everybody who is attached to it and destroys it. */
void rig_drop(struct rig *r, struct lz_domain *dom);
void rig_remove(struct rig *r, unsigned device);
/* One that was removed comes back. */
void rig_add(struct rig *r, unsigned device);
/* Sleeps, so that worker and hardware go on. */
void rig_sleep(lz_ns ns);
/* Sleeps until pred(r) or `ns` are over; returns pred(r). */
bool rig_until(struct rig *r, bool (*pred)(struct rig *), lz_ns ns);
/* How often an event was seen, of a device (-1: any). */
unsigned rig_count(const struct rig *r, enum lz_event_kind kind, int device);
/* Index of the first such event, or -1. */
int rig_first(const struct rig *r, enum lz_event_kind kind, int device);
struct lz_health rig_health(struct rig *r, unsigned device);
/* One DMA access by device; true when it went through. */
bool rig_dma(struct rig *r, unsigned device, uint64_t iova, bool write);
/* An access through whatever the ATC holds. */
bool rig_dma_cached(struct rig *r, unsigned device);
/* Makes the device stop answering. */
void rig_silence(struct rig *r, unsigned device);
/* Unmaps in hard interrupt context. */
enum lz_status rig_unmap_irq(struct lz_domain *dom, lz_iova iova, size_t size);
struct lzm_smmu_stats rig_model_stats(struct rig *r);
bool rig_idle(struct rig *r); /* no custody, no work, nobody suspect */

#endif
