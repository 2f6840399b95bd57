/* SPDX-License-Identifier: BSD-2-Clause */
/* Methods of one function: which are offered, in which order, what each says.
 * Resets that hit several functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pci/tree.h"

#define DEVCAP_HIGH  3u /* of DEVCAP: FLR is bit 4 of it */
#define PORT_CONTROL 0x3eu

static enum lz_status firmware(void *ctx, bool probe)
{
	struct node *n = ctx;

	if (probe) {
		n->probes++;
		return LZ_OK;
	}
	n->firmware++;
	if (n->firmware_works)
		lzm_ep_bus_reset(n->ep);
	return n->firmware_says;
}

/* Puts AF with transactions pending and FLR into tree.config, first in the list. */
static void put_af(void)
{
	tree_put(0xf4, 4, 0x03060013u | (uint32_t)tree.config[0x34] << 8);
	tree_put(0x34, 1, 0xf4);
	tree_put(6, 2, 0x0010);
}

/* A function that has `method` and nothing before it. */
static struct node *add_with(const char *method)
{
	struct node *n;

	tree_load(BLK);
	if (strcmp(method, "flr") != 0)
		tree.config[0x44 + DEVCAP_HIGH] &= 0xef;
	if (strcmp(method, "pm") != 0)
		tree_put(BLK_PMCSR, 2, 0x0008); /* No_Soft_Reset */
	if (strcmp(method, "af_flr") == 0)
		put_af();
	n = tree_add("dev", NULL, 0, 0);
	n->firmware_works = true;
	n->pci.alone = strcmp(method, "bus") == 0 || strcmp(method, "cxl_bus") == 0 ||
		       strcmp(method, "slot") == 0;
	if (strcmp(method, "acpi") == 0)
		n->pci.firmware_reset = firmware;
	if (strcmp(method, "slot") == 0)
		n->pci.slot_reset = firmware;
	return n;
}

static void start_cxl(unsigned control)
{
	tree_load(PORT);
	tree_put_ext(0x200, 0x23);
	tree_put(0x204, 4, 0x00101e98);
	tree_put(0x208, 2, 3);
	tree_put(0x20c, 2, control);
	tree_start_port();
}

static struct node *start_with(const char *method)
{
	if (strcmp(method, "cxl_bus") == 0)
		start_cxl(0);
	else
		tree_start();
	return add_with(method);
}

static const struct {
	const char *name;
	enum lzm_ep_fault no_effect, timeout;
} each[] = {
	{"acpi", LZM_EP_BUS_FAILS, LZM_EP_BUS_TIMEOUT},
	{"flr", LZM_EP_FLR_FAILS, LZM_EP_FLR_TIMEOUT},
	{"af_flr", LZM_EP_FLR_FAILS, LZM_EP_FLR_TIMEOUT},
	{"pm", LZM_EP_PM_FAILS, LZM_EP_SOUND},
	{"slot", LZM_EP_BUS_FAILS, LZM_EP_BUS_TIMEOUT},
	{"bus", LZM_EP_BUS_FAILS, LZM_EP_BUS_TIMEOUT},
	{"cxl_bus", LZM_EP_BUS_FAILS, LZM_EP_BUS_TIMEOUT},
};

#define N_EACH (sizeof(each) / sizeof(each[0]))

static void assert_methods(struct node *n, const char *want)
{
	char list[LZ_PCI_METHODS_SIZE];

	assert_int_equal(lz_pci_reset_methods_get(&n->f.dev, list, sizeof(list)), LZ_OK);
	assert_string_equal(list, want);
}

static void each_method_resets_and_restores(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_EACH; i++) {
		struct node *n = start_with(each[i].name);
		uint32_t bar = node_read(n, AT_BAR1, 4), control, pm;

		assert_methods(n, each[i].name);
		control = node_read(&tree.port, 0x20c, 2);
		pm = node_read(n, BLK_PMCSR, 2);
		lzm_ep_cfg_write(n->ep, BLK_MSIX_CTL, 2, 0x8000);
		assert_int_equal(lz_pci_reset(&n->f.dev), LZ_OK);
		assert_int_equal(n->f.result, LZ_RESET_OK);
		assert_int_equal(n->f.prepares, 1);
		assert_int_equal(n->resets, 1);
		assert_true(lzm_ep_knows_bus(n->ep));
		assert_int_equal(node_read(n, AT_COMMAND, 2), 0x0406);
		assert_int_equal(node_read(n, AT_BAR1, 4), bar);
		assert_int_equal(node_read(n, BLK_MSIX_CTL, 2) & 0xc000, 0x8000);
		assert_int_equal(node_read(n, BLK_PMCSR, 2), pm);
		assert_int_equal(node_read(&tree.port, PORT_CONTROL, 2), 0x0002);
		assert_int_equal(node_read(&tree.port, 0x20c, 2), control);
		tree_stop();
	}
}

static void h01_probing_any_method_changes_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_EACH; i++) {
		struct node *n = start_with(each[i].name);

		assert_methods(n, each[i].name);
		assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, each[i].name), LZ_OK);
		assert_int_equal(n->writes, 0);
		assert_int_equal(tree.port.writes, 0);
		assert_int_equal(n->bar_writes, 0);
		assert_int_equal(n->firmware, 0);
		assert_int_equal(n->f.prepares, 0);
		assert_int_equal(tree.slept, 0);
		tree_stop();
	}
}

static void h01_a_method_that_is_missing_touches_nothing(void **state)
{
	struct node *n;

	(void)state;
	tree_start();
	n = add_with("none");
	assert_methods(n, "");
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_ENOTSUP);
	assert_int_equal(n->writes, 0);
	assert_int_equal(n->f.prepares, 0);
	tree_stop();
}

static void h02_each_method_without_effect_is_a_failure(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_EACH; i++) {
		struct node *n = start_with(each[i].name);
		uint32_t command = node_read(n, AT_COMMAND, 2), msix;

		msix = node_read(n, BLK_MSIX_CTL, 2);
		node_fault(n, each[i].no_effect);
		assert_int_equal(lz_pci_reset(&n->f.dev), LZ_EIO);
		assert_int_equal(n->f.result, LZ_RESET_FAILED);
		assert_int_equal(n->resets, 0);
		assert_int_equal(node_read(n, AT_COMMAND, 2), command);
		assert_int_equal(node_read(n, BLK_MSIX_CTL, 2), msix);
		tree_stop();
	}
}

static void h02_what_firmware_says_is_not_swallowed(void **state)
{
	static const char *const names[] = {"acpi", "slot"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = start_with(names[i]);

		/* Even when it did reset. */
		n->firmware_says = LZ_EIO;
		assert_int_equal(lz_pci_reset(&n->f.dev), LZ_EIO);
		assert_int_equal(n->f.result, LZ_RESET_FAILED);
		assert_int_equal(n->firmware, 1);
		tree_stop();

		n = start_with(names[i]);
		n->firmware_works = false;
		n->firmware_says = LZ_ENOTSUP;
		assert_int_equal(lz_pci_reset(&n->f.dev), LZ_ENOTSUP);
		assert_int_equal(n->f.result, LZ_RESET_NOT_ATTEMPTED);
		assert_int_equal(node_read(n, AT_COMMAND, 2), 0x0406);
		tree_stop();
	}
}

static void h03_each_method_without_return_is_a_timeout(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_EACH; i++) {
		struct node *n;

		if (each[i].timeout == LZM_EP_SOUND)
			continue;
		n = start_with(each[i].name);
		node_fault(n, each[i].timeout);
		assert_int_equal(lz_pci_reset(&n->f.dev), LZ_ETIMEDOUT);
		assert_int_equal(n->f.result, LZ_RESET_FAILED);
		assert_true(tree.slept >= LZ_MS(65535));
		tree_stop();
	}
}

/* What was not attempted says so, and the next method has its turn. */
static void h04_not_attempted_is_not_failed(void **state)
{
	struct node *n = start_with("acpi");

	(void)state;
	n->firmware_says = LZ_ENOTSUP;
	n->firmware_works = false;
	n->pci.alone = true;
	assert_methods(n, "acpi bus");
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_OK);
	assert_int_equal(n->f.prepares, 2);
	assert_int_equal(n->f.result, LZ_RESET_OK);
	assert_int_equal(n->resets, 1);
	tree_stop();

	/* A failure is the last word. */
	n = start_with("acpi");
	n->firmware_says = LZ_EIO;
	n->pci.alone = true;
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_EIO);
	assert_int_equal(n->f.prepares, 1);
	assert_int_equal(n->f.result, LZ_RESET_FAILED);
	tree_stop();

	/* Config space that does not answer stops what goes through it, not what
	 * comes from outside. */
	n = start_with("flr");
	n->f.on_prepare = NULL;
	node_fault(n, LZM_EP_CONFIG_ONES);
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_ENOTSUP);
	assert_int_equal(n->f.prepares, 0);
	tree_stop();
}

static void the_order_is_read_and_set(void **state)
{
	char list[LZ_PCI_METHODS_SIZE];
	struct node *n;

	(void)state;
	tree_start();
	tree_load(BLK);
	n = tree_add("dev", NULL, 0, 0);
	n->pci.alone = true;
	assert_methods(n, "flr pm bus");
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, "bus,flr\n"), LZ_OK);
	assert_methods(n, "bus flr");
	node_fault(n, LZM_EP_BUS_FAILS);
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_EIO); /* so it was the bus */
	/* Refused: as before. */
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, "pm flop"), LZ_EINVAL);
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, "pm pm"), LZ_EINVAL);
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, "default flr"), LZ_EINVAL);
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, "flr acpi"), LZ_ENOTSUP);
	assert_methods(n, "bus flr");
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, ""), LZ_OK);
	assert_methods(n, "");
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_ENOTSUP);
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, "default"), LZ_OK);
	assert_methods(n, "flr pm bus");
	assert_int_equal(lz_pci_reset_methods_get(&n->f.dev, list, 8), LZ_EINVAL);
	tree_stop();
}

static void every_method_at_once_fits(void **state)
{
	struct node *n;

	(void)state;
	start_cxl(1);
	tree_load(BLK);
	tree_put(0, 4, 0x0a548086); /* has a reset of its own */
	put_af();
	n = tree_add("dev", NULL, 0, 0);
	n->pci.alone = true;
	n->pci.firmware_reset = firmware;
	assert_methods(n, "device_specific acpi flr af_flr pm bus cxl_bus");
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev,
						  "cxl_bus bus pm af_flr flr acpi device_specific"),
			 LZ_OK);
	assert_methods(n, "cxl_bus bus pm af_flr flr acpi device_specific");
	n->pci.slot_reset = firmware;
	assert_methods(n, "cxl_bus pm af_flr flr acpi device_specific");
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, "default"), LZ_OK);
	assert_methods(n, "device_specific acpi flr af_flr pm slot cxl_bus");
	tree_stop();
}

static void a_bus_reset_hits_nobody_else(void **state)
{
	struct node *n, *other;

	(void)state;
	n = start_with("bus");
	assert_methods(n, "bus");
	n->pci.alone = false;
	assert_methods(n, "");
	n->pci.alone = true;
	tree_load(NVME);
	other = tree_add("other", NULL, 0, 0);
	other->pci.alone = true;
	assert_methods(n, "");
	assert_methods(other, "flr");
	tree_stop();
}

static void a_masked_bus_is_refused(void **state)
{
	struct node *n;

	(void)state;
	start_cxl(0);
	n = add_with("bus");
	assert_methods(n, "cxl_bus");
	assert_int_equal(lz_pci_bus_reset(&(struct lz_device *){&n->f.dev}, 1, &tree.port.pci),
			 LZ_ENOTSUP);
	assert_int_equal(n->f.prepares, 0);
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, "bus"), LZ_ENOTSUP);
	tree_stop();
	start_cxl(1);
	n = add_with("bus");
	assert_methods(n, "bus cxl_bus");
	tree_stop();
}

static void a_link_that_stays_down_is_a_timeout(void **state)
{
	struct node *n = start_with("bus");

	(void)state;
	node_fault(&tree.port, LZM_EP_LINK_DOWN);
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_ETIMEDOUT);
	assert_int_equal(n->f.result, LZ_RESET_FAILED);
	assert_true(tree.slept >= LZ_SEC(1));
	assert_true(tree.slept < LZ_SEC(3));
	tree_stop();
}

/* A port of 5 GT/s: nobody waits for its link, but for the function. */
static struct node *start_slow_port(enum lzm_ep_fault f)
{
	struct node *n;

	tree_load(PORT);
	tree_put(0x60, 1, 0x02);
	tree_start_port();
	n = add_with("bus");
	node_fault(&tree.port, f);
	return n;
}

static void a_link_is_retrained_once_after_a_second(void **state)
{
	struct node *n = start_slow_port(LZM_EP_LINK_ASLEEP);

	(void)state;
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_OK);
	assert_int_equal(n->f.result, LZ_RESET_OK);
	assert_true(tree.slept > LZ_SEC(1));
	assert_true(tree.slept < LZ_SEC(2));
	tree_stop();
	n = start_slow_port(LZM_EP_LINK_DOWN);
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_ETIMEDOUT);
	assert_int_equal(n->f.result, LZ_RESET_FAILED);
	assert_true(tree.slept > LZ_SEC(65)); /* the count went on */
	assert_true(tree.slept < LZ_SEC(70));
	tree_stop();
	/* A link that is up is left alone. */
	n = start_with("bus");
	tree.port.writes = 0;
	node_fault(n, LZM_EP_BUS_TIMEOUT);
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_ETIMEDOUT);
	assert_int_equal(tree.port.writes, 2); /* Secondary Bus Reset, on and off */
	tree_stop();
}

/* ---- several functions ---- */

static void h92_virtual_functions_go_along(void **state)
{
	struct node *pf, *vf[2];

	(void)state;
	tree_start();
	tree_load(PF);
	pf = tree_add("pf", NULL, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		tree_load(VF);
		vf[i] = tree_add(i ? "vf1" : "vf0", pf, 0x1b36, 0x0010);
	}
	assert_int_equal(lz_pci_reset(&pf->f.dev), LZ_OK);
	for (unsigned i = 0; i < 2; i++) {
		/* Blocked and drained before its parent's reset, free after it. */
		assert_int_equal(vf[i]->f.prepares, 1);
		assert_true(vf[i]->f.prepared_at < pf->f.prepared_at);
		assert_true(vf[i]->f.done_at > pf->f.done_at);
		assert_int_equal(vf[i]->f.result, LZ_RESET_OK);
		assert_int_equal(vf[i]->resets, 1);
		assert_true(lzm_ep_knows_bus(vf[i]->ep));
		assert_int_equal(node_read(vf[i], AT_COMMAND, 2) & 4, 4);
		assert_int_equal(node_read(vf[i], VF_MSIX_CTL, 2) & 0xc000, 0x8000);
	}
	assert_int_equal(node_read(pf, PF_SRIOV_CTL, 2) & 1, 1);
	assert_int_equal(node_read(pf, PF_NUM_VFS, 2), 4);
	assert_int_equal(pf->f.result, LZ_RESET_OK);
	tree_stop();
}

static struct node *start_family(struct node **vf)
{
	struct node *pf;

	tree_start();
	tree_load(PF);
	pf = tree_add("pf", NULL, 0, 0);
	tree_load(VF);
	*vf = tree_add("vf", pf, 0x1b36, 0x0010);
	return pf;
}

static void h92_each_has_its_own_result(void **state)
{
	struct node *pf, *vf;

	(void)state;
	/* The physical function's failure is everybody's. */
	pf = start_family(&vf);
	node_fault(pf, LZM_EP_FLR_TIMEOUT);
	assert_int_equal(lz_pci_reset(&pf->f.dev), LZ_ETIMEDOUT);
	assert_int_equal(pf->f.result, LZ_RESET_FAILED);
	assert_int_equal(vf->f.result, LZ_RESET_FAILED);
	tree_stop();

	/* A virtual function that does not come back is not the other's fault. */
	pf = start_family(&vf);
	node_fault(vf, LZM_EP_CONFIG_ONES);
	assert_int_equal(lz_pci_reset(&pf->f.dev), LZ_OK);
	assert_int_equal(pf->f.result, LZ_RESET_OK);
	assert_int_equal(vf->f.result, LZ_RESET_FAILED);
	tree_stop();

	/* One that its parent's reset left alone is as it was. */
	pf = start_family(&vf);
	node_fault(pf, LZM_EP_KEEPS_VFS);
	assert_int_equal(lz_pci_reset(&pf->f.dev), LZ_OK);
	assert_int_equal(pf->f.result, LZ_RESET_OK);
	assert_int_equal(vf->f.result, LZ_RESET_NOT_ATTEMPTED);
	assert_int_equal(vf->resets, 0);
	tree_stop();
}

static void h92_a_virtual_functions_reset_is_its_own(void **state)
{
	struct node *pf, *vf;

	(void)state;
	pf = start_family(&vf);
	assert_int_equal(lz_pci_reset(&vf->f.dev), LZ_OK);
	assert_int_equal(vf->f.result, LZ_RESET_OK);
	assert_int_equal(pf->f.prepares, 0);
	assert_int_equal(pf->resets, 0);
	tree_stop();
}

static void h92_who_cannot_be_prepared_stops_the_reset(void **state)
{
	struct node *pf, *vf;

	(void)state;
	pf = start_family(&vf);
	pf->f.prepare_says = LZ_EBUSY;
	assert_int_equal(lz_pci_reset(&pf->f.dev), LZ_EBUSY);
	assert_int_equal(vf->f.dones, 1);
	assert_int_equal(vf->f.result, LZ_RESET_NOT_ATTEMPTED);
	assert_int_equal(pf->resets, 0);
	tree_stop();

	/* But one that is being removed is left to its removal. */
	pf = start_family(&vf);
	vf->f.prepare_says = LZ_ENODEV;
	assert_int_equal(lz_pci_reset(&pf->f.dev), LZ_OK);
	assert_int_equal(vf->f.dones, 0);
	assert_int_equal(vf->writes, 0);
	tree_stop();

	pf = start_family(&vf);
	fake_no_memory = true;
	assert_int_equal(lz_pci_reset(&pf->f.dev), LZ_ENOMEM);
	assert_int_equal(vf->f.prepares + pf->f.prepares, 0);
	assert_int_equal(pf->writes, 0);
	tree_stop();
}

/* Two at a time would restore each other's half-reset state. */
static void reset_again(struct fake *f)
{
	struct node *pf = &tree.fn[0];

	assert_int_equal(lz_pci_reset(&f->dev), LZ_EBUSY);
	if (f != &pf->f)
		assert_int_equal(lz_pci_reset(&pf->f.dev), LZ_EBUSY);
}

static void one_reset_at_a_time(void **state)
{
	struct node *pf, *vf;

	(void)state;
	pf = start_family(&vf);
	vf->f.on_prepare = reset_again;
	pf->f.on_prepare = reset_again;
	assert_int_equal(lz_pci_reset(&pf->f.dev), LZ_OK);
	assert_int_equal(pf->resets, 1);
	pf->f.on_prepare = NULL;
	assert_int_equal(lz_pci_reset(&vf->f.dev), LZ_OK);
	tree_stop();
}

static void a_bus_reset_takes_everybody_along(void **state)
{
	struct node *pf, *vf, *blk;
	struct lz_device *devs[2];

	(void)state;
	pf = start_family(&vf);
	tree_load(BLK);
	blk = tree_add("blk", NULL, 0, 0);
	devs[0] = &pf->f.dev;
	devs[1] = &blk->f.dev;
	assert_int_equal(lz_pci_bus_reset(devs, 2, &tree.port.pci), LZ_OK);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(tree.fn[i].f.prepares, 1);
		assert_int_equal(tree.fn[i].f.result, LZ_RESET_OK);
		assert_true(tree.fn[i].resets >= 1);
		assert_int_equal(node_read(&tree.fn[i], AT_COMMAND, 2) & 4, 4);
	}
	tree_stop();

	/* One does not come back: it alone failed, and the caller hears of it. */
	pf = start_family(&vf);
	tree_load(BLK);
	blk = tree_add("blk", NULL, 0, 0);
	node_fault(blk, LZM_EP_BUS_TIMEOUT);
	assert_int_equal(lz_pci_bus_reset(devs, 2, &tree.port.pci), LZ_ETIMEDOUT);
	assert_int_equal(pf->f.result, LZ_RESET_OK);
	assert_int_equal(vf->f.result, LZ_RESET_OK);
	assert_int_equal(blk->f.result, LZ_RESET_FAILED);
	assert_int_equal(lz_pci_bus_reset(devs, 0, &tree.port.pci), LZ_EINVAL);
	assert_int_equal(lz_pci_bus_reset(devs, 2, NULL), LZ_EINVAL);
	assert_int_equal(lz_pci_bus_reset(devs, 1, &blk->pci), LZ_ENOTSUP);
	tree_stop();
}

static void start_contained(bool busy)
{
	tree_load(PORT);
	tree_put_ext(0x200, 0x1d);
	tree_put(0x204, 2, 0x0020);
	tree_put(0x208, 2, busy ? 0x0010 : 0);
	tree_start_port();
	tree_load(BLK);
	(void)tree_add("blk", NULL, 0, 0);
	lzm_ep_contain(tree.port.ep);
}

static void a_contained_link_is_released(void **state)
{
	struct lz_device *dev = &tree.fn[0].f.dev;

	(void)state;
	start_contained(false);
	assert_int_equal(node_read(&tree.fn[0], AT_COMMAND, 4), 0xffffffff);
	assert_int_equal(lz_pci_bus_reset(&dev, 1, &tree.port.pci), LZ_OK);
	assert_int_equal(tree.fn[0].f.result, LZ_RESET_OK);
	assert_int_equal(node_read(&tree.port, 0x208, 2) & 1, 0);
	assert_int_equal(node_read(&tree.port, PORT_CONTROL, 2), 0x0002);
	assert_true(lzm_ep_knows_bus(tree.fn[0].ep));
	tree_stop();

	/* The root port's own logic does not come to rest. */
	start_contained(true);
	assert_int_equal(lz_pci_bus_reset(&dev, 1, &tree.port.pci), LZ_ETIMEDOUT);
	assert_int_equal(tree.fn[0].f.result, LZ_RESET_FAILED);
	assert_int_equal(node_read(&tree.port, 0x208, 2) & 1, 1);
	tree_stop();
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_method_resets_and_restores),
		T(h01_probing_any_method_changes_nothing),
		T(h01_a_method_that_is_missing_touches_nothing),
		T(h02_each_method_without_effect_is_a_failure),
		T(h02_what_firmware_says_is_not_swallowed),
		T(h03_each_method_without_return_is_a_timeout),
		T(h04_not_attempted_is_not_failed),
		T(the_order_is_read_and_set),
		T(every_method_at_once_fits),
		T(a_bus_reset_hits_nobody_else),
		T(a_masked_bus_is_refused),
		T(a_link_that_stays_down_is_a_timeout),
		T(a_link_is_retrained_once_after_a_second),
		T(h92_virtual_functions_go_along),
		T(h92_each_has_its_own_result),
		T(h92_a_virtual_functions_reset_is_its_own),
		T(h92_who_cannot_be_prepared_stops_the_reset),
		T(one_reset_at_a_time),
		T(a_bus_reset_takes_everybody_along),
		T(a_contained_link_is_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
