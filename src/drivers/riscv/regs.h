/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RISC-V IOMMU registers and in-memory records (RISC-V IOMMU Architecture
 * Specification 1.0; the chapter stands beside each group). Positions by mask of the
 * register or 64-bit word they are in; nothing of the driver's state is here.
 */
#ifndef LZ_RISCV_REGS_H
#define LZ_RISCV_REGS_H

#include <stdint.h>

#define RV_FIELD(mask, v) (((uint64_t)(v) << __builtin_ctzll(mask)) & (mask))
#define RV_GET(mask, w)	  (((uint64_t)(w) & (mask)) >> __builtin_ctzll(mask))
#define RV_BITS(hi, lo)	  ((~0ull >> (63 - (hi))) & (~0ull << (lo)))

/* ---- 6.3 capabilities (64 bits) ---- */
#define RV_CAPS		 0u
#define RV_CAPS_VERSION	 RV_BITS(7, 0) /* 0x10: 1.0 */
#define RV_CAPS_SV39	 (1ull << 9)
#define RV_CAPS_SV48	 (1ull << 10)
#define RV_CAPS_SV57	 (1ull << 11)
#define RV_CAPS_MSI_FLAT (1ull << 22)
#define RV_CAPS_ATS	 (1ull << 25)
#define RV_CAPS_END	 (1ull << 27)
#define RV_CAPS_IGS	 RV_BITS(29, 28)
#define RV_IGS_MSI	 0u
#define RV_IGS_WIRED	 1u
#define RV_CAPS_PAS	 RV_BITS(37, 32)
#define RV_CAPS_PD8	 (1ull << 38)
#define RV_CAPS_PD17	 (1ull << 39)

/* ---- 6.4 fctl, 6.5 ddtp ---- */
#define RV_FCTL	    8u
#define RV_FCTL_BE  (1u << 0)
#define RV_FCTL_WSI (1u << 1)

#define RV_DDTP	     16u /* 64 bits */
#define RV_DDTP_MODE RV_BITS(3, 0)
#define RV_DDTP_OFF  0u
#define RV_DDTP_BARE 1u
#define RV_DDTP_1LVL 2u
#define RV_DDTP_2LVL 3u
#define RV_DDTP_3LVL 4u
#define RV_DDTP_BUSY (1ull << 4)
#define RV_DDTP_PPN  RV_BITS(53, 10)

/* ---- 6.6 - 6.17 queues ---- */
#define RV_CQB	     24u /* 64 bits, as the other two bases */
#define RV_CQH	     32u
#define RV_CQT	     36u
#define RV_FQB	     40u
#define RV_FQH	     48u
#define RV_FQT	     52u
#define RV_QB_LOG2SZ RV_BITS(4, 0) /* less one */
#define RV_QB_PPN    RV_BITS(53, 10)

/* Error bits are cleared by writing 1; enable bits stand in the same register. */
#define RV_CQCSR	    72u
#define RV_FQCSR	    76u
#define RV_PQCSR	    80u
#define RV_QCSR_EN	    (1u << 0)
#define RV_QCSR_IE	    (1u << 1)
#define RV_QCSR_MF	    (1u << 8)
#define RV_CQCSR_CMD_TO	    (1u << 9)
#define RV_CQCSR_CMD_ILL    (1u << 10)
#define RV_CQCSR_FENCE_W_IP (1u << 11)
#define RV_FQCSR_OF	    (1u << 9)
#define RV_QCSR_ON	    (1u << 16)
#define RV_QCSR_BUSY	    (1u << 17)
/* What stops the command queue. */
#define RV_CQCSR_STOP (RV_QCSR_MF | RV_CQCSR_CMD_TO | RV_CQCSR_CMD_ILL)

/* ---- 6.18, 6.25 interrupts ---- */
#define RV_IPSR	     84u
#define RV_IPSR_CIP  (1u << 0)
#define RV_IPSR_FIP  (1u << 1)
#define RV_ICVEC     760u /* 64 bits */
#define RV_ICVEC_FIV RV_BITS(7, 4)

#define RV_MSI_CFG(n)	   (768u + 16u * (n)) /* address, 64 bits */
#define RV_MSI_CFG_DATA(n) (RV_MSI_CFG(n) + 8u)
#define RV_MSI_CFG_CTRL(n) (RV_MSI_CFG(n) + 12u)
#define RV_MSI_MASK	   (1u << 0)

/* ---- chapter 4 commands: two words ---- */
#define RV_CMD_OP 0x3ffull /* opcode and function */

#define RV_OP_IOTINVAL_VMA 0x001u
#define RV_OP_IOFENCE_C	   0x002u
#define RV_OP_INVAL_DDT	   0x003u
#define RV_OP_INVAL_PDT	   0x083u
#define RV_OP_ATS_INVAL	   0x004u

#define RV_CMD0_INV_AV	  (1ull << 10)
#define RV_CMD0_INV_PSCID RV_BITS(31, 12)
#define RV_CMD0_INV_PSCV  (1ull << 32)
#define RV_CMD1_INV_ADDR  RV_BITS(61, 10) /* address 63:12 */

#define RV_CMD0_FENCE_PR (1ull << 12)
#define RV_CMD0_FENCE_PW (1ull << 13)

#define RV_CMD0_DIR_PID RV_BITS(31, 12)
#define RV_CMD0_DIR_DV	(1ull << 33)
#define RV_CMD0_DIR_DID RV_BITS(63, 40)

#define RV_CMD0_ATS_PID	 RV_BITS(31, 12)
#define RV_CMD0_ATS_PV	 (1ull << 32)
#define RV_CMD0_ATS_DSV	 (1ull << 33)
#define RV_CMD0_ATS_RID	 RV_BITS(55, 40)
#define RV_CMD0_ATS_DSEG RV_BITS(63, 56)
#define RV_CMD0_ATS_DID	 RV_BITS(63, 40) /* both: the device id */
#define RV_CMD1_ATS_S	 (1ull << 11)

/* ---- 2.1, 2.2 device directory ---- */
#define RV_TABLE_V   (1ull << 0)
#define RV_TABLE_PPN RV_BITS(53, 10)

/* Words of a device context; the extended format has four more, all zero here. */
#define RV_DC_TC	 0u
#define RV_DC_IOHGATP	 1u
#define RV_DC_TA	 2u
#define RV_DC_FSC	 3u
#define RV_DC_WORDS_BASE 4u
#define RV_DC_WORDS_EXT	 8u

#define RV_TC_V	     (1ull << 0)
#define RV_TC_EN_ATS (1ull << 1)
#define RV_TC_EN_PRI (1ull << 2)
#define RV_TC_T2GPA  (1ull << 3)
#define RV_TC_DTF    (1ull << 4)
#define RV_TC_PDTV   (1ull << 5)
#define RV_TC_PRPR   (1ull << 6)
#define RV_TC_DPE    (1ull << 9)
/* What goes with EN_ATS, in one store: none of it may stay alone. */
#define RV_TC_ATS (RV_TC_EN_ATS | RV_TC_EN_PRI | RV_TC_T2GPA | RV_TC_PRPR)

#define RV_TA_V	    (1ull << 0) /* of a process context */
#define RV_TA_PSCID RV_BITS(31, 12)

#define RV_ATP_PPN   RV_BITS(43, 0)
#define RV_ATP_MODE  RV_BITS(63, 60)
#define RV_ATP_SV39  8u
#define RV_ATP_SV48  9u
#define RV_ATP_SV57  10u
#define RV_PDTP_PD8  1u
#define RV_PDTP_PD17 2u

/* ---- 2.3 process contexts ---- */
#define RV_PC_TA    0u
#define RV_PC_FSC   1u
#define RV_PC_WORDS 2u
#define RV_PD8_BITS 8u

/* ---- 3.6 fault records ---- */
#define RV_FQ_WORDS	   4u
#define RV_FQ0_CAUSE	   RV_BITS(11, 0)
#define RV_FQ0_PID	   RV_BITS(31, 12)
#define RV_FQ0_PV	   (1ull << 32)
#define RV_FQ0_PRIV	   (1ull << 33)
#define RV_FQ0_TTYP	   RV_BITS(39, 34)
#define RV_FQ0_DID	   RV_BITS(63, 40)
#define RV_CAUSE_MSI_WRITE 273u

_Static_assert(RV_DC_WORDS_BASE * 8 == 32 && RV_DC_WORDS_EXT * 8 == 64, "size of a context");
_Static_assert(RV_PC_WORDS * 8 == 16, "size of a process context");
_Static_assert(RV_FQ_WORDS * 8 == 32, "size of a fault record");

#endif
