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

/* ---- the endpoints' surroundings ---- */

static struct rig_fn *fn_of(struct rig_unit *u, const struct lzm_ep *ep)
{
	struct rig_fn *fn = rig_fn_by_sid(u, lzm_ep_sid(ep));
	struct rig *r = u->rig;

	if (fn && fn->ep == ep)
		return fn;
	for (unsigned i = 0; i < r->n_fns; i++)
		if (r->fns[i].ep == ep)
			return &r->fns[i];
	return NULL;
}

static void ep_answer(void *ctx, struct lzm_ep *ep, uint64_t tag, enum lzm_atc_answer a)
{
	struct rig_unit *u = ctx;
	struct rig_fn *fn = fn_of(u, ep);

	if (fn)
		fn->silent = false; /* late, where the hardware lets it be */
	lzm_iommu_atc_answer(&u->model, tag, a);
}

static enum lzm_result ep_translate(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				    struct lzm_translation *out)
{
	struct rig_unit *u = ctx;

	return lzm_iommu_translate(&u->model, lzm_ep_sid(ep), pasid, iova, out);
}

static enum lzm_result ep_translated(void *ctx, struct lzm_ep *ep, uint64_t pa,
				     enum lzm_access access, uint64_t *out_pa)
{
	struct rig_unit *u = ctx;

	return lzm_iommu_translated(&u->model, lzm_ep_sid(ep), pa, access, out_pa);
}

static enum lzm_result ep_untranslated(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				       enum lzm_access access, uint64_t *pa)
{
	struct rig_unit *u = ctx;

	return lzm_iommu_untranslated(&u->model, lzm_ep_sid(ep), pasid, iova, access, pa);
}

static void ep_dma(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova, uint64_t pa,
		   enum lzm_access access, bool translated)
{
	struct rig_fn *fn = fn_of(ctx, ep);

	if (fn)
		oracle_dma(fn, pasid, iova, pa, access == LZM_WRITE, translated);
}

static void ep_reset(void *ctx, struct lzm_ep *ep)
{
	struct rig_unit *u = ctx;
	struct rig_fn *fn = fn_of(u, ep);

	if (!fn)
		return;
	for (unsigned i = 0; i < fn->n_sids; i++)
		lzm_iommu_device_reset(&u->model, fn->sids[i]);
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
	fn->unit = &r->unit[rig_unit_index(r->sc, r->machine, f)];
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
	fn->ep = lzm_ep_create(&cfg, &fn->unit->link);
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

bool build_models(struct rig *r)
{
	const struct machine *m = r->machine;
	struct sim_hw eps = {"endpoints", eps_step, eps_wake, r};

	if (!units_build(r))
		return false;
	for (unsigned i = 0; i < r->n_units; i++)
		r->unit[i].link = (struct lzm_ep_link){
			.ctx = &r->unit[i],
			.now = sim_hw_now,
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

		if (f->smmu != MACHINE_NONE && f->n_stream_ids && f->group != MACHINE_NONE &&
		    !build_fn(r, i, f))
			return false;
	}
	if (!units_start(r))
		return false;
	sim_hw_add(&eps);
	traffic_start(r);
	return true;
}

/* ---- library ---- */

bool build_may_refuse(const struct rig_fn *fn, enum lz_status st)
{
	const struct rig *r = fn->rig;

	switch (st) {
	case LZ_EEXIST:
		return true;
	case LZ_ENODEV:
		return fn->unit->dead;
	case LZ_ETIMEDOUT:
		return r->storm && r->armed;
	case LZ_EIO:
		return r->storm && r->armed && lzm_ep_cfg_read(fn->ep, 0, 4) == UINT32_MAX;
	default:
		return false;
	}
}

bool build_device(struct rig_fn *fn)
{
	struct lz_device_desc desc = {
		.name = fn->name,
		.iommu = fn->unit->iommu,
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

	if (st != LZ_OK) {
		fn->dev = NULL;
		if (build_may_refuse(fn, st))
			return true;
		rig_fail(fn->rig, "%s cannot be added: %s", fn->name, lz_status_name(st));
		return false;
	}
	owner_enable(fn);
	return true;
}

bool build_library(struct rig *r)
{
	enum lz_status st = lz_init(sim_port(), &r->cfg, &r->lz);

	if (st != LZ_OK) {
		rig_fail(r, "the library does not start: %s", lz_status_name(st));
		return false;
	}
	if (!units_add(r))
		return false;
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

/* What a destroyed domain waits for may be more than its pages. */
static bool domains_gone(const struct rig *r)
{
	for (const struct rig_domain *d = r->domains; d; d = d->next)
		if (!d->gone)
			return false;
	return true;
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
	} while ((st.custody_pages || st.references || st.blocked_ids || !domains_gone(r)) &&
		 sim_now() < until);
	oracle_books(r, &st);
	for (unsigned i = 0; i < r->n_groups; i++)
		if (r->groups[i].grp && lz_group_destroy(r->groups[i].grp) != LZ_OK)
			oracle_violation(r, INV_E, "group %u cannot be destroyed", r->groups[i].id);
	units_remove(r);
	/* Only now: the SMMU's own work looks for late errors while it exists. */
	lz_stats_get(r->lz, &st);
	r->lz_cmdq_errors = st.cmdq_errors;
	if (st.work_pending)
		oracle_violation(r, INV_E, "%llu work items are left",
				 (unsigned long long)st.work_pending);
	units_rest(r);
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
	units_free(r);
	free(r->fns);
	free(r->busy);
	free(r->odd);
	free(r->groups);
}
