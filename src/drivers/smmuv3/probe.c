/* SPDX-License-Identifier: BSD-2-Clause */
/* From whatever state the SMMU is in to a known one (sections 6.3, 3.11). */
#include "core/mem.h"
#include "drivers/smmuv3/smmu.h"

#define DEFAULT_CMDQ_LOG2 8u
#define DEFAULT_EVTQ_LOG2 7u
#define MAX_SSID_BITS	  10u

/* ---- what the hardware can ---- */

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

enum lz_status lz_smmu_hw_probe(struct lz_smmu *s, const struct lz_smmuv3_desc *d)
{
	static const uint8_t oas_bits[] = {32, 36, 40, 42, 44, 48, 52, 56};
	uint32_t idr0 = lz_smmu_read32(s, SMMU_IDR0);
	uint32_t idr1 = lz_smmu_read32(s, SMMU_IDR1);
	uint32_t idr5 = lz_smmu_read32(s, SMMU_IDR5);

	if (!(idr0 & SMMU_IDR0_S1P) || !(SMMU_GET(SMMU_IDR0_TTF, idr0) & 2) ||
	    !(idr5 & SMMU_IDR5_GRAN4K))
		return LZ_ENOTSUP;
	if (!(idr0 & SMMU_IDR0_COHACC) && !d->coherent)
		return LZ_ENOTSUP;
	if (idr1 & (SMMU_IDR1_QUEUES_PRESET | SMMU_IDR1_TABLES_PRESET))
		return LZ_ENOTSUP;
	s->ats = idr0 & SMMU_IDR0_ATS;
	s->asid16 = idr0 & SMMU_IDR0_ASID16;
	s->stall_model = (unsigned)SMMU_GET(SMMU_IDR0_STALL_MODEL, idr0);
	s->two_level = SMMU_GET(SMMU_IDR0_ST_LEVEL, idr0) == 1;
	s->range_inv = lz_smmu_read32(s, SMMU_IDR3) & SMMU_IDR3_RIL;
	s->sid_bits = (unsigned)SMMU_GET(SMMU_IDR1_SIDSIZE, idr1);
	s->ssid_bits = smaller((unsigned)SMMU_GET(SMMU_IDR1_SSIDSIZE, idr1), MAX_SSID_BITS);
	s->oas_bits = smaller(oas_bits[SMMU_GET(SMMU_IDR5_OAS, idr5)], 48);
	s->oas_code = smaller((unsigned)SMMU_GET(SMMU_IDR5_OAS, idr5), 5);
	s->cmdq.ring.log2 = smaller(d->cmdq_log2 ? d->cmdq_log2 : DEFAULT_CMDQ_LOG2,
				    (unsigned)SMMU_GET(SMMU_IDR1_CMDQS, idr1));
	s->evtq_log2 = smaller(d->evtq_log2 ? d->evtq_log2 : DEFAULT_EVTQ_LOG2,
			       (unsigned)SMMU_GET(SMMU_IDR1_EVENTQS, idr1));
	/* A batch of one command and its sync must fit with another beside it. */
	return s->cmdq.ring.log2 >= 2 ? LZ_OK : LZ_ENOTSUP;
}

/* ---- registers with an acknowledge ---- */

struct ack {
	struct lz_smmu *s;
	uint32_t reg, value, mask;
};

static bool acked(void *arg)
{
	struct ack *a = arg;

	return !((lz_smmu_read32(a->s, a->reg) ^ a->value) & a->mask);
}

static enum lz_status write_acked(struct lz_smmu *s, uint32_t reg, uint32_t ack, uint32_t v)
{
	struct ack a = {s, ack, v, UINT32_MAX};

	lz_smmu_write32(s, reg, v);
	return lz_wait(s->lz, acked, &a, lz_now(s->lz) + s->lz->cfg.sync_bound) ? LZ_OK
										: LZ_ETIMEDOUT;
}

enum lz_status lz_smmu_write_cr0(struct lz_smmu *s, uint32_t v)
{
	s->cr0 = v;
	return write_acked(s, SMMU_CR0, SMMU_CR0ACK, v);
}

static bool gbpa_done(void *arg)
{
	return !(lz_smmu_read32(arg, SMMU_GBPA) & SMMU_GBPA_UPDATE);
}

static enum lz_status gbpa_abort(struct lz_smmu *s)
{
	lz_ns until = lz_now(s->lz) + s->lz->cfg.sync_bound;

	if (!lz_wait(s->lz, gbpa_done, s, until))
		return LZ_ETIMEDOUT;
	lz_smmu_write32(s, SMMU_GBPA,
			lz_smmu_read32(s, SMMU_GBPA) | SMMU_GBPA_ABORT | SMMU_GBPA_UPDATE);
	return lz_wait(s->lz, gbpa_done, s, until) ? LZ_OK : LZ_ETIMEDOUT;
}

/* Each bit is acknowledged on its own, and that of a queue that a restart has begun
 * to stop may be out as long as its sync is: the last rung does not wait for it. */
enum lz_status lz_smmu_hw_abort_all(struct lz_smmu *s)
{
	struct ack a = {s, SMMU_CR0ACK, s->cr0 & ~SMMU_CR0_SMMUEN, ~SMMU_CR0_CMDQEN};
	enum lz_status st = gbpa_abort(s);

	if (st != LZ_OK)
		return st;
	s->cr0 = a.value;
	lz_smmu_write32(s, SMMU_CR0, a.value);
	if (!lz_wait(s->lz, acked, &a, lz_now(s->lz) + s->lz->cfg.sync_bound))
		return LZ_ETIMEDOUT;
	lz_smmu_declare_dead(s);
	return LZ_OK;
}

/* ---- memory ---- */

static size_t event_bytes(const struct lz_smmu *s)
{
	return (size_t)32 << s->evtq_log2;
}

enum lz_status lz_smmu_queue_alloc(struct lz_smmu_queue *q)
{
	q->ring.ops = &lz_smmu_ring_ops;
	q->wrap = (2u << q->ring.log2) - 1;
	return lz_ring_init(q->smmu->lz, &q->ring, 32, 0);
}

/* `unused`: by hardware. */
void lz_smmu_queue_free(struct lz_smmu_queue *q, bool unused)
{
	lz_ring_fini(q->smmu->lz, &q->ring, unused);
}

static enum lz_status alloc_queues(struct lz_smmu *s)
{
	enum lz_status st = lz_smmu_queue_alloc(&s->cmdq);
	size_t evt = event_bytes(s);

	if (LZ_CONFIG_RECORDS)
		s->evtq = lz_mem_dma_alloc(s->lz, evt, evt, &s->evtq_phys);
	return s->evtq || !LZ_CONFIG_RECORDS ? st : LZ_ENOMEM;
}

/* Hardware that does not say that it is off goes on reading tables and writing
 * events: that memory is nobody's from here on. */
static void free_memory(struct lz_smmu *s, bool unused)
{
	struct lz *lz = s->lz;

	lz_smmu_strtab_fini(s, unused);
	if (unused)
		lz_mem_dma_free(lz, s->evtq, event_bytes(s));
	else
		lz_log(lz, LZ_LOG_ERR, s->iommu.name,
		       "does not switch off: queues and tables are not given back");
	lz_smmu_lanes_fini(s, unused);
	lz_smmu_queue_free(&s->cmdq, unused);
	lz_mem_free(lz, s->memory, sizeof(*s) + LZ_RING_LINE);
}

/* ---- bring-up ---- */

static void write_tables(struct lz_smmu *s)
{
	uint32_t cfg = SMMU_FIELD(SMMU_STRTAB_BASE_CFG_LOG2SIZE, s->sid_bits);

	if (s->two_level)
		cfg |= SMMU_FIELD(SMMU_STRTAB_BASE_CFG_FMT, 1) |
		       SMMU_FIELD(SMMU_STRTAB_BASE_CFG_SPLIT, SMMU_STRTAB_SPLIT);
	lz_smmu_write32(s, SMMU_CR1,
			SMMU_FIELD(SMMU_CR1_QUEUE_IC, SMMU_CACHE_WB) |
				SMMU_FIELD(SMMU_CR1_QUEUE_OC, SMMU_CACHE_WB) |
				SMMU_FIELD(SMMU_CR1_QUEUE_SH, SMMU_SH_INNER) |
				SMMU_FIELD(SMMU_CR1_TABLE_IC, SMMU_CACHE_WB) |
				SMMU_FIELD(SMMU_CR1_TABLE_OC, SMMU_CACHE_WB) |
				SMMU_FIELD(SMMU_CR1_TABLE_SH, SMMU_SH_INNER));
	lz_smmu_write32(s, SMMU_CR2, SMMU_CR2_PTM | SMMU_CR2_RECINVSID);
	lz_mmio_write64(s->mmio, SMMU_STRTAB_BASE,
			SMMU_STRTAB_BASE_RA | (s->strtab_phys & SMMU_STRTAB_BASE_ADDR));
	lz_smmu_write32(s, SMMU_STRTAB_BASE_CFG, cfg);
	lz_mmio_write64(s->mmio, SMMU_CMDQ_BASE,
			SMMU_QUEUE_BASE_RWA | (s->cmdq.ring.phys & SMMU_QUEUE_BASE_ADDR) |
				s->cmdq.ring.log2);
	lz_smmu_write32(s, SMMU_CMDQ_CONS, 0);
	lz_smmu_write32(s, SMMU_CMDQ_PROD, 0);
	if (!LZ_CONFIG_RECORDS)
		return;
	lz_mmio_write64(s->mmio, SMMU_EVENTQ_BASE,
			SMMU_QUEUE_BASE_RWA | (s->evtq_phys & SMMU_QUEUE_BASE_ADDR) | s->evtq_log2);
	lz_smmu_write32(s, SMMU_EVENTQ_PROD, 0);
	lz_smmu_write32(s, SMMU_EVENTQ_CONS, 0);
}

/* Errors from before: acknowledge exactly what is active (H79). */
static void clear_errors(struct lz_smmu *s)
{
	uint32_t gerrorn = lz_smmu_read32(s, SMMU_GERRORN);
	uint32_t active = lz_smmu_read32(s, SMMU_GERROR) ^ gerrorn;

	if (active)
		lz_smmu_write32(s, SMMU_GERRORN, gerrorn ^ active);
}

static enum lz_status interrupts_on(struct lz_smmu *s)
{
	enum lz_status st = write_acked(s, SMMU_IRQ_CTRL, SMMU_IRQ_CTRLACK, 0);
	uint32_t on = SMMU_IRQ_CTRL_GERROR;

	if (st != LZ_OK)
		return st;
	lz_mmio_write64(s->mmio, SMMU_GERROR_IRQ_CFG0, 0); /* wired */
	if (LZ_CONFIG_RECORDS) {
		lz_mmio_write64(s->mmio, SMMU_EVENTQ_IRQ_CFG0, 0);
		on |= SMMU_IRQ_CTRL_EVENTQ;
	}
	return write_acked(s, SMMU_IRQ_CTRL, SMMU_IRQ_CTRLACK, on);
}

/*
 * A previous user may have left the SMMU and ATS on (H91): untranslated traffic
 * aborts first, then everything goes off. ATSCHK is on and acknowledged before
 * SMMUEN, so there is no moment in which translated traffic passes unchecked
 * (H75).
 */
enum lz_status lz_smmu_hw_reset(struct lz_smmu *s)
{
	struct lz_command all[2] = {lz_smmu_cmd_cfgi_all(), lz_smmu_cmd_tlbi_everything()};
	uint32_t cr0 = SMMU_CR0_CMDQEN;
	lz_ns deadline = 0;
	enum lz_status st = gbpa_abort(s);

	if (st == LZ_OK)
		st = lz_smmu_write_cr0(s, 0);
	if (st == LZ_OK && !lz_smmu_lanes_off(s))
		st = LZ_ETIMEDOUT;
	if (st != LZ_OK)
		return st;
	write_tables(s);
	clear_errors(s);
	st = lz_smmu_write_cr0(s, cr0);
	if (st == LZ_OK)
		st = lz_smmu_queue_run(&s->cmdq, all, 2, &deadline);
	if (st == LZ_OK && LZ_CONFIG_RECORDS)
		st = lz_smmu_write_cr0(s, cr0 |= SMMU_CR0_EVENTQEN);
	if (st == LZ_OK)
		st = interrupts_on(s);
	if (st == LZ_OK && s->ats)
		st = lz_smmu_write_cr0(s, cr0 |= SMMU_CR0_ATSCHK);
	if (st == LZ_OK)
		st = lz_smmu_write_cr0(s, cr0 | SMMU_CR0_SMMUEN);
	if (st == LZ_OK)
		lz_smmu_lanes_on(s);
	return st;
}

/* Says whether it is off. Traffic must abort first: as long as it would pass, the
 * tables are what stops it. In service failure mode everything is terminated. */
static bool hw_off(struct lz_smmu *s)
{
	if (gbpa_abort(s) != LZ_OK)
		return lz_load32(&s->sfm_seen);
	return (lz_smmu_lanes_off(s) && lz_smmu_write_cr0(s, 0) == LZ_OK) ||
	       lz_load32(&s->sfm_seen);
}

/* ---- life cycle ---- */

const struct lz_lock_class lz_smmu_prod_class = {"smmu.prod", LZ_RANK_PROD};
static const struct lz_lock_class err_class = {"smmu.err", LZ_RANK_QUEUE_ERR};
static const struct lz_lock_class sid_class = {"smmu.sid", LZ_RANK_SID};
static const struct lz_lock_class share_class = {"smmu.share", LZ_RANK_SHARE};
static const struct lz_lock_class asid_class = {"smmu.asid", LZ_RANK_SID};

enum lz_status lz_smmuv3_add(struct lz *lz, const struct lz_smmuv3_desc *desc,
			     struct lz_iommu **out)
{
	enum lz_status st;
	struct lz_smmu *s;
	uint8_t *memory;

	if (!lz || !desc || !out)
		return LZ_EINVAL;
	*out = NULL;
	memory = lz_mem_alloc(lz, sizeof(*s) + LZ_RING_LINE);
	if (!memory)
		return LZ_ENOMEM;
	s = (struct lz_smmu *)(void *)(memory + (-(uintptr_t)memory & (LZ_RING_LINE - 1)));
	s->memory = memory;
	s->lz = lz;
	s->mmio = s->cmdq.prod = s->cmdq.cons = desc->mmio;
	s->cmdq.smmu = s;
	lz_spin_init(&s->err_lock, &err_class);
	lz_spin_init(&s->sid_lock, &sid_class);
	lz_spin_init(&s->share_lock, &share_class);
	lz_spin_init(&s->asid_lock, &asid_class);
	s->asid_map[0] = 1; /* ASID 0 is never given out */
	lz_iommu_init(&s->iommu, lz, &lz_smmu_ops, desc->name ? desc->name : "smmu");
	/* CR0 is this thread's alone until all is set up. */
	(void)lz_work_disable(&s->iommu.work);
	st = lz_smmu_hw_probe(s, desc);
	if (st == LZ_OK)
		st = lz_smmu_strtab_init(s);
	if (st == LZ_OK)
		st = alloc_queues(s);
	if (st == LZ_OK)
		st = lz_smmu_lanes_init(s, desc);
	if (st == LZ_OK)
		st = lz_smmu_hw_reset(s);
	if (st != LZ_OK) {
		bool off = !s->cr0 || hw_off(s);

		(void)lz_iommu_fini(&s->iommu);
		free_memory(s, off);
		return st;
	}
	lz_work_enable(&s->iommu.work);
	(void)lz_smmuv3_gerror_irq(&s->iommu); /* what came meanwhile */
	(void)lz_smmuv3_cmdqv_irq(&s->iommu);
	(void)lz_smmuv3_evtq_irq(&s->iommu);
	*out = &s->iommu;
	return LZ_OK;
}

enum lz_status lz_smmuv3_remove(struct lz_iommu *iommu)
{
	struct lz_smmu *s = lz_smmu_of(iommu);
	enum lz_status st = lz_iommu_fini(iommu);
	bool off;

	if (st != LZ_OK)
		return st;
	(void)write_acked(s, SMMU_IRQ_CTRL, SMMU_IRQ_CTRLACK, 0);
	off = hw_off(s);
	free_memory(s, off);
	return off ? LZ_OK : LZ_ETIMEDOUT;
}
