/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of the suites that needs no hardware, on the template port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host.h"
#include "template.h"

void host_run(void (*setup)(void *arg), void (*body)(void *arg), void *arg)
{
	setup(arg);
	body(arg);
	assert_int_equal(lz_template_used(), 0);
}

const struct lz_port *host_port(void)
{
	return lz_template_port();
}

uintptr_t host_registers(uint8_t fill)
{
	static uint8_t registers[0x20000] __attribute__((aligned(8)));

	memset(registers, fill, sizeof(registers));
	return (uintptr_t)registers;
}
