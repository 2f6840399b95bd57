/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of services: two pools, the generic timer, the console. Deferred
 * work runs on CPUs that idle.
 */
#include "freestanding.h"
#include "sys.h"

/* ---- pools: equal units, first fit; any context ---- */

struct pool {
	uint8_t *mem;
	uint8_t *used; /* per unit */
	size_t unit, units;
	struct bm_lock lock;
};

#define POOL(name, unit_, units_)                                    \
	static uint8_t name##_mem[(size_t)(unit_) * (units_)]        \
		__attribute__((section(".noinit"), aligned(65536))); \
	static uint8_t name##_used[units_];                          \
	static struct pool name = {name##_mem, name##_used, (unit_), (units_), {0}}

/* What the IOMMU and devices read. Bus addresses are CPU addresses. */
POOL(dma, 4096, 2048);
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

static void *take(struct pool *p, size_t size, size_t align)
{
	size_t n = units_of(p, size), step = align > p->unit ? align / p->unit : 1;
	unsigned long flags;
	void *at = NULL;

	if (!n || align > 65536)
		return NULL;
	flags = bm_lock(&p->lock);
	for (size_t first = 0; n <= p->units && first <= p->units - n; first += step) {
		if (!is_free(p, first, n))
			continue;
		memset(p->used + first, 1, n);
		at = p->mem + first * p->unit;
		break;
	}
	bm_unlock(&p->lock, flags);
	return at ? memset(at, 0, n * p->unit) : NULL;
}

static void give_back(struct pool *p, void *at, size_t size)
{
	unsigned long flags;

	if (!at)
		return;
	flags = bm_lock(&p->lock);
	memset(p->used + (size_t)((uint8_t *)at - p->mem) / p->unit, 0, units_of(p, size));
	bm_unlock(&p->lock, flags);
}

static size_t in_use(const struct pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->units; i++)
		n += p->used[i] ? p->unit : 0;
	return n;
}

size_t bm_used(void)
{
	return in_use(&dma) + in_use(&plain);
}

/* ---- deferred work ---- */

static struct lz *worker;	/* atomic */
static uint32_t kicked;		/* atomic */
static uint32_t working;	/* CPUs that look at `worker`; atomic */
static uint64_t due = LZ_NEVER; /* atomic */

void bm_worker(struct lz *lz)
{
	__atomic_store_n(&worker, lz, __ATOMIC_SEQ_CST);
	lz_store32_release(&kicked, 1);
	bm_cpu_wake();
}

void bm_worker_idle(void)
{
	while (__atomic_load_n(&working, __ATOMIC_SEQ_CST))
		lz_cpu_relax();
}

/* `working` before `worker` is read, `worker` NULL before `working` is read: one
 * of the two sides sees the other. */
void bm_work(void)
{
	struct lz *lz;

	__atomic_fetch_add(&working, 1, __ATOMIC_SEQ_CST);
	lz = __atomic_load_n(&worker, __ATOMIC_SEQ_CST);
	if (lz && (lz_load32(&kicked) || bm_now() >= lz_load64(&due))) {
		lz_store32(&kicked, 0);
		lz_mb(); /* the flag before the work that is looked for */
		lz_store64(&due, lz_poll(lz));
	}
	__atomic_fetch_sub(&working, 1, __ATOMIC_SEQ_CST);
}

bool bm_work_expected(void)
{
	return __atomic_load_n(&worker, __ATOMIC_SEQ_CST) &&
	       (lz_load32_acquire(&kicked) || lz_load64(&due) != LZ_NEVER);
}

/* ---- services ---- */

static void *port_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return take(&plain, size, plain.unit);
}

static void port_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	give_back(&plain, p, size);
}

static void *port_dma_alloc(void *ctx, size_t size, size_t align, lz_phys *phys)
{
	void *va = take(&dma, size, align);

	(void)ctx;
	*phys = (lz_phys)(uintptr_t)va;
	return va;
}

static void port_dma_free(void *ctx, void *va, size_t size)
{
	(void)ctx;
	give_back(&dma, va, size);
}

static void *port_dma_virt(void *ctx, lz_phys phys)
{
	(void)ctx;
	return (void *)(uintptr_t)phys;
}

static lz_ns port_now(void *ctx)
{
	(void)ctx;
	return bm_now();
}

static void port_log(void *ctx, enum lz_log_level level, const char *line)
{
	(void)ctx, (void)level;
	bm_print("    | %s\n", line);
}

static void port_kick(void *ctx)
{
	(void)ctx;
	lz_store32_release(&kicked, 1);
	bm_cpu_wake();
}

const struct lz_port *bm_port(void)
{
	static const struct lz_port port = {
		.alloc = port_alloc,
		.free = port_free,
		.dma_alloc = port_dma_alloc,
		.dma_free = port_dma_free,
		.dma_virt = port_dma_virt,
		.now = port_now,
		.log = port_log,
		.kick = port_kick,
	};

	return &port;
}
