/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hardware of the example: an SMMUv3 and one function with an ATC, both
 * models. On a real machine nothing of this exists; interrupts come from the
 * platform, and config space from its PCI host bridge.
 */
#ifndef EMBED_MACHINE_H
#define EMBED_MACHINE_H

#include <lazaret/pci.h>
#include <lazaret/smmuv3.h>

#define MACHINE_MMIO 0x09050000u
#define MACHINE_SID  0x100u

/* The calling thread becomes CPU 0. */
void machine_start(void);
int machine_stop(void);
/* Interrupts go to this one from now on; NULL: to nobody. */
void machine_deliver(struct lz_iommu *iommu);
const struct lz_pci_access *machine_pci(void);
/* The function accesses memory; leaves the program when that does not end as
 * expected. */
void machine_expect_dma(lz_iova iova, bool gets_through);
/* It stops answering invalidations. */
void machine_silence(void);

#endif
