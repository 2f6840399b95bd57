/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run in columns: a CPU each, then hardware, devices and the clock. Only the
 * first step of a turn and operations that meet another agent's are shown;
 * what repeats is folded.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "explore/search.h"
#include "port/sim/lz_arch.h"

#define COLUMNS 8u
#define WIDTH	30
#define SHOWN	3000u

/* ---- places ---- */

struct place {
	const void *pc;
	char text[64];
};

static struct place *places;
static size_t n_places;

static const char *place_of(const void *pc)
{
	for (size_t i = 0; i < n_places; i++)
		if (places[i].pc == pc)
			return places[i].text;
	return "";
}

static void add_place(const void *pc)
{
	for (size_t i = 0; i < n_places; i++)
		if (places[i].pc == pc)
			return;
	if (!pc)
		return;
	places = ex_grow(places, (n_places + 1) * sizeof(*places));
	places[n_places].pc = pc;
	places[n_places++].text[0] = '\0';
}

/* Each address, then where it is and, where that is inlined, who calls it. */
static void read_places(FILE *f)
{
	size_t at = 0;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		char *slash = strrchr(line, '/');
		char *name = slash ? slash + 1 : line;

		name[strcspn(name, " \n")] = '\0';
		if (!strncmp(line, "0x", 2))
			at++;
		else if (at && at <= n_places && !*places[at - 1].text &&
			 strncmp(name, "lz_arch.h", 9) && name[0] != '?')
			snprintf(places[at - 1].text, sizeof(places[0].text), "%.60s", name);
	}
}

/* By the tool that comes with the compiler; without it, offsets. */
static void find_places(const struct ex_run *r, uint64_t from)
{
	char exe[400], command[512];
	Dl_info info;
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t cap;
	char *all;
	FILE *f;

	n_places = 0;
	for (uint64_t i = from; i < r->steps; i++)
		add_place(r->step[i].op.pc);
	if (len <= 0 || !n_places)
		return;
	exe[len] = '\0';
	if (strchr(exe, '\'') || !dladdr(places[0].pc, &info))
		return;
	cap = n_places * 20 + 600;
	all = ex_grow(NULL, cap);
	cap = (size_t)snprintf(command, sizeof(command), "addr2line -ia -e '%s'", exe);
	strcpy(all, command);
	for (size_t i = 0; i < n_places; i++) {
		uintptr_t off = (uintptr_t)places[i].pc - (uintptr_t)info.dli_fbase - 1;

		cap += (size_t)sprintf(all + cap, " 0x%zx", (size_t)off);
		places[i].text[0] = '\0';
	}
	strcpy(all + cap, " 2>/dev/null");
	f = popen(all, "r");
	free(all);
	if (!f)
		return;
	read_places(f);
	pclose(f);
}

/* ---- operations ---- */

static const char *kind_name(unsigned kind)
{
	static const char *const name[] = {
		[LZ_SIM_LOAD] = "load",
		[LZ_SIM_STORE] = "store",
		[LZ_SIM_RMW] = "rmw",
		[LZ_SIM_MMIO_READ] = "read reg",
		[LZ_SIM_MMIO_WRITE] = "write reg",
		[LZ_SIM_BARRIER] = "barrier",
		[LZ_SIM_IRQ_MASK] = "mask",
		[LZ_SIM_LOCK] = "lock",
		[LZ_SIM_UNLOCK] = "unlock",
		[LZ_SIM_RELAX] = "relax",
		[LZ_SIM_AWAIT] = "await",
		[LZ_SIM_CLOCK] = "time",
		[SIM_OP_START] = "starts",
		[SIM_OP_WAIT] = "wakes",
		[SIM_OP_IRQ] = "interrupt",
		[SIM_OP_HW] = "step",
		[SIM_OP_CLOCK] = "early deadline",
	};

	return kind < sizeof(name) / sizeof(name[0]) && name[kind] ? name[kind] : "?";
}

static bool is_memory(const struct sim_op *op)
{
	return op->kind == LZ_SIM_LOAD || op->kind == LZ_SIM_STORE || op->kind == LZ_SIM_RMW ||
	       op->kind == LZ_SIM_LOCK;
}

/* Of a long run only the end is shown. */
static uint64_t first_shown(const struct ex_run *r, bool all)
{
	return all || r->steps <= 2 * SHOWN ? 0 : r->steps - SHOWN;
}

/* Does another agent touch the same, and one of both write? */
static bool meets(const struct ex_run *r, uint64_t i)
{
	const struct ex_step *a = &r->step[i];

	if (a->op.kind == LZ_SIM_MMIO_WRITE)
		return true;
	if (!is_memory(&a->op))
		return false;
	for (uint64_t k = first_shown(r, false); k < r->steps; k++) {
		const struct ex_step *b = &r->step[k];

		if (b->id != a->id && is_memory(&b->op) &&
		    ex_dependent(&a->op, a->cpu, &b->op, b->cpu))
			return true;
	}
	return false;
}

/* Numbers objects in the order in which they are shown. */
static unsigned object(uintptr_t addr)
{
	static uintptr_t known[512];
	static unsigned n;

	if (!addr) {
		n = 0;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		if (known[i] == addr)
			return i + 1;
	if (n < 512)
		known[n++] = addr;
	return n;
}

static void describe(const struct ex_step *s, char *out, size_t size)
{
	const char *kind = kind_name(s->op.kind);

	if (s->op.kind == LZ_SIM_MMIO_READ || s->op.kind == LZ_SIM_MMIO_WRITE)
		snprintf(out, size, "%s 0x%zx %s", kind, (size_t)s->op.addr, place_of(s->op.pc));
	else if (s->op.addr)
		snprintf(out, size, "%s #%u %s", kind, object(s->op.addr), place_of(s->op.pc));
	else
		snprintf(out, size, "%s %s", kind, place_of(s->op.pc));
}

/* ---- columns ---- */

struct columns {
	const char *name[COLUMNS];
	bool cpu[COLUMNS];
	unsigned n;
};

static unsigned column_of(struct columns *c, const struct ex_step *s)
{
	bool cpu = s->kind == SIM_AGENT_TASK || s->kind == SIM_AGENT_IRQ;
	static const char *const cpus[] = {"CPU 0", "CPU 1", "CPU 2", "CPU 3",
					   "CPU 4", "CPU 5", "CPU 6", "CPU 7"};
	const char *name = cpu ? cpus[s->cpu % 8] : s->name;

	for (unsigned i = 0; i < c->n; i++)
		if (!strcmp(c->name[i], name))
			return i;
	if (c->n < COLUMNS) {
		c->cpu[c->n] = cpu;
		c->name[c->n++] = name;
	}
	return c->n - 1;
}

static int by_column(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	bool p = !strncmp(x, "CPU", 3), q = !strncmp(y, "CPU", 3);

	return p != q ? q - p : strcmp(x, y);
}

static void head(FILE *f, struct columns *c, const struct ex_run *r)
{
	for (uint64_t i = 0; i < r->steps; i++)
		(void)column_of(c, &r->step[i]);
	qsort(c->name, c->n, sizeof(c->name[0]), by_column);
	fprintf(f, "%6s %12s ", "step", "model time");
	for (unsigned i = 0; i < c->n; i++)
		fprintf(f, " %-*s", WIDTH, c->name[i]);
	fputc('\n', f);
}

static void line(FILE *f, struct columns *c, const struct ex_run *r, uint64_t i, uint64_t folded,
		 bool first)
{
	const struct ex_step *s = &r->step[i];
	char what[96], text[160];

	describe(s, what, sizeof(what));
	snprintf(text, sizeof(text), "%s%s%s%s", s->kind == SIM_AGENT_IRQ ? "  " : "",
		 first && s->kind <= SIM_AGENT_IRQ ? s->name : "",
		 first && s->kind <= SIM_AGENT_IRQ ? ": " : "", what);
	if (folded > 1)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " ×%llu",
			 (unsigned long long)folded);
	fprintf(f, "%6llu %10.3fus ", (unsigned long long)i, (double)s->time / 1e3);
	fprintf(f, "%*s %s\n", (int)(column_of(c, s) * (WIDTH + 1)), "", text);
}

void ex_view(FILE *f, const struct ex_run *r, bool all)
{
	struct columns c = {0};
	uint64_t i = first_shown(r, all);

	find_places(r, i);
	(void)object(0);
	head(f, &c, r);
	if (i)
		fprintf(f, "%6s the %llu steps before are left out; --verbose shows them\n", "",
			(unsigned long long)i);
	while (i < r->steps) {
		const struct ex_step *s = &r->step[i];
		bool first = i == first_shown(r, all) || r->step[i - 1].id != s->id;
		uint64_t n = 1;

		/* The same again and again, such as a poll, is one line. */
		while (i + n < r->steps && r->step[i + n].id == s->id &&
		       r->step[i + n].op.kind == s->op.kind && r->step[i + n].op.pc == s->op.pc)
			n++;
		if (all || first || meets(r, i))
			line(f, &c, r, i, n, first);
		i += n;
	}
	for (unsigned k = 0; k < r->n_taken; k++)
		fprintf(f, "%6llu by choice: %s\n", (unsigned long long)r->taken[k].step,
			r->taken[k].text);
	free(places);
	places = NULL;
	n_places = 0;
}
