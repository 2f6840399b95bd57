/* SPDX-License-Identifier: BSD-2-Clause */
/* The services table: memory, DMA memory, clock, log, and the worker. */
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

static size_t live; /* atomic: alloc() not given back */

/* ---- DMA memory: pages of one arena ---- */

#define PAGE ((size_t)LZ_PAGE)

static struct {
	pthread_mutex_t lock;
	uint8_t *mem;
	uint8_t *used; /* per page; atomic */
	size_t pages, hint;
	lz_phys base;
} dma;

void posix_dma_start(size_t bytes, lz_phys base)
{
	dma.pages = bytes / PAGE;
	dma.hint = 0;
	dma.base = base;
	dma.used = calloc(dma.pages, 1);
	dma.mem = mmap(NULL, dma.pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	lz_assert(dma.used && dma.mem != MAP_FAILED);
	POSIX_CHECK(pthread_mutex_init(&dma.lock, NULL));
}

void posix_dma_stop(void)
{
	POSIX_CHECK(pthread_mutex_destroy(&dma.lock));
	POSIX_CHECK(munmap(dma.mem, dma.pages * PAGE));
	free(dma.used);
}

size_t posix_dma_live(void)
{
	size_t n = 0;

	for (size_t i = 0; i < dma.pages; i++)
		n += dma.used[i];
	return n;
}

static size_t pages_of(size_t bytes)
{
	return (bytes + PAGE - 1) / PAGE;
}

static bool all(size_t first, size_t n, bool used)
{
	if (n > dma.pages || first > dma.pages - n)
		return false;
	for (size_t i = first; i < first + n; i++)
		if ((__atomic_load_n(&dma.used[i], __ATOMIC_ACQUIRE) != 0) != used)
			return false;
	return true;
}

static void set(size_t first, size_t n, uint8_t used)
{
	for (size_t i = first; i < first + n; i++)
		__atomic_store_n(&dma.used[i], used, __ATOMIC_RELEASE);
}

/* First fit after the last one; false: none. */
static bool find(size_t n, size_t step, size_t *first)
{
	size_t start = dma.hint / step * step;

	for (size_t tried = 0; tried < dma.pages + step; tried += step) {
		*first = (start + tried) % (dma.pages / step * step);
		if (all(*first, n, false))
			return true;
	}
	return false;
}

void *posix_dma_alloc(void *ctx, size_t size, size_t align, lz_phys *phys)
{
	size_t n = pages_of(size), step = align > PAGE ? align / PAGE : 1, first;
	void *va = NULL;

	(void)ctx;
	POSIX_CHECK(pthread_mutex_lock(&dma.lock));
	if (find(n, step, &first)) {
		va = dma.mem + first * PAGE;
		memset(va, 0, n * PAGE);
		*phys = dma.base + first * PAGE;
		dma.hint = first + n;
		set(first, n, 1);
	}
	POSIX_CHECK(pthread_mutex_unlock(&dma.lock));
	return va;
}

void posix_dma_free(void *ctx, void *va, size_t size)
{
	size_t first = (size_t)((uint8_t *)va - dma.mem) / PAGE;

	(void)ctx;
	POSIX_CHECK(pthread_mutex_lock(&dma.lock));
	lz_assert(all(first, pages_of(size), true));
	set(first, pages_of(size), 0);
	POSIX_CHECK(pthread_mutex_unlock(&dma.lock));
}

void *posix_dma_virt(void *ctx, lz_phys phys)
{
	(void)ctx;
	return dma.mem + (phys - dma.base);
}

/* ---- the hardware's access to it: words where they fit, never torn ---- */

static uint8_t *target(lz_phys phys, size_t len)
{
	if (phys < dma.base || phys - dma.base >= dma.pages * PAGE)
		return NULL;
	phys -= dma.base;
	return all(phys / PAGE, pages_of(phys % PAGE + len), true) ? dma.mem + phys : NULL;
}

bool lz_posix_dma_read(void *ctx, lz_phys phys, void *buf, size_t len)
{
	const uint8_t *p = target(phys, len);
	uint8_t *to = buf;
	uint64_t v;

	(void)ctx;
	if (!p)
		return false;
	for (; len >= 8 && !((uintptr_t)p & 7); p += 8, to += 8, len -= 8) {
		v = __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_ACQUIRE);
		memcpy(to, &v, sizeof(v));
	}
	for (; len; len--)
		*to++ = __atomic_load_n(p++, __ATOMIC_ACQUIRE);
	return true;
}

bool lz_posix_dma_write(void *ctx, lz_phys phys, const void *buf, size_t len)
{
	uint8_t *p = target(phys, len);
	const uint8_t *from = buf;
	uint64_t v;

	(void)ctx;
	if (!p)
		return false;
	for (; len >= 8 && !((uintptr_t)p & 7); p += 8, from += 8, len -= 8) {
		memcpy(&v, from, sizeof(v));
		__atomic_store_n((uint64_t *)(void *)p, v, __ATOMIC_RELEASE);
	}
	for (; len; len--)
		__atomic_store_n(p++, *from++, __ATOMIC_RELEASE);
	return true;
}

/* ---- the other services ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t kick;
	pthread_t thread;
	struct lz *lz;
	unsigned cpu;
	bool kicked, stop;
	void (*log)(void *ctx, enum lz_log_level level, const char *line);
	void *log_ctx;
} worker = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *port_alloc(void *ctx, size_t size)
{
	void *p = calloc(1, size);

	(void)ctx;
	lz_assert(!lz_in_atomic());
	if (p)
		__atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
	return p;
}

static void port_free(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	lz_assert(!lz_in_atomic());
	if (p)
		__atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
	free(p);
}

static lz_ns port_now(void *ctx)
{
	(void)ctx;
	return posix_now();
}

static void port_log(void *ctx, enum lz_log_level level, const char *line)
{
	(void)ctx;
	if (worker.log)
		worker.log(worker.log_ctx, level, line);
}

static void port_kick(void *ctx)
{
	(void)ctx;
	POSIX_CHECK(pthread_mutex_lock(&worker.lock));
	worker.kicked = true;
	POSIX_CHECK(pthread_cond_signal(&worker.kick));
	POSIX_CHECK(pthread_mutex_unlock(&worker.lock));
}

const struct lz_port *lz_posix_port(void)
{
	static const struct lz_port port = {
		.alloc = port_alloc,
		.free = port_free,
		.dma_alloc = posix_dma_alloc,
		.dma_free = posix_dma_free,
		.dma_virt = posix_dma_virt,
		.now = port_now,
		.log = port_log,
		.kick = port_kick,
	};

	return &port;
}

void lz_posix_set_log(void (*fn)(void *ctx, enum lz_log_level level, const char *line), void *ctx)
{
	worker.log = fn;
	worker.log_ctx = ctx;
}

/* ---- worker ---- */

static void *worker_main(void *arg)
{
	(void)arg;
	lz_posix_bind(worker.cpu);
	POSIX_CHECK(pthread_mutex_lock(&worker.lock));
	while (!worker.stop) {
		lz_ns due;

		worker.kicked = false;
		POSIX_CHECK(pthread_mutex_unlock(&worker.lock));
		due = lz_poll(worker.lz);
		POSIX_CHECK(pthread_mutex_lock(&worker.lock));
		if (!worker.kicked && !worker.stop && due > posix_now())
			posix_cond_wait(&worker.kick, &worker.lock, due);
	}
	POSIX_CHECK(pthread_mutex_unlock(&worker.lock));
	lz_posix_unbind();
	return NULL;
}

void lz_posix_worker_start(struct lz *lz, unsigned cpu)
{
	worker.lz = lz;
	worker.cpu = cpu;
	worker.stop = false;
	POSIX_CHECK(pthread_create(&worker.thread, NULL, worker_main, NULL));
}

void lz_posix_worker_stop(void)
{
	POSIX_CHECK(pthread_mutex_lock(&worker.lock));
	worker.stop = true;
	POSIX_CHECK(pthread_cond_signal(&worker.kick));
	POSIX_CHECK(pthread_mutex_unlock(&worker.lock));
	POSIX_CHECK(pthread_join(worker.thread, NULL));
}

/* ---- life ---- */

void lz_posix_start(size_t dma_bytes, lz_phys dma_base)
{
	posix_cond_init(&worker.kick);
	posix_dma_start(dma_bytes, dma_base);
	posix_hw_start();
}

size_t lz_posix_stop(void)
{
	size_t left;

	posix_hw_stop();
	posix_irq_stop();
	left = posix_dma_live() + __atomic_load_n(&live, __ATOMIC_RELAXED);
	posix_dma_stop();
	POSIX_CHECK(pthread_cond_destroy(&worker.kick));
	return left;
}
