/* SPDX-License-Identifier: BSD-2-Clause */
/* A scenario file as a structure. docs/SCENARIO.md documents every key. */
#ifndef LAZARET_CLI_SCENARIO_H
#define LAZARET_CLI_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All durations are in nanoseconds of model time. `line` is where something
 * stands in the file, for errors that only the machine can tell. */

struct scenario_file {
	char *path; /* relative paths are resolved against the scenario; NULL: not given */
	unsigned line;
};

struct scenario_device {
	uint32_t bdf; /* segment << 16 | bus << 8 | device << 3 | function */
	unsigned line;
};
struct scenario_devices {
	struct scenario_device *item;
	size_t n;
};

struct scenario_name {
	char *text;
	unsigned line;
};
struct scenario_names {
	struct scenario_name *item;
	size_t n;
};

enum scenario_ats { SCENARIO_ATS_PLATFORM, SCENARIO_ATS_CAPABLE, SCENARIO_ATS_LIST };
enum scenario_iommu { SCENARIO_IOMMU_SMMUV3, SCENARIO_IOMMU_RISCV };
enum scenario_lanes { SCENARIO_LANES_NONE, SCENARIO_LANES_ECMDQ, SCENARIO_LANES_CMDQV };

struct scenario_smmu {
	uint64_t cmdq_log2;
	uint64_t evtq_log2;
	unsigned line;
	unsigned lanes;		  /* enum scenario_lanes */
	uint64_t own_timeouts;	  /* 1: the library believes that no queue tells of another's */
	uint64_t shared_timeouts; /* 1: any queue's sync tells of a timeout */
	uint64_t one_consumer;	  /* 1: a sync that waits stalls all queues */
	uint64_t ats_timeout;
	uint64_t cons_batch;
	uint64_t prefetch;
};

/* Functions that are behind another IOMMU than the first, or than firmware says. */
struct scenario_behind {
	unsigned line;
	uint64_t smmu;
	struct scenario_devices devices;
};

#define SCENARIO_SMMUS 4u
struct scenario_machine {
	struct scenario_file lspci; /* given unless generate is */
	struct scenario_file iort;  /* exactly one of iort and dtb is given with it */
	struct scenario_file dtb;
	uint64_t generate; /* functions of a made-up machine; 0: lspci */
	enum scenario_ats ats;
	struct scenario_devices ats_list; /* SCENARIO_ATS_LIST */
	unsigned iommu;			  /* enum scenario_iommu */
	bool has_iommu;			  /* given; else the device tree may choose */
	struct scenario_smmu smmu;
	uint64_t bridges; /* of a machine that is made up */
	uint64_t smmus;	  /* at least so many; 0: as many as firmware says */
	struct scenario_behind *behind;
	size_t n_behind;
};

enum scenario_identify { SCENARIO_PROBE, SCENARIO_ASSUME };
enum scenario_contain { SCENARIO_CONTAIN_ON, SCENARIO_CONTAIN_OBSERVE, SCENARIO_CONTAIN_OFF };
#define SCENARIO_POLICY_PORT_BLOCK   (1u << 0)
#define SCENARIO_POLICY_GLOBAL_ABORT (1u << 1)

enum scenario_response { SCENARIO_RESPONSE_BLOCK, SCENARIO_RESPONSE_FENCE };

struct scenario_software {
	uint64_t sync_bound, atomic_wait, late_bound;
	unsigned identify; /* enum scenario_identify */
	unsigned contain;  /* enum scenario_contain */
	uint64_t settle_max;
	uint64_t custody_limit; /* pages */
	unsigned policy;	/* SCENARIO_POLICY_* */
	unsigned response;	/* enum scenario_response */
	uint64_t recovery_max, recovery_window;
	uint64_t slow; /* 0: no early warning */
};

struct scenario_domain {
	unsigned line;
	char *name;
	struct scenario_devices devices; /* at least one */
	uint64_t pasid;			 /* 0: without */
};
#define SCENARIO_PASIDS 16u

#define SCENARIO_CONTEXT_TASK (1u << 0)
#define SCENARIO_CONTEXT_IRQ  (1u << 1)
enum scenario_workload_kind { SCENARIO_TRACE, SCENARIO_RANDOM };

struct scenario_workload {
	unsigned line;
	enum scenario_workload_kind kind;
	/* SCENARIO_TRACE */
	struct scenario_file trace;
	uint64_t limit; /* map and unmap records; 0: all */
	/* SCENARIO_RANDOM */
	struct scenario_name domain;
	size_t domain_index; /* in scenario.domains */
	uint64_t maps;
	uint64_t pages_min, pages_max;
	uint64_t seed;
	unsigned contexts; /* SCENARIO_CONTEXT_* */
};

enum scenario_fault_kind {
	/* of a device */
	SCENARIO_ATC_SILENT,
	SCENARIO_ATC_SILENT_N,
	SCENARIO_ATC_SLOW,
	SCENARIO_ATC_LATE,
	SCENARIO_ATC_RANGES,
	SCENARIO_ATC_UNSUPPORTED,
	SCENARIO_SILENT_AFTER_RESET,
	SCENARIO_FLR_FAILS,
	SCENARIO_FLR_TIMEOUT,
	SCENARIO_PM_FAILS,
	SCENARIO_BUS_FAILS,
	SCENARIO_BUS_TIMEOUT,
	SCENARIO_VENDOR_MUTE,
	SCENARIO_VENDOR_OLD,
	SCENARIO_KEEPS_VFS,
	SCENARIO_CONFIG_ONES,
	SCENARIO_REMOVED,
	/* of the SMMU */
	SCENARIO_QUEUE_STALLED,
	SCENARIO_ILLEGAL_COMMAND,
	SCENARIO_CONFIG_ABORT,
	SCENARIO_MSI_ABORT,
	SCENARIO_SFM,
	SCENARIO_GERROR_LATE,
	SCENARIO_EVENT_FLOOD,
	SCENARIO_PRI_FLOOD,
	/* of the system */
	SCENARIO_NO_MEMORY,
	SCENARIO_FAULT_KINDS
};

/* A moment: model time, or a share of the workload's operations. */
struct scenario_moment {
	bool is_percent;
	unsigned percent; /* 0..100 */
	uint64_t ns;
};

struct scenario_fault {
	unsigned line;
	unsigned kind; /* enum scenario_fault_kind */
	struct scenario_moment at;
	bool has_device;
	struct scenario_device device;
	uint64_t smmu;	 /* of a fault without a device */
	uint64_t count;	 /* atc_silent_n, event_flood, pri_flood */
	uint64_t delay;	 /* atc_slow, atc_late, gerror_late */
	uint64_t length; /* queue_stalled, no_memory: `for`; 0: `until` was given */
	uint64_t until;	 /* the same: model time; 0: `for` was given */
};

enum scenario_owner { SCENARIO_RESETS, SCENARIO_LEAVES_ALONE, SCENARIO_DISCONNECTS };
enum scenario_reset {
	SCENARIO_FLR,
	SCENARIO_ANY,
	SCENARIO_DEVICE_SPECIFIC,
	SCENARIO_ACPI,
	SCENARIO_AF_FLR,
	SCENARIO_PM,
	SCENARIO_SLOT,
	SCENARIO_BUS,
	SCENARIO_CXL_BUS,
	SCENARIO_NO_METHOD, /* of actions only */
};
/* The word; the library's name of the method, but for `any`. */
const char *scenario_reset_name(enum scenario_reset method);

struct scenario_recovery {
	unsigned owner;	 /* enum scenario_owner */
	unsigned method; /* enum scenario_reset */
	uint64_t after;	 /* from the owner being told to its reset */
};

enum scenario_act {
	SCENARIO_LOOK, /* which resets are there */
	SCENARIO_RESET,
	SCENARIO_REPORT, /* somebody else says that it is broken */
	SCENARIO_REMOVE,
	SCENARIO_ADD,
	SCENARIO_ATTACH,
	SCENARIO_DETACH,
	SCENARIO_ACTS
};
#define SCENARIO_NEST 4u

struct scenario_action {
	unsigned line;
	unsigned kind; /* enum scenario_act */
	struct scenario_moment at;
	struct scenario_device device;
	/* SCENARIO_RESET: what encloses the method, outermost first; enum lz_reset_result */
	unsigned method; /* enum scenario_reset */
	unsigned results[SCENARIO_NEST], n_results;
	uint64_t length; /* from the method's end to the first of the ends */
	/* SCENARIO_ATTACH; SCENARIO_DETACH: of all when it is not given */
	struct scenario_name domain;
	size_t domain_index;
};

enum scenario_verb {
	SCENARIO_RECOVER,
	SCENARIO_CLEAR,
	SCENARIO_BLOCK,
	SCENARIO_SET_POLICY,
	SCENARIO_INJECT,
	SCENARIO_ABORT,
	SCENARIO_VERBS
};
/* "recover" and so on. */
const char *scenario_verb_name(enum scenario_verb v);
/* Bits of scenario_order.sets. */
enum scenario_sets {
	SCENARIO_SETS_IDENTIFY,
	SCENARIO_SETS_CONTAIN,
	SCENARIO_SETS_RESPONSE,
	SCENARIO_SETS_POLICY,
	SCENARIO_SETS_RECOVERY_MAX,
	SCENARIO_SETS_RECOVERY_WINDOW,
	SCENARIO_SETS_SLOW,
};

/* What an operator does. */
struct scenario_order {
	unsigned line;
	unsigned verb; /* enum scenario_verb */
	struct scenario_moment at;
	bool has_device;
	struct scenario_device device;
	uint64_t smmu; /* SCENARIO_ABORT */
	/* SCENARIO_SET_POLICY, as in struct scenario_software */
	unsigned sets; /* which of these, 1 << enum scenario_sets */
	unsigned identify, contain, response, policy;
	uint64_t recovery_max, recovery_window, slow;
};

/* What a storm throws at devices and SMMU: words of faults and of actions. */
enum scenario_storm_kind {
	SCENARIO_STORM_ATC_SILENT,
	SCENARIO_STORM_ATC_SILENT_N,
	SCENARIO_STORM_ATC_SLOW,
	SCENARIO_STORM_ATC_LATE,
	SCENARIO_STORM_ATC_RANGES,
	SCENARIO_STORM_ATC_UNSUPPORTED,
	SCENARIO_STORM_SILENT_AFTER_RESET,
	SCENARIO_STORM_FLR_FAILS,
	SCENARIO_STORM_FLR_TIMEOUT,
	SCENARIO_STORM_CONFIG_ONES,
	SCENARIO_STORM_REMOVED,
	SCENARIO_STORM_QUEUE_STALLED,
	SCENARIO_STORM_ILLEGAL_COMMAND,
	SCENARIO_STORM_CONFIG_ABORT,
	SCENARIO_STORM_MSI_ABORT,
	SCENARIO_STORM_EVENT_FLOOD,
	SCENARIO_STORM_REPORT,
	SCENARIO_STORM_RESET,
	SCENARIO_STORM_REMOVE,
	SCENARIO_STORM_KINDS
};

struct scenario_storm {
	unsigned line;	 /* 0: there is none */
	uint64_t length; /* model time */
	uint64_t every;	 /* from one blow to the next, on average */
	uint64_t seed;
	uint64_t domains;
	uint64_t maps;	/* per blow */
	unsigned kinds; /* bit per enum scenario_storm_kind; all by default */
};

struct scenario_expect {
	struct scenario_devices quarantined, recovered, not_quarantined, blocked, undisturbed;
	struct scenario_devices degraded;
	bool has_queue_errors, has_neighbour_delay;
	uint64_t queue_errors;	  /* at most */
	uint64_t neighbour_delay; /* likewise */
};

struct scenario {
	char *path; /* as given to scenario_load() */
	char *description;
	uint64_t cpus;
	uint64_t seed; /* of the schedule; --seed overrides */
	struct scenario_machine machine;
	struct scenario_software software;
	struct scenario_domain *domains;
	size_t n_domains;
	struct scenario_workload *workload;
	size_t n_workload;
	struct scenario_fault *faults;
	size_t n_faults;
	struct scenario_action *actions;
	size_t n_actions;
	struct scenario_recovery recovery;
	struct scenario_order *orders; /* the key `operator` */
	size_t n_orders;
	struct scenario_storm storm;
	struct scenario_expect expect;
	struct scenario_names regimes; /* empty: not given */
};

/*
 * Reads a scenario. 0, or -1 with one line `FILE:LINE: what was expected` in
 * `err`; then nothing is left in `out`. Files named in it have to be readable.
 */
int scenario_load(const char *path, struct scenario *out, char *err, size_t err_size);
/* The same from memory; named files are not looked at. */
int scenario_parse(const char *path, const void *text, size_t len, struct scenario *out, char *err,
		   size_t err_size);
void scenario_free(struct scenario *s);

/* Is there such a thing in the hardware? */
bool scenario_iommu_has(unsigned iommu, unsigned fault_kind);
/* "none", "ecmdq", "cmdqv" */
const char *scenario_lanes_name(enum scenario_lanes l);
/* "atc_silent" and so on. */
const char *scenario_fault_name(enum scenario_fault_kind k);
/* "0000:0f:00.0" or "0f:00.0"; false for anything else. */
bool scenario_bdf_parse(const char *text, uint32_t *bdf);
/* The long form; `out` has at least 13 bytes. Returns `out`. */
char *scenario_bdf_format(uint32_t bdf, char out[16]);

/* Calls `fn` for every key ("machine.smmu.lanes") and every word that a key
 * takes as value ("machine.smmu.lanes", "none"; NULL for the key itself). */
void scenario_vocabulary(void (*fn)(void *ctx, const char *key, const char *word), void *ctx);

#endif
