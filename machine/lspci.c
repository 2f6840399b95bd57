/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `lspci -xxxx` dumps. The text is checked line by line first, because libpci
 * skips what it does not understand; then libpci's dump access method reads it.
 */
#include "internal.h"

#include <ctype.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DUMP_MAX (256u << 20)
#define DUMP_ROW 16u
#define CFG_MAX	 4096u

struct scan {
	struct machine *m;
	const struct where *w;
	unsigned long line;
	unsigned fill; /* bytes of the current function seen so far */
};

static bool hex_run(const char **p, unsigned min, unsigned max, unsigned *value)
{
	unsigned n = 0, v = 0;

	while (n < max && isxdigit((unsigned char)**p)) {
		char c = (char)tolower((unsigned char)*(*p)++);

		v = v * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
		n++;
	}
	*value = v;
	return n >= min;
}

/* [dddd:]bb:dd.f followed by a blank. */
static bool parse_bdf(const char **pp, struct machine_function *f)
{
	const char *p = *pp;
	unsigned seg = 0, bus, dev, fn;

	if (strspn(p, "0123456789abcdefABCDEF") >= 4) {
		if (!hex_run(&p, 4, 4, &seg) || *p++ != ':')
			return false;
	}
	if (!hex_run(&p, 2, 2, &bus) || *p++ != ':' || !hex_run(&p, 2, 2, &dev) || *p++ != '.')
		return false;
	if (*p < '0' || *p > '7' || dev > 0x1f)
		return false;
	fn = (unsigned)(*p++ - '0');
	if (*p != ' ')
		return false;
	f->segment = seg;
	f->bus = (uint8_t)bus;
	f->dev = (uint8_t)dev;
	f->fn = (uint8_t)fn;
	f->rid = (uint16_t)(bus << 8 | dev << 3 | fn);
	snprintf(f->bdf, sizeof(f->bdf), "%04x:%02x:%02x.%x", seg, bus, dev, fn);
	*pp = p;
	return true;
}

/* Ids of a VF stand in the header only: "0xvvvv 0xdddd 0xcccccc" or "[vvvv:dddd]". */
static void parse_header_text(const char *p, struct machine_function *f)
{
	const char *at;
	unsigned v, d, c;

	while (*p == ' ')
		p++;
	at = strstr(p, " 0x");
	if (at && sscanf(at, " 0x%4x 0x%4x 0x%6x", &v, &d, &c) == 3) {
		f->vendor = (uint16_t)v;
		f->device = (uint16_t)d;
		f->class_code = c;
	}
	for (at = strchr(p, '['); at; at = strchr(at + 1, '[')) {
		const char *q = at + 1;

		if (hex_run(&q, 4, 4, &v) && *q++ == ':' && hex_run(&q, 4, 4, &d) && *q == ']') {
			f->vendor = (uint16_t)v;
			f->device = (uint16_t)d;
		}
	}
	at = strstr(p, " group=");
	if (at && isdigit((unsigned char)at[7]))
		f->noted_group = (int)strtoul(at + 7, NULL, 10) & 0xffffff;
}

static bool has_pcie_capability(const uint8_t *cfg)
{
	unsigned off = cfg[0x34] & 0xfcu, guard;

	if (!(cfg[6] & 0x10))
		return false;
	for (guard = 0; off >= 0x40 && guard < 48; guard++) {
		if (cfg[off] == 0x10)
			return true;
		off = cfg[off + 1] & 0xfcu;
	}
	return false;
}

/* The function above `line` ends here. Anything but a whole config space is a
 * truncated dump, or one taken without the rights to read all of it. */
static int end_function(struct scan *s)
{
	struct machine_function *f;
	unsigned want = 256;

	if (!s->m->n_functions)
		return 0;
	f = &s->m->functions[s->m->n_functions - 1];
	if (s->fill >= 256 && has_pcie_capability(f->config))
		want = CFG_MAX;
	if (s->fill != want && s->fill != CFG_MAX)
		return fail_line(s->w, s->line,
				 "expected %u bytes of config space for %s (lspci -xxxx as root), "
				 "found %u",
				 want, f->bdf, s->fill);
	f->config_len = s->fill;
	return 0;
}

static int begin_function(struct scan *s, const struct machine_function *head)
{
	struct machine_function *f;

	if (end_function(s))
		return -1;
	if (machine_find(s->m, head->bdf) != MACHINE_NONE)
		return fail_line(s->w, s->line, "expected each function once, %s is there twice",
				 head->bdf);
	f = grow(&s->m->functions, &s->m->n_functions, sizeof(*f));
	if (!f)
		return fail_memory(s->w);
	*f = *head;
	f->config = calloc(1, CFG_MAX);
	if (!f->config)
		return fail_memory(s->w);
	s->fill = 0;
	return 0;
}

static int row(struct scan *s, const char *p)
{
	struct machine_function *f = &s->m->functions[s->m->n_functions - 1];
	unsigned off, i, v;

	if (!hex_run(&p, 2, 3, &off) || *p++ != ':' || off != s->fill || off >= CFG_MAX)
		return fail_line(s->w, s->line,
				 "expected \"%02x:\" and %u bytes in hexadecimal, or a function",
				 s->fill, DUMP_ROW);
	for (i = 0; i < DUMP_ROW; i++) {
		if (*p++ != ' ' || !hex_run(&p, 2, 2, &v))
			return fail_line(s->w, s->line,
					 "expected %u bytes in hexadecimal, found %u", DUMP_ROW, i);
		f->config[off + i] = (uint8_t)v;
	}
	while (*p == ' ')
		p++;
	if (*p)
		return fail_line(s->w, s->line, "expected the end of the line after %u bytes",
				 DUMP_ROW);
	s->fill += DUMP_ROW;
	return 0;
}

static int scan_line(struct scan *s, const char *line)
{
	struct machine_function head = {.noted_group = MACHINE_NONE,
					.line = (unsigned)s->line,
					.vendor = 0xffff,
					.device = 0xffff};
	const char *p = line;

	if (!*line)
		return 0;
	/* The indented text of `lspci -v`. */
	if ((*line == '\t' || *line == ' ') && s->m->n_functions && !s->fill)
		return 0;
	if (parse_bdf(&p, &head)) {
		parse_header_text(p, &head);
		return begin_function(s, &head);
	}
	if (!s->m->n_functions)
		return fail_line(s->w, s->line,
				 "expected a function of an lspci -xxxx dump ([dddd:]bb:dd.f ...)");
	return row(s, line);
}

static int scan_text(struct scan *s, char *text, size_t len)
{
	char *p = text, *end = text + len;

	while (p < end) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		char *stop = nl ? nl : end;

		s->line++;
		if (memchr(p, '\0', (size_t)(stop - p)))
			return fail_line(s->w, s->line, "expected text, found a NUL byte");
		*stop = '\0';
		if (stop > p && stop[-1] == '\r')
			stop[-1] = '\0';
		if (scan_line(s, p))
			return -1;
		p = stop + 1;
	}
	if (!s->m->n_functions) {
		s->line++;
		return fail_line(s->w, s->line,
				 "expected a function of an lspci -xxxx dump ([dddd:]bb:dd.f ...)");
	}
	return end_function(s);
}

/* libpci reports errors through a callback that must not return. */
static jmp_buf pci_error_exit;
static char pci_error_text[256];

static __attribute__((noreturn)) void on_pci_error(char *msg, ...)
{
	va_list ap;

	va_start(ap, msg);
	vsnprintf(pci_error_text, sizeof(pci_error_text), msg, ap);
	va_end(ap);
	longjmp(pci_error_exit, 1);
}

static void on_pci_message(char *msg, ...)
{
	(void)msg;
}

static int read_config(struct machine *m, struct pci_access *a, const struct where *w)
{
	unsigned i;

	for (i = 0; i < m->n_functions; i++) {
		struct machine_function *f = &m->functions[i];
		struct pci_dev *d = pci_get_dev(a, (int)f->segment, f->bus, f->dev, f->fn);
		int ok = d && pci_read_block(d, 0, f->config, (int)f->config_len);

		if (d)
			pci_free_dev(d);
		if (!ok)
			return fail_line(w, f->line, "expected libpci to read %s", f->bdf);
	}
	return 0;
}

static int read_by_libpci(struct machine *m, const struct where *w)
{
	struct pci_access *volatile a = pci_alloc();
	volatile int rc = -1;

	a->method = PCI_ACCESS_DUMP;
	a->error = on_pci_error;
	a->warning = on_pci_message;
	a->debug = on_pci_message;
	pci_set_param(a, "dump.name", (char *)w->file);
	if (!setjmp(pci_error_exit)) {
		pci_init(a);
		pci_scan_bus(a);
		rc = read_config(m, a, w);
	} else {
		fail_line(w, 1, "expected a dump that libpci reads: %s", pci_error_text);
	}
	pci_cleanup(a);
	return rc;
}

int lspci_load(struct machine *m, const struct where *w)
{
	struct scan s = {.m = m, .w = w};
	char *text;
	size_t len;
	int rc;

	if (file_read(w, DUMP_MAX, &text, &len))
		return -1;
	rc = scan_text(&s, text, len);
	free(text);
	return rc ? rc : read_by_libpci(m, w);
}
