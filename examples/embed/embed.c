/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An embedder of the installed library, with the installed models as hardware:
 * probe, attach, map, unmap, a device that dies, quarantine, reset, recovery.
 */
#include <lazaret/device.h>
#include <lazaret/domain.h>
#include <lazaret/lazaret.h>
#include <lazaret/posix.h>
#include <lazaret/smmuv3.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

#define IOVA  0x10000000ull
#define PAGES 0x40000000ull /* what the device is given: nobody reads it */

/* Stops at the first call that does not end as it should. */
#define EXPECT(call, status) expect(#call, (call), (status))

static void expect(const char *call, enum lz_status got, enum lz_status wanted)
{
	printf("%-46.46s %s\n", call, lz_status_name(got));
	if (got == wanted)
		return;
	fprintf(stderr, "expected %s\n", lz_status_name(wanted));
	exit(1);
}

/* ---- what the owner of the device hears ---- */

static bool quarantined, resumed; /* atomic: set by the worker's thread */

static void on_error(void *ctx, struct lz_device *dev, enum lz_evidence e, uint32_t generation)
{
	(void)ctx, (void)generation;
	printf("%s is quarantined, evidence: %s\n", lz_device_name(dev), lz_evidence_name(e));
	__atomic_store_n(&quarantined, true, __ATOMIC_RELEASE);
}

static void on_resume(void *ctx, struct lz_device *dev)
{
	(void)ctx;
	printf("%s may be used again\n", lz_device_name(dev));
	__atomic_store_n(&resumed, true, __ATOMIC_RELEASE);
}

/* ---- what the owner of the memory hears ---- */

static void on_release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	(void)ctx, (void)dom;
	printf("%zu bytes at 0x%llx are free now\n", size, (unsigned long long)iova);
}

static void await(const bool *flag)
{
	for (unsigned ms = 0; !__atomic_load_n(flag, __ATOMIC_ACQUIRE); ms++) {
		if (ms == 10000) {
			fputs("nothing happens\n", stderr);
			exit(1);
		}
		lz_posix_sleep(LZ_MS(1));
	}
}

int main(void)
{
	static const struct lz_owner_ops owner = {.error_detected = on_error, .resume = on_resume};
	static const struct lz_domain_ops ops = {.release = on_release};
	static const uint32_t streams[] = {MACHINE_SID};
	struct lz_smmuv3_desc smmu = {.name = "smmu0", .mmio = MACHINE_MMIO};
	struct lz_device_desc disk = {.name = "0000:01:00.0",
				      .streams = streams,
				      .n_streams = 1,
				      .pci = machine_pci(),
				      .ats = true,
				      .owner = &owner};
	struct lz_config cfg;
	struct lz_domain *dom;
	struct lz_group *group;
	struct lz_device *dev;
	struct lz *lz;

	machine_start();
	lz_config_default(&cfg);
	EXPECT(lz_init(lz_posix_port(), &cfg, &lz), LZ_OK);
	lz_posix_worker_start(lz, 1);
	EXPECT(lz_smmuv3_add(lz, &smmu, &disk.iommu), LZ_OK);
	machine_deliver(disk.iommu);
	EXPECT(lz_group_create(lz, 0, &group), LZ_OK);
	EXPECT(lz_device_add(group, &disk, &dev), LZ_OK);
	EXPECT(lz_domain_create(disk.iommu, LZ_DOMAIN_PAGING, &ops, NULL, &dom), LZ_OK);
	EXPECT(lz_attach(dev, dom), LZ_OK);

	EXPECT(lz_map(dom, IOVA, PAGES, 4 * LZ_PAGE, LZ_READ | LZ_WRITE), LZ_OK);
	machine_expect_dma(IOVA, true);
	EXPECT(lz_unmap(dom, IOVA, LZ_PAGE), LZ_OK);
	machine_expect_dma(IOVA, false);

	machine_expect_dma(IOVA + LZ_PAGE, true);
	machine_silence();
	EXPECT(lz_unmap(dom, IOVA + LZ_PAGE, LZ_PAGE), LZ_IN_CUSTODY);
	await(&quarantined);
	EXPECT(lz_domain_wait(dom, LZ_SEC(10)), LZ_OK);
	machine_expect_dma(IOVA + LZ_PAGE, false);

	EXPECT(lz_pci_reset_flr(dev), LZ_OK);
	await(&resumed);
	machine_expect_dma(IOVA + 2 * LZ_PAGE, true);

	EXPECT(lz_unmap(dom, IOVA + 2 * LZ_PAGE, 2 * LZ_PAGE), LZ_OK);
	lz_detach(dev);
	EXPECT(lz_domain_destroy(dom), LZ_OK);
	EXPECT(lz_device_remove(dev), LZ_OK);
	EXPECT(lz_group_destroy(group), LZ_OK);
	machine_deliver(NULL);
	EXPECT(lz_smmuv3_remove(disk.iommu), LZ_OK);
	lz_posix_worker_stop();
	EXPECT(lz_fini(lz), LZ_OK);
	return machine_stop();
}
