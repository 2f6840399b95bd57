/* SPDX-License-Identifier: BSD-2-Clause */
/* Resets from the port above: secondary bus reset, hotplug slot, CXL, and the
 * release from downstream port containment. */
#include "pci/reset.h"

/* Secondary Bus Reset is held for 1 ms at least (PCI-PCI bridge 1.2, 3.2.5.18). */
#define ASSERT_TIME LZ_MS(2)
/* PCIe 6.6.1: from link up to the first configuration request. */
#define LINK_SETTLE LZ_MS(100)
/* Conventional PCI: 2^25 clocks of 33 MHz, and the delay of D3cold. */
#define CONVENTIONAL_SETTLE LZ_MS(1100)
#define LINK_LIMIT_MS	    1000u
#define BUSY_LIMIT_MS	    1000u

static bool is_bridge(const struct lz_pci_access *a)
{
	return lz_pci_present(a) &&
	       (cfg_read8(a, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK) == PCI_HEADER_TYPE_BRIDGE;
}

/* ---- CXL (CXL 2.0, 8.1.5): a port may mask the bit ---- */

static unsigned cxl_port(const struct lz_pci_access *port)
{
	return lz_pci_find_dvsec(port, PCI_VENDOR_CXL, PCI_CXL_PORT);
}

static bool is_masked(const struct lz_pci_access *port)
{
	unsigned cxl = cxl_port(port);
	uint16_t ctl = cxl ? cfg_read16(port, cxl + PCI_CXL_PORT_CTL) : 0;

	return cxl && (ctl == 0xffff || !(ctl & PCI_CXL_PORT_CTL_SBR));
}

/* ---- containment (PCIe 6.2.11) ---- */

static unsigned triggered(const struct lz_pci_access *port)
{
	unsigned dpc = lz_pci_find_ext_cap(port, PCI_EXT_CAP_DPC);
	uint16_t status = dpc ? cfg_read16(port, dpc + PCI_DPC_STA) : 0;

	return status != 0xffff && status & PCI_DPC_STA_TRIGGERED ? dpc : 0;
}

static bool link_active(const struct lz_pci_access *port)
{
	unsigned exp = lz_pci_find_cap(port, PCI_CAP_EXP);
	uint16_t status = exp ? cfg_read16(port, exp + PCI_EXP_LNKSTA) : 0xffff;

	return status != 0xffff && status & PCI_EXP_LNKSTA_ACTIVE;
}

static bool wait_link(const struct lz_pci_access *port, bool active)
{
	for (unsigned ms = 0; link_active(port) != active; ms += 20) {
		if (ms >= LINK_LIMIT_MS)
			return false;
		port->sleep(port->ctx, LZ_MS(20));
	}
	return true;
}

static enum lz_status release(const struct lz_pci_access *port, unsigned dpc)
{
	bool root = cfg_read16(port, dpc + PCI_DPC_CAP) & PCI_DPC_CAP_ROOT;

	/* A link that does not go down is no reason not to bring it up. */
	(void)wait_link(port, false);
	for (unsigned ms = 0; root && cfg_read16(port, dpc + PCI_DPC_STA) & PCI_DPC_STA_BUSY;
	     ms += 10) {
		if (ms >= BUSY_LIMIT_MS)
			return LZ_ETIMEDOUT;
		port->sleep(port->ctx, LZ_MS(10));
	}
	cfg_write16(port, dpc + PCI_DPC_STA, PCI_DPC_STA_TRIGGERED);
	return triggered(port) ? LZ_EIO : LZ_OK;
}

bool lz_pci_port_retrain(const struct lz_pci_access *port)
{
	unsigned exp = lz_pci_find_cap(port, PCI_CAP_EXP);
	uint16_t control;

	/* Nobody below an active link is in need of it, and those at work are disturbed. */
	if (!exp || !(cfg_read32(port, exp + PCI_EXP_LNKCAP) & PCI_EXP_LNKCAP_ACTIVE) ||
	    !lz_pci_present(port) || link_active(port))
		return false;
	control = cfg_read16(port, exp + PCI_EXP_LNKCTL);
	cfg_write16(port, exp + PCI_EXP_LNKCTL, control | PCI_EXP_LNKCTL_RETRAIN);
	if (!wait_link(port, true))
		return false;
	port->sleep(port->ctx, LINK_SETTLE);
	return true;
}

/* ---- secondary bus reset ---- */

/* Before anybody below may be spoken to. */
static enum lz_status wait_port(const struct lz_pci_access *port)
{
	unsigned exp = lz_pci_find_cap(port, PCI_CAP_EXP);
	uint32_t cap = exp ? cfg_read32(port, exp + PCI_EXP_LNKCAP) : 0;

	if (!lz_pci_present(port))
		return LZ_ENODEV;
	if (!exp) {
		port->sleep(port->ctx, CONVENTIONAL_SETTLE);
		return LZ_OK;
	}
	/* Above 5 GT/s the 100 ms count from link up (PCIe 6.6.1). */
	if ((cap & PCI_EXP_LNKCAP_SPEED) > PCI_EXP_LNKCAP_5GT && cap & PCI_EXP_LNKCAP_ACTIVE &&
	    !wait_link(port, true))
		return LZ_ETIMEDOUT;
	port->sleep(port->ctx, LINK_SETTLE);
	return LZ_OK;
}

enum lz_status lz_pci_port_can_reset(const struct lz_pci_access *port)
{
	return is_bridge(port) && (triggered(port) || !is_masked(port)) ? LZ_OK : LZ_ENOTSUP;
}

enum lz_status lz_pci_port_reset(const struct lz_pci_access *port)
{
	unsigned dpc = triggered(port);
	enum lz_status r = LZ_OK;

	if (dpc) {
		r = release(port, dpc);
	} else {
		uint16_t control = cfg_read16(port, PCI_BRIDGE_CONTROL);

		cfg_write16(port, PCI_BRIDGE_CONTROL, control | PCI_BRIDGE_CONTROL_SBR);
		port->sleep(port->ctx, ASSERT_TIME);
		cfg_write16(port, PCI_BRIDGE_CONTROL, control & (uint16_t)~PCI_BRIDGE_CONTROL_SBR);
	}
	return r == LZ_OK ? wait_port(port) : r;
}

/* ---- as a method of one function ---- */

/* Nobody else is hit that the library knows of or the embedder speaks of. */
static bool is_alone(const struct lz_device *dev)
{
	struct lz_iommu *iommu = dev->iommu;
	bool alone = dev->pci->alone && !dev->pf;
	unsigned long flags = lz_spin_lock(&iommu->lock);

	for (const struct lz_device *d = iommu->devices; d; d = d->next_in_iommu)
		if (d != dev && d->pf != dev && d->pci && d->pci->upstream == dev->pci->upstream)
			alone = false;
	lz_spin_unlock(&iommu->lock, flags);
	return alone;
}

static bool can_reset_alone(const struct lz_device *dev)
{
	const struct lz_pci_access *port = dev->pci->upstream;

	return port && is_bridge(port) && !is_bridge(dev->pci) && is_alone(dev);
}

enum lz_status lz_pci_probe_slot(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;

	if (!a->slot_reset || !can_reset_alone(dev))
		return LZ_ENOTSUP;
	return a->slot_reset(a->ctx, true) == LZ_OK ? LZ_OK : LZ_ENOTSUP;
}

enum lz_status lz_pci_run_slot(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	enum lz_status r = a->slot_reset(a->ctx, false);

	return r == LZ_OK ? wait_port(a->upstream) : r;
}

enum lz_status lz_pci_probe_bus(struct lz_device *dev)
{
	if (!can_reset_alone(dev) || is_masked(dev->pci->upstream))
		return LZ_ENOTSUP;
	return lz_pci_probe_slot(dev) == LZ_OK ? LZ_ENOTSUP : LZ_OK;
}

enum lz_status lz_pci_run_bus(struct lz_device *dev)
{
	return lz_pci_port_reset(dev->pci->upstream);
}

enum lz_status lz_pci_probe_cxl_bus(struct lz_device *dev)
{
	return can_reset_alone(dev) && cxl_port(dev->pci->upstream) ? LZ_OK : LZ_ENOTSUP;
}

enum lz_status lz_pci_run_cxl_bus(struct lz_device *dev)
{
	const struct lz_pci_access *port = dev->pci->upstream;
	unsigned at = cxl_port(port) + PCI_CXL_PORT_CTL;
	uint16_t ctl = cfg_read16(port, at);
	enum lz_status r;

	if (at == PCI_CXL_PORT_CTL || ctl == 0xffff)
		return LZ_ENOTSUP;
	cfg_write16(port, at, ctl | PCI_CXL_PORT_CTL_SBR);
	r = is_masked(port) ? LZ_EIO : lz_pci_port_reset(port);
	cfg_write16(port, at, ctl);
	return r;
}
