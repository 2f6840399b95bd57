/* SPDX-License-Identifier: BSD-2-Clause */
/* The instance: policy, life cycle, counters. */
#include "core/core.h"

#define RECOVERY_MAX 1024u /* of lz_config.recovery_max */

static const struct lz_lock_class work_class = {"work", LZ_RANK_WORK};
static const struct lz_lock_class instance_class = {"instance", LZ_RANK_INSTANCE};

void lz_config_default(struct lz_config *cfg)
{
	*cfg = (struct lz_config){
		.sync_bound = LZ_SEC(1),
		.atomic_wait = LZ_US(100),
		.late_bound = LZ_SEC(100),
		.settle_max = 8,
		.custody_limit = 65536,
		.contain = LZ_CONTAIN_ON,
		.identify = LZ_IDENTIFY_PROBE,
		.recovery_max = 5,
		.recovery_window = LZ_SEC(3600),
		.response = LZ_RESPONSE_BLOCK,
		.slow_window = LZ_SEC(10),
		.log_burst = 20,
		.log_window = LZ_SEC(5),
	};
}

enum lz_status lz_init(const struct lz_port *port, const struct lz_config *cfg, struct lz **out)
{
	struct lz *lz;

	*out = NULL;
	if (!port->alloc || !port->free || !port->dma_alloc || !port->dma_free || !port->dma_virt ||
	    !port->now)
		return LZ_EINVAL;
	if (!cfg->sync_bound || !cfg->atomic_wait || !cfg->late_bound ||
	    cfg->recovery_max > RECOVERY_MAX || (cfg->recovery_max && !cfg->recovery_window) ||
	    (unsigned)cfg->response > LZ_RESPONSE_FENCE || (unsigned)cfg->lanes > LZ_LANES_OFF ||
	    (cfg->log_burst && !cfg->log_window))
		return LZ_EINVAL;
	if ((!LZ_CONFIG_EVENTS && cfg->event) ||
	    (!LZ_CONFIG_OBSERVE && cfg->contain != LZ_CONTAIN_ON))
		return LZ_ENOTSUP;
	lz = port->alloc(port->ctx, sizeof(*lz));
	if (!lz)
		return LZ_ENOMEM;
	lz->port = port;
	lz->cfg = *cfg;
	lz_spin_init(&lz->wq.lock, &work_class);
	lz_spin_init(&lz->lock, &instance_class);
	lz_policy_init(lz);
	*out = lz;
	return LZ_OK;
}

enum lz_status lz_fini(struct lz *lz)
{
	struct lz_stats s;

	lz_stats_get(lz, &s);
	if (lz_load32(&lz->n_iommus) || lz_load32(&lz->n_groups) || s.references || s.work_pending)
		return LZ_EBUSY;
	lz->port->free(lz->port->ctx, lz, sizeof(*lz));
	return LZ_OK;
}

static void add_counts(struct lz_stats *out, const struct lz_counts *n)
{
	out->cmdq_errors += lz_load64(&n->cmdq_errors);
	out->atc_timeouts += lz_load64(&n->atc_timeouts);
	out->probes += lz_load64(&n->probes);
	out->fences += lz_load64(&n->fences);
	out->quarantines += lz_load64(&n->quarantines);
	out->recoveries += lz_load64(&n->recoveries);
	out->exonerations += lz_load64(&n->exonerations);
	out->stale += lz_load64(&n->stale);
	out->slow += lz_load64(&n->slow);
}

static void add_all_counts(struct lz *lz, struct lz_stats *out)
{
	lz_ns now = lz_now(lz);
	unsigned long flags = lz_spin_lock(&lz->lock);

	add_counts(out, &lz->ended);
	out->custody_page_us = lz->ended_page_us;
	for (const struct lz_iommu *i = lz->iommus; i; i = i->next) {
		add_counts(out, &i->n);
		out->custody_page_us += lz_meter_page_us(&i->custody, now);
	}
	lz_spin_unlock(&lz->lock, flags);
}

void lz_stats_get(struct lz *lz, struct lz_stats *out)
{
	unsigned long flags;

	*out = (struct lz_stats){
		.custody_pages = lz_load64(&lz->custody_pages),
		.custody_pages_max = lz_load64(&lz->custody_pages_max),
		.blocked_ids = lz_load64(&lz->blocked_ids),
		.references = lz_load64(&lz->references),
	};
	if (LZ_CONFIG_STATS)
		add_all_counts(lz, out);
	flags = lz_spin_lock(&lz->wq.lock);
	out->work_pending = lz->wq.pending;
	lz_spin_unlock(&lz->wq.lock, flags);
}

/* ---- memory ---- */

void *lz_mem_alloc(const struct lz *lz, size_t size)
{
	return lz->port->alloc(lz->port->ctx, size);
}

void lz_mem_free(const struct lz *lz, void *p, size_t size)
{
	if (p)
		lz->port->free(lz->port->ctx, p, size);
}

void *lz_mem_dma_alloc(const struct lz *lz, size_t size, size_t align, lz_phys *phys)
{
	return lz->port->dma_alloc(lz->port->ctx, size, align, phys);
}

void lz_mem_dma_free(const struct lz *lz, void *va, size_t size)
{
	if (va)
		lz->port->dma_free(lz->port->ctx, va, size);
}
