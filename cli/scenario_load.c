/* SPDX-License-Identifier: BSD-2-Clause */
/* From a file to a struct scenario, and back to nothing. */
#include "cli/scenario.h"

#include "cli/scenario_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE_LIMIT (1u << 20)

/* list_append() writes lists through { void *; size_t; }. */
_Static_assert(offsetof(struct scenario, n_domains) ==
		       offsetof(struct scenario, domains) + sizeof(void *),
	       "domains and their count adjoin");
_Static_assert(offsetof(struct scenario, n_workload) ==
		       offsetof(struct scenario, workload) + sizeof(void *),
	       "workload and its count adjoin");
_Static_assert(offsetof(struct scenario, n_faults) ==
		       offsetof(struct scenario, faults) + sizeof(void *),
	       "faults and their count adjoin");
_Static_assert(offsetof(struct scenario, n_actions) ==
		       offsetof(struct scenario, actions) + sizeof(void *),
	       "actions and their count adjoin");
_Static_assert(offsetof(struct scenario, n_orders) ==
		       offsetof(struct scenario, orders) + sizeof(void *),
	       "orders and their count adjoin");

static bool yaml_error(struct reader *r, const yaml_parser_t *p)
{
	unsigned line = (unsigned)p->problem_mark.line + 1;

	return read_fail_line(r, line, "expected YAML: %s",
			      p->problem ? p->problem : "out of memory");
}

/* A second document would silently be ignored otherwise. */
static bool at_end(struct reader *r, yaml_parser_t *p)
{
	yaml_document_t more;
	yaml_node_t *root;
	unsigned line = 0;

	if (!yaml_parser_load(p, &more))
		return yaml_error(r, p);
	root = yaml_document_get_root_node(&more);
	if (root)
		line = node_line(root);
	yaml_document_delete(&more);
	return !line || read_fail_line(r, line, "expected the end, found a second document");
}

static bool read_document(struct reader *r, yaml_parser_t *p, struct scenario *out)
{
	yaml_node_t *root;
	bool ok;

	if (!yaml_parser_load(p, &r->doc))
		return yaml_error(r, p);
	root = yaml_document_get_root_node(&r->doc);
	ok = root ? read_mapping(r, &scenario_section, root, out)
		  : read_fail_line(r, 1, "expected a scenario, found an empty file");
	yaml_document_delete(&r->doc);
	return ok && at_end(r, p);
}

static bool parse(struct reader *r, const void *text, size_t len, struct scenario *out)
{
	yaml_parser_t p;
	bool ok;

	memset(out, 0, sizeof(*out));
	if (!yaml_parser_initialize(&p))
		return read_fail_line(r, 1, "out of memory");
	yaml_parser_set_input_string(&p, text, len);
	ok = read_document(r, &p, out);
	yaml_parser_delete(&p);
	out->path = strdup(r->path);
	if (!ok || !out->path) {
		scenario_free(out);
		return false;
	}
	return true;
}

int scenario_parse(const char *path, const void *text, size_t len, struct scenario *out, char *err,
		   size_t err_size)
{
	struct reader r = {.path = path, .err = err, .err_size = err_size};

	return parse(&r, text, len, out) ? 0 : -1;
}

static bool readable(struct reader *r, const char *key, const struct scenario_file *f)
{
	int fd;
	char c;
	bool ok;

	if (!f->path)
		return true;
	fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ok = fd >= 0 && read(fd, &c, 1) >= 0;
	if (!ok)
		read_fail_line(r, f->line, "%s: expected a readable file %s (%s)", key, f->path,
			       strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool files_readable(struct reader *r, const struct scenario *s)
{
	for (size_t i = 0; i < s->n_workload; i++)
		if (!readable(r, "trace", &s->workload[i].trace))
			return false;
	return readable(r, "lspci", &s->machine.lspci) && readable(r, "iort", &s->machine.iort) &&
	       readable(r, "dtb", &s->machine.dtb);
}

/* The whole file in memory, or NULL with an error. */
static char *read_all(struct reader *r, size_t *len)
{
	FILE *f = fopen(r->path, "rb");
	char *text = malloc(SIZE_LIMIT + 1);
	bool ok = f && text;

	*len = ok ? fread(text, 1, SIZE_LIMIT + 1, f) : 0;
	if (!ok || ferror(f)) {
		ok = read_fail_line(r, 1, "expected a readable scenario (%s)", strerror(errno));
	} else if (*len > SIZE_LIMIT) {
		ok = read_fail_line(r, 1, "expected at most %u bytes", SIZE_LIMIT);
	}
	if (f)
		fclose(f);
	if (ok)
		return text;
	free(text);
	return NULL;
}

int scenario_load(const char *path, struct scenario *out, char *err, size_t err_size)
{
	struct reader r = {.path = path, .err = err, .err_size = err_size};
	size_t len;
	char *text = read_all(&r, &len);
	bool ok = text && parse(&r, text, len, out);

	free(text);
	if (ok && !files_readable(&r, out)) {
		scenario_free(out);
		ok = false;
	}
	return ok ? 0 : -1;
}

void scenario_free(struct scenario *s)
{
	free(s->path);
	free(s->description);
	free(s->machine.lspci.path);
	free(s->machine.iort.path);
	free(s->machine.dtb.path);
	free(s->machine.ats_list.item);
	for (size_t i = 0; i < s->machine.n_behind; i++)
		free(s->machine.behind[i].devices.item);
	free(s->machine.behind);
	for (size_t i = 0; i < s->n_domains; i++) {
		free(s->domains[i].name);
		free(s->domains[i].devices.item);
	}
	free(s->domains);
	for (size_t i = 0; i < s->n_workload; i++) {
		free(s->workload[i].trace.path);
		free(s->workload[i].domain.text);
	}
	free(s->workload);
	free(s->faults);
	for (size_t i = 0; i < s->n_actions; i++)
		free(s->actions[i].domain.text);
	free(s->actions);
	free(s->orders);
	free(s->expect.degraded.item);
	free(s->expect.quarantined.item);
	free(s->expect.recovered.item);
	free(s->expect.not_quarantined.item);
	free(s->expect.blocked.item);
	free(s->expect.undisturbed.item);
	for (size_t i = 0; i < s->regimes.n; i++)
		free(s->regimes.item[i].text);
	free(s->regimes.item);
	memset(s, 0, sizeof(*s));
}

struct walk {
	void (*fn)(void *ctx, const char *key, const char *word);
	void *ctx;
};

static void walk_section(const struct walk *w, const struct section *s, const char *prefix)
{
	for (const struct key *k = s->keys; k->name; k++) {
		char name[120];

		snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", k->name);
		w->fn(w->ctx, name, NULL);
		for (const char *const *word = k->words; word && *word; word++)
			w->fn(w->ctx, name, *word);
		if (k->section)
			walk_section(w, k->section, name);
	}
}

void scenario_vocabulary(void (*fn)(void *ctx, const char *key, const char *word), void *ctx)
{
	struct walk w = {fn, ctx};

	walk_section(&w, &scenario_section, "");
}
