/* SPDX-License-Identifier: BSD-2-Clause */
/* Error lines, files, growing arrays. */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Neither garbage nor a path may break the line or reach the terminal raw. */
static void printable(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || (unsigned char)*s == 0x7f)
			*s = '?';
	}
}

static int fail(const struct where *w, const char *position, const char *fmt, va_list ap)
{
	char what[512];

	vsnprintf(what, sizeof(what), fmt, ap);
	if (w->err && w->errlen) {
		snprintf(w->err, w->errlen, "%s:%s: %s", w->file, position, what);
		printable(w->err);
	}
	return -1;
}

int fail_line(const struct where *w, unsigned long line, const char *fmt, ...)
{
	char position[24];
	va_list ap;

	snprintf(position, sizeof(position), "%lu", line);
	va_start(ap, fmt);
	fail(w, position, fmt, ap);
	va_end(ap);
	return -1;
}

int fail_at(const struct where *w, size_t offset, const char *fmt, ...)
{
	char position[24];
	va_list ap;

	snprintf(position, sizeof(position), "0x%zx", offset);
	va_start(ap, fmt);
	fail(w, position, fmt, ap);
	va_end(ap);
	return -1;
}

int fail_memory(const struct where *w)
{
	return fail_line(w, 1, "expected enough memory to hold it");
}

int file_read(const struct where *w, size_t max, char **data, size_t *len)
{
	FILE *f = fopen(w->file, "rb");
	char *buf = NULL;
	size_t n = 0, cap = 0;

	if (!f)
		return fail_line(w, 1, "expected a readable file: %s", strerror(errno));
	for (;;) {
		size_t got;

		if (cap - n < 65536) {
			char *more = realloc(buf, cap = cap ? cap * 2 : 131072);

			if (!more)
				break;
			buf = more;
		}
		got = fread(buf + n, 1, 65535, f);
		n += got;
		if (!got || n > max)
			break;
	}
	if (ferror(f) || n > max || !buf || cap - n < 1) {
		bool big = n > max, unreadable = ferror(f);
		int e = errno;

		fclose(f);
		free(buf);
		if (big)
			return fail_line(w, 1, "expected a file of at most %zu bytes", max);
		return unreadable ? fail_line(w, 1, "expected a readable file: %s", strerror(e))
				  : fail_memory(w);
	}
	fclose(f);
	buf[n] = '\0';
	*data = buf;
	*len = n;
	return 0;
}

void *grow(void *array, unsigned *n, size_t size)
{
	unsigned have = *n;
	void *old;

	/* `array` is the address of a pointer of any type: memcpy, not a cast. */
	memcpy(&old, array, sizeof(old));

	/* Doubling whenever the count is a power of two needs no capacity field. */
	if (!(have & (have - 1))) {
		void *more = realloc(old, (have ? have * (size_t)2 : 1) * size);

		if (!more)
			return NULL;
		memcpy(array, &more, sizeof(more));
		old = more;
	}
	*n = have + 1;
	return memset((char *)old + have * size, 0, size);
}

int machine_note(struct machine *m, const char *fmt, ...)
{
	char text[256], **slot;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	slot = grow(&m->notes, &m->n_notes, sizeof(*m->notes));
	if (!slot)
		return -1;
	*slot = strdup(text);
	if (!*slot) {
		m->n_notes--;
		return -1;
	}
	return 0;
}
