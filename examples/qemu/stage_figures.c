/* SPDX-License-Identifier: BSD-2-Clause */
/* What an embedder asks: code, memory, stack, time. */
#include "check.h"
#include "smmu.h"
#include "stages.h"

#define BASE   0x600000000ull
#define UNMAPS 4096u

/* image.ld */
extern char bm_lib_text_start[], bm_lib_text_end[], bm_lib_rodata_start[], bm_lib_rodata_end[];
extern char bm_lib_data_start[], bm_lib_data_end[], bm_lib_bss_start[], bm_lib_bss_end[];

static unsigned long span(const char *from, const char *to)
{
	return (uintptr_t)to - (uintptr_t)from;
}

struct cost {
	uint64_t ticks, cycles;
};

static bool measure(struct client *c, lz_phys pa, struct cost *map, struct cost *unmap)
{
	for (unsigned i = 0; i < UNMAPS; i++) {
		lz_iova at = BASE + i % 512 * LZ_PAGE;
		uint64_t t0 = bm_counter(), c0 = bm_cycles(), t1, c1;
		enum lz_status st = lz_map(c->dom, at, pa, LZ_PAGE, LZ_READ);

		t1 = bm_counter();
		c1 = bm_cycles();
		if (st == LZ_OK)
			st = lz_unmap(c->dom, at, LZ_PAGE);
		if (st != LZ_OK)
			return false;
		unmap->ticks += bm_counter() - t1;
		unmap->cycles += bm_cycles() - c1;
		map->ticks += t1 - t0;
		map->cycles += c1 - c0;
	}
	return true;
}

static void print_cost(const char *what, struct cost c)
{
	bm_print("  %-28s %6lu ns by CNTVCT, %6lu cycles by PMCCNTR\n", what,
		 c.ticks * 1000 / UNMAPS * 1000000 / bm_counter_hz(), c.cycles / UNMAPS);
}

static void one_thread(struct client *c, lz_phys pa)
{
	struct cost map = {0, 0}, unmap = {0, 0};
	size_t of, used;

	bm_stack_paint();
	check(measure(c, pa, &map, &unmap), "4096 maps and unmaps");
	used = bm_stack_used(0, &of);
	print_cost("lz_map, one page", map);
	print_cost("lz_unmap with its sync", unmap);
	bm_print("  stack of that CPU since its start of this: %lu of %lu bytes, the image's "
		 "frames\n"
		 "  and interrupts included\n",
		 used, of);
}

void stage_figures(void)
{
	struct pci_function *fn = pci_find(0x1234, 0x11e8, 0);
	size_t before, smmu_bytes, device_bytes;
	struct shared page;
	struct client c;

	stage("figures (of this compiler, and of QEMU: its counters follow the host's clock,\n"
	      "   its queue answers within the register write. They say nothing about silicon)");
	before = bm_used();
	if (!smmu_up())
		return;
	smmu_bytes = bm_used() - before;
	if (check(fn && client_up(&c, fn, false), "a device is attached")) {
		device_bytes = bm_used() - before - smmu_bytes;
		bm_print(
			"  library: %lu bytes of text, %lu of constants, %lu of data, %lu of bss\n",
			span(bm_lib_text_start, bm_lib_text_end),
			span(bm_lib_rodata_start, bm_lib_rodata_end),
			span(bm_lib_data_start, bm_lib_data_end),
			span(bm_lib_bss_start, bm_lib_bss_end));
		bm_print(
			"  memory: %lu bytes for the instance and its SMMU, %lu for a device with\n"
			"  domain and group, in units of 64 and 4096\n",
			smmu_bytes, device_bytes);
		if (shared_alloc(&page, LZ_PAGE, BASE)) {
			one_thread(&c, page.pa);
			shared_free(&page);
		}
		check(client_down(&c), "it is removed");
	}
	(void)smmu_down();
}
