/* SPDX-License-Identifier: BSD-2-Clause */
/* Small programs with a known answer: the explorer's own test subjects. */
#ifndef LZ_EXPLORE_TOYS_H
#define LZ_EXPLORE_TOYS_H

#include "explore/explore.h"

struct ex_toy {
	const char *name, *what;
	void (*run)(struct ex_run *r, void *arg);
};
extern const struct ex_toy ex_toys[];
/* What the toy's threads read in the last run: two bits each, thread 0 lowest. */
extern unsigned ex_toy_outcome;

#endif
