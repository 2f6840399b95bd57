/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread on which hardware models run, and their registers. */
#include <sched.h>

#include "internal.h"

#define MAX_HW	  16u
#define MAX_MMIO  4u
#define IDLE_TICK LZ_MS(1)
#define YIELDS	  100u

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	bool stop;
	bool wanted; /* atomic: the thread waits for the lock */
	lz_ns now;
	pthread_mutex_t bell_lock;
	pthread_cond_t bell;
	bool accessed; /* [bell_lock] */
	struct lz_posix_hw unit[MAX_HW];
	unsigned n_units;
	struct lz_posix_mmio mmio[MAX_MMIO];
	unsigned n_mmio;
} hw;

/* ---- the thread ---- */

static void thread_lock(void)
{
	__atomic_store_n(&hw.wanted, true, __ATOMIC_RELAXED);
	POSIX_CHECK(pthread_mutex_lock(&hw.lock));
	__atomic_store_n(&hw.wanted, false, __ATOMIC_RELAXED);
}

static bool step_all(void)
{
	bool any = false;

	for (unsigned i = 0; i < hw.n_units; i++)
		any |= hw.unit[i].step(hw.unit[i].arg);
	return any;
}

static lz_ns next_wake(void)
{
	lz_ns next = LZ_NEVER;

	for (unsigned i = 0; i < hw.n_units; i++) {
		lz_ns t = hw.unit[i].wake ? hw.unit[i].wake(hw.unit[i].arg) : LZ_NEVER;

		next = t < next ? t : next;
	}
	return next;
}

/* Nothing to do at hw.now: on to the next moment, or 0 when it is still to come;
 * then, when to look again. */
static lz_ns pass_time(void)
{
	lz_ns real = posix_now(), next = next_wake();

	if (next > hw.now && next <= real) {
		hw.now = next;
		return 0;
	}
	hw.now = real > hw.now ? real : hw.now;
	return next > real ? next : real + IDLE_TICK;
}

static void ring(void)
{
	POSIX_CHECK(pthread_mutex_lock(&hw.bell_lock));
	hw.accessed = true;
	POSIX_CHECK(pthread_cond_signal(&hw.bell));
	POSIX_CHECK(pthread_mutex_unlock(&hw.bell_lock));
}

static void sleep_until(lz_ns t)
{
	POSIX_CHECK(pthread_mutex_lock(&hw.bell_lock));
	if (!hw.accessed)
		posix_cond_wait(&hw.bell, &hw.bell_lock, t);
	hw.accessed = false;
	POSIX_CHECK(pthread_mutex_unlock(&hw.bell_lock));
}

static void *hw_main(void *arg)
{
	(void)arg;
	thread_lock();
	while (!hw.stop) {
		lz_ns rest = step_all() ? 0 : pass_time();

		/* Drivers see the states between two steps. */
		POSIX_CHECK(pthread_mutex_unlock(&hw.lock));
		if (rest)
			sleep_until(rest);
		thread_lock();
	}
	POSIX_CHECK(pthread_mutex_unlock(&hw.lock));
	return NULL;
}

void posix_hw_start(void)
{
	hw.n_units = hw.n_mmio = 0;
	hw.stop = hw.accessed = false;
	hw.now = posix_now();
	POSIX_CHECK(pthread_mutex_init(&hw.lock, NULL));
	POSIX_CHECK(pthread_mutex_init(&hw.bell_lock, NULL));
	posix_cond_init(&hw.bell);
	POSIX_CHECK(pthread_create(&hw.thread, NULL, hw_main, NULL));
}

void posix_hw_stop(void)
{
	lz_posix_hw_lock();
	hw.stop = true;
	lz_posix_hw_unlock();
	POSIX_CHECK(pthread_join(hw.thread, NULL));
	POSIX_CHECK(pthread_cond_destroy(&hw.bell));
	POSIX_CHECK(pthread_mutex_destroy(&hw.bell_lock));
	POSIX_CHECK(pthread_mutex_destroy(&hw.lock));
}

/* ---- access ---- */

void lz_posix_hw_lock(void)
{
	/* Whoever polls would starve the hardware of its lock. */
	for (unsigned i = 0; i < YIELDS && __atomic_load_n(&hw.wanted, __ATOMIC_RELAXED); i++)
		(void)sched_yield();
	POSIX_CHECK(pthread_mutex_lock(&hw.lock));
}

void lz_posix_hw_unlock(void)
{
	POSIX_CHECK(pthread_mutex_unlock(&hw.lock));
	ring();
}

lz_ns lz_posix_hw_now(void *ctx)
{
	(void)ctx;
	return hw.now;
}

void lz_posix_hw_add(const struct lz_posix_hw *unit)
{
	lz_posix_hw_lock();
	lz_assert(hw.n_units < MAX_HW);
	hw.unit[hw.n_units++] = *unit;
	lz_posix_hw_unlock();
}

void lz_posix_mmio_add(const struct lz_posix_mmio *m)
{
	lz_posix_hw_lock();
	lz_assert(hw.n_mmio < MAX_MMIO);
	hw.mmio[hw.n_mmio++] = *m;
	lz_posix_hw_unlock();
}

/* Locks the hardware and finds the range; `*off` becomes the offset in it. */
static const struct lz_posix_mmio *open_range(uintptr_t base, uint32_t *off, unsigned width)
{
	uintptr_t addr = base + *off;

	lz_posix_hw_lock();
	lz_assert(addr % width == 0);
	for (unsigned i = 0; i < hw.n_mmio; i++) {
		const struct lz_posix_mmio *m = &hw.mmio[i];

		if (addr >= m->base && addr - m->base + width <= m->size) {
			*off = (uint32_t)(addr - m->base);
			return m;
		}
	}
	lz_port_panic("MMIO access outside every range", __FILE__, __LINE__);
}

static uint64_t mmio_read(uintptr_t base, uint32_t off, unsigned width)
{
	const struct lz_posix_mmio *m = open_range(base, &off, width);
	uint64_t v = m->read(m->arg, off, width);

	POSIX_CHECK(pthread_mutex_unlock(&hw.lock));
	return v;
}

static void mmio_write(uintptr_t base, uint32_t off, unsigned width, uint64_t v)
{
	const struct lz_posix_mmio *m = open_range(base, &off, width);

	m->write(m->arg, off, width, v);
	lz_posix_hw_unlock();
}

uint32_t lz_mmio_read32(uintptr_t base, uint32_t off)
{
	return (uint32_t)mmio_read(base, off, 4);
}

uint64_t lz_mmio_read64(uintptr_t base, uint32_t off)
{
	return mmio_read(base, off, 8);
}

void lz_mmio_write32(uintptr_t base, uint32_t off, uint32_t v)
{
	mmio_write(base, off, 4, v);
}

void lz_mmio_write64(uintptr_t base, uint32_t off, uint64_t v)
{
	mmio_write(base, off, 8, v);
}

/* ---- config space ---- */

static uint32_t config_read(void *ctx, unsigned offset, unsigned width)
{
	const struct lz_posix_config *c = ctx;
	uint32_t v;

	lz_posix_hw_lock();
	v = c->read(c->arg, offset, width);
	lz_posix_hw_unlock();
	return v;
}

static void config_write(void *ctx, unsigned offset, unsigned width, uint32_t value)
{
	const struct lz_posix_config *c = ctx;

	lz_posix_hw_lock();
	c->write(c->arg, offset, width, value);
	lz_posix_hw_unlock();
}

static void config_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	lz_posix_sleep(ns);
}

void lz_posix_config_access(struct lz_pci_access *pci, struct lz_posix_config *config)
{
	pci->ctx = config;
	pci->read = config_read;
	pci->write = config_write;
	pci->sleep = config_sleep;
}
