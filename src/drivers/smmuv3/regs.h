/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMMUv3 registers and in-memory records (Arm IHI 0070; the section stands
 * beside each group). Positions by mask and shift of the 64-bit word they are
 * in; nothing of the driver's state is here.
 */
#ifndef LZ_SMMUV3_REGS_H
#define LZ_SMMUV3_REGS_H

#include <stdint.h>

#define SMMU_FIELD(mask, v) (((uint64_t)(v) << __builtin_ctzll(mask)) & (mask))
#define SMMU_GET(mask, w)   (((uint64_t)(w) & (mask)) >> __builtin_ctzll(mask))
#define SMMU_BITS(hi, lo)   ((~0ull >> (63 - (hi))) & (~0ull << (lo)))

/* ---- 6.3.1 - 6.3.6 identification ---- */
#define SMMU_IDR0	      0x00u
#define SMMU_IDR0_S2P	      (1u << 0)
#define SMMU_IDR0_S1P	      (1u << 1)
#define SMMU_IDR0_TTF	      SMMU_BITS(3, 2) /* 2 or 3: AArch64 tables */
#define SMMU_IDR0_COHACC      (1u << 4)
#define SMMU_IDR0_HYP	      (1u << 9)
#define SMMU_IDR0_ATS	      (1u << 10)
#define SMMU_IDR0_ASID16      (1u << 12)
#define SMMU_IDR0_MSI	      (1u << 13)
#define SMMU_IDR0_PRI	      (1u << 16)
#define SMMU_IDR0_CD2L	      (1u << 19)
#define SMMU_IDR0_STALL_MODEL SMMU_BITS(25, 24)
#define SMMU_IDR0_TERM_MODEL  (1u << 26)
#define SMMU_IDR0_ST_LEVEL    SMMU_BITS(28, 27)

#define SMMU_IDR1		0x04u
#define SMMU_IDR1_SIDSIZE	SMMU_BITS(5, 0)
#define SMMU_IDR1_SSIDSIZE	SMMU_BITS(10, 6)
#define SMMU_IDR1_EVENTQS	SMMU_BITS(20, 16)
#define SMMU_IDR1_CMDQS		SMMU_BITS(25, 21)
#define SMMU_IDR1_QUEUES_PRESET (1u << 29)
#define SMMU_IDR1_TABLES_PRESET (1u << 30)
#define SMMU_IDR1_ECMDQ		(1u << 31)

#define SMMU_IDR3     0x0cu
#define SMMU_IDR3_RIL (1u << 10)

#define SMMU_IDR5	 0x14u
#define SMMU_IDR5_OAS	 SMMU_BITS(2, 0)
#define SMMU_IDR5_GRAN4K (1u << 4)

#define SMMU_IDR6      0x190u
#define SMMU_IDR6_NUMP SMMU_BITS(27, 24) /* log2 of the control pages */
#define SMMU_IDR6_NUMQ SMMU_BITS(19, 16) /* log2 of the queues of each */

/* ---- 6.3.9 - 6.3.17 control ---- */
#define SMMU_CR0	  0x20u
#define SMMU_CR0ACK	  0x24u
#define SMMU_CR0_SMMUEN	  (1u << 0)
#define SMMU_CR0_PRIQEN	  (1u << 1)
#define SMMU_CR0_EVENTQEN (1u << 2)
#define SMMU_CR0_CMDQEN	  (1u << 3)
#define SMMU_CR0_ATSCHK	  (1u << 4)

#define SMMU_CR1	  0x28u
#define SMMU_CR1_QUEUE_IC SMMU_BITS(1, 0)
#define SMMU_CR1_QUEUE_OC SMMU_BITS(3, 2)
#define SMMU_CR1_QUEUE_SH SMMU_BITS(5, 4)
#define SMMU_CR1_TABLE_IC SMMU_BITS(7, 6)
#define SMMU_CR1_TABLE_OC SMMU_BITS(9, 8)
#define SMMU_CR1_TABLE_SH SMMU_BITS(11, 10)
#define SMMU_CACHE_WB	  1u
#define SMMU_SH_INNER	  3u

#define SMMU_CR2	   0x2cu
#define SMMU_CR2_RECINVSID (1u << 1)
#define SMMU_CR2_PTM	   (1u << 2)

#define SMMU_GBPA	 0x44u
#define SMMU_GBPA_ABORT	 (1u << 20)
#define SMMU_GBPA_UPDATE (1u << 31)

#define SMMU_IRQ_CTRL	     0x50u
#define SMMU_IRQ_CTRLACK     0x54u
#define SMMU_IRQ_CTRL_GERROR (1u << 0)
#define SMMU_IRQ_CTRL_EVENTQ (1u << 2)

/* ---- 6.3.18 - 6.3.19, 7.5 global errors ---- */
#define SMMU_GERROR		       0x60u
#define SMMU_GERRORN		       0x64u
#define SMMU_GERROR_CMDQ_ERR	       (1u << 0)
#define SMMU_GERROR_EVENTQ_ABT_ERR     (1u << 2)
#define SMMU_GERROR_PRIQ_ABT_ERR       (1u << 3)
#define SMMU_GERROR_MSI_CMDQ_ABT_ERR   (1u << 4)
#define SMMU_GERROR_MSI_EVENTQ_ABT_ERR (1u << 5)
#define SMMU_GERROR_MSI_PRIQ_ABT_ERR   (1u << 6)
#define SMMU_GERROR_MSI_GERROR_ABT_ERR (1u << 7)
#define SMMU_GERROR_SFM_ERR	       (1u << 8)
#define SMMU_GERROR_CMDQP_ERR	       (1u << 9)
/* All that this driver knows, without those of command queues. */
#define SMMU_GERROR_OTHERS   0x1fcu
#define SMMU_GERROR_IRQ_CFG0 0x68u

/* ---- 6.3.24 - 6.3.29 stream table and queues ---- */
#define SMMU_STRTAB_BASE	      0x80u
#define SMMU_STRTAB_BASE_RA	      (1ull << 62)
#define SMMU_STRTAB_BASE_ADDR	      SMMU_BITS(55, 6)
#define SMMU_STRTAB_BASE_CFG	      0x88u
#define SMMU_STRTAB_BASE_CFG_LOG2SIZE SMMU_BITS(5, 0)
#define SMMU_STRTAB_BASE_CFG_SPLIT    SMMU_BITS(10, 6)
#define SMMU_STRTAB_BASE_CFG_FMT      SMMU_BITS(17, 16)
#define SMMU_STRTAB_SPLIT	      8u
#define SMMU_L1STD_SPAN		      SMMU_BITS(4, 0)
#define SMMU_L1STD_L2PTR	      SMMU_BITS(55, 6)

#define SMMU_CMDQ_BASE		 0x90u
#define SMMU_CMDQ_PROD		 0x98u
#define SMMU_CMDQ_CONS		 0x9cu
#define SMMU_CMDQ_CONS_RD	 SMMU_BITS(19, 0)
#define SMMU_CMDQ_CONS_ERR	 SMMU_BITS(30, 24)
#define SMMU_EVENTQ_BASE	 0xa0u
#define SMMU_EVENTQ_IRQ_CFG0	 0xb0u
#define SMMU_EVENTQ_PROD	 0x100a8u
#define SMMU_EVENTQ_CONS	 0x100acu
#define SMMU_EVENTQ_OVFLG	 (1u << 31)
#define SMMU_QUEUE_BASE_RWA	 (1ull << 62)
#define SMMU_QUEUE_BASE_ADDR	 SMMU_BITS(55, 5)
#define SMMU_QUEUE_BASE_LOG2SIZE SMMU_BITS(4, 0)
#define SMMU_QUEUE_MAX_LOG2	 19u

/* ---- 6.2.5, 6.3.49 - 6.3.51, 6.3.107 - 6.3.109 enhanced command queues ---- */
#define SMMU_CONTROL_PAGE	  0x4000u /* BASE of the first one, 64 bits */
#define SMMU_CONTROL_PAGE_STRIDE  32u
#define SMMU_CONTROL_PAGE_PRESENT (1ull << 0)
#define SMMU_CONTROL_PAGE_GS	  SMMU_BITS(2, 1)
#define SMMU_CONTROL_PAGE_GS_64K  1u
#define SMMU_CONTROL_PAGE_ADDR	  SMMU_BITS(55, 16) /* from page 0 */
#define SMMU_CONTROL_PAGE_BYTES	  0x10000u
#define SMMU_ECMDQ_BASE		  0x00u
#define SMMU_ECMDQ_PROD		  0x08u
#define SMMU_ECMDQ_CONS		  0x0cu
#define SMMU_ECMDQ_ERR		  (1u << 23) /* ERRACK in PROD, ERR in CONS */
#define SMMU_ECMDQ_REASON	  SMMU_BITS(26, 24)
#define SMMU_ECMDQ_EN		  (1u << 31) /* EN in PROD, ENACK in CONS */

/* ---- Tegra241 CMDQV: no manual is public, numbers are what drivers use ---- */
#define CMDQV_CONFIG	     0x0000u /* EN; STATUS says ENABLED */
#define CMDQV_PARAM	     0x0004u
#define CMDQV_PARAM_VCMDQS   SMMU_BITS(7, 4) /* log2 */
#define CMDQV_PARAM_VINTFS   SMMU_BITS(11, 8)
#define CMDQV_PARAM_SIDS     SMMU_BITS(15, 12)
#define CMDQV_STATUS	     0x0008u
#define CMDQV_EN	     (1u << 0)
#define CMDQV_VINTF_ERR_MAP  0x0014u /* two words */
#define CMDQV_VINTF_INT_MASK 0x001cu /* two words */
#define CMDQV_ALLOC(q)	     (0x0200u + 4 * (q))
#define CMDQV_ALLOCATED	     (1u << 0)
#define CMDQV_ALLOC_LVCMDQ   SMMU_BITS(7, 1)
#define CMDQV_ALLOC_VINTF    SMMU_BITS(20, 15)
#define CMDQV_VINTF(v)	     (0x1000u + 0x100 * (v))
#define CMDQV_VINTF_CONFIG   0x00u
#define CMDQV_VINTF_HYP_OWN  (1u << 17)
#define CMDQV_VINTF_STATUS   0x04u
#define CMDQV_VINTF_MATCH    0x40u
#define CMDQV_VINTF_REPLACE  0x80u
#define CMDQV_VINTF_ERRORS   0xc0u /* four words, a bit for each of its queues */
/* VINTF 0's view of its queues. */
#define CMDQV_LOGICAL_PAGE0 0x30000u
#define CMDQV_LOGICAL_PAGE1 0x40000u
#define CMDQV_QUEUE_STRIDE  0x80u
#define CMDQV_QUEUE_CONS    0x00u
#define CMDQV_QUEUE_PROD    0x04u
#define CMDQV_QUEUE_CONFIG  0x08u
#define CMDQV_QUEUE_STATUS  0x0cu
#define CMDQV_QUEUE_GERROR  0x10u
#define CMDQV_QUEUE_GERRORN 0x14u
#define CMDQV_QUEUE_ERR	    (1u << 0)
#define CMDQV_QUEUE_BASE    0x00u /* page 1 */
#define CMDQV_QUEUE_DRAM    0x08u

/* ---- 7.1 command queue errors ---- */
#define SMMU_CERROR_NONE	 0u
#define SMMU_CERROR_ILL		 1u
#define SMMU_CERROR_ABT		 2u
#define SMMU_CERROR_ATC_INV_SYNC 3u
#define SMMU_CERROR_ILL_ACCESS	 4u /* of a VCMDQ: its owner may not send that */

/* ---- 4 commands: two 64-bit words ---- */
#define SMMU_CMD_OP		 SMMU_BITS(7, 0)
#define SMMU_OP_CFGI_STE	 0x03u
#define SMMU_OP_CFGI_ALL	 0x04u
#define SMMU_OP_CFGI_CD		 0x05u
#define SMMU_OP_TLBI_NH_ALL	 0x10u
#define SMMU_OP_TLBI_NH_ASID	 0x11u
#define SMMU_OP_TLBI_NH_VA	 0x12u
#define SMMU_OP_TLBI_NSNH_ALL	 0x30u
#define SMMU_OP_ATC_INV		 0x40u
#define SMMU_OP_SYNC		 0x46u
#define SMMU_CMD0_SSV		 (1ull << 11)
#define SMMU_CMD0_SSID		 SMMU_BITS(31, 12)
#define SMMU_CMD0_SID		 SMMU_BITS(63, 32)
#define SMMU_CMD0_VMID		 SMMU_BITS(47, 32)
#define SMMU_CMD0_ASID		 SMMU_BITS(63, 48)
#define SMMU_CMD0_TLBI_NUM	 SMMU_BITS(16, 12)
#define SMMU_CMD0_TLBI_SCALE	 SMMU_BITS(24, 20)
#define SMMU_CMD1_LEAF		 (1ull << 0)
#define SMMU_CMD1_TLBI_TTL	 SMMU_BITS(9, 8)
#define SMMU_CMD1_TLBI_TG	 SMMU_BITS(11, 10)
#define SMMU_CMD1_ADDR		 SMMU_BITS(63, 12)
#define SMMU_CMD1_CFGI_RANGE	 SMMU_BITS(4, 0)
#define SMMU_CMD1_CFGI_RANGE_ALL 31u
#define SMMU_CMD1_ATC_SIZE	 SMMU_BITS(5, 0)
#define SMMU_ATC_SIZE_ALL	 52u

/* ---- 5.2 stream table entry: eight words ---- */
#define SMMU_STE_WORDS		8u
#define SMMU_STE0_V		(1ull << 0)
#define SMMU_STE0_CONFIG	SMMU_BITS(3, 1)
#define SMMU_STE_CONFIG_ABORT	0u
#define SMMU_STE_CONFIG_BYPASS	4u
#define SMMU_STE_CONFIG_S1	5u
#define SMMU_STE0_S1CONTEXTPTR	SMMU_BITS(55, 6)
#define SMMU_STE0_S1CDMAX	SMMU_BITS(63, 59)
#define SMMU_STE1_S1DSS		SMMU_BITS(1, 0)
#define SMMU_STE_S1DSS_SSID0	2u
#define SMMU_STE1_S1CIR		SMMU_BITS(3, 2)
#define SMMU_STE1_S1COR		SMMU_BITS(5, 4)
#define SMMU_STE1_S1CSH		SMMU_BITS(7, 6)
#define SMMU_STE1_S1STALLD	(1ull << 27)
#define SMMU_STE1_EATS		SMMU_BITS(29, 28)
#define SMMU_STE_EATS_FULL	1u
#define SMMU_STE1_SHCFG		SMMU_BITS(45, 44)
#define SMMU_STE_SHCFG_INCOMING 1u

/* ---- 5.4 context descriptor: eight words ---- */
#define SMMU_CD_WORDS 8u
#define SMMU_CD0_T0SZ SMMU_BITS(5, 0)
#define SMMU_CD0_TG0  SMMU_BITS(7, 6)
#define SMMU_CD0_IR0  SMMU_BITS(9, 8)
#define SMMU_CD0_OR0  SMMU_BITS(11, 10)
#define SMMU_CD0_SH0  SMMU_BITS(13, 12)
#define SMMU_CD0_EPD1 (1ull << 30)
#define SMMU_CD0_V    (1ull << 31)
#define SMMU_CD0_IPS  SMMU_BITS(34, 32)
#define SMMU_CD0_AFFD (1ull << 35)
#define SMMU_CD0_AA64 (1ull << 41)
#define SMMU_CD0_R    (1ull << 45)
#define SMMU_CD0_A    (1ull << 46)
#define SMMU_CD0_ASET (1ull << 47)
#define SMMU_CD0_ASID SMMU_BITS(63, 48)
#define SMMU_CD1_TTB0 SMMU_BITS(51, 4)
/* Attribute 0: normal write-back; attribute 1: device nGnRE. */
#define SMMU_CD3_MAIR0 0x04ffull

/* ---- 7.3 event records: four words ---- */
#define SMMU_EVT_WORDS 4u
#define SMMU_EVT0_ID   SMMU_BITS(7, 0)
#define SMMU_EVT0_SSV  (1ull << 11)
#define SMMU_EVT0_SSID SMMU_BITS(31, 12)
#define SMMU_EVT0_SID  SMMU_BITS(63, 32)
#define SMMU_EVT1_PNU  (1ull << 33)
#define SMMU_EVT1_IND  (1ull << 34)
#define SMMU_EVT1_RNW  (1ull << 35)
#define SMMU_EVT1_S2   (1ull << 39)

#endif
