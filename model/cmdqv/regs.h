/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tegra241 CMDQV registers as the model sees them. Every number here rests on
 * drivers' use of the hardware, not on a manual.
 */
#ifndef LZM_CMDQV_REGS_H
#define LZM_CMDQV_REGS_H

#include "smmuv3/regs.h"

/* 64 KiB pages. */
#define CMDQV_PAGE	   0x10000u
#define CMDQV_VCMDQ_PAGE0  0x10000u
#define CMDQV_VCMDQ_PAGE1  0x20000u
#define CMDQV_VINTF_PAGES  0x30000u
#define CMDQV_VINTF_STRIDE 0x20000u /* logical page 0, then logical page 1 */
#define VCMDQ_STRIDE	   0x80u

/* Configuration page. */
#define V_CONFIG	 0x0000u
#define V_PARAM		 0x0004u
#define V_STATUS	 0x0008u
#define V_VINTF_ERR_MAP	 0x0014u /* two words */
#define V_VINTF_INT_MASK 0x001cu /* two words */
#define V_CMDQ_ERR_MAP	 0x0024u /* four words */
#define V_CMDQ_ALLOC	 0x0200u /* a word for each queue */
#define V_VINTF		 0x1000u
#define V_VINTF_STRIDE	 0x100u
#define V_EN		 BIT(0)
#define V_CONFIG_MASK	 0x1ffffeu
#define PARAM_VER	 1u
#define PARAM_VCMDQS(v)	 ((uint32_t)(v) << 4)
#define PARAM_VINTFS(v)	 ((uint32_t)(v) << 8)
#define PARAM_SIDS(v)	 ((uint32_t)(v) << 12)
#define ALLOC_ALLOCATED	 BIT(0)
#define ALLOC_LVCMDQ(v)	 ((unsigned)BITS(v, 7, 1))
#define ALLOC_VINTF(v)	 ((unsigned)BITS(v, 20, 15))
#define ALLOC_MASK	 0x1f80ffu

/* VINTF block. */
#define VINTF_CONFIG	    0x00u
#define VINTF_STATUS	    0x04u
#define VINTF_SID_MATCH	    0x40u
#define VINTF_SID_REPLACE   0x80u
#define VINTF_LVCMDQ_ERRMAP 0xc0u /* four words */
#define VINTF_VMID(v)	    ((uint16_t)BITS(v, 16, 1))
#define VINTF_HYP_OWN	    BIT(17)
#define VINTF_CONFIG_MASK   0x3ffffu
#define SID_MATCH_MASK	    0x1fffffu
#define SID_REPLACE_MASK    0xfffffu

/* VCMDQ: page 0 and page 1. */
#define VCMDQ_CONS	     0x00u
#define VCMDQ_PROD	     0x04u
#define VCMDQ_CONFIG	     0x08u
#define VCMDQ_STATUS	     0x0cu
#define VCMDQ_GERROR	     0x10u
#define VCMDQ_GERRORN	     0x14u
#define VCMDQ_BASE	     0x00u
#define VCMDQ_CONS_INDX_BASE 0x08u

#endif
