/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables: the walker's interface. An entry is absent (0), valid, or dead.
 * A dead entry is invalid to hardware, keeps its address, and says why it is
 * still there: in flight (its unmap is waiting for the hardware) or in custody
 * since an epoch. Mapping over a dead entry answers LZ_EBUSY. So custody needs
 * no list and no allocation.
 *
 * Operations on different ranges run concurrently on any CPU; tables are
 * installed by compare-and-swap and never removed before lz_pt_fini().
 */
#ifndef LZ_PGTABLE_H
#define LZ_PGTABLE_H

#include "core/config.h"
#include "lazaret/domain.h"
#include "lazaret/port.h"
#include "lazaret/types.h"

#define LZ_PT_EPOCHS 256u /* epochs are compared modulo this; at most 127 apart */

struct lz_pt_format;

struct lz_pt {
	const struct lz_port *port;
	const struct lz_pt_format *format;
	uint64_t *root;
	lz_phys root_phys;
	uint64_t spare;	      /* list of tables that lost a race (atomic) */
	unsigned ias, oas;    /* address bits, input and output */
	unsigned start_level; /* the root's; 0 is the top of the format */
	bool sv;	      /* RISC-V; else LPAE */
};

/* Arm LPAE stage 1, 4 KiB granule, AArch64; TTB0 only. ias 32..48, oas 32..48. */
enum lz_status lz_pt_init(struct lz_pt *pt, const struct lz_port *port, unsigned ias, unsigned oas);
/* RISC-V first stage; mode 39, 48 or 57: one address bit less, since the upper half
 * is not used. oas 32..56. */
enum lz_status lz_pt_init_sv(struct lz_pt *pt, const struct lz_port *port, unsigned mode,
			     unsigned oas);
/* Frees every table. Nothing can walk them any more. */
void lz_pt_fini(struct lz_pt *pt);

/* Of one format; what they do is said below. */
enum lz_status lz_lpae_map(struct lz_pt *pt, lz_iova iova, lz_phys phys, size_t size,
			   unsigned prot);
enum lz_status lz_lpae_unmap(struct lz_pt *pt, lz_iova iova, size_t size, uint64_t *bytes,
			     size_t *granule);
void lz_lpae_forget(struct lz_pt *pt, lz_iova iova, size_t size);
enum lz_status lz_sv_map(struct lz_pt *pt, lz_iova iova, lz_phys phys, size_t size, unsigned prot);
enum lz_status lz_sv_unmap(struct lz_pt *pt, lz_iova iova, size_t size, uint64_t *bytes,
			   size_t *granule);
void lz_sv_forget(struct lz_pt *pt, lz_iova iova, size_t size);

static inline enum lz_status lz_pt_map(struct lz_pt *pt, lz_iova iova, lz_phys phys, size_t size,
				       unsigned prot)
{
	if (LZ_CONFIG_RISCV && pt->sv)
		return lz_sv_map(pt, iova, phys, size, prot);
	return lz_lpae_map(pt, iova, phys, size, prot);
}
/* valid -> in flight. `*bytes`: how much was mapped there; `*granule`: the
 * smallest entry (4 KiB, 2 MiB, 1 GiB). LZ_EINVAL when a block is cut
 * (nothing changed), LZ_ENOENT when nothing was mapped. */
static inline enum lz_status lz_pt_unmap(struct lz_pt *pt, lz_iova iova, size_t size,
					 uint64_t *bytes, size_t *granule)
{
	if (LZ_CONFIG_RISCV && pt->sv)
		return lz_sv_unmap(pt, iova, size, bytes, granule);
	return lz_lpae_unmap(pt, iova, size, bytes, granule);
}
/* in flight -> absent. */
static inline void lz_pt_forget(struct lz_pt *pt, lz_iova iova, size_t size)
{
	if (LZ_CONFIG_RISCV && pt->sv)
		lz_sv_forget(pt, iova, size);
	else
		lz_lpae_forget(pt, iova, size);
}
/* in flight -> in custody since `epoch`; returns pages. */
uint64_t lz_pt_hold(struct lz_pt *pt, lz_iova iova, size_t size, unsigned epoch);
/* in custody since `epoch` or earlier -> absent, then `released` for each
 * contiguous run; returns pages. */
typedef void (*lz_pt_released)(void *ctx, lz_iova iova, size_t size);
uint64_t lz_pt_release(struct lz_pt *pt, lz_iova iova, size_t size, unsigned epoch,
		       lz_pt_released released, void *ctx);
/* What is in custody since `epoch` or earlier counts as held since `epoch`: for
 * custody that outlives many epochs. */
void lz_pt_age(struct lz_pt *pt, lz_iova iova, size_t size, unsigned epoch);
bool lz_pt_lookup(const struct lz_pt *pt, lz_iova iova, lz_phys *phys);
/* Whole input range in bytes. */
static inline uint64_t lz_pt_span(const struct lz_pt *pt)
{
	return 1ull << pt->ias;
}

#endif
