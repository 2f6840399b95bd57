/* SPDX-License-Identifier: BSD-2-Clause */
/* A scenario against its machine: what does not fit is said before anything runs. */
#include "cli/run.h"

#include "bench/recording.h"
#include "bench/rig.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

bool run_regime_exists(const char *name)
{
	for (unsigned i = 0; lzm_smmu_regime_name(i); i++)
		if (!strcmp(lzm_smmu_regime_name(i), name))
			return true;
	return false;
}

static int no_such_device(const struct scenario *sc, const struct scenario_device *d,
			  const char *what)
{
	char name[16], text[512];

	snprintf(text, sizeof(text), "%s:%u: expected a function that the machine has%s, not %s",
		 sc->path, d->line, what, scenario_bdf_format(d->bdf, name));
	return cli_input_error(text);
}

static int check_device(const struct scenario *sc, const struct machine *m,
			const struct scenario_device *d)
{
	char name[16];
	int i = machine_find(m, scenario_bdf_format(d->bdf, name));

	if (i == MACHINE_NONE)
		return no_such_device(sc, d, "");
	if (m->functions[i].smmu == MACHINE_NONE || m->functions[i].group == MACHINE_NONE)
		return no_such_device(sc, d, " behind its IOMMU");
	return CLI_HELD;
}

static bool has_ats(const struct scenario *sc, const struct machine_function *f, uint32_t bdf)
{
	const struct scenario_devices *list = &sc->machine.ats_list;
	bool listed = false;

	if (sc->machine.ats == SCENARIO_ATS_PLATFORM)
		return machine_ats_usable(f);
	if (sc->machine.ats == SCENARIO_ATS_CAPABLE)
		return f->ats != 0;
	for (size_t i = 0; i < list->n; i++)
		listed |= list->item[i].bdf == bdf;
	return listed;
}

/* A fault of an ATC needs one. */
static int check_fault(const struct scenario *sc, const struct machine *m,
		       const struct scenario_fault *f)
{
	char name[16];
	int code = check_device(sc, m, &f->device), i;

	if (code || f->kind > SCENARIO_SILENT_AFTER_RESET)
		return code;
	i = machine_find(m, scenario_bdf_format(f->device.bdf, name));
	return has_ats(sc, &m->functions[i], f->device.bdf)
		       ? CLI_HELD
		       : no_such_device(sc, &f->device, " with ATS in use (see machine.ats)");
}

static int check_list(const struct scenario *sc, const struct machine *m,
		      const struct scenario_devices *list)
{
	for (size_t i = 0; i < list->n; i++) {
		int code = check_device(sc, m, &list->item[i]);

		if (code)
			return code;
	}
	return CLI_HELD;
}

static int check_devices(const struct scenario *sc, const struct machine *m)
{
	int code = check_list(sc, m, &sc->machine.ats_list);

	for (size_t i = 0; i < sc->n_domains && !code; i++)
		code = check_list(sc, m, &sc->domains[i].devices);
	for (size_t i = 0; i < sc->n_faults && !code; i++)
		if (sc->faults[i].has_device)
			code = check_fault(sc, m, &sc->faults[i]);
	if (!code)
		code = check_list(sc, m, &sc->expect.quarantined);
	if (!code)
		code = check_list(sc, m, &sc->expect.recovered);
	if (!code)
		code = check_list(sc, m, &sc->expect.not_quarantined);
	if (!code)
		code = check_list(sc, m, &sc->expect.blocked);
	if (!code)
		code = check_list(sc, m, &sc->expect.undisturbed);
	for (size_t i = 0; i < sc->n_actions && !code; i++)
		code = check_device(sc, m, &sc->actions[i].device);
	if (!code)
		code = check_list(sc, m, &sc->expect.degraded);
	for (size_t i = 0; i < sc->n_orders && !code; i++)
		if (sc->orders[i].has_device)
			code = check_device(sc, m, &sc->orders[i].device);
	return code;
}

static int check_count(const struct scenario *sc, const struct machine *m)
{
	const struct scenario_machine *sm = &sc->machine;
	char text[512];

	if (m->n_smmus <= RIG_UNITS && (!sm->smmus || m->n_smmus <= sm->smmus))
		return CLI_HELD;
	snprintf(text, sizeof(text), "%s:%u: expected %u IOMMUs at most, not %u", sc->path,
		 sm->dtb.path ? sm->dtb.line : sm->iort.line,
		 sm->smmus ? (unsigned)sm->smmus : RIG_UNITS, m->n_smmus);
	return cli_input_error(text);
}

static int check_index(const struct scenario *sc, const struct machine *m, unsigned line,
		       uint64_t smmu)
{
	char text[512];

	if (smmu < rig_units(sc, m))
		return CLI_HELD;
	snprintf(text, sizeof(text), "%s:%u: smmu: expected a number below %u, not %u", sc->path,
		 line, rig_units(sc, m), (unsigned)smmu);
	return cli_input_error(text);
}

static int not_together(const struct scenario *sc, unsigned line, const char *bdf, const char *with)
{
	char text[512];

	snprintf(text, sizeof(text), "%s:%u: behind: expected %s behind the same SMMU as %s",
		 sc->path, line, bdf, with);
	return cli_input_error(text);
}

/* Requests of one group cannot be told apart; a virtual function is where its physical
 * one is. */
static int check_behind(const struct scenario *sc, const struct machine *m,
			const struct scenario_behind *b)
{
	for (size_t k = 0; k < b->devices.n; k++) {
		char name[16];
		int i = machine_find(m, scenario_bdf_format(b->devices.item[k].bdf, name));

		if (rig_unit_index(sc, m, &m->functions[i]) != b->smmu)
			return not_together(sc, b->devices.item[k].line, name,
					    "others of its group");
	}
	for (unsigned i = 0; i < m->n_functions; i++) {
		const struct machine_function *f = &m->functions[i];

		if (f->is_vf && f->pf != MACHINE_NONE && f->smmu != MACHINE_NONE &&
		    rig_unit_index(sc, m, f) != rig_unit_index(sc, m, &m->functions[f->pf]))
			return not_together(sc, b->line, f->bdf, m->functions[f->pf].bdf);
	}
	return CLI_HELD;
}

static int check_units(const struct scenario *sc, const struct machine *m)
{
	int code = check_count(sc, m);

	for (size_t i = 0; i < sc->machine.n_behind && !code; i++) {
		const struct scenario_behind *b = &sc->machine.behind[i];

		code = check_index(sc, m, b->line, b->smmu);
		if (!code)
			code = check_list(sc, m, &b->devices);
		if (!code)
			code = check_behind(sc, m, b);
	}
	for (size_t i = 0; i < sc->n_faults && !code; i++)
		code = check_index(sc, m, sc->faults[i].line, sc->faults[i].smmu);
	for (size_t i = 0; i < sc->n_orders && !code; i++)
		code = check_index(sc, m, sc->orders[i].line, sc->orders[i].smmu);
	return code;
}

/* What the driver's tables have no room for could not be added. */
static int check_ids(const struct scenario *sc, const struct machine *m)
{
	const struct hardware *hw = hardware_of(sc);
	char text[512];

	for (unsigned i = 0; i < m->n_functions; i++) {
		const struct machine_function *f = &m->functions[i];

		for (unsigned k = 0; k < f->n_stream_ids; k++) {
			if (!(f->stream_ids[k] >> hw->id_bits))
				continue;
			snprintf(text, sizeof(text),
				 "%s:%u: expected %s ids of at most %u bits, not 0x%x of %s",
				 sc->path,
				 sc->machine.dtb.path ? sc->machine.dtb.line
						      : sc->machine.iort.line,
				 hw == &hardware_riscv ? "device" : "stream", hw->id_bits,
				 f->stream_ids[k], f->bdf);
			return cli_input_error(text);
		}
	}
	return CLI_HELD;
}

/* A trace of another machine would replay to a verdict about nothing. */
static int check_traces(const struct scenario *sc, const struct machine *m)
{
	for (size_t i = 0; i < sc->n_workload; i++) {
		const struct recording *rec = recording_of(&sc->workload[i]);

		for (size_t j = 0; rec && j < rec->n; j++) {
			const struct record *e = &rec->records[j];
			char name[16], text[512];

			if (e->kind == RECORD_MAP || e->kind == RECORD_UNMAP ||
			    machine_find(m, scenario_bdf_format(e->bdf, name)) != MACHINE_NONE)
				continue;
			snprintf(text, sizeof(text),
				 "%s:%u: trace: expected functions that the machine has, not %s",
				 sc->path, sc->workload[i].trace.line, name);
			return cli_input_error(text);
		}
	}
	return CLI_HELD;
}

static int check_regimes(const struct scenario *sc)
{
	char text[512];

	for (size_t i = 0; i < sc->regimes.n; i++) {
		if (run_regime_exists(sc->regimes.item[i].text))
			continue;
		snprintf(text, sizeof(text), "%s:%u: expected a regime, not %s", sc->path,
			 sc->regimes.item[i].line, sc->regimes.item[i].text);
		return cli_input_error(text);
	}
	return CLI_HELD;
}

/* A device tree with a RISC-V IOMMU chooses it. The other way round ids carry over:
 * machine.iommu may be riscv on a machine that has an SMMU. */
static int settle_iommu(struct scenario *sc, const struct machine *m)
{
	const struct scenario_smmu *s = &sc->machine.smmu;
	char text[512];

	if (machine_iommu_kind(m) == MACHINE_RISCV) {
		if (sc->machine.has_iommu && sc->machine.iommu != SCENARIO_IOMMU_RISCV) {
			snprintf(
				text, sizeof(text),
				"%s:%u: the device tree has a RISC-V IOMMU; expected iommu: riscv, "
				"or no choice, instead of smmuv3",
				sc->path, sc->machine.dtb.line);
			return cli_input_error(text);
		}
		sc->machine.iommu = SCENARIO_IOMMU_RISCV;
	}
	if (s->lanes != SCENARIO_LANES_NONE && sc->machine.iommu == SCENARIO_IOMMU_RISCV) {
		snprintf(text, sizeof(text), "%s:%u: lanes: a RISC-V IOMMU has one command queue",
			 sc->path, s->line);
		return cli_input_error(text);
	}
	for (size_t i = 0; i < sc->n_faults; i++) {
		if (scenario_iommu_has(sc->machine.iommu, sc->faults[i].kind))
			continue;
		snprintf(text, sizeof(text), "%s:%u: a RISC-V IOMMU has no %s", sc->path,
			 sc->faults[i].line, scenario_fault_name(sc->faults[i].kind));
		return cli_input_error(text);
	}
	return CLI_HELD;
}

int run_open(struct scenario *sc, struct machine *m)
{
	const struct scenario_machine *sm = &sc->machine;
	struct machine_synthetic how = machine_synthetic_mixed;
	char err[512];
	int code;

	how.bridges = (unsigned)sm->bridges;
	if (sm->generate && !machine_synthesize(m, (unsigned)sm->generate, &how))
		return cli_input_error("out of memory");
	if (!sm->generate &&
	    machine_load(m, sm->lspci.path, sm->dtb.path, sm->iort.path, err, sizeof(err)))
		return cli_input_error(err);
	code = settle_iommu(sc, m);
	if (!code)
		code = check_units(sc, m);
	if (!code)
		code = check_ids(sc, m);
	if (!code)
		code = check_devices(sc, m);
	if (!code)
		code = check_regimes(sc);
	if (!code && recordings_load(sc, err, sizeof(err)))
		code = cli_input_error(err);
	if (!code)
		code = check_traces(sc, m);
	if (code)
		run_close(m);
	return code;
}

void run_close(struct machine *m)
{
	recordings_free();
	machine_free(m);
}

void run_choose_iommu(const char *iommu, struct scenario *sc)
{
	if (!iommu)
		return;
	sc->machine.has_iommu = true;
	sc->machine.iommu = strcmp(iommu, "riscv") ? SCENARIO_IOMMU_SMMUV3 : SCENARIO_IOMMU_RISCV;
}
