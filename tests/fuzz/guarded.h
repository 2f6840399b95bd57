/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA memory that notices who writes beside it, and gives up what is in use. */
#ifndef FUZZ_GUARDED_H
#define FUZZ_GUARDED_H

#include "hostile.h"
#include "lazaret/port.h"

/* Services of a port: one allocation each, with a guard before and behind. */
void *memory_alloc(void *ctx, size_t size, size_t align, lz_phys *phys);
void memory_free(void *ctx, void *va, size_t size);
void *memory_virt(void *ctx, lz_phys phys);
void memory_fail(bool fail);
/* How many there are; the guards of all of them are looked at. */
size_t memory_live(void);
/* Forgets all of them, for the next input. */
void memory_reset(void);
/* Frees of what hardware may use are checked against this one's state. */
void memory_watch(const struct hostile *h);

#endif
