/* SPDX-License-Identifier: BSD-2-Clause */
/* Life of an endpoint of the model: creation, faults, resets, progress. */
#include <stdio.h>
#include <string.h>

#include "ep.h"
#include "memory.h"

uint64_t ep_now(const struct lzm_ep *ep)
{
	return ep->link.now(ep->link.ctx);
}

/* splitmix64 */
uint64_t ep_random(struct lzm_ep *ep)
{
	uint64_t z = ep->rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

bool ep_in_reset(const struct lzm_ep *ep)
{
	return (ep->resetting && ep_now(ep) < ep->reset_end) || ep_cut_off(ep);
}

struct lzm_ep *lzm_ep_create(const struct lzm_ep_config *cfg, const struct lzm_ep_link *link)
{
	struct lzm_ep *ep;

	if (!cfg->config || cfg->config_len < 64 || cfg->config_len > LZM_EP_CFG)
		return NULL;
	ep = lzm_alloc(1, sizeof(*ep));
	if (!ep)
		return NULL;
	ep->atc_size = cfg->atc_entries;
	ep->atc = lzm_alloc(ep->atc_size + 1, sizeof(*ep->atc));
	if (!ep->atc) {
		lzm_free(ep);
		return NULL;
	}
	snprintf(ep->name, sizeof(ep->name), "%s", cfg->name ? cfg->name : "");
	ep->link = *link;
	ep->sid = cfg->sid;
	ep->answer_ns = cfg->answer_ns;
	ep->flr_ns = cfg->flr_ns;
	ep->rng = cfg->seed;
	ep_config_init(ep, cfg->config, cfg->config_len, cfg->add_ats);
	ep->vendor = ep->vf ? cfg->vendor : (uint16_t)ep_get(ep, 0, 2);
	ep->device = ep->vf ? cfg->device : (uint16_t)ep_get(ep, 2, 2);
	ep->upstream = cfg->upstream;
	if (ep->upstream) {
		ep->sibling = ep->upstream->children;
		ep->upstream->children = ep;
	}
	ep->pf = cfg->pf;
	if (ep->pf) {
		ep->next_vf = ep->pf->vfs;
		ep->pf->vfs = ep;
	}
	ep->knows_bus = true;
	ep_vendor_init(ep);
	return ep;
}

void lzm_ep_destroy(struct lzm_ep *ep)
{
	if (!ep)
		return;
	for (struct lzm_ep **p = ep->upstream ? &ep->upstream->children : NULL; p && *p;
	     p = &(*p)->sibling)
		if (*p == ep) {
			*p = ep->sibling;
			break;
		}
	for (struct lzm_ep **p = ep->pf ? &ep->pf->vfs : NULL; p && *p; p = &(*p)->next_vf)
		if (*p == ep) {
			*p = ep->next_vf;
			break;
		}
	for (struct lzm_ep *c = ep->children; c; c = c->sibling)
		c->upstream = NULL;
	for (struct lzm_ep *vf = ep->vfs; vf; vf = vf->next_vf)
		vf->pf = NULL;
	if (ep->pf)
		ep_admit(ep->pf);
	lzm_free(ep->atc);
	lzm_free(ep->answers);
	lzm_free(ep);
}

const char *lzm_ep_name(const struct lzm_ep *ep)
{
	return ep->name;
}

uint32_t lzm_ep_sid(const struct lzm_ep *ep)
{
	return ep->sid;
}

void lzm_ep_ids(const struct lzm_ep *ep, uint16_t *vendor, uint16_t *device)
{
	*vendor = ep->vendor;
	*device = ep->device;
}

/* Registers, cache and requests under way are gone, and so is what ailed the ATC. */
void ep_soft_reset(struct lzm_ep *ep)
{
	const uint32_t cured = 1u << LZM_EP_ATC_SILENT | 1u << LZM_EP_ATC_SLOW |
			       1u << LZM_EP_ATC_LATE | 1u << LZM_EP_ATC_RANGES |
			       1u << LZM_EP_ATC_UNSUPPORTED;

	ep_config_reset(ep);
	ep_atc_empty(ep);
	ep->n_answers = 0;
	ep_admit(ep);
	ep->busy_until = 0;
	ep->faults &= ~cured;
	ep->silent_n = 0;
	ep->knows_bus = false;
	ep_vendor_reset(ep);
	if (ep_has(ep, LZM_EP_SILENT_AFTER_RESET)) {
		ep->faults &= ~(1u << LZM_EP_SILENT_AFTER_RESET);
		ep->faults |= 1u << LZM_EP_ATC_SILENT;
	}
	if (ep->link.reset)
		ep->link.reset(ep->link.ctx, ep);
}

/* SR-IOV 2.2.3: they vanish with VF Enable and come back fresh. */
static void reset_vfs(struct lzm_ep *pf)
{
	for (struct lzm_ep *vf = pf->vfs; vf; vf = vf->next_vf)
		if (!ep_has(vf, LZM_EP_REMOVED))
			ep_soft_reset(vf);
}

void ep_start_flr(struct lzm_ep *ep)
{
	uint8_t vf_enable = ep->sriov ? ep->cfg[ep->sriov + 8] : 0;

	if (ep_has(ep, LZM_EP_FLR_FAILS))
		return;
	ep->resetting = true;
	ep->reset_end = ep_has(ep, LZM_EP_FLR_TIMEOUT) || !ep_vendor_survives_flr(ep)
				? LZM_NEVER
				: ep_now(ep) + ep->flr_ns;
	ep_soft_reset(ep);
	if (ep->sriov && ep_has(ep, LZM_EP_KEEPS_VFS))
		ep->cfg[ep->sriov + 8] = vf_enable;
	else
		reset_vfs(ep);
}

void lzm_ep_bus_reset(struct lzm_ep *ep)
{
	if (ep_has(ep, LZM_EP_REMOVED) || ep_has(ep, LZM_EP_BUS_FAILS))
		return;
	ep->resetting = true;
	ep->reset_end = ep_has(ep, LZM_EP_BUS_TIMEOUT) ? LZM_NEVER : ep_now(ep) + ep->flr_ns;
	ep_soft_reset(ep);
	reset_vfs(ep);
}

bool lzm_ep_knows_bus(const struct lzm_ep *ep)
{
	return ep->knows_bus;
}

void lzm_ep_hold_transactions(struct lzm_ep *ep, uint64_t until_ns)
{
	ep->busy_until = until_ns;
}

void lzm_ep_fault(struct lzm_ep *ep, enum lzm_ep_fault f, unsigned count, uint64_t delay_ns)
{
	switch (f) {
	case LZM_EP_SOUND:
		ep->faults = 0;
		ep->silent_n = 0;
		if (ep->resetting && ep->reset_end == LZM_NEVER)
			ep->reset_end = ep_now(ep);
		return;
	case LZM_EP_ATC_SILENT_N:
		ep->silent_n = count;
		return;
	case LZM_EP_ATC_SLOW:
		ep->slow_ns = delay_ns;
		break;
	case LZM_EP_ATC_LATE:
		ep->late_ns = delay_ns;
		break;
	case LZM_EP_ATC_UNSUPPORTED:
		ep_drop_ats_enable(ep);
		break;
	case LZM_EP_REMOVED:
		/* What comes back, if anything does, is a fresh function. */
		ep_config_reset(ep);
		ep_atc_empty(ep);
		ep->n_answers = 0;
		ep_admit(ep);
		ep->resetting = false;
		break;
	default:
		break;
	}
	ep->faults |= 1u << f;
}

bool lzm_ep_answers(const struct lzm_ep *ep)
{
	const uint32_t ill = 1u << LZM_EP_ATC_SILENT | 1u << LZM_EP_ATC_LATE |
			     1u << LZM_EP_ATC_RANGES | 1u << LZM_EP_ATC_UNSUPPORTED |
			     1u << LZM_EP_REMOVED;

	return !(ep->faults & ill) && !ep->silent_n && !ep_in_reset(ep);
}

/* Requests of equal time in their order. */
static bool comes_before(const struct ep_answer *a, const struct ep_answer *b)
{
	return a->due < b->due || (a->due == b->due && a->order < b->order);
}

/* The answer that is due first. */
static struct ep_answer *first_answer(struct lzm_ep *ep)
{
	struct ep_answer *first = NULL;

	for (unsigned i = 0; i < ep->n_answers; i++) {
		struct ep_answer *a = &ep->answers[i];

		if (a->waits)
			continue;
		if (!first || comes_before(a, first))
			first = a;
	}
	return first;
}

/* Behind which `place` others of those that are due now stand; NULL: none so many. */
static struct ep_answer *due_answer(struct lzm_ep *ep, unsigned place)
{
	uint64_t now = ep_now(ep);

	for (unsigned i = 0; i < ep->n_answers; i++) {
		struct ep_answer *a = &ep->answers[i];
		unsigned before = 0;

		if (a->waits || a->due > now)
			continue;
		for (unsigned k = 0; k < ep->n_answers; k++)
			before += !ep->answers[k].waits && comes_before(&ep->answers[k], a);
		if (before == place)
			return a;
	}
	return NULL;
}

/* Completions name their requests by ITag: they may come in any order. */
static struct ep_answer *next_answer(struct lzm_ep *ep)
{
	unsigned n = 0, v;

	while (ep->chooser && due_answer(ep, n))
		n++;
	if (n < 2)
		return first_answer(ep);
	v = ep->chooser->choose(ep->chooser->ctx, LZM_CHOOSE_ANSWER, n);
	return due_answer(ep, v < n ? v : 0);
}

void lzm_ep_set_chooser(struct lzm_ep *ep, const struct lzm_chooser *c)
{
	ep->chooser = c;
}

bool lzm_ep_step(struct lzm_ep *ep)
{
	if (ep->resetting && ep_now(ep) >= ep->reset_end) {
		ep->resetting = false;
		return true;
	}

	struct ep_answer *a = next_answer(ep);

	if (!a || a->due > ep_now(ep))
		return false;

	struct ep_answer done = *a;

	*a = ep->answers[--ep->n_answers];
	ep_admit(ep);
	/* Entries go when the answer does, not earlier: until then the device
	 * may go on using them, and a bench should see what that means. */
	if (done.answer == LZM_ATC_DONE)
		ep_atc_drop(ep, &done.inv);
	ep->link.answer(ep->link.ctx, ep, done.tag, done.answer);
	return true;
}

uint64_t lzm_ep_wake(struct lzm_ep *ep)
{
	const struct ep_answer *a = first_answer(ep);
	uint64_t t = a ? a->due : LZM_NEVER;

	if (lzm_ep_held_back(ep))
		t = ep_room_at(ep); /* no later than its own */
	return ep->resetting && ep->reset_end < t ? ep->reset_end : t;
}
