/* SPDX-License-Identifier: BSD-2-Clause */
/* Deferred work: one list, run by whoever calls lz_poll(). */
#include "core/core.h"

void lz_work_init(struct lz *lz, struct lz_work *w, lz_work_fn fn)
{
	*w = (struct lz_work){.lz = lz, .fn = fn};
}

static void unlink_work(struct lz_workqueue *wq, struct lz_work *w)
{
	struct lz_work **p = &wq->head;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	w->queued = false;
}

bool lz_work_queue(struct lz_work *w, lz_ns due)
{
	struct lz *lz = w->lz;
	const struct lz_port *port = lz->port; /* the run may be the last of all */
	unsigned long flags = lz_spin_lock(&lz->wq.lock);
	bool fresh = !w->disabled && !w->queued;

	if (fresh) {
		w->queued = true;
		w->due = due;
		w->next = lz->wq.head;
		lz->wq.head = w;
		lz->wq.pending++;
	} else if (w->queued && due < w->due) {
		w->due = due;
	}
	lz_spin_unlock(&lz->wq.lock, flags);
	if (port->kick)
		port->kick(port->ctx);
	return fresh;
}

static bool has_stopped(void *arg)
{
	struct lz_work *w = arg;

	return lz_load32_acquire(&w->running) == 0;
}

bool lz_work_disable(struct lz_work *w)
{
	struct lz *lz = w->lz;
	unsigned long flags = lz_spin_lock(&lz->wq.lock);
	bool cancelled = w->queued;

	w->disabled = true;
	if (cancelled) {
		unlink_work(&lz->wq, w);
		lz->wq.pending--;
	}
	lz_spin_unlock(&lz->wq.lock, flags);
	/* Its own waits are bounded; so is this one. */
	while (!lz_wait(lz, has_stopped, w, lz_now(lz) + lz->cfg.sync_bound))
		;
	return cancelled;
}

void lz_work_enable(struct lz_work *w)
{
	unsigned long flags = lz_spin_lock(&w->lz->wq.lock);

	w->disabled = false;
	lz_spin_unlock(&w->lz->wq.lock, flags);
}

/* Takes the earliest work that is due and not under way; wq lock held. */
static struct lz_work *take_due(struct lz_workqueue *wq, lz_ns now)
{
	struct lz_work *best = NULL;

	for (struct lz_work *w = wq->head; w; w = w->next)
		if (w->due <= now && !w->running && (!best || w->due < best->due))
			best = w;
	if (best) {
		unlink_work(wq, best);
		if (!best->frees_itself)
			lz_store32(&best->running, 1);
	}
	return best;
}

static lz_ns next_due(const struct lz_workqueue *wq)
{
	lz_ns due = LZ_NEVER;

	/* One that is under way is looked after by the thread that runs it. */
	for (const struct lz_work *w = wq->head; w; w = w->next)
		if (!w->running && w->due < due)
			due = w->due;
	return due;
}

lz_ns lz_poll(struct lz *lz)
{
	/* Work that is queued meanwhile is for the next call. */
	lz_ns now = lz_now(lz), due;

	for (;;) {
		unsigned long flags = lz_spin_lock(&lz->wq.lock);
		struct lz_work *w = take_due(&lz->wq, now);
		bool frees_itself = w && w->frees_itself;

		due = next_due(&lz->wq);
		lz_spin_unlock(&lz->wq.lock, flags);
		if (!w)
			return due;
		w->fn(w);

		flags = lz_spin_lock(&lz->wq.lock);
		if (!frees_itself)
			lz_store32_release(&w->running, 0);
		lz->wq.pending--;
		lz_spin_unlock(&lz->wq.lock, flags);
	}
}
