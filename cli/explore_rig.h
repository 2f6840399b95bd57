/* SPDX-License-Identifier: BSD-2-Clause */
/* Ordinary scenarios, the ones of lazaret run, as something to explore. */
#ifndef LAZARET_CLI_EXPLORE_RIG_H
#define LAZARET_CLI_EXPLORE_RIG_H

#include "cli/scenario.h"
#include "explore/explore.h"
#include "machine/machine.h"

struct explore_rig {
	struct scenario sc;
	struct machine machine;
};

/* `iommu`: as for run_choose_iommu(). CLI_HELD, or an exit code after one line on stderr. */
int explore_rig_open(const char *path, const char *iommu, struct explore_rig *r,
		     struct ex_subject *out);
void explore_rig_close(struct explore_rig *r);

#endif
