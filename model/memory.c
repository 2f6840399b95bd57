/* SPDX-License-Identifier: BSD-2-Clause */
/* The models' own memory: libc's, or what the bench brought. */
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lazaret-model/bus.h"

static const struct lzm_memory *memory;

void lzm_set_memory(const struct lzm_memory *m)
{
	memory = m;
}

void *lzm_alloc(size_t n, size_t size)
{
	if (!memory)
		return calloc(n, size);
	return size && n > SIZE_MAX / size ? NULL : memory->alloc(memory->ctx, n * size);
}

void lzm_free(void *p)
{
	if (!memory)
		free(p);
	else if (p)
		memory->free(memory->ctx, p);
}

void *lzm_longer(void *p, size_t old, size_t bytes)
{
	void *more = lzm_alloc(1, bytes);

	if (!more)
		abort();
	if (old)
		memcpy(more, p, old);
	lzm_free(p);
	return more;
}
