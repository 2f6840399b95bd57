/* SPDX-License-Identifier: BSD-2-Clause */
/* A result for people: time line, verdicts, health, figures, comparison. */
#include "bench/report.h"

#include <inttypes.h>
#include <string.h>

#include "bench/rig.h"

#define SHOWN_OF_STORM 16u /* lines of what has thousands */
#define SHOWN	       12u /* time line entries of one kind */

static const char *subject(const struct result *r, const struct result_event *e)
{
	return e->device >= 0 && (unsigned)e->device < r->n_devices ? r->devices[e->device].name
								    : r->iommus[e->iommu].name;
}

/* ---- time line ---- */

/* `sum`: over all that are shown as one. */
static void describe(const struct result_event *e, uint64_t sum, char *buf, size_t len)
{
	const char *evidence = lz_evidence_name(e->evidence);
	unsigned cons = (unsigned)e->detail;

	switch (e->kind) {
	case LZ_EV_TIMEOUT:
		snprintf(buf, len, "CMDQ error (cons 0x%08x): ATC invalidate timeout", cons);
		break;
	case LZ_EV_LATE:
		snprintf(buf, len, "the timeout came late: nobody waits for it any more");
		break;
	case LZ_EV_SUSPECT:
		snprintf(buf, len, "suspect: an invalidation of it may be unanswered");
		break;
	case LZ_EV_PROBE:
		snprintf(buf, len, "probe: ATC invalidate all");
		break;
	case LZ_EV_EXONERATED:
		snprintf(buf, len, "answered its probe: exonerated");
		break;
	case LZ_EV_FENCED:
		if (e->evidence == LZ_EVIDENCE_NONE)
			evidence = "for a reset or removal";
		snprintf(buf, len, "fenced: ATS is off in every STE, with effect (%s)", evidence);
		break;
	case LZ_EV_ESCALATED:
		snprintf(buf, len, "escalated: %s: %s", lz_rung_name((enum lz_rung)e->detail),
			 lz_status_name(e->status));
		break;
	case LZ_EV_CUSTODY_HELD:
		snprintf(buf, len, "unmapped pages are held in custody");
		break;
	case LZ_EV_CUSTODY_RELEASED:
		snprintf(buf, len, "custody released: %" PRIu64 " pages", sum);
		break;
	case LZ_EV_QUARANTINED:
		snprintf(buf, len, "IOMMU has quarantined the device (%s, generation %u)", evidence,
			 e->generation);
		break;
	case LZ_EV_OWNER_TOLD:
		snprintf(buf, len, "its owner has been told");
		break;
	case LZ_EV_RESET_BEGIN:
		snprintf(buf, len, "reset begins (generation %u)", e->generation);
		break;
	case LZ_EV_RESET_END:
		snprintf(buf, len, "reset ends: %s (generation %u)", lz_status_name(e->status),
			 e->generation);
		break;
	case LZ_EV_UNFENCED:
		snprintf(buf, len, "unfenced");
		break;
	case LZ_EV_RECOVERED:
		snprintf(buf, len, "Device is unblocked after successful reset");
		break;
	case LZ_EV_STILL_BROKEN:
		snprintf(buf, len, "the reset did not help: still broken");
		break;
	case LZ_EV_FENCE_DELAYED:
		snprintf(buf, len, "fence: without effect yet (%s), going on",
			 lz_status_name(e->status));
		break;
	case LZ_EV_RECOVERY_DELAYED:
		snprintf(buf, len, "recovery: not yet (%s), going on", lz_status_name(e->status));
		break;
	case LZ_EV_DEGRADED:
		snprintf(buf, len, "IOMMU has switched off ATS of the device (%s, generation %u)",
			 evidence, e->generation);
		break;
	case LZ_EV_SLOW:
		snprintf(buf, len, "slow: an ATC invalidate took %.3f ms%s",
			 (double)e->detail / 1e6,
			 e->evidence == LZ_EVIDENCE_NAMED ? "" : ", of it or of another one");
		break;
	case LZ_EV_QUEUE_ERROR:
		snprintf(buf, len, "CMDQ error (cons 0x%08x): command refused or not fetched",
			 cons);
		break;
	case LZ_EV_QUEUE_STALLED:
		snprintf(buf, len, "command queue stalled (cons 0x%08x)", cons);
		break;
	case LZ_EV_SERVICE_FAILURE:
		snprintf(buf, len, "service failure mode: nothing is translated any more");
		break;
	case LZ_EV_DMA_FAULT:
		snprintf(buf, len, "DMA fault at IOVA 0x%" PRIx64, e->detail);
		break;
	default:
		snprintf(buf, len, "%s", lz_event_name(e->kind));
		break;
	}
}

/* What a person wants to see however often it happens. */
static bool always_shown(const struct result_event *e)
{
	return e->text || e->kind == LZ_EV_DEGRADED || e->kind == LZ_EV_QUARANTINED ||
	       e->kind == LZ_EV_RECOVERED || e->kind == LZ_EV_STILL_BROKEN ||
	       e->kind == LZ_EV_ESCALATED;
}

/* The end of it is shown, and so is when it takes long. */
static bool never_shown(const struct result_event *e)
{
	return !e->text && (e->kind == LZ_EV_FENCE_BEGIN || e->kind == LZ_EV_RECOVERY_BEGIN);
}

static bool same_story(const struct result_event *a, const struct result_event *b)
{
	return a->text == b->text && a->device == b->device && a->iommu == b->iommu &&
	       a->kind == b->kind && a->evidence == b->evidence && a->status == b->status;
}

static const char *color_of(const struct report_style *s, const struct result_event *e)
{
	if (e->text)
		return e->detail == RIG_NOTE_FAULT ? s->yellow : s->plain;
	switch (e->kind) {
	case LZ_EV_TIMEOUT:
	case LZ_EV_QUEUE_ERROR:
	case LZ_EV_QUEUE_STALLED:
	case LZ_EV_SERVICE_FAILURE:
	case LZ_EV_STILL_BROKEN:
	case LZ_EV_QUARANTINED:
	case LZ_EV_DEGRADED:
		return s->red;
	case LZ_EV_FENCED:
	case LZ_EV_CUSTODY_RELEASED:
	case LZ_EV_RECOVERED:
		return s->green;
	default:
		return s->plain;
	}
}

static const char *note_prefix(const struct result_event *e)
{
	static const char *const prefix[] = {
		"",
		[RIG_NOTE_FAULT] = "FAULT INJECTED: ",
		[RIG_NOTE_ORDER] = "operator: ",
		[RIG_NOTE_ANSWER] = "operator: the answer is ",
	};

	return prefix[e->detail <= RIG_NOTE_ANSWER ? e->detail : 0];
}

void report_timeline(FILE *f, const struct report_style *s, const struct result *r)
{
	unsigned shown[LZ_EVENT_KINDS] = {0};
	unsigned hidden = 0, lines = 0;

	fprintf(f, "%stime line%s (s of model time)\n", s->bold, s->plain);
	for (unsigned i = 0; i < r->n_events;) {
		const struct result_event *e = &r->events[i];
		unsigned n = 1;
		char text[160];
		uint64_t sum = e->detail;

		while (i + n < r->n_events && same_story(e, &r->events[i + n]))
			sum += r->events[i + n++].detail;
		i += n;
		if (never_shown(e))
			continue;
		if ((!always_shown(e) && shown[e->kind]++ >= SHOWN) ||
		    (r->storm.ran && lines++ >= SHOWN_OF_STORM)) {
			hidden += n;
			continue;
		}
		if (e->text)
			snprintf(text, sizeof(text), "%s%s", note_prefix(e), e->text);
		else
			describe(e, sum, text, sizeof(text));
		fprintf(f, "[%12.6f] %-12s: %s%s%s", (double)e->t / 1e9, subject(r, e),
			color_of(s, e), text, s->plain);
		if (n > 1)
			fprintf(f, " %s(%u times until %.6f)%s", s->dim, n,
				(double)r->events[i - 1].t / 1e9, s->plain);
		fputc('\n', f);
	}
	if (hidden + r->events_left_out)
		fprintf(f, "  and %" PRIu64 " more of the same kinds\n",
			hidden + r->events_left_out);
}

/* ---- verdicts ---- */

void report_invariants(FILE *f, const struct report_style *s, const struct result *r)
{
	fprintf(f, "%sverdict%s\n", s->bold, s->plain);
	for (int i = 0; i < INV_COUNT; i++) {
		const struct inv_state *v = &r->inv[i];
		enum inv_result res = result_of(r, (enum inv)i);
		const char *c = res == INV_HELD ? s->green : res == INV_VIOLATED ? s->red : s->dim;

		if (i == INV_EXPECT && !r->has_expect)
			continue;
		fprintf(f, "  %-6s %-20s %s%s%s", inv_name((enum inv)i), inv_title((enum inv)i), c,
			res == INV_NOT_APPLICABLE ? "not applicable" : inv_result_name(res),
			s->plain);
		if (v->violations)
			fprintf(f, " (%" PRIu64 ")\n         first: %s", v->violations, v->first);
		else if (v->note[0])
			fprintf(f, ": %s", v->note);
		fputc('\n', f);
	}
}

/* ---- health ---- */

static bool has_something_to_tell(const struct result_device *d)
{
	const struct lz_health *h = &d->health;

	return d->faulted || d->told || h->timeouts || h->probes || h->fences || h->quarantines ||
	       h->block || h->fence != LZ_FENCE_OPEN || d->stale_reads || d->stale_writes;
}

void report_health(FILE *f, const struct report_style *s, const struct result *r)
{
	unsigned rest = 0, healthy = 0, told = 0;

	fprintf(f, "%shealth%s\n", s->bold, s->plain);
	fprintf(f, "  %-12s %-18s %-8s %4s %-8s %8s %6s %6s %5s %9s %6s\n", "device", "state",
		"fence", "gen", "evidence", "timeouts", "probes", "fences", "quar.", "recovered",
		"stale");
	for (unsigned i = 0; i < r->n_devices; i++) {
		const struct result_device *d = &r->devices[i];
		const struct lz_health *h = &d->health;

		if (!has_something_to_tell(d) || (r->storm.ran && told++ >= SHOWN_OF_STORM)) {
			rest++;
			healthy += !strcmp(h->state, "healthy");
			continue;
		}
		fprintf(f, "  %-12s %s%-18s%s %-8s %4u %-8s %8u %6u %6u %5u %9u %6" PRIu64 "\n",
			d->name, !strcmp(h->state, "healthy") ? s->green : s->red, h->state,
			s->plain, lz_fence_name(h->fence), h->generation,
			lz_evidence_name(h->evidence), h->timeouts, h->probes, h->fences,
			h->quarantines, h->recoveries, d->stale_reads + d->stale_writes);
	}
	fprintf(f, "  and %u others%s, %u of them healthy\n", rest,
		r->storm.ran ? "" : " with nothing to tell", healthy);
}

/* ---- figures ---- */

static double ms(lz_ns t)
{
	return (double)t / 1e6;
}

/* The longest of all IOMMUs, and the sum of what is counted. */
static struct lz_iommu_stats of_all(const struct result *r)
{
	struct lz_iommu_stats all = {0};

	for (unsigned i = 0; i < r->n_iommus; i++) {
		const struct lz_iommu_stats *s = &r->iommus[i].stats;

		all.fence_max = s->fence_max > all.fence_max ? s->fence_max : all.fence_max;
		all.stall_max = s->stall_max > all.stall_max ? s->stall_max : all.stall_max;
		all.exonerations += s->exonerations;
		all.stale += s->stale;
	}
	return all;
}

void report_figures(FILE *f, const struct report_style *s, const struct result *r)
{
	const struct lz_iommu_stats all = of_all(r);

	fprintf(f, "%sfigures%s\n", s->bold, s->plain);
	fprintf(f,
		"  %" PRIu64 " maps, %" PRIu64 " unmaps (%" PRIu64
		" in interrupt context), %" PRIu64 " DMA accesses in %.3f s of model time\n",
		r->maps, r->unmaps, r->irq_unmaps, r->accesses, (double)r->model_time / 1e9);
	fprintf(f,
		"  command queue errors %" PRIu64 ", probes %" PRIu64 ", fences %" PRIu64
		", recoveries %" PRIu64 "\n",
		r->cmdq_errors, r->probes, r->fences, r->recoveries);
	fprintf(f,
		"  DMA to memory that had been given back: %s%" PRIu64 " writes, %" PRIu64
		" reads%s; to memory in custody: %" PRIu64 " (harmless)\n",
		r->stale_writes + r->stale_reads ? s->red : s->green, r->stale_writes,
		r->stale_reads, s->plain, r->custody_accesses);
	fprintf(f,
		"  custody: %" PRIu64 " pages at most, %" PRIu64
		" at the end, %.3f page-seconds; %" PRIu64 " maps moved, %" PRIu64 " refused\n",
		r->custody_max, r->custody_end, (double)r->custody_page_ns / 1e9, r->moved,
		r->refused);
	fprintf(f,
		"  longest unmap %.3f ms, in interrupt context %.3f ms; longest masked wait %.3f "
		"ms\n",
		ms(r->worst_unmap), ms(r->worst_irq_unmap), ms(r->longest_masked_wait));
	fprintf(f,
		"  errors to effective fences: %.3f ms at most; queue stalled %.3f ms at most; "
		"false "
		"alarms %" PRIu64 "; stale evidence %" PRIu64 "\n",
		ms(all.fence_max), ms(all.stall_max), all.exonerations, all.stale);
	for (unsigned i = 0; i < r->n_iommus; i++)
		if (r->iommus[i].lane_commands)
			fprintf(f,
				"  %s: %" PRIu64 " of %" PRIu64
				" commands came from further queues (%s, %u used)\n",
				r->iommus[i].name, r->iommus[i].lane_commands,
				r->iommus[i].commands, r->iommus[i].lanes, r->iommus[i].lanes_used);
	if (r->fault_at)
		fprintf(f, "  longest unmap in a domain without a broken device: %.3f ms\n",
			ms(r->worst_neighbour));
	if (r->fault_at && r->fenced_at)
		fprintf(f, "  fault to effective fence: %.3f ms\n", ms(r->fenced_at - r->fault_at));
}

void report_storm(FILE *f, const struct report_style *s, const struct result *r)
{
	const struct result_storm *st = &r->storm;

	if (!st->ran)
		return;
	fprintf(f, "%sstorm%s%s\n", s->bold, s->plain,
		st->cut_short ? " (cut short: the SMMU was switched off by policy)" : "");
	fprintf(f,
		"  %" PRIu64 " blows: %" PRIu64 " faults, %" PRIu64 " resets (%" PRIu64
		" of a bus), %" PRIu64 " removals, %" PRIu64 " re-adds; %" PRIu64
		" quarantines, %" PRIu64 " recoveries\n",
		st->blows, st->faults, st->resets, st->bus_resets, st->removals, st->adds,
		st->quarantines, st->recovered);
	fprintf(f, "  bytes allocated: %" PRIu64 " at most; in the calm after each quarter",
		r->peak_bytes);
	for (unsigned i = 0; i < RESULT_QUARTERS; i++)
		fprintf(f, "%s %" PRIu64, i ? "," : "", st->calm_bytes[i]);
	fputc('\n', f);
}

void report_run(FILE *f, const struct report_style *s, const struct result *r)
{
	if (r->inconclusive) {
		fprintf(f, "inconclusive: %s\n", r->reason);
		return;
	}
	report_timeline(f, s, r);
	report_figures(f, s, r);
	report_storm(f, s, r);
	report_invariants(f, s, r);
	report_health(f, s, r);
}

void report_line(FILE *f, const struct report_style *s, const struct result *r)
{
	bool bad = result_violated(r);

	fprintf(f, "  %-20s %s%-8s%s", r->regime, bad || r->inconclusive ? s->red : s->green,
		r->inconclusive ? "no result"
		: bad		? "violated"
				: "held",
		s->plain);
	fprintf(f,
		" errors %-5" PRIu64 " probes %-4" PRIu64 " stale %-4" PRIu64 " custody %-5" PRIu64
		" model time %9.3f s",
		r->cmdq_errors, r->probes, r->stale_reads + r->stale_writes, r->custody_max,
		(double)r->model_time / 1e9);
	for (int i = 0; i < INV_COUNT; i++)
		if (r->inv[i].violations)
			fprintf(f, "\n    %s: %s", inv_name((enum inv)i), r->inv[i].first);
	if (r->inconclusive)
		fprintf(f, "\n    %s", r->reason);
	fputc('\n', f);
}

/* ---- comparison ---- */

static void row(FILE *f, const char *title, const struct result *r, unsigned n,
		void (*cell)(const struct result *r, char *buf, size_t len))
{
	fprintf(f, "  %-42s", title);
	for (unsigned i = 0; i < n; i++) {
		char buf[40] = "";

		cell(&r[i], buf, sizeof(buf));
		fprintf(f, " %18s", buf);
	}
	fputc('\n', f);
}

#define CELL(name, fmt, ...)                                            \
	static void name(const struct result *r, char *buf, size_t len) \
	{                                                               \
		snprintf(buf, len, fmt, __VA_ARGS__);                   \
	}

CELL(cell_errors, "%" PRIu64, r->cmdq_errors)
CELL(cell_writes, "%" PRIu64, r->stale_writes)
CELL(cell_reads, "%" PRIu64, r->stale_reads)
CELL(cell_custody, "%" PRIu64, r->custody_max)
CELL(cell_false, "%" PRIu64, r->false_quarantines)
CELL(cell_unmap, "%.3f ms", ms(r->worst_unmap))
CELL(cell_irq_unmap, "%.3f ms", ms(r->worst_irq_unmap))
CELL(cell_time, "%.3f s", (double)r->model_time / 1e9)
CELL(cell_verdict, "%s",
     r->inconclusive	  ? "inconclusive"
     : result_violated(r) ? "violated"
			  : "held")

static void moment(lz_ns fault, lz_ns t, char *buf, size_t len)
{
	if (t)
		snprintf(buf, len, "%.3f ms", ms(t - fault));
	else
		snprintf(buf, len, "never");
}

static void cell_fenced(const struct result *r, char *buf, size_t len)
{
	moment(r->fault_at, r->fenced_at, buf, len);
}

static void cell_back(const struct result *r, char *buf, size_t len)
{
	moment(r->fault_at, r->recovered_at, buf, len);
}

void report_compare(FILE *f, const struct report_style *s, const char *const *labels,
		    const struct result *r, unsigned n)
{
	fprintf(f, "%s%-44s%s", s->bold, "comparison", s->plain);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, " %18.18s", labels[i]);
	fputc('\n', f);
	row(f, "command queue errors (the storm)", r, n, cell_errors);
	row(f, "writes to memory that had been given back", r, n, cell_writes);
	row(f, "reads of memory that had been given back", r, n, cell_reads);
	row(f, "most pages in custody", r, n, cell_custody);
	row(f, "innocent devices quarantined", r, n, cell_false);
	row(f, "fault to effective fence", r, n, cell_fenced);
	row(f, "fault to traffic back", r, n, cell_back);
	row(f, "longest unmap, task context", r, n, cell_unmap);
	row(f, "longest unmap, interrupt context", r, n, cell_irq_unmap);
	row(f, "model time until all was quiet", r, n, cell_time);
	row(f, "verdict", r, n, cell_verdict);
}
