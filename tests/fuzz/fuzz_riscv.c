/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The RISC-V IOMMU's model against a driver that does anything: the input is its
 * program, as in fuzz_model.c, and the same is checked: bounded bus accesses per
 * call, step and wake agree, the queue runs dry, interrupts are known lines.
 */
#define _GNU_SOURCE
#include "fuzz_memory.h"

#include "lazaret-model/endpoint.h"
#include "lazaret-model/riscv.h"

#define N_EPS	  3u
#define OPS_MAX	  4096u
#define CMDQ_LOG2 7u

/* Of one call: 3 levels of devices, 3 of processes and 5 of pages, the latter two each
 * through 5 of a second stage, which the result takes too; twice, and a record. */
#define ACCESSES_MAX 120u
/* Of one call of the bench between two operations: the queue round twice; an entry is
 * fetched, carried out, answered, published, and may interrupt. Longer queues are
 * made of nothing that is legal for long. */
#define STEPS_MAX ((2u << CMDQ_LOG2) * 8)

struct rig {
	struct fuzz_memory m; /* first */
	struct fuzz_input in;
	struct lzm_bus bus;
	struct lzm_riscv *iommu;
	struct lzm_ep *ep[N_EPS];
	uint64_t tag;
	uint32_t tail;
};

/* ---- the bus ---- */

static void atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	struct rig *r = ctx;
	struct lzm_ep *ep = r->ep[inv->sid % N_EPS];

	r->tag = tag;
	if (inv->sid & 64)
		lzm_riscv_atc_answer(r->iommu, tag, LZM_ATC_DONE);
	else if (ep)
		lzm_ep_invalidate(ep, tag, inv);
}

/* ---- what endpoints reach ---- */

static void ep_answer(void *ctx, struct lzm_ep *ep, uint64_t tag, enum lzm_atc_answer a)
{
	(void)ep;
	lzm_riscv_atc_answer(((struct rig *)ctx)->iommu, tag, a);
}

static enum lzm_result ep_translate(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				    struct lzm_translation *out)
{
	return lzm_riscv_translate(((struct rig *)ctx)->iommu, lzm_ep_sid(ep), pasid != 0, pasid,
				   iova, out);
}

static enum lzm_result ep_translated(void *ctx, struct lzm_ep *ep, uint64_t pa,
				     enum lzm_access access, uint64_t *out)
{
	return lzm_riscv_translated(((struct rig *)ctx)->iommu, lzm_ep_sid(ep), pa, access, out);
}

static enum lzm_result ep_untranslated(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				       enum lzm_access access, uint64_t *pa)
{
	return lzm_riscv_untranslated(((struct rig *)ctx)->iommu, lzm_ep_sid(ep), pasid != 0, pasid,
				      iova, access, pa);
}

static void ep_reset(void *ctx, struct lzm_ep *ep)
{
	lzm_riscv_device_reset(((struct rig *)ctx)->iommu, lzm_ep_sid(ep));
}

/* ---- building ---- */

static struct lzm_ep *make_ep(struct rig *r, unsigned i)
{
	const struct lzm_ep_link link = {.ctx = r,
					 .now = fuzz_now,
					 .answer = ep_answer,
					 .translate = ep_translate,
					 .translated = ep_translated,
					 .untranslated = ep_untranslated,
					 .reset = ep_reset};
	uint8_t config[256] = {0}, how = fuzz_u8(&r->in);
	struct lzm_ep_config c = {.name = "ep",
				  .config = config,
				  .config_len = sizeof(config),
				  .vendor = 0x144d,
				  .device = 0xa804,
				  .add_ats = true,
				  .sid = i,
				  .atc_entries = (how & 3) * 3,
				  .answer_ns = (how >> 2) * 64u,
				  .flr_ns = 1000,
				  .seed = i};

	return lzm_ep_create(&c, &link);
}

static void make_iommu(struct rig *r)
{
	struct lzm_riscv_config c;
	struct fuzz_input *in = &r->in;
	const char *regime;
	uint8_t f, g;

	lzm_riscv_config_default(&c);
	f = fuzz_u8(in);
	regime = lzm_smmu_regime_name(f & 15);
	if (regime)
		FUZZ_CHECK(lzm_riscv_regime(regime, &c.knobs), "regime %s", regime);
	f = fuzz_u8(in);
	g = fuzz_u8(in);
	c.sv48 = f & 1 || !(f & 2);
	c.sv57 = c.sv48 && f & 4;
	c.stage2 = !(f & 8);
	c.ats = !(f & 16);
	c.wired = !(f & 32);
	c.pd20 = !(f & 64);
	c.pas = f & 128 ? 32 + fuzz_u8(in) % 25 : 56;
	c.tlb_entries = 1 + (g & 15);
	c.ctx_entries = 1 + (g >> 4);
	g = fuzz_u8(in);
	c.knobs.cqh_batch = 1 + (g & 3);
	c.knobs.late_subset = g & 4;
	c.knobs.ats_out_of_order = g & 8;
	c.knobs.lazy = g & 16;
	c.knobs.stop_forgets = g & 32;
	c.knobs.busy_ns = (g >> 6) * 100u;
	c.knobs.ats_timeout_ns = fuzz_u8(in) * 64u;
	r->bus = (struct lzm_bus){r, fuzz_mem_read, fuzz_mem_write, fuzz_irq, fuzz_now, atc_inv};
	r->iommu = lzm_riscv_create(&c, &r->bus);
	FUZZ_CHECK(r->iommu, "a configuration in range is refused");
}

/* ---- operations ---- */

/* Mostly inside memory, aligned like the things that stand there. */
static uint64_t some_pa(struct rig *r)
{
	uint8_t how = fuzz_u8(&r->in);

	if (how < 0x80)
		return (uint64_t)(how & 63) << 12;
	if (how < 0xc0)
		return fuzz_bits(&r->in, 3) % MEMORY;
	if (how < 0xe0)
		return MEMORY - 64 + (how & 63);
	return fuzz_bits(&r->in, 8);
}

static uint64_t some_value(struct rig *r)
{
	uint8_t how = fuzz_u8(&r->in);

	switch (how >> 5) {
	case 0:
		return how;
	case 1:
		return UINT64_MAX;
	case 2: /* a base, a directory's pointer or an entry's */
		return some_pa(r) >> 2 | (how & 31);
	case 3:
		return fuzz_bits(&r->in, 2);
	case 4:
		return fuzz_bits(&r->in, 4);
	case 5:
		return UINT64_C(1) << (how & 31) << (how & 32);
	default:
		return fuzz_bits(&r->in, 8);
	}
}

static void run_steps(struct rig *r)
{
	for (unsigned n = 0;; n++) {
		FUZZ_CHECK(n <= STEPS_MAX, "the IOMMU is never idle");
		r->m.accesses = 0;
		if (!lzm_riscv_step(r->iommu))
			break;
	}
	FUZZ_CHECK(lzm_riscv_wake(r->iommu) > r->m.now, "idle, and due at %llu",
		   (unsigned long long)r->m.now);
	for (unsigned i = 0; i < N_EPS; i++) {
		for (unsigned n = 0; r->ep[i] && lzm_ep_step(r->ep[i]); n++)
			FUZZ_CHECK(n <= STEPS_MAX, "endpoint %u is never idle", i);
		FUZZ_CHECK(!r->ep[i] || lzm_ep_wake(r->ep[i]) > r->m.now, "endpoint %u", i);
	}
}

/* To where somebody has something to do, or a bit on. What is asleep for ever has
 * nothing to do later either. */
static void pass_time(struct rig *r, uint8_t how)
{
	uint64_t own = lzm_riscv_wake(r->iommu), t = own;

	for (unsigned i = 0; i < N_EPS; i++)
		if (r->ep[i] && lzm_ep_wake(r->ep[i]) < t)
			t = lzm_ep_wake(r->ep[i]);
	if (how & 1 && t != LZM_NEVER && t > r->m.now)
		r->m.now = t;
	else
		r->m.now += UINT64_C(1) << (how >> 1 & 31);
	r->m.accesses = 0;
	if (lzm_riscv_step(r->iommu))
		FUZZ_CHECK(own <= r->m.now, "work at %llu, due at %llu",
			   (unsigned long long)r->m.now, (unsigned long long)own);
}

static void mmio(struct rig *r, uint8_t how)
{
	static const uint16_t known[] = {
		0x00, 0x08,  0x10,  0x14,  0x18,  0x1c,	 0x20,	0x24,  0x28,  0x2c,  0x30,
		0x34, 0x38,  0x3c,  0x40,  0x44,  0x48,	 0x4c,	0x50,  0x54,  0x58,  0x60,
		0x68, 0x258, 0x260, 0x2f8, 0x300, 0x304, 0x308, 0x30c, 0x3f0, 0x3f8, 0x3fc,
	};
	uint32_t off = known[fuzz_u8(&r->in) % (sizeof(known) / sizeof(known[0]))];
	unsigned size = how & 16 ? 8 : 4;

	if (how & 0x40)
		off = (uint32_t)fuzz_bits(&r->in, 2) & 0xfff;
	off &= ~(size - 1);
	if (how & 8)
		(void)lzm_riscv_read(r->iommu, off, size);
	else
		lzm_riscv_write(r->iommu, off, size, some_value(r));
}

static void store(struct rig *r, uint64_t pa, uint64_t v)
{
	if (fuzz_inside(pa, 8))
		memcpy(r->m.bytes + pa, &v, 8);
}

/* Everything off, then queues at pages, the directory, everything on: from here a
 * program gets deep. */
static void bring_up(struct rig *r, uint8_t how)
{
	const struct {
		uint32_t off;
		unsigned size;
		uint64_t value;
	} w[] = {
		{0x10, 8, 0},
		{0x48, 4, 0},
		{0x4c, 4, 0},
		{0x50, 4, 0},
		{0, 0, 0},
		{0x08, 4, how & 4 ? 0 : 2},
		{0x18, 8, 2u << 10 | 3},
		{0x28, 8, 3u << 10 | (how >> 4 & 7)},
		{0x38, 8, 4u << 10 | 2},
		{0x24, 4, 0},
		{0x48, 4, 3},
		{0x4c, 4, 3},
		{0x50, 4, 3},
		{0x2f8, 8, 0x3210},
		{0x300, 8, 0x5000},
		{0x310, 8, how & 8 ? 0x5008 : UINT64_C(0x900000000)},
		{0x10, 8, 1u << 10 | (2 + (how & 3) % 3)},
	};

	r->tail = 0;
	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++) {
		if (w[i].size) {
			lzm_riscv_write(r->iommu, w[i].off, w[i].size, w[i].value);
			continue;
		}
		run_steps(r);
		r->m.now += 4096;
		run_steps(r);
	}
	r->m.now += 4096;
	run_steps(r);
}

/* A context as a sound driver might have written it, somewhat changed, at the head of
 * the directory whatever its levels. */
static void context(struct rig *r, uint8_t how)
{
	static const uint64_t mode[] = {8, 9, 10, 8};
	uint64_t did = how & 3, dc = 0x1000 + did * 32, root = 0x8000, m = mode[how >> 2 & 3];
	bool pid = how & 16, stage2 = how & 32;

	store(r, dc + 8, stage2 ? m << 60 | 0xc : 0);
	store(r, dc + 16, did << 12);
	store(r, dc + 24, pid ? (1 + did % 3) << 60 | 7 : m << 60 | 8);
	store(r, dc, 3 | (pid ? 0x220 : 0) | (how & 64 ? 4 : 0));
	store(r, 0x7000, 1 | did << 12);
	store(r, 0x7008, m << 60 | 8);
	for (unsigned l = 0; l < 4; l++) { /* first stage; the second one is the identity */
		store(r, root + 0x1000 * l, (root + 0x1000 * (l + 1)) >> 2 | (l < 3 ? 1 : 0xdf));
		store(r, 0xc000 + 8 * l, (uint64_t)l << 28 | 0xdf);
	}
	if (how & 0x80) {
		store(r, dc + 8 * (fuzz_u8(&r->in) & 3), some_value(r));
		store(r, root + 8 * (uint64_t)fuzz_bits(&r->in, 2) % 0x5000, some_value(r));
	}
}

static void command(struct rig *r, uint8_t how)
{
	static const uint16_t op[] = {0x002, 0x001, 0x081, 0x003, 0x083, 0x004, 0x084, 0x802,
				      0x402, 0x002, 0x004, 0x004, 0x401, 0x481, 0x005, 0x000};
	uint64_t d0 = op[how & 15], d1 = 0, slot = 0x2000 + (r->tail & 15) * 16;

	if (how & 0x80) {
		d0 |= some_value(r) & ~UINT64_C(0x3ff);
		d1 = some_value(r);
	} else if ((d0 & 0x7f) == 4) {
		d0 |= (uint64_t)(how >> 4 & 3) << 40;
		d1 = how & 64 ? UINT64_C(0x7ffffffffffff800) : 0x1000;
	} else if (d0 == 0x083) {
		d0 |= UINT64_C(1) << 33 | (uint64_t)(how >> 4 & 3) << 40;
	}
	store(r, slot, d0);
	store(r, slot + 8, d1);
	r->tail = (r->tail + 1) & 15;
	lzm_riscv_write(r->iommu, 0x24, 4, r->tail);
}

static void translate(struct rig *r, uint8_t how)
{
	uint32_t did = how & 3, pid = how & 8 ? fuzz_u8(&r->in) : 0;
	uint64_t iova = how & 4 ? some_value(r) : 0, pa;
	enum lzm_access access = how & 0x80 ? LZM_WRITE : LZM_READ;
	struct lzm_translation t;
	bool a, b;
	int resp;

	switch (how >> 4 & 7) {
	case 0:
		(void)lzm_riscv_untranslated(r->iommu, did, how & 8, pid, iova, access, &pa);
		break;
	case 1:
		(void)lzm_riscv_translate(r->iommu, did, how & 8, pid, iova, &t);
		break;
	case 2:
		(void)lzm_riscv_translated(r->iommu, did, iova, access, &pa);
		break;
	case 3:
		(void)lzm_riscv_page_request(r->iommu, did, how & 8, pid, iova, pid, how & 1,
					     &resp);
		break;
	case 4:
		lzm_riscv_ats_effective(r->iommu, did, &a, &b);
		break;
	case 5: /* device and process ids have 24 and 20 bits */
		did = (uint32_t)some_value(r) & 0xffffff;
		pid = (uint32_t)some_value(r) & 0xfffff;
		(void)lzm_riscv_untranslated(r->iommu, did, how & 8, pid, iova, access, &pa);
		break;
	default:
		if (did < N_EPS && r->ep[did] && how & 8)
			(void)lzm_ep_dma_cached(r->ep[did], access);
		else if (did < N_EPS && r->ep[did])
			(void)lzm_ep_dma(r->ep[did], iova, access);
		break;
	}
}

static void fault(struct rig *r, uint8_t how)
{
	struct lzm_ep *ep = r->ep[(how & 3) % N_EPS];

	switch (how >> 2 & 7) {
	case 0:
		lzm_riscv_inject_cmdq_stall(r->iommu, r->m.now + some_value(r) % 100000);
		break;
	case 1:
		lzm_riscv_inject_cmdq_fault(r->iommu);
		break;
	case 2:
		lzm_riscv_inject_ddt_fault(r->iommu, how & 3);
		break;
	case 3:
		lzm_riscv_device_reset(r->iommu, how & 3);
		break;
	case 4:
		lzm_riscv_atc_answer(r->iommu, how & 0x40 ? some_value(r) : r->tag,
				     how & 0x80 ? LZM_ATC_UR : LZM_ATC_DONE);
		break;
	case 5:
		if (how & 0x80)
			lzm_riscv_reset(r->iommu);
		break;
	case 6:
		if (ep)
			lzm_ep_bus_reset(ep);
		break;
	default:
		if (ep)
			lzm_ep_fault(ep, (enum lzm_ep_fault)(fuzz_u8(&r->in) % 19), how >> 6,
				     some_value(r) % 100000);
		break;
	}
}

static void one(struct rig *r)
{
	uint8_t op = fuzz_u8(&r->in), how = fuzz_u8(&r->in);

	r->m.accesses = 0;
	switch (op % 9) {
	case 0:
		mmio(r, how);
		break;
	case 1: {
		uint64_t pa = some_pa(r) & ~UINT64_C(7);

		for (unsigned n = how & 7;; n--, pa += 8) {
			store(r, pa, some_value(r));
			if (!n)
				break;
		}
		break;
	}
	case 2:
		bring_up(r, how);
		break;
	case 3:
		context(r, how);
		break;
	case 4:
	case 5:
		command(r, how);
		break;
	case 6:
		translate(r, how);
		break;
	case 7:
		fault(r, how);
		break;
	default:
		pass_time(r, how);
		break;
	}
	if (op < 0xc0)
		run_steps(r);
	else
		(void)lzm_riscv_step(r->iommu);
}

/* One allocation each, so that AddressSanitizer sees both of its ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig *r = calloc(1, sizeof(*r));

	if (!r)
		return 0;
	r->in = (struct fuzz_input){data, 0, size};
	r->m.bytes = calloc(1, MEMORY);
	FUZZ_CHECK(r->m.bytes, "out of memory");
	r->m.most = ACCESSES_MAX;
	make_iommu(r);
	for (unsigned i = 0; i < N_EPS; i++)
		r->ep[i] = make_ep(r, i);
	for (unsigned n = 0; fuzz_more(&r->in) && n < OPS_MAX; n++)
		one(r);
	r->m.accesses = 0;
	run_steps(r);
	for (unsigned i = N_EPS; i--;)
		lzm_ep_destroy(r->ep[i]);
	lzm_riscv_destroy(r->iommu);
	free(r->m.bytes);
	free(r);
	return 0;
}
