/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IOMMUs of a rig: their model and their driver, one table for each kind that there is.
 * A scenario chooses with `machine.iommu`.
 */
#ifndef LZ_BENCH_HARDWARE_H
#define LZ_BENCH_HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

#include "lazaret-model/iommu.h"
#include "lazaret/lazaret.h"

struct rig_unit;
struct scenario;

struct hardware {
	const char *name;   /* in reports, a number behind it */
	unsigned id_bits;   /* of stream or device ids, that the driver's tables have */
	bool asks_with_ats; /* a probe after a reset needs ATS on in the entry */

	/* u->model, from the scenario; sets gerror_delay and the rig's ats_timeout. u->bus is
	 * there. False: no such regime, or out of memory. */
	bool (*create)(struct rig_unit *u);
	/* Bytes of registers that it has; NULL: RIG_MMIO_SIZE. */
	uint32_t (*registers)(const struct rig_unit *u);
	/* Registers and interrupt lines beside those; NULL: none. */
	void (*start)(struct rig_unit *u);

	/* Faults that only some have; NULL: there is no such thing. */
	void (*abort_msi)(struct rig_unit *u);
	void (*fail)(struct rig_unit *u);

	/* The driver. */
	enum lz_status (*add)(struct rig_unit *u); /* sets u->iommu */
	enum lz_status (*remove)(struct lz_iommu *iommu);
	bool (*error_irq)(struct lz_iommu *iommu);
	bool (*fault_irq)(struct lz_iommu *iommu);
};

extern const struct hardware hardware_smmuv3, hardware_riscv;
/* That of a scenario. */
const struct hardware *hardware_of(const struct scenario *sc);

#endif
