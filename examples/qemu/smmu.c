/* SPDX-License-Identifier: BSD-2-Clause */
/* The SMMU, its interrupts, its fault records; devices and their memory. */
#include "smmu.h"

#include "check.h"
#include "freestanding.h"
#include "shim.h"

#define MAX_FAULTS 64u

#define EVENTQ_PROD	0x100a8u
#define EVENTQ_CONS	0x100acu
#define EVENTQ_OVERFLOW (1u << 31)

struct smmu smmu;

static struct bm_lock fault_lock;
static struct lz_smmuv3_fault faults[MAX_FAULTS];
static unsigned n_faults;

/* ---- finding it ---- */

bool smmu_find(int node)
{
	int gerror = bm_fdt_string(node, "interrupt-names", "gerror");
	int evtq = bm_fdt_string(node, "interrupt-names", "eventq");

	return bm_fdt_string(node, "compatible", "arm,smmu-v3") >= 0 && gerror >= 0 && evtq >= 0 &&
	       bm_fdt_irq(node, (unsigned)gerror, &smmu.gerror_irq, &smmu.gerror_edge) &&
	       bm_fdt_irq(node, (unsigned)evtq, &smmu.evtq_irq, &smmu.evtq_edge) &&
	       bm_fdt_reg(node, 0, &smmu.base, &smmu.size) && bm_map_device(smmu.base, smmu.size) &&
	       (smmu.coherent = bm_fdt_prop(node, "dma-coherent", NULL), true);
}

void smmu_print(void)
{
	static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 52, 56};
	uint32_t idr0 = lz_mmio_read32(smmu.base, 0x00), idr1 = lz_mmio_read32(smmu.base, 0x04);
	uint32_t idr3 = lz_mmio_read32(smmu.base, 0x0c), idr5 = lz_mmio_read32(smmu.base, 0x14);

	bm_print("SMMUv3 at 0x%lx, event queue irq %u, global errors irq %u%s\n", smmu.base,
		 smmu.evtq_irq, smmu.gerror_irq, smmu.coherent ? ", coherent" : "");
	bm_print("  IDR0 %08x: stage 1 %s, stage 2 %s, ATS %s, %u-bit ASIDs, stream table of %s\n",
		 idr0, idr0 & 2 ? "yes" : "no", idr0 & 1 ? "yes" : "no",
		 idr0 & 0x400 ? "yes" : "no", idr0 & 0x1000 ? 16 : 8,
		 (idr0 >> 27 & 3) == 1 ? "two levels" : "one level");
	bm_print("  IDR1 %08x: %u-bit stream ids, %u-bit substream ids, queues of 2^%u and 2^%u\n",
		 idr1, idr1 & 63, idr1 >> 6 & 31, idr1 >> 21 & 31, idr1 >> 16 & 31);
	bm_print("  IDR3 %08x: invalidation by range %s\n", idr3, idr3 & 0x400 ? "yes" : "no");
	bm_print("  IDR5 %08x: %u-bit addresses\n", idr5, bits[idr5 & 7]);
}

/* ---- interrupts and records ---- */

static void on_gerror(void *arg)
{
	(void)lz_smmuv3_gerror_irq(arg);
}

static void on_evtq(void *arg)
{
	(void)lz_smmuv3_evtq_irq(arg);
}

void smmu_route(unsigned cpu)
{
	bm_irq_route(smmu.gerror_irq, cpu);
	bm_irq_route(smmu.evtq_irq, cpu);
}

static void on_fault(void *ctx, struct lz_iommu *iommu, const struct lz_smmuv3_fault *f)
{
	unsigned long flags = bm_lock(&fault_lock);

	(void)ctx, (void)iommu;
	faults[n_faults++ % MAX_FAULTS] = *f;
	bm_unlock(&fault_lock, flags);
}

static bool no_records(void *arg)
{
	uint32_t prod = lz_mmio_read32(smmu.base, EVENTQ_PROD);

	(void)arg;
	return ((prod ^ lz_mmio_read32(smmu.base, EVENTQ_CONS)) & ~EVENTQ_OVERFLOW) == 0;
}

/* Those that are on their way arrive first: a full queue takes no others. */
void smmu_faults_forget(void)
{
	unsigned long flags;

	if (!wait_for(no_records, NULL, LZ_SEC(5)))
		bm_print("      records are left in the event queue\n");
	bm_worker_idle();
	flags = bm_lock(&fault_lock);

	n_faults = 0;
	bm_unlock(&fault_lock, flags);
}

unsigned smmu_faults(void)
{
	return __atomic_load_n(&n_faults, __ATOMIC_ACQUIRE);
}

struct wanted {
	uint32_t stream;
	const char *name;
	uint64_t page;
	bool write;
};

static bool arrived(void *arg)
{
	const struct wanted *w = arg;
	unsigned long flags = bm_lock(&fault_lock);
	bool yes = false;

	for (unsigned i = 0; i < n_faults && i < MAX_FAULTS && !yes; i++)
		yes = faults[i].stream == w->stream && bm_streq(faults[i].name, w->name) &&
		      faults[i].iova >> 12 == w->page >> 12 && faults[i].write == w->write;
	bm_unlock(&fault_lock, flags);
	return yes;
}

bool smmu_fault(uint32_t stream, const char *name, uint64_t page, bool write)
{
	struct wanted w = {stream, name, page, write};
	bool yes = wait_for(arrived, &w, LZ_SEC(5));

	for (unsigned i = 0; i < n_faults && i < MAX_FAULTS && i < 4; i++)
		bm_print("      record: %s stream 0x%x iova 0x%lx %s\n", faults[i].name,
			 faults[i].stream, faults[i].iova, faults[i].write ? "write" : "read");
	return yes;
}

/* ---- events ---- */

static uint32_t events[LZ_EVENT_KINDS]; /* atomic */

static void on_event(void *ctx, const struct lz_event *ev)
{
	(void)ctx;
	(void)lz_fetch_add32(&events[ev->kind], 1);
}

unsigned smmu_events(enum lz_event_kind kind)
{
	return lz_load32(&events[kind]);
}

/* ---- up and down ---- */

bool smmu_up(void)
{
	struct lz_smmuv3_desc desc = {
		.name = "smmu0", .mmio = smmu.base, .coherent = smmu.coherent};
	struct lz_config cfg;
	unsigned cpu = bm_cpus() - 1;

	memset(events, 0, sizeof(events));
	lz_config_default(&cfg);
	cfg.event = on_event;
	if (!check(fine(lz_init(bm_port(), &cfg, &smmu.lz), "lz_init") &&
			   fine(lz_smmuv3_add(smmu.lz, &desc, &smmu.iommu), "lz_smmuv3_add"),
		   "the driver has brought the SMMU up"))
		return false;
	lz_smmuv3_set_fault_handler(smmu.iommu, on_fault, NULL);
	bm_irq_on(smmu.gerror_irq, smmu.gerror_edge, cpu, on_gerror, smmu.iommu);
	bm_irq_on(smmu.evtq_irq, smmu.evtq_edge, cpu, on_evtq, smmu.iommu);
	bm_worker(smmu.lz);
	return true;
}

bool smmu_down(void)
{
	bm_irq_off(smmu.gerror_irq);
	bm_irq_off(smmu.evtq_irq);
	bm_worker(NULL);
	bm_worker_idle();
	(void)lz_poll(smmu.lz);
	return check(fine(lz_smmuv3_remove(smmu.iommu), "lz_smmuv3_remove") &&
			     fine(lz_fini(smmu.lz), "lz_fini") && bm_used() == 0,
		     "the SMMU is removed, all memory was given back");
}

/* ---- devices ---- */

static void on_error(void *ctx, struct lz_device *dev, enum lz_evidence e, uint32_t generation)
{
	struct client *c = ctx;

	(void)generation;
	bm_print("      owner: %s is quarantined, evidence %s\n", lz_device_name(dev),
		 lz_evidence_name(e));
	(void)lz_fetch_add32(&c->errors, 1);
}

static void on_resume(void *ctx, struct lz_device *dev)
{
	struct client *c = ctx;

	bm_print("      owner: %s may be used again\n", lz_device_name(dev));
	(void)lz_fetch_add32(&c->resumed, 1);
}

static void on_release(void *ctx, struct lz_domain *dom, lz_iova iova, size_t size)
{
	struct client *c = ctx;

	(void)dom;
	bm_print("      owner: %lu bytes at 0x%lx are free\n", size, iova);
	(void)lz_fetch_add32(&c->released, (uint32_t)(size / LZ_PAGE));
}

bool client_up(struct client *c, struct pci_function *fn, bool ats)
{
	static const struct lz_owner_ops owner = {.error_detected = on_error, .resume = on_resume};
	static const struct lz_domain_ops ops = {.release = on_release};
	struct lz_device_desc desc = {.name = fn->name,
				      .iommu = smmu.iommu,
				      .streams = &fn->sid,
				      .n_streams = 1,
				      .pci = &fn->access,
				      .ats = ats,
				      .owner = &owner,
				      .owner_ctx = c};

	*c = (struct client){.fn = fn};
	pci_enable(fn);
	return fine(lz_group_create(smmu.lz, fn->group, &c->group), "lz_group_create") &&
	       fine(lz_device_add(c->group, &desc, &c->dev), "lz_device_add") &&
	       fine(lz_domain_create(smmu.iommu, LZ_DOMAIN_PAGING, &ops, c, &c->dom),
		    "lz_domain_create") &&
	       fine(lz_attach(c->dev, c->dom), "lz_attach");
}

bool client_down(struct client *c)
{
	lz_detach(c->dev);
	return fine(lz_domain_destroy(c->dom), "lz_domain_destroy") &&
	       fine(lz_device_remove(c->dev), "lz_device_remove") &&
	       fine(lz_group_destroy(c->group), "lz_group_destroy");
}

bool shared_alloc(struct shared *m, size_t size, lz_iova iova)
{
	m->size = size;
	m->iova = iova;
	m->va = bm_port()->dma_alloc(NULL, size, LZ_PAGE, &m->pa);
	return m->va;
}

void shared_free(struct shared *m)
{
	bm_port()->dma_free(NULL, m->va, m->size);
	m->va = NULL;
}

enum lz_status shared_map(struct client *c, const struct shared *m, unsigned prot)
{
	return lz_map(c->dom, m->iova, m->pa, m->size, prot);
}

enum lz_status shared_unmap(struct client *c, const struct shared *m)
{
	return lz_unmap(c->dom, m->iova, m->size);
}
