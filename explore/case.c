/* SPDX-License-Identifier: BSD-2-Clause */
/* From a case to what is explored. */
#include <string.h>

#include "explore/rig.h"
#include "explore/toys.h"

void ex_case_default(struct ex_case *c)
{
	c->smmus = 1;
	c->devices = 2;
	c->streams = 1;
	c->queue = 8;
	c->clocks = 4;
	c->dma = 4;
	c->ats_timeout = LZ_MS(1);
	c->sync_bound = LZ_MS(100);
	c->atomic_wait = LZ_US(100);
	c->late_bound = LZ_SEC(1);
	c->reset_time = LZ_MS(1);
	c->settle_max = 8;
	c->reset_told = 1;
}

bool ex_case_subject(const struct ex_case *c, struct ex_subject *out)
{
	*out = (struct ex_subject){
		.name = c->body, .arg = (void *)c, .hash = c->hash, .clocks = (unsigned)c->clocks};
	for (unsigned i = 0; i < EX_MAYBES; i++)
		out->budget[i] = (unsigned)c->budget[i];
	if (exr_body_find(c->body)) {
		out->run = exr_run;
		return true;
	}
	for (const struct ex_toy *t = ex_toys; t->name; t++)
		if (!strcmp(t->name, c->body))
			out->run = t->run;
	return out->run != NULL;
}

const struct exr_hardware *exr_hardware_of(unsigned iommu)
{
	return iommu == EXR_RISCV ? &exr_riscv : &exr_smmuv3;
}

static unsigned n_bodies(void)
{
	unsigned n = 0;

	while (exr_bodies[n].name)
		n++;
	return n;
}

const char *ex_body_name(unsigned i)
{
	unsigned n = n_bodies();

	return i < n ? exr_bodies[i].name : ex_toys[i - n].name;
}

const char *ex_body_what(unsigned i)
{
	unsigned n = n_bodies();

	return i < n ? exr_bodies[i].what : ex_toys[i - n].what;
}
