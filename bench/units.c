/* SPDX-License-Identifier: BSD-2-Clause */
/* The IOMMUs of a rig: their models, what reaches them, and their place in the library. */
#include "bench/oracle.h"
#include "bench/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a model's surroundings ---- */

/* Is it a command that the hardware has not read before? It looks again at a sync that
 * had to wait, and may have read ahead. */
static bool is_fetch(struct rig_unit *u, uint64_t pa)
{
	uint64_t start, bytes, ahead;

	lzm_iommu_ring(&u->model, &start, &bytes);
	if (pa < start || pa >= start + bytes || pa % 16)
		return false;
	ahead = (pa - u->last_fetch) & (bytes - 1);
	if (!ahead || ahead > bytes / 2)
		return false;
	u->last_fetch = pa;
	return true;
}

static bool mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	struct rig_unit *u = ctx;
	void *host = sim_dma_ptr(pa, len);

	if (!host)
		return false;
	/* One fetched command is overwritten in memory before the SMMU sees it. */
	if (len >= 16 && !u->looking && is_fetch(u, pa) && u->spoil_command) {
		*(uint8_t *)host = 0xff; /* no command has this opcode */
		u->spoil_command = false;
	}
	memcpy(buf, host, len);
	return true;
}

static void irq(void *ctx, enum lzm_irq line)
{
	struct rig_unit *u = ctx;

	if (line == LZM_IRQ_GERROR)
		sim_irq_raise(u->irq_gerror, u->gerror_delay);
	else if (line == LZM_IRQ_EVTQ)
		sim_irq_raise(u->irq_evtq, 0);
	else if (line == LZM_IRQ_CMDQV)
		sim_irq_raise(u->irq_cmdqv, u->gerror_delay);
}

static void atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	struct rig_unit *u = ctx;
	struct rig_fn *fn = rig_fn_by_sid(u, inv->sid);

	if (!fn) { /* nobody there: the fabric answers */
		lzm_iommu_atc_answer(&u->model, tag, LZM_ATC_UR);
		return;
	}
	oracle_invalidate(fn, inv);
	lzm_ep_invalidate(fn->ep, tag, inv);
	rig_ep_touch(fn);
}

static uint64_t mmio_read(void *arg, uint32_t off, unsigned width)
{
	struct rig_unit *u = arg;

	return lzm_iommu_read(&u->model, off, width);
}

static void mmio_write(void *arg, uint32_t off, unsigned width, uint64_t value)
{
	struct rig_unit *u = arg;

	lzm_iommu_write(&u->model, off, width, value);
}

static bool step(void *arg)
{
	struct rig_unit *u = arg;

	if (!lzm_iommu_step(&u->model))
		return false;
	oracle_hardware(u);
	return true;
}

static lz_ns wake(void *arg)
{
	struct rig_unit *u = arg;

	return lzm_iommu_wake(&u->model);
}

static void gerror_irq(void *arg)
{
	struct rig_unit *u = arg;

	if (u->iommu)
		(void)u->rig->hw->error_irq(u->iommu);
}

static void evtq_irq(void *arg)
{
	struct rig_unit *u = arg;

	if (u->iommu)
		(void)u->rig->hw->fault_irq(u->iommu);
}

/* ---- models ---- */

static bool build(struct rig *r, unsigned i)
{
	struct rig_unit *u = &r->unit[i];

	u->rig = r;
	u->index = i;
	snprintf(u->name, sizeof(u->name), "%s%u", r->hw->name, i);
	memcpy(r->res->iommus[i].name, u->name, sizeof(u->name));
	u->bus = (struct lzm_bus){
		.ctx = u,
		.mem_read = mem_read,
		.mem_write = sim_dma_write,
		.irq = irq,
		.now = sim_hw_now,
		.atc_inv = atc_inv,
	};
	return r->hw->create(u);
}

const struct hardware *hardware_of(const struct scenario *sc)
{
	return sc->machine.iommu == SCENARIO_IOMMU_RISCV ? &hardware_riscv : &hardware_smmuv3;
}

unsigned rig_units(const struct scenario *sc, const struct machine *m)
{
	unsigned n = m->n_smmus ? m->n_smmus : 1;

	return sc->machine.smmus > n ? (unsigned)sc->machine.smmus : n;
}

static bool in_group_of(const struct machine *m, const struct machine_function *f,
			const struct scenario_device *d)
{
	char name[16];
	int i = machine_find(m, scenario_bdf_format(d->bdf, name));

	return i != MACHINE_NONE && (f == &m->functions[i] || (f->group != MACHINE_NONE &&
							       f->group == m->functions[i].group));
}

unsigned rig_unit_index(const struct scenario *sc, const struct machine *m,
			const struct machine_function *f)
{
	const struct scenario_machine *sm = &sc->machine;

	for (size_t i = 0; i < sm->n_behind; i++)
		for (size_t k = 0; k < sm->behind[i].devices.n; k++)
			if (in_group_of(m, f, &sm->behind[i].devices.item[k]))
				return (unsigned)sm->behind[i].smmu;
	/* Of one that is made up each bus is behind the next. */
	return sm->generate && sm->smmus ? (f->bus - 1u) % (unsigned)sm->smmus : (unsigned)f->smmu;
}

bool units_build(struct rig *r)
{
	r->hw = hardware_of(r->sc);
	if (rig_units(r->sc, r->machine) > RIG_UNITS)
		return false;
	r->n_units = rig_units(r->sc, r->machine);
	for (unsigned i = 0; i < r->n_units; i++)
		if (!build(r, i))
			return false;
	return true;
}

/* Where it is among its sender's: his own id is the first. */
static unsigned rank_of(const struct rig_id *e)
{
	unsigned k = 0;

	while (e->fn->sids[k] != e->id)
		k++;
	return k;
}

static int compare(const struct rig_id *x, const struct rig_id *y)
{
	if (x->unit != y->unit)
		return x->unit->index < y->unit->index ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Of equal ids, whose own it is comes before whoever sends it in another's name. */
static int by_id(const void *a, const void *b)
{
	const struct rig_id *x = a, *y = b;
	unsigned rank_x = rank_of(x), rank_y = rank_of(y);
	int c = compare(x, y);

	if (c)
		return c;
	if (rank_x != rank_y)
		return rank_x < rank_y ? -1 : 1;
	return x->fn->index < y->fn->index ? -1 : 1;
}

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
			r->ids[r->n_ids++] =
				(struct rig_id){r->fns[i].unit, r->fns[i].sids[k], &r->fns[i]};
	qsort(r->ids, n, sizeof(*r->ids), by_id);
	for (unsigned i = 0; i < n; i++)
		if (!kept || compare(&r->ids[kept - 1], &r->ids[i]))
			r->ids[kept++] = r->ids[i];
	r->n_ids = kept;
	return true;
}

struct rig_fn *rig_fn_by_sid(const struct rig_unit *u, uint32_t sid)
{
	const struct rig_id wanted = {.unit = u, .id = sid};
	const struct rig *r = u->rig;
	unsigned first = 0, end = r->n_ids;

	while (first < end) {
		unsigned middle = first + (end - first) / 2;
		int c = compare(&wanted, &r->ids[middle]);

		if (!c)
			return r->ids[middle].fn;
		if (c > 0)
			first = middle + 1;
		else
			end = middle;
	}
	return NULL;
}

bool units_start(struct rig *r)
{
	if (!index_ids(r))
		return false;
	for (unsigned i = 0; i < r->n_units; i++) {
		struct rig_unit *u = &r->unit[i];

		sim_mmio_add(&(struct sim_mmio){
			rig_registers(u), r->hw->registers ? r->hw->registers(u) : RIG_MMIO_SIZE,
			mmio_read, mmio_write, u});
		sim_hw_add(&(struct sim_hw){"iommu", step, wake, u});
		u->irq_gerror = sim_irq_line("gerror", 0, gerror_irq, u);
		u->irq_evtq = sim_irq_line("evtq", r->cpus - 1, evtq_irq, u);
		if (r->hw->start)
			r->hw->start(u);
	}
	return true;
}

void units_free(struct rig *r)
{
	for (unsigned i = 0; i < r->n_units; i++) {
		if (r->unit[i].cmdqv)
			lzm_cmdqv_destroy(r->unit[i].cmdqv);
		lzm_iommu_destroy(&r->unit[i].model);
	}
	free(r->ids);
}

void units_counts(struct rig *r, struct lzm_iommu_counts *out)
{
	*out = (struct lzm_iommu_counts){0};
	for (unsigned i = 0; i < r->n_units; i++) {
		struct lzm_iommu_counts c;

		lzm_iommu_counts_get(&r->unit[i].model, &c);
		out->commands += c.commands;
		out->errors += c.errors;
		out->illegal_driver_use += c.illegal_driver_use;
		if (c.illegal_driver_use)
			memcpy(out->last_misuse, c.last_misuse, sizeof(out->last_misuse));
	}
}

struct rig_unit *rig_unit_of(struct rig *r, const struct lz_iommu *iommu)
{
	for (unsigned i = 1; i < r->n_units; i++)
		if (iommu && r->unit[i].iommu == iommu)
			return &r->unit[i];
	return &r->unit[0];
}

bool rig_any_dead(const struct rig *r)
{
	for (unsigned i = 0; i < r->n_units; i++)
		if (r->unit[i].dead)
			return true;
	return false;
}

bool rig_all_dead(const struct rig *r)
{
	for (unsigned i = 0; i < r->n_units; i++)
		if (!r->unit[i].dead)
			return false;
	return true;
}

/* ---- in the library ---- */

/* A worker each, as one waits while its IOMMU stands still. */
bool units_add(struct rig *r)
{
	for (unsigned i = 0; i < r->n_units; i++) {
		struct rig_unit *u = &r->unit[i];
		enum lz_status st = r->hw->add(u);

		if (st != LZ_OK) {
			rig_fail(r, "the library does not start: %s", lz_status_name(st));
			return false;
		}
	}
	r->workers_made = true;
	for (unsigned i = 0; i < r->n_units; i++) {
		r->unit[i].worker.lz = r->lz;
		sim_task("worker", (i + 1) % r->cpus, sim_worker_task, &r->unit[i].worker);
	}
	return true;
}

void units_remove(struct rig *r)
{
	for (unsigned i = 0; i < r->n_units; i++) {
		struct rig_unit *u = &r->unit[i];
		enum lz_status end = u->iommu ? r->hw->remove(u->iommu) : LZ_OK;

		if (end != LZ_OK)
			oracle_violation(r, INV_E, "%s cannot be removed: %s", u->name,
					 lz_status_name(end));
		else
			u->iommu = NULL;
	}
}

void units_rest(struct rig *r)
{
	if (!r->workers_made)
		return;
	for (unsigned i = 0; i < r->n_units; i++)
		r->unit[i].worker.stop = true;
	sim_port()->kick(sim_port()->ctx);
}
