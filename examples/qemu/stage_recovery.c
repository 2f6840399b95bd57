/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices that break and come back. What QEMU's SMMU does not have is played by
 * the shim: ATS in IDR0, ATSCHK, the answers to ATC_INV and the CMD_SYNC that
 * fails. Tables, configuration and IOTLB invalidations, the refused DMA and the
 * function level resets are QEMU's.
 */
#include "check.h"
#include "freestanding.h"
#include "nvme.h"
#include "pattern.h"
#include "shim.h"
#include "stages.h"
#include "virtio.h"

#define QUEUES 0x400000000ull
#define DATA   0x500000000ull

static struct client disk, broken; /* virtio, nvme */
static struct virtio v;
static struct nvme n;
static struct shared page, spare, nvme_page;

static bool was_told(void *arg)
{
	return lz_load32(&((const struct client *)arg)->errors) != 0;
}

static bool has_resumed(void *arg)
{
	return lz_load32(&((const struct client *)arg)->resumed) != 0;
}

/* A waiter may see the error before the interrupt arrives. */
static bool interrupted(void *arg)
{
	return bm_irq_count(smmu.gerror_irq, bm_cpus() - 1) > *(const unsigned *)arg;
}

static bool in_state(const struct client *c, const char *state)
{
	struct lz_health h;

	lz_device_health(c->dev, &h);
	if (!bm_streq(h.state, state))
		bm_print("      state of %s: %s\n", lz_device_name(c->dev), h.state);
	return bm_streq(h.state, state);
}

/* ---- the device that does not answer an invalidation ---- */

static bool virtio_works(unsigned seed)
{
	pattern_fill(&page, seed, VIRTIO_SECTOR);
	pattern_clear(&spare, VIRTIO_SECTOR);
	return virtio_write(&v, seed, page.iova) == 0 && virtio_read(&v, seed, spare.iova) == 0 &&
	       pattern_is(&spare, seed, VIRTIO_SECTOR);
}

static bool nvme_works(unsigned seed)
{
	pattern_fill(&nvme_page, seed, LZ_PAGE);
	if (nvme_write(&n, 8 * seed, 8, nvme_page.iova) != 0)
		return false;
	pattern_clear(&nvme_page, LZ_PAGE);
	return nvme_read(&n, 8 * seed, 8, nvme_page.iova) == 0 &&
	       pattern_is(&nvme_page, seed, LZ_PAGE);
}

static void answered(void)
{
	unsigned before = shim_counts().atc;

	check(lz_device_ats_active(disk.dev),
	      "virtio: ATS is on, in its config space and its entry");
	check(virtio_works(1), "virtio: a sector is written and read back");
	check(fine(shared_unmap(&disk, &spare), "unmap") && shim_counts().atc > before &&
		      fine(shared_map(&disk, &spare, LZ_READ | LZ_WRITE), "map"),
	      "virtio: an unmap sends ATC_INV, the shim answers");
}

static void silent(void)
{
	unsigned irqs = bm_irq_count(smmu.gerror_irq, bm_cpus() - 1);

	shim_silence(disk.fn->sid);
	check_status(shared_unmap(&disk, &spare), LZ_IN_CUSTODY,
		     "virtio: it does not answer: the unmap goes into custody");
	check(wait_for(interrupted, &irqs, LZ_SEC(5)) && shim_counts().errors == 1,
	      "the failed CMD_SYNC raised GERROR, its interrupt was taken");
	check(wait_for(was_told, &disk, LZ_SEC(5)) && in_state(&disk, "broken"),
	      "virtio: it is quarantined, its owner is told");
	check(fine(lz_domain_wait(disk.dom, LZ_SEC(5)), "wait") && lz_load32(&disk.released) == 1,
	      "virtio: the page is out of custody");
	pattern_fill(&page, 2, VIRTIO_SECTOR);
	smmu_faults_forget();
	check(virtio_read(&v, 1, page.iova) == VIRTIO_SILENT && pattern_is(&page, 2, VIRTIO_SECTOR),
	      "virtio: its DMA is refused");
	check(nvme_works(3), "nvme: the neighbour works");
}

static void flr(void)
{
	check_status(lz_pci_reset_flr(disk.dev), LZ_OK, "virtio: function level reset");
	check(wait_for(has_resumed, &disk, LZ_SEC(5)) && in_state(&disk, "healthy") &&
		      lz_device_ats_active(disk.dev),
	      "virtio: it is unquarantined, its owner is told, ATS is on");
	check(fine(shared_map(&disk, &spare, LZ_READ | LZ_WRITE), "map") && virtio_enable(&v) &&
		      virtio_works(4),
	      "virtio: I/O works again");
	check_status(shared_unmap(&disk, &spare), LZ_OK, "virtio: it answers invalidations");
}

/* ---- it falls silent while another CPU unmaps ---- */

#define LOAD	   0x600000000ull
#define LOAD_PAGES 1024u

static uint32_t load_ends; /* atomic */

static struct {
	unsigned done, custody, wrong;
} load;

static void unmap_on(void *arg)
{
	const struct shared *m = arg;

	for (unsigned i = 0; !lz_load32(&load_ends); i++) {
		lz_iova at = LOAD + i % LOAD_PAGES * LZ_PAGE;
		enum lz_status st = lz_map(disk.dom, at, m->pa, LZ_PAGE, LZ_READ);

		if (st == LZ_EBUSY || st == LZ_ELIMIT)
			continue; /* in custody still */
		if (st == LZ_OK)
			st = lz_unmap(disk.dom, at, LZ_PAGE);
		load.done += st == LZ_OK;
		load.custody += st == LZ_IN_CUSTODY;
		load.wrong += st != LZ_OK && st != LZ_IN_CUSTODY;
	}
}

/* Deferred work runs here meanwhile: the other CPU does not idle. */
static bool works_until_told(void *arg)
{
	bm_work();
	return was_told(arg);
}

static void silent_under_load(void)
{
	uint32_t released = lz_load32(&disk.released);
	bool told;

	lz_store32(&disk.errors, 0);
	lz_store32(&disk.resumed, 0);
	bm_cpu_run(1, unmap_on, &page);
	bm_delay(LZ_MS(20));
	shim_silence(disk.fn->sid);
	told = wait_for(works_until_told, &disk, LZ_SEC(20));
	bm_delay(LZ_MS(20));
	lz_store32(&load_ends, 1);
	bm_cpu_wait(1);
	check(told && in_state(&disk, "broken"),
	      "virtio: silent while the other CPU unmaps: it is quarantined");
	check(fine(lz_domain_wait(disk.dom, LZ_SEC(20)), "wait") && !load.wrong && load.custody &&
		      lz_load32(&disk.released) - released == load.custody,
	      "virtio: every page that went into custody came out of it, once");
	bm_print("      %u unmaps, %u of them in custody\n", load.done + load.custody,
		 load.custody);
	check_status(lz_pci_reset_flr(disk.dev), LZ_OK, "virtio: function level reset");
	check(wait_for(has_resumed, &disk, LZ_SEC(5)) && virtio_enable(&v) &&
		      fine(shared_map(&disk, &spare, LZ_READ | LZ_WRITE), "map") &&
		      virtio_works(5) && fine(shared_unmap(&disk, &spare), "unmap"),
	      "virtio: I/O works again");
}

/* ---- the device that somebody says is broken ---- */

static void reported(void)
{
	lz_device_report_broken(broken.dev);
	check(wait_for(was_told, &broken, LZ_SEC(5)) && in_state(&broken, "broken"),
	      "nvme: reported broken, it is quarantined, its owner is told");
	smmu_faults_forget();
	pattern_fill(&nvme_page, 5, LZ_PAGE);
	check(nvme_read(&n, 24, 8, nvme_page.iova) == NVME_SILENT &&
		      pattern_is(&nvme_page, 5, LZ_PAGE) && (nvme_status(&n) & 2),
	      "nvme: its DMA is refused: it calls that fatal (CSTS.CFS)");
	check(virtio_enable(&v) && fine(shared_map(&disk, &spare, LZ_READ | LZ_WRITE), "map") &&
		      virtio_works(6),
	      "virtio: the neighbour works");
	check_status(lz_pci_reset_flr(broken.dev), LZ_OK, "nvme: function level reset");
	check(wait_for(has_resumed, &broken, LZ_SEC(5)) && in_state(&broken, "healthy"),
	      "nvme: it is unquarantined, its owner is told");
	check(nvme_enable(&n) && nvme_works(7), "nvme: I/O works again");
	pattern_clear(&nvme_page, LZ_PAGE);
	check(nvme_read(&n, 24, 8, nvme_page.iova) == 0 && pattern_is(&nvme_page, 3, LZ_PAGE),
	      "nvme: what was written before is still there");
}

/* ---- */

static bool up(void)
{
	struct pci_function *vio = pci_find(0x1af4, 0x1042, 0);
	struct pci_function *nvm = pci_find(0x1b36, 0x0010, 0);

	return vio && nvm && client_up(&disk, vio, true) && client_up(&broken, nvm, true) &&
	       virtio_up(&v, &disk, QUEUES) && nvme_up(&n, &broken, QUEUES) &&
	       shared_alloc(&page, LZ_PAGE, DATA) &&
	       shared_alloc(&spare, LZ_PAGE, DATA + LZ_PAGE) &&
	       shared_alloc(&nvme_page, LZ_PAGE, DATA) &&
	       fine(shared_map(&disk, &page, LZ_READ | LZ_WRITE), "map") &&
	       fine(shared_map(&disk, &spare, LZ_READ | LZ_WRITE), "map") &&
	       fine(shared_map(&broken, &nvme_page, LZ_READ | LZ_WRITE), "map");
}

static bool down(void)
{
	bool ok = virtio_down(&v);

	ok = nvme_down(&n) && ok;
	ok = shared_unmap(&disk, &page) == LZ_OK && shared_unmap(&disk, &spare) == LZ_OK && ok;
	ok = shared_unmap(&broken, &nvme_page) == LZ_OK && ok;
	shared_free(&page);
	shared_free(&spare);
	shared_free(&nvme_page);
	ok = client_down(&disk) && ok;
	return client_down(&broken) && ok;
}

void stage_recovery(void)
{
	struct shim_counts c;

	stage("quarantine and recovery (ATS, ATC_INV and its failures are the shim's;\n"
	      "   translation, refused DMA and resets are QEMU's)");
	shim_ats(true);
	shim_forget_counts();
	bm_tick(LZ_MS(1), shim_tick, NULL);
	if (smmu_up()) {
		if (check(up(), "virtio and nvme are attached and ready")) {
			answered();
			silent();
			flr();
			silent_under_load();
			reported();
			check(down(), "both are removed, nothing is left mapped");
		}
		bm_print("      events: %u timeouts, %u fences, %u quarantines, %u recoveries\n",
			 smmu_events(LZ_EV_TIMEOUT), smmu_events(LZ_EV_FENCED),
			 smmu_events(LZ_EV_QUARANTINED), smmu_events(LZ_EV_RECOVERED));
		check(smmu_events(LZ_EV_TIMEOUT) >= 2 && smmu_events(LZ_EV_FENCED) >= 3 &&
			      smmu_events(LZ_EV_QUARANTINED) == 3 &&
			      smmu_events(LZ_EV_RECOVERED) == 3,
		      "events told of timeouts, fences, three quarantines and recoveries");
		(void)smmu_down();
	}
	bm_tick(LZ_MS(1), NULL, NULL);
	shim_ats(false);
	c = shim_counts();
	bm_print("shim: %u ATC_INVs filtered, %u of them not answered, %u errors raised\n", c.atc,
		 c.unanswered, c.errors);
}
