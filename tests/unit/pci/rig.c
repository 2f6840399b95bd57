/* SPDX-License-Identifier: BSD-2-Clause */
/* The rig of rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "functions.h"
#include "rig.h"

static uint64_t link_now(void *ctx)
{
	return ((struct rig *)ctx)->now;
}

static void link_answer(void *ctx, struct lzm_ep *ep, uint64_t tag, enum lzm_atc_answer a)
{
	struct rig *r = ctx;

	assert_ptr_equal(ep, r->ep);
	r->answers++;
	r->last_tag = tag;
	r->last_answer = a;
}

static enum lzm_result link_translate(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				      struct lzm_translation *out)
{
	struct rig *r = ctx;

	assert_ptr_equal(ep, r->ep);
	r->translates++;
	r->last_pasid = pasid;
	out->iova = iova & ~(RIG_SPAN - 1);
	out->pa = out->iova + RIG_OFFSET;
	out->size = RIG_SPAN;
	out->read = r->map_read;
	out->write = r->map_write;
	return r->translate_result;
}

static enum lzm_result link_translated(void *ctx, struct lzm_ep *ep, uint64_t pa,
				       enum lzm_access access, uint64_t *out_pa)
{
	struct rig *r = ctx;

	assert_ptr_equal(ep, r->ep);
	(void)access;
	r->translateds++;
	*out_pa = pa;
	return LZM_OK;
}

static enum lzm_result link_untranslated(void *ctx, struct lzm_ep *ep, uint32_t pasid,
					 uint64_t iova, enum lzm_access access, uint64_t *pa)
{
	struct rig *r = ctx;

	assert_ptr_equal(ep, r->ep);
	(void)access;
	r->untranslateds++;
	r->last_pasid = pasid;
	*pa = iova + RIG_OFFSET;
	return LZM_OK;
}

static void link_dma(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova, uint64_t pa,
		     enum lzm_access access, bool translated)
{
	struct rig *r = ctx;

	assert_ptr_equal(ep, r->ep);
	assert_int_equal(pa, iova + RIG_OFFSET);
	(void)pasid;
	(void)access;
	(void)translated;
	r->dmas++;
	r->last_pa = pa;
}

static void link_reset(void *ctx, struct lzm_ep *ep)
{
	struct rig *r = ctx;

	if (ep == r->ep)
		r->resets++;
}

static uint32_t access_read(void *ctx, unsigned off, unsigned width)
{
	struct rig *r = ctx;

	r->reads++;
	if (r->gone_after && r->reads == r->gone_after)
		lzm_ep_fault(r->ep, LZM_EP_REMOVED, 0, 0);
	if (r->reads == r->ones_at)
		return UINT32_MAX >> (32 - 8 * width);
	return lzm_ep_cfg_read(r->ep, off, width);
}

static void access_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	struct rig *r = ctx;

	r->writes++;
	if (off != r->lose_writes_at && r->writes != r->lose_write)
		lzm_ep_cfg_write(r->ep, off, width, v);
}

static void access_sleep(void *ctx, lz_ns ns)
{
	struct rig *r = ctx;

	r->sleeps++;
	r->slept += ns;
	rig_advance(r, ns);
}

static uint32_t port_read(void *ctx, unsigned off, unsigned width)
{
	return lzm_ep_cfg_read(((struct rig *)ctx)->port, off, width);
}

static void port_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	lzm_ep_cfg_write(((struct rig *)ctx)->port, off, width, v);
}

const struct lzm_ep_link *rig_link(struct rig *r)
{
	static struct lzm_ep_link link;

	link = (struct lzm_ep_link){
		.ctx = r,
		.now = link_now,
		.answer = link_answer,
		.translate = link_translate,
		.translated = link_translated,
		.untranslated = link_untranslated,
		.dma = link_dma,
		.reset = link_reset,
	};
	return &link;
}

static struct lzm_ep *create(struct rig *r, const char *name, struct lzm_ep *upstream, bool add_ats)
{
	static uint8_t config[4096];
	struct lzm_ep_config cfg = {
		.name = name,
		.config = config,
		.config_len = function_config(name, config),
		.vendor = 0x1b36,
		.device = 0x0010,
		.add_ats = add_ats,
		.sid = 0x300,
		.atc_entries = 4,
		.answer_ns = 1000,
		.flr_ns = 150000000,
		.seed = 7,
		.upstream = upstream,
	};
	struct lzm_ep *ep = lzm_ep_create(&cfg, rig_link(r));

	assert_non_null(ep);
	return ep;
}

void rig_start(struct rig *r, const char *name, bool port, bool add_ats)
{
	memset(r, 0, sizeof(*r));
	r->map_read = r->map_write = true;
	r->lose_writes_at = RIG_NONE;
	r->port_access = (struct lz_pci_access){
		.ctx = r, .read = port_read, .write = port_write, .sleep = access_sleep};
	r->access = (struct lz_pci_access){.ctx = r,
					   .read = access_read,
					   .write = access_write,
					   .sleep = access_sleep,
					   .upstream = port ? &r->port_access : NULL};
	r->port = port ? create(r, PORT, NULL, false) : NULL;
	r->ep = create(r, name, r->port, add_ats);
}

void rig_stop(struct rig *r)
{
	lzm_ep_destroy(r->ep);
	lzm_ep_destroy(r->port);
}

void rig_settle(struct rig *r)
{
	while (lzm_ep_step(r->ep))
		;
}

void rig_advance(struct rig *r, uint64_t ns)
{
	r->now += ns;
	rig_settle(r);
}

uint32_t rig_read(struct rig *r, unsigned off, unsigned width)
{
	return lzm_ep_cfg_read(r->ep, off, width);
}

void rig_write(struct rig *r, unsigned off, unsigned width, uint32_t v)
{
	lzm_ep_cfg_write(r->ep, off, width, v);
}

void rig_ats_on(struct rig *r, unsigned ats_ctl)
{
	rig_write(r, AT_COMMAND, 2, 0x0006);
	rig_write(r, ats_ctl, 2, 0x8000);
	assert_true(lzm_ep_ats_enabled(r->ep));
}

void rig_invalidate(struct rig *r, uint64_t tag, uint64_t addr, uint64_t size)
{
	const struct lzm_atc_inv inv = {.sid = 0x300, .addr = addr, .size = size};

	lzm_ep_invalidate(r->ep, tag, &inv);
}
