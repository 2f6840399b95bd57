/* SPDX-License-Identifier: BSD-2-Clause */
/* The suites on the SMMUv3 driver and its model. */
#include "iommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lazaret/smmuv3.h"

struct lzm_board *iommu_board(const char *regime, uint64_t timeout, const struct lzm_bus *bus,
			      uint64_t *irq_delay)
{
	struct lzm_smmu_config c;

	lzm_smmu_config_default(&c);
	if (regime)
		assert_true(lzm_smmu_regime(regime, &c.knobs));
	c.ecmdq = iommu_ecmdq;
	c.ecmdq_queues_log2 = 1;
	c.knobs.ats_timeout_ns = timeout;
	*irq_delay = c.knobs.gerror_irq_delay_ns;
	return lzm_board_create(&c, bus);
}

size_t iommu_registers(void)
{
	return iommu_ecmdq ? 0x30000 : 0x20000;
}

static iommu_fault_fn fault_fn;
static void *fault_ctx;

static void on_fault(void *ctx, struct lz_iommu *iommu, const struct lz_smmuv3_fault *f)
{
	struct iommu_fault out = {.translation = f->id == 0x10 && !strcmp(f->name, "F_TRANSLATION"),
				  .write = f->write,
				  .has_pasid = f->has_pasid,
				  .stream = f->stream,
				  .iova = f->iova};

	(void)ctx;
	(void)iommu;
	fault_fn(fault_ctx, &out);
}

enum lz_status iommu_add(struct lz *lz, uintptr_t mmio, struct lz_iommu **out)
{
	struct lz_smmuv3_desc desc = {.name = "arm-smmu-v3",
				      .mmio = mmio,
				      .mmio_size = iommu_registers(),
				      .own_timeouts = true, /* as the model has it */
				      .cmdq_log2 = 6};

	return lz_smmuv3_add(lz, &desc, out);
}

enum lz_status iommu_remove(struct lz_iommu *iommu)
{
	return lz_smmuv3_remove(iommu);
}

void iommu_faults_to(struct lz_iommu *iommu, iommu_fault_fn fn, void *ctx)
{
	fault_fn = fn;
	fault_ctx = ctx;
	lz_smmuv3_set_fault_handler(iommu, on_fault, NULL);
}

void iommu_error_irq(struct lz_iommu *iommu)
{
	(void)lz_smmuv3_gerror_irq(iommu);
}

void iommu_fault_irq(struct lz_iommu *iommu)
{
	(void)lz_smmuv3_evtq_irq(iommu);
}
