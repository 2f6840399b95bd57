/* SPDX-License-Identifier: BSD-2-Clause */
/* IORT: real tables, one compiled from source, and damaged ones. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

static struct dump d;

static const char *two_smmus(void)
{
	static char name[512];
	const char *root = getenv("BUILD_ROOT");

	snprintf(name, sizeof(name), "%s/tests/unit/machine/two_smmus.aml", root ? root : ".");
	return name;
}

static void the_server_table_is_read(void **state)
{
	struct machine m;

	(void)state;
	load(&m, SERVER_LSPCI, NULL, SERVER_IORT);
	assert_int_equal(m.n_smmus, 1);
	assert_int_equal(m.smmus[0].base, 0x9050000);
	assert_int_equal(m.smmus[0].eventq_irq, 106);
	assert_int_equal(m.smmus[0].priq_irq, 107);
	assert_int_equal(m.smmus[0].cmdq_irq, 108);
	assert_int_equal(m.smmus[0].gerror_irq, 109);
	assert_int_equal(function(&m, "42:00.0")->stream_ids[0], 0x4200);
	assert_int_equal(function(&m, "0e:01.0")->stream_ids[1], 0x0e00);
	assert_int_equal(function(&m, "0e:02.0")->stream_ids[1], 0x0e00);
	assert_int_equal(function(&m, "81:00.0")->smmu, MACHINE_NONE);
	assert_int_equal(function(&m, "81:00.0")->n_stream_ids, 0);
	machine_free(&m);
}

/* The counts of QEMU 7.2 are one too large in three mappings, those of 10.0 are
 * not; both describe the same machine, and the first is commented on. */
static void counts_of_both_kinds_mean_the_same(void **state)
{
	struct machine a, b;

	(void)state;
	load(&a, SERVER_LSPCI, NULL, SERVER_IORT);
	load(&b, SERVER_LSPCI, NULL, "data/qemu-10.0-virt-acpi-server.iort");
	assert_int_equal(a.n_notes, 3);
	assert_int_equal(b.n_notes, 0);
	for (unsigned i = 0; i < a.n_functions; i++) {
		assert_int_equal(a.functions[i].smmu, b.functions[i].smmu);
		assert_int_equal(a.functions[i].n_stream_ids, b.functions[i].n_stream_ids);
		assert_memory_equal(a.functions[i].stream_ids, b.functions[i].stream_ids,
				    sizeof(a.functions[i].stream_ids));
	}
	machine_free(&a);
	machine_free(&b);
}

/* The first id behind a range with such a count belongs to the next range. */
static void the_id_at_the_edge_goes_to_the_range_that_starts_there(void **state)
{
	struct machine m;

	(void)state;
	dump_begin(&d);
	dump_conventional(&d, "12:1f.7", 0);
	dump_conventional(&d, "13:00.0", 0);
	dump_conventional(&d, "40:00.0", 0);
	dump_conventional(&d, "43:00.0", 0);
	load(&m, dump_file(&d), NULL, SERVER_IORT);
	assert_int_equal(function(&m, "12:1f.7")->smmu, 0);
	assert_int_equal(function(&m, "13:00.0")->smmu, MACHINE_NONE);
	assert_int_equal(function(&m, "40:00.0")->smmu, 0);
	assert_int_equal(function(&m, "43:00.0")->smmu, MACHINE_NONE);
	machine_free(&m);
	temp_remove();
}

static void segments_offsets_and_the_ats_attribute(void **state)
{
	const struct machine_function *f;
	struct machine m;

	(void)state;
	dump_begin(&d);
	dump_conventional(&d, "0000:0f:1f.7", 0);
	dump_conventional(&d, "0000:10:00.0", 0);
	dump_conventional(&d, "0001:00:00.0", 0);
	dump_conventional(&d, "0001:00:01.0", 0);
	dump_conventional(&d, "0002:00:00.0", 0);
	load(&m, dump_file(&d), NULL, two_smmus());
	assert_int_equal(m.n_smmus, 2);
	assert_int_equal(m.smmus[1].base, 0x102b400000);
	assert_int_equal(m.smmus[1].cmdq_irq, 0x83);
	f = function(&m, "0000:0f:1f.7");
	assert_int_equal(f->smmu, 0);
	assert_int_equal(f->stream_ids[0], 0x10fff);
	assert_true(f->ats_platform);
	assert_int_equal(function(&m, "0000:10:00.0")->smmu, MACHINE_NONE);
	f = function(&m, "0001:00:01.0");
	assert_int_equal(f->smmu, 1);
	assert_int_equal(f->stream_ids[0], 7);
	assert_false(f->ats_platform);
	assert_int_equal(function(&m, "0002:00:00.0")->smmu, MACHINE_NONE);
	machine_free(&m);
	temp_remove();
}

/* ATS needs both: the capability and the platform's word. */
static void ats_needs_capability_and_platform(void **state)
{
	struct machine m;

	(void)state;
	load(&m, SERVER_LSPCI, NULL, two_smmus());
	assert_true(machine_ats_usable(function(&m, "03:00.0")));
	assert_true(function(&m, "0b:00.0")->ats_platform);
	assert_false(machine_ats_usable(function(&m, "0b:00.0")));
	/* Bus 10 goes past the SMMU in that table. */
	assert_false(machine_ats_usable(function(&m, "10:00.0")));
	machine_free(&m);
}

static void every_cut_is_refused(void **state)
{
	size_t len, cut;
	char *t = slurp(SERVER_IORT, &len);

	(void)state;
	for (cut = 0; cut < len; cut++)
		load_fails(NULL, NULL, temp_file(t, cut), "expected");
	free(t);
	temp_remove();
}

static void seal(char *t, size_t len)
{
	unsigned char sum = 0;

	t[9] = 0;
	for (size_t i = 0; i < len; i++)
		sum = (unsigned char)(sum + (unsigned char)t[i]);
	t[9] = (char)-sum;
}

/* With the checksum put right, each damage is found where it is. */
static void damage_is_found_where_it_is(void **state)
{
	static const struct {
		unsigned at;
		unsigned char value;
		const char *what;
	} damages[] = {
		{36, 9, "expected node 3 of 9"},		  /* node count */
		{40, 0, "0x28: expected the first node"},	  /* inside the header */
		{0x31, 0x0f, "0x31: expected a node length"},	  /* shorter than a header */
		{0x33 - 1, 0xff, "0x31: expected a node length"}, /* past the end */
		{0x40, 2, "0x40: expected the ITS list"},	  /* ITS count */
		{0x49, 0x20, "0x49: expected a node of at least 60"},
		{0xa8, 5, "0xa8: expected 5 id mappings"},
		{0xac, 0xff, "0xa8: expected 4 id mappings"},
		{0xd0, 0x49, "0xd0: expected the offset of a node"},
		{0xd0, 0xa0, "0xd0: expected an SMMU or ITS node"},
		{0xcb, 0xff, NULL}, /* a count of 0xff001300: odd, but it fits */
		{0, 'X', "0x0: expected an IORT"},
		{4, 0x15, "0x4: expected a table of 277 bytes"},
	};
	size_t len;
	char *t = slurp(SERVER_IORT, &len), *copy = malloc(len);
	struct machine m;

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		memcpy(copy, t, len);
		copy[damages[i].at] = (char)damages[i].value;
		if (damages[i].at >= 36)
			load_fails(NULL, NULL, temp_file(copy, len), "0x9: expected a checksum");
		seal(copy, len);
		if (damages[i].what) {
			load_fails(NULL, NULL, temp_file(copy, len), damages[i].what);
			continue;
		}
		load(&m, NULL, NULL, temp_file(copy, len));
		machine_free(&m);
	}
	free(copy);
	free(t);
	temp_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_server_table_is_read),
		cmocka_unit_test(counts_of_both_kinds_mean_the_same),
		cmocka_unit_test(the_id_at_the_edge_goes_to_the_range_that_starts_there),
		cmocka_unit_test(segments_offsets_and_the_ats_attribute),
		cmocka_unit_test(ats_needs_capability_and_platform),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(damage_is_found_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
