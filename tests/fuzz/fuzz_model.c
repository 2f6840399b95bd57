/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The models against a driver that does anything: the input is its program.
 * Registers at any offset and size, tables and queues anywhere and full of
 * anything, endpoints with any config space, every fault. Checked: each call
 * returns after a bounded number of bus accesses, a model that has nothing to
 * do says so (step and wake agree), the queue runs dry in a bounded number of
 * steps, interrupts are known lines, and no access leaves the buffers.
 */
#define _GNU_SOURCE
#include "fuzz_memory.h"

#include "lazaret-model/cmdqv.h"
#include "lazaret-model/endpoint.h"

#define N_EPS	  4u
#define OPS_MAX	  4096u
#define CMDQ_LOG2 7u

/* Of one call: a walk is two times (an entry, 4 levels of stage 1, each through
 * 4 levels of stage 2), and an event. */
#define ACCESSES_MAX 96u
/* Of one call of the bench between two operations: a queue that was overrun is
 * read round twice; an entry is a fetch, a command, an answer, CONS and an
 * error's two steps. */
#define QUEUES	  42u /* one, 4 x 8 of its control pages, 8 of CMDQV, and some for timers */
#define STEPS_MAX (QUEUES * (2u << CMDQ_LOG2) * 8)

struct rig {
	struct fuzz_memory m; /* first */
	struct fuzz_input in;
	struct lzm_bus bus;
	struct lzm_smmu *smmu;
	struct lzm_cmdqv *cmdqv;  /* may be NULL */
	struct lzm_ep *ep[N_EPS]; /* a port, below it a PF with its VF; one alone */
	uint64_t tag;
	uint32_t prod;
};

/* ---- the bus ---- */

static void atc_inv(void *ctx, uint64_t tag, const struct lzm_atc_inv *inv)
{
	struct rig *r = ctx;
	struct lzm_ep *ep = r->ep[inv->sid % N_EPS];

	r->tag = tag;
	if (inv->sid & 64)
		lzm_smmu_atc_answer(r->smmu, tag, LZM_ATC_DONE);
	else if (ep)
		lzm_ep_invalidate(ep, tag, inv);
}

/* ---- what endpoints reach ---- */

static void ep_answer(void *ctx, struct lzm_ep *ep, uint64_t tag, enum lzm_atc_answer a)
{
	(void)ep;
	lzm_smmu_atc_answer(((struct rig *)ctx)->smmu, tag, a);
}

static enum lzm_result ep_translate(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				    struct lzm_translation *out)
{
	return lzm_smmu_translate(((struct rig *)ctx)->smmu, lzm_ep_sid(ep), pasid != 0, pasid,
				  iova, out);
}

static enum lzm_result ep_translated(void *ctx, struct lzm_ep *ep, uint64_t pa,
				     enum lzm_access access, uint64_t *out)
{
	return lzm_smmu_translated(((struct rig *)ctx)->smmu, lzm_ep_sid(ep), pa, access, out);
}

static enum lzm_result ep_untranslated(void *ctx, struct lzm_ep *ep, uint32_t pasid, uint64_t iova,
				       enum lzm_access access, uint64_t *pa)
{
	return lzm_smmu_untranslated(((struct rig *)ctx)->smmu, lzm_ep_sid(ep), pasid != 0, pasid,
				     iova, access, pa);
}

static void ep_reset(void *ctx, struct lzm_ep *ep)
{
	lzm_smmu_device_reset(((struct rig *)ctx)->smmu, lzm_ep_sid(ep));
}

/* ---- building ---- */

static void put(uint8_t *c, unsigned at, unsigned bytes, uint32_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		c[at + i] = (uint8_t)(v >> 8 * i);
}

/* Of a function with every capability that the model knows. */
static void make_config(uint8_t *c, bool port, bool vf)
{
	static const uint16_t ext[] = {0x0001, 0x000d, 0x000f, 0x0013, 0x0010, 0x001d, 0x001b};
	const unsigned n = sizeof(ext) / sizeof(ext[0]);

	put(c, 0, 4, vf ? UINT32_MAX : 0x10421af4);
	put(c, 4, 4, 0x00100006);
	c[0x0e] = port;
	c[0x34] = 0x40;
	put(c, 0x40, 4, 0x00026010); /* PCI Express */
	put(c, 0x44, 4, 1u << 28);   /* FLR */
	put(c, 0x60, 4, 0x00030001 | 0x90u << 8);
	put(c, 0x90, 4, 0x00000011); /* MSI-X */
	for (unsigned i = 0; i < n; i++)
		put(c, 0x100 + 0x40 * i, 4,
		    ext[i] | 1u << 16 | (i + 1 < n ? 0x140 + 0x40 * i : 0u) << 20);
	put(c, 0x144, 2, 0x7f);	 /* ACS */
	put(c, 0x184, 2, 0x20);	 /* ATS */
	put(c, 0x208, 1, 0x01);	 /* VF Enable */
	put(c, 0x284, 2, 0x800); /* PASID width */
}

static struct lzm_ep *make_ep(struct rig *r, unsigned i)
{
	const struct lzm_ep_link link = {.ctx = r,
					 .now = fuzz_now,
					 .answer = ep_answer,
					 .translate = ep_translate,
					 .translated = ep_translated,
					 .untranslated = ep_untranslated,
					 .reset = ep_reset};
	uint8_t config[4096] = {0}, how = fuzz_u8(&r->in);
	struct lzm_ep_config c = {.name = "ep",
				  .config = config,
				  .config_len = how & 1 ? 4096 : 64 + 4 * fuzz_u8(&r->in),
				  .vendor = 0x144d,
				  .device = 0xa804,
				  .add_ats = how & 2,
				  .sid = i,
				  .atc_entries = (how >> 2 & 3) * 3,
				  .answer_ns = fuzz_u8(&r->in) * 16u,
				  .flr_ns = 1000,
				  .seed = i,
				  .upstream = i == 1 || i == 2 ? r->ep[0] : NULL,
				  .pf = i == 2 ? r->ep[1] : NULL};

	make_config(config, i == 0, i == 2);
	if (how & 0x80) /* a dump that is damaged, or of something else */
		for (unsigned n = fuzz_u8(&r->in); n; n--)
			config[fuzz_bits(&r->in, 2) % sizeof(config)] = fuzz_u8(&r->in);
	if (how & 0x40) { /* the last capability stands at the end of the space */
		unsigned k = (how >> 4 & 3) + (how & 1);

		put(config, 0x100 + 0x40 * k + 2, 2, 0xffc1);
		put(config, 0xffc, 4, config[0x140 + 0x40 * (k + fuzz_u8(&r->in) % 2)] | 1u << 16);
	}
	return lzm_ep_create(&c, &link);
}

static void make_smmu(struct rig *r)
{
	struct lzm_smmu_config c;
	struct fuzz_input *in = &r->in;
	uint8_t f, g;

	lzm_smmu_config_default(&c);
	f = fuzz_u8(in);
	if (lzm_smmu_regime_name(f & 15))
		(void)lzm_smmu_regime(lzm_smmu_regime_name(f & 15), &c.knobs);
	f = fuzz_u8(in);
	g = fuzz_u8(in);
	c.sid_bits = f & 1 ? 16 : fuzz_u8(in) % 33;
	c.cmdq_log2 = fuzz_u8(in) % (CMDQ_LOG2 + 1);
	c.evtq_log2 = fuzz_u8(in) % 8;
	c.priq_log2 = fuzz_u8(in) % 8;
	c.oas = fuzz_u8(in) % 6;
	c.ats = f & 2 || f & 4;
	c.pri = f & 4;
	c.msi = f & 8;
	c.range_inv = f & 16;
	c.two_level = f & 32;
	c.stage2 = f & 64;
	c.ssid_bits = f & 128 ? fuzz_u8(in) % 21 : 0;
	c.tlb_entries = 1 + (g & 15);
	c.cfg_entries = 1 + (g >> 4);
	c.knobs.cons_batch = fuzz_u8(in) % 5;
	c.knobs.prefetch = fuzz_u8(in) % 5;
	c.knobs.ats_timeout_ns = fuzz_u8(in) * 64u;
	c.knobs.ack_delay_ns = fuzz_u8(in) * 4u;
	g = fuzz_u8(in);
	c.knobs.gerrorn_activates = g & 1;
	c.knobs.oas_truncates = g & 2;
	c.knobs.mev_merges = g & 4;
	c.knobs.tolerant_ill = g & 8;
	c.ecmdq = g & 16 && c.msi;
	c.ecmdq_pages_log2 = g >> 5 & 1;
	c.ecmdq_queues_log2 = g >> 6;
	r->bus = (struct lzm_bus){r, fuzz_mem_read, fuzz_mem_write, fuzz_irq, fuzz_now, atc_inv};
	r->smmu = lzm_smmu_create(&c, &r->bus);
	FUZZ_CHECK(r->smmu, "a configuration in range is refused");
	g = fuzz_u8(in);
	if (g & 1)
		r->cmdqv = lzm_cmdqv_create(&(struct lzm_cmdqv_config){.vcmdqs_log2 = g >> 1 & 3,
								       .vintfs_log2 = g >> 3 & 1,
								       .sids_log2 = g >> 4 & 3,
								       .guest = g >> 6 & 1},
					    r->smmu);
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
	case 2:
		return some_pa(r) | (how & 31);
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
		FUZZ_CHECK(n <= STEPS_MAX, "the SMMU is never idle");
		r->m.accesses = 0;
		if (!lzm_smmu_step(r->smmu))
			break;
	}
	FUZZ_CHECK(lzm_smmu_wake(r->smmu) > r->m.now, "idle, and due at %llu",
		   (unsigned long long)r->m.now);
	for (unsigned i = 0; i < N_EPS; i++) {
		for (unsigned n = 0; r->ep[i] && lzm_ep_step(r->ep[i]); n++)
			FUZZ_CHECK(n <= STEPS_MAX, "endpoint %u is never idle", i);
		FUZZ_CHECK(!r->ep[i] || lzm_ep_wake(r->ep[i]) > r->m.now, "endpoint %u", i);
	}
}

/* To where somebody has something to do, or a bit on. */
static void pass_time(struct rig *r, uint8_t how)
{
	uint64_t t = lzm_smmu_wake(r->smmu);

	for (unsigned i = 0; i < N_EPS; i++)
		if (r->ep[i] && lzm_ep_wake(r->ep[i]) < t)
			t = lzm_ep_wake(r->ep[i]);
	if (how & 1 && t != LZM_NEVER && t > r->m.now)
		r->m.now = t;
	else
		r->m.now += UINT64_C(1) << (how >> 1 & 31);
}

static void mmio(struct rig *r, uint8_t how)
{
	static const uint16_t known[] = {
		0x00, 0x04, 0x0c, 0x14, 0x1c, 0x20, 0x24, 0x28, 0x2c, 0x44, 0x48,
		0x50, 0x54, 0x60, 0x64, 0x68, 0x70, 0x74, 0x80, 0x88, 0x90, 0x98,
		0x9c, 0xa0, 0xb0, 0xb8, 0xbc, 0xc0, 0xd0, 0xd8, 0xdc,
	};
	static const uint8_t sizes[] = {4, 8, 4, 8, 1, 2, 3, 255};
	unsigned size = how & 0x10 ? sizes[fuzz_u8(&r->in) % 8] : sizes[how >> 5 & 1];
	uint32_t off = known[fuzz_u8(&r->in) % (sizeof(known) / sizeof(known[0]))];

	if (how & 0x40)
		off = (uint32_t)fuzz_bits(&r->in, 3);
	if (how & 0x80) /* pages of its own, of queues when it has some */
		off = (off & 0xff) | (uint32_t)(fuzz_u8(&r->in) % 8) << 16;
	if ((how & 0x50) == 0x50)
		off ^= UINT32_MAX;
	if (how & 0x20 && r->cmdqv) {
		off = fuzz_u8(&r->in) % 16 << 16 | fuzz_u8(&r->in) << (how & 4) | (how & 3);
		if (how & 8)
			(void)lzm_cmdqv_read(r->cmdqv, off, size);
		else
			lzm_cmdqv_write(r->cmdqv, off, size, some_value(r));
	} else if (how & 8)
		(void)lzm_smmu_read(r->smmu, off, size);
	else
		lzm_smmu_write(r->smmu, off, size, some_value(r));
}

/* Tables and queues at pages, everything on: from here a program gets deep. */
static void bring_up(struct rig *r)
{
	static const struct {
		uint32_t off;
		unsigned size;
		uint64_t value;
	} w[] = {
		{0x20, 4, 0},	   {0x50, 4, 0},      {0x80, 8, 0x1000}, {0x88, 4, 6},
		{0x90, 8, 0x2004}, {0xa0, 8, 0x3003}, {0xc0, 8, 0x4002}, {0x68, 8, 0x5000},
		{0xb0, 8, 0x6000}, {0x98, 4, 0},      {0x9c, 4, 0},	 {0x2c, 4, 7},
		{0x50, 4, 7},	   {0x20, 4, 0x1f},
	};

	r->prod = 0;
	for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++) {
		if (i == 2) {
			run_steps(r);
			r->m.now += 4096;
			run_steps(r);
		}
		lzm_smmu_write(r->smmu, w[i].off, w[i].size, w[i].value);
	}
	r->m.now += 4096;
	run_steps(r);
}

static void store(struct rig *r, uint64_t pa, uint64_t v)
{
	if (fuzz_inside(pa, 8))
		memcpy(r->m.bytes + pa, &v, 8);
}

/* An entry that a sound driver might have written, somewhat changed. */
static void stream(struct rig *r, uint8_t how)
{
	uint64_t sid = how >> 4, ste = 0x1000 + sid * 64, cd = 0x7000 + sid * 64, root = 0x8000;

	store(r, ste, UINT64_C(1) | (5ull + (how & 2)) << 1 | cd | (how & 8 ? 4ull << 59 : 0));
	store(r, ste + 8, 1ull << 28 | (how & 8 ? 2 : 0));
	store(r, ste + 16, UINT64_C(0x0008000500000000) | 25ull << 32 | 1ull << 38);
	store(r, ste + 24, 0xc000);
	store(r, cd, UINT64_C(0x0000620580000000) | 16 | 1ull << 30 | sid << 48);
	store(r, cd + 8, root);
	for (unsigned l = 0; l < 3; l++)
		store(r, root + 0x1000 * l + 8 * (how & 4), (root + 0x1000 * (l + 1)) | 3);
	store(r, root + 0x3000 + 8 * (how & 4), 0x30000 | 0x4c3);
	if (how & 1)
		store(r, ste + 8 * (fuzz_u8(&r->in) & 7), some_value(r));
	if (how & 1)
		store(r, cd + 8 * (fuzz_u8(&r->in) & 3), some_value(r));
}

static void command(struct rig *r, uint8_t how)
{
	static const uint8_t op[] = {0x46, 0x40, 0x03, 0x04, 0x05, 0x06, 0x11, 0x12,
				     0x10, 0x13, 0x30, 0x28, 0x2a, 0x01, 0x41, 0x02};
	uint64_t d0 = op[how & 15], d1 = 0, slot = 0x2000 + (r->prod & 15) * 16;

	if (how & 0x80) {
		d0 |= some_value(r) & ~UINT64_C(0xff);
		d1 = some_value(r);
	} else {
		d0 |= (uint64_t)(how >> 4 & 3) << 32;
		d1 = d0 == 0x40 ? 52 : 0;
	}
	store(r, slot, d0);
	store(r, slot + 8, d1);
	r->prod = (r->prod + 1) & 31;
	lzm_smmu_write(r->smmu, 0x98, 4, r->prod);
}

static void translate(struct rig *r, uint8_t how)
{
	uint32_t sid = how & 3, ssid = how & 8 ? fuzz_u8(&r->in) : 0;
	uint64_t iova = how & 4 ? some_value(r) : 0, pa;
	enum lzm_access access = how & 0x80 ? LZM_WRITE : LZM_READ;
	struct lzm_translation t;
	bool a, b;
	int resp;

	switch (how >> 4 & 7) {
	case 0:
		(void)lzm_smmu_untranslated(r->smmu, sid, how & 8, ssid, iova, access, &pa);
		break;
	case 1:
		(void)lzm_smmu_translate(r->smmu, sid, how & 8, ssid, iova, &t);
		break;
	case 2:
		(void)lzm_smmu_translated(r->smmu, sid, iova, access, &pa);
		break;
	case 3:
		(void)lzm_smmu_page_request(r->smmu, sid, how & 8, ssid, iova, ssid, how & 1,
					    &resp);
		break;
	case 4:
		lzm_smmu_eats_effective(r->smmu, sid, &a, &b);
		break;
	case 5:
		(void)lzm_smmu_untranslated(r->smmu, (uint32_t)some_value(r), how & 8, ssid, iova,
					    access, &pa);
		break;
	default:
		if (r->ep[sid] && how & 8)
			(void)lzm_ep_dma_cached(r->ep[sid], access);
		else if (r->ep[sid])
			(void)lzm_ep_dma(r->ep[sid], iova, access);
		break;
	}
}

static void endpoint(struct rig *r, uint8_t how)
{
	struct lzm_ep *ep = r->ep[how & 3];
	unsigned off = how & 0x40 ? (unsigned)some_value(r) : fuzz_u8(&r->in) * 4u;
	unsigned width = how & 0x80 ? fuzz_u8(&r->in) : 1u << (how >> 4 & 3);

	if (!ep)
		return;
	if (how & 0x40 && how & 0x80)
		off = 0u - (off & 7);
	switch (how >> 2 & 3) {
	case 0:
		(void)lzm_ep_cfg_read(ep, off, width);
		(void)lzm_ep_bar_read(ep, off, width);
		break;
	case 1:
		lzm_ep_cfg_write(ep, off, width, (uint32_t)some_value(r));
		break;
	case 2:
		lzm_ep_bar_write(ep, off, width, (uint32_t)some_value(r));
		break;
	default:
		lzm_ep_cfg_write(ep, 0x48, 2, 0x8000); /* FLR */
		break;
	}
}

static void fault(struct rig *r, uint8_t how)
{
	struct lzm_ep *ep = r->ep[how & 3];
	struct lzm_atc_inv inv = {.sid = how & 3, .addr = how, .size = how & 4 ? 0 : 4096};

	switch (how >> 2 & 15) {
	case 0:
		lzm_smmu_inject_cmdq_stall(r->smmu, r->m.now + some_value(r) % 100000);
		break;
	case 1:
		lzm_smmu_inject_cmdq_abort(r->smmu);
		break;
	case 2:
		lzm_smmu_inject_msi_abort(r->smmu);
		break;
	case 3:
		lzm_smmu_inject_ste_abort(r->smmu, how & 3);
		break;
	case 4:
		lzm_smmu_device_reset(r->smmu, how & 3);
		break;
	case 5:
		lzm_smmu_atc_answer(r->smmu, how & 0x40 ? some_value(r) : r->tag,
				    how & 0x80 ? LZM_ATC_UR : LZM_ATC_DONE);
		break;
	case 6:
		if (how & 0x80)
			lzm_smmu_inject_sfm(r->smmu);
		break;
	case 7:
		if (how & 0x80)
			lzm_smmu_reset(r->smmu);
		if (how & 0x80 && r->cmdqv)
			lzm_cmdqv_reset(r->cmdqv);
		break;
	case 8:
		if (ep)
			lzm_ep_bus_reset(ep);
		break;
	case 9:
		if (ep)
			lzm_ep_contain(ep);
		break;
	case 10:
		if (ep)
			lzm_ep_hold_transactions(ep, some_value(r));
		break;
	case 11:
		if (ep)
			lzm_ep_invalidate(ep, how, &inv);
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
	switch (op % 10) {
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
		bring_up(r);
		break;
	case 3:
		stream(r, how);
		break;
	case 4:
	case 5:
		command(r, how);
		break;
	case 6:
		translate(r, how);
		break;
	case 7:
		endpoint(r, how);
		break;
	case 8:
		fault(r, how);
		break;
	default:
		pass_time(r, how);
		break;
	}
	if (op < 0xc0)
		run_steps(r);
	else
		(void)lzm_smmu_step(r->smmu);
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
	make_smmu(r);
	for (unsigned i = 0; i < N_EPS; i++)
		r->ep[i] = make_ep(r, i);
	for (unsigned n = 0; fuzz_more(&r->in) && n < OPS_MAX; n++)
		one(r);
	r->m.accesses = 0;
	run_steps(r);
	for (unsigned i = N_EPS; i--;)
		lzm_ep_destroy(r->ep[i]);
	lzm_cmdqv_destroy(r->cmdqv);
	lzm_smmu_destroy(r->smmu);
	free(r->m.bytes);
	free(r);
	return 0;
}
