/* SPDX-License-Identifier: BSD-2-Clause */
/* See common.h. */
#include "common.h"

#include <string.h>

#include "bench/recording.h"

void load(struct loaded *l, const char *path)
{
	char err[512];

	if (scenario_load(path, &l->sc, err, sizeof(err)))
		fail_msg("%s", err);
	if (l->sc.machine.generate) {
		struct machine_synthetic how = machine_synthetic_mixed;

		how.bridges = (unsigned)l->sc.machine.bridges;
		assert_true(machine_synthesize(&l->m, (unsigned)l->sc.machine.generate, &how));
	} else if (machine_load(&l->m, l->sc.machine.lspci.path, l->sc.machine.dtb.path,
				l->sc.machine.iort.path, err, sizeof(err)))
		fail_msg("%s", err);
	if (recordings_load(&l->sc, err, sizeof(err)))
		fail_msg("%s", err);
}

void unload(struct loaded *l)
{
	recordings_free();
	machine_free(&l->m);
	scenario_free(&l->sc);
}

void assert_all_held(const struct result *r)
{
	if (r->inconclusive)
		fail_msg("inconclusive: %s", r->reason);
	for (int i = 0; i < INV_COUNT; i++)
		if (r->inv[i].violations)
			fail_msg("%s: %s", inv_name((enum inv)i), r->inv[i].first);
}

const struct result_device *device_named(const struct result *r, const char *bdf)
{
	for (unsigned i = 0; i < r->n_devices; i++)
		if (!strcmp(r->devices[i].name, bdf))
			return &r->devices[i];
	fail_msg("no device %s", bdf);
	return NULL;
}
