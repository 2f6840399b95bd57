/* SPDX-License-Identifier: BSD-2-Clause */
/* Device trees with a RISC-V IOMMU: written ones, changed ones, and what a scenario makes of them.
 */
#include "common.h"

#include <jansson.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int host, iommu;

static void open_tree(void)
{
	tree_open(tree_fixture("riscv"));
	host = tree_node("/pci@30000000");
	iommu = tree_node("/iommu@3010000");
}

static void open_pci_tree(void)
{
	tree_open(tree_fixture("riscv_pci"));
	host = tree_node("/pci@30000000");
	iommu = tree_node("/pci@30000000/iommu@5,0");
}

static unsigned phandle(void)
{
	return fdt_get_phandle(tree, iommu);
}

static void on_the_bus_of_the_processors(void **state)
{
	struct machine m;

	(void)state;
	load(&m, SMALL_LSPCI, tree_fixture("riscv"), NULL);
	assert_int_equal(machine_iommu_kind(&m), MACHINE_RISCV);
	assert_int_equal(m.n_smmus, 1);
	assert_int_equal(m.smmus[0].kind, MACHINE_RISCV);
	assert_int_equal(m.smmus[0].base, 0x3010000);
	assert_string_equal(m.smmus[0].function, "");
	assert_int_equal(m.smmus[0].n_vectors, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(m.smmus[0].vectors[i], 36 + i);
	assert_int_equal(function(&m, "01:00.0")->stream_ids[0], 0x100);
	assert_int_equal(function(&m, "02:00.0")->stream_ids[0], 0x8200);
	assert_true(machine_ats_usable(function(&m, "02:00.0")));
	assert_int_equal(function(&m, "04:00.0")->smmu, MACHINE_NONE);
	assert_int_equal(function(&m, "04:00.0")->group, MACHINE_NONE);
	machine_free(&m);
}

static void a_pci_function_itself(void **state)
{
	struct machine m;

	(void)state;
	load(&m, SMALL_LSPCI, tree_fixture("riscv_pci"), NULL);
	assert_int_equal(m.n_smmus, 1);
	assert_int_equal(m.smmus[0].kind, MACHINE_RISCV);
	assert_string_equal(m.smmus[0].function, "0000:00:05.0");
	assert_int_equal(m.smmus[0].base, 0);
	assert_int_equal(m.smmus[0].n_vectors, 0);
	assert_int_equal(function(&m, "00:05.0")->smmu, MACHINE_NONE);
	assert_int_equal(function(&m, "00:08.0")->stream_ids[0], 0x40);
	assert_false(machine_ats_usable(function(&m, "02:00.0")));
	machine_free(&m);
}

/* The segment is the host bridge's, and bus, device and function are those of reg. */
static void its_name_as_a_function(void **state)
{
	struct machine m;
	int first;

	(void)state;
	open_pci_tree();
	set_cells(iommu, "reg", 5, 0x123a00u, 0u, 0u, 0u, 0u);
	set_cells(host, "linux,pci-domain", 1, 3u);
	load(&m, NULL, tree_file(), NULL);
	assert_string_equal(m.smmus[0].function, "0003:12:07.2");
	machine_free(&m);
	/* The second host bridge that does not say its segment has number 1. */
	open_pci_tree();
	assert_int_equal(fdt_delprop(tree, host, "linux,pci-domain"), 0);
	first = fdt_add_subnode(tree, 0, "pci@20000000");
	assert_true(first > 0);
	assert_int_equal(fdt_setprop_string(tree, first, "device_type", "pci"), 0);
	load(&m, NULL, tree_file(), NULL);
	assert_string_equal(m.smmus[0].function, "0001:00:05.0");
	machine_free(&m);
	temp_remove();
}

static void device_ids_have_24_bits(void **state)
{
	struct machine m;

	(void)state;
	open_tree();
	set_cells(host, "iommu-map", 4, 0u, phandle(), 0xff0000u, 0x10000u);
	load(&m, SMALL_LSPCI, tree_file(), NULL);
	assert_int_equal(function(&m, "02:00.0")->stream_ids[0], 0xff0200);
	machine_free(&m);
	open_tree();
	set_cells(host, "iommu-map", 4, 0u, phandle(), 0xff0001u, 0x10000u);
	load_fails(NULL, tree_file(), NULL, "RISC-V device ids of at most 24 bits");
	temp_remove();
}

static void a_mask_is_applied_first(void **state)
{
	struct machine m;

	(void)state;
	open_tree();
	set_cells(host, "iommu-map-mask", 1, 0xff00u);
	set_cells(host, "iommu-map", 4, 0x500u, phandle(), 0x7700u, 0x200u);
	load(&m, SMALL_LSPCI, tree_file(), NULL);
	assert_int_equal(function(&m, "06:03.0")->stream_ids[0], 0x7800);
	assert_int_equal(function(&m, "02:00.0")->smmu, MACHINE_NONE);
	machine_free(&m);
	temp_remove();
}

static void shared_vectors(void **state)
{
	struct machine m;

	(void)state;
	open_tree();
	set_cells(iommu, "interrupts", 2, 32u, 4u);
	load(&m, NULL, tree_file(), NULL);
	assert_int_equal(m.smmus[0].n_vectors, 1);
	assert_int_equal(m.smmus[0].vectors[0], 32);
	machine_free(&m);
	temp_remove();
}

static void bad_maps_are_named(void **state)
{
	(void)state;
	open_tree();
	set_cells(host, "iommu-map", 4, 0u, 0x7777u, 0u, 0x100u);
	load_fails(NULL, tree_file(), NULL, "map entries that name a node in pci@30000000");
	open_tree();
	set_cells(host, "iommu-map", 8, 0u, phandle(), 0u, 0x201u, 0x200u, phandle(), 0x200u,
		  0x100u);
	load_fails(NULL, tree_file(), NULL, "iommu-map entries that do not overlap");
	open_tree();
	set_cells(host, "iommu-map", 8, 0x200u, phandle(), 0u, 0x100u, 0u, phandle(), 0x200u,
		  0x10000u);
	load_fails(NULL, tree_file(), NULL, "iommu-map entries that do not overlap");
	open_tree();
	set_cells(host, "iommu-map-mask", 1, 0xffu);
	load_fails(NULL, tree_file(), NULL, "an iommu-map within iommu-map-mask");
	open_tree();
	set_cells(host, "iommu-map-mask", 2, 0u, 0xffffu);
	load_fails(NULL, tree_file(), NULL, "iommu-map-mask of one cell");
	temp_remove();
}

static void bad_iommus_are_named(void **state)
{
	(void)state;
	open_tree();
	assert_int_equal(fdt_delprop(tree, iommu, "reg"), 0);
	load_fails(NULL, tree_file(), NULL, "reg with the address");
	open_tree();
	set_cells(iommu, "#iommu-cells", 1, 2u);
	load_fails(NULL, tree_file(), NULL, "#iommu-cells of 1 in iommu@3010000");
	open_tree();
	set_cells(iommu, "interrupts", 3, 36u, 1u, 37u);
	load_fails(NULL, tree_file(), NULL, "interrupts in whole specifiers of a controller");
	open_tree();
	set_cells(iommu, "interrupts", 10, 1u, 1u, 2u, 1u, 3u, 1u, 4u, 1u, 5u, 1u);
	load_fails(NULL, tree_file(), NULL, "at most 4 interrupts");
	open_tree();
	assert_int_equal(fdt_delprop(tree, iommu, "interrupt-parent"), 0);
	load_fails(NULL, tree_file(), NULL, "interrupts in whole specifiers of a controller");
	open_pci_tree();
	set_cells(iommu, "reg", 5, 0x02002800u, 0u, 0u, 0u, 0u);
	load_fails(NULL, tree_file(), NULL, "reg with bus, device and function in iommu@5,0");
	open_pci_tree();
	set_cells(iommu, "reg", 2, 0x2800u, 0u);
	load_fails(NULL, tree_file(), NULL, "reg with bus, device and function");
	open_tree();
	assert_int_equal(fdt_setprop_string(tree, iommu, "compatible", "riscv,pci-iommu"), 0);
	load_fails(NULL, tree_file(), NULL, "a PCI bridge above riscv,pci-iommu");
	temp_remove();
}

static void two_kinds_are_refused(void **state)
{
	int node;

	(void)state;
	open_tree();
	node = fdt_add_subnode(tree, 0, "smmu@4000000");
	assert_true(node > 0);
	assert_int_equal(fdt_setprop_string(tree, node, "compatible", "arm,smmu-v3"), 0);
	set_cells(node, "reg", 4, 0u, 0x4000000u, 0u, 0x20000u);
	set_cells(node, "#iommu-cells", 1, 1u);
	load_fails(NULL, tree_file(), NULL, "IOMMUs of one kind, not SMMUv3 and RISC-V");
	temp_remove();
}

static void each_cut_is_refused(void **state)
{
	size_t len, cut;
	char *t = slurp(tree_fixture("riscv"), &len);

	(void)state;
	for (cut = 0; cut < len; cut += 7)
		load_fails(NULL, temp_file(t, cut), NULL, "expected a whole flattened device tree");
	free(t);
	temp_remove();
}

/* ---- the commands ---- */

static char output[100000];

static int lazaret(const char *args)
{
	char cmd[1024];
	FILE *p;
	size_t n;

	snprintf(cmd, sizeof(cmd), "'%s' %s 2>&1", getenv("LAZARET"), args);
	p = popen(cmd, "r");
	assert_non_null(p);
	n = fread(output, 1, sizeof(output) - 1, p);
	output[n] = '\0';
	return WEXITSTATUS(pclose(p));
}

static void says(const char *what)
{
	if (!strstr(output, what))
		fail_msg("\"%s\" does not contain \"%s\"", output, what);
}

static void the_command_shows_it(void **state)
{
	char args[700];
	json_t *j, *s;

	(void)state;
	snprintf(args, sizeof(args), "machine --lspci " SMALL_LSPCI " --dtb %s",
		 tree_fixture("riscv"));
	assert_int_equal(lazaret(args), 0);
	says("RISC-V IOMMU at 0x3010000: interrupts 36, 37, 38, 39\n");
	says("not behind an IOMMU");
	snprintf(args, sizeof(args), "machine --dtb %s", tree_fixture("riscv_pci"));
	assert_int_equal(lazaret(args), 0);
	says("RISC-V IOMMU as PCI function 0000:00:05.0: interrupts by messages\n");
	strcat(args, " --json");
	assert_int_equal(lazaret(args), 0);
	j = json_loads(output, 0, NULL);
	assert_non_null(j);
	s = json_array_get(json_object_get(j, "smmus"), 0);
	assert_string_equal(json_string_value(json_object_get(s, "kind")), "riscv");
	assert_string_equal(json_string_value(json_object_get(s, "function")), "0000:00:05.0");
	assert_int_equal(json_array_size(json_object_get(s, "interrupts")), 0);
	json_decref(j);
}

/* A scenario on a tree, with one more key of machine and one more fault. */
static int run_on(const char *dtb, const char *key, const char *fault, const char *options)
{
	char text[3000], args[200], here[512];

	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(text, sizeof(text),
		 "machine:\n"
		 "  lspci: %s/" SMALL_LSPCI "\n"
		 "  dtb: %s\n"
		 "%s"
		 "domains:\n"
		 "  - {name: d, devices: [\"0000:02:00.0\", \"0000:03:00.0\"]}\n"
		 "workload:\n"
		 "  - {generate: random, domain: d, maps: 200, seed: 7}\n"
		 "faults:\n"
		 "  - {at: 50%%, device: \"0000:02:00.0\", kind: atc_silent}\n"
		 "%s"
		 "software: {policy: [port_block, global_abort]}\n"
		 "recovery: {owner: none}\n"
		 "expect: {quarantined: [\"0000:02:00.0\"]}\n",
		 here, dtb, key, fault);
	snprintf(args, sizeof(args), "run %s %s", options, temp_text(text));
	return lazaret(args);
}

static int run(const char *key, const char *fault, const char *options)
{
	char dtb[512];

	assert_non_null(realpath(tree_fixture("riscv"), dtb));
	return run_on(dtb, key, fault, options);
}

static void a_scenario_takes_it_from_the_tree(void **state)
{
	(void)state;
	assert_int_equal(run("", "", ""), 0);
	says("behind the RISC-V IOMMU");
	assert_int_equal(run("  iommu: riscv\n", "", ""), 0);
	says("behind the RISC-V IOMMU");
	assert_int_equal(run("", "", "--regime all --quiet"), 0);
	temp_remove();
}

static void a_contradiction_is_one_line(void **state)
{
	static const char what[] = ":3: the device tree has a RISC-V IOMMU; expected iommu: riscv";

	(void)state;
	assert_int_equal(run("  iommu: smmuv3\n", "", ""), 2);
	says(what);
	assert_int_equal(strcspn(output, "\n") + 1, strlen(output));
	assert_int_equal(run("", "", "--iommu smmuv3"), 2);
	says(what);
	assert_int_equal(run("", "  - {at: 60%, kind: sfm}\n", ""), 2);
	says("a RISC-V IOMMU has no sfm");
	temp_remove();
}

/* The captured machine's ids moved, behind whichever IOMMU the options choose. */
static int run_moved(unsigned first, const char *options)
{
	char dtb[64];
	int code;

	tree_open(SMALL_DTB);
	host = tree_node("/pcie@10000000");
	set_cells(host, "iommu-map", 4, 0u, 0x8004u, first, 0x10000u);
	/* The scenario is a temporary file of the same name. */
	snprintf(dtb, sizeof(dtb), "%s.dtb", tree_file());
	assert_int_equal(rename(tree_file(), dtb), 0);
	code = run_on(dtb, "  ats: capable\n", "", options);
	unlink(dtb);
	temp_remove();
	return code;
}

/* What the driver's tables reach, a run does too; a device beyond would never be reached. */
static void ids_that_no_table_has_are_told(void **state)
{
	(void)state;
	assert_int_equal(run_moved(0x1ff0000, ""), 0);
	assert_int_equal(run_moved(0x2000000, ""), 2);
	says(":3: expected stream ids of at most 25 bits, not 0x2000000 of 0000:00:00.0");
	assert_int_equal(run_moved(0xff0000, "--iommu riscv"), 0);
	assert_int_equal(run_moved(0x1000000, "--iommu riscv"), 2);
	says(":3: expected device ids of at most 24 bits, not 0x1000000 of 0000:00:00.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_the_bus_of_the_processors),
		cmocka_unit_test(a_pci_function_itself),
		cmocka_unit_test(its_name_as_a_function),
		cmocka_unit_test(device_ids_have_24_bits),
		cmocka_unit_test(a_mask_is_applied_first),
		cmocka_unit_test(shared_vectors),
		cmocka_unit_test(bad_maps_are_named),
		cmocka_unit_test(bad_iommus_are_named),
		cmocka_unit_test(two_kinds_are_refused),
		cmocka_unit_test(each_cut_is_refused),
		cmocka_unit_test(the_command_shows_it),
		cmocka_unit_test(a_scenario_takes_it_from_the_tree),
		cmocka_unit_test(a_contradiction_is_one_line),
		cmocka_unit_test(ids_that_no_table_has_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
