/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables of RISC-V: Sv39, Sv48, Sv57. */
#include "pgtable/sv.h"

#include "pgtable/walker.h"

/* Five levels; Sv48 and Sv39 begin one and two further down. */
static const struct lz_pt_format sv = {
	.leaf = 4,
	.addr_shift = SV_ADDR_SHIFT,
	.addr = SV_ADDR,
	.table_mask = SV_V | SV_R | SV_W | SV_X,
	.table_is = SV_V,
	.block = SV_V,
	.page = SV_V,
};

/* Addresses are sign-extended: the upper half is not used, so a width is one bit
 * less than its mode's. */
enum lz_status lz_pt_init_sv(struct lz_pt *pt, const struct lz_port *port, unsigned mode,
			     unsigned oas)
{
	if ((mode != 39 && mode != 48 && mode != 57) || oas < 32 || oas > 56)
		return LZ_EINVAL;
	pt->sv = true;
	return lz_pt_make(pt, &sv, port, mode - 1, oas);
}

/* A and D are set, since hardware may fault instead of setting them. Devices are the
 * user of the tables. Memory types are those of the physical address. */
enum lz_status lz_sv_map(struct lz_pt *pt, lz_iova iova, lz_phys phys, size_t size, unsigned prot)
{
	uint64_t bits = SV_U | SV_A | SV_R | (prot & LZ_WRITE ? SV_W | SV_D : 0);

	return pt_map(pt, &sv, iova, phys, size, prot, bits);
}

enum lz_status lz_sv_unmap(struct lz_pt *pt, lz_iova iova, size_t size, uint64_t *bytes,
			   size_t *granule)
{
	return pt_unmap(pt, &sv, iova, size, bytes, granule);
}

void lz_sv_forget(struct lz_pt *pt, lz_iova iova, size_t size)
{
	pt_forget(pt, &sv, iova, size);
}
