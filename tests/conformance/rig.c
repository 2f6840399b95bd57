/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine of rig.h. */
#include "rig.h"

#include <stdlib.h>
#include <string.h>

#define RIG_SCHEDULES 8u
#define ADD(x, n)     ((void)__atomic_fetch_add(&(x), n, __ATOMIC_ACQ_REL))

/* ---- config space of a function with FLR, ATS and PASID ---- */

static void put(uint8_t *c, unsigned at, uint32_t v, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		c[at + i] = (uint8_t)(v >> 8 * i);
}

static void make_config(uint8_t *c)
{
	put(c, 0x00, 0x10421af4, 4);
	put(c, 0x04, 0x0006, 2); /* memory, bus master */
	put(c, 0x06, 0x0010, 2); /* capability list */
	put(c, 0x0b, 0x01, 1);
	put(c, 0x34, 0x40, 1);
	put(c, 0x40, 0x00020010, 4); /* PCI Express, endpoint */
	put(c, 0x44, 1u << 28, 4);   /* DEVCAP: FLR */
	put(c, 0x100, 0x000fu | 1u << 16 | 0x120u << 20, 4);
	put(c, 0x104, 0x0020, 2); /* ATS: page aligned request */
	put(c, 0x120, 0x001bu | 1u << 16, 4);
	put(c, 0x124, 8u << 8, 2); /* PASID width */
}

/* ---- model side; the hardware is locked ---- */

static struct rig_dev *dev_of_sid(struct rig *r, uint32_t sid)
{
	for (unsigned i = 0; i < r->opt.devs; i++)
		if (sid == r->dev[i].sid)
			return &r->dev[i];
	return NULL;
}

static uint64_t now(void *ctx)
{
	(void)ctx;
	return host_hw_now();
}

static bool mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	(void)ctx;
	return host_dma_read(pa, buf, len);
}

static bool mem_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	(void)ctx;
	return host_dma_write(pa, buf, len);
}

static void bus_irq(void *ctx, enum lzm_irq line)
{
	struct rig *r = ctx;

	if (r->opt.no_irq)
		return;
	if (line == LZM_IRQ_GERROR)
		host_irq_raise(r->irq_gerror, r->irq_delay);
	if (line == LZM_IRQ_EVTQ)
		host_irq_raise(r->irq_evtq, 0);
}

static void bus_atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	struct rig_dev *d = dev_of_sid(ctx, inv->sid);

	if (d)
		lzm_ep_invalidate(d->ep, tag, inv);
}

static uint64_t mmio_read(void *arg, uint32_t off, unsigned width)
{
	return lzm_smmu_read(((struct rig *)arg)->smmu, off, width);
}

static void mmio_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	lzm_smmu_write(((struct rig *)arg)->smmu, off, width, v);
}

static bool smmu_step(void *arg)
{
	return lzm_smmu_step(((struct rig *)arg)->smmu);
}

static uint64_t smmu_wake(void *arg)
{
	return lzm_smmu_wake(((struct rig *)arg)->smmu);
}

static bool ep_step(void *arg)
{
	return lzm_ep_step(arg);
}

static uint64_t ep_wake(void *arg)
{
	return lzm_ep_wake(arg);
}

static void ep_answer(void *ctx, struct lzm_ep *ep, uint64_t tag, enum lzm_atc_answer a)
{
	(void)ep;
	lzm_smmu_atc_answer(((struct rig *)ctx)->smmu, tag, a);
}

static enum lzm_result ep_translate(void *ctx, struct lzm_ep *ep, uint64_t iova,
				    struct lzm_translation *out)
{
	return lzm_smmu_translate(((struct rig *)ctx)->smmu, lzm_ep_sid(ep), false, 0, iova, out);
}

static enum lzm_result ep_translated(void *ctx, struct lzm_ep *ep, uint64_t pa,
				     enum lzm_access access, uint64_t *out)
{
	return lzm_smmu_translated(((struct rig *)ctx)->smmu, lzm_ep_sid(ep), pa, access, out);
}

static enum lzm_result ep_untranslated(void *ctx, struct lzm_ep *ep, uint64_t iova,
				       enum lzm_access access, uint64_t *pa)
{
	return lzm_smmu_untranslated(((struct rig *)ctx)->smmu, lzm_ep_sid(ep), false, 0, iova,
				     access, pa);
}

static void ep_dma(void *ctx, struct lzm_ep *ep, uint64_t iova, uint64_t pa, enum lzm_access access,
		   bool translated)
{
	struct rig *r = ctx;

	(void)iova;
	(void)access;
	r->dma_pa = pa;
	r->dma_translated = translated;
	if (r->opt.on_dma)
		r->opt.on_dma(r, (unsigned)(dev_of_sid(r, lzm_ep_sid(ep)) - r->dev), pa,
			      translated);
}

static void ep_reset(void *ctx, struct lzm_ep *ep)
{
	lzm_smmu_device_reset(((struct rig *)ctx)->smmu, lzm_ep_sid(ep));
}

/* ---- library side ---- */

static void gerror_irq(void *arg)
{
	struct lz_iommu *iommu = rig_get(((struct rig *)arg)->iommu);

	if (iommu)
		(void)lz_smmuv3_gerror_irq(iommu);
}

static void evtq_irq(void *arg)
{
	struct lz_iommu *iommu = rig_get(((struct rig *)arg)->iommu);

	if (iommu)
		(void)lz_smmuv3_evtq_irq(iommu);
}

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	uint32_t v;

	host_hw_lock();
	v = lzm_ep_cfg_read(((struct rig_dev *)ctx)->ep, off, width);
	host_hw_unlock();
	return v;
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	host_hw_lock();
	lzm_ep_cfg_write(((struct rig_dev *)ctx)->ep, off, width, v);
	host_hw_unlock();
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	host_sleep(ns / ((struct rig_dev *)ctx)->rig->opt.hurry);
}

static void on_event(void *ctx, const struct lz_event *ev)
{
	struct rig *r = ctx;
	unsigned dev = RIG_DEVS;

	if (ev->device)
		dev = (unsigned)((struct rig_dev *)lz_device_user(ev->device) - r->dev);
	ADD(r->events[ev->kind][dev], 1);
	if (r->opt.on_event)
		r->opt.on_event(r, ev);
}

static void on_fault(void *ctx, struct lz_iommu *iommu, const struct lz_smmuv3_fault *f)
{
	struct rig *r = ctx;

	(void)iommu;
	r->last_fault = *f;
	ADD(r->faults, 1);
}

static void owner_error(void *ctx, struct lz_device *dev, enum lz_evidence ev, uint32_t gen)
{
	(void)dev;
	(void)ev;
	(void)gen;
	ADD(((struct rig_dev *)ctx)->told, 1);
}

static void owner_resume(void *ctx, struct lz_device *dev)
{
	(void)dev;
	ADD(((struct rig_dev *)ctx)->resumed, 1);
}

static void on_release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	struct rig *r = ctx;

	ADD(r->released, size);
	if (r->opt.on_release)
		r->opt.on_release(r, dom, iova, size);
}

static void on_destroyed(void *ctx)
{
	ADD(((struct rig *)ctx)->destroyed, 1);
}

static const struct lz_domain_ops domain_ops = {.release = on_release, .destroyed = on_destroyed};

/* ---- building ---- */

static void build_smmu(struct rig *r)
{
	struct lzm_smmu_config c;

	lzm_smmu_config_default(&c);
	if (r->opt.regime)
		assert_true(lzm_smmu_regime(r->opt.regime, &c.knobs));
	c.knobs.ats_timeout_ns = r->opt.late ? LZ_MS(300) : LZ_MS(1);
	r->irq_delay = c.knobs.gerror_irq_delay_ns;
	r->bus = (struct lzm_bus){r, mem_read, mem_write, bus_irq, now, bus_atc_inv};
	r->smmu = lzm_smmu_create(&c, &r->bus);
	assert_non_null(r->smmu);
	host_mmio_add(&(struct host_mmio){RIG_MMIO, 0x20000, mmio_read, mmio_write, r});
	host_hw_add(&(struct host_hw){"smmu", smmu_step, smmu_wake, r});
}

static void build_ep(struct rig *r, unsigned i)
{
	static const char *const name[] = {"0000:01:00.0", "0000:02:00.0", "0000:03:00.0",
					   "0000:04:00.0"};
	struct rig_dev *d = &r->dev[i];
	struct lzm_ep_link link = {
		r, now, ep_answer, ep_translate, ep_translated, ep_untranslated, ep_dma, ep_reset};
	struct lzm_ep_config c = {.name = name[i],
				  .config = d->config,
				  .config_len = sizeof(d->config),
				  .sid = (i + 1) << 8,
				  .atc_entries = 32,
				  .answer_ns = 200,
				  .flr_ns = LZ_MS(1),
				  .seed = i + 1};

	make_config(d->config);
	d->rig = r;
	d->sid = c.sid;
	d->ep = lzm_ep_create(&c, &link);
	assert_non_null(d->ep);
	host_hw_add(&(struct host_hw){name[i], ep_step, ep_wake, d->ep});
	d->pci = (struct lz_pci_access){
		.ctx = d, .read = pci_read, .write = pci_write, .sleep = pci_sleep};
	d->owner = (struct lz_owner_ops){.error_detected = owner_error, .resume = owner_resume};
}

static void setup(void *arg)
{
	struct rig *r = arg;

	build_smmu(r);
	for (unsigned i = 0; i < r->opt.devs; i++)
		build_ep(r, i);
	r->irq_gerror = host_irq_line("gerror", gerror_irq, r);
	r->irq_evtq = host_irq_line("evtq", evtq_irq, r);
	if (r->opt.setup)
		r->opt.setup(r);
}

void rig_add(struct rig *r, unsigned i)
{
	struct rig_dev *d = &r->dev[i];
	struct lz_device_desc desc = {.name = lzm_ep_name(d->ep),
				      .iommu = r->iommu,
				      .streams = &d->sid,
				      .n_streams = 1,
				      .pci = r->opt.no_pci ? NULL : &d->pci,
				      .ats = !r->opt.no_ats,
				      .pasid_bits = r->opt.pasid_bits,
				      .owner = &d->owner,
				      .owner_ctx = d,
				      .user = d};

	assert_int_equal(lz_device_add(d->group, &desc, &d->dev), LZ_OK);
}

void rig_remove(struct rig *r, unsigned device)
{
	struct lz_device *dev = r->dev[device].dev;

	r->dev[device].dev = NULL;
	if (dev)
		assert_int_equal(lz_device_remove(dev), LZ_OK);
}

static void build_library(struct rig *r)
{
	struct lz_smmuv3_desc desc = {.name = "arm-smmu-v3", .mmio = RIG_MMIO, .cmdq_log2 = 6};
	struct lz_iommu *iommu;
	struct lz_config cfg;

	lz_config_default(&cfg);
	cfg.event = on_event;
	cfg.event_ctx = r;
	cfg.identify = r->opt.identify;
	cfg.contain = r->opt.contain;
	/* Until then the work looks whether the queue stands still. */
	if (!host_time_is_virtual())
		cfg.late_bound = LZ_SEC(2);
	if (r->opt.late)
		cfg.sync_bound = LZ_MS(30);
	if (r->opt.sync_bound)
		cfg.sync_bound = r->opt.sync_bound;
	if (r->opt.late_bound)
		cfg.late_bound = r->opt.late_bound;
	assert_int_equal(lz_init(host_port(), &cfg, &r->lz), LZ_OK);
	host_worker_start(r->lz);
	assert_int_equal(lz_smmuv3_add(r->lz, &desc, &iommu), LZ_OK);
	lz_smmuv3_set_fault_handler(iommu, on_fault, r);
	__atomic_store_n(&r->iommu, iommu, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < r->opt.devs; i++) {
		assert_int_equal(lz_group_create(r->lz, i, &r->dev[i].group), LZ_OK);
		rig_add(r, i);
	}
}

static void tear_down(struct rig *r)
{
	struct lz_iommu *iommu;
	struct lz_stats st;

	for (unsigned i = 0; i < r->opt.devs; i++)
		rig_remove(r, i);
	assert_true(rig_until(r, rig_idle));
	for (unsigned i = 0; i < r->opt.devs; i++)
		assert_int_equal(lz_group_destroy(r->dev[i].group), LZ_OK);
	iommu = r->iommu;
	__atomic_store_n(&r->iommu, NULL, __ATOMIC_RELEASE);
	host_irq_off(r->irq_gerror);
	host_irq_off(r->irq_evtq);
	assert_int_equal(lz_smmuv3_remove(iommu), LZ_OK);
	lz_stats_get(r->lz, &st);
	assert_int_equal(st.blocked_ids, 0);
	assert_int_equal(st.references, 0);
	assert_int_equal(st.custody_pages, 0);
	host_worker_stop();
	assert_int_equal(lz_fini(r->lz), LZ_OK);
}

static void main_body(void *arg)
{
	struct rig *r = arg;

	build_library(r);
	r->body(r);
	tear_down(r);
}

static void run_once(const struct rig_opts *opt, void (*body)(struct rig *r))
{
	struct rig *r = calloc(1, sizeof(*r));
	struct lzm_smmu_stats st;

	assert_non_null(r);
	r->opt = *opt;
	r->opt.devs = opt->devs ? opt->devs : 1;
	r->opt.hurry = opt->hurry ? opt->hurry : 1;
	r->body = body;
	host_run(setup, main_body, r);
	lzm_smmu_stats_get(r->smmu, &st);
	if (st.illegal_driver_use)
		fail_msg("the model objects: %s", st.last_misuse);
	for (unsigned i = 0; i < r->opt.devs; i++)
		lzm_ep_destroy(r->dev[i].ep);
	lzm_smmu_destroy(r->smmu);
	free(r);
}

void rig_run(const struct rig_opts *opt, void (*body)(struct rig *r))
{
	/* Each run is another schedule. */
	for (unsigned i = 0; i < (host_time_is_virtual() ? RIG_SCHEDULES : 1); i++)
		run_once(opt, body);
}

/* ---- helpers ---- */

struct lz_domain *rig_domain(struct rig *r)
{
	struct lz_domain *dom;

	assert_int_equal(lz_domain_create(r->iommu, LZ_DOMAIN_PAGING, &domain_ops, r, &dom), LZ_OK);
	return dom;
}

struct lz_domain *rig_shared(struct rig *r, unsigned n)
{
	struct lz_domain *dom = rig_domain(r);

	for (unsigned i = 0; i < n; i++)
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

bool rig_until(struct rig *r, bool (*pred)(struct rig *r))
{
	lz_ns end = host_now() + LZ_SEC(host_time_is_virtual() ? 500 : 60);

	while (!pred(r) && host_now() < end)
		host_sleep(LZ_US(200));
	return pred(r);
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

unsigned rig_count(struct rig *r, enum lz_event_kind kind, int device)
{
	unsigned n = 0;

	for (unsigned i = 0; i <= RIG_DEVS; i++)
		if (device < 0 || (unsigned)device == i)
			n += rig_get(r->events[kind][i]);
	return n;
}

struct lz_health rig_health(struct rig *r, unsigned device)
{
	struct lz_health h;

	lz_device_health(r->dev[device].dev, &h);
	return h;
}

enum rig_access rig_dma(struct rig *r, unsigned device, uint64_t iova, bool write, uint64_t *pa)
{
	enum rig_access a = RIG_REFUSED;

	host_hw_lock();
	if (lzm_ep_dma(r->dev[device].ep, iova, write ? LZM_WRITE : LZM_READ) == LZM_OK)
		a = r->dma_translated ? RIG_TRANSLATED : RIG_UNTRANSLATED;
	if (pa)
		*pa = r->dma_pa;
	host_hw_unlock();
	return a;
}

bool rig_dma_cached(struct rig *r, unsigned device)
{
	bool through;

	host_hw_lock();
	r->dma_pa = 0;
	(void)lzm_ep_dma_cached(r->dev[device].ep, LZM_WRITE);
	through = r->dma_pa != 0;
	host_hw_unlock();
	return through;
}

void rig_fault(struct rig *r, unsigned device, enum lzm_ep_fault fault)
{
	host_hw_lock();
	lzm_ep_fault(r->dev[device].ep, fault, 0, 0);
	host_hw_unlock();
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

	host_in_irq(unmap_fn, &c);
	return c.st;
}
