/* SPDX-License-Identifier: BSD-2-Clause */
/* A port and functions below it, each the model's, each a device of the fake core. */
#ifndef TEST_PCI_TREE_H
#define TEST_PCI_TREE_H

#include "functions.h"
#include "lazaret-model/endpoint.h"
#include "tests/unit/pci/core.h"

#define TREE_MAX 6u

struct node {
	struct fake f; /* first: fake_of() and node_of() agree */
	struct lzm_ep *ep;
	struct lz_pci_access pci;
	struct tree *tree;
	unsigned writes, bar_reads, bar_writes;
	unsigned resets;	      /* that the model went through */
	unsigned firmware, probes;    /* calls */
	enum lz_status firmware_says; /* of firmware and slot */
	bool firmware_works;
	unsigned lose_writes_at; /* offset; 0: none */
};

struct tree {
	uint64_t now, slept;
	struct node port, fn[TREE_MAX];
	unsigned n;
	uint8_t config[4096]; /* of the next node; changed by the test before it is added */
	size_t len;
};

extern struct tree tree;

/* With the captured root port. */
void tree_start(void);
/* The same with the port as it stands in tree.config. */
void tree_start_port(void);
void tree_stop(void);
/* Puts a captured function's config space into tree.config. */
void tree_load(const char *name);
/* Little endian, into tree.config. */
void tree_put(unsigned off, unsigned width, uint32_t v);
/* An extended capability into tree.config, at the end of its list. */
void tree_put_ext(unsigned at, uint16_t id);
/* Adds tree.config. `vendor` and `device` for a VF. */
struct node *tree_add(const char *name, struct node *pf, uint16_t vendor, uint16_t device);
struct node *node_of(struct fake *f);
uint32_t node_read(struct node *n, unsigned off, unsigned width);
void node_fault(struct node *n, enum lzm_ep_fault f);

#endif
