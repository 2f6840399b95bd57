/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef QEMU_PCI_WINDOWS_H
#define QEMU_PCI_WINDOWS_H

#include "pci.h"

/* Gives memory BARs and bridge windows addresses from the ranges of `host`. */
bool pci_windows(int host, struct pci_function *functions, unsigned n);

#endif
