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

static json_t *words(const uint64_t *w, unsigned n)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < n; i++) {
		char text[24];

		snprintf(text, sizeof(text), "0x%016llx", (unsigned long long)w[i]);
		json_array_append_new(a, json_string(text));
	}
	return a;
}

static json_t *snapshot(const struct result *r, const struct lz_snapshot *s)
{
	json_t *commands = json_array();
	lz_ns origin = r->origin;

	for (unsigned i = 0; i < s->n_commands; i++)
		json_array_append_new(commands, words(s->command[i], 2));
	return json_pack(
		"{s:I, s:o, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I}", "t_us",
		(json_int_t)((s->time - origin) / 1000), "fenced_us",
		s->fenced ? json_integer((json_int_t)((s->fenced - origin) / 1000)) : json_null(),
		"generation", (json_int_t)s->generation, "evidence", lz_evidence_name(s->evidence),
		"stream", (json_int_t)s->stream, "prod", (json_int_t)s->prod, "cons",
		(json_int_t)s->cons, "gerror", (json_int_t)s->error, "gerrorn",
		(json_int_t)s->error_ack, "ste_before", words(s->entry_before, 8), "ste_after",
		s->fenced ? words(s->entry_after, 8) : json_null(), "commands", commands,
		"commands_left_out", (json_int_t)s->n_left_out);
}

static void add_stats(json_t *o, const struct result *r, const struct result_device *d)
{
	const struct lz_device_stats *s = &d->stats;

	json_object_set_new(o, "degraded", json_boolean(d->health.degraded));
	json_object_set_new(o, "exonerations", json_integer(s->exonerations));
	json_object_set_new(o, "stale_evidence", json_integer(s->stale));
	json_object_set_new(o, "slow", json_integer(s->slow));
	json_object_set_new(o, "fence_last_ns", json_integer((json_int_t)s->fence_last));
	json_object_set_new(o, "fence_max_ns", json_integer((json_int_t)s->fence_max));
	if (d->has_snapshot)
		json_object_set_new(o, "snapshot", snapshot(r, &d->snapshot));
}

/* Buckets that anything is in, by their lower bound. */
static json_t *latency(const struct lz_iommu_stats *s)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < LZ_LATENCY_BUCKETS; i++)
		if (s->latency[i])
			json_array_append_new(a, json_pack("{s:I, s:I}", "from_ns",
							   i ? (json_int_t)1 << i : (json_int_t)0,
							   "waits", (json_int_t)s->latency[i]));
	return a;
}

static json_t *iommu(const struct result_iommu *u)
{
	const struct lz_iommu_stats *s = &u->stats;
	json_t *o;

	o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		      "s:I, s:o}",
		      "name", u->name, "cmdq_errors", (json_int_t)s->cmdq_errors, "atc_timeouts",
		      (json_int_t)s->atc_timeouts, "probes", (json_int_t)s->probes, "exonerations",
		      (json_int_t)s->exonerations, "fences", (json_int_t)s->fences, "quarantines",
		      (json_int_t)s->quarantines, "recoveries", (json_int_t)s->recoveries,
		      "stale_evidence", (json_int_t)s->stale, "slow", (json_int_t)s->slow,
		      "custody_pages_max", (json_int_t)s->custody_pages_max, "custody_page_us",
		      (json_int_t)s->custody_page_us, "fence_last_ns", (json_int_t)s->fence_last,
		      "fence_max_ns", (json_int_t)s->fence_max, "stall_max_ns",
		      (json_int_t)s->stall_max, "latency", latency(s));
	json_object_set_new(o, "lanes", json_string(u->lanes ? u->lanes : "none"));
	json_object_set_new(o, "lanes_used", json_integer(u->lanes_used));
	json_object_set_new(o, "commands", json_integer((json_int_t)u->commands));
	json_object_set_new(o, "lane_commands", json_integer((json_int_t)u->lane_commands));
	return o;
}

static json_t *order(const struct result *r, const struct result_order *o)
{
	return json_pack("{s:I, s:s, s:o, s:s}", "t_us", (json_int_t)(o->t / 1000), "verb", o->verb,
			 "device",
			 o->device >= 0 ? json_string(r->devices[o->device].name) : json_null(),
			 "status", lz_status_name(o->status));
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
	const struct lz_event ev = {.kind = e->kind, .status = e->status};
	json_t *o = json_object();

	json_object_set_new(o, "t_us", json_integer((json_int_t)(e->t / 1000)));
	json_object_set_new(o, "device",
			    e->device >= 0 ? json_string(r->devices[e->device].name) : json_null());
	if (e->text) {
		static const char *const names[][2] = {
			{"note", "text"},
			[RIG_NOTE_FAULT] = {"fault_injected", "kind"},
			[RIG_NOTE_ORDER] = {"operator", "verb"},
			[RIG_NOTE_ANSWER] = {"operator_answer", "status"},
		};
		const char *const *name = names[e->detail <= RIG_NOTE_ANSWER ? e->detail : 0];

		json_object_set_new(o, "event", json_string(name[0]));
		json_object_set_new(o, name[1], json_string(e->text));
		return o;
	}
	json_object_set_new(o, "event", json_string(lz_event_name(e->kind)));
	if (lz_event_action(&ev) != LZ_ACTION_NONE) {
		json_object_set_new(o, "action", json_string(lz_action_name(lz_event_action(&ev))));
		json_object_set_new(o, "phase", json_string(lz_phase_name(lz_event_phase(&ev))));
	}
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

static json_t *storm(const struct result *r)
{
	const struct result_storm *s = &r->storm;
	json_t *calm = json_array();

	for (unsigned i = 0; i < RESULT_QUARTERS; i++)
		json_array_append_new(calm, json_integer((json_int_t)s->calm_bytes[i]));
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "cut_short",
			 s->cut_short, "blows", (json_int_t)s->blows, "faults",
			 (json_int_t)s->faults, "resets", (json_int_t)s->resets, "bus_resets",
			 (json_int_t)s->bus_resets, "removals", (json_int_t)s->removals, "readds",
			 (json_int_t)s->adds, "quarantines", (json_int_t)s->quarantines,
			 "recoveries", (json_int_t)s->recovered, "peak_bytes",
			 (json_int_t)r->peak_bytes, "calm_bytes", calm);
}

json_t *report_json(const struct result *r)
{
	const char *verdict = r->inconclusive	   ? "inconclusive"
			      : result_violated(r) ? "violated"
						   : "held";
	json_t *devices = json_array(), *events = json_array(), *orders = json_array();
	json_t *iommus = json_array(), *o;

	for (unsigned i = 0; i < r->n_devices; i++) {
		json_t *d = device(&r->devices[i]);

		json_object_set_new(d, "iommu", json_string(r->iommus[r->devices[i].iommu].name));
		add_stats(d, r, &r->devices[i]);
		json_array_append_new(devices, d);
	}
	for (unsigned i = 0; i < r->n_iommus; i++)
		json_array_append_new(iommus, iommu(&r->iommus[i]));
	for (unsigned i = 0; i < r->n_orders; i++)
		json_array_append_new(orders, order(r, &r->orders[i]));
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
	json_object_set_new(o, "iommu", iommu(&r->iommus[0]));
	json_object_set_new(o, "iommus", iommus);
	json_object_set_new(o, "operator", orders);
	if (r->has_expect)
		json_object_set_new(o, "expect",
				    json_pack("{s:s, s:I, s:s}", "result",
					      inv_result_name(result_of(r, INV_EXPECT)),
					      "violations",
					      (json_int_t)r->inv[INV_EXPECT].violations, "first",
					      r->inv[INV_EXPECT].first));
	if (r->storm.ran)
		json_object_set_new(o, "storm", storm(r));
	if (r->inconclusive)
		json_object_set_new(o, "reason", json_string(r->reason));
	json_object_set_new(
		o, "figures",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "maps",
			  (json_int_t)r->maps, "unmaps", (json_int_t)r->unmaps, "irq_unmaps",
			  (json_int_t)r->irq_unmaps, "accesses", (json_int_t)r->accesses,
			  "custody_accesses", (json_int_t)r->custody_accesses, "maps_moved",
			  (json_int_t)r->moved, "maps_refused", (json_int_t)r->refused,
			  "worst_unmap_ns", (json_int_t)r->worst_unmap, "worst_irq_unmap_ns",
			  (json_int_t)r->worst_irq_unmap, "longest_masked_wait_ns",
			  (json_int_t)r->longest_masked_wait, "worst_neighbour_ns",
			  (json_int_t)r->worst_neighbour, "events_left_out",
			  (json_int_t)r->events_left_out));
	return o;
}
