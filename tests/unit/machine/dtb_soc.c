/* SPDX-License-Identifier: BSD-2-Clause */
/* Device trees of whole chips, with either IOMMU: what is in use, other masters, interrupts of
 * several controllers. */
#include "common.h"

#include <libfdt.h>
#include <string.h>

struct soc {
	const char *tree;
	enum machine_iommu kind;
	const char *iommu, *spare, *dma, *display, *video, *off, *controller;
};

static const struct soc riscv = {
	.tree = "riscv_soc",
	.kind = MACHINE_RISCV,
	.iommu = "/iommu@3010000",
	.spare = "/iommu@3020000",
	.dma = "/soc/dma-controller@10030000",
	.display = "/soc/display@10040000",
	.video = "/soc/video@10050000",
	.off = "/pci@20000000",
	.controller = "/interrupt-controller@d000000",
};
static const struct soc smmuv3 = {
	.tree = "smmuv3_soc",
	.kind = MACHINE_SMMUV3,
	.iommu = "/iommu@9050000",
	.spare = "/iommu@9070000",
	.dma = "/soc/dma-controller@a030000",
	.display = "/soc/display@a040000",
	.video = "/soc/video@a050000",
	.off = "/pcie@10000000",
	.controller = "/interrupt-controller@8000000",
};

static void open_soc(const struct soc *s)
{
	tree_open(tree_fixture(s->tree));
}

static void set_status(const char *node, const char *status)
{
	assert_int_equal(fdt_setprop_string(tree, tree_node(node), "status", status), 0);
}

static void reread(struct machine *m)
{
	load(m, SMALL_LSPCI, tree_file(), NULL);
}

static bool noted(const struct machine *m, const char *what)
{
	for (unsigned i = 0; i < m->n_notes; i++)
		if (strstr(m->notes[i], what))
			return true;
	return false;
}

static void is_master(const struct machine *m, unsigned i, const char *path, uint32_t id)
{
	assert_true(i < m->n_masters);
	assert_string_equal(m->masters[i].path, path);
	assert_int_equal(m->masters[i].smmu, 0);
	assert_int_equal(m->masters[i].id, id);
}

/* The tests take what they are about as their state. */

static void what_is_not_enabled_is_not_there(void **state)
{
	const struct soc *s = *state;
	struct machine m;

	load(&m, SMALL_LSPCI, tree_fixture(s->tree), NULL);
	assert_int_equal(m.n_smmus, 1);
	assert_int_equal(m.smmus[0].kind, s->kind);
	assert_true(noted(&m, s->spare + 1));
	/* The first host bridge would have segment 0, and other ids. */
	assert_int_equal(function(&m, "02:00.0")->stream_ids[0], 0x200);
	assert_int_equal(function(&m, "03:00.0")->smmu, 0);
	/* Behind the one that is off. */
	assert_int_equal(function(&m, "04:00.0")->smmu, MACHINE_NONE);
	assert_int_equal(m.n_masters, 3);
	machine_free(&m);
}

static void it_is_there_when_enabled(void **state)
{
	const struct soc *s = *state;
	struct machine m;

	open_soc(s);
	set_status(s->spare, "ok");
	set_status(s->off, "okay");
	reread(&m);
	assert_int_equal(m.n_smmus, 2);
	assert_int_equal(m.n_notes, 0);
	assert_int_equal(function(&m, "02:00.0")->stream_ids[0], 0x50200);
	machine_free(&m);
	open_soc(s);
	assert_int_equal(fdt_delprop(tree, tree_node(s->video), "status"), 0);
	reread(&m);
	assert_int_equal(m.n_masters, 4);
	is_master(&m, 3, s->video, 3);
	machine_free(&m);
	temp_remove();
}

/* Each says no, and so does the bus above. */
static void every_way_to_say_no(void **state)
{
	static const char *const no[] = {"disabled", "reserved", "fail", "fail-3"};
	const struct soc *s = *state;
	struct machine m;

	for (unsigned i = 0; i < 4; i++) {
		open_soc(s);
		set_status(s->iommu, no[i]);
		reread(&m);
		assert_int_equal(m.n_smmus, 0);
		assert_int_equal(m.n_masters, 0);
		assert_int_equal(function(&m, "02:00.0")->smmu, MACHINE_NONE);
		machine_free(&m);
	}
	open_soc(s);
	set_status("/soc", "disabled");
	reread(&m);
	assert_int_equal(m.n_smmus, 1);
	assert_int_equal(m.n_masters, 0);
	machine_free(&m);
	open_soc(s);
	set_status(s->iommu, "off");
	load_fails(NULL, tree_file(), NULL, "a status of okay, disabled, reserved or fail");
	open_soc(s);
	assert_int_equal(fdt_setprop(tree, tree_node(s->iommu), "status", "okay", 4), 0);
	load_fails(NULL, tree_file(), NULL, "a status that is text");
	temp_remove();
}

static void masters_that_are_no_functions(void **state)
{
	const struct soc *s = *state;
	struct machine m;

	load(&m, SMALL_LSPCI, tree_fixture(s->tree), NULL);
	assert_int_equal(m.n_masters, 3);
	is_master(&m, 0, s->dma, 0x10000);
	is_master(&m, 1, s->dma, 0x10007);
	/* Its first id is of the one that is off. */
	is_master(&m, 2, s->display, 0x200);
	/* So is that of a function. */
	assert_true(noted(&m, "have the same stream id, 0x200"));
	assert_true(noted(&m, "0000:02:00.0"));
	assert_false(noted(&m, "0x10000"));
	machine_free(&m);
}

/* An IOMMU of another kind counts its cells itself. */
static void ids_of_somebody_else_are_passed_over(void **state)
{
	const struct soc *s = *state;
	struct machine m;
	unsigned own, other;
	int node;

	open_soc(s);
	node = fdt_add_subnode(tree, 0, "other-iommu");
	assert_true(node > 0);
	set_cells(node, "#iommu-cells", 1, 2u);
	set_cells(node, "phandle", 1, 0x77u);
	own = fdt_get_phandle(tree, tree_node(s->iommu));
	other = 0x77;
	set_cells(tree_node(s->dma), "iommus", 7, other, 1u, 2u, own, 0x31u, own, 0x32u);
	reread(&m);
	is_master(&m, 0, s->dma, 0x31);
	is_master(&m, 1, s->dma, 0x32);
	machine_free(&m);
	temp_remove();
}

static void bad_masters_are_named(void **state)
{
	static const char what[] = "iommus that name IOMMUs and whole ids in dma-controller@";
	const struct soc *s = *state;
	unsigned own;

	open_soc(s);
	own = fdt_get_phandle(tree, tree_node(s->iommu));
	set_cells(tree_node(s->dma), "iommus", 3, own, 1u, own);
	load_fails(NULL, tree_file(), NULL, what);
	open_soc(s);
	set_cells(tree_node(s->dma), "iommus", 2, 0x7777u, 1u);
	load_fails(NULL, tree_file(), NULL, what);
	open_soc(s);
	set_cells(tree_node(s->dma), "iommus", 2, fdt_get_phandle(tree, tree_node(s->controller)),
		  1u);
	load_fails(NULL, tree_file(), NULL, what);
	open_soc(s);
	assert_int_equal(fdt_setprop(tree, tree_node(s->dma), "iommus", "abc", 3), 0);
	load_fails(NULL, tree_file(), NULL, what);
	open_soc(s);
	set_cells(tree_node(s->iommu), "#iommu-cells", 1, 2u);
	load_fails(NULL, tree_file(), NULL, "#iommu-cells of 1 in iommu@");
	temp_remove();
}

/* ---- interrupts ---- */

static void interrupts_of_two_controllers(void **state)
{
	struct machine m;

	(void)state;
	load(&m, NULL, tree_fixture("riscv_soc"), NULL);
	assert_int_equal(m.smmus[0].n_vectors, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(m.smmus[0].vectors[i], 36 + i);
	machine_free(&m);
	load(&m, NULL, tree_fixture("smmuv3_soc"), NULL);
	assert_int_equal(m.smmus[0].eventq_irq, 74 + 32);
	assert_int_equal(m.smmus[0].gerror_irq, 9);
	assert_int_equal(m.smmus[0].cmdq_irq, 0);
	machine_free(&m);
}

static void the_extended_ones_count(void **state)
{
	struct machine m;

	(void)state;
	open_soc(&riscv);
	set_cells(tree_node(riscv.iommu), "interrupts", 1, 99u);
	load(&m, NULL, tree_file(), NULL);
	assert_int_equal(m.smmus[0].n_vectors, 3);
	assert_int_equal(m.smmus[0].vectors[0], 36);
	machine_free(&m);
	temp_remove();
}

static void bad_interrupts_are_named(void **state)
{
	static const char what[] =
		"interrupts-extended of controllers with whole specifiers in iommu@";
	const struct soc *s = *state;
	unsigned controller;

	open_soc(s);
	controller = fdt_get_phandle(tree, tree_node(s->controller));
	set_cells(tree_node(s->iommu), "interrupts-extended", 2, controller, 1u);
	load_fails(NULL, tree_file(), NULL, what);
	open_soc(s);
	set_cells(tree_node(s->iommu), "interrupts-extended", 2, 0x7777u, 1u);
	load_fails(NULL, tree_file(), NULL, what);
	open_soc(s);
	assert_int_equal(fdt_setprop(tree, tree_node(s->iommu), "interrupts-extended", "", 0), 0);
	load_fails(NULL, tree_file(), NULL, what);
	/* Nobody says whom it reports to. */
	open_soc(s);
	assert_int_equal(fdt_delprop(tree, tree_node(s->iommu), "interrupts-extended"), 0);
	set_cells(tree_node(s->iommu), "interrupts", 3, 0u, 1u, 4u);
	load_fails(NULL, tree_file(), NULL, "interrupts in whole specifiers of a controller");
	temp_remove();
}

#define OF(test, soc)                                            \
	{                                                        \
#test "_" #soc, test, NULL, NULL, (void *)&(soc) \
	}
#define BOTH(test) OF(test, riscv), OF(test, smmuv3)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(what_is_not_enabled_is_not_there),
		BOTH(it_is_there_when_enabled),
		BOTH(every_way_to_say_no),
		BOTH(masters_that_are_no_functions),
		BOTH(ids_of_somebody_else_are_passed_over),
		BOTH(bad_masters_are_named),
		cmocka_unit_test(interrupts_of_two_controllers),
		cmocka_unit_test(the_extended_ones_count),
		BOTH(bad_interrupts_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
