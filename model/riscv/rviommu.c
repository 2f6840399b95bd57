/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of the model: create, reset, step, wake, knobs, faults of the IOMMU itself.
 */
#include "riscv/riscv.h"

#include <string.h>

#include "memory.h"

#define MS UINT64_C(1000000)

void lzm_riscv_knobs_default(struct lzm_riscv_knobs *k)
{
	*k = (struct lzm_riscv_knobs){.ats_timeout_ns = 50 * MS, .cqh_batch = 1, .seed = 1};
}

bool lzm_riscv_regime(const char *name, struct lzm_riscv_knobs *k)
{
	struct lzm_smmu_knobs as = {.ats_timeout_ns = k->ats_timeout_ns, .seed = k->seed};

	if (!lzm_smmu_regime(name, &as))
		return false;
	*k = (struct lzm_riscv_knobs){
		.resync = as.resync,
		.resync_fails = as.resync_fails,
		.fence_never = as.sync_never,
		.stop_forgets = as.restart_forgets,
		.ats_timeout_ns = as.ats_timeout_ns,
		.cqh_batch = as.cons_batch,
		.busy_ns = as.ack_delay_ns,
		.late_subset = as.late_subset,
		.ats_out_of_order = as.atc_out_of_order,
		.lazy = as.prefetch || as.atc_out_of_order,
		.seed = as.seed,
	};
	return true;
}

void lzm_riscv_config_default(struct lzm_riscv_config *c)
{
	*c = (struct lzm_riscv_config){.sv48 = true,
				       .sv57 = true,
				       .stage2 = true,
				       .ats = true,
				       .wired = true,
				       .pd20 = true,
				       .pas = 56,
				       .tlb_entries = 512,
				       .ctx_entries = 256};
	lzm_riscv_knobs_default(&c->knobs);
}

static uint32_t round_up_pow2(uint32_t v)
{
	uint32_t p = 4;

	while (p < v)
		p <<= 1;
	return p;
}

static bool config_valid(const struct lzm_riscv_config *c)
{
	return c->pas >= 32 && c->pas <= 56 && c->tlb_entries >= 1 && c->tlb_entries <= 1u << 20 &&
	       c->ctx_entries >= 1 && c->ctx_entries <= 1u << 20 && c->knobs.cqh_batch &&
	       (!c->sv57 || c->sv48);
}

static uint64_t seed_of(const struct lzm_riscv_knobs *k)
{
	return k->seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x2545f4914f6cdd1d);
}

struct lzm_riscv *lzm_riscv_create(const struct lzm_riscv_config *cfg, const struct lzm_bus *bus)
{
	struct lzm_riscv *s;

	if (!config_valid(cfg) || !bus->mem_read || !bus->mem_write || !bus->now)
		return NULL;
	s = lzm_alloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->cfg = *cfg;
	s->bus = bus;
	s->rng = seed_of(&cfg->knobs);
	s->ctx_mask = round_up_pow2(cfg->ctx_entries) - 1;
	s->tlb_mask = round_up_pow2(cfg->tlb_entries) - 1;
	s->dc = lzm_alloc((size_t)s->ctx_mask + 1, sizeof(*s->dc));
	s->pc = lzm_alloc((size_t)s->ctx_mask + 1, sizeof(*s->pc));
	s->tlb = lzm_alloc((size_t)s->tlb_mask + 1, sizeof(*s->tlb));
	s->next_tag = 1;
	if (!s->dc || !s->pc || !s->tlb) {
		lzm_riscv_destroy(s);
		return NULL;
	}
	return s;
}

void lzm_riscv_destroy(struct lzm_riscv *s)
{
	if (!s)
		return;
	lzm_free(s->dc);
	lzm_free(s->pc);
	lzm_free(s->tlb);
	lzm_free(s->inv);
	lzm_free(s->answers);
	lzm_free(s);
}

void lzm_riscv_reset(struct lzm_riscv *s)
{
	struct lzm_riscv kept = *s;

	memset(s, 0, sizeof(*s));
	s->cfg = kept.cfg;
	s->bus = kept.bus;
	s->chooser = kept.chooser;
	s->rng = kept.rng;
	s->next_tag = kept.next_tag;
	s->stats = kept.stats;
	s->inv = kept.inv;
	s->cap_inv = kept.cap_inv;
	s->answers = kept.answers;
	s->cap_answers = kept.cap_answers;
	s->dc = kept.dc;
	s->pc = kept.pc;
	s->ctx_mask = kept.ctx_mask;
	s->tlb = kept.tlb;
	s->tlb_mask = kept.tlb_mask;
	memset(s->dc, 0, ((size_t)s->ctx_mask + 1) * sizeof(*s->dc));
	memset(s->pc, 0, ((size_t)s->ctx_mask + 1) * sizeof(*s->pc));
	memset(s->tlb, 0, ((size_t)s->tlb_mask + 1) * sizeof(*s->tlb));
}

bool lzm_riscv_set_knobs(struct lzm_riscv *s, const struct lzm_riscv_knobs *k)
{
	if (!k->cqh_batch)
		return false;
	s->cfg.knobs = *k;
	s->rng = seed_of(k);
	return true;
}

void lzm_riscv_set_chooser(struct lzm_riscv *s, const struct lzm_chooser *c)
{
	s->chooser = c;
}

unsigned lzm_rv_choose(struct lzm_riscv *s, enum lzm_choice what, unsigned n)
{
	unsigned v;

	if (!s->chooser)
		return (unsigned)(lzm_rv_random(s) % n);
	v = n > 1 ? s->chooser->choose(s->chooser->ctx, what, n) : 0;
	return v < n ? v : 0;
}

bool lzm_riscv_step(struct lzm_riscv *s)
{
	uint64_t now = lzm_rv_now(s);

	return lzm_rv_registers_step(s, now) || lzm_rv_answers_step(s) || lzm_rv_cmdq_step(s, now);
}

uint64_t lzm_riscv_wake(struct lzm_riscv *s)
{
	uint64_t now = lzm_rv_now(s), a, b;

	if (s->n_answers)
		return now;
	a = lzm_rv_registers_wake(s, now);
	b = lzm_rv_cmdq_wake(s, now);
	return a < b ? a : b;
}

void lzm_riscv_stats_get(const struct lzm_riscv *s, struct lzm_riscv_stats *out)
{
	*out = s->stats;
}

void lzm_riscv_inject_cmdq_stall(struct lzm_riscv *s, uint64_t until_ns)
{
	s->stalled_until = until_ns;
}

void lzm_riscv_inject_cmdq_fault(struct lzm_riscv *s)
{
	s->cmdq_fault = true;
}

void lzm_riscv_inject_ddt_fault(struct lzm_riscv *s, uint32_t did)
{
	s->ddt_fault = true;
	s->ddt_fault_did = did;
}
