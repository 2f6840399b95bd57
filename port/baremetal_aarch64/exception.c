/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions that nobody expects: where, why, every register, and the end. */
#include "sys.h"

struct frame {
	uint64_t x[31], elr, spsr;
};

void bm_exception(struct frame *f, unsigned kind);

static struct {
	bool armed, hit;
} probes[LZ_MAX_CPUS];

static const char *class_name(unsigned ec)
{
	switch (ec) {
	case 0x00:
		return "undefined instruction";
	case 0x07:
		return "SIMD or floating point";
	case 0x0e:
		return "illegal execution state";
	case 0x20:
	case 0x21:
		return "instruction abort";
	case 0x22:
		return "PC alignment";
	case 0x24:
	case 0x25:
		return "data abort";
	case 0x26:
		return "SP alignment";
	case 0x3c:
		return "breakpoint instruction";
	default:
		return "other";
	}
}

/* A probe's load is stepped over; everything else ends the image. */
void bm_exception(struct frame *f, unsigned kind)
{
	static const char *const what[] = {"synchronous", "IRQ", "FIQ", "SError"};
	uint64_t esr = bm_read(BM_AT(esr));
	unsigned cpu = lz_cpu_id();

	if (lz_load32(&bm_ended))
		bm_exit(2);
	if (kind == 4 && esr >> 26 == 0x25 && probes[cpu].armed) {
		probes[cpu].hit = true;
		f->elr += 4;
		return;
	}
	bm_print("\nEXCEPTION on cpu %u: %s (vector %u): %s\n", cpu, what[kind & 3], kind,
		 class_name((unsigned)(esr >> 26 & 0x3f)));
	bm_print("  esr %016lx  far %016lx  elr %016lx (image + 0x%lx)\n  spsr %08lx  sp %016lx\n",
		 esr, bm_read(BM_AT(far)), f->elr, f->elr - (uintptr_t)bm_image_start, f->spsr,
		 (uintptr_t)(f + 1));
	for (unsigned i = 0; i < 31; i++)
		bm_print("  x%-2u %016lx%s", i, f->x[i], i % 4 == 3 || i == 30 ? "\n" : "");
	bm_exit(2);
}

bool bm_probe32(uint64_t at, uint32_t *v)
{
	unsigned long flags = lz_irq_save();
	unsigned cpu = lz_cpu_id();
	uint32_t value = 0;

	probes[cpu].hit = false;
	probes[cpu].armed = true;
	__asm__ volatile("ldr %w0, [%1]\n\tdsb sy" : "+r"(value) : "r"(at) : "memory");
	probes[cpu].armed = false;
	*v = value;
	lz_irq_restore(flags);
	return !*(volatile bool *)&probes[cpu].hit;
}
