/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files that reset functions: state.c (config space and evidence),
 * steps.c (what all methods share), methods.c (the table), methods_*.c. */
#ifndef LZ_PCI_RESET_H
#define LZ_PCI_RESET_H

#include "core/driver.h"
#include "pci/access.h"

#define LZ_PCI_MAX_SAVED 50u
#define LZ_PCI_SETTLE	 LZ_MS(100)

/* ---- state.c ---- */

struct lz_pci_saved {
	unsigned n;
	unsigned sriov; /* offset of the capability; 0: none */
	struct {
		uint16_t off;
		uint8_t width;
		uint32_t value;
	} reg[LZ_PCI_MAX_SAVED];
};

struct lz_pci_marks {
	uint16_t command, msix;
	unsigned msix_at;
};

/* False when the function does not answer (any more): nothing was saved. */
bool lz_pci_save(struct lz_pci_saved *s, const struct lz_pci_access *a);
void lz_pci_restore(const struct lz_pci_saved *s, const struct lz_pci_access *a);
void lz_pci_plant(struct lz_pci_marks *m, const struct lz_pci_access *a);
/* Did a reset clear the marks? */
bool lz_pci_marks_gone(const struct lz_pci_marks *m, const struct lz_pci_access *a);
/* Does it look as after a reset? For a function that took no marks because it
 * did not answer. */
bool lz_pci_as_reset(const struct lz_pci_access *a);

/* ---- steps.c ---- */

/* 100 ms after a reset of the function, unless it is ready at once; then until
 * it answers, 65.5 s at most. */
enum lz_status lz_pci_settle(struct lz_device *dev);

/* lz_pci_bus_reset() of a link; n > 0. */
enum lz_status lz_pci_reset_link(struct lz_device *const *devs, unsigned n,
				 const struct lz_pci_link *link);

/* ---- methods*.c ---- */

struct lz_pci_method {
	const char *name;
	/* Reads config space only (H01). LZ_OK or LZ_ENOTSUP. */
	enum lz_status (*probe)(struct lz_device *dev);
	/* Prepared, config space saved, marks planted. LZ_ENOTSUP: nothing was
	 * touched; LZ_OK: reset, ready and acknowledged (H02, H03). */
	enum lz_status (*run)(struct lz_device *dev);
	/* Works through the port, the slot or the platform, not through the
	 * function's config space. */
	bool from_outside;
};

extern const struct lz_pci_method lz_pci_method_flr;

/* The device's method number `i` in its order; NULL after the last. */
const struct lz_pci_method *lz_pci_method_at(const struct lz_device *dev, unsigned i);

enum lz_status lz_pci_flr(struct lz_device *dev);
enum lz_status lz_pci_probe_bus(struct lz_device *dev);
enum lz_status lz_pci_run_bus(struct lz_device *dev);
enum lz_status lz_pci_probe_slot(struct lz_device *dev);
enum lz_status lz_pci_run_slot(struct lz_device *dev);
enum lz_status lz_pci_probe_cxl_bus(struct lz_device *dev);
enum lz_status lz_pci_run_cxl_bus(struct lz_device *dev);
enum lz_status lz_pci_probe_vendor(struct lz_device *dev);
enum lz_status lz_pci_run_vendor(struct lz_device *dev);
/* Does a reset of this kind leave the function's config space alone, so that
 * marks say nothing? */
bool lz_pci_vendor_keeps_config(const struct lz_device *dev);

/* Retrains a link that is known to be down; true when it is active then. */
bool lz_pci_port_retrain(const struct lz_pci_access *port);
/* LZ_OK when the bus below the port can be reset. */
enum lz_status lz_pci_port_can_reset(const struct lz_pci_access *port);
/* Resets it, or releases it from containment; waits for the link, not for the
 * functions below. */
enum lz_status lz_pci_port_reset(const struct lz_pci_access *port);

#endif
