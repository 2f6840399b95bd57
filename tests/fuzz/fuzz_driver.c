/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library with its SMMUv3 driver against hostile hardware (hostile.h). The
 * front of the input is a program of public calls, the back is what registers,
 * config space and interrupts do meanwhile. Checked, beside what the port and
 * the memory of hostile.c check:
 *
 *   - nothing panics, no context rule is broken, no thread is ever stuck;
 *   - each call returns within a bound of time and of register reads, in atomic
 *     context within a few times atomic_wait;
 *   - when hardware behaves again everything held is released, removed and freed.
 */
#define _GNU_SOURCE
#include "fuzz_input.h"

#include <string.h>

#include "fuzz_meter.h"
#include "guarded.h"
#include "hostile.h"
#include "lazaret/device.h"
#include "lazaret/domain.h"
#include "lazaret/lazaret.h"
#include "lazaret/smmuv3.h"
#include "lz_arch.h"
#include "sim.h"

#define MMIO	 0x10000000u
#define DEVS	 4u /* the last one is the partner's */
#define DOMS	 3u
#define PASIDS	 4u
#define IOVA	 0x10000000ull
#define PARTNERS 0x40000000ull

/* The library's bounds here, and what they make of a call. A task's call waits
 * for hardware several times, and for the gate while another one does. */
#define SYNC_BOUND   LZ_MS(1)
#define ATOMIC_WAIT  LZ_US(20)
#define TASK_BOUND   (200 * SYNC_BOUND)
#define ATOMIC_BOUND (4 * ATOMIC_WAIT)
/* Config space may take a minute to come back from a reset. */
#define PCI_BOUND LZ_SEC(400)
/* From when hardware behaves until everything is released. */
#define RELEASE_BOUND LZ_SEC(60)

struct rig_dev {
	struct rig *rig;
	struct lz_device *dev;
	struct lz_pci_access pci;
	uint8_t config[4096];
	bool resets; /* its owner does, when it is told */
};

struct rig {
	struct fuzz_input in;
	struct hostile hw;
	struct fuzz_meter meter[METERS];
	struct lz_port port;
	struct lz *lz;
	struct lz_iommu *iommu;
	struct lz_group *group[3];
	struct rig_dev dev[DEVS];
	struct lz_domain *dom[DOMS], *partners;
	struct lz_gather gather[DOMS];
	struct lz_config cfg;
	unsigned irq_gerror, irq_evtq, claims;
	uint64_t released;
	bool stop, partner_done, done;
	bool mute_at_last; /* when it is removed, hardware acknowledges nothing */
	bool lost;	   /* memory that it may still use */
};

/* ---- bounds ---- */

/* With containment off an atomic caller waits as long as others do. */
static lz_ns atomic_bound(const struct rig *r)
{
	return r->cfg.contain == LZ_CONTAIN_OFF ? TASK_BOUND : ATOMIC_BOUND;
}

static void note(enum lz_status st)
{
	FUZZ_CHECK(st <= LZ_EFAULT, "status %u", (unsigned)st);
}

/* A call of the program's, with a status or without. */
#define DO(r, bound, call)                           \
	do {                                         \
		fuzz_begin((r)->meter, MAIN, #call); \
		call;                                \
		fuzz_end((r)->meter, MAIN, (bound)); \
	} while (0)
#define CALL(r, bound, call) DO(r, bound, note(call))

/* ---- surroundings ---- */

static void raise_irq(void *ctx, bool evtq, lz_ns delay)
{
	struct rig *r = ctx;

	sim_irq_raise(evtq ? r->irq_evtq : r->irq_gerror, delay);
}

static void gerror_irq(void *arg)
{
	struct rig *r = arg;

	fuzz_begin(r->meter, GERROR_IRQ, "GERROR handler");
	if (r->iommu)
		(void)lz_smmuv3_gerror_irq(r->iommu);
	fuzz_end(r->meter, GERROR_IRQ, atomic_bound(r));
}

static void evtq_irq(void *arg)
{
	struct rig *r = arg;

	fuzz_begin(r->meter, EVTQ_IRQ, "event queue handler");
	if (r->iommu)
		(void)lz_smmuv3_evtq_irq(r->iommu);
	fuzz_end(r->meter, EVTQ_IRQ, atomic_bound(r));
}

static void worker(void *arg)
{
	struct rig *r = arg;

	while (!r->stop) {
		uint32_t seen = *sim_kick_word();
		lz_ns due, latest = sim_now() + LZ_MS(500);

		fuzz_begin(r->meter, WORKER, "lz_poll");
		due = lz_poll(r->lz);
		fuzz_end(r->meter, WORKER, TASK_BOUND);
		sim_wait_word(sim_kick_word(), seen, due < latest ? due : latest);
	}
}

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	struct rig_dev *d = ctx;
	uint32_t v = 0;

	FUZZ_CHECK(off % width == 0 && off + width <= sizeof(d->config), "%u at 0x%x", width, off);
	for (unsigned i = 0; i < width; i++)
		v |= (uint32_t)d->config[off + i] << 8 * i;
	return hostile_other(&d->rig->hw, v) & (width == 4 ? ~0u : (1u << 8 * width) - 1);
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	struct rig_dev *d = ctx;

	FUZZ_CHECK(off % width == 0 && off + width <= sizeof(d->config), "%u at 0x%x", width, off);
	for (unsigned i = 0; i < width; i++)
		if (off + i != 0x49) /* FLR reads as zero */
			d->config[off + i] = (uint8_t)(v >> 8 * i);
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	sim_sleep_until(sim_now() + ns);
}

static void on_log(void *ctx, enum lz_log_level level, const char *line)
{
	(void)ctx;
	FUZZ_CHECK(level <= LZ_LOG_DEBUG && strlen(line) < 256 && !strchr(line, '\n'), "%s", line);
}

static void on_event(void *ctx, const struct lz_event *ev)
{
	(void)ctx;
	FUZZ_CHECK(ev->kind <= 255 && ev->status <= LZ_EFAULT, "event %u", (unsigned)ev->kind);
}

static void on_fault(void *ctx, struct lz_iommu *iommu, const struct lz_smmuv3_fault *f)
{
	struct rig *r = ctx;

	FUZZ_CHECK(iommu == r->iommu && f->name && *f->name, "fault %u", f->id);
}

static void on_release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	(void)dom;
	FUZZ_CHECK(size && !((iova | size) % LZ_PAGE), "0x%llx", (unsigned long long)iova);
	((struct rig *)ctx)->released += size;
}

static const struct lz_domain_ops domain_ops = {.release = on_release};

static void owner_error(void *ctx, struct lz_device *dev, enum lz_evidence ev, uint32_t gen)
{
	struct rig_dev *d = ctx;

	(void)ev;
	(void)gen;
	if (d->resets && lz_reset_prepare(dev) == LZ_OK)
		note(lz_reset_done(dev, LZ_RESET_OK));
}

static const struct lz_owner_ops owner_ops = {.error_detected = owner_error};

/* ---- building ---- */

static void put(uint8_t *c, unsigned at, unsigned bytes, uint32_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		c[at + i] = (uint8_t)(v >> 8 * i);
}

/* A function with FLR, ATS and PASID. */
static void make_device(struct rig *r, unsigned i)
{
	struct rig_dev *d = &r->dev[i];

	d->rig = r;
	d->resets = i & 1;
	put(d->config, 0, 4, 0x10421af4);
	put(d->config, 4, 4, 0x00100006);
	d->config[0x34] = 0x40;
	put(d->config, 0x40, 4, 0x00020010);
	put(d->config, 0x44, 4, 1u << 28);
	put(d->config, 0x100, 4, 0x000fu | 1u << 16 | 0x120u << 20);
	put(d->config, 0x104, 2, 0x20);
	put(d->config, 0x120, 4, 0x001bu | 1u << 16);
	put(d->config, 0x124, 2, 8u << 8);
	d->pci = (struct lz_pci_access){
		.ctx = d, .read = pci_read, .write = pci_write, .sleep = pci_sleep};
}

static void add_device(struct rig *r, unsigned i, uint8_t how)
{
	uint32_t streams[LZ_MAX_STREAMS];
	struct lz_device_desc desc = {.name = "device",
				      .iommu = r->iommu,
				      .streams = streams,
				      .n_streams = 1 + (how & 3),
				      .pci = how & 0x20 ? NULL : &r->dev[i].pci,
				      .ats = !(how & 0x10),
				      .pasid_bits = how >> 2 & 3,
				      .owner = &owner_ops,
				      .owner_ctx = &r->dev[i]};

	for (unsigned k = 0; k < LZ_MAX_STREAMS; k++)
		streams[k] = (how & 0x40 ? 0x100 : 8) * i + k + (how & 0x80 ? 6 : 0);
	if (!r->dev[i].dev && lz_device_add(r->group[i / 2 + (i == 3)], &desc, &r->dev[i].dev))
		r->dev[i].dev = NULL;
}

static void make_config(struct rig *r)
{
	uint8_t how = fuzz_u8(&r->in);

	lz_config_default(&r->cfg);
	r->cfg.sync_bound = SYNC_BOUND;
	r->cfg.atomic_wait = ATOMIC_WAIT;
	r->cfg.late_bound = LZ_MS(20);
	r->cfg.settle_max = 1 + (how & 7);
	r->cfg.policy = how >> 3 & 3;
	r->cfg.identify = how & 32 ? LZ_IDENTIFY_ASSUME : LZ_IDENTIFY_PROBE;
	r->cfg.contain = how < 192   ? LZ_CONTAIN_ON
			 : how < 224 ? LZ_CONTAIN_OBSERVE
				     : LZ_CONTAIN_OFF;
	r->cfg.custody_limit = 64;
	r->cfg.recovery_max = 3;
	r->cfg.event = on_event;
}

/* ---- the program ---- */

struct unmap_call {
	struct lz_domain *dom;
	lz_iova iova;
	size_t size;
};

static void unmap_atomic(void *arg)
{
	struct unmap_call *c = arg;

	note(lz_unmap(c->dom, c->iova, c->size));
}

static void map_atomic(void *arg)
{
	struct unmap_call *c = arg;

	note(lz_map(c->dom, c->iova, 0x80000000u, c->size, LZ_READ | LZ_WRITE));
}

static void mapping(struct rig *r, unsigned op, uint8_t a, uint8_t b)
{
	unsigned i = a % DOMS;
	struct lz_domain *dom = r->dom[i];
	struct unmap_call c = {dom, IOVA + (b & 15) * (a & 4 ? 0x200000ull : 4096ull),
			       ((b >> 4) + 1) * (a & 8 ? 0x200000ull : 4096ull)};
	lz_phys phys;

	if (!dom)
		return;
	switch (op) {
	case 0:
		CALL(r, TASK_BOUND,
		     lz_map(dom, c.iova, 0x80000000u, c.size,
			    a & 16 ? LZ_READ : LZ_READ | LZ_WRITE));
		break;
	case 1:
		CALL(r, TASK_BOUND, lz_unmap(dom, c.iova, c.size));
		break;
	case 2:
		DO(r, atomic_bound(r), sim_in_irq(unmap_atomic, &c));
		break;
	case 3:
		DO(r, atomic_bound(r), sim_in_irq(map_atomic, &c));
		break;
	case 4:
		CALL(r, TASK_BOUND, lz_unmap_gather(dom, c.iova, c.size, &r->gather[i]));
		break;
	case 5:
		CALL(r, TASK_BOUND, lz_gather_sync(&r->gather[i]));
		break;
	case 6:
		CALL(r, TASK_BOUND + LZ_MS(5), lz_domain_wait(dom, LZ_MS(5)));
		break;
	default:
		DO(r, TASK_BOUND, (void)lz_iova_to_phys(dom, c.iova, &phys));
		break;
	}
}

static void make_domain(struct rig *r, unsigned i, uint8_t how)
{
	enum lz_domain_type type = how & 7   ? LZ_DOMAIN_PAGING
				   : how & 8 ? LZ_DOMAIN_IDENTITY
					     : LZ_DOMAIN_BLOCKING;

	if (r->dom[i])
		return;
	fuzz_begin(r->meter, MAIN, "lz_domain_create");
	if (lz_domain_create(r->iommu, type, &domain_ops, r, &r->dom[i]) != LZ_OK)
		r->dom[i] = NULL;
	fuzz_end(r->meter, MAIN, TASK_BOUND);
}

static void drop_domain(struct rig *r, unsigned i)
{
	enum lz_status st;

	if (!r->dom[i])
		return;
	CALL(r, TASK_BOUND, lz_gather_sync(&r->gather[i]));
	r->gather[i] = (struct lz_gather){0};
	fuzz_begin(r->meter, MAIN, "lz_domain_destroy");
	st = lz_domain_destroy(r->dom[i]);
	fuzz_end(r->meter, MAIN, TASK_BOUND);
	if (st == LZ_OK || st == LZ_IN_CUSTODY)
		r->dom[i] = NULL;
}

static void attaching(struct rig *r, unsigned op, uint8_t a, uint8_t b)
{
	struct lz_device *dev = r->dev[a % 3].dev;
	struct lz_domain *dom = r->dom[b % DOMS];
	uint32_t pasid = b >> 4 & (PASIDS - 1);

	if (!dev)
		return;
	switch (op) {
	case 0:
		if (dom)
			CALL(r, TASK_BOUND, lz_attach(dev, dom));
		break;
	case 1:
		DO(r, TASK_BOUND, lz_detach(dev));
		break;
	case 2:
		if (dom)
			CALL(r, TASK_BOUND, lz_attach_pasid(dev, pasid, dom));
		break;
	default:
		DO(r, TASK_BOUND, lz_detach_pasid(dev, pasid));
		break;
	}
}

static void life(struct rig *r, unsigned op, uint8_t a, uint8_t b)
{
	struct rig_dev *d = &r->dev[a % DEVS];
	struct lz_health h;

	if (op == 0) {
		DO(r, TASK_BOUND, add_device(r, a % 3, b));
		return;
	}
	if (!d->dev)
		return;
	switch (op) {
	case 1:
		if (d == &r->dev[DEVS - 1])
			break;
		CALL(r, TASK_BOUND, lz_device_remove(d->dev));
		d->dev = NULL;
		break;
	case 2:
		CALL(r, TASK_BOUND, lz_reset_prepare(d->dev));
		break;
	case 3:
		CALL(r, TASK_BOUND, lz_reset_done(d->dev, (enum lz_reset_result)(b % 3)));
		break;
	case 4:
		CALL(r, TASK_BOUND, lz_device_block(d->dev));
		break;
	case 5:
		CALL(r, TASK_BOUND, lz_device_clear(d->dev));
		break;
	case 6:
		DO(r, TASK_BOUND, lz_device_report_broken(d->dev));
		break;
	case 7:
		CALL(r, PCI_BOUND, lz_pci_reset(d->dev));
		break;
	default:
		DO(r, TASK_BOUND, lz_device_health(d->dev, &h));
		FUZZ_CHECK(h.state && *h.state && h.fence <= LZ_FENCE_FENCED, "health");
		break;
	}
}

static void groups(struct rig *r, uint8_t a, uint8_t b)
{
	struct lz_group *group = r->group[a & 1];

	switch (a >> 1 & 3) {
	case 0:
		CALL(r, TASK_BOUND,
		     lz_group_set_default_domain(group, b & 4 ? r->dom[b % DOMS] : NULL));
		break;
	case 1:
		CALL(r, TASK_BOUND, lz_group_claim(group, r));
		break;
	default:
		CALL(r, TASK_BOUND, lz_group_release(group, r));
		break;
	}
}

static void others(struct rig *r, uint8_t a, uint8_t b)
{
	struct lz_stats st;

	switch (a & 7) {
	case 0:
		sim_sleep_until(sim_now() + (1ull << (b & 31)));
		break;
	case 1:
		DO(r, TASK_BOUND, (void)lz_poll(r->lz));
		break;
	case 2:
		raise_irq(r, b & 1, LZ_US(b >> 1));
		break;
	case 3:
		DO(r, atomic_bound(r), (void)lz_smmuv3_gerror_irq(r->iommu));
		break;
	case 4:
		DO(r, atomic_bound(r), (void)lz_smmuv3_evtq_irq(r->iommu));
		break;
	case 5:
		sim_fail_alloc(b & 1);
		memory_fail(b & 2);
		break;
	default:
		lz_stats_get(r->lz, &st);
		break;
	}
}

static void one(struct rig *r)
{
	uint8_t op = fuzz_u8(&r->in), a = fuzz_u8(&r->in), b = fuzz_u8(&r->in);

	switch (op >> 4) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		mapping(r, op & 7, a, b);
		break;
	case 5:
		make_domain(r, a % DOMS, b);
		break;
	case 6:
		drop_domain(r, a % DOMS);
		break;
	case 7:
	case 8:
	case 9:
		attaching(r, op & 3, a, b);
		break;
	case 10:
		groups(r, a, b);
		break;
	case 11:
		others(r, a, b);
		break;
	default:
		life(r, op & 15, a, b);
		break;
	}
}

/* ---- beside it ---- */

/* Maps and unmaps ranges of its own, as another driver would. */
static void partner(void *arg)
{
	struct rig *r = arg;
	struct unmap_call c = {r->partners, PARTNERS, 4 * LZ_PAGE};

	for (unsigned n = 0; n < 64 && fuzz_more(&r->in); n++) {
		fuzz_begin(r->meter, PARTNER, "partner's call");
		if (n & 1)
			note(lz_map(c.dom, c.iova, 0x80000000u, c.size, LZ_READ | LZ_WRITE));
		else if (n & 2)
			note(lz_unmap(c.dom, c.iova, c.size));
		else
			sim_in_irq(unmap_atomic, &c);
		fuzz_end(r->meter, PARTNER, n & 1 || n & 2 ? TASK_BOUND : atomic_bound(r));
		sim_sleep_until(sim_now() + LZ_US(10));
	}
	r->partner_done = true;
}

static void start_partner(struct rig *r)
{
	add_device(r, DEVS - 1, 0);
	if (lz_domain_create(r->iommu, LZ_DOMAIN_PAGING, &domain_ops, r, &r->partners) != LZ_OK) {
		r->partners = NULL;
		r->partner_done = true;
		return;
	}
	if (r->dev[DEVS - 1].dev)
		note(lz_attach(r->dev[DEVS - 1].dev, r->partners));
	sim_task("partner", 3, partner, r);
}

/* ---- the end: hardware behaves ---- */

static bool idle(struct rig *r)
{
	struct lz_stats st;

	lz_stats_get(r->lz, &st);
	return !st.custody_pages && !st.work_pending && !st.references;
}

static void release_all(struct rig *r)
{
	lz_ns until;

	hostile_behave(&r->hw);
	sim_fail_alloc(false);
	memory_fail(false);
	while (!r->partner_done)
		sim_sleep_until(sim_now() + LZ_MS(1));
	for (unsigned i = 0; i < 2; i++) {
		while (lz_group_release(r->group[i], r) != LZ_EINVAL)
			;
		note(lz_group_set_default_domain(r->group[i], NULL));
	}
	for (unsigned i = 0; i < DEVS; i++)
		if (r->dev[i].dev)
			CALL(r, TASK_BOUND, lz_device_remove(r->dev[i].dev));
	until = sim_now() + RELEASE_BOUND;
	for (unsigned i = 0; i < DOMS; i++)
		drop_domain(r, i);
	if (r->partners)
		CALL(r, TASK_BOUND, lz_domain_destroy(r->partners));
	while (!idle(r)) {
		FUZZ_CHECK(sim_now() < until, "something is held for ever");
		sim_sleep_until(sim_now() + LZ_MS(10));
	}
}

static void remove_all(struct rig *r)
{
	enum lz_status st;

	for (unsigned i = 0; i < 3; i++)
		if (r->group[i]) {
			st = lz_group_destroy(r->group[i]);
			FUZZ_CHECK(!st, "group %u: %s", i, lz_status_name(st));
		}
	if (r->iommu) {
		struct lz_iommu *iommu = r->iommu;

		r->iommu = NULL; /* no handler runs any more */
		r->hw.mute = r->mute_at_last ? UINT32_MAX : 0;
		fuzz_begin(r->meter, MAIN, "lz_smmuv3_remove");
		st = lz_smmuv3_remove(iommu);
		fuzz_end(r->meter, MAIN, TASK_BOUND);
		FUZZ_CHECK(st == (r->mute_at_last ? LZ_ETIMEDOUT : LZ_OK) || r->hw.failed,
			   "SMMU: %s", lz_status_name(st));
		r->lost = r->mute_at_last;
	}
	r->stop = true;
	sim_sleep_until(sim_now() + LZ_SEC(1));
	st = lz_fini(r->lz);
	FUZZ_CHECK(!st, "instance: %s", lz_status_name(st));
}

static void main_task(void *arg)
{
	struct rig *r = arg;
	struct lz_smmuv3_desc desc = {.name = "smmu", .mmio = MMIO};
	enum lz_status st;

	FUZZ_CHECK(lz_init(&r->port, &r->cfg, &r->lz) == LZ_OK, "refused");
	sim_task("worker", 1, worker, r);
	fuzz_begin(r->meter, MAIN, "lz_smmuv3_add");
	st = lz_smmuv3_add(r->lz, &desc, &r->iommu);
	fuzz_end(r->meter, MAIN, TASK_BOUND);
	if (st == LZ_OK) {
		lz_smmuv3_set_fault_handler(r->iommu, on_fault, r);
		for (unsigned i = 0; i < 3; i++)
			FUZZ_CHECK(!lz_group_create(r->lz, i, &r->group[i]), "group");
		start_partner(r);
		while (fuzz_more(&r->in))
			one(r);
		release_all(r);
	} else {
		r->iommu = NULL;
		r->lost = r->hw.on;
	}
	remove_all(r);
	r->done = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct sim_mmio m = {MMIO, 0x20000, hostile_read, hostile_write, &r->hw};
	struct sim_stats st;
	uint8_t seed, flavour;
	int ran;

	if (!r)
		return 0;
	r->in = (struct fuzz_input){data, 0, size};
	seed = fuzz_u8(&r->in);
	sim_start(&(struct sim_config){
		.cpus = 4, .seed = seed + 1, .switch_one_in = 1 + (seed & 15), .log = on_log});
	memory_reset();
	memory_watch(&r->hw);
	r->port = *sim_port();
	r->port.dma_alloc = memory_alloc;
	r->port.dma_free = memory_free;
	r->port.dma_virt = memory_virt;
	make_config(r);
	flavour = fuzz_u8(&r->in);
	r->mute_at_last = flavour >> 7;
	hostile_init(&r->hw, flavour);
	r->hw.in = &r->in;
	r->hw.raise = raise_irq;
	r->hw.meter = r->meter;
	r->hw.ctx = r;
	for (unsigned i = 0; i < DEVS; i++)
		make_device(r, i);
	sim_mmio_add(&m);
	r->irq_gerror = sim_irq_line("gerror", seed >> 4 & 1 ? 0 : 2, gerror_irq, r);
	r->irq_evtq = sim_irq_line("evtq", seed >> 5 & 1 ? 1 : 2, evtq_irq, r);
	sim_task("main", 0, main_task, r);
	ran = sim_run(LZ_SEC(1000000));
	sim_stats_get(&st);
	FUZZ_CHECK(!ran && r->done, "stuck: %d", ran);
	FUZZ_CHECK(!st.violations, "context rule broken: %s", st.first_violation);
	FUZZ_CHECK(!st.live_allocs, "%llu allocations left", (unsigned long long)st.live_allocs);
	FUZZ_CHECK(!memory_live() || r->lost, "%zu pieces of DMA memory left", memory_live());
	memory_reset();
	sim_stop();
	free(r);
	return 0;
}
