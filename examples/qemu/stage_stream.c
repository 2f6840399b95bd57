/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls whose registers and commands QEMU's trace shows (docs/MODEL.md). Reads of
 * two identification registers that the driver has no use for say where a call
 * begins, and where all of it ends.
 */
#include "calls.h"
#include "check.h"
#include "smmu.h"
#include "stages.h"
#include "sys.h"

#define CALL_BEGINS 0xfe0u
#define ALL_ENDED   0xfe4u

static void mark(void)
{
	(void)bm_get32(smmu.base + CALL_BEGINS);
}

static bool is_there(uint32_t sid)
{
	for (unsigned i = 0; i < pci_count(); i++)
		if (pci_at(i)->smmu >= 0 && pci_at(i)->sid == sid)
			return true;
	return false;
}

void stage_stream(void)
{
	stage("the calls that are compared with the model");
	check(is_there(CALLS_STREAM_A) && is_there(CALLS_STREAM_B), "their streams are there");
	check(fine(calls_run(bm_port(), smmu.base, mark), "calls") && bm_used() == 0,
	      "every call ends as it should");
	(void)bm_get32(smmu.base + ALL_ENDED);
}
