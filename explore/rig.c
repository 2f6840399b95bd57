/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small machine: a run of it, and what bodies do to it. It is built and
 * prepared once; each run starts from a snapshot of that, where the build has
 * snapshots.
 */
#include "explore/rig.h"

#include <stdio.h>
#include <string.h>

#define END LZ_SEC(40000)

/* Where runs start from. */
static struct {
	const struct ex_case *c;
	uint32_t hash;
	uint32_t snapshot; /* 0: the machine is built for each run */
	struct exr *r;
} ready;

void exr_must(struct exr *r, enum lz_status st, const char *what)
{
	if (st == LZ_OK)
		return;
	r->run->unfinished = true;
	snprintf(r->run->unfinished_text, sizeof(r->run->unfinished_text), "%s answered %s", what,
		 lz_status_name(st));
	sim_abandon();
}

static void pull_out(struct exr *r)
{
	struct exr_dev *d;

	/* What lasts until a reset of the device would then last for ever. */
	if (r->hw.knobs.resync == LZM_RESYNC_FAILS_UNTIL_RESET || r->hw.knobs.sync_never)
		return;
	if (!ex_maybe(r->run, EX_REMOVAL, "a device is pulled out"))
		return;
	d = &r->dev[ex_value(r->run, r->n_devs)];
	lzm_ep_fault(d->ep, LZM_EP_REMOVED, 0, 0);
	d->reset_ok = false;
	sim_hw_changed();
}

static void each_step(struct ex_run *run)
{
	exr_step(run);
	if (run->left[EX_REMOVAL])
		pull_out(run->own);
}

static void main_task(void *arg)
{
	struct exr *r = arg;

	exr_build_library(r);
	if (r->body->prepare)
		r->body->prepare(r);
	sim_pause();
	exr_regime(r);
	r->run->oracle = r->run->blind ? NULL : each_step;
	ex_begin(r->run);
	r->body->act(r);
	exr_join(r);
	if (r->c->whole)
		(void)exr_settle(r, LZ_SEC(1));
	ex_quiet(r->run);
	if (r->run->blind)
		sim_pause();
	exr_recover(r);
	exr_at_rest(r);
	if (r->run->brief)
		sim_pause();
	sim_late();
	exr_tear_down(r);
	r->done = true;
}

static void *heap_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return sim_heap_alloc(size);
}

static void heap_free(void *ctx, void *p)
{
	(void)ctx;
	sim_heap_free(p);
}

static bool set_up(struct ex_run *run, const struct ex_case *c)
{
	struct exr *r;

	sim_start(&(struct sim_config){.cpus = 4,
				       .seed = 1,
				       .op_cost = 2,
				       .dma_bytes = 1u << 20,
				       .dma_base = EXR_DMA,
				       .snapshots = !run->rebuild});
	r = sim_heap_alloc(sizeof(*r));
	if (!r)
		return false;
	ready.r = r;
	r->run = run;
	r->c = c;
	r->body = exr_body_find(c->body);
	r->iommu = exr_hardware_of(c->iommu);
	r->n_devs = (unsigned)c->devices;
	r->n_units = (unsigned)c->smmus;
	r->next_pa = EXR_MEM;
	run->own = r;
	exr_build_machine(r);
	sim_task("body", 0, main_task, r);
	if (!ex_sim_run(run, END))
		return false;
	ready.c = c;
	ready.hash = c->hash;
	ready.snapshot = sim_snapshot();
	return true;
}

static bool prepared(struct ex_run *run, const struct ex_case *c)
{
	if (run->rebuild || ready.c != c || ready.hash != c->hash || !sim_restore(ready.snapshot))
		return set_up(run, c);
	ready.r->run = run;
	run->own = ready.r;
	return true;
}

static void act(struct ex_run *run)
{
	struct sim_stats st;

	if (!ex_sim_run(run, END) || !ready.r->done)
		return;
	sim_stats_get(&st);
	if (st.live_allocs && !run->unfinished)
		run->violation = (struct ex_violation){
			true,	       'E',
			"memory left", "memory of the library was not given back",
			run->steps,    sim_now()};
}

void exr_run(struct ex_run *run, void *arg)
{
	static const struct lzm_memory memory = {NULL, heap_alloc, heap_free};
	bool whole;

	lzm_set_memory(&memory);
	whole = prepared(run, arg);
	if (whole)
		act(run);
	/* Paused, and there is no snapshot to go back to: it ends as it would. */
	if (whole && !ready.snapshot && !ready.r->done)
		(void)ex_sim_run(run, END);
	if (!whole || !ready.snapshot) {
		struct exr *r = run->own;

		if (r)
			exr_take_apart(r);
		sim_heap_free(r);
		sim_stop();
		ready.snapshot = 0;
	}
	lzm_set_memory(NULL);
	run->own = NULL;
}

/* ---- for bodies ---- */

static void call_task(void *arg)
{
	struct exr_call *c = arg;

	c->fn(c->r);
	c->r->busy--;
}

void exr_go(struct exr *r, const char *name, unsigned cpu, void (*fn)(struct exr *))
{
	struct exr_call *c = &r->call[r->n_calls++];

	*c = (struct exr_call){r, fn};
	r->busy++;
	sim_task(name, cpu, call_task, c);
}

void exr_join(struct exr *r)
{
	while (r->busy) {
		uint32_t seen = r->busy;

		sim_wait_word(&r->busy, seen, LZ_NEVER);
	}
}

static void released(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	struct exr_dom *d = ctx;
	unsigned p = exr_page(iova);

	(void)dom;
	d->released++;
	for (; size; size -= LZ_PAGE, p++) {
		/* Who maps without being told may come between the two (A3). */
		if (p < EXR_PAGES && d->untold[p]) {
			d->untold[p] = false;
			continue;
		}
		if (p >= EXR_PAGES || (d->page[p] != EXR_CUSTODY && d->page[p] != EXR_IN_FLIGHT))
			ex_violate(d->rig->run, 'E', "released twice",
				   "page %u was released and had not been unmapped", p);
		d->page[p] = EXR_FREE;
		exr_freed(d, p);
		if (d->reuse && d->dom)
			(void)exr_map(d->rig, (unsigned)(d - d->rig->dom), p);
	}
}

static void destroyed(void *ctx)
{
	exr_destroyed(ctx);
}

enum lz_status exr_create(struct exr *r, unsigned n)
{
	static const struct lz_domain_ops ops = {.release = released, .destroyed = destroyed};
	struct exr_dom *d = &r->dom[n];

	d->rig = r;
	return lz_domain_create(r->unit[0].iommu, LZ_DOMAIN_PAGING, &ops, d, &d->dom);
}

void exr_domain(struct exr *r, unsigned n, unsigned mask)
{
	struct exr_dom *d = &r->dom[n];

	exr_must(r, exr_create(r, n), "lz_domain_create()");
	for (unsigned i = 0; i < r->n_devs; i++)
		if (mask >> i & 1)
			exr_must(r, lz_attach(r->dev[i].dev, d->dom), "lz_attach()");
}

enum lz_status exr_attach(struct exr *r, unsigned dev, unsigned n)
{
	struct lz_device *d = r->dev[dev].dev;
	struct lz_domain *before = lz_attached(d, LZ_NO_PASID);
	enum lz_status st = lz_attach(d, r->dom[n].dom);

	if (lz_attached(d, LZ_NO_PASID) != (st == LZ_OK ? r->dom[n].dom : before))
		ex_violate(r->run, 'D', "a failed attach and where it left the device",
			   "lz_attach() answered %s, and device %u is not attached to what that "
			   "means",
			   lz_status_name(st), dev);
	return st;
}

/* A page in custody may be released while this runs: what is tried counts from
 * before the call, since a device may use it at once, and what came of it after. */
enum lz_status exr_map(struct exr *r, unsigned n, unsigned p)
{
	struct exr_dom *d = &r->dom[n];
	uint64_t pa = r->next_pa;
	enum lz_status st;

	if (d->trying[p] || d->page[p] == EXR_LIVE)
		return LZ_EBUSY; /* callers keep operations on one range apart */
	r->next_pa += LZ_PAGE;
	d->trying[p] = pa;
	st = lz_map(d->dom, exr_iova(p), pa, LZ_PAGE, LZ_READ | LZ_WRITE);
	if (st == LZ_OK) {
		d->untold[p] = d->page[p] == EXR_CUSTODY;
		d->pa[p] = pa;
		d->page[p] = EXR_LIVE;
	}
	d->trying[p] = 0;
	return st;
}

void exr_warm(struct exr *r, unsigned n, unsigned p, unsigned count, unsigned mask)
{
	for (unsigned k = p; k < p + count; k++) {
		exr_must(r, exr_map(r, n, k), "lz_map()");
		for (unsigned i = 0; i < r->n_devs; i++)
			if (mask >> i & 1 &&
			    lzm_ep_dma(r->dev[i].ep, exr_iova(k), LZM_WRITE) != LZM_OK)
				exr_must(r, LZ_EIO, "a device's first access");
	}
}

void exr_warm_pasid(struct exr *r, unsigned dev, uint32_t pasid, unsigned p, unsigned count)
{
	for (unsigned k = p; k < p + count; k++)
		if (lzm_ep_dma_pasid(r->dev[dev].ep, pasid, exr_iova(k), LZM_WRITE) != LZM_OK)
			exr_must(r, LZ_EIO, "the first access with a PASID");
}

struct unmap {
	struct exr_dom *d;
	unsigned p, n;
	bool irq;
	enum lz_status st;
};

static void do_unmap(void *arg)
{
	struct unmap *u = arg;
	struct exr_dom *d = u->d;
	struct exr *r = d->rig;
	lz_ns start = sim_now(), skipped = r->run->skipped;

	for (unsigned p = u->p; p < u->p + u->n; p++)
		if (d->page[p] == EXR_LIVE)
			d->page[p] = EXR_IN_FLIGHT;
	u->st = lz_unmap(d->dom, exr_iova(u->p), u->n * (size_t)LZ_PAGE);
	exr_unmapped(d, sim_now() - start - (r->run->skipped - skipped), u->irq, u->st);
	for (unsigned p = u->p; p < u->p + u->n; p++) {
		/* Released before this call returned, and perhaps mapped again. */
		if (d->page[p] != EXR_IN_FLIGHT)
			continue;
		d->page[p] = u->st == LZ_IN_CUSTODY ? EXR_CUSTODY : EXR_FREE;
		if (u->st != LZ_IN_CUSTODY)
			exr_freed(d, p);
	}
}

enum lz_status exr_unmap(struct exr *r, unsigned d, unsigned p, unsigned n)
{
	struct unmap u = {&r->dom[d], p, n, false, LZ_EINVAL};

	do_unmap(&u);
	return u.st;
}

enum lz_status exr_unmap_irq(struct exr *r, unsigned d, unsigned p, unsigned n)
{
	struct unmap u = {&r->dom[d], p, n, true, LZ_EINVAL};

	sim_in_irq(do_unmap, &u);
	return u.st;
}

void exr_fail_service(struct exr *r, unsigned unit)
{
	r->unit[unit].lost = true;
	r->iommu->fail(&r->unit[unit]);
}

void exr_silence(struct exr *r, unsigned dev)
{
	lzm_ep_fault(r->dev[dev].ep, LZM_EP_ATC_SILENT, 0, 0);
	sim_hw_changed();
	r->dev[dev].reset_ok = false;
}

void exr_bus_reset(struct exr *r, unsigned dev)
{
	struct lzm_ep *ep = r->dev[dev].ep;

	lzm_ep_bus_reset(ep);
	sim_hw_changed();
	if (r->c->reset_time)
		sim_sleep_until(sim_now() + 2 * r->c->reset_time);
	lzm_ep_cfg_write(ep, 4, 2, 0x0006);	  /* what the reset took: memory, bus master */
	r->dev[dev].guilty = !lzm_ep_answers(ep); /* in reset nobody answers */
}

enum lz_status exr_reset(struct exr *r, unsigned dev, enum lz_reset_result result)
{
	struct exr_dev *d = &r->dev[dev];
	enum lz_status st = lz_reset_prepare(d->dev);

	if (st != LZ_OK)
		return st;
	d->claimed = result == LZ_RESET_OK;
	if (result == LZ_RESET_OK)
		exr_bus_reset(r, dev);
	return lz_reset_done(d->dev, result);
}

void exr_remove(struct exr *r, unsigned dev)
{
	struct lz_device *d = r->dev[dev].dev;

	r->dev[dev].dev = NULL;
	if (d)
		exr_must(r, lz_device_remove(d), "lz_device_remove()");
	exr_fenced(&r->dev[dev], false);
}

void exr_sleep(struct exr *r, lz_ns ns)
{
	(void)r;
	sim_sleep_until(sim_now() + ns);
}
