/* SPDX-License-Identifier: BSD-2-Clause */
/* Which operations have an order that matters. */
#include "explore/explore.h"
#include "port/sim/lz_arch.h"

enum sort { C_NONE, C_MEMORY, C_REGISTER, C_LOCK, C_MASK, C_IRQ, C_HW, C_CLOCK, C_TIME };

static enum sort sort_of(const struct sim_op *op)
{
	switch (op->kind) {
	case LZ_SIM_LOAD:
	case LZ_SIM_STORE:
	case LZ_SIM_RMW:
		return C_MEMORY;
	case LZ_SIM_MMIO_READ:
	case LZ_SIM_MMIO_WRITE:
		return C_REGISTER;
	case LZ_SIM_LOCK:
	case LZ_SIM_UNLOCK:
		return C_LOCK;
	case LZ_SIM_IRQ_MASK:
		return C_MASK;
	case SIM_OP_IRQ:
		return C_IRQ;
	case SIM_OP_HW:
		return C_HW;
	case SIM_OP_CLOCK:
		return C_CLOCK;
	case LZ_SIM_CLOCK:
		return C_TIME;
	default:
		return C_NONE;
	}
}

/* Registers that show one thing: GERROR and GERRORN, PROD and CONS of a queue. */
static uintptr_t group(uintptr_t offset)
{
	return offset & ~(uintptr_t)7;
}

static bool overlap(const struct sim_op *a, const struct sim_op *b)
{
	return a->addr < b->addr + b->len && b->addr < a->addr + a->len;
}

static bool with_hardware(enum sort c, const struct sim_op *op)
{
	/* A unit reads memory and shows its state in registers and interrupts. */
	return c == C_HW || c == C_REGISTER || c == C_IRQ || (c == C_MEMORY && op->write);
}

bool ex_dependent(const struct sim_op *a, unsigned cpu_a, const struct sim_op *b, unsigned cpu_b)
{
	enum sort x = sort_of(a), y = sort_of(b);

	if (x == C_HW)
		return with_hardware(y, b);
	if (y == C_HW)
		return with_hardware(x, a);
	if (x == C_MEMORY && y == C_MEMORY)
		return (a->write || b->write) && overlap(a, b);
	if (x == C_REGISTER && y == C_REGISTER)
		return (a->write || b->write) && group(a->addr) == group(b->addr);
	if (x == C_LOCK && y == C_LOCK)
		return a->addr == b->addr;
	if ((x == C_MASK || x == C_IRQ) && (y == C_MASK || y == C_IRQ))
		return cpu_a == cpu_b && (x == C_IRQ || y == C_IRQ);
	return (x == C_CLOCK && y == C_TIME) || (x == C_TIME && y == C_CLOCK);
}
