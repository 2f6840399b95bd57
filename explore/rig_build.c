/* SPDX-License-Identifier: BSD-2-Clause */
/* The small machine: models, their surroundings and the library's. */
#include "explore/rig.h"

#include <stdio.h>

/* ---- the model's surroundings ---- */

/* One fetched command is overwritten in memory before the hardware sees it. */
static void spoil(struct exr *r, uint64_t pa, void *host, size_t len)
{
	uint64_t start, bytes;

	lzm_iommu_ring(r->unit[0].model, &start, &bytes);
	if (len < 8 || pa < start || pa >= start + bytes || pa % 16)
		return;
	*(uint8_t *)host = 0xff; /* no command has this opcode */
	r->spoil = false;
}

static bool mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	struct exr *r = ((struct exr_unit *)ctx)->rig;
	void *p = sim_dma_ptr(pa, len);

	if (p && r->spoil)
		spoil(r, pa, p, len);
	return sim_dma_read(NULL, pa, buf, len);
}

static void bus_irq(void *ctx, enum lzm_irq line)
{
	struct exr_unit *u = ctx;

	if (line == LZM_IRQ_GERROR)
		sim_irq_raise(u->irq_gerror, u->rig->hw.knobs.gerror_irq_delay_ns);
	if (line == LZM_IRQ_EVTQ)
		sim_irq_raise(u->irq_evtq, 0);
	if (line == LZM_IRQ_CMDQV)
		sim_irq_raise(u->irq_cmdqv, u->rig->hw.knobs.gerror_irq_delay_ns);
}

static bool on_atc_inv(void *user, const struct lzm_atc_inv *inv)
{
	struct exr_dev *d = user;
	bool lost;

	(void)inv;
	d->guilty |= !lzm_ep_answers(d->ep);
	exr_atc_inv(d);
	lost = ex_maybe(d->rig->run, EX_LATE, "device %u leaves an invalidation unanswered",
			d->index);
	d->guilty |= lost;
	return !lost;
}

static void on_dma(void *user, uint64_t iova, uint64_t pa, enum lzm_access access, bool translated)
{
	(void)access;
	exr_dma(user, iova, pa, translated);
}

/* Unless the IOMMU is told, what is outstanding runs into its timeout. */
static bool on_reset(void *user)
{
	struct exr_dev *d = user;

	d->guilty = d->mute = d->doubted = d->silent = false;
	return d->rig->c->reset_told;
}

/* A function with several stream ids uses all of them, for ATS its own: answers to
 * another one's go there. */
static uint32_t some_sid(void *user, uint64_t addr, bool ats)
{
	const struct exr_dev *d = user;

	return d->sid[addr / LZ_PAGE % (ats ? d->n_own : d->n_sids)];
}

static const struct lzm_watch watch = {on_atc_inv, on_dma, on_reset, some_sid};

static void gerror_irq(void *arg)
{
	struct exr_unit *u = arg;

	if (u->iommu) /* a late one may come when all is gone */
		(void)u->rig->iommu->error_irq(u->iommu);
}

static void evtq_irq(void *arg)
{
	struct exr_unit *u = arg;

	if (u->iommu)
		(void)u->rig->iommu->fault_irq(u->iommu);
}

static void user_irq(void *arg)
{
	struct exr *r = arg;

	if (r->user_irq)
		r->user_irq(r);
}

static bool iommu_step(void *arg)
{
	struct exr_unit *u = arg;

	return lzm_iommu_step(u->model);
}

static lz_ns iommu_wake(void *arg)
{
	struct exr_unit *u = arg;

	return lzm_iommu_wake(u->model);
}

/* A function does DMA when it likes: the pages that it knows, one by one. */
static void some_dma(struct exr_dev *d)
{
	unsigned page = d->dma_next++ % 4;

	d->dma_left--;
	(void)lzm_ep_dma(d->ep, EXR_IOVA + page * LZ_PAGE, LZM_WRITE);
}

static bool may_dma(void *arg)
{
	const struct exr_dev *d = arg;

	return d->dma_left && d->rig->run->exploring && lzm_ep_atc_used(d->ep);
}

static bool ep_step(void *arg)
{
	struct exr_dev *d = arg;

	if (lzm_ep_step(d->ep))
		return true;
	if (!may_dma(d))
		return false;
	some_dma(d);
	return true;
}

static lz_ns ep_wake(void *arg)
{
	return lzm_ep_wake(((struct exr_dev *)arg)->ep);
}

/* ---- the library's surroundings ---- */

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	struct exr_dev *d = ctx;

	if (ex_maybe(d->rig->run, EX_CONFIG, "device %u: config space 0x%x reads all ones",
		     d->index, off)) {
		d->mute = true;
		d->doubted |= d->asked;
		return width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;
	}
	return lzm_ep_cfg_read(d->ep, off, width);
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	struct exr_dev *d = ctx;

	if (ex_maybe(d->rig->run, EX_CONFIG, "device %u: a write to config space 0x%x is lost",
		     d->index, off)) {
		d->mute = true;
		return;
	}
	lzm_ep_cfg_write(d->ep, off, width, v);
	sim_hw_changed();
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

/* ---- completion order ---- */

/* What is given up is a regime's freedom at any time; that others come before the
 * oldest is bounded. */
static unsigned choose(void *ctx, enum lzm_choice what, unsigned n)
{
	struct exr *r = ctx;

	if (!r->run->exploring)
		return 0;
	if (what == LZM_CHOOSE_LOST)
		return ex_value(r->run, n);
	if (!ex_maybe(r->run, EX_REORDER, "%s overtakes the oldest of %u",
		      what == LZM_CHOOSE_ANSWER ? "an answer" : "a queue", n))
		return 0;
	return 1 + ex_value(r->run, n - 1);
}

/* ---- building ---- */

static void build_unit(struct exr *r, unsigned i)
{
	static const char *const name[][2] = {
		[EXR_SMMUV3] = {"smmu", "smmu 2"}, [EXR_RISCV] = {"iommu", "iommu 2"}};
	struct exr_unit *u = &r->unit[i];
	const struct lzm_bus bus = {u, mem_read, sim_dma_write, bus_irq, sim_hw_now, NULL};
	struct sim_hw hw = {name[r->c->iommu][i], iommu_step, iommu_wake, u};

	u->rig = r;
	if (!r->iommu->create(u, &bus))
		exr_must(r, LZ_EINVAL, "the IOMMU model");
	sim_mmio_add(&(struct sim_mmio){EXR_MMIO + i * EXR_MMIO_SIZE, r->iommu->mmio_size(u),
					lzm_board_read, lzm_board_write, u->board});
	sim_hw_add_exact(&hw, NULL);
}

static void build_model(struct exr *r)
{
	lzm_smmu_config_default(&r->hw);
	r->hw.knobs.ats_timeout_ns = r->c->ats_timeout;
	r->iommu->configure(r);
	r->chooser = (struct lzm_chooser){r, choose};
	for (unsigned i = 0; i < r->n_units; i++)
		build_unit(r, i);
}

static void build_ep(struct exr *r, unsigned i)
{
	static const char *const name[] = {"0000:01:00.0", "0000:02:00.0", "0000:03:00.0"};
	struct exr_dev *d = &r->dev[i];
	uint8_t config[LZM_CONFIG_SIZE];
	struct lzm_ep_config c = {.name = name[i],
				  .config = config,
				  .config_len = sizeof(config),
				  .sid = (i + 1) << 8,
				  .atc_entries = 8,
				  .answer_ns = 200,
				  .flr_ns = r->c->reset_time,
				  .seed = i + 1};
	struct sim_hw hw = {name[i], ep_step, ep_wake, d};

	lzm_config_make(config, LZM_CAP_FLR | LZM_CAP_ATS | LZM_CAP_PASID);
	d->rig = r;
	d->unit = &r->unit[i % r->n_units];
	d->index = i;
	d->n_sids = d->n_own = (unsigned)r->c->streams;
	for (unsigned k = 0; k < d->n_own; k++)
		d->sid[k] = c.sid + k;
	if (r->c->alias && i)
		d->sid[d->n_sids++] = r->dev[0].sid[0];
	d->dma_left = (unsigned)r->c->dma;
	d->ep = lzm_board_add(d->unit->board, &c, &watch, d);
	if (!d->ep)
		exr_must(r, LZ_EINVAL, "the endpoint model");
	lzm_ep_set_chooser(d->ep, &r->chooser);
	for (unsigned k = 1; k < d->n_own; k++)
		if (!lzm_board_alias(d->unit->board, d->ep, d->sid[k]))
			exr_must(r, LZ_ENOMEM, "the endpoint model");
	sim_hw_add_exact(&hw, may_dma);
	d->pci = (struct lz_pci_access){
		.ctx = d, .read = pci_read, .write = pci_write, .sleep = pci_sleep};
	d->owner = (struct lz_owner_ops){.error_detected = owner_error, .resume = owner_resume};
}

enum lz_status exr_add(struct exr *r, unsigned i)
{
	struct exr_dev *d = &r->dev[i];
	struct lz_device_desc desc = {.name = lzm_ep_name(d->ep),
				      .iommu = d->unit->iommu,
				      .streams = d->sid,
				      .n_streams = d->n_sids,
				      .pci = &d->pci,
				      .ats = true,
				      .pasid_bits = (unsigned)r->c->pasid_bits,
				      .owner = &d->owner,
				      .owner_ctx = d,
				      .user = d};

	d->quarantined_gen = 0;
	d->guilty = d->broken = d->claimed = d->reset_ok = false;
	d->asked = d->doubted = d->silent = d->listens = d->hears = false;
	return lz_device_add(d->group, &desc, &d->dev);
}

static void add_device(struct exr *r, unsigned i)
{
	struct exr_dev *d = &r->dev[i];

	if (r->c->same_group && i)
		d->group = r->dev[0].group;
	else
		exr_must(r, lz_group_create(r->lz, i, &d->group), "lz_group_create()");
	exr_must(r, exr_add(r, i), "lz_device_add()");
}

unsigned exr_log2(uint64_t v)
{
	unsigned n = 0;

	while (v >>= 1)
		n++;
	return n;
}

void exr_build_library(struct exr *r)
{
	lz_config_default(&r->cfg);
	r->cfg.sync_bound = r->c->sync_bound;
	r->cfg.atomic_wait = r->c->atomic_wait;
	r->cfg.late_bound = r->c->late_bound;
	r->cfg.settle_max = (uint32_t)r->c->settle_max;
	r->cfg.event = exr_event;
	r->cfg.event_ctx = r;
	exr_must(r, lz_init(sim_port(), &r->cfg, &r->lz), "lz_init()");
	for (unsigned i = 0; i < r->n_units; i++) {
		r->worker[i].lz = r->lz;
		sim_task(i ? "worker 2" : "worker", 1 + 2 * i, sim_worker_task, &r->worker[i]);
	}
	for (unsigned i = 0; i < r->n_units; i++)
		exr_must(r, r->iommu->add(&r->unit[i], EXR_MMIO + i * EXR_MMIO_SIZE),
			 "adding the IOMMU");
	for (unsigned i = 0; i < r->n_devs; i++)
		add_device(r, i);
}

void exr_build_machine(struct exr *r)
{
	build_model(r);
	for (unsigned i = 0; i < r->n_devs; i++)
		build_ep(r, i);
	for (unsigned i = 0; i < r->n_units; i++) {
		struct exr_unit *u = &r->unit[i];

		u->irq_gerror = sim_irq_line(i ? "gerror 2" : "gerror", 2, gerror_irq, u);
		u->irq_evtq = sim_irq_line(i ? "evtq 2" : "evtq", 2, evtq_irq, u);
	}
	r->irq_user = sim_irq_line("user", 0, user_irq, r);
}

void exr_take_apart(struct exr *r)
{
	for (unsigned i = 0; i < r->n_units; i++) {
		lzm_cmdqv_destroy(r->unit[i].cmdqv);
		lzm_board_destroy(r->unit[i].board);
	}
}

/* The freedom that the hardware takes in this run. */
void exr_regime(struct exr *r)
{
	const struct ex_case *c = r->c;

	const char *name = NULL;

	if (c->n_regimes) {
		name = c->regime[ex_value(r->run, c->n_regimes)];
		(void)lzm_smmu_regime(name, &r->hw.knobs);
	}
	r->hw.knobs.seed = r->run->seed + 1;
	for (unsigned i = 0; i < r->n_units; i++)
		if (!r->iommu->regime(&r->unit[i], name))
			exr_must(r, LZ_EINVAL, "the IOMMU model");
}
