/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is counted by callgrind: each call of count_rounds() repeats one
 * operation. tools/count runs this with one dump per call and divides. Prints how
 * it was compiled (--build: only that), then the names in order.
 */
#include "figures/flat.h"

#include "core/config.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS 2000u

typedef void (*operation)(struct flat *f, struct flat_peer *p, unsigned arg);

/* One dump per call. */
__attribute__((noinline)) static void count_rounds(operation op, struct flat *f,
						   struct flat_peer *p, unsigned arg)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		op(f, p, arg);
}

static struct lz_smmu_cmd commands[64];

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
	if (lz_smmu_queue_run(&flat_smmu(f)->cmdq, commands, n, &deadline) != LZ_OK)
		lz_port_panic("a batch failed", __FILE__, __LINE__);
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
	if (lz_smmu_ops.invalidate(&f->dom->first, FLAT_IOVA, FLAT_IOVA + LZ_PAGE, LZ_PAGE) !=
	    LZ_OK)
		lz_port_panic("an invalidation failed", __FILE__, __LINE__);
}

/* The same commands: one TLBI and its sync, n ATC_INVs and theirs. */
static void inval_ticket(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)f;
	flat_ticket(p, commands, 1);
	if (n)
		flat_ticket(p, commands, n);
}

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

/* One of n devices leaves their domain and comes back. */
static void attach(struct flat *f, struct flat_peer *p, unsigned n)
{
	struct lz_device *dev = f->device[n / 2].dev;

	(void)p;
	lz_detach(dev);
	if (lz_attach(dev, f->dom) != LZ_OK)
		lz_port_panic("an attach failed", __FILE__, __LINE__);
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

static void print_build(void)
{
#if defined(__clang__)
	const char *compiler = "clang";
#else
	const char *compiler = "gcc";
#endif
#if defined(__x86_64__)
	const char *machine = "x86-64";
#else
	const char *machine = "another machine";
#endif
	bool all = LZ_CONFIG_PASID && LZ_CONFIG_GATHER && LZ_CONFIG_LADDER && LZ_CONFIG_OBSERVE &&
		   LZ_CONFIG_RECORDS && LZ_CONFIG_TWO_LEVEL && LZ_CONFIG_RANGE_INV &&
		   LZ_CONFIG_EVENTS && LZ_CONFIG_STATS && LZ_CONFIG_FAST;

	printf("%s %s -O2%s\n", compiler, machine, all ? "" : ", features left out");
}

int main(int argc, char **argv)
{
	static const unsigned batch[] = {1, 16, 62}, entries[] = {0, 1, 4, 16};
	static const unsigned domain[] = {1, 16, 128};

	print_build();
	if (argc > 1)
		return strcmp(argv[1], "--build") != 0;
	for (unsigned i = 0; i < 64; i++)
		commands[i] = lz_smmu_cmd_tlbi_va(1, FLAT_IOVA + i * LZ_PAGE);
	count("nothing", nothing, 0, LZ_CONTAIN_ON, 0);
	for (unsigned i = 0; i < 3; i++) {
		count("queue.ours", queue_ours, 0, LZ_CONTAIN_ON, batch[i]);
		count("queue.ticket", queue_ticket, 0, LZ_CONTAIN_ON, batch[i]);
		count("queue.bare", queue_bare, 0, LZ_CONTAIN_ON, batch[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		count("inval.ours", inval_ours, entries[i], LZ_CONTAIN_ON, entries[i]);
		count("inval.off", inval_ours, entries[i], LZ_CONTAIN_OFF, entries[i]);
		count("inval.ticket", inval_ticket, entries[i], LZ_CONTAIN_ON, entries[i]);
		count("inval.bare", inval_bare, entries[i], LZ_CONTAIN_ON, entries[i]);
		count("map+unmap", map_unmap, entries[i], LZ_CONTAIN_ON, entries[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		count("detach+attach", attach, domain[i], LZ_CONTAIN_ON, domain[i]);
	return 0;
}
