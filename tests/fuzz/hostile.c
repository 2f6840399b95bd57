/* SPDX-License-Identifier: BSD-2-Clause */
/* The SMMU of hostile.h. Register numbers are the architecture's (IHI 0070, 6.3). */
#include "hostile.h"

#include <string.h>

#include "fuzz_meter.h"
#include "guarded.h"

#define IDR0	     0x00u
#define IDR5	     0x14u
#define AIDR	     0x1cu
#define CR0	     0x20u
#define CR0ACK	     0x24u
#define GBPA	     0x44u
#define IRQ_CTRL     0x50u
#define IRQ_CTRLACK  0x54u
#define GERROR	     0x60u
#define GERRORN	     0x64u
#define STRTAB_BASE  0x80u
#define STRTAB_CFG   0x88u
#define CMDQ_BASE    0x90u
#define CMDQ_PROD    0x98u
#define CMDQ_CONS    0x9cu
#define EVTQ_BASE    0xa0u
#define EVTQ_PROD    0x100a8u
#define EVTQ_CONS    0x100acu
#define EVTQ_PROD_W0 0xa8u
#define EVTQ_CONS_W0 0xacu
#define GBPA_UPDATE  0x80000000u
#define CR0_EVENTQEN 4u
#define GERROR_SFM   0x100u
#define ADDR	     0x00ffffffffffffc0ull
#define QUEUE_ADDR   0x00ffffffffffffe0ull

#define REG(off) h->reg[(off) / 4]

static uint64_t reg64(const struct hostile *h, uint32_t off)
{
	return h->reg[off / 4] | (uint64_t)h->reg[off / 4 + 1] << 32;
}

void hostile_init(struct hostile *h, uint8_t flavour)
{
	/* S1P, AArch64, ATS, ASID16, terminate; two levels unless linear. */
	h->idr[0] = 0x05001000u | 2u | 2u << 2 | 1u << 4 | (flavour & 1 ? 0 : 1u << 10) |
		    (flavour & 2 ? 0 : 1u << 27);
	h->idr[1] = (flavour & 2 ? 11u : 16u) | (flavour & 4 ? 0 : 5u << 6) | 3u << 16 |
		    (flavour & 8 ? 2u : 8u) << 21;
	h->idr[3] = flavour & 16 ? 0 : 1u << 10;
	h->idr[5] = 1u << 4 | 5u;
}

/* ---- the right answers ---- */

static bool error_active(const struct hostile *h)
{
	return (h->gerror ^ REG(GERRORN)) & 1;
}

static uint32_t wrap(const struct hostile *h)
{
	return (uint32_t)((2ull << (REG(CMDQ_BASE) & 0x1f)) - 1) & 0xfffff;
}

/* An error at, or before, the last command. */
static void command_error(struct hostile *h, uint8_t how)
{
	uint32_t back = how & 0x80 ? how & 7 : 0;

	if (error_active(h))
		return;
	h->cons = (REG(CMDQ_PROD) - 1 - back) & wrap(h);
	h->err = (how & 0x10 ? how & 0x7fu : 3u) << 24;
	h->gerror ^= 1;
	h->sticky = how & 0x20 ? fuzz_back(h->in) & 31 : 0;
	h->raise(h->ctx, false, how & 0x40 ? LZ_US(how & 15) : 0);
}

static uint32_t cmdq_cons(struct hostile *h)
{
	if (error_active(h))
		return h->cons | h->err;
	if (h->sticky) {
		h->sticky--;
		h->gerror ^= 1;
	} else if (h->fails && h->cons != REG(CMDQ_PROD)) {
		h->fails--;
		command_error(h, 0);
	} else if (h->stands_still) {
		h->stands_still--;
	} else {
		h->cons = REG(CMDQ_PROD);
	}
	return h->cons | h->err;
}

static bool acknowledges(struct hostile *h)
{
	if (h->mute)
		h->mute--;
	return !h->mute;
}

static uint32_t right_answer(struct hostile *h, uint32_t off)
{
	if (off < 0x18)
		return h->idr[off / 4];
	switch (off) {
	case CR0ACK:
		return acknowledges(h) ? REG(CR0) : ~REG(CR0);
	case IRQ_CTRLACK:
		return acknowledges(h) ? REG(IRQ_CTRL) : ~REG(IRQ_CTRL);
	case GBPA:
		return REG(GBPA) & (acknowledges(h) ? ~GBPA_UPDATE : ~0u);
	case GERROR:
		return h->gerror;
	case CMDQ_CONS:
		return cmdq_cons(h);
	case EVTQ_PROD:
		return h->evtq_prod;
	case EVTQ_CONS:
		return REG(EVTQ_CONS_W0);
	default:
		return off < 0x100 ? REG(off) : 0;
	}
}

/* ---- harm ---- */

/* Anything, anywhere in the queue that the driver gave. */
static void write_event(struct hostile *h, bool count)
{
	uint64_t base = reg64(h, EVTQ_BASE) & QUEUE_ADDR;
	uint32_t log2 = REG(EVTQ_BASE) & 0x1f, slot;
	uint64_t record[4];

	if (!(REG(CR0) & CR0_EVENTQEN))
		return;
	slot = count ? h->evtq_prod : fuzz_back(h->in);
	for (unsigned i = 0; i < 4; i++)
		record[i] = fuzz_bits_back(h->in, i ? 2 : 5);
	memcpy(memory_virt(NULL, base + 32ull * (slot & ((1u << log2) - 1))), record, 32);
	if (count)
		h->evtq_prod =
			(h->evtq_prod & 1u << 31) | ((h->evtq_prod + 1) & ((2u << log2) - 1));
}

static uint32_t harm(struct hostile *h, uint32_t right, unsigned kind)
{
	uint8_t how = fuzz_back(h->in);

	switch (kind >> 2) {
	case 0:
		return how & 1 ? 0 : UINT32_MAX;
	case 1:
	case 2:
		return (uint32_t)fuzz_bits_back(h->in, 4);
	case 3:
		return right ^ 1u << (how & 31);
	case 4:
	case 5:
		command_error(h, how);
		break;
	case 6:
		h->gerror ^= 1u << (how & 15);
		break;
	case 7:
		h->raise(h->ctx, false, LZ_US(how));
		break;
	case 8:
		h->raise(h->ctx, true, LZ_US(how));
		break;
	case 9:
		write_event(h, true);
		h->raise(h->ctx, true, how & 1 ? LZ_US(how) : 0);
		break;
	case 10:
		write_event(h, false);
		break;
	case 11:
		h->evtq_prod = (uint32_t)fuzz_bits_back(h->in, 4);
		break;
	case 12:
		if (how & 1)
			h->fails = how * 64u;
		else
			h->stands_still = how * 4u;
		break;
	case 13:
		h->mute = how * 4u;
		break;
	case 14:
		h->cons = (uint32_t)fuzz_bits_back(h->in, 3);
		h->stands_still = 1;
		break;
	default:
		return right + how;
	}
	return right;
}

void hostile_behave(struct hostile *h)
{
	if (h->behaves)
		return;
	h->behaves = true;
	h->in->at = h->in->end;
	h->right = 0;
	h->sticky = 0;
	h->fails = 0;
	h->stands_still = 0;
	h->mute = 0;
	h->err = 0;
	h->gerror = REG(GERRORN);
	h->evtq_prod = REG(EVTQ_CONS_W0);
}

uint32_t hostile_other(struct hostile *h, uint32_t right)
{
	uint8_t b;

	if (h->right) {
		h->right--;
		return right;
	}
	if (!fuzz_more(h->in)) {
		hostile_behave(h);
		return right;
	}
	b = fuzz_back(h->in);
	if (b >= 0xc0)
		return harm(h, right, b & 0x3f);
	h->right = b & 0x3f;
	return right;
}

/* ---- accesses ---- */

static void seen(struct hostile *h, uint32_t off, uint32_t v)
{
	if (off == CR0ACK && !v && !REG(CR0))
		h->on = false;
	if (off == GERROR)
		h->seen_gerror = v;
	if (off == GERRORN)
		h->seen_gerrorn = v;
	h->failed |= (h->seen_gerror ^ h->seen_gerrorn) & GERROR_SFM;
}

static uint32_t read32(struct hostile *h, uint32_t off)
{
	uint32_t v = hostile_other(h, right_answer(h, off));

	seen(h, off, v);
	return v;
}

uint64_t hostile_read(void *hostile, uint32_t off, unsigned width)
{
	struct hostile *h = hostile;

	fuzz_metered(h->meter);
	if (width == 8)
		return read32(h, off) | (uint64_t)read32(h, off + 4) << 32;
	return read32(h, off);
}

static void check_range(uint64_t base, uint64_t bytes, const char *what)
{
	uint8_t *first = memory_virt(NULL, base), *last = memory_virt(NULL, base + bytes - 1);

	FUZZ_CHECK(first && last && last - first == (ptrdiff_t)(bytes - 1), "%s", what);
}

/* What it is told to use, once it is told to use it, was given to the driver. */
static void check_enable(const struct hostile *h, uint32_t cr0)
{
	uint64_t log2 = REG(STRTAB_CFG) & 0x3f, bytes = 64ull << log2;

	FUZZ_CHECK(!(cr0 & ~0x1fu), "CR0 0x%x", cr0);
	if (cr0 & 8)
		check_range(reg64(h, CMDQ_BASE) & QUEUE_ADDR, 16ull << (REG(CMDQ_BASE) & 0x1f),
			    "command queue");
	if (cr0 & CR0_EVENTQEN)
		check_range(reg64(h, EVTQ_BASE) & QUEUE_ADDR, 32ull << (REG(EVTQ_BASE) & 0x1f),
			    "event queue");
	if (!(cr0 & 1))
		return;
	if (REG(STRTAB_CFG) >> 16 & 1)
		bytes = log2 > 11 ? 8ull << (log2 - 8) : 64;
	check_range(reg64(h, STRTAB_BASE) & ADDR, bytes, "stream table");
}

/* Registers that a driver of this architecture version may write. */
static bool writable(uint32_t off)
{
	static const uint32_t ok[] = {
		CR0,	   0x28, 0x2c,	      GBPA,	  IRQ_CTRL,  GERRORN,	0x68,
		0x70,	   0x74, STRTAB_BASE, STRTAB_CFG, CMDQ_BASE, CMDQ_PROD, CMDQ_CONS,
		EVTQ_BASE, 0xb0, 0xb8,	      0xbc,	  EVTQ_PROD, EVTQ_CONS,
	};

	for (size_t i = 0; i < sizeof(ok) / sizeof(ok[0]); i++)
		if (ok[i] == off)
			return true;
	return false;
}

static void write32(struct hostile *h, uint32_t off, uint32_t v)
{
	if (off == CR0) {
		check_enable(h, v);
		h->on |= v != 0;
	}
	if (off >= 0x10000)
		off -= 0x10000;
	REG(off) = v;
	if (off == CMDQ_CONS)
		h->cons = v;
	if (off == EVTQ_PROD_W0)
		h->evtq_prod = v;
}

void hostile_write(void *hostile, uint32_t off, unsigned width, uint64_t v)
{
	struct hostile *h = hostile;

	FUZZ_CHECK(writable(off), "write of 0x%llx to 0x%x", (unsigned long long)v, off);
	FUZZ_CHECK(width == 4 || off == STRTAB_BASE || off == CMDQ_BASE || off == EVTQ_BASE ||
			   off == 0x68 || off == 0xb0,
		   "8 bytes to 0x%x", off);
	write32(h, off, (uint32_t)v);
	if (width == 8)
		write32(h, off + 4, (uint32_t)(v >> 32));
}

bool hostile_uses(const struct hostile *h, uint64_t base)
{
	return h->on && !h->failed &&
	       (base == (reg64(h, CMDQ_BASE) & QUEUE_ADDR) ||
		base == (reg64(h, EVTQ_BASE) & QUEUE_ADDR) ||
		base == (reg64(h, STRTAB_BASE) & ADDR));
}
