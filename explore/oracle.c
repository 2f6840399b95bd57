/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The invariants on the small machine, judged from the models and from what
 * was mapped and given back; at every step where that can be done.
 */
#include <string.h>

#include "explore/rig.h"

static struct exr_dev *dev_of(struct exr *r, const struct lz_device *dev)
{
	/* The library's object may be gone already; only its user pointer counts. */
	for (unsigned i = 0; dev && i < r->n_devs; i++)
		if (lz_device_user(dev) == &r->dev[i])
			return &r->dev[i];
	return NULL;
}

static bool is_fenced(const struct exr_dev *d)
{
	return d->rig->fenced >> d->index & 1;
}

void exr_fenced(struct exr_dev *d, bool fenced)
{
	d->rig->fenced &= ~(1u << d->index);
	d->rig->fenced |= (unsigned)fenced << d->index;
}

/* ---- A: what a device reaches ---- */

void exr_dma(struct exr_dev *d, uint64_t iova, uint64_t pa, bool translated)
{
	struct exr *r = d->rig;

	(void)iova;
	if (r->closing)
		return;
	if (translated && is_fenced(d))
		ex_violate(r->run, 'B', "fenced and its translated access passed",
			   "device %u is fenced and reached 0x%llx by its ATC", d->index,
			   (unsigned long long)pa);
	/* Blocked is more (H74): nothing of it passes, under no id that it shares (H13). */
	if (d->broken && is_fenced(d))
		ex_violate(r->run, 'B', "quarantined and its access passed",
			   "device %u is quarantined and reached 0x%llx", d->index,
			   (unsigned long long)pa);
	for (unsigned i = 0; i < EXR_DOMS; i++)
		for (unsigned p = 0; p < EXR_PAGES; p++)
			if ((r->dom[i].pa[p] / LZ_PAGE == pa / LZ_PAGE &&
			     r->dom[i].page[p] != EXR_FREE) ||
			    r->dom[i].trying[p] / LZ_PAGE == pa / LZ_PAGE)
				return;
	ex_violate(r->run, 'A', "a page that was given back was written",
		   "device %u wrote to 0x%llx, which had been given back, %s", d->index,
		   (unsigned long long)pa,
		   translated ? "through its ATC" : "by an untranslated access");
}

/* From now on nobody may reach it: every device tries, through its ATC or by
 * fetching the translation again, with each PASID too. */
void exr_freed(struct exr_dom *d, unsigned page)
{
	struct exr *r = d->rig;

	for (unsigned i = 0; i < r->n_devs && !r->closing; i++) {
		(void)lzm_ep_dma(r->dev[i].ep, exr_iova(page), LZM_WRITE);
		for (unsigned k = 0; r->c->pasid_bits && k < EXR_PASIDS; k++)
			(void)lzm_ep_dma_pasid(r->dev[i].ep, EXR_PASID + k, exr_iova(page),
					       LZM_WRITE);
	}
}

void exr_destroyed(struct exr_dom *d)
{
	for (unsigned p = 0; p < EXR_PAGES; p++) {
		if (d->page[p] == EXR_FREE)
			continue;
		d->page[p] = EXR_FREE;
		exr_freed(d, p);
	}
}

/* ---- B: broken means fenced ---- */

/* Asked after a reset, it has to be heard, also by an id that others send: until all of
 * them are let back. */
static bool listens(const struct exr *r, unsigned i, unsigned k)
{
	for (unsigned j = 0; j < r->n_devs; j++)
		for (unsigned n = 0; r->dev[j].hears && n < r->dev[j].n_own; n++)
			if ((j != i || r->dev[i].listens) && r->dev[j].sid[n] == r->dev[i].sid[k])
				return true;
	return false;
}

void exr_step(struct ex_run *run)
{
	struct exr *r = run->own;

	for (unsigned i = 0; r->fenced >> i; i++) {
		bool now = false, uncached = false;

		if (!is_fenced(&r->dev[i]))
			continue;
		for (unsigned k = 0; k < r->dev[i].n_sids && !now && !uncached; k++)
			if (!listens(r, i, k))
				lzm_iommu_ats_effective(r->dev[i].unit->model, r->dev[i].sid[k],
							&now, &uncached);
		if (now || uncached)
			ex_violate(run, 'B', "fenced and its ATS is effective",
				   "device %u is fenced and its ATS is effective%s", i,
				   now ? "" : " in the table");
	}
}

/* Who left an invalidation unanswered is found, and who was found is reported. */
static void judge_found(struct exr *r, struct exr_dev *d)
{
	struct lz_health h;

	lz_device_health(d->dev, &h);
	if (!h.reset_depth && h.generation & 1)
		ex_violate(r->run, 'G', "in reset for ever",
			   "device %u is in no reset and its generation is %u", d->index,
			   h.generation);
	if (h.block)
		return;
	if (h.fence != LZ_FENCE_OPEN)
		ex_violate(r->run, 'G', "found broken and never reported",
			   "device %u is %s, and nobody has blocked it", d->index,
			   lz_fence_name(h.fence));
	/* Behind a dead IOMMU it is no question who it was. */
	if (d->guilty && !lzm_ep_answers(d->ep) && !d->unit->lost)
		ex_violate(r->run, 'B', "broken and never found",
			   "device %u left an invalidation unanswered and is %s", d->index,
			   h.state);
}

void exr_settled(struct exr *r)
{
	for (unsigned i = 0; i < r->n_devs; i++)
		if (r->dev[i].dev)
			judge_found(r, &r->dev[i]);
	r->run->outcome = exr_outcome(r);
}

/* What it will not answer costs everybody one more timeout. */
void exr_atc_inv(struct exr_dev *d)
{
	struct lz_health h;

	if (!is_fenced(d) || !d->dev || d->rig->closing)
		return;
	/* No order between queues: what was published before may be sent after. */
	if (d->on_the_way) {
		d->on_the_way--;
		return;
	}
	lz_device_health(d->dev, &h);
	/* A reset's end lifts the fence, asks, and tells when it knows. */
	if (h.fence == LZ_FENCE_FENCED)
		ex_violate(d->rig->run, 'F', "an ATC_INV for a fenced device",
			   "device %u is fenced and was sent an ATC_INV", d->index);
}

/* ---- C and G: who is blamed, and how often ---- */

static bool is_blocked(const struct exr_dev *d, unsigned reasons)
{
	struct lz_health h;

	if (!d->dev)
		return true;
	lz_device_health(d->dev, &h);
	return h.block & reasons;
}

static void judge_innocent(struct exr *r, const struct exr_dev *d, const struct lz_event *ev)
{
	/* An answer counts only with a config space that says ATS is on (H76): a read that
	 * failed when that was looked at, and no other, is an excuse. */
	if (d->guilty || d->doubted || !lzm_ep_answers(d->ep) || d->unit->lost ||
	    (ev->evidence == LZ_EVIDENCE_ASSUMED && !(r->sound && !r->run->skipped)))
		return;
	/* A fence of one that is blocked belongs to a reset, an operator or a removal. */
	if (ev->kind == LZ_EV_FENCED && (ev->evidence == LZ_EVIDENCE_NONE || is_blocked(d, ~0u)))
		return;
	/* What a failed reset did not settle is told after it. */
	if (is_blocked(d, LZ_BLOCK_RESET_FAILED))
		return;
	ex_violate(r->run, 'C', lz_event_name(ev->kind), "device %u: %s (%s) although it answers",
		   d->index, lz_event_name(ev->kind), lz_evidence_name(ev->evidence));
}

/* By a fresh answer and by nothing else (H78). */
static void exonerated(struct exr *r, const struct exr_dev *d)
{
	if (d->silent && !lzm_ep_answers(d->ep) && !d->unit->lost)
		ex_violate(
			r->run, 'B', "exonerated without an answer",
			"device %u: exonerated, and it has answered nothing since it was accused",
			d->index);
}

static void quarantined(struct exr *r, struct exr_dev *d, const struct lz_event *ev)
{
	if (ev->generation & 1)
		ex_violate(r->run, 'G', "quarantined while in reset",
			   "device %u: quarantined while in reset, on evidence from before it",
			   d->index);
	d->broken = true;
	if (d->quarantined_gen == ev->generation + 1)
		ex_violate(r->run, 'G', "quarantined twice in one generation",
			   "device %u: quarantined twice in generation %u", d->index,
			   ev->generation);
	d->quarantined_gen = ev->generation + 1;
	if (ev->evidence == LZ_EVIDENCE_NONE)
		ex_violate(r->run, 'G', "quarantined without evidence",
			   "device %u: quarantined and the event names no evidence", d->index);
	judge_innocent(r, d, ev);
}

/* Severity only rises; and one that was reset well and answers, invalidations and
 * config accesses, is not broken. */
static void still_broken(struct exr *r, const struct exr_dev *d)
{
	struct lz_health h;

	if (d->claimed && !d->guilty && !d->mute && lzm_ep_answers(d->ep) && !d->unit->lost)
		ex_violate(r->run, 'C', "broken after a good reset",
			   "device %u was reset, answers, and counts as broken", d->index);

	lz_device_health(d->dev, &h);
	if (d->broken && !(h.block & LZ_BLOCK_BROKEN))
		ex_violate(r->run, 'E', "no longer called broken after a failed reset",
			   "device %u was quarantined, its reset failed, and it is %s", d->index,
			   h.state);
}

void exr_event(void *ctx, const struct lz_event *ev)
{
	struct exr *r = ctx;
	struct exr_dev *d = dev_of(r, ev->device);

	for (unsigned i = 0; ev->kind == LZ_EV_SERVICE_FAILURE && i < r->n_units; i++)
		if (r->unit[i].iommu == ev->iommu)
			r->unit[i].lost = true;
	if (ev->device && !d && !r->closing)
		ex_violate(r->run, 'H', "an event about a device that is gone",
			   "%s names a device that has been freed", lz_event_name(ev->kind));
	if (!d || r->closing)
		return;
	switch (ev->kind) {
	case LZ_EV_SUSPECT:
		d->asked = d->doubted = false;
		d->silent = d->guilty && !lzm_ep_answers(d->ep);
		break;
	case LZ_EV_EXONERATED:
		d->asked = d->doubted = false;
		exonerated(r, d);
		break;
	case LZ_EV_PROBE:
		d->asked = true;
		d->listens = is_fenced(d) && r->iommu->asks_with_ats;
		d->hears = is_blocked(d, ~0u) && r->iommu->asks_with_ats;
		if (r->on_probe)
			r->on_probe(r);
		break;
	case LZ_EV_FENCED:
		d->asked = d->listens = d->hears = false;
		exr_fenced(d, d->dev != NULL);
		d->on_the_way = exr_lanes_pending(d);
		exr_step(r->run); /* there may be no further step */
		judge_innocent(r, d, ev);
		break;
	case LZ_EV_UNFENCED:
		d->listens = false;
		d->unfenced++;
		exr_fenced(d, false);
		break;
	case LZ_EV_REMOVED:
		d->listens = d->hears = false;
		exr_fenced(d, false);
		break;
	case LZ_EV_RECOVERED:
	case LZ_EV_OPERATOR_CLEARED:
		d->broken = d->hears = false;
		break;
	case LZ_EV_SIBLING_LIFTED:
		d->hears = false;
		break;
	case LZ_EV_STILL_BROKEN:
		if (d->dev)
			still_broken(r, d);
		break;
	case LZ_EV_QUARANTINED:
		quarantined(r, d, ev);
		break;
	default:
		break;
	}
}

void exr_calm(struct exr *r, unsigned excuses)
{
	r->excuses = excuses;
	r->calm_skipped = r->run->skipped;
	r->calm = true;
}

/* ---- F: bounds ---- */

void exr_unmapped(struct exr_dom *d, lz_ns took, bool irq, enum lz_status st)
{
	struct exr *r = d->rig;
	/* Several waits (TLB, then ATCs), and what other CPUs do in between. */
	lz_ns bound = irq ? 2 * r->cfg.atomic_wait + LZ_US(50) : 4 * r->cfg.sync_bound;

	if (st != LZ_OK && st != LZ_IN_CUSTODY)
		ex_violate(r->run, 'E', "an unmap's answer", "an unmap answered %s",
			   lz_status_name(st));
	if (st == LZ_IN_CUSTODY && r->calm && r->run->skipped == r->calm_skipped &&
	    !r->run->n_taken && !r->excuses--)
		ex_violate(r->run, 'C', "custody without a cause",
			   "an unmap went into custody although every device answers");
	if (took > bound)
		ex_violate(r->run, 'F', irq ? "an unmap in a handler" : "an unmap in a task",
			   "an unmap took %.3f ms, its bound is %.3f ms", (double)took / 1e6,
			   (double)bound / 1e6);
}

/* ---- D: all is well after the resets ---- */

static void well(struct exr *r, struct exr_dev *d)
{
	struct lz_health h;

	lz_device_health(d->dev, &h);
	if (h.fence == LZ_FENCE_OPEN && !h.block && !lz_group_recovery_count(d->group))
		return;
	ex_violate(r->run, d->reset_ok ? 'D' : 'C', "not healthy at rest",
		   "device %u answers%s and is %s, fence %s, block 0x%x, recovery count %u",
		   d->index, d->reset_ok ? " and was reset" : "", h.state, lz_fence_name(h.fence),
		   h.block, lz_group_recovery_count(d->group));
}

static void dma_works(struct exr *r, struct exr_dev *d)
{
	struct lz_domain *dom = lz_attached(d->dev, LZ_NO_PASID);

	for (unsigned i = 0; dom && i < EXR_DOMS; i++) {
		if (r->dom[i].dom != dom)
			continue;
		for (unsigned p = 0; p < EXR_PAGES; p++)
			if (r->dom[i].page[p] == EXR_LIVE &&
			    lzm_ep_dma(d->ep, exr_iova(p), LZM_WRITE) != LZM_OK)
				ex_violate(r->run, 'D', "no DMA at rest",
					   "device %u is healthy and cannot reach page %u of its "
					   "domain",
					   d->index, p);
	}
}

/* By ATS or, where the library goes on without, untranslated. */
static bool reaches(const struct exr_dev *d, uint64_t iova, uint64_t pa)
{
	struct lzm_translation t;
	uint64_t got;

	if (!lzm_ep_pasid_enabled(d->ep, EXR_PASID))
		return false;
	if (lzm_ep_ats_enabled(d->ep))
		return lzm_iommu_translate(d->unit->model, d->sid[0], EXR_PASID, iova, &t) ==
			       LZM_OK &&
		       t.write && t.pa == pa;
	return lzm_board_untranslated(d->unit->board, d->sid[0], EXR_PASID, iova, LZM_WRITE,
				      &got) == LZM_OK &&
	       got == pa;
}

/* PASIDs are attached to what the core says. */
static void pasid_works(struct exr *r, struct exr_dev *d)
{
	struct lz_domain *dom = lz_attached(d->dev, EXR_PASID);

	for (unsigned i = 0; dom && i < EXR_DOMS; i++)
		for (unsigned p = 0; r->dom[i].dom == dom && p < EXR_PAGES; p++)
			if (r->dom[i].page[p] == EXR_LIVE &&
			    !reaches(d, exr_iova(p), r->dom[i].pa[p]))
				ex_violate(
					r->run, 'D', "no PASID at rest",
					"device %u is healthy and its PASID does not reach page %u",
					d->index, p);
}

/* Nobody is counted as blocked when nobody is left. */
void exr_groups(struct exr *r)
{
	for (unsigned i = 0; i < r->n_devs; i++)
		if (lz_group_recovery_count(r->dev[i].group))
			ex_violate(r->run, 'E', "the recovery count at the end",
				   "a group without devices has a recovery count of %u",
				   lz_group_recovery_count(r->dev[i].group));
}

/* By one that sends the same ids and will not answer again (H13). */
static bool held_for_good(struct exr *r, const struct exr_dev *d)
{
	struct lz_health h;

	lz_device_health(d->dev, &h);
	for (unsigned i = 0; r->c->alias && h.block == LZ_BLOCK_SIBLING && i < r->n_devs; i++)
		if (r->dev[i].dev && !lzm_ep_answers(r->dev[i].ep))
			return true;
	return false;
}

void exr_at_rest(struct exr *r)
{
	for (unsigned i = 0; i < r->n_devs; i++) {
		if (r->dev[i].unit->lost || !r->dev[i].dev || !lzm_ep_answers(r->dev[i].ep) ||
		    held_for_good(r, &r->dev[i]))
			continue;
		well(r, &r->dev[i]);
		dma_works(r, &r->dev[i]);
		pasid_works(r, &r->dev[i]);
	}
}

/* ---- E, G and H: the books ---- */

void exr_books(struct exr *r)
{
	struct lzm_iommu_counts hw;
	uint64_t raised = 0;
	struct lz_stats st;

	lz_stats_get(r->lz, &st);
	for (unsigned i = 0; i < r->n_units; i++) {
		lzm_iommu_counts_get(r->unit[i].model, &hw);
		raised += hw.errors;
		if (hw.illegal_driver_use)
			ex_violate(r->run, 'H', hw.last_misuse,
				   "the driver did what is unpredictable: %s", hw.last_misuse);
	}
	if (st.blocked_ids || st.references || st.custody_pages || st.work_pending)
		ex_violate(r->run, 'E', "the books at the end",
			   "%llu ids blocked, %llu references, %llu pages in custody, %llu at work",
			   (unsigned long long)st.blocked_ids, (unsigned long long)st.references,
			   (unsigned long long)st.custody_pages,
			   (unsigned long long)st.work_pending);
	if (st.cmdq_errors > raised)
		ex_violate(r->run, 'G', "errors consumed twice",
			   "%llu command queue errors consumed, the hardware raised %llu",
			   (unsigned long long)st.cmdq_errors, (unsigned long long)raised);
	ex_check_contexts(r->run);
}
