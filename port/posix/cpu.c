/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUs and interrupts. */
#define URCU_INLINE_SMALL_FUNCTIONS
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <urcu/urcu-memb.h>

#include "internal.h"

static struct {
	pthread_mutex_t mask; /* held: interrupts are masked, or a handler runs */
} cpus[LZ_MAX_CPUS];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t threads; /* atomic: bound so far */

static _Thread_local struct {
	unsigned cpu; /* + 1; 0: not bound */
	unsigned masked;
	uint32_t id; /* of the thread */
	uint32_t in_irq;
} self;

lz_ns posix_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (lz_ns)t.tv_sec * 1000000000u + (lz_ns)t.tv_nsec;
}

void posix_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	POSIX_CHECK(pthread_condattr_init(&attr));
	POSIX_CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	POSIX_CHECK(pthread_cond_init(c, &attr));
	POSIX_CHECK(pthread_condattr_destroy(&attr));
}

void posix_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, lz_ns t)
{
	struct timespec ts = {(time_t)(t / 1000000000u), (long)(t % 1000000000u)};

	if (t == LZ_NEVER)
		(void)pthread_cond_wait(c, m);
	else
		(void)pthread_cond_timedwait(c, m, &ts);
}

/* ---- CPUs ---- */

static void init_cpus(void)
{
	for (unsigned i = 0; i < LZ_MAX_CPUS; i++)
		POSIX_CHECK(pthread_mutex_init(&cpus[i].mask, NULL));
}

void lz_posix_bind(unsigned cpu)
{
	lz_assert(!self.cpu && cpu < LZ_MAX_CPUS);
	POSIX_CHECK(pthread_once(&once, init_cpus));
	urcu_memb_register_thread();
	self.cpu = cpu + 1;
	self.id = __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
}

void lz_posix_unbind(void)
{
	lz_assert(self.cpu && !self.masked);
	urcu_memb_unregister_thread();
	self.cpu = 0;
}

unsigned lz_cpu_id(void)
{
	lz_assert(self.cpu);
	return self.cpu - 1;
}

unsigned long lz_irq_save(void)
{
	unsigned long flags = self.masked;

	if (!flags)
		POSIX_CHECK(pthread_mutex_lock(&cpus[lz_cpu_id()].mask));
	self.masked++;
	return flags;
}

void lz_irq_restore(unsigned long flags)
{
	lz_assert(self.masked == flags + 1);
	self.masked = (unsigned)flags;
	if (!flags)
		POSIX_CHECK(pthread_mutex_unlock(&cpus[lz_cpu_id()].mask));
}

bool lz_in_atomic(void)
{
	return self.masked > 0;
}

uint32_t lz_context_id(void)
{
	return self.id << 1 | self.in_irq;
}

void lz_cpu_relax(void)
{
	(void)sched_yield();
}

void lz_nap(void)
{
	lz_posix_sleep(LZ_US(50));
}

void lz_posix_sleep(lz_ns ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	lz_assert(!lz_in_atomic());
	(void)nanosleep(&t, NULL);
}

void lz_posix_in_irq(void (*fn)(void *arg), void *arg)
{
	unsigned long flags = lz_irq_save();

	self.in_irq = 1;
	fn(arg);
	self.in_irq = 0;
	lz_irq_restore(flags);
}

_Noreturn void lz_port_panic(const char *what, const char *file, int line)
{
	fprintf(stderr, "panic: %s:%d: %s (cpu %d)\n", file, line, what, (int)self.cpu - 1);
	abort();
}

/* ---- interrupts ---- */

#define MAX_LINES 8u

static struct line {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	lz_ns due; /* LZ_NEVER: not pending */
	bool stop, off, running;
	unsigned cpu;
	void (*fn)(void *arg);
	void *arg;
} lines[MAX_LINES];
static unsigned n_lines;

static void *line_main(void *arg)
{
	struct line *l = arg;

	lz_posix_bind(l->cpu);
	POSIX_CHECK(pthread_mutex_lock(&l->lock));
	while (!l->stop) {
		if (l->due > posix_now()) {
			posix_cond_wait(&l->changed, &l->lock, l->due);
			continue;
		}
		l->due = LZ_NEVER;
		if (l->off)
			continue;
		l->running = true;
		POSIX_CHECK(pthread_mutex_unlock(&l->lock));
		lz_posix_in_irq(l->fn, l->arg);
		POSIX_CHECK(pthread_mutex_lock(&l->lock));
		l->running = false;
		POSIX_CHECK(pthread_cond_broadcast(&l->changed));
	}
	POSIX_CHECK(pthread_mutex_unlock(&l->lock));
	lz_posix_unbind();
	return NULL;
}

unsigned lz_posix_irq_line(unsigned cpu, void (*fn)(void *arg), void *arg)
{
	struct line *l = &lines[n_lines];

	lz_assert(n_lines < MAX_LINES);
	*l = (struct line){.due = LZ_NEVER, .cpu = cpu, .fn = fn, .arg = arg};
	POSIX_CHECK(pthread_mutex_init(&l->lock, NULL));
	posix_cond_init(&l->changed);
	POSIX_CHECK(pthread_create(&l->thread, NULL, line_main, l));
	return n_lines++;
}

void lz_posix_irq_raise(unsigned line, lz_ns delay)
{
	struct line *l = &lines[line];
	lz_ns due = posix_now() + delay;

	POSIX_CHECK(pthread_mutex_lock(&l->lock));
	l->due = due < l->due ? due : l->due;
	POSIX_CHECK(pthread_cond_broadcast(&l->changed));
	POSIX_CHECK(pthread_mutex_unlock(&l->lock));
}

void lz_posix_irq_off(unsigned line)
{
	struct line *l = &lines[line];

	POSIX_CHECK(pthread_mutex_lock(&l->lock));
	l->off = true;
	while (l->running)
		posix_cond_wait(&l->changed, &l->lock, LZ_NEVER);
	POSIX_CHECK(pthread_mutex_unlock(&l->lock));
}

void posix_irq_stop(void)
{
	for (unsigned i = 0; i < n_lines; i++) {
		struct line *l = &lines[i];

		POSIX_CHECK(pthread_mutex_lock(&l->lock));
		l->stop = true;
		POSIX_CHECK(pthread_cond_signal(&l->changed));
		POSIX_CHECK(pthread_mutex_unlock(&l->lock));
		POSIX_CHECK(pthread_join(l->thread, NULL));
		POSIX_CHECK(pthread_cond_destroy(&l->changed));
		POSIX_CHECK(pthread_mutex_destroy(&l->lock));
	}
	n_lines = 0;
}
