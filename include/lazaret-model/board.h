/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file
 * A board: one IOMMU model, SMMUv3 or RISC-V, with functions behind it, wired to each
 * other by stream id (there: device id). Whoever tests gives it memory, interrupts and time, and
 * steps it.
 *
 * Nothing here is needed to use the models; it saves the callbacks that most benches
 * would write alike.
 */
#ifndef LAZARET_MODEL_BOARD_H
#define LAZARET_MODEL_BOARD_H

#include "lazaret-model/endpoint.h"
#include "lazaret-model/iommu.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of a PCI Express function's config space. */
#define LZM_CONFIG_SIZE 4096u

/** What an ordinary function can; bits. */
enum lzm_cap {
	LZM_CAP_FLR = 1,   /**< function level reset */
	LZM_CAP_ATS = 2,   /**< address translation service: page aligned requests */
	LZM_CAP_PASID = 4, /**< 8 bits of PASID */
	LZM_CAP_PRI = 8,   /**< page requests */
};
/**
 * Writes config space of an ordinary PCI Express endpoint, as a dump has it, to
 * LZM_CONFIG_SIZE bytes: memory decoding and bus mastering on, PCI Express at 0x40,
 * then those of `caps` (enum lzm_cap) that are extended capabilities, in the order of
 * the enum, from 0x100 on in steps of 0x20. All of them are off. Any context.
 */
void lzm_config_make(uint8_t *config, unsigned caps);

/** An IOMMU with its functions; owned by whoever created it. As passive as they are:
 *  one call at a time, from any context. */
struct lzm_board;

/**
 * A board with an SMMU and no function. `cfg` NULL: the default. `host` is copied; of
 * its services atc_inv is called for a stream id of nobody on the board, and may be
 * NULL: such requests are never answered. NULL when out of memory or the configuration
 * is out of range.
 */
struct lzm_board *lzm_board_create(const struct lzm_smmu_config *cfg, const struct lzm_bus *host);
/** The same with a RISC-V IOMMU. */
struct lzm_board *lzm_board_create_riscv(const struct lzm_riscv_config *cfg,
					 const struct lzm_bus *host);
/** Frees it, its IOMMU and its functions. NULL: nothing. */
void lzm_board_destroy(struct lzm_board *b);
/** The IOMMU, whichever it is; the board's. */
const struct lzm_iommu *lzm_board_iommu(const struct lzm_board *b);
/** The SMMU; the board's. NULL: it has another IOMMU. */
struct lzm_smmu *lzm_board_smmu(struct lzm_board *b);
/** The RISC-V IOMMU; the board's. NULL: it has another one. */
struct lzm_riscv *lzm_board_riscv(struct lzm_board *b);
/** An untranslated access with that stream id and PASID (0: none), through either. */
enum lzm_result lzm_board_untranslated(struct lzm_board *b, uint32_t sid, uint32_t pasid,
				       uint64_t iova, enum lzm_access access, uint64_t *pa);

/** What a bench may hear of a function, and decide for it; each may be NULL. */
struct lzm_watch {
	/** An Invalidate Request is about to reach it. false: it never does. */
	bool (*atc_inv)(void *user, const struct lzm_atc_inv *inv);
	/** An access of it got through to memory. `translated`: from the ATC. */
	void (*dma)(void *user, uint64_t iova, uint64_t pa, enum lzm_access access,
		    bool translated);
	/** It was reset. false: the IOMMU does not hear of that, so what the function left
	 *  unanswered runs into the timeout. */
	bool (*reset)(void *user);
	/** The stream id that the request for `addr` leaves with, of those it has; `ats`:
	 *  a Translation Request or a translated address. NULL: that of its configuration. */
	uint32_t (*sid)(void *user, uint64_t addr, bool ats);
};
/**
 * A function behind the IOMMU; `watch` (NULL: none) is referenced, `user` is the first
 * argument of its callbacks. NULL as lzm_ep_create(). The board's: ports above it and
 * physical functions are added before it.
 */
struct lzm_ep *lzm_board_add(struct lzm_board *b, const struct lzm_ep_config *cfg,
			     const struct lzm_watch *watch, void *user);
/** `ep` of this board has one more stream id: its Invalidate Requests reach `ep`, and a
 *  reset of `ep` ends those outstanding. false: out of memory. */
bool lzm_board_alias(struct lzm_board *b, struct lzm_ep *ep, uint32_t sid);

/* ---- what hosts put into tables of callbacks; hence the void pointers ---- */

/** A register of the IOMMU of the struct lzm_board; as lzm_smmu_read(). */
uint64_t lzm_board_read(void *board, uint32_t offset, unsigned size);
/** As lzm_smmu_write(). */
void lzm_board_write(void *board, uint32_t offset, unsigned size, uint64_t value);
/** One unit of progress of the IOMMU, or else of one function. false: nothing to do. */
bool lzm_board_step(void *board);
/** Time at which step() will have something to do by itself; LZM_NEVER. */
uint64_t lzm_board_wake(void *board);
/** lzm_ep_cfg_read() of the struct lzm_ep. */
uint32_t lzm_board_cfg_read(void *ep, unsigned offset, unsigned width);
/** lzm_ep_cfg_write(). */
void lzm_board_cfg_write(void *ep, unsigned offset, unsigned width, uint32_t value);

#ifdef __cplusplus
}
#endif
#endif
