/* SPDX-License-Identifier: BSD-2-Clause */
/* See ring.h. */
#include "tests/unit/core/ring.h"

#include <string.h>

#define REPEATS_MAX 8u

struct ring ring;

static const struct lz_lock_class ring_class = {"ring", LZ_RANK_QUEUE_ERR};

static struct ring_cmd *slot(struct ring *r, uint64_t pos)
{
	return &r->cmd[pos % RING_SLOTS];
}

static struct fake_device *of_id(struct ring *r, uint32_t id)
{
	for (unsigned i = 0; i < FAKE_DEVICES; i++) {
		const struct lz_device *dev = r->fake->device[i].dev;

		for (unsigned k = 0; dev && k < dev->n_streams; k++)
			if (dev->streams[k] == id)
				return &r->fake->device[i];
	}
	return NULL;
}

/* ---- the hardware; no operation of it lets others run ---- */

static void fetch(struct ring *r, struct ring_cmd *c, lz_ns now)
{
	struct fake_device *d = of_id(r, c->id);

	if (c->op == RING_INV) {
		c->silent = !d || d->mute;
		c->until = now + (c->silent ? r->timeout : r->latency);
	} else if (c->op == RING_CONFIG) {
		if (d && !r->ats[d - r->fake->device])
			fake_forget(d, NULL, 0, UINT64_MAX); /* of no use any more */
		c->over = true;
	}
}

static void give_up(struct ring *r, uint64_t pos)
{
	if (r->kind == RING_ELSEWHERE) {
		if (r->n_events == r->room) {
			r->overflow = true;
			return;
		}
		r->event[r->n_events].id = slot(r, pos)->id;
		r->event[r->n_events++].pos = pos;
		return;
	}
	if (!r->error)
		r->named = r->names ? slot(r, pos)->id : 0;
	r->error = true;
	for (uint64_t p = 0; p < r->head; p++)
		if (slot(r, p)->op == RING_SYNC && !slot(r, p)->done)
			slot(r, p)->aborted = true;
}

/* Answered or not: over at its time. */
static void run_invalidation(struct ring *r, uint64_t pos, lz_ns now)
{
	struct ring_cmd *c = slot(r, pos);
	struct fake_device *d = of_id(r, c->id);

	if (c->over || now < c->until)
		return;
	c->over = true;
	if (c->silent)
		give_up(r, pos);
	else if (d)
		fake_forget(d, c->dom, c->start, c->end);
}

void ring_step(struct ring *r)
{
	lz_ns now = sim_now();
	bool out = false;

	while (!r->error && r->head < r->tail)
		fetch(r, slot(r, r->head++), now);
	for (uint64_t p = 0; p < r->head; p++)
		if (slot(r, p)->op == RING_INV)
			run_invalidation(r, p, now);
	for (uint64_t p = 0; p < r->head; p++) {
		struct ring_cmd *c = slot(r, p);

		out |= c->op != RING_SYNC && !c->over;
		if (c->op == RING_SYNC && !c->aborted)
			c->done |= !out && !r->stands;
	}
}

/* ---- the driver: issuing; a batch is put in one go, nobody else runs meanwhile ---- */

static uint64_t put(struct ring *r, struct ring_cmd c, uint64_t first)
{
	assert_true(r->tail < RING_SLOTS); /* long enough for a test */
	c.first = first;
	*slot(r, r->tail) = c;
	return r->tail++;
}

static struct lz_sync end_batch(struct ring *r, uint64_t first)
{
	uint64_t sync = put(r, (struct ring_cmd){.op = RING_SYNC}, first);

	for (uint64_t p = first; p <= sync; p++)
		slot(r, p)->sync = sync;
	return (struct lz_sync){r, sync};
}

static void put_inv(struct ring *r, const struct lz_device *dev, struct lz_domain *dom,
		    lz_iova start, lz_iova end, uint64_t first)
{
	for (unsigned i = 0; i < dev->n_streams; i++)
		(void)put(r,
			  (struct ring_cmd){.op = RING_INV,
					    .id = dev->streams[i],
					    .seq = dev->lz->resets,
					    .dom = dom,
					    .start = start,
					    .end = end},
			  first);
}

/* ---- the driver: errors ---- */

static bool has(struct ring *r, uint64_t sync, uint32_t id)
{
	for (uint64_t p = slot(r, sync)->first; p < sync; p++)
		if (slot(r, p)->op == RING_INV && (!id || slot(r, p)->id == id))
			return true;
	return false;
}

static bool is_out(const struct ring_cmd *c)
{
	return c->op == RING_SYNC && !c->done && c->mark == RING_CLEAR;
}

/* Each sync that is out has been aborted. Who waited for the one that is named has
 * failed, everybody else has to do it again. */
static void take_error_locked(struct ring *r)
{
	struct lz_queue_error e = {.sync = {r, r->head}, .told = true, .id = r->named};
	unsigned batches = 0;
	uint64_t p;

	e.named = r->named != 0; /* 0 is the host bridge: not told */
	e.first = r->head;
	for (p = r->head; p-- > 0;)
		if (is_out(slot(r, p))) {
			batches += has(r, p, 0);
			e.first = slot(r, p)->first;
		}
	lz_accuse_error(&r->fake->iommu, &e);
	for (p = 0; p < r->head; p++)
		if (is_out(slot(r, p)))
			slot(r, p)->mark =
				(e.named ? has(r, p, e.id) : batches == 1 && has(r, p, 0))
					? RING_FAILED
					: RING_UNCLEAR;
	r->error = false;
	r->named = 0;
}

static void take_events_locked(struct ring *r)
{
	for (unsigned i = 0; i < r->n_events; i++) {
		uint64_t pos = r->event[i].pos;
		struct lz_queue_error e = {.sync = {r, pos + 1},
					   .first = pos,
					   .told = true,
					   .named = true,
					   .id = r->event[i].id};

		lz_accuse_error(&r->fake->iommu, &e);
		slot(r, slot(r, pos)->sync)->mark = RING_FAILED;
	}
	r->n_events = 0;
	if (r->overflow) {
		struct lz_queue_error e = {.sync = {r, r->tail}};

		lz_accuse_error(&r->fake->iommu, &e);
		for (uint64_t p = 0; p < r->tail; p++)
			if (slot(r, p)->op == RING_SYNC && slot(r, p)->mark == RING_CLEAR)
				slot(r, p)->mark = RING_UNCLEAR;
	}
	r->overflow = false;
}

static void drain(struct ring *r)
{
	unsigned long flags = lz_spin_lock(&r->lock);
	bool any = r->error || r->n_events || r->overflow;

	if (r->error)
		take_error_locked(r);
	take_events_locked(r);
	lz_spin_unlock(&r->lock, flags);
	if (any)
		lz_iommu_kick(&r->fake->iommu);
}

static enum lz_answer look(struct ring *r, uint64_t sync)
{
	const struct ring_cmd *c = slot(r, sync);

	if (c->mark == RING_FAILED)
		return LZ_ANSWER_FAILED;
	if (c->mark == RING_UNCLEAR)
		return LZ_ANSWER_UNCLEAR;
	if (c->mark == RING_LOST)
		return LZ_ANSWER_LOST;
	return c->done ? LZ_ANSWER_OK : LZ_ANSWER_NONE;
}

static enum lz_answer await(struct lz_iommu *iommu, const struct lz_sync *sync, lz_ns *deadline)
{
	struct ring *r = sync->queue;
	enum lz_answer is;

	if (!*deadline)
		*deadline = lz_now(iommu->lz) + iommu->lz->cfg.sync_bound;
	for (;;) {
		ring_step(r);
		if (r->error)
			drain(r);
		is = look(r, sync->pos);
		if (is != LZ_ANSWER_NONE || lz_now(iommu->lz) >= *deadline)
			return is;
		fake_pause(iommu->lz, LZ_US(5));
	}
}

/* ---- the driver: operations for faults ---- */

static enum lz_status probe_send(struct lz_device *dev, const struct lz_command *accused,
				 void *queue, struct lz_sync *sync, lz_ns *deadline)
{
	uint64_t first;

	(void)accused, (void)queue, (void)deadline;
	if (lz_load8_acquire(&dev->fence) > LZ_FENCE_SUSPECT)
		return LZ_EBUSY;
	ring.n_probes++;
	first = ring.tail;
	put_inv(&ring, dev, NULL, 0, UINT64_MAX, first);
	*sync = end_batch(&ring, first);
	return LZ_OK;
}

static enum lz_status settle_send(struct lz_iommu *iommu, void *queue, struct lz_sync *sync,
				  lz_ns *deadline)
{
	(void)iommu, (void)queue, (void)deadline;
	ring.n_settles++;
	*sync = end_batch(&ring, ring.tail);
	return LZ_OK;
}

static void settled(struct lz_iommu *iommu, const struct lz_sync *sync)
{
	(void)iommu, (void)sync;
}

static bool held(struct lz_iommu *iommu, void *queue)
{
	(void)iommu, (void)queue;
	return false;
}

static bool next_unanswered(struct lz_iommu *iommu, const struct lz_queue_error *e, uint64_t *at,
			    struct lz_unanswered *out)
{
	struct ring *r = e->sync.queue;

	(void)iommu;
	for (uint64_t p = e->first + *at; p < e->sync.pos; p++) {
		const struct ring_cmd *c = slot(r, p), *sync = slot(r, c->sync);

		if (c->op != RING_INV || sync->mark != RING_CLEAR ||
		    (sync->done && r->kind == RING_ABORTS))
			continue;
		*at = p + 1 - e->first;
		*out = (struct lz_unanswered){.id = c->id, .seq = c->seq};
		return true;
	}
	return false;
}

static struct lz_device *find(struct lz_iommu *iommu, uint32_t id, const struct lz_device *after)
{
	struct fake_device *d = of_id(&ring, id);

	(void)iommu;
	if (!d || after)
		return NULL;
	lz_device_get(d->dev);
	return d->dev;
}

static void look_elsewhere(struct lz_iommu *iommu)
{
	(void)iommu;
	drain(&ring);
}

static void grace(struct lz_iommu *iommu)
{
	(void)iommu;
}

static void ats_off(struct lz_device *dev)
{
	ring.ats[fake_of(dev) - ring.fake->device] = false;
}

static bool close_entries(struct lz_device *dev)
{
	memset(fake_of(dev)->table, 0, sizeof(fake_of(dev)->table));
	return false;
}

static enum lz_status push_config(struct lz_device *dev)
{
	uint64_t first;
	lz_ns deadline = 0;
	struct lz_sync sync;
	enum lz_answer is;

	/* Repeated when it was aborted for somebody else's sake (H68). */
	do {
		first = ring.tail;
		(void)put(&ring, (struct ring_cmd){.op = RING_CONFIG, .id = dev->streams[0]},
			  first);
		sync = end_batch(&ring, first);
		is = await(dev->iommu, &sync, &deadline);
	} while (is == LZ_ANSWER_UNCLEAR);
	return is == LZ_ANSWER_OK ? LZ_OK : LZ_ETIMEDOUT;
}

static bool fence_counts(struct lz_iommu *iommu)
{
	(void)iommu;
	return true;
}

/* ---- the driver: rungs ---- */

/* The first sync that is out. */
static uint64_t head(struct lz_iommu *iommu, void *queue, bool *empty)
{
	struct ring *r = queue;
	uint64_t p = 0;

	(void)iommu;
	while (p < r->tail && !is_out(slot(r, p)))
		p++;
	*empty = p == r->tail;
	return p;
}

static void stands(struct lz_iommu *iommu, void *queue, bool accuse)
{
	struct ring *r = queue;
	bool empty;
	uint64_t p = head(iommu, queue, &empty);
	struct lz_queue_error e = {.sync = {r, p}, .first = slot(r, p)->first};
	unsigned long flags = lz_spin_lock(&r->lock);

	if (accuse && !empty)
		lz_accuse_error(iommu, &e);
	lz_spin_unlock(&r->lock, flags);
}

static void let_go(struct lz_iommu *iommu, void *queue)
{
	(void)iommu, (void)queue;
}

static bool prove(struct ring *r)
{
	struct lz_sync sync = end_batch(r, r->tail);
	lz_ns deadline = 0;

	return await(&r->fake->iommu, &sync, &deadline) == LZ_ANSWER_OK;
}

static enum lz_status restart(struct lz_iommu *iommu, void *queue)
{
	struct ring *r = queue;

	(void)iommu;
	r->n_restarts++;
	if (r->restarts) {
		for (uint64_t p = 0; p < r->tail; p++)
			if (is_out(slot(r, p)))
				slot(r, p)->mark = RING_LOST;
		r->stands = false;
	}
	return prove(r) ? LZ_OK : LZ_ETIMEDOUT;
}

static bool try_again(struct lz_iommu *iommu, void *queue)
{
	struct ring *r = queue;

	(void)iommu;
	r->n_tries++;
	return prove(r);
}

static enum lz_status abort_all(struct lz_iommu *iommu)
{
	lz_store32(&iommu->dead, 1);
	return LZ_OK;
}

static const struct lz_fault_ops faults = {
	.probe_send = probe_send,
	.settle_send = settle_send,
	.settled = settled,
	.await = await,
	.held = held,
	.next_unanswered = next_unanswered,
	.find = find,
	.look_elsewhere = look_elsewhere,
	.grace = grace,
	.ats_off = ats_off,
	.close = close_entries,
	.push_config = push_config,
	.fence_counts = fence_counts,
	.head = head,
	.stands = stands,
	.let_go = let_go,
	.restart = restart,
	.try_again = try_again,
	.abort_all = abort_all,
};

/* ---- the driver: the rest ---- */

/* Who may have translations of the domain; LZ_EBUSY: one of them is held. */
static enum lz_status put_all(struct ring *r, struct lz_domain *dom, lz_iova start, lz_iova end,
			      struct lz_sync *sync)
{
	uint64_t first = r->tail;

	for (unsigned i = 0; i < FAKE_DEVICES; i++) {
		const struct lz_device *dev = r->fake->device[i].dev;

		if (!fake_is_linked(&r->fake->device[i], dom) || dev->fence == LZ_FENCE_FENCED)
			continue;
		if (dev->fence != LZ_FENCE_OPEN) {
			r->tail = first;
			return LZ_EBUSY;
		}
		put_inv(r, dev, dom, start, end, first);
	}
	if (r->tail == first)
		return LZ_ENOENT;
	*sync = end_batch(r, first);
	return LZ_OK;
}

static enum lz_status invalidate(struct lz_domain_part *part, lz_iova start, lz_iova end,
				 size_t granule)
{
	struct lz_domain *dom = part->dom;
	enum lz_answer is = LZ_ANSWER_UNCLEAR;
	struct lz_sync sync;
	lz_ns deadline = 0;

	(void)granule;
	if (lz_load32(&part->iommu->dead))
		return LZ_OK;
	for (unsigned n = 0; is == LZ_ANSWER_UNCLEAR && n < REPEATS_MAX; n++) {
		enum lz_status st = put_all(&ring, dom, start, end, &sync);

		if (st != LZ_OK)
			return st == LZ_ENOENT ? LZ_OK : st;
		ring.n_repeats += n != 0;
		is = await(part->iommu, &sync, &deadline);
		if (is == LZ_ANSWER_OK && ring.kind == RING_ELSEWHERE) {
			drain(&ring); /* H72 */
			is = look(&ring, sync.pos);
		}
	}
	if (is == LZ_ANSWER_OK)
		slot(&ring, sync.pos)->mark = RING_JUDGED;
	return is == LZ_ANSWER_OK ? LZ_OK : is == LZ_ANSWER_FAILED ? LZ_EIO : LZ_ETIMEDOUT;
}

static enum lz_status invalidate_all(struct lz_domain_part *part)
{
	enum lz_status st = invalidate(part, 0, UINT64_MAX, LZ_PAGE);

	if (st == LZ_OK)
		part->drv = NULL; /* the fake driver's mark of what caches have */
	return st;
}

static enum lz_status install(struct lz_device *dev, uint32_t pasid, struct lz_domain_part *to,
			      struct lz_domain_part *from)
{
	ring.ats[fake_of(dev) - ring.fake->device] = to != NULL;
	return ring.fake->usual->install(dev, pasid, to, from);
}

static void device_remove(struct lz_device *dev)
{
	lz_suspect_leave(dev);
	ring.fake->usual->device_remove(dev);
}

static struct lz_work_next work(struct lz_iommu *iommu)
{
	struct lz_work_next next = {LZ_NEVER, true};

	if (lz_load32(&iommu->dead)) {
		lz_settle_dead(iommu);
		return next;
	}
	ring_step(&ring);
	drain(&ring);
	if (ring.climbs && lz_ladder(iommu, &ring, &ring.ladder, &next.due)) {
		next.queue_works = lz_load32(&iommu->dead);
		return next;
	}
	next.queue_works = lz_identify(iommu, &next.due);
	if (next.queue_works)
		lz_fence_retry(iommu);
	return next;
}

void ring_tell(struct lz_device *dev, uint32_t seq)
{
	unsigned long flags = lz_spin_lock(&ring.lock);
	uint64_t first = ring.tail;
	struct lz_queue_error e = {.first = first, .told = true, .named = true};

	put_inv(&ring, dev, NULL, 0, UINT64_MAX, first);
	slot(&ring, first)->seq = seq;
	e.sync = end_batch(&ring, first);
	e.id = dev->streams[0];
	lz_accuse_error(&ring.fake->iommu, &e);
	lz_spin_unlock(&ring.lock, flags);
	lz_iommu_kick(&ring.fake->iommu);
}

void ring_tell_name(struct lz_device *dev)
{
	unsigned long flags = lz_spin_lock(&ring.lock);
	struct lz_queue_error e = {.sync = {&ring, ring.tail},
				   .first = ring.tail,
				   .told = true,
				   .named = true,
				   .id = dev->streams[0]};

	lz_accuse_error(&ring.fake->iommu, &e);
	lz_spin_unlock(&ring.lock, flags);
	lz_iommu_kick(&ring.fake->iommu);
}

/* Time passes for the hardware when nobody waits for it, and its interrupt comes. */
static void interrupt_task(void *arg)
{
	struct ring *r = arg;

	while (!r->stop) {
		ring_step(r);
		if (r->error)
			drain(r);
		bench_sleep(LZ_US(50));
	}
}

void ring_start(enum ring_kind kind, bool names, lz_ns timeout)
{
	struct fake *f = &bench.fake;

	ring = (struct ring){.fake = f,
			     .kind = kind,
			     .names = names,
			     .timeout = timeout,
			     .room = RING_EVENTS,
			     .ops = *f->iommu.ops};
	lz_spin_init(&ring.lock, &ring_class);
	f->usual = f->iommu.ops;
	ring.ops.faults = &faults;
	ring.ops.block = lz_fence_block;
	ring.ops.unfence = lz_fence_lift;
	ring.ops.probe = lz_probe;
	ring.ops.accuse = lz_accuse_told;
	ring.ops.install = install;
	ring.ops.device_remove = device_remove;
	ring.ops.invalidate = invalidate;
	ring.ops.invalidate_all = invalidate_all;
	ring.ops.work = work;
	f->iommu.ops = &ring.ops;
	f->iommu.traits.tells_elsewhere = kind == RING_ELSEWHERE;
	bench_spawn("interrupt", 3, interrupt_task, &ring);
}

void ring_stop(void)
{
	ring.stop = true;
	bench_join();
}
