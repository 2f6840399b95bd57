/* SPDX-License-Identifier: BSD-2-Clause */
/* From machine and scenario to models, interrupt lines and library objects. */
#include "bench/oracle.h"
#include "bench/owner.h"
#include "bench/rig.h"
#include "bench/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASID_AT   0xff0u /* nothing else is that high */
#define PASID_BITS 4u

/* ---- the IOMMU's surroundings ---- */

/* Is it a command that the hardware has not read before? It looks again at a sync that
 * had to wait, and may have read ahead. */
static bool is_fetch(struct rig *r, uint64_t pa)
{
	uint64_t start, bytes, ahead;

	r->hw->ring(r, &start, &bytes);
	if (pa < start || pa >= start + bytes || pa % 16)
		return false;
	ahead = (pa - r->last_fetch) & (bytes - 1);
	if (!ahead || ahead > bytes / 2)
		return false;
	r->last_fetch = pa;
	return true;
}

static bool mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	struct rig *r = ctx;
	void *host = sim_dma_ptr(pa, len);

	if (!host)
		return false;
	/* One fetched command is overwritten in memory before the SMMU sees it. */
	if (len >= 16 && is_fetch(r, pa) && r->spoil_command) {
		*(uint8_t *)host = 0xff; /* no command has this opcode */
		r->spoil_command = false;
	}
	memcpy(buf, host, len);
	return true;
}

static bool mem_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	void *host = sim_dma_ptr(pa, len);

	(void)ctx;
	if (!host)
		return false;
	memcpy(host, buf, len);
	return true;
}

static void hw_irq(void *ctx, enum lzm_irq line)
{
	struct rig *r = ctx;

	if (line == LZM_IRQ_GERROR)
		sim_irq_raise(r->irq_gerror, r->gerror_delay);
	else if (line == LZM_IRQ_EVTQ)
		sim_irq_raise(r->irq_evtq, 0);
}

static uint64_t now_cb(void *ctx)
{
	(void)ctx;
	return sim_now();
}

static void hw_atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	struct rig *r = ctx;
	struct rig_fn *fn = rig_fn_by_sid(r, inv->sid);

	if (!fn) { /* nobody there: the fabric answers */
		r->hw->answer(r, tag, LZM_ATC_UR);
		return;
	}
	oracle_invalidate(fn, inv);
	lzm_ep_invalidate(fn->ep, tag, inv);
	rig_ep_touch(fn);
}

static uint64_t mmio_read(void *arg, uint32_t off, unsigned width)
{
	struct rig *r = arg;

	return r->hw->read(r, off, width);
}

static void mmio_write(void *arg, uint32_t off, unsigned width, uint64_t value)
{
	struct rig *r = arg;

	r->hw->write(r, off, width, value);
}

static bool hw_step(void *arg)
{
	struct rig *r = arg;

	return r->hw->step(r);
}

static lz_ns hw_wake(void *arg)
{
	struct rig *r = arg;

	return r->hw->wake(r);
}

static void gerror_irq(void *arg)
{
	struct rig *r = arg;

	if (r->iommu)
		(void)r->hw->error_irq(r->iommu);
}

static void evtq_irq(void *arg)
{
	struct rig *r = arg;

	if (r->iommu)
		(void)r->hw->fault_irq(r->iommu);
}

/* ---- the endpoints' surroundings ---- */

static struct rig_fn *fn_of(struct rig *r, const struct lzm_ep *ep)
{
	struct rig_fn *fn = rig_fn_by_sid(r, lzm_ep_sid(ep));

	if (fn && fn->ep == ep)
		return fn;
	for (unsigned i = 0; i < r->n_fns; i++)
		if (r->fns[i].ep == ep)
			return &r->fns[i];
	return NULL;
}

static void ep_answer(void *ctx, struct lzm_ep *ep, uint64_t tag, enum lzm_atc_answer a)
{
	struct rig *r = ctx;

	(void)ep;
	r->hw->answer(r, tag, a);
}

static enum lzm_result ep_translate(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				    struct lzm_translation *out)
{
	struct rig *r = ctx;

	return r->hw->translate(r, lzm_ep_sid(ep), pasid, iova, out);
}

static enum lzm_result ep_translated(void *ctx, struct lzm_ep *ep, uint64_t pa,
				     enum lzm_access access, uint64_t *out_pa)
{
	struct rig *r = ctx;

	return r->hw->translated(r, lzm_ep_sid(ep), pa, access, out_pa);
}

static enum lzm_result ep_untranslated(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				       enum lzm_access access, uint64_t *pa)
{
	struct rig *r = ctx;

	return r->hw->untranslated(r, lzm_ep_sid(ep), pasid, iova, access, pa);
}

static void ep_dma(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova, uint64_t pa,
		   enum lzm_access access, bool translated)
{
	struct rig *r = ctx;
	struct rig_fn *fn = fn_of(r, ep);

	if (fn)
		oracle_dma(fn, pasid, iova, pa, access == LZM_WRITE, translated);
}

static void ep_reset(void *ctx, struct lzm_ep *ep)
{
	struct rig *r = ctx;
	struct rig_fn *fn = fn_of(r, ep);

	if (!fn)
		return;
	for (unsigned i = 0; i < fn->n_sids; i++)
		r->hw->device_reset(r, fn->sids[i]);
	oracle_reset(fn);
	rig_ep_touch(fn);
}

void rig_ep_touch(struct rig_fn *fn)
{
	if (!fn->ep_busy)
		fn->rig->busy[fn->rig->n_busy++] = fn;
	fn->ep_busy = true;
}

static bool eps_step(void *arg)
{
	struct rig *r = arg;
	bool did = false;

	for (unsigned i = r->n_busy; i-- > 0;) {
		struct rig_fn *fn = r->busy[i];

		if (lzm_ep_step(fn->ep)) {
			did = true;
		} else if (lzm_ep_wake(fn->ep) == LZM_NEVER) {
			fn->ep_busy = false;
			r->busy[i] = r->busy[--r->n_busy];
		}
	}
	return did;
}

static lz_ns eps_wake(void *arg)
{
	struct rig *r = arg;
	lz_ns first = LZ_NEVER;

	for (unsigned i = 0; i < r->n_busy; i++) {
		lz_ns t = lzm_ep_wake(r->busy[i]->ep);

		if (t < first)
			first = t;
	}
	return first;
}

static uint32_t pci_read(void *ctx, unsigned offset, unsigned width)
{
	struct rig_fn *fn = ctx;

	return lzm_ep_cfg_read(fn->ep, offset, width);
}

static void pci_write(void *ctx, unsigned offset, unsigned width, uint32_t value)
{
	struct rig_fn *fn = ctx;

	/* H01 */
	if (fn->looking && !fn->resetting)
		oracle_violation(fn->rig, INV_H, "%s: asking for resets writes config space 0x%x",
				 fn->name, offset);
	lzm_ep_cfg_write(fn->ep, offset, width, value);
	rig_ep_touch(fn);
}

static uint32_t bar_read(void *ctx, unsigned offset, unsigned width)
{
	struct rig_fn *fn = ctx;

	return lzm_ep_bar_read(fn->ep, offset, width);
}

static void bar_write(void *ctx, unsigned offset, unsigned width, uint32_t value)
{
	struct rig_fn *fn = ctx;

	lzm_ep_bar_write(fn->ep, offset, width, value);
	rig_ep_touch(fn);
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	sim_sleep_until(sim_now() + ns);
}

/* ---- models ---- */

static bool wants_ats(const struct rig *r, const struct machine_function *f, uint32_t bdf,
		      bool *added)
{
	const struct scenario_machine *m = &r->sc->machine;

	*added = false;
	switch (m->ats) {
	case SCENARIO_ATS_PLATFORM:
		return machine_ats_usable(f);
	case SCENARIO_ATS_CAPABLE:
		return f->ats != 0;
	case SCENARIO_ATS_LIST:
		for (size_t i = 0; i < m->ats_list.n; i++)
			if (m->ats_list.item[i].bdf == bdf) {
				*added = f->ats == 0;
				return true;
			}
		return false;
	}
	return false;
}

static struct rig_fn *built(struct rig *r, int index)
{
	for (unsigned i = 0; i < r->n_fns; i++)
		if (index != MACHINE_NONE && r->fns[i].mf == &r->machine->functions[index])
			return &r->fns[i];
	return NULL;
}

/* Would a reset of the bus above hit anything but the function and its VFs? */
static bool is_alone(const struct machine *m, const struct machine_function *f)
{
	for (unsigned i = 0; i < m->n_functions; i++) {
		const struct machine_function *o = &m->functions[i];
		bool own = o->is_vf && o->pf == (int)(f - m->functions);

		if (o != f && !own && o->segment == f->segment && o->bus == f->bus)
			return false;
	}
	return true;
}

static unsigned get(const uint8_t *config, unsigned at, unsigned width)
{
	unsigned v = 0;

	while (width--)
		v = v << 8 | config[at + width];
	return v;
}

/* A PASID capability of four bits at the end of extended config space. */
static void add_pasid(uint8_t *config)
{
	unsigned last = 0x100, at = get(config, last, 4) ? PASID_AT : last;

	while (get(config, last + 2, 2) >> 4 >= 0x100)
		last = get(config, last + 2, 2) >> 4;
	if (at != last) {
		config[last + 2] = (uint8_t)((config[last + 2] & 0xf) | (at & 0xf) << 4);
		config[last + 3] = (uint8_t)(at >> 4);
	}
	memcpy(config + at, (const uint8_t[8]){0x1b, 0, 0x01, 0, 0, PASID_BITS}, 8);
}

static bool wants_pasids(const struct rig *r, uint32_t bdf)
{
	for (size_t i = 0; i < r->sc->n_domains; i++)
		for (size_t k = 0; r->sc->domains[i].pasid && k < r->sc->domains[i].devices.n; k++)
			if (r->sc->domains[i].devices.item[k].bdf == bdf)
				return true;
	return false;
}

static bool build_fn(struct rig *r, unsigned index, const struct machine_function *f)
{
	struct rig_fn *fn = &r->fns[r->n_fns];
	struct lzm_ep_config cfg = {0};
	uint8_t config[4096] = {0};

	fn->rig = r;
	fn->index = r->n_fns;
	fn->mf = f;
	fn->bdf = f->segment << 16 | f->rid;
	snprintf(fn->name, sizeof(fn->name), "%s", f->bdf);
	fn->n_sids = f->n_stream_ids;
	memcpy(fn->sids, f->stream_ids, f->n_stream_ids * sizeof(fn->sids[0]));
	fn->ats = wants_ats(r, f, fn->bdf, &fn->ats_added);
	fn->upstream = built(r, f->upstream);
	fn->pf = f->is_vf ? built(r, f->pf) : NULL;
	for (unsigned i = 0; i < r->n_groups; i++)
		if (f->group != MACHINE_NONE &&
		    r->groups[i].id == (unsigned)r->machine->groups[f->group].id)
			fn->group = &r->groups[i];

	cfg.name = fn->name;
	cfg.config = f->config;
	cfg.config_len = f->config_len;
	if (f->config_len == sizeof(config) && wants_pasids(r, fn->bdf)) {
		memcpy(config, f->config, sizeof(config));
		add_pasid(config);
		cfg.config = config;
		fn->pasid_bits = PASID_BITS;
	} else if (r->sc->storm.line) {
		fn->pasid_bits = f->pasid_bits;
	}
	cfg.vendor = f->vendor;
	cfg.device = f->device;
	cfg.add_ats = fn->ats_added;
	/* What is behind a bridge to conventional PCI arrives under its alias. */
	cfg.sid = f->pcie_type == MACHINE_NONE ? fn->sids[fn->n_sids - 1] : fn->sids[0];
	cfg.atc_entries = 32;
	cfg.answer_ns = 500;
	cfg.flr_ns = LZ_MS(20);
	cfg.seed = r->opt.seed * 131 + index;
	cfg.upstream = fn->upstream ? fn->upstream->ep : NULL;
	cfg.pf = fn->pf ? fn->pf->ep : NULL;
	fn->ep = lzm_ep_create(&cfg, &r->link);
	fn->pci = (struct lz_pci_access){
		.ctx = fn,
		.read = pci_read,
		.write = pci_write,
		.sleep = pci_sleep,
		.upstream = fn->upstream ? &fn->upstream->pci : NULL,
		.vendor = f->vendor,
		.device = f->device,
		.alone = is_alone(r->machine, f),
		.bar_read = bar_read,
		.bar_write = bar_write,
	};
	r->n_fns++;
	return fn->ep != NULL;
}

const struct hardware *hardware_of(const struct scenario *sc)
{
	return sc->machine.iommu == SCENARIO_IOMMU_RISCV ? &hardware_riscv : &hardware_smmuv3;
}

static bool build_iommu(struct rig *r)
{
	r->hw = hardware_of(r->sc);
	r->res->iommu_name = r->hw->name;
	r->bus = (struct lzm_bus){
		.ctx = r,
		.mem_read = mem_read,
		.mem_write = mem_write,
		.irq = hw_irq,
		.now = now_cb,
		.atc_inv = hw_atc_inv,
	};
	return r->hw->create(r);
}

/* Where it is among its sender's: his own id is the first. */
static unsigned rank_of(const struct rig_id *e)
{
	unsigned k = 0;

	while (e->fn->sids[k] != e->id)
		k++;
	return k;
}

/* Of equal ids, whose own it is comes before whoever sends it in another's name. */
static int by_id(const void *a, const void *b)
{
	const struct rig_id *x = a, *y = b;
	unsigned rank_x = rank_of(x), rank_y = rank_of(y);

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	if (rank_x != rank_y)
		return rank_x < rank_y ? -1 : 1;
	return x->fn->index < y->fn->index ? -1 : 1;
}

/* False: out of memory. */
static bool index_ids(struct rig *r)
{
	unsigned n = 0, kept = 0;

	for (unsigned i = 0; i < r->n_fns; i++)
		n += r->fns[i].n_sids;
	r->ids = calloc(n + 1, sizeof(*r->ids));
	if (!r->ids)
		return false;
	for (unsigned i = 0; i < r->n_fns; i++)
		for (unsigned k = 0; k < r->fns[i].n_sids; k++)
			r->ids[r->n_ids++] = (struct rig_id){r->fns[i].sids[k], &r->fns[i]};
	qsort(r->ids, n, sizeof(*r->ids), by_id);
	for (unsigned i = 0; i < n; i++)
		if (!kept || r->ids[kept - 1].id != r->ids[i].id)
			r->ids[kept++] = r->ids[i];
	r->n_ids = kept;
	return true;
}

bool build_models(struct rig *r)
{
	const struct machine *m = r->machine;
	struct sim_mmio mmio = {RIG_MMIO_BASE, RIG_MMIO_SIZE, mmio_read, mmio_write, r};
	struct sim_hw iommu = {"iommu", hw_step, hw_wake, r};
	struct sim_hw eps = {"endpoints", eps_step, eps_wake, r};

	if (!build_iommu(r))
		return false;
	r->link = (struct lzm_ep_link){
		.ctx = r,
		.now = now_cb,
		.answer = ep_answer,
		.translate = ep_translate,
		.translated = ep_translated,
		.untranslated = ep_untranslated,
		.dma = ep_dma,
		.reset = ep_reset,
	};
	r->groups = calloc(m->n_groups + 1, sizeof(*r->groups));
	r->fns = calloc(m->n_functions + 1, sizeof(*r->fns));
	r->busy = calloc(m->n_functions + 1, sizeof(*r->busy));
	r->odd = calloc(m->n_functions + 1, sizeof(*r->odd));
	if (!r->groups || !r->fns || !r->busy || !r->odd)
		return false;
	for (unsigned i = 0; i < m->n_groups; i++)
		r->groups[r->n_groups++].id = (unsigned)m->groups[i].id;
	/* Bridges come before what is below them in every dump. */
	for (unsigned i = 0; i < m->n_functions; i++) {
		const struct machine_function *f = &m->functions[i];

		if (f->smmu == 0 && f->n_stream_ids && f->group != MACHINE_NONE &&
		    !build_fn(r, i, f))
			return false;
	}
	if (!index_ids(r))
		return false;
	sim_mmio_add(&mmio);
	sim_hw_add(&iommu);
	sim_hw_add(&eps);
	traffic_start(r);
	r->irq_gerror = sim_irq_line("gerror", 0, gerror_irq, r);
	r->irq_evtq = sim_irq_line("evtq", r->cpus - 1, evtq_irq, r);
	return true;
}

/* ---- library ---- */

bool build_device(struct rig_fn *fn)
{
	struct lz_device_desc desc = {
		.name = fn->name,
		.iommu = fn->rig->iommu,
		.streams = fn->sids,
		.n_streams = fn->n_sids,
		.pci = &fn->pci,
		.ats = fn->ats,
		.pasid_bits = fn->pasid_bits,
		.owner = &owner_ops,
		.owner_ctx = fn,
		.user = fn,
		.pf = fn->pf ? fn->pf->dev : NULL,
	};
	enum lz_status st = lz_device_add(fn->group->grp, &desc, &fn->dev);

	/* The removal before is not finished; or the queue does not answer in a storm,
	 * whose end tries again. */
	if (st == LZ_EEXIST || (st != LZ_OK && fn->rig->storm && fn->rig->armed)) {
		fn->dev = NULL;
		return true;
	}
	if (st != LZ_OK) {
		fn->dev = NULL;
		rig_fail(fn->rig, "%s cannot be added: %s", fn->name, lz_status_name(st));
		return false;
	}
	owner_enable(fn);
	return true;
}

bool build_library(struct rig *r)
{
	enum lz_status st = lz_init(sim_port(), &r->cfg, &r->lz);

	if (st == LZ_OK)
		st = r->hw->add(r, &r->iommu);
	if (st != LZ_OK) {
		rig_fail(r, "the library does not start: %s", lz_status_name(st));
		return false;
	}
	r->worker.lz = r->lz;
	r->worker_made = true;
	sim_task("worker", 1 % r->cpus, sim_worker_task, &r->worker);
	for (unsigned i = 0; i < r->n_groups; i++) {
		st = lz_group_create(r->lz, r->groups[i].id, &r->groups[i].grp);
		if (st != LZ_OK) {
			rig_fail(r, "group %u: %s", r->groups[i].id, lz_status_name(st));
			return false;
		}
	}
	for (unsigned i = 0; i < r->n_fns; i++)
		if (!build_device(&r->fns[i]))
			return false;
	return true;
}

static void stop_worker(struct rig *r)
{
	if (!r->worker_made)
		return;
	r->worker.stop = true;
	sim_port()->kick(sim_port()->ctx);
}

void build_teardown(struct rig *r)
{
	struct lz_stats st = {0};
	lz_ns until;
	enum lz_status end;

	if (!r->lz)
		return;
	for (unsigned i = 0; i < r->n_fns; i++)
		if (r->fns[i].dev)
			space_remove_device(&r->fns[i]);
	for (struct rig_domain *d = r->domains; d; d = d->next)
		if (!d->dead)
			space_destroy(d);
	until = sim_now() + RIG_SETTLE;
	do {
		sim_sleep_until(sim_now() + LZ_MS(1));
		lz_stats_get(r->lz, &st);
	} while ((st.custody_pages || st.references || st.blocked_ids) && sim_now() < until);
	oracle_books(r, &st);
	for (unsigned i = 0; i < r->n_groups; i++)
		if (r->groups[i].grp && lz_group_destroy(r->groups[i].grp) != LZ_OK)
			oracle_violation(r, INV_E, "group %u cannot be destroyed", r->groups[i].id);
	if (r->iommu) {
		struct lz_iommu *iommu = r->iommu;

		end = r->hw->remove(iommu);
		if (end != LZ_OK)
			oracle_violation(r, INV_E, "the IOMMU cannot be removed: %s",
					 lz_status_name(end));
		else
			r->iommu = NULL;
	}
	/* Only now: the SMMU's own work looks for late errors while it exists. */
	lz_stats_get(r->lz, &st);
	r->lz_cmdq_errors = st.cmdq_errors;
	if (st.work_pending)
		oracle_violation(r, INV_E, "%llu work items are left",
				 (unsigned long long)st.work_pending);
	stop_worker(r);
	sim_sleep_until(sim_now() + LZ_MS(1));
	end = lz_fini(r->lz);
	if (end != LZ_OK)
		oracle_violation(r, INV_E, "the library cannot be ended: %s", lz_status_name(end));
}

void build_free(struct rig *r)
{
	while (r->domains) {
		struct rig_domain *next = r->domains->next;

		free(r->domains);
		r->domains = next;
	}
	for (unsigned i = r->n_fns; i-- > 0;)
		if (r->fns[i].ep)
			lzm_ep_destroy(r->fns[i].ep);
	if (r->hw)
		r->hw->destroy(r);
	free(r->fns);
	free(r->busy);
	free(r->odd);
	free(r->ids);
	free(r->groups);
}
