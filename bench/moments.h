/* SPDX-License-Identifier: BSD-2-Clause */
/* What the scenario makes happen at a time or at a share of the workload. */
#ifndef LZ_BENCH_MOMENTS_H
#define LZ_BENCH_MOMENTS_H

#include "bench/rig.h"

/* `act` is called once, in task context, and does not wait; a task that is given
 * a name may. All before moments_start(). False: out of memory. */
bool moments_add(struct rig *r, const struct scenario_moment *at, const char *task,
		 void (*act)(struct rig *r, const void *what), const void *what);
/* Task context, the workload begins now. */
void moments_start(struct rig *r);
/* One operation of the workload is done: those with a share of it. */
void moments_progress(struct rig *r);
/* The workload is over: whatever waited for a share of it happens now. */
void moments_finish(struct rig *r);
void moments_free(struct rig *r);

#endif
