/* SPDX-License-Identifier: BSD-2-Clause */
/* A result as JSON; docs/SCENARIO.md and the man page describe it. */
#include "bench/report.h"
#include "bench/rig.h"

#define SCHEMA 1

static json_t *invariants(const struct result *r)
{
	json_t *o = json_object();

	for (int i = 0; i < INV_COUNT; i++) {
		const struct inv_state *v = &r->inv[i];
		json_t *e;

		if (i == INV_EXPECT)
			continue;
		e = json_pack("{s:s, s:I}", "result", inv_result_name(result_of(r, (enum inv)i)),
			      "violations", (json_int_t)v->violations);
		if (v->violations)
			json_object_set_new(e, "first", json_string(v->first));
		if (v->note[0])
			json_object_set_new(e, "note", json_string(v->note));
		json_object_set_new(o, inv_name((enum inv)i), e);
	}
	return o;
}

static json_t *block_reasons(unsigned block)
{
	static const struct {
		unsigned bit;
		const char *name;
	} all[] = {{LZ_BLOCK_RESET, "reset"},	    {LZ_BLOCK_RESET_FAILED, "reset_failed"},
		   {LZ_BLOCK_BROKEN, "broken"},	    {LZ_BLOCK_PERMANENT, "permanent"},
		   {LZ_BLOCK_OPERATOR, "operator"}, {LZ_BLOCK_SIBLING, "sibling"}};
	json_t *a = json_array();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (block & all[i].bit)
			json_array_append_new(a, json_string(all[i].name));
	return a;
}

static json_t *device(const struct result_device *d)
{
	const struct lz_health *h = &d->health;

	return json_pack("{s:s, s:s, s:s, s:o, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:I, "
			 "s:I, s:I}",
			 "bdf", d->name, "state", h->state, "fence", lz_fence_name(h->fence),
			 "block", block_reasons(h->block), "generation", (json_int_t)h->generation,
			 "evidence", lz_evidence_name(h->evidence), "timeouts",
			 (json_int_t)h->timeouts, "probes", (json_int_t)h->probes, "fences",
			 (json_int_t)h->fences, "quarantines", (json_int_t)h->quarantines,
			 "recoveries", (json_int_t)h->recoveries, "ats", d->ats_capable,
			 "ats_active", d->ats_active, "accesses", (json_int_t)d->accesses,
			 "stale_reads", (json_int_t)d->stale_reads, "stale_writes",
			 (json_int_t)d->stale_writes);
}

static json_t *event(const struct result *r, const struct result_event *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "t_us", json_integer((json_int_t)(e->t / 1000)));
	json_object_set_new(o, "device",
			    e->device >= 0 ? json_string(r->devices[e->device].name) : json_null());
	if (e->text) {
		bool fault = e->detail == RIG_NOTE_FAULT;

		json_object_set_new(o, "event", json_string(fault ? "fault_injected" : "note"));
		json_object_set_new(o, fault ? "kind" : "text", json_string(e->text));
		return o;
	}
	json_object_set_new(o, "event", json_string(lz_event_name(e->kind)));
	if (e->evidence != LZ_EVIDENCE_NONE)
		json_object_set_new(o, "evidence", json_string(lz_evidence_name(e->evidence)));
	if (e->status != LZ_OK)
		json_object_set_new(o, "status", json_string(lz_status_name(e->status)));
	if (e->device >= 0)
		json_object_set_new(o, "generation", json_integer(e->generation));
	if (e->detail)
		json_object_set_new(o, "detail", json_integer((json_int_t)e->detail));
	return o;
}

json_t *report_json(const struct result *r)
{
	const char *verdict = r->inconclusive	   ? "inconclusive"
			      : result_violated(r) ? "violated"
						   : "held";
	json_t *devices = json_array(), *events = json_array(), *o;

	for (unsigned i = 0; i < r->n_devices; i++)
		json_array_append_new(devices, device(&r->devices[i]));
	for (unsigned i = 0; i < r->n_events; i++)
		json_array_append_new(events, event(r, &r->events[i]));
	o = json_pack("{s:i, s:s, s:s, s:I, s:o, s:I, s:I, s:I, s:I, s:{s:I, s:I}, s:o, s:o}",
		      "schema", SCHEMA, "verdict", verdict, "regime", r->regime, "model_time_us",
		      (json_int_t)(r->model_time / 1000), "invariants", invariants(r),
		      "stale_writes", (json_int_t)r->stale_writes, "stale_reads",
		      (json_int_t)r->stale_reads, "false_quarantines",
		      (json_int_t)r->false_quarantines, "cmdq_errors", (json_int_t)r->cmdq_errors,
		      "custody", "max_pages", (json_int_t)r->custody_max, "end_pages",
		      (json_int_t)r->custody_end, "devices", devices, "events", events);
	if (!o)
		return NULL;
	if (r->has_expect)
		json_object_set_new(o, "expect",
				    json_pack("{s:s, s:I, s:s}", "result",
					      inv_result_name(result_of(r, INV_EXPECT)),
					      "violations",
					      (json_int_t)r->inv[INV_EXPECT].violations, "first",
					      r->inv[INV_EXPECT].first));
	if (r->inconclusive)
		json_object_set_new(o, "reason", json_string(r->reason));
	json_object_set_new(o, "figures",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
				      "maps", (json_int_t)r->maps, "unmaps", (json_int_t)r->unmaps,
				      "irq_unmaps", (json_int_t)r->irq_unmaps, "accesses",
				      (json_int_t)r->accesses, "custody_accesses",
				      (json_int_t)r->custody_accesses, "maps_moved",
				      (json_int_t)r->moved, "maps_refused", (json_int_t)r->refused,
				      "worst_unmap_ns", (json_int_t)r->worst_unmap,
				      "worst_irq_unmap_ns", (json_int_t)r->worst_irq_unmap,
				      "longest_masked_wait_ns", (json_int_t)r->longest_masked_wait,
				      "events_left_out", (json_int_t)r->events_left_out));
	return o;
}
