/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is counted by callgrind: each call of count_begin..count_end repeats one
 * operation. tools/count runs this with one dump per call of count_rounds() and
 * divides. Prints the names in order.
 */
#include "figures/flat.h"

#include <stdio.h>

#define ROUNDS 2000u

typedef void (*operation)(struct flat *f, struct flat_peer *p, unsigned arg);

/* One dump per call. */
__attribute__((noinline)) static void count_rounds(operation op, struct flat *f,
						   struct flat_peer *p, unsigned arg)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		op(f, p, arg);
}

static struct smmu_cmd commands[64];

static void nothing(struct flat *f, struct flat_peer *p, unsigned arg)
{
	(void)f;
	(void)p;
	(void)arg;
}

static void queue_ours(struct flat *f, struct flat_peer *p, unsigned n)
{
	lz_ns deadline = 0;

	(void)p;
	(void)smmu_queue_run(flat_smmu(f), commands, n, &deadline);
}

static void queue_ticket(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)f;
	flat_ticket(p, commands, n);
}

static void queue_bare(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)f;
	flat_bare(p, commands, n);
}

static void inval_ours(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)p;
	(void)n;
	(void)smmu_ops.invalidate(f->dom, FLAT_IOVA, FLAT_IOVA + LZ_PAGE, LZ_PAGE);
}

/* The same commands: one TLBI and its sync, n ATC_INVs and theirs. */
static void inval_bare(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)f;
	flat_bare(p, commands, 1);
	if (n)
		flat_bare(p, commands, n);
}

static void map_unmap(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)p;
	(void)n;
	if (lz_map(f->dom, FLAT_IOVA, 0x80000000u, LZ_PAGE, LZ_READ | LZ_WRITE) != LZ_OK ||
	    lz_unmap(f->dom, FLAT_IOVA, LZ_PAGE) != LZ_OK)
		lz_port_panic("map or unmap failed", __FILE__, __LINE__);
}

static void count(const char *name, operation op, unsigned devices, enum lz_contain contain,
		  unsigned arg)
{
	struct flat *f = flat_make(devices, contain, 8);
	struct flat_peer p;

	flat_peer_init(&p, f);
	printf("%s %u %u\n", name, arg, ROUNDS);
	count_rounds(op, f, &p, arg);
	flat_free(f);
}

int main(void)
{
	static const unsigned batch[] = {1, 16, 62}, entries[] = {0, 1, 4, 16};

	for (unsigned i = 0; i < 64; i++)
		commands[i] = smmu_cmd_tlbi_va(1, FLAT_IOVA + i * LZ_PAGE);
	count("nothing", nothing, 0, LZ_CONTAIN_ON, 0);
	for (unsigned i = 0; i < 3; i++) {
		count("queue.ours", queue_ours, 0, LZ_CONTAIN_ON, batch[i]);
		count("queue.ticket", queue_ticket, 0, LZ_CONTAIN_ON, batch[i]);
		count("queue.bare", queue_bare, 0, LZ_CONTAIN_ON, batch[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		count("inval.ours", inval_ours, entries[i], LZ_CONTAIN_ON, entries[i]);
		count("inval.off", inval_ours, entries[i], LZ_CONTAIN_OFF, entries[i]);
		count("inval.bare", inval_bare, entries[i], LZ_CONTAIN_ON, entries[i]);
		count("map+unmap", map_unmap, entries[i], LZ_CONTAIN_ON, entries[i]);
	}
	return 0;
}
