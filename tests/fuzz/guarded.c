/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory of guarded.h. Bus addresses only rise: one that was given back is
 * nobody's for the rest of the run. */
#include "guarded.h"

#include <string.h>

#include "lz_arch.h"

#define GUARD	   64u
#define GUARD_BYTE 0x6b
#define BLOCKS_MAX 16384u
#define FIRST	   0x40000000ull
#define BEHIND	   0x100000000ull

struct block {
	uint8_t *raw, *va;
	size_t size;
	lz_phys phys; /* rising */
};

static struct {
	struct block block[BLOCKS_MAX];
	size_t n;
	lz_phys next;
	bool fail;
	const struct hostile *watched;
} mem;

/* With AddressSanitizer whoever touches a guard is caught in the act. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)	  ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

static void close_guards(const struct block *b)
{
	ASAN_POISON_MEMORY_REGION(b->va - GUARD, GUARD);
	ASAN_POISON_MEMORY_REGION(b->va + b->size, GUARD);
}

static void check_guards(const struct block *b)
{
	ASAN_UNPOISON_MEMORY_REGION(b->va - GUARD, GUARD);
	ASAN_UNPOISON_MEMORY_REGION(b->va + b->size, GUARD);
	for (unsigned i = 1; i <= GUARD; i++) {
		FUZZ_CHECK(b->va[-(int)i] == GUARD_BYTE, "written %u before 0x%zx bytes", i,
			   b->size);
		FUZZ_CHECK(b->va[b->size + i - 1] == GUARD_BYTE, "written %u behind 0x%zx bytes",
			   i - 1, b->size);
	}
	close_guards(b);
}

void *memory_alloc(void *ctx, size_t size, size_t align, lz_phys *phys)
{
	struct block *b = &mem.block[mem.n];
	lz_phys at = (mem.next + GUARD + align - 1) & ~((lz_phys)align - 1);
	size_t front;

	(void)ctx;
	FUZZ_CHECK(size && align && !(align & (align - 1)), "%zu bytes at %zu", size, align);
	if (mem.fail || mem.n == BLOCKS_MAX || size > BEHIND || at + size > BEHIND - GUARD)
		return NULL;
	if (align < GUARD)
		align = GUARD;
	front = align;
	if (posix_memalign((void **)&b->raw, align, front + size + GUARD))
		return NULL;
	b->va = b->raw + front;
	b->size = size;
	b->phys = *phys = at;
	memset(b->va - GUARD, GUARD_BYTE, GUARD);
	memset(b->va, 0, size);
	memset(b->va + size, GUARD_BYTE, GUARD);
	close_guards(b);
	mem.next = at + size;
	mem.n++;
	return b->va;
}

/* The one that begins at or before `phys`. */
static struct block *find(lz_phys phys)
{
	size_t lo = 0, hi = mem.n;

	while (hi - lo > 1) {
		size_t mid = (lo + hi) / 2;

		if (mem.block[mid].phys <= phys)
			lo = mid;
		else
			hi = mid;
	}
	return mem.n && mem.block[lo].phys <= phys ? &mem.block[lo] : NULL;
}

void *memory_virt(void *ctx, lz_phys phys)
{
	struct block *b = find(phys);

	(void)ctx;
	FUZZ_CHECK(b && b->raw && phys - b->phys < b->size, "0x%llx is nobody's memory",
		   (unsigned long long)phys);
	return b->va + (phys - b->phys);
}

void memory_free(void *ctx, void *va, size_t size)
{
	struct block *b = mem.block;

	(void)ctx;
	FUZZ_CHECK(!lz_in_atomic(), "memory given back in atomic context");
	while (b < mem.block + mem.n && (!b->raw || b->va != va))
		b++;
	FUZZ_CHECK(b < mem.block + mem.n && b->size == size, "%zu bytes that nobody has", size);
	FUZZ_CHECK(!mem.watched || !hostile_uses(mem.watched, b->phys),
		   "0x%llx is in use by hardware", (unsigned long long)b->phys);
	check_guards(b);
	free(b->raw);
	b->raw = NULL;
}

void memory_fail(bool fail)
{
	mem.fail = fail;
}

size_t memory_live(void)
{
	size_t live = 0;

	for (size_t i = 0; i < mem.n; i++)
		if (mem.block[i].raw) {
			check_guards(&mem.block[i]);
			live++;
		}
	return live;
}

void memory_reset(void)
{
	for (size_t i = 0; i < mem.n; i++)
		free(mem.block[i].raw);
	mem.n = 0;
	mem.next = FIRST;
	mem.fail = false;
	mem.watched = NULL;
}

void memory_watch(const struct hostile *h)
{
	mem.watched = h;
}
