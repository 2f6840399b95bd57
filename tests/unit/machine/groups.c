/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups and reset methods against what Linux chose on two machines. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

/* Functions for which Linux made no group, and what is right instead. */
static const struct {
	const char *bdf;
	int group;
	const char *why;
} without_note[] = {
	{"0000:0e:02.0", 15,
	 "its alias 0x0e00 was taken, the SMMUv3 driver refused the second master"},
	{"0000:80:00.0", -1, "IORT sends bus 80 past the SMMU"},
	{"0000:81:00.0", -1, "IORT sends bus 81 past the SMMU"},
};

static int explained_group(const char *bdf)
{
	for (size_t i = 0; i < sizeof(without_note) / sizeof(without_note[0]); i++)
		if (!strcmp(without_note[i].bdf, bdf))
			return without_note[i].group;
	fail_msg("%s has no note and no explanation", bdf);
	return -1;
}

static void server_groups_are_those_of_linux(void **state)
{
	struct machine m;
	unsigned i, noted = 0;

	(void)state;
	load(&m, SERVER_LSPCI, NULL, SERVER_IORT);
	assert_int_equal(m.n_functions, 47);
	assert_int_equal(m.n_groups, 30);
	for (i = 0; i < m.n_functions; i++) {
		const struct machine_function *f = &m.functions[i];
		int want = f->noted_group;

		if (want == MACHINE_NONE)
			want = explained_group(f->bdf);
		else
			noted++;
		if (group_id(&m, f->bdf) != want)
			fail_msg("%s: group %d, Linux has %d", f->bdf, group_id(&m, f->bdf), want);
	}
	assert_int_equal(noted, 44);
	machine_free(&m);
}

/* The notes only number groups: without them the partition is the same. */
static void notes_do_not_decide_who_is_in_a_group(void **state)
{
	struct machine with, bare;
	size_t len;
	char *text = slurp(SERVER_LSPCI, &len), *p = text;

	(void)state;
	while ((p = strstr(p, "group=")))
		memset(p, ' ', strcspn(p, "\n"));
	load(&with, SERVER_LSPCI, NULL, SERVER_IORT);
	load(&bare, temp_file(text, len), NULL, SERVER_IORT);
	assert_int_equal(with.n_groups, bare.n_groups);
	for (unsigned i = 0; i < with.n_functions; i++) {
		for (unsigned j = 0; j < i; j++)
			assert_int_equal(with.functions[i].group == with.functions[j].group,
					 bare.functions[i].group == bare.functions[j].group);
	}
	machine_free(&with);
	machine_free(&bare);
	free(text);
	temp_remove();
}

/* No driver was loaded for the functions without a note: Linux made them no group. */
static void small_machine_groups_are_those_of_linux(void **state)
{
	struct machine m;
	unsigned i, noted = 0;

	(void)state;
	load(&m, SMALL_LSPCI, SMALL_DTB, NULL);
	assert_int_equal(m.n_functions, 14);
	for (i = 0; i < m.n_functions; i++) {
		if (m.functions[i].noted_group == MACHINE_NONE)
			continue;
		noted++;
		assert_int_equal(group_id(&m, m.functions[i].bdf), m.functions[i].noted_group);
	}
	assert_int_equal(noted, 9);
	/* The two conventional functions send under their bridge's alias. */
	assert_int_equal(group_id(&m, "06:02.0"), group_id(&m, "05:00.0"));
	assert_int_equal(group_id(&m, "06:03.0"), group_id(&m, "05:00.0"));
	machine_free(&m);
}

/* functions.txt: every function's list of methods, in Linux's order. */
static void reset_methods_are_those_of_linux(void **state)
{
	struct machine m;
	size_t len;
	char *text = slurp("data/qemu-virt-acpi-server.functions.txt", &len), *save = NULL;
	unsigned seen = 0;

	(void)state;
	load(&m, SERVER_LSPCI, NULL, SERVER_IORT);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char bdf[16], want[32] = "", got[32];
		const char *reset = strstr(l, " reset="), *pf = strstr(l, " physfn=");

		assert_non_null(reset);
		assert_non_null(pf);
		assert_int_equal(sscanf(l, "%15s", bdf), 1);
		memcpy(want, reset + 7, strcspn(reset + 7, " "));
		machine_reset_names(function(&m, bdf)->reset, got, sizeof(got));
		if (strcmp(want, got))
			fail_msg("%s: \"%s\", Linux has \"%s\"", bdf, got, want);
		assert_int_equal(function(&m, bdf)->is_vf, pf[8] != '\0');
		if (pf[8])
			assert_string_equal(m.functions[function(&m, bdf)->pf].bdf, pf + 8);
		seen++;
	}
	assert_int_equal(seen, 47);
	machine_free(&m);
	free(text);
}

static struct dump d;

/* Without ACS a root port and all below are one group; with it they are not. */
static void a_port_isolates_only_with_acs_enabled(void **state)
{
	static const int acs[] = {ACS_NONE, ACS_OFF, ACS_ON};
	struct machine m;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		dump_begin(&d);
		dump_express(&d, "00:01.0", MACHINE_PCIE_ROOT_PORT, 1, acs[i], false);
		dump_express(&d, "01:00.0", MACHINE_PCIE_ENDPOINT, 0, ACS_NONE, false);
		load(&m, dump_file(&d), NULL, NULL);
		assert_int_equal(m.n_groups, acs[i] == ACS_ON ? 2 : 1);
		machine_free(&m);
	}
	temp_remove();
}

/* One isolating port is not enough when one above it does not isolate. */
static void the_whole_path_must_isolate(void **state)
{
	struct machine m;

	(void)state;
	dump_begin(&d);
	dump_express(&d, "00:01.0", MACHINE_PCIE_ROOT_PORT, 1, ACS_OFF, false);
	dump_express(&d, "01:00.0", MACHINE_PCIE_UPSTREAM, 2, ACS_NONE, false);
	dump_express(&d, "02:00.0", MACHINE_PCIE_DOWNSTREAM, 3, ACS_ON, false);
	dump_express(&d, "03:00.0", MACHINE_PCIE_ENDPOINT, 0, ACS_NONE, false);
	load(&m, dump_file(&d), NULL, NULL);
	assert_int_equal(m.n_groups, 1);
	machine_free(&m);
	temp_remove();
}

/* Functions of one device that do not isolate themselves; the one that does is apart. */
static void functions_of_a_slot_share_without_acs(void **state)
{
	struct machine m;

	(void)state;
	dump_begin(&d);
	dump_express(&d, "00:01.0", MACHINE_PCIE_ROOT_PORT, 1, ACS_ON, false);
	dump_express(&d, "01:00.0", MACHINE_PCIE_ENDPOINT, 0, ACS_NONE, true);
	dump_express(&d, "01:00.1", MACHINE_PCIE_ENDPOINT, 0, ACS_OFF, false);
	dump_express(&d, "01:00.2", MACHINE_PCIE_ENDPOINT, 0, ACS_ON, false);
	load(&m, dump_file(&d), NULL, NULL);
	assert_int_equal(group_id(&m, "01:00.0"), group_id(&m, "01:00.1"));
	assert_int_not_equal(group_id(&m, "01:00.0"), group_id(&m, "01:00.2"));
	assert_int_not_equal(group_id(&m, "00:01.0"), group_id(&m, "01:00.0"));
	machine_free(&m);
	temp_remove();
}

/* A conventional bridge passes requests on under its own id, a PCIe-to-PCI
 * bridge under device 0 of its secondary bus. */
static void bridges_give_aliases(void **state)
{
	struct machine m;

	(void)state;
	dump_begin(&d);
	dump_express(&d, "00:01.0", MACHINE_PCIE_ROOT_PORT, 1, ACS_ON, false);
	dump_express(&d, "01:00.0", MACHINE_PCIE_TO_PCI, 2, ACS_NONE, false);
	dump_conventional(&d, "02:00.0", 0);
	dump_conventional(&d, "02:03.0", 3);
	dump_conventional(&d, "03:01.0", 0);
	load(&m, dump_file(&d), NULL, NULL);
	assert_int_equal(function(&m, "02:00.0")->n_stream_ids, 1);
	assert_int_equal(function(&m, "02:00.0")->stream_ids[0], 0x0200);
	assert_int_equal(function(&m, "03:01.0")->n_stream_ids, 3);
	assert_int_equal(function(&m, "03:01.0")->stream_ids[0], 0x0308);
	assert_int_equal(function(&m, "03:01.0")->stream_ids[1], 0x0218);
	assert_int_equal(function(&m, "03:01.0")->stream_ids[2], 0x0200);
	assert_int_equal(m.n_groups, 2);
	assert_int_equal(group_id(&m, "03:01.0"), group_id(&m, "01:00.0"));
	machine_free(&m);
	temp_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_groups_are_those_of_linux),
		cmocka_unit_test(notes_do_not_decide_who_is_in_a_group),
		cmocka_unit_test(small_machine_groups_are_those_of_linux),
		cmocka_unit_test(reset_methods_are_those_of_linux),
		cmocka_unit_test(a_port_isolates_only_with_acs_enabled),
		cmocka_unit_test(the_whole_path_must_isolate),
		cmocka_unit_test(functions_of_a_slot_share_without_acs),
		cmocka_unit_test(bridges_give_aliases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
