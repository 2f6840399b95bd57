/* SPDX-License-Identifier: BSD-2-Clause */
/* The endpoint model's translation cache, DMA engine and answers to Invalidate Requests. */
#include <string.h>

#include "ep.h"
#include "memory.h"

void ep_atc_empty(struct lzm_ep *ep)
{
	for (unsigned i = 0; i < ep->atc_size; i++)
		ep->atc[i].valid = false;
}

static bool overlaps(const struct lzm_translation *t, uint64_t first, uint64_t last)
{
	return t->iova <= last && t->iova + (t->size - 1) >= first;
}

static void drop_range(struct lzm_ep *ep, uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < ep->atc_size; i++)
		if (ep->atc[i].valid && overlaps(&ep->atc[i].t, first, last))
			ep->atc[i].valid = false;
}

void ep_atc_drop(struct lzm_ep *ep, const struct lzm_atc_inv *inv)
{
	/* The DMA engine works without PASID, and a request with a PASID
	 * reaches entries of that PASID only. */
	if (inv->ssv)
		return;
	if (!inv->size)
		ep_atc_empty(ep);
	else
		drop_range(ep, inv->addr, inv->addr + (inv->size - 1));
}

unsigned lzm_ep_atc_used(const struct lzm_ep *ep)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ep->atc_size; i++)
		n += ep->atc[i].valid;
	return n;
}

static bool permits(const struct lzm_translation *t, enum lzm_access access)
{
	return access == LZM_WRITE ? t->write : t->read;
}

static struct lzm_translation *atc_find(struct lzm_ep *ep, uint64_t iova)
{
	for (unsigned i = 0; i < ep->atc_size; i++)
		if (ep->atc[i].valid && overlaps(&ep->atc[i].t, iova, iova))
			return &ep->atc[i].t;
	return NULL;
}

static void atc_insert(struct lzm_ep *ep, const struct lzm_translation *t)
{
	unsigned at = 0;

	if (!ep->atc_size)
		return;
	drop_range(ep, t->iova, t->iova + (t->size - 1));
	while (at < ep->atc_size && ep->atc[at].valid)
		at++;
	if (at == ep->atc_size)
		at = (unsigned)(ep_random(ep) % ep->atc_size);
	ep->atc[at].t = *t;
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

static enum lzm_result go_translated(struct lzm_ep *ep, uint64_t iova,
				     const struct lzm_translation *t, enum lzm_access access)
{
	uint64_t pa = 0;

	if (blocked_above(ep))
		return LZM_ABORT;

	enum lzm_result r =
		ep->link.translated(ep->link.ctx, ep, t->pa + (iova - t->iova), access, &pa);

	if (r == LZM_OK && ep->link.dma)
		ep->link.dma(ep->link.ctx, ep, iova, pa, access, true);
	return r;
}

static enum lzm_result go_untranslated(struct lzm_ep *ep, uint64_t iova, enum lzm_access access)
{
	uint64_t pa = 0;
	enum lzm_result r = ep->link.untranslated(ep->link.ctx, ep, iova, access, &pa);

	if (r == LZM_OK && ep->link.dma)
		ep->link.dma(ep->link.ctx, ep, iova, pa, access, false);
	return r;
}

enum lzm_result lzm_ep_dma(struct lzm_ep *ep, uint64_t iova, enum lzm_access access)
{
	struct lzm_translation t;
	enum lzm_result r;

	if (!may_master(ep))
		return LZM_ABORT;
	if (!lzm_ep_ats_enabled(ep))
		return go_untranslated(ep, iova, access);

	const struct lzm_translation *hit = atc_find(ep, iova);

	if (hit && permits(hit, access))
		return go_translated(ep, iova, hit, access);
	if (blocked_above(ep))
		return LZM_ABORT;
	memset(&t, 0, sizeof(t));
	r = ep->link.translate(ep->link.ctx, ep, iova, &t);
	if (r != LZM_OK)
		return r;
	if ((!t.read && !t.write) || !t.size)
		return LZM_ABORT;
	atc_insert(ep, &t);
	return permits(&t, access) ? go_translated(ep, iova, &t, access) : LZM_ABORT;
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
		(void)go_translated(ep, e->t.iova + (ep_random(ep) % e->t.size & ~UINT64_C(63)),
				    &e->t, access);
		return true;
	}
	return false;
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
		.due = ep_now(ep) + delay,
		.order = ep->order++,
		.answer = answer,
		.inv = *inv,
	};
}

void lzm_ep_invalidate(struct lzm_ep *ep, uint64_t tag, const struct lzm_atc_inv *inv)
{
	uint64_t delay = ep->answer_ns;
	bool bad_pasid = inv->ssv && !ep->vf && !ep_pasid_enabled(ep);

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
