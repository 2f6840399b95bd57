/* SPDX-License-Identifier: BSD-2-Clause */
/* Traces in memory, read once for any number of runs. */
#ifndef LZ_BENCH_RECORDING_H
#define LZ_BENCH_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/scenario.h"

#define RECORDING_CPUS 32u /* recorded CPU numbers are taken modulo this */

enum record_kind { RECORD_MAP, RECORD_UNMAP, RECORD_ATTACH, RECORD_ADD, RECORD_REMOVE };

struct record {
	uint64_t t; /* ns since the first record */
	uint64_t iova, pa, size;
	uint32_t dom;	       /* index into `domains` */
	uint32_t bdf;	       /* of the device records */
	uint32_t deps, n_deps; /* records that must be done before: the earlier ones of its pages */
	uint8_t kind, cpu, prot;
	bool irq; /* hard or soft interrupt context */
};

struct recording {
	const struct scenario_workload *of;
	struct record *records;
	size_t n, room;
	uint32_t *deps;
	size_t n_deps, deps_room;
	uint64_t *domains; /* their pointers in the trace */
	uint32_t n_domains, domains_room;
	uint32_t cpus; /* bit per recorded CPU */
	uint64_t maps, unmaps, irq_unmaps;
};

/* Reads every trace of the scenario. 0, or -1 with one line in `err`. */
int recordings_load(const struct scenario *sc, char *err, size_t errlen);
void recordings_free(void);
/* The one of that workload; NULL when it was not loaded. */
const struct recording *recording_of(const struct scenario_workload *w);

#endif
