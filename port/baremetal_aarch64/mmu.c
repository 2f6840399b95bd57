/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One set of tables for all CPUs: every address is mapped to itself, memory of
 * the device tree as normal write-back, everything else on request as device
 * memory. 4 KiB granule, 48 bits, blocks of 2 MiB.
 */
#include "sys.h"

#define PAGE	4096u
#define ENTRIES 512u
#define BLOCK	0x200000ull
#define TABLES	40u

#define PTE_VALID (1ull << 0)
#define PTE_TABLE (1ull << 1)
#define PTE_AF	  (1ull << 10)
#define PTE_INNER (3ull << 8)
#define PTE_XN	  (1ull << 54)
#if BM_EL == 2
#define PTE_BASE (PTE_VALID | PTE_AF | 1ull << 6) /* AP[1] is RES1 */
#define PTE_MEM	 (PTE_BASE | PTE_INNER)
#define PTE_DEV	 (PTE_BASE | 1ull << 2 | PTE_XN)
#else
#define PTE_BASE (PTE_VALID | PTE_AF)
#define PTE_MEM	 (PTE_BASE | PTE_INNER | PTE_XN) /* UXN */
#define PTE_DEV	 (PTE_BASE | 1ull << 2 | PTE_XN | 1ull << 53)
#endif
#define PTE_ADDR 0x0000fffffffff000ull

/* Attribute 0: normal write-back; 1: device-nGnRE. */
#define MAIR 0x04ffull

static uint64_t tables[TABLES][ENTRIES] __attribute__((aligned(4096)));
static unsigned used;
static struct bm_lock lock;

static uint64_t *next_table(uint64_t *entry)
{
	if (!(*entry & PTE_VALID)) {
		if (used == TABLES)
			return NULL;
		*entry = (uintptr_t)tables[used++] | PTE_TABLE | PTE_VALID;
	}
	return (uint64_t *)(uintptr_t)(*entry & PTE_ADDR);
}

static bool map_block(uint64_t pa, uint64_t attributes)
{
	uint64_t *l1 = next_table(&tables[0][pa >> 39 & 511]);
	uint64_t *l2 = l1 ? next_table(&l1[pa >> 30 & 511]) : NULL;

	if (!l2)
		return false;
	if (!(l2[pa >> 21 & 511] & PTE_VALID))
		l2[pa >> 21 & 511] = pa | attributes;
	return true;
}

static bool map(uint64_t pa, uint64_t size, uint64_t attributes)
{
	uint64_t end = pa + size;
	bool ok = size && end > pa && end <= 1ull << 48;

	for (pa &= ~(BLOCK - 1); ok && pa < end; pa += BLOCK)
		ok = map_block(pa, attributes);
	return ok;
}

/* What was invalid becomes valid: nothing is cached of it, so no TLBI. */
bool bm_map_device(uint64_t pa, uint64_t size)
{
	unsigned long flags = bm_lock(&lock);
	bool ok = map(pa, size, PTE_DEV);

	bm_unlock(&lock, flags);
	bm_dsb();
	bm_isb();
	return ok;
}

static void map_memory(void)
{
	uint64_t pa, size;

	for (int node = -1; (node = bm_fdt_having(node, "device_type", "memory")) >= 0;)
		for (unsigned i = 0; bm_fdt_reg(node, i, &pa, &size); i++)
			(void)map(pa, size, PTE_MEM);
}

/* The image itself at least, whatever the tree says: without it nothing runs. */
void bm_mmu_init(void)
{
	used = 1;
	map_memory();
	(void)map((uintptr_t)bm_image_start, (uintptr_t)bm_image_end - (uintptr_t)bm_image_start,
		  PTE_MEM);
	/* Written with caches off: no older line may cover what is in memory. */
	for (uintptr_t at = (uintptr_t)bm_image_start; at < (uintptr_t)bm_image_end;
	     at += bm_cache_line())
		__asm__ volatile("dc ivac, %0" ::"r"(at) : "memory");
	bm_dsb();
}

void bm_mmu_on(void)
{
	uint64_t size = bm_read("id_aa64mmfr0_el1") & 0xf;
	uint64_t tcr = 16 | 1u << 8 | 1u << 10 | 3u << 12; /* T0SZ, write-back, inner */

	if (size > 5)
		size = 5;
#if BM_EL == 2
	tcr |= size << 16 | 1ull << 23 | 1ull << 31;
#else
	tcr |= size << 32 | 1ull << 23; /* EPD1 */
#endif
	bm_write(BM_AT(mair), MAIR);
	bm_write(BM_AT(tcr), tcr);
	bm_write(BM_AT(ttbr0), (uintptr_t)tables[0]);
	bm_isb();
#if BM_EL == 2
	__asm__ volatile("tlbi alle2\n\tdsb sy\n\tisb" ::: "memory");
	bm_write(BM_AT(sctlr), 0x30c50830u | 0x1005u);
#else
	__asm__ volatile("tlbi vmalle1\n\tdsb sy\n\tisb" ::: "memory");
	bm_write(BM_AT(sctlr), 0x30d00800u | 0x1005u);
#endif
	__asm__ volatile("ic iallu\n\tdsb sy\n\tisb" ::: "memory");
}
