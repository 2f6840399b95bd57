/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The captured machine: which methods each function has here, against what
 * Linux listed in its reset_method. docs/RESETS.md says why some differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "functions.h"
#include "lazaret-model/endpoint.h"
#include "machine/machine.h"
#include "tests/unit/pci/core.h"

#define MAX_FUNCTIONS 64u

static struct machine m;
static struct fake fake[MAX_FUNCTIONS];
static struct lzm_ep *ep[MAX_FUNCTIONS];
static struct lz_pci_access access_of[MAX_FUNCTIONS];
static unsigned writes;

static uint64_t no_time(void *ctx)
{
	(void)ctx;
	return 0;
}

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	return lzm_ep_cfg_read(ctx, off, width);
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	writes++;
	lzm_ep_cfg_write(ctx, off, width, v);
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	writes += ns != 0;
}

static bool is_alone(unsigned index)
{
	const struct machine_function *f = &m.functions[index];

	for (unsigned i = 0; i < m.n_functions; i++) {
		const struct machine_function *o = &m.functions[i];

		if (o != f && o->segment == f->segment && o->bus == f->bus &&
		    !(o->is_vf && o->pf == (int)index))
			return false;
	}
	return true;
}

static void build(unsigned i)
{
	static const struct lzm_ep_link link = {.now = no_time};
	const struct machine_function *f = &m.functions[i];
	const struct lzm_ep_config cfg = {
		.name = f->bdf,
		.config = f->config,
		.config_len = f->config_len,
		.vendor = f->vendor,
		.device = f->device,
		.pf = f->is_vf ? ep[f->pf] : NULL,
	};

	ep[i] = lzm_ep_create(&cfg, &link);
	assert_non_null(ep[i]);
	access_of[i] = (struct lz_pci_access){
		.ctx = ep[i],
		.read = pci_read,
		.write = pci_write,
		.sleep = pci_sleep,
		.upstream = f->upstream == MACHINE_NONE ? NULL : &access_of[f->upstream],
		.vendor = f->vendor,
		.device = f->device,
		.alone = is_alone(i),
	};
	fake_device(&fake[i], f->bdf, &access_of[i], f->is_vf ? &fake[f->pf].dev : NULL);
}

static int start(void **state)
{
	char err[256];

	(void)state;
	assert_int_equal(machine_load(&m, "data/qemu-virt-acpi-server.lspci", NULL,
				      "data/qemu-virt-acpi-server.iort", err, sizeof(err)),
			 0);
	assert_true(m.n_functions <= MAX_FUNCTIONS);
	fake_start();
	writes = 0;
	for (unsigned i = 0; i < m.n_functions; i++)
		build(i);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (unsigned i = m.n_functions; i--;)
		lzm_ep_destroy(ep[i]);
	machine_free(&m);
	return 0;
}

/* Why our list has no `bus` where Linux's has; docs/RESETS.md. */
enum why { SAME, BRIDGE, VF_IN_SLOT, NOT_ALONE, WHYS };

static enum why why_no_bus(const struct machine_function *f)
{
	if (!(f->reset & MACHINE_RESET_BUS))
		return SAME;
	if (f->is_bridge)
		return BRIDGE;
	if (f->is_vf)
		return VF_IN_SLOT;
	return is_alone((unsigned)(f - m.functions)) ? SAME : NOT_ALONE;
}

/* Linux's list is the machine's; another test compares that with the capture. */
static void methods_are_linuxs_but_for_buses(void **state)
{
	static const unsigned expected[WHYS] = {36, 5, 4, 2};
	unsigned n[WHYS] = {0};

	(void)state;
	for (unsigned i = 0; i < m.n_functions; i++) {
		const struct machine_function *f = &m.functions[i];
		char ours[LZ_PCI_METHODS_SIZE], linuxs[LZ_PCI_METHODS_SIZE];
		enum why why = why_no_bus(f);
		unsigned want = f->reset;

		n[why]++;
		if (why != SAME)
			want &= ~(unsigned)MACHINE_RESET_BUS;
		machine_reset_names(want, linuxs, sizeof(linuxs));
		assert_int_equal(lz_pci_reset_methods_get(&fake[i].dev, ours, sizeof(ours)), LZ_OK);
		for (char *p = ours; *p; p++)
			if (*p == ' ')
				*p = ',';
		if (strcmp(ours, linuxs))
			print_error("%s: %s, Linux %s\n", f->bdf, ours, linuxs);
		assert_string_equal(ours, linuxs);
	}
	assert_memory_equal(n, expected, sizeof(n));
	assert_int_equal(writes, 0); /* H01 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(methods_are_linuxs_but_for_buses, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
