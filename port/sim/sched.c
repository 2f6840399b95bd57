/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: who runs next, and when time moves.
 *
 * It runs on the caller's own stack (the hub), as do the steps of hardware
 * units; tasks and interrupt handlers are fibers. Every choice depends on the
 * seed and on the order of calls only, never on an address or on real time.
 */
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "fiber.h"
#include "internal.h"

#define WRITING (1u << LZ_SIM_STORE | 1u << LZ_SIM_RMW | 1u << LZ_SIM_MMIO_WRITE)

SIM_SNAP struct sim_sched sim_sched;
#define s sim_sched
SIM_SNAP struct sim_state sim = {
	.cur = &sim.outside, .countdown = SIM_NO_SWITCH_STRIDE, .until = LZ_NEVER};

/* ---- running them ---- */

static void body(void)
{
	sim_fiber_begin(sim.cur->fiber);
	for (;;) {
		struct sim_agent *a = sim.cur;

		/* Whoever starts a task, and who waits for its end, orders memory. */
		if (a->kind == SIM_TASK)
			lz_port_weak_fence(false, true);
		a->fn(a->arg);
		if (a->kind == SIM_TASK)
			sim_weak_settle();
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
	struct sim_agent *a = sim_heap_alloc(sizeof(*a));

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
	sim_heap_free(a);
}

static void retire(struct sim_agent *a)
{
	size_t i = 0;

	if (a->kind == SIM_HANDLER) {
		sim.cpu[a->cpu].handler = NULL;
		s.nhandlers--;
	} else {
		sim.cpu[a->cpu].task = NULL;
		while (s.tasks[i] != a)
			i++;
		memmove(&s.tasks[i], &s.tasks[i + 1], (s.ntasks - i - 1) * sizeof(*s.tasks));
		s.ntasks--;
	}
	s.epoch++;
	/* What it left in plain memory counts as written by somebody else. */
	sim.writes++;
	free_agent(a);
}

/* It has the CPU from here on. */
static void enter(struct sim_agent *a)
{
	s.changes += a->wait != SIM_RUNNABLE || (a->kind == SIM_TASK && sim.cpu[a->cpu].task != a);
	if (a->kind == SIM_TASK)
		sim.cpu[a->cpu].task = a;
	a->wait = SIM_RUNNABLE;
	sim.cur = s.on = a;
	sim.st.switches++;
}

static void run_agent(struct sim_agent *a)
{
	enter(a);
	sim_fiber_run(a->fiber);
	/* Not always the one that was entered: see pass_on(). */
	a = s.on;
	s.on = NULL;
	sim.cur = &sim.outside;
	if (a->done)
		retire(a);
}

static void run_line(struct sim_line *l)
{
	struct sim_agent *a = new_agent(SIM_HANDLER, l->name, l->cpu, l->fn, l->arg);

	a->choice_id = l->choice_id;
	l->pending = false;
	s.npending--;
	s.changes++;
	sim.cpu[l->cpu].handler = a;
	s.nhandlers++;
	run_agent(a);
}

static void run_hw(struct sim_unit *h)
{
	h->seen = sim.writes - h->own_writes;
	s.epoch++;
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

static void run_flush(const struct sim_cpu *c)
{
	sim.now += sim.op_cost;
	sim_weak_flush((unsigned)(c - sim.cpu));
}

/* ---- a strategy chooses ---- */

void sim_explore(const struct sim_strategy *st)
{
	sim_weak_forget();
	lz_port_weak = st && st->weak;
	sim.strategy = st;
	s.epoch++;
	sim.pc = NULL;
	sim.countdown = 1;
}

_Noreturn void sim_abandon(void)
{
	s.abandoned = true;
	if (!s.on)
		longjmp(s.hub, 1);
	for (;;)
		sim_fiber_yield(s.on->fiber);
}

static void account(const struct sim_choice *c)
{
	sim.st.schedule_hash = (sim.st.schedule_hash ^ c->id ^ (sim.now << 16)) * 0x100000001b3ull;
	s.preempted = NULL;
}

/* From `a`, which gives way: to who was chosen (s.next). By way of the hub where
 * that has something to do first; units are stepped on the stack of `a`. */
static void pass_on(struct sim_agent *a)
{
	bool stuck;

	while (SIM_DIRECT && (s.next.what == SIM_RUN_HW || s.next.what == SIM_RUN_FLUSH)) {
		account(&s.next);
		sim.cur = &sim.outside;
		if (s.next.what == SIM_RUN_HW)
			run_hw(s.next.who);
		else
			run_flush(s.next.who);
		if (!sim_decide(&s.next, &stuck)) {
			sim_fiber_yield(a->fiber);
			return;
		}
	}
	if (SIM_DIRECT && s.next.what == SIM_RUN_AGENT) {
		struct sim_agent *b = s.next.who;

		account(&s.next);
		enter(b);
		if (b != a)
			sim_fiber_pass(a->fiber, b->fiber);
		return;
	}
	s.has_next = true;
	sim_fiber_yield(a->fiber);
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
	if (!sim_decide(&s.next, &stuck))
		sim_fiber_yield(a->fiber);
	else if (s.next.what != SIM_RUN_AGENT || s.next.who != a)
		pass_on(a);
}

/* ---- the loop ---- */

static void run_choice(const struct sim_choice *c)
{
	account(c);
	switch (c->what) {
	case SIM_RUN_AGENT:
		run_agent(c->who);
		break;
	case SIM_RUN_LINE:
		run_line(c->who);
		break;
	case SIM_RUN_HW:
		run_hw(c->who);
		break;
	case SIM_RUN_FLUSH:
		run_flush(c->who);
		break;
	case SIM_RUN_CLOCK:
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
		const struct sim_choice *all;
		struct sim_choice c;
		size_t n;
		lz_ns t;

		if (outside) {
			if (sim_wait_over(outside))
				return 0;
		} else if (s.ntasks == 0 && !handlers_active()) {
			return 0;
		} else if (s.abandoned) {
			return 2;
		} else if (s.paused) {
			s.paused = false;
			return 3;
		} else if (sim.now >= sim.until) {
			return 1;
		}
		if (sim.strategy && !outside) {
			bool stuck = false;

			c = s.next;
			if (s.has_next || sim_decide(&c, &stuck)) {
				s.has_next = false;
				run_choice(&c);
			} else if (stuck) {
				return -1;
			}
			continue;
		}
		n = sim_collect(&all);
		t = n && !clock_fires_early() ? LZ_NEVER : sim_next_event(outside);
		if (n && t == LZ_NEVER) {
			c = all[n > 1 ? (size_t)((sim_draw() >> 32) * n >> 32) : 0];
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
	s.epoch++;
	if (wait != SIM_W_LOCK) /* that one has published its lock */
		a->op = (struct sim_op){.kind = SIM_OP_WAIT};
	if (a->kind != SIM_OUTSIDE) {
		bool stuck;

		if (SIM_DIRECT && sim.strategy && !s.paused) {
			sim.cur = &sim.outside;
			if (sim_decide(&s.next, &stuck)) {
				pass_on(a);
				return;
			}
		}
		sim_fiber_yield(a->fiber);
		return;
	}
	if (loop(a) < 0)
		lz_port_panic("deadlock outside the run", __FILE__, __LINE__);
	a->wait = SIM_RUNNABLE;
}

void sim_pause(void)
{
	lz_assert(sim.cur->kind == SIM_TASK);
	s.paused = true;
	sim_block(SIM_RUNNABLE);
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

static inline void count_write(enum lz_sim_op op)
{
	unsigned writing = WRITING >> op & 1u;

	sim.writes += writing;
	sim.cur->own_writes += writing;
}

void lz_port_visible(enum lz_sim_op op, const volatile void *addr, unsigned len)
{
	sim.st.ops[op]++;
	sim.now += sim.op_cost;
	if (--sim.countdown != 0) {
		count_write(op);
		return;
	}
	maybe_switch(op, addr, len, __builtin_return_address(0));
	/* After the switch: a poller that ran meanwhile has not seen this write. */
	count_write(op);
}

/* ---- what test benches call ---- */

void sim_start(const struct sim_config *cfg)
{
	const struct sim_strategy *strategy = sim.strategy;

	sim_stop();
	sim.strategy = strategy;
	if (cfg->snapshots)
		sim_arena_open();
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

	if (s.on)
		sim_fiber_left();
	sim_arena_thaw();
	/* Also while running: a failed check of a test jumps out of a task. */
	for (i = 0; i < s.ntasks; i++)
		free_agent(s.tasks[i]);
	for (c = 0; c < LZ_MAX_CPUS; c++) {
		if (sim.cpu[c].handler)
			free_agent(sim.cpu[c].handler);
	}
	sim_heap_free(s.tasks);
	sim_heap_free(s.lines);
	sim_heap_free(s.hw);
	memset(&s, 0, sizeof(s));
	sim_mmio_forget();
	sim_weak_reset();
	sim_mem_stop();
	sim_fiber_forget();
	sim_arena_close();
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
		s.tasks = sim_heap_longer(s.tasks, s.ntasks * sizeof(struct sim_agent *),
					  s.cap_tasks * sizeof(struct sim_agent *));
	}
	s.tasks[s.ntasks] = new_agent(SIM_TASK, name, cpu, fn, arg);
	s.tasks[s.ntasks++]->choice_id = ++s.next_choice;
	s.changes++;
}

unsigned sim_irq_line(const char *name, unsigned cpu, sim_irq_fn fn, void *arg)
{
	struct sim_line *l;

	lz_assert(cpu < sim.cfg.cpus);
	s.lines = sim_heap_longer(s.lines, s.nlines * sizeof(*s.lines),
				  (s.nlines + 1) * sizeof(*s.lines));
	l = &s.lines[s.nlines];
	*l = (struct sim_line){
		.cpu = cpu, .fn = fn, .arg = arg, .id = ++s.next_id, .choice_id = ++s.next_choice};
	snprintf(l->name, sizeof(l->name), "%s", name);
	return (unsigned)s.nlines++;
}

void sim_irq_raise(unsigned line, lz_ns delay)
{
	struct sim_line *l;

	lz_assert(line < s.nlines);
	l = &s.lines[line];
	if (!l->pending || sim.now + delay < l->due)
		l->due = sim.now + delay;
	s.npending += !l->pending;
	s.changes++;
	l->pending = true;
}

static struct sim_unit *add_unit(const struct sim_hw *hw)
{
	struct sim_unit *h;

	s.hw = sim_heap_longer(s.hw, s.nhw * sizeof(*s.hw), (s.nhw + 1) * sizeof(*s.hw));
	h = &s.hw[s.nhw++];
	*h = (struct sim_unit){.hw = *hw, .id = ++s.next_id, .choice_id = ++s.next_choice};
	return h;
}

void sim_hw_add_exact(const struct sim_hw *hw, bool (*busy)(void *arg))
{
	struct sim_unit *h = add_unit(hw);

	h->exact = true;
	h->busy = busy;
	sim_hw_changed();
}

void sim_hw_changed(void)
{
	s.epoch++;
}

void sim_hw_add(const struct sim_hw *hw)
{
	(void)add_unit(hw);
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
	s.listed = UINT64_MAX;
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
