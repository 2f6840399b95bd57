/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of ftrace text. A line is
 *
 *	COMMAND-PID [CPU] FLAGS SECONDS.FRACTION: EVENT: TEXT
 *
 * and the domain of an event is that of the last kprobe line of the same task
 * in the same interrupt context (for the idle task also of the same CPU): with
 * several CPUs the line just before it may be somebody else's, and an
 * interrupt may come between a kprobe line and its event.
 */
#include "trace.h"

#include "hash.h"
#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define LINE_MAX_LEN   4096
#define SIZE_LIMIT     (1ull << 40) /* of one event; more is no DMA mapping */
#define PAGE	       4096u
#define PROGRESS_LINES 8192u

struct reader {
	struct where w;
	const struct trace_ops *ops;
	void *ctx;
	uint64_t limit, mappings;
	unsigned long line;
	uint64_t seen;	       /* trace lines of any kind */
	bool kprobes;	       /* at least one kprobe line so far */
	struct hash last_dom;  /* (task, context) -> domain pointer + 1 */
	struct hash last_prot; /* (task, context) -> prot + 1 */
	struct trace_event e;
	char flag; /* third flag character of the current line */
	bool stop;
};

static bool take(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n))
		return false;
	*p += n;
	return true;
}

static bool number(const char **p, unsigned base, uint64_t *out)
{
	const char *s = *p;
	uint64_t v = 0;

	for (; isxdigit((unsigned char)*s); s++) {
		unsigned d =
			(unsigned)(isdigit((unsigned char)*s) ? *s - '0' : (*s | 0x20) - 'a' + 10);

		if (d >= base)
			break;
		if (v > (UINT64_MAX - d) / base)
			return false;
		v = v * base + d;
	}
	if (s == *p)
		return false;
	*p = s;
	*out = v;
	return true;
}

static bool hex(const char **p, uint64_t *out)
{
	return take(p, "0x") && number(p, 16, out);
}

/* "name=0x..." anywhere in a kprobe line. */
static bool kprobe_arg(const char *text, const char *name, uint64_t *out)
{
	const char *p = strstr(text, name);

	if (!p)
		return false;
	p += strlen(name);
	return hex(&p, out);
}

static int expected(struct reader *r, const char *what)
{
	return fail_line(&r->w, r->line, "expected %s", what);
}

/* A command name may hold blanks, brackets and dashes, so the CPU column is what
 * is looked for, and the PID is what stands before it. */
static const char *find_cpu(const char *line)
{
	const char *p = line;

	while ((p = strstr(p, " ["))) {
		const char *q = p + 2, *end = p;
		uint64_t ignored;

		p++;
		if (!number(&q, 10, &ignored) || q[0] != ']' || q[1] != ' ')
			continue;
		while (end > line && end[-1] == ' ')
			end--;
		/* The thread group column, when there is one: "( 123)" or "(-----)". */
		if (end > line && end[-1] == ')') {
			while (end > line && *end != '(')
				end--;
			while (end > line && end[-1] == ' ')
				end--;
		}
		while (end > line && isdigit((unsigned char)end[-1]))
			end--;
		if (end > line && end[-1] == '-' && isdigit((unsigned char)*end))
			return end;
	}
	return NULL;
}

static bool parse_flags(struct reader *r, const char **p)
{
	size_t n = strcspn(*p, " ");

	if (n < 4 || n > 8)
		return false;
	r->flag = (*p)[2];
	*p += n;
	switch (r->flag) {
	case '.':
		r->e.context = TRACE_TASK;
		return true;
	case 's':
		r->e.context = TRACE_SOFTIRQ;
		return true;
	case 'h':
	case 'H': /* in a hard interrupt that came during a soft one */
	case 'z':
	case 'Z': /* NMI */
		r->e.context = TRACE_HARDIRQ;
		return true;
	default:
		return false;
	}
}

static bool parse_time(const char **p, uint64_t *ns)
{
	uint64_t sec, frac;
	const char *start;
	size_t digits;

	if (!number(p, 10, &sec) || sec > UINT64_MAX / 2000000000u || !take(p, "."))
		return false;
	start = *p;
	if (!number(p, 10, &frac))
		return false;
	digits = (size_t)(*p - start);
	if (digits > 9)
		return false;
	for (; digits < 9; digits++)
		frac *= 10;
	*ns = sec * 1000000000u + frac;
	return true;
}

static int parse_prefix(struct reader *r, const char **pp)
{
	const char *p = find_cpu(*pp);
	uint64_t pid, cpu;

	if (!p || !number(&p, 10, &pid) || pid > INT32_MAX)
		return expected(r, "an ftrace line (COMMAND-PID [CPU] FLAGS TIME: EVENT: ...)");
	p = strstr(p, " [") + 2;
	if (!number(&p, 10, &cpu) || cpu > 65535)
		return expected(r, "a CPU number");
	p++;
	p += strspn(p, " ");
	memset(&r->e, 0, sizeof(r->e));
	if (!parse_flags(r, &p))
		return expected(r, "the flags column (as in d.h..) with the interrupt context");
	p += strspn(p, " ");
	if (!parse_time(&p, &r->e.time_ns) || !take(&p, ": "))
		return expected(r, "a time in seconds and a colon");
	r->e.line = r->line;
	r->e.pid = (int)pid;
	r->e.cpu = (unsigned)cpu;
	*pp = p;
	return 0;
}

/* Who is speaking: task and context; the idle tasks of all CPUs share pid 0. */
static void speaker(const struct reader *r, uint64_t *a, uint64_t *b)
{
	*a = (uint64_t)r->e.pid << 8 | (unsigned char)r->flag;
	*b = r->e.pid ? 0 : r->e.cpu + 1u;
}

static int remember(struct reader *r, uint64_t dom, bool has_prot, uint64_t prot)
{
	uint64_t a, b, *d, *p;

	speaker(r, &a, &b);
	d = hash_get(&r->last_dom, a, b);
	p = hash_get(&r->last_prot, a, b);
	if (!d || !p)
		return fail_memory(&r->w);
	*d = dom;
	*p = has_prot ? prot + 1 : 0;
	r->kprobes = true;
	return 0;
}

static void attribute(struct reader *r)
{
	uint64_t a, b, *d, *p;

	speaker(r, &a, &b);
	d = hash_find(&r->last_dom, a, b);
	p = hash_find(&r->last_prot, a, b);
	r->e.attributed = d || !r->kprobes;
	r->e.domain = d ? *d : 0;
	if (p && *p) {
		r->e.has_prot = true;
		r->e.prot = (unsigned)(*p - 1);
	}
}

static int deliver(struct reader *r, int (*fn)(void *, const struct trace_event *))
{
	if (fn && fn(r->ctx, &r->e))
		r->stop = true;
	return 0;
}

static int parse_range(struct reader *r, const char **p)
{
	uint64_t end;

	if (!take(p, "IOMMU: iova=") || !hex(p, &r->e.iova) || !take(p, " - ") || !hex(p, &end))
		return expected(r, "IOMMU: iova=0x... - 0x...");
	if (end <= r->e.iova || end - r->e.iova > SIZE_LIMIT || r->e.iova % PAGE || end % PAGE)
		return expected(r, "an iova range of whole 4 KiB pages, at most 1 TiB");
	r->e.size = end - r->e.iova;
	return 0;
}

static int counted(struct reader *r, int (*fn)(void *, const struct trace_event *))
{
	attribute(r);
	r->mappings++;
	if (r->limit && r->mappings >= r->limit)
		r->stop = true;
	return deliver(r, fn);
}

static int on_map(struct reader *r, const char *p)
{
	uint64_t size;

	if (parse_range(r, &p))
		return -1;
	if (!take(&p, " paddr=") || !hex(&p, &r->e.paddr) || r->e.paddr % PAGE)
		return expected(r, "paddr=0x... of a page");
	if (!take(&p, " size=") || !number(&p, 10, &size) || *p || size != r->e.size)
		return expected(r, "size= as long as the iova range");
	r->e.kind = TRACE_MAP;
	return counted(r, r->ops->map);
}

static int on_unmap(struct reader *r, const char *p)
{
	uint64_t size, unmapped;

	if (parse_range(r, &p))
		return -1;
	if (!take(&p, " size=") || !number(&p, 10, &size) || size != r->e.size)
		return expected(r, "size= as long as the iova range");
	if (!take(&p, " unmapped_size=") || !number(&p, 10, &unmapped) || *p ||
	    unmapped > SIZE_LIMIT || unmapped % PAGE)
		return expected(r, "unmapped_size= in whole pages");
	r->e.size = unmapped;
	r->e.kind = TRACE_UNMAP;
	return counted(r, r->ops->unmap);
}

static int parse_device(struct reader *r, const char **p)
{
	size_t n;

	if (!take(p, "device="))
		return expected(r, "device=");
	n = strlen(*p);
	if (!n || n >= sizeof(r->e.bdf) || strchr(*p, ' '))
		return expected(r, "the name of a device");
	memcpy(r->e.bdf, *p, n + 1);
	return 0;
}

static int on_attach(struct reader *r, const char *p)
{
	if (!take(&p, "IOMMU: ") || parse_device(r, &p))
		return expected(r, "IOMMU: device=");
	r->e.kind = TRACE_ATTACH;
	attribute(r);
	return deliver(r, r->ops->attach);
}

static int on_group(struct reader *r, const char *p, enum trace_kind kind,
		    int (*fn)(void *, const struct trace_event *))
{
	uint64_t id;

	if (!take(&p, "IOMMU: groupID=") || !number(&p, 10, &id) || id > INT32_MAX ||
	    !take(&p, " ") || parse_device(r, &p))
		return expected(r, "IOMMU: groupID=N device=");
	r->e.group = (int)id;
	r->e.kind = kind;
	return deliver(r, fn);
}

static int on_kprobe(struct reader *r, const char *event, const char *text)
{
	uint64_t dom, prot;
	bool has_prot;

	if (!kprobe_arg(text, " dom=", &dom) || !dom)
		return take(&event, "k_") ? expected(r, "dom=0x... in a kprobe line") : 0;
	has_prot = kprobe_arg(text, " prot=", &prot) && prot < UINT32_MAX;
	if (remember(r, dom, has_prot, has_prot ? prot : 0))
		return -1;
	if (strncmp(event, "k_flush_all:", 12))
		return 0;
	r->e.kind = TRACE_FLUSH;
	r->e.domain = dom;
	r->e.attributed = true;
	return deliver(r, r->ops->flush);
}

static int on_line(struct reader *r, const char *line)
{
	const char *p = line, *event;

	if (!*line || *line == '#')
		return 0;
	/* ftrace says so when its buffer overflowed; attribution is void from there. */
	if (!strncmp(line, "CPU:", 4) && strstr(line, "[LOST "))
		return expected(r, "a trace without lost events");
	if (parse_prefix(r, &p))
		return -1;
	event = p;
	p = strstr(p, ": ");
	if (!p)
		return expected(r, "the name of an event and a colon");
	r->seen++;
	p += 2;
	if (take(&event, "map: "))
		return on_map(r, p);
	if (take(&event, "unmap: "))
		return on_unmap(r, p);
	if (take(&event, "attach_device_to_domain: "))
		return on_attach(r, p);
	if (take(&event, "add_device_to_group: "))
		return on_group(r, p, TRACE_ADD_GROUP, r->ops->add_group);
	if (take(&event, "remove_device_from_group: "))
		return on_group(r, p, TRACE_REMOVE_GROUP, r->ops->remove_group);
	if (take(&event, "tracing_mark_write: ")) {
		r->e.kind = TRACE_MARK;
		r->e.text = p;
		return deliver(r, r->ops->mark);
	}
	return on_kprobe(r, event, p);
}

static int strip_newline(struct reader *r, char *line, size_t n)
{
	if (strlen(line) != n)
		return expected(r, "text, found a NUL byte");
	if (!n || line[n - 1] != '\n')
		return expected(r, n >= LINE_MAX_LEN - 1 ? "a line of at most 4094 characters"
							 : "a whole line, the trace ends in it");
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = '\0';
	return 0;
}

static int read_lines(struct reader *r, gzFile gz, uint64_t total)
{
	char line[LINE_MAX_LEN];
	int gzerr;

	while (!r->stop) {
		z_off_t before = gztell(gz);

		r->line++;
		if (!gzgets(gz, line, sizeof(line)))
			break;
		if (strip_newline(r, line, (size_t)(gztell(gz) - before)) || on_line(r, line))
			return -1;
		if (r->ops->progress && r->line % PROGRESS_LINES == 0)
			r->ops->progress(r->ctx, (uint64_t)gzoffset(gz), total);
	}
	gzerror(gz, &gzerr);
	if (gzerr != Z_OK && gzerr != Z_STREAM_END)
		return expected(r, gzerr == Z_BUF_ERROR ? "more of the gzip data, the file is cut"
							: "sound gzip data");
	if (!r->seen)
		return expected(r, "at least one line of ftrace text");
	return 0;
}

int trace_read(const char *path, const struct trace_ops *ops, void *ctx, uint64_t limit, char *err,
	       size_t errlen)
{
	struct reader r = {.w = {path, err, errlen}, .ops = ops, .ctx = ctx, .limit = limit};
	struct stat st;
	gzFile gz = NULL;
	int rc;

	errno = 0;
	/* gzopen() opens a directory without a complaint. */
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (!errno)
		gz = gzopen(path, "rb");
	if (!gz)
		return fail_line(&r.w, 1, "expected a readable file: %s",
				 strerror(errno ? errno : ENOMEM));
	gzbuffer(gz, 1u << 17);
	rc = read_lines(&r, gz, (uint64_t)st.st_size);
	gzclose(gz);
	hash_free(&r.last_dom);
	hash_free(&r.last_prot);
	return rc;
}
