/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables of Arm LPAE stage 1. */
#include "pgtable/lpae.h"

#include "pgtable/walker.h"

static const struct lz_pt_format lpae = {
	.leaf = 3,
	.addr = LPAE_ADDR,
	.table_mask = LPAE_TABLE | LPAE_VALID,
	.table_is = LPAE_TABLE | LPAE_VALID,
	.block = LPAE_VALID,
	.page = LPAE_PAGE | LPAE_VALID,
};

enum lz_status lz_pt_init(struct lz_pt *pt, const struct lz_port *port, unsigned ias, unsigned oas)
{
	if (ias < 32 || ias > 48 || oas < 32 || oas > 48)
		return LZ_EINVAL;
	pt->sv = false;
	return lz_pt_make(pt, &lpae, port, ias, oas);
}

enum lz_status lz_lpae_map(struct lz_pt *pt, lz_iova iova, lz_phys phys, size_t size, unsigned prot)
{
	uint64_t bits = LPAE_AF | LPAE_NG | LPAE_SH_INNER | LPAE_AP_UNPRIV | LPAE_PXN | LPAE_UXN |
			(prot & LZ_MMIO ? LPAE_ATTR_DEVICE : LPAE_ATTR_NORMAL) |
			(prot & LZ_WRITE ? 0 : LPAE_AP_READ_ONLY);

	return pt_map(pt, &lpae, iova, phys, size, prot, bits);
}

enum lz_status lz_lpae_unmap(struct lz_pt *pt, lz_iova iova, size_t size, uint64_t *bytes,
			     size_t *granule)
{
	return pt_unmap(pt, &lpae, iova, size, bytes, granule);
}

void lz_lpae_forget(struct lz_pt *pt, lz_iova iova, size_t size)
{
	pt_forget(pt, &lpae, iova, size);
}
