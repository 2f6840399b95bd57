/* SPDX-License-Identifier: BSD-2-Clause */
/* Helpers of the loader tests; see common.h. */
#include "common.h"

#include <libfdt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data;
	long n;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	data = malloc((size_t)n + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)n, f), n);
	fclose(f);
	data[n] = '\0';
	*len = (size_t)n;
	return data;
}

static char path[64];

const char *temp_file(const void *data, size_t len)
{
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/lazaret-test-%ld", (long)getpid());
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	return path;
}

const char *temp_text(const char *text)
{
	return temp_file(text, strlen(text));
}

void temp_remove(void)
{
	if (*path)
		unlink(path);
}

void load(struct machine *m, const char *lspci, const char *dtb, const char *iort)
{
	char err[512] = "";

	if (machine_load(m, lspci, dtb, iort, err, sizeof(err)))
		fail_msg("%s", err);
}

void check_error_line(const char *err)
{
	const char *p = strchr(err, ':');

	assert_non_null(p);
	assert_true(p[1] >= '0' && p[1] <= '9');
	assert_non_null(strstr(p + 1, ": expected "));
	assert_null(strchr(err, '\n'));
}

void load_fails(const char *lspci, const char *dtb, const char *iort, const char *what)
{
	struct machine m, empty;
	char err[512] = "";

	memset(&empty, 0, sizeof(empty));
	if (!machine_load(&m, lspci, dtb, iort, err, sizeof(err)))
		fail_msg("loaded, instead of: %s", what);
	check_error_line(err);
	if (!strstr(err, what))
		fail_msg("\"%s\" does not contain \"%s\"", err, what);
	assert_memory_equal(&m, &empty, sizeof(m));
}

const struct machine_function *function(const struct machine *m, const char *bdf)
{
	int i = machine_find(m, bdf);

	if (i == MACHINE_NONE)
		fail_msg("no function %s", bdf);
	return &m->functions[i];
}

int group_id(const struct machine *m, const char *bdf)
{
	const struct machine_function *f = function(m, bdf);

	return f->group == MACHINE_NONE ? -1 : m->groups[f->group].id;
}

char tree[TREE_ROOM];

void tree_open(const char *name)
{
	size_t len;
	char *t = slurp(name, &len);

	assert_int_equal(fdt_open_into(t, tree, TREE_ROOM), 0);
	free(t);
}

const char *tree_fixture(const char *name)
{
	static char full[512];
	const char *root = getenv("BUILD_ROOT");

	snprintf(full, sizeof(full), "%s/tests/unit/machine/%s.dtb", root ? root : ".", name);
	return full;
}

int tree_node(const char *name)
{
	int node = fdt_path_offset(tree, name);

	assert_true(node > 0);
	return node;
}

void set_cells(int node, const char *name, unsigned n, ...)
{
	fdt32_t cells[16];
	va_list ap;

	va_start(ap, n);
	for (unsigned i = 0; i < n; i++)
		cells[i] = cpu_to_fdt32(va_arg(ap, unsigned));
	va_end(ap);
	assert_int_equal(fdt_setprop(tree, node, name, cells, (int)n * 4), 0);
}

const char *tree_file(void)
{
	fdt_pack(tree);
	return temp_file(tree, fdt_totalsize(tree));
}

void dump_begin(struct dump *d)
{
	d->len = 0;
	d->text[0] = '\0';
}

static void put(struct dump *d, const char *bdf, const uint8_t *cfg, unsigned len)
{
	unsigned i, j;

	d->len += (size_t)sprintf(d->text + d->len, "%s test\n", bdf);
	for (i = 0; i < len; i += 16) {
		d->len += (size_t)sprintf(d->text + d->len, "%02x:", i);
		for (j = 0; j < 16; j++)
			d->len += (size_t)sprintf(d->text + d->len, " %02x", cfg[i + j]);
		d->text[d->len++] = '\n';
	}
	d->text[d->len++] = '\n';
	d->text[d->len] = '\0';
}

static void header(uint8_t *cfg, const char *bdf, unsigned secondary)
{
	cfg[0] = 0x34;
	cfg[1] = 0x12;
	if (!secondary)
		return;
	cfg[0x0e] = 1;
	cfg[0x18] = (uint8_t)strtoul(strlen(bdf) > 7 ? bdf + 5 : bdf, NULL, 16);
	cfg[0x19] = cfg[0x1a] = (uint8_t)secondary;
}

void dump_express(struct dump *d, const char *bdf, unsigned type, unsigned secondary, int acs,
		  bool multi)
{
	uint8_t cfg[4096] = {0};

	header(cfg, bdf, secondary);
	if (multi)
		cfg[0x0e] |= 0x80;
	cfg[6] = 0x10;
	cfg[0x34] = 0x40;
	cfg[0x40] = 0x10;
	cfg[0x42] = (uint8_t)(type << 4 | 2);
	if (acs != ACS_NONE) {
		cfg[0x100] = 0x0d;
		cfg[0x102] = 1;
		cfg[0x104] = 0x1d;
		cfg[0x106] = acs == ACS_ON ? 0x1d : 0;
	}
	put(d, bdf, cfg, sizeof(cfg));
}

void dump_conventional(struct dump *d, const char *bdf, unsigned secondary)
{
	uint8_t cfg[256] = {0};

	header(cfg, bdf, secondary);
	put(d, bdf, cfg, sizeof(cfg));
}

const char *dump_file(const struct dump *d)
{
	return temp_file(d->text, d->len);
}
