/* SPDX-License-Identifier: BSD-2-Clause */
/* Open addressing with linear probing, at most half full. */
#include "hash.h"

#include <stdlib.h>

static size_t mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ b * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;

	return (size_t)(x ^ x >> 32);
}

static struct hash_slot *probe(const struct hash *h, uint64_t a, uint64_t b)
{
	size_t i = mix(a, b) & (h->size - 1);

	while (h->slots[i].used && (h->slots[i].a != a || h->slots[i].b != b))
		i = (i + 1) & (h->size - 1);
	return &h->slots[i];
}

static int rehash(struct hash *h)
{
	struct hash bigger = {.size = h->size ? h->size * 2 : 64};
	size_t i;

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -1;
	for (i = 0; i < h->size; i++) {
		if (h->slots[i].used)
			*probe(&bigger, h->slots[i].a, h->slots[i].b) = h->slots[i];
	}
	bigger.n = h->n;
	free(h->slots);
	*h = bigger;
	return 0;
}

uint64_t *hash_get(struct hash *h, uint64_t a, uint64_t b)
{
	struct hash_slot *s;

	if (h->n * 2 >= h->size && rehash(h))
		return NULL;
	s = probe(h, a, b);
	if (!s->used) {
		*s = (struct hash_slot){.a = a, .b = b, .used = 1};
		h->n++;
	}
	return &s->value;
}

uint64_t *hash_find(const struct hash *h, uint64_t a, uint64_t b)
{
	struct hash_slot *s = h->size ? probe(h, a, b) : NULL;

	return s && s->used ? &s->value : NULL;
}

void hash_free(struct hash *h)
{
	free(h->slots);
	*h = (struct hash){NULL, 0, 0};
}
