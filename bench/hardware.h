/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IOMMUs of a rig: their model and their driver, one table for each kind that there is.
 * A scenario chooses with `machine.iommu`.
 */
#ifndef LZ_BENCH_HARDWARE_H
#define LZ_BENCH_HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

#include "lazaret-model/riscv.h"
#include "lazaret-model/smmuv3.h"
#include "lazaret/lazaret.h"

struct rig_unit;
struct scenario;

/* What its model has counted. */
struct hardware_counts {
	uint64_t commands, errors, illegal_driver_use;
	uint64_t lane_commands; /* of the commands: from queues beside the IOMMU's own */
	unsigned lanes;		/* how many of those were used */
	char last_misuse[96];
};

struct hardware {
	const char *name;   /* in reports, a number behind it */
	unsigned id_bits;   /* of stream or device ids, that the driver's tables have */
	bool asks_with_ats; /* a probe after a reset needs ATS on in the entry */

	/* The model, from the scenario; sets gerror_delay and the rig's ats_timeout. u->bus is
	 * there. False: no such regime, or out of memory. */
	bool (*create)(struct rig_unit *u);
	void (*destroy)(struct rig_unit *u);
	/* Bytes of registers that it has; NULL: RIG_MMIO_SIZE. */
	uint32_t (*registers)(const struct rig_unit *u);
	/* Registers and interrupt lines beside those; NULL: none. */
	void (*start)(struct rig_unit *u);
	uint64_t (*read)(struct rig_unit *u, uint32_t off, unsigned width);
	void (*write)(struct rig_unit *u, uint32_t off, unsigned width, uint64_t value);
	bool (*step)(struct rig_unit *u);
	uint64_t (*wake)(struct rig_unit *u);

	void (*answer)(struct rig_unit *u, uint64_t tag, enum lzm_atc_answer a);
	void (*device_reset)(struct rig_unit *u, uint32_t sid);
	enum lzm_result (*translate)(struct rig_unit *u, uint32_t sid, uint32_t pasid,
				     uint64_t iova, struct lzm_translation *out);
	enum lzm_result (*translated)(struct rig_unit *u, uint32_t sid, uint64_t pa,
				      enum lzm_access access, uint64_t *out);
	enum lzm_result (*untranslated)(struct rig_unit *u, uint32_t sid, uint32_t pasid,
					uint64_t iova, enum lzm_access access, uint64_t *pa);
	void (*page_request)(struct rig_unit *u, uint32_t sid, uint64_t iova, unsigned prgi);

	/* No command is consumed until then. */
	void (*stall)(struct rig_unit *u, uint64_t until);
	/* The next read of a device's entry, or of a command, is aborted. */
	void (*abort_entry)(struct rig_unit *u, uint32_t sid);
	void (*abort_command)(struct rig_unit *u);
	/* May be NULL: there is no such thing. */
	void (*abort_msi)(struct rig_unit *u);
	void (*fail)(struct rig_unit *u);

	/* Where commands are; `bytes` is a power of two. */
	void (*ring)(struct rig_unit *u, uint64_t *start, uint64_t *bytes);
	bool (*queue_is_empty)(struct rig_unit *u);
	void (*ats_effective)(struct rig_unit *u, uint32_t sid, bool *now, bool *uncached);
	void (*counts)(struct rig_unit *u, struct hardware_counts *out);

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
