/* SPDX-License-Identifier: BSD-2-Clause */
/* Shorthands for config accesses, and what the files of this folder share. */
#ifndef LZ_PCI_ACCESS_H
#define LZ_PCI_ACCESS_H

#include "pci/pci.h"
#include "pci/regs.h"

static inline uint32_t cfg_read32(const struct lz_pci_access *a, unsigned off)
{
	return a->read(a->ctx, off, 4);
}

static inline uint16_t cfg_read16(const struct lz_pci_access *a, unsigned off)
{
	return (uint16_t)a->read(a->ctx, off, 2);
}

static inline uint8_t cfg_read8(const struct lz_pci_access *a, unsigned off)
{
	return (uint8_t)a->read(a->ctx, off, 1);
}

static inline void cfg_write16(const struct lz_pci_access *a, unsigned off, uint16_t v)
{
	a->write(a->ctx, off, 2, v);
}

/* Waits 100 + 200 + 400 ms at most for Transactions Pending to go away. LZ_OK,
 * LZ_ETIMEDOUT, LZ_ENODEV. LZ_OK for a function without the PCIe capability. */
enum lz_status lz_pci_wait_pending(const struct lz_pci_access *a);

#endif
