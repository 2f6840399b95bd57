/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tegra241 CMDQV: who owns which queue, what a guest's queue may issue, errors by
 * queue with their maps, and the enables that a queue depends on.
 */
#include "cmdqv/cmdqv.h"

#include <string.h>

#include "memory.h"

void lzm_cmdqv_config_default(struct lzm_cmdqv_config *c)
{
	*c = (struct lzm_cmdqv_config){.vcmdqs_log2 = 3, .vintfs_log2 = 2, .sids_log2 = 4};
}

unsigned lzm_cmdqv_queues(const struct lzm_cmdqv *v)
{
	return v->n_queues;
}

struct lzm_cmdq *lzm_cmdqv_queue(struct lzm_cmdqv *v, unsigned i)
{
	return &v->queue[i].q;
}

struct lzm_cmdqv *lzm_cmdqv_create(const struct lzm_cmdqv_config *cfg, struct lzm_smmu *smmu)
{
	struct lzm_cmdqv *v;

	if (smmu->cmdqv || cfg->vcmdqs_log2 > 7 || cfg->vintfs_log2 > 6 ||
	    cfg->vintfs_log2 > cfg->vcmdqs_log2 || cfg->sids_log2 > 4)
		return NULL;
	v = lzm_alloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->cfg = *cfg;
	v->smmu = smmu;
	v->n_queues = 1u << cfg->vcmdqs_log2;
	v->n_vintfs = 1u << cfg->vintfs_log2;
	v->queue = lzm_alloc(v->n_queues, sizeof(*v->queue));
	v->vintf = lzm_alloc(v->n_vintfs, sizeof(*v->vintf));
	if (!v->queue || !v->vintf) {
		lzm_free(v->queue);
		lzm_free(v->vintf);
		lzm_free(v);
		return NULL;
	}
	lzm_cmdqv_reset(v);
	smmu->cmdqv = v;
	return v;
}

void lzm_cmdqv_destroy(struct lzm_cmdqv *v)
{
	if (!v)
		return;
	v->smmu->cmdqv = NULL;
	for (unsigned i = 0; i < v->n_queues; i++)
		lzm_free(v->queue[i].q.atc.req);
	lzm_free(v->queue);
	lzm_free(v->vintf);
	lzm_free(v);
}

void lzm_cmdqv_reset(struct lzm_cmdqv *v)
{
	v->config = 0;
	v->int_mask = 0;
	v->irq_pending = false;
	memset(v->vintf, 0, v->n_vintfs * sizeof(*v->vintf));
	for (unsigned i = 0; i < v->n_queues; i++) {
		struct vcmdq *c = &v->queue[i];
		struct lzm_atc_set set = {.req = c->q.atc.req, .cap = c->q.atc.cap};

		*c = (struct vcmdq){.q = {.kind = CMDQ_VCMDQ, .atc = set}};
	}
}

/* ---- enables ---- */

void lzm_cmdqv_update(struct lzm_cmdqv *v)
{
	uint64_t now = lzm_now(v->smmu);

	for (unsigned i = 0; i < v->n_queues; i++) {
		struct vcmdq *c = &v->queue[i];
		unsigned owner = ALLOC_VINTF(c->alloc);
		bool mapped = (c->alloc & ALLOC_ALLOCATED) && owner < v->n_vintfs;
		bool en = c->config_en && mapped && (v->config & V_EN) && v->vintf[owner].s.en;

		c->q.vintf = mapped ? &v->vintf[owner].s : NULL;
		if (en == c->q.en)
			continue;
		c->q.en = en;
		c->q.en_due = now + v->smmu->cfg.knobs.ack_delay_ns;
	}
}

/* ---- errors and the interrupt ---- */

bool lzm_cmdqv_queue_failed(const struct vcmdq *c)
{
	return c->q.err != c->q.errack;
}

void lzm_cmdqv_error(struct lzm_cmdqv *v, struct lzm_cmdq *q)
{
	for (unsigned i = 0; i < v->n_queues; i++) {
		unsigned owner = ALLOC_VINTF(v->queue[i].alloc);

		if (&v->queue[i].q == q && !(v->int_mask & BIT(owner)))
			v->irq_pending = true;
	}
}

bool lzm_cmdqv_busy(const struct lzm_cmdqv *v)
{
	return v->irq_pending;
}

bool lzm_cmdqv_step(struct lzm_cmdqv *v)
{
	const struct lzm_bus *bus = v->smmu->bus;

	if (!v->irq_pending)
		return false;
	v->irq_pending = false;
	if (bus->irq)
		bus->irq(bus->ctx, LZM_IRQ_CMDQV);
	return true;
}

/* ---- guests ---- */

static bool replace_sid(const struct lzm_vintf *v, uint64_t cmd[2])
{
	uint32_t virtual = CMD_SID(cmd[0]);

	for (unsigned i = 0; i < VINTF_SIDS; i++) {
		if (!(v->sid_match[i] & 1) || v->sid_match[i] >> 1 != virtual)
			continue;
		cmd[0] = (cmd[0] & UINT32_MAX) | (uint64_t)v->sid_replace[i] << 32;
		return true;
	}
	return false;
}

int lzm_cmdqv_admit(const struct lzm_cmdq *q, uint64_t cmd[2])
{
	const struct lzm_vintf *v = q->vintf;

	if (!v || v->hyp_own)
		return CERROR_NONE;
	switch (CMD_OP(cmd[0])) {
	case CMD_SYNC:
		return CERROR_NONE;
	case CMD_ATC_INV:
		return replace_sid(v, cmd) ? CERROR_NONE : CERROR_ILL_ACCESS;
	case CMD_TLBI_NH_ASID:
	case CMD_TLBI_NH_VA:
		cmd[0] = (cmd[0] & ~(UINT64_C(0xffff) << 32)) | (uint64_t)v->vmid << 32;
		return CERROR_NONE;
	default:
		return CERROR_ILL_ACCESS;
	}
}
