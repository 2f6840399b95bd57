/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SMMU that means harm, and memory that notices. Each register read takes a
 * byte of the input's back: below 0xc0 the right answer, also to so many reads
 * more as its low six bits say; otherwise one of the kinds in hostile.c. When
 * the input is used up it behaves.
 *
 * What it may write is the event queue, and only while the driver has it on.
 */
#ifndef FUZZ_HOSTILE_H
#define FUZZ_HOSTILE_H

#include "fuzz_input.h"
#include "lazaret/types.h"

#define HOSTILE_WORDS (0x100u / 4u)

struct fuzz_meter;

struct hostile {
	struct fuzz_input *in;
	void (*raise)(void *ctx, bool evtq, lz_ns delay);
	void *ctx;
	struct fuzz_meter *meter; /* of whoever reads */

	uint32_t idr[6];
	uint32_t reg[HOSTILE_WORDS]; /* as written */
	uint32_t cons, gerror, evtq_prod;
	uint32_t err;	       /* CMDQ_CONS.ERR while the error is active */
	unsigned right;	       /* right answers to come before the next byte is taken */
	unsigned sticky;       /* errors to come after the one that is acknowledged */
	unsigned fails;	       /* batches to come whose sync fails */
	unsigned stands_still; /* reads for which CONS does not move */
	unsigned mute;	       /* reads for which nothing is acknowledged */
	bool on;	       /* enabled at some time, and not seen off since */
	bool behaves;	       /* the input is used up */
	bool failed;	       /* the driver has seen service failure mode, by what it was told */
	uint32_t seen_gerror, seen_gerrorn;
};

void hostile_init(struct hostile *h, uint8_t flavour);
uint64_t hostile_read(void *hostile, uint32_t off, unsigned width);
void hostile_write(void *hostile, uint32_t off, unsigned width, uint64_t v);
/* From here on it does, whatever it did before; the input counts as used up. */
void hostile_behave(struct hostile *h);
/* May it use the queue or table that begins there? Until it was seen off. */
bool hostile_uses(const struct hostile *h, uint64_t base);
/* A read by somebody else, such as of config space, that is `right`. */
uint32_t hostile_other(struct hostile *h, uint32_t right);

#endif
