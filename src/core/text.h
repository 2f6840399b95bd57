/* SPDX-License-Identifier: BSD-2-Clause */
/* Text into a buffer of fixed size; what does not fit is counted and left out. */
#ifndef LZ_CORE_TEXT_H
#define LZ_CORE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct lz_text {
	char *buf;
	size_t size; /* without the NUL */
	size_t len;  /* of the whole text */
};

static inline void lz_text_char(struct lz_text *t, char c)
{
	if (t->len < t->size)
		t->buf[t->len] = c;
	t->len++;
}

void lz_text_string(struct lz_text *t, const char *s);
void lz_text_number(struct lz_text *t, uint64_t v, unsigned base, unsigned width, char pad);

#endif
