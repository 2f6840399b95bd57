/* SPDX-License-Identifier: BSD-2-Clause */
/* Injection of faults. */
#include "bench/faults.h"
#include "bench/moments.h"
#include "bench/oracle.h"

static void flood(const struct scenario_fault *f, struct rig_fn *fn)
{
	uint64_t pa;

	for (uint64_t i = 0; i < f->count; i++) {
		uint64_t iova = 0x7f0000000000ull + i * LZ_PAGE;

		if (f->kind == SCENARIO_EVENT_FLOOD)
			(void)lzm_iommu_untranslated(&fn->unit->model, fn->sids[0], 0, iova,
						     LZM_WRITE, &pa);
		else
			lzm_iommu_page_request(&fn->unit->model, fn->sids[0], iova,
					       (unsigned)i & 511);
	}
}

static void memory_returns(void *arg)
{
	struct rig *r = arg;

	sim_sleep_until(r->memory_returns_at);
	sim_fail_alloc(false);
	r->owners--;
}

static void no_memory(struct rig *r, const struct scenario_fault *f)
{
	r->memory_returns_at = f->length ? sim_now() + f->length : r->origin + f->until;
	r->owners++;
	sim_fail_alloc(true);
	sim_task("memory", 0, memory_returns, r);
}

static void inject_smmu(struct rig_unit *u, const struct scenario_fault *f, struct rig_fn *fn)
{
	const struct hardware *hw = u->rig->hw;

	switch (f->kind) {
	case SCENARIO_QUEUE_STALLED:
		lzm_iommu_stall(&u->model,
				f->length ? sim_now() + f->length : u->rig->origin + f->until);
		break;
	case SCENARIO_ILLEGAL_COMMAND:
		u->spoil_command = true;
		break;
	case SCENARIO_CONFIG_ABORT:
		if (fn)
			lzm_iommu_abort_entry(&u->model, fn->sids[0]);
		else
			lzm_iommu_abort_command(&u->model);
		break;
	case SCENARIO_MSI_ABORT:
		if (hw->abort_msi)
			hw->abort_msi(u);
		break;
	case SCENARIO_SFM:
		u->dead = hw->fail;
		if (hw->fail)
			hw->fail(u);
		break;
	case SCENARIO_GERROR_LATE:
		u->gerror_delay = f->delay;
		break;
	case SCENARIO_EVENT_FLOOD:
	case SCENARIO_PRI_FLOOD:
		flood(f, fn ? fn : &u->rig->fns[0]);
		break;
	default:
		break;
	}
}

static const struct {
	enum scenario_fault_kind kind;
	enum lzm_ep_fault fault;
	bool guilty; /* a quarantine because of it is deserved at once */
} device_faults[] = {
	{SCENARIO_ATC_SILENT, LZM_EP_ATC_SILENT, true},
	{SCENARIO_ATC_SILENT_N, LZM_EP_ATC_SILENT_N, true},
	{SCENARIO_ATC_SLOW, LZM_EP_ATC_SLOW, false},
	{SCENARIO_ATC_LATE, LZM_EP_ATC_LATE, true},
	{SCENARIO_ATC_RANGES, LZM_EP_ATC_RANGES, true},
	{SCENARIO_ATC_UNSUPPORTED, LZM_EP_ATC_UNSUPPORTED, true},
	{SCENARIO_SILENT_AFTER_RESET, LZM_EP_SILENT_AFTER_RESET, false},
	{SCENARIO_FLR_FAILS, LZM_EP_FLR_FAILS, false},
	{SCENARIO_FLR_TIMEOUT, LZM_EP_FLR_TIMEOUT, false},
	{SCENARIO_PM_FAILS, LZM_EP_PM_FAILS, false},
	{SCENARIO_BUS_FAILS, LZM_EP_BUS_FAILS, false},
	{SCENARIO_BUS_TIMEOUT, LZM_EP_BUS_TIMEOUT, false},
	{SCENARIO_VENDOR_MUTE, LZM_EP_MUTE_VENDOR, false},
	{SCENARIO_VENDOR_OLD, LZM_EP_OLD_VENDOR, false},
	{SCENARIO_KEEPS_VFS, LZM_EP_KEEPS_VFS, false},
	{SCENARIO_CONFIG_ONES, LZM_EP_CONFIG_ONES, true},
	{SCENARIO_REMOVED, LZM_EP_REMOVED, true},
};

void faults_inject(struct rig *r, const struct scenario_fault *f)
{
	struct rig_fn *fn = f->has_device ? rig_fn_by_bdf(r, f->device.bdf) : NULL;
	struct rig_unit *u = fn ? fn->unit : &r->unit[f->smmu];
	bool of_device = false;

	r->last_fault = sim_now();
	if (!r->res->fault_at)
		r->res->fault_at = sim_now() - r->origin + 1;
	if (r->opt.fail_alloc)
		sim_fail_alloc(true);
	for (size_t i = 0; i < sizeof(device_faults) / sizeof(device_faults[0]); i++) {
		if ((enum scenario_fault_kind)f->kind != device_faults[i].kind || !fn)
			continue;
		of_device = true;
		fn->ever_faulted = true;
		fn->faulted_at = sim_now();
		fn->faulted_since_reset = true;
		if (device_faults[i].guilty)
			oracle_guilty(fn);
		lzm_ep_fault(fn->ep, device_faults[i].fault, (unsigned)f->count, f->delay);
		rig_ep_touch(fn);
	}
	if (fn)
		rig_note(r, fn, scenario_fault_name(f->kind), RIG_NOTE_FAULT);
	else
		rig_note_unit(u, scenario_fault_name(f->kind), RIG_NOTE_FAULT);
	if (f->kind == SCENARIO_NO_MEMORY)
		no_memory(r, f);
	else if (!of_device)
		inject_smmu(u, f, fn);
}

void faults_disarm(struct rig *r)
{
	for (unsigned i = 0; i < r->n_units; i++) {
		lzm_iommu_abort_entry(&r->unit[i].model, ~0u);
		r->unit[i].spoil_command = false;
	}
}

static void inject(struct rig *r, const void *what)
{
	faults_inject(r, what);
}

bool faults_add(struct rig *r)
{
	for (size_t i = 0; i < r->sc->n_faults; i++)
		if (!moments_add(r, &r->sc->faults[i].at, NULL, inject, &r->sc->faults[i]))
			return false;
	return true;
}
