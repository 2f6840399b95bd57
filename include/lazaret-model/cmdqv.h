/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * Register-level model of NVIDIA's Tegra241 CMDQV: command queues beside those of
 * one SMMUv3, owned by the host or by guests.
 *
 * No public register manual exists: what is modelled rests on what drivers and one
 * emulator do with the registers. docs/MODEL.md marks each such assumption.
 */
#ifndef LAZARET_MODEL_CMDQV_H
#define LAZARET_MODEL_CMDQV_H

#include "lazaret-model/smmuv3.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the CMDQV can. */
struct lzm_cmdqv_config {
	unsigned vcmdqs_log2; /**< physical queues; at most 7 */
	unsigned vintfs_log2; /**< interfaces; at most 6 and at most vcmdqs_log2 */
	unsigned sids_log2;   /**< stream id pairs of an interface; at most 4 */
	bool guest;	      /**< seen from inside a guest: HYP_OWN reads 0 */
};
/** Eight queues, four interfaces, sixteen stream ids each. */
void lzm_cmdqv_config_default(struct lzm_cmdqv_config *c);

/** A CMDQV; owned by whoever created it. */
struct lzm_cmdqv;
/**
 * One beside `smmu`, which is referenced until destroy and runs its queues in its own
 * step(). NULL when out of memory, config out of range, or the SMMU has one already.
 */
struct lzm_cmdqv *lzm_cmdqv_create(const struct lzm_cmdqv_config *cfg, struct lzm_smmu *smmu);
/** Frees it; before the SMMU. */
void lzm_cmdqv_destroy(struct lzm_cmdqv *v);
/** Hardware reset. */
void lzm_cmdqv_reset(struct lzm_cmdqv *v);

/** Bytes of its register region. */
uint32_t lzm_cmdqv_mmio_size(const struct lzm_cmdqv *v);
/** Register access: size 4 or 8, offset naturally aligned, inside the region. */
uint64_t lzm_cmdqv_read(struct lzm_cmdqv *v, uint32_t offset, unsigned size);
/** Likewise. Use that drivers of the hardware avoid is counted in the SMMU's stats. */
void lzm_cmdqv_write(struct lzm_cmdqv *v, uint32_t offset, unsigned size, uint64_t value);

#ifdef __cplusplus
}
#endif
#endif
