/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An embedder of the installed library, with the installed models as hardware:
 * probe, attach, map, unmap, a device that dies, quarantine, reset, recovery.
 */
#include <lazaret-model/board.h>
#include <lazaret/device.h>
#include <lazaret/domain.h>
#include <lazaret/posix.h>
#include <lazaret/smmuv3.h>
#include <stdio.h>
#include <stdlib.h>

#define MMIO 0x09050000u
#define SID  0x100u
#define IOVA 0x10000000ull
#define MEM  0x40000000ull /* what the disk is given: nobody reads it */

/* Stops at the first call that does not end as it should. */
#define EXPECT(call, status) expect(#call, (call), (status))

static void expect(const char *call, enum lz_status got, enum lz_status wanted)
{
	printf("%-50.50s %s\n", call, lz_status_name(got));
	if (got == wanted)
		return;
	fprintf(stderr, "expected %s\n", lz_status_name(wanted));
	exit(1);
}

/* ---- the hardware; a real machine has its own ---- */

static struct lzm_board *board;
static struct lzm_ep *disk;
static struct lz_posix_config config = {lzm_board_cfg_read, lzm_board_cfg_write, NULL};
static unsigned irq_line; /* one for GERROR and events */

static void raise_irq(void *ctx, enum lzm_irq which)
{
	(void)ctx, (void)which;
	lz_posix_irq_raise(irq_line, 0);
}

static void build_hardware(struct lz_pci_access *pci)
{
	static const struct lzm_bus bus = {NULL,      lz_posix_dma_read, lz_posix_dma_write,
					   raise_irq, lz_posix_hw_now,	 NULL};
	static uint8_t space[LZM_CONFIG_SIZE];
	const struct lzm_ep_config fn = {
		.config = space, .config_len = sizeof(space), .sid = SID, .atc_entries = 32};

	lzm_config_make(space, LZM_CAP_FLR | LZM_CAP_ATS);
	board = lzm_board_create(NULL, &bus);
	disk = board ? lzm_board_add(board, &fn, NULL, NULL) : NULL;
	if (!disk)
		exit(1);
	config.arg = disk;
	lz_posix_config_access(pci, &config);
	lz_posix_mmio_add(
		&(struct lz_posix_mmio){MMIO, 0x20000, lzm_board_read, lzm_board_write, board});
	lz_posix_hw_add(&(struct lz_posix_hw){lzm_board_step, lzm_board_wake, board});
}

static enum lz_status dma(lz_iova iova)
{
	enum lzm_result r;

	lz_posix_hw_lock();
	r = lzm_ep_dma(disk, iova, LZM_WRITE);
	lz_posix_hw_unlock();
	return r == LZM_OK ? LZ_OK : LZ_EFAULT;
}

/* ---- what the library calls ---- */

static bool recovered; /* atomic: set by the worker's thread */

static void on_irq(void *iommu)
{
	(void)lz_smmuv3_gerror_irq(iommu);
	(void)lz_smmuv3_evtq_irq(iommu);
}

static void on_error(void *ctx, struct lz_device *dev, enum lz_evidence e, uint32_t generation)
{
	(void)ctx, (void)generation;
	printf("%s is quarantined, evidence: %s\n", lz_device_name(dev), lz_evidence_name(e));
	EXPECT(lz_pci_reset_flr(dev), LZ_OK);
	__atomic_store_n(&recovered, true, __ATOMIC_RELEASE);
}

static void on_release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	(void)ctx, (void)dom;
	printf("%zu bytes at 0x%llx are free now\n", size, (unsigned long long)iova);
}

/* ---- the embedder ---- */

static void use(struct lz_device *dev, struct lz_domain *dom)
{
	EXPECT(lz_attach(dev, dom), LZ_OK);
	EXPECT(lz_map(dom, IOVA, MEM, 4 * LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	EXPECT(dma(IOVA), LZ_OK);
	EXPECT(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	EXPECT(dma(IOVA), LZ_EFAULT);

	EXPECT(dma(IOVA + LZ_PAGE), LZ_OK);
	lz_posix_hw_lock();
	lzm_ep_fault(disk, LZM_EP_ATC_SILENT, 0, 0); /* the disk dies */
	lz_posix_hw_unlock();
	EXPECT(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	EXPECT(lz_domain_wait(dom, LZ_SEC(10)), LZ_OK);
	for (int ms = 0; ms < 10000 && !__atomic_load_n(&recovered, __ATOMIC_ACQUIRE); ms++)
		lz_posix_sleep(LZ_MS(1));
	EXPECT(dma(IOVA + LZ_PAGE), LZ_EFAULT);
	EXPECT(dma(IOVA + 2 * LZ_PAGE), LZ_OK);

	EXPECT(lz_unmap(dom, IOVA + 2 * LZ_PAGE, 2 * LZ_PAGE), LZ_OK);
	lz_detach(dev);
}

int main(void)
{
	static const struct lz_owner_ops owner = {.error_detected = on_error};
	static const struct lz_domain_ops ops = {.release = on_release};
	static struct lz_pci_access pci;
	const struct lz_smmuv3_desc smmu = {.name = "smmu0", .mmio = MMIO};
	struct lz_device_desc desc = {.name = "0000:01:00.0",
				      .streams = (const uint32_t[]){SID},
				      .n_streams = 1,
				      .pci = &pci,
				      .ats = true,
				      .owner = &owner};
	struct lz_config cfg;
	struct lz_domain *dom;
	struct lz_group *group;
	struct lz_device *dev;
	struct lz *lz;
	size_t left;

	lz_posix_start(64u << 20, 0x80000000u);
	lz_posix_bind(0);
	build_hardware(&pci);

	lz_config_default(&cfg);
	EXPECT(lz_init(lz_posix_port(), &cfg, &lz), LZ_OK);
	lz_posix_worker_start(lz, 1);
	EXPECT(lz_smmuv3_add(lz, &smmu, &desc.iommu), LZ_OK);
	irq_line = lz_posix_irq_line(2, on_irq, desc.iommu);
	EXPECT(lz_group_create(lz, 0, &group), LZ_OK);
	EXPECT(lz_device_add(group, &desc, &dev), LZ_OK);
	EXPECT(lz_domain_create(desc.iommu, LZ_DOMAIN_PAGING, &ops, NULL, &dom), LZ_OK);
	use(dev, dom);

	EXPECT(lz_domain_destroy(dom), LZ_OK);
	EXPECT(lz_device_remove(dev), LZ_OK);
	EXPECT(lz_group_destroy(group), LZ_OK);
	lz_posix_irq_off(irq_line);
	EXPECT(lz_smmuv3_remove(desc.iommu), LZ_OK);
	lz_posix_worker_stop();
	EXPECT(lz_fini(lz), LZ_OK);
	lz_posix_unbind();
	left = lz_posix_stop();
	lzm_board_destroy(board);
	return left != 0;
}
