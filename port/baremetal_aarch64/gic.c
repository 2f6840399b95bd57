/* SPDX-License-Identifier: BSD-2-Clause */
/* GICv3 (Arm IHI 0069): one security state or the non-secure view, no LPIs. */
#include "sys.h"

#define GICD_CTLR	 0x0000u
#define GICD_CTLR_ON	 0x13u /* both groups, affinity routing */
#define GICD_CTLR_RWP	 (1u << 31)
#define GICD_TYPER	 0x0004u
#define GICD_IROUTER	 0x6000u
#define GICR_TYPER	 0x0008u
#define GICR_TYPER_LAST	 (1u << 4)
#define GICR_WAKER	 0x0014u
#define GICR_WAKER_SLEEP (1u << 1)
#define GICR_WAKER_KIDS	 (1u << 2)
#define GICR_VLPIS	 (1u << 1)
#define GICR_FRAME	 0x10000u
/* In the distributor, and at the same offsets in a redistributor's second frame. */
#define IGROUPR	   0x0080u
#define ISENABLER  0x0100u
#define ICENABLER  0x0180u
#define ISPENDR	   0x0200u
#define ICPENDR	   0x0280u
#define IPRIORITYR 0x0400u
#define ICFGR	   0x0c00u

#define FIRST_SPI 32u
#define MAX_IRQ	  288u
#define NO_IRQ	  1020u
#define WAKE_SGI  0u

static uintptr_t dist, redists;
static uint64_t redists_size;
static uintptr_t redist[LZ_MAX_CPUS]; /* their second frames */
static unsigned n_irqs;

static struct {
	bm_irq_fn fn;
	void *arg;
	uint32_t count[LZ_MAX_CPUS]; /* atomic */
} irqs[MAX_IRQ];

static void settle(void)
{
	while (bm_get32(dist + GICD_CTLR) & GICD_CTLR_RWP)
		;
}

bool bm_gic_init(void)
{
	int node = bm_fdt_compatible(-1, "arm,gic-v3");
	uint64_t at, size;

	if (!bm_fdt_reg(node, 0, &at, &size) || !bm_map_device(at, size))
		return false;
	dist = at;
	if (!bm_fdt_reg(node, 1, &at, &redists_size) || !bm_map_device(at, redists_size))
		return false;
	redists = at;
	n_irqs = 32 * ((bm_get32(dist + GICD_TYPER) & 31) + 1);
	if (n_irqs > MAX_IRQ)
		n_irqs = MAX_IRQ;
	bm_put32(dist + GICD_CTLR, 0);
	settle();
	for (unsigned i = FIRST_SPI; i < n_irqs; i += 32) {
		bm_put32(dist + ICENABLER + i / 8, UINT32_MAX);
		bm_put32(dist + ICPENDR + i / 8, UINT32_MAX);
		bm_put32(dist + IGROUPR + i / 8, UINT32_MAX);
	}
	for (unsigned i = FIRST_SPI; i < n_irqs; i += 4)
		bm_put32(dist + IPRIORITYR + i, 0xa0a0a0a0u);
	settle();
	bm_put32(dist + GICD_CTLR, GICD_CTLR_ON);
	settle();
	return true;
}

/* Affinity as the redistributor and the router have it. */
static uint64_t packed(uint64_t mpidr)
{
	return (mpidr & 0xffffff) | (mpidr >> 32 & 0xff) << 24;
}

static uintptr_t find_redist(uint64_t mpidr)
{
	for (uintptr_t at = redists; at + 2 * GICR_FRAME <= redists + redists_size;) {
		uint64_t typer = bm_get64(at + GICR_TYPER);

		if (typer >> 32 == packed(mpidr))
			return at;
		if (typer & GICR_TYPER_LAST)
			break;
		at += (typer & GICR_VLPIS ? 4 : 2) * GICR_FRAME;
	}
	return 0;
}

void bm_gic_init_cpu(void)
{
	uintptr_t at = find_redist(bm_read("mpidr_el1"));

	lz_assert(at);
	bm_put32(at + GICR_WAKER, bm_get32(at + GICR_WAKER) & ~GICR_WAKER_SLEEP);
	while (bm_get32(at + GICR_WAKER) & GICR_WAKER_KIDS)
		;
	at += GICR_FRAME;
	redist[lz_cpu_id()] = at;
	bm_put32(at + ICENABLER, UINT32_MAX);
	bm_put32(at + IGROUPR, UINT32_MAX);
	bm_put32(at + ISENABLER, 1u << WAKE_SGI);
	for (unsigned i = 0; i < FIRST_SPI; i += 4)
		bm_put32(at + IPRIORITYR + i, 0xa0a0a0a0u);
	bm_write("S3_0_C12_C12_5", bm_read("S3_0_C12_C12_5") | 1); /* ICC_SRE_EL1 */
	bm_isb();
	bm_write("S3_0_C4_C6_0", 0xff); /* ICC_PMR_EL1 */
	bm_write("S3_0_C12_C12_3", 0);	/* ICC_BPR1_EL1 */
	bm_write("S3_0_C12_C12_4", 0);	/* ICC_CTLR_EL1: EOI deactivates too */
	bm_write("S3_0_C12_C12_7", 1);	/* ICC_IGRPEN1_EL1 */
	bm_isb();
}

static uintptr_t bank(unsigned irq)
{
	return irq < FIRST_SPI ? redist[lz_cpu_id()] : dist;
}

void bm_irq_on(unsigned irq, bool edge, unsigned cpu, bm_irq_fn fn, void *arg)
{
	uintptr_t at = bank(irq);
	uint32_t cfg;

	lz_assert(irq < n_irqs);
	bm_irq_off(irq);
	irqs[irq].fn = fn;
	irqs[irq].arg = arg;
	cfg = bm_get32(at + ICFGR + irq / 16 * 4) & ~(2u << irq % 16 * 2);
	bm_put32(at + ICFGR + irq / 16 * 4, cfg | (edge ? 2u << irq % 16 * 2 : 0));
	bm_irq_route(irq, cpu);
	bm_dsb();
	bm_put32(at + ISENABLER + irq / 32 * 4, 1u << irq % 32);
}

void bm_irq_route(unsigned irq, unsigned cpu)
{
	if (irq >= FIRST_SPI)
		bm_put64(dist + GICD_IROUTER + 8ul * irq, bm_cpu_affinity(cpu) & 0xff00ffffffull);
}

void bm_irq_off(unsigned irq)
{
	bm_put32(bank(irq) + ICENABLER + irq / 32 * 4, 1u << irq % 32);
	settle();
}

void bm_irq_raise(unsigned irq)
{
	bm_dsb();
	bm_put32(bank(irq) + ISPENDR + irq / 32 * 4, 1u << irq % 32);
}

void bm_cpu_wake(void)
{
	__asm__ volatile("dsb ishst" ::: "memory");
	bm_write("S3_0_C12_C11_5", 1ull << 40 | WAKE_SGI << 24); /* ICC_SGI1R_EL1, all others */
	bm_isb();
}

unsigned bm_irq_count(unsigned irq, unsigned cpu)
{
	return lz_load32(&irqs[irq].count[cpu]);
}

void bm_irq_dispatch(void)
{
	for (;;) {
		uint64_t irq = bm_read("S3_0_C12_C12_0") & 0xffffff; /* ICC_IAR1_EL1 */

		bm_dsb();
		if (irq >= NO_IRQ)
			return;
		if (irq < MAX_IRQ) {
			(void)lz_fetch_add32(&irqs[irq].count[lz_cpu_id()], 1);
			if (irqs[irq].fn)
				irqs[irq].fn(irqs[irq].arg);
		}
		bm_write("S3_0_C12_C12_1", irq); /* ICC_EOIR1_EL1 */
		bm_isb();
	}
}
