/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts, time, CPUs, exceptions; then PCI and the SMMU. */
#include "check.h"
#include "shim.h"
#include "smmu.h"
#include "stages.h"

static uint32_t ticks, ran; /* atomic */

static void on_tick(void *arg)
{
	(void)arg;
	(void)lz_fetch_add32(&ticks, 1);
}

static bool ticked(void *arg)
{
	(void)arg;
	return lz_load32(&ticks) >= 3;
}

static void on_cpu(void *arg)
{
	lz_store32(arg, 1 + lz_cpu_id());
}

/* A shared interrupt that nothing drives, raised by hand. */
static bool routed(unsigned irq, unsigned cpu)
{
	lz_ns until = bm_now() + LZ_SEC(5);
	unsigned before = bm_irq_count(irq, cpu);

	bm_irq_route(irq, cpu);
	bm_irq_raise(irq);
	while (bm_irq_count(irq, cpu) == before)
		if (bm_now() > until)
			return false;
	return true;
}

static bool masked(unsigned irq)
{
	unsigned long flags = lz_irq_save();
	unsigned before = bm_irq_count(irq, 0);
	bool ok;

	bm_irq_route(irq, 0);
	bm_irq_raise(irq);
	bm_delay(LZ_MS(1));
	ok = bm_irq_count(irq, 0) == before && lz_in_atomic();
	lz_irq_restore(flags);
	bm_delay(LZ_MS(20));
	return ok && bm_irq_count(irq, 0) == before + 1 && !lz_in_atomic();
}

bool stage_machine(void)
{
	lz_ns before = bm_now();
	unsigned n;
	uint32_t v;

	stage("the machine");
	n = bm_cpus_start();
	bm_print("%u CPUs, counter %lu Hz\n", n, bm_counter_hz());
	check(n >= 2, "a second CPU was started by PSCI");
	if (n < 2)
		return false;
	bm_cpu_run(1, on_cpu, &ran);
	bm_cpu_wait(1);
	check(lz_load32(&ran) == 2, "it runs what it is told");
	bm_tick(LZ_MS(1), on_tick, NULL);
	check(wait_for(ticked, NULL, LZ_SEC(10)), "the timer interrupts");
	bm_tick(LZ_MS(1), NULL, NULL);
	check(bm_now() > before, "time passes");
	check(!bm_probe32(0x0000600000000000, &v), "an access to nothing is an exception");
	return true;
}

static void nothing(void *arg)
{
	(void)arg;
}

bool stage_pci(void)
{
	stage("PCI Express and the SMMU");
	if (!check(pci_init(), "functions are found and have addresses"))
		return false;
	pci_print();
	for (unsigned i = 0; i < pci_count(); i++)
		if (pci_at(i)->smmu >= 0 && !smmu.base)
			(void)smmu_find(pci_at(i)->smmu);
	if (!check(smmu.base, "an SMMUv3 is found"))
		return false;
	shim_init(smmu.base, smmu.gerror_irq);
	smmu_print();
	/* Its lines are idle still: they serve to check the GIC. */
	bm_irq_on(smmu.evtq_irq, smmu.evtq_edge, 0, nothing, NULL);
	check(routed(smmu.evtq_irq, 0) && routed(smmu.evtq_irq, 1),
	      "its interrupt arrives at the CPU that it is routed to");
	check(masked(smmu.evtq_irq), "a masked interrupt waits");
	bm_irq_off(smmu.evtq_irq);
	return true;
}
