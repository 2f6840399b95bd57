/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices whose core is a record of what it was told, in the order of telling. */
#ifndef TEST_PCI_CORE_H
#define TEST_PCI_CORE_H

#include "core/driver.h"

struct fake {
	struct lz_device dev;
	enum lz_status prepare_says, done_says;
	unsigned prepares, dones, refs;
	enum lz_reset_result result;
	unsigned prepared_at, done_at; /* turn; the first is 1 */
	void (*on_prepare)(struct fake *f);
	void (*on_done)(struct fake *f);
	void *user;
};

extern struct lz_iommu fake_iommu;
/* Bytes that the library has allocated; fake_no_memory: none to be had. */
extern size_t fake_allocated;
extern bool fake_no_memory;

/* Forgets all devices. */
void fake_start(void);
/* Adds one to the fake IOMMU; `pf` may be NULL. */
void fake_device(struct fake *f, const char *name, const struct lz_pci_access *pci,
		 const struct lz_device *pf);
struct fake *fake_of(const struct lz_device *dev);
/* Every device prepared as often as done, no reference or memory kept. */
void fake_check_balance(void);

#endif
