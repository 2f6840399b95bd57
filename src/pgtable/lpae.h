/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm LPAE stage 1 descriptors, AArch64, 4 KiB granule (Arm DDI 0487,
 * D8.3 "Translation table descriptor formats").
 *
 * A dead entry is ours: bit 0 clear makes it invalid to hardware, which then
 * ignores bits 63:1.
 *
 *   63    56 55    48 47                      12 11   3   2     1   0
 *   [ epoch ][   0   ][     output address      ][  0  ][held][dead][0]
 */
#ifndef LZ_PGTABLE_LPAE_H
#define LZ_PGTABLE_LPAE_H

#include <stdbool.h>
#include <stdint.h>

#define LPAE_VALID (1ull << 0)
#define LPAE_TABLE (1ull << 1) /* levels 0..2: table; level 3: page */
#define LPAE_PAGE  (1ull << 1)

#define LPAE_ATTR_NORMAL  (0ull << 2) /* AttrIndx 0: normal write-back */
#define LPAE_ATTR_DEVICE  (1ull << 2) /* AttrIndx 1: device */
#define LPAE_AP_UNPRIV	  (1ull << 6)
#define LPAE_AP_READ_ONLY (1ull << 7)
#define LPAE_SH_INNER	  (3ull << 8)
#define LPAE_AF		  (1ull << 10)
#define LPAE_NG		  (1ull << 11)
#define LPAE_PXN	  (1ull << 53)
#define LPAE_UXN	  (1ull << 54)
#define LPAE_ADDR	  0x0000fffffffff000ull

#define LPAE_DEAD	 (1ull << 1)
#define LPAE_HELD	 (1ull << 2)
#define LPAE_EPOCH_SHIFT 56

#define LPAE_ENTRIES   512u
#define LPAE_TABLE_LEN 4096u

/* Address bits below an entry of this level. */
static inline unsigned lpae_shift(unsigned level)
{
	return 12 + 9 * (3 - level);
}

static inline bool lpae_is_dead(uint64_t e)
{
	return !(e & LPAE_VALID) && (e & LPAE_DEAD);
}

static inline bool lpae_is_held(uint64_t e)
{
	return lpae_is_dead(e) && (e & LPAE_HELD);
}

static inline bool lpae_is_table(uint64_t e, unsigned level)
{
	return level < 3 && (e & LPAE_VALID) && (e & LPAE_TABLE);
}

static inline unsigned lpae_epoch(uint64_t e)
{
	return (unsigned)(e >> LPAE_EPOCH_SHIFT);
}

#endif
