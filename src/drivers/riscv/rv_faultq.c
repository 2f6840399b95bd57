/* SPDX-License-Identifier: BSD-2-Clause */
/* The fault queue (3.6, 6.16): records decoded and handed on. */
#include "drivers/riscv/riscv.h"

/* Records taken per call, so that a flood does not starve the rest of work. */
#define FAULT_BUDGET 256u

static const char *cause_name(unsigned cause)
{
	static const struct {
		uint16_t cause;
		const char *name;
	} known[] = {
		{1, "instruction access fault"},
		{4, "read address misaligned"},
		{5, "read access fault"},
		{6, "write/AMO address misaligned"},
		{7, "write/AMO access fault"},
		{12, "instruction page fault"},
		{13, "read page fault"},
		{15, "write/AMO page fault"},
		{20, "instruction guest page fault"},
		{21, "read guest page fault"},
		{23, "write/AMO guest page fault"},
		{256, "all inbound transactions disallowed"},
		{257, "DDT entry load access fault"},
		{258, "DDT entry not valid"},
		{259, "DDT entry misconfigured"},
		{260, "transaction type disallowed"},
		{265, "PDT entry load access fault"},
		{266, "PDT entry not valid"},
		{267, "PDT entry misconfigured"},
		{268, "DDT data corruption"},
		{269, "PDT data corruption"},
		{272, "internal data path error"},
		{273, "MSI write access fault"},
		{274, "page table data corruption"},
	};

	for (unsigned i = 0; LZ_CONFIG_NAMES && i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].cause == cause)
			return known[i].name;
	return LZ_CONFIG_NAMES ? "unknown cause" : "?";
}

static void decode(const uint64_t raw[RV_FQ_WORDS], struct lz_riscv_fault *f)
{
	*f = (struct lz_riscv_fault){
		.cause = (uint16_t)RV_GET(RV_FQ0_CAUSE, raw[0]),
		.transaction = (uint8_t)RV_GET(RV_FQ0_TTYP, raw[0]),
		.device = (uint32_t)RV_GET(RV_FQ0_DID, raw[0]),
		.has_pasid = raw[0] & RV_FQ0_PV,
		.privileged = raw[0] & RV_FQ0_PRIV,
		.pasid = (uint32_t)RV_GET(RV_FQ0_PID, raw[0]),
		.iova = raw[2],
	};
	f->name = cause_name(f->cause);
	for (unsigned i = 0; i < RV_FQ_WORDS; i++)
		f->raw[i] = raw[i];
}

static void deliver(struct lz_rv *s, const struct lz_riscv_fault *f)
{
	struct lz_device *dev = f->transaction ? lz_streams_any(&s->streams, f->device) : NULL;
	struct lz_event ev = {.kind = LZ_EV_DMA_FAULT,
			      .iommu = &s->iommu,
			      .device = dev,
			      .generation = dev ? lz_load32(&dev->generation) : 0,
			      .detail = f->iova};

	lz_emit(s->lz, &ev);
	if (s->fault_fn)
		s->fault_fn(s->fault_ctx, &s->iommu, f);
	if (dev)
		lz_device_put(dev);
}

/* What is wrong with the queue; 0 while its register may not be written, or answers
 * nothing. */
static uint32_t error_bits(uint32_t csr)
{
	return csr == UINT32_MAX || (csr & RV_QCSR_BUSY) ? 0 : csr & (RV_QCSR_MF | RV_FQCSR_OF);
}

/* Both bits stop the queue; records that found no room are lost. The interrupt is
 * cleared last: what comes from then on raises another one. False: not now. */
static bool note_errors(struct lz_rv *s)
{
	struct lz_event ev = {.kind = LZ_EV_EVENTS_LOST, .iommu = &s->iommu};
	unsigned long flags = lz_spin_lock(&s->err_lock);
	uint32_t csr = lz_rv_read32(s, RV_FQCSR), bits = error_bits(csr);

	if (bits) /* and interrupts again, that the handler has switched off */
		lz_rv_write32(s, RV_FQCSR, (csr & RV_QCSR_EN) | RV_QCSR_IE | bits);
	if (!(csr & RV_QCSR_BUSY))
		lz_rv_write32(s, RV_IPSR, RV_IPSR_FIP);
	lz_spin_unlock(&s->err_lock, flags);
	if (!bits)
		return csr == UINT32_MAX || !(csr & RV_QCSR_BUSY);
	lz_log_limited(s->lz, &s->iommu.errors, LZ_LOG_WARN, s->iommu.name,
		       "fault queue %s: records lost",
		       bits & RV_FQCSR_OF ? "overflow" : "memory fault");
	lz_emit(s->lz, &ev);
	return true;
}

static bool is_empty(struct lz_rv *s, uint32_t head, uint32_t mask)
{
	uint32_t tail = lz_rv_read32(s, RV_FQT);

	return head == tail || (tail & ~mask);
}

bool lz_rv_faultq_poll(struct lz_rv *s)
{
	uint32_t mask = (1u << s->faultq_log2) - 1, head;
	bool done;

	if (!LZ_CONFIG_RECORDS)
		return true;
	head = lz_rv_read32(s, RV_FQH) & mask;
	for (unsigned i = 0; i < FAULT_BUDGET && !is_empty(s, head, mask); i++) {
		uint64_t *slot = &s->faultq[head * RV_FQ_WORDS], raw[RV_FQ_WORDS];
		struct lz_riscv_fault f;

		lz_dma_rmb(); /* fqt before the record */
		for (unsigned w = 0; w < RV_FQ_WORDS; w++)
			raw[w] = lz_dma_load64(&slot[w]);
		head = (head + 1) & mask;
		lz_rv_write32(s, RV_FQH, head);
		decode(raw, &f);
		deliver(s, &f);
	}
	done = note_errors(s);
	if (!is_empty(s, head, mask))
		lz_iommu_kick(&s->iommu);
	return done;
}

/* The work takes the records and clears the interrupt; one that is asserted as long as
 * it is not cleared would come again until then, so it is cleared here too. A queue that
 * has stopped raises it as soon as it is cleared, and records make room only when the
 * work takes them, perhaps on this CPU: until then it may not interrupt (H89). */
bool lz_riscv_fault_irq(struct lz_iommu *iommu)
{
	struct lz_rv *s = lz_rv_of(iommu);
	uint32_t mask = (1u << s->faultq_log2) - 1, csr;
	unsigned long flags;

	if (!LZ_CONFIG_RISCV || !LZ_CONFIG_RECORDS)
		return false;
	flags = lz_spin_lock(&s->err_lock);
	csr = lz_rv_read32(s, RV_FQCSR);
	if (error_bits(csr))
		lz_rv_write32(s, RV_FQCSR, csr & RV_QCSR_EN);
	lz_rv_write32(s, RV_IPSR, RV_IPSR_FIP);
	lz_spin_unlock(&s->err_lock, flags);
	if (is_empty(s, lz_rv_read32(s, RV_FQH) & mask, mask) &&
	    !(csr & (RV_QCSR_MF | RV_FQCSR_OF)))
		return false;
	lz_iommu_kick(iommu);
	return true;
}

void lz_riscv_set_fault_handler(struct lz_iommu *iommu, lz_riscv_fault_fn fn, void *ctx)
{
	if (!LZ_CONFIG_RISCV || !LZ_CONFIG_RECORDS)
		return;
	lz_rv_of(iommu)->fault_ctx = ctx;
	lz_rv_of(iommu)->fault_fn = fn;
}
