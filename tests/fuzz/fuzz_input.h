/* SPDX-License-Identifier: BSD-2-Clause */
/* An input as two streams of bytes that grow towards each other, and what a
 * failed check does. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The program is taken from the front; answers of hardware, where there are any,
 * from the back, so that a longer program does not change what hardware says. */
struct fuzz_input {
	const uint8_t *p;
	size_t at, end;
};

static inline bool fuzz_more(const struct fuzz_input *in)
{
	return in->at < in->end;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	return in->at < in->end ? in->p[in->at++] : 0;
}

static inline uint8_t fuzz_back(struct fuzz_input *in)
{
	return in->at < in->end ? in->p[--in->end] : 0;
}

static inline uint64_t fuzz_bits(struct fuzz_input *in, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | fuzz_u8(in);
	return v;
}

static inline uint64_t fuzz_bits_back(struct fuzz_input *in, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | fuzz_back(in);
	return v;
}

/* A check that failed. Every build has it, also one without assert(). */
#define FUZZ_CHECK(cond, ...)                                                      \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #cond); \
			fprintf(stderr, __VA_ARGS__);                              \
			fputc('\n', stderr);                                       \
			abort();                                                   \
		}                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
