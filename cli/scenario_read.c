/* SPDX-License-Identifier: BSD-2-Clause */
/* Table-driven reading of YAML nodes, with the line in every error. */
#include "cli/scenario_read.h"

#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 1024u

/* ---- errors ---- */

bool read_fail_line(struct reader *r, unsigned line, const char *fmt, ...)
{
	char text[800];
	va_list ap;

	if (r->failed)
		return false;
	r->failed = true;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(r->err, r->err_size, "%s:%u: %s", r->path, line, text);
	if (r->err_size)
		cli_one_line(r->err);
	return false;
}

unsigned node_line(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

const char *node_text(const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return *text && strlen(text) == node->data.scalar.length ? text : NULL;
}

bool read_expected(struct reader *r, yaml_node_t *node, const char *what)
{
	unsigned line = node_line(node);

	switch (node->type) {
	case YAML_SCALAR_NODE:
		if (!node->data.scalar.length)
			return read_fail_line(r, line, "expected %s, found nothing", what);
		return read_fail_line(r, line, "expected %s, found \"%.60s\"", what,
				      (const char *)node->data.scalar.value);
	case YAML_SEQUENCE_NODE:
		return read_fail_line(r, line, "expected %s, found a list", what);
	default:
		return read_fail_line(r, line, "expected %s, found a mapping", what);
	}
}

/* Appends to a bounded string; what does not fit is left out. */
static void join(char *buf, size_t size, const char *separator, const char *word)
{
	size_t len = strlen(buf);

	snprintf(buf + len, size - len, "%s%s", len ? separator : "", word);
}

/* ---- mappings and lists ---- */

static bool unknown_key(struct reader *r, const struct section *s, yaml_node_t *node)
{
	char names[256] = "";

	for (const struct key *k = s->keys; k->name; k++)
		join(names, sizeof(names), ", ", k->name);
	if (!node_text(node))
		return read_expected(r, node, "a key");
	return read_fail_line(r, node_line(node), "unknown key \"%.60s\" in %s; expected one of %s",
			      node_text(node), s->what, names);
}

static const struct key *find_key(const struct section *s, yaml_node_t *node)
{
	const char *text = node_text(node);

	for (const struct key *k = s->keys; text && k->name; k++)
		if (!strcmp(k->name, text))
			return k;
	return NULL;
}

static bool read_pair(struct reader *r, const struct section *s, const yaml_node_pair_t *pair,
		      void *out, uint32_t *given)
{
	yaml_node_t *name = yaml_document_get_node(&r->doc, pair->key);
	yaml_node_t *value = yaml_document_get_node(&r->doc, pair->value);
	const struct key *k = find_key(s, name);
	uint32_t bit;

	if (!k)
		return unknown_key(r, s, name);
	bit = 1u << (k - s->keys);
	if (*given & bit)
		return read_fail_line(r, node_line(name), "key \"%s\" is given twice in %s",
				      k->name, s->what);
	*given |= bit;
	return k->read(r, k, value, (char *)out + k->offset);
}

bool read_mapping(struct reader *r, const struct section *s, yaml_node_t *node, void *out)
{
	uint32_t given = 0;
	char what[80];

	if (node->type != YAML_MAPPING_NODE) {
		snprintf(what, sizeof(what), "a mapping for %s", s->what);
		return read_expected(r, node, what);
	}
	if (s->start)
		s->start(node, out);
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++)
		if (!read_pair(r, s, p, out, &given))
			return false;
	for (const struct key *k = s->keys; k->name; k++)
		if (k->required && !(given & 1u << (k - s->keys)))
			return read_fail_line(r, node_line(node), "expected the key \"%s\" in %s",
					      k->name, s->what);
	return !s->check || s->check(r, node, out, given);
}

bool read_section(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	return read_mapping(r, k->section, node, field);
}

bool read_items(struct reader *r, yaml_node_t *node, const char *what, void *arg,
		bool (*fn)(struct reader *r, yaml_node_t *item, void *arg))
{
	unsigned n = 0;

	if (node->type != YAML_SEQUENCE_NODE)
		return read_expected(r, node, what);
	for (yaml_node_item_t *i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top; i++) {
		if (++n > LIST_MAX)
			return read_fail_line(r, node_line(node), "expected at most %u items",
					      LIST_MAX);
		if (!fn(r, yaml_document_get_node(&r->doc, *i), arg))
			return false;
	}
	return true;
}

void *list_append(void *list, size_t size)
{
	void *item;
	size_t n;

	/* The lists of scenario.h are a typed pointer and a count: same layout, other type. */
	memcpy(&item, list, sizeof(item));
	memcpy(&n, (char *)list + sizeof(item), sizeof(n));
	item = realloc(item, (n + 1) * size);
	if (!item)
		abort();
	memset((char *)item + n * size, 0, size);
	n++;
	memcpy(list, &item, sizeof(item));
	memcpy((char *)list + sizeof(item), &n, sizeof(n));
	return (char *)item + (n - 1) * size;
}

struct list_arg {
	const struct section *section;
	void *list;
};

static bool read_list_item(struct reader *r, yaml_node_t *item, void *arg)
{
	const struct list_arg *a = arg;

	return read_mapping(r, a->section, item, list_append(a->list, a->section->size));
}

bool read_list(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	struct list_arg arg = {k->section, field};
	char what[80];

	snprintf(what, sizeof(what), "a list for %s", k->name);
	return read_items(r, node, what, &arg, read_list_item);
}

/* ---- scalars ---- */

bool read_number(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	const char *text = node_text(node);
	uint64_t v;
	char what[120];

	if (!text || !cli_number(text, k->min, k->max, &v)) {
		snprintf(what, sizeof(what), "a whole number from %llu to %llu for %s",
			 (unsigned long long)k->min, (unsigned long long)k->max, k->name);
		return read_expected(r, node, what);
	}
	*(uint64_t *)field = v;
	return true;
}

/* The unit's length in ns, 0 for an unknown one. */
static uint64_t unit_ns(const char *unit)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"ns", 1},		{"us", 1000},	    {"ms", 1000000},
		     {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(unit, units[i].name))
			return units[i].ns;
	return 0;
}

bool parse_duration(const char *text, uint64_t *ns)
{
	size_t digits = strspn(text, "0123456789");
	const char *rest = text + digits;
	uint64_t v = 0, fraction = 0, scale = 1, unit;

	if (!digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (v > UINT64_MAX / 100)
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	if (*rest == '.') {
		if (!strspn(++rest, "0123456789"))
			return false;
		for (; *rest >= '0' && *rest <= '9'; rest++) {
			if (scale == 1000000000)
				return false;
			scale *= 10;
			fraction = fraction * 10 + (uint64_t)(*rest - '0');
		}
	}
	unit = unit_ns(rest);
	if (!unit || v > UINT64_MAX / 2 / unit || fraction * unit % scale)
		return false;
	*ns = v * unit + fraction * unit / scale;
	return true;
}

bool read_duration(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	const char *text = node_text(node);
	uint64_t ns;
	char what[160];

	if (!text || !parse_duration(text, &ns)) {
		snprintf(what, sizeof(what),
			 "a duration such as 50ms (units ns, us, ms, s, m, h) for %s", k->name);
		return read_expected(r, node, what);
	}
	if (ns < k->min || ns > k->max) {
		snprintf(what, sizeof(what), "a duration from %lluns to %llus for %s",
			 (unsigned long long)k->min, (unsigned long long)(k->max / 1000000000),
			 k->name);
		return read_expected(r, node, what);
	}
	*(uint64_t *)field = ns;
	return true;
}

/* The index of the node's text among the words, or -1 with an error. */
static int word_index(struct reader *r, const struct key *k, yaml_node_t *node)
{
	const char *text = node_text(node);
	char what[700] = "";
	int i;

	for (i = 0; text && k->words[i]; i++)
		if (!strcmp(text, k->words[i]))
			return i;
	for (i = 0; k->words[i]; i++)
		join(what, sizeof(what), k->words[i + 1] ? ", " : " or ", k->words[i]);
	join(what, sizeof(what), " for ", k->name);
	read_expected(r, node, what);
	return -1;
}

bool read_word(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	int i = word_index(r, k, node);

	if (i < 0)
		return false;
	*(unsigned *)field = (unsigned)i;
	return true;
}

struct words_arg {
	const struct key *key;
	unsigned bits;
};

static bool read_words_item(struct reader *r, yaml_node_t *item, void *arg)
{
	struct words_arg *a = arg;
	int i = word_index(r, a->key, item);

	if (i < 0)
		return false;
	a->bits |= 1u << i;
	return true;
}

bool read_words(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	struct words_arg arg = {k, 0};
	char what[80];

	snprintf(what, sizeof(what), "a list of words for %s", k->name);
	if (!read_items(r, node, what, &arg, read_words_item))
		return false;
	*(unsigned *)field = arg.bits;
	return true;
}

bool read_text(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	const char *text = node_text(node);
	char what[80];

	if (!text) {
		snprintf(what, sizeof(what), "text for %s", k->name);
		return read_expected(r, node, what);
	}
	*(char **)field = strdup(text);
	if (!*(char **)field)
		abort();
	return true;
}
