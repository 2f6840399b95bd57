/* SPDX-License-Identifier: BSD-2-Clause */
/* From whatever state the IOMMU is in to a known one (6.2 - 6.25, "initialization"). */
#include "drivers/riscv/riscv.h"

#include "core/mem.h"

#define DEFAULT_CMDQ_LOG2   8u
#define DEFAULT_FAULTQ_LOG2 7u
#define MIN_CMDQ_LOG2	    3u
#define MAX_QUEUE_LOG2	    16u
#define MAX_PID_BITS	    10u

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* ---- what the hardware can ---- */

static bool in_range(const struct lz_riscv_desc *d)
{
	return d->cmdq_log2 <= MAX_QUEUE_LOG2 && d->faultq_log2 <= MAX_QUEUE_LOG2 &&
	       (!d->cmdq_log2 || d->cmdq_log2 >= MIN_CMDQ_LOG2) && d->levels <= RV_DDT_LEVELS;
}

static enum lz_status hw_probe(struct lz_rv *s, const struct lz_riscv_desc *d)
{
	uint64_t caps = lz_mmio_read64(s->mmio, RV_CAPS);
	unsigned igs = (unsigned)RV_GET(RV_CAPS_IGS, caps);

	/* Nobody answers there, or another major version. */
	if (caps == UINT64_MAX || RV_GET(RV_CAPS_VERSION, caps) >> 4 != 1)
		return LZ_ENOTSUP;
	if (!(caps & RV_CAPS_SV39) || !d->coherent)
		return LZ_ENOTSUP;
	if (d->msi ? igs == RV_IGS_WIRED : igs == RV_IGS_MSI)
		return LZ_ENOTSUP;
	s->ats = caps & RV_CAPS_ATS;
	s->extended = caps & RV_CAPS_MSI_FLAT;
	s->sv = caps & RV_CAPS_SV57 ? 57 : caps & RV_CAPS_SV48 ? 48 : 39;
	s->pas = smaller((unsigned)RV_GET(RV_CAPS_PAS, caps), 56);
	if (caps & RV_CAPS_PD8)
		s->pid_bits = caps & RV_CAPS_PD17 ? MAX_PID_BITS : RV_PD8_BITS;
	s->cmdq.ops = &lz_rv_ring_ops;
	s->cmdq.log2 = d->cmdq_log2 ? d->cmdq_log2 : DEFAULT_CMDQ_LOG2;
	s->faultq_log2 = d->faultq_log2 ? d->faultq_log2 : DEFAULT_FAULTQ_LOG2;
	return s->pas >= 32 ? LZ_OK : LZ_ENOTSUP;
}

/* ---- registers that are busy after a write ---- */

struct busy {
	struct lz_rv *s;
	uint32_t reg, value, mask;
};

static bool csr_free(void *arg)
{
	struct busy *b = arg;

	return !(lz_rv_read32(b->s, b->reg) & RV_QCSR_BUSY);
}

static bool csr_settled(void *arg)
{
	struct busy *b = arg;
	uint32_t csr = lz_rv_read32(b->s, b->reg);

	return !(csr & RV_QCSR_BUSY) && !(csr & RV_QCSR_ON) == !(b->value & RV_QCSR_EN);
}

enum lz_status lz_rv_write_csr(struct lz_rv *s, uint32_t reg, uint32_t v)
{
	struct busy b = {.s = s, .reg = reg, .value = v};
	lz_ns until = lz_now(s->lz) + s->lz->cfg.sync_bound;

	if (!lz_wait(s->lz, csr_free, &b, until))
		return LZ_ETIMEDOUT;
	lz_rv_write32(s, reg, v);
	return lz_wait(s->lz, csr_settled, &b, until) ? LZ_OK : LZ_ETIMEDOUT;
}

static bool ddtp_free(void *arg)
{
	struct lz_rv *s = arg;

	return !(lz_mmio_read64(s->mmio, RV_DDTP) & RV_DDTP_BUSY);
}

enum lz_status lz_rv_write_ddtp(struct lz_rv *s, uint64_t v)
{
	lz_ns until = lz_now(s->lz) + s->lz->cfg.sync_bound;

	if (!lz_wait(s->lz, ddtp_free, s, until))
		return LZ_ETIMEDOUT;
	lz_mmio_write64(s->mmio, RV_DDTP, v);
	return lz_wait(s->lz, ddtp_free, s, until) ? LZ_OK : LZ_ETIMEDOUT;
}

static enum lz_status ddtp_off(struct lz_rv *s)
{
	enum lz_status st = lz_rv_write_ddtp(s, RV_DDTP_OFF);

	if (st == LZ_OK && RV_GET(RV_DDTP_MODE, lz_mmio_read64(s->mmio, RV_DDTP)) != RV_DDTP_OFF)
		st = LZ_ETIMEDOUT;
	return st;
}

/* Off: every inbound transaction is disallowed. Each leaves a record of that, whatever
 * DTF says, and nobody reads them any more: the fault queue goes off too. */
enum lz_status lz_rv_hw_abort_all(struct lz_rv *s)
{
	enum lz_status st = ddtp_off(s);

	if (st != LZ_OK)
		return st;
	if (LZ_CONFIG_RECORDS)
		(void)lz_rv_write_csr(s, RV_FQCSR, 0);
	lz_rv_declare_dead(s);
	return LZ_OK;
}

/* ---- memory ---- */

static size_t fault_bytes(const struct lz_rv *s)
{
	return (size_t)(RV_FQ_WORDS * 8) << s->faultq_log2;
}

static enum lz_status alloc_queues(struct lz_rv *s)
{
	enum lz_status st = lz_ring_init(s->lz, &s->cmdq, LZ_PAGE, 1); /* full would look empty */
	size_t bytes = fault_bytes(s);

	/* Aligned to its size, and to a page. */
	if (LZ_CONFIG_RECORDS)
		s->faultq = lz_mem_dma_alloc(s->lz, bytes, bytes < LZ_PAGE ? LZ_PAGE : bytes,
					     &s->faultq_phys);
	return st == LZ_OK && LZ_CONFIG_RECORDS && !s->faultq ? LZ_ENOMEM : st;
}

/* Hardware that does not say that it is off goes on reading tables and writing records:
 * that memory is nobody's from here on. */
static void free_memory(struct lz_rv *s, bool unused)
{
	struct lz *lz = s->lz;

	lz_rv_ddt_fini(s, unused);
	lz_ring_fini(lz, &s->cmdq, unused);
	if (unused)
		lz_mem_dma_free(lz, s->faultq, fault_bytes(s));
	else
		lz_log(lz, LZ_LOG_ERR, s->iommu.name,
		       "does not switch off: queues and tables are not given back");
	lz_mem_free(lz, s->memory, sizeof(*s) + LZ_RING_LINE);
}

/* ---- bring-up ---- */

static uint64_t queue_base(lz_phys phys, unsigned log2)
{
	return RV_FIELD(RV_QB_PPN, phys / LZ_PAGE) | RV_FIELD(RV_QB_LOG2SZ, log2 - 1);
}

static void interrupts(struct lz_rv *s, const struct lz_riscv_desc *d)
{
	lz_mmio_write64(s->mmio, RV_ICVEC, RV_FIELD(RV_ICVEC_FIV, 1));
	for (unsigned i = 0; d->msi && i < 2; i++) {
		lz_mmio_write64(s->mmio, RV_MSI_CFG(i), d->msi_address[i]);
		lz_rv_write32(s, RV_MSI_CFG_DATA(i), d->msi_data[i]);
		lz_rv_write32(s, RV_MSI_CFG_CTRL(i), 0);
	}
	lz_rv_write32(s, RV_IPSR, UINT32_MAX); /* of before */
}

/* As many levels as there are: what hardware does not have reads back as another mode.
 * The number changes through Off only. */
static enum lz_status directory_on(struct lz_rv *s, unsigned wanted)
{
	unsigned levels = wanted ? wanted : RV_DDT_LEVELS;

	for (;; levels--) {
		uint64_t mode = RV_DDTP_1LVL + levels - 1;
		enum lz_status st =
			lz_rv_write_ddtp(s, mode | RV_FIELD(RV_DDTP_PPN, s->ddt_phys / LZ_PAGE));

		if (st != LZ_OK)
			return st;
		if (RV_GET(RV_DDTP_MODE, lz_mmio_read64(s->mmio, RV_DDTP)) == mode)
			break;
		st = ddtp_off(s);
		if (st != LZ_OK || wanted || levels == 1)
			return st == LZ_OK ? LZ_ENOTSUP : st;
	}
	s->levels = levels;
	s->did_bits = lz_rv_ddt_bits(s, levels);
	return LZ_OK;
}

/* A previous user may have left it, and ATS, on (H91): everything is refused first,
 * then the queues go off. */
static enum lz_status all_off(struct lz_rv *s)
{
	enum lz_status st = ddtp_off(s);

	if (st == LZ_OK)
		st = lz_rv_write_csr(s, RV_CQCSR, 0);
	if (st == LZ_OK)
		st = lz_rv_write_csr(s, RV_FQCSR, 0);
	if (st == LZ_OK)
		st = lz_rv_write_csr(s, RV_PQCSR, 0);
	return st;
}

static enum lz_status hw_reset(struct lz_rv *s, const struct lz_riscv_desc *d)
{
	const struct lz_command all[2] = {lz_rv_cmd_ddt_all(), lz_rv_cmd_vma_all()};
	lz_ns deadline = 0;
	enum lz_status st = all_off(s);

	if (st != LZ_OK)
		return st;
	lz_rv_write32(s, RV_FCTL, d->msi ? 0 : RV_FCTL_WSI);
	interrupts(s, d);
	lz_mmio_write64(s->mmio, RV_CQB, queue_base(s->cmdq.phys, s->cmdq.log2));
	lz_rv_write32(s, RV_CQT, 0);
	st = lz_rv_write_csr(s, RV_CQCSR, RV_QCSR_EN | RV_QCSR_IE);
	if (st == LZ_OK)
		st = lz_rv_queue_run(s, all, 2, &deadline);
	if (st == LZ_OK && LZ_CONFIG_RECORDS) {
		lz_mmio_write64(s->mmio, RV_FQB, queue_base(s->faultq_phys, s->faultq_log2));
		lz_rv_write32(s, RV_FQH, 0);
		st = lz_rv_write_csr(s, RV_FQCSR, RV_QCSR_EN | RV_QCSR_IE);
	}
	return st == LZ_OK ? directory_on(s, d->levels) : st;
}

/* ---- life cycle ---- */

static const struct lz_lock_class err_class = {"riscv.err", LZ_RANK_QUEUE_ERR};
static const struct lz_lock_class id_class = {"riscv.id", LZ_RANK_SID};
static const struct lz_lock_class share_class = {"riscv.share", LZ_RANK_SHARE};
static const struct lz_lock_class pscid_class = {"riscv.pscid", LZ_RANK_SID};

static struct lz_rv *make(struct lz *lz, const struct lz_riscv_desc *desc)
{
	uint8_t *memory = lz_mem_alloc(lz, sizeof(struct lz_rv) + LZ_RING_LINE);
	struct lz_rv *s;

	if (!memory)
		return NULL;
	s = (struct lz_rv *)(void *)(memory + (-(uintptr_t)memory & (LZ_RING_LINE - 1)));
	s->memory = memory;
	s->lz = lz;
	s->mmio = desc->mmio;
	lz_spin_init(&s->err_lock, &err_class);
	lz_streams_init(&s->streams, lz, sizeof(struct lz_rv_stream), &id_class);
	lz_spin_init(&s->share_lock, &share_class);
	lz_spin_init(&s->pscid_lock, &pscid_class);
	s->pscid_map[0] = 1u << RV_PSCID_NOTHING | 1u << RV_PSCID_IDENTITY;
	lz_iommu_init(&s->iommu, lz, &lz_rv_ops, desc->name ? desc->name : "riscv-iommu");
	return s;
}

enum lz_status lz_riscv_add(struct lz *lz, const struct lz_riscv_desc *desc, struct lz_iommu **out)
{
	enum lz_status st;
	struct lz_rv *s;

	if (!lz || !desc || !out)
		return LZ_EINVAL;
	*out = NULL;
	if (!LZ_CONFIG_RISCV)
		return LZ_ENOTSUP;
	if (!in_range(desc))
		return LZ_EINVAL;
	s = make(lz, desc);
	if (!s)
		return LZ_ENOMEM;
	/* The registers are this thread's alone until all is set up. */
	(void)lz_work_disable(&s->iommu.work);
	st = hw_probe(s, desc);
	if (st == LZ_OK)
		st = lz_rv_ddt_init(s);
	if (st == LZ_OK)
		st = alloc_queues(s);
	if (st == LZ_OK) {
		st = hw_reset(s, desc);
		if (st != LZ_OK) {
			(void)lz_iommu_fini(&s->iommu);
			free_memory(s, all_off(s) == LZ_OK);
			return st;
		}
	}
	if (st != LZ_OK) { /* no register has been written */
		(void)lz_iommu_fini(&s->iommu);
		free_memory(s, true);
		return st;
	}
	lz_work_enable(&s->iommu.work);
	(void)lz_riscv_command_irq(&s->iommu); /* what came meanwhile */
	(void)lz_riscv_fault_irq(&s->iommu);
	*out = &s->iommu;
	return LZ_OK;
}

enum lz_status lz_riscv_remove(struct lz_iommu *iommu)
{
	struct lz_rv *s = lz_rv_of(iommu);
	enum lz_status st;
	bool off;

	if (!LZ_CONFIG_RISCV)
		return LZ_ENOTSUP;
	st = lz_iommu_fini(iommu);
	if (st != LZ_OK)
		return st;
	off = all_off(s) == LZ_OK;
	free_memory(s, off);
	return off ? LZ_OK : LZ_ETIMEDOUT;
}
