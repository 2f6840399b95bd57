/* SPDX-License-Identifier: BSD-2-Clause */
/* Who can run, when somebody can again, and what a strategy is asked. */
#include <stdlib.h>

#include "internal.h"

#define s sim_sched

/* What is offered now; scratch, not part of the simulation. */
static struct sim_choice *choices;
static struct sim_enabled *enabled; /* as long */
static size_t room, listed;
static const struct sim_agent *listed_for; /* who was running then */
/* Who was not listed and would be after a write of somebody else, perhaps. */
static const struct sim_agent *asleep[8];
static size_t n_asleep;
static bool any_write; /* what a write changes is not only who of these wakes */

static const struct sim_op op_irq = {.kind = SIM_OP_IRQ}, op_hw = {.kind = SIM_OP_HW},
			   op_clock = {.kind = SIM_OP_CLOCK};

static bool cpu_masked(unsigned cpu)
{
	const struct sim_agent *t = sim.cpu[cpu].task;

	if (sim.cpu[cpu].handler)
		return true;
	if (!s.running && cpu == 0 && (sim.outside.masked || sim.outside.in_irq))
		return true;
	return t && (t->masked || t->in_irq);
}

static bool task_has_cpu(const struct sim_agent *a)
{
	const struct sim_cpu *c = &sim.cpu[a->cpu];

	return !c->handler && (!c->task || c->task == a);
}

/* A unit that asks for a time at which it had nothing to do must not stop the
 * clock. */
static lz_ns later(const struct sim_unit *h, lz_ns wake)
{
	return wake <= h->rest_at ? h->rest_at + 1000u : wake;
}

static lz_ns ask_wake(const struct sim_unit *h)
{
	return h->hw.wake ? h->hw.wake(h->hw.arg) : LZ_NEVER;
}

static inline void look_at(struct sim_unit *h)
{
	if (h->epoch == s.epoch)
		return;
	h->epoch = s.epoch;
	h->wake_at = ask_wake(h);
	h->is_busy = h->busy && h->busy(h->hw.arg);
}

static inline lz_ns hw_wake(struct sim_unit *h)
{
	if (!h->exact)
		return later(h, ask_wake(h));
	look_at(h);
	return later(h, h->wake_at);
}

static inline bool hw_enabled(struct sim_unit *h)
{
	if (h->exact) {
		look_at(h);
		if (h->wake_at > sim.now && !h->is_busy)
			return false;
	}
	return !h->resting || sim.writes - h->own_writes != h->seen || hw_wake(h) <= sim.now;
}

/* ---- the list ---- */

static void more_room(void)
{
	size_t more = room ? 2 * room : 64;
	void *c = realloc(choices, more * sizeof(*choices));
	void *e = realloc(enabled, more * sizeof(*enabled));

	if (!c || !e)
		lz_port_panic("out of memory in the scheduler", __FILE__, __LINE__);
	choices = c;
	enabled = e;
	room = more;
}

static inline struct sim_enabled *offer(size_t *n, enum sim_what what, uint32_t id, void *who)
{
	if (*n == room)
		more_room();
	choices[*n].what = what;
	choices[*n].id = id;
	choices[*n].who = who;
	return &enabled[(*n)++];
}

static inline void offer_agent(size_t *n, struct sim_agent *a)
{
	struct sim_enabled *e = offer(n, SIM_RUN_AGENT, a->id, a);

	e->id = a->choice_id;
	e->kind = a->kind == SIM_TASK ? SIM_AGENT_TASK : SIM_AGENT_IRQ;
	e->cpu = (uint8_t)a->cpu;
	e->current = a == sim.cur;
	e->op = &a->op;
	e->name = a->name;
	any_write |= a->wait == SIM_W_WORD; /* the word may be as it was again */
}

static inline void offer_line(size_t *n, struct sim_line *l)
{
	*offer(n, SIM_RUN_LINE, l->id, l) = (struct sim_enabled){.id = l->choice_id,
								 .kind = SIM_AGENT_IRQ,
								 .cpu = (uint8_t)l->cpu,
								 .op = &op_irq,
								 .name = l->name};
}

static inline void offer_unit(size_t *n, struct sim_unit *h)
{
	*offer(n, SIM_RUN_HW, h->id, h) = (struct sim_enabled){
		.id = h->choice_id, .kind = SIM_AGENT_HW, .op = &op_hw, .name = h->hw.name};
}

static inline void offer_flush(size_t *n, unsigned cpu, const struct sim_op *op)
{
	*offer(n, SIM_RUN_FLUSH, 1000000u + cpu, &sim.cpu[cpu]) =
		(struct sim_enabled){.id = (uint16_t)(SIM_FLUSH_ID + cpu),
				     .kind = SIM_AGENT_HW,
				     .cpu = (uint8_t)cpu,
				     .op = op,
				     .name = "store buffer"};
}

static inline void offer_clock(size_t *n)
{
	*offer(n, SIM_RUN_CLOCK, 0, NULL) =
		(struct sim_enabled){.kind = SIM_AGENT_CLOCK, .op = &op_clock, .name = "clock"};
}

static void good_until(lz_ns t)
{
	if (t > sim.now && t < s.list_until)
		s.list_until = t;
}

/* A unit that rests although it is due tries again after a write. */
static void idle_unit(struct sim_unit *h)
{
	good_until(hw_wake(h));
	any_write |= !h->exact || h->wake_at <= sim.now || h->is_busy;
}

static void not_listed(const struct sim_agent *a)
{
	good_until(a->deadline);
	if (a->wait == SIM_W_SLEEP)
		return;
	if (n_asleep < sizeof(asleep) / sizeof(asleep[0]))
		asleep[n_asleep++] = a;
	else
		any_write = true;
}

/* Of all but writes that decides who can run; both only grow. */
static uint64_t state_of_things(void)
{
	return s.epoch + s.changes;
}

/* Is the last list good, since nothing has happened but reads, and writes that woke nobody? */
static inline bool as_before(void)
{
	if (s.listed != state_of_things() || sim.now >= s.list_until || !listed || s.preempted)
		return false;
	if (s.listed_writes != sim.writes) {
		if (any_write)
			return false;
		for (size_t i = 0; i < n_asleep; i++)
			if (sim_wait_over(asleep[i]))
				return false;
		s.listed_writes = sim.writes;
	}
	if (listed_for != sim.cur)
		for (size_t i = 0; i < listed; i++)
			enabled[i].current = choices[i].who == sim.cur;
	listed_for = sim.cur;
	return true;
}

static __attribute__((noinline)) size_t collect(void)
{
	size_t i, n = 0;
	unsigned c, left;

	s.list_until = LZ_NEVER;
	n_asleep = 0;
	any_write = lz_port_weak;
	for (i = 0; s.running && i < s.ntasks; i++) {
		struct sim_agent *a = s.tasks[i];

		if (!sim_wait_over(a))
			not_listed(a);
		else if (task_has_cpu(a) && a != s.preempted)
			offer_agent(&n, a);
	}
	for (c = 0, left = s.nhandlers; left; c++) {
		struct sim_agent *a = sim.cpu[c].handler;

		left -= a != NULL;
		if (a && !sim_wait_over(a))
			not_listed(a);
		else if (a && a != s.preempted)
			offer_agent(&n, a);
	}
	for (i = 0, left = s.npending; left; i++) {
		struct sim_line *l = &s.lines[i];

		left -= l->pending;
		if (!l->pending || cpu_masked(l->cpu))
			continue;
		if (l->due <= sim.now)
			offer_line(&n, l);
		else
			good_until(l->due);
	}
	for (i = 0; i < s.nhw; i++) {
		if (hw_enabled(&s.hw[i]))
			offer_unit(&n, &s.hw[i]);
		else
			idle_unit(&s.hw[i]);
	}
	for (c = 0; lz_port_weak && c < sim.cfg.cpus; c++) {
		const struct sim_op *op = sim_weak_pending(c);

		if (op)
			offer_flush(&n, c, op);
	}
	if (n == 0 && s.preempted && (s.running || s.preempted->kind == SIM_HANDLER))
		offer_agent(&n, s.preempted);
	s.listed = state_of_things();
	s.listed_writes = sim.writes;
	listed = n;
	listed_for = sim.cur;
	return n;
}

size_t sim_collect(const struct sim_choice **out)
{
	size_t n = as_before() ? listed : collect();

	*out = choices;
	return n;
}

/* ---- time ---- */

static void sooner(lz_ns *t, lz_ns other)
{
	if (other > sim.now && other < *t)
		*t = other;
}

static lz_ns agent_event(const struct sim_agent *a)
{
	return a->wait == SIM_RUNNABLE || a->wait == SIM_W_LOCK ? LZ_NEVER : a->deadline;
}

lz_ns sim_next_event(const struct sim_agent *outside)
{
	lz_ns t = LZ_NEVER;
	size_t i;
	unsigned c;

	if (outside)
		sooner(&t, agent_event(outside));
	for (i = 0; s.running && i < s.ntasks; i++)
		sooner(&t, agent_event(s.tasks[i]));
	for (c = 0; c < sim.cfg.cpus; c++) {
		if (sim.cpu[c].handler)
			sooner(&t, agent_event(sim.cpu[c].handler));
	}
	for (i = 0; i < s.nlines; i++) {
		if (s.lines[i].pending)
			sooner(&t, s.lines[i].due);
	}
	for (i = 0; i < s.nhw; i++)
		sooner(&t, hw_wake(&s.hw[i]));
	return t;
}

static bool hw_due(void)
{
	size_t i;

	for (i = 0; i < s.nhw; i++) {
		if (hw_wake(&s.hw[i]) <= sim.now)
			return true;
	}
	return false;
}

/* ---- a strategy chooses ---- */

/* Nobody can run, or the clock may: of `n` and the clock, who. True: *out says it; else
 * time has passed, or *stuck. */
static __attribute__((noinline)) bool decide_time(size_t n, struct sim_choice *out, bool *stuck)
{
	const struct sim_strategy *st = sim.strategy;
	lz_ns t = LZ_NEVER;

	if (n == 0 || !hw_due())
		t = sim_next_event(NULL);
	if (n == 0) {
		*stuck = t == LZ_NEVER;
		if (!*stuck)
			sim.now = t < sim.until ? t : sim.until;
		return false;
	}
	if (t < sim.until)
		offer_clock(&n); /* not listed */
	*out = choices[st->pick(st->ctx, enabled, n)];
	if (out->what != SIM_RUN_CLOCK)
		return true;
	/* No store stays in a buffer for so long. */
	sim_weak_drain();
	sim.now = t;
	return false;
}

bool sim_decide(struct sim_choice *out, bool *stuck)
{
	const struct sim_strategy *st = sim.strategy;

	*stuck = false;
	while (sim.now < sim.until && !*stuck) {
		size_t n = as_before() ? listed : collect();

		if (n == 0 || (st->clock && st->clock(st->ctx))) {
			if (decide_time(n, out, stuck))
				return true;
		} else {
			*out = choices[st->pick(st->ctx, enabled, n)];
			return true;
		}
	}
	return false;
}
