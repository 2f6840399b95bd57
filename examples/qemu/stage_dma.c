/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMA of three devices through stage 1, the records of what is refused, and
 * whether an unmap takes the page away. QEMU's SMMU and nothing between, but for
 * the two places that leave an invalidation out on purpose.
 */
#include "check.h"
#include "edu.h"
#include "nvme.h"
#include "pattern.h"
#include "shim.h"
#include "stages.h"
#include "virtio.h"

#define NVME_VENDOR 0x1b36
#define NVME_DEVICE 0x0010
#define QUEUES	    0x400000000ull /* of the I/O addresses */
#define DATA	    0x500000000ull
/* edu has 28 bits of address. */
#define EDU_DATA 0x0100000ull
#define EDU_BACK 0x0200000ull
#define NOWHERE	 0x0300000ull

static struct shared data, back;

static bool pages(lz_iova one, lz_iova other)
{
	return shared_alloc(&data, LZ_PAGE, one) && shared_alloc(&back, LZ_PAGE, other);
}

static void no_pages(void)
{
	shared_free(&data);
	shared_free(&back);
}

/* QEMU's devices do not look at whether their DMA arrived. */
static void says(int status)
{
	bm_print("      status of the request: %d\n", status);
}

/* ---- NVMe ---- */

static void nvme_data(struct nvme *n, struct client *c)
{
	const uint8_t *id = data.va;

	check(shared_map(c, &data, LZ_READ | LZ_WRITE) == LZ_OK &&
		      shared_map(c, &back, LZ_READ | LZ_WRITE) == LZ_OK,
	      "nvme: two pages are mapped");
	check(nvme_identify(n, 1, DATA) == 0 && (id[0] | id[1] << 8) == NVME_VENDOR &&
		      id[4] == 'l' && id[5] == 'z',
	      "nvme: identify arrives through the admin queue");
	pattern_fill(&data, 1, LZ_PAGE);
	check(nvme_write(n, 16, 8, DATA) == 0, "nvme: 4 KiB are written");
	check(nvme_read(n, 16, 8, DATA + LZ_PAGE) == 0 && pattern_is(&back, 1, LZ_PAGE),
	      "nvme: and read back, the same bytes");
}

static void nvme_refused(struct nvme *n, struct client *c)
{
	uint32_t sid = c->fn->sid;
	struct shared to = data;

	pattern_fill(&data, 2, LZ_PAGE);
	check_status(shared_unmap(c, &data), LZ_OK, "nvme: the page is unmapped");
	smmu_faults_forget();
	says(nvme_read(n, 16, 8, DATA));
	check(pattern_is(&data, 2, LZ_PAGE), "nvme: a read to it does not change it");
	check(smmu_fault(sid, "F_TRANSLATION", DATA, true), "nvme: a record says so");
	to.iova = DATA + 16 * LZ_PAGE;
	check_status(shared_map(c, &to, LZ_READ), LZ_OK, "nvme: it is mapped again, read-only");
	smmu_faults_forget();
	says(nvme_read(n, 16, 8, to.iova));
	check(pattern_is(&data, 2, LZ_PAGE), "nvme: a read to it does not change it");
	check(smmu_fault(sid, "F_PERMISSION", to.iova, true), "nvme: a record says so");
	check(nvme_write(n, 32, 8, to.iova) == 0, "nvme: a write from it is allowed");
	check(nvme_read(n, 32, 8, DATA + LZ_PAGE) == 0 && pattern_is(&back, 2, LZ_PAGE),
	      "nvme: the controller goes on");
	check(shared_unmap(c, &to) == LZ_OK && shared_unmap(c, &back) == LZ_OK,
	      "nvme: nothing is left mapped");
}

static void nvme(void)
{
	struct pci_function *fn = pci_find(NVME_VENDOR, NVME_DEVICE, 0);
	struct client c;
	struct nvme n;

	if (!check(fn && client_up(&c, fn, false), "nvme: added, and attached to a domain"))
		return;
	if (!check(pages(DATA, DATA + LZ_PAGE) && nvme_up(&n, &c, QUEUES),
		   "nvme: the controller is ready, its queues are in memory that is mapped"))
		return;
	nvme_data(&n, &c);
	nvme_refused(&n, &c);
	check(nvme_down(&n), "nvme: off, its queues are unmapped");
	no_pages();
	check(client_down(&c), "nvme: removed");
}

/* ---- edu: does the page go away? ---- */

/* What the device stores to its page: did it get there? */
static bool reaches(struct edu *e)
{
	pattern_clear(&back, 256);
	if (!edu_store(e, EDU_BACK, 256))
		check(false, "edu: the transfer ends");
	return pattern_is(&back, 3, 256);
}

static void edu_unmap(struct edu *e, struct client *c)
{
	uint32_t sid = c->fn->sid;

	check(edu_load(e, EDU_DATA, 256) && reaches(e), "edu: 256 bytes go there and back");
	check_status(shared_unmap(c, &back), LZ_OK, "edu: the page is unmapped");
	smmu_faults_forget();
	check(!reaches(e) && pattern_none(&back, 256), "edu: the device cannot reach it any more");
	check(smmu_fault(sid, "F_TRANSLATION", EDU_BACK, true), "edu: a record says so");
}

static void edu_stale(struct edu *e, struct client *c)
{
	bool mapped = shared_map(c, &back, LZ_READ | LZ_WRITE) == LZ_OK && reaches(e);

	shim_leave_out(SHIM_TLBI);
	check(mapped && shared_unmap(c, &back) == LZ_OK && reaches(e),
	      "edu: with the TLBI left out it still does, so that check can fail");
	shim_leave_out(0);
	check(shared_map(c, &back, LZ_READ | LZ_WRITE) == LZ_OK &&
		      shared_unmap(c, &back) == LZ_OK && !reaches(e),
	      "edu: with it the page is gone");
}

static void edu_blocked(struct edu *e, struct client *c)
{
	check(shared_map(c, &back, LZ_READ | LZ_WRITE) == LZ_OK && reaches(e),
	      "edu: the page is there again");
	smmu_faults_forget();
	lz_detach(c->dev);
	check(!reaches(e) && pattern_none(&back, 256), "edu: a detached device is refused");
	bm_delay(LZ_MS(20));
	check(smmu_faults() == 0, "edu: without a record: an aborting entry is silent");
	check_status(lz_attach(c->dev, c->dom), LZ_OK, "edu: it is attached again");
	check(reaches(e), "edu: and reaches the page");
	shim_leave_out(SHIM_CFGI);
	lz_detach(c->dev);
	check(reaches(e), "edu: with the CFGI left out detaching has no effect");
	shim_leave_out(0);
	check_status(lz_attach(c->dev, c->dom), LZ_OK, "edu: attached");
	lz_detach(c->dev);
	check(!reaches(e), "edu: with it the device is refused");
	check_status(lz_attach(c->dev, c->dom), LZ_OK, "edu: attached");
	check(shared_unmap(c, &data) == LZ_OK && shared_unmap(c, &back) == LZ_OK,
	      "edu: nothing is left mapped");
}

/* A function that nobody has added: its stream has no table. */
static void stranger(struct pci_function *fn)
{
	struct client nobody = {.fn = fn};
	struct edu e;

	pci_enable(fn);
	smmu_faults_forget();
	check(edu_up(&e, &nobody) && edu_load(&e, NOWHERE, 256) &&
		      smmu_fault(fn->sid, "C_BAD_STREAMID", 0, true),
	      "edu: the DMA of a device that nobody has added is refused, a record says so");
}

static void edu(void)
{
	struct pci_function *fn = pci_find(0x1234, 0x11e8, 0);
	struct client c;
	struct edu e;

	if (!check(fn, "an edu device is there"))
		return;
	stranger(fn);
	if (!check(client_up(&c, fn, false), "edu: added, and attached to a domain"))
		return;
	if (!check(edu_up(&e, &c) && pages(EDU_DATA, EDU_BACK) &&
			   shared_map(&c, &data, LZ_READ) == LZ_OK &&
			   shared_map(&c, &back, LZ_READ | LZ_WRITE) == LZ_OK,
		   "edu: ready, two pages are mapped"))
		return;
	pattern_fill(&data, 3, LZ_PAGE);
	edu_unmap(&e, &c);
	edu_stale(&e, &c);
	edu_blocked(&e, &c);
	no_pages();
	check(client_down(&c), "edu: removed");
}

/* ---- virtio ---- */

static void virtio(void)
{
	struct pci_function *fn = pci_find(0x1af4, 0x1042, 0);
	struct client c;
	struct virtio v;

	if (!check(fn && fn->ats && client_up(&c, fn, true),
		   "virtio: added with its ATS capability, and attached to a domain"))
		return;
	check(!lz_device_ats_active(c.dev), "virtio: no ATS, since this SMMU has none");
	if (!check(pages(DATA, DATA + LZ_PAGE) && virtio_up(&v, &c, QUEUES) &&
			   shared_map(&c, &data, LZ_READ | LZ_WRITE) == LZ_OK &&
			   shared_map(&c, &back, LZ_READ | LZ_WRITE) == LZ_OK,
		   "virtio: ready, its ring is in memory that is mapped"))
		return;
	check(v.platform, "virtio: it agreed to use the platform's addresses");
	pattern_fill(&data, 4, VIRTIO_SECTOR);
	check(virtio_write(&v, 5, DATA) == 0 && virtio_read(&v, 5, DATA + LZ_PAGE) == 0 &&
		      pattern_is(&back, 4, VIRTIO_SECTOR),
	      "virtio: a sector is written and read back");
	check_status(shared_unmap(&c, &back), LZ_OK, "virtio: the page is unmapped");
	pattern_clear(&back, VIRTIO_SECTOR);
	smmu_faults_forget();
	says(virtio_read(&v, 5, DATA + LZ_PAGE));
	check(pattern_none(&back, VIRTIO_SECTOR), "virtio: a read to it does not change it");
	check(smmu_fault(fn->sid, "F_TRANSLATION", DATA + LZ_PAGE, true),
	      "virtio: a record says so");
	check(virtio_enable(&v) && shared_map(&c, &back, LZ_WRITE | LZ_READ) == LZ_OK &&
		      virtio_read(&v, 5, DATA + LZ_PAGE) == 0 &&
		      pattern_is(&back, 4, VIRTIO_SECTOR),
	      "virtio: after a reset of the device it works again");
	check(virtio_down(&v) && shared_unmap(&c, &data) == LZ_OK &&
		      shared_unmap(&c, &back) == LZ_OK,
	      "virtio: off, nothing is left mapped");
	no_pages();
	check(client_down(&c), "virtio: removed");
}

void stage_dma(void)
{
	stage("DMA (all of it QEMU's; the shim hands everything on)");
	if (!smmu_up())
		return;
	nvme();
	edu();
	virtio();
	check(bm_irq_count(smmu.evtq_irq, bm_cpus() - 1) > 1,
	      "records were announced by the event queue's interrupt");
	(void)smmu_down();
}
