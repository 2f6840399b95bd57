/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RISC-V page table entries of Sv39, Sv48 and Sv57 (privileged architecture,
 * "Supervisor-Level ISA", page-based virtual-memory systems). A leaf has R or X;
 * W without R is reserved. Bits 63:54 are reserved or for extensions: zero.
 */
#ifndef LZ_PGTABLE_SV_H
#define LZ_PGTABLE_SV_H

#include <stdint.h>

#define SV_V	(1ull << 0)
#define SV_R	(1ull << 1)
#define SV_W	(1ull << 2)
#define SV_X	(1ull << 3)
#define SV_U	(1ull << 4)
#define SV_G	(1ull << 5)
#define SV_A	(1ull << 6)
#define SV_D	(1ull << 7)
#define SV_ADDR 0x003ffffffffffc00ull /* bits 55:12 of the address */

#define SV_ADDR_SHIFT 2

#endif
