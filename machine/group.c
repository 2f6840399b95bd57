/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups: the smallest sets of functions that the fabric keeps apart, formed
 * by the two rules of docs/MACHINE.md from what the dump shows.
 */
#include "internal.h"

#include <stdlib.h>

static unsigned root_of(const unsigned *parent, unsigned i)
{
	while (parent[i] != i)
		i = parent[i];
	return i;
}

static void join(unsigned *parent, unsigned a, unsigned b)
{
	a = root_of(parent, a);
	b = root_of(parent, b);
	/* The lower index wins, so groups are numbered in the dump's order. */
	if (a < b)
		parent[b] = a;
	else
		parent[a] = b;
}

/* Every port from `port` up to the root keeps peers apart. */
static bool path_isolates(const struct machine *m, int port)
{
	for (; port != MACHINE_NONE; port = m->functions[port].upstream) {
		if (!m->functions[port].acs_isolates)
			return false;
	}
	return true;
}

static void join_function(const struct machine *m, unsigned *parent, unsigned i)
{
	const struct machine_function *f;
	int top = (int)i, up;
	unsigned j;

	/* Rule 1: below a port that does not isolate, up to where the path does. A
	 * bridge that substitutes requester ids never isolates, so this also makes
	 * whoever shares an alias one with the bridge. */
	for (up = m->functions[top].upstream; up != MACHINE_NONE && !path_isolates(m, up);
	     up = m->functions[up].upstream)
		top = up;
	join(parent, i, (unsigned)top);
	/* Rule 2: functions of one slot that do not isolate themselves. */
	f = &m->functions[top];
	if (!f->multifunction || f->acs_isolates)
		return;
	for (j = 0; j < m->n_functions; j++) {
		const struct machine_function *o = &m->functions[j];

		if (o->segment == f->segment && o->bus == f->bus && o->dev == f->dev && !o->is_vf &&
		    !o->acs_isolates)
			join(parent, j, (unsigned)top);
	}
}

static bool id_taken(const struct machine *m, int id)
{
	unsigned g;

	for (g = 0; g < m->n_groups; g++) {
		if (m->groups[g].id == id)
			return true;
	}
	return false;
}

/* Only the number comes from the dump's notes, never who is in the group. */
static void number_groups(struct machine *m)
{
	unsigned g, i;
	int next = 0;

	for (g = 0; g < m->n_groups; g++) {
		struct machine_group *grp = &m->groups[g];

		for (i = 0; i < grp->n_functions && grp->id < 0; i++) {
			int noted = m->functions[grp->functions[i]].noted_group;

			if (noted != MACHINE_NONE && !id_taken(m, noted))
				grp->id = noted;
		}
	}
	for (g = 0; g < m->n_groups; g++) {
		if (m->groups[g].id >= 0)
			continue;
		while (id_taken(m, next))
			next++;
		m->groups[g].id = next;
	}
}

static int by_id(const void *a, const void *b)
{
	return ((const struct machine_group *)a)->id - ((const struct machine_group *)b)->id;
}

static void sort_groups(struct machine *m)
{
	unsigned g, i;

	if (m->n_groups)
		qsort(m->groups, m->n_groups, sizeof(*m->groups), by_id);
	for (g = 0; g < m->n_groups; g++) {
		for (i = 0; i < m->groups[g].n_functions; i++)
			m->functions[m->groups[g].functions[i]].group = (int)g;
	}
}

static int add_member(struct machine *m, int *group_of_root, unsigned root, unsigned i)
{
	struct machine_group *g;
	int *slot;

	if (group_of_root[root] == MACHINE_NONE) {
		g = grow(&m->groups, &m->n_groups, sizeof(*g));
		if (!g)
			return -1;
		g->id = MACHINE_NONE;
		group_of_root[root] = (int)m->n_groups - 1;
	}
	g = &m->groups[group_of_root[root]];
	slot = grow(&g->functions, &g->n_functions, sizeof(*slot));
	if (!slot)
		return -1;
	*slot = (int)i;
	m->functions[i].group = group_of_root[root];
	return 0;
}

int groups_form(struct machine *m)
{
	unsigned *parent = calloc(m->n_functions + 1ul, sizeof(*parent)), i;
	int *group_of_root = calloc(m->n_functions + 1ul, sizeof(*group_of_root)), rc = 0;

	if (!parent || !group_of_root) {
		free(parent);
		free(group_of_root);
		return -1;
	}
	for (i = 0; i < m->n_functions; i++) {
		parent[i] = i;
		group_of_root[i] = MACHINE_NONE;
	}
	for (i = 0; i < m->n_functions; i++)
		join_function(m, parent, i);
	for (i = 0; !rc && i < m->n_functions; i++) {
		if (m->functions[i].smmu != MACHINE_NONE)
			rc = add_member(m, group_of_root, root_of(parent, i), i);
	}
	free(parent);
	free(group_of_root);
	if (!rc) {
		number_groups(m);
		sort_groups(m);
	}
	return rc;
}
