/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI Express by ECAM: everything is found, numbered and given addresses here. */
#ifndef QEMU_PCI_H
#define QEMU_PCI_H

#include "baremetal.h"
#include "lazaret/pci.h"

#define PCI_MAX_FUNCTIONS 32u

struct pci_function {
	char name[16]; /* 0000:01:00.0 */
	uint8_t bus, devfn;
	uint16_t vendor, device;
	uint32_t class_code;
	bool bridge;
	uint8_t secondary, subordinate;
	unsigned express; /* offset of the PCI Express capability; 0 none */
	unsigned ats;	  /* of the ATS extended capability */
	unsigned acs;
	uint64_t bar[6], bar_size[6];
	struct pci_function *up; /* the bridge above */
	unsigned group;
	uint32_t sid; /* at the SMMU */
	int smmu;     /* its node in the device tree; -1: none */
	uintptr_t config;
	struct lz_pci_access access;
};

/* Finds the host bridge in the device tree, scans, and gives out addresses. */
bool pci_init(void);
unsigned pci_count(void);
struct pci_function *pci_at(unsigned i);
/* The `nth` function with these ids; NULL: none. */
struct pci_function *pci_find(uint16_t vendor, uint16_t device, unsigned nth);
/* Memory decoding and bus mastering. */
void pci_enable(struct pci_function *f);
/* Address of a BAR, mapped; 0: none. */
uintptr_t pci_bar(struct pci_function *f, unsigned bar);
uint32_t pci_read(const struct pci_function *f, unsigned off, unsigned width);
void pci_write(struct pci_function *f, unsigned off, unsigned width, uint32_t v);
/* The next capability with that id after `from` (0: the first); 0: none. */
unsigned pci_cap(const struct pci_function *f, unsigned id, unsigned from);
void pci_print(void);

#endif
