/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delay-bounded depth-first search. Without delays the running agent goes on
 * and, where it cannot, the next one by number; each delay skips one. Values
 * are tried all, at no cost. A schedule is the stack of its choices; the next
 * one differs in the last choice that has another left.
 */
#include "explore/explore.h"

#include <stdlib.h>

struct node {
	uint16_t left;	 /* further alternatives */
	uint16_t choice; /* delays taken here, or the value */
	bool free;	 /* a value: costs nothing */
};

struct ex_dfs {
	unsigned bound, used;
	struct node *node;
	size_t n, cap, depth;
	struct ex_strategy strategy;
};

static void dfs_begin(void *ctx, uint64_t seed)
{
	struct ex_dfs *d = ctx;

	(void)seed;
	d->depth = 0;
	d->used = 0;
}

static unsigned take(struct ex_dfs *d, unsigned alternatives, bool is_free)
{
	struct node *node;

	if (d->depth == d->n) {
		if (d->n == d->cap) {
			d->cap = d->cap ? 2 * d->cap : 1024;
			d->node = ex_grow(d->node, d->cap * sizeof(*d->node));
		}
		if (!is_free && alternatives - 1 > d->bound - d->used)
			alternatives = d->bound - d->used + 1;
		d->node[d->n++] = (struct node){(uint16_t)(alternatives - 1), 0, is_free};
	}
	node = &d->node[d->depth++];
	if (!is_free)
		d->used += node->choice;
	return node->choice;
}

/* The order without delays: the current one, then by number, round and round;
 * a spinner and the clock at the end. */
static uint32_t rank(const struct sim_enabled *e, unsigned current)
{
	if (e->kind == SIM_AGENT_CLOCK)
		return 3 * EX_VALUE;
	if (e->current && e->op->kind == LZ_SIM_RELAX)
		return 2 * EX_VALUE;
	return e->id >= current ? e->id : e->id + EX_VALUE;
}

static size_t in_line(const struct sim_enabled *e, size_t n, unsigned place)
{
	unsigned current = 0;
	uint32_t from = 0;
	size_t best = 0;

	for (size_t i = 0; i < n; i++)
		if (e[i].current)
			current = e[i].id;
	for (unsigned p = 0; p <= place; p++) {
		uint32_t lowest = UINT32_MAX;

		for (size_t i = 0; i < n; i++) {
			uint32_t at = rank(&e[i], current);

			if (at >= from && at < lowest) {
				lowest = at;
				best = i;
			}
		}
		from = lowest + 1;
	}
	return best;
}

static size_t dfs_pick(void *ctx, const struct sim_enabled *e, size_t n)
{
	return in_line(e, n, take(ctx, (unsigned)n, false));
}

static unsigned dfs_value(void *ctx, unsigned n)
{
	return take(ctx, n, true);
}

/* Going wrong costs a delay. */
static bool dfs_maybe(void *ctx, enum ex_maybe what)
{
	(void)what;
	return take(ctx, 2, false) == 1;
}

bool ex_dfs_next(struct ex_dfs *d)
{
	d->n = d->depth < d->n ? d->depth : d->n;
	while (d->n) {
		struct node *last = &d->node[d->n - 1];

		if (last->left) {
			last->left--;
			last->choice++;
			return true;
		}
		d->n--;
	}
	return false;
}

struct ex_dfs *ex_dfs_new(unsigned bound)
{
	struct ex_dfs *d = ex_grow(NULL, sizeof(*d));

	*d = (struct ex_dfs){.bound = bound};
	d->strategy = (struct ex_strategy){"dfs",     d,	 dfs_begin, dfs_pick,
					   dfs_value, dfs_maybe, NULL,	    NULL};
	return d;
}

void ex_dfs_free(struct ex_dfs *d)
{
	if (d)
		free(d->node);
	free(d);
}

const struct ex_strategy *ex_strategy_dfs(struct ex_dfs *d)
{
	return &d->strategy;
}
