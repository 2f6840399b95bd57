/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is counted by callgrind: each call of count_rounds() repeats one
 * operation. tools/count runs this with one dump per call and divides. Prints how
 * it was compiled (--build: only that), then the names in order.
 */
#include "figures/among.h"
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

static struct lz_command commands[64];
static struct lz_command commands_riscv[64];

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

/* ---- the same on a RISC-V IOMMU ---- */

static void queue_riscv(struct flat *f, struct flat_peer *p, unsigned n)
{
	lz_ns deadline = 0;

	(void)p;
	if (lz_rv_queue_run(flat_riscv(f), commands_riscv, n, &deadline) != LZ_OK)
		lz_port_panic("a batch failed", __FILE__, __LINE__);
}

static void queue_ticket_riscv(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)f;
	flat_ticket_riscv(p, commands_riscv, n);
}

static void queue_bare_riscv(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)f;
	flat_bare_riscv(p, commands_riscv, n);
}

static void inval_riscv(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)p;
	(void)n;
	if (lz_rv_ops.invalidate(&f->dom->first, FLAT_IOVA, FLAT_IOVA + LZ_PAGE, LZ_PAGE) != LZ_OK)
		lz_port_panic("an invalidation failed", __FILE__, __LINE__);
}

static void inval_ticket_riscv(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)f;
	flat_ticket_riscv(p, commands_riscv, 1);
	if (n)
		flat_ticket_riscv(p, commands_riscv, n);
}

static void inval_bare_riscv(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)f;
	flat_bare_riscv(p, commands_riscv, 1);
	if (n)
		flat_bare_riscv(p, commands_riscv, n);
}

/* ---- on either ---- */

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

static void count_on(bool riscv, const char *name, operation op, unsigned devices,
		     enum lz_contain contain, unsigned arg)
{
	struct flat *f =
		riscv ? flat_make_riscv(devices, contain, 8) : flat_make(devices, contain, 8);
	struct flat_peer p;

	flat_peer_init(&p, f);
	printf("%s%s %u %u\n", riscv ? "riscv." : "", name, arg, ROUNDS);
	count_rounds(op, f, &p, arg);
	flat_free(f);
}

/* With containment, as everything but *.off is counted. */
static void count(const char *name, operation op, unsigned devices, unsigned arg)
{
	count_on(false, name, op, devices, LZ_CONTAIN_ON, arg);
}

static void count_riscv(const char *name, operation op, unsigned devices, unsigned arg)
{
	count_on(true, name, op, devices, LZ_CONTAIN_ON, arg);
}

static void remove_add(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)p;
	among_remove_add(f, n);
}

static void destroy_create(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)p;
	among_destroy_create(f, n);
}

static void hold_sweep(struct flat *f, struct flat_peer *p, unsigned n)
{
	(void)p;
	(void)n;
	among_hold_sweep(f);
}

/* Of n devices or domains that the SMMU has. */
static void count_among(const char *name, operation op, unsigned n)
{
	struct flat *f = flat_make(1, LZ_CONTAIN_ON, 8);
	struct flat_peer p;

	flat_peer_init(&p, f);
	among_populate(f, n);
	printf("%s %u %u\n", name, n, ROUNDS);
	count_rounds(op, f, &p, n);
	among_depopulate(f, n);
	flat_free(f);
}

static void one_of_many(void)
{
	static const unsigned among[] = {1, 32, AMONG_MAX};

	for (unsigned i = 0; i < 3; i++) {
		count_among("remove+add", remove_add, among[i]);
		count_among("destroy+create", destroy_create, among[i]);
		count_among("hold+sweep", hold_sweep, among[i]);
	}
}

static const unsigned batch[] = {1, 16, 62}, entries[] = {0, 1, 4, 16}, domain[] = {1, 16, 128};

static void smmuv3(void)
{
	for (unsigned i = 0; i < 3; i++) {
		count("queue.ours", queue_ours, 0, batch[i]);
		count("queue.ticket", queue_ticket, 0, batch[i]);
		count("queue.bare", queue_bare, 0, batch[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		count("inval.ours", inval_ours, entries[i], entries[i]);
		count_on(false, "inval.off", inval_ours, entries[i], LZ_CONTAIN_OFF, entries[i]);
		count("inval.ticket", inval_ticket, entries[i], entries[i]);
		count("inval.bare", inval_bare, entries[i], entries[i]);
		count("map+unmap", map_unmap, entries[i], entries[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		count("detach+attach", attach, domain[i], domain[i]);
}

static void riscv(void)
{
	for (unsigned i = 0; i < 3; i++) {
		count_riscv("queue.ours", queue_riscv, 0, batch[i]);
		count_riscv("queue.ticket", queue_ticket_riscv, 0, batch[i]);
		count_riscv("queue.bare", queue_bare_riscv, 0, batch[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		count_riscv("inval.ours", inval_riscv, entries[i], entries[i]);
		count_on(true, "inval.off", inval_riscv, entries[i], LZ_CONTAIN_OFF, entries[i]);
		count_riscv("inval.ticket", inval_ticket_riscv, entries[i], entries[i]);
		count_riscv("inval.bare", inval_bare_riscv, entries[i], entries[i]);
		count_riscv("map+unmap", map_unmap, entries[i], entries[i]);
	}
	for (unsigned i = 0; i < 3; i++)
		count_riscv("detach+attach", attach, domain[i], domain[i]);
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
		   LZ_CONFIG_EVENTS && LZ_CONFIG_STATS && LZ_CONFIG_FAST && LZ_CONFIG_RISCV;

	printf("%s %s -O2%s\n", compiler, machine, all ? "" : ", features left out");
}

int main(int argc, char **argv)
{
	print_build();
	if (argc > 1)
		return strcmp(argv[1], "--build") != 0;
	for (unsigned i = 0; i < 64; i++) {
		commands[i] = lz_smmu_cmd_tlbi_va(1, FLAT_IOVA + i * LZ_PAGE);
		commands_riscv[i] = lz_rv_cmd_vma(RV_PSCID_IDENTITY, FLAT_IOVA + i * LZ_PAGE);
	}
	count("nothing", nothing, 0, 0);
	smmuv3();
	one_of_many();
	if (LZ_CONFIG_RISCV)
		riscv();
	return 0;
}
