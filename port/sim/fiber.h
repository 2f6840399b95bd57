/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Coroutines of the deterministic port. The thread that calls fiber_run() is
 * the hub; a fiber goes back to it with fiber_yield(). A fiber's body never
 * returns: it loops over jobs, so that a finished one is used again as it is.
 */
#ifndef SIM_FIBER_H
#define SIM_FIBER_H

struct sim_fiber;

/* Takes one from the pool or makes one. `entry` never returns. */
struct sim_fiber *sim_fiber_get(void (*entry)(void));
/* Back to the pool. Its frames are forgotten. */
void sim_fiber_put(struct sim_fiber *f);
/* The arena is about to go, and those in it. */
void sim_fiber_forget(void);
/* From the hub: runs `f` until it yields. */
void sim_fiber_run(struct sim_fiber *f);
/* From the running fiber: back to the hub. */
void sim_fiber_yield(struct sim_fiber *self);
/* From the running fiber `from` to another, which goes back to the hub like the first. */
void sim_fiber_pass(struct sim_fiber *from, struct sim_fiber *to);
/* A crash has left the running fiber for the hub, without a switch. */
void sim_fiber_left(void);
/* First thing in `entry`. */
void sim_fiber_begin(struct sim_fiber *self);

#endif
