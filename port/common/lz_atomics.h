/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomics of the arch header by the compiler's builtins, for every port whose
 * CPUs need nothing special. An arch header includes this.
 */
#ifndef LZ_PORT_ATOMICS_H
#define LZ_PORT_ATOMICS_H

#include <stdbool.h>
#include <stdint.h>

#define LZ_ATOMIC_WORD(bits)                                                             \
	static inline uint##bits##_t lz_load##bits(const uint##bits##_t *p)              \
	{                                                                                \
		return __atomic_load_n(p, __ATOMIC_RELAXED);                             \
	}                                                                                \
	static inline uint##bits##_t lz_load##bits##_acquire(const uint##bits##_t *p)    \
	{                                                                                \
		return __atomic_load_n(p, __ATOMIC_ACQUIRE);                             \
	}                                                                                \
	static inline void lz_store##bits(uint##bits##_t *p, uint##bits##_t v)           \
	{                                                                                \
		__atomic_store_n(p, v, __ATOMIC_RELAXED);                                \
	}                                                                                \
	static inline void lz_store##bits##_release(uint##bits##_t *p, uint##bits##_t v) \
	{                                                                                \
		__atomic_store_n(p, v, __ATOMIC_RELEASE);                                \
	}
LZ_ATOMIC_WORD(8)
LZ_ATOMIC_WORD(32)
LZ_ATOMIC_WORD(64)
#undef LZ_ATOMIC_WORD

#define LZ_ATOMIC_RMW(bits)                                                                       \
	static inline bool lz_cas##bits(uint##bits##_t *p, uint##bits##_t *expected,              \
					uint##bits##_t desired)                                   \
	{                                                                                         \
		return __atomic_compare_exchange_n(p, expected, desired, false, __ATOMIC_ACQ_REL, \
						   __ATOMIC_ACQUIRE);                             \
	}                                                                                         \
	static inline uint##bits##_t lz_fetch_add##bits(uint##bits##_t *p, uint##bits##_t v)      \
	{                                                                                         \
		return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);                                \
	}                                                                                         \
	static inline uint##bits##_t lz_fetch_or##bits(uint##bits##_t *p, uint##bits##_t v)       \
	{                                                                                         \
		return __atomic_fetch_or(p, v, __ATOMIC_ACQ_REL);                                 \
	}                                                                                         \
	static inline uint##bits##_t lz_fetch_and##bits(uint##bits##_t *p, uint##bits##_t v)      \
	{                                                                                         \
		return __atomic_fetch_and(p, v, __ATOMIC_ACQ_REL);                                \
	}
LZ_ATOMIC_RMW(32)
LZ_ATOMIC_RMW(64)
#undef LZ_ATOMIC_RMW

static inline void *lz_load_ptr(void *const *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void lz_store_ptr(void **p, void *v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

#endif
