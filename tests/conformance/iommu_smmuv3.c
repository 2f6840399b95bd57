/* SPDX-License-Identifier: BSD-2-Clause */
/* The suites on the SMMUv3 driver and its model. */
#include "host.h"
#include "iommu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lazaret-model/cmdqv.h"
#include "lazaret/smmuv3.h"

#define CMDQV(i) (0x0a000000u + (i)*RIG_MMIO_EACH)

static struct {
	struct lzm_board *board;
	struct lzm_cmdqv *cmdqv;
} beside[2]; /* in the order of their creation, as their registers */

static uint64_t cmdqv_read(void *arg, uint32_t off, unsigned width)
{
	return lzm_cmdqv_read(arg, off, width);
}

static void cmdqv_write(void *arg, uint32_t off, unsigned width, uint64_t v)
{
	lzm_cmdqv_write(arg, off, width, v);
}

/* Two queues of the host's. */
static void build_cmdqv(struct lzm_board *board)
{
	const struct lzm_cmdqv_config c = {.vcmdqs_log2 = 1, .sids_log2 = 1};
	unsigned i = beside[0].board ? 1 : 0;
	struct lzm_cmdqv *v = lzm_cmdqv_create(&c, lzm_board_smmu(board));

	assert_non_null(v);
	assert_null(beside[i].board);
	beside[i].board = board;
	beside[i].cmdqv = v;
	host_mmio_add(
		&(struct host_mmio){CMDQV(i), lzm_cmdqv_mmio_size(v), cmdqv_read, cmdqv_write, v});
}

struct lzm_board *iommu_board(const char *regime, uint64_t timeout, const struct lzm_bus *bus,
			      uint64_t *irq_delay)
{
	struct lzm_smmu_config c;
	struct lzm_board *board;

	lzm_smmu_config_default(&c);
	if (regime)
		assert_true(lzm_smmu_regime(regime, &c.knobs));
	c.ecmdq = iommu_queues == IOMMU_ECMDQ;
	c.ecmdq_queues_log2 = 1;
	c.knobs.ats_timeout_ns = timeout;
	*irq_delay = c.knobs.gerror_irq_delay_ns;
	board = lzm_board_create(&c, bus);
	if (board && iommu_queues == IOMMU_VCMDQ)
		build_cmdqv(board);
	return board;
}

void iommu_board_end(struct lzm_board *b)
{
	for (unsigned i = 0; i < 2; i++)
		if (beside[i].board == b) {
			lzm_cmdqv_destroy(beside[i].cmdqv);
			beside[i].board = NULL;
			beside[i].cmdqv = NULL;
		}
	lzm_board_destroy(b);
}

size_t iommu_registers(void)
{
	return iommu_queues == IOMMU_ECMDQ ? 0x30000 : 0x20000;
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
	unsigned i = (unsigned)((mmio - RIG_MMIO) / RIG_MMIO_EACH);
	struct lz_smmuv3_desc desc = {.name = "arm-smmu-v3",
				      .mmio = mmio,
				      .mmio_size = iommu_registers(),
				      .cmdqv = beside[i].cmdqv ? CMDQV(i) : 0,
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
	(void)lz_smmuv3_cmdqv_irq(iommu);
}

void iommu_fault_irq(struct lz_iommu *iommu)
{
	(void)lz_smmuv3_evtq_irq(iommu);
}
