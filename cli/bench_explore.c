/* SPDX-License-Identifier: BSD-2-Clause */
/* How fast the explorer is, and how fast a bare switch between coroutines. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cli/bench.h"
#include "explore/rig.h"
#include "explore/search.h"
#include "port/sim/fiber.h"
#include "port/sim/internal.h"

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct bench_spread spread(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_number);
	return (struct bench_spread){v[n / 2], v[0], v[n - 1]};
}

/* ---- schedules ---- */

struct figure {
	double schedules, operations; /* per second of CPU time */
	uint64_t violations;
};

static void window(struct ex_run *r, struct ex_strategies *all, enum bench_oracles o,
		   double seconds, uint64_t *index, struct figure *out)
{
	double start = cpu_s(), took;
	uint64_t n = 0, operations = 0;

	*out = (struct figure){0};
	r->blind = o == BENCH_BLIND;
	do {
		r->brief = o == BENCH_EXPLORE && !ex_taken_apart(*index);
		r->strategy = ex_strategy_turn(all, *index, false);
		r->seed = ex_mix(++*index) >> 32;
		ex_execute(r);
		operations += r->operations;
		out->violations += r->violation.found || r->unfinished;
		n++;
		took = cpu_s() - start;
	} while (took < seconds);
	out->schedules = (double)n / took;
	out->operations = (double)operations / took;
}

static void memory(struct bench_explore *out, unsigned when, uint64_t runs)
{
	struct sim_arena_stats st;
	struct rusage u;

	sim_arena_get(&st);
	getrusage(RUSAGE_SELF, &u);
	out->pages = st.pages;
	out->late_pages = st.late_pages;
	out->runs[when] = runs;
	out->peak_kib[when] = u.ru_maxrss;
}

bool bench_explore(struct bench_explore *out, unsigned rounds, double seconds)
{
	static double schedules[BENCH_ORACLES][BENCH_ROUNDS],
		operations[BENCH_ORACLES][BENCH_ROUNDS];
	char name[32], regime[] = "fail_once";
	struct ex_case c = {.path = "bench", .body = name, .regime = {regime}, .n_regimes = 1};
	struct ex_strategies *all = ex_strategies_new();
	struct ex_subject s;
	struct ex_run r = {.subject = &s};
	uint64_t index = 0, violations = 0;
	struct figure f;

	strncpy(name, out->body, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ex_case_default(&c);
	c.iommu = out->iommu == BENCH_RISCV ? EXR_RISCV : EXR_SMMUV3;
	if (!ex_case_subject(&c, &s) || rounds > BENCH_ROUNDS) {
		ex_strategies_free(all);
		return false;
	}
	/* The machine is built, pages are touched, PCT learns how long a run is. */
	window(&r, all, BENCH_APART, seconds, &index, &f);
	memory(out, 0, index);
	for (unsigned i = 0; i < rounds; i++)
		for (unsigned o = 0; o < BENCH_ORACLES; o++) {
			window(&r, all, (enum bench_oracles)o, seconds, &index, &f);
			schedules[o][i] = f.schedules;
			operations[o][i] = f.operations;
			violations += f.violations;
		}
	memory(out, 1, index);
	for (unsigned o = 0; o < BENCH_ORACLES; o++) {
		out->schedules[o] = spread(schedules[o], rounds);
		out->operations[o] = spread(operations[o], rounds);
	}
	ex_run_free(&r);
	ex_strategies_free(all);
	sim_stop();
	return !violations;
}

/* ---- the switch: from coroutine to coroutine, as in exploration ---- */

#define TURNS 400000u

static struct sim_fiber *fiber[2];
static unsigned turns;

static void take_turns(void)
{
	unsigned me = turns & 1;

	sim_fiber_begin(fiber[me]);
	for (;;) {
		if (++turns >= TURNS || !SIM_DIRECT)
			sim_fiber_yield(fiber[me]);
		else
			sim_fiber_pass(fiber[me], fiber[!me]);
	}
}

struct bench_spread bench_switch(unsigned rounds)
{
	double ns[BENCH_ROUNDS] = {0};

	rounds = rounds > BENCH_ROUNDS ? BENCH_ROUNDS : rounds;
	fiber[0] = sim_fiber_get(take_turns);
	fiber[1] = sim_fiber_get(take_turns);
	for (unsigned i = 0; i < rounds; i++) {
		double start = cpu_s();

		for (turns = 0; turns < TURNS;)
			sim_fiber_run(fiber[turns & 1]);
		ns[i] = (cpu_s() - start) * 1e9 / TURNS;
	}
	sim_fiber_put(fiber[0]);
	sim_fiber_put(fiber[1]);
	return spread(ns, rounds);
}
