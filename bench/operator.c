/* SPDX-License-Identifier: BSD-2-Clause */
/* See operator.h. */
#include "bench/operator.h"
#include "bench/moments.h"
#include "bench/oracle.h"
#include "bench/owner.h"

uint32_t operator_policy(unsigned policy)
{
	return ((policy & SCENARIO_POLICY_PORT_BLOCK) ? LZ_POLICY_PORT_BLOCK : 0) |
	       ((policy & SCENARIO_POLICY_GLOBAL_ABORT) ? LZ_POLICY_GLOBAL_ABORT : 0);
}

enum lz_contain operator_contain(unsigned contain)
{
	return contain == SCENARIO_CONTAIN_ON	 ? LZ_CONTAIN_ON
	       : contain == SCENARIO_CONTAIN_OFF ? LZ_CONTAIN_OFF
						 : LZ_CONTAIN_OBSERVE;
}

/* ---- policy ---- */

static bool sets(const struct scenario_order *o, enum scenario_sets what)
{
	return o->sets & 1u << what;
}

static enum lz_response response_of(const struct scenario_order *o)
{
	return o->response == SCENARIO_RESPONSE_FENCE ? LZ_RESPONSE_FENCE : LZ_RESPONSE_BLOCK;
}

static enum lz_status set_policy(struct rig *r, const struct scenario_order *o)
{
	struct lz_policy p;

	lz_policy_get(r->lz, &p);
	if (sets(o, SCENARIO_SETS_IDENTIFY))
		p.identify =
			o->identify == SCENARIO_ASSUME ? LZ_IDENTIFY_ASSUME : LZ_IDENTIFY_PROBE;
	if (sets(o, SCENARIO_SETS_CONTAIN))
		p.contain = operator_contain(o->contain);
	if (sets(o, SCENARIO_SETS_RESPONSE))
		p.response = response_of(o);
	if (sets(o, SCENARIO_SETS_POLICY))
		p.policy = operator_policy(o->policy);
	if (sets(o, SCENARIO_SETS_RECOVERY_MAX))
		p.recovery_max = (uint32_t)o->recovery_max;
	if (sets(o, SCENARIO_SETS_RECOVERY_WINDOW))
		p.recovery_window = o->recovery_window;
	if (sets(o, SCENARIO_SETS_SLOW))
		p.slow = o->slow;
	oracle_policy(r, &p);
	return lz_policy_set(r->lz, &p);
}

/* ---- the others ---- */

static enum lz_status recover(struct rig_fn *fn)
{
	enum lz_status st = lz_device_recover(fn->dev);

	if (st == LZ_IN_CUSTODY)
		return st;
	fn->answered_reset = st == LZ_OK;
	if (st == LZ_OK)
		owner_enable(fn);
	return st;
}

static enum lz_status carry_out(struct rig *r, struct rig_fn *fn, const struct scenario_order *o)
{
	if (fn && !fn->dev)
		return LZ_ENODEV;
	switch (o->verb) {
	case SCENARIO_RECOVER:
		return recover(fn);
	case SCENARIO_CLEAR:
		return lz_device_clear(fn->dev);
	case SCENARIO_BLOCK:
		return lz_device_block(fn->dev);
	case SCENARIO_SET_POLICY:
		return fn ? lz_device_response_set(fn->dev, response_of(o)) : set_policy(r, o);
	case SCENARIO_INJECT:
		fn->declared = true;
		lz_device_inject(fn->dev);
		return LZ_OK;
	default:
		return lz_iommu_abort(r->unit[o->smmu].iommu);
	}
}

static void act(struct rig *r, const void *what)
{
	const struct scenario_order *o = what;
	struct rig_fn *fn = o->has_device ? rig_fn_by_bdf(r, o->device.bdf) : NULL;
	struct result_order *res = &r->res->orders[r->res->n_orders++];

	*res = (struct result_order){
		.t = sim_now() - r->origin,
		.device = fn ? (int)fn->index : -1,
		.verb = scenario_verb_name((enum scenario_verb)o->verb),
	};
	r->last_fault = sim_now();
	if (o->verb == SCENARIO_ABORT)
		rig_note_unit(&r->unit[o->smmu], res->verb, RIG_NOTE_ORDER);
	else
		rig_note(r, fn, res->verb, RIG_NOTE_ORDER);
	if (r->closing)
		res->status = LZ_ENODEV;
	else
		res->status = carry_out(r, fn, o);
	if (res->status != LZ_OK)
		rig_note(r, fn, lz_status_name(res->status), RIG_NOTE_ANSWER);
}

bool operator_add(struct rig *r)
{
	for (size_t i = 0; i < r->sc->n_orders; i++)
		if (!moments_add(r, &r->sc->orders[i].at, "operator", act, &r->sc->orders[i]))
			return false;
	return true;
}
