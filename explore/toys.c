/* SPDX-License-Identifier: BSD-2-Clause */
/* Toys. All their threads have a CPU of their own. */
#include "explore/toys.h"

#include <signal.h>
#include <string.h>

#include "port/sim/lz_arch.h"

unsigned ex_toy_outcome;

static struct {
	uint32_t x, y, count, done;
	uint32_t seen[8];
	struct lz_spinlock a, b;
} t;

static const struct lz_lock_class low = {"low", 1}, high = {"high", 2};

static bool play(struct ex_run *r, const sim_task_fn *thread, unsigned n)
{
	memset(&t, 0, sizeof(t));
	sim_start(&(struct sim_config){.cpus = n, .seed = 1});
	lz_spin_init(&t.a, &low);
	lz_spin_init(&t.b, &high);
	for (unsigned i = 0; i < n; i++)
		sim_task("thread", i, thread[i], r);
	ex_begin(r);
	return ex_sim_run(r, LZ_SEC(1));
}

static void finish(struct ex_run *r, bool wrong, const char *where)
{
	if (wrong && !r->violation.found)
		r->violation = (struct ex_violation){true, 'E', "", "", r->steps, sim_now()};
	if (wrong)
		strncpy(r->violation.where, where, sizeof(r->violation.where) - 1);
	if (wrong)
		strncpy(r->violation.text, where, sizeof(r->violation.text) - 1);
	sim_stop();
}

/* ---- litmus tests: store buffering, message passing, independent reads ---- */

static void sb_0(void *arg)
{
	(void)arg;
	lz_store32(&t.x, 1);
	t.seen[0] = lz_load32(&t.y);
}

static void sb_1(void *arg)
{
	(void)arg;
	lz_store32(&t.y, 1);
	t.seen[1] = lz_load32(&t.x);
}

static void mp_0(void *arg)
{
	(void)arg;
	lz_store32(&t.x, 1);
	lz_store32_release(&t.y, 1);
}

static void mp_1(void *arg)
{
	(void)arg;
	t.seen[0] = lz_load32_acquire(&t.y);
	t.seen[1] = lz_load32(&t.x);
}

static void sb_mb_0(void *arg)
{
	(void)arg;
	lz_store32(&t.x, 1);
	lz_mb();
	t.seen[0] = lz_load32(&t.y);
}

static void sb_mb_1(void *arg)
{
	(void)arg;
	lz_store32(&t.y, 1);
	lz_mb();
	t.seen[1] = lz_load32(&t.x);
}

/* Both sides, either or none with their barrier. */
static void mp_plain_0(void *arg)
{
	(void)arg;
	lz_store32(&t.x, 1);
	lz_store32(&t.y, 1);
}

static void mp_plain_1(void *arg)
{
	(void)arg;
	t.seen[0] = lz_load32(&t.y);
	t.seen[1] = lz_load32(&t.x);
}

static void mp_wmb_0(void *arg)
{
	(void)arg;
	lz_store32(&t.x, 1);
	lz_dma_wmb();
	lz_store32(&t.y, 1);
}

static void mp_rmb_1(void *arg)
{
	(void)arg;
	t.seen[0] = lz_load32(&t.y);
	lz_dma_rmb();
	t.seen[1] = lz_load32(&t.x);
}

static void lb_0(void *arg)
{
	(void)arg;
	t.seen[0] = lz_load32(&t.x);
	lz_store32(&t.y, 1);
}

static void lb_1(void *arg)
{
	(void)arg;
	t.seen[1] = lz_load32(&t.y);
	lz_store32(&t.x, 1);
}

/* One word: nobody sees it go back. */
static void co_0(void *arg)
{
	(void)arg;
	lz_store32(&t.x, 1);
}

static void co_1(void *arg)
{
	(void)arg;
	t.seen[0] = lz_load32(&t.x);
	t.seen[1] = lz_load32(&t.x);
}

static void write_x(void *arg)
{
	(void)arg;
	lz_store32(&t.x, 1);
}

static void write_y(void *arg)
{
	(void)arg;
	lz_store32(&t.y, 1);
}

static void read_xy(void *arg)
{
	(void)arg;
	t.seen[0] = lz_load32(&t.x);
	t.seen[1] = lz_load32(&t.y);
}

static void acquire_xy(void *arg)
{
	(void)arg;
	t.seen[0] = lz_load32_acquire(&t.x);
	t.seen[1] = lz_load32_acquire(&t.y);
}

static void acquire_yx(void *arg)
{
	(void)arg;
	t.seen[2] = lz_load32_acquire(&t.y);
	t.seen[3] = lz_load32_acquire(&t.x);
}

static void read_yx(void *arg)
{
	(void)arg;
	t.seen[2] = lz_load32(&t.y);
	t.seen[3] = lz_load32(&t.x);
}

static void litmus(struct ex_run *r, const sim_task_fn *thread, unsigned n)
{
	(void)play(r, thread, n);
	ex_toy_outcome = 0;
	for (unsigned i = 0; i < 4; i++)
		ex_toy_outcome |= t.seen[i] << i;
	sim_stop();
}

static void run_sb(struct ex_run *r, void *arg)
{
	(void)arg;
	litmus(r, (const sim_task_fn[]){sb_0, sb_1}, 2);
}

static void run_mp(struct ex_run *r, void *arg)
{
	(void)arg;
	litmus(r, (const sim_task_fn[]){mp_0, mp_1}, 2);
}

static void run_iriw(struct ex_run *r, void *arg)
{
	(void)arg;
	litmus(r, (const sim_task_fn[]){write_x, write_y, read_xy, read_yx}, 4);
}

#define LITMUS(name, ...)                                              \
	static void run_##name(struct ex_run *r, void *arg)            \
	{                                                              \
		const sim_task_fn thread[] = {__VA_ARGS__};            \
                                                                       \
		(void)arg;                                             \
		litmus(r, thread, sizeof(thread) / sizeof(thread[0])); \
	}
LITMUS(sb_mb, sb_mb_0, sb_mb_1)
LITMUS(mp_plain, mp_plain_0, mp_plain_1)
LITMUS(mp_wmb, mp_wmb_0, mp_plain_1)
LITMUS(mp_rmb, mp_plain_0, mp_rmb_1)
LITMUS(mp_both, mp_wmb_0, mp_rmb_1)
LITMUS(lb, lb_0, lb_1)
LITMUS(co, co_0, co_1)
LITMUS(iriw_acquire, write_x, write_y, acquire_xy, acquire_yx)
#undef LITMUS

/* ---- planted bugs ---- */

static void add_one(void *arg)
{
	(void)arg;
	lz_store32(&t.count, lz_load32(&t.count) + 1);
}

static void run_lost_update(struct ex_run *r, void *arg)
{
	bool ok = play(r, (const sim_task_fn[]){add_one, add_one}, 2);

	(void)arg;
	finish(r, ok && t.count != 2, "an update was lost");
}

static void add_locked(void *arg)
{
	unsigned long flags = lz_spin_lock(&t.a);

	add_one(arg);
	lz_spin_unlock(&t.a, flags);
}

static void run_locked(struct ex_run *r, void *arg)
{
	bool ok = play(r, (const sim_task_fn[]){add_locked, add_locked, add_locked}, 3);

	(void)arg;
	finish(r, ok && t.count != 3, "an update was lost");
}

/* Wrong only when the second thread stops twice at the right places while the
 * first goes through a long stretch: few random schedules do that. */
static void stretch(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < 40; i++)
		lz_store32(&t.count, i);
	lz_store32(&t.x, 1);
	for (unsigned i = 0; i < 40; i++)
		lz_store32(&t.count, i);
	lz_store32(&t.x, 2);
}

static void between(void *arg)
{
	(void)arg;
	if (lz_load32(&t.x) == 1)
		t.done = lz_load32(&t.x) == 2;
}

static void run_deep(struct ex_run *r, void *arg)
{
	bool ok = play(r, (const sim_task_fn[]){stretch, between}, 2);

	(void)arg;
	finish(r, ok && t.done, "the second read came too late");
}

static void ab(void *arg)
{
	unsigned long f = lz_spin_lock(&t.a), g = lz_spin_lock(&t.b);

	(void)arg;
	lz_spin_unlock(&t.b, g);
	lz_spin_unlock(&t.a, f);
}

static void ba(void *arg)
{
	unsigned long f = lz_spin_lock(&t.b), g = lz_spin_lock(&t.a);

	(void)arg;
	lz_spin_unlock(&t.a, g);
	lz_spin_unlock(&t.b, f);
}

static void run_deadlock(struct ex_run *r, void *arg)
{
	(void)arg;
	(void)play(r, (const sim_task_fn[]){ab, ba}, 2);
	sim_stop();
}

static void spin(void *arg)
{
	(void)arg;
	while (!lz_load32(&t.x))
		lz_store32(&t.count, lz_load32(&t.count) + 1);
}

static void run_livelock(struct ex_run *r, void *arg)
{
	(void)arg;
	r->cap = 2000;
	(void)play(r, (const sim_task_fn[]){spin}, 1);
	sim_stop();
}

static void crash(void *arg)
{
	(void)arg;
	if (lz_load32(&t.x))
		(void)raise(SIGSEGV);
}

static void run_crash(struct ex_run *r, void *arg)
{
	(void)arg;
	(void)play(r, (const sim_task_fn[]){crash, write_x}, 2);
	sim_stop();
}

/* Depends on more than its choices: its log cannot repeat it. */
static void run_unstable(struct ex_run *r, void *arg)
{
	static unsigned runs;

	(void)arg;
	(void)play(r, (const sim_task_fn[]){runs++ % 2 ? add_one : add_locked, add_one}, 2);
	sim_stop();
}

const struct ex_toy ex_toys[] = {
	{"toy_sb", "litmus: store buffering", run_sb},
	{"toy_mp", "litmus: message passing", run_mp},
	{"toy_iriw", "litmus: independent reads of independent writes", run_iriw},
	{"toy_sb_mb", "litmus: store buffering with barriers", run_sb_mb},
	{"toy_mp_plain", "litmus: message passing without barriers", run_mp_plain},
	{"toy_mp_wmb", "litmus: message passing, only the writer has a barrier", run_mp_wmb},
	{"toy_mp_rmb", "litmus: message passing, only the reader has a barrier", run_mp_rmb},
	{"toy_mp_both", "litmus: message passing with barriers", run_mp_both},
	{"toy_lb", "litmus: load buffering", run_lb},
	{"toy_co", "litmus: one word read twice", run_co},
	{"toy_iriw_acquire", "litmus: independent reads that acquire", run_iriw_acquire},
	{"toy_locked", "a counter under a lock", run_locked},
	{"toy_lost_update", "a counter without one", run_lost_update},
	{"toy_deep", "wrong after two switches at two places", run_deep},
	{"toy_deadlock", "two locks in two orders", run_deadlock},
	{"toy_livelock", "waits for what nobody does", run_livelock},
	{"toy_crash", "touches memory that is not there", run_crash},
	{"toy_unstable", "does not repeat itself", run_unstable},
	{NULL, NULL, NULL},
};
