/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate of a group. */
#include "core/core.h"

static bool is_open(void *arg)
{
	return lz_load32(arg) == 0;
}

enum lz_status lz_gate_enter(struct lz_group *group, lz_ns bound, struct lz_gated *out)
{
	lz_ns deadline = bound ? lz_now(group->lz) + bound : 0;

	for (;;) {
		uint32_t open = 0;

		if (lz_cas32(&group->gate, &open, 1)) {
			out->group = group;
			return LZ_OK;
		}
		if (!bound || !lz_wait(group->lz, is_open, &group->gate, deadline))
			return LZ_EBUSY;
	}
}

void lz_gate_enter_always(struct lz_group *group, struct lz_gated *out)
{
	while (lz_gate_enter(group, lz_gate_bound(group->lz), out) != LZ_OK)
		;
}

void lz_gate_leave(struct lz_gated g)
{
	lz_assert(lz_load32(&g.group->gate) == 1);
	lz_store32_release(&g.group->gate, 0);
}
