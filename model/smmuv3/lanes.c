/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command queues together: whose turn it is. The architecture permits queues
 * that run in parallel and one consumer that serves them in turn, even one that
 * sits on a waiting sync (3.5.6): knob `engine`.
 */
#include "smmu.h"

unsigned lzm_lanes(const struct lzm_smmu *s)
{
	return 1 + s->n_ecmdq + (s->cmdqv ? lzm_cmdqv_queues(s->cmdqv) : 0);
}

struct lzm_cmdq *lzm_lane(const struct lzm_smmu *s, unsigned i)
{
	if (!i)
		return (struct lzm_cmdq *)&s->cmdq;
	i--;
	return i < s->n_ecmdq ? &s->ecmdq[i] : lzm_cmdqv_queue(s->cmdqv, i - s->n_ecmdq);
}

/* One consumer: while a sync waits nothing else is looked at. */
static struct lzm_cmdq *occupied(const struct lzm_smmu *s)
{
	unsigned i, n = lzm_lanes(s);

	if (s->cfg.knobs.engine != LZM_ENGINE_ONE_CONSUMER)
		return NULL;
	for (i = 0; i < n; i++) {
		struct lzm_cmdq *q = lzm_lane(s, i);

		if (q->sync_waiting && lzm_cmdq_running(s, q) && !lzm_cmdq_failed(s, q))
			return q;
	}
	return NULL;
}

bool lzm_lane_enable_step(struct lzm_smmu *s, struct lzm_cmdq *q, uint64_t now)
{
	if (q->en == q->enack || now < q->en_due || (!q->en && !lzm_cmdq_may_stop(s, q, now)))
		return false;
	if (!q->en)
		lzm_cmdq_stop(s, q);
	q->enack = q->en;
	return true;
}

uint64_t lzm_lane_enable_wake(const struct lzm_smmu *s, const struct lzm_cmdq *q, uint64_t now)
{
	if (q->en == q->enack)
		return LZM_NEVER;
	if (now < q->en_due)
		return q->en_due;
	if (q->en || lzm_cmdq_may_stop(s, q, now))
		return now;
	return s->cfg.knobs.sync_never ? q->sync_since + s->cfg.knobs.ats_timeout_ns : LZM_NEVER;
}

/* Of the queues that have something to do, counted from the one whose turn it is. */
static unsigned chosen(struct lzm_smmu *s, uint64_t now)
{
	unsigned n = lzm_lanes(s), ready = 0, which;

	for (unsigned i = 0; i < n; i++)
		ready += lzm_cmdq_wake(s, lzm_lane(s, i), now) <= now;
	which = lzm_choose(s, LZM_CHOOSE_QUEUE, ready, 0);
	for (unsigned i = 0; i < n; i++) {
		unsigned turn = (s->next_lane + i) % n;

		if (lzm_cmdq_wake(s, lzm_lane(s, turn), now) <= now && !which--)
			return turn;
	}
	return s->next_lane;
}

bool lzm_lanes_step(struct lzm_smmu *s, uint64_t now)
{
	struct lzm_cmdq *only = occupied(s);
	unsigned i, first, n = lzm_lanes(s);

	for (i = 1; i < n; i++)
		if (lzm_lane_enable_step(s, lzm_lane(s, i), now))
			return true;
	if (only)
		return lzm_cmdq_step(s, only, now);
	first = s->chooser ? chosen(s, now) : s->next_lane;
	for (i = 0; i < n; i++) {
		unsigned turn = (first + i) % n;

		if (lzm_cmdq_step(s, lzm_lane(s, turn), now)) {
			s->next_lane = turn + 1;
			return true;
		}
	}
	return false;
}

uint64_t lzm_lanes_wake(const struct lzm_smmu *s, uint64_t now)
{
	const struct lzm_cmdq *only = occupied(s);
	uint64_t wake = LZM_NEVER, w;
	unsigned i, n = lzm_lanes(s);

	for (i = 0; i < n; i++) {
		const struct lzm_cmdq *q = lzm_lane(s, i);

		w = i ? lzm_lane_enable_wake(s, q, now) : LZM_NEVER;
		if (w < wake)
			wake = w;
		w = !only || only == q ? lzm_cmdq_wake(s, q, now) : LZM_NEVER;
		if (w < wake)
			wake = w;
	}
	return wake;
}
