/* SPDX-License-Identifier: BSD-2-Clause */
/* From the first instruction in C to bm_main(); the other CPUs; a lock. */
#include "sys.h"

#define PSCI_CPU_ON 0xc4000003u
#define PAINT	    0x5aa55aa55aa55aa5ull

/* Not in what start.S clears: it runs on the first one. */
uint8_t bm_stacks[LZ_MAX_CPUS][BM_STACK_SIZE] __attribute__((section(".noinit"), aligned(4096)));

static struct {
	uint64_t affinity;
	uint32_t running;   /* atomic */
	void (*fn)(void *); /* atomic; what to do */
	void *arg;	    /* of fn */
	struct bm_boot boot;
} cpus[LZ_MAX_CPUS];
static uint32_t n_cpus = 1; /* atomic */

/* ---- lock ---- */

unsigned long bm_lock(struct bm_lock *l)
{
	unsigned long flags = lz_irq_save();
	uint32_t none = 0;

	while (!lz_cas32(&l->held, &none, 1)) {
		none = 0;
		lz_cpu_relax();
	}
	return flags;
}

void bm_unlock(struct bm_lock *l, unsigned long flags)
{
	lz_store32_release(&l->held, 0);
	lz_irq_restore(flags);
}

/* ---- stacks ---- */

static void paint(unsigned cpu, uintptr_t end)
{
	for (uint64_t *p = (uint64_t *)(void *)bm_stacks[cpu]; (uintptr_t)p < end; p++)
		*p = PAINT;
}

void bm_stack_paint(void)
{
	/* A page for this call and for handlers that come meanwhile. */
	paint(lz_cpu_id(), (uintptr_t)__builtin_frame_address(0) - 4096);
}

size_t bm_stack_used(unsigned cpu, size_t *of)
{
	const uint64_t *p = (const uint64_t *)(const void *)bm_stacks[cpu];
	const uint64_t *end = p + BM_STACK_SIZE / 8;

	*of = BM_STACK_SIZE;
	while (p < end && *(const volatile uint64_t *)p == PAINT)
		p++;
	return (size_t)(end - p) * 8;
}

/* ---- start ---- */

static void this_cpu(unsigned cpu)
{
	bm_write(BM_AT(tpidr), cpu);
	bm_write(BM_AT(vbar), (uintptr_t)bm_vectors);
	bm_isb();
}

static void irqs_on(void)
{
	__asm__ volatile("msr daifclr, #6" ::: "memory"); /* interrupts and SError */
}

_Noreturn void bm_start(const void *dtb)
{
	this_cpu(0);
	if (!bm_fdt_init(dtb))
		bm_exit(4);
	bm_mmu_init();
	bm_mmu_on();
	paint(0, (uintptr_t)__builtin_frame_address(0) - 256);
	if (!bm_psci_init() || !bm_uart_init())
		bm_exit(4);
	cpus[0].affinity = bm_read("mpidr_el1") & 0xff00ffffffull;
	cpus[0].running = 1;
	if (!bm_timer_init() || !bm_gic_init()) {
		bm_print("no timer or no GICv3 in the device tree\n");
		bm_exit(4);
	}
	bm_gic_init_cpu();
	bm_timer_init_cpu();
	irqs_on();
	bm_exit(bm_main());
}

unsigned bm_cpus(void)
{
	return lz_load32_acquire(&n_cpus);
}

uint64_t bm_cpu_affinity(unsigned cpu)
{
	return cpus[cpu].affinity;
}

static void to_memory(uintptr_t at, size_t size)
{
	uintptr_t line = bm_cache_line(), end = at + size;

	for (at &= ~(line - 1); at < end; at += line)
		__asm__ volatile("dc civac, %0" ::"r"(at) : "memory");
	bm_dsb();
}

static bool start(unsigned cpu, uint64_t affinity)
{
	lz_ns until = bm_now() + LZ_SEC(5);

	cpus[cpu].affinity = affinity;
	cpus[cpu].boot = (struct bm_boot){(uintptr_t)bm_stacks[cpu + 1], cpu};
	paint(cpu, (uintptr_t)bm_stacks[cpu + 1]);
	/* Its caches are off while it reads the one and writes the other. */
	to_memory((uintptr_t)&cpus[cpu].boot, sizeof(cpus[cpu].boot));
	to_memory((uintptr_t)bm_stacks[cpu], BM_STACK_SIZE);
	if (bm_psci(PSCI_CPU_ON, affinity, (uintptr_t)bm_secondary_start,
		    (uintptr_t)&cpus[cpu].boot))
		return false;
	while (!lz_load32_acquire(&cpus[cpu].running))
		if (bm_now() > until)
			return false;
	return true;
}

unsigned bm_cpus_start(void)
{
	unsigned len, n = 1;

	for (int node = -1; (node = bm_fdt_having(node, "device_type", "cpu")) >= 0;) {
		if (!bm_fdt_prop(node, "reg", &len) || n == LZ_MAX_CPUS)
			continue;
		uint64_t affinity = bm_fdt_u64(node, "reg", 0, len / 4);

		if (affinity != cpus[0].affinity && start(n, affinity))
			n++;
	}
	lz_store32_release(&n_cpus, n);
	return n;
}

/* ---- the others: work that is due, or what they are told to do ---- */

/* What wakes it stays pending while interrupts are masked, so nothing is missed. */
static void idle(unsigned cpu)
{
	unsigned long flags = lz_irq_save();

	if (!__atomic_load_n(&cpus[cpu].fn, __ATOMIC_ACQUIRE) && !bm_work_expected())
		__asm__ volatile("dsb sy\n\twfi" ::: "memory");
	lz_irq_restore(flags);
}

_Noreturn void bm_start_secondary(unsigned cpu)
{
	this_cpu(cpu);
	bm_gic_init_cpu();
	bm_timer_init_cpu();
	irqs_on();
	lz_store32_release(&cpus[cpu].running, 1);
	for (;;) {
		void (*fn)(void *) = __atomic_load_n(&cpus[cpu].fn, __ATOMIC_ACQUIRE);

		if (fn) {
			fn(cpus[cpu].arg);
			__atomic_store_n(&cpus[cpu].fn, NULL, __ATOMIC_RELEASE);
		} else {
			bm_work();
			idle(cpu);
		}
	}
}

void bm_cpu_run(unsigned cpu, void (*fn)(void *), void *arg)
{
	lz_assert(cpu && cpu < bm_cpus());
	bm_cpu_wait(cpu);
	cpus[cpu].arg = arg;
	__atomic_store_n(&cpus[cpu].fn, fn, __ATOMIC_RELEASE);
	bm_cpu_wake();
}

void bm_cpu_wait(unsigned cpu)
{
	while (__atomic_load_n(&cpus[cpu].fn, __ATOMIC_ACQUIRE))
		lz_cpu_relax();
}
