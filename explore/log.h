/* SPDX-License-Identifier: BSD-2-Clause */
/* The choices of a run, run-length coded, and their form as a token. */
#ifndef LZ_EXPLORE_LOG_H
#define LZ_EXPLORE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Agents have smaller numbers; a value v is logged as EX_VALUE + v. */
#define EX_VALUE 64u
/* A thing that may go wrong, and did: EX_MAYBE + 2 * enum ex_maybe + 1; where the
 * occasion is not tied to a step also that it did not: without the 1. */
#define EX_MAYBE 128u
#define EX_MARK	 64u /* steps from one mark to the next */

struct ex_segment {
	uint16_t id;
	uint32_t count;
};

struct ex_log {
	struct ex_segment *seg;
	size_t n, cap;
	uint16_t *mark; /* low bits of the rolling hash, every EX_MARK << mark_shift steps */
	size_t n_marks, cap_marks;
	unsigned mark_shift; /* not 0 in a long token only */
};

void ex_log_add(struct ex_log *l, uint16_t id);
void ex_log_mark(struct ex_log *l, uint64_t hash);
void ex_log_copy(struct ex_log *to, const struct ex_log *from);
void ex_log_clear(struct ex_log *l); /* keeps the memory */
void ex_log_free(struct ex_log *l);

struct ex_token {
	uint32_t build;	  /* of the program */
	uint32_t subject; /* what was explored */
	uint64_t seed;
	struct ex_log log;
	uint64_t steps;
	uint32_t hash; /* at the end */
};

/* A string of letters, digits, - and _; the caller frees it. */
char *ex_token_write(const struct ex_token *t);
/* NULL, or what is wrong with it. ex_log_free(&t->log) afterwards. */
const char *ex_token_read(const char *text, struct ex_token *t);
/* Of the running program. */
uint32_t ex_build_id(void);
uint32_t ex_hash32(const void *p, size_t len, uint32_t seed);
/* realloc() that ends the program when there is no memory. */
void *ex_grow(void *p, size_t bytes);

#endif
