/* SPDX-License-Identifier: BSD-2-Clause */
/* Temporary files, dumps made of a few bytes, and machines for the tests. */
#ifndef TEST_MACHINE_COMMON_H
#define TEST_MACHINE_COMMON_H

#include "machine/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SERVER_LSPCI "data/qemu-virt-acpi-server.lspci"
#define SERVER_IORT  "data/qemu-virt-acpi-server.iort"
#define SMALL_LSPCI  "data/qemu-virt-pci.lspci"
#define SMALL_DTB    "data/qemu-virt-smmuv3.dtb"

/* Whole file with a NUL behind it, to be freed. */
char *slurp(const char *path, size_t *len);
/* A file of this test with these bytes; the name is valid until the next call. */
const char *temp_file(const void *data, size_t len);
const char *temp_text(const char *text);
void temp_remove(void);

void load(struct machine *m, const char *lspci, const char *dtb, const char *iort);
/* Loading must fail with `FILE:POSITION: expected ...` that contains `what`, and
 * leave nothing behind. */
void load_fails(const char *lspci, const char *dtb, const char *iort, const char *what);
/* Fails the test unless the line has the form of an input error. */
void check_error_line(const char *err);

const struct machine_function *function(const struct machine *m, const char *bdf);
/* The id of a function's group, -1 without. */
int group_id(const struct machine *m, const char *bdf);

/* A device tree that a test changes. */
#define TREE_ROOM 65536
extern char tree[TREE_ROOM];
void tree_open(const char *path);
/* One that the build makes from fixtures/. */
const char *tree_fixture(const char *name);
int tree_node(const char *path);
void set_cells(int node, const char *name, unsigned n, ...);
const char *tree_file(void);

/* A dump put together by hand. */
struct dump {
	char text[400000];
	size_t len;
};

enum { ACS_NONE, ACS_OFF, ACS_ON };

void dump_begin(struct dump *d);
/* A PCI Express function with 4096 bytes; `secondary` 0: no bridge. */
void dump_express(struct dump *d, const char *bdf, unsigned type, unsigned secondary, int acs,
		  bool multi);
/* A conventional function or bridge with 256 bytes. */
void dump_conventional(struct dump *d, const char *bdf, unsigned secondary);
const char *dump_file(const struct dump *d);

#endif
