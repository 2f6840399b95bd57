/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Depth-first search that only reorders what depends on each other, with at
 * most `bound` preemptions. After a run, for each two steps of different agents
 * that depend on each other, the later one's agent is put into the backtrack
 * set of the earlier step (everybody, when it was not enabled there), and of
 * the first step of the block that this one stands in: a preemption there may
 * be cheaper. No happens-before test: some orders are tried that are alike.
 */
#include <stdlib.h>
#include <string.h>

#include "explore/explore.h"

struct node {
	uint64_t enabled, todo, done; /* by agent, or by value */
	uint16_t chosen;
	uint16_t current; /* that could go on; EX_VALUE: nobody */
	uint8_t cpu;
	bool value;
	unsigned preemptions; /* before this step */
	struct sim_op op;
};

struct ex_dpor {
	unsigned bound;
	struct node *node;
	size_t n, cap, depth;
	size_t changed; /* nodes before it are as in the run before */
	bool all;
	struct ex_strategy strategy;
};

static bool is_preemption(const struct node *x, unsigned id)
{
	return x->current != EX_VALUE && id != x->current;
}

static struct node *reach(struct ex_dpor *d, bool *fresh)
{
	*fresh = d->depth == d->n;
	if (*fresh) {
		if (d->n == d->cap) {
			d->cap = d->cap ? 2 * d->cap : 1024;
			d->node = ex_grow(d->node, d->cap * sizeof(*d->node));
		}
		memset(&d->node[d->n++], 0, sizeof(*d->node));
	}
	return &d->node[d->depth++];
}

static void choose(struct node *x, unsigned id)
{
	x->chosen = (uint16_t)id;
	x->done |= 1ull << id;
	x->todo &= ~x->done;
}

static size_t default_choice(const struct sim_enabled *e, size_t n)
{
	size_t best = 0;

	for (size_t i = 0; i < n; i++) {
		if (e[i].current && e[i].op->kind != LZ_SIM_RELAX)
			return i;
		if (e[i].kind != SIM_AGENT_CLOCK && e[i].id < e[best].id)
			best = i;
	}
	return best;
}

static void dpor_begin(void *ctx, uint64_t seed)
{
	struct ex_dpor *d = ctx;

	(void)seed;
	d->depth = 0;
}

static void add(const struct ex_dpor *d, struct node *x, unsigned id)
{
	uint64_t want = x->enabled >> id & 1 ? 1ull << id : x->enabled;

	for (unsigned i = 0; i < EX_VALUE; i++)
		if (want >> i & 1 && x->preemptions + is_preemption(x, i) <= d->bound)
			x->todo |= 1ull << i;
	x->todo &= ~x->done;
}

static size_t dpor_pick(void *ctx, const struct sim_enabled *e, size_t n)
{
	struct ex_dpor *d = ctx;
	struct node *x;
	const struct node *before;
	size_t at = default_choice(e, n);
	bool fresh;

	x = reach(d, &fresh);
	before = d->depth > 1 ? &d->node[d->depth - 2] : NULL;
	x->preemptions = before ? before->preemptions +
					  (!before->value && is_preemption(before, before->chosen))
				: 0;
	x->current = EX_VALUE;
	x->enabled = 0;
	for (size_t i = 0; i < n; i++) {
		x->enabled |= 1ull << e[i].id;
		/* Leaving a spinner costs nothing. */
		if (e[i].current && e[i].op->kind != LZ_SIM_RELAX)
			x->current = e[i].id;
	}
	if (fresh && d->all)
		for (size_t i = 0; i < n; i++)
			add(d, x, e[i].id);
	if (fresh)
		choose(x, e[at].id);
	for (size_t i = 0; i < n; i++)
		if (e[i].id == x->chosen)
			at = i;
	x->op = *e[at].op;
	x->cpu = e[at].cpu;
	return at;
}

static unsigned dpor_value(void *ctx, unsigned n)
{
	struct ex_dpor *d = ctx;
	bool fresh;
	struct node *x = reach(d, &fresh);

	if (fresh) {
		x->value = true;
		x->todo = (1ull << n) - 1;
		x->preemptions = d->depth > 1 ? d->node[d->depth - 2].preemptions : 0;
		choose(x, 0);
	}
	return x->chosen;
}

static bool dpor_maybe(void *ctx, enum ex_maybe what)
{
	(void)what;
	return dpor_value(ctx, 2) == 1;
}

static size_t start_of_block(const struct ex_dpor *d, size_t i)
{
	while (i && !d->node[i - 1].value && d->node[i - 1].chosen == d->node[i].chosen)
		i--;
	return i;
}

static void backtrack(struct ex_dpor *d)
{
	for (size_t j = d->all ? d->n : d->changed; j < d->n; j++) {
		const struct node *y = &d->node[j];

		for (size_t i = 0; i < j && !y->value; i++) {
			struct node *x = &d->node[i];

			if (x->value || x->chosen == y->chosen ||
			    !ex_dependent(&x->op, x->cpu, &y->op, y->cpu))
				continue;
			add(d, x, y->chosen);
			add(d, &d->node[start_of_block(d, i)], y->chosen);
		}
	}
}

bool ex_dpor_next(struct ex_dpor *d)
{
	d->n = d->depth < d->n ? d->depth : d->n;
	backtrack(d);
	while (d->n) {
		struct node *last = &d->node[d->n - 1];

		if (last->todo) {
			d->changed = d->n - 1;
			choose(last, (unsigned)__builtin_ctzll(last->todo));
			return true;
		}
		d->n--;
	}
	return false;
}

struct ex_dpor *ex_dpor_new(unsigned bound)
{
	struct ex_dpor *d = ex_grow(NULL, sizeof(*d));

	*d = (struct ex_dpor){.bound = bound};
	d->strategy = (struct ex_strategy){"dpor",     d,	   dpor_begin, dpor_pick,
					   dpor_value, dpor_maybe, NULL,       NULL};
	return d;
}

void ex_dpor_all(struct ex_dpor *d)
{
	d->all = true;
}

void ex_dpor_free(struct ex_dpor *d)
{
	if (d)
		free(d->node);
	free(d);
}

const struct ex_strategy *ex_strategy_dpor(struct ex_dpor *d)
{
	return &d->strategy;
}
