/* SPDX-License-Identifier: BSD-2-Clause */
#include "shim.h"

#include "sys.h"

/* Registers and commands as the image knows them (Arm IHI 0070, 6.3 and 4). */
#define IDR0	       0x00u
#define IDR0_ATS       (1u << 10)
#define CR0	       0x20u
#define CR0ACK	       0x24u
#define CR0_CMDQEN     (1u << 3)
#define CR0_ATSCHK     (1u << 4)
#define GERROR	       0x60u
#define GERRORN	       0x64u
#define GERROR_CMDQ    1u
#define CMDQ_BASE      0x90u
#define CMDQ_BASE_ADDR 0x00ffffffffffffe0ull
#define CMDQ_PROD      0x98u
#define CMDQ_CONS      0x9cu
#define CONS_RD	       0xfffffu
#define CONS_ERR_SHIFT 24
#define CONS_ERR       (0x7fu << CONS_ERR_SHIFT)
#define ERR_ATC	       3u
#define OP_CFGI_FIRST  0x03u
#define OP_CFGI_LAST   0x06u
#define OP_TLBI_FIRST  0x10u
#define OP_TLBI_LAST   0x30u
#define OP_ATC_INV     0x40u
#define OP_SYNC	       0x46u
#define OP_ILLEGAL     0xffu

#define MAX_LOG2  8u
#define MAX_QUIET 4u

static struct bm_lock lock;

static struct {
	uintptr_t base;
	unsigned irq;
	unsigned spoil, spoil_most, submissions, leave_out;
	struct shim_counts counts;
	/* the driver's queue as it thinks it is */
	uint64_t *ring;
	unsigned log2;
	uint32_t wanted; /* PROD as the driver wrote it */
	/* ATS */
	bool ats;
	uint32_t atschk;    /* CR0.ATSCHK */
	bool enabled;	    /* CR0.CMDQEN */
	uint32_t forwarded; /* PROD as QEMU knows it */
	bool held;	    /* a sync waits for a device */
	lz_ns until;
	uint32_t error, acked; /* GERROR and GERRORN bit 0, as far as they are the shim's */
} s;

static struct {
	bool quiet, waited_for;
	uint32_t sid;
} streams[MAX_QUIET];

static uint64_t shadow[2u << MAX_LOG2] __attribute__((aligned(4096)));

/* ---- plain access ---- */

static uint32_t get(uint32_t off)
{
	return bm_get32(s.base + off);
}

static void put(uint32_t off, uint32_t v)
{
	bm_put32(s.base + off, v);
}

static uint32_t next(uint32_t pos)
{
	return (pos + 1) & ((2u << s.log2) - 1);
}

static uint64_t *slot(uint64_t *ring, uint32_t pos)
{
	return &ring[2 * (pos & ((1u << s.log2) - 1))];
}

static unsigned op(const uint64_t *cmd)
{
	return cmd[0] & 0xff;
}

/* ---- spoiling ---- */

/* A CMD_SYNC that signals nothing stands for "nothing". */
static void leave_out(uint64_t *cmd)
{
	bool tlbi = op(cmd) >= OP_TLBI_FIRST && op(cmd) <= OP_TLBI_LAST;
	bool cfgi = op(cmd) >= OP_CFGI_FIRST && op(cmd) <= OP_CFGI_LAST;

	if (!(tlbi && s.leave_out & SHIM_TLBI) && !(cfgi && s.leave_out & SHIM_CFGI))
		return;
	cmd[0] = OP_SYNC;
	cmd[1] = 0;
	s.counts.left_out++;
}

static void spoil(uint32_t from, uint32_t to)
{
	if (s.ring && s.spoil && s.spoil_most && from != to && ++s.submissions % s.spoil == 0) {
		uint64_t *cmd = slot(s.ring, from);

		cmd[0] = (cmd[0] & ~0xffull) | OP_ILLEGAL;
		s.spoil_most--;
		s.counts.spoiled++;
	}
	for (uint32_t pos = from; s.ring && s.leave_out && pos != to; pos = next(pos))
		leave_out(slot(s.ring, pos));
}

/* ---- ATS ---- */

static bool unanswered(void)
{
	for (unsigned i = 0; i < MAX_QUIET; i++)
		if (streams[i].waited_for)
			return true;
	return false;
}

static void forget_unanswered(void)
{
	for (unsigned i = 0; i < MAX_QUIET; i++)
		streams[i].waited_for = false;
}

static void send_atc(uint32_t sid)
{
	s.counts.atc++;
	for (unsigned i = 0; i < MAX_QUIET; i++)
		if (streams[i].quiet && streams[i].sid == sid) {
			streams[i].waited_for = true;
			s.counts.unanswered++;
		}
}

/* What QEMU reads in this slot. */
static void copy(uint32_t pos, bool first)
{
	const uint64_t *cmd = slot(s.ring, pos);
	uint64_t *to = slot(shadow, pos);

	to[0] = cmd[0];
	to[1] = cmd[1];
	if (op(cmd) != OP_ATC_INV)
		return;
	to[0] = OP_SYNC;
	to[1] = 0;
	if (first)
		send_atc((uint32_t)(cmd[0] >> 32));
}

/* Hands commands on, up to a CMD_SYNC that has to wait. QEMU carries them out
 * while PROD is written. [lock] */
static void advance(void)
{
	uint32_t pos = s.forwarded;

	if (!s.enabled || s.error != s.acked || s.held || (get(CMDQ_CONS) & CONS_RD) != pos)
		return;
	while (pos != s.wanted && !s.held) {
		if (op(slot(s.ring, pos)) == OP_SYNC && unanswered()) {
			s.held = true;
			s.until = bm_now() + SHIM_TIMEOUT;
			break;
		}
		copy(pos, true);
		pos = next(pos);
	}
	s.forwarded = pos;
	lz_dma_wmb();
	put(CMDQ_PROD, pos);
}

static void expire(void)
{
	if (!s.held || bm_now() < s.until)
		return;
	s.held = false;
	s.error ^= GERROR_CMDQ;
	s.counts.errors++;
	bm_irq_raise(s.irq);
}

/* The error that is acknowledged may be QEMU's or the shim's. The requests that
 * the shim reported are forgotten: the sync passes when it is repeated. */
static void acknowledge(uint32_t v)
{
	if (s.error != s.acked && (v ^ get(GERRORN) ^ s.acked) & GERROR_CMDQ) {
		s.acked ^= GERROR_CMDQ;
		forget_unanswered();
	}
	/* What stands behind QEMU's error may have been written again. */
	for (uint32_t pos = get(CMDQ_CONS) & CONS_RD; pos != s.forwarded; pos = next(pos))
		copy(pos, false);
	lz_dma_wmb();
	put(GERRORN, v ^ s.acked);
	advance();
}

static void enable(uint32_t v)
{
	s.atschk = v & CR0_ATSCHK;
	s.enabled = v & CR0_CMDQEN;
	if (!s.enabled)
		s.held = false;
	put(CR0, v & ~CR0_ATSCHK);
	advance();
}

static bool ats_read(uint32_t off, uint64_t *v)
{
	expire();
	switch (off) {
	case IDR0:
		*v = get(IDR0) | IDR0_ATS;
		return true;
	case CR0:
	case CR0ACK:
		*v = get(off) | s.atschk;
		return true;
	case GERROR:
		*v = get(GERROR) ^ s.error;
		return true;
	case GERRORN:
		*v = get(GERRORN) ^ s.acked;
		return true;
	case CMDQ_PROD:
		*v = s.wanted;
		return true;
	case CMDQ_CONS:
		*v = get(CMDQ_CONS);
		if (s.error != s.acked)
			*v = (*v & ~(uint64_t)CONS_ERR) | ERR_ATC << CONS_ERR_SHIFT;
		return true;
	default:
		return false;
	}
}

static bool ats_write(uint32_t off, uint64_t v)
{
	switch (off) {
	case CR0:
		enable((uint32_t)v);
		return true;
	case GERRORN:
		acknowledge((uint32_t)v);
		return true;
	case CMDQ_BASE:
		bm_put64(s.base + CMDQ_BASE, (v & ~CMDQ_BASE_ADDR) | (uintptr_t)shadow);
		return true;
	case CMDQ_CONS:
		s.forwarded = (uint32_t)v & CONS_RD;
		put(CMDQ_CONS, (uint32_t)v);
		put(CMDQ_PROD, s.forwarded);
		return true;
	case CMDQ_PROD:
		advance();
		return true;
	default:
		return false;
	}
}

/* ---- the library's accesses ---- */

static uint64_t plain_read(uintptr_t at, unsigned width)
{
	return width == 8 ? bm_get64(at) : bm_get32(at);
}

static void plain_write(uintptr_t at, unsigned width, uint64_t v)
{
	if (width == 8)
		bm_put64(at, v);
	else
		bm_put32(at, (uint32_t)v);
}

uint64_t bm_mmio_read(uintptr_t base, uint32_t off, unsigned width)
{
	unsigned long flags;
	uint64_t v;

	if (base != s.base || !s.ats)
		return plain_read(base + off, width);
	flags = bm_lock(&lock);
	if (!ats_read(off, &v))
		v = plain_read(base + off, width);
	bm_unlock(&lock, flags);
	return v;
}

static void note(uint32_t off, uint64_t v)
{
	if (off == CMDQ_BASE) {
		s.ring = (uint64_t *)(uintptr_t)(v & CMDQ_BASE_ADDR);
		s.log2 = v & 31;
		s.wanted = 0;
		lz_assert(s.log2 <= MAX_LOG2);
	} else if (off == CMDQ_PROD) {
		spoil(s.wanted, (uint32_t)v);
		s.wanted = (uint32_t)v;
	}
}

void bm_mmio_write(uintptr_t base, uint32_t off, unsigned width, uint64_t v)
{
	unsigned long flags;

	if (base != s.base || !(s.ats || off == CMDQ_BASE || off == CMDQ_PROD)) {
		plain_write(base + off, width, v);
		return;
	}
	flags = bm_lock(&lock);
	note(off, v);
	if (!s.ats || !ats_write(off, v))
		plain_write(base + off, width, v);
	bm_unlock(&lock, flags);
}

/* ---- the checks' ---- */

void shim_init(uintptr_t base, unsigned gerror_irq)
{
	s.base = base;
	s.irq = gerror_irq;
}

void shim_ats(bool on)
{
	s.ats = on;
	s.ring = NULL;
	s.error = s.acked = 0;
	s.held = s.enabled = false;
}

void shim_spoil(unsigned nth, unsigned most)
{
	unsigned long flags = bm_lock(&lock);

	s.spoil = nth;
	s.spoil_most = most;
	s.submissions = 0;
	bm_unlock(&lock, flags);
}

void shim_leave_out(unsigned which)
{
	unsigned long flags = bm_lock(&lock);

	s.leave_out = which;
	bm_unlock(&lock, flags);
}

void shim_silence(uint32_t sid)
{
	unsigned long flags = bm_lock(&lock);
	unsigned i = 0;

	while (streams[i].quiet)
		lz_assert(++i < MAX_QUIET);
	streams[i].quiet = true;
	streams[i].sid = sid;
	bm_unlock(&lock, flags);
}

void shim_device_reset(uint32_t sid)
{
	unsigned long flags = bm_lock(&lock);

	for (unsigned i = 0; i < MAX_QUIET; i++)
		if (streams[i].sid == sid)
			streams[i].quiet = streams[i].waited_for = false;
	if (s.held && !unanswered()) {
		s.held = false;
		advance();
	}
	bm_unlock(&lock, flags);
}

void shim_tick(void *arg)
{
	unsigned long flags = bm_lock(&lock);

	(void)arg;
	expire();
	bm_unlock(&lock, flags);
}

struct shim_counts shim_counts(void)
{
	unsigned long flags = bm_lock(&lock);
	struct shim_counts c = s.counts;

	bm_unlock(&lock, flags);
	return c;
}

void shim_forget_counts(void)
{
	s.counts = (struct shim_counts){0};
}
