/* SPDX-License-Identifier: BSD-2-Clause */
/* The small machine of rig.h. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "drivers/smmuv3/regs.h"

/* ---- callbacks ---- */

static void bus_irq(void *ctx, enum lzm_irq line)
{
	struct rig *r = ctx;

	if (line == LZM_IRQ_GERROR && !r->irq_off)
		sim_irq_raise(r->irq_gerror, r->irq_delay);
	if (line == LZM_IRQ_EVTQ)
		sim_irq_raise(r->irq_evtq, 0);
}

static bool on_atc_inv(void *user, const struct lzm_atc_inv *inv)
{
	struct rig_dev *d = user;
	struct rig *r = d->rig;

	if (r->on_atc)
		r->on_atc(r, (int)(d - r->dev), inv);
	r->atc_invs[d - r->dev]++;
	return true;
}

static void on_dma(void *user, uint64_t iova, uint64_t pa, enum lzm_access access, bool translated)
{
	struct rig *r = ((struct rig_dev *)user)->rig;

	(void)iova;
	(void)access;
	r->dma_pa = pa;
	r->dma_translated = translated;
}

static const struct lzm_watch watch = {.atc_inv = on_atc_inv, .dma = on_dma};

static void gerror_irq(void *arg)
{
	struct rig *r = arg;

	if (r->iommu) /* a late one may come when all is gone */
		(void)lz_smmuv3_gerror_irq(r->iommu);
}

static void evtq_irq(void *arg)
{
	struct rig *r = arg;

	if (r->iommu)
		(void)lz_smmuv3_evtq_irq(r->iommu);
}

static uint64_t mmio_read(void *arg, uint32_t off, unsigned width)
{
	struct rig *r = arg;

	if (r->on_mmio)
		r->on_mmio(r, off, false, 0);
	uint64_t v = lzm_smmu_read(r->smmu, off, width);

	if (r->lie)
		v = r->lie(r, off, v);
	if (r->after_mmio)
		r->after_mmio(r, off, false, v);
	return v;
}

static void mmio_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	struct rig *r = arg;

	if (r->on_mmio)
		r->on_mmio(r, off, true, v);
	lzm_smmu_write(r->smmu, off, width, v);
	if (r->after_mmio)
		r->after_mmio(r, off, true, v);
}

static bool smmu_step(void *arg)
{
	return lzm_smmu_step(((struct rig *)arg)->smmu);
}

static bool watch_step(void *arg)
{
	struct rig *r = arg;

	r->watch(r);
	return false;
}

void rig_watch(struct rig *r, void (*fn)(struct rig *r))
{
	r->watch = fn;
	sim_hw_add(&(struct sim_hw){"watch", watch_step, NULL, r});
}

static lz_ns smmu_wake(void *arg)
{
	return lzm_smmu_wake(((struct rig *)arg)->smmu);
}

static bool ep_step(void *arg)
{
	return lzm_ep_step(arg);
}

static lz_ns ep_wake(void *arg)
{
	return lzm_ep_wake(arg);
}

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	return lzm_ep_cfg_read(((struct rig_dev *)ctx)->ep, off, width);
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	lzm_ep_cfg_write(((struct rig_dev *)ctx)->ep, off, width, v);
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	sim_sleep_until(sim_now() + ns);
}

static void on_event(void *ctx, const struct lz_event *ev)
{
	struct rig *r = ctx;
	struct rig_event *e;

	if (r->n_events == sizeof(r->events) / sizeof(r->events[0]))
		return;
	e = &r->events[r->n_events++];
	e->ev = *ev;
	e->device = -1;
	for (unsigned i = 0; ev->device && i < r->opt.devs; i++)
		if (r->dev[i].dev == ev->device)
			e->device = (int)i;
	if (r->on_event)
		r->on_event(r, e);
}

static void on_fault(void *ctx, struct lz_iommu *iommu, const struct lz_smmuv3_fault *f)
{
	struct rig *r = ctx;

	(void)iommu;
	r->faults++;
	r->last_fault = *f;
}

static void owner_error(void *ctx, struct lz_device *dev, enum lz_evidence ev, uint32_t gen)
{
	(void)dev;
	(void)ev;
	(void)gen;
	((struct rig_dev *)ctx)->told++;
}

static void owner_resume(void *ctx, struct lz_device *dev)
{
	(void)dev;
	((struct rig_dev *)ctx)->resumed++;
}

static void on_release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	(void)dom;
	(void)iova;
	((struct rig *)ctx)->released += size;
}

static void on_destroyed(void *ctx)
{
	((struct rig *)ctx)->destroyed++;
}

static const struct lz_domain_ops domain_ops = {.release = on_release, .destroyed = on_destroyed};

/* ---- building ---- */

/* VINTF 0's CONFIG of each queue: the pages that the driver uses. */
#define VCMDQ_CONFIG(off) \
	((off) >= 0x30000u && (off) < 0x40000u && ((off)&0x7fu) == CMDQV_QUEUE_CONFIG)

static uint64_t cmdqv_read(void *arg, uint32_t off, unsigned width)
{
	return lzm_cmdqv_read(((struct rig *)arg)->cmdqv, off, width);
}

static void cmdqv_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	struct rig *r = arg;

	lzm_cmdqv_write(r->cmdqv, off, width, r->vcmdq_off && VCMDQ_CONFIG(off) ? 0 : v);
}

static void build_cmdqv(struct rig *r)
{
	struct lzm_cmdqv_config c;

	lzm_cmdqv_config_default(&c);
	c.guest = r->opt.cmdqv_guest;
	r->cmdqv = lzm_cmdqv_create(&c, r->smmu);
	assert_non_null(r->cmdqv);
	sim_mmio_add(&(struct sim_mmio){RIG_CMDQV, lzm_cmdqv_mmio_size(r->cmdqv), cmdqv_read,
					cmdqv_write, r});
}

static void build_model(struct rig *r)
{
	const struct lzm_bus bus = {r, sim_dma_read, sim_dma_write, bus_irq, sim_hw_now, NULL};
	struct lzm_smmu_config c;
	struct sim_mmio m = {RIG_MMIO, 0, mmio_read, mmio_write, r};
	struct sim_hw hw = {"smmu", smmu_step, smmu_wake, r};

	lzm_smmu_config_default(&c);
	if (r->opt.regime)
		assert_true(lzm_smmu_regime(r->opt.regime, &c.knobs));
	if (!r->opt.regime || strcmp(r->opt.regime, "late_hw"))
		c.knobs.ats_timeout_ns = r->opt.ats_timeout;
	c.knobs.seed = r->opt.seed + 1;
	if (r->opt.tune)
		r->opt.tune(&c);
	r->irq_delay = c.knobs.gerror_irq_delay_ns;
	r->board = lzm_board_create(&c, &bus);
	assert_non_null(r->board);
	r->smmu = lzm_board_smmu(r->board);
	m.size = lzm_smmu_mmio_size(r->smmu);
	sim_mmio_add(&m);
	sim_hw_add(&hw);
	if (r->opt.cmdqv)
		build_cmdqv(r);
}

static void build_ep(struct rig *r, unsigned i)
{
	static const char *const name[] = {"0000:01:00.0", "0000:02:00.0", "0000:03:00.0",
					   "0000:04:00.0"};
	struct rig_dev *d = &r->dev[i];
	uint8_t config[LZM_CONFIG_SIZE];
	struct lzm_ep_config c = {.name = name[i],
				  .config = config,
				  .config_len = sizeof(config),
				  .sid = (i + 1) << 8,
				  .atc_entries = 32,
				  .answer_ns = 200,
				  .flr_ns = LZ_MS(1),
				  .seed = i + 1};
	struct sim_hw hw = {name[i], ep_step, ep_wake, NULL};

	lzm_config_make(config, LZM_CAP_FLR | LZM_CAP_ATS | LZM_CAP_PASID);
	d->rig = r;
	d->sid = c.sid;
	d->ep = lzm_board_add(r->board, &c, &watch, d);
	assert_non_null(d->ep);
	for (unsigned k = 1; k < r->opt.streams; k++)
		assert_true(lzm_board_alias(r->board, d->ep, c.sid + k));
	if (r->opt.alias && i == 0)
		assert_true(lzm_board_alias(r->board, d->ep, r->opt.alias));
	hw.arg = d->ep;
	sim_hw_add(&hw);
	d->pci = (struct lz_pci_access){
		.ctx = d, .read = pci_read, .write = pci_write, .sleep = pci_sleep};
	d->owner = (struct lz_owner_ops){.error_detected = owner_error, .resume = owner_resume};
}

void rig_add(struct rig *r, unsigned i)
{
	struct rig_dev *d = &r->dev[i];
	uint32_t sids[LZ_MAX_STREAMS];
	struct lz_device_desc desc = {.name = lzm_ep_name(d->ep),
				      .iommu = r->iommu,
				      .streams = sids,
				      .n_streams = r->opt.streams,
				      .pci = &d->pci,
				      .ats = true,
				      .pasid_bits = r->opt.pasid_bits,
				      .owner = &d->owner,
				      .owner_ctx = d,
				      .user = d};

	for (unsigned k = 0; k < r->opt.streams; k++)
		sids[k] = d->sid + k;
	if (r->opt.alias && i < 2 && r->opt.alias != d->sid)
		sids[desc.n_streams++] = r->opt.alias;
	assert_int_equal(lz_device_add(d->group, &desc, &d->dev), LZ_OK);
}

void rig_start_worker(struct rig *r)
{
	r->worker.lz = r->lz;
	sim_task("worker", 1, sim_worker_task, &r->worker);
}

static void build_library(struct rig *r)
{
	struct lz_smmuv3_desc desc = {.name = "arm-smmu-v3",
				      .mmio = RIG_MMIO,
				      .mmio_size = lzm_smmu_mmio_size(r->smmu),
				      .cmdqv = r->cmdqv ? RIG_CMDQV : 0,
				      .own_timeouts = r->opt.own_timeouts,
				      .cmdq_log2 = r->opt.cmdq_log2};

	assert_int_equal(lz_init(sim_port(), &r->opt.cfg, &r->lz), LZ_OK);
	if (!r->opt.no_worker)
		rig_start_worker(r);
	assert_int_equal(lz_smmuv3_add(r->lz, &desc, &r->iommu), LZ_OK);
	lz_smmuv3_set_fault_handler(r->iommu, on_fault, r);
	for (unsigned i = 0; i < r->opt.devs; i++) {
		if (r->opt.alias && i == 1)
			r->dev[1].group = r->dev[0].group;
		else
			assert_int_equal(lz_group_create(r->lz, i, &r->dev[i].group), LZ_OK);
		rig_add(r, i);
	}
}

void rig_remove(struct rig *r, unsigned device)
{
	struct lz_device *dev = r->dev[device].dev;

	r->dev[device].dev = NULL;
	if (dev)
		assert_int_equal(lz_device_remove(dev), LZ_OK);
}

static void tear_down(struct rig *r)
{
	struct lz_stats st;

	for (unsigned i = 0; i < r->opt.devs; i++)
		rig_remove(r, i);
	assert_true(rig_until(r, rig_idle, LZ_SEC(300)));
	for (unsigned i = 0; i < r->opt.devs; i++)
		if (i != 1 || !r->opt.alias)
			assert_int_equal(lz_group_destroy(r->dev[i].group), LZ_OK);
	if (r->iommu)
		assert_int_equal(lz_smmuv3_remove(r->iommu), LZ_OK);
	r->iommu = NULL;
	lz_stats_get(r->lz, &st);
	assert_int_equal(st.blocked_ids, 0);
	assert_int_equal(st.references, 0);
	assert_int_equal(st.custody_pages, 0);
	r->worker.stop = true;
	rig_sleep(LZ_MS(200));
	assert_int_equal(lz_fini(r->lz), LZ_OK);
}

static void main_task(void *arg)
{
	struct rig *r = arg;

	if (r->opt.prepare)
		r->opt.prepare(r);
	build_library(r);
	r->body(r);
	tear_down(r);
	r->body_done = true;
}

static void defaults(struct rig_opts *o)
{
	struct lz_config def;

	lz_config_default(&def);
	o->devs = o->devs ? o->devs : 1;
	o->streams = o->streams ? o->streams : 1;
	o->cmdq_log2 = o->cmdq_log2 ? o->cmdq_log2 : 6;
	o->ats_timeout = o->ats_timeout ? o->ats_timeout : LZ_MS(1);
	o->switch_one_in = o->switch_one_in ? o->switch_one_in : 16;
#define FILL(f) o->cfg.f = o->cfg.f ? o->cfg.f : def.f
	FILL(sync_bound);
	FILL(atomic_wait);
	FILL(late_bound);
	FILL(settle_max);
	FILL(custody_limit);
	FILL(recovery_max);
	FILL(recovery_window);
#undef FILL
}

void rig_run(const struct rig_opts *opt, void (*body)(struct rig *r))
{
	struct rig *r = calloc(1, sizeof(*r));
	struct sim_stats st;

	r->opt = *opt;
	defaults(&r->opt);
	r->opt.cfg.event = LZ_CONFIG_EVENTS ? on_event : NULL;
	r->opt.cfg.event_ctx = r;
	r->body = body;
	sim_start(&(struct sim_config){.cpus = 4,
				       .seed = r->opt.seed + 1,
				       .switch_one_in = r->opt.switch_one_in,
				       .op_cost = 2,
				       .dma_bytes = 64u << 20,
				       .dma_base = RIG_DMA_BASE});
	build_model(r);
	for (unsigned i = 0; i < r->opt.devs; i++)
		build_ep(r, i);
	r->irq_gerror = sim_irq_line("gerror", 2, gerror_irq, r);
	r->irq_evtq = sim_irq_line("evtq", 2, evtq_irq, r);
	sim_task("body", 0, main_task, r);
	assert_int_equal(sim_run(LZ_SEC(4000)), 0);
	assert_true(r->body_done);
	sim_stats_get(&st);
	if (st.violations)
		fail_msg("context rule broken: %s", st.first_violation);
	assert_int_equal(st.live_allocs, r->kept);
	sim_stop();
	lzm_cmdqv_destroy(r->cmdqv);
	lzm_board_destroy(r->board);
	free(r);
}

void rig_run_seeds(const struct rig_opts *opt, unsigned seeds, void (*body)(struct rig *r))
{
	for (unsigned i = 0; i < seeds; i++) {
		struct rig_opts o = *opt;

		o.seed = i;
		o.switch_one_in = 1 + i % 12;
		rig_run(&o, body);
	}
}

/* ---- helpers ---- */

struct lz_domain *rig_domain(struct rig *r)
{
	struct lz_domain *dom;

	assert_int_equal(lz_domain_create(r->iommu, LZ_DOMAIN_PAGING, &domain_ops, r, &dom), LZ_OK);
	return dom;
}

struct lz_domain *rig_shared(struct rig *r, unsigned first, unsigned n)
{
	struct lz_domain *dom = rig_domain(r);

	for (unsigned i = first; i < first + n; i++)
		assert_int_equal(lz_attach(r->dev[i].dev, dom), LZ_OK);
	return dom;
}

void rig_drop(struct rig *r, struct lz_domain *dom)
{
	enum lz_status st;

	for (unsigned i = 0; i < r->opt.devs; i++)
		if (r->dev[i].dev && lz_attached(r->dev[i].dev, LZ_NO_PASID) == dom)
			lz_detach(r->dev[i].dev);
	st = lz_domain_destroy(dom);
	assert_true(st == LZ_OK || st == LZ_IN_CUSTODY);
}

void rig_sleep(lz_ns ns)
{
	sim_sleep_until(sim_now() + ns);
}

bool rig_until(struct rig *r, bool (*pred)(struct rig *), lz_ns ns)
{
	lz_ns end = sim_now() + ns;

	while (!pred(r) && sim_now() < end)
		rig_sleep(LZ_US(200));
	return pred(r);
}

unsigned rig_count(const struct rig *r, enum lz_event_kind kind, int device)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_events; i++)
		n += r->events[i].ev.kind == kind && (device < 0 || r->events[i].device == device);
	return n;
}

int rig_first(const struct rig *r, enum lz_event_kind kind, int device)
{
	for (unsigned i = 0; i < r->n_events; i++)
		if (r->events[i].ev.kind == kind && (device < 0 || r->events[i].device == device))
			return (int)i;
	return -1;
}

struct lz_health rig_health(struct rig *r, unsigned device)
{
	struct lz_health h;

	lz_device_health(r->dev[device].dev, &h);
	return h;
}

bool rig_dma(struct rig *r, unsigned device, uint64_t iova, bool write)
{
	return lzm_ep_dma(r->dev[device].ep, iova, write ? LZM_WRITE : LZM_READ) == LZM_OK;
}

bool rig_dma_cached(struct rig *r, unsigned device)
{
	r->dma_pa = 0;
	(void)lzm_ep_dma_cached(r->dev[device].ep, LZM_WRITE);
	return r->dma_pa != 0;
}

void rig_silence(struct rig *r, unsigned device)
{
	lzm_ep_fault(r->dev[device].ep, LZM_EP_ATC_SILENT, 0, 0);
}

struct unmap_call {
	struct lz_domain *dom;
	lz_iova iova;
	size_t size;
	enum lz_status st;
};

static void unmap_fn(void *arg)
{
	struct unmap_call *c = arg;

	c->st = lz_unmap(c->dom, c->iova, c->size);
}

enum lz_status rig_unmap_irq(struct lz_domain *dom, lz_iova iova, size_t size)
{
	struct unmap_call c = {dom, iova, size, LZ_EINVAL};

	sim_in_irq(unmap_fn, &c);
	return c.st;
}

struct lzm_smmu_stats rig_model_stats(struct rig *r)
{
	struct lzm_smmu_stats st;

	lzm_smmu_stats_get(r->smmu, &st);
	return st;
}

bool rig_idle(struct rig *r)
{
	struct lz_stats st;
	bool idle;

	lz_stats_get(r->lz, &st);
	idle = !st.custody_pages && !st.work_pending;
	for (unsigned i = 0; i < r->opt.devs && idle; i++) {
		struct lz_health h;

		if (!r->dev[i].dev)
			continue;
		lz_device_health(r->dev[i].dev, &h);
		idle = h.fence != LZ_FENCE_SUSPECT && h.fence != LZ_FENCE_FENCING;
	}
	return idle;
}
