/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rates on real threads. The library is in there a second time, on registers
 * that are plain memory; only these functions are seen outside (figures/meson.build).
 */
#ifndef LAZARET_FIGURES_FIGURES_H
#define LAZARET_FIGURES_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

/* Measured in turns, within one run. */
enum figures_variant {
	FIGURES_OURS,
	FIGURES_OFF,	/* ours, containment off */
	FIGURES_TICKET, /* insertion and wait inside a ticket lock */
	FIGURES_BARE,	/* stores, doorbell, wait: the limit; one thread */
	FIGURES_VARIANTS
};

/* Operations per second; all 0: not measured. */
struct figures_rate {
	double median, min, max;
	unsigned disturbed; /* turns in which a thread lost its CPU, time and again */
};

struct figures_row {
	bool riscv;    /* else SMMUv3 */
	unsigned size; /* commands before the sync, or ATS entries */
	unsigned threads;
	bool instant;	   /* else 1 us per sync */
	unsigned commands; /* of one operation, syncs included */
	struct figures_rate rate[FIGURES_VARIANTS];
};

struct figures_options {
	bool riscv;	    /* else SMMUv3 */
	unsigned rounds;    /* turns of every variant, 1..99 */
	unsigned window_us; /* length of one measurement */
	void (*progress)(uint64_t done, uint64_t total, const char *text);
};

#define FIGURES_ROWS_MAX 16u
/* Batches of commands and a sync; invalidations of one page. Fill `rows` and
 * return how many there are. */
unsigned figures_queue(struct figures_row *rows, const struct figures_options *o);
unsigned figures_inval(struct figures_row *rows, const struct figures_options *o);

#endif
