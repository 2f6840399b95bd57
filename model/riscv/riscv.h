/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the RISC-V IOMMU model. Reading order: rvregisters, rvcmdq, rvcommands,
 * rvats, contexts, rvwalk, iotlb, rvtranslate, rvqueues.
 */
#ifndef LZM_RISCV_RISCV_H
#define LZM_RISCV_RISCV_H

#include "lazaret-model/riscv.h"
#include "riscv/rvregs.h"

/* A device context as cached: the four words. */
struct lzm_rv_dc {
	bool cached;
	uint32_t did;
	uint64_t tc, hgatp, ta, fsc;
};

struct lzm_rv_pc {
	bool cached;
	uint32_t did, pid;
	uint64_t ta, fsc;
};

enum lzm_rv_tlb_kind { RV_LEAF, RV_TABLE };

/* A translation through both stages, or the address of a last-level table of the
 * first one. */
struct lzm_rv_tlb {
	bool valid, global, gv, s1;
	uint8_t kind, shift;
	uint16_t gscid;
	uint32_t pscid;
	uint64_t va, gpa, pa;
	bool r, w;
};

enum lzm_rv_inv_state { INV_WAIT, INV_TIMED_OUT, INV_SETTLED };
struct lzm_rv_inv {
	uint64_t tag, issued;
	uint32_t did;
	uint8_t state;
	unsigned fails_left;
};

struct lzm_rv_queue {
	uint64_t base;
	uint32_t head, tail, csr;
	uint64_t due; /* the csr is busy until then */
};

struct lzm_rv_fault {
	unsigned cause; /* 0: none */
	uint64_t iotval, iotval2;
};

struct lzm_rv_access {
	uint32_t did, pid;
	bool pv, write;
	uint64_t iova;
	unsigned ttyp;
};

/* How a first-stage or second-stage walk is rooted. */
struct lzm_rv_space {
	unsigned mode1, mode2;
	uint64_t root1, root2;
	uint32_t pscid;
	uint16_t gscid;
};

#define RV_LAZY 16
struct lzm_riscv {
	struct lzm_riscv_config cfg;
	const struct lzm_bus *bus;
	const struct lzm_chooser *chooser;
	uint64_t rng;

	uint32_t fctl, ipsr, msi_pending;
	uint64_t ddtp, ddtp_next, ddtp_due, icvec;
	struct {
		uint64_t addr;
		uint32_t data, control;
	} msi[MSI_VECTORS];
	struct lzm_rv_queue cq, fq, pq;

	/* Command queue: cq.head is what software sees, rd the truth. */
	uint32_t rd;
	unsigned unpublished;
	bool fence_waits;
	uint64_t fence[2]; /* the one that waits, as it was fetched */
	uint64_t lazy[RV_LAZY][2];
	unsigned n_lazy;
	uint64_t stalled_until;

	struct lzm_rv_inv *inv; /* in issue order */
	size_t n_inv, cap_inv, unsettled, timed_out;
	uint64_t next_tag;
	uint64_t *answers;
	size_t n_answers, cap_answers;

	struct lzm_rv_dc *dc;
	struct lzm_rv_pc *pc;
	uint32_t ctx_mask;
	struct lzm_rv_tlb *tlb;
	uint32_t tlb_mask;

	bool cmdq_fault, ddt_fault;
	uint32_t ddt_fault_did;
	struct lzm_riscv_stats stats;
};

static inline uint64_t lzm_rv_now(const struct lzm_riscv *s)
{
	return s->bus->now(s->bus->ctx);
}
static inline bool lzm_rv_read(struct lzm_riscv *s, uint64_t pa, void *buf, size_t len)
{
	return s->bus->mem_read(s->bus->ctx, pa, buf, len);
}

/* rvregisters.c */
void lzm_rv_misuse(struct lzm_riscv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t lzm_rv_random(struct lzm_riscv *s);
/* One of `n`: whoever was set decides, else the seed. */
unsigned lzm_rv_choose(struct lzm_riscv *s, enum lzm_choice what, unsigned n);
void lzm_rv_interrupt(struct lzm_riscv *s, unsigned which);
bool lzm_rv_registers_step(struct lzm_riscv *s, uint64_t now);
uint64_t lzm_rv_registers_wake(const struct lzm_riscv *s, uint64_t now);

/* rvcmdq.c */
bool lzm_rv_cmdq_step(struct lzm_riscv *s, uint64_t now);
uint64_t lzm_rv_cmdq_wake(const struct lzm_riscv *s, uint64_t now);
void lzm_rv_cmdq_on(struct lzm_riscv *s);
void lzm_rv_cmdq_off(struct lzm_riscv *s);

/* rvcommands.c: false = illegal. Fences are the queue's. */
bool lzm_rv_command_legal(const struct lzm_riscv *s, const uint64_t cmd[2]);
void lzm_rv_command(struct lzm_riscv *s, const uint64_t cmd[2]);

/* rvats.c */
void lzm_rv_inv_issue(struct lzm_riscv *s, const uint64_t cmd[2]);
enum lzm_rv_fence { FENCE_DONE, FENCE_WAITS, FENCE_FAILS };
enum lzm_rv_fence lzm_rv_fence_try(struct lzm_riscv *s, uint64_t now, bool first);
uint64_t lzm_rv_fence_wake(const struct lzm_riscv *s, uint64_t now);
void lzm_rv_inv_forget_all(struct lzm_riscv *s);
bool lzm_rv_answers_step(struct lzm_riscv *s);

/* contexts.c */
enum lzm_rv_lookup { RV_FILL, RV_PEEK, RV_MEMORY };
const struct lzm_rv_dc *lzm_rv_dc_find(struct lzm_riscv *s, uint32_t did, enum lzm_rv_lookup how,
				       struct lzm_rv_dc *spare, struct lzm_rv_fault *f);
const struct lzm_rv_pc *lzm_rv_pc_find(struct lzm_riscv *s, const struct lzm_rv_dc *dc,
				       uint32_t pid, struct lzm_rv_fault *f);
void lzm_rv_ctx_invalidate(struct lzm_riscv *s, bool all, uint32_t did, bool any_pid, uint32_t pid,
			   bool devices);

/* rvwalk.c: through the IOTLB. `a` says what for. */
bool lzm_rv_walk(struct lzm_riscv *s, const struct lzm_rv_space *sp, const struct lzm_rv_access *a,
		 struct lzm_rv_tlb *out, struct lzm_rv_fault *f);
bool lzm_rv_walk_stage2(struct lzm_riscv *s, const struct lzm_rv_space *sp, uint64_t gpa,
			bool write, struct lzm_rv_tlb *out, struct lzm_rv_fault *f);

/* iotlb.c */
struct lzm_rv_tlb *lzm_rv_tlb_find(struct lzm_riscv *s, unsigned kind,
				   const struct lzm_rv_space *sp, uint64_t va);
void lzm_rv_tlb_insert(struct lzm_riscv *s, const struct lzm_rv_tlb *e);
void lzm_rv_tlb_vma(struct lzm_riscv *s, const uint64_t cmd[2]);
void lzm_rv_tlb_gvma(struct lzm_riscv *s, const uint64_t cmd[2]);

/* rvqueues.c */
void lzm_rv_fault(struct lzm_riscv *s, const struct lzm_rv_access *a, const struct lzm_rv_dc *dc,
		  const struct lzm_rv_fault *f);
bool lzm_rv_queue_on(const struct lzm_rv_queue *q);

#endif
