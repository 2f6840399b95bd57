/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash table from pairs of numbers to a number; it grows and never forgets. */
#ifndef MACHINE_HASH_H
#define MACHINE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_slot {
	uint64_t a, b, value;
	uint64_t used;
};

struct hash {
	struct hash_slot *slots;
	size_t n, size;
};

/* The value of (a, b), new ones are 0; NULL when there is no memory. Valid until
 * the next call. */
uint64_t *hash_get(struct hash *h, uint64_t a, uint64_t b);
/* The same, but NULL when it is not there. */
uint64_t *hash_find(const struct hash *h, uint64_t a, uint64_t b);
void hash_free(struct hash *h);

#endif
