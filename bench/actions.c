/* SPDX-License-Identifier: BSD-2-Clause */
/* See actions.h. */
#include "bench/actions.h"
#include "bench/moments.h"
#include "bench/oracle.h"
#include "bench/owner.h"

/* ---- resets ---- */

/* H05: as deep as the scenario says. Returns how many began. */
static unsigned enclose(struct rig_fn *fn, const struct scenario_action *a)
{
	for (unsigned i = 0; i < a->n_results; i++) {
		enum lz_status st = lz_reset_prepare(fn->dev);

		if (st != LZ_OK) {
			oracle_violation(fn->rig, INV_EXPECT, "%s: prepare number %u answered %s",
					 fn->name, i + 1, lz_status_name(st));
			return i;
		}
		fn->held++;
		oracle_blocked(fn);
	}
	return a->n_results;
}

/* The worst of all that was said decides whether the device counts as reset. */
static bool disclose(struct rig_fn *fn, const struct scenario_action *a, unsigned n)
{
	bool good = true;

	while (n--) {
		enum lz_reset_result result = (enum lz_reset_result)a->results[n];

		good &= result == LZ_RESET_OK;
		fn->condemned |= result == LZ_RESET_FAILED;
		fn->held--;
		if (lz_reset_done(fn->dev, result) == LZ_EINVAL)
			oracle_violation(fn->rig, INV_EXPECT, "%s: done number %u without prepare",
					 fn->name, n + 1);
	}
	return good;
}

static void reset(struct rig_fn *fn, const struct scenario_action *a)
{
	bool good = true;
	unsigned n;

	fn->resetting++;
	rig_note(fn->rig, fn, a->n_results ? "embedder: begins a reset" : "embedder: resets", 0);
	n = enclose(fn, a);
	if (a->method != SCENARIO_NO_METHOD)
		good = owner_reset_by(fn, (enum scenario_reset)a->method) == LZ_OK;
	if (a->length)
		sim_sleep_until(sim_now() + a->length);
	good &= disclose(fn, a, n);
	rig_note(fn->rig, fn, good ? "embedder: the reset is over" : "embedder: the reset failed",
		 0);
	fn->answered_reset = good;
	fn->condemned = !good;
	fn->resetting--;
	/* Whoever resets it still looks for what the reset has cleared. */
	if (good && !fn->resetting)
		owner_enable(fn);
}

static bool is_below(const struct rig_fn *fn, const struct rig_fn *port)
{
	return fn->upstream == port && !fn->mf->is_bridge;
}

/* Whoever resets a port knows who comes and goes below it. */
static unsigned who_is_below(struct rig_fn *port, struct rig_fn *below[MACHINE_BELOW_BRIDGE])
{
	struct rig *r = port->rig;
	unsigned n = 0;

	for (unsigned i = 0; i < r->n_fns; i++) {
		struct rig_fn *fn = &r->fns[i];

		if (!is_below(fn, port))
			continue;
		if (fn->adding || fn->removing)
			return 0;
		if (fn->dev && n < MACHINE_BELOW_BRIDGE)
			below[n++] = fn;
	}
	return n;
}

void actions_bus_reset(struct rig_fn *port)
{
	struct rig_fn *below[MACHINE_BELOW_BRIDGE];
	struct lz_device *devs[MACHINE_BELOW_BRIDGE];
	unsigned n = port->resetting ? 0 : who_is_below(port, below);
	enum lz_status st;

	if (!n)
		return;
	port->resetting++;
	for (unsigned i = 0; i < n; i++) {
		below[i]->resetting++;
		devs[i] = below[i]->dev;
	}
	rig_note(port->rig, port, "embedder: resets the bus below", 0);
	st = lz_pci_bus_reset(devs, n, &port->pci);
	for (unsigned i = 0; i < n; i++) {
		below[i]->resetting--;
		if (st == LZ_EBUSY) /* nothing was touched */
			continue;
		below[i]->answered_reset = st == LZ_OK;
		below[i]->condemned = st != LZ_OK;
		if (st == LZ_OK && !below[i]->resetting)
			owner_enable(below[i]);
	}
	port->resetting--;
	rig_note(port->rig, port,
		 st == LZ_OK ? "embedder: the bus is back"
			     : "embedder: the reset of the bus failed",
		 0);
}

/* ---- the others ---- */

static void look(struct rig_fn *fn)
{
	char methods[LZ_PCI_METHODS_SIZE];

	rig_note(fn->rig, fn, "embedder: asks which resets there are", 0);
	fn->looking++;
	if (lz_pci_reset_methods_get(fn->dev, methods, sizeof(methods)) != LZ_OK)
		oracle_violation(fn->rig, INV_EXPECT, "%s: the methods cannot be read", fn->name);
	fn->looking--;
}

static void report(struct rig_fn *fn)
{
	rig_note(fn->rig, fn, "embedder: says that it is broken", 0);
	oracle_guilty(fn); /* who says so answers for it */
	fn->resetting++;   /* the device stays while we are at it */
	lz_device_report_broken(fn->dev);
	fn->resetting--;
}

static void unplug(struct rig_fn *fn)
{
	rig_note(fn->rig, fn, "embedder: removes it", 0);
	fn->left = fn->attached ? fn->dom : NULL;
	space_unplug(fn);
}

static void settle_in(struct rig_fn *fn)
{
	rig_note(fn->rig, fn, "embedder: adds it again", 0);
	fn->condemned = fn->told = false;
	fn->guilty = false;
	if (!lzm_ep_answers(fn->ep))
		oracle_guilty(fn);
	if (fn->left && !fn->left->dead)
		space_attach(fn, fn->left);
	space_attach_pasids(fn);
}

/* As after power on, whatever was wrong with it. */
static void plug(struct rig_fn *fn)
{
	while (fn->removing || (fn->upstream && fn->upstream->resetting))
		sim_sleep_until(sim_now() + LZ_US(100));
	if (fn->dev || fn->adding)
		return;
	fn->adding = true;
	lzm_ep_fault(fn->ep, LZM_EP_SOUND, 0, 0);
	lzm_ep_bus_reset(fn->ep);
	/* Who is added before it can be read has no capabilities (a storm needs them). */
	for (unsigned i = 0;
	     fn->rig->storm && i < 100 && lzm_ep_cfg_read(fn->ep, 0, 4) == ~0u && !fn->mf->is_vf;
	     i++)
		sim_sleep_until(sim_now() + LZ_MS(1));
	if (build_device(fn) && fn->dev)
		settle_in(fn);
	fn->adding = false;
}

static void detach(struct rig_fn *fn, struct rig_domain *d)
{
	rig_note(fn->rig, fn, "embedder: detaches it", 0);
	if (d && d->pasid) {
		fn->pasids_on &= ~(1u << d->pasid);
		lz_detach_pasid(fn->dev, d->pasid);
		fn->pasid_dom[d->pasid] = NULL;
		return;
	}
	fn->pasids_on = 0;
	lz_detach(fn->dev);
	fn->attached = false;
	for (unsigned p = 0; p < SCENARIO_PASIDS; p++)
		fn->pasid_dom[p] = NULL;
}

static void attach(struct rig_fn *fn, struct rig_domain *d)
{
	rig_note(fn->rig, fn, "embedder: attaches it", 0);
	if (d->pasid)
		space_attach_pasid(fn, d);
	else
		space_attach(fn, d);
}

void actions_act(struct rig *r, const struct scenario_action *a)
{
	struct rig_fn *fn = rig_fn_by_bdf(r, a->device.bdf);
	struct rig_domain *d = NULL;

	if (a->domain.text)
		d = rig_domain_by_name(r, a->domain.text);
	if (!fn || r->closing || (!fn->dev && a->kind != SCENARIO_ADD))
		return;
	r->last_fault = sim_now();
	switch (a->kind) {
	case SCENARIO_LOOK:
		look(fn);
		break;
	case SCENARIO_RESET:
		reset(fn, a);
		break;
	case SCENARIO_REPORT:
		report(fn);
		break;
	case SCENARIO_REMOVE:
		unplug(fn);
		break;
	case SCENARIO_ADD:
		plug(fn);
		break;
	case SCENARIO_ATTACH:
		attach(fn, d);
		break;
	case SCENARIO_DETACH:
		detach(fn, d);
		break;
	default:
		break;
	}
}

static void act(struct rig *r, const void *what)
{
	actions_act(r, what);
}

bool actions_add(struct rig *r)
{
	for (size_t i = 0; i < r->sc->n_actions; i++)
		if (!moments_add(r, &r->sc->actions[i].at, "embedder", act, &r->sc->actions[i]))
			return false;
	return true;
}
