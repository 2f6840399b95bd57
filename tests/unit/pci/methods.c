/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions with a reset of their own, each sound and in the ways it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pci/tree.h"

#define NVME_DEVCAP_HIGH (0x84u + 3)
#define IVB_POWER	 0xd0100u
#define NVME_CC		 0x14u
#define HINIC_OP	 0xe80u

/* A virtual function of a foreign physical one, as the named device. */
static struct node *start_vf(uint16_t vendor, uint16_t device)
{
	tree_start();
	tree_load(VF);
	return tree_add("vf", NULL, vendor, device);
}

/* A function that is like `like`, by another name. */
static struct node *start_as(const char *like, uint16_t vendor, uint16_t device)
{
	tree_start();
	tree_load(like);
	tree_put(0, 2, vendor);
	tree_put(2, 2, device);
	return tree_add("dev", NULL, 0, 0);
}

static struct node *start_82599(void)
{
	struct node *n;

	tree_start();
	tree_load(VF);
	tree_put(NVME_DEVCAP_HIGH, 1, 0); /* does not say that it has FLR */
	n = tree_add("vf", NULL, 0x8086, 0x10ed);
	return n;
}

static struct node *start_ivb(void)
{
	return start_as(CONVENTIONAL, 0x8086, 0x0156);
}

static struct node *start_chelsio(void)
{
	struct node *n = start_vf(0x1425, 0x4801);

	/* Not the state that its FLR needs. */
	lzm_ep_cfg_write(n->ep, AT_COMMAND, 2, 0);
	lzm_ep_cfg_write(n->ep, VF_MSIX_CTL, 2, 0);
	return n;
}

static struct node *start_samsung(void)
{
	return start_as(NVME, 0x144d, 0xa804);
}

static struct node *start_intel_nvme(void)
{
	return start_as(NVME, 0x8086, 0x0a54);
}

static struct node *start_hinic(void)
{
	return start_vf(0x19e5, 0x375e);
}

static struct node *(*const each[])(void) = {
	start_82599, start_ivb, start_chelsio, start_samsung, start_intel_nvme, start_hinic,
};

#define N_EACH (sizeof(each) / sizeof(each[0]))

static bool has_own(struct node *n)
{
	return lz_pci_reset_methods_set(&n->f.dev, "device_specific") == LZ_OK;
}

static enum lz_status reset(struct node *n)
{
	assert_true(has_own(n));
	return lz_pci_reset(&n->f.dev);
}

static void each_resets_its_function(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_EACH; i++) {
		struct node *n = each[i]();
		uint32_t command = node_read(n, AT_COMMAND, 2);

		assert_int_equal(reset(n), LZ_OK);
		assert_int_equal(n->f.result, LZ_RESET_OK);
		assert_int_equal(n->resets, 1);
		assert_int_equal(node_read(n, AT_COMMAND, 2), command);
		tree_stop();
	}
}

static void h01_probing_any_changes_nothing(void **state)
{
	char list[LZ_PCI_METHODS_SIZE];

	(void)state;
	for (unsigned i = 0; i < N_EACH; i++) {
		struct node *n = each[i]();

		assert_int_equal(lz_pci_reset_methods_get(&n->f.dev, list, sizeof(list)), LZ_OK);
		assert_int_equal(strncmp(list, "device_specific", 15), 0);
		assert_true(has_own(n));
		assert_int_equal(n->writes + n->bar_reads + n->bar_writes, 0);
		assert_int_equal(n->f.prepares, 0);
		assert_int_equal(tree.slept, 0);
		tree_stop();
	}
}

static void others_have_none(void **state)
{
	static const struct {
		uint16_t vendor, device;
	} others[] = {{0x8086, 0x0157}, {0x1425, 0x5801}, {0x144d, 0xa808}, {0x19e5, 0x375f}};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_false(has_own(start_as(NVME, others[i].vendor, others[i].device)));
		tree_stop();
		assert_false(has_own(start_vf(others[i].vendor, others[i].device)));
		tree_stop();
	}
}

static void without_what_they_need_they_are_not_offered(void **state)
{
	struct node *n;

	(void)state;
	/* No way to BAR 0. */
	for (unsigned i = 0; i < N_EACH; i++) {
		if (each[i] != start_ivb && each[i] != start_samsung && each[i] != start_hinic)
			continue;
		n = each[i]();
		n->pci.bar_read = NULL;
		n->pci.bar_write = NULL;
		assert_false(has_own(n));
		tree_stop();
	}
	/* Not the NVMe class. */
	tree_start();
	tree_load(NVME);
	tree_put(0, 4, 0xa804144d);
	tree_put(9, 1, 0x01);
	assert_false(has_own(tree_add("dev", NULL, 0, 0)));
	tree_stop();
	/* No FLR for the pause to come after. */
	tree_start();
	tree_load(NVME);
	tree_put(0, 4, 0x0a548086);
	tree_put(NVME_DEVCAP_HIGH, 1, 0);
	assert_false(has_own(tree_add("dev", NULL, 0, 0)));
	tree_stop();
}

static void h02_an_inner_flr_without_effect_is_a_failure(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_EACH; i++) {
		struct node *n = each[i]();

		if (each[i] != start_ivb) {
			node_fault(n, LZM_EP_FLR_FAILS);
			assert_int_not_equal(reset(n), LZ_OK);
			assert_int_equal(n->f.result, LZ_RESET_FAILED);
			assert_int_equal(n->resets, 0);
		}
		tree_stop();
	}
}

static void h02_an_inner_flr_that_does_not_return_is_a_failure(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_EACH; i++) {
		struct node *n = each[i]();

		if (each[i] != start_ivb) {
			node_fault(n, LZM_EP_FLR_TIMEOUT);
			assert_int_equal(reset(n), LZ_ETIMEDOUT);
			assert_int_equal(n->f.result, LZ_RESET_FAILED);
			/* Known from the inner FLR: not waited for again. */
			assert_true(tree.slept < LZ_SEC(70));
		}
		tree_stop();
	}
}

static void h03_hinic_that_does_not_acknowledge_is_a_timeout(void **state)
{
	struct node *n = start_hinic();

	(void)state;
	node_fault(n, LZM_EP_MUTE_VENDOR);
	assert_int_equal(reset(n), LZ_ETIMEDOUT);
	assert_int_equal(n->f.result, LZ_RESET_FAILED);
	assert_true(tree.slept >= LZ_SEC(15));
	/* Restored and on the bus all the same. */
	assert_int_equal(node_read(n, AT_COMMAND, 2) & 4, 4);
	assert_true(lzm_ep_knows_bus(n->ep));
	tree_stop();
}

/* Its firmware acknowledges only to a bus number that it knows. */
static void h03_hinic_is_told_its_bus_before_it_is_asked(void **state)
{
	struct node *n = start_hinic();

	(void)state;
	assert_int_equal(reset(n), LZ_OK);
	assert_true(tree.slept < LZ_SEC(1));
	assert_int_equal(lzm_ep_bar_read(n->ep, HINIC_OP, 4), 0);
	tree_stop();
}

static void h04_hinic_of_old_firmware_is_not_attempted(void **state)
{
	struct node *n = start_hinic();

	(void)state;
	node_fault(n, LZM_EP_OLD_VENDOR);
	assert_int_equal(reset(n), LZ_ENOTSUP);
	assert_int_equal(n->f.result, LZ_RESET_NOT_ATTEMPTED);
	assert_int_equal(n->bar_writes, 0);
	assert_int_equal(n->resets, 0);
	/* FLR has its turn then. */
	assert_int_equal(lz_pci_reset_methods_set(&n->f.dev, "default"), LZ_OK);
	assert_int_equal(lz_pci_reset(&n->f.dev), LZ_OK);
	assert_int_equal(n->f.prepares, 3);
	tree_stop();
}

static void h03_graphics_whose_panel_stays_on_are_a_timeout(void **state)
{
	struct node *n = start_ivb();

	(void)state;
	node_fault(n, LZM_EP_MUTE_VENDOR);
	assert_int_equal(reset(n), LZ_ETIMEDOUT);
	assert_int_equal(n->f.result, LZ_RESET_FAILED);
	assert_true(tree.slept >= LZ_SEC(10));
	assert_int_equal(n->resets, 0);
	tree_stop();
}

static void chelsio_needs_dma_and_masked_vectors(void **state)
{
	struct node *n = start_chelsio();

	(void)state;
	assert_int_equal(lz_pci_reset_flr(&n->f.dev), LZ_ETIMEDOUT);
	tree_stop();
	n = start_chelsio();
	assert_int_equal(reset(n), LZ_OK);
	assert_int_equal(node_read(n, AT_COMMAND, 2) & 4, 0);
	assert_int_equal(node_read(n, VF_MSIX_CTL, 2) & 0xc000, 0);
	tree_stop();
}

static void samsung_is_disabled_before_flr(void **state)
{
	struct node *n = start_samsung();

	(void)state;
	/* What happens otherwise. */
	assert_int_equal(lz_pci_reset_flr(&n->f.dev), LZ_ETIMEDOUT);
	tree_stop();

	/* With memory decoding off, too. */
	n = start_samsung();
	lzm_ep_cfg_write(n->ep, AT_COMMAND, 2, 0x0004);
	assert_int_equal(reset(n), LZ_OK);
	assert_int_equal(node_read(n, AT_COMMAND, 2), 0x0004);
	tree_stop();

	/* One that does not stop is reset all the same; FLR's result counts. */
	n = start_samsung();
	node_fault(n, LZM_EP_MUTE_VENDOR);
	assert_int_equal(reset(n), LZ_OK);
	assert_true(tree.slept >= LZ_MS(10500));
	tree_stop();

	/* Disabled already: nothing to wait for. */
	n = start_samsung();
	lzm_ep_bar_write(n->ep, NVME_CC, 4, 0);
	tree.now += LZ_SEC(1);
	assert_int_equal(reset(n), LZ_OK);
	assert_int_equal(n->bar_writes, 0);
	tree_stop();
}

static void the_pause_comes_after_a_failure_too(void **state)
{
	lz_ns plain, paused;
	struct node *n;

	(void)state;
	for (unsigned fails = 0; fails < 2; fails++) {
		n = start_intel_nvme();
		if (fails)
			node_fault(n, LZM_EP_FLR_TIMEOUT);
		assert_int_equal(lz_pci_reset_flr(&n->f.dev), fails ? LZ_ETIMEDOUT : LZ_OK);
		plain = tree.slept;
		tree_stop();
		n = start_intel_nvme();
		if (fails)
			node_fault(n, LZM_EP_FLR_TIMEOUT);
		assert_int_equal(reset(n), fails ? LZ_ETIMEDOUT : LZ_OK);
		paused = tree.slept;
		tree_stop();
		assert_int_equal(paused - plain, LZ_MS(250));
	}
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_resets_its_function),
		T(h01_probing_any_changes_nothing),
		T(others_have_none),
		T(without_what_they_need_they_are_not_offered),
		T(h02_an_inner_flr_without_effect_is_a_failure),
		T(h02_an_inner_flr_that_does_not_return_is_a_failure),
		T(h03_hinic_that_does_not_acknowledge_is_a_timeout),
		T(h03_hinic_is_told_its_bus_before_it_is_asked),
		T(h04_hinic_of_old_firmware_is_not_attempted),
		T(h03_graphics_whose_panel_stays_on_are_a_timeout),
		T(chelsio_needs_dma_and_masked_vectors),
		T(samsung_is_disabled_before_flr),
		T(the_pause_comes_after_a_failure_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
