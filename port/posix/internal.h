/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the POSIX port. */
#ifndef LAZARET_PORT_POSIX_INTERNAL_H
#define LAZARET_PORT_POSIX_INTERNAL_H

#include <pthread.h>
#include <stdlib.h>

#include "lz_arch.h"
#include "posix.h"

#define POSIX_CHECK(call) ((call) == 0 ? (void)0 : lz_port_panic(#call, __FILE__, __LINE__))

lz_ns posix_now(void);
/* A condition variable whose timed waits follow posix_now(). */
void posix_cond_init(pthread_cond_t *c);
/* Until signalled or `t`; LZ_NEVER: no limit. */
void posix_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, lz_ns t);

void posix_dma_start(size_t bytes, lz_phys base);
void posix_dma_stop(void);
void *posix_dma_alloc(void *ctx, size_t size, size_t align, lz_phys *phys);
void posix_dma_free(void *ctx, void *va, size_t size);
void *posix_dma_virt(void *ctx, lz_phys phys);
size_t posix_dma_live(void);

void posix_hw_start(void);
void posix_hw_stop(void);
void posix_irq_stop(void);

#endif
