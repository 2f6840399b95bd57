/* SPDX-License-Identifier: BSD-2-Clause */
/* Logs and tokens. */
#include "explore/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION	  1u
#define MAX_STEPS (1u << 28)
#define MAX_MARKS 512u /* in a token */

void *ex_grow(void *p, size_t bytes)
{
	p = realloc(p, bytes);
	if (!p) {
		fprintf(stderr, "lazaret: out of memory\n");
		exit(3);
	}
	return p;
}

void ex_log_add(struct ex_log *l, uint16_t id)
{
	if (l->n && l->seg[l->n - 1].id == id) {
		l->seg[l->n - 1].count++;
		return;
	}
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->seg = ex_grow(l->seg, l->cap * sizeof(*l->seg));
	}
	l->seg[l->n++] = (struct ex_segment){id, 1};
}

void ex_log_mark(struct ex_log *l, uint64_t hash)
{
	if (l->n_marks == l->cap_marks) {
		l->cap_marks = l->cap_marks ? 2 * l->cap_marks : 64;
		l->mark = ex_grow(l->mark, l->cap_marks * sizeof(*l->mark));
	}
	l->mark[l->n_marks++] = (uint16_t)(hash ^ hash >> 32);
}

void ex_log_copy(struct ex_log *to, const struct ex_log *from)
{
	*to = (struct ex_log){
		.n = from->n, .cap = from->n, .n_marks = from->n_marks, .cap_marks = from->n_marks};
	to->seg = ex_grow(NULL, (from->n + 1) * sizeof(*to->seg));
	to->mark = ex_grow(NULL, (from->n_marks + 1) * sizeof(*to->mark));
	if (from->n)
		memcpy(to->seg, from->seg, from->n * sizeof(*to->seg));
	if (from->n_marks)
		memcpy(to->mark, from->mark, from->n_marks * sizeof(*to->mark));
}

void ex_log_clear(struct ex_log *l)
{
	l->n = l->n_marks = 0;
}

void ex_log_free(struct ex_log *l)
{
	free(l->seg);
	free(l->mark);
	*l = (struct ex_log){0};
}

uint32_t ex_hash32(const void *p, size_t len, uint32_t seed)
{
	const unsigned char *c = p;
	uint32_t h = seed ^ 0x811c9dc5u;

	while (len--)
		h = (h ^ *c++) * 0x01000193u;
	return h ^ h >> 15;
}

uint32_t ex_build_id(void)
{
	static uint32_t id;
	static unsigned char buf[1 << 16];
	FILE *f;
	size_t n;

	if (id)
		return id;
	f = fopen("/proc/self/exe", "rb");
	while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		id = ex_hash32(buf, n, id);
	if (f)
		fclose(f);
	id |= 1;
	return id;
}

/* ---- bytes ---- */

struct bytes {
	unsigned char *p;
	size_t n, cap, at;
	bool bad;
};

static void put(struct bytes *b, unsigned char c)
{
	if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 256;
		b->p = ex_grow(b->p, b->cap);
	}
	b->p[b->n++] = c;
}

static void put_fixed(struct bytes *b, uint64_t v, unsigned width)
{
	while (width--) {
		put(b, (unsigned char)v);
		v >>= 8;
	}
}

static void put_number(struct bytes *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		put(b, (unsigned char)(v | 0x80));
	put(b, (unsigned char)v);
}

static unsigned char get(struct bytes *b)
{
	b->bad |= b->at >= b->n;
	return b->bad ? 0 : b->p[b->at++];
}

static uint64_t get_fixed(struct bytes *b, unsigned width)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < width; i++)
		v |= (uint64_t)get(b) << 8 * i;
	return v;
}

static uint64_t get_number(struct bytes *b)
{
	uint64_t v = 0;
	unsigned char c;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		c = get(b);
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	b->bad = true;
	return 0;
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *to_text(const struct bytes *b)
{
	char *text = ex_grow(NULL, b->n * 4 / 3 + 8), *out = text;

	*out++ = 'L';
	*out++ = 'Z';
	for (size_t i = 0; i < b->n; i += 3) {
		size_t left = b->n - i;
		uint32_t v = (uint32_t)b->p[i] << 16;

		v |= left > 1 ? (uint32_t)b->p[i + 1] << 8 : 0;
		v |= left > 2 ? b->p[i + 2] : 0;
		*out++ = letters[v >> 18];
		*out++ = letters[v >> 12 & 63];
		if (left > 1)
			*out++ = letters[v >> 6 & 63];
		if (left > 2)
			*out++ = letters[v & 63];
	}
	*out = '\0';
	return text;
}

static bool from_text(const char *text, struct bytes *b)
{
	uint32_t v = 0;
	unsigned bits = 0;

	if (strncmp(text, "LZ", 2))
		return false;
	for (text += 2; *text; text++) {
		const char *at = strchr(letters, *text);

		if (!at)
			return false;
		v = v << 6 | (uint32_t)(at - letters);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			put(b, (unsigned char)(v >> bits));
		}
	}
	return true;
}

/* Long runs have their marks further apart. */
static unsigned shift_for(uint64_t steps)
{
	unsigned shift = 0;

	while (steps / EX_MARK >> shift > MAX_MARKS)
		shift++;
	return shift;
}

char *ex_token_write(const struct ex_token *t)
{
	struct bytes b = {0};
	size_t every = (size_t)1 << (shift_for(t->steps) - t->log.mark_shift);
	char *text;

	put(&b, VERSION);
	put_fixed(&b, t->build, 4);
	put_fixed(&b, t->subject, 4);
	put_number(&b, t->seed);
	put_number(&b, t->log.n);
	for (size_t i = 0; i < t->log.n; i++) {
		put_number(&b, t->log.seg[i].id);
		put_number(&b, t->log.seg[i].count);
	}
	put_number(&b, t->steps);
	for (size_t i = every; i <= t->log.n_marks; i += every)
		put_fixed(&b, t->log.mark[i - 1], 2);
	put_fixed(&b, t->hash, 4);
	put_fixed(&b, ex_hash32(b.p, b.n, 0), 4);
	text = to_text(&b);
	free(b.p);
	return text;
}

static void read_body(struct bytes *b, struct ex_token *t)
{
	uint64_t n;

	t->build = (uint32_t)get_fixed(b, 4);
	t->subject = (uint32_t)get_fixed(b, 4);
	t->seed = get_number(b);
	n = get_number(b);
	b->bad |= n > b->n; /* a segment has two bytes and more */
	for (uint64_t i = 0; i < n && !b->bad; i++) {
		uint64_t id = get_number(b), count = get_number(b);

		b->bad |= id > UINT16_MAX || !count || count > MAX_STEPS;
		if (b->bad)
			break;
		ex_log_add(&t->log, (uint16_t)id);
		t->log.seg[t->log.n - 1].count += (uint32_t)count - 1;
	}
	t->steps = get_number(b);
	b->bad |= t->steps > MAX_STEPS;
	t->log.mark_shift = shift_for(t->steps);
	for (uint64_t i = 0; i < t->steps / EX_MARK >> t->log.mark_shift && !b->bad; i++) {
		uint16_t mark = (uint16_t)get_fixed(b, 2);

		ex_log_mark(&t->log, 0);
		t->log.mark[i] = mark;
	}
	t->hash = (uint32_t)get_fixed(b, 4);
}

const char *ex_token_read(const char *text, struct ex_token *t)
{
	struct bytes b = {0};
	const char *error = NULL;

	*t = (struct ex_token){0};
	if (!from_text(text, &b) || b.n < 20) {
		error = "expected a token as lazaret explore prints it";
	} else {
		uint32_t sum;

		b.n -= 4;
		b.at = b.n;
		b.n += 4;
		sum = (uint32_t)get_fixed(&b, 4);
		b.n -= 4;
		b.at = 0;
		if (sum != ex_hash32(b.p, b.n, 0))
			error = "expected a whole token: its checksum is wrong";
		else if (get(&b) != VERSION)
			error = "expected a token of this version";
		else
			read_body(&b, t);
		if (!error && (b.bad || b.at != b.n))
			error = "expected a token as lazaret explore prints it";
	}
	free(b.p);
	if (error)
		ex_log_free(&t->log);
	return error;
}
