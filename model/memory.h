/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the models keep their own state (lzm_set_memory()). */
#ifndef LZM_MEMORY_H
#define LZM_MEMORY_H

#include <stddef.h>

/* Zeroed; NULL when there is none. */
void *lzm_alloc(size_t n, size_t size);
void lzm_free(void *p);
/* A longer copy of `p` (`old` bytes), which is given back. Does not fail. */
void *lzm_longer(void *p, size_t old, size_t bytes);

#endif
