/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines; formats without a C library. */
#include <stdarg.h>

#include "core/core.h"
#include "core/text.h"

#define LINE_MAX 200u

void lz_text_string(struct lz_text *t, const char *s)
{
	for (s = s ? s : "(null)"; *s; s++)
		lz_text_char(t, *s);
}

void lz_text_number(struct lz_text *t, uint64_t v, unsigned base, unsigned width, char pad)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	for (; width > n; width--)
		lz_text_char(t, pad);
	while (n)
		lz_text_char(t, digits[--n]);
}

/* One conversion behind the '%'; returns the character after it. */
static const char *convert(struct lz_text *l, const char *f, va_list *ap)
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
		lz_text_string(l, va_arg(*ap, const char *));
		break;
	case 'c':
		lz_text_char(l, (char)va_arg(*ap, int));
		break;
	case 'u':
	case 'x':
		v = wide ? va_arg(*ap, unsigned long long) : va_arg(*ap, unsigned);
		lz_text_number(l, v, *f == 'x' ? 16 : 10, width, pad);
		break;
	case 'd': {
		long long d = wide ? va_arg(*ap, long long) : va_arg(*ap, int);

		if (d < 0)
			lz_text_char(l, '-');
		lz_text_number(l, d < 0 ? 0 - (uint64_t)d : (uint64_t)d, 10, width, pad);
		break;
	}
	case '\0':
		return f;
	default: /* "%%", and what is not known is shown as it is */
		lz_text_char(l, *f);
		break;
	}
	return f + 1;
}

void lz_log_out(struct lz *lz, enum lz_log_level level, const char *who, const char *fmt, ...)
{
	char line[LINE_MAX + 1];
	struct lz_text l = {.buf = line, .size = LINE_MAX};
	va_list ap;

	if (!lz->port->log)
		return;
	lz_text_string(&l, who);
	lz_text_string(&l, ": ");
	va_start(ap, fmt);
	while (*fmt) {
		if (*fmt == '%')
			fmt = convert(&l, fmt + 1, &ap);
		else
			lz_text_char(&l, *fmt++);
	}
	va_end(ap);
	line[l.len < LINE_MAX ? l.len : LINE_MAX] = '\0';
	lz->port->log(lz->port->ctx, level, line);
}

/* Several may come at once: who moves the window on says what was left out. */
bool lz_log_admit(struct lz *lz, struct lz_log_limit *limit, const char *who)
{
	const struct lz_config *cfg = &lz->cfg;
	uint64_t since;
	lz_ns now;

	if (!cfg->log_burst || !lz->port->log)
		return true;
	now = lz_now(lz);
	since = lz_load64(&limit->since);
	if ((!since || now - since >= cfg->log_window) &&
	    lz_cas64(&limit->since, &since, now + !now)) {
		uint32_t left_out = lz_fetch_and32(&limit->left_out, 0);

		lz_store32(&limit->lines, 0);
		if (left_out)
			lz_log_out(lz, LZ_LOG_WARN, who, "%u lines like these were left out",
				   left_out);
	}
	if (lz_fetch_add32(&limit->lines, 1) < cfg->log_burst)
		return true;
	(void)lz_fetch_add32(&limit->left_out, 1);
	return false;
}
