/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines and events; formats without a C library. */
#include <stdarg.h>

#include "core/core.h"

#define LINE_MAX 200u

struct line {
	char text[LINE_MAX + 1];
	size_t len;
};

static void put(struct line *l, char c)
{
	if (l->len < LINE_MAX)
		l->text[l->len++] = c;
}

static void put_string(struct line *l, const char *s)
{
	for (s = s ? s : "(null)"; *s; s++)
		put(l, *s);
}

static void put_number(struct line *l, uint64_t v, unsigned base, unsigned width, char pad)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	for (; width > n; width--)
		put(l, pad);
	while (n)
		put(l, digits[--n]);
}

/* One conversion behind the '%'; returns the character after it. */
static const char *convert(struct line *l, const char *f, va_list *ap)
{
	char pad = *f == '0' ? '0' : ' ';
	unsigned width = 0;
	bool wide = false;
	uint64_t v;

	for (; *f >= '0' && *f <= '9'; f++)
		width = width * 10 + (unsigned)(*f - '0');
	if (f[0] == 'l' && f[1] == 'l') {
		wide = true;
		f += 2;
	}
	switch (*f) {
	case 's':
		put_string(l, va_arg(*ap, const char *));
		break;
	case 'c':
		put(l, (char)va_arg(*ap, int));
		break;
	case 'u':
	case 'x':
		v = wide ? va_arg(*ap, unsigned long long) : va_arg(*ap, unsigned);
		put_number(l, v, *f == 'x' ? 16 : 10, width, pad);
		break;
	case 'd': {
		long long d = wide ? va_arg(*ap, long long) : va_arg(*ap, int);

		if (d < 0)
			put(l, '-');
		put_number(l, d < 0 ? 0 - (uint64_t)d : (uint64_t)d, 10, width, pad);
		break;
	}
	case '\0':
		return f;
	default: /* "%%", and what is not known is shown as it is */
		put(l, *f);
		break;
	}
	return f + 1;
}

void lz_log_out(struct lz *lz, enum lz_log_level level, const char *who, const char *fmt, ...)
{
	struct line l = {.len = 0};
	va_list ap;

	if (!lz->port->log)
		return;
	put_string(&l, who);
	put_string(&l, ": ");
	va_start(ap, fmt);
	while (*fmt) {
		if (*fmt == '%')
			fmt = convert(&l, fmt + 1, &ap);
		else
			put(&l, *fmt++);
	}
	va_end(ap);
	l.text[l.len] = '\0';
	lz->port->log(lz->port->ctx, level, l.text);
}

void lz_event_out(struct lz *lz, const struct lz_event *ev)
{
	struct lz_event e = *ev;

	if (!lz->cfg.event)
		return;
	e.time = lz_now(lz);
	lz->cfg.event(lz->cfg.event_ctx, &e);
}

void lz_event_out_device(struct lz_device *dev, enum lz_event_kind kind, enum lz_status status,
			 uint64_t detail)
{
	struct lz_event e = {
		.kind = kind,
		.evidence = (enum lz_evidence)lz_load8(&dev->evidence),
		.status = status,
		.generation = lz_load32(&dev->generation),
		.device = dev,
		.iommu = dev->iommu,
		.detail = detail,
	};

	lz_emit(dev->lz, &e);
}
