/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library on a machine that it does not know: an SMMUv3, PCI Express and
 * devices of QEMU's `virt`, all of it found from the device tree. Prints PASS or
 * FAIL per check; the exit code is 0 when all passed.
 */
#include "check.h"
#include "shim.h"
#include "smmu.h"
#include "stages.h"

int bm_main(void)
{
	bm_print("Lazaret on AArch64, EL%u\n", BM_EL);
	if (stage_machine() && stage_pci()) {
		stage_stream();
		stage_dma();
		stage_queue();
		stage_figures();
		stage_recovery();
	}
	bm_print("\nmost stack of each CPU, interrupts included:");
	for (unsigned cpu = 0; cpu < bm_cpus(); cpu++) {
		size_t of, used = bm_stack_used(cpu, &of);

		bm_print(" %lu of %lu", used, of);
	}
	bm_print(" bytes\n");
	return check_sum() ? 1 : 0;
}
