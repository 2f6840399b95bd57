/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One endpoint of the model below one root port, with a clock that sleeping
 * moves, an IOMMU that maps what `mapped` says to iova + RIG_OFFSET, and an
 * access whose reads and writes a test can disturb.
 */
#ifndef TEST_PCI_RIG_H
#define TEST_PCI_RIG_H

#include "lazaret-model/endpoint.h"
#include "lazaret/pci.h"

#define RIG_OFFSET UINT64_C(0x100000000)
#define RIG_SPAN   UINT64_C(0x4000)
#define RIG_NONE   0xffffu

struct rig {
	uint64_t now;
	struct lzm_ep *port, *ep;
	struct lz_pci_access port_access, access;

	/* The IOMMU's side. */
	bool map_read, map_write;
	enum lzm_result translate_result;
	unsigned translates, translateds, untranslateds, dmas, resets;
	uint64_t last_pa;
	uint32_t last_pasid; /* of a request to the IOMMU */
	unsigned answers;
	uint64_t last_tag;
	enum lzm_atc_answer last_answer;

	/* The bus. */
	unsigned reads, writes, sleeps;
	uint64_t slept;
	unsigned lose_writes_at; /* offset; RIG_NONE */
	unsigned gone_after;	 /* the function is removed after so many reads; 0: never */
	unsigned ones_at;	 /* this read gives all ones, 0: none */
	unsigned lose_write;	 /* this write is lost, 0: none */
};

/* Without a port when `port` is false. `name` as in functions.h. */
void rig_start(struct rig *r, const char *name, bool port, bool add_ats);
/* For a test that makes its own endpoint; valid until the next call. */
const struct lzm_ep_link *rig_link(struct rig *r);
void rig_stop(struct rig *r);
/* Steps the models until they have nothing to do at the present time. */
void rig_settle(struct rig *r);
void rig_advance(struct rig *r, uint64_t ns);

uint32_t rig_read(struct rig *r, unsigned off, unsigned width);
void rig_write(struct rig *r, unsigned off, unsigned width, uint32_t v);
/* ATS and bus master on, by plain writes at offset `ats_ctl`. */
void rig_ats_on(struct rig *r, unsigned ats_ctl);
/* An Invalidate Request; `size` 0 is everything. */
void rig_invalidate(struct rig *r, uint64_t tag, uint64_t addr, uint64_t size);

#endif
