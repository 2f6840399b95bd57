/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rig: one machine of the deterministic port with models of its IOMMUs, one
 * endpoint model per function, the library on top, and a scenario that acts on
 * all of it. One rig per process at a time (the port has one simulation).
 */
#ifndef LZ_BENCH_RIG_H
#define LZ_BENCH_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/hardware.h"
#include "bench/result.h"
#include "bench/shadow.h"
#include "cli/scenario.h"
#include "lazaret-model/cmdqv.h"
#include "lazaret-model/endpoint.h"
#include "lazaret/device.h"
#include "lazaret/domain.h"
#include "lazaret/lazaret.h"
#include "lazaret/operator.h"
#include "machine/machine.h"
#include "port/sim/sim.h"

#define RIG_UNITS      RESULT_IOMMUS
#define RIG_MMIO_BASE  0x9050000u
#define RIG_MMIO_EACH  0x1000000u /* from one IOMMU to the next */
#define RIG_MMIO_SIZE  0x20000u
#define RIG_DMA_BASE   0x800000000ull /* tables and queues; no trace has pages up there */
#define RIG_DMA_BYTES  (96u << 20)
#define RIG_ELSEWHERE  (1ull << 40)   /* added to a physical page whose owner is custody */
#define RIG_HIGH_IOVA  0x100000000ull /* where mappings move to when theirs is in custody */
#define RIG_HIGH_PAGES (1u << 24)
#define RIG_HIGH_STORM (1u << 12)  /* the same for a storm, so that tables do not grow by it */
#define RIG_SETTLE     LZ_SEC(600) /* longest time from the end of the workload to quiet */

struct rig;
struct rig_fn;

/* An IOMMU with what hangs on it. */
struct rig_unit {
	struct rig *rig;
	unsigned index;
	char name[12];
	struct lzm_iommu model;
	struct lzm_cmdqv *cmdqv; /* hw_lanes.c; NULL: none */
	struct lzm_bus bus;
	struct lzm_ep_link link;
	struct lz_iommu *iommu;
	struct sim_worker worker;
	unsigned irq_gerror, irq_evtq, irq_cmdqv;
	lz_ns gerror_delay;
	uint64_t last_fetch; /* where the hardware has read a command */
	bool spoil_command;  /* the next command that is fetched becomes illegal */
	bool dead;	     /* it stopped translating for good */
	bool looking;	     /* an oracle reads memory, not the hardware */

	/* How often the hardware was seen to have carried out all there was in its own
	 * queue; it is looked at while a block is waited for. */
	uint64_t drained, drain_commands;
	bool drain_awaited;
};

static inline uintptr_t rig_registers(const struct rig_unit *u)
{
	return RIG_MMIO_BASE + (uintptr_t)u->index * RIG_MMIO_EACH;
}

struct rig_domain {
	struct rig *rig;
	uint32_t id;  /* 1.. */
	uint64_t key; /* domain pointer of a trace; 0 for those of the scenario */
	char name[40];
	struct lz_domain *dom;
	uint64_t next_high; /* page offset into the high range */
	bool dead;	    /* destroyed */
	bool gone;	    /* and the library has let go of it */
	uint32_t pasid;	    /* devices are attached under it; 0: without */
	struct rig_domain *next;
};

struct rig_fn {
	struct rig *rig;
	struct rig_unit *unit; /* that it is behind */
	unsigned index;
	char name[20];
	uint32_t bdf;
	uint32_t sids[LZ_MAX_STREAMS];
	unsigned n_sids;
	const struct machine_function *mf;
	struct rig_fn *upstream, *pf;
	struct rig_group *group;

	struct lzm_ep *ep;
	bool ep_busy; /* may want to be stepped; then it is in rig.busy */
	bool odd;     /* it is in rig.odd */
	struct lz_pci_access pci;
	struct lz_device *dev;		  /* NULL: not added, or removed */
	const struct lz_device *last_dev; /* for comparison only */
	struct rig_domain *dom;		  /* the last one it was attached to */
	bool attached;
	struct rig_domain *pasid_dom[SCENARIO_PASIDS];
	unsigned pasid_bits;
	uint64_t invalidated[SCENARIO_PASIDS]; /* invalidations of each that came */
	bool ats;			       /* the scenario lets it use ATS */
	bool ats_added;			       /* the capability is the scenario's own */

	/* what really happened to it, for the oracles */
	bool guilty;	 /* did not answer since its last reset, or broken otherwise */
	bool was_guilty; /* before a power cycle, and its removal is not finished */
	bool silent;	 /* has answered nothing since a range came */
	bool ever_faulted;
	bool faulted_since_reset;
	bool fenced;	     /* by the library's events */
	bool sibling_held;   /* blocked because of a sibling, as the event said */
	bool reset_seen;     /* the function was reset at least once */
	bool answered_reset; /* last lz_pci_reset_flr() was LZ_OK */
	bool condemned;	     /* its last reset by somebody else failed, or so they said */
	bool blocked;	     /* quarantined and not let back */
	bool told, owner_busy;
	bool declared;		 /* broken, by an operator */
	bool trace_removed;	 /* until the trace adds it again */
	struct rig_domain *left; /* where it was when the trace removed it */
	uint32_t resetting;	 /* tasks that need the device to stay */
	bool removing, adding;
	bool leaving;	    /* its removal has returned, and is not finished */
	uint32_t pasids_on; /* attached under those PASIDs now, a bit each */
	uint32_t held;	    /* the embedder's own resets that it has begun */
	uint32_t looking;   /* tasks that ask for its methods */
	bool ats_works;	    /* ATS was in use before the fault */
	bool waits_for_traffic;
	uint64_t drained_at; /* unit->drained when it was last blocked; UINT64_MAX: there was
				nothing to wait for */
	bool asked;	     /* it was reset, and is asked with ATS on (hardware.h) */
	unsigned n_quarantined, n_degraded, n_assumed, n_recovered;
	uint32_t quarantined_gen; /* generation + 1 of the last quarantine event */
	lz_ns faulted_at;
	uint64_t accesses, aborted, stale_reads, stale_writes;
};

struct rig_group {
	unsigned id;
	struct lz_group *grp;
};

/* Who sends an id to an IOMMU, first of all. */
struct rig_id {
	const struct rig_unit *unit;
	uint32_t id;
	struct rig_fn *fn;
};

struct rig_options {
	const char *regime; /* a regime of the model; NULL: the scenario's own knobs */
	int containment;    /* -1: as the scenario says; else enum lz_contain */
	uint64_t seed;
	bool verbose;					 /* library log lines to stderr */
	void (*progress)(uint64_t done, uint64_t total); /* may be NULL */
	bool fail_alloc; /* every allocation fails once the first fault is injected */
};

struct rig {
	const struct scenario *sc;
	const struct machine *machine;
	struct rig_options opt;
	struct result *res;

	struct lz *lz;
	const struct hardware *hw; /* of all units */
	struct rig_unit unit[RIG_UNITS];
	unsigned n_units;
	struct lz_config cfg;
	unsigned cpus;
	lz_ns ats_timeout, memory_returns_at;

	struct rig_fn *fns;
	unsigned n_fns;
	struct rig_fn **busy; /* endpoints that may want to be stepped */
	unsigned n_busy;
	struct rig_fn **odd; /* whoever is guilty or fenced, by index, and maybe others */
	unsigned n_odd;
	struct rig_id *ids; /* by IOMMU and number; each once */
	unsigned n_ids;
	struct rig_group *groups;
	unsigned n_groups;
	struct rig_domain *domains;
	uint32_t last_domain;

	struct shadow shadow;
	bool workers_made;
	uint64_t rng;

	/* progress of the workload */
	uint32_t running; /* workload tasks left */
	uint32_t owners;  /* tasks of owners and of `actions` at work */
	uint32_t moments_left;
	struct moment *moments;
	struct replay *replays;
	struct storm *storm;  /* NULL: there is none */
	uint32_t bursts;      /* of the storm, at work */
	uint64_t done, total; /* events */
	bool armed;	      /* the workload has begun */
	bool finished;	      /* the main task came to its end */
	bool closing;	      /* end of the run: no more traffic */
	lz_ns origin;	      /* model time at which the workload began */
	lz_ns last_fault;
	uint64_t lz_cmdq_errors;       /* consumed by the library */
	uint32_t kept[LZ_EVENT_KINDS]; /* time line entries per kind of event */
	lz_ns next_traffic;
	uint64_t steps, hot_steps; /* of the traffic; in a storm since its last blow */
};

/* Runs the scenario once. The result is filled in completely, also when it is
 * inconclusive; result_fini() frees it. */
void rig_run(const struct scenario *sc, const struct machine *m, const struct rig_options *opt,
	     struct result *out);

/* ---- for the other files of the bench ---- */

uint64_t rig_random(struct rig *r);
struct rig_fn *rig_fn_by_bdf(struct rig *r, uint32_t bdf);
struct rig_fn *rig_fn_by_sid(const struct rig_unit *u, uint32_t sid);
/* The largest stream or device id that a function of the machine has. */
uint32_t rig_last_id(const struct machine *m);
struct rig_unit *rig_unit_of(struct rig *r, const struct lz_iommu *iommu);
/* One of them has stopped translating for good. */
bool rig_any_dead(const struct rig *r);
bool rig_all_dead(const struct rig *r);
struct rig_domain *rig_domain_by_name(struct rig *r, const char *name);
struct rig_domain *rig_domain_by_key(struct rig *r, uint64_t key);
/* Nobody is at work, nothing is in custody, no fence is under way. Task context. */
bool rig_settled(struct rig *r);
/* Ends the run as inconclusive. */
void rig_fail(struct rig *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define RIG_NOTE_FAULT	1u /* `detail` */
#define RIG_NOTE_ORDER	2u
#define RIG_NOTE_ANSWER 3u
/* An entry of the bench's own in the time line, about an IOMMU or a function; without
 * one about the first IOMMU. `text` is a constant. */
void rig_note(struct rig *r, const struct rig_fn *fn, const char *text, uint64_t detail);
void rig_note_unit(struct rig_unit *u, const char *text, uint64_t detail);
/* Makes the endpoint agent look at it. */
void rig_ep_touch(struct rig_fn *fn);
/* It has become guilty or fenced. */
void rig_watch(struct rig_fn *fn);

/* How many IOMMUs the scenario's machine has, and behind which a function is. */
unsigned rig_units(const struct scenario *sc, const struct machine *m);
unsigned rig_unit_index(const struct scenario *sc, const struct machine *m,
			const struct machine_function *f);

/* units.c: the IOMMUs. Their models, before the functions; then what reaches them. */
bool units_build(struct rig *r);
bool units_start(struct rig *r); /* false: out of memory */
void units_free(struct rig *r);
/* In the library; false: the run has failed. */
bool units_add(struct rig *r);
void units_remove(struct rig *r);
/* Their workers come to an end. */
void units_rest(struct rig *r);
/* Of all of them together. */
void units_counts(struct rig *r, struct lzm_iommu_counts *out);

/* build.c: machine and scenario into models and library objects; task context. */
bool build_models(struct rig *r);
bool build_library(struct rig *r);
bool build_device(struct rig_fn *fn);
/* May adding it be refused like that, as lz_device_add() says? Its removal is not finished
 * (LZ_EEXIST), or the IOMMU is off for good (LZ_ENODEV). In a storm, whose calms try again: the
 * queue does not answer (LZ_ETIMEDOUT), or it has gone in between, and its ATS does not go off
 * (LZ_EIO). Else it is an error of the run. */
bool build_may_refuse(const struct rig_fn *fn, enum lz_status st);
void build_free(struct rig *r);
/* Everything detached, unmapped, removed and freed; books for E. */
void build_teardown(struct rig *r);

/* space.c: address spaces as the workload uses them, with the truth recorded. */
/* Made for the IOMMU that its devices are behind, or most of them: a domain is always
 * invalidated there too. */
struct rig_domain *space_create(struct rig_unit *u, const char *name, uint64_t key);
void space_destroy(struct rig_domain *d);
bool space_attach(struct rig_fn *fn, struct rig_domain *d);
/* Under the domain's PASID; false: refused. */
bool space_attach_pasid(struct rig_fn *fn, struct rig_domain *d);
/* To what it was attached to under PASIDs. */
void space_attach_pasids(struct rig_fn *fn);
void space_remove_device(struct rig_fn *fn);
/* The same once nobody resets it any more, as the library demands. Task context. */
void space_unplug(struct rig_fn *fn);
/* Maps `size` bytes at `*iova`, elsewhere when that is in custody (then `*iova`
 * is changed). LZ_ELIMIT and LZ_ENOMEM are the refusals to live with. */
enum lz_status space_map(struct rig_domain *d, uint64_t *iova, uint64_t pa, uint64_t size,
			 unsigned prot);
enum lz_status space_unmap(struct rig_domain *d, uint64_t iova, uint64_t size);
/* A range of the high addresses that nothing uses. */
uint64_t space_high(struct rig_domain *d, uint64_t size);

#endif
