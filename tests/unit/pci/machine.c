/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The captured machine: which methods each function has here, against what
 * Linux listed in its reset_method. docs/RESETS.md says why some differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

/* Where our list differs from the capture's `reset=`; docs/RESETS.md names each. */
static const struct exception {
	const char *bdf, *ours;
} exceptions[] = {
	/* Bridges: everything behind them would be hit. */
	{"0000:01:00.0", "flr"},
	{"0000:02:00.0", "flr"},
	{"0000:06:00.0", "flr"},
	{"0000:07:00.0", "flr"},
	{"0000:0d:00.0", "pm"},
	/* Virtual functions: the slot's reset hits the physical one. */
	{"0000:0b:00.1", "flr"},
	{"0000:0b:00.2", "flr"},
	{"0000:0b:00.3", "flr"},
	{"0000:0b:00.4", "flr"},
	/* Not alone on the bus. */
	{"0000:0a:00.0", "flr,pm"},
	{"0000:0e:01.0", ""},
};
#define EXCEPTIONS (sizeof(exceptions) / sizeof(exceptions[0]))

static int exception_of(const char *bdf)
{
	for (size_t i = 0; i < EXCEPTIONS; i++)
		if (!strcmp(exceptions[i].bdf, bdf))
			return (int)i;
	return -1;
}

static unsigned function_of(const char *bdf)
{
	for (unsigned i = 0; i < m.n_functions; i++)
		if (!strcmp(m.functions[i].bdf, bdf))
			return i;
	fail_msg("%s is not in the dump", bdf);
	return 0;
}

static void list_of(unsigned i, char ours[LZ_PCI_METHODS_SIZE])
{
	assert_int_equal(lz_pci_reset_methods_get(&fake[i].dev, ours, LZ_PCI_METHODS_SIZE), LZ_OK);
	for (char *p = ours; *p; p++)
		if (*p == ' ')
			*p = ',';
}

/* "BDF ... reset=LIST ..." of one line of the capture. */
static void split(char *line, const char **bdf, char linuxs[LZ_PCI_METHODS_SIZE])
{
	const char *reset = strstr(line, " reset=");

	assert_non_null(reset);
	assert_int_equal(sscanf(reset, " reset=%63[a-z_,]", linuxs) < 0, 0);
	if (reset[7] == ' ')
		linuxs[0] = '\0';
	*strchr(line, ' ') = '\0';
	*bdf = line;
}

static void methods_are_linuxs_or_a_documented_exception(void **state)
{
	FILE *f = fopen("data/qemu-virt-acpi-server.functions.txt", "r");
	char line[512], linuxs[LZ_PCI_METHODS_SIZE], ours[LZ_PCI_METHODS_SIZE];
	unsigned functions = 0, excepted = 0;
	const char *bdf;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		int e;

		split(line, &bdf, linuxs);
		list_of(function_of(bdf), ours);
		functions++;
		e = exception_of(bdf);
		if (strcmp(ours, e < 0 ? linuxs : exceptions[e].ours) != 0)
			print_error("%s: %s, Linux %s\n", bdf, ours, linuxs);
		assert_string_equal(ours, e < 0 ? linuxs : exceptions[e].ours);
		if (e < 0)
			continue;
		excepted++;
		/* One that agrees by now is none any more. */
		assert_string_not_equal(exceptions[e].ours, linuxs);
	}
	fclose(f);
	assert_int_equal(functions, m.n_functions);
	assert_int_equal(excepted, EXCEPTIONS);
	assert_int_equal(writes, 0); /* H01 */
	print_message("%u functions, %u as in the capture\n", functions, functions - excepted);
}

static void exceptions_are_documented(void **state)
{
	static char text[65536];
	FILE *f = fopen("docs/RESETS.md", "r");

	(void)state;
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 0; i < EXCEPTIONS; i++) {
		const char *at = strstr(text, exceptions[i].bdf + strlen("0000:"));

		if (!at)
			fail_msg("docs/RESETS.md does not say why %s differs", exceptions[i].bdf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(methods_are_linuxs_or_a_documented_exception, start,
						stop),
		cmocka_unit_test(exceptions_are_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
