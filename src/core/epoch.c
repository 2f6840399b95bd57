/* SPDX-License-Identifier: BSD-2-Clause */
/* Grace periods, where the port brings none. */
#include "core/epoch.h"
#include "core/driver.h"

#ifndef LZ_ARCH_HAS_EPOCH

struct grace {
	struct lz_epoch *e;
	uint64_t begun;
};

static bool readers_gone(void *arg)
{
	struct grace *g = arg;

	for (unsigned i = 0; i < LZ_MAX_CPUS; i++) {
		uint64_t in = lz_load64_acquire(&g->e->cpu[i].in);

		if (in && in < g->begun)
			return false;
	}
	return true;
}

void lz_epoch_grace(struct lz *lz, struct lz_epoch *e, const char *who)
{
	struct grace g = {e, 0};

	lz_mb(); /* G */
	g.begun = lz_fetch_add64(&e->now, 1) + 2;
	lz_mb(); /* G */
	/* Sections are short and masked: this ends unless a CPU is dead. */
	while (!lz_wait(lz, readers_gone, &g, lz_now(lz) + lz->cfg.sync_bound))
		lz_log(lz, LZ_LOG_WARN, who, "a CPU does not leave its read section");
}

#endif
