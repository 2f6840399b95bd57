/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a model under test has around it: memory at physical address 0, a clock,
 * interrupt lines. Checked: accesses have a sensible size, there are not more of them
 * in one call than it can need, lines are known.
 */
#ifndef FUZZ_MEMORY_H
#define FUZZ_MEMORY_H

#include <string.h>

#include "fuzz_input.h"
#include "lazaret-model/bus.h"

#define MEMORY (256u << 10)

/* First in a rig, so that it is the context of the bus as well. */
struct fuzz_memory {
	uint8_t *bytes;
	uint64_t now;
	unsigned accesses, most; /* of the running call */
};

static inline bool fuzz_inside(uint64_t pa, size_t len)
{
	return pa < MEMORY && len <= MEMORY - pa;
}

static inline void fuzz_access(struct fuzz_memory *m, size_t len)
{
	FUZZ_CHECK(len && len <= 64, "%zu bytes in one access", len);
	FUZZ_CHECK(++m->accesses <= m->most, "at %llu ns", (unsigned long long)m->now);
}

static inline bool fuzz_mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	struct fuzz_memory *m = ctx;

	fuzz_access(m, len);
	memset(buf, 0xa5, len); /* an abort leaves nonsense */
	if (fuzz_inside(pa, len))
		memcpy(buf, m->bytes + pa, len);
	return fuzz_inside(pa, len);
}

/* What is written is looked at also where it goes nowhere. */
static inline bool fuzz_mem_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	static volatile uint8_t sink;
	struct fuzz_memory *m = ctx;

	fuzz_access(m, len);
	for (size_t i = 0; i < len; i++)
		sink = ((const uint8_t *)buf)[i];
	(void)sink;
	if (fuzz_inside(pa, len))
		memcpy(m->bytes + pa, buf, len);
	return fuzz_inside(pa, len);
}

static inline void fuzz_irq(void *ctx, enum lzm_irq line)
{
	(void)ctx;
	FUZZ_CHECK(line < LZM_IRQ_COUNT, "line %u", (unsigned)line);
}

static inline uint64_t fuzz_now(void *ctx)
{
	return ((struct fuzz_memory *)ctx)->now;
}

#endif
