/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of the port itself, from libc or from the arena (sim_arena_open()). */
#ifndef SIM_ARENA_H
#define SIM_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#define SIM_GUARD_BYTES ((size_t)16384) /* whole pages for every page size up to 16 KiB */

bool sim_arena_is_open(void);
void sim_arena_open(void);
/* No snapshot any more. */
void sim_arena_thaw(void);
/* Forgets everything in it. */
void sim_arena_close(void);
char *sim_arena_stack(void);
/* A longer copy of `p` (`old` bytes), which is given back. Does not fail. */
void *sim_heap_longer(void *p, size_t old, size_t bytes);

#endif
