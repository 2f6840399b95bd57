/* SPDX-License-Identifier: BSD-2-Clause */
/* The endpoint model's translation cache, DMA engine and answers to Invalidate Requests. */
#include <string.h>

#include "ep.h"
#include "memory.h"

void ep_atc_empty(struct lzm_ep *ep)
{
	for (unsigned i = 0; i < ep->atc_size; i++)
		ep->atc[i].valid = false;
	ep->atc_used = 0;
}

static void forget(struct lzm_ep *ep, struct ep_entry *e)
{
	e->valid = false;
	ep->atc_used--;
}

static bool overlaps(const struct lzm_translation *t, uint64_t first, uint64_t last)
{
	return t->iova <= last && t->iova + (t->size - 1) >= first;
}

/* A request without PASID takes entries with one too; Global means every PASID,
 * but not what was cached without. */
static bool is_meant(const struct ep_entry *e, const struct lzm_atc_inv *inv)
{
	if (!inv->ssv)
		return true;
	return inv->global ? e->pasid != 0 : e->pasid == inv->ssid;
}

void ep_atc_drop(struct lzm_ep *ep, const struct lzm_atc_inv *inv)
{
	uint64_t first = inv->size ? inv->addr : 0;
	uint64_t last = inv->size ? inv->addr + (inv->size - 1) : UINT64_MAX;

	for (unsigned i = 0; i < ep->atc_size; i++)
		if (ep->atc[i].valid && is_meant(&ep->atc[i], inv) &&
		    overlaps(&ep->atc[i].t, first, last))
			forget(ep, &ep->atc[i]);
}

unsigned lzm_ep_atc_used(const struct lzm_ep *ep)
{
	return ep->atc_used;
}

static bool permits(const struct lzm_translation *t, enum lzm_access access)
{
	return access == LZM_WRITE ? t->write : t->read;
}

static struct lzm_translation *atc_find(struct lzm_ep *ep, uint32_t pasid, uint64_t iova)
{
	for (unsigned i = 0; i < ep->atc_size; i++)
		if (ep->atc[i].valid && ep->atc[i].pasid == pasid &&
		    overlaps(&ep->atc[i].t, iova, iova))
			return &ep->atc[i].t;
	return NULL;
}

static void atc_insert(struct lzm_ep *ep, uint32_t pasid, const struct lzm_translation *t)
{
	unsigned at = 0;

	if (!ep->atc_size)
		return;
	for (unsigned i = 0; i < ep->atc_size; i++)
		if (ep->atc[i].valid && ep->atc[i].pasid == pasid &&
		    overlaps(&ep->atc[i].t, t->iova, t->iova + (t->size - 1)))
			forget(ep, &ep->atc[i]);
	while (at < ep->atc_size && ep->atc[at].valid)
		at++;
	if (at == ep->atc_size)
		at = (unsigned)(ep_random(ep) % ep->atc_size);
	ep->atc[at].t = *t;
	ep->atc[at].pasid = pasid;
	ep->atc_used += !ep->atc[at].valid;
	ep->atc[at].valid = true;
}

static bool may_master(const struct lzm_ep *ep)
{
	return lzm_ep_bus_master(ep) && !ep_in_reset(ep) && ep_in_d0(ep);
}

/* Every port on the way up applies its own ACS Translation Blocking, to
 * Translation Requests and translated traffic alike. */
static bool blocked_above(struct lzm_ep *ep)
{
	struct lzm_ep *p = ep->upstream;

	for (unsigned n = 0; p && n < LZM_EP_MAX_DEPTH; n++, p = p->upstream)
		if (ep_acs_blocks(p)) {
			ep_acs_violation(p);
			return true;
		}
	return false;
}

static enum lzm_result go_translated(struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				     const struct lzm_translation *t, enum lzm_access access)
{
	uint64_t pa = 0;

	if (blocked_above(ep))
		return LZM_ABORT;

	enum lzm_result r =
		ep->link.translated(ep->link.ctx, ep, t->pa + (iova - t->iova), access, &pa);

	if (r == LZM_OK && ep->link.dma)
		ep->link.dma(ep->link.ctx, ep, pasid, iova, pa, access, true);
	return r;
}

static enum lzm_result go_untranslated(struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				       enum lzm_access access)
{
	uint64_t pa = 0;
	enum lzm_result r = ep->link.untranslated(ep->link.ctx, ep, pasid, iova, access, &pa);

	if (r == LZM_OK && ep->link.dma)
		ep->link.dma(ep->link.ctx, ep, pasid, iova, pa, access, false);
	return r;
}

static enum lzm_result dma(struct lzm_ep *ep, uint32_t pasid, uint64_t iova, enum lzm_access access)
{
	struct lzm_translation t;
	enum lzm_result r;

	if (!may_master(ep))
		return LZM_ABORT;
	if (!lzm_ep_ats_enabled(ep))
		return go_untranslated(ep, pasid, iova, access);

	const struct lzm_translation *hit = atc_find(ep, pasid, iova);

	if (hit && permits(hit, access))
		return go_translated(ep, pasid, iova, hit, access);
	if (blocked_above(ep))
		return LZM_ABORT;
	memset(&t, 0, sizeof(t));
	r = ep->link.translate(ep->link.ctx, ep, pasid, iova, &t);
	if (r != LZM_OK)
		return r;
	if ((!t.read && !t.write) || !t.size)
		return LZM_ABORT;
	atc_insert(ep, pasid, &t);
	return permits(&t, access) ? go_translated(ep, pasid, iova, &t, access) : LZM_ABORT;
}

enum lzm_result lzm_ep_dma(struct lzm_ep *ep, uint64_t iova, enum lzm_access access)
{
	return dma(ep, 0, iova, access);
}

enum lzm_result lzm_ep_dma_pasid(struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				 enum lzm_access access)
{
	return lzm_ep_pasid_enabled(ep, pasid) ? dma(ep, pasid, iova, access) : LZM_ABORT;
}

bool lzm_ep_dma_cached(struct lzm_ep *ep, enum lzm_access access)
{
	if (!may_master(ep) || !lzm_ep_ats_enabled(ep) || !ep->atc_size)
		return false;

	unsigned start = (unsigned)(ep_random(ep) % ep->atc_size);

	for (unsigned i = 0; i < ep->atc_size; i++) {
		const struct ep_entry *e = &ep->atc[(start + i) % ep->atc_size];

		if (!e->valid || !permits(&e->t, access))
			continue;
		(void)go_translated(ep, e->pasid,
				    e->t.iova + (ep_random(ep) % e->t.size & ~UINT64_C(63)), &e->t,
				    access);
		return true;
	}
	return false;
}

/* ---- the queue of Invalidate Requests (PCIe 10.5.1.2) ---- */

static struct lzm_ep *family(struct lzm_ep *ep)
{
	return ep->vf && ep->pf ? ep->pf : ep;
}

static unsigned depth(const struct lzm_ep *root)
{
	unsigned field = root->ats ? ep_get(root, root->ats + 4, 1) & 0x1f : 0;

	return field ? field : 32;
}

static unsigned in_queue(const struct lzm_ep *ep)
{
	return ep->n_answers - lzm_ep_held_back(ep);
}

static unsigned family_in_queue(const struct lzm_ep *root)
{
	unsigned n = in_queue(root);

	for (const struct lzm_ep *vf = root->vfs; vf; vf = vf->next_vf)
		n += in_queue(vf);
	return n;
}

static void first_waiting(struct lzm_ep *ep, struct ep_answer **first)
{
	for (unsigned i = 0; i < ep->n_answers; i++)
		if (ep->answers[i].waits && (!*first || ep->answers[i].order < (*first)->order))
			*first = &ep->answers[i];
}

void ep_admit(struct lzm_ep *ep)
{
	struct lzm_ep *root = family(ep);

	while (family_in_queue(root) < depth(root)) {
		struct ep_answer *next = NULL;

		first_waiting(root, &next);
		for (struct lzm_ep *vf = root->vfs; vf; vf = vf->next_vf)
			first_waiting(vf, &next);
		if (!next)
			return;
		next->waits = false;
		next->due = ep_now(ep) + next->delay;
	}
}

static uint64_t first_due(const struct lzm_ep *ep, uint64_t t)
{
	for (unsigned i = 0; i < ep->n_answers; i++)
		if (!ep->answers[i].waits && ep->answers[i].due < t)
			t = ep->answers[i].due;
	return t;
}

uint64_t ep_room_at(struct lzm_ep *ep)
{
	struct lzm_ep *root = family(ep);
	uint64_t t = first_due(root, LZM_NEVER);

	for (const struct lzm_ep *vf = root->vfs; vf; vf = vf->next_vf)
		t = first_due(vf, t);
	return t;
}

unsigned lzm_ep_held_back(const struct lzm_ep *ep)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ep->n_answers; i++)
		n += ep->answers[i].waits;
	return n;
}

static void queue_answer(struct lzm_ep *ep, uint64_t tag, const struct lzm_atc_inv *inv,
			 enum lzm_atc_answer answer, uint64_t delay)
{
	if (ep->n_answers == ep->max_answers) {
		unsigned max = ep->max_answers ? 2 * ep->max_answers : 32;

		ep->answers = lzm_longer(ep->answers, ep->n_answers * sizeof(*ep->answers),
					 max * sizeof(*ep->answers));
		ep->max_answers = max;
	}
	ep->answers[ep->n_answers++] = (struct ep_answer){
		.tag = tag,
		.due = LZM_NEVER,
		.delay = delay,
		.waits = true,
		.order = family(ep)->order++,
		.answer = answer,
		.inv = *inv,
	};
	ep_admit(ep);
}

void lzm_ep_invalidate(struct lzm_ep *ep, uint64_t tag, const struct lzm_atc_inv *inv)
{
	uint64_t delay = ep->answer_ns;
	bool bad_pasid = inv->ssv && !lzm_ep_pasid_enabled(ep, inv->ssid);

	/* A posted request that reaches a function in reset is discarded. */
	if (ep_has(ep, LZM_EP_REMOVED) || ep_in_reset(ep) || ep_has(ep, LZM_EP_ATC_SILENT))
		return;
	if (ep->silent_n) {
		ep->silent_n--;
		return;
	}
	if (ep_has(ep, LZM_EP_ATC_RANGES) && inv->size)
		return;
	if (ep_has(ep, LZM_EP_ATC_SLOW) && ep->slow_ns > delay)
		delay = ep->slow_ns;
	if (ep_has(ep, LZM_EP_ATC_LATE) && ep->late_ns > delay)
		delay = ep->late_ns;
	if (!lzm_ep_ats_enabled(ep) || !ep_in_d0(ep) || bad_pasid)
		queue_answer(ep, tag, inv, LZM_ATC_UR, delay);
	else
		queue_answer(ep, tag, inv, LZM_ATC_DONE, delay);
}
