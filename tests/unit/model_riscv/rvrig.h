/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small machine around the RISC-V IOMMU model: memory, clock, interrupts, devices
 * that answer invalidations or not, and the few driver steps tests need. Offsets and
 * bits are written here once more, from the specification.
 */
#ifndef MODEL_RVRIG_H
#define MODEL_RVRIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lazaret-model/riscv.h"

#define MEMORY	(8u << 20)
#define DDT	0x010000u /* three pages: root, middle, leaf */
#define CQ	0x020000u
#define FQ	0x024000u
#define PQ	0x028000u
#define PDT	0x030000u /* likewise */
#define MSI	0x0f0000u
#define STORE	0x0f1000u /* of fences */
#define TABLES	0x100000u
#define GTABLES 0x200000u /* 16 KiB aligned root */
#define DATA	0x400000u
#define CQ_LOG2 3
#define FQ_LOG2 2
#define DID	0x105u
#define MS	1000000ull
#define TIMEOUT (50 * MS)

#define CAPS	  0u
#define FCTL	  8u
#define DDTP	  16u
#define CQB	  24u
#define CQH	  32u
#define CQT	  36u
#define FQB	  40u
#define FQH	  48u
#define FQT	  52u
#define PQB	  56u
#define PQH	  64u
#define PQT	  68u
#define CQCSR	  72u
#define FQCSR	  76u
#define PQCSR	  80u
#define IPSR	  84u
#define ICVEC	  760u
#define MSICFG(i) (768u + 16 * (i))

#define EN	 1u
#define IE	 2u
#define CQMF	 (1u << 8)
#define CMD_TO	 (1u << 9)
#define CMD_ILL	 (1u << 10)
#define FENCE_IP (1u << 11)
#define QOF	 (1u << 9)
#define ON	 (1u << 16)
#define BUSY	 (1u << 17)
#define LEVELS2	 3u
#define LEVELS3	 4u

#define IOTINVAL_VMA  1ull
#define IOTINVAL_GVMA (1ull | 1ull << 7)
#define AV	      (1ull << 10)
#define PSCV	      (1ull << 32)
#define GV	      (1ull << 33)
#define PSCID(v)      ((uint64_t)(v) << 12)
#define GSCID(v)      ((uint64_t)(v) << 44)
#define IOFENCE	      2ull
#define INVAL_DDT     (3ull | 1ull << 33)
#define INVAL_PDT     (3ull | 1ull << 7 | 1ull << 33)
#define DIRDID(v)     ((uint64_t)(v) << 40)
#define ATSINVAL(rid) (4ull | (uint64_t)(rid) << 40)
#define ALL	      0x7ffffffffffff800ull

#define TC_V	  1ull
#define TC_EN_ATS 2ull
#define TC_EN_PRI 4ull
#define TC_DTF	  16ull
#define TC_PDTV	  32ull
#define SV39	  (8ull << 60)
#define PPN(a)	  ((uint64_t)(a) >> 12)
#define ENTRY(a)  (PPN(a) << 10 | 1)
#define LEAF	  0xd3ull /* V R U A D */
#define WRITABLE  4ull
#define GLOBAL	  32ull

struct rig {
	struct lzm_riscv *iommu;
	struct lzm_riscv_config cfg;
	struct lzm_bus bus;
	uint8_t *memory;
	uint64_t now, abort_pa;
	unsigned irqs[LZM_IRQ_COUNT];
	bool silent;
	uint64_t tags[64];
	unsigned tag_count, requests;
	struct lzm_atc_inv last_inv;
	uint32_t tail;
};

struct rig *rig_new(const struct lzm_riscv_knobs *knobs);     /* queues on, ddtp off */
struct rig *rig_running(const struct lzm_riscv_knobs *knobs); /* DID: Sv39, EN_ATS */
struct rig *rig_wide(void); /* capabilities.MSI_FLAT, else as rig_new() */
void rig_free(struct rig *r);

uint32_t rd(struct rig *r, uint32_t reg);
void wr(struct rig *r, uint32_t reg, uint64_t value);
void wr64(struct rig *r, uint32_t reg, uint64_t value);
void store(struct rig *r, uint64_t pa, uint64_t value);
uint64_t load(struct rig *r, uint64_t pa);
void set_dc(struct rig *r, uint32_t did, uint64_t tc, uint64_t hgatp, uint64_t ta, uint64_t fsc);
/* Three levels of tables from `root`; `extra` index bits of the root. */
void map(struct rig *r, uint64_t root, uint64_t va, unsigned extra, uint64_t pte);

void put(struct rig *r, uint64_t d0, uint64_t d1);
void idle(struct rig *r);
void settle(struct rig *r);
bool done(struct rig *r); /* everything consumed, no error */
void clear(struct rig *r, uint32_t bits);
uint64_t misuses(struct rig *r);
bool fault(struct rig *r, uint64_t rec[4]);
#define CAUSE(rec) ((rec)[0] & 0xfff)
uint64_t untranslated(struct rig *r, uint64_t va); /* read; UINT64_MAX: abort */
bool translated(struct rig *r);

#endif
