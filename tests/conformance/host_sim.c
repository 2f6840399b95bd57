/* SPDX-License-Identifier: BSD-2-Clause */
/* The suites on the deterministic port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host.h"
#include "sim.h"

static struct sim_worker worker;
static struct {
	void (*body)(void *arg);
	void *arg;
	bool done;
} job;

static void main_task(void *arg)
{
	(void)arg;
	job.body(job.arg);
	job.done = true;
}

void host_run(void (*setup)(void *arg), void (*body)(void *arg), void *arg)
{
	static uint64_t seed;
	struct sim_stats st;

	seed++;
	sim_start(&(struct sim_config){.cpus = 8,
				       .seed = seed,
				       .switch_one_in = 1 + seed % 16,
				       .op_cost = 2,
				       .dma_bytes = 64u << 20,
				       .dma_base = HOST_DMA_BASE});
	job.body = body;
	job.arg = arg;
	job.done = false;
	setup(arg);
	sim_task("body", 0, main_task, NULL);
	assert_int_equal(sim_run(LZ_SEC(4000)), 0);
	assert_true(job.done);
	sim_stats_get(&st);
	if (st.violations)
		fail_msg("context rule broken: %s", st.first_violation);
	assert_int_equal(st.live_allocs, 0);
	sim_stop();
}

bool host_time_is_virtual(void)
{
	return true;
}

const struct lz_port *host_port(void)
{
	return sim_port();
}

lz_ns host_now(void)
{
	return sim_now();
}

void host_sleep(lz_ns ns)
{
	sim_sleep_until(sim_now() + ns);
}

void host_in_irq(void (*fn)(void *arg), void *arg)
{
	sim_in_irq(fn, arg);
}

struct task {
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

static void task_main(void *arg)
{
	struct task *t = arg;

	t->fn(t->arg);
	t->done = true;
}

void host_tasks(void (*fn)(void *arg), void **arg, unsigned n)
{
	struct task task[HOST_CPUS];

	for (unsigned i = 0; i < n; i++) {
		task[i] = (struct task){fn, arg[i], false};
		sim_task("task", 3 + i, task_main, &task[i]);
	}
	for (unsigned i = 0; i < n; i++)
		while (!task[i].done)
			host_sleep(LZ_MS(1));
}

void host_worker_start(struct lz *lz)
{
	worker = (struct sim_worker){.lz = lz};
	sim_task("worker", 1, sim_worker_task, &worker);
}

void host_worker_stop(void)
{
	worker.stop = true;
	host_sleep(LZ_MS(200));
}

void host_hw_add(const struct host_hw *hw)
{
	sim_hw_add(&(struct sim_hw){hw->name, hw->step, hw->wake, hw->arg});
}

void host_mmio_add(const struct host_mmio *m)
{
	sim_mmio_add(&(struct sim_mmio){m->base, m->size, m->read, m->write, m->arg});
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
	return sim_irq_line(name, 2, fn, arg);
}

void host_irq_raise(unsigned line, lz_ns delay)
{
	sim_irq_raise(line, delay);
}

/* The rig's handlers find nothing to handle any more; the rest is waiting for
 * those that run. */
void host_irq_off(unsigned line)
{
	(void)line;
	host_sleep(LZ_MS(5));
}

uint64_t host_hw_now(void *ctx)
{
	return sim_hw_now(ctx);
}

bool host_dma_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	return sim_dma_read(ctx, pa, buf, len);
}

bool host_dma_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	return sim_dma_write(ctx, pa, buf, len);
}

void host_hw_lock(void)
{
}

void host_hw_unlock(void)
{
}
