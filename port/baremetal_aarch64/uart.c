/* SPDX-License-Identifier: BSD-2-Clause */
/* PL011, for output only (Arm DDI 0183). */
#include "sys.h"

#define DR	0x00u
#define FR	0x18u
#define FR_TXFF (1u << 5)
#define CR	0x30u
#define CR_ON	0x101u /* enable, transmit */

static uintptr_t base;

bool bm_uart_init(void)
{
	uint64_t at, size;

	if (!bm_fdt_reg(bm_fdt_compatible(-1, "arm,pl011"), 0, &at, &size) ||
	    !bm_map_device(at, size))
		return false;
	base = at;
	bm_put32(base + CR, bm_get32(base + CR) | CR_ON);
	return true;
}

static void out(char c)
{
	while (bm_get32(base + FR) & FR_TXFF)
		;
	bm_put32(base + DR, (uint8_t)c);
}

void bm_putc(char c)
{
	if (!base)
		return;
	if (c == '\n')
		out('\r');
	out(c);
}
