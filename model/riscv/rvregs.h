/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RISC-V IOMMU registers and in-memory formats as the model sees them, transcribed
 * from the specification independently of any driver's copy.
 */
#ifndef LZM_RISCV_RVREGS_H
#define LZM_RISCV_RVREGS_H

#include <stdint.h>

#define BIT(n)	      (UINT64_C(1) << (n))
#define BITS(v, h, l) (((v) >> (l)) & (BIT((h) - (l)) * 2 - 1))

/* Registers (chapter 6). */
#define R_CAPABILITIES 0u
#define R_FCTL	       8u
#define R_DDTP	       16u
#define R_CQB	       24u
#define R_CQH	       32u
#define R_CQT	       36u
#define R_FQB	       40u
#define R_FQH	       48u
#define R_FQT	       52u
#define R_PQB	       56u
#define R_PQH	       64u
#define R_PQT	       68u
#define R_CQCSR	       72u
#define R_FQCSR	       76u
#define R_PQCSR	       80u
#define R_IPSR	       84u
#define R_ICVEC	       760u
#define R_MSI_CFG      768u
#define MSI_VECTORS    16u

#define CAP_VERSION  UINT64_C(0x10)
#define CAP_SV39     BIT(9)
#define CAP_SV48     BIT(10)
#define CAP_SV57     BIT(11)
#define CAP_SV39X4   BIT(17)
#define CAP_SV48X4   BIT(18)
#define CAP_SV57X4   BIT(19)
#define CAP_MSI_FLAT BIT(22)
#define CAP_ATS	     BIT(25)
#define CAP_IGS_MSI  (UINT64_C(0) << 28)
#define CAP_IGS_BOTH (UINT64_C(2) << 28)
#define CAP_PAS(n)   ((uint64_t)(n) << 32)
#define CAP_PD8	     BIT(38)
#define CAP_PD17     BIT(39)
#define CAP_PD20     BIT(40)

#define FCTL_WSI      BIT(1)
#define DDTP_MODE(v)  ((unsigned)((v)&15))
#define DDTP_BUSY     BIT(4)
#define DDTP_PPN_MASK (BITS(~UINT64_C(0), 53, 10) << 10)
enum { DDTP_OFF, DDTP_BARE, DDTP_1LVL, DDTP_2LVL, DDTP_3LVL };

#define QB_LOG2(v)  (((unsigned)(v)&31) + 1)
#define QB_MASK(v)  ((uint32_t)(BIT(QB_LOG2(v)) - 1)) /* of an index: 2 .. 2^32 entries */
#define QB_ADDR(v)  (BITS(v, 53, 10) << 12)
#define QCSR_EN	    BIT(0)
#define QCSR_IE	    BIT(1)
#define QCSR_MF	    BIT(8)
#define QCSR_OF	    BIT(9)
#define CQCSR_TO    BIT(9)
#define CQCSR_ILL   BIT(10)
#define CQCSR_FENCE BIT(11)
#define QCSR_ON	    BIT(16)
#define QCSR_BUSY   BIT(17)
#define CQCSR_STOP  (QCSR_MF | CQCSR_TO | CQCSR_ILL)
#define CQCSR_W1C   (CQCSR_STOP | CQCSR_FENCE)
#define QCSR_W1C    (QCSR_MF | QCSR_OF)

enum { IP_CMD, IP_FAULT, IP_PM, IP_PAGE, IP_COUNT };

/* Commands (chapter 4). */
#define CMD_OP(d0)   ((unsigned)((d0)&0x7f))
#define CMD_FUNC(d0) ((unsigned)BITS(d0, 9, 7))
enum { OP_IOTINVAL = 1, OP_IOFENCE, OP_IODIR, OP_ATS };
#define INV_AV	     BIT(10)
#define INV_PSCID(v) ((uint32_t)BITS(v, 31, 12))
#define INV_PSCV     BIT(32)
#define INV_GV	     BIT(33)
#define INV_NL	     BIT(34)
#define INV_GSCID(v) ((uint16_t)BITS(v, 59, 44))
#define INV_S	     BIT(9)
#define INV_ADDR(v)  (BITS(v, 61, 10) << 12)
#define FENCE_AV     BIT(10)
#define FENCE_WSI    BIT(11)
#define FENCE_PR     BIT(12)
#define FENCE_PW     BIT(13)
#define DIR_DV	     BIT(33)
#define DIR_DID(v)   ((uint32_t)BITS(v, 63, 40))
#define DIR_PID(v)   ((uint32_t)BITS(v, 31, 12))
#define ATS_PV	     BIT(32)
#define ATS_DSV	     BIT(33)
#define ATS_PID(v)   ((uint32_t)BITS(v, 31, 12))
#define ATS_RID(v)   ((uint32_t)BITS(v, 55, 40))
#define ATS_DSEG(v)  ((uint32_t)BITS(v, 63, 56))
#define ATS_G	     BIT(0)
#define ATS_S	     BIT(11)

/* Contexts (chapter 2). */
#define TABLE_V	       BIT(0)
#define TABLE_ADDR(v)  (BITS(v, 53, 10) << 12)
#define TC_V	       BIT(0)
#define TC_EN_ATS      BIT(1)
#define TC_EN_PRI      BIT(2)
#define TC_T2GPA       BIT(3)
#define TC_DTF	       BIT(4)
#define TC_PDTV	       BIT(5)
#define TC_PRPR	       BIT(6)
#define TC_DPE	       BIT(9)
#define TC_KNOWN       (TC_V | TC_EN_ATS | TC_EN_PRI | TC_DTF | TC_PDTV | TC_PRPR | TC_DPE)
#define TA_PSCID(v)    ((uint32_t)BITS(v, 31, 12))
#define PC_V	       BIT(0)
#define ATP_MODE(v)    ((unsigned)BITS(v, 63, 60))
#define ATP_ADDR(v)    (BITS(v, 43, 0) << 12)
#define HGATP_GSCID(v) ((uint16_t)BITS(v, 59, 44))
enum { ATP_BARE = 0, ATP_SV39 = 8, ATP_SV48, ATP_SV57 };
enum { MSIPTP_OFF, MSIPTP_FLAT };
enum { PD_BARE, PD_8, PD_17, PD_20 };

/* Page table entries. */
#define PTE_V	    BIT(0)
#define PTE_R	    BIT(1)
#define PTE_W	    BIT(2)
#define PTE_X	    BIT(3)
#define PTE_U	    BIT(4)
#define PTE_G	    BIT(5)
#define PTE_A	    BIT(6)
#define PTE_D	    BIT(7)
#define PTE_ADDR(v) (BITS(v, 53, 10) << 12)
#define PTE_RES	    (UINT64_C(0x3ff) << 54)

/* Causes and transaction types (3.6). */
enum {
	CAUSE_READ_ACCESS = 5,
	CAUSE_WRITE_ACCESS = 7,
	CAUSE_READ_PAGE = 13,
	CAUSE_WRITE_PAGE = 15,
	CAUSE_READ_GUEST = 21,
	CAUSE_WRITE_GUEST = 23,
	CAUSE_OFF = 256,
	CAUSE_DDT_LOAD = 257,
	CAUSE_DDT_INVALID = 258,
	CAUSE_DDT_BAD = 259,
	CAUSE_DISALLOWED = 260,
	CAUSE_PDT_LOAD = 265,
	CAUSE_PDT_INVALID = 266,
	CAUSE_PDT_BAD = 267,
	CAUSE_MSI_WRITE = 273,
};
enum {
	TTYP_READ = 2,
	TTYP_WRITE = 3,
	TTYP_TRANSLATED_READ = 6,
	TTYP_TRANSLATED_WRITE = 7,
	TTYP_ATS = 8,
	TTYP_MESSAGE = 9,
};

#endif
