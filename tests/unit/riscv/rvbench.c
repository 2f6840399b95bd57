/* SPDX-License-Identifier: BSD-2-Clause */
/* The small machine of rvbench.h. */
#include "rvbench.h"

#include <stdlib.h>

/* ---- hardware ---- */

static void bus_irq(void *ctx, enum lzm_irq line)
{
	struct bench *b = ctx;

	if (line == LZM_IRQ_GERROR)
		sim_irq_raise(b->irq_cmd, 0);
	if (line == LZM_IRQ_EVTQ)
		sim_irq_raise(b->irq_fault, 0);
}

static uint64_t mmio_read(void *arg, uint32_t off, unsigned width)
{
	return lzm_board_read(((struct bench *)arg)->board, off, width);
}

/* One error bit at a time, one that is set, and cqen stays unless it is meant. */
static void check_cqcsr(struct bench *b, uint32_t value)
{
	uint32_t now = (uint32_t)lzm_riscv_read(b->iommu_model, 72, 4);
	uint32_t bits = value & 0xf00;

	assert_int_equal(bits & (bits - 1), 0);
	assert_int_equal(bits & ~now, 0);
	assert_false(now & 1u << 17); /* busy */
	if (bits)
		assert_int_equal(value & 3, 3);
}

static void mmio_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	struct bench *b = arg;

	if (off == 72)
		check_cqcsr(b, (uint32_t)v);
	if (b->on_write)
		b->on_write(b, off, v);
	lzm_board_write(b->board, off, width, v);
}

static bool model_step(void *arg)
{
	return lzm_riscv_step(arg);
}

static uint64_t model_wake(void *arg)
{
	return lzm_riscv_wake(arg);
}

static bool ep_step(void *arg)
{
	return lzm_ep_step(arg);
}

static uint64_t ep_wake(void *arg)
{
	return lzm_ep_wake(arg);
}

static bool on_atc_inv(void *user, const struct lzm_atc_inv *inv)
{
	(void)inv;
	((struct bench_dev *)user)->atc_invs++;
	return true;
}

static void on_dma(void *user, uint64_t iova, uint64_t pa, enum lzm_access access, bool translated)
{
	(void)iova;
	(void)pa;
	(void)access;
	(void)translated;
	((struct bench_dev *)user)->dmas++;
}

static const struct lzm_watch watch = {.atc_inv = on_atc_inv, .dma = on_dma};

/* ---- library ---- */

static void cmd_irq(void *arg)
{
	struct bench *b = arg;

	if (b->iommu)
		(void)lz_riscv_command_irq(b->iommu);
}

static void fault_irq(void *arg)
{
	struct bench *b = arg;

	b->fault_irqs++;
	if (b->iommu)
		(void)lz_riscv_fault_irq(b->iommu);
}

static void on_fault(void *ctx, struct lz_iommu *iommu, const struct lz_riscv_fault *f)
{
	struct bench *b = ctx;

	(void)iommu;
	(void)f;
	b->faults++;
	if (b->on_record)
		b->on_record(b);
}

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	return lzm_ep_cfg_read(((struct bench_dev *)ctx)->ep, off, width);
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	lzm_ep_cfg_write(((struct bench_dev *)ctx)->ep, off, width, v);
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	bench_sleep(ns);
}

static void on_event(void *ctx, const struct lz_event *ev)
{
	((struct bench *)ctx)->events[ev->kind]++;
}

static void owner_error(void *ctx, struct lz_device *dev, enum lz_evidence ev, uint32_t gen)
{
	(void)dev;
	(void)ev;
	(void)gen;
	((struct bench_dev *)ctx)->told++;
}

static void on_release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	(void)dom;
	(void)iova;
	((struct bench *)ctx)->released += size;
}

static const struct lz_domain_ops domain_ops = {.release = on_release};

/* ---- building ---- */

static void build_model(struct bench *b)
{
	const struct lzm_bus bus = {b, sim_dma_read, sim_dma_write, bus_irq, sim_hw_now, NULL};
	struct lzm_riscv_config c;

	lzm_riscv_config_default(&c);
	c.knobs.ats_timeout_ns = TIMEOUT;
	c.knobs.seed = b->opt.seed + 1;
	if (b->opt.tune)
		b->opt.tune(&c);
	b->board = lzm_board_create_riscv(&c, &bus);
	assert_non_null(b->board);
	b->iommu_model = lzm_board_riscv(b->board);
	sim_mmio_add(&(struct sim_mmio){BENCH_MMIO, 0x1000, mmio_read, mmio_write, b});
	sim_hw_add(&(struct sim_hw){"riscv", model_step, model_wake, b->iommu_model});
}

static void build_ep(struct bench *b, unsigned i)
{
	static const char *const name[] = {"0000:01:00.0", "0000:02:00.0", "0000:03:00.0"};
	struct bench_dev *d = &b->dev[i];
	uint8_t config[LZM_CONFIG_SIZE];
	struct lzm_ep_config c = {.name = name[i],
				  .config = config,
				  .config_len = sizeof(config),
				  .sid = b->opt.levels == 1 ? i + 1 : (i + 1) << 8,
				  .atc_entries = 32,
				  .answer_ns = b->opt.answer_ns ? b->opt.answer_ns : 200,
				  .flr_ns = LZ_MS(1),
				  .seed = i + 1};

	lzm_config_make(config, LZM_CAP_FLR | LZM_CAP_ATS | LZM_CAP_PASID);
	d->b = b;
	d->did = c.sid;
	d->ep = lzm_board_add(b->board, &c, &watch, d);
	assert_non_null(d->ep);
	sim_hw_add(&(struct sim_hw){name[i], ep_step, ep_wake, d->ep});
	d->pci = (struct lz_pci_access){
		.ctx = d, .read = pci_read, .write = pci_write, .sleep = pci_sleep};
	d->owner = (struct lz_owner_ops){.error_detected = owner_error};
}

static void add_device(struct bench *b, unsigned i)
{
	struct bench_dev *d = &b->dev[i];
	struct lz_device_desc desc = {.name = lzm_ep_name(d->ep),
				      .iommu = b->iommu,
				      .streams = d->dids,
				      .n_streams = b->opt.alias && i ? 2 : 1,
				      .pci = &d->pci,
				      .ats = true,
				      .pasid_bits = b->opt.pasid_bits,
				      .owner = &d->owner,
				      .owner_ctx = d};

	d->dids[0] = d->did;
	d->dids[1] = b->dev[0].did;
	if (b->opt.alias && i)
		d->group = b->dev[0].group;
	else
		assert_int_equal(lz_group_create(b->lz, i, &d->group), LZ_OK);
	assert_int_equal(lz_device_add(d->group, &desc, &d->dev), LZ_OK);
}

static void build_library(struct bench *b)
{
	struct lz_riscv_desc desc = {.name = "riscv-iommu",
				     .mmio = BENCH_MMIO,
				     .cmdq_log2 = b->opt.cmdq_log2 ? b->opt.cmdq_log2 : 6,
				     .levels = b->opt.levels,
				     .coherent = true,
				     .msi = b->opt.msi,
				     .msi_address = {BENCH_DMA + 0x1000, BENCH_DMA + 0x1004},
				     .msi_data = {0x11, 0x22}};
	struct lz_config cfg;

	lz_config_default(&cfg);
	cfg.event = on_event;
	cfg.event_ctx = b;
	if (b->opt.sync_bound)
		cfg.sync_bound = b->opt.sync_bound;
	assert_int_equal(lz_init(sim_port(), &cfg, &b->lz), LZ_OK);
	b->worker.lz = b->lz;
	sim_task("worker", 1, sim_worker_task, &b->worker);
	assert_int_equal(lz_riscv_add(b->lz, &desc, &b->iommu), LZ_OK);
	lz_riscv_set_fault_handler(b->iommu, on_fault, b);
	for (unsigned i = 0; i < b->opt.devs; i++)
		add_device(b, i);
}

static void tear_down(struct bench *b)
{
	for (unsigned i = 0; i < b->opt.devs; i++)
		if (b->dev[i].dev)
			assert_int_equal(lz_device_remove(b->dev[i].dev), LZ_OK);
	for (unsigned i = 0; i < b->opt.devs; i++)
		b->dev[i].dev = NULL;
	assert_true(bench_settles(b));
	for (unsigned i = 0; i < b->opt.devs; i++)
		if (!i || !b->opt.alias)
			assert_int_equal(lz_group_destroy(b->dev[i].group), LZ_OK);
	assert_int_equal(lz_riscv_remove(b->iommu), LZ_OK);
	b->iommu = NULL;
	b->worker.stop = true;
	bench_sleep(LZ_MS(200));
	assert_int_equal(lz_fini(b->lz), LZ_OK);
}

static void main_task(void *arg)
{
	struct bench *b = arg;

	if (b->opt.before)
		b->opt.before(b);
	build_library(b);
	b->body(b);
	tear_down(b);
	b->done = true;
}

void bench_run(const struct bench_opts *opt, void (*body)(struct bench *b))
{
	struct bench *b = calloc(1, sizeof(*b));
	struct sim_stats st;

	assert_non_null(b);
	b->opt = *opt;
	b->opt.devs = opt->devs ? opt->devs : 1;
	b->body = body;
	sim_start(&(struct sim_config){.cpus = 5,
				       .seed = opt->seed + 1,
				       .switch_one_in = 1 + (unsigned)opt->seed % 8,
				       .op_cost = 2,
				       .dma_bytes = 64u << 20,
				       .dma_base = BENCH_DMA});
	build_model(b);
	for (unsigned i = 0; i < b->opt.devs; i++)
		build_ep(b, i);
	b->irq_cmd = sim_irq_line("command", 2, cmd_irq, b);
	b->irq_fault = sim_irq_line("fault", 2, fault_irq, b);
	sim_task("body", 0, main_task, b);
	assert_int_equal(sim_run(LZ_SEC(4000)), 0);
	assert_true(b->done);
	sim_stats_get(&st);
	if (st.violations)
		fail_msg("context rule broken: %s", st.first_violation);
	assert_int_equal(st.live_allocs, 0);
	if (bench_stats(b).illegal_driver_use)
		fail_msg("the model objects: %s", bench_stats(b).last_misuse);
	sim_stop();
	lzm_board_destroy(b->board);
	free(b);
}

void bench_seeds(const struct bench_opts *opt, unsigned seeds, void (*body)(struct bench *b))
{
	struct bench_opts o = *opt;

	for (o.seed = 0; o.seed < seeds; o.seed++)
		bench_run(&o, body);
}

/* ---- helpers ---- */

struct lz_domain *bench_domain(struct bench *b)
{
	struct lz_domain *dom;

	assert_int_equal(lz_domain_create(b->iommu, LZ_DOMAIN_PAGING, &domain_ops, b, &dom), LZ_OK);
	return dom;
}

struct lz_domain *bench_shared(struct bench *b, unsigned n)
{
	struct lz_domain *dom = bench_domain(b);

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(lz_attach(b->dev[i].dev, dom), LZ_OK);
	return dom;
}

void bench_drop(struct bench *b, struct lz_domain *dom)
{
	enum lz_status st;

	for (unsigned i = 0; i < b->opt.devs; i++)
		if (b->dev[i].dev && lz_attached(b->dev[i].dev, LZ_NO_PASID) == dom)
			lz_detach(b->dev[i].dev);
	st = lz_domain_destroy(dom);
	assert_true(st == LZ_OK || st == LZ_IN_CUSTODY);
}

bool bench_dma(struct bench *b, unsigned device, uint64_t iova)
{
	return lzm_ep_dma(b->dev[device].ep, iova, LZM_WRITE) == LZM_OK;
}

bool bench_dma_cached(struct bench *b, unsigned device)
{
	unsigned before = b->dev[device].dmas;

	(void)lzm_ep_dma_cached(b->dev[device].ep, LZM_WRITE);
	return b->dev[device].dmas != before;
}

void bench_fault(struct bench *b, unsigned device, enum lzm_ep_fault f)
{
	lzm_ep_fault(b->dev[device].ep, f, 0, 0);
}

void bench_sleep(lz_ns ns)
{
	sim_sleep_until(sim_now() + ns);
}

struct lz_health bench_health(struct bench *b, unsigned device)
{
	struct lz_health h;

	lz_device_health(b->dev[device].dev, &h);
	return h;
}

static bool is_idle(struct bench *b)
{
	struct lz_stats st;

	lz_stats_get(b->lz, &st);
	for (unsigned i = 0; i < b->opt.devs; i++) {
		enum lz_fence_state f = b->dev[i].dev ? bench_health(b, i).fence : LZ_FENCE_OPEN;

		if (f == LZ_FENCE_SUSPECT || f == LZ_FENCE_FENCING)
			return false;
	}
	return !st.custody_pages && !st.work_pending;
}

bool bench_settles(struct bench *b)
{
	lz_ns end = sim_now() + LZ_SEC(10);

	while (!is_idle(b) && sim_now() < end)
		bench_sleep(LZ_US(200));
	return is_idle(b);
}

struct lzm_riscv_stats bench_stats(struct bench *b)
{
	struct lzm_riscv_stats st;

	lzm_riscv_stats_get(b->iommu_model, &st);
	return st;
}
