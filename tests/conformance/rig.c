/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine of rig.h. */
#include "rig.h"

#include <stdlib.h>

#define RIG_SCHEDULES 8u
#define ADD(x, n)     ((void)__atomic_fetch_add(&(x), n, __ATOMIC_ACQ_REL))

/* ---- model side; the hardware is locked ---- */

static void bus_irq(void *ctx, enum lzm_irq line)
{
	struct rig_unit *u = ctx;

	if (u->rig->opt.no_irq)
		return;
	if (line == LZM_IRQ_GERROR || line == LZM_IRQ_CMDQV)
		host_irq_raise(u->irq_error, u->irq_delay);
	if (line == LZM_IRQ_EVTQ)
		host_irq_raise(u->irq_fault, 0);
}

static void on_dma(void *user, uint64_t iova, uint64_t pa, enum lzm_access access, bool translated)
{
	struct rig_dev *d = user;
	struct rig *r = d->rig;

	(void)iova;
	(void)access;
	r->dma_pa = pa;
	r->dma_translated = translated;
	if (r->opt.on_dma)
		r->opt.on_dma(r, (unsigned)(d - r->dev), pa, translated);
}

static const struct lzm_watch watch = {.dma = on_dma};

static bool iommu_step(void *board)
{
	return lzm_iommu_step(lzm_board_iommu(board));
}

static uint64_t iommu_wake(void *board)
{
	return lzm_iommu_wake(lzm_board_iommu(board));
}

static bool ep_step(void *arg)
{
	return lzm_ep_step(arg);
}

static uint64_t ep_wake(void *arg)
{
	return lzm_ep_wake(arg);
}

/* ---- library side ---- */

static void error_irq(void *arg)
{
	struct lz_iommu *iommu = rig_get(((struct rig_unit *)arg)->iommu);

	if (iommu)
		iommu_error_irq(iommu);
}

static void fault_irq(void *arg)
{
	struct lz_iommu *iommu = rig_get(((struct rig_unit *)arg)->iommu);

	if (iommu)
		iommu_fault_irq(iommu);
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

static void on_fault(void *ctx, const struct iommu_fault *f)
{
	struct rig *r = ctx;

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

static uintptr_t mmio_of(const struct rig_unit *u)
{
	return RIG_MMIO + (uintptr_t)(u - u->rig->unit) * RIG_MMIO_EACH;
}

static void build_board(struct rig_unit *u)
{
	const struct lzm_bus bus = {u, host_dma_read, host_dma_write, bus_irq, host_hw_now, NULL};
	const struct rig_opts *opt = &u->rig->opt;

	u->board = iommu_board(opt->regime, opt->late ? LZ_MS(300) : LZ_MS(1), &bus, &u->irq_delay);
	assert_non_null(u->board);
	host_mmio_add(&(struct host_mmio){mmio_of(u), iommu_registers(), lzm_board_read,
					  lzm_board_write, u->board});
	host_hw_add(&(struct host_hw){"iommu", iommu_step, iommu_wake, u->board});
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

	lzm_config_make(config, LZM_CAP_FLR | LZM_CAP_ATS | LZM_CAP_PASID);
	d->rig = r;
	d->unit = &r->unit[i % r->opt.iommus];
	d->sid = c.sid;
	d->ep = lzm_board_add(d->unit->board, &c, &watch, d);
	assert_non_null(d->ep);
	if (r->opt.alias && i == 0)
		assert_true(lzm_board_alias(d->unit->board, d->ep, r->opt.alias));
	host_hw_add(&(struct host_hw){name[i], ep_step, ep_wake, d->ep});
	d->pci = (struct lz_pci_access){
		.ctx = d, .read = pci_read, .write = pci_write, .sleep = pci_sleep};
	d->owner = (struct lz_owner_ops){.error_detected = owner_error, .resume = owner_resume};
}

static void setup(void *arg)
{
	struct rig *r = arg;

	for (unsigned i = 0; i < r->opt.iommus; i++) {
		r->unit[i].rig = r;
		build_board(&r->unit[i]);
	}
	for (unsigned i = 0; i < r->opt.devs; i++)
		build_ep(r, i);
	for (unsigned i = 0; i < r->opt.iommus; i++) {
		r->unit[i].irq_error = host_irq_line("error", error_irq, &r->unit[i]);
		r->unit[i].irq_fault = host_irq_line("fault", fault_irq, &r->unit[i]);
	}
	if (r->opt.setup)
		r->opt.setup(r);
}

void rig_add(struct rig *r, unsigned i)
{
	struct rig_dev *d = &r->dev[i];
	const uint32_t sids[] = {d->sid, r->opt.alias};
	struct lz_device_desc desc = {.name = lzm_ep_name(d->ep),
				      .iommu = d->unit->iommu,
				      .streams = sids,
				      .n_streams = r->opt.alias && i < 2 ? 2 : 1,
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
	for (unsigned i = 0; i < r->opt.iommus; i++) {
		struct lz_iommu *iommu;

		assert_int_equal(iommu_add(r->lz, mmio_of(&r->unit[i]), &iommu), LZ_OK);
		iommu_faults_to(iommu, on_fault, r);
		__atomic_store_n(&r->unit[i].iommu, iommu, __ATOMIC_RELEASE);
	}
	for (unsigned i = 0; i < r->opt.devs; i++) {
		if (r->opt.alias && i == 1)
			r->dev[1].group = r->dev[0].group;
		else
			assert_int_equal(lz_group_create(r->lz, i, &r->dev[i].group), LZ_OK);
		rig_add(r, i);
	}
}

static void remove_unit(struct rig_unit *u)
{
	struct lz_iommu *iommu = u->iommu;

	__atomic_store_n(&u->iommu, NULL, __ATOMIC_RELEASE);
	host_irq_off(u->irq_error);
	host_irq_off(u->irq_fault);
	assert_int_equal(iommu_remove(iommu), LZ_OK);
}

static void tear_down(struct rig *r)
{
	struct lz_stats st;

	for (unsigned i = 0; i < r->opt.devs; i++)
		rig_remove(r, i);
	assert_true(rig_until(r, rig_idle));
	for (unsigned i = 0; i < r->opt.devs; i++)
		if (!i || r->dev[i].group != r->dev[0].group)
			assert_int_equal(lz_group_destroy(r->dev[i].group), LZ_OK);
	for (unsigned i = 0; i < r->opt.iommus; i++)
		remove_unit(&r->unit[i]);
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
	struct lzm_iommu_counts counts;

	assert_non_null(r);
	r->opt = *opt;
	r->opt.devs = opt->devs ? opt->devs : 1;
	r->opt.iommus = opt->iommus ? opt->iommus : 1;
	r->opt.hurry = opt->hurry ? opt->hurry : 1;
	r->body = body;
	host_run(setup, main_body, r);
	for (unsigned i = 0; i < r->opt.iommus; i++) {
		lzm_iommu_counts_get(lzm_board_iommu(r->unit[i].board), &counts);
		if (counts.illegal_driver_use)
			fail_msg("the model objects: %s", counts.last_misuse);
		iommu_board_end(r->unit[i].board);
	}
	free(r);
}

void rig_run(const struct rig_opts *opt, void (*body)(struct rig *r))
{
	/* Each run is another schedule. */
	for (unsigned i = 0; i < (host_time_is_virtual() ? RIG_SCHEDULES : 1); i++)
		run_once(opt, body);
}

/* ---- helpers ---- */

struct lz_domain *rig_domain_of(struct rig *r, unsigned unit)
{
	struct lz_domain *dom;

	assert_int_equal(
		lz_domain_create(r->unit[unit].iommu, LZ_DOMAIN_PAGING, &domain_ops, r, &dom),
		LZ_OK);
	return dom;
}

struct lz_domain *rig_domain(struct rig *r)
{
	return rig_domain_of(r, 0);
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

enum rig_access rig_dma_pasid(struct rig *r, unsigned device, uint32_t pasid, uint64_t iova,
			      uint64_t *pa)
{
	enum rig_access a = RIG_REFUSED;

	host_hw_lock();
	if (lzm_ep_dma_pasid(r->dev[device].ep, pasid, iova, LZM_WRITE) == LZM_OK)
		a = r->dma_translated ? RIG_TRANSLATED : RIG_UNTRANSLATED;
	if (pa)
		*pa = r->dma_pa;
	host_hw_unlock();
	return a;
}

bool rig_may_use_pasids(struct rig *r, unsigned device)
{
	bool may;

	host_hw_lock();
	may = lzm_ep_pasid_enabled(r->dev[device].ep, 0);
	host_hw_unlock();
	return may;
}

bool rig_id_passes(struct rig *r, uint32_t sid, uint64_t iova)
{
	enum lzm_result a;
	uint64_t pa;

	host_hw_lock();
	a = lzm_board_untranslated(r->unit[0].board, sid, 0, iova, LZM_WRITE, &pa);
	host_hw_unlock();
	return a == LZM_OK;
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
