/* SPDX-License-Identifier: BSD-2-Clause */
/* What `lazaret bench` measures on models and in virtual time: the same on every host. */
#ifndef LAZARET_CLI_BENCH_H
#define LAZARET_CLI_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bench_iommu { BENCH_SMMUV3, BENCH_RISCV, BENCH_IOMMUS };

/* ---- what one unmap of a page does, on an IOMMU that is never waited for ---- */

struct bench_cost {
	enum bench_iommu iommu;
	unsigned entries; /* functions with ATS in the domain */
	bool contain;	  /* so far: asked for */
	uint64_t mmio_reads, mmio_writes, rmws, barriers, loads, stores, masks, locks, waits;
	uint64_t commands, syncs;
	bool exact; /* every repetition cost the same */
};
/* False: the models or the library did not start. */
bool bench_cost(struct bench_cost *c);

/* ---- a domain of which some devices stop to answer ---- */

struct bench_contain {
	enum bench_iommu iommu;
	const char *regime;
	unsigned devices, broken; /* so far: asked for */
	/* bench/result.h says what each is; times in ns of model time. */
	uint64_t timeout, noticed_at, fenced_at; /* after the fault; 0: did not happen */
	uint64_t commands;			 /* from the first notice to the last fence */
	uint64_t errors; /* ATC timeouts that the hardware reported until the last fence */
	uint64_t probes, fences, custody_page_ns, worst_neighbour, longest_masked;
	uint64_t false_quarantines;
	bool held, inconclusive;
};
/* One run. False: out of memory, or the scenario is refused (`err`). */
bool bench_contain(struct bench_contain *c, char *err, unsigned err_size);

/* ---- a neighbour, by command queues ---- */

/* Runs and prints; an exit code. */
int bench_lanes(bool quick, bool json);

/* ---- the explorer ---- */

#define BENCH_ROUNDS 31u

struct bench_spread {
	double median, min, max;
};
enum bench_oracles {
	BENCH_EXPLORE, /* as lazaret explore runs */
	BENCH_APART,   /* and every machine is taken apart at its end */
	BENCH_BLIND,   /* no oracle, and the run ends with exploration */
	BENCH_ORACLES
};
struct bench_explore {
	enum bench_iommu iommu;
	const char *body; /* so far: asked for */
	/* Per second of CPU time of one core. */
	struct bench_spread schedules[BENCH_ORACLES], operations[BENCH_ORACLES];
	/* Pages that each run copies back; and one after a run that was taken apart. */
	size_t pages, late_pages;
	/* The most that the process ever held, after so many runs: KiB. */
	uint64_t runs[2];
	long peak_kib[2];
};
/* `seconds` for each of `rounds` (at most BENCH_ROUNDS) turns of each kind. False: there is
 * no such body, or a run was violated or could not be judged. */
bool bench_explore(struct bench_explore *b, unsigned rounds, double seconds);
/* One way, in ns. */
struct bench_spread bench_switch(unsigned rounds);

#endif
