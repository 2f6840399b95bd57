/* SPDX-License-Identifier: BSD-2-Clause */
/* Models, wired to the POSIX port: memory, interrupts, time, invalidations. */
#include "machine.h"

#include <lazaret-model/endpoint.h>
#include <lazaret-model/smmuv3.h>
#include <lazaret/posix.h>
#include <stdio.h>
#include <stdlib.h>

static struct lzm_smmu *smmu;
static struct lzm_ep *ep;
static struct lz_iommu *iommu; /* atomic */
static unsigned gerror_line, evtq_line;

/* ---- what the SMMU sees ---- */

static bool mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	(void)ctx;
	return lz_posix_dma_read(pa, buf, len);
}

static bool mem_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	(void)ctx;
	return lz_posix_dma_write(pa, buf, len);
}

static void raise_irq(void *ctx, enum lzm_irq line)
{
	(void)ctx;
	if (line == LZM_IRQ_GERROR)
		lz_posix_irq_raise(gerror_line, 0);
	else if (line == LZM_IRQ_EVTQ)
		lz_posix_irq_raise(evtq_line, 0);
}

static uint64_t now(void *ctx)
{
	(void)ctx;
	return lz_posix_hw_now();
}

static void atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	(void)ctx;
	lzm_ep_invalidate(ep, tag, inv);
}

/* ---- what the function sees ---- */

static void answer(void *ctx, struct lzm_ep *from, uint64_t tag, enum lzm_atc_answer a)
{
	(void)ctx, (void)from;
	lzm_smmu_atc_answer(smmu, tag, a);
}

static enum lzm_result translate(void *ctx, struct lzm_ep *from, uint64_t iova,
				 struct lzm_translation *out)
{
	(void)ctx;
	return lzm_smmu_translate(smmu, lzm_ep_sid(from), false, 0, iova, out);
}

static enum lzm_result translated(void *ctx, struct lzm_ep *from, uint64_t pa,
				  enum lzm_access access, uint64_t *out)
{
	(void)ctx;
	return lzm_smmu_translated(smmu, lzm_ep_sid(from), pa, access, out);
}

static enum lzm_result untranslated(void *ctx, struct lzm_ep *from, uint64_t iova,
				    enum lzm_access access, uint64_t *pa)
{
	(void)ctx;
	return lzm_smmu_untranslated(smmu, lzm_ep_sid(from), false, 0, iova, access, pa);
}

static void dma(void *ctx, struct lzm_ep *from, uint64_t iova, uint64_t pa, enum lzm_access access,
		bool by_atc)
{
	(void)ctx, (void)from, (void)access;
	printf("  access: 0x%llx -> 0x%llx%s\n", (unsigned long long)iova, (unsigned long long)pa,
	       by_atc ? ", translated by the device" : "");
}

static void was_reset(void *ctx, struct lzm_ep *from)
{
	(void)ctx;
	lzm_smmu_device_reset(smmu, lzm_ep_sid(from));
}

/* ---- what the library sees ---- */

static uint64_t mmio_read(void *arg, uint32_t off, unsigned width)
{
	(void)arg;
	return lzm_smmu_read(smmu, off, width);
}

static void mmio_write(void *arg, uint32_t off, unsigned width, uint64_t value)
{
	(void)arg;
	lzm_smmu_write(smmu, off, width, value);
}

static void on_gerror(void *arg)
{
	struct lz_iommu *to = __atomic_load_n(&iommu, __ATOMIC_ACQUIRE);

	(void)arg;
	if (to)
		(void)lz_smmuv3_gerror_irq(to);
}

static void on_evtq(void *arg)
{
	struct lz_iommu *to = __atomic_load_n(&iommu, __ATOMIC_ACQUIRE);

	(void)arg;
	if (to)
		(void)lz_smmuv3_evtq_irq(to);
}

static uint32_t config_read(void *ctx, unsigned offset, unsigned width)
{
	uint32_t v;

	(void)ctx;
	lz_posix_hw_lock();
	v = lzm_ep_cfg_read(ep, offset, width);
	lz_posix_hw_unlock();
	return v;
}

static void config_write(void *ctx, unsigned offset, unsigned width, uint32_t value)
{
	(void)ctx;
	lz_posix_hw_lock();
	lzm_ep_cfg_write(ep, offset, width, value);
	lz_posix_hw_unlock();
}

static void config_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	lz_posix_sleep(ns);
}

const struct lz_pci_access *machine_pci(void)
{
	static const struct lz_pci_access access = {
		.read = config_read, .write = config_write, .sleep = config_sleep};

	return &access;
}

void machine_deliver(struct lz_iommu *to)
{
	__atomic_store_n(&iommu, to, __ATOMIC_RELEASE);
}

/* ---- putting it together ---- */

static bool smmu_step(void *arg)
{
	(void)arg;
	return lzm_smmu_step(smmu);
}

static uint64_t smmu_wake(void *arg)
{
	(void)arg;
	return lzm_smmu_wake(smmu);
}

static bool ep_step(void *arg)
{
	(void)arg;
	return lzm_ep_step(ep);
}

static uint64_t ep_wake(void *arg)
{
	(void)arg;
	return lzm_ep_wake(ep);
}

static struct lzm_ep *make_function(void)
{
	/* A PCI Express endpoint with function level reset and ATS. */
	static const uint8_t config[4096] = {
		[0x00] = 0xf4,	[0x01] = 0x1a,	[0x02] = 0x42, [0x03] = 0x10, /* ids */
		[0x04] = 0x06,				       /* memory, bus master */
		[0x06] = 0x10,	[0x34] = 0x40,		       /* capabilities */
		[0x40] = 0x10,	[0x42] = 0x02,	[0x47] = 0x10, /* Express, FLR */
		[0x100] = 0x0f, [0x102] = 0x01,		       /* ATS */
	};
	static const struct lzm_ep_link link = {
		.now = now,
		.answer = answer,
		.translate = translate,
		.translated = translated,
		.untranslated = untranslated,
		.dma = dma,
		.reset = was_reset,
	};
	const struct lzm_ep_config cfg = {
		.name = "disk",
		.config = config,
		.config_len = sizeof(config),
		.sid = MACHINE_SID,
		.atc_entries = 32,
		.answer_ns = 1000,
		.flr_ns = 1000000,
	};

	return lzm_ep_create(&cfg, &link);
}

void machine_start(void)
{
	static const struct lzm_bus bus = {NULL, mem_read, mem_write, raise_irq, now, atc_inv};
	struct lzm_smmu_config cfg;

	lz_posix_start(64u << 20, 0x80000000u);
	lz_posix_bind(0);
	lzm_smmu_config_default(&cfg);
	smmu = lzm_smmu_create(&cfg, &bus);
	ep = make_function();
	if (!smmu || !ep)
		exit(1);
	gerror_line = lz_posix_irq_line(2, on_gerror, NULL);
	evtq_line = lz_posix_irq_line(2, on_evtq, NULL);
	lz_posix_mmio_add(
		&(struct lz_posix_mmio){MACHINE_MMIO, 0x20000, mmio_read, mmio_write, NULL});
	lz_posix_hw_add(&(struct lz_posix_hw){smmu_step, smmu_wake, NULL});
	lz_posix_hw_add(&(struct lz_posix_hw){ep_step, ep_wake, NULL});
}

int machine_stop(void)
{
	size_t left;

	lz_posix_unbind();
	left = lz_posix_stop();
	lzm_ep_destroy(ep);
	lzm_smmu_destroy(smmu);
	if (left)
		fprintf(stderr, "%zu allocations were not given back\n", left);
	return left != 0;
}

void machine_expect_dma(lz_iova iova, bool gets_through)
{
	enum lzm_result r;

	lz_posix_hw_lock();
	r = lzm_ep_dma(ep, iova, LZM_WRITE);
	lz_posix_hw_unlock();
	if ((r == LZM_OK) == gets_through)
		return;
	fprintf(stderr, "access to 0x%llx %s\n", (unsigned long long)iova,
		gets_through ? "was refused" : "got through");
	exit(1);
}

void machine_silence(void)
{
	lz_posix_hw_lock();
	lzm_ep_fault(ep, LZM_EP_ATC_SILENT, 0, 0);
	lz_posix_hw_unlock();
}
