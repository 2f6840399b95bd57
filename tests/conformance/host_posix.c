/* SPDX-License-Identifier: BSD-2-Clause */
/* The suites on POSIX threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "host.h"
#include "posix.h"

void host_run(void (*setup)(void *arg), void (*body)(void *arg), void *arg)
{
	static bool running;

	/* A failed test leaves its threads behind. */
	if (running)
		fail_msg("%s", "an earlier test did not end");
	running = true;
	lz_posix_start(64u << 20, HOST_DMA_BASE);
	lz_posix_bind(0);
	setup(arg);
	body(arg);
	lz_posix_unbind();
	assert_int_equal(lz_posix_stop(), 0);
	running = false;
}

bool host_time_is_virtual(void)
{
	return false;
}

const struct lz_port *host_port(void)
{
	return lz_posix_port();
}

lz_ns host_now(void)
{
	return host_port()->now(NULL);
}

void host_sleep(lz_ns ns)
{
	lz_posix_sleep(ns);
}

void host_in_irq(void (*fn)(void *arg), void *arg)
{
	lz_posix_in_irq(fn, arg);
}

struct task {
	void (*fn)(void *arg);
	void *arg;
	unsigned cpu;
	pthread_t thread;
};

static void *task_main(void *arg)
{
	struct task *t = arg;

	lz_posix_bind(t->cpu);
	t->fn(t->arg);
	lz_posix_unbind();
	return NULL;
}

void host_tasks(void (*fn)(void *arg), void **arg, unsigned n)
{
	struct task task[HOST_CPUS];

	for (unsigned i = 0; i < n; i++) {
		task[i] = (struct task){.fn = fn, .arg = arg[i], .cpu = 3 + i};
		if (pthread_create(&task[i].thread, NULL, task_main, &task[i]))
			abort();
	}
	for (unsigned i = 0; i < n; i++)
		(void)pthread_join(task[i].thread, NULL);
}

void host_worker_start(struct lz *lz)
{
	lz_posix_worker_start(lz, 1);
}

void host_worker_stop(void)
{
	lz_posix_worker_stop();
}

void host_hw_add(const struct host_hw *hw)
{
	lz_posix_hw_add(&(struct lz_posix_hw){hw->step, hw->wake, hw->arg});
}

void host_mmio_add(const struct host_mmio *m)
{
	lz_posix_mmio_add(&(struct lz_posix_mmio){m->base, m->size, m->read, m->write, m->arg});
}

static uint64_t empty_read(void *arg, uint32_t off, unsigned width)
{
	(void)off;
	return arg ? UINT64_MAX >> (64 - 8 * width) : 0;
}

static void empty_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	(void)arg;
	(void)off;
	(void)width;
	(void)v;
}

uintptr_t host_registers(uint8_t fill)
{
	static uint8_t ones;
	uintptr_t base = fill ? 0x10000000 : 0x20000000;

	host_mmio_add(
		&(struct host_mmio){base, 0x20000, empty_read, empty_write, fill ? &ones : NULL});
	return base;
}

unsigned host_irq_line(const char *name, void (*fn)(void *arg), void *arg)
{
	(void)name;
	return lz_posix_irq_line(2, fn, arg);
}

void host_irq_raise(unsigned line, lz_ns delay)
{
	lz_posix_irq_raise(line, delay);
}

void host_irq_off(unsigned line)
{
	lz_posix_irq_off(line);
}

uint64_t host_hw_now(void *ctx)
{
	return lz_posix_hw_now(ctx);
}

bool host_dma_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	return lz_posix_dma_read(ctx, pa, buf, len);
}

bool host_dma_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	return lz_posix_dma_write(ctx, pa, buf, len);
}

void host_hw_lock(void)
{
	lz_posix_hw_lock();
}

void host_hw_unlock(void)
{
	lz_posix_hw_unlock();
}
