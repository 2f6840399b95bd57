/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SMMUv3 registers and in-memory formats as the model sees them, transcribed
 * from Arm IHI 0070 independently of the driver's copy; a test compares both.
 */
#ifndef LZM_SMMUV3_REGS_H
#define LZM_SMMUV3_REGS_H

#include <stdint.h>

#define BIT(n)		 (UINT64_C(1) << (n))
#define BITS(v, hi, lo)	 (((v) >> (lo)) & (BIT((hi) - (lo)) * 2 - 1))
#define PAGE1		 0x10000u
#define SMMU_ADDR_MASK	 UINT64_C(0x00ffffffffffffff) /* 55:0 */
#define SMMU_TTADDR_MASK UINT64_C(0x0000fffffffff000) /* 47:12 */

/* Page 0 (6.1). */
#define R_IDR0		  0x00
#define R_IDR1		  0x04
#define R_IDR2		  0x08
#define R_IDR3		  0x0c
#define R_IDR4		  0x10
#define R_IDR5		  0x14
#define R_IIDR		  0x18
#define R_AIDR		  0x1c
#define R_CR0		  0x20
#define R_CR0ACK	  0x24
#define R_CR1		  0x28
#define R_CR2		  0x2c
#define R_STATUSR	  0x40
#define R_GBPA		  0x44
#define R_AGBPA		  0x48
#define R_IRQ_CTRL	  0x50
#define R_IRQ_CTRLACK	  0x54
#define R_GERROR	  0x60
#define R_GERRORN	  0x64
#define R_GERROR_IRQ_CFG0 0x68
#define R_STRTAB_BASE	  0x80
#define R_STRTAB_BASE_CFG 0x88
#define R_CMDQ_BASE	  0x90
#define R_CMDQ_PROD	  0x98
#define R_CMDQ_CONS	  0x9c
#define R_EVENTQ_BASE	  0xa0
#define R_EVENTQ_IRQ_CFG0 0xb0
#define R_PRIQ_BASE	  0xc0
#define R_PRIQ_IRQ_CFG0	  0xd0
/* Page 1. */
#define R_EVENTQ_PROD (PAGE1 + 0xa8)
#define R_EVENTQ_CONS (PAGE1 + 0xac)
#define R_PRIQ_PROD   (PAGE1 + 0xc8)
#define R_PRIQ_CONS   (PAGE1 + 0xcc)

/* Enhanced command queues (6.2.5, 6.3.107 to 6.3.109). The control pages may be
 * anywhere behind page 0: BASE says where. */
#define R_IDR6		     0x190
#define IDR6_PAGES(v)	     ((uint32_t)(v) << 24)
#define IDR6_QUEUES(v)	     ((uint32_t)(v) << 16)
#define R_CONTROL_PAGES	     0x4000u
#define CONTROL_PAGE_STRIDE  32u
#define CONTROL_PAGES_MAX    256u
#define CONTROL_PAGE_SIZE    0x10000u
#define CONTROL_PAGE_GS_64K  (1u << 1)
#define CONTROL_PAGE_PRESENT BIT(0)
#define ECMDQ_PAGES	     0x20000u /* this model's choice */
#define ECMDQ_PROD	     0x08u
#define ECMDQ_CONS	     0x0cu
#define ECMDQ_ERR	     BIT(23) /* CONS.ERR, PROD.ERRACK */
#define ECMDQ_EN	     BIT(31) /* PROD.EN, CONS.ENACK */
#define ECMDQ_REASON(v)	     ((uint32_t)(v) << 24)
#define ECMDQ_REASON_MASK    0x07000000u

/* IDR0 (6.3.1). */
#define IDR0_S2P	  BIT(0)
#define IDR0_S1P	  BIT(1)
#define IDR0_TTF_AARCH64  (UINT64_C(2) << 2)
#define IDR0_COHACC	  BIT(4)
#define IDR0_ATS	  BIT(10)
#define IDR0_NS1ATS	  BIT(11)
#define IDR0_ASID16	  BIT(12)
#define IDR0_MSI	  BIT(13)
#define IDR0_PRI	  BIT(16)
#define IDR0_VMID16	  BIT(18)
#define IDR0_CD2L	  BIT(19)
#define IDR0_TTENDIAN_LE  (UINT64_C(2) << 21)
#define IDR0_ATSRECERR	  BIT(23)
#define IDR0_STALL_NONE	  (UINT64_C(1) << 24)
#define IDR0_TERM_ABORT	  BIT(26)
#define IDR0_ST_TWO_LEVEL (UINT64_C(1) << 27)
#define IDR1_ECMDQ	  BIT(31)
#define IDR3_RIL	  BIT(10)
#define IDR5_GRAN4K	  BIT(4)

/* CR0 (6.3.9), CR2 (6.3.12), GBPA (6.3.14). */
#define CR0_SMMUEN	BIT(0)
#define CR0_PRIQEN	BIT(1)
#define CR0_EVENTQEN	BIT(2)
#define CR0_CMDQEN	BIT(3)
#define CR0_ATSCHK	BIT(4)
#define CR0_VMW		(UINT64_C(7) << 6)
#define CR1_QUEUE	0x03fu
#define CR1_TABLE	0xfc0u
#define CR2_MASK	0xfu
#define CR2_RECINVSID	BIT(1)
#define CR2_REC_CFG_ATS BIT(3)
#define GBPA_ABORT	BIT(20)
#define GBPA_UPDATE	BIT(31)
#define GBPA_MASK	0x001f3f1fu

/* IRQ_CTRL (6.3.17), GERROR (6.3.19). */
#define IRQ_CTRL_GERROR	  BIT(0)
#define IRQ_CTRL_PRIQ	  BIT(1)
#define IRQ_CTRL_EVENTQ	  BIT(2)
#define GERROR_CMDQ	  BIT(0)
#define GERROR_EVENTQ	  BIT(2)
#define GERROR_PRIQ	  BIT(3)
#define GERROR_MSI_CMDQ	  BIT(4)
#define GERROR_MSI_EVENTQ BIT(5)
#define GERROR_MSI_PRIQ	  BIT(6)
#define GERROR_MSI_GERROR BIT(7)
#define GERROR_SFM	  BIT(8)
#define GERROR_CMDQP	  BIT(9)
#define GERROR_ALL	  0x1fdu

/* Queues (3.5). */
#define Q_INDEX_MASK  0xfffffu
#define Q_OVERFLOW    BIT(31)
#define CONS_ERR(e)   ((uint32_t)(e) << 24)
#define CONS_ERR_MASK 0x7f000000u
#define PRIQ_LO	      BIT(31) /* PRIQ_IRQ_CFG2 */

/* Command errors (7.1). */
enum { CERROR_NONE, CERROR_ILL, CERROR_ABT, CERROR_ATC_INV_SYNC, CERROR_ILL_ACCESS };

/* Commands (4). */
enum {
	CMD_PREFETCH_CONFIG = 0x01,
	CMD_PREFETCH_ADDR = 0x02,
	CMD_CFGI_STE = 0x03,
	CMD_CFGI_STE_RANGE = 0x04,
	CMD_CFGI_CD = 0x05,
	CMD_CFGI_CD_ALL = 0x06,
	CMD_TLBI_NH_ALL = 0x10,
	CMD_TLBI_NH_ASID = 0x11,
	CMD_TLBI_NH_VA = 0x12,
	CMD_TLBI_NH_VAA = 0x13,
	CMD_TLBI_S12_VMALL = 0x28,
	CMD_TLBI_S2_IPA = 0x2a,
	CMD_TLBI_NSNH_ALL = 0x30,
	CMD_ATC_INV = 0x40,
	CMD_PRI_RESP = 0x41,
	CMD_SYNC = 0x46,
};
#define CMD_OP(d0)	((unsigned)((d0)&0xff))
#define CMD_SSEC	BIT(10)
#define CMD_SSV		BIT(11)
#define CMD_GLOBAL	BIT(9)
#define CMD_SSID(d0)	((uint32_t)BITS(d0, 31, 12))
#define CMD_SID(d0)	((uint32_t)((d0) >> 32))
#define CMD_VMID(d0)	((uint16_t)BITS(d0, 47, 32))
#define CMD_ASID(d0)	((uint16_t)BITS(d0, 63, 48))
#define CMD_NUM(d0)	((unsigned)BITS(d0, 16, 12))
#define CMD_SCALE(d0)	((unsigned)BITS(d0, 24, 20))
#define CMD_LEAF	BIT(0)
#define CMD_TTL(d1)	((unsigned)BITS(d1, 9, 8))
#define CMD_TG(d1)	((unsigned)BITS(d1, 11, 10))
#define CMD_ADDR(d1)	((d1) & ~UINT64_C(0xfff))
#define CMD_SYNC_CS(d0) ((unsigned)BITS(d0, 13, 12))

/* Events (7.3). */
enum {
	F_UUT = 0x01,
	C_BAD_STREAMID = 0x02,
	F_STE_FETCH = 0x03,
	C_BAD_STE = 0x04,
	F_BAD_ATS_TREQ = 0x05,
	F_STREAM_DISABLED = 0x06,
	F_TRANSL_FORBIDDEN = 0x07,
	C_BAD_SUBSTREAMID = 0x08,
	F_CD_FETCH = 0x09,
	C_BAD_CD = 0x0a,
	F_WALK_EABT = 0x0b,
	F_TRANSLATION = 0x10,
	F_ADDR_SIZE = 0x11,
	F_ACCESS = 0x12,
	F_PERMISSION = 0x13,
};
enum { CLASS_CD, CLASS_TT, CLASS_IN };

/* STE.Config (5.2). */
enum { STE_ABORT = 0, STE_BYPASS = 4, STE_S1 = 5, STE_S2 = 6, STE_NESTED = 7 };
/* STE.EATS and S1DSS. */
enum { EATS_OFF, EATS_FULL, EATS_SPLIT, EATS_DPT };
enum { S1DSS_TERMINATE, S1DSS_BYPASS, S1DSS_SSID0 };

#endif
