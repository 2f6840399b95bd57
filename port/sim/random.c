/* SPDX-License-Identifier: BSD-2-Clause */
/* The seed's choices: who runs, and after how many operations somebody else does. */
#include "internal.h"

#define GEOMETRIC_BITS 16u

SIM_SNAP static uint64_t rng;
SIM_SNAP static double stay[GEOMETRIC_BITS]; /* probability of 2^k operations without a switch */

uint64_t sim_draw(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dull;
}

uint64_t sim_draw_countdown(void)
{
	double u, p = 1.0;
	uint64_t n = 0;
	unsigned k;

	if (sim.cfg.switch_one_in == 0)
		return SIM_NO_SWITCH_STRIDE;
	u = (double)(sim_draw() >> 11) / 9007199254740992.0;
	for (k = GEOMETRIC_BITS; k-- > 0;) {
		if (p * stay[k] > u) {
			p *= stay[k];
			n += (uint64_t)1 << k;
		}
	}
	return n + 1;
}

void sim_seed(uint64_t v)
{
	unsigned k;

	v += 0x9e3779b97f4a7c15ull;
	v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9ull;
	v = (v ^ (v >> 27)) * 0x94d049bb133111ebull;
	rng = (v ^ (v >> 31)) | 1u;
	stay[0] = sim.cfg.switch_one_in ? 1.0 - 1.0 / sim.cfg.switch_one_in : 1.0;
	for (k = 1; k < GEOMETRIC_BITS; k++)
		stay[k] = stay[k - 1] * stay[k - 1];
}
