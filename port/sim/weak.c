/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Weak memory, where a strategy asks for it. A store may stay in its CPU's
 * buffer, seen by that CPU alone, until a barrier, a release or an atomic
 * read-modify-write of the CPU drains it, or its entry is flushed, which is a
 * step like others. A relaxed load may return what a word held before another
 * CPU's store, unless its CPU has seen that store or a later barrier, acquire
 * or atomic of its own.
 *
 * Allowed here is allowed by Armv8; not everything that is allowed is done:
 * stores never overtake earlier loads (no load buffering), loads that acquire
 * are never stale, and all CPUs but the writer see a store at once. MMIO writes
 * do not drain: that is what lz_dma_wmb() is for (docs/PORTING.md).
 */
#include <string.h>

#include "internal.h"

#define BUFFER	8u  /* stores of one CPU */
#define HISTORY 16u /* values that were overwritten */

struct store {
	struct sim_op op; /* where it goes */
	uint64_t value;
};
struct buffer {
	struct store e[BUFFER]; /* oldest first */
	unsigned n;
};
struct past {
	uintptr_t addr;
	unsigned len;
	uint32_t known; /* CPUs that cannot see it any more */
	uint64_t value;
};

SIM_SNAP static struct {
	struct buffer cpu[LZ_MAX_CPUS];
	struct past past[HISTORY];
	unsigned newest;
} w;
SIM_SNAP bool lz_port_weak;

static uint64_t get(uintptr_t addr, unsigned len)
{
	uint64_t v = 0;

	switch (len) {
	case 1:
		v = __atomic_load_n((const uint8_t *)addr, __ATOMIC_RELAXED);
		break;
	case 4:
		v = __atomic_load_n((const uint32_t *)addr, __ATOMIC_RELAXED);
		break;
	case 8:
		v = __atomic_load_n((const uint64_t *)addr, __ATOMIC_RELAXED);
		break;
	}
	return v;
}

static void put(uintptr_t addr, unsigned len, uint64_t v)
{
	switch (len) {
	case 1:
		__atomic_store_n((uint8_t *)addr, (uint8_t)v, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((uint32_t *)addr, (uint32_t)v, __ATOMIC_RELAXED);
		break;
	case 8:
		__atomic_store_n((uint64_t *)addr, v, __ATOMIC_RELAXED);
		break;
	}
}

static bool overlap(uintptr_t a, unsigned a_len, uintptr_t b, unsigned b_len)
{
	return a < b + b_len && b < a + a_len;
}

static bool chosen(enum sim_weak what, uintptr_t addr)
{
	const struct sim_strategy *st = sim.strategy;

	return st && st->weak && st->weak(st->ctx, what, sim.cur->cpu, addr);
}

/* ---- what was ---- */

static void remember(uintptr_t addr, unsigned len, unsigned cpu)
{
	w.newest = (w.newest + 1) % HISTORY;
	w.past[w.newest] = (struct past){addr, len, 1u << cpu, get(addr, len)};
}

/* The value before the last store to it, when `cpu` may still see that. */
static const struct past *before(uintptr_t addr, unsigned len, unsigned cpu)
{
	for (unsigned i = 0; i < HISTORY; i++) {
		const struct past *p = &w.past[(w.newest - i) % HISTORY];

		if (!p->len || !overlap(p->addr, p->len, addr, len))
			continue;
		return p->addr == addr && p->len == len && !(p->known >> cpu & 1) ? p : NULL;
	}
	return NULL;
}

static void know(uintptr_t addr, unsigned len, unsigned cpu)
{
	for (unsigned i = 0; i < HISTORY; i++)
		if (overlap(w.past[i].addr, w.past[i].len, addr, len))
			w.past[i].known |= 1u << cpu;
}

/* Whatever was stored so far. */
static void know_all(unsigned cpu)
{
	for (unsigned i = 0; i < HISTORY; i++)
		w.past[i].known |= 1u << cpu;
}

/* ---- the buffers ---- */

/* For everybody to see. */
static void store(uintptr_t addr, unsigned len, uint64_t v, unsigned cpu)
{
	remember(addr, len, cpu);
	put(addr, len, v);
}

void sim_weak_flush(unsigned cpu)
{
	struct buffer *b = &w.cpu[cpu];
	const struct store first = b->e[0];

	memmove(&b->e[0], &b->e[1], --b->n * sizeof(b->e[0]));
	store(first.op.addr, first.op.len, first.value, cpu);
	sim.writes++;
}

static void drain(unsigned cpu)
{
	while (w.cpu[cpu].n)
		sim_weak_flush(cpu);
}

const struct sim_op *sim_weak_pending(unsigned cpu)
{
	return w.cpu[cpu].n ? &w.cpu[cpu].e[0].op : NULL;
}

void sim_weak_drain(void)
{
	for (unsigned c = 0; c < LZ_MAX_CPUS; c++)
		drain(c);
}

void sim_weak_settle(void)
{
	if (!w.cpu[sim.cur->cpu].n)
		return;
	lz_port_visible(LZ_SIM_BARRIER, NULL, 0);
	drain(sim.cur->cpu);
}

void sim_weak_forget(void)
{
	if (!lz_port_weak)
		return;
	sim_weak_drain();
	memset(w.past, 0, sizeof(w.past));
}

void sim_weak_reset(void)
{
	memset(&w, 0, sizeof(w));
	lz_port_weak = false;
}

/* ---- the arch header's ---- */

void lz_port_weak_fence(bool stores, bool loads)
{
	if (!lz_port_weak)
		return;
	if (stores)
		drain(sim.cur->cpu);
	if (loads)
		know_all(sim.cur->cpu);
}

void lz_port_weak_rmw(const volatile void *p, unsigned len)
{
	lz_port_weak_fence(true, true);
	remember((uintptr_t)p, len, sim.cur->cpu);
}

void lz_port_weak_store(volatile void *p, unsigned len, uint64_t v, bool release)
{
	uintptr_t addr = (uintptr_t)p;
	unsigned cpu = sim.cur->cpu;
	struct buffer *b = &w.cpu[cpu];
	bool again = release;

	for (unsigned i = 0; i < b->n; i++)
		again |= overlap(b->e[i].op.addr, b->e[i].op.len, addr, len);
	if (again)
		drain(cpu);
	if (b->n == BUFFER || !chosen(SIM_WEAK_DELAY, addr)) {
		store(addr, len, v, cpu);
		return;
	}
	b->e[b->n++] = (struct store){
		{.kind = LZ_SIM_STORE, .write = true, .len = (uint16_t)len, .addr = addr}, v};
	sim_sched.changes++;
}

uint64_t lz_port_weak_load(const volatile void *p, unsigned len, bool acquire)
{
	uintptr_t addr = (uintptr_t)p;
	unsigned cpu = sim.cur->cpu;
	const struct buffer *b = &w.cpu[cpu];
	const struct past *old;
	uint64_t v;

	for (unsigned i = b->n; i > 0; i--) {
		const struct store *e = &b->e[i - 1];

		if (!overlap(e->op.addr, e->op.len, addr, len))
			continue;
		if (e->op.addr != addr || e->op.len != len) {
			drain(cpu);
			break;
		}
		v = e->value;
		if (acquire)
			know_all(cpu);
		return v;
	}
	old = acquire ? NULL : before(addr, len, cpu);
	if (old && chosen(SIM_WEAK_STALE, addr)) {
		/* It does not last: who polls looks again. */
		sim.writes++;
		return old->value;
	}
	v = get(addr, len);
	know(addr, len, cpu);
	if (acquire)
		know_all(cpu);
	return v;
}
