/* SPDX-License-Identifier: BSD-2-Clause */
/* The worker task. Apart, so that only who uses it needs the core. */
#include "internal.h"
#include "lazaret/lazaret.h"

void sim_worker_task(void *sim_worker)
{
	struct sim_worker *w = sim_worker;

	while (!w->stop) {
		uint32_t seen = *sim_kick_word();
		lz_ns due = lz_poll(w->lz);

		sim_wait_kick(sim_kick_word(), seen, due, &w->stop);
	}
}
