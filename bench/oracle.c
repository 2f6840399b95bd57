/* SPDX-License-Identifier: BSD-2-Clause */
/* Judging while the run goes on: A, B, C, G and the time line. */
#include "bench/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Arm IHI 0070 section 6.3; equal when every command is consumed and none failed. */

#define STORM_KEEP 64u /* time line entries kept of one kind that repeats without end */

void oracle_violation(struct rig *r, enum inv i, const char *fmt, ...)
{
	struct inv_state *s = &r->res->inv[i];
	va_list ap;
	int n;

	if (s->violations++)
		return;
	n = snprintf(s->first, sizeof(s->first), "%.6f s: ", (double)sim_now() / 1e9);
	va_start(ap, fmt);
	vsnprintf(s->first + n, sizeof(s->first) - (size_t)n, fmt, ap);
	va_end(ap);
}

static void not_applicable(struct rig *r, enum inv i, const char *why)
{
	r->res->inv[i].not_applicable = true;
	snprintf(r->res->inv[i].note, sizeof(r->res->inv[i].note), "%s", why);
}

void oracle_begin(struct rig *r)
{
	if (r->cfg.contain != LZ_CONTAIN_ON) {
		not_applicable(r, INV_B, "containment is off: nothing is fenced");
		not_applicable(r, INV_D, "containment is off: nothing is recovered");
	}
	if (r->cfg.contain == LZ_CONTAIN_OBSERVE)
		not_applicable(r, INV_A, "observe tells and holds nothing");
	if (r->cfg.identify == LZ_IDENTIFY_ASSUME)
		not_applicable(r, INV_C, "identify: assume takes every suspect for broken");
}

void oracle_policy(struct rig *r, const struct lz_policy *p)
{
	if (p->contain != r->cfg.contain) {
		static const enum inv of_containment[] = {INV_A, INV_B, INV_D};

		for (unsigned i = 0; i < 3; i++)
			not_applicable(r, of_containment[i], "an operator switched containment");
		/* What was only told is done now. */
		for (unsigned i = 0; i < r->n_fns; i++)
			r->fns[i].quarantined_gen = 0;
	}
	if (p->identify == LZ_IDENTIFY_ASSUME)
		not_applicable(r, INV_C, "an operator said to assume");
	r->cfg.contain = p->contain;
	r->cfg.identify = p->identify;
}

/* ---- events ---- */

static struct rig_fn *fn_by_device(struct rig *r, const struct lz_device *dev)
{
	for (unsigned i = 0; dev && i < r->n_fns; i++)
		if (r->fns[i].dev == dev)
			return &r->fns[i];
	/* Events about a device that is on its way out. */
	for (unsigned i = 0; dev && i < r->n_fns; i++)
		if (!r->fns[i].dev && r->fns[i].last_dev == dev)
			return &r->fns[i];
	return NULL;
}

static void record(struct rig *r, const struct result_event *e)
{
	struct result *res = r->res;

	if (res->n_events == RESULT_EVENTS) {
		res->events_left_out++;
		return;
	}
	res->events[res->n_events++] = *e;
}

static void note(struct rig_unit *u, int device, const char *text, uint64_t detail)
{
	record(u->rig, &(struct result_event){.t = sim_now() - u->rig->origin,
					      .device = device,
					      .iommu = u->index,
					      .text = text,
					      .detail = detail});
}

void rig_note(struct rig *r, const struct rig_fn *fn, const char *text, uint64_t detail)
{
	note(fn ? fn->unit : &r->unit[0], fn ? (int)fn->index : -1, text, detail);
}

void rig_note_unit(struct rig_unit *u, const char *text, uint64_t detail)
{
	note(u, -1, text, detail);
}

/* Some kinds come in storms; the time line keeps the first of them. */
static bool keep(struct rig *r, const struct lz_event *ev)
{
	if (ev->kind == LZ_EV_DMA_FAULT)
		r->res->dma_faults++;
	switch (ev->kind) {
	case LZ_EV_TIMEOUT:
	case LZ_EV_LATE:
	case LZ_EV_SUSPECT:
	case LZ_EV_PROBE:
	case LZ_EV_EXONERATED:
	case LZ_EV_DMA_FAULT:
		if (r->kept[ev->kind]++ < STORM_KEEP)
			return true;
		r->res->events_left_out++;
		return false;
	default:
		return true;
	}
}

static void fenced(struct rig *r, struct rig_fn *fn, const struct lz_event *ev)
{
	fn->fenced = true;
	rig_watch(fn);
	if (!r->res->fenced_at && fn->guilty && !r->closing)
		r->res->fenced_at = ev->time - r->origin;
	oracle_fences(r);
}

/* What is told of a device that has left concerns the time before its power cycle too,
 * of which the library hears nothing. */
static bool is_guilty(const struct rig_fn *fn, const struct lz_event *ev)
{
	return fn->guilty || !lzm_ep_answers(fn->ep) || (fn->dev != ev->device && fn->was_guilty);
}

/* At the verdict: what the event of the fence itself says is of the last fault, and a
 * reset or a removal has a fence too. A quarantine may follow from a reset that failed, or
 * so its embedder said; that of one that an alias of its requester id holds was named in
 * the event before. */
static void judge_innocent(struct rig *r, struct rig_fn *fn, const struct lz_event *ev)
{
	if (is_guilty(fn, ev) || fn->sibling_held ||
	    (ev->kind == LZ_EV_QUARANTINED && fn->condemned) ||
	    (ev->evidence == LZ_EVIDENCE_OPERATOR && fn->declared))
		return;
	if (ev->evidence == LZ_EVIDENCE_ASSUMED) {
		snprintf(r->res->inv[INV_C].note, sizeof(r->res->inv[INV_C].note),
			 "%s taken for broken without evidence, and the event says so", fn->name);
		return;
	}
	oracle_violation(r, INV_C, "%s: %s (%s) although it answers", fn->name,
			 lz_event_name(ev->kind), lz_evidence_name(ev->evidence));
	if (ev->kind == LZ_EV_QUARANTINED)
		r->res->false_quarantines++;
}

static void quarantined(struct rig *r, struct rig_fn *fn, const struct lz_event *ev)
{
	fn->blocked = ev->kind == LZ_EV_QUARANTINED && ev->status == LZ_OK;
	oracle_blocked(fn);
	fn->n_quarantined++;
	fn->n_assumed += ev->evidence == LZ_EVIDENCE_ASSUMED;
	if (fn->quarantined_gen == ev->generation + 1)
		oracle_violation(r, INV_G, "%s: quarantined twice in generation %u", fn->name,
				 ev->generation);
	fn->quarantined_gen = ev->generation + 1;
	if (ev->evidence == LZ_EVIDENCE_NONE)
		oracle_violation(r, INV_G, "%s: quarantined and the event names no evidence",
				 fn->name);
	judge_innocent(r, fn, ev);
}

static void count_commands(struct rig *r, const struct lz_event *ev)
{
	struct lzm_iommu_counts hw;

	units_counts(r, &hw);
	switch (ev->kind) {
	case LZ_EV_TIMEOUT:
	case LZ_EV_SUSPECT:
	case LZ_EV_QUEUE_STALLED:
		if (r->res->fault_at && !r->res->commands_noticed)
			r->res->commands_noticed = hw.commands;
		break;
	case LZ_EV_FENCED:
		if (ev->evidence != LZ_EVIDENCE_NONE)
			r->res->commands_fenced = hw.commands;
		break;
	default:
		break;
	}
}

void oracle_event(void *ctx, const struct lz_event *ev)
{
	struct rig *r = ctx;
	struct rig_fn *fn = fn_by_device(r, ev->device);
	struct rig_unit *u = fn ? fn->unit : rig_unit_of(r, ev->iommu);

	if (!r->armed)
		return;
	count_commands(r, ev);
	switch (ev->kind) {
	case LZ_EV_FENCED:
		if (fn) {
			fn->asked = false;
			fenced(r, fn, ev);
		}
		break;
	case LZ_EV_FENCE_BEGIN:
		if (fn)
			judge_innocent(r, fn, ev);
		break;
	case LZ_EV_SIBLING_BLOCKED:
		if (fn)
			fn->sibling_held = true;
		if (!ev->holder)
			oracle_violation(r, INV_C,
					 "blocked with an alias that the event does not name");
		break;
	case LZ_EV_SIBLING_LIFTED:
		if (fn)
			fn->sibling_held = false;
		break;
	case LZ_EV_PROBE:
		if (fn)
			fn->asked = r->hw->asks_with_ats;
		break;
	case LZ_EV_UNFENCED:
	case LZ_EV_REMOVED:
		if (fn)
			fn->fenced = fn->blocked = fn->asked = false;
		if (fn && ev->kind == LZ_EV_REMOVED) {
			fn->leaving = fn->was_guilty = false;
			fn->last_dev = NULL;
		}
		break;
	case LZ_EV_QUARANTINED:
		if (fn)
			quarantined(r, fn, ev);
		else
			oracle_violation(r, INV_G, "a quarantine event without a device");
		break;
	case LZ_EV_DEGRADED:
		if (fn) {
			fn->n_degraded++;
			quarantined(r, fn, ev);
		}
		break;
	case LZ_EV_SERVICE_FAILURE:
		u->dead = true;
		break;
	case LZ_EV_ESCALATED:
		if (ev->detail == LZ_RUNG_GLOBAL_ABORT && ev->status == LZ_OK) {
			u->dead = true;
			if (rig_all_dead(r))
				not_applicable(r, INV_EXPECT,
					       "the whole SMMU was aborted, by policy or order");
		}
		break;
	case LZ_EV_CUSTODY_RELEASED:
		r->res->released_at = ev->time - r->origin;
		break;
	case LZ_EV_RECOVERED:
		if (fn) {
			fn->n_recovered++;
			fn->waits_for_traffic = true;
		}
		r->res->recovered_at = ev->time - r->origin;
		break;
	default:
		break;
	}
	if (!r->closing && keep(r, ev))
		record(r, &(struct result_event){.t = ev->time - r->origin,
						 .device = fn ? (int)fn->index : -1,
						 .iommu = u->index,
						 .kind = ev->kind,
						 .evidence = ev->evidence,
						 .status = ev->status,
						 .generation = ev->generation,
						 .detail = ev->detail});
}

/* ---- A: DMA against the truth ---- */

/* By the IOMMU's own queue: no other takes what makes a block count. */
static uint64_t own_commands(const struct rig_unit *u)
{
	struct lzm_iommu_counts hw;

	lzm_iommu_counts_get(&u->model, &hw);
	return hw.commands - hw.lane_commands;
}

void oracle_blocked(struct rig_fn *fn)
{
	struct rig_unit *u = fn->unit;

	fn->drained_at = UINT64_MAX;
	if (lzm_iommu_is_idle(&u->model))
		return;
	u->drain_commands = own_commands(u);
	u->drain_awaited = true;
	fn->drained_at = u->drained;
}

/* Empty because software moved the indices, as in a restart, is not carried out. */
void oracle_hardware(struct rig_unit *u)
{
	if (!u->drain_awaited || !lzm_iommu_is_idle(&u->model) ||
	    own_commands(u) == u->drain_commands)
		return;
	u->drain_awaited = false;
	u->drained++;
}

/* Between the store of the aborting entry and the end of what is cached of the old one,
 * memory is in custody. The queue may stand then, behind a device that is silent; once it
 * was empty nothing is due any more but what has been submitted since. */
static bool is_on_its_way(struct rig_fn *fn, uint32_t pasid, uint64_t iova, bool write,
			  bool translated)
{
	enum lzm_access access = write ? LZM_WRITE : LZM_READ;
	struct rig_unit *u = fn->unit;
	uint32_t sid = lzm_ep_sid(fn->ep);
	bool now, uncached, excused;

	u->looking = true;
	if (translated)
		lzm_iommu_ats_effective(&u->model, sid, &now, &uncached);
	else
		uncached = lzm_iommu_passes_uncached(&u->model, sid, pasid, iova, access);
	excused =
		!uncached && (fn->drained_at == u->drained || lzm_iommu_drop_waits(&u->model, sid));
	u->looking = false;
	return excused;
}

void oracle_dma(struct rig_fn *fn, uint32_t pasid, uint64_t iova, uint64_t pa, bool write,
		bool translated)
{
	struct rig *r = fn->rig;
	const struct rig_domain *dom = fn->dom;
	const struct shadow_page *p;

	if (pasid)
		dom = pasid < SCENARIO_PASIDS ? fn->pasid_dom[pasid] : NULL;
	r->res->accesses++;
	fn->accesses++;
	if (fn->waits_for_traffic && !r->closing) {
		fn->waits_for_traffic = false;
		rig_note(r, fn, "traffic is back: first DMA access after the reset", 0);
	}
	if (translated && fn->fenced)
		oracle_violation(r, INV_B, "%s is fenced and reached 0x%llx by its ATC", fn->name,
				 (unsigned long long)pa);
	/* H06, H74. One that is asked after a reset may have ATS on in its entry. */
	if ((fn->held || (fn->blocked && !(translated && r->hw->asks_with_ats))) &&
	    !is_on_its_way(fn, pasid, iova, write, translated))
		oracle_violation(r, INV_B, "%s is %s and reached 0x%llx", fn->name,
				 fn->held ? "in reset" : "quarantined", (unsigned long long)pa);
	p = dom ? shadow_find(&r->shadow, dom->id, iova / LZ_PAGE) : NULL;
	if (p && p->pa / LZ_PAGE == pa / LZ_PAGE) {
		if (p->state == SHADOW_LIVE)
			return;
		if (p->state == SHADOW_IN_FLIGHT) {
			r->res->in_flight_accesses++;
			return;
		}
		if (p->state == SHADOW_CUSTODY) {
			r->res->custody_accesses++;
			return;
		}
	}
	if (write) {
		r->res->stale_writes++;
		fn->stale_writes++;
	} else {
		r->res->stale_reads++;
		fn->stale_reads++;
	}
	if (r->res->inv[INV_A].not_applicable)
		return;
	oracle_violation(r, INV_A, "%s %s 0x%llx (IOVA 0x%llx)%s, which had been given back",
			 fn->name, write ? "wrote to" : "read", (unsigned long long)pa,
			 (unsigned long long)iova, translated ? " through its ATC" : "");
}

/* ---- B: broken means fenced ---- */

void oracle_fences(struct rig *r)
{
	for (unsigned i = 0; i < r->n_odd; i++) {
		struct rig_fn *fn = r->odd[i];

		for (unsigned s = 0; fn->fenced && !fn->asked && fn->dev && s < fn->n_sids; s++) {
			bool now = false, uncached = false;

			lzm_iommu_ats_effective(&fn->unit->model, fn->sids[s], &now, &uncached);
			if (now || uncached)
				oracle_violation(
					r, INV_B,
					"%s is fenced and EATS of stream 0x%x is effective%s",
					fn->name, fn->sids[s], now ? "" : " in the table");
		}
	}
}

/* ---- what the device does ---- */

void oracle_guilty(struct rig_fn *fn)
{
	fn->guilty = true;
	rig_watch(fn);
}

void oracle_invalidate(struct rig_fn *fn, const struct lzm_atc_inv *inv)
{
	if (inv->ssv && inv->ssid < SCENARIO_PASIDS)
		fn->invalidated[inv->ssid]++;
	if (lzm_ep_answers(fn->ep))
		return;
	oracle_guilty(fn);
	fn->silent |= inv->size && fn->dev;
}

void oracle_reset(struct rig_fn *fn)
{
	fn->reset_seen = true;
	fn->faulted_since_reset = false;
	fn->was_guilty |= fn->guilty && fn->leaving;
	fn->guilty = fn->silent = false; /* until it is asked */
}

void oracle_removed(struct rig_fn *fn)
{
	fn->fenced = fn->blocked = false;
}

/* ---- A under PASIDs: the models' DMA has none, so that who was asked counts (H54) ---- */

static bool is_asked(const struct rig_domain *d, const struct rig_fn *fn)
{
	return fn->dev && !fn->unit->dead && fn->pasid_dom[d->pasid] == d &&
	       (fn->pasids_on >> d->pasid & 1) && !fn->resetting && !fn->fenced && !fn->guilty &&
	       fn->ats_works && lzm_ep_ats_enabled(fn->ep);
}

void oracle_pasid_begin(const struct rig_domain *d, struct oracle_asked *a)
{
	a->who = 0;
	for (unsigned i = 0; d->pasid && i < d->rig->n_fns && i < 32; i++)
		if (is_asked(d, &d->rig->fns[i])) {
			a->who |= 1u << i;
			a->seen[i] = d->rig->fns[i].invalidated[d->pasid];
		}
}

void oracle_pasid_end(const struct rig_domain *d, const struct oracle_asked *a)
{
	for (unsigned i = 0; a->who && i < d->rig->n_fns && i < 32; i++) {
		struct rig_fn *fn = &d->rig->fns[i];

		if ((a->who >> i & 1) && is_asked(d, fn) && fn->invalidated[d->pasid] == a->seen[i])
			oracle_violation(d->rig, INV_A,
					 "%s: PASID %u was unmapped and it was not asked", fn->name,
					 d->pasid);
	}
}

/* ---- F and the workload ---- */

static bool has_guilty(const struct rig_domain *d)
{
	for (unsigned i = 0; i < d->rig->n_fns; i++)
		if (d->rig->fns[i].dom == d && d->rig->fns[i].guilty)
			return true;
	return false;
}

void oracle_unmap(struct rig_domain *d, uint64_t iova, uint64_t size, enum lz_status st, lz_ns took,
		  bool irq)
{
	struct rig *r = d->rig;
	/* Several waits (IOTLB, then ATCs) and the work of other CPUs in between. */
	lz_ns bound = irq ? 2 * r->cfg.atomic_wait + LZ_US(50) : 4 * r->cfg.sync_bound;

	if (st != LZ_OK && st != LZ_IN_CUSTODY)
		oracle_violation(r, INV_E, "%s: unmap of 0x%llx+0x%llx answered %s", d->name,
				 (unsigned long long)iova, (unsigned long long)size,
				 lz_status_name(st));
	if (took > r->res->worst_neighbour && !has_guilty(d))
		r->res->worst_neighbour = took;
	if (took > bound)
		oracle_violation(r, INV_F, "%s: an unmap in %s context took %.3f ms", d->name,
				 irq ? "interrupt" : "task", (double)took / 1e6);
}
