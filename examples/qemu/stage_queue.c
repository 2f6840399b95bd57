/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of the command queue, and two CPUs at it. The commands are made illegal
 * by the shim, in the driver's ring; QEMU finds them, raises GERROR and its
 * interrupt, and stands still until it is acknowledged.
 */
#include "check.h"
#include "edu.h"
#include "pattern.h"
#include "shim.h"
#include "stages.h"

#define EDU_DATA 0x0100000ull
#define BASE	 0x600000000ull
/* Of I/O addresses per CPU; changes of the CPU that unmaps, at least. */
#define PAGES 2048u
#define TURNS 20u

static struct lz_stats stats(void)
{
	struct lz_stats st;

	lz_stats_get(smmu.lz, &st);
	return st;
}

static unsigned gerror_irqs(unsigned cpu)
{
	return bm_irq_count(smmu.gerror_irq, cpu);
}

/* The unmap whose first command is illegal. */
static void one_error(struct client *c, struct shared *page, unsigned cpu, const char *what)
{
	uint64_t errors = stats().cmdq_errors;
	unsigned irqs = gerror_irqs(cpu);
	uint32_t released = lz_load32(&c->released);
	enum lz_status st;
	lz_ns until;
	bool ok;

	smmu_route(cpu);
	ok = fine(shared_map(c, page, LZ_READ), "map");
	shim_spoil(1, 1);
	st = shared_unmap(c, page);
	shim_spoil(0, 0);
	/* Its batch does not count as done: custody, until the sweep repeats it. */
	ok &= st == LZ_IN_CUSTODY && fine(lz_domain_wait(c->dom, LZ_SEC(5)), "wait") &&
	      lz_load32(&c->released) == released + 1;
	until = bm_now() + LZ_SEC(5);
	while (gerror_irqs(cpu) == irqs && bm_now() < until)
		lz_cpu_relax();
	check(ok && stats().cmdq_errors == errors + 1 && gerror_irqs(cpu) > irqs, what);
}

/* ---- two CPUs ---- */

struct load {
	struct client *c;
	lz_iova iova;
	lz_phys pa;
	unsigned done, custody, wrong;
};

/* Atomic: CPUs at the start; who unmapped last; how often that changed; is it
 * enough. */
static uint32_t ready, last, turns, enough;

static void load(void *arg)
{
	struct load *l = arg;
	uint32_t me = lz_cpu_id();

	(void)lz_fetch_add32(&ready, 1);
	while (lz_load32_acquire(&ready) < 2)
		lz_cpu_relax();
	for (unsigned i = 0; !lz_load32(&enough); i++) {
		lz_iova at = l->iova + i % PAGES * LZ_PAGE;
		enum lz_status st = lz_map(l->c->dom, at, l->pa, LZ_PAGE, LZ_READ);

		if (st == LZ_EBUSY)
			continue; /* in custody still */
		if (st == LZ_OK)
			st = lz_unmap(l->c->dom, at, LZ_PAGE);
		if (lz_load32(&last) != me)
			(void)lz_fetch_add32(&turns, 1);
		lz_store32(&last, me);
		l->done += st == LZ_OK;
		l->custody += st == LZ_IN_CUSTODY;
		l->wrong += st != LZ_OK && st != LZ_IN_CUSTODY;
	}
}

/* Ends it when both have had their turns, and the errors came meanwhile. */
struct judge {
	unsigned errors, spoiled_before;
	lz_ns until;
	bool armed;
};

static void judge(void *arg)
{
	struct judge *j = arg;

	if (!j->armed && lz_load32(&turns) >= TURNS / 2) {
		j->armed = true;
		shim_spoil(50, j->errors);
	}
	if ((lz_load32(&turns) >= TURNS &&
	     shim_counts().spoiled - j->spoiled_before == j->errors) ||
	    bm_now() > j->until)
		lz_store32(&enough, 1);
}

static void two(struct client *c, lz_phys pa, unsigned cpu, unsigned spoil, const char *what)
{
	struct load mine = {.c = c, .iova = BASE, .pa = pa};
	struct load other = {.c = c, .iova = BASE + PAGES * LZ_PAGE, .pa = pa};
	struct judge j = {spoil, shim_counts().spoiled, bm_now() + LZ_SEC(20), false};
	uint64_t errors = stats().cmdq_errors;
	uint32_t released = lz_load32(&c->released);
	unsigned custody;
	bool free;

	smmu_route(cpu);
	ready = turns = enough = 0;
	bm_tick(LZ_MS(1), judge, &j);
	bm_cpu_run(1, load, &other);
	load(&mine);
	bm_cpu_wait(1);
	bm_tick(LZ_MS(1), NULL, NULL);
	shim_spoil(0, 0);
	/* Each error puts one unmap into custody; so may a CPU that comes to look at its
	 * sync only when the slot was marked again, a lap later. */
	custody = mine.custody + other.custody;
	errors = stats().cmdq_errors - errors;
	free = fine(lz_domain_wait(c->dom, LZ_SEC(5)), "wait");
	bm_print("      %u and %u unmaps, at the same time, %u of them in custody; %lu errors\n",
		 mine.done + mine.custody, other.done + other.custody, custody, errors);
	check(turns >= TURNS && !mine.wrong && !other.wrong && errors == spoil &&
		      custody >= spoil && (spoil || !custody) && free &&
		      lz_load32(&c->released) - released == custody,
	      what);
}

/* ---- in an interrupt ---- */

/* Unmaps in hard interrupt context, as most drivers do, on top of a task that
 * may be anywhere in its own. */
struct in_irq {
	struct client *c;
	lz_phys pa;
	uint32_t done, wrong; /* atomic */
};

static void unmap_in_irq(void *arg)
{
	struct in_irq *i = arg;
	lz_iova at = BASE + 2 * PAGES * LZ_PAGE;
	bool ok = lz_in_atomic() && lz_map(i->c->dom, at, i->pa, LZ_PAGE, LZ_READ) == LZ_OK &&
		  lz_unmap(i->c->dom, at, LZ_PAGE) == LZ_OK;

	(void)lz_fetch_add32(ok ? &i->done : &i->wrong, 1);
}

static void interrupted(struct client *c, lz_phys pa)
{
	struct in_irq irq = {.c = c, .pa = pa};
	lz_ns until = bm_now() + LZ_SEC(20);
	bool ok = true;

	bm_tick(LZ_US(200), unmap_in_irq, &irq);
	while (ok && lz_load32(&irq.done) + lz_load32(&irq.wrong) < 50 && bm_now() < until)
		ok = lz_map(c->dom, BASE, pa, LZ_PAGE, LZ_READ) == LZ_OK &&
		     lz_unmap(c->dom, BASE, LZ_PAGE) == LZ_OK;
	bm_tick(LZ_MS(1), NULL, NULL);
	check(ok && irq.done >= 50 && !irq.wrong,
	      "50 unmaps in a timer's interrupt, on top of a task that unmaps");
}

void stage_queue(void)
{
	struct pci_function *fn = pci_find(0x1234, 0x11e8, 0);
	struct shared page;
	struct client c;
	struct edu e;

	stage("command errors (the shim makes commands illegal, the rest is QEMU's)");
	if (!smmu_up())
		return;
	if (check(fn && client_up(&c, fn, false) && edu_up(&e, &c) &&
			  shared_alloc(&page, LZ_PAGE, EDU_DATA),
		  "edu is attached")) {
		one_error(&c, &page, 0,
			  "an illegal command is handled, its unmap repeated; interrupt on CPU 0");
		one_error(&c, &page, 1, "the same with the interrupt on CPU 1");
		check(fine(shared_map(&c, &page, LZ_READ), "map") && edu_load(&e, EDU_DATA, 64) &&
			      fine(shared_unmap(&c, &page), "unmap"),
		      "the queue goes on");
		interrupted(&c, page.pa);
		two(&c, page.pa, 0, 0, "two CPUs unmap at the same time");
		two(&c, page.pa, 0, 6, "with illegal commands, the interrupt on CPU 0");
		two(&c, page.pa, 1, 6, "with illegal commands, the interrupt on CPU 1");
		shared_free(&page);
		check(client_down(&c), "edu is removed");
	}
	(void)smmu_down();
}
