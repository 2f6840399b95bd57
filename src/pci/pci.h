/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI config space: capabilities and ATS, for core and drivers. All task context. */
#ifndef LZ_PCI_H
#define LZ_PCI_H

#include "lazaret/pci.h"
#include "lazaret/types.h"

/* Offset of a capability, 0 when there is none or the list is garbage. */
unsigned lz_pci_find_cap(const struct lz_pci_access *a, uint8_t id);
unsigned lz_pci_find_ext_cap(const struct lz_pci_access *a, uint16_t id);
/* A designated vendor-specific one. */
unsigned lz_pci_find_dvsec(const struct lz_pci_access *a, uint16_t vendor, uint16_t id);

bool lz_pci_present(const struct lz_pci_access *a);
bool lz_pci_has_ats(const struct lz_pci_access *a);
/* Whether translated requests of the function may pass by the IOMMU, so that no
 * fence stops them (H88): by what, or NULL. */
const char *lz_pci_passes_by(const struct lz_pci_access *a);
/* Max PASID width in bits, 0 when none. */
unsigned lz_pci_pasid_bits(const struct lz_pci_access *a);

/* Enable := 1 with `stu` (the smallest translation unit, log2 of 4 KiB
 * multiples), 0 -> 1 so that the ATC is emptied; read back. LZ_EIO when it does
 * not read back, LZ_ENODEV when config space does not answer, LZ_ENOTSUP
 * without the capability. */
enum lz_status lz_pci_ats_enable(const struct lz_pci_access *a, unsigned stu);
/* Enable := 0; LZ_OK only when it reads back as 0; errors as above. */
enum lz_status lz_pci_ats_disable(const struct lz_pci_access *a);
/* What config space says now; false also when it does not answer. */
bool lz_pci_ats_enabled(const struct lz_pci_access *a);
/* PASID Enable, with Execute and Privileged off; read back. It may not change while
 * ATS is on (PCIe 7.8.9.3): LZ_EBUSY then, nothing written. Other errors as above;
 * LZ_ENOTSUP also for a virtual function, whose physical one has it. */
enum lz_status lz_pci_pasid_enable(const struct lz_pci_access *a, bool on);

/* Rung (c) of the ladder: bus master off, ATS off, transactions not pending
 * (bounded wait); LZ_OK only when all of it reads back. */
enum lz_status lz_pci_function_off(const struct lz_pci_access *a);
/* Is bus master on; and on again, for one that was switched off. */
bool lz_pci_bus_master(const struct lz_pci_access *a);
void lz_pci_function_on(const struct lz_pci_access *a);
/* The port above blocks translated requests (ACS TB). LZ_ENOTSUP without a
 * port or the capability. `on` false restores. */
enum lz_status lz_pci_port_block(const struct lz_pci_access *a, bool on);

#endif
