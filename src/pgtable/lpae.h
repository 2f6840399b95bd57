/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arm LPAE stage 1 descriptors, AArch64, 4 KiB granule (Arm DDI 0487,
 * D8.3 "Translation table descriptor formats").
 */
#ifndef LZ_PGTABLE_LPAE_H
#define LZ_PGTABLE_LPAE_H

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

/* Address bits below an entry of this level. */
static inline unsigned lpae_shift(unsigned level)
{
	return 12 + 9 * (3 - level);
}

#endif
