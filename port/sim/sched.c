/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: who runs next, and when time moves.
 *
 * It runs on the caller's own stack (the hub), as do the steps of hardware
 * units; tasks and interrupt handlers are fibers. Every choice depends on the
 * seed and on the order of calls only, never on an address or on real time.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fiber.h"
#include "internal.h"

#define WRITING (1u << LZ_SIM_STORE | 1u << LZ_SIM_RMW | 1u << LZ_SIM_MMIO_WRITE)

struct line {
	char name[40];
	unsigned cpu;
	sim_irq_fn fn;
	void *arg;
	uint32_t id;
	uint16_t choice_id;
	bool pending;
	lz_ns due;
};

struct hw {
	struct sim_hw hw;
	uint32_t id;
	uint16_t choice_id;
	bool resting;
	uint64_t own_writes, seen;
	lz_ns rest_at;
};

enum what { RUN_AGENT, RUN_LINE, RUN_HW, RUN_CLOCK };
struct choice {
	enum what what;
	uint32_t id;
	union {
		struct sim_agent *agent;
		struct line *line;
		struct hw *hw;
	};
};

static struct {
	struct sim_agent **tasks; /* in the order in which they were made */
	size_t ntasks, cap_tasks;
	struct line *lines;
	size_t nlines;
	struct hw *hw;
	size_t nhw;
	struct choice *choices;
	size_t cap_choices;
	struct sim_enabled *enabled; /* as long as choices */
	struct choice next;	     /* chosen by the strategy when somebody gave way */
	bool has_next, abandoned;
	jmp_buf hub;		     /* where sim_abandon() goes from the hub's own stack */
	struct sim_agent *preempted; /* gave way at a visible operation */
	uint32_t next_id;
	uint16_t next_choice; /* 0 is the clock */
	bool running;	      /* inside sim_run() */
} s;

struct sim_state sim = {.cur = &sim.outside, .countdown = SIM_NO_SWITCH_STRIDE, .until = LZ_NEVER};

static void *grow(void *p, size_t bytes)
{
	p = realloc(p, bytes);
	if (!p)
		lz_port_panic("out of memory in the scheduler", __FILE__, __LINE__);
	return p;
}

/* ---- who can run ---- */

static bool cpu_masked(unsigned cpu)
{
	const struct sim_agent *t = sim.cpu[cpu].task;

	if (sim.cpu[cpu].handler)
		return true;
	if (!s.running && cpu == 0 && (sim.outside.masked || sim.outside.in_irq))
		return true;
	return t && (t->masked || t->in_irq);
}

static bool wait_over(const struct sim_agent *a)
{
	switch (a->wait) {
	case SIM_RUNNABLE:
		return true;
	case SIM_W_POLL:
		return sim_foreign(a) != a->seen || sim.now >= a->deadline;
	case SIM_W_LOCK:
		return a->lock->owner == 0;
	case SIM_W_WORD:
		return *a->word != a->word_seen || (a->stop && *a->stop) || sim.now >= a->deadline;
	case SIM_W_SLEEP:
		return sim.now >= a->deadline;
	}
	return false;
}

static bool task_has_cpu(const struct sim_agent *a)
{
	const struct sim_cpu *c = &sim.cpu[a->cpu];

	return !c->handler && (!c->task || c->task == a);
}

static lz_ns hw_wake(const struct hw *h)
{
	lz_ns w = h->hw.wake ? h->hw.wake(h->hw.arg) : LZ_NEVER;

	/* A unit that asks for a time at which it had nothing to do must not
	 * stop the clock. */
	return w <= h->rest_at ? h->rest_at + 1000u : w;
}

static bool hw_enabled(const struct hw *h)
{
	return !h->resting || sim.writes - h->own_writes != h->seen || hw_wake(h) <= sim.now;
}

static struct choice *add_choice(size_t *n, enum what what, uint32_t id)
{
	if (*n == s.cap_choices) {
		s.cap_choices = s.cap_choices ? 2 * s.cap_choices : 32;
		s.choices = grow(s.choices, s.cap_choices * sizeof(*s.choices));
		s.enabled = grow(s.enabled, s.cap_choices * sizeof(*s.enabled));
	}
	s.choices[*n].what = what;
	s.choices[*n].id = id;
	return &s.choices[(*n)++];
}

static size_t collect(void)
{
	size_t i, n = 0;
	unsigned c;

	for (i = 0; s.running && i < s.ntasks; i++) {
		struct sim_agent *a = s.tasks[i];

		if (a != s.preempted && task_has_cpu(a) && wait_over(a))
			add_choice(&n, RUN_AGENT, a->id)->agent = a;
	}
	for (c = 0; c < LZ_MAX_CPUS; c++) {
		struct sim_agent *a = sim.cpu[c].handler;

		if (a && a != s.preempted && wait_over(a))
			add_choice(&n, RUN_AGENT, a->id)->agent = a;
	}
	for (i = 0; i < s.nlines; i++) {
		struct line *l = &s.lines[i];

		if (l->pending && l->due <= sim.now && !cpu_masked(l->cpu))
			add_choice(&n, RUN_LINE, l->id)->line = l;
	}
	for (i = 0; i < s.nhw; i++) {
		if (hw_enabled(&s.hw[i]))
			add_choice(&n, RUN_HW, s.hw[i].id)->hw = &s.hw[i];
	}
	if (n == 0 && s.preempted && (s.running || s.preempted->kind == SIM_HANDLER))
		add_choice(&n, RUN_AGENT, s.preempted->id)->agent = s.preempted;
	return n;
}

static void sooner(lz_ns *t, lz_ns other)
{
	if (other > sim.now && other < *t)
		*t = other;
}

static lz_ns agent_event(const struct sim_agent *a)
{
	return a->wait == SIM_RUNNABLE || a->wait == SIM_W_LOCK ? LZ_NEVER : a->deadline;
}

/* The earliest time at which somebody may become runnable. */
static lz_ns next_event(const struct sim_agent *outside)
{
	lz_ns t = LZ_NEVER;
	size_t i;
	unsigned c;

	if (outside)
		sooner(&t, agent_event(outside));
	for (i = 0; s.running && i < s.ntasks; i++)
		sooner(&t, agent_event(s.tasks[i]));
	for (c = 0; c < LZ_MAX_CPUS; c++) {
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

/* ---- running them ---- */

static void body(void)
{
	sim_fiber_begin(sim.cur->fiber);
	for (;;) {
		struct sim_agent *a = sim.cur;

		a->fn(a->arg);
		if (a->held)
			sim_violation("returned with a spinlock held");
		else if (a->masked)
			sim_violation("returned with interrupts masked");
		a->done = true;
		sim_fiber_yield(a->fiber);
	}
}

static struct sim_agent *new_agent(enum sim_kind kind, const char *name, unsigned cpu,
				   sim_task_fn fn, void *arg)
{
	struct sim_agent *a = calloc(1, sizeof(*a));

	if (!a)
		lz_port_panic("out of memory for an agent", __FILE__, __LINE__);
	a->kind = kind;
	a->id = ++s.next_id;
	a->cpu = cpu;
	snprintf(a->name, sizeof(a->name), "%s", name);
	a->fn = fn;
	a->arg = arg;
	a->op.kind = SIM_OP_START;
	a->fiber = sim_fiber_get(body);
	return a;
}

static void free_agent(struct sim_agent *a)
{
	sim_fiber_put(a->fiber);
	free(a);
}

static void retire(struct sim_agent *a)
{
	size_t i = 0;

	if (a->kind == SIM_HANDLER) {
		sim.cpu[a->cpu].handler = NULL;
	} else {
		sim.cpu[a->cpu].task = NULL;
		while (s.tasks[i] != a)
			i++;
		memmove(&s.tasks[i], &s.tasks[i + 1], (s.ntasks - i - 1) * sizeof(*s.tasks));
		s.ntasks--;
	}
	/* What it left in plain memory counts as written by somebody else. */
	sim.writes++;
	free_agent(a);
}

static void run_agent(struct sim_agent *a)
{
	if (a->kind == SIM_TASK)
		sim.cpu[a->cpu].task = a;
	a->wait = SIM_RUNNABLE;
	sim.cur = a;
	sim.st.switches++;
	sim_fiber_run(a->fiber);
	sim.cur = &sim.outside;
	if (a->done)
		retire(a);
}

static void run_line(struct line *l)
{
	struct sim_agent *a = new_agent(SIM_HANDLER, l->name, l->cpu, l->fn, l->arg);

	a->choice_id = l->choice_id;
	l->pending = false;
	sim.cpu[l->cpu].handler = a;
	run_agent(a);
}

static void run_hw(struct hw *h)
{
	h->seen = sim.writes - h->own_writes;
	if (h->hw.step(h->hw.arg)) {
		/* Takes time, so that a unit that is never idle cannot stop the clock. */
		sim.now += sim.op_cost;
		sim.writes++;
		h->own_writes++;
		h->resting = false;
	} else {
		h->resting = true;
		h->rest_at = sim.now;
	}
}

/* ---- a strategy chooses ---- */

static const struct sim_op op_irq = {.kind = SIM_OP_IRQ}, op_hw = {.kind = SIM_OP_HW},
			   op_clock = {.kind = SIM_OP_CLOCK};

static void describe(const struct choice *c, struct sim_enabled *e)
{
	switch (c->what) {
	case RUN_AGENT:
		*e = (struct sim_enabled){.id = c->agent->choice_id,
					  .kind = c->agent->kind == SIM_TASK ? SIM_AGENT_TASK
									     : SIM_AGENT_IRQ,
					  .cpu = (uint8_t)c->agent->cpu,
					  .current = c->agent == sim.cur,
					  .op = &c->agent->op,
					  .name = c->agent->name};
		break;
	case RUN_LINE:
		*e = (struct sim_enabled){.id = c->line->choice_id,
					  .kind = SIM_AGENT_IRQ,
					  .cpu = (uint8_t)c->line->cpu,
					  .op = &op_irq,
					  .name = c->line->name};
		break;
	case RUN_HW:
		*e = (struct sim_enabled){.id = c->hw->choice_id,
					  .kind = SIM_AGENT_HW,
					  .op = &op_hw,
					  .name = c->hw->hw.name};
		break;
	case RUN_CLOCK:
		*e = (struct sim_enabled){
			.kind = SIM_AGENT_CLOCK, .op = &op_clock, .name = "clock"};
		break;
	}
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

/* Asks the strategy. False: nobody runs before `until`, or ever (*stuck). */
static bool decide(struct choice *out, bool *stuck)
{
	const struct sim_strategy *st = sim.strategy;

	*stuck = false;
	while (sim.now < sim.until) {
		size_t i, n = collect();
		lz_ns t = LZ_NEVER;

		if (n == 0 || (st->clock && st->clock(st->ctx) && !hw_due()))
			t = next_event(NULL);
		*stuck = n == 0 && t == LZ_NEVER;
		if (*stuck)
			return false;
		if (n == 0) {
			sim.now = t < sim.until ? t : sim.until;
			continue;
		}
		if (t < sim.until)
			add_choice(&n, RUN_CLOCK, 0);
		for (i = 0; i < n; i++)
			describe(&s.choices[i], &s.enabled[i]);
		*out = s.choices[st->pick(st->ctx, s.enabled, n)];
		if (out->what != RUN_CLOCK)
			return true;
		sim.now = t;
	}
	return false;
}

void sim_explore(const struct sim_strategy *st)
{
	sim.strategy = st;
	sim.pc = NULL;
	sim.countdown = 1;
}

_Noreturn void sim_abandon(void)
{
	s.abandoned = true;
	if (sim.cur->kind == SIM_OUTSIDE)
		longjmp(s.hub, 1);
	for (;;)
		sim_fiber_yield(sim.cur->fiber);
}

/* The running agent's operation is published; somebody else may come first. */
static void explore(struct sim_agent *a, enum lz_sim_op op, const volatile void *addr, unsigned len,
		    const void *pc)
{
	bool stuck;

	sim.pc = NULL;
	a->op = (struct sim_op){.kind = (uint8_t)op,
				.write = (1u << op & WRITING) != 0,
				.len = (uint16_t)len,
				.addr = (uintptr_t)addr,
				.pc = pc};
	if (decide(&s.next, &stuck)) {
		if (s.next.what == RUN_AGENT && s.next.agent == a)
			return;
		s.has_next = true;
	}
	sim_fiber_yield(a->fiber);
}

static void run_choice(const struct choice *c)
{
	sim.st.schedule_hash = (sim.st.schedule_hash ^ c->id ^ (sim.now << 16)) * 0x100000001b3ull;
	s.preempted = NULL;
	switch (c->what) {
	case RUN_AGENT:
		run_agent(c->agent);
		break;
	case RUN_LINE:
		run_line(c->line);
		break;
	case RUN_HW:
		run_hw(c->hw);
		break;
	case RUN_CLOCK:
		break;
	}
}

static bool handlers_active(void)
{
	unsigned c;

	for (c = 0; c < LZ_MAX_CPUS; c++) {
		if (sim.cpu[c].handler)
			return true;
	}
	return false;
}

/* Time is a choice like others: it may pass a deadline while somebody could
 * still run, as on a slow CPU. */
static bool clock_fires_early(void)
{
	return sim.cfg.early_clock_one_in && sim_draw() % sim.cfg.early_clock_one_in == 0;
}

/* Runs until `outside` may go on; without it, as sim_run() says. */
static int loop(struct sim_agent *outside)
{
	for (;;) {
		struct choice c;
		size_t n;
		lz_ns t;

		if (outside) {
			if (wait_over(outside))
				return 0;
		} else if (s.ntasks == 0 && !handlers_active()) {
			return 0;
		} else if (s.abandoned) {
			return 2;
		} else if (sim.now >= sim.until) {
			return 1;
		}
		if (sim.strategy && !outside) {
			bool stuck = false;

			c = s.next;
			if (s.has_next || decide(&c, &stuck)) {
				s.has_next = false;
				run_choice(&c);
			} else if (stuck) {
				return -1;
			}
			continue;
		}
		n = collect();
		t = n && !clock_fires_early() ? LZ_NEVER : next_event(outside);
		if (n && t == LZ_NEVER) {
			c = s.choices[n > 1 ? (size_t)((sim_draw() >> 32) * n >> 32) : 0];
			run_choice(&c);
			continue;
		}
		if (t == LZ_NEVER)
			return -1;
		sim.now = outside || t < sim.until ? t : sim.until;
	}
}

void sim_block(enum sim_wait wait)
{
	struct sim_agent *a = sim.cur;

	a->wait = wait;
	if (wait != SIM_W_LOCK) /* that one has published its lock */
		a->op = (struct sim_op){.kind = SIM_OP_WAIT};
	if (a->kind != SIM_OUTSIDE) {
		sim_fiber_yield(a->fiber);
		return;
	}
	if (loop(a) < 0)
		lz_port_panic("deadlock outside the run", __FILE__, __LINE__);
	a->wait = SIM_RUNNABLE;
}

static __attribute__((noinline)) void maybe_switch(enum lz_sim_op op, const volatile void *addr,
						   unsigned len, const void *pc)
{
	struct sim_agent *a = sim.cur;

	if (sim.strategy) {
		sim.countdown = 1;
		if (a->kind != SIM_OUTSIDE)
			explore(a, op, addr, len, sim.pc ? sim.pc : pc);
		return;
	}
	sim.countdown = sim_draw_countdown();
	if (a->kind == SIM_OUTSIDE || (sim.cfg.switch_one_in == 0 && sim.now < sim.until))
		return;
	s.preempted = a;
	sim_fiber_yield(a->fiber);
}

void lz_port_visible(enum lz_sim_op op, const volatile void *addr, unsigned len)
{
	unsigned writing = WRITING >> op & 1u;

	sim.st.ops[op]++;
	sim.now += sim.op_cost;
	if (--sim.countdown == 0)
		maybe_switch(op, addr, len, __builtin_return_address(0));
	/* After the switch: a poller that ran meanwhile has not seen this write. */
	sim.writes += writing;
	sim.cur->own_writes += writing;
}

/* ---- what test benches call ---- */

void sim_start(const struct sim_config *cfg)
{
	const struct sim_strategy *strategy = sim.strategy;

	sim_stop();
	sim.strategy = strategy;
	lz_assert(cfg->cpus >= 1 && cfg->cpus <= LZ_MAX_CPUS);
	sim.cfg = *cfg;
	sim.op_cost = cfg->op_cost ? cfg->op_cost : 2;
	snprintf(sim.outside.name, sizeof(sim.outside.name), "outside");
	sim_seed(cfg->seed);
	sim.countdown = sim_draw_countdown();
	sim_mem_start();
}

void sim_stop(void)
{
	size_t i;
	unsigned c;

	/* Also while running: a failed check of a test jumps out of a task. */
	for (i = 0; i < s.ntasks; i++)
		free_agent(s.tasks[i]);
	for (c = 0; c < LZ_MAX_CPUS; c++) {
		if (sim.cpu[c].handler)
			free_agent(sim.cpu[c].handler);
	}
	free(s.tasks);
	free(s.lines);
	free(s.hw);
	free(s.choices);
	free(s.enabled);
	memset(&s, 0, sizeof(s));
	sim_mmio_forget();
	sim_mem_stop();
	memset(&sim, 0, sizeof(sim));
	sim.cur = &sim.outside;
	sim.countdown = SIM_NO_SWITCH_STRIDE;
	sim.until = LZ_NEVER;
}

void sim_task(const char *name, unsigned cpu, sim_task_fn fn, void *arg)
{
	lz_assert(cpu < sim.cfg.cpus);
	if (s.ntasks == s.cap_tasks) {
		s.cap_tasks = s.cap_tasks ? 2 * s.cap_tasks : 16;
		s.tasks = grow(s.tasks, s.cap_tasks * sizeof(struct sim_agent *));
	}
	s.tasks[s.ntasks] = new_agent(SIM_TASK, name, cpu, fn, arg);
	s.tasks[s.ntasks++]->choice_id = ++s.next_choice;
}

unsigned sim_irq_line(const char *name, unsigned cpu, sim_irq_fn fn, void *arg)
{
	struct line *l;

	lz_assert(cpu < sim.cfg.cpus);
	s.lines = grow(s.lines, (s.nlines + 1) * sizeof(*s.lines));
	l = &s.lines[s.nlines];
	*l = (struct line){
		.cpu = cpu, .fn = fn, .arg = arg, .id = ++s.next_id, .choice_id = ++s.next_choice};
	snprintf(l->name, sizeof(l->name), "%s", name);
	return (unsigned)s.nlines++;
}

void sim_irq_raise(unsigned line, lz_ns delay)
{
	struct line *l;

	lz_assert(line < s.nlines);
	l = &s.lines[line];
	if (!l->pending || sim.now + delay < l->due)
		l->due = sim.now + delay;
	l->pending = true;
}

void sim_hw_add(const struct sim_hw *hw)
{
	s.hw = grow(s.hw, (s.nhw + 1) * sizeof(*s.hw));
	s.hw[s.nhw++] = (struct hw){.hw = *hw, .id = ++s.next_id, .choice_id = ++s.next_choice};
}

static void tell_stuck(const struct sim_agent *a)
{
	static const char *const why[] = {
		[SIM_RUNNABLE] = "its CPU", [SIM_W_POLL] = "a write by somebody",
		[SIM_W_LOCK] = "the lock",  [SIM_W_WORD] = "a word",
		[SIM_W_SLEEP] = "its time",
	};
	bool named = a->wait == SIM_W_LOCK && a->lock->cls;
	char text[128];

	if (!sim.cfg.log)
		return;
	snprintf(text, sizeof(text), "deadlock: %s (CPU %u) waits for %s%s%s", a->name, a->cpu,
		 why[a->wait], named ? " " : "", named ? a->lock->cls->name : "");
	sim.cfg.log(sim.cfg.log_ctx, LZ_LOG_ERR, text);
}

static void tell_all_stuck(void)
{
	size_t i;
	unsigned c;

	for (i = 0; i < s.ntasks; i++)
		tell_stuck(s.tasks[i]);
	for (c = 0; c < LZ_MAX_CPUS; c++) {
		if (sim.cpu[c].handler)
			tell_stuck(sim.cpu[c].handler);
	}
}

int sim_run(lz_ns until)
{
	int r;

	lz_assert(!s.running && sim.cur == &sim.outside);
	s.running = true;
	sim.until = until;
	r = setjmp(s.hub) ? 2 : loop(NULL);
	if (r < 0)
		tell_all_stuck();
	sim.until = LZ_NEVER;
	s.running = false;
	return r;
}

lz_ns sim_now(void)
{
	return sim.now;
}

void sim_violation(const char *what)
{
	if (sim.st.violations++ == 0)
		snprintf(sim.st.first_violation, sizeof(sim.st.first_violation), "%s: %s",
			 sim.cur->name, what);
}

void sim_stats_get(struct sim_stats *out)
{
	*out = sim.st;
}
