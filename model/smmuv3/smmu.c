/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of the model: create, reset, step, wake, statistics.
 */
#include "smmu.h"

#include <string.h>

#include "memory.h"

#define TLB_WAYS 4

void lzm_smmu_config_default(struct lzm_smmu_config *c)
{
	*c = (struct lzm_smmu_config){
		.sid_bits = 16,
		.ssid_bits = 10,
		.cmdq_log2 = 8,
		.evtq_log2 = 7,
		.oas = 5,
		.ats = true,
		.msi = true,
		.range_inv = true,
		.two_level = true,
		.cohacc = true,
		.tlb_entries = 512,
		.cfg_entries = 256,
	};
	lzm_smmu_knobs_default(&c->knobs);
}

static uint32_t round_up_pow2(uint32_t v)
{
	uint32_t p = 1;

	while (p < v)
		p <<= 1;
	return p;
}

static bool config_valid(const struct lzm_smmu_config *c)
{
	return c->sid_bits <= 32 && c->ssid_bits <= 20 && c->cmdq_log2 <= 19 &&
	       c->evtq_log2 <= 19 && c->priq_log2 <= 19 && c->oas <= 5 && c->tlb_entries >= 1 &&
	       c->tlb_entries <= 1u << 20 && c->cfg_entries >= 1 && c->cfg_entries <= 1u << 20 &&
	       c->knobs.prefetch <= PREFETCH_MAX && (!c->pri || c->ats) &&
	       (!c->ecmdq ||
		(c->cohacc && c->msi && c->ecmdq_pages_log2 <= 3 && c->ecmdq_queues_log2 <= 8));
}

static void seed(struct lzm_smmu *s)
{
	s->rng = s->cfg.knobs.seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x2545f4914f6cdd1d);
	if (!s->rng)
		s->rng = 1;
}

bool lzm_smmu_set_knobs(struct lzm_smmu *s, const struct lzm_smmu_knobs *k)
{
	if (k->prefetch > PREFETCH_MAX)
		return false;
	s->cfg.knobs = *k;
	seed(s);
	return true;
}

struct lzm_smmu *lzm_smmu_create(const struct lzm_smmu_config *cfg, const struct lzm_bus *bus)
{
	struct lzm_smmu *s;
	uint32_t entries;

	if (!config_valid(cfg) || !bus->mem_read || !bus->mem_write || !bus->now)
		return NULL;
	s = lzm_alloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->cfg = *cfg;
	s->cfg.pri = cfg->pri && cfg->priq_log2;
	s->bus = bus;
	seed(s);
	entries = round_up_pow2(cfg->cfg_entries);
	s->cfg_mask = entries - 1;
	s->tlb_sets = round_up_pow2((cfg->tlb_entries + TLB_WAYS - 1) / TLB_WAYS);
	s->ste = lzm_alloc(entries, sizeof(*s->ste));
	s->cd = lzm_alloc(entries, sizeof(*s->cd));
	s->tlb = lzm_alloc((size_t)s->tlb_sets * TLB_WAYS, sizeof(*s->tlb));
	s->n_ecmdq = cfg->ecmdq ? 1u << (cfg->ecmdq_pages_log2 + cfg->ecmdq_queues_log2) : 0;
	s->ecmdq = lzm_alloc(s->n_ecmdq + 1, sizeof(*s->ecmdq));
	if (!s->ecmdq)
		s->n_ecmdq = 0;
	if (!s->ste || !s->cd || !s->tlb || !s->ecmdq) {
		lzm_smmu_destroy(s);
		return NULL;
	}
	s->next_tag = 1;
	lzm_smmu_reset(s);
	return s;
}

void lzm_smmu_destroy(struct lzm_smmu *s)
{
	if (!s)
		return;
	lzm_free(s->ste);
	lzm_free(s->cd);
	lzm_free(s->tlb);
	for (unsigned i = 0; i <= s->n_ecmdq; i++)
		lzm_free(lzm_lane(s, i)->atc.req);
	lzm_free(s->ecmdq);
	lzm_free(s->answers);
	lzm_free(s);
}

/* Everything but the memory that its records are kept in. */
static void reset_queue(struct lzm_cmdq *q, const struct lzm_cmdq *was, enum lzm_cmdq_kind kind)
{
	struct lzm_atc_set set = {.req = was->atc.req, .cap = was->atc.cap};

	*q = (struct lzm_cmdq){.kind = kind, .atc = set};
}

void lzm_smmu_reset(struct lzm_smmu *s)
{
	struct lzm_smmu kept = *s;

	memset(s, 0, sizeof(*s));
	s->cfg = kept.cfg;
	s->bus = kept.bus;
	s->chooser = kept.chooser;
	s->rng = kept.rng;
	s->next_tag = kept.next_tag;
	s->stats = kept.stats;
	s->ecmdq = kept.ecmdq;
	s->n_ecmdq = kept.n_ecmdq;
	s->cmdqv = kept.cmdqv;
	reset_queue(&s->cmdq, &kept.cmdq, CMDQ_MAIN);
	for (unsigned i = 0; i < s->n_ecmdq; i++)
		reset_queue(&s->ecmdq[i], &s->ecmdq[i], CMDQ_ECMDQ);
	s->answers = kept.answers;
	s->answers_cap = kept.answers_cap;
	s->ste = kept.ste;
	s->cd = kept.cd;
	s->cfg_mask = kept.cfg_mask;
	s->tlb = kept.tlb;
	s->tlb_sets = kept.tlb_sets;
	s->gbpa = 0x1000; /* bypass, incoming shareability */
	memset(s->ste, 0, ((size_t)s->cfg_mask + 1) * sizeof(*s->ste));
	memset(s->cd, 0, ((size_t)s->cfg_mask + 1) * sizeof(*s->cd));
	memset(s->tlb, 0, (size_t)s->tlb_sets * TLB_WAYS * sizeof(*s->tlb));
}

void lzm_smmu_set_chooser(struct lzm_smmu *s, const struct lzm_chooser *c)
{
	s->chooser = c;
}

unsigned lzm_choose(struct lzm_smmu *s, enum lzm_choice what, unsigned n, unsigned otherwise)
{
	unsigned v;

	if (!s->chooser || n < 2)
		return otherwise;
	v = s->chooser->choose(s->chooser->ctx, what, n);
	return v < n ? v : 0;
}

bool lzm_smmu_step(struct lzm_smmu *s)
{
	uint64_t now = lzm_now(s);

	return lzm_registers_step(s, now) || lzm_atc_step(s) || lzm_lanes_step(s, now) ||
	       (s->cmdqv && lzm_cmdqv_step(s->cmdqv));
}

uint64_t lzm_smmu_wake(struct lzm_smmu *s)
{
	uint64_t now = lzm_now(s), a, b;

	if (s->answers_len || (s->cmdqv && lzm_cmdqv_busy(s->cmdqv)))
		return now;
	a = lzm_registers_wake(s, now);
	b = lzm_lanes_wake(s, now);
	return a < b ? a : b;
}

void lzm_smmu_stats_get(const struct lzm_smmu *s, struct lzm_smmu_stats *out)
{
	*out = s->stats;
}
