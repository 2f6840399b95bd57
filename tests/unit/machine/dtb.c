/* SPDX-License-Identifier: BSD-2-Clause */
/* Device trees: the captured one, changed ones and damaged ones. */
#include "common.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

static int host, smmu;

static void open_tree(void)
{
	tree_open(SMALL_DTB);
	host = tree_node("/pcie@10000000");
	smmu = tree_node("/smmuv3@9050000");
}

static void the_captured_tree_is_read(void **state)
{
	struct machine m;

	(void)state;
	load(&m, SMALL_LSPCI, SMALL_DTB, NULL);
	assert_int_equal(m.n_smmus, 1);
	assert_int_equal(m.smmus[0].base, 0x9050000);
	/* SPIs 0x4a to 0x4d, numbered as the interrupt controller does: 32 more. */
	assert_int_equal(m.smmus[0].eventq_irq, 106);
	assert_int_equal(m.smmus[0].priq_irq, 107);
	assert_int_equal(m.smmus[0].cmdq_irq, 108);
	assert_int_equal(m.smmus[0].gerror_irq, 109);
	assert_int_equal(function(&m, "02:00.0")->stream_ids[0], 0x0200);
	assert_true(function(&m, "02:00.0")->ats);
	assert_false(machine_ats_usable(function(&m, "02:00.0")));
	assert_false(function(&m, "03:00.0")->ats);
	machine_free(&m);
}

static void ats_supported_lets_functions_use_it(void **state)
{
	struct machine m;

	(void)state;
	open_tree();
	assert_int_equal(fdt_setprop(tree, host, "ats-supported", "", 0), 0);
	load(&m, SMALL_LSPCI, tree_file(), NULL);
	assert_true(machine_ats_usable(function(&m, "02:00.0")));
	assert_false(machine_ats_usable(function(&m, "03:00.0")));
	machine_free(&m);
	temp_remove();
}

/* Two ranges with a gap: the first moved, the gap past the SMMU. */
static void iommu_map_ranges_are_followed(void **state)
{
	struct machine m;

	(void)state;
	open_tree();
	set_cells(host, "iommu-map", 8, 0u, 0x8004u, 0x50000u, 0x200u, 0x400u, 0x8004u, 0x400u,
		  0xfc00u);
	load(&m, SMALL_LSPCI, tree_file(), NULL);
	assert_int_equal(function(&m, "01:00.0")->stream_ids[0], 0x50100);
	assert_int_equal(function(&m, "02:00.0")->smmu, MACHINE_NONE);
	assert_int_equal(function(&m, "02:00.0")->group, MACHINE_NONE);
	assert_int_equal(function(&m, "04:00.0")->stream_ids[0], 0x400);
	machine_free(&m);
	temp_remove();
}

static void a_mask_is_applied_first(void **state)
{
	struct machine m;

	(void)state;
	open_tree();
	set_cells(host, "iommu-map-mask", 1, 0xffu);
	set_cells(host, "iommu-map", 4, 0u, 0x8004u, 0x500u, 0x100u);
	load(&m, SMALL_LSPCI, tree_file(), NULL);
	assert_int_equal(function(&m, "00:05.0")->stream_ids[0], 0x528);
	assert_int_equal(function(&m, "04:00.0")->stream_ids[0], 0x500);
	assert_int_equal(function(&m, "06:03.0")->stream_ids[0], 0x518);
	assert_int_equal(function(&m, "06:03.0")->stream_ids[1], 0x500);
	machine_free(&m);
	temp_remove();
}

static void other_segments_and_buses_are_not_behind_it(void **state)
{
	struct machine m;

	(void)state;
	open_tree();
	set_cells(host, "bus-range", 2, 0u, 2u);
	load(&m, SMALL_LSPCI, tree_file(), NULL);
	assert_int_equal(function(&m, "02:00.0")->smmu, 0);
	assert_int_equal(function(&m, "03:00.0")->smmu, MACHINE_NONE);
	machine_free(&m);
	open_tree();
	set_cells(host, "linux,pci-domain", 1, 1u);
	load(&m, SMALL_LSPCI, tree_file(), NULL);
	assert_int_equal(function(&m, "02:00.0")->smmu, MACHINE_NONE);
	machine_free(&m);
	temp_remove();
}

static void ill_typed_properties_are_named(void **state)
{
	(void)state;
	open_tree();
	set_cells(host, "iommu-map", 3, 0u, 0x8004u, 0u);
	load_fails(NULL, tree_file(), NULL, "iommu-map and msi-map in entries of four cells");
	open_tree();
	set_cells(host, "msi-map", 4, 0u, 0x7777u, 0u, 0x100u);
	load_fails(NULL, tree_file(), NULL, "map entries that name a node");
	open_tree();
	set_cells(host, "iommu-map", 4, 0x8000u, 0x8004u, 0u, 0x10000u);
	load_fails(NULL, tree_file(), NULL, "map entries of 1 to 0x10000 requester ids");
	open_tree();
	set_cells(smmu, "interrupts", 5, 0u, 1u, 1u, 0u, 2u);
	load_fails(NULL, tree_file(), NULL,
		   "interrupts in whole specifiers of a controller in smmuv3@9050000");
	open_tree();
	set_cells(smmu, "interrupts", 3, 0u, 1u, 1u);
	load_fails(NULL, tree_file(), NULL, "an interrupt for each of interrupt-names");
	open_tree();
	assert_int_equal(fdt_delprop(tree, smmu, "reg"), 0);
	load_fails(NULL, tree_file(), NULL, "reg with the address");
	open_tree();
	set_cells(host, "bus-range", 2, 3u, 2u);
	load_fails(NULL, tree_file(), NULL, "bus-range with two bus numbers");
	temp_remove();
}

static void every_cut_is_refused(void **state)
{
	size_t len, cut;
	char *t = slurp(SMALL_DTB, &len);

	(void)state;
	for (cut = 0; cut < len; cut += 37)
		load_fails(NULL, temp_file(t, cut), NULL, "expected a whole flattened device tree");
	free(t);
	temp_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_captured_tree_is_read),
		cmocka_unit_test(ats_supported_lets_functions_use_it),
		cmocka_unit_test(iommu_map_ranges_are_followed),
		cmocka_unit_test(a_mask_is_applied_first),
		cmocka_unit_test(other_segments_and_buses_are_not_behind_it),
		cmocka_unit_test(ill_typed_properties_are_named),
		cmocka_unit_test(every_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
