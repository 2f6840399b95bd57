/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small machine around the SMMUv3 model: memory, clock, interrupts, devices
 * that answer invalidations or not, and the few driver steps tests need.
 */
#ifndef MODEL_RIG_H
#define MODEL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lazaret-model/smmuv3.h"

#define MEMORY	    (4u << 20)
#define STRTAB	    0x010000u
#define CMDQ	    0x020000u
#define EVTQ	    0x024000u
#define PRIQ	    0x028000u
#define CDTAB	    0x030000u
#define L2TAB	    0x038000u
#define TABLES	    0x040000u
#define S2TABLES    0x080000u
#define MSI	    0x0f0000u
#define DATA	    0x200000u
#define CMDQ_LOG2   3
#define EVTQ_LOG2   2
#define STRTAB_LOG2 6
#define SID	    5u
#define MS	    1000000ull
#define NOW_NEVER   UINT64_MAX

#define IDR0	    0x00
#define CR0	    0x20
#define CR0ACK	    0x24
#define CR1	    0x28
#define CR2	    0x2c
#define GBPA	    0x44
#define IRQ_CTRL    0x50
#define IRQ_CTRLACK 0x54
#define GERROR	    0x60
#define GERRORN	    0x64
#define STRTAB_BASE 0x80
#define STRTAB_CFG  0x88
#define CMDQ_BASE   0x90
#define CMDQ_PROD   0x98
#define CMDQ_CONS   0x9c
#define EVTQ_BASE   0xa0
#define EVTQ_PROD   0x100a8
#define EVTQ_CONS   0x100ac
#define PRIQ_BASE   0xc0
#define PRIQ_PROD   0x100c8
#define PRIQ_CONS   0x100cc

#define SMMUEN	 1u
#define PRIQEN	 2u
#define EVENTQEN 4u
#define CMDQEN	 8u
#define ATSCHK	 16u
#define ALL_ON	 (SMMUEN | EVENTQEN | CMDQEN | ATSCHK)

#define OP_CFGI_STE 0x03u
#define OP_CFGI_ALL 0x04u
#define OP_CFGI_CD  0x05u
#define OP_NH_ALL   0x10u
#define OP_NH_ASID  0x11u
#define OP_NH_VA    0x12u
#define OP_NH_VAA   0x13u
#define OP_ATC_INV  0x40u
#define OP_SYNC	    0x46u

/* Descriptor bits: access flag, EL0, valid page or block. */
#define D_LEAF (1u << 10 | 1u << 6 | 1u)
#define D_PAGE (D_LEAF | 2u)
#define D_RO   (1u << 7)
#define D_NG   (1u << 11)

/* Words of a usable STE and CD. */
#define STE0(config) (1ull | (uint64_t)(config) << 1)
#define EATS(v)	     ((uint64_t)(v) << 28)
#define CD0	     (16ull | 1ull << 30 | 1ull << 31 | 5ull << 32 | 1ull << 41 | 3ull << 45)
#define CD_ASID(a)   ((uint64_t)(a) << 48)

struct rig {
	struct lzm_smmu *smmu;
	struct lzm_smmu_config cfg;
	struct lzm_bus bus;
	uint8_t *memory;
	uint64_t now, abort_pa; /* accesses to abort_pa abort */
	unsigned irqs[LZM_IRQ_COUNT];
	bool silent[64];   /* by stream id */
	uint64_t tags[64]; /* unanswered, in order */
	unsigned tag_count, requests;
	struct lzm_atc_inv last_inv;
	uint32_t prod;
};

/* cfg NULL: defaults. Registers untouched but for the queue and table bases. */
struct rig *rig_new(const struct lzm_smmu_config *cfg);
void rig_free(struct rig *r);
/* CR0 = bits, acknowledged. */
void rig_enable(struct rig *r, uint32_t bits);
/* rig_new with an STE for SID (stage 1, EATS full), a CD, and all on. */
struct rig *rig_running(const struct lzm_smmu_config *cfg);
/* Their parts, for another SMMU in the same place. */
void rig_bases(struct rig *r);
void rig_run(struct rig *r);

uint32_t rd(struct rig *r, uint32_t reg);
void wr(struct rig *r, uint32_t reg, uint64_t value);
void store(struct rig *r, uint64_t pa, uint64_t value);
uint64_t load(struct rig *r, uint64_t pa);
void set_ste(struct rig *r, uint32_t sid, uint64_t w0, uint64_t w1);
void set_cd(struct rig *r, uint64_t pa, uint64_t w0, uint64_t ttb0);
/* Maps with 4 KiB tables from TABLES (48 bits); leaf at `level` 1..3. */
void map(struct rig *r, uint64_t root, uint64_t va, unsigned level, uint64_t desc);

void put(struct rig *r, uint64_t d0, uint64_t d1); /* writes an entry, moves PROD */
void idle(struct rig *r);			   /* steps while there is something to do now */
void settle(struct rig *r);			   /* and waits for timers */
/* One command and a sync, to completion without error. */
void execute(struct rig *r, uint64_t d0, uint64_t d1);
void acknowledge(struct rig *r);
unsigned cmd_error(struct rig *r); /* CONS.ERR if the error is active, else 0 */
uint64_t misuses(struct rig *r);
/* Next event word 0..3 into ev; false: queue empty. Moves CONS. */
bool event(struct rig *r, uint64_t ev[4]);
uint64_t translate(struct rig *r, uint64_t va); /* untranslated read; UINT64_MAX: abort */

#define ATC(sid) (OP_ATC_INV | (uint64_t)(sid) << 32)

#endif
