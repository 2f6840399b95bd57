/* SPDX-License-Identifier: BSD-2-Clause */
/* See moments.h. */
#include "bench/moments.h"

#include <stdlib.h>

struct moment {
	struct rig *rig;
	const struct scenario_moment *at;
	const char *task; /* NULL: does not wait */
	void (*act)(struct rig *r, const void *what);
	const void *what;
	bool done;
	struct moment *next;
};

bool moments_add(struct rig *r, const struct scenario_moment *at, const char *task,
		 void (*act)(struct rig *r, const void *what), const void *what)
{
	struct moment **p = &r->moments;

	while (*p)
		p = &(*p)->next;
	*p = calloc(1, sizeof(**p));
	if (!*p) {
		rig_fail(r, "out of memory");
		return false;
	}
	**p = (struct moment){.rig = r, .at = at, .task = task, .act = act, .what = what};
	r->moments_left++;
	return true;
}

static void act_task(void *arg)
{
	struct moment *m = arg;

	m->act(m->rig, m->what);
	m->rig->owners--;
}

static void happen(struct moment *m, unsigned cpu)
{
	if (m->done)
		return;
	m->done = true;
	if (m->task) {
		m->rig->owners++;
		sim_task(m->task, cpu % m->rig->cpus, act_task, m);
	} else {
		m->act(m->rig, m->what);
	}
	m->rig->moments_left--;
}

static void timed(void *arg)
{
	struct moment *m = arg;

	sim_sleep_until(m->rig->origin + m->at->ns);
	happen(m, 0);
}

void moments_start(struct rig *r)
{
	for (struct moment *m = r->moments; m; m = m->next)
		if (!m->at->is_percent)
			sim_task("moment", 0, timed, m);
}

static void share_is_done(struct rig *r, uint64_t percent)
{
	unsigned cpu = 0;

	/* Those of one moment run at once, on different CPUs. */
	for (struct moment *m = r->moments; m; m = m->next, cpu++)
		if (m->at->is_percent && percent >= m->at->percent)
			happen(m, cpu);
}

void moments_progress(struct rig *r)
{
	if (r->moments_left)
		share_is_done(r, r->total ? r->done * 100 / r->total : 100);
}

void moments_finish(struct rig *r)
{
	share_is_done(r, 100);
}

void moments_free(struct rig *r)
{
	while (r->moments) {
		struct moment *m = r->moments;

		r->moments = m->next;
		free(m);
	}
}
