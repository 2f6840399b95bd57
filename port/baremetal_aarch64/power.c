/* SPDX-License-Identifier: BSD-2-Clause */
/* PSCI (Arm DEN 0022) and the end of the image. */
#include "freestanding.h"
#include "sys.h"

#define PSCI_SYSTEM_OFF 0x84000008u

static bool by_smc;
uint32_t bm_ended;

bool bm_psci_init(void)
{
	int node = bm_fdt_compatible(-1, "arm,psci-1.0");
	const char *method;

	if (node < 0)
		node = bm_fdt_compatible(-1, "arm,psci-0.2");
	method = bm_fdt_prop(node, "method", NULL);
	by_smc = method && bm_streq(method, "smc");
	return method;
}

int64_t bm_psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

	if (by_smc)
		__asm__ volatile("smc #0"
				 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7",
				   "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
				   "x17", "memory");
	else
		__asm__ volatile("hvc #0"
				 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"x4", "x5", "x6", "x7",
				   "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16",
				   "x17", "memory");
	return (int64_t)x0;
}

/* With a debugger or an emulator that listens (semihosting) the code arrives
 * there; without, the instruction is undefined, the exception leads here again,
 * and the machine is switched off. */
_Noreturn void bm_exit(int code)
{
	static uint64_t block[2] = {0x20026, 0}; /* the application has ended */

	if (!lz_fetch_add32(&bm_ended, 1)) {
		register uint64_t x0 __asm__("x0") = 0x18;
		register uint64_t x1 __asm__("x1") = (uintptr_t)block;

		block[1] = (uint64_t)code;
		__asm__ volatile("dsb sy\n\thlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
	}
	(void)bm_psci(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;)
		__asm__ volatile("wfi");
}

_Noreturn void lz_port_panic(const char *what, const char *file, int line)
{
	bm_print("PANIC: %s, %s:%d, cpu %u\n", what, file, line, lz_cpu_id());
	bm_exit(3);
}
