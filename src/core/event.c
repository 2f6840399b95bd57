/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: to the embedder's callback, and as text for machines. */
#include "core/core.h"
#include "core/text.h"

void lz_event_out(struct lz *lz, const struct lz_event *ev)
{
	struct lz_event e = *ev;

	if (!lz->cfg.event)
		return;
	e.time = lz_now(lz);
	lz->cfg.event(lz->cfg.event_ctx, &e);
}

void lz_event_out_device(struct lz_device *dev, enum lz_event_kind kind, enum lz_status status,
			 uint64_t detail)
{
	struct lz_event e = {
		.kind = kind,
		.evidence = (enum lz_evidence)lz_load8(&dev->evidence),
		.status = status,
		.generation = lz_load32(&dev->generation),
		.device = dev,
		.iommu = dev->iommu,
		.detail = detail,
	};

	lz_emit(dev->lz, &e);
}

/* ---- what it is a step of ---- */

static enum lz_phase end_phase(enum lz_status status)
{
	return status == LZ_OK ? LZ_PHASE_SUCCEEDED : LZ_PHASE_FAILED;
}

enum lz_action lz_event_action(const struct lz_event *ev)
{
	switch (ev->kind) {
	case LZ_EV_FENCE_BEGIN:
	case LZ_EV_FENCE_DELAYED:
	case LZ_EV_FENCED:
		return LZ_ACTION_FENCE;
	case LZ_EV_RESET_BEGIN:
	case LZ_EV_RESET_END:
		return LZ_ACTION_RESET;
	case LZ_EV_RECOVERY_BEGIN:
	case LZ_EV_RECOVERY_DELAYED:
	case LZ_EV_RECOVERED:
	case LZ_EV_STILL_BROKEN:
		return LZ_ACTION_RECOVERY;
	case LZ_EV_ESCALATED:
		return LZ_ACTION_LADDER;
	case LZ_EV_ABORT_ORDERED:
		return LZ_ACTION_ABORT;
	case LZ_EV_OPERATOR_CLEARED:
		return LZ_ACTION_CLEAR;
	default:
		return LZ_ACTION_NONE;
	}
}

enum lz_phase lz_event_phase(const struct lz_event *ev)
{
	switch (ev->kind) {
	case LZ_EV_FENCE_BEGIN:
	case LZ_EV_RESET_BEGIN:
	case LZ_EV_RECOVERY_BEGIN:
	case LZ_EV_ABORT_ORDERED:
		return LZ_PHASE_BEGIN;
	case LZ_EV_FENCE_DELAYED:
	case LZ_EV_RECOVERY_DELAYED:
		return LZ_PHASE_DELAYED;
	case LZ_EV_FENCED:
	case LZ_EV_RECOVERED:
		return LZ_PHASE_SUCCEEDED;
	case LZ_EV_STILL_BROKEN:
		return LZ_PHASE_FAILED;
	case LZ_EV_RESET_END:
	case LZ_EV_ESCALATED:
	case LZ_EV_OPERATOR_CLEARED:
		return end_phase(ev->status);
	default:
		return LZ_PHASE_NOTE;
	}
}

/* ---- as JSON ---- */

static void put_key(struct lz_text *t, const char *key)
{
	lz_text_char(t, t->len ? ',' : '{');
	lz_text_char(t, '"');
	lz_text_string(t, key);
	lz_text_string(t, "\":");
}

static void put_number(struct lz_text *t, const char *key, uint64_t v)
{
	put_key(t, key);
	lz_text_number(t, v, 10, 0, ' ');
}

/* A name is the embedder's: anything may be in it. */
static void put_string(struct lz_text *t, const char *key, const char *s)
{
	put_key(t, key);
	lz_text_char(t, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\') {
			lz_text_char(t, '\\');
			lz_text_char(t, *s);
		} else if ((unsigned char)*s < ' ') {
			lz_text_string(t, "\\u");
			lz_text_number(t, (unsigned char)*s, 16, 4, '0');
		} else {
			lz_text_char(t, *s);
		}
	}
	lz_text_char(t, '"');
}

size_t lz_event_format(const struct lz_event *ev, char *buf, size_t size)
{
	struct lz_text t = {.buf = buf, .size = size ? size - 1 : 0};

	if (!LZ_CONFIG_EVENTS) {
		if (size)
			*buf = '\0';
		return 0;
	}
	put_number(&t, "schema", LZ_EVENT_SCHEMA);
	put_number(&t, "time_ns", ev->time);
	put_number(&t, "kind", ev->kind);
	put_string(&t, "event", lz_event_name(ev->kind));
	put_string(&t, "action", lz_action_name(lz_event_action(ev)));
	put_string(&t, "phase", lz_phase_name(lz_event_phase(ev)));
	if (ev->iommu)
		put_string(&t, "iommu", ev->iommu->name);
	if (ev->device) {
		put_string(&t, "device", ev->device->name);
		put_number(&t, "generation", ev->generation);
		put_string(&t, "evidence", lz_evidence_name(ev->evidence));
	}
	if (ev->kind == LZ_EV_ESCALATED)
		put_string(&t, "rung", lz_rung_name((enum lz_rung)ev->detail));
	if (ev->holder)
		put_string(&t, "holder", ev->holder->name);
	put_string(&t, "status", lz_status_name(ev->status));
	put_number(&t, "detail", ev->detail);
	lz_text_char(&t, '}');
	if (size)
		buf[t.len < t.size ? t.len : t.size] = '\0';
	return t.len;
}
