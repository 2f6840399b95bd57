/* SPDX-License-Identifier: BSD-2-Clause */
/* The event queue (sections 3.5, 7.2, 7.3): records decoded and handed on. */
#include "drivers/smmuv3/smmu.h"

/* Records taken per call, so that a flood does not starve the rest of work. */
#define EVT_BUDGET 256u

static const char *event_name(uint8_t id)
{
	static const struct {
		uint8_t id;
		const char *name;
	} known[] = {
		{0x01, "F_UUT"},
		{0x02, "C_BAD_STREAMID"},
		{0x03, "F_STE_FETCH"},
		{0x04, "C_BAD_STE"},
		{0x05, "F_BAD_ATS_TREQ"},
		{0x06, "F_STREAM_DISABLED"},
		{0x07, "F_TRANSL_FORBIDDEN"},
		{0x08, "C_BAD_SUBSTREAMID"},
		{0x09, "F_CD_FETCH"},
		{0x0a, "C_BAD_CD"},
		{0x0b, "F_WALK_EABT"},
		{0x10, "F_TRANSLATION"},
		{0x11, "F_ADDR_SIZE"},
		{0x12, "F_ACCESS"},
		{0x13, "F_PERMISSION"},
		{0x20, "F_TLB_CONFLICT"},
		{0x21, "F_CFG_CONFLICT"},
		{0x24, "E_PAGE_REQUEST"},
		{0x25, "F_VMS_FETCH"},
	};

	for (unsigned i = 0; LZ_CONFIG_NAMES && i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].id == id)
			return known[i].name;
	return LZ_CONFIG_NAMES ? "unknown event" : "?";
}

static void decode(const uint64_t raw[SMMU_EVT_WORDS], struct lz_smmuv3_fault *f)
{
	*f = (struct lz_smmuv3_fault){
		.id = (uint8_t)SMMU_GET(SMMU_EVT0_ID, raw[0]),
		.stream = (uint32_t)SMMU_GET(SMMU_EVT0_SID, raw[0]),
		.has_pasid = raw[0] & SMMU_EVT0_SSV,
		.pasid = (uint32_t)SMMU_GET(SMMU_EVT0_SSID, raw[0]),
		.write = !(raw[1] & SMMU_EVT1_RNW),
		.privileged = raw[1] & SMMU_EVT1_PNU,
		.instruction = raw[1] & SMMU_EVT1_IND,
		.stage2 = raw[1] & SMMU_EVT1_S2,
		.iova = raw[2],
	};
	f->name = event_name(f->id);
	for (unsigned i = 0; i < SMMU_EVT_WORDS; i++)
		f->raw[i] = raw[i];
}

static void deliver(struct lz_smmu *s, const struct lz_smmuv3_fault *f)
{
	struct lz_smmu_dev *sd = lz_smmu_sid_any(s, f->stream);
	struct lz_event ev = {.kind = LZ_EV_DMA_FAULT,
			      .iommu = &s->iommu,
			      .device = sd ? sd->dev : NULL,
			      .generation = sd ? lz_load32(&sd->dev->generation) : 0,
			      .detail = f->iova};

	lz_emit(s->lz, &ev);
	if (s->fault_fn)
		s->fault_fn(s->fault_ctx, &s->iommu, f);
	if (sd)
		lz_device_put(sd->dev);
}

/* The overflow flag is acknowledged with the same write that frees the
 * records (section 7.4). Returns the new CONS. */
static uint32_t note_overflow(struct lz_smmu *s, uint32_t prod, uint32_t cons)
{
	struct lz_event ev = {.kind = LZ_EV_EVENTS_LOST, .iommu = &s->iommu};

	if (!((prod ^ cons) & SMMU_EVENTQ_OVFLG))
		return cons;
	lz_log(s->lz, LZ_LOG_WARN, s->iommu.name, "EVTQ overflow detected -- events lost");
	lz_emit(s->lz, &ev);
	return cons ^ SMMU_EVENTQ_OVFLG;
}

void lz_smmu_evtq_poll(struct lz_smmu *s)
{
	uint32_t mask = (2u << s->evtq_log2) - 1;
	uint32_t cons, before;

	if (!LZ_CONFIG_RECORDS)
		return;
	cons = before = lz_smmu_read32(s, SMMU_EVENTQ_CONS);

	for (unsigned i = 0; i < EVT_BUDGET; i++) {
		uint32_t prod = lz_smmu_read32(s, SMMU_EVENTQ_PROD);
		struct lz_smmuv3_fault f;
		uint64_t raw[SMMU_EVT_WORDS];
		uint64_t *slot;

		cons = note_overflow(s, prod, cons);
		if (((prod ^ cons) & mask) == 0)
			break;
		lz_dma_rmb(); /* PROD before the record */
		slot = &s->evtq[(cons & (mask >> 1)) * SMMU_EVT_WORDS];
		for (unsigned w = 0; w < SMMU_EVT_WORDS; w++)
			raw[w] = lz_dma_load64(&slot[w]);
		cons = (cons & SMMU_EVENTQ_OVFLG) | ((cons + 1) & mask);
		lz_smmu_write32(s, SMMU_EVENTQ_CONS, cons);
		before = cons;
		decode(raw, &f);
		deliver(s, &f);
	}
	if (cons != before)
		lz_smmu_write32(s, SMMU_EVENTQ_CONS, cons);
	if (((lz_smmu_read32(s, SMMU_EVENTQ_PROD) ^ cons) & mask) != 0)
		lz_iommu_kick(&s->iommu);
}

bool lz_smmuv3_evtq_irq(struct lz_iommu *iommu)
{
	struct lz_smmu *s = lz_smmu_of(iommu);

	if (!LZ_CONFIG_RECORDS)
		return false;
	if (((lz_smmu_read32(s, SMMU_EVENTQ_PROD) ^ lz_smmu_read32(s, SMMU_EVENTQ_CONS)) &
	     (SMMU_EVENTQ_OVFLG | ((2u << s->evtq_log2) - 1))) == 0)
		return false;
	lz_iommu_kick(iommu);
	return true;
}

void lz_smmuv3_set_fault_handler(struct lz_iommu *iommu, lz_smmuv3_fault_fn fn, void *ctx)
{
	if (!LZ_CONFIG_RECORDS)
		return;
	lz_smmu_of(iommu)->fault_ctx = ctx;
	lz_smmu_of(iommu)->fault_fn = fn;
}
