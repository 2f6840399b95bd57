/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arch header's functions: masking, locks, waits, MMIO. Broken context
 * rules (invariant H) are counted and the run goes on, so that a test sees
 * them beside their consequences.
 */
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "internal.h"

/* A relax loop that nobody feeds is retried each microsecond, so that loops
 * bounded by time end; after this many the agent counts as stuck. */
#define RELAX_LIMIT 1000000u

/* With the caller's caller as the place. */
static void announce(enum lz_sim_op op, const volatile void *addr, unsigned len, const void *pc)
{
	sim.pc = pc;
	lz_port_visible(op, addr, len);
	sim.pc = NULL;
}

/* ---- the running CPU ---- */

unsigned lz_cpu_id(void)
{
	return sim.cur->cpu;
}

uint32_t lz_context_id(void)
{
	return sim.cur->id + 1;
}

bool lz_in_atomic(void)
{
	const struct sim_agent *a = sim.cur;

	return a->kind == SIM_HANDLER || a->in_irq || a->masked;
}

static void mask(struct sim_agent *a)
{
	if (a->masked++ == 0)
		a->masked_since = sim.now;
	sim_sched.changes++;
}

static void unmask_to(struct sim_agent *a, unsigned long flags)
{
	if (flags + 1 != a->masked)
		sim_violation("interrupt mask restored out of order");
	if (a->masked && flags == 0 && sim.now - a->masked_since > sim.st.longest_masked)
		sim.st.longest_masked = sim.now - a->masked_since;
	a->masked = (unsigned)flags;
	sim_sched.changes++;
}

unsigned long lz_irq_save(void)
{
	announce(LZ_SIM_IRQ_MASK, NULL, 0, __builtin_return_address(0));
	mask(sim.cur);
	return sim.cur->masked - 1;
}

void lz_irq_restore(unsigned long flags)
{
	announce(LZ_SIM_IRQ_MASK, NULL, 0, __builtin_return_address(0));
	unmask_to(sim.cur, flags);
}

void sim_in_irq(sim_task_fn fn, void *arg)
{
	struct sim_agent *a = sim.cur;
	unsigned held = a->held, masked = a->masked;

	lz_port_visible(LZ_SIM_IRQ_MASK, NULL, 0);
	a->in_irq++;
	sim_sched.changes++;
	fn(arg);
	if (a->held != held)
		sim_violation("left irq context with a spinlock held");
	else if (a->masked != masked)
		sim_violation("left irq context with another interrupt mask");
	lz_port_visible(LZ_SIM_IRQ_MASK, NULL, 0);
	a->in_irq--;
	sim_sched.changes++;
}

/* Plain memory may have been written that a poller reads: under a lock that is
 * now free, or before going to sleep. */
static void publish(void)
{
	sim.writes++;
	sim.cur->own_writes++;
}

/* ---- spinlocks ---- */

void lz_spin_init(struct lz_spinlock *l, const struct lz_lock_class *cls)
{
	l->cls = cls;
	l->owner = 0;
}

static void check_lock(const struct sim_agent *a, const struct lz_spinlock *l)
{
	char text[120];
	unsigned i;

	if (!l->cls) {
		sim_violation("spinlock used before lz_spin_init()");
		return;
	}
	for (i = 0; i < a->held; i++) {
		const struct lz_lock_class *c = a->locks[i]->cls;

		if (!c || c->rank < l->cls->rank)
			continue;
		snprintf(text, sizeof(text), "lock order: %s (%u) taken under %s (%u)",
			 l->cls->name, l->cls->rank, c->name, c->rank);
		sim_violation(text);
		return;
	}
}

unsigned long lz_spin_lock(struct lz_spinlock *l)
{
	struct sim_agent *a = sim.cur;

	announce(LZ_SIM_LOCK, l, sizeof(*l), __builtin_return_address(0));
	mask(a);
	lz_assert(a->held < SIM_MAX_HELD);
	if (l->owner == a->id + 1) {
		sim_violation("spinlock taken twice");
	} else {
		check_lock(a, l);
		while (l->owner) {
			a->lock = l;
			sim_block(SIM_W_LOCK);
		}
		l->owner = a->id + 1;
	}
	if (lz_port_weak)
		lz_port_weak_fence(false, true);
	a->locks[a->held++] = l;
	return a->masked - 1;
}

void lz_spin_unlock(struct lz_spinlock *l, unsigned long flags)
{
	struct sim_agent *a = sim.cur;
	bool again = false;
	unsigned i, at;

	announce(LZ_SIM_UNLOCK, l, sizeof(*l), __builtin_return_address(0));
	if (lz_port_weak)
		lz_port_weak_fence(true, false);
	for (at = a->held; at > 0 && a->locks[at - 1] != l; at--)
		;
	if (at == 0) {
		sim_violation(l->owner ? "spinlock released by somebody else"
				       : "spinlock released that nobody holds");
		return;
	}
	for (i = 0; i + 1 < at; i++)
		again |= a->locks[i] == l;
	for (i = at; i < a->held; i++)
		a->locks[i - 1] = a->locks[i];
	a->held--;
	if (!again)
		l->owner = 0;
	if (!a->looking)
		publish();
	unmask_to(a, flags);
}

bool lz_spin_held(const struct lz_spinlock *l)
{
	return l->owner == sim.cur->id + 1;
}

/* ---- waiting ---- */

void lz_cpu_relax(void)
{
	struct sim_agent *a = sim.cur;
	uint64_t seen;

	lz_port_visible(LZ_SIM_RELAX, NULL, 0);
	seen = sim_foreign(a);
	if (seen != a->relax_seen) {
		/* Written since the caller looked: it looks again at once. */
		a->relax_seen = seen;
		a->relaxed = 0;
		return;
	}
	a->seen = seen;
	a->deadline = ++a->relaxed < RELAX_LIMIT ? sim.now + LZ_US(1) : LZ_NEVER;
	sim_block(SIM_W_POLL);
}

/* A task that waits gives its CPU away; in atomic context it keeps it. */
static void block_task(enum sim_wait wait)
{
	struct sim_agent *a = sim.cur;

	if (a->kind == SIM_TASK && !lz_in_atomic())
		sim.cpu[a->cpu].task = NULL;
	sim_sched.changes++;
	sim_block(wait);
}

bool lz_await(bool (*pred)(void *), void *arg, lz_ns deadline)
{
	struct sim_agent *a = sim.cur;
	bool by_caller = a->kind == SIM_HANDLER || a->in_irq;
	lz_ns start = sim.now;
	bool ok, late;

	lz_assert(deadline != LZ_NEVER);
	if (a->held)
		sim_violation("lz_await() with a spinlock held");
	else if (a->masked)
		sim_violation("lz_await() with interrupts masked by the library");
	lz_port_visible(LZ_SIM_AWAIT, NULL, 0);
	publish();
	for (;;) {
		uint64_t seen = sim_foreign(a);

		late = sim.now >= deadline;
		a->looking = true;
		ok = pred(arg);
		a->looking = false;
		if (ok || late)
			break;
		a->seen = seen;
		a->deadline = deadline;
		block_task(SIM_W_POLL);
	}
	if (ok)
		publish();
	if (by_caller && sim.now - start > sim.st.longest_masked_wait)
		sim.st.longest_masked_wait = sim.now - start;
	return ok;
}

void sim_sleep_until(lz_ns t)
{
	if (lz_in_atomic())
		sim_violation("sleep in atomic context");
	publish();
	sim_weak_settle();
	sim.cur->deadline = t;
	block_task(SIM_W_SLEEP);
	lz_port_weak_fence(false, true);
}

void sim_wait_kick(const uint32_t *word, uint32_t seen, lz_ns t, const bool *stop)
{
	struct sim_agent *a = sim.cur;

	if (lz_in_atomic())
		sim_violation("sleep in atomic context");
	a->word = word;
	a->word_seen = seen;
	a->stop = stop;
	a->deadline = t;
	publish();
	sim_weak_settle();
	block_task(SIM_W_WORD);
	lz_port_weak_fence(false, true);
}

void sim_wait_word(const uint32_t *word, uint32_t seen, lz_ns t)
{
	sim_wait_kick(word, seen, t, NULL);
}

/* ---- MMIO ---- */

SIM_SNAP static struct {
	struct sim_mmio *range;
	size_t n;
} mmio;

void sim_mmio_add(const struct sim_mmio *m)
{
	mmio.range = sim_heap_longer(mmio.range, mmio.n * sizeof(*mmio.range),
				     (mmio.n + 1) * sizeof(*mmio.range));
	mmio.range[mmio.n++] = *m;
}

void sim_mmio_forget(void)
{
	sim_heap_free(mmio.range);
	mmio.range = NULL;
	mmio.n = 0;
}

/* Finds the range; `base` becomes the offset in it. */
static const struct sim_mmio *route(uintptr_t base, uint32_t *off, unsigned width)
{
	uintptr_t addr = base + *off;
	size_t i;

	if (addr % width)
		lz_port_panic("misaligned MMIO access", __FILE__, __LINE__);
	for (i = 0; i < mmio.n; i++) {
		const struct sim_mmio *m = &mmio.range[i];

		if (addr >= m->base && addr - m->base < m->size &&
		    m->size - (addr - m->base) >= width) {
			*off = (uint32_t)(addr - m->base);
			return m;
		}
	}
	lz_port_panic("MMIO access outside every range", __FILE__, __LINE__);
}

static uint64_t mmio_read(uintptr_t base, uint32_t off, unsigned width, const void *pc)
{
	const struct sim_mmio *m = route(base, &off, width);

	announce(LZ_SIM_MMIO_READ, (void *)(uintptr_t)off, width, pc);
	return m->read(m->arg, off, width);
}

static void mmio_write(uintptr_t base, uint32_t off, unsigned width, uint64_t v, const void *pc)
{
	const struct sim_mmio *m = route(base, &off, width);

	announce(LZ_SIM_MMIO_WRITE, (void *)(uintptr_t)off, width, pc);
	sim_sched.epoch++;
	m->write(m->arg, off, width, v);
}

uint32_t lz_mmio_read32(uintptr_t base, uint32_t off)
{
	return (uint32_t)mmio_read(base, off, 4, __builtin_return_address(0));
}

uint64_t lz_mmio_read64(uintptr_t base, uint32_t off)
{
	return mmio_read(base, off, 8, __builtin_return_address(0));
}

void lz_mmio_write32(uintptr_t base, uint32_t off, uint32_t v)
{
	mmio_write(base, off, 4, v, __builtin_return_address(0));
}

void lz_mmio_write64(uintptr_t base, uint32_t off, uint64_t v)
{
	mmio_write(base, off, 8, v, __builtin_return_address(0));
}

/* ---- services ---- */

static lz_ns port_now(void *ctx)
{
	(void)ctx;
	lz_port_visible(LZ_SIM_CLOCK, NULL, 0);
	return sim.now;
}

static void port_log(void *ctx, enum lz_log_level level, const char *line)
{
	(void)ctx;
	if (sim.cfg.log)
		sim.cfg.log(sim.cfg.log_ctx, level, line);
}

static void port_kick(void *ctx)
{
	(void)ctx;
	sim.kicks++;
	sim_sched.changes++;
}

const uint32_t *sim_kick_word(void)
{
	return &sim.kicks;
}

const struct lz_port *sim_port(void)
{
	static const struct lz_port port = {
		.alloc = sim_alloc,
		.free = sim_free,
		.dma_alloc = sim_dma_alloc,
		.dma_free = sim_dma_free,
		.dma_virt = sim_dma_virt,
		.now = port_now,
		.log = port_log,
		.kick = port_kick,
	};

	return &port;
}

_Noreturn void lz_port_panic(const char *what, const char *file, int line)
{
	if (sim.strategy && sim.strategy->panic)
		sim.strategy->panic(sim.strategy->ctx, what, file, line);
	fflush(stdout);
	fprintf(stderr, "panic: %s:%d: %s (agent %s, %llu ns)\n", file, line, what, sim.cur->name,
		(unsigned long long)sim.now);
	abort();
}
