/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of a scenario that have a form of their own: devices, names, files, moments. */
#include "cli/cli.h"
#include "cli/scenario_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool hex(const char **text, unsigned digits, char end, uint32_t *out)
{
	uint32_t v = 0;

	for (; digits; digits--, (*text)++) {
		char c = **text;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	if (**text != end)
		return false;
	if (end)
		(*text)++;
	*out = v;
	return true;
}

bool scenario_bdf_parse(const char *text, uint32_t *bdf)
{
	uint32_t segment = 0, bus, dev, fn;

	if (strlen(text) == strlen("0000:00:00.0") && !hex(&text, 4, ':', &segment))
		return false;
	if (!hex(&text, 2, ':', &bus) || !hex(&text, 2, '.', &dev) || !hex(&text, 1, '\0', &fn) ||
	    dev > 0x1f || fn > 7)
		return false;
	*bdf = segment << 16 | bus << 8 | dev << 3 | fn;
	return true;
}

char *scenario_bdf_format(uint32_t bdf, char out[16])
{
	snprintf(out, 16, "%04x:%02x:%02x.%x", (unsigned)(bdf >> 16), (unsigned)(bdf >> 8 & 0xff),
		 (unsigned)(bdf >> 3 & 0x1f), (unsigned)(bdf & 7));
	return out;
}

bool read_device(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	struct scenario_device *d = field;
	const char *text = node_text(node);

	(void)k;
	if (!text || !scenario_bdf_parse(text, &d->bdf))
		return read_expected(r, node, "a device such as 0000:0f:00.0");
	d->line = node_line(node);
	return true;
}

bool has_device(const struct scenario_devices *list, uint32_t bdf)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i].bdf == bdf)
			return true;
	return false;
}

static bool read_devices_item(struct reader *r, yaml_node_t *item, void *arg)
{
	struct scenario_devices *list = arg;
	struct scenario_device d;

	if (!read_device(r, NULL, item, &d))
		return false;
	if (has_device(list, d.bdf))
		return read_fail_line(r, d.line, "device %s is listed twice", node_text(item));
	*(struct scenario_device *)list_append(list, sizeof(d)) = d;
	return true;
}

bool read_devices(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	char what[80];

	snprintf(what, sizeof(what), "a list of devices for %s", k->name);
	return read_items(r, node, what, field, read_devices_item);
}

bool read_name(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	struct scenario_name *name = field;

	name->line = node_line(node);
	return read_text(r, k, node, &name->text);
}

static bool read_names_item(struct reader *r, yaml_node_t *item, void *arg)
{
	static const struct key name = {.name = "the name of a regime"};

	if (!node_text(item))
		return read_expected(r, item, name.name);
	return read_name(r, &name, item, list_append(arg, sizeof(struct scenario_name)));
}

bool read_names(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	(void)k;
	return read_items(r, node, "a list of regimes", field, read_names_item);
}

/* A path: relative ones count from the scenario's folder. */
bool read_file(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	struct scenario_file *f = field;
	const char *slash = strrchr(r->path, '/');
	size_t folder = slash ? (size_t)(slash - r->path) + 1 : 0;
	char *given;

	if (!read_text(r, k, node, &f->path))
		return false;
	f->line = node_line(node);
	if (f->path[0] == '/' || !folder)
		return true;
	given = f->path;
	f->path = malloc(folder + strlen(given) + 1);
	if (!f->path)
		abort();
	memcpy(f->path, r->path, folder);
	strcpy(f->path + folder, given);
	free(given);
	return true;
}

bool read_moment(struct reader *r, const struct key *k, yaml_node_t *node, void *field)
{
	struct scenario_moment *m = field;
	const char *text = node_text(node);
	size_t len = text ? strlen(text) : 0;
	uint64_t percent;
	char number[8];

	if (len > 1 && len < sizeof(number) && text[len - 1] == '%') {
		memcpy(number, text, len - 1);
		number[len - 1] = '\0';
		if (cli_number(number, 0, 100, &percent)) {
			m->is_percent = true;
			m->percent = (unsigned)percent;
			return true;
		}
	} else if (text && parse_duration(text, &m->ns) && m->ns <= k->max) {
		return true;
	}
	return read_expected(r, node, "a duration such as 2ms or a share such as 50% for at");
}
