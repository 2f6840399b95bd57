/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of flat.h, and the services of its port. */
#include "figures/flat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

LZ_FLAT_LOCAL unsigned lz_port_cpu;
LZ_FLAT_LOCAL unsigned long lz_port_masked;

void lz_port_panic(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

lz_ns flat_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (lz_ns)t.tv_sec * 1000000000u + (lz_ns)t.tv_nsec;
}

/* ---- hardware that takes its time: one sync after the other ---- */

#ifndef LZ_FLAT_INSTANT
bool lz_port_slow;

/*
 * Behind the registers, in memory that none of them uses. Nothing runs: writes of
 * the tail (in order, by whoever publishes) say when their sync will have completed,
 * reads of the head compare that with the clock. A thread of its own would want a
 * third CPU.
 */
#define HW_OFFSET 0x18000u
#define HW_SYNCS  512u /* more than a queue holds */
struct hw {
	uint64_t posted; /* syncs, ever */
	uint8_t apart[64];
	uint64_t completed;
	uint8_t apart2[64];
	struct {
		lz_ns at;
		uint32_t prod;
	} sync[HW_SYNCS];
};

void lz_port_slow_prod(uintptr_t base, uint32_t v)
{
	struct hw *hw = (struct hw *)(base + HW_OFFSET);
	uint64_t n = lz_load64(&hw->posted);
	lz_ns begin = flat_now(), before = hw->sync[(n - 1) % HW_SYNCS].at;

	hw->sync[n % HW_SYNCS].at = (begin > before ? begin : before) + FLAT_SYNC_TIME;
	hw->sync[n % HW_SYNCS].prod = v;
	lz_store64_release(&hw->posted, n + 1);
}

uint32_t lz_port_slow_cons(uintptr_t base)
{
	struct hw *hw = (struct hw *)(base + HW_OFFSET);
	uint64_t seen = lz_load64_acquire(&hw->completed), done = seen;
	uint64_t posted = lz_load64_acquire(&hw->posted);
	lz_ns t = flat_now();

	while (done < posted && hw->sync[done % HW_SYNCS].at <= t)
		done++;
	while (seen < done && !lz_cas64(&hw->completed, &seen, done))
		;
	return hw->sync[(done - 1) % HW_SYNCS].prod;
}

static uint32_t tail_of(const struct flat *f)
{
	return f->riscv ? LZ_FLAT_CQT : LZ_FLAT_PROD;
}

void flat_slow_begin(struct flat *f)
{
	struct hw *hw = (struct hw *)(f->mmio + HW_OFFSET);

	*hw = (struct hw){.posted = 1, .completed = 1};
	hw->sync[0].prod = lz_load32((uint32_t *)(f->mmio + tail_of(f)));
}

void flat_slow_end(struct flat *f)
{
	lz_store32((uint32_t *)(f->mmio + (f->riscv ? LZ_FLAT_CQH : LZ_FLAT_CONS)),
		   lz_load32((uint32_t *)(f->mmio + tail_of(f))));
}
#endif

/* ---- services ---- */

static void *flat_alloc(void *ctx, size_t size)
{
	(void)ctx;
	return calloc(1, size);
}

static void flat_free_mem(void *ctx, void *p, size_t size)
{
	(void)ctx;
	(void)size;
	free(p);
}

/* Bus addresses are host addresses. */
static void *dma_alloc(void *ctx, size_t size, size_t align, lz_phys *phys)
{
	size_t unit = align < sizeof(void *) ? sizeof(void *) : align;
	void *p = aligned_alloc(unit, (size + unit - 1) / unit * unit);

	(void)ctx;
	if (p)
		memset(p, 0, size);
	*phys = (lz_phys)(uintptr_t)p;
	return p;
}

static void *dma_virt(void *ctx, lz_phys phys)
{
	(void)ctx;
	return (void *)(uintptr_t)phys;
}

static lz_ns port_now(void *ctx)
{
	(void)ctx;
	return flat_now();
}

static const struct lz_port port = {
	.alloc = flat_alloc,
	.free = flat_free_mem,
	.dma_alloc = dma_alloc,
	.dma_free = flat_free_mem,
	.dma_virt = dma_virt,
	.now = port_now,
};

/* ---- functions with ATS ---- */

static uint32_t config_read(void *ctx, unsigned off, unsigned width)
{
	uint32_t v = 0;

	memcpy(&v, (uint8_t *)ctx + off, width);
	return v;
}

static void config_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	memcpy((uint8_t *)ctx + off, &v, width);
}

static void no_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	(void)ns;
}

static void must(enum lz_status st, const char *what)
{
	if (st == LZ_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, lz_status_name(st));
	abort();
}

static void add_device(struct flat *f, unsigned i)
{
	struct flat_device *d = &f->device[i];
	uint32_t sid = 0x100 * (i + 1);
	struct lz_device_desc desc = {.name = "function",
				      .iommu = f->iommu,
				      .streams = &sid,
				      .n_streams = 1,
				      .pci = &d->pci,
				      .ats = true};
	uint32_t ats = 0x0001000fu;

	memset(d->config, 0, sizeof(d->config));
	d->config[0] = 1;	/* somebody's vendor id */
	d->config[6] = 0x10;	/* has capabilities: */
	d->config[0x34] = 0x40; /* PCI Express */
	d->config[0x40] = 0x10;
	d->config[0x42] = 2;
	memcpy(&d->config[0x100], &ats, sizeof(ats));
	d->pci = (struct lz_pci_access){
		.ctx = d->config, .read = config_read, .write = config_write, .sleep = no_sleep};
	must(lz_group_create(f->lz, i, &d->group), "group");
	must(lz_device_add(d->group, &desc, &d->dev), "device");
	must(lz_attach(d->dev, f->dom), "attach");
}

#define OAS_48 5u /* of IDR5 */

/* Identification registers of an SMMU with stage 1, ATS and 16 stream id bits. */
static void set_registers(uint8_t *mmio, uint32_t oas)
{
	uint32_t idr0 = SMMU_IDR0_S1P | SMMU_IDR0_COHACC | SMMU_IDR0_ATS | SMMU_IDR0_ASID16 |
			(uint32_t)SMMU_FIELD(SMMU_IDR0_TTF, 2) |
			(uint32_t)SMMU_FIELD(SMMU_IDR0_ST_LEVEL, 1);
	uint32_t idr1 =
		(uint32_t)(SMMU_FIELD(SMMU_IDR1_SIDSIZE, 16) | SMMU_FIELD(SMMU_IDR1_CMDQS, 12) |
			   SMMU_FIELD(SMMU_IDR1_EVENTQS, 7));
	uint32_t idr5 = SMMU_IDR5_GRAN4K | oas;

	memcpy(mmio + SMMU_IDR0, &idr0, 4);
	memcpy(mmio + SMMU_IDR1, &idr1, 4);
	memcpy(mmio + SMMU_IDR5, &idr5, 4);
}

static uint8_t *make_mmio(void)
{
	uint8_t *mmio = aligned_alloc(65536, 0x20000);

	if (!mmio)
		abort();
	memset(mmio, 0, 0x20000);
	return mmio;
}

static uint8_t *make_registers(uint32_t oas)
{
	uint8_t *mmio = make_mmio();

	set_registers(mmio, oas);
	return mmio;
}

/* A RISC-V IOMMU with first stage, ATS and contexts of 32 bytes. */
static uint8_t *make_registers_riscv(void)
{
	uint64_t caps = RV_FIELD(RV_CAPS_VERSION, 0x10) | RV_CAPS_SV39 | RV_CAPS_SV48 |
			RV_CAPS_ATS | RV_FIELD(RV_CAPS_IGS, RV_IGS_WIRED) |
			RV_FIELD(RV_CAPS_PAS, 56);
	uint8_t *mmio = make_mmio();

	memcpy(mmio + RV_CAPS, &caps, sizeof(caps));
	return mmio;
}

struct lz_iommu *flat_another(struct flat *f, uint32_t oas, uint8_t **mmio)
{
	struct lz_smmuv3_desc desc = {.name = "another", .cmdq_log2 = 8};
	struct lz_iommu *iommu;

	*mmio = make_registers(oas);
	desc.mmio = (uintptr_t)*mmio;
	must(lz_smmuv3_add(f->lz, &desc, &iommu), "SMMU");
	return iommu;
}

static void add_iommu(struct flat *f, unsigned cmdq_log2)
{
	struct lz_smmuv3_desc smmu = {.name = "flat", .cmdq_log2 = cmdq_log2};
	struct lz_riscv_desc riscv = {.name = "flat", .cmdq_log2 = cmdq_log2, .coherent = true};

	if (f->riscv) {
		f->mmio = make_registers_riscv();
		riscv.mmio = (uintptr_t)f->mmio;
		must(lz_riscv_add(f->lz, &riscv, &f->iommu), "RISC-V IOMMU");
	} else {
		f->mmio = make_registers(OAS_48);
		smmu.mmio = (uintptr_t)f->mmio;
		must(lz_smmuv3_add(f->lz, &smmu, &f->iommu), "SMMU");
	}
}

static struct flat *make(bool riscv, unsigned devices, enum lz_contain contain, unsigned cmdq_log2)
{
	struct flat *f = calloc(1, sizeof(*f));
	struct lz_config cfg;

	if (!f)
		abort();
	f->riscv = riscv;
	lz_config_default(&cfg);
	cfg.contain = contain;
	must(lz_init(&port, &cfg, &f->lz), "init");
	add_iommu(f, cmdq_log2);
	must(lz_domain_create(f->iommu, LZ_DOMAIN_PAGING, NULL, NULL, &f->dom), "domain");
	f->n = devices;
	for (unsigned i = 0; i < devices; i++)
		add_device(f, i);
	return f;
}

struct flat *flat_make(unsigned devices, enum lz_contain contain, unsigned cmdq_log2)
{
	return make(false, devices, contain, cmdq_log2);
}

struct flat *flat_make_riscv(unsigned devices, enum lz_contain contain, unsigned cmdq_log2)
{
	return make(true, devices, contain, cmdq_log2);
}

void flat_free(struct flat *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		lz_detach(f->device[i].dev);
		must(lz_device_remove(f->device[i].dev), "remove");
		must(lz_group_destroy(f->device[i].group), "group");
	}
	must(lz_domain_destroy(f->dom), "destroy");
	must(f->riscv ? lz_riscv_remove(f->iommu) : lz_smmuv3_remove(f->iommu), "IOMMU");
	must(lz_fini(f->lz), "fini");
	free(f->mmio);
	free(f);
}

/* ---- peers ---- */

void flat_peer_init(struct flat_peer *p, struct flat *f)
{
	if (f->riscv) {
		struct lz_rv *rv = flat_riscv(f);

		*p = (struct flat_peer){.mmio = rv->mmio,
					.ring = rv->cmdq.slots,
					.size = rv->cmdq.size,
					.prod = lz_mmio_read32(rv->mmio, RV_CQT)};
	} else {
		struct lz_smmu_queue *q = &flat_smmu(f)->cmdq;

		*p = (struct flat_peer){.mmio = q->prod,
					.ring = q->ring.slots,
					.size = q->ring.size,
					.prod = lz_mmio_read32(q->prod, SMMU_CMDQ_PROD)};
	}
}

/* What differs; constants, so that each kind is compiled for itself. */
struct kind {
	uint32_t tail, head; /* registers */
	uint32_t laps;	     /* that indices tell apart */
	uint64_t sync;
};
#define SMMU  ((struct kind){SMMU_CMDQ_PROD, SMMU_CMDQ_CONS, 2, SMMU_OP_SYNC})
#define RISCV ((struct kind){RV_CQT, RV_CQH, 1, RV_FENCE})

static inline __attribute__((always_inline)) void insert_and_wait(struct flat_peer *p,
								  struct kind k,
								  const struct lz_command *cmd,
								  uint32_t n)
{
	uint8_t *ring = (uint8_t *)p->ring;
	size_t mask = ((size_t)p->size - 1) * 16, at = p->prod * 16 & mask;
	uint64_t *slot;

	for (const struct lz_command *end = cmd + n; cmd < end; cmd++) {
		slot = (uint64_t *)(void *)(ring + at);
		lz_dma_store64(&slot[0], cmd->w[0]);
		lz_dma_store64(&slot[1], cmd->w[1]);
		at = (at + 16) & mask;
	}
	slot = (uint64_t *)(void *)(ring + at);
	lz_dma_store64(&slot[0], k.sync);
	lz_dma_store64(&slot[1], 0);
	p->prod = (p->prod + n + 1) & (k.laps * p->size - 1);
	lz_dma_wmb();
	lz_mmio_write32(p->mmio, k.tail, p->prod);
	while ((lz_mmio_read32(p->mmio, k.head) & (k.laps * p->size - 1)) != p->prod)
		lz_cpu_relax();
}

static inline __attribute__((always_inline)) void in_turn(struct flat_peer *p, struct kind k,
							  const struct lz_command *cmd, uint32_t n)
{
	unsigned long flags = lz_irq_save();
	uint32_t mine = lz_fetch_add32(&p->ticket_next, 1);

	while (lz_load32_acquire(&p->ticket_now) != mine)
		lz_cpu_relax();
	insert_and_wait(p, k, cmd, n);
	lz_store32_release(&p->ticket_now, mine + 1);
	lz_irq_restore(flags);
}

void flat_bare(struct flat_peer *p, const struct lz_command *cmd, uint32_t n)
{
	insert_and_wait(p, SMMU, cmd, n);
}

void flat_ticket(struct flat_peer *p, const struct lz_command *cmd, uint32_t n)
{
	in_turn(p, SMMU, cmd, n);
}

void flat_bare_riscv(struct flat_peer *p, const struct lz_command *cmd, uint32_t n)
{
	insert_and_wait(p, RISCV, cmd, n);
}

void flat_ticket_riscv(struct flat_peer *p, const struct lz_command *cmd, uint32_t n)
{
	in_turn(p, RISCV, cmd, n);
}
