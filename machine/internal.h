/* SPDX-License-Identifier: BSD-2-Clause */
/* What the loaders share among themselves. */
#ifndef MACHINE_INTERNAL_H
#define MACHINE_INTERNAL_H

#include "machine.h"

/* Where a loader writes its one line. */
struct where {
	const char *file;
	char *err;
	size_t errlen;
};

/* `FILE:LINE: expected ...` for text; `FILE:0xOFFSET: ...` for tables. Both return -1. */
int fail_line(const struct where *w, unsigned long line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int fail_at(const struct where *w, size_t offset, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int fail_memory(const struct where *w);

/* Whole file with a NUL behind it; the caller frees. */
int file_read(const struct where *w, size_t max, char **data, size_t *len);

/* Room for one more element of the array whose pointer is at `array`; returns
 * it zeroed, NULL when there is no memory. */
void *grow(void *array, unsigned *n, size_t size);

int machine_note(struct machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A range of requester ids of one host bridge, and where firmware sends it. */
struct id_map {
	uint32_t segment;
	uint32_t bus_first, bus_last;
	uint32_t mask; /* of the requester id, before the range is looked at */
	uint32_t first, last;
	uint32_t output;
	bool single; /* all ids become `output` */
	bool ats;    /* the host bridge handles ATS */
	int smmu;    /* MACHINE_NONE: past every SMMU */
};

struct firmware {
	struct id_map *maps;
	unsigned n_maps;
};

int lspci_load(struct machine *m, const struct where *w);
int dtb_load(struct machine *m, struct firmware *fw, const struct where *w);
int iort_load(struct machine *m, struct firmware *fw, const struct where *w);

/* Capabilities, VFs, bridges, reset methods. */
int pci_describe(struct machine *m);
int groups_form(struct machine *m);

unsigned cfg8(const struct machine_function *f, unsigned off);
unsigned cfg16(const struct machine_function *f, unsigned off);
uint32_t cfg32(const struct machine_function *f, unsigned off);

/* Calls `fn` with every requester id under which the function's requests can
 * arrive, and with the bridge that substitutes it (MACHINE_NONE: its own). */
typedef int (*alias_fn)(void *ctx, uint16_t rid, int bridge);
int pci_for_each_alias(const struct machine *m, int function, alias_fn fn, void *ctx);

#endif
