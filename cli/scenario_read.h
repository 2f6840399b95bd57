/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a YAML node into a structure by a table of keys; private to scenario*.c. */
#ifndef LAZARET_CLI_SCENARIO_READ_H
#define LAZARET_CLI_SCENARIO_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "cli/scenario.h"

struct reader {
	const char *path;
	yaml_document_t doc;
	char *err; /* the first error only */
	size_t err_size;
	bool failed;
};

struct section;
struct key {
	const char *name; /* NULL ends a table */
	bool (*read)(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
	size_t offset; /* of the field in the section's structure */
	bool required;
	uint64_t min, max;	       /* read_number, read_duration */
	const char *const *words;      /* read_word, read_words, read_moment...: NULL-terminated */
	const struct section *section; /* read_section, read_list */
};

struct section {
	const char *what; /* for messages: "machine" */
	const struct key *keys;
	size_t size; /* read_list: of one item */
	/* Before reading (defaults) and after, with a bit per key that was given. Either may
	 * be NULL. */
	void (*start)(yaml_node_t *node, void *out);
	bool (*check)(struct reader *r, yaml_node_t *node, void *out, uint32_t given);
};

/* Records `PATH:LINE: ...` and returns false. */
bool read_fail_line(struct reader *r, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same at a node, ending in `expected WHAT, found NODE`. */
bool read_expected(struct reader *r, yaml_node_t *node, const char *what);
unsigned node_line(const yaml_node_t *node);
/* The text of a scalar, NULL when it is none, empty or has a NUL inside. */
const char *node_text(const yaml_node_t *node);

bool read_mapping(struct reader *r, const struct section *s, yaml_node_t *node, void *out);
/* Calls `fn` for each item of a list of at most 1024; stops when it returns false. */
bool read_items(struct reader *r, yaml_node_t *node, const char *what, void *arg,
		bool (*fn)(struct reader *r, yaml_node_t *item, void *arg));
/* Appends a zeroed element of `size` bytes to { void *item; size_t n; } at `list`. */
void *list_append(void *list, size_t size);

/* "1.5ms" in ns; false for anything else, also without a unit. */
bool parse_duration(const char *text, uint64_t *ns);

/* Readers for `struct key`; the field's type is in brackets. */
bool read_section(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
bool read_list(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
bool read_number(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
bool read_duration(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
/* [unsigned] the index of the word. */
bool read_word(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
/* [unsigned] a list of words as bits 1 << index. */
bool read_words(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
/* [char *] */
bool read_text(struct reader *r, const struct key *k, yaml_node_t *node, void *field);

/* scenario_values.c: the same for values with a form of their own. */
bool read_device(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
bool read_devices(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
bool read_name(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
bool read_names(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
bool read_file(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
/* [struct scenario_moment] up to `max` */
bool read_moment(struct reader *r, const struct key *k, yaml_node_t *node, void *field);
bool has_device(const struct scenario_devices *list, uint32_t bdf);

/* scenario_actions.c */
extern const struct section action_section;
/* scenario_machine.c */
extern const struct section machine_section;
/* scenario_policy.c */
extern const struct section software_section, order_section;
void software_defaults(struct scenario_software *s);
/* scenario_storm.c */
extern const struct section storm_section;

/* The top of the schema (scenario.c): reads into a struct scenario. */
extern const struct section scenario_section;

#endif
