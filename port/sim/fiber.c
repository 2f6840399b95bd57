/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks and the context switch. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "fiber.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"
#include "internal.h"
#include "lz_arch.h"

#if SIM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif

#define STACK_BYTES SIM_STACK_BYTES

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(SIM_FIBER_UCONTEXT)
#define NATIVE_SWITCH 1
#else
#define NATIVE_SWITCH 0
#include <ucontext.h>
#endif

struct sim_fiber {
	struct sim_fiber *next; /* in the pool */
	char *stack;
#if NATIVE_SWITCH
	void *sp;
#else
	ucontext_t uc;
#endif
#if SIM_ASAN
	void *fake;
#endif
};

/* Those of the arena go when it is closed. */
SIM_SNAP static struct sim_fiber *pools[2];
#define pool pools[sim_arena_is_open()]
#if SIM_ASAN
static const void *hub_bottom;
static size_t hub_size;
#endif

#if NATIVE_SWITCH
static void *hub_sp;
/* Saves the callee-saved registers on the running stack, its pointer in
 * *save, and goes on where the stack `to` was left. */
void sim_fiber_switch(void **save, void *to);
#if defined(__x86_64__)
__asm__(".text\n"
	".globl sim_fiber_switch\n"
	".type sim_fiber_switch, @function\n"
	"sim_fiber_switch:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size sim_fiber_switch, . - sim_fiber_switch\n");
#define FRAME_WORDS 8u /* six registers, entry, and a null return address */
#define FRAME_ENTRY 6u
#else
__asm__(".text\n"
	".globl sim_fiber_switch\n"
	".type sim_fiber_switch, %function\n"
	"sim_fiber_switch:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	".size sim_fiber_switch, . - sim_fiber_switch\n");
#define FRAME_WORDS 20u
#define FRAME_ENTRY 11u /* x30 */
#endif

static void arm(struct sim_fiber *f, void (*entry)(void))
{
	/* On x86-64 the entry finds its stack as after a call: 8 below a
	 * multiple of 16. */
	uintptr_t *frame = (uintptr_t *)(void *)(f->stack + STACK_BYTES) - FRAME_WORDS;

	memset(frame, 0, FRAME_WORDS * sizeof(*frame));
	frame[FRAME_ENTRY] = (uintptr_t)entry;
	f->sp = frame;
}
#else
static ucontext_t hub_uc;

static void arm(struct sim_fiber *f, void (*entry)(void))
{
	getcontext(&f->uc);
	f->uc.uc_stack.ss_sp = f->stack;
	f->uc.uc_stack.ss_size = STACK_BYTES;
	f->uc.uc_link = NULL;
	makecontext(&f->uc, entry, 0);
}
#endif

static char *map_stack(void)
{
	char *p = mmap(NULL, SIM_GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || mprotect(p, SIM_GUARD_BYTES, PROT_NONE) != 0)
		lz_port_panic("out of memory for a stack", __FILE__, __LINE__);
	return p;
}

static struct sim_fiber *make(void)
{
	struct sim_fiber *f = sim_heap_alloc(sizeof(*f));
	char *slot = sim_arena_stack();

	if (!f)
		lz_port_panic("out of memory for a stack", __FILE__, __LINE__);
	f->stack = (slot ? slot : map_stack()) + SIM_GUARD_BYTES;
#if SIM_ASAN
	__lsan_register_root_region(f->stack, STACK_BYTES);
#endif
	return f;
}

struct sim_fiber *sim_fiber_get(void (*entry)(void))
{
	struct sim_fiber *f = pool;

	if (f)
		pool = f->next;
	else
		f = make();
#if SIM_ASAN
	__asan_unpoison_memory_region(f->stack, STACK_BYTES);
	f->fake = NULL;
#endif
	arm(f, entry);
	return f;
}

void sim_fiber_forget(void)
{
	if (sim_arena_is_open())
		pool = NULL;
}

void sim_fiber_put(struct sim_fiber *f)
{
	f->next = pool;
	pool = f;
}

void sim_fiber_run(struct sim_fiber *f)
{
#if SIM_ASAN
	void *fake;

	__sanitizer_start_switch_fiber(&fake, f->stack, STACK_BYTES);
#endif
#if NATIVE_SWITCH
	sim_fiber_switch(&hub_sp, f->sp);
#else
	swapcontext(&hub_uc, &f->uc);
#endif
#if SIM_ASAN
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

void sim_fiber_pass(struct sim_fiber *from, struct sim_fiber *to)
{
#if NATIVE_SWITCH
	sim_fiber_switch(&from->sp, to->sp);
#else
	swapcontext(&from->uc, &to->uc);
#endif
}

void sim_fiber_left(void)
{
#if SIM_ASAN
	__sanitizer_start_switch_fiber(NULL, hub_bottom, hub_size);
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
}

void sim_fiber_begin(struct sim_fiber *self)
{
#if SIM_ASAN
	__sanitizer_finish_switch_fiber(self->fake, &hub_bottom, &hub_size);
#else
	(void)self;
#endif
}

void sim_fiber_yield(struct sim_fiber *self)
{
#if SIM_ASAN
	__sanitizer_start_switch_fiber(&self->fake, hub_bottom, hub_size);
#endif
#if NATIVE_SWITCH
	sim_fiber_switch(&self->sp, hub_sp);
#else
	swapcontext(&self->uc, &hub_uc);
#endif
#if SIM_ASAN
	__sanitizer_finish_switch_fiber(self->fake, &hub_bottom, &hub_size);
#endif
}
