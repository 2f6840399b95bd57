/* SPDX-License-Identifier: BSD-2-Clause */
/* Owners of devices, by the scenario's `recovery`. */
#include "bench/owner.h"
#include "bench/oracle.h"

#include <stdio.h>

#define COMMAND	       0x04u
#define COMMAND_MEMORY (1u << 1)
#define COMMAND_MASTER (1u << 2)

void owner_enable(struct rig_fn *fn)
{
	uint32_t cmd = lzm_ep_cfg_read(fn->ep, COMMAND, 2);

	if (cmd != 0xffff)
		lzm_ep_cfg_write(fn->ep, COMMAND, 2, cmd | COMMAND_MEMORY | COMMAND_MASTER);
}

/* False when the function cannot be reset as the scenario wants it. */
static bool choose_method(struct rig_fn *fn, enum scenario_reset method)
{
	const char *list = method == SCENARIO_ANY ? "default" : scenario_reset_name(method);
	char usable[LZ_PCI_METHODS_SIZE];

	return lz_pci_reset_methods_set(fn->dev, list) == LZ_OK &&
	       lz_pci_reset_methods_get(fn->dev, usable, sizeof(usable)) == LZ_OK && *usable;
}

enum lz_status owner_reset_by(struct rig_fn *fn, enum scenario_reset method)
{
	return choose_method(fn, method) ? lz_pci_reset(fn->dev) : LZ_ENOTSUP;
}

static void reset_device(struct rig_fn *fn)
{
	struct rig *r = fn->rig;
	enum scenario_reset method = (enum scenario_reset)r->sc->recovery.method;
	enum lz_status st;

	if (!choose_method(fn, method)) {
		rig_note(r, fn,
			 method == SCENARIO_FLR ? "owner: this function has no FLR"
						: "owner: this function has no such reset",
			 0);
		return;
	}
	rig_note(r, fn, method == SCENARIO_FLR ? "owner: function level reset" : "owner: reset", 0);
	st = lz_pci_reset(fn->dev);
	fn->answered_reset = st == LZ_OK;
	if (st == LZ_OK) {
		fn->condemned = false;
		owner_enable(fn);
		rig_note(r, fn, "owner: back at work", 0);
	} else {
		rig_note(r, fn, "owner: the reset did not help, giving up", 0);
	}
}

static void owner_task(void *arg)
{
	struct rig_fn *fn = arg;
	struct rig *r = fn->rig;

	sim_sleep_until(sim_now() + r->sc->recovery.after);
	if (fn->dev && !r->closing) {
		if (r->sc->recovery.owner == SCENARIO_RESETS) {
			fn->resetting++;
			reset_device(fn);
			fn->resetting--;
		} else {
			rig_note(r, fn, "owner: disconnects the device", 0);
			space_unplug(fn);
		}
	}
	fn->owner_busy = false;
	r->owners--;
}

static void error_detected(void *ctx, struct lz_device *dev, enum lz_evidence evidence,
			   uint32_t generation)
{
	struct rig_fn *fn = ctx;
	struct rig *r = fn->rig;
	char name[32];

	(void)dev;
	(void)evidence;
	(void)generation;
	fn->told = true;
	if (r->sc->recovery.owner == SCENARIO_LEAVES_ALONE || fn->owner_busy || r->closing)
		return;
	fn->owner_busy = true;
	r->owners++;
	snprintf(name, sizeof(name), "owner %s", fn->name);
	sim_task(name, fn->index % r->cpus, owner_task, fn);
}

static void resume(void *ctx, struct lz_device *dev)
{
	(void)dev;
	owner_enable(ctx);
}

const struct lz_owner_ops owner_ops = {.error_detected = error_detected, .resume = resume};
