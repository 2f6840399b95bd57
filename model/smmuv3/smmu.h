/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the SMMUv3 model: the state behind the registers, and what the
 * files of this folder call of each other. Reading order: registers, lanes,
 * cmdq, ecmdq, commands, atc, sync, ste, cd, walk, tlb, translate, ats, events, pri.
 */
#ifndef LZM_SMMUV3_SMMU_H
#define LZM_SMMUV3_SMMU_H

#include "lazaret-model/smmuv3.h"
#include "regs.h"

#define PREFETCH_MAX 16

/* A decoded, cached stream table entry (5.2). */
struct lzm_ste {
	bool cached;
	bool atschk; /* CR0.ATSCHK when it was fetched: may be cached with it (6.3.9.6) */
	bool bad;    /* C_BAD_STE */
	uint32_t sid;
	uint8_t config, s1fmt, s1cdmax, s1dss, eats, privcfg;
	bool mev, ppar;
	uint64_t s1ctx;
	uint16_t vmid;
	uint8_t s2t0sz, s2level, s2ps;
	bool s2affd, s2r;
	uint64_t s2ttb;
};

/* A decoded, cached context descriptor (5.4). */
struct lzm_cd {
	bool cached, bad;
	uint32_t sid, ssid;
	uint8_t tsz[2], ips;
	bool epd[2], affd, r;
	uint16_t asid;
	uint64_t ttb[2];
};

enum lzm_tlb_kind { TLB_S1, TLB_S2, TLB_TABLE };

/* One translation, or the address of a last-level table (walk cache). */
struct lzm_tlb_entry {
	bool valid, global;
	uint8_t kind, shift;
	uint16_t asid, vmid;
	uint64_t va, pa;
	bool r1, w1, r2, w2; /* rights by stage */
	uint8_t aptable;     /* TLB_TABLE: restrictions of the levels above */
};

struct lzm_fault {
	uint8_t id; /* 0: none */
	uint8_t class;
	bool s2;
	bool report; /* false: CD.R or S2R keeps it out of the event queue */
	uint64_t ipa, fetch;
};

struct lzm_request {
	uint32_t sid;
	bool ssv;
	uint32_t ssid;
	uint64_t iova;
	bool write;
};

enum lzm_atc_state { ATC_WAIT, ATC_TIMED_OUT, ATC_SETTLED };

/* An Invalidate Request not covered by a successful sync. */
struct lzm_atc_req {
	uint64_t tag, issued;
	uint32_t sid;
	uint8_t state;
	unsigned fails_left; /* LZM_RESYNC_FAILS_N */
};

/* Those of one command queue, in issue order, so sorted by tag. */
struct lzm_atc_set {
	struct lzm_atc_req *req;
	size_t len, cap, first_wait, unsettled, timed_out;
};

struct lzm_queue {
	uint64_t base;
	uint32_t prod, cons;
};

enum lzm_cmdq_kind { CMDQ_MAIN, CMDQ_ECMDQ, CMDQ_VCMDQ };

/*
 * A command queue: the SMMU's own, an ECMDQ, or a VCMDQ of a CMDQV. q.cons is
 * the index that software sees, rd is the truth.
 */
struct lzm_cmdq {
	uint8_t kind;
	struct lzm_queue q;
	uint32_t rd;
	unsigned unpublished;
	uint64_t fetched[PREFETCH_MAX + 1][2];
	unsigned fetched_head, fetched_count;
	bool sync_waiting; /* the command at rd is a sync that waits */
	uint64_t sync_cmd[2];
	uint64_t sync_since;
	struct lzm_atc_set atc;

	/* Not the SMMU's own: its enable is CR0, its error is in GERROR. */
	bool en, enack;
	uint64_t en_due;
	uint32_t err_code;
	bool err, errack; /* ECMDQ: CONS.ERR, PROD.ERRACK. VCMDQ: GERROR, GERRORN bit 0 */
	bool counted;	  /* in stats.lanes */
	bool guest;	  /* VCMDQ of a VINTF without HYP_OWN */
	struct lzm_vintf *vintf;
};

/* What a guest's queue replaces, and the pairs that it may name. */
#define VINTF_SIDS 16
struct lzm_vintf {
	bool en, hyp_own;
	uint16_t vmid;
	uint32_t sid_match[VINTF_SIDS], sid_replace[VINTF_SIDS];
};

struct lzm_irq_cfg {
	uint64_t addr;
	uint32_t data, attr;
};

struct lzm_smmu {
	struct lzm_smmu_config cfg;
	const struct lzm_bus *bus;
	const struct lzm_chooser *chooser; /* NULL: rng */
	uint64_t rng;

	uint32_t cr0, cr0ack, cr1, cr2, gbpa, gbpa_next, agbpa;
	uint32_t irq_ctrl, irq_ctrlack;
	uint64_t cr0_due, irq_ctrl_due;
	uint32_t gerror, gerrorn;
	uint32_t gerror_pending; /* detected, not yet visible in GERROR */
	unsigned irq_pending;	 /* BIT(enum lzm_irq) */
	uint64_t strtab_base;
	uint32_t strtab_cfg;
	struct lzm_irq_cfg gerror_irq, evtq_irq, priq_irq;

	/* Command queues: the SMMU's own, then the ECMDQs, then those of a CMDQV. */
	struct lzm_cmdq cmdq;
	struct lzm_cmdq *ecmdq;
	unsigned n_ecmdq;
	struct lzm_cmdqv *cmdqv;
	unsigned next_lane; /* whose turn it is */
	uint64_t stalled_until;

	uint64_t next_tag;
	uint64_t *answers; /* taken in out of order by step() */
	size_t answers_len, answers_cap;

	struct lzm_queue evtq, priq;
	uint64_t last_event[4];
	uint32_t last_event_prod;
	bool last_event_valid;

	struct lzm_ste *ste;
	struct lzm_cd *cd;
	uint32_t cfg_mask;
	struct lzm_tlb_entry *tlb;
	uint32_t tlb_sets, tlb_used, tlb_victim;

	bool sfm, cmdq_abort, msi_abort, ste_abort;
	uint32_t ste_abort_sid;
	struct lzm_smmu_stats stats;
};

/* registers.c */
void lzm_misuse(struct lzm_smmu *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void lzm_gerror_raise(struct lzm_smmu *s, uint32_t bits);
bool lzm_gerror_active(const struct lzm_smmu *s, uint32_t bit);
bool lzm_registers_step(struct lzm_smmu *s, uint64_t now);
uint64_t lzm_registers_wake(const struct lzm_smmu *s, uint64_t now);
void lzm_irq_raise(struct lzm_smmu *s, enum lzm_irq line);
bool lzm_msi_write(struct lzm_smmu *s, uint64_t addr, uint32_t data, uint32_t abort_bit);
uint64_t lzm_random(struct lzm_smmu *s);
/* One of n >= 1: the chooser's word, or `otherwise`. */
unsigned lzm_choose(struct lzm_smmu *s, enum lzm_choice what, unsigned n, unsigned otherwise);
void lzm_write_base(struct lzm_smmu *s, struct lzm_queue *q, uint64_t value, unsigned max_log2);

static inline uint64_t lzm_now(const struct lzm_smmu *s)
{
	return s->bus->now(s->bus->ctx);
}

static inline bool lzm_mem_read(struct lzm_smmu *s, uint64_t pa, void *buf, size_t len)
{
	return s->bus->mem_read(s->bus->ctx, pa, buf, len);
}

static inline bool lzm_enabled(const struct lzm_smmu *s, uint64_t cr0_bit)
{
	return (s->cr0ack & cr0_bit) != 0;
}

static inline unsigned lzm_oas_bits(unsigned code)
{
	static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 52, 56};

	return bits[code & 7];
}

/* Queue arithmetic (3.5.1): index with the wrap flag just above. */
static inline uint32_t lzm_q_log2(const struct lzm_queue *q)
{
	return (uint32_t)(q->base & 0x1f);
}

static inline uint32_t lzm_q_wrap_mask(uint32_t log2)
{
	return (2u << log2) - 1;
}

static inline uint32_t lzm_q_used(uint32_t prod, uint32_t cons, uint32_t log2)
{
	return (prod - cons) & lzm_q_wrap_mask(log2);
}

uint64_t lzm_q_slot(const struct lzm_queue *q, uint32_t index, unsigned entry_log2);

/* cmdq.c: one queue of any kind */
bool lzm_cmdq_step(struct lzm_smmu *s, struct lzm_cmdq *q, uint64_t now);
uint64_t lzm_cmdq_wake(const struct lzm_smmu *s, const struct lzm_cmdq *q, uint64_t now);
bool lzm_cmdq_may_stop(const struct lzm_smmu *s, const struct lzm_cmdq *q, uint64_t now);
void lzm_cmdq_stop(struct lzm_smmu *s, struct lzm_cmdq *q);
void lzm_cmdq_restart_fetch(struct lzm_cmdq *q);
void lzm_cmdq_write_prod(struct lzm_smmu *s, struct lzm_cmdq *q, uint32_t value);
void lzm_cmdq_publish(struct lzm_cmdq *q);
bool lzm_cmdq_running(const struct lzm_smmu *s, const struct lzm_cmdq *q);
bool lzm_cmdq_failed(const struct lzm_smmu *s, const struct lzm_cmdq *q);

/* lanes.c: all of them */
unsigned lzm_lanes(const struct lzm_smmu *s);
struct lzm_cmdq *lzm_lane(const struct lzm_smmu *s, unsigned i);
bool lzm_lanes_step(struct lzm_smmu *s, uint64_t now);
uint64_t lzm_lanes_wake(const struct lzm_smmu *s, uint64_t now);

/* ecmdq.c */
bool lzm_ecmdq_register(const struct lzm_smmu *s, uint32_t offset);
uint32_t lzm_ecmdq_read(struct lzm_smmu *s, uint32_t offset);
void lzm_ecmdq_write(struct lzm_smmu *s, uint32_t offset, uint32_t value);
uint32_t lzm_ecmdq_id(const struct lzm_smmu *s, uint32_t offset);

/* lanes.c: the enable of a queue other than the SMMU's own follows */
bool lzm_lane_enable_step(struct lzm_smmu *s, struct lzm_cmdq *q, uint64_t now);
uint64_t lzm_lane_enable_wake(const struct lzm_smmu *s, const struct lzm_cmdq *q, uint64_t now);

/* cmdqv/cmdqv.c */
unsigned lzm_cmdqv_queues(const struct lzm_cmdqv *v);
struct lzm_cmdq *lzm_cmdqv_queue(struct lzm_cmdqv *v, unsigned i);
void lzm_cmdqv_error(struct lzm_cmdqv *v, struct lzm_cmdq *q);
bool lzm_cmdqv_step(struct lzm_cmdqv *v);
bool lzm_cmdqv_busy(const struct lzm_cmdqv *v);
/* What a guest's queue may not issue, or a replaced command. */
int lzm_cmdqv_admit(const struct lzm_cmdq *q, uint64_t cmd[2]);

/* commands.c: CERROR_NONE, or why not. */
int lzm_command(struct lzm_smmu *s, struct lzm_cmdq *q, const uint64_t cmd[2]);

/* atc.c */
void lzm_atc_issue(struct lzm_smmu *s, struct lzm_cmdq *q, const uint64_t cmd[2]);
void lzm_atc_settle(struct lzm_atc_set *a, struct lzm_atc_req *r);
void lzm_atc_forget_all(struct lzm_atc_set *a);
bool lzm_atc_step(struct lzm_smmu *s);
struct lzm_atc_req *lzm_atc_first_wait(struct lzm_atc_set *a);

/* sync.c */
enum lzm_sync_state { SYNC_DONE, SYNC_WAITS, SYNC_FAILS };
enum lzm_sync_state lzm_sync_try(struct lzm_smmu *s, struct lzm_cmdq *q, uint64_t now, bool first);
void lzm_sync_signal(struct lzm_smmu *s, struct lzm_cmdq *q);
uint64_t lzm_sync_wake(const struct lzm_smmu *s, const struct lzm_cmdq *q, uint64_t now);

/* ste.c, cd.c */
enum lzm_lookup {
	LOOKUP_FILL, /* as hardware: from the cache, else fetched and cached */
	LOOKUP_PEEK, /* from the cache, else from memory; nothing changes */
	LOOKUP_MEMORY,
};
struct lzm_ste *lzm_ste_find(struct lzm_smmu *s, uint32_t sid, enum lzm_lookup how,
			     struct lzm_ste *spare, struct lzm_fault *f);
void lzm_ste_invalidate(struct lzm_smmu *s, uint32_t first, uint32_t last);
void lzm_ste_invalidate_all(struct lzm_smmu *s);
/* NULL with f->id 0: this access bypasses stage 1 (S1DSS). */
struct lzm_cd *lzm_cd_find(struct lzm_smmu *s, const struct lzm_ste *ste,
			   const struct lzm_request *a, struct lzm_fault *f);
void lzm_cd_invalidate(struct lzm_smmu *s, uint32_t first, uint32_t last, bool any, uint32_t ssid);

/* walk.c: through the TLB. */
bool lzm_walk_stage1(struct lzm_smmu *s, const struct lzm_ste *ste, const struct lzm_cd *cd,
		     uint64_t va, bool only_stage1, struct lzm_tlb_entry *out, struct lzm_fault *f);
bool lzm_walk_stage2(struct lzm_smmu *s, const struct lzm_ste *ste, uint64_t ipa, uint8_t class,
		     struct lzm_tlb_entry *out, struct lzm_fault *f);

/* tlb.c */
#define TLB_ANY_ASID (-1)
#define TLB_ANY_VMID (-1)
struct lzm_tlb_entry *lzm_tlb_find(struct lzm_smmu *s, enum lzm_tlb_kind kind, uint16_t vmid,
				   uint16_t asid, uint64_t va);
void lzm_tlb_insert(struct lzm_smmu *s, const struct lzm_tlb_entry *e);
void lzm_tlb_flush(struct lzm_smmu *s, unsigned kinds, int vmid, int asid);
void lzm_tlb_flush_range(struct lzm_smmu *s, unsigned kinds, int vmid, int asid, uint64_t va,
			 uint64_t span, unsigned ttl);

/* translate.c: STE, CD and walk of one access. *ste is set whenever one was found. */
bool lzm_translate(struct lzm_smmu *s, const struct lzm_request *a, bool only_stage1,
		   struct lzm_ste **ste, struct lzm_tlb_entry *out, struct lzm_fault *f);
unsigned lzm_eats(const struct lzm_smmu *s, const struct lzm_ste *ste);

/* events.c */
void lzm_event(struct lzm_smmu *s, const struct lzm_request *a, const struct lzm_fault *f,
	       bool mev);

#endif
