/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions that need more than a standard reset, or another one. Each method
 * returns what its reset returned (H02), and a missing acknowledgement is a
 * timeout (H03).
 */
#include "pci/reset.h"

static uint32_t bar_read32(const struct lz_pci_access *a, unsigned off)
{
	return a->bar_read(a->ctx, off, 4);
}

static void bar_write32(const struct lz_pci_access *a, unsigned off, uint32_t v)
{
	a->bar_write(a->ctx, off, 4, v);
}

/* Memory decoding on; virtual functions have theirs from the physical one. */
static void bar_on(const struct lz_pci_access *a)
{
	cfg_write16(a, PCI_COMMAND, cfg_read16(a, PCI_COMMAND) | PCI_COMMAND_MEMORY);
}

/* Polls `reg` until the bits of `mask` are as in `want`; all ones is no answer. */
static enum lz_status poll(const struct lz_pci_access *a, unsigned reg, uint32_t mask,
			   uint32_t want, unsigned every_ms, unsigned limit_ms)
{
	for (unsigned ms = 0;; ms += every_ms) {
		uint32_t v = bar_read32(a, reg);

		if (v != UINT32_MAX && (v & mask) == want)
			return LZ_OK;
		if (ms >= limit_ms)
			return LZ_ETIMEDOUT;
		a->sleep(a->ctx, LZ_MS(every_ms));
	}
}

static bool has_flr(const struct lz_pci_access *a)
{
	unsigned exp = lz_pci_find_cap(a, PCI_CAP_EXP);

	return exp && cfg_read32(a, exp + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR;
}

static bool has_exp(const struct lz_pci_access *a)
{
	return lz_pci_find_cap(a, PCI_CAP_EXP) != 0;
}

static bool has_bar(const struct lz_pci_access *a)
{
	return a->bar_read && a->bar_write;
}

static enum lz_status failed(struct lz_device *dev, enum lz_status r, const char *what)
{
	if (r != LZ_OK)
		lz_log(dev->lz, LZ_LOG_ERR, dev->name, "%s", what);
	return r;
}

/* ---- Intel Ivy Bridge graphics ---- */

#define IVB_MSG_CTL	   0x45010u
#define IVB_SOUTH_CHICKEN2 0xc2004u
#define IVB_PP_STATUS	   0xc7200u
#define IVB_PP_ACTIVE	   0xb0000000u
#define IVB_PP_CONTROL	   0xc7204u
#define IVB_PP_ON	   0x1u
#define IVB_POWER_STATE	   0xd0100u

static enum lz_status run_ivb(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	enum lz_status r;

	bar_on(a);
	bar_write32(a, IVB_MSG_CTL, 2);
	bar_write32(a, IVB_SOUTH_CHICKEN2, 5);
	bar_write32(a, IVB_PP_CONTROL, bar_read32(a, IVB_PP_CONTROL) & ~IVB_PP_ON);
	r = poll(a, IVB_PP_STATUS, IVB_PP_ACTIVE, 0, 10, 10000);
	bar_write32(a, IVB_POWER_STATE, 2);
	return failed(dev, r, "panel power stayed on, graphics were not reset");
}

/* ---- Chelsio T4 virtual function ---- */

/* Its FLR completes only with interrupts and DMA able to flow: vectors masked,
 * MSI-X and Bus Master on. What they were is restored after it. */
static enum lz_status run_chelsio(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	unsigned msix = lz_pci_find_cap(a, PCI_CAP_MSIX);

	cfg_write16(a, PCI_COMMAND, cfg_read16(a, PCI_COMMAND) | PCI_COMMAND_MASTER);
	if (msix)
		cfg_write16(a, msix + PCI_MSIX_FLAGS,
			    cfg_read16(a, msix + PCI_MSIX_FLAGS) | PCI_MSIX_FLAGS_ENABLE |
				    PCI_MSIX_FLAGS_MASKALL);
	return lz_pci_flr(dev);
}

/* ---- NVMe (NVM Express 1.4, 3.1) ---- */

#define NVME_CAP	 0x00u
#define NVME_CC		 0x14u
#define NVME_CC_ENABLE	 0x1u
#define NVME_CC_SHUTDOWN 0xc000u
#define NVME_CSTS	 0x1cu
#define NVME_CSTS_READY	 0x1u

static bool is_nvme(const struct lz_pci_access *a)
{
	return cfg_read32(a, PCI_CLASS) >> 8 == PCI_CLASS_NVME;
}

/* FLR of an enabled controller leaves some of these dead: it is disabled first. */
static enum lz_status run_nvme_disable(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	uint32_t cc;

	bar_on(a);
	cc = bar_read32(a, NVME_CC);
	if (cc != UINT32_MAX && cc & NVME_CC_ENABLE) {
		unsigned limit = ((bar_read32(a, NVME_CAP) >> 24) + 1) * 500;

		bar_write32(a, NVME_CC, cc & ~(NVME_CC_ENABLE | NVME_CC_SHUTDOWN));
		/* Disabling is not the reset: FLR follows, and its result counts. */
		(void)failed(dev, poll(a, NVME_CSTS, NVME_CSTS_READY, 0, 100, limit),
			     "the NVMe controller did not stop, going on with FLR");
	}
	return lz_pci_flr(dev);
}

/* ---- a pause after FLR ---- */

static enum lz_status run_flr_and_pause(struct lz_device *dev)
{
	enum lz_status r = lz_pci_flr(dev);

	dev->pci->sleep(dev->pci->ctx, LZ_MS(250));
	return r;
}

/* ---- Huawei hinic virtual function; its registers are big-endian ---- */

#define HINIC_CAP     0x1000u
#define HINIC_CAP_FLR (1u << 30)
#define HINIC_OP      0xe80u
#define HINIC_OP_FLR  (1u << 18)

static uint32_t swap(uint32_t v)
{
	return v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24;
}

static enum lz_status run_hinic(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	uint32_t cap = bar_read32(a, HINIC_CAP);
	enum lz_status r;

	/* Firmware that does not take part: nothing was touched. */
	if (cap == UINT32_MAX || !(swap(cap) & HINIC_CAP_FLR))
		return LZ_ENOTSUP;
	bar_write32(a, HINIC_OP, bar_read32(a, HINIC_OP) | swap(HINIC_OP_FLR));
	r = lz_pci_flr(dev);
	if (r != LZ_OK)
		return r;
	/* It takes its bus number from this write, and answers with it. */
	cfg_write16(a, PCI_VENDOR_ID, 0);
	r = poll(a, HINIC_OP, swap(HINIC_OP_FLR), 0, 20, 15000);
	return failed(dev, r, "firmware did not acknowledge FLR");
}

/* ---- who ---- */

static bool nvme_flr(const struct lz_pci_access *a)
{
	return has_flr(a) && is_nvme(a) && has_bar(a);
}

static const struct quirk {
	uint16_t vendor, device, mask;
	bool (*possible)(const struct lz_pci_access *a);
	enum lz_status (*run)(struct lz_device *dev);
	bool keeps_config;
} quirks[] = {
	/* 82599 SFP VF: has FLR and does not say so. */
	{0x8086, 0x10ed, 0xffff, has_exp, lz_pci_flr, false},
	{0x8086, 0x0156, 0xffff, has_bar, run_ivb, true},
	{0x8086, 0x0166, 0xffff, has_bar, run_ivb, true},
	{0x1425, 0x4000, 0xf000, has_exp, run_chelsio, false},
	/* Samsung SM961, PM961 */
	{0x144d, 0xa804, 0xffff, nvme_flr, run_nvme_disable, false},
	/* Intel and Solidigm NVMe */
	{0x8086, 0x0953, 0xffff, has_flr, run_flr_and_pause, false},
	{0x8086, 0x0a54, 0xffff, has_flr, run_flr_and_pause, false},
	{0x025e, 0xf1ac, 0xffff, has_flr, run_flr_and_pause, false},
	{0x19e5, 0x375e, 0xffff, has_bar, run_hinic, false},
};

static const struct quirk *find(const struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	uint16_t vendor = cfg_read16(a, PCI_VENDOR_ID), device = cfg_read16(a, PCI_VENDOR_ID + 2);

	/* Gone, or a virtual function. */
	if (vendor == 0xffff) {
		vendor = a->vendor;
		device = a->device;
	}
	for (unsigned i = 0; i < sizeof(quirks) / sizeof(quirks[0]); i++)
		if (quirks[i].vendor == vendor && quirks[i].device == (device & quirks[i].mask))
			return &quirks[i];
	return NULL;
}

enum lz_status lz_pci_probe_vendor(struct lz_device *dev)
{
	const struct quirk *q = find(dev);

	return q && lz_pci_present(dev->pci) && q->possible(dev->pci) ? LZ_OK : LZ_ENOTSUP;
}

enum lz_status lz_pci_run_vendor(struct lz_device *dev)
{
	const struct quirk *q = find(dev);

	return q ? q->run(dev) : LZ_ENODEV;
}

bool lz_pci_vendor_keeps_config(const struct lz_device *dev)
{
	const struct quirk *q = find(dev);

	return q && q->keeps_config;
}
