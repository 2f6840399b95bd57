/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatted text to the console, a call at a time. */
#include <stdarg.h>

#include "baremetal.h"
#include "freestanding.h"

static struct bm_lock console;

static void pad(char c, int n)
{
	while (n-- > 0)
		bm_putc(c);
}

static void text(const char *s, int width, bool left)
{
	int n = width - (int)bm_strlen(s);

	if (!left)
		pad(' ', n);
	while (*s)
		bm_putc(*s++);
	if (left)
		pad(' ', n);
}

static void number(uint64_t v, unsigned base, bool negative, int width, bool zeros, bool left)
{
	char digits[24];
	char *p = digits + sizeof(digits);

	*--p = 0;
	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (negative)
		*--p = '-';
	if (zeros) {
		pad('0', width - (int)bm_strlen(p));
		width = 0;
	}
	text(p, width, left);
}

static uint64_t argument(va_list *ap, unsigned longs, bool is_signed)
{
	if (longs)
		return va_arg(*ap, uint64_t);
	return is_signed ? (uint64_t)(int64_t)va_arg(*ap, int) : va_arg(*ap, unsigned);
}

static const char *conversion(const char *f, va_list *ap)
{
	bool zeros = false, left = false;
	unsigned longs = 0;
	int width = 0;
	uint64_t v;

	for (; *f == '0' || *f == '-'; f++) {
		zeros |= *f == '0';
		left |= *f == '-';
	}
	while (*f >= '0' && *f <= '9')
		width = 10 * width + (*f++ - '0');
	for (; *f == 'l' || *f == 'z'; f++)
		longs++;
	switch (*f) {
	case 's':
		text(va_arg(*ap, const char *), width, left);
		break;
	case 'c':
		bm_putc((char)va_arg(*ap, int));
		break;
	case 'd':
		v = argument(ap, longs, true);
		number((int64_t)v < 0 ? -v : v, 10, (int64_t)v < 0, width, zeros, left);
		break;
	case 'u':
		number(argument(ap, longs, false), 10, false, width, zeros, left);
		break;
	case 'p':
		longs = 1; /* fallthrough */
	case 'x':
		number(argument(ap, longs, false), 16, false, width, zeros, left);
		break;
	case '%':
		bm_putc('%');
		break;
	default:
		return f;
	}
	return f + 1;
}

void bm_print(const char *fmt, ...)
{
	unsigned long flags = bm_lock(&console);
	va_list ap;

	va_start(ap, fmt);
	while (*fmt) {
		if (*fmt != '%')
			bm_putc(*fmt++);
		else
			fmt = conversion(fmt + 1, &ap);
	}
	va_end(ap);
	bm_unlock(&console, flags);
}
