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

#include "lazaret/domain.h"
#include "lazaret/port.h"
#include "lazaret/types.h"

#define LZ_PT_EPOCHS 256u /* epochs are compared modulo this; at most 127 apart */

struct lz_pt {
	const struct lz_port *port;
	uint64_t *root;
	lz_phys root_phys;
	uint64_t spare;	      /* list of tables that lost a race (atomic) */
	unsigned ias, oas;    /* address bits, input and output */
	unsigned start_level; /* 0..3 */
};

/* Arm LPAE stage 1, 4 KiB granule, AArch64; TTB0 only. ias 32..48, oas 32..48. */
enum lz_status lz_pt_init(struct lz_pt *pt, const struct lz_port *port, unsigned ias, unsigned oas);
/* Frees every table. Nothing can walk them any more. */
void lz_pt_fini(struct lz_pt *pt);

enum lz_status lz_pt_map(struct lz_pt *pt, lz_iova iova, lz_phys phys, size_t size, unsigned prot);
/* valid -> in flight. `*bytes`: how much was mapped there; `*granule`: the
 * smallest entry (4 KiB, 2 MiB, 1 GiB). LZ_EINVAL when a block is cut
 * (nothing changed), LZ_ENOENT when nothing was mapped. */
enum lz_status lz_pt_unmap(struct lz_pt *pt, lz_iova iova, size_t size, uint64_t *bytes,
			   size_t *granule);
/* in flight -> absent. */
void lz_pt_forget(struct lz_pt *pt, lz_iova iova, size_t size);
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
