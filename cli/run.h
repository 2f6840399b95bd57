/* SPDX-License-Identifier: BSD-2-Clause */
/* What lazaret run shares with lazaret explore. */
#ifndef LAZARET_CLI_RUN_H
#define LAZARET_CLI_RUN_H

#include "cli/scenario.h"
#include "machine/machine.h"

/* `iommu` (NULL: no change; else smmuv3 or riscv) instead of what the scenario says. */
void run_choose_iommu(const char *iommu, struct scenario *sc);
/* Loads the machine and the traces that the scenario names, and checks that they
 * fit together; a device tree chooses the IOMMU unless the scenario does. CLI_HELD, or
 * an exit code after one line on stderr. */
int run_open(struct scenario *sc, struct machine *m);
void run_close(struct machine *m);
bool run_regime_exists(const char *name);

#endif
