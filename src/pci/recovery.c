/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recovery of everything below a link, as PCI error recovery does it:
 *
 * 1 frozen: prepare for every device, so that nothing invalidates over a dead
 *   link
 * 2 channel_error: each owner votes
 * 3 frozen: reset of the link, whatever the votes
 * 4 all can recover: mmio_enabled, votes again
 * 5 a reset is needed: reset of the link, unless it was in 3; slot_reset, votes
 *   again
 * 6 recovered: done(OK), resume; else every device is blocked and told so
 */
#include "pci/reset.h"

struct party {
	struct lz_device *const *devs;
	bool *prepared;
	unsigned n;
	const struct lz_pci_link *link;
};

/* ---- votes ---- */

/* One device without a handler fails all; a needed reset is not talked away. */
static enum lz_vote merge(enum lz_vote so_far, enum lz_vote vote)
{
	if (so_far == LZ_VOTE_NO_HANDLER || vote == LZ_VOTE_NO_HANDLER)
		return LZ_VOTE_NO_HANDLER;
	if (vote == LZ_VOTE_NONE)
		return so_far;
	switch (so_far) {
	case LZ_VOTE_CAN_RECOVER:
	case LZ_VOTE_RECOVERED:
		return vote;
	case LZ_VOTE_DISCONNECT:
		return vote == LZ_VOTE_NEED_RESET ? vote : so_far;
	default:
		return so_far;
	}
}

static bool is_bridge(const struct lz_device *dev)
{
	unsigned type = cfg_read8(dev->pci, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK;

	return type == PCI_HEADER_TYPE_BRIDGE;
}

enum step { CHANNEL_ERROR, MMIO_ENABLED, SLOT_RESET };

/* Inside the owner's brackets (H19). */
static enum lz_vote call(struct lz_device *dev, enum step step, enum lz_channel state)
{
	const struct lz_owner_ops *o = dev->owner;

	if (step == CHANNEL_ERROR)
		return o->channel_error(dev->owner_ctx, dev, state);
	if (step == MMIO_ENABLED)
		return o->mmio_enabled ? o->mmio_enabled(dev->owner_ctx, dev) : LZ_VOTE_NONE;
	return o->slot_reset ? o->slot_reset(dev->owner_ctx, dev) : LZ_VOTE_NONE;
}

static enum lz_vote ask(struct lz_device *dev, enum step step, enum lz_channel state)
{
	enum lz_vote vote;
	uint32_t outer;

	if (!dev->owner || !dev->owner->channel_error)
		return is_bridge(dev) ? LZ_VOTE_NONE : LZ_VOTE_NO_HANDLER;
	outer = lz_owner_enter(dev);
	vote = call(dev, step, state);
	lz_owner_leave(dev, outer);
	return vote;
}

static enum lz_vote ask_all(const struct party *p, enum step step, enum lz_channel state,
			    enum lz_vote start)
{
	enum lz_vote merged = start;

	for (unsigned i = 0; i < p->n; i++)
		merged = merge(merged, ask(p->devs[i], step, state));
	return merged;
}

/* ---- prepare, done ---- */

static enum lz_status done_all(const struct party *p, enum lz_reset_result result)
{
	enum lz_status first = LZ_OK;

	for (unsigned i = 0; i < p->n; i++) {
		enum lz_status r = LZ_OK;

		if (p->prepared[i])
			r = lz_reset_done(p->devs[i], result);
		p->prepared[i] = false;
		if (first == LZ_OK)
			first = r;
	}
	return first;
}

static enum lz_status prepare_all(const struct party *p)
{
	for (unsigned i = p->n; i--;) {
		enum lz_status r;

		if (p->prepared[i])
			continue;
		r = lz_reset_prepare(p->devs[i]);
		p->prepared[i] = r == LZ_OK;
		/* One that is being removed is left to its removal. */
		if (r == LZ_OK || r == LZ_ENODEV)
			continue;
		(void)done_all(p, LZ_RESET_NOT_ATTEMPTED);
		return r;
	}
	return LZ_OK;
}

/* ---- the steps ---- */

static enum lz_status reset_link(const struct party *p)
{
	enum lz_status r = prepare_all(p);

	if (r != LZ_OK)
		return r;
	if (!p->link->port && !p->link->reset)
		return lz_pci_reset(p->devs[0]);
	return lz_pci_reset_link(p->devs, p->n, p->link);
}

static void resume_all(const struct party *p)
{
	for (unsigned i = 0; i < p->n; i++) {
		struct lz_device *dev = p->devs[i];
		uint32_t outer;

		if (!dev->owner || !dev->owner->resume)
			continue;
		outer = lz_owner_enter(dev);
		dev->owner->resume(dev->owner_ctx, dev);
		lz_owner_leave(dev, outer);
	}
}

static enum lz_status recover(const struct party *p, enum lz_channel state, bool *was_reset)
{
	enum lz_vote vote = ask_all(p, CHANNEL_ERROR, state, LZ_VOTE_CAN_RECOVER);
	enum lz_status r = LZ_OK;

	*was_reset = state == LZ_CHANNEL_FROZEN;
	if (*was_reset)
		r = reset_link(p);

	if (r == LZ_OK && vote == LZ_VOTE_CAN_RECOVER)
		vote = ask_all(p, MMIO_ENABLED, state, LZ_VOTE_RECOVERED);
	if (r == LZ_OK && vote == LZ_VOTE_NEED_RESET) {
		if (!*was_reset)
			r = reset_link(p);
		*was_reset = true;
		if (r == LZ_OK)
			vote = ask_all(p, SLOT_RESET, state, LZ_VOTE_RECOVERED);
	}
	if (r != LZ_OK)
		return r;
	return vote == LZ_VOTE_RECOVERED ? LZ_OK : LZ_EIO;
}

/* They stay down: blocked before their owners hear that it is over. */
static void give_up(const struct party *p)
{
	(void)prepare_all(p);
	for (unsigned i = 0; i < p->n; i++)
		(void)ask(p->devs[i], CHANNEL_ERROR, LZ_CHANNEL_LOST);
	(void)done_all(p, LZ_RESET_FAILED);
}

static enum lz_status go_through(const struct party *p, enum lz_channel state)
{
	bool was_reset;
	enum lz_status r = recover(p, state, &was_reset);

	if (r != LZ_OK)
		give_up(p);
	else if (was_reset)
		r = done_all(p, LZ_RESET_OK); /* resumes whom it unblocks */
	else
		resume_all(p);
	return r;
}

enum lz_status lz_pci_recover(struct lz_device *const *devs, unsigned n, enum lz_channel state,
			      const struct lz_pci_link *link)
{
	struct party p = {.devs = devs, .n = n, .link = link};
	const struct lz *lz;
	enum lz_status r = LZ_OK;

	if (!LZ_CONFIG_FLR || !LZ_CONFIG_METHODS)
		return LZ_ENOTSUP;
	if (!n || state == LZ_CHANNEL_LOST || (!link->port && !link->reset && n > 1))
		return LZ_EINVAL;
	for (unsigned i = 0; i < n; i++)
		if (!devs[i]->pci)
			return LZ_EINVAL;
	lz = devs[0]->lz;
	p.prepared = lz_mem_alloc(lz, n * sizeof(*p.prepared));
	if (!p.prepared)
		return LZ_ENOMEM;
	if (state == LZ_CHANNEL_FROZEN)
		r = prepare_all(&p);
	if (r == LZ_OK)
		r = go_through(&p, state);
	lz_mem_free(lz, p.prepared, n * sizeof(*p.prepared));
	return r;
}
