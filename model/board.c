/* SPDX-License-Identifier: BSD-2-Clause */
/* The wiring between an IOMMU and the functions behind it (board.h). */
#include "lazaret-model/board.h"

#include <string.h>

#include "memory.h"

/* Stream ids are a list: the first is in ep's configuration. */
struct board_sid {
	struct board_sid *next;
	uint32_t sid;
};

struct board_fn {
	struct lzm_board *board;
	struct board_fn *next;
	struct lzm_ep *ep;
	const struct lzm_watch *watch;
	void *user;
	struct board_sid *aliases;
};

struct lzm_board {
	struct lzm_bus host, bus;
	struct lzm_iommu iommu;
	struct board_fn *fns; /* the latest first */
};

static const struct lzm_watch nobody_watches;

/* ---- config space ---- */

static void put(uint8_t *config, unsigned at, unsigned bytes, uint32_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		config[at + i] = (uint8_t)(v >> 8 * i);
}

static void put_extended(uint8_t *config, unsigned caps)
{
	static const struct {
		enum lzm_cap cap;
		uint16_t id;
		unsigned at;
		uint32_t value;
	} known[] = {
		{LZM_CAP_ATS, 0x0f, 4, 0x0020},	  /* page aligned request */
		{LZM_CAP_PASID, 0x1b, 4, 0x0800}, /* 8 bits */
		{LZM_CAP_PRI, 0x13, 8, 32},	  /* outstanding requests */
	};
	unsigned at = 0x100;

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!(caps & (unsigned)known[i].cap))
			continue;
		if (at > 0x100) /* the one before points here */
			put(config, at - 0x20 + 2, 2, at << 4 | 1);
		put(config, at, 4, 1u << 16 | known[i].id);
		put(config, at + known[i].at, 4, known[i].value);
		at += 0x20;
	}
}

void lzm_config_make(uint8_t *config, unsigned caps)
{
	memset(config, 0, LZM_CONFIG_SIZE);
	put(config, 0x00, 4, 0x10421af4); /* a disk */
	put(config, 0x04, 4, 0x00100006); /* memory, bus master; has capabilities */
	put(config, 0x08, 4, 0x01000000); /* mass storage */
	put(config, 0x34, 1, 0x40);
	put(config, 0x3c, 1, 0x0b);	  /* interrupt line */
	put(config, 0x40, 4, 0x00020010); /* PCI Express, endpoint */
	put(config, 0x44, 4, caps & LZM_CAP_FLR ? 1u << 28 : 0);
	put_extended(config, caps);
}

/* ---- towards the functions ---- */

static bool owns(const struct board_fn *f, uint32_t sid)
{
	const struct board_sid *a = f->aliases;

	while (a && a->sid != sid)
		a = a->next;
	return a || lzm_ep_sid(f->ep) == sid;
}

static void atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	struct lzm_board *b = ctx;
	struct board_fn *f = b->fns;

	while (f && !owns(f, inv->sid))
		f = f->next;
	if (f) {
		if (!f->watch->atc_inv || f->watch->atc_inv(f->user, inv))
			lzm_ep_invalidate(f->ep, tag, inv);
	} else if (b->host.atc_inv) {
		b->host.atc_inv(b->host.ctx, tag, inv);
	}
}

static bool mem_read(void *ctx, uint64_t pa, void *buf, size_t len)
{
	const struct lzm_bus *host = &((struct lzm_board *)ctx)->host;

	return host->mem_read(host->ctx, pa, buf, len);
}

static bool mem_write(void *ctx, uint64_t pa, const void *buf, size_t len)
{
	const struct lzm_bus *host = &((struct lzm_board *)ctx)->host;

	return host->mem_write(host->ctx, pa, buf, len);
}

static void irq(void *ctx, enum lzm_irq line)
{
	const struct lzm_bus *host = &((struct lzm_board *)ctx)->host;

	host->irq(host->ctx, line);
}

static uint64_t bus_now(void *ctx)
{
	const struct lzm_bus *host = &((struct lzm_board *)ctx)->host;

	return host->now(host->ctx);
}

/* ---- towards the IOMMU ---- */

static uint64_t fn_now(void *ctx)
{
	return bus_now(((struct board_fn *)ctx)->board);
}

static void answer(void *ctx, struct lzm_ep *ep, uint64_t tag, enum lzm_atc_answer a)
{
	const struct lzm_board *b = ((struct board_fn *)ctx)->board;

	(void)ep;
	lzm_iommu_atc_answer(&b->iommu, tag, a);
}

static uint32_t sid_for(const struct board_fn *f, uint64_t addr, bool ats)
{
	return f->watch->sid ? f->watch->sid(f->user, addr, ats) : lzm_ep_sid(f->ep);
}

static enum lzm_result translate(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				 struct lzm_translation *out)
{
	const struct lzm_board *b = ((struct board_fn *)ctx)->board;
	uint32_t sid = sid_for(ctx, iova, true);

	(void)ep;
	return lzm_iommu_translate(&b->iommu, sid, pasid, iova, out);
}

static enum lzm_result translated(void *ctx, struct lzm_ep *ep, uint64_t pa, enum lzm_access access,
				  uint64_t *out)
{
	const struct lzm_board *b = ((struct board_fn *)ctx)->board;
	uint32_t sid = sid_for(ctx, pa, true);

	(void)ep;
	return lzm_iommu_translated(&b->iommu, sid, pa, access, out);
}

static enum lzm_result untranslated(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				    enum lzm_access access, uint64_t *pa)
{
	(void)ep;
	return lzm_board_untranslated(((struct board_fn *)ctx)->board, sid_for(ctx, iova, false),
				      pasid, iova, access, pa);
}

static void dma(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova, uint64_t pa,
		enum lzm_access access, bool by_atc)
{
	struct board_fn *f = ctx;

	(void)ep;
	(void)pasid;
	if (f->watch->dma)
		f->watch->dma(f->user, iova, pa, access, by_atc);
}

static void device_reset(struct lzm_board *b, uint32_t sid)
{
	lzm_iommu_device_reset(&b->iommu, sid);
}

static void was_reset(void *ctx, struct lzm_ep *ep)
{
	struct board_fn *f = ctx;

	if (f->watch->reset && !f->watch->reset(f->user))
		return;
	device_reset(f->board, lzm_ep_sid(ep));
	for (const struct board_sid *a = f->aliases; a; a = a->next)
		device_reset(f->board, a->sid);
}

/* ---- life ---- */

static struct lzm_board *new_board(const struct lzm_bus *host)
{
	struct lzm_board *b = lzm_alloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->host = *host;
	b->bus = (struct lzm_bus){b, mem_read, mem_write, irq, bus_now, atc_inv};
	return b;
}

static struct lzm_board *complete(struct lzm_board *b)
{
	if (!b || b->iommu.smmu || b->iommu.riscv)
		return b;
	lzm_free(b);
	return NULL;
}

struct lzm_board *lzm_board_create(const struct lzm_smmu_config *cfg, const struct lzm_bus *host)
{
	struct lzm_board *b = new_board(host);
	struct lzm_smmu_config def;

	lzm_smmu_config_default(&def);
	if (b)
		b->iommu.smmu = lzm_smmu_create(cfg ? cfg : &def, &b->bus);
	return complete(b);
}

struct lzm_board *lzm_board_create_riscv(const struct lzm_riscv_config *cfg,
					 const struct lzm_bus *host)
{
	struct lzm_board *b = new_board(host);
	struct lzm_riscv_config def;

	lzm_riscv_config_default(&def);
	if (b)
		b->iommu.riscv = lzm_riscv_create(cfg ? cfg : &def, &b->bus);
	return complete(b);
}

static void free_fn(struct board_fn *f)
{
	for (struct board_sid *a = f->aliases, *next; a; a = next) {
		next = a->next;
		lzm_free(a);
	}
	lzm_ep_destroy(f->ep);
	lzm_free(f);
}

void lzm_board_destroy(struct lzm_board *b)
{
	if (!b)
		return;
	for (struct board_fn *f = b->fns, *next; f; f = next) {
		next = f->next;
		free_fn(f);
	}
	lzm_iommu_destroy(&b->iommu);
	lzm_free(b);
}

struct lzm_smmu *lzm_board_smmu(struct lzm_board *b)
{
	return b->iommu.smmu;
}

struct lzm_riscv *lzm_board_riscv(struct lzm_board *b)
{
	return b->iommu.riscv;
}

const struct lzm_iommu *lzm_board_iommu(const struct lzm_board *b)
{
	return &b->iommu;
}

enum lzm_result lzm_board_untranslated(struct lzm_board *b, uint32_t sid, uint32_t pasid,
				       uint64_t iova, enum lzm_access access, uint64_t *pa)
{
	return lzm_iommu_untranslated(&b->iommu, sid, pasid, iova, access, pa);
}

struct lzm_ep *lzm_board_add(struct lzm_board *b, const struct lzm_ep_config *cfg,
			     const struct lzm_watch *watch, void *user)
{
	struct board_fn *f = lzm_alloc(1, sizeof(*f));
	const struct lzm_ep_link link = {f,	     fn_now,	   answer, translate,
					 translated, untranslated, dma,	   was_reset};

	if (!f)
		return NULL;
	f->board = b;
	f->watch = watch ? watch : &nobody_watches;
	f->user = user;
	f->ep = lzm_ep_create(cfg, &link);
	if (!f->ep) {
		lzm_free(f);
		return NULL;
	}
	f->next = b->fns;
	b->fns = f;
	return f->ep;
}

bool lzm_board_alias(struct lzm_board *b, struct lzm_ep *ep, uint32_t sid)
{
	struct board_sid *a = lzm_alloc(1, sizeof(*a));
	struct board_fn *f = b->fns;

	if (!a)
		return false;
	while (f->ep != ep)
		f = f->next;
	*a = (struct board_sid){f->aliases, sid};
	f->aliases = a;
	return true;
}

/* ---- for a host's tables ---- */

uint64_t lzm_board_read(void *board, uint32_t offset, unsigned size)
{
	const struct lzm_board *b = board;

	return lzm_iommu_read(&b->iommu, offset, size);
}

void lzm_board_write(void *board, uint32_t offset, unsigned size, uint64_t value)
{
	const struct lzm_board *b = board;

	lzm_iommu_write(&b->iommu, offset, size, value);
}

bool lzm_board_step(void *board)
{
	struct lzm_board *b = board;
	struct board_fn *f = b->fns;

	if (lzm_iommu_step(&b->iommu))
		return true;
	while (f && !lzm_ep_step(f->ep))
		f = f->next;
	return f;
}

uint64_t lzm_board_wake(void *board)
{
	struct lzm_board *b = board;
	uint64_t first = lzm_iommu_wake(&b->iommu);

	for (const struct board_fn *f = b->fns; f; f = f->next) {
		uint64_t t = lzm_ep_wake(f->ep);

		first = t < first ? t : first;
	}
	return first;
}

uint32_t lzm_board_cfg_read(void *ep, unsigned offset, unsigned width)
{
	return lzm_ep_cfg_read(ep, offset, width);
}

void lzm_board_cfg_write(void *ep, unsigned offset, unsigned width, uint32_t value)
{
	lzm_ep_cfg_write(ep, offset, width, value);
}
