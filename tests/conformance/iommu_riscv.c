/* SPDX-License-Identifier: BSD-2-Clause */
/* The suites on the RISC-V IOMMU driver and its model. */
#include "iommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lazaret/riscv.h"

struct lzm_board *iommu_board(const char *regime, uint64_t timeout, const struct lzm_bus *bus,
			      uint64_t *irq_delay)
{
	struct lzm_smmu_knobs delay = {.seed = 1};
	struct lzm_riscv_config c;

	lzm_riscv_config_default(&c);
	if (regime) {
		assert_true(lzm_riscv_regime(regime, &c.knobs));
		assert_true(lzm_smmu_regime(regime, &delay)); /* the line is the bench's */
	}
	c.knobs.ats_timeout_ns = timeout;
	c.msi_flat = iommu_msi_flat;
	*irq_delay = delay.gerror_irq_delay_ns;
	return lzm_board_create_riscv(&c, bus);
}

void iommu_board_end(struct lzm_board *b)
{
	lzm_board_destroy(b);
}

size_t iommu_registers(void)
{
	return 0x1000;
}

static iommu_fault_fn fault_fn;
static void *fault_ctx;

static void on_fault(void *ctx, struct lz_iommu *iommu, const struct lz_riscv_fault *f)
{
	struct iommu_fault out = {
		.translation = (f->cause == 13 && !strcmp(f->name, "read page fault")) ||
			       (f->cause == 15 && !strcmp(f->name, "write/AMO page fault")),
		.write = f->transaction == 3,
		.has_pasid = f->has_pasid,
		.stream = f->device,
		.iova = f->iova};

	(void)ctx;
	(void)iommu;
	fault_fn(fault_ctx, &out);
}

enum lz_status iommu_add(struct lz *lz, uintptr_t mmio, struct lz_iommu **out)
{
	struct lz_riscv_desc desc = {
		.name = "riscv-iommu", .mmio = mmio, .cmdq_log2 = 6, .coherent = true};

	return lz_riscv_add(lz, &desc, out);
}

enum lz_status iommu_remove(struct lz_iommu *iommu)
{
	return lz_riscv_remove(iommu);
}

void iommu_faults_to(struct lz_iommu *iommu, iommu_fault_fn fn, void *ctx)
{
	fault_fn = fn;
	fault_ctx = ctx;
	lz_riscv_set_fault_handler(iommu, on_fault, NULL);
}

void iommu_error_irq(struct lz_iommu *iommu)
{
	(void)lz_riscv_command_irq(iommu);
}

void iommu_fault_irq(struct lz_iommu *iommu)
{
	(void)lz_riscv_fault_irq(iommu);
}
