/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register file of the CMDQV: the configuration page, and the queues in their
 * physical and their logical view.
 */
#include "cmdqv/cmdqv.h"

uint32_t lzm_cmdqv_mmio_size(const struct lzm_cmdqv *v)
{
	return CMDQV_VINTF_PAGES + v->n_vintfs * CMDQV_VINTF_STRIDE;
}

/* ---- error maps: they follow GERROR and GERRORN ---- */

static bool owned_by(const struct vcmdq *c, unsigned vintf)
{
	return (c->alloc & ALLOC_ALLOCATED) && ALLOC_VINTF(c->alloc) == vintf;
}

static uint32_t vintf_errors(const struct lzm_cmdqv *v, unsigned word)
{
	uint32_t map = 0;

	for (unsigned i = 0; i < v->n_queues; i++) {
		unsigned owner = ALLOC_VINTF(v->queue[i].alloc);

		if (lzm_cmdqv_queue_failed(&v->queue[i]) && owned_by(&v->queue[i], owner) &&
		    owner / 32 == word)
			map |= 1u << owner % 32;
	}
	return map;
}

static uint32_t queue_errors(const struct lzm_cmdqv *v, unsigned word)
{
	uint32_t map = 0;

	for (unsigned i = word * 32; i < v->n_queues && i < word * 32 + 32; i++)
		if (lzm_cmdqv_queue_failed(&v->queue[i]))
			map |= 1u << i % 32;
	return map;
}

static uint32_t logical_errors(const struct lzm_cmdqv *v, unsigned vintf, unsigned word)
{
	uint32_t map = 0;

	for (unsigned i = 0; i < v->n_queues; i++) {
		unsigned l = ALLOC_LVCMDQ(v->queue[i].alloc);

		if (lzm_cmdqv_queue_failed(&v->queue[i]) && owned_by(&v->queue[i], vintf) &&
		    l / 32 == word)
			map |= 1u << l % 32;
	}
	return map;
}

/* ---- configuration page ---- */

static uint32_t read_vintf(const struct lzm_cmdqv *v, unsigned i, uint32_t reg)
{
	const struct vintf *f = &v->vintf[i];

	if (reg >= VINTF_LVCMDQ_ERRMAP && reg < VINTF_LVCMDQ_ERRMAP + 16)
		return logical_errors(v, i, (reg - VINTF_LVCMDQ_ERRMAP) / 4);
	if (reg >= VINTF_SID_REPLACE && reg < VINTF_SID_REPLACE + 4 * VINTF_SIDS)
		return f->s.sid_replace[(reg - VINTF_SID_REPLACE) / 4];
	if (reg >= VINTF_SID_MATCH && reg < VINTF_SID_MATCH + 4 * VINTF_SIDS)
		return f->s.sid_match[(reg - VINTF_SID_MATCH) / 4];
	switch (reg) {
	case VINTF_CONFIG:
		return v->cfg.guest ? f->config & ~(uint32_t)VINTF_HYP_OWN : f->config;
	case VINTF_STATUS:
		return f->s.en;
	default:
		return 0;
	}
}

static uint32_t read_config(const struct lzm_cmdqv *v, uint32_t offset)
{
	if (offset >= V_VINTF && (offset - V_VINTF) / V_VINTF_STRIDE < v->n_vintfs)
		return read_vintf(v, (offset - V_VINTF) / V_VINTF_STRIDE, offset % V_VINTF_STRIDE);
	if (offset >= V_CMDQ_ALLOC && offset < V_CMDQ_ALLOC + 4 * v->n_queues)
		return v->queue[(offset - V_CMDQ_ALLOC) / 4].alloc;
	switch (offset) {
	case V_CONFIG:
		return v->config;
	case V_PARAM:
		return PARAM_VER | PARAM_VCMDQS(v->cfg.vcmdqs_log2) |
		       PARAM_VINTFS(v->cfg.vintfs_log2) | PARAM_SIDS(v->cfg.sids_log2);
	case V_STATUS:
		return v->config & V_EN;
	case V_VINTF_ERR_MAP:
	case V_VINTF_ERR_MAP + 4:
		return vintf_errors(v, (offset - V_VINTF_ERR_MAP) / 4);
	case V_VINTF_INT_MASK:
		return (uint32_t)v->int_mask;
	case V_VINTF_INT_MASK + 4:
		return (uint32_t)(v->int_mask >> 32);
	case V_CMDQ_ERR_MAP:
	case V_CMDQ_ERR_MAP + 4:
	case V_CMDQ_ERR_MAP + 8:
	case V_CMDQ_ERR_MAP + 12:
		return queue_errors(v, (offset - V_CMDQ_ERR_MAP) / 4);
	default:
		return 0;
	}
}

static void write_sid(struct lzm_cmdqv *v, uint32_t *slot, unsigned i, uint32_t value)
{
	if (i >= 1u << v->cfg.sids_log2)
		lzm_misuse(v->smmu, "CMDQV: stream id pair %u does not exist", i);
	else
		*slot = value;
}

static void write_vintf(struct lzm_cmdqv *v, unsigned i, uint32_t reg, uint32_t value)
{
	struct vintf *f = &v->vintf[i];

	if (reg >= VINTF_SID_REPLACE && reg < VINTF_SID_REPLACE + 4 * VINTF_SIDS) {
		unsigned n = (reg - VINTF_SID_REPLACE) / 4;

		write_sid(v, &f->s.sid_replace[n], n, value & SID_REPLACE_MASK);
	} else if (reg >= VINTF_SID_MATCH && reg < VINTF_SID_MATCH + 4 * VINTF_SIDS) {
		unsigned n = (reg - VINTF_SID_MATCH) / 4;

		write_sid(v, &f->s.sid_match[n], n, value & SID_MATCH_MASK);
	} else if (reg == VINTF_CONFIG) {
		value &= VINTF_CONFIG_MASK;
		if (f->s.en && (value & V_EN) && value != f->config)
			lzm_misuse(v->smmu, "CMDQV: VINTF %u changed while enabled", i);
		f->config = value;
		f->s.en = (value & V_EN) != 0 && (v->config & V_EN);
		f->s.vmid = VINTF_VMID(value);
		f->s.hyp_own = (value & VINTF_HYP_OWN) != 0 && !v->cfg.guest;
	} else {
		lzm_misuse(v->smmu, "CMDQV: write to VINTF register 0x%x", reg);
	}
}

/* Mapped in ascending, unmapped in descending order of the logical number. */
static void write_alloc(struct lzm_cmdqv *v, unsigned i, uint32_t value)
{
	struct vcmdq *c = &v->queue[i];

	if ((c->alloc ^ value) & ~(uint32_t)ALLOC_ALLOCATED && (c->alloc & ALLOC_ALLOCATED))
		lzm_misuse(v->smmu, "CMDQV: VCMDQ %u given away while allocated", i);
	c->alloc = value & ALLOC_MASK;
}

static void write_config(struct lzm_cmdqv *v, uint32_t offset, uint32_t value)
{
	if (offset >= V_VINTF && (offset - V_VINTF) / V_VINTF_STRIDE < v->n_vintfs) {
		write_vintf(v, (offset - V_VINTF) / V_VINTF_STRIDE, offset % V_VINTF_STRIDE, value);
	} else if (offset >= V_CMDQ_ALLOC && offset < V_CMDQ_ALLOC + 4 * v->n_queues) {
		write_alloc(v, (offset - V_CMDQ_ALLOC) / 4, value);
	} else if (offset == V_CONFIG) {
		v->config = value & (V_CONFIG_MASK | (uint32_t)V_EN);
		for (unsigned i = 0; !(value & V_EN) && i < v->n_vintfs; i++)
			v->vintf[i].s.en = false;
	} else if (offset == V_VINTF_INT_MASK) {
		v->int_mask = (v->int_mask & ~(uint64_t)UINT32_MAX) | value;
	} else if (offset == V_VINTF_INT_MASK + 4) {
		v->int_mask = (v->int_mask & UINT32_MAX) | (uint64_t)value << 32;
	} else {
		lzm_misuse(v->smmu, "CMDQV: write to read-only or unknown register 0x%x", offset);
	}
	lzm_cmdqv_update(v);
}

/* ---- queues ---- */

struct place {
	struct vcmdq *c; /* NULL: no queue here */
	unsigned page;
	uint32_t reg;
};

static struct place decode(struct lzm_cmdqv *v, uint32_t offset)
{
	struct place p = {.reg = offset % VCMDQ_STRIDE};
	unsigned slot = offset % CMDQV_PAGE / VCMDQ_STRIDE, vintf;

	if (offset < CMDQV_VINTF_PAGES) {
		p.page = offset >= CMDQV_VCMDQ_PAGE1;
		p.c = slot < v->n_queues ? &v->queue[slot] : NULL;
		return p;
	}
	offset -= CMDQV_VINTF_PAGES;
	vintf = offset / CMDQV_VINTF_STRIDE;
	p.page = offset % CMDQV_VINTF_STRIDE >= CMDQV_PAGE;
	for (unsigned i = 0; i < v->n_queues && !p.c; i++)
		if (owned_by(&v->queue[i], vintf) && ALLOC_LVCMDQ(v->queue[i].alloc) == slot)
			p.c = &v->queue[i];
	return p;
}

static uint32_t read_queue(const struct place *p)
{
	const struct vcmdq *c = p->c;

	if (p->page) {
		uint64_t reg = p->reg < VCMDQ_CONS_INDX_BASE ? c->q.q.base : c->cons_indx_base;

		return p->reg < 16 ? (uint32_t)(reg >> (p->reg & 4 ? 32 : 0)) : 0;
	}
	switch (p->reg) {
	case VCMDQ_CONS:
		return CONS_ERR(c->q.err_code) | c->q.q.cons;
	case VCMDQ_PROD:
		return c->q.q.prod;
	case VCMDQ_CONFIG:
		return c->config_en;
	case VCMDQ_STATUS:
		return c->q.enack;
	case VCMDQ_GERROR:
		return c->q.err;
	case VCMDQ_GERRORN:
		return c->q.errack;
	default:
		return 0;
	}
}

static bool disabled(struct lzm_cmdqv *v, const struct vcmdq *c, const char *name)
{
	if (!c->q.en && !c->q.enack)
		return true;
	lzm_misuse(v->smmu, "CMDQV: %s written while the queue is enabled", name);
	return false;
}

static void write_page1(struct lzm_cmdqv *v, const struct place *p, uint32_t value)
{
	struct vcmdq *c = p->c;
	uint64_t *reg = p->reg < VCMDQ_CONS_INDX_BASE ? &c->q.q.base : &c->cons_indx_base;
	uint64_t next = p->reg & 4 ? (*reg & UINT32_MAX) | (uint64_t)value << 32
				   : (*reg & ~(uint64_t)UINT32_MAX) | value;

	if (p->reg >= 16 || !disabled(v, c, "BASE"))
		return;
	if (p->reg < VCMDQ_CONS_INDX_BASE)
		lzm_write_base(v->smmu, &c->q.q, next, v->smmu->cfg.cmdq_log2);
	else
		*reg = next;
}

static void acknowledge(struct lzm_cmdqv *v, struct vcmdq *c, uint32_t value)
{
	bool errack = value & 1;

	if (errack == c->q.errack)
		return;
	if (!lzm_cmdqv_queue_failed(c)) {
		lzm_misuse(v->smmu, "CMDQV: GERRORN toggled for an inactive error");
		if (!v->smmu->cfg.knobs.gerrorn_activates)
			return;
	}
	c->q.errack = errack;
	lzm_cmdq_restart_fetch(&c->q);
	if (v->smmu->cfg.knobs.scramble_err)
		c->q.err_code = (uint32_t)lzm_random(v->smmu) & (CONS_ERR_MASK >> 24);
}

static void write_queue(struct lzm_cmdqv *v, const struct place *p, uint32_t value)
{
	struct vcmdq *c = p->c;

	if (p->page) {
		write_page1(v, p, value);
		return;
	}
	switch (p->reg) {
	case VCMDQ_CONS:
		if (disabled(v, c, "CONS")) {
			c->q.rd = value & Q_INDEX_MASK & lzm_q_wrap_mask(lzm_q_log2(&c->q.q));
			lzm_cmdq_publish(&c->q);
			c->q.err_code = (value & CONS_ERR_MASK) >> 24;
		}
		break;
	case VCMDQ_PROD:
		lzm_cmdq_write_prod(v->smmu, &c->q, value);
		break;
	case VCMDQ_CONFIG:
		c->config_en = value & 1;
		lzm_cmdqv_update(v);
		break;
	case VCMDQ_GERRORN:
		acknowledge(v, c, value);
		break;
	default:
		lzm_misuse(v->smmu, "CMDQV: write to read-only queue register 0x%x", p->reg);
		break;
	}
}

/* ---- entry points ---- */

static uint32_t read32(struct lzm_cmdqv *v, uint32_t offset)
{
	struct place p;

	if (offset < CMDQV_PAGE)
		return read_config(v, offset);
	p = decode(v, offset);
	return p.c ? read_queue(&p) : 0;
}

static void write32(struct lzm_cmdqv *v, uint32_t offset, uint32_t value)
{
	struct place p;

	if (offset < CMDQV_PAGE) {
		write_config(v, offset, value);
		return;
	}
	p = decode(v, offset);
	if (p.c)
		write_queue(v, &p, value);
	else
		lzm_misuse(v->smmu, "CMDQV: write to a queue that is not allocated, 0x%x", offset);
}

uint64_t lzm_cmdqv_read(struct lzm_cmdqv *v, uint32_t offset, unsigned size)
{
	uint64_t value = read32(v, offset);

	return size == 8 ? value | (uint64_t)read32(v, offset + 4) << 32 : value;
}

void lzm_cmdqv_write(struct lzm_cmdqv *v, uint32_t offset, unsigned size, uint64_t value)
{
	write32(v, offset, (uint32_t)value);
	if (size == 8)
		write32(v, offset + 4, (uint32_t)(value >> 32));
}
