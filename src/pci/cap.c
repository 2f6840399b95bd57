/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding capabilities. Lists are input from hardware that may be dying: every
 * walk has a bound, so that a loop or a space of all ones ends it.
 */
#include "pci/access.h"

/* Capabilities are dwords apart, between 0x40 and 0x100. */
#define MAX_CAPS 48u
/* Extended ones are at least 8 bytes each. */
#define MAX_EXT_CAPS ((PCI_CONFIG_SIZE - PCI_EXT_BASE) / 8u)

bool lz_pci_present(const struct lz_pci_access *a)
{
	/* Not the vendor id: in a virtual function it reads all ones. */
	return cfg_read32(a, PCI_COMMAND) != PCI_CONFIG_ONES;
}

unsigned lz_pci_find_cap(const struct lz_pci_access *a, uint8_t id)
{
	uint32_t command = cfg_read32(a, PCI_COMMAND);
	unsigned type = cfg_read8(a, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK;

	if (command == PCI_CONFIG_ONES || !(command >> 16 & PCI_STATUS_CAP_LIST))
		return 0;
	if (type >= PCI_HEADER_TYPE_CARDBUS)
		return 0;

	unsigned at = cfg_read8(a, PCI_CAP_POINTER) & ~3u;

	for (unsigned n = 0; n < MAX_CAPS && at >= 0x40; n++) {
		uint16_t header = cfg_read16(a, at);

		if (header == 0xffff)
			return 0;
		if ((header & 0xff) == id)
			return at;
		at = header >> 8 & ~3u;
	}
	return 0;
}

static bool is_dvsec(const struct lz_pci_access *a, unsigned at, uint16_t vendor, uint16_t id)
{
	return cfg_read16(a, at + PCI_DVSEC_VENDOR) == vendor &&
	       cfg_read16(a, at + PCI_DVSEC_ID) == id;
}

/* `vendor` and `dvsec` count for DVSEC only. */
static unsigned find_ext(const struct lz_pci_access *a, uint16_t id, uint16_t vendor,
			 uint16_t dvsec)
{
	unsigned at = PCI_EXT_BASE;

	/* A conventional function's upper space is nobody's, and some fabrics
	 * repeat the lower 256 bytes there. */
	if (!lz_pci_find_cap(a, PCI_CAP_EXP))
		return 0;
	for (unsigned n = 0; n < MAX_EXT_CAPS && at >= PCI_EXT_BASE; n++) {
		uint32_t header = cfg_read32(a, at);

		if (!header || header == PCI_CONFIG_ONES)
			return 0;
		if ((header & 0xffff) == id &&
		    (id != PCI_EXT_CAP_DVSEC || is_dvsec(a, at, vendor, dvsec)))
			return at;
		at = header >> 20 & ~3u;
	}
	return 0;
}

unsigned lz_pci_find_ext_cap(const struct lz_pci_access *a, uint16_t id)
{
	return find_ext(a, id, 0, 0);
}

unsigned lz_pci_find_dvsec(const struct lz_pci_access *a, uint16_t vendor, uint16_t id)
{
	return find_ext(a, PCI_EXT_CAP_DVSEC, vendor, id);
}
