/* SPDX-License-Identifier: BSD-2-Clause */
/* The small machine: building it, a run, taking it apart. */
#include "explore/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- config space of a function with FLR, ATS and PASID ---- */

static void put16(uint8_t *c, unsigned at, uint16_t v)
{
	c[at] = (uint8_t)v;
	c[at + 1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *c, unsigned at, uint32_t v)
{
	put16(c, at, (uint16_t)v);
	put16(c, at + 2, (uint16_t)(v >> 16));
}

static void make_config(uint8_t *c)
{
	memset(c, 0, 4096);
	put16(c, 0, 0x1af4);
	put16(c, 2, 0x1042);
	put16(c, 4, 0x0006); /* memory, bus master */
	put16(c, 6, 0x0010); /* capability list */
	c[0x34] = 0x40;
	c[0x40] = 0x10; /* PCI Express, endpoint */
	put16(c, 0x42, 0x0002);
	put32(c, 0x44, 1u << 28); /* DEVCAP: FLR */
	put32(c, 0x100, 0x000fu | 1u << 16 | 0x120u << 20);
	put16(c, 0x104, 0x0020); /* page aligned request */
	put32(c, 0x120, 0x001bu | 1u << 16);
	put16(c, 0x124, 8u << 8); /* PASID width */
}

/* ---- the model's surroundings ---- */

static uint64_t now(void *ctx)
{
	(void)ctx;
	return sim_now();
}

/* One fetched command is overwritten in memory before the SMMU sees it. */
static void spoil(struct exr *r, uint64_t pa, void *host, size_t len)
{
	uint64_t base = lzm_smmu_read(r->smmu, 0x90, 8); /* CMDQ_BASE */
	uint64_t start = base & 0x000fffffffffffe0ull;

	if (len < 8 || pa < start || pa >= start + (16ull << (base & 0x1f)) || pa % 16)
		return;
	*(uint8_t *)host = 0xff; /* no command has this opcode */
	r->spoil = false;
}

static bool mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	struct exr *r = ctx;
	void *p = sim_dma_ptr(pa, len);

	if (p && r->spoil)
		spoil(r, pa, p, len);
	if (p)
		memcpy(buf, p, len);
	return p;
}

static bool mem_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	void *p = sim_dma_ptr(pa, len);

	(void)ctx;
	if (p)
		memcpy(p, buf, len);
	return p;
}

static void bus_irq(void *ctx, enum lzm_irq line)
{
	struct exr *r = ctx;

	if (line == LZM_IRQ_GERROR)
		sim_irq_raise(r->irq_gerror, r->hw.knobs.gerror_irq_delay_ns);
	if (line == LZM_IRQ_EVTQ)
		sim_irq_raise(r->irq_evtq, 0);
}

static bool owns(const struct exr_dev *d, uint32_t sid)
{
	for (unsigned i = 0; i < d->n_sids; i++)
		if (d->sid[i] == sid)
			return true;
	return false;
}

static void bus_atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	struct exr *r = ctx;

	for (unsigned i = 0; i < r->n_devs; i++) {
		struct exr_dev *d = &r->dev[i];

		if (!owns(d, inv->sid))
			continue;
		d->guilty |= !lzm_ep_answers(d->ep);
		exr_atc_inv(d);
		lzm_ep_invalidate(d->ep, tag, inv);
	}
}

static void gerror_irq(void *arg)
{
	struct exr *r = arg;

	if (r->iommu) /* a late one may come when all is gone */
		(void)lz_smmuv3_gerror_irq(r->iommu);
}

static void evtq_irq(void *arg)
{
	struct exr *r = arg;

	if (r->iommu)
		(void)lz_smmuv3_evtq_irq(r->iommu);
}

static void user_irq(void *arg)
{
	struct exr *r = arg;

	if (r->user_irq)
		r->user_irq(r);
}

static uint64_t mmio_read(void *arg, uint32_t off, unsigned width)
{
	return lzm_smmu_read(((struct exr *)arg)->smmu, off, width);
}

static void mmio_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	lzm_smmu_write(((struct exr *)arg)->smmu, off, width, v);
}

static bool smmu_step(void *arg)
{
	return lzm_smmu_step(((struct exr *)arg)->smmu);
}

static lz_ns smmu_wake(void *arg)
{
	return lzm_smmu_wake(((struct exr *)arg)->smmu);
}

/* A function does DMA when it likes: the pages that it knows, one by one. */
static void some_dma(struct exr_dev *d)
{
	unsigned page = d->dma_next++ % 4;

	d->dma_left--;
	(void)lzm_ep_dma(d->ep, EXR_IOVA + page * LZ_PAGE, LZM_WRITE);
}

static bool ep_step(void *arg)
{
	struct exr_dev *d = arg;

	if (lzm_ep_step(d->ep))
		return true;
	if (!d->dma_left || !d->rig->run->exploring || !lzm_ep_atc_used(d->ep))
		return false;
	some_dma(d);
	return true;
}

static lz_ns ep_wake(void *arg)
{
	return lzm_ep_wake(((struct exr_dev *)arg)->ep);
}

static struct exr_dev *dev_of_ep(struct exr *r, const struct lzm_ep *ep)
{
	unsigned i = 0;

	while (r->dev[i].ep != ep)
		i++;
	return &r->dev[i];
}

static void ep_answer(void *ctx, struct lzm_ep *ep, uint64_t tag, enum lzm_atc_answer a)
{
	(void)ep;
	lzm_smmu_atc_answer(((struct exr *)ctx)->smmu, tag, a);
}

/* A function with several stream ids uses all of them. */
static uint32_t some_sid(struct exr *r, const struct lzm_ep *ep, uint64_t addr)
{
	const struct exr_dev *d = dev_of_ep(r, ep);

	return d->sid[addr / LZ_PAGE % d->n_sids];
}

static enum lzm_result ep_translate(void *ctx, struct lzm_ep *ep, uint64_t iova,
				    struct lzm_translation *out)
{
	return lzm_smmu_translate(((struct exr *)ctx)->smmu, some_sid(ctx, ep, iova), false, 0,
				  iova, out);
}

static enum lzm_result ep_translated(void *ctx, struct lzm_ep *ep, uint64_t pa,
				     enum lzm_access access, uint64_t *out)
{
	return lzm_smmu_translated(((struct exr *)ctx)->smmu, some_sid(ctx, ep, pa), pa, access,
				   out);
}

static enum lzm_result ep_untranslated(void *ctx, struct lzm_ep *ep, uint64_t iova,
				       enum lzm_access access, uint64_t *pa)
{
	return lzm_smmu_untranslated(((struct exr *)ctx)->smmu, some_sid(ctx, ep, iova), false, 0,
				     iova, access, pa);
}

static void ep_dma(void *ctx, struct lzm_ep *ep, uint64_t iova, uint64_t pa, enum lzm_access access,
		   bool translated)
{
	(void)access;
	exr_dma(dev_of_ep(ctx, ep), iova, pa, translated);
}

static void ep_reset(void *ctx, struct lzm_ep *ep)
{
	struct exr *r = ctx;
	struct exr_dev *d = dev_of_ep(r, ep);

	for (unsigned i = 0; i < d->n_sids; i++)
		lzm_smmu_device_reset(r->smmu, d->sid[i]);
	d->guilty = !lzm_ep_answers(ep);
}

/* ---- the library's surroundings ---- */

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	return lzm_ep_cfg_read(((struct exr_dev *)ctx)->ep, off, width);
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	lzm_ep_cfg_write(((struct exr_dev *)ctx)->ep, off, width, v);
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	sim_sleep_until(sim_now() + ns);
}

static void owner_error(void *ctx, struct lz_device *dev, enum lz_evidence ev, uint32_t gen)
{
	(void)dev;
	(void)ev;
	(void)gen;
	((struct exr_dev *)ctx)->told++;
}

static void owner_resume(void *ctx, struct lz_device *dev)
{
	(void)dev;
	((struct exr_dev *)ctx)->resumed++;
}

/* ---- building ---- */

static void must(struct exr *r, enum lz_status st, const char *what)
{
	if (st == LZ_OK)
		return;
	r->run->unfinished = true;
	snprintf(r->run->unfinished_text, sizeof(r->run->unfinished_text), "%s answered %s", what,
		 lz_status_name(st));
	sim_abandon();
}

static void build_model(struct exr *r)
{
	struct sim_mmio m = {EXR_MMIO, 0x20000, mmio_read, mmio_write, r};
	struct sim_hw hw = {"smmu", smmu_step, smmu_wake, r};
	const struct ex_case *c = r->c;

	lzm_smmu_config_default(&r->hw);
	r->hw.knobs.ats_timeout_ns = c->ats_timeout;
	if (c->n_regimes)
		(void)lzm_smmu_regime(c->regime[ex_value(r->run, c->n_regimes)], &r->hw.knobs);
	r->hw.knobs.seed = r->run->seed + 1;
	r->bus = (struct lzm_bus){r, mem_read, mem_write, bus_irq, now, bus_atc_inv};
	r->smmu = lzm_smmu_create(&r->hw, &r->bus);
	if (!r->smmu)
		must(r, LZ_EINVAL, "the SMMU model");
	sim_mmio_add(&m);
	sim_hw_add(&hw);
}

static void build_ep(struct exr *r, unsigned i)
{
	static const char *const name[] = {"0000:01:00.0", "0000:02:00.0", "0000:03:00.0"};
	struct exr_dev *d = &r->dev[i];
	struct lzm_ep_link link = {
		r, now, ep_answer, ep_translate, ep_translated, ep_untranslated, ep_dma, ep_reset};
	struct lzm_ep_config c = {.name = name[i],
				  .config = d->config,
				  .config_len = sizeof(d->config),
				  .sid = (i + 1) << 8,
				  .atc_entries = 8,
				  .answer_ns = 200,
				  .flr_ns = r->c->reset_time,
				  .seed = i + 1};
	struct sim_hw hw = {name[i], ep_step, ep_wake, d};

	make_config(d->config);
	d->rig = r;
	d->index = i;
	d->n_sids = (unsigned)r->c->streams;
	for (unsigned k = 0; k < d->n_sids; k++)
		d->sid[k] = c.sid + k;
	d->dma_left = (unsigned)r->c->dma;
	d->ep = lzm_ep_create(&c, &link);
	if (!d->ep)
		must(r, LZ_EINVAL, "the endpoint model");
	sim_hw_add(&hw);
	d->pci = (struct lz_pci_access){
		.ctx = d, .read = pci_read, .write = pci_write, .sleep = pci_sleep};
	d->owner = (struct lz_owner_ops){.error_detected = owner_error, .resume = owner_resume};
}

static void add_device(struct exr *r, unsigned i)
{
	struct exr_dev *d = &r->dev[i];
	struct lz_device_desc desc = {.name = lzm_ep_name(d->ep),
				      .iommu = r->iommu,
				      .streams = d->sid,
				      .n_streams = d->n_sids,
				      .pci = &d->pci,
				      .ats = true,
				      .pasid_bits = (unsigned)r->c->pasid_bits,
				      .owner = &d->owner,
				      .owner_ctx = d,
				      .user = d};

	if (r->c->same_group && i)
		d->group = r->dev[0].group;
	else
		must(r, lz_group_create(r->lz, i, &d->group), "lz_group_create()");
	must(r, lz_device_add(d->group, &desc, &d->dev), "lz_device_add()");
}

static unsigned log2_of(uint64_t v)
{
	unsigned n = 0;

	while (v >>= 1)
		n++;
	return n;
}

static void build_library(struct exr *r)
{
	struct lz_smmuv3_desc desc = {.name = "arm-smmu-v3",
				      .mmio = EXR_MMIO,
				      .cmdq_log2 = log2_of(r->c->queue),
				      .evtq_log2 = 3};

	lz_config_default(&r->cfg);
	r->cfg.sync_bound = r->c->sync_bound;
	r->cfg.atomic_wait = r->c->atomic_wait;
	r->cfg.late_bound = r->c->late_bound;
	r->cfg.event = exr_event;
	r->cfg.event_ctx = r;
	must(r, lz_init(sim_port(), &r->cfg, &r->lz), "lz_init()");
	r->worker.lz = r->lz;
	sim_task("worker", 1, sim_worker_task, &r->worker);
	must(r, lz_smmuv3_add(r->lz, &desc, &r->iommu), "lz_smmuv3_add()");
	for (unsigned i = 0; i < r->n_devs; i++)
		add_device(r, i);
}

/* ---- the end ---- */

static bool idle(struct exr *r)
{
	struct lz_stats st;

	lz_stats_get(r->lz, &st);
	if (st.custody_pages || st.work_pending)
		return false;
	for (unsigned i = 0; i < r->n_devs; i++) {
		struct lz_health h;

		if (!r->dev[i].dev)
			continue;
		lz_device_health(r->dev[i].dev, &h);
		if (h.fence == LZ_FENCE_SUSPECT || h.fence == LZ_FENCE_FENCING)
			return false;
	}
	return true;
}

static bool settle(struct exr *r, lz_ns ns)
{
	lz_ns end = sim_now() + ns, pause = LZ_MS(1);

	for (; !idle(r) && sim_now() < end; pause += pause / 4)
		sim_sleep_until(sim_now() + pause);
	return idle(r);
}

/* What is broken is reset, as its owner would. */
static void recover(struct exr *r)
{
	for (unsigned pass = 0; pass < 4 && !r->lost_service; pass++) {
		if (settle(r, LZ_SEC(20)) && !pass)
			exr_settled(r);
		for (unsigned i = 0; i < r->n_devs; i++) {
			struct lz_health h;

			if (!r->dev[i].dev)
				continue;
			lz_device_health(r->dev[i].dev, &h);
			if (h.fence == LZ_FENCE_OPEN && !h.block && lzm_ep_answers(r->dev[i].ep))
				continue;
			r->dev[i].reset_ok = exr_reset(r, i, LZ_RESET_OK) == LZ_OK;
		}
	}
	if (!settle(r, LZ_SEC(300)) && !r->lost_service)
		ex_violate(r->run, 'E', "custody or work for ever",
			   "300 s after the last reset something is still in custody or at work");
}

static void drop_domain(struct exr *r, struct exr_dom *d)
{
	struct lz_domain *dom = d->dom;
	enum lz_status st;

	if (!dom)
		return;
	for (unsigned i = 0; i < r->n_devs; i++)
		if (r->dev[i].dev && lz_attached(r->dev[i].dev, LZ_NO_PASID) == dom)
			lz_detach(r->dev[i].dev);
	d->dom = NULL;
	st = lz_domain_destroy(dom);
	if (st != LZ_OK && st != LZ_IN_CUSTODY)
		ex_violate(r->run, 'E', "lz_domain_destroy()", "lz_domain_destroy() answered %s",
			   lz_status_name(st));
}

static void tear_down(struct exr *r)
{
	r->closing = true;
	for (unsigned i = 0; i < EXR_DOMS; i++)
		drop_domain(r, &r->dom[i]);
	for (unsigned i = 0; i < r->n_devs; i++)
		exr_remove(r, i);
	if (!settle(r, LZ_SEC(300)))
		ex_violate(r->run, 'E', "custody or work for ever",
			   "300 s after everything was removed something is in custody or at work");
	exr_groups(r);
	for (unsigned i = 0; i < r->n_devs; i++)
		if (!i || !r->c->same_group)
			must(r, lz_group_destroy(r->dev[i].group), "lz_group_destroy()");
	must(r, lz_smmuv3_remove(r->iommu), "lz_smmuv3_remove()");
	r->iommu = NULL;
	exr_books(r);
	r->worker.stop = true;
	sim_sleep_until(sim_now() + LZ_MS(200));
	must(r, lz_fini(r->lz), "lz_fini()");
}

static void main_task(void *arg)
{
	struct exr *r = arg;

	build_library(r);
	if (r->body->prepare)
		r->body->prepare(r);
	r->run->oracle = exr_step;
	ex_begin(r->run);
	r->body->act(r);
	exr_join(r);
	ex_quiet(r->run);
	recover(r);
	exr_at_rest(r);
	tear_down(r);
	r->done = true;
}

void exr_run(struct ex_run *run, void *arg)
{
	struct exr *r = ex_grow(NULL, sizeof(*r));
	struct sim_stats st;

	memset(r, 0, sizeof(*r));
	r->run = run;
	r->c = arg;
	r->body = exr_body_find(r->c->body);
	r->n_devs = (unsigned)r->c->devices;
	r->next_pa = EXR_MEM;
	run->own = r;
	sim_start(&(struct sim_config){
		.cpus = 4, .seed = 1, .op_cost = 2, .dma_bytes = 1u << 20, .dma_base = EXR_DMA});
	build_model(r);
	for (unsigned i = 0; i < r->n_devs; i++)
		build_ep(r, i);
	r->irq_gerror = sim_irq_line("gerror", 2, gerror_irq, r);
	r->irq_evtq = sim_irq_line("evtq", 2, evtq_irq, r);
	r->irq_user = sim_irq_line("user", 0, user_irq, r);
	sim_task("body", 0, main_task, r);
	if (ex_sim_run(run, LZ_SEC(40000))) {
		sim_stats_get(&st);
		if (st.live_allocs && !run->unfinished)
			run->violation = (struct ex_violation){
				true,	       'E',
				"memory left", "memory of the library was not given back",
				run->steps,    sim_now()};
	}
	sim_stop();
	for (unsigned i = 0; i < r->n_devs; i++)
		if (r->dev[i].ep)
			lzm_ep_destroy(r->dev[i].ep);
	if (r->smmu)
		lzm_smmu_destroy(r->smmu);
	free(r);
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
	unsigned p = (unsigned)((iova - EXR_IOVA) / LZ_PAGE);

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

void exr_domain(struct exr *r, unsigned n, unsigned mask)
{
	static const struct lz_domain_ops ops = {.release = released, .destroyed = destroyed};
	struct exr_dom *d = &r->dom[n];

	d->rig = r;
	must(r, lz_domain_create(r->iommu, LZ_DOMAIN_PAGING, &ops, d, &d->dom),
	     "lz_domain_create()");
	for (unsigned i = 0; i < r->n_devs; i++)
		if (mask >> i & 1)
			must(r, lz_attach(r->dev[i].dev, d->dom), "lz_attach()");
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
	st = lz_map(d->dom, EXR_IOVA + p * LZ_PAGE, pa, LZ_PAGE, LZ_READ | LZ_WRITE);
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
		must(r, exr_map(r, n, k), "lz_map()");
		for (unsigned i = 0; i < r->n_devs; i++)
			if (mask >> i & 1 &&
			    lzm_ep_dma(r->dev[i].ep, EXR_IOVA + k * LZ_PAGE, LZM_WRITE) != LZM_OK)
				must(r, LZ_EIO, "a device's first access");
	}
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
	u->st = lz_unmap(d->dom, EXR_IOVA + u->p * LZ_PAGE, u->n * (size_t)LZ_PAGE);
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

void exr_silence(struct exr *r, unsigned dev)
{
	lzm_ep_fault(r->dev[dev].ep, LZM_EP_ATC_SILENT, 0, 0);
	r->dev[dev].reset_ok = false;
}

void exr_bus_reset(struct exr *r, unsigned dev)
{
	struct lzm_ep *ep = r->dev[dev].ep;

	lzm_ep_bus_reset(ep);
	if (r->c->reset_time)
		sim_sleep_until(sim_now() + 2 * r->c->reset_time);
	lzm_ep_cfg_write(ep, 4, 2, 0x0006); /* what the reset took: memory, bus master */
}

enum lz_status exr_reset(struct exr *r, unsigned dev, enum lz_reset_result result)
{
	struct exr_dev *d = &r->dev[dev];
	enum lz_status st = lz_reset_prepare(d->dev);

	if (st != LZ_OK)
		return st;
	if (result == LZ_RESET_OK)
		exr_bus_reset(r, dev);
	return lz_reset_done(d->dev, result);
}

void exr_remove(struct exr *r, unsigned dev)
{
	struct lz_device *d = r->dev[dev].dev;

	r->dev[dev].dev = NULL;
	if (d)
		must(r, lz_device_remove(d), "lz_device_remove()");
	r->dev[dev].fenced = false;
}

void exr_sleep(struct exr *r, lz_ns ns)
{
	(void)r;
	sim_sleep_until(sim_now() + ns);
}
