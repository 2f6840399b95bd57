/* SPDX-License-Identifier: BSD-2-Clause */
/* System registers by the exception level of the image. */
#ifndef BM_SYS_H
#define BM_SYS_H

#include "baremetal.h"
#include "stack.h"

#define BM_STR_(x) #x
#define BM_STR(x)  BM_STR_(x)
/* A register that exists at each level: BM_AT(vbar) is vbar_el1 or vbar_el2. */
#define BM_AT(name) #name "_el" BM_STR(BM_EL)

#define bm_read(reg)                                                   \
	({                                                             \
		uint64_t v_;                                           \
		__asm__ volatile("mrs %0, " reg : "=r"(v_)::"memory"); \
		v_;                                                    \
	})
#define bm_write(reg, v) __asm__ volatile("msr " reg ", %0" ::"r"((uint64_t)(v)) : "memory")

static inline void bm_isb(void)
{
	__asm__ volatile("isb" ::: "memory");
}
static inline void bm_dsb(void)
{
	__asm__ volatile("dsb sy" ::: "memory");
}

static inline uint32_t bm_get32(uintptr_t at)
{
	return *(const volatile uint32_t *)at;
}
static inline void bm_put32(uintptr_t at, uint32_t v)
{
	*(volatile uint32_t *)at = v;
}
static inline uint64_t bm_get64(uintptr_t at)
{
	return *(const volatile uint64_t *)at;
}
static inline void bm_put64(uintptr_t at, uint64_t v)
{
	*(volatile uint64_t *)at = v;
}

/* What start.S needs to know of a CPU that it starts. */
struct bm_boot {
	uint64_t stack; /* behind its end */
	uint64_t cpu;
};

/* start.S */
extern char bm_image_start[], bm_image_end[], bm_secondary_start[];
/* exceptions.S */
extern char bm_vectors[];

/* Bytes of the smallest line of the data caches. */
static inline uintptr_t bm_cache_line(void)
{
	return 4ul << (bm_read("ctr_el0") >> 16 & 15);
}

/* mmu.c: tables for all of memory; then on each CPU. */
void bm_mmu_init(void);
void bm_mmu_on(void);
/* timer.c, on each CPU. */
void bm_timer_init_cpu(void);
/* power.c: has the image ended? Atomic. */
extern uint32_t bm_ended;
/* cpu.c */
_Noreturn void bm_start(const void *dtb);
_Noreturn void bm_start_secondary(unsigned cpu);
/* gic.c: interrupts every other CPU, for nothing but that. Any context. */
void bm_cpu_wake(void);
/* services.c: is there something for bm_work(), now or later? */
bool bm_work_expected(void);

#endif
