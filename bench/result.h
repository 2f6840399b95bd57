/* SPDX-License-Identifier: BSD-2-Clause */
/* What one run leaves behind: verdicts, figures, devices, events. */
#ifndef LZ_BENCH_RESULT_H
#define LZ_BENCH_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lazaret/device.h"
#include "lazaret/lazaret.h"
#include "lazaret/operator.h"

/* The invariants of the promise, and what the scenario expects on top. */
enum inv { INV_A, INV_B, INV_C, INV_D, INV_E, INV_F, INV_G, INV_H, INV_EXPECT, INV_COUNT };

enum inv_result { INV_HELD, INV_VIOLATED, INV_NOT_APPLICABLE };

struct inv_state {
	uint64_t violations;
	bool not_applicable;
	char note[96];	 /* why it is not applicable, or an exception that was used */
	char first[200]; /* the first violation */
};

struct result_device {
	char name[32];
	struct lz_health health;
	struct lz_device_stats stats;
	bool has_snapshot;
	struct lz_snapshot snapshot;
	unsigned iommu; /* that it is behind; index into iommus */
	bool ats_capable, ats_active, faulted, told;
	unsigned quarantined; /* times */
	uint64_t accesses, stale_reads, stale_writes;
};

struct result_event {
	lz_ns t;
	int device;	/* index into devices; -1 none */
	unsigned iommu; /* index into iommus */
	enum lz_event_kind kind;
	enum lz_evidence evidence;
	enum lz_status status;
	uint32_t generation;
	uint64_t detail;
	const char *text; /* an entry of the bench's own; then `kind` means nothing */
};

/* What an operator ordered, and what came of it. */
struct result_order {
	lz_ns t;
	int device; /* index into devices; -1 none */
	const char *verb;
	enum lz_status status;
};

/* What a storm did, and what was allocated in the calm after each quarter of it. */
#define RESULT_QUARTERS 4u
struct result_storm {
	bool ran;
	bool cut_short; /* the SMMU was switched off by policy */
	uint64_t blows, faults, resets, removals, adds;
	uint64_t bus_resets; /* of the resets: of all below a port */
	uint64_t quarantines, recovered;
	uint64_t calm_bytes[RESULT_QUARTERS];
};

#define RESULT_EVENTS 8192u

#define RESULT_IOMMUS 4u
struct result_iommu {
	char name[12];
	const char *lanes; /* queues beside its own, as the scenario calls them */
	unsigned lanes_used;
	uint64_t commands, lane_commands;
	struct lz_iommu_stats stats;
};

struct result {
	const char *regime;
	enum lz_contain contain;
	uint64_t seed;
	lz_ns origin;	  /* model time at which the workload began */
	lz_ns model_time; /* from the start of the workload until all was quiet */
	lz_ns workload_time;
	bool inconclusive; /* the bench itself could not go on */
	char reason[160];
	struct inv_state inv[INV_COUNT];
	bool has_expect;

	uint64_t stale_writes, stale_reads, false_quarantines, cmdq_errors;
	uint64_t accesses, in_flight_accesses, custody_accesses, aborted_accesses;
	uint64_t custody_max, custody_end, custody_page_ns;
	uint64_t maps, unmaps, irq_unmaps, in_custody_answers, moved, refused, attaches,
		attaches_refused;
	uint64_t probes, fences, recoveries, dma_faults;
	uint64_t failed_allocs;
	uint64_t peak_bytes; /* allocated by the library, at most */
	struct result_storm storm;
	/* Commands that the hardware had consumed when the library first noticed a
	 * fault, and when the last fence took effect. */
	uint64_t commands_noticed, commands_fenced;
	lz_ns worst_neighbour; /* longest unmap in a domain without a broken device */
	lz_ns worst_unmap, worst_irq_unmap, longest_masked, longest_masked_wait;
	lz_ns fault_at, fenced_at, released_at, recovered_at; /* 0: did not happen */
	lz_ns wall;					      /* host time it took */

	struct result_iommu iommus[RESULT_IOMMUS];
	unsigned n_iommus;
	struct result_order *orders;
	unsigned n_orders;
	struct result_device *devices;
	unsigned n_devices;
	struct result_event *events;
	unsigned n_events;
	uint64_t events_left_out;
};

void result_fini(struct result *r);
enum inv_result result_of(const struct result *r, enum inv i);
bool result_violated(const struct result *r);
const char *inv_name(enum inv i);		/* "A" .. "H", "expect" */
const char *inv_title(enum inv i);		/* "fence before free" */
const char *inv_result_name(enum inv_result v); /* "held", "violated", "not_applicable" */

#endif
