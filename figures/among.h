/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on one of many: what else the SMMU has must not be in their cost. */
#ifndef LAZARET_FIGURES_AMONG_H
#define LAZARET_FIGURES_AMONG_H

#include "figures/flat.h"

#define AMONG_MAX 1024u

/* n devices and n domains more, and none of them. */
void among_populate(struct flat *f, unsigned n);
void among_depopulate(struct flat *f, unsigned n);
/* Of those whoever has been there longest leaves, and comes back. */
void among_remove_add(struct flat *f, unsigned n);
void among_destroy_create(struct flat *f, unsigned n);
/* A page of the first domain into custody, as behind a suspect, and out of it. Needs a
 * device in that domain. */
void among_hold_sweep(struct flat *f);

#endif
