/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small machine that is explored: a model of an IOMMU with a queue of a few
 * slots, one to three functions with ATS, the library, a worker, the owner.
 * It is built and torn down quietly; in between a body acts under exploration.
 * All of it lies in memory that a snapshot keeps.
 */
#ifndef LZ_EXPLORE_RIG_H
#define LZ_EXPLORE_RIG_H

#include "explore/explore.h"
#include "explore/rig_iommu.h"
#include "lazaret-model/board.h"
#include "lazaret-model/cmdqv.h"
#include "lazaret/device.h"
#include "lazaret/domain.h"
#include "lazaret/lazaret.h"

#define EXR_DEVS       3u
#define EXR_SMMUS      2u
#define EXR_SIDS       2u /* of its own; one alias more */
#define EXR_DOMS       3u
#define EXR_PAGES      16u /* per domain */
#define EXR_TASKS      6u
#define EXR_MMIO       0x09050000u
#define EXR_MMIO_SIZE  0x40000u	   /* of each SMMU, at most */
#define EXR_CMDQV      0x0a000000u /* what is beside it */
#define EXR_CMDQV_SIZE 0x100000u
#define EXR_DMA	       0x40000000ull  /* tables and queues */
#define EXR_MEM	       0x100000000ull /* what is mapped: pages nobody reads */
#define EXR_IOVA       0x10000ull
#define EXR_REGIMES    16u
#define EXR_FAR	       12u /* pages from here on lie in tables of their own */
#define EXR_PASID      1u
#define EXR_PASIDS     3u /* from EXR_PASID on, where there are any */

static inline uint64_t exr_iova(unsigned page)
{
	return EXR_IOVA + page * LZ_PAGE +
	       (page < EXR_FAR ? 0 : (uint64_t)(page - EXR_FAR + 1) << 30);
}
static inline unsigned exr_page(uint64_t iova)
{
	return iova >> 30 ? EXR_FAR - 1 + (unsigned)(iova >> 30)
			  : (unsigned)((iova - EXR_IOVA) / LZ_PAGE);
}

struct exr;

/* A scenario for exploration; docs/EXPLORER.md documents the keys. */
struct ex_case {
	const char *path;
	char *description;
	char *body;
	unsigned body_line;
	unsigned iommu; /* enum exr_iommu */
	uint64_t smmus; /* device i is behind number i modulo this */
	uint64_t devices, streams, queue, pasid_bits, clocks, dma;
	uint64_t ats_timeout, sync_bound, atomic_wait, late_bound, reset_time, settle_max;
	uint64_t budget[EX_MAYBES]; /* what may go wrong, how often */
	uint64_t same_group;	    /* 1: all devices in one group */
	uint64_t alias;		    /* 1: and the others send device 0's first id too */
	uint64_t reset_told;	    /* 0: what is outstanding at a reset times out */
	uint64_t whole;		    /* 1: explored until all work is done */
	char *lanes;		    /* none, ecmdq, cmdqv; NULL: none */
	uint64_t shared_timeouts;   /* 1: any queue's sync tells of a timeout */
	uint64_t own_timeouts;	    /* 1: the library believes that they do not */
	uint64_t one_consumer;	    /* 1: a sync that waits stalls all queues */
	uint64_t msi_flat;	    /* 1: device contexts of 64 bytes */
	uint64_t ctx_uncached;	    /* 1: device contexts are read each time */
	/* A run chooses one of these. */
	char *regime[EXR_REGIMES];
	unsigned n_regimes;
	uint32_t hash; /* of the file */
};

/* An IOMMU with what hangs on it. */
struct exr_unit {
	struct exr *rig;
	struct lzm_board *board;
	const struct lzm_iommu *model; /* the board's */
	struct lz_iommu *iommu;
	struct lzm_cmdqv *cmdqv; /* or NULL */
	unsigned irq_gerror, irq_evtq, irq_cmdqv;
	bool lost; /* service failure: nothing works from then on */
};

struct exr_dev {
	struct exr *rig;
	struct exr_unit *unit;
	unsigned index;
	struct lzm_ep *ep;
	struct lz_device *dev;
	struct lz_group *group;
	struct lz_pci_access pci;
	struct lz_owner_ops owner;
	uint32_t sid[EXR_SIDS + 1];
	unsigned n_sids, n_own; /* own ones first, which its ATC is reached by */
	unsigned told, resumed;
	/* What the oracles know. */
	bool guilty;   /* left an invalidation unanswered since its last reset */
	bool silent;   /* when it was accused it had left one unanswered and answered nothing */
	bool mute;     /* an access to its config space failed since its last reset */
	bool asked;    /* a probe is out, or its answer is being believed */
	bool listens;  /* fenced, and probed since, with ATS on in its context */
	bool hears;    /* blocked, and probed since, likewise, and not let back yet */
	bool doubted;  /* since its last accusation a read of config space failed there */
	bool held;     /* an operator blocked it and could not clear it yet */
	bool broken;   /* quarantined, and not recovered since */
	bool claimed;  /* whoever reset it says that it went well */
	bool reset_ok; /* its last reset was reported fine, and it was silenced no more */
	uint32_t quarantined_gen; /* generation + 1 */
	uint32_t unfenced;	  /* how often its fence was lifted; waited for */
	unsigned on_the_way;	  /* ATC_INVs published before its fence was in effect */
	unsigned dma_left, dma_next;
};

enum exr_state { EXR_FREE, EXR_LIVE, EXR_IN_FLIGHT, EXR_CUSTODY };

struct exr_dom {
	struct exr *rig;
	struct lz_domain *dom;
	enum exr_state page[EXR_PAGES];
	uint64_t pa[EXR_PAGES];
	uint64_t trying[EXR_PAGES]; /* where a map that has not returned leads to */
	bool untold[EXR_PAGES];	    /* mapped over custody that was not called released yet */
	unsigned released;
	/* `release` maps the page again, as an allocator would. */
	bool reuse;
};

struct exr_call {
	struct exr *r;
	void (*fn)(struct exr *);
};

struct exr {
	struct ex_run *run;
	const struct ex_case *c;
	const struct exr_body *body;
	const struct exr_hardware *iommu; /* of all units */
	struct lzm_smmu_config hw;
	struct lzm_riscv_config riscv;
	struct exr_unit unit[EXR_SMMUS];
	unsigned n_units;
	struct lzm_chooser chooser;
	struct lz_config cfg;
	struct lz *lz;
	struct exr_dev dev[EXR_DEVS];
	unsigned fenced; /* devices, as the library says: 1 << index */
	struct exr_dom dom[EXR_DOMS];
	unsigned n_devs;
	struct sim_worker worker[EXR_SMMUS]; /* as many as SMMUs */
	unsigned irq_user;
	void (*user_irq)(struct exr *r);
	void (*on_probe)(struct exr *r); /* a probe has been sent */
	bool spoil;			 /* the next command fetched from the queue is illegal */
	/* From here on nothing is wrong: no unmap goes into custody, but for as many
	 * as were spoiled, and as long as no time is skipped. */
	bool calm;
	unsigned excuses;
	lz_ns calm_skipped;
	bool sound; /* nobody is broken: as long as no time is skipped not even by assumption */
	uint32_t stalled_cons; /* CMDQ_CONS when the body stalled the queue at a probe */
	bool dead_queue;       /* the body has stalled the queue, or broken a command */
	struct exr_call call[EXR_TASKS];
	unsigned n_calls;
	unsigned busy; /* tasks of the body that have not returned */
	uint64_t next_pa;
	bool closing, done;
};

/* A body runs as a task on CPU 0 under exploration. */
struct exr_body {
	const char *name, *what;
	/* Before exploration; may be NULL. Devices are there, nothing is attached. */
	void (*prepare)(struct exr *r);
	void (*act)(struct exr *r);
};
extern const struct exr_body exr_bodies[];
const struct exr_body *exr_body_find(const char *name);
/* The IOMMU has no service failure, which some bodies are about. */
bool exr_body_runs_on(const struct exr_body *b, unsigned iommu);

/* struct ex_subject.run; arg is a const struct ex_case. */
void exr_run(struct ex_run *r, void *ex_case);

/* What keys have when they are left out. */
void ex_case_default(struct ex_case *c);
/* The subject of a case: the machine, or a toy. False: there is no such body. */
bool ex_case_subject(const struct ex_case *c, struct ex_subject *out);
/* The names of all bodies, one after the other; NULL behind the last. */
const char *ex_body_name(unsigned i);
const char *ex_body_what(unsigned i);

/* ---- its parts ---- */
/* Ends the run, unjudged, unless `st` is LZ_OK. */
void exr_must(struct exr *r, enum lz_status st, const char *what);
void exr_build_machine(struct exr *r);
void exr_build_library(struct exr *r);
void exr_take_apart(struct exr *r);
unsigned exr_log2(uint64_t v);
/* rig_lanes.c */
void exr_lanes_config(struct exr *r);
void exr_lanes_build(struct exr_unit *u);
/* How many ATC_INVs for the device have been published in a queue other than that of
 * the fence, and are not known to be consumed. */
unsigned exr_lanes_pending(const struct exr_dev *d);
void exr_regime(struct exr *r);
/* Waits until nothing is in custody, at work or under suspicion; false: not in time. */
bool exr_settle(struct exr *r, lz_ns ns);
void exr_recover(struct exr *r);
void exr_tear_down(struct exr *r);

/* ---- for bodies ---- */

/* A task on `cpu`; exr_join() waits for all of them. */
void exr_go(struct exr *r, const char *name, unsigned cpu, void (*fn)(struct exr *));
void exr_join(struct exr *r);
/* Domain `d` is made, with the devices of `mask` attached. */
void exr_domain(struct exr *r, unsigned d, unsigned mask);
/* The same without devices, where it may fail; and a device is added again. */
enum lz_status exr_create(struct exr *r, unsigned d);
enum lz_status exr_add(struct exr *r, unsigned dev);
/* To domain `d`; a failure must leave the device where it was. */
enum lz_status exr_attach(struct exr *r, unsigned dev, unsigned d);
/* Service failure; see exr_body_runs_on(). */
void exr_fail_service(struct exr *r, unsigned unit);
/* Maps page `p`; what the library answers. */
enum lz_status exr_map(struct exr *r, unsigned d, unsigned p);
/* Devices of `mask` cache the translations of pages [p, p+count) of domain `n`. */
void exr_warm(struct exr *r, unsigned n, unsigned p, unsigned count, unsigned mask);
/* What is mapped of these in the domain that `pasid` of `dev` is attached to. */
void exr_warm_pasid(struct exr *r, unsigned dev, uint32_t pasid, unsigned p, unsigned count);
enum lz_status exr_unmap(struct exr *r, unsigned d, unsigned p, unsigned n);
/* The same in hard interrupt context. */
enum lz_status exr_unmap_irq(struct exr *r, unsigned d, unsigned p, unsigned n);
void exr_silence(struct exr *r, unsigned dev);
/* The function is reset by the port above, and its config space restored. */
void exr_bus_reset(struct exr *r, unsigned dev);
/* Prepare, the function is reset, done(result). */
enum lz_status exr_reset(struct exr *r, unsigned dev, enum lz_reset_result result);
void exr_remove(struct exr *r, unsigned dev);
void exr_sleep(struct exr *r, lz_ns ns);
/* From here on every unmap but `excuses` has to succeed. */
void exr_calm(struct exr *r, unsigned excuses);
/* The pages of a domain that was destroyed are free. */
void exr_destroyed(struct exr_dom *d);

/* ---- oracle.c ---- */
void exr_fenced(struct exr_dev *d, bool fenced);
void exr_event(void *ctx, const struct lz_event *ev);
void exr_step(struct ex_run *run);
void exr_freed(struct exr_dom *d, unsigned page);
void exr_dma(struct exr_dev *d, uint64_t iova, uint64_t pa, bool translated);
void exr_unmapped(struct exr_dom *d, lz_ns took, bool irq, enum lz_status st);
/* The SMMU passes an ATC_INV on to `d`. */
void exr_atc_inv(struct exr_dev *d);
/* All work is done, or had the time for it; nobody has been reset by the rig yet. */
void exr_settled(struct exr *r);
/* What has come of it all, in a number: what is mapped, in custody, released, told,
 * the state of each device, what the hardware went through. */
uint64_t exr_outcome(struct exr *r);
void exr_at_rest(struct exr *r);
/* All devices are removed. */
void exr_groups(struct exr *r);
void exr_books(struct exr *r);

#endif
