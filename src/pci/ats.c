/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ATS and PASID in the function, translation blocking in the port above.
 *
 * Nothing here counts as done because it was written: what is reported was
 * read back (H76), and a space of all ones proves nothing.
 */
#include "pci/access.h"

#define STU_MAX	  31u
#define OFF_TRIES 3u

bool lz_pci_has_ats(const struct lz_pci_access *a)
{
	return lz_pci_find_ext_cap(a, PCI_EXT_CAP_ATS) != 0;
}

const char *lz_pci_passes_by(const struct lz_pci_access *a)
{
	unsigned at = lz_pci_find_dvsec(a, PCI_VENDOR_CXL, PCI_CXL_DEVICE);

	/* An SMMU may leave CXL.cache unchecked against EATS (Arm IHI 0070, 3.9.3). */
	if (at && cfg_read16(a, at + PCI_CXL_DEVICE_CAP) & PCI_CXL_DEVICE_CACHE)
		return "CXL.cache";
	for (a = a->upstream; a; a = a->upstream) {
		at = lz_pci_find_ext_cap(a, PCI_EXT_CAP_ACS);
		if (at && cfg_read16(a, at + PCI_ACS_CTL) & PCI_ACS_DT)
			return "direct translated peer-to-peer of a port above";
	}
	return NULL;
}

unsigned lz_pci_pasid_bits(const struct lz_pci_access *a)
{
	unsigned at = lz_pci_find_ext_cap(a, PCI_EXT_CAP_PASID);
	uint16_t cap = at ? cfg_read16(a, at + PCI_PASID_CAP) : 0;
	unsigned bits = cap >> 8 & 0x1f;

	if (cap == 0xffff)
		return 0;
	return bits < 20 ? bits : 20;
}

/* Why a capability was not found. */
static enum lz_status no_cap(const struct lz_pci_access *a)
{
	return lz_pci_present(a) ? LZ_ENOTSUP : LZ_ENODEV;
}

/*
 * Enable := 0 at the capability `at`. ATS that stays on at a function whose entry
 * has EATS off keeps it from all DMA (H76), so an access that fails once is not
 * the last word. All ones say nothing about the bit: it is written all the same.
 */
static enum lz_status switch_off(const struct lz_pci_access *a, unsigned at)
{
	uint16_t ctl = cfg_read16(a, at + PCI_ATS_CTL);

	for (unsigned i = 0; i < OFF_TRIES && ctl & PCI_ATS_CTL_ENABLE; i++) {
		cfg_write16(a, at + PCI_ATS_CTL, ctl == 0xffff ? 0 : ctl & PCI_ATS_CTL_STU);
		ctl = cfg_read16(a, at + PCI_ATS_CTL);
	}
	if (ctl == 0xffff)
		return LZ_ENODEV;
	return ctl & PCI_ATS_CTL_ENABLE ? LZ_EIO : LZ_OK;
}

enum lz_status lz_pci_ats_enable(const struct lz_pci_access *a, unsigned stu)
{
	unsigned at;
	enum lz_status st;

	if (stu > STU_MAX)
		return LZ_EINVAL;
	at = lz_pci_find_ext_cap(a, PCI_EXT_CAP_ATS);
	if (!at)
		return no_cap(a);

	/* Only the edge 0 -> 1 empties the ATC (PCIe 10.3.7): a bit that was
	 * left on (H91) has to go first. */
	st = switch_off(a, at);
	if (st != LZ_OK)
		return st;
	cfg_write16(a, at + PCI_ATS_CTL, (uint16_t)(stu | PCI_ATS_CTL_ENABLE));

	uint16_t ctl = cfg_read16(a, at + PCI_ATS_CTL);
	/* A virtual function has no STU of its own: it reads 0 and the physical
	 * function's counts. */
	bool vf = cfg_read16(a, PCI_VENDOR_ID) == 0xffff;

	if (ctl == 0xffff || (!vf && (ctl & PCI_ATS_CTL_STU) != stu)) {
		st = switch_off(a, at);
		return ctl == 0xffff || st == LZ_ENODEV ? LZ_ENODEV : LZ_EIO;
	}
	return ctl & PCI_ATS_CTL_ENABLE ? LZ_OK : LZ_EIO;
}

enum lz_status lz_pci_ats_disable(const struct lz_pci_access *a)
{
	unsigned at = lz_pci_find_ext_cap(a, PCI_EXT_CAP_ATS);

	return at ? switch_off(a, at) : no_cap(a);
}

bool lz_pci_ats_enabled(const struct lz_pci_access *a)
{
	unsigned at = lz_pci_find_ext_cap(a, PCI_EXT_CAP_ATS);
	uint16_t ctl = at ? cfg_read16(a, at + PCI_ATS_CTL) : 0;

	return ctl != 0xffff && ctl & PCI_ATS_CTL_ENABLE;
}

enum lz_status lz_pci_pasid_enable(const struct lz_pci_access *a, bool on)
{
	unsigned at = lz_pci_find_ext_cap(a, PCI_EXT_CAP_PASID);
	uint16_t want = on ? PCI_PASID_CTL_ENABLE : 0, ctl;

	if (!at)
		return no_cap(a);
	/* Execute and Privileged stay off: the library uses neither. */
	ctl = cfg_read16(a, at + PCI_PASID_CTL);
	if (ctl == 0xffff)
		return LZ_ENODEV;
	if ((ctl & PCI_PASID_CTL_BITS) == want)
		return LZ_OK;
	if (lz_pci_ats_enabled(a))
		return LZ_EBUSY;
	cfg_write16(a, at + PCI_PASID_CTL, want);
	ctl = cfg_read16(a, at + PCI_PASID_CTL);
	if (ctl == 0xffff)
		return LZ_ENODEV;
	return (ctl & PCI_PASID_CTL_BITS) == want ? LZ_OK : LZ_EIO;
}

enum lz_status lz_pci_wait_pending(const struct lz_pci_access *a)
{
	unsigned exp = lz_pci_find_cap(a, PCI_CAP_EXP);

	if (!exp)
		return lz_pci_present(a) ? LZ_OK : LZ_ENODEV;
	for (unsigned ms = 100;; ms *= 2) {
		uint16_t sta = cfg_read16(a, exp + PCI_EXP_DEVSTA);

		if (sta == 0xffff)
			return LZ_ENODEV;
		if (!(sta & PCI_EXP_DEVSTA_PENDING))
			return LZ_OK;
		if (ms > 400)
			return LZ_ETIMEDOUT;
		a->sleep(a->ctx, LZ_MS(ms));
	}
}

bool lz_pci_bus_master(const struct lz_pci_access *a)
{
	return lz_pci_present(a) && (cfg_read16(a, PCI_COMMAND) & PCI_COMMAND_MASTER);
}

void lz_pci_function_on(const struct lz_pci_access *a)
{
	if (lz_pci_present(a))
		cfg_write16(a, PCI_COMMAND, cfg_read16(a, PCI_COMMAND) | PCI_COMMAND_MASTER);
}

enum lz_status lz_pci_function_off(const struct lz_pci_access *a)
{
	enum lz_status pending, ats;
	uint16_t command;

	if (!lz_pci_present(a))
		return LZ_ENODEV;
	command = cfg_read16(a, PCI_COMMAND);
	cfg_write16(a, PCI_COMMAND, command & (uint16_t)~PCI_COMMAND_MASTER);
	/* ATS goes off even when requests stay pending: half the rung is worth
	 * having, though not worth believing. */
	pending = lz_pci_wait_pending(a);
	ats = lz_pci_ats_disable(a);

	command = cfg_read16(a, PCI_COMMAND);
	if (!lz_pci_present(a) || pending == LZ_ENODEV || ats == LZ_ENODEV)
		return LZ_ENODEV;
	if (command & PCI_COMMAND_MASTER)
		return LZ_EIO;
	if (ats != LZ_OK && ats != LZ_ENOTSUP)
		return ats;
	return pending;
}

/*
 * A violation at the port is an uncorrectable error, and with downstream port
 * containment armed it takes the link down. That contains the device as well,
 * so masks are left as the platform set them.
 */
enum lz_status lz_pci_port_block(const struct lz_pci_access *a, bool on)
{
	const struct lz_pci_access *port = a->upstream;
	unsigned at;
	uint16_t ctl;

	if (!port)
		return LZ_ENOTSUP;
	at = lz_pci_find_ext_cap(port, PCI_EXT_CAP_ACS);
	if (!at)
		return no_cap(port);
	if (!(cfg_read16(port, at + PCI_ACS_CAP) & PCI_ACS_TB))
		return LZ_ENOTSUP;
	ctl = cfg_read16(port, at + PCI_ACS_CTL);
	if (ctl == 0xffff)
		return LZ_ENODEV;
	ctl = on ? ctl | PCI_ACS_TB : ctl & (uint16_t)~PCI_ACS_TB;
	cfg_write16(port, at + PCI_ACS_CTL, ctl);
	ctl = cfg_read16(port, at + PCI_ACS_CTL);
	if (ctl == 0xffff)
		return LZ_ENODEV;
	return !!(ctl & PCI_ACS_TB) == on ? LZ_OK : LZ_EIO;
}
