/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Services to start a new port from: memory from two static pools, time that
 * passes by being looked at. Freestanding.
 */
#include "lz_arch.h"
#include "template.h"

unsigned long lz_port_masked;

/* ---- pools: equal units, first fit ---- */

struct pool {
	uint8_t *mem;
	uint8_t *used; /* per unit */
	size_t unit, units;
};

#define POOL(name, unit_, units_)                                                              \
	static uint8_t name##_mem[(size_t)(unit_) * (units_)] __attribute__((aligned(65536))); \
	static uint8_t name##_used[units_];                                                    \
	static struct pool name = {name##_mem, name##_used, (unit_), (units_)}

/* What the IOMMU reads: stream table, queues, page tables. */
POOL(dma, 4096, 512);
/* Everything else. */
POOL(plain, 64, 16384);

static size_t units_of(const struct pool *p, size_t size)
{
	return (size + p->unit - 1) / p->unit;
}

static bool is_free(const struct pool *p, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		if (p->used[i])
			return false;
	return true;
}

static void mark(struct pool *p, size_t first, size_t n, uint8_t used)
{
	for (size_t i = first; i < first + n; i++)
		p->used[i] = used;
}

/* With several CPUs: under a spinlock, since dma_alloc() may be called in any
 * context. Up to 64 KiB of alignment. */
static void *take(struct pool *p, size_t size, size_t align)
{
	size_t n = units_of(p, size), step = align > p->unit ? align / p->unit : 1;

	for (size_t first = 0; n <= p->units && first <= p->units - n; first += step) {
		uint8_t *at = p->mem + first * p->unit;

		if (!is_free(p, first, n))
			continue;
		mark(p, first, n, 1);
		for (size_t i = 0; i < n * p->unit; i++)
			at[i] = 0;
		return at;
	}
	return NULL;
}

static void give_back(struct pool *p, void *at, size_t size)
{
	if (at)
		mark(p, (size_t)((uint8_t *)at - p->mem) / p->unit, units_of(p, size), 0);
}

static size_t in_use(const struct pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->units; i++)
		n += p->used[i] ? p->unit : 0;
	return n;
}

size_t lz_template_used(void)
{
	return in_use(&dma) + in_use(&plain);
}

/* ---- services ---- */

static void *template_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return take(&plain, size, plain.unit);
}

static void template_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	give_back(&plain, p, size);
}

/* Bus addresses are CPU addresses here. */
static void *template_dma_alloc(void *ctx, size_t size, size_t align, lz_phys *phys)
{
	void *va = take(&dma, size, align);

	(void)ctx;
	*phys = (lz_phys)(uintptr_t)va;
	return va;
}

static void template_dma_free(void *ctx, void *va, size_t size)
{
	(void)ctx;
	give_back(&dma, va, size);
}

static void *template_dma_virt(void *ctx, lz_phys phys)
{
	(void)ctx;
	return (void *)(uintptr_t)phys;
}

/* A machine without a clock: every look counts as a microsecond, so that waits
 * end. With one: its counter in nanoseconds. */
static lz_ns template_now(void *ctx)
{
	static lz_ns now;

	(void)ctx;
	return now += LZ_US(1);
}

/* No log; lz_poll() is called periodically, so nobody needs to be kicked. */
const struct lz_port *lz_template_port(void)
{
	static const struct lz_port port = {
		.alloc = template_alloc,
		.free = template_free,
		.dma_alloc = template_dma_alloc,
		.dma_free = template_dma_free,
		.dma_virt = template_dma_virt,
		.now = template_now,
	};

	return &port;
}

/* With a console: say what and where. */
_Noreturn void lz_port_panic(const char *what, const char *file, int line)
{
	(void)what;
	(void)file;
	(void)line;
	__builtin_trap();
}
