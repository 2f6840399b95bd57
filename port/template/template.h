/* SPDX-License-Identifier: BSD-2-Clause */
/* The template port, seen by its embedder. */
#ifndef LAZARET_PORT_TEMPLATE_H
#define LAZARET_PORT_TEMPLATE_H

#include "lazaret/port.h"

/* The services table to hand to lz_init(). */
const struct lz_port *lz_template_port(void);
/* Bytes of both pools in use. */
size_t lz_template_used(void);

#endif
