/* SPDX-License-Identifier: BSD-2-Clause */
/* The generic timer: the virtual one at EL1, the hypervisor's at EL2. */
#include "sys.h"

#if BM_EL == 2
#define TIMER_CTL  "cnthp_ctl_el2"
#define TIMER_CVAL "cnthp_cval_el2"
#define TIMER_IRQ  3 /* of the device tree's list */
#else
#define TIMER_CTL  "cntv_ctl_el0"
#define TIMER_CVAL "cntv_cval_el0"
#define TIMER_IRQ  2
#endif

static uint64_t hz;
static unsigned irq;
static bool edge;

static struct {
	bm_irq_fn fn;
	void *arg;
	uint64_t period;
} ticks[LZ_MAX_CPUS];

bool bm_timer_init(void)
{
	hz = bm_read("cntfrq_el0");
	return hz && bm_fdt_irq(bm_fdt_compatible(-1, "arm,armv8-timer"), TIMER_IRQ, &irq, &edge);
}

static bool has_cycle_counter(void)
{
	uint64_t version = bm_read("id_aa64dfr0_el1") >> 8 & 0xf;

	return version && version != 0xf;
}

void bm_timer_init_cpu(void)
{
	bm_write(TIMER_CTL, 0);
	if (!has_cycle_counter())
		return;
	bm_write("pmccfiltr_el0", 1u << 27); /* EL2 counts too */
	bm_write("pmcntenset_el0", 1u << 31);
	bm_write("pmcr_el0", bm_read("pmcr_el0") | 1u << 6 | 1u);
	bm_isb();
}

uint64_t bm_counter(void)
{
	bm_isb();
	return bm_read("cntvct_el0");
}

uint64_t bm_counter_hz(void)
{
	return hz;
}

uint64_t bm_cycles(void)
{
	bm_isb();
	return has_cycle_counter() ? bm_read("pmccntr_el0") : 0;
}

lz_ns bm_now(void)
{
	uint64_t c = bm_counter();

	return c / hz * 1000000000u + c % hz * 1000000000u / hz;
}

void bm_delay(lz_ns ns)
{
	lz_ns until = bm_now() + ns;

	while (bm_now() < until)
		lz_cpu_relax();
}

static void arm_timer(unsigned cpu)
{
	bm_write(TIMER_CVAL, bm_counter() + ticks[cpu].period);
	bm_write(TIMER_CTL, 1);
	bm_isb();
}

static void on_timer(void *arg)
{
	unsigned cpu = lz_cpu_id();

	(void)arg;
	if (!ticks[cpu].fn) {
		bm_write(TIMER_CTL, 0);
		return;
	}
	arm_timer(cpu);
	ticks[cpu].fn(ticks[cpu].arg);
}

void bm_tick(lz_ns period, bm_irq_fn fn, void *arg)
{
	unsigned long flags = lz_irq_save();
	unsigned cpu = lz_cpu_id();

	bm_write(TIMER_CTL, 0);
	ticks[cpu].fn = fn;
	ticks[cpu].arg = arg;
	ticks[cpu].period = period / 1000 * hz / 1000000;
	bm_irq_on(irq, edge, cpu, on_timer, NULL);
	if (fn)
		arm_timer(cpu);
	lz_irq_restore(flags);
}
